//! Tokens: the server's own proof of which module may start with which props. A page is rendered
//! with one; a live component gets another, a checkpoint, whenever its state has moved on.
//!
//! A token travels through the browser, which can neither read nor change it: it is sealed with
//! XChaCha20-Poly1305 under a key derived with HKDF-SHA256 from the application's secret. The user
//! (`bind`) is authenticated with the token but does not stand in it.
//!
//! Architecture invariant: this file is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use std::time::Duration;
use zeroize::Zeroizing;

use crate::ids::{EventNumber, Life, Point, Revision};

/// The name of a user or an address in a store; see [`Keyring::holder`].
pub type Holder = [u8; 16];

/// The shortest secret that is accepted, in bytes: as long as the key that is derived from it.
pub const MIN_SECRET: usize = 32;

/// The longest URL of a page that is sealed, in bytes; `lib/call/context.ts` shortens longer ones.
pub const MAX_PAGE: usize = 2048;

/// The first byte of a token: the number of its format.
const VERSION: u8 = 4;
const NONCE: usize = 24;
/// How many characters at the start of a token contain its nonce.
const NONCE_TEXT: usize = 34;
/// How many characters at the end of a token contain its tag.
const TAG_TEXT: usize = 22;
/// Stands between a page's token and an anchor. The alphabet of tokens does not contain it.
pub const ANCHORED: char = '.';
/// Separates this key from every other use of the same secret.
const KEY_INFO: &[u8] = b"loom-live/token/v1";
/// A token may always have been issued this far in the future, in seconds: clocks of machines differ.
const CLOCK_SKEW: u64 = 300;
/// Separates holders' names in a store from every other use of the same secret.
const HOLDER_INFO: &[u8] = b"loom-live/holder/v1";
/// Separates shared components' names from every other use of the same secret.
const SHARED_INFO: &[u8] = b"loom-live/shared/v1";

/// Separates public names from every other use of a hash.
const NAME_INFO: &[u8] = b"loom-live/name/v1";

/// What a token can be used for. One kind never opens as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Starts a component of a rendered page.
    Mount = 1,
    /// Starts a component again, with the state that the checkpoint seals.
    Checkpoint = 2,
    /// Names the component that a page's token has started. It is sent instead of the first checkpoint
    /// if the state is too large to be sealed at once. Starts nothing by itself.
    Anchor = 3,
    /// Names a component to those who may send messages to it. Starts nothing.
    Address = 4,
    /// Shows a shared component in a rendered page, and starts the component if it does not live.
    Shared = 5,
    /// Names a viewer of a shared component, so that the numbers of its events go on. Starts nothing by itself.
    Ticket = 6,
    /// The state of a shared component, in a store. No page gets one.
    SharedState = 7,
}

/// The contents of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What the token can be used for.
    pub kind: Kind,
    /// The module that may start.
    pub module: String,
    /// The version that the module had when the token was made; the props have the form of this version.
    pub version: u32,
    /// The props to start with, as JSON.
    pub props_json: String,
    /// What goes on beside the props: subscriptions, timers, and effects that are not done, as JSON. Empty
    /// if nothing does.
    pub ongoing: String,
    /// The component of a checkpoint or an anchor. Empty in a page's token, which can start many. In the token of
    /// a shared component and in a ticket: the component's key.
    pub instance: String,
    /// The viewer of a ticket; else empty.
    pub viewer: String,
    /// Of a ticket the life of the actor that the page was let in to: the page's revision is one of this life. Else 0.
    pub owner: Life,
    /// What a checkpoint's state includes.
    pub point: Point,
    /// The life that a checkpoint was made in. Of a shared component, in a ticket and in a state: the life that
    /// the state began in, which names the state whatever process goes on with it.
    pub life: Life,
    /// The URL of the page, at most [`MAX_PAGE`] bytes; empty if the application gave none.
    pub page: String,
    /// When the token was made, in seconds since 1970.
    pub issued_at: u64,
}

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

/// A token that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be sealed: {0}")]
pub struct SealError(String);

/// Why a token was refused. Only the log says the reason: the browser learns only that the token is not
/// valid.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum TokenError {
    /// Not a token of this format, or cut off.
    #[error("the token is malformed")]
    Malformed,
    /// Changed on the way, made with another secret, or bound to another user.
    #[error("the token was changed, or made with another secret, or for another user")]
    Forged,
    /// Older than the maximum age, or issued too far in the future.
    #[error("the token has expired")]
    Expired,
}

