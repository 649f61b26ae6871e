//! `JsDispatcher`: calls on their way to JavaScript and back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::results::{Done, Reply, Results};
use super::{Batch, Job, Queue};
use crate::context::Level;
use crate::dispatch::{ActorKey, Call, CallError, Dispatcher, Joins, Origin, Outcome};
use crate::sync::{Mutex, MutexGuard};
use crate::tree::{RefusedValue, Templates};
use crate::turns::Yield;

struct Waiting {
    sender: oneshot::Sender<Reply>,
    request: Option<Arc<str>>,
    /// A join's turn.
    yields: Option<Yield>,
}

/// Calls that wait for their result, by number.
#[derive(Default)]
struct Pending {
    last: u32,
    calls: HashMap<u32, Waiting>,
    closed: bool,
}

/// What the router shares with the dispatcher; it must not keep the dispatcher alive.
#[derive(Default)]
struct Returns {
    /// A `std` lock: held for one look-up.
    pending: Mutex<Pending>,
    /// Batches on their way from the JavaScript thread to the router; no more than there are calls
    /// in flight.
    batches: Mutex<Vec<Batch>>,
    arrived: Notify,
}

struct Inner {
    queue: Arc<Queue>,
    templates: &'static Templates,
    returns: Arc<Returns>,
    /// Slots whose refused values have been logged.
    refused: Mutex<HashSet<(usize, usize)>>,
}

/// Calls modules that JavaScript registered.
#[derive(Clone)]
pub struct JsDispatcher(Arc<Inner>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JsDispatcher {
    /// A dispatcher on this queue. Its router task ends when the dispatcher is dropped.
    ///
    /// Must be called inside a tokio runtime.
    pub fn new(queue: Arc<Queue>, templates: &'static Templates) -> Self {
        let returns = Arc::<Returns>::default();
        tokio::spawn(returns.clone().route());
        Self(Arc::new(Inner {
            queue,
            templates,
            returns,
            refused: Mutex::default(),
        }))
    }

    /// Results that JavaScript hands over. Sorting them out costs its thread nothing.
    pub fn give(&self, batch: Batch) {
        lock(&self.0.returns.batches).push(batch);
        self.0.returns.arrived.notify_one();
    }

    /// The upgrade request behind a call in flight.
    pub fn request(&self, call: u32) -> Option<Arc<str>> {
        let pending = lock(&self.0.returns.pending);
        pending.calls.get(&call)?.request.clone()
    }

    /// Calls in flight: waiting for JavaScript, or for an async handler.
    pub fn in_flight(&self) -> usize {
        lock(&self.0.returns.pending).calls.len()
    }

    /// Tells the operator of values that were refused, once per slot: a page that shows a thousand
    /// bad links says so once.
    pub fn log_refused(&self, values: &[RefusedValue]) {
        self.0.log_refused(values);
    }

    /// JavaScript is gone: every call fails.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let mut pending = lock(&self.returns.pending);
        pending.closed = true;
        let calls = std::mem::take(&mut pending.calls);
        drop(pending);
        // Dropping the senders wakes their actors, so not under the lock.
        drop(calls);
        self.returns.arrived.notify_one();
    }

    fn register(&self, call: &Call) -> Result<(Ticket<'_>, oneshot::Receiver<Reply>), CallError> {
        let (sender, receiver) = oneshot::channel();
        let mut pending = lock(&self.returns.pending);
        if pending.closed {
            return Err(CallError::Closed);
        }
        loop {
            pending.last = pending.last.wrapping_add(1);
            if !pending.calls.contains_key(&pending.last) {
                break;
            }
        }
        let number = pending.last;
        let waiting = Waiting {
            sender,
            request: call.request.clone(),
            yields: call.yields.clone(),
        };
        pending.calls.insert(number, waiting);
        Ok((
            Ticket {
                inner: self,
                number,
                is_done: false,
            },
            receiver,
        ))
    }

    fn outcome(&self, call: &Call, done: &Done) -> Result<Outcome, CallError> {
        let failed = |error| CallError::Failed(format!("render: {error}"));
        let decoded = done.render(self.templates).map_err(failed)?;
        self.log_refused(&decoded.refused);
        Ok(Outcome {
            props: done.props(&call.props).map_err(failed)?,
            render: decoded.render,
            redirect: done.redirect(),
            keeps_form: done.keeps_form,
            anew: done.anew,
        })
    }

    fn log_refused(&self, values: &[RefusedValue]) {
        for value in values {
            let slot = (Arc::as_ptr(&value.template) as usize, value.slot);
            if lock(&self.refused).insert(slot) {
                let (level, text) = (Level::Warn, value.to_string());
                self.queue.push(Job::Log { level, text: &text });
            }
        }
    }
}

