//! Messages from the server: those that wait together are handled in one visit to JavaScript, with one
//! commit and one render.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::ReplyTo;
use super::actor::Back;
use super::attendance::is_presence_of;
use super::reading::MOST_TOGETHER;
use super::running::Running;
use super::state::LiveSocketState;
use super::step::Cause;
use crate::dispatch::{CallError, Dispatcher, Outcome, StepKind};
use crate::effects::{Effect, TaskId};
use crate::given::Given;
use crate::ids::{EventNumber, Life};
use crate::log::Quoted;
use crate::message::{AGAIN, Data, GIVEN, Message, Part, Source};

/// The longest that a page which is back waits while its component catches up.
const CATCH_UP: Duration = Duration::from_secs(2);
/// If the store has failed to keep a state, the messages are handled again after so long.
const RETRY: Duration = Duration::from_secs(1);

impl LiveSocketState {
    /// When the next timer rings, or a visit is made again; `None` if neither is to come, or if nobody sees the component.
    pub(super) fn due<D: Dispatcher, R: ReplyTo>(
        &self,
        running: &Running<D>,
        reply_to: &R,
    ) -> Option<Instant> {
        // While messages wait for the store, timers wait with them.
        let rings = self.retry.is_none() && reply_to.is_shown();
        let timer = rings.then(|| self.ongoing.due()).flatten();
        if let Some(held) = running.context.held_time.get() {
            held.rings_at(running.key, timer);
            return self.retry.filter(|_| reply_to.is_shown());
        }
        timer.or_else(|| self.retry.filter(|_| reply_to.is_shown()))
    }

    /// A value of a task has come. A task that was ended meanwhile has no receiver any more.
    pub(super) fn value<D: Dispatcher>(
        &mut self,
        running: &mut Running<D>,
        task: TaskId,
        part: Part,
        json: Option<Arc<str>>,
    ) {
        let Some(receiver) = running.receiver_of(task) else {
            return;
        };
        if part != Part::Value {
            running.task_is_over(task);
            self.is_due = true;
        }
        let id = self.next_id();
        self.inbox.push_back(Message {
            receiver,
            id,
            source: Source::Task(task),
            part,
            data: json.map_or(Data::None, Data::Json),
            gap: false,
        });
    }

    /// The parent gives these props now: a message for the receiver `given`, unless the state includes it.
    /// The message takes the place of one that waits, which is out of date.
    pub(super) fn given(&mut self, given: &Given) {
        self.inbox.retain(|one| one.source != Source::Parent);
        if self.ongoing.has_been_given(given) {
            return;
        }
        let id = self.next_id();
        self.inbox.push_back(Message {
            receiver: GIVEN.into(),
            id,
            source: Source::Parent,
            part: Part::Value,
            data: Data::Json(given.props().into()),
            gap: false,
        });
    }

    /// Development has the component render again, or go on with other props. This is a message like others:
    /// it has its turn, is committed, and is shown as a change from the server.
    pub(super) fn again(&mut self, props: Option<Arc<str>>) {
        let id = self.next_id();
        self.inbox.push_back(Message {
            receiver: AGAIN.into(),
            id,
            source: Source::Again,
            part: Part::Value,
            data: props.map_or(Data::None, Data::Json),
            gap: false,
        });
    }

    /// Names the next message of a timer or a task. A life never gives a name twice, and no two lives give
    /// the same one.
    pub(super) fn next_id(&mut self) -> Arc<str> {
        next_id(&self.call.instance, self.life, &mut self.messages)
    }

    /// Puts the messages of timers that ring now behind those that wait.
    fn ring(&mut self, now: Instant) {
        let room = MOST_TOGETHER.saturating_sub(self.inbox.len());
        for rung in self.ongoing.ring(now, room) {
            let waits = self.inbox.iter().any(|message| {
                message.source == Source::Timer && message.receiver == rung.receiver
            });
            // A tick that waits already is not queued again.
            if waits && rung.data.is_none() {
                continue;
            }
            let id = self.next_id();
            self.inbox.push_back(Message {
                receiver: rung.receiver,
                id,
                source: Source::Timer,
                part: Part::Value,
                data: rung.data.map_or(Data::None, Data::Json),
                gap: false,
            });
        }
    }

