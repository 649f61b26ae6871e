//! `LiveSocket`: one actor per live component.
//!
//! As in the reference's `glimr/loom/live_socket`, the actor owns its component's props and last
//! tree, takes its events one at a time, has the module handle and render them, and sends back what
//! changed. It knows meanings, not sockets: messages go to a [`ReplyTo`].

mod actor;
mod mailbox;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::context::{Shared, next_actor_key};
use crate::dispatch::{ActorKey, CallError, Dispatcher};
use crate::props::Props;
use crate::protocol::{ClientEvent, ServerMessage};
use crate::registry::Module;
use mailbox::{Capacity, Item, Mailbox};

/// Where an actor's messages go (the reference's `reply_to`). Owned by the actor.
pub trait ReplyTo: Send + 'static {
    /// The first render is done, or the actor did not come to life. Called once, before all else.
    fn started(&mut self, result: Result<(), &CallError>);

    /// A message for the page. Must not block; an owner that has stopped the actor drops it.
    fn send(&mut self, message: ServerMessage<'_>);

    /// Resolves when the receiver can take more; the actor takes no event before.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;
}

/// What an actor starts with.
pub struct Start {
    /// The component's id, as its owner chose it.
    pub id: Arc<str>,
    /// The module, and its name for the log.
    pub module: Module,
    /// See `module`.
    pub module_name: Arc<str>,
    /// The request that the connection began with, as compact JSON.
    pub request: Option<Arc<str>>,
    /// The first props.
    pub props: Arc<Props>,
}

/// An actor's state between two events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The component's id.
    pub id: Arc<str>,
    /// The module's name.
    pub module: Arc<str>,
    /// The committed props.
    pub props_json: String,
    /// The tree rendered from them.
    pub tree_json: String,
}

/// The mailbox cannot take this: the actor has ended, or too much waits already.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The actor has ended.
    #[error("the live socket has stopped")]
    Stopped,
    /// `limits.queued_events` wait.
    #[error("too many messages wait for the live socket")]
    Full,
}

/// The sending end of an actor's mailbox. Dropping it stops the actor.
pub struct LiveSocket {
    key: ActorKey,
    mailbox: Arc<Mailbox>,
}

impl LiveSocket {
    /// Starts an actor; it renders first and tells `reply_to` how that went.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start<D: Dispatcher, R: ReplyTo>(
        context: &Shared<D>,
        start: Start,
        reply_to: impl FnOnce(ActorKey, &Arc<Mailbox>) -> R,
    ) -> Self {
        let key = next_actor_key();
        let capacity = Capacity {
            items: context.limits.queued_events,
            bytes: context.limits.message_bytes,
        };
        let mailbox = Arc::new(Mailbox::new(capacity, context.stats.clone()));
        let reply_to = reply_to(key, &mailbox);
        let task = actor::run(context.clone(), key, start, mailbox.clone(), reply_to);
        context.tasks.spawn(task);
        Self { key, mailbox }
    }

    /// The actor's number.
    pub fn key(&self) -> ActorKey {
        self.key
    }

    /// Hands over an event. It gets exactly one answer, in its turn: where too many wait already,
    /// that answer is an error.
    ///
    /// # Errors
    /// [`SendError::Stopped`].
    pub fn event(&self, event: ClientEvent) -> Result<(), SendError> {
        self.mailbox.push_event(event)
    }

    /// Asks for the state between the events before and after this call.
    ///
    /// # Errors
    /// [`SendError`]. The receiver fails where the actor ends first.
    pub fn state(&self) -> Result<oneshot::Receiver<Snapshot>, SendError> {
        let (sender, receiver) = oneshot::channel();
        self.mailbox.push(Item::State(sender))?;
        Ok(receiver)
    }

    /// Whether the actor has ended, or is about to.
    pub fn is_stopped(&self) -> bool {
        self.mailbox.is_stopped()
    }

    /// Ends the actor now: what waits is dropped, a call in flight is abandoned.
    pub fn stop(&self) {
        self.mailbox.stop();
    }

    /// Ends the actor when it has answered what waits.
    pub fn finish(&self) {
        self.mailbox.finish();
    }
}

impl Drop for LiveSocket {
    fn drop(&mut self) {
        self.stop();
    }
}

pub use mailbox::Mailbox as LiveSocketMailbox;
