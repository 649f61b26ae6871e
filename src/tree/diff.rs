//! What changed between two renders.

use std::borrow::Cow;

use super::{Dynamic, LiveTree};

/// The difference between two trees of one component.
#[derive(Debug)]
pub enum Diff<'a> {
    /// The changes inside the root; empty where nothing changed.
    Patch(Patch<'a>),
    /// The root's statics differ: no patch can say it, the whole tree has to be sent.
    Replace(&'a LiveTree),
}

/// What changed in a tree, by slot, or in a list of the same length, by item; in order.
#[derive(Debug, Default, Clone)]
pub struct Patch<'a> {
    /// The slot's or item's index and what became of it.
    pub changes: Vec<(usize, Change<'a>)>,
}

/// What became of one slot. An item of a list is only ever a `Tree` or `Inside`.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// It is this leaf now.
    Leaf {
        /// The text, not escaped unless `html`.
        text: Cow<'a, str>,
        /// The text is HTML already.
        html: bool,
    },
    /// It is this subtree now: its statics changed, or the slot held something else.
    Tree(Cow<'a, LiveTree>),
    /// It is this list now: its length changed, or the slot held something else.
    List(Cow<'a, [LiveTree]>),
    /// The subtree has the same statics, or the list the same length; these of its slots or items
    /// changed.
    Inside(Patch<'a>),
}

impl Patch<'_> {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl<'a> From<Dynamic<'a>> for Change<'a> {
    fn from(dynamic: Dynamic<'a>) -> Self {
        match dynamic {
            Dynamic::Leaf(leaf) => Change::Leaf {
                text: leaf.text.into(),
                html: leaf.html,
            },
            Dynamic::Tree(tree) => Change::Tree(Cow::Borrowed(tree)),
            Dynamic::List(items) => Change::List(items.into()),
        }
    }
}

/// The changes that turn `old` into `new`. Costs a walk over both; a level whose leaves are all
/// equal and that has no branches costs one comparison of bytes.
pub fn diff<'a>(old: &LiveTree, new: &'a LiveTree) -> Diff<'a> {
    if old.same_statics(new) {
        Diff::Patch(inside(old, new))
    } else {
        Diff::Replace(new)
    }
}

/// The changed slots of two trees with the same statics.
fn inside<'a>(old: &LiveTree, new: &'a LiveTree) -> Patch<'a> {
    let mut changes = Vec::new();
    if old.is_flat() && new.is_flat() && old.same_leaves(new) {
        return Patch { changes };
    }
    for (index, (was, is)) in old.dynamics().zip(new.dynamics()).enumerate() {
        if let Some(change) = slot(was, is) {
            changes.push((index, change));
        }
    }
    Patch { changes }
}

fn slot<'a>(was: Dynamic<'_>, is: Dynamic<'a>) -> Option<Change<'a>> {
    match (was, is) {
        (Dynamic::Leaf(was), Dynamic::Leaf(is)) if was == is => None,
        (Dynamic::Tree(was), Dynamic::Tree(is)) => branch(was, is),
        (Dynamic::List(was), Dynamic::List(is)) if was.len() == is.len() => {
            let items = was.iter().zip(is).enumerate();
            let changes: Vec<_> = items
                .filter_map(|(index, (was, is))| Some((index, branch(was, is)?)))
                .collect();
            (!changes.is_empty()).then_some(Change::Inside(Patch { changes }))
        }
        (_, is) => Some(is.into()),
    }
}

fn branch<'a>(was: &LiveTree, is: &'a LiveTree) -> Option<Change<'a>> {
    if !was.same_statics(is) {
        return Some(Change::Tree(Cow::Borrowed(is)));
    }
    let patch = inside(was, is);
    (!patch.is_empty()).then_some(Change::Inside(patch))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::testing::{Filled, any_shape, list, text_tree, tree};

    /// The patch as the classic wire says it.
    fn wire(old: &LiveTree, new: &LiveTree) -> String {
        match diff(old, new) {
            Diff::Patch(patch) => patch.to_json(),
            Diff::Replace(tree) => format!("trees {}", tree.to_json()),
        }
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
    fn other_root_statics_need_the_whole_tree() {
        let (old, new) = (text_tree(ROW, &["x"]), text_tree(&["<b>", "</b>"], &["x"]));
        assert_eq!(wire(&old, &new), r#"trees {"s":["<b>","</b>"],"d":["x"]}"#);
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

    proptest! {
        /// What a client has after the patch is what the server rendered, both in memory and
        /// after a trip over the wire.
        #[test]
        fn applying_the_diff_gives_the_new_tree(old in any_shape(), new in any_shape()) {
            let (old, new) = (old.build(), new.build());
            if let Diff::Patch(patch) = diff(&old, &new) {
                prop_assert_eq!(old.apply(&patch).unwrap().to_json(), new.to_json());
                let wire = Patch::from_json(&patch.to_json()).unwrap();
                prop_assert_eq!(old.apply(&wire).unwrap().to_html(), new.to_html());
            }
        }

        #[test]
        fn a_tree_does_not_differ_from_itself(shape in any_shape()) {
            let (one, other) = (shape.build(), shape.build());
            let Diff::Patch(patch) = diff(&one, &other) else {
                return Err(TestCaseError::fail("the same statics"));
            };
            prop_assert!(patch.is_empty());
        }
    }
}
