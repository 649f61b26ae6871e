//! One WebSocket, many components: routes messages to the sessions of its components.

mod greeting;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_now;
use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::{Caller, Dispatcher, Joins, Origin};
use crate::given::Given;
use crate::homes::{Coming, Home, Mark};
use crate::ids::{Life, Point, Revision};
use crate::limits::Limits;
use crate::live_socket::{LiveSocket, Start, Unhandled};
use crate::log::Quoted;
use crate::members;
use crate::ongoing::{Now, Ongoing};
use crate::outbox::{CONNECTION, Dialect, Outbox, Todo};
use crate::panics::caught;
use crate::props::Props;
use crate::protocol::extended::SUBPROTOCOL;
use crate::protocol::{ClientEvent, ClientMessage, Numbered, Parent, Refusal, Resume};
use crate::random::random_text;
use crate::session::{
    About, Attached, Back, Link, MAX_NESTING, Names, Nested, Peer, Session, names_of,
};
use crate::sessions::to_page::ToPage;
use crate::sessions::{Arrival, Pace, Sessions, counted_as, holder};
use crate::shared::{self, BUSY, Joining, Known, Viewing};
use crate::stats::Stats;
use crate::token::{Claims, Kind, anchored, public_name};
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{BoxTransport, Closed, Incoming, WebSocket};
use crate::tree::surrogates;
use crate::turns::Place;
use greeting::greeting;

const GONE: &str = "This part of the page is no longer valid; reload the page.";
const TOO_MANY: &str = "This page has too many live components.";
const FAULT: &str = "The server could not handle this.";

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

/// A nested component that a page joins: who shows it, and what it is given.
struct Nesting {
    parent: Arc<Session>,
    key: Box<str>,
    given: Given,
}

impl Nesting {
    fn of<'a>(&'a self, module: &'a str) -> Nested<'a> {
        let Self { parent, key, .. } = self;
        Nested {
            parent,
            module,
            key,
        }
    }

    /// Whether the component goes on from what the page has brought. A shared one has nothing of its own.
    fn starts_from(&self, claims: &Claims, names: &Names) -> bool {
        // What was mounted with something else is not this component's: its parent may have it mounted for somebody else.
        let is_mounted_so = || {
            let ongoing = Ongoing::from_json(&claims.ongoing, Now::here());
            ongoing.has_been_given(&self.given)
        };
        let is_of_page =
            claims.kind == Kind::Child && claims.instance.is_empty() && is_mounted_so();
        let is_of_child = matches!(claims.kind, Kind::Child | Kind::Checkpoint);
        let is_known = is_of_page || (is_of_child && names.have(&claims.instance));
        self.given.shared_key().is_none() && is_known
    }

    /// What the component starts with if the page has brought nothing.
    fn claims(&self, module: &str, version: u32) -> Claims {
        let (kind, instance) = match self.given.shared_key() {
            Some(key) => (Kind::Shared, key),
            None => (Kind::Child, ""),
        };
        Claims {
            module: module.to_owned(),
            version,
            props_json: self.given.props().to_owned(),
            instance: instance.to_owned(),
            page: self.parent.about.page.to_string(),
            issued_at: unix_now(),
            ..Claims::empty(kind)
        }
    }
}

