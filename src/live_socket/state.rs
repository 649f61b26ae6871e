//! The state of an actor between two steps.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::Instant;

use super::asking::Asking;
use super::attendance::Pages;
use super::running::Running;
use super::{Committed, Moment, ReplyTo};
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Call, CallError, Dispatcher, Origin, Outcome};
use crate::ids::{EventNumber, Life, Point};
use crate::log::Quoted;
use crate::members;
use crate::message::{Message, Source};
use crate::ongoing::Ongoing;
use crate::tree::LiveTree;

/// A component is weighed again after one event for each so many bytes of its weight. An event that makes it
/// grow by more counts for several.
const WEIGHT_PER_EVENT: usize = 4096;
/// The fewest events between two weighings.
pub(super) const MIN_WEIGHED: usize = 16;
/// The most events between two weighings.
const MAX_WEIGHED: usize = 256;

/// The state of the actor's component (the reference's `LiveSocketState`).
pub(super) struct LiveSocketState {
    /// The last call, with the committed props. The next call is made from it.
    pub(super) call: Call,
    pub(super) module_name: Arc<str>,
    /// The point that the committed state has reached.
    pub(super) point: Point,
    /// The last tree that was rendered and committed; kept parsed and packed.
    pub(super) prev_tree: LiveTree,
    /// Set while the receiver lags: the last tree that was sent. Cleared when the receiver has caught up,
    /// or is shown the whole tree.
    pub(super) sent_tree: Option<LiveTree>,
    /// Timers, subscriptions and the like of the committed state.
    pub(super) ongoing: Ongoing,
    /// Messages that wait until somebody sees the component.
    pub(super) inbox: VecDeque<Message>,
    /// So many of the messages that wait are handled one by one, because all of them together have failed.
    pub(super) alone: usize,
    /// Set if the store has failed to keep the state after messages: when they are handled again. Until then
    /// no message is handled.
    pub(super) retry: Option<Instant>,
    /// A step has changed timers, subscriptions or the like, so a checkpoint is due at once. Cleared when the
    /// state is offered for one.
    pub(super) is_due: bool,
    /// The life that the actor lives.
    pub(super) life: Life,
    /// Topics whose subscriptions the application has ended, until that is committed: as many as there are
    /// subscriptions at most.
    pub(super) leaving: Vec<Arc<str>>,
    /// When the last call was made ready, as [`members`] count time.
    pub(super) since: u64,
    /// When `authorize` is asked again about the page.
    pub(super) asking: Asking,
    /// How many of the committed messages, the last ones, their topics have not taken.
    pub(super) unpublished: usize,
    /// When they are tried again: nobody is to be reminded before that.
    pub(super) publishes_again: Instant,
    /// Set when the store may have a state that was not committed: when the committed one is offered to it again.
    /// Cleared by the next step that commits.
    pub(super) settles_at: Option<Instant>,
    /// The tree may have nested components in it.
    pub(super) nests: bool,
    /// How many messages of timers and tasks this life has had.
    pub(super) messages: u64,
    /// The weight that was last reported; 0 if the next one is to be reported in any case.
    pub(super) weight: usize,
    /// The number of events until the component is weighed again.
    pub(super) weigh_in: usize,
}

impl LiveSocketState {
    /// Weighs the component, and reports the weight if it has changed by more than an eighth. A heavy
    /// component is weighed less often, because weighing costs time in proportion.
    pub(super) fn weigh<R: ReplyTo>(&mut self, reply_to: &mut R) {
        let weight = self.prev_tree.memory() + self.call.props.memory() + self.ongoing.memory();
        self.weigh_in = (weight / WEIGHT_PER_EVENT).clamp(MIN_WEIGHED, MAX_WEIGHED);
        if self.weight == 0 || weight.abs_diff(self.weight) > self.weight / 8 {
            self.weight = weight;
            reply_to.weighed(weight);
        }
    }

    /// A step that makes the component so much larger at most has committed: the step counts for its weight as
    /// many events do.
    pub(super) fn grows(&mut self, bytes: usize) {
        let left = self.weigh_in.saturating_sub(bytes / WEIGHT_PER_EVENT);
        // The step itself is going to be counted.
        self.weigh_in = left.max(1);
    }

    /// Makes the next call, of the event or the messages that it has by now, with the committed props; `None` if the actor is stopped meanwhile.
    pub(super) fn call<D: Dispatcher>(
        &mut self,
        running: &mut Running<D>,
        number: EventNumber,
        origin: Option<Origin>,
    ) -> impl Future<Output = Option<Result<Outcome, CallError>>> {
        self.prepare(number, origin);
        running.call(&self.call)
    }

    /// Makes the call ready that is next.
    pub(super) fn prepare(&mut self, number: EventNumber, origin: Option<Origin>) {
        self.since = members::now();
        let call = &mut self.call;
        call.sequence += 1;
        call.number = number;
        call.origin = origin;
    }

    /// Offers the committed state for a checkpoint.
    pub(super) fn committed<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
        moment: Moment,
    ) {
        let committed = Committed {
            point: self.point,
            props: &self.call.props,
            ongoing: &self.ongoing,
            is_due: std::mem::take(&mut self.is_due),
            has_tasks: running.has_tasks(),
        };
        running.quiet = reply_to.committed(committed, moment);
    }

    /// The committed state.
    pub(super) fn as_committed<D: Dispatcher>(&self, running: &Running<D>) -> Committed<'_> {
        Committed {
            point: self.point,
            props: &self.call.props,
            ongoing: &self.ongoing,
            is_due: false,
            has_tasks: running.has_tasks(),
        }
    }

    /// A step has been handled: it counts for the weight, and its state is offered for a checkpoint.
    pub(super) fn stepped<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) {
        self.weigh_in -= 1;
        if self.weigh_in == 0 {
            self.weigh(reply_to);
        }
        self.committed(running, reply_to, Moment::Answer);
    }

    /// The component's page may have gone or come back: the component's entries go or come, and the component
    /// is told everybody when the page is back. A parked session weighs its actor, and this wakes the actor.
    /// A shared component is woken when its last page has gone, or its first page has come. A shared
    /// component goes on without pages, and misses nothing.
    pub(super) fn notice<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &R,
    ) {
        let pages = Pages::of(reply_to);
        if running.attendance.notice(&self.ongoing, pages) && pages.are_gone() {
            self.inbox
                .retain(|one| !matches!(one.source, Source::Presence { .. }));
        }
    }

    /// The component goes on in another process: its actor ends.
    pub(super) fn moved<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &Running<D>,
        error: &CallError,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        let (name, id) = (&self.module_name, Quoted(&self.call.id));
        let text = || format!("{name} ({id}): {error}");
        running
            .context
            .log_about(Level::Warn, Code::Moved, name, text);
        reply_to.ended(error);
        ControlFlow::Break(())
    }
}
