//! Changes of this process go to Redis, and are told to the processes that watch.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Inner;
use super::keys::told_in;
use crate::presence::beyond::{Beyond, Own, Said, Write};

/// The most topics that are written together.
const MOST_TOGETHER: usize = 128;
/// Changes of about the same time are written together.
const PAUSE: Duration = Duration::from_millis(10);
/// The pause before a write that failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often Redis is asked to keep the entries of this process.
const KEEPS: Duration = Duration::from_secs(120);

/// Writes changes, until the task is dropped.
pub(super) async fn write(inner: Arc<Inner>) {
    loop {
        let topics = inner.outbox.take(MOST_TOGETHER).await;
        sleep(PAUSE).await;
        let mut writes = Vec::with_capacity(topics.len());
        for topic in topics {
            let number = inner.last.fetch_add(1, Ordering::Relaxed) + 1;
            let write = inner.with_beyond(&topic, |beyond, now| {
                beyond.is_listed = false;
                beyond.own.take(number, now)
            });
            if let Some(write) = write.flatten() {
                writes.push((topic, write));
            }
        }
        let answers = inner.asking.write(&writes).await;
        let mut told = Vec::new();
        let mut has_failed = false;
        for ((topic, write), answer) in writes.iter().zip(answers) {
            match answer {
                Ok((true, others)) if write.is_told => {
                    // The write has been done, and is over when it is told. Later writes are told after it.
                    told.push(tell(&inner, topic, write, others));
                }
                Ok((true, others)) => {
                    inner.with_own(topic, |own| own.is_written(write, others));
                }
                // Redis has lost something, and gets all of it.
                Ok((false, _)) => {
                    inner.with_own(topic, |own| own.is_refused(write));
                }
                Err(_) => {
                    has_failed = true;
                    inner.with_own(topic, |own| own.is_not_written(write));
                }
            }
        }
        has_failed |= join_all(told).await.contains(&false);
        if has_failed {
            sleep(AGAIN).await;
        }
    }
}

/// Tells a write to the processes that watch. False if they may not know it.
async fn tell(inner: &Inner, topic: &str, write: &Write, others: usize) -> bool {
    let is_told = match Said::of(&inner.process, write) {
        Some(said) => {
            let told = inner.between.publish(&told_in(topic), None, said.into());
            told.await.is_ok()
        }
        // There is nothing that could be told.
        None => true,
    };
    inner.with_own(topic, |own| {
        own.is_written(write, others);
        if !is_told {
            own.is_not_told(write);
        }
    });
    is_told
}

/// Asks Redis to keep the entries of this process, and puts back the entries that Redis has lost, until the
/// task is dropped.
pub(super) async fn keep(inner: Arc<Inner>) {
    let mut here = inner.processes.here();
    let mut lapses = here.borrow_and_update().lapses;
    let mut connection = 0;
    loop {
        let is_open = tokio::select! {
            () = sleep(KEEPS) => true,
            newer = inner.asking.link().newer(connection) => match newer {
                Some(newer) => { connection = newer; true }
                None => false,
            },
            changed = here.changed() => changed.is_ok(),
        };
        if !is_open {
            return;
        }
        let now = here.borrow_and_update().lapses;
        if now != lapses {
            lapses = now;
            // Others may have taken this process for dead: they are told of all entries again.
            for topic in inner.rooms.topics(|room| room.beyond.is_some()) {
                inner.with_own(&topic, Own::is_lost);
            }
            continue;
        }
        keep_all(&inner).await;
    }
}

async fn keep_all(inner: &Arc<Inner>) {
    let is_kept = |beyond: &Beyond| beyond.own.number() > 0;
    let topics = inner
        .rooms
        .topics(|room| room.beyond.as_deref().is_some_and(is_kept));
    for topics in topics.chunks(MOST_TOGETHER) {
        let mut kept = Vec::with_capacity(topics.len());
        for topic in topics {
            if let Some(number) = inner.with_beyond(topic, |beyond, _| beyond.own.number()) {
                kept.push((topic.clone(), number));
            }
        }
        let answers = inner.asking.keep(&kept).await;
        let mut seen = Vec::new();
        for ((topic, number), answer) in kept.into_iter().zip(answers) {
            match answer {
                Ok((true, places)) => seen.push((topic, places)),
                Ok((false, _)) => {
                    inner.with_own(&topic, |own| own.has_lost(number));
                }
                // If Redis is away, this is done again on the next connection.
                Err(_) => {}
            }
        }
        inner.living.gone(&seen).await;
    }
}
