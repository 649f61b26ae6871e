//! One live component as its page sees it: what it has answered, which answers may not have arrived,
//! and on which connection it is shown. It outlives the connection.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, PoisonError};

use subtle::ConstantTimeEq;

use super::outbox::{Dialect, Outbox};
use super::random::random_text;
use crate::dispatch::ActorKey;
use crate::live_socket::{LiveSocket, Unhandled, Waits};
use crate::protocol::extended::{self, Encoded};
use crate::protocol::{ClientEvent, Numbered, Refusal, ServerMessage};
use crate::sync::{Mutex, MutexGuard};
use crate::tree::LiveTree;
use crate::turns::Place;

/// The fewest bytes of answers that are kept for a client that may have missed them.
const MIN_RETAINED: usize = 1024;
/// The most, however large the component's tree is.
const MAX_RETAINED: usize = 64 * 1024;
/// So many failures are kept for a client that has missed them and is shown the tree anew: it says
/// nothing of them.
const MAX_FAILURES: usize = 256;

/// What resumes a session: its instance, a dot, and what nobody can guess. Empty where the system has
/// no random numbers.
fn new_secret(instance: &str) -> Box<str> {
    match &*random_text() {
        "" => Box::default(),
        random => format!("{instance}.{random}").into(),
    }
}

/// Where a component is shown.
pub(super) struct Link {
    pub(super) outbox: Arc<Outbox>,
    pub(super) id: Arc<str>,
}

/// What a page comes back with.
pub(super) struct Back<'a> {
    pub(super) secret: &'a str,
    /// The last event whose answer it has.
    pub(super) seen: u64,
    /// The request that its connection began with.
    pub(super) request: Option<Arc<str>>,
    /// Its module says whether it may.
    pub(super) asks: bool,
}

/// An answer that the client may not have.
struct Retained {
    number: u64,
    is_failure: bool,
    answer: Encoded,
    redirect: Option<String>,
}

struct State {
    link: Option<Link>,
    /// Counts the connections it was shown on. What an older one says is not heard any more.
    epoch: u64,
    answered: u64,
    retained: VecDeque<Retained>,
    retained_bytes: usize,
    /// Failures among the answers that are not retained.
    failures: VecDeque<Retained>,
    /// The last answer that is not among `retained`.
    forgotten: u64,
    /// The size of the tree that was sent last: keeping more than that would be of no use.
    tree_bytes: usize,
    /// The page has to be shown the whole tree before anything else.
    stale: bool,
    /// The page is back, with the answers up to this one, and nobody has said so far that it may.
    asking: Option<u64>,
    /// The connection takes so little that answers after this one are held back, to be merged.
    lags_after: Option<u64>,
    secret: Box<str>,
    /// Good until the client has shown that it has `secret`.
    previous: Option<Box<str>>,
    /// Its number among those without a connection.
    parked: Option<u64>,
    /// The event up to which its page knew the state when it joined, until the page has shown that it
    /// got the answer.
    unheard: Option<u64>,
    ended: bool,
}

/// What a session is made for.
pub(super) struct About {
    /// The component's own name.
    pub(super) instance: Arc<str>,
    /// The module's.
    pub(super) module: Arc<str>,
    /// Whom it belongs to; nobody else resumes it.
    pub(super) bind: Arc<str>,
    /// The address that it was joined from.
    pub(super) address: Arc<str>,
    pub(super) request: Option<Arc<str>>,
}

/// A component's session. The lock is a `std` one, held for a push to the connection's outbox at
/// most; it is taken before the outbox's, never after.
pub(super) struct Session {
    pub(super) about: About,
    pub(super) key: ActorKey,
    socket: OnceLock<LiveSocket>,
    dialect: Dialect,
    state: Mutex<State>,
}

/// A connection's hold on a session. Dropping it does nothing: see [`Session::detach`].
pub(super) struct Attached {
    pub(super) session: Arc<Session>,
    pub(super) epoch: u64,
}

/// What became of a session whose connection is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detached {
    /// It waits to be resumed.
    Waiting,
    /// It has ended, or is shown elsewhere.
    Over,
}

