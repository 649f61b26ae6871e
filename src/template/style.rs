//! Values in a `style` attribute.
//!
//! A value may complete a declaration that the template began, or be one declaration if it is the
//! whole attribute. A value must never begin another declaration, name a resource, or change how the
//! CSS after it is read. [`walk`] puts the attribute together and has the `cssparser` crate read it
//! (CSS Syntax 3, section 4). For each token `walk` knows which values it is made of. A token that
//! opens, closes or separates anything has to come from one value, or from the template.
//!
//! The same walk serves three times. When a template is compiled, all values are taken as empty, and
//! then as an identifier. After a refusal the values do become empty: the first check says that this
//! is safe. The second check finds text that would join a value to its neighbour, as in `$(1px)`.
//! Later the walk runs over the real values.

use cssparser::{ParseError, ParseErrorKind, Parser, Token};

use super::Part;

/// A fault in a style attribute, worded to follow "a style attribute".
type Fault = &'static str;

/// The index of the value to blame, and the fault.
type Blame = (usize, Fault);

/// Functions that name a resource or run code, matched by their ending so that vendor prefixes
/// (and whatever may stand before them) are covered.
const FORBIDDEN: [&str; 7] = [
    "url",
    "src",
    "image",
    "image-set",
    "cross-fade",
    "element",
    "expression",
];

/// Checks the template's own CSS around its values. The error carries the value to blame.
pub(super) fn check(parts: &[Part]) -> Result<(), Blame> {
    walk(parts, |_| "")?;
    walk(parts, |_| "x")
}

/// Checks the values. Only for parts that [`check`] has let pass.
pub(super) fn judge<'a>(parts: &[Part], value: impl Fn(usize) -> &'a str) -> Result<(), Fault> {
    walk(parts, value).map_err(|(_, fault)| fault)
}

fn walk<'a>(parts: &[Part], value: impl Fn(usize) -> &'a str) -> Result<(), Blame> {
    let blank = |text: &str| text.bytes().all(|byte| byte.is_ascii_whitespace());
    let count = parts.iter().filter(|part| matches!(part, Part::Value(_)));
    let whole = count.count() == 1
        && parts
            .iter()
            .all(|part| !matches!(part, Part::Static(text) if !blank(text)));
    let mut css = String::new();
    let mut values = Vec::new();
    for part in parts {
        match part {
            Part::Static(text) => css.push_str(text),
            Part::Value(index) => {
                let text = value(*index);
                // A whole declaration may end as declarations do.
                let text = if whole {
                    let text = text.trim_end();
                    text.strip_suffix(';').unwrap_or(text)
                } else {
                    text
                };
                vet(text).map_err(|fault| (*index, fault))?;
                let start = css.len();
                css.push_str(text);
                values.push(Value {
                    index: *index,
                    start,
                    end: css.len(),
                });
            }
        }
    }
    let mut reader = Reader {
        css: &css,
        values: &values,
        first: 0,
        placed: 0,
        whole,
        name: true,
        star: None,
    };
    reader.block(&mut Parser::new(&css), Inside::default())
}

/// The marks that no value may hold, wherever it stands and however it is read.
fn vet(text: &str) -> Result<(), Fault> {
    for (mark, fault) in [
        (";", "with a `;` in a value"),
        ("{", "with a brace in a value"),
        ("}", "with a brace in a value"),
        // An escape could spell a name that is not seen here.
        ("\\", "with a backslash in a value"),
        ("@", "with an `@` in a value"),
        ("/*", "with a comment in a value"),
        ("*/", "with a comment in a value"),
    ] {
        if text.contains(mark) {
            return Err(fault);
        }
    }
    Ok(())
}

/// The position of a value in the attribute's text, in bytes.
struct Value {
    index: usize,
    start: usize,
    end: usize,
}

