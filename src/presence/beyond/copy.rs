//! Who is there in a topic beyond this process, as this process was told; and how all of them come into the roster of
//! those who watch here. Pure: time is an argument.
//!
//! An entry that is gone leaves the copy at once: from there on only the roster knows it, and ends it by itself.
//!
//! Architecture invariant: when all that was said has been heard, each process knows the same people, whatever was heard
//! twice, or was read before it was heard. `src/presence/redis/tests.rs` watches it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::entry::{Told, instant};
use super::own::Own;
use super::said::Said;
use crate::presence::roster::Roster;

/// If Redis has lost entries, they count for this time at least, so that their process can put them back.
const SETTLE: Duration = Duration::from_secs(4);

/// The entries of one process.
#[derive(Default)]
struct Known {
    /// All writes of the process up to this number are known.
    number: u64,
    /// The numbers that entries have in the roster, by those that they have in their process.
    entries: HashMap<u64, u64>,
}

/// The copy of a topic that is watched.
pub(in crate::presence) struct Copy {
    /// Names the watch. Entries that were read for another watch are then not taken for this one's.
    pub(in crate::presence) number: u32,
    /// Why the topic cannot be read, if it is not that Redis is away.
    pub(in crate::presence) refused: Option<String>,
    processes: HashMap<Arc<str>, Known>,
    /// The numbers in the roster of this process' entries.
    own: HashMap<u64, u64>,
    /// How many entries of others there are.
    others: usize,
    /// How many there may be, and how many that are gone.
    most: usize,
}

/// The entries of one process, as they were read.
#[derive(Debug)]
pub(in crate::presence) struct Found {
    pub(in crate::presence) process: Arc<str>,
    pub(in crate::presence) number: u64,
    pub(in crate::presence) entries: Vec<Told>,
    /// When `entries` were read.
    pub(in crate::presence) at: Instant,
}

/// One event for a new roster, in order: an entry came or went.
pub(in crate::presence) struct Event {
    at: Instant,
    /// The index of the process among those that were read; `None` for this process.
    process: Option<usize>,
    /// The index of the entry there; of this process its number.
    entry: u64,
    goes: bool,
}

impl Copy {
    pub(in crate::presence) fn new(number: u32, most: usize) -> Self {
        Self {
            number,
            refused: None,
            processes: HashMap::new(),
            own: HashMap::new(),
            others: 0,
            most,
        }
    }

    pub(in crate::presence) fn others(&self) -> usize {
        self.others
    }

