//! The jobs for JavaScript. Most calls are a few numbers, all other jobs are JSON. `lib/call/dispatcher.ts`
//! reads the JSON that this file writes, with the numbers that [`crate::codec`] hands over.

use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::form::{TooManyFields, write_form};
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Call, Timed};
use crate::effects::{OWN, TaskId};
use crate::ids::ActorKey;
use crate::message::{Data, Message, Part as MessagePart, Source};
use crate::ongoing::Dropped;
use crate::protocol::ClientEvent;
use crate::stats::{Clock, Part};
use crate::tree::write_json_string;

/// The type of events whose value is a form.
pub const SUBMIT: &str = "submit";

/// The type of an event that sets a prop instead of calling a handler: its handler is the prop's name.
pub const MODEL: &str = "model";

/// The kinds of jobs: the first element of each.
pub mod kind {
    /// A call, see `write_call`.
    pub const CALL: u32 = 0;
    /// See [`Job::Abort`](super::Job::Abort).
    pub const ABORT: u32 = 1;
    /// See [`Job::Reply`](super::Job::Reply).
    pub const REPLY: u32 = 2;
    /// See [`Job::Settle`](super::Job::Settle).
    pub const SETTLE: u32 = 3;
    /// See [`Job::Relay`](super::Job::Relay).
    pub const RELAY: u32 = 4;
    /// See [`Job::Log`](super::Job::Log).
    pub const LOG: u32 = 5;
    /// See [`Job::Forget`](super::Job::Forget).
    pub const FORGET: u32 = 6;
    /// See [`Job::Calls`](super::Job::Calls).
    pub const CALLS: u32 = 7;
    /// See [`Job::NextValue`](super::Job::NextValue).
    pub const NEXT_VALUE: u32 = 8;
    /// See [`Job::EndTask`](super::Job::EndTask).
    pub const END_TASK: u32 = 9;
    /// See [`Job::Store`](super::Job::Store).
    pub const STORE: u32 = 10;
    /// See [`Job::Announced`](super::Job::Announced).
    pub const ANNOUNCED: u32 = 11;
    /// See [`Job::Timed`](super::Job::Timed).
    pub const TIMED: u32 = 12;
}

/// One job other than a call. JavaScript gets an array whose first element is the kind; kind 0 is a call,
/// see `write_call`.
pub enum Job<'a> {
    /// `[1, call]`: this call was given up.
    Abort(u32),
    /// `[2, reply, message]`: a message of an actor that the application started itself.
    Reply {
        /// Which of the application's callbacks.
        reply: u32,
        /// The message's JSON.
        message: &'a str,
    },
    /// `[3, request, error | null, value?]`: a promise of the application settles.
    Settle {
        /// Which promise.
        request: u32,
        /// The error's text, or the value's JSON if there is one.
        result: Result<Option<&'a str>, &'a str>,
    },
    /// `[4, relay, 0 | 1]`: a relayed socket has output (0) or may read on (1).
    Relay {
        /// Which socket.
        relay: u32,
        /// The socket may read on; if this is not set, it has output.
        resume: bool,
    },
    /// `[5, level, code, about, left_out, text]`: 0 is an error, 1 a warning.
    Log {
        /// How serious the line is.
        level: Level,
        /// The code of the line.
        code: Code,
        /// Whom the line is about; empty if it is nobody.
        about: &'a str,
        /// How many lines like this one were left out, if the line says so; otherwise 0.
        left_out: usize,
        /// The line.
        text: &'a str,
    },
    /// `[6, actor]`: the actor is gone.
    Forget(ActorKey),
    /// `[7, calls]`: so many of the calls that came as numbers have their turn.
    Calls(usize),
    /// `[8, task]`: the task is to give its next value; the first time, it begins.
    NextValue(TaskId),
    /// `[9, task]`: nobody wants a value of the task any more.
    EndTask(TaskId),
    /// `[10, call, states]` or `[10, call, instance, after]`: the application's store is asked to save or to claim.
    Store {
        /// Which call, see [`crate::store::OwnCalls`].
        call: u32,
        /// The arguments' JSON, without the brackets of their list.
        arguments: &'a str,
    },
    /// `[11, announcement]`: another process of the application has announced something. JSON, as that one has written it.
    Announced(&'a str),
    /// `[12, actor, sequence, kind, total, call, store, patch, code]`: a step is over. Times are in nanoseconds, and
    /// 0 if nobody measured; the code
    /// is `""` if the step was committed.
    Timed(&'a Timed<'a>),
}

