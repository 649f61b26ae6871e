//! `Node`: a template and what stands in its slots, in memory.
//!
//! The server keeps the last tree of every component, so a tree is packed: the leaves of one
//! template stand in a single string, each after a short header, and the rows of a list share a few
//! such strings ([`List`](super::List)). Two rows are compared with one comparison of bytes, and a
//! row of four short cells costs about three times its text.

use std::sync::Arc;

use super::packed::{self, PackedSlot};
use crate::template::Template;

/// A template with the content of each of its slots: a leaf or a branch. `B` is the type of the branches.
#[derive(Clone)]
pub struct Node<B> {
    pub(super) template: Arc<Template>,
    pub(super) packed: Box<str>,
    /// The contents of all slots that hold a branch, in the order of the slots.
    pub(super) branches: Box<[B]>,
}

/// A reference to a node: to a node of its own, or to a row of a list.
pub struct View<'a, B> {
    pub(super) template: &'a Arc<Template>,
    pub(super) packed: &'a str,
    pub(super) branches: &'a [B],
}

/// The content of a node's slot.
pub(super) enum Content<'a, B> {
    Leaf(Leaf<'a>),
    Branch(&'a B),
    /// The content that this slot had after the last render. Only a render has such slots.
    Same,
}

/// A slot's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Text that is escaped when it is sent; HTML if `html` is set.
    pub text: &'a str,
    /// `text` is HTML already and is sent unchanged.
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

impl<B> Node<B> {
    /// The template this was rendered from.
    pub fn template(&self) -> &Arc<Template> {
        &self.template
    }

    /// A reference to this node.
    pub fn view(&self) -> View<'_, B> {
        View {
            template: &self.template,
            packed: &self.packed,
            branches: &self.branches,
        }
    }

    /// Whether both were rendered from the same statics.
    pub fn same_statics<C>(&self, other: &Node<C>) -> bool {
        self.view().same_statics(other.view())
    }
}

impl<B> Clone for View<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for View<'_, B> {}

impl<'a, B> View<'a, B> {
    /// The template this was rendered from.
    pub fn template(self) -> &'a Arc<Template> {
        self.template
    }

    /// The content of each slot, in order.
    pub(super) fn parts(self) -> impl Iterator<Item = Content<'a, B>> {
        let mut branches = self.branches.iter();
        packed::slots(self.packed).map(move |slot| match slot {
            PackedSlot::Leaf(leaf) => Content::Leaf(leaf),
            PackedSlot::Branch => branches.next().map_or(Content::Same, Content::Branch),
            PackedSlot::Same => Content::Same,
        })
    }

    /// Whether both were rendered from the same statics.
    pub(super) fn same_statics<C>(self, other: View<'_, C>) -> bool {
        Arc::ptr_eq(self.template, other.template)
            || self.template.statics() == other.template.statics()
    }

    /// Whether both consist of leaves only, and all leaves are equal. Costs one comparison of bytes.
    pub(super) fn same_and_flat<C>(self, other: View<'_, C>) -> bool {
        self.branches.is_empty() && other.branches.is_empty() && self.packed == other.packed
    }
}

/// Puts a node together slot by slot.
///
/// Many builders can share one scratch string as a stack: a nested node is finished before its
/// parent goes on. So building a tree of a thousand rows allocates only what the tree keeps.
pub struct Builder<'t, B> {
    pub(super) template: &'t Arc<Template>,
    pub(super) start: usize,
    count: usize,
    pub(super) same: bool,
    pub(super) branches: Vec<B>,
}

impl<'t, B> Builder<'t, B> {
    /// Begins a node. Its leaves are gathered at the end of `scratch`.
    pub fn new(template: &'t Arc<Template>, scratch: &str) -> Self {
        Self {
            template,
            start: scratch.len(),
            count: 0,
            same: false,
            branches: Vec::new(),
        }
    }

    /// The template being filled.
    pub fn template(&self) -> &'t Arc<Template> {
        self.template
    }

    /// The next slot is this leaf.
    pub fn leaf(&mut self, scratch: &mut String, leaf: Leaf<'_>) {
        packed::push_leaf(scratch, leaf);
        self.count += 1;
    }

    /// The next slot is this branch.
    pub fn branch(&mut self, scratch: &mut String, branch: B) {
        packed::push_branch(scratch);
        self.branches.push(branch);
        self.count += 1;
    }

    /// The next slot has the same content as after the last render.
    pub(super) fn same(&mut self, scratch: &mut String) {
        packed::push_same(scratch);
        self.same = true;
        self.count += 1;
    }

    /// Ends the node and shortens `scratch` to its length before the node.
    ///
    /// # Errors
    /// [`TreeError::Count`] if not every slot was filled, or too many were.
    pub fn finish(self, scratch: &mut String) -> Result<Node<B>, TreeError> {
        let packed = scratch.get(self.start..).unwrap_or_default().into();
        scratch.truncate(self.start);
        self.check()?;
        Ok(Node {
            template: self.template.clone(),
            packed,
            branches: self.branches.into_boxed_slice(),
        })
    }

    pub(super) fn check(&self) -> Result<(), TreeError> {
        let (slots, dynamics) = (self.template.slots().len(), self.count);
        match slots == dynamics {
            true => Ok(()),
            false => Err(TreeError::Count { slots, dynamics }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{list, text_tree, tree};
    use crate::tree::{Branch, Dynamic};

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
        let error = Builder::<Branch>::new(&template, &scratch).finish(&mut scratch);
        assert_eq!(
            error.err(),
            Some(TreeError::Count {
                slots: 1,
                dynamics: 0
            })
        );
    }

    /// The bound counts the allocator's bytes, headers included.
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
                let mut builder = Builder::<Branch>::new(&row, &scratch);
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
        // An allocation costs its size and 8 bytes, rounded up to 16; a chunk of rows is four or five.
        let allocator = (1000 / crate::rope::MAX_ITEMS + 1) * 5 * 24;
        let cost = table.memory() + allocator;
        assert!(cost <= 4 * text, "{cost} bytes for {text} bytes of text");
    }
}
