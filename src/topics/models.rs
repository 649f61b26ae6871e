//! Promises that hold in whatever order threads publish, read, subscribe and leave (`npm run models`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::future::block_on;
use shuttle::{check_random, thread};

use super::*;
use crate::limits::Limits;
use crate::sync::{Mutex, lock};

const RUNS: usize = 3000;

const MOST: Most = Most {
    messages: 2,
    bytes: 1000,
};

/// Wakes that the subscriber has not seen.
#[derive(Default)]
struct Bell(Mutex<BTreeSet<u32>>);

impl Sink for Bell {
    fn wake(&self, subscription: u32) {
        lock(&self.0).insert(subscription);
    }
}

fn topics() -> Arc<MemoryTopics> {
    let spawn = |task| drop(thread::spawn(move || block_on(task)));
    Arc::new(MemoryTopics::new(&Limits::default(), Arc::new(spawn)))
}

/// Reads whenever the bell has rung, until `count` messages have come. Gives their data.
fn read_all(
    topics: &MemoryTopics,
    subscribed: &Subscribed,
    bell: &Bell,
    count: usize,
) -> Vec<String> {
    let (mut position, mut messages) = (subscribed.now, Vec::new());
    while messages.len() < count {
        // A wake that never comes is found as a test that never ends.
        if lock(&bell.0).pop_first().is_none() {
            thread::yield_now();
            continue;
        }
        loop {
            let batch = block_on(topics.read(&subscribed.subscription, position, MOST)).unwrap();
            assert!(!batch.gap);
            position = batch.position;
            messages.extend(batch.messages.iter().map(|it| it.data.to_string()));
            if !batch.more {
                break;
            }
        }
    }
    messages
}

/// Publishers and a subscriber that sleeps until it is woken: it gets every message once, and those of
/// each publisher in order. With `others` beside it the subscribers are woken by a task.
fn nothing_is_lost(others: u32) {
    check_random(
        move || {
            let (topics, bell) = (topics(), Arc::new(Bell::default()));
            let silent = Arc::new(Bell::default());
            let subscribe = |number, sink| block_on(topics.subscribe("a", sink, number)).unwrap();
            let _others: Vec<_> = (0..others)
                .map(|number| subscribe(number, silent.clone()))
                .collect();
            let subscribed = subscribe(9, bell.clone());
            let publishers: Vec<_> = (0..2)
                .map(|publisher| {
                    let topics = topics.clone();
                    thread::spawn(move || {
                        for number in 0..3 {
                            let data = format!("{publisher}{number}");
                            block_on(topics.publish("a", None, data.into())).unwrap();
                        }
                    })
                })
                .collect();
            let messages = read_all(&topics, &subscribed, &bell, 6);
            for publisher in publishers {
                publisher.join().unwrap();
            }
            for (publisher, expected) in [("0", ["00", "01", "02"]), ("1", ["10", "11", "12"])] {
                let own = messages.iter().filter(|it| it.starts_with(publisher));
                assert!(own.eq(expected.iter()), "{messages:?}");
            }
        },
        RUNS,
    );
}

#[test]
fn a_subscriber_that_sleeps_is_woken_by_the_publisher() {
    nothing_is_lost(0);
}

#[test]
fn a_subscriber_that_sleeps_is_woken_by_the_task() {
    nothing_is_lost(5);
}

/// A subscriber comes while others leave and a message is published. Messages that are published after the
/// subscriber's position reach it.
#[test]
fn what_is_published_after_a_subscription_reaches_it() {
    let missed = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let seen = missed.clone();
    check_random(
        move || {
            let (topics, bell) = (topics(), Arc::new(Bell::default()));
            let leaving: Vec<_> = (0..5)
                .map(|number| block_on(topics.subscribe("a", bell.clone(), number)).unwrap())
                .collect();
            let publisher = {
                let topics = topics.clone();
                thread::spawn(move || {
                    for data in ["1", "2"] {
                        block_on(topics.publish("a", None, data.into())).unwrap();
                    }
                })
            };
            let leaver = thread::spawn(move || drop(leaving));
            let own = Arc::new(Bell::default());
            let subscribed = block_on(topics.subscribe("a", own.clone(), 9)).unwrap();
            let before = subscribed.now.number as usize;
            let messages = read_all(&topics, &subscribed, &own, 2 - before);
            assert_eq!(messages, ["1", "2"][before..]);
            seen[usize::from(before > 0)].fetch_add(1, Ordering::SeqCst);
            publisher.join().unwrap();
            leaver.join().unwrap();
        },
        RUNS,
    );
    // Both orders were seen, so the model does try the race.
    assert!(missed.iter().all(|count| count.load(Ordering::SeqCst) > 0));
}

/// One message is published twice at the same time under one id: it is there once, and both publishers
/// are told the same position.
#[test]
fn an_id_is_published_once() {
    check_random(
        || {
            let topics = topics();
            let publishers: Vec<_> = (0..2)
                .map(|_| {
                    let topics = topics.clone();
                    thread::spawn(move || {
                        block_on(topics.publish("a", Some("x"), "1".into())).unwrap()
                    })
                })
                .collect();
            let both: Vec<_> = publishers
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect();
            assert_eq!(both[0].position, both[1].position);
            assert_ne!(both[0].is_duplicate, both[1].is_duplicate);
        },
        RUNS,
    );
}
