//! A component's committed props: the JSON text that JavaScript produced, held in pieces.
//!
//! A handler that changes one row of a thousand hands over the text of one row. So the text is split
//! into pieces, as deep as changes have reached into it, and versions share the pieces that are the
//! same: a new version costs what changed, and the version before stays valid as long as it is held.
//!
//! Architecture invariant: this room is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

mod elements;

use std::fmt;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use self::elements::{Elements, Gather};
use crate::rope::{Chunk, Edit, Rope};
use crate::tree::{Compact, CompactError};

/// How deep changes may reach into objects; a deeper change sends the whole value at this depth.
pub const MAX_DEPTH: usize = 32;

/// The kinds of operations that say how props changed; `lib/render/delta.ts` writes them,
/// with the numbers that [`crate::codec`] hands over.
pub mod op {
    /// A value as JSON; argument: the text's length.
    pub const TEXT: u32 = 0;
    /// A value as before. In an array: the next elements as before; argument: how many.
    pub const KEEP: u32 = 1;
    /// An object with the same keys; argument: how many. One operation for each value follows.
    pub const OBJECT: u32 = 2;
    /// An array; argument: how many steps follow: `TEXT`, `KEEP`, `DROP`, `MOVE`.
    pub const ARRAY: u32 = 3;
    /// In an array: the next old elements do not stand here; argument: how many.
    pub const DROP: u32 = 4;
    /// In an array: an old element; argument: its old index.
    pub const MOVE: u32 = 5;
    /// A string that begins with the whole old string; argument: the length of the added text, written as in
    /// JSON but without quotes.
    pub const MORE: u32 = 6;
    /// By how many bits the argument is shifted.
    pub const SHIFT: u32 = 3;
}

/// Props as JSON. A clone shares all texts; it costs one step for each member of a split object.
#[derive(Clone)]
pub struct Props(Value);

#[derive(Clone)]
enum Value {
    /// JSON text that is not split: no change has reached into it.
    Text(Arc<str>),
    /// Members in their order, each key as JSON.
    Object(Vec<(Arc<str>, Value)>),
    Array(Rope<Elements>),
}

impl Props {
    /// Props of this text, which is valid JSON and is not checked here.
    pub fn from_json(text: &str) -> Self {
        Self(Value::Text(text.into()))
    }

    /// The whole text, exactly as `JSON.stringify` would write these props.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends the text of [`to_json`](Self::to_json).
    pub fn write_json(&self, out: &mut String) {
        self.0.write(out);
    }

    /// About how many bytes the props take. Costs one step for each member of a split object.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// The text without these members of the outermost object. Each name is given as JSON writes it,
    /// in quotes.
    pub fn to_json_without(&self, names: &[Box<str>]) -> String {
        if names.is_empty() {
            return self.to_json();
        }
        match self.0.members() {
            // The props are not an object, so they have no members.
            Err(_) => self.to_json(),
            Ok(mut members) => {
                members.retain(|(key, _)| !names.iter().any(|name| **name == **key));
                Self(Value::Object(members)).to_json()
            }
        }
    }

    /// The next props, from the operations that say what changed.
    ///
    /// # Errors
    /// If the operations do not fit these props: a fault of the encoder.
    pub fn changed(&self, operations: &mut Compact<'_>) -> Result<Self, CompactError> {
        self.0.changed(operations, 0).map(Self)
    }
}

