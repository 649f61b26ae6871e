//! What waits to be written to a connection.

mod waiting;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::budget::{Budget, Share};
use crate::ids::ActorKey;
use crate::protocol::extended::{self, Encoded};
use crate::protocol::{ClientMessage, InvalidMessage, Refusal, ServerMessage};
use crate::sync::{Mutex, MutexGuard, lock, wake};
use crate::transport::Closed;
use waiting::{ROOM, Texts, Waiting};

/// The owner of the connection's own messages; actors count from 1.
pub(crate) const CONNECTION: ActorKey = 0;

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Classic,
    Extended,
}

impl Dialect {
    /// A message of the client's.
    pub(crate) fn parse(self, text: &str) -> Result<ClientMessage<'_>, InvalidMessage> {
        match self {
            Self::Classic => ClientMessage::parse(text),
            Self::Extended => extended::parse(text),
        }
    }

    /// The message that component `id` did not come to life.
    pub(crate) fn refused(self, id: &str, text: &str, refusal: &Refusal) -> String {
        match self {
            Self::Classic => ServerMessage::Refused(text, refusal).to_json(id).0,
            Self::Extended => extended::refused(id, text, refusal),
        }
    }
}

/// What is asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    /// Answer what waits, then close: the application is closing.
    Drain,
    /// Close now.
    Stop(Closed),
}

/// What a connection has to do next.
pub(crate) enum Todo {
    /// Messages wait.
    Write,
    /// Have the actors finish, and read no more.
    Drain,
    /// Nothing more will come.
    Finished,
    Stop(Closed),
}

struct State {
    /// Goes before the first message, in its frame.
    greeting: Option<String>,
    /// Their owners are the actors that can still send.
    messages: Waiting,
    /// Templates that the client knows, a bit for each number. Only the extended dialect has them.
    known: Vec<u64>,
    knows_opaque: bool,
    /// Bytes waiting here, with the [`ROOM`] of their messages, or in the socket's own buffer.
    bytes: usize,
    /// Messages so far, of those that came in: that the socket has taken, and that the transport has.
    taken: u64,
    written: u64,
    order: Order,
    /// The order has not been looked at.
    ordered: bool,
    /// Nothing is written any more.
    closed: bool,
    writer: Option<Waker>,
}

/// The messages of all components of one connection, in the order they were made.
///
/// Pushing never waits, so that an answer is never lost; an actor whose connection has more than
/// the limit waiting takes no further event until the client has read on. The lock is a `std` one:
/// held for one push.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Tells the actors.
    room: Notify,
    limit: usize,
    budget: Arc<Budget>,
    /// Bytes that have come of a message that is not whole yet.
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

    /// Tells the client of what it needs to read the message. Stays also if the message's actor
    /// is stopped before it is sent: other components count on it.
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

    /// What goes before the first message. On its own it would be a packet more.
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

    /// Adds a message of component `id`, and before it what the client needs to read it.
    pub(crate) fn push_encoded(&self, owner: ActorKey, id: &str, encoded: &Encoded) {
        self.push_written(owner, encoded.text(id), Some(encoded));
    }

    /// Adds a message that is written already, and before it what the client needs to read `encoded`.
    pub(crate) fn push_written(&self, owner: ActorKey, text: String, encoded: Option<&Encoded>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if let Some(encoded) = encoded {
            state.introduce(encoded, &self.budget);
        }
        state.push(owner, text, &self.budget);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }

    /// One more actor sends here.
    pub(crate) fn attach(&self, actor: ActorKey) {
        self.lock().messages.enter(actor);
    }

    /// An actor sends here no more; what it has sent and is not yet on its way is taken back if
    /// `silence` says so.
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

    /// Has the connection end, now or when it has answered what waits. A later order does not soften
    /// an earlier one.
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

    /// Nothing is written any more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let left = state.messages.take();
        self.budget.give(std::mem::take(&mut state.bytes));
        drop(state);
        drop(left);
        self.room.notify_waiters();
    }

    /// Resolves when there is something to do; to write only if nothing `is_writing` still.
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

    /// Takes what waits, as texts of frames to `send`; gives how many bytes that is.
    pub(crate) fn take(&self, mut send: impl FnMut(String)) -> usize {
        let mut state = self.lock();
        state.taken = state.messages.pushed();
        // What is taken is texts, and soon one of them.
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

    /// What was taken has been written.
    pub(crate) fn written(&self, bytes: usize) {
        let mut state = self.lock();
        state.written = state.taken;
        let was_full = state.bytes >= self.limit;
        // Closing has given all of it back.
        let bytes = bytes.min(state.bytes);
        state.bytes -= bytes;
        drop(state);
        self.budget.give(bytes);
        if was_full {
            self.room.notify_waiters();
        }
    }

    /// How many messages have come in so far.
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

    /// Whether the client may ask for more: what it is told of joins, beside what its components make,
    /// waits here however much that is.
    pub(crate) fn takes_more(&self) -> bool {
        self.lock().bytes < self.limit.saturating_mul(2)
    }

    /// Whether an actor can go on.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        state.closed || state.bytes < self.limit
    }

    /// Resolves when an actor can go on, or something else has changed.
    pub(crate) async fn changed(&self) {
        let room = self.room.notified();
        tokio::pin!(room);
        // Registered before the look, so that a write between the two is not missed.
        room.as_mut().enable();
        if !self.has_room() {
            room.await;
        }
    }
}

/// One frame of messages that waited together.
fn frame(texts: impl Iterator<Item = String>, bytes: usize) -> String {
    let mut frame = String::with_capacity(bytes + 64);
    for text in texts {
        frame.push(if frame.is_empty() { '[' } else { ',' });
        frame.push_str(&text);
    }
    frame.push(']');
    frame
}
