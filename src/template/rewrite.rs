//! From the source to the wire's form: static strings around slots.

use std::fmt::Write;
use std::ops::Range;

use super::escape::escape;
use super::{Place, Slot, tokens};

/// Changes to a source text, by position; the rest of the text is kept.
#[derive(Debug, Default)]
pub(super) struct Rewrite {
    edits: Vec<(Range<usize>, Edit)>,
}

#[derive(Debug)]
enum Edit {
    Text(String),
    Slot(Slot),
}

impl Rewrite {
    /// Puts `text` in the place of `range`.
    pub(super) fn text(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, Edit::Text(text.into())));
    }

    /// Puts a wire slot in the place of `range`.
    pub(super) fn slot(&mut self, range: Range<usize>, slot: Slot) {
        self.edits.push((range, Edit::Slot(slot)));
    }

    /// The wire's static strings and slots for `source` up to `end`; `None` if changes overlap, which no
    /// source should bring about.
    pub(super) fn finish(mut self, source: &str, end: usize) -> Option<(Vec<Box<str>>, Vec<Slot>)> {
        // Stable: changes at one position stay in the order in which they were made.
        self.edits.sort_by_key(|(range, _)| range.start);
        let mut statics = Vec::new();
        let mut slots = Vec::new();
        let mut current = String::new();
        let mut at = 0;
        for (range, edit) in self.edits {
            current.push_str(source.get(at..range.start)?);
            at = range.end;
            match edit {
                Edit::Text(text) => current.push_str(&text),
                Edit::Slot(slot) => {
                    finish_reference(&mut current, &slot.place);
                    statics.push(std::mem::take(&mut current).into());
                    slots.push(slot);
                }
            }
        }
        current.push_str(source.get(at..end)?);
        finish_reference(&mut current, &Place::Text);
        statics.push(current.into());
        Some((statics, slots))
    }
}

/// Makes sure that a value cannot continue a character reference: `&am` before a slot is written as
/// `&amp;am`, and `&copy` as the character that it already stands for. (WHATWG HTML 13.2.5.72 and following:
/// references go on for as long as their characters do, and many need no semicolon.)
fn finish_reference(text: &mut String, place: &Place) {
    let attribute = match place {
        Place::Text | Place::EscapableText => false,
        Place::Attribute { .. } => true,
        // The slot covers the whole value, or stands between attributes.
        Place::Url { .. } | Place::Style | Place::Boolean { .. } | Place::Optional { .. } => {
            return;
        }
    };
    let word = text
        .bytes()
        .rev()
        .take_while(u8::is_ascii_alphanumeric)
        .count();
    let mut start = text.len() - word;
    if text[..start].ends_with('#') {
        start -= 1;
    }
    if !text[..start].ends_with('&') {
        return;
    }
    start -= 1;
    let tail = text.split_off(start);
    // In an attribute, a named reference without its semicolon is plain text if letters follow.
    if attribute && !tail.starts_with("&#") {
        text.push_str(&escape(&tail));
        return;
    }
    let decoded = tokens::decode(&tail);
    let escaped = escape(&decoded);
    let mut rest = escaped.chars();
    match rest.next() {
        // Written as a reference. As a plain character it could join the text before it: `<` and `&#97` would
        // be a tag.
        Some(first) if first.is_ascii() && first != '&' => {
            // Writing to a string cannot fail.
            let _ = write!(text, "&#{};{}", u32::from(first), rest.as_str());
        }
        _ => text.push_str(&escaped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(text: &str, place: &Place) -> String {
        let mut text = text.to_owned();
        finish_reference(&mut text, place);
        text
    }

    #[test]
    fn references_are_finished() {
        for (before, after) in [
            ("", ""),
            ("a", "a"),
            ("&", "&amp;"),
            ("a&", "a&amp;"),
            ("&am", "&amp;am"),
            ("&amp", "&amp;"),
            ("&amp;", "&amp;"),
            ("&amp;x", "&amp;x"),
            ("&copy", "©"),
            ("&notx", "¬x"),
            ("&lt", "&lt;"),
            ("&#", "&amp;#"),
            ("&#6", "&#6;"),
            ("<&#97", "<&#97;"),
            ("&&#97", "&&#97;"),
            ("&#60", "&lt;"),
            ("&#x3c", "&lt;"),
            ("&#x", "&amp;#x"),
            ("é&é", "é&é"),
            ("#1", "#1"),
            ("x #", "x #"),
        ] {
            assert_eq!(finished(before, &Place::Text), after);
            assert_eq!(finished(before, &Place::EscapableText), after);
        }
    }

    #[test]
    fn names_need_their_semicolon_in_attributes() {
        let place = Place::Attribute { name: "x".into() };
        assert_eq!(finished("?a&copy", &place), "?a&amp;copy");
        assert_eq!(finished("&#60", &place), "&lt;");
        assert_eq!(finished("&", &place), "&amp;");
        assert_eq!(finished("&copy;", &place), "&copy;");
    }
}
