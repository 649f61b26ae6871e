//! The leaves of one node in one string: for each slot a header, and after it the text if the slot
//! is a leaf.

use super::Leaf;

/// One slot as its header describes it.
#[derive(Clone, Copy)]
pub(super) enum PackedSlot<'a> {
    Leaf(Leaf<'a>),
    Branch,
    Same,
}

const TEXT: u8 = 0;
const HTML: u8 = 1;
const BRANCH: u8 = 2;
const SAME: u8 = 3;

/// Set in a header byte if another header byte follows.
///
/// Header bytes are ASCII, so that the packed leaves stay one valid `str` and reading a leaf is a
/// slice without validation. The first byte holds the kind in bits 0-1 and the low four bits of the
/// length in bits 2-5; each further byte holds six more bits of the length.
const MORE: u8 = 0x40;

fn push_header(packed: &mut String, kind: u8, len: usize) {
    let mut rest = len >> 4;
    let more = if rest > 0 { MORE } else { 0 };
    packed.push(char::from(more | ((len & 0xf) as u8) << 2 | kind));
    while rest > 0 {
        let low = (rest & 0x3f) as u8;
        rest >>= 6;
        packed.push(char::from(if rest > 0 { MORE | low } else { low }));
    }
}

/// The header at `at`: the slot's kind, the length of its text, and the position at which the text begins.
fn read_header(packed: &str, at: usize) -> Option<(u8, usize, usize)> {
    let bytes = packed.as_bytes();
    let first = *bytes.get(at)?;
    let mut len = usize::from(first >> 2 & 0xf);
    let mut more = first & MORE != 0;
    let mut next = at + 1;
    let mut shift = 4;
    while more {
        let byte = *bytes.get(next)?;
        len |= usize::from(byte & 0x3f) << shift;
        more = byte & MORE != 0;
        shift += 6;
        next += 1;
    }
    Some((first & 3, len, next))
}

pub(super) fn push_leaf(packed: &mut String, leaf: Leaf<'_>) {
    let kind = if leaf.html { HTML } else { TEXT };
    push_header(packed, kind, leaf.text.len());
    packed.push_str(leaf.text);
}

pub(super) fn push_branch(packed: &mut String) {
    push_header(packed, BRANCH, 0);
}

pub(super) fn push_same(packed: &mut String) {
    push_header(packed, SAME, 0);
}

/// Whether every slot has its content: no slot is `Same`.
pub(super) fn is_complete(packed: &str) -> bool {
    !slots(packed).any(|slot| matches!(slot, PackedSlot::Same))
}

/// The slots of `render`, each `Same` among them replaced by the slot that stands there in `last`.
pub(super) fn merged(last: &str, render: Box<str>) -> Box<str> {
    if is_complete(&render) {
        return render;
    }
    let mut packed = String::with_capacity(last.len() + render.len());
    for (was, is) in slots(last).zip(slots(&render)) {
        match (is, was) {
            (PackedSlot::Leaf(leaf), _) | (PackedSlot::Same, PackedSlot::Leaf(leaf)) => {
                push_leaf(&mut packed, leaf)
            }
            _ => push_branch(&mut packed),
        }
    }
    packed.into()
}

/// The slots of one node, in order.
pub(super) fn slots(packed: &str) -> impl Iterator<Item = PackedSlot<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (kind, len, start) = read_header(packed, at)?;
        at = start;
        Some(match kind {
            TEXT | HTML => {
                let text = packed.get(start..start + len)?;
                at = start + len;
                let html = kind == HTML;
                PackedSlot::Leaf(Leaf { text, html })
            }
            SAME => PackedSlot::Same,
            _ => PackedSlot::Branch,
        })
    })
}
