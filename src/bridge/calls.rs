//! `JsDispatcher`: calls on their way to JavaScript and back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, oneshot};

use super::form::TooManyFields;
use super::jobs::write_call;
use super::names::{Names, Unknown};
use super::results::{Beside, Done, Reply, Results};
use super::revoked::Revoked;
use super::{Batch, Job, ModuleNames, Queue};
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Call, CallError, Caller, Dispatcher, Joins, Origin, Outcome, Tasks, Timed};
use crate::effects::{Effect, TaskId};
use crate::ids::ActorKey;
use crate::ongoing::TopicNames;
use crate::panics::caught_now;
use crate::registry::ModuleId;
use crate::sync::{Mutex, lock};
use crate::topics::Subscription;
use crate::tree::{RefusedValue, Templates};
use crate::turns::Yield;

/// The result of a call, and the topics that its step has subscribed to.
type Answered = (Reply, Vec<Subscription>);

struct Waiting {
    actor: ActorKey,
    /// Topics that the step has subscribed to: they do not begin anew before the step commits.
    held: Vec<Subscription>,
    sender: oneshot::Sender<Answered>,
    caller: Option<Arc<Caller>>,
    topics: Option<TopicNames>,
    /// The turn of a join, to give up when JavaScript waits for a promise.
    yields: Option<Yield>,
}

/// Calls that wait for their result, by number. An actor has at most one call in flight.
#[derive(Default)]
struct Pending {
    last: u32,
    calls: HashMap<u32, Waiting>,
    closed: bool,
}

/// The state that the router shares with the dispatcher. The router must not keep the dispatcher alive, so
/// it has only this.
struct Returns {
    /// For lines of the operator's log.
    queue: Arc<Queue>,
    /// A `std` lock: held for one look-up.
    pending: Mutex<Pending>,
    /// Batches on their way from the JavaScript thread to the router; at most as many as calls in flight.
    batches: Mutex<Vec<Batch>>,
    arrived: Notify,
    /// The actors that wait for the next value of a task. A `std` lock: held for one look-up.
    tasks: Mutex<HashMap<TaskId, Arc<dyn Tasks>>>,
}

struct Inner {
    queue: Arc<Queue>,
    names: Names,
    /// See `limits.form_fields`.
    form_fields: usize,
    templates: &'static Templates,
    returns: Arc<Returns>,
    revoked: Revoked,
    /// Slots whose refused values have been logged.
    refused: Mutex<HashSet<(usize, usize)>>,
}

/// Calls modules that JavaScript registered.
#[derive(Clone)]
pub struct JsDispatcher(Arc<Inner>);

impl JsDispatcher {
    /// A dispatcher on this queue, which takes forms of so many different fields. Its router task ends
    /// when the dispatcher is dropped.
    ///
    /// Must be called inside a tokio runtime.
    pub fn new(queue: Arc<Queue>, templates: &'static Templates, form_fields: usize) -> Self {
        let returns = Arc::new(Returns {
            queue: queue.clone(),
            pending: Mutex::default(),
            batches: Mutex::default(),
            arrived: Notify::new(),
            tasks: Mutex::default(),
        });
        tokio::spawn(returns.clone().route());
        Self(Arc::new(Inner {
            queue,
            names: Names::default(),
            form_fields,
            templates,
            returns,
            revoked: Revoked::default(),
            refused: Mutex::default(),
        }))
    }

    /// Takes results from JavaScript. They are sorted on another thread.
    pub fn give(&self, batch: Batch) {
        lock(&self.0.returns.batches).push(batch);
        self.0.returns.arrived.notify_one();
    }

    /// Gives the names of a module numbers from `first` on, by which JavaScript knows them.
    pub fn name(&self, first: u32, module: ModuleId, names: ModuleNames) {
        self.0.names.add(first, module, names);
    }

    /// The caller of a call in flight: `Some(None)` if the call is not for a page, `None` if the call is
    /// over.
    pub fn caller(&self, call: u32) -> Option<Option<Arc<Caller>>> {
        let pending = lock(&self.0.returns.pending);
        let waiting = pending.calls.get(&call)?;
        Some(waiting.caller.clone())
    }

    /// The topics that the component of a call in flight has subscribed to: `Some(None)` if it has subscribed
    /// to none, `None` if the call is over.
    pub fn topics(&self, call: u32) -> Option<Option<TopicNames>> {
        let pending = lock(&self.0.returns.pending);
        let waiting = pending.calls.get(&call)?;
        Some(waiting.topics.clone())
    }

