//! A bound on how fast something may come: a token bucket.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and so many each second.
pub(crate) struct Rate {
    per_second: f64,
    most: f64,
    /// Below zero where some of those to come are taken already.
    left: f64,
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
        let since = now.duration_since(std::mem::replace(&mut self.at, now));
        let gained = since.as_secs_f64() * self.per_second;
        self.left = (self.left + gained).min(self.most);
        now
    }

    /// Whether one more may come now.
    pub(crate) fn take(&mut self) -> bool {
        // Each time: what was gained while the bucket was full does not count.
        self.fill();
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }

    /// Takes one in any case; gives when it may come, where that is not now.
    pub(crate) fn reserve(&mut self) -> Option<Instant> {
        let now = self.fill();
        self.left -= 1.0;
        if self.left >= 0.0 {
            return None;
        }
        now.checked_add(Duration::try_from_secs_f64(-self.left / self.per_second).ok()?)
    }

    /// One that was reserved is not needed.
    pub(crate) fn give_back(&mut self) {
        self.left += 1.0;
    }
}

/// How long a bucket of this kind takes to fill.
pub(crate) fn filling(per_second: u32, burst: u32) -> Duration {
    Duration::from_secs(u64::from(burst.div_ceil(per_second.max(1))))
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
        let when = |rate: &mut Rate| rate.reserve().map(|at| (at - start).as_millis());
        assert_eq!((when(&mut rate), when(&mut rate)), (None, None));
        assert_eq!((when(&mut rate), when(&mut rate)), (Some(100), Some(200)));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(when(&mut rate), Some(300));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((when(&mut rate), when(&mut rate)), (None, None));
    }
}
