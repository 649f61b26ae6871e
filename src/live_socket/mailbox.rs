//! An actor's mailbox. It is bounded, and every event that enters gets an answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{SendError, Snapshot, Waits};
use crate::budget::Budget;
use crate::dispatch::Tasks;
use crate::effects::TaskId;
use crate::given::Given;
use crate::held_time::Waiting;
use crate::ids::EventNumber;
use crate::living::Again;
use crate::message::Part;
use crate::protocol::ClientEvent;
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, lock, wake};
use crate::topics::Sink;

/// Why an event is not handled, and answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unhandled {
    /// Too many events wait already.
    Full,
    /// More events come than a connection or an address may send.
    Flood,
    /// The event was made too long ago.
    Expired,
    /// A name in the event is too long.
    Long,
}

/// One thing that waits in a mailbox.
pub(super) enum Item {
    Event {
        number: EventNumber,
        event: ClientEvent,
    },
    /// `count` events in a row that will not be handled, numbered from `first` to `last`, maybe with gaps.
    /// One item for all of them, so that their errors come in their turn and in constant space. While there
    /// is room, events with different reasons are different items.
    Unhandled {
        count: u64,
        first: EventNumber,
        last: EventNumber,
        why: Unhandled,
    },
    State(oneshot::Sender<Snapshot>),
    /// A test asks for the props, as JSON.
    Props(oneshot::Sender<String>),
    /// Show the whole tree again.
    Show,
    /// The page is back, with another id and request. With `waits`, it has to wait before it is let in.
    Resume {
        id: Arc<str>,
        request: Option<Arc<str>>,
        waits: Option<Waits>,
    },
    /// A value of a task. A task has one on its way at most.
    Value {
        task: TaskId,
        part: Part,
        json: Option<Arc<str>>,
    },
    /// Messages wait: topics have something new, or a visit has left some. There is one such item at most.
    Topics,
    /// The application has taken the component out of this topic; or, with `ends`, the component is to end if it
    /// is in the topic. Of a shared component its viewers end.
    Leave {
        topic: Arc<str>,
        ends: bool,
    },
    /// The parent of a nested component gives this now. There is one such item at most.
    Given(Given),
    /// Another process waits for the component: the actor hands it over, and ends.
    HandOver,
    /// Have `authorize` asked about the page soon.
    Doubt,
    /// Viewers of a shared component have asked for something. There is one such item at most.
    Viewers,
    /// Report the memory of props and tree.
    Weigh,
    /// Development has the component render again; with props, which are JSON, it goes on with these.
    Again(Option<Arc<str>>),
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Event { event, .. } => event.size(),
            Self::Value { json, .. } | Self::Again(json) => json.as_deref().map_or(0, str::len),
            Self::Given(given) => given.props().len(),
            _ => 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The events that wait are still handled; no further ones are taken.
    Finishing,
    Stopped,
}

struct State {
    items: VecDeque<Item>,
    /// Bytes of the texts of the events among `items`.
    bytes: usize,
    /// Topics that have something new, by their numbers: as many as there are subscriptions at most.
    told: Vec<u32>,
    /// The highest number of all events that came in. Events up to this number are not taken again.
    received: EventNumber,
    phase: Phase,
    /// Wakes the actor, the only receiver. Set while the actor waits.
    receiver: Option<Waker>,
    /// Set while the actor waits only for the end, because a call is in flight. New items do not wake it
    /// then.
    busy: bool,
}

impl State {
    /// How many items say that a topic is to be left. They stand before everything else.
    fn leaves(&self) -> usize {
        let is_leave = |item: &&Item| matches!(item, Item::Leave { .. });
        self.items.iter().take_while(is_leave).count()
    }

    /// The waker of the receiver, if the receiver waits for such a change.
    fn receiver(&mut self) -> Option<Waker> {
        let ended = self.phase == Phase::Stopped;
        if self.busy && !ended {
            return None;
        }
        self.receiver.take()
    }

    fn wait(&mut self, context: &Context<'_>, busy: bool) {
        self.busy = busy;
        match &self.receiver {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => self.receiver = Some(context.waker().clone()),
        }
    }
}

