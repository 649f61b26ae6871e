//! Sends changes to the pages of a shared component, and says whose turn it is to ask.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Duration;

use super::{Component, EndsIfItPanics, State};
use crate::live_socket::{Asked, LiveSocket};
use crate::shared::viewer::{Pages, Viewed, Viewer};
use crate::sync::{MutexGuard, lock};

/// To so many pages a change is sent by the actor itself; to more by a task, so many at a time.
const BATCH: usize = 64;

/// The name of a viewer that the task which sends changes panics at.
#[cfg(test)]
pub(in crate::shared) const PANIC: &str = "panic";

impl Component {
    pub(in crate::shared) fn has_classic(&self) -> bool {
        self.has_classic.load(Ordering::Relaxed)
    }

    /// Resolves when somebody waits for the tree, or has waited for it since this was called last.
    pub(in crate::shared) async fn tree_is_wanted(&self) {
        self.wanted.notified().await;
    }

    /// The viewer whose turn it is, and its event.
    pub(in crate::shared) fn next_asked(&self) -> Option<(Arc<Viewer>, Asked)> {
        loop {
            let viewer = self.lock().asked.next()?;
            let (taken, has_more) = viewer.next_taken();
            if has_more {
                self.lock().asked.add(&viewer.counted, viewer.clone());
            }
            // A viewer that has ended has nothing.
            if let Some((taken, epoch)) = taken {
                let caller = viewer.caller();
                let asked = Asked {
                    caller,
                    taken,
                    epoch,
                };
                return Some((viewer, asked));
            }
        }
    }

    pub(in crate::shared) fn has_asked(&self) -> bool {
        !self.lock().asked.is_empty()
    }

    /// Sends all pages the changes that they do not have: to a few of them now, to many by a task, in turn
    /// with others.
    pub(in crate::shared) fn fan_out(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.viewers.len() > BATCH {
            if std::mem::replace(&mut state.is_fanning, true) {
                state.fans_again = true;
                return;
            }
            drop(state);
            tokio::spawn(fan(self.clone()));
            return;
        }
        let list = state.list();
        drop(state);
        for viewer in &*list {
            viewer.deliver(&**self);
        }
    }

    /// All that wait for an answer, or whose pages show the component.
    pub(crate) fn all_viewers(&self) -> Arc<[Arc<Viewer>]> {
        self.lock().list()
    }
}

impl Viewed for Component {
    fn hidden_pause(&self) -> Duration {
        self.limits.hidden_patch_time
    }

    fn shown(&self) -> MutexGuard<'_, Pages> {
        lock(&self.shown)
    }

    fn ask_tree(&self) {
        self.tell(LiveSocket::show);
        self.wanted.notify_one();
    }

    fn asks(&self, viewer: Arc<Viewer>) {
        self.lock().asked.add(&viewer.counted.clone(), viewer);
        self.tell(LiveSocket::viewers_ask);
    }

    fn is_left(&self, viewer: &Arc<Viewer>, gone: Option<u64>) {
        self.leaves(viewer, gone);
    }
}

impl State {
    /// All viewers.
    pub(super) fn list(&mut self) -> Arc<[Arc<Viewer>]> {
        let viewers = &self.viewers;
        let list = self
            .list
            .get_or_insert_with(|| viewers.values().cloned().collect());
        list.clone()
    }
}

/// Sends all pages the changes that they do not have, some pages at a time.
async fn fan(component: Arc<Component>) {
    let _ends = EndsIfItPanics(Arc::downgrade(&component));
    loop {
        let list = component.lock().list();
        for batch in list.chunks(BATCH) {
            for viewer in batch {
                #[cfg(test)]
                assert_ne!(&*viewer.id, PANIC, "a planted fault");
                viewer.deliver(&*component);
            }
            tokio::task::yield_now().await;
        }
        let mut state = component.lock();
        if !std::mem::take(&mut state.fans_again) {
            state.is_fanning = false;
            return;
        }
    }
}
