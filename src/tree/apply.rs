//! The client's side of a diff: a tree and a patch give the next tree.
//!
//! The server itself keeps what it rendered; this is the specification that tests and the load
//! generator hold it to.

use super::{Change, Dynamic, Leaf, LiveTree, Patch, TreeBuilder, TreeError};

/// A patch that does not fit the tree it is applied to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ApplyError {
    /// The patch names a slot or an item that the tree does not have.
    #[error("the patch names slot {0}, which the tree does not have")]
    NoSlot(usize),
    /// The patch goes down where there is no subtree, or no list.
    #[error("the patch goes down into slot {0}, where there is nothing to go down into")]
    NoBranch(usize),
    /// An item of a list became something that is no tree.
    #[error("the patch turns item {0} of a list into something that is no tree")]
    NoTree(usize),
    /// The result is no tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl LiveTree {
    /// This tree with the changes of `patch`.
    ///
    /// # Errors
    /// [`ApplyError`] where the patch was not made for this tree.
    pub fn apply(&self, patch: &Patch<'_>) -> Result<LiveTree, ApplyError> {
        self.apply_in(patch, &mut String::new())
    }

    fn apply_in(&self, patch: &Patch<'_>, scratch: &mut String) -> Result<LiveTree, ApplyError> {
        let mut builder = TreeBuilder::new(self.template().clone(), scratch);
        let mut changes = patch.changes.iter().peekable();
        for (index, was) in self.dynamics().enumerate() {
            let Some((_, change)) = changes.next_if(|(at, _)| *at == index) else {
                keep(&mut builder, scratch, was);
                continue;
            };
            match (change, was) {
                (Change::Leaf { text, html }, _) => {
                    let (text, html) = (text.as_ref(), *html);
                    builder.leaf(scratch, Leaf { text, html });
                }
                (Change::Tree(tree), _) => builder.tree(scratch, tree.clone().into_owned()),
                (Change::List(items), _) => builder.list(scratch, items.clone().into_owned()),
                (Change::Inside(patch), Dynamic::Tree(tree)) => {
                    let tree = tree.apply_in(patch, scratch)?;
                    builder.tree(scratch, tree);
                }
                (Change::Inside(patch), Dynamic::List(items)) => {
                    let mut items = items.to_vec();
                    for (at, change) in &patch.changes {
                        let item = items.get_mut(*at).ok_or(ApplyError::NoSlot(*at))?;
                        *item = match change {
                            Change::Tree(tree) => tree.clone().into_owned(),
                            Change::Inside(patch) => item.apply_in(patch, scratch)?,
                            _ => return Err(ApplyError::NoTree(*at)),
                        };
                    }
                    builder.list(scratch, items);
                }
                (Change::Inside(_), Dynamic::Leaf(_)) => return Err(ApplyError::NoBranch(index)),
            }
        }
        match changes.next() {
            Some((index, _)) => Err(ApplyError::NoSlot(*index)),
            None => Ok(builder.finish(scratch)?),
        }
    }
}

fn keep(builder: &mut TreeBuilder, scratch: &mut String, dynamic: Dynamic<'_>) {
    match dynamic {
        Dynamic::Leaf(leaf) => builder.leaf(scratch, leaf),
        Dynamic::Tree(tree) => builder.tree(scratch, tree.clone()),
        Dynamic::List(items) => builder.list(scratch, items.to_vec()),
    }
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