    /// The application closes the connections of these requests. From here on JavaScript starts no call for
    /// them: no call that it has taken, none that waits, and none that an actor makes later. Their actors
    /// end by themselves.
    ///
    /// Architecture invariant: no call is started for a connection that the application has closed.
    /// `src/models.rs` watches it (`nothing_is_started_for_a_connection_that_was_closed`).
    pub fn revoke(&self, requests: &[Arc<str>]) {
        // `revoked` comes first: a call that is not among the pending ones yet looks there before it is
        // pushed.
        self.0.revoked.add(requests);
        let pending = lock(&self.0.returns.pending);
        let calls = pending.calls.iter();
        let calls = calls.filter(|(_, waiting)| {
            let caller = waiting.caller.as_ref();
            caller.is_some_and(|caller| self.0.revoked.has(caller))
        });
        let calls: Vec<u32> = calls.map(|(number, _)| *number).collect();
        drop(pending);
        self.abort(&calls);
    }

    /// The viewers of shared components that these callers belong to have ended. Their calls in flight are
    /// given up, as those of [`give_up`](Self::give_up), and no further calls of them are started.
    pub fn give_up_events(&self, callers: &[Arc<Caller>]) {
        if callers.is_empty() {
            return;
        }
        // As in `revoke`.
        self.0.revoked.add_callers(callers);
        let sharing = callers.iter().filter_map(|caller| caller.sharing.as_ref());
        let viewers: HashSet<&str> = sharing.map(|sharing| &*sharing.viewer).collect();
        let pending = lock(&self.0.returns.pending);
        let calls = pending.calls.iter();
        let calls = calls.filter(|(_, waiting)| {
            let sharing = waiting
                .caller
                .as_ref()
                .and_then(|caller| caller.sharing.as_ref());
            sharing.is_some_and(|sharing| viewers.contains(&*sharing.viewer))
        });
        let calls: Vec<u32> = calls.map(|(number, _)| *number).collect();
        drop(pending);
        self.abort(&calls);
    }

    /// JavaScript gives these calls up. The actor of a shared component does not end with one of its pages: its
    /// call fails.
    fn abort(&self, calls: &[u32]) {
        for call in calls {
            self.0.queue.abort(*call);
        }
        let mut pending = lock(&self.0.returns.pending);
        let shared = calls.iter().filter(|call| {
            let waiting = pending.calls.get(call);
            let caller = waiting.and_then(|waiting| waiting.caller.as_ref());
            caller.is_some_and(|caller| caller.sharing.is_some())
        });
        let shared: Vec<u32> = shared.copied().collect();
        let failed: Vec<Waiting> = shared
            .iter()
            .filter_map(|call| pending.calls.remove(call))
            .collect();
        drop(pending);
        drop(failed);
    }

    /// These actors have been stopped: their calls in flight are given up, those that JavaScript has taken
    /// already before this returns. Each actor would give up its call itself, but a moment later. A call that an
    /// actor is just making is not found here, or not in the queue: it is not added to the queue, since the
    /// actor's `ended` is set. `src/models.rs` watches it (`nothing_is_started_for_an_actor_that_was_stopped`).
    pub fn give_up(&self, actors: &HashSet<ActorKey>) {
        let pending = lock(&self.0.returns.pending);
        let calls = pending.calls.iter();
        let calls = calls.filter(|(_, waiting)| actors.contains(&waiting.actor));
        let calls: Vec<u32> = calls.map(|(number, _)| *number).collect();
        drop(pending);
        for call in calls {
            self.0.queue.abort(call);
        }
    }

    #[cfg(test)]
    pub(super) fn revoked(&self) -> usize {
        self.0.revoked.len()
    }

    /// The step of a call has subscribed to a topic: keeps the topic until the step is over. False if the
    /// call is over.
    pub fn hold(&self, call: u32, subscription: Subscription) -> bool {
        let mut pending = lock(&self.0.returns.pending);
        let waiting = pending.calls.get_mut(&call);
        waiting
            .map(|waiting| waiting.held.push(subscription))
            .is_some()
    }

    /// Calls in flight: waiting for JavaScript, or for an async handler.
    pub fn in_flight(&self) -> usize {
        lock(&self.0.returns.pending).calls.len()
    }

