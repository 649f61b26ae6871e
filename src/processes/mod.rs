//! The processes of an application that have one backplane: which of them live, and what one says to another.
//!
//! Each process has a random name. While it lives it keeps a lease under that name in Redis (`lease.rs`). Nothing is
//! safe because of a lease: a process that was stopped goes on later than it thinks. Whoever takes something over from a
//! process that is gone therefore does so by a script that compares, and the other one finds that out.
//!
//! A process has a topic of its own, and there is one that all of them read. What is said there is said once and in
//! order, as long as the reader is not far behind (`saying.rs`).
//!
//! Architecture invariant: what one process asks another is answered, or the asker is told that it is not, after a time
//! that the asker has chosen. `src/processes/tests.rs` watches it
//! (`a_process_asks_another_and_says_something_to_all`).

mod lease;
mod saying;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::random::random_text;
use crate::redis::{AskError, Link};
use crate::sync::{Mutex, lock};
use crate::topics::{TopicError, Topics, keep_swept};

/// The most questions that wait for an answer. A further question gets no answer.
const MOST_ASKED: usize = 4096;
/// The most questions of others that are being answered. One more gets no answer.
const MOST_ANSWERED: usize = 1024;

/// The future of an answer: JSON text, or `None` for no answer.
pub type Answering = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Takes the messages of other processes about one subject.
pub trait Hears: Send + Sync + 'static {
    /// The process `from` has sent this. The future runs beside those of later messages; if too many run, it
    /// is dropped. If the message is a question, its sender gets the future's result. Must not block.
    fn hears(&self, from: &str, body: &RawValue) -> Answering;

    /// A message to this process or to all was missed; which one is not known. Must not block.
    fn missed(&self) {}
}

#[derive(Default)]
struct State {
    hears: HashMap<&'static str, Arc<dyn Hears>>,
    asked: HashMap<u64, oneshot::Sender<Box<RawValue>>>,
}

/// How a process is in Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The lease was kept at least once.
    is_leased: bool,
    /// The process hears messages of others.
    hears: bool,
    /// How often the lease had run out before it was kept again: others may have taken over this process's
    /// components.
    pub lapses: u64,
}

impl Here {
    /// Whether others find this process alive, and can ask it.
    pub fn is_here(self) -> bool {
        self.is_leased && self.hears
    }
}

struct Inner {
    name: Arc<str>,
    link: Link,
    prefix: Box<str>,
    between: Arc<dyn Topics>,
    here: watch::Sender<Here>,
    /// The number of the last question.
    last: AtomicU64,
    answering: Arc<Semaphore>,
    state: Mutex<State>,
}

/// This process among the others. The lock is a `std` one, held for a look-up.
pub struct Processes {
    inner: Arc<Inner>,
    tasks: [AbortOnDropHandle<()>; 3],
}

impl Processes {
    /// For so long at least a process has not lived that is gone and has not closed.
    pub const GONE_FOR: Duration = lease::LEASE.saturating_sub(lease::KEEP);

    /// Begins to keep the lease, and to hear what others say. `between` are the topics between processes. To be called
    /// in a runtime.
    ///
    /// # Errors
    /// [`TopicError::Failed`] if the system gives no random numbers.
    pub fn open(
        link: Link,
        between: Arc<dyn Topics>,
        prefix: &str,
    ) -> Result<Arc<Self>, TopicError> {
        let name: Arc<str> = random_text().into();
        if name.is_empty() {
            return Err(TopicError::Failed(
                "the system gives no random numbers".to_owned(),
            ));
        }
        let swept = keep_swept(Arc::downgrade(&between));
        let inner = Arc::new(Inner {
            name,
            link,
            prefix: prefix.into(),
            between,
            here: watch::Sender::default(),
            last: AtomicU64::new(0),
            answering: Arc::new(Semaphore::new(MOST_ANSWERED)),
            state: Mutex::default(),
        });
        let tasks = [
            tokio::spawn(lease::keep(inner.clone())),
            tokio::spawn(saying::hear(inner.clone())),
            tokio::spawn(swept),
        ];
        Ok(Arc::new(Self {
            inner,
            tasks: tasks.map(AbortOnDropHandle::new),
        }))
    }

    /// This process' name, which no other process has.
    pub fn name(&self) -> &Arc<str> {
        &self.inner.name
    }

    /// The connection to Redis.
    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    /// The prefix of all keys.
    pub(crate) fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// The topics between processes.
    pub(crate) fn between(&self) -> &Arc<dyn Topics> {
        &self.inner.between
    }

    /// How this process is in Redis, now and later. Nothing is to be taken over before it is here.
    pub fn here(&self) -> watch::Receiver<Here> {
        self.inner.here.subscribe()
    }

    /// The processes among these that do not live, as Redis knows it now.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn gone(&self, names: &[Arc<str>]) -> Result<Vec<Arc<str>>, AskError> {
        lease::gone(&self.inner, names).await
    }

    /// From now on `hears` gets the messages of other processes about this subject.
    pub fn hear(&self, about: &'static str, hears: Arc<dyn Hears>) {
        lock(&self.inner.state).hears.insert(about, hears);
    }

    /// Sends a message to one process. `body` is JSON.
    ///
    /// # Errors
    /// Those of [`Topics::publish`]. The message may have been sent or not.
    pub async fn tell(
        &self,
        process: &str,
        about: &'static str,
        body: &str,
    ) -> Result<(), TopicError> {
        self.inner
            .say(&saying::to(process), about, None, body)
            .await
    }

    /// Sends a message to all other processes that live now. `body` is JSON.
    ///
    /// # Errors
    /// Those of [`Topics::publish`]. The message may have been sent or not.
    pub async fn tell_all(&self, about: &'static str, body: &str) -> Result<(), TopicError> {
        self.inner.say(saying::ALL, about, None, body).await
    }

    /// Asks one process. `None` if no answer comes within `wait`. `body` is JSON.
    pub async fn ask(
        &self,
        process: &str,
        about: &'static str,
        body: &str,
        wait: Duration,
    ) -> Option<Box<RawValue>> {
        let inner = &self.inner;
        let number = inner.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        {
            let mut state = lock(&inner.state);
            if state.asked.len() >= MOST_ASKED {
                return None;
            }
            state.asked.insert(number, sender);
        }
        let asked = Asked { inner, number };
        let asks = async {
            let to = saying::to(process);
            inner.say(&to, about, Some(number), body).await.ok()?;
            answer.await.ok()
        };
        let answer = timeout(wait, asks).await.ok().flatten();
        drop(asked);
        answer
    }

    /// The process is gone without a word.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    /// The process goes: others need not wait until its lease has run out.
    pub async fn close(&self) {
        for task in &self.tasks {
            task.abort();
        }
        lease::end(&self.inner).await;
    }
}

/// A question that waits for its answer, for as long as this is kept.
struct Asked<'a> {
    inner: &'a Inner,
    number: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        lock(&self.inner.state).asked.remove(&self.number);
    }
}
