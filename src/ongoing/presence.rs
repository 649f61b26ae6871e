//! In which topics a component is tracked, and whose presence it watches.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{Checks, MOST_SUBSCRIPTIONS, Ongoing, OngoingError, check_topic, raw};
use crate::effects::Effect;
use crate::topics::MAX_NAME;

/// The most topics that a component is tracked in.
pub const MOST_TRACKED: usize = 16;

/// The key and meta of a component in a topic, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Whose component it is.
    pub key: Arc<str>,
    /// As JSON.
    pub meta: Arc<str>,
}

/// As it is sealed: topic, key, meta.
pub(super) type SealedTracked = (Arc<str>, Arc<str>, Box<RawValue>);

/// By topic. Dropped if both are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct OngoingPresence {
    tracked: BTreeMap<Arc<str>, Tracked>,
    /// The receivers of presence, by topic.
    watched: BTreeMap<Arc<str>, SmolStr>,
}

impl OngoingPresence {
    /// From a checkpoint.
    pub(super) fn revived(
        tracked: Vec<SealedTracked>,
        watched: Vec<(Arc<str>, SmolStr)>,
    ) -> Option<Box<Self>> {
        let tracked = tracked.into_iter().map(|(topic, key, meta)| {
            let meta = meta.get().into();
            (topic, Tracked { key, meta })
        });
        let revived = Self {
            tracked: tracked.take(MOST_TRACKED).collect(),
            watched: watched.into_iter().take(MOST_SUBSCRIPTIONS).collect(),
        };
        (!revived.is_empty()).then(|| Box::new(revived))
    }

    fn is_empty(&self) -> bool {
        self.tracked.is_empty() && self.watched.is_empty()
    }
}

