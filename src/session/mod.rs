//! One live component as its page sees it: the answers that it has given, and the connection that it is
//! shown on. A session outlives its connection.

mod answers;
pub(crate) mod checkpoints;
mod peer;

use std::sync::{Arc, OnceLock};

use subtle::ConstantTimeEq;

use crate::ids::{ActorKey, Point, Revision};
use crate::live_socket::{LiveSocket, Unhandled, Waits};
use crate::members::Whose;
use crate::ongoing::TopicNames;
use crate::outbox::{Dialect, Outbox};
use crate::protocol::extended::{self, Encoded};
use crate::protocol::{Beside, ClientEvent, Numbered, Refusal, ServerMessage};
use crate::random::random_text;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::tree::{LiveTree, Patch};
use crate::turns::Place;
use answers::{Answer, Answers, Says, push_revision};
pub use peer::Peer;

/// The secret that resumes a session: the instance, a dot, and random characters. Empty if the system has
/// no random numbers; nobody can then resume the session.
fn new_secret(instance: &str) -> Box<str> {
    match &*random_text() {
        "" => Box::default(),
        random => format!("{instance}.{random}").into(),
    }
}

/// The connection that a component is shown on, and the component's id there.
pub(crate) struct Link {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) id: Arc<str>,
}

/// What a page brings when it comes back.
pub(crate) struct Back<'a> {
    pub(crate) secret: &'a str,
    /// What the page shows.
    pub(crate) shown: Point,
    /// The page does not show the last render any more, and needs the whole tree.
    pub(crate) needs_tree: bool,
    /// The request that the page's connection began with.
    pub(crate) request: Option<Arc<str>>,
    /// The address of that connection.
    pub(crate) address: Arc<str>,
    /// The module has `authorize`, which says whether the page may come back.
    pub(crate) asks: bool,
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
    /// The topics that the committed state has subscribed to; `None` if to none.
    topics: Option<TopicNames>,
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
    /// What the address counts as; `bind` if the address is not known.
    pub(crate) counted: Arc<str>,
    pub(crate) request: Option<Arc<str>>,
    /// The URL of its page.
    pub(crate) page: Arc<str>,
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
    socket: OnceLock<LiveSocket>,
    dialect: Dialect,
    state: Mutex<State>,
}

/// A connection's hold on a session. Dropping it does nothing: see [`Session::detach`].
pub(crate) struct Attached {
    pub(crate) session: Arc<Session>,
    pub(crate) epoch: u64,
}

