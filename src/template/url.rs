//! URLs in attributes, judged as the browser will read them.
//!
//! A URL is only judged whole, after static text and values have been put together and character
//! references resolved: `java${x}` with `script:…` is a script, although neither half is.

use std::borrow::Cow;

use super::Refusal;

/// Replaces a URL that was refused: an address that leads nowhere and, unlike an empty one, does not mean the
/// page itself.
pub(super) const INVALID: &str = "about:invalid";

/// How the text of a URL attribute is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlRule {
    /// One URL that may become a document: no script, no `data:` that could carry one.
    Document,
    /// One URL of an image, a sound or subtitles, in which nothing runs: any `data:`.
    Media,
    /// Several URLs, separated by white space or commas (`ping`, `archive`, `profile`).
    List,
    /// Image candidates (`srcset`): several URLs, each only ever an image.
    Images,
    /// Values of an animation, separated by `;`, that could be given to a `href`.
    Animation,
}

/// The rule for attribute `name` of `element`, if its value is a URL.
pub(super) fn rule(element: &str, name: &str) -> Option<UrlRule> {
    // SVG animation can set the `href` of its parent. Whatever it animates, its values are judged:
    // no honest number or colour looks like a script.
    if is_animation(element) {
        match name {
            "values" => return Some(UrlRule::Animation),
            "to" | "from" | "by" => return Some(UrlRule::Document),
            _ => {}
        }
    }
    match name {
        "src" | "dynsrc" | "lowsrc" | "poster" if is_media(element) => Some(UrlRule::Media),
        "href" | "xlink:href" if element == "image" => Some(UrlRule::Media),
        "srcset" | "imagesrcset" => Some(UrlRule::Images),
        "ping" | "archive" | "profile" => Some(UrlRule::List),
        "data" if element == "object" => Some(UrlRule::Document),
        "value" if element == "param" => Some(UrlRule::Document),
        "href" | "src" | "action" | "formaction" | "poster" | "background" | "cite"
        | "manifest" | "codebase" | "longdesc" | "usemap" | "classid" | "dynsrc" | "lowsrc"
        | "icon" | "xml:base" => Some(UrlRule::Document),
        // Whatever the prefix: a parser that knows more namespaces must not find a hole.
        _ if name.ends_with(":href") || name.ends_with(":src") => Some(UrlRule::Document),
        _ => None,
    }
}

/// Whether this is one of SVG's animation elements, which set an attribute of their parent.
pub(super) fn is_animation(element: &str) -> bool {
    element == "set" || element.starts_with("animate")
}

fn is_media(element: &str) -> bool {
    matches!(
        element,
        "img" | "source" | "image" | "video" | "audio" | "input" | "track"
    )
}

/// The URL itself, or [`INVALID`] and why.
pub(super) fn judge(rule: UrlRule, text: Cow<'_, str>) -> (Cow<'_, str>, Option<Refusal>) {
    match fault(rule, &text) {
        None => (text, None),
        Some(refusal) => (Cow::Borrowed(INVALID), Some(refusal)),
    }
}

fn fault(rule: UrlRule, text: &str) -> Option<Refusal> {
    let separator: fn(char) -> bool = match rule {
        UrlRule::Document => return one(text, false),
        UrlRule::Media => return one(text, true),
        UrlRule::Animation => |c| c == ';',
        UrlRule::List | UrlRule::Images => |c| c.is_ascii_whitespace() || c == ',',
    };
    let media = rule == UrlRule::Images;
    // Also as one, for an element that reads the attribute as a single URL after all.
    one(text, media).or_else(|| text.split(separator).find_map(|part| one(part, media)))
}

fn one(text: &str, media: bool) -> Option<Refusal> {
    let mut rest = significant(text);
    match scheme(&mut rest)?.as_slice() {
        b"javascript" | b"vbscript" => Some(Refusal::ScriptUrl),
        b"data" if !media && runs(rest) => Some(Refusal::ScriptableData),
        _ => None,
    }
}

