//! Joins that are refused: what the page is told.

use crate::protocol::Refusal;

pub(super) const GONE: &str = "This part of the page is no longer valid; reload the page.";
pub(super) const TOO_MANY: &str = "This page has too many live components.";
pub(super) const FAULT: &str = "The server could not handle this.";

/// A join that was refused: what the page is told, what it can do, and the reason for the log.
pub(super) struct Refused(
    pub(super) &'static str,
    pub(super) Refusal,
    pub(super) String,
);
