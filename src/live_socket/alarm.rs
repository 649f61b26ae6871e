//! One timer for all times that an actor waits for.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::timer::Timer;

/// A timer that rings by the time that was set, maybe earlier. The caller then looks at the clock and sets
/// the alarm again. So a deadline that moves with every event does not cost a timer for each event.
#[derive(Default)]
pub(super) struct Alarm {
    timer: Option<Timer>,
    set: bool,
}

impl Alarm {
    /// Has the alarm ring by `time`.
    pub(super) fn set(&mut self, time: Instant) {
        match &mut self.timer {
            None => self.timer = Some(Timer::at(time)),
            Some(timer) if self.set => timer.hasten(time),
            Some(timer) => timer.reset(time),
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

    /// Resolves when the alarm rings; never if it is not set.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) if self.set => {
                let rung = timer.poll(context);
                self.set = rung.is_pending();
                rung
            }
            _ => Poll::Pending,
        }
    }
}
