//! A shared component: its viewers, and what they show.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep_until};

use super::crowd::Crowd;
use super::joined_and_left::JoinedAndLeft;
use super::numbers::Numbers;
use super::viewer::{From, Pages, Viewed, Viewer};
use super::{BUSY, Name, SharedComponents};
use crate::clock::unix_now;
use crate::dispatch::Caller;
use crate::ids::{ActorKey, EventNumber, Life, Point};
use crate::limits::Limits;
use crate::live_socket::{Asked, LateSocket, LiveSocket};
use crate::members::Leave;
use crate::ongoing::TopicNames;
use crate::protocol::extended::JoinFlags;
use crate::protocol::{Beside, Refusal};
use crate::sync::{Mutex, MutexGuard, lock};

/// To so many pages a change is sent by the actor itself; to more by a task, so many at a time.
const BATCH: usize = 64;
/// How long the keeper of a component sleeps if nothing is to come.
const LONG: Duration = Duration::from_secs(3600);

/// So many entries may stand among those who are away before the ones of pages that are back are taken out.
const LEAST_NOTED: usize = 16;

/// If the actor has not taken who has joined and left, it is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Why nobody can see the component: what the page is told, and what it can do.
pub(crate) type Failure = (String, Refusal);

struct State {
    viewers: HashMap<Arc<str>, Arc<Viewer>>,
    /// The same, by address.
    crowd: Crowd,
    /// The same, for the task that sends changes. Made anew when somebody has joined or left.
    list: Option<Arc<[Arc<Viewer>]>>,
    /// The viewers whose pages show the component now, and the epoch of the connection of each.
    here: HashMap<Arc<str>, u64>,
    /// The viewers whose pages are gone, and until when they may come back.
    away: HashMap<Arc<str>, Instant>,
    /// The same, in the order in which they went. Those that are back stay in it for a while: it is about twice as long
    /// as `away` at most.
    away_order: VecDeque<(Instant, Arc<str>)>,
    numbers: Numbers,
    /// Viewers that have asked for something, in the order of their turns.
    asked: VecDeque<Arc<Viewer>>,
    joined_and_left: JoinedAndLeft,
    /// The topics that the component is in, as it was committed.
    topics: Option<TopicNames>,
    /// How often viewers were dismissed.
    dismissals: u64,
    /// Pages that are joining, or being rendered.
    guests: usize,
    /// While no page shows the component, it lives until then.
    until: Instant,
    /// A task sends changes, and has to begin again when it is done.
    is_fanning: bool,
    fans_again: bool,
    /// The application closes: the component ends with its last page.
    closing: bool,
    ended: Option<Failure>,
}

/// One component that many pages show. The locks are `std` ones: that of the state is held for a look-up, that of
/// what is shown for what is sent to one page.
///
/// A viewer's lock is taken before those of its component, never after.
pub(crate) struct Component {
    pub(super) name: Name,
    /// The address that has started it, as addresses are counted.
    pub(super) starter: Arc<str>,
    registry: Weak<SharedComponents>,
    limits: Limits,
    socket: LateSocket,
    /// The task that asks `authorize` again, if the module has one. It ends with the component.
    asking: OnceLock<AbortHandle>,
    /// Set before the first page is let in.
    lives: OnceLock<Lives>,
    /// `Ok` when the component has rendered.
    started: watch::Sender<Option<Result<(), Failure>>>,
    /// Some page has spoken the classic dialect.
    has_classic: AtomicBool,
    /// The module has a receiver for those who join and leave.
    tells_viewers: bool,
    /// The bytes of props and tree, as they were last weighed. Changed under the lock of all components, which know the
    /// sum.
    pub(super) weight: AtomicUsize,
    shown: Mutex<Pages>,
    state: Mutex<State>,
    /// Wakes the keeper.
    changed: Arc<Notify>,
    /// Wakes the actor while a call is in flight, for those who wait for the tree.
    wanted: Notify,
}

