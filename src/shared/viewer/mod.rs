//! One page that shows a shared component: its connections, its events, and its end. `sending.rs` sends the
//! page its changes.

mod sending;

use std::sync::{Arc, Weak};

use tokio::time::{Duration, Instant};

use super::BUSY;
use super::across::Host;
use super::failures::Failed;
use super::said::{Outcome, Said, Sayings};
use super::shown::Shown;
use crate::dispatch::Caller;
use crate::ids::{ActorKey, EventNumber, Point, Revision, next_actor_key};
use crate::live_socket::{Events, Taken, Unhandled, spread};
use crate::outbox::{Dialect, Outbox};
use crate::protocol::extended::{self, JoinFlags};
use crate::protocol::{Beside, ClientEvent, Numbered, Refusal};
use crate::session::Link;
use crate::sync::{Mutex, MutexGuard, lock};

/// The flags of a tree that the page gets because it has missed too much.
const STILL_SHARED: JoinFlags = JoinFlags {
    shared: true,
    anew: false,
    behind: false,
    lost: false,
};

/// The tree and changes that the pages of one component show.
pub(super) type Pages = Shown<Arc<Viewer>>;

/// The component, as its viewers need it.
pub(super) trait Viewed: Send + Sync {
    /// The least time between two changes of a page that is hidden, unless one is an answer.
    fn hidden_pause(&self) -> Duration;
    /// The tree and changes that the pages show.
    fn shown(&self) -> MutexGuard<'_, Pages>;
    /// Asks the actor for the tree, for pages that wait for it.
    fn ask_tree(&self);
    /// A viewer has asked for something: it has its turn.
    fn asks(&self, viewer: Arc<Viewer>);
    /// The viewer's page shows the component no more. If the page may come back, the viewer waits for it: `gone` is
    /// then the epoch of the connection that is gone. A later connection of the page is not concerned.
    fn is_left(&self, viewer: &Arc<Viewer>, gone: Option<u64>);
}

/// The point from which on the page is told the rest.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// The point that the page shows. The ring reaches back to it.
    Shown(Point),
    /// The whole tree.
    Tree(JoinFlags),
}

/// Whether `authorize` is asked about a page after one of its events was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    None,
    Asked,
    /// Another event was refused since it was asked.
    Again,
}

struct State {
    /// The connection that the page has; `None` while the viewer waits for its page, and after its end.
    link: Option<Link>,
    /// Raised by each connection that the page comes with. A call for another epoch has no effect.
    epoch: u64,
    /// `authorize` has let the page in on this connection. Until then nothing is sent, and no event is taken.
    is_in: bool,
    /// The page needs the whole tree; with the flags for it.
    tree: Option<JoinFlags>,
    /// The connection takes too little: nothing is sent until it has room.
    lags: bool,
    /// The page is hidden: changes that are not answers wait. A task sends them later.
    holds: bool,
    /// When the page was sent a change the last time that no event of its own had asked for.
    last_change: Option<Instant>,
    /// The page's connection gets no further events: when all are answered, it is left.
    finishing: bool,
    /// The viewer has ended: no page goes on with it.
    over: bool,
    /// The viewer stands among those that have asked for something.
    is_queued: bool,
    /// The actor handles an event of this viewer.
    is_handled: bool,
    /// The revision that the page shows when it has read everything that was sent.
    shown: Revision,
    /// The pushes to all pages up to this revision have been sent.
    pushed: Revision,
    said: Sayings,
    /// Whose page it is, on the present connection.
    caller: Arc<Caller>,
    /// The address of the present connection, or of the last one.
    address: Arc<str>,
    /// When `authorize` has allowed the page the last time.
    allowed_at: Instant,
    /// `authorize` is asked about the page because an event was refused.
    doubt: Doubt,
    /// The ticket with which the page comes back.
    ticket: Box<str>,
    /// The page has been let in, on this connection or an earlier one.
    was_in: bool,
    /// The component; nothing before a page is let in.
    component: Option<Weak<dyn Viewed>>,
    /// The process that has the page, if it is not this one.
    process: Option<Arc<str>>,
}

/// A page that shows a shared component, on its connection or on its way back. The lock is a `std` one, held
/// while this one page is sent its changes.
///
/// A viewer's lock is taken before its component's locks and its outbox's, never after.
pub(crate) struct Viewer {
    /// The viewer's own name, which handlers see.
    pub(crate) id: Arc<str>,
    /// The viewer's name in its connection's outbox.
    pub(super) owner: ActorKey,
    dialect: Dialect,
    pub(crate) events: Events,
    /// The holder under which waiting messages count: see [`crate::sessions`].
    pub(crate) holder: Arc<str>,
    /// The page's address, as addresses are counted.
    pub(super) counted: Arc<str>,
    /// The way to the process that the page is connected to, if it is another one. That process is told the
    /// results of the page's events.
    host: Option<Arc<Host>>,
    state: Mutex<State>,
}

