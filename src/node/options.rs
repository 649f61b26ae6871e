//! What JavaScript hands over, as plain objects. `lib/native.ts` declares the same shapes.

use std::time::Duration;

use napi_derive::napi;
use serde::Deserialize;

use crate::connection::{OpenConnection, Peer};
use crate::limits::Limits;
use crate::transport::handshake::{Headers, UpgradeRequest};

#[napi(object)]
pub struct NativeOptions {
    pub secrets: Vec<String>,
    pub development: bool,
    pub limits: NativeLimits,
    /// The file of a store.
    pub sqlite: Option<String>,
}

/// As `Limits`; times in milliseconds.
#[napi(object)]
pub struct NativeLimits {
    pub message_bytes: u32,
    pub components: u32,
    pub queued_events: u32,
    pub outgoing_bytes: u32,
    pub waiting_bytes: u32,
    pub invalid_messages: u32,
    pub waiting_calls: u32,
    pub handler_time: f64,
    pub ping_after: f64,
    pub dead_after: f64,
    pub park_time: f64,
    pub parked: u32,
    pub parked_bytes: u32,
    pub checkpoint_events: u32,
    pub checkpoint_quiet: f64,
    pub checkpoint_bytes: u32,
    pub event_age: f64,
    pub event_rate: u32,
    pub event_burst: u32,
    pub connections_per_address: u32,
    pub event_rate_per_address: u32,
    pub event_burst_per_address: u32,
    pub joins: u32,
    pub waiting_joins: u32,
    pub join_rate: u32,
    pub join_burst: u32,
    pub join_rate_per_address: u32,
    pub join_burst_per_address: u32,
    pub token_age: f64,
}

fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or(Duration::MAX)
}

impl From<NativeLimits> for Limits {
    fn from(limits: NativeLimits) -> Self {
        Self {
            message_bytes: limits.message_bytes as usize,
            components: limits.components as usize,
            queued_events: limits.queued_events as usize,
            outgoing_bytes: limits.outgoing_bytes as usize,
            waiting_bytes: limits.waiting_bytes as usize,
            invalid_messages: limits.invalid_messages,
            waiting_calls: limits.waiting_calls as usize,
            handler_time: milliseconds(limits.handler_time),
            ping_after: milliseconds(limits.ping_after),
            dead_after: milliseconds(limits.dead_after),
            park_time: milliseconds(limits.park_time),
            parked: limits.parked as usize,
            parked_bytes: limits.parked_bytes as usize,
            checkpoint_events: limits.checkpoint_events,
            checkpoint_quiet: milliseconds(limits.checkpoint_quiet),
            checkpoint_bytes: limits.checkpoint_bytes as usize,
            event_age: milliseconds(limits.event_age),
            event_rate: limits.event_rate,
            event_burst: limits.event_burst,
            connections_per_address: limits.connections_per_address as usize,
            event_rate_per_address: limits.event_rate_per_address,
            event_burst_per_address: limits.event_burst_per_address,
            joins: limits.joins as usize,
            waiting_joins: limits.waiting_joins as usize,
            join_rate: limits.join_rate,
            join_burst: limits.join_burst,
            join_rate_per_address: limits.join_rate_per_address,
            join_burst_per_address: limits.join_burst_per_address,
            token_age: milliseconds(limits.token_age),
        }
    }
}

/// An upgrade request as Node parsed it. Reading a member costs JavaScript's thread more than parsing
/// it costs another, so that what the copy has is read out of that.
#[napi(object)]
pub struct NativeUpgrade {
    pub method: String,
    pub http_minor: u32,
    pub origin_allowed: bool,
    /// The compact copy for `ctx.request`, as JSON.
    pub request: String,
    pub bind: String,
}

/// What of the compact copy counts here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CompactRequest {
    headers: Headers,
    address: String,
}

impl NativeUpgrade {
    pub(super) fn split(self) -> (UpgradeRequest, Peer) {
        // `lib/` wrote it; what cannot be read is no handshake.
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
    pub events: f64,
    pub errors: f64,
    pub queued_events: u32,
    pub waiting_calls: u32,
    pub calls_in_flight: u32,
}

#[napi(object)]
pub struct NativeOutput<'env> {
    pub bytes: napi::bindgen_prelude::BufferSlice<'env>,
    pub ended: bool,
    pub gone: bool,
}