/// The lives of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lives {
    /// The life that the state began in. It names the state, whatever process goes on with it.
    pub(super) since: Life,
    /// The life of the actor.
    pub(super) owner: Life,
}

/// What a page's ticket says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticketed {
    /// The lives of the component that had let the page in.
    pub(super) lives: Lives,
    /// When the ticket was made, in seconds since 1970.
    pub(super) issued_at: u64,
    /// The ticket is so new that a viewer whose number is not known has never had one, unless numbers had to make
    /// room since.
    pub(super) is_new: bool,
}

/// With what a page is let in.
pub(super) struct Admission {
    /// The connection's epoch.
    pub(super) epoch: u64,
    /// How often viewers of the component had been dismissed when `authorize` was asked about the page.
    pub(super) dismissals: u64,
    /// What the page's ticket says, if it has one.
    pub(super) ticket: Option<Ticketed>,
    /// What the page shows, if it shows that.
    pub(super) shown: Option<Point>,
    /// The last answer that the page has.
    pub(super) seen: EventNumber,
    /// What the page comes back with the next time.
    pub(super) new_ticket: Box<str>,
}

/// A page that joins or is being rendered: the component lives as long. Dropping it lets go.
pub(crate) struct Guest(pub(super) Arc<Component>);

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.guests -= 1;
        let until = Instant::now() + self.0.limits.mount_time;
        state.until = state.until.max(until);
        drop(state);
        self.0.changed.notify_one();
    }
}

