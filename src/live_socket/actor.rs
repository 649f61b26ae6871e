//! The life of an actor: render, then for each event handle, render, diff, commit, answer.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::life::{Life, Next};
use super::mailbox::{Item, Mailbox, Unhandled};
use super::{Begun, Committed, Moment, ReplyTo, Snapshot, Start, Waits};
use crate::context::{Level, Shared};
use crate::dispatch::{Call, CallError, Caller, Dispatcher, Joins, Origin, Outcome};
use crate::ids::{ActorKey, EventNumber, Point};
use crate::log::Quoted;
use crate::panics::caught;
use crate::protocol::{Beside, ClientEvent, ServerMessage};
use crate::store::StoreError;
use crate::tree::{LiveTree, Mismatch, Patch, Render, diff};
use crate::turns::{Given, Turn};

const TOO_MANY: &str = "Too many events are waiting; this one was not applied.";
const TOO_FAST: &str = "Too many events in a short time; this one was not applied.";
const TOO_LONG: &str =
    "The handler's name, the type or the key of this event is too long; it was not applied.";
const TOO_OLD: &str = "This came too late and was not applied.";

/// A component is weighed again after one event for each so many bytes of its weight.
const WEIGHT_PER_EVENT: usize = 4096;
/// The fewest events between two weighings.
const MIN_WEIGHED: usize = 16;
/// The most events between two weighings.
const MAX_WEIGHED: usize = 256;

/// The state of the actor's component (the reference's `LiveSocketState`).
struct LiveSocketState {
    /// The last call, with the committed props. The next call is made from it.
    call: Call,
    module_name: Arc<str>,
    /// What the committed state includes.
    point: Point,
    /// The last tree that was rendered and committed; kept parsed and packed.
    prev_tree: LiveTree,
    /// Set while the receiver lags: the last tree that was sent. Cleared when the receiver has caught up,
    /// or is shown the whole tree.
    sent_tree: Option<LiveTree>,
    /// The weight that was last reported; 0 if the next one is to be reported in any case.
    weight: usize,
    /// The number of events until the component is weighed again.
    weigh_in: usize,
}

/// The change that an outcome makes to the tree.
enum Rendered {
    AsBefore,
    Changed(Render),
    Anew(LiveTree),
}

pub(super) async fn run<D: Dispatcher, R: ReplyTo>(
    context: Shared<D>,
    key: ActorKey,
    start: Start,
    mailbox: Arc<Mailbox>,
    mut reply_to: R,
) {
    let mut life = Life::begin(context, key, mailbox);
    let about = (start.module_name.clone(), start.id.clone());
    let Err(panic) = caught(live(&mut life, start, &mut reply_to)).await else {
        return;
    };
    // If the panic came from an event, the page drops this event; then the page joins again.
    let error = CallError::Panicked(panic);
    let text = life.failed(&about.0, &about.1, "an actor", &error);
    if let Some(point) = life.handling {
        reply_to.answer(point, ServerMessage::Error(&text), Beside::default());
    }
    reply_to.ended(&error);
}

async fn live<D: Dispatcher, R: ReplyTo>(life: &mut Life<D>, start: Start, reply_to: &mut R) {
    let Some(mut state) = first_render(life, start, reply_to).await else {
        return;
    };
    state.committed(life, reply_to, Moment::Answer);
    state.weigh(reply_to);
    loop {
        let next = tokio::select! {
            biased;
            next = life.next() => next,
            () = reply_to.caught_up(), if state.sent_tree.is_some() => {
                state.catch_up(reply_to);
                continue;
            }
        };
        let next = match next {
            None => {
                state.catch_up(reply_to);
                state.committed(life, reply_to, Moment::End);
                return;
            }
            Some(Next::Quiet) => {
                state.committed(life, reply_to, Moment::Quiet);
                continue;
            }
            Some(Next::Item(item)) => item,
        };
        if state.item(life, next, reply_to).await.is_break() {
            return;
        }
        tokio::select! {
            biased;
            () = reply_to.ready() => {}
            () = poll_fn(|poll| life.mailbox.poll_stopped(poll)) => return,
        }
    }
}

