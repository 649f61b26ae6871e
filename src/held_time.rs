//! Time that stands still until a test moves it: the timers of components run by it. Production has no such
//! time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::clock::unix_millis;
use crate::ids::ActorKey;
use crate::sync::{Mutex, lock};

/// An actor notes that it waits when it begins to wait. A test that waits for actors looks again after this
/// time, in case an actor has ended instead.
const LOOK: Duration = Duration::from_millis(2);

/// So often timers may ring while time moves once. A timer that sets itself again at once would ring without an end.
const MOST_ROUNDS: u32 = 100_000;

/// An actor, as far as the held time knows it.
pub trait Waiting: Send + Sync {
    /// Whether the actor waits, and nothing waits for it.
    fn is_idle(&self) -> bool;
    /// Has it look for timers that ring.
    fn remind(&self);
    /// Asks for the component's props, as JSON. `None` if the actor has ended; the receiver fails if it ends first.
    fn props(&self) -> Option<tokio::sync::oneshot::Receiver<String>>;
}

struct Actor {
    waiting: Weak<dyn Waiting>,
    /// When the first of its timers rings.
    due: Option<Instant>,
}

struct State {
    now: Instant,
    /// The time of day at `now`, in milliseconds since 1970.
    unix: u64,
    actors: HashMap<ActorKey, Actor>,
}

/// A clock that stands still, and the actors that wait by it.
pub struct HeldTime {
    state: Mutex<State>,
    /// Told whenever an actor begins to wait.
    idle: Notify,
}

/// A timer rings again and again, without an end.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "timers rang {MOST_ROUNDS} times while time was moved once: does a receiver set its own timer again with 0 ms?"
)]
pub struct TooOften;

impl HeldTime {
    /// A clock that shows this time of day, in milliseconds since 1970; 0 is the present one.
    pub fn new(unix: u64) -> Self {
        Self {
            state: Mutex::new(State {
                now: Instant::now(),
                unix: if unix == 0 { unix_millis() } else { unix },
                actors: HashMap::new(),
            }),
            idle: Notify::new(),
        }
    }

    /// The moment at which the clock stands, and the time of day, in milliseconds since 1970.
    pub fn now(&self) -> (Instant, u64) {
        let state = lock(&self.state);
        (state.now, state.unix)
    }

    /// An actor begins.
    pub fn add(&self, key: ActorKey, waiting: Weak<dyn Waiting>) {
        let mut state = lock(&self.state);
        state
            .actors
            .retain(|_, actor| actor.waiting.strong_count() > 0);
        state.actors.insert(key, Actor { waiting, due: None });
    }

    /// The actor's first timer rings at `due`. If that is now, the actor is reminded.
    pub fn rings_at(&self, key: ActorKey, due: Option<Instant>) {
        let mut state = lock(&self.state);
        let now = state.now;
        let Some(actor) = state.actors.get_mut(&key) else {
            return;
        };
        actor.due = due;
        let rings = due.is_some_and(|due| due <= now);
        let waiting = rings.then(|| actor.waiting.upgrade()).flatten();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.remind();
        }
    }

    /// An actor has begun to wait.
    pub fn waits(&self) {
        self.idle.notify_waiters();
    }

    fn actors(&self) -> Vec<(Arc<dyn Waiting>, Option<Instant>)> {
        let state = lock(&self.state);
        let actors = state.actors.values();
        actors
            .filter_map(|actor| Some((actor.waiting.upgrade()?, actor.due)))
            .collect()
    }

    /// Resolves when all actors wait.
    pub async fn settled(&self) {
        loop {
            let mut told = std::pin::pin!(self.idle.notified());
            told.as_mut().enable();
            if self.actors().iter().all(|(actor, _)| actor.is_idle()) {
                return;
            }
            let _ = timeout(LOOK, told).await;
        }
    }

    /// Moves the time by so much. Timers ring at their times, one after the other; each has been handled when the next
    /// one rings.
    ///
    /// # Errors
    /// [`TooOften`].
    pub async fn advance(&self, by: Duration) -> Result<(), TooOften> {
        let target = self.now().0 + by;
        for _ in 0..MOST_ROUNDS {
            self.settled().await;
            let due = self.actors().iter().filter_map(|(_, due)| *due).min();
            let next = due.map_or(target, |due| due.min(target));
            self.move_to(next);
            if due.is_none_or(|due| due > target) {
                return Ok(());
            }
            for (actor, due) in self.actors() {
                if due.is_some_and(|due| due <= next) {
                    actor.remind();
                }
            }
        }
        Err(TooOften)
    }

    fn move_to(&self, next: Instant) {
        let mut state = lock(&self.state);
        let by = next.saturating_duration_since(state.now);
        state.unix += u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        state.now += by;
    }

    /// The props of this component, as JSON; `None` if it has ended.
    pub async fn props(&self, key: ActorKey) -> Option<String> {
        let actor = lock(&self.state).actors.get(&key)?.waiting.upgrade()?;
        actor.props()?.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rings at a fixed interval, so it is never at rest for long.
    struct Rings {
        time: Arc<HeldTime>,
        key: ActorKey,
        every: Duration,
        rung: Mutex<Vec<Duration>>,
        start: Instant,
    }

    impl Waiting for Rings {
        fn is_idle(&self) -> bool {
            true
        }

        fn remind(&self) {
            let now = self.time.now().0;
            lock(&self.rung).push(now - self.start);
            self.time.rings_at(self.key, Some(now + self.every));
        }

        fn props(&self) -> Option<tokio::sync::oneshot::Receiver<String>> {
            None
        }
    }

    fn begin(time: &Arc<HeldTime>, key: ActorKey, every: u64) -> Arc<Rings> {
        let every = Duration::from_millis(every);
        let (time, rung, start) = (time.clone(), Mutex::default(), time.now().0);
        let rings = Arc::new(Rings {
            time,
            key,
            every,
            rung,
            start,
        });
        let weak: Weak<Rings> = Arc::downgrade(&rings);
        rings.time.add(key, weak);
        rings.time.rings_at(key, Some(start + every));
        rings
    }

    fn rung(rings: &Rings) -> Vec<u128> {
        let rung = lock(&rings.rung);
        rung.iter().map(Duration::as_millis).collect()
    }

    #[tokio::test]
    async fn timers_ring_at_their_times_and_only_while_time_is_moved() {
        let time = Arc::new(HeldTime::new(1_000_000));
        let (slow, fast) = (begin(&time, 1, 100), begin(&time, 2, 40));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(rung(&slow).is_empty() && rung(&fast).is_empty());
        time.advance(Duration::from_millis(99)).await.unwrap();
        assert_eq!((rung(&slow), rung(&fast)), (vec![], vec![40, 80]));
        time.advance(Duration::from_millis(1)).await.unwrap();
        time.advance(Duration::from_millis(100)).await.unwrap();
        assert_eq!(rung(&slow), [100, 200]);
        assert_eq!(rung(&fast), [40, 80, 120, 160, 200]);
        assert_eq!(time.now().1, 1_000_200);
    }

    #[tokio::test]
    async fn an_actor_that_has_ended_holds_nobody_up() {
        let time = Arc::new(HeldTime::new(0));
        drop(begin(&time, 1, 100));
        time.advance(Duration::from_secs(1)).await.unwrap();
        assert_eq!(time.props(1).await, None);
    }
}
