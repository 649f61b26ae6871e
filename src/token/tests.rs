use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::keyring::{CLOCK_SKEW, NONCE, VERSION};
use super::*;
use crate::ids::{EventNumber, Life, Point, Revision};

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
        unsaid: String::new(),
    }
}

#[test]
fn a_state_is_opened_with_what_was_unsaid() {
    let ring = ring(&['a']);
    for kind in [Kind::Checkpoint, Kind::SharedState] {
        let state = Claims { kind, ..claims() };
        let without = ring.seal(&state, "ann").unwrap();
        let state = Claims {
            unsaid: "[1]".to_owned(),
            ..state
        };
        let sealed = ring.seal(&state, "ann").unwrap();
        assert_eq!(open(&ring, &sealed, "ann", NOW), Ok(state));
        assert!(without.len() < sealed.len());
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
    // Such a token lets nobody in by itself, and neither does a state of a store.
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
    // Another kind of token does not count as an anchor, even if it is bound like one.
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
