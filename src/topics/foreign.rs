//! Messages of topics that are kept elsewhere.

use std::sync::Arc;

use super::Position;

/// A message of a topic that is kept elsewhere.
pub(super) struct Foreign {
    pub(super) position: Position,
    /// `None`: the message is named by its position.
    pub(super) id: Option<Box<str>>,
    pub(super) data: Arc<str>,
    /// A random name. After a failover the same number may be another message's, and never the same name.
    pub(super) name: Box<str>,
    /// The name of the message before; empty before the first one.
    pub(super) before: Box<str>,
}
