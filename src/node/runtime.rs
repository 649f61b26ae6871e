//! The one tokio runtime of the process, shared by every application in it.

use std::sync::OnceLock;

use napi::{Error, Result};
use tokio::runtime::{Builder, Runtime};

/// The runtime, started at the first use and never stopped: its threads end with the process.
///
/// One core is left to the JavaScript thread.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Builder::new_multi_thread()
                .worker_threads(cores.saturating_sub(1).max(1))
                .thread_name("loom-live")
                // A look for new input is a system call. With the default, one look after 61 tasks, there
                // would be several for each batch that JavaScript handles.
                .event_interval(256)
                .enable_all()
                .build()
        })
        .as_ref()
        .map_err(|error| Error::from_reason(format!("loom-live could not start threads: {error}")))
}
