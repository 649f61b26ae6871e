//! Values in a `style` attribute.
//!
//! A value may complete a declaration that the template began, or be one declaration where it is
//! the whole attribute. It must never begin another declaration, name a resource, or change how
//! the CSS after it is read. [`walk`] reads the attribute as CSS does (CSS Syntax 3, section 4),
//! as far as that matters here: strings, comments, `url(`, blocks, and where declarations begin.
//!
//! The same walk serves twice. When a template is compiled, every value is taken as empty; so what
//! stays after a refusal, when the values do become empty, is known to be safe. Later it runs over
//! the real values, each of which has to leave the reader where it found it.

use super::Part;

/// What is wrong with a style attribute, worded to follow "a style attribute".
type Fault = &'static str;

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
pub(super) fn check(parts: &[Part]) -> Result<(), (usize, Fault)> {
    walk(parts, |_| "")
}

/// Checks the values. Only for parts that [`check`] has let pass.
pub(super) fn judge<'a>(parts: &[Part], value: impl Fn(usize) -> &'a str) -> Result<(), Fault> {
    walk(parts, value).map_err(|(_, fault)| fault)
}

fn walk<'a>(parts: &[Part], value: impl Fn(usize) -> &'a str) -> Result<(), (usize, Fault)> {
    let blank = |text: &str| text.bytes().all(|byte| byte.is_ascii_whitespace());
    let values = parts.iter().filter(|part| matches!(part, Part::Value(_)));
    let whole = values.count() == 1
        && parts
            .iter()
            .all(|part| !matches!(part, Part::Static(text) if !blank(text)));
    let mut reader = Reader::new();
    let mut blamed = parts
        .iter()
        .find_map(|part| match part {
            Part::Value(index) => Some(*index),
            Part::Static(_) => None,
        })
        .unwrap_or_default();
    for part in parts {
        match part {
            Part::Static(text) => reader.statics(text),
            Part::Value(index) => {
                blamed = *index;
                let text = value(blamed);
                // A whole declaration may end as declarations do.
                let text = if whole {
                    let text = text.trim_end();
                    text.strip_suffix(';').unwrap_or(text)
                } else {
                    text
                };
                reader.place(whole).and_then(|()| reader.value(text))
            }
        }
        .map_err(|fault| (blamed, fault))?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Comment,
    /// The unquoted content of `url(`, in which neither strings nor comments begin.
    Url,
    Quoted(char),
}

struct Reader {
    mode: Mode,
    /// Open parentheses and brackets; whether each belongs to a forbidden function.
    open: Vec<bool>,
    /// Whether a property's name is still being read.
    name: bool,
    /// The identifier that the text so far ends with, in lower case.
    ident: String,
    last: char,
    /// Whether `ident` or `last` may go on across the edge of a value.
    after_value: bool,
}

impl Reader {
    fn new() -> Self {
        Reader {
            mode: Mode::Plain,
            open: Vec::new(),
            name: true,
            ident: String::new(),
            last: ' ',
            after_value: false,
        }
    }

    /// Whether a value may stand here.
    fn place(&self, whole: bool) -> Result<(), Fault> {
        match self.mode {
            Mode::Comment => Err("inside a comment"),
            Mode::Url => Err("inside url(…)"),
            _ if self.open.contains(&true) => {
                Err("inside a function that names a resource, like url(…)")
            }
            _ if self.name && !whole => {
                Err("where a property's name is expected, with other text beside it")
            }
            _ => Ok(()),
        }
    }

    /// Reads the template's own text.
    fn statics(&mut self, text: &str) -> Result<(), Fault> {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let last = std::mem::replace(&mut self.last, c);
            match self.mode {
                Mode::Comment => {
                    if (last, c) == ('*', '/') {
                        self.mode = Mode::Plain;
                    }
                    continue;
                }
                Mode::Url => {
                    if c == ')' {
                        self.mode = Mode::Plain;
                    }
                    continue;
                }
                Mode::Quoted(quote) => {
                    // A newline ends a string too (4.3.5), as one that is bad.
                    if c == quote || is_newline(c) {
                        self.mode = Mode::Plain;
                    } else if c == '\\' {
                        return Err("that holds a backslash");
                    }
                    continue;
                }
                Mode::Plain => {}
            }
            let after_value = std::mem::take(&mut self.after_value);
            match c {
                // An escape could spell a name that is not seen here, or swallow a value's edge.
                '\\' => return Err("that holds a backslash"),
                '{' | '}' | '@' => return Err("that holds a block or an at-rule"),
                '*' if last == '/' => {
                    if after_value {
                        return Err("between the two characters of a comment's mark");
                    }
                    self.mode = Mode::Comment;
                    // So that the mark's own star does not end it.
                    self.last = ' ';
                }
                '"' | '\'' => self.mode = Mode::Quoted(c),
                '(' if after_value => return Err("as (a part of) a function's name"),
                '(' if self.ident == "url" && !begins_quoted(chars.as_str()) => {
                    self.mode = Mode::Url;
                }
                '(' => self.open.push(is_forbidden(&self.ident)),
                '[' => self.open.push(false),
                ')' | ']' => {
                    self.open.pop();
                }
                ';' if self.open.is_empty() => self.name = true,
                ':' if self.open.is_empty() => self.name = false,
                _ => {}
            }
            self.extend_ident(c);
            // While an identifier goes on, the value before it may be its beginning.
            self.after_value = after_value && !self.ident.is_empty();
        }
        Ok(())
    }

    /// Reads a value, which has to be complete in itself.
    fn value(&mut self, text: &str) -> Result<(), Fault> {
        let outer = self.mode;
        let depth = self.open.len();
        for c in text.chars() {
            let last = std::mem::replace(&mut self.last, c);
            match c {
                ';' => return Err("with a `;` in a value"),
                '{' | '}' => return Err("with a brace in a value"),
                '\\' => return Err("with a backslash in a value"),
                '@' => return Err("with an `@` in a value"),
                '*' if last == '/' => return Err("with a comment in a value"),
                '/' if last == '*' => return Err("with a comment in a value"),
                '(' if is_forbidden(&self.ident) => {
                    return Err("with a function in a value that names a resource");
                }
                '"' | '\'' => match self.mode {
                    Mode::Quoted(quote) if outer == Mode::Plain => {
                        if c == quote {
                            self.mode = Mode::Plain;
                        }
                    }
                    Mode::Plain => self.mode = Mode::Quoted(c),
                    _ => return Err("with a quote in a value that stands in quotes"),
                },
                c if is_newline(c) && self.mode != Mode::Plain => {
                    return Err("with a line break inside quotes in a value");
                }
                '(' | '[' if self.mode == Mode::Plain => self.open.push(c == '['),
                ')' | ']' if self.mode == Mode::Plain => self.leave(depth, c == ']')?,
                _ => {}
            }
            self.extend_ident(c);
        }
        if self.mode != outer {
            return Err("with an unbalanced quote in a value");
        }
        if self.open.len() != depth {
            return Err("with unbalanced parentheses in a value");
        }
        self.after_value = true;
        Ok(())
    }

    /// Closes a parenthesis or bracket that the value itself opened, each kind its own only. (The
    /// flag tells them apart until the value ends; in a value, no forbidden function is open.)
    fn leave(&mut self, depth: usize, bracket: bool) -> Result<(), Fault> {
        if self.open.len() > depth && self.open.pop() == Some(bracket) {
            Ok(())
        } else {
            Err("with unbalanced parentheses in a value")
        }
    }

    fn extend_ident(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii() {
            self.ident.push(c.to_ascii_lowercase());
        } else {
            self.ident.clear();
        }
    }
}

fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{c}')
}

fn is_forbidden(function: &str) -> bool {
    FORBIDDEN.iter().any(|name| function.ends_with(name))
}

fn begins_quoted(text: &str) -> bool {
    text.trim_start().starts_with(['"', '\''])
}
