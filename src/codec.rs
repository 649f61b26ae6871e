//! The numbers and names that Rust and JavaScript have to agree on, in one table.
//!
//! `scripts/edge.mjs` makes `lib/codec.ts` of the table at each build, so that each of them stands once:
//! in the file that reads or writes it here.

use serde_json::{Value, json};

use crate::bridge::{
    MAX_NUMBERS, MESSAGE, MODEL, Numbers, SUBMIT, action, from, kind, part, status,
};
use crate::context::Level;
use crate::dispatch::Joins;
use crate::message::AGAIN;
use crate::props::{self, op as props_op};
use crate::template::EVENTS;
use crate::tree::{self, op as tree_op};

/// The constants of these names in a module, by their names.
macro_rules! constants {
    ($module:ident: $($name:ident),+) => {
        Value::from_iter([$((stringify!($name), $module::$name)),+])
    };
}

/// Enums of numbers, by their names, and single values.
pub fn table() -> Value {
    json!({
        "enums": {
            "TreeOp": constants!(tree_op: TEXT, HTML, TREE, LIST, JSON, SAME, EACH, SANITIZED, SHIFT),
            "RowStep": constants!(tree_op: KEEP, DROP, MOVE, ROW),
            "PropsOp": constants!(props_op: TEXT, KEEP, OBJECT, ARRAY, DROP, MOVE, MORE, SHIFT),
            "Status": constants!(status: DONE, FAILED, UNKNOWN_HANDLER, PROPS_NEEDED, DONE_ANEW, REFUSED, DONE_KEEPING_FORM, WAITS, TASK_VALUE, TASK_DONE, TASK_FAILED, ALLOWED, FAILED_FOR_NOW, FROZEN, BESIDE),
            "Action": constants!(action: NONE, RELOAD, REDIRECT),
            "JobKind": constants!(kind: CALL, ABORT, REPLY, SETTLE, RELAY, LOG, FORGET, CALLS, NEXT_VALUE, END_TASK, STORE, ANNOUNCED, TIMED),
            "From": constants!(from: TIMER, TASK, TOPIC, COMPONENT, PRESENCE, VIEWERS, SERVER, PARENT, AGAIN),
            "Part": constants!(part: VALUE, DONE, ERROR),
            "LogLevel": { "ERROR": Level::Error as u32, "WARN": Level::Warn as u32 },
            "Joins": {
                "MOUNT": Joins::Mount as u32,
                "CHECKPOINT": Joins::Checkpoint as u32,
                "RESUME": Joins::Resume as u32,
                "SHOWN": Joins::Shown as u32,
                "SHARED": Joins::Shared as u32,
                "SHARED_STATE": Joins::SharedState as u32,
                "VIEWER": Joins::Viewer as u32,
                "CHILD": Joins::Child as u32,
            },
            "Bound": {
                "TREE_DEPTH": tree::MAX_DEPTH,
                "PROPS_DEPTH": props::MAX_DEPTH,
                "CALLS": MAX_NUMBERS,
                "CALL_SIZE": size_of::<Numbers>() / size_of::<f64>(),
                "MESSAGE": MESSAGE,
            },
        },
        "EVENT_TYPES": EVENTS,
        "SUBMIT": SUBMIT,
        "MODEL": MODEL,
        "AGAIN": AGAIN,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Two names with one number would be read as the same.
    #[test]
    fn no_number_of_an_enum_means_two_things() {
        let table = table();
        for (name, members) in table["enums"].as_object().unwrap() {
            if name == "Bound" {
                continue;
            }
            let mut members = members.as_object().unwrap().clone();
            members.remove("SHIFT");
            let numbers: HashSet<u64> = members.values().map(|n| n.as_u64().unwrap()).collect();
            assert_eq!(numbers.len(), members.len(), "{name}");
        }
        assert!(EVENTS.contains(&SUBMIT));
        assert!(!EVENTS.contains(&MODEL));
    }
}
