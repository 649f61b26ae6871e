//! Messages from the client, classic dialect.

use std::borrow::Cow;
use std::fmt::Formatter;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use smol_str::SmolStr;

/// The longest component id, in bytes: the server keeps it for as long as the component lives.
const MAX_ID: usize = 128;
/// The longest name in an event, in bytes: a handler's, an event's type, a key. Nobody writes longer
/// ones, and each is looked up, kept with its event and told to the operator.
pub const MAX_NAME: usize = 256;

/// A message as the client sent it.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// Start a component.
    Join {
        /// The component's id on this connection, chosen by the client.
        id: Cow<'a, str>,
        /// The module's name.
        module: Cow<'a, str>,
        /// The page's token, or a checkpoint.
        token: Cow<'a, str>,
        /// What to go on with, if the client has been here before. Only the extended dialect.
        resume: Option<Resume>,
    },
    /// Something happened in a component.
    Event {
        /// The component.
        id: Cow<'a, str>,
        /// If the client numbers its events: the extended dialect.
        numbered: Option<Numbered>,
        /// What happened.
        event: ClientEvent,
    },
    /// Stop a component.
    Leave {
        /// The component.
        id: Cow<'a, str>,
    },
}

/// A client's claim to a component that lives on without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// What the last join gave.
    pub secret: Box<str>,
    /// The last event whose answer the client has.
    pub seen: u64,
    /// It has to be shown the whole tree, whatever it has seen.
    pub needs_tree: bool,
}

/// An event's place among its component's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number; later events have higher ones.
    pub number: u64,
    /// The last event whose answer the client has.
    pub seen: u64,
    /// How long ago it was first sent, in milliseconds, if this is not the first time and no
    /// answer came.
    pub age: Option<u64>,
}

/// An event of a component (the reference's `loom.ClientEvent`). Short names stand in it themselves:
/// a batch of events would be more small pieces than the allocator has at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEvent {
    /// The handler's name.
    pub handler: SmolStr,
    /// The DOM event's type.
    pub event: SmolStr,
    /// What the event carries.
    pub special_vars: SpecialVars,
}

/// What an event carries beside its name (the reference's `loom.SpecialVars`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SpecialVars {
    /// The element's value; a submit's is its form, URL-encoded.
    #[serde(default)]
    pub value: Option<Box<str>>,
    /// Whether the checkbox or radio button is on.
    #[serde(default)]
    pub checked: Option<bool>,
    /// The key of a keyboard event.
    #[serde(default)]
    pub key: Option<SmolStr>,
    /// The form of a changed field, URL-encoded. Only the extended dialect sends it.
    #[serde(skip)]
    pub form: Option<Box<str>>,
    /// What the field holds if `value` is the element's `data-l-value`. Only the extended dialect sends it.
    #[serde(skip)]
    pub field: Option<Box<str>>,
    /// The chosen values of a `<select multiple>`. Only the extended dialect sends them.
    #[serde(skip)]
    pub values: Option<Box<[Box<str>]>>,
}

