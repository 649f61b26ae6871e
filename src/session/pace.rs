//! How fast a connection takes the bytes that it is sent, and the changes that are held back meanwhile.

use std::sync::Arc;

use super::Session;
use crate::outbox::{Dialect, Outbox};

impl Session {
    /// Whether answers are held back because the connection takes too little. Starts to hold back if the
    /// outbox has no room.
    pub(crate) fn lags(&self) -> bool {
        let mut state = self.lock();
        if self.dialect == Dialect::Classic || state.stale || state.asking.is_some() {
            return false;
        }
        let is_full = matches!(&state.link, Some(link) if !link.outbox.has_room());
        if is_full && state.lags_after.is_none() {
            state.lags_after = Some(state.answers.last());
        }
        state.lags_after.is_some()
    }

    /// Holds back changes from now on, as if the connection took too little. False if the page is shown the
    /// whole tree anyway.
    pub(crate) fn hold(&self) -> bool {
        let mut state = self.lock();
        if self.dialect == Dialect::Classic || state.stale || state.asking.is_some() {
            return false;
        }
        if state.lags_after.is_none() {
            state.lags_after = Some(state.answers.last());
        }
        true
    }

    /// Whether changes are held back now.
    pub(crate) fn is_held(&self) -> bool {
        self.lock().lags_after.is_some()
    }

    /// The outbox of the connection that the component is shown on, if the page there counts as hidden.
    pub(crate) fn hidden(&self) -> Option<Arc<Outbox>> {
        self.outbox().filter(|outbox| outbox.is_hidden())
    }

    /// Whether the connection can take more now.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        state
            .link
            .as_ref()
            .is_none_or(|link| link.outbox.has_room())
    }

    /// Resolves when the connection can take more, or is gone.
    pub(crate) async fn ready(&self) {
        loop {
            let outbox = match &self.lock().link {
                Some(link) if !link.outbox.has_room() => link.outbox.clone(),
                _ => return,
            };
            outbox.changed().await;
        }
    }
}
