//! Connections, and how the application ends them.

use std::collections::HashSet;
use std::sync::Arc;

use napi::Result;
use napi_derive::napi;

use super::loom::{NativeLoom, Open};
use super::options::NativeConnection;
use crate::live_socket::LiveSocket;
use crate::members::{Leave, Whose};
use crate::sessions::OpenConnection;

impl Open {
    /// JavaScript starts no more calls for the connections that are meant. The connections are about to be
    /// closed, but end a moment later, on other threads.
    fn revoke(&self, is_meant: impl Fn(&OpenConnection) -> bool) {
        let open = self.sessions.connections().into_iter();
        let known = open.chain(self.sessions.parked());
        let requests = known.filter(is_meant).filter_map(|one| one.peer.request);
        let requests: Vec<Arc<str>> = requests.collect();
        self.context.dispatcher.revoke(&requests);
    }
}

#[napi]
impl NativeLoom {
    /// Tells all other processes this: JSON, which JavaScript gets there. Without a backplane no other
    /// process is told.
    #[napi(catch_unwind)]
    pub fn announce(&self, announcement: String) -> Result<()> {
        if let Some(announcements) = &self.announcements {
            announcements.tell(announcement);
        }
        Ok(())
    }

    /// The open connections, those that arrive, and the parked sessions.
    #[napi(catch_unwind)]
    pub fn connections(&self) -> Vec<NativeConnection> {
        let Some(Open { sessions, .. }) = &self.open else {
            return Vec::new();
        };
        // Arrivals come first: if one opens meanwhile, it is there twice under one number instead of not at
        // all.
        let arriving = sessions.arriving();
        let all = arriving.into_iter().chain(sessions.connections());
        let mut numbers = std::collections::HashSet::new();
        let all = all.chain(sessions.parked());
        let all = all.filter(|connection| numbers.insert(connection.number));
        all.map(Into::into).collect()
    }

    /// Closes connections and ends parked sessions, by their numbers. Gives how many there were.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, numbers: Vec<f64>) -> u32 {
        // Numbers count from 1 and stay below 2^53.
        let numbers: Vec<u64> = numbers.into_iter().map(|number| number as u64).collect();
        let meant: HashSet<u64> = numbers.iter().copied().collect();
        let Some(open) = &self.open else { return 0 };
        open.revoke(|one| meant.contains(&one.number));
        u32::try_from(open.sessions.disconnect(&numbers)).unwrap_or(u32::MAX)
    }

    /// Closes the connections and ends the parked sessions of a user, of an address, or of both. Gives how
    /// many there were.
    #[napi(catch_unwind)]
    pub fn disconnect_matching(&self, bind: Option<String>, address: Option<String>) -> u32 {
        let (bind, address) = (bind.as_deref(), address.as_deref());
        let Some(open) = &self.open else { return 0 };
        if bind.or(address).is_some() {
            open.revoke(|OpenConnection { peer, .. }| {
                bind.is_none_or(|bind| *bind == *peer.bind)
                    && address.is_none_or(|address| *address == *peer.address)
            });
        }
        let count = open.sessions.disconnect_matching(bind, address);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Ends the components that are in a topic, of a user, of an address, of both or of all, and the viewers of shared
    /// ones. Gives how many there were.
    #[napi(catch_unwind)]
    pub fn disconnect_topic(
        &self,
        topic: String,
        bind: Option<String>,
        address: Option<String>,
    ) -> u32 {
        let Some(open) = &self.open else { return 0 };
        let leave = leave(topic, true, bind, address);
        let mut ended = open.sessions.disconnect_topic(&leave);
        self.handles.of_topic(&leave, |socket| {
            if !socket.is_stopped() {
                socket.stop();
                ended.actors.insert(socket.key());
            }
        });
        open.context.dispatcher.give_up(&ended.actors);
        open.context.dispatcher.give_up_events(&ended.viewers);
        let count = ended.actors.len() + ended.viewers.len();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Takes the components of a user, of an address, of both or of all out of a topic. Gives how many were in it.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self, topic: String, bind: Option<String>, address: Option<String>) -> u32 {
        let Some(open) = &self.open else { return 0 };
        let leave = leave(topic, false, bind, address);
        let count = open.sessions.unsubscribe(&leave);
        let take_out = |socket: &LiveSocket| socket.leave(&leave.topic, false);
        let own = self.handles.of_topic(&leave, take_out);
        u32::try_from(count + own).unwrap_or(u32::MAX)
    }
}

fn leave(topic: String, ends: bool, bind: Option<String>, address: Option<String>) -> Leave {
    let whose = Whose {
        bind: bind.map(Into::into),
        address: address.map(Into::into),
    };
    Leave {
        topic: topic.into(),
        ends,
        whose,
    }
}
