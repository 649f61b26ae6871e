//! What JavaScript in one process announces to JavaScript in all others, as JSON of its own: the people whom
//! the application has removed, from connections or topics, and in development the modules that pages have
//! joined.
//!
//! An announcement is kept until it has been sent, in order, for as long as Redis is away. If Redis has lost
//! the announcements that it kept, all processes miss some, and each process sends its announcements of the
//! last minute once more. An announcement that comes twice harms nobody: a person who was removed twice may
//! come back. A process that has missed announcements does not know which; it asks `authorize` again about
//! all pages that it shows: see [`Sessions::doubt`](crate::sessions::Sessions::doubt).

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::processes::{Answering, Hears, Processes};
use crate::sync::{Mutex, lock};
use crate::token::Keyring;

/// The subject of these messages between processes.
const ABOUT: &str = "announcements";
/// So many announcements wait until they can be said. If there are more, the others are told that some are missing.
const MOST: usize = 1000;
/// How long it is waited before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Announcements of this time are sent once more if a process has missed something.
const RECENT: Duration = Duration::from_secs(60);
/// How long after it was noticed: by then the others hear again.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// An announcement of another process, or the news that some were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// This was announced there, in the words of that process.
    Announced(&'a str),
    /// There were too many.
    TooMany,
}

/// The announcements that wait to be sent. `None` if there were too many.
type Queue = Option<VecDeque<String>>;

struct Inner {
    keyring: Arc<Keyring>,
    queue: Mutex<Queue>,
    /// The last announcements, with the time of each: at most as many as may wait.
    said: Mutex<VecDeque<(Instant, String)>>,
    has_more: Notify,
}

/// Sends this process's announcements to all others.
pub struct Announcements {
    inner: Arc<Inner>,
    _task: AbortOnDropHandle<()>,
}

impl Announcements {
    /// From here on `heard` gets the announcements of other processes; it must not block. To be called in a
    /// runtime.
    pub fn new(
        processes: &Arc<Processes>,
        keyring: &Arc<Keyring>,
        heard: impl Fn(Heard<'_>) + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner {
            keyring: keyring.clone(),
            queue: Mutex::new(Some(VecDeque::new())),
            said: Mutex::default(),
            has_more: Notify::new(),
        });
        let ear = Ear {
            inner: Arc::downgrade(&inner),
            keyring: keyring.clone(),
            heard: Box::new(heard),
        };
        processes.hear(ABOUT, Arc::new(ear));
        let task = tokio::spawn(say_all(inner.clone(), processes.clone()));
        Self {
            inner,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Tells all other processes, as soon as they can be told. Does not wait.
    pub fn tell(&self, announcement: String) {
        self.inner.add(announcement);
        self.inner.has_more.notify_one();
    }
}

impl Inner {
    fn add(&self, announcement: String) {
        let mut queue = lock(&self.queue);
        if let Some(waiting) = &mut *queue {
            waiting.push_back(announcement);
            if waiting.len() > MOST {
                *queue = None;
            }
        }
    }

    /// Takes the next announcement; an inner `None` says that there were too many.
    fn take(&self) -> Option<Option<String>> {
        let mut queue = lock(&self.queue);
        match &mut *queue {
            Some(waiting) => waiting.pop_front().map(Some),
            None => {
                // Announcements that are added from now on are sent after this.
                *queue = Some(VecDeque::new());
                Some(None)
            }
        }
    }

    /// The announcement could not be sent.
    fn give_back(&self, said: Option<String>) {
        let mut queue = lock(&self.queue);
        match (said, &mut *queue) {
            (Some(said), Some(waiting)) => waiting.push_front(said),
            _ => *queue = None,
        }
    }

    /// The announcement was sent.
    fn has_said(&self, said: Option<String>) {
        let Some(said) = said else { return };
        let mut recent = lock(&self.said);
        let now = Instant::now();
        recent.push_back((now, said));
        while recent.len() > MOST
            || recent
                .front()
                .is_some_and(|(at, _)| now.duration_since(*at) > RECENT)
        {
            recent.pop_front();
        }
    }