/// The bytes that the URL parser looks at. It drops leading C0 controls and spaces, and every tab
/// and newline, before it looks for anything (WHATWG URL 4.4, "basic URL parser", steps 1 to 3).
fn significant(text: &str) -> impl Iterator<Item = u8> {
    text.bytes()
        .skip_while(|byte| *byte <= b' ')
        .filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// The length of the longest scheme that matters here. A longer scheme matters never.
const LONGEST: usize = "javascript".len();

/// A scheme in lower case.
#[derive(Default)]
struct Scheme {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Scheme {
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.length)? = byte.to_ascii_lowercase();
        self.length += 1;
        Some(())
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Takes the scheme and its `:` off `bytes` (WHATWG URL 4.4, "scheme start state" and "scheme
/// state").
fn scheme(bytes: &mut impl Iterator<Item = u8>) -> Option<Scheme> {
    let mut scheme = Scheme::default();
    for byte in bytes {
        match byte {
            b':' => return Some(scheme),
            b'a'..=b'z' | b'A'..=b'Z' => scheme.push(byte)?,
            b'0'..=b'9' | b'+' | b'-' | b'.' if scheme.length > 0 => scheme.push(byte)?,
            _ => return None,
        }
    }
    None
}

/// Whether the text after `data:` could be a document with script in it. The media type reaches to the first
/// comma (WHATWG Fetch 6, "data: URL processor"); a missing one means plain text.
fn runs(rest: impl Iterator<Item = u8>) -> bool {
    let media_type: String = rest
        .take_while(|byte| *byte != b',')
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    // `script` stands for javascript, ecmascript and their relatives. No honest media type needs
    // a percent sign; a dishonest one could hide a letter behind it.
    ["html", "xml", "xsl", "svg", "script", "multipart", "%"]
        .iter()
        .any(|word| media_type.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Option<Refusal> {
        fault(UrlRule::Document, text)
    }

    #[test]
    fn scripts() {
        for url in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "JAVASCRIPT:",
            "vbscript:x",
            " javascript:x",
            "\u{1}\u{1f}\u{0} javascript:x",
            "java\tscript:x",
            "java\nscript:x",
            "java\r\nscript\t:x",
            "\n\tj\na\nv\na\ns\nc\nr\ni\np\nt\n:x",
            "javascript://%0aalert(1)",
        ] {
            assert_eq!(document(url), Some(Refusal::ScriptUrl), "{url:?}");
            assert_eq!(fault(UrlRule::Media, url), Some(Refusal::ScriptUrl));
        }
    }

    #[test]
    fn not_scripts() {
        for url in [
            "",
            "/",
            "#top",
            "?q=javascript:x",
            "./javascript:x",
            "/javascript:x",
            "https://example.org/javascript:x",
            "mailto:a@example.org",
            "tel:+431",
            "javascript",
            "javascript%3Aalert(1)",
            "java script:x",
            "-javascript:x",
            "1javascript:x",
            "xjavascript:x",
            "javascript\u{fffd}:x",
            "ｊavascript:x",
            "java\u{0}script:x",
            "\u{a0}javascript:x",
            "about:blank",
            "blob:https://example.org/1",
        ] {
            assert_eq!(document(url), None, "{url:?}");
        }
    }

    #[test]
    fn data() {
        for url in [
            "data:text/html,<script>1</script>",
            "DATA:TEXT/HTML,x",
            "da\tta:text/h\ntml,x",
            "data: text/html ;charset=utf-8,x",
            "data:image/svg+xml;base64,AAAA",
            "data:text/xml,x",
            "data:application/xhtml+xml,x",
            "data:text/xsl,x",
            "data:text/javascript,x",
            "data:application/ecmascript,x",
            "data:text/%68tml,x",
            "data:text/html",
            "data:;x=text/html,x",
        ] {
            assert_eq!(document(url), Some(Refusal::ScriptableData), "{url:?}");
            assert_eq!(fault(UrlRule::Media, url), None, "{url:?}");
        }
        for url in [
            "data:,text/html",
            "data:;base64,aHRtbA==",
            "data:text/plain,<html>",
            "data:image/png;base64,svg",
            "data:application/pdf,x",
            "data/text/html",
        ] {
            assert_eq!(document(url), None, "{url:?}");
        }
    }

    #[test]
    fn lists() {
        for rule in [UrlRule::List, UrlRule::Images] {
            for url in [
                "javascript:x",
                "/a javascript:x",
                "/a,javascript:x",
                "/a 1x, JavaScript:x 2x",
                "/a\njavascript:x",
            ] {
                assert_eq!(fault(rule, url), Some(Refusal::ScriptUrl), "{url:?}");
            }
            assert_eq!(fault(rule, "/a 1x, /b?javascript:x 2x"), None);
        }
        assert_eq!(fault(UrlRule::Images, "data:image/svg+xml,<svg/> 2x"), None);
        assert_eq!(
            fault(UrlRule::List, "/a data:text/html,x"),
            Some(Refusal::ScriptableData)
        );
        assert_eq!(
            fault(UrlRule::Animation, "#a; javascript:x;#b"),
            Some(Refusal::ScriptUrl)
        );
        assert_eq!(fault(UrlRule::Animation, "0;10;20"), None);
    }

    #[test]
    fn rules() {
        for (element, name, expected) in [
            ("a", "href", Some(UrlRule::Document)),
            ("img", "src", Some(UrlRule::Media)),
            ("image", "href", Some(UrlRule::Media)),
            ("image", "xlink:href", Some(UrlRule::Media)),
            ("use", "xlink:href", Some(UrlRule::Document)),
            ("iframe", "src", Some(UrlRule::Document)),
            ("input", "formaction", Some(UrlRule::Document)),
            ("input", "src", Some(UrlRule::Media)),
            ("img", "longdesc", Some(UrlRule::Document)),
            ("object", "data", Some(UrlRule::Document)),
            ("x-chart", "data", None),
            ("img", "srcset", Some(UrlRule::Images)),
            ("a", "ping", Some(UrlRule::List)),
            ("set", "to", Some(UrlRule::Document)),
            ("animatemotion", "values", Some(UrlRule::Animation)),
            ("div", "to", None),
            ("a", "title", None),
        ] {
            assert_eq!(rule(element, name), expected, "{element} {name}");
        }
    }
}
