//! HTML of users that a sanitizer has let through, made inert for this library's own client.
//!
//! Sanitizers keep `data-*` attributes, and those are what the client reads: a user's `data-l-click`
//! would be a handler's name, and `data-l-live` a component. Two things are done:
//!
//! * **No such name is left.** In the name of an attribute, character references mean nothing: a
//!   parser can only read a name that is written there. So every place where one is written is
//!   changed, whatever a parser takes the text around it for. In text and in values the change is a
//!   character reference, which shows what was there; in the name of an attribute it is another name.
//! * **It is complete in itself**, or it is shown as text: what was cut off after it was sanitized
//!   could end within a tag, and what follows in the page would be read as that tag's attributes.

use std::borrow::Cow;

use super::elements::{is_foreign, is_part_of_table, is_void};
use super::tokens::{self, Content, Token};

/// Attributes that make an element a label, a part or a button of another one elsewhere in the page.
const REACHING: [&str; 4] = ["popovertarget", "commandfor", "form", "for"];

/// `html` without any name that the client reads; `None` if the HTML is not complete in itself. Linear.
#[must_use]
pub fn sanitized(html: &str) -> Option<Cow<'_, str>> {
    let names = complete(html)?;
    Some(without_names(html, &names))
}

/// Behind complete HTML this is a text and an empty comment. The letter makes a tag of a `<` at the end.
const END: &str = "a<!---->";

struct Incomplete;

/// The positions at which the names of attributes begin; `None` if the HTML does not end in text, or does not
/// close exactly the elements that it opens.
fn complete(html: &str) -> Option<Vec<usize>> {
    let source = [html, END].concat();
    let mut reader = Reader {
        source: &source,
        names: Vec::new(),
        tag: String::new(),
        open: Vec::new(),
        tables: 0,
        foreign: 0,
        content: None,
        is_ended: false,
    };
    tokens::tokenize(&source, |token| reader.token(token)).ok()?;
    (reader.is_ended && reader.open.is_empty()).then_some(reader.names)
}

struct Reader<'a> {
    source: &'a str,
    names: Vec<usize>,
    /// The start tag that is being read.
    tag: String,
    /// The elements that are open, the innermost last.
    open: Vec<String>,
    /// How many of them are tables, and how many are SVG or MathML.
    tables: usize,
    foreign: usize,
    /// The position at which the current element's content begins, if this content is not markup.
    content: Option<usize>,
    /// The last token was an empty comment.
    is_ended: bool,
}

impl Reader<'_> {
    fn token(&mut self, token: Token) -> Result<(), Incomplete> {
        self.is_ended = false;
        match token {
            Token::Open { name, .. } => self.tag = name,
            Token::AttributeName { start, .. } => self.names.push(start),
            Token::Close { self_closing, end } => self.opened(self_closing, end)?,
            Token::End { name, start } => self.closed(&name, start)?,
            // In SVG this is text.
            Token::Comment { value, .. } if value.starts_with("[CDATA[") => {
                return Err(Incomplete);
            }
            Token::Comment { value, .. } => self.is_ended = value.is_empty(),
            Token::AttributeValue { .. } | Token::Text(_) | Token::Doctype(_) => {}
        }
        Ok(())
    }

    fn opened(&mut self, self_closing: bool, end: usize) -> Result<(), Incomplete> {
        let name = std::mem::take(&mut self.tag);
        // The page has these elements already. A part of a table without its table would close a part of the
        // page's own table.
        if is_page(&name) || (is_part_of_table(&name) && self.tables == 0) {
            return Err(Incomplete);
        }
        if is_void(&name) || (self_closing && self.foreign > 0) {
            return Ok(());
        }
        self.tables += usize::from(name == "table");
        self.foreign += usize::from(is_foreign(&name));
        self.content = Content::of(&name).map(|_| end);
        self.open.push(name);
        Ok(())
    }

    fn closed(&mut self, name: &str, start: usize) -> Result<(), Incomplete> {
        if self.open.pop().is_none_or(|open| open != name) {
            return Err(Incomplete);
        }
        self.tables -= usize::from(name == "table");
        self.foreign -= usize::from(is_foreign(name));
        // In SVG, and if no scripts run, this would be read as markup.
        let content = self.content.take();
        let written = content.and_then(|from| self.source.get(from..start));
        match written.is_some_and(|text| text.contains('<')) {
            true => Err(Incomplete),
            false => Ok(()),
        }
    }
}

fn is_page(element: &str) -> bool {
    matches!(element, "html" | "head" | "body" | "frameset" | "frame")
}

/// Changes each name that the client reads, wherever it is written. `names`: the positions at which
/// attributes' names begin, ascending.
fn without_names<'a>(html: &'a str, names: &[usize]) -> Cow<'a, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut names = names.iter().copied().peekable();
    for at in 0..html.len() {
        let Some(end) = named(html.as_bytes(), at) else {
            continue;
        };
        while names.next_if(|start| *start < at).is_some() {}
        let is_name = names.peek() == Some(&at);
        // The last byte that has to be changed. It is ASCII, as all bytes of the name before it.
        let last = end - 1;
        let byte = html.as_bytes()[last];
        match (is_name, byte) {
            (true, b'-') => {
                out.push_str(&html[copied..last]);
                out.push('_');
            }
            (true, _) => {
                out.push_str(&html[copied..end]);
                out.push('_');
            }
            (false, byte) => {
                out.push_str(&html[copied..last]);
                out.push_str(&format!("&#{byte};"));
            }
        }
        copied = end;
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[copied..]);
    Cow::Owned(out)
}

