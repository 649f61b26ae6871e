//! The jobs that wait for the JavaScript thread.

use std::collections::HashSet;

use tokio::sync::Notify;

use super::{Job, Numbers};
use crate::dispatch::CallError;
use crate::sync::{Mutex, MutexGuard, lock};

/// Calls stop being taken when this much text waits, however few they are.
const MAX_BYTES: usize = 4 << 20;

/// How many calls may wait as numbers; more wait as JSON. `lib/call/dispatcher.ts` has room for so many.
pub const MAX_NUMBERS: usize = 1024;

/// Jobs in the order in which they were added: those as JSON say where those as numbers stand. Calls
/// that were given up while they waited are not among them.
#[derive(Default)]
pub struct Taken {
    /// Calls as numbers.
    pub calls: Vec<Numbers>,
    /// The other jobs: a JSON array, or nothing if there are none. The calls that were given up after
    /// they had been taken come first.
    pub jobs: String,
}

/// A job that waits as JSON.
struct Text {
    /// How many calls as numbers come before it.
    after: usize,
    /// The call's number, if it is one.
    call: Option<u32>,
    json: String,
}

#[derive(Default)]
struct State {
    texts: Vec<Text>,
    /// Bytes of `texts`.
    bytes: usize,
    numbers: Vec<Numbers>,
    /// Calls among both.
    calls: usize,
    /// Calls that nobody waits for any more: taken already, or among those that wait.
    aborted: Vec<u32>,
    /// How many of `aborted` JavaScript has asked for.
    told: usize,
    /// JavaScript has been woken and has not yet found the queue empty.
    awake: bool,
    closed: bool,
    /// See [`Queue::new`].
    signal: Option<Signal>,
}

/// Tells JavaScript, while it works, whether calls have been given up that it does not know of.
pub type Signal = Box<dyn FnMut(bool) + Send>;

impl State {
    fn write(&mut self, call: Option<u32>, json: String) {
        self.bytes += json.len();
        self.texts.push(Text {
            after: self.numbers.len(),
            call,
            json,
        });
    }

    fn signal(&mut self, given_up: bool) {
        if let Some(signal) = &mut self.signal {
            signal(given_up);
        }
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.numbers.is_empty() && self.aborted.is_empty()
    }
}

/// Many producers on any thread, one drainer.
///
/// Calls are bounded: a full queue makes actors wait, and connections stop reading. Other jobs are
/// few (each follows from a call, a connection or the application's own request) and never wait.
/// The lock is a `std` one: held for an append or for taking all there is. JSON is written before it
/// and put together after it. `wake` is called outside it.
pub struct Queue {
    state: Mutex<State>,
    room: Notify,
    wake: Box<dyn Fn() + Send + Sync>,
    capacity: usize,
}

