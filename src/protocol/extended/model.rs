//! A client of the extended dialect, written from `docs/protocol.md` alone. The page that it shows is JSON,
//! as the wire has it.

use serde_json::{Value, json};

use super::encode::{JoinFlags, encode, joined};
use crate::ids::{EventNumber, Point};
use crate::protocol::ServerMessage;
use crate::tree::{LiveTree, Render, diff};

/// Sends the way from `old` to `render`, and panics if a client that showed `old` does not show `new`
/// afterwards. `render` has been resolved against `old`. Returns the message.
pub(crate) fn follow(old: &LiveTree, render: &Render, new: &LiveTree) -> String {
    let message = ServerMessage::Patch(diff(old, render), Some(render));
    let message = encode(&message, EventNumber(1)).text("0");
    let mut shown = tree(old);
    let Value::Array(members) = read(&message) else {
        panic!("no message: {message}");
    };
    change_all(&mut shown, &members[2..]);
    assert_eq!(shown, tree(new), "{message}");
    message
}

fn read(message: &str) -> Value {
    serde_json::from_str(message).unwrap_or_else(|error| panic!("{error}: {message}"))
}

/// The page of a client that joins.
fn tree(tree: &LiveTree) -> Value {
    read(&joined(tree, Point::default(), "", JoinFlags::default()).text("0"))[4].take()
}

fn change_all(tree: &mut Value, changes: &[Value]) {
    for (slot, change) in pairs(changes) {
        let slot = slot.as_i64().expect("a slot");
        let at = if slot < 0 { !slot } else { slot } as usize + 1;
        let value = tree.get_mut(at).expect("a slot of the tree");
        if slot < 0 {
            *value = continued(value, change).into();
        } else {
            change_one(value, change);
        }
    }
}

fn continued(value: &Value, change: &Value) -> String {
    let old = value.as_str().expect("a text");
    let Some(stays) = change.get(0) else {
        return old.to_owned() + change.as_str().expect("what follows");
    };
    let units: Vec<u16> = old.encode_utf16().collect();
    let stays = stays.as_u64().expect("a number") as usize;
    let beginning = String::from_utf16(&units[..stays]).expect("no half of a pair");
    beginning + change[1].as_str().expect("what follows")
}

fn change_one(value: &mut Value, change: &Value) {
    let is_edit = ["r", "m", "i", "c"]
        .iter()
        .any(|key| change.get(key).is_some());
    if let Some(inside) = change.get("p") {
        change_all(value, members(inside));
    } else if is_edit {
        let rows = std::mem::take(value["l"].as_array_mut().expect("a list"));
        value["l"] = edited(rows, change).into();
    } else {
        *value = change.clone();
    }
}

fn edited(rows: Vec<Value>, edit: &Value) -> Vec<Value> {
    let mut rows: Vec<Option<Value>> = rows.into_iter().map(Some).collect();
    let mut placed = Vec::new();
    for (at, count) in pairs(members(&edit["r"])) {
        for row in &mut rows[index(at)..][..index(count)] {
            *row = None;
        }
    }
    for (from, to) in pairs(members(&edit["m"])) {
        placed.push((index(to), rows[index(from)].take().expect("a row")));
    }
    for (to, row) in pairs(members(&edit["i"])) {
        placed.push((index(to), row.clone()));
    }
    let mut rows: Vec<Value> = rows.into_iter().flatten().collect();
    placed.sort_by_key(|(to, _)| *to);
    for (to, row) in placed {
        rows.insert(to, row);
    }
    for (at, changes) in pairs(members(&edit["c"])) {
        change_all(&mut rows[index(at)], members(changes));
    }
    rows
}

fn pairs(list: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    assert!(list.len().is_multiple_of(2), "pairs: {}", json!(list));
    list.chunks(2).map(|pair| (&pair[0], &pair[1]))
}

