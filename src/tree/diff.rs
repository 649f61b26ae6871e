//! The changes between the last tree and the next render.

use std::borrow::Cow;

use super::children::is_other;
use super::keyed::{Plan, Source, Step};
use super::node::{Content, Leaf, View};
use super::render::{Render, Update, plan_rows};
use super::rows::{Branch, Dynamic, List, LiveTree, TreeView};
use super::tail::Stays;
use crate::template::{GIVEN, Place, Template};

/// The changes in a tree, by slot, or, in a list that keeps its length, by item. Ascending.
#[derive(Debug, Default, Clone)]
pub struct Patch<'a> {
    /// The tree's template; `None` for a list, and if the patch came over the wire.
    pub template: Option<&'a Template>,
    /// The index of the slot or item, and its change.
    pub changes: Vec<(usize, Change<'a>)>,
}

/// The change of one slot. The change of a list's item is always a `Tree` or `Inside`.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// The slot holds this leaf now.
    Leaf {
        /// Text that is escaped when it is sent; HTML if `html` is set.
        text: Cow<'a, str>,
        /// `text` is HTML already.
        html: bool,
    },
    /// The slot between nodes held a text, and holds this one now, which begins as that one did.
    Tail {
        /// The whole text that the slot holds now; it is escaped when it is sent.
        text: &'a str,
        /// How much of the old text stays at the beginning of `text`.
        stays: Stays,
    },
    /// The slot holds this subtree now: the statics changed, or the slot held something else.
    Tree(Cow<'a, LiveTree>),
    /// The slot holds this list now: the length changed, or the slot held something else.
    List(Cow<'a, List>),
    /// The subtree kept its statics, or the list its length; these slots or items changed.
    Inside(Patch<'a>),
    /// The keyed list was edited.
    Edit(ListEdit<'a>),
}

/// The edit of a keyed list.
#[derive(Debug, Clone)]
pub struct ListEdit<'a> {
    /// Which rows stay, move and go.
    pub plan: Cow<'a, Plan>,
    /// The rows that changed inside: each row's new index, ascending, and its changes.
    pub changed: Vec<(usize, Patch<'a>)>,
    old: &'a List,
    rendered: &'a List,
}

impl<'a> ListEdit<'a> {
    /// The new rows: each row's index in the new list, ascending, and its tree.
    pub fn inserted(&self) -> impl Iterator<Item = (usize, TreeView<'a>)> {
        let mut at = 0;
        self.plan.order.iter().filter_map(move |source| {
            let to = at;
            at += source.rows();
            match source {
                Source::New { row } => Some((to, self.rendered.get(*row)?)),
                _ => None,
            }
        })
    }

    /// All rows, in their new order.
    pub fn rows(&self) -> impl Iterator<Item = TreeView<'a>> {
        self.plan.order.iter().flat_map(|source| match source {
            Source::Old(range) => self.old.range(range.clone()),
            Source::Changed { row, .. } | Source::New { row } => {
                self.rendered.range(*row..*row + 1)
            }
        })
    }

    /// The changes by index, for clients that know no keys; `None` if the list's length changed.
    pub fn by_index(&self) -> Option<Patch<'a>> {
        if self.old.len() != self.plan.len {
            return None;
        }
        let mut changes = Vec::new();
        let mut at = 0;
        for source in &self.plan.order {
            let rows = match source {
                // These rows kept their index.
                Source::Old(range) if range.start == at => None,
                Source::Old(range) => Some(self.old.range(range.clone())),
                Source::Changed { row, .. } | Source::New { row } => {
                    Some(self.rendered.range(*row..*row + 1))
                }
            };
            let pairs = rows.map(|rows| self.old.range(at..at + source.rows()).zip(rows).zip(at..));
            for ((was, is), index) in pairs.into_iter().flatten() {
                changes.extend(branch(was, is).map(|change| (index, change)));
            }
            at += source.rows();
        }
        Some(Patch {
            template: None,
            changes,
        })
    }

    fn is_empty(&self) -> bool {
        let stays = |source: &Source| !matches!(source, Source::New { .. });
        self.changed.is_empty()
            && self.plan.removed.is_empty()
            && self.plan.moved.is_empty()
            && self.plan.order.iter().all(stays)
    }
}

impl Patch<'_> {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl<'a> From<Leaf<'a>> for Change<'a> {
    fn from(leaf: Leaf<'a>) -> Self {
        Change::Leaf {
            text: leaf.text.into(),
            html: leaf.html,
        }
    }
}

/// The changes that turn `last` into the rendered tree. `render` has the same statics and has been
/// [resolved](Render::resolve) against `last`.
///
/// Costs a walk over the rendered slots; a slot that is "as before" is not looked into. A level that
/// consists of equal leaves costs one comparison of bytes.
pub fn diff<'a>(last: &'a LiveTree, render: &'a Render) -> Patch<'a> {
    changes(last.view(), render.view())
}

fn changes<'a>(last: TreeView<'a>, render: View<'a, Update>) -> Patch<'a> {
    let mut changes = Vec::new();
    let template = Some(&**last.template());
    if last.same_and_flat(render) {
        return Patch { template, changes };
    }
    for (index, (was, is)) in last.parts().zip(render.parts()).enumerate() {
        let change = match (was, is) {
            (_, Content::Same) => None,
            (Content::Leaf(was), Content::Leaf(is)) => leaf(was, is, template, index),
            (_, Content::Leaf(is)) => Some(is.into()),
            (Content::Branch(was), Content::Branch(is)) => update(Some(was), is),
            (_, Content::Branch(is)) => update(None, is),
        };
        changes.extend(change.map(|change| (index, change)));
    }
    Patch { template, changes }
}

fn leaf<'a>(
    was: Leaf<'_>,
    is: Leaf<'a>,
    template: Option<&Template>,
    slot: usize,
) -> Option<Change<'a>> {
    let is_given = slot == GIVEN && template.is_some_and(Template::is_child);
    if was == is || is_given {
        return None;
    }
    let slot = template.and_then(|template| template.slots().get(slot));
    // A browser sets an attribute as a whole, and the text of a `<textarea>`.
    let is_text = slot.is_some_and(|slot| matches!(slot.place, Place::Text));
    let stays = is_text.then(|| Stays::between(was, is)).flatten();
    Some(stays.map_or_else(
        || is.into(),
        |stays| Change::Tail {
            text: is.text,
            stays,
        },
    ))
}

