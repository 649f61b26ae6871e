//! A render as JavaScript hands it over: a tree in which a slot may say "as before" instead of what
//! it holds.
//!
//! A render becomes the new tree in three steps. [`Render::resolve`] checks that the last tree has
//! everything that the render calls "as before", and works out the edits of keyed lists. Only this
//! step can fail; it leaves the last tree unchanged. [`diff`](super::diff) gives the patch.
//! [`LiveTree::commit`] turns the last tree into the new one, in place; slots that are "as before"
//! are not touched.

use super::children::is_other;
use super::keyed::{Plan, Step, plan};
use super::node::{Content, Node};
use super::packed::{self, PackedSlot};
use super::rows::{Branch, List, LiveTree, TreeView};

/// A rendered tree relative to the last one.
pub type Render = Node<Update>;

/// A branch of a render.
#[derive(Clone)]
pub enum Update {
    /// A subtree. After [`Render::resolve`], the slot held a subtree of the same template before.
    Tree(Render),
    /// A complete subtree: it replaces the slot's former content.
    Whole(LiveTree),
    /// A complete list. JavaScript writes one if the list has no keys; [`Render::resolve`] makes one
    /// of a keyed list if the slot held no keyed list before.
    List(List),
    /// A keyed list. After [`Render::resolve`], the slot held a keyed list before, and `Script` is
    /// the way from there.
    Keyed(Script),
}

/// The way from the last rows of a keyed list to the next.
#[derive(Clone, Default)]
pub struct Script {
    /// The steps; only [`Step::Row`]s if JavaScript did not know the last rows.
    pub steps: Vec<Step>,
    /// The rows that were rendered, in the order of their steps; keyed.
    pub rows: List,
    /// The edit of the last list. Empty until [`Render::resolve`] works it out.
    pub(super) plan: Plan,
}

/// The render says "as before" of something that the last tree does not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the render refers to a tree that is not the last one; this is a fault in loom-live")]
pub struct Mismatch;

impl Script {
    fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Row(_)))
    }

    /// The list, if every row was rendered.
    fn into_list(self) -> Result<List, Mismatch> {
        self.is_complete().then_some(self.rows).ok_or(Mismatch)
    }
}

impl Render {
    /// The tree, if the render has the content of each slot.
    ///
    /// # Errors [`Mismatch`] if a slot is "as before".
    pub fn into_tree(self) -> Result<LiveTree, Mismatch> {
        if !packed::is_complete(&self.packed) {
            return Err(Mismatch);
        }
        let branches = self.branches.into_iter().map(Branch::try_from);
        Ok(Node {
            template: self.template,
            packed: self.packed,
            branches: branches.collect::<Result<_, Mismatch>>()?,
        })
    }

    /// Checks the render against the last tree, which has the same statics, and works out the edits
    /// of keyed lists.
    ///
    /// # Errors
    /// [`Mismatch`] if `last` lacks something that the render calls "as before".
    pub fn resolve(&mut self, last: &LiveTree) -> Result<(), Mismatch> {
        let mut places = Vec::with_capacity(self.branches.len());
        for (was, is) in last.view().parts().zip(packed::slots(&self.packed)) {
            match (was, is) {
                (Content::Branch(branch), PackedSlot::Branch) => places.push(Some(branch)),
                (_, PackedSlot::Branch) => places.push(None),
                _ => {}
            }
        }
        for (update, was) in self.branches.iter_mut().zip(places) {
            update.resolve(was)?;
        }
        Ok(())
    }
}

