//! States that are saved and answered, also if the disk fails, the clock jumps or another process interferes.

use std::sync::Mutex;

use rusqlite::OptionalExtension;

use super::clock::Time;
use super::*;
use crate::ids::Revision;

const DAY: Duration = Duration::from_secs(86_400);
const BOUNDS: Bounds = Bounds {
    keep: DAY,
    stored: 1000,
    stored_per_holder: 1000,
};
const USER: Holder = [7; 16];

/// A file that is deleted when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("loom-live-{}-{name}.sqlite", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.0, BOUNDS).unwrap()
    }

    /// A connection to the file that no store knows of.
    fn connection(&self) -> Connection {
        Connection::open(&self.0).unwrap()
    }

    /// The state of a component, as the file has it.
    fn newest(&self, instance: &str) -> Option<Stored> {
        let statement = "SELECT life, revision, sealed FROM loom_states WHERE instance = ?1";
        let connection = self.connection();
        let row = connection.query_row(statement, [instance], |row| {
            Ok(Stored {
                life: Life(row.get::<_, i64>(0)?.cast_unsigned()),
                revision: Revision(row.get::<_, i64>(1)?.cast_unsigned()),
                sealed: row.get(2)?,
            })
        });
        row.optional().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A state of the first life.
fn stored(revision: u64) -> Stored {
    of_life(1, revision)
}

fn of_life(life: u64, revision: u64) -> Stored {
    Stored {
        life: Life(life),
        revision: Revision(revision),
        sealed: format!("state {revision}"),
    }
}

/// A time of day and a monotonic time that a test sets.
#[derive(Clone)]
struct Hands(Arc<Mutex<(Duration, u64)>>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Duration::ZERO, 1_800_000_000))))
    }

    /// Lets time pass, for both clocks.
    fn pass(&self, time: Duration) {
        let mut hands = self.0.lock().unwrap();
        hands.0 += time;
        hands.1 += time.as_secs();
    }

    /// Somebody sets the machine's clock.
    fn set(&self, seconds: i64) {
        let mut hands = self.0.lock().unwrap();
        hands.1 = hands.1.checked_add_signed(seconds).unwrap();
    }

    fn open(&self, file: &File) -> SqliteStore {
        SqliteStore::open_at(&file.0, BOUNDS, Clock::of(Box::new(self.clone()))).unwrap()
    }
}

impl Time for Hands {
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn of_day(&self) -> u64 {
        self.0.lock().unwrap().1
    }
}

#[tokio::test]
async fn the_newest_state_is_kept_across_processes_and_none_older_replaces_it() {
    let file = File::new("newest");
    let instance: Arc<str> = "a".into();
    let store = file.open();
    assert_eq!(store.claim(&instance, Life(0)).await, Ok(None));
    assert_eq!(store.save(&instance, USER, stored(1)).await, Ok(()));
    assert_eq!(store.save(&instance, USER, stored(3)).await, Ok(()));
    // Another process.
    let other = file.open();
    assert_eq!(file.newest("a"), Some(stored(3)));
    for older in [1, 2, 3] {
        let saved = other.save(&instance, USER, stored(older)).await;
        assert_eq!(saved, Err(StoreError::Stale));
    }
    assert_eq!(other.save(&instance, USER, stored(4)).await, Ok(()));
    assert_eq!(
        store.save(&instance, USER, stored(4)).await,
        Err(StoreError::Stale)
    );
    assert_eq!((store.stored(), other.stored()), (1, 1));
}

/// Another process has begun a life: whatever this one saves is refused, however far it got.
#[tokio::test]
async fn a_life_that_is_over_saves_nothing_more() {
    let file = File::new("lives");
    let instance: Arc<str> = "a".into();
    let store = file.open();
    assert_eq!(store.save(&instance, USER, stored(7)).await, Ok(()));
    let other = file.open();
    let claimed = other.claim(&instance, Life(1)).await;
    assert_eq!(claimed, Ok(Some(of_life(2, 7))));
    let late = store.save(&instance, USER, stored(8)).await;
    assert_eq!(late, Err(StoreError::Stale));
    assert_eq!(other.save(&instance, USER, of_life(2, 8)).await, Ok(()));
    // A checkpoint of a life that the store has not seen is older than the next one all the same.
    let claimed = store.claim(&instance, Life(90)).await;
    assert_eq!(claimed, Ok(Some(of_life(91, 8))));
}

#[tokio::test]
async fn saves_that_wait_together_are_each_answered() {
    let file = File::new("together");
    let store = file.open();
    let components = (0..100).map(|component: u64| {
        let (store, instance) = (&store, component.to_string().into());
        async move {
            for number in 1..=20 {
                assert_eq!(store.save(&instance, USER, stored(number)).await, Ok(()));
            }
        }
    });
    futures_util::future::join_all(components).await;
    assert_eq!(file.newest("7"), Some(stored(20)));
    assert_eq!(store.stored(), 100);
}

