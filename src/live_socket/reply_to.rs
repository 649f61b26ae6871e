//! What an actor needs of whoever it works for: somebody who takes its messages, says how fast, and keeps
//! its states.

use std::sync::Arc;

use tokio::time::Instant;

use crate::dispatch::{CallError, Origin};
use crate::props::Props;
use crate::protocol::{Beside, ServerMessage};
use crate::store::StoreError;
use crate::tree::LiveTree;

/// When an actor offers its state as a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After an answer, or the first render.
    Answer,
    /// Nothing has happened since for as long as was asked for.
    Quiet,
    /// It ends in order.
    End,
}

/// What an actor has committed.
#[derive(Clone, Copy)]
pub struct Committed<'a> {
    /// The last event that it includes.
    pub number: u64,
    /// The props.
    pub props: &'a Props,
}

/// A state from a store.
pub struct Newest {
    /// The last event that it includes.
    pub number: u64,
    /// The props.
    pub props: Arc<Props>,
    /// Where they come from.
    pub origin: Origin,
}

/// Where an actor's messages go (the reference's `reply_to`). Owned by the actor.
pub trait ReplyTo: Pace + Keeper + Send + 'static {
    /// The first render is done, or the actor did not come to life. Called once, before all else.
    fn started(&mut self, result: Result<(), &CallError>);

    /// The whole tree, after the first render and if [`LiveSocket::show`] asked for it. It
    /// includes the events up to `number`; `anew` says that it does not continue what was before.
    fn show(&mut self, number: u64, tree: &LiveTree, anew: bool);

    /// The answer to event `number`, and what the handler asks of the page beside it. Must not block.
    fn answer(&mut self, number: u64, message: ServerMessage<'_>, beside: Beside<'_>);

    /// The answer to so many events up to `last` that are not handled.
    fn unhandled(&mut self, last: u64, count: u64, text: &str, is_expired: bool) {
        let _ = is_expired;
        for _ in 0..count {
            self.answer(last, ServerMessage::Error(text), Beside::default());
        }
    }

    /// The page that came back in this epoch may; the tree `has_changed` meanwhile, beside the events.
    /// True if the page has to be shown the whole tree.
    fn resumed(&mut self, epoch: u64, has_changed: bool) -> bool {
        let _ = (epoch, has_changed);
        false
    }

    /// The actor ends by itself, and why.
    fn ended(&mut self, error: &CallError) {
        let _ = error;
    }
}

/// How much the receiver of an actor's messages can take.
pub trait Pace {
    /// Resolves when the receiver can take more; the actor takes no event before.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether the receiver takes so little that answers are to be merged: what is answered from now
    /// on is not sent, until [`merged`](Self::merged).
    fn lags(&mut self) -> bool {
        false
    }

    /// Everything since the receiver began to lag, as one answer to event `number`.
    fn merged(&mut self, number: u64, message: ServerMessage<'_>) {
        let _ = (number, message);
    }

    /// Resolves when a receiver that lags can take more.
    fn caught_up(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Where an actor's states are kept: in a store, and as checkpoints in the page.
pub trait Keeper {
    /// Keeps a state if it cannot be lost, before it is answered for. By default nothing is to be
    /// kept.
    ///
    /// # Errors
    /// If it is not kept; then it must not be committed.
    fn keep(
        &mut self,
        committed: Committed<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = committed;
        std::future::ready(Ok(()))
    }

    /// A newer state than the one that the component starts with, if there is one.
    ///
    /// # Errors
    /// If nobody can say.
    fn newest(
        &mut self,
        number: u64,
    ) -> impl Future<Output = Result<Option<Newest>, StoreError>> + Send {
        let _ = number;
        std::future::ready(Ok(None))
    }

    /// The memory that props and tree hold, in bytes: the answer to [`LiveSocket::weigh`].
    fn weighed(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// A state to make a checkpoint of. Gives when it is to be offered again if nothing happens.
    fn committed(&mut self, committed: Committed<'_>, moment: Moment) -> Option<Instant> {
        let _ = (committed, moment);
        None
    }
}
