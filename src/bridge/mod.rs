//! The dispatcher that calls JavaScript.
//!
//! Everything crosses in batches and nothing waits for the other side: jobs gather, as numbers and
//! JSON, in a [`Queue`] that JavaScript is woken for once and drains whole; the results of all it did
//! come back in one [`Batch`], and async ones later in another. Results are matched by the call's
//! number, never by position. This module knows JavaScript but not N-API, so it is tested with a Rust
//! closure in JavaScript's place.

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
pub use jobs::{Job, Numbers, SUBMIT, kind};
pub use queue::{MAX_NUMBERS, Queue, Signal, Taken};
pub use results::{Batch, action, status};