/// A call as numbers, if JavaScript knows the props and the module. JavaScript's numbers are exact up to 2^53.
///
/// * An event that is only a handler and a type: call, actor, sequence, version, number, handler, type.
/// * One message of a topic that JavaScript has by its key: call, actor, sequence, version, key, receiver,
///   [`MESSAGE`].
pub type Numbers = [f64; 7];

/// Stands for the type of an event: the call is for a message. No type has this number.
pub const MESSAGE: u32 = u32::MAX;

impl Job<'_> {
    /// This job's JSON.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    pub(super) fn write(&self, out: &mut String) {
        out.push('[');
        match self {
            Self::Abort(number) => write_numbers(out, [kind::ABORT.into(), (*number).into()]),
            Self::Reply { reply, message } => {
                write_numbers(out, [kind::REPLY.into(), (*reply).into()]);
                out.push(',');
                out.push_str(message);
            }
            Self::Settle { request, result } => {
                write_numbers(out, [kind::SETTLE.into(), (*request).into()]);
                out.push(',');
                match result {
                    Ok(None) => out.push_str("null"),
                    Ok(Some(value)) => {
                        out.push_str("null,");
                        out.push_str(value);
                    }
                    Err(error) => write_json_string(out, error),
                }
            }
            Self::Relay { relay, resume } => {
                write_numbers(out, [kind::RELAY.into(), (*relay).into(), (*resume).into()]);
            }
            Self::Log {
                level,
                code,
                about,
                left_out,
                text,
            } => {
                write_numbers(out, [kind::LOG.into(), *level as u64]);
                out.push(',');
                write_json_string(out, code.name());
                out.push(',');
                write_json_string(out, about);
                out.push(',');
                write_numbers(out, [*left_out as u64]);
                out.push(',');
                write_json_string(out, text);
            }
            Self::Forget(actor) => write_numbers(out, [kind::FORGET.into(), *actor]),
            Self::NextValue(task) => write_numbers(out, [kind::NEXT_VALUE.into(), task.0.into()]),
            Self::EndTask(task) => write_numbers(out, [kind::END_TASK.into(), task.0.into()]),
            Self::Store { call, arguments } => {
                write_numbers(out, [kind::STORE.into(), (*call).into()]);
                out.push(',');
                out.push_str(arguments);
            }
            Self::Announced(announcement) => {
                write_numbers(out, [kind::ANNOUNCED.into()]);
                out.push(',');
                out.push_str(announcement);
            }
            Self::Timed(step) => {
                let of_clock = |read: fn(&Clock) -> Duration| {
                    let duration = step.clock.map_or(Duration::ZERO, read);
                    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
                };
                let total = of_clock(Clock::total);
                let call = of_clock(|clock| clock.part(Part::Call));
                let store = of_clock(|clock| clock.part(Part::Store));
                let patch = of_clock(|clock| clock.part(Part::Patch));
                let (kind, sequence) = (step.kind as u64, step.sequence);
                let job = kind::TIMED.into();
                write_numbers(
                    out,
                    [job, step.actor, sequence, kind, total, call, store, patch],
                );
                out.push(',');
                write_json_string(out, step.error.map_or("", Code::name));
            }
            Self::Calls(count) => write_numbers(out, [kind::CALLS.into(), *count as u64]),
        }
        out.push(']');
    }
}

fn write_numbers<const N: usize>(out: &mut String, numbers: [u64; N]) {
    for (position, number) in numbers.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "{number}");
    }
}

