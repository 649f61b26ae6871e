//! A store in a SQLite file, for the processes of one machine.

mod clock;
mod rows;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Bounds, ClaimedShared, Holder, Store, StoreError, Stored, ViewerNumber};
use crate::ids::{EventNumber, Life};
use clock::Clock;
use rows::Rows;

/// The most requests that wait for the store's thread. An actor with one more waits until there is room.
///
/// Architecture invariant: every channel has a bound. `__test__/package/invariants.test.ts` watches it.
const MOST_WAITING: usize = 1024;
/// The most requests that share a transaction. A commit costs a write to the disk, however many
/// requests it holds.
const MOST_TOGETHER: usize = 512;
/// How long the store's thread waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long [`SqliteStore::open`] waits for its thread. A file that is in order takes a few
/// milliseconds.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);
/// How often states that no checkpoint can reach any more are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

type Result<T> = std::result::Result<T, StoreError>;

enum Operation {
    Claim(Life),
    Save(Holder, Stored, Vec<ViewerNumber>),
    Viewers,
    Close,
}

/// The result of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    /// The state that was claimed.
    stored: Option<Stored>,
    /// The numbers of a shared component's viewers.
    viewers: Vec<(Arc<str>, EventNumber)>,
}

struct Request {
    instance: Arc<str>,
    operation: Operation,
    answer: oneshot::Sender<Result<Found>>,
}

/// A store in one file. A thread of its own opens, reads and writes the file; the thread ends when the
/// store is closed or dropped.
pub struct SqliteStore {
    requests: mpsc::Sender<Request>,
    stored: Arc<AtomicU64>,
}

fn failed(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

impl SqliteStore {
    /// Opens the file on the store's thread, or creates it. Returns after a second at the latest; the
    /// thread then goes on opening the file in the background, and requests wait for it. If opening
    /// fails later, each request is answered with that error.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the file cannot be opened or written to, or is not a store.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Self> {
        Self::open_at(path, bounds, Clock::new())
    }

    fn open_at(path: &Path, bounds: Bounds, clock: Clock) -> Result<Self> {
        let (requests, waiting) = mpsc::channel(MOST_WAITING);
        let stored = Arc::<AtomicU64>::default();
        let (sender, opened) = std::sync::mpsc::sync_channel(1);
        let service = Service {
            path: path.to_owned(),
            bounds,
            clock,
            stored: stored.clone(),
        };
        std::thread::Builder::new()
            .name("loom-live-store".to_owned())
            .spawn(move || service.run(waiting, &sender))
            .map_err(|error| failed(path, error))?;
        match opened.recv_timeout(OPEN_TIMEOUT) {
            Ok(Err(error)) => Err(error),
            // After the timeout, an error of the thread is the answer to the requests.
            Ok(Ok(())) | Err(_) => Ok(Self { requests, stored }),
        }
    }

    fn ask(&self, instance: Arc<str>, operation: Operation) -> Answer<Found> {
        let requests = self.requests.clone();
        Box::pin(async move {
            let (answer, receiver) = oneshot::channel();
            let request = Request {
                instance,
                operation,
                answer,
            };
            let closed = || StoreError::Failed("it has been closed".to_owned());
            requests.send(request).await.map_err(|_| closed())?;
            receiver.await.map_err(|_| closed())?
        })
    }
}

impl SqliteStore {
    /// The numbers of a shared component's viewers.
    fn viewers(&self, instance: &Arc<str>) -> Answer<Vec<(Arc<str>, EventNumber)>> {
        let viewers = self.ask(instance.clone(), Operation::Viewers);
        Box::pin(async move { viewers.await.map(|found| found.viewers) })
    }
}

impl Store for SqliteStore {
    fn claim(&self, instance: &Arc<str>, after: Life) -> Answer<Option<Stored>> {
        let claimed = self.ask(instance.clone(), Operation::Claim(after));
        Box::pin(async move { claimed.await.map(|found| found.stored) })
    }

    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()> {
        self.save_shared(instance, holder, stored, Vec::new())
    }

    fn save_shared(
        &self,
        instance: &Arc<str>,
        holder: Holder,
        stored: Stored,
        viewers: Vec<ViewerNumber>,
    ) -> Answer<()> {
        let saved = self.ask(instance.clone(), Operation::Save(holder, stored, viewers));
        Box::pin(async move { saved.await.map(drop) })
    }

    fn claim_shared(&self, instance: &Arc<str>, after: Life) -> Answer<Option<ClaimedShared>> {
        let (claimed, viewers) = (self.claim(instance, after), self.viewers(instance));
        Box::pin(async move {
            match claimed.await? {
                Some(stored) => Ok(Some((stored, viewers.await?))),
                None => Ok(None),
            }
        })
    }

    fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    fn close(&self) -> Answer<()> {
        let closed = self.ask("".into(), Operation::Close);
        Box::pin(async move { closed.await.map(drop) })
    }
}

