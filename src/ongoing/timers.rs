//! The timers of a component.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::{Now, Ongoing, OngoingError, raw};
use crate::effects::given;

/// The most timers of a component.
pub const MOST_TIMERS: usize = 100;

/// A timer of a component.
#[derive(Clone, Debug)]
pub(super) struct Timer {
    /// When the timer rings next.
    due: Instant,
    /// After how long it rings again; `None` if it rings once.
    pub(super) interval: Option<Duration>,
    /// The data of the timer's message, as JSON.
    pub(super) data: Option<Arc<str>>,
    /// The timer rings once and has rung, and no committed state includes its message. Such a timer is sealed
    /// as one that is due.
    has_rung: bool,
}

/// A timer that has rung.
#[derive(Debug, PartialEq, Eq)]
pub struct Rung {
    /// The receiver that gets the message.
    pub receiver: SmolStr,
    /// The message's data, as JSON.
    pub data: Option<Arc<str>>,
}

/// As it is sealed: receiver, time of day when the timer rings, interval in milliseconds or 0, and the data, if
/// the message carries any.
#[derive(Serialize, Deserialize)]
pub(super) struct SealedTimer(
    SmolStr,
    u64,
    u64,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    Option<Box<RawValue>>,
);

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Timer {
    pub(super) fn sealed(&self, receiver: &SmolStr, now: Now) -> SealedTimer {
        let left = self.due.saturating_duration_since(now.instant);
        let interval = self.interval.map_or(0, milliseconds);
        let data = self.data.as_deref().and_then(raw);
        let due = now.unix + milliseconds(left);
        SealedTimer(receiver.clone(), due, interval, data)
    }

    /// From a checkpoint. A timer that fell due meanwhile rings at once.
    pub(super) fn revived(sealed: SealedTimer, now: Now) -> (SmolStr, Self) {
        let SealedTimer(receiver, due, interval, data) = sealed;
        let interval = (interval > 0).then(|| Duration::from_millis(interval));
        let left = Duration::from_millis(due.saturating_sub(now.unix));
        // Clocks of machines differ, so no timer waits longer than its interval.
        let left = interval.map_or(left, |interval| left.min(interval));
        let timer = Self {
            due: now.instant + left,
            interval,
            data: data.map(|data| data.get().into()),
            has_rung: false,
        };
        (receiver, timer)
    }
}

impl Ongoing {
    /// Sets the timer of this receiver.
    pub(super) fn set_timer(
        &mut self,
        receiver: &SmolStr,
        due: Instant,
        interval: Option<Duration>,
        data: Option<Arc<str>>,
    ) -> Result<(), OngoingError> {
        let timer = Timer {
            due,
            interval,
            data,
            has_rung: false,
        };
        self.timers.insert(receiver.clone(), timer);
        if self.timers.len() > MOST_TIMERS {
            return Err(OngoingError::Timers);
        }
        Ok(())
    }

    /// When the next timer rings.
    pub fn due(&self) -> Option<Instant> {
        let waiting = self.timers.values().filter(|timer| !timer.has_rung);
        waiting.map(|timer| timer.due).min()
    }

    /// Whether this timer rings once and has rung.
    pub fn has_rung_once(&self, receiver: &str) -> bool {
        self.timers
            .get(receiver)
            .is_some_and(|timer| timer.has_rung)
    }

    /// The state includes the message of this timer: the timer goes, if it rings once and has not been set
    /// again since it rang.
    pub fn timer_is_over(&mut self, receiver: &str) {
        if self.has_rung_once(receiver) {
            self.timers.remove(receiver);
        }
    }