/// Writes a call to handle and render as `[0, call, actor, sequence, version, number, module, id, instance,
/// event | origin, props?, bytes?, frozen?]`. A first render has an origin instead of an event: `null` if
/// the application itself started the component, or `[joins, version, isBehind, dropped?]`, see
/// [`crate::dispatch::Origin`]. `dropped` is a list of `[receiver, topic | 0, interval, data?]`, see
/// [`crate::ongoing::Dropped`]; it is left out if it is empty.
pub(super) fn write_call(
    number: u32,
    call: &Call,
    with_props: bool,
    form_fields: usize,
) -> Result<String, TooManyFields> {
    let mut json = String::from("[");
    let out = &mut json;
    let module = call.module.id.into();
    let numbers = [
        kind::CALL.into(),
        number.into(),
        call.actor,
        call.sequence,
        call.version,
        call.number.0,
        module,
    ];
    write_numbers(out, numbers);
    out.push(',');
    write_json_string(out, &call.id);
    out.push(',');
    write_json_string(out, &call.instance);
    out.push(',');
    match &call.event {
        Some(event) => {
            write_event(out, event, call.module.raw, form_fields)?;
            write_viewer(out, call);
        }
        None if !call.messages.is_empty() => write_messages(out, &call.messages, with_props),
        None => match &call.origin {
            None => out.push_str("null"),
            Some(origin) => {
                out.push('[');
                let numbers = [
                    origin.joins as u64,
                    origin.version.into(),
                    origin.is_behind.into(),
                ];
                write_numbers(out, numbers);
                if let Some(dropped) = &call.dropped {
                    out.push(',');
                    write_dropped(out, dropped);
                }
                out.push(']');
            }
        },
    }
    if with_props {
        out.push(',');
        let start = out.len();
        if call.module.raw {
            write_json_string(out, &call.props.to_json());
        } else {
            call.props.write_json(out);
        }
        let bytes = out.len() - start;
        let _ = write!(out, ",{bytes},{}", u8::from(call.frozen));
    }
    out.push(']');
    Ok(json)
}

fn write_dropped(out: &mut String, dropped: &[Dropped]) {
    out.push('[');
    for (position, one) in dropped.iter().enumerate() {
        out.push_str(if position > 0 { ",[" } else { "[" });
        write_json_string(out, &one.receiver);
        out.push(',');
        match &one.topic {
            Some(topic) => write_json_string(out, topic),
            None => out.push('0'),
        }
        let interval = one.interval.map_or(0, |interval| interval.as_millis());
        let _ = write!(out, ",{interval}");
        if let Some(data) = &one.data {
            let _ = write!(out, ",{data}");
        }
        out.push(']');
    }
    out.push(']');
}

/// The source of a message.
pub mod from {
    /// A timer.
    pub const TIMER: u32 = 0;
    /// A task.
    pub const TASK: u32 = 1;
    /// A topic.
    pub const TOPIC: u32 = 2;
    /// A component, which has sent the message to the receiving component's address.
    pub const COMPONENT: u32 = 3;
    /// The presence of a topic.
    pub const PRESENCE: u32 = 4;
    /// The pages that show a shared component.
    pub const VIEWERS: u32 = 5;
    /// The application, by the component's address.
    pub const SERVER: u32 = 6;
    /// The parent of a nested component.
    pub const PARENT: u32 = 7;
    /// Development, which has the component render again.
    pub const AGAIN: u32 = 8;
}

/// Which value of a task a message carries.
pub mod part {
    /// One of several, or the message is of no task.
    pub const VALUE: u32 = 0;
    /// The task has ended.
    pub const DONE: u32 = 1;
    /// The task has failed.
    pub const ERROR: u32 = 2;
}

