//! Where states live that must not be rolled back: every committed event is there before it is
//! answered.
//!
//! A checkpoint alone proves what a component's state was, not that it is the newest. While a process
//! lives it knows; across restarts a store does.

mod sqlite;

use std::pin::Pin;
use std::sync::Arc;

pub use sqlite::{Bounds, SqliteStore};

/// Whose states count together: a keyed hash of a user or of an address, so that a store says nobody's
/// name.
pub use crate::token::Holder;
use crate::token::TokenError;

/// A component's newest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The last event that it includes.
    pub number: u64,
    /// The state as a sealed checkpoint.
    pub sealed: String,
}

/// What went wrong with a store.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// A newer state is there: the component goes on somewhere else.
    #[error("the store has a newer state of this component: it goes on in another process")]
    Stale,
    /// It cannot be read or written now, and why.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The row is there, and no state can be read from it, now or later.
    #[error("the store has a state of this component that cannot be read: {0}")]
    Damaged(String),
    /// What it has cannot be opened, now or later.
    #[error("the store has a state of this component that cannot be opened: {0}")]
    Unreadable(TokenError),
}

/// What a store's answers come in.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// A store of states by component. None is taken out when its page is left: whoever kept an older
/// checkpoint could start from that. Its futures may be dropped at any time; a save may then have
/// happened or not.
pub trait Store: Send + Sync + 'static {
    /// The newest state of that instance.
    fn load(&self, instance: &Arc<str>) -> Answer<Option<Stored>>;

    /// Keeps a state of `holder`, durably, unless there is one that is as new: then
    /// [`StoreError::Stale`].
    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()>;

    /// How many states it has, as far as is known here. Does not wait.
    fn stored(&self) -> u64;

    /// Ends it when it has done what waits: nothing is loaded or saved any more.
    fn close(&self) -> Answer<()>;
}
