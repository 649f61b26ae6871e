//! Tests of topics in memory, through the trait.

mod properties;

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::*;
use crate::limits::Limits;
use crate::sync::{Mutex, lock};

/// A subscriber that writes down its wakes.
#[derive(Default)]
struct Woken(Mutex<Vec<u32>>);

impl Woken {
    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Sink for Woken {
    fn wake(&self, subscription: u32) {
        lock(&self.0).push(subscription);
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tasks that wait until the test runs them.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<VecDeque<Task>>>);

impl Tasks {
    fn spawn(&self) -> Spawn {
        let tasks = self.0.clone();
        Arc::new(move |task| lock(&tasks).push_back(task))
    }

    /// Runs all tasks to their end. Gives how many there were.
    fn run(&self) -> usize {
        let mut count = 0;
        let next = || lock(&self.0).pop_front();
        while let Some(mut task) = next() {
            count += 1;
            let mut context = Context::from_waker(Waker::noop());
            while task.as_mut().poll(&mut context).is_pending() {}
        }
        count
    }
}

/// The answer of topics in memory, which is there at once.
fn get<T>(answer: Answer<T>) -> Result<T, TopicError> {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("topics in memory wait for nothing"),
    }
}

const ALL: Most = Most {
    messages: 1000,
    bytes: 1 << 20,
};

/// Topics, with short ways to use them.
struct Site {
    topics: MemoryTopics,
    tasks: Tasks,
}

impl Site {
    fn new(limits: Limits) -> Self {
        let tasks = Tasks::default();
        let topics = MemoryTopics::new(&limits, tasks.spawn());
        Self { topics, tasks }
    }

    fn publish(&self, topic: &str, id: Option<&str>, data: &str) -> Result<Published, TopicError> {
        get(self.topics.publish(topic, id, data.into()))
    }

    fn subscribe(&self, topic: &str, sink: &Arc<Woken>, number: u32) -> Subscribed {
        get(self.topics.subscribe(topic, sink.clone(), number)).unwrap()
    }

    fn read(&self, subscribed: &Subscribed, from: Position) -> Batch {
        get(self.topics.read(&subscribed.subscription, from, ALL)).unwrap()
    }
}

fn data(batch: &Batch) -> Vec<&str> {
    batch
        .messages
        .iter()
        .map(|message| &*message.data)
        .collect()
}

#[test]
fn a_subscriber_reads_what_is_published_after_its_position() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    site.publish("a", None, "1").unwrap();
    let subscribed = site.subscribe("a", &sink, 7);
    assert_eq!(&**subscribed.subscription.topic(), "a");
    assert_eq!((subscribed.oldest.number, subscribed.now.number), (0, 1));
    assert!(sink.take().is_empty());
    site.publish("a", None, "2").unwrap();
    site.publish("b", None, "3").unwrap();
    site.publish("a", Some("x"), "4").unwrap();
    assert_eq!(sink.take(), [7]);
    assert_eq!(data(&site.read(&subscribed, subscribed.now)), ["2", "4"]);
    let batch = site.read(&subscribed, subscribed.oldest);
    assert_eq!(data(&batch), ["1", "2", "4"]);
    assert_eq!(&*batch.messages[2].id, "x");
    assert!(site.read(&subscribed, batch.position).messages.is_empty());
    site.publish("a", None, "5").unwrap();
    assert_eq!(sink.take(), [7]);
}

#[test]
fn all_subscribers_share_a_message() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let (one, two) = (site.subscribe("a", &sink, 1), site.subscribe("a", &sink, 2));
    site.publish("a", None, "1").unwrap();
    let [first, second] = [one, two].map(|it| site.read(&it, it.now).messages.remove(0));
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn a_subscription_ends_when_it_is_dropped() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let kept = site.subscribe("a", &sink, 1);
    drop(site.subscribe("a", &sink, 2));
    site.publish("a", None, "1").unwrap();
    assert_eq!(sink.take(), [1]);
    assert_eq!(site.topics.held().subscriptions, 1);
    drop(kept);
    // The topic no longer holds the sink.
    assert_eq!(
        (Arc::strong_count(&sink), site.topics.held().subscriptions),
        (1, 0)
    );
}

#[test]
fn many_subscribers_are_woken_by_one_task() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let all: Vec<_> = (0..3000)
        .map(|number| site.subscribe("a", &sink, number))
        .collect();
    for _ in 0..3 {
        site.publish("a", None, "1").unwrap();
    }
    // To publish only starts the task; messages that are published before the task runs need no other task.
    assert!(sink.take().is_empty());
    assert_eq!(site.tasks.run(), 1);
    assert_eq!(sink.take(), (0..3000).collect::<Vec<_>>());
    // Nobody has read, except for one: only that one is told again.
    assert_eq!(site.read(&all[9], all[9].now).messages.len(), 3);
    site.publish("a", None, "1").unwrap();
    assert_eq!((site.tasks.run(), sink.take()), (1, vec![9]));
}

