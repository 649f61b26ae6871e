//! The work of a shared component's actor for its viewers: it takes their events in turn, and gathers the
//! changes, so that all pages get the same.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::mailbox::{Capacity, Item, Mailbox, Unhandled};
use super::running::Running;
use super::state::LiveSocketState;
use super::step::{Cause, Rendered, say_since};
use super::{Continuity, LiveSocket, ReplyTo};
use crate::budget::{Budget, Share};
use crate::dispatch::{CallError, Caller, Dispatcher, Outcome};
use crate::ids::{EventNumber, Point};
use crate::limits::Limits;
use crate::message::{Data, Message, Part, Source, VIEWERS};
use crate::protocol::{Beside, ClientEvent, ServerMessage};
use crate::stats::Stats;

/// The events of one viewer that wait. Like an actor's mailbox, this is bounded, takes each event once, and
/// every event that enters gets an answer.
pub struct Events {
    mailbox: Mailbox,
    /// The bytes of the results that are remembered for the page.
    remembered: Share,
}

/// A viewer's event, or several that are not handled, with the viewer.
pub struct Asked {
    /// Whose page it is.
    pub caller: Arc<Caller>,
    /// The event, or the events that are not handled.
    pub taken: Taken,
    /// The connection on which that came, as the viewer counts its connections, if the component's owner is another
    /// process.
    pub epoch: u64,
}

/// An event of a viewer, or several that are not handled.
pub enum Taken {
    /// An event to handle.
    Event {
        /// The event's number among the viewer's.
        number: EventNumber,
        /// The event.
        event: ClientEvent,
    },
    /// `count` events, numbered from `first` to `last`, that are not handled.
    Unhandled {
        /// The first one's number.
        first: EventNumber,
        /// The last one's number.
        last: EventNumber,
        /// How many: not more than the numbers between `first` and `last`.
        count: u64,
        /// Why they are not handled.
        why: Unhandled,
    },
}

impl Events {
    /// No events yet, of a viewer whose last event had the number `received`.
    pub fn new(
        limits: &Limits,
        received: EventNumber,
        stats: &Arc<Stats>,
        budget: &Arc<Budget>,
    ) -> Self {
        let capacity = Capacity {
            items: limits.queued_events,
            bytes: limits.message_bytes,
        };
        Self {
            mailbox: Mailbox::new(capacity, received, stats.clone(), budget.clone()),
            remembered: Share::new(budget.clone()),
        }
    }

    /// Takes an event, as [`LiveSocket::take`] does. True if it has not been here before.
    pub fn take(&self, number: Option<EventNumber>, event: Result<ClientEvent, Unhandled>) -> bool {
        self.mailbox.event(number, event).unwrap_or(false)
    }

    /// Drops the events that wait, and takes them and all others again: their page sends them once more.
    pub fn restart(&self) {
        self.mailbox.restart();
    }

    /// From here on events up to `number` are not taken.
    pub fn received(&self, number: EventNumber) {
        self.mailbox.received(number);
    }

