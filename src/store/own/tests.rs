//! Calls of an application's store, and the results of its answers, or of their lack.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;

const USER: Holder = [7; 16];

/// How an application's store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Works,
    /// The store does as it is asked, and its answer is lost.
    Loses,
    /// The store does nothing, and never answers.
    Hangs,
    Throws,
    /// The store gives this JSON.
    Gives(&'static str),
}

/// An application's store: a map, as one is written in JavaScript.
struct Application {
    way: Way,
    states: HashMap<String, Value>,
    /// The arguments of all calls.
    asked: Vec<Value>,
    told: Vec<Tell>,
    /// Holds back the answers.
    is_slow: bool,
    late: Vec<(u32, Given)>,
    calls: Option<Arc<OwnCalls>>,
}

type Given = std::result::Result<String, Thrown>;
type Shared = Arc<Mutex<Application>>;

fn at_of(state: &Value) -> (u64, u64) {
    let number = |name: &str| state[name].as_u64().unwrap();
    (number("life"), number("revision"))
}

impl Application {
    fn claim(&mut self, instance: &str, after: u64) -> Value {
        let Some(state) = self.states.get_mut(instance) else {
            return Value::Null;
        };
        state["life"] = json!(at_of(state).0.max(after) + 1);
        state.clone()
    }

    fn save(&mut self, states: &[Value]) -> Value {
        let mut kept = Vec::new();
        for state in states {
            let instance = state["instance"].as_str().unwrap();
            let known = self.states.get(instance);
            if known.is_none_or(|known| at_of(known) < at_of(state)) {
                let mut next = state.clone();
                let mut viewers = known.map_or(json!({}), |known| known["viewers"].clone());
                for (viewer, number) in state["viewers"].as_object().into_iter().flatten() {
                    viewers[viewer] = number.clone();
                }
                viewers
                    .as_object_mut()
                    .unwrap()
                    .retain(|_, number| !number.is_null());
                next["viewers"] = viewers;
                self.states.insert(instance.to_owned(), next);
                kept.push(instance.to_owned());
            }
        }
        json!(kept)
    }

    fn ask(&mut self, arguments: &str) -> Option<Given> {
        let arguments: Vec<Value> = serde_json::from_str(&format!("[{arguments}]")).unwrap();
        self.asked.push(json!(arguments));
        let way = self.way;
        let mut answer = || match &arguments[..] {
            [states] => self.save(states.as_array().unwrap()),
            [instance, after] => self.claim(instance.as_str().unwrap(), after.as_u64().unwrap()),
            _ => panic!("{arguments:?}"),
        };
        match way {
            Way::Works => Some(Ok(answer().to_string())),
            Way::Loses => {
                answer();
                Some(Err(thrown()))
            }
            Way::Hangs => None,
            Way::Throws => Some(Err(thrown())),
            Way::Gives(json) => Some(Ok(json.to_owned())),
        }
    }
}

fn thrown() -> Thrown {
    Thrown {
        message: "the database is away".to_owned(),
        trace: "Error: the database is away\n    at save".to_owned(),
    }
}

fn application() -> Shared {
    Arc::new(Mutex::new(Application {
        way: Way::Works,
        states: HashMap::new(),
        asked: Vec::new(),
        told: Vec::new(),
        is_slow: false,
        late: Vec::new(),
        calls: None,
    }))
}

/// A process with this application's store.
fn process(application: &Shared) -> OwnStore {
    let (asked, told) = (application.clone(), application.clone());
    let (sender, mut answers) = mpsc::channel::<(u32, Given)>(1000);
    let ask = move |number, arguments: &str| {
        let mut application = lock(&asked);
        if let Some(given) = application.ask(arguments) {
            if application.is_slow {
                application.late.push((number, given));
            } else {
                sender.try_send((number, given)).unwrap();
            }
        }
    };
    let tell = move |tell| lock(&told).told.push(tell);
    let (store, calls) = OwnStore::new(Box::new(ask), Box::new(tell)).unwrap();
    lock(application).calls = Some(calls.clone());
    tokio::spawn(async move {
        while let Some((number, given)) = answers.recv().await {
            calls.answer(number, given);
        }
    });
    store
}

