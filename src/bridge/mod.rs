//! The dispatcher that calls JavaScript.
//!
//! Everything crosses in batches, and neither side waits for the other. Jobs gather, as numbers and JSON,
//! in a [`Queue`]; JavaScript is woken once for all of them and takes all. Its results come back in one
//! [`Batch`], and those of async handlers later in another. Results are matched by the call's number, never
//! by position. This module does not know N-API, so it is tested with a Rust closure in JavaScript's place.

mod calls;
pub(crate) mod form;
mod jobs;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod names;
mod queue;
mod results;
mod revoked;
#[cfg(test)]
mod tests;

pub use calls::JsDispatcher;
pub use jobs::{Job, MESSAGE, MODEL, Numbers, SUBMIT, from, kind, part};
pub use names::ModuleNames;
pub use queue::{MAX_NUMBERS, Queue, Signal, Taken};
pub use results::{Batch, action, status};
