//! Messages from the server, classic dialect.

use serde::{Deserialize, Serialize};

use crate::effects::Push;
use crate::tree::{LiveTree, Patch, Render, write_json_string};

/// A message of a component to its page (the reference's `loom.SocketMessage`).
pub enum ServerMessage<'a> {
    /// The whole tree: the answer to a join.
    Trees(&'a LiveTree),
    /// The answer to an event: the changes; empty if nothing changed. Beside it the render that it was made
    /// from, if there is one.
    Patch(Patch<'a>, Option<&'a Render>),
    /// The answer to an event if the root has other statics now: the whole tree.
    Replace(&'a LiveTree),
    /// The whole page has to go to this URL.
    Redirect(&'a str),
    /// The answer to an event that failed.
    Error(&'a str),
    /// The answer to a join that failed, and the page's next action.
    Refused(&'a str, &'a Refusal),
}

/// The effects of a handler on the page, beside the render.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The address that the page is to go to, a path or an http(s) URL.
    pub redirect: Option<&'a str>,
    /// The form of the event keeps the texts that the user has typed. The classic dialect cannot say this.
    pub keeps_form: bool,
    /// Events for the page. The classic dialect cannot say them.
    pub pushes: &'a [Push],
}

/// The action of a page whose join was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Nothing: the server has failed.
    Fault,
    /// Be loaded again: its token or checkpoint is no longer valid.
    Reload,
    /// Go to this path or http(s) URL, for instance a login.
    Redirect(String),
    /// Try again later.
    Busy,
    /// Try again soon: the component is in another process now.
    Moved,
}

impl ServerMessage<'_> {
    /// The answer to an event that has changed nothing.
    pub fn nothing() -> Self {
        Self::Patch(Patch::default(), None)
    }

    /// The message in the classic dialect. `id` is the component's id on its connection.
    ///
    /// A replaced root is two messages in this dialect: the trees, and an empty patch that answers the
    /// event.
    pub fn to_json(&self, id: &str) -> (String, Option<String>) {
        let answer = match self {
            Self::Replace(_) => Some(Self::nothing().one(id)),
            _ => None,
        };
        (self.one(id), answer)
    }

    /// The messages of [`to_json`](Self::to_json), and after them the redirect, if there is one.
    pub fn texts(&self, id: &str, redirect: Option<&str>) -> impl Iterator<Item = String> {
        let (text, answer) = self.to_json(id);
        let redirect = redirect.map(|url| ServerMessage::Redirect(url).one(id));
        std::iter::once(text).chain(answer).chain(redirect)
    }

    /// The message in the classic dialect for many pages: the text before the component's id, and the text
    /// after it. A replaced root is the trees alone.
    pub fn to_json_for_many(&self) -> [String; 2] {
        // The id is the first member after the type.
        const ID: &str = "\"\\u0000\"";
        let text = self.one("\0");
        let (before, after) = text.split_once(ID).unwrap_or((&text, ""));
        [before.to_owned(), after.to_owned()]
    }

    fn one(&self, id: &str) -> String {
        let mut out = String::with_capacity(64);
        let (kind, has_id) = match self {
            Self::Trees(_) | Self::Replace(_) => ("trees", true),
            Self::Patch(..) => ("patch", true),
            Self::Redirect(_) => ("redirect", false),
            Self::Error(_) | Self::Refused(..) => ("error", true),
        };
        out.push_str("{\"type\":\"");
        out.push_str(kind);
        out.push('"');
        if has_id {
            out.push_str(",\"id\":");
            write_json_string(&mut out, id);
        }
        out.push(',');
        match self {
            Self::Trees(tree) | Self::Replace(tree) => tree.write_json_members(&mut out),
            Self::Patch(patch, _) => {
                out.push_str("\"d\":");
                patch.write_json(&mut out);
            }
            Self::Redirect(url) => {
                out.push_str("\"url\":");
                write_json_string(&mut out, url);
            }
            Self::Error(message) | Self::Refused(message, _) => {
                out.push_str("\"error\":");
                write_json_string(&mut out, message);
            }
        }
        out.push('}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::text_tree;

    #[test]
    fn the_four_messages() {
        let tree = text_tree(&["<b>", "</b>"], &["1"]);
        let id = "c\"0";
        for (message, expected) in [
            (
                ServerMessage::Trees(&tree),
                r#"{"type":"trees","id":"c\"0","s":["<b>","</b>"],"d":["1"]}"#,
            ),
            (
                ServerMessage::nothing(),
                r#"{"type":"patch","id":"c\"0","d":{}}"#,
            ),
            (
                ServerMessage::Redirect("/login"),
                r#"{"type":"redirect","url":"/login"}"#,
            ),
            (
                ServerMessage::Error("no\n"),
                r#"{"type":"error","id":"c\"0","error":"no\n"}"#,
            ),
        ] {
            assert_eq!(message.to_json(id), (expected.to_owned(), None));
            let [before, after] = message.to_json_for_many();
            match message {
                ServerMessage::Redirect(_) => {}
                _ => assert_eq!(format!("{before}\"c\\\"0\"{after}"), expected),
            }
        }
    }
}
