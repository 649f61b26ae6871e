//! What processes say to each other about a component that moves.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::ids::{EventNumber, Life, Point, Revision};

/// What one process says to another.
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
    /// What proves that the page has the secret, for the one that asks and the one that is asked, in base64url.
    pub proof: String,
    /// The revision and the life of the state that the page has brought.
    pub revision: Revision,
    /// See `revision`.
    pub life: Life,
    /// What the page shows: its last event with an answer, and the revision.
    pub shown: (EventNumber, Revision),
    /// How long the one that asks waits, in milliseconds. If the component is busy for longer, the answer is
    /// [`Answer::Wait`].
    pub patience: u64,
}

impl Yield {
    /// What the page shows.
    pub fn shown(&self) -> Point {
        let (event, revision) = self.shown;
        Point { event, revision }
    }

    /// The bytes of the proof.
    pub(crate) fn proof(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.proof).unwrap_or_default()
    }
}

/// What a process says to one that has asked it to yield.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The component has ended there, and goes on from this.
    Yielded(HandedOver),
    /// It yields as soon as it has handled what it handles now: it is to be asked again.
    Wait,
    /// It does not yield: the proof is wrong. If the state that the page has brought is older, the revision is named.
    Refused(Option<Revision>),
    /// There is no such component.
    Unknown,
}

/// What a process leaves to the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The newest state, as a checkpoint.
    pub sealed: String,
    /// What the page may not have been told, and is in no tree. The session has written it, and reads it.
    pub unsaid: String,
}
