//! Each property with the corpus of `fuzz/`, and briefly with inputs made here.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Everything that is kept for this target, among it what once went wrong.
fn replay(target: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
        property(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{target} has no corpus");
}

fn bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..len)
}

/// Pieces in any order.
fn pieces(pieces: &'static [&'static str], count: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..count).prop_map(|chosen| chosen.concat())
}

#[test]
fn the_corpora() {
    replay("frames", frames);
    replay("classic", classic);
    replay("extended", extended);
    replay("tokens", tokens);
    replay("checkpoints", checkpoints);
    replay("trees", trees);
    replay("compact", compact);
    replay("templates", templates);
    replay("forms", forms);
    replay("addresses", addresses);
    replay("logged", logged);
}

/// A frame's first bytes and payload; the length that they give need not be true.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop::sample::select(vec![0u64, 1, 5, 125, 126, 200, 300, 301, 1 << 16, 1 << 62]);
    let first = prop_oneof![4 => prop::sample::select(vec![0x81, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8a, 0x82]), 1 => any::<u8>()];
    (first, lengths, any::<bool>(), 0..9u8, bytes(8)).prop_map(|(first, len, masked, lie, tail)| {
        let mask = if masked || lie > 0 { 0x80 } else { 0 };
        let mut frame = vec![first];
        match len {
            0..=125 => frame.push(mask | len as u8),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend(len.to_be_bytes());
            }
        }
        if mask > 0 {
            frame.extend([0; 4]);
        }
        if lie == 8 {
            frame.extend(tail);
        } else {
            frame.extend(std::iter::repeat_n(b'x', len.min(400) as usize));
        }
        frame
    })
}

const JSON: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\"j\"",
    "\"e\"",
    "\"l\"",
    "0",
    "7",
    "-1",
    "1.5",
    "1e3",
    "null",
    "true",
    "\"a\"",
    "\"\\u0000\"",
    "{\"v\":\"x\",\"c\":true}",
    "{\"d\":",
    "\"h(1)\"",
    "\"h({\\\"a\\\":1})\"",
    "\"h(\\\"\\\\ud800\\\")\"",
    "\"type\":",
    "\"join\"",
    "\"event\"",
    "\"leave\"",
    "\"id\":",
    "\"c0\"",
    "\"module\":\"m\"",
    "\"token\":\"t\"",
    "\"handler\":\"h\"",
    "\"special_vars\":{}",
    "\"__proto__\":{}",
    " ",
    "4294967296",
    "18446744073709551616",
];

const FORM: &[&str] = &[
    "a",
    "b",
    "c",
    "=",
    "&",
    "+",
    "%",
    "%41",
    "%4",
    "%c3%a9",
    "%ff",
    "é",
    "\u{1}",
    "\"",
    "\\",
    "__proto__",
];

const ADDRESS: &[&str] = &[
    "10.0.0.7",
    "::ffff:",
    "2001:db8:1:2:",
    ":",
    "::",
    "9",
    "[",
    "]",
    "%",
    "eth0",
    "fe80::1",
    ":443",
    ":99999",
    " ",
    ".",
    "é",
];

const EVENTS: &[&str] = &[
    "[\"e\",0,1,0,\"h\",\"click\"",
    "[\"j\",0,\"m\",\"t\"",
    "{\"type\":\"event\",\"id\":\"c0\",\"handler\":\"h\",\"event\":\"e\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_frames(input in bytes(200), size in any::<u8>(), list in prop::collection::vec(frame(), 0..6)) {
        frames(&input);
        let mut framed = vec![size];
        framed.extend(list.concat());
        frames(&framed);
    }

    #[test]
    fn any_text_as_a_message(start in prop::sample::select(EVENTS), rest in pieces(JSON, 8), all in pieces(JSON, 14)) {
        for text in [format!("{start}{rest}"), format!("{start},{rest}]"), format!("{start},{rest}}}"), all] {
            classic(text.as_bytes());
            extended(text.as_bytes());
        }
    }

    #[test]
    fn any_bytes_as_a_token(input in bytes(300)) {
        tokens(&input);
    }

    #[test]
    fn any_form(most in 0..12u8, form in pieces(FORM, 30)) {
        forms(&[&[most], form.as_bytes()].concat());
    }

    #[test]
    fn any_address(input in bytes(24), prefix in any::<u8>(), text in pieces(ADDRESS, 8)) {
        addresses(&[&[prefix, 0], &*input].concat());
        addresses(&[&[prefix, 1], text.as_bytes()].concat());
    }

    #[test]
    fn any_two_trees(input in bytes(400)) {
        trees(&input);
    }

    #[test]
    fn any_operations(input in bytes(300)) {
        compact(&input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_template(source in pieces(PIECES, 14), values in prop::collection::vec(pieces(VALUES, 6), 0..5)) {
        let input = [source].into_iter().chain(values).collect::<Vec<_>>().join("|");
        templates(input.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_the_log(dialect in 0..2u8, texts in prop::collection::vec("\\PC{0,90}|[\\s\\S]{0,90}", 0..8)) {
        logged(&[&[dialect], texts.join("\0").as_bytes()].concat());
    }

    #[test]
    fn any_way_back(input in bytes(120)) {
        checkpoints(&input);
    }
}