impl Component {
    pub(super) fn new(
        name: Name,
        starter: Arc<str>,
        registry: &Arc<SharedComponents>,
        limits: &Limits,
        tells_viewers: bool,
        is_stored: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            starter,
            registry: Arc::downgrade(registry),
            limits: limits.clone(),
            socket: LateSocket::default(),
            asking: OnceLock::new(),
            lives: OnceLock::new(),
            started: watch::Sender::new(None),
            has_classic: AtomicBool::new(false),
            tells_viewers,
            weight: AtomicUsize::new(0),
            shown: Mutex::default(),
            state: Mutex::new(State {
                viewers: HashMap::new(),
                crowd: Crowd::default(),
                list: None,
                here: HashMap::new(),
                away: HashMap::new(),
                away_order: VecDeque::new(),
                numbers: Numbers::of_at_most(limits.viewers, is_stored),
                asked: VecDeque::new(),
                joined_and_left: JoinedAndLeft::default(),
                topics: None,
                dismissals: 0,
                guests: 0,
                until: Instant::now() + limits.mount_time,
                is_fanning: false,
                fans_again: false,
                closing: false,
                ended: None,
            }),
            changed: Arc::default(),
            wanted: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn has_classic(&self) -> bool {
        self.has_classic.load(Ordering::Relaxed)
    }

    /// Gives the component the task that asks `authorize` again. Before [`set_socket`](Self::set_socket), which looks
    /// whether the component has ended meanwhile.
    pub(super) fn set_asking(&self, asking: AbortHandle) {
        // It cannot fail: who makes the component calls this once.
        let _ = self.asking.set(asking);
    }

    /// Gives the component its actor, and has its viewers kept. The actor may have rendered before, and pages may have
    /// been let in.
    pub(super) fn set_socket(self: &Arc<Self>, socket: LiveSocket) {
        self.socket.set(socket);
        if self.has_ended() {
            // There may have been no task to end that asks `authorize` again.
            self.stop();
        }
        tokio::spawn(keep(Arc::downgrade(self)));
    }

    /// Keeps the component for a page; `None` if it has ended.
    pub(super) fn guest(self: &Arc<Self>) -> Option<Guest> {
        let mut state = self.lock();
        if state.ended.is_some() || state.closing {
            return None;
        }
        state.guests += 1;
        Some(Guest(self.clone()))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Notes what the component weighs.
    pub(super) fn weighed(self: &Arc<Self>, bytes: usize) {
        if let Some(registry) = self.registry.upgrade() {
            registry.weigh(self, bytes);
        }
    }

    /// The lives of the state and of the actor.
    pub(super) fn lives(&self) -> Lives {
        self.lives.get().copied().unwrap_or_default()
    }

    pub(super) fn set_lives(&self, lives: Lives) {
        // The actor calls this once, before it renders.
        let _ = self.lives.set(lives);
    }

    /// These viewers were here in an earlier life.
    pub(super) fn set_numbers(&self, numbers: Vec<(Arc<str>, EventNumber)>) {
        let until = Instant::now() + self.limits.event_age + self.limits.park_time;
        let mut state = self.lock();
        for (id, number) in numbers {
            // The store does not say whose they are.
            state.keep_number(&id, &Arc::default(), number, until);
        }
    }

    /// Takes the viewers whose numbers are to be forgotten.
    pub(super) fn take_dropped(&self) -> Vec<Arc<str>> {
        self.lock().numbers.take_dropped()
    }

    /// They were not forgotten.
    pub(super) fn keep_dropped(&self, dropped: Vec<Arc<str>>) {
        self.lock().numbers.keep_dropped(dropped);
    }

    /// Notes the topics that the component is in, by a step that began at `since`; `key` is its actor's. Gives those
    /// that it was taken out of meanwhile.
    pub(super) fn set_topics(
        self: &Arc<Self>,
        key: ActorKey,
        topics: Option<TopicNames>,
        since: u64,
    ) -> Vec<Leave> {
        let before = std::mem::replace(&mut self.lock().topics, topics.clone());
        let Some(registry) = self.registry.upgrade() else {
            return Vec::new();
        };
        let member = (key, &Arc::default(), self);
        let members = &registry.members;
        members.set(member, before.as_ref(), topics.as_ref(), since)
    }

    /// The topics that the component is in.
    pub(super) fn topics(&self) -> Option<TopicNames> {
        self.lock().topics.clone()
    }

    /// Has the actor leave a topic: see [`LiveSocket::leave`].
    pub(super) fn leave_topic(&self, topic: &Arc<str>) {
        let topic = topic.clone();
        self.socket.tell(move |socket| socket.leave(&topic, false));
    }

    /// How often viewers were dismissed. If this has risen since `authorize` was asked about a page that joins, the
    /// answer does not count.
    pub(super) fn dismissals(&self) -> u64 {
        self.lock().dismissals
    }

    /// Ends the viewers of this user and of this address; all if neither is given. Their pages join again. Gives
    /// whose pages they were.
    pub(super) fn dismiss(
        self: &Arc<Self>,
        bind: Option<&str>,
        address: Option<&str>,
    ) -> Vec<Arc<Caller>> {
        let mut state = self.lock();
        state.dismissals += 1;
        let all = state.list();
        drop(state);
        let meant = all.iter().filter(|viewer| viewer.is_of(bind, address));
        let ended = meant.filter(|viewer| {
            let ends = viewer.refuse(None, BUSY, &Refusal::Busy);
            if ends {
                self.is_left(viewer, None);
            }
            ends
        });
        ended.map(|viewer| viewer.caller()).collect()
    }

    /// The component has rendered: pages can be let in.
    pub(super) fn is_ready(&self) {
        self.started.send_if_modified(|started| {
            let is_first = started.is_none();
            started.get_or_insert(Ok(()));
            is_first
        });
    }

    /// Whether the component has rendered, so that its topics are known.
    pub(super) fn has_started(&self) -> bool {
        self.started.borrow().is_some()
    }

    /// Resolves when the component has rendered, or will not.
    pub(super) async fn wait_until_ready(&self) -> Result<(), Failure> {
        let mut started = self.started.subscribe();
        match started.wait_for(Option::is_some).await {
            Ok(started) => started.clone().unwrap_or(Ok(())),
            // The sender is this component's.
            Err(_) => Err((BUSY.to_owned(), Refusal::Busy)),
        }
    }

    /// The viewer of that name that is known here.
    pub(super) fn viewer(&self, id: &str) -> Option<Arc<Viewer>> {
        self.lock().viewers.get(id).cloned()
    }

    /// Lets a page in. False if it has to be asked about again.
    pub(super) fn let_in(
        self: &Arc<Self>,
        viewer: &Arc<Viewer>,
        admission: Admission,
    ) -> Result<bool, Failure> {
        let Admission {
            epoch,
            dismissals,
            ticket,
            shown,
            seen,
            new_ticket,
        } = admission;
        let busy = || (BUSY.to_owned(), Refusal::Busy);
        let id = &viewer.id;
        let bind = viewer.caller().bind.clone();
        if viewer.is_classic() {
            self.has_classic.store(true, Ordering::Relaxed);
        }
        let mut state = self.lock();
        if let Some(failure) = &state.ended {
            return Err(failure.clone());
        }
        // Under the lock under which viewers are dismissed: who is not asked about again is found there.
        if state.dismissals != dismissals {
            return Ok(false);
        }
        let known = state.viewers.get(id).cloned();
        let is_known = known.as_ref().is_some_and(|one| Arc::ptr_eq(one, viewer));
        if is_known && state.here.get(id).is_some_and(|later| *later > epoch) {
            // The page has come with another connection meanwhile, on which it was let in.
            return Ok(true);
        }
        if known.is_none() && state.viewers.len() >= self.limits.viewers {
            let other = state.gives_way(&viewer.counted).ok_or_else(busy)?;
            drop(state);
            if !other.refuse(Some(other.epoch()), BUSY, &Refusal::Busy) {
                other.end(None);
            }
            self.is_left(&other, None);
            state = self.lock();
            if state.viewers.len() >= self.limits.viewers {
                return Err(busy());
            }
        }
        let made_room_at = state.numbers.made_room_at(&viewer.holder);
        let number = match &known {
            Some(_) => None,
            None => state.numbers.take(id),
        };
        if known.is_none() && self.tells_viewers {
            state.joined_and_left.joined(id, &bind);
        }
        if let Some(other) = &known {
            state.crowd.remove(&other.counted, id);
        }
        state.crowd.add(&viewer.counted, id);
        state.viewers.insert(id.clone(), viewer.clone());
        let is_first = state.here.is_empty();
        state.here.insert(id.clone(), epoch);
        state.away.remove(id);
        state.list = None;
        drop(state);
        if is_first {
            self.is_there_or_not();
        }
        let number = number.or_else(|| {
            // Another connection of the same page was quicker.
            let other = known.filter(|_| !is_known)?;
            other.end(None);
            Some(other.handled())
        });
        let lives = self.lives();
        let is_same = ticket.is_some_and(|ticket| ticket.lives.since == lives.since);
        // Revisions count within a life: at the same one, the next process may have rendered something else.
        let shown = shown.filter(|_| ticket.is_some_and(|ticket| ticket.lives == lives));
        let is_new_ticket =
            ticket.is_some_and(|ticket| ticket.is_new && ticket.issued_at > made_room_at);
        let flags = JoinFlags {
            anew: ticket.is_some() && !is_same,
            shared: true,
            lost: is_same && !is_known && number.is_none() && !is_new_ticket,
            ..JoinFlags::default()
        };
        if !is_known {
            viewer.begin(number.unwrap_or_default());
        }
        let (reaches, newest) = {
            let ring = &self.shown().ring;
            let reaches = |point: Point| ring.reaches(point.revision);
            (shown.is_some_and(reaches), ring.newest())
        };
        let goes_on = is_same && !flags.lost;
        let from = match shown {
            Some(point) if goes_on && reaches => From::Shown(point),
            _ => From::Tree(flags),
        };
        let seen = if goes_on {
            seen
        } else {
            EventNumber::default()
        };
        let pushed = shown.filter(|_| goes_on && reaches);
        viewer.was_pushed(pushed.map_or(newest, |point| point.revision));
        if !viewer.let_in(&**self, epoch, from, seen, new_ticket) {
            self.is_left(viewer, (!viewer.is_over()).then_some(epoch));
            return Ok(true);
        }
        if self.tells_viewers && !is_known {
            self.changed.notify_one();
        }
        // It may have ended meanwhile, and then this viewer was not told.
        let ended = self.lock().ended.clone();
        ended.map_or(Ok(true), Err)
    }

    /// The first page shows the component, or none does any more: the actor looks, because of presence.
    fn is_there_or_not(&self) {
        self.socket.tell(LiveSocket::viewers_ask);
    }

    /// Resolves when somebody waits for the tree, or has waited for it since this was called last.
    pub(super) async fn tree_is_wanted(&self) {
        self.wanted.notified().await;
    }

    /// Whether a page shows the component.
    pub(super) fn is_there(&self) -> bool {
        !self.lock().here.is_empty()
    }

    /// How many entries the list of those who are away has.
    #[cfg(test)]
    pub(super) fn noted_away(&self) -> usize {
        self.lock().away_order.len()
    }

    /// A viewer is gone. Its number is kept for as long as its events may still come.
    fn forget(
        &self,
        state: &mut State,
        viewer: &Viewer,
        bind: &Arc<str>,
        handled: EventNumber,
        now: Instant,
    ) {
        let id = &viewer.id;
        state.viewers.remove(id);
        state.crowd.remove(&viewer.counted, id);
        state.here.remove(id);
        state.away.remove(id);
        state.list = None;
        if self.tells_viewers {
            state.joined_and_left.left(id, bind);
        }
        if handled > EventNumber::default() {
            let until = now + self.limits.event_age + self.limits.park_time;
            state.keep_number(id, &viewer.holder, handled, until);
        }
    }

    /// An event of a viewer is committed that had ended meanwhile. The next viewer of the same page says so, and does
    /// not take the event again; if there is none so far, it finds the number. Gives the viewer that has to say it.
    pub(super) fn is_late(
        &self,
        viewer: &Arc<Viewer>,
        point: Point,
        beside: Beside<'_>,
    ) -> Option<Arc<Viewer>> {
        let mut last = viewer.clone();
        loop {
            let mut state = self.lock();
            let next = state.viewers.get(&viewer.id).cloned();
            let Some(next) = next.filter(|next| !Arc::ptr_eq(next, &last)) else {
                let until = Instant::now() + self.limits.event_age + self.limits.park_time;
                state.keep_number(&viewer.id, &viewer.holder, point.event, until);
                drop(state);
                self.changed.notify_one();
                return None;
            };
            drop(state);
            if next.applied(point, beside) {
                return Some(next);
            }
            last = next;
        }
    }

    /// What the viewer has asked for whose turn it is, and the viewer.
    pub(super) fn next_asked(&self) -> Option<(Arc<Viewer>, Asked)> {
        loop {
            let viewer = self.lock().asked.pop_front()?;
            let (taken, has_more) = viewer.next_taken();
            if has_more {
                self.lock().asked.push_back(viewer.clone());
            }
            // A viewer that has ended has nothing.
            if let Some(taken) = taken {
                let caller = viewer.caller();
                return Some((viewer, Asked { caller, taken }));
            }
        }
    }

    pub(super) fn has_asked(&self) -> bool {
        !self.lock().asked.is_empty()
    }

    /// Who has joined and left, for the receiver.
    pub(super) fn joined_and_left(&self) -> Option<Arc<str>> {
        if !self.tells_viewers {
            return None;
        }
        let told = self.lock().joined_and_left.take(Instant::now());
        // Others may wait for the next time.
        self.changed.notify_one();
        told
    }

    /// Sends all pages what they have not been sent: to a few of them now, to many by a task, in turn with others.
    pub(super) fn fan_out(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.viewers.len() > BATCH {
            if std::mem::replace(&mut state.is_fanning, true) {
                state.fans_again = true;
                return;
            }
            drop(state);
            tokio::spawn(fan(self.clone()));
            return;
        }
        let list = state.list();
        drop(state);
        for viewer in &*list {
            viewer.deliver(&**self);
        }
    }

    /// All that wait for an answer, or whose pages show the component.
    pub(crate) fn all_viewers(&self) -> Arc<[Arc<Viewer>]> {
        self.lock().list()
    }

    /// The application closes: the component ends when its last page has gone.
    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.closing = true;
        let ends = state.here.is_empty();
        drop(state);
        if ends {
            self.finish();
        }
    }

    fn finish(&self) {
        self.socket.tell(LiveSocket::finish);
    }

    /// Ends the actor now, and whatever works for it.
    pub(super) fn stop(&self) {
        if let Some(asking) = self.asking.get() {
            asking.abort();
        }
        self.socket.tell(LiveSocket::stop);
    }

    /// Nobody sees the component any more: its pages are told, and come back to another, or do not.
    pub(super) fn end(self: &Arc<Self>, text: &str, refusal: &Refusal) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let failure = (text.to_owned(), refusal.clone());
        state.ended = Some(failure.clone());
        let viewers = std::mem::take(&mut state.viewers);
        state.crowd = Crowd::default();
        state.here.clear();
        state.away.clear();
        state.away_order.clear();
        state.asked.clear();
        state.list = None;
        drop(state);
        if let Some(registry) = self.registry.upgrade() {
            registry.remove(self);
        }
        self.started.send_if_modified(|started| {
            let is_first = started.is_none();
            started.get_or_insert(Err(failure));
            is_first
        });
        for viewer in viewers.into_values() {
            viewer.refuse(None, text, refusal);
        }
        self.shown().end();
        self.stop();
        self.changed.notify_one();
    }

