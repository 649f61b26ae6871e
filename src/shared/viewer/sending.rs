//! Sends a viewer's page the changes that it misses, or the whole tree, with the results of its events.

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::{STILL_SHARED, State, Viewed, Viewer};
use crate::effects::Push;
use crate::ids::{Point, Revision};
use crate::outbox::{Dialect, Outbox, Takes};
use crate::protocol::ServerMessage;
use crate::protocol::extended::{self, JoinFlags};
use crate::session::Link;
use crate::shared::ring::Missed;
use crate::shared::said::{Outcome, Said};
use crate::shared::shown::WholeTree;
use crate::tree::write_json_string;

impl Viewer {
    /// Sends the page the changes and results that it has not been sent.
    pub(in crate::shared) fn deliver(self: &Arc<Self>, component: &dyn Viewed) {
        let mut state = self.lock();
        if !state.is_in || state.lags || state.over {
            return;
        }
        let Some(link) = &state.link else { return };
        let takes = link.outbox.takes_changes();
        if takes == Takes::Nothing {
            let (outbox, epoch) = (link.outbox.clone(), state.epoch);
            state.lags = true;
            drop(state);
            self.wait_for_room(outbox, epoch);
            return;
        }
        if takes == Takes::Hidden
            && let Some(until) = held_until(&state, component.hidden_pause())
            && !component.shown().ring.has_much_to_push_after(state.pushed)
        {
            let (outbox, epoch) = (link.outbox.clone(), state.epoch);
            let is_new = !std::mem::replace(&mut state.holds, true);
            drop(state);
            if is_new {
                self.wait_until_seen(outbox, epoch, until);
            }
            return;
        }
        if state.tree.is_none() {
            let shown = component.shown();
            let reaches = shown.ring.reaches(state.shown);
            let missed = reaches.then(|| shown.ring.missed(state.shown, state.pushed));
            drop(shown);
            if !missed.is_some_and(|missed| self.send(&mut state, missed)) {
                state.tree = Some(STILL_SHARED);
            }
        }
        let mut asks = false;
        if let Some(flags) = state.tree {
            let mut shown = component.shown();
            match shown.tree(self.dialect) {
                Some((revision, tree)) => {
                    // A tree from another process may be older than the last change.
                    let is_older = !shown.ring.is_newest(revision);
                    let revision = match is_older {
                        true => revision,
                        false => shown.ring.newest(),
                    };
                    let mut missed = shown.ring.missed(revision, state.pushed);
                    drop(shown);
                    self.send_tree(&mut state, &mut missed, revision, &tree, flags);
                    if is_older && !self.send(&mut state, missed) {
                        state.tree = Some(STILL_SHARED);
                    }
                }
                None => asks = shown.wait_for_tree(self.owner, self.dialect, self.clone()),
            }
        }
        let is_done =
            state.finishing && !state.is_handled && self.events.is_empty() && state.said.is_sent();
        if is_done && let Some(link) = state.link.take() {
            link.outbox.detach(self.owner, false);
        }
        drop(state);
        if asks {
            component.ask_tree();
        }
        if is_done {
            component.is_left(self, None);
        }
    }

    fn wait_for_room(self: &Arc<Self>, outbox: Arc<Outbox>, epoch: u64) {
        let viewer = self.clone();
        tokio::spawn(async move {
            while !outbox.has_room() {
                outbox.changed().await;
            }
            let mut state = viewer.lock();
            if state.epoch != epoch {
                return;
            }
            state.lags = false;
            drop(state);
            if let Some(component) = viewer.component() {
                viewer.deliver(&*component);
            }
        });
    }

    fn wait_until_seen(self: &Arc<Self>, outbox: Arc<Outbox>, epoch: u64, until: Instant) {
        let viewer = self.clone();
        tokio::spawn(async move {
            while outbox.is_hidden() && !outbox.is_closed() {
                tokio::select! {
                    () = outbox.seen() => {}
                    () = sleep_until(until) => break,
                }
            }
            let mut state = viewer.lock();
            if state.epoch != epoch {
                return;
            }
            state.holds = false;
            drop(state);
            if let Some(component) = viewer.component() {
                viewer.deliver(&*component);
            }
        });
    }

