//! Owners of shared components, of all processes that have one Redis.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use tokio::time::Instant;

use crate::ids::Term;
use crate::processes::Processes;
use crate::redis::{AskError, Link, milliseconds};
use crate::shared::ownership::{Answer, Elsewhere, HandedOver, Owner, Ownership, OwnershipError};
use crate::sync::{Mutex, lock};

/// How long Redis remembers an owner that has said nothing. If it is forgotten, the next one has a later term anyhow.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// If a store compares as well, how often an owner that commits is looked up.
const LOOKED_UP: Duration = Duration::from_secs(3600);

struct Inner {
    processes: Arc<Processes>,
    link: Link,
    prefix: Box<str>,
    /// How long a state that was left is kept.
    keep: Duration,
    own: Script,
    commits: Script,
    disown: Script,
    /// When the owners of this process were looked up last. A `std` lock, held for a look-up.
    looked_up: Mutex<HashMap<Arc<str>, Instant>>,
}

/// Owners in Redis. A lease only says that a process is gone; a commit that this process may still make is
/// refused, because its term is over.
pub struct RedisOwnership(Arc<Inner>);

fn failed(error: AskError) -> OwnershipError {
    OwnershipError::Failed(error.to_string())
}

impl RedisOwnership {
    /// The owners that all processes of this Redis and this prefix have. `keep`: how long a state is kept that an owner
    /// leaves to the next one.
    pub fn new(processes: Arc<Processes>, keep: Duration) -> Self {
        Self(Arc::new(Inner {
            link: processes.link().clone(),
            prefix: processes.prefix().into(),
            processes,
            keep,
            own: Script::new(include_str!("own.lua")),
            commits: Script::new(include_str!("commits.lua")),
            disown: Script::new(include_str!("disown.lua")),
            looked_up: Mutex::default(),
        }))
    }
}

impl Inner {
    fn key(&self, component: &str) -> String {
        format!("{}owner:{{{component}}}", self.prefix)
    }

    async fn try_own(
        &self,
        component: &Arc<str>,
        gone: Option<Term>,
    ) -> Result<Owner, OwnershipError> {
        let mut script = self.own.prepare_invoke();
        script
            .key(self.key(component))
            .arg(&**self.processes.name())
            .arg(gone.unwrap_or_default().0)
            .arg(milliseconds(REMEMBERED));
        let (process, term, left): (String, u64, Option<String>) =
            self.link.ask(&script).await.map_err(failed)?;
        let term = Term(term);
        if *process != **self.processes.name() {
            let process = process.into();
            return Ok(Owner::Elsewhere(Elsewhere { process, term }));
        }
        lock(&self.looked_up).insert(component.clone(), Instant::now());
        // A state that cannot be read was left by another version: nobody can go on with it.
        let left = left.and_then(|left| serde_json::from_str(&left).ok());
        Ok(Owner::Here(term, left))
    }

    async fn own(&self, component: &Arc<str>, gone: Option<Term>) -> Result<Owner, OwnershipError> {
        // Others must find this process alive before it has something that they may want.
        let mut here = self.processes.here();
        let is_here = here.wait_for(|here| here.is_here());
        let until = self.link.patience();
        let away = || OwnershipError::Failed(format!("Redis at {} is away", self.link.hosts()));
        let is_here = tokio::time::timeout_at(until, is_here).await;
        is_here.map_err(|_| away())?.map_err(|_| away())?;
        let owner = self.try_own(component, gone).await?;
        let Owner::Elsewhere(other) = &owner else {
            return Ok(owner);
        };
        let gone = self.processes.gone(std::slice::from_ref(&other.process));
        match gone.await.map_err(failed)?.is_empty() {
            true => Ok(owner),
            false => self.try_own(component, Some(other.term)).await,
        }
    }

    async fn commits(
        &self,
        component: &Arc<str>,
        term: Term,
        is_stored: bool,
    ) -> Result<(), OwnershipError> {
        let now = Instant::now();
        if is_stored {
            let looked_up = lock(&self.looked_up);
            let last = looked_up.get(component);
            if last.is_some_and(|last| now.duration_since(*last) < LOOKED_UP) {
                return Ok(());
            }
        }
        let mut script = self.commits.prepare_invoke();
        script
            .key(self.key(component))
            .arg(&**self.processes.name())
            .arg(term.0)
            .arg(milliseconds(REMEMBERED));
        match self.link.ask::<bool>(&script).await.map_err(failed)? {
            true => {
                if let Some(last) = lock(&self.looked_up).get_mut(component) {
                    *last = now;
                }
                Ok(())
            }
            false => Err(OwnershipError::Lost),
        }
    }

    async fn disown(
        &self,
        component: &Arc<str>,
        term: Term,
        left: Option<HandedOver>,
    ) -> Result<(), OwnershipError> {
        let left = left.map(|left| serde_json::to_string(&left)).transpose();
        let left = left.map_err(|error| OwnershipError::Failed(error.to_string()))?;
        // A term that is remembered is higher than the clock may have been set back.
        let keep = self.keep.max(LOOKED_UP);
        let mut script = self.disown.prepare_invoke();
        script
            .key(self.key(component))
            .arg(&**self.processes.name())
            .arg(term.0)
            .arg(left.unwrap_or_default())
            .arg(milliseconds(keep));
        let _: u8 = self.link.ask(&script).await.map_err(failed)?;
        Ok(())
    }
}

impl Ownership for RedisOwnership {
    fn own(&self, component: &Arc<str>, gone: Option<Term>) -> Answer<Owner> {
        let (inner, component) = (self.0.clone(), component.clone());
        Box::pin(async move { inner.own(&component, gone).await })
    }

    fn commits(&self, component: &Arc<str>, term: Term, is_stored: bool) -> Answer<()> {
        let (inner, component) = (self.0.clone(), component.clone());
        Box::pin(async move { inner.commits(&component, term, is_stored).await })
    }

    fn disown(&self, component: &Arc<str>, term: Term, left: Option<HandedOver>) -> Answer<()> {
        let (inner, component) = (self.0.clone(), component.clone());
        Box::pin(async move {
            let disowned = inner.disown(&component, term, left).await;
            lock(&inner.looked_up).remove(&component);
            disowned
        })
    }
}
