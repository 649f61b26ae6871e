//! Which process has the actor of a shared component.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::ids::{EventNumber, Term};
use crate::sync::{Mutex, lock};

/// Why a process does not own a component.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OwnershipError {
    /// Another owner has taken the component over.
    #[error("another process goes on with this component")]
    Lost,
    /// It cannot be found out now which process owns the component; the text says why.
    #[error("the process that owns this component cannot be found: {0}")]
    Failed(String),
}

/// The future of an answer.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, OwnershipError>> + Send>>;

/// The state that an owner which ends in order leaves to the next one, if there is no store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The state, as a sealed state of a shared component.
    pub sealed: String,
    /// How far the events of its viewers have got.
    pub viewers: Vec<(Arc<str>, EventNumber)>,
}

/// The process that owns a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This process, from now on, in this term, with the state that the owner before has left.
    Here(Term, Option<HandedOver>),
    /// Another process.
    Elsewhere(Elsewhere),
}

/// The owner of a component in another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The name of the process.
    pub process: Arc<str>,
    /// The owner's term.
    pub term: Term,
}

/// Says who owns a shared component: who has its actor, and commits its states. There is one owner at a time, and
/// the newest one counts. A component is named by its name in a store.
///
/// Architecture invariant: a step is committed only by the owner. The tests of `src/shared/ownership.rs` and of
/// `src/shared/across/` watch it (`an_owner_that_was_replaced_commits_nothing`).
pub trait Ownership: Send + Sync + 'static {
    /// Takes the component over, unless another process has it that lives. `gone`: the owner of this term says itself
    /// that it has no such component.
    fn own(&self, component: &Arc<str>, gone: Option<Term>) -> Answer<Owner>;

    /// The owner is about to commit a step. [`OwnershipError::Lost`] if it is the owner no more. `is_stored`: a store
    /// compares, too.
    fn commits(&self, component: &Arc<str>, term: Term, is_stored: bool) -> Answer<()>;

    /// The owner has ended, and leaves this. The call takes effect if its future is polled to its end.
    fn disown(&self, component: &Arc<str>, term: Term, left: Option<HandedOver>) -> Answer<()>;
}

/// The owners in this process, which knows of no other: an actor that is ending, and whose call is still on its
/// way, commits nothing beside the next one.
#[derive(Default)]
pub struct MemoryOwnership {
    last: AtomicU64,
    /// A `std` lock, held for a look-up.
    owners: Mutex<HashMap<Arc<str>, Term>>,
}

fn at_once<T: Send + 'static>(answer: Result<T, OwnershipError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}

impl Ownership for MemoryOwnership {
    fn own(&self, component: &Arc<str>, _gone: Option<Term>) -> Answer<Owner> {
        let term = Term(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        lock(&self.owners).insert(component.clone(), term);
        at_once(Ok(Owner::Here(term, None)))
    }

    fn commits(&self, component: &Arc<str>, term: Term, _is_stored: bool) -> Answer<()> {
        let owner = lock(&self.owners).get(component).copied();
        at_once(if owner == Some(term) {
            Ok(())
        } else {
            Err(OwnershipError::Lost)
        })
    }

    fn disown(&self, component: &Arc<str>, term: Term, _left: Option<HandedOver>) -> Answer<()> {
        let mut owners = lock(&self.owners);
        if owners.get(component) == Some(&term) {
            owners.remove(component);
        }
        at_once(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_owner_that_was_replaced_commits_nothing() {
        let owners = MemoryOwnership::default();
        let board: Arc<str> = "board".into();
        let own = async || match owners.own(&board, None).await.unwrap() {
            Owner::Here(term, None) => term,
            other => panic!("{other:?}"),
        };
        let commits = |term| owners.commits(&board, term, false);
        assert_eq!(commits(Term(1)).await, Err(OwnershipError::Lost));
        let first = own().await;
        assert_eq!(commits(first).await, Ok(()));
        let second = own().await;
        assert!(second > first);
        assert_eq!(commits(first).await, Err(OwnershipError::Lost));
        // Its end takes nothing from the next one.
        owners.disown(&board, first, None).await.unwrap();
        assert_eq!(commits(second).await, Ok(()));
        owners.disown(&board, second, None).await.unwrap();
        assert_eq!(lock(&owners.owners).len(), 0);
    }
}
