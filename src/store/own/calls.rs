//! The calls of the application's store that have not been answered.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::TIMEOUT;
use crate::store::StoreError;
use crate::sync::{Mutex, lock};

/// The messages to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// This function of the store fails; the text says why, and the place in the application's code.
    Fails(Function, String),
    /// This function works again, after so long.
    Works(Function, Duration),
}

/// A function of the application's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `store.claim`.
    Claim,
    /// `store.save`.
    Save,
}

impl fmt::Display for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Claim => "store.claim",
            Self::Save => "store.save",
        })
    }
}

/// Why the application's store gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// One line.
    pub message: String,
    /// The message with its stack, for the log.
    pub trace: String,
}

/// Has JavaScript make a call: its number, and the arguments as JSON without the brackets of their list.
pub type Ask = Box<dyn Fn(u32, &str) + Send + Sync>;

/// Tells the operator.
pub type Telling = Box<dyn Fn(Tell) + Send + Sync>;

/// The JSON of the result, or the error.
type Given = Result<String, Thrown>;

#[derive(Default)]
struct State {
    last: u32,
    waiting: HashMap<u32, oneshot::Sender<Given>>,
    /// Set while these functions fail: since when.
    claim_fails: Option<Instant>,
    save_fails: Option<Instant>,
}

impl State {
    fn fails(&mut self, function: Function) -> &mut Option<Instant> {
        match function {
            Function::Claim => &mut self.claim_fails,
            Function::Save => &mut self.save_fails,
        }
    }
}

/// The calls that JavaScript has not answered.
pub struct OwnCalls {
    ask: Ask,
    tell: Telling,
    state: Mutex<State>,
}

/// Forgets a call that nobody waits for any more.
struct Waiting<'a>(&'a OwnCalls, u32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).waiting.remove(&self.1);
    }
}

impl OwnCalls {
    pub(super) fn new(ask: Ask, tell: Telling) -> Self {
        Self {
            ask,
            tell,
            state: Mutex::default(),
        }
    }

    /// JavaScript has answered a call. An answer that comes too late is dropped.
    pub fn answer(&self, number: u32, given: Given) {
        let waiting = lock(&self.state).waiting.remove(&number);
        if let Some(waiting) = waiting {
            let _ = waiting.send(given);
        }
    }

    /// Makes a call. Fails after [`TIMEOUT`].
    pub(super) async fn call(
        &self,
        function: Function,
        arguments: &str,
    ) -> Result<String, StoreError> {
        let (sender, given) = oneshot::channel();
        let number = {
            let mut state = lock(&self.state);
            state.last = state.last.wrapping_add(1);
            let number = state.last;
            state.waiting.insert(number, sender);
            number
        };
        let _waiting = Waiting(self, number);
        (self.ask)(number, arguments);
        let thrown = |message: String| Thrown {
            trace: message.clone(),
            message,
        };
        let given = match timeout(TIMEOUT, given).await {
            Ok(Ok(given)) => given,
            Ok(Err(_)) => Err(thrown("it has been closed".to_owned())),
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                Err(thrown(format!("no answer within {seconds} s")))
            }
        };
        match given {
            Ok(json) => {
                self.works(function);
                Ok(json)
            }
            Err(Thrown { message, trace }) => {
                self.fails(function, trace);
                Err(StoreError::Failed(message))
            }
        }
    }

    fn works(&self, function: Function) {
        let since = lock(&self.state).fails(function).take();
        if let Some(since) = since {
            (self.tell)(Tell::Works(function, since.elapsed()));
        }
    }

    fn fails(&self, function: Function, trace: String) {
        let before = {
            let mut state = lock(&self.state);
            let fails = state.fails(function);
            let before = *fails;
            *fails = before.or_else(|| Some(Instant::now()));
            before
        };
        if before.is_none() {
            (self.tell)(Tell::Fails(function, trace));
        }
    }
}
