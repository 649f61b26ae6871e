//! A store in a SQLite file, for the processes of one machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Store, StoreError, Stored};

/// Requests that wait; more make their actors wait.
const WAITING: usize = 1024;
/// How many share a transaction at most: a commit costs a write to the disk, however many it holds.
const TOGETHER: usize = 512;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Every so many transactions, states that no checkpoint can reach any more are deleted.
const SWEEP_EVERY: u64 = 10_000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS states (
        instance TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        sealed TEXT NOT NULL,
        at INTEGER NOT NULL DEFAULT (unixepoch())
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS states_at ON states (at);
";

enum Request {
    Load(
        Arc<str>,
        oneshot::Sender<Result<Option<Stored>, StoreError>>,
    ),
    Save(Arc<str>, Stored, oneshot::Sender<Result<(), StoreError>>),
}

/// One thread of its own reads and writes; it ends when the store is dropped.
pub struct SqliteStore {
    requests: mpsc::Sender<Request>,
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

impl SqliteStore {
    /// Opens the file, or makes it. States that nobody has changed for `keep` are deleted: it has to
    /// be as long as a checkpoint is good.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the file cannot be opened, or is something else.
    pub fn open(path: &Path, keep: Duration) -> Result<Self, StoreError> {
        let connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // A write-ahead log lets others read meanwhile; FULL survives a power cut too.
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
            .and_then(|()| connection.execute_batch(SCHEMA))
            .map_err(failed)?;
        let (requests, waiting) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("loom-live-store".to_owned())
            .spawn(move || serve(connection, waiting, keep))
            .map_err(failed)?;
        Ok(Self { requests })
    }
}

impl Store for SqliteStore {
    fn load(&self, instance: &Arc<str>) -> Answer<Option<Stored>> {
        let (requests, instance) = (self.requests.clone(), instance.clone());
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let sent = requests.send(Request::Load(instance, sender)).await;
            sent.map_err(|_| failed("it has ended"))?;
            receiver.await.map_err(|_| failed("it has ended"))?
        })
    }

    fn save(&self, instance: &Arc<str>, stored: Stored) -> Answer<()> {
        let (requests, instance) = (self.requests.clone(), instance.clone());
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let sent = requests.send(Request::Save(instance, stored, sender)).await;
            sent.map_err(|_| failed("it has ended"))?;
            receiver.await.map_err(|_| failed("it has ended"))?
        })
    }
}

fn serve(mut connection: Connection, mut waiting: mpsc::Receiver<Request>, keep: Duration) {
    let mut transactions = 0;
    let mut batch = Vec::new();
    while waiting.blocking_recv_many(&mut batch, TOGETHER) > 0 {
        let sweep = transactions % SWEEP_EVERY == 0;
        transactions += 1;
        let mut answers: Vec<Box<dyn FnOnce()>> = Vec::with_capacity(batch.len());
        let done = transact(
            &mut connection,
            &mut batch,
            &mut answers,
            sweep.then_some(keep),
        );
        match done {
            // Not before the commit: what is answered has to be there.
            Ok(()) => answers.into_iter().for_each(|answer| answer()),
            // Dropping their senders fails them all.
            Err(_) => drop(answers),
        }
        batch.clear();
    }
}

fn transact(
    connection: &mut Connection,
    batch: &mut Vec<Request>,
    answers: &mut Vec<Box<dyn FnOnce()>>,
    sweep: Option<Duration>,
) -> rusqlite::Result<()> {
    // One that begins with a load could not wait for another process any more when it comes to a save:
    // that would be about an older state than the other's.
    let writes = |request: &Request| matches!(request, Request::Save(..));
    let behavior = if sweep.is_some() || batch.iter().any(writes) {
        TransactionBehavior::Immediate
    } else {
        TransactionBehavior::Deferred
    };
    let transaction = connection.transaction_with_behavior(behavior)?;
    if let Some(keep) = sweep {
        let seconds = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
        transaction.execute("DELETE FROM states WHERE at < unixepoch() - ?1", [seconds])?;
    }
    for request in batch.drain(..) {
        match request {
            Request::Load(instance, sender) => {
                let loaded = load(&transaction, &instance).map_err(failed);
                answers.push(Box::new(move || drop(sender.send(loaded))));
            }
            Request::Save(instance, stored, sender) => {
                let saved = save(&transaction, &instance, &stored);
                answers.push(Box::new(move || drop(sender.send(saved))));
            }
        }
    }
    transaction.commit()
}

