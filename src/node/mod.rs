//! The N-API edge: the only place that knows napi, and no logic of its own.
//!
//! Every entry catches unwinding: a panic becomes a JavaScript error.

// What the macros of napi-derive generate.
#![allow(unsafe_code, missing_docs)]

mod descriptors;
mod loom;
mod options;
mod runtime;
mod socket;
mod wake;

pub use loom::{NativeLoom, codec, compile_template, describe_value, limits, misplaced};
pub use options::*;
