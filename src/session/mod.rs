//! One live component as its page sees it: the answers that it has given, and the connection that it is
//! shown on. A session outlives its connection.

mod answers;
pub(crate) mod checkpoints;
mod children;
mod coming_back;
mod handing_over;
mod pace;
mod peer;
mod saying;

use std::sync::Arc;

use crate::homes::Mark;
use crate::ids::{ActorKey, Life, Point, Revision};
use crate::live_socket::{LateSocket, LiveSocket, Unhandled};
use crate::members::Whose;
use crate::ongoing::TopicNames;
use crate::outbox::{Dialect, Outbox};
use crate::protocol::{ClientEvent, Numbered};
use crate::sync::{Mutex, MutexGuard, lock};
use answers::Answers;
use children::Children;
pub(crate) use children::{MAX_NESTING, Names, Nested, names_of};
pub(crate) use coming_back::Back;
use coming_back::new_secret;
pub(crate) use handing_over::{HandsOver, Yields};
pub use peer::Peer;

/// The connection that a component is shown on, and the component's id there.
pub(crate) struct Link {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) id: Arc<str>,
}

struct State {
    /// The connection that the component is shown on; `None` while the session is parked and after its end.
    link: Option<Link>,
    /// The number of connections that the component was shown on before this one. Raised by each resume.
    /// Every call of a connection names the epoch in which the connection attached; if another epoch is
    /// current, the call has no effect.
    epoch: u64,
    answers: Answers,
    /// The revision that the page shows when it has read everything that was sent to it.
    shown: Revision,
    /// The page has to be shown the whole tree first. Set if the page cannot go on from what it shows,
    /// cleared when the tree is sent. While this is set, answers are kept and not sent.
    stale: bool,
    /// Set while a resume waits for its turn or for `authorize`: what the page shows. Cleared when
    /// the page is let in, or is gone again. While this is set, answers are kept and not sent.
    asking: Option<Point>,
    /// Set while the connection takes too little: answers after this one are held back. Cleared when the
    /// connection has room again; all that was held back is then sent as one answer.
    lags_after: Option<Point>,
    /// Resumes the session. Replaced at each resume; the new secret goes to the page with the answer to the
    /// resume.
    secret: Box<str>,
    /// The secret before this one. Valid too, because the answer with the new secret may not have arrived.
    /// Cleared by the page's first event, which proves that the page has the new secret.
    previous: Option<Box<str>>,
    /// The session's number among the parked sessions. Set when the connection is gone, cleared by a
    /// resume.
    parked: Option<u64>,
    /// The number that it had among them when it ended, if it did not end because of that number.
    was_parked: Option<u64>,
    /// The revision of the checkpoint that the page joined with. Cleared by the page's first event, which
    /// proves that the join's answer has arrived.
    unheard: Option<Revision>,
    /// The revision of the newest checkpoint that the transport of the page's connection has taken, or that the page
    /// joined with.
    delivered: Revision,
    /// A newer checkpoint that was sent and may not have left yet: its revision, and the number of messages
    /// that the outbox had been given by then. The checkpoint becomes `delivered` when the transport has
    /// taken so many; it is forgotten if the connection is gone before.
    under_way: Option<(Revision, u64)>,
    /// Something goes on beside the props, so that the component may have to catch up.
    is_ongoing: bool,
    /// The life that the actor lives: 0 until it has begun.
    life: Life,
    /// Set while another process waits for the component, which ends as soon as the actor has handed it over.
    hands_over: Option<HandsOver>,
    /// The topics that the committed state has subscribed to; `None` if it has subscribed to none.
    topics: Option<TopicNames>,
    /// The nested components that it shows; `None` if it has never shown any.
    children: Option<Box<Children>>,
    /// The address of the page's connection, or of its last one.
    address: Arc<str>,
    /// No page goes on with this session any more.
    ended: bool,
    /// The page itself has left: it has no use for an older state.
    left: bool,
}

/// Which component a session is for, and whose. Does not change.
pub(crate) struct About {
    /// The component's own name.
    pub(crate) instance: Arc<str>,
    /// The name of the module.
    pub(crate) module: Arc<str>,
    /// The `bind` of the user who joined. A page with another `bind` cannot resume the session.
    pub(crate) bind: Arc<str>,
    /// The address that the page joined from.
    pub(crate) address: Arc<str>,
    /// The name under which its memory counts: see [`holder`](super::sessions::holder).
    pub(crate) holder: Arc<str>,
    /// The name that the address counts as; `bind` if the address is not known.
    pub(crate) counted: Arc<str>,
    pub(crate) request: Option<Arc<str>>,
    /// The URL of its page.
    pub(crate) page: Arc<str>,
    /// How many components are around it.
    pub(crate) depth: u8,
    /// The end of its secrets.
    pub(crate) mark: Mark,
}

impl About {
    /// The client at the other end of the connection that the session was made on.
    pub(crate) fn peer(&self) -> Peer {
        Peer {
            request: self.request.clone(),
            bind: self.bind.clone(),
            address: self.address.clone(),
        }
    }
}

