//! Why a step cannot be committed with what it asks for.

use super::{MOST_SUBSCRIPTIONS, MOST_TIMERS, MOST_TRACKED};
use crate::topics::MAX_NAME;

/// Why a step cannot be committed with what it asks for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OngoingError {
    /// Too many timers.
    #[error(
        "a component has {MOST_TIMERS} timers at most; cancel some, or let one timer do for all"
    )]
    Timers,
    /// Too many subscriptions.
    #[error(
        "a component has {MOST_SUBSCRIPTIONS} subscriptions at most, to topics and to their presence together; \
         unsubscribe from some, or publish to fewer topics"
    )]
    Subscriptions,
    /// The component is tracked in too many topics.
    #[error("a component is tracked in {MOST_TRACKED} topics at most; untrack it in some")]
    Tracked,
    /// The key of a person is not one; its length.
    #[error("a key of ctx.track has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Key(usize),
    /// The system gives no random numbers, so a user without `bind` gets no key.
    #[error(
        "ctx.track needs a key: the option bind gave none, and the system gives no random numbers"
    )]
    NoKey,
    /// A meta is too large.
    #[error(
        "the meta of ctx.track({topic}) has {bytes} bytes, and may have {most} (limits.presenceMeta)"
    )]
    Meta {
        /// The topic, quoted; or which timer.
        topic: String,
        /// How large the meta is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// A topic's name is not one; its length.
    #[error("a topic's name has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Topic(usize),
    /// A message is too large.
    #[error(
        "the data of a message for {topic} has {bytes} bytes, and may have {most} (limits.messageBytes)"
    )]
    Data {
        /// The topic, quoted; or which timer.
        topic: String,
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// An address that was not made by this application, or was changed.
    #[error(
        "the address of ctx.send or loom.send cannot be opened: only ctx.self makes such addresses, in an application with the same secret"
    )]
    Address,
}
