//! The people who have joined a shared component and left it, gathered for the receiver `viewers`. Pure: time
//! is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

/// The least time between two messages.
const PAUSE: Duration = Duration::from_secs(1);
/// The most viewers in one message: the rest comes with the next.
const MOST: usize = 1000;

/// The people that the receiver has not been told of.
#[derive(Default)]
pub(super) struct JoinedAndLeft {
    /// The viewers' `bind`s by their ids.
    joined: BTreeMap<Arc<str>, Arc<str>>,
    left: BTreeMap<Arc<str>, Arc<str>>,
    next: Option<Instant>,
}

/// The first of them, taken out.
fn first(viewers: &mut BTreeMap<Arc<str>, Arc<str>>, most: usize) -> Vec<serde_json::Value> {
    let taken = std::iter::from_fn(|| viewers.pop_first()).take(most);
    taken
        .map(|(id, bind)| json!({ "id": &*id, "bind": &*bind }))
        .collect()
}

impl JoinedAndLeft {
    pub(super) fn joined(&mut self, id: &Arc<str>, bind: &Arc<str>) {
        if self.left.remove(id).is_none() {
            self.joined.insert(id.clone(), bind.clone());
        }
    }

    pub(super) fn left(&mut self, id: &Arc<str>, bind: &Arc<str>) {
        if self.joined.remove(id).is_none() {
            self.left.insert(id.clone(), bind.clone());
        }
    }

    /// When there is something to tell; `None` if there is nothing.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let has_some = !self.joined.is_empty() || !self.left.is_empty();
        has_some.then(|| self.next.unwrap_or(now))
    }

    /// The data of the next message, if one is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Arc<str>> {
        if self.due(now)? > now {
            return None;
        }
        self.next = Some(now + PAUSE);
        let left = first(&mut self.left, MOST);
        let joined = first(&mut self.joined, MOST - left.len());
        Some(json!({ "joined": joined, "left": left }).to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_and_leaving_is_gathered() {
        let mut joined_and_left = JoinedAndLeft::default();
        let start = Instant::now();
        let (a, b, bind): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "u".into());
        assert_eq!(joined_and_left.take(start), None);
        joined_and_left.joined(&a, &bind);
        let told = joined_and_left.take(start).unwrap();
        assert_eq!(&*told, r#"{"joined":[{"bind":"u","id":"a"}],"left":[]}"#);
        joined_and_left.joined(&b, &bind);
        joined_and_left.left(&a, &bind);
        assert_eq!(joined_and_left.take(start), None, "not at once");
        assert_eq!(joined_and_left.due(start), Some(start + PAUSE));
        // People who were here only meanwhile are not told of; people who came back have not left.
        joined_and_left.left(&b, &bind);
        joined_and_left.joined(&a, &bind);
        assert_eq!(joined_and_left.due(start), None);
    }

    #[test]
    fn a_message_has_a_bound() {
        let mut joined_and_left = JoinedAndLeft::default();
        let bind: Arc<str> = "".into();
        for number in 0..2 * MOST + 1 {
            joined_and_left.joined(&number.to_string().into(), &bind);
        }
        let mut now = Instant::now();
        let mut counts = Vec::new();
        while let Some(json) = joined_and_left.take(now) {
            let told: serde_json::Value = serde_json::from_str(&json).unwrap();
            counts.push(told["joined"].as_array().unwrap().len());
            now += PAUSE;
        }
        assert_eq!(counts, [MOST, MOST, 1]);
    }
}
