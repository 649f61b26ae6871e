//! The topics that are watched in this process: each is read whole when somebody begins to watch, and again if something
//! was missed; in between, what other processes tell is taken from a topic between processes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::keys::told_in;
use super::{Inner, reading};
use crate::presence::beyond::{Beyond, Copy, Found, Own, Said};
use crate::presence::room::Room;
use crate::redis::AskError;
use crate::sync::{Mutex, lock};
use crate::timer::at;
use crate::topics::{Most, Position, Sink, Subscription, TopicError};

/// The most topics that are read together.
const MOST_TOGETHER: usize = 32;
/// When a topic that could not be read is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How many messages are taken at a time.
const MOST: Most = Most {
    messages: 64,
    bytes: 256 * 1024,
};
/// How many events fill a roster while a lock is held.
const EVENTS: usize = 256;

/// The work of the task. The lock is a `std` one, held to add or to take. It is taken while the lock of a
/// part of the topics is held.
#[derive(Default)]
pub(super) struct Following {
    orders: Mutex<Orders>,
    wanted: Notify,
}

#[derive(Default)]
struct Orders {
    last: u32,
    begun: Vec<(u32, Arc<str>)>,
    ended: Vec<u32>,
    /// Something was told. Each number stands here once until it was read.
    told: Vec<u32>,
}

impl Following {
    /// The topic is watched from now on. Gives the number of this.
    pub(super) fn begins(&self, topic: &Arc<str>) -> u32 {
        let mut orders = lock(&self.orders);
        orders.last = orders.last.wrapping_add(1);
        let number = orders.last;
        orders.begun.push((number, topic.clone()));
        drop(orders);
        self.wanted.notify_one();
        number
    }

    /// The topic is not watched any more.
    pub(super) fn ends(&self, number: u32) {
        lock(&self.orders).ended.push(number);
        self.wanted.notify_one();
    }

    fn take(&self) -> Orders {
        let mut orders = lock(&self.orders);
        let last = orders.last;
        std::mem::replace(
            &mut *orders,
            Orders {
                last,
                ..Orders::default()
            },
        )
    }
}

impl Sink for Following {
    fn wake(&self, number: u32) {
        lock(&self.orders).told.push(number);
        self.wanted.notify_one();
    }
}

/// A topic that is watched.
struct Followed {
    topic: Arc<str>,
    /// The subscription to the news of other processes, and the position up to which they were taken.
    told: Option<(Subscription, Position)>,
}

/// Follows topics, until the task is dropped.
pub(super) async fn follow(inner: Arc<Inner>) {
    let mut followed: HashMap<u32, Followed> = HashMap::new();
    // The topics that have to be read whole, and those that could not be read.
    let (mut unread, mut failed): (Vec<u32>, HashSet<u32>) = (Vec::new(), HashSet::new());
    let mut again: Option<Instant> = None;
    loop {
        let orders = inner.following.take();
        for (number, topic) in orders.begun {
            followed.insert(number, Followed { topic, told: None });
            unread.push(number);
        }
        for number in orders.ended {
            followed.remove(&number);
        }
        for number in orders.told {
            if let Some(one) = followed.get_mut(&number)
                && hear(&inner, number, one).await
                && !unread.contains(&number)
            {
                unread.push(number);
            }
        }
        let count = unread.len().min(MOST_TOGETHER);
        let mut some: Vec<_> = unread.drain(..count).collect();
        some.retain(|number| followed.contains_key(number));
        failed.extend(read_whole(&inner, &some, &mut followed).await);
        if !failed.is_empty() {
            again.get_or_insert_with(|| Instant::now() + AGAIN);
        }
        // Whatever is told until then.
        if again.is_some_and(|again| again <= Instant::now()) {
            again = None;
            unread.extend(failed.drain());
        }
        if !unread.is_empty() {
            continue;
        }
        tokio::select! {
            () = inner.following.wanted.notified() => {}
            () = at(again) => {}
        }
    }
}

/// Takes the news of other processes. True if some were missed.
async fn hear(inner: &Inner, number: u32, followed: &mut Followed) -> bool {
    let Some((subscription, position)) = &mut followed.told else {
        return false;
    };
    loop {
        // The topic wakes it again.
        let Ok(batch) = inner.between.read(subscription, *position, MOST).await else {
            return false;
        };
        *position = batch.position;
        if batch.gap {
            return true;
        }
        for message in &batch.messages {
            // A message that cannot be read was sent by another program.
            let Some(said) = Said::read(&message.data) else {
                continue;
            };
            if *said.process == *inner.process {
                continue;
            }
            inner.with_copy(&followed.topic, number, |copy, room, _, now| {
                if copy.hears(&said, &mut room.roster, now) {
                    inner.living.is_in(&Arc::from(&*said.process), &room.name);
                }
            });
        }
        if !batch.more {
            return false;
        }
        yield_now().await;
    }
}

