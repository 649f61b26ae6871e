//! Which of the processes that have entries live, and what happens to the entries of processes that do not.
//!
//! While a topic is watched, this process asks every second which of the topic's processes have a lease. A
//! process without a lease for two seconds is dead. Its entries count as gone since the last moment at which
//! it can have lived: by default, almost nothing of `limits.presenceGrace` is left then. When a topic is read
//! anew, the entries of a process without a lease are passed over, except those that were gone before.
//!
//! If Redis was away, all leases may have run out together. Then no process is taken for dead before the
//! others have had the time to keep their leases.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::asking::{Grave, Places};
use super::{CLOSES, Inner};
use crate::processes::Processes;
use crate::sync::{Mutex, lock};

/// How often leases are asked for.
const LOOKS: Duration = Duration::from_secs(1);
/// A process without a lease is taken for dead after this time.
const CONFIRMS: Duration = Duration::from_secs(2);
/// An answer that takes longer says little.
const SLOW: Duration = Duration::from_secs(1);
/// For so long nobody is taken for dead after Redis was away.
const HOLDS: Duration = Duration::from_secs(6);
/// The most entries of dead processes that are noted for removal. More than these expire by themselves, or
/// are found again.
const MOST_GRAVES: usize = 16_384;
/// How many of them are taken away together.
const MOST_TOGETHER: usize = 128;

/// The processes that have entries in topics that are watched here. The lock is a `std` one, held for a look-up; it is
/// taken while the lock of a part of the topics is held.
pub(super) struct Living {
    processes: Arc<Processes>,
    grace: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The topics that are watched here, with the processes that have entries in them or had some.
    topics: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// The entries to remove, and the time from which on they may be removed.
    graves: HashMap<Grave, Instant>,
    /// How often the lease of this process had run out.
    lapses: u64,
    /// Until then nobody is taken for dead.
    holds: Option<Instant>,
}

impl Living {
    pub(super) fn new(processes: Arc<Processes>, grace: Duration) -> Self {
        Self {
            processes,
            grace,
            state: Mutex::default(),
        }
    }

    /// The process has entries in a topic that is watched here.
    pub(super) fn is_in(&self, process: &Arc<str>, topic: &Arc<str>) {
        let mut state = lock(&self.state);
        state
            .topics
            .entry(process.clone())
            .or_default()
            .insert(topic.clone());
    }

    /// The topic is not watched any more, or the process is not in it.
    pub(super) fn is_not_in(&self, process: &str, topic: &str) {
        let mut state = lock(&self.state);
        if let Some(topics) = state.topics.get_mut(process) {
            topics.remove(topic);
            if topics.is_empty() {
                state.topics.remove(process);
            }
        }
    }

    /// The processes of these topics that have no lease; none if the leases say nothing now. Their entries
    /// are removed when none of them counts any more.
    pub(super) async fn gone(&self, places: &[(Arc<str>, Places)]) -> HashSet<Arc<str>> {
        let all = places.iter().flat_map(|(_, places)| places);
        let names: HashSet<_> = all.map(|(process, _)| process.clone()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let gone: HashSet<_> = self.without_lease(&names).await.into_iter().collect();
        let due = Instant::now() + self.grace + CLOSES;
        let mut state = lock(&self.state);
        for (topic, places) in places {
            for (process, number) in places.iter().filter(|(name, _)| gone.contains(name)) {
                state.bury(topic, process, *number, due);
            }
        }
        gone
    }

    /// The processes among these that have no lease; none if the leases say nothing now.
    async fn without_lease(&self, names: &[Arc<str>]) -> Vec<Arc<str>> {
        if names.is_empty() {
            return Vec::new();
        }
        let asked = Instant::now();
        let gone = self.processes.gone(names).await;
        let lapses = self.processes.here().borrow().lapses;
        let now = Instant::now();
        let mut state = lock(&self.state);
        let has_lapsed = std::mem::replace(&mut state.lapses, lapses) != lapses;
        match gone {
            Ok(gone) if !has_lapsed && now - asked < SLOW => {
                // This process has no lease either, so that leases say nothing.
                if gone.contains(self.processes.name()) {
                    state.holds = Some(now + HOLDS);
                }
                match state.holds {
                    Some(until) if now < until => Vec::new(),
                    _ => gone,
                }
            }
            _ => {
                state.holds = Some(now + HOLDS);
                Vec::new()
            }
        }
    }
}

impl State {
    fn bury(&mut self, topic: &Arc<str>, process: &Arc<str>, number: u64, due: Instant) {
        if self.graves.len() < MOST_GRAVES {
            let grave = Grave {
                topic: topic.clone(),
                process: process.clone(),
                number,
            };
            self.graves.entry(grave).or_insert(due);
        }
    }
}

/// Looks which processes live, until the task is dropped.
pub(super) async fn look(inner: Arc<Inner>) {
    // Since when a process has no lease.
    let mut missing: HashMap<Arc<str>, Instant> = HashMap::new();
    loop {
        sleep(LOOKS).await;
        let living = &inner.living;
        let mut names: Vec<_> = lock(&living.state).topics.keys().cloned().collect();
        if !names.is_empty() {
            names.push(inner.process.clone());
        }
        let gone: HashSet<_> = living.without_lease(&names).await.into_iter().collect();
        let now = Instant::now();
        missing.retain(|process, _| gone.contains(process));
        for process in gone {
            let since = *missing.entry(process.clone()).or_insert(now);
            if now - since >= CONFIRMS {
                missing.remove(&process);
                died(&inner, &process, since, now);
            }
        }
        bury(&inner, now).await;
    }
}

/// The process has had no lease `since` then.
fn died(inner: &Inner, process: &Arc<str>, since: Instant, now: Instant) {
    let living = &inner.living;
    let topics = lock(&living.state)
        .topics
        .remove(process)
        .unwrap_or_default();
    let lived = since.checked_sub(Processes::GONE_FOR).unwrap_or(since);
    for topic in topics {
        let number = inner.rooms.with(&topic, |room, _| {
            let copy = room.beyond.as_mut()?.copy.as_mut()?;
            copy.died(process, &mut room.roster, lived + living.grace, now)
        });
        if let Some(number) = number.flatten() {
            let due = now + living.grace + CLOSES;
            lock(&living.state).bury(&topic, process, number, due);
        }
    }
}

/// Removes the entries that are due.
async fn bury(inner: &Inner, now: Instant) {
    let mut due = Vec::new();
    lock(&inner.living.state).graves.retain(|grave, at| {
        let is_due = *at <= now;
        if is_due {
            due.push(grave.clone());
        }
        !is_due
    });
    for some in due.chunks(MOST_TOGETHER) {
        // If Redis is away, the entries that are left are found again, or expire.
        inner.asking.bury(some).await;
    }
}
