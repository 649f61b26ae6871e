//! Writes the server's messages.

use std::fmt::Write;
use std::sync::Arc;

use crate::effects::Push;
use crate::ids::{EventNumber, Point, Revision};
use crate::protocol::server::{Refusal, ServerMessage};
use crate::template::{Place, Slot, Template};
use crate::tree::{
    Change, Dynamic, Leaf, List, ListEdit, LiveTree, Patch, Stays, TemplateId, TreeView,
    utf16_units, write_json_string,
};

/// The template number for trees of another template language: one slot, which holds the whole HTML.
/// No template of an application has this number.
const OPAQUE: u32 = u32::MAX;

/// Within so many milliseconds the pages of a component join again that is in another process now.
const MOVED: u32 = 500;

/// A message without its component's id, so that it can be sent again on another connection, where the
/// component has another id.
///
/// Architecture invariant: a message names templates by number, and never says the key of a row. A
/// connection sends the statics of a template once. The tests of this file watch the first, and
/// `src/connection/tests/mod.rs` the second (`the_extended_dialect_is_spoken_where_it_is_asked_for`).
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// The text before the id.
    pub(super) head: &'static str,
    /// The text after the id.
    pub(super) rest: String,
    /// The templates that the client has to know to read the message. Each stands here at least once.
    pub templates: Vec<Arc<Template>>,
    /// The message shows a tree of another template language.
    pub opaque: bool,
    /// The positions in `rest` at which numbers of templates stand, and the templates, if other processes are
    /// to be told.
    pub(super) mentions: Option<Vec<(u32, TemplateId)>>,
}

/// Writes the answer to event `number`.
///
/// Three kinds are not answers to events and have functions of their own: for `Redirect` there is
/// [`redirect`], for `Trees` [`joined`], for `Refused` [`refused`].
pub fn encode(message: &ServerMessage<'_>, number: EventNumber) -> Encoded {
    let mut out = Encoded {
        head: "[",
        rest: String::with_capacity(32),
        ..Encoded::default()
    };
    let _ = write!(out.rest, ",{number}");
    out.message(message);
    out
}

/// Writes a change without the number of the event that it answers: many pages get the same change, each with
/// its own number. See [`Encoded::text_for`]. `across`: pages of other processes get it, too.
pub fn encode_for_many(message: &ServerMessage<'_>, across: bool) -> Encoded {
    let mut out = Encoded {
        head: "[",
        mentions: across.then(Vec::new),
        ..Encoded::default()
    };
    out.message(message);
    out
}

/// Writes a tree that many pages are shown. See [`Encoded::joined_text`]. `across`: pages of other processes get it,
/// too.
pub fn tree_for_many(tree: &LiveTree, across: bool) -> Encoded {
    let mut out = Encoded {
        head: "[\"j\",",
        mentions: across.then(Vec::new),
        ..Encoded::default()
    };
    out.root(tree);
    out
}

/// The flags in the answer to a join, beside the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinFlags {
    /// The state is not the one that the client left.
    pub anew: bool,
    /// The component is shared: no checkpoints come, and answered events are not sent again.
    pub shared: bool,
    /// Events that were sent and have no answer are lost: it is not known whether they were applied.
    pub lost: bool,
    /// The state goes on, and lacks changes that no event asked for and that the client has shown.
    pub behind: bool,
}

impl JoinFlags {
    fn number(self) -> u8 {
        u8::from(self.anew)
            | u8::from(self.shared) << 1
            | u8::from(self.lost) << 2
            | u8::from(self.behind) << 3
    }
}

// The rest of a message, after its number.
impl Encoded {
    fn message(&mut self, message: &ServerMessage<'_>) {
        let out = self;
        match message {
            ServerMessage::Trees(tree) | ServerMessage::Replace(tree) => {
                out.head = "[\"s\",";
                out.rest.push(',');
                out.root(tree);
            }
            ServerMessage::Patch(patch, render) => match render {
                Some(render) if render.template().is_trusted() && !patch.is_empty() => {
                    out.opaque = true;
                    out.rest.push_str(",0,");
                    let tree = LiveTree::try_from((*render).clone());
                    out.html(&tree.map_or_else(|_| String::new(), |tree| tree.to_html()));
                }
                _ => out.changes(patch, true),
            },
            ServerMessage::Redirect(_) => {}
            ServerMessage::Error(error) | ServerMessage::Refused(error, _) => {
                out.head = "[\"e\",";
                out.rest.push(',');
                write_json_string(&mut out.rest, error);
            }
        }
        out.rest.push(']');
    }
}

