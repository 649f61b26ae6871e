//! Live, server-driven pages: the core of `loom-live`.
//!
//! A click travels over a WebSocket to the actor of its component; the actor has JavaScript handle it
//! and render, compares the rendered tree with the last one, and sends back what changed. In the
//! order of that journey:
//!
//! * [`transport`]: from an upgraded socket to WebSocket messages.
//! * [`connection`]: one WebSocket, many components; routes messages to actors.
//! * [`sessions`], [`session`], [`outbox`]: what outlives a connection, one component as its page sees
//!   it, and what waits to be written to a connection.
//! * [`shared`]: a component that many pages show.
//! * [`live_socket`]: the actor. It owns a component's props and last tree.
//! * [`dispatch`]: the trait through which actors call `handle` and `render`.
//! * [`bridge`]: the dispatcher that calls JavaScript, in batches.
//! * [`tree`], [`template`]: what was rendered, what changed, and what is safe to show.
//! * [`protocol`], [`token`], [`registry`]: the wire, what a page may start, and with which module.
//! * [`topics`], [`presence`]: what is published under a name, and who is told; who is there, by topic.
//! * [`processes`]: those that have one backplane: which of them live, and what one says to another.
//! * [`homes`]: which process has a component, and how another one takes it over.
//! * [`announcements`]: what JavaScript tells JavaScript in all other processes, such as whom it has removed.
//! * [`held_time`]: time that stands still until a test moves it.
//! * [`living`]: the actors that live, which development has render again.
//! * [`context`], [`limits`], [`stats`], [`budget`], [`quotas`], [`turns`], [`store`]: what all of one
//!   application shares.
//! * `node`: the N-API edge.
//!
//! Architecture invariant: imports run downward only, and no files import each other in a circle.
//! `__test__/package/imports.test.ts` watches it.
//!
//! Architecture invariant: only `node` knows napi, and `unsafe` stands in `src/transport/descriptor.rs`
//! alone. `__test__/package/invariants.test.ts` watches it.

pub mod announcements;
pub mod bridge;
pub mod budget;
pub mod clock;
pub mod codec;
pub mod codes;
pub mod connection;
pub mod context;
pub mod dispatch;
pub mod effects;
pub mod forms;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod given;
pub mod held_time;
pub mod homes;
pub mod ids;
pub mod limits;
pub mod live_socket;
pub mod living;
pub mod log;
pub mod members;
pub mod message;
#[cfg(all(test, shuttle))]
mod models;
#[cfg(feature = "node")]
pub mod node;
pub mod ongoing;
pub mod outbox;
mod panics;
pub mod presence;
pub mod processes;
pub mod props;
pub mod protocol;
pub mod quotas;
mod random;
mod rate;
pub mod redis;
pub mod registry;
pub mod rope;
pub mod session;
pub mod sessions;
pub mod shared;
pub mod stats;
pub mod store;
mod sync;
pub mod template;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
mod timer;
pub mod token;
pub mod topics;
pub mod transport;
pub mod tree;
pub mod turns;