impl Ongoing {
    /// Whether these effects change the topics in which the component is tracked, or whose presence it
    /// watches.
    pub fn is_presence_changed_by(effects: &[Effect]) -> bool {
        effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Track { .. }
                    | Effect::Untrack { .. }
                    | Effect::Presence { .. }
                    | Effect::Unsubscribe { .. }
            )
        })
    }

    /// Whether the component is tracked anywhere, or watches.
    pub fn has_presence(&self) -> bool {
        self.presence.is_some()
    }

    /// The topics in which the component is tracked.
    pub fn tracked(&self) -> impl Iterator<Item = (&Arc<str>, &Tracked)> {
        self.presence.iter().flat_map(|one| &one.tracked)
    }

    /// Whether the component is tracked in this topic.
    pub fn tracks(&self, topic: &str) -> bool {
        let presence = self.presence.as_ref();
        presence.is_some_and(|one| one.tracked.contains_key(topic))
    }

    /// The topics whose presence the component watches, and the receivers that get the messages.
    pub fn watched(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &SmolStr)> {
        static NONE: BTreeMap<Arc<str>, SmolStr> = BTreeMap::new();
        let presence = self.presence.as_ref();
        presence.map_or(&NONE, |one| &one.watched).iter()
    }

    /// The receiver that gets the messages of this topic's presence.
    pub fn watcher(&self, topic: &str) -> Option<&SmolStr> {
        self.presence.as_ref()?.watched.get(topic)
    }

    pub(super) fn track(
        &mut self,
        topic: &Arc<str>,
        meta: &Arc<str>,
        key: Option<&Arc<str>>,
        checks: &Checks<'_>,
    ) -> Result<(), OngoingError> {
        check_topic(topic)?;
        let (bytes, most) = (meta.len(), checks.presence_meta);
        if bytes > most {
            let topic = format!("{topic:?}");
            return Err(OngoingError::Meta { topic, bytes, most });
        }
        let presence = self.presence.get_or_insert_default();
        let known = presence.tracked.get(topic).map(|known| &known.key);
        let key = match key.or(known) {
            Some(key) => key.clone(),
            None => (checks.key)().ok_or(OngoingError::NoKey)?,
        };
        if !(1..=MAX_NAME).contains(&key.len()) {
            return Err(OngoingError::Key(key.len()));
        }
        let meta = meta.clone();
        presence
            .tracked
            .insert(topic.clone(), Tracked { key, meta });
        if presence.tracked.len() > MOST_TRACKED {
            return Err(OngoingError::Tracked);
        }
        Ok(())
    }

    pub(super) fn untrack(&mut self, topic: &str) {
        self.change(|presence| {
            presence.tracked.remove(topic);
        });
    }

    pub(super) fn watch(
        &mut self,
        topic: &Arc<str>,
        receiver: &SmolStr,
    ) -> Result<(), OngoingError> {
        check_topic(topic)?;
        let presence = self.presence.get_or_insert_default();
        presence.watched.insert(topic.clone(), receiver.clone());
        self.check_subscriptions()
    }

    pub(super) fn unwatch(&mut self, topic: &str) {
        self.change(|presence| {
            presence.watched.remove(topic);
        });
    }

    /// Ends the watches whose receivers the module does not have any more; gives the topics with their
    /// receivers.
    pub(super) fn retain_watched(
        &mut self,
        has: impl Fn(&str) -> bool,
    ) -> Vec<(Arc<str>, SmolStr)> {
        let mut dropped = Vec::new();
        self.change(|presence| {
            presence.watched.retain(|topic, receiver| {
                let stays = has(receiver);
                if !stays {
                    dropped.push((topic.clone(), receiver.clone()));
                }
                stays
            });
        });
        dropped
    }

    fn change(&mut self, change: impl FnOnce(&mut OngoingPresence)) {
        if let Some(presence) = &mut self.presence {
            change(presence);
            if presence.is_empty() {
                self.presence = None;
            }
        }
    }

    pub(super) fn sealed_tracked(&self) -> Vec<SealedTracked> {
        let tracked = self.tracked().filter_map(|(topic, one)| {
            let meta = raw(&one.meta)?;
            Some((topic.clone(), one.key.clone(), meta))
        });
        tracked.collect()
    }

    pub(super) fn sealed_watched(&self) -> Vec<(Arc<str>, SmolStr)> {
        let watched = self.watched();
        watched
            .map(|(topic, receiver)| (topic.clone(), receiver.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::{Now, testing};
    use super::*;
    use crate::effects;

    fn apply(ongoing: &mut Ongoing, json: &str) -> Result<(), OngoingError> {
        testing::apply(ongoing, json, Instant::now())
    }

    fn all(ongoing: &Ongoing) -> Vec<String> {
        let tracked = ongoing.tracked();
        let tracked = tracked.map(|(topic, one)| format!("{topic} {} {}", one.key, one.meta));
        let watched = ongoing.watched();
        let watched = watched.map(|(topic, receiver)| format!("{topic} -> {receiver}"));
        tracked.chain(watched).collect()
    }

    #[test]
    fn a_component_is_tracked_once_in_a_topic_and_keeps_its_key() {
        let mut ongoing = Ongoing::default();
        let first = r#"[{"track":["a",1,"ann"]},{"track":["a",2,null]},{"track":["b",3,null]},{"presence":["a","got"]}]"#;
        assert_eq!(apply(&mut ongoing, first), Ok(()));
        assert_eq!(all(&ongoing), ["a ann 2", "b bound 3", "a -> got"]);
        let now = Now::here();
        let later = Now {
            unix: now.unix + 1,
            instant: now.instant + Duration::from_millis(1),
        };
        let mut revived = Ongoing::from_json(&ongoing.to_json(now), later);
        assert_eq!(all(&revived), all(&ongoing));
        let dropped = revived.retain(|_| false);
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].receiver, "got");
        assert_eq!(dropped[0].topic.as_deref(), Some("a"));
        assert_eq!(all(&revived), ["a ann 2", "b bound 3"]);
        let last = r#"[{"untrack":"a"},{"untrack":"b"},{"untrack":"c"},{"unsubscribe":"a"}]"#;
        assert_eq!(apply(&mut ongoing, last), Ok(()));
        assert!(ongoing.is_empty() && !ongoing.has_presence());
        assert_eq!(ongoing.to_json(now), "");
    }

    #[test]
    fn a_checkpoint_is_due_when_somebody_comes_or_goes_and_not_for_another_meta() {
        let mut ongoing = Ongoing::default();
        let track = effects::parse(r#"[{"track":["a",1,null]}]"#).unwrap();
        assert!(ongoing.is_due_after(&track));
        assert_eq!(apply(&mut ongoing, r#"[{"track":["a",1,null]}]"#), Ok(()));
        assert!(!ongoing.is_due_after(&track));
        let untrack = effects::parse(r#"[{"untrack":"a"}]"#).unwrap();
        assert!(ongoing.is_due_after(&untrack));
    }

    #[test]
    fn what_cannot_be_tracked_or_watched_fails_the_step() {
        let long = "x".repeat(MAX_NAME + 1);
        let many: Vec<String> = (0..=MOST_TRACKED)
            .map(|number| format!(r#"{{"track":["{number}",1,null]}}"#))
            .collect();
        let watched: Vec<String> = (0..=MOST_SUBSCRIPTIONS)
            .map(|number| format!(r#"{{"presence":["{number}","got"]}}"#))
            .collect();
        let meta = OngoingError::Meta {
            topic: "\"a\"".into(),
            bytes: 11,
            most: 10,
        };
        for (json, error) in [
            (r#"[{"track":["",1,null]}]"#.into(), OngoingError::Topic(0)),
            (
                r#"[{"track":["\u0000me",1,null]}]"#.into(),
                OngoingError::Topic(3),
            ),
            (
                format!(r#"[{{"presence":["{long}","got"]}}]"#),
                OngoingError::Topic(257),
            ),
            (r#"[{"track":["a",1,""]}]"#.into(), OngoingError::Key(0)),
            (
                format!(r#"[{{"track":["a",1,"{long}"]}}]"#),
                OngoingError::Key(257),
            ),
            (r#"[{"track":["a","012345678",null]}]"#.into(), meta),
            (format!("[{}]", many.join(",")), OngoingError::Tracked),
            (
                format!("[{}]", watched.join(",")),
                OngoingError::Subscriptions,
            ),
        ] {
            let applied = apply(&mut Ongoing::default(), &json);
            assert_eq!(applied, Err(error), "{json}");
        }
    }
}
