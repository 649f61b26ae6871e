//! The tables that `lib/` reads once.

use napi::Result;
use napi_derive::napi;

use super::failed;
use crate::limits::Limits;

/// The table of limits, as JSON.
#[napi(catch_unwind)]
pub fn limits() -> Result<String> {
    serde_json::to_string(&Limits::table()).map_err(failed)
}

/// The numbers and names that both sides of the edge use, as JSON: see [`crate::codec`].
#[napi(catch_unwind)]
pub fn codec() -> String {
    crate::codec::table().to_string()
}
