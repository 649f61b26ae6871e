//! A component that two processes want, as `src/models.rs` tries it: each action of Redis is one step, and
//! all else happens in any order.

use std::sync::Arc;

use shuttle::thread::yield_now;

use crate::ids::{EventNumber, Life, Term};
use crate::shared::ownership::{Answer, Elsewhere, HandedOver, Owner, Ownership, OwnershipError};
use crate::sync::{Mutex, lock};

/// The page's event, which it sends to each owner until it is answered.
const EVENT: EventNumber = EventNumber(1);

#[derive(Default)]
struct Keys {
    term: Term,
    /// The process that owns the component.
    process: Option<usize>,
    /// The processes whose leases have run out.
    gone: [bool; 2],
    /// The store: the state's life, how many events it includes, and the last of the page's.
    life: Life,
    count: u64,
    number: EventNumber,
    /// The revisions that pages were shown, each with its term.
    shown: Vec<(Term, u64)>,
}

/// Redis, with the owner of one component and its state.
#[derive(Default)]
pub(crate) struct Redis(Mutex<Keys>);

/// One of two processes.
pub(crate) struct Process {
    redis: Arc<Redis>,
    name: usize,
}

fn at_once<T: Send + 'static>(answer: Result<T, OwnershipError>) -> Answer<T> {
    Box::pin(std::future::ready(answer))
}

/// As the scripts do it.
impl Ownership for Process {
    fn own(&self, _component: &Arc<str>, gone: Option<Term>) -> Answer<Owner> {
        let mut keys = lock(&self.redis.0);
        let other = keys.process.filter(|one| *one != self.name);
        if let Some(other) = other
            && gone != Some(keys.term)
        {
            let (process, term) = (other.to_string().into(), keys.term);
            return at_once(Ok(Owner::Elsewhere(Elsewhere { process, term })));
        }
        keys.term = Term(keys.term.0 + 1);
        keys.process = Some(self.name);
        at_once(Ok(Owner::Here(keys.term, None)))
    }

    fn commits(&self, _component: &Arc<str>, term: Term, _is_stored: bool) -> Answer<()> {
        let keys = lock(&self.redis.0);
        let owns = keys.process == Some(self.name) && keys.term == term;
        at_once(owns.then_some(()).ok_or(OwnershipError::Lost))
    }

    fn disown(&self, _component: &Arc<str>, term: Term, _left: Option<HandedOver>) -> Answer<()> {
        let mut keys = lock(&self.redis.0);
        if keys.process == Some(self.name) && keys.term == term {
            keys.process = None;
        }
        at_once(Ok(()))
    }
}

impl Redis {
    pub(crate) fn process(self: &Arc<Self>, name: usize) -> Process {
        let redis = self.clone();
        Process { redis, name }
    }

    /// The lease of a process runs out although the process lives: it stands still.
    pub(crate) fn runs_out(&self, name: usize) {
        lock(&self.0).gone[name] = true;
    }

    /// How many events the state includes, which revisions were shown in which term, and whether a process
    /// owns the component.
    pub(crate) fn outcome(&self) -> (u64, Vec<(u64, u64)>, bool) {
        let keys = lock(&self.0);
        let shown = keys.shown.iter();
        let shown = shown.map(|(term, count)| (term.0, *count)).collect();
        (keys.count, shown, keys.process.is_some())
    }
}

impl Process {
    /// Owns the component if it can, and handles the page's event. False if another process owns the component.
    pub(crate) async fn handles(&self) -> bool {
        let board: Arc<str> = "board".into();
        let term = match self.own(&board, None).await {
            Ok(Owner::Here(term, _)) => term,
            Ok(Owner::Elsewhere(other)) => {
                yield_now();
                let is_gone = lock(&self.redis.0).gone[1 - self.name];
                let owned = match is_gone {
                    true => self.own(&board, Some(other.term)).await,
                    false => return false,
                };
                match owned {
                    Ok(Owner::Here(term, _)) => term,
                    _ => return false,
                }
            }
            Err(_) => return false,
        };
        yield_now();
        // As `claim.lua` begins a life.
        let (life, count, number) = {
            let mut keys = lock(&self.redis.0);
            keys.life = keys.life.next();
            (keys.life, keys.count, keys.number)
        };
        yield_now();
        if number < EVENT {
            if self.commits(&board, term, true).await.is_err() {
                return false;
            }
            yield_now();
            // As `save.lua` refuses the saves of an earlier life.
            let mut keys = lock(&self.redis.0);
            if keys.life > life {
                return false;
            }
            keys.count = count + 1;
            keys.number = EVENT;
            keys.shown.push((term, count + 1));
        }
        yield_now();
        let _ = self.disown(&board, term, None).await;
        true
    }
}
