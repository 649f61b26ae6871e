//! The messages that wait to be written to a connection.

#[cfg(all(test, unix))]
mod tests;
mod visibility;
mod waiting;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::budget::{Budget, Share};
use crate::ids::ActorKey;
use crate::protocol::extended::{self, Encoded};
use crate::protocol::{ClientMessage, InvalidMessage, Refusal, ServerMessage};
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, lock, wake};
use crate::transport::{Closed, Direct};
use visibility::Visibility;
use waiting::{ROOM, Texts, Waiting};

/// The owner of the connection's own messages; actors count from 1.
pub(crate) const CONNECTION: ActorKey = 0;

/// The dialect that the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Classic,
    Extended,
}

impl Dialect {
    /// Parses a message of the client.
    pub(crate) fn parse(self, text: &str) -> Result<ClientMessage<'_>, InvalidMessage> {
        match self {
            Self::Classic => ClientMessage::parse(text),
            Self::Extended => extended::parse(text),
        }
    }

    /// The message that component `id` did not start.
    pub(crate) fn refused(self, id: &str, text: &str, refusal: &Refusal) -> String {
        match self {
            Self::Classic => ServerMessage::Refused(text, refusal).to_json(id).0,
            Self::Extended => extended::refused(id, text, refusal),
        }
    }
}

/// The order that the application has given to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    /// Answer the events that wait, then close: the application is closing.
    Drain,
    /// Close now.
    Stop(Closed),
}

/// The next thing that a connection has to do.
pub(crate) enum Todo {
    /// Messages wait.
    Write,
    /// Have the actors finish, and read no more.
    Drain,
    /// All actors have left and all is written: close.
    Finished,
    Stop(Closed),
}

/// How much can be sent to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    All,
    /// The page is hidden: changes that no event has asked for can wait.
    Hidden,
    /// Too much waits for it.
    Nothing,
}

struct State {
    /// Sent before the first message, in the same frame. Taken by the first push.
    greeting: Option<String>,
    /// The messages that wait. Their owners are the actors that can still send.
    messages: Waiting,
    /// Templates that the client knows, one bit for each number. Only the extended dialect has templates.
    known: Vec<u64>,
    /// The client knows the template of a render that is one piece of HTML.
    knows_opaque: bool,
    /// Bytes waiting here, with the [`ROOM`] of their messages, or in the socket's own buffer.
    bytes: usize,
    /// How many of all messages that were ever pushed the socket has taken.
    taken: u64,
    /// How many of them the transport has taken.
    written: u64,
    order: Order,
    /// The connection has not seen the order yet. Set by `order`, cleared by `poll`.
    ordered: bool,
    /// Nothing is written any more.
    closed: bool,
    visibility: Visibility,
    /// Writes to the socket past the connection's task, if the transport can.
    direct: Option<Arc<Direct>>,
    /// Counts the bytes of the direct way.
    stats: Option<Arc<Stats>>,
    /// The bytes of frames that were begun on the direct way. The connection has to write the rest of them.
    handed: usize,
    /// Wakes the connection. Set by `poll` if there is nothing to do; taken, and called, by each push and
    /// order.
    writer: Option<Waker>,
}

/// The messages of all components of one connection, in the order they were made.
///
/// Pushing never waits, so that an answer is never lost. If more than the limit waits, an actor takes no
/// further event until the client has read some of it. The lock is a `std` one, held for one push.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Wakes the actors that wait for room, or for the page to be seen.
    room: Notify,
    limit: usize,
    budget: Arc<Budget>,
    /// The bytes of a message that has come in part.
    pub(crate) incoming: Arc<Share>,
    pub(crate) dialect: Dialect,
}

impl State {
    fn push(&mut self, owner: ActorKey, message: String, budget: &Budget) {
        if let Some(greeting) = self.greeting.take() {
            self.push(CONNECTION, greeting, budget);
        }
        let bytes = message.len() + ROOM;
        self.bytes += bytes;
        budget.take(bytes);
        self.messages.push(owner, message);
    }