/// If such a name is written at `at`: the end of the part of it that has to be changed.
fn named(html: &[u8], at: usize) -> Option<usize> {
    let rest = &html[at..];
    let starts = |name: &str| {
        let head = rest.get(..name.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
    };
    match rest.first()?.to_ascii_lowercase() {
        // Wherever it stands. The hyphen in front, so that no end of a comment is changed.
        b'd' if starts("data-l-") => Some(at + "data-".len()),
        b'l' if starts("l-") && may_begin(html, at) => Some(at + "l-".len()),
        b'f' | b'p' | b'c' if may_begin(html, at) => {
            let name = REACHING.iter().find(|name| starts(name))?;
            let behind = rest[name.len()..].iter();
            let next = behind.copied().find(|byte| !byte.is_ascii_whitespace());
            (next == Some(b'=')).then_some(at + name.len())
        }
        _ => None,
    }
}

/// Whether a parser could begin an attribute here: behind a space, a slash, or a value's quote.
fn may_begin(html: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| html.get(before));
    before.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\''))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_that_the_client_reads_get_other_names() {
        for (html, inert) in [
            ("<b data-l-click=\"x\">a</b>", "<b data_l-click=\"x\">a</b>"),
            ("<b/DATA-L-Live='x'>a</b>", "<b/DATA_L-Live='x'>a</b>"),
            (
                "<b title=\"\"l-loading>a</b>",
                "<b title=\"\"l_loading>a</b>",
            ),
            ("<b id=a\nl-loading=b>a</b>", "<b id=a\nl_loading=b>a</b>"),
            (
                "<label for=a><input form \t= \"b\"></label>",
                "<label for_=a><input form_ \t= \"b\"></label>",
            ),
            (
                "<button popovertarget=a commandfor=b></button>",
                "<button popovertarget_=a commandfor_=b></button>",
            ),
        ] {
            assert_eq!(sanitized(html).unwrap(), inert);
        }
    }

    #[test]
    fn texts_and_values_show_what_they_did() {
        for html in [
            "<p>data-l-click, l-loading, for = 1, Form=2: all-in, al-l, for you</p>",
            "<a href=\"/data-l-x/l-y\" title='for=\"1\" l-z'>x</a>",
            "<!-- data-l-click --><hr>",
        ] {
            let inert = sanitized(html).unwrap();
            assert_eq!(tokens::decode(&inert), tokens::decode(html));
        }
        assert!(matches!(
            sanitized("<p>for all-in</p>"),
            Some(Cow::Borrowed(_))
        ));
    }

    #[test]
    fn what_is_not_complete_is_none() {
        for html in [
            "<b",
            "<b ",
            "<b title",
            "<b title=",
            "<b title=\"",
            "<b title=\"a>",
            "<b>",
            "</b>",
            "<b></i>",
            "<b><i></b></i>",
            "a<",
            "a</",
            "<!",
            "<!--",
            "<!-- a",
            "<textarea>",
            "<title>a</p>",
            "<plaintext>",
            "<td></td>",
            "<tr></tr>",
            "<body class=x></body>",
            "<svg><style><b title=\"</style></svg>",
            "<svg><![CDATA[<b>]]></svg>",
            "<div/>",
            "</p>",
            "<!----><b title=\"",
            "<style><!--</style>",
        ] {
            assert_eq!(sanitized(html), None, "{html}");
        }
        for html in [
            "",
            "a < b",
            "<b>a</b>",
            "<br><img src=x>",
            "<br/>",
            "<svg><path d=\"M0\"/></svg>",
            "<!---->",
            "<!-- a -->",
            "<table><tbody><tr><td>1</td></tr></tbody></table>",
            "<textarea>a &lt; b</textarea>",
            "&am",
        ] {
            assert_eq!(sanitized(html).as_deref(), Some(html));
        }
    }

    /// Pieces that parsers may read as attributes.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "data-l-", "DATA-l-", "data", "-l-", "l-", "click", "live", "for", "form", "=", "\"",
            "'", " ", "\t", "\n", "/", ">", "<b", "</b>", "<svg>", "</svg>", "<style>", "</style>",
            "<!--", "-->", "x", "&", "\u{fffd}",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// However a parser reads the rest: a name that is not written there cannot be read.
        #[test]
        fn no_name_is_left(html in pieces()) {
            let inert = without_names(&html, &complete(&html).unwrap_or_default());
            let lower = inert.to_ascii_lowercase();
            prop_assert!(!lower.contains("data-l-"));
            for at in 0..lower.len() {
                prop_assert_eq!(named(lower.as_bytes(), at), None, "{}", inert);
            }
        }

        /// The rest is unchanged.
        #[test]
        fn nothing_else_changes(html in "[a-z<>\"'= /-]{0,40}") {
            let inert = without_names(&html, &[]);
            prop_assert_eq!(inert.replace("&#45;", "-").replace("&#114;", "r").replace("&#109;", "m").replace("&#116;", "t"), html);
        }

        /// Text after it is not read as a part of it.
        #[test]
        fn what_is_complete_ends_in_text(html in pieces()) {
            if let Some(inert) = sanitized(&html) {
                let mut last = String::new();
                let _ = tokens::tokenize(&format!("{inert}-l-click=x "), |token| {
                    if let Token::Text(text) = token {
                        last = text;
                    }
                    Ok::<_, ()>(())
                });
                prop_assert!(last.ends_with("-l-click=x "), "{}", inert);
            }
        }
    }
}