/// The keys made of an application's secrets.
pub struct Keyring {
    ciphers: Vec<XChaCha20Poly1305>,
    /// Derives the names of holders, from the first secret, and of shared components, from each.
    names: Vec<Hkdf<Sha256>>,
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
        let ciphers = secrets.iter().map(|secret| cipher(secret.as_ref()));
        Ok(Self {
            ciphers: ciphers.collect::<Result<_, _>>()?,
            names: names.collect(),
        })
    }

    /// Seals `claims`. `bind` has to be the same when the token is opened.
    ///
    /// # Errors
    /// [`SealError`] if the system gives no random numbers.
    pub fn seal(&self, claims: &Claims, bind: &str) -> Result<String, SealError> {
        let texts = [
            &claims.module,
            &claims.instance,
            &claims.page,
            &claims.ongoing,
            &claims.props_json,
        ];
        let size = texts.iter().map(|text| text.len()).sum::<usize>() + 64;
        let mut plain = Vec::with_capacity(size);
        plain.push(claims.kind as u8);
        let Point { event, revision } = claims.point;
        let numbers = [
            claims.issued_at,
            event.0,
            revision.0,
            claims.life.0,
            claims.version.into(),
        ];
        numbers
            .into_iter()
            .for_each(|number| push_number(&mut plain, number));
        if claims.page.len() > MAX_PAGE {
            return Err(SealError("the page's URL is too long".to_owned()));
        }
        let [module, instance, page, ongoing, props_json] = texts;
        // Only a ticket has a viewer, so that no other token is longer for it.
        let viewer = (claims.kind == Kind::Ticket).then_some(&claims.viewer);
        for text in [page, module, instance, ongoing].into_iter().chain(viewer) {
            push_number(&mut plain, text.len() as u64);
            plain.extend_from_slice(text.as_bytes());
        }
        if claims.kind == Kind::Ticket {
            push_number(&mut plain, claims.owner.0);
        }
        plain.extend_from_slice(props_json.as_bytes());

        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| SealError(error.to_string()))?;
        let payload = Payload {
            msg: &plain,
            aad: bind.as_bytes(),
        };
        let cipher = self.ciphers.first();
        let sealed = cipher.and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok());
        let sealed = sealed.ok_or_else(|| SealError("the props are too large".to_owned()))?;
        let mut token = Vec::with_capacity(1 + NONCE + sealed.len());
        token.push(VERSION);
        token.extend_from_slice(&nonce);
        token.extend_from_slice(&sealed);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens the text that a page joins with: its token, its token followed by an anchor, or a checkpoint.
    /// With an anchor, the claims of the page's token get the anchor's component.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_join(
        &self,
        token: &str,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Result<Claims, TokenError> {
        let (token, anchor) = match token.split_once(ANCHORED) {
            Some((token, anchor)) => (token, Some(anchor)),
            None => (token, None),
        };
        let mut claims = self.open(token, bind, now, max_age)?;
        if let Some(anchor) = anchor {
            let anchor = self.open(anchor, &anchored(token, bind), now, max_age)?;
            let fits = claims.kind == Kind::Mount && anchor.module == claims.module;
            if !fits || anchor.kind != Kind::Anchor {
                return Err(TokenError::Malformed);
            }
            claims.instance = anchor.instance;
            claims.life = anchor.life;
        }
        match claims.kind {
            Kind::Mount | Kind::Checkpoint | Kind::Shared => Ok(claims),
            Kind::Anchor | Kind::Address | Kind::Ticket | Kind::SharedState => {
                Err(TokenError::Malformed)
            }
        }
    }

    /// As [`open_join`](Self::open_join); but the token of a shared component may have expired if the page brings
    /// a `ticket` that has not: a page may be open for longer than its token is good.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_shared(
        &self,
        token: &str,
        ticket: Option<&str>,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Result<Claims, TokenError> {
        let opened = self.open_join(token, bind, now, max_age);
        let (Err(TokenError::Expired), Some(ticket)) = (&opened, ticket) else {
            return opened;
        };
        let claims = self.open_join(token, bind, now, Duration::MAX)?;
        let is_shared = claims.kind == Kind::Shared;
        let is_known = || {
            self.open_ticket(ticket, &claims, bind, now, max_age)
                .is_some()
        };
        if is_shared && is_known() {
            Ok(claims)
        } else {
            opened
        }
    }

    /// Opens the ticket of a viewer of the shared component that `claims` are about; `None` if the text is no
    /// such ticket, or has expired.
    pub fn open_ticket(
        &self,
        ticket: &str,
        claims: &Claims,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Option<Claims> {
        let opened = self.open(ticket, bind, now, max_age).ok()?;
        let fits = opened.kind == Kind::Ticket
            && opened.module == claims.module
            && opened.instance == claims.instance
            && !opened.viewer.is_empty();
        fits.then_some(opened)
    }

    /// The names that a shared component has in a store, one for each secret: the first is the one to save
    /// under, and a state under another was saved before the secret was replaced.
    pub fn shared_instances(&self, module: &str, key: &str) -> Vec<String> {
        let names = self.names.iter().map(|names| {
            let mut name = [0; 24];
            let length = (module.len() as u64).to_le_bytes();
            let info = [SHARED_INFO, &length, module.as_bytes(), key.as_bytes()];
            // `expand` fails only for names longer than 255 hashes.
            let _ = names.expand_multi_info(&info, &mut name);
            URL_SAFE_NO_PAD.encode(name)
        });
        names.collect()
    }

    /// The name of a user (`bind`) in a store; of the address if `bind` is empty. Without the secret,
    /// nobody can tell whose name it is.
    pub fn holder(&self, bind: &str, address: &str) -> Holder {
        let (kind, name) = match bind {
            "" => (b"a", address),
            _ => (b"b", bind),
        };
        let mut holder = Holder::default();
        let info = [HOLDER_INFO, kind, name.as_bytes()];
        // `expand` fails only for names longer than 255 hashes.
        if let Some(names) = self.names.first() {
            let _ = names.expand_multi_info(&info, &mut holder);
        }
        holder
    }

    /// The address of a component of that public name: whoever has it can send messages to the component.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn address(&self, name: &str) -> Result<String, SealError> {
        let claims = Claims {
            kind: Kind::Address,
            module: String::new(),
            version: 0,
            props_json: String::new(),
            ongoing: String::new(),
            instance: name.to_owned(),
            viewer: String::new(),
            owner: Life::default(),
            point: Point::default(),
            life: Life::default(),
            page: String::new(),
            issued_at: 0,
        };
        self.seal(&claims, "")
    }

    /// The public name in an address; `None` if the text is not an address that one of these secrets made.
    pub fn open_address(&self, address: &str) -> Option<String> {
        let claims = self.unsealed(address, "").ok()?;
        (claims.kind == Kind::Address).then_some(claims.instance)
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

    fn unsealed(&self, token: &str, bind: &str) -> Result<Claims, TokenError> {
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
        let plain = self
            .ciphers
            .iter()
            .find_map(|cipher| {
                let payload = Payload {
                    msg: sealed,
                    aad: bind.as_bytes(),
                };
                cipher.decrypt(&nonce, payload).ok()
            })
            .ok_or(TokenError::Forged)?;
        parse(&plain)
    }
}