    /// Tells the client of the templates that it needs to read the message. These messages are the
    /// connection's own, so they stay if the actor is stopped before they are sent: other components rely
    /// on the client knowing the templates.
    fn introduce(&mut self, encoded: &Encoded, budget: &Budget) {
        for template in &encoded.templates {
            let number = template.number() as usize;
            let (word, bit) = (number / 64, 1 << (number % 64));
            if self.known.len() <= word {
                self.known.resize(word + 1, 0);
            }
            if let Some(known) = self.known.get_mut(word)
                && *known & bit == 0
            {
                *known |= bit;
                self.push(CONNECTION, extended::define(template), budget);
            }
        }
        if encoded.opaque && !std::mem::replace(&mut self.knows_opaque, true) {
            self.push(CONNECTION, extended::define_opaque(), budget);
        }
    }
}

impl Outbox {
    pub(crate) fn new(limit: usize, budget: Arc<Budget>, dialect: Dialect) -> Arc<Self> {
        Arc::new(Self {
            dialect,
            incoming: Arc::new(Share::new(budget.clone())),
            state: Mutex::new(State {
                greeting: None,
                messages: Waiting::default(),
                known: Vec::new(),
                knows_opaque: false,
                bytes: 0,
                taken: 0,
                written: 0,
                order: Order::Serve,
                ordered: false,
                closed: false,
                visibility: Visibility::default(),
                direct: None,
                stats: None,
                handed: 0,
                writer: None,
            }),
            room: Notify::new(),
            limit,
            budget,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sets the message that is sent before the first one. If it were sent alone, it would be one packet
    /// more.
    pub(crate) fn greet(&self, greeting: String) {
        self.lock().greeting = Some(greeting);
    }

    /// Adds a message.
    pub(crate) fn push(&self, owner: ActorKey, message: String) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.push(owner, message, &self.budget);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// Adds a message of component `id`, and before it the templates that the client needs to read it.
    pub(crate) fn push_encoded(&self, owner: ActorKey, id: &str, encoded: &Encoded) {
        self.push_written(owner, encoded.text(id), Some(encoded));
    }

    /// Adds a message that is text already, and before it the templates that the client needs to read
    /// `encoded`.
    pub(crate) fn push_written(&self, owner: ActorKey, text: String, encoded: Option<&Encoded>) {
        self.add(encoded, |state| {
            state.push(owner, text, &self.budget);
            state.writer.take()
        });
    }

    /// As [`push_written`](Self::push_written), for a sender that writes to many connections in turn: the
    /// message goes to the socket at once, if the socket is idle. (A sender that writes to one connection
    /// leaves this to the connection's task. Otherwise many tasks would write one after the other, which
    /// costs each of them; and a receiver of several messages would get them in more frames.)
    pub(crate) fn push_at_once(&self, owner: ActorKey, text: String, encoded: &Encoded) {
        self.add(Some(encoded), |state| {
            self.write_now(state, text).unwrap_or_else(|text| {
                state.push(owner, text, &self.budget);
                state.writer.take()
            })
        });
    }

    fn add(&self, encoded: Option<&Encoded>, add: impl FnOnce(&mut State) -> Option<Waker>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let was_full = state.bytes >= self.limit;
        if let Some(encoded) = encoded {
            state.introduce(encoded, &self.budget);
        }
        let writer = add(&mut state);
        // Messages that waited may have been written, too.
        let has_room_again = was_full && state.bytes < self.limit;
        drop(state);
        wake(writer);
        if has_room_again {
            self.room.notify_waiters();
        }
    }

    /// Writes the message on the direct way, with the messages that wait before it. Gives the waker that has
    /// to be woken for the rest; or the message, if the message has to wait.
    fn write_now(&self, state: &mut State, text: String) -> Result<Option<Waker>, String> {
        let waits = state.greeting.is_some() || !state.messages.is_empty();
        let is_idle =
            state.taken == state.written && state.handed == 0 && state.order == Order::Serve;
        // Only the extended dialect has several messages in one frame.
        let fits = !waits || self.dialect == Dialect::Extended;
        let Some(direct) = state.direct.take_if(|_| is_idle && fits) else {
            return Err(text);
        };
        let written = self.write_to(&direct, state, text, waits);
        state.direct = Some(direct);
        written
    }

    fn write_to(
        &self,
        direct: &Direct,
        state: &mut State,
        mut text: String,
        waits: bool,
    ) -> Result<Option<Waker>, String> {
        let Some(free) = direct.free(text.len() + state.bytes) else {
            return Err(text);
        };
        if waits {
            state.push(CONNECTION, text, &self.budget);
            self.budget.give(std::mem::take(&mut state.bytes));
            state.taken = state.messages.pushed();
            let messages = state.messages.take();
            let bytes = messages.bytes();
            text = frame(messages.into_iter(), bytes);
        }
        if let Some(stats) = &state.stats {
            stats.sent.add_many(text.len() as u64);
        }
        if free.write(&text) {
            state.written = state.taken;
            return Ok(None);
        }
        // The rest counts as taken by the connection, and not yet by the transport.
        state.handed = text.len();
        state.bytes = text.len();
        self.budget.take(text.len());
        Ok(state.writer.take())
    }

    /// From here on messages may go past the connection's task.
    pub(crate) fn set_direct(&self, direct: Option<Arc<Direct>>, stats: &Arc<Stats>) {
        let mut state = self.lock();
        state.direct = direct;
        state.stats = Some(stats.clone());
    }

    /// One more actor sends here.
    pub(crate) fn attach(&self, actor: ActorKey) {
        self.lock().messages.enter(actor);
    }

    /// An actor sends here no more. With `silence`, its messages that wait here are taken back.
    ///
    /// Architecture invariant: nothing of an actor that was detached with `silence` is sent, because its
    /// messages are taken back under the lock under which the connection takes messages. The tests of
    /// `src/outbox/waiting.rs` watch it (`what_is_left_is_what_nobody_took_back`).
    pub(crate) fn detach(&self, actor: ActorKey, silence: bool) {
        let mut state = self.lock();
        let bytes = state.messages.leave(actor, silence);
        state.bytes -= bytes;
        self.budget.give(bytes);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        // The actor may be waiting for room here.
        self.room.notify_waiters();
    }

    /// Has the connection end, now or after its answers. After an order to stop, no other order counts.
    pub(crate) fn order(&self, order: Order) {
        let mut state = self.lock();
        if !matches!(state.order, Order::Stop(_)) {
            state.order = order;
            state.ordered = true;
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// Drops the messages that wait, and all that are pushed later.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = state.messages.take();
        // The socket is the connection's alone from here on.
        state.direct = None;
        self.budget.give(std::mem::take(&mut state.bytes));
        drop(state);
        drop(left);
        self.room.notify_waiters();
    }

    /// Resolves when there is something to do. While the socket `is_writing`, messages that wait are
    /// nothing to do.
    pub(crate) fn poll(&self, context: &Context<'_>, is_writing: bool) -> Poll<Todo> {
        let mut state = self.lock();
        if let Order::Stop(reason) = state.order {
            return Poll::Ready(Todo::Stop(reason));
        }
        if std::mem::take(&mut state.ordered) {
            return Poll::Ready(Todo::Drain);
        }
        if !state.messages.is_empty() && !is_writing {
            return Poll::Ready(Todo::Write);
        }
        if state.order == Order::Drain && state.messages.owners() == 0 && !is_writing {
            return Poll::Ready(Todo::Finished);
        }
        match &state.writer {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => state.writer = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes all messages, and gives their frames' texts to `send`. Gives the number of their bytes.
    pub(crate) fn take(&self, mut send: impl FnMut(String)) -> usize {
        let mut state = self.lock();
        state.taken = state.messages.pushed();
        // The room is given back now: messages that are taken are plain texts, and soon one text.
        let room = (state.messages.len() * ROOM).min(state.bytes);
        let was_full = state.bytes >= self.limit;
        state.bytes -= room;
        self.budget.give(room);
        let one = state.messages.take_one();
        let messages = match one {
            Some(_) => Texts::default(),
            None => state.messages.take(),
        };
        drop(state);
        if was_full {
            self.room.notify_waiters();
        }
        if let Some(text) = one {
            let bytes = text.len();
            send(text);
            return bytes;
        }
        let bytes = messages.bytes();
        let texts = messages.into_iter();
        if self.dialect == Dialect::Extended && bytes > 0 {
            send(frame(texts, bytes));
        } else {
            texts.for_each(send);
        }
        bytes
    }

    /// The transport has taken all messages that `take` gave, which had so many bytes.
    pub(crate) fn written(&self, bytes: usize) {
        let mut state = self.lock();
        let was_full = state.bytes >= self.limit;
        let mut bytes = bytes;
        // Somebody may have begun another frame since.
        let has_rest = |direct: &Arc<Direct>| direct.has_rest();
        if !state.direct.as_ref().is_some_and(has_rest) {
            state.written = state.taken;
            bytes += std::mem::take(&mut state.handed);
        }
        // `close` may have given the bytes back before.
        let bytes = bytes.min(state.bytes);
        state.bytes -= bytes;
        drop(state);
        self.budget.give(bytes);
        if was_full {
            self.room.notify_waiters();
        }
    }

    /// How many messages have been pushed so far.
    pub(crate) fn pushed(&self) -> u64 {
        self.lock().messages.pushed()
    }

    /// Whether the transport has taken the first so many messages.
    pub(crate) fn has_written(&self, messages: u64) -> bool {
        self.lock().written >= messages
    }

    #[cfg(all(test, shuttle))]
    pub(crate) fn actors(&self) -> usize {
        self.lock().messages.owners()
    }

    /// Bytes that wait, in both directions.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes + self.incoming.bytes()
    }

    /// Whether the connection may read on. Answers to joins wait here beyond the limit that stops actors,
    /// so at twice the limit reading stops.
    pub(crate) fn takes_more(&self) -> bool {
        self.lock().bytes < self.limit.saturating_mul(2)
    }

    /// Whether an actor can go on.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        state.closed || state.bytes < self.limit
    }

    /// Whether a change can be sent that no event has asked for.
    pub(crate) fn takes_changes(&self) -> Takes {
        let state = self.lock();
        if !state.closed && state.bytes >= self.limit {
            return Takes::Nothing;
        }
        match state.visibility.is_hidden(Instant::now) {
            true => Takes::Hidden,
            false => Takes::All,
        }
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The page says whether it is hidden. Has actors send the changes that they have held back for it.
    pub(crate) fn set_hidden(&self, is_hidden: bool) {
        let is_seen_again = self.lock().visibility.set(is_hidden, Instant::now());
        if is_seen_again {
            self.room.notify_waiters();
        }
    }

    /// Whether the page counts as hidden.
    pub(crate) fn is_hidden(&self) -> bool {
        self.lock().visibility.is_hidden(Instant::now)
    }

    /// Resolves when the page does not count as hidden, or something else has changed.
    pub(crate) async fn seen(&self) {
        let seen = self.room.notified();
        tokio::pin!(seen);
        // Registered before `is_hidden` is asked, as in `changed`.
        seen.as_mut().enable();
        if self.is_hidden() {
            seen.await;
        }
    }

    /// Resolves when an actor can go on, or something else has changed.
    pub(crate) async fn changed(&self) {
        let room = self.room.notified();
        tokio::pin!(room);
        // Registered before `has_room` is asked, so that a write between the two is not missed.
        room.as_mut().enable();
        if !self.has_room() {
            room.await;
        }
    }
}

/// The text of one frame: an array of messages that waited together.
fn frame(texts: impl Iterator<Item = String>, bytes: usize) -> String {
    let mut frame = String::with_capacity(bytes + 64);
    for text in texts {
        frame.push(if frame.is_empty() { '[' } else { ',' });
        frame.push_str(&text);
    }
    frame.push(']');
    frame
}
