//! The keys made of an application's secrets: they seal and open tokens.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::claims::{Claims, SealError, TokenError};

/// The shortest secret that is accepted, in bytes: as long as the key that is derived from it.
pub const MIN_SECRET: usize = 32;

/// The first byte of a token: the number of its format.
pub(super) const VERSION: u8 = 4;
pub(super) const NONCE: usize = 24;
/// Separates this key from every other use of the same secret.
const KEY_INFO: &[u8] = b"loom-live/token/v1";
/// Separates the key for messages between processes.
const BETWEEN_INFO: &[u8] = b"loom-live/between/v1";
/// Separates the key for uploads' permits.
const PERMIT_INFO: &[u8] = b"loom-live/permit/v1";
/// A token may always have been issued this far in the future, in seconds: clocks of machines differ.
pub(super) const CLOCK_SKEW: u64 = 300;

/// A secret that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    /// No secret was given.
    #[error("expected at least one secret")]
    Missing,
    /// The secret is shorter than [`MIN_SECRET`]; its length.
    #[error(
        "expected a secret of at least {MIN_SECRET} bytes but received {0}; \
         `openssl rand -base64 48` makes one"
    )]
    Short(usize),
}

/// The keys made of an application's secrets.
pub struct Keyring {
    ciphers: Vec<XChaCha20Poly1305>,
    /// The same, for messages between processes.
    between: Vec<XChaCha20Poly1305>,
    /// The same, for uploads' permits.
    permits: Vec<XChaCha20Poly1305>,
    /// Derives the names of holders, from the first secret, and of shared components, from each.
    pub(super) names: Vec<Hkdf<Sha256>>,
}

impl Keyring {
    /// Derives a key from each secret. The first key seals, every key opens: so a secret can be replaced
    /// while pages with tokens of the old one are still open.
    ///
    /// # Errors
    /// [`SecretError`] if there is no secret, or one is too short.
    pub fn new<S: AsRef<[u8]>>(secrets: &[S]) -> Result<Self, SecretError> {
        if secrets.is_empty() {
            return Err(SecretError::Missing);
        }
        let names = secrets
            .iter()
            .map(|secret| Hkdf::new(None, secret.as_ref()));
        let ciphers = |info| {
            secrets
                .iter()
                .map(move |secret| cipher(secret.as_ref(), info))
        };
        Ok(Self {
            ciphers: ciphers(KEY_INFO).collect::<Result<_, _>>()?,
            between: ciphers(BETWEEN_INFO).collect::<Result<_, _>>()?,
            permits: ciphers(PERMIT_INFO).collect::<Result<_, _>>()?,
            names: names.collect(),
        })
    }

    /// Seals `claims`. `bind` has to be the same when the token is opened.
    ///
    /// # Errors
    /// [`SealError`] if the system gives no random numbers.
    pub fn seal(&self, claims: &Claims, bind: &str) -> Result<String, SealError> {
        seal(&self.ciphers, &claims.to_bytes()?, bind)
    }

    /// Seals a message of one process to others, in the topic `topic` between them.
    ///
    /// # Errors [`SealError`] if the system gives no random numbers.
    pub fn seal_between(&self, said: &str, topic: &str) -> Result<String, SealError> {
        seal(&self.between, said.as_bytes(), topic)
    }

    /// Opens a message of another process in this topic.
    ///
    /// # Errors [`TokenError`], but never [`TokenError::Expired`].
    pub fn open_between(&self, sealed: &str, topic: &str) -> Result<String, TokenError> {
        let said = open(&self.between, sealed, topic)?;
        String::from_utf8(said).map_err(|_| TokenError::Malformed)
    }

    /// Seals a permit for an upload. `bind` has to be the same when the permit is opened.
    ///
    /// # Errors [`SealError`] if the system gives no random numbers.
    pub fn seal_permit(&self, permit: &str, bind: &str) -> Result<String, SealError> {
        seal(&self.permits, permit.as_bytes(), bind)
    }

    /// The content of a permit, whatever its age; `None` if the text is not a permit that one of these
    /// secrets made for this user.
    pub fn open_permit(&self, sealed: &str, bind: &str) -> Option<String> {
        let permit = open(&self.permits, sealed, bind).ok()?;
        String::from_utf8(permit).ok()
    }

    /// Opens a state from a store. Its age does not matter: the state in a store is the newest.
    ///
    /// # Errors
    /// [`TokenError`], but never [`TokenError::Expired`].
    pub fn open_kept(&self, token: &str, bind: &str) -> Result<Claims, TokenError> {
        self.unsealed(token, bind)
    }

    /// Opens a token made by [`seal`](Self::seal), of any kind.
    ///
    /// `now` is in seconds since 1970. A token may be `max_age` old, or have been issued as far in the
    /// future, because the machine's clock may have been set back since. Five minutes in the future are
    /// always allowed.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(
        &self,
        token: &str,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Result<Claims, TokenError> {
        let claims = self.unsealed(token, bind)?;
        let max_age = max_age.as_secs();
        let age = now.saturating_sub(claims.issued_at);
        let ahead = claims.issued_at.saturating_sub(now);
        if age > max_age || ahead > max_age.max(CLOCK_SKEW) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    pub(super) fn unsealed(&self, token: &str, bind: &str) -> Result<Claims, TokenError> {
        Claims::from_bytes(&open(&self.ciphers, token, bind)?)
    }
}

/// Seals with the first of these ciphers. `about` has to be the same when the text is opened.
fn seal(ciphers: &[XChaCha20Poly1305], plain: &[u8], about: &str) -> Result<String, SealError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| SealError(error.to_string()))?;
    let payload = Payload {
        msg: plain,
        aad: about.as_bytes(),
    };
    let cipher = ciphers.first();
    let sealed = cipher.and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok());
    let sealed = sealed.ok_or_else(|| SealError("the text is too large".to_owned()))?;
    let mut token = Vec::with_capacity(1 + NONCE + sealed.len());
    token.push(VERSION);
    token.extend_from_slice(&nonce);
    token.extend_from_slice(&sealed);
    Ok(URL_SAFE_NO_PAD.encode(token))
}

fn open(ciphers: &[XChaCha20Poly1305], token: &str, about: &str) -> Result<Vec<u8>, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| TokenError::Malformed)?;
    let [VERSION, rest @ ..] = bytes.as_slice() else {
        return Err(TokenError::Malformed);
    };
    let (nonce, sealed) = rest
        .split_first_chunk::<NONCE>()
        .ok_or(TokenError::Malformed)?;
    let nonce = XNonce::from(*nonce);
    let opened = ciphers.iter().find_map(|cipher| {
        let payload = Payload {
            msg: sealed,
            aad: about.as_bytes(),
        };
        cipher.decrypt(&nonce, payload).ok()
    });
    opened.ok_or(TokenError::Forged)
}

fn cipher(secret: &[u8], info: &[u8]) -> Result<XChaCha20Poly1305, SecretError> {
    if secret.len() < MIN_SECRET {
        return Err(SecretError::Short(secret.len()));
    }
    let mut key = Zeroizing::new([0; 32]);
    // `expand` fails only for keys longer than 255 hashes. That would leave a key of zeros, so it
    // is refused.
    Hkdf::<Sha256>::new(None, secret)
        .expand(info, key.as_mut_slice())
        .map_err(|_| SecretError::Short(secret.len()))?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}
