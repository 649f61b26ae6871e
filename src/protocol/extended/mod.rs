//! The extended dialect, `loom.2`. `docs/protocol.md` describes the messages that these files read and write.

mod across;
mod encode;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod model;
mod parse;

pub use across::Across;
pub use encode::{
    Encoded, JoinFlags, Options, checkpoint, define, define_opaque, encode, encode_for_many,
    joined, keep_form, options, push, redirect, refused, resumed, revision, tree_for_many,
    unhandled,
};
pub use parse::parse;

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "loom.2";