fn update<'a>(was: Option<&'a Branch>, is: &'a Update) -> Option<Change<'a>> {
    match (was, is) {
        (Some(Branch::Tree(was)), Update::Tree(is)) if is_other(was.view(), is.view()) => {
            // Its slots are all leaves, so that the render of it is complete.
            let tree = is.clone().into_tree().ok();
            tree.map(|tree| Change::Tree(Cow::Owned(tree)))
        }
        (Some(Branch::Tree(was)), Update::Tree(is)) => inside_change(diff(was, is)),
        (Some(Branch::Tree(was)), Update::Whole(is)) => branch(was.view(), is.view()),
        (_, Update::Whole(is)) => Some(Change::Tree(Cow::Borrowed(is))),
        (Some(Branch::List(was)), Update::List(is)) => list(was, is),
        (_, Update::List(is)) => Some(Change::List(Cow::Borrowed(is))),
        (Some(Branch::List(was)), Update::Keyed(is)) => {
            edit(Cow::Borrowed(&is.plan), was, &is.rows)
        }
        // `resolve` has ruled this out.
        (_, Update::Tree(_) | Update::Keyed(_)) => None,
    }
}

fn inside_change(patch: Patch<'_>) -> Option<Change<'_>> {
    (!patch.is_empty()).then_some(Change::Inside(patch))
}

/// The changed slots of two whole trees with the same statics.
fn inside<'a>(was: TreeView<'a>, is: TreeView<'a>) -> Patch<'a> {
    let mut changes = Vec::new();
    let template = Some(&**is.template());
    if was.same_and_flat(is) {
        return Patch { template, changes };
    }
    for (index, (was, is)) in was.dynamics().zip(is.dynamics()).enumerate() {
        let change = match (was, is) {
            (Dynamic::Leaf(was), Dynamic::Leaf(is)) => leaf(was, is, template, index),
            (Dynamic::Tree(was), Dynamic::Tree(is)) => branch(was, is),
            (Dynamic::List(was), Dynamic::List(is)) => list(was, is),
            (_, Dynamic::Leaf(is)) => Some(is.into()),
            (_, Dynamic::Tree(is)) => Some(replacement(is)),
            (_, Dynamic::List(is)) => Some(Change::List(Cow::Borrowed(is))),
        };
        changes.extend(change.map(|change| (index, change)));
    }
    Patch { template, changes }
}

fn branch<'a>(was: TreeView<'a>, is: TreeView<'a>) -> Option<Change<'a>> {
    if was.same_statics(is) && !is_other(was, is) {
        inside_change(inside(was, is))
    } else {
        Some(replacement(is))
    }
}

fn replacement<'a>(tree: TreeView<'_>) -> Change<'a> {
    Change::Tree(Cow::Owned(tree.to_tree()))
}

