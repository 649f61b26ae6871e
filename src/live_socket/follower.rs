//! For whom topics and presence are followed.

use std::sync::Arc;

use super::mailbox::Mailbox;
use crate::context::Context;

/// A component, as what it follows knows it.
pub(super) struct Follower<'a, D> {
    pub(super) context: &'a Context<D>,
    /// Is woken if there is something to read.
    pub(super) mailbox: &'a Arc<Mailbox>,
    /// Whose quotas count what it takes.
    pub(super) holder: &'a Arc<str>,
    /// The module's name, for the log.
    pub(super) module: &'a str,
}