/// Writes one answer to `count` events, the last of which has the number `last`. They were not handled,
/// because there are too many or they are too old (`is_expired`).
pub fn unhandled(last: EventNumber, count: u64, text: &str, is_expired: bool) -> Encoded {
    let mut out = Encoded {
        head: "[\"e\",",
        ..Encoded::default()
    };
    let _ = write!(out.rest, ",{last},");
    write_json_string(&mut out.rest, text);
    let _ = write!(out.rest, ",{},{count}]", u8::from(is_expired));
    out
}

/// Writes the answer to a join: the component's tree at this point, and the `secret` with which the client
/// can resume the component.
pub fn joined(tree: &LiveTree, point: Point, secret: &str, flags: JoinFlags) -> Encoded {
    let mut out = Encoded {
        head: "[\"j\",",
        ..Encoded::default()
    };
    let _ = write!(out.rest, ",{},{},", point.event, point.revision);
    out.root(tree);
    let _ = write!(out.rest, ",\"{secret}\"");
    match flags.number() {
        0 => out.rest.push(']'),
        number => {
            let _ = write!(out.rest, ",{number}]");
        }
    }
    out
}

/// Writes the answer to a resume: the component goes on from the point that the client shows. The answers
/// that the client has missed follow, up to event `number`.
pub fn resumed(id: &str, number: EventNumber, secret: &str) -> String {
    format!("[\"a\",{id},{number},\"{secret}\"]")
}

/// Writes the answer to a join that failed.
pub fn refused(id: &str, text: &str, refusal: &Refusal) -> String {
    let mut out = format!("[\"f\",{id},");
    write_json_string(&mut out, text);
    match refusal {
        Refusal::Fault => {}
        Refusal::Reload => out.push_str(",\"reload\""),
        Refusal::Busy => out.push_str(",\"busy\""),
        Refusal::Moved => {
            let _ = write!(out, ",\"busy\",{MOVED}");
        }
        Refusal::Redirect(url) => {
            out.push_str(",\"redirect\",");
            write_json_string(&mut out, url);
        }
    }
    out.push(']');
    out
}

/// Writes the revision of the next change, if it is not the last one plus one.
pub fn revision(id: &str, revision: Revision) -> String {
    format!("[\"v\",{id},{revision}]")
}

/// Writes a checkpoint of the state after event `number`. `sealed` is `None` if the state is too large.
pub fn checkpoint(id: &str, number: EventNumber, sealed: Option<&str>) -> String {
    match sealed {
        Some(sealed) => format!("[\"c\",{id},{number},\"{sealed}\"]"),
        None => format!("[\"c\",{id},{number},null]"),
    }
}

/// The server's limits that a client has to know. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a client may keep an event that it could not send (`limits.event_age`).
    pub age: u64,
    /// The largest message that the client may send, in bytes (`limits.message_bytes`).
    pub message_bytes: u64,
    /// How many unanswered events of one component the client may have sent.
    pub unanswered: u64,
    /// How long a client waits for an answer, without any message, before it treats the connection as
    /// dead.
    pub silence: u64,
}

/// Writes the greeting, the first message of a connection.
pub fn options(options: &Options) -> String {
    let Options {
        age,
        message_bytes,
        unanswered,
        silence,
    } = options;
    format!("[\"o\",{age},{message_bytes},{unanswered},{silence}]")
}

/// Writes that the whole page has to go to this URL.
pub fn redirect(url: &str) -> String {
    let mut out = String::from("[\"r\",");
    write_json_string(&mut out, url);
    out.push(']');
    out
}

/// Writes that the form of event `number` keeps the texts that the user has typed. Stands before the answer
/// to the event.
pub fn keep_form(id: &str, number: EventNumber) -> String {
    format!("[\"k\",{id},{number}]")
}

