//! A tree as the HTML it stands for.

use super::{Dynamic, Leaf, List, LiveTree, TreeView};
use crate::template::{GIVEN, escape};

impl Leaf<'_> {
    /// The leaf as HTML.
    pub fn escaped(&self) -> std::borrow::Cow<'_, str> {
        if self.html {
            self.text.into()
        } else {
            escape(self.text)
        }
    }
}

/// The HTML, for the messages of failing tests.
impl std::fmt::Debug for LiveTree {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.to_html())
    }
}

impl std::fmt::Debug for List {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(|row| row.to_tree()))
            .finish()
    }
}

impl LiveTree {
    /// The whole HTML: statics and dynamics in turn.
    pub fn to_html(&self) -> String {
        self.to_html_around().concat()
    }

    /// The HTML in pieces: between each two stands a nested component, in its container.
    pub fn to_html_around(&self) -> Vec<String> {
        let mut pieces = vec![String::new()];
        self.view().write_html(&mut pieces);
        pieces
    }
}

/// Adds to the last piece.
fn push(pieces: &mut [String], text: &str) {
    if let Some(last) = pieces.last_mut() {
        last.push_str(text);
    }
}

impl TreeView<'_> {
    fn write_html(self, pieces: &mut Vec<String>) {
        let mut dynamics = self.dynamics();
        for (slot, text) in self.template().statics().iter().enumerate() {
            push(pieces, text);
            match dynamics.next() {
                Some(Dynamic::Leaf(_)) if slot == GIVEN && self.template().is_child() => {
                    pieces.push(String::new());
                }
                Some(Dynamic::Leaf(leaf)) => push(pieces, &leaf.escaped()),
                Some(Dynamic::Tree(tree)) => tree.write_html(pieces),
                Some(Dynamic::List(list)) => {
                    list.iter().for_each(|item| item.write_html(pieces));
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tree::testing::{Filled, list, text_tree, tree};

    #[test]
    fn statics_and_dynamics_alternate() {
        let row = |text| text_tree(&["<li>", "</li>"], &[text]);
        let page = tree(
            &["<b>", "</b><ul>", "</ul>"],
            vec![Filled::Leaf("a & b".into()), list(vec![row("1"), row("<")])],
        );
        let expected = "<b>a &amp; b</b><ul><li>1</li><li>&lt;</li></ul>";
        assert_eq!(page.to_html(), expected);
    }
}