/// `{"messages":[…]}`: the messages of a visit. Each is an array:
///
/// * of a timer, a task, the viewers, the parent or development `[receiver, id, from, part, data?]`;
/// * of a topic `[receiver, id, from, gap, topic, position, key, bytes?, data?]`: all receivers get the same
///   data, so that it crosses once, unless `with_data`; later its key is enough;
/// * of a topic's presence the same, with an empty position;
/// * sent to the component `[receiver, id, from, gap, position, data?]`.
fn write_messages(out: &mut String, messages: &[Message], with_data: bool) {
    out.push_str("{\"messages\":[");
    for (position, message) in messages.iter().enumerate() {
        out.push_str(if position > 0 { ",[" } else { "[" });
        write_message(out, message, with_data);
        out.push(']');
    }
    out.push_str("]}");
}

fn write_message(out: &mut String, message: &Message, with_data: bool) {
    write_json_string(out, &message.receiver);
    out.push(',');
    write_json_string(out, &message.id);
    out.push(',');
    match &message.source {
        source @ (Source::Timer
        | Source::Task(_)
        | Source::Viewers
        | Source::Parent
        | Source::Again) => {
            let from = match source {
                Source::Timer => from::TIMER,
                Source::Viewers => from::VIEWERS,
                Source::Parent => from::PARENT,
                Source::Again => from::AGAIN,
                _ => from::TASK,
            };
            let part = match message.part {
                MessagePart::Value => part::VALUE,
                MessagePart::Done => part::DONE,
                MessagePart::Error => part::ERROR,
            };
            write_numbers(out, [from.into(), part.into()]);
        }
        Source::Topic {
            topic,
            position,
            is_of_server,
        } => {
            let is_own = topic.starts_with(OWN);
            let from = match (is_own, is_of_server) {
                (false, _) => from::TOPIC,
                (true, false) => from::COMPONENT,
                (true, true) => from::SERVER,
            };
            write_numbers(out, [from.into(), message.gap.into()]);
            out.push(',');
            if !is_own {
                write_json_string(out, topic);
                out.push(',');
            }
            // Nothing in it needs escaping.
            let _ = write!(out, "\"{position}\"");
        }
        Source::Presence { topic, .. } => {
            write_numbers(out, [from::PRESENCE.into(), message.gap.into()]);
            out.push(',');
            write_json_string(out, topic);
            out.push_str(",\"\"");
        }
    }
    match &message.data {
        Data::None => {}
        Data::Json(json) => {
            out.push(',');
            out.push_str(json);
        }
        Data::Shared(shared) => {
            let _ = write!(out, ",{}", shared.key);
            if !shared.has_crossed.swap(true, Ordering::Relaxed) || with_data {
                let _ = write!(out, ",{},{}", shared.data.len(), shared.data);
            }
        }
    }
}

/// Adds the viewer to an event of a shared component. The event's id begins with the viewer, because each
/// viewer counts its own events.
fn write_viewer(out: &mut String, call: &Call) {
    let Some(caller) = &call.caller else { return };
    let Some(sharing) = &caller.sharing else {
        return;
    };
    if out.pop() != Some('}') {
        return;
    }
    let viewer = &sharing.viewer;
    // Nothing in a viewer's name needs escaping.
    let _ = write!(
        out,
        ",\"id\":\"{viewer}-{}\",\"viewer\":{{\"id\":\"{viewer}\",\"bind\":",
        call.number
    );
    write_json_string(out, &caller.bind);
    out.push_str("}}");
}

/// Writes a further member, which is a list of texts.
fn write_json_string_list(out: &mut String, name: &str, texts: &[Box<str>]) {
    let _ = write!(out, ",\"{name}\":[");
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_json_string(out, text);
    }
    out.push(']');
}

