//! The client's side of a diff: a tree and a patch give the next tree.
//!
//! The server does not need this file: it keeps its own renders. Tests check patches with it, and the load
//! generator is a client with it.

use super::node::Builder;
use super::rows::Branch;
use super::tail::Stays;
use super::{Change, Dynamic, Leaf, List, ListEdit, LiveTree, Patch, TreeError, TreeView};

/// A patch that does not fit the tree it is applied to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ApplyError {
    /// The patch names a slot or an item that the tree does not have.
    #[error("the patch names slot {0}, which the tree does not have")]
    NoSlot(usize),
    /// The patch changes the inside of a slot that holds neither a subtree nor a list.
    #[error("the patch goes down into slot {0}, where there is nothing to go down into")]
    NoBranch(usize),
    /// The patch replaces an item of a list with something other than a tree.
    #[error("the patch turns item {0} of a list into something that is no tree")]
    NoTree(usize),
    /// The patch adds to a text that does not begin as the patch says.
    #[error("the patch adds to slot {0}, where another text or none is")]
    NoText(usize),
    /// The result is not a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl LiveTree {
    /// This tree with the changes of `patch`.
    ///
    /// # Errors
    /// [`ApplyError`] if the patch was not made for this tree.
    pub fn apply(&self, patch: &Patch<'_>) -> Result<LiveTree, ApplyError> {
        self.apply_in(patch, &mut String::new())
    }

    fn apply_in(&self, patch: &Patch<'_>, scratch: &mut String) -> Result<LiveTree, ApplyError> {
        let mut builder = Builder::new(self.template(), scratch);
        let mut changes = patch.changes.iter().peekable();
        for (index, was) in self.dynamics().enumerate() {
            let Some((_, change)) = changes.next_if(|(at, _)| *at == index) else {
                push_unchanged(&mut builder, scratch, was);
                continue;
            };
            match (change, was) {
                (Change::Leaf { text, html }, _) => {
                    let (text, html) = (text.as_ref(), *html);
                    builder.leaf(scratch, Leaf { text, html });
                }
                (Change::Tail { text, stays }, Dynamic::Leaf(was)) => {
                    let text = continued(was, text, *stays).ok_or(ApplyError::NoText(index))?;
                    let (text, html) = (text.as_str(), false);
                    builder.leaf(scratch, Leaf { text, html });
                }
                (Change::Tail { .. }, _) => return Err(ApplyError::NoText(index)),
                (Change::Tree(tree), _) => {
                    builder.branch(scratch, Branch::Tree(tree.clone().into_owned()));
                }
                (Change::List(items), _) => {
                    builder.branch(scratch, unkeyed(trees(items)));
                }
                (Change::Inside(patch), Dynamic::Tree(tree)) => {
                    let tree = tree.to_tree().apply_in(patch, scratch)?;
                    builder.branch(scratch, Branch::Tree(tree));
                }
                (Change::Inside(patch), Dynamic::List(list)) => {
                    let mut items = trees(list);
                    for (at, change) in &patch.changes {
                        let item = items.get_mut(*at).ok_or(ApplyError::NoSlot(*at))?;
                        *item = match change {
                            Change::Tree(tree) => tree.clone().into_owned(),
                            Change::Inside(patch) => item.apply_in(patch, scratch)?,
                            _ => return Err(ApplyError::NoTree(*at)),
                        };
                    }
                    builder.branch(scratch, unkeyed(items));
                }
                (Change::Edit(edit), Dynamic::List(list)) => {
                    let rows = edit_rows(&trees(list), edit, scratch)?;
                    builder.branch(scratch, unkeyed(rows));
                }
                (Change::Edit(_), _) => return Err(ApplyError::NoBranch(index)),
                (Change::Inside(_), Dynamic::Leaf(_)) => return Err(ApplyError::NoBranch(index)),
            }
        }
        match changes.next() {
            Some((index, _)) => Err(ApplyError::NoSlot(*index)),
            None => Ok(builder.finish(scratch)?),
        }
    }
}

/// The part of the old text that stays, and the rest of the new one.
fn continued(was: Leaf<'_>, text: &str, stays: Stays) -> Option<String> {
    let (beginning, rest) = was.text.split_at_checked(stays.bytes)?;
    let follows = text.strip_prefix(beginning)?;
    let fits = !was.html && stays.is_all == rest.is_empty();
    fits.then(|| [beginning, follows].concat())
}

fn push_unchanged(builder: &mut Builder<'_, Branch>, scratch: &mut String, dynamic: Dynamic<'_>) {
    match dynamic {
        Dynamic::Leaf(leaf) => builder.leaf(scratch, leaf),
        Dynamic::Tree(tree) => builder.branch(scratch, Branch::Tree(tree.to_tree())),
        Dynamic::List(list) => builder.branch(scratch, Branch::List(list.clone())),
    }
}

/// The rows as a list without keys: a client never learns the keys.
fn unkeyed(rows: Vec<LiveTree>) -> Branch {
    Branch::List(List::new(rows, None))
}

fn trees(list: &List) -> Vec<LiveTree> {
    list.iter().map(TreeView::to_tree).collect()
}

/// Does the edit in the order of `docs/protocol.md`: rows are taken out, put in, and changed.
fn edit_rows(
    old: &[LiveTree],
    edit: &ListEdit<'_>,
    scratch: &mut String,
) -> Result<Vec<LiveTree>, ApplyError> {
    let mut out: Vec<bool> = vec![false; old.len()];
    let removed = edit.plan.removed.iter().cloned().flatten();
    for from in removed.chain(edit.plan.moved.iter().map(|(from, _)| *from)) {
        *out.get_mut(from).ok_or(ApplyError::NoSlot(from))? = true;
    }
    let stay = old.iter().zip(out).filter(|(_, out)| !out);
    let mut rows: Vec<LiveTree> = stay.map(|(row, _)| row.clone()).collect();
    let mut placed: Vec<(usize, TreeView<'_>)> = edit.inserted().collect();
    for (from, to) in &edit.plan.moved {
        let row = old.get(*from).ok_or(ApplyError::NoSlot(*from))?;
        placed.push((*to, row.view()));
    }
    placed.sort_by_key(|(to, _)| *to);
    for (to, row) in placed {
        if to > rows.len() {
            return Err(ApplyError::NoSlot(to));
        }
        rows.insert(to, row.to_tree());
    }
    for (at, patch) in &edit.changed {
        let row = rows.get_mut(*at).ok_or(ApplyError::NoSlot(*at))?;
        *row = row.apply_in(patch, scratch)?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::text_tree;

    #[test]
    fn a_patch_for_another_tree_is_refused() {
        let tree = text_tree(&["<p>", "</p>"], &["x"]);
        let refused = |json| tree.apply(&Patch::from_json(json).unwrap()).err();
        assert_eq!(refused(r#"{"1":"y"}"#), Some(ApplyError::NoSlot(1)));
        let down = refused(r#"{"0":{"d":{"0":"y"}}}"#);
        assert_eq!(down, Some(ApplyError::NoBranch(0)));
    }
}
