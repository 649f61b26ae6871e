//! The entries of this process in one topic, and the changes of them that Redis has to be told. Pure: time is
//! an argument.
//!
//! A change is noted by the entry's number, and the entry is read when it is sent. So the changes that wait
//! while Redis is away are bounded by the number of entries, and an entry that changes often is sent once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::entry::{ENTRY, Shown, Told};

/// The most entries that are sent together.
const MOST_TOGETHER: usize = 256;
/// The most bytes of keys and metas that are sent together, about.
const MOST_BYTES: usize = 64 * 1024;

/// The changes that are sent at a time.
#[derive(Debug, Default)]
pub(in crate::presence) struct Write {
    /// The number of the write before, or 0. If Redis has another number, it has lost something.
    pub(in crate::presence) before: u64,
    pub(in crate::presence) number: u64,
    /// Whatever Redis has of this process is replaced.
    pub(in crate::presence) clears: bool,
    /// Nothing is left in the topic.
    pub(in crate::presence) ends: bool,
    /// How many entries are there.
    pub(in crate::presence) count: usize,
    pub(in crate::presence) shown: Vec<Told>,
    pub(in crate::presence) removed: Vec<u64>,
    /// Whether others have to be told.
    pub(in crate::presence) is_told: bool,
}

impl Write {
    fn entries(&self) -> impl Iterator<Item = u64> {
        let shown = self.shown.iter().map(|shown| shown.entry);
        shown.chain(self.removed.iter().copied())
    }
}

#[derive(Default)]
pub(in crate::presence) struct Own {
    entries: BTreeMap<u64, Shown>,
    /// The entries that are gone, by the time at which their grace is over.
    gone: BTreeSet<(Instant, u64)>,
    /// Entries that have changed since they were sent, and whether others have to be told.
    changed: BTreeMap<u64, bool>,
    /// Redis may have other entries than it was told: all are sent again, in place of them.
    is_lost: bool,
    /// The number of the last write that Redis has; 0 if it has nothing.
    number: u64,
    /// A write is on its way.
    is_sent: bool,
    /// How many entries of others there were, as Redis said last.
    others: usize,
    /// When that was asked for because there seemed to be too many.
    asked: Option<Instant>,
    asks: bool,
}