    /// Handles the messages that wait, as many as one visit takes. If further ones wait, they have their turn
    /// after whatever else waits, so that events are handled between visits.
    pub(super) async fn visit<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        if !self.leaving.is_empty() {
            Box::pin(self.leave_topics(running, reply_to)).await?;
        }
        let most = self.waiting(running).await;
        if self.retry.is_some() {
            return ControlFlow::Continue(());
        }
        self.visit_once(running, most, None, reply_to).await?;
        if self.retry.is_none() && (!self.inbox.is_empty() || running.has_unread()) {
            running.mailbox.remind();
        }
        ControlFlow::Continue(())
    }

    /// Gathers the messages that wait. Gives how many of them one visit takes.
    async fn waiting<D: Dispatcher>(&mut self, running: &mut Running<D>) -> usize {
        if self.retry.is_some_and(|retry| Instant::now() < retry) {
            return 0;
        }
        self.retry = None;
        self.ring(running.context.now().instant);
        if running.reading.has_unread() {
            let (inbox, module) = (&mut self.inbox, &self.module_name);
            let context = running.context.clone();
            let reading = &mut running.reading;
            let ongoing = &mut self.ongoing;
            self.is_due |= reading.read(&context, ongoing, inbox, module).await;
        }
        if running.attendance.has_unread() {
            Box::pin(self.read_presence(running)).await;
        }
        self.inbox.len().min(MOST_TOGETHER)
    }

    /// Reads which people have come and gone.
    async fn read_presence<D: Dispatcher>(&mut self, running: &mut Running<D>) {
        let context = running.context.clone();
        let Self {
            ongoing,
            inbox,
            module_name,
            call,
            life,
            messages,
            ..
        } = self;
        let next_id = || next_id(&call.instance, *life, messages);
        let read = running
            .attendance
            .read(&context, ongoing, inbox, module_name, next_id);
        read.await;
    }

    /// Makes one visit, with so many messages at most. With `late`, a page waits for it, which is shown the component
    /// then at the latest.
    async fn visit_once<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        most: usize,
        late: Option<(Instant, &mut Option<Back>)>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let count = if self.alone > 0 { most.min(1) } else { most };
        if count == 0 {
            return ControlFlow::Continue(());
        }
        self.call.messages = self.inbox.drain(..count).collect();
        let event = self.point.event;
        running.begins();
        let result = if reply_to.shares() {
            Box::pin(self.call_shared(running, event, reply_to)).await
        } else {
            match late {
                None => self.call(running, event, None).await,
                Some(late) => Box::pin(self.call_late(running, event, late, reply_to)).await,
            }
        };
        let Some(mut result) = result else {
            return ControlFlow::Break(());
        };
        let done = match &mut result {
            Ok(outcome) => self.handled(outcome, running, reply_to).await,
            Err(error) => Err(error.clone()),
        };
        let done = match done {
            Err(error) if count == 1 && !is_kept_from(&error) => {
                let skipped = Box::pin(self.skip(running, reply_to)).await;
                skipped.map(|()| {
                    self.over(running, 0, &error);
                    1
                })
            }
            done => done,
        };
        running.is_over(StepKind::Visit, self.call.sequence, done.as_ref().err());
        match done {
            Ok(done) => {
                running.context.stats.messages.add_many(done as u64);
                self.alone = self.alone.saturating_sub(done);
                self.ask_on(running, done);
                self.give_back(done);
                self.call.messages.clear();
                self.stepped(running, reply_to);
            }
            Err(error @ CallError::Moved) => return self.moved(running, &error, reply_to),
            // The messages have not failed, and nothing of them is lost.
            Err(error) if is_kept_from(&error) => {
                let (name, id) = (&self.module_name, &self.call.id);
                running.failed(name, id, "a visit (it is tried again)", &error);
                self.give_back(0);
                self.retry = Some(Instant::now() + RETRY);
            }
            Err(_) => {
                self.alone = count;
                self.give_back(0);
            }
        }
        ControlFlow::Continue(())
    }

    /// Commits the result of a visit. Gives how many of its messages are over: all, or those up to the one
    /// that threw.
    async fn handled<D: Dispatcher, R: ReplyTo>(
        &mut self,
        outcome: &mut Outcome,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<usize, CallError> {
        let thrown = outcome.thrown.take();
        let count = self.call.messages.len();
        // The message that threw is over, too.
        let done = thrown
            .as_ref()
            .map_or(count, |(handled, _)| (handled + 1).min(count));
        // If the first one threw, the props are as before.
        if !matches!(thrown, Some((0, _))) || self.includes_more(done, running)? {
            self.commit(outcome, Cause::Messages(done), running, reply_to)
                .await?;
        }
        if let Some((handled, error)) = thrown {
            self.over(running, handled, &error);
        }
        Ok(done)
    }

    /// Commits that the one message of the last visit is over, with the props as they are: a state that is
    /// revived does not get the message again.
    async fn skip<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        if !self.includes_more(1, running)? {
            return Ok(());
        }
        self.commit_uncalled(Vec::new(), 1, running, reply_to).await
    }

    /// Commits these effects, and that so many of the messages of the last visit are over, without a call.
    /// The props stay, and keep their version: JavaScript may have a copy under it.
    pub(super) async fn commit_uncalled<D: Dispatcher, R: ReplyTo>(
        &mut self,
        effects: Vec<Effect>,
        done: usize,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<(), CallError> {
        let mut outcome = Outcome {
            frozen: self.call.frozen,
            effects,
            ..Outcome::nothing()
        };
        let (version, moved) = (self.call.version, self.call.moved);
        let cause = Cause::Messages(done);
        let committed = self.commit(&mut outcome, cause, running, reply_to).await;
        self.call.version = version;
        self.call.moved = moved;
        committed
    }

    /// Ends the subscriptions that the application has ended: a step of its own, without a call. If the store
    /// cannot keep it, this is tried again before any further message is handled.
    pub(super) async fn leave_topics<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let ongoing = &self.ongoing;
        self.leaving.retain(|topic| ongoing.is_in(topic));
        let is_early = self.retry.is_some_and(|retry| Instant::now() < retry);
        if self.leaving.is_empty() || is_early {
            return ControlFlow::Continue(());
        }
        let leave = |topic: &Arc<str>| {
            let [topic, tracked] = [topic.clone(), topic.clone()];
            let untrack = Effect::Untrack { topic: tracked };
            [Effect::Unsubscribe { topic }, untrack]
        };
        let effects = self.leaving.iter().flat_map(leave).collect();
        match self.commit_uncalled(effects, 0, running, reply_to).await {
            Ok(()) => {
                self.leaving.clear();
                self.stepped(running, reply_to);
            }
            Err(error @ CallError::Moved) => return self.moved(running, &error, reply_to),
            Err(error) => {
                let (name, id) = (&self.module_name, &self.call.id);
                let what = "the end of a subscription (it is tried again)";
                running.failed(name, id, what, &error);
                self.retry = Some(Instant::now() + RETRY);
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether the committed state is another one if it includes the first messages of the last visit, even
    /// if they have done nothing: positions of topics, timers that ring once.
    fn includes_more<D: Dispatcher>(
        &self,
        done: usize,
        running: &Running<D>,
    ) -> Result<bool, CallError> {
        let changed = self.changed_by(&[], Cause::Messages(done), running)?;
        Ok(changed.is_some())
    }

    /// A step has committed with these effects: messages that wait and that it has ended are dropped.
    pub(super) fn drop_ended<D: Dispatcher>(
        &mut self,
        effects: &[Effect],
        running: &mut Running<D>,
    ) {
        for effect in effects {
            match effect {
                Effect::Every { receiver, .. } | Effect::After { receiver, .. } => {
                    self.inbox.retain(|one| !is_of(one, receiver, true, false));
                }
                Effect::Task { receiver, .. } => {
                    self.inbox.retain(|one| !is_of(one, receiver, false, true));
                }
                Effect::Cancel { receiver } => {
                    self.inbox.retain(|one| !is_of(one, receiver, true, true));
                }
                Effect::Unsubscribe { topic }
                | Effect::Subscribe {
                    topic,
                    is_explicit: true,
                    ..
                } => {
                    // If the topic is still subscribed to, it is read again from the committed position.
                    running.reading.forget(topic);
                    self.inbox.retain(|one| !is_from(one, topic));
                    if let Effect::Unsubscribe { .. } = effect {
                        self.inbox.retain(|one| !is_presence_of(one, topic));
                    }
                }
                Effect::Presence { topic, .. } => {
                    running.attendance.begin_anew(topic);
                    self.inbox.retain(|one| !is_presence_of(one, topic));
                    running.mailbox.remind();
                }
                Effect::Subscribe {
                    topic, receiver, ..
                } if !receiver.is_empty() => {
                    let waiting = self.inbox.iter_mut();
                    for message in waiting.filter(|one| is_from(one, topic)) {
                        message.receiver = receiver.clone();
                    }
                }
                _ => {}
            }
        }
    }

    /// The messages of the last visit from `done` on wait again, before all others. The messages before
    /// `done` stay with the call until the next one.
    pub(super) fn give_back(&mut self, done: usize) {
        let done = done.min(self.call.messages.len());
        for message in self.call.messages.drain(done..).rev() {
            self.inbox.push_front(message);
        }
    }

    /// A message of the last visit is over without having been handled.
    fn over<D: Dispatcher>(&self, running: &mut Running<D>, index: usize, error: &CallError) {
        let message = self.call.messages.get(index);
        let receiver = message.map_or("", |message| &message.receiver);
        if let Some(Source::Presence { topic, is_whole }) = message.map(|message| &message.source) {
            running.attendance.is_lost(topic, *is_whole);
        }
        let what = format!("the message for {}", Quoted(receiver));
        running.failed(&self.module_name, &self.call.id, &what, error);
    }

    /// Asks the tasks of the first messages of the last visit for their next values.
    fn ask_on<D: Dispatcher>(&self, running: &Running<D>, done: usize) {
        for message in self.call.messages.iter().take(done) {
            if let (Source::Task(task), Part::Value) = (&message.source, message.part) {
                running.ask(*task);
            }
        }
    }

    /// Handles messages that came while the page was away, before the page is shown the component: so many
    /// messages and so long at most.
    pub(super) async fn catch_up_with_messages<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        back: &mut Option<Back>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        self.leave_all(running, reply_to).await?;
        if !self.leaving.is_empty() {
            self.leave_topics(running, reply_to).await?;
        }
        let until = Instant::now() + CATCH_UP;
        let mut left = self.waiting(running).await;
        while left > 0 && self.retry.is_none() && Instant::now() < until {
            let before = self.inbox.len();
            let late = Some((until, &mut *back));
            self.visit_once(running, left, late, reply_to).await?;
            self.leave_all(running, reply_to).await?;
            left = left.saturating_sub(before.saturating_sub(self.inbox.len()));
        }
        ControlFlow::Continue(())
    }

    /// Makes the call of a visit. If JavaScript takes longer than a page that is back waits, the page is
    /// shown the state that was committed before, and gets the rest when the call is done. The call goes on,
    /// because its receivers may have done things that must not be done twice.
    async fn call_late<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        number: EventNumber,
        (until, back): (Instant, &mut Option<Back>),
        reply_to: &mut R,
    ) -> Option<Result<Outcome, CallError>> {
        self.prepare(number, None);
        let Self {
            call,
            point,
            prev_tree,
            sent_tree,
            asking,
            ..
        } = self;
        let calling = running.call(call);
        tokio::pin!(calling);
        tokio::select! {
            biased;
            result = &mut calling => return result,
            () = sleep_until(until) => {}
        }
        if let Some(back) = back.take() {
            asking.allowed();
            *sent_tree = None;
            back.show(*point, prev_tree, reply_to);
        }
        calling.await
    }
}

fn next_id(instance: &str, life: Life, messages: &mut u64) -> Arc<str> {
    *messages += 1;
    format!("{instance}-{life}.{messages}").into()
}

/// The store has not kept the state, for a reason that may pass.
fn is_kept_from(error: &CallError) -> bool {
    matches!(error, CallError::NotKept(_))
}

/// Whether a message is of this name's timer or task.
fn is_of(message: &Message, name: &str, timer: bool, task: bool) -> bool {
    let is_meant = match message.source {
        Source::Timer => timer,
        Source::Task(_) => task,
        Source::Topic { .. }
        | Source::Viewers
        | Source::Parent
        | Source::Again
        | Source::Presence { .. } => false,
    };
    is_meant && message.receiver == name
}

/// Whether a message is of this topic.
fn is_from(message: &Message, name: &str) -> bool {
    matches!(&message.source, Source::Topic { topic, .. } if **topic == *name)
}
