//! When `authorize` is asked again about a page that is shown a component. Without this, changes from the
//! server would go on for a user whose rights have ended.

use tokio::time::{Duration, Instant};

use crate::ids::ActorKey;

/// If it is in doubt whether a page may still see a component, `authorize` is asked within this time.
const SOON: Duration = Duration::from_secs(5);

/// When one component is asked about. Most modules have no `authorize`, and hold no memory for it.
#[derive(Default)]
pub(super) struct Asking(Option<Box<State>>);

struct State {
    actor: ActorKey,
    every: Duration,
    /// When `authorize` is asked again.
    due: Instant,
}

impl Asking {
    /// The page has been allowed just now, and is asked about again at the latest after `limit`.
    pub(super) fn begin(limit: Duration, actor: ActorKey) -> Self {
        let every = spread(limit, actor);
        Self(Some(Box::new(State {
            actor,
            every,
            due: Instant::now() + every,
        })))
    }

    /// When the page is to be asked about again; `None` if it never is.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|state| state.due)
    }

    /// It is in doubt whether the page may still see the component: `authorize` is asked within five seconds,
    /// but not for all pages at once.
    pub(super) fn doubted(&mut self) {
        if let Some(state) = &mut self.0 {
            let soon = Instant::now() + spread(SOON, state.actor);
            state.due = state.due.min(soon);
        }
    }

    /// `authorize` has allowed the page just now.
    pub(super) fn allowed(&mut self) {
        if let Some(state) = &mut self.0 {
            state.due = Instant::now() + state.every;
        }
    }
}

/// Between half of the limit and all of it, another time for each actor, and for each viewer of a shared
/// component. So `authorize` is not asked at once about components that came to life together, for instance
/// after a deploy. Multiples of the golden ratio are spread evenly, however many there are.
pub(crate) fn spread(limit: Duration, actor: ActorKey) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let part = (actor.wrapping_mul(GOLDEN) >> 32) as f64 / f64::from(u32::MAX);
    limit.mul_f64(f64::midpoint(1.0, part.min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_components_are_asked_about_evenly() {
        const LIMIT: Duration = Duration::from_secs(300);
        let mut in_second = [0; 301];
        for actor in 1..=10_000 {
            let every = spread(LIMIT, actor);
            assert!(every >= LIMIT / 2 && every <= LIMIT, "{every:?}");
            in_second[every.as_secs() as usize] += 1;
        }
        let most = in_second.iter().max();
        assert!(most.is_some_and(|most| *most < 75), "{most:?} in a second");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_counts_from_the_last_time_that_the_page_was_allowed() {
        assert_eq!(Asking::default().due(), None);
        let mut asking = Asking::begin(Duration::from_secs(300), 7);
        let first = asking.due();
        tokio::time::advance(Duration::from_secs(100)).await;
        asking.allowed();
        assert_eq!(
            asking.due(),
            first.map(|due| due + Duration::from_secs(100))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_in_doubt_is_asked_about_soon_and_once() {
        let mut asking = Asking::begin(Duration::from_secs(300), 7);
        let first = asking.due();
        asking.doubted();
        let soon = asking.due().unwrap();
        assert!(soon <= Instant::now() + SOON && Some(soon) < first);
        tokio::time::advance(Duration::from_secs(1)).await;
        asking.doubted();
        assert_eq!(
            asking.due(),
            Some(soon),
            "a second doubt puts it off no further"
        );
        tokio::time::advance(Duration::from_secs(4)).await;
        asking.allowed();
        assert_eq!(asking.due(), first.map(|due| due + Duration::from_secs(5)));
        let mut asking = Asking::begin(Duration::from_secs(1), 7);
        let first = asking.due();
        asking.doubted();
        assert_eq!(asking.due(), first, "it is asked about sooner anyway");
    }
}