impl Session {
    /// A session that is shown on `outbox` as component `id`, and whose state includes the events up
    /// to `number`.
    pub(super) fn new(
        about: About,
        key: ActorKey,
        outbox: &Arc<Outbox>,
        id: Arc<str>,
        number: u64,
    ) -> Arc<Self> {
        outbox.attach();
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
                answered: number,
                retained: VecDeque::new(),
                retained_bytes: 0,
                failures: VecDeque::new(),
                forgotten: number,
                tree_bytes: 0,
                stale: false,
                asking: None,
                lags_after: None,
                secret,
                previous: None,
                parked: None,
                unheard: Some(number),
                ended: false,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(all(test, shuttle))]
    pub(super) fn secret(&self) -> String {
        self.lock().secret.to_string()
    }

    /// Its actor.
    pub(super) fn set_socket(&self, socket: LiveSocket) {
        // Called once, by whoever made both.
        let _ = self.socket.set(socket);
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().ended || self.socket.get().is_some_and(LiveSocket::is_stopped)
    }

    /// The last answered event, where that is beyond a checkpoint of event `number`. A page whose join
    /// was not answered may make it again, even where the store has brought the state further.
    pub(super) fn beyond(&self, number: u64) -> Option<u64> {
        let state = self.lock();
        let is_older = state.answered > number && state.unheard != Some(number);
        is_older.then_some(state.answered)
    }