/// Messages that are published while the task wakes the first subscribers are told to them, too, if they have
/// read.
#[test]
fn what_is_published_while_subscribers_are_woken_is_told() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let all: Vec<_> = (0..3000)
        .map(|number| site.subscribe("a", &sink, number))
        .collect();
    site.publish("a", None, "1").unwrap();
    let mut task = lock(&site.tasks.0).pop_front().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_pending());
    let first = sink.take();
    assert!(first.contains(&0) && !first.contains(&2999));
    let position = site.read(&all[0], all[0].now).position;
    site.publish("a", None, "2").unwrap();
    assert!(lock(&site.tasks.0).is_empty());
    while task.as_mut().poll(&mut context).is_pending() {}
    let woken = sink.take();
    assert_eq!(woken.iter().filter(|number| **number == 0).count(), 1);
    assert_eq!(woken.iter().filter(|number| **number == 2999).count(), 1);
    assert_eq!(data(&site.read(&all[0], position)), ["2"]);
}

/// A runtime that ends drops its tasks: another one is asked for with the next message.
#[test]
fn a_task_that_was_dropped_does_not_keep_a_topic_silent() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let all: Vec<_> = (0..10)
        .map(|number| site.subscribe("a", &sink, number))
        .collect();
    site.publish("a", None, "1").unwrap();
    lock(&site.tasks.0).clear();
    site.publish("a", None, "2").unwrap();
    assert_eq!((site.tasks.run(), sink.take().len()), (1, all.len()));
}

