//! Reads the client's messages.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::ids::{EventNumber, Point};
use crate::protocol::client::{
    ClientEvent, ClientMessage, InvalidMessage, MAX_JSON, Numbered, Object, Parent, Resume,
    SpecialVars,
};
use crate::tree::surrogates;

/// The highest number of an event. JavaScript counts exactly up to twice as much, so the server can go
/// on counting from here; and the signed numbers of a store keep the order.
const MAX_NUMBER: EventNumber = EventNumber(1 << 52);

#[derive(Deserialize, Default)]
struct Vars {
    #[serde(default)]
    v: Option<Box<str>>,
    #[serde(default)]
    c: Option<bool>,
    #[serde(default)]
    k: Option<SmolStr>,
    #[serde(default)]
    f: Option<Box<str>>,
    #[serde(default)]
    t: Option<Box<str>>,
    #[serde(default)]
    m: Option<Box<[Box<str>]>>,
    #[serde(default)]
    l: Option<Box<[Box<str>]>>,
    #[serde(default)]
    d: Option<Detail>,
}

/// The members of the DOM event that the page names: an object, as JSON.
struct Detail(Box<str>);

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let json = json_for_handlers(json).filter(|json| json.starts_with('{'));
        json.map(Self)
            .ok_or_else(|| D::Error::custom("the detail is no object of JSON"))
    }
}

/// JSON that JavaScript is going to parse; `None` if the text is not JSON, nests too deeply, or has a number
/// that is infinite in JavaScript. The text is kept as it was written, so halves of surrogate pairs in it
/// have to be replaced by hand.
fn json_for_handlers(json: &str) -> Option<Box<str>> {
    let json: Box<str> = match surrogates::replaced(json) {
        Some(replaced) => replaced.into(),
        None => json.into(),
    };
    // A text that is too long is refused later, and nothing of it is parsed.
    let is_checked = json.len() > MAX_JSON || serde_json::from_str::<Value>(&json).is_ok();
    is_checked.then_some(json)
}

/// A handler's name, and the arguments of `name(JSON)`. If the text is not of this form, all of it is the
/// name, and no module has a handler of such a name.
fn call_of(handler: SmolStr) -> (SmolStr, Option<Box<str>>) {
    let call = handler.strip_suffix(')').and_then(|call| {
        let (name, args) = call.split_once('(')?;
        let args = json_for_handlers(args).filter(|_| !name.is_empty())?;
        Some((name.into(), Some(args)))
    });
    call.unwrap_or((handler, None))
}

/// The age of an event in milliseconds, by a client's clock, which may be wrong in any way.
/// Fractions are cut off, a negative age counts as zero, and one that is too large as the largest.
struct Age(u64);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        // Only numbers begin with these characters in JSON. A number too large for an `f64` is infinite.
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(D::Error::custom("the age is no number"));
        }
        let age: f64 = text.parse().map_err(D::Error::custom)?;
        Ok(Self(age as u64))
    }
}

/// The component that a page joins: one of this module, or a nested one, with its parent's number and its key
/// there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Module {
    Of(String),
    In(String, u32, Box<str>),
}

/// Parses a frame's text.
///
/// # Errors
/// [`InvalidMessage`].
pub fn parse(text: &str) -> Result<ClientMessage<'_>, InvalidMessage> {
    let Parsed(message) = serde_json::from_str(text)?;
    message.checked()
}