/// None if the member is missing.
fn members(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn index(value: &Value) -> usize {
    value.as_u64().expect("a row") as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::template::Template;
    use crate::tree::{Branch, Builder, LEAST_STAYS, LEAST_TEXT, Leaf, List};

    fn template(source: &[&str]) -> Arc<Template> {
        Arc::new(Template::compile(source).unwrap())
    }

    fn row(template: &Arc<Template>, text: &str) -> LiveTree {
        let mut scratch = String::new();
        let mut builder = Builder::new(template, &scratch);
        builder.leaf(&mut scratch, Leaf { text, html: false });
        builder.finish(&mut scratch).unwrap()
    }

    /// A page: a text in each place that a text can have, and rows by their keys.
    #[derive(Clone, Debug)]
    struct Page {
        texts: [String; 3],
        inner: String,
        html: bool,
        rows: Vec<(u64, String)>,
    }

    struct Templates {
        page: Arc<Template>,
        row: Arc<Template>,
    }

    impl Templates {
        fn new() -> Self {
            let source = [
                "<p title=\"",
                "\">",
                "</p><textarea>",
                "</textarea>",
                "",
                "",
            ];
            let (page, row) = (template(&source), template(&["<li>", "</li>"]));
            Self { page, row }
        }

        fn tree(&self, page: &Page) -> LiveTree {
            let mut scratch = String::new();
            let mut builder = Builder::new(&self.page, &scratch);
            for (slot, text) in page.texts.iter().enumerate() {
                let html = page.html && slot == 1;
                builder.leaf(&mut scratch, Leaf { text, html });
            }
            let inner = row(&self.row, &page.inner);
            builder.branch(&mut scratch, Branch::Tree(inner));
            let keys: Vec<u64> = page.rows.iter().map(|(key, _)| *key).collect();
            let rows = page.rows.iter().map(|(_, text)| row(&self.row, text));
            let list = List::new(rows, Some(&keys));
            builder.branch(&mut scratch, Branch::List(list));
            builder.finish(&mut scratch).unwrap()
        }

        fn follow(&self, old: &Page, new: &Page) -> String {
            let (old, new) = (self.tree(old), self.tree(new));
            let mut render = Render::from(new.clone());
            render.resolve(&old).unwrap();
            follow(&old, &render, &new)
        }
    }

    /// Texts with the same beginning, each with more or less of it.
    fn text() -> impl Strategy<Value = String> {
        let beginning = "Grüße: 😀, <b> & \"é\u{301}\"\\\n\u{1}".repeat(8);
        (0usize..200, "[a😀😁é\u{301}<\"]{0,4}").prop_map(move |(stays, end)| {
            let beginning: String = beginning.chars().take(stays).collect();
            beginning + &end
        })
    }

    fn page() -> impl Strategy<Value = Page> {
        let rows = prop::collection::btree_map(0u64..6, text(), 0..5)
            .prop_flat_map(|rows| Just(rows.into_iter().collect::<Vec<_>>()).prop_shuffle());
        ([text(), text(), text()], text(), any::<bool>(), rows).prop_map(
            |(texts, inner, html, rows)| Page {
                texts,
                inner,
                html,
                rows,
            },
        )
    }

    fn only(text: &str) -> Page {
        Page {
            texts: [String::new(), text.to_owned(), String::new()],
            inner: String::new(),
            html: false,
            rows: Vec::new(),
        }
    }

    #[test]
    fn a_text_that_keeps_its_beginning_is_what_follows() {
        let templates = Templates::new();
        let begins = "é😀".repeat(40);
        let page = |end: &str| only(&format!("{begins}{end}"));
        let follow = |old: &str, new: &str| templates.follow(&page(old), &page(new));
        assert_eq!(follow("", "<b>"), r#"[0,1,-2,"<b>"]"#);
        // The 120 code units before it stay.
        assert_eq!(follow("…", " on…"), r#"[0,1,-2,[120," on…"]]"#);
        assert_eq!(follow("😀", "😁"), r#"[0,1,-2,[120,"😁"]]"#);
        assert_eq!(follow("…", ""), r#"[0,1,-2,[120,""]]"#);
        assert_eq!(follow("…", "…"), "[0,1]");
    }

    #[test]
    fn attributes_and_text_areas_and_html_are_sent_whole() {
        let templates = Templates::new();
        let long = "a".repeat(LEAST_TEXT);
        let page = |slot: usize, html: bool, end: &str| {
            let mut page = only("");
            page.html = html;
            page.texts[slot] = format!("{long}{end}");
            page
        };
        for (slot, html) in [(0, false), (1, true), (2, false)] {
            let message = templates.follow(&page(slot, html, ""), &page(slot, html, "b"));
            assert!(message.contains(&long), "{message}");
        }
        let message = templates.follow(&page(1, false, ""), &page(1, false, "b"));
        assert!(!message.contains(&long), "{message}");
    }

    /// This form is used only if it is shorter.
    #[test]
    fn what_follows_is_never_longer_than_the_whole() {
        let templates = Templates::new();
        let is_tail = |was: &str, is: &str| {
            let message = templates.follow(&only(was), &only(is));
            let is_tail = message.contains("-2,");
            let whole = format!("[0,1,1,\"{is}\"]");
            assert!(message.len() <= whole.len(), "{message}");
            assert_eq!(is_tail, message.len() < whole.len(), "{message}");
            is_tail
        };
        for stays in 0..300 {
            let begins = "a".repeat(stays);
            let (was, is) = (format!("{begins:b<64}"), format!("{begins:c<64}d"));
            assert_eq!(is_tail(&was, &is), stays >= LEAST_STAYS);
            let longer = format!("{begins}c");
            assert_eq!(is_tail(&begins, &longer), stays >= LEAST_TEXT);
        }
    }

    proptest! {
        #[test]
        fn a_client_shows_what_was_rendered(old in page(), new in page(), last in page()) {
            let templates = Templates::new();
            templates.follow(&old, &new);
            templates.follow(&new, &last);
        }
    }
}
