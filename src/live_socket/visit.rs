//! Messages from the server: those that wait together are handled in one visit to JavaScript, with one
//! commit and one render.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::ReplyTo;
use super::reading::MOST_TOGETHER;
use super::running::Running;
use super::state::LiveSocketState;
use super::step::Cause;
use crate::dispatch::{CallError, Dispatcher, Outcome};
use crate::effects::TaskId;
use crate::log::Quoted;
use crate::message::{Data, Message, Part, Source};

/// The longest that a page which is back waits while its component catches up.
const CATCH_UP: Duration = Duration::from_secs(2);

impl LiveSocketState {
    /// When the next timer rings; `None` if none does, or if nobody sees the component.
    pub(super) fn due<R: ReplyTo>(&self, reply_to: &R) -> Option<Instant> {
        let due = self.ongoing.due()?;
        reply_to.is_shown().then_some(due)
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

    /// Names the next message of a timer or a task. A life never gives a name twice, and no two lives give
    /// the same one.
    fn next_id(&mut self) -> Arc<str> {
        self.messages += 1;
        format!("{}-{}.{}", self.call.instance, self.life, self.messages).into()
    }

    /// Puts the messages of timers that ring now behind those that wait.
    fn ring(&mut self) {
        let room = MOST_TOGETHER.saturating_sub(self.inbox.len());
        for rung in self.ongoing.ring(Instant::now(), room) {
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

    /// Handles the messages that wait, as many as a visit takes. What JavaScript has not done by `until` is
    /// given up, and handled later.
    pub(super) async fn visit<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        until: Option<Instant>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        self.ring();
        if running.reading.has_unread() {
            let (inbox, module) = (&mut self.inbox, &self.module_name);
            let context = running.context.clone();
            let reading = &mut running.reading;
            let ongoing = &mut self.ongoing;
            self.is_due |= reading.read(&context, ongoing, inbox, module).await;
        }
        let mut left = self.inbox.len().min(MOST_TOGETHER);
        // So many messages are handled one by one, because all of them together have failed.
        let mut alone = 0;
        while left > 0 {
            let count = if alone > 0 { 1 } else { left };
            self.call.messages = self.inbox.drain(..count).collect();
            let event = self.point.event;
            let result = tokio::select! {
                biased;
                result = self.call(running, event, None, None) => result,
                () = at(until) => {
                    self.give_back(0);
                    return ControlFlow::Continue(());
                }
            };
            let Some(result) = result else {
                return ControlFlow::Break(());
            };
            let done = match result {
                Ok(outcome) => self.handled(outcome, running, reply_to).await,
                Err(error) => Err(error),
            };
            let done = match done {
                Ok(done) => done,
                Err(error @ CallError::Moved) => return self.moved(running, &error, reply_to),
                Err(_) if count > 1 => {
                    alone = count;
                    self.give_back(0);
                    continue;
                }
                Err(error) => {
                    self.over(running, 0, &error);
                    count
                }
            };
            alone = usize::saturating_sub(alone, 1);
            left -= done;
            self.ask_on(running, done);
            self.give_back(done);
            // A step may have left topics, and what was read of them.
            left = left.min(self.inbox.len());
            self.stepped(running, reply_to);
        }
        if running.reading.has_unread() {
            // After whatever else waits.
            running.mailbox.remind();
        }
        ControlFlow::Continue(())
    }

    /// Commits what a visit has given. Gives how many of its messages are over: all, or those up to the one
    /// that threw.
    async fn handled<D: Dispatcher, R: ReplyTo>(
        &mut self,
        mut outcome: Outcome,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> Result<usize, CallError> {
        let thrown = outcome.thrown.take();
        let count = self.call.messages.len();
        // The one that threw is over, too.
        let done = thrown
            .as_ref()
            .map_or(count, |(handled, _)| (handled + 1).min(count));
        // If the first one threw, there is nothing to commit.
        if !matches!(thrown, Some((0, _))) {
            self.commit(outcome, Cause::Messages(done), running, reply_to)
                .await?;
        }
        if let Some((handled, error)) = thrown {
            self.over(running, handled, &error);
        }
        Ok(done)
    }

    /// The messages of the last visit from `done` on wait again, before all others.
    fn give_back(&mut self, done: usize) {
        let messages = std::mem::take(&mut self.call.messages);
        for message in messages.into_iter().skip(done).rev() {
            self.inbox.push_front(message);
        }
    }

    /// A message of the last visit is over without having been handled.
    fn over<D: Dispatcher>(&self, running: &Running<D>, index: usize, error: &CallError) {
        let receiver = self.call.messages.get(index);
        let receiver = receiver.map_or("", |message| &message.receiver);
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

    /// Handles what came while the page was away, before the page is shown the component: so many messages
    /// and so long at most.
    pub(super) async fn catch_up_with_messages<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let now = Instant::now();
        let rings = self.ongoing.due().is_some_and(|due| due <= now);
        if self.inbox.is_empty() && !rings && !running.reading.has_unread() {
            return ControlFlow::Continue(());
        }
        self.visit(running, Some(now + CATCH_UP), reply_to).await
    }
}

/// Resolves then, or never.
async fn at(time: Option<Instant>) {
    match time {
        // On the heap: the future of every actor would carry it otherwise.
        Some(time) => Box::pin(sleep_until(time)).await,
        None => std::future::pending().await,
    }
}
