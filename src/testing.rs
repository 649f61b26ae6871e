//! A dispatcher of Rust closures, and what tests need around it.

// Fuzzers need less of it than tests.
#![cfg_attr(not(test), allow(dead_code))]

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::connection::serve;
use crate::context::{Context, Level, Shared};
use crate::dispatch::{Call, CallError, Dispatcher, Outcome, Tasks, Timed};
use crate::effects::TaskId;
use crate::ids::ActorKey;
use crate::limits::Limits;
use crate::presence::MemoryPresence;
use crate::props::Props;
use crate::protocol::{ClientEvent, SpecialVars};
use crate::quotas::Quotas;
use crate::session::Peer;
use crate::sessions::Sessions;
use crate::token::{Claims, Keyring, Kind};
use crate::topics::MemoryTopics;
use crate::transport::handshake::UpgradeRequest;
use crate::tree::LiveTree;
use crate::turns::Turns;

type Answer = Pin<Box<dyn Future<Output = Result<Outcome, CallError>> + Send>>;

/// A task that was asked for a value, and the actor that gets the value; `None` if the task was ended.
type Asked = (TaskId, Option<Arc<dyn Tasks>>);

/// Calls a closure in the place of JavaScript.
pub(crate) struct Closures {
    answer: Box<dyn Fn(Call) -> Answer + Send + Sync>,
    /// Actors that have ended.
    pub forgotten: Mutex<Vec<ActorKey>>,
    /// Calls whose future was dropped before it was done.
    pub abandoned: Arc<AtomicUsize>,
    /// The tasks that were asked for a value, with the actors that get it; `None` if the task was ended.
    pub tasks: Mutex<Vec<Asked>>,
    /// The queue of calls is full.
    pub full: tokio::sync::watch::Sender<bool>,
}

struct Abandon(Option<Arc<AtomicUsize>>);

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Closures {
    pub(crate) fn new<F, A>(answer: F) -> Self
    where
        F: Fn(Call) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Outcome, CallError>> + Send + 'static,
    {
        Self {
            answer: Box::new(move |call| Box::pin(answer(call))),
            forgotten: Mutex::default(),
            abandoned: Arc::default(),
            tasks: Mutex::default(),
            full: tokio::sync::watch::Sender::new(false),
        }
    }

    /// A counter whose props are a bare number, with handlers that go wrong in every way.
    pub(crate) fn counter() -> Self {
        Self::new(|call| async move {
            let handler = call.event.as_ref().map(|event| event.handler.to_string());
            let count: i64 = call.props.to_json().parse().unwrap();
            let count = match handler.as_deref() {
                None if count < 0 => return Err(CallError::Failed("below zero".into())),
                None | Some("nothing") => count,
                Some("increment") => count + 1,
                Some("slow") => {
                    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    count + 100
                }
                Some("hang") => std::future::pending().await,
                Some("elsewhere") => {
                    let mut outcome = shown(count + 1, &["<b>", "</b>"]);
                    outcome.redirect = Some("/next".into());
                    return Ok(outcome);
                }
                Some("keep") => {
                    let mut outcome = shown(count + 1, &["<b>", "</b>"]);
                    outcome.keeps_form = true;
                    return Ok(outcome);
                }
                Some("reshape") => return Ok(shown(count, &["<i>", "</i>"])),
                Some(other) => return Err(CallError::UnknownHandler(other.into())),
            };
            Ok(shown(count, &["<b>", "</b>"]))
        })
    }
}

