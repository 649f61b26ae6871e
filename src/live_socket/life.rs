//! What an actor waits for while it lives: the next item, an outcome, its turn; and what has to happen
//! when it ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::alarm::Alarm;
use super::mailbox::{Item, Mailbox};
use crate::context::{Level, Shared};
use crate::dispatch::{Call, CallError, Dispatcher, Outcome};
use crate::ids::ActorKey;
use crate::log::Quoted;
use crate::turns::{Given, Place};

/// Owns everything that has to happen when an actor ends, however it ends.
pub(super) struct Life<D: Dispatcher> {
    pub(super) context: Shared<D>,
    pub(super) key: ActorKey,
    pub(super) mailbox: Arc<Mailbox>,
    alarm: Alarm,
    /// When to ask for a checkpoint if nothing happens until then.
    pub(super) quiet: Option<Instant>,
    /// The event that is being handled.
    pub(super) handling: Option<u64>,
}

impl<D: Dispatcher> Life<D> {
    pub(super) fn begin(context: Shared<D>, key: ActorKey, mailbox: Arc<Mailbox>) -> Self {
        context.stats.components.up();
        Self {
            context,
            key,
            mailbox,
            alarm: Alarm::default(),
            quiet: None,
            handling: None,
        }
    }

    /// One call with its deadline; `None` if the actor is stopped meanwhile.
    pub(super) async fn call(&mut self, call: &Call) -> Option<Result<Outcome, CallError>> {
        let Self {
            context,
            mailbox,
            alarm,
            ..
        } = self;
        let limit = context.limits.handler_time;
        let expired = alarm.until(Instant::now() + limit);
        tokio::select! {
            biased;
            () = poll_fn(|poll| mailbox.poll_stopped(poll)) => None,
            result = context.dispatcher.call(call) => Some(result),
            () = expired => Some(Err(CallError::Deadline(limit))),
        }
    }

    /// A turn for a page that joins or is back, or why there is none; `None` if the actor is stopped
    /// meanwhile. Events do not wait for turns, so they come first.
    pub(super) async fn turn(&mut self, place: Place, gives_way: bool) -> Option<Given> {
        tokio::select! {
            biased;
            () = poll_fn(|poll| self.mailbox.poll_stopped(poll)) => None,
            given = place.turn(gives_way) => Some(given),
        }
    }

    /// What to do next; `None` when the actor is to end.
    pub(super) async fn next(&mut self) -> Option<Next> {
        if let Some(time) = self.quiet {
            self.alarm.set(time);
        }
        poll_fn(|poll| {
            if let Poll::Ready(item) = self.mailbox.poll_next(poll) {
                return Poll::Ready(item.map(Next::Item));
            }
            while self.alarm.poll(poll).is_ready() {
                match self.quiet {
                    Some(time) if Instant::now() >= time => return Poll::Ready(Some(Next::Quiet)),
                    Some(time) => self.alarm.set(time),
                    None => {}
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Tells the operator what failed, and gives what the browser may know.
    pub(super) fn failed(&self, module: &str, id: &str, what: &str, error: &CallError) -> String {
        self.context.stats.errors.add();
        let about = || format!("{module} ({}): {what}", Quoted(id));
        match error {
            CallError::Refused(..) | CallError::Busy => {}
            // Which one is said already. A client can ask for any, so it is no fault of the application.
            CallError::UnknownHandler(_) => {
                let text = || format!("{} failed: the module has no such handler", about());
                self.context.log_about(Level::Warn, module, text);
            }
            _ => {
                let text = || format!("{} failed: {error}{}", about(), error.stack());
                self.context.log_about(Level::Error, module, text);
            }
        }
        error.public(self.context.development)
    }
}

impl<D: Dispatcher> Drop for Life<D> {
    fn drop(&mut self) {
        self.mailbox.stop();
        self.context.dispatcher.forget(self.key);
        self.context.stats.components.down(1);
    }
}

/// What there is to do.
pub(super) enum Next {
    Item(Item),
    /// Nothing happened for a while.
    Quiet,
}