/// Loads and saves that wait together are one transaction, and another process writes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_file_wait_for_each_other() {
    let file = File::new("shared");
    let work = |process: u64| {
        let store = file.open();
        tokio::spawn(async move {
            let components = (0..20).map(|component: u64| {
                let (store, instance) = (&store, format!("{process} {component}").into());
                async move {
                    if component.is_multiple_of(2) {
                        // From here on some tasks save while others claim.
                        assert_eq!(store.claim(&instance, Life(0)).await, Ok(None));
                    }
                    for number in 1..=50 {
                        let state = of_life(number, number);
                        assert_eq!(store.save(&instance, USER, state).await, Ok(()));
                        let newest = store.claim(&instance, Life(0)).await;
                        assert_eq!(newest, Ok(Some(of_life(number + 1, number))));
                    }
                }
            });
            futures_util::future::join_all(components).await;
        })
    };
    let (one, other) = (work(0), work(1));
    one.await.unwrap();
    other.await.unwrap();
}

#[test]
fn a_file_that_cannot_be_a_store_is_refused_with_its_name_and_the_reason() {
    let file = File::new("none");
    let refused = |path: &Path, reason: &str| {
        let Err(StoreError::Failed(text)) = SqliteStore::open(path, BOUNDS) else {
            panic!("{} was opened", path.display());
        };
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(text.contains(reason), "{text}");
    };
    let text = "not a database, but long enough to be looked at".repeat(20);
    std::fs::write(&file.0, text).unwrap();
    refused(&file.0, "not a database");
    refused(&std::env::temp_dir(), "unable to open");
    refused(&file.0.join("in a file"), "unable to open");
    // A table of the store's name that has other columns.
    std::fs::remove_file(&file.0).unwrap();
    let other = "CREATE TABLE loom_states (instance TEXT)";
    file.connection().execute_batch(other).unwrap();
    refused(&file.0, "no such column");
}

/// Another process holds the file for longer than `open` waits.
#[tokio::test]
async fn a_file_that_is_held_for_long_is_opened_in_the_background() {
    let file = File::new("held");
    let holder = file.connection();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let store = file.open();
    let loaded = store.claim(&"a".into(), Life(0));
    holder.execute_batch("COMMIT").unwrap();
    assert_eq!(loaded.await, Ok(None));
    assert_eq!(store.save(&"a".into(), USER, stored(1)).await, Ok(()));
}

#[tokio::test]
async fn what_is_asked_of_a_store_that_could_not_be_opened_is_answered_with_the_reason() {
    let file = File::new("never");
    let holder = file.connection();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let store = file.open();
    let Err(StoreError::Failed(text)) = store.save(&"a".into(), USER, stored(1)).await else {
        panic!("saved");
    };
    assert!(text.contains("locked"), "{text}");
}

#[tokio::test]
async fn a_store_that_is_closed_has_done_what_waited_and_does_nothing_more() {
    let file = File::new("closed");
    let store = file.open();
    let saves =
        (1..=100).map(|number: u64| store.save(&number.to_string().into(), USER, stored(1)));
    let saves = futures_util::future::join_all(saves);
    let (saved, closed) = tokio::join!(saves, store.close());
    assert_eq!(closed, Ok(()));
    assert!(saved.iter().all(Result::is_ok), "{saved:?}");
    let Err(StoreError::Failed(text)) = store.claim(&"1".into(), Life(0)).await else {
        panic!("loaded");
    };
    assert!(text.contains("closed"), "{text}");
    assert_eq!(file.newest("100"), Some(stored(1)));
}

