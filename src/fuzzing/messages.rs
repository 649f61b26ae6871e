//! Messages of clients: what is taken is what another JSON parser sees, and nothing else is taken.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::protocol::{ClientEvent, ClientMessage, extended};

/// The longest id that a component may have, in bytes.
const MAX_ID: usize = 128;

/// A message of the classic dialect.
pub fn classic(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(message) = ClientMessage::parse(text) else {
        return;
    };
    let Some(seen) = seen(text) else { return };
    let seen = seen.as_object().expect("an object");
    let member = |name: &str| seen.get(name).and_then(Value::as_str);
    let same = |name: &str, text: &str| assert_eq!(member(name), Some(text), "{name}");
    let (kind, id) = match &message {
        ClientMessage::Join {
            id,
            module,
            token,
            resume,
        } => {
            same("module", module);
            same("token", token);
            assert_eq!(*resume, None);
            ("join", id)
        }
        ClientMessage::Event {
            id,
            numbered,
            event,
        } => {
            same("handler", &event.handler);
            same("event", &event.event);
            assert_eq!(*numbered, None);
            assert_eq!(event.special_vars.form, None);
            variables(seen.get("special_vars"), event, ["value", "checked", "key"]);
            ("event", id)
        }
        ClientMessage::Leave { id } => ("leave", id),
    };
    same("type", kind);
    same("id", id);
    assert!(id.len() <= MAX_ID, "an id of {} bytes", id.len());
}

/// A message of the extended dialect.
pub fn extended(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(message) = extended::parse(text) else {
        return;
    };
    let Some(seen) = seen(text) else { return };
    let seen = seen.as_array().expect("an array").as_slice();
    let (kind, id, rest) = match &message {
        ClientMessage::Join {
            id,
            module,
            token,
            resume,
        } => {
            let mut rest = vec![json!(module), json!(token)];
            if let Some(resume) = resume {
                rest.extend([json!(resume.secret), json!(resume.seen)]);
            }
            ("j", id, rest)
        }
        ClientMessage::Event {
            id,
            numbered,
            event,
        } => {
            let numbered = numbered.expect("a number");
            let mut rest = vec![json!(numbered.number), json!(numbered.seen)];
            rest.extend([json!(event.handler), json!(event.event)]);
            // Compared member by member: unknown ones are ignored.
            let given = seen.get(6);
            variables(given, event, ["v", "c", "k"]);
            let form = given.and_then(|given| given.get("f")?.as_str());
            assert_eq!(event.special_vars.form.as_deref(), form);
            let field = given.and_then(|given| given.get("t")?.as_str());
            assert_eq!(event.special_vars.field.as_deref(), field);
            let values = given.and_then(|given| given.get("m"));
            let expected = event
                .special_vars
                .values
                .as_ref()
                .map(|values| json!(values));
            assert_eq!(expected.as_ref(), values.filter(|values| !values.is_null()));
            rest.extend(given.cloned());
            rest.extend(seen.get(7).map(|_| json!(numbered.age)));
            ("e", id, rest)
        }
        ClientMessage::Leave { id } => ("l", id, vec![]),
    };
    let component: u32 = id.parse().expect("a number");
    let mut expected = vec![json!(kind), json!(component)];
    expected.extend(rest);
    assert_eq!(seen, expected);
}

/// `None` where the other parser minds what stands in members that ours ignores: half a surrogate
/// pair, a number that is too large.
fn seen(text: &str) -> Option<Value> {
    let seen = serde_json::from_str(text);
    let ignored: Result<IgnoredAny, _> = serde_json::from_str(text);
    assert!(ignored.is_ok(), "no JSON");
    seen.ok()
}

/// What an event carries is what stands in `given`, under these names.
fn variables(given: Option<&Value>, event: &ClientEvent, names: [&str; 3]) {
    let nothing = Map::new();
    let given = match given {
        None | Some(Value::Null) => &nothing,
        Some(given) => given.as_object().expect("an object of variables"),
    };
    let of = |index: usize| given.get(names[index]).unwrap_or(&Value::Null);
    let vars = &event.special_vars;
    assert_eq!(json!(vars.value), *of(0));
    assert_eq!(json!(vars.checked), *of(1));
    assert_eq!(json!(vars.key), *of(2));
}
