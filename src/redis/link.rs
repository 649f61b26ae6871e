//! One connection to Redis, which comes back by itself.
//!
//! The crate's own `ConnectionManager` knows no sentinels, and does not look again, after it has come back, whether
//! the server is one that can be used. So the keeper here makes each connection, checks it, and says to the operator
//! when it is lost and when it is back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::connection::MOST_WAITING;
use super::current::{Current, Health, Pushes, State, Tell};
use super::facts::Needs;
use super::keeper::Keeper;

/// How long [`Link::open`] waits for the first connection.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a link cannot be opened. Neither has a password in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// The server refuses the login, or cannot be used. The next try would end in the same way.
    #[error("Redis at {hosts} cannot be used: {why}")]
    Unusable {
        /// The hosts of Redis.
        hosts: String,
        /// Why.
        why: String,
    },
}

/// One connection to Redis, which comes back by itself. All clones share it.
#[derive(Clone)]
pub struct Link {
    state: watch::Receiver<State>,
    /// Numbers of connections that were found to be dead.
    lost: mpsc::Sender<u64>,
    hosts: Arc<str>,
    is_cluster: bool,
    _keeper: Arc<AbortOnDropHandle<()>>,
}

impl Link {
    /// Opens a connection, which a task of the runtime keeps from then on. Waits for it for at most a second: if Redis
    /// cannot be reached meanwhile, the operator is told, and the task goes on trying. To be called in a runtime, and
    /// from none of its threads, since it blocks.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] if the server was reached within that second, and refuses the login, or cannot be used.
    pub fn open(
        address: Address,
        needs: Needs,
        tell: Box<dyn Fn(Tell) + Send + Sync>,
    ) -> Result<Self, OpenError> {
        Self::open_with(address, needs, tell, None)
    }

    /// As [`open`](Self::open), for channels as well. `pushes` gets their messages. The caller subscribes
    /// again on each new connection ([`newer`](Self::newer)).
    pub(crate) fn open_with(
        address: Address,
        needs: Needs,
        tell: Box<dyn Fn(Tell) + Send + Sync>,
        pushes: Option<Pushes>,
    ) -> Result<Self, OpenError> {
        let (lost, losses) = mpsc::channel(MOST_WAITING);
        let (sender, state) = watch::channel(State {
            health: Health::Opening,
            current: None,
            losses: 0,
        });
        let (opened, opening) = std::sync::mpsc::sync_channel(1);
        let hosts: Arc<str> = address.hosts().into();
        let is_cluster = matches!(address, Address::Cluster(_));
        let keeper = Keeper {
            address,
            needs,
            hosts: hosts.clone(),
            tell,
            state: sender,
            lost: lost.clone(),
            losses,
            number: 0,
            warned: None,
            pushes,
            named: None,
        };
        let keeper = AbortOnDropHandle::new(tokio::spawn(keeper.run(opened)));
        if let Ok(Err(why)) = opening.recv_timeout(OPEN_TIMEOUT) {
            let hosts = hosts.to_string();
            return Err(OpenError::Unusable { hosts, why });
        }
        Ok(Self {
            state,
            lost,
            hosts,
            is_cluster,
            _keeper: Arc::new(keeper),
        })
    }

    /// Whether Redis can be used now. Does not wait.
    pub fn health(&self) -> Health {
        self.state.borrow().health.clone()
    }

    /// How often Redis was lost so far.
    pub fn losses(&self) -> u64 {
        self.state.borrow().losses
    }

    /// The hosts of Redis, for messages.
    pub fn hosts(&self) -> &Arc<str> {
        &self.hosts
    }

    /// The connection, as soon as there is one. Ends at `until` if there has been no connection; then it says
    /// why.
    pub(super) async fn current(&self, until: Instant) -> Result<Current, String> {
        let mut state = self.state.clone();
        let found =
            state.wait_for(|state| state.current.is_some() || state.health == Health::Closed);
        if let Ok(Ok(state)) = tokio::time::timeout_at(until, found).await
            && let Some(current) = &state.current
        {
            return Ok(current.clone());
        }
        Err(match self.health() {
            Health::Down { why, .. } => format!("Redis at {} is away: {why}", self.hosts),
            Health::Closed => "the connection to Redis has been closed".to_owned(),
            Health::Opening | Health::Up => format!("Redis at {} cannot be reached", self.hosts),
        })
    }

    /// The next connection after the one of this number, as soon as there is one. `None` when the link is
    /// closed.
    pub(crate) async fn newer(&self, than: u64) -> Option<u64> {
        let mut state = self.state.clone();
        let newer = |state: &State| {
            state
                .current
                .as_ref()
                .is_some_and(|current| current.number > than)
        };
        let state = state.wait_for(newer).await.ok()?;
        state.current.as_ref().map(|current| current.number)
    }

    /// Whether channels belong to slots, as in a cluster.
    pub(crate) fn is_sharded(&self) -> bool {
        self.is_cluster
    }

    /// This connection is dead: it is made anew, unless it has been already.
    pub(super) fn lost(&self, number: u64) {
        // If there is no room, others have reported the loss already.
        let _ = self.lost.try_send(number);
    }
}
