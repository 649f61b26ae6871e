//! The extended dialect, `loom.2`: `docs/protocol.md` describes what this file reads and writes.

use std::fmt::Write;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::client::{ClientEvent, ClientMessage, InvalidMessage, SpecialVars};
use super::server::ServerMessage;
use crate::template::{Place, Slot, Template};
use crate::tree::{Change, Dynamic, Leaf, ListEdit, LiveTree, Patch, write_json_string};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "loom.2";

/// Stands for a tree of another template language, whose only slot is its whole HTML. No template of
/// an application has this number.
const OPAQUE: u32 = u32::MAX;

#[derive(Deserialize, Default)]
struct Vars {
    #[serde(default)]
    v: Option<Box<str>>,
    #[serde(default)]
    c: Option<bool>,
    #[serde(default)]
    k: Option<Box<str>>,
    #[serde(default)]
    f: Option<Box<str>>,
}

/// Parses a frame's text.
///
/// # Errors
/// [`InvalidMessage`].
pub fn parse(text: &str) -> Result<ClientMessage<'_>, InvalidMessage> {
    let Parsed(message) = serde_json::from_str(text)?;
    Ok(message)
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
        let component: u32 = next(&mut array, "component")?;
        let id = component.to_string().into();
        let message = match kind {
            "j" => ClientMessage::Join {
                id,
                module: next::<String, A>(&mut array, "module")?.into(),
                token: next::<String, A>(&mut array, "token")?.into(),
            },
            "e" => {
                let handler = next(&mut array, "handler")?;
                let event = next(&mut array, "type")?;
                let vars: Vars = array.next_element()?.unwrap_or_default();
                let special_vars = SpecialVars {
                    value: vars.v,
                    checked: vars.c,
                    key: vars.k,
                    form: vars.f,
                };
                let event = ClientEvent {
                    handler,
                    event,
                    special_vars,
                };
                ClientMessage::Event { id, event }
            }
            "l" => ClientMessage::Leave { id },
            other => return Err(A::Error::unknown_variant(other, &["j", "e", "l"])),
        };
        match array.next_element::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("more members than the message has")),
            None => Ok(message),
        }
    }
}

/// A message's text, and the templates that the client has to know to read it.
#[derive(Default)]
pub struct Encoded {
    /// The message.
    pub text: String,
    /// Each template at least once.
    pub templates: Vec<Arc<Template>>,
    /// It shows a tree of another template language.
    pub opaque: bool,
}

/// Writes a message of component `id`, a number.
pub fn encode(message: &ServerMessage<'_>, id: &str) -> Encoded {
    let mut out = Encoded::default();
    out.text.push('[');
    match message {
        ServerMessage::Trees(tree) => {
            let _ = write!(out.text, "\"j\",{id},");
            out.root(tree);
        }
        ServerMessage::Replace(tree) => {
            let _ = write!(out.text, "\"s\",{id},");
            out.root(tree);
        }
        ServerMessage::Patch(patch, render) => {
            out.text.push_str(id);
            match render {
                Some(render) if render.template().is_trusted() && !patch.is_empty() => {
                    out.opaque = true;
                    out.text.push_str(",0,");
                    let tree = LiveTree::try_from((*render).clone());
                    out.html(&tree.map_or_else(|_| String::new(), |tree| tree.to_html()));
                }
                _ => out.changes(patch, true),
            }
        }
        ServerMessage::Redirect(url) => {
            out.text.push_str("\"r\",");
            write_json_string(&mut out.text, url);
        }
        ServerMessage::Error(error) => {
            let _ = write!(out.text, "\"e\",{id},");
            write_json_string(&mut out.text, error);
        }
    }
    out.text.push(']');
    out
}

