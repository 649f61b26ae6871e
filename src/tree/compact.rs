//! The compact form in which JavaScript hands over a rendered tree.
//!
//! Numbers and text cross apart: one array of `u32` operations and one string that holds every
//! text, in order. An operation is `argument << 3 | kind` ([`op`]); the argument of a text is its
//! length in bytes. A tree is the number of its template, then one operation for each value of the
//! literal. A value that is the same as in the last render is one [`op::SAME`].
//! `lib/render/encode.ts` writes what this file reads, with the numbers that [`crate::codec`] hands
//! over.

use std::sync::Arc;

use super::keyed::Step;
use super::keys;
use super::node::Builder;
use super::render::{Mismatch, Render, Script, Update};
use super::rows::Rows;
use super::{Leaf, LiveTree, MAX_DEPTH, ParseError, TemplateId, TreeError};
use crate::template::{Part, Place, Refusal, Slot, Template, sanitized};

/// The kinds of operations, in the low three bits.
pub mod op {
    /// A text to escape; argument: its length.
    pub const TEXT: u32 = 0;
    /// Trusted HTML; argument: its length.
    pub const HTML: u32 = 1;
    /// A tree; argument: the number of its template. The tree's values follow.
    pub const TREE: u32 = 2;
    /// A list; argument: how many trees follow.
    pub const LIST: u32 = 3;
    /// A whole tree as JSON; argument: the text's length. Only at the root.
    pub const JSON: u32 = 4;
    /// The slot, or at the root the whole tree, is as before; no argument.
    pub const SAME: u32 = 5;
    /// A keyed list; argument: the number of steps that follow. Each step is of one of the kinds below.
    pub const EACH: u32 = 6;
    /// HTML of users after a sanitizer; argument: its length.
    pub const SANITIZED: u32 = 7;

    /// In a keyed list: the next old rows stand here, unchanged; argument: how many.
    pub const KEEP: u32 = 0;
    /// In a keyed list: the next old rows do not stand here; argument: how many.
    pub const DROP: u32 = 1;
    /// In a keyed list: a dropped row stands here, unchanged; argument: its old index.
    pub const MOVE: u32 = 2;
    /// In a keyed list: a rendered row; argument: the length of its key. The row's tree follows.
    pub const ROW: u32 = 3;

    /// By how many bits the argument is shifted.
    pub const SHIFT: u32 = 3;
}

/// A render that JavaScript handed over, with the values in it that were refused.
pub struct Decoded {
    /// The render; `None` if the whole tree is as before.
    pub render: Option<Render>,
    /// Values that were replaced, because they would have done harm in a browser.
    pub refused: Vec<RefusedValue>,
    /// There is a nested component in it.
    pub nests: bool,
}

/// A value that would have done harm in its slot.
pub struct RefusedValue {
    /// The template that the value was given to.
    pub template: Arc<Template>,
    /// The index of the slot in the template, as the wire counts slots.
    pub slot: usize,
    /// Why the value was refused.
    pub refusal: Refusal,
}

impl std::fmt::Display for RefusedValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slot = self.template.slots().get(self.slot);
        let value = slot.and_then(|slot| {
            slot.parts.iter().find_map(|part| match part {
                Part::Value(value) => Some(*value),
                Part::Static(_) => None,
            })
        });
        let place = self.template.describe(value.unwrap_or_default());
        write!(
            formatter,
            "{}: {place}; further values of this slot are not logged",
            self.refusal
        )
    }
}

