//! Rendered trees: what a component shows, held so that two renders can be compared.
//!
//! A tree is a template's statics with something dynamic in each slot: a leaf, a subtree or a list
//! of trees (the reference's `glimr/loom/runtime`).
//!
//! Architecture invariant: this room is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

mod apply;
mod children;
mod compact;
mod diff;
mod html;
mod json;
mod keyed;
mod keys;
mod node;
mod packed;
mod render;
mod rows;
pub mod surrogates;
mod tail;
mod templates;

pub use apply::ApplyError;
pub use children::Child;
pub use compact::{Compact, CompactError, Decoded, RefusedValue, op};
pub use diff::{Change, ListEdit, Patch, diff};
pub use json::{ParseError, write_string as write_json_string};
pub use keyed::{Plan, Source, Step};
pub use node::{Builder, Leaf, Node, TreeError, View};
pub use render::{Mismatch, Render, Script, Update};
pub use rows::{Branch, Dynamic, List, LiveTree, TreeView};
pub use tail::{LEAST_STAYS, LEAST_TEXT, Stays, utf16_units};
pub use templates::{TemplateId, Templates};

/// How deep trees may nest: a root is level 1, a subtree or a list's item one level below its
/// parent. A deeper tree is an error. This bounds the recursion of every walk in this module.
pub const MAX_DEPTH: usize = 64;

#[cfg(test)]
pub(crate) mod testing;
