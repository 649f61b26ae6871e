//! Whether the HTML of a component can stand in its container: parsers take a table's row out of a `<div>`, and text
//! out of a table.

use std::fmt;

use super::elements::{is_part_of_table, is_void};
use super::tokens::{self, Token};

/// The part of the HTML that a parser would not leave in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misplaced {
    /// An element that is not taken there.
    Element(String),
    /// Text.
    Text,
    /// An element that ends the container.
    Ends(String),
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misplaced::Element(name) => write!(f, "<{name}>"),
            Misplaced::Text => f.write_str("text"),
            Misplaced::Ends(name) => write!(f, "<{name}> (which ends it)"),
        }
    }
}

impl Misplaced {
    /// A container in which the part could stand, if there is one.
    #[must_use]
    pub fn container(&self) -> Option<&'static str> {
        let Misplaced::Element(name) = self else {
            return None;
        };
        Some(match name.as_str() {
            "tr" => "tbody",
            "td" | "th" => "tr",
            "col" => "colgroup",
            "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => "table",
            _ => return None,
        })
    }
}

/// The first part of `html` that a parser would not leave at its place in a `container`, which is in lower
/// case. This function knows the rules of tables, and of elements that end others by their beginning (WHATWG
/// HTML 13.2.6.4).
#[must_use]
pub fn misplaced(container: &str, html: &str) -> Option<Misplaced> {
    let mut reader = Reader {
        container,
        open: Vec::new(),
        tag: String::new(),
    };
    tokens::tokenize(html, |token| reader.token(token)).err()
}

struct Reader<'a> {
    container: &'a str,
    /// The elements that are open in the container.
    open: Vec<String>,
    tag: String,
}