    /// Tells the operator of refused values, once for each slot of a template: a thousand bad links in one
    /// list are one line.
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
        // Dropped after the lock was released, because dropping the senders wakes their actors.
        drop(calls);
        self.returns.arrived.notify_one();
    }

    fn register(
        &self,
        call: &Call,
    ) -> Result<(Ticket<'_>, oneshot::Receiver<Answered>), CallError> {
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
            actor: call.actor,
            sender,
            held: Vec::new(),
            caller: call.caller.clone(),
            topics: call.topics.clone(),
            yields: call.yields.clone(),
        };
        pending.calls.insert(number, waiting);
        Ok((
            Ticket {
                inner: self,
                number,
                is_pushed: false,
                is_done: false,
            },
            receiver,
        ))
    }

    fn outcome(&self, call: &Call, done: &Done) -> Result<Outcome, CallError> {
        let failed = |error| CallError::Failed(format!("render: {error}"));
        let decoded = done.render(self.templates).map_err(failed)?;
        self.log_refused(&decoded.refused);
        let beside = done.beside();
        let Beside { effects, thrown } =
            beside.map_err(|error| CallError::Failed(error.to_string()))?;
        Ok(Outcome {
            held: Vec::new(),
            effects,
            thrown: thrown.map(|(handled, message, stack)| {
                let for_now = false;
                let error = CallError::Threw {
                    message,
                    stack,
                    for_now,
                };
                (handled, error)
            }),
            props: done.props(&call.props).map_err(failed)?,
            render: decoded.render,
            redirect: done.redirect(),
            keeps_form: done.keeps_form,
            anew: done.anew,
            frozen: done.frozen,
            grows: done.bytes(),
            nests: decoded.nests,
        })
    }

    fn log_refused(&self, values: &[RefusedValue]) {
        for value in values {
            let slot = (Arc::as_ptr(&value.template) as usize, value.slot);
            if lock(&self.refused).insert(slot) {
                let text = value.to_string();
                self.queue.push(Job::Log {
                    level: Level::Warn,
                    code: Code::Value,
                    about: "",
                    left_out: 0,
                    text: &text,
                });
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
                // The actor that gets a result acts on it at once. A fault there must end the work of that
                // actor only: without the router no call of the application would ever be answered again.
                if let Err(panic) = caught_now(|| self.hand_over(call, reply)) {
                    let text = format!("a result panicked, a fault of loom-live: {panic}");
                    self.queue.push(Job::Log {
                        level: Level::Error,
                        code: Code::Fault,
                        about: "",
                        left_out: 0,
                        text: &text,
                    });
                }
            }
        }
    }

    /// The actor does not wait for this result any more: nothing of it happens. JavaScript has kept the tasks that the
    /// step asks for, and never begins them.
    fn drop_late(&self, reply: &Reply) {
        let Reply::Done(done) = reply else { return };
        for effect in done.beside().unwrap_or_default().effects {
            if let Effect::Task { task, .. } = effect {
                self.queue.push(Job::EndTask(task));
            }
        }
    }

    /// Gives one result to the actor that waits for it.
    fn hand_over(&self, call: u32, reply: Reply) {
        match reply {
            Reply::Waits => {
                let pending = lock(&self.pending);
                let waiting = pending.calls.get(&call);
                let yields = waiting.and_then(|waiting| waiting.yields.clone());
                drop(pending);
                if let Some(yields) = yields {
                    yields.now();
                }
            }
            Reply::Task(part, json) => {
                let task = TaskId(call);
                let tasks = lock(&self.tasks).remove(&task);
                // If the actor has ended the task, the late value is dropped.
                if let Some(tasks) = tasks {
                    tasks.value(task, part, json);
                }
            }
            reply => {
                let waiting = lock(&self.pending).calls.remove(&call);
                let late = match waiting {
                    None => Some(reply),
                    Some(waiting) => {
                        let sent = waiting.sender.send((reply, waiting.held));
                        sent.err().map(|(reply, _)| reply)
                    }
                };
                if let Some(late) = late {
                    self.drop_late(&late);
                }
            }
        }
    }
}

/// A call that is registered. Takes the call back if its future is dropped before the result has come.
struct Ticket<'a> {
    inner: &'a Inner,
    number: u32,
    /// Set when the call is in the queue: from then on JavaScript has to be told if the call is given up.
    is_pushed: bool,
    /// Set when the result has come: then there is nothing to take back.
    is_done: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let waiting = lock(&self.inner.returns.pending).calls.remove(&self.number);
        if waiting.is_some() && self.is_pushed {
            self.inner.queue.abort(self.number);
        }
    }
}