/// Writes the `LiveEvent` that handlers get, without its id. A `raw` module takes no form.
fn write_event(
    out: &mut String,
    event: &ClientEvent,
    raw: bool,
    form_fields: usize,
) -> Result<(), TooManyFields> {
    let vars = &event.special_vars;
    let args = vars.args.as_deref();
    out.push_str("{\"handler\":");
    match args.filter(|_| raw) {
        // A raw module gets the page's own text, word by word.
        Some(args) => write_json_string(out, &format!("{}({args})", event.handler)),
        None => write_json_string(out, &event.handler),
    }
    out.push_str(",\"type\":");
    write_json_string(out, &event.event);
    // Both are JSON that has been checked.
    for (name, json) in [("args", args), ("detail", vars.detail.as_deref())] {
        if let Some(json) = json.filter(|_| !raw) {
            let _ = write!(out, ",\"{name}\":{json}");
        }
    }
    if let Some(value) = &vars.value {
        out.push_str(",\"value\":");
        write_json_string(out, value);
    }
    if let Some(field) = &vars.field {
        out.push_str(",\"fieldValue\":");
        write_json_string(out, field);
    }
    for (name, texts) in [("values", &vars.values), ("left", &vars.left)] {
        if let Some(texts) = texts {
            write_json_string_list(out, name, texts);
        }
    }
    if let Some(checked) = vars.checked {
        out.push_str(if checked {
            ",\"checked\":true"
        } else {
            ",\"checked\":false"
        });
    }
    if let Some(key) = &vars.key {
        out.push_str(",\"key\":");
        write_json_string(out, key);
    }
    // A submit's value is its form.
    let submitted = (&*event.event == SUBMIT).then_some(vars.value.as_deref().unwrap_or_default());
    let form = vars.form.as_deref().or(submitted);
    if let Some(form) = form.filter(|_| !raw) {
        out.push_str(",\"form\":");
        write_form(out, form, form_fields)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SpecialVars;

    fn event(kind: &str, value: &str, raw: bool) -> String {
        let mut out = String::new();
        let event = ClientEvent {
            handler: "save".into(),
            event: kind.into(),
            special_vars: SpecialVars {
                value: Some(value.into()),
                checked: Some(true),
                key: Some("\"".into()),
                ..SpecialVars::default()
            },
        };
        write_event(&mut out, &event, raw, 10).unwrap();
        out
    }

    #[test]
    fn an_event_as_handlers_see_it() {
        assert_eq!(
            event("keydown", "é\n", false),
            r#"{"handler":"save","type":"keydown","value":"é\n","checked":true,"key":"\""}"#
        );
    }

    #[test]
    fn a_field_says_what_it_holds_and_a_select_all_its_values() {
        let mut out = String::new();
        let event = ClientEvent {
            handler: "rename".into(),
            event: "input".into(),
            special_vars: SpecialVars {
                value: Some("7".into()),
                field: Some("\"b\"".into()),
                values: Some(["1".into(), "é\n".into()].into()),
                left: Some(["a b".into()].into()),
                ..SpecialVars::default()
            },
        };
        write_event(&mut out, &event, false, 10).unwrap();
        assert_eq!(
            out,
            r#"{"handler":"rename","type":"input","value":"7","fieldValue":"\"b\"","values":["1","é\n"],"left":["a b"]}"#
        );
    }

    #[test]
    fn an_event_has_its_arguments_and_its_detail() {
        let event = ClientEvent {
            handler: "remove".into(),
            event: "click".into(),
            special_vars: SpecialVars {
                args: Some(r#"{"id":7}"#.into()),
                detail: Some(r#"{"clientX":3}"#.into()),
                ..SpecialVars::default()
            },
        };
        let written = |raw| {
            let mut out = String::new();
            write_event(&mut out, &event, raw, 10).unwrap();
            out
        };
        assert_eq!(
            written(false),
            r#"{"handler":"remove","type":"click","args":{"id":7},"detail":{"clientX":3}}"#
        );
        assert_eq!(
            written(true),
            r#"{"handler":"remove({\"id\":7})","type":"click"}"#
        );
    }

    #[test]
    fn a_submit_carries_its_form() {
        let json = event("submit", "a=1&b=%22x%22+y&a=2&c", false);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({"a": ["1", "2"], "b": "\"x\" y", "c": ""});
        assert_eq!(json["form"], expected);
        assert!(!event("submit", "a=1", true).contains("form"));
    }
}
