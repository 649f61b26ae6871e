//! Sockets whose bytes `lib/` carries.

use napi::bindgen_prelude::{BufferSlice, Uint8ArraySlice};
use napi::{Env, Result};
use napi_derive::napi;

use super::loom::NativeLoom;
use super::options::{NativeOutput, NativeUpgrade};
use crate::bridge::Job;
use crate::sync::lock;
use crate::transport::{BoxTransport, Relay, RelaySignal, relay};

#[napi]
impl NativeLoom {
    /// Takes over a socket whose bytes `lib/` carries.
    #[napi(catch_unwind)]
    pub fn accept_relay(
        &self,
        number: u32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let queue = self.queue.clone();
        let (relay, stream) = relay(Box::new(move |signal| {
            queue.push(Job::Relay {
                relay: number,
                resume: signal == RelaySignal::Resume,
            });
        }));
        lock(&self.handles.relays).insert(number, relay);
        self.serve(move || Ok(Box::new(stream) as BoxTransport), &head, upgrade)
    }

    fn relay(&self, number: u32) -> Option<Relay> {
        lock(&self.handles.relays).get(&number).cloned()
    }

    /// Takes bytes that a relayed socket has read. False asks to stop reading.
    #[napi(catch_unwind)]
    pub fn relay_push(&self, number: u32, bytes: Uint8ArraySlice<'_>) -> bool {
        self.relay(number).is_none_or(|relay| relay.push(&bytes))
    }

    /// A relayed socket's other end has sent its last byte.
    #[napi(catch_unwind)]
    pub fn relay_end(&self, number: u32) {
        if let Some(relay) = self.relay(number) {
            relay.end();
        }
    }

    /// The bytes that a relayed socket is to write.
    #[napi(catch_unwind)]
    pub fn relay_pull<'env>(
        &self,
        env: &'env Env,
        number: u32,
    ) -> Result<Option<NativeOutput<'env>>> {
        let Some(relay) = self.relay(number) else {
            return Ok(None);
        };
        let output = relay.pull();
        Ok(Some(NativeOutput {
            bytes: BufferSlice::copy_from(env, &output.bytes)?,
            ended: output.ended,
            gone: output.gone,
        }))
    }

    /// A relayed socket has written so many bytes.
    #[napi(catch_unwind)]
    pub fn relay_written(&self, number: u32, count: u32) {
        if let Some(relay) = self.relay(number) {
            relay.written(count as usize);
        }
    }

    /// A relayed socket is gone.
    #[napi(catch_unwind)]
    pub fn relay_destroy(&self, number: u32) {
        let relay = lock(&self.handles.relays).remove(&number);
        if let Some(relay) = relay {
            relay.destroy();
        }
    }
}