fn unknown_handler(call: &Call) -> CallError {
    let handler = call.event.as_ref().map(|event| event.handler.to_string());
    CallError::UnknownHandler(handler.unwrap_or_default())
}

impl Dispatcher for JsDispatcher {
    async fn call(&self, call: &Call, ended: &AtomicBool) -> Result<Outcome, CallError> {
        let inner = &*self.0;
        // JavaScript has no props at the first call. Later it has those that it parsed for the call before,
        // unless it has dropped them; then it asks for them.
        let is_known = call.event.is_some()
            || !call.messages.is_empty()
            || matches!(
                call.origin,
                Some(Origin {
                    joins: Joins::Resume | Joins::Shown,
                    ..
                })
            );
        let mut with_props = !is_known;
        loop {
            // Asked first: an event for an unknown handler costs nothing more.
            let numbers = inner.names.numbers(call, with_props);
            let numbers = numbers.map_err(|Unknown| unknown_handler(call))?;
            let (mut ticket, mut receiver) = inner.register(call)?;
            let number = ticket.number;
            let numbers = numbers.map(|[_, rest @ ..]| {
                let [actor, sequence, version, event, handler, kind] = rest;
                [
                    number.into(),
                    actor,
                    sequence,
                    version,
                    event,
                    handler,
                    kind,
                ]
            });
            let write = || {
                let written = write_call(number, call, with_props, inner.form_fields);
                written.map_err(|TooManyFields| CallError::FormFields(inner.form_fields))
            };
            let is_wanted = || {
                let caller = call.caller.as_ref();
                !ended.load(Ordering::SeqCst)
                    && caller.is_none_or(|caller| !inner.revoked.has(caller))
            };
            let shares = call
                .caller
                .as_ref()
                .is_some_and(|caller| caller.sharing.is_some());
            // The actor of a shared component does not end with one of its pages: its call fails.
            let pushed = inner.queue.push_call(number, numbers, write, is_wanted);
            let is_pushed = match shares {
                false => pushed.await?,
                true => tokio::select! {
                    biased;
                    // Fails if the call is revoked before it is pushed.
                    _ = &mut receiver => return Err(CallError::Closed),
                    pushed = pushed => pushed?,
                },
            };
            if !is_pushed && shares && !ended.load(Ordering::SeqCst) {
                return Err(CallError::Closed);
            }
            if !is_pushed {
                // The actor is about to end, and drops this future.
                std::future::pending::<()>().await;
            }
            ticket.is_pushed = true;
            let reply = receiver.await;
            ticket.is_done = true;
            let (reply, held) = match reply {
                Ok((reply, held)) => (Ok(reply), held),
                Err(error) => (Err(error), Vec::new()),
            };
            match reply {
                Ok(Reply::Done(done)) => {
                    let outcome = inner.outcome(call, &done)?;
                    return Ok(Outcome { held, ..outcome });
                }
                Ok(Reply::Failed {
                    message,
                    stack,
                    for_now,
                }) => {
                    return Err(CallError::Threw {
                        message,
                        stack,
                        for_now,
                    });
                }
                Ok(Reply::Refused(message, refusal)) => {
                    return Err(CallError::Refused(message, refusal));
                }
                Ok(Reply::Allowed) => return Ok(Outcome::nothing()),
                Ok(Reply::UnknownHandler) => return Err(unknown_handler(call)),
                Ok(Reply::PropsNeeded) if !with_props => with_props = true,
                Ok(Reply::PropsNeeded) => {
                    let text = "the props were handed over but not taken";
                    return Err(CallError::Failed(text.to_owned()));
                }
                // `Waits` never comes here, because the router keeps it.
                Ok(Reply::Waits | Reply::Task(..)) | Err(_) => return Err(CallError::Closed),
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.0.queue.is_ready()
    }

    async fn ready(&self) {
        self.0.queue.ready().await;
    }

    fn next_value(&self, task: TaskId, tasks: &Arc<dyn Tasks>) {
        lock(&self.0.returns.tasks).insert(task, tasks.clone());
        self.0.queue.push(Job::NextValue(task));
    }

    fn end_task(&self, task: TaskId) {
        lock(&self.0.returns.tasks).remove(&task);
        self.0.queue.push(Job::EndTask(task));
    }

    fn timed(&self, step: &Timed<'_>) {
        self.0.queue.push(Job::Timed(step));
    }

    fn forget(&self, actor: ActorKey) {
        self.0.queue.push(Job::Forget(actor));
        self.0.revoked.actor_ended();
    }
}
