//! What waits to be written to a connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::dispatch::{ActorKey, CallError};
use crate::live_socket::{LiveSocket, LiveSocketMailbox, ReplyTo};
use crate::protocol::ServerMessage;
use crate::protocol::extended::{self, Encoded};
use crate::transport::{Closed, WebSocket};

/// The owner of the connection's own messages; actors count from 1.
const CONNECTION: ActorKey = 0;

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Classic,
    Extended,
}

#[derive(Default)]
struct State {
    messages: VecDeque<(ActorKey, String)>,
    /// Templates that the client knows, a bit for each number. Only the extended dialect has them.
    known: Vec<u64>,
    knows_opaque: bool,
    /// Bytes waiting here or in the socket's own buffer.
    bytes: usize,
    /// Actors that can still send.
    actors: usize,
    /// An actor has ended since the last look.
    ended: bool,
}

/// The messages of all components of one connection, in the order they were made.
///
/// Pushing never waits, so that an answer is never lost; an actor whose connection has more than
/// the limit waiting takes no further event until the client has read on. The lock is a `std` one:
/// held for one push.
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Tells the connection.
    filled: Notify,
    /// Tells the actors.
    room: Notify,
    limit: usize,
    pub(super) dialect: Dialect,
}

impl State {
    fn push(&mut self, owner: ActorKey, message: String) {
        self.bytes += message.len();
        self.messages.push_back((owner, message));
    }

    /// Tells the client of what it needs to read the message. Stays also where the message's actor
    /// is stopped before it is sent: other components count on it.
    fn introduce(&mut self, encoded: &Encoded) {
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
                self.push(CONNECTION, extended::define(template));
            }
        }
        if encoded.opaque && !std::mem::replace(&mut self.knows_opaque, true) {
            self.push(CONNECTION, extended::define_opaque());
        }
    }
}

impl Outbox {
    pub(super) fn new(limit: usize, dialect: Dialect) -> Arc<Self> {
        Arc::new(Self {
            dialect,
            state: Mutex::default(),
            filled: Notify::new(),
            room: Notify::new(),
            limit,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push_own(&self, id: &str, message: &ServerMessage<'_>) {
        self.push(CONNECTION, id, message, || true);
    }

    /// Adds a message unless its owner has been stopped. `alive` is asked under the lock, so that
    /// nothing of a stopped actor can slip in after [`stop`](Self::stop).
    fn push(
        &self,
        owner: ActorKey,
        id: &str,
        message: &ServerMessage<'_>,
        alive: impl FnOnce() -> bool,
    ) {
        match self.dialect {
            Dialect::Classic => {
                let (text, answer) = message.to_json(id);
                let mut state = self.lock();
                if !alive() {
                    return;
                }
                state.push(owner, text);
                if let Some(answer) = answer {
                    state.push(owner, answer);
                }
            }
            Dialect::Extended => {
                let encoded = extended::encode(message, id);
                let mut state = self.lock();
                if !alive() {
                    return;
                }
                state.introduce(&encoded);
                state.push(owner, encoded.text);
            }
        }
        self.filled.notify_one();
    }

    /// Stops an actor; what it has sent and is not yet on its way is taken back.
    pub(super) fn stop(&self, actor: &LiveSocket) {
        actor.stop();
        let mut state = self.lock();
        let mut bytes = 0;
        state.messages.retain(|(owner, message)| {
            let keep = *owner != actor.key();
            if !keep {
                bytes += message.len();
            }
            keep
        });
        state.bytes -= bytes;
    }

    /// Resolves when there is something to write, or an actor has ended.
    pub(super) async fn wait(&self) {
        loop {
            {
                let mut state = self.lock();
                if !state.messages.is_empty() || std::mem::take(&mut state.ended) {
                    return;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Whether no actor is left and everything has been written.
    pub(super) fn is_finished(&self) -> bool {
        let state = self.lock();
        state.actors == 0 && state.messages.is_empty()
    }

    /// Writes what waits.
    pub(super) async fn write(&self, socket: &mut WebSocket) -> Result<(), Closed> {
        let messages = std::mem::take(&mut self.lock().messages);
        let bytes: usize = messages.iter().map(|(_, message)| message.len()).sum();
        let texts = messages.into_iter().map(|(_, message)| message);
        let written = match self.dialect {
            Dialect::Extended if texts.len() > 1 => {
                socket.send(std::iter::once(together(texts, bytes))).await
            }
            _ => socket.send(texts).await,
        };
        self.lock().bytes -= bytes;
        self.room.notify_waiters();
        written
    }

    async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Registered before the look, so that a write between the two is not missed.
            room.as_mut().enable();
            if self.lock().bytes < self.limit {
                return;
            }
            room.await;
        }
    }
}

/// One frame of messages that waited together.
fn together(texts: impl Iterator<Item = String>, bytes: usize) -> String {
    let mut frame = String::with_capacity(bytes + 64);
    for text in texts {
        frame.push(if frame.is_empty() { '[' } else { ',' });
        frame.push_str(&text);
    }
    frame.push(']');
    frame
}

/// The reply end of a connection's actor.
pub(super) struct ToPage {
    outbox: Arc<Outbox>,
    id: Arc<str>,
    key: ActorKey,
    mailbox: Arc<LiveSocketMailbox>,
    development: bool,
}

impl ToPage {
    pub(super) fn new(
        outbox: &Arc<Outbox>,
        id: Arc<str>,
        key: ActorKey,
        mailbox: &Arc<LiveSocketMailbox>,
        development: bool,
    ) -> Self {
        outbox.lock().actors += 1;
        Self {
            outbox: outbox.clone(),
            id,
            key,
            mailbox: mailbox.clone(),
            development,
        }
    }
}

impl ReplyTo for ToPage {
    fn started(&mut self, result: Result<(), &CallError>) {
        if let Err(error) = result {
            let text = error.public(self.development);
            self.send(ServerMessage::Error(&text));
        }
    }

    fn send(&mut self, message: ServerMessage<'_>) {
        let alive = || !self.mailbox.is_stopped();
        self.outbox.push(self.key, &self.id, &message, alive);
    }

    async fn ready(&mut self) {
        self.outbox.has_room().await;
    }
}

impl Drop for ToPage {
    fn drop(&mut self) {
        let mut state = self.outbox.lock();
        state.actors -= 1;
        state.ended = true;
        drop(state);
        self.outbox.filled.notify_one();
    }
}
