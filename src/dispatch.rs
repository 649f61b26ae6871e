//! The dispatcher: calls a module's `handle` and `render`.
//!
//! JavaScript behind N-API is one implementation, a Rust closure in tests another. Actors own the
//! props. The callee gets them with the call, or has a copy of the version that the call names. So any
//! thread can serve any actor, and a thread that dies takes no state with it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::codes::Code;
use crate::effects::{Effect, TaskId};
use crate::ids::{ActorKey, EventNumber};
use crate::log::Quoted;
use crate::message::{Message, Part};
use crate::ongoing::{Dropped, TopicNames};
use crate::props::Props;
use crate::protocol::{ClientEvent, Refusal};
use crate::registry::Module;
use crate::stats::Clock;
use crate::topics::Subscription;
use crate::tree::Render;
use crate::turns::Yield;

/// A request to handle an event and render, or, without an event, only to render.
#[derive(Clone, Debug)]
pub struct Call {
    /// The actor that calls. An actor has at most one call in flight.
    pub actor: ActorKey,
    /// The component's id on its connection, chosen by the client.
    pub id: Arc<str>,
    /// The component's own name. It stays the same as long as the component's state lives, also on
    /// another connection and in another process.
    pub instance: Arc<str>,
    /// The module to call.
    pub module: Module,
    /// Whose page it is; `None` if the application itself started the component.
    pub caller: Option<Arc<Caller>>,
    /// `id` has changed. Set by the actor when the component has another id after a resume, cleared by
    /// the actor after the next call that succeeds. While it is set, the callee gets the names anew.
    pub moved: bool,
    /// The committed props.
    pub props: Arc<Props>,
    /// A handler has returned `props` frozen. While this is set, JavaScript freezes the props again
    /// whenever it parses them.
    pub frozen: bool,
    /// The version of `props`: the `sequence` of the call that committed them; 0 for the first props.
    pub version: u64,
    /// The number of this call among the actor's calls. If the outcome is committed, it becomes the
    /// version of the new props.
    ///
    /// Architecture invariant: the number of a failed call never becomes a version, and no number is
    /// used twice. `src/live_socket/tests.rs` watches it
    /// (`a_version_is_the_number_of_the_call_that_committed_it`).
    pub sequence: u64,
    /// The number of the event among the component's events; without an event, the number of the last
    /// event before.
    pub number: EventNumber,
    /// The event to handle; `None` to render only, or to handle messages.
    pub event: Option<ClientEvent>,
    /// The messages to handle, one after the other: a visit. Empty if there is an event, and to render only.
    pub messages: Vec<Message>,
    /// The source of the props of a first render; `None` for all other calls.
    pub origin: Option<Origin>,
    /// The topics that the component has subscribed to, as last committed; `None` if it has subscribed to
    /// none.
    pub topics: Option<TopicNames>,
    /// In a first render: the timers, tasks and subscriptions of the page's state whose receivers the module
    /// lacks; `None` if there are none.
    pub dropped: Option<Box<[Dropped]>>,
    /// The turn of a join, if the call is one. Told as soon as the callee waits for a promise, so that
    /// another page may render meanwhile.
    pub yields: Option<Yield>,
}

/// Whose page a call is for.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// The request that the component's connection began with, as compact JSON.
    pub request: Arc<str>,
    /// The result of the option `bind` for that request.
    pub bind: Arc<str>,
    /// The URL of the page; empty if it is not known.
    pub page: Arc<str>,
    /// Set if the component is shown to many pages. Boxed, so that others pay little for it.
    pub sharing: Option<Box<Sharing>>,
    /// Of a nested component the public name of its parent.
    pub parent: Option<Arc<str>>,
}

/// The subject of a call of a shared component, beside its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// The component's key, which the application chose.
    pub key: Arc<str>,
    /// The viewer whose event the call handles, or about whom `authorize` is asked. Empty if the call is for
    /// no viewer: then there is no request either.
    pub viewer: Arc<str>,
}

