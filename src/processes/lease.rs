//! The lease of a process: a key in Redis that goes by itself when the process has not kept it for a while.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisResult, cmd};
use tokio::time::{Instant, sleep_until};

use super::Inner;
use crate::redis::{Ask, AskAgain, AskError, Connection, milliseconds};

/// How long a process counts as alive after it has kept its lease.
pub(super) const LEASE: Duration = Duration::from_secs(6);
/// How often it keeps the lease.
pub(super) const KEEP: Duration = Duration::from_millis(1500);

impl Inner {
    fn lease(&self, name: &str) -> String {
        format!("{}process:{{{name}}}", self.prefix)
    }
}

/// Keeps the lease until the task is dropped.
pub(super) async fn keep(inner: Arc<Inner>) {
    loop {
        let next = Instant::now() + KEEP;
        let mut set = cmd("SET");
        set.arg(inner.lease(&inner.name))
            .arg(1)
            .arg("PX")
            .arg(milliseconds(LEASE))
            .arg("GET");
        if let Ok(before) = inner.link.ask::<Option<u8>>(&set).await {
            inner.here.send_if_modified(|here| {
                let lapsed = before.is_none() && here.is_leased;
                here.lapses += u64::from(lapsed);
                !std::mem::replace(&mut here.is_leased, true) || lapsed
            });
        }
        sleep_until(next).await;
    }
}

/// Ends the lease of this process. The task that keeps the lease must have been stopped, or the lease comes back.
pub(super) async fn end(inner: &Inner) {
    let mut delete = cmd("DEL");
    delete.arg(inner.lease(&inner.name));
    // If Redis is away, the lease goes by itself.
    let _ = inner.link.ask::<u64>(&delete).await;
}

/// Whether a key is there.
struct Exists(Cmd);

impl Ask for Exists {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.0.send(connection).await
    }
}

impl AskAgain for Exists {
    /// The script may be asked as often as one likes.
    fn again(&mut self) {}
}

/// The processes among these that have no lease.
pub(super) async fn gone(inner: &Inner, names: &[Arc<str>]) -> Result<Vec<Arc<str>>, AskError> {
    let exists = |name: &Arc<str>| {
        let mut exists = cmd("EXISTS");
        exists.arg(inner.lease(name));
        Exists(exists)
    };
    let answers = inner
        .link
        .ask_in_order::<bool>(names.iter().map(exists).collect())
        .await;
    let mut gone = Vec::new();
    for (name, answer) in names.iter().zip(answers) {
        if !answer? {
            gone.push(name.clone());
        }
    }
    Ok(gone)
}
