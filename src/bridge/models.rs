//! Calls as `src/models.rs` tries them.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use super::queue::Queue;
use super::revoked::Revoked;
use crate::dispatch::Caller;
use crate::sync::{Mutex, lock};

/// The calls of one connection, on their way to JavaScript.
pub(crate) struct Calls {
    queue: Queue,
    revoked: Revoked,
    caller: Arc<Caller>,
    /// The actor has been stopped.
    ended: AtomicBool,
    pending: Mutex<Vec<u32>>,
}

impl Calls {
    /// `set` is given the byte that JavaScript reads.
    pub(crate) fn new(set: impl FnMut(bool) + Send + 'static) -> Self {
        Self {
            queue: Queue::new(10, Box::new(|| {}), Box::new(set)),
            revoked: Revoked::default(),
            caller: Arc::new(Caller {
                request: "{}".into(),
                bind: "".into(),
                page: "".into(),
                sharing: None,
                parent: None,
            }),
            ended: AtomicBool::new(false),
            pending: Mutex::default(),
        }
    }

    /// As an actor begins a call.
    pub(crate) fn begin(&self, number: u32) {
        lock(&self.pending).push(number);
        // Every other call is JSON, which is written between two looks at the queue.
        let numbers = [number.into(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let numbers = Some(numbers).filter(|_| number % 2 == 0);
        let json = || Ok(format!("[0,{number}]"));
        let is_wanted = || !self.ended.load(Ordering::SeqCst) && !self.revoked.has(&self.caller);
        let push = pin!(self.queue.push_call(number, numbers, json, is_wanted));
        // There is room, so the call is pushed at once or never.
        let _ = push.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// As the application closes the connection.
    pub(crate) fn revoke(&self) {
        self.revoked.add(std::slice::from_ref(&self.caller.request));
        self.abort();
    }

    /// As the application ends the component.
    pub(crate) fn give_up(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.abort();
    }

    fn abort(&self) {
        let calls = lock(&self.pending).clone();
        for call in calls {
            self.queue.abort(call);
        }
    }

    /// As JavaScript takes calls and starts each after a look at the byte. Gives the calls that were
    /// started.
    pub(crate) fn run(&self, is_set: impl Fn() -> bool) -> Vec<u32> {
        let Some(taken) = self.queue.take() else {
            return Vec::new();
        };
        let mut fetched: Vec<u32> = taken.calls.iter().map(|call| call[0] as u32).collect();
        let jobs = taken.jobs.trim_matches(['[', ']']).split("],[");
        let texts = jobs.filter_map(|job| job.strip_prefix("0,")?.parse::<u32>().ok());
        fetched.extend(texts);
        let mut unwanted = HashSet::new();
        fetched.retain(|call| {
            if is_set() {
                unwanted.extend(self.queue.given_up());
            }
            !unwanted.contains(call)
        });
        fetched
    }
}
