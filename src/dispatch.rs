//! The dispatcher: calls a module's `handle` and `render` somewhere.
//!
//! JavaScript behind N-API is one implementation, a Rust closure in tests another. Actors own the
//! props; whoever is called gets them with the call, or keeps a copy under the version it comes
//! with. So any thread can serve any actor, and one that dies takes no state with it.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::ActorKey;
use crate::log::Quoted;
use crate::props::Props;
use crate::protocol::{ClientEvent, Refusal};
use crate::registry::Module;
use crate::tree::Render;
use crate::turns::Yield;

/// A request to handle an event and render, or, without an event, only to render.
#[derive(Clone, Debug)]
pub struct Call {
    /// The actor that calls. It has at most one call in flight.
    pub actor: ActorKey,
    /// The component's id, as its owner chose it.
    pub id: Arc<str>,
    /// The component's own name, the same for as long as its state lives.
    pub instance: Arc<str>,
    /// The module to call.
    pub module: Module,
    /// Whose page it is; `None` if the application itself started the component.
    pub caller: Option<Arc<Caller>>,
    /// `id` is another one than at the call before. Cleared by the actor once a call has succeeded.
    pub moved: bool,
    /// The committed props.
    pub props: Arc<Props>,
    /// A handler has returned them frozen: whoever parses them anew freezes them, too.
    pub frozen: bool,
    /// The `sequence` of the call that committed them; 0 for the first props.
    pub version: u64,
    /// This call's number in its actor. It becomes the version if the outcome is committed, and is
    /// never used again if it is not.
    pub sequence: u64,
    /// The event's number among its component's; without an event, that of the last one before.
    pub number: u64,
    /// The event to handle.
    pub event: Option<ClientEvent>,
    /// Where a first render's props come from.
    pub origin: Option<Origin>,
    /// Told as soon as the callee waits for a promise: a page that joins renders only later then.
    pub yields: Option<Yield>,
}

/// Whose page a call is for.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// The request that the component's connection began with, as compact JSON.
    pub request: Arc<str>,
    /// What the option `bind` gave for it.
    pub bind: Arc<str>,
    /// The URL of the page; empty if it is not known.
    pub page: Arc<str>,
}

/// What a page joins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// Its own token.
    Mount = 0,
    /// A checkpoint.
    Checkpoint = 1,
    /// Nothing but the right to: the component lives, and is to be asked whether the page may.
    Resume = 2,
}

/// Where the props of a call without an event come from, when they came through a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What the page has brought.
    pub joins: Joins,
    /// The module's version then.
    pub version: u32,
}

/// What a call gives back.
pub struct Outcome {
    /// The next props; `None` if they stay as they are.
    pub props: Option<Arc<Props>>,
    /// What was rendered from them, relative to the last committed render; `None` if it is the
    /// same.
    pub render: Option<Render>,
    /// Where the page is to go, a path or an http(s) URL.
    pub redirect: Option<String>,
    /// The form that was sent keeps what was typed.
    pub keeps_form: bool,
    /// A first render that does not continue the state it was given.
    pub anew: bool,
    /// The props after the call are frozen; see [`Call::frozen`].
    pub frozen: bool,
}

/// Why a call gave nothing. The text is for the log; the browser sees
/// [`public`](CallError::public).
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallError {
    /// The module has no handler of that name among its own properties.
    #[error("the module has no handler {}", Quoted(.0))]
    UnknownHandler(String),
    /// `handle` or `render` threw, rejected, or returned what cannot be used.
    #[error("{message}")]
    Threw {
        /// What was thrown, and where it was caught.
        message: String,
        /// Where, for the log alone: lines, each after a line feed.
        stack: String,
    },
    /// Something else failed: what was rendered cannot be read, or the store.
    #[error("{0}")]
    Failed(String),
    /// The event's form has too many fields.
    #[error("the form has more than {0} fields (limits.formFields); the event was not handled")]
    FormFields(usize),
    /// No outcome in time.
    #[error(
        "no result within {0:?}; ctx.signal was aborted and a late result is dropped \
         (limits.handlerTime sets the time)"
    )]
    Deadline(Duration),
    /// The module's `authorize` said no. Its text is meant for the page.
    #[error("{0}")]
    Refused(String, Refusal),
    /// It cannot be said now what the component's state is.
    #[error("{0}")]
    Unknown(String),
    /// The component's newest state cannot be read, now or later.
    #[error("{0}")]
    Unreadable(String),
    /// The new state could not be kept, so nothing has changed.
    #[error("{0}")]
    NotKept(String),
    /// The component goes on in another process.
    #[error("the component goes on in another process, which the store knows of")]
    Moved,
    /// Too many join or come back.
    #[error("too many pages join (limits.waitingJoins)")]
    Busy,
    /// The actor panicked, which is a fault of this library.
    #[error("a panic, which is a fault of loom-live: {0}")]
    Panicked(String),
    /// There is nobody left to call: the application is closing.
    #[error("the application is closing")]
    Closed,
}

impl CallError {
    /// What the browser may know: everything in development, nothing of the application's own
    /// messages otherwise.
    pub fn public(&self, development: bool) -> String {
        if development {
            return self.to_string();
        }
        match self {
            Self::Deadline(_) => "The server took too long to answer.",
            Self::FormFields(_) => "The form has too many fields.",
            Self::Closed => "The server is restarting.",
            Self::Refused(text, _) => text,
            Self::Unknown(_) => {
                "The server cannot read what this part of the page was; it tries again."
            }
            Self::Unreadable(_) => "This part of the page is no longer valid; reload the page.",
            Self::NotKept(_) => "The server could not save this; it was not applied.",
            Self::Busy => "The server is busy.",
            _ => "The server could not handle this.",
        }
        .to_owned()
    }

    /// Where it happened in the application's code, as the log shows it behind the text.
    pub fn stack(&self) -> &str {
        match self {
            Self::Threw { stack, .. } => stack,
            _ => "",
        }
    }

    /// Where the page is to go instead.
    pub fn redirect(&self) -> Option<&str> {
        match self {
            Self::Refused(_, Refusal::Redirect(url)) => Some(url),
            _ => None,
        }
    }

    /// What a page can do about a join that failed so.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Refused(_, refusal) => refusal,
            Self::Closed | Self::Moved | Self::Unknown(_) | Self::Busy | Self::Panicked(_) => {
                &Refusal::Busy
            }
            Self::Unreadable(_) => &Refusal::Reload,
            _ => &Refusal::Fault,
        }
    }
}

/// Calls modules.
///
/// The future of [`call`](Self::call) may be dropped at any time (a deadline, a stop); the
/// dispatcher then tells the callee and drops what it still sends.
pub trait Dispatcher: Send + Sync + 'static {
    /// Makes one call. Waits while the queue of calls is full.
    fn call(&self, call: &Call) -> impl Future<Output = Result<Outcome, CallError>> + Send;

    /// Whether the queue of calls has room.
    fn is_ready(&self) -> bool;

    /// Resolves when the queue of calls has room: connections read no further until then.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// The actor is gone; copies of its props can be dropped.
    fn forget(&self, actor: ActorKey);
}
