//! From an upgraded HTTP request to WebSocket messages, and back. This room has frames, limits and
//! heartbeats; components are in other rooms.

mod descriptor;
pub mod handshake;
mod relay;
mod websocket;

pub use descriptor::Descriptor;
pub use relay::{Output, Relay, RelaySignal, RelayStream, relay};
pub use websocket::{Closed, Incoming, WebSocket};

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream that an upgraded connection runs on: a socket whose descriptor was taken over, or
/// a JavaScript socket relayed chunk by chunk.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// Any transport.
pub type BoxTransport = Box<dyn Transport>;
