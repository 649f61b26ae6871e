//! Counters for operators: the numbers of `loom.stats()` and `loom.metrics()`.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::codes::Code;

/// The upper ends of the buckets of each [`Histogram`], in seconds. One more bucket has all that is longer.
pub const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Counters of one application. They are relaxed atomics: each is exact, but two of them are not read
/// at the same instant.
#[derive(Default)]
pub struct Stats {
    /// Open connections.
    pub connections: Gauge,
    /// Running actors.
    pub components: Gauge,
    /// Running actors that wait for their page to come back.
    pub parked: Gauge,
    /// Events that wait in the actors' mailboxes.
    pub queued_events: Gauge,
    /// Tasks that run.
    pub tasks: Gauge,
    /// Pages that were let in, each component for itself, since the start.
    pub joins: Counter,
    /// Events answered with a patch, since the start.
    pub events: Counter,
    /// Messages from the server that were handled, since the start.
    pub messages: Counter,
    /// Events and joins answered with an error, since the start.
    pub errors: Counter,
    /// Bytes of messages from pages, since the start.
    pub received: Counter,
    /// Bytes of messages to pages, since the start.
    pub sent: Counter,
    /// Failures, by code.
    failures: [Counter; Code::ALL.len()],
    /// Somebody reads durations. Set by the first reader, and never cleared: a histogram that was begun goes
    /// on.
    timed: AtomicBool,
    /// Somebody is told of each step; see [`Stats::observe`].
    observed: AtomicBool,
    /// How long things took, since somebody reads it.
    pub durations: Durations,
}

/// How long the parts of steps took.
#[derive(Default)]
pub struct Durations {
    /// Joins: from the page's turn to the tree that the page is shown.
    pub joins: Histogram,
    /// Events: from the mailbox to the answer.
    pub events: Histogram,
    /// Visits, which handle the messages that wait together.
    pub visits: Histogram,
    /// Calls into JavaScript: the wait for the thread, the callbacks, `render`.
    pub calls: Histogram,
    /// The store, of steps that it has kept.
    pub stores: Histogram,
}

impl Stats {
    /// Something failed.
    pub fn failed(&self, code: Code) {
        self.failed_many(code, 1);
    }

    /// So many things failed.
    pub fn failed_many(&self, code: Code, count: u64) {
        self.errors.add_many(count);
        if let Some(counter) = self.failures.get(code as usize) {
            counter.add_many(count);
        }
    }

    /// The failures so far, by code.
    pub fn failures(&self) -> impl Iterator<Item = (Code, u64)> {
        let counts = self.failures.iter().map(Counter::get);
        Code::ALL.into_iter().zip(counts)
    }

    /// From here on durations are measured.
    pub fn time(&self) {
        self.timed.store(true, Ordering::Relaxed);
    }

    /// Whether durations are measured.
    pub fn is_timed(&self) -> bool {
        self.timed.load(Ordering::Relaxed)
    }

    /// From here on JavaScript is told of each step that is over, or is not.
    pub fn observe(&self, is_observed: bool) {
        self.observed.store(is_observed, Ordering::Relaxed);
        if is_observed {
            self.time();
        }
    }

    /// Whether JavaScript is told of each step that is over.
    pub fn is_observed(&self) -> bool {
        self.observed.load(Ordering::Relaxed)
    }
}

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds that many.
    pub fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number of things that exist now.
#[derive(Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// `count` fewer.
    pub fn down(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many durations lay in each of some ranges.
#[derive(Default)]
pub struct Histogram {
    buckets: [Counter; BUCKETS.len() + 1],
    nanoseconds: Counter,
}

impl Histogram {
    /// Adds one duration.
    pub fn add(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.partition_point(|end| *end < seconds);
        if let Some(counter) = self.buckets.get(bucket) {
            counter.add();
        }
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.add_many(nanoseconds);
    }

    /// How many durations there are in each bucket, the shortest first, and the sum of all, in seconds.
    pub fn read(&self) -> (Vec<u64>, f64) {
        let counts = self.buckets.iter().map(Counter::get).collect();
        (
            counts,
            Duration::from_nanos(self.nanoseconds.get()).as_secs_f64(),
        )
    }
}

/// Measures the parts of one step.
pub struct Clock {
    began: Instant,
    /// When the last part ended.
    last: Instant,
    /// How long each part took, by its number.
    parts: [Duration; 3],
}

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The call into JavaScript, with the wait for the thread.
    Call = 0,
    /// The store.
    Store = 1,
    /// The rest: the changes are found and handed to the connection.
    Patch = 2,
}

impl Clock {
    /// A step begins.
    pub fn start() -> Self {
        let began = Instant::now();
        Self {
            began,
            last: began,
            parts: [Duration::ZERO; 3],
        }
    }

    /// The time since the last lap belongs to this part.
    pub fn lap(&mut self, part: Part) {
        let now = Instant::now();
        if let Some(sum) = self.parts.get_mut(part as usize) {
            *sum += now - self.last;
        }
        self.last = now;
    }

    /// How long a part took so far.
    pub fn part(&self, part: Part) -> Duration {
        self.parts.get(part as usize).copied().unwrap_or_default()
    }

    /// How long the step has taken so far.
    pub fn total(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_has_room_for_it() {
        let histogram = Histogram::default();
        for micros in [1, 500, 501, 10_000_000, 10_000_001] {
            histogram.add(Duration::from_micros(micros));
        }
        let (counts, sum) = histogram.read();
        assert_eq!(counts.len(), BUCKETS.len() + 1);
        assert_eq!(counts.first(), Some(&2));
        assert_eq!(counts.get(1), Some(&1));
        assert_eq!(counts.get(13), Some(&1));
        assert_eq!(counts.last(), Some(&1));
        assert_eq!(counts.iter().sum::<u64>(), 5);
        assert!((sum - 20.001_003).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn failures_are_counted_by_code_and_together() {
        let stats = Stats::default();
        stats.failed(Code::Failed);
        stats.failed_many(Code::Flood, 3);
        let counted: Vec<_> = stats.failures().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(Code::Failed, 1), (Code::Flood, 3)]);
        assert_eq!(stats.errors.get(), 4);
    }

    #[test]
    fn who_observes_has_durations_measured_from_then_on() {
        let stats = Stats::default();
        assert!(!stats.is_timed());
        stats.observe(true);
        stats.observe(false);
        assert!(stats.is_timed() && !stats.is_observed());
    }
}
