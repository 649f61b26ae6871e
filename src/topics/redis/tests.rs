//! Each message once and in order, or a gap: over connections that are lost, and between processes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::redis::testing::{Server, until, with_server};

/// A subscriber that is woken.
#[derive(Default)]
struct Bell {
    rung: Notify,
    count: AtomicUsize,
}

impl Sink for Bell {
    fn wake(&self, _subscription: u32) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.rung.notify_one();
    }
}

const ALL: Most = Most {
    messages: 1000,
    bytes: 1 << 20,
};

/// The topics of one process.
fn process_with(server: &Server, limits: &Limits) -> RedisTopics {
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let address = Address::of(&server.url()).unwrap();
    let (link, quiet) = (server.link().0, Box::new(|_| ()));
    let opened = Backplane::open(address, &link, "loom:", limits, &spawn, quiet);
    opened.unwrap().topics
}

fn process(server: &Server) -> RedisTopics {
    process_with(server, &Limits::default())
}

struct Reader {
    bell: Arc<Bell>,
    subscribed: Subscribed,
    position: Position,
    /// Data of the messages, and `gap`.
    read: Vec<String>,
}

impl Reader {
    async fn of(topics: &RedisTopics, topic: &str) -> Self {
        let bell = Arc::<Bell>::default();
        let subscribed = topics.subscribe(topic, bell.clone(), 1).await.unwrap();
        let position = subscribed.now;
        Self {
            bell,
            subscribed,
            position,
            read: Vec::new(),
        }
    }

    /// Reads all that there is.
    async fn read(&mut self, topics: &RedisTopics) {
        loop {
            let from = self.position;
            let batch = topics.read(&self.subscribed.subscription, from, ALL);
            let batch = batch.await.unwrap();
            if batch.gap {
                self.read.push("gap".to_owned());
            }
            let data = batch
                .messages
                .iter()
                .map(|message| message.data.to_string());
            self.read.extend(data);
            self.position = batch.position;
            if !batch.more && !batch.gap {
                break;
            }
        }
    }

    /// Reads whenever it is woken, until the last one is this.
    async fn reads_until(&mut self, topics: &RedisTopics, last: &str) {
        let reads = async {
            loop {
                self.read(topics).await;
                if self.read.last().is_some_and(|read| read == last) {
                    return;
                }
                self.bell.rung.notified().await;
            }
        };
        let read = timeout(Duration::from_secs(30), reads).await;
        assert!(read.is_ok(), "{last} did not come");
    }
}

async fn publish(topics: &RedisTopics, topic: &str, data: &str) -> Result<Published, TopicError> {
    topics.publish(topic, None, data.into()).await
}

