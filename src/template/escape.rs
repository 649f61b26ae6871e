//! Escaping for HTML.
//!
//! One function serves every place in which a leaf may stand: text, escapable raw text (`<textarea>`,
//! `<title>`) and attribute values in either kind of quotes. Text needs `&` and `<` escaped, an attribute
//! needs `&` and the quote escaped (WHATWG HTML 13.3, "Escaping a string"); doing all of it everywhere costs
//! a few bytes and leaves no wrong choice.

use std::borrow::Cow;

/// The reference that replaces `byte` in escaped HTML; `None` if the byte needs none.
#[inline]
const fn reference(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        // Parsers turn it into a line feed (WHATWG HTML 13.2.3.5), and then the page differs from a patch.
        b'\r' => Some("&#13;"),
        _ => None,
    }
}

/// Appends `text` to `out`, escaped for any place in HTML.
///
/// `out` is UTF-8 that is being put together (a frame, a page); only whole characters are added.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(reference) = reference(byte) {
            out.extend_from_slice(&bytes[copied..at]);
            out.extend_from_slice(reference.as_bytes());
            copied = at + 1;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// `text`, escaped for any place in HTML; borrowed if there is nothing to escape.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.bytes().position(|byte| reference(byte).is_some()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate().skip(first) {
        if let Some(reference) = reference(byte) {
            // Both ends are next to ASCII characters, so they are character boundaries.
            out.push_str(&text[copied..at]);
            out.push_str(reference);
            copied = at + 1;
        }
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The text that [`escape()`] made this of; borrowed if there is nothing to resolve.
#[must_use]
pub fn unescape(escaped: &str) -> Cow<'_, str> {
    if !escaped.contains('&') {
        return Cow::Borrowed(escaped);
    }
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let known = (b' '..=b'>').chain([b'\r']).find_map(|byte| {
            let name = reference(byte)?.strip_prefix('&')?;
            Some((char::from(byte), after.strip_prefix(name)?))
        });
        match known {
            Some((char, after)) => {
                out.push(char);
                rest = after;
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_five() {
        assert_eq!(
            escape(r#"<a title="x" lang='y'>&amp;</a>"#),
            "&lt;a title=&quot;x&quot; lang=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;"
        );
    }

    #[test]
    fn a_carriage_return_stays_one() {
        assert_eq!(escape("a\r\nb"), "a&#13;\nb");
    }

    #[test]
    fn nothing_to_do_is_borrowed() {
        assert!(matches!(escape("grün – 1,000 ✓"), Cow::Borrowed(_)));
        assert!(matches!(escape(""), Cow::Borrowed("")));
    }

    #[test]
    fn neighbours_are_kept() {
        assert_eq!(escape("é<ü>"), "é&lt;ü&gt;");
        assert_eq!(escape("&&"), "&amp;&amp;");
    }

    proptest! {
        #[test]
        fn both_agree_and_nothing_special_is_left(text in "[<>&\"'a-cé✓ \r]{0,40}") {
            let mut bytes = b"before ".to_vec();
            escape_into(&mut bytes, &text);
            let escaped = escape(&text);
            prop_assert_eq!(&bytes[7..], escaped.as_bytes());
            let unusual: &[char] = &['<', '>', '"', '\'', '\r'];
            prop_assert!(!escaped.contains(unusual));
            let back = escaped
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&#13;", "\r")
                .replace("&amp;", "&");
            prop_assert_eq!(&back, &text);
            prop_assert_eq!(unescape(&escaped), text.as_str());
        }
    }
}
