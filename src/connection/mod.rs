//! One WebSocket, many components: routes messages to the sessions of its components.

mod greeting;
mod join;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod nesting;
mod refused;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::Dispatcher;
use crate::limits::Limits;
use crate::live_socket::Unhandled;
use crate::log::Quoted;
use crate::outbox::{Dialect, Outbox, Todo};
use crate::panics::caught;
use crate::protocol::extended::SUBPROTOCOL;
use crate::protocol::{ClientEvent, ClientMessage, Numbered};
use crate::session::{Attached, Peer};
use crate::sessions::{Arrival, Pace, Sessions};
use crate::shared::Viewing;
use crate::stats::Stats;
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{BoxTransport, Closed, Incoming, WebSocket};
use crate::tree::surrogates;
use greeting::greeting;

/// Messages of one connection that are handled before others have their turn.
const MESSAGES: u32 = 32;
/// How many messages more a join counts as, because it opens a token and starts an actor.
const JOIN: u32 = 16;

/// Serves a connection from its upgrade request to its end.
pub async fn serve<D: Dispatcher>(
    context: Shared<D>,
    sessions: Arc<Sessions>,
    transport: BoxTransport,
    head: Vec<u8>,
    request: UpgradeRequest,
    peer: Peer,
) {
    let arrival = sessions.arrive(&peer.bind, peer.request.as_ref());
    serve_arrival(context, arrival, transport, head, request, peer).await;
}

/// As [`serve`], for a connection that has an [`Arrival`] already, so that [`Sessions::disconnect`] has
/// found it since the arrival was made.
pub async fn serve_arrival<D: Dispatcher>(
    context: Shared<D>,
    arrival: Arrival,
    transport: BoxTransport,
    head: Vec<u8>,
    request: UpgradeRequest,
    peer: Peer,
) {
    // A panic while messages are handled closes the connection in order. Of a panic before or after that,
    // only the operator can be told.
    let conversing = converse(&context, arrival, transport, head, request, peer);
    if let Err(panic) = caught(conversing).await {
        log_panic(&context, &panic);
    }
}

fn log_panic<D>(context: &Shared<D>, panic: &str) {
    let text = format!("a connection panicked, a fault of loom-live: {panic}");
    context.log(Level::Error, Code::Fault, text);
}

/// Counts one connection in the statistics until the value is dropped.
struct Counted<'a>(&'a Stats);

impl<'a> Counted<'a> {
    fn new(stats: &'a Stats) -> Self {
        stats.connections.up();
        Self(stats)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.connections.down(1);
    }
}

async fn converse<D: Dispatcher>(
    context: &Shared<D>,
    arrival: Arrival,
    transport: BoxTransport,
    head: Vec<u8>,
    request: UpgradeRequest,
    peer: Peer,
) {
    let sessions = arrival.sessions.clone();
    let closing = context.closing.is_cancelled();
    let limits = &context.limits;
    let offer = (!closing).then_some(SUBPROTOCOL);
    // Boxed, as the closing handshake is: both handshakes are short, but a connection's future keeps its
    // size for the connection's life.
    let accepting = Box::pin(WebSocket::accept(transport, head, &request, offer, limits));
    let Some(mut socket) = accepting.await else {
        return;
    };
    drop(request);
    let dialect = if socket.has_subprotocol() {
        Dialect::Extended
    } else {
        Dialect::Classic
    };
    let outbox = Outbox::new(limits.outgoing_bytes, context.budget.clone(), dialect);
    socket.count_in(outbox.incoming.clone());
    outbox.set_direct(socket.direct(), &context.stats);
    let entry = match sessions.open(&outbox, &peer, arrival) {
        Ok(entry) => entry,
        Err(closed) => {
            if closed == Closed::Overload {
                let limit = limits.connections_per_address;
                let why =
                    format!("its address has more than limits.connectionsPerAddress ({limit})");
                log_closed(context, &peer.address, closed, &why);
            }
            return Box::pin(socket.refuse(&closed)).await;
        }
    };
    let counted = Counted::new(&context.stats);
    #[cfg(test)]
    assert_ne!(&*peer.bind, tests::PANIC, "a planted panic");
    if dialect == Dialect::Extended {
        outbox.greet(greeting(limits));
    }
    let mut connection = Connection {
        outbox,
        components: HashMap::new(),
        invalid: 0,
        pace: Pace::new(entry.address.clone(), limits),
        writing: 0,
        turn: 0,
        gone: None,
        number: entry.number,
        peer,
        sessions,
        context: context.clone(),
    };
    // By reference: what is moved while a future waits has its room in the future twice.
    let reason = connection.run(&mut socket).await;
    drop(connection);
    Box::pin(socket.close(&reason)).await;
    drop(entry);
    drop(counted);
}