with_server! {
    async fn a_subscriber_reads_what_any_process_publishes_after_its_position(server) {
        let (first, second) = (process(&server), process(&server));
        publish(&first, "a", "1").await.unwrap();
        let mut reader = Reader::of(&second, "a").await;
        assert_eq!((reader.subscribed.oldest.number, reader.position.number), (0, 1));
        publish(&first, "a", "2").await.unwrap();
        publish(&second, "a", "3").await.unwrap();
        publish(&first, "b", "9").await.unwrap();
        publish(&first, "a", "[4]").await.unwrap();
        reader.reads_until(&second, "[4]").await;
        assert_eq!(reader.read, ["2", "3", "[4]"]);
        // A subscriber that wants the history gets it.
        let oldest = reader.subscribed.oldest;
        let batch = second.read(&reader.subscribed.subscription, oldest, ALL).await.unwrap();
        assert_eq!((batch.gap, batch.messages.len()), (false, 4));
        // The same message has the same id and position everywhere.
        let mut other = Reader::of(&first, "a").await;
        other.position = oldest;
        let batch = first.read(&other.subscribed.subscription, oldest, ALL).await.unwrap();
        assert_eq!(batch.messages[3].position, reader.position);
        assert_eq!(&*batch.messages[3].id, reader.position.to_string());
    }

    async fn who_has_published_subscribes_after_its_own_message(server) {
        let topics = process(&server);
        let _kept = Reader::of(&topics, "a").await;
        for number in 1..=50 {
            publish(&topics, "a", "1").await.unwrap();
            let subscribed = topics.subscribe("a", Arc::<Bell>::default(), 1).await.unwrap();
            assert_eq!(subscribed.now.number, number);
        }
    }

    async fn an_id_is_published_once_by_whatever_process(server) {
        let (first, second) = (process(&server), process(&server));
        let once = first.publish("a", Some("x"), "1".into()).await.unwrap();
        let again = second.publish("a", Some("x"), "2".into()).await.unwrap();
        assert_eq!((once.is_duplicate, again.is_duplicate), (false, true));
        assert_eq!(once.position, again.position);
        assert!(!second.publish("b", Some("x"), "2".into()).await.unwrap().is_duplicate);
        let mut reader = Reader::of(&second, "a").await;
        reader.position = reader.subscribed.oldest;
        reader.read(&second).await;
        assert_eq!(reader.read, ["1"]);
    }

    async fn what_one_thread_publishes_keeps_its_order(server) {
        let limits = Limits { topic_messages: 10_000, topic_bytes: 16 << 20, ..Limits::default() };
        let (first, second) = (process_with(&server, &limits), process_with(&server, &limits));
        let mut reader = Reader::of(&second, "a").await;
        let all: Vec<_> = (0..5000).map(|number| first.publish("a", None, number.to_string().into())).collect();
        for published in all {
            published.await.unwrap();
        }
        reader.reads_until(&second, "4999").await;
        let expected: Vec<_> = (0..5000).map(|number: u32| number.to_string()).collect();
        assert!(reader.read == expected, "{:?}", reader.read.iter().take(10));
    }

    /// Whatever connection is cut, and whenever, every message comes once, and in order.
    async fn each_message_comes_once_whatever_connection_is_cut(server) {
        let limits = Limits { topic_messages: 100_000, topic_bytes: 1 << 30, ..Limits::default() };
        let (first, second) = (process_with(&server, &limits), process_with(&server, &limits));
        let mut reader = Reader::of(&second, "a").await;
        let url = server.url();
        let cuts = std::thread::spawn(move || {
            let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
            for round in 0..40 {
                let kind = if round % 2 == 0 { "normal" } else { "pubsub" };
                let mut kill = redis::cmd("CLIENT");
                kill.arg(&["KILL", "TYPE", kind, "SKIPME", "yes"]);
                let _: u64 = kill.query(&mut connection).unwrap();
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        let mut sent = 0;
        while !cuts.is_finished() {
            let some: Vec<_> = (0..20).map(|more| first.publish("a", None, (sent + more).to_string().into())).collect();
            for published in some {
                published.await.unwrap();
            }
            sent += 20;
        }
        cuts.join().unwrap();
        reader.reads_until(&second, &(sent - 1).to_string()).await;
        let expected: Vec<_> = (0..sent).map(|number| number.to_string()).collect();
        assert!(reader.read == expected, "{sent}: {:?}", reader.read.iter().take(10));
    }

    /// Fewer are kept than are sent together: a message that is sent again must still be among them.
    async fn a_short_history_takes_each_message_once_too(server) {
        let limits = Limits { topic_messages: 2, ..Limits::default() };
        let topics = process_with(&server, &limits);
        let cuts = tokio::spawn({
            let url = server.url();
            async move {
                for _ in 0..20 {
                    let url = url.clone();
                    let killed = tokio::task::spawn_blocking(move || {
                        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
                        let mut kill = redis::cmd("CLIENT");
                        kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
                        kill.query::<u64>(&mut connection)
                    });
                    killed.await.unwrap().unwrap();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let mut sent = 0;
        while !cuts.is_finished() {
            let some: Vec<_> = (0..40).map(|_| topics.publish("a", None, "1".into())).collect();
            for published in some {
                published.await.unwrap();
            }
            sent += 40;
        }
        let last: u64 = server.ask(&["HGET", "loom:topic:{a}", "last"]).unwrap();
        assert_eq!(last, sent);
    }

    async fn what_the_history_does_not_reach_is_a_gap(server) {
        let limits = Limits { topic_messages: 4, ..Limits::default() };
        let topics = process_with(&server, &limits);
        let mut reader = Reader::of(&topics, "a").await;
        for number in 1..=6 {
            publish(&topics, "a", &number.to_string()).await.unwrap();
        }
        reader.read(&topics).await;
        assert_eq!(reader.read, ["gap"]);
        // A process that comes later finds what there is.
        let later = process_with(&server, &limits);
        let mut other = Reader::of(&later, "a").await;
        other.position = other.subscribed.oldest;
        other.read(&later).await;
        assert_eq!(other.read, ["3", "4", "5", "6"]);
    }

    async fn a_history_is_bounded_by_bytes_and_by_time(server) {
        let limits = Limits { topic_bytes: 3000, topic_time: Duration::from_millis(200), ..Limits::default() };
        let topics = process_with(&server, &limits);
        for _ in 0..10 {
            publish(&topics, "a", &format!("\"{}\"", "x".repeat(1000))).await.unwrap();
        }
        let kept: u64 = server.ask(&["XLEN", "loom:messages:{a}"]).unwrap();
        assert_eq!(kept, 2);
        publish(&topics, "a", &format!("\"{}\"", "x".repeat(9000))).await.unwrap();
        let kept: u64 = server.ask(&["XLEN", "loom:messages:{a}"]).unwrap();
        assert_eq!(kept, 1);
        until("it to expire", || server.ask::<u64>(&["EXISTS", "loom:messages:{a}"]).unwrap() == 0).await;
        // Its number goes on.
        assert_eq!(publish(&topics, "a", "1").await.unwrap().position.number, 12);
        let bytes: usize = server.ask(&["HGET", "loom:topic:{a}", "bytes"]).unwrap();
        assert!(bytes < 300, "{bytes}");
    }

    /// A state that comes from a process that has been told more.
    async fn a_position_that_is_ahead_of_what_was_told_here_is_no_gap(server) {
        let (first, second) = (process(&server), process(&server));
        let mut reader = Reader::of(&second, "a").await;
        let mut position = reader.position;
        for number in 0..200 {
            position = publish(&first, "a", &number.to_string()).await.unwrap().position;
            let batch = second.read(&reader.subscribed.subscription, position, ALL).await.unwrap();
            assert!(!batch.gap && batch.messages.is_empty(), "{number}: {batch:?}");
        }
        reader.position = position;
        publish(&first, "a", "\"last\"").await.unwrap();
        reader.reads_until(&second, "\"last\"").await;
        assert_eq!(reader.read, ["\"last\""]);
    }

    async fn a_server_that_has_lost_everything_begins_anew_and_that_is_a_gap(server) {
        let topics = process(&server);
        let mut reader = Reader::of(&topics, "a").await;
        publish(&topics, "a", "1").await.unwrap();
        reader.reads_until(&topics, "1").await;
        server.kill();
        server.restart();
        publish(&topics, "a", "2").await.unwrap();
        // The gap stands for the first message, too.
        reader.reads_until(&topics, "gap").await;
        publish(&topics, "a", "3").await.unwrap();
        reader.reads_until(&topics, "3").await;
        assert_eq!(reader.read, ["1", "gap", "3"]);
    }

    /// As after a failover to a replica that had not got the last messages: their numbers are not given again.
    async fn a_server_that_has_lost_its_tail_begins_anew(server) {
        let topics = process(&server);
        let mut reader = Reader::of(&topics, "a").await;
        for number in 1..=3 {
            publish(&topics, "a", &number.to_string()).await.unwrap();
        }
        reader.reads_until(&topics, "3").await;
        let _: u64 = server.ask(&["HSET", "loom:topic:{a}", "last", "1"]).unwrap();
        let _: u64 = server.ask(&["XDEL", "loom:messages:{a}", "2-0", "3-0"]).unwrap();
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
        until("a gap", || reader.bell.count.load(Ordering::Relaxed) > 0).await;
        while reader.read.last().is_none_or(|last| last != "gap") {
            reader.read(&topics).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        publish(&topics, "a", "4").await.unwrap();
        reader.reads_until(&topics, "4").await;
        assert_eq!(reader.read, ["1", "2", "3", "gap", "4"]);
    }

    /// The script is gone as after a failover: the messages of a topic that are sent again are sent as they
    /// were.
    async fn a_topic_keeps_its_order_though_the_script_is_forgotten(server) {
        let limits = Limits { topic_messages: 100_000, topic_bytes: 1 << 30, ..Limits::default() };
        let (first, second) = (process_with(&server, &limits), process_with(&server, &limits));
        let mut reader = Reader::of(&second, "a").await;
        let url = server.url();
        let flushes = std::thread::spawn(move || {
            let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
            for _ in 0..300 {
                let mut flush = redis::cmd("SCRIPT");
                let _: String = flush.arg("FLUSH").query(&mut connection).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let mut sent = 0;
        while !flushes.is_finished() {
            let some: Vec<_> = (0..90).map(|more| first.publish("a", None, (sent + more).to_string().into())).collect();
            for published in some {
                published.await.unwrap();
            }
            sent += 90;
        }
        flushes.join().unwrap();
        reader.reads_until(&second, &(sent - 1).to_string()).await;
        let expected: Vec<_> = (0..sent).map(|number| number.to_string()).collect();
        assert!(reader.read == expected, "{sent}: {:?}", reader.read.iter().take(10));
    }

    /// As after a failover to a replica that had not got the last message, whose number another one got then.
    async fn a_number_that_was_given_again_is_a_gap(server) {
        for more in 0..3 {
            let (topic, topics, other) = (format!("a{more}"), process(&server), process(&server));
            let mut reader = Reader::of(&topics, &topic).await;
            publish(&topics, &topic, "1").await.unwrap();
            let tail: String = server.ask(&["HGET", &format!("loom:topic:{{{topic}}}"), "tail"]).unwrap();
            publish(&topics, &topic, "2").await.unwrap();
            reader.reads_until(&topics, "2").await;
            let _: u64 = server.ask(&["HSET", &format!("loom:topic:{{{topic}}}"), "last", "1", "tail", &tail]).unwrap();
            let _: u64 = server.ask(&["XDEL", &format!("loom:messages:{{{topic}}}"), "2-0"]).unwrap();
            if more > 0 {
                // The message was told while nobody listened.
                let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
            }
            for number in 0..=more {
                publish(&other, &topic, &format!("\"other {number}\"")).await.unwrap();
            }
            while !reader.read.iter().any(|read| read == "gap") {
                reader.read(&topics).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            publish(&other, &topic, "\"last\"").await.unwrap();
            reader.reads_until(&topics, "\"last\"").await;
            assert_eq!(reader.read[..3], ["1", "2", "gap"], "{more}");
        }
    }

    async fn an_id_whose_message_is_lost_is_not_known_and_others_are(server) {
        let topics = process(&server);
        let ids = ["x", "y", "z"];
        let mut reader = Reader::of(&topics, "a").await;
        for id in ids {
            topics.publish("a", Some(id), format!("\"{id}\"").into()).await.unwrap();
        }
        reader.reads_until(&topics, "\"z\"").await;
        let first: Vec<(String, Vec<String>)> = server.ask(&["XRANGE", "loom:messages:{a}", "1-0", "1-0"]).unwrap();
        let tail = &first[0].1[5];
        let _: u64 = server.ask(&["HSET", "loom:topic:{a}", "last", "1", "tail", tail]).unwrap();
        let _: u64 = server.ask(&["XDEL", "loom:messages:{a}", "2-0", "3-0"]).unwrap();
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
        // The number of another lost one is given to it.
        assert!(!topics.publish("a", Some("z"), "1".into()).await.unwrap().is_duplicate);
        while !reader.read.iter().any(|read| read == "gap") {
            reader.read(&topics).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (id, is_known) in [("x", true), ("y", false), ("z", true), ("y", true)] {
            let published = topics.publish("a", Some(id), "2".into()).await.unwrap();
            assert_eq!(published.is_duplicate, is_known, "{id}");
        }
    }

    async fn what_somebody_else_has_written_there_is_a_gap(server) {
        let topics = process(&server);
        let wrong: [&[&str]; 4] = [
            &["2-0", "data", "no JSON", "id", "", "call", "x", "at", "1", "before", "y"],
            &["2-0", "other", "1"],
            &["1-7", "other", "1"],
            &["*", "other", "1"],
        ];
        for (index, fields) in wrong.iter().enumerate() {
            let topic = format!("a{index}");
            publish(&topics, &topic, "1").await.unwrap();
            let messages = format!("loom:messages:{{{topic}}}");
            let _: String = server.ask(&[&["XADD", &*messages], *fields].concat()).unwrap();
            let mut reader = Reader::of(&topics, &topic).await;
            reader.position = Position { number: 0, ..reader.position };
            reader.read(&topics).await;
            assert_eq!(reader.read, ["gap"], "{fields:?}");
            for data in ["2", "3"] {
                publish(&topics, &topic, data).await.unwrap();
            }
            reader.reads_until(&topics, "3").await;
            assert_eq!(reader.read, ["gap", "2", "3"], "{fields:?}");
            let later = process(&server);
            publish(&later, &topic, "4").await.unwrap();
            reader.reads_until(&topics, "4").await;
        }
    }

    async fn a_message_comes_once_to_each_process_that_has_subscribers(server) {
        let (first, second) = (process(&server), process(&server));
        let told = || server.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", "loom:channel:{a}"]).unwrap().1;
        let readers = [Reader::of(&first, "a").await, Reader::of(&first, "a").await, Reader::of(&second, "a").await];
        assert_eq!(told(), 2);
        drop(readers);
        // Not at once: somebody may come back.
        first.sweep(Instant::now());
        second.sweep(Instant::now());
        assert_eq!(told(), 2);
        let later = Instant::now() + Duration::from_secs(11);
        first.sweep(later);
        second.sweep(later);
        until("nobody to be told", || told() == 0).await;
        let mut again = Reader::of(&first, "a").await;
        assert_eq!(told(), 1);
        publish(&second, "a", "1").await.unwrap();
        again.reads_until(&first, "1").await;
    }

    async fn while_it_is_away_publishing_fails_and_then_all_catch_up(server) {
        let mut server = { server.kill(); Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) };
        let (first, second) = (process(&server), process(&server));
        let mut reader = Reader::of(&second, "a").await;
        publish(&first, "a", "1").await.unwrap();
        server.kill();
        let failed = publish(&first, "a", "2").await;
        assert!(matches!(&failed, Err(TopicError::Failed(why)) if why.contains("away")), "{failed:?}");
        server.restart();
        until("it to be back", || server.ask::<String>(&["PING"]).is_ok()).await;
        while publish(&first, "a", "3").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        reader.reads_until(&second, "3").await;
        assert_eq!(reader.read, ["1", "3"]);
    }

    async fn what_is_no_topic_there_is_an_error_and_harms_no_other(server) {
        let topics = process(&server);
        let _: String = server.ask(&["SET", "loom:topic:{a}", "1"]).unwrap();
        let _: u64 = server.ask(&["HSET", "loom:topic:{b}", "epoch", "x", "last", "1", "bytes", "0"]).unwrap();
        for topic in ["a", "b"] {
            assert!(matches!(publish(&topics, topic, "1").await, Err(TopicError::Failed(_))), "{topic}");
            let subscribed = topics.subscribe(topic, Arc::<Bell>::default(), 1).await;
            assert!(matches!(subscribed, Err(TopicError::Failed(_))), "{topic}: {subscribed:?}");
        }
        let mut reader = Reader::of(&topics, "c").await;
        // Programs that may publish in Redis are trusted, but a message that cannot be read is dropped.
        for payload in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA 1 x y 0 1"] {
            let _: u64 = server.ask(&["PUBLISH", "loom:channel:{c}", payload]).unwrap();
        }
        publish(&topics, "c", "1").await.unwrap();
        reader.reads_until(&topics, "1").await;
        assert_eq!(reader.read, ["1"]);
    }

    async fn names_are_whatever_they_are(server) {
        let (first, second) = (process(&server), process(&server));
        for name in ["{a}b", "a}{", "%7B", "\0own", "é ü", &"x".repeat(256)] {
            let mut reader = Reader::of(&second, name).await;
            publish(&first, name, "1").await.unwrap();
            reader.reads_until(&second, "1").await;
        }
        assert_eq!(publish(&first, "", "1").await, Err(TopicError::Name(0)));
        let data: Arc<str> = "x".repeat(2 << 20).into();
        assert!(matches!(first.publish("a", None, data).await, Err(TopicError::Data { .. })));
    }

    async fn a_topic_that_is_followed_is_kept(server) {
        let topics = process(&server);
        let _reader = Reader::of(&topics, "a").await;
        let _: u64 = server.ask(&["PEXPIRE", "loom:topic:{a}", "100000"]).unwrap();
        let day = Duration::from_secs(86_400);
        topics.sweep(Instant::now() + day / 3);
        until("it to be kept", || server.ask::<u64>(&["TTL", "loom:topic:{a}"]).unwrap() > 80_000).await;
    }

    /// Redis hears of it as little as of a topic that somebody has left.
    async fn a_topic_that_nobody_came_to_after_all_is_given_up(server) {
        let limits = Limits { topics: 2, ..Limits::default() };
        let topics = process_with(&server, &limits);
        let told = |topic: &str| server.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", &format!("loom:channel:{{{topic}}}")]).unwrap().1;
        for topic in ["a", "b"] {
            // Its call is given up while it waits.
            drop(topics.subscribe(topic, Arc::<Bell>::default(), 1));
            until("it to be copied", || topics.inner.following.is_copied(topic)).await;
        }
        assert_eq!((told("a"), told("b")), (1, 1));
        topics.sweep(Instant::now() + Duration::from_secs(11));
        until("nobody to be told", || told("a") + told("b") == 0).await;
    }

    async fn a_topic_that_is_silent_makes_room_for_another(server) {
        let limits = Limits { topics: 2, ..Limits::default() };
        let topics = process_with(&server, &limits);
        let told = |topic: &str| server.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", &format!("loom:channel:{{{topic}}}")]).unwrap().1;
        let stays = Reader::of(&topics, "a").await;
        drop(Reader::of(&topics, "b").await);
        let mut reader = Reader::of(&topics, "c").await;
        publish(&topics, "c", "1").await.unwrap();
        reader.reads_until(&topics, "1").await;
        until("b to be given up", || told("b") == 0).await;
        assert_eq!((told("a"), told("c")), (1, 1));
        // All have subscribers.
        let full = topics.follow("d", Arc::<Bell>::default(), 1);
        assert!(matches!(full, Err(TopicError::Full(2))), "{full:?}");
        drop(stays);
        // The place comes from a topic that was left.
        let _followed = topics.follow("d", Arc::<Bell>::default(), 1).unwrap();
        until("it to be copied", || topics.inner.following.is_copied("d")).await;
        assert_eq!(told("c"), 1);
    }

    async fn a_topic_that_one_of_many_has_left_is_not_copied_again(server) {
        let topics = process(&server);
        let _stays = Reader::of(&topics, "a").await;
        drop(Reader::of(&topics, "a").await);
        topics.sweep(Instant::now() + Duration::from_secs(11));
        assert!(topics.inner.following.is_copied("a"));
    }

    async fn lists_of_topics_do_not_grow_with_those_that_come_and_go(server) {
        let topics = process(&server);
        server.kill();
        for _ in 0..3000 {
            // Nobody waits any more.
            drop(topics.subscribe("a", Arc::<Bell>::default(), 1));
        }
        server.restart();
        let mut later = Instant::now();
        for _ in 0..1000 {
            let copied = Reader::of(&topics, "b").await;
            drop(copied);
            later += Duration::from_secs(11);
            topics.sweep(later);
            until("it to be given up", || !topics.inner.following.has("b")).await;
        }
        let (waiters, lists) = topics.inner.following.sizes();
        assert!(waiters < 100 && lists < 600, "{waiters}, {lists}");
    }

    async fn who_may_not_listen_is_told_so(server) {
        let user = ["ACL", "SETUSER", "ann", "on", ">secret", "~*", "+@all", "resetchannels"];
        let _: String = server.ask(&user).unwrap();
        let url = format!("redis://ann:secret@127.0.0.1:{}", server.port);
        let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
        let (address, link) = (Address::of(&url).unwrap(), server.link().0);
        let opened = Backplane::open(address, &link, "loom:", &Limits::default(), &spawn, Box::new(|_| ()));
        let topics = opened.unwrap().topics;
        let refused = topics.subscribe("a", Arc::<Bell>::default(), 1).await;
        assert!(matches!(&refused, Err(TopicError::Failed(why)) if why.contains("refuses")), "{refused:?}");
        // If Redis refuses the copy before `follow` returns, `follow` gives the error.
        let mut follows = (0..100).map(|_| topics.follow("a", Arc::<Bell>::default(), 1));
        let _followed = follows.find_map(Result::ok).unwrap();
        let _: String = server.ask(&["ACL", "SETUSER", "ann", "allchannels"]).unwrap();
        // The topic is tried again without a new connection.
        until("it to be copied", || topics.inner.following.is_copied("a")).await;
        assert_eq!(topics.inner.channels.newer(0).await, Some(1));
    }

    /// Nothing is sent on this connection that could fail.
    async fn a_connection_that_is_silent_is_found_to_be_dead(server) {
        let topics = process(&server);
        let _reader = Reader::of(&topics, "a").await;
        server.signal("-STOP");
        until("it to be found", || matches!(topics.inner.channels.health(), crate::redis::Health::Down { .. })).await;
        server.signal("-CONT");
    }
}
