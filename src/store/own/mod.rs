//! A store in the application's hands: `claim` and `save` are functions of JavaScript.
//!
//! * `calls.rs`: the calls that JavaScript has not answered.
//! * `doubts.rs`: components of which nobody knows whether the last state was kept.
//!
//! Claims are made by themselves. Saves that come while one is under way wait, and go together in the next call, so that
//! there is one call of `save` at a time; none has two states of one component.

mod calls;
mod doubts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::{Answer, ClaimedShared, Holder, Store, StoreError, Stored, ViewerNumber};
use crate::ids::{EventNumber, Life, Revision};
use crate::random::random_text;
use crate::sync::{Mutex, lock};
pub use calls::{Ask, Function, OwnCalls, Tell, Telling, Thrown};
use doubts::{Doubts, Next};

/// How long the application's store may take for a claim or a save, with all that these wait for first.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most saves that wait for a call. An actor with one more waits until there is room.
///
/// Architecture invariant: every channel has a bound. `__test__/package/invariants.test.ts` watches it.
const MOST_WAITING: usize = 1024;
/// The most states in one call of `save`.
const MOST_TOGETHER: usize = 512;
/// About the most bytes of them: a call has no further state once it has so many.
const MOST_BYTES: usize = 1 << 20;
/// The most calls of `claim` at a time.
const MOST_CLAIMS: usize = 64;
/// Stands after the name of the process that has saved a state, after the life that its actor is in, and before the
/// sealed state.
const MARK: char = '.';

type Result<T> = std::result::Result<T, StoreError>;

/// A state as `save` gets it.
#[derive(Serialize)]
struct ToSave<'a> {
    instance: &'a str,
    life: u64,
    revision: u64,
    state: &'a str,
    holder: &'a str,
    /// `null` for a viewer that is to be forgotten.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    viewers: BTreeMap<&'a str, Option<u64>>,
}

/// The result of `claim`.
#[derive(Deserialize)]
struct Claimed {
    life: u64,
    revision: u64,
    state: String,
    #[serde(default)]
    viewers: BTreeMap<Arc<str>, u64>,
}

/// A save that waits for a call.
struct Save {
    instance: Arc<str>,
    /// A [`ToSave`].
    json: String,
    answer: oneshot::Sender<Result<()>>,
}

/// The saves of one call.
#[derive(Default)]
struct Batch {
    saves: Vec<Save>,
    instances: HashSet<Arc<str>>,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.saves.len() >= MOST_TOGETHER || self.bytes >= MOST_BYTES
    }

    /// Gives the save back if it has to wait for the next call.
    fn add(&mut self, save: Save) -> Option<Save> {
        if save.answer.is_closed() {
            // Nobody waits for it any more.
            return None;
        }
        if self.is_full() || !self.instances.insert(save.instance.clone()) {
            return Some(save);
        }
        self.bytes += save.json.len();
        self.saves.push(save);
        None
    }

    fn json(&self) -> String {
        let mut json = String::with_capacity(self.bytes + self.saves.len() + 1);
        for save in &self.saves {
            json.push(if json.is_empty() { '[' } else { ',' });
            json.push_str(&save.json);
        }
        json.push(']');
        json
    }
}

struct Inner {
    calls: Arc<OwnCalls>,
    saves: mpsc::Sender<Save>,
    claims: Semaphore,
    doubts: Mutex<Doubts>,
    /// The name of this process.
    process: Box<str>,
    is_closed: AtomicBool,
}

/// A store in the application's hands.
#[derive(Clone)]
pub struct OwnStore(Arc<Inner>);

fn late() -> StoreError {
    StoreError::Failed(format!("no answer within {} s", TIMEOUT.as_secs()))
}

fn unusable(function: Function, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the result of {function} cannot be used: {error}"))
}

