//! One WebSocket: messages in and out, heartbeats, limits and the closing handshake.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::handshake::{self, UpgradeRequest};
use super::{BoxTransport, Direct};
use crate::budget::Share;
use crate::limits::Limits;
use crate::timer::Timer;

/// A dozen events. The library's default of 128 KiB would cost each idle connection 150 KB.
const READ_BUFFER: usize = 1024;
/// Longer messages go out in fragments of this size (RFC 6455, 5.4), so that the write buffer,
/// which never shrinks, stays small.
const FRAGMENT: usize = 16 * 1024;
/// The most bytes that the library may hold unwritten: the frames that wait for the transport, one fragment
/// more, and the library's own frames. At this bound the library keeps only the newest pong.
const WRITE_BUFFER: usize = 3 * FRAGMENT;
/// The bytes of a client's control frame beside its payload: two bytes and a mask.
const CONTROL_HEADER: usize = 6;
/// How long a closing handshake may take, and writing the response of an opening one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message or a change of a connection.
#[derive(Debug)]
pub enum Incoming {
    /// A text message, valid UTF-8.
    Text(Utf8Bytes),
    /// A binary message, which no dialect has.
    Binary,
    /// No message: the transport has taken all that was to be sent.
    Written,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The client has closed the connection, or the network has.
    #[error("the client is gone")]
    Client,
    /// Nothing was received for `limits.dead_after`, or nothing could be sent for as long.
    #[error("the client is dead")]
    Dead,
    /// A message over `limits.message_bytes`: code 1009.
    #[error("a message is too large")]
    TooLarge,
    /// A text message that is not UTF-8: code 1007.
    #[error("a text message is not UTF-8")]
    Utf8,
    /// The frames break the protocol: code 1002.
    #[error("the client breaks the WebSocket protocol")]
    Protocol,
    /// A message that was begun was not whole after `limits.message_time`: code 1008.
    #[error("a message takes too long")]
    Slow,
    /// A fault of the server's own: code 1011.
    #[error("the server could not go on")]
    Fault,
    /// Too many messages that cannot be understood: code 1008.
    #[error("too many invalid messages")]
    Invalid,
    /// The application has asked for the connection's end: code 1008.
    #[error("disconnected")]
    Disconnected,
    /// One client has too many connections, or too much waits for it: code 1013.
    #[error("too much is asked of the server")]
    Overload,
    /// The application is closing: code 1012. The reason is the time over which all pages are to come
    /// back, in milliseconds.
    #[error("{0}")]
    Closing(u16),
}

impl Closed {
    /// The status to close with (RFC 6455, 7.4.1; 1012 is in the IANA registry); `None` if the client is
    /// gone.
    pub fn code(&self) -> Option<CloseCode> {
        match self {
            Self::Client | Self::Dead => None,
            Self::TooLarge => Some(CloseCode::Size),
            Self::Utf8 => Some(CloseCode::Invalid),
            Self::Protocol => Some(CloseCode::Protocol),
            Self::Slow | Self::Invalid | Self::Disconnected => Some(CloseCode::Policy),
            Self::Fault => Some(CloseCode::Error),
            Self::Overload => Some(CloseCode::Again),
            Self::Closing(_) => Some(CloseCode::Restart),
        }
    }

    /// Whether the boundaries of the client's frames are lost. The library must not be asked for another
    /// frame then.
    fn is_lost(&self) -> bool {
        matches!(self, Self::TooLarge | Self::Utf8 | Self::Protocol)
    }
}

impl From<Error> for Closed {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLarge,
            Error::Utf8(_) => Self::Utf8,
            // Most clients leave with a reset, so a reset is not a fault.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Client,
            Error::Protocol(_) => Self::Protocol,
            _ => Self::Client,
        }
    }
}

/// The transport as the blocking stream that the library expects. If the transport is not ready, reading
/// and writing give `WouldBlock`, and the transport wakes the task later. (`WebSocketStream` has wakers of
/// its own for this and sets them at each poll, which costs 2 % of an event.)
struct Polled<'a, 'b> {
    transport: &'a mut BoxTransport,
    context: &'a mut Context<'b>,
    /// How many bytes were read.
    read: usize,
}

impl<'a, 'b> Polled<'a, 'b> {
    fn new(transport: &'a mut BoxTransport, context: &'a mut Context<'b>) -> Self {
        Self {
            transport,
            context,
            read: 0,
        }
    }
}