    /// Ends what has waited long enough. Gives the time to look again; `None` if the component has ended.
    pub(super) fn sweep(self: &Arc<Self>) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let mut state = self.lock();
            if state.ended.is_some() {
                return None;
            }
            let Some((until, id)) = state.away_order.front().cloned() else {
                break;
            };
            // If not, it is back, or has gone again since.
            let is_away = state.away.get(&id) == Some(&until);
            if until > now && is_away {
                break;
            }
            state.away_order.pop_front();
            let viewer = state.viewers.get(&id).filter(|_| is_away).cloned();
            drop(state);
            // If it is back and waits for `authorize`, whatever comes of that counts.
            if let Some(viewer) = viewer.filter(|viewer| viewer.end_if_away()) {
                self.is_left(&viewer, None);
            }
        }
        let mut state = self.lock();
        state.numbers.expire(now);
        let due = state.joined_and_left.due(now);
        let is_idle = state.here.is_empty() && state.guests == 0;
        let ends = is_idle && state.until <= now;
        let times = [
            state.away_order.front().map(|(until, _)| *until),
            state.numbers.next(),
            // The actor may not take it now.
            due.map(|due| if due > now { due } else { now + AGAIN }),
            is_idle.then_some(state.until),
        ];
        drop(state);
        if ends {
            self.end(BUSY, &Refusal::Busy);
            return None;
        }
        if due.is_some_and(|due| due <= now) {
            self.socket.tell(LiveSocket::viewers_ask);
        }
        Some(times.into_iter().flatten().min().unwrap_or(now + LONG))
    }
}

