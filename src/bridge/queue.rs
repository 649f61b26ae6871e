//! The jobs that wait for the JavaScript thread.

use std::collections::HashMap;
use std::sync::PoisonError;

use tokio::sync::Notify;

use super::{Job, Numbers};
use crate::dispatch::CallError;
use crate::sync::{Mutex, MutexGuard};

/// Calls stop being taken when this much text waits, however few they are.
const MAX_BYTES: usize = 4 << 20;

/// How many calls may wait as numbers; more wait as JSON. `lib/dispatcher.ts` has room for so many.
pub const MAX_NUMBERS: usize = 1024;

/// Jobs in the order in which they were added: those as JSON say where those as numbers stand.
#[derive(Default)]
pub struct Taken {
    /// Calls as numbers.
    pub calls: Vec<Numbers>,
    /// The other jobs: a JSON array, or nothing where there are none.
    pub jobs: String,
}

#[derive(Default)]
struct State {
    /// The jobs' JSON, separated by commas.
    text: String,
    numbers: Vec<Numbers>,
    /// How many of these come after all of `text`.
    trailing: usize,
    /// The numbers of names that have one.
    names: HashMap<Box<str>, u32>,
    /// Calls among them.
    calls: usize,
    /// JavaScript has been woken and has not yet found the queue empty.
    awake: bool,
    closed: bool,
}

impl State {
    fn add(&mut self, job: &Job<'_>) {
        if self.numbers.len() < MAX_NUMBERS
            && let Some(numbers) = job.numbers(&self.names)
        {
            self.numbers.push(numbers);
            self.trailing += 1;
            return;
        }
        let trailing = std::mem::take(&mut self.trailing);
        if trailing > 0 {
            self.write(&Job::Calls(trailing));
        }
        self.write(job);
    }

    fn write(&mut self, job: &Job<'_>) {
        self.text.push(if self.text.is_empty() { '[' } else { ',' });
        job.write(&mut self.text);
    }
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
        self.append(self.lock(), &job);
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
                    self.append(state, &job);
                    return Ok(());
                }
            }
            self.ready().await;
        }
    }

    fn append(&self, mut state: MutexGuard<'_, State>, job: &Job<'_>) {
        if state.closed {
            return;
        }
        state.add(job);
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

    /// Takes all jobs; `None` where there are none, and then the next job wakes JavaScript again.
    pub fn take(&self) -> Option<Taken> {
        let mut state = self.lock();
        if state.text.is_empty() && state.numbers.is_empty() {
            state.awake = false;
            return None;
        }
        let mut jobs = std::mem::take(&mut state.text);
        // The next ones will be about as many.
        let room = Vec::with_capacity(state.numbers.len());
        let numbers = std::mem::replace(&mut state.numbers, room);
        state.trailing = 0;
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        if calls > 0 {
            self.room.notify_waiters();
        }
        if !jobs.is_empty() {
            jobs.push(']');
        }
        Some(Taken {
            calls: numbers,
            jobs,
        })
    }

    /// Gives names numbers from `first` on: calls name them so.
    pub fn number_names(&self, first: u32, names: Vec<String>) {
        let names = names.into_iter().map(Into::into).zip(first..);
        self.lock().names.extend(names);
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
        state.numbers = Vec::new();
        drop(state);
        self.room.notify_waiters();
    }
}