/// How much a mailbox takes: so many items, and events of so many bytes in all. In an empty mailbox every
/// event fits.
#[derive(Clone, Copy)]
pub(super) struct Capacity {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// Many senders, one receiver. An empty mailbox keeps memory for one item at most. The lock is a `std` one,
/// held for one push or pop.
///
/// Architecture invariant: events are taken in their order, each once, and the receiver that waits is
/// always woken. `src/models.rs` watches it (`a_mailbox_loses_no_event_and_no_wake`).
pub struct Mailbox {
    state: Mutex<State>,
    /// Set when the phase becomes [`Phase::Stopped`]. Before the callee gets a call of this actor, the
    /// dispatcher looks here.
    pub(super) ended: AtomicBool,
    capacity: Capacity,
    stats: Arc<Stats>,
    budget: Arc<Budget>,
}

impl Mailbox {
    pub(super) fn new(
        capacity: Capacity,
        received: EventNumber,
        stats: Arc<Stats>,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                told: Vec::new(),
                bytes: 0,
                received,
                phase: Phase::Open,
                receiver: None,
                busy: false,
            }),
            ended: AtomicBool::new(false),
            capacity,
            stats,
            budget,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn push(&self, mut state: MutexGuard<'_, State>, item: Item) {
        if let Item::Event { .. } = item {
            self.stats.queued_events.up();
        }
        let bytes = item.size();
        state.bytes += bytes;
        self.budget.take(bytes + size_of::<Item>());
        state.items.push_back(item);
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    /// Takes an event in; true if it is taken. If its number is not higher than all before, the event has been
    /// here and is not taken again. An event without a number gets the next one.
    pub(super) fn event(
        &self,
        number: Option<EventNumber>,
        event: Result<ClientEvent, Unhandled>,
    ) -> Result<bool, SendError> {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return Err(SendError::Stopped);
        }
        let number = number.unwrap_or(state.received.next());
        if number <= state.received {
            return Ok(false);
        }
        state.received = number;
        let event = event.and_then(|event| {
            let full = state.items.len() >= self.capacity.items.max(1)
                || state.bytes + event.size() > self.capacity.bytes;
            if full && !state.items.is_empty() {
                return Err(Unhandled::Full);
            }
            Ok(event)
        });
        // There may be as many groups of refused events as events. If the mailbox is full of items, all
        // further refused events join one group, whatever their reasons.
        let merges = state.items.len() >= self.capacity.items;
        let item = match (event, state.items.back_mut()) {
            (Ok(event), _) => Item::Event { number, event },
            (
                Err(reason),
                Some(Item::Unhandled {
                    count, last, why, ..
                }),
            ) if merges || *why == reason => {
                *count += 1;
                *last = number;
                if *why != reason {
                    // `Full` is true of all events in the group.
                    *why = Unhandled::Full;
                }
                return Ok(true);
            }
            (Err(why), _) => Item::Unhandled {
                count: 1,
                first: number,
                last: number,
                why,
            },
        };
        self.push(state, item);
        Ok(true)
    }

    /// Drops the events that wait, and takes them and all others again.
    pub(super) fn restart(&self) {
        let mut state = self.lock();
        let bytes: usize = state.items.iter().map(Item::size).sum();
        let events = state.items.iter();
        let events = events.filter(|item| matches!(item, Item::Event { .. }));
        self.stats.queued_events.down(events.count());
        self.budget
            .give(bytes + state.items.len() * size_of::<Item>());
        state.bytes -= bytes;
        state.items = VecDeque::new();
        state.received = EventNumber::default();
    }

    /// From here on events up to `number` are not taken.
    pub(super) fn received(&self, number: EventNumber) {
        let mut state = self.lock();
        state.received = state.received.max(number);
    }

    /// Adds a question: for the state, which only the application asks, so that it bounds the number; or
    /// for the memory, or for `authorize`. Of these two a second question is left out while the first one waits, because a
    /// page that comes and goes asks each time.
    pub(super) fn ask(&self, item: Item) -> Result<(), SendError> {
        let state = self.lock();
        if state.phase != Phase::Open {
            return Err(SendError::Stopped);
        }
        let is_alike = |one: &Item| match item {
            Item::Weigh => matches!(one, Item::Weigh),
            Item::Doubt => matches!(one, Item::Doubt),
            Item::Again(None) => matches!(one, Item::Again(None)),
            _ => false,
        };
        if state.items.iter().any(is_alike) {
            return Ok(());
        }
        self.push(state, item);
        Ok(())
    }

    /// Whether events wait, which are going to be answered.
    pub(super) fn has_events(&self) -> bool {
        let is_event = |item: &Item| matches!(item, Item::Event { .. } | Item::Unhandled { .. });
        self.lock().items.iter().any(is_event)
    }

