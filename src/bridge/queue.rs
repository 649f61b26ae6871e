//! The jobs that wait for the JavaScript thread.

use std::sync::PoisonError;

use tokio::sync::Notify;

use super::Job;
use crate::dispatch::CallError;
use crate::sync::{Mutex, MutexGuard};

/// Calls stop being taken when this much text waits, however few they are.
const MAX_BYTES: usize = 4 << 20;

#[derive(Default)]
struct State {
    /// The jobs' JSON, separated by commas.
    text: String,
    /// Calls among them.
    calls: usize,
    /// JavaScript has been woken and has not yet found the queue empty.
    awake: bool,
    closed: bool,
}

/// Many producers on any thread, one drainer.
///
/// Calls are bounded: a full queue makes actors wait, and connections stop reading. Other jobs are
/// few (each follows from a call, a connection or the application's own request) and never wait.
/// The lock is a `std` one: held for an append or a take. `wake` is called outside it.
pub struct Queue {
    state: Mutex<State>,
    room: Notify,
    wake: Box<dyn Fn() + Send + Sync>,
    capacity: usize,
}

impl Queue {
    /// A queue for `capacity` calls. `wake` must cause a [`take`](Self::take), soon, once.
    pub fn new(capacity: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            state: Mutex::default(),
            room: Notify::new(),
            wake,
            capacity: capacity.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job that is not a call.
    pub fn push(&self, job: Job<'_>) {
        self.append(self.lock(), job);
    }

    /// Adds a call when there is room.
    pub(super) async fn push_call(&self, job: Job<'_>) -> Result<(), CallError> {
        loop {
            {
                let mut state = self.lock();
                if state.closed {
                    return Err(CallError::Closed);
                }
                if self.has_room(&state) {
                    state.calls += 1;
                    self.append(state, job);
                    return Ok(());
                }
            }
            self.ready().await;
        }
    }

    fn append(&self, mut state: MutexGuard<'_, State>, job: Job<'_>) {
        if state.closed {
            return;
        }
        if !state.text.is_empty() {
            state.text.push(',');
        }
        job.write(&mut state.text);
        let sleeping = !std::mem::replace(&mut state.awake, true);
        drop(state);
        if sleeping {
            (self.wake)();
        }
    }

    fn has_room(&self, state: &State) -> bool {
        state.closed || (state.calls < self.capacity && state.text.len() < MAX_BYTES)
    }

    /// Whether a call would not have to wait.
    pub fn is_ready(&self) -> bool {
        self.has_room(&self.lock())
    }

    /// Resolves when a call would not have to wait.
    pub async fn ready(&self) {
        loop {
            if self.has_room(&self.lock()) {
                return;
            }
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.has_room(&self.lock()) {
                return;
            }
            room.await;
        }
    }

    /// Takes all jobs as a JSON array; `None` where there are none, and then the next job wakes
    /// JavaScript again.
    pub fn take(&self) -> Option<String> {
        let mut state = self.lock();
        if state.text.is_empty() {
            state.awake = false;
            return None;
        }
        let text = std::mem::take(&mut state.text);
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        if calls > 0 {
            self.room.notify_waiters();
        }
        let mut jobs = String::with_capacity(text.len() + 2);
        jobs.push('[');
        jobs.push_str(&text);
        jobs.push(']');
        Some(jobs)
    }

    /// Calls that wait.
    pub fn waiting(&self) -> usize {
        self.lock().calls
    }

    /// The drainer is gone: nothing is taken any more, and who waits is told.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.text = String::new();
        drop(state);
        self.room.notify_waiters();
    }
}