impl Update {
    fn resolve(&mut self, was: Option<&Branch>) -> Result<(), Mismatch> {
        match (&mut *self, was) {
            (Self::Tree(render), Some(Branch::Tree(tree))) if render.same_statics(tree) => {
                return render.resolve(tree);
            }
            (Self::Keyed(script), Some(Branch::List(list))) if list.is_keyed() => {
                return script.resolve(list);
            }
            (Self::Whole(_) | Self::List(_), _) => return Ok(()),
            _ => {}
        }
        // The slot held something else before, so the render has to be complete here.
        let placeholder = Self::List(List::default());
        *self = match std::mem::replace(self, placeholder) {
            Self::Tree(render) => Self::Whole(render.into_tree()?),
            Self::Keyed(script) => Self::List(script.into_list()?),
            other => other,
        };
        Ok(())
    }
}

impl Script {
    fn resolve(&mut self, last: &List) -> Result<(), Mismatch> {
        if self.is_complete() {
            self.steps.insert(0, Step::Drop(last.len()));
        }
        self.plan = plan_rows(&self.steps, last, &self.rows).ok_or(Mismatch)?;
        Ok(())
    }
}

/// The edit from `last` to a list whose rendered rows are `rows`.
pub(super) fn plan_rows(steps: &[Step], last: &List, rows: &List) -> Option<Plan> {
    let fits = |old, row| {
        let pair = last.get(old).zip(rows.get(row));
        pair.is_some_and(|(old, row): (TreeView<'_>, TreeView<'_>)| {
            old.same_statics(row) && !is_other(old, row)
        })
    };
    plan(steps, last.len(), |old| last.key(old), fits)
}

impl TryFrom<Update> for Branch {
    type Error = Mismatch;

    /// The branch, if the update is complete.
    fn try_from(update: Update) -> Result<Self, Mismatch> {
        Ok(match update {
            Update::Tree(render) => Self::Tree(render.into_tree()?),
            Update::Whole(tree) => Self::Tree(tree),
            Update::List(list) => Self::List(list),
            Update::Keyed(script) => Self::List(script.into_list()?),
        })
    }
}

impl TryFrom<Render> for LiveTree {
    type Error = Mismatch;

    fn try_from(render: Render) -> Result<Self, Mismatch> {
        render.into_tree()
    }
}

impl From<LiveTree> for Render {
    /// A complete render.
    fn from(tree: LiveTree) -> Self {
        let branches = tree.branches.into_iter().map(|branch| match branch {
            Branch::Tree(tree) => Update::Whole(tree),
            Branch::List(list) => Update::List(list),
        });
        Node {
            template: tree.template,
            packed: tree.packed,
            branches: branches.collect(),
        }
    }
}

impl LiveTree {
    /// Turns this tree into the rendered one. `render` has the same statics and has been resolved
    /// against this tree.
    pub fn commit(&mut self, render: Render) {
        if !self.branches.is_empty() || !render.branches.is_empty() {
            let mut branches = Vec::with_capacity(render.branches.len());
            let mut kept = std::mem::take(&mut self.branches).into_iter();
            let mut updates = render.branches.into_iter();
            for (was, is) in packed::slots(&self.packed).zip(packed::slots(&render.packed)) {
                // A branch that is replaced is taken, too, so that `kept` stays in step with the slots.
                let branch = match was {
                    PackedSlot::Branch => kept.next(),
                    _ => None,
                };
                match is {
                    PackedSlot::Leaf(_) => {}
                    PackedSlot::Same => branches.extend(branch),
                    PackedSlot::Branch => {
                        branches.extend(updates.next().and_then(|update| update.commit(branch)));
                    }
                }
            }
            self.branches = branches.into_boxed_slice();
        }
        self.packed = packed::merged(&self.packed, render.packed);
    }
}

