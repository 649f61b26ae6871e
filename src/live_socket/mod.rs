//! `LiveSocket`: one actor per live component.
//!
//! As in the reference's `glimr/loom/live_socket`, the actor owns its component's props and last
//! tree, takes its events one at a time, has the module handle and render them, and sends back the changes.
//! The actor does not know sockets: its messages go to a [`ReplyTo`].

mod actor;
mod alarm;
mod asking;
mod attendance;
mod circle;
mod doubt;
mod first;
mod follower;
mod late;
mod mailbox;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod reading;
mod reply_to;
mod running;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod viewing;
mod visit;

use std::sync::{Arc, Weak};

use tokio::sync::oneshot;

use crate::context::Shared;
use crate::dispatch::{Caller, Dispatcher, Origin};
use crate::given::Given;
use crate::ids::{ActorKey, EventNumber, Life, Point, Revision, next_actor_key};
use crate::ongoing::Ongoing;
use crate::props::Props;
use crate::protocol::ClientEvent;
use crate::registry::{Details, Module};
use crate::turns::Place;
use mailbox::{Capacity, Item, Mailbox};

pub(crate) use asking::spread;
pub(crate) use late::LateSocket;
pub use reply_to::{Begun, Committed, Continuity, Keeper, Moment, Newest, Pace, ReplyTo, Viewers};
pub use viewing::{Asked, Events, Taken};

/// The data that an actor starts with.
pub struct Start {
    /// The component's id, as its owner chose it.
    pub id: Arc<str>,
    /// The component's own name, the same for as long as its state lives, on any machine.
    pub instance: Arc<str>,
    /// The module to call.
    pub module: Module,
    /// The module's name, for the log.
    pub module_name: Arc<str>,
    /// The caller whose page it is; `None` if the application itself starts the component.
    pub caller: Option<Arc<Caller>>,
    /// The holder (the user, or the address) in whose quotas the component counts. Empty if the application
    /// itself starts the component.
    pub holder: Arc<str>,
    /// The first props.
    pub props: Arc<Props>,
    /// The source of the props; `None` if the application itself gave them.
    pub origin: Option<Origin>,
    /// The page's place among the pages that join; `None` if the first render need not wait.
    pub place: Option<Place>,
    /// The point that the state has reached.
    pub point: Point,
    /// The life that the state was left in; 0 if the component is new.
    pub life: Life,
    /// The revision that the state has at least, if the page has shown nothing that is gone.
    pub expected: Revision,
    /// Timers, subscriptions and the like of the state.
    pub ongoing: Ongoing,
    /// For a nested component: the props that its parent gives.
    pub given: Option<Given>,
    /// The parts of the module beside its callbacks.
    pub details: Arc<Details>,
}

