//! The plain objects that cross the edge. `lib/addon.d.ts` is made from them.

use std::collections::HashMap;

use napi_derive::napi;
use serde::Deserialize;

use crate::session::Peer;
use crate::sessions::OpenConnection;
use crate::transport::handshake::{Headers, UpgradeRequest};

#[napi(object)]
pub struct NativeOptions {
    pub secrets: Vec<String>,
    pub development: bool,
    /// The limits that the application gives, by their names; times in milliseconds.
    pub limits: HashMap<String, f64>,
    /// The file of the store, if it is one.
    pub sqlite: Option<String>,
    /// The store, if it is in Redis.
    pub redis_store: Option<NativeRedis>,
    /// The Redis that keeps topics, if they are not in this process.
    pub backplane: Option<NativeRedis>,
    /// The store is in the application's hands.
    pub own_store: bool,
}

/// The address of Redis, and the part of it that belongs to the application.
#[napi(object)]
pub struct NativeRedis {
    /// One URL, or the URLs of some nodes of a cluster.
    pub urls: Vec<String>,
    pub is_cluster: bool,
    /// The prefix of all keys.
    pub prefix: String,
    /// `memory`, `fsync` or `replicas`.
    pub durability: String,
}

/// An upgrade request as Node parsed it. To read a member of an object costs the JavaScript thread more
/// than parsing costs another thread, so headers and address are read from the JSON of `request`.
#[napi(object)]
pub struct NativeUpgrade {
    pub method: String,
    pub http_minor: u32,
    pub origin_allowed: bool,
    /// The compact copy for `ctx.request`, as JSON.
    pub request: String,
    pub bind: String,
}

/// The members of the compact copy that are needed here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CompactRequest {
    headers: Headers,
    address: String,
}

impl NativeUpgrade {
    pub(super) fn split(self) -> (UpgradeRequest, Peer) {
        // `lib/` has written the JSON. If it cannot be read, the headers are missing, and the handshake is
        // refused.
        let compact: CompactRequest = serde_json::from_str(&self.request).unwrap_or_default();
        let request = UpgradeRequest {
            method: self.method,
            http_minor: self.http_minor,
            headers: compact.headers,
            origin_allowed: self.origin_allowed,
        };
        let peer = Peer {
            request: Some(self.request.into()),
            bind: self.bind.into(),
            address: compact.address.into(),
        };
        (request, peer)
    }
}

#[napi(object)]
pub struct NativeConnection {
    pub number: f64,
    pub bind: String,
    pub address: String,
    /// As in `NativeUpgrade`.
    pub request: String,
}

impl From<OpenConnection> for NativeConnection {
    fn from(OpenConnection { number, peer }: OpenConnection) -> Self {
        Self {
            number: number as f64,
            bind: peer.bind.to_string(),
            address: peer.address.to_string(),
            request: peer.request.as_deref().unwrap_or("{}").to_owned(),
        }
    }
}

#[napi(object)]
pub struct NativeTemplate {
    pub id: u32,
    /// One letter for each value: see `Template::value_kinds`.
    pub kinds: String,
}

#[napi(object)]
pub struct NativeStats {
    pub connections: u32,
    pub components: u32,
    pub parked: u32,
    pub stored: f64,
    pub events: f64,
    pub errors: f64,
    pub queued_events: u32,
    pub tasks: u32,
    pub waiting_calls: u32,
    pub calls_in_flight: u32,
    pub redis: Vec<NativeRedisStats>,
}

/// What `loom.metrics()` shows beside the stats.
#[napi(object)]
pub struct NativeMetrics {
    pub joins: f64,
    pub messages: f64,
    pub bytes_received: f64,
    pub bytes_sent: f64,
    /// Failures, by code.
    pub failures: HashMap<String, f64>,
    /// Bytes that wait to be written to pages, or have come from them in part.
    pub waiting_bytes: f64,
    pub topics: f64,
    pub topic_bytes: f64,
    pub subscriptions: f64,
    /// Threads that run actors and connections.
    pub workers: u32,
    /// The upper ends of the buckets of all histograms, in seconds; one more has all that is longer.
    pub buckets: Vec<f64>,
    pub durations: HashMap<String, NativeHistogram>,
}

#[napi(object)]
pub struct NativeHistogram {
    pub counts: Vec<f64>,
    /// In seconds.
    pub sum: f64,
}

/// How Redis is that the application uses.
#[napi(object)]
pub struct NativeRedisStats {
    /// `store` or `backplane`.
    pub used_for: String,
    pub hosts: String,
    pub is_up: bool,
    /// For how long it has been away, in milliseconds; 0 if it is there.
    pub away: f64,
    /// Why it is away.
    pub why: String,
    pub losses: f64,
}

#[napi(object)]
pub struct NativeOutput<'env> {
    pub bytes: napi::bindgen_prelude::BufferSlice<'env>,
    pub ended: bool,
    pub gone: bool,
}

/// An element or text that cannot stand in its container.
#[napi(object)]
pub struct NativeMisplaced {
    /// The element, or "text".
    pub what: String,
    /// A container in which the part could stand.
    pub container: Option<String>,
}
