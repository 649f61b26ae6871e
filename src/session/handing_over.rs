//! A component goes on in another process: the part of its session that goes along.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use super::Session;
use super::answers::{Answer, Says};
use crate::effects::Push;
use crate::homes::HandedOver;
use crate::ids::{EventNumber, Life, Point, Revision};
use crate::live_socket::LiveSocket;
use crate::protocol::extended::{Across, Encoded};
use crate::token::proof_of;

/// Another process waits for the component. Dropped if the component ends otherwise: then that process is told that
/// there is no such component.
pub(crate) struct HandsOver {
    sender: oneshot::Sender<HandedOver>,
    /// The point that the page shows.
    shown: Point,
}

/// The answer to a process that asks for the component.
pub(crate) enum Yields {
    /// The session is over. With its number among the parked, if it was parked, and the channel that brings
    /// the state from the actor.
    Yes(oneshot::Receiver<HandedOver>, Option<u64>),
    /// The proof is wrong.
    No,
    /// The session has ended.
    Over,
}

/// An answer that the page may not have, as it goes to another process. A tree does not repeat it.
#[derive(Serialize, Deserialize)]
struct Unsaid {
    event: EventNumber,
    revision: Revision,
    /// The text of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Across>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keeps_form: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pushes: Vec<Push>,
    is_change: bool,
}

impl Unsaid {
    fn of(answer: &Answer) -> Self {
        let is_failure = answer.says == Says::Failure;
        // A failure mentions no template.
        let failure = is_failure.then(|| answer.encoded.across(|_| "".into()));
        Self {
            event: answer.point.event,
            revision: answer.point.revision,
            failure: failure.flatten(),
            redirect: answer.redirect.clone(),
            keeps_form: answer.keeps_form,
            pushes: answer.pushes.clone(),
            is_change: answer.says == Says::Change,
        }
    }

    fn answer(self) -> Option<Answer> {
        let says = match (&self.failure, self.is_change) {
            (Some(_), _) => Says::Failure,
            (None, true) => Says::Change,
            (None, false) => Says::Answer,
        };
        let encoded = match self.failure {
            Some(failure) => failure.encoded(|_| None)?,
            None => Encoded::default(),
        };
        Some(Answer {
            point: Point {
                event: self.event,
                revision: self.revision,
            },
            says,
            encoded,
            redirect: self.redirect,
            keeps_form: self.keeps_form,
            pushes: self.pushes,
        })
    }
}

impl Session {
    /// Another process asks for the component, because its page has come there: the component is to end here.
    /// `between`: the process that asks and the process that is asked. If the page was believed to be
    /// connected here, it gets nothing more.
    pub(crate) fn yields(&self, proof: &[u8], between: [&str; 2], shown: Point) -> Yields {
        let mut state = self.lock();
        if state.ended {
            return Yields::Over;
        }
        let is = |secret: &str| {
            let own = proof_of(secret, between);
            !secret.is_empty() && bool::from(own.as_slice().ct_eq(proof))
        };
        if !is(&state.secret) && !state.previous.as_deref().is_some_and(is) {
            return Yields::No;
        }
        let (sender, receiver) = oneshot::channel();
        state.settle();
        state.ended = true;
        state.hands_over = Some(HandsOver { sender, shown });
        let ticket = state.parked.take();
        let link = state.link.take();
        // The nested components go on in the other process as well, each by itself.
        state.children = None;
        drop(state);
        if let Some(link) = link {
            link.outbox.detach(self.key, true);
        }
        self.socket.tell(LiveSocket::hand_over);
        Yields::Yes(receiver, ticket)
    }

    /// The actor hands the component over, in this state.
    pub(crate) fn hand_over(&self, sealed: Option<String>) {
        let mut state = self.lock();
        let Some(HandsOver { sender, shown }) = state.hands_over.take() else {
            return;
        };
        let unsaid = state.answers.unsaid_after(shown).map(Unsaid::of);
        let unsaid: Vec<_> = unsaid.collect();
        drop(state);
        if let Some(sealed) = sealed {
            // Fails if nobody waits any more.
            let _ = sender.send(handed_over(sealed, &unsaid));
        }
    }

    /// The rest of a session whose page is away, for the process that the page comes to; `None` if the page
    /// is not away.
    pub(crate) fn left(&self, sealed: String) -> Option<HandedOver> {
        let state = self.lock();
        state.parked?;
        // Which answers the page has is known only when the page comes.
        let nothing = Point::default();
        let unsaid = state.answers.unsaid_after(nothing).map(Unsaid::of);
        let unsaid: Vec<_> = unsaid.collect();
        drop(state);
        Some(handed_over(sealed, &unsaid))
    }

    /// The answers that the page may not have and that no tree repeats, as JSON; empty if there are none.
    pub(crate) fn unsaid(&self) -> String {
        let state = self.lock();
        let unsaid = state.answers.unsaid_after(Point::default());
        let unsaid: Vec<_> = unsaid.map(Unsaid::of).collect();
        drop(state);
        match unsaid.is_empty() {
            true => String::new(),
            false => serde_json::to_string(&unsaid).unwrap_or_default(),
        }
    }

    /// Whether something was said that no tree repeats, and that the page may not have.
    pub(crate) fn has_unsaid(&self) -> bool {
        let state = self.lock();
        let mut unsaid = state.answers.unsaid_after(Point::default());
        unsaid.next().is_some()
    }

    /// Whether the page has a checkpoint of this revision.
    pub(crate) fn has_delivered(&self, revision: Revision) -> bool {
        self.lock().delivered >= revision
    }

    /// The page came with this secret, which another process gave it: it stays good until the page has shown that it
    /// has the new one.
    pub(crate) fn came_with(&self, secret: &str) {
        self.lock().previous = Some(secret.into());
    }

    /// Takes over the answers that the process before could not send, for a page that shows `shown`.
    pub(crate) fn inherit(&self, unsaid: &str, shown: Point) {
        if unsaid.is_empty() {
            return;
        }
        // A text that cannot be read was written by another version.
        let unsaid: Vec<Unsaid> = serde_json::from_str(unsaid).unwrap_or_default();
        let answers = unsaid.into_iter().filter_map(Unsaid::answer);
        let answers = answers.filter(|answer| !shown.includes(answer.point));
        self.lock().answers.leave_unsaid(answers.collect());
    }

    /// The component goes on in another process, in this later life. False if it lives that life or a later one here.
    pub(crate) fn is_lost_to(&self, life: Life) -> bool {
        let mut state = self.lock();
        let is_lost = !state.ended && state.life < life;
        if is_lost {
            // The nested components go on there as well, each by itself.
            state.children = None;
        }
        is_lost
    }
}

fn handed_over(sealed: String, unsaid: &[Unsaid]) -> HandedOver {
    let unsaid = serde_json::to_string(unsaid).unwrap_or_default();
    HandedOver { sealed, unsaid }
}
