//! The parts of a component's state beside its props: timers, subscriptions, presence, and messages that are
//! to be published. They are committed with the props, sealed, parked and revived with them. Pure: time is an
//! argument.

mod error;
mod outgoing;
mod presence;
mod sealed;
mod subscriptions;
#[cfg(test)]
mod testing;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::effects::{Effect, OWN, Outgoing, own_topic};
use crate::given::{self, Given};
use crate::topics::MAX_NAME;

pub use crate::clock::Now;
pub use error::OngoingError;
use presence::OngoingPresence;
pub use presence::{MOST_TRACKED, Tracked};
pub use subscriptions::{MOST_SUBSCRIPTIONS, Subscribed, TopicNames};
use timers::Timer;
pub use timers::{MOST_TIMERS, Rung};

/// About the memory of a timer, a subscription or the like, beside its names and data: here, and in the
/// places that keep something for it.
const EACH: usize = 256;

/// A timer, task or subscription that is dropped, because the module has no receiver for it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The name of the receiver.
    pub receiver: SmolStr,
    /// The topic, if it is a subscription to the topic or to its presence, and not a timer.
    pub topic: Option<Arc<str>>,
    /// After how long the timer rings again; `None` if it rings once.
    pub interval: Option<Duration>,
    /// The data of the timer's message, as JSON.
    pub data: Option<Arc<str>>,
}

/// Timers, subscriptions, presence and waiting messages of a component.
#[derive(Clone, Debug, Default)]
pub struct Ongoing {
    timers: BTreeMap<SmolStr, Timer>,
    subscriptions: BTreeMap<Arc<str>, Subscribed>,
    /// Messages that are committed, and that their topics may not have.
    outgoing: Vec<Outgoing>,
    /// Boxed, because few components have any.
    presence: Option<Box<OngoingPresence>>,
    /// In a nested component: names the props that its parent gave last.
    given: Option<Box<str>>,
}

/// The facts that the check of a step's effects needs.
pub struct Checks<'a> {
    /// When the step commits.
    pub now: Instant,
    /// The most bytes of a message.
    pub message_bytes: usize,
    /// Opens an address: gives the component's name.
    pub open: &'a dyn Fn(&str) -> Option<String>,
    /// The most bytes of a meta.
    pub presence_meta: usize,
    /// The key of a component that is tracked without one; `None` if no key can be made.
    pub key: &'a dyn Fn() -> Option<Arc<str>>,
}

/// A topic's name, also one that belongs to a component.
fn is_name(topic: &str) -> bool {
    (1..=MAX_NAME).contains(&topic.len())
}

/// Refuses a text that cannot be a topic's name, and a name that belongs to a component.
fn check_topic(topic: &str) -> Result<(), OngoingError> {
    if topic.starts_with(OWN) || !is_name(topic) {
        return Err(OngoingError::Topic(topic.len()));
    }
    Ok(())
}

fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

impl Ongoing {
    /// The state includes these props, which the parent has given.
    pub fn is_given(&mut self, props: &str) {
        self.given = Some(given::name_of(props));
    }

    /// The state begins with the props that the parent has given.
    pub fn begins_with(&mut self, given: &Given) {
        self.given = Some(given.name());
    }

    /// Names the props of the parent that the state includes.
    pub fn last_given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// Whether the state includes the props that the parent gives.
    pub fn has_been_given(&self, given: &Given) -> bool {
        self.given.as_deref() == Some(&given.name())
    }

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

    /// Applies the effects of a step.
    ///
    /// # Errors [`OngoingError`]; then the step must not be committed.
    pub fn apply(&mut self, effects: &[Effect], checks: &Checks<'_>) -> Result<(), OngoingError> {
        let now = checks.now;
        for effect in effects {
            match effect {
                Effect::Every { receiver, interval } => {
                    self.set_timer(receiver, now + *interval, Some(*interval), None)?;
                }
                Effect::After {
                    receiver,
                    delay,
                    data,
                } => {
                    // This is a message like others, and is kept in the state until it is handled.
                    let bytes = data.as_deref().map_or(0, str::len);
                    if bytes > checks.message_bytes {
                        let topic = format!("the timer {receiver:?}");
                        let most = checks.message_bytes;
                        return Err(OngoingError::Data { topic, bytes, most });
                    }
                    self.set_timer(receiver, now + *delay, None, data.clone())?;
                }
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
                    check_topic(&outgoing.topic)?;
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

    /// Whether messages may come, from timers, from topics and their presence, or to the component; or whether
    /// others are told that somebody sees the component.
    pub fn has_sources(&self) -> bool {
        !self.timers.is_empty() || !self.subscriptions.is_empty() || self.has_presence()
    }

    /// Whether these effects change anything here.
    pub fn is_changed_by(effects: &[Effect]) -> bool {
        let changes = |effect: &Effect| !matches!(effect, Effect::Task { .. } | Effect::Push(_));
        effects.iter().any(changes)
    }

    /// Whether a checkpoint is due at once after these effects. Published messages are with their topic when
    /// the checkpoint is made. A meta changes often, for instance when somebody begins to type, and is
    /// tracked again after a crash; so only the first meta in a topic counts.
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

    /// Drops timers, tasks and subscriptions whose receivers the module does not have any more; gives them.
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
}