/// Reads these topics whole. Gives those that could not be read.
async fn read_whole(
    inner: &Inner,
    numbers: &[u32],
    followed: &mut HashMap<u32, Followed>,
) -> Vec<u32> {
    if numbers.is_empty() {
        return Vec::new();
    }
    // The subscription comes first, so that the entries that are read include all earlier news.
    let subscribed = join_all(numbers.iter().map(|number| {
        let one = followed.get(number);
        let new = one.filter(|one| one.told.is_none());
        let new = new.map(|one| {
            let sink: Arc<dyn Sink> = inner.following.clone();
            inner.between.subscribe(&told_in(&one.topic), sink, *number)
        });
        async move {
            match new {
                Some(subscribed) => Some(subscribed.await),
                None => None,
            }
        }
    }))
    .await;
    let mut failed = Vec::new();
    let mut ready = Vec::new();
    for (number, subscribed) in numbers.iter().zip(subscribed) {
        let Some(one) = followed.get_mut(number) else {
            continue;
        };
        match subscribed {
            Some(Ok(subscribed)) => one.told = Some((subscribed.subscription, subscribed.now)),
            Some(Err(error)) => {
                failed.push(*number);
                let why = match &error {
                    TopicError::Failed(_) => None,
                    _ => Some(error.to_string()),
                };
                is_refused(inner, one, *number, why);
                continue;
            }
            None => {}
        }
        ready.push((*number, one.topic.clone()));
    }
    let topics: Vec<_> = ready.iter().map(|(_, topic)| topic.clone()).collect();
    let read = reading::read(inner, &topics).await;
    for ((number, topic), read) in ready.into_iter().zip(read) {
        match read {
            Ok(found) => {
                take_whole(inner, &topic, number, found).await;
                // News that came meanwhile may have woken nobody: the subscription could not be read yet.
                inner.following.wake(number);
            }
            Err(error) => {
                failed.push(number);
                let why = match error {
                    AskError::Away(_) => None,
                    error => Some(error.to_string()),
                };
                if let Some(one) = followed.get(&number) {
                    is_refused(inner, one, number, why);
                }
            }
        }
    }
    failed
}

/// Watchers are told that nothing is known. If Redis is away they wait.
fn is_refused(inner: &Inner, one: &Followed, number: u32, why: Option<String>) {
    inner.with_copy(&one.topic, number, |copy, _, _, _| copy.refused = why);
}

/// Takes the entries that were read of a topic.
async fn take_whole(inner: &Inner, topic: &Arc<str>, number: u32, found: Vec<Found>) {
    let events = inner.with_copy(topic, number, |copy, room, own, now| {
        for one in &found {
            inner.living.is_in(&one.process, &room.name);
        }
        copy.refused = None;
        if room.is_known {
            copy.compare(&found, &mut room.roster, now);
            return None;
        }
        Some(Copy::events(&found, own))
    });
    let Some(events) = events.flatten() else {
        return;
    };
    for some in events.chunks(EVENTS) {
        inner.with_copy(topic, number, |copy, room, own, now| {
            copy.fill(some, &found, own, &mut room.roster, now);
        });
        yield_now().await;
    }
    inner.with_copy(topic, number, |_, room, _, now| {
        room.roster.expire(now, usize::MAX);
        room.becomes_known();
    });
}

impl Inner {
    /// Changes the copy of a topic, if the copy has this number.
    fn with_copy<R>(
        &self,
        topic: &str,
        number: u32,
        change: impl FnOnce(&mut Copy, &mut Room, &Own, Instant) -> R,
    ) -> Option<R> {
        let result = self.rooms.with(topic, |room, now| {
            let mut beyond = room.beyond.take()?;
            let Beyond { own, copy, .. } = &mut *beyond;
            let copy = copy.as_mut().filter(|copy| copy.number == number);
            let result = copy.map(|copy| change(copy, room, own, now));
            room.beyond = Some(beyond);
            result
        });
        result.flatten()
    }
}
