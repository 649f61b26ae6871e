//! From an upgraded HTTP request to WebSocket messages, and back. This room has frames, limits and
//! heartbeats; components are in other rooms.

mod descriptor;
mod direct;
pub mod handshake;
mod relay;
#[cfg(unix)]
mod socket;
mod websocket;
#[cfg(unix)]
mod writer;

pub use descriptor::Descriptor;
pub use direct::Direct;
pub use relay::{Output, Relay, RelaySignal, RelayStream, relay};
pub use websocket::{Closed, Incoming, WebSocket};

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream that an upgraded connection runs on: a socket whose descriptor was taken over, or
/// a JavaScript socket relayed chunk by chunk.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The way past the connection's task, if the transport has one.
    fn direct(&self) -> Option<Arc<Direct>> {
        None
    }
}

impl Transport for RelayStream {}

#[cfg(any(test, feature = "fuzzing"))]
impl Transport for tokio::io::DuplexStream {}

/// Any transport.
pub type BoxTransport = Box<dyn Transport>;
