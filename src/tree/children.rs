//! The nested components that a tree shows.

use super::node::{Content, Leaf, View};
use super::rows::{Branch, LiveTree, TreeView};

/// A nested component, as the tree of its parent names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child<'a> {
    /// The module's name.
    pub module: &'a str,
    /// Tells the component from the parent's other components of the module.
    pub key: &'a str,
    /// The props that the parent gives it, as JSON: see [`given`](crate::given).
    pub given: &'a str,
}

impl LiveTree {
    /// The nested components that the tree shows, in the order of the page. Costs a walk over the tree, without its
    /// texts.
    pub fn children(&self) -> Vec<Child<'_>> {
        let mut children = Vec::new();
        gather(self.view(), &mut children);
        children
    }
}

fn gather<'a>(view: TreeView<'a>, children: &mut Vec<Child<'a>>) {
    if view.template.is_child() {
        let mut leaves = leaves(view);
        if let (Some(module), Some(key), Some(given)) =
            (leaves.next(), leaves.next(), leaves.next())
        {
            children.push(Child { module, key, given });
        }
        return;
    }
    for branch in view.branches {
        match branch {
            Branch::Tree(tree) => gather(tree.view(), children),
            Branch::List(list) => list.iter().for_each(|row| gather(row, children)),
        }
    }
}

fn leaves<'a, B: 'a>(view: View<'a, B>) -> impl Iterator<Item = &'a str> {
    view.parts().filter_map(|part| match part {
        Content::Leaf(Leaf { text, .. }) => Some(text),
        Content::Branch(_) | Content::Same => None,
    })
}

/// Whether both are the container of a nested component, and not of the same one. Both have the same statics.
pub(super) fn is_other<'a, B: 'a, C: 'a>(was: View<'a, B>, is: View<'a, C>) -> bool {
    is.template.is_child() && leaves(was).take(2).ne(leaves(is).take(2))
}

#[cfg(test)]
mod tests {
    use crate::tree::{Compact, LiveTree, Render, Templates, diff, op};

    /// The template of a container, as `live()` writes it.
    const CONTAINER: &[&str] = &["<div data-l-live=\"", "\" data-l-key=\"", "\">", "</div>"];
    const PAGE: &[&str] = &["<main>", "</main>"];

    /// A page with these nested components in a list, each by module, key and given props.
    fn page(templates: &Templates, children: &[[&str; 3]]) -> Render {
        let code = |kind: u32, argument: usize| (argument as u32) << op::SHIFT | kind;
        let mut ops = vec![code(op::TREE, 1), code(op::EACH, children.len())];
        let mut text = String::new();
        for child in children {
            ops.extend([code(op::ROW, child[1].len()), code(op::TREE, 2)]);
            text.push_str(child[1]);
            for leaf in child {
                ops.push(code(op::TEXT, leaf.len()));
                text.push_str(leaf);
            }
        }
        let decoded = Compact::new(&ops, &text).render(&templates.read()).unwrap();
        assert_eq!(decoded.nests, !children.is_empty());
        decoded.render.unwrap()
    }

    fn templates() -> Templates {
        let templates = Templates::new();
        templates.add(PAGE).unwrap();
        templates.add(CONTAINER).unwrap();
        templates
    }

    fn names(tree: &LiveTree) -> Vec<[&str; 3]> {
        let children = tree.children().into_iter();
        children
            .map(|one| [one.module, one.key, one.given])
            .collect()
    }

    #[test]
    fn a_tree_knows_its_nested_components_and_says_nothing_of_what_they_are_given() {
        let templates = templates();
        let all = [["chart", "a", "p{\"secret\":1}"], ["chart", "b", "p{}"]];
        let tree = page(&templates, &all).into_tree().unwrap();
        assert_eq!(names(&tree), all);
        let container = |key| format!("<div data-l-live=\"chart\" data-l-key=\"{key}\"></div>");
        let around = tree.to_html_around();
        assert_eq!(
            around.concat(),
            format!("<main>{}{}</main>", container("a"), container("b"))
        );
        assert_eq!(around.len(), 3);
        assert!(!tree.to_json().contains("secret"));
    }

    #[test]
    fn what_is_given_is_committed_without_a_patch_and_another_component_is_another_element() {
        let templates = templates();
        let mut tree = page(&templates, &[["chart", "a", "p{}"]])
            .into_tree()
            .unwrap();
        for (child, patch) in [
            (["chart", "a", "p{\"more\":1}"], "{}"),
            (["table", "a", "p{}"], "{\"0\":{\"d\":{\"0\":"),
        ] {
            let mut render = page(&templates, &[child]);
            render.resolve(&tree).unwrap();
            let said = diff(&tree, &render).to_json();
            assert!(said.starts_with(patch) && !said.contains("more"), "{said}");
            tree.commit(render);
            assert_eq!(names(&tree), [child]);
        }
    }
}
