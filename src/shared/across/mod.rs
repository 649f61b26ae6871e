//! Shared components of many processes: one has the actor, the others follow it.
//!
//! * `owners.rs`: who owns a component, in Redis. A process takes a component over from one that is gone, whose lease has
//!   run out; what that one may still commit is refused, because its term is over.
//! * `host.rs`: the owner's side. What its own pages are sent goes to the processes that follow it, once for each, in a
//!   topic of the term.
//! * `following.rs`: the other side. A process that follows has a component without an actor: its pages are sent what
//!   the owner tells, and what they ask goes to the owner. `pages.rs` has what is known of them.
//! * `wire.rs`: what the two say to each other. All of it is sealed with the application's secret.
//!
//! If anything is missed, the component ends in the process that follows, and its pages join again: so there is one way
//! to go on, whatever was lost.
//!
//! Architecture invariant: a page of any process is shown what the owner has committed, and each of its events is
//! applied once. `__test__/server/shared_across_processes.test.ts` watches it.

mod following;
mod host;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod owners;
mod pages;
#[cfg(all(test, not(shuttle)))]
mod tests;
mod wire;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::{Component, Ownership, OwnershipError};
use crate::codes::Code;
use crate::log::{Level, Log};
use crate::processes::{Answering, Hears, Processes};
use crate::protocol::Refusal;
use crate::sync::{Mutex, lock};
use crate::template::{Definition, TemplateName};
use crate::token::Keyring;
use crate::tree::Templates;
pub(crate) use following::{Begun, follow};
pub(crate) use host::{Host, Parts};
pub use owners::RedisOwnership;
pub(crate) use pages::{Following, Joining};
use wire::{Answer, ToOwner};

/// The text for pages whose component is in another process now.
const MOVED: &str = "The server is busy.";
/// The subject of messages between processes about shared components.
const ABOUT: &str = "shared";
/// How often Redis is told again which components this process owns. Redis would forget it after a day.
const REMEMBER: Duration = Duration::from_secs(3600);
/// How often it is looked whether the processes live that this one has to do with.
const LOOK: Duration = Duration::from_millis(1500);

/// The work of a process for others that shared components bring. The locks are `std` ones, held for a
/// look-up.
pub struct Across {
    processes: Arc<Processes>,
    keyring: Arc<Keyring>,
    templates: &'static Templates,
    owners: Arc<dyn Ownership>,
    log: Log,
    /// The components that this process owns, by their names in a store.
    hosts: Mutex<HashMap<Arc<str>, Weak<Host>>>,
    /// The components that another process owns, with its name.
    followed: Mutex<Vec<(Arc<str>, Weak<Component>)>>,
}

impl Across {
    /// Begins to hear the messages of other processes. To be called in a runtime.
    pub fn new(
        processes: Arc<Processes>,
        keyring: Arc<Keyring>,
        templates: &'static Templates,
        owners: Arc<dyn Ownership>,
        log: Log,
    ) -> Arc<Self> {
        let across = Arc::new(Self {
            processes: processes.clone(),
            keyring,
            templates,
            owners,
            log,
            hosts: Mutex::default(),
            followed: Mutex::default(),
        });
        processes.hear(ABOUT, Arc::new(Ear(Arc::downgrade(&across))));
        tokio::spawn(look(Arc::downgrade(&across)));
        across
    }

    pub(super) fn owners(&self) -> &Arc<dyn Ownership> {
        &self.owners
    }

    /// A message, sealed: a JSON text.
    fn seal(&self, said: &impl Serialize, topic: &str) -> Option<String> {
        let json = serde_json::to_string(said).ok()?;
        let sealed = self.keyring.seal_between(&json, topic).ok()?;
        Some(format!("\"{sealed}\""))
    }

    /// The message. `None` if no process of this application has sealed it.
    fn open<T: DeserializeOwned>(&self, said: &str, topic: &str) -> Option<T> {
        let sealed = said.strip_prefix('"')?.strip_suffix('"')?;
        let json = self.keyring.open_between(sealed, topic).ok()?;
        serde_json::from_str(&json).ok()
    }

    /// Learns templates of another process. False if a definition among them is not one of a template.
    fn learn(&self, definitions: Vec<(TemplateName, Definition)>) -> bool {
        definitions
            .into_iter()
            .all(|(name, definition)| self.templates.learn(&name, definition))
    }

