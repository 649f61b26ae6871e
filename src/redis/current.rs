//! The current connection, and the messages to the operator about it.

use std::sync::Arc;
use std::time::Duration;

use redis::PushInfo;
use tokio::time::Instant;

use super::connection::Connection;

/// The messages to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Redis cannot be reached or used; the text says why.
    Lost(String),
    /// Redis can be used again, after so long.
    Back(Duration),
    /// Redis can be used, but should be set up otherwise.
    Warning(String),
}

/// Gets the messages that the server sends unasked. It must not block: the connection waits for it.
pub(crate) type Pushes = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Whether Redis can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// No connection has been made so far.
    Opening,
    /// There is a connection.
    Up,
    /// There is no connection; the text says why.
    Down {
        /// Since when.
        since: Instant,
        /// Why.
        why: Arc<str>,
    },
    /// The link was closed.
    Closed,
}

/// The connection of now, by number.
#[derive(Clone)]
pub(crate) struct Current {
    pub(super) number: u64,
    pub(super) connection: Connection,
    /// Whether each write is on the disk before it is answered; known only if that is needed.
    pub(super) syncs: bool,
}

pub(super) struct State {
    pub(super) health: Health,
    pub(super) current: Option<Current>,
    /// How often a connection was lost, or could not be made at first.
    pub(super) losses: u64,
}