async fn first_render<D: Dispatcher, R: ReplyTo>(
    life: &mut Life<D>,
    mut start: Start,
    reply_to: &mut R,
) -> Option<LiveSocketState> {
    let turn = match start.place.take() {
        None => None,
        Some(place) => match life.turn(place, true).await? {
            Given::Turn(turn) => Some(turn),
            Given::Gone => return None,
            Given::Busy => {
                reply_to.started(Err(&CallError::Busy));
                return None;
            }
        },
    };
    let begun = tokio::select! {
        biased;
        () = poll_fn(|poll| life.mailbox.poll_stopped(poll)) => return None,
        begun = reply_to.begin(start.point, start.life) => begun,
    };
    match begun {
        Ok(Begun { newest: None, .. }) => {}
        Ok(Begun {
            newest: Some(newest),
            ..
        }) => {
            start.point = newest.point;
            start.props = newest.props;
            start.origin = Some(newest.origin);
            life.mailbox.received(start.point.event);
        }
        Err(error) => {
            let text = error.to_string();
            let error = match error {
                // The page keeps its checkpoint, and asks again.
                StoreError::Failed(_) => CallError::Unknown(text),
                // The page's checkpoint is older than the stored state, and that can never be read.
                StoreError::Damaged(_) | StoreError::Unreadable(_) | StoreError::Stale => {
                    CallError::Unreadable(text)
                }
            };
            life.failed(&start.module_name, &start.id, "the join", &error);
            reply_to.started(Err(&error));
            return None;
        }
    }
    let mut call = Call {
        actor: life.key,
        id: start.id,
        instance: start.instance,
        module: start.module,
        caller: start.caller,
        moved: false,
        props: start.props,
        frozen: false,
        origin: start.origin,
        version: 0,
        sequence: 0,
        number: start.point.event,
        event: None,
        yields: turn.as_ref().map(Turn::yields),
    };
    let outcome = life.call(&call).await?;
    call.yields = None;
    drop(turn);
    let tree = outcome.and_then(|outcome| {
        if let Some(changed) = outcome.props {
            call.props = changed;
        }
        call.frozen = outcome.frozen;
        let render = outcome.render.ok_or(Mismatch);
        let tree = render.and_then(Render::into_tree).map_err(misfit)?;
        Ok((tree, outcome.anew))
    });
    match tree {
        Ok((tree, anew)) => {
            reply_to.started(Ok(()));
            reply_to.show(start.point, &tree, anew);
            Some(LiveSocketState {
                call,
                module_name: start.module_name,
                point: start.point,
                prev_tree: tree,
                sent_tree: None,
                weight: 0,
                weigh_in: MIN_WEIGHED,
            })
        }
        Err(error) => {
            life.failed(&start.module_name, &call.id, "the first render", &error);
            reply_to.started(Err(&error));
            None
        }
    }
}

impl LiveSocketState {
    /// Weighs the component, and reports the weight if it has changed by more than an eighth. A heavy
    /// component is weighed less often, because weighing costs time in proportion.
    fn weigh<R: ReplyTo>(&mut self, reply_to: &mut R) {
        let weight = self.prev_tree.memory() + self.call.props.memory();
        self.weigh_in = (weight / WEIGHT_PER_EVENT).clamp(MIN_WEIGHED, MAX_WEIGHED);
        if self.weight == 0 || weight.abs_diff(self.weight) > self.weight / 8 {
            self.weight = weight;
            reply_to.weighed(weight);
        }
    }

