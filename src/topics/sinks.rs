//! The subscribers of a topic, and how they are woken.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[cfg(shuttle)]
use shuttle::sync::atomic::AtomicBool;
#[cfg(not(shuttle))]
use std::sync::atomic::AtomicBool;

/// A subscriber, as a topic knows it: a topic knows no actor.
pub trait Sink: Send + Sync {
    /// The topic of this subscription has something after the position that the subscriber read last.
    /// `subscription` is the number that the subscriber chose when it subscribed.
    ///
    /// After a wake there is no further one until the subscriber has read: messages that are published
    /// meanwhile wait in the topic's history. A wake may come without need, also a moment after the
    /// subscription has ended.
    ///
    /// Called from any thread. It must neither block nor panic, and it must not call the topic:
    /// others wait for their wakes meanwhile.
    fn wake(&self, subscription: u32);
}

/// A sink, and whether it has been told.
pub(crate) struct Listener {
    sink: Arc<dyn Sink>,
    number: u32,
    /// Set by the topic when it wakes the sink, cleared by the subscriber when it begins to read. While
    /// it is set the sink is not woken: a read that is still to come finds what is new.
    ///
    /// Both sides swap, so that of a reader and a publisher the later one sees what the earlier one
    /// did: either the reader finds the message, or the publisher finds the flag cleared. If the
    /// reader only stored `false`, it could miss a message that nobody tells it of.
    is_told: AtomicBool,
}

impl Listener {
    pub(crate) fn new(sink: Arc<dyn Sink>, number: u32) -> Arc<Self> {
        let is_told = AtomicBool::new(false);
        Arc::new(Self {
            sink,
            number,
            is_told,
        })
    }

    /// The subscriber begins to read: from now on it wants to be told again.
    pub(crate) fn reads(&self) {
        self.is_told.swap(false, Ordering::AcqRel);
    }

    /// Wakes the sink, unless it has been told. A sink that panics, which is a fault of this library and said by the
    /// panic itself, keeps nobody else from being told; it is told again with the next message.
    pub(crate) fn tell(&self) {
        if self.is_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let woken = catch_unwind(AssertUnwindSafe(|| self.sink.wake(self.number)));
        if woken.is_err() {
            self.reads();
        }
    }
}

/// How many listeners stand together and are copied together.
pub(super) const CHUNK: usize = 64;

/// A part of a topic's listeners; `None` is a slot that is free.
pub(crate) type Chunk = Vec<Option<Arc<Listener>>>;

/// The listeners of a topic, in chunks that are copied before they change if somebody reads them. So a
/// publisher gets all listeners at the price of one pointer a chunk, and one more listener costs no more
/// than the copy of a chunk.
#[derive(Default)]
pub(crate) struct Sinks {
    /// All but the last are full. The last one's last slot is taken.
    chunks: Vec<Arc<Chunk>>,
    /// The slots that are free.
    free: BTreeSet<u32>,
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

impl Sinks {
    /// One past the highest slot that is taken.
    fn end(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.len());
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    /// How many listeners there are.
    pub(crate) fn len(&self) -> usize {
        self.end() - self.free.len()
    }

    /// Adds a listener. Gives its slot, the lowest that is free.
    pub(crate) fn add(&mut self, listener: Arc<Listener>) -> u32 {
        if let Some(slot) = self.free.pop_first() {
            self.set(slot, Some(listener));
            return slot;
        }
        let slot = self.end();
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => Arc::make_mut(chunk).push(Some(listener)),
            None => self.chunks.push(Arc::new(vec![Some(listener)])),
        }
        // 2^32 listeners do not fit into memory.
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    /// Puts a listener into a slot, or empties the slot. Gives the listener that was there.
    fn set(&mut self, slot: u32, listener: Option<Arc<Listener>>) -> Option<Arc<Listener>> {
        let (chunk, index) = place(slot);
        let chunk = Arc::make_mut(self.chunks.get_mut(chunk)?);
        std::mem::replace(chunk.get_mut(index)?, listener)
    }