/// A join that was refused: what the page is told, what it can do, and the reason for the log.
struct Refused(&'static str, Refusal, String);

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

    fn join(
        &mut self,
        id: &str,
        module: &str,
        token: &str,
        parent: Option<Parent>,
        resume: Option<Resume>,
    ) {
        self.turn += JOIN;
        self.leave(id);
        let nesting = self.nesting(module, parent);
        let joined = nesting.and_then(|nesting| {
            let nesting = nesting.as_ref();
            let place = self.place(module)?;
            let place = match &resume {
                // The ticket of a shared component has no dot.
                Some(resume) => match self.resume(id, module, nesting, resume, place) {
                    Ok(()) => return Ok(()),
                    Err(place) => place,
                },
                None => place,
            };
            self.try_join(id, module, token, nesting, resume, place)
        });
        if let Err(Refused(public, refusal, reason)) = joined {
            let code = match refusal {
                Refusal::Busy | Refusal::Moved => Code::Busy,
                _ => Code::Join,
            };
            self.context.stats.failed(code);
            let shown = if self.context.development {
                format!("{public} ({reason})")
            } else {
                public.to_owned()
            };
            // A page that was refused as `Busy` asks again, and so do all others. A line for each would
            // flood the log.
            if !matches!(refusal, Refusal::Busy | Refusal::Moved) {
                let (name, at) = (Quoted(module), Quoted(id));
                let text = format!("{name} ({at}): join refused: {reason}");
                self.context.log(Level::Warn, Code::Join, text);
            }
            let text = self.outbox.dialect.refused(id, &shown, &refusal);
            self.outbox.push(CONNECTION, text);
        }
    }

    /// Who shows the nested component that a page joins, if it is one. Its parent is on the same connection, and shows it
    /// now.
    fn nesting(&self, module: &str, parent: Option<Parent>) -> Result<Option<Nesting>, Refused> {
        let Some(Parent { id, key }) = parent else {
            return Ok(None);
        };
        // The page asks again soon, unless what it shows by then has no such component any more.
        let not_now = |reason: &str| Refused(BUSY, Refusal::Moved, reason.to_owned());
        let parent = match self.components.get(&*id) {
            Some(Shows::Own(attached)) if attached.is_let_in() => attached.session.clone(),
            Some(Shows::Own(_)) => return Err(not_now("its parent is not let in")),
            Some(Shows::Shared(_)) => {
                let reason = "live() cannot stand in a shared component".to_owned();
                return Err(Refused(FAULT, Refusal::Fault, reason));
            }
            None => return Err(not_now("its parent is not here")),
        };
        if parent.about.depth >= MAX_NESTING {
            let reason = format!("components nest deeper than {MAX_NESTING} levels");
            return Err(Refused(FAULT, Refusal::Fault, reason));
        }
        let given = parent.gives(module, &key);
        let given = given.ok_or_else(|| not_now("its parent does not show it"))?;
        Ok(Some(Nesting { parent, key, given }))
    }

    /// A place in the queue of pages that join or come back. Asked for before the token is opened, because
    /// opening the token costs most.
    fn place(&mut self, module: &str) -> Result<Place, Refused> {
        if !self.has_room() {
            let limit = self.context.limits.components;
            let reason = format!("limits.components is {limit}");
            return Err(Refused(TOO_MANY, Refusal::Fault, reason));
        }
        let busy = |reason: &str| Refused(BUSY, Refusal::Busy, reason.to_owned());
        let address = self.pace.address();
        if !address.may_join() {
            return Err(busy(
                "too many from this address (limits.joinRatePerAddress)",
            ));
        }
        // All names that are not registered share one line, so that a client cannot make lines.
        let known = self.context.registry.get(module);
        let module = known.map_or_else(|| "".into(), |_| module.into());
        let place = self.context.turns.queue(&self.counted(), &module);
        let place = place.ok_or_else(|| busy("too many wait (limits.waitingJoins)"))?;
        let gone = &mut self.gone;
        Ok(place.leaves_with(|| gone.get_or_insert_default().clone()))
    }

    /// Goes on with a session that this client had before; gives the place back if there is no such
    /// session.
    fn resume(
        &mut self,
        id: &str,
        module: &str,
        nesting: Option<&Nesting>,
        resume: &Resume,
        place: Place,
    ) -> Result<(), Place> {
        let Some((instance, _)) = resume.secret.split_once('.') else {
            return Err(place);
        };
        if !names_of(nesting.map(|nesting| nesting.of(module))).have(instance) {
            return Err(place);
        }
        let Some(session) = self.sessions.get(instance) else {
            return Err(place);
        };
        let about = &session.about;
        if *about.module != *module || about.bind != self.peer.bind {
            return Err(place);
        }
        let id: Arc<str> = id.into();
        let details = self.context.registry.get(module);
        let link = Link {
            outbox: self.outbox.clone(),
            id: id.clone(),
        };
        let back = Back {
            secret: &resume.secret,
            shown: resume.shown,
            needs_tree: resume.needs_tree,
            request: self.peer.request.clone(),
            address: self.peer.address.clone(),
            asks: details.is_some_and(|(_, details)| details.authorizes),
        };
        let (attached, ticket) = session.attach(link, back, place)?;
        if let Some(ticket) = ticket {
            self.sessions.unpark(ticket);
        }
        if let Some(Nesting { parent, key, .. }) = nesting {
            parent.adopts(module, key, &attached.session);
        }
        self.components.insert(id, Shows::Own(attached));
        Ok(())
    }

    /// The name under which this connection counts if addresses are counted: see [`counted_as`].
    fn counted(&self) -> Arc<str> {
        counted_as(&self.peer.bind, &self.pace.address().name)
    }

    /// The name under which this connection's memory counts: see [`holder`].
    fn holder(&self) -> Arc<str> {
        holder(&self.peer.bind, &self.pace.address().name)
    }

    fn has_room(&mut self) -> bool {
        let limit = self.context.limits.components;
        if self.components.len() >= limit {
            self.components.retain(|_, shows| !shows.is_over());
        }
        self.components.len() < limit
    }

    fn try_join(
        &mut self,
        id: &str,
        name: &str,
        token: &str,
        nesting: Option<&Nesting>,
        resume: Option<Resume>,
        place: Place,
    ) -> Result<(), Refused> {
        let context = self.context.clone();
        let limits = &context.limits;
        let module = context.registry.get(name);
        let gone = |reason: String| Refused(GONE, Refusal::Reload, reason);
        let (module, details) =
            module.ok_or_else(|| gone("no such module is registered".to_owned()))?;
        let ticket = resume.as_ref().map(|resume| &*resume.secret);
        let names = names_of(nesting.map(|nesting| nesting.of(name)));
        let opened = || {
            let (bind, now) = (&self.peer.bind, unix_now());
            let keyring = &context.keyring;
            let claims = keyring.open_shared(token, ticket, bind, now, limits.token_age);
            let claims = claims.map_err(|error| error.to_string())?;
            match claims.module == name {
                true => Ok(claims),
                false => Err(format!("the token is for {}", Quoted(&claims.module))),
            }
        };
        if let Some(Nesting { parent, key, .. }) = nesting
            && resume.is_none()
            && parent.shows_on(name, key, &self.outbox)
        {
            let reason = "its live() stands twice in its parent: give each a key of its own";
            return Err(Refused(FAULT, Refusal::Fault, reason.to_owned()));
        }
        let (claims, is_given) = match nesting {
            None => {
                let claims = opened().map_err(gone)?;
                let is_nested = claims.kind == Kind::Child
                    || (claims.kind == Kind::Checkpoint && !names.have(&claims.instance));
                if is_nested {
                    return Err(gone("a nested component has a parent".to_owned()));
                }
                (claims, false)
            }
            Some(nesting) => {
                let claims = opened().ok();
                let claims = claims.filter(|claims| nesting.starts_from(claims, &names));
                match claims {
                    Some(claims) => (claims, false),
                    // It came with a patch, or its parent has started anew.
                    None => (nesting.claims(name, details.version), true),
                }
            }
        };
        let id: Arc<str> = id.into();
        if claims.kind == Kind::Shared {
            let known = Known {
                module,
                name: name.into(),
                details,
            };
            return self.join_shared(id, known, claims, nesting, resume, place);
        }
        let home = self.home(resume.as_ref(), &claims);
        let home = home.filter(|home| names.have(&home.instance));
        let instance = self.instance(&claims, home.as_ref(), &names)?;
        let mark = match &context.homes {
            Some(homes) => homes.mark(&self.peer.bind, name, &instance),
            None => Mark::default(),
        };
        let shown = resume
            .as_ref()
            .map_or_else(Point::default, |back| back.shown);
        let kept = resume.as_ref().map_or(0, |back| back.kept);
        let expected = Revision(shown.revision.0.saturating_sub(kept));
        let coming = self.coming(&instance, &claims, home, shown);
        let about = About {
            mark,
            instance: instance.clone(),
            module: name.into(),
            bind: self.peer.bind.clone(),
            address: self.peer.address.clone(),
            holder: self.holder(),
            counted: self.counted(),
            request: self.peer.request.clone(),
            page: claims.page.as_str().into(),
            depth: nesting.map_or(0, |nesting| nesting.parent.about.depth + 1),
        };
        let caller = about.request.clone().map(|request| Caller {
            request,
            bind: about.bind.clone(),
            page: about.page.clone(),
            sharing: None,
            parent: nesting.map(|nesting| public_name(&nesting.parent.about.instance).into()),
        });
        let mut ongoing = Ongoing::from_json(&claims.ongoing, self.context.now());
        let given = nesting.map(|nesting| nesting.given.clone());
        if let Some(given) = given.as_ref().filter(|_| is_given) {
            ongoing.begins_with(given);
        }
        let start = Start {
            id: id.clone(),
            instance: public_name(&instance).into(),
            module,
            module_name: about.module.clone(),
            caller: caller.map(Arc::new),
            holder: about.holder.clone(),
            props: Arc::new(Props::from_json(&claims.props_json)),
            origin: Some(Origin {
                joins: match claims.kind {
                    Kind::Checkpoint => Joins::Checkpoint,
                    _ if is_given => Joins::Child,
                    _ => Joins::Mount,
                },
                version: claims.version,
                is_behind: false,
            }),
            place: Some(place),
            point: claims.point,
            life: claims.life,
            expected,
            ongoing,
            given,
            details: details.clone(),
        };
        let is_page = matches!(claims.kind, Kind::Mount | Kind::Child)
            && !is_given
            && self.outbox.dialect == Dialect::Extended;
        let anchored = is_page.then(|| anchored(token, &self.peer.bind).into());
        // Known from the start, so that who is removed from a topic does not come to life with it.
        let topics = start.ongoing.topics();
        let mut made = None;
        let sessions = self.sessions.clone();
        let socket = LiveSocket::start(&context, start, |key| {
            let session = Session::new(about, key, &self.outbox, id.clone(), claims.point);
            if let Some(home) = coming.as_ref().and_then(|coming| coming.home.as_ref()) {
                session.came_with(&home.secret);
            }
            sessions.set_topics(&session, topics, members::now());
            made = Some(session.clone());
            sessions.add(&session);
            let context = context.clone();
            let to_page = ToPage::new(context, sessions, session, details, anchored, coming, shown);
            match is_given {
                true => to_page.owing_checkpoint(),
                false => to_page,
            }
        });
        if let Some(session) = made {
            session.set_socket(socket);
            if let Some(Nesting { parent, key, .. }) = nesting {
                parent.adopts(name, key, &session);
            }
            let attached = Attached { session, epoch: 0 };
            self.components.insert(id, Shows::Own(attached));
        }
        Ok(())
    }

    /// Joins a component that many pages show. The rest is done by a task, and the page is told by that.
    fn join_shared(
        &mut self,
        id: Arc<str>,
        known: Known,
        claims: Claims,
        nesting: Option<&Nesting>,
        resume: Option<Resume>,
        place: Place,
    ) -> Result<(), Refused> {
        let name = known.name.clone();
        let joining = Joining {
            known,
            claims,
            viewer: None,
            resume,
            link: Link {
                outbox: self.outbox.clone(),
                id: id.clone(),
            },
            peer: self.peer.clone(),
            counted: self.counted(),
            holder: self.holder(),
            place,
        };
        let viewing = shared::join(&self.context, &self.sessions.shared, joining);
        let viewing = viewing.ok_or_else(|| {
            let reason = "the system gives no random numbers".to_owned();
            Refused(FAULT, Refusal::Fault, reason)
        })?;
        if let Some(Nesting { parent, key, .. }) = nesting {
            let ends = viewing.ends();
            parent.adopts_shared(&name, key, Box::new(ends));
        }
        self.components.insert(id, Shows::Shared(Box::new(viewing)));
        Ok(())
    }

    /// What the page's secret says of the component that the claims are about; `None` if there is no backplane, or the
    /// secret is none of this user's.
    fn home(&self, resume: Option<&Resume>, claims: &Claims) -> Option<Home> {
        let homes = self.context.homes.as_ref()?;
        let home = homes.open_secret(&resume?.secret, &self.peer.bind, &claims.module)?;
        let fits = claims.instance.is_empty() || *claims.instance == *home.instance;
        fits.then_some(home)
    }

    /// A component that may be in another process; `None` if there is no other one, or the component is made just now.
    fn coming(
        &self,
        instance: &Arc<str>,
        claims: &Claims,
        home: Option<Home>,
        shown: Point,
    ) -> Option<Box<Coming>> {
        let is_new = claims.instance.is_empty() && home.is_none();
        if is_new || self.context.homes.is_none() {
            return None;
        }
        Some(Box::new(Coming {
            instance: instance.clone(),
            home,
            point: claims.point,
            life: claims.life,
            shown,
            patience: self.context.limits.handler_time,
        }))
    }

    /// The instance that the claims are about: a new one for a page's token, the old one for a checkpoint
    /// or an anchor, or for a token that comes with the secret of one. Refused if the instance has been in this process and is further on than the claims.
    /// With a store, an instance that has ended starts from the state in the store, which is the newest.
    fn instance(
        &self,
        claims: &Claims,
        home: Option<&Home>,
        names: &Names,
    ) -> Result<Arc<str>, Refused> {
        if let Some(home) = home.filter(|_| claims.instance.is_empty()) {
            return Ok(home.instance.clone());
        }
        if claims.instance.is_empty() {
            let instance = random_text();
            if instance.is_empty() {
                let reason = "the system gives no random numbers".to_owned();
                return Err(Refused(FAULT, Refusal::Fault, reason));
            }
            return Ok(names.new_name(&instance).into());
        }
        let live = self.sessions.get(&claims.instance);
        // Without claims lives are not ordered.
        let later: Option<Life> = self.context.homes.is_some().then_some(claims.life);
        let beyond = match live.filter(|live| !live.is_over()) {
            Some(live) => live.beyond(claims.point.revision, later),
            None if self.context.store.is_some() => None,
            None => self
                .sessions
                .ended_beyond(&claims.instance, claims.point.revision, later),
        };
        if let Some(newest) = beyond {
            let reason = format!(
                "the checkpoint is of revision {}, the component is at {newest}",
                claims.point.revision
            );
            return Err(Refused(GONE, Refusal::Reload, reason));
        }
        Ok(claims.instance.as_str().into())
    }
}