impl fmt::Debug for Props {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

const MISFIT: CompactError = CompactError::Malformed("the change does not fit the props");

impl Value {
    fn memory(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Object(members) => members
                .iter()
                .map(|(key, value)| key.len() + value.memory())
                .sum(),
            Self::Array(elements) => elements.bytes(),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Object(members) => {
                let mut before = '{';
                for (key, value) in members {
                    out.push(before);
                    out.push_str(key);
                    out.push(':');
                    value.write(out);
                    before = ',';
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
            Self::Array(elements) => {
                let mut before = '[';
                for (chunk, _) in elements.chunks(0..elements.len()) {
                    out.push(before);
                    out.push_str(chunk.text(0..chunk.count()));
                    before = ',';
                }
                out.push_str(if elements.is_empty() { "[]" } else { "]" });
            }
        }
    }

    fn changed(&self, operations: &mut Compact<'_>, depth: usize) -> Result<Self, CompactError> {
        let (kind, argument) = operations.operation(op::SHIFT)?;
        match kind {
            op::TEXT => Ok(Self::Text(operations.text(argument)?.into())),
            op::KEEP => Ok(self.clone()),
            op::MORE => self.longer(operations.text(argument)?),
            op::OBJECT if depth < MAX_DEPTH => {
                let mut members = self.members()?;
                if members.len() != argument as usize {
                    return Err(MISFIT);
                }
                for (_, value) in &mut members {
                    *value = value.changed(operations, depth + 1)?;
                }
                Ok(Self::Object(members))
            }
            op::ARRAY => changed_elements(&self.elements()?, operations, argument).map(Self::Array),
            _ => Err(MISFIT),
        }
    }

    /// This string, longer by `follows`.
    fn longer(&self, follows: &str) -> Result<Self, CompactError> {
        let Self::Text(text) = self else {
            return Err(MISFIT);
        };
        let string = text.strip_suffix('"').filter(|text| text.starts_with('"'));
        let longer = [string.ok_or(MISFIT)?, follows, "\""].concat();
        Ok(Self::Text(longer.into()))
    }

    fn members(&self) -> Result<Vec<(Arc<str>, Value)>, CompactError> {
        match self {
            Self::Object(members) => Ok(members.clone()),
            Self::Text(text) => {
                let mut json = serde_json::Deserializer::from_str(text);
                json.deserialize_map(Members).map_err(|_| MISFIT)
            }
            Self::Array(_) => Err(MISFIT),
        }
    }

    fn elements(&self) -> Result<Rope<Elements>, CompactError> {
        match self {
            Self::Array(elements) => Ok(elements.clone()),
            Self::Text(text) => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| MISFIT)?;
                let mut gather = Gather::default();
                for element in elements {
                    gather.push(element.get());
                }
                Ok(Rope::new(gather.take_chunks()))
            }
            Self::Object(_) => Err(MISFIT),
        }
    }
}

/// The elements after `steps` steps. Each run of steps between two `KEEP`s costs the logarithm of the
/// array's length.
fn changed_elements(
    old: &Rope<Elements>,
    operations: &mut Compact<'_>,
    steps: u32,
) -> Result<Rope<Elements>, CompactError> {
    let mut edit = Edit::new(old.clone());
    let mut gather = Gather::default();
    for _ in 0..steps {
        let (kind, argument) = operations.operation(op::SHIFT)?;
        let count = argument as usize;
        match kind {
            op::KEEP => edit.keep(gather.take_chunks(), count).ok_or(MISFIT)?,
            op::DROP => edit.drop(count),
            op::TEXT => gather.push(operations.text(argument)?),
            op::MOVE => {
                let (chunk, index) = old.get(count).ok_or(MISFIT)?;
                gather.push(chunk.text(index..index + 1));
            }
            _ => return Err(MISFIT),
        }
    }
    edit.finish(gather.take_chunks()).ok_or(MISFIT)
}

