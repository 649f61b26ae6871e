//! A component comes to this process: the process that has the component is asked to yield, and the component
//! is claimed here.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::{Instant, timeout};

use super::secret::Home;
use super::wire::{Answer, HandedOver, Said, Yield};
use super::{ABOUT, Found, Homes, REDIS, REMEMBERED, topic_of, within};
use crate::ids::{Life, Point, Revision};
use crate::redis::{AskError, milliseconds};
use crate::token::proof_of;

/// For so long an answer of the process that has a component is waited for.
const WAIT: Duration = Duration::from_millis(250);
/// For so long it is waited each time after the process has said that the component is busy.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// The process that is asked takes so much less, for the way.
const WAY: Duration = Duration::from_millis(100);
/// How often the home may be another one than was found just before.
const TRIES: usize = 8;

/// A component whose page has come.
pub struct Coming {
    /// The component.
    pub instance: Arc<str>,
    /// The home that the page's secret names, if the page has one.
    pub home: Option<Home>,
    /// The state that the page has brought, and its life.
    pub point: Point,
    /// See `point`.
    pub life: Life,
    /// The point that the page shows.
    pub shown: Point,
    /// For so long a component may be busy that is to yield.
    pub patience: Duration,
}

/// The component is at home in this process now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Its life here; `None` if Redis is away.
    pub life: Option<Life>,
    /// The state that the process before has handed over or left.
    pub handed_over: Option<HandedOver>,
}

/// The component lives in another process, with another page, and the page that has come brings an older state: it is
/// at this revision there.
#[derive(Debug, PartialEq, Eq)]
pub struct Elsewhere(pub Revision);

/// The result of asking a process.
enum Asked {
    /// The process has nothing of the component any more.
    Done(Option<HandedOver>),
    /// The process has the component, and ends it when it hears that another process has claimed it.
    Keeps,
    Elsewhere(Revision),
}

impl Homes {
    /// Takes the component over: asks the process that has it to yield, and claims it.
    ///
    /// If Redis is away, the component goes on without a claim.
    ///
    /// # Errors
    /// [`Elsewhere`]: then nothing is claimed.
    pub async fn take_over(&self, coming: &Coming) -> Result<Moved, Elsewhere> {
        let mut handed_over = None;
        for _ in 0..TRIES {
            let (life, process) = match self.look(&coming.instance).await {
                Ok(found) => found,
                Err(_) => break,
            };
            let named = coming.home.as_ref().map(|home| home.process.clone());
            // If Redis knows a life and no process, the component has ended there.
            let process = match life {
                Some(_) => process.map(Arc::from),
                None => named,
            };
            let other = process.filter(|process| process != self.processes.name());
            let mut keeps = false;
            if let Some(other) = &other {
                match self.ask(other, coming).await {
                    Asked::Done(handed) => handed_over = handed.or(handed_over),
                    Asked::Keeps => keeps = true,
                    Asked::Elsewhere(revision) => return Err(Elsewhere(revision)),
                }
            }
            let claimed = match self.try_claim(coming, life).await {
                Ok(Some(claimed)) => claimed,
                // Another process was faster: that one has it now.
                Ok(None) => continue,
                Err(_) => break,
            };
            let (life, left) = claimed;
            if let Some(other) = other.filter(|_| keeps) {
                self.tell_lost(&other, &coming.instance, life).await;
            }
            let left = left.and_then(|left| self.open(&left, &coming.instance));
            return Ok(Moved {
                life: Some(life),
                handed_over: handed_over.or(left),
            });
        }
        Ok(Moved {
            life: None,
            handed_over,
        })
    }

    async fn look(&self, instance: &str) -> Result<Found, AskError> {
        let found = self.found(instance);
        within(self.processes.link().ask(&found)).await
    }

    /// Claims the component, if its home is still the one that was found. Gives the new life, and the state
    /// that the last process has left.
    pub(super) async fn try_claim(
        &self,
        coming: &Coming,
        found: Option<u64>,
    ) -> Result<Option<(Life, Option<String>)>, AskError> {
        let mut script = self.claim.prepare_invoke();
        script
            .key(self.key(&coming.instance))
            .arg(found.map(|life| life.to_string()).unwrap_or_default())
            .arg(coming.life.0)
            .arg(&**self.processes.name())
            .arg(milliseconds(REMEMBERED));
        let claimed: Option<(u64, Option<String>)> =
            within(self.processes.link().ask(&script)).await?;
        Ok(claimed.map(|(life, left)| (Life(life), left)))
    }

    /// Asks a process to yield. While the component is busy there, it is asked again.
    async fn ask(&self, process: &Arc<str>, coming: &Coming) -> Asked {
        if self.is_gone(process) {
            return Asked::Done(None);
        }
        let until = Instant::now() + coming.patience;
        let mut wait = WAIT;
        loop {
            match self.ask_once(process, coming, wait).await {
                Some(Answer::Yielded(handed_over)) => return Asked::Done(Some(handed_over)),
                Some(Answer::Unknown) => return Asked::Done(None),
                Some(Answer::Refused(Some(revision))) => return Asked::Elsewhere(revision),
                Some(Answer::Wait) if Instant::now() < until => wait = BUSY_WAIT,
                Some(Answer::Wait | Answer::Refused(None)) => return Asked::Keeps,
                None => {
                    self.looks_whether_gone(process).await;
                    return Asked::Keeps;
                }
            }
        }
    }

    async fn ask_once(
        &self,
        process: &Arc<str>,
        coming: &Coming,
        wait: Duration,
    ) -> Option<Answer> {
        let own = self.processes.name();
        let proof = coming.home.as_ref().map(|home| {
            let proof = proof_of(&home.secret, [own, process]);
            URL_SAFE_NO_PAD.encode(proof)
        });
        let said = Said::Yield(Yield {
            instance: coming.instance.clone(),
            proof: proof.unwrap_or_default(),
            revision: coming.point.revision,
            life: coming.life,
            shown: (coming.shown.event, coming.shown.revision),
            patience: milliseconds(wait.saturating_sub(WAY)),
        });
        let said = self.sealed_for(process, &said)?;
        let answer = self.processes.ask(process, ABOUT, &said, wait).await?;
        self.open(answer.get(), &topic_of(own))
    }

    /// Tells a process that a component goes on here. If it cannot be told now, it finds that out when it is back.
    async fn tell_lost(&self, process: &str, instance: &Arc<str>, life: Life) {
        let said = Said::Lost(instance.clone(), life);
        if let Some(said) = self.sealed_for(process, &said) {
            let _ = timeout(REDIS, self.processes.tell(process, ABOUT, &said)).await;
        }
    }
}