    /// Has the actor handle messages, after all that waits.
    pub(super) fn remind(&self) {
        let state = self.lock();
        let is_topics = |item: &Item| matches!(item, Item::Topics);
        if state.phase == Phase::Open && !state.items.iter().any(is_topics) {
            self.push(state, Item::Topics);
        }
    }

    /// Has the actor handle the events that viewers have sent, after all else that waits; also while the
    /// actor finishes.
    pub(super) fn viewers_ask(&self) {
        let state = self.lock();
        let asks = |item: &Item| matches!(item, Item::Viewers);
        if state.phase != Phase::Stopped && !state.items.iter().any(asks) {
            self.push(state, Item::Viewers);
        }
    }

    /// Has the actor take the props that its parent gives now. Props that the parent gave before and that
    /// still wait are out of date, and are dropped.
    pub(super) fn give(&self, given: Given) {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return;
        }
        let is_given = |item: &Item| matches!(item, Item::Given(_));
        if let Some(place) = state.items.iter().position(is_given)
            && let Some(older) = state.items.remove(place)
        {
            let bytes = older.size();
            state.bytes -= bytes;
            self.budget.give(bytes + size_of::<Item>());
        }
        self.push(state, Item::Given(given));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// The topics that have something new, by their numbers.
    pub(super) fn told(&self) -> Vec<u32> {
        std::mem::take(&mut self.lock().told)
    }

    /// Takes the values of tasks that are next.
    pub(super) fn values(&self) -> Vec<(TaskId, Part, Option<Arc<str>>)> {
        let mut state = self.lock();
        let mut values = Vec::new();
        while let Some(Item::Value { .. }) = state.items.front()
            && let Some(item) = state.items.pop_front()
        {
            let bytes = item.size();
            state.bytes -= bytes;
            self.budget.give(bytes + size_of::<Item>());
            if let Item::Value { task, part, json } = item {
                values.push((task, part, json));
            }
        }
        values
    }

    /// Puts an item before all events that wait, and behind the topics that are to be left: a page that comes
    /// back must not see news of a topic that was taken away. `Show` items in front are dropped, because this
    /// one is newer; if the page is back once more, an older `Resume` is dropped, too.
    pub(super) fn first(&self, item: Item) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        let is_back = matches!(item, Item::Resume { .. });
        let leaves = state.leaves();
        // Dropped after the lock was released, because dropping a place may give another page its turn.
        let mut needless = Vec::new();
        while matches!(state.items.get(leaves), Some(Item::Show))
            || (is_back && matches!(state.items.get(leaves), Some(Item::Resume { .. })))
        {
            needless.extend(state.items.remove(leaves));
        }
        let older = |item: &Item| is_back && matches!(item, Item::Resume { .. });
        if let Some(place) = state.items.iter().position(older) {
            needless.extend(state.items.remove(place));
        }
        self.budget.take(size_of::<Item>());
        self.budget.give(needless.len() * size_of::<Item>());
        state.items.insert(leaves, item);
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    /// Has the actor leave a topic, before all that waits. Called for topics that the component is in as it is
    /// committed, so that no more of these wait than it may be in.
    pub(super) fn leave(&self, topic: &Arc<str>, ends: bool) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        let is_said = state.items.iter().any(|item| {
            matches!(item, Item::Leave { topic: known, ends: known_ends }
                if known == topic && *known_ends == ends)
        });
        if is_said {
            return;
        }
        self.budget.take(size_of::<Item>());
        let topic = topic.clone();
        state.items.push_front(Item::Leave { topic, ends });
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    /// Takes the next topic that is to be left, and whether the component ends if it is in it.
    pub(super) fn next_leave(&self) -> Option<(Arc<str>, bool)> {
        let mut state = self.lock();
        if state.leaves() == 0 {
            return None;
        }
        match state.items.pop_front() {
            Some(Item::Leave { topic, ends }) => {
                self.budget.give(size_of::<Item>());
                Some((topic, ends))
            }
            _ => None,
        }
    }