    /// Sends the announcements of the last minute once more.
    fn say_once_more(&self) {
        let recent = std::mem::take(&mut *lock(&self.said));
        for (at, said) in recent {
            if at.elapsed() <= RECENT {
                self.add(said);
            }
        }
        self.has_more.notify_one();
    }

    /// As it is said to other processes: a JSON text.
    fn sealed(&self, said: Option<&String>) -> Option<String> {
        let said = serde_json::to_string(&said).ok()?;
        let sealed = self.keyring.seal_between(&said, ABOUT).ok()?;
        Some(format!("\"{sealed}\""))
    }
}

async fn say_all(inner: Arc<Inner>, processes: Arc<Processes>) {
    loop {
        let Some(said) = inner.take() else {
            inner.has_more.notified().await;
            continue;
        };
        let is_said = match inner.sealed(said.as_ref()) {
            Some(sealed) => processes.tell_all(ABOUT, &sealed).await.is_ok(),
            None => false,
        };
        if is_said {
            inner.has_said(said);
        } else {
            inner.give_back(said);
            tokio::time::sleep(AGAIN).await;
        }
    }
}

struct Ear {
    inner: Weak<Inner>,
    keyring: Arc<Keyring>,
    heard: Box<dyn Fn(Heard<'_>) + Send + Sync>,
}

impl Hears for Ear {
    fn hears(&self, _from: &str, body: &RawValue) -> Answering {
        let sealed = body.get();
        let sealed = sealed
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        // If an announcement cannot be opened, the log says so where components are concerned: see
        // `sessions/yielding.rs`.
        let said = sealed.and_then(|sealed| self.keyring.open_between(sealed, ABOUT).ok());
        let said = said.and_then(|said| serde_json::from_str::<Option<String>>(&said).ok());
        match &said {
            // The text becomes part of a JSON text.
            Some(Some(text)) if serde_json::from_str::<&RawValue>(text).is_ok() => {
                (self.heard)(Heard::Announced(text))
            }
            Some(None) => (self.heard)(Heard::TooMany),
            Some(Some(_)) | None => {}
        }
        Box::pin(std::future::ready(None))
    }

    fn missed(&self) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ONCE_MORE).await;
            if let Some(inner) = inner.upgrade() {
                inner.say_once_more();
            }
        });
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded_and_too_many_are_said_to_be_too_many() {
        let inner = Inner {
            keyring: Arc::new(Keyring::new(&["s".repeat(32)]).unwrap()),
            queue: Mutex::new(Some(VecDeque::new())),
            said: Mutex::default(),
            has_more: Notify::new(),
        };
        let said = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(inner.take(), None);
        for number in 0..MOST {
            inner.add(number.to_string());
        }
        assert_eq!(inner.take(), said("0"));
        inner.give_back(Some("0".to_owned()));
        assert_eq!(inner.take(), said("0"));
        // While it is on its way, the others become too many.
        inner.add("a".to_owned());
        inner.add("b".to_owned());
        inner.give_back(Some("0".to_owned()));
        assert_eq!(inner.take(), Some(None));
        // Announcements that come after that are not among them.
        inner.add("c".to_owned());
        inner.give_back(None);
        assert_eq!(inner.take(), Some(None));
        inner.add("d".to_owned());
        assert_eq!(inner.take(), said("d"));
        assert_eq!(inner.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_lately_is_said_once_more_if_something_was_missed() {
        let inner = Inner {
            keyring: Arc::new(Keyring::new(&["s".repeat(32)]).unwrap()),
            queue: Mutex::new(Some(VecDeque::new())),
            said: Mutex::default(),
            has_more: Notify::new(),
        };
        inner.has_said(Some("old".to_owned()));
        tokio::time::advance(RECENT).await;
        for number in 0..MOST {
            inner.has_said(Some(number.to_string()));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        inner.say_once_more();
        for number in 0..MOST {
            assert_eq!(inner.take(), Some(Some(number.to_string())));
        }
        assert_eq!(inner.take(), None);
        // Until it has been said again.
        inner.say_once_more();
        assert_eq!(inner.take(), None);
    }
}