impl Queue {
    /// A queue for `capacity` calls. `wake` must cause a [`take`](Self::take), soon, once. `signal` is
    /// called with `true` when a call is given up, under the lock, before whoever gave it up can say so
    /// to a page; and with `false` when JavaScript has been told of all of them.
    pub fn new(capacity: usize, wake: Box<dyn Fn() + Send + Sync>, signal: Signal) -> Self {
        let state = State {
            signal: Some(signal),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            room: Notify::new(),
            wake,
            capacity: capacity.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Adds a job that is not a call.
    pub fn push(&self, job: Job<'_>) {
        let json = job.json();
        let mut state = self.lock();
        if !state.closed {
            state.write(None, json);
            self.woken(state);
        }
    }

    /// Adds a call when there is room: as `numbers`, or as what `write` gives. A call that is not wanted any
    /// more by then is never added, and this never resolves. That is asked under the lock, so
    /// that whoever [aborts](Self::abort) a call afterwards either finds it in the queue or comes before.
    ///
    /// # Errors
    /// What `write` gives, or [`CallError::Closed`].
    pub(super) async fn push_call(
        &self,
        number: u32,
        numbers: Option<Numbers>,
        write: impl Fn() -> Result<String, CallError>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), CallError> {
        let mut text = None;
        loop {
            let is_full = {
                let mut state = self.lock();
                if state.closed {
                    return Err(CallError::Closed);
                }
                if !is_wanted() {
                    break;
                }
                let is_full = !self.has_room(&state);
                if !is_full {
                    let numbers = numbers.filter(|_| state.numbers.len() < MAX_NUMBERS);
                    let is_added = match (numbers, text.take()) {
                        (Some(numbers), _) => {
                            state.numbers.push(numbers);
                            true
                        }
                        (None, Some(json)) => {
                            state.write(Some(number), json);
                            true
                        }
                        (None, None) => false,
                    };
                    if is_added {
                        state.calls += 1;
                        self.woken(state);
                        return Ok(());
                    }
                }
                is_full
            };
            if is_full {
                text = None;
                self.ready().await;
            } else {
                text = Some(write()?);
            }
        }
        std::future::pending().await
    }

    /// Nobody waits any more for this call, which has been pushed. JavaScript starts it no more, once
    /// this has returned; it may have started it before.
    pub(crate) fn abort(&self, number: u32) {
        let mut state = self.lock();
        if !state.closed {
            state.aborted.push(number);
            state.signal(true);
            self.woken(state);
        }
    }

    /// The calls that were given up since JavaScript asked last, or took jobs.
    pub fn given_up(&self) -> Vec<u32> {
        let mut state = self.lock();
        let new = state.aborted.get(state.told..).unwrap_or_default();
        let new = new.to_vec();
        // They stay: some of them may still be among the jobs that wait.
        state.told = state.aborted.len();
        state.signal(false);
        new
    }

    fn woken(&self, mut state: MutexGuard<'_, State>) {
        let sleeping = !std::mem::replace(&mut state.awake, true);
        drop(state);
        if sleeping {
            (self.wake)();
        }
    }

    fn has_room(&self, state: &State) -> bool {
        state.closed || (state.calls < self.capacity && state.bytes < MAX_BYTES)
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

    /// Takes all jobs; `None` if there are none, and then the next job wakes JavaScript again.
    pub fn take(&self) -> Option<Taken> {
        let mut state = self.lock();
        if state.is_empty() {
            state.awake = false;
            return None;
        }
        let texts = std::mem::take(&mut state.texts);
        state.bytes = 0;
        // The next ones will be about as many.
        let room = Vec::with_capacity(state.numbers.len());
        let numbers = std::mem::replace(&mut state.numbers, room);
        let calls = std::mem::take(&mut state.calls);
        let aborted = std::mem::take(&mut state.aborted);
        if !aborted.is_empty() {
            state.told = 0;
            state.signal(false);
        }
        drop(state);
        if calls > 0 {
            self.room.notify_waiters();
        }
        Some(gather(texts, numbers, aborted))
    }

    /// Calls that wait.
    pub fn waiting(&self) -> usize {
        self.lock().calls
    }

    /// The drainer is gone: nothing is taken any more, and who waits is told.
    pub fn close(&self) {
        let mut state = self.lock();
        let closed = State {
            closed: true,
            awake: state.awake,
            ..State::default()
        };
        let left = std::mem::replace(&mut *state, closed);
        drop(state);
        drop(left);
        self.room.notify_waiters();
    }
}

/// Puts together what JavaScript gets, without the calls that were given up.
fn gather(texts: Vec<Text>, numbers: Vec<Numbers>, aborted: Vec<u32>) -> Taken {
    if texts.is_empty() && aborted.is_empty() {
        let (calls, jobs) = (numbers, String::new());
        return Taken { calls, jobs };
    }
    let mut aborted: HashSet<u32> = aborted.into_iter().collect();
    let mut calls = Vec::with_capacity(numbers.len());
    let mut jobs = Vec::with_capacity(texts.len());
    let mut at = 0;
    let mut waiting = |until: usize, aborted: &mut HashSet<u32>, calls: &mut Vec<Numbers>| {
        let before = calls.len();
        let run = numbers.get(at..until).unwrap_or_default();
        calls.extend(run.iter().filter(|call| !aborted.remove(&number_of(call))));
        at = until;
        calls.len() - before
    };
    for text in texts {
        let count = waiting(text.after, &mut aborted, &mut calls);
        if count > 0 {
            jobs.push(Job::Calls(count).json());
        }
        if text.call.is_none_or(|call| !aborted.remove(&call)) {
            jobs.push(text.json);
        }
    }
    waiting(numbers.len(), &mut aborted, &mut calls);
    let aborts = aborted.into_iter().map(|call| Job::Abort(call).json());
    let jobs = aborts.chain(jobs).fold(String::new(), |mut all, job| {
        all.push(if all.is_empty() { '[' } else { ',' });
        all.push_str(&job);
        all
    });
    let jobs = if jobs.is_empty() { jobs } else { jobs + "]" };
    Taken { calls, jobs }
}

/// The number of a call among its numbers, which came from a `u32`.
fn number_of(call: &Numbers) -> u32 {
    let [number, ..] = call;
    *number as u32
}
