//! A step: whatever caused it, its outcome is committed here as a whole, or not at all.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::attendance::Pages;
use super::reading::publish;
use super::running::Running;
use super::state::LiveSocketState;
use super::{Committed, Continuity, ReplyTo};
use crate::dispatch::{CallError, Dispatcher, Outcome};
use crate::effects::{Effect, Push, own_topic};
use crate::ids::Point;
use crate::message::{Data, Source};
use crate::ongoing::{Checks, Ongoing};
use crate::protocol::{Beside, ServerMessage};
use crate::random::random_text;
use crate::stats::Part as Lap;
use crate::store::StoreError;
use crate::topics::Position;
use crate::tree::{LiveTree, Mismatch, Render, diff};

/// The cause of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// An event of the page, which gets an answer.
    Event,
    /// So many of the messages of the last visit.
    Messages(usize),
}

impl Cause {
    /// How many of the messages of the last visit are over.
    fn messages(self) -> usize {
        match self {
            Self::Event => 0,
            Self::Messages(done) => done,
        }
    }
}

/// The change that an outcome makes to the tree.
pub(super) enum Rendered {
    AsBefore,
    Changed(Render),
    Anew(LiveTree),
}

impl Rendered {
    /// The message about the change to `tree`; `None` if nothing changes.
    pub(super) fn message<'a>(&'a self, tree: &'a LiveTree) -> Option<ServerMessage<'a>> {
        match self {
            Self::AsBefore => None,
            Self::Changed(render) => {
                let patch = diff(tree, render);
                (!patch.is_empty()).then_some(ServerMessage::Patch(patch, Some(render)))
            }
            Self::Anew(tree) => Some(ServerMessage::Replace(tree)),
        }
    }
}

fn pushes(effects: &[Effect]) -> Vec<Push> {
    let pushes = effects.iter().filter_map(|effect| match effect {
        Effect::Push(push) => Some(push.clone()),
        _ => None,
    });
    pushes.collect()
}

/// Gets entries for the topics that the step tracks.
fn enter<D: Dispatcher>(
    effects: &[Effect],
    ongoing: Option<&Ongoing>,
    running: &mut Running<D>,
) -> Result<(), CallError> {
    match ongoing.filter(|ongoing| ongoing.has_presence()) {
        Some(ongoing) => running.enter(effects, ongoing),
        None => Ok(()),
    }
}

fn not_kept(error: StoreError) -> CallError {
    match error {
        StoreError::Stale => CallError::Moved,
        _ => CallError::NotKept(error.to_string()),
    }
}

pub(super) fn misfit(error: Mismatch) -> CallError {
    CallError::Failed(error.to_string())
}

const NOT_IN_SHARED: &str = "live() cannot stand in a shared component: a component of live() belongs to one page. Put \
    both into a personal component, side by side";
/// So many messages of a component wait while topics are away; then its steps that publish fail.
const MOST_UNPUBLISHED: usize = 100;
/// How long a component waits before it tries again to publish.
const PUBLISH_AGAIN: Duration = Duration::from_secs(1);

