//! What goes on beside a component's props: timers, subscriptions, presence, and messages that are to be
//! published. It is committed with the props, sealed, parked and revived with them. Pure: time is an argument.

mod presence;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::clock::unix_millis;
use crate::effects::{Effect, OWN, Outgoing, own_topic};
use crate::topics::{Epoch, MAX_NAME, Position};

pub use presence::{MOST_TRACKED, Tracked};
use presence::{OngoingPresence, SealedTracked};

/// The most timers of a component.
pub const MOST_TIMERS: usize = 100;

/// The most subscriptions of a component.
pub const MOST_SUBSCRIPTIONS: usize = 100;

/// About what a timer, a subscription or the like takes beside its names and data, here and where others keep
/// something for it.
const EACH: usize = 256;

/// A timer of a component.
#[derive(Clone, Debug)]
struct Timer {
    /// When the timer rings next.
    due: Instant,
    /// After how long it rings again; `None` if it rings once.
    interval: Option<Duration>,
    /// What its message carries, as JSON.
    data: Option<Arc<str>>,
    /// The timer rings once and has rung, and no committed state includes its message. Such a timer is sealed
    /// as one that is due.
    has_rung: bool,
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
    /// Too many subscriptions.
    #[error(
        "a component has {MOST_SUBSCRIPTIONS} subscriptions at most, to topics and to their presence together; \
         unsubscribe from some, or publish to fewer topics"
    )]
    Subscriptions,
    /// The component is tracked in too many topics.
    #[error("a component is tracked in {MOST_TRACKED} topics at most; untrack it in some")]
    Tracked,
    /// The key of a person is not one; its length.
    #[error("a key of ctx.track has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Key(usize),
    /// The system gives no random numbers, so that there is no key for who has no `bind`.
    #[error("ctx.track needs a key: the option bind gave none, and there are no random numbers")]
    NoKey,
    /// A meta is too large.
    #[error(
        "the meta of ctx.track({topic}) has {bytes} bytes, and may have {most} (limits.presenceMeta)"
    )]
    Meta {
        /// The topic, quoted.
        topic: String,
        /// How large the meta is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// A topic's name is not one; its length.
    #[error("a topic's name has 1 to {MAX_NAME} bytes, and this one has {0}")]
    Topic(usize),
    /// A message is too large.
    #[error(
        "the data of a message for {topic} has {bytes} bytes, and may have {most} (limits.messageBytes)"
    )]
    Data {
        /// The topic, quoted.
        topic: String,
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// An address that was not made by this application, or was changed.
    #[error(
        "the address that a message is sent to cannot be opened: it is not one that ctx.self gave in an application with this secret"
    )]
    Address,
}

/// A subscription of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Who gets the messages; empty for the component's own topic.
    pub receiver: SmolStr,
    /// The last message that the state includes.
    pub position: Position,
}

/// The names of topics, without the component's own.
pub type TopicNames = Arc<[Arc<str>]>;

/// What is dropped, since the module has no receiver for it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The name of the receiver.
    pub receiver: SmolStr,
    /// The topic, if it is a subscription to the topic or to its presence, and not a timer.
    pub topic: Option<Arc<str>>,
    /// After how long the timer rings again; `None` if it rings once.
    pub interval: Option<Duration>,
    /// What the timer's message carries, as JSON.
    pub data: Option<Arc<str>>,
}

/// What goes on beside the props.
#[derive(Clone, Debug, Default)]
pub struct Ongoing {
    timers: BTreeMap<SmolStr, Timer>,
    subscriptions: BTreeMap<Arc<str>, Subscribed>,
    /// Messages that are committed, and that their topics may not have.
    outgoing: Vec<Outgoing>,
    /// Boxed, because few components have any.
    presence: Option<Box<OngoingPresence>>,
}

