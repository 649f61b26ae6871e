//! Presence against a model that is simple and slow: in whatever order entries come, change, go and are read,
//! each watcher knows who is there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::roster::{Bounds, Person, Roster, Told};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Show {
        entry: usize,
        key: usize,
        meta: usize,
    },
    Hide {
        entry: usize,
    },
    /// The entry goes without a grace.
    Drop {
        entry: usize,
    },
    Advance {
        millis: u64,
    },
    Watch,
    Read {
        watcher: usize,
    },
    Unwatch,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..ENTRIES, 0..KEYS.len(), 0..METAS.len())
            .prop_map(|(entry, key, meta)| Step::Show { entry, key, meta }),
        4 => (0..ENTRIES).prop_map(|entry| Step::Hide { entry }),
        1 => (0..ENTRIES).prop_map(|entry| Step::Drop { entry }),
        3 => (0..1_500_u64).prop_map(|millis| Step::Advance { millis }),
        2 => Just(Step::Watch),
        6 => any::<usize>().prop_map(|watcher| Step::Read { watcher }),
        1 => Just(Step::Unwatch),
    ];
    prop::collection::vec(step, 0..150)
}

const ENTRIES: usize = 9;
const KEYS: [&str; 5] = ["ann", "ben", "cleo", "dev", "emi"];
const METAS: [&str; 4] = [
    "1",
    "[2]",
    "{\"a\":3}",
    "\"a rather long meta of many bytes\"",
];
const BOUNDS: Bounds = Bounds {
    people: 4,
    bytes: 220,
    grace: Duration::from_secs(1),
};

/// An entry of the model, which is there or counts for the grace.
struct Slot {
    entry: Option<usize>,
    key: &'static str,
    meta: &'static str,
    until: Option<Instant>,
}

/// The model: all entries in the order in which they came.
#[derive(Default)]
struct Model(Vec<Slot>);

impl Model {
    fn show(&mut self, entry: usize, key: &'static str, meta: &'static str, now: Instant) {
        let mut own = self.0.iter_mut().filter(|slot| slot.entry == Some(entry));
        if let Some(slot) = own.next() {
            if slot.key == key {
                (slot.meta, slot.until) = (meta, None);
                return;
            }
            slot.entry = None;
            slot.until.get_or_insert(now + BOUNDS.grace);
        }
        let mut gone: Vec<usize> = (0..self.0.len())
            .filter(|at| self.0[*at].key == key && self.0[*at].until.is_some())
            .collect();
        gone.sort_by_key(|at| self.0[*at].until);
        let same = gone.iter().find(|at| self.0[**at].meta == meta);
        let slot = Slot {
            entry: Some(entry),
            key,
            meta,
            until: None,
        };
        match same.or(gone.first()) {
            Some(at) => self.0[*at] = slot,
            None => self.0.push(slot),
        }
    }

    fn hide(&mut self, entry: usize, now: Instant) {
        let own = self.0.iter_mut().filter(|slot| slot.entry == Some(entry));
        for slot in own {
            slot.until.get_or_insert(now + BOUNDS.grace);
        }
    }

    fn drop(&mut self, entry: usize) {
        self.0.retain(|slot| slot.entry != Some(entry));
    }

    fn expire(&mut self, now: Instant) {
        self.0
            .retain(|slot| slot.until.is_none_or(|until| until > now));
    }

    fn present(&self) -> View {
        let mut view = View::new();
        for slot in &self.0 {
            let metas = view.entry(slot.key.into()).or_default();
            metas.push(slot.meta.into());
        }
        view
    }
}

/// Whom a watcher knows, with their metas.
type View = BTreeMap<String, Vec<String>>;

fn metas(person: &Person) -> Vec<String> {
    person.metas.iter().map(ToString::to_string).collect()
}

#[derive(Default)]
struct Knows {
    number: Option<u64>,
    view: View,
    /// A count was told last.
    counts: bool,
}

