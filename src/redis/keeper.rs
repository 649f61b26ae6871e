//! The task that keeps a [`Link`](super::Link): it makes each connection, checks what servers it leads to, waits for its
//! end, and tells the operator when Redis is lost and when it is back.

use std::sync::Arc;
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ProtocolVersion, PushInfo, PushKind};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::address::Address;
use super::connection::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, ConnectError, Connection, MOST_WAITING};
use super::current::{Current, Health, Pushes, State, Tell};
use super::facts::{Facts, Needs};
use crate::random::random_number;

/// The first pause before a lost connection is made again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often sentinels are asked which server they name.
const NAMED_EVERY: Duration = Duration::from_secs(1);

/// The task that makes connections.
pub(super) struct Keeper {
    pub(super) address: Address,
    pub(super) needs: Needs,
    pub(super) hosts: Arc<str>,
    pub(super) tell: Box<dyn Fn(Tell) + Send + Sync>,
    pub(super) state: watch::Sender<State>,
    pub(super) lost: mpsc::Sender<u64>,
    pub(super) losses: mpsc::Receiver<u64>,
    pub(super) number: u64,
    /// The warning that the operator has been told.
    pub(super) warned: Option<String>,
    pub(super) pushes: Option<Pushes>,
    /// Set by each connection that was found by sentinels.
    pub(super) named: Option<Named>,
}

/// The server that sentinels have named.
pub(super) struct Named {
    sentinels: SentinelClient,
    address: ConnectionAddr,
}

/// Ends when the sentinels name another server. The old server may go on for ten seconds as if it were the
/// primary, and then forgets the writes of that time.
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
    pub(super) async fn run(mut self, opened: std::sync::mpsc::SyncSender<Result<(), String>>) {
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
                // A cluster's connection comes back by itself, node by node. Code that has subscribed has to
                // be told.
                if self.pushes.is_some() {
                    client = client.push_sender(self.pushed());
                }
                Connection::Cluster(client.build()?.get_async_connection().await?)
            }
        };
        let all = connection.facts(self.needs).await?;
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