fn is(application: &Shared, way: Way) {
    lock(application).way = way;
}

/// The answers that were held back arrive, and none is held back any more.
fn answers(application: &Shared) {
    let (late, calls) = {
        let mut application = lock(application);
        application.is_slow = false;
        (
            std::mem::take(&mut application.late),
            application.calls.clone(),
        )
    };
    for (number, given) in late {
        calls.as_ref().unwrap().answer(number, given);
    }
}

fn saves(application: &Shared) -> Vec<usize> {
    let application = lock(application);
    let lists = application
        .asked
        .iter()
        .filter_map(|asked| asked[0].as_array());
    lists.map(Vec::len).collect()
}

fn at(life: u64, revision: u64) -> Stored {
    Stored {
        life: Life(life),
        revision: Revision(revision),
        sealed: format!("sealed-{life}-{revision}"),
    }
}

fn named(name: &str) -> Arc<str> {
    name.into()
}

fn failed(result: &Result<()>) -> String {
    match result {
        Err(StoreError::Failed(why)) => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_state_is_kept_across_processes_and_none_older_replaces_it() {
    let application = application();
    let (first, second) = (process(&application), process(&application));
    let a = named("a");
    assert_eq!(first.claim(&a, Life(3)).await, Ok(None));
    for revision in 1..=3 {
        first.save(&a, USER, at(1, revision)).await.unwrap();
    }
    let claimed = second.claim(&a, Life(1)).await.unwrap().unwrap();
    assert_eq!(
        claimed,
        Stored {
            life: Life(2),
            ..at(1, 3)
        }
    );
    assert_eq!(first.save(&a, USER, at(1, 4)).await, Err(StoreError::Stale));
    second.save(&a, USER, at(2, 4)).await.unwrap();
    let claimed = first.claim(&a, Life(40)).await.unwrap().unwrap();
    assert_eq!(
        claimed,
        Stored {
            life: Life(41),
            ..at(2, 4)
        }
    );
    assert_eq!(
        second.save(&a, USER, at(2, 5)).await,
        Err(StoreError::Stale)
    );
    assert_eq!(lock(&application).told, []);
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_viewers_are_kept_with_the_state() {
    let application = application();
    let store = process(&application);
    let a = named("a");
    let number = |viewer: &str, number| (named(viewer), Some(EventNumber(number)));
    let viewers = vec![number("x", 3), number("y", 1)];
    store
        .save_shared(&a, USER, at(1, 1), viewers)
        .await
        .unwrap();
    let viewers = vec![(named("y"), None)];
    store
        .save_shared(&a, USER, at(1, 2), viewers)
        .await
        .unwrap();
    let (stored, viewers) = store.claim_shared(&a, Life(0)).await.unwrap().unwrap();
    assert_eq!(stored.revision, Revision(2));
    assert_eq!(viewers, [(named("x"), EventNumber(3))]);
}

/// The actors do not wait for each other, and there is one call at a time.
#[tokio::test(start_paused = true)]
async fn saves_that_wait_go_together_and_one_of_each_component() {
    let application = application();
    let store = process(&application);
    lock(&application).is_slow = true;
    let mut saving = Vec::new();
    for number in 0..MOST_TOGETHER + 9 {
        let (store, name) = (store.clone(), named(&number.to_string()));
        saving.push(tokio::spawn(async move {
            store.save(&name, USER, at(1, 1)).await
        }));
        tokio::task::yield_now().await;
    }
    // An actor that has ended, and the next one of its component.
    let (ended, next) = (store.clone(), store.clone());
    saving.push(tokio::spawn(async move {
        ended.save(&named("twice"), USER, at(1, 1)).await
    }));
    saving.push(tokio::spawn(async move {
        next.save(&named("twice"), USER, at(2, 1)).await
    }));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(saves(&application), [1]);
    answers(&application);
    for save in saving {
        assert_eq!(save.await.unwrap(), Ok(()));
    }
    assert_eq!(
        saves(&application),
        [1, MOST_TOGETHER, 10 - 1, 1].map(|count| count)
    );
    let application = lock(&application);
    assert_eq!(application.states["twice"]["life"], json!(2));
    for asked in &application.asked {
        let states = asked[0].as_array().unwrap();
        let names: HashSet<_> = states
            .iter()
            .map(|state| state["instance"].as_str())
            .collect();
        assert_eq!(names.len(), states.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_save_has_so_many_bytes() {
    let application = application();
    let store = process(&application);
    lock(&application).is_slow = true;
    let mut saving = Vec::new();
    for number in 0..5 {
        let (store, name) = (store.clone(), named(&number.to_string()));
        let stored = Stored {
            sealed: "x".repeat(MOST_BYTES / 2),
            ..at(1, 1)
        };
        saving.push(tokio::spawn(async move {
            store.save(&name, USER, stored).await
        }));
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    answers(&application);
    for save in saving {
        assert_eq!(save.await.unwrap(), Ok(()));
    }
    assert_eq!(saves(&application), [1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn one_stale_state_fails_no_other_of_its_call() {
    let application = application();
    let store = process(&application);
    store.save(&named("a"), USER, at(5, 1)).await.unwrap();
    lock(&application).is_slow = true;
    let [b, a, c] = ["b", "a", "c"].map(|name| {
        let store = store.clone();
        tokio::spawn(async move { store.save(&named(name), USER, at(1, 1)).await })
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    answers(&application);
    assert_eq!(b.await.unwrap(), Ok(()));
    assert_eq!(a.await.unwrap(), Err(StoreError::Stale));
    assert_eq!(c.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_throws_hangs_or_gives_something_else_fails_and_the_log_says_it_once() {
    let application = application();
    let store = process(&application);
    let a = named("a");
    store.save(&a, USER, at(1, 1)).await.unwrap();
    for (way, why) in [
        (Way::Throws, "the database is away"),
        (Way::Hangs, "no answer within 5 s"),
        (Way::Gives("7"), "the result of store.save cannot be used"),
        (Way::Gives("[1]"), "the result of store.save cannot be used"),
    ] {
        is(&application, way);
        let b = named("b");
        let saved = store.save(&b, USER, at(1, 1)).await;
        assert!(failed(&saved).contains(why), "{way:?}: {saved:?}");
        lock(&store.0.doubts).forget(&b, Life(1));
    }
    for (way, why) in [
        (Way::Throws, "the database is away"),
        (Way::Hangs, "no answer within 5 s"),
        (Way::Gives("[]"), "the result of store.claim cannot be used"),
        (
            Way::Gives(r#"{"life":9,"revision":1}"#),
            "the result of store.claim cannot be used",
        ),
        (
            Way::Gives(r#"{"life":4,"revision":1,"state":"a"}"#),
            "has to be later than 4",
        ),
    ] {
        is(&application, way);
        let claimed = store.claim(&a, Life(4)).await.map(drop);
        assert!(failed(&claimed).contains(why), "{way:?}: {claimed:?}");
    }
    is(
        &application,
        Way::Gives(r#"{"life":9,"revision":1,"state":"a"}"#),
    );
    let damaged = store.claim(&a, Life(4)).await;
    assert!(
        matches!(damaged, Err(StoreError::Damaged(_))),
        "{damaged:?}"
    );
    is(&application, Way::Works);
    assert!(store.claim(&a, Life(4)).await.unwrap().is_some());
    store.save(&named("b"), USER, at(1, 1)).await.unwrap();
    let told = lock(&application).told.clone();
    assert_eq!(told[0], Tell::Fails(Function::Save, thrown().trace));
    assert_eq!(told.len(), 4, "{told:?}");
}

/// The event of a state in doubt has failed; the next event makes another state of the same revision.
#[tokio::test(start_paused = true)]
async fn a_state_whose_save_nobody_knows_of_is_replaced_by_the_next() {
    for way in [Way::Loses, Way::Throws, Way::Hangs] {
        for before in [0, 1, 2] {
            let application = application();
            let (other, store) = (process(&application), process(&application));
            let a = named("a");
            let mut life = 1;
            if before == 2 {
                // The component has come from another process.
                other.save(&a, USER, at(1, 1)).await.unwrap();
                life = store.claim(&a, Life(1)).await.unwrap().unwrap().life.0;
            } else if before == 1 {
                store.save(&a, USER, at(1, 1)).await.unwrap();
            }
            is(&application, way);
            let lost = Stored {
                sealed: "lost".to_owned(),
                ..at(life, 2)
            };
            failed(&store.save(&a, USER, lost.clone()).await);
            // The save fails twice.
            failed(&store.save(&a, USER, lost).await);
            is(&application, Way::Works);
            let late = lock(&application)
                .asked
                .iter()
                .find(|asked| asked[0].is_array())
                .cloned();
            for revision in 2..5 {
                store
                    .save(&a, USER, at(life, revision))
                    .await
                    .unwrap_or_else(|error| {
                        panic!("{way:?} {before} {revision}: {error}");
                    });
            }
            // The lost one is done late.
            let late = late.unwrap()[0].as_array().unwrap().clone();
            assert_eq!(lock(&application).save(&late), json!([]));
            let claimed = other.claim(&a, Life(1)).await.unwrap().unwrap();
            assert_eq!(claimed.sealed, format!("sealed-{life}-4"));
            let stale = store.save(&a, USER, at(life, 5)).await;
            assert_eq!(stale, Err(StoreError::Stale));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_component_with_a_state_in_doubt_that_went_on_elsewhere_ends() {
    let application = application();
    let (store, other) = (process(&application), process(&application));
    let a = named("a");
    store.save(&a, USER, at(1, 1)).await.unwrap();
    is(&application, Way::Throws);
    failed(&store.save(&a, USER, at(1, 2)).await);
    is(&application, Way::Works);
    let next = other.claim(&a, Life(1)).await.unwrap().unwrap().life;
    other.save(&a, USER, at(next.0, 2)).await.unwrap();
    assert_eq!(store.save(&a, USER, at(1, 2)).await, Err(StoreError::Stale));
    // An actor of the same process has gone on.
    is(&application, Way::Throws);
    failed(&other.save(&a, USER, at(next.0, 3)).await);
    is(&application, Way::Works);
    let later = other.claim(&a, next).await.unwrap().unwrap().life;
    other.save(&a, USER, at(later.0, 3)).await.unwrap();
    lock(&other.0.doubts).forget(&a, later);
    lock(&other.0.doubts).doubted(&a, next, next);
    assert_eq!(
        other.save(&a, USER, at(next.0, 3)).await,
        Err(StoreError::Stale)
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_forgotten_and_not_saved() {
    let application = application();
    let store = process(&application);
    lock(&application).is_slow = true;
    let mut saving = Vec::new();
    for name in ["a", "b", "c"] {
        let store = store.clone();
        saving.push(tokio::spawn(async move {
            store.save(&named(name), USER, at(1, 1)).await
        }));
        // The first one is under way, and the others wait.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for save in &saving[1..] {
        save.abort();
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    answers(&application);
    assert_eq!(saving.remove(0).await.unwrap(), Ok(()));
    store.save(&named("d"), USER, at(1, 1)).await.unwrap();
    let application = lock(&application);
    let mut names: Vec<_> = application.states.keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["a", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_closed_says_so() {
    let application = application();
    let store = process(&application);
    store.close().await.unwrap();
    let saved = store.save(&named("a"), USER, at(1, 1)).await;
    assert!(failed(&saved).contains("closed"));
}