impl OwnStore {
    /// A store that has JavaScript called by `ask`: with a number for [`OwnCalls::answer`], and the arguments as JSON
    /// without the brackets of their list. One argument is the list of states to be saved, two are those of a claim. To
    /// be called in a runtime.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the system gives no random numbers.
    pub fn new(ask: Ask, tell: Telling) -> Result<(Self, Arc<OwnCalls>)> {
        let process = random_text();
        if process.is_empty() {
            return Err(StoreError::Failed(
                "the system gives no random numbers".to_owned(),
            ));
        }
        let (saves, waiting) = mpsc::channel(MOST_WAITING);
        let calls = Arc::new(OwnCalls::new(ask, tell));
        // Ends when the store is dropped.
        tokio::spawn(save_all(calls.clone(), waiting));
        let inner = Inner {
            calls: calls.clone(),
            saves,
            claims: Semaphore::new(MOST_CLAIMS),
            doubts: Mutex::default(),
            process,
            is_closed: AtomicBool::new(false),
        };
        Ok((Self(Arc::new(inner)), calls))
    }
}

/// Makes one call of `save` after the other.
async fn save_all(calls: Arc<OwnCalls>, mut waiting: mpsc::Receiver<Save>) {
    let mut left = Vec::new();
    loop {
        let mut batch = Batch::default();
        for save in std::mem::take(&mut left) {
            left.extend(batch.add(save));
        }
        if batch.saves.is_empty() && left.is_empty() {
            let Some(save) = waiting.recv().await else {
                return;
            };
            left.extend(batch.add(save));
        }
        while !batch.is_full()
            && left.len() < MOST_TOGETHER
            && let Ok(save) = waiting.try_recv()
        {
            left.extend(batch.add(save));
        }
        if !batch.saves.is_empty() {
            save_batch(&calls, batch).await;
        }
    }
}

async fn save_batch(calls: &OwnCalls, batch: Batch) {
    let given = calls.call(Function::Save, &batch.json()).await;
    let kept = given.and_then(|json| {
        let kept = serde_json::from_str::<HashSet<String>>(&json);
        kept.map_err(|error| unusable(Function::Save, error))
    });
    for save in batch.saves {
        let answer = match &kept {
            Ok(kept) if kept.contains(&*save.instance) => Ok(()),
            Ok(_) => Err(StoreError::Stale),
            Err(error) => Err(error.clone()),
        };
        let _ = save.answer.send(answer);
    }
}

impl Inner {
    fn open(&self) -> Result<()> {
        match self.is_closed.load(Ordering::Relaxed) {
            true => Err(StoreError::Failed("it has been closed".to_owned())),
            false => Ok(()),
        }
    }

    async fn claim(&self, instance: &str, after: Life) -> Result<Option<Claimed>> {
        self.open()?;
        let asked = async {
            let _turn = self.claims.acquire().await.map_err(|_| late())?;
            let name = serde_json::to_string(instance)
                .map_err(|error| unusable(Function::Claim, error))?;
            let arguments = format!("{name},{after}");
            self.calls.call(Function::Claim, &arguments).await
        };
        let json = timeout(TIMEOUT, asked).await.unwrap_or(Err(late()))?;
        let claimed: Option<Claimed> =
            serde_json::from_str(&json).map_err(|error| unusable(Function::Claim, error))?;
        if let Some(claimed) = &claimed
            && claimed.life <= after.0
        {
            let life = claimed.life;
            let why = format!("its life is {life}, and has to be later than {after}");
            return Err(unusable(Function::Claim, why));
        }
        Ok(claimed)
    }

    async fn claim_shared(&self, instance: &str, after: Life) -> Result<Option<ClaimedShared>> {
        let Some(claimed) = self.claim(instance, after).await? else {
            return Ok(None);
        };
        let life = Life(claimed.life);
        lock(&self.doubts).forget(instance, life);
        let Some(sealed) = claimed.state.splitn(3, MARK).nth(2) else {
            let why = "the text is not one that loom-live has saved".to_owned();
            return Err(StoreError::Damaged(why));
        };
        let stored = Stored {
            life,
            revision: Revision(claimed.revision),
            sealed: sealed.to_owned(),
        };
        let viewers = claimed.viewers.into_iter();
        let viewers = viewers.map(|(viewer, number)| (viewer, EventNumber(number)));
        Ok(Some((stored, viewers.collect())))
    }

