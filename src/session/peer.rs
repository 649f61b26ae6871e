//! The user and the address at the other end of a connection.

use std::sync::Arc;

/// The user and the address at the other end.
#[derive(Clone, Default)]
pub struct Peer {
    /// The upgrade request as compact JSON, for `ctx.request`.
    pub request: Option<Arc<str>>,
    /// The result of `bind`; tokens that were made for another user do not open.
    pub bind: Arc<str>,
    /// The client's address, as far as it is known.
    pub address: Arc<str>,
}
