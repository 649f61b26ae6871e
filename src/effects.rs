//! The effects that a step asks for beside its props: subscriptions, messages, timers, tasks, presence. No
//! effect happens unless the step commits.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::topics::{Epoch, Position};

/// The shortest interval of a timer.
pub const MIN_INTERVAL: Duration = Duration::from_millis(50);

/// Names a task in this process. JavaScript chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct TaskId(pub u32);

/// One thing that a step asks for. `lib/call/effects.ts` writes it as an array, whose first element is the
/// kind.
#[derive(Clone, Debug)]
pub enum Effect {
    /// `ctx.every`: a message at each interval.
    Every {
        /// The receiver that the timer calls. It is also the timer's name.
        receiver: SmolStr,
        /// [`MIN_INTERVAL`] at least.
        interval: Duration,
    },
    /// `ctx.after`: one message.
    After {
        /// The receiver that the timer calls. It is also the timer's name.
        receiver: SmolStr,
        /// How long from the commit on.
        delay: Duration,
        /// The message's data, as JSON; `None` if the application gave nothing. `null` counts as data.
        data: Option<Arc<str>>,
    },
    /// `ctx.cancel`: the timer and the task of this name end.
    Cancel {
        /// The name.
        receiver: SmolStr,
    },
    /// `ctx.task`: JavaScript may begin the task.
    Task {
        /// The receiver that gets the values. It is also the task's name.
        receiver: SmolStr,
        /// The task.
        task: TaskId,
    },
    /// `ctx.push`: the page gets an event.
    Push(Push),
    /// `ctx.subscribe`: messages of a topic.
    Subscribe {
        /// The topic.
        topic: Arc<str>,
        /// The receiver that gets the messages; empty for the component's own topic, whose messages name
        /// their receivers.
        receiver: SmolStr,
        /// The position that the state includes: the first message is the one after it.
        position: Position,
        /// The position counts also if the topic is subscribed already.
        is_explicit: bool,
    },
    /// `ctx.unsubscribe`: no further messages of a topic.
    Unsubscribe {
        /// The topic.
        topic: Arc<str>,
    },
    /// `ctx.track`: others see that the component is there.
    Track {
        /// The topic in which the component is shown as present.
        topic: Arc<str>,
        /// The meta that others see, as JSON.
        meta: Arc<str>,
        /// Whose component it is; without one as before, or else as `bind` says.
        key: Option<Arc<str>>,
    },
    /// `ctx.untrack`: the component is not there any more.
    Untrack {
        /// The topic that the component leaves.
        topic: Arc<str>,
    },
    /// `ctx.presence`: the component is told which people are in a topic, come and go.
    Presence {
        /// The topic.
        topic: Arc<str>,
        /// The receiver that gets the messages.
        receiver: SmolStr,
    },
    /// `ctx.publish`: a message for a topic.
    Publish(Outgoing),
    /// `ctx.send`: a message for one component.
    Send {
        /// Names the message.
        id: Arc<str>,
        /// The component, sealed: see [`crate::token::Keyring::address`].
        address: Box<str>,
        /// The receiver's name, the data, and 0: a JSON array. `loom.send` writes 1 there.
        data: Arc<str>,
    },
}

/// A message for a topic, until the topic has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Makes the message count once.
    pub id: Arc<str>,
    /// The topic.
    pub topic: Arc<str>,
    /// The message's data, as JSON.
    pub data: Arc<str>,
}

/// The first character of the names of topics that belong to one component. An application's topics have no
/// such names.
pub const OWN: char = '\0';

/// The name of the topic that belongs to a component.
pub fn own_topic(name: &str) -> String {
    format!("{OWN}{name}")
}

/// An event for the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The event's name, of the application's choice.
    pub name: Box<str>,
    /// The event's data, as JSON.
    pub data: Box<str>,
}

impl Push {
    /// About how many bytes the push takes on the wire.
    pub fn size(&self) -> usize {
        self.name.len() + self.data.len()
    }
}

