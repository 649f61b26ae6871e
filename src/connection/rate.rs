//! A bound on how fast something may come: a token bucket.

use tokio::time::Instant;

/// So many at once, and so many each second.
pub(super) struct Rate {
    per_second: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let most = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second),
            most,
            left: most,
            at: Instant::now(),
        }
    }

    /// Whether one more may come now.
    pub(super) fn take(&mut self) -> bool {
        // The clock is read only when the bucket is empty: most clients never get there.
        if self.left < 1.0 {
            let now = Instant::now();
            let since = now.duration_since(std::mem::replace(&mut self.at, now));
            let gained = since.as_secs_f64() * self.per_second;
            self.left = (self.left + gained).min(self.most);
        }
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_a_rate() {
        let mut rate = Rate::new(10, 3);
        let taken = |rate: &mut Rate| (0..100).filter(|_| rate.take()).count();
        assert_eq!(taken(&mut rate), 3);
        tokio::time::advance(std::time::Duration::from_millis(250)).await;
        assert_eq!(taken(&mut rate), 2);
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        assert_eq!(taken(&mut rate), 3);
    }
}
