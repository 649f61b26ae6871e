//! A text that keeps its beginning: only the rest crosses the wire.

use super::Leaf;

/// A shorter text is sent whole: both texts have at least this many bytes.
pub const LEAST_TEXT: usize = 64;
/// If fewer bytes stay, to say how many stay saves next to nothing.
pub const LEAST_STAYS: usize = 16;
/// So many bytes are compared at once.
const STRIDE: usize = 64;

/// The beginning that two texts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stays {
    /// Bytes of the beginning. It ends between two characters of both texts, so that no surrogate pair
    /// is cut in a browser.
    pub bytes: usize,
    /// All of the old text stays.
    pub is_all: bool,
}

impl Stays {
    /// The part of `was` that stays in `is`; `None` if naming this part would save nothing. Costs a
    /// comparison of the two texts, and nothing if one of them is short.
    pub fn between(was: Leaf<'_>, is: Leaf<'_>) -> Option<Self> {
        if was.html || is.html || was.text.len().min(is.text.len()) < LEAST_TEXT {
            return None;
        }
        let bytes = common(was.text, is.text);
        let is_all = bytes == was.text.len();
        (bytes >= LEAST_STAYS).then_some(Self { bytes, is_all })
    }
}

/// The bytes that both texts begin with, up to the end of a character.
fn common(one: &str, other: &str) -> usize {
    let (a, b) = (one.as_bytes(), other.as_bytes());
    let equal = |(a, b): &(&[u8], &[u8])| a == b;
    let strides = a.chunks_exact(STRIDE).zip(b.chunks_exact(STRIDE));
    let from = strides.take_while(equal).count() * STRIDE;
    let rest = a.iter().zip(b).skip(from);
    let mut bytes = from + rest.take_while(|(a, b)| a == b).count();
    while !(one.is_char_boundary(bytes) && other.is_char_boundary(bytes)) {
        bytes -= 1;
    }
    bytes
}

/// The length of the text as JavaScript counts it: in UTF-16 code units.
pub fn utf16_units(text: &str) -> usize {
    // Each character begins with a byte that is no continuation. Characters of four bytes are surrogate pairs.
    let units = |byte: &u8| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    text.as_bytes().iter().map(units).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn between(was: &str, is: &str) -> Option<(usize, bool)> {
        let leaf = |text| Leaf { text, html: false };
        Stays::between(leaf(was), leaf(is)).map(|stays| (stays.bytes, stays.is_all))
    }

    #[test]
    fn what_stays_ends_between_characters() {
        let text = "a".repeat(100);
        let with = |end: &str| format!("{text}{end}");
        assert_eq!(between(&text, &with("b")), Some((100, true)));
        assert_eq!(between(&with("b"), &text), Some((100, false)));
        assert_eq!(between(&text, &text), Some((100, true)));
        // These share bytes of their first character, and a high surrogate.
        assert_eq!(between(&with("😀"), &with("😁")), Some((100, false)));
        assert_eq!(between(&with("é"), &with("è")), Some((100, false)));
        assert_eq!(between(&with("é"), &with("e\u{301}")), Some((100, false)));
        // One text ends in the middle of a character of the other.
        assert_eq!(between(&with("é"), &with("\u{e0}x")), Some((100, false)));
    }

    #[test]
    fn what_would_save_nothing_is_sent_whole() {
        let (short, long) = ("a".repeat(LEAST_TEXT - 1), "a".repeat(LEAST_TEXT));
        assert_eq!(between(&short, &long), None);
        assert_eq!(between(&long, &short), None);
        let after = |stays: usize| "a".repeat(stays) + &"b".repeat(LEAST_TEXT);
        assert_eq!(between(&long, &after(LEAST_STAYS - 1)), None);
        let stays = between(&long, &after(LEAST_STAYS));
        assert_eq!(stays, Some((LEAST_STAYS, false)));
        let html = |text| Leaf { text, html: true };
        let text = |text| Leaf { text, html: false };
        assert_eq!(Stays::between(html(&long), html(&long)), None);
        assert_eq!(Stays::between(text(&long), html(&long)), None);
        assert_eq!(Stays::between(html(&long), text(&long)), None);
    }

    proptest! {
        #[test]
        fn as_one_would_compare_character_by_character(
            one in "[ab😀😁é\u{301}]{0,300}", cut in 0usize..300, end in "[ab😀😁é\u{301}]{0,90}",
        ) {
            let mut other: String = one.chars().take(cut).collect();
            other.push_str(&end);
            let pairs = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            let bytes: usize = pairs.map(|(a, _)| a.len_utf8()).sum();
            prop_assert_eq!(common(&one, &other), bytes);
        }

        #[test]
        fn units_are_those_of_utf_16(text in "[a\u{0}é\u{ffff}\u{10000}😀<&\"\u{301}]{0,90}") {
            prop_assert_eq!(utf16_units(&text), text.encode_utf16().count());
        }
    }
}