    /// An event from the connection that it is shown on.
    pub(super) fn event(
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
            state.has_seen(seen);
        }
        drop(state);
        if let Some(socket) = self.socket.get() {
            // One that has ended ignores it, as it ignores what came before.
            let _ = socket.take(numbered.map(|numbered| numbered.number), event);
        }
    }

    /// Shows it on another connection, whatever becomes of the one it is shown on. Gives the
    /// connection's hold on it and its number among the parked; or the place, where the secret is not
    /// its own.
    pub(super) fn attach(
        self: &Arc<Self>,
        link: Link,
        back: Back<'_>,
        place: Place,
    ) -> Result<(Attached, Option<u64>), Place> {
        let mut state = self.lock();
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(back.secret.as_bytes()));
        let is_current = is(&state.secret);
        // Empty where the system had no random numbers: then nobody resumes it.
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
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.key, true);
        }
        link.outbox.attach();
        state.epoch += 1;
        state.unheard = None;
        state.link = Some(link);
        let epoch = state.epoch;
        // What was held back is among the answers that follow, or in the tree.
        state.lags_after = None;
        let parked = state.parked.take();
        state.asking = Some(back.seen);
        drop(state);
        let asks = back.asks;
        let waits = (asks || place.due().is_some()).then_some(Waits { epoch, asks, place });
        let goes_on = waits.is_none();
        if let Some(socket) = self.socket.get() {
            socket.resume(back.request, waits);
        }
        if goes_on
            && self.resumed(epoch)
            && let Some(socket) = self.socket.get()
        {
            socket.show();
        }
        let session = self.clone();
        Ok((Attached { session, epoch }, parked))
    }

    /// The page that came back on this connection may: what it has missed follows. True where it has
    /// to be shown the whole tree instead.
    pub(super) fn resumed(&self, epoch: u64) -> bool {
        let mut state = self.lock();
        if state.epoch != epoch {
            return false;
        }
        let Some(seen) = state.asking.take() else {
            return false;
        };
        state.stale = state.stale || seen < state.forgotten || seen > state.answered;
        state.has_seen(seen);
        if let Some(link) = state.link.as_ref().filter(|_| !state.stale) {
            let text = extended::resumed(&link.id, state.answered, &state.secret);
            link.outbox.push(self.key, text);
            for retained in &state.retained {
                retained.push(&link.outbox, self.key, &link.id);
            }
        }
        state.stale
    }

    /// The connection is gone. `ticket` becomes its number among the parked.
    pub(super) fn detach(&self, epoch: u64, ticket: u64) -> Detached {
        let mut state = self.lock();
        if state.epoch != epoch || state.ended {
            return Detached::Over;
        }
        if self.dialect == Dialect::Classic {
            self.end_locked(state, true);
            return Detached::Over;
        }
        if let Some(link) = state.link.take() {
            link.outbox.detach(self.key, true);
        }
        state.asking = None;
        state.parked = Some(ticket);
        Detached::Waiting
    }

    /// The page wants it no more.
    pub(super) fn leave(&self, epoch: u64) {
        let state = self.lock();
        if state.epoch == epoch {
            self.end_locked(state, true);
        }
    }

    /// Ends it. What it has sent stays.
    pub(super) fn end(&self) {
        self.end_locked(self.lock(), false);
    }

    /// Ends it where it is still parked under this number.
    pub(super) fn end_parked(&self, ticket: u64) {
        let state = self.lock();
        if state.parked == Some(ticket) {
            self.end_locked(state, true);
        }
    }

    fn end_locked(&self, mut state: MutexGuard<'_, State>, silence: bool) {
        state.ended = true;
        state.parked = None;
        let link = state.link.take();
        state.retained = VecDeque::new();
        drop(state);
        if let Some(link) = link {
            link.outbox.detach(self.key, silence);
        }
        if let Some(socket) = self.socket.get() {
            socket.stop();
        }
    }

    /// Has its actor answer what waits, and end.
    pub(super) fn finish(&self) {
        if let Some(socket) = self.socket.get() {
            socket.finish();
        }
    }

    /// Weighs it, when its actor gets to it.
    pub(super) fn weigh(&self) {
        if let Some(socket) = self.socket.get() {
            socket.weigh();
        }
    }

    pub(super) fn ticket(&self) -> Option<u64> {
        self.lock().parked
    }

    /// The tree, for a page that has joined or cannot go on from what it shows.
    pub(super) fn show(&self, number: u64, tree: &LiveTree, anew: bool) {
        let mut state = self.lock();
        state.answered = number;
        state.stale = false;
        state.asking = None;
        state.lags_after = None;
        while state.forget_oldest() {}
        state.forgotten = number;
        let Some(link) = &state.link else {
            // Whoever comes next has to be shown it.
            state.stale = true;
            return;
        };
        match self.dialect {
            Dialect::Classic => {
                let (text, _) = ServerMessage::Trees(tree).to_json(&link.id);
                link.outbox.push(self.key, text);
            }
            Dialect::Extended => {
                for failure in &state.failures {
                    failure.push(&link.outbox, self.key, &link.id);
                }
                let encoded = extended::joined(tree, number, &state.secret, anew);
                link.outbox.push_encoded(self.key, &link.id, &encoded);
                state.tree_bytes = encoded.size();
            }
        }
    }

    /// The answer to event `number`.
    pub(super) fn answer(&self, number: u64, message: &ServerMessage<'_>, redirect: Option<&str>) {
        if self.dialect == Dialect::Classic {
            return self.answer_classic(message, redirect);
        }
        let is_failure = matches!(message, ServerMessage::Error(_));
        self.push(
            number,
            extended::encode(message, number),
            is_failure,
            redirect,
        );
    }

    /// The answer to so many events up to `last`, which are not handled.
    pub(super) fn unhandled(&self, last: u64, count: u64, text: &str, is_expired: bool) {
        if self.dialect == Dialect::Classic {
            for _ in 0..count {
                self.answer_classic(&ServerMessage::Error(text), None);
            }
            return;
        }
        self.push(
            last,
            extended::unhandled(last, count, text, is_expired),
            true,
            None,
        );
    }

    fn push(&self, number: u64, answer: Encoded, is_failure: bool, redirect: Option<&str>) {
        let mut state = self.lock();
        state.answered = number;
        let retained = Retained {
            number,
            is_failure,
            answer,
            redirect: redirect.map(str::to_owned),
        };
        if let Some(link) = state.link.as_ref().filter(|_| !state.holds_back()) {
            retained.push(&link.outbox, self.key, &link.id);
        }
        state.retain(retained);
    }

    fn answer_classic(&self, message: &ServerMessage<'_>, redirect: Option<&str>) {
        let state = self.lock();
        let Some(link) = &state.link else { return };
        for text in message.texts(&link.id, redirect) {
            link.outbox.push(self.key, text);
        }
    }

    /// The component did not come to life.
    pub(super) fn refuse(&self, text: &str, refusal: &Refusal) {
        let state = self.lock();
        let Some(link) = &state.link else { return };
        let text = self.dialect.refused(&link.id, text, refusal);
        link.outbox.push(self.key, text);
    }

    pub(super) fn is_classic(&self) -> bool {
        self.dialect == Dialect::Classic
    }

    /// Whether answers are held back from now on, because the connection takes too little.
    pub(super) fn lags(&self) -> bool {
        let mut state = self.lock();
        if self.dialect == Dialect::Classic || state.stale || state.asking.is_some() {
            return false;
        }
        let is_full = matches!(&state.link, Some(link) if !link.outbox.has_room());
        if is_full && state.lags_after.is_none() {
            state.lags_after = Some(state.answered);
        }
        state.lags_after.is_some()
    }

    /// What was held back, as one answer; the failures and redirects in it before it.
    pub(super) fn merged(&self, number: u64, message: &ServerMessage<'_>) {
        let mut state = self.lock();
        let Some(after) = state.lags_after.take() else {
            return;
        };
        let Some(link) = &state.link else { return };
        let missed = state.failures.iter().chain(&state.retained);
        for retained in missed.filter(|retained| retained.number > after) {
            match &retained.redirect {
                _ if retained.is_failure => retained.push(&link.outbox, self.key, &link.id),
                Some(url) => link.outbox.push(self.key, extended::redirect(url)),
                None => {}
            }
        }
        let encoded = extended::encode(message, number);
        link.outbox.push_encoded(self.key, &link.id, &encoded);
    }

    /// Bytes of the events that wait.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.socket.get().map_or(0, LiveSocket::waiting_bytes)
    }

    /// Sends a checkpoint, or says that there is none. False where nobody is there to have it.
    pub(super) fn checkpoint(&self, number: u64, sealed: Option<&str>) -> bool {
        let state = self.lock();
        let Some(link) = state.link.as_ref().filter(|_| !state.holds_back()) else {
            return false;
        };
        let text = extended::checkpoint(&link.id, number, sealed);
        link.outbox.push(self.key, text);
        true
    }

    /// The epoch of the connection whose client keeps checkpoints; `None` where there is none now.
    pub(super) fn keeps_checkpoints(&self) -> Option<u64> {
        let state = self.lock();
        let is_there =
            self.dialect == Dialect::Extended && state.link.is_some() && !state.holds_back();
        is_there.then_some(state.epoch)
    }

    /// Resolves when its connection can take more, or is gone.
    pub(super) async fn ready(&self) {
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
    /// Whether answers are not sent as they come.
    fn holds_back(&self) -> bool {
        self.stale || self.asking.is_some() || self.lags_after.is_some()
    }

    fn has_seen(&mut self, seen: u64) {
        while let Some(oldest) = self.retained.front()
            && oldest.number <= seen
        {
            self.forget_oldest();
        }
        self.failures.retain(|failure| failure.number > seen);
    }

    fn retain(&mut self, retained: Retained) {
        self.retained_bytes += retained.answer.size();
        self.retained.push_back(retained);
        let most = self.tree_bytes.clamp(MIN_RETAINED, MAX_RETAINED);
        while self.retained_bytes > most {
            self.forget_oldest();
        }
    }

    /// False where there is none.
    fn forget_oldest(&mut self) -> bool {
        let Some(oldest) = self.retained.pop_front() else {
            return false;
        };
        self.retained_bytes -= oldest.answer.size();
        self.forgotten = oldest.number;
        if oldest.is_failure {
            self.failures.push_back(oldest);
            if self.failures.len() > MAX_FAILURES {
                self.failures.pop_front();
            }
        }
        true
    }
}

impl Retained {
    /// A redirect goes first: where the client has the answer, it has had the redirect too.
    fn push(&self, outbox: &Outbox, key: ActorKey, id: &str) {
        if let Some(url) = &self.redirect {
            outbox.push(key, extended::redirect(url));
        }
        outbox.push_encoded(key, id, &self.answer);
    }
}