    /// The next item; `None` if the actor is to end. The receiver waits either here or in
    /// [`poll_stopped`](Self::poll_stopped).
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Item>> {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return Poll::Ready(None);
        }
        if let Some(item) = state.items.pop_front() {
            let bytes = item.size();
            state.bytes -= bytes;
            self.budget.give(bytes + size_of::<Item>());
            if let Item::Event { .. } = item {
                self.stats.queued_events.down(1);
            }
            if state.items.is_empty() {
                state.items.shrink_to(1);
            }
            return Poll::Ready(Some(item));
        }
        if state.phase == Phase::Finishing {
            return Poll::Ready(None);
        }
        state.wait(context, false);
        Poll::Pending
    }

    /// Resolves when the actor is to end at once.
    pub(super) fn poll_stopped(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return Poll::Ready(());
        }
        state.wait(context, true);
        Poll::Pending
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Bytes of all that waits.
    pub(super) fn bytes(&self) -> usize {
        let state = self.lock();
        state.bytes + state.items.len() * size_of::<Item>()
    }

    /// Whether the actor has ended, or is about to.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().phase == Phase::Stopped
    }

    pub(super) fn finish(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Finishing;
        }
        let receiver = state.receiver();
        drop(state);
        wake(receiver);
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        self.ended.store(true, Ordering::SeqCst);
        // Items are dropped after the lock was released, because dropping wakes the receiver of a snapshot.
        let dropped = std::mem::take(&mut state.items);
        let bytes = std::mem::take(&mut state.bytes);
        self.budget.give(bytes + dropped.len() * size_of::<Item>());
        let receiver = state.receiver();
        drop(state);
        let events = dropped
            .iter()
            .filter(|item| matches!(item, Item::Event { .. }));
        self.stats.queued_events.down(events.count());
        drop(dropped);
        wake(receiver);
    }
}

impl Tasks for Mailbox {
    fn value(&self, task: TaskId, part: Part, json: Option<Arc<str>>) {
        // An actor that has ended has no tasks any more.
        let _ = self.ask(Item::Value { task, part, json });
    }
}

impl Waiting for Mailbox {
    fn is_idle(&self) -> bool {
        let state = self.lock();
        let waits = state.receiver.is_some() && !state.busy;
        state.phase == Phase::Stopped || (waits && state.items.is_empty())
    }

    fn remind(&self) {
        Mailbox::remind(self);
    }

    fn props(&self) -> Option<oneshot::Receiver<String>> {
        let (sender, receiver) = oneshot::channel();
        self.ask(Item::Props(sender)).ok()?;
        Some(receiver)
    }
}

impl Again for Mailbox {
    fn again(&self, props: Option<Arc<str>>) {
        // An actor that has ended shows nothing.
        let _ = self.ask(Item::Again(props));
    }
}

impl Sink for Mailbox {
    fn wake(&self, subscription: u32) {
        let mut state = self.lock();
        if !state.told.contains(&subscription) {
            state.told.push(subscription);
        }
        drop(state);
        self.remind();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn mailbox() -> Mailbox {
        let capacity = Capacity {
            items: 10,
            bytes: 1000,
        };
        let budget = Arc::new(Budget::new(1_000_000));
        Mailbox::new(capacity, EventNumber(0), Arc::default(), budget)
    }

    fn names(mailbox: &Mailbox) -> Vec<String> {
        let context = Context::from_waker(Waker::noop());
        let mut names = Vec::new();
        while let Poll::Ready(Some(item)) = mailbox.poll_next(&context) {
            names.push(match item {
                Item::Leave { topic, ends } => format!("leave {topic} {ends}"),
                Item::Resume { id, .. } => format!("resume {id}"),
                Item::Show => "show".to_owned(),
                Item::Topics => "topics".to_owned(),
                _ => "other".to_owned(),
            });
        }
        names
    }

    fn resume(id: &str) -> Item {
        Item::Resume {
            id: id.into(),
            request: None,
            waits: None,
        }
    }

    #[test]
    fn a_topic_is_left_before_all_that_waits_and_an_older_page_never_takes_the_place_of_a_newer_one()
     {
        let mailbox = mailbox();
        mailbox.first(resume("a"));
        mailbox.remind();
        let room: Arc<str> = "room".into();
        mailbox.leave(&room, false);
        mailbox.leave(&room, false);
        mailbox.leave(&room, true);
        mailbox.first(Item::Show);
        mailbox.first(resume("b"));
        mailbox.leave(&"hall".into(), false);
        let leaves = ["leave hall false", "leave room true", "leave room false"];
        let expected = [&leaves[..], &["resume b", "topics"]].concat();
        assert_eq!(names(&mailbox), expected);
    }

    #[test]
    fn topics_that_are_left_can_be_taken_before_the_rest() {
        let mailbox = mailbox();
        mailbox.remind();
        assert_eq!(mailbox.next_leave(), None);
        mailbox.leave(&"room".into(), true);
        assert_eq!(mailbox.next_leave(), Some(("room".into(), true)));
        assert_eq!(mailbox.next_leave(), None);
        assert_eq!(names(&mailbox), ["topics"]);
    }
}