/// Splits an object into its members; the texts of keys and values are kept as they are.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Arc<str>, Value)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.push((key.get().into(), Value::Text(value.get().into())));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(kind: u32, argument: usize) -> u32 {
        (argument as u32) << op::SHIFT | kind
    }

    fn changed(props: &Props, ops: &[u32], text: &str) -> Result<Props, CompactError> {
        props.changed(&mut Compact::new(ops, text))
    }

    #[test]
    fn a_member_of_a_member_changes() {
        let first = Props::from_json(r#"{"é\"":{"a":1,"b":[1, 2]},"c":"x"}"#);
        let ops = [
            code(op::OBJECT, 2),
            code(op::OBJECT, 2),
            code(op::TEXT, 2),
            code(op::KEEP, 0),
            code(op::KEEP, 0),
        ];
        let second = changed(&first, &ops, "22").unwrap();
        assert_eq!(second.to_json(), r#"{"é\"":{"a":22,"b":[1, 2]},"c":"x"}"#);
        assert_eq!(first.to_json(), r#"{"é\"":{"a":1,"b":[1, 2]},"c":"x"}"#);
    }

    #[test]
    fn a_string_goes_on() {
        let first = Props::from_json(r#"{"a":"é\"","b":"","c":1}"#);
        let more = |size| code(op::MORE, size);
        let ops = [code(op::OBJECT, 3), more(4), more(2), code(op::KEEP, 0)];
        let second = changed(&first, &ops, "\\\\\\\"é").unwrap();
        assert_eq!(second.to_json(), r#"{"a":"é\"\\\"","b":"é","c":1}"#);
        let third = changed(&second, &ops, "abcdef").unwrap();
        assert_eq!(third.to_json(), r#"{"a":"é\"\\\"abcd","b":"éef","c":1}"#);
        assert_eq!(first.to_json(), r#"{"a":"é\"","b":"","c":1}"#);
    }

    #[test]
    fn rows_come_go_move_and_change() {
        let first = Props::from_json("[0,1,2,3,4]");
        let ops = [
            code(op::ARRAY, 5),
            code(op::TEXT, 1),
            code(op::KEEP, 1),
            code(op::DROP, 3),
            code(op::MOVE, 3),
            code(op::KEEP, 1),
        ];
        let second = changed(&first, &ops, "9").unwrap();
        assert_eq!(second.to_json(), "[9,0,3,4]");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (json, ops) in [
            ("[]", &[code(op::OBJECT, 0)][..]),
            ("{}", &[code(op::ARRAY, 0)]),
            ("{}", &[code(op::OBJECT, 1), code(op::TEXT, 0)]),
            ("[1]", &[code(op::ARRAY, 1), code(op::KEEP, 2)]),
            ("[1]", &[code(op::ARRAY, 1), code(op::DROP, 2)]),
            ("[1]", &[code(op::ARRAY, 0)]),
            (
                "[1]",
                &[code(op::ARRAY, 2), code(op::DROP, 1), code(op::MOVE, 1)],
            ),
            ("1", &[code(op::TEXT, 5)]),
            ("1", &[code(op::MORE, 0)]),
            ("\"", &[code(op::MORE, 0)]),
            ("[]", &[code(op::MORE, 0)]),
            ("\"a\"", &[code(op::MORE, 1)]),
            ("[\"a\"]", &[code(op::ARRAY, 1), code(op::MORE, 0)]),
            ("1", &[]),
            ("not JSON", &[code(op::OBJECT, 0)]),
        ] {
            assert!(
                changed(&Props::from_json(json), ops, "").is_err(),
                "{json} {ops:?}"
            );
        }
    }

    proptest! {
        /// Any way from one list to another gives the text of the other.
        #[test]
        fn every_edit_of_an_array_gives_its_text(
            old in prop::collection::vec(0u32..100, 0..300),
            steps in prop::collection::vec((0usize..4, prop_oneof![0usize..5, 0usize..80]), 0..20),
        ) {
            let mut ops = Vec::new();
            let (mut text, mut new, mut at) = (String::new(), Vec::new(), 0);
            for (kind, count) in steps {
                let count = count.min(old.len() - at);
                match kind {
                    0 => {
                        ops.push(code(op::KEEP, count));
                        new.extend_from_slice(&old[at..at + count]);
                        at += count;
                    }
                    1 => {
                        ops.push(code(op::DROP, count));
                        at += count;
                    }
                    2 if !old.is_empty() => {
                        let from = count * 7 % old.len();
                        ops.push(code(op::MOVE, from));
                        new.push(old[from]);
                    }
                    _ => {
                        ops.push(code(op::TEXT, 3));
                        text.push_str("777");
                        new.push(777);
                    }
                }
            }
            ops.push(code(op::KEEP, old.len() - at));
            new.extend_from_slice(&old[at..]);
            ops.insert(0, code(op::ARRAY, ops.len()));
            let first = Props::from_json(&serde_json::to_string(&old).unwrap());
            let second = changed(&first, &ops, &text).unwrap();
            prop_assert_eq!(second.to_json(), serde_json::to_string(&new).unwrap());
            let again = [code(op::ARRAY, 1), code(op::KEEP, new.len())];
            prop_assert_eq!(changed(&second, &again, "").unwrap().to_json(), second.to_json());
        }

        #[test]
        fn no_operations_panic(ops in prop::collection::vec(any::<u32>(), 0..20), text in ".{0,10}") {
            for json in ["{\"a\":[1,2]}", "[1,2,3]", "x", "\"é\""] {
                let _ = changed(&Props::from_json(json), &ops, &text);
                let small: Vec<u32> = ops.iter().map(|op| op % 40).collect();
                let _ = changed(&Props::from_json(json), &small, &text);
            }
        }
    }
}
