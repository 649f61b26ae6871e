//! The messages to a server in each dialect, and which of its messages are answers.

use serde_json::{Value, json};

use crate::client::Message;

/// A dialect is named by its WebSocket subprotocol; the classic one has none.
pub type Protocol<'a> = Option<&'a str>;

pub fn join(protocol: Protocol<'_>, module: &str, token: &str) -> String {
    match protocol {
        None => json!({"type": "join", "id": "c0", "module": module, "token": token}),
        Some(_) => json!(["j", 0, module, token]),
    }
    .to_string()
}

/// The event of that number. It is sent when all events before it have been answered.
pub fn event(protocol: Protocol<'_>, number: u64, handler: &str, value: Option<&str>) -> String {
    let seen = number - 1;
    match (protocol, value) {
        (None, value) => {
            let vars = value.map_or(json!({}), |value| json!({ "value": value }));
            json!({"type": "event", "id": "c0", "handler": handler, "event": "click", "special_vars": vars})
        }
        (Some(_), None) => json!(["e", 0, number, seen, handler, "click"]),
        (Some(_), Some(value)) => json!(["e", 0, number, seen, handler, "click", { "v": value }]),
    }
    .to_string()
}

/// Resumes a component; `seen` of its events have been answered.
pub fn resume(module: &str, token: &str, secret: &str, seen: u64) -> String {
    json!(["j", 0, module, token, secret, seen]).to_string()
}

/// The data that resumes a component, from the answer to its join.
pub fn secret(payload: &[u8]) -> Option<String> {
    fn find(message: &Value) -> Option<&str> {
        match message.get(0)? {
            Value::Array(_) => message.as_array()?.iter().find_map(find),
            kind if kind == "j" => message.get(4)?.as_str(),
            kind if kind == "a" => message.get(3)?.as_str(),
            _ => None,
        }
    }
    find(&serde_json::from_slice(payload).ok()?).map(str::to_owned)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer to a join.
    Joined,
    /// The answer to an event.
    Done,
    /// An answer to a join or to an event.
    Failed,
    /// A message that answers nothing.
    None,
}

/// Which kind of answer a message is.
pub fn answer(protocol: Protocol<'_>, message: &Message) -> Answer {
    if !message.text {
        return Answer::None;
    }
    let begins = |start: &str| message.payload.starts_with(start.as_bytes());
    match protocol {
        None if begins(r#"{"type":"trees""#) => Answer::Joined,
        None if begins(r#"{"type":"patch""#) => Answer::Done,
        None if begins(r#"{"type":"error""#) => Answer::Failed,
        None => Answer::None,
        Some(_) if begins("[0") => Answer::Done,
        Some(_) => extended(&serde_json::from_slice(&message.payload).unwrap_or_default()),
    }
}

/// A frame may hold several messages: templates and the answer that is the first to use them.
fn extended(frame: &Value) -> Answer {
    match frame.get(0) {
        Some(Value::Array(_)) => {
            let messages = frame.as_array().into_iter().flatten();
            let mut answers = messages.map(extended);
            answers
                .find(|answer| *answer != Answer::None)
                .unwrap_or(Answer::None)
        }
        Some(Value::Number(_)) => Answer::Done,
        Some(Value::String(kind)) => match kind.as_str() {
            "j" | "a" => Answer::Joined,
            "s" => Answer::Done,
            "e" | "f" => Answer::Failed,
            _ => Answer::None,
        },
        _ => Answer::None,
    }
}

/// Bytes of a message that are checkpoints; their frames' headers are counted with the rest.
pub fn checkpoints(protocol: Protocol<'_>, message: &Message) -> u64 {
    fn size(message: &Value) -> u64 {
        match message.get(0) {
            Some(Value::String(kind)) if kind == "c" => message.to_string().len() as u64 + 1,
            Some(Value::Array(_)) => message.as_array().into_iter().flatten().map(size).sum(),
            _ => 0,
        }
    }
    let may_hold = message.payload.starts_with(b"[[") || message.payload.starts_with(b"[\"c\"");
    if protocol.is_none() || !may_hold {
        return 0;
    }
    serde_json::from_slice(&message.payload).map_or(0, |frame| size(&frame))
}
