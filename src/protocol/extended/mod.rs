//! The extended dialect, `loom.2`: `docs/protocol.md` describes what these files read and write.

mod encode;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod model;
mod parse;

pub use encode::{
    Encoded, Options, checkpoint, define, define_opaque, encode, joined, keep_form, options, push,
    redirect, refused, resumed, revision, unhandled,
};
pub use parse::parse;

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "loom.2";
