//! Turns of pages that join or come back. They wait for them, so that events come first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::Limits;
use crate::rate::Rate;
use crate::sync::Mutex;

/// The queue of one application: so many each second (`limits.join_rate`), so many at a time
/// (`limits.joins`), and so many that wait for either (`limits.waiting_joins`). The lock is a `std`
/// one, held for one subtraction; no event takes it.
pub struct Turns {
    rate: Mutex<Rate>,
    at_a_time: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// What one that joins or comes back gets: a turn, or a place in the queue. Given back when dropped.
pub struct Place(State);

enum State {
    First(Turn, Arc<Turns>),
    Queued(Queued),
}

/// Counts one that waits. Whoever gives up before it is due has taken nothing from the rate.
struct Queued {
    turns: Arc<Turns>,
    due: Option<Instant>,
}

/// A turn. Over when dropped.
pub type Turn = OwnedSemaphorePermit;

impl Turns {
    /// An empty queue.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            rate: Mutex::new(Rate::new(limits.join_rate, limits.join_burst)),
            at_a_time: Arc::new(Semaphore::new(limits.joins.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            most_waiting: limits.waiting_joins,
        })
    }

    /// The last place in the queue; `None` where that is full.
    pub fn queue(self: &Arc<Self>) -> Option<Place> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let due = rate.reserve();
        if due.is_none()
            && let Ok(turn) = self.at_a_time.clone().try_acquire_owned()
        {
            return Some(Place(State::First(turn, self.clone())));
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            rate.give_back();
            return None;
        }
        let turns = self.clone();
        Some(Place(State::Queued(Queued { turns, due })))
    }
}

impl Place {
    /// When the rate lets it go on, where that is not now.
    pub fn due(&self) -> Option<Instant> {
        match &self.0 {
            State::First(..) => None,
            State::Queued(queued) => queued.due,
        }
    }

    /// The place of one that has something else to wait for first: others go before it until then.
    pub fn queued(self) -> Self {
        match self.0 {
            State::First(turn, turns) => {
                drop(turn);
                turns.waiting.fetch_add(1, Ordering::Relaxed);
                Self(State::Queued(Queued { turns, due: None }))
            }
            queued => Self(queued),
        }
    }

    /// Resolves with a turn, once it is due. `None` never comes: nobody closes the queue.
    pub async fn turn(self) -> Option<Turn> {
        match self.0 {
            State::First(turn, _) => Some(turn),
            State::Queued(queued) => {
                let turn = queued.turns.at_a_time.clone().acquire_owned();
                turn.await.ok()
            }
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.turns.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.due.is_some_and(|due| due > Instant::now()) {
            let rate = self.turns.rate.lock();
            rate.unwrap_or_else(PoisonError::into_inner).give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A network that was gone, or a process that was started again.
    #[tokio::test(start_paused = true)]
    async fn ten_thousand_pages_are_back_after_a_second() {
        let turns = Turns::new(&Limits::default());
        let start = Instant::now();
        let places: Vec<Place> = std::iter::repeat_with(|| turns.queue())
            .take(10_000)
            .flatten()
            .collect();
        assert_eq!(places.len(), 10_000);
        let last = places.iter().filter_map(Place::due).max();
        assert_eq!(last.map(|due| (due - start).as_millis()), Some(1000));
        drop(places);
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_one_costs_the_others_nothing() {
        let limits = Limits {
            join_rate: 1,
            join_burst: 1,
            waiting_joins: 1,
            ..Limits::default()
        };
        let turns = Turns::new(&limits);
        let start = Instant::now();
        let first = turns.queue();
        let second = turns.queue();
        for _ in 0..100 {
            assert!(turns.queue().is_none());
        }
        drop((first, second));
        let due = turns.queue().and_then(|place| place.due());
        assert_eq!(due.map(|due| (due - start).as_secs()), Some(1));
    }

    /// Or a few that join and leave, over and over, would make everybody wait.
    #[tokio::test(start_paused = true)]
    async fn who_gives_up_before_its_time_costs_the_others_nothing() {
        let limits = Limits {
            join_rate: 1,
            join_burst: 1,
            ..Limits::default()
        };
        let turns = Turns::new(&limits);
        let start = Instant::now();
        let _first = turns.queue();
        for _ in 0..1000 {
            assert!(turns.queue().is_some());
        }
        let due = turns.queue().and_then(|place| place.due());
        assert_eq!(due.map(|due| (due - start).as_secs()), Some(1));
    }
}