/// What a step's effects are checked with.
pub struct Checks<'a> {
    /// When the step commits.
    pub now: Instant,
    /// The most bytes of a message.
    pub message_bytes: usize,
    /// Opens an address: gives the component's name.
    pub open: &'a dyn Fn(&str) -> Option<String>,
    /// The most bytes of a meta.
    pub presence_meta: usize,
    /// The key of who is tracked without one; `None` if there is none.
    pub key: &'a dyn Fn() -> Option<Arc<str>>,
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
    pub fn here() -> Self {
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
    /// Topic, receiver, epoch and number of the position.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    subscriptions: Vec<(Arc<str>, SmolStr, Epoch, u64)>,
    /// Id, topic, data.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    outgoing: Vec<(Arc<str>, Arc<str>, Box<RawValue>)>,
    /// Topic, key, meta.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    tracked: Vec<SealedTracked>,
    /// Topic, receiver.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    watched: Vec<(Arc<str>, SmolStr)>,
}

/// A topic's name, also one that belongs to a component.
fn is_name(topic: &str) -> bool {
    (1..=MAX_NAME).contains(&topic.len())
}

fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Ongoing {
    /// Whether nothing goes on.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
            && self.subscriptions.is_empty()
            && self.outgoing.is_empty()
            && self.presence.is_none()
    }

    /// About how many bytes this takes. Costs one step for each timer, subscription and message.
    pub fn memory(&self) -> usize {
        let timers = self.timers.iter().map(|(receiver, timer)| {
            EACH + receiver.len() + timer.data.as_deref().map_or(0, str::len)
        });
        let subscriptions = self.subscriptions.iter();
        let subscriptions =
            subscriptions.map(|(topic, one)| EACH + topic.len() + one.receiver.len());
        let outgoing = self.outgoing.iter();
        let outgoing = outgoing.map(|one| EACH + one.id.len() + one.topic.len() + one.data.len());
        let tracked = self.tracked();
        let tracked =
            tracked.map(|(topic, one)| EACH + topic.len() + one.key.len() + one.meta.len());
        let watched = self.watched();
        let watched = watched.map(|(topic, receiver)| EACH + topic.len() + receiver.len());
        let all = timers.chain(subscriptions).chain(outgoing);
        all.chain(tracked).chain(watched).sum()
    }

    /// Changes what goes on as a step asks.
    ///
    /// # Errors
    /// [`OngoingError`]; then the step must not be committed.
    pub fn apply(&mut self, effects: &[Effect], checks: &Checks<'_>) -> Result<(), OngoingError> {
        let now = checks.now;
        for effect in effects {
            match effect {
                Effect::Every { receiver, interval } => self.set(
                    receiver,
                    Timer {
                        due: now + *interval,
                        interval: Some(*interval),
                        data: None,
                        has_rung: false,
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
                        has_rung: false,
                    },
                )?,
                Effect::Cancel { receiver } => {
                    self.timers.remove(receiver);
                }
                Effect::Task { .. } | Effect::Push(_) => {}
                Effect::Subscribe {
                    topic,
                    receiver,
                    position,
                    is_explicit,
                } => self.subscribe(topic, receiver, *position, *is_explicit)?,
                Effect::Unsubscribe { topic } => {
                    self.subscriptions.remove(topic);
                    self.unwatch(topic);
                }
                Effect::Track { topic, meta, key } => {
                    self.track(topic, meta, key.as_ref(), checks)?;
                }
                Effect::Untrack { topic } => self.untrack(topic),
                Effect::Presence { topic, receiver } => self.watch(topic, receiver)?,
                Effect::Publish(outgoing) => {
                    if outgoing.topic.starts_with(OWN) || !is_name(&outgoing.topic) {
                        return Err(OngoingError::Topic(outgoing.topic.len()));
                    }
                    self.send(outgoing.clone(), checks)?;
                }
                Effect::Send { id, address, data } => {
                    let name = (checks.open)(address).ok_or(OngoingError::Address)?;
                    let topic = own_topic(&name).into();
                    let (id, data) = (id.clone(), data.clone());
                    self.send(Outgoing { id, topic, data }, checks)?;
                }
            }
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        topic: &Arc<str>,
        receiver: &SmolStr,
        position: Position,
        is_explicit: bool,
    ) -> Result<(), OngoingError> {
        if !is_name(topic) {
            return Err(OngoingError::Topic(topic.len()));
        }
        let known = self.subscriptions.get(topic).filter(|_| !is_explicit);
        let position = known.map_or(position, |known| known.position);
        let receiver = receiver.clone();
        let subscribed = Subscribed { receiver, position };
        self.subscriptions.insert(topic.clone(), subscribed);
        self.check_subscriptions()
    }

    fn check_subscriptions(&self) -> Result<(), OngoingError> {
        if self.subscriptions.len() + self.watched().len() > MOST_SUBSCRIPTIONS {
            return Err(OngoingError::Subscriptions);
        }
        Ok(())
    }

    fn send(&mut self, outgoing: Outgoing, checks: &Checks<'_>) -> Result<(), OngoingError> {
        let (bytes, most) = (outgoing.data.len(), checks.message_bytes);
        if bytes > most {
            let topic = format!("{:?}", outgoing.topic);
            return Err(OngoingError::Data { topic, bytes, most });
        }
        self.outgoing.push(outgoing);
        Ok(())
    }

    /// The state includes the messages of this topic up to `position`.
    pub fn move_to(&mut self, topic: &str, position: Position) {
        if let Some(subscribed) = self.subscriptions.get_mut(topic) {
            subscribed.position = position;
        }
    }

    /// What is subscribed to.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&Arc<str>, &Subscribed)> {
        self.subscriptions.iter()
    }

    /// The subscription to this topic.
    pub fn subscription(&self, topic: &str) -> Option<&Subscribed> {
        self.subscriptions.get(topic)
    }

    /// The names of the topics that the component is in, in their order: topics that it has subscribed to or
    /// whose presence it gets, without its own one, and topics in which it is tracked. `None` if there are
    /// none.
    pub fn topics(&self) -> Option<TopicNames> {
        let subscribed = self.subscriptions.keys();
        let subscribed = subscribed.filter(|name| !name.starts_with(OWN));
        let watched = self.watched().map(|(name, _)| name);
        let tracked = self.tracked().map(|(name, _)| name);
        let names: BTreeSet<_> = subscribed.chain(watched).chain(tracked).cloned().collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }

    /// Whether the component is in this topic; see [`topics`](Self::topics).
    pub fn is_in(&self, topic: &str) -> bool {
        self.subscription(topic).is_some() || self.watcher(topic).is_some() || self.tracks(topic)
    }

    /// Whether these effects may change which topics the component is in.
    pub fn moves(effects: &[Effect]) -> bool {
        effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Subscribe { .. }
                    | Effect::Unsubscribe { .. }
                    | Effect::Track { .. }
                    | Effect::Untrack { .. }
                    | Effect::Presence { .. }
            )
        })
    }

    /// The committed messages that their topics may not have.
    pub fn outgoing(&self) -> &[Outgoing] {
        &self.outgoing
    }

    /// Their topics have these messages: they stay in the committed state until the next step commits, so
    /// that a crash in between loses none. Their ids keep them from counting twice.
    pub fn forget_outgoing(&mut self) {
        self.outgoing.clear();
    }

    fn set(&mut self, receiver: &SmolStr, timer: Timer) -> Result<(), OngoingError> {
        self.timers.insert(receiver.clone(), timer);
        if self.timers.len() > MOST_TIMERS {
            return Err(OngoingError::Timers);
        }
        Ok(())
    }

    /// Whether messages may come, from timers, from topics and their presence, or to the component; or whether
    /// others are told that somebody sees the component.
    pub fn has_sources(&self) -> bool {
        !self.timers.is_empty() || !self.subscriptions.is_empty() || self.has_presence()
    }

    /// Whether these effects change what goes on.
    pub fn is_changed_by(effects: &[Effect]) -> bool {
        let changes = |effect: &Effect| !matches!(effect, Effect::Task { .. } | Effect::Push(_));
        effects.iter().any(changes)
    }

    /// Whether a checkpoint is due at once after these effects. What is published is with its topic when the
    /// checkpoint is made. A meta changes often, as somebody begins to type, and is tracked again after a
    /// crash; so only the first one in a topic counts.
    pub fn is_due_after(&self, effects: &[Effect]) -> bool {
        effects.iter().any(|effect| match effect {
            Effect::Every { .. }
            | Effect::After { .. }
            | Effect::Cancel { .. }
            | Effect::Subscribe { .. }
            | Effect::Unsubscribe { .. }
            | Effect::Untrack { .. }
            | Effect::Presence { .. } => true,
            Effect::Track { topic, .. } => !self.tracks(topic),
            Effect::Task { .. } | Effect::Push(_) | Effect::Publish(_) | Effect::Send { .. } => {
                false
            }
        })
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
    /// due several times meanwhile has rung once. One that rings once stays until
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

    /// Drops what a module no longer has a receiver for; gives it.
    pub fn retain(&mut self, has: impl Fn(&str) -> bool) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        self.timers.retain(|receiver, timer| {
            let stays = has(receiver);
            if !stays {
                dropped.push(Dropped {
                    receiver: receiver.clone(),
                    topic: None,
                    interval: timer.interval,
                    data: timer.data.clone(),
                });
            }
            stays
        });
        self.subscriptions.retain(|topic, one| {
            let stays = one.receiver.is_empty() || has(&one.receiver);
            if !stays {
                dropped.push(Dropped {
                    receiver: one.receiver.clone(),
                    topic: Some(topic.clone()),
                    interval: None,
                    data: None,
                });
            }
            stays
        });
        let watched = self.retain_watched(&has).into_iter();
        dropped.extend(watched.map(|(topic, receiver)| Dropped {
            receiver,
            topic: Some(topic),
            interval: None,
            data: None,
        }));
        dropped
    }

    /// As it is sealed into a checkpoint; empty if nothing goes on.
    pub fn to_json(&self, now: Now) -> String {
        if self.is_empty() {
            return String::new();
        }
        let timers = self.timers.iter().map(|(receiver, timer)| {
            let left = timer.due.saturating_duration_since(now.instant);
            let data = timer.data.as_deref();
            let data = data.and_then(raw);
            let interval = timer.interval.map_or(0, milliseconds);
            (
                receiver.clone(),
                now.unix + milliseconds(left),
                interval,
                data,
            )
        });
        let subscriptions = self.subscriptions.iter().map(|(topic, subscribed)| {
            let Subscribed { receiver, position } = subscribed;
            (
                topic.clone(),
                receiver.clone(),
                position.epoch,
                position.number,
            )
        });
        let outgoing = self.outgoing.iter().filter_map(|outgoing| {
            let Outgoing { id, topic, data } = outgoing;
            Some((id.clone(), topic.clone(), raw(data)?))
        });
        let sealed = Sealed {
            timers: timers.collect(),
            subscriptions: subscriptions.collect(),
            outgoing: outgoing.collect(),
            tracked: self.sealed_tracked(),
            watched: self.sealed_watched(),
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
                    has_rung: false,
                };
                (receiver, timer)
            });
        let subscriptions = sealed.subscriptions.into_iter();
        let subscriptions = subscriptions.map(|(topic, receiver, epoch, number)| {
            let position = Position { epoch, number };
            (topic, Subscribed { receiver, position })
        });
        let outgoing = sealed
            .outgoing
            .into_iter()
            .map(|(id, topic, data)| Outgoing {
                id,
                topic,
                data: data.get().into(),
            });
        Self {
            timers: timers.take(MOST_TIMERS).collect(),
            subscriptions: subscriptions.take(MOST_SUBSCRIPTIONS).collect(),
            outgoing: outgoing.collect(),
            presence: OngoingPresence::revived(sealed.tracked, sealed.watched),
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

    fn checks(now: Instant) -> Checks<'static> {
        Checks {
            now,
            message_bytes: 10,
            open: &|address| address.strip_prefix("of ").map(str::to_owned),
            presence_meta: 10,
            key: &|| Some("bound".into()),
        }
    }

    fn ongoing(json: &str, now: Now) -> Ongoing {
        let mut ongoing = Ongoing::default();
        let effects = effects::parse(json).unwrap();
        ongoing.apply(&effects, &checks(now.instant)).unwrap();
        ongoing
    }

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
        let effects = effects::parse(r#"[{"after":["late",20,null]}]"#).unwrap();
        again.apply(&effects, &checks(later)).unwrap();
        again.timer_is_over("late");
        assert_eq!(again.due(), Some(later + ms(20)));
        timers.timer_is_over("late");
        assert!(timers.is_empty());
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

    const EPOCH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn positions(ongoing: &Ongoing) -> Vec<String> {
        let subscriptions = ongoing.subscriptions();
        subscriptions
            .map(|(topic, one)| format!("{topic} {} {}", one.receiver, one.position.number))
            .collect()
    }

    #[test]
    fn a_subscription_keeps_its_position_unless_another_is_given() {
        let now = now();
        let json = format!(
            r#"[{{"subscribe":["a","got","{EPOCH}",7,0]}},{{"subscribe":["b","got","{EPOCH}",1,0]}},
                {{"subscribe":["a","other","{EPOCH}",9,0]}},{{"subscribe":["b","got","{EPOCH}",0,1]}}]"#
        );
        let mut ongoing = ongoing(&json, now);
        assert_eq!(positions(&ongoing), ["a other 7", "b got 0"]);
        let epoch = EPOCH.parse().unwrap();
        ongoing.move_to("a", Position { epoch, number: 12 });
        let mut revived = Ongoing::from_json(&ongoing.to_json(now), now);
        assert_eq!(positions(&revived), ["a other 12", "b got 0"]);
        let dropped = revived.retain(|name| name == "got");
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].receiver, "other");
        assert_eq!(dropped[0].topic.as_deref(), Some("a"));
        assert_eq!(positions(&revived), ["b got 0"]);
    }

    #[test]
    fn what_is_to_be_published_is_kept_until_it_is_taken() {
        let now = now();
        let json = r#"[{"publish":["i/1","a",[1]]},{"send":["i/2","of me",["got",2]]}]"#;
        let ongoing = ongoing(json, now);
        let mut revived = Ongoing::from_json(&ongoing.to_json(now), now);
        let taken = revived.outgoing().to_vec().into_iter();
        revived.forget_outgoing();
        let taken: Vec<String> = taken
            .map(|one| format!("{} {} {}", one.id, one.topic, one.data))
            .collect();
        assert_eq!(taken, ["i/1 a [1]", "i/2 \0me [\"got\",2]"]);
        assert!(revived.is_empty());
    }

    #[test]
    fn what_cannot_be_published_or_subscribed_to_fails_the_step() {
        let long = "x".repeat(MAX_NAME + 1);
        for (json, error) in [
            (
                format!(r#"[{{"publish":["i","{long}",1]}}]"#),
                OngoingError::Topic(257),
            ),
            (r#"[{"publish":["i","",1]}]"#.into(), OngoingError::Topic(0)),
            (
                r#"[{"publish":["i","\u0000me",1]}]"#.into(),
                OngoingError::Topic(3),
            ),
            (
                r#"[{"send":["i","forged",["got",2]]}]"#.into(),
                OngoingError::Address,
            ),
            (
                format!(r#"[{{"subscribe":["","got","{EPOCH}",7,0]}}]"#),
                OngoingError::Topic(0),
            ),
        ] {
            let effects = effects::parse(&json).unwrap();
            let applied = Ongoing::default().apply(&effects, &checks(Instant::now()));
            assert_eq!(applied, Err(error), "{json}");
        }
        let effects = effects::parse(r#"[{"publish":["i","a","much too large"]}]"#).unwrap();
        let applied = Ongoing::default().apply(&effects, &checks(Instant::now()));
        assert!(matches!(
            applied,
            Err(OngoingError::Data {
                bytes: 16,
                most: 10,
                ..
            })
        ));
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
