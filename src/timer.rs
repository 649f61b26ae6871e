//! A timer that is polled by hand, beside other things that wake the same task.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Tells its task once, at a time that can be moved.
///
/// It is one task that waits each time, so the runtime is told of its waker at the first poll only:
/// a deadline that moves with every event costs no look-up per event. A `Sleep` that is polled when
/// the task has used up its cooperative budget says `Pending` without having kept the waker; it would
/// never ring. So it is polled without regard to that budget.
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// The runtime knows whom to wake.
    is_known: bool,
}

impl Timer {
    /// One that rings at `time`. Must be called inside a tokio runtime.
    pub(crate) fn at(time: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(time)),
            is_known: false,
        }
    }

    /// When it rings, or has rung.
    pub(crate) fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Has it ring at `time`, whether it has rung or not.
    pub(crate) fn reset(&mut self, time: Instant) {
        self.sleep.as_mut().reset(time);
    }

    /// Has it ring at `time`, if that is earlier.
    pub(crate) fn hasten(&mut self, time: Instant) {
        if time < self.deadline() {
            self.reset(time);
        }
    }

    /// Resolves when it rings. Whoever hears that sets it again or polls it no more.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_known && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        let mut sleep = unconstrained(self.sleep.as_mut());
        let rung = Pin::new(&mut sleep).poll(context);
        self.is_known = rung.is_pending();
        rung
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::task::coop::{consume_budget, has_budget_remaining};

    use super::*;

    /// A task that reads much has no budget left when it looks at its timer.
    #[tokio::test(start_paused = true)]
    async fn a_timer_rings_that_is_first_polled_without_a_budget() {
        let start = Instant::now();
        let mut timer = Timer::at(start + Duration::from_secs(5));
        let mut is_spent = false;
        poll_fn(|context| {
            while !is_spent && has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(context);
            }
            is_spent = true;
            timer.poll(context)
        })
        .await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    /// The reason for the above, so that it is noticed if it is gone.
    #[tokio::test(start_paused = true)]
    async fn a_sleep_without_a_budget_is_pending_although_its_time_has_come() {
        let mut sleep = Box::pin(sleep_until(Instant::now()));
        let early = poll_fn(|context| {
            while has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(context);
            }
            Poll::Ready(sleep.as_mut().poll(context))
        });
        assert!(early.await.is_pending());
    }
}