/// A render that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Operations end early, or text is missing: a fault of the encoder, not of the application.
    #[error("the encoded tree is not well-formed ({0}); this is a fault in loom-live")]
    Malformed(&'static str),
    /// A list, a subtree or raw HTML in an attribute or another place that holds only text.
    #[error("expected text but received {received} for {place}")]
    Misplaced {
        /// The kind of value that JavaScript gave.
        received: &'static str,
        /// The slot.
        place: String,
    },
    /// The parts do not make a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The JSON of a raw module is not a tree.
    #[error(transparent)]
    Json(#[from] ParseError),
    /// A row of a list says "as before"; only a row that is rendered anew may stand there.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// Reads one batch: trees, and the plain texts between them.
pub struct Compact<'a> {
    ops: &'a [u32],
    text: &'a str,
    scratch: String,
    nests: bool,
}

const TRUNCATED: CompactError = CompactError::Malformed("operations end early");

impl<'a> Compact<'a> {
    /// Reads `ops` from the first one, and texts from the start of `text`.
    pub fn new(ops: &'a [u32], text: &'a str) -> Self {
        Self {
            ops,
            text,
            scratch: String::new(),
            nests: false,
        }
    }

    /// The next `bytes` of the text.
    ///
    /// # Errors
    /// If the text is shorter, or `bytes` ends inside a character.
    pub fn text(&mut self, bytes: u32) -> Result<&'a str, CompactError> {
        let split = self.text.split_at_checked(bytes as usize);
        let (text, rest) = split.ok_or(CompactError::Malformed("text ends early"))?;
        self.text = rest;
        Ok(text)
    }

    /// The next render.
    ///
    /// # Errors
    /// [`CompactError`]; nothing more can be read after it.
    pub fn render(&mut self, templates: &[Arc<Template>]) -> Result<Decoded, CompactError> {
        let mut refused = Vec::new();
        let (kind, argument) = self.op()?;
        let render = match kind {
            op::SAME => None,
            op::TREE => Some(self.node(argument, templates, &mut refused, 1)?),
            op::JSON => Some(LiveTree::from_json(self.text(argument)?)?.into()),
            _ => return Err(CompactError::Malformed("no tree at the root")),
        };
        let nests = std::mem::take(&mut self.nests);
        Ok(Decoded {
            render,
            refused,
            nests,
        })
    }

    /// The next operation: the kind in its low `shift` bits, and the argument above them.
    ///
    /// # Errors
    /// If no operation is left.
    pub fn operation(&mut self, shift: u32) -> Result<(u32, u32), CompactError> {
        let Some((number, rest)) = self.ops.split_first() else {
            return Err(TRUNCATED);
        };
        self.ops = rest;
        Ok((number & ((1 << shift) - 1), number >> shift))
    }

    fn op(&mut self) -> Result<(u32, u32), CompactError> {
        self.operation(op::SHIFT)
    }

    fn node(
        &mut self,
        id: TemplateId,
        templates: &[Arc<Template>],
        refused: &mut Vec<RefusedValue>,
        depth: usize,
    ) -> Result<Render, CompactError> {
        let builder = self.filled(id, templates, refused, depth)?;
        Ok(builder.finish(&mut self.scratch)?)
    }

    fn filled<'t>(
        &mut self,
        id: TemplateId,
        templates: &'t [Arc<Template>],
        refused: &mut Vec<RefusedValue>,
        depth: usize,
    ) -> Result<Builder<'t, Update>, CompactError> {
        if depth > MAX_DEPTH {
            return Err(TreeError::Depth.into());
        }
        let Some(template) = templates.get(id as usize) else {
            return Err(CompactError::Malformed("no such template"));
        };
        self.nests |= template.is_child();
        let mut builder = Builder::new(template, &self.scratch);
        let mut value = 0;
        for (index, slot) in template.slots().iter().enumerate() {
            match &slot.place {
                Place::Text => {
                    let was_refused =
                        self.branch_or_leaf(&mut builder, templates, refused, depth)?;
                    refused.extend(was_refused.map(|refusal| RefusedValue {
                        template: template.clone(),
                        slot: index,
                        refusal,
                    }));
                    value += 1;
                }
                Place::EscapableText | Place::Attribute { .. } => {
                    let text = self.only_text(template, value)?;
                    builder.leaf(&mut self.scratch, Leaf { text, html: false });
                    value += 1;
                }
                _ => {
                    let refusal = self.attribute(&mut builder, slot, &mut value)?;
                    refused.extend(refusal.map(|refusal| RefusedValue {
                        template: template.clone(),
                        slot: index,
                        refusal,
                    }));
                }
            }
        }
        Ok(builder)
    }

    fn branch_or_leaf(
        &mut self,
        builder: &mut Builder<'_, Update>,
        templates: &[Arc<Template>],
        refused: &mut Vec<RefusedValue>,
        depth: usize,
    ) -> Result<Option<Refusal>, CompactError> {
        let (kind, argument) = self.op()?;
        match kind {
            op::TEXT | op::HTML => {
                let text = self.text(argument)?;
                let html = kind == op::HTML;
                builder.leaf(&mut self.scratch, Leaf { text, html });
            }
            op::SANITIZED => {
                let text = self.text(argument)?;
                let Some(inert) = sanitized(text) else {
                    builder.leaf(&mut self.scratch, Leaf { text, html: false });
                    return Ok(Some(Refusal::Incomplete));
                };
                let text = inert.as_ref();
                builder.leaf(&mut self.scratch, Leaf { text, html: true });
            }
            op::TREE => {
                let tree = self.node(argument, templates, refused, depth + 1)?;
                builder.branch(&mut self.scratch, Update::Tree(tree));
            }
            op::LIST => {
                let mut rows = Rows::default();
                for _ in 0..argument {
                    self.row(&mut rows, None, templates, refused, depth)?;
                }
                builder.branch(&mut self.scratch, Update::List(rows.into_list(false)));
            }
            op::EACH => {
                let script = self.script(argument, templates, refused, depth)?;
                builder.branch(&mut self.scratch, Update::Keyed(script));
            }
            op::SAME => builder.same(&mut self.scratch),
            _ => return Err(CompactError::Malformed("an unknown operation")),
        }
        Ok(None)
    }

    /// The complete tree of a list's item.
    fn row(
        &mut self,
        rows: &mut Rows,
        key: Option<u64>,
        templates: &[Arc<Template>],
        refused: &mut Vec<RefusedValue>,
        depth: usize,
    ) -> Result<(), CompactError> {
        let (op::TREE, id) = self.op()? else {
            return Err(CompactError::Malformed("an item that is no tree"));
        };
        let row = self.filled(id, templates, refused, depth + 1)?;
        row.finish_row(&mut self.scratch, rows, key)
    }

    fn script(
        &mut self,
        count: u32,
        templates: &[Arc<Template>],
        refused: &mut Vec<RefusedValue>,
        depth: usize,
    ) -> Result<Script, CompactError> {
        let mut script = Script::default();
        let mut rows = Rows::default();
        // The count is not trusted with an allocation: each step takes an operation.
        script.steps.reserve((count as usize).min(self.ops.len()));
        for _ in 0..count {
            let (kind, argument) = self.op()?;
            let step = match kind {
                op::KEEP => Step::Keep(argument as usize),
                op::DROP => Step::Drop(argument as usize),
                op::MOVE => Step::Move(argument as usize),
                op::ROW => {
                    let key = keys::hash(self.text(argument)?);
                    self.row(&mut rows, Some(key), templates, refused, depth)?;
                    Step::Row(key)
                }
                _ => return Err(CompactError::Malformed("an unknown step of a list")),
            };
            script.steps.push(step);
        }
        script.rows = rows.into_list(true);
        Ok(script)
    }

    fn only_text(&mut self, template: &Template, value: usize) -> Result<&'a str, CompactError> {
        let (kind, argument) = self.op()?;
        let received = match kind {
            op::TEXT => return self.text(argument),
            op::HTML => "raw()",
            op::SANITIZED => "sanitized()",
            op::TREE => "a template",
            op::LIST | op::EACH => "a list",
            _ => return Err(CompactError::Malformed("an unknown operation")),
        };
        Err(CompactError::Misplaced {
            received,
            place: template.describe(value),
        })
    }

    /// An attribute whose values are judged together: a URL, a style, a boolean attribute.
    fn attribute(
        &mut self,
        builder: &mut Builder<'_, Update>,
        slot: &Slot,
        value: &mut usize,
    ) -> Result<Option<Refusal>, CompactError> {
        let first = *value;
        let mut texts = Vec::new();
        for part in &slot.parts {
            if let Part::Value(_) = part {
                texts.push(self.only_text(builder.template(), *value)?);
                *value += 1;
            }
        }
        let text_of = |index: usize| {
            let text = index.checked_sub(first).and_then(|at| texts.get(at));
            text.copied().unwrap_or_default()
        };
        let resolved = slot.resolve(text_of);
        let (text, html) = (resolved.text.as_ref(), resolved.html);
        builder.leaf(&mut self.scratch, Leaf { text, html });
        Ok(resolved.refused)
    }
}

