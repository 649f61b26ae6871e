//! A shared component: its parts, its actor, and how long it lives. In `coming.rs` viewers come and go;
//! `sending.rs` sends changes to the pages.

mod coming;
mod sending;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep_until};

use super::across::{Following, Host};
use super::crowd::Crowd;
use super::failures::HaveFailed;
use super::joined_and_left::JoinedAndLeft;
use super::numbers::Numbers;
use super::rounds::Rounds;
use super::viewer::{Pages, Viewed, Viewer};
use super::{BUSY, Name, SharedComponents};
use crate::ids::{ActorKey, EventNumber, Life};
use crate::limits::Limits;
use crate::live_socket::{LateSocket, LiveSocket};
use crate::members::Leave;
use crate::ongoing::TopicNames;
use crate::protocol::Refusal;
use crate::sync::{Mutex, MutexGuard, lock};
pub(super) use coming::{Admission, Elsewhere, LetInElsewhere, Ticketed};
#[cfg(all(test, not(shuttle)))]
pub(super) use sending::PANIC;

/// How long the keeper of a component sleeps if nothing is to come.
const LONG: Duration = Duration::from_secs(3600);

/// If the actor has not taken the people who have joined and left, it is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Why the component cannot be shown: the text for the page, and what the page can do.
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
    /// The same, in the order in which they went. Viewers that are back stay in it for a while: it is about
    /// twice as long as `away` at most.
    away_order: VecDeque<(Instant, Arc<str>)>,
    numbers: Numbers,
    have_failed: HaveFailed,
    /// Viewers that have asked for something, each once.
    asked: Rounds<Arc<Viewer>>,
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
    /// Pages that are gone, the epochs of their connections as the owner counts them, and whether they may
    /// come back. The owner, if it is another process, has not been told of them so far.
    gone: Vec<(Arc<str>, u64, bool)>,
    /// The application closes: the component ends with its last page.
    closing: bool,
    ended: Option<Failure>,
}

/// One component that many pages show. The locks are `std` ones: the lock of the state is held for a look-up,
/// the lock of `shown` while one page is sent its changes.
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
    /// The module has a receiver for people who join and leave.
    tells_viewers: bool,
    /// The bytes of props and tree, as they were last weighed. Changed under the lock of all components, which know the
    /// sum.
    pub(super) weight: AtomicUsize,
    shown: Mutex<Pages>,
    state: Mutex<State>,
    /// Wakes the keeper.
    changed: Arc<Notify>,
    /// Wakes the actor while a call is in flight, for pages that wait for the tree; or wakes the task that
    /// follows the owner.
    wanted: Notify,
    /// The other processes that follow the component, if there is a backplane and this process owns it.
    host: OnceLock<Arc<Host>>,
    /// Follows the owner, if the owner is another process.
    following: OnceLock<Arc<Following>>,
}

