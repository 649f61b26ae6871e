//! Messages of clients: a message is taken exactly as another JSON parser reads it, and nothing else is
//! taken.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::ids::Point;
use crate::protocol::{ClientEvent, ClientMessage, Parent, extended};
use crate::tree::surrogates;

/// The longest id that a component may have, in bytes.
const MAX_ID: usize = 128;
/// The longest name in an event, in bytes: a handler's, a type's, a key.
const MAX_NAME: usize = 256;
/// The longest JSON in an event, in bytes: its arguments, its detail.
const MAX_JSON: usize = 4096;

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
            parent,
            resume,
        } => {
            assert_eq!(*parent, None);
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
            names(event);
            assert_eq!(*numbered, None);
            let vars = &event.special_vars;
            assert_eq!(
                (&vars.form, &vars.args, &vars.detail),
                (&None, &None, &None)
            );
            variables(seen.get("special_vars"), event, ["value", "checked", "key"]);
            ("event", id)
        }
        ClientMessage::Leave { id } => ("leave", id),
        ClientMessage::Hidden(_) => panic!("the classic dialect has no such message"),
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
            parent,
            resume,
        } => {
            let module = match parent {
                Some(Parent { id, key }) => {
                    let id: u32 = id.parse().expect("a number");
                    json!([module, id, key])
                }
                None => json!(module),
            };
            let mut rest = vec![module, json!(token)];
            if let Some(resume) = resume {
                let Point { event, revision } = resume.shown;
                rest.extend([json!(resume.secret), json!(event), json!(revision)]);
                rest.push(json!(resume.kept));
                let whole = seen.get(8);
                assert_eq!(resume.needs_tree, whole == Some(&json!(1)));
                rest.extend(whole.cloned());
            }
            ("j", id, rest)
        }
        ClientMessage::Event {
            id,
            numbered,
            event,
        } => {
            let numbered = numbered.expect("a number");
            names(event);
            assert!(numbered.number.0 <= 1 << 52, "{}", numbered.number);
            let mut rest = vec![json!(numbered.number), json!(numbered.seen)];
            rest.extend([json!(called(event, seen)), json!(event.event)]);
            // Compared member by member: unknown ones are ignored.
            let given = seen.get(6);
            variables(given, event, ["v", "c", "k"]);
            let form = given.and_then(|given| given.get("f")?.as_str());
            assert_eq!(event.special_vars.form.as_deref(), form);
            let field = given.and_then(|given| given.get("t")?.as_str());
            assert_eq!(event.special_vars.field.as_deref(), field);
            let detail = event.special_vars.detail.as_deref().map(json_of);
            let expected = given.and_then(|given| given.get("d"));
            assert_eq!(detail.as_ref(), expected.filter(|detail| !detail.is_null()));
            assert!(detail.is_none_or(|detail| detail.is_object()));
            let vars = &event.special_vars;
            for (name, list) in [("m", &vars.values), ("l", &vars.left)] {
                let texts = given.and_then(|given| given.get(name));
                let expected = list.as_ref().map(|texts| json!(texts));
                assert_eq!(expected.as_ref(), texts.filter(|texts| !texts.is_null()));
            }
            rest.extend(given.cloned());
            let age = seen.get(7);
            same_age(numbered.age, age);
            rest.extend(age.cloned());
            ("e", id, rest)
        }
        ClientMessage::Leave { id } => ("l", id, vec![]),
        ClientMessage::Hidden(is_hidden) => {
            return assert_eq!(seen, [json!("h"), json!(u8::from(*is_hidden))]);
        }
    };
    let component: u32 = id.parse().expect("a number");
    let mut expected = vec![json!(kind), json!(component)];
    expected.extend(rest);
    assert_eq!(seen, expected);
}

/// Any number is an age, and its part below one does not count; `null` is no age.
fn same_age(age: Option<u64>, given: Option<&Value>) {
    let expected = given.filter(|given| !given.is_null()).map(|given| {
        let number = given.as_f64().expect("an age that is a number");
        number.max(0.0)
    });
    let Some((age, expected)) = age.zip(expected) else {
        return assert_eq!(age.is_some(), expected.is_some(), "an age of {given:?}");
    };
    // The two parsers may round a long number in different ways.
    let far = (age as f64 - expected).abs();
    let most = 1.0 + expected * 1e-15;
    let is_largest = age == u64::MAX && expected >= u64::MAX as f64;
    assert!(far <= most || is_largest, "{age} for {expected}");
}

/// The handler as the client named it, with the arguments that were taken out of the name.
fn called(event: &ClientEvent, seen: &[Value]) -> String {
    let Some(args) = event.special_vars.args.as_deref() else {
        return event.handler.to_string();
    };
    let _: Value = json_of(args);
    let given = seen.get(4).and_then(Value::as_str).expect("a handler");
    let (name, rest) = given.split_once('(').expect("a call");
    assert_eq!(name, event.handler);
    let given = rest.strip_suffix(')').expect("the end of a call");
    // Half a character of it is U+FFFD by now.
    let whole = surrogates::replaced(given);
    assert_eq!(args, whole.as_deref().unwrap_or(given));
    format!("{name}({given})")
}

/// The JSON that JavaScript parses. JSON that is too long is refused before that.
fn json_of(json: &str) -> Value {
    let parsed = serde_json::from_str(json);
    parsed.unwrap_or_else(|error| {
        assert!(json.len() > MAX_JSON, "no JSON: {error}");
        Value::Null
    })
}

/// A text over its bound is noticed, and no other.
fn names(event: &ClientEvent) {
    let vars = &event.special_vars;
    let key = vars.key.as_deref().unwrap_or_default();
    let mut names = [&*event.handler, &*event.event, key].into_iter();
    let mut texts = [&vars.args, &vars.detail].into_iter().flatten();
    let is_long =
        names.any(|name| name.len() > MAX_NAME) || texts.any(|json| json.len() > MAX_JSON);
    assert_eq!(event.is_too_long(), is_long, "{event:?}");
}

/// `None` if the other parser minds what stands in members that ours ignores: half a surrogate
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
