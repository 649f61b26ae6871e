//! The pages of this process that show a component which another process owns, as the owner knows them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::wire::{Answer, Asked, Page, ToOwner};
use super::{ABOUT, Across, MOVED, topic_of};
use crate::ids::Point;
use crate::protocol::Refusal;
use crate::shared::component::{Failure, LetInElsewhere};
use crate::shared::ownership::Elsewhere;
use crate::shared::viewer::Viewer;
use crate::sync::{Mutex, lock};

/// How long the owner is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often the owner is told that this process does not follow any more, if that fails.
const MOST_TOLD: u32 = 60;
/// When it is told again.
const AGAIN: Duration = Duration::from_secs(1);

/// A connection that the owner has let in, as this process counts the viewer's connections, and as the owner does.
#[derive(Clone, Copy)]
struct Epochs {
    here: u64,
    of_owner: u64,
}

#[derive(Default)]
struct Pages {
    /// The last connections that the owner has let in, by viewers.
    epochs: HashMap<Arc<str>, Epochs>,
    /// Viewers that are about to be let in, which are not listed so far.
    joining: HashMap<Arc<str>, Arc<Viewer>>,
}

/// A component that this process follows, because another process owns it. The lock is a `std` one, held for
/// a look-up.
pub(crate) struct Following {
    pub(super) across: Arc<Across>,
    pub(super) owner: Elsewhere,
    /// The component's name in a store.
    name: Arc<str>,
    /// Tells this time of following from others of this process.
    number: u64,
    pages: Mutex<Pages>,
    task: OnceLock<AbortHandle>,
}

/// A page that joins.
pub(crate) struct Joining {
    pub(crate) page: Arc<str>,
    pub(crate) address: Arc<str>,
    /// The page has a ticket of this state of the component.
    pub(crate) is_known: bool,
    /// An earlier owner has issued the ticket.
    pub(crate) is_of_earlier_owner: bool,
    /// The last answer that the page has, and the revision that it shows.
    pub(crate) known: Point,
    /// How often viewers had been dismissed when `authorize` was asked about the page.
    pub(crate) dismissals: u64,
}

impl Following {
    pub(super) fn new(
        across: &Arc<Across>,
        name: &Arc<str>,
        owner: &Elsewhere,
        number: u64,
    ) -> Self {
        Self {
            across: across.clone(),
            owner: owner.clone(),
            name: name.clone(),
            number,
            pages: Mutex::default(),
            task: OnceLock::new(),
        }
    }