/// Whose page a viewer is.
pub(super) struct Whose {
    pub(super) caller: Arc<Caller>,
    pub(super) address: Arc<str>,
    pub(super) holder: Arc<str>,
    pub(super) counted: Arc<str>,
}

/// A connection's hold on a viewer. Dropping it does nothing.
pub(crate) struct Viewing {
    pub(crate) viewer: Arc<Viewer>,
    pub(crate) epoch: u64,
}

impl Viewer {
    /// A page of this process.
    pub(super) fn new(id: Arc<str>, whose: Whose, link: Link, events: Events) -> Arc<Self> {
        let viewer = Self::of(id, whose, link.outbox.dialect, events, None);
        link.outbox.attach(viewer.owner);
        viewer.lock().link = Some(link);
        viewer
    }

    /// A page of another process, which has no connection here.
    pub(super) fn elsewhere(
        id: Arc<str>,
        whose: Whose,
        dialect: Dialect,
        events: Events,
        host: Arc<Host>,
    ) -> Arc<Self> {
        Self::of(id, whose, dialect, events, Some(host))
    }

    fn of(
        id: Arc<str>,
        whose: Whose,
        dialect: Dialect,
        events: Events,
        host: Option<Arc<Host>>,
    ) -> Arc<Self> {
        let Whose {
            caller,
            address,
            holder,
            counted,
        } = whose;
        Arc::new(Self {
            id,
            owner: next_actor_key(),
            dialect,
            events,
            holder,
            counted,
            host,
            state: Mutex::new(State {
                link: None,
                epoch: 0,
                is_in: false,
                tree: None,
                lags: false,
                holds: false,
                last_change: None,
                finishing: false,
                over: false,
                is_queued: false,
                is_handled: false,
                shown: Revision::default(),
                pushed: Revision::default(),
                said: Sayings::default(),
                caller,
                address,
                allowed_at: Instant::now(),
                doubt: Doubt::None,
                ticket: Box::default(),
                was_in: false,
                component: None,
                process: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether another process has the page.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.host.is_some()
    }

    /// The process that has the page, if it is another one and the page is there.
    pub(super) fn process(&self) -> Option<Arc<str>> {
        self.lock().process.clone()
    }

    /// The page is now in `process`, which has let it in. Gives the connection's epoch, as this process, the
    /// owner, counts it, and the results of events that the page does not know. `None` if the viewer has
    /// ended.
    pub(super) fn let_in_elsewhere(
        &self,
        process: &Arc<str>,
        caller: Arc<Caller>,
        address: Arc<str>,
        seen: EventNumber,
    ) -> Option<(u64, EventNumber, Vec<Said>)> {
        let mut state = self.lock();
        if state.over {
            return None;
        }
        state.epoch += 1;
        state.is_in = true;
        state.was_in = true;
        state.process = Some(process.clone());
        state.caller = caller;
        state.address = address;
        state.allowed_at = Instant::now();
        state.said.again(seen);
        self.events.remember(state.said.memory());
        Some((state.epoch, state.said.forgotten(), state.said.all()))
    }

    /// The results of events that the page may not know, and the event up to which no results are remembered.
    pub(super) fn take_said(&self) -> (EventNumber, Vec<Said>) {
        let state = self.lock();
        (state.said.forgotten(), state.said.all())
    }

    /// Goes on from the results of the page's events in another process: those up to `base` are not
    /// remembered. The page is not let in yet. Results of later events may be known here already.
    pub(super) fn goes_on(&self, base: EventNumber, said: Vec<Said>) {
        self.begin(base);
        let mut state = self.lock();
        for one in said {
            self.events.received(one.event);
            state.said.insert(one);
        }
        self.events.remember(state.said.memory());
    }

    /// An earlier owner has answered this event, and the page shows a state that the component has. Earlier
    /// events of the page that are not known here have failed: applied events are in the state.
    pub(super) fn knows(&self, known: Point, newest: Revision) {
        if known.revision <= newest && known.event > self.handled() {
            self.begin(known.event);
        }
    }

    /// Another process has told the result of an event, perhaps once more.
    pub(super) fn was_said(&self, said: Said) {
        let Said {
            event,
            revision,
            outcome,
        } = said;
        self.events.received(event);
        let is_new = self.lock().said.handled() < event;
        if is_new {
            self.say(Point { event, revision }, outcome);
        }
    }

    /// The last answer that the page is known to have.
    pub(super) fn seen(&self) -> EventNumber {
        self.lock().said.forgotten()
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.dialect == Dialect::Classic
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().over
    }

    pub(crate) fn is_shown_in(&self, epoch: u64) -> bool {
        self.lock().epoch == epoch
    }

    /// The page is about to be let in to this component.
    pub(super) fn show(&self, component: Weak<dyn Viewed>) {
        self.lock().component = Some(component);
    }

    /// The component that the page is let in to.
    pub(super) fn component(&self) -> Option<Arc<dyn Viewed>> {
        self.lock().component.as_ref()?.upgrade()
    }

    pub(super) fn caller(&self) -> Arc<Caller> {
        self.lock().caller.clone()
    }

    pub(crate) fn outbox(&self) -> Option<Arc<Outbox>> {
        let state = self.lock();
        state.link.as_ref().map(|link| link.outbox.clone())
    }

    /// When `authorize` is to be asked again about the page; `None` if no page shows the component.
    pub(super) fn ask_due(&self, limit: Duration) -> Option<Instant> {
        let state = self.lock();
        let is_shown = state.is_in && state.link.is_some();
        is_shown.then(|| state.allowed_at + spread(limit, self.owner))
    }

    /// `authorize` has allowed the page on this connection just now.
    pub(super) fn was_allowed(&self, epoch: u64) {
        let mut state = self.lock();
        if state.epoch == epoch {
            state.allowed_at = Instant::now();
        }
    }

    /// An event of the page was refused. True if `authorize` is to be asked whether the page may still see the component:
    /// if it is being asked because of an earlier event, it is asked once more after that.
    pub(super) fn begins_doubt(&self) -> bool {
        let mut state = self.lock();
        let before = state.doubt;
        state.doubt = match before {
            Doubt::None => Doubt::Asked,
            Doubt::Asked | Doubt::Again => Doubt::Again,
        };
        before == Doubt::None
    }

    /// There is an answer. True if `authorize` is to be asked once more.
    pub(super) fn ends_doubt(&self) -> bool {
        let mut state = self.lock();
        let asks_again = state.doubt == Doubt::Again && !state.over;
        state.doubt = match asks_again {
            true => Doubt::Asked,
            false => Doubt::None,
        };
        asks_again
    }

    /// Whether the page is of this user and of this address, as far as they are given.
    pub(super) fn is_of(&self, bind: Option<&str>, address: Option<&str>) -> bool {
        let state = self.lock();
        bind.is_none_or(|bind| bind == &*state.caller.bind)
            && address.is_none_or(|address| address == &*state.address)
    }

    /// Whether the page was let in on the present connection.
    pub(super) fn is_in(&self) -> bool {
        self.lock().is_in
    }

    /// The last event that the page has been told of.
    pub(super) fn told(&self) -> EventNumber {
        self.lock().said.told()
    }

    /// The last event that has been handled, or has failed.
    pub(super) fn handled(&self) -> EventNumber {
        self.lock().said.handled()
    }

    /// Which of its events have failed, as far as the page is not known to know of them.
    pub(super) fn failures(&self) -> Vec<Failed> {
        self.lock().said.failed()
    }

    /// The page comes back on another connection; it is not let in yet. Gives the connection's epoch; `None`
    /// if the viewer has ended. If the component's owner is another process (`is_followed`), the owner takes
    /// nothing more of the connection before, not even messages that are on their way. The page sends all of
    /// them again, so nothing of them is known here.
    pub(super) fn attach(
        &self,
        link: Link,
        caller: Arc<Caller>,
        address: Arc<str>,
        is_followed: bool,
    ) -> Option<u64> {
        let mut state = self.lock();
        if state.over || self.dialect != link.outbox.dialect || self.is_elsewhere() {
            return None;
        }
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.owner, true);
        }
        link.outbox.attach(self.owner);
        state.link = Some(link);
        state.caller = caller;
        state.address = address;
        state.epoch += 1;
        if is_followed {
            self.events.restart();
        }
        state.is_in = false;
        state.lags = false;
        state.holds = false;
        state.last_change = None;
        state.tree = None;
        Some(state.epoch)
    }

    /// Begins at the number that the viewer's events had got to.
    pub(super) fn begin(&self, handled: EventNumber) {
        self.events.received(handled);
        let mut state = self.lock();
        state.said.begin(handled);
        self.events.remember(state.said.memory());
    }

    /// Lets the page in, and sends it the changes that it has not seen. False if the page is not on this
    /// connection any more.
    pub(super) fn let_in(
        self: &Arc<Self>,
        component: &dyn Viewed,
        epoch: u64,
        from: From,
        seen: EventNumber,
        ticket: Box<str>,
    ) -> bool {
        let mut state = self.lock();
        if state.epoch != epoch || state.over || state.link.is_none() {
            return false;
        }
        state.is_in = true;
        state.was_in = true;
        state.allowed_at = Instant::now();
        state.ticket = ticket;
        let covers = state.said.covers(seen);
        state.said.again(seen);
        self.events.remember(state.said.memory());
        let State {
            link, said, ticket, ..
        } = &mut *state;
        match (from, link) {
            (From::Shown(_), _) if !covers => {
                state.tree = Some(STILL_SHARED);
            }
            (From::Shown(point), Some(link)) => {
                let text = extended::resumed(&link.id, said.handled(), ticket);
                link.outbox.push(self.owner, text);
                state.shown = point.revision;
                state.pushed = point.revision;
            }
            (From::Tree(flags), _) => state.tree = Some(flags),
            (From::Shown(_), None) => {}
        }
        drop(state);
        self.deliver(component);
        true
    }

    /// Notes up to which revision the page has had the pushes to all.
    pub(super) fn was_pushed(&self, revision: Revision) {
        self.lock().pushed = revision;
    }

    /// Takes an event from the page.
    pub(crate) fn event(
        self: &Arc<Self>,
        epoch: u64,
        numbered: Option<Numbered>,
        event: Result<ClientEvent, Unhandled>,
    ) {
        let mut state = self.lock();
        if state.epoch != epoch || !state.is_in || state.over || state.finishing {
            return;
        }
        if let Some(Numbered { seen, .. }) = numbered {
            state.said.has_seen(seen);
            self.events.remember(state.said.memory());
        }
        let number = numbered.map(|numbered| numbered.number);
        if !self.events.take(number, event) || std::mem::replace(&mut state.is_queued, true) {
            return;
        }
        let component = state.component.as_ref().and_then(Weak::upgrade);
        drop(state);
        if let Some(component) = component {
            component.asks(self.clone());
        }
    }

    /// Takes the event out that is next, with the epoch of the connection that it has come on if the component's owner is
    /// another process; and whether more wait. An event that an earlier viewer of the page had
    /// handled is left out, which may have become known after the event was sent again.
    pub(super) fn next_taken(&self) -> (Option<(Taken, u64)>, bool) {
        let mut state = self.lock();
        let handled = state.said.handled();
        let is_new = |taken: &Taken| match taken {
            Taken::Event { number: last, .. } | Taken::Unhandled { last, .. } => *last > handled,
        };
        let taken = std::iter::from_fn(|| self.events.next()).find(is_new);
        state.is_handled = taken.is_some();
        state.is_queued = !self.events.is_empty();
        let taken = taken.map(|taken| (taken, state.epoch));
        (taken, state.is_queued)
    }

    /// An event of this viewer is committed. False if the viewer has ended meanwhile, so that another one has to
    /// know; this one knows in any case.
    pub(super) fn applied(&self, point: Point, beside: Beside<'_>) -> bool {
        self.say(
            point,
            Outcome::Applied {
                redirect: beside.redirect.map(Into::into),
                keeps_form: beside.keeps_form,
                pushes: beside.pushes.into(),
            },
        )
    }

    /// An event of this viewer has failed, or the `count` events up to it are not handled. If the viewer has ended
    /// meanwhile, its page sends the event again to the next one, and nothing was committed.
    pub(super) fn failed(
        &self,
        point: Point,
        count: u64,
        text: &str,
        is_expired: bool,
        redirect: Option<&str>,
    ) {
        let redirect = redirect.map(Into::into);
        let outcome = Outcome::failed(point.event, count, text, is_expired, redirect);
        self.say(point, outcome);
    }

    fn say(&self, Point { event, revision }: Point, outcome: Outcome) -> bool {
        let mut state = self.lock();
        state.is_handled = false;
        match outcome {
            Outcome::Applied { .. } => state.allowed_at = Instant::now(),
            Outcome::Failed { .. } if state.over => return false,
            Outcome::Failed { .. } => {}
        }
        let said = Said {
            event,
            revision,
            outcome,
        };
        if let Some(host) = &self.host {
            host.said(&self.id, &said);
        }
        state.said.add(said);
        self.events.remember(state.said.memory());
        !state.over
    }

    /// The page is not let in, or may not see the component any more: the viewer ends, and its page is told. False if
    /// the page is not on this connection (if one is given), or if the viewer has ended before.
    pub(super) fn refuse(&self, epoch: Option<u64>, text: &str, refusal: &Refusal) -> bool {
        let mut state = self.lock();
        if state.over || epoch.is_some_and(|epoch| epoch != state.epoch) {
            return false;
        }
        if let Some(link) = state.link.take() {
            let text = self.dialect.refused(&link.id, text, refusal);
            link.outbox.push(self.owner, text);
            link.outbox.detach(self.owner, false);
        }
        if let Some(host) = self.host.as_ref().filter(|_| state.process.is_some()) {
            host.refused(&self.id, text, refusal);
        }
        self.end_locked(state);
        true
    }

    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// The page's connection is gone. True if the viewer waits for the page from now on; `None` if the page is not
    /// on this connection.
    pub(super) fn gone(&self, epoch: u64) -> Option<bool> {
        let mut state = self.lock();
        if state.epoch != epoch || state.over {
            return None;
        }
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.owner, true);
        }
        state.process = None;
        state.is_in = false;
        if self.is_classic() || !state.was_in {
            self.end_locked(state);
            return Some(false);
        }
        Some(true)
    }

