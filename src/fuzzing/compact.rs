//! Renders as JavaScript hands them over: whatever the numbers say, the outcome is an error or a
//! tree, and the patch from the last tree to it gives the same tree as taking it over does.

use std::sync::LazyLock;

use serde_json::Value;

use super::Input;
use crate::protocol::{ServerMessage, extended};
use crate::template::{escape, sanitized};
use crate::tree::{
    Compact, Decoded, Dynamic, LiveTree, MAX_DEPTH, Render, Templates, TreeView, diff, op,
};

/// By number; 0 is the bare slot.
const SOURCES: [&[&str]; 4] = [
    &["<p>", "</p>"],
    &["<b title=\"", "\">", "</b>"],
    &[
        "<a href=\"",
        "\" style=\"color: ",
        "\" ?hidden=",
        ">",
        "</a>",
    ],
    &["<textarea>", "</textarea>"],
];

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    let templates = Templates::new();
    for source in SOURCES {
        templates.add(source).expect("a template");
    }
    templates
});

fn decode(templates: &Templates, ops: &[u32], text: &str) -> Option<Option<Render>> {
    let Decoded {
        render, refused, ..
    } = Compact::new(ops, text).render(&templates.read()).ok()?;
    assert!(refused.iter().all(|value| !value.to_string().is_empty()));
    Some(render)
}

/// The bytes choose a tree, which comes back as it was written, and then operations that need not
/// make sense.
pub fn compact(bytes: &[u8]) {
    let templates = &*TEMPLATES;
    let mut input = Input(bytes);
    let mut written = Writer::default();
    let root = input.below(3);
    written.tree(&mut input, root, 1);
    let render = decode(templates, &written.ops, &written.text).flatten();
    let last = render.expect("a tree").into_tree().expect("a whole tree");
    assert_eq!(last.to_html(), written.html);

    let raw = input.byte() > 128;
    let root = if raw { input.byte().into() } else { root };
    let mut ops = vec![code(op::TREE, root as u32)];
    let count = input.below(60);
    ops.extend((0..count).map(|_| operation(&mut input)));
    let text = String::from_utf8_lossy(input.0);
    if let Some(Some(mut render)) = decode(templates, &ops, &text) {
        if let Ok(tree) = render.clone().into_tree() {
            assert!(depth(&tree) <= MAX_DEPTH);
        }
        if render.same_statics(&last) && render.resolve(&last).is_ok() {
            change(&last, render);
        }
    }
    texts(written.text.as_bytes(), bytes);
}

/// The change from `last` to `render`, which fits, is right in memory and in both dialects.
fn change(last: &LiveTree, render: Render) {
    let patch = diff(last, &render);
    let applied = last.apply(&patch).expect("fits");
    let (classic, _) = ServerMessage::Patch(patch, Some(&render)).to_json("0");
    serde_json::from_str::<Value>(&classic).expect("JSON");
    let mut committed = last.clone();
    committed.commit(render.clone());
    assert_eq!(committed.to_json(), applied.to_json());
    extended::model::follow(last, &render, &committed);
}

/// A text in each place, long enough to keep its beginning, and the same text from some place on another one.
fn texts(beginning: &[u8], end: &[u8]) {
    let mut input = Input(end);
    let beginning = String::from_utf8_lossy(beginning).repeat(1 + input.below(40));
    let mut tree = || {
        let stays = usize::from(input.byte()) * (1 + beginning.len() / 256);
        let text: String = beginning.chars().take(stays).collect();
        let text = text + &input.text(8);
        let mut written = Writer::default();
        written.ops.push(code(op::TREE, 2));
        written.escaped(&text);
        written.ops.push(code(op::EACH, 1));
        written.leaf(op::ROW, "key");
        written.ops.push(code(op::TREE, 1));
        written.escaped(&text);
        let render = decode(&TEMPLATES, &written.ops, &written.text).flatten();
        render.expect("a tree").into_tree().expect("a whole tree")
    };
    let (last, next) = (tree(), tree());
    let mut render = Render::from(next);
    render.resolve(&last).expect("nothing is as before");
    change(&last, render);
}

pub(super) fn depth(tree: &LiveTree) -> usize {
    depth_of(tree.view())
}

fn depth_of(tree: TreeView<'_>) -> usize {
    let inner = tree.dynamics().map(|dynamic| match dynamic {
        Dynamic::Leaf(_) => 0,
        Dynamic::Tree(tree) => depth_of(tree),
        Dynamic::List(list) => list.iter().map(depth_of).max().unwrap_or_default(),
    });
    1 + inner.max().unwrap_or_default()
}

fn code(kind: u32, argument: u32) -> u32 {
    argument << op::SHIFT | kind
}

/// Mostly one with a small argument.
fn operation(input: &mut Input<'_>) -> u32 {
    match input.byte() {
        kind @ 0..=250 => code(u32::from(kind & 7), u32::from(input.byte() % 16)),
        _ => input.number() as u32,
    }
}

/// Writes a tree as `lib/render/encode.ts` does, and the HTML it stands for.
#[derive(Default)]
struct Writer {
    ops: Vec<u32>,
    text: String,
    html: String,
}

impl Writer {
    fn leaf(&mut self, kind: u32, text: &str) {
        self.ops.push(code(kind, text.len() as u32));
        self.text.push_str(text);
    }

    fn escaped(&mut self, text: &str) {
        self.leaf(op::TEXT, text);
        self.html.push_str(&escape(text));
    }

    fn tree(&mut self, input: &mut Input<'_>, id: usize, depth: usize) {
        self.ops.push(code(op::TREE, id as u32));
        match id {
            0 => self.slot(input, depth),
            1 => {
                self.html.push_str("<p>");
                self.slot(input, depth);
                self.html.push_str("</p>");
            }
            _ => {
                self.html.push_str("<b title=\"");
                self.escaped(&input.text(8));
                self.html.push_str("\">");
                self.slot(input, depth);
                self.html.push_str("</b>");
            }
        }
    }

    fn slot(&mut self, input: &mut Input<'_>, depth: usize) {
        const TEXTS: [&str; 4] = ["", "a", "é😀<", "\u{10ffff}&"];
        match input.below(7) {
            0 if depth < 20 => {
                let id = input.below(3);
                self.tree(input, id, depth + 1);
            }
            1 if depth < 20 => {
                let count = input.below(4);
                self.ops.push(code(op::LIST, count as u32));
                for _ in 0..count {
                    let id = input.below(3);
                    self.tree(input, id, depth + 1);
                }
            }
            2 | 3 if depth < 20 => {
                let count = input.below(8);
                self.ops.push(code(op::EACH, count as u32));
                for row in 0..count {
                    self.leaf(op::ROW, &row.to_string());
                    let id = input.below(3);
                    self.tree(input, id, depth + 1);
                }
            }
            4 => {
                let text = input.text(8).replace(['<', '&'], "");
                self.leaf(op::HTML, &text);
                self.html.push_str(&text);
            }
            5 => {
                let text = input.text(8);
                self.leaf(op::SANITIZED, &text);
                match sanitized(&text) {
                    Some(inert) => self.html.push_str(&inert),
                    None => self.html.push_str(&escape(&text)),
                }
            }
            _ => self.escaped(TEXTS[input.below(4)]),
        }
    }
}
