//! What goes on beside a component's props: timers. It is committed with the props, sealed, parked and
//! revived with them. Pure: time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::clock::unix_millis;
use crate::effects::Effect;

/// The most timers of a component.
pub const MOST_TIMERS: usize = 100;

/// A timer of a component.
#[derive(Clone, Debug)]
struct Timer {
    /// When the timer rings next.
    due: Instant,
    /// After how long it rings again; `None` if it rings once.
    interval: Option<Duration>,
    /// What its message carries, as JSON.
    data: Option<Arc<str>>,
}

/// A timer that has rung.
#[derive(Debug, PartialEq, Eq)]
pub struct Rung {
    /// Who gets the message.
    pub receiver: SmolStr,
    /// What the message carries, as JSON.
    pub data: Option<Arc<str>>,
}

/// Why a step cannot be committed with what it asks for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OngoingError {
    /// Too many timers.
    #[error(
        "a component has {MOST_TIMERS} timers at most; cancel some, or let one timer do for all"
    )]
    Timers,
}

/// What goes on beside the props.
#[derive(Clone, Debug, Default)]
pub struct Ongoing {
    timers: BTreeMap<SmolStr, Timer>,
}

/// A moment, by the monotonic clock and by the time of day in milliseconds since 1970. Timers run by the
/// first; in a checkpoint they stand by the second.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the monotonic clock.
    pub instant: Instant,
    /// By the time of day.
    pub unix: u64,
}

impl Now {
    /// This moment.
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            unix: unix_millis(),
        }
    }
}

/// As it is sealed.
#[derive(Serialize, Deserialize, Default)]
struct Sealed {
    /// Receiver, time of day when the timer rings, interval in milliseconds or 0, data.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    timers: Vec<(SmolStr, u64, u64, Option<Box<RawValue>>)>,
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Ongoing {
    /// Whether nothing goes on.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Changes what goes on as a step asks.
    ///
    /// # Errors
    /// [`OngoingError`]; then the step must not be committed.
    pub fn apply(&mut self, effects: &[Effect], now: Instant) -> Result<(), OngoingError> {
        for effect in effects {
            match effect {
                Effect::Every { receiver, interval } => self.set(
                    receiver,
                    Timer {
                        due: now + *interval,
                        interval: Some(*interval),
                        data: None,
                    },
                )?,
                Effect::After {
                    receiver,
                    delay,
                    data,
                } => self.set(
                    receiver,
                    Timer {
                        due: now + *delay,
                        interval: None,
                        data: data.clone(),
                    },
                )?,
                Effect::Cancel { receiver } => {
                    self.timers.remove(receiver);
                }
                Effect::Task { .. } | Effect::Push(_) => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, receiver: &SmolStr, timer: Timer) -> Result<(), OngoingError> {
        self.timers.insert(receiver.clone(), timer);
        if self.timers.len() > MOST_TIMERS {
            return Err(OngoingError::Timers);
        }
        Ok(())
    }

    /// Whether these effects change what goes on.
    pub fn is_changed_by(effects: &[Effect]) -> bool {
        effects.iter().any(|effect| match effect {
            Effect::Every { .. } | Effect::After { .. } | Effect::Cancel { .. } => true,
            Effect::Task { .. } | Effect::Push(_) => false,
        })
    }

    /// When the next timer rings.
    pub fn due(&self) -> Option<Instant> {
        self.timers.values().map(|timer| timer.due).min()
    }

    /// Takes the timers that ring at `now`, at most so many, in the order in which they were due. A timer
    /// that was due several times meanwhile has rung once.
    pub fn ring(&mut self, now: Instant, most: usize) -> Vec<Rung> {
        let mut due: Vec<(Instant, SmolStr)> = self
            .timers
            .iter()
            .filter(|(_, timer)| timer.due <= now)
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
                _ => data = self.timers.remove(&receiver).and_then(|timer| timer.data),
            }
            Rung { receiver, data }
        });
        rung.collect()
    }

