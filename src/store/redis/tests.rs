//! States that are saved and answered, also if answers are lost, or another process interferes.

use std::time::Duration;

use super::*;
use crate::redis::testing::{Cluster, STATES, Server, link, until, with_server};
use crate::redis::{Needs, OpenError, Tell};

const BOUNDS: Bounds = Bounds {
    keep: Duration::from_secs(86_400),
    stored: 1000,
    stored_per_holder: 1000,
};
const USER: Holder = [7; 16];

fn store_with(server: &Server, bounds: Bounds) -> RedisStore {
    RedisStore::new(server.link().0, "loom:", bounds).unwrap()
}

fn store(server: &Server) -> RedisStore {
    store_with(server, BOUNDS)
}

fn at(life: u64, revision: u64) -> Stored {
    Stored {
        life: Life(life),
        revision: Revision(revision),
        sealed: format!("sealed {life} {revision}"),
    }
}

fn named(name: &str) -> Arc<str> {
    name.into()
}

fn keys(server: &Server, pattern: &str) -> usize {
    let keys: Vec<String> = server.ask(&["KEYS", pattern]).unwrap();
    keys.len()
}

with_server! {
    async fn the_newest_state_is_kept_across_processes_and_none_older_replaces_it(server) {
        let (first, second) = (store(&server), store(&server));
        let a = named("a");
        assert_eq!(first.claim(&a, Life(3)).await, Ok(None));
        for revision in 1..=3 {
            first.save(&a, USER, at(1, revision)).await.unwrap();
        }
        // Another process goes on with it.
        let claimed = second.claim(&a, Life(1)).await.unwrap().unwrap();
        assert_eq!(claimed, Stored { life: Life(2), ..at(1, 3) });
        assert_eq!(first.save(&a, USER, at(1, 4)).await, Err(StoreError::Stale));
        second.save(&a, USER, at(2, 4)).await.unwrap();
        assert_eq!(first.save(&a, USER, at(2, 5)).await, Err(StoreError::Stale));
        let claimed = first.claim(&a, Life(40)).await.unwrap().unwrap();
        assert_eq!(claimed, Stored { life: Life(41), ..at(2, 4) });
        assert_eq!(second.save(&a, USER, at(2, 5)).await, Err(StoreError::Stale));
    }

    /// Both begin a component that has no state so far: only one of them goes on.
    async fn of_two_processes_that_begin_one_life_one_goes_on(server) {
        let (first, second) = (store(&server), store(&server));
        let a = named("a");
        first.save(&a, USER, at(1, 1)).await.unwrap();
        assert_eq!(second.save(&a, USER, at(1, 1)).await, Err(StoreError::Stale));
        assert_eq!(second.save(&a, USER, at(1, 2)).await, Err(StoreError::Stale));
        first.save(&a, USER, at(1, 2)).await.unwrap();
    }

    /// The answer to a save is lost, its event fails, and the next event makes another state of that revision.
    async fn a_state_whose_save_nobody_knows_of_is_replaced_by_the_next(server) {
        let store = store(&server);
        let a = named("a");
        store.save(&a, USER, at(1, 1)).await.unwrap();
        let other = Stored { sealed: "other".to_owned(), ..at(1, 1) };
        store.save(&a, USER, other.clone()).await.unwrap();
        // The lost one comes late, with its own number.
        let script = &store.0.scripts.save;
        let mut late = script.prepare_invoke();
        late.key(store.0.state("a")).key(store.0.viewers("a"))
            .arg(1).arg(1).arg("late").arg(&*store.0.process).arg(1).arg(1000).arg(60);
        assert_eq!(store.0.link.ask::<i64>(&late).await, Ok(STALE));
        let claimed = store.claim(&a, Life(1)).await.unwrap().unwrap();
        assert_eq!(claimed.sealed, "other");
    }

    /// The connection has broken after the script had run, so that it is sent again.
    async fn a_save_whose_answer_is_lost_is_made_again(server) {
        let store = store(&server);
        let a = named("a");
        let viewers = [(named("x"), Some(EventNumber(1)))];
        let save = store.0.to_save(&a, at(1, 1), &store.0.process, Some(&viewers));
        for _ in 0..3 {
            assert_ne!(store.0.link.ask::<i64>(&store.0.invocation(&save)).await, Ok(STALE));
        }
        store.save(&a, USER, at(1, 2)).await.unwrap();
        assert_eq!(store.0.link.ask::<i64>(&store.0.invocation(&save)).await, Ok(STALE));
    }

    async fn lives_are_exact_up_to_52_bits(server) {
        let store = store(&server);
        let life = (1 << 52) - 10;
        store.save(&named("a"), USER, at(life, 1)).await.unwrap();
        let claimed = store.claim(&named("a"), Life(life + 4)).await.unwrap().unwrap();
        assert_eq!(claimed.life, Life(life + 5));
        store.save(&named("a"), USER, at(life + 5, 2)).await.unwrap();
        assert_eq!(store.save(&named("a"), USER, at(life + 4, 3)).await, Err(StoreError::Stale));
    }

    async fn the_numbers_of_viewers_are_kept_with_the_state(server) {
        let store = store(&server);
        let a = named("a");
        let number = |viewer: &str, number| (named(viewer), Some(EventNumber(number)));
        store.save_shared(&a, USER, at(1, 1), vec![number("x", 3), number("y", 1)]).await.unwrap();
        store.save_shared(&a, USER, at(1, 2), vec![number("x", 2), (named("y"), None)]).await.unwrap();
        assert_eq!(store.viewers(&a).await, Ok(vec![(named("x"), EventNumber(3))]));
        // A save that is refused numbers nobody.
        let stale = store.save_shared(&a, USER, at(0, 9), vec![number("z", 1)]).await;
        assert_eq!(stale, Err(StoreError::Stale));
        assert_eq!(store.viewers(&a).await.unwrap().len(), 1);
        assert_eq!(store.viewers(&named("b")).await, Ok(vec![]));
    }

    async fn states_expire_later_than_checkpoints(server) {
        let store = store(&server);
        let viewers = vec![(named("x"), Some(EventNumber(1)))];
        store.save_shared(&named("a"), USER, at(1, 1), viewers).await.unwrap();
        let all: Vec<String> = server.ask(&["KEYS", "*"]).unwrap();
        assert_eq!(all.len(), 6, "{all:?}");
        for key in all {
            let left: u64 = server.ask(&["TTL", &key]).unwrap();
            assert!(left > 86_400 && left <= 86_400 + 120, "{key}: {left}");
        }
    }

    async fn a_holder_loses_the_oldest_state_beyond_its_bound(server) {
        let store = store_with(&server, Bounds { stored_per_holder: 3, ..BOUNDS });
        for number in 0..5 {
            store.save(&named(&format!("a{number}")), USER, at(1, 1)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        store.save(&named("b"), [8; 16], at(1, 1)).await.unwrap();
        for (name, is_there) in [("a0", false), ("a1", false), ("a2", true), ("a4", true), ("b", true)] {
            let claimed = store.claim(&named(name), Life(1)).await.unwrap();
            assert_eq!(claimed.is_some(), is_there, "{name}");
        }
        assert_eq!(store.stored(), 4);
        assert_eq!(keys(&server, "loom:state:*"), 4);
    }

    async fn if_all_have_too_many_the_holder_with_most_loses_one(server) {
        let store = store_with(&server, Bounds { stored: 4, ..BOUNDS });
        for number in 0..3 {
            store.save(&named(&format!("a{number}")), USER, at(1, 1)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for holder in 0..3 {
            store.save(&named(&format!("b{holder}")), [holder; 16], at(1, 1)).await.unwrap();
        }
        assert_eq!(store.stored(), 4);
        let mut left: Vec<String> = server.ask(&["KEYS", "loom:state:*"]).unwrap();
        left.sort();
        let expected = ["a2", "b0", "b1", "b2"].map(|name| format!("loom:state:{{{name}}}"));
        assert_eq!(left, expected);
    }

    async fn what_is_damaged_is_said_and_harms_no_other(server) {
        let store = store(&server);
        store.save(&named("b"), USER, at(1, 1)).await.unwrap();
        let _: String = server.ask(&["SET", "loom:state:{a}", "1"]).unwrap();
        let _: u64 = server.ask(&["HSET", "loom:state:{c}", "life", "x"]).unwrap();
        for name in ["a", "c"] {
            let claimed = store.claim(&named(name), Life(1)).await;
            assert!(matches!(claimed, Err(StoreError::Damaged(_))), "{claimed:?}");
        }
        let saved = store.save(&named("a"), USER, at(1, 1)).await;
        assert!(matches!(saved, Err(StoreError::Damaged(_))), "{saved:?}");
        assert!(store.claim(&named("b"), Life(1)).await.unwrap().is_some());
    }

    async fn a_full_server_fails_the_save_and_keeps_the_state(server) {
        let store = store(&server);
        let a = named("a");
        store.save(&a, USER, at(1, 1)).await.unwrap();
        let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
        let saved = store.save(&a, USER, at(1, 2)).await;
        assert!(matches!(&saved, Err(StoreError::Failed(why)) if why.contains("OOM")), "{saved:?}");
        let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
        store.save(&a, USER, at(1, 2)).await.unwrap();
        assert_eq!(store.claim(&a, Life(1)).await.unwrap().unwrap().revision, Revision(2));
    }

    async fn a_server_that_was_away_and_kept_its_states_goes_on(server) {
        let mut server = { server.kill(); Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) };
        let store = store(&server);
        let a = named("a");
        store.save(&a, USER, at(1, 1)).await.unwrap();
        server.kill();
        let (late, again) = (store.clone(), a.clone());
        let saving = tokio::spawn(async move { late.save(&again, USER, at(1, 2)).await });
        server.restart();
        assert_eq!(saving.await.unwrap(), Ok(()));
        assert_eq!(store.claim(&a, Life(1)).await.unwrap().unwrap().revision, Revision(2));
    }

    async fn a_store_that_is_closed_says_so(server) {
        let store = store(&server);
        store.close().await.unwrap();
        let saved = store.save(&named("a"), USER, at(1, 1)).await;
        assert!(matches!(saved, Err(StoreError::Failed(why)) if why.contains("closed")));
    }
}

fn stored_in(link: crate::redis::Link) -> RedisStore {
    RedisStore::new(link, "loom:", BOUNDS).unwrap()
}

/// Saves until it is kept: until then it has failed, and nobody has been told that it is kept.
async fn saved_at_last(store: &RedisStore, name: &str, life: u64, revision: u64) {
    for _ in 0..10 {
        match store.save(&named(name), USER, at(life, revision)).await {
            Ok(()) => return,
            Err(StoreError::Failed(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it is not kept");
}

/// A replica of a server, and a sentinel that knows both.
async fn watch(master: &Server) -> (Server, Server) {
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    until("the replica", || {
        let info: String = replica.ask(&["INFO", "replication"]).unwrap();
        info.contains("master_link_status:up")
    })
    .await;
    let sentinel = Server::sentinel(master);
    until("the sentinel to know the replica", || {
        let info: String = sentinel.ask(&["INFO", "sentinel"]).unwrap();
        info.contains("slaves=1")
    })
    .await;
    (replica, sentinel)
}

/// Of the first sentinel nobody is there.
fn by(sentinel: &Server) -> String {
    format!(
        "redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main",
        sentinel.port
    )
}

fn is_master(server: &Server) -> bool {
    let info: String = server.ask(&["INFO", "replication"]).unwrap_or_default();
    info.contains("role:master")
}

with_server! {
    async fn the_store_goes_on_with_the_server_that_a_failover_has_made_the_first(single) {
        single.kill();
        let mut master = Server::start(&[]);
        let (replica, sentinel) = watch(&master).await;
        let (link, told) = link(&by(&sentinel), STATES).unwrap();
        let store = stored_in(link);
        store.save(&named("a"), USER, at(1, 1)).await.unwrap();
        until("the replica to have it", || {
            replica.ask::<u64>(&["EXISTS", "loom:state:{a}"]).unwrap() == 1
        }).await;
        master.kill();
        saved_at_last(&store, "a", 1, 2).await;
        assert!(is_master(&replica));
        assert_eq!(store.claim(&named("a"), Life(1)).await.unwrap().unwrap().revision, Revision(2));
        // The first one comes back, and nothing is written there any more.
        master.restart();
        saved_at_last(&store, "a", 2, 3).await;
        let revision: u64 = replica.ask(&["HGET", "loom:state:{a}", "revision"]).unwrap();
        assert_eq!(revision, 3);
        let told = told.all();
        assert!(matches!(told.first(), Some(Tell::Lost(_))), "{told:?}");
        assert!(matches!(told.last(), Some(Tell::Back(_))), "{told:?}");
    }

    /// The server before does not know of it: here it cannot even be told.
    async fn after_a_failover_by_hand_states_are_saved_where_the_sentinels_say(single) {
        single.kill();
        let master = Server::start(&["--rename-command", "SLAVEOF", "", "--rename-command", "REPLICAOF", ""]);
        let (replica, sentinel) = watch(&master).await;
        let store = stored_in(link(&by(&sentinel), STATES).unwrap().0);
        store.save(&named("a"), USER, at(1, 1)).await.unwrap();
        // The sentinel has to know the replica well before it would take it.
        until("the sentinel to do it", || {
            sentinel.ask::<String>(&["SENTINEL", "FAILOVER", "main"]).is_ok()
        }).await;
        until("the failover", || is_master(&replica)).await;
        let mut revision = 1;
        while replica.ask::<u64>(&["HGET", "loom:state:{a}", "revision"]).unwrap_or(0) != revision {
            revision += 1;
            assert!(revision < 300, "they are saved elsewhere");
            saved_at_last(&store, "a", 1, revision).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(is_master(&master));
        let claimed = store.claim(&named("a"), Life(1)).await.unwrap().unwrap();
        assert_eq!(claimed, Stored { life: Life(2), ..at(1, revision) });
    }

    async fn states_are_saved_while_their_slot_moves(single) {
        single.kill();
        let cluster = Cluster::start().await;
        let store = stored_in(cluster.link().0);
        let key = "loom:state:{a}";
        let from = cluster.place(key);
        let to = (from + 1) % 3;
        let a = named("a");
        store.save(&a, USER, at(1, 1)).await.unwrap();
        cluster.begins_to_move(key, from, to);
        // However long that takes.
        store.save(&a, USER, at(1, 2)).await.unwrap();
        cluster.moves(&[key], from, to);
        store.save(&a, USER, at(1, 3)).await.unwrap();
        let claimed = store.claim(&a, Life(1)).await.unwrap().unwrap();
        assert_eq!(claimed, Stored { life: Life(2), ..at(1, 3) });
        cluster.has_moved(key, from, to);
        store.save(&a, USER, at(2, 4)).await.unwrap();
        let revision: u64 = cluster.nodes[to].ask(&["HGET", key, "revision"]).unwrap();
        assert_eq!(revision, 4);
        assert_eq!(store.save(&a, USER, at(1, 9)).await, Err(StoreError::Stale));
    }

    /// State and viewers are two keys, which the cluster writes together only if both are in one place.
    async fn a_shared_state_is_saved_as_soon_as_its_slot_has_moved(single) {
        single.kill();
        let cluster = Cluster::start().await;
        let store = stored_in(cluster.link().0);
        let key = "loom:state:{a}";
        let from = cluster.place(key);
        let to = (from + 1) % 3;
        let a = named("a");
        let viewers = |number| vec![(named("x"), Some(EventNumber(number)))];
        store.save_shared(&a, USER, at(1, 1), viewers(1)).await.unwrap();
        cluster.begins_to_move(key, from, to);
        store.save_shared(&a, USER, at(1, 2), viewers(2)).await.unwrap();
        cluster.moves(&[key], from, to);
        let (later, again) = (store.clone(), a.clone());
        let saving = tokio::spawn(async move {
            later.save_shared(&again, USER, at(1, 3), vec![(named("x"), Some(EventNumber(3)))]).await
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!saving.is_finished());
        cluster.has_moved(key, from, to);
        assert_eq!(saving.await.unwrap(), Ok(()));
        assert_eq!(store.viewers(&a).await, Ok(vec![(named("x"), EventNumber(3))]));
    }

    /// With `cluster-require-full-coverage no`.
    async fn a_node_that_is_away_fails_its_own_states_only(single) {
        single.kill();
        let mut cluster = Cluster::start().await;
        let (link, told) = cluster.link();
        let store = stored_in(link);
        let names: Vec<_> = (0..3).map(|node| {
            let mut names = (0..).map(|number: u32| format!("n{number}"));
            names.find(|name| cluster.place(&format!("loom:state:{{{name}}}")) == node).unwrap()
        }).collect();
        for name in &names {
            store.save(&named(name), USER, at(1, 1)).await.unwrap();
        }
        let lists = cluster.place("loom:{all}:most");
        let away = (lists + 1) % 3;
        let here = (lists + 2) % 3;
        cluster.nodes[away].kill();
        let failed = store.save(&named(&names[away]), USER, at(1, 2)).await;
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
        for (place, name) in names.iter().enumerate().filter(|(place, _)| *place != away) {
            let saved = store.save(&named(name), USER, at(1, 2)).await;
            assert_eq!(saved, Ok(()), "{place}");
        }
        cluster.nodes[away].restart();
        saved_at_last(&store, &names[away], 1, 2).await;
        store.save(&named(&names[here]), USER, at(1, 3)).await.unwrap();
        drop(told);
    }
}

/// A store whose saves are confirmed.
fn confirmed(server: &Server, durability: Durability, needs: Needs) -> RedisStore {
    let by = link(&server.url(), needs).unwrap().0;
    let link = link(&server.url(), needs).unwrap().0;
    RedisStore::confirmed(link, Some((by, durability)), "loom:", BOUNDS).unwrap()
}

const REPLICAS: Needs = Needs {
    replicas: true,
    ..STATES
};

with_server! {
    async fn with_replicas_a_state_is_answered_when_a_replica_has_it(master) {
        let store = confirmed(&master, Durability::Replicas, REPLICAS);
        let a = named("a");
        // The server has no replica so far. The state is there and not confirmed, and the next one replaces
        // it.
        let alone = store.save(&a, USER, at(1, 1)).await;
        assert!(matches!(&alone, Err(StoreError::Failed(why)) if why.contains("no replica")), "{alone:?}");
        let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
        until("the replica", || {
            let info: String = replica.ask(&["INFO", "replication"]).unwrap();
            info.contains("master_link_status:up")
        }).await;
        for revision in 1..=20 {
            store.save(&a, USER, at(1, revision)).await.unwrap();
            let there: u64 = replica.ask(&["HGET", "loom:state:{a}", "revision"]).unwrap();
            assert_eq!(there, revision);
        }
        assert_eq!(store.save(&a, USER, at(0, 9)).await, Err(StoreError::Stale));
        // The replica stands still.
        replica.signal("-STOP");
        let late = store.save(&a, USER, at(1, 21)).await;
        replica.signal("-CONT");
        assert!(matches!(&late, Err(StoreError::Failed(why)) if why.contains("no replica")), "{late:?}");
        let other = Stored { sealed: "other".to_owned(), ..at(1, 21) };
        store.save(&a, USER, other).await.unwrap();
        assert_eq!(store.claim(&a, Life(1)).await.unwrap().unwrap().sealed, "other");
    }

    async fn many_saves_share_one_confirmation_and_each_has_its_own_answer(master) {
        let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
        let store = confirmed(&master, Durability::Replicas, REPLICAS);
        until("the replica", || {
            let info: String = replica.ask(&["INFO", "replication"]).unwrap();
            info.contains("master_link_status:up")
        }).await;
        store.save(&named("n7"), USER, at(5, 1)).await.unwrap();
        let _: u64 = master.ask(&["LPUSH", "loom:state:{n9}", "1"]).unwrap();
        let saving: Vec<_> = (0..500).map(|number| {
            let (store, name) = (store.clone(), named(&format!("n{number}")));
            tokio::spawn(async move { store.save(&name, USER, at(1, 1)).await })
        }).collect();
        for (number, save) in saving.into_iter().enumerate() {
            let saved = save.await.unwrap();
            match number {
                7 => assert_eq!(saved, Err(StoreError::Stale)),
                9 => assert!(matches!(saved, Err(StoreError::Damaged(_))), "{saved:?}"),
                _ => assert_eq!(saved, Ok(()), "{number}"),
            }
        }
        let stats: String = master.ask(&["INFO", "commandstats"]).unwrap();
        let waits = stats.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls="));
        let waits: u64 = waits.unwrap().split(',').next().unwrap().parse().unwrap();
        assert!(waits < 100, "{waits}");
    }

    async fn confirmed_saves_go_on_after_a_lost_connection(master) {
        let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
        let store = confirmed(&master, Durability::Replicas, REPLICAS);
        until("the replica", || {
            let info: String = replica.ask(&["INFO", "replication"]).unwrap();
            info.contains("master_link_status:up")
        }).await;
        for revision in 1..=20 {
            store.save(&named("a"), USER, at(1, revision)).await.unwrap();
            let _: u64 = master.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
            // The server forgets its scripts.
            let _: String = master.ask(&["SCRIPT", "FLUSH"]).unwrap();
        }
    }

    async fn with_fsync_a_server_that_writes_before_it_answers_is_enough(server) {
        server.kill();
        let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let store = confirmed(&server, Durability::Fsync, Needs { fsync: true, ..STATES });
        for revision in 1..=20 {
            store.save(&named("a"), USER, at(1, revision)).await.unwrap();
        }
        server.kill();
        server.restart();
        assert_eq!(store.claim(&named("a"), Life(1)).await.unwrap().unwrap().revision, Revision(20));
    }

    /// Before 7.2 Redis has no `WAITAOF`. From 7.2 on the disk has the state when it is answered.
    async fn with_fsync_what_the_disk_has_not_confirmed_fails(server) {
        server.kill();
        let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
        // As if it had been asked for its version in vain.
        let store = confirmed(&server, Durability::Fsync, STATES);
        let saved = store.save(&named("a"), USER, at(1, 1)).await;
        let info: String = server.ask(&["INFO", "server"]).unwrap();
        if !crate::redis::Facts::of(&info).waits_for_the_disk() {
            assert!(matches!(&saved, Err(StoreError::Failed(why)) if why.contains("disk")), "{saved:?}");
            return;
        }
        assert_eq!(saved, Ok(()));
        server.kill();
        server.restart();
        assert!(store.claim(&named("a"), Life(1)).await.unwrap().is_some());
    }

    async fn a_cluster_has_no_replicas_to_wait_for(single) {
        single.kill();
        let cluster = Cluster::start().await;
        let OpenError::Unusable { why, .. } = cluster.link_with(REPLICAS).map(drop).unwrap_err();
        assert!(why.contains("cluster"), "{why}");
        let needs = Needs { fsync: true, ..STATES };
        let OpenError::Unusable { why, .. } = cluster.link_with(needs).map(drop).unwrap_err();
        assert!(why.contains("appendfsync always"), "{why}");
        for node in &cluster.nodes[..2] {
            let _: String = node.ask(&["CONFIG", "SET", "appendfsync", "always"]).unwrap();
            let _: String = node.ask(&["CONFIG", "SET", "appendonly", "yes"]).unwrap();
        }
        // One of them does not yet.
        assert!(cluster.link_with(needs).is_err());
        let _: String = cluster.nodes[2].ask(&["CONFIG", "SET", "appendfsync", "always"]).unwrap();
        let _: String = cluster.nodes[2].ask(&["CONFIG", "SET", "appendonly", "yes"]).unwrap();
        assert!(cluster.link_with(needs).is_ok());
    }
}
