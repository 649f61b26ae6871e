//! One connection to Redis, which comes back by itself.
//!
//! The crate's own `ConnectionManager` knows no sentinels, and does not look again, after it has come back, whether
//! the server is one that can be used. So the keeper here makes each connection, checks it, and says to the operator
//! when it is lost and when it is back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};
use redis::sentinel::SentinelClient;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, ErrorKind::Server,
    FromRedisValue, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::facts::{Facts, Needs};
use crate::random::random_number;

/// How long a connection may take until it can be used, with all that is asked first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take. After it, the connection is made anew: perhaps nobody is there any more.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The first pause before a lost connection is made again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long [`Link::open`] waits for the first connection.
const OPEN_TIMEOUT: Duration = Duration::from_secs(1);
/// How often sentinels are asked which server they name.
const NAMED_EVERY: Duration = Duration::from_secs(1);
/// How many commands wait for the connection's task. Whoever has one more waits.
const MOST_WAITING: usize = 1024;

/// What the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Redis cannot be reached or used; the text says why.
    Lost(String),
    /// It can be used again, after so long.
    Back(Duration),
    /// It can be used, but should be set up otherwise.
    Warning(String),
}

/// Gets what the server sends unasked. It must not block: the connection waits for it.
pub(crate) type Pushes = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Why a link cannot be opened. Neither has a password in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// The server refuses the login, or is not one that can be used. It would be the same at the next try.
    #[error("Redis at {hosts} cannot be used: {why}")]
    Unusable {
        /// Where it is.
        hosts: String,
        /// Why.
        why: String,
    },
}

/// Whether Redis can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// No connection has been made so far.
    Opening,
    /// There is a connection.
    Up,
    /// There is none, since then; the text says why.
    Down {
        /// Since when.
        since: Instant,
        /// Why.
        why: Arc<str>,
    },
    /// The link was closed.
    Closed,
}

/// A connection to one server or to a cluster.
#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// The connection of now, by number.
#[derive(Clone)]
pub(crate) struct Current {
    pub(super) number: u64,
    pub(super) connection: Connection,
    /// Whether each write is on the disk before it is answered; known only if that is needed.
    pub(super) syncs: bool,
}

struct State {
    health: Health,
    current: Option<Current>,
    /// How often a connection was lost, or could not be made at first.
    losses: u64,
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

/// Why a connection was not made.
enum ConnectError {
    /// It may be made at the next try.
    Away(String),
    /// It will not.
    Unusable(String),
}

impl From<RedisError> for ConnectError {
    fn from(error: RedisError) -> Self {
        let code = error.code().unwrap_or_default();
        let is_final = match error.kind() {
            ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::RESP3NotSupported
            | ErrorKind::EmptySentinelList
            | Server(ServerErrorKind::NoPerm) => true,
            _ => matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM"),
        };
        match is_final {
            true => Self::Unusable(error.to_string()),
            false => Self::Away(error.to_string()),
        }
    }
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

    /// As [`open`](Self::open), for what is subscribed to as well. `pushes` gets it. Whoever subscribes does so again
    /// on each new connection ([`newer`](Self::newer)).
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

    /// Where Redis is, for messages.
    pub fn hosts(&self) -> &Arc<str> {
        &self.hosts
    }

    /// The connection, as soon as there is one. Ends when there has been none until then; then it says why.
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
            Health::Closed => "it has been closed".to_owned(),
            Health::Opening | Health::Up => format!("Redis at {} cannot be reached", self.hosts),
        })
    }

    /// The next connection after that of this number, as soon as there is one. `None` when the link is closed.
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

    /// Whether channels are those of a cluster, where they belong to slots.
    pub(crate) fn is_sharded(&self) -> bool {
        self.is_cluster
    }

    /// This connection is dead: it is made anew, unless it has been already.
    pub(super) fn lost(&self, number: u64) {
        // If there is no room, others have said so already.
        let _ = self.lost.try_send(number);
    }
}

/// The task that makes connections.
struct Keeper {
    address: Address,
    needs: Needs,
    hosts: Arc<str>,
    tell: Box<dyn Fn(Tell) + Send + Sync>,
    state: watch::Sender<State>,
    lost: mpsc::Sender<u64>,
    losses: mpsc::Receiver<u64>,
    number: u64,
    /// The warning that the operator has been told.
    warned: Option<String>,
    pushes: Option<Pushes>,
    /// Set by each connection that was found by sentinels.
    named: Option<Named>,
}