    /// Takes the event out that waits for longest.
    pub fn next(&self) -> Option<Taken> {
        let context = Context::from_waker(Waker::noop());
        match self.mailbox.poll_next(&context) {
            Poll::Ready(Some(Item::Event { number, event })) => {
                Some(Taken::Event { number, event })
            }
            Poll::Ready(Some(Item::Unhandled {
                count,
                first,
                last,
                why,
            })) => Some(Taken::Unhandled {
                first,
                last,
                count,
                why,
            }),
            _ => None,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
    }

    /// So many bytes of answers are remembered for a page that may not have them: they count as waiting, too.
    /// Calls must not overlap.
    pub fn remember(&self, bytes: usize) {
        self.remembered.set(bytes);
    }

    /// Bytes of all that waits.
    pub fn bytes(&self) -> usize {
        self.mailbox.bytes() + self.remembered.bytes()
    }

    /// Drops all that waits, and takes nothing more.
    pub fn stop(&self) {
        self.mailbox.stop();
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop();
    }
}

impl LiveSocket {
    /// Has the actor take the events of viewers from its owner: see [`super::Viewers`].
    pub fn viewers_ask(&self) {
        self.mailbox.viewers_ask();
    }
}

impl LiveSocketState {
    /// Handles the next event of a viewer, and the viewers who have joined and left. If there is more, it has
    /// its turn after all else that waits.
    pub(super) async fn viewers<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        // If the store has failed to keep such a message, the message still waits. Until it is over, further
        // joins and leaves gather in `reply_to`, which bounds them.
        let waits = self.inbox.iter().any(|one| one.source == Source::Viewers);
        if !waits && let Some(json) = reply_to.joined_and_left() {
            let id = self.next_id();
            self.inbox.push_back(Message {
                receiver: VIEWERS.into(),
                id,
                source: Source::Viewers,
                part: Part::Value,
                data: Data::Json(json),
                gap: false,
            });
            self.visit(running, reply_to).await?;
        }
        if let Some(Asked { caller, taken, .. }) = reply_to.next_asked() {
            let own = self.call.caller.replace(caller);
            let done = self.asked(running, taken, reply_to).await;
            self.call.caller = own;
            // The next viewer counts its own events.
            self.point.event = EventNumber::default();
            done?;
        }
        if reply_to.has_asked() {
            running.mailbox.viewers_ask();
        }
        ControlFlow::Continue(())
    }

    async fn asked<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        taken: Taken,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        match taken {
            Taken::Event { number, event } => {
                self.event(running, number, event, reply_to).await?;
            }
            Taken::Unhandled {
                first,
                last,
                count,
                why,
            } => {
                self.unhandled(running, (first, last), count, why, reply_to);
            }
        }
        ControlFlow::Continue(())
    }

    /// Commits the tree, and tells the pages of the change, unless changes come too fast: then they are
    /// gathered, and told as one.
    pub(super) fn share<R: ReplyTo>(
        &mut self,
        point: Point,
        rendered: Rendered,
        beside: Beside<'_>,
        cause: Cause,
        reply_to: &mut R,
    ) {
        let changes = !matches!(rendered, Rendered::AsBefore);
        if changes && self.sent_tree.is_none() && reply_to.holds(false) {
            self.sent_tree = Some(self.prev_tree.clone());
        }
        let message = match self.sent_tree {
            None => rendered.message(&self.prev_tree),
            Some(_) => None,
        };
        match cause {
            Cause::Event => reply_to.answer(
                point,
                message.unwrap_or_else(ServerMessage::nothing),
                beside,
            ),
            Cause::Messages(_) => reply_to.changed(point, message, beside),
        }
        self.commit_tree(rendered);
    }

    /// Makes the next call, as [`call`](Self::call) does. While the call runs, the pages get the changes that
    /// were committed before: a slow handler of one page must not keep these changes from the others.
    pub(super) async fn call_shared<D: Dispatcher, R: ReplyTo>(
        &mut self,
        running: &mut Running<D>,
        number: EventNumber,
        reply_to: &mut R,
    ) -> Option<Result<Outcome, CallError>> {
        self.prepare(number, None);
        let Self {
            call,
            sent_tree,
            prev_tree,
            point,
            ..
        } = self;
        let calling = running.call(call);
        tokio::pin!(calling);
        loop {
            tokio::select! {
                biased;
                result = &mut calling => return result,
                () = reply_to.beside(sent_tree.is_some()) => {}
            }
            if let Some(sent) = sent_tree.take() {
                say_since(prev_tree, &sent, |message| reply_to.merged(*point, message));
            }
            if reply_to.wants_tree() {
                reply_to.show(*point, prev_tree, Continuity::Unbroken);
            }
        }
    }

    /// Shows the whole tree, if somebody waits for it and nothing is held back.
    pub(super) fn show_shared<R: ReplyTo>(&mut self, reply_to: &mut R) {
        if self.sent_tree.is_none() && reply_to.wants_tree() {
            reply_to.show(self.point, &self.prev_tree, Continuity::Unbroken);
        }
    }
}
