//! Sends a page the messages about its component: trees, answers, changes, checkpoints.

use std::sync::Arc;

use super::answers::{Answer, Says, push_revision};
use super::{Session, State};
use crate::ids::Point;
use crate::live_socket::Continuity;
use crate::outbox::Dialect;
use crate::protocol::extended::{self, Encoded, JoinFlags};
use crate::protocol::{Beside, Refusal, ServerMessage};
use crate::tree::LiveTree;

impl Session {
    /// Sends the tree, for a page that has joined or cannot go on from the state that it shows. A tree may be
    /// large, so its text is written before the lock is taken. The text is written for one connection; if the
    /// session has another connection by the time the lock is held, the text is written again.
    pub(crate) fn show(&self, point: Point, tree: &LiveTree, continuity: Continuity) {
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
            let flags = JoinFlags {
                anew: continuity == Continuity::Anew,
                behind: continuity == Continuity::Behind,
                ..JoinFlags::default()
            };
            let (text, encoded) = match self.dialect {
                Dialect::Classic => (ServerMessage::Trees(tree).to_json(&id).0, None),
                Dialect::Extended => {
                    let encoded = extended::joined(tree, point, &secret, flags);
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
    /// shows the tree already. Gives the memory of all answers that are kept.
    pub(crate) fn changed(
        &self,
        point: Point,
        message: Option<&ServerMessage<'_>>,
        beside: Beside<'_>,
    ) -> usize {
        let has_more = beside.redirect.is_some() || !beside.pushes.is_empty();
        let nothing = ServerMessage::nothing();
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
        let is_held = state.holds_back();
        if !is_held {
            let State { link, shown, .. } = &mut *state;
            if let Some(link) = link {
                answer.push(&link.outbox, self.key, &link.id, shown);
            }
        }
        state.answers.keep(answer);
        if !is_held {
            state.answers.all_is_sent();
        }
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

    /// Whether so much is pushed behind the changes that are held back that they must not be held back any
    /// longer.
    pub(crate) fn has_much_to_push(&self) -> bool {
        self.lock().answers.has_much_to_push()
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
        answers.all_is_sent();
        push_revision(&link.outbox, self.key, &link.id, shown, point.revision);
        link.outbox.push_encoded(self.key, &link.id, &encoded);
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

    /// Sends a checkpoint or, with `None`, says that the state is too large for one. False if the session has
    /// no connection, or answers are held back.
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

    /// The epoch of the connection whose client keeps checkpoints; `None` if the session has no such
    /// connection now.
    pub(crate) fn keeps_checkpoints(&self) -> Option<u64> {
        let state = self.lock();
        let is_there =
            self.dialect == Dialect::Extended && state.link.is_some() && !state.holds_back();
        is_there.then_some(state.epoch)
    }
}