/// The kinds of joins, by what the page brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// The token that the page was rendered with.
    Mount = 0,
    /// A checkpoint.
    Checkpoint = 1,
    /// The secret of a component that still lives: `authorize` is asked whether the page may have it.
    Resume = 2,
    /// Nothing: the page is shown the component, and `authorize` is asked whether it may still be. Nothing is
    /// rendered, and the props are not needed.
    Shown = 3,
    /// Nothing: a shared component starts from its key.
    Shared = 4,
    /// Nothing: a shared component goes on from a state in the store.
    SharedState = 5,
    /// The token of a shared component: `authorize` is asked whether the page may see the component, and
    /// nothing is rendered.
    Viewer = 6,
    /// Nothing: a nested component starts with the props of its parent.
    Child = 7,
}

/// The source of the props of a first render, if a page has brought them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The kind of the join.
    pub joins: Joins,
    /// The version that the module had when these props were sealed.
    pub version: u32,
    /// The page has shown more than this state includes, and the page's events do not make the missing part
    /// again.
    pub is_behind: bool,
}

/// What a call gives back.
///
/// Architecture invariant: an outcome is committed as a whole or, if anything fails, not at all.
/// `__test__/server/nothing_is_committed_on_failure.test.ts` watches it.
pub struct Outcome {
    /// The next props; `None` if they stay as they are.
    pub props: Option<Arc<Props>>,
    /// The render of the props, relative to the last committed render; `None` if it is the same.
    pub render: Option<Render>,
    /// The address that the page is to go to, a path or an http(s) URL.
    pub redirect: Option<String>,
    /// The form of the event keeps the texts that the user has typed.
    pub keeps_form: bool,
    /// A first render that started anew instead of continuing the state that the page brought.
    pub anew: bool,
    /// The props after the call are frozen; see [`Call::frozen`].
    pub frozen: bool,
    /// About how many bytes more the component takes at most.
    pub grows: usize,
    /// Topics that the step has subscribed to. Dropped when the step is over.
    pub held: Vec<Subscription>,
    /// The effects that the step asks for beside the props. Done if the step commits.
    pub effects: Vec<Effect>,
    /// How a visit ended: how many messages were handled, and the error of the one after them; `None` if
    /// all were handled. The rest was not begun.
    pub thrown: Option<(usize, CallError)>,
    /// The render has nested components in it.
    pub nests: bool,
}

impl Outcome {
    /// Nothing is changed, nothing asked for.
    pub fn nothing() -> Self {
        Self {
            props: None,
            render: None,
            redirect: None,
            keeps_form: false,
            anew: false,
            frozen: false,
            grows: 0,
            held: Vec::new(),
            effects: Vec::new(),
            thrown: None,
            nests: false,
        }
    }
}

/// Why a call failed. The text is for the log; the browser sees [`public`](CallError::public).
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallError {
    /// The module has no handler of that name among its own properties.
    #[error("the module has no handler {}", Quoted(.0))]
    UnknownHandler(String),
    /// `handle` or `render` threw, rejected, or returned something that cannot be used.
    #[error("{message}")]
    Threw {
        /// The message of the error, and the callback that has thrown it.
        message: String,
        /// The stack, for the log only: lines, each after a line feed.
        stack: String,
        /// Something is away that the step needs, such as Redis for a topic: a page that joins tries again.
        for_now: bool,
    },
    /// Something else failed: the render cannot be read, or the store.
    #[error("{0}")]
    Failed(String),
    /// The event's form has too many fields.
    #[error("the form has more than {0} fields (limits.formFields); the event was not handled")]
    FormFields(usize),
    /// The call took too long.
    #[error(
        "no result within {0:?}; ctx.signal was aborted and a late result is dropped \
         (limits.handlerTime sets the time)"
    )]
    Deadline(Duration),
    /// The module's `authorize` refused. Its text is meant for the page.
    #[error("{0}")]
    Refused(String, Refusal),
    /// The store cannot give the component's state now; the page tries again.
    #[error("{0}")]
    Unknown(String),
    /// The component's newest state cannot be read, now or later.
    #[error("{0}")]
    Unreadable(String),
    /// The store could not save the new state, so nothing was committed.
    #[error("{0}")]
    NotKept(String),
    /// The component goes on in another process.
    #[error("the component goes on in another process: the store has a newer state of it")]
    Moved,
    /// Too many pages join or come back.
    #[error("too many pages join (limits.waitingJoins)")]
    Busy,
    /// The actor panicked, which is a fault of this library.
    #[error("a panic, which is a fault of loom-live: {0}")]
    Panicked(String),
    /// The application is closing and makes no calls any more.
    #[error("the application is closing")]
    Closed,
}