    /// The text before a state: it says who has saved the state.
    fn by(&self, life: Life) -> String {
        format!("{}{MARK}{life}{MARK}", self.process)
    }

    /// The life to save a state under.
    async fn life(&self, instance: &Arc<str>, stored: &Stored) -> Result<Life> {
        let life = stored.life;
        let next = lock(&self.doubts).next(instance, life);
        let after = match next {
            Next::Save(under) => return Ok(under),
            Next::Claim(after) => after,
        };
        let Some(claimed) = self.claim(instance, after).await? else {
            // The store has no state: neither the one in doubt nor another.
            return Ok(after);
        };
        // The one in doubt may be replaced. If another actor has gone on, its state is at least as far.
        let is_new = claimed.revision >= stored.revision.0;
        if is_new && !claimed.state.starts_with(&self.by(life)) {
            return Err(StoreError::Stale);
        }
        // The claim has put the state in doubt into its life, too, and the next one has the same revision.
        let under = match is_new {
            true => Life(claimed.life).next(),
            false => Life(claimed.life),
        };
        lock(&self.doubts).kept(instance, life, under);
        Ok(under)
    }

    async fn save(
        &self,
        instance: &Arc<str>,
        holder: Holder,
        stored: Stored,
        viewers: &[ViewerNumber],
    ) -> Result<()> {
        self.open()?;
        let life = stored.life;
        let under = self.life(instance, &stored).await;
        if under == Err(StoreError::Stale) {
            lock(&self.doubts).forget(instance, life);
        }
        let under = under?;
        let viewers = viewers.iter();
        let viewers = viewers.map(|(viewer, number)| (&**viewer, number.map(|number| number.0)));
        let to_save = ToSave {
            instance,
            life: under.0,
            revision: stored.revision.0,
            state: &(self.by(life) + &stored.sealed),
            holder: &URL_SAFE_NO_PAD.encode(holder),
            viewers: viewers.collect(),
        };
        let json = serde_json::to_string(&to_save);
        let json = json.map_err(|error| StoreError::Failed(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        let save = Save {
            instance: instance.clone(),
            json,
            answer,
        };
        let closed = || StoreError::Failed("it has been closed".to_owned());
        let answered = timeout(TIMEOUT, async {
            self.saves.send(save).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        });
        let answered = answered.await.unwrap_or(Err(late()));
        let mut doubts = lock(&self.doubts);
        match &answered {
            Ok(()) => doubts.kept(instance, life, under),
            Err(StoreError::Stale) => doubts.forget(instance, life),
            Err(_) => doubts.doubted(instance, life, under),
        }
        answered
    }
}

impl Store for OwnStore {
    fn claim(&self, instance: &Arc<str>, after: Life) -> Answer<Option<Stored>> {
        let claimed = Store::claim_shared(self, instance, after);
        Box::pin(async move { Ok(claimed.await?.map(|(stored, _)| stored)) })
    }

    fn claim_shared(&self, instance: &Arc<str>, after: Life) -> Answer<Option<ClaimedShared>> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move { inner.claim_shared(&instance, after).await })
    }

    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()> {
        self.save_shared(instance, holder, stored, Vec::new())
    }

    fn save_shared(
        &self,
        instance: &Arc<str>,
        holder: Holder,
        stored: Stored,
        viewers: Vec<ViewerNumber>,
    ) -> Answer<()> {
        let (inner, instance) = (self.0.clone(), instance.clone());
        Box::pin(async move { inner.save(&instance, holder, stored, &viewers).await })
    }

    /// The application does not say.
    fn stored(&self) -> u64 {
        0
    }

    fn close(&self) -> Answer<()> {
        // Nothing waits here: each save is waited for by its actor.
        self.0.is_closed.store(true, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}