    /// Drops what a module no longer has a receiver for; gives the names.
    pub fn retain(&mut self, has: impl Fn(&str) -> bool) -> Vec<SmolStr> {
        let gone: Vec<SmolStr> = self
            .timers
            .keys()
            .filter(|receiver| !has(receiver))
            .cloned()
            .collect();
        self.timers.retain(|receiver, _| has(receiver));
        gone
    }

    /// As it is sealed into a checkpoint; empty if nothing goes on.
    pub fn to_json(&self, now: Now) -> String {
        if self.is_empty() {
            return String::new();
        }
        let timers = self.timers.iter().map(|(receiver, timer)| {
            let left = timer.due.saturating_duration_since(now.instant);
            let data = timer.data.as_deref();
            let data = data.and_then(|data| RawValue::from_string(data.to_owned()).ok());
            let interval = timer.interval.map_or(0, milliseconds);
            (
                receiver.clone(),
                now.unix + milliseconds(left),
                interval,
                data,
            )
        });
        let sealed = Sealed {
            timers: timers.collect(),
        };
        serde_json::to_string(&sealed).unwrap_or_default()
    }

    /// From a checkpoint. A timer that fell due meanwhile rings at once.
    pub fn from_json(json: &str, now: Now) -> Self {
        // Sealed by this library, so what cannot be read is of a version that is gone.
        let sealed: Sealed = serde_json::from_str(json).unwrap_or_default();
        let timers = sealed
            .timers
            .into_iter()
            .map(|(receiver, due, interval, data)| {
                let interval = (interval > 0).then(|| Duration::from_millis(interval));
                let left = Duration::from_millis(due.saturating_sub(now.unix));
                // Clocks of machines differ: none waits longer than it was to.
                let left = interval.map_or(left, |interval| left.min(interval));
                let timer = Timer {
                    due: now.instant + left,
                    interval,
                    data: data.map(|data| data.get().into()),
                };
                (receiver, timer)
            });
        Self {
            timers: timers.take(MOST_TIMERS).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects;

    const UNIX: u64 = 1_800_000_000_000;

    fn now() -> Now {
        Now {
            instant: Instant::now(),
            unix: UNIX,
        }
    }

    fn ongoing(json: &str, now: Now) -> Ongoing {
        let mut ongoing = Ongoing::default();
        let effects = effects::parse(json).unwrap();
        ongoing.apply(&effects, now.instant).unwrap();
        ongoing
    }

    fn rung(ongoing: &mut Ongoing, at: Instant) -> Vec<String> {
        let rung = ongoing.ring(at, 100).into_iter();
        rung.map(|rung| format!("{}{}", rung.receiver, rung.data.unwrap_or_default()))
            .collect()
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
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
        // Nobody looked for a while: once for all, in the order in which they were due.
        assert_eq!(rung(&mut timers, at(1030)), ["tick", "once[1]"]);
        assert_eq!(timers.due(), Some(at(1100)));
        assert!(rung(&mut timers, at(1099)).is_empty());
    }

    #[test]
    fn one_of_a_name_and_none_after_cancel() {
        let now = now();
        let json =
            r#"[{"every":["a",100]},{"after":["a",500,null]},{"every":["b",100]},{"cancel":"b"}]"#;
        let mut timers = ongoing(json, now);
        assert!(rung(&mut timers, now.instant + ms(499)).is_empty());
        assert_eq!(rung(&mut timers, now.instant + ms(500)), ["a"]);
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
        let applied = timers.apply(&effects, now.instant);
        assert_eq!(applied, Err(OngoingError::Timers));
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
    fn nothing_is_sealed_as_nothing() {
        assert_eq!(Ongoing::default().to_json(now()), "");
        assert!(Ongoing::from_json("", now()).is_empty());
        assert!(Ongoing::from_json("{\"t\":7}", now()).is_empty());
    }

    #[test]
    fn a_timer_whose_receiver_is_gone_goes_too() {
        let mut timers = ongoing(r#"[{"every":["a",100]},{"every":["b",100]}]"#, now());
        assert_eq!(timers.retain(|name| name == "a"), ["b"]);
        assert_eq!(timers.timers.len(), 1);
    }
}