/// The text that an anchor is bound to: it names the page's token (an anchor behind the token is cut off)
/// and the user of the token.
///
/// The two ends of the token identify it: they contain its nonce and its tag.
pub fn anchored(token: &str, bind: &str) -> String {
    let token = token.split(ANCHORED).next().unwrap_or_default();
    let start = token.get(..NONCE_TEXT).unwrap_or_default();
    let end = token.len().checked_sub(TAG_TEXT);
    let end = end.and_then(|at| token.get(at..)).unwrap_or_default();
    format!("{start}{end}{ANCHORED}{bind}")
}

/// A component's name for the application, which publishes the ids of events: the instance, which names the
/// component in a store and in secrets, cannot be found from it.
pub fn public_name(instance: &str) -> String {
    let hash = Sha256::new()
        .chain_update(NAME_INFO)
        .chain_update(instance)
        .finalize();
    URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default())
}

fn cipher(secret: &[u8]) -> Result<XChaCha20Poly1305, SecretError> {
    if secret.len() < MIN_SECRET {
        return Err(SecretError::Short(secret.len()));
    }
    let mut key = Zeroizing::new([0; 32]);
    // `expand` fails only for keys longer than 255 hashes. That would leave a key of zeros, so it
    // is refused.
    Hkdf::<Sha256>::new(None, secret)
        .expand(KEY_INFO, key.as_mut_slice())
        .map_err(|_| SecretError::Short(secret.len()))?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}