    fn add_host(&self, name: &Arc<str>, host: &Arc<Host>) {
        lock(&self.hosts).insert(name.clone(), Arc::downgrade(host));
    }

    fn add_followed(&self, process: &Arc<str>, component: &Arc<Component>) {
        let mut followed = lock(&self.followed);
        if followed.len() == followed.capacity() {
            followed.retain(|(_, component)| component.strong_count() > 0);
        }
        followed.push((process.clone(), Arc::downgrade(component)));
    }

    fn host(&self, asked: &ToOwner) -> Option<Arc<Host>> {
        let host = lock(&self.hosts).get(&asked.component)?.upgrade()?;
        (host.term() == asked.term).then_some(host)
    }

    fn all_hosts(&self) -> Vec<Arc<Host>> {
        let mut hosts = lock(&self.hosts);
        hosts.retain(|_, host| host.strong_count() > 0);
        hosts.values().filter_map(Weak::upgrade).collect()
    }

    /// Ends everything that depends on processes that are gone.
    async fn look(&self) {
        let hosts = self.all_hosts();
        let mut names: HashSet<Arc<str>> = HashSet::new();
        {
            let mut followed = lock(&self.followed);
            followed.retain(|(_, component)| component.strong_count() > 0);
            names.extend(followed.iter().map(|(process, _)| process.clone()));
        }
        names.extend(hosts.iter().flat_map(|host| host.followers()));
        if names.is_empty() {
            return;
        }
        let names: Vec<_> = names.into_iter().collect();
        // If Redis is away, nobody knows.
        let Ok(gone) = self.processes.gone(&names).await else {
            return;
        };
        if gone.is_empty() {
            return;
        }
        let orphaned: Vec<_> = {
            let followed = lock(&self.followed);
            let of_gone = followed
                .iter()
                .filter(|(process, _)| gone.contains(process));
            of_gone
                .filter_map(|(_, component)| component.upgrade())
                .collect()
        };
        for component in orphaned {
            component.end(MOVED, &Refusal::Moved);
        }
        let is_gone = |one: &str| gone.iter().any(|gone| **gone == *host::process_of(one));
        for host in hosts {
            host.are_gone(is_gone);
        }
    }

    /// The lease of this process had run out: other processes may own components that it takes for its own.
    async fn look_who_owns(&self) {
        for host in self.all_hosts() {
            let (name, term) = (host.name(), host.term());
            if self.owners.commits(name, term, false).await == Err(OwnershipError::Lost) {
                host.is_lost();
            }
        }
    }
}

async fn look(across: Weak<Across>) {
    let mut lapses = 0;
    let mut next = Instant::now() + REMEMBER;
    loop {
        sleep(LOOK).await;
        let Some(across) = across.upgrade() else {
            return;
        };
        let now = across.processes.here().borrow().lapses;
        if std::mem::replace(&mut lapses, now) != now || Instant::now() > next {
            next = Instant::now() + REMEMBER;
            across.look_who_owns().await;
        }
        across.look().await;
    }
}

/// Hears the messages of other processes about shared components.
struct Ear(Weak<Across>);

fn silent() -> Answering {
    Box::pin(std::future::ready(None))
}

impl Hears for Ear {
    fn hears(&self, from: &str, body: &RawValue) -> Answering {
        let Some(across) = self.0.upgrade() else {
            return silent();
        };
        let Some(asked) = across.open::<ToOwner>(body.get(), &topic_of(across.processes.name()))
        else {
            let text = "a message of another process about a shared component cannot be opened: do all processes have the same secret?";
            across
                .log
                .write(Level::Error, Code::Secret, "", || text.to_owned());
            return silent();
        };
        let Some(host) = across.host(&asked) else {
            let answer = across.seal(&Answer::None, ABOUT);
            return Box::pin(std::future::ready(answer));
        };
        // In the order in which the messages came.
        let answer = host.hears(&host::follower(from, asked.number), asked.what);
        Box::pin(async move { across.seal(&answer.await?, ABOUT) })
    }

    fn missed(&self) {
        let Some(across) = self.0.upgrade() else {
            return;
        };
        // Events may be among it.
        for host in across.all_hosts() {
            host.missed();
        }
    }
}

/// A message to a process is sealed with this text, so no other process can open it.
fn topic_of(process: &str) -> String {
    format!("{ABOUT} {process}")
}