/// Writes an event for the page. Stands before the change of the same step; the client dispatches the event
/// after that.
pub fn push(id: &str, push: &Push) -> String {
    let mut out = format!("[\"p\",{id},");
    write_json_string(&mut out, &push.name);
    let _ = write!(out, ",{}]", push.data);
    out
}

/// Writes the definition of a template: its number, statics and kinds of slots.
pub fn define(template: &Template) -> String {
    let mut out = String::new();
    let _ = write!(out, "[\"t\",{},[", template.number());
    let mut statics = String::new();
    let mut kinds = String::new();
    let mut texts = template.statics().iter();
    for slot in template.slots() {
        statics.push_str(texts.next().map_or("", |text| text));
        // The place of an attribute that may be absent is spelt out, so that the client can find the place;
        // its wire slot is the whole attribute.
        let (kind, closing) = match &slot.place {
            Place::Text => ('t', ""),
            Place::EscapableText => ('r', ""),
            Place::Boolean { name } => {
                let _ = write!(statics, " {name}=\"");
                ('b', "\"")
            }
            Place::Optional { name } => {
                let _ = write!(statics, " {name}=\"");
                ('a', "\"")
            }
            _ => ('a', ""),
        };
        kinds.push(kind);
        write_json_string(&mut out, &statics);
        out.push(',');
        statics.clear();
        statics.push_str(closing);
    }
    statics.push_str(texts.next().map_or("", |text| text));
    write_json_string(&mut out, &statics);
    let _ = write!(out, "],\"{kinds}\"]");
    out
}

/// Writes the definition of the template for trees of other template languages.
pub fn define_opaque() -> String {
    format!("[\"t\",{OPAQUE},[\"\",\"\"],\"t\"]")
}

impl Encoded {
    /// The whole message. `id` is the number of the component on the connection.
    pub fn text(&self, id: &str) -> String {
        let mut text = String::with_capacity(self.head.len() + id.len() + self.rest.len());
        text.push_str(self.head);
        text.push_str(id);
        text.push_str(&self.rest);
        text
    }

    /// The whole message of [`encode_for_many`], for a page. `number` is the last event of this page that the
    /// change includes.
    pub fn text_for(&self, id: &str, number: EventNumber) -> String {
        const NUMBER: usize = 17;
        let room = self.head.len() + id.len() + NUMBER + self.rest.len();
        let mut text = String::with_capacity(room);
        text.push_str(self.head);
        text.push_str(id);
        let _ = write!(text, ",{number}");
        text.push_str(&self.rest);
        text
    }

    /// The whole message of [`tree_for_many`]: as [`joined`], for one page.
    pub fn joined_text(&self, id: &str, point: Point, secret: &str, flags: JoinFlags) -> String {
        let room = self.head.len() + id.len() + self.rest.len() + secret.len() + 48;
        let mut text = String::with_capacity(room);
        text.push_str(self.head);
        text.push_str(id);
        let _ = write!(text, ",{},{},", point.event, point.revision);
        text.push_str(&self.rest);
        let _ = write!(text, ",\"{secret}\",{}]", flags.number());
        text
    }

    /// Bytes of text that the message holds.
    pub fn size(&self) -> usize {
        self.rest.len()
    }

    fn root(&mut self, tree: &LiveTree) {
        if tree.template().is_trusted() {
            self.opaque = true;
            let _ = write!(self.rest, "[{OPAQUE},");
            self.html(&tree.to_html());
            self.rest.push(']');
        } else {
            self.tree(tree.view());
        }
    }

    fn html(&mut self, html: &str) {
        self.rest.push_str("{\"h\":");
        write_json_string(&mut self.rest, html);
        self.rest.push('}');
    }

