//! The waits of an actor: for the next item, for an outcome, for a turn. And all that has to be done when
//! the actor ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::alarm::Alarm;
use super::mailbox::{Item, Mailbox};
use crate::context::{Level, Shared};
use crate::dispatch::{Call, CallError, Dispatcher, Outcome};
use crate::ids::{ActorKey, Point};
use crate::log::Quoted;
use crate::turns::{Given, Place};

/// Dropped when the actor ends, in whatever way; dropping does all that has to be done then.
pub(super) struct Life<D: Dispatcher> {
    pub(super) context: Shared<D>,
    pub(super) key: ActorKey,
    pub(super) mailbox: Arc<Mailbox>,
    alarm: Alarm,
    /// When a checkpoint is due if nothing happens until then. Set after each offer of a state.
    pub(super) quiet: Option<Instant>,
    /// The event that is being handled. If the actor panics, this event is answered with an error.
    pub(super) handling: Option<Point>,
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

    /// Makes one call, with its deadline; `None` if the actor is stopped meanwhile.
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

    /// Waits for the turn of a page that joins or is back; `None` if the actor is stopped meanwhile.
    pub(super) async fn turn(&mut self, place: Place, gives_way: bool) -> Option<Given> {
        tokio::select! {
            biased;
            () = poll_fn(|poll| self.mailbox.poll_stopped(poll)) => None,
            given = place.turn(gives_way) => Some(given),
        }
    }

    /// The next thing to do; `None` if the actor is to end.
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

    /// Tells the operator what failed, and gives the text for the browser.
    pub(super) fn failed(&self, module: &str, id: &str, what: &str, error: &CallError) -> String {
        self.context.stats.errors.add();
        let about = || format!("{module} ({}): {what}", Quoted(id));
        match error {
            CallError::Refused(..) | CallError::Busy => {}
            // A warning only, because a client can ask for any handler. `what` names the handler already.
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

/// The next thing that an actor has to do.
pub(super) enum Next {
    Item(Item),
    /// Nothing has happened until [`Life::quiet`].
    Quiet,
}