impl CallError {
    /// The text that the browser gets: in development the whole error, in production a text that says
    /// nothing of the application.
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
                "The server cannot read the state of this part of the page now; it tries again."
            }
            Self::Unreadable(_) => "This part of the page is no longer valid; reload the page.",
            Self::NotKept(_) => "The server could not save this; it was not applied.",
            Self::Busy => "The server is busy.",
            _ => "The server could not handle this.",
        }
        .to_owned()
    }

    /// The code of the error, under which it is logged and counted.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownHandler(_) => Code::UnknownHandler,
            Self::Threw { .. } | Self::Failed(_) => Code::Failed,
            Self::FormFields(_) => Code::Form,
            Self::Deadline(_) => Code::Deadline,
            Self::Refused(..) => Code::Refused,
            Self::Unknown(_) | Self::Unreadable(_) | Self::NotKept(_) => Code::Store,
            Self::Moved => Code::Moved,
            Self::Busy => Code::Busy,
            Self::Panicked(_) => Code::Fault,
            Self::Closed => Code::Stopped,
        }
    }

    /// The stack in the application's code, as the log shows it behind the text; empty if the error has no
    /// stack.
    pub fn stack(&self) -> &str {
        match self {
            Self::Threw { stack, .. } => stack,
            _ => "",
        }
    }

    /// The address that the page is to go to instead, if `authorize` gave one.
    pub fn redirect(&self) -> Option<&str> {
        match self {
            Self::Refused(_, Refusal::Redirect(url)) => Some(url),
            _ => None,
        }
    }

    /// The action of a page after a join that failed with this error.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Refused(_, refusal) => refusal,
            Self::Closed
            | Self::Moved
            | Self::Unknown(_)
            | Self::NotKept(_)
            | Self::Threw { for_now: true, .. }
            | Self::Busy
            | Self::Panicked(_) => &Refusal::Busy,
            Self::Unreadable(_) => &Refusal::Reload,
            _ => &Refusal::Fault,
        }
    }
}

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A first render.
    Join = 0,
    /// An event of a page.
    Event = 1,
    /// Messages from the server.
    Visit = 2,
}

/// A step that is over, and how long its parts took.
pub struct Timed<'a> {
    /// The actor.
    pub actor: ActorKey,
    /// The number of the step's call among the actor's calls.
    pub sequence: u64,
    /// The kind of the step.
    pub kind: StepKind,
    /// How long it took; `None` if it began before durations were measured.
    pub clock: Option<&'a Clock>,
    /// Why it was not committed; `None` if it was.
    pub error: Option<Code>,
}

/// Gets the values of the tasks of one actor.
pub trait Tasks: Send + Sync {
    /// The value of a task that was asked for, as JSON. Must not block.
    fn value(&self, task: TaskId, part: Part, json: Option<Arc<str>>);
}

/// Calls modules.
///
/// The future of [`call`](Self::call) may be dropped at any time, for instance at a deadline. The
/// dispatcher then tells the callee, and ignores the result if one still comes.
pub trait Dispatcher: Send + Sync + 'static {
    /// Makes one call. Waits while the queue of calls is full. `ended` is set when the caller's actor is stopped: if
    /// it is set before the callee has the call, the call is not made, and the future is left to be dropped.
    fn call(
        &self,
        call: &Call,
        ended: &AtomicBool,
    ) -> impl Future<Output = Result<Outcome, CallError>> + Send;

    /// Whether the queue of calls has room.
    fn is_ready(&self) -> bool;

    /// Resolves when the queue of calls has room. Connections do not read until then.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// The actor has ended; copies of its props can be dropped.
    fn forget(&self, actor: ActorKey);

    /// Asks a task for its next value, which `tasks` then gets; the first time, the task begins. Asked once
    /// for each value.
    fn next_value(&self, task: TaskId, tasks: &Arc<dyn Tasks>);

    /// Ends a task. It gives no value any more, unless one is on its way.
    fn end_task(&self, task: TaskId);

    /// A step is over. Called only while [steps are observed](crate::stats::Stats::is_observed).
    fn timed(&self, step: &Timed<'_>);
}
