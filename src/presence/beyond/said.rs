//! The messages between processes about presence. Pure.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::entry::Told;
use super::own::Write;

/// A message of a process about its entries in a topic.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::presence) struct Said<'a> {
    #[serde(borrow)]
    pub(in crate::presence) process: Cow<'a, str>,
    /// Numbers of one process in one topic rise.
    pub(in crate::presence) number: u64,
    /// This write takes the place of all earlier ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::presence) clears: bool,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    shown: Vec<SaidEntry<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::presence) removed: Vec<u64>,
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
    /// The message about a write, as JSON. Entries whose meta is not JSON are left out.
    pub(in crate::presence) fn of(process: &'a str, write: &'a Write) -> Option<String> {
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

    /// The message; `None` if another program has sent the text.
    pub(in crate::presence) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(in crate::presence) fn shown(&self) -> impl Iterator<Item = Told> {
        self.shown
            .iter()
            .map(|SaidEntry(entry, gone, key, meta)| Told {
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

    fn entry(gone: Option<i64>, key: &str) -> Told {
        Told {
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
            prop_assert_eq!(read, vec![Told { came: 0, ..entry(gone, &key) }]);
            prop_assert_eq!(&said.removed, &[9]);
        }

        #[test]
        fn what_is_something_else_is_none(text in "\\PC{0,60}", now: i64) {
            prop_assert!(Said::read(&text).is_none());
            let _ = Told::read(&text, &text, now);
        }
    }
}
