//! Names in Redis, and the messages of its channels. Pure.

use std::borrow::Cow;
use std::sync::Arc;

use crate::topics::Position;
use crate::topics::foreign::Foreign;

/// Names the keys of topics. All keys of one topic have the topic as their tag, so that a cluster has them
/// together.
pub(super) struct Keys {
    prefix: Box<str>,
}

/// A tag ends at the first brace.
pub(crate) fn escaped(topic: &str) -> Cow<'_, str> {
    if !topic.contains(['{', '}', '%']) {
        return Cow::Borrowed(topic);
    }
    let mut escaped = String::with_capacity(topic.len() + 8);
    for character in topic.chars() {
        match character {
            '{' => escaped.push_str("%7B"),
            '}' => escaped.push_str("%7D"),
            '%' => escaped.push_str("%25"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.replace("%7B", "{")
            .replace("%7D", "}")
            .replace("%25", "%"),
    )
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    fn of(&self, kind: &str, topic: &str) -> String {
        format!("{}{kind}:{{{}}}", self.prefix, escaped(topic))
    }

    /// The topic's epoch and last number.
    pub(super) fn topic(&self, topic: &str) -> String {
        self.of("topic", topic)
    }

    /// The messages that are kept.
    pub(super) fn messages(&self, topic: &str) -> String {
        self.of("messages", topic)
    }

    /// The ids that are remembered.
    pub(super) fn ids(&self, topic: &str) -> String {
        self.of("ids", topic)
    }

    /// The channel in which each message of a topic is told.
    pub(super) fn channel(&self, topic: &str) -> String {
        self.of("channel", topic)
    }

    /// The topic of a channel.
    pub(super) fn topic_of<'a>(&self, channel: &'a [u8]) -> Option<Cow<'a, str>> {
        let channel = std::str::from_utf8(channel).ok()?;
        let channel = channel.strip_prefix(&*self.prefix)?;
        let topic = channel.strip_prefix("channel:{")?.strip_suffix('}')?;
        Some(unescaped(topic))
    }
}

/// A message as it is told: `epoch number name-of-the-one-before name length-of-id id data`, without a space between id
/// and data.
pub(super) fn told(payload: &[u8]) -> Option<Foreign> {
    let payload = std::str::from_utf8(payload).ok()?;
    let (epoch, rest) = payload.split_once(' ')?;
    let (number, rest) = rest.split_once(' ')?;
    let (before, rest) = rest.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    let (length, rest) = rest.split_once(' ')?;
    let (id, data) = rest.split_at_checked(length.parse().ok()?)?;
    let position = Position {
        epoch: epoch.parse().ok()?,
        number: number.parse().ok()?,
    };
    foreign(position, id, data, name, before)
}

/// A message, by its parts. `None` if the data is not JSON or the message has no name: then no loom has
/// published it.
pub(super) fn foreign(
    position: Position,
    id: &str,
    data: &str,
    name: &str,
    before: &str,
) -> Option<Foreign> {
    if name.is_empty() {
        return None;
    }
    serde_json::from_str::<serde::de::IgnoredAny>(data).ok()?;
    Some(Foreign {
        position,
        id: (!id.is_empty()).then(|| id.into()),
        data: Arc::from(data),
        name: name.into(),
        before: before.into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_channel_names_its_topic_and_no_other(topic in "[{}%a-z0-9:B\\x00é]{1,20}") {
            let keys = Keys::new("loom:");
            let channel = keys.channel(&topic);
            let (found, other) = (keys.topic_of(channel.as_bytes()), Keys::new("other:"));
            prop_assert_eq!(found.as_deref(), Some(&*topic));
            prop_assert_eq!(other.topic_of(channel.as_bytes()), None);
            // The tag is the whole topic.
            prop_assert_eq!(channel.matches(['{', '}']).count(), 2);
        }

        #[test]
        fn what_is_no_message_is_none(payload in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = told(&payload);
        }
    }

    #[test]
    fn a_message_is_read_as_it_was_told() {
        let epoch = "AAAAAAAAAAAAAAAAAAAAAA";
        let message = told(format!("{epoch} 7 x y 5 a b c[\"é x\"]").as_bytes()).unwrap();
        assert_eq!(message.position.to_string(), format!("{epoch}:7"));
        assert_eq!(
            (message.id.as_deref(), &*message.data),
            (Some("a b c"), "[\"é x\"]")
        );
        assert_eq!((&*message.before, &*message.name), ("x", "y"));
        assert_eq!(
            told(format!("{epoch} 7  y 0 1").as_bytes()).unwrap().id,
            None
        );
        for wrong in [
            "",
            "x 7 x y 0 1",
            &format!("{epoch} x x y 0 1"),
            &format!("{epoch} 7 x y 9 1"),
            &format!("{epoch} 7 x y 0 no JSON"),
            &format!("{epoch} 7 x y 1 é1"),
        ] {
            assert!(told(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
