//! The jobs that wait for the JavaScript thread.

use std::collections::HashSet;

use tokio::sync::Notify;

use super::{Job, Numbers};
use crate::dispatch::CallError;
use crate::sync::{Mutex, MutexGuard, lock};

/// The most bytes of JSON that wait: beyond that, no call is added, however few calls wait.
const MAX_BYTES: usize = 4 << 20;

/// The most calls that wait as numbers; further ones wait as JSON. `lib/call/dispatcher.ts` has room for so
/// many.
pub const MAX_NUMBERS: usize = 1024;

/// Jobs in the order in which they were added: [`Job::Calls`] among the JSON says when calls that came as
/// numbers have their turn. Calls that were given up while they waited are left out.
#[derive(Default)]
pub struct Taken {
    /// Calls as numbers.
    pub calls: Vec<Numbers>,
    /// The other jobs: a JSON array, or an empty text if there are no jobs. Begins with the calls that were
    /// given up after they had been taken.
    pub jobs: String,
}

/// A job that waits as JSON.
struct Text {
    /// How many calls as numbers come before this job.
    after: usize,
    /// The number of the call, if the job is a call.
    call: Option<u32>,
    json: String,
}

#[derive(Default)]
struct State {
    texts: Vec<Text>,
    /// Bytes of `texts`.
    bytes: usize,
    numbers: Vec<Numbers>,
    /// The number of calls, among `texts` and as `numbers`.
    calls: usize,
    /// Calls that were given up. Some are taken already, some still wait here. Added by `abort`, cleared by
    /// `take`.
    aborted: Vec<u32>,
    /// How many of `aborted` `given_up` has given to JavaScript since the last `take`.
    told: usize,
    /// JavaScript has been woken. Set by the first job, cleared when `take` finds the queue empty. While
    /// this is set, no job wakes JavaScript again.
    awake: bool,
    closed: bool,
    /// See [`Queue::new`].
    signal: Option<Signal>,
}

/// Called with whether there are given-up calls that JavaScript does not know of. JavaScript looks at the
/// flag before each call.
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
/// Calls are bounded: if the queue is full, actors wait, and connections stop reading. Other jobs never
/// wait; their number is bounded by the calls, connections and requests of the application that they follow
/// from.
///
/// The lock is a `std` one, held for an append or for taking all jobs. JSON is written before the lock is
/// taken, and put together after it was released. `wake` is called without the lock.
///
/// Architecture invariant: no job is lost, and JavaScript is woken for every job, once for many.
/// `src/models.rs` watches it (`a_queue_loses_no_job_and_no_wake`).
pub struct Queue {
    state: Mutex<State>,
    room: Notify,
    wake: Box<dyn Fn() + Send + Sync>,
    capacity: usize,
}

impl Queue {
    /// A queue for `capacity` calls. Each call of `wake` must lead to a [`take`](Self::take) soon. `signal`
    /// is called under the lock: with `true` when a call is given up, before the page can be told so, and
    /// with `false` when JavaScript has been told of all such calls.
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
            self.unlock_and_wake(state);
        }
    }

    /// Adds a call when there is room: as `numbers`, or as the JSON that `write` gives. False if the call is not
    /// wanted by then: it is not added. `is_wanted` is asked under the lock: so an
    /// [`abort`](Self::abort) after the call stopped being wanted either finds the call in the queue, or
    /// the call is never added.
    ///
    /// # Errors
    /// What `write` gives, or [`CallError::Closed`].
    pub(super) async fn push_call(
        &self,
        number: u32,
        numbers: Option<Numbers>,
        write: impl Fn() -> Result<String, CallError>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<bool, CallError> {
        let mut text = None;
        loop {
            let is_full = {
                let mut state = self.lock();
                if state.closed {
                    return Err(CallError::Closed);
                }
                if !is_wanted() {
                    return Ok(false);
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
                        self.unlock_and_wake(state);
                        return Ok(true);
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
    }

    /// Gives up a call that has been pushed.
    ///
    /// Architecture invariant: after this has returned, JavaScript does not start the call. (JavaScript may
    /// have started it before.) `src/models.rs` watches it (`a_call_that_was_given_up_is_not_started`).
    pub(crate) fn abort(&self, number: u32) {
        let mut state = self.lock();
        if !state.closed {
            state.aborted.push(number);
            state.signal(true);
            self.unlock_and_wake(state);
        }
    }

    /// The calls that were given up since the last `given_up` or `take`.
    pub fn given_up(&self) -> Vec<u32> {
        let mut state = self.lock();
        let new = state.aborted.get(state.told..).unwrap_or_default();
        let new = new.to_vec();
        // The calls stay in `aborted`, because some of them may still be among the jobs that wait.
        state.told = state.aborted.len();
        state.signal(false);
        new
    }

    /// Releases the lock, and wakes JavaScript if it is not awake.
    fn unlock_and_wake(&self, mut state: MutexGuard<'_, State>) {
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

    /// Takes all jobs; `None` if there are no jobs. After `None` the next job wakes JavaScript again.
    pub fn take(&self) -> Option<Taken> {
        let mut state = self.lock();
        if state.is_empty() {
            state.awake = false;
            return None;
        }
        let texts = std::mem::take(&mut state.texts);
        state.bytes = 0;
        // The next batch will be about as large.
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

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.lock().calls
    }

    /// The drainer is gone: jobs are dropped, and calls that wait for room fail.
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

/// Puts together the jobs for JavaScript, without the calls that were given up.
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