    pub(super) fn set_task(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Ends the task that follows.
    pub(crate) fn stop(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    fn sealed(&self, what: Asked) -> Option<String> {
        let asked = ToOwner {
            component: self.name.clone(),
            term: self.owner.term,
            number: self.number,
            what,
        };
        self.across.seal(&asked, &topic_of(&self.owner.process))
    }

    /// Asks the owner. `None` if no answer comes.
    pub(super) async fn ask(&self, what: Asked) -> Option<Answer> {
        let sealed = self.sealed(what)?;
        let processes = &self.across.processes;
        let answer = processes.ask(&self.owner.process, ABOUT, &sealed, PATIENCE);
        self.across.open(answer.await?.get(), ABOUT)
    }

    /// Says something to the owner. False if it may not have been said.
    pub(super) async fn tell(&self, what: Asked) -> bool {
        let Some(sealed) = self.sealed(what) else {
            return false;
        };
        let processes = &self.across.processes;
        let told = processes.tell(&self.owner.process, ABOUT, &sealed);
        told.await.is_ok()
    }

    /// This process does not follow any more, and has none of the component's pages.
    pub(super) async fn leave(&self) {
        for _ in 0..MOST_TOLD {
            if self.tell(Asked::Leave).await {
                return;
            }
            sleep(AGAIN).await;
        }
    }

    fn epochs(&self, viewer: &str) -> Option<Epochs> {
        lock(&self.pages).epochs.get(viewer).copied()
    }

    /// The epoch of a page's connection, as the owner counts it; `None` if the page has come on a later one.
    /// Events of the earlier connection must not be taken for events of the later one: the page sends them
    /// again, in its order.
    pub(super) fn epoch(&self, viewer: &str, here: u64) -> Option<u64> {
        let epochs = self.epochs(viewer)?;
        (epochs.here == here).then_some(epochs.of_owner)
    }

    /// The same, for a page whose connection is gone: also if the owner has let the page in on an earlier
    /// connection.
    pub(crate) fn gone(&self, viewer: &str, here: u64) -> Option<u64> {
        let epochs = self.epochs(viewer)?;
        (epochs.here <= here).then_some(epochs.of_owner)
    }

    /// The page will not come back.
    pub(crate) fn forget(&self, viewer: &str) -> Option<u64> {
        let forgotten = lock(&self.pages).epochs.remove(viewer);
        forgotten.map(|epochs| epochs.of_owner)
    }

    /// The viewer that is about to be let in.
    pub(super) fn joining(&self, viewer: &str) -> Option<Arc<Viewer>> {
        lock(&self.pages).joining.get(viewer).cloned()
    }

    fn is_joining(&self, viewer: &Arc<Viewer>) {
        let joining = &mut lock(&self.pages).joining;
        joining.insert(viewer.id.clone(), viewer.clone());
    }

    fn has_epochs(&self, viewer: &Arc<Viewer>, here: u64, of_owner: u64) {
        let epochs = &mut lock(&self.pages).epochs;
        epochs.insert(viewer.id.clone(), Epochs { here, of_owner });
    }

    /// Has the owner let a page in, on the connection of this epoch. `None` if `authorize` is to be asked
    /// again. Until the result is dropped, the viewer is told the results of its events.
    pub(crate) async fn join(
        &self,
        viewer: &Arc<Viewer>,
        epoch: u64,
        page: Joining,
    ) -> Result<Option<(LetInElsewhere, IsJoining<'_>)>, Failure> {
        let joins = IsJoining {
            following: self,
            viewer: viewer.clone(),
        };
        self.is_joining(viewer);
        let caller = viewer.caller();
        let asked = Asked::Join(Page {
            viewer: viewer.id.clone(),
            request: caller.request.clone(),
            bind: caller.bind.clone(),
            page: page.page,
            address: page.address,
            counted: viewer.counted.clone(),
            holder: viewer.holder.clone(),
            is_classic: viewer.is_classic(),
            is_known: page.is_known,
            is_of_earlier_owner: page.is_of_earlier_owner,
            seen: page.known.event,
            shown: page.known.revision,
            dismissals: page.dismissals,
        });
        match self.ask(asked).await {
            Some(Answer::Joined(joined)) => {
                self.has_epochs(viewer, epoch, joined.epoch);
                let entered = LetInElsewhere {
                    epoch: joined.epoch,
                    was_known: joined.is_known,
                    base: joined.base,
                    said: joined.said.into_iter().map(Into::into).collect(),
                    made_room_at: joined.made_room_at,
                };
                Ok(Some((entered, joins)))
            }
            Some(Answer::Again) => Ok(None),
            Some(Answer::Failed(text, refusal)) => Err((text, refusal)),
            // The owner is gone, or will be found to be.
            _ => Err((MOVED.to_owned(), Refusal::Moved)),
        }
    }
}

/// A page is about to be let in.
pub(crate) struct IsJoining<'a> {
    following: &'a Following,
    viewer: Arc<Viewer>,
}

impl Drop for IsJoining<'_> {
    fn drop(&mut self) {
        let mut pages = lock(&self.following.pages);
        let id = &self.viewer.id;
        // The page may join once more, on another connection.
        let is_this = |one: &Arc<Viewer>| Arc::ptr_eq(one, &self.viewer);
        if pages.joining.get(id).is_some_and(is_this) {
            pages.joining.remove(id);
        }
    }
}
