//! Bounds on how fast something may come: token buckets.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: `most` at once, and `per_second` each second.
pub(crate) struct Rate {
    per_second: f64,
    most: f64,
    /// How much the bucket holds.
    left: f64,
    /// When `left` was last brought up to date.
    at: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let most = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second.max(1)),
            most,
            left: most,
            at: Instant::now(),
        }
    }

    fn fill(&mut self) -> Instant {
        let now = Instant::now();
        self.fill_at(now);
        now
    }

    /// Fills the bucket up to `now`. Gives the seconds since the last time.
    fn fill_at(&mut self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(std::mem::replace(&mut self.at, now));
        let seconds = since.as_secs_f64();
        self.left = (self.left + seconds * self.per_second).min(self.most);
        seconds
    }

    /// Takes one out of the bucket. False if the bucket holds less than one.
    pub(crate) fn take(&mut self) -> bool {
        // Filled at every call, so that time during which the bucket was full does not count.
        self.fill();
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }

    /// Takes so many out of the bucket. False, and takes none, if the bucket holds less.
    pub(crate) fn take_many(&mut self, count: usize) -> bool {
        self.fill();
        let may = self.left >= count as f64;
        if may {
            self.left -= count as f64;
        }
        may
    }

    /// When the next one may come; `None` if it may come now.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        let now = self.fill();
        if self.left >= 1.0 {
            return None;
        }
        later(now, 1.0 - self.left, self.per_second)
    }
}

/// When the bucket will have gained `missing`; `None` if no `Instant` is so late.
fn later(now: Instant, missing: f64, per_second: f64) -> Option<Instant> {
    // A microsecond more: after rounding, the bucket could otherwise hold a little less than one.
    let time = Duration::try_from_secs_f64(missing / per_second).ok()?;
    now.checked_add(time + Duration::from_micros(1))
}

/// A bound on a client's events and on the bytes of all its messages.
///
/// An event beyond the bound is refused. Bytes beyond the bound are accepted, but nothing more is read
/// from the client until the bucket has filled up again.
pub(crate) struct Flow {
    events: Rate,
    bytes_per_second: f64,
    most_bytes: f64,
    /// How many bytes the bucket holds. While this is below zero, nothing more is to be read.
    bytes: f64,
}

impl Flow {
    pub(crate) fn new(events: Rate, bytes_per_second: usize, burst: usize) -> Self {
        let most_bytes = burst.max(1) as f64;
        Self {
            events,
            bytes_per_second: bytes_per_second.max(1) as f64,
            most_bytes,
            bytes: most_bytes,
        }
    }

    /// Counts a message of `bytes` bytes. Gives whether the message may pass, which is false only for an
    /// event too many, and when the next message may be read; `None` is now.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        bytes: usize,
        is_event: bool,
    ) -> (bool, Option<Instant>) {
        let gained = self.events.fill_at(now);
        let may = !is_event || self.events.left >= 1.0;
        if may && is_event {
            self.events.left -= 1.0;
        }
        let left = (self.bytes + gained * self.bytes_per_second).min(self.most_bytes);
        self.bytes = left - bytes as f64;
        if self.bytes >= 0.0 {
            return (may, None);
        }
        (may, later(now, -self.bytes, self.bytes_per_second))
    }

    /// Whether the bucket lacks at most `bytes`: the client has sent no more than that lately.
    pub(crate) fn is_modest(&self, bytes: f64) -> bool {
        self.most_bytes - self.bytes <= bytes
    }
}

/// How long an empty bucket takes to fill.
pub(crate) fn filling(per_second: usize, burst: usize) -> Duration {
    let seconds = burst.div_ceil(per_second.max(1));
    Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_a_rate() {
        let mut rate = Rate::new(10, 3);
        let taken = |rate: &mut Rate| (0..100).filter(|_| rate.take()).count();
        assert_eq!(taken(&mut rate), 3);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(taken(&mut rate), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(taken(&mut rate), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_before_a_burst_makes_it_no_larger() {
        let mut rate = Rate::new(10, 3);
        assert!(rate.take());
        tokio::time::advance(Duration::from_secs(60)).await;
        let taken = (0..100).filter(|_| rate.take()).count();
        assert_eq!(taken, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_too_early_is_told_when() {
        let mut rate = Rate::new(10, 2);
        let start = Instant::now();
        let when = |rate: &mut Rate| rate.due().map(|at| (at - start).as_millis());
        assert!(rate.take() && rate.take());
        assert_eq!(when(&mut rate), Some(100));
        assert!(!rate.take());
        tokio::time::advance(Duration::from_millis(101)).await;
        assert_eq!(when(&mut rate), None);
        assert!(rate.take());
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_beyond_the_burst_have_to_be_waited_for() {
        let mut flow = Flow::new(Rate::new(1, 1), 1000, 2000);
        let start = Instant::now();
        let take = |flow: &mut Flow, bytes| {
            let (may, due) = flow.take(Instant::now(), bytes, true);
            (may, due.map(|due| (due - start).as_millis()))
        };
        assert_eq!(take(&mut flow, 1500), (true, None));
        assert!(!flow.is_modest(1000.0));
        // An event too many and bytes too many at once.
        assert_eq!(take(&mut flow, 1500), (false, Some(1000)));
        assert_eq!(take(&mut flow, 1000), (false, Some(2000)));
        tokio::time::advance(Duration::from_millis(3500)).await;
        assert_eq!(take(&mut flow, 0), (true, None));
        assert!(flow.is_modest(1000.0));
        assert!(flow.take(Instant::now(), 0, false).0);
    }
}