/// Effects that cannot be read, which a correct `lib/` never writes.
#[derive(Debug, thiserror::Error)]
#[error("the effects of the step cannot be read: {0}")]
pub struct EffectError(#[from] serde_json::Error);

/// Reads JSON that may be left out. Without this serde reads `null` as if it had been left out.
///
/// # Errors
/// Those of the format.
pub fn given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// An effect as it crosses.
#[derive(Deserialize)]
enum Crossing {
    #[serde(rename = "every")]
    Every(SmolStr, u64),
    #[serde(rename = "after")]
    After(
        SmolStr,
        u64,
        #[serde(default, deserialize_with = "given")] Option<Box<RawValue>>,
    ),
    #[serde(rename = "cancel")]
    Cancel(SmolStr),
    #[serde(rename = "task")]
    Task(SmolStr, TaskId),
    #[serde(rename = "push")]
    Push(Box<str>, Box<RawValue>),
    #[serde(rename = "subscribe")]
    Subscribe(Arc<str>, SmolStr, Epoch, u64, u8),
    #[serde(rename = "unsubscribe")]
    Unsubscribe(Arc<str>),
    #[serde(rename = "track")]
    Track(Arc<str>, Box<RawValue>, Option<Arc<str>>),
    #[serde(rename = "untrack")]
    Untrack(Arc<str>),
    #[serde(rename = "presence")]
    Presence(Arc<str>, SmolStr),
    #[serde(rename = "publish")]
    Publish(Arc<str>, Arc<str>, Box<RawValue>),
    #[serde(rename = "send")]
    Send(Arc<str>, Box<str>, Box<RawValue>),
}

/// Reads the effects of a step: an array.
///
/// # Errors
/// Those of the format.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Effect>, D::Error> {
    let crossing = Vec::<Crossing>::deserialize(deserializer)?;
    Ok(crossing.into_iter().map(Effect::from).collect())
}

/// Reads the effects of a step: a JSON array.
#[cfg(test)]
pub fn parse(json: &str) -> Result<Vec<Effect>, EffectError> {
    Ok(deserialize(&mut serde_json::Deserializer::from_str(json))?)
}

impl From<Crossing> for Effect {
    fn from(crossing: Crossing) -> Self {
        match crossing {
            Crossing::Every(receiver, milliseconds) => Self::Every {
                receiver,
                interval: Duration::from_millis(milliseconds).max(MIN_INTERVAL),
            },
            Crossing::After(receiver, milliseconds, data) => Self::After {
                receiver,
                delay: Duration::from_millis(milliseconds),
                data: data.map(|data| data.get().into()),
            },
            Crossing::Cancel(receiver) => Self::Cancel { receiver },
            Crossing::Task(receiver, task) => Self::Task { receiver, task },
            Crossing::Push(name, data) => Self::Push(Push {
                name,
                data: data.get().into(),
            }),
            Crossing::Subscribe(topic, receiver, epoch, number, is_explicit) => Self::Subscribe {
                topic,
                receiver,
                position: Position { epoch, number },
                is_explicit: is_explicit != 0,
            },
            Crossing::Unsubscribe(topic) => Self::Unsubscribe { topic },
            Crossing::Track(topic, meta, key) => Self::Track {
                topic,
                meta: meta.get().into(),
                key,
            },
            Crossing::Untrack(topic) => Self::Untrack { topic },
            Crossing::Presence(topic, receiver) => Self::Presence { topic, receiver },
            Crossing::Publish(id, topic, data) => Self::Publish(Outgoing {
                id,
                topic,
                data: data.get().into(),
            }),
            Crossing::Send(id, address, data) => Self::Send {
                id,
                address,
                data: data.get().into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_in_their_order() {
        let json = r#"[
            {"every":["clock",10]},
            {"after":["late",7000,{"a":[1]}]},
            {"after":["bare",1]},
            {"after":["null",1,null]},
            {"cancel":"clock"},
            {"task":["token",4]},
            {"push":["toast",{"text":"hi"}]},
            {"track":["a",{"name":"Ann"},null]},
            {"track":["a",1,"ann"]},
            {"untrack":"a"},
            {"presence":["a","people"]}
        ]"#;
        let effects = parse(json).unwrap();
        let expected = [
            r#"Every { receiver: "clock", interval: 50ms }"#,
            r#"After { receiver: "late", delay: 7s, data: Some("{\"a\":[1]}") }"#,
            r#"After { receiver: "bare", delay: 1ms, data: None }"#,
            r#"After { receiver: "null", delay: 1ms, data: Some("null") }"#,
            r#"Cancel { receiver: "clock" }"#,
            r#"Task { receiver: "token", task: TaskId(4) }"#,
            r#"Push(Push { name: "toast", data: "{\"text\":\"hi\"}" })"#,
            r#"Track { topic: "a", meta: "{\"name\":\"Ann\"}", key: None }"#,
            r#"Track { topic: "a", meta: "1", key: Some("ann") }"#,
            r#"Untrack { topic: "a" }"#,
            r#"Presence { topic: "a", receiver: "people" }"#,
        ];
        let read: Vec<String> = effects.iter().map(|effect| format!("{effect:?}")).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_effect_is_an_error() {
        for json in [
            "",
            "{}",
            r#"[{"fly":[]}]"#,
            r#"[{"every":["a"]}]"#,
            r#"[{"every":["a",-1]}]"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
