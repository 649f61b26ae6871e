//! Tests that hold for presence in memory and in Redis alike. With Redis, people come in one process, and are
//! watched in another one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::limits::Limits;
use crate::presence::{Entry, Held, Presence, PresenceError, Watch};
use crate::topics::{Position, Sink};

/// Presence of a process.
pub(in crate::presence) trait Site: Presence {
    fn held(&self) -> Held;
}

/// Processes that know each other's people; in memory all are one.
pub(in crate::presence) struct Sites {
    pub(in crate::presence) one: Arc<dyn Site>,
    pub(in crate::presence) other: Arc<dyn Site>,
}

/// Counts its wakes.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Sink for Counter {
    fn wake(&self, _: u32) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A watcher, which knows the people by the messages that it gets.
pub(in crate::presence) struct Watcher<'a> {
    presence: &'a dyn Presence,
    watch: Watch,
    sink: Arc<Counter>,
    from: Option<Position>,
    /// Metas by key, or the count.
    pub(in crate::presence) people: BTreeMap<String, String>,
    /// The messages, such as `all:1`, `+ann`, `~ann`, `-ann`, `count:3`.
    pub(in crate::presence) told: Vec<String>,
}

impl<'a> Watcher<'a> {
    pub(in crate::presence) async fn of(presence: &'a dyn Presence, topic: &str) -> Self {
        let sink = Arc::new(Counter::default());
        // The first read needs no wake.
        sink.0.store(1, Ordering::Relaxed);
        let watch = presence.watch(topic, sink.clone(), 7).await.unwrap();
        Self {
            presence,
            watch,
            sink,
            from: None,
            people: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// Reads if it was woken.
    pub(in crate::presence) async fn read(&mut self) {
        if self.sink.0.swap(0, Ordering::Relaxed) == 0 {
            return;
        }
        let news = self.presence.read(&self.watch, self.from).await.unwrap();
        self.from = news.position;
        let Some(message) = news.message else { return };
        let said: Value = serde_json::from_str(&message.data).unwrap();
        if news.is_whole {
            self.people.clear();
            let kind = if said["present"].is_array() {
                "all"
            } else {
                "count"
            };
            self.told.push(format!("{kind}:{}", said["count"]));
            if kind == "count" {
                self.people
                    .insert("count".into(), said["count"].to_string());
                return;
            }
        }
        for (list, sign) in [
            ("present", ""),
            ("joined", "+"),
            ("changed", "~"),
            ("left", "-"),
        ] {
            for person in said[list].as_array().into_iter().flatten() {
                let key = person["key"].as_str().unwrap().to_owned();
                if !sign.is_empty() {
                    self.told.push(format!("{sign}{key}"));
                }
                let before = match sign {
                    "-" => self.people.remove(&key),
                    _ => self.people.insert(key, person["metas"].to_string()),
                };
                let was_there = matches!(sign, "~" | "-");
                assert_eq!(before.is_some(), was_there, "{said} after {:?}", self.told);
            }
        }
        assert_eq!(said["count"], self.people.len());
    }

    /// `key=metas` of everybody.
    pub(in crate::presence) fn shown(&self) -> String {
        let people = self.people.iter();
        let people: Vec<_> = people
            .map(|(key, metas)| format!("{key}={metas}"))
            .collect();
        people.join(" ")
    }

    /// Reads whenever it is woken, until it shows this.
    pub(in crate::presence) async fn shows(&mut self, expected: &str) {
        for _ in 0..6000 {
            self.read().await;
            if self.from.is_some() && self.shown() == expected {
                return;
            }
            sleep(ms(10)).await;
        }
        panic!(
            "not {expected:?} but {:?} after {:?}",
            self.shown(),
            self.told
        );
    }
}

pub(in crate::presence) fn shown(
    presence: &dyn Presence,
    topic: &str,
    key: &str,
    meta: &str,
) -> Entry {
    let entry = presence.enter(topic).unwrap();
    entry.show(&key.into(), &meta.into());
    entry
}

/// Waits until everybody is this.
pub(in crate::presence) async fn everybody_is(
    presence: &dyn Presence,
    topic: &str,
    expected: &str,
) {
    let mut told = String::new();
    for _ in 0..3000 {
        told = presence.everybody(topic).await.unwrap();
        if told == expected {
            return;
        }
        sleep(ms(20)).await;
    }
    panic!("not {expected} but {told}");
}

pub(in crate::presence) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Waits until nothing is left.
pub(in crate::presence) async fn nothing_is_held(site: &dyn Site) {
    for _ in 0..3000 {
        if site.held() == Held::default() {
            return;
        }
        sleep(ms(20)).await;
    }
    panic!("{:?}", site.held());
}

pub(in crate::presence) fn with_grace(milliseconds: u64) -> Limits {
    Limits {
        presence_grace: ms(milliseconds),
        ..Limits::default()
    }
}

/// Long enough for nobody to leave in a test.
pub(in crate::presence) const FOREVER: u64 = 600_000;

/// The tests, each with the limits that it needs.
macro_rules! for_both {
    ($with:ident) => {
        $with! {
            everybody_first_and_then_who_came_changed_and_left: with_grace(300);
            a_page_that_is_loaded_again_and_one_of_two_tabs_are_no_news: with_grace(FOREVER);
            one_of_two_tabs_leaves_and_the_person_stays: with_grace(200);
            who_goes_on_as_somebody_else_leaves_as_the_one_before: with_grace(200);
            whoever_watches_late_knows_who_is_gone_and_counts: with_grace(FOREVER);
            beyond_the_limit_a_count_is_told_and_everybody_again_below_it: few();
            entries_are_bounded_in_a_topic_and_in_all: full();
            nothing_is_left_of_those_who_are_gone_and_of_what_is_dropped: with_grace(300);
            nobody_leaves_because_the_application_closes: with_grace(0);
            without_a_grace_who_is_gone_has_left: with_grace(0);
            topics_have_names_of_any_kind: with_grace(200);
        }
    };
}
pub(in crate::presence) use for_both;

pub(in crate::presence) fn few() -> Limits {
    Limits {
        presence: 2,
        ..with_grace(200)
    }
}

pub(in crate::presence) fn full() -> Limits {
    Limits {
        presence_entries: 3,
        presence_entries_per_topic: 2,
        ..with_grace(200)
    }
}

pub(in crate::presence) async fn everybody_first_and_then_who_came_changed_and_left(sites: Sites) {
    let Sites { one, other } = &sites;
    let ann = shown(&**one, "a", "ann", r#"{"a":1}"#);
    let everybody = r#"{"present":[{"key":"ann","metas":[{"a":1}]}],"count":1}"#;
    everybody_is(&**other, "a", everybody).await;
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows(r#"ann=[{"a":1}]"#).await;
    let ben = shown(&**one, "a", "ben", "2");
    watcher.shows(r#"ann=[{"a":1}] ben=[2]"#).await;
    ann.show(&"ann".into(), &"3".into());
    watcher.shows("ann=[3] ben=[2]").await;
    drop(ben);
    watcher.shows("ann=[3]").await;
    assert_eq!(watcher.told, ["all:1", "+ben", "~ann", "-ben"]);
    let everybody = r#"{"present":[{"key":"ann","metas":[3]}],"count":1}"#;
    for site in [one, other] {
        everybody_is(&**site, "a", everybody).await;
    }
}

pub(in crate::presence) async fn a_page_that_is_loaded_again_and_one_of_two_tabs_are_no_news(
    sites: Sites,
) {
    let Sites { one, other } = &sites;
    let mut first = Some(shown(&**one, "a", "ann", "1"));
    one.written().await;
    let _kept = Watcher::of(&**one, "a").await;
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("ann=[1]").await;
    let second = shown(&**one, "a", "ann", "2");
    watcher.shows("ann=[1,2]").await;
    for _ in 0..3 {
        // The same meta: the same place. Another meta would have had it, too.
        drop(first.take());
        first = Some(shown(&**one, "a", "ann", "1"));
        // A component that waits for its page comes back to its own place.
        second.hide();
        sleep(ms(50)).await;
        second.show(&"ann".into(), &"2".into());
    }
    let _last = shown(&**one, "a", "last", "3");
    watcher.shows("ann=[1,2] last=[3]").await;
    assert_eq!(watcher.told, ["all:1", "~ann", "+last"]);
}

pub(in crate::presence) async fn one_of_two_tabs_leaves_and_the_person_stays(sites: Sites) {
    let Sites { one, other } = &sites;
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("").await;
    let first = shown(&**one, "a", "ann", "1");
    watcher.shows("ann=[1]").await;
    let second = shown(&**other, "a", "ann", "2");
    watcher.shows("ann=[1,2]").await;
    drop(first);
    watcher.shows("ann=[2]").await;
    drop(second);
    watcher.shows("").await;
    assert_eq!(watcher.told, ["all:0", "+ann", "~ann", "~ann", "-ann"]);
}

pub(in crate::presence) async fn who_goes_on_as_somebody_else_leaves_as_the_one_before(
    sites: Sites,
) {
    let Sites { one, other } = &sites;
    let entry = shown(&**one, "a", "ann", "1");
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("ann=[1]").await;
    entry.show(&"ben".into(), &"1".into());
    watcher.shows("ben=[1]").await;
    assert_eq!(watcher.told.last().map(String::as_str), Some("-ann"));
}

pub(in crate::presence) async fn whoever_watches_late_knows_who_is_gone_and_counts(sites: Sites) {
    let Sites { one, other } = &sites;
    let ann = shown(&**one, "a", "ann", "1");
    let _ben = shown(&**one, "a", "ben", "2");
    drop(ann);
    let everybody =
        r#"{"present":[{"key":"ann","metas":[1]},{"key":"ben","metas":[2]}],"count":2}"#;
    everybody_is(&**other, "a", everybody).await;
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("ann=[1] ben=[2]").await;
    // The next one who comes has that place.
    let _again = shown(&**other, "a", "ann", "1");
    let _cleo = shown(&**one, "a", "cleo", "3");
    watcher.shows("ann=[1] ben=[2] cleo=[3]").await;
    assert_eq!(watcher.told, ["all:2", "+cleo"]);
}

pub(in crate::presence) async fn beyond_the_limit_a_count_is_told_and_everybody_again_below_it(
    sites: Sites,
) {
    let Sites { one, other } = &sites;
    let mut entries: Vec<Entry> = (0..2)
        .map(|number| shown(&**one, "a", &number.to_string(), "1"))
        .collect();
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("0=[1] 1=[1]").await;
    entries.push(shown(&**one, "a", "two", "1"));
    watcher.shows("count=3").await;
    // What does not change the count is nothing to tell.
    entries[0].show(&"0".into(), &"7".into());
    entries.push(shown(&**one, "a", "three", "1"));
    watcher.shows("count=4").await;
    everybody_is(&**other, "a", r#"{"count":4}"#).await;
    entries.truncate(1);
    watcher.shows("0=[7]").await;
    assert_eq!(watcher.told.last().map(String::as_str), Some("all:1"));
}

pub(in crate::presence) async fn entries_are_bounded_in_a_topic_and_in_all(sites: Sites) {
    let one = &sites.one;
    let mut entries = vec![shown(&**one, "a", "1", "1"), shown(&**one, "a", "2", "1")];
    let refused = one.enter("a").map(drop);
    assert_eq!(refused, Err(PresenceError::TopicFull(2)));
    entries.push(shown(&**one, "b", "1", "1"));
    assert_eq!(one.enter("c").map(drop), Err(PresenceError::Full(3)));
    assert_eq!(one.held().topics, 2, "nothing is left of what failed");
    for topic in ["", &"x".repeat(257)] {
        let refused = one.enter(topic).map(drop);
        assert_eq!(refused, Err(PresenceError::Name(topic.len())));
        let refused = one.everybody(topic).await;
        assert_eq!(refused, Err(PresenceError::Name(topic.len())));
    }
    // As many are gone as there may be, and so further ones have no grace.
    for number in 0..10 {
        entries.truncate(2);
        entries.push(shown(&**one, "b", &number.to_string(), "1"));
        assert!(one.held().gone <= 3);
    }
    // An entry that goes on under another key has no grace either.
    for number in 0..10 {
        entries[0].show(&number.to_string().into(), &"1".into());
        assert!(one.held().gone <= 3);
    }
    entries.clear();
    nothing_is_held(&**one).await;
}

pub(in crate::presence) async fn nothing_is_left_of_those_who_are_gone_and_of_what_is_dropped(
    sites: Sites,
) {
    let Sites { one, other } = &sites;
    let entries: Vec<Entry> = (0..1_000)
        .map(|number| shown(&**one, &format!("{}", number % 50), "me", "1"))
        .collect();
    let watcher = Watcher::of(&**other, "0").await;
    let sink = Arc::downgrade(&watcher.sink);
    drop((entries, watcher));
    assert!(sink.upgrade().is_none());
    for site in [one, other] {
        nothing_is_held(&**site).await;
    }
    // The topic goes on after nothing was there.
    let _ann = shown(&**one, "0", "ann", "1");
    let mut watcher = Watcher::of(&**other, "0").await;
    watcher.shows("ann=[1]").await;
}

pub(in crate::presence) async fn nobody_leaves_because_the_application_closes(sites: Sites) {
    let one = &sites.one;
    let ann = shown(&**one, "a", "ann", "1");
    let mut watcher = Watcher::of(&**one, "a").await;
    watcher.shows("ann=[1]").await;
    one.close();
    drop(ann);
    sleep(ms(1_500)).await;
    watcher.read().await;
    assert_eq!(watcher.told.last().map(String::as_str), Some("all:1"));
}

pub(in crate::presence) async fn without_a_grace_who_is_gone_has_left(sites: Sites) {
    let Sites { one, other } = &sites;
    let ann = shown(&**one, "a", "ann", "1");
    let _ben = shown(&**one, "a", "ben", "1");
    let mut watcher = Watcher::of(&**other, "a").await;
    watcher.shows("ann=[1] ben=[1]").await;
    ann.hide();
    watcher.shows("ben=[1]").await;
    everybody_is(
        &**one,
        "a",
        r#"{"present":[{"key":"ben","metas":[1]}],"count":1}"#,
    )
    .await;
}

pub(in crate::presence) async fn topics_have_names_of_any_kind(sites: Sites) {
    let Sites { one, other } = &sites;
    let long = "x".repeat(256);
    for topic in [
        "{a}b%{",
        "é \u{0} \" \n",
        &long,
        &format!("{}y", &long[1..]),
    ] {
        let mut watcher = Watcher::of(&**other, topic).await;
        watcher.shows("").await;
        let _ann = shown(&**one, topic, "é \" {", "\"\\n\"");
        watcher.shows("é \" {=[\"\\n\"]").await;
    }
}

macro_rules! in_memory {
    ($($name:ident: $limits:expr;)*) => {
        mod in_memory {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    use super::*;
                    let one: Arc<dyn Site> = Arc::new(crate::presence::tests::memory(&$limits));
                    super::$name(Sites { other: one.clone(), one }).await;
                }
            )*
        }
    };
}

for_both!(in_memory);

impl Site for crate::presence::MemoryPresence {
    fn held(&self) -> Held {
        self.held()
    }
}