impl Update {
    fn commit(self, was: Option<Branch>) -> Option<Branch> {
        match (self, was) {
            (Self::Whole(tree), _) => Some(Branch::Tree(tree)),
            (Self::List(list), _) => Some(Branch::List(list)),
            (Self::Tree(render), Some(Branch::Tree(mut tree))) => {
                tree.commit(render);
                Some(Branch::Tree(tree))
            }
            (Self::Keyed(script), Some(Branch::List(mut list))) => {
                list.edit(&script.steps, script.rows);
                Some(Branch::List(list))
            }
            // `resolve` has ruled this out.
            (Self::Tree(_) | Self::Keyed(_), was) => was,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::testing::{Filled, text_tree, tree};
    use crate::tree::{diff, keys};

    /// A row's key and text.
    type Row = (u64, u8);

    fn row((key, text): Row) -> LiveTree {
        // Some rows show their key, some have other statics, some a subtree, some are longer than a
        // chunk.
        let leaf = match text {
            0 => key.to_string(),
            3 => format!("{key}.{text}").repeat(1 + key as usize % 7 * 300),
            _ => format!("{key}.{text}"),
        };
        match text {
            4 => text_tree(&["<b>", "</b>"], &[&leaf]),
            5 => {
                let inner = text_tree(&["<u>", "</u>"], &[&leaf]);
                tree(&["<i>", "</i>"], vec![Filled::Tree(inner)])
            }
            _ => text_tree(&["<i>", "</i>"], &[&leaf]),
        }
    }

    fn keyed(rows: &[Row]) -> List {
        let keys: Vec<u64> = rows.iter().map(|(key, _)| hash(*key)).collect();
        List::new(rows.iter().copied().map(row), Some(&keys))
    }

    fn hash(key: u64) -> u64 {
        keys::hash(&key.to_string())
    }

    /// The text of a row beside its key; mostly empty.
    fn text() -> impl Strategy<Value = u8> {
        prop_oneof![3 => Just(0), 1 => 0u8..6]
    }

    fn page(rows: &[Row]) -> LiveTree {
        let list = keyed(rows);
        tree(&["<ul>", "</ul>"], vec![Filled::List(list)])
    }

    fn render(steps: Vec<Step>, rows: &[Row]) -> Render {
        let mut render = Render::from(page(&[]));
        let (rows, plan) = (keyed(rows), Plan::default());
        render.branches[0] = Update::Keyed(Script { steps, rows, plan });
        render
    }

    /// A render by a JavaScript that does not know the last rows.
    fn complete(new: &[Row]) -> Render {
        let steps = new.iter().map(|(key, _)| Step::Row(hash(*key))).collect();
        render(steps, new)
    }

    /// A render as JavaScript writes it: a row that is the same as before is kept or moved, not
    /// rendered.
    fn relative(old: &[Row], new: &[Row]) -> Render {
        let front = old
            .iter()
            .zip(new)
            .take_while(|(old, new)| old == new)
            .count();
        let (old_rest, new_rest) = (&old[front..], &new[front..]);
        let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
        let back = pairs.take_while(|(old, new)| old == new).count();
        let window = front..old.len() - back;
        let mut steps = vec![Step::Keep(front), Step::Drop(window.len())];
        let mut rows = Vec::new();
        for new in &new_rest[..new_rest.len() - back] {
            match window.clone().find(|index| old[*index] == *new) {
                Some(index) => steps.push(Step::Move(index)),
                None => {
                    steps.push(Step::Row(hash(new.0)));
                    rows.push(*new);
                }
            }
        }
        steps.push(Step::Keep(back));
        render(steps, &rows)
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        prop::collection::btree_map(0u64..20, text(), 0..15)
            .prop_flat_map(|rows| Just(rows.into_iter().collect::<Vec<_>>()).prop_shuffle())
    }

    /// Rows in several chunks, and their versions after each of several edits.
    fn edited() -> impl Strategy<Value = (Vec<Row>, Vec<Vec<Row>>)> {
        let edit = (
            0usize..300,
            0usize..90,
            prop::collection::vec(text(), 0..90),
        );
        let edits = prop::collection::vec(edit, 1..4);
        (prop::collection::vec(text(), 0..200), edits).prop_map(|(first, edits)| {
            let first: Vec<Row> = (0..).zip(first).collect();
            let mut rows = first.clone();
            let mut versions = Vec::new();
            for (key, (at, gone, new)) in (1..).zip(edits) {
                let at = at.min(rows.len());
                let end = (at + gone).min(rows.len());
                rows.splice(at..end, (key * 1000..).zip(new));
                versions.push(rows.clone());
            }
            (first, versions)
        })
    }

    /// The hashes of the rows' keys.
    fn keys_of(page: &LiveTree) -> Vec<Option<u64>> {
        match &page.branches[0] {
            Branch::List(list) => (0..list.len()).map(|row| list.key(row)).collect(),
            Branch::Tree(_) => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn what_is_as_before_gives_the_same_as_what_is_rendered_anew(old in rows(), new in rows()) {
            for mut render in [complete(&new), relative(&old, &new)] {
                let last = page(&old);
                render.resolve(&last).unwrap();
                let patch = diff(&last, &render);
                prop_assert_eq!(last.apply(&patch).unwrap().to_json(), page(&new).to_json());
                let mut committed = last.clone();
                committed.commit(render);
                prop_assert_eq!(committed.to_json(), page(&new).to_json());
                prop_assert_eq!(keys_of(&committed), keys_of(&page(&new)));
                let mut back = complete(&old);
                back.resolve(&committed).unwrap();
                committed.commit(back);
                prop_assert_eq!(committed.to_json(), page(&old).to_json());
            }
        }

        #[test]
        fn long_lists_follow_their_edits((first, versions) in edited()) {
            let mut last = page(&first);
            let mut old = first;
            for new in versions {
                let mut render = relative(&old, &new);
                render.resolve(&last).unwrap();
                let patch = diff(&last, &render);
                prop_assert_eq!(last.apply(&patch).unwrap().to_json(), page(&new).to_json());
                last.commit(render);
                prop_assert_eq!(last.to_json(), page(&new).to_json());
                prop_assert_eq!(keys_of(&last), keys_of(&page(&new)));
                old = new;
            }
        }

        /// However long the list is, an edit costs in proportion to the edited rows.
        #[test]
        fn the_patch_is_bounded_by_the_edits(
            edits in prop::collection::vec((0u8..4, 0usize..300, 0usize..300), 1..8),
        ) {
            let old: Vec<Row> = (0..300).map(|key| (key, 0)).collect();
            let mut new = old.clone();
            for (key, (kind, at, to)) in (1000..).zip(&edits) {
                let at = at % new.len();
                match kind {
                    0 => new.insert(at, (key, 0)),
                    1 => new[at].1 = 1,
                    kind => {
                        let row = new.remove(at);
                        if *kind == 2 {
                            new.insert(to % new.len(), row);
                        }
                    }
                }
            }
            for mut render in [complete(&new), relative(&old, &new)] {
                let last = page(&old);
                render.resolve(&last).unwrap();
                let patch = diff(&last, &render);
                let size = match patch.changes.first() {
                    None => 0,
                    Some((0, crate::tree::Change::Edit(edit))) => {
                        let removed: usize = edit.plan.removed.iter().map(ExactSizeIterator::len).sum();
                        removed + edit.plan.moved.len() + edit.inserted().count() + edit.changed.len()
                    }
                    Some(_) => return Err(TestCaseError::fail("an edit")),
                };
                prop_assert!(size <= edits.len(), "{size} for {} edits", edits.len());
            }
        }
    }

    #[test]
    fn as_before_where_nothing_was_is_refused() {
        let keep = render(vec![Step::Keep(1)], &[]);
        assert_eq!(keep.clone().into_tree().err(), Some(Mismatch));
        let mut against_another = keep.clone();
        let text = tree(&["<ul>", "</ul>"], vec![Filled::Leaf("x".into())]);
        assert_eq!(against_another.resolve(&text), Err(Mismatch));
        let mut too_long = keep;
        assert_eq!(too_long.resolve(&page(&[])), Err(Mismatch));
    }
}