impl Viewed for Component {
    fn hidden_pause(&self) -> Duration {
        self.limits.hidden_patch_time
    }

    fn shown(&self) -> MutexGuard<'_, Pages> {
        lock(&self.shown)
    }

    fn ask_tree(&self) {
        self.socket.tell(LiveSocket::show);
        self.wanted.notify_one();
    }

    fn asks(&self, viewer: Arc<Viewer>) {
        self.lock().asked.push_back(viewer);
        self.socket.tell(LiveSocket::viewers_ask);
    }

    fn is_left(&self, viewer: &Arc<Viewer>, gone: Option<u64>) {
        let now = Instant::now();
        let id = &viewer.id;
        let bind = viewer.caller().bind.clone();
        let handled = viewer.handled();
        let mut state = self.lock();
        let was_there = !state.here.is_empty();
        let is_listed = state
            .viewers
            .get(id)
            .is_some_and(|one| Arc::ptr_eq(one, viewer));
        let shown = state.here.get(id).copied();
        // The page may have been let in on a later connection than the one that is gone, but if only on an earlier one,
        // that has lost the page already.
        let is_meant = shown.is_none_or(|shown| gone.is_none_or(|gone| gone >= shown));
        if is_listed && is_meant {
            let was_here = state.here.remove(id).is_some();
            if gone.is_some() {
                state.goes_away(id, now + self.limits.park_time);
            } else {
                self.forget(&mut state, viewer, &bind, handled, now);
            }
            if was_here && state.here.is_empty() {
                state.until = state.until.max(now + self.limits.park_time);
            }
        }
        let ends = state.closing && state.here.is_empty() && state.ended.is_none();
        let is_last = was_there && state.here.is_empty();
        drop(state);
        self.changed.notify_one();
        if is_last {
            self.is_there_or_not();
        }
        if ends {
            self.finish();
        }
    }
}

