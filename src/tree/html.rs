//! A tree as the HTML it stands for.

use super::{Dynamic, Leaf, List, LiveTree, TreeView};
use crate::template::escape;

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
        let mut html = String::new();
        self.view().write_html(&mut html);
        html
    }
}

impl TreeView<'_> {
    fn write_html(self, html: &mut String) {
        let mut dynamics = self.dynamics();
        for text in self.template().statics() {
            html.push_str(text);
            match dynamics.next() {
                Some(Dynamic::Leaf(leaf)) => html.push_str(&leaf.escaped()),
                Some(Dynamic::Tree(tree)) => tree.write_html(html),
                Some(Dynamic::List(list)) => {
                    list.iter().for_each(|item| item.write_html(html));
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
