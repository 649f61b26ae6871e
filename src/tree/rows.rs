//! `LiveTree` and `List`: a rendered tree, and a list whose rows stand in chunks. Each can hold the
//! other, so both are here.

use std::ops::Range;
use std::sync::Arc;

use super::keyed::Step;
use super::keys::Keys;
use super::node::{Content, Leaf, Node, View};
use crate::rope::{Chunk, Edit, MAX_BYTES, MAX_ITEMS, Rope};
use crate::template::{GIVEN, Template};

/// A rendered template: its statics and the content of each slot.
pub type LiveTree = Node<Branch>;

/// A reference to a tree: to a tree of its own, or to a row of a list.
pub type TreeView<'a> = View<'a, Branch>;

/// A subtree or a list.
#[derive(Clone)]
pub enum Branch {
    /// A nested template.
    Tree(LiveTree),
    /// One tree per item.
    List(List),
}

/// The content of a slot.
#[derive(Clone, Copy)]
pub enum Dynamic<'a> {
    /// Text, or trusted HTML.
    Leaf(Leaf<'a>),
    /// A nested template.
    Tree(TreeView<'a>),
    /// One tree per item.
    List(&'a List),
}

/// A list: one tree per item. A clone shares the rows and costs next to nothing.
#[derive(Clone, Default)]
pub struct List {
    rows: Rope<RowChunk>,
    keyed: bool,
}

/// Some rows, one after the other.
#[derive(Clone, Default)]
struct RowChunk {
    kinds: Kinds,
    /// The leaves of all rows, each row packed as in [`Node`](super::Node).
    packed: Box<str>,
    /// The position in `packed` at which each row ends.
    ends: Box<[u32]>,
    keys: Keys,
    /// `None` if no row has branches.
    branches: Option<Box<Branches>>,
}

/// The templates of a chunk's rows.
#[derive(Clone)]
enum Kinds {
    /// All rows have this template; this is the usual case.
    One(Arc<Template>),
    /// The template of each row.
    Each(Vec<Arc<Template>>),
}

/// The branches of all rows, and the positions at which the branches of each row end.
#[derive(Clone, Default)]
struct Branches {
    all: Vec<Branch>,
    ends: Vec<u32>,
}

/// Gathers rows into chunks: only chunks are allocated, not each row.
#[derive(Default)]
pub struct Rows {
    chunks: Vec<RowChunk>,
    kinds: Kinds,
    packed: String,
    ends: Vec<u32>,
    keys: Vec<u64>,
    branches: Branches,
}

impl<'a> TreeView<'a> {
    /// The content of each slot, in order.
    pub fn dynamics(self) -> impl Iterator<Item = Dynamic<'a>> {
        let is_child = self.template.is_child();
        self.parts()
            .enumerate()
            .filter_map(move |(slot, part)| match part {
                // Given props are between a component and its parent.
                Content::Leaf(_) if is_child && slot == GIVEN => {
                    Some(Dynamic::Leaf(Leaf::default()))
                }
                Content::Leaf(leaf) => Some(Dynamic::Leaf(leaf)),
                Content::Branch(Branch::Tree(tree)) => Some(Dynamic::Tree(tree.view())),
                Content::Branch(Branch::List(list)) => Some(Dynamic::List(list)),
                // Only renders have such slots, finished trees have none.
                Content::Same => None,
            })
    }

    /// A copy that stands by itself.
    pub fn to_tree(self) -> LiveTree {
        Node {
            template: self.template.clone(),
            packed: self.packed.into(),
            branches: self.branches.into(),
        }
    }
}

impl LiveTree {
    /// The content of each slot, in order.
    pub fn dynamics(&self) -> impl Iterator<Item = Dynamic<'_>> {
        self.view().dynamics()
    }

    /// Bytes this tree holds in memory beside the shared templates.
    pub fn memory(&self) -> usize {
        size_of::<LiveTree>() + self.heap()
    }

    fn heap(&self) -> usize {
        self.packed.len() + self.branches.iter().map(Branch::memory).sum::<usize>()
    }
}