/// The store's thread.
struct Service {
    path: PathBuf,
    bounds: Bounds,
    clock: Clock,
    stored: Arc<AtomicU64>,
}

impl Service {
    fn run(
        mut self,
        mut waiting: mpsc::Receiver<Request>,
        opened: &std::sync::mpsc::SyncSender<Result<()>>,
    ) {
        let mut batch = Vec::new();
        let mut connection = match self.open() {
            Ok(connection) => connection,
            Err(error) => {
                // `open_at` may have stopped waiting; then the requests get the error.
                let _ = opened.send(Err(error.clone()));
                while waiting.blocking_recv_many(&mut batch, MOST_TOGETHER) > 0 {
                    for request in batch.drain(..) {
                        let _ = request.answer.send(Err(error.clone()));
                    }
                }
                return;
            }
        };
        let _ = opened.send(Ok(()));
        let mut sweep_at = Duration::ZERO;
        let mut is_closing = false;
        while !is_closing && waiting.blocking_recv_many(&mut batch, MOST_TOGETHER) > 0 {
            is_closing = batch
                .iter()
                .any(|request| matches!(request.operation, Operation::Close));
            let now = self.clock.running();
            let sweeps = now >= sweep_at;
            let done = self.transact(&mut connection, &batch, sweeps);
            // Answers go out after the commit: a state that was answered as saved is in the file.
            match done {
                Ok((answers, has_more)) => {
                    if sweeps && !has_more {
                        sweep_at = now + SWEEP_EVERY;
                    }
                    for (request, answer) in batch.drain(..).zip(answers) {
                        let _ = request.answer.send(answer);
                    }
                }
                Err(error) => {
                    let error = failed(&self.path, error);
                    for request in batch.drain(..) {
                        let _ = request.answer.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    fn open(&mut self) -> Result<Connection> {
        let opened = Connection::open(&self.path).and_then(|mut connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // With a write-ahead log, others can read while one writes; FULL survives a power cut, too.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // A write at once, so that a file that cannot be written to is an error here and not at the
            // first event.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let rows = Rows::create(&transaction, self.bounds)?;
            rows.start_clock(&mut self.clock)?;
            self.stored.store(rows.count()?, Ordering::Relaxed);
            transaction.commit()?;
            Ok(connection)
        });
        opened.map_err(|error| failed(&self.path, error))
    }

    /// Does all requests of `batch` in one transaction. Gives the answers, and whether there is more to
    /// sweep.
    ///
    /// # Errors
    /// If nothing was done: the whole transaction failed.
    fn transact(
        &mut self,
        connection: &mut Connection,
        batch: &[Request],
        sweeps: bool,
    ) -> rusqlite::Result<(Vec<Result<Found>>, bool)> {
        // A transaction that is going to write is IMMEDIATE: SQLite lets it wait for another
        // process only at its begin. A DEFERRED one that has read before its first write fails at
        // once instead.
        let writes = |request: &Request| {
            matches!(request.operation, Operation::Claim(_) | Operation::Save(..))
        };
        let writes = sweeps || batch.iter().any(writes);
        let behavior = match writes {
            true => TransactionBehavior::Immediate,
            false => TransactionBehavior::Deferred,
        };
        let transaction = connection.transaction_with_behavior(behavior)?;
        let rows = Rows::new(&transaction, self.bounds);
        let mut has_more = false;
        if sweeps {
            rows.keep_clock(&mut self.clock)?;
            has_more = rows.sweep(&self.clock)?;
        }
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            let answer = match &request.operation {
                Operation::Claim(after) => {
                    let claimed = rows.claim(&request.instance, *after);
                    claimed.map(|claimed| {
                        claimed.map(|stored| Found {
                            stored,
                            ..Found::default()
                        })
                    })
                }
                Operation::Save(holder, stored, viewers) => {
                    let instance = &request.instance;
                    let saved = match viewers.as_slice() {
                        [] => rows.save(instance, holder, stored, &self.clock),
                        viewers => rows.save_shared(instance, holder, stored, viewers, &self.clock),
                    };
                    saved.map(|is_new| {
                        if is_new {
                            Ok(Found::default())
                        } else {
                            Err(StoreError::Stale)
                        }
                    })
                }
                Operation::Viewers => rows.viewers(&request.instance).map(|viewers| {
                    Ok(Found {
                        viewers,
                        ..Found::default()
                    })
                }),
                Operation::Close => Ok(Ok(Found::default())),
            };
            answers.push(match answer {
                Ok(answer) => answer,
                // SQLite has rolled back the whole transaction by itself, for instance because the
                // disk is full. Further statements would stand outside of any transaction: they
                // would be kept, although the batch is answered as failed.
                Err(error) if transaction.is_autocommit() => return Err(error),
                Err(error) => Err(failed(&self.path, error)),
            });
        }
        let stored = if writes { Some(rows.count()?) } else { None };
        transaction.commit()?;
        if let Some(stored) = stored {
            self.stored.store(stored, Ordering::Relaxed);
        }
        Ok((answers, has_more))
    }
}