    /// Sends the frames that the page misses, with the results of its events. False if the page needs the
    /// tree.
    fn send(&self, state: &mut State, mut missed: Missed) -> bool {
        let newest = missed.newest;
        let now = Instant::now();
        let State {
            link,
            shown: at,
            pushed,
            said,
            is_queued,
            is_handled,
            last_change,
            ..
        } = state;
        let Some(link) = link else { return true };
        let waits = *is_queued || *is_handled;
        for frame in std::mem::take(&mut missed.frames) {
            let mut is_answer = false;
            while let Some(next) = said.next_in(frame.to) {
                if is_answer {
                    self.push_nothing(link);
                }
                is_answer = self.push_outcome(link, next);
            }
            // A classic client would take a change for the answer to its event.
            if self.is_classic() && !is_answer {
                if said.has_next(newest) {
                    return false;
                }
                if waits || !said.is_sent() {
                    break;
                }
            }
            self.push_to_all(link, &mut missed, pushed, frame.to);
            if !is_answer {
                *last_change = Some(now);
            }
            match self.dialect {
                Dialect::Extended => {
                    self.push_revision(link, at, frame.to);
                    let encoded = &frame.change.extended;
                    let text = encoded.text_for(&link.id, said.told());
                    link.outbox.push_at_once(self.owner, text, encoded);
                }
                Dialect::Classic => {
                    *at = frame.to;
                    if let Some(parts) = &frame.change.classic {
                        link.outbox.push(self.owner, classic(parts, &link.id));
                        if is_answer && frame.change.replaces {
                            self.push_nothing(link);
                        }
                    }
                }
            }
        }
        while let Some(next) = said.next(newest) {
            let (event, revision) = (next.event, next.revision);
            if !self.push_outcome(link, next) {
                continue;
            }
            match self.dialect {
                Dialect::Extended => {
                    self.push_revision(link, at, revision);
                    let encoded = extended::encode(&ServerMessage::nothing(), event);
                    link.outbox.push_encoded(self.owner, &link.id, &encoded);
                }
                Dialect::Classic => self.push_nothing(link),
            }
        }
        true
    }

    /// Sends the whole tree, and before it the results that the tree does not have.
    fn send_tree(
        &self,
        state: &mut State,
        missed: &mut Missed,
        newest: Revision,
        tree: &WholeTree,
        flags: JoinFlags,
    ) {
        let State {
            link,
            shown: at,
            pushed,
            said,
            ticket,
            tree: wanted,
            ..
        } = state;
        let Some(link) = link else { return };
        if let WholeTree::Classic(parts) = tree {
            // Before the results of the events: the answers are empty changes of this tree.
            link.outbox.push(self.owner, classic(parts, &link.id));
        }
        while let Some(next) = said.next(newest) {
            if self.push_outcome(link, next) && self.is_classic() {
                self.push_nothing(link);
            }
        }
        self.push_to_all(link, missed, pushed, newest);
        *at = newest;
        *wanted = None;
        if let WholeTree::Extended(encoded) = tree {
            let point = Point {
                event: said.told(),
                revision: newest,
            };
            let text = encoded.joined_text(&link.id, point, ticket, flags);
            link.outbox.push_at_once(self.owner, text, encoded);
        }
    }

    /// Sends the messages before the change of an event, or that the event has failed. True if the event was
    /// applied, so that a change is due.
    fn push_outcome(&self, link: &Link, said: &Said) -> bool {
        let Link { outbox, id } = link;
        let owner = self.owner;
        let (redirect, is_applied) = match &said.outcome {
            Outcome::Applied { redirect, .. } => (redirect, true),
            Outcome::Failed { redirect, .. } => (redirect, false),
        };
        if self.is_classic() {
            if let Outcome::Failed { count, text, .. } = &said.outcome {
                for _ in 0..*count {
                    outbox.push(owner, ServerMessage::Error(text).to_json(id).0);
                }
            }
            if let Some(url) = redirect {
                outbox.push(owner, ServerMessage::Redirect(url).to_json(id).0);
            }
            return is_applied;
        }
        if let Some(url) = redirect {
            outbox.push(owner, extended::redirect(url));
        }
        match &said.outcome {
            Outcome::Applied {
                keeps_form, pushes, ..
            } => {
                if *keeps_form {
                    outbox.push(owner, extended::keep_form(id, said.event));
                }
                for push in pushes {
                    outbox.push(owner, extended::push(id, push));
                }
            }
            Outcome::Failed { encoded, .. } => outbox.push_encoded(owner, id, encoded),
        }
        is_applied
    }

    fn push_nothing(&self, link: &Link) {
        if self.is_classic() {
            link.outbox
                .push(self.owner, ServerMessage::nothing().to_json(&link.id).0);
        }
    }

    fn push_to_all(&self, link: &Link, missed: &mut Missed, pushed: &mut Revision, to: Revision) {
        while let Some(one) = missed.push_up_to(to) {
            if self.dialect == Dialect::Extended {
                let push: &Push = &one.push;
                link.outbox.push(self.owner, extended::push(&link.id, push));
            }
        }
        *pushed = to.max(*pushed);
    }

    fn push_revision(&self, link: &Link, at: &mut Revision, next: Revision) {
        if next != at.next() {
            let text = extended::revision(&link.id, next);
            link.outbox.push(self.owner, text);
        }
        *at = next;
    }
}

/// The time until which changes are held back for a page that is hidden; `None` if they are sent now. An
/// answer, a tree that the page needs, and the last changes for a page that leaves do not wait, and neither
/// do changes that have to be sent before them.
fn held_until(state: &State, pause: Duration) -> Option<Instant> {
    let until = state.last_change? + pause;
    let waits = state.tree.is_none() && state.said.is_sent() && !state.finishing;
    (waits && until > Instant::now()).then_some(until)
}

/// A message of the classic dialect, put together.
fn classic([before, after]: &[String; 2], id: &str) -> String {
    let mut text = String::with_capacity(before.len() + after.len() + id.len() + 2);
    text.push_str(before);
    write_json_string(&mut text, id);
    text.push_str(after);
    text
}
