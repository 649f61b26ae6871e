//! The N-API edge, without logic of its own. Every entry catches unwinding: a panic becomes a JavaScript
//! error.
//!
//! Architecture invariant: only this room knows napi. `__test__/package/invariants.test.ts` watches it.

// For the code that the macros of napi-derive generate.
#![allow(unsafe_code, missing_docs)]

// Before the others, because the macros have to know the struct before its functions.
mod announcements;
mod loom;

mod calls;
mod connections;
mod descriptors;
mod forms;
mod held_time;
mod options;
mod pages;
mod relays;
mod runtime;
mod socket;
mod stores;
mod tables;
mod templates;
mod topics;
mod upgrades;
mod wake;

pub use loom::NativeLoom;
pub use options::*;
pub use tables::{codec, limits};
pub use templates::{compile_template, describe_value, misplaced};

fn failed(error: impl std::fmt::Display) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
