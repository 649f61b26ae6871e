//! Which process has the actor of a shared component.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use crate::ids::Life;
use crate::sync::{Mutex, lock};

/// Why a process does not own a component.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OwnershipError {
    /// Another owner has taken the component over.
    #[error("another process goes on with this component")]
    Lost,
    /// Nobody can say now who owns it; the text says why.
    #[error("nobody can say who owns this component: {0}")]
    Failed(String),
}

/// The future of an answer.
pub type Answer = Pin<Box<dyn Future<Output = Result<(), OwnershipError>> + Send>>;

/// Says who owns a shared component: who has its actor, and commits its states. There is one owner at a time, and
/// the newest one counts. A component is named by its name in a store, and its owner by the life that the actor
/// lives.
///
/// Architecture invariant: a step is committed only by the owner. The tests of `src/shared/ownership.rs` watch it
/// (`an_owner_that_was_replaced_commits_nothing`).
pub trait Ownership: Send + Sync + 'static {
    /// This life owns the component from now on, and an earlier one no more.
    fn own(&self, component: &Arc<str>, life: Life) -> Answer;

    /// The owner is about to commit a step. [`OwnershipError::Lost`] if it is the owner no more.
    fn commits(&self, component: &Arc<str>, life: Life) -> Answer;

    /// The owner has ended. Does not wait.
    fn disown(&self, component: &Arc<str>, life: Life);
}

/// The owners in this process, which knows of no other: an actor that is ending, and whose call is still on its
/// way, commits nothing beside the next one.
#[derive(Default)]
pub struct MemoryOwnership {
    /// A `std` lock, held for a look-up.
    owners: Mutex<HashMap<Arc<str>, Life>>,
}

fn at_once(answer: Result<(), OwnershipError>) -> Answer {
    Box::pin(std::future::ready(answer))
}

impl Ownership for MemoryOwnership {
    fn own(&self, component: &Arc<str>, life: Life) -> Answer {
        lock(&self.owners).insert(component.clone(), life);
        at_once(Ok(()))
    }

    fn commits(&self, component: &Arc<str>, life: Life) -> Answer {
        let owner = lock(&self.owners).get(component).copied();
        at_once(if owner == Some(life) {
            Ok(())
        } else {
            Err(OwnershipError::Lost)
        })
    }

    fn disown(&self, component: &Arc<str>, life: Life) {
        let mut owners = lock(&self.owners);
        if owners.get(component) == Some(&life) {
            owners.remove(component);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_owner_that_was_replaced_commits_nothing() {
        let owners = MemoryOwnership::default();
        let board: Arc<str> = "board".into();
        let (first, second) = (Life(1), Life(2));
        assert_eq!(
            owners.commits(&board, first).await,
            Err(OwnershipError::Lost)
        );
        owners.own(&board, first).await.unwrap();
        assert_eq!(owners.commits(&board, first).await, Ok(()));
        owners.own(&board, second).await.unwrap();
        assert_eq!(
            owners.commits(&board, first).await,
            Err(OwnershipError::Lost)
        );
        // Its end takes nothing from the next one.
        owners.disown(&board, first);
        assert_eq!(owners.commits(&board, second).await, Ok(()));
        owners.disown(&board, second);
        assert_eq!(lock(&owners.owners).len(), 0);
    }
}