#[test]
fn what_cannot_be_published_is_refused_and_begins_nothing() {
    let message_bytes = 10;
    let (site, sink) = (
        Site::new(Limits {
            message_bytes,
            ..Limits::default()
        }),
        Arc::<Woken>::default(),
    );
    let long = "é".repeat(129);
    let publish = |topic: &str, id, data: &str| site.publish(topic, id, data).unwrap_err();
    assert_eq!(publish("", None, "1"), TopicError::Name(0));
    assert_eq!(publish(&long, None, "1"), TopicError::Name(258));
    assert_eq!(publish("a", Some(""), "1"), TopicError::Id(0));
    assert_eq!(publish("a", Some(&long), "1"), TopicError::Id(258));
    let too_large = publish("a", None, "12345678901");
    assert_eq!(
        too_large,
        TopicError::Data {
            bytes: 11,
            most: 10
        }
    );
    for topic in ["", &long] {
        assert!(get(site.topics.subscribe(topic, sink.clone(), 0)).is_err());
    }
    assert_eq!(site.topics.held(), Held::default());
    assert!(
        site.publish(&long[2..], Some(&long[2..]), "1234567890")
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_outlives_its_message_and_its_topic() {
    let limits = Limits {
        topics: 1,
        ..Limits::default()
    };
    let site = Site::new(limits);
    let first = site.publish("a", Some("x"), "1").unwrap();
    assert!(!first.is_duplicate);
    advance(Duration::from_secs(61)).await;
    assert!(!site.topics.sweep(Instant::now()));
    assert_eq!(
        (site.topics.held().bytes, site.topics.held().topics),
        (0, 1)
    );
    let again = site.publish("a", Some("x"), "1").unwrap();
    assert_eq!((again.position, again.is_duplicate), (first.position, true));
    // Another topic takes the place of the idle one. The same id is another one there.
    assert!(!site.publish("b", Some("x"), "1").unwrap().is_duplicate);
    assert!(!site.topics.has("a"));
    let again = site.publish("a", Some("x"), "1").unwrap();
    assert_eq!((again.position, again.is_duplicate), (first.position, true));
    // A known message takes no place.
    assert!(site.topics.has("b"));
    advance(Duration::from_secs(86_400)).await;
    assert!(!site.topics.sweep(Instant::now()));
    let anew = site.publish("a", Some("x"), "1").unwrap();
    assert!(!anew.is_duplicate && anew.position.number == 1);
    assert_ne!(anew.position.epoch, first.position.epoch);
}

/// A page that was away for long, from a topic that was silent, has missed nothing and is told so.
#[tokio::test(start_paused = true)]
async fn a_silent_topic_is_no_gap() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let subscribed = site.subscribe("a", &sink, 1);
    site.publish("a", None, "1").unwrap();
    let position = site.read(&subscribed, subscribed.now).position;
    drop(subscribed);
    for _ in 0..100 {
        advance(Duration::from_secs(600)).await;
        site.topics.sweep(Instant::now());
    }
    let subscribed = site.subscribe("a", &sink, 1);
    let batch = site.read(&subscribed, position);
    assert!(!batch.gap && batch.messages.is_empty());
    // The topic is forgotten after a day: then nobody knows which messages were missed.
    drop(subscribed);
    advance(Duration::from_secs(86_400)).await;
    site.topics.sweep(Instant::now());
    assert_eq!(site.topics.held().topics, 0);
    let subscribed = site.subscribe("a", &sink, 1);
    assert!(site.read(&subscribed, position).gap);
}

/// A subscription keeps its topic, however long the topic is silent and however many others begin.
#[tokio::test(start_paused = true)]
async fn a_topic_with_a_subscriber_stays() {
    let limits = Limits {
        topics: 2,
        ..Limits::default()
    };
    let (site, sink) = (Site::new(limits), Arc::default());
    let subscribed = site.subscribe("a", &sink, 1);
    for number in 0..100 {
        site.publish(&number.to_string(), None, "1").unwrap();
        advance(Duration::from_secs(86_400)).await;
        site.topics.sweep(Instant::now());
    }
    assert!(!site.read(&subscribed, subscribed.now).gap);
    let other = site.subscribe("b", &sink, 2);
    let full = get(site.topics.subscribe("c", sink.clone(), 3));
    assert_eq!(full.unwrap_err(), TopicError::Full(2));
    drop(other);
    assert!(get(site.topics.subscribe("c", sink, 3)).is_ok());
}

/// A publisher with ever new names takes no place from topics with subscribers.
#[tokio::test(start_paused = true)]
async fn a_topic_without_subscribers_gives_way_with_its_messages() {
    let limits = Limits {
        topics: 3,
        ..Limits::default()
    };
    let (site, sink) = (Site::new(limits), Arc::default());
    let [a, b] = ["a", "b"].map(|topic| site.subscribe(topic, &sink, 1));
    for topic in ["a", "b", "c"] {
        site.publish(topic, None, "1").unwrap();
    }
    let bytes = site.topics.held().bytes;
    for number in 0..1_000 {
        site.publish(&format!("new {number}"), None, "1").unwrap();
    }
    // A topic that is gone is not counted.
    assert_eq!(
        (site.topics.held().topics, site.topics.held().bytes),
        (3, bytes)
    );
    for subscribed in [&a, &b] {
        let batch = site.read(subscribed, subscribed.oldest);
        assert!(!batch.gap && batch.messages.len() == 1);
    }
    // A topic without subscribers may go, too; an idle topic goes first.
    drop(b);
    drop(site.subscribe("idle", &sink, 2));
    assert!(site.topics.has("a") && site.topics.has("idle"));
    assert!(!site.topics.has("b") || !site.topics.has("new 999"));
    site.publish("d", None, "1").unwrap();
    assert!(site.topics.has("d") && !site.topics.has("idle"));
    // If all have subscribers, there is no place.
    let all: Vec<_> = ["d", "e"]
        .map(|topic| site.subscribe(topic, &sink, 3))
        .into();
    assert_eq!(site.publish("f", None, "1"), Err(TopicError::Full(3)));
    drop((a, all));
}

/// All subscribers leave before they are woken: the topic does not give way before its task has ended.
#[tokio::test(start_paused = true)]
async fn a_topic_with_a_task_stays() {
    let limits = Limits {
        topics: 1,
        ..Limits::default()
    };
    let (site, sink) = (Site::new(limits), Arc::default());
    let all: Vec<_> = (0..5)
        .map(|number| site.subscribe("a", &sink, number))
        .collect();
    site.publish("a", None, "1").unwrap();
    drop(all);
    advance(Duration::from_secs(60)).await;
    site.topics.sweep(Instant::now());
    assert_eq!(site.publish("b", None, "1"), Err(TopicError::Full(1)));
    assert_eq!((site.tasks.run(), sink.take()), (1, vec![]));
    assert!(site.publish("b", None, "1").is_ok());
}

/// A component that never reads costs no memory beyond the topic's history, and is told of the gap.
#[test]
fn a_slow_subscriber_of_a_fast_topic_is_told_of_a_gap() {
    let (site, sink) = (Site::new(Limits::default()), Arc::default());
    let subscribed = site.subscribe("a", &sink, 1);
    let text = "x".repeat(10_000);
    for number in 0..10_000 {
        site.publish("a", Some(&number.to_string()), &text).unwrap();
        assert!(site.topics.held().bytes <= 1 << 20);
    }
    assert_eq!(sink.take(), [1]);
    let batch = site.read(&subscribed, subscribed.now);
    assert!(batch.gap && batch.messages.is_empty());
    assert_eq!(batch.position.number, 10_000);
    site.publish("a", None, "1").unwrap();
    assert_eq!(data(&site.read(&subscribed, batch.position)), ["1"]);
}

#[test]
fn all_histories_together_are_bounded() {
    let topics_bytes = 100_000;
    let site = Site::new(Limits {
        topics_bytes,
        ..Limits::default()
    });
    let sink = Arc::default();
    let text = "x".repeat(1000);
    let mut subscribers = Vec::new();
    for number in 0..1000 {
        let topic = number.to_string();
        subscribers.push(site.subscribe(&topic, &sink, number));
        site.publish(&topic, None, &text).unwrap();
        assert!(site.topics.held().bytes <= topics_bytes);
    }
    assert!(site.topics.held().bytes > topics_bytes / 2);
    let gaps = subscribers
        .iter()
        .filter(|it| site.read(it, it.now).gap)
        .count();
    assert!((900..950).contains(&gaps), "{gaps}");
    // Of those that lost their message most are older than those that kept it.
    let recent = subscribers[900..].iter();
    assert!(recent.filter(|it| !site.read(it, it.now).gap).count() > 30);
    // One message that is larger than all may be is not kept, and nothing spins.
    let large = "x".repeat(200_000);
    site.publish("0", None, &large).unwrap();
    assert!(site.topics.held().bytes <= topics_bytes);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_is_bounded() {
    let site = Site::new(Limits::default());
    for number in 0..5000 {
        site.publish(&number.to_string(), Some("x"), "1").unwrap();
    }
    advance(Duration::from_secs(60)).await;
    let now = Instant::now();
    assert!(site.topics.sweep(now));
    assert!(site.topics.held().bytes > 0);
    assert!(!site.topics.sweep(now));
    assert_eq!(
        (site.topics.held().bytes, site.topics.held().topics),
        (0, 5000)
    );
    advance(Duration::from_secs(86_400)).await;
    let now = Instant::now();
    // The topics take a bit more than one call, and so do their ids.
    assert!(site.topics.sweep(now) && site.topics.sweep(now));
    assert!(!site.topics.sweep(now));
    assert_eq!(site.topics.held(), Held::default());
}

/// Threads that publish to one topic: its numbers have no gap, and each thread's messages stay in order.
#[test]
fn messages_of_several_threads_are_in_one_order() {
    let limits = Limits {
        topic_messages: 10_000,
        ..Limits::default()
    };
    let (site, sink) = (Site::new(limits), Arc::default());
    let subscribed = site.subscribe("a", &sink, 1);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let site = &site;
            scope.spawn(move || {
                for number in 0..500 {
                    site.publish("a", None, &format!("{}", thread * 1000 + number))
                        .unwrap();
                }
            });
        }
    });
    let most = Most {
        messages: 10_000,
        ..ALL
    };
    let read = site
        .topics
        .read(&subscribed.subscription, subscribed.now, most);
    let batch = get(read).unwrap();
    let numbers = batch.messages.iter().map(|message| message.position.number);
    assert!(numbers.eq(1..=2000));
    for thread in 0..4 {
        let data = batch
            .messages
            .iter()
            .map(|message| message.data.parse::<u32>().unwrap());
        let own = data.filter(|number| number / 1000 == thread);
        assert!(own.eq(thread * 1000..thread * 1000 + 500));
    }
}

/// A subscriber that panics when it is woken.
struct Faulty;

impl Sink for Faulty {
    fn wake(&self, _subscription: u32) {
        panic!("a planted panic");
    }
}

/// Be it that the publisher wakes the few subscribers, or that a task wakes the many.
#[test]
fn a_subscriber_that_panics_keeps_nobody_else_from_being_woken() {
    for count in [2, 200] {
        let (site, sink) = (Site::new(Limits::default()), Arc::default());
        let faulty: Arc<dyn Sink> = Arc::new(Faulty);
        let _faulty = get(site.topics.subscribe("a", faulty, 0)).unwrap();
        let subscribed: Vec<_> = (1..count)
            .map(|number| site.subscribe("a", &sink, number))
            .collect();
        for round in 0..3 {
            site.publish("a", None, "1").unwrap();
            site.tasks.run();
            assert_eq!(sink.take().len(), subscribed.len(), "{count} {round}");
            for one in &subscribed {
                site.read(one, one.now);
            }
        }
    }
}
