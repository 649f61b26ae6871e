//! Presence of several processes, over connections that are lost, and with processes that die.

use std::collections::BTreeMap;

use super::*;
use crate::presence::tests::both::{
    FOREVER, Site, Sites, Watcher, everybody_is, for_both, ms, nothing_is_held, shown, with_grace,
};
use crate::redis::Address;
use crate::redis::testing::{Cluster, Server, Told, is_there, until, with_server};
use crate::topics::Backplane;

/// A process.
struct Process {
    presence: RedisPresence,
    processes: Arc<Processes>,
}

impl Process {
    async fn of(address: Address, (link, _): (Link, Told), limits: &Limits) -> Self {
        let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
        let quiet = Box::new(|_| ());
        let opened = Backplane::open(address, &link, "loom:", limits, &spawn, quiet);
        let between: Arc<dyn Topics> = Arc::new(opened.unwrap().between);
        let processes = Processes::open(link.clone(), between.clone(), "loom:").unwrap();
        let others = processes.clone();
        let presence = RedisPresence::open(link, between, others, "loom:", limits, spawn);
        let mut here = processes.here();
        here.wait_for(|here| here.is_here()).await.unwrap();
        Self {
            presence,
            processes,
        }
    }

    async fn start(server: &Server, limits: &Limits) -> Self {
        let address = Address::of(&server.url()).unwrap();
        Self::of(address, server.link(), limits).await
    }

    /// The process is killed, as far as others can see.
    fn kill(self) {
        self.processes.stop();
    }

    /// The process ends in order.
    async fn close(self) {
        self.presence.written().await;
        self.processes.close().await;
    }
}

impl std::ops::Deref for Process {
    type Target = RedisPresence;

    fn deref(&self) -> &RedisPresence {
        &self.presence
    }
}

impl Presence for Process {
    fn enter(&self, topic: &str) -> Result<Entry, PresenceError> {
        self.presence.enter(topic)
    }

    fn watch(&self, topic: &str, sink: Arc<dyn Sink>, number: u32) -> Answer<Watch> {
        self.presence.watch(topic, sink, number)
    }

    fn read(&self, watch: &Watch, from: Option<Position>) -> Answer<News> {
        self.presence.read(watch, from)
    }

    fn everybody(&self, topic: &str) -> Answer<String> {
        self.presence.everybody(topic)
    }

    fn close(&self) {
        self.presence.close();
    }

    fn written(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.presence.written()
    }
}

impl Site for Process {
    fn held(&self) -> Held {
        self.presence.held()
    }
}

macro_rules! in_redis {
    ($($name:ident: $limits:expr;)*) => {
        mod in_redis {
            use super::*;
            use crate::presence::tests::both::{self, *};
            with_server! {$(
                async fn $name(server) {
                    let limits = $limits;
                    let one = Process::start(&server, &limits).await;
                    let other = Process::start(&server, &limits).await;
                    both::$name(Sites { one: Arc::new(one), other: Arc::new(other) }).await;
                }
            )*}
        }
    };
}

for_both!(in_redis);

/// The keys of presence that are there.
fn keys(server: &Server) -> Vec<String> {
    let keys: Vec<String> = server.ask(&["KEYS", "loom:presence:*"]).unwrap_or_default();
    keys
}