impl Knows {
    fn read(&mut self, roster: &Roster) {
        match roster.since(self.number) {
            Told::Nothing => {}
            Told::Count(count) => {
                (self.view, self.counts) = (View::new(), true);
                self.view.insert("count".into(), vec![count.to_string()]);
            }
            Told::Everybody(people) => {
                self.counts = false;
                let people = people.iter();
                self.view = people
                    .map(|person| (person.key.to_string(), metas(person)))
                    .collect();
            }
            Told::Changes {
                joined,
                changed,
                left,
                count,
            } => {
                assert!(self.number.is_some() && !self.counts);
                for person in &joined {
                    let before = self.view.insert(person.key.to_string(), metas(person));
                    assert_eq!(before, None);
                }
                for person in &changed {
                    let before = self.view.insert(person.key.to_string(), metas(person));
                    assert!(before.is_some_and(|before| before != metas(person)));
                }
                for person in &left {
                    let before = self.view.remove(&*person.key);
                    assert_eq!(before, Some(metas(person)));
                }
                assert_eq!(count, self.view.len());
            }
        }
        self.number = Some(roster.number());
    }
}

fn weight(view: &View) -> usize {
    let one = |(key, metas): (&String, &Vec<String>)| {
        key.len() + metas.iter().map(|meta| meta.len() + 1).sum::<usize>() + 32
    };
    view.iter().map(one).sum()
}

fn run(steps: Vec<Step>) {
    let mut roster = Roster::new(BOUNDS);
    let entries: Vec<u64> = (0..ENTRIES).map(|_| roster.next()).collect();
    let mut model = Model::default();
    let mut watchers: Vec<Knows> = Vec::new();
    let mut now = Instant::now();
    for step in steps {
        match step {
            Step::Show { entry, key, meta } => {
                roster.show(
                    entries[entry],
                    &KEYS[key].into(),
                    METAS[meta].into(),
                    now,
                    true,
                );
                model.show(entry, KEYS[key], METAS[meta], now);
            }
            Step::Hide { entry } => {
                roster.hide(entries[entry], now, true);
                model.hide(entry, now);
            }
            Step::Drop { entry } => {
                roster.hide(entries[entry], now, false);
                model.drop(entry);
            }
            Step::Advance { millis } => {
                now += ms(millis);
                roster.expire(now, usize::MAX);
                model.expire(now);
            }
            Step::Watch => {
                roster.set_watched(true);
                watchers.push(Knows::default());
            }
            Step::Read { watcher } if !watchers.is_empty() => {
                let count = watchers.len();
                watchers[watcher % count].read(&roster);
            }
            Step::Read { .. } => {}
            Step::Unwatch => {
                watchers.pop();
                roster.set_watched(!watchers.is_empty());
            }
        }
        let gone = model.0.iter().filter_map(|slot| slot.until);
        assert_eq!(roster.due(), gone.clone().min());
        assert_eq!(roster.gone(), gone.count());
    }
    let present = model.present();
    let counts = present.len() > BOUNDS.people || weight(&present) > BOUNDS.bytes;
    watchers.push(Knows::default());
    for watcher in &mut watchers {
        watcher.read(&roster);
        assert_eq!(watcher.counts, counts);
        if counts {
            let count = present.len().to_string();
            assert_eq!(watcher.view["count"], [count]);
        } else {
            assert_eq!(watcher.view, present);
        }
    }
    now += BOUNDS.grace;
    for entry in entries {
        roster.hide(entry, now, true);
    }
    roster.expire(now + BOUNDS.grace, usize::MAX);
    assert!(roster.is_empty());
    for watcher in &mut watchers {
        watcher.read(&roster);
        assert_eq!(watcher.view, View::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whoever_watches_knows_who_is_there(steps in steps()) {
        run(steps);
    }
}

/// A watcher that has missed more than is kept is told everybody, and the kept changes stay few.
#[test]
fn who_reads_too_late_is_told_everybody() {
    let bounds = Bounds {
        people: 1_000,
        bytes: 1 << 20,
        ..BOUNDS
    };
    let mut roster = Roster::new(bounds);
    roster.set_watched(true);
    let now = Instant::now();
    let (ann, ben) = (roster.next(), roster.next());
    roster.show(ann, &"ann".into(), "0".into(), now, true);
    let number = roster.number();
    for meta in 0..20 {
        roster.show(ben, &"ben".into(), meta.to_string().into(), now, true);
    }
    assert!(matches!(roster.since(Some(number)), Told::Changes { .. }));
    for meta in 0..100 {
        roster.show(ben, &"ben".into(), meta.to_string().into(), now, true);
    }
    assert!(matches!(roster.since(Some(number)), Told::Everybody(people) if people.len() == 2));
}
