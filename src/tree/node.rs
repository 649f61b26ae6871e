//! `LiveTree` and `Dynamic`: a rendered tree in memory.
//!
//! A connection keeps the last tree of each of its components, so a tree is packed: the leaves of
//! one template stand in a single string, each after a short header. Two rows are compared with
//! one comparison of bytes, and a row of four short cells costs about three times its text.

use std::sync::Arc;

use crate::template::Template;

/// A rendered template: its statics and what stands in each slot.
#[derive(Clone)]
pub struct LiveTree {
    template: Arc<Template>,
    /// For each slot a header, and after it the text where the slot is a leaf.
    packed: Box<str>,
    /// The subtrees and lists, in the order of their slots.
    branches: Box<[Branch]>,
}

#[derive(Clone)]
enum Branch {
    Tree(LiveTree),
    List(Box<[LiveTree]>),
}

/// What stands in a slot.
#[derive(Clone, Copy)]
pub enum Dynamic<'a> {
    /// Text, or trusted HTML.
    Leaf(Leaf<'a>),
    /// A nested template.
    Tree(&'a LiveTree),
    /// One tree per item.
    List(&'a [LiveTree]),
}

/// A slot's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// The text, not escaped unless `html`.
    pub text: &'a str,
    /// The text is HTML already and is sent as it stands.
    pub html: bool,
}

/// A tree that cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError {
    /// The number of dynamics is not the template's number of slots.
    #[error("the template has {slots} slots but {dynamics} dynamics were given")]
    Count {
        /// Slots of the template.
        slots: usize,
        /// Dynamics given.
        dynamics: usize,
    },
    /// More levels than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error(
        "trees may nest at most {} levels deep; render deeper structures as a flat list",
        super::MAX_DEPTH
    )]
    Depth,
}

const TEXT: u8 = 0;
const HTML: u8 = 1;
const TREE: u8 = 2;
const LIST: u8 = 3;

/// Header bytes are ASCII, so that the packed leaves stay one valid `str` and reading a leaf is a
/// slice without validation. The first byte holds the kind in bits 0-1 and four bits of the
/// length; each further one six bits; bit 6 says that another follows.
const MORE: u8 = 0x40;

fn push_header(packed: &mut String, kind: u8, len: usize) {
    let mut rest = len >> 4;
    let more = if rest > 0 { MORE } else { 0 };
    packed.push(char::from(more | ((len & 0xf) as u8) << 2 | kind));
    while rest > 0 {
        let low = (rest & 0x3f) as u8;
        rest >>= 6;
        packed.push(char::from(if rest > 0 { MORE | low } else { low }));
    }
}

/// The header at `at`: its kind, the length it gives, and where the text begins.
fn read_header(packed: &str, at: usize) -> Option<(u8, usize, usize)> {
    let bytes = packed.as_bytes();
    let first = *bytes.get(at)?;
    let mut len = usize::from(first >> 2 & 0xf);
    let mut more = first & MORE != 0;
    let mut next = at + 1;
    let mut shift = 4;
    while more {
        let byte = *bytes.get(next)?;
        len |= usize::from(byte & 0x3f) << shift;
        more = byte & MORE != 0;
        shift += 6;
        next += 1;
    }
    Some((first & 3, len, next))
}

impl LiveTree {
    /// The template this tree was rendered from.
    pub fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// What stands in each slot, in order.
    pub fn dynamics(&self) -> impl Iterator<Item = Dynamic<'_>> {
        Dynamics {
            packed: &self.packed,
            at: 0,
            branches: self.branches.iter(),
        }
    }

    /// Whether both were rendered from the same statics.
    pub fn same_statics(&self, other: &LiveTree) -> bool {
        Arc::ptr_eq(&self.template, &other.template)
            || self.template.statics() == other.template.statics()
    }

    /// Whether all leaves of this level are equal and all branches stand in the same slots. One
    /// comparison of bytes.
    pub(super) fn same_leaves(&self, other: &LiveTree) -> bool {
        self.packed == other.packed
    }

    /// Whether this level has neither subtrees nor lists.
    pub(super) fn is_flat(&self) -> bool {
        self.branches.is_empty()
    }

    /// Bytes this tree holds in memory beside the shared templates.
    pub fn memory(&self) -> usize {
        size_of::<LiveTree>() + self.heap()
    }

    fn heap(&self) -> usize {
        let branches: usize = self
            .branches
            .iter()
            .map(|branch| {
                size_of::<Branch>()
                    + match branch {
                        Branch::Tree(tree) => tree.heap(),
                        Branch::List(items) => items.iter().map(LiveTree::memory).sum(),
                    }
            })
            .sum();
        self.packed.len() + branches
    }
}

struct Dynamics<'a> {
    packed: &'a str,
    at: usize,
    branches: std::slice::Iter<'a, Branch>,
}

impl<'a> Iterator for Dynamics<'a> {
    type Item = Dynamic<'a>;