/// What became of a session whose connection is gone.
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
        let secret = new_secret(&about.instance);
        let link = Link {
            outbox: outbox.clone(),
            id,
        };
        let address = about.address.clone();
        Arc::new(Self {
            about,
            key,
            socket: OnceLock::new(),
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
                unheard: Some(point.revision),
                delivered: point.revision,
                under_way: None,
                is_ongoing: false,
                topics: None,
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
        // `set` cannot fail: the connection that made session and actor calls this once.
        let _ = self.socket.set(socket);
        // `end_locked` may have run before; then there was no actor to stop.
        if self.lock().ended
            && let Some(socket) = self.socket.get()
        {
            socket.stop();
        }
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
    /// state further.
    pub(crate) fn beyond(&self, revision: Revision) -> Option<Revision> {
        let state = self.lock();
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
        if let Some(socket) = self.socket.get() {
            // An actor that has ended takes no event; its page has been told of the end.
            let _ = socket.take(numbered.map(|numbered| numbered.number), event);
        }
    }

    /// Shows the component on another connection; the connection that it was shown on loses it. Gives the
    /// new connection's hold on the session, and the session's number among the parked if it was parked; or
    /// gives the place back if the session has ended or the secret is not its own.
    pub(crate) fn attach(
        self: &Arc<Self>,
        link: Link,
        back: Back<'_>,
        place: Place,
    ) -> Result<(Attached, Option<u64>), Place> {
        let mut state = self.lock();
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(back.secret.as_bytes()));
        let is_current = is(&state.secret);
        // The secret is empty if the system had no random numbers: then nobody resumes the session.
        if back.secret.is_empty()
            || state.ended
            || !(is_current || state.previous.as_deref().is_some_and(is))
        {
            return Err(place);
        }
        let next = new_secret(&self.about.instance);
        let replaced = std::mem::replace(&mut state.secret, next);
        if is_current {
            state.previous = Some(replaced);
        }
        state.settle();
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.key, true);
        }
        state.under_way = None;
        link.outbox.attach(self.key);
        state.epoch += 1;
        state.unheard = None;
        state.address = back.address;
        let id = link.id.clone();
        state.link = Some(link);
        let epoch = state.epoch;
        // Nothing is held back any more: the answers that follow, or the tree, say all of it.
        state.lags_after = None;
        state.stale |= back.needs_tree;
        let parked = state.parked.take();
        state.asking = Some(back.shown);
        let is_ongoing = state.is_ongoing;
        drop(state);
        let asks = back.asks;
        let waits = asks || is_ongoing || !place.is_first();
        let waits = waits.then(|| Waits {
            epoch,
            asks,
            // A turn that the page has already is given up for a place in the line, because the actor may
            // have a handler to wait for.
            place: place.queued(),
        });
        let goes_on = waits.is_none();
        if let Some(socket) = self.socket.get() {
            socket.resume(id, back.request, waits);
        }
        if goes_on
            && self.resumed(epoch, false)
            && let Some(socket) = self.socket.get()
        {
            socket.show();
        }
        let session = self.clone();
        Ok((Attached { session, epoch }, parked))
    }

    /// Lets in the page that came back on this connection, and sends the answers that it has missed. True
    /// if the page has to be shown the whole tree instead, for example because the tree `has_changed`
    /// without an event.
    pub(crate) fn resumed(&self, epoch: u64, has_changed: bool) -> bool {
        let mut state = self.lock();
        state.stale |= has_changed;
        // The page is on another connection by now, which has not been let in.
        if state.epoch != epoch {
            return false;
        }
        let Some(shown) = state.asking.take() else {
            return state.stale;
        };
        state.stale = state.stale || !state.answers.reach_back_to(shown);
        state.answers.has_shown(shown);
        state.shown = shown.revision;
        let is_stale = state.stale;
        let State {
            link,
            shown,
            answers,
            secret,
            ..
        } = &mut *state;
        if let Some(link) = link.as_ref().filter(|_| !is_stale) {
            let text = extended::resumed(&link.id, answers.last().event, secret);
            link.outbox.push(self.key, text);
            for answer in answers.kept() {
                answer.push(&link.outbox, self.key, &link.id, shown);
            }
        }
        state.stale
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
        state.parked = None;
        state.settle();
        let link = state.link.take();
        state.answers = Answers::new(state.answers.last());
        drop(state);
        if let Some(link) = link {
            link.outbox.detach(self.key, silence);
        }
        if let Some(socket) = self.socket.get() {
            socket.stop();
        }
    }

    /// Has the actor handle the events that wait, and end.
    pub(crate) fn finish(&self) {
        if let Some(socket) = self.socket.get() {
            socket.finish();
        }
    }

    /// Asks the actor to report the memory of props and tree.
    pub(crate) fn weigh(&self) {
        if let Some(socket) = self.socket.get() {
            socket.weigh();
        }
    }

    pub(crate) fn ticket(&self) -> Option<u64> {
        self.lock().parked
    }

    /// Sends the tree, for a page that has joined or cannot go on from what it shows. A tree may be large,
    /// so its text is written before the lock is taken. The text is written for one connection; if the
    /// session has another connection by the time the lock is held, the text is written again.
    pub(crate) fn show(&self, point: Point, tree: &LiveTree, anew: bool) {
        loop {
            let Some((epoch, id, secret)) = self.shown() else {
                let mut state = self.lock();
                if state.link.is_some() {
                    continue;
                }
                state.shows(point);
                // The next page that comes back has to be shown the tree.
                state.stale = true;
                return;
            };
            let (text, encoded) = match self.dialect {
                Dialect::Classic => (ServerMessage::Trees(tree).to_json(&id).0, None),
                Dialect::Extended => {
                    let encoded = extended::joined(tree, point, &secret, anew);
                    (encoded.text(&id), Some(encoded))
                }
            };
            let mut state = self.lock();
            if state.epoch != epoch || state.link.is_none() {
                continue;
            }
            state.shows(point);
            let State { link, answers, .. } = &mut *state;
            if let Some(link) = link {
                for answer in answers.unsaid().filter(|_| encoded.is_some()) {
                    answer.push_unsaid(&link.outbox, self.key, &link.id);
                }
                link.outbox.push_written(self.key, text, encoded.as_ref());
            }
            if let Some(encoded) = encoded {
                answers.set_tree_bytes(encoded.size());
            }
            return;
        }
    }

    /// The epoch of the connection that the component is shown on, the component's id there, and the
    /// secret; `None` if there is no connection.
    fn shown(&self) -> Option<(u64, Arc<str>, Box<str>)> {
        let state = self.lock();
        let id = state.link.as_ref()?.id.clone();
        Some((state.epoch, id, state.secret.clone()))
    }

    /// Sends the answer to event `point.event`, after which the component is at `point`. Gives the memory of
    /// all answers that are kept.
    pub(crate) fn answer(
        &self,
        point: Point,
        message: &ServerMessage<'_>,
        beside: Beside<'_>,
    ) -> usize {
        if self.dialect == Dialect::Classic {
            self.answer_classic(point, message, beside.redirect);
            return 0;
        }
        let says = match message {
            ServerMessage::Error(_) => Says::Failure,
            _ => Says::Answer,
        };
        self.push(point, says, extended::encode(message, point.event), beside)
    }

    /// Sends a change that no event asked for, after which the component is at `point`; with `None` the page
    /// shows what it is to show. Gives the memory of all answers that are kept.
    pub(crate) fn changed(
        &self,
        point: Point,
        message: Option<&ServerMessage<'_>>,
        beside: Beside<'_>,
    ) -> usize {
        let has_more = beside.redirect.is_some() || !beside.pushes.is_empty();
        let nothing = ServerMessage::Patch(Patch::default(), None);
        let message = match message {
            Some(message) => message,
            // Something has to follow what goes before a change.
            None if has_more && self.dialect == Dialect::Extended => &nothing,
            None => {
                let mut state = self.lock();
                state.answers.move_to(point);
                return state.answers.memory();
            }
        };
        if self.dialect == Dialect::Classic {
            self.answer_classic(point, message, beside.redirect);
            return 0;
        }
        let encoded = extended::encode(message, point.event);
        self.push(point, Says::Change, encoded, beside)
    }

    /// Sends the answer to the `count` events up to `point.event`, which are not handled. Gives the memory of all
    /// answers that are kept.
    pub(crate) fn unhandled(
        &self,
        point: Point,
        count: u64,
        text: &str,
        is_expired: bool,
    ) -> usize {
        if self.dialect == Dialect::Classic {
            for _ in 0..count {
                self.answer_classic(point, &ServerMessage::Error(text), None);
            }
            return 0;
        }
        self.push(
            point,
            Says::Failure,
            extended::unhandled(point.event, count, text, is_expired),
            Beside::default(),
        )
    }

    fn push(&self, point: Point, says: Says, encoded: Encoded, beside: Beside<'_>) -> usize {
        let mut state = self.lock();
        let answer = Answer {
            point,
            says,
            encoded,
            redirect: beside.redirect.map(str::to_owned),
            keeps_form: beside.keeps_form,
            pushes: beside.pushes.to_vec(),
        };
        if !state.holds_back() {
            let State { link, shown, .. } = &mut *state;
            if let Some(link) = link {
                answer.push(&link.outbox, self.key, &link.id, shown);
            }
        }
        state.answers.keep(answer);
        state.answers.memory()
    }

    fn answer_classic(&self, point: Point, message: &ServerMessage<'_>, redirect: Option<&str>) {
        // A classic component has one connection, and one id, for its life.
        let id = {
            let mut state = self.lock();
            state.answers.move_to(point);
            state.link.as_ref().map(|link| link.id.clone())
        };
        let Some(id) = id else { return };
        let texts: Vec<String> = message.texts(&id, redirect).collect();
        let state = self.lock();
        let Some(link) = &state.link else { return };
        for text in texts {
            link.outbox.push(self.key, text);
        }
    }

    /// Tells the page that the component did not start, or ends by itself. No page goes on with the
    /// session.
    pub(crate) fn refuse(&self, text: &str, refusal: &Refusal) {
        let mut state = self.lock();
        state.ended = true;
        let Some(link) = &state.link else { return };
        let text = self.dialect.refused(&link.id, text, refusal);
        link.outbox.push(self.key, text);
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.dialect == Dialect::Classic
    }

    /// Whether answers are held back because the connection takes too little. Starts to hold back if the
    /// outbox has no room.
    pub(crate) fn lags(&self) -> bool {
        let mut state = self.lock();
        if self.dialect == Dialect::Classic || state.stale || state.asking.is_some() {
            return false;
        }
        let is_full = matches!(&state.link, Some(link) if !link.outbox.has_room());
        if is_full && state.lags_after.is_none() {
            state.lags_after = Some(state.answers.last());
        }
        state.lags_after.is_some()
    }

    /// Holds back what is said from now on, as if the connection took too little. False if the page is shown
    /// the whole tree anyway.
    pub(crate) fn hold(&self) -> bool {
        let mut state = self.lock();
        if self.dialect == Dialect::Classic || state.stale || state.asking.is_some() {
            return false;
        }
        if state.lags_after.is_none() {
            state.lags_after = Some(state.answers.last());
        }
        true
    }

    /// Whether what is said now is held back.
    pub(crate) fn is_held(&self) -> bool {
        self.lock().lags_after.is_some()
    }

    /// The outbox of the connection that the component is shown on, if the page there counts as hidden.
    pub(crate) fn hidden(&self) -> Option<Arc<Outbox>> {
        self.outbox().filter(|outbox| outbox.is_hidden())
    }

    /// Whether the connection can take more now.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        state
            .link
            .as_ref()
            .is_none_or(|link| link.outbox.has_room())
    }

    /// Whether a page shows the component, and was let in.
    pub(crate) fn is_shown(&self) -> bool {
        let state = self.lock();
        state.link.is_some() && state.asking.is_none()
    }

    /// Something goes on beside the props: a page that comes back waits until the component has caught up.
    pub(crate) fn set_ongoing(&self, is_ongoing: bool) {
        self.lock().is_ongoing = is_ongoing;
    }

    /// The committed state has subscribed to these topics. Gives those that it had subscribed to before.
    pub(crate) fn set_topics(&self, topics: Option<TopicNames>) -> Option<TopicNames> {
        std::mem::replace(&mut self.lock().topics, topics)
    }

    /// Whether the session is of somebody who is meant: of that user, and on a connection from that address. If it is
    /// parked, its last connection counts.
    pub(crate) fn is_of(&self, whose: &Whose) -> bool {
        whose.means(&self.about.bind, &self.lock().address)
    }

    /// Has the actor leave a topic: see [`LiveSocket::leave`].
    pub(crate) fn leave_topic(&self, topic: &Arc<str>) {
        if let Some(socket) = self.socket.get() {
            socket.leave(topic, false);
        }
    }

    /// Sends the answers that were held back as one answer, and before it their failures and redirects.
    pub(crate) fn merged(&self, point: Point, message: &ServerMessage<'_>) {
        if self.dialect == Dialect::Classic {
            self.answer_classic(point, message, None);
            return;
        }
        let encoded = extended::encode(message, point.event);
        let mut state = self.lock();
        let Some(after) = state.lags_after.take() else {
            return;
        };
        let State {
            link,
            shown,
            answers,
            ..
        } = &mut *state;
        let Some(link) = link else { return };
        let missed = answers.unsaid().chain(answers.kept());
        for answer in missed.filter(|answer| !after.includes(answer.point)) {
            answer.push_unsaid(&link.outbox, self.key, &link.id);
        }
        push_revision(&link.outbox, self.key, &link.id, shown, point.revision);
        link.outbox.push_encoded(self.key, &link.id, &encoded);
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

    /// Sends a checkpoint or, with `None`, says that the state is too large for one. False if there is no
    /// connection to send on, or answers are held back.
    pub(crate) fn checkpoint(&self, point: Point, sealed: Option<&str>) -> bool {
        let mut state = self.lock();
        state.settle();
        let Some(link) = state.link.as_ref().filter(|_| !state.holds_back()) else {
            return false;
        };
        let text = extended::checkpoint(&link.id, point.event, sealed);
        link.outbox.push(self.key, text);
        if sealed.is_some() {
            state.under_way = Some((point.revision, link.outbox.pushed()));
        }
        true
    }

    /// The epoch of the connection whose client keeps checkpoints; `None` if there is none now.
    pub(crate) fn keeps_checkpoints(&self) -> Option<u64> {
        let state = self.lock();
        let is_there =
            self.dialect == Dialect::Extended && state.link.is_some() && !state.holds_back();
        is_there.then_some(state.epoch)
    }

    /// Resolves when the connection can take more, or is gone.
    pub(crate) async fn ready(&self) {
        loop {
            let outbox = match &self.lock().link {
                Some(link) if !link.outbox.has_room() => link.outbox.clone(),
                _ => return,
            };
            outbox.changed().await;
        }
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