    fn uses(&mut self, template: &Arc<Template>) {
        // The rows of a list usually have one template, so the last one is compared first.
        if self
            .templates
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, template))
        {
            self.templates.push(template.clone());
        }
    }

    fn tree(&mut self, tree: TreeView<'_>) {
        let template = tree.template();
        self.uses(template);
        self.rest.push('[');
        if let Some(mentions) = &mut self.mentions {
            let at = u32::try_from(self.rest.len()).unwrap_or(u32::MAX);
            mentions.push((at, template.number()));
        }
        let _ = write!(self.rest, "{}", template.number());
        for (slot, dynamic) in template.slots().iter().zip(tree.dynamics()) {
            self.rest.push(',');
            match dynamic {
                Dynamic::Leaf(leaf) => self.leaf(Some(slot), leaf),
                Dynamic::Tree(tree) => self.tree(tree),
                Dynamic::List(list) => self.list(list),
            }
        }
        self.rest.push(']');
    }

    fn list(&mut self, list: &List) {
        self.rest.push_str("{\"l\":[");
        for (index, row) in list.iter().enumerate() {
            if index > 0 {
                self.rest.push(',');
            }
            self.tree(row);
        }
        self.rest.push_str("]}");
    }

    fn leaf(&mut self, slot: Option<&Slot>, leaf: Leaf<'_>) {
        match (slot.map(|slot| &slot.place), leaf.html) {
            (Some(Place::Boolean { .. }), _) => {
                self.rest.push(if leaf.text.is_empty() { '0' } else { '1' });
            }
            (Some(Place::Optional { .. }), _) => match Place::optional_text(leaf.text) {
                Some(text) => write_json_string(&mut self.rest, &text),
                None => self.rest.push('0'),
            },
            (_, true) => self.html(leaf.text),
            (_, false) => write_json_string(&mut self.rest, leaf.text),
        }
    }

    /// Writes `slot,change` pairs. `comma` says that the first pair needs a comma before it.
    fn changes(&mut self, patch: &Patch<'_>, mut comma: bool) {
        for (index, change) in &patch.changes {
            if comma {
                self.rest.push(',');
            }
            comma = true;
            let _ = match change {
                // A slot below zero says that the text there keeps its beginning.
                Change::Tail { .. } => write!(self.rest, "-{},", index + 1),
                _ => write!(self.rest, "{index},"),
            };
            match change {
                Change::Leaf { text, html } => {
                    let (text, html) = (text.as_ref(), *html);
                    let slots = patch.template.map_or(&[][..], |template| template.slots());
                    self.leaf(slots.get(*index), Leaf { text, html });
                }
                Change::Tail { text, stays } => self.tail(text, *stays),
                Change::Tree(tree) => self.tree(tree.view()),
                Change::List(rows) => self.list(rows),
                // A patch without a template belongs to a list.
                Change::Inside(patch) if patch.template.is_none() => self.items(patch),
                Change::Inside(patch) => {
                    self.rest.push_str("{\"p\":[");
                    self.changes(patch, false);
                    self.rest.push_str("]}");
                }
                Change::Edit(edit) => self.edit(edit),
            }
        }
    }

    /// Writes the text after the part that stays; if not all of the old text stays, also how much does.
    fn tail(&mut self, text: &str, stays: Stays) {
        let (beginning, follows) = text.split_at_checked(stays.bytes).unwrap_or(("", text));
        if stays.is_all {
            write_json_string(&mut self.rest, follows);
        } else {
            let _ = write!(self.rest, "[{},", utf16_units(beginning));
            write_json_string(&mut self.rest, follows);
            self.rest.push(']');
        }
    }

    /// Writes the changes of a list without keys that kept its length. Items with another template are
    /// replaced.
    fn items(&mut self, patch: &Patch<'_>) {
        let replaced = patch
            .changes
            .iter()
            .filter_map(|(at, change)| match change {
                Change::Tree(tree) => Some((*at, tree.view())),
                _ => None,
            });
        let replaced: Vec<(usize, TreeView<'_>)> = replaced.collect();
        let inside = patch
            .changes
            .iter()
            .filter_map(|(at, change)| match change {
                Change::Inside(patch) => Some((*at, patch)),
                _ => None,
            });
        let mut members = Members::begin(self);
        members.numbers("r", replaced.iter().map(|(at, _)| (*at, 1)));
        members.trees("i", replaced.iter().copied());
        members.patches("c", inside);
        members.end();
    }

    fn edit(&mut self, edit: &ListEdit<'_>) {
        let mut members = Members::begin(self);
        let removed = edit.plan.removed.iter();
        members.numbers("r", removed.map(|range| (range.start, range.len())));
        members.numbers("m", edit.plan.moved.iter().copied());
        members.trees("i", edit.inserted());
        members.patches("c", edit.changed.iter().map(|(at, patch)| (*at, patch)));
        members.end();
    }
}

