//! The traits of an actor's owner, which takes the actor's messages, sets their pace, and keeps its states.

use std::sync::Arc;

use tokio::time::Instant;

use super::Asked;
use crate::dispatch::{CallError, Origin};
use crate::ids::{Life, Point};
use crate::members::Leave;
use crate::ongoing::{Ongoing, TopicNames};
use crate::props::Props;
use crate::protocol::{Beside, ServerMessage};
use crate::store::StoreError;
use crate::tree::{Child, LiveTree};

/// When an actor offers its state as a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After an answer or the first render.
    Answer,
    /// Nothing has happened until the time that the last offer gave.
    Quiet,
    /// The actor ends in order.
    End,
}

/// A state that an actor has committed, or is about to commit.
#[derive(Clone, Copy)]
pub struct Committed<'a> {
    /// The point that the state has reached.
    pub point: Point,
    /// The props.
    pub props: &'a Props,
    /// Timers, subscriptions and the like of the state.
    pub ongoing: &'a Ongoing,
    /// The step changed timers, subscriptions or the like, so a checkpoint is due at once.
    pub is_due: bool,
    /// Tasks run, whose values come often: then checkpoints wait longer for each other.
    pub has_tasks: bool,
}

/// The beginning of an actor's life.
#[derive(Default)]
pub struct Begun {
    /// The life's name.
    pub life: Life,
    /// The state to go on from, if the store has a newer one than the page has brought.
    pub newest: Option<Newest>,
}

impl Begun {
    /// The life goes on from the state that the page has brought.
    pub fn of(life: Life) -> Self {
        let newest = None;
        Self { life, newest }
    }
}

/// A state from a store, newer than the state that the page has brought.
pub struct Newest {
    /// The point that the state has reached.
    pub point: Point,
    /// The props.
    pub props: Arc<Props>,
    /// The source of the props.
    pub origin: Origin,
    /// Timers, subscriptions and the like of the state.
    pub ongoing: Ongoing,
}

/// The pages of a component that many share. A component of one page has nothing of this.
pub trait Viewers {
    /// Whether the component is shared. If so, answers and changes alike go to all pages, and both are held back
    /// together: see [`Pace::holds`].
    fn shares(&self) -> bool {
        false
    }

    /// Takes the next event of the viewer whose turn it is. The answer is for this viewer, until the next
    /// call.
    fn next_asked(&mut self) -> Option<Asked> {
        None
    }

    /// Whether some viewer has asked for something.
    fn has_asked(&self) -> bool {
        false
    }

    /// Takes the viewers who have joined and left, as the JSON that the receiver gets; `None` if there is
    /// nothing to tell now.
    fn joined_and_left(&mut self) -> Option<Arc<str>> {
        None
    }

    /// `authorize` has refused the viewer's event, which is answered next.
    fn refused(&mut self) {}

    /// Ends all viewers; the component goes on. Their pages join again.
    fn dismiss(&mut self) {}

    /// Whether a page waits for the whole tree.
    fn wants_tree(&self) -> bool {
        false
    }

    /// Resolves when there is something to send that need not wait for the call in flight: changes that were
    /// held back, if the actor `holds` changes back, or the whole tree.
    fn beside(&mut self, holds: bool) -> impl Future<Output = ()> + Send {
        let _ = holds;
        std::future::pending()
    }
}

/// How a tree that is shown whole goes on from what its page has shown before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing is lost, or the page has shown nothing before.
    #[default]
    Unbroken,
    /// The state goes on, and lacks changes that no event asked for.
    Behind,
    /// The component has started anew instead of continuing the state.
    Anew,
}

