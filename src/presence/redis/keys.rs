//! Names in Redis, and of topics between processes. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::topics::{MAX_NAME, escaped};

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

/// The topic between processes in which the changes of a topic's presence are told.
pub(super) fn told_in(topic: &str) -> String {
    const KIND: &str = "presence ";
    if topic.len() + KIND.len() <= MAX_NAME {
        return format!("{KIND}{topic}");
    }
    // A name that is too long has a hash in its place, under a name that no other topic makes.
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(topic));
    format!("presence# {hash}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_topic_of_any_length_has_a_name_of_its_own(topic in "[a-z]{1,256}", other in "[a-z]{1,256}") {
            prop_assert!(told_in(&topic).len() <= MAX_NAME);
            prop_assert_eq!(told_in(&topic) == told_in(&other), topic == other);
        }

        #[test]
        fn the_keys_of_a_topic_have_it_as_their_tag(topic in "[{}%a-z0-9:é]{1,20}") {
            let keys = Keys::new("loom:");
            let all = [keys.processes(&topic), keys.entries(&topic, "me")];
            prop_assert!(all[1].starts_with(&all[0]));
            for key in all {
                prop_assert_eq!(key.matches(['{', '}']).count(), 2);
            }
        }
    }
}
