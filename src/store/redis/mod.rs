//! A store in Redis, for the processes of many machines.
//!
//! A component's state is one hash, `{instance}` its tag in a cluster, and every change of it is one script. Who may
//! write is said by the life: a process that takes a component over raises it (`claim.lua`), and what an earlier
//! life saves is refused. Within a life one process writes; its saves are numbered, so that a save whose answer was
//! lost can be made again, and none that comes late replaces a later one (`save.lua`).
//!
//! If the server's memory is not enough, saves go together over a connection of their own, and are confirmed by its disk
//! or by a replica (`confirming.rs`).
//!
//! Each state expires by itself. Beside the states stand lists of them by holder (`hold.lua`), and a list of the
//! holders (`count.lua`), so that no client can fill the server. They are written when a state is new, and once a
//! minute after that.

mod confirming;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::{Script, ScriptInvocation};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Answer, Bounds, ClaimedShared, Holder, Store, StoreError, Stored, ViewerNumber, is_taken,
};
use crate::ids::{EventNumber, Life, Revision};
use crate::random::random_text;
use crate::redis::{AskError, Link, milliseconds};
use confirming::Confirming;
pub use confirming::Durability;

/// While a state's times are younger than this, a save does not write them.
const FRESH: Duration = Duration::from_secs(60);
/// The most states that give way to one new state. More than one is too many only after a limit was lowered.
const MOST_DELETED: usize = 16;

const SAVE: &str = include_str!("save.lua");

/// The answers of a save.
const STALE: i64 = 0;
const NOTED: i64 = 2;

/// The keys and arguments of `save.lua`.
struct ToSave {
    keys: Vec<String>,
    arguments: Vec<String>,
}

struct Scripts {
    claim: Script,
    save: Script,
    hold: Script,
    count: Script,
}

struct Inner {
    link: Link,
    prefix: Box<str>,
    bounds: Bounds,
    /// The name of this process. Two processes may begin the same life of a component that has no state so far.
    process: Box<str>,
    /// Numbers the saves of this process.
    saves: AtomicU64,
    stored: AtomicU64,
    is_closed: AtomicBool,
    scripts: Scripts,
    /// Set if the server's memory is not enough.
    confirming: Option<Confirming>,
    /// Finds out that nobody is there, if there is nothing to save. Ends with the store.
    _probe: AbortOnDropHandle<()>,
}

/// A store in Redis. All processes that have the same Redis, the same prefix and the same secret share it.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

impl From<AskError> for StoreError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Damaged(why) => Self::Damaged(why),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// A state, as a script gives it: life, revision and the sealed state.
type Claimed = Option<(u64, u64, String)>;

impl RedisStore {
    /// A store whose keys all begin with `prefix`. To be called in a runtime.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the system gives no random numbers.
    pub fn new(link: Link, prefix: &str, bounds: Bounds) -> Result<Self, StoreError> {
        Self::confirmed(link, None, prefix, bounds)
    }

    /// As [`new`](Self::new), and a save is answered when the places that `by` names have the state. Saves
    /// then go over the link in `by`, which has to have the needs of that durability.
    ///
    /// # Errors As [`new`](Self::new).
    pub fn confirmed(
        link: Link,
        by: Option<(Link, Durability)>,
        prefix: &str,
        bounds: Bounds,
    ) -> Result<Self, StoreError> {
        let process = random_text();
        if process.is_empty() {
            return Err(StoreError::Failed(
                "the system gives no random numbers".to_owned(),
            ));
        }
        let scripts = Scripts {
            claim: Script::new(include_str!("claim.lua")),
            save: Script::new(SAVE),
            hold: Script::new(include_str!("hold.lua")),
            count: Script::new(include_str!("count.lua")),
        };
        let confirming = by.map(|(link, durability)| Confirming::new(link, durability, SAVE));
        Ok(Self(Arc::new(Inner {
            confirming,
            _probe: AbortOnDropHandle::new(tokio::spawn(link.clone().probe())),
            link,
            prefix: prefix.into(),
            bounds,
            process,
            saves: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            scripts,
        })))
    }
}