impl LiveSocketState {
    /// Commits the outcome of a first render, and shows the tree. The state that the component was started
    /// with is committed already; so this is a step only if `connected` asked for something.
    pub(super) async fn begin<D: Dispatcher, R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        let effects = self.effects_of(outcome, reply_to)?;
        let begun = self.try_begin(outcome, &effects, running, reply_to).await;
        match begun {
            Ok(()) => running.run_tasks(&effects),
            Err(_) => self.take_back(&effects, running),
        }
        begun
    }

    async fn try_begin<D: Dispatcher, R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        effects: &[Effect],
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        running.check_tasks(effects)?;
        // A state that was revived may have had no time for this.
        self.publish(running).await;
        let ongoing = self.changed_by(effects, Cause::Messages(0), running)?;
        running.check_subscriptions(ongoing.as_ref().unwrap_or(&self.ongoing))?;
        enter(effects, ongoing.as_ref(), running)?;
        let is_step = !effects.is_empty();
        if let Some(props) = outcome.props.take() {
            self.call.props = props;
        }
        self.call.frozen = outcome.frozen;
        if let Some(ongoing) = ongoing {
            self.ongoing = ongoing;
            self.tell_topics(effects, running, reply_to);
        }
        if is_step {
            self.point.revision = self.point.revision.next();
            self.is_due = true;
            let committed = Committed {
                point: self.point,
                props: &self.call.props,
                ongoing: &self.ongoing,
                is_due: true,
                has_tasks: running.has_tasks(),
            };
            running.lap(Lap::Patch);
            let kept = reply_to.keep(committed).await;
            running.lap(Lap::Store);
            kept.map_err(not_kept)?;
        }
        reply_to.started(Ok(()));
        self.nest(reply_to);
        let origin = self.call.origin.as_ref();
        let continuity = match outcome.anew {
            true => Continuity::Anew,
            false if origin.is_some_and(|origin| origin.is_behind) => Continuity::Behind,
            false => Continuity::Unbroken,
        };
        reply_to.show(self.point, &self.prev_tree, continuity);
        let pushes = pushes(effects);
        if !pushes.is_empty() || outcome.redirect.is_some() {
            let beside = Beside {
                redirect: outcome.redirect.as_deref(),
                keeps_form: false,
                pushes: &pushes,
            };
            reply_to.changed(self.point, None, beside);
        }
        if is_step {
            self.publish(running).await;
        }
        let pages = Pages::of(reply_to);
        let followed = running.follow(&self.ongoing, &self.module_name, pages);
        followed.await;
        Ok(())
    }

    /// Commits an outcome as a whole, and tells the page; or, if anything fails, commits nothing.
    ///
    /// Architecture invariant: this is the only place that commits a step, whatever caused the step.
    /// `__test__/server/nothing_is_committed_on_failure.test.ts` watches it.
    pub(super) async fn commit<D: Dispatcher, R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        cause: Cause,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        let effects = self.effects_of(outcome, reply_to)?;
        let committed = self
            .try_commit(outcome, &effects, cause, running, reply_to)
            .await;
        match committed {
            Ok(()) => {
                self.settles_at = None;
                self.grows(outcome.grows);
                running.run_tasks(&effects);
            }
            Err(_) => self.take_back(&effects, running),
        }
        committed
    }

    /// The effects that the step asks for. If the component has nested ones, they include the subscription to
    /// its own address, because nested components know the address.
    fn effects_of<R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        reply_to: &R,
    ) -> Result<Vec<Effect>, CallError> {
        let mut effects = std::mem::take(&mut outcome.effects);
        if !outcome.nests {
            return Ok(effects);
        }
        if reply_to.shares() {
            return Err(CallError::Failed(NOT_IN_SHARED.to_owned()));
        }
        self.nests = true;
        let topic: Arc<str> = own_topic(&self.call.instance).into();
        if self.ongoing.subscription(&topic).is_none() {
            effects.push(Effect::Subscribe {
                topic,
                receiver: SmolStr::default(),
                position: Position::BEGINNING,
                is_explicit: false,
            });
        }
        Ok(effects)
    }

    /// Tells which nested components the committed tree shows, if it may show any.
    pub(super) fn nest<R: ReplyTo>(&mut self, reply_to: &mut R) {
        if self.nests {
            let children = self.prev_tree.children();
            self.nests = !children.is_empty();
            reply_to.nests(&children);
        }
    }

    /// The step that asked for these effects has not been committed.
    fn take_back<D: Dispatcher>(&self, effects: &[Effect], running: &mut Running<D>) {
        running.drop_tasks(effects);
        running.attendance.keep(&self.ongoing);
    }

    async fn try_commit<D: Dispatcher, R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        effects: &[Effect],
        cause: Cause,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        let point = Point {
            revision: self.point.revision.next(),
            ..self.point
        };
        let props = outcome.props.as_ref().unwrap_or(&self.call.props);
        // All that can fail comes before the first thing that cannot be taken back.
        running.check_tasks(effects)?;
        if let Cause::Messages(_) = cause {
            running.check_circle(effects)?;
        }
        let ongoing = self.changed_by(effects, cause, running)?;
        if Ongoing::moves(effects)
            && let Some(ongoing) = &ongoing
        {
            running.check_subscriptions(ongoing)?;
        }
        enter(effects, ongoing.as_ref(), running)?;
        let is_due = self.ongoing.is_due_after(effects);
        let rendered = self.rendered(outcome.render.take())?;
        let committed = Committed {
            point,
            props,
            ongoing: ongoing.as_ref().unwrap_or(&self.ongoing),
            is_due,
            has_tasks: running.has_tasks(),
        };
        running.lap(Lap::Patch);
        let kept = reply_to.keep(committed).await;
        running.lap(Lap::Store);
        kept.map_err(not_kept)?;
        if let Some(props) = outcome.props.take() {
            self.call.props = props;
        }
        let publishes = match ongoing {
            Some(ongoing) => {
                self.ongoing = ongoing;
                self.tell_topics(effects, running, reply_to);
                self.is_due |= is_due;
                !self.ongoing.outgoing().is_empty()
            }
            None => false,
        };
        self.call.frozen = outcome.frozen;
        self.call.moved = false;
        self.call.version = self.call.sequence;
        let pushes = pushes(effects);
        let beside = Beside {
            redirect: outcome.redirect.as_deref(),
            keeps_form: outcome.keeps_form,
            pushes: &pushes,
        };
        match cause {
            _ if reply_to.shares() => self.share(point, rendered, beside, cause, reply_to),
            Cause::Event => self.answer(point, rendered, beside, reply_to),
            Cause::Messages(_) => {
                let events_wait = running.mailbox.has_events();
                self.change(point, rendered, beside, events_wait, reply_to);
            }
        }
        self.nest(reply_to);
        self.point = point;
        if let Cause::Messages(done) = cause {
            self.give_back(done);
        }
        self.drop_ended(effects, running);
        if publishes {
            // Boxed, as in the actor.
            Box::pin(self.publish(running)).await;
        }
        if Ongoing::is_changed_by(effects) {
            let pages = Pages::of(reply_to);
            Box::pin(running.follow(&self.ongoing, &self.module_name, pages)).await;
        }
        Ok(())
    }

    /// A step with these effects has committed: notes the topics that the component has subscribed to now. If
    /// the component was taken out of topics while the step ran, it leaves them next.
    fn tell_topics<D: Dispatcher, R: ReplyTo>(
        &mut self,
        effects: &[Effect],
        running: &Running<D>,
        reply_to: &mut R,
    ) {
        if Ongoing::moves(effects) {
            self.call.topics = self.ongoing.topics();
            let leaves = reply_to.subscribed(self.call.topics.as_ref(), self.since);
            for leave in leaves {
                running.mailbox.leave(&leave.topic, leave.ends);
            }
        }
    }

    /// Timers, subscriptions and the like after these effects, and after the messages of the visit; `None` if
    /// they stay as they are.
    pub(super) fn changed_by<D: Dispatcher>(
        &self,
        effects: &[Effect],
        cause: Cause,
        running: &Running<D>,
    ) -> Result<Option<Ongoing>, CallError> {
        let done = cause.messages();
        let messages = || self.call.messages.iter().take(done);
        let moves = messages().any(|message| match &message.source {
            Source::Topic { .. } => true,
            Source::Timer => self.ongoing.has_rung_once(&message.receiver),
            Source::Parent => true,
            Source::Task(_) | Source::Viewers | Source::Again | Source::Presence { .. } => false,
        });
        let has_outgoing = !self.ongoing.outgoing().is_empty();
        if !moves && !has_outgoing && !Ongoing::is_changed_by(effects) {
            return Ok(None);
        }
        let mut ongoing = self.ongoing.clone();
        ongoing.forget_outgoing(self.unpublished);
        for message in messages() {
            match &message.source {
                Source::Topic {
                    topic, position, ..
                } => ongoing.move_to(topic, *position),
                Source::Timer => ongoing.timer_is_over(&message.receiver),
                Source::Parent => {
                    if let Data::Json(props) = &message.data {
                        ongoing.is_given(props);
                    }
                }
                Source::Task(_) | Source::Viewers | Source::Again | Source::Presence { .. } => {}
            }
        }
        let context = &running.context;
        let checks = Checks {
            now: context.now().instant,
            message_bytes: context.limits.message_bytes,
            open: &|address| context.keyring.open_address(address),
            presence_meta: context.limits.presence_meta,
            key: &|| self.own_key(),
        };
        let applied = ongoing.apply(effects, &checks);
        applied.map_err(|error| CallError::Failed(error.to_string()))?;
        let publishes = ongoing.outgoing().len() > self.unpublished;
        if self.unpublished > MOST_UNPUBLISHED && publishes {
            return Err(CallError::Failed(format!(
                "topics do not work now, and {} messages of the component wait for them already",
                self.unpublished
            )));
        }
        Ok(Some(ongoing))
    }

    /// Hands the committed messages to their topics. If topics are away, the rest is tried again a second later, and
    /// with each step.
    pub(super) async fn publish<D: Dispatcher>(&mut self, running: &Running<D>) {
        let outgoing = self.ongoing.outgoing();
        self.unpublished = publish(&running.context, outgoing, &self.module_name).await;
        let now = Instant::now();
        // One reminder at a time: each step and each reminder comes here.
        if self.unpublished > 0 && self.publishes_again <= now {
            self.publishes_again = now + PUBLISH_AGAIN;
            running.remind_later(PUBLISH_AGAIN);
        }
    }

    /// The key that the component is tracked as: the result of `bind`. Without `bind` the user is not known,
    /// so the key is a new random one; `None` if the system gives no random numbers. A shared component
    /// belongs to no user, whoever has clicked: it is tracked as its own key.
    fn own_key(&self) -> Option<Arc<str>> {
        let caller = self.call.caller.as_ref();
        if let Some(sharing) = caller.and_then(|caller| caller.sharing.as_ref()) {
            return Some(sharing.key.clone());
        }
        let bind = caller.map(|caller| &caller.bind);
        let bind = bind.filter(|bind| !bind.is_empty()).cloned();
        bind.or_else(|| Some(random_text().into()).filter(|key: &Arc<str>| !key.is_empty()))
    }

    /// Answers the event, and commits the tree.
    fn answer<R: ReplyTo>(
        &mut self,
        point: Point,
        rendered: Rendered,
        beside: Beside<'_>,
        reply_to: &mut R,
    ) {
        if self.sent_tree.is_some() && reply_to.has_room() {
            if reply_to.tells_changes() {
                self.catch_up(reply_to);
            } else if let Some(sent) = self.sent_tree.take() {
                // The receiver takes any change for the answer, so the answer includes the changes that were
                // held back.
                self.commit_tree(rendered);
                say_since(&self.prev_tree, &sent, |message| {
                    reply_to.answer(point, message, beside);
                });
                return;
            }
        }
        if self.sent_tree.is_none() && reply_to.lags() {
            self.sent_tree = Some(self.prev_tree.clone());
        }
        let message = rendered.message(&self.prev_tree);
        reply_to.answer(
            point,
            message.unwrap_or_else(ServerMessage::nothing),
            beside,
        );
        self.commit_tree(rendered);
    }

    /// Tells the page of a change that no event asked for, unless the change is held back, and commits the
    /// tree.
    fn change<R: ReplyTo>(
        &mut self,
        point: Point,
        rendered: Rendered,
        beside: Beside<'_>,
        events_wait: bool,
        reply_to: &mut R,
    ) {
        let message = rendered.message(&self.prev_tree);
        if message.is_some()
            && self.sent_tree.is_none()
            && (reply_to.lags() || reply_to.holds(events_wait))
        {
            self.sent_tree = Some(self.prev_tree.clone());
        }
        // A receiver that does not keep answers is told when it catches up.
        if self.sent_tree.is_none() || reply_to.tells_changes() {
            reply_to.changed(point, message, beside);
        }
        self.commit_tree(rendered);
    }

    pub(super) fn commit_tree(&mut self, rendered: Rendered) {
        match rendered {
            Rendered::AsBefore => {}
            Rendered::Changed(render) => self.prev_tree.commit(render),
            Rendered::Anew(tree) => self.prev_tree = tree,
        }
    }

    /// The change that a render makes to the last tree. Does all that can fail, and changes nothing.
    fn rendered(&self, render: Option<Render>) -> Result<Rendered, CallError> {
        Ok(match render {
            None => Rendered::AsBefore,
            // A nested component at the root may be another one now.
            Some(mut render)
                if render.same_statics(&self.prev_tree) && !render.template().is_child() =>
            {
                render.resolve(&self.prev_tree).map_err(misfit)?;
                Rendered::Changed(render)
            }
            Some(render) => Rendered::Anew(render.into_tree().map_err(misfit)?),
        })
    }

    /// Commits a new render of the same props. True if the tree has changed.
    pub(super) fn rendered_again(&mut self, outcome: Outcome) -> Result<bool, CallError> {
        self.nests |= outcome.nests;
        let rendered = self.rendered(outcome.render)?;
        let has_changed = rendered.message(&self.prev_tree).is_some();
        self.commit_tree(rendered);
        self.call.version = self.call.sequence;
        self.call.moved = false;
        Ok(has_changed)
    }

    /// Sends all changes that were held back, as one patch.
    pub(super) fn catch_up<R: ReplyTo>(&mut self, reply_to: &mut R) {
        if let Some(sent) = self.sent_tree.take() {
            let point = self.point;
            say_since(&self.prev_tree, &sent, |message| {
                reply_to.merged(point, message);
            });
        }
    }
}

/// Calls `say` with the changes of the tree since `sent`.
pub(super) fn say_since(tree: &LiveTree, sent: &LiveTree, say: impl FnOnce(ServerMessage<'_>)) {
    let mut render = Render::from(tree.clone());
    if render.same_statics(sent) && render.resolve(sent).is_ok() {
        let patch = diff(sent, &render);
        say(ServerMessage::Patch(patch, Some(&render)));
    } else {
        say(ServerMessage::Replace(tree));
    }
}