/// A component's session. The lock is a `std` one, held for a push to the connection's outbox at most.
///
/// Architecture invariant: a session's lock is taken before its outbox's, never after, and no session's
/// lock is taken under the one of [`Sessions`](super::Sessions). `src/models.rs` watches it
/// (`a_session_is_resumed_or_over`): a deadlock fails the model.
pub(crate) struct Session {
    pub(crate) about: About,
    pub(crate) key: ActorKey,
    socket: LateSocket,
    dialect: Dialect,
    state: Mutex<State>,
}

/// A connection's hold on a session. Dropping it does nothing: see [`Session::detach`].
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) epoch: u64,
}

impl Attached {
    /// Whether the connection has the session, and the page was let in on it.
    pub(crate) fn is_let_in(&self) -> bool {
        let state = self.session.lock();
        state.epoch == self.epoch && state.link.is_some() && state.asking.is_none()
    }
}

/// What happened to a session whose connection is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Detached {
    /// The session waits for its page.
    Waiting,
    /// The session has ended, or is shown on another connection.
    Over,
}

impl Session {
    /// A session that is shown on `outbox` as component `id`, and whose state is at `point`.
    pub(crate) fn new(
        about: About,
        key: ActorKey,
        outbox: &Arc<Outbox>,
        id: Arc<str>,
        point: Point,
    ) -> Arc<Self> {
        outbox.attach(key);
        let secret = new_secret(&about);
        let link = Link {
            outbox: outbox.clone(),
            id,
        };
        let address = about.address.clone();
        Arc::new(Self {
            about,
            key,
            socket: LateSocket::default(),
            dialect: outbox.dialect,
            state: Mutex::new(State {
                link: Some(link),
                epoch: 0,
                answers: Answers::new(point),
                shown: point.revision,
                stale: false,
                asking: None,
                lags_after: None,
                secret,
                previous: None,
                parked: None,
                was_parked: None,
                unheard: Some(point.revision),
                delivered: point.revision,
                under_way: None,
                is_ongoing: false,
                life: Life::default(),
                hands_over: None,
                topics: None,
                children: None,
                address,
                ended: false,
                left: false,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    #[cfg(all(test, shuttle))]
    pub(crate) fn secret(&self) -> String {
        self.lock().secret.to_string()
    }

    /// Gives the session its actor.
    pub(crate) fn set_socket(&self, socket: LiveSocket) {
        self.socket.set(socket);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().ended || self.socket.get().is_some_and(LiveSocket::is_stopped)
    }

    /// Whether the session is still the connection's that attached in this epoch.
    pub(crate) fn is_shown_in(&self, epoch: u64) -> bool {
        self.lock().epoch == epoch
    }

    /// For a session that lives: its revision, if it is later than that of a checkpoint; else `None`. Also `None` for the checkpoint that the page joined with, as long as the
    /// page may not have the join's answer: the page may join again, even if the store has brought the
    /// state further. `later`: the life of the checkpoint, if lives of the component are ordered; a checkpoint of a
    /// later life is not older, whatever its revision is.
    pub(crate) fn beyond(&self, revision: Revision, later: Option<Life>) -> Option<Revision> {
        let state = self.lock();
        if later.is_some_and(|later| later > state.life) {
            return None;
        }
        let newest = state.answers.last().revision;
        (newest > revision && state.unheard != Some(revision)).then_some(newest)
    }

    /// For a session that has ended: the revision of the oldest checkpoint that may start its component again.
    /// If the page left, or is of the classic dialect, which cannot resume, that is the last revision. Any
    /// other page goes on from its newest checkpoint, the last one that its connection has taken.
    pub(crate) fn newest(&self) -> Revision {
        let mut state = self.lock();
        if state.left || self.dialect == Dialect::Classic {
            return state.answers.last().revision;
        }
        state.settle();
        state.delivered
    }

    /// Takes an event from the connection that the component is shown on.
    pub(crate) fn event(
        &self,
        epoch: u64,
        numbered: Option<Numbered>,
        event: Result<ClientEvent, Unhandled>,
    ) {
        let mut state = self.lock();
        if state.epoch != epoch || state.ended {
            return;
        }
        // A client sends events only after it has the join's answer.
        state.unheard = None;
        if let Some(Numbered { seen, .. }) = numbered {
            // A numbered event comes after the answer to a resume, so the client has the new secret.
            state.previous = None;
            state.answers.has_seen(seen);
        }
        drop(state);
        self.socket.tell(move |socket| {
            // An actor that has ended takes no event; its page has been told of the end.
            let _ = socket.take(numbered.map(|numbered| numbered.number), event);
        });
    }

    /// The connection is gone. `ticket` becomes the session's number among the parked.
    pub(crate) fn detach(&self, epoch: u64, ticket: u64) -> Detached {
        let mut state = self.lock();
        if state.epoch != epoch || state.ended {
            return Detached::Over;
        }
        if self.dialect == Dialect::Classic {
            self.end_locked(state, true);
            return Detached::Over;
        }
        state.settle();
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.key, true);
        }
        state.under_way = None;
        state.asking = None;
        state.parked = Some(ticket);
        Detached::Waiting
    }

    /// The page has left the component.
    pub(crate) fn leave(&self, epoch: u64) {
        let mut state = self.lock();
        if state.epoch == epoch {
            state.left |= !state.ended;
            self.end_locked(state, true);
        }
    }

    /// Ends the session if it is still shown on that connection. The page has not asked for the end, and
    /// may come back with its checkpoint.
    pub(crate) fn end_shown(&self, epoch: u64) {
        let state = self.lock();
        if state.epoch == epoch {
            self.end_locked(state, true);
        }
    }

    /// Ends the session. Messages of its actor that wait in the outbox are still sent.
    pub(crate) fn end(&self) {
        self.end_locked(self.lock(), false);
    }

    /// Ends the session if it is still parked under this number.
    pub(crate) fn end_parked(&self, ticket: u64) {
        let state = self.lock();
        if state.parked == Some(ticket) {
            self.end_locked(state, true);
        }
    }

    /// Ends the session. With `silence`, messages of its actor that wait in the outbox are taken back.
    fn end_locked(&self, mut state: MutexGuard<'_, State>, silence: bool) {
        state.ended = true;
        state.was_parked = state.parked.take().or(state.was_parked);
        state.settle();
        let link = state.link.take();
        state.answers = Answers::new(state.answers.last());
        let hands_over = state.hands_over.take();
        let children = state.children.take();
        drop(state);
        drop(hands_over);
        if let Some(link) = link {
            link.outbox.detach(self.key, silence);
        }
        self.socket.tell(LiveSocket::stop);
        if let Some(children) = children {
            children.end();
        }
    }

    /// Has the actor handle the events that wait, and end.
    pub(crate) fn finish(&self) {
        // The nested components are told to finish as well, each by itself.
        self.lock().children = None;
        self.socket.tell(LiveSocket::finish);
    }

    /// Asks the actor to report the memory of props and tree.
    pub(crate) fn weigh(&self) {
        self.socket.tell(LiveSocket::weigh);
    }

    pub(crate) fn ticket(&self) -> Option<u64> {
        self.lock().parked
    }

    /// The session has ended: the number that it had among the parked sessions then, if it was parked.
    pub(crate) fn was_parked(&self) -> Option<u64> {
        self.lock().was_parked
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.dialect == Dialect::Classic
    }

    /// Whether a page shows the component, and was let in.
    pub(crate) fn is_shown(&self) -> bool {
        let state = self.lock();
        state.link.is_some() && state.asking.is_none()
    }

    /// The life that the actor lives.
    pub(crate) fn life(&self) -> Life {
        self.lock().life
    }

    /// The actor has begun a life.
    pub(crate) fn set_life(&self, life: Life) {
        self.lock().life = life;
    }

    /// Something goes on beside the props: a page that comes back waits until the component has caught up.
    pub(crate) fn set_ongoing(&self, is_ongoing: bool) {
        self.lock().is_ongoing = is_ongoing;
    }

    /// The committed state has subscribed to these topics. Gives those that it had subscribed to before.
    pub(crate) fn set_topics(&self, topics: Option<TopicNames>) -> Option<TopicNames> {
        std::mem::replace(&mut self.lock().topics, topics)
    }

    /// Whether the session belongs to this user, and to a connection from this address. If the session is
    /// parked, its last connection counts.
    pub(crate) fn is_of(&self, whose: &Whose) -> bool {
        whose.means(&self.about.bind, &self.lock().address)
    }

    /// Has the actor leave a topic: see [`LiveSocket::leave`].
    pub(crate) fn leave_topic(&self, topic: &Arc<str>) {
        let topic = topic.clone();
        self.socket.tell(move |socket| socket.leave(&topic, false));
    }

    /// Has `authorize` asked about the page soon: see [`LiveSocket::doubt`].
    pub(crate) fn doubt(&self) {
        self.socket.tell(LiveSocket::doubt);
    }

    /// The outbox of the connection that the component is shown on.
    pub(crate) fn outbox(&self) -> Option<Arc<Outbox>> {
        let state = self.lock();
        state.link.as_ref().map(|link| link.outbox.clone())
    }

    /// Bytes of the events that wait in the actor's mailbox.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.socket.get().map_or(0, LiveSocket::waiting_bytes)
    }
}

impl State {
    /// Moves `under_way` to `delivered` if the transport has taken that checkpoint. Called before the link
    /// changes, because only the link's outbox knows what its transport has taken.
    fn settle(&mut self) {
        if let Some(link) = &self.link
            && let Some((revision, messages)) = self.under_way
            && link.outbox.has_written(messages)
        {
            self.delivered = self.delivered.max(revision);
            self.under_way = None;
        }
    }

    /// Notes that the page is shown the whole tree, as it is at `point`.
    fn shows(&mut self, point: Point) {
        self.answers.forget_up_to(point);
        self.answers.all_is_sent();
        self.shown = point.revision;
        self.stale = false;
        self.asking = None;
        self.lags_after = None;
    }

    /// Whether answers are kept without being sent at once.
    fn holds_back(&self) -> bool {
        self.stale || self.asking.is_some() || self.lags_after.is_some()
    }
}
