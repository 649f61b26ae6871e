//! Which topics a component has subscribed to, and is in.

use std::collections::BTreeSet;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{Ongoing, OngoingError, is_name};
use crate::effects::{Effect, OWN};
use crate::topics::{Epoch, Position};

/// The most subscriptions of a component.
pub const MOST_SUBSCRIPTIONS: usize = 100;

/// A subscription of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The receiver that gets the messages; empty for the component's own topic.
    pub receiver: SmolStr,
    /// The last message that the state includes.
    pub position: Position,
}

/// The names of topics, without the component's own.
pub type TopicNames = Arc<[Arc<str>]>;

/// As it is sealed: topic, receiver, epoch and number of the position.
pub(super) type SealedSubscription = (Arc<str>, SmolStr, Epoch, u64);

impl Subscribed {
    pub(super) fn sealed(&self, topic: &Arc<str>) -> SealedSubscription {
        let Position { epoch, number } = self.position;
        (topic.clone(), self.receiver.clone(), epoch, number)
    }

    pub(super) fn revived(sealed: SealedSubscription) -> (Arc<str>, Self) {
        let (topic, receiver, epoch, number) = sealed;
        let position = Position { epoch, number };
        (topic, Self { receiver, position })
    }
}

impl Ongoing {
    pub(super) fn subscribe(
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

    pub(super) fn check_subscriptions(&self) -> Result<(), OngoingError> {
        if self.subscriptions.len() + self.watched().len() > MOST_SUBSCRIPTIONS {
            return Err(OngoingError::Subscriptions);
        }
        Ok(())
    }

    /// The state includes the messages of this topic up to `position`.
    pub fn move_to(&mut self, topic: &str, position: Position) {
        if let Some(subscribed) = self.subscriptions.get_mut(topic) {
            subscribed.position = position;
        }
    }

    /// The subscriptions, by topic.
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
}

#[cfg(test)]
mod tests {
    use super::super::testing::{EPOCH, now, ongoing};
    use super::*;

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
}
