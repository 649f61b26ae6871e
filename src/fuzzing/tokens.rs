//! Tokens: a text that was not sealed does not open. A sealed text opens only for the user, and as the kind
//! of token, that it was sealed for.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Input;
use crate::ids::{EventNumber, Life, Point, Revision};
use crate::token::{Claims, Keyring, Kind, TokenError, anchored};

const DAY: u64 = 86_400;

static RING: LazyLock<Keyring> = LazyLock::new(|| Keyring::new(&["a".repeat(32)]).expect("a key"));

fn open(token: &str, bind: &str, now: u64) -> Result<Claims, TokenError> {
    RING.open(token, bind, now, Duration::from_secs(DAY))
}

/// The bytes are a token (`t` and its text, or `b` and the bytes of that text). Otherwise they give the
/// content to seal, and how the sealed text is changed.
pub fn tokens(input: &[u8]) {
    match input.split_first() {
        Some((b't', text)) => {
            let text = String::from_utf8_lossy(text);
            assert!(open(&text, "", 0).is_err(), "{text} opened");
        }
        Some((b'b', bytes)) => {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            assert!(open(&text, "", 0).is_err(), "{text} opened");
        }
        _ => sealed(&mut Input(input)),
    }
}

fn sealed(input: &mut Input<'_>) {
    let bit = input.number() as usize;
    let place = input.number() as usize;
    let other = input.byte();
    let kinds = [
        Kind::Mount,
        Kind::Checkpoint,
        Kind::Anchor,
        Kind::Shared,
        Kind::Ticket,
        Kind::SharedState,
    ];
    let kind = kinds[input.below(6)];
    let claims = Claims {
        kind,
        module: input.text(20),
        version: input.number() as u32,
        instance: input.text(20),
        viewer: match kind {
            Kind::Ticket => input.text(20),
            _ => String::new(),
        },
        owner: match kind {
            Kind::Ticket => Life(input.number()),
            _ => Life::default(),
        },
        point: Point {
            event: EventNumber(input.number()),
            revision: Revision(input.number()),
        },
        life: Life(input.number()),
        ongoing: input.text(20),
        page: input.text(20),
        issued_at: input.number(),
        props_json: input.text(200),
        unsaid: match kind {
            Kind::Checkpoint | Kind::SharedState => input.text(20),
            _ => String::new(),
        },
    };
    let bind = input.text(20);
    let now = claims.issued_at;
    let token = RING.seal(&claims, &bind).expect("a token");
    assert_eq!(open(&token, &bind, now).as_ref(), Ok(&claims));
    assert!(open(&token, &format!("{bind}x"), now).is_err());

    let mut bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    // From the end, so that the first input does not meet the format's first byte.
    let bits = bytes.len() * 8;
    let bit = bits - 1 - bit % bits;
    bytes[bit / 8] ^= 1 << (bit % 8);
    let flipped = URL_SAFE_NO_PAD.encode(&bytes);
    assert!(
        open(&flipped, &bind, now).is_err(),
        "opened without bit {bit}"
    );

    // As text, too: no two texts are the same token.
    let mut text = token.clone().into_bytes();
    let place = place % text.len();
    if text[place] != other {
        text[place] = other;
        let text = String::from_utf8_lossy(&text);
        assert!(
            open(&text, &bind, now).is_err(),
            "{text} opened like {token}"
        );
    }
    assert!(open(&token[..place], &bind, now).is_err(), "cut at {place}");

    joins(&claims, &token, &bind);

    let late = now.saturating_add(DAY + 1);
    if late - now > DAY {
        assert_eq!(open(&token, &bind, late), Err(TokenError::Expired));
    }
    if let Some(early) = now.checked_sub(DAY + 1) {
        assert_eq!(open(&token, &bind, early), Err(TokenError::Expired));
    }
}

/// An anchor joins with the token that it was made for, and nothing but that; by itself it does not.
fn joins(claims: &Claims, token: &str, bind: &str) {
    let now = claims.issued_at;
    let join = |text: &str| RING.open_join(text, bind, now, Duration::from_secs(DAY));
    let joined = join(token);
    let joins = [Kind::Mount, Kind::Checkpoint, Kind::Shared];
    assert_eq!(joined.is_ok(), joins.contains(&claims.kind));
    let anchor = Claims {
        kind: Kind::Anchor,
        ..claims.clone()
    };
    let another = RING.seal(claims, bind).expect("a token");
    let anchor = RING
        .seal(&anchor, &anchored(token, bind))
        .expect("an anchor");
    let anchored = join(&format!("{token}.{anchor}"));
    assert_eq!(anchored.is_ok(), claims.kind == Kind::Mount);
    assert!(join(&format!("{another}.{anchor}")).is_err());
    assert!(join(&anchor).is_err());
}
