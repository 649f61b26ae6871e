//! A script or a command is sent, and sent again if its answer is lost.

use std::time::Duration;

use futures_util::future::join_all;
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind, Value,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::Connection;
use super::current::{Current, Health};
use super::link::Link;

/// How long a lost answer is asked for again. If Redis has been away for longer, nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection on which nobody may ask for anything is asked whether somebody is there.
const PROBE_EVERY: Duration = Duration::from_secs(3);
/// How long a server that cannot answer now is left alone.
const PAUSE: Duration = Duration::from_millis(100);
/// A script answers with an error of this code if the data that it finds is damaged.
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
    /// The value under the key is of another kind, or the answer is not one that the script gives.
    #[error("Redis holds data that loom-live cannot read: {0}")]
    Damaged(String),
}

/// The meaning of an error for the next try.
enum Verdict {
    /// The connection is of no use any more.
    Lost,
    /// The server cannot answer now.
    Busy,
    /// Another try would end in the same way.
    Final,
}

fn verdict(error: &RedisError) -> Verdict {
    match error.kind() {
        // `NoScript`: the server has forgotten its scripts, and once more since it was given this one.
        ErrorKind::Server(
            ServerErrorKind::NoScript
            | ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown,
        ) => Verdict::Busy,
        // Another server is written to now, or will be.
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown) => Verdict::Lost,
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound => Verdict::Lost,
        // Before Redis 7 an error inside a script is quoted.
        _ if error.to_string().contains("READONLY") => Verdict::Lost,
        // Another script runs for long.
        _ if error.code() == Some("BUSY") => Verdict::Busy,
        _ if error.is_unrecoverable_error() => Verdict::Lost,
        _ => Verdict::Final,
    }
}