    pub(in crate::presence) fn processes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.processes.keys()
    }

    /// An entry of this process is as `own` has it.
    pub(in crate::presence) fn own_changed(
        &mut self,
        own: &Own,
        entry: u64,
        roster: &mut Roster,
        now: Instant,
        lingers: bool,
    ) {
        let Some(shown) = own.get(entry) else {
            if let Some(number) = self.own.remove(&entry) {
                roster.hide(number, now, false);
            }
            return;
        };
        let number = *self.own.entry(entry).or_insert_with(|| roster.next());
        match shown.gone {
            None => roster.show(number, &shown.key, shown.meta.clone(), now, lingers),
            Some(since) => roster.hide_until(number, since + roster.grace()),
        }
    }

    /// The grace of these entries of this process is over, which the roster knows.
    pub(in crate::presence) fn own_ended(&mut self, entries: &[u64]) {
        for entry in entries {
            self.own.remove(entry);
        }
    }

    /// Takes a write of another process. False if it is known.
    pub(in crate::presence) fn hears(
        &mut self,
        said: &Said<'_>,
        roster: &mut Roster,
        now: Instant,
    ) -> bool {
        if !self.processes.contains_key(&*said.process) {
            self.processes
                .insert(Arc::from(&*said.process), Known::default());
        }
        let Some(known) = self.processes.get_mut(&*said.process) else {
            return false;
        };
        if said.number <= known.number {
            return false;
        }
        known.number = said.number;
        if said.clears {
            // An entry that is told again comes back to the same place.
            let until = now + roster.grace().max(SETTLE);
            self.others -= known.entries.len();
            for (_, number) in known.entries.drain() {
                hide_until(roster, number, until, now, self.most);
            }
        }
        for entry in said.shown() {
            self.others -= known.entries.len();
            known.is(
                &entry,
                roster,
                now,
                now,
                self.most.saturating_sub(self.others),
                self.most,
            );
            self.others += known.entries.len();
        }
        for entry in &said.removed {
            if let Some(number) = known.entries.remove(entry) {
                self.others -= 1;
                roster.hide(number, now, false);
            }
        }
        true
    }

    /// The events for filling a new roster, by [`fill`](Self::fill).
    pub(in crate::presence) fn events(found: &[Found], own: &Own) -> Vec<Event> {
        let mut events = Vec::new();
        for (process, one) in found.iter().enumerate() {
            for (index, entry) in one.entries.iter().enumerate() {
                let mut push = |age, goes| {
                    events.push(Event {
                        at: instant(age, one.at),
                        process: Some(process),
                        entry: index as u64,
                        goes,
                    });
                };
                push(entry.came, false);
                if let Some(gone) = entry.gone {
                    push(gone, true);
                }
            }
        }
        for (entry, shown) in own.entries() {
            let mut push = |at, goes| {
                let process = None;
                events.push(Event {
                    at,
                    process,
                    entry,
                    goes,
                });
            };
            push(shown.came, false);
            if let Some(gone) = shown.gone {
                push(gone, true);
            }
        }
        // At the same time, entries come before others go: those people were there together.
        events.sort_by_key(|event| (event.at, event.goes));
        events
    }

    /// Fills a roster that is new with some of these events.
    pub(in crate::presence) fn fill(
        &mut self,
        events: &[Event],
        found: &[Found],
        own: &Own,
        roster: &mut Roster,
        now: Instant,
    ) {
        for event in events {
            let Some(process) = event.process else {
                // Such an entry may have changed since.
                if let Some(shown) = own.get(event.entry) {
                    let number = *self.own.entry(event.entry).or_insert_with(|| roster.next());
                    if !event.goes {
                        roster.show(number, &shown.key, shown.meta.clone(), now, true);
                    } else if let Some(since) = shown.gone {
                        roster.hide_until(number, since + roster.grace());
                    }
                }
                continue;
            };
            let Some(one) = found.get(process) else {
                continue;
            };
            let index = usize::try_from(event.entry).ok();
            let Some(entry) = index.and_then(|index| one.entries.get(index)) else {
                continue;
            };
            if !self.processes.contains_key(&one.process) {
                self.processes.insert(one.process.clone(), Known::default());
            }
            let Some(known) = self.processes.get_mut(&one.process) else {
                continue;
            };
            known.number = known.number.max(one.number);
            self.others -= known.entries.len();
            let there = Told {
                gone: entry.gone.filter(|_| event.goes),
                ..entry.clone()
            };
            match event.goes {
                true => known.goes(&there, roster, one.at, now, self.most),
                false => {
                    known.is(
                        &there,
                        roster,
                        one.at,
                        now,
                        self.most.saturating_sub(self.others),
                        self.most,
                    );
                }
            }
            self.others += known.entries.len();
        }
    }

    /// Something may have been missed: takes over the differences from the entries that were read since.
    pub(in crate::presence) fn compare(
        &mut self,
        found: &[Found],
        roster: &mut Roster,
        now: Instant,
    ) {
        let until = now + roster.grace().max(SETTLE);
        let read: HashMap<&str, &Found> = found.iter().map(|one| (&*one.process, one)).collect();
        let mut others = 0;
        for (process, known) in &mut self.processes {
            let there: HashSet<u64> = match read.get(&**process) {
                // Redis has lost entries that were told here. Their process puts them back.
                Some(one) if one.number < known.number => {
                    others += known.entries.len();
                    continue;
                }
                Some(one) => one.entries.iter().map(|entry| entry.entry).collect(),
                None => HashSet::new(),
            };
            known.entries.retain(|entry, number| {
                let stays = there.contains(entry);
                if !stays {
                    hide_until(roster, *number, until, now, self.most);
                }
                stays
            });
            others += known.entries.len();
        }
        self.others = others;
        for one in found {
            if !self.processes.contains_key(&one.process) {
                self.processes.insert(one.process.clone(), Known::default());
            }
            let Some(known) = self.processes.get_mut(&one.process) else {
                continue;
            };
            if one.number < known.number {
                continue;
            }
            known.number = one.number;
            for entry in &one.entries {
                self.others -= known.entries.len();
                // An entry that is gone and not known here came and went meanwhile, or is gone from here,
                // too.
                if entry.gone.is_none() || known.entries.contains_key(&entry.entry) {
                    known.is(
                        entry,
                        roster,
                        one.at,
                        now,
                        self.most.saturating_sub(self.others),
                        self.most,
                    );
                }
                self.others += known.entries.len();
            }
        }
    }

    /// The process is dead, and its entries count until then. Gives the number of its last write.
    pub(in crate::presence) fn died(
        &mut self,
        process: &str,
        roster: &mut Roster,
        until: Instant,
        now: Instant,
    ) -> Option<u64> {
        let known = self.processes.remove(process)?;
        self.others -= known.entries.len();
        for number in known.entries.into_values() {
            hide_until(roster, number, until, now, self.most);
        }
        Some(known.number)
    }
}

impl Known {
    /// The entry is as it was told at the time `at`. A new entry is taken if fewer than `most` are there.
    fn is(
        &mut self,
        entry: &Told,
        roster: &mut Roster,
        at: Instant,
        now: Instant,
        most: usize,
        most_gone: usize,
    ) {
        let is_known = self.entries.contains_key(&entry.entry);
        let is_over = entry
            .gone
            .is_some_and(|gone| instant(gone, at) + roster.grace() <= now);
        if !is_known && (is_over || self.entries.len() >= most) {
            return;
        }
        let next = || roster.next();
        let number = *self.entries.entry(entry.entry).or_insert_with(next);
        let lingers = roster.gone() < most_gone;
        roster.show(number, &entry.key, entry.meta.clone(), now, lingers);
        if entry.gone.is_some() {
            self.goes(entry, roster, at, now, most_gone);
        }
    }

    fn goes(
        &mut self,
        entry: &Told,
        roster: &mut Roster,
        at: Instant,
        now: Instant,
        most_gone: usize,
    ) {
        if let (Some(number), Some(gone)) = (self.entries.remove(&entry.entry), entry.gone) {
            hide_until(
                roster,
                number,
                instant(gone, at) + roster.grace(),
                now,
                most_gone,
            );
        }
    }
}

/// The entry counts until then, unless too many count that are gone.
fn hide_until(roster: &mut Roster, number: u64, until: Instant, now: Instant, most: usize) {
    if until <= now || roster.gone() >= most {
        roster.hide(number, now, false);
    } else {
        roster.hide_until(number, until);
    }
}