/// Appends a number in as few bytes as it needs, seven bits in each, the lowest first (LEB128).
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number that [`push_number`] wrote.
fn take_number(rest: &mut &[u8]) -> Result<u64, TokenError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(TokenError::Malformed)?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(TokenError::Malformed)
}

fn parse(plain: &[u8]) -> Result<Claims, TokenError> {
    fn text(bytes: &[u8]) -> Result<String, TokenError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| TokenError::Malformed)
    }
    fn sized(rest: &mut &[u8]) -> Result<String, TokenError> {
        let len = usize::try_from(take_number(rest)?).map_err(|_| TokenError::Malformed)?;
        let (head, tail) = rest.split_at_checked(len).ok_or(TokenError::Malformed)?;
        *rest = tail;
        text(head)
    }
    let (kind, mut rest) = plain.split_first().ok_or(TokenError::Malformed)?;
    let kind = match kind {
        1 => Kind::Mount,
        2 => Kind::Checkpoint,
        3 => Kind::Anchor,
        4 => Kind::Address,
        5 => Kind::Shared,
        6 => Kind::Ticket,
        7 => Kind::SharedState,
        _ => return Err(TokenError::Malformed),
    };
    let rest = &mut rest;
    let issued_at = take_number(rest)?;
    let event = EventNumber(take_number(rest)?);
    let revision = Revision(take_number(rest)?);
    let life = Life(take_number(rest)?);
    let version = u32::try_from(take_number(rest)?).map_err(|_| TokenError::Malformed)?;
    let page = sized(rest)?;
    let module = sized(rest)?;
    let instance = sized(rest)?;
    let ongoing = sized(rest)?;
    let (viewer, owner) = match kind {
        Kind::Ticket => (sized(rest)?, Life(take_number(rest)?)),
        _ => Default::default(),
    };
    Ok(Claims {
        kind,
        module,
        version,
        props_json: text(rest)?,
        ongoing,
        instance,
        viewer,
        owner,
        point: Point { event, revision },
        life,
        page,
        issued_at,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const DAY: Duration = Duration::from_secs(86_400);

    fn ring(secrets: &[char]) -> Keyring {
        let secrets: Vec<String> = secrets.iter().map(|c| c.to_string().repeat(32)).collect();
        Keyring::new(&secrets).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            kind: Kind::Checkpoint,
            module: "counter".into(),
            version: 3,
            props_json: r#"{"count":1}"#.into(),
            instance: "abc".into(),
            viewer: String::new(),
            owner: Life::default(),
            point: Point {
                event: EventNumber(7),
                revision: Revision(5),
            },
            life: Life(3),
            ongoing: r#"{"s":[]}"#.to_owned(),
            page: "/orders?id=7".into(),
            issued_at: NOW,
        }
    }

    fn open(ring: &Keyring, token: &str, bind: &str, now: u64) -> Result<Claims, TokenError> {
        ring.open(token, bind, now, DAY)
    }

    /// A ticket names a viewer of one key, and nothing else is one.
    #[test]
    fn a_ticket_opens_for_its_key_and_user_only() {
        let keys = ring(&['a']);
        let token = |kind, key: &str| Claims {
            kind,
            instance: key.to_owned(),
            viewer: String::new(),
            ..claims()
        };
        let ticket = Claims {
            viewer: "v1".to_owned(),
            owner: Life(9),
            ..token(Kind::Ticket, "board-7")
        };
        let sealed = keys.seal(&ticket, "ada").unwrap();
        let open = |text: &str, key: &str, bind: &str| {
            keys.open_ticket(text, &token(Kind::Shared, key), bind, NOW, DAY)
        };
        assert_eq!(open(&sealed, "board-7", "ada"), Some(ticket.clone()));
        assert_eq!(open(&sealed, "board-8", "ada"), None);
        assert_eq!(open(&sealed, "board-7", "eve"), None);
        for kind in [
            Kind::Shared,
            Kind::Mount,
            Kind::Checkpoint,
            Kind::SharedState,
        ] {
            let other = keys.seal(&token(kind, "board-7"), "ada").unwrap();
            assert_eq!(open(&other, "board-7", "ada"), None, "{kind:?}");
        }
        // It lets nobody in by itself, nor does what a store has.
        let state = keys.seal(&token(Kind::SharedState, "x"), "ada").unwrap();
        for text in [sealed, state] {
            let joined = keys.open_join(&text, "ada", NOW, DAY);
            assert_eq!(joined, Err(TokenError::Malformed));
        }
    }

    #[test]
    fn a_shared_component_has_a_name_for_each_secret() {
        let names = ring(&['a', 'b']).shared_instances("board", "7");
        assert_eq!(names.len(), 2);
        assert_ne!(names[0], names[1]);
        assert_eq!(ring(&['b']).shared_instances("board", "7"), names[1..]);
        // The parts are told apart.
        let other = ring(&['a', 'b']).shared_instances("boar", "d7");
        assert_ne!(names, other);
    }

    #[test]
    fn a_token_opens_for_whom_it_was_made() {
        let ring = ring(&['a']);
        let token = ring.seal(&claims(), "user 7").unwrap();
        assert_eq!(open(&ring, &token, "user 7", NOW), Ok(claims()));
        assert_eq!(open(&ring, &token, "user 8", NOW), Err(TokenError::Forged));
        assert!(!token.contains("counter") && !token.contains("count"));
    }

    #[test]
    fn a_token_expires_and_none_comes_from_a_far_future() {
        let ring = ring(&['a']);
        let token = ring.seal(&claims(), "").unwrap();
        assert!(open(&ring, &token, "", NOW + DAY.as_secs()).is_ok());
        let late = open(&ring, &token, "", NOW + DAY.as_secs() + 1);
        assert_eq!(late, Err(TokenError::Expired));
        // The clock was set back after the token was made: the open page goes on.
        assert!(open(&ring, &token, "", NOW - DAY.as_secs()).is_ok());
        let early = open(&ring, &token, "", NOW - DAY.as_secs() - 1);
        assert_eq!(early, Err(TokenError::Expired));
        // Clocks of several machines differ, however short a token's life is.
        let moment = Duration::from_secs(1);
        let open_at = |now| ring.open(&token, "", now, moment).is_ok();
        assert!(open_at(NOW - CLOCK_SKEW) && !open_at(NOW - CLOCK_SKEW - 1));
        // A state from a store is the newest, however old its token is.
        assert_eq!(ring.open_kept(&token, ""), Ok(claims()));
        assert_eq!(ring.open_kept(&token, "x"), Err(TokenError::Forged));
    }

    #[test]
    fn a_secret_can_be_rotated() {
        let token = ring(&['a']).seal(&claims(), "").unwrap();
        assert!(open(&ring(&['b', 'a']), &token, "", NOW).is_ok());
        assert_eq!(
            open(&ring(&['b']), &token, "", NOW),
            Err(TokenError::Forged)
        );
    }

    #[test]
    fn weak_secrets_are_refused() {
        assert_eq!(Keyring::new::<&str>(&[]).err(), Some(SecretError::Missing));
        assert_eq!(Keyring::new(&["x"; 1]).err(), Some(SecretError::Short(1)));
        let second = ["x".repeat(32), "y".repeat(31)];
        assert_eq!(Keyring::new(&second).err(), Some(SecretError::Short(31)));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let ring = ring(&['a']);
        let token = ring.seal(&claims(), "").unwrap();
        for len in 0..token.len() {
            assert!(open(&ring, &token[..len], "", NOW).is_err(), "cut at {len}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = URL_SAFE_NO_PAD.encode(flipped);
            assert!(open(&ring, &flipped, "", NOW).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let mut plain = vec![2];
        plain.extend_from_slice(&[0; 9]);
        assert_eq!(
            parse(&plain).map(|claims| claims.kind),
            Ok(Kind::Checkpoint)
        );
        plain[0] = 9;
        assert_eq!(parse(&plain), Err(TokenError::Malformed));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number in any::<u64>(), shift in 0..64) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            prop_assert!(bytes.len() <= 10);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take_number(&mut rest), Ok(number));
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_number_that_is_too_large_or_has_no_end_is_none() {
        for bytes in [
            &[0xff; 11][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0x80],
            &[],
        ] {
            assert_eq!(take_number(&mut &*bytes), Err(TokenError::Malformed));
        }
    }

    fn anchor(ring: &Keyring, token: &str, module: &str, bind: &str) -> String {
        let claims = Claims {
            kind: Kind::Anchor,
            module: module.into(),
            props_json: String::new(),
            point: Point::default(),
            life: Life(0),
            ongoing: String::new(),
            ..claims()
        };
        ring.seal(&claims, &anchored(token, bind)).unwrap()
    }

    fn page(ring: &Keyring, bind: &str) -> String {
        let claims = Claims {
            kind: Kind::Mount,
            instance: String::new(),
            viewer: String::new(),
            ..claims()
        };
        ring.seal(&claims, bind).unwrap()
    }

    #[test]
    fn a_holder_has_a_name_that_only_the_secret_makes() {
        let own = ring(&['a', 'b']);
        let names = [
            own.holder("user 7", "10.0.0.7"),
            own.holder("user 8", "10.0.0.7"),
            own.holder("", "10.0.0.7"),
            own.holder("10.0.0.7", ""),
            own.holder("", ""),
            ring(&['b']).holder("user 7", "10.0.0.7"),
        ];
        let others: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(others.len(), names.len());
        assert_eq!(own.holder("user 7", "elsewhere"), names[0]);
        assert_eq!(ring(&['a']).holder("user 7", ""), names[0]);
    }

    #[test]
    fn an_anchor_gives_its_instance_to_the_token_it_was_made_for_and_nothing_else() {
        let ring = ring(&['a']);
        let join = |text: &str, bind| ring.open_join(text, bind, NOW, DAY);
        let (token, other) = (page(&ring, "user 7"), page(&ring, "user 7"));
        let anchor_of = anchor(&ring, &token, "counter", "user 7");
        let joined = join(&format!("{token}.{anchor_of}"), "user 7").unwrap();
        assert_eq!(
            (joined.kind, joined.instance.as_str()),
            (Kind::Mount, "abc")
        );
        assert_eq!(joined.props_json, claims().props_json);
        assert_eq!(
            join(&token, "user 7").map(|claims| claims.instance),
            Ok(String::new())
        );
        let checkpoint = ring.seal(&claims(), "user 7").unwrap();
        let of_checkpoint = anchor(&ring, &checkpoint, "counter", "user 7");
        let of_module = anchor(&ring, &token, "other", "user 7");
        // Another kind of token is no anchor, even if it is bound like one.
        let no_anchor = page(&ring, &anchored(&token, "user 7"));
        for text in [
            format!("{other}.{anchor_of}"),
            format!("{token}.{token}"),
            format!("{token}.{no_anchor}"),
            format!("{token}.{of_module}"),
            format!("{token}.{anchor_of}."),
            format!("{token}."),
            format!(".{anchor_of}"),
            format!("{anchor_of}.{anchor_of}"),
            format!("{checkpoint}.{of_checkpoint}"),
            anchor_of.clone(),
        ] {
            assert!(join(&text, "user 7").is_err(), "{text}");
        }
        assert!(join(&format!("{token}.{anchor_of}"), "user 8").is_err());
        let bare = ring
            .seal(
                &Claims {
                    kind: Kind::Anchor,
                    ..claims()
                },
                "",
            )
            .unwrap();
        assert_eq!(join(&bare, ""), Err(TokenError::Malformed));
    }

    /// If a token's nonce or tag changes, its anchors do not fit any more.
    #[test]
    fn the_ends_of_a_token_have_its_nonce_and_its_tag() {
        let ring = ring(&['a']);
        for size in 0..8 {
            let claims = Claims {
                props_json: "x".repeat(size),
                ..claims()
            };
            let token = ring.seal(&claims, "").unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let len = bytes.len();
            for at in (1..1 + NONCE).chain(len - 16..len) {
                let mut other = bytes.clone();
                other[at] ^= 1;
                let other = URL_SAFE_NO_PAD.encode(other);
                assert_ne!(anchored(&other, ""), anchored(&token, ""), "{at} of {len}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(token in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let ring = ring(&['a']);
            prop_assert!(open(&ring, &token, "", NOW).is_err());
            prop_assert!(ring.open_join(&token, "", NOW, DAY).is_err());
            let mut token = vec![VERSION];
            token.extend(bytes);
            prop_assert!(open(&ring, &URL_SAFE_NO_PAD.encode(token), "", NOW).is_err());
        }
    }
}
