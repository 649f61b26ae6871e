//! A page comes back: the secret that it has to bring, and the answers that it has missed.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::{About, Attached, Link, Session, State};
use crate::ids::Point;
use crate::live_socket::{LiveSocket, Waits};
use crate::protocol::extended;
use crate::random::random_text;
use crate::turns::Place;

/// The secret that resumes a session: the instance, a dot, random characters, and the mark that names this
/// process to others. Empty if the system has no random numbers; nobody can then resume the session.
pub(super) fn new_secret(about: &About) -> Box<str> {
    match &*random_text() {
        "" => Box::default(),
        random => format!("{}.{random}{}", about.instance, about.mark.as_str()).into(),
    }
}

/// The parts of a page's request to come back.
pub(crate) struct Back<'a> {
    pub(crate) secret: &'a str,
    /// The point that the page shows.
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

impl Session {
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
        let next = new_secret(&self.about);
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
        let request = back.request;
        self.socket
            .tell(move |socket| socket.resume(id, request, waits));
        if goes_on && self.resumed(epoch, false) {
            self.socket.tell(LiveSocket::show);
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
}
