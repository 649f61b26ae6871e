//! Names that nobody can guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 128 random bits as 22 characters, none of which needs escaping in JSON.
///
/// Empty if the system gives no random numbers: the caller then has to refuse.
pub(crate) fn random_text() -> Box<str> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => URL_SAFE_NO_PAD.encode(bytes).into(),
        Err(_) => Box::default(),
    }
}

/// 52 random bits, a number that JavaScript knows exactly. `None` if the system gives no random numbers.
pub(crate) fn random_number() -> Option<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes) >> 12)
}