    /// No page goes on with the viewer: messages that wait for the page are taken back. False if the viewer
    /// is not on this connection, or has ended before.
    pub(super) fn end(&self, epoch: Option<u64>) -> bool {
        let mut state = self.lock();
        if state.over || epoch.is_some_and(|epoch| epoch != state.epoch) {
            return false;
        }
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.owner, true);
        }
        self.end_locked(state);
        true
    }

    /// Ends the viewer, and drops the messages that wait for it.
    pub(crate) fn give_up(self: &Arc<Self>) {
        let ends = match self.is_elsewhere() {
            // Its page is told, and joins again.
            true => self.refuse(None, BUSY, &Refusal::Busy),
            false => self.end(None),
        };
        if ends && let Some(component) = self.component() {
            component.is_left(self, None);
        }
    }

    /// The page has been away for too long. False if it is back, maybe still without having been let in.
    pub(super) fn end_if_away(&self) -> bool {
        let state = self.lock();
        if state.over || state.link.is_some() || state.process.is_some() {
            return false;
        }
        self.end_locked(state);
        true
    }

    fn end_locked(&self, mut state: MutexGuard<'_, State>) {
        state.over = true;
        state.is_in = false;
        drop(state);
        self.events.stop();
    }

    /// Takes no further events; when all are answered, the connection is left.
    pub(super) fn finish(self: &Arc<Self>, component: Option<&dyn Viewed>) {
        let mut state = self.lock();
        state.finishing = true;
        // A page that is not let in gets nothing more.
        let leaves = !state.is_in || component.is_none();
        if leaves && let Some(link) = state.link.take() {
            link.outbox.detach(self.owner, true);
        }
        drop(state);
        if let Some(component) = component {
            match leaves {
                true => component.is_left(self, None),
                false => self.deliver(component),
            }
        }
    }
}