impl State {
    /// The viewer's page has gone, and may come back until then.
    fn goes_away(&mut self, id: &Arc<str>, until: Instant) {
        self.away.insert(id.clone(), until);
        self.away_order.push_back((until, id.clone()));
        // A page that comes and goes all the time stands in it once for each time. Each entry is looked at a constant
        // number of times.
        if self.away_order.len() > 2 * self.away.len() + LEAST_NOTED {
            let away = &self.away;
            self.away_order
                .retain(|(until, id)| away.get(id) == Some(until));
        }
    }

    /// Who gives way to one more page of this address, if there are too many: the viewer that has been away for
    /// longest; or one of the address that has most, if that has more than this one.
    fn gives_way(&mut self, address: &str) -> Option<Arc<Viewer>> {
        while let Some((until, id)) = self.away_order.front() {
            if self.away.get(id) == Some(until) {
                return self.viewers.get(id).cloned();
            }
            // It is back, or has gone again since.
            self.away_order.pop_front();
        }
        let id = self.crowd.gives_way(address)?;
        self.viewers.get(id).cloned()
    }

    /// Keeps the number of a viewer that is gone.
    fn keep_number(
        &mut self,
        id: &Arc<str>,
        holder: &Arc<str>,
        number: EventNumber,
        until: Instant,
    ) {
        self.numbers.add(id, holder, number, until, unix_now());
    }

    fn list(&mut self) -> Arc<[Arc<Viewer>]> {
        let viewers = &self.viewers;
        let list = self
            .list
            .get_or_insert_with(|| viewers.values().cloned().collect());
        list.clone()
    }
}

/// Sends all pages what they have not been sent, some at a time.
async fn fan(component: Arc<Component>) {
    loop {
        let list = component.lock().list();
        for batch in list.chunks(BATCH) {
            for viewer in batch {
                viewer.deliver(&*component);
            }
            tokio::task::yield_now().await;
        }
        let mut state = component.lock();
        if !std::mem::take(&mut state.fans_again) {
            state.is_fanning = false;
            return;
        }
    }
}

/// Ends what has waited long enough, until the component has ended.
async fn keep(component: Weak<Component>) {
    loop {
        let Some(strong) = component.upgrade() else {
            return;
        };
        let Some(next) = strong.sweep() else {
            return;
        };
        let changed = strong.changed.clone();
        drop(strong);
        tokio::select! {
            () = changed.notified() => {}
            () = sleep_until(next) => {}
        }
    }
}
