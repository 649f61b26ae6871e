//! A bound on the messages and questions of a component's receivers. So messages that cause each other in a
//! circle come to an end.

use tokio::time::{Duration, Instant};

use crate::rate::Rate;

/// How many messages the receivers of a component publish, or ask for, in a second.
const PER_SECOND: u32 = 500;
/// How many at once.
const BURST: u32 = 2_000;
/// Receivers that have published too many messages publish nothing for so long. By then all messages of a
/// circle are over.
const PAUSE: Duration = Duration::from_secs(1);

/// Receivers publish too much, or ask too often for a topic's history or presence.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the receivers of a component may publish, send, and ask for a topic's history or presence {PER_SECOND} times in a \
     second, and {BURST} times at once; do the component's own messages cause this message, in a circle?"
)]
pub(super) struct TooMany;

/// How fast the receivers of one component publish.
#[derive(Default)]
pub(super) struct Circle(Option<Box<State>>);

struct State {
    rate: Rate,
    /// Until then nothing is published.
    until: Option<Instant>,
}

impl Circle {
    /// Counts the messages of a step. If the step is refused, the next ones are, too, for [`PAUSE`]: each
    /// message of a circle may cause several, and a circle ends when all of them have failed.
    pub(super) fn check(&mut self, count: usize, now: Instant) -> Result<(), TooMany> {
        if count == 0 {
            return Ok(());
        }
        // Most components' receivers publish nothing, and hold no memory for it.
        let state = self.0.get_or_insert_with(|| {
            Box::new(State {
                rate: Rate::new(PER_SECOND, BURST),
                until: None,
            })
        });
        if state.until.is_some_and(|until| now < until) {
            return Err(TooMany);
        }
        state.until = None;
        if state.rate.take_many(count) {
            return Ok(());
        }
        state.until = Some(now + PAUSE);
        Err(TooMany)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_publishes_too_much_pauses_and_then_goes_on() {
        let mut circle = Circle::default();
        let mut check = |count| circle.check(count, Instant::now());
        assert_eq!(check(1_500), Ok(()));
        assert_eq!(check(501), Err(TooMany));
        assert_eq!(
            check(1),
            Err(TooMany),
            "the bucket has room, and the pause goes on"
        );
        assert_eq!(check(0), Ok(()));
        tokio::time::advance(PAUSE).await;
        assert_eq!(check(1_000), Ok(()));
    }
}