/// A page that is back and has to wait before it is let in.
pub struct Waits {
    /// The epoch of the connection that the page is back on, as the session counts epochs.
    pub epoch: u64,
    /// The module has `authorize`, which says whether the page may come back.
    pub asks: bool,
    /// The page's place among the pages that wait for a turn.
    pub place: Place,
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

/// The mailbox cannot take this.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// The actor has ended.
    #[error("the live socket has stopped")]
    Stopped,
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
        reply_to: impl FnOnce(ActorKey) -> R,
    ) -> Self {
        let key = next_actor_key();
        let capacity = Capacity {
            items: context.limits.queued_events,
            bytes: context.limits.message_bytes,
        };
        let mailbox = Arc::new(Mailbox::new(
            capacity,
            start.point.event,
            context.stats.clone(),
            context.budget.clone(),
        ));
        if let Some(living) = &context.living {
            let actor: Weak<Mailbox> = Arc::downgrade(&mailbox);
            living.add(key, start.module.id, actor);
        }
        if let Some(held) = context.held_time.get() {
            let actor: Weak<Mailbox> = Arc::downgrade(&mailbox);
            held.add(key, actor);
        }
        // Boxed: a future keeps room for a moved argument twice.
        let (start, reply_to) = (Box::new(start), Box::new(reply_to(key)));
        let task = actor::run(context.clone(), key, start, mailbox.clone(), reply_to);
        context.tasks.spawn(task);
        Self { key, mailbox }
    }

    /// The actor's number.
    pub fn key(&self) -> ActorKey {
        self.key
    }

    /// Hands over an event. The event gets exactly one answer, in its turn; if too many events wait
    /// already, the answer is an error.
    ///
    /// # Errors
    /// [`SendError::Stopped`].
    pub fn event(&self, event: ClientEvent) -> Result<(), SendError> {
        self.mailbox.event(None, Ok(event)).map(drop)
    }

    /// Hands over an event of a client, or says why the event is not to be handled. An event whose number
    /// is not higher than all before is not taken again. An event without a number gets the next one.
    ///
    /// # Errors
    /// [`SendError::Stopped`].
    pub fn take(
        &self,
        number: Option<EventNumber>,
        event: Result<ClientEvent, Unhandled>,
    ) -> Result<(), SendError> {
        self.mailbox.event(number, event).map(drop)
    }

    /// Bytes of all that waits in the mailbox.
    pub fn waiting_bytes(&self) -> usize {
        self.mailbox.bytes()
    }

    /// Has the actor report its memory: see [`Keeper::weighed`].
    pub fn weigh(&self) {
        // An actor that has ended holds nothing.
        let _ = self.mailbox.ask(Item::Weigh);
    }

    /// Has the whole tree sent again, as soon as no call is in flight.
    pub fn show(&self) {
        self.mailbox.first(Item::Show);
    }

    /// The page is back, with another id for the component and another request. If the page `waits`,
    /// [`ReplyTo::resumed`] follows when it is let in.
    pub fn resume(&self, id: Arc<str>, request: Option<Arc<str>>, waits: Option<Waits>) {
        self.mailbox.first(Item::Resume { id, request, waits });
    }

    /// Has the actor take its component, which is in this topic, out of it; or, with `ends`, end if the component is
    /// still in it: of a shared component the viewers end. Taken before all that waits.
    pub fn leave(&self, topic: &Arc<str>, ends: bool) {
        self.mailbox.leave(topic, ends);
    }

    /// Has a nested component take the props that its parent gives now: see [`Given`]. If several wait, the
    /// last ones count.
    pub fn give(&self, given: Given) {
        self.mailbox.give(given);
    }

    /// Has the actor hand its component over to another process, and end, before all that waits: see
    /// [`Keeper::hands_over`].
    pub fn hand_over(&self) {
        self.mailbox.first(Item::HandOver);
    }

    /// Has `authorize` asked about the page within five seconds, if it is ever asked while the page is shown the component.
    pub fn doubt(&self) {
        // An actor that has ended shows nothing.
        let _ = self.mailbox.ask(Item::Doubt);
    }

    /// Asks for the state between the events before and after this call.
    ///
    /// # Errors
    /// [`SendError`]. The receiver fails if the actor ends first.
    pub fn state(&self) -> Result<oneshot::Receiver<Snapshot>, SendError> {
        let (sender, receiver) = oneshot::channel();
        self.mailbox.ask(Item::State(sender))?;
        Ok(receiver)
    }

    /// Whether the actor has ended, or is about to.
    pub fn is_stopped(&self) -> bool {
        self.mailbox.is_stopped()
    }

    /// Ends the actor now: events that wait are dropped, a call in flight is given up.
    pub fn stop(&self) {
        self.mailbox.stop();
    }

    /// Ends the actor when it has answered the events that wait.
    pub fn finish(&self) {
        self.mailbox.finish();
    }
}

impl Drop for LiveSocket {
    fn drop(&mut self) {
        self.stop();
    }
}

pub use mailbox::Unhandled;