impl Viewing {
    /// Ends it from elsewhere: the component that it is nested in shows it no more. Its page may join again.
    pub(crate) fn ends(&self) -> impl FnOnce() + Send + 'static {
        let (viewer, epoch) = (Arc::downgrade(&self.viewer), self.epoch);
        move || {
            if let Some(viewer) = viewer.upgrade()
                && viewer.refuse(Some(epoch), BUSY, &Refusal::Busy)
                && let Some(component) = viewer.component()
            {
                component.is_left(&viewer, None);
            }
        }
    }

    /// Takes an event from the connection.
    pub(crate) fn event(&self, numbered: Option<Numbered>, event: Result<ClientEvent, Unhandled>) {
        self.viewer.event(self.epoch, numbered, event);
    }

    /// The page has left the component, or may not come back to it on this connection.
    pub(crate) fn end(&self) {
        if self.viewer.end(Some(self.epoch))
            && let Some(component) = self.viewer.component()
        {
            component.is_left(&self.viewer, None);
        }
    }

    /// The connection is gone.
    pub(crate) fn park(&self) {
        if let Some(may_come_back) = self.viewer.gone(self.epoch)
            && let Some(component) = self.viewer.component()
        {
            component.is_left(&self.viewer, may_come_back.then_some(self.epoch));
        }
    }

    /// The application closes: the events that wait are answered.
    pub(crate) fn finish(&self) {
        if self.viewer.is_shown_in(self.epoch) {
            let component = self.viewer.component();
            self.viewer.finish(component.as_deref());
        }
    }
}