/// A message that is none. It changes nothing and harms no component.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    /// Not JSON, or members of wrong types.
    #[error("not a message: {0}")]
    Json(#[from] serde_json::Error),
    /// A `type` that this dialect does not have.
    #[error("unknown type")]
    Type,
    /// A member that this type needs is missing.
    #[error("{0:?} is missing")]
    Missing(&'static str),
    /// A name that is longer than any that the server gives or an application writes.
    #[error("the {0} is longer than {1} bytes")]
    Long(&'static str, usize),
}

/// All members any message can have; others are ignored. Parsed in one pass, borrowing from the
/// frame what needs no unescaping.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    module: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    #[serde(default)]
    handler: Option<SmolStr>,
    #[serde(default)]
    event: Option<SmolStr>,
    #[serde(default)]
    special_vars: Option<Object<SpecialVars>>,
}

/// A `T` that stands there as an object: what derives `Deserialize` would take an array of its
/// members, too.
#[derive(Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

impl ClientEvent {
    /// Whether its handler, its type or its key is longer than [`MAX_NAME`].
    pub fn has_long_name(&self) -> bool {
        let key = self.special_vars.key.as_deref().unwrap_or_default();
        [&*self.handler, &*self.event, key]
            .iter()
            .any(|name| name.len() > MAX_NAME)
    }

    /// Bytes of text it holds.
    pub fn size(&self) -> usize {
        let vars = &self.special_vars;
        let optional = |text: Option<&str>| text.map_or(0, str::len);
        self.handler.len()
            + self.event.len()
            + optional(vars.value.as_deref())
            + optional(vars.key.as_deref())
            + optional(vars.form.as_deref())
            + optional(vars.field.as_deref())
            // Each takes some room, however short it is.
            + vars.values.iter().flatten().map(|value| size_of_val(value) + value.len()).sum::<usize>()
    }
}

impl<'a> ClientMessage<'a> {
    /// The message, unless its id is too long. Its other texts are bounded by the message
    /// (`limits.message_bytes`); none of them is kept, but for those of an event, which are looked at
    /// when it is taken ([`ClientEvent::has_long_name`]): an event is answered, whatever it says.
    pub(super) fn checked(self) -> Result<Self, InvalidMessage> {
        let (Self::Join { id, .. } | Self::Event { id, .. } | Self::Leave { id }) = &self;
        if id.len() > MAX_ID {
            return Err(InvalidMessage::Long("id", MAX_ID));
        }
        Ok(self)
    }

    /// Parses a frame's text.
    ///
    /// # Errors
    /// [`InvalidMessage`].
    pub fn parse(text: &'a str) -> Result<Self, InvalidMessage> {
        let Object::<Members<'a>>(members) = serde_json::from_str(text)?;
        let missing = InvalidMessage::Missing;
        let id = members.id.ok_or(missing("id"))?;
        let message = match members.kind.as_ref() {
            "join" => Self::Join {
                id,
                module: members.module.ok_or(missing("module"))?,
                token: members.token.ok_or(missing("token"))?,
                resume: None,
            },
            "event" => Self::Event {
                id,
                numbered: None,
                event: ClientEvent {
                    handler: members.handler.ok_or(missing("handler"))?,
                    event: members.event.ok_or(missing("event"))?,
                    special_vars: members.special_vars.unwrap_or_default().0,
                },
            },
            "leave" => Self::Leave { id },
            _ => return Err(InvalidMessage::Type),
        };
        message.checked()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_messages() {
        let join = r#"{"type":"join","id":"c0","module":"counter","token":"t"}"#;
        assert_eq!(
            ClientMessage::parse(join).unwrap(),
            ClientMessage::Join {
                id: "c0".into(),
                module: "counter".into(),
                token: "t".into(),
                resume: None,
            }
        );
        let event = r#"{"type":"event","id":"c0","handler":"say","event":"input",
            "special_vars":{"value":"a\"b","checked":null}}"#;
        assert_eq!(
            ClientMessage::parse(event).unwrap(),
            ClientMessage::Event {
                id: "c0".into(),
                numbered: None,
                event: ClientEvent {
                    handler: "say".into(),
                    event: "input".into(),
                    special_vars: SpecialVars {
                        value: Some("a\"b".into()),
                        ..SpecialVars::default()
                    },
                },
            }
        );
        let leave = r#"{"type":"leave","id":"c0"}"#;
        let id = "c0".into();
        assert_eq!(
            ClientMessage::parse(leave).unwrap(),
            ClientMessage::Leave { id }
        );
    }

    #[test]
    fn everything_else_is_invalid() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "\"join\"",
            r#"{"type":"join"}"#,
            r#"{"type":1,"id":"c0"}"#,
            r#"{"type":"patch","id":"c0"}"#,
            r#"{"type":"join","id":"c0","module":"m"}"#,
            r#"{"type":"join","id":0,"module":"m","token":"t"}"#,
            r#"{"type":"event","id":"c0","event":"click"}"#,
            r#"{"type":"event","id":"c0","handler":"h","event":"click","special_vars":{"value":1}}"#,
            r#"{"type":"event","id":"c0","handler":"h","event":"click","special_vars":{"checked":"on"}}"#,
            r#"{"type":"event","id":"c0","handler":["h"],"event":"click"}"#,
            r#"{"type":"leave","id":"c0"}}"#,
            // The members of the message, or of its variables, without their names.
            r#"["leave","c0",null,null,null,null,null]"#,
            r#"{"type":"event","id":"c0","handler":"h","event":"click","special_vars":["a",true,"b"]}"#,
        ] {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_have_a_bound() {
        let messages = |id: &str| {
            [
                format!(r#"{{"type":"join","id":"{id}","module":"m","token":"t"}}"#),
                format!(r#"{{"type":"event","id":"{id}","handler":"h","event":"click"}}"#),
                format!(r#"{{"type":"leave","id":"{id}"}}"#),
            ]
        };
        for text in messages(&"x".repeat(MAX_ID)) {
            assert!(ClientMessage::parse(&text).is_ok(), "{text}");
        }
        for text in messages(&"x".repeat(MAX_ID + 1)) {
            let error = ClientMessage::parse(&text).unwrap_err();
            assert!(matches!(error, InvalidMessage::Long(..)), "{error}");
        }
    }

    #[test]
    fn names_of_an_event_have_a_bound() {
        let is_long = |handler: &str, event: &str, key: &str| {
            let text = format!(
                r#"{{"type":"event","id":"c","handler":"{handler}","event":"{event}","special_vars":{{"key":"{key}"}}}}"#
            );
            match ClientMessage::parse(&text) {
                Ok(ClientMessage::Event { event, .. }) => event.has_long_name(),
                other => panic!("{other:?}"),
            }
        };
        let name = "x".repeat(MAX_NAME);
        let long = "x".repeat(MAX_NAME + 1);
        assert!(!is_long(&name, &name, &name));
        assert!(is_long(&long, "click", "a"));
        assert!(is_long("h", &long, "a"));
        assert!(is_long("h", "click", &long));
    }

    #[test]
    fn unknown_members_are_ignored() {
        let leave = r#"{"__proto__":{"x":1},"type":"leave","id":"c0","constructor":1}"#;
        assert!(ClientMessage::parse(leave).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,100}") {
            let _ = ClientMessage::parse(&text);
        }
    }
}