/// The lives of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lives {
    /// The life that the state began in. It names the state, whatever process goes on with it.
    pub(super) since: Life,
    /// The life of the actor.
    pub(super) owner: Life,
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
                have_failed: HaveFailed::default(),
                asked: Rounds::default(),
                joined_and_left: JoinedAndLeft::default(),
                topics: None,
                dismissals: 0,
                guests: 0,
                until: Instant::now() + limits.mount_time,
                is_fanning: false,
                fans_again: false,
                gone: Vec::new(),
                closing: false,
                ended: None,
            }),
            changed: Arc::default(),
            wanted: Notify::new(),
            host: OnceLock::new(),
            following: OnceLock::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Gives the component the task that asks `authorize` again. Before [`set_socket`](Self::set_socket), which looks
    /// whether the component has ended meanwhile.
    pub(super) fn set_asking(&self, asking: AbortHandle) {
        // This cannot fail: the code that makes the component calls it once.
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

    /// Gives the component the processes that follow it. Before it has an actor.
    pub(super) fn set_host(&self, host: Arc<Host>) {
        let _ = self.host.set(host);
    }

    /// The processes that follow the component.
    pub(super) fn host(&self) -> Option<&Arc<Host>> {
        self.host.get()
    }

    /// Has the component follow its owner, instead of having an actor, and has its viewers kept.
    pub(super) fn set_following(self: &Arc<Self>, following: Arc<Following>) {
        let _ = self.following.set(following);
        self.socket.never();
        tokio::spawn(keep(Arc::downgrade(self)));
        // Pages may have asked meanwhile.
        self.wanted.notify_one();
    }

    /// How this process follows the owner, if that is another process.
    pub(super) fn following(&self) -> Option<&Arc<Following>> {
        self.following.get()
    }

    /// Whether the application closes, or the component has ended.
    pub(super) fn is_closing(&self) -> bool {
        let state = self.lock();
        state.closing || state.ended.is_some()
    }

    /// A page of another process speaks the classic dialect.
    pub(super) fn has_classic_elsewhere(&self) {
        self.has_classic.store(true, Ordering::Relaxed);
    }

    /// Notes the memory of a component whose actor is in another process.
    pub(super) fn weigh_shown(self: &Arc<Self>) {
        let bytes = self.shown().memory();
        self.weighed(bytes);
    }

    /// How far the events of all viewers have got.
    pub(super) fn all_numbers(&self) -> Vec<(Arc<str>, EventNumber)> {
        let viewers = self.all_viewers();
        let here = viewers
            .iter()
            .map(|viewer| (viewer.id.clone(), viewer.handled()));
        let here: Vec<_> = here.filter(|(_, number)| number.0 > 0).collect();
        let state = self.lock();
        state.numbers.all().chain(here).collect()
    }

    /// Says something to the actor; or has the task look that follows the owner.
    fn tell(&self, say: impl FnOnce(&LiveSocket) + Send + 'static) {
        match self.following() {
            Some(_) => self.wanted.notify_one(),
            None => self.socket.tell(say),
        }
    }

    /// Pages that are gone since this was called last.
    pub(super) fn take_gone(&self) -> Vec<(Arc<str>, u64, bool)> {
        std::mem::take(&mut self.lock().gone)
    }

    /// Another process owns the component, and has said how often viewers were dismissed.
    pub(super) fn set_dismissals(&self, dismissals: u64) {
        self.lock().dismissals = dismissals;
    }

    /// Another process owns the component, and has said which topics it is in.
    pub(super) fn has_topics(&self, topics: Option<TopicNames>) {
        self.lock().topics = topics;
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

    /// Notes the bytes of the component.
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

    /// Notes the topics that the component is in, by a step that began at `since`; `key` is the key of its
    /// actor. Gives the topics that it was taken out of meanwhile.
    pub(super) fn set_topics(
        self: &Arc<Self>,
        key: ActorKey,
        topics: Option<TopicNames>,
        since: u64,
    ) -> Vec<Leave> {
        let before = std::mem::replace(&mut self.lock().topics, topics.clone());
        if let Some(host) = self.host().filter(|_| before != topics) {
            host.topics(topics.as_ref());
        }
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
        self.tell(move |socket| socket.leave(&topic, false));
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

    /// The application closes: the component ends when its last page has gone.
    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.closing = true;
        // Pages of other processes go on with the next owner.
        let State { here, viewers, .. } = &mut *state;
        here.retain(|id, _| viewers.get(id).is_none_or(|viewer| !viewer.is_elsewhere()));
        let ends = state.here.is_empty();
        drop(state);
        if ends {
            self.finish();
        }
    }

    fn finish(&self) {
        match self.following() {
            // With the task the component ends.
            Some(following) => following.stop(),
            None => self.socket.tell(LiveSocket::finish),
        }
    }

    /// Ends the actor now, and whatever works for it.
    pub(super) fn stop(&self) {
        if let Some(asking) = self.asking.get() {
            asking.abort();
        }
        if let Some(following) = self.following.get() {
            following.stop();
        }
        self.tell(LiveSocket::stop);
    }

    /// Nobody sees the component any more: its pages are told, and come back to another, or do not.
    pub(super) fn end(self: &Arc<Self>, text: &str, refusal: &Refusal) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let failure = (text.to_owned(), refusal.clone());
        state.ended = Some(failure.clone());
        let is_closing = state.closing;
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
        if let Some(host) = self.host() {
            // Pages of other processes go on with the next owner.
            let refusal = match is_closing {
                true => &Refusal::Moved,
                false => refusal,
            };
            host.ended(text, refusal);
        }
        self.started.send_if_modified(|started| {
            let is_first = started.is_none();
            started.get_or_insert(Err(failure));
            is_first
        });
        for viewer in viewers.into_values() {
            // Other processes are told that the component has ended.
            match viewer.is_elsewhere() {
                true => viewer.end(None),
                false => viewer.refuse(None, text, refusal),
            };
        }
        self.shown().end();
        self.stop();
        self.changed.notify_one();
    }

    /// Ends the viewers, numbers and so on that have waited long enough. Gives the time to look again; `None`
    /// if the component has ended.
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
            self.tell(LiveSocket::viewers_ask);
        }
        Some(times.into_iter().flatten().min().unwrap_or(now + LONG))
    }
}

/// Held by a task that works for the component as long as it lives. If the task panics, the component ends, and its pages
/// come back to another one: without the task they would be sent nothing more, or wait for ever.
struct EndsIfItPanics(Weak<Component>);

impl Drop for EndsIfItPanics {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(component) = self.0.upgrade()
        {
            component.end(BUSY, &Refusal::Busy);
        }
    }
}

/// Sweeps until the component has ended.
async fn keep(component: Weak<Component>) {
    let _ends = EndsIfItPanics(component.clone());
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
