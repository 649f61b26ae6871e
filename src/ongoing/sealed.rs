//! Timers, subscriptions and the like, as they are sealed into a checkpoint.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Ongoing;
use super::outgoing::{self, SealedOutgoing};
use super::presence::{OngoingPresence, SealedTracked};
use super::subscriptions::{MOST_SUBSCRIPTIONS, SealedSubscription, Subscribed};
use super::timers::{MOST_TIMERS, SealedTimer, Timer};
use crate::clock::Now;

/// As it is sealed.
#[derive(Serialize, Deserialize, Default)]
struct Sealed {
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    timers: Vec<SealedTimer>,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    subscriptions: Vec<SealedSubscription>,
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    outgoing: Vec<SealedOutgoing>,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    tracked: Vec<SealedTracked>,
    /// Topic, receiver.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    watched: Vec<(Arc<str>, SmolStr)>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    given: Option<Box<str>>,
}

impl Ongoing {
    /// As it is sealed into a checkpoint; empty if nothing goes on.
    pub fn to_json(&self, now: Now) -> String {
        if self.is_empty() && self.given.is_none() {
            return String::new();
        }
        let timers = self.timers.iter();
        let subscriptions = self.subscriptions.iter();
        let sealed = Sealed {
            timers: timers
                .map(|(receiver, one)| one.sealed(receiver, now))
                .collect(),
            subscriptions: subscriptions
                .map(|(topic, one)| one.sealed(topic))
                .collect(),
            outgoing: self.outgoing.iter().filter_map(outgoing::sealed).collect(),
            tracked: self.sealed_tracked(),
            watched: self.sealed_watched(),
            given: self.given.clone(),
        };
        serde_json::to_string(&sealed).unwrap_or_default()
    }

    /// From a checkpoint.
    pub fn from_json(json: &str, now: Now) -> Self {
        // Sealed by this library. If the text cannot be read, it is of a version that is gone.
        let sealed: Sealed = serde_json::from_str(json).unwrap_or_default();
        let timers = sealed.timers.into_iter().take(MOST_TIMERS);
        let subscriptions = sealed.subscriptions.into_iter().take(MOST_SUBSCRIPTIONS);
        Self {
            timers: timers.map(|one| Timer::revived(one, now)).collect(),
            subscriptions: subscriptions.map(Subscribed::revived).collect(),
            outgoing: sealed.outgoing.into_iter().map(outgoing::revived).collect(),
            presence: OngoingPresence::revived(sealed.tracked, sealed.watched),
            given: sealed.given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::now;
    use super::*;

    #[test]
    fn nothing_is_sealed_as_nothing() {
        assert_eq!(Ongoing::default().to_json(now()), "");
        assert!(Ongoing::from_json("", now()).is_empty());
        assert!(Ongoing::from_json("{\"t\":7}", now()).is_empty());
    }
}
