//! The component for which topics and presence are followed.

use std::sync::Arc;

use super::mailbox::Mailbox;
use crate::context::Context;
use crate::topics::Sink;

/// A component, as topics and presence know it.
pub(super) struct Follower<'a, D> {
    pub(super) context: &'a Context<D>,
    /// Is woken if there is something to read.
    pub(super) mailbox: &'a Arc<Mailbox>,
    /// The last number of a sink.
    pub(super) last: &'a mut u32,
    /// The holder in whose quotas the component's subscriptions count.
    pub(super) holder: &'a Arc<str>,
    /// The module's name, for the log.
    pub(super) module: &'a str,
}

impl<D> Follower<'_, D> {
    /// Wakes the mailbox with a number of its own. Topics and presence count together, so that a number names one
    /// of them.
    pub(super) fn sink(&mut self) -> (Arc<dyn Sink>, u32) {
        *self.last += 1;
        (self.mailbox.clone(), *self.last)
    }
}
