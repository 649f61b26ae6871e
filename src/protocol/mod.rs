//! The wire: what clients and server say to each other. Text is parsed into values and written from
//! values.
//!
//! Architecture invariant: this room is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

mod client;
pub mod extended;
mod server;

pub use client::{
    ClientEvent, ClientMessage, InvalidMessage, Numbered, Parent, Resume, SpecialVars,
};
pub use server::{Beside, Refusal, ServerMessage};