/// Takes an actor's messages (the reference's `reply_to`). Owned by the actor.
pub trait ReplyTo: Pace + Keeper + Viewers + Send + 'static {
    /// The first render has succeeded or failed. Called once, before all other methods.
    fn started(&mut self, result: Result<(), &CallError>);

    /// The whole tree, after the first render and if [`LiveSocket::show`] asked for it. The tree is
    /// that of `point`.
    fn show(&mut self, point: Point, tree: &LiveTree, continuity: Continuity);

    /// The answer to event `point.event`, after which the component is at `point`; `beside` has the other
    /// effects of the handler on the page. Must not block.
    fn answer(&mut self, point: Point, message: ServerMessage<'_>, beside: Beside<'_>);

    /// The state was committed without an event, and the component is at `point`. `message` is the change of
    /// the tree; `None` if the page shows the tree already.
    fn changed(&mut self, point: Point, message: Option<ServerMessage<'_>>, beside: Beside<'_>);

    /// The answer to the `count` events up to `point.event`, which are not handled.
    fn unhandled(&mut self, point: Point, count: u64, text: &str, is_expired: bool) {
        let _ = is_expired;
        for _ in 0..count {
            self.answer(point, ServerMessage::Error(text), Beside::default());
        }
    }

    /// Lets in the page that came back in this epoch; the tree may have `has_changed` without an event.
    /// True if the page has to be shown the whole tree.
    fn resumed(&mut self, epoch: u64, has_changed: bool) -> bool {
        let _ = (epoch, has_changed);
        false
    }

    /// The committed tree shows these nested components. Called after each commit of a tree that may have some.
    fn nests(&mut self, children: &[Child<'_>]) {
        let _ = children;
    }

    /// The actor ends by itself, because of `error`.
    fn ended(&mut self, error: &CallError) {
        let _ = error;
    }
}

/// How much the receiver of an actor's messages can take.
pub trait Pace {
    /// Resolves when the receiver can take more. Until then the actor takes no event.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether the receiver takes so little that answers are merged. Answers are then not sent until
    /// [`merged`](Self::merged).
    fn lags(&mut self) -> bool {
        false
    }

    /// Whether a change that no event asked for is to be held back now, until
    /// [`merged`](Self::merged). `events_wait`: the page has sent events that are not answered.
    fn holds(&mut self, events_wait: bool) -> bool {
        let _ = events_wait;
        false
    }

    /// Whether the receiver can take a message now.
    fn has_room(&self) -> bool {
        true
    }

    /// Whether the receiver tells a change from an answer. If not, a change that is held back goes with the
    /// next answer.
    fn tells_changes(&self) -> bool {
        false
    }

    /// Whether somebody sees the component. While nobody does, it handles nothing from the server. A shared
    /// component goes on in any case, and always is.
    fn is_shown(&self) -> bool {
        true
    }

    /// Whether a page shows the component now: only then the component is there, as presence goes.
    fn is_there(&self) -> bool {
        self.is_shown()
    }

    /// All changes since the receiver began to lag, as one answer.
    fn merged(&mut self, point: Point, message: ServerMessage<'_>) {
        let _ = (point, message);
    }

    /// Resolves when a receiver that lags can take more.
    fn caught_up(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Keeps an actor's states: in a store, and as checkpoints in the page.
pub trait Keeper {
    /// Saves a state before its event is answered, if there is a store. By default there is no store.
    ///
    /// # Errors
    /// If the state was not saved; then it must not be committed.
    fn keep(
        &mut self,
        committed: Committed<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = committed;
        std::future::ready(Ok(()))
    }

    /// Begins a life of the component, whose state is at `point`, and was left there in the life `before`;
    /// `before` is 0 if the component is new. From here on, a store refuses the states of earlier lives.
    ///
    /// # Errors
    /// If the store cannot say.
    fn begin(
        &mut self,
        point: Point,
        before: Life,
    ) -> impl Future<Output = Result<Begun, StoreError>> + Send {
        let _ = (point, before);
        std::future::ready(Ok(Begun::default()))
    }

    /// Whether [`begin`](Self::begin) waits for another process.
    fn waits_to_begin(&self) -> bool {
        false
    }

    /// The actor has been asked to hand the component over to another process, and ends. The state is the last one that
    /// was committed.
    fn hands_over(&mut self, committed: Committed<'_>) {
        let _ = committed;
    }

    /// The actor ends in order; the state is the last one that was committed. The end of the application
    /// waits for this future.
    fn leaves(&mut self, committed: Committed<'_>) -> impl Future<Output = ()> + Send {
        let _ = committed;
        std::future::ready(())
    }

    /// The memory that props and tree hold, in bytes: the answer to [`LiveSocket::weigh`].
    fn weighed(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// The committed state has subscribed to these topics; `None` if it has subscribed to none. Called at the
    /// first render, and after each step that may have changed them and that began at `since`. Gives the
    /// topics that the component was taken out of since then.
    fn subscribed(&mut self, topics: Option<&TopicNames>, since: u64) -> Vec<Leave> {
        let _ = (topics, since);
        Vec::new()
    }

    /// Offers a state for a checkpoint. Gives the time to offer it again if nothing happens until then.
    fn committed(&mut self, committed: Committed<'_>, moment: Moment) -> Option<Instant> {
        let _ = (committed, moment);
        None
    }
}