/// A save that was answered is in the file, and one that failed is not: also if the disk is full, or if
/// SQLite rolls back the whole transaction by itself.
#[test]
fn what_failed_is_not_there_and_what_was_kept_is() {
    let too_much = "x".repeat(200_000);
    let rolls_back = "
        CREATE TEMP TRIGGER rolls_back BEFORE INSERT ON loom_states WHEN new.instance = '5'
        BEGIN SELECT RAISE(ROLLBACK, 'the disk is gone'); END";
    for (setting, sealed, reason) in [
        ("PRAGMA max_page_count = 20", too_much.as_str(), "full"),
        (rolls_back, "small", "the disk is gone"),
    ] {
        let file = File::new("failed");
        let mut service = Service {
            path: file.0.clone(),
            bounds: BOUNDS,
            clock: Clock::new(),
            stored: Arc::default(),
        };
        let mut connection = service.open().unwrap();
        connection.execute_batch(setting).unwrap();
        let batch: Vec<Request> = (1..=9)
            .map(|number: u64| {
                let mut state = stored(number);
                if number == 5 {
                    state.sealed = sealed.to_owned();
                }
                let (answer, _) = oneshot::channel();
                Request {
                    instance: number.to_string().into(),
                    operation: Operation::Save(USER, state, Vec::new()),
                    answer,
                }
            })
            .collect();
        let done = service.transact(&mut connection, &batch, false);
        let answers = match done {
            Ok((answers, _)) => answers,
            Err(error) => vec![Err(failed(&file.0, error)); batch.len()],
        };
        let Err(StoreError::Failed(text)) = &answers[4] else {
            panic!("the fifth was kept");
        };
        assert!(text.contains(reason), "{text}");
        let there = file.connection();
        let mut count = 0;
        for (request, answer) in batch.iter().zip(&answers) {
            assert_eq!(
                file.newest(&request.instance).is_some(),
                answer.is_ok(),
                "{}",
                request.instance
            );
            count += u64::from(answer.is_ok());
        }
        assert_eq!(Rows::new(&there, BOUNDS).count().unwrap(), count);
        // The store goes on.
        let again = service.transact(&mut connection, &batch[..4], false);
        assert_eq!(again.unwrap().0.len(), 4);
    }
}

#[tokio::test]
async fn a_row_that_says_no_state_is_told_apart_from_a_file_that_cannot_be_read() {
    let file = File::new("damaged");
    let store = file.open();
    for instance in ["a", "b", "c"] {
        store.save(&instance.into(), USER, stored(1)).await.unwrap();
    }
    let damage = "
        UPDATE loom_states SET sealed = x'00ff' WHERE instance = 'a';
        UPDATE loom_states SET revision = 'many' WHERE instance = 'b';";
    file.connection().execute_batch(damage).unwrap();
    for instance in ["a", "b"] {
        let loaded = store.claim(&instance.into(), Life(0)).await;
        assert!(matches!(loaded, Err(StoreError::Damaged(_))), "{loaded:?}");
    }
    assert_eq!(file.newest("c"), Some(stored(1)));
    file.connection()
        .execute_batch("DROP TABLE loom_states")
        .unwrap();
    let loaded = store.claim(&"c".into(), Life(0)).await;
    assert!(matches!(loaded, Err(StoreError::Failed(text)) if text.contains("no such table")));
}

/// The clock jumps to a time at which every checkpoint has expired, and back: no state is lost.
#[tokio::test]
async fn a_clock_that_is_set_deletes_nothing() {
    for jump in [10 * 365 * 86_400, -10 * 365 * 86_400] {
        let (file, hands) = (File::new("jump"), Hands::new());
        let store = hands.open(&file);
        store.save(&"a".into(), USER, stored(1)).await.unwrap();
        hands.set(jump);
        for number in 2..10 {
            // A minute passes, so that each save sweeps.
            hands.pass(Duration::from_secs(61));
            store.save(&"b".into(), USER, stored(number)).await.unwrap();
        }
        // The same in another process.
        drop(store);
        let store = hands.open(&file);
        // Each request sweeps, also a request that finds nothing.
        assert_eq!(store.claim(&"c".into(), Life(0)).await, Ok(None));
        assert_eq!(file.newest("a"), Some(stored(1)));
        hands.set(-jump);
        hands.pass(Duration::from_secs(61));
        assert_eq!(store.claim(&"c".into(), Life(0)).await, Ok(None));
        assert_eq!(file.newest("a"), Some(stored(1)), "{jump}");
        assert_eq!(file.newest("b"), Some(stored(9)));
    }
}

