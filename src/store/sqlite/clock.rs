//! The store's own time. Setting the machine's clock does not change it.

use std::time::{Duration, Instant};

use crate::clock::unix_now;

/// A source of time; a test sets its own.
pub(super) trait Time: Send {
    /// The time since a point that stays the same while the process lives. Only grows.
    fn monotonic(&self) -> Duration;

    /// The time of day, in seconds since 1970. Somebody may set it, forward or back.
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

/// How long a store has been open, in all processes together. The clock starts with the time that the
/// file says and runs with the monotonic clock. It stands still while no process has the file open.
pub(super) struct Clock {
    time: Box<dyn Time>,
    /// Added to the time since `started`: the store's time at the start, and the lead of other processes
    /// since then.
    ahead: Duration,
    /// The monotonic time when this clock was made.
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

    /// Sets the clock to `running`, unless it is further already.
    pub(super) fn advance_to(&mut self, running: Duration) {
        self.ahead += running.saturating_sub(self.running());
    }

    /// The time of day, in seconds since 1970.
    pub(super) fn of_day(&self) -> u64 {
        self.time.of_day()
    }
}
