//! The kind of an attribute, by its name and its element.

use super::error::Fault;
use super::url::{self, UrlRule};

/// The values that an attribute can take.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Plain,
    /// One or more URLs.
    Url(UrlRule),
    /// CSS declarations.
    Style,
    /// No value at all can be made safe.
    Refused(Fault),
}

/// The kind of attribute `name` of `element`, both in lower case. `refresh`: whether the tag's `http-equiv`
/// makes its `content` an address.
pub(super) fn kind(element: &str, name: &str, refresh: bool) -> Kind {
    // Every event attribute begins so, and new ones come without notice.
    if name.len() > 2 && name.starts_with("on") {
        return Kind::Refused(Fault::EventAttribute(name.to_owned()));
    }
    let forbidden = match (element, name) {
        // A whole document, with scripts, in the page's own origin.
        (_, "srcdoc") => true,
        // The script that runs, and the type that decides whether it runs.
        ("script", "src" | "href" | "xlink:href" | "type" | "language") => true,
        // The beginning of all relative addresses of the page.
        ("base", "href") => true,
        ("meta", "http-equiv") => true,
        ("meta", "content") => refresh,
        // Decides whether the content is read as HTML, and whether it is shown at all.
        ("annotation-xml", "encoding") | ("template", "shadowrootmode") => true,
        // The value could name `href`, or an attribute nobody has thought of.
        (_, "attributename") => url::is_animation(element),
        _ => false,
    };
    if forbidden {
        return Kind::Refused(Fault::Forbidden {
            element: element.to_owned(),
            name: name.to_owned(),
        });
    }
    if name == "style" {
        return Kind::Style;
    }
    url::rule(element, name).map_or(Kind::Plain, Kind::Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let refused = |kind| matches!(kind, Kind::Refused(_));
        for (element, name, refresh) in [
            ("div", "onclick", false),
            ("div", "onsomethingnew", false),
            ("iframe", "srcdoc", false),
            ("script", "src", false),
            ("script", "href", false),
            ("script", "xlink:href", false),
            ("script", "type", false),
            ("base", "href", false),
            ("meta", "content", true),
            ("meta", "http-equiv", false),
            ("set", "attributename", false),
            ("animatetransform", "attributename", false),
        ] {
            assert!(refused(kind(element, name, refresh)), "{element} {name}");
        }
        for (element, name) in [
            ("div", "on"),
            ("div", "title"),
            ("meta", "content"),
            ("base", "target"),
            ("script", "nonce"),
            ("div", "attributename"),
            ("form", "data-l-submit"),
        ] {
            assert_eq!(kind(element, name, false), Kind::Plain, "{element} {name}");
        }
        assert_eq!(kind("p", "style", false), Kind::Style);
        assert_eq!(kind("a", "href", false), Kind::Url(UrlRule::Document));
    }
}