impl Polled<'_, '_> {
    fn ready<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
        match poll {
            Poll::Ready(result) => result,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        let poll = Pin::new(&mut *self.transport).poll_read(self.context, &mut buffer);
        let read = Self::ready(poll).map(|()| buffer.filled().len());
        self.read += *read.as_ref().unwrap_or(&0);
        read
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::ready(Pin::new(&mut *self.transport).poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::ready(Pin::new(&mut *self.transport).poll_flush(self.context))
    }
}

fn polled<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

/// A connection after its opening handshake.
pub struct WebSocket {
    transport: BoxTransport,
    /// The other way for whole frames, while this writes nothing.
    direct: Option<Arc<Direct>>,
    protocol: WebSocketContext,
    subprotocol: bool,
    ping_after: Duration,
    dead_after: Duration,
    message_time: Duration,
    last_seen: Instant,
    timer: Timer,
    /// How many bytes there are of a message that is not whole yet.
    partial: usize,
    /// Since when there are such bytes. Set with the first one, cleared when the message is whole. After
    /// `limits.message_time` the connection is closed.
    partial_since: Option<Instant>,
    /// Counts the bytes of the partial message in the budget; `None` until `count_in`.
    share: Option<Arc<Share>>,
    /// Frames that were not given to the library yet.
    outgoing: VecDeque<Message>,
    /// The library has frames that the transport has not taken.
    is_flushing: bool,
    /// A pong or a close is among them. Set by a ping or a close of the client, cleared when the transport
    /// has taken all. While this is set and the transport takes nothing, nothing is read.
    owes: bool,
    /// Since when the transport has taken nothing, although there are frames. After `limits.dead_after` the
    /// client counts as dead.
    unwritten_since: Option<Instant>,
}

impl WebSocket {
    /// Answers the upgrade request; `head` has the bytes that came after it. The client may choose the
    /// subprotocol `offer`; without an offer the client is told to come back later. `None` if the request
    /// was refused (the client has then been told so), or if the client is gone.
    pub async fn accept(
        mut transport: BoxTransport,
        head: Vec<u8>,
        request: &UpgradeRequest,
        offer: Option<&str>,
        limits: &Limits,
    ) -> Option<Self> {
        let accepted = match offer {
            Some(offer) => handshake::accept(request, offer),
            None => Err(handshake::Rejection::Closing),
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(rejection) => {
                let response = rejection.response();
                let _ = timeout(PATIENCE, async {
                    transport.write_all(response.as_bytes()).await?;
                    linger(&mut transport).await
                })
                .await;
                return None;
            }
        };
        let write = async {
            transport.write_all(accepted.response.as_bytes()).await?;
            transport.flush().await
        };
        timeout(PATIENCE, write).await.ok()?.ok()?;
        let mut socket = Self::over(transport, head, limits);
        socket.subprotocol = accepted.subprotocol;
        Some(socket)
    }

