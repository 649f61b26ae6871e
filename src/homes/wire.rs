//! The messages between processes about a component that moves.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::ids::{EventNumber, Life, Point, Revision};

/// A message of one process to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The page of a component has come: the other process is to yield the component.
    Yield(Yield),
    /// A component goes on elsewhere, in this life.
    Lost(Arc<str>, Life),
}

/// The question to yield.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yield {
    /// The component.
    pub instance: Arc<str>,
    /// Proves that the page has the secret. The proof is bound to the process that asks and the process that
    /// is asked. In base64url.
    pub proof: String,
    /// The revision and the life of the state that the page has brought.
    pub revision: Revision,
    /// See `revision`.
    pub life: Life,
    /// The point that the page shows: its last event with an answer, and the revision.
    pub shown: (EventNumber, Revision),
    /// How long the asking process waits, in milliseconds. If the component is busy for longer, the answer is
    /// [`Answer::Wait`].
    pub patience: u64,
}

impl Yield {
    /// The point that the page shows.
    pub fn shown(&self) -> Point {
        let (event, revision) = self.shown;
        Point { event, revision }
    }

    /// The bytes of the proof.
    pub(crate) fn proof(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.proof).unwrap_or_default()
    }
}

/// The answer of a process that was asked to yield.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The component has ended there, and goes on from this.
    Yielded(HandedOver),
    /// The process yields as soon as it has handled its current step: ask again.
    Wait,
    /// The process does not yield: the proof is wrong. If the state that the page has brought is older, the
    /// answer names the revision.
    Refused(Option<Revision>),
    /// The process has no such component.
    Unknown,
}

/// The state that a process leaves to the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The newest state, as a checkpoint.
    pub sealed: String,
    /// The answers that the page may not have and that no tree repeats. The session writes and reads this
    /// text.
    pub unsaid: String,
}