    /// The timers that ring at `now`, at most so many, in the order in which they were due. A timer that was
    /// due several times meanwhile has rung once. A timer that rings once stays until
    /// [`timer_is_over`](Self::timer_is_over).
    pub fn ring(&mut self, now: Instant, most: usize) -> Vec<Rung> {
        let mut due: Vec<(Instant, SmolStr)> = self
            .timers
            .iter()
            .filter(|(_, timer)| timer.due <= now && !timer.has_rung)
            .map(|(receiver, timer)| (timer.due, receiver.clone()))
            .collect();
        due.sort_by_key(|(due, _)| *due);
        due.truncate(most);
        let rung = due.into_iter().map(|(_, receiver)| {
            let mut data = None;
            match self.timers.get_mut(&receiver) {
                Some(Timer {
                    due,
                    interval: Some(interval),
                    ..
                }) => {
                    // In the rhythm that it began with, however late it rings.
                    let late = now.saturating_duration_since(*due);
                    let missed = late.as_nanos() / interval.as_nanos().max(1);
                    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
                    *due += interval.saturating_mul(missed.saturating_add(1));
                }
                Some(timer) => {
                    timer.has_rung = true;
                    data = timer.data.clone();
                }
                None => {}
            }
            Rung { receiver, data }
        });
        rung.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{UNIX, apply, checks, ms, now, ongoing};
    use super::*;
    use crate::effects::Effect;
    use crate::ongoing::Dropped;

    fn rung(ongoing: &mut Ongoing, at: Instant) -> Vec<String> {
        let rung = ongoing.ring(at, 100).into_iter();
        rung.map(|rung| format!("{}{}", rung.receiver, rung.data.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_timer_that_has_rung_is_kept_until_a_state_includes_its_message() {
        let now = now();
        let mut timers = ongoing(r#"[{"after":["late",10,{"a":1}]}]"#, now);
        let later = now.instant + ms(10);
        assert_eq!(rung(&mut timers, later), ["late{\"a\":1}"]);
        assert!(rung(&mut timers, later).is_empty() && timers.due().is_none());
        // A state that is revived before the message was handled has the message again.
        let mut revived = Ongoing::from_json(&timers.to_json(now), now);
        assert_eq!(rung(&mut revived, later), ["late{\"a\":1}"]);
        // Set again meanwhile, it is another timer.
        let mut again = timers.clone();
        apply(&mut again, r#"[{"after":["late",20]}]"#, later).unwrap();
        again.timer_is_over("late");
        assert_eq!(again.due(), Some(later + ms(20)));
        timers.timer_is_over("late");
        assert!(timers.is_empty());
    }

    #[test]
    fn a_timer_rings_in_its_rhythm_however_late() {
        let now = now();
        let mut timers = ongoing(
            r#"[{"every":["tick",100]},{"after":["once",250,[1]]}]"#,
            now,
        );
        let at = |count| now.instant + ms(count);
        assert_eq!(timers.due(), Some(at(100)));
        assert!(rung(&mut timers, at(99)).is_empty());
        assert_eq!(rung(&mut timers, at(100)), ["tick"]);
        assert_eq!(timers.due(), Some(at(200)));
        // Nobody looked for a while: each rings once, in the order in which they were due.
        assert_eq!(rung(&mut timers, at(1030)), ["tick", "once[1]"]);
        assert_eq!(timers.due(), Some(at(1100)));
        assert!(rung(&mut timers, at(1099)).is_empty());
    }

    #[test]
    fn one_of_a_name_and_none_after_cancel() {
        let now = now();
        let json =
            r#"[{"every":["a",100]},{"after":["a",500]},{"every":["b",100]},{"cancel":"b"}]"#;
        let mut timers = ongoing(json, now);
        assert!(rung(&mut timers, now.instant + ms(499)).is_empty());
        assert_eq!(rung(&mut timers, now.instant + ms(500)), ["a"]);
        timers.timer_is_over("a");
        assert!(timers.is_empty() && timers.due().is_none());
    }

    #[test]
    fn a_step_with_too_many_timers_does_not_commit() {
        let now = now();
        let effects: Vec<Effect> = (0..=MOST_TIMERS)
            .map(|number| Effect::Every {
                receiver: number.to_string().into(),
                interval: ms(100),
            })
            .collect();
        let mut timers = Ongoing::default();
        let applied = timers.apply(&effects, &checks(now.instant));
        assert_eq!(applied, Err(OngoingError::Timers));
    }

    #[test]
    fn null_is_not_nothing_also_after_a_restart() {
        let then = now();
        let json = r#"[{"after":["bare",1]},{"after":["null",2,null]}]"#;
        let sealed = ongoing(json, then).to_json(then);
        let mut revived = Ongoing::from_json(&sealed, then);
        assert_eq!(
            rung(&mut revived, then.instant + ms(2)),
            ["bare", "nullnull"]
        );
    }

    #[test]
    fn timers_go_on_after_a_restart_by_the_time_of_day() {
        let then = now();
        let timers = ongoing(
            r#"[{"every":["tick",1000]},{"after":["late",60500,{"a":1}]}]"#,
            then,
        );
        let json = timers.to_json(then);
        let later = Now {
            instant: then.instant + ms(7_000_000),
            unix: UNIX + 30_000,
        };
        let mut revived = Ongoing::from_json(&json, later);
        assert_eq!(rung(&mut revived, later.instant), ["tick"], "once");
        assert_eq!(rung(&mut revived, later.instant + ms(29_999)), ["tick"]);
        let rest = rung(&mut revived, later.instant + ms(30_500));
        assert_eq!(rest, ["tick", "late{\"a\":1}"]);
        // On a machine whose clock is behind, it does not wait for hours.
        let behind = Now {
            instant: then.instant,
            unix: UNIX - 36_000_000,
        };
        let mut revived = Ongoing::from_json(&json, behind);
        assert_eq!(rung(&mut revived, then.instant + ms(1000)), ["tick"]);
    }

    #[test]
    fn a_timer_whose_receiver_is_gone_goes_too() {
        let mut timers = ongoing(r#"[{"every":["a",100]},{"every":["b",100]}]"#, now());
        let dropped = timers.retain(|name| name == "a");
        let expected = Dropped {
            receiver: "b".into(),
            topic: None,
            interval: Some(ms(100)),
            data: None,
        };
        assert_eq!(dropped, [expected]);
        assert_eq!(timers.timers.len(), 1);
    }
}