#[tokio::test]
async fn what_no_checkpoint_can_reach_is_deleted_through_restarts() {
    let (file, hands) = (File::new("sweep"), Hands::new());
    let mut store = hands.open(&file);
    let saves = (0..2500).map(|component: u32| {
        let holder = [(component % 3) as u8; 16];
        store.save(&component.to_string().into(), holder, stored(1))
    });
    let saves = futures_util::future::join_all(saves).await;
    assert!(saves.iter().all(Result::is_ok));
    store.save(&"kept".into(), USER, stored(1)).await.unwrap();
    assert_eq!(store.stored(), 1000, "as many as may be there");
    // Four processes, one after the other, have the store open for half a day each and save now and
    // then.
    for number in 2..6 {
        for hour in 0..12 {
            hands.pass(Duration::from_secs(3600));
            let number = number * 100 + hour;
            store
                .save(&"kept".into(), USER, stored(number))
                .await
                .unwrap();
        }
        drop(store);
        store = hands.open(&file);
    }
    let newest = store.claim(&"kept".into(), Life(0)).await.unwrap();
    assert!(newest.is_some());
    assert_eq!(store.stored(), 1);
    let left = "SELECT count(*), sum(states) FROM loom_holders";
    let left = file.connection().query_row(left, [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    assert_eq!(left.unwrap(), (1, 1));
}

/// A holder with too many states loses its oldest; if there are too many in all, the holder with most
/// states does.
#[tokio::test]
async fn states_are_bounded_by_holder_and_in_all() {
    let (file, hands) = (File::new("bounds"), Hands::new());
    let bounds = Bounds {
        keep: DAY,
        stored: 12,
        stored_per_holder: 10,
    };
    let clock = Clock::of(Box::new(hands.clone()));
    let store = SqliteStore::open_at(&file.0, bounds, clock).unwrap();
    let save = async |holder: u8, component: u64, number: u64| {
        hands.pass(Duration::from_secs(61));
        let instance = format!("{holder} {component}").into();
        store
            .save(&instance, [holder; 16], stored(number))
            .await
            .unwrap();
    };
    let has = async |holder: u8| {
        let mut has = Vec::new();
        for component in 0..50 {
            if file.newest(&format!("{holder} {component}")).is_some() {
                has.push(component);
            }
        }
        has
    };
    save(2, 0, 1).await;
    for component in 0..10 {
        save(1, component, 1).await;
    }
    // The first state changes again, so it is not the oldest any more.
    save(1, 0, 2).await;
    for component in 10..20 {
        save(1, component, 1).await;
    }
    assert_eq!(has(1).await, (10..20).collect::<Vec<_>>());
    assert_eq!(has(2).await, [0], "another's states are not touched");
    assert_eq!(store.stored(), 11);
    for component in 1..5 {
        save(2, component, 1).await;
    }
    assert_eq!(has(2).await, [0, 1, 2, 3, 4]);
    assert_eq!(has(1).await, (13..20).collect::<Vec<_>>());
    assert_eq!(store.stored(), 12);
    // Another process counts the same number of states; it has a lower limit, which holds from now on.
    let bounds = Bounds {
        stored: 3,
        ..bounds
    };
    let clock = Clock::of(Box::new(hands.clone()));
    let lower = SqliteStore::open_at(&file.0, bounds, clock).unwrap();
    assert_eq!(lower.stored(), 12);
    lower.save(&"new".into(), [3; 16], stored(1)).await.unwrap();
    assert_eq!(lower.stored(), 3);
    assert_eq!(file.newest("new"), Some(stored(1)));
}

/// A new state is several statements: if one of them fails, the others must be taken back.
#[tokio::test]
async fn a_save_that_is_answered_as_failed_has_left_nothing() {
    let file = File::new("half");
    let bounds = Bounds {
        stored: 1,
        ..BOUNDS
    };
    let store = SqliteStore::open(&file.0, bounds).unwrap();
    assert_eq!(store.save(&"a".into(), USER, stored(1)).await, Ok(()));
    // The row of the holder with most states cannot be read, and it is needed to find the state to delete.
    let statement = "INSERT INTO loom_holders VALUES ('a text', 1000)";
    file.connection().execute(statement, []).unwrap();
    let saved = store.save(&"b".into(), USER, stored(1)).await;
    assert!(matches!(saved, Err(StoreError::Failed(_))), "{saved:?}");
    assert_eq!(file.newest("b"), None);
    assert_eq!(store.stored(), 1);
    // States that are in the store already can still be saved.
    assert_eq!(store.save(&"a".into(), USER, stored(2)).await, Ok(()));
    assert_eq!(file.newest("a"), Some(stored(2)));
}

#[tokio::test]
async fn the_numbers_of_viewers_are_kept_with_the_state_and_go_with_it() {
    let file = File::new("viewers");
    let store = file.open();
    let number = |id: &str, number: u64| (Arc::<str>::from(id), Some(EventNumber(number)));
    let board: Arc<str> = "board".into();
    let saved = |revision, viewers| store.save_shared(&board, USER, stored(revision), viewers);
    saved(1, vec![number("a", 1)]).await.unwrap();
    saved(2, vec![number("b", 7)]).await.unwrap();
    saved(3, vec![number("a", 2), ("b".into(), None)])
        .await
        .unwrap();
    let known = || async { store.viewers(&board).await.unwrap() };
    assert_eq!(known().await, [("a".into(), EventNumber(2))]);
    // A state that is not taken takes its numbers with it.
    let stale = saved(3, vec![number("a", 9)]).await;
    assert_eq!(stale, Err(StoreError::Stale));
    assert_eq!(known().await, [("a".into(), EventNumber(2))]);
    assert_eq!(store.viewers(&"other".into()).await.unwrap(), []);
    let connection = file.connection();
    connection.execute("DELETE FROM loom_states", []).unwrap();
    assert_eq!(known().await, []);
}