struct Parsed<'a>(ClientMessage<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Parsed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(MessageVisitor).map(Parsed)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = ClientMessage<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a message: an array that begins with its kind and a component")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
            array: &mut A,
            what: &'static str,
        ) -> Result<T, A::Error> {
            array
                .next_element()?
                .ok_or_else(|| A::Error::missing_field(what))
        }
        let kind: &str = next(&mut array, "kind")?;
        // For a message about the whole page, this number is what the message says.
        let component: u32 = next(&mut array, "component")?;
        let id = component.to_string().into();
        let message = match kind {
            "j" => {
                let (module, parent) = match next(&mut array, "module")? {
                    Module::Of(module) => (module, None),
                    Module::In(module, parent, key) => {
                        let id = parent.to_string().into();
                        (module, Some(Parent { id, key }))
                    }
                };
                let token = next::<String, A>(&mut array, "token")?.into();
                let resume = match array.next_element()? {
                    None => None,
                    Some(secret) => Some(Resume {
                        secret,
                        shown: Point {
                            event: next(&mut array, "seen")?,
                            revision: next(&mut array, "revision")?,
                        },
                        kept: next(&mut array, "kept")?,
                        needs_tree: array.next_element::<u8>()? == Some(1),
                    }),
                };
                ClientMessage::Join {
                    id,
                    module: module.into(),
                    token,
                    parent,
                    resume,
                }
            }
            "e" => {
                let number = next(&mut array, "number")?;
                if number > MAX_NUMBER {
                    return Err(A::Error::custom("the event's number is too high"));
                }
                let seen = next(&mut array, "seen")?;
                let (handler, args) = call_of(next(&mut array, "handler")?);
                let event = next(&mut array, "type")?;
                let Object::<Vars>(vars) = array.next_element()?.unwrap_or_default();
                let age = match array.next_element::<Option<Age>>()? {
                    Some(Some(Age(age))) => Some(age),
                    _ => None,
                };
                let special_vars = SpecialVars {
                    value: vars.v,
                    checked: vars.c,
                    key: vars.k,
                    form: vars.f,
                    field: vars.t,
                    values: vars.m,
                    left: vars.l,
                    args,
                    detail: vars.d.map(|Detail(json)| json),
                };
                let event = ClientEvent {
                    handler,
                    event,
                    special_vars,
                };
                let numbered = Some(Numbered { number, seen, age });
                ClientMessage::Event {
                    id,
                    numbered,
                    event,
                }
            }
            "l" => ClientMessage::Leave { id },
            "h" if component <= 1 => ClientMessage::Hidden(component == 1),
            "h" => return Err(A::Error::custom("the page is neither hidden nor seen")),
            other => return Err(A::Error::unknown_variant(other, &["j", "e", "l", "h"])),
        };
        match array.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("more members than the message has")),
            None => Ok(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Revision;

    #[test]
    fn messages_of_the_client() {
        let join = parse(r#"["j",7,"counter","t"]"#).unwrap();
        let expected = |resume| ClientMessage::Join {
            id: "7".into(),
            module: "counter".into(),
            token: "t".into(),
            parent: None,
            resume,
        };
        assert_eq!(join, expected(None));
        let nested = parse(r#"["j",7,["chart",3,"left"],"t"]"#).unwrap();
        let ClientMessage::Join { module, parent, .. } = nested else {
            panic!("a join");
        };
        let (id, key) = ("3".into(), "left".into());
        assert_eq!((&*module, parent), ("chart", Some(Parent { id, key })));
        let again = parse(r#"["j",7,"counter","t","s",12,14,3]"#).unwrap();
        let resume = Resume {
            secret: "s".into(),
            shown: Point {
                event: EventNumber(12),
                revision: Revision(14),
            },
            kept: 3,
            needs_tree: false,
        };
        let whole = parse(r#"["j",7,"counter","t","s",12,14,3,1]"#).unwrap();
        let needs_tree = Resume {
            needs_tree: true,
            ..resume.clone()
        };
        assert_eq!(whole, expected(Some(needs_tree)));
        assert_eq!(again, expected(Some(resume)));
        let event = parse(r#"["e",0,8,6,"say","input",{"v":"a","c":true,"f":"x=1","t":"b","m":["1",""],"l":["x"],"new":[]},900]"#)
            .unwrap();
        let ClientMessage::Event {
            event, numbered, ..
        } = event
        else {
            panic!("an event");
        };
        let expected = Numbered {
            number: EventNumber(8),
            seen: EventNumber(6),
            age: Some(900),
        };
        assert_eq!(numbered, Some(expected));
        let vars = event.special_vars;
        assert_eq!(
            (vars.value.as_deref(), vars.checked),
            (Some("a"), Some(true))
        );
        assert_eq!((vars.key, vars.form.as_deref()), (None, Some("x=1")));
        assert_eq!(vars.field.as_deref(), Some("b"));
        assert_eq!(vars.values.as_deref(), Some(&["1".into(), "".into()][..]));
        assert_eq!(vars.left.as_deref(), Some(&["x".into()][..]));
        assert!(parse(r#"["e",0,1,0,"say","click"]"#).is_ok());
        assert_eq!(
            parse(r#"["l",0]"#).unwrap(),
            ClientMessage::Leave { id: "0".into() }
        );
        assert_eq!(parse(r#"["h",1]"#).unwrap(), ClientMessage::Hidden(true));
        assert_eq!(parse(r#"["h",0]"#).unwrap(), ClientMessage::Hidden(false));
    }

    fn event(message: &str) -> ClientEvent {
        match parse(message) {
            Ok(ClientMessage::Event { event, .. }) => event,
            other => panic!("{message}: {other:?}"),
        }
    }

    #[test]
    fn a_handler_may_have_arguments() {
        for (handler, name, args) in [
            ("remove", "remove", None),
            (r#"remove({\"id\":7})"#, "remove", Some(r#"{"id":7}"#)),
            ("pick(null)", "pick", Some("null")),
            (r#"a([1,\")(\"])"#, "a", Some(r#"[1,")("]"#)),
            // Half a character is read as U+FFFD, here as everywhere.
            (r#"a(\"\\ud800\")"#, "a", Some(r#""\ufffd""#)),
            // None of these texts is a call.
            ("a()", "a()", None),
            ("a(", "a(", None),
            ("(1)", "(1)", None),
            ("a(1", "a(1", None),
            ("a(1)b", "a(1)b", None),
            ("a(1)(2)", "a(1)(2)", None),
            ("a({id:1})", "a({id:1})", None),
            ("a(1,2)", "a(1,2)", None),
            ("a(1e999)", "a(1e999)", None),
        ] {
            let event = event(&format!(r#"["e",0,1,0,"{handler}","click"]"#));
            assert_eq!(event.handler, name);
            assert_eq!(event.special_vars.args.as_deref(), args, "{handler}");
        }
    }

    #[test]
    fn an_event_may_have_a_detail() {
        let of = |detail: &str| {
            let message = format!(r#"["e",0,1,0,"a","click",{{"d":{detail}}}]"#);
            let event = parse(&message).ok()?;
            let ClientMessage::Event { event, .. } = event else {
                return None;
            };
            Some(event.special_vars.detail)
        };
        assert_eq!(of("null"), Some(None));
        assert_eq!(
            of(r#"{"x":[1,null]}"#),
            Some(Some(r#"{"x":[1,null]}"#.into()))
        );
        assert_eq!(
            of(r#"{"x":"\udfff"}"#),
            Some(Some(r#"{"x":"\ufffd"}"#.into()))
        );
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        for wrong in ["1", "[]", "true", r#""{}""#, "{]", r#"{"x":1e999}"#, &deep] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arguments_and_detail_have_a_bound() {
        let with = |args: usize, detail: usize| {
            let text = "x".repeat(args - 2);
            let (args, detail) = (
                format!(r#"\"{text}\""#),
                "x".repeat(detail - r#"{"":0}"#.len()),
            );
            event(&format!(
                r#"["e",0,1,0,"a({args})","click",{{"d":{{"{detail}":0}}}}]"#
            ))
        };
        assert!(!with(MAX_JSON, MAX_JSON).is_too_long());
        assert!(with(MAX_JSON + 1, MAX_JSON).is_too_long());
        assert!(with(MAX_JSON, MAX_JSON + 1).is_too_long());
    }

    /// Clocks are set, and programs count wrong. No event is lost because of it.
    #[test]
    fn every_age_is_taken() {
        for (text, expected) in [
            ("900", Some(900)),
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-1", Some(0)),
            ("-3600000", Some(0)),
            ("-1e400", Some(0)),
            ("12.75", Some(12)),
            ("0.001", Some(0)),
            ("-0.5", Some(0)),
            ("1e3", Some(1000)),
            ("1e300", Some(u64::MAX)),
            ("1e400", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("null", None),
        ] {
            let message = format!(r#"["e",0,1,0,"say","click",{{}},{text}]"#);
            let message = parse(&message);
            let Ok(ClientMessage::Event {
                numbered: Some(numbered),
                ..
            }) = message
            else {
                panic!("{text}: {message:?}");
            };
            assert_eq!(numbered.age, expected, "{text}");
        }
    }

    #[test]
    fn everything_else_is_invalid() {
        for text in [
            "",
            "[]",
            "{}",
            r#"["l"]"#,
            r#"["l","0"]"#,
            r#"["l",-1]"#,
            r#"["l",0.5]"#,
            r#"["l",0,0]"#,
            r#"["x",0]"#,
            r#"["h"]"#,
            r#"["h",2]"#,
            r#"["h",-1]"#,
            r#"["h",true]"#,
            r#"["h","1"]"#,
            r#"["h",1,0]"#,
            r#"["j",0,"m"]"#,
            r#"["j",0,["m"],"t"]"#,
            r#"["j",0,["m",1],"t"]"#,
            r#"["j",0,["m",-1,"k"],"t"]"#,
            r#"["j",0,["m",1,"k",2],"t"]"#,
            r#"["j",0,["m","1","k"],"t"]"#,
            r#"["j",0,"m","t","s"]"#,
            r#"["j",0,"m","t","s",-1]"#,
            r#"["e",0,1,0,"h"]"#,
            r#"["e",0,-1,0,"h","click"]"#,
            // JavaScript cannot tell such a number from its neighbours.
            r#"["e",0,9007199254740993,0,"h","click"]"#,
            r#"["e",0,4503599627370497,0,"h","click"]"#,
            r#"["e",0,1,"h","click"]"#,
            r#"["e",0,1,0,"h","click","x"]"#,
            r#"["e",0,1,0,"h","click",{"v":1}]"#,
            r#"["e",0,1,0,"h","click",{},"old"]"#,
            r#"["e",0,1,0,"h","click",{},"9"]"#,
            r#"["e",0,1,0,"h","click",{},true]"#,
            r#"["e",0,1,0,"h","click",{},[1]]"#,
            r#"["e",0,1,0,"h","click",["a",true]]"#,
            r#"[["l",0]]"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,100}", json in r#"\[("[jelh]"|[0-9]|"a"|\{\}|,){0,9}\]"#) {
            let _ = parse(&text);
            let _ = parse(&json);
        }
    }
}