impl Branch {
    pub(super) fn memory(&self) -> usize {
        size_of::<Branch>()
            + match self {
                Branch::Tree(tree) => tree.heap(),
                Branch::List(list) => list.heap(),
            }
    }
}

impl List {
    /// A list of these rows, with the hash of each row's key if it is keyed.
    pub fn new(rows: impl IntoIterator<Item = LiveTree>, keys: Option<&[u64]>) -> Self {
        let mut gathered = Rows::default();
        for (index, row) in rows.into_iter().enumerate() {
            let key = keys.and_then(|keys| keys.get(index).copied());
            gathered.push(&row.template, &row.packed, row.branches, key);
        }
        gathered.into_list(keys.is_some())
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether its rows have keys.
    pub fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// A row.
    pub fn get(&self, index: usize) -> Option<TreeView<'_>> {
        let (chunk, index) = self.rows.get(index)?;
        chunk.row(index)
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = TreeView<'_>> {
        self.range(0..self.len())
    }

    /// These rows; fewer if there are fewer.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = TreeView<'_>> {
        let chunks = self.rows.chunks(range);
        chunks.flat_map(|(chunk, range)| range.filter_map(|index| chunk.row(index)))
    }

    /// The hash of a row's key.
    pub(super) fn key(&self, index: usize) -> Option<u64> {
        let (chunk, index) = self.rows.get(index)?;
        chunk.key(index)
    }

    /// Pairs of rows at the same index, with the index. Rows in chunks that are equal are left out.
    pub(super) fn pairs<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (usize, TreeView<'a>, TreeView<'a>)> {
        let len = self.len().min(other.len());
        let mut at = 0;
        let runs = std::iter::from_fn(move || {
            loop {
                let (one, first) = self.rows.get(at).filter(|_| at < len)?;
                let (two, second) = other.rows.get(at)?;
                let count = (one.count() - first).min(two.count() - second);
                at += count;
                if !(first == 0 && second == 0 && one.is_equal(two)) {
                    return Some((at - count, one, first, two, second, count));
                }
            }
        });
        runs.flat_map(|(at, one, first, two, second, count)| {
            (0..count).filter_map(move |index| {
                Some((
                    at + index,
                    one.row(first + index)?,
                    two.row(second + index)?,
                ))
            })
        })
    }

    /// Turns this list into the one that `steps` describe; `rendered` holds the row of each
    /// [`Step::Row`]. If the steps do not fit, the list stays as it is.
    pub(super) fn edit(&mut self, steps: &[Step], rendered: Self) {
        if !steps
            .iter()
            .any(|step| matches!(step, Step::Keep(_) | Step::Move(_)))
        {
            *self = rendered;
        } else if let Some(rows) = self.edited(steps, &rendered) {
            self.rows = rows;
        }
    }

    fn edited(&mut self, steps: &[Step], rendered: &Self) -> Option<Rope<RowChunk>> {
        let moves = steps.iter().any(|step| matches!(step, Step::Move(_)));
        // The old rows are held only if rows are moved: a chunk that is held twice has to be copied to
        // be edited.
        let old = moves.then(|| self.rows.clone());
        let mut edit = Edit::new(std::mem::take(&mut self.rows));
        let mut rows = Rows::default();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Keep(count) => edit.keep(rows.take_chunks(), *count)?,
                Step::Drop(count) => edit.drop(*count),
                Step::Move(index) => rows.push_copy(old.as_ref()?.get(*index)?),
                Step::Row(_) => {
                    rows.push_copy(rendered.rows.get(next)?);
                    next += 1;
                }
            }
        }
        edit.finish(rows.take_chunks())
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let chunks = self.rows.chunks(0..self.len()).map(|(chunk, _)| {
            let branches = chunk.branches.iter().flat_map(|branches| &branches.all);
            Rope::<RowChunk>::PER_CHUNK
                + chunk.bytes()
                + branches.map(Branch::memory).sum::<usize>()
        });
        chunks.sum()
    }
}

impl RowChunk {
    fn leaves(&self, index: usize) -> Option<&str> {
        self.packed.get(span(&self.ends, index..index + 1))
    }