    async fn item<D: Dispatcher, R: ReplyTo>(
        &mut self,
        life: &mut Life<D>,
        item: Item,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        match item {
            Item::Event { number, event } => {
                life.handling = Some(Point {
                    event: number,
                    ..self.point
                });
                self.event(life, number, event, reply_to).await?;
                life.handling = None;
                self.weigh_in -= 1;
                if self.weigh_in == 0 {
                    self.weigh(reply_to);
                }
                self.committed(life, reply_to, Moment::Answer);
            }
            Item::Unhandled {
                count,
                first,
                last,
                why,
            } => {
                self.point.event = last;
                life.context.stats.errors.add_many(count);
                let text = match why {
                    Unhandled::Full => TOO_MANY,
                    Unhandled::Flood => TOO_FAST,
                    Unhandled::Expired => TOO_OLD,
                    Unhandled::Long => TOO_LONG,
                };
                // The numbers may have gaps. The answer counts from `first`, so that it names all these
                // events.
                let count = last.0 - first.0 + 1;
                reply_to.unhandled(self.point, count, text, why == Unhandled::Expired);
            }
            Item::State(sender) => {
                // Fails if the application does not wait any more.
                let _ = sender.send(self.snapshot());
            }
            Item::Show => {
                self.sent_tree = None;
                reply_to.show(self.point, &self.prev_tree, false);
            }
            Item::Resume { id, request, waits } => {
                self.back(id, request);
                if let Some(waits) = waits {
                    self.resume(life, waits, reply_to).await?;
                }
                // A checkpoint that was sent on the last connection may not have arrived.
                self.committed(life, reply_to, Moment::Answer);
            }
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
            }));
        }
    }

    /// Lets in the page that came back, when it has its turn and, if it `asks`, `authorize` has allowed it.
    /// If `authorize` refuses, the actor ends. The page still has its checkpoint, and a join with that is
    /// asked about again.
    async fn resume<D: Dispatcher, R: ReplyTo>(
        &mut self,
        life: &mut Life<D>,
        Waits { epoch, asks, place }: Waits,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let turn = match life.turn(place, false).await {
            None => return ControlFlow::Break(()),
            Some(Given::Turn(turn)) => turn,
            // The page's connection is gone: the actor waits for the next one.
            Some(Given::Gone | Given::Busy) => return ControlFlow::Continue(()),
        };
        let answer = if asks {
            let joins = Joins::Resume;
            let origin = Some(Origin { joins, version: 0 });
            self.call.yields = Some(turn.yields());
            let Some(result) = self.call(life, self.point.event, None, origin).await else {
                return ControlFlow::Break(());
            };
            result.and_then(|outcome| self.rendered_again(outcome))
        } else {
            Ok(false)
        };
        self.call.yields = None;
        drop(turn);
        match answer {
            Ok(has_changed) => {
                if reply_to.resumed(epoch, has_changed) {
                    self.sent_tree = None;
                    reply_to.show(self.point, &self.prev_tree, false);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                life.failed(&self.module_name, &self.call.id, "the rejoin", &error);
                reply_to.ended(&error);
                ControlFlow::Break(())
            }
        }
    }

    /// Makes the next call, with the committed props; `None` if the actor is stopped meanwhile.
    async fn call<D: Dispatcher>(
        &mut self,
        life: &mut Life<D>,
        number: EventNumber,
        event: Option<ClientEvent>,
        origin: Option<Origin>,
    ) -> Option<Result<Outcome, CallError>> {
        let call = &mut self.call;
        call.sequence += 1;
        call.number = number;
        call.event = event;
        call.origin = origin;
        life.call(call).await
    }

    /// The change that a render makes to the last tree. Does all that can fail, and changes nothing.
    fn rendered(&self, render: Option<Render>) -> Result<Rendered, CallError> {
        Ok(match render {
            None => Rendered::AsBefore,
            Some(mut render) if render.same_statics(&self.prev_tree) => {
                render.resolve(&self.prev_tree).map_err(misfit)?;
                Rendered::Changed(render)
            }
            Some(render) => Rendered::Anew(render.into_tree().map_err(misfit)?),
        })
    }

    /// Commits a new render of the same props. True if the tree has changed.
    fn rendered_again(&mut self, outcome: Outcome) -> Result<bool, CallError> {
        let has_changed = match self.rendered(outcome.render)? {
            Rendered::AsBefore => false,
            Rendered::Changed(render) => {
                let has_changed = !diff(&self.prev_tree, &render).is_empty();
                self.prev_tree.commit(render);
                has_changed
            }
            Rendered::Anew(tree) => {
                self.prev_tree = tree;
                true
            }
        };
        self.call.version = self.call.sequence;
        self.call.moved = false;
        Ok(has_changed)
    }

    /// Offers the committed state for a checkpoint.
    fn committed<D: Dispatcher, R: ReplyTo>(
        &self,
        life: &mut Life<D>,
        reply_to: &mut R,
        moment: Moment,
    ) {
        let committed = Committed {
            point: self.point,
            props: &self.call.props,
        };
        life.quiet = reply_to.committed(committed, moment);
    }

    async fn event<D: Dispatcher, R: ReplyTo>(
        &mut self,
        life: &mut Life<D>,
        number: EventNumber,
        event: ClientEvent,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let Some(result) = self.call(life, number, Some(event), None).await else {
            return ControlFlow::Break(());
        };
        let event = self.call.event.take();
        let before = std::mem::replace(&mut self.point.event, number);
        let taken = match result {
            Ok(outcome) => self.take(outcome, reply_to).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => life.context.stats.events.add(),
            Err(error) => {
                if let CallError::Moved = error {
                    let (name, id) = (&self.module_name, Quoted(&self.call.id));
                    let text = || format!("{name} ({id}): {error}");
                    life.context.log_about(Level::Warn, name, text);
                    self.point.event = before;
                    reply_to.ended(&error);
                    return ControlFlow::Break(());
                }
                let handler = event.map(|event| event.handler).unwrap_or_default();
                let what = format!("the event {}", Quoted(&handler));
                let text = life.failed(&self.module_name, &self.call.id, &what, &error);
                let beside = Beside {
                    redirect: error.redirect(),
                    // The page keeps the form by itself if the event has failed.
                    keeps_form: false,
                };
                reply_to.answer(self.point, ServerMessage::Error(&text), beside);
            }
        }
        ControlFlow::Continue(())
    }

    /// Commits an outcome as a whole, and answers; or, if anything fails, commits nothing.
    async fn take<R: ReplyTo>(
        &mut self,
        outcome: Outcome,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        let point = Point {
            revision: self.point.revision.next(),
            ..self.point
        };
        let beside = Beside {
            redirect: outcome.redirect.as_deref(),
            keeps_form: outcome.keeps_form,
        };
        let props = outcome.props.as_ref().unwrap_or(&self.call.props);
        // All that can fail comes before the first thing that cannot be taken back.
        let rendered = self.rendered(outcome.render)?;
        let committed = Committed { point, props };
        reply_to
            .keep(committed)
            .await
            .map_err(|error| match error {
                StoreError::Stale => CallError::Moved,
                _ => CallError::NotKept(error.to_string()),
            })?;
        if self.sent_tree.is_none() && reply_to.lags() {
            self.sent_tree = Some(self.prev_tree.clone());
        }
        match rendered {
            Rendered::AsBefore => {
                let nothing = ServerMessage::Patch(Patch::default(), None);
                reply_to.answer(point, nothing, beside);
            }
            Rendered::Changed(render) => {
                let patch = diff(&self.prev_tree, &render);
                reply_to.answer(point, ServerMessage::Patch(patch, Some(&render)), beside);
                self.prev_tree.commit(render);
            }
            Rendered::Anew(tree) => {
                self.prev_tree = tree;
                reply_to.answer(point, ServerMessage::Replace(&self.prev_tree), beside);
            }
        }
        if let Some(props) = outcome.props {
            self.call.props = props;
        }
        self.point = point;
        self.call.frozen = outcome.frozen;
        self.call.moved = false;
        self.call.version = self.call.sequence;
        Ok(())
    }

    /// Sends all changes that a receiver that lagged has missed, as one patch.
    fn catch_up<R: ReplyTo>(&mut self, reply_to: &mut R) {
        let Some(sent) = self.sent_tree.take() else {
            return;
        };
        let mut render = Render::from(self.prev_tree.clone());
        if render.same_statics(&sent) && render.resolve(&sent).is_ok() {
            let patch = diff(&sent, &render);
            reply_to.merged(self.point, ServerMessage::Patch(patch, Some(&render)));
        } else {
            reply_to.merged(self.point, ServerMessage::Replace(&self.prev_tree));
        }
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

fn misfit(error: Mismatch) -> CallError {
    CallError::Failed(error.to_string())
}
