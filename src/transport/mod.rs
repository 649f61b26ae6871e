//! From an upgraded HTTP request to WebSocket messages, and back.
//!
//! Knows frames, limits and heartbeats; knows nothing of components.

mod bridged;
mod descriptor;
pub mod handshake;
mod websocket;

pub use bridged::{Bridge, BridgeSignal, BridgedStream, Output, bridge};
pub use descriptor::Descriptor;
pub use websocket::{Closed, Incoming, WebSocket};

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream that an upgraded connection runs on: a socket whose descriptor was taken over, or
/// a JavaScript socket bridged chunk by chunk.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// Any transport.
pub type BoxTransport = Box<dyn Transport>;