    fn key(&self, index: usize) -> Option<u64> {
        self.keys.get(index, self.leaves(index)?)
    }

    fn row(&self, index: usize) -> Option<TreeView<'_>> {
        Some(TreeView {
            template: self.kinds.get(index)?,
            packed: self.leaves(index)?,
            branches: match &self.branches {
                None => &[],
                Some(branches) => branches.all.get(span(&branches.ends, index..index + 1))?,
            },
        })
    }

    /// The keys of all rows after the rows of `items` have replaced those in `range`.
    fn spliced_keys(&self, range: Range<usize>, items: &Self) -> Keys {
        match (&self.keys, &items.keys) {
            (keys, _) if items.count() == 0 && !matches!(keys, Keys::Hashes(_)) => keys.clone(),
            (Keys::Shown(one), Keys::Shown(other)) if one == other => Keys::Shown(*one),
            (_, keys) if range.len() == self.count() => keys.clone(),
            (Keys::None, Keys::None) => Keys::None,
            _ => {
                let before = (0..range.start).filter_map(|row| self.key(row));
                let between = (0..items.count()).filter_map(|row| items.key(row));
                let after = (range.end..self.count()).filter_map(|row| self.key(row));
                Keys::Hashes(before.chain(between).chain(after).collect())
            }
        }
    }

    /// Whether all rows have the same templates and leaves, and none has branches.
    fn is_equal(&self, other: &Self) -> bool {
        let same_kind = match (&self.kinds, &other.kinds) {
            (Kinds::One(one), Kinds::One(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let flat = self.branches.is_none() && other.branches.is_none();
        same_kind && flat && self.ends == other.ends && self.packed == other.packed
    }
}

/// The range that these items take, if item `i` ends at `ends[i]` and the next one begins there.
fn span(ends: &[u32], items: Range<usize>) -> Range<usize> {
    let end = |items: usize| match items.checked_sub(1).and_then(|last| ends.get(last)) {
        Some(end) => *end as usize,
        None => 0,
    };
    end(items.start)..end(items.end)
}

/// `u32` is enough: a chunk of more than one row is short, and no text of JavaScript is longer.
fn end(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// `ends` with `range` replaced by items that end at `items`.
fn splice_ends(ends: &[u32], range: Range<usize>, items: &[u32]) -> Vec<u32> {
    let cut = span(ends, range.clone());
    let added = items.last().copied().unwrap_or_default();
    let (before, after) = (ends.get(..range.start), ends.get(range.end..));
    let mut all = Vec::with_capacity(ends.len() - range.len() + items.len());
    all.extend_from_slice(before.unwrap_or_default());
    all.extend(items.iter().map(|item| item + end(cut.start)));
    let after = after.unwrap_or_default().iter();
    all.extend(after.map(|item| item - end(cut.end) + end(cut.start) + added));
    all
}

impl Chunk for RowChunk {
    fn count(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        let branches = self.branches.as_ref().map_or(0, |branches| {
            size_of::<Branches>() + size_of_val(&*branches.ends)
        });
        self.packed.len() + size_of_val(&*self.ends) + self.keys.bytes() + branches
    }

    fn slice(&self, range: Range<usize>) -> Self {
        let mut rows = self.clone();
        rows.splice(range.end..self.count(), Self::default());
        rows.splice(0..range.start, Self::default());
        rows
    }

    fn splice(&mut self, range: Range<usize>, items: Self) {
        let (len, added) = (self.count(), items.count());
        self.keys = self.spliced_keys(range.clone(), &items);
        self.kinds.splice(len, range.clone(), items.kinds, added);
        let cut = span(&self.ends, range.clone());
        let (before, after) = (self.packed.get(..cut.start), self.packed.get(cut.end..));
        let parts = [
            before.unwrap_or_default(),
            &*items.packed,
            after.unwrap_or_default(),
        ];
        self.packed = parts.concat().into();
        if self.branches.is_some() || items.branches.is_some() {
            let mut branches = self.branches.take().unwrap_or_else(|| Branches::none(len));
            branches.splice(
                range.clone(),
                *items.branches.unwrap_or_else(|| Branches::none(added)),
            );
            self.branches = Some(branches).filter(|branches| !branches.all.is_empty());
        }
        self.ends = splice_ends(&self.ends, range.clone(), &items.ends).into();
    }
}

impl Branches {
    fn none(rows: usize) -> Box<Self> {
        let (all, ends) = (Vec::new(), vec![0; rows]);
        Box::new(Self { all, ends })
    }

    fn splice(&mut self, range: Range<usize>, items: Self) {
        self.all.splice(span(&self.ends, range.clone()), items.all);
        self.ends = splice_ends(&self.ends, range, &items.ends);
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Kinds {
    fn get(&self, index: usize) -> Option<&Arc<Template>> {
        match self {
            Self::One(template) => Some(template),
            Self::Each(templates) => templates.get(index),
        }
    }

    fn push(&mut self, len: usize, template: &Arc<Template>) {
        match self {
            Self::One(one) if Arc::ptr_eq(one, template) => {}
            _ if len == 0 => *self = Self::One(template.clone()),
            Self::Each(templates) => templates.push(template.clone()),
            Self::One(one) => {
                let mut templates = vec![one.clone(); len];
                templates.push(template.clone());
                *self = Self::Each(templates);
            }
        }
    }

    fn into_each(self, len: usize) -> Vec<Arc<Template>> {
        match self {
            Self::One(template) => vec![template; len],
            Self::Each(templates) => templates,
        }
    }

    fn splice(&mut self, len: usize, range: Range<usize>, items: Self, added: usize) {
        match (&*self, &items) {
            (Self::One(_), _) if added == 0 => {}
            (Self::One(one), Self::One(other)) if Arc::ptr_eq(one, other) => {}
            _ if range.len() == len => *self = items,
            _ => {
                let mut templates = std::mem::take(self).into_each(len);
                templates.splice(range, items.into_each(added));
                *self = Self::Each(templates);
            }
        }
    }
}

impl Rows {
    /// The next row.
    pub(super) fn push(
        &mut self,
        template: &Arc<Template>,
        packed: &str,
        branches: impl IntoIterator<Item = Branch>,
        key: Option<u64>,
    ) {
        let full = self.ends.len() == MAX_ITEMS || self.packed.len() + packed.len() > MAX_BYTES;
        if full && !self.ends.is_empty() {
            self.end_chunk();
        }
        self.kinds.push(self.ends.len(), template);
        self.packed.push_str(packed);
        self.ends.push(end(self.packed.len()));
        self.keys.extend(key);
        self.branches.all.extend(branches);
        self.branches.ends.push(end(self.branches.all.len()));
    }

    fn push_copy(&mut self, (chunk, index): (&RowChunk, usize)) {
        if let Some(row) = chunk.row(index) {
            let key = chunk.key(index);
            self.push(row.template, row.packed, row.branches.iter().cloned(), key);
        }
    }

    fn end_chunk(&mut self) {
        let branches = match self.branches.all.is_empty() {
            true => None,
            false => Some(Box::new(std::mem::take(&mut self.branches))),
        };
        let rows = (0..self.ends.len()).map(|row| span(&self.ends, row..row + 1));
        let leaves = rows.map(|row| self.packed.get(row).unwrap_or_default());
        self.chunks.push(RowChunk {
            kinds: std::mem::take(&mut self.kinds),
            keys: Keys::new(&self.keys, leaves),
            packed: self.packed.as_str().into(),
            ends: self.ends.as_slice().into(),
            branches,
        });
        self.packed.clear();
        self.ends.clear();
        self.keys.clear();
        self.branches.ends.clear();
    }

    fn take_chunks(&mut self) -> Vec<RowChunk> {
        if !self.ends.is_empty() {
            self.end_chunk();
        }
        std::mem::take(&mut self.chunks)
    }

    /// The list of all rows. If `keyed`, each row was pushed with a key.
    pub(super) fn into_list(mut self, keyed: bool) -> List {
        let rows = Rope::new(self.take_chunks());
        List { rows, keyed }
    }
}
