//! Tokens: the server's own proof of which module may start with which props. A page is rendered
//! with one; a live component gets another, a checkpoint, whenever its state has moved on.
//!
//! A token travels through the browser, which can neither read nor change it: it is sealed with
//! XChaCha20-Poly1305 under a key derived with HKDF-SHA256 from the application's secret. The user
//! (`bind`) is authenticated with the token but does not stand in it.
//!
//! Architecture invariant: this room is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

mod claims;
mod joining;
mod keyring;
mod names;
#[cfg(test)]
mod tests;

pub use claims::{Claims, Kind, MAX_PAGE, SealError, TokenError};
pub use joining::{ANCHORED, anchored};
pub use keyring::{Keyring, MIN_SECRET, SecretError};
pub use names::{Holder, proof_of, public_name};
