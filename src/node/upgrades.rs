//! Upgrades: those that wait, and the sockets that are taken over.

use std::sync::Arc;

use napi::Result;
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;
use tokio_util::task::AbortOnDropHandle;

use super::descriptors::Descriptors;
use super::failed;
use super::loom::{NativeLoom, Open};
use super::options::NativeUpgrade;
use super::runtime::runtime;
use crate::bridge::{Job, Queue};
use crate::codes::Code;
use crate::connection::serve_arrival;
use crate::context::Level;
use crate::sync::lock;
use crate::transport::{BoxTransport, Descriptor};

fn log_descriptors(queue: &Queue, level: Level, text: &str) {
    queue.push(Job::Log {
        level,
        code: Code::Descriptors,
        about: "",
        left_out: 0,
        text,
    });
}

#[napi]
impl NativeLoom {
    /// Counts an upgrade until `settle` is called with the same number. False if there are too many, in all
    /// or from its address.
    #[napi(catch_unwind)]
    pub fn pend(&self, number: u32, address: String) -> Result<bool> {
        let pending = self.open()?.sessions.pend(&address.into());
        let is_counted = pending.is_some();
        lock(&self.handles.pending).extend(pending.map(|pending| (number, pending)));
        Ok(is_counted)
    }

    /// The application has let an upgrade pass, or the upgrade is over.
    #[napi(catch_unwind)]
    pub fn settle(&self, number: u32) {
        // Dropped after the lock was released.
        let pending = lock(&self.handles.pending).remove(&number);
        drop(pending);
    }

    /// From here on looks whether the process has descriptors left for new connections.
    #[napi(catch_unwind)]
    pub fn watch_descriptors(&mut self) -> Result<()> {
        if self.watch.is_some() {
            return Ok(());
        }
        let (descriptors, queue) = (self.descriptors.clone(), self.queue.clone());
        let watch = runtime()?.spawn(async move {
            descriptors
                .watch(|level, text| log_descriptors(&queue, level, text))
                .await;
        });
        self.watch = Some(AbortOnDropHandle::new(watch));
        Ok(())
    }

    /// Takes over a socket by its descriptor. The caller then destroys its own socket. False if there is no
    /// descriptor left; the socket can then be relayed.
    #[napi(catch_unwind)]
    pub fn accept_descriptor(
        &self,
        descriptor: i32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<bool> {
        let descriptor = match Descriptor::duplicate(descriptor) {
            Ok(descriptor) => descriptor,
            Err(error) if Descriptors::is_exhausted(&error) => {
                let found = self.descriptors.found(true, std::time::Instant::now());
                if let Some((level, text)) = found {
                    log_descriptors(&self.queue, level, text);
                }
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        };
        self.serve(move || descriptor.into_transport(), &head, upgrade)?;
        Ok(true)
    }

    /// Serves a connection on the runtime's threads. They do as much as possible, even taking memory for
    /// the connection: if all pages come at once, all of them wait for the JavaScript thread.
    pub(super) fn serve(
        &self,
        open: impl FnOnce() -> std::io::Result<BoxTransport> + Send + 'static,
        head: &[u8],
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let Open { context, sessions } = self.open()?.clone();
        let head = head.to_vec();
        let request: Arc<str> = upgrade.request.as_str().into();
        let arrival = sessions.arrive(&upgrade.bind.as_str().into(), Some(&request));
        let tasks = context.tasks.clone();
        let task = async move {
            let transport = match open() {
                Ok(transport) => transport,
                Err(error) => {
                    let text = format!("a connection could not be taken over: {error}");
                    return context.log(Level::Error, Code::Connection, text);
                }
            };
            let (request, peer) = upgrade.split();
            Box::pin(serve_arrival(
                context, arrival, transport, head, request, peer,
            ))
            .await;
        };
        tasks.spawn_on(task, runtime()?.handle());
        Ok(())
    }
}
