//! Connections that the application has closed, and for which nothing is begun any more: their actors end
//! a moment later, on other threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::{Mutex, lock};

#[derive(Default)]
struct State {
    /// The requests that the connections began with, by where they are: held, so that no other request
    /// comes to be there.
    requests: HashMap<usize, Arc<str>>,
    /// How often actors have ended since it was looked which requests nobody else has any more.
    ended: usize,
}

/// Requests of connections that are being closed. A request is the same one only if it is the same text
/// at the same place: two connections may have begun with equal ones.
///
/// Costs one look at a number while there are none.
#[derive(Default)]
pub(super) struct Revoked {
    count: AtomicUsize,
    /// A `std` lock: held for a look-up, or for one pass after as many actors have ended.
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
        state.requests.extend(requests);
        self.count.store(state.requests.len(), Ordering::SeqCst);
    }

    pub(super) fn has(&self, request: &Arc<str>) -> bool {
        self.count.load(Ordering::SeqCst) > 0
            && lock(&self.state).requests.contains_key(&place(request))
    }

    /// An actor has ended, and with it perhaps the last that has its request.
    pub(super) fn actor_ended(&self) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut state = lock(&self.state);
        state.ended += 1;
        if state.ended >= state.requests.len() {
            state.ended = 0;
            state
                .requests
                .retain(|_, request| Arc::strong_count(request) > 1);
            self.count.store(state.requests.len(), Ordering::SeqCst);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.state).requests.len()
    }
}
