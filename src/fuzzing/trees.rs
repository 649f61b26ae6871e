//! Trees as JSON: read, compared, changed and written, they are the same as the render.

use serde_json::Value;

use super::Input;
use super::compact::depth;
use crate::protocol::extended;
use crate::tree::{LiveTree, MAX_DEPTH, Patch, Render, diff, write_json_string};

/// The bytes are two trees' JSON with a newline between them, or say what two trees are made of.
pub fn trees(input: &[u8]) {
    let (old, new) = if input.starts_with(b"{") {
        let text = String::from_utf8_lossy(input);
        let (old, new) = text.split_once('\n').unwrap_or((&text, &text));
        (read(old), read(new))
    } else {
        let mut input = Input(input);
        let mut texts = [String::new(), String::new()];
        for text in &mut texts {
            shape(&mut input, text, 1);
        }
        let [old, new] = texts.map(|text| {
            let tree = LiveTree::from_json(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            same(&tree.to_json(), &text);
            tree
        });
        (Some(old), Some(new))
    };
    if let (Some(old), Some(new)) = (old, new) {
        changes(&old, &new);
    }
}

/// A tree, if that is what the JSON is.
fn read(json: &str) -> Option<LiveTree> {
    let _ = Patch::from_json(json);
    let tree = LiveTree::from_json(json).ok()?;
    assert!(depth(&tree) <= MAX_DEPTH);
    let written = tree.to_json();
    // Unknown members are ignored; the known ones come back.
    let again = LiveTree::from_json(&written).expect("a tree of our own");
    assert_eq!(again.to_json(), written);
    Some(tree)
}

fn same(one: &str, other: &str) {
    let [one, other] = [one, other].map(|json| {
        let value: Value = serde_json::from_str(json).expect("JSON");
        value
    });
    assert_eq!(one, other);
}

fn changes(old: &LiveTree, new: &LiveTree) {
    let expected = new.to_json();
    let mut render = Render::from(new.clone());
    assert_eq!(
        render.clone().into_tree().map(|tree| tree.to_json()),
        Ok(expected.clone())
    );
    if !render.same_statics(old) {
        return;
    }
    render.resolve(old).expect("nothing is as before");
    let patch = diff(old, &render);
    assert_eq!(old.apply(&patch).expect("fits").to_json(), expected);
    // As a client of the classic dialect reads it.
    let json = patch.to_json();
    let read = Patch::from_json(&json).expect("a patch");
    assert_eq!(old.apply(&read).expect("fits").to_json(), expected);
    if patch.is_empty() {
        assert_eq!(old.to_html(), new.to_html());
    }
    // As a client of the extended dialect reads it.
    extended::model::follow(old, &render, new);
    let mut committed = old.clone();
    committed.commit(render);
    assert_eq!(committed.to_json(), expected);
}

/// Few statics and leaves, so that two trees share some.
fn shape(input: &mut Input<'_>, out: &mut String, level: usize) {
    const STATICS: [&str; 4] = ["<p>", "<q>", "", "é\"\\\n\u{1}😀"];
    const LEAVES: [&str; 6] = ["", "a", "<b>x</b>", "&amp;", "\u{2}\t\"\\", "\u{2028}é😀"];
    let room = level < 12 && !input.is_empty();
    let count = if room {
        [0, 1, 2, 3, 12][input.below(5)]
    } else {
        0
    };
    let same = input.byte();
    out.push_str("{\"s\":[");
    for slot in 0..=count {
        let which = usize::from(same).wrapping_add(slot * usize::from(same > 128)) % STATICS.len();
        if slot > 0 {
            out.push(',');
        }
        write_json(out, STATICS[which]);
    }
    out.push_str("],\"d\":[");
    for slot in 0..count {
        if slot > 0 {
            out.push(',');
        }
        match input.below(8) {
            0 => shape(input, out, level + 1),
            1 => {
                out.push('[');
                for row in 0..input.below(5) {
                    if row > 0 {
                        out.push(',');
                    }
                    shape(input, out, level + 1);
                }
                out.push(']');
            }
            2 => write_json(out, &input.text(12)),
            leaf => write_json(out, LEAVES[leaf % LEAVES.len()]),
        }
    }
    out.push_str("]}");
}

/// Not written by our own writer, because that writer is tried here.
fn write_json(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
    let mut ours = String::new();
    write_json_string(&mut ours, text);
    assert_eq!(
        serde_json::from_str::<Value>(&ours).ok(),
        Some(Value::from(text))
    );
}