with_server! {
    async fn nothing_is_left_in_redis_of_whoever_has_gone(server) {
        let limits = with_grace(100);
        let one = Process::start(&server, &limits).await;
        let entries: Vec<_> = (0..600).map(|number| shown(&one, "a", &number.to_string(), "1")).collect();
        one.written().await;
        let process = format!("loom:presence:{{a}}:{}", one.processes.name());
        until("all to be written", || server.ask::<usize>(&["HLEN", &process]).unwrap() == 601).await;
        // Should the process vanish, Redis forgets by itself.
        assert!(keys(&server).iter().all(|key| server.ask::<i64>(&["PTTL", key]).unwrap() > 0));
        drop(entries);
        until("nothing to be left", || keys(&server).is_empty()).await;
        nothing_is_held(&one).await;
    }

    async fn who_is_in_a_process_that_is_killed_has_left_soon(server) {
        let limits = Limits::default();
        let [one, other, third] = [
            Process::start(&server, &limits).await,
            Process::start(&server, &limits).await,
            Process::start(&server, &limits).await,
        ];
        let _stays = shown(&one, "a", "ann", "1");
        let (dies, also) = (shown(&other, "a", "ben", "2"), shown(&other, "a", "ann", "3"));
        let mut watcher = Watcher::of(&one, "a").await;
        watcher.shows("ann=[1,3] ben=[2]").await;
        other.written().await;
        std::mem::forget((dies, also));
        other.kill();
        watcher.shows("ann=[1]").await;
        // Nobody watches in this process: a question is answered by a look.
        everybody_is(&third, "a", r#"{"present":[{"key":"ann","metas":[1]}],"count":1}"#).await;
        assert_eq!(watcher.told.last().map(String::as_str), Some("-ben"));
        // What the process had is taken away when nothing of it can count any more.
        until("it to be taken away", || keys(&server).len() == 2).await;
    }

    async fn nobody_has_left_because_a_process_closes_in_order(server) {
        let limits = with_grace(1_000);
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let ann = shown(&one, "a", "ann", "1");
        one.written().await;
        let mut watcher = Watcher::of(&other, "a").await;
        watcher.shows("ann=[1]").await;
        Presence::close(&*one);
        drop(ann);
        one.close().await;
        // Longer than the grace: its pages come back one after the other.
        let third = Process::start(&server, &limits).await;
        tokio::time::sleep(ms(4_000)).await;
        let mut late = Watcher::of(&third, "a").await;
        late.shows("ann=[1]").await;
        let _again = shown(&third, "a", "ann", "1");
        let _ben = shown(&third, "a", "ben", "2");
        for watcher in [&mut watcher, &mut late] {
            watcher.shows("ann=[1] ben=[2]").await;
            assert_eq!(watcher.told, ["all:1", "+ben"]);
        }
    }

    async fn what_redis_loses_is_put_back_and_nobody_notices(server) {
        let limits = with_grace(500);
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let (ann, ben) = (shown(&one, "a", "ann", "1"), shown(&other, "a", "ben", "2"));
        let mut watchers = [Watcher::of(&one, "a").await, Watcher::of(&other, "a").await];
        for watcher in &mut watchers {
            watcher.shows("ann=[1] ben=[2]").await;
        }
        let before: Vec<_> = watchers.iter().map(|watcher| watcher.told.clone()).collect();
        server.restart();
        until("all to be put back", || keys(&server).len() == 3).await;
        let _cleo = shown(&one, "a", "cleo", "3");
        for (watcher, mut told) in watchers.iter_mut().zip(before) {
            watcher.shows("ann=[1] ben=[2] cleo=[3]").await;
            told.push("+cleo".to_owned());
            assert_eq!(watcher.told, told);
        }
        drop((ann, ben));
        for watcher in &mut watchers {
            watcher.shows("cleo=[3]").await;
        }
    }

    async fn a_process_whose_lease_had_run_out_puts_its_entries_back(server) {
        let limits = with_grace(FOREVER);
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let _ann = shown(&one, "a", "ann", "1");
        one.written().await;
        let mut watcher = Watcher::of(&other, "a").await;
        watcher.shows("ann=[1]").await;
        // Other processes have taken this one for dead, and removed its entries.
        let name = one.processes.name();
        for key in [format!("loom:presence:{{a}}:{name}"), "loom:presence:{a}".to_owned(), format!("loom:process:{{{name}}}")] {
            let _: u64 = server.ask(&["DEL", &key]).unwrap();
        }
        until("it to be put back", || keys(&server).len() == 2).await;
        let third = Process::start(&server, &limits).await;
        everybody_is(&third, "a", r#"{"present":[{"key":"ann","metas":[1]}],"count":1}"#).await;
        let _ben = shown(&one, "a", "ben", "1");
        watcher.shows("ann=[1] ben=[1]").await;
        assert_eq!(watcher.told, ["all:1", "+ben"]);
    }

    async fn while_redis_is_away_all_goes_on_here_and_then_elsewhere(server) {
        let limits = with_grace(300);
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let ann = shown(&one, "a", "ann", "1");
        let mut watchers = [Watcher::of(&one, "a").await, Watcher::of(&other, "a").await];
        for watcher in &mut watchers {
            watcher.shows("ann=[1]").await;
        }
        server.kill();
        let _ben = shown(&one, "a", "ben", "2");
        let _dora = shown(&one, "unknown", "dora", "4");
        let [here, there] = &mut watchers;
        here.shows("ann=[1] ben=[2]").await;
        assert_eq!(there.shown(), "ann=[1]");
        let refused = one.everybody("unknown").await;
        assert!(matches!(&refused, Err(PresenceError::Failed(why)) if why.contains("Redis")), "{refused:?}");
        assert!(other.everybody("a").await.unwrap().contains("ann"), "it is known");
        drop(ann);
        // A new watcher waits.
        let mut late = Watcher::of(&other, "unknown").await;
        late.read().await;
        assert!(late.told.is_empty());
        server.restart();
        late.shows("dora=[4]").await;
        there.shows("ben=[2]").await;
        here.shows("ben=[2]").await;
    }

    async fn the_limit_of_a_topic_counts_the_entries_of_all_processes(server) {
        let limits = Limits { presence_entries_per_topic: 3, ..with_grace(0) };
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let mut entries = vec![shown(&one, "a", "1", "1"), shown(&one, "a", "2", "1")];
        one.written().await;
        // A process knows how many other entries there are when it has written, or if it watches.
        let _third = shown(&other, "a", "3", "1");
        other.written().await;
        assert_eq!(other.enter("a").map(drop), Err(PresenceError::TopicFull(3)));
        let mut watcher = Watcher::of(&one, "a").await;
        watcher.shows("1=[1] 2=[1] 3=[1]").await;
        assert_eq!(one.enter("a").map(drop), Err(PresenceError::TopicFull(3)));
        entries.pop();
        // A component that was refused asks again how many entries there are.
        until("there to be room", || other.enter("a").is_ok()).await;
    }

    async fn a_change_is_one_small_message_however_many_are_there(server) {
        let limits = with_grace(FOREVER);
        let [one, other] = [Process::start(&server, &limits).await, Process::start(&server, &limits).await];
        let _all: Vec<_> = (0..400).map(|number| shown(&one, "a", &number.to_string(), "\"a meta\"")).collect();
        let mut watcher = Watcher::of(&other, "a").await;
        one.written().await;
        until("all to be known", || {
            let told = other.inner.rooms.everybody("a");
            told.is_some_and(|told| told.ends_with("\"count\":400}"))
        }).await;
        watcher.read().await;
        let messages = |last: &str| {
            let key = "loom:between:messages:{presence a}";
            let all: redis::Value = server.ask(&["XREVRANGE", key, "+", "-", "COUNT", "1"]).unwrap();
            let text = format!("{all:?}");
            (server.ask::<usize>(&["XLEN", key]).unwrap(), text.contains(last), text.len())
        };
        let (before, ..) = messages("");
        let _ben = shown(&one, "a", "ben", "7");
        let mut after = (0, false, 0);
        until("it to be told", || { after = messages("ben"); after.1 }).await;
        assert_eq!(after.0, before + 1);
        assert!(after.2 < 1_000, "{} bytes", after.2);
    }

    /// Entries come, change and go in three processes, of whose topics Redis keeps hardly a message, while connections are
    /// cut: in the end all know the same.
    async fn whatever_is_missed_all_know_the_same_in_the_end(server) {
        const KEYS: [&str; 5] = ["ann", "ben", "cleo", "dev", "emi"];
        let limits = Limits { topic_messages: 2, ..with_grace(100) };
        let mut processes = Vec::new();
        for _ in 0..3 {
            processes.push(Process::start(&server, &limits).await);
        }
        let mut watchers = Vec::new();
        for process in &processes {
            watchers.push(Watcher::of(process, "a").await);
        }
        let mut entries: Vec<Vec<Entry>> = processes.iter().map(|process| {
            (0..4).map(|_| process.enter("a").unwrap()).collect()
        }).collect();
        let mut model: BTreeMap<(usize, usize), (&str, String)> = BTreeMap::new();
        let mut random = 7_u32;
        let mut next = |most: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) as usize % most
        };
        for step in 0..1_500 {
            let at = (next(3), next(4));
            match next(8) {
                0 => {
                    entries[at.0][at.1] = processes[at.0].enter("a").unwrap();
                    model.remove(&at);
                }
                1 | 2 => {
                    entries[at.0][at.1].hide();
                    model.remove(&at);
                }
                _ => {
                    let (key, meta) = (KEYS[next(5)], next(3).to_string());
                    entries[at.0][at.1].show(&key.into(), &meta.as_str().into());
                    model.insert(at, (key, meta));
                }
            }
            if step % 150 == 0 {
                let kind = ["pubsub", "normal"][step / 150 % 2];
                let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", kind]).unwrap();
            }
            if step % 400 == 399 {
                let _: String = server.ask(&["FLUSHALL"]).unwrap();
            }
            if next(4) == 0 {
                for watcher in &mut watchers {
                    watcher.read().await;
                }
                tokio::time::sleep(ms(next(12) as u64)).await;
            }
        }
        // The metas of a person come in the order in which they came to each process: they are compared sorted.
        let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, meta) in model.values() {
            people.entry((*key).to_owned()).or_default().push(meta.clone());
        }
        people.values_mut().for_each(|metas| metas.sort());
        let sorted = |shown: &BTreeMap<String, String>| -> BTreeMap<String, Vec<String>> {
            let metas = |metas: &String| {
                let metas: Vec<serde_json::Value> = serde_json::from_str(metas).unwrap();
                let mut metas: Vec<_> = metas.iter().map(ToString::to_string).collect();
                metas.sort();
                metas
            };
            shown.iter().map(|(key, value)| (key.clone(), metas(value))).collect()
        };
        for watcher in &mut watchers {
            for _ in 0..3_000 {
                watcher.read().await;
                if sorted(&watcher.people) == people {
                    break;
                }
                tokio::time::sleep(ms(10)).await;
            }
            assert_eq!(sorted(&watcher.people), people);
        }
        drop(watchers);
        let fourth = Process::start(&server, &limits).await;
        let mut late = Watcher::of(&fourth, "a").await;
        for _ in 0..3_000 {
            late.read().await;
            if sorted(&late.people) == people {
                break;
            }
            tokio::time::sleep(ms(10)).await;
        }
        assert_eq!(sorted(&late.people), people);
        drop((entries, late));
        for process in &processes {
            nothing_is_held(process).await;
        }
        until("nothing to be left", || keys(&server).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_too() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start().await;
    let limits = with_grace(200);
    let urls: Vec<_> = cluster.nodes.iter().map(Server::url).collect();
    let address = || Address::of_cluster(&urls).unwrap();
    let one = Process::of(address(), cluster.link(), &limits).await;
    let other = Process::of(address(), cluster.link(), &limits).await;
    let mut watchers = Vec::new();
    for topic in ["a", "b", "c", "d", "e", "f"] {
        watchers.push((topic, Watcher::of(&other, topic).await));
    }
    for (topic, watcher) in &mut watchers {
        watcher.shows("").await;
        let entry = shown(&one, topic, "ann", "1");
        watcher.shows("ann=[1]").await;
        drop(entry);
        watcher.shows("").await;
    }
}
