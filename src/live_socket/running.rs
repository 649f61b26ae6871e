//! The waits of an actor: for the next item, for an outcome, for a turn. And all that has to be done when
//! the actor ends.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::attendance::{Attendance, Pages};
use super::circle::Circle;
use super::follower::Follower;
use super::mailbox::{Item, Mailbox};
use super::reading::Reading;
use crate::context::{Level, Shared};
use crate::dispatch::{Call, CallError, Dispatcher, Outcome, StepKind, Tasks, Timed};
use crate::effects::{Effect, TaskId};
use crate::ids::{ActorKey, Point};
use crate::log::Quoted;
use crate::ongoing::Ongoing;
use crate::quotas::Taken;
use crate::stats::{Clock, Part as Lap};
use crate::turns::{Given, Place};

/// A task that runs.
struct Task {
    id: TaskId,
    /// Its holder has it until it ends.
    _taken: Taken,
}

/// Dropped when the actor ends, in whatever way; dropping does all that has to be done then.
pub(super) struct Running<D: Dispatcher> {
    pub(super) context: Shared<D>,
    pub(super) key: ActorKey,
    pub(super) mailbox: Arc<Mailbox>,
    /// The name under which its tasks, its subscriptions and its places in presence are counted.
    holder: Arc<str>,
    alarm: Alarm,
    /// When a checkpoint is due if nothing happens until then. Set after each offer of a state.
    pub(super) quiet: Option<Instant>,
    /// When a timer of the component rings. Set before each wait.
    pub(super) due: Option<Instant>,
    /// When `authorize` is asked again. Set before each wait.
    pub(super) ask: Option<Instant>,
    /// The last thing to do was a timer, so that what waits in the mailbox is next.
    has_rung: bool,
    /// The number of the last sink: see [`Follower::sink`].
    last_sink: u32,
    /// The topics of the component.
    pub(super) reading: Reading,
    /// The topics in which the component is tracked, and the topics whose presence it watches.
    pub(super) attendance: Attendance,
    /// How fast the component's receivers publish.
    circle: Circle,
    /// The tasks of the component, by their names.
    tasks: BTreeMap<SmolStr, Task>,
    /// The event that is being handled. If the actor panics, this event is answered with an error.
    pub(super) handling: Option<Point>,
    /// Measures the step that runs, if durations are measured. Boxed, so that an actor that is not measured has no room
    /// for it.
    clock: Option<Box<Clock>>,
}

