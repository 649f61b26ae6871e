//! Forms: a handler gets the fields that another reader sees, in their order. The cost is linear in the
//! length of the body.

use std::cell::Cell;
use std::fmt::Formatter;
use std::hash::{Hash, Hasher};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::bridge::form::{TooManyFields, gather, write_form};

/// The first byte bounds the number of different names, the others are the form.
pub fn forms(input: &[u8]) {
    let (most, encoded) = input.split_first().unwrap_or((&0, &[]));
    let most = usize::from(*most);
    let encoded = String::from_utf8_lossy(encoded);
    let fields = fields(&encoded);
    let mut expected: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in &fields {
        match expected.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value),
            None => expected.push((name, vec![value])),
        }
    }

    let mut out = String::new();
    let written = write_form(&mut out, &encoded, most);
    if expected.len() > most {
        assert_eq!(written, Err(TooManyFields), "more than {most} names");
    } else {
        assert_eq!(written, Ok(()));
        // A character is six bytes at most, and so is what stands around a name and its value.
        assert!(out.len() <= 6 * (encoded.len() + 2), "{} bytes", out.len());
        let Members(members) = serde_json::from_str(&out).expect("an object");
        let expected = expected.iter().map(|(name, values)| {
            let value = match values.as_slice() {
                [one] => json!(one),
                many => json!(many),
            };
            ((*name).to_owned(), value)
        });
        assert_eq!(members, expected.collect::<Vec<_>>());
    }
    gathers_in_linear_time(&fields, most);
}

/// The WHATWG's parser of `application/x-www-form-urlencoded`, read again.
fn fields(encoded: &str) -> Vec<(String, String)> {
    let sequences = encoded.split('&').filter(|sequence| !sequence.is_empty());
    let pair = |sequence: &str| {
        let (name, value) = sequence.split_once('=').unwrap_or((sequence, ""));
        (decoded(name), decoded(value))
    };
    sequences.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return String::from_utf8_lossy(&bytes).into_owned(),
            [b'%', high, low, behind @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                bytes.push(digit(*high) << 4 | digit(*low));
                behind
            }
            [b'+', behind @ ..] => {
                bytes.push(b' ');
                behind
            }
            [byte, behind @ ..] => {
                bytes.push(*byte);
                behind
            }
        };
    }
}

/// An object's members as they stand there: a map would hide their order and those that are repeated.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

thread_local! {
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// A name that counts how often it is compared.
#[derive(Clone)]
struct Counted<'a>(&'a str);

impl PartialEq for Counted<'_> {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Counted<'_> {}

impl Hash for Counted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Each field is compared with the field of its name, and seldom with another. The comparisons are counted,
/// because no clock is the same on every machine.
fn gathers_in_linear_time(fields: &[(String, String)], most: usize) {
    COMPARED.set(0);
    let names = fields.iter().map(|(name, _)| (Counted(name), ()));
    let _ = gather(names, most);
    let (compared, count) = (COMPARED.get(), fields.len());
    let bound = 2 * count + 32;
    assert!(compared <= bound, "{compared} comparisons of {count} names");
}