/// A script or a command for Redis.
pub(crate) trait Ask: Sync {
    fn send<T: FromRedisValue + Send>(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = RedisResult<T>> + Send;

    /// As [`send`](Self::send), for commands that depend on how the server is set up.
    fn send_to<T: FromRedisValue + Send>(
        &self,
        current: &mut Current,
    ) -> impl Future<Output = RedisResult<T>> + Send {
        self.send(&mut current.connection)
    }
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
        let until = self.patience();
        loop {
            let mut current = self.current(until).await.map_err(AskError::Away)?;
            let error = match asked.send_to(&mut current).await {
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

impl Link {
    /// Sends a command now and then to see whether the server answers, until the future is dropped. A network
    /// may fall silent without a word, and a process that only listens, or saves nothing for a while, sends
    /// nothing that could fail. This future keeps the link open.
    pub(crate) async fn probe(self) {
        loop {
            sleep(PROBE_EVERY).await;
            // An answer that does not come has the connection made anew.
            let _ = self.ask::<Value>(&redis::cmd("PING")).await;
        }
    }
}

/// Something that is asked with others, and may have to be asked again.
pub(crate) trait AskAgain: Ask {
    /// The command was sent, and its answer was lost.
    fn again(&mut self);
}

impl Link {
    /// As [`ask`](Self::ask), for several that are asked in this order, also again. Each has an answer of its own.
    pub(crate) async fn ask_in_order<T: FromRedisValue + Send>(
        &self,
        mut asked: Vec<impl AskAgain>,
    ) -> Vec<Result<T, AskError>> {
        let until = self.patience();
        let mut answers: Vec<Option<Result<T, AskError>>> = asked.iter().map(|_| None).collect();
        loop {
            let current = match self.current(until).await {
                Ok(current) => current,
                Err(why) => {
                    let away = |answer: Option<_>| {
                        answer.unwrap_or_else(|| Err(AskError::Away(why.clone())))
                    };
                    return answers.into_iter().map(away).collect();
                }
            };
            let waiting = asked.iter().zip(&answers).enumerate();
            let waiting = waiting.filter(|(_, (_, answer))| answer.is_none());
            let sent = waiting.map(|(index, (one, _))| {
                let mut connection = current.connection.clone();
                async move { (index, one.send::<T>(&mut connection).await) }
            });
            // Polled in this order at first, which is when they are queued.
            let done = join_all(sent).await;
            let is_over = Instant::now() + PAUSE >= until;
            let mut is_lost = false;
            for (index, answer) in done {
                let error = match answer {
                    Ok(answer) => {
                        answers[index] = Some(Ok(answer));
                        continue;
                    }
                    Err(error) => error,
                };
                match verdict(&error) {
                    Verdict::Final => answers[index] = Some(Err(refused(&error))),
                    _ if is_over => answers[index] = Some(Err(self.away(&error))),
                    Verdict::Lost => {
                        is_lost = true;
                        asked[index].again();
                    }
                    Verdict::Busy => asked[index].again(),
                }
            }
            if is_lost {
                self.lost(current.number);
            }
            if answers.iter().all(Option::is_some) {
                return answers.into_iter().flatten().collect();
            }
            sleep_until(Instant::now() + PAUSE).await;
        }
    }

    /// Until when something is waited for that is asked now: 5 s, or not at all if Redis has been away for that long.
    pub(crate) fn patience(&self) -> Instant {
        let now = Instant::now();
        match self.health() {
            Health::Down { since, .. } if now.duration_since(since) > PATIENCE => now,
            _ => now + PATIENCE,
        }
    }

    fn away(&self, error: &RedisError) -> AskError {
        AskError::Away(format!("Redis at {}: {error}", self.hosts()))
    }
}

/// Commands that are sent together, and answered each with its own error. They are sent again as a whole, as
/// a single command is.
pub(crate) struct Together {
    pub(crate) pipeline: Pipeline,
    /// Sent last, unless the server writes to its disk before it answers.
    pub(crate) unless_synced: Option<Cmd>,
}

impl Ask for Together {
    /// Gives the list of the commands' answers.
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.send_all(connection, false).await
    }

    async fn send_to<T: FromRedisValue + Send>(&self, current: &mut Current) -> RedisResult<T> {
        self.send_all(&mut current.connection, current.syncs).await
    }
}

impl Together {
    async fn send_all<T: FromRedisValue + Send>(
        &self,
        connection: &mut Connection,
        syncs: bool,
    ) -> RedisResult<T> {
        let mut pipeline = self.pipeline.clone();
        if let Some(last) = self.unless_synced.as_ref().filter(|_| !syncs) {
            pipeline.add_command(last.clone());
        }
        let answers: Value = pipeline.ignore_errors().query_async(connection).await?;
        // An answer that says to try again is one for all of them.
        if let Value::Array(answers) = &answers {
            for answer in answers {
                if let Value::ServerError(error) = answer
                    && let error = RedisError::from(error.clone())
                    && !matches!(verdict(&error), Verdict::Final)
                {
                    return Err(error);
                }
            }
        }
        Ok(T::from_redis_value(answers)?)
    }
}

/// The meaning of an error that Redis answers with.
pub(crate) fn refused(error: &RedisError) -> AskError {
    let is_damage = error.kind() == ErrorKind::UnexpectedReturnType
        || matches!(error.code(), Some("WRONGTYPE" | DAMAGED))
        // Before Redis 7 an error inside a script is quoted.
        || error.to_string().contains("WRONGTYPE");
    match is_damage {
        true => AskError::Damaged(error.to_string()),
        false => AskError::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_on(code: &str, text: &str) -> Verdict {
        let text = format!("-{code} {text}\r\n");
        let answer = redis::parse_redis_value(text.as_bytes()).unwrap();
        verdict(&answer.extract_error().unwrap_err())
    }

    #[test]
    fn what_is_no_master_any_more_is_not_asked_again() {
        // As Redis 6 says it of a script.
        let quoted = "Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica.";
        for (code, text) in [
            ("ERR", quoted),
            ("READONLY", "You can't write against a read only replica."),
        ] {
            assert!(
                matches!(verdict_on(code, text), Verdict::Lost),
                "{code} {text}"
            );
        }
        let busy = verdict_on("BUSY", "Redis is busy running a script.");
        assert!(matches!(busy, Verdict::Busy));
        assert!(matches!(
            verdict_on("ERR", "something else"),
            Verdict::Final
        ));
    }
}
