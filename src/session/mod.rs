//! One live component as its page sees it: what it has answered, and on which connection it is shown. It
//! outlives the connection.

mod answers;
pub(crate) mod checkpoints;
mod peer;

use std::sync::{Arc, OnceLock};

use subtle::ConstantTimeEq;

use crate::ids::ActorKey;
use crate::live_socket::{LiveSocket, Unhandled, Waits};
use crate::outbox::{Dialect, Outbox};
use crate::protocol::extended::{self, Encoded};
use crate::protocol::{Beside, ClientEvent, Numbered, Refusal, ServerMessage};
use crate::random::random_text;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::tree::LiveTree;
use crate::turns::Place;
use answers::{Answer, Answers};
pub use peer::Peer;

/// What resumes a session: its instance, a dot, and what nobody can guess. Empty if the system has
/// no random numbers.
fn new_secret(instance: &str) -> Box<str> {
    match &*random_text() {
        "" => Box::default(),
        random => format!("{instance}.{random}").into(),
    }
}

/// Where a component is shown.
pub(crate) struct Link {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) id: Arc<str>,
}

/// What a page comes back with.
pub(crate) struct Back<'a> {
    pub(crate) secret: &'a str,
    /// The last event whose answer it has.
    pub(crate) seen: u64,
    /// It does not show what it has shown, and needs the whole tree.
    pub(crate) needs_tree: bool,
    /// The request that its connection began with.
    pub(crate) request: Option<Arc<str>>,
    /// Its module says whether it may.
    pub(crate) asks: bool,
}

struct State {
    link: Option<Link>,
    /// Counts the connections it was shown on. What an older one says is not heard any more.
    epoch: u64,
    answers: Answers,
    /// The page has to be shown the whole tree before anything else.
    stale: bool,
    /// Set while a resume waits for `authorize`: the last answer that the page has.
    asking: Option<u64>,
    /// The connection takes so little that answers after this one are held back, to be merged.
    lags_after: Option<u64>,
    secret: Box<str>,
    /// Good until the client has shown that it has `secret`.
    previous: Option<Box<str>>,
    /// Its number among those without a connection.
    parked: Option<u64>,
    /// Number of the checkpoint that the page joined with. Cleared by the page's first event, which
    /// proves that the join's answer has arrived.
    unheard: Option<u64>,
    /// The newest checkpoint that the transport of the page's connection has taken, or that the page
    /// joined with.
    delivered: u64,
    /// A newer one that is under way: its event, and the outbox's count of messages up to it.
    under_way: Option<(u64, u64)>,
    ended: bool,
    /// The page itself ended it: it has no use for an older state.
    left: bool,
}

/// What a session is made for.
pub(crate) struct About {
    /// The component's own name.
    pub(crate) instance: Arc<str>,
    /// The module's.
    pub(crate) module: Arc<str>,
    /// Whom it belongs to; nobody else resumes it.
    pub(crate) bind: Arc<str>,
    /// The address that it was joined from.
    pub(crate) address: Arc<str>,
    /// Whose it is, when much is held: the user, or what the address counts as.
    pub(crate) holder: Arc<str>,
    /// What the address counts as; the user, if that is not known.
    pub(crate) counted: Arc<str>,
    pub(crate) request: Option<Arc<str>>,
    /// The URL of its page.
    pub(crate) page: Arc<str>,
}

impl About {
    /// Who was at the other end of the connection that it was made on.
    pub(crate) fn peer(&self) -> Peer {
        Peer {
            request: self.request.clone(),
            bind: self.bind.clone(),
            address: self.address.clone(),
        }
    }
}

/// A component's session. The lock is a `std` one, held for a push to the connection's outbox at
/// most; it is taken before the outbox's, never after.
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
    /// It waits to be resumed.
    Waiting,
    /// It has ended, or is shown elsewhere.
    Over,
}