    /// Takes a listener out. The caller drops it when it holds no lock: a sink may do anything when it
    /// is dropped.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Arc<Listener>> {
        let listener = self.set(slot, None)?;
        self.free.insert(slot);
        // The free slots at the end go. Each was taken once, so this is paid for.
        while let Some(chunk) = self.chunks.last_mut() {
            let taken = chunk.iter().rposition(Option::is_some);
            let length = taken.map_or(0, |index| index + 1);
            if length == chunk.len() {
                break;
            }
            if length == 0 {
                self.chunks.pop();
            } else {
                Arc::make_mut(chunk).truncate(length);
            }
        }
        let end = u32::try_from(self.end()).unwrap_or(u32::MAX);
        while self.free.last().is_some_and(|slot| *slot >= end) {
            self.free.pop_last();
        }
        Some(listener)
    }

    /// All listeners of this moment.
    pub(crate) fn snapshot(&self) -> Vec<Arc<Chunk>> {
        self.chunks.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Sink for Counter {
        fn wake(&self, subscription: u32) {
            self.0.fetch_add(subscription as usize, Ordering::Relaxed);
        }
    }

    fn listener(number: u32) -> Arc<Listener> {
        Listener::new(Arc::new(Counter::default()), number)
    }

    fn numbers(chunks: &[Arc<Chunk>]) -> Vec<u32> {
        let all = chunks.iter().flat_map(|chunk| chunk.iter().flatten());
        all.map(|listener| listener.number).collect()
    }

    #[test]
    fn a_sink_is_told_once_until_it_reads() {
        let sink = Arc::new(Counter::default());
        let listener = Listener::new(sink.clone(), 3);
        listener.tell();
        listener.tell();
        assert_eq!(sink.0.load(Ordering::Relaxed), 3);
        listener.reads();
        assert_eq!(sink.0.load(Ordering::Relaxed), 3);
        listener.tell();
        assert_eq!(sink.0.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_snapshot_stays_as_it_was() {
        let mut sinks = Sinks::default();
        for number in 0..100 {
            assert_eq!(sinks.add(listener(number)), number);
        }
        let before = sinks.snapshot();
        assert_eq!(before.len(), 2);
        assert!(sinks.remove(70).is_some() && sinks.remove(99).is_some());
        sinks.add(listener(1000));
        assert_eq!(numbers(&before), (0..100).collect::<Vec<_>>());
        let now: Vec<_> = (0..70).chain([1000]).chain(71..99).collect();
        assert_eq!(numbers(&sinks.snapshot()), now);
    }

    /// Against a map: slots are given once at a time, the lowest first, and nothing of a listener that left
    /// stays.
    #[test]
    fn slots_are_used_again_and_given_back() {
        let mut sinks = Sinks::default();
        let mut model = std::collections::BTreeMap::new();
        let mut random = 7_u32;
        for step in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // First it grows, then it shrinks.
            let adds = random >> 16 & 7 < if step < 10_000 { 5 } else { 2 };
            if adds {
                let slot = sinks.add(listener(step));
                assert!((0..slot).all(|lower| model.contains_key(&lower)));
                assert_eq!(model.insert(slot, step), None);
            } else {
                let slot = (random >> 8) % 3000;
                let listener = sinks.remove(slot).map(|listener| listener.number);
                assert_eq!(listener, model.remove(&slot));
            }
            assert_eq!(sinks.len(), model.len());
            let end = model
                .last_key_value()
                .map_or(0, |(slot, _)| *slot as usize + 1);
            assert_eq!(
                (sinks.end(), sinks.chunks.len()),
                (end, end.div_ceil(CHUNK))
            );
            assert!(sinks.free.last().is_none_or(|slot| (*slot as usize) < end));
        }
        assert_eq!(
            numbers(&sinks.snapshot()),
            model.into_values().collect::<Vec<_>>()
        );
    }
}