impl Value {
    /// Whether a token from `start` to `end` is made of this value too. An empty value makes a part
    /// of a token only if it stands within it.
    fn is_in(&self, start: usize, end: usize) -> bool {
        let begins_before = if self.start == self.end {
            start < self.start
        } else {
            start < self.end
        };
        begins_before && self.start < end
    }

    fn holds(&self, start: usize, end: usize) -> bool {
        self.start <= start && end <= self.end
    }
}

/// The blocks that are open around the token that is read.
#[derive(Clone, Copy, Default)]
struct Inside {
    /// Anything at all: neither `;` nor `:` counts there.
    nested: bool,
    /// A function that names a resource.
    forbidden: bool,
}

struct Reader<'a> {
    css: &'a str,
    values: &'a [Value],
    /// The first value that the tokens read so far have not passed.
    first: usize,
    /// The first value whose place has not been looked at.
    placed: usize,
    whole: bool,
    /// Whether a property's name is still being read.
    name: bool,
    /// The end of the last token if it is a `*`.
    star: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Reads to the end of the block that `parser` is in.
    fn block(&mut self, parser: &mut Parser<'_>, inside: Inside) -> Result<(), Blame> {
        loop {
            let start = parser.position().byte_index();
            let Ok(token) = parser.next_including_whitespace_and_comments() else {
                // A value right before a closing parenthesis is in the block.
                return self.place(start + 1, inside);
            };
            let token = token.clone();
            let end = parser.position().byte_index();
            self.place_in(&token, start, end, inside)?;
            self.token(&token, start, end, inside)?;
            let name = match &token {
                Token::Function(name) => &**name,
                Token::ParenthesisBlock | Token::SquareBracketBlock => "",
                _ => continue,
            };
            let inner = Inside {
                nested: true,
                forbidden: inside.forbidden || is_forbidden(name),
            };
            self.nested(parser, start, inner)?;
        }
    }

    /// Reads a block that opened at `start`. If a value opened the block, the same value has to close it.
    fn nested(
        &mut self,
        parser: &mut Parser<'_>,
        start: usize,
        inner: Inside,
    ) -> Result<(), Blame> {
        let opener = self.owner(start);
        let mut closed_at = 0;
        let read = parser.parse_nested_block(|parser| {
            self.block(parser, inner).map_err(ParseError::custom)?;
            closed_at = parser.position().byte_index();
            Ok(())
        });
        read.map_err(|error: ParseError<Blame>| match error.kind {
            ParseErrorKind::Custom(blame) => blame,
            ParseErrorKind::Basic(_) => (self.blamed(start), "that nests too deep"),
        })?;
        let closer = self.owner(closed_at);
        if opener == closer {
            return Ok(());
        }
        let index = opener.or(closer).unwrap_or_default();
        Err((index, "with unbalanced parentheses in a value"))
    }

    /// Looks at the places of the values that begin before `end`.
    fn place_in(
        &mut self,
        token: &Token<'_>,
        start: usize,
        end: usize,
        inside: Inside,
    ) -> Result<(), Blame> {
        let fault = match token {
            Token::Comment(_) => "inside a comment",
            Token::UnquotedUrl(_) | Token::BadUrl(_) => "inside url(…)",
            _ => return self.place(end, inside),
        };
        self.pass(start);
        match self.last_in(start, end) {
            Some(value) if value.holds(start, end) => Err((
                value.index,
                "with a function in a value that names a resource",
            )),
            Some(value) => Err((value.index, fault)),
            None => self.place(end, inside),
        }
    }

    fn place(&mut self, end: usize, inside: Inside) -> Result<(), Blame> {
        while let Some(value) = self.values.get(self.placed)
            && value.start < end
        {
            self.placed += 1;
            let fault = if inside.forbidden {
                "inside a function that names a resource, like url(…)"
            } else if self.name && !inside.nested && !self.whole {
                "where a property's name is expected, with other text beside it"
            } else {
                continue;
            };
            return Err((value.index, fault));
        }
        Ok(())
    }

    /// Judges one token by the values that it is made of.
    fn token(
        &mut self,
        token: &Token<'_>,
        start: usize,
        end: usize,
        inside: Inside,
    ) -> Result<(), Blame> {
        self.pass(start);
        let value = self.last_in(start, end);
        let text = self.css.get(start..end).unwrap_or_default();
        let after_star = self.star.take() == Some(start);
        let fault = match token {
            Token::Comment(_) | Token::UnquotedUrl(_) => return Ok(()),
            // An escape could spell a name that is not seen here, or swallow a value's edge.
            _ if text.contains('\\') => "that holds a backslash",
            Token::BadString(_) | Token::BadUrl(_) if value.is_some() => {
                "with a line break or an unbalanced quote inside quotes or url(…)"
            }
            Token::CurlyBracketBlock
            | Token::CloseCurlyBracket
            | Token::AtKeyword(_)
            | Token::Delim('@') => "that holds a block or an at-rule",
            Token::Semicolon if !inside.nested => {
                self.name = true;
                return Ok(());
            }
            Token::Colon if !inside.nested => {
                self.name = false;
                return Ok(());
            }
            Token::Delim('*') => {
                self.star = Some(end);
                return Ok(());
            }
            Token::Delim('/')
                if after_star && (value.is_some() || self.owner(start - 1).is_some()) =>
            {
                "between the two characters of a comment's mark"
            }
            Token::Function(name) => match value {
                Some(value) if !value.holds(start, end) => "as (a part of) a function's name",
                Some(_) if is_forbidden(name) => "with a function in a value that names a resource",
                _ => return Ok(()),
            },
            Token::QuotedString(_) => match value {
                Some(value) if !value.holds(start, end) => return self.quoted(start, end),
                // CSS closes a string at the end of the text. Not every value stands there.
                Some(_) if text.len() < 2 || text.chars().next() != text.chars().last() => {
                    "with an unbalanced quote in a value"
                }
                _ => return Ok(()),
            },
            Token::CloseParenthesis | Token::CloseSquareBracket if value.is_some() => {
                "with unbalanced parentheses in a value"
            }
            _ => return Ok(()),
        };
        Err((self.blamed(end), fault))
    }

    /// A string of the template's own, from `start` to `end`, with values in it.
    fn quoted(&self, start: usize, end: usize) -> Result<(), Blame> {
        for value in self.within(start, end) {
            if value.start <= start || value.end > end {
                return Err((value.index, "with an unbalanced quote in a value"));
            }
            let text = self.css.get(value.start..value.end).unwrap_or_default();
            if text.contains(['"', '\'']) {
                return Err((value.index, "with a quote in a value that stands in quotes"));
            }
        }
        Ok(())
    }

    /// Leaves values behind that end before `start`.
    fn pass(&mut self, start: usize) {
        while let Some(value) = self.values.get(self.first)
            && value.end <= start
            && value.start < start
        {
            self.first += 1;
        }
    }

    /// The values that a token is made of.
    fn within(&self, start: usize, end: usize) -> impl Iterator<Item = &'a Value> {
        let rest = self.values.get(self.first..).unwrap_or_default();
        let near = rest.iter().take_while(move |value| value.start < end);
        near.filter(move |value| value.is_in(start, end))
    }

    fn last_in(&self, start: usize, end: usize) -> Option<&'a Value> {
        self.within(start, end).last()
    }

    /// The value that has this byte.
    fn owner(&self, byte: usize) -> Option<usize> {
        let at = self.values.partition_point(|value| value.end <= byte);
        let value = self.values.get(at)?;
        (value.start <= byte).then_some(value.index)
    }

    /// The last value before `end`; the first value if no value is before it.
    fn blamed(&self, end: usize) -> usize {
        let before = self.values.partition_point(|value| value.start < end);
        let value = self.values.get(before.saturating_sub(1));
        value.map_or(0, |value| value.index)
    }
}

fn is_forbidden(function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    FORBIDDEN.iter().any(|ending| name.ends_with(ending))
}
