//! Channels: the messages of a channel are pushed to the connections that have subscribed.

use redis::{ErrorKind, ServerErrorKind};
use tokio::time::Instant;

use super::asking::AskError;
use super::connection::Connection;
use super::link::Link;

impl Link {
    /// Subscribes to these channels, on the connection of this number only.
    pub(crate) async fn subscribe(
        &self,
        channels: &[Vec<u8>],
        number: u64,
    ) -> Result<(), AskError> {
        self.change(channels, number, true).await
    }

    /// Ends subscriptions, on the connection of this number only.
    pub(crate) async fn unsubscribe(
        &self,
        channels: &[Vec<u8>],
        number: u64,
    ) -> Result<(), AskError> {
        self.change(channels, number, false).await
    }

    async fn change(
        &self,
        channels: &[Vec<u8>],
        number: u64,
        begins: bool,
    ) -> Result<(), AskError> {
        let away = |why: String| AskError::Away(format!("Redis at {}: {why}", self.hosts()));
        let current = self.current(Instant::now()).await.map_err(AskError::Away)?;
        if current.number != number {
            return Err(away(
                "the connection was lost, and there is a new one".to_owned(),
            ));
        }
        let changed = match current.connection {
            Connection::One(mut one) if begins => one.subscribe(channels).await,
            Connection::One(mut one) => one.unsubscribe(channels).await,
            Connection::Cluster(mut cluster) => {
                // Each channel may be on another node.
                let mut changed = Ok(());
                for channel in channels {
                    changed = match begins {
                        true => cluster.ssubscribe(channel).await,
                        false => cluster.sunsubscribe(channel).await,
                    };
                    if changed.is_err() {
                        break;
                    }
                }
                changed
            }
        };
        changed.map_err(|error| {
            // On the next connection the answer would be the same.
            if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) {
                return AskError::Refused(error.to_string());
            }
            self.lost(number);
            away(error.to_string())
        })
    }
}
