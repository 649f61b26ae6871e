//! Saves that are answered when a disk or a replica has them, too.
//!
//! They go over a connection of their own, because a command that waits for a confirmation holds up all later
//! commands of its connection. Saves that come while one batch is under way gather, and go together in the
//! next one, with one confirmation at its end. A confirmation is for the writes of its own connection, so it
//! comes from the server that has the states.

use std::time::Duration;

use redis::{Cmd, RedisResult, Script, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ToSave;
use crate::redis::{AskError, Link, Together, refused};
use crate::store::StoreError;

/// The most saves that wait for a batch. An actor with one more waits until there is room.
///
/// Architecture invariant: every channel has a bound. `__test__/package/invariants.test.ts` watches it.
const MOST_WAITING: usize = 1024;
/// The most saves in one batch.
const MOST_TOGETHER: usize = 256;
/// How long a batch waits for its confirmation: shorter than an answer of Redis may take, or the connection would be
/// taken for dead.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a save waits in all.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The places that have a state before its save is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The server's memory.
    Memory,
    /// The server's disk.
    Fsync,
    /// The server's memory, and the memory of a replica.
    Replicas,
}

struct Waiting {
    save: ToSave,
    answer: oneshot::Sender<Result<i64, StoreError>>,
}

/// The saves that wait for a confirmation.
pub(super) struct Confirming(mpsc::Sender<Waiting>);

impl Confirming {
    /// To be called in a runtime. The task ends when this is dropped.
    pub(super) fn new(link: Link, durability: Durability, code: &'static str) -> Self {
        let (sender, waiting) = mpsc::channel(MOST_WAITING);
        tokio::spawn(save_all(link, durability, code, waiting));
        Self(sender)
    }

    /// Gives the result of the script, when the save is confirmed.
    pub(super) async fn save(&self, save: ToSave) -> Result<i64, StoreError> {
        let closed = || StoreError::Failed("it has been closed".to_owned());
        let (answer, answered) = oneshot::channel();
        let saved = timeout(TIMEOUT, async {
            let waiting = Waiting { save, answer };
            self.0.send(waiting).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        });
        let late = || StoreError::Failed(format!("no answer within {} s", TIMEOUT.as_secs()));
        saved.await.unwrap_or_else(|_| Err(late()))
    }
}

async fn save_all(
    link: Link,
    durability: Durability,
    code: &'static str,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MOST_TOGETHER).await > 0 {
        // Nobody waits for these any more.
        batch.retain(|waiting| !waiting.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        let asked = together(code, durability, batch.iter().map(|waiting| &waiting.save));
        let answers = link.ask::<Vec<RedisResult<Value>>>(&asked).await;
        answer(std::mem::take(&mut batch), durability, answers);
    }
}

fn together<'a>(
    code: &str,
    durability: Durability,
    saves: impl Iterator<Item = &'a ToSave>,
) -> Together {
    let script = Script::new(code);
    let mut pipeline = redis::pipe();
    let load = pipeline.cmd("SCRIPT").arg("LOAD").arg(code);
    load.ignore();
    for save in saves {
        let command = pipeline.cmd("EVALSHA").arg(script.get_hash());
        command
            .arg(save.keys.len())
            .arg(&save.keys)
            .arg(&save.arguments);
    }
    let milliseconds = CONFIRM_TIMEOUT.as_millis().to_string();
    let unless_synced = match durability {
        Durability::Memory => None,
        Durability::Fsync => {
            let mut wait = Cmd::new();
            wait.arg("WAITAOF").arg(1).arg(0).arg(milliseconds);
            Some(wait)
        }
        Durability::Replicas => {
            pipeline.cmd("WAIT").arg(1).arg(milliseconds);
            None
        }
    };
    Together {
        pipeline,
        unless_synced,
    }
}

fn answer(
    batch: Vec<Waiting>,
    durability: Durability,
    answers: Result<Vec<RedisResult<Value>>, AskError>,
) {
    let mut answers = match answers {
        Ok(answers) => answers,
        Err(error) => {
            for waiting in batch {
                let _ = waiting.answer.send(Err(error.clone().into()));
            }
            return;
        }
    };
    let confirmation = answers
        .get(batch.len())
        .map(|confirmation| match confirmation {
            Ok(confirmation) => is_confirmed(confirmation),
            Err(_) => false,
        });
    // A server that writes to its disk before it answers has confirmed all.
    let is_confirmed = confirmation.unwrap_or(durability == Durability::Fsync);
    answers.truncate(batch.len());
    for (waiting, answer) in batch.into_iter().zip(answers) {
        let answer = match answer {
            Ok(Value::Int(super::STALE)) => Ok(super::STALE),
            Ok(Value::Int(_)) if !is_confirmed => Err(unconfirmed(durability)),
            Ok(Value::Int(answer)) => Ok(answer),
            Ok(other) => Err(StoreError::Damaged(format!("{other:?}"))),
            Err(error) => Err(refused(&error).into()),
        };
        let _ = waiting.answer.send(answer);
    }
}

/// Whether one disk or one replica has the writes. `WAITAOF` gives two numbers, and the first is this
/// server's disk.
fn is_confirmed(answer: &Value) -> bool {
    match answer {
        Value::Int(count) => *count >= 1,
        Value::Array(counts) => matches!(counts.first(), Some(Value::Int(count)) if *count >= 1),
        _ => false,
    }
}

fn unconfirmed(durability: Durability) -> StoreError {
    let who = match durability {
        Durability::Replicas => "no replica has",
        Durability::Memory | Durability::Fsync => "the disk has not",
    };
    let seconds = CONFIRM_TIMEOUT.as_secs();
    StoreError::Failed(format!("{who} confirmed the state within {seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_count_is_a_confirmation() {
        let counts = |local, replicas| Value::Array(vec![Value::Int(local), Value::Int(replicas)]);
        assert!(is_confirmed(&Value::Int(1)) && is_confirmed(&Value::Int(2)));
        assert!(is_confirmed(&counts(1, 0)));
        for answer in [
            Value::Int(0),
            Value::Nil,
            Value::Okay,
            counts(0, 3),
            Value::Array(vec![]),
        ] {
            assert!(!is_confirmed(&answer), "{answer:?}");
        }
    }
}