    /// A connection over a transport that speaks WebSocket from here on; `head` has bytes that have come already.
    pub(crate) fn over(transport: BoxTransport, head: Vec<u8>, limits: &Limits) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(FRAGMENT)
            .max_write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.message_bytes));
        let protocol = WebSocketContext::from_partially_read(head, Role::Server, Some(config));
        let now = Instant::now();
        let direct = transport.direct();
        if let Some(direct) = &direct {
            direct.release();
        }
        Self {
            transport,
            direct,
            protocol,
            subprotocol: false,
            ping_after: limits.ping_after,
            dead_after: limits.dead_after,
            message_time: limits.message_time,
            last_seen: now,
            timer: Timer::at(now + limits.ping_after),
            partial: 0,
            partial_since: None,
            share: None,
            outgoing: VecDeque::new(),
            is_flushing: false,
            owes: false,
            unwritten_since: None,
        }
    }

    /// Whether the client took the subprotocol that was offered.
    pub fn has_subprotocol(&self) -> bool {
        self.subprotocol
    }

    /// The way on which others write whole frames, if the transport has one.
    pub fn direct(&self) -> Option<Arc<Direct>> {
        self.direct.clone()
    }

    /// From here on counts the bytes of a partial message as this share of a budget.
    pub fn count_in(&mut self, share: Arc<Share>) {
        self.share = Some(share);
    }

    /// Begins to send a message: [`receive`](Self::receive) goes on with it.
    pub fn start(&mut self, message: String) {
        if message.len() <= FRAGMENT {
            self.outgoing.push_back(Message::Text(message.into()));
            return;
        }
        let mut rest = Bytes::from(message);
        let mut kind = Data::Text;
        while !rest.is_empty() {
            let part = rest.split_to(rest.len().min(FRAGMENT));
            let frame = Frame::message(part, OpCode::Data(kind), rest.is_empty());
            self.outgoing.push_back(Message::Frame(frame));
            kind = Data::Continue;
        }
    }

    /// Whether there are frames that the transport has not taken.
    pub fn is_writing(&self) -> bool {
        let has_rest = |direct: &Arc<Direct>| direct.has_rest();
        self.is_flushing || !self.outgoing.is_empty() || self.direct.as_ref().is_some_and(has_rest)
    }

    /// Resolves when the transport has taken everything.
    ///
    /// # Errors
    /// [`Closed::Dead`] if the client takes nothing for `limits.dead_after`.
    pub async fn flush(&mut self) -> Result<(), Closed> {
        let limit = self.dead_after;
        let written = timeout(limit, poll_fn(|context| self.poll_write(context))).await;
        written.map_err(|_| Closed::Dead)?
    }

    /// The next message, if `may_read`, or [`Incoming::Written`]. Pings, pongs and heartbeats are handled
    /// inside. If a client does not read, its messages are still read, until it sends a ping; then nothing
    /// is read until the client has taken the pong. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Closed`] says why there will be no further message.
    pub async fn receive(&mut self, may_read: bool) -> Result<Incoming, Closed> {
        poll_fn(|context| self.poll_receive(context, may_read)).await
    }

    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        may_read: bool,
    ) -> Poll<Result<Incoming, Closed>> {
        loop {
            if self.is_writing() {
                match self.poll_write(context) {
                    Poll::Ready(written) => {
                        return Poll::Ready(written.map(|()| Incoming::Written));
                    }
                    Poll::Pending if self.unwritten_since.is_none() => {
                        let now = Instant::now();
                        self.unwritten_since = Some(now);
                        self.timer.hasten(now + self.dead_after);
                    }
                    Poll::Pending => {}
                }
            }
            let listens = may_read && !(self.owes && self.unwritten_since.is_some());
            if listens && let Poll::Ready(message) = self.poll_message(context) {
                match message? {
                    Message::Text(text) => return Poll::Ready(Ok(Incoming::Text(text))),
                    Message::Binary(_) => return Poll::Ready(Ok(Incoming::Binary)),
                    // The library has made the answer. The answer is written before anything else is read.
                    Message::Ping(_) | Message::Close(_) => {
                        self.owes = true;
                        self.is_flushing = true;
                    }
                    Message::Pong(_) | Message::Frame(_) => {}
                }
                continue;
            }
            ready!(self.timer.poll(context));
            self.beat(listens)?;
        }
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let mut stream = Polled::new(&mut self.transport, context);
        let message = polled(self.protocol.read(&mut stream));
        let read = stream.read;
        if read == 0 && message.is_pending() {
            return message;
        }
        // A part of a message is a sign of life, too.
        self.last_seen = Instant::now();
        self.partial = match &message {
            Poll::Ready(Ok(Message::Ping(data) | Message::Pong(data))) => {
                (self.partial + read).saturating_sub(data.len() + CONTROL_HEADER)
            }
            Poll::Pending => self.partial + read,
            // Bytes of the next message may have come behind this one, but no more than one reading.
            Poll::Ready(_) => 0,
        };
        self.count_partial();
        message
    }

    /// Counts a message that has begun, and notes when. Most messages come whole in one reading and are not
    /// counted.
    fn count_partial(&mut self) {
        if let Some(share) = &self.share
            && share.bytes() != self.partial
        {
            share.set(self.partial);
        }
        if self.partial == 0 {
            self.partial_since = None;
        } else if self.partial_since.is_none() {
            self.partial_since = Some(self.last_seen);
            self.timer.hasten(self.last_seen + self.message_time);
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut stream = Polled::new(&mut self.transport, context);
        match self.protocol.flush(&mut stream) {
            // The closing handshake is over, so nothing is left to send.
            Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            flushed => polled(flushed),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if let Some(direct) = &self.direct {
            let transport = &mut self.transport;
            let write = |rest: &[u8]| Pin::new(&mut *transport).poll_write(context, rest);
            ready!(direct.poll_claim(write)).map_err(Error::Io)?;
        }
        if self.is_flushing {
            ready!(self.poll_flush(context))?;
            // A slow transport may take only one of several frames at a time: that is a sign of life.
            self.unwritten_since = None;
        }
        while let Some(message) = self.outgoing.pop_front() {
            self.is_flushing = true;
            let mut stream = Polled::new(&mut self.transport, context);
            match self.protocol.write(&mut stream, message) {
                // The library's own frames have taken the room, so they are written first.
                Err(Error::WriteBufferFull(message)) => {
                    self.outgoing.push_front(*message);
                    ready!(self.poll_flush(context))?;
                }
                // Also if the transport would block, the library has taken the message.
                written => ready!(polled(written))?,
            }
        }
        ready!(self.poll_flush(context))?;
        self.is_flushing = false;
        self.owes = false;
        self.unwritten_since = None;
        // An idle connection keeps room for one frame, which most answers are.
        self.outgoing.shrink_to(1);
        // Behind a close frame comes nothing (RFC 6455, 5.5.1).
        if let Some(direct) = &self.direct
            && self.protocol.can_write()
        {
            direct.release();
        }
        Poll::Ready(Ok(()))
    }

    /// Sends pings, and gives an error if the client is dead or too slow. The client's silence counts only
    /// if the server `listens`.
    fn beat(&mut self, listens: bool) -> Result<(), Closed> {
        let now = Instant::now();
        let idle = now.duration_since(self.last_seen);
        let unwritten = self.unwritten_since.map(|since| since + self.dead_after);
        let is_silent = listens && idle >= self.dead_after;
        if is_silent || unwritten.is_some_and(|end| end <= now) {
            return Err(Closed::Dead);
        }
        if !listens && self.partial_since.is_some() {
            // While the server did not listen, the rest of the message may have come: the time begins anew.
            self.partial_since = Some(now);
        }
        let whole_by = self.partial_since.map(|since| since + self.message_time);
        if whole_by.is_some_and(|end| end <= now) {
            return Err(Closed::Slow);
        }
        let mut next = self.last_seen + self.ping_after;
        if idle >= self.ping_after {
            next = now + self.ping_after;
            let dead = self.last_seen + self.dead_after;
            if dead > now {
                next = next.min(dead);
            }
            // The ping goes between the fragments of a message. On a slow network the end of the message
            // may come too late.
            self.outgoing.push_front(Message::Ping(Bytes::new()));
        }
        let ends = unwritten.into_iter().chain(whole_by);
        self.timer.reset(ends.fold(next, Instant::min));
        Ok(())
    }

    /// Ends the connection without reading a message of it.
    pub async fn refuse(mut self, reason: &Closed) {
        // With a message that counts as begun, `close` reads no further messages.
        self.partial = self.partial.max(1);
        self.close(reason).await;
    }

    /// Resolves when the client has closed, too, or has begun a message that is not whole yet.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let message = self.poll_message(context);
            if self.partial > 0 || matches!(message, Poll::Ready(Err(_))) {
                return Poll::Ready(());
            }
            let _ = ready!(message);
        }
    }

    /// Ends the connection, with a closing handshake if the reason calls for one.
    pub async fn close(mut self, reason: &Closed) {
        let Some(code) = reason.code() else { return };
        // No further message is read, and the bytes of a partial one are given back.
        let is_lost = reason.is_lost() || self.partial > 0;
        let frame = CloseFrame {
            code,
            reason: reason.to_string().into(),
        };
        // The close frame goes behind the frames that the library has; frames that it does not have are
        // dropped.
        self.outgoing.clear();
        self.outgoing.push_back(Message::Close(Some(frame)));
        let _ = timeout(PATIENCE, async {
            match poll_fn(|context| self.poll_write(context)).await {
                Ok(()) if is_lost => {}
                Ok(()) => poll_fn(|context| self.poll_close(context)).await,
                Err(_) => drop(poll_fn(|context| self.poll_flush(context)).await),
            }
            let Self {
                mut transport,
                protocol,
                share,
                ..
            } = self;
            drop(protocol);
            if let Some(share) = share {
                share.set(0);
            }
            linger(&mut transport).await
        })
        .await;
    }
}

/// Ends the writing side and reads to the end. If a socket with unread bytes were closed, the system would
/// reset it, and the client might lose the last bytes (RFC 1122, 4.2.2.13).
async fn linger(transport: &mut BoxTransport) -> std::io::Result<()> {
    transport.shutdown().await?;
    // On the heap: otherwise the future of every connection would have room for these bytes.
    let mut sink = vec![0; 1024];
    while transport.read(&mut sink).await? > 0 {}
    Ok(())
}
