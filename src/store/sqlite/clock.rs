//! The store's own time, which no change of the machine's clock moves.

use std::time::{Duration, Instant};

use crate::clock::unix_now;

/// Where time comes from.
pub(super) trait Time: Send {
    /// Since a point that stays the same while the process lives; it only grows.
    fn monotonic(&self) -> Duration;

    /// The time of day, in seconds since 1970. It may be set.
    fn of_day(&self) -> u64;
}

struct Machine(Instant);

impl Time for Machine {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn of_day(&self) -> u64 {
        unix_now()
    }
}

/// How long a store has been open in all, through all of its processes: it goes on from what the file
/// says, in step with the monotonic clock. While no process has the file open it stands still.
pub(super) struct Clock {
    time: Box<dyn Time>,
    /// The store's time before this process has opened it, and what others have come further since.
    ahead: Duration,
    /// The monotonic clock then.
    started: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self::of(Box::new(Machine(Instant::now())))
    }

    pub(super) fn of(time: Box<dyn Time>) -> Self {
        let started = time.monotonic();
        Self {
            time,
            ahead: Duration::ZERO,
            started,
        }
    }

    /// The store's time.
    pub(super) fn running(&self) -> Duration {
        self.ahead + (self.time.monotonic() - self.started)
    }

    /// It is at least this.
    pub(super) fn advance_to(&mut self, running: Duration) {
        self.ahead += running.saturating_sub(self.running());
    }

    /// The time of day, in seconds since 1970.
    pub(super) fn of_day(&self) -> u64 {
        self.time.of_day()
    }
}
