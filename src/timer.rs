//! A timer that is polled by hand, beside other things that wake the same task.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes its task once, at a time that can be moved.
///
/// The same task waits each time, so only the first poll gives the runtime its waker: a deadline that
/// moves with every event costs no look-up per event. That first poll has to register the waker. A
/// `Sleep` that is polled after the task has used up its cooperative budget returns `Pending` without
/// registering it, and would never wake the task; so the poll ignores the budget (`unconstrained`).
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Set by a poll that has registered the task's waker, cleared by one that finds the timer has rung.
    /// While it is set, polls only compare times.
    is_known: bool,
}

impl Timer {
    /// A timer that rings at `time`. Must be called inside a tokio runtime.
    pub(crate) fn at(time: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(time)),
            is_known: false,
        }
    }

    /// When the timer rings, or has rung.
    pub(crate) fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Sets the timer to `time`, whether it has rung or not.
    pub(crate) fn reset(&mut self, time: Instant) {
        self.sleep.as_mut().reset(time);
    }

    /// Sets the timer to `time` if that is earlier than its deadline.
    pub(crate) fn hasten(&mut self, time: Instant) {
        if time < self.deadline() {
            self.reset(time);
        }
    }

    /// Ready when the timer has rung. After that the caller sets it again, or stops polling it.
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

/// Resolves at this time; never without one.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::task::coop::{consume_budget, has_budget_remaining};

    use super::*;

    /// A task that has read much may have no budget left when it polls its timer.
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

    /// The behaviour of tokio that `Timer` works around. If this fails, `unconstrained` can go.
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
