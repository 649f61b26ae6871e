//! The store: it holds states that must not be rolled back.
//!
//! A checkpoint proves what a component's state was once, not that this state is the newest. A living
//! process knows the newest; across restarts only a store does.
//!
//! Architecture invariant: with a store, a new state is in the store before its event is answered.
//! `src/connection/tests/store.rs` watches it.

mod own;
mod redis;
mod sqlite;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use own::{OwnCalls, OwnStore, Tell as OwnTell, Thrown};
pub use redis::{Durability, RedisStore};
pub use sqlite::SqliteStore;

use crate::ids::{EventNumber, Life, Revision};
/// Whose states count together: a keyed hash of a user or an address, so that no name stands in the
/// store.
pub use crate::token::Holder;
use crate::token::TokenError;

/// The bounds of a store.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long an unchanged state is kept: as long as a checkpoint is valid. A state is deleted if
    /// it is this old; in a file both by the store's own clock and by the time of day, so that a clock
    /// that jumps deletes nothing.
    pub keep: Duration,
    /// The most states in all. For each one more, the holder with most states loses its oldest one.
    pub stored: usize,
    /// The most states of one holder. For each one more, the holder loses its oldest one.
    pub stored_per_holder: usize,
}

/// A component's newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The life that the state was committed in.
    pub life: Life,
    /// The state's revision.
    pub revision: Revision,
    /// The state as a sealed checkpoint.
    pub sealed: String,
}

impl Stored {
    /// Marks a name as taken.
    fn taken() -> Self {
        Self {
            life: Life(1),
            revision: Revision(1),
            sealed: "taken".to_owned(),
        }
    }
}

/// Whether a name was taken, by how its save went.
fn is_taken(saved: Result<(), StoreError>) -> Result<bool, StoreError> {
    match saved {
        Ok(()) => Ok(true),
        Err(StoreError::Stale) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How far the events of a shared component's viewer have got: the viewer's name and its last event that the
/// state includes; without a number the viewer is to be forgotten.
pub type ViewerNumber = (Arc<str>, Option<EventNumber>);

/// A shared component's newest state, and how far the events of its viewers have got.
pub type ClaimedShared = (Stored, Vec<(Arc<str>, EventNumber)>);

/// Why a store did not load or save a state.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// The store has a newer state: the component goes on in another process.
    #[error("the store has a newer state of this component: it goes on in another process")]
    Stale,
    /// The component lives in another process, in a newer state than its page has brought.
    #[error(
        "the component is in another process, at revision {0}, and its page has an older state"
    )]
    Elsewhere(Revision),
    /// The store cannot be read or written now; the text says why.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The component's row is damaged: no state can be read from it, now or later.
    #[error("the store has a state of this component that cannot be read: {0}")]
    Damaged(String),
    /// The stored state cannot be opened, now or later.
    #[error("the store has a state of this component that cannot be opened: {0}")]
    Unreadable(TokenError),
}

/// The future of a store's answer.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// A store of states, one for each component. A state stays when its page is left: without it, a client
/// that kept an older checkpoint could start from that one. The futures may be dropped at any time; a
/// save may then have happened or not.
pub trait Store: Send + Sync + 'static {
    /// Begins a life of this component, later than the life `after` and than all lives in the store: gives
    /// the newest state under the new life's name, and from here on refuses the saves of an earlier life.
    /// `None` if the store has no state of the component; then there is nothing to begin.
    fn claim(&self, instance: &Arc<str>, after: Life) -> Answer<Option<Stored>>;

    /// Saves a state of `holder` durably. [`StoreError::Stale`] if the store has a state of a later life, or
    /// a state of this life that is as new or newer.
    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()>;

    /// Takes a name, for as long as states are kept. False if it was taken before, also by this process.
    fn take(&self, name: &Arc<str>, holder: Holder) -> Answer<bool> {
        // The first process that saves it has the name: a second save is as new as the first, and is refused.
        let saved = self.save(name, holder, Stored::taken());
        Box::pin(async move { is_taken(saved.await) })
    }

    /// As [`save`](Self::save), for a shared component: keeps the numbers of viewers beside the state, one
    /// entry a viewer. They are saved with the state or not at all, and forgotten with the state.
    fn save_shared(
        &self,
        instance: &Arc<str>,
        holder: Holder,
        stored: Stored,
        viewers: Vec<ViewerNumber>,
    ) -> Answer<()>;

    /// As [`claim`](Self::claim), for a shared component: gives the numbers of its viewers, too. After the claim
    /// nobody else adds any.
    fn claim_shared(&self, instance: &Arc<str>, after: Life) -> Answer<Option<ClaimedShared>>;

    /// How many states the store had at the last transaction of this process. Does not wait.
    fn stored(&self) -> u64;

    /// Ends the store after the requests that wait. Later requests fail.
    fn close(&self) -> Answer<()>;
}
