//! Messages from the server to a receiver of a component: of a timer, a task, a topic, a topic's presence.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::effects::TaskId;
use crate::topics::{self, Position};

/// The source of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A timer of the component.
    Timer,
    /// A task of the component.
    Task(TaskId),
    /// The viewers of a shared component: the message says which have joined and left.
    Viewers,
    /// The parent of a nested component, which gives something else now.
    Parent,
    /// Development, which has the component render again.
    Again,
    /// A topic, or the component's own address.
    Topic {
        /// The topic.
        topic: Arc<str>,
        /// The position in the topic that a state with this message includes.
        position: Position,
        /// The application has sent the message to the component, and no component has: `loom.send`.
        is_of_server: bool,
    },
    /// The presence of a topic.
    Presence {
        /// The topic.
        topic: Arc<str>,
        /// The message says everything, whatever was told before.
        is_whole: bool,
    },
}

/// The receiver for the viewers that have joined a shared component, and those that have left it.
pub const VIEWERS: &str = "viewers";

/// The receiver that gets the props which the parent of a nested component gives.
pub const GIVEN: &str = "given";

/// Stands for a receiver in a message of [`Source::Again`]; no module has a receiver of this name.
pub const AGAIN: &str = "loom.again";

/// The data of a message.
#[derive(Clone, Debug)]
pub enum Data {
    /// Nothing.
    None,
    /// JSON that one receiver gets.
    Json(Arc<str>),
    /// JSON for all subscribers of a topic, or for all watchers of its presence: it crosses to JavaScript
    /// once.
    Shared(Arc<topics::Message>),
}

/// Which value of a task a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Not of a task, or one value of several.
    Value,
    /// The task has ended.
    Done,
    /// The task has failed; the data is the error's text, as JSON.
    Error,
}

/// A message for one receiver.
#[derive(Clone, Debug)]
pub struct Message {
    /// The receiver's name.
    pub receiver: SmolStr,
    /// Names the message. The same message has the same id whenever it is handled again.
    pub id: Arc<str>,
    /// The source of the message.
    pub source: Source,
    /// Which value of a task the message carries.
    pub part: Part,
    /// The message's data.
    pub data: Data,
    /// Messages of the topic before this one are missing.
    pub gap: bool,
}

impl Message {
    /// About how many bytes the message holds.
    pub fn size(&self) -> usize {
        let data = match &self.data {
            Data::Json(json) => json.len(),
            Data::None | Data::Shared(_) => 0,
        };
        data + self.id.len() + size_of::<Self>()
    }
}