impl<D: Dispatcher> Running<D> {
    pub(super) fn begin(
        context: Shared<D>,
        key: ActorKey,
        mailbox: Arc<Mailbox>,
        holder: Arc<str>,
    ) -> Self {
        context.stats.components.up();
        Self {
            context,
            key,
            mailbox,
            holder,
            alarm: Alarm::default(),
            quiet: None,
            due: None,
            ask: None,
            has_rung: false,
            last_sink: 0,
            reading: Reading::default(),
            attendance: Attendance::default(),
            circle: Circle::default(),
            tasks: BTreeMap::new(),
            handling: None,
            clock: None,
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
        let result = tokio::select! {
            biased;
            () = poll_fn(|poll| mailbox.poll_stopped(poll)) => None,
            result = context.dispatcher.call(call, &mailbox.ended) => Some(result),
            () = expired => Some(Err(CallError::Deadline(limit))),
        };
        self.lap(Lap::Call);
        result
    }

    /// A step begins, which is measured if durations are.
    pub(super) fn begins(&mut self) {
        let is_timed = self.context.stats.is_timed();
        self.clock = is_timed.then(|| Box::new(Clock::start()));
    }

    /// The time since the last lap belongs to this part of the step.
    pub(super) fn lap(&mut self, part: Lap) {
        if let Some(clock) = &mut self.clock {
            clock.lap(part);
        }
    }

    /// The step of this call is over.
    pub(super) fn is_over(&mut self, kind: StepKind, sequence: u64, error: Option<&CallError>) {
        let stats = &self.context.stats;
        let mut clock = self.clock.take();
        if let Some(clock) = &mut clock {
            clock.lap(Lap::Patch);
        }
        // Also if the step began before anybody observed steps: an observer that was told of the beginning
        // waits for the end.
        if stats.is_observed() {
            self.context.dispatcher.timed(&Timed {
                actor: self.key,
                sequence,
                kind,
                clock: clock.as_deref(),
                error: error.map(CallError::code),
            });
        }
        let Some(clock) = clock else { return };
        let durations = &stats.durations;
        let of_kind = match kind {
            StepKind::Join => &durations.joins,
            StepKind::Event => &durations.events,
            StepKind::Visit => &durations.visits,
        };
        of_kind.add(clock.total());
        durations.calls.add(clock.part(Lap::Call));
        if error.is_none() && self.context.store.is_some() {
            durations.stores.add(clock.part(Lap::Store));
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

    /// The next thing to do; `None` if the actor is to end. If events keep coming, timers ring between them.
    pub(super) async fn next(&mut self) -> Option<Next> {
        if self.ask.is_some_and(|ask| ask <= Instant::now()) {
            return Some(Next::Ask);
        }
        let rings = self.due.is_some_and(|due| due <= Instant::now());
        self.has_rung = rings && !self.has_rung;
        if self.has_rung {
            return Some(Next::Due);
        }
        for time in [self.quiet, self.due, self.ask].into_iter().flatten() {
            self.alarm.set(time);
        }
        poll_fn(|poll| {
            if let Poll::Ready(item) = self.mailbox.poll_next(poll) {
                return Poll::Ready(item.map(Next::Item));
            }
            if let Some(held) = self.context.held_time.get() {
                held.waits();
            }
            while self.alarm.poll(poll).is_ready() {
                let now = Instant::now();
                if self.ask.is_some_and(|ask| ask <= now) {
                    return Poll::Ready(Some(Next::Ask));
                }
                if self.due.is_some_and(|due| due <= now) {
                    return Poll::Ready(Some(Next::Due));
                }
                if self.quiet.is_some_and(|quiet| quiet <= now) {
                    return Poll::Ready(Some(Next::Quiet));
                }
                for time in [self.quiet, self.due, self.ask].into_iter().flatten() {
                    self.alarm.set(time);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Whether the tasks that these effects begin fit within the limits.
    pub(super) fn check_tasks(&self, effects: &[Effect]) -> Result<(), CallError> {
        if !effects.iter().any(is_task) {
            return Ok(());
        }
        // A task takes the place of another one of its name.
        let mut names: BTreeSet<&SmolStr> = self.tasks.keys().collect();
        for effect in effects {
            match effect {
                Effect::Task { receiver, .. } => {
                    names.insert(receiver);
                }
                Effect::Cancel { receiver } => {
                    names.remove(receiver);
                }
                _ => {}
            }
        }
        let limits = &self.context.limits;
        let (own, all) = (limits.tasks_per_component, limits.tasks);
        let begun = names.len().saturating_sub(self.tasks.len());
        if names.len() > own {
            return Err(CallError::Failed(format!(
                "a component runs {own} tasks at most (limits.tasksPerComponent)"
            )));
        }
        if begun > 0 && self.context.stats.tasks.get() + begun > all {
            return Err(CallError::Failed(format!(
                "too many tasks run (limits.tasks is {all})"
            )));
        }
        let quotas = &self.context.quotas;
        let checked = quotas.tasks.check(&self.holder, begun);
        checked.map_err(|error| CallError::Failed(error.to_string()))
    }

    /// Whether the component may have the subscriptions of this state.
    pub(super) fn check_subscriptions(&self, ongoing: &Ongoing) -> Result<(), CallError> {
        let begun = self.reading.begun_by(ongoing);
        let checked = self.context.quotas.subscriptions.check(&self.holder, begun);
        checked.map_err(|error| CallError::Failed(error.to_string()))
    }

    /// Gets places in presence for the topics that a step tracks, which leads to this state.
    pub(super) fn enter(&mut self, effects: &[Effect], ongoing: &Ongoing) -> Result<(), CallError> {
        let Self {
            context, holder, ..
        } = self;
        self.attendance.enter(context, holder, effects, ongoing)
    }

    /// Subscribes to the topics that are committed, and to no others; the same for presence.
    pub(super) async fn follow(&mut self, ongoing: &Ongoing, module: &str, pages: Pages) {
        let follower = &mut Follower {
            context: &self.context,
            mailbox: &self.mailbox,
            last: &mut self.last_sink,
            holder: &self.holder,
            module,
        };
        self.reading.follow(follower, ongoing);
        let attendance = &mut self.attendance;
        attendance.follow(follower, ongoing, pages).await;
    }

    /// Whether topics or presence may have something to read.
    pub(super) fn has_unread(&self) -> bool {
        self.reading.has_unread() || self.attendance.has_unread()
    }

    /// Has the actor look again after so long, unless it has ended by then.
    pub(super) fn remind_later(&self, after: Duration) {
        let mailbox = Arc::downgrade(&self.mailbox);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(mailbox) = mailbox.upgrade() {
                mailbox.remind();
            }
        });
    }

    /// These topics have something new, or their presence has.
    pub(super) fn told(&mut self) {
        let numbers = self.mailbox.told();
        self.reading.told(&numbers);
        self.attendance.told(&numbers);
    }

    /// Whether a step of receivers may ask for these effects, which bring messages: maybe to the same receivers.
    pub(super) fn check_circle(&mut self, effects: &[Effect]) -> Result<(), CallError> {
        let brings_messages = |effect: &&Effect| {
            matches!(
                effect,
                Effect::Publish(_)
                    | Effect::Send { .. }
                    | Effect::Presence { .. }
                    | Effect::Subscribe {
                        is_explicit: true,
                        ..
                    }
            )
        };
        let count = effects.iter().filter(brings_messages).count();
        let checked = self.circle.check(count, Instant::now());
        checked.map_err(|error| CallError::Failed(error.to_string()))
    }

    pub(super) fn has_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Begins and ends tasks, as a step that has committed asks. A task that the step itself has ended again never
    /// begins.
    pub(super) fn run_tasks(&mut self, effects: &[Effect]) {
        let last = last_tasks(effects);
        for effect in effects {
            match effect {
                Effect::Task { receiver, task } if last.get(receiver) != Some(task) => {
                    self.context.dispatcher.end_task(*task);
                }
                Effect::Task { receiver, task } => {
                    self.end_task(receiver);
                    let taken = self.context.quotas.tasks.take(&self.holder);
                    let begun = Task {
                        id: *task,
                        _taken: taken,
                    };
                    self.tasks.insert(receiver.clone(), begun);
                    self.context.stats.tasks.up();
                    self.ask(*task);
                }
                Effect::Cancel { receiver } => self.end_task(receiver),
                _ => {}
            }
        }
    }

    /// The step that asked for these effects has not been committed: its tasks never begin.
    pub(super) fn drop_tasks(&self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Task { task, .. } = effect {
                self.context.dispatcher.end_task(*task);
            }
        }
    }

    fn end_task(&mut self, receiver: &SmolStr) {
        if let Some(task) = self.tasks.remove(receiver) {
            self.context.stats.tasks.down(1);
            self.context.dispatcher.end_task(task.id);
        }
    }

    /// Asks a task for its next value.
    pub(super) fn ask(&self, task: TaskId) {
        let tasks: Arc<dyn Tasks> = self.mailbox.clone();
        self.context.dispatcher.next_value(task, &tasks);
    }

    /// The receiver that gets the values of this task; `None` if the task has ended.
    pub(super) fn receiver_of(&self, task: TaskId) -> Option<SmolStr> {
        let mut tasks = self.tasks.iter();
        let (receiver, _) = tasks.find(|(_, one)| one.id == task)?;
        Some(receiver.clone())
    }

    /// The task has given its last value.
    pub(super) fn task_is_over(&mut self, task: TaskId) {
        self.tasks.retain(|_, one| one.id != task);
        self.context.stats.tasks.down(1);
    }

    /// Logs the failure of `what`, and gives the text for the browser.
    pub(super) fn failed(&self, module: &str, id: &str, what: &str, error: &CallError) -> String {
        self.context.stats.failed(error.code());
        let about = || format!("{module} ({}): {what}", Quoted(id));
        match error {
            CallError::Refused(..) | CallError::Busy => {}
            // A warning only, because a client can ask for any handler. `what` names the handler already.
            CallError::UnknownHandler(_) => {
                let text = || format!("{} failed: the module has no such handler", about());
                self.context
                    .log_about(Level::Warn, error.code(), module, text);
            }
            _ => {
                let text = || format!("{} failed: {error}{}", about(), error.stack());
                self.context
                    .log_about(Level::Error, error.code(), module, text);
            }
        }
        error.public(self.context.development)
    }
}

impl<D: Dispatcher> Drop for Running<D> {
    fn drop(&mut self) {
        self.mailbox.stop();
        for task in std::mem::take(&mut self.tasks).into_values() {
            self.context.stats.tasks.down(1);
            self.context.dispatcher.end_task(task.id);
        }
        self.context.dispatcher.forget(self.key);
        self.context.stats.components.down(1);
    }
}

/// The next thing that an actor has to do.
pub(super) enum Next {
    Item(Item),
    /// Nothing has happened until [`Running::quiet`].
    Quiet,
    /// A timer rings: [`Running::due`].
    Due,
    /// `authorize` is to be asked again: [`Running::ask`].
    Ask,
}

/// The tasks that are left at the end of a step with these effects, by their names.
fn last_tasks(effects: &[Effect]) -> BTreeMap<&SmolStr, TaskId> {
    let mut last = BTreeMap::new();
    for effect in effects {
        match effect {
            Effect::Task { receiver, task } => {
                last.insert(receiver, *task);
            }
            Effect::Cancel { receiver } => {
                last.remove(receiver);
            }
            _ => {}
        }
    }
    last
}

fn is_task(effect: &Effect) -> bool {
    matches!(effect, Effect::Task { .. })
}
