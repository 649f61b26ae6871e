//! An event has failed since its state could not be kept, and nobody knows whether the store has that state all the
//! same: its answer was lost. The page was told that the event was not applied, so another process must not go on with
//! it.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::ReplyTo;
use super::running::Running;
use super::state::LiveSocketState;
use crate::dispatch::{CallError, Dispatcher};

/// When the committed state is offered to the store again.
const AGAIN: Duration = Duration::from_secs(1);

impl LiveSocketState {
    /// A state could not be kept. The committed one takes its place in the store as soon as the store works, with the
    /// next step at the latest.
    pub(super) fn may_be_kept<D: Dispatcher>(&mut self, error: &CallError, running: &Running<D>) {
        if matches!(error, CallError::NotKept(_)) && self.settles_at.is_none() {
            self.settles_at = Some(Instant::now() + AGAIN);
            running.remind_later(AGAIN);
        }
    }

    /// Commits the committed state once more, as a step of its own without a call, if it is time for that.
    /// The step has the revision of the state that may or may not be in the store, and replaces that state.
    pub(super) async fn settle<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        // One reminder at a time: others may have rung earlier.
        if self.settles_at.is_none_or(|at| Instant::now() < at) {
            return ControlFlow::Continue(());
        }
        match self.commit_uncalled(Vec::new(), 0, running, reply_to).await {
            Ok(()) => {}
            Err(error @ CallError::Moved) => return self.moved(running, &error, reply_to),
            // The log has had the error when the event failed.
            Err(_) => {
                self.settles_at = Some(Instant::now() + AGAIN);
                running.remind_later(AGAIN);
            }
        }
        ControlFlow::Continue(())
    }
}