impl Returns {
    /// Wakes each batch's actors, until the dispatcher closes.
    async fn route(self: Arc<Self>) {
        loop {
            let batches = std::mem::take(&mut *lock(&self.batches));
            if batches.is_empty() {
                if lock(&self.pending).closed {
                    return;
                }
                self.arrived.notified().await;
            }
            for (call, reply) in batches.into_iter().flat_map(Results::new) {
                if let Reply::Waits = reply {
                    let pending = lock(&self.pending);
                    let yields = pending
                        .calls
                        .get(&call)
                        .and_then(|call| call.yields.clone());
                    drop(pending);
                    if let Some(yields) = yields {
                        yields.now();
                    }
                    continue;
                }
                let waiting = lock(&self.pending).calls.remove(&call);
                // A late result, of a call that nobody waits for any more, is dropped.
                if let Some(waiting) = waiting {
                    let _ = waiting.sender.send(reply);
                }
            }
        }
    }
}

/// Takes a call back when its future is dropped before the result came.
struct Ticket<'a> {
    inner: &'a Inner,
    number: u32,
    /// There is nothing to take back.
    is_done: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let waiting = lock(&self.inner.returns.pending).calls.remove(&self.number);
        if waiting.is_some() {
            self.inner.queue.push(Job::Abort(self.number));
        }
    }
}

impl Dispatcher for JsDispatcher {
    async fn call(&self, call: &Call) -> Result<Outcome, CallError> {
        let inner = &*self.0;
        // Only the first call is known to miss; later ones find the props that JavaScript parsed
        // last time, unless it has dropped them.
        let is_known = call.event.is_some()
            || matches!(
                call.origin,
                Some(Origin {
                    joins: Joins::Resume,
                    ..
                })
            );
        let mut with_props = !is_known;
        loop {
            let (mut ticket, receiver) = inner.register(call)?;
            let job = Job::Call {
                number: ticket.number,
                call,
                with_props,
            };
            inner.queue.push_call(job).await?;
            let reply = receiver.await;
            ticket.is_done = true;
            match reply {
                Ok(Reply::Done(done)) => return inner.outcome(call, &done),
                Ok(Reply::Failed { message, stack }) => {
                    return Err(CallError::Threw { message, stack });
                }
                Ok(Reply::Refused(message, refusal)) => {
                    return Err(CallError::Refused(message, refusal));
                }
                Ok(Reply::UnknownHandler) => {
                    let handler = call.event.as_ref().map(|event| event.handler.to_string());
                    return Err(CallError::UnknownHandler(handler.unwrap_or_default()));
                }
                Ok(Reply::PropsNeeded) if !with_props => with_props = true,
                Ok(Reply::PropsNeeded) => {
                    let text = "the props were handed over but not taken";
                    return Err(CallError::Failed(text.to_owned()));
                }
                // It is no result: the router keeps it.
                Ok(Reply::Waits) | Err(_) => return Err(CallError::Closed),
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.0.queue.is_ready()
    }

    async fn ready(&self) {
        self.0.queue.ready().await;
    }

    fn forget(&self, actor: ActorKey) {
        self.0.queue.push(Job::Forget(actor));
    }
}
