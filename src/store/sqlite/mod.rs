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

use super::{Answer, Holder, Store, StoreError, Stored};
use clock::Clock;
use rows::Rows;

/// Requests that wait; more make their actors wait.
const WAITING: usize = 1024;
/// How many share a transaction at most: a commit costs a write to the disk, however many it holds.
const TOGETHER: usize = 512;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long [`SqliteStore::open`] waits for its thread. A file that is in order takes a few
/// milliseconds.
const OPENING: Duration = Duration::from_secs(1);
/// Every so often states that no checkpoint can reach any more are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What a store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// States that nobody has changed for so long are deleted: as long as a checkpoint is good. Time
    /// counts while a process has the store open, and only if the time of day agrees: a clock that
    /// jumps deletes nothing.
    pub keep: Duration,
    /// States in all. One more, and whoever has most loses the oldest.
    pub stored: usize,
    /// States of one holder. One more, and the holder loses the oldest.
    pub stored_per_holder: usize,
}

type Result<T> = std::result::Result<T, StoreError>;

enum What {
    Load,
    Save(Holder, Stored),
    Close,
}

struct Request {
    instance: Arc<str>,
    what: What,
    /// What was loaded; nothing of a save.
    answer: oneshot::Sender<Result<Option<Stored>>>,
}

/// One thread of its own opens the file, reads and writes; it ends when the store is closed or dropped.
pub struct SqliteStore {
    requests: mpsc::Sender<Request>,
    stored: Arc<AtomicU64>,
}

fn failed(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

impl SqliteStore {
    /// Opens the file, or makes it, on the store's thread. Waits for that for at most a second: after
    /// that it goes on in the background, what is to be loaded and saved waits, and an error is the
    /// answer to all of it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the file cannot be opened or written to, or is something else.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Self> {
        Self::open_at(path, bounds, Clock::new())
    }

    fn open_at(path: &Path, bounds: Bounds, clock: Clock) -> Result<Self> {
        let (requests, waiting) = mpsc::channel(WAITING);
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
        match opened.recv_timeout(OPENING) {
            Ok(Err(error)) => Err(error),
            // If the thread is not done so far, its requests hear of it.
            Ok(Ok(())) | Err(_) => Ok(Self { requests, stored }),
        }
    }

    fn ask(&self, instance: Arc<str>, what: What) -> Answer<Option<Stored>> {
        let requests = self.requests.clone();
        Box::pin(async move {
            let (answer, receiver) = oneshot::channel();
            let request = Request {
                instance,
                what,
                answer,
            };
            let closed = || StoreError::Failed("it has been closed".to_owned());
            requests.send(request).await.map_err(|_| closed())?;
            receiver.await.map_err(|_| closed())?
        })
    }
}

impl Store for SqliteStore {
    fn load(&self, instance: &Arc<str>) -> Answer<Option<Stored>> {
        self.ask(instance.clone(), What::Load)
    }

    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()> {
        let saved = self.ask(instance.clone(), What::Save(holder, stored));
        Box::pin(async move { saved.await.map(drop) })
    }

    fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    fn close(&self) -> Answer<()> {
        let closed = self.ask("".into(), What::Close);
        Box::pin(async move { closed.await.map(drop) })
    }
}

/// What the store's thread has.
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
                // If nobody waits for it any more, the requests are told.
                let _ = opened.send(Err(error.clone()));
                while waiting.blocking_recv_many(&mut batch, TOGETHER) > 0 {
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
        while !is_closing && waiting.blocking_recv_many(&mut batch, TOGETHER) > 0 {
            is_closing = batch
                .iter()
                .any(|request| matches!(request.what, What::Close));
            let now = self.clock.running();
            let sweeps = now >= sweep_at;
            let done = self.transact(&mut connection, &batch, sweeps);
            // Not before the commit: what is answered has to be there.
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
            connection.busy_timeout(PATIENCE)?;
            // A write-ahead log lets others read meanwhile; FULL survives a power cut too.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // A file that cannot be written to is found out here, and not at the first event.
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

    /// Does what is asked for, all of it or nothing; gives the answers, and whether there is more to
    /// sweep.
    fn transact(
        &mut self,
        connection: &mut Connection,
        batch: &[Request],
        sweeps: bool,
    ) -> rusqlite::Result<(Vec<Result<Option<Stored>>>, bool)> {
        // One that begins with a load could not wait for another process any more when it comes to a
        // save: that would be about an older state than the other's.
        let writes = |request: &Request| matches!(request.what, What::Save(..));
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
            let answer = match &request.what {
                What::Load => rows.load(&request.instance),
                What::Save(holder, stored) => {
                    let saved = rows.save(&request.instance, holder, stored, &self.clock);
                    saved.map(|is_new| {
                        if is_new {
                            Ok(None)
                        } else {
                            Err(StoreError::Stale)
                        }
                    })
                }
                What::Close => Ok(Ok(None)),
            };
            answers.push(match answer {
                Ok(answer) => answer,
                // SQLite has taken back all of it by itself, as for a full disk. What followed would not
                // be part of any transaction, and be there although it is answered as failed.
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