/// Writes the members of a list's edit; empty ones are left out.
struct Members<'a> {
    out: &'a mut Encoded,
    separator: char,
}

impl<'a> Members<'a> {
    fn begin(out: &'a mut Encoded) -> Self {
        let separator = '{';
        Self { out, separator }
    }

    fn member<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = (usize, T)>,
        mut write: impl FnMut(&mut Encoded, T),
    ) {
        let mut items = items.peekable();
        if items.peek().is_none() {
            return;
        }
        let _ = write!(self.out.rest, "{}\"{key}\":", self.separator);
        self.separator = ',';
        let mut before = '[';
        for (at, item) in items {
            let _ = write!(self.out.rest, "{before}{at},");
            write(self.out, item);
            before = ',';
        }
        self.out.rest.push(']');
    }

    fn numbers(&mut self, key: &str, items: impl Iterator<Item = (usize, usize)>) {
        self.member(key, items, |out, number| {
            let _ = write!(out.rest, "{number}");
        });
    }

    fn trees<'t>(&mut self, key: &str, items: impl Iterator<Item = (usize, TreeView<'t>)>) {
        self.member(key, items, |out, tree| out.tree(tree));
    }

    fn patches<'p>(&mut self, key: &str, items: impl Iterator<Item = (usize, &'p Patch<'p>)>) {
        self.member(key, items, |out, patch| {
            out.rest.push('[');
            out.changes(patch, false);
            out.rest.push(']');
        });
    }

    fn end(self) {
        self.out.rest.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{Filled, list, text_tree};
    use crate::tree::{Branch, Builder, List, Render, diff};

    const AT: Point = Point {
        event: EventNumber(5),
        revision: Revision(7),
    };

    fn compiled(number: u32, source: &[&str], values: Vec<Filled>) -> LiveTree {
        let template = Arc::new(Template::compile(source).unwrap().numbered(number));
        let mut scratch = String::new();
        let mut builder = Builder::new(&template, &scratch);
        for value in values {
            match value {
                Filled::Leaf(text) => {
                    let html = text.starts_with(' ');
                    builder.leaf(&mut scratch, Leaf { text: &text, html });
                }
                Filled::Tree(tree) => builder.branch(&mut scratch, Branch::Tree(tree)),
                Filled::List(list) => builder.branch(&mut scratch, Branch::List(list)),
            }
        }
        builder.finish(&mut scratch).unwrap()
    }

    fn row(text: &str) -> LiveTree {
        compiled(4, &["<li>", "</li>"], vec![Filled::Leaf(text.into())])
    }

    fn rows(keys: &[u64]) -> LiveTree {
        let rows = keys.iter().map(|key| row(&key.to_string()));
        let list = List::new(rows, Some(keys));
        compiled(3, &["<ul>", "</ul>"], vec![Filled::List(list)])
    }

    fn patch(old: &LiveTree, new: &LiveTree) -> String {
        let mut render = Render::from(new.clone());
        render.resolve(old).unwrap();
        encode(
            &ServerMessage::Patch(diff(old, &render), Some(&render)),
            AT.event,
        )
        .text("0")
    }

    #[test]
    fn the_examples_of_the_document() {
        let old = rows(&(0..100).collect::<Vec<_>>());
        let mut keys: Vec<u64> = (0..99).collect();
        keys.insert(0, 500);
        let expected = r#"[0,5,0,{"r":[99,1],"i":[0,[4,"500"]]}]"#;
        assert_eq!(patch(&old, &rows(&keys)), expected);
        let swapped = rows(&[0, 8, 2, 3, 4, 5, 6, 7, 1, 9]);
        let ten = rows(&(0..10).collect::<Vec<_>>());
        assert_eq!(patch(&ten, &swapped), r#"[0,5,0,{"m":[8,1,1,8]}]"#);
        assert_eq!(patch(&ten, &ten), "[0,5]");
    }

    /// A message for many pages is the same as the message for one, with its own number, secret and id.
    #[test]
    fn a_message_for_many_is_that_of_one_for_each() {
        let (old, new) = (rows(&[1, 2, 3]), rows(&[3, 2]));
        let mut render = Render::from(new.clone());
        render.resolve(&old).unwrap();
        for message in [
            ServerMessage::Patch(diff(&old, &render), Some(&render)),
            ServerMessage::nothing(),
            ServerMessage::Replace(&new),
        ] {
            let one = encode(&message, AT.event).text("12");
            assert_eq!(
                encode_for_many(&message, true).text_for("12", AT.event),
                one
            );
        }
        let flags = JoinFlags {
            anew: true,
            ..JoinFlags::default()
        };
        let one = joined(&new, AT, "xyz", flags).text("7");
        let many = tree_for_many(&new, true);
        assert_eq!(many.joined_text("7", AT, "xyz", flags), one);
        let shared = JoinFlags {
            shared: true,
            lost: true,
            ..JoinFlags::default()
        };
        let text = many.joined_text("7", AT, "xyz", shared);
        assert!(text.ends_with(",\"xyz\",6]"), "{text}");
        let behind = JoinFlags {
            behind: true,
            ..JoinFlags::default()
        };
        let text = joined(&new, AT, "xyz", behind).text("7");
        assert!(text.ends_with(",\"xyz\",8]"), "{text}");
    }

    #[test]
    fn values_of_every_kind() {
        let source = &["<input value=\"", "\" ?disabled=", "><p>", "</p>", ""];
        let page = |text: &str, off: &str, inner: &str, items: &[&str]| {
            let items = items.iter().map(|item| row(item)).collect();
            let leaf = |text: &str| Filled::Leaf(text.to_owned());
            let inner = Filled::Tree(row(inner));
            compiled(9, source, vec![leaf(text), leaf(off), inner, list(items)])
        };
        let old = page("a", "", "x", &["1", "2"]);
        let joined = joined(&old, AT, "xyz", JoinFlags::default());
        let expected = r#"["j",3,5,7,[9,"a",0,[4,"x"],{"l":[[4,"1"],[4,"2"]]}],"xyz"]"#;
        assert_eq!(joined.text("3"), expected);
        let used: Vec<u32> = joined.templates.iter().map(|it| it.number()).collect();
        assert_eq!(used, [9, 4, 4, 4]);
        let new = page("<\"", " disabled=\"\"", "y", &["1", "3"]);
        let expected = r#"[0,5,0,"<\"",1,1,2,{"p":[0,"y"]},3,{"c":[1,[0,"3"]]}]"#;
        assert_eq!(patch(&old, &new), expected);
        let shorter = page("a", "", "x", &[]);
        assert_eq!(patch(&old, &shorter), r#"[0,5,3,{"l":[]}]"#);
        let definition = define(old.template());
        let expected = r#"["t",9,["<input value=\"","\" disabled=\"","\"><p>","</p>",""],"abtt"]"#;
        assert_eq!(definition, expected);
    }

    #[test]
    fn trees_of_another_language_are_sent_as_html() {
        let tree = |text| text_tree(&["<a title=\"", "\">"], &[text]);
        let anew = JoinFlags {
            anew: true,
            ..JoinFlags::default()
        };
        let joined = joined(&tree("x"), AT, "xyz", anew);
        let html = r#"{"h":"<a title=\"x\">"}"#;
        let expected = format!("[\"j\",0,5,7,[{OPAQUE},{html}],\"xyz\",1]");
        assert_eq!(joined.text("0"), expected);
        assert!(joined.opaque && joined.templates.is_empty());
        let changed = r#"[0,5,0,{"h":"<a title=\"y\">"}]"#;
        assert_eq!(patch(&tree("x"), &tree("y")), changed);
        assert_eq!(patch(&tree("x"), &tree("x")), "[0,5]");
    }
}
