//! The kinds of elements, as a parser treats them, by their names in lower case.

/// Elements without an end tag (WHATWG HTML 13.1.2, and those that parsers take for such).
pub(super) fn is_void(element: &str) -> bool {
    matches!(
        element,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements that stand in a table and nowhere else.
pub(super) fn is_part_of_table(name: &str) -> bool {
    matches!(
        name,
        "caption" | "col" | "colgroup" | "tbody" | "td" | "tfoot" | "th" | "thead" | "tr"
    )
}

/// Elements whose content is SVG or MathML.
pub(super) fn is_foreign(element: &str) -> bool {
    matches!(element, "svg" | "math")
}