fn load(transaction: &Transaction<'_>, instance: &str) -> rusqlite::Result<Option<Stored>> {
    let statement = "SELECT number, sealed FROM states WHERE instance = ?1";
    let mut statement = transaction.prepare_cached(statement)?;
    let row = statement.query_row([instance], |row| {
        Ok(Stored {
            // Stored as the signed number of the same bits.
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            sealed: row.get(1)?,
        })
    });
    row.optional()
}

fn save(transaction: &Transaction<'_>, instance: &str, stored: &Stored) -> Result<(), StoreError> {
    let statement = "
        INSERT INTO states (instance, number, sealed) VALUES (?1, ?2, ?3)
        ON CONFLICT (instance) DO UPDATE
        SET number = excluded.number, sealed = excluded.sealed, at = unixepoch()
        WHERE excluded.number > states.number";
    let mut statement = transaction.prepare_cached(statement).map_err(failed)?;
    let number = stored.number.cast_signed();
    let changed = statement.execute(params![instance, number, stored.sealed]);
    match changed.map_err(failed)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A file that is deleted at the end.
    struct File(std::path::PathBuf);

    impl File {
        fn new(name: &str) -> Self {
            let name = format!("loom-live-{}-{name}.sqlite", std::process::id());
            Self(std::env::temp_dir().join(name))
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

    fn stored(number: u64) -> Stored {
        Stored {
            number,
            sealed: format!("state {number}"),
        }
    }

    #[tokio::test]
    async fn the_newest_state_is_kept_across_processes_and_none_older_replaces_it() {
        let file = File::new("newest");
        let instance: Arc<str> = "a".into();
        let store = SqliteStore::open(&file.0, DAY).unwrap();
        assert_eq!(store.load(&instance).await, Ok(None));
        assert_eq!(store.save(&instance, stored(1)).await, Ok(()));
        assert_eq!(store.save(&instance, stored(3)).await, Ok(()));
        // Another process.
        let other = SqliteStore::open(&file.0, DAY).unwrap();
        assert_eq!(other.load(&instance).await, Ok(Some(stored(3))));
        for older in [1, 2, 3] {
            let saved = other.save(&instance, stored(older)).await;
            assert_eq!(saved, Err(StoreError::Stale));
        }
        assert_eq!(other.save(&instance, stored(4)).await, Ok(()));
        assert_eq!(
            store.save(&instance, stored(4)).await,
            Err(StoreError::Stale)
        );
    }

    #[tokio::test]
    async fn saves_that_wait_together_are_each_answered() {
        let file = File::new("together");
        let store = SqliteStore::open(&file.0, DAY).unwrap();
        let components = (0..100).map(|component: u64| {
            let (store, instance) = (&store, component.to_string().into());
            async move {
                for number in 1..=20 {
                    assert_eq!(store.save(&instance, stored(number)).await, Ok(()));
                }
            }
        });
        futures_util::future::join_all(components).await;
        let last = store.load(&"7".into()).await;
        assert_eq!(last, Ok(Some(stored(20))));
    }

    /// Loads and saves that wait together are one transaction, and another process writes meanwhile.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn processes_that_share_a_file_wait_for_each_other() {
        let file = File::new("shared");
        let work = |process: u64| {
            let store = SqliteStore::open(&file.0, DAY).unwrap();
            tokio::spawn(async move {
                let components = (0..20).map(|component: u64| {
                    let (store, instance) = (&store, format!("{process} {component}").into());
                    async move {
                        if component.is_multiple_of(2) {
                            // From here on some save where others load.
                            assert_eq!(store.load(&instance).await, Ok(None));
                        }
                        for number in 1..=50 {
                            assert_eq!(store.save(&instance, stored(number)).await, Ok(()));
                            let newest = store.load(&instance).await;
                            assert_eq!(newest, Ok(Some(stored(number))));
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
    fn a_file_that_is_none_is_refused() {
        let file = File::new("none");
        std::fs::write(
            &file.0,
            "not a database, but long enough to be looked at".repeat(20),
        )
        .unwrap();
        assert!(matches!(
            SqliteStore::open(&file.0, DAY),
            Err(StoreError::Failed(_))
        ));
    }
}
