//! A script or a command is sent, and sent again if its answer is lost.

use std::time::Duration;

use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind,
};
use tokio::time::{Instant, sleep_until};

use super::link::{Connection, Health, Link};

/// How long a lost answer is asked for again. If Redis has been away for longer, nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server that cannot answer now is left alone.
const PAUSE: Duration = Duration::from_millis(100);
/// The code of the error by which a script says that what it finds is damaged.
const DAMAGED: &str = "LOOMDAMAGED";

/// Why a script gave no answer. None has a password in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AskError {
    /// Redis is away, or gave no answer. The script may have run or not.
    #[error("{0}")]
    Away(String),
    /// Redis refuses; the text says why. The script did not run, or did not end.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// What stands under the key is of another kind, or the answer is none that the script gives.
    #[error("Redis has something else there: {0}")]
    Damaged(String),
}

/// What an error means for the next try.
enum Verdict {
    /// The connection is of no use any more.
    Lost,
    /// The server cannot answer now.
    Busy,
    /// It would be the same again.
    Final,
}

fn verdict(error: &RedisError) -> Verdict {
    match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading | ServerErrorKind::TryAgain | ServerErrorKind::ClusterDown,
        ) => Verdict::Busy,
        // Another server is written to now, or will be.
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => Verdict::Lost,
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound => Verdict::Lost,
        _ if error.is_unrecoverable_error() => Verdict::Lost,
        _ => Verdict::Final,
    }
}

/// What can be asked of Redis: a script or a command.
pub(crate) trait Ask: Sync {
    fn send<T: FromRedisValue + Send>(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl Ask for ScriptInvocation<'_> {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.invoke_async(connection).await
    }
}

impl Ask for Cmd {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.query_async(connection).await
    }
}

impl Link {
    /// Sends a script or a command, again if the answer is lost: it may run more than once. Gives up after 5 s, or at once if Redis
    /// has been away for that long.
    ///
    /// # Errors
    /// [`AskError`]. After [`AskError::Away`] nobody knows whether the script has run.
    pub(crate) async fn ask<T: FromRedisValue + Send>(
        &self,
        asked: &impl Ask,
    ) -> Result<T, AskError> {
        let now = Instant::now();
        let until = match self.health() {
            Health::Down { since, .. } if now.duration_since(since) > PATIENCE => now,
            _ => now + PATIENCE,
        };
        loop {
            let current = self.current(until).await.map_err(AskError::Away)?;
            let mut connection = current.connection;
            let error = match asked.send(&mut connection).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let now = Instant::now();
            match verdict(&error) {
                Verdict::Lost => self.lost(current.number),
                Verdict::Busy => {}
                Verdict::Final => return Err(refused(&error)),
            }
            if now + PAUSE >= until {
                return Err(AskError::Away(format!(
                    "Redis at {}: {error}",
                    self.hosts()
                )));
            }
            sleep_until(now + PAUSE).await;
        }
    }
}

fn refused(error: &RedisError) -> AskError {
    let is_damage = error.kind() == ErrorKind::UnexpectedReturnType
        || matches!(error.code(), Some("WRONGTYPE" | DAMAGED))
        // Before Redis 7 an error inside a script is quoted.
        || error.to_string().contains("WRONGTYPE");
    match is_damage {
        true => AskError::Damaged(error.to_string()),
        false => AskError::Refused(error.to_string()),
    }
}