impl Own {
    /// Whether nothing is known here that is not known elsewhere.
    pub(in crate::presence) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.number == 0 && !self.is_sent && !self.is_due()
    }

    /// Whether something is to be sent.
    pub(in crate::presence) fn is_due(&self) -> bool {
        !self.changed.is_empty() || self.is_lost || self.asks
    }

    /// The number of the last write that Redis has; 0 if it has nothing.
    pub(in crate::presence) fn number(&self) -> u64 {
        self.number
    }

    /// How many entries are gone and count.
    pub(in crate::presence) fn gone(&self) -> usize {
        self.gone.len()
    }

    /// When the next grace is over.
    pub(in crate::presence) fn due(&self) -> Option<Instant> {
        self.gone.first().map(|(until, _)| *until)
    }

    pub(in crate::presence) fn entries(&self) -> impl Iterator<Item = (u64, &Shown)> {
        self.entries.iter().map(|(entry, shown)| (*entry, shown))
    }

    pub(in crate::presence) fn get(&self, entry: u64) -> Option<&Shown> {
        self.entries.get(&entry)
    }

    /// The entries alone.
    pub(in crate::presence) fn copied(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            gone: self.gone.clone(),
            ..Self::default()
        }
    }

    /// How many entries of others there were, as Redis said last.
    pub(in crate::presence) fn others(&self) -> usize {
        self.others
    }

    /// There seem to be too many entries: asks Redis how many there are, once a second at most.
    pub(in crate::presence) fn asks_for_others(&mut self, now: Instant) {
        let again = Duration::from_secs(1);
        if self.asked.is_none_or(|asked| asked + again <= now) {
            (self.asked, self.asks) = (Some(now), true);
        }
    }

    /// The entry is there. If it was an entry of another key, an entry of that key stays as gone, under the
    /// number `other`, if that is wanted.
    pub(in crate::presence) fn show(
        &mut self,
        entry: u64,
        key: &Arc<str>,
        meta: &Arc<str>,
        now: Instant,
        grace: Duration,
        other: Option<u64>,
    ) {
        let before = self.entries.remove(&entry);
        if let Some(until) = before.as_ref().and_then(|shown| shown.gone) {
            self.gone.remove(&(until + grace, entry));
        }
        let came = match before {
            Some(before) if before.key == *key => before.came,
            Some(mut before) => {
                if let Some(other) = other.filter(|_| !grace.is_zero()) {
                    let since = *before.gone.get_or_insert(now);
                    self.gone.insert((since + grace, other));
                    self.entries.insert(other, before);
                    self.changed.insert(other, true);
                }
                now
            }
            None => now,
        };
        let shown = Shown {
            key: key.clone(),
            meta: meta.clone(),
            came,
            gone: None,
        };
        self.entries.insert(entry, shown);
        self.changed.insert(entry, true);
    }

    /// The entry is gone; the grace begins at `since` if the entry lingers.
    pub(in crate::presence) fn hide(
        &mut self,
        entry: u64,
        since: Instant,
        grace: Duration,
        lingers: bool,
    ) {
        let Some(shown) = self.entries.get_mut(&entry) else {
            return;
        };
        if shown.gone.is_some() {
            return;
        }
        if lingers && !grace.is_zero() {
            shown.gone = Some(since);
            self.gone.insert((since + grace, entry));
        } else {
            self.entries.remove(&entry);
        }
        self.changed.insert(entry, true);
    }

    /// Ends entries whose grace is over, so many at most. Gives them.
    pub(in crate::presence) fn expire(&mut self, now: Instant, most: usize) -> Vec<u64> {
        let mut over = Vec::new();
        while over.len() < most && self.due().is_some_and(|until| until <= now) {
            let Some((_, entry)) = self.gone.pop_first() else {
                break;
            };
            self.entries.remove(&entry);
            // Processes that were told that the entry is gone know when the grace is over.
            self.changed.entry(entry).or_insert(false);
            over.push(entry);
        }
        over
    }

    /// Others may not know the entries any more.
    pub(in crate::presence) fn is_lost(&mut self) {
        if !self.is_empty() {
            self.is_lost = true;
        }
    }

    /// Redis does not have the write of this number any more. A write that is on its way finds that out by itself.
    pub(in crate::presence) fn has_lost(&mut self, number: u64) {
        if self.number == number && !self.is_sent {
            self.is_lost();
        }
    }

    /// The changes to send now; `None` if there are none, or if a write is on its way.
    pub(in crate::presence) fn take(&mut self, number: u64, now: Instant) -> Option<Write> {
        if self.is_sent || !self.is_due() {
            return None;
        }
        self.is_sent = true;
        let clears = std::mem::take(&mut self.is_lost);
        if clears {
            let all = self.entries.keys().map(|entry| (*entry, true));
            self.changed = all.collect();
        }
        let mut write = Write {
            before: self.number,
            number,
            clears,
            is_told: clears,
            ..Write::default()
        };
        let mut bytes = 0;
        while write.shown.len() + write.removed.len() < MOST_TOGETHER && bytes < MOST_BYTES {
            let Some((entry, is_told)) = self.changed.pop_first() else {
                break;
            };
            write.is_told |= is_told;
            match self.entries.get(&entry) {
                Some(shown) => {
                    bytes += shown.key.len() + shown.meta.len() + ENTRY;
                    write.shown.push(Told::of(entry, shown, now));
                }
                None => write.removed.push(entry),
            }
        }
        write.ends = self.entries.is_empty() && self.changed.is_empty();
        write.count = self.entries.len() - self.gone.len();
        self.asks = false;
        Some(write)
    }

    /// Redis has it, and this many entries of others.
    pub(in crate::presence) fn is_written(&mut self, write: &Write, others: usize) {
        self.is_sent = false;
        self.number = if write.ends { 0 } else { write.number };
        self.others = others;
    }

    /// Redis has lost the earlier writes.
    pub(in crate::presence) fn is_refused(&mut self, write: &Write) {
        self.is_not_written(write);
        self.is_lost = true;
    }

    /// Nobody knows whether Redis has it.
    pub(in crate::presence) fn is_not_written(&mut self, write: &Write) {
        self.is_lost |= write.clears;
        self.is_not_told(write);
    }

    /// Redis has it, and others may not have been told.
    pub(in crate::presence) fn is_not_told(&mut self, write: &Write) {
        self.is_sent = false;
        for entry in write.entries() {
            let is_told = self.changed.entry(entry).or_default();
            *is_told |= write.is_told;
        }
        // A write that only clears is told by the next one.
        self.is_lost |= write.clears;
    }
}
