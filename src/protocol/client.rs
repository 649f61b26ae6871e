//! Messages from the client, classic dialect.

use std::borrow::Cow;
use std::fmt::Formatter;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use smol_str::SmolStr;

use crate::ids::{EventNumber, Point};

/// The longest component id, in bytes: the server keeps it for as long as the component lives.
const MAX_ID: usize = 128;
/// The longest name in an event, in bytes: the handler's name, the event's type, the key. Applications
/// have no longer ones, and each name is looked up, kept with its event and shown to the operator.
pub const MAX_NAME: usize = 256;
/// The longest JSON in an event, in bytes: the arguments of its binding, and the members of the DOM event
/// that the page names. They are for ids and coordinates; more data belongs into a form.
pub const MAX_JSON: usize = 4096;

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
        /// The component on the same connection that shows this one, and the key there. Only the extended dialect has
        /// nested components.
        parent: Option<Parent>,
        /// The client's claim to a component that still lives. Only the extended dialect has it.
        resume: Option<Resume>,
    },
    /// Something happened in a component.
    Event {
        /// The component.
        id: Cow<'a, str>,
        /// The event's number; `None` in the classic dialect, which does not number events.
        numbered: Option<Numbered>,
        /// The event.
        event: ClientEvent,
    },
    /// Stop a component.
    Leave {
        /// The component.
        id: Cow<'a, str>,
    },
    /// The page is hidden, or, with `false`, seen again. Only the extended dialect has it.
    Hidden(bool),
}

/// The parent of a nested component, as the client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The parent's id on the connection.
    pub id: Box<str>,
    /// Tells the component from the parent's other components of its module.
    pub key: Box<str>,
}

/// A client's claim to a component that has lived on without a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The secret that the server gave with the answer to the last join or resume.
    pub secret: Box<str>,
    /// The point that the client shows: the last answer that it has, and the revision.
    pub shown: Point,
    /// How many events the client keeps that it has the answers of: if the component goes on from the
    /// client's checkpoint, so many revisions are made again.
    pub kept: u64,
    /// The client needs the whole tree, even if it has seen all answers.
    pub needs_tree: bool,
}

/// The number of an event, and the numbers that the client sends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The event's number among its component's events. Later events have higher numbers.
    pub number: EventNumber,
    /// The number of the last event whose answer the client has.
    pub seen: EventNumber,
    /// How long ago the event was first sent, in milliseconds. `None` if it is sent for the first time.
    pub age: Option<u64>,
}

/// An event of a component (the reference's `loom.ClientEvent`). Short names are stored inline
/// (`SmolStr`): a batch of events would otherwise be very many small allocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEvent {
    /// The handler's name.
    pub handler: SmolStr,
    /// The DOM event's type.
    pub event: SmolStr,
    /// The event's data.
    pub special_vars: SpecialVars,
}

/// The data of an event beside its names (the reference's `loom.SpecialVars`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SpecialVars {
    /// The element's value; for a submit the fields of the form, URL-encoded.
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
    /// The field's value if `value` is the element's `data-l-value`. Only the extended dialect sends it.
    #[serde(skip)]
    pub field: Option<Box<str>>,
    /// The chosen values of a `<select multiple>`. Only the extended dialect sends them.
    #[serde(skip)]
    pub values: Option<Box<[Box<str>]>>,
    /// The names of the form's fields that the user has left. Only the extended dialect sends them.
    #[serde(skip)]
    pub left: Option<Box<[Box<str>]>>,
    /// The arguments of the binding, as JSON. Only the extended dialect has them.
    #[serde(skip)]
    pub args: Option<Box<str>>,
    /// The members of the DOM event that the page names, a JSON object. Only the extended dialect sends it.
    #[serde(skip)]
    pub detail: Option<Box<str>>,
}

/// Why a text is not a message. Such a text changes nothing and harms no component.
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
    /// A name that is too long; which one, and how many bytes are allowed.
    #[error("the {0} is longer than {1} bytes")]
    Long(&'static str, usize),
}

/// The members of all messages together; unknown members are ignored. Parsed in one pass. Strings
/// without escapes are borrowed from the frame.
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

/// A `T` that is written as an object. A derived `Deserialize` alone would also accept an array of the
/// members.
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
    /// Whether the handler's name, the event's type or the key is longer than [`MAX_NAME`], or the
    /// arguments or the detail are longer than [`MAX_JSON`].
    pub fn is_too_long(&self) -> bool {
        let vars = &self.special_vars;
        let key = vars.key.as_deref().unwrap_or_default();
        [&*self.handler, &*self.event, key]
            .iter()
            .any(|name| name.len() > MAX_NAME)
            || [&vars.args, &vars.detail]
                .into_iter()
                .flatten()
                .any(|json| json.len() > MAX_JSON)
    }

    /// Bytes of text that the event holds.
    pub fn size(&self) -> usize {
        let vars = &self.special_vars;
        let optional = |text: Option<&str>| text.map_or(0, str::len);
        self.handler.len()
            + self.event.len()
            + optional(vars.value.as_deref())
            + optional(vars.key.as_deref())
            + optional(vars.form.as_deref())
            + optional(vars.field.as_deref())
            + optional(vars.args.as_deref())
            + optional(vars.detail.as_deref())
            // Each takes some room, however short it is.
            + [&vars.values, &vars.left].into_iter().flatten().flatten().map(|text| size_of_val(text) + text.len()).sum::<usize>()
    }
}

impl<'a> ClientMessage<'a> {
    /// The message, or an error if its id is too long. Its other texts are bounded by
    /// `limits.message_bytes` and not kept, except for an event's names. Those are checked later
    /// ([`ClientEvent::is_too_long`]), because every event has to be answered, also one that is
    /// refused.
    pub(super) fn checked(self) -> Result<Self, InvalidMessage> {
        match &self {
            Self::Join { id, .. } | Self::Event { id, .. } | Self::Leave { id }
                if id.len() > MAX_ID =>
            {
                Err(InvalidMessage::Long("id", MAX_ID))
            }
            _ => Ok(self),
        }
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
                parent: None,
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
                parent: None,
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
            // The members of the message, or of its variables, as an array.
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
                Ok(ClientMessage::Event { event, .. }) => event.is_too_long(),
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