fn list<'a>(was: &'a List, is: &'a List) -> Option<Change<'a>> {
    if was.is_keyed() && is.is_keyed() {
        let mut steps = vec![Step::Drop(was.len())];
        steps.extend((0..is.len()).filter_map(|row| is.key(row)).map(Step::Row));
        let plan = plan_rows(&steps, was, is)?;
        return edit(Cow::Owned(plan), was, is);
    }
    if was.len() != is.len() || was.is_keyed() != is.is_keyed() {
        return Some(Change::List(Cow::Borrowed(is)));
    }
    let pairs = was.pairs(is);
    let changes = pairs.filter_map(|(index, was, is)| Some((index, branch(was, is)?)));
    inside_change(Patch {
        template: None,
        changes: changes.collect(),
    })
}

fn edit<'a>(plan: Cow<'a, Plan>, old: &'a List, rendered: &'a List) -> Option<Change<'a>> {
    let mut changed = Vec::new();
    let mut at = 0;
    for source in &plan.order {
        if let Source::Changed { old: was, row } = *source
            && let Some((was, is)) = old.get(was).zip(rendered.get(row))
        {
            let patch = inside(was, is);
            if !patch.is_empty() {
                changed.push((at, patch));
            }
        }
        at += source.rows();
    }
    let edit = ListEdit {
        plan,
        changed,
        old,
        rendered,
    };
    (!edit.is_empty()).then_some(Change::Edit(edit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::testing::{Filled, any_shape, list, text_tree, tree};

    /// The patch as JSON of the classic dialect.
    fn wire(old: &LiveTree, new: &LiveTree) -> String {
        diff(old, &new.clone().into()).to_json()
    }

    const ROW: &[&str] = &["<i>", "</i>"];

    fn page(title: &str, rows: &[&str]) -> LiveTree {
        let rows = rows.iter().map(|row| text_tree(ROW, &[row])).collect();
        let title = Filled::Leaf(title.to_owned());
        tree(&["<h1>", "</h1>", ""], vec![title, list(rows)])
    }

    #[test]
    fn nothing_changed_is_an_empty_patch() {
        assert_eq!(wire(&page("a", &["x"]), &page("a", &["x"])), "{}");
    }

    #[test]
    fn a_changed_leaf_is_its_escaped_text() {
        let (old, new) = (page("a", &[]), page("<b>", &[]));
        assert_eq!(wire(&old, &new), r#"{"0":"&lt;b&gt;"}"#);
    }

    /// The reference leaves the inner `{"d":…}` out, and its own client then ignores the rows.
    #[test]
    fn a_changed_item_goes_down_through_the_list() {
        let (old, new) = (page("a", &["x", "y"]), page("a", &["x", "z"]));
        assert_eq!(wire(&old, &new), r#"{"1":{"d":{"1":{"d":{"0":"z"}}}}}"#);
    }

    #[test]
    fn an_item_with_other_statics_is_replaced() {
        let row = |statics| tree(&["", ""], vec![list(vec![text_tree(statics, &["x"])])]);
        let (old, new) = (row(ROW), row(&["<b>", "</b>"]));
        let expected = r#"{"0":{"d":{"0":{"s":["<b>","</b>"],"d":["x"]}}}}"#;
        assert_eq!(wire(&old, &new), expected);
    }

    #[test]
    fn a_list_of_another_length_is_sent_whole() {
        let (old, new) = (page("a", &["x"]), page("a", &["x", "y"]));
        let expected = r#"{"1":[{"s":["<i>","</i>"],"d":["x"]},{"s":["<i>","</i>"],"d":["y"]}]}"#;
        assert_eq!(wire(&old, &new), expected);
    }

    #[test]
    fn a_subtree_with_other_statics_is_replaced() {
        let branch = |statics| tree(&["", ""], vec![Filled::Tree(text_tree(statics, &["x"]))]);
        let (old, new) = (branch(ROW), branch(&["<b>", "</b>"]));
        assert_eq!(wire(&old, &new), r#"{"0":{"s":["<b>","</b>"],"d":["x"]}}"#);
    }

    #[test]
    fn a_subtree_with_the_same_statics_is_entered() {
        let branch = |leaf| tree(&["", ""], vec![Filled::Tree(text_tree(ROW, &[leaf]))]);
        assert_eq!(wire(&branch("x"), &branch("y")), r#"{"0":{"d":{"0":"y"}}}"#);
    }

    #[test]
    fn leaves_that_share_bytes_but_not_bounds_differ() {
        let statics = &["", ",", ""];
        let (old, new) = (
            text_tree(statics, &["ab", "c"]),
            text_tree(statics, &["a", "bc"]),
        );
        assert_eq!(wire(&old, &new), r#"{"0":"a","1":"bc"}"#);
    }

    fn rows(keys: &[(u64, &str)]) -> LiveTree {
        let rows = keys.iter().map(|(_, text)| text_tree(ROW, &[text]));
        let keys: Vec<u64> = keys.iter().map(|(key, _)| *key).collect();
        tree(&["", ""], vec![Filled::List(List::new(rows, Some(&keys)))])
    }

    /// Classic clients know no keys, so they get changes by index, or the whole list.
    #[test]
    fn a_keyed_list_for_classic_clients() {
        let old = rows(&[(1, "a"), (2, "b")]);
        let changed = rows(&[(1, "a"), (2, "c")]);
        assert_eq!(wire(&old, &changed), r#"{"0":{"d":{"1":{"d":{"0":"c"}}}}}"#);
        let swapped = rows(&[(2, "b"), (1, "a")]);
        let by_index = r#"{"0":{"d":{"0":{"d":{"0":"b"}},"1":{"d":{"0":"a"}}}}}"#;
        assert_eq!(wire(&old, &swapped), by_index);
        let shorter = rows(&[(2, "b")]);
        assert_eq!(
            wire(&old, &shorter),
            r#"{"0":[{"s":["<i>","</i>"],"d":["b"]}]}"#
        );
        assert_eq!(wire(&old, &old), "{}");
    }

    proptest! {
        /// After the patch, a client has the server's render: applied in memory, after a trip over the
        /// classic wire, and as the server itself commits it.
        #[test]
        fn applying_the_diff_gives_the_new_tree(old in any_shape(), new in any_shape()) {
            let (old, new) = (old.build(), new.build());
            if !old.same_statics(&new) {
                return Ok(());
            }
            let mut render = Render::from(new.clone());
            render.resolve(&old).unwrap();
            let patch = diff(&old, &render);
            prop_assert_eq!(old.apply(&patch).unwrap().to_json(), new.to_json());
            let wire = Patch::from_json(&patch.to_json()).unwrap();
            prop_assert_eq!(old.apply(&wire).unwrap().to_html(), new.to_html());
            let mut last = old.clone();
            last.commit(render);
            prop_assert_eq!(last.to_json(), new.to_json());
        }

        /// Rows are compared right, too, if rows after a changed one stand in other chunks.
        #[test]
        fn only_changed_rows_of_a_long_list_are_in_its_diff(
            lengths in prop::collection::vec(0usize..200, 0..300),
            changed in prop::collection::btree_map(0usize..300, 0usize..9000, 0..5),
        ) {
            let texts: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let mut after = texts.clone();
            for (row, length) in &changed {
                if let Some(text) = after.get_mut(*row) {
                    *text = "y".repeat(length + 1);
                }
            }
            let changed = changed.range(..texts.len()).count();
            let of = |texts: &[String]| page("a", &texts.iter().map(String::as_str).collect::<Vec<_>>());
            let (old, new) = (of(&texts), of(&after));
            let render = Render::from(new.clone());
            let patch = diff(&old, &render);
            prop_assert_eq!(old.apply(&patch).unwrap().to_json(), new.to_json());
            let inside = match patch.changes.first() {
                Some((1, Change::Inside(patch))) => patch.changes.len(),
                _ => 0,
            };
            prop_assert_eq!(inside, changed);
        }

        #[test]
        fn a_tree_does_not_differ_from_itself(shape in any_shape()) {
            let (one, other) = (shape.build(), shape.build());
            prop_assert!(diff(&one, &other.into()).is_empty());
        }
    }
}
