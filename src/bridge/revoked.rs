//! Connections that the application has closed. No call is started for them any more, although their actors
//! end a moment later, on other threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::dispatch::Caller;
use crate::sync::{Mutex, lock};

#[derive(Default)]
struct State {
    /// The requests that the connections began with, by their addresses in memory. The requests are held
    /// here, so that no other request gets the same address.
    requests: HashMap<usize, Arc<str>>,
    /// The callers of viewers that have ended, in the same way. The same request may come in again as another viewer.
    callers: HashMap<usize, Arc<Caller>>,
    /// How many actors have ended, and requests have been added, since the last pass that dropped requests of
    /// connections without actors.
    ended: usize,
    /// How many requests the last pass has left.
    left: usize,
}

impl State {
    fn len(&self) -> usize {
        self.requests.len() + self.callers.len()
    }
}

/// Requests of connections that are being closed, and callers of viewers that have ended. Requests are told apart by their addresses in memory,
/// because two connections may have begun with equal texts.
///
/// While there are no such requests, a look costs one load of a number.
#[derive(Default)]
pub(super) struct Revoked {
    count: AtomicUsize,
    /// A `std` lock, held for a look-up; or for a pass over all requests, after as many actors have ended
    /// as there are requests.
    state: Mutex<State>,
}

fn place(request: &Arc<str>) -> usize {
    request.as_ptr().addr()
}

impl Revoked {
    pub(super) fn add(&self, requests: &[Arc<str>]) {
        let mut state = lock(&self.state);
        let requests = requests.iter();
        let requests = requests.map(|request| (place(request), request.clone()));
        let before = state.requests.len();
        state.requests.extend(requests);
        // The actors of shared components may never end.
        let added = state.requests.len() - before;
        self.passed(&mut state, added);
    }

    /// Viewers of shared components have ended, but not their connections.
    pub(super) fn add_callers(&self, callers: &[Arc<Caller>]) {
        let mut state = lock(&self.state);
        let callers = callers.iter();
        let callers = callers.map(|caller| (Arc::as_ptr(caller).addr(), caller.clone()));
        let before = state.callers.len();
        state.callers.extend(callers);
        let added = state.callers.len() - before;
        self.passed(&mut state, added);
    }

    pub(super) fn has(&self, caller: &Arc<Caller>) -> bool {
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let state = lock(&self.state);
        state.requests.contains_key(&place(&caller.request))
            || state.callers.contains_key(&Arc::as_ptr(caller).addr())
    }

    /// An actor has ended. Perhaps no other actor has its request, and the request can be dropped.
    pub(super) fn actor_ended(&self) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.passed(&mut lock(&self.state), 1);
    }

    /// So many requests may have come, or may not be needed any more. After as many events as the last pass
    /// has left requests, the requests go that nobody else holds.
    fn passed(&self, state: &mut State, events: usize) {
        state.ended += events;
        if state.ended >= state.left {
            state.ended = 0;
            state
                .requests
                .retain(|_, request| Arc::strong_count(request) > 1);
            state
                .callers
                .retain(|_, caller| Arc::strong_count(caller) > 1);
            state.left = state.len();
        }
        self.count.store(state.len(), Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.state).len()
    }
}