/// Why a connection is closed, for the operator; `None` if the operator can do nothing about the reason, or
/// has been told already. The page only sees that it is offline.
fn reason_to_log(reason: Closed, limits: &Limits) -> Option<String> {
    Some(match reason {
        Closed::TooLarge => {
            let limit = limits.message_bytes;
            format!("a message is larger than limits.messageBytes ({limit})")
        }
        Closed::Slow => {
            let limit = limits.message_time;
            format!("a message was not whole after limits.messageTime ({limit:?})")
        }
        Closed::Invalid => {
            let limit = limits.invalid_messages;
            format!(
                "more than limits.invalidMessages ({limit}) that are none, or have too long names"
            )
        }
        Closed::Overload => {
            let limit = limits.waiting_bytes;
            format!(
                "more waits than limits.waitingBytes ({limit}), and most of it is this client's"
            )
        }
        Closed::Utf8 | Closed::Protocol => reason.to_string(),
        Closed::Client
        | Closed::Dead
        | Closed::Fault
        | Closed::Disconnected
        | Closed::Closing(_) => return None,
    })
}

/// Tells the operator that a connection was closed. The number of lines in a minute is bounded for each
/// reason.
fn log_closed<D>(context: &Shared<D>, address: &str, reason: Closed, why: &str) {
    let code = reason.code().map_or(0, u16::from);
    context.log_about(Level::Warn, Code::Connection, why, || {
        format!(
            "a connection of {} was closed ({code}): {why}",
            Quoted(address)
        )
    });
}

/// Resolves at `time`; never for `None`.
async fn until(time: Option<Instant>) {
    match time {
        // On the heap: otherwise the future of every connection would have room for a timer.
        Some(time) => Box::pin(sleep_until(time)).await,
        None => std::future::pending().await,
    }
}

/// What a connection shows under one of its ids.
enum Shows {
    /// A component of its own.
    Own(Attached),
    /// A component that many pages show.
    Shared(Box<Viewing>),
}

impl Shows {
    fn is_over(&self) -> bool {
        match self {
            Self::Own(Attached { session, epoch }) => {
                session.is_over() || !session.is_shown_in(*epoch)
            }
            Self::Shared(viewing) => {
                viewing.viewer.is_over() || !viewing.viewer.is_shown_in(viewing.epoch)
            }
        }
    }
}

struct Connection<D: Dispatcher> {
    context: Shared<D>,
    sessions: Arc<Sessions>,
    peer: Peer,
    outbox: Arc<Outbox>,
    components: HashMap<Arc<str>, Shows>,
    /// Messages that could not be understood so far.
    invalid: usize,
    pace: Pace,
    /// Bytes that the outbox has given to the socket and the transport has not taken yet.
    writing: usize,
    /// The work since other connections had their turn: one for each message, and [`JOIN`] more for a join.
    /// At [`MESSAGES`] this connection yields.
    turn: u32,
    /// Cancelled by the connection at its end, so that its joins leave the queue of turns. Made by the
    /// first join.
    gone: Option<CancellationToken>,
    /// The number of this connection among the application's connections.
    number: u64,
}

impl<D: Dispatcher> Connection<D> {
    /// Serves the connection, and parks its components; gives the reason for which to close it.
    async fn run(&mut self, socket: &mut WebSocket) -> Closed {
        let reason = match caught(self.serve(socket)).await {
            Ok(reason) => reason,
            Err(panic) => {
                log_panic(&self.context, &panic);
                Closed::Fault
            }
        };
        if let Some(why) = reason_to_log(reason, &self.context.limits) {
            log_closed(&self.context, &self.peer.address, reason, &why);
        }
        self.outbox.close();
        if let Some(gone) = &self.gone {
            gone.cancel();
        }
        // Done before the closing handshake, because the client can delay that.
        for attached in self.components.values() {
            match reason {
                // The application has closed the connection: the page must not go on with its components.
                Closed::Disconnected => match attached {
                    Shows::Own(attached) => attached.session.end_shown(attached.epoch),
                    Shows::Shared(viewing) => viewing.end(),
                },
                _ => match attached {
                    Shows::Own(attached) => self.sessions.park(attached, self.number),
                    Shows::Shared(viewing) => viewing.park(),
                },
            }
        }
        reason
    }

    /// Serves the connection to its end; gives the reason for which to close it.
    async fn serve(&mut self, socket: &mut WebSocket) -> Closed {
        match self.converse(socket).await {
            Ok(()) => self.drain(socket).await,
            Err(reason) => reason,
        }
    }

