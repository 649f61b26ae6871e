//! One timer for all that an actor waits for.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings no later than asked for. It may ring early: whoever hears it looks at the clock and sets it
/// again. So a deadline that moves with every event costs no timer per event.
#[derive(Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    set: bool,
    /// The timer knows whom to wake.
    told: bool,
}

impl Alarm {
    /// Has it ring by `time`.
    pub(super) fn set(&mut self, time: Instant) {
        match &mut self.sleep {
            None => self.sleep = Some(Box::pin(sleep_until(time))),
            Some(sleep) if !self.set || sleep.deadline() > time => sleep.as_mut().reset(time),
            Some(_) => {}
        }
        self.set = true;
    }

    /// Resolves at `time`.
    pub(super) fn until(&mut self, time: Instant) -> impl Future<Output = ()> {
        self.set(time);
        poll_fn(move |context| {
            while self.poll(context).is_ready() {
                if Instant::now() >= time {
                    return Poll::Ready(());
                }
                self.set(time);
            }
            Poll::Pending
        })
    }

    /// Resolves when it rings; never while it is not set.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            // It is the same task that waits each time, so the timer has to be told once.
            Some(sleep) if self.told && !sleep.is_elapsed() => Poll::Pending,
            Some(sleep) if self.set => {
                let rung = sleep.as_mut().poll(context);
                self.set = rung.is_pending();
                self.told = self.set;
                rung
            }
            _ => Poll::Pending,
        }
    }
}