/// The server that sentinels have named.
struct Named {
    sentinels: SentinelClient,
    address: ConnectionAddr,
}

/// Ends when the sentinels name another server. The one before may go on for ten seconds as if it were written to, and
/// then forgets what it was told meanwhile.
async fn renamed(named: Option<&mut Named>) {
    let Some(Named { sentinels, address }) = named else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(NAMED_EVERY).await;
        let named = tokio::time::timeout(CONNECT_TIMEOUT, sentinels.async_get_client());
        // Sentinels that cannot be asked say nothing about the server.
        if let Ok(Ok(client)) = named.await
            && client.get_connection_info().addr() != address
        {
            return;
        }
    }
}

impl Keeper {
    async fn run(mut self, opened: std::sync::mpsc::SyncSender<Result<(), String>>) {
        let mut opened = Some(opened);
        let mut down: Option<Instant> = None;
        let mut tries = 0;
        loop {
            self.number += 1;
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connect());
            let connected = connected.await.unwrap_or_else(|_| {
                let seconds = CONNECT_TIMEOUT.as_secs();
                Err(ConnectError::Away(format!("no answer within {seconds} s")))
            });
            let why = match connected {
                Ok((connection, syncs)) => {
                    tries = 0;
                    self.is_up(connection, syncs);
                    if let Some(since) = down.take() {
                        (self.tell)(Tell::Back(since.elapsed()));
                    }
                    if let Some(opened) = opened.take() {
                        let _ = opened.send(Ok(()));
                    }
                    self.wait_for_its_end().await
                }
                Err(ConnectError::Away(why)) => {
                    if let Some(opened) = opened.take() {
                        let _ = opened.send(Ok(()));
                    }
                    why
                }
                Err(ConnectError::Unusable(why)) => {
                    // `open` may have stopped waiting; then the requests get the error.
                    if let Some(opened) = opened.take() {
                        let _ = opened.send(Err(why.clone()));
                    }
                    why
                }
            };
            let is_new = down.is_none();
            if is_new {
                (self.tell)(Tell::Lost(format!("Redis at {}: {why}", self.hosts)));
            }
            let since = *down.get_or_insert_with(Instant::now);
            let why = why.into();
            self.state.send_modify(|state| {
                state.current = None;
                state.losses += u64::from(is_new);
                state.health = Health::Down { since, why };
            });
            tokio::time::sleep(pause(tries)).await;
            tries = tries.saturating_add(1);
        }
    }

    fn is_up(&self, connection: Connection, syncs: bool) {
        let number = self.number;
        self.state.send_modify(|state| {
            state.current = Some(Current {
                number,
                connection,
                syncs,
            });
            state.health = Health::Up;
        });
    }

    /// Ends when this connection is lost, or the sentinels name another server. Says why.
    async fn wait_for_its_end(&mut self) -> String {
        let lost = async {
            while let Some(number) = self.losses.recv().await {
                if number == self.number {
                    break;
                }
            }
        };
        tokio::select! {
            () = lost => "the connection was lost".to_owned(),
            () = renamed(self.named.as_mut()) => "the sentinels name another server".to_owned(),
        }
    }

    /// Makes a connection, and finds whether each write is on the disk before it is answered.
    async fn connect(&mut self) -> Result<(Connection, bool), ConnectError> {
        let mut connection = match &self.address {
            Address::Server(info) => {
                let client = Client::open((**info).clone())?;
                let config = self.config();
                Connection::One(
                    client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await?,
                )
            }
            Address::Sentinel(sentinels) => {
                let mut sentinels = sentinels.builder()?.build()?;
                let client = sentinels.async_get_client().await?;
                let address = client.get_connection_info().addr().clone();
                self.named = Some(Named { sentinels, address });
                let config = self.config();
                Connection::One(
                    client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await?,
                )
            }
            Address::Cluster(nodes) => {
                let mut client = ClusterClient::builder(nodes.iter().cloned())
                    .use_protocol(ProtocolVersion::RESP3)
                    .connection_timeout(CONNECT_TIMEOUT)
                    .response_timeout(ANSWER_TIMEOUT);
                // A cluster's connection comes back by itself, node by node. Who has subscribed has to know.
                if self.pushes.is_some() {
                    client = client.push_sender(self.pushed());
                }
                Connection::Cluster(client.build()?.get_async_connection().await?)
            }
        };
        let all = self.facts(&mut connection).await?;
        let syncs = !all.is_empty() && all.iter().all(Facts::syncs);
        for facts in all {
            if let Some(why) = facts.refused(self.needs) {
                return Err(ConnectError::Unusable(why));
            }
            let warning = facts.warning(self.needs);
            if warning.is_some() && self.warned != warning {
                self.warned.clone_from(&warning);
                let text = warning.unwrap_or_default();
                (self.tell)(Tell::Warning(format!("Redis at {}: {text}", self.hosts)));
            }
        }
        Ok((connection, syncs))
    }

    fn pushed(&self) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static {
        let (lost, number, pushes) = (self.lost.clone(), self.number, self.pushes.clone());
        move |info: PushInfo| {
            if info.kind == PushKind::Disconnection {
                let _ = lost.try_send(number);
            } else if let Some(pushes) = &pushes {
                pushes(info);
            }
            Ok(())
        }
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_pipeline_buffer_size(MOST_WAITING)
            .set_push_sender(self.pushed())
    }

    /// What each server says of itself. A user who may not ask gets no facts, and is not refused for it.
    async fn facts(&self, connection: &mut Connection) -> RedisResult<Vec<Facts>> {
        let answer: RedisResult<Value> = redis::cmd("INFO").query_async(connection).await;
        let answer = match answer {
            Err(error) if error.kind() == Server(ServerErrorKind::NoPerm) => return Ok(Vec::new()),
            answer => answer?,
        };
        let texts = of_each(answer, matches!(connection, Connection::Cluster(_)))
            .into_iter()
            .map(String::from_redis_value);
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let mut facts: Vec<_> = texts.iter().map(|text| Facts::of(text)).collect();
        if self.needs.fsync {
            // Those of a cluster's nodes come in no order: the worst of them is everybody's.
            let fsyncs = fsyncs(connection).await?;
            let worst = fsyncs
                .iter()
                .find(|fsync| fsync.as_deref() != Some("always"));
            let fsync = worst.or(fsyncs.first()).cloned().flatten();
            for facts in &mut facts {
                facts.fsync.clone_from(&fsync);
            }
        }
        Ok(facts)
    }
}