    /// Reads and writes until the client leaves, or, `Ok`, until the application closes.
    async fn converse(&mut self, socket: &mut WebSocket) -> Result<(), Closed> {
        let context = self.context.clone();
        let outbox = self.outbox.clone();
        loop {
            // Messages are read only if the dispatcher can take the calls that they lead to, and if the
            // client has neither sent too much nor left too much unread.
            let is_ready = context.dispatcher.is_ready();
            let pause = self.pace.until();
            let is_writing = socket.is_writing();
            let takes_more = !is_writing || outbox.takes_more();
            let may_read = is_ready && pause.is_none() && takes_more;
            tokio::select! {
                biased;
                todo = poll_fn(|context| outbox.poll(context, is_writing)) => match todo {
                    Todo::Write => {
                        // All connections of the runtime that have something to write do so right after
                        // each other. If several of them end at one receiver, the receiver is woken once.
                        tokio::task::yield_now().await;
                        self.writing = outbox.take(|text| socket.start(text));
                        self.context.stats.sent.add_many(self.writing as u64);
                    }
                    Todo::Drain | Todo::Finished => return Ok(()),
                    Todo::Stop(reason) => return Err(reason),
                },
                incoming = socket.receive(may_read) => match incoming? {
                    Incoming::Written => outbox.written(std::mem::take(&mut self.writing)),
                    message => {
                        self.message(message)?;
                        if self.turn >= MESSAGES {
                            self.turn = 0;
                            // A client may have sent thousands of messages at once: the other connections
                            // come first.
                            tokio::task::yield_now().await;
                        }
                    }
                },
                () = context.dispatcher.ready(), if !is_ready => {}
                () = until(pause), if pause.is_some() => {}
            }
        }
    }

    /// Reads no more messages, but sends the answers to the events that wait in the mailboxes.
    async fn drain(&mut self, socket: &mut WebSocket) -> Closed {
        for attached in self.components.values() {
            match attached {
                Shows::Own(attached) => attached.session.finish(),
                Shows::Shared(viewing) => viewing.finish(),
            }
        }
        let outbox = self.outbox.clone();
        loop {
            let is_writing = socket.is_writing();
            let done = tokio::select! {
                biased;
                todo = poll_fn(|context| outbox.poll(context, is_writing)) => match todo {
                    Todo::Write => {
                        self.writing = outbox.take(|text| socket.start(text));
                        self.context.stats.sent.add_many(self.writing as u64);
                        Ok(())
                    }
                    Todo::Drain => Ok(()),
                    Todo::Finished => return self.sessions.closed(),
                    Todo::Stop(reason) => return reason,
                },
                // An actor may wait for room in the outbox. The actor can end only after it has heard of
                // these bytes.
                written = socket.flush(), if is_writing => {
                    outbox.written(std::mem::take(&mut self.writing));
                    written
                }
            };
            if let Err(reason) = done {
                return reason;
            }
        }
    }

    fn message(&mut self, message: Incoming) -> Result<(), Closed> {
        let text = match &message {
            Incoming::Text(text) => text.as_str(),
            Incoming::Binary => "",
            Incoming::Written => return Ok(()),
        };
        #[cfg(test)]
        assert_ne!(text, tests::PANIC, "a planted panic");
        let bytes = text.len();
        self.context.stats.received.add_many(bytes as u64);
        let dialect = self.outbox.dialect;
        self.turn += 1;
        let mut parsed = dialect.parse(text).ok();
        let mended;
        if parsed.is_none()
            && let Some(text) = surrogates::replaced(text)
        {
            // The text has half a surrogate pair, for instance of a character that is being typed.
            mended = text;
            parsed = dialect.parse(&mended).ok();
        }
        let is_event = matches!(parsed, Some(ClientMessage::Event { .. }));
        let may_send = self.pace.take(bytes, is_event);
        match parsed {
            Some(ClientMessage::Join {
                id,
                module,
                token,
                parent,
                resume,
            }) => self.join(&id, &module, &token, parent, resume),
            Some(ClientMessage::Event {
                id,
                numbered,
                event,
            }) => {
                // The event is answered, but counts as invalid: no page of the application sends many.
                if event.is_too_long() {
                    self.invalid()?;
                }
                self.event(&id, numbered, event, may_send);
            }
            Some(ClientMessage::Leave { id }) => self.leave(&id),
            Some(ClientMessage::Hidden(is_hidden)) => self.outbox.set_hidden(is_hidden),
            None => self.invalid()?,
        }
        Ok(())
    }

    /// Counts a message that no client of the application sends. An error if there are too many.
    fn invalid(&mut self) -> Result<(), Closed> {
        self.invalid += 1;
        if self.invalid > self.context.limits.invalid_messages {
            return Err(Closed::Invalid);
        }
        Ok(())
    }

    fn event(&mut self, id: &str, numbered: Option<Numbered>, event: ClientEvent, may_send: bool) {
        // An event for an id that has not joined is ignored. So is one for an actor that has ended.
        let Some(attached) = self.components.get(id) else {
            return;
        };
        let age = numbered.and_then(|numbered| numbered.age);
        let event = if !may_send {
            Err(Unhandled::Flood)
        } else if age.is_some_and(|age| u128::from(age) > self.context.limits.event_age.as_millis())
        {
            Err(Unhandled::Expired)
        } else if event.is_too_long() {
            Err(Unhandled::Long)
        } else {
            Ok(event)
        };
        match attached {
            Shows::Own(attached) => attached.session.event(attached.epoch, numbered, event),
            Shows::Shared(viewing) => viewing.event(numbered, event),
        }
    }

    fn leave(&mut self, id: &str) {
        match self.components.remove(id) {
            Some(Shows::Own(attached)) => attached.session.leave(attached.epoch),
            Some(Shows::Shared(viewing)) => viewing.end(),
            None => {}
        }
    }
}