impl Session {
    /// A session that is shown on `outbox` as component `id`, and whose state includes the events up
    /// to `number`.
    pub(crate) fn new(
        about: About,
        key: ActorKey,
        outbox: &Arc<Outbox>,
        id: Arc<str>,
        number: u64,
    ) -> Arc<Self> {
        outbox.attach(key);
        let secret = new_secret(&about.instance);
        let link = Link {
            outbox: outbox.clone(),
            id,
        };
        Arc::new(Self {
            about,
            key,
            socket: OnceLock::new(),
            dialect: outbox.dialect,
            state: Mutex::new(State {
                link: Some(link),
                epoch: 0,
                answers: Answers::new(number),
                stale: false,
                asking: None,
                lags_after: None,
                secret,
                previous: None,
                parked: None,
                unheard: Some(number),
                delivered: number,
                under_way: None,
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

    /// Its actor.
    pub(crate) fn set_socket(&self, socket: LiveSocket) {
        // Called once, by whoever made both.
        let _ = self.socket.set(socket);
        // Whoever ended it meanwhile found nothing to stop.
        if self.lock().ended
            && let Some(socket) = self.socket.get()
        {
            socket.stop();
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().ended || self.socket.get().is_some_and(LiveSocket::is_stopped)
    }

    /// Whether no other connection has taken it over since.
    pub(crate) fn is_shown_in(&self, epoch: u64) -> bool {
        self.lock().epoch == epoch
    }

    /// While it lives: the event that the state is at, if it is further on than a checkpoint of event `number`. A page
    /// whose join was not answered may make it again, even if the store has brought the state further.
    pub(crate) fn beyond(&self, number: u64) -> Option<u64> {
        let state = self.lock();
        let answered = state.answers.last();
        (answered > number && state.unheard != Some(number)).then_some(answered)
    }

    /// Once it has ended: the event of the oldest checkpoint that may start it again. A page that ended
    /// it itself, or that can never resume, has no use for less than the last state. Any other page goes
    /// on from its newest checkpoint: that is the last one that its connection has taken.
    pub(crate) fn newest(&self) -> u64 {
        let mut state = self.lock();
        if state.left || self.dialect == Dialect::Classic {
            return state.answers.last();
        }
        state.settle();
        state.delivered
    }

    /// An event from the connection that it is shown on.
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
        // An event is sent only after the join's answer.
        state.unheard = None;
        if let Some(Numbered { seen, .. }) = numbered {
            // So the client has the new secret.
            state.previous = None;
            state.answers.has_seen(seen);
        }
        drop(state);
        if let Some(socket) = self.socket.get() {
            // One that has ended ignores it, as it ignores what came before.
            let _ = socket.take(numbered.map(|numbered| numbered.number), event);
        }
    }

    /// Shows it on another connection, whatever becomes of the one it is shown on. Gives the
    /// connection's hold on it and its number among the parked; or the place, if the secret is not
    /// its own.
    pub(crate) fn attach(
        self: &Arc<Self>,
        link: Link,
        back: Back<'_>,
        place: Place,
    ) -> Result<(Attached, Option<u64>), Place> {
        let mut state = self.lock();
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(back.secret.as_bytes()));
        let is_current = is(&state.secret);
        // Empty if the system had no random numbers: then nobody resumes it.
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
        let id = link.id.clone();
        state.link = Some(link);
        let epoch = state.epoch;
        // What was held back is among the answers that follow, or in the tree.
        state.lags_after = None;
        state.stale |= back.needs_tree;
        let parked = state.parked.take();
        state.asking = Some(back.seen);
        drop(state);
        let asks = back.asks;
        let waits = asks || !place.is_first();
        let waits = waits.then(|| Waits {
            epoch,
            asks,
            // Its actor may have a handler to wait for.
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

    /// The page that came back on this connection may: what it has missed follows. True if it has
    /// to be shown the whole tree instead, for example if the tree `has_changed` beside the events.
    pub(crate) fn resumed(&self, epoch: u64, has_changed: bool) -> bool {
        let mut state = self.lock();
        state.stale |= has_changed;
        // Of whatever connection it is on now, nobody has said so.
        if state.epoch != epoch {
            return false;
        }
        let Some(seen) = state.asking.take() else {
            return state.stale;
        };
        state.stale = state.stale || !state.answers.reach_back_to(seen);
        state.answers.has_seen(seen);
        if let Some(link) = state.link.as_ref().filter(|_| !state.stale) {
            let text = extended::resumed(&link.id, state.answers.last(), &state.secret);
            link.outbox.push(self.key, text);
            for answer in state.answers.kept() {
                answer.push(&link.outbox, self.key, &link.id);
            }
        }
        state.stale
    }

    /// The connection is gone. `ticket` becomes its number among the parked.
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

    /// The page wants it no more.
    pub(crate) fn leave(&self, epoch: u64) {
        let mut state = self.lock();
        if state.epoch == epoch {
            state.left |= !state.ended;
            self.end_locked(state, true);
        }
    }

    /// Ends it if it is still shown on that connection. Its page has not asked for that, and may come
    /// back with its checkpoint.
    pub(crate) fn end_shown(&self, epoch: u64) {
        let state = self.lock();
        if state.epoch == epoch {
            self.end_locked(state, true);
        }
    }

    /// Ends it. What it has sent stays.
    pub(crate) fn end(&self) {
        self.end_locked(self.lock(), false);
    }

    /// Ends it if it is still parked under this number.
    pub(crate) fn end_parked(&self, ticket: u64) {
        let state = self.lock();
        if state.parked == Some(ticket) {
            self.end_locked(state, true);
        }
    }

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

    /// Has its actor answer what waits, and end.
    pub(crate) fn finish(&self) {
        if let Some(socket) = self.socket.get() {
            socket.finish();
        }
    }

    /// Weighs it, when its actor gets to it.
    pub(crate) fn weigh(&self) {
        if let Some(socket) = self.socket.get() {
            socket.weigh();
        }
    }

    pub(crate) fn ticket(&self) -> Option<u64> {
        self.lock().parked
    }

    /// The tree, for a page that has joined or cannot go on from what it shows. A tree may be large, so
    /// it is written before the lock is taken, for the connection that there is then: once more if
    /// there is another one meanwhile.
    pub(crate) fn show(&self, number: u64, tree: &LiveTree, anew: bool) {
        loop {
            let Some((epoch, id, secret)) = self.shown() else {
                let mut state = self.lock();
                if state.link.is_some() {
                    continue;
                }
                state.shows(number);
                // Whoever comes next has to be shown it.
                state.stale = true;
                return;
            };
            let (text, encoded) = match self.dialect {
                Dialect::Classic => (ServerMessage::Trees(tree).to_json(&id).0, None),
                Dialect::Extended => {
                    let encoded = extended::joined(tree, number, &secret, anew);
                    (encoded.text(&id), Some(encoded))
                }
            };
            let mut state = self.lock();
            if state.epoch != epoch || state.link.is_none() {
                continue;
            }
            state.shows(number);
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

    /// The connection that it is shown on, as what, and what resumes it.
    fn shown(&self) -> Option<(u64, Arc<str>, Box<str>)> {
        let state = self.lock();
        let id = state.link.as_ref()?.id.clone();
        Some((state.epoch, id, state.secret.clone()))
    }

    /// The answer to event `number`. Gives the memory of all answers that are kept.
    pub(crate) fn answer(
        &self,
        number: u64,
        message: &ServerMessage<'_>,
        beside: Beside<'_>,
    ) -> usize {
        if self.dialect == Dialect::Classic {
            self.answer_classic(message, beside.redirect);
            return 0;
        }
        let is_failure = matches!(message, ServerMessage::Error(_));
        self.push(
            number,
            extended::encode(message, number),
            is_failure,
            beside,
        )
    }

    /// The answer to so many events up to `last`, which are not handled. Gives the memory of all answers
    /// that are kept.
    pub(crate) fn unhandled(&self, last: u64, count: u64, text: &str, is_expired: bool) -> usize {
        if self.dialect == Dialect::Classic {
            for _ in 0..count {
                self.answer_classic(&ServerMessage::Error(text), None);
            }
            return 0;
        }
        self.push(
            last,
            extended::unhandled(last, count, text, is_expired),
            true,
            Beside::default(),
        )
    }

    fn push(&self, number: u64, encoded: Encoded, is_failure: bool, beside: Beside<'_>) -> usize {
        let mut state = self.lock();
        let answer = Answer {
            number,
            is_failure,
            encoded,
            redirect: beside.redirect.map(str::to_owned),
            keeps_form: beside.keeps_form,
        };
        if let Some(link) = state.link.as_ref().filter(|_| !state.holds_back()) {
            answer.push(&link.outbox, self.key, &link.id);
        }
        state.answers.keep(answer);
        state.answers.memory()
    }

    fn answer_classic(&self, message: &ServerMessage<'_>, redirect: Option<&str>) {
        // A classic component has one connection, and one id, for its life.
        let id = {
            let mut state = self.lock();
            state.answers.count(1);
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

    /// The component did not come to life, or ends by itself. From here on no page goes on with it.
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

    /// Whether answers are held back from now on, because the connection takes too little.
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

    /// What was held back, as one answer; the failures and redirects in it before it.
    pub(crate) fn merged(&self, number: u64, message: &ServerMessage<'_>) {
        let encoded = extended::encode(message, number);
        let mut state = self.lock();
        let Some(after) = state.lags_after.take() else {
            return;
        };
        let Some(link) = &state.link else { return };
        let missed = state.answers.unsaid().chain(state.answers.kept());
        for answer in missed.filter(|answer| answer.number > after) {
            answer.push_unsaid(&link.outbox, self.key, &link.id);
        }
        link.outbox.push_encoded(self.key, &link.id, &encoded);
    }

    /// Where it is shown.
    pub(crate) fn outbox(&self) -> Option<Arc<Outbox>> {
        let state = self.lock();
        state.link.as_ref().map(|link| link.outbox.clone())
    }

    /// Bytes of the events that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.socket.get().map_or(0, LiveSocket::waiting_bytes)
    }

    /// Sends a checkpoint, or says that there is none. False if nobody is there to have it.
    pub(crate) fn checkpoint(&self, number: u64, sealed: Option<&str>) -> bool {
        let mut state = self.lock();
        state.settle();
        let Some(link) = state.link.as_ref().filter(|_| !state.holds_back()) else {
            return false;
        };
        let text = extended::checkpoint(&link.id, number, sealed);
        link.outbox.push(self.key, text);
        if sealed.is_some() {
            state.under_way = Some((number, link.outbox.pushed()));
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

    /// Resolves when its connection can take more, or is gone.
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
    /// Takes note of a checkpoint that the connection has taken meanwhile. Of one that it has not taken,
    /// nobody knows once the connection is another one.
    fn settle(&mut self) {
        if let Some(link) = &self.link
            && let Some((number, messages)) = self.under_way
            && link.outbox.has_written(messages)
        {
            self.delivered = self.delivered.max(number);
            self.under_way = None;
        }
    }

    /// The whole tree is shown, which includes the events up to `number`.
    fn shows(&mut self, number: u64) {
        self.answers.forget_up_to(number);
        self.stale = false;
        self.asking = None;
        self.lags_after = None;
    }

    /// Whether answers are not sent as they come.
    fn holds_back(&self) -> bool {
        self.stale || self.asking.is_some() || self.lags_after.is_some()
    }
}
