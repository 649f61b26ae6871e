//! The N-API edge, without logic of its own. Every entry catches unwinding: a panic becomes a JavaScript
//! error.
//!
//! Architecture invariant: only this room knows napi. `__test__/package/invariants.test.ts` watches it.

// For the code that the macros of napi-derive generate.
#![allow(unsafe_code, missing_docs)]

mod descriptors;
mod loom;
mod options;
mod runtime;
mod socket;
mod wake;

pub use loom::{NativeLoom, codec, compile_template, describe_value, limits, misplaced};
pub use options::*;