impl Inner {
    /// The key of a component's state.
    fn state(&self, instance: &str) -> String {
        format!("{}state:{{{instance}}}", self.prefix)
    }

    /// The key of the numbers of a shared component's viewers.
    fn viewers(&self, instance: &str) -> String {
        format!("{}viewers:{{{instance}}}", self.prefix)
    }

    /// The key of the list of a holder's states.
    fn holder(&self, holder: &str) -> String {
        format!("{}holder:{{{holder}}}", self.prefix)
    }

    /// How long a state is kept after the last time that its times were written.
    fn keep(&self) -> u64 {
        milliseconds(self.bounds.keep.saturating_add(2 * FRESH))
    }

    fn open(&self) -> Result<(), StoreError> {
        match self.is_closed.load(Ordering::Relaxed) {
            true => Err(StoreError::Failed("it has been closed".to_owned())),
            false => Ok(()),
        }
    }

    async fn claim(&self, instance: &str, after: Life) -> Result<Option<Stored>, StoreError> {
        self.open()?;
        let mut script = self.scripts.claim.prepare_invoke();
        script
            .key(self.state(instance))
            .arg(after.0)
            .arg(&*self.process);
        let claimed: Claimed = self.link.ask(&script).await?;
        Ok(claimed.map(|(life, revision, sealed)| Stored {
            life: Life(life),
            revision: Revision(revision),
            sealed,
        }))
    }

    /// The save of a state; for a shared component with the numbers of viewers. `by` names the process that
    /// saves.
    fn to_save(
        &self,
        instance: &str,
        stored: Stored,
        by: &str,
        viewers: Option<&[ViewerNumber]>,
    ) -> ToSave {
        let mut keys = vec![self.state(instance)];
        let number = self.saves.fetch_add(1, Ordering::Relaxed) + 1;
        let mut arguments = vec![
            stored.life.0.to_string(),
            stored.revision.0.to_string(),
            stored.sealed,
            by.to_owned(),
            number.to_string(),
            self.keep().to_string(),
            FRESH.as_secs().to_string(),
        ];
        // Only if needed: while a slot of a cluster moves, two keys cannot be written together.
        if let Some(viewers) = viewers {
            keys.push(self.viewers(instance));
            for (viewer, number) in viewers {
                // No event has the number 0: it says that the viewer is to be forgotten.
                let number = number.map_or(0, |number| number.0);
                arguments.extend([viewer.to_string(), number.to_string()]);
            }
        }
        ToSave { keys, arguments }
    }

