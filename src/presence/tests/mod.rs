//! Presence, as watchers are told of it. Tests that hold for Redis, too, are in `both.rs`; here are those
//! that need a clock that is moved, or that look at tasks.

pub(super) mod both;
mod properties;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::limits::Limits;

/// Counts its wakes.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Sink for Counter {
    fn wake(&self, _: u32) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn memory(limits: &Limits) -> MemoryPresence {
    MemoryPresence::new(limits, Arc::new(|task| drop(tokio::spawn(task))))
}

/// A watcher.
struct Watcher {
    watch: Watch,
    sink: Arc<Counter>,
    from: Option<Position>,
}

impl Watcher {
    async fn of(presence: &MemoryPresence, topic: &str) -> Self {
        let sink = Arc::new(Counter::default());
        let watch = presence.watch(topic, sink.clone(), 7).await.unwrap();
        let from = None;
        Self { watch, sink, from }
    }

    async fn read(&mut self, presence: &MemoryPresence) -> String {
        let news = presence.read(&self.watch, self.from).await.unwrap();
        self.from = news.position;
        news.message
            .map_or_else(String::new, |message| message.data.to_string())
    }
}

fn shown(presence: &MemoryPresence, topic: &str, key: &str, meta: &str) -> Entry {
    let entry = presence.enter(topic).unwrap();
    entry.show(&key.into(), &meta.into());
    entry
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test(start_paused = true)]
async fn everybody_first_and_then_who_came_changed_and_left() {
    let presence = memory(&Limits::default());
    let ann = shown(&presence, "a", "ann", r#"{"a":1}"#);
    let mut watcher = Watcher::of(&presence, "a").await;
    assert_eq!(
        watcher.read(&presence).await,
        r#"{"present":[{"key":"ann","metas":[{"a":1}]}],"count":1}"#
    );
    assert_eq!(watcher.read(&presence).await, "");
    let ben = shown(&presence, "a", "ben", "2");
    ann.show(&"ann".into(), &"3".into());
    sleep(ms(50)).await;
    assert_eq!(watcher.sink.take(), 1);
    assert_eq!(
        watcher.read(&presence).await,
        r#"{"joined":[{"key":"ben","metas":[2]}],"changed":[{"key":"ann","metas":[3]}],"left":[],"count":2}"#
    );
    drop(ben);
    sleep(ms(4_900)).await;
    assert_eq!(watcher.sink.take(), 0, "the grace");
    sleep(ms(200)).await;
    assert_eq!(watcher.sink.take(), 1);
    assert_eq!(
        watcher.read(&presence).await,
        r#"{"joined":[],"changed":[],"left":[{"key":"ben","metas":[2]}],"count":1}"#
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_watch_are_woken_once_a_second_and_once_until_they_read() {
    let presence = memory(&Limits::default());
    let entry = presence.enter("a").unwrap();
    let mut reads = Watcher::of(&presence, "a").await;
    let sleeps = Watcher::of(&presence, "a").await;
    let mut woken = 0;
    for number in 0..100 {
        entry.show(&"ann".into(), &number.to_string().into());
        sleep(ms(100)).await;
        if reads.sink.take() > 0 {
            woken += 1;
            reads.read(&presence).await;
        }
    }
    assert!((10..=11).contains(&woken), "{woken}");
    assert_eq!(sleeps.sink.take(), 1);
    // The last change is told, too, after which there is silence.
    sleep(ms(1_000)).await;
    reads.sink.take();
    let last = presence.everybody("a").await.unwrap();
    assert_eq!(
        last,
        r#"{"present":[{"key":"ann","metas":[99]}],"count":1}"#
    );
    sleep(ms(60_000)).await;
    assert_eq!(reads.sink.take(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_loaded_again_and_one_of_two_tabs_are_no_news() {
    let presence = memory(&Limits::default());
    let one = shown(&presence, "a", "ann", "1");
    let two = shown(&presence, "a", "ann", "2");
    let mut watcher = Watcher::of(&presence, "a").await;
    let everybody = r#"{"present":[{"key":"ann","metas":[1,2]}],"count":1}"#;
    assert_eq!(watcher.read(&presence).await, everybody);
    drop(one);
    sleep(ms(2_000)).await;
    // The same meta: the same place. Another meta would have had it, too.
    let again = shown(&presence, "a", "ann", "1");
    // A component that waits for its page comes back to its own place.
    two.hide();
    sleep(ms(4_000)).await;
    two.show(&"ann".into(), &"2".into());
    sleep(ms(60_000)).await;
    assert_eq!((watcher.sink.take(), presence.held().gone), (0, 0));
    assert_eq!(presence.everybody("a").await.unwrap(), everybody);
    drop(again);
    sleep(ms(6_100)).await;
    assert_eq!(
        watcher.read(&presence).await,
        r#"{"joined":[],"changed":[{"key":"ann","metas":[2]}],"left":[],"count":1}"#
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_told_the_same_shares_one_message() {
    let presence = memory(&Limits::default());
    let ann = shown(&presence, "a", "ann", "1");
    let watchers = [
        Watcher::of(&presence, "a").await,
        Watcher::of(&presence, "a").await,
    ];
    for from in [None, Some(())] {
        let mut messages = Vec::new();
        for watcher in &watchers {
            let everybody = presence.read(&watcher.watch, None).await.unwrap();
            let from = from.and(everybody.position);
            messages.push((from, everybody));
        }
        if from.is_some() {
            ann.show(&"ann".into(), &"2".into());
        }
        let mut keys = std::collections::HashSet::new();
        for (watcher, (from, _)) in watchers.iter().zip(messages) {
            let news = presence.read(&watcher.watch, from).await.unwrap();
            keys.insert(news.message.unwrap().key);
        }
        assert_eq!(keys.len(), 1);
    }
}

/// A thousand people who come within two seconds are told of each other by a few messages: JavaScript parses
/// each message, and each lists all people.
#[tokio::test(start_paused = true)]
async fn many_who_come_together_share_what_they_are_told() {
    const COUNT: usize = 1000;
    let presence = memory(&Limits::default());
    let mut all = Vec::new();
    let mut keys = std::collections::HashSet::new();
    for step in 0..COUNT * 2 {
        if step < COUNT {
            let key = step.to_string();
            let entry = shown(&presence, "a", &key, "1");
            let watcher = Watcher::of(&presence, "a").await;
            // The first read needs no wake.
            watcher.sink.0.store(1, Ordering::Relaxed);
            all.push((entry, watcher, std::collections::HashSet::<String>::new()));
        }
        for (own, (_, watcher, known)) in all.iter_mut().enumerate() {
            // Each has its turn a moment later, so that others come between them.
            if own % 16 != step % 16 || watcher.sink.take() == 0 {
                continue;
            }
            let news = presence.read(&watcher.watch, watcher.from).await.unwrap();
            watcher.from = news.position;
            let Some(message) = news.message else {
                continue;
            };
            keys.insert(message.key);
            let said: serde_json::Value = serde_json::from_str(&message.data).unwrap();
            let people = |name: &str| {
                let people = said[name].as_array().into_iter().flatten();
                let key = |person: &serde_json::Value| person["key"].as_str().unwrap().to_owned();
                people.map(key).collect::<Vec<_>>()
            };
            if news.is_whole {
                *known = people("present").into_iter().collect();
                assert!(known.contains(&own.to_string()), "it is among everybody");
            }
            for key in people("joined") {
                assert!(known.insert(key), "nobody comes twice");
            }
            assert_eq!(said["count"], known.len());
        }
        sleep(ms(2)).await;
    }
    assert!(all.iter().all(|(_, _, known)| known.len() == COUNT));
    assert!(keys.len() < 150, "{} messages", keys.len());
    sleep(ms(5_000)).await;
    let still: usize = all.iter().map(|(_, one, _)| one.sink.take()).sum();
    assert!(still <= COUNT, "{still} wakes although nothing happens");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_count_is_told_and_everybody_again_below_it() {
    let limits = Limits {
        presence: 2,
        ..Limits::default()
    };
    let presence = memory(&limits);
    let mut entries: Vec<Entry> = (0..2)
        .map(|number| shown(&presence, "a", &number.to_string(), "1"))
        .collect();
    let mut watcher = Watcher::of(&presence, "a").await;
    assert!(watcher.read(&presence).await.contains("present"));
    entries.push(shown(&presence, "a", "two", "1"));
    assert_eq!(watcher.read(&presence).await, r#"{"count":3}"#);
    // What does not change the count is nothing to tell.
    entries[0].show(&"0".into(), &"7".into());
    assert_eq!(watcher.read(&presence).await, "");
    entries.push(shown(&presence, "a", "three", "1"));
    assert_eq!(watcher.read(&presence).await, r#"{"count":4}"#);
    assert_eq!(presence.everybody("a").await.unwrap(), r#"{"count":4}"#);
    entries.truncate(1);
    sleep(ms(6_000)).await;
    assert_eq!(
        watcher.read(&presence).await,
        r#"{"present":[{"key":"0","metas":[7]}],"count":1}"#
    );
    // Metas of too many bytes are not told either.
    let limits = Limits {
        message_bytes: 100,
        ..Limits::default()
    };
    let presence = memory(&limits);
    let _entry = shown(&presence, "a", "ann", &"9".repeat(100));
    assert_eq!(presence.everybody("a").await.unwrap(), r#"{"count":1}"#);
}

#[tokio::test(start_paused = true)]
async fn entries_are_bounded_in_a_topic_and_in_all_and_so_are_those_that_are_gone() {
    let limits = Limits {
        presence_entries: 3,
        presence_entries_per_topic: 2,
        ..Limits::default()
    };
    let presence = memory(&limits);
    let mut entries = vec![
        shown(&presence, "a", "1", "1"),
        shown(&presence, "a", "2", "1"),
    ];
    let refused = presence.enter("a").map(drop);
    assert_eq!(refused, Err(PresenceError::TopicFull(2)));
    entries.push(shown(&presence, "b", "1", "1"));
    let refused = presence.enter("c").map(drop);
    assert_eq!(refused, Err(PresenceError::Full(3)));
    assert_eq!(presence.held().topics, 2, "nothing is left of what failed");
    for topic in ["", &"x".repeat(257)] {
        let refused = presence.enter(topic).map(drop);
        assert_eq!(refused, Err(PresenceError::Name(topic.len())));
    }
    // As many are gone as there may be, and so further ones have no grace.
    for number in 0..10 {
        entries.truncate(2);
        entries.push(shown(&presence, "b", &number.to_string(), "1"));
        assert!(presence.held().gone <= 3);
    }
    assert_eq!(presence.held().gone, 3);
    // An entry that goes on under another key has no grace either.
    for number in 0..10 {
        entries[0].show(&number.to_string().into(), &"1".into());
        assert!(presence.held().gone <= 3);
    }
    entries.clear();
    sleep(ms(6_000)).await;
    assert_eq!(presence.held(), Held::default());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_those_who_are_gone_and_of_what_is_dropped() {
    let presence = memory(&Limits::default());
    let entries: Vec<Entry> = (0..1_000)
        .map(|number| shown(&presence, &format!("{}", number % 50), "me", "1"))
        .collect();
    let watcher = Watcher::of(&presence, "0").await;
    let sink = Arc::downgrade(&watcher.sink);
    drop((entries, watcher));
    assert!(sink.upgrade().is_none());
    sleep(ms(6_000)).await;
    assert_eq!(presence.held(), Held::default());
    // The topic goes on after nothing was there.
    let _ann = shown(&presence, "0", "ann", "1");
    let mut watcher = Watcher::of(&presence, "0").await;
    assert!(watcher.read(&presence).await.contains("ann"));
    drop(shown(&presence, "0", "ben", "1"));
    sleep(ms(10)).await;
    assert_eq!(watcher.sink.take(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_when_there_is_nothing_to_do_and_when_presence_is_dropped() {
    let limits = Limits {
        presence_grace: Duration::from_secs(100_000),
        ..Limits::default()
    };
    let tasks = Arc::new(std::sync::Mutex::new(Vec::new()));
    let spawned = tasks.clone();
    let spawn = move |task| spawned.lock().unwrap().push(tokio::spawn(task));
    let presence = MemoryPresence::new(&limits, Arc::new(spawn));
    let ann = shown(&presence, "a", "ann", "1");
    assert!(tasks.lock().unwrap().is_empty(), "nobody watches");
    let _watcher = Watcher::of(&presence, "a").await;
    ann.show(&"ann".into(), &"2".into());
    let task = tasks.lock().unwrap().pop().unwrap();
    task.await.unwrap();
    drop(ann);
    let task = tasks.lock().unwrap().pop().unwrap();
    sleep(ms(1_000)).await;
    assert!(!task.is_finished(), "it waits for the grace");
    drop((_watcher, presence));
    task.await.unwrap();
    assert!(tasks.lock().unwrap().is_empty());
}

/// Panics when it is woken.
struct Faulty;

impl Sink for Faulty {
    fn wake(&self, _: u32) {
        panic!("a planted panic");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_panics_keeps_nobody_else_from_being_told() {
    let presence = memory(&Limits::default());
    let faulty: Arc<dyn Sink> = Arc::new(Faulty);
    let _faulty = presence.watch("a", faulty, 0).await.unwrap();
    let mut watcher = Watcher::of(&presence, "a").await;
    watcher.read(&presence).await;
    for count in 1..4 {
        let key = count.to_string();
        // Kept: each round one more comes.
        std::mem::forget(shown(&presence, "a", &key, "1"));
        sleep(ms(1_100)).await;
        assert_eq!(watcher.sink.take(), 1, "{count}");
        assert!(watcher.read(&presence).await.contains(&key));
    }
}

/// Another task does the work that is due: topics that are listed as due start none.
#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_followed_by_another() {
    let start = tokio::time::Instant::now();
    let is_faulty = Arc::new(AtomicUsize::new(1));
    let left = is_faulty.clone();
    let spawn = move |mut task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let left = left.clone();
        drop(tokio::spawn(std::future::poll_fn(move |context| {
            let is_late = start.elapsed() > ms(900);
            assert!(!is_late || left.swap(0, Ordering::Relaxed) == 0, "planted");
            task.as_mut().poll(context)
        })));
    };
    let presence = MemoryPresence::new(&Limits::default(), Arc::new(spawn));
    let mut watcher = Watcher::of(&presence, "a").await;
    let _ann = shown(&presence, "a", "ann", "1");
    sleep(ms(100)).await;
    assert_eq!(watcher.sink.take(), 1);
    watcher.read(&presence).await;
    // Told a second after the first, by a task that panics then.
    let _ben = shown(&presence, "a", "ben", "1");
    sleep(ms(1_500)).await;
    assert_eq!(is_faulty.load(Ordering::Relaxed), 0, "it has panicked");
    assert_eq!(watcher.sink.take(), 1);
    assert!(watcher.read(&presence).await.contains("ben"));
}
