//! The tables of a store, and the statements of one transaction.

use std::time::Duration;

use rusqlite::{Connection, Error, OptionalExtension, ToSql, params};

use super::clock::Clock;
use std::sync::Arc;

use super::{Bounds, Holder, StoreError, Stored, ViewerNumber};
use crate::ids::{EventNumber, Life, Revision};

/// `ran` is when the state last changed, in milliseconds of the store's own clock; it may lag by a
/// minute ([`FRESH`]). `at` is the time of day when `ran` was written, in seconds. `life` and
/// `revision` say which state it is.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS loom_states (
        instance TEXT PRIMARY KEY,
        life INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        sealed TEXT NOT NULL,
        holder BLOB NOT NULL,
        ran INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS loom_states_ran ON loom_states (ran);
    CREATE INDEX IF NOT EXISTS loom_states_holder ON loom_states (holder, ran);
    CREATE TABLE IF NOT EXISTS loom_holders (
        holder BLOB PRIMARY KEY,
        states INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS loom_holders_states ON loom_holders (states);
    CREATE TABLE IF NOT EXISTS loom_store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        running INTEGER NOT NULL,
        states INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS loom_viewers (
        instance TEXT NOT NULL,
        viewer TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (instance, viewer)
    ) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS loom_viewers_gone AFTER DELETE ON loom_states BEGIN
        DELETE FROM loom_viewers WHERE instance = OLD.instance;
    END;
    INSERT OR IGNORE INTO loom_store VALUES (1, 0, 0);
    UPDATE loom_store SET running = running;";

/// While the times of a row are younger than this, a save does not write them: each write of `ran` costs
/// two changes of indexes.
const FRESH: Duration = Duration::from_secs(60);
/// The most rows that one sweep deletes.
const MOST_SWEPT: i64 = 1000;
/// The most rows that are deleted for one new row. More than one is too many only after a limit was
/// lowered.
const MOST_DELETED: usize = 16;

/// The rows, in a transaction.
pub(super) struct Rows<'a> {
    connection: &'a Connection,
    bounds: Bounds,
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn signed(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Whether the error is about one row, and not about the file.
fn is_damage(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    )
}

impl<'a> Rows<'a> {
    pub(super) fn new(connection: &'a Connection, bounds: Bounds) -> Self {
        Self { connection, bounds }
    }

    /// Creates the tables that are missing.
    pub(super) fn create(connection: &'a Connection, bounds: Bounds) -> rusqlite::Result<Self> {
        connection.execute_batch(SCHEMA)?;
        Ok(Self::new(connection, bounds))
    }

    /// Sets the clock to the time that the file says, unless the clock is further.
    pub(super) fn start_clock(&self, clock: &mut Clock) -> rusqlite::Result<()> {
        let statement = "SELECT running FROM loom_store";
        let mut statement = self.connection.prepare_cached(statement)?;
        let running: i64 = statement.query_row([], |row| row.get(0))?;
        clock.advance_to(Duration::from_millis(u64::try_from(running).unwrap_or(0)));
        Ok(())
    }

    /// Writes the clock's time into the file. If another process has written a later time, the
    /// clock goes on from that.
    pub(super) fn keep_clock(&self, clock: &mut Clock) -> rusqlite::Result<()> {
        self.start_clock(clock)?;
        let statement = "UPDATE loom_store SET running = ?1";
        let mut statement = self.connection.prepare_cached(statement)?;
        statement.execute([milliseconds(clock.running())])?;
        Ok(())
    }

    /// How many states there are.
    pub(super) fn count(&self) -> rusqlite::Result<u64> {
        let statement = "SELECT states FROM loom_store";
        let mut statement = self.connection.prepare_cached(statement)?;
        let count: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Begins a life later than `after` and than the one in the row, and gives the state of this component
    /// under that life's name; the inner error if its row is damaged.
    pub(super) fn claim(
        &self,
        instance: &str,
        after: Life,
    ) -> rusqlite::Result<Result<Option<Stored>, StoreError>> {
        let statement = "
            UPDATE loom_states SET life = max(life, ?2) + 1 WHERE instance = ?1
            RETURNING life, revision, sealed";
        let mut statement = self.connection.prepare_cached(statement)?;
        let row = statement.query_row(params![instance, signed(after.0)], |row| {
            Ok(Stored {
                life: Life(row.get::<_, i64>(0)?.cast_unsigned()),
                revision: Revision(row.get::<_, i64>(1)?.cast_unsigned()),
                sealed: row.get(2)?,
            })
        });
        match row.optional() {
            Err(error) if is_damage(&error) => Ok(Err(StoreError::Damaged(error.to_string()))),
            loaded => loaded.map(Ok),
        }
    }

    /// Saves a state. False if the store has a state of a later life, or a state of this life that is as new
    /// or newer.
    pub(super) fn save(
        &self,
        instance: &str,
        holder: &Holder,
        stored: &Stored,
        clock: &Clock,
    ) -> rusqlite::Result<bool> {
        let (life, revision) = (signed(stored.life.0), signed(stored.revision.0));
        let sealed = &stored.sealed;
        let ran = milliseconds(clock.running());
        // The usual case: the times are fresh, so no index changes.
        let statement = "
            UPDATE loom_states SET life = ?2, revision = ?3, sealed = ?4
            WHERE instance = ?1 AND (life, revision) < (?2, ?3) AND ran > ?5";
        let mut statement = self.connection.prepare_cached(statement)?;
        let fresh = ran.saturating_sub(milliseconds(FRESH));
        if statement.execute(params![instance, life, revision, sealed, fresh])? > 0 {
            return Ok(true);
        }
        let at = signed(clock.of_day());
        let statement = "
            UPDATE loom_states SET life = ?2, revision = ?3, sealed = ?4, ran = ?5, at = ?6
            WHERE instance = ?1 AND (life, revision) < (?2, ?3)";
        let mut statement = self.connection.prepare_cached(statement)?;
        if statement.execute(params![instance, life, revision, sealed, ran, at])? > 0 {
            return Ok(true);
        }
        // A new row takes several statements. With a savepoint, either all of them are done or none is.
        self.say("SAVEPOINT loom_row")?;
        let row = params![instance, life, revision, sealed, holder, ran, at];
        let inserted = self.insert(instance, holder, row);
        if inserted.is_err() {
            // SQLite may have undone the whole transaction by itself: then the savepoint is gone.
            let _ = self.say("ROLLBACK TO loom_row");
        }
        let released = self.say("RELEASE loom_row");
        let is_new = inserted?;
        released.map(|()| is_new)
    }

    /// Saves a state as [`save`](Self::save) does, and the numbers of viewers beside it: all of it or nothing.
    pub(super) fn save_shared(
        &self,
        instance: &str,
        holder: &Holder,
        stored: &Stored,
        viewers: &[ViewerNumber],
        clock: &Clock,
    ) -> rusqlite::Result<bool> {
        self.say("SAVEPOINT loom_shared")?;
        let saved = self
            .save(instance, holder, stored, clock)
            .and_then(|is_new| {
                if is_new {
                    self.number(instance, viewers)?;
                }
                Ok(is_new)
            });
        if saved.is_err() {
            // SQLite may have undone the whole transaction by itself: then the savepoint is gone.
            let _ = self.say("ROLLBACK TO loom_shared");
        }
        let released = self.say("RELEASE loom_shared");
        let is_new = saved?;
        released.map(|()| is_new)
    }

    fn number(&self, instance: &str, viewers: &[ViewerNumber]) -> rusqlite::Result<()> {
        for (viewer, number) in viewers {
            match number {
                Some(number) => {
                    let statement = "
                        INSERT INTO loom_viewers VALUES (?1, ?2, ?3)
                        ON CONFLICT DO UPDATE SET number = max(number, ?3)";
                    let mut statement = self.connection.prepare_cached(statement)?;
                    statement.execute(params![instance, viewer, signed(number.0)])?;
                }
                None => {
                    let statement = "DELETE FROM loom_viewers WHERE instance = ?1 AND viewer = ?2";
                    let mut statement = self.connection.prepare_cached(statement)?;
                    statement.execute(params![instance, viewer])?;
                }
            }
        }
        Ok(())
    }

    /// The numbers of a shared component's viewers.
    pub(super) fn viewers(&self, instance: &str) -> rusqlite::Result<Vec<(Arc<str>, EventNumber)>> {
        let statement = "SELECT viewer, number FROM loom_viewers WHERE instance = ?1";
        let mut statement = self.connection.prepare_cached(statement)?;
        let viewers = statement.query_map([instance], |row| {
            let number = EventNumber(row.get::<_, i64>(1)?.cast_unsigned());
            Ok((row.get(0)?, number))
        })?;
        viewers.collect()
    }

    fn say(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(statement)?
            .execute([])
            .map(drop)
    }

    /// Adds a row, unless the instance has one already.
    fn insert(
        &self,
        instance: &str,
        holder: &Holder,
        row: &[&dyn ToSql],
    ) -> rusqlite::Result<bool> {
        let statement = "
            INSERT INTO loom_states (instance, life, revision, sealed, holder, ran, at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        let mut statement = self.connection.prepare_cached(statement)?;
        if statement.execute(row)? == 0 {
            return Ok(false);
        }
        self.add_row(instance, holder)?;
        Ok(true)
    }

    /// Counts a new row of `holder`, and deletes old rows while there are too many.
    fn add_row(&self, instance: &str, holder: &Holder) -> rusqlite::Result<()> {
        let statement = "
            INSERT INTO loom_holders VALUES (?1, 1)
            ON CONFLICT DO UPDATE SET states = states + 1 RETURNING states";
        let mut statement = self.connection.prepare_cached(statement)?;
        let mut own: i64 = statement.query_row([holder], |row| row.get(0))?;
        let statement = "UPDATE loom_store SET states = states + 1 RETURNING states";
        let mut statement = self.connection.prepare_cached(statement)?;
        let mut all: i64 = statement.query_row([], |row| row.get(0))?;
        for _ in 0..MOST_DELETED {
            let loser = if own > signed(self.bounds.stored_per_holder) {
                own -= 1;
                holder.to_vec()
            } else if all > signed(self.bounds.stored) {
                let statement = "SELECT holder FROM loom_holders ORDER BY states DESC LIMIT 1";
                let mut statement = self.connection.prepare_cached(statement)?;
                statement.query_row([], |row| row.get(0))?
            } else {
                break;
            };
            all -= 1;
            let statement = "
                DELETE FROM loom_states WHERE instance = (
                    SELECT instance FROM loom_states WHERE holder = ?1 AND instance <> ?2
                    ORDER BY ran LIMIT 1
                )";
            let mut statement = self.connection.prepare_cached(statement)?;
            let count = statement.execute(params![loser, instance])?;
            self.remove_rows(&loser, signed(count))?;
        }
        Ok(())
    }

    /// Counts `count` rows of `holder` less.
    fn remove_rows(&self, holder: &[u8], count: i64) -> rusqlite::Result<()> {
        let statement = "UPDATE loom_holders SET states = states - ?2 WHERE holder = ?1";
        let mut statement = self.connection.prepare_cached(statement)?;
        statement.execute(params![holder, count])?;
        let statement = "DELETE FROM loom_holders WHERE holder = ?1 AND states <= 0";
        let mut statement = self.connection.prepare_cached(statement)?;
        statement.execute([holder])?;
        let statement = "UPDATE loom_store SET states = max(states - ?1, 0)";
        let mut statement = self.connection.prepare_cached(statement)?;
        statement.execute([count])?;
        Ok(())
    }

    /// Deletes states that no checkpoint can reach any more: states that are too old both by the store's own
    /// clock and by the time of day. True if there may be more.
    pub(super) fn sweep(&self, clock: &Clock) -> rusqlite::Result<bool> {
        let keep = self.bounds.keep.saturating_add(FRESH);
        let ran = milliseconds(clock.running()).saturating_sub(milliseconds(keep));
        let at = signed(clock.of_day()).saturating_sub(signed(keep.as_secs()));
        let statement = "
            DELETE FROM loom_states WHERE instance IN (
                SELECT instance FROM loom_states WHERE ran < ?1 AND at < ?2 ORDER BY ran LIMIT ?3
            ) RETURNING holder";
        let mut statement = self.connection.prepare_cached(statement)?;
        let gone = statement.query_map([ran, at, MOST_SWEPT], |row| row.get::<_, Vec<u8>>(0))?;
        let gone = gone.collect::<rusqlite::Result<Vec<_>>>()?;
        for holder in &gone {
            self.remove_rows(holder, 1)?;
        }
        Ok(signed(gone.len()) >= MOST_SWEPT)
    }
}
