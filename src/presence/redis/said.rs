//! Names of keys in Redis, what stands under them, and what processes tell each other. Pure.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::own::{Shown, Write};
use crate::topics::{MAX_NAME, escaped};

/// About what an entry takes beside key and meta, in a message.
pub(super) const ENTRY: usize = 32;

/// Names the keys of a topic. All of them have the topic as their tag, so that a cluster has them together.
pub(super) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// The processes that have entries in the topic.
    pub(super) fn processes(&self, topic: &str) -> String {
        format!("{}presence:{{{}}}", self.prefix, escaped(topic))
    }

    /// The entries of a process in the topic.
    pub(super) fn entries(&self, topic: &str, process: &str) -> String {
        format!("{}:{process}", self.processes(topic))
    }
}

/// The topic between processes in which it is told what has changed in a topic.
pub(super) fn told_in(topic: &str) -> String {
    const KIND: &str = "presence ";
    if topic.len() + KIND.len() <= MAX_NAME {
        return format!("{KIND}{topic}");
    }
    // A name that is too long has a hash in its place, under a name that no other topic makes.
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(topic));
    format!("presence# {hash}")
}

/// An entry, as others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) entry: u64,
    /// For how many milliseconds the entry has been there.
    pub(super) came: i64,
    /// For how many milliseconds the grace runs. Below 0: the grace begins later.
    pub(super) gone: Option<i64>,
    pub(super) key: Arc<str>,
    pub(super) meta: Arc<str>,
}

/// How many milliseconds ago that was. Below 0 if it is still to come.
fn age(since: Instant, now: Instant) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match now.checked_duration_since(since) {
        Some(time) => whole(time),
        None => -whole(since.saturating_duration_since(now)),
    }
}

/// When that was: so many milliseconds before `now`. A machine that has not run for so long counts from its start.
pub(super) fn instant(age: i64, now: Instant) -> Instant {
    // What is further away than a day is no time of an entry that counts.
    let time = Duration::from_millis(age.unsigned_abs().min(86_400_000));
    match age {
        0.. => now.checked_sub(time).unwrap_or(now),
        _ => now + time,
    }
}

impl Entry {
    pub(super) fn of(entry: u64, shown: &Shown, now: Instant) -> Self {
        Self {
            entry,
            came: age(shown.came, now),
            gone: shown.gone.map(|gone| age(gone, now)),
            key: shown.key.clone(),
            meta: shown.meta.clone(),
        }
    }

    /// Key and meta, as they stand in Redis: JSON.
    pub(super) fn body(&self) -> String {
        // A text can always be written.
        let key = serde_json::to_string(&*self.key).unwrap_or_default();
        format!("[{key},{}]", self.meta)
    }

    /// An entry as it stands in Redis at `now` of Redis: `came gone body`, times of Redis in milliseconds.
    pub(super) fn read(entry: &str, value: &str, now: i64) -> Option<Self> {
        let (came, rest) = value.split_once(' ')?;
        let (gone, body) = rest.split_once(' ')?;
        let gone = match gone {
            "-" => None,
            gone => Some(now.checked_sub(gone.parse().ok()?)?),
        };
        let (key, meta): (Cow<str>, &RawValue) = serde_json::from_str(body).ok()?;
        Some(Self {
            entry: entry.parse().ok()?,
            came: now.checked_sub(came.parse().ok()?)?,
            gone,
            key: key.into(),
            meta: meta.get().into(),
        })
    }
}

/// What a process tells of its entries in a topic.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    pub(super) process: Cow<'a, str>,
    /// Numbers of one process in one topic rise.
    pub(super) number: u64,
    /// What is told comes in the place of all that was told before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) clears: bool,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    shown: Vec<SaidEntry<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<u64>,
}

/// Number, for how long it has been gone, key, meta.
#[derive(Debug, Serialize, Deserialize)]
struct SaidEntry<'a>(
    u64,
    Option<i64>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] &'a RawValue,
);

impl<'a> Said<'a> {
    /// What a write tells, as JSON. Entries whose meta is no JSON are nobody's.
    pub(super) fn of(process: &'a str, write: &'a Write) -> Option<String> {
        let shown = write.shown.iter().filter_map(|shown| {
            let meta = serde_json::from_str(&shown.meta).ok()?;
            let key = Cow::Borrowed(&*shown.key);
            Some(SaidEntry(shown.entry, shown.gone, key, meta))
        });
        let said = Self {
            process: process.into(),
            number: write.number,
            clears: write.clears,
            shown: shown.collect(),
            removed: write.removed.clone(),
        };
        serde_json::to_string(&said).ok()
    }

    /// What was told; `None` if it was told by something else.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn shown(&self) -> impl Iterator<Item = Entry> {
        self.shown
            .iter()
            .map(|SaidEntry(entry, gone, key, meta)| Entry {
                entry: *entry,
                came: 0,
                gone: *gone,
                key: Arc::from(&**key),
                meta: meta.get().into(),
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(gone: Option<i64>, key: &str) -> Entry {
        Entry {
            entry: 7,
            came: 50,
            gone,
            key: key.into(),
            meta: r#"{"a":"é \" x"}"#.into(),
        }
    }

    proptest! {
        #[test]
        fn what_is_said_is_read(key in "\\PC{1,20}", gone in proptest::option::of(any::<i64>()), clears: bool) {
            let write = Write {
                number: 3,
                clears,
                shown: vec![entry(gone, &key)],
                removed: vec![9],
                ..Write::default()
            };
            let text = Said::of("me", &write).unwrap();
            let said = Said::read(&text).unwrap();
            prop_assert_eq!((&*said.process, said.number, said.clears), ("me", 3, clears));
            let read: Vec<_> = said.shown().collect();
            prop_assert_eq!(read, vec![Entry { came: 0, ..entry(gone, &key) }]);
            prop_assert_eq!(&said.removed, &[9]);
        }

        #[test]
        fn what_is_something_else_is_none(text in "\\PC{0,60}", now: i64) {
            prop_assert!(Said::read(&text).is_none());
            let _ = Entry::read(&text, &text, now);
        }

        #[test]
        fn a_topic_of_any_length_has_a_name_of_its_own(topic in "[a-z]{1,256}", other in "[a-z]{1,256}") {
            prop_assert!(told_in(&topic).len() <= MAX_NAME);
            prop_assert_eq!(told_in(&topic) == told_in(&other), topic == other);
        }
    }

    #[test]
    fn what_stands_in_redis_is_read() {
        for gone in [None, Some(20), Some(-20)] {
            let written = entry(gone, "an \"n\"");
            let gone = gone.map_or("-".to_owned(), |gone| (1000 - gone).to_string());
            let value = format!("950 {gone} {}", written.body());
            assert_eq!(Entry::read("7", &value, 1000), Some(written));
        }
        for wrong in [
            "",
            "1",
            "1 -",
            "1 - x",
            "1 - [\"a\"]",
            "x - [\"a\",1]",
            "1 x [\"a\",1]",
        ] {
            assert_eq!(Entry::read("7", wrong, 1000), None, "{wrong}");
        }
        assert_eq!(Entry::read("x", "1 - [\"a\",1]", 1000), None);
    }
}
