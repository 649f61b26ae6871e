//! When a checkpoint is due. Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids::Point;
use crate::limits::Limits;
use crate::live_socket::Moment;

/// States up to this size travel with the answers.
const SMALL: usize = 1024;
/// With each `STEP` bytes more, checkpoints of a state are that much rarer, so that they cost each event
/// the same.
const STEP: usize = 1024;
/// The most events between two checkpoints, however large the state, because a client keeps these events.
const MAX_EVENTS: u64 = 1000;
/// The longest wait for a quiet moment, however large the state.
const MAX_QUIET: Duration = Duration::from_secs(30);

/// While tasks run, whose values may come many times a second, there is so much time at least between two checkpoints
/// of a small state.
const TASK_PAUSE: Duration = Duration::from_secs(5);
/// The step grows with the text: so the checkpoints of a text that streams in cost in proportion to the text.
const TASK_STEP: usize = 4 * 1024;

/// The least time between two checkpoints of a state of this size while tasks run.
pub(crate) fn task_pause(bytes: usize) -> Duration {
    let more = TASK_PAUSE.as_secs_f64() * bytes as f64 / TASK_STEP as f64;
    (TASK_PAUSE + Duration::from_secs_f64(more)).min(MAX_QUIET)
}

/// The last checkpoint; before the first one, the first state that was committed.
pub(crate) struct Last {
    /// The point of the sealed state.
    pub(crate) point: Point,
    /// The time at which the checkpoint was sealed; `None` if there is no checkpoint, or if it may not have
    /// reached the page.
    pub(crate) at: Option<Instant>,
    /// The size of the state then.
    pub(crate) bytes: usize,
}

/// How often a component's state is sealed.
pub(crate) struct Cadence {
    /// A small state is sealed after so many events at the latest.
    events: u64,
    /// A state is sealed when nothing has happened for so long.
    quiet: Duration,
}

impl Cadence {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            events: limits.checkpoint_events as u64,
            quiet: limits.checkpoint_quiet,
        }
    }

    /// When the state at `point` is to be sealed: `now`, or later if
    /// nothing happens until then. A large state waits longer, in proportion to its size.
    pub(crate) fn due(&self, last: &Last, point: Point, moment: Moment, now: Instant) -> Instant {
        let is_calm = last.at.is_none_or(|at| now - at >= self.quiet);
        let scale = u32::try_from(last.bytes / STEP + 1).unwrap_or(u32::MAX);
        let events = self.events.saturating_mul(u64::from(scale));
        let events = events.min(MAX_EVENTS).max(self.events);
        let is_due = moment != Moment::Answer
            || (last.bytes <= SMALL && is_calm)
            || last.point.steps_to(point) >= events;
        if is_due {
            return now;
        }
        let quiet = self.quiet;
        now + quiet.saturating_mul(scale).min(MAX_QUIET).max(quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EventNumber, Revision};

    const QUIET: Duration = Duration::from_millis(250);
    const CADENCE: Cadence = Cadence {
        events: 16,
        quiet: QUIET,
    };

    fn at(revision: u64) -> Point {
        Point {
            event: EventNumber(1),
            revision: Revision(revision),
        }
    }

    /// How long a state has to wait that was sealed `ago`, so many events ago; zero if it is due.
    fn wait(bytes: usize, ago: Option<Duration>, events: u64, moment: Moment) -> Duration {
        let now = Instant::now() + Duration::from_secs(3600);
        let last = Last {
            point: at(100),
            at: ago.map(|ago| now - ago),
            bytes,
        };
        CADENCE.due(&last, at(100 + events), moment, now) - now
    }

    #[test]
    fn a_small_state_is_sealed_with_the_first_answer_after_a_pause() {
        let small = |ago| wait(SMALL, Some(ago), 1, Moment::Answer);
        assert_eq!(small(QUIET), Duration::ZERO);
        assert_eq!(small(QUIET / 2), QUIET * 2);
        assert_eq!(wait(100, Some(QUIET / 2), 1, Moment::Answer), QUIET);
        assert_eq!(wait(100, None, 1, Moment::Answer), Duration::ZERO);
    }

    #[test]
    fn a_large_state_waits_in_proportion_and_not_for_ever() {
        let of = |bytes| wait(bytes, None, 1, Moment::Answer);
        assert_eq!(of(10 * STEP), QUIET * 11);
        assert_eq!(of(usize::MAX), MAX_QUIET);
        assert_eq!(wait(10 * STEP, None, 175, Moment::Answer), QUIET * 11);
        assert_eq!(wait(10 * STEP, None, 176, Moment::Answer), Duration::ZERO);
        assert_eq!(
            wait(usize::MAX, None, MAX_EVENTS, Moment::Answer),
            Duration::ZERO
        );
    }

    #[test]
    fn a_text_that_streams_in_costs_its_checkpoints_a_few_times_its_size() {
        assert_eq!(task_pause(0), TASK_PAUSE);
        assert_eq!(task_pause(usize::MAX), MAX_QUIET);
        // 20 KB in 40 s: the checkpoints on the way and the one at the end.
        let (mut time, mut sealed) = (Duration::ZERO, 0);
        let size = |time: Duration| (time.as_millis() / 2) as usize;
        while time < Duration::from_secs(40) {
            sealed += size(time);
            time += task_pause(size(time));
        }
        sealed += 20_000;
        // As text a sealed state is a third longer.
        assert!(sealed * 4 / 3 < 20_000 * 15 / 4, "{sealed}");
    }

    #[test]
    fn quiet_and_the_end_seal_whatever_was_not() {
        for moment in [Moment::Quiet, Moment::End] {
            assert_eq!(
                wait(usize::MAX, Some(Duration::ZERO), 0, moment),
                Duration::ZERO
            );
        }
    }
}