    fn next(&mut self) -> Option<Dynamic<'a>> {
        let (kind, len, start) = read_header(self.packed, self.at)?;
        match kind {
            TEXT | HTML => {
                let text = self.packed.get(start..start + len)?;
                self.at = start + len;
                let html = kind == HTML;
                Some(Dynamic::Leaf(Leaf { text, html }))
            }
            _ => {
                self.at = start;
                Some(match self.branches.next()? {
                    Branch::Tree(tree) => Dynamic::Tree(tree),
                    Branch::List(items) => Dynamic::List(items),
                })
            }
        }
    }
}

/// Puts a tree together slot by slot.
///
/// Many builders can share one scratch string as a stack: a nested tree is finished before its
/// parent goes on, so that a tree of a thousand rows allocates no more than what it keeps.
pub struct TreeBuilder {
    template: Arc<Template>,
    start: usize,
    count: usize,
    branches: Vec<Branch>,
}

impl TreeBuilder {
    /// Begins a tree; its leaves are gathered at the end of `scratch`.
    pub fn new(template: Arc<Template>, scratch: &str) -> Self {
        Self {
            template,
            start: scratch.len(),
            count: 0,
            branches: Vec::new(),
        }
    }

    /// The template being filled.
    pub fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// The next slot is this leaf.
    pub fn leaf(&mut self, scratch: &mut String, leaf: Leaf<'_>) {
        let kind = if leaf.html { HTML } else { TEXT };
        push_header(scratch, kind, leaf.text.len());
        scratch.push_str(leaf.text);
        self.count += 1;
    }

    /// The next slot is this subtree.
    pub fn tree(&mut self, scratch: &mut String, tree: LiveTree) {
        push_header(scratch, TREE, 0);
        self.branches.push(Branch::Tree(tree));
        self.count += 1;
    }

    /// The next slot is this list.
    pub fn list(&mut self, scratch: &mut String, items: Vec<LiveTree>) {
        push_header(scratch, LIST, 0);
        self.branches.push(Branch::List(items.into_boxed_slice()));
        self.count += 1;
    }

    /// Ends the tree and gives `scratch` back as it was.
    ///
    /// # Errors
    /// [`TreeError::Count`] where not every slot was filled, or too many were.
    pub fn finish(self, scratch: &mut String) -> Result<LiveTree, TreeError> {
        let packed = scratch.get(self.start..).unwrap_or_default().into();
        scratch.truncate(self.start);
        let slots = self.template.slots().len();
        if self.count != slots {
            return Err(TreeError::Count {
                slots,
                dynamics: self.count,
            });
        }
        Ok(LiveTree {
            template: self.template,
            packed,
            branches: self.branches.into_boxed_slice(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{list, text_tree, tree};

    #[test]
    fn leaves_of_every_length_come_back() {
        for len in [0, 1, 15, 16, 17, 1023, 1024, 1025, 70_000] {
            let text = "é".repeat(len);
            let built = text_tree(&["<p>", " ", "</p>"], &[&text, "z"]);
            let leaves: Vec<_> = built
                .dynamics()
                .map(|dynamic| match dynamic {
                    Dynamic::Leaf(leaf) => leaf.text.to_owned(),
                    _ => panic!("a leaf"),
                })
                .collect();
            assert_eq!(leaves, [text, "z".to_owned()]);
        }
    }

    #[test]
    fn a_missing_dynamic_is_an_error() {
        let template = Arc::new(Template::trusted(vec!["a".into(), "b".into()]));
        let mut scratch = String::new();
        let error = TreeBuilder::new(template, &scratch).finish(&mut scratch);
        assert_eq!(
            error.err(),
            Some(TreeError::Count {
                slots: 1,
                dynamics: 0
            })
        );
    }

    /// The bound is on what the allocator hands out, headers included, not on our own count.
    #[test]
    fn a_thousand_rows_cost_at_most_four_times_their_text() {
        let mut text = 0;
        let row = Arc::new(Template::trusted(
            [
                "<tr><td>",
                "</td><td>",
                "</td><td>",
                "</td><td>",
                "</td></tr>",
            ]
            .map(Into::into)
            .to_vec(),
        ));
        let rows = (0..1000)
            .map(|i| {
                let cells = [
                    format!("SYM{i:04}"),
                    format!("{}.{:02}", 100 + i % 50, i % 100),
                    format!("+0.{:02}", i % 100),
                    format!("{}", 100_000 + i * 7),
                ];
                text += cells.iter().map(String::len).sum::<usize>();
                let mut scratch = String::new();
                let mut builder = TreeBuilder::new(row.clone(), &scratch);
                for cell in &cells {
                    let leaf = Leaf {
                        text: cell,
                        html: false,
                    };
                    builder.leaf(&mut scratch, leaf);
                }
                builder.finish(&mut scratch).unwrap()
            })
            .collect();
        let table = tree(&["<table>", "</table>"], vec![list(rows)]);
        // A small allocation costs its size and 8 bytes, rounded up to 16.
        let allocator = 1000 * 16;
        let cost = table.memory() + allocator;
        assert!(cost <= 4 * text, "{cost} bytes for {text} bytes of text");
    }
}