/// The message that tells a client of a template.
pub fn define(template: &Template) -> String {
    let mut out = String::new();
    let _ = write!(out, "[\"t\",{},[", template.number());
    let mut statics = String::new();
    let mut kinds = String::new();
    let mut texts = template.statics().iter();
    for slot in template.slots() {
        statics.push_str(texts.next().map_or("", |text| text));
        // A boolean attribute's place is spelt out; its wire slot is the whole attribute.
        let (kind, closing) = match &slot.place {
            Place::Text => ('t', ""),
            Place::EscapableText => ('r', ""),
            Place::Boolean { name } => {
                let _ = write!(statics, " {name}=\"");
                ('b', "\"")
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

/// The message that tells a client of the one template for trees of other template languages.
pub fn define_opaque() -> String {
    format!("[\"t\",{OPAQUE},[\"\",\"\"],\"o\"]")
}

impl Encoded {
    fn root(&mut self, tree: &LiveTree) {
        if tree.template().is_trusted() {
            self.opaque = true;
            let _ = write!(self.text, "[{OPAQUE},");
            self.html(&tree.to_html());
            self.text.push(']');
        } else {
            self.tree(tree);
        }
    }

    fn html(&mut self, html: &str) {
        self.text.push_str("{\"h\":");
        write_json_string(&mut self.text, html);
        self.text.push('}');
    }

    fn uses(&mut self, template: &Arc<Template>) {
        // Rows of a list come from one template, one after the other.
        if self
            .templates
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, template))
        {
            self.templates.push(template.clone());
        }
    }

    fn tree(&mut self, tree: &LiveTree) {
        let template = tree.template();
        self.uses(template);
        let _ = write!(self.text, "[{}", template.number());
        for (slot, dynamic) in template.slots().iter().zip(tree.dynamics()) {
            self.text.push(',');
            match dynamic {
                Dynamic::Leaf(leaf) => self.leaf(Some(slot), leaf),
                Dynamic::Tree(tree) => self.tree(tree),
                Dynamic::List(list) => self.list(&list.rows),
            }
        }
        self.text.push(']');
    }

    fn list(&mut self, rows: &[LiveTree]) {
        self.text.push_str("{\"l\":[");
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.tree(row);
        }
        self.text.push_str("]}");
    }

    fn leaf(&mut self, slot: Option<&Slot>, leaf: Leaf<'_>) {
        match (slot.map(|slot| &slot.place), leaf.html) {
            (Some(Place::Boolean { .. }), _) => {
                self.text.push(if leaf.text.is_empty() { '0' } else { '1' });
            }
            (_, true) => self.html(leaf.text),
            (_, false) => write_json_string(&mut self.text, leaf.text),
        }
    }

    /// `slot,change` pairs; `comma` says that something stands before the first.
    fn changes(&mut self, patch: &Patch<'_>, mut comma: bool) {
        for (index, change) in &patch.changes {
            if comma {
                self.text.push(',');
            }
            comma = true;
            let _ = write!(self.text, "{index},");
            match change {
                Change::Leaf { text, html } => {
                    let (text, html) = (text.as_ref(), *html);
                    let slots = patch.template.map_or(&[][..], |template| template.slots());
                    self.leaf(slots.get(*index), Leaf { text, html });
                }
                Change::Tree(tree) => self.tree(tree),
                Change::List(rows) => self.list(rows),
                // A list has no template of its own.
                Change::Inside(patch) if patch.template.is_none() => self.items(patch),
                Change::Inside(patch) => {
                    self.text.push_str("{\"p\":[");
                    self.changes(patch, false);
                    self.text.push_str("]}");
                }
                Change::Edit(edit) => self.edit(edit),
            }
        }
    }

    /// A list without keys, of the same length: rows of another template are replaced.
    fn items(&mut self, patch: &Patch<'_>) {
        let replaced = patch
            .changes
            .iter()
            .filter_map(|(at, change)| match change {
                Change::Tree(tree) => Some((*at, tree.as_ref())),
                _ => None,
            });
        let replaced: Vec<(usize, &LiveTree)> = replaced.collect();
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

/// The members of a list's edit; empty ones are left out.
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
        let _ = write!(self.out.text, "{}\"{key}\":", self.separator);
        self.separator = ',';
        let mut before = '[';
        for (at, item) in items {
            let _ = write!(self.out.text, "{before}{at},");
            write(self.out, item);
            before = ',';
        }
        self.out.text.push(']');
    }

    fn numbers(&mut self, key: &str, items: impl Iterator<Item = (usize, usize)>) {
        self.member(key, items, |out, number| {
            let _ = write!(out.text, "{number}");
        });
    }

    fn trees<'t>(&mut self, key: &str, items: impl Iterator<Item = (usize, &'t LiveTree)>) {
        self.member(key, items, |out, tree| out.tree(tree));
    }

    fn patches<'p>(&mut self, key: &str, items: impl Iterator<Item = (usize, &'p Patch<'p>)>) {
        self.member(key, items, |out, patch| {
            out.text.push('[');
            out.changes(patch, false);
            out.text.push(']');
        });
    }

    fn end(self) {
        self.out.text.push('}');
    }
}