/// What each node of a cluster has answered, or a server.
fn of_each(answer: Value, is_cluster: bool) -> Vec<Value> {
    match answer {
        Value::Map(nodes) if is_cluster => nodes.into_iter().map(|(_, answer)| answer).collect(),
        answer => vec![answer],
    }
}

/// When each server writes to its disk, if it writes every change there at all.
async fn fsyncs(connection: &mut Connection) -> RedisResult<Vec<Option<String>>> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg("append*");
    let (answer, is_cluster) = match connection {
        Connection::One(one) => (command.query_async(one).await, false),
        Connection::Cluster(cluster) => {
            let nodes = MultipleNodeRoutingInfo::AllMasters;
            let routing = RoutingInfo::MultiNode((nodes, Some(ResponsePolicy::Special)));
            (cluster.route_command(command, routing).await, true)
        }
    };
    let answer: Value = match answer {
        Err(error) if error.kind() == Server(ServerErrorKind::NoPerm) => return Ok(vec![None]),
        answer => answer?,
    };
    let configs = of_each(answer, is_cluster)
        .into_iter()
        .map(HashMap::<String, String>::from_redis_value);
    let configs = configs.collect::<Result<Vec<_>, _>>()?;
    let fsyncs = configs.iter().map(|config| {
        let is_on = config.get("appendonly").is_some_and(|is_on| is_on == "yes");
        config.get("appendfsync").filter(|_| is_on).cloned()
    });
    Ok(fsyncs.collect())
}

/// How long to wait before the next try, after so many in vain: twice as long each time up to a bound, and half of it by
/// chance, so that many processes do not come back at once.
fn pause(tries: u32) -> Duration {
    let most = FIRST_PAUSE
        .saturating_mul(1 << tries.min(16))
        .min(LONGEST_PAUSE);
    // 52 random bits.
    let chance = random_number().unwrap_or_default() as f64 / (1_u64 << 52) as f64;
    most.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_differ() {
        for tries in 0..100 {
            let most = FIRST_PAUSE
                .saturating_mul(1 << tries.min(16))
                .min(LONGEST_PAUSE);
            let pauses: Vec<_> = (0..10).map(|_| pause(tries)).collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| *pause >= most / 2 && *pause <= most)
            );
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
