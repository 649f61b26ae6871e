//! Which process has a component, if there is a backplane: its home.
//!
//! A component that was made just now is nobody else's: its page's secret names its process, and Redis knows nothing of
//! it. If its page comes to another process, that one looks whether Redis has a home of the component, asks the process
//! that has it to yield (`asking.rs`), and claims the component: one script compares with what was found, and gives a
//! later life (`claim.lua`). A process that learns that a component has a later life elsewhere ends its own.
//!
//! * `asking.rs`: a component comes to this process. `wire.rs`: what processes say to each other about it, all of it
//!   sealed. `secret.rs`: the part of a page's secret that names its process.
//!
//! Architecture invariant: a secret never goes to another process or to Redis. What proves it is bound to those who ask
//! and are asked. `src/connection/tests/yielding.rs` watches it (`a_forged_proof_is_refused`).

mod asking;
mod secret;
#[cfg(all(test, not(shuttle)))]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisResult, Script, cmd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::ids::Life;
use crate::processes::Processes;
use crate::redis::{Ask, AskAgain, AskError, Connection, milliseconds};
use crate::sync::{Mutex, lock};
use crate::token::Keyring;
pub use asking::{Coming, Elsewhere, Moved};
pub use secret::{Home, Mark};
pub use wire::{Answer, HandedOver, Said, Yield};

/// The subject of messages between processes about homes.
pub(crate) const ABOUT: &str = "home";
/// The life of a component that was made in this process. Lives that are claimed are later.
pub(crate) const FIRST: Life = Life(1);

/// How long a home is remembered. If it is forgotten, the page's secret still names its process, and the next life is
/// later anyhow.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How long it is remembered that a component has ended: longer than any message to a process waits.
const ENDED: Duration = Duration::from_secs(3600);
/// For so long Redis is waited for, each time.
const REDIS: Duration = Duration::from_secs(1);
/// How many homes are looked up together.
const TOGETHER: usize = 256;
/// So many processes that are gone are remembered. Each costs about 50 bytes.
const MOST_GONE: usize = 256;

/// The homes of components, as this process knows and changes them.
pub struct Homes {
    processes: Arc<Processes>,
    keyring: Arc<Keyring>,
    claim: Script,
    leave: Script,
    /// Processes that have gone, the last ones: nobody asks them. A `std` lock, held for a look-up.
    gone: Mutex<VecDeque<Arc<str>>>,
}

/// A component's home in Redis: the last life, and the process that lives it, if one does.
type Found = (Option<u64>, Option<String>);

impl Homes {
    /// The homes that all processes of this backplane know.
    pub fn new(processes: Arc<Processes>, keyring: Arc<Keyring>) -> Arc<Self> {
        Arc::new(Self {
            processes,
            keyring,
            claim: Script::new(include_str!("claim.lua")),
            leave: Script::new(include_str!("leave.lua")),
            gone: Mutex::default(),
        })
    }

    /// The processes of this backplane.
    pub(crate) fn processes(&self) -> &Arc<Processes> {
        &self.processes
    }

    fn key(&self, instance: &str) -> String {
        format!("{}home:{{{instance}}}", self.processes.prefix())
    }

    fn found(&self, instance: &str) -> Cmd {
        let mut command = cmd("HMGET");
        command.arg(self.key(instance)).arg("life").arg("process");
        command
    }

    /// The component has ended here, and this is left for the next process. The call takes effect if its future is
    /// polled to its end.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn leave(
        &self,
        instance: &str,
        life: Life,
        left: Option<&HandedOver>,
    ) -> Result<(), AskError> {
        let left = left.and_then(|left| self.seal(left, instance));
        let mut script = self.leave.prepare_invoke();
        script
            .key(self.key(instance))
            .arg(life.0)
            .arg(left.unwrap_or_default())
            .arg(milliseconds(ENDED));
        let _: u8 = within(self.processes.link().ask(&script)).await?;
        Ok(())
    }

    /// The component has ended here, and nothing is left. Does not wait.
    pub fn forget(self: &Arc<Self>, instance: &Arc<str>, life: Life) {
        let (homes, instance) = (self.clone(), instance.clone());
        // If Redis is away, the home is forgotten after a day.
        tokio::spawn(async move { homes.leave(&instance, life, None).await });
    }

    /// The components among these that have a later life than the one that is given with them.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn lost(
        &self,
        components: &[(Arc<str>, Life)],
    ) -> Result<Vec<(Arc<str>, Life)>, AskError> {
        let mut lost = Vec::new();
        for some in components.chunks(TOGETHER) {
            let asked = some
                .iter()
                .map(|(instance, _)| Look(self.found(instance)))
                .collect();
            let found = self.processes.link().ask_in_order::<Found>(asked).await;
            for ((instance, life), found) in some.iter().zip(found) {
                if let (Some(now), _) = found?
                    && now > life.0
                {
                    lost.push((instance.clone(), Life(now)));
                }
            }
        }
        Ok(lost)
    }

    /// A message to a process, sealed for this process: a JSON text.
    fn sealed_for(&self, process: &str, said: &impl Serialize) -> Option<String> {
        self.seal(said, &topic_of(process))
    }

    fn seal(&self, said: &impl Serialize, topic: &str) -> Option<String> {
        let json = serde_json::to_string(said).ok()?;
        let sealed = self.keyring.seal_between(&json, topic).ok()?;
        Some(format!("\"{sealed}\""))
    }

    fn open<T: DeserializeOwned>(&self, said: &str, topic: &str) -> Option<T> {
        let sealed = said.strip_prefix('"')?.strip_suffix('"')?;
        let json = self.keyring.open_between(sealed, topic).ok()?;
        serde_json::from_str(&json).ok()
    }

    /// A message of another process to this one. `None` if no process of this application has sealed it.
    pub(crate) fn hears(&self, body: &RawValue) -> Option<Said> {
        self.open(body.get(), &topic_of(self.processes.name()))
    }

    /// The answer to a process that has asked, sealed for it.
    pub(crate) fn answer(&self, from: &str, answer: &Answer) -> Option<String> {
        self.sealed_for(from, answer)
    }

    fn is_gone(&self, process: &Arc<str>) -> bool {
        lock(&self.gone).contains(process)
    }

    /// Finds out whether a process that gives no answer has gone, and remembers it: names are never used again.
    async fn looks_whether_gone(&self, process: &Arc<str>) {
        let gone = self.processes.gone(std::slice::from_ref(process)).await;
        if gone.is_ok_and(|gone| !gone.is_empty()) {
            let mut known = lock(&self.gone);
            if !known.contains(process) {
                known.push_back(process.clone());
            }
            if known.len() > MOST_GONE {
                known.pop_front();
            }
        }
    }
}

/// As long as Redis is waited for.
async fn within<T>(asked: impl Future<Output = Result<T, AskError>>) -> Result<T, AskError> {
    let away = |_| AskError::Away("Redis gives no answer".to_owned());
    timeout(REDIS, asked).await.map_err(away)?
}

/// A message to a process is sealed with this text, so no other process can open it.
fn topic_of(process: &str) -> String {
    format!("{ABOUT} {process}")
}

/// A look, which may be made as often as one likes.
struct Look(Cmd);

impl Ask for Look {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.0.send(connection).await
    }
}

impl AskAgain for Look {
    fn again(&mut self) {}
}
