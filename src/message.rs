//! Messages from the server to a receiver of a component: of a timer, a task.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::effects::TaskId;

/// Where a message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A timer of the component.
    Timer,
    /// A task of the component.
    Task(TaskId),
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
    /// Where the message comes from.
    pub source: Source,
    /// Which value of a task the message carries.
    pub part: Part,
    /// What the message carries, as JSON; `None` if it carries nothing.
    pub data: Option<Arc<str>>,
}

impl Message {
    /// About how many bytes the message holds.
    pub fn size(&self) -> usize {
        self.data.as_deref().map_or(0, str::len) + self.id.len() + size_of::<Self>()
    }
}