    fn invocation(&self, save: &ToSave) -> ScriptInvocation<'_> {
        let mut script = self.scripts.save.prepare_invoke();
        for key in &save.keys {
            script.key(key);
        }
        script.arg(&save.arguments);
        script
    }

    async fn save(
        &self,
        instance: &str,
        holder: Holder,
        stored: Stored,
        by: &str,
        viewers: Option<Vec<ViewerNumber>>,
    ) -> Result<(), StoreError> {
        self.open()?;
        let save = self.to_save(instance, stored, by, viewers.as_deref());
        let answer = match &self.confirming {
            Some(confirming) => confirming.save(save).await?,
            None => self.link.ask(&self.invocation(&save)).await?,
        };
        match answer {
            STALE => Err(StoreError::Stale),
            NOTED => {
                // The state is saved, whatever becomes of the lists: the next note is in a minute.
                let _ = self.note(instance, &URL_SAFE_NO_PAD.encode(holder)).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn viewer_numbers(
        &self,
        instance: &str,
    ) -> Result<Vec<(Arc<str>, EventNumber)>, StoreError> {
        self.open()?;
        let mut command = redis::cmd("HGETALL");
        command.arg(self.viewers(instance));
        let numbers: Vec<(String, u64)> = self.link.ask(&command).await?;
        let numbered = |(viewer, number): (String, u64)| (viewer.into(), EventNumber(number));
        Ok(numbers.into_iter().map(numbered).collect())
    }

    /// Notes that the holder has this state. States give way if there are too many.
    async fn note(&self, instance: &str, holder: &str) -> Result<(), AskError> {
        let mut loser = holder.to_owned();
        let mut most = self.bounds.stored_per_holder;
        for _ in 0..MOST_DELETED {
            let states = self.hold(instance, &loser, loser == holder, most).await?;
            let Some(next) = self.count(&loser, states).await? else {
                break;
            };
            // One state goes of the holder that has most.
            most = self.states_of(&next).await?.saturating_sub(1);
            loser = next;
        }
        Ok(())
    }

    async fn states_of(&self, holder: &str) -> Result<usize, AskError> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.holder(holder));
        self.link.ask(&command).await
    }

    /// Notes the state in the list of the holder, if it is the holder's, and deletes the oldest ones beyond `most`.
    /// Gives how many the holder has then.
    async fn hold(
        &self,
        instance: &str,
        holder: &str,
        is_own: bool,
        most: usize,
    ) -> Result<u64, AskError> {
        let mut script = self.scripts.hold.prepare_invoke();
        script
            .key(self.holder(holder))
            .arg(instance)
            .arg(u8::from(is_own))
            .arg(self.keep())
            .arg(most)
            .arg(MOST_DELETED);
        let (states, gone): (u64, Vec<String>) = self.link.ask(&script).await?;
        for instance in gone {
            // One at a time: while a slot of a cluster moves, two keys cannot be deleted together.
            for key in [self.state(&instance), self.viewers(&instance)] {
                let mut command = redis::cmd("UNLINK");
                command.arg(key);
                let _: u64 = self.link.ask(&command).await?;
            }
        }
        Ok(states)
    }

    /// Notes how many states the holder has. Gives the holder with most of them if all together have too many.
    async fn count(&self, holder: &str, states: u64) -> Result<Option<String>, AskError> {
        let mut script = self.scripts.count.prepare_invoke();
        for name in ["most", "seen", "states"] {
            script.key(format!("{}{{all}}:{name}", self.prefix));
        }
        script
            .arg(holder)
            .arg(states)
            .arg(self.keep())
            .arg(self.bounds.stored)
            .arg(MOST_DELETED);
        let (all, loser): (u64, Option<String>) = self.link.ask(&script).await?;
        self.stored.store(all, Ordering::Relaxed);
        Ok(loser)
    }
}

impl RedisStore {
    /// The numbers of a shared component's viewers.
    fn viewers(&self, instance: &Arc<str>) -> Answer<Vec<(Arc<str>, EventNumber)>> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move { inner.viewer_numbers(&instance).await })
    }
}

impl Store for RedisStore {
    fn claim(&self, instance: &Arc<str>, after: Life) -> Answer<Option<Stored>> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move { inner.claim(&instance, after).await })
    }

    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move {
            let by = &inner.process;
            inner.save(&instance, holder, stored, by, None).await
        })
    }

    fn take(&self, name: &Arc<str>, holder: Holder) -> Answer<bool> {
        let (inner, name) = (self.0.clone(), name.clone());
        // Another name each time: a save of the same name would replace the save before it.
        let by = random_text();
        Box::pin(async move {
            let saved = inner.save(&name, holder, Stored::taken(), &by, None);
            is_taken(saved.await)
        })
    }

    fn save_shared(
        &self,
        instance: &Arc<str>,
        holder: Holder,
        stored: Stored,
        viewers: Vec<ViewerNumber>,
    ) -> Answer<()> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move {
            let by = &inner.process;
            let viewers = Some(viewers);
            inner.save(&instance, holder, stored, by, viewers).await
        })
    }

    fn claim_shared(&self, instance: &Arc<str>, after: Life) -> Answer<Option<ClaimedShared>> {
        let (claimed, viewers) = (self.claim(instance, after), self.viewers(instance));
        Box::pin(async move {
            match claimed.await? {
                Some(stored) => Ok(Some((stored, viewers.await?))),
                None => Ok(None),
            }
        })
    }

    fn stored(&self) -> u64 {
        self.0.stored.load(Ordering::Relaxed)
    }

    fn close(&self) -> Answer<()> {
        // Nothing waits here: each save is waited for by its actor.
        self.0.is_closed.store(true, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}
