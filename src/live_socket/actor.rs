//! The life of an actor: render, then for each event handle, render, diff, commit, answer.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::Instant;

use super::first;
use super::mailbox::{Item, Mailbox, Unhandled};
use super::running::{Next, Running};
use super::state::LiveSocketState;
use super::step::Cause;
use super::{Continuity, Moment, ReplyTo, Snapshot, Start, Waits};
use crate::codes::Code;
use crate::context::Shared;
use crate::dispatch::{CallError, Caller, Dispatcher, Joins, Origin, StepKind};
use crate::ids::{ActorKey, EventNumber, Point};
use crate::log::Quoted;
use crate::panics::caught;
use crate::protocol::{Beside, ClientEvent, ServerMessage};
use crate::tree::LiveTree;
use crate::turns::{Given, Turn};

const TOO_MANY: &str = "Too many events are waiting; this one was not applied.";
const TOO_FAST: &str = "Too many events in a short time; this one was not applied.";
const TOO_LONG: &str =
    "The handler's name, the type or the key of this event is too long; it was not applied.";
const TOO_OLD: &str = "This came too late and was not applied.";

/// The text for a page whose event is not handled.
fn reason(why: Unhandled) -> &'static str {
    match why {
        Unhandled::Full => TOO_MANY,
        Unhandled::Flood => TOO_FAST,
        Unhandled::Expired => TOO_OLD,
        Unhandled::Long => TOO_LONG,
    }
}

pub(super) async fn run<D: Dispatcher, R: ReplyTo>(
    context: Shared<D>,
    key: ActorKey,
    start: Box<Start>,
    mailbox: Arc<Mailbox>,
    mut reply_to: Box<R>,
) {
    let mut running = Running::begin(context, key, mailbox, start.holder.clone());
    let about = (start.module_name.clone(), start.id.clone());
    let Err(panic) = caught(live(&mut running, start, &mut *reply_to)).await else {
        return;
    };
    // If the panic came from an event, the page drops this event; then the page joins again.
    let error = CallError::Panicked(panic);
    let text = running.failed(&about.0, &about.1, "an actor", &error);
    if let Some(point) = running.handling {
        reply_to.answer(point, ServerMessage::Error(&text), Beside::default());
    }
    reply_to.ended(&error);
}

async fn live<D: Dispatcher, R: ReplyTo>(
    running: &mut Running<D>,
    start: Box<Start>,
    reply_to: &mut R,
) {
    let Some(mut state) = Box::pin(first::render(running, start, reply_to)).await else {
        return;
    };
    state.committed(running, reply_to, Moment::Answer);
    state.weigh(reply_to);
    loop {
        if running.attendance.has_part() {
            state.notice(running, reply_to);
        }
        running.due = state.due(running, reply_to);
        running.ask = state.ask_due(running, reply_to);
        // Catching up comes first. Otherwise a component whose messages keep coming would never show the
        // changes that were held back. If events wait, the next answer shows the changes.
        let catches_up = state.sent_tree.is_some() && !running.mailbox.has_events();
        let next = tokio::select! {
            biased;
            () = reply_to.caught_up(), if catches_up => {
                state.catch_up(reply_to);
                state.show_shared(reply_to);
                // While changes were held back there was no checkpoint.
                state.committed(running, reply_to, Moment::Answer);
                continue;
            }
            next = running.next() => next,
        };
        let done = match next {
            None => {
                state.catch_up(reply_to);
                state.committed(running, reply_to, Moment::End);
                Box::pin(reply_to.leaves(state.as_committed(running))).await;
                return;
            }
            Some(Next::Item(item)) => state.item(running, item, reply_to).await,
            Some(Next::Quiet) => {
                state.committed(running, reply_to, Moment::Quiet);
                continue;
            }
            // The page may have gone since the wait began.
            Some(Next::Due | Next::Ask) if !reply_to.is_shown() => continue,
            // Boxed, as whatever else few steps need: the future of every actor would have room for it otherwise.
            Some(Next::Ask) => Box::pin(state.ask(running, reply_to)).await,
            Some(Next::Due) => Box::pin(state.visit(running, reply_to)).await,
        };
        if done.is_break() {
            return;
        }
        tokio::select! {
            biased;
            () = reply_to.ready() => {}
            () = poll_fn(|poll| running.mailbox.poll_stopped(poll)) => return,
        }
    }
}

