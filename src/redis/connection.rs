//! One connection to a server or to a cluster, as it is made once; and the facts about its servers.

use std::collections::HashMap;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};
use redis::{
    Cmd, ErrorKind, ErrorKind::Server, FromRedisValue, Pipeline, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value,
};

use super::facts::{Facts, Needs};

/// How long a connection may take until it can be used, with all that is asked first.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take. After this time the connection is made anew: perhaps the server is gone. The
/// time is shorter than callers wait, so that there is time to ask again on the next connection.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// How many commands wait for the connection's task. A further command waits for room.
pub(super) const MOST_WAITING: usize = 1024;

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

/// Why a connection was not made.
pub(super) enum ConnectError {
    /// The next try may succeed.
    Away(String),
    /// No try will succeed.
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

impl Connection {
    /// The facts about each server. A user who may not ask for them gets none, and is not refused for it.
    pub(super) async fn facts(&mut self, needs: Needs) -> RedisResult<Vec<Facts>> {
        let answer: RedisResult<Value> = redis::cmd("INFO").query_async(self).await;
        let answer = match answer {
            Err(error) if error.kind() == Server(ServerErrorKind::NoPerm) => return Ok(Vec::new()),
            answer => answer?,
        };
        let texts = of_each(answer, matches!(self, Self::Cluster(_)))
            .into_iter()
            .map(String::from_redis_value);
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let mut facts: Vec<_> = texts.iter().map(|text| Facts::of(text)).collect();
        if needs.fsync {
            // The answers of a cluster's nodes come in no order: the worst answer counts for all nodes.
            let fsyncs = fsyncs(self).await?;
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

/// The answer of each node of a cluster, or of a server.
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