pub(crate) fn shown(count: i64, statics: &[&str]) -> Outcome {
    let text = count.to_string();
    let tree = format!(r#"{{"s":{statics:?},"d":["{text}"]}}"#);
    Outcome {
        render: Some(LiveTree::from_json(&tree).unwrap().into()),
        props: Some(Arc::new(Props::from_json(&text))),
        ..Outcome::nothing()
    }
}

impl Dispatcher for Closures {
    async fn call(&self, call: &Call, _: &AtomicBool) -> Result<Outcome, CallError> {
        let mut abandon = Abandon(Some(self.abandoned.clone()));
        let answer = (self.answer)(call.clone()).await;
        abandon.0 = None;
        answer
    }

    fn is_ready(&self) -> bool {
        !*self.full.borrow()
    }

    async fn ready(&self) {
        let mut full = self.full.subscribe();
        let _ = full.wait_for(|full| !full).await;
    }

    fn next_value(&self, task: TaskId, tasks: &Arc<dyn Tasks>) {
        let mut asked = self.tasks.lock().unwrap();
        asked.push((task, Some(tasks.clone())));
    }

    fn end_task(&self, task: TaskId) {
        self.tasks.lock().unwrap().push((task, None));
    }

    fn timed(&self, _: &Timed<'_>) {}

    fn forget(&self, actor: ActorKey) {
        self.forgotten.lock().unwrap().push(actor);
    }
}

pub(crate) type Log = Arc<Mutex<Vec<(Level, String)>>>;

/// An application with the modules `counter` and `other`.
pub(crate) fn application(dispatcher: Closures, limits: Limits) -> (Shared<Closures>, Log) {
    let log = Log::default();
    let lines = log.clone();
    let context = Context {
        dispatcher,
        registry: Default::default(),
        keyring: Arc::new(Keyring::new(&["s".repeat(32)]).unwrap()),
        budget: Arc::new(Budget::new(limits.waiting_bytes)),
        quotas: Quotas::new(&limits),
        turns: Turns::new(&limits),
        topics: Arc::new(MemoryTopics::new(
            &limits,
            Arc::new(|task| drop(tokio::spawn(task))),
        )),
        presence: Arc::new(MemoryPresence::new(
            &limits,
            Arc::new(|task| drop(tokio::spawn(task))),
        )),
        processes: None,
        homes: None,
        store: None,
        limits,
        stats: Default::default(),
        development: false,
        living: Some(Default::default()),
        held_time: Default::default(),
        log: crate::log::Log::new(Box::new(move |line| {
            lines.lock().unwrap().push((line.level, line.text));
        })),
        closing: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    context
        .registry
        .add("counter", false, Default::default())
        .unwrap();
    context
        .registry
        .add("other", false, Default::default())
        .unwrap();
    (Arc::new(context), log)
}

pub(crate) fn token(context: &Shared<Closures>, props_json: &str, bind: &str) -> String {
    let claims = Claims {
        module: "counter".into(),
        props_json: props_json.into(),
        issued_at: crate::clock::unix_now(),
        ..Claims::empty(Kind::Mount)
    };
    context.keyring.seal(&claims, bind).unwrap()
}

pub(crate) fn event(handler: &str) -> ClientEvent {
    ClientEvent {
        handler: handler.into(),
        event: "click".into(),
        special_vars: SpecialVars::default(),
    }
}

/// A request for the extended dialect that is in order.
pub(crate) fn extended_request() -> UpgradeRequest {
    UpgradeRequest::speaking("loom.2")
}

/// A connection's other end, through a pipe of that many bytes.
pub(crate) fn dial(
    context: &Shared<Closures>,
    sessions: &Arc<Sessions>,
    pipe: usize,
    head: Vec<u8>,
    request: UpgradeRequest,
    peer: Peer,
) -> DuplexStream {
    let (ours, theirs) = duplex(pipe);
    let (shared, sessions) = (context.clone(), sessions.clone());
    let task = serve(shared, sessions, Box::new(theirs), head, request, peer);
    context.tasks.spawn(task);
    ours
}

/// What the server says before any frame.
pub(crate) async fn response(pipe: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(pipe.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The client's socket, once the server has agreed to it.
pub(crate) async fn upgraded(mut pipe: DuplexStream) -> WebSocketStream<DuplexStream> {
    assert!(response(&mut pipe).await.starts_with("HTTP/1.1 101 "));
    WebSocketStream::from_raw_socket(pipe, Role::Client, None).await
}

/// The messages of a frame of the extended dialect.
pub(crate) fn messages(frame: Value) -> Vec<Value> {
    match frame {
        Value::Array(list) if list.first().is_some_and(Value::is_array) => list,
        one => vec![one],
    }
}