/// A page that is back, may be shown the component, and has not been shown it so far.
pub(super) struct Back {
    epoch: u64,
    /// The tree has changed without an event.
    has_changed: bool,
    _turn: Turn,
}

impl Back {
    /// Lets the page in.
    pub(super) fn show<R: ReplyTo>(self, point: Point, tree: &LiveTree, reply_to: &mut R) {
        if reply_to.resumed(self.epoch, self.has_changed) {
            reply_to.show(point, tree, Continuity::Unbroken);
        }
    }
}

impl LiveSocketState {
    async fn item<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        item: Item,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        match item {
            Item::Event { number, event } => {
                self.event(running, number, event, reply_to).await?;
            }
            Item::Unhandled {
                count,
                first,
                last,
                why,
            } => {
                self.unhandled(running, (first, last), count, why, reply_to);
            }
            Item::State(sender) => {
                // Fails if the application does not wait any more.
                let _ = sender.send(self.snapshot());
            }
            Item::Props(sender) => {
                let _ = sender.send(self.call.props.to_json());
            }
            Item::Show if reply_to.shares() => self.show_shared(reply_to),
            Item::Show => {
                self.sent_tree = None;
                reply_to.show(self.point, &self.prev_tree, Continuity::Unbroken);
            }
            Item::Resume { id, request, waits } => {
                self.back(id, request);
                if let Some(waits) = waits {
                    Box::pin(self.resume(running, waits, reply_to)).await?;
                }
                // A checkpoint that was sent on the last connection may not have arrived.
                self.committed(running, reply_to, Moment::Answer);
                if reply_to.is_shown() {
                    Box::pin(self.visit(running, reply_to)).await?;
                }
            }
            Item::Value { task, part, json } => {
                self.value(running, task, part, json);
                for (task, part, json) in running.mailbox.values() {
                    self.value(running, task, part, json);
                }
                if reply_to.is_shown() {
                    Box::pin(self.visit(running, reply_to)).await?;
                }
            }
            Item::Again(props) => {
                self.again(props);
                if reply_to.is_shown() {
                    Box::pin(self.visit(running, reply_to)).await?;
                }
            }
            Item::Topics => {
                if self.unpublished > 0 {
                    Box::pin(self.publish(running)).await;
                }
                running.told();
                if self.settles_at.is_some() {
                    Box::pin(self.settle(running, reply_to)).await?;
                }
                if reply_to.is_shown() {
                    Box::pin(self.visit(running, reply_to)).await?;
                }
            }
            Item::Given(given) => {
                self.given(&given);
                if reply_to.is_shown() {
                    Box::pin(self.visit(running, reply_to)).await?;
                }
            }
            Item::Leave { topic, ends } => {
                Box::pin(self.leave(running, topic, ends, reply_to)).await?;
            }
            Item::HandOver => {
                // The store may have the state of a step that has failed. So the committed state is saved
                // once more: otherwise the next process would go on with that one.
                if self.settles_at.is_some() {
                    self.settles_at = Some(Instant::now());
                    Box::pin(self.settle(running, reply_to)).await?;
                }
                reply_to.hands_over(self.as_committed(running));
                return ControlFlow::Break(());
            }
            Item::Doubt => self.asking.doubted(),
            Item::Viewers => Box::pin(self.viewers(running, reply_to)).await?,
            Item::Weigh => {
                // The session asks because it does not know the weight, so the weight is reported in any
                // case.
                self.weight = 0;
                self.weigh(reply_to);
            }
        }
        ControlFlow::Continue(())
    }

    /// The page is back on another connection.
    fn back(&mut self, id: Arc<str>, request: Option<Arc<str>>) {
        let call = &mut self.call;
        call.moved |= call.id != id;
        call.id = id;
        if let (Some(request), Some(caller)) = (request, &call.caller) {
            call.caller = Some(Arc::new(Caller {
                request,
                bind: caller.bind.clone(),
                page: caller.page.clone(),
                sharing: caller.sharing.clone(),
                parent: caller.parent.clone(),
            }));
        }
    }

    /// Lets in the page that came back, when it has its turn and, if it `asks`, `authorize` has allowed it.
    /// If `authorize` refuses, the actor ends. The page still has its checkpoint, and a join with that is
    /// asked about again.
    async fn resume<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        Waits { epoch, asks, place }: Waits,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let turn = match running.turn(place, false).await {
            None => return ControlFlow::Break(()),
            Some(Given::Turn(turn)) => turn,
            // The page's connection is gone: the actor waits for the next one.
            Some(Given::Gone | Given::Busy) => return ControlFlow::Continue(()),
        };
        let answer = if asks {
            let joins = Joins::Resume;
            let origin = Some(Origin {
                joins,
                version: 0,
                is_behind: false,
            });
            self.call.yields = Some(turn.yields());
            let Some(result) = self.call(running, self.point.event, origin).await else {
                return ControlFlow::Break(());
            };
            result.and_then(|outcome| self.rendered_again(outcome))
        } else {
            Ok(false)
        };
        self.call.yields = None;
        match answer {
            Ok(has_changed) => {
                self.nest(reply_to);
                let mut back = Some(Back {
                    epoch,
                    has_changed,
                    _turn: turn,
                });
                self.catch_up_with_messages(running, &mut back, reply_to)
                    .await?;
                // Meanwhile the application may have taken the component out of topics. The page must not be
                // shown news of them.
                self.leave_all(running, reply_to).await?;
                self.let_in(&mut back, reply_to);
                ControlFlow::Continue(())
            }
            Err(error) => {
                drop(turn);
                running.failed(&self.module_name, &self.call.id, "the rejoin", &error);
                reply_to.ended(&error);
                ControlFlow::Break(())
            }
        }
    }

    /// Shows the page that is back the component, unless it has been shown already.
    fn let_in<R: ReplyTo>(&mut self, back: &mut Option<Back>, reply_to: &mut R) {
        if let Some(back) = back.take() {
            self.asking.allowed();
            // The page gets all that was held back, one by one or as the tree.
            self.sent_tree = None;
            back.show(self.point, &self.prev_tree, reply_to);
        }
    }

    /// The application has taken the component out of this topic; or, with `ends`, the component ends if it is in it.
    async fn leave<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        topic: Arc<str>,
        ends: bool,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        if !self.ongoing.is_in(&topic) {
            return ControlFlow::Continue(());
        }
        if !ends {
            if !self.leaving.contains(&topic) {
                self.leaving.push(topic);
            }
            return self.leave_topics(running, reply_to).await;
        }
        // The pages join again, and `authorize` says whether they may.
        if reply_to.shares() {
            reply_to.dismiss();
            return ControlFlow::Continue(());
        }
        reply_to.ended(&CallError::Busy);
        ControlFlow::Break(())
    }

    /// Leaves all topics that the application has taken the component out of by now.
    pub(super) async fn leave_all<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        while let Some((topic, ends)) = running.mailbox.next_leave() {
            self.leave(running, topic, ends, reply_to).await?;
        }
        ControlFlow::Continue(())
    }

    /// When `authorize` is to be asked again; `None` if nothing comes from the server, or if nobody sees the
    /// component: a page that comes back is asked about anyway.
    fn ask_due<D: Dispatcher, R: ReplyTo>(
        &self,
        running: &Running<D>,
        reply_to: &R,
    ) -> Option<Instant> {
        let due = self.asking.due()?;
        let goes_on = self.ongoing.has_sources() || running.has_tasks();
        (goes_on && reply_to.is_shown()).then_some(due)
    }

    /// Asks `authorize` whether the page may still see the component. If it refuses, the actor ends, as at a
    /// resume that is refused. If it fails otherwise, the actor ends as well, but the page joins again with its
    /// newest state, and `authorize` is asked about that.
    async fn ask<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let origin = Some(Origin {
            joins: Joins::Shown,
            version: 0,
            is_behind: false,
        });
        let event = self.point.event;
        let Some(result) = self.call(running, event, origin).await else {
            return ControlFlow::Break(());
        };
        let Err(error) = result else {
            self.asking.allowed();
            return ControlFlow::Continue(());
        };
        let (name, id) = (&self.module_name, &self.call.id);
        running.failed(
            name,
            id,
            "the check whether the page may still see the component",
            &error,
        );
        if let CallError::Refused(..) = error {
            reply_to.ended(&error);
        } else {
            self.committed(running, reply_to, Moment::End);
            reply_to.ended(&CallError::Busy);
        }
        ControlFlow::Break(())
    }

    /// Handles an event of the page, or of a viewer.
    pub(super) fn event<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        number: EventNumber,
        event: ClientEvent,
        reply_to: &mut R,
    ) -> impl Future<Output = ControlFlow<()>> {
        running.handling = Some(Point {
            event: number,
            ..self.point
        });
        // Before there is a future, which would have room for the event as well.
        self.call.event = Some(event);
        self.handle(running, number, reply_to)
    }

    async fn handle<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        number: EventNumber,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        running.begins();
        let mut result = if reply_to.shares() {
            Box::pin(self.call_shared(running, number, reply_to)).await
        } else {
            self.call(running, number, None).await
        };
        // By reference: a value that is moved while a future waits has its room in the future twice.
        let Some(result) = &mut result else {
            return ControlFlow::Break(());
        };
        let before = std::mem::replace(&mut self.point.event, number);
        let taken = match result {
            Ok(outcome) => self.commit(outcome, Cause::Event, running, reply_to).await,
            Err(error) => Err(error.clone()),
        };
        let event = self.call.event.take();
        running.is_over(StepKind::Event, self.call.sequence, taken.as_ref().err());
        match taken {
            Ok(()) => running.context.stats.events.add(),
            Err(error) => {
                if let CallError::Moved = error {
                    self.point.event = before;
                    return self.moved(running, &error, reply_to);
                }
                self.may_be_kept(&error, running);
                let handler = event.map(|event| event.handler).unwrap_or_default();
                let what = format!("the event {}", Quoted(&handler));
                let text = running.failed(&self.module_name, &self.call.id, &what, &error);
                if let CallError::Refused(..) = error {
                    reply_to.refused();
                }
                let beside = Beside {
                    redirect: error.redirect(),
                    // The page keeps the form by itself if the event has failed.
                    keeps_form: false,
                    pushes: &[],
                };
                reply_to.answer(self.point, ServerMessage::Error(&text), beside);
            }
        }
        running.handling = None;
        self.stepped(running, reply_to);
        ControlFlow::Continue(())
    }

    /// Tells of `count` events, numbered from `first` to `last`, that are not handled.
    pub(super) fn unhandled<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &Running<D>,
        (first, last): (EventNumber, EventNumber),
        count: u64,
        why: Unhandled,
        reply_to: &mut R,
    ) {
        self.point.event = last;
        let code = match why {
            Unhandled::Expired => Code::Expired,
            Unhandled::Full | Unhandled::Flood | Unhandled::Long => Code::Flood,
        };
        running.context.stats.failed_many(code, count);
        // The numbers may have gaps. The answer counts from `first`, so that it names all these events.
        let count = last.0 - first.0 + 1;
        reply_to.unhandled(self.point, count, reason(why), why == Unhandled::Expired);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.call.id.clone(),
            module: self.module_name.clone(),
            props_json: self.call.props.to_json(),
            tree_json: self.prev_tree.to_json(),
        }
    }
}