impl Builder<'_, Update> {
    /// Ends the node and pushes it to `rows`, with the hash of its key if the list is keyed. Shortens
    /// `scratch` to its length before the node.
    ///
    /// # Errors
    /// As [`finish`](Self::finish), and if a slot of the row is "as before".
    pub(super) fn finish_row(
        self,
        scratch: &mut String,
        rows: &mut Rows,
        key: Option<u64>,
    ) -> Result<(), CompactError> {
        self.check()?;
        if self.same {
            return Err(Mismatch.into());
        }
        let mut branches = Vec::with_capacity(self.branches.len());
        for update in self.branches {
            branches.push(update.try_into()?);
        }
        let packed = scratch.get(self.start..).unwrap_or_default();
        rows.push(self.template, packed, branches, key);
        scratch.truncate(self.start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::Templates;

    fn code(kind: u32, argument: usize) -> u32 {
        (argument as u32) << op::SHIFT | kind
    }

    fn decode(sources: &[&[&str]], ops: &[u32], text: &str) -> Result<Decoded, CompactError> {
        let templates = Templates::new();
        for source in sources {
            templates.add(source).unwrap();
        }
        Compact::new(ops, text).render(&templates.read())
    }

    fn whole(decoded: Decoded) -> LiveTree {
        decoded.render.unwrap().into_tree().unwrap()
    }

    fn text_of(result: Result<Decoded, CompactError>) -> String {
        match result {
            Ok(decoded) => whole(decoded).to_html(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let ops = [code(op::TREE, 1), code(op::TEXT, 6), code(op::TEXT, 2)];
        let html = text_of(decode(&[&["<p>", "<br>", "</p>"]], &ops, "é😀ab"));
        assert_eq!(html, "<p>é😀<br>ab</p>");
        let ops = [code(op::TREE, 1), code(op::TEXT, 5), code(op::TEXT, 3)];
        let html = text_of(decode(&[&["<p>", "<br>", "</p>"]], &ops, "é😀ab"));
        assert!(html.contains("text ends early"), "{html}");
    }

    #[test]
    fn lists_subtrees_and_trusted_html() {
        let ops = [
            code(op::TREE, 1),
            code(op::LIST, 2),
            code(op::TREE, 0),
            code(op::TEXT, 1),
            code(op::TREE, 2),
            code(op::HTML, 4),
        ];
        let html = text_of(decode(&[&["<p>", "</p>"], &["<b>", "</b>"]], &ops, "<<i/>"));
        assert_eq!(html, "<p>&lt;<b><i/></b></p>");
    }

    #[test]
    fn html_of_users_is_inert_or_text() {
        let source: &[&str] = &["<p>", "</p>"];
        for (given, html, refused) in [
            ("<b data-l-click=x>a</b>", "<b data_l-click=x>a</b>", 0),
            ("<b title=\"", "&lt;b title=&quot;", 1),
        ] {
            let ops = [code(op::TREE, 1), code(op::SANITIZED, given.len())];
            let decoded = decode(&[source], &ops, given).unwrap();
            assert_eq!(decoded.refused.len(), refused);
            assert!(
                decoded
                    .refused
                    .iter()
                    .all(|one| one.to_string().contains("slot 1, text"))
            );
            assert_eq!(whole(decoded).to_html(), format!("<p>{html}</p>"));
        }
    }

    #[test]
    fn a_script_url_is_replaced_and_reported() {
        let ops = [code(op::TREE, 1), code(op::TEXT, 18)];
        let source: &[&str] = &["<a href=\"", "\">x</a>"];
        let decoded = decode(&[source], &ops, "javascript:alert()").unwrap();
        assert_eq!(decoded.refused.len(), 1);
        assert_eq!(whole(decoded).to_html(), "<a href=\"about:invalid\">x</a>");
    }

    #[test]
    fn only_text_may_stand_in_an_attribute() {
        let source: &[&str] = &["<a title=\"", "\">x</a>"];
        for (operation, received) in [
            (code(op::HTML, 0), "raw()"),
            (code(op::SANITIZED, 0), "sanitized()"),
            (code(op::LIST, 0), "a list"),
            (code(op::EACH, 0), "a list"),
            (code(op::TREE, 0), "a template"),
        ] {
            let message = text_of(decode(&[source], &[code(op::TREE, 1), operation], ""));
            let expected = format!("expected text but received {received} for");
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels| [code(op::TREE, 0)].repeat(levels);
        let mut ops = nested(MAX_DEPTH);
        ops.push(code(op::TEXT, 0));
        assert_eq!(text_of(decode(&[], &ops, "")), "");
        let message = text_of(decode(&[], &nested(100_000), ""));
        assert!(message.contains("at most 64 levels"), "{message}");
    }

    proptest! {
        /// Whatever the numbers say, the outcome is a tree or an error.
        #[test]
        fn no_input_panics(
            ops in prop::collection::vec(prop_oneof![any::<u32>(), 0u32..64], 0..40),
            text in ".{0,20}",
        ) {
            let templates: &[&[&str]] = &[&["<p>", "</p>"], &["<a href=\"", "\" title=\"", "\">"]];
            if let Ok(Decoded { render: Some(mut render), .. }) = decode(templates, &ops, &text) {
                let mut last = crate::tree::testing::text_tree(&["<p>", "</p>"], &["x"]);
                if render.same_statics(&last) && render.resolve(&last).is_ok() {
                    let _ = crate::tree::diff(&last, &render).to_json();
                    last.commit(render);
                }
            }
        }
    }
}