impl Reader<'_> {
    fn token(&mut self, token: Token) -> Result<(), Misplaced> {
        match token {
            Token::Open { name, .. } => self.tag = name,
            Token::Close { self_closing, .. } => {
                let name = std::mem::take(&mut self.tag);
                let is_foreign = self.within(&["svg", "math"], &["foreignobject"]).is_some();
                if !is_foreign {
                    self.start(&name)?;
                }
                if !(is_void(&name) || self_closing && is_foreign) {
                    self.open.push(name);
                }
            }
            Token::End { name, .. } => {
                if let Some(at) = self.open.iter().rposition(|open| *open == name) {
                    self.open.truncate(at);
                }
            }
            Token::Text(text) => {
                let is_blank = text.chars().all(|c| c.is_ascii_whitespace());
                if self.open.is_empty() && is_of_table(self.container) && !is_blank {
                    return Err(Misplaced::Text);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The position of the innermost open element of `names`, unless an element of `bounds` is further in.
    fn within(&self, names: &[&str], bounds: &[&str]) -> Option<usize> {
        let found = self.open.iter().rposition(|open| {
            let open = open.as_str();
            names.contains(&open) || bounds.contains(&open)
        })?;
        names.contains(&self.open[found].as_str()).then_some(found)
    }

    /// An element begins, and ends the open elements that cannot hold it.
    fn start(&mut self, name: &str) -> Result<(), Misplaced> {
        const TABLE: &[&str] = &["table", "template"];
        let (ended, bounds): (&[&str], &[&str]) = match name {
            "td" | "th" => (&["td", "th", "caption"], TABLE),
            "tr" => (&["tr", "caption", "colgroup"], TABLE),
            "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => {
                (&["tbody", "thead", "tfoot", "caption", "colgroup"], TABLE)
            }
            "col" => (&[], TABLE),
            "li" => (
                &["li"],
                &[
                    "ul", "ol", "menu", "table", "template", "button", "td", "th",
                ],
            ),
            "dt" | "dd" => (
                &["dt", "dd"],
                &["dl", "table", "template", "button", "td", "th"],
            ),
            "button" => (&["button"], TABLE),
            "a" => (&["a"], &["table", "template", "button", "td", "th"]),
            _ if ends_paragraphs(name) => (&["p"], &["table", "template", "button", "td", "th"]),
            _ => (&[], &[]),
        };
        match self.within(ended, bounds) {
            Some(at) => self.open.truncate(at),
            // Nothing is in between that would keep it from the container.
            None if ended.contains(&self.container) && self.within(bounds, &[]).is_none() => {
                return Err(if is_part_of_table(name) {
                    Misplaced::Element(name.to_owned())
                } else {
                    Misplaced::Ends(name.to_owned())
                });
            }
            None => {}
        }
        let is_heading = |name: &str| matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        if is_heading(name) && self.open.is_empty() && is_heading(self.container) {
            return Err(Misplaced::Ends(name.to_owned()));
        }
        // A part of a table inside the container is moved within that table, if at all.
        let is_taken = if self.open.is_empty() {
            takes(self.container, name)
        } else if is_part_of_table(name) && self.within(TABLE, &[]).is_none() {
            // In the container's own table: one of the table's elements has to be around this one.
            let parent = self.open.last().map_or("", String::as_str);
            is_part_of_table(parent) && takes(parent, name)
        } else {
            true
        };
        is_taken
            .then_some(())
            .ok_or_else(|| Misplaced::Element(name.to_owned()))
    }
}

/// Whether a parser leaves this element right in that one.
fn takes(parent: &str, name: &str) -> bool {
    if matches!(name, "script" | "style" | "template") && parent != "colgroup" {
        return true;
    }
    match parent {
        "table" => matches!(name, "caption" | "colgroup" | "thead" | "tbody" | "tfoot"),
        "thead" | "tbody" | "tfoot" => name == "tr",
        "tr" => matches!(name, "td" | "th"),
        "colgroup" => matches!(name, "col" | "template"),
        _ => !is_part_of_table(name),
    }
}

/// Elements that keep only parts of a table: a parser moves everything else out of them.
fn is_of_table(name: &str) -> bool {
    matches!(
        name,
        "table" | "thead" | "tbody" | "tfoot" | "tr" | "colgroup"
    )
}

/// Elements before which a paragraph ends.
fn ends_paragraphs(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "ul"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_its_container() {
        for (container, html) in [
            ("div", ""),
            ("div", "a <b>b</b><p>c<p>d<ul><li>a<li>b</ul>"),
            ("div", "<table><tr><td>a<td>b<tr><th>c</table><option>x"),
            (
                "div",
                "<table><tbody data-l-live=''><tr><td><table><tr><td>x</table></table>",
            ),
            ("div", "<template><tr></tr></template><svg><tr/></svg>"),
            (
                "tbody",
                " <tr><td>a<td>b\n<tr><td>text<div><p>x</div></tr> <script>1</script>",
            ),
            (
                "tbody",
                "<tr><td><table><caption>a</caption><tbody><tr><td></table></tr>",
            ),
            ("tr", "<td>a</td> <th>b<td>c"),
            (
                "table",
                "<caption>a</caption><colgroup><col></colgroup><thead><tr><th>a<tbody><tr><td>b",
            ),
            ("colgroup", "<col> <col/>"),
            ("ul", "<li>a<li>b"),
            ("li", "a<ul><li>b<li>c</ul><p>d"),
            ("dl", "<dt>a<dd>b"),
            ("td", "a <table><tr><td>b</table>"),
            ("p", "a <b>b</b><button><div>c</div></button>"),
            ("h2", "a <small>b</small>"),
            ("x-rows", "a <div>b</div>"),
        ] {
            assert_eq!(misplaced(container, html), None, "{html} in <{container}>");
        }
    }

    #[test]
    fn what_does_not() {
        let element = |name: &str| Misplaced::Element(name.to_owned());
        let ends = |name: &str| Misplaced::Ends(name.to_owned());
        for (container, html, expected) in [
            ("div", "<tr><td>a</td></tr>", element("tr")),
            ("div", "<!-- a --> a <p>b</p><TR>", element("tr")),
            ("div", "<div><td>a</td></div>", element("td")),
            ("div", "<thead></thead>", element("thead")),
            ("div", "<caption>a", element("caption")),
            ("div", "<table></table><col>", element("col")),
            (
                "div",
                "<svg><foreignObject><tr></tr></foreignObject></svg>",
                element("tr"),
            ),
            ("tbody", "<td>a", element("td")),
            ("tbody", "a<tr></tr>", Misplaced::Text),
            ("tbody", "<tr></tr><p>b</p>", element("p")),
            ("tbody", "<tbody></tbody>", element("tbody")),
            ("tbody", "<input>", element("input")),
            ("tr", "<td>a</td><tr><td>b", element("tr")),
            ("tr", "b", Misplaced::Text),
            ("td", "a</td><td>b", element("td")),
            ("table", "<tr><td>a", element("tr")),
            ("table", "<tbody><td>a", element("td")),
            ("table", "<div></div>", element("div")),
            ("colgroup", "<style></style>", element("style")),
            ("li", "a<li>b", ends("li")),
            ("li", "<div><li>b</div>", ends("li")),
            ("dd", "a<dt>b", ends("dt")),
            ("p", "a<div>b</div>", ends("div")),
            ("p", "<b><ul></ul></b>", ends("ul")),
            ("h2", "<h3>a</h3>", ends("h3")),
            ("button", "<i><button></button></i>", ends("button")),
        ] {
            assert_eq!(
                misplaced(container, html),
                Some(expected),
                "{html} in <{container}>"
            );
        }
    }

    #[test]
    fn another_container_is_named() {
        let container = |html| misplaced("div", html).and_then(|found| found.container());
        assert_eq!(container("<tr>"), Some("tbody"));
        assert_eq!(container("<th>"), Some("tr"));
        assert_eq!(container("<col>"), Some("colgroup"));
        assert_eq!(container("<tfoot>"), Some("table"));
        assert_eq!(
            misplaced("tbody", "a").and_then(|found| found.container()),
            None
        );
    }
}
