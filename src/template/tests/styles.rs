//! The CSS of `style` attributes, seen from within.

use cssparser::{ParseError, Parser, Token};
use proptest::prelude::*;

use crate::template::Part;
use crate::template::style::{check, judge};

fn parts(css: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, text) in css.split('$').enumerate() {
        if index > 0 {
            parts.push(Part::Value(index - 1));
        }
        if !text.is_empty() {
            parts.push(Part::Static(text.into()));
        }
    }
    parts
}

#[track_caller]
fn verdict(css: &str, values: &[&'static str]) -> Result<(), &'static str> {
    let parts = parts(css);
    assert_eq!(check(&parts), Ok(()), "{css}");
    judge(&parts, |index| values[index])
}

#[test]
fn honest_values() {
    for (css, values) in [
        ("color: $", &["red"][..]),
        ("color: $;", &["#ff0000"]),
        ("width:$px; height: $%", &["10", "20.5"]),
        ("width: $$", &["10", "px"]),
        ("transform: translate($px, $px)", &["-1", "2e1"]),
        ("width: calc(100% - $)", &["calc(2 * (1px + 2em))"]),
        ("color: $", &["rgb(1 2 3 / 50%)"]),
        ("font-family: $, serif", &["\"Gill Sans\", 'It''s'"]),
        ("font-family: \"$\", serif", &["Gill Sans"]),
        ("grid-template-areas: '$'", &["a b"]),
        ("grid-template-columns: $ 1fr", &["[full-start] 2fr"]),
        ("--gap: $", &["1px"]),
        (
            "background: url(/a;b'c) $; color: blue",
            &["center / cover"],
        ),
        ("background: url( \"/a)b\" ) $", &["no-repeat"]),
        ("/* ; note: */ color: $", &["red"]),
        ("/**/color:$", &["red"]),
        ("/*/*/color:$", &["red"]),
        ("$", &["color: red"]),
        ("$", &["color: red;"]),
        (" $ ", &["color: red ; "]),
        ("$", &[""]),
        ("color: $ !important", &["var(--x)"]),
        ("content: 'a:b;c' $", &["counter(x)"]),
        ("background: url(/a(b) $", &["no-repeat"]),
        ("width: calc(1px + ($ * 2))", &["(1px + (2px))"]),
        ("color: $", &["rgb(from red r g b / calc((1)))"]),
        ("content: '$$'", &["é", "😀"]),
        ("color: $", &["RED"]),
    ] {
        assert_eq!(verdict(css, values), Ok(()), "{css} {values:?}");
    }
}

#[test]
fn refused_values() {
    for (css, values) in [
        ("color: $", &["red; background: blue"][..]),
        ("color: $", &["red;"]),
        ("$", &["color: red; background: blue"]),
        ("$", &["color: red;;"]),
        ("color: $", &["red} a{"]),
        ("color: $", &["/* hidden"]),
        ("color: $", &["*/"]),
        ("color: /$", &["* hidden"]),
        ("width: 1px *$", &["/"]),
        ("width: $* 2", &["1px /"]),
        ("width: $$", &["/", "*"]),
        ("color: $", &["\\75 rl(x)"]),
        ("background: $", &["url(//example.org)"]),
        ("background: $", &["URL('x')"]),
        ("background: $", &["x, uRl (x), url( x)"]),
        ("background: ur$", &["l(x)"]),
        ("background: u$$", &["r", "l(x)"]),
        ("background: $$", &["url", "(x)"]),
        ("background: $", &["-webkit-image-set('x' 1x)"]),
        ("background: $", &["image-set('x' 1x)"]),
        ("background: $", &["image('x')"]),
        ("background: $", &["src('x')"]),
        ("width: $", &["expression(alert(1))"]),
        ("color: $", &["@import x"]),
        ("color: $", &["'"]),
        ("color: $", &["\"a'"]),
        ("color: $", &["'a\nb'"]),
        ("font-family: '$'", &["a'b"]),
        ("font-family: '$'", &["a\"b"]),
        ("font-family: '$'", &["a\nb"]),
        ("font-family: '$'", &["a;b"]),
        ("width: calc($)", &["1px) url"]),
        ("width: $", &["calc("]),
        ("width: $", &[")"]),
        ("width: $", &["[a"]),
        ("width: $", &["([)]"]),
        ("width: calc($) $", &["1px) (", "2px"]),
        ("width: $ $", &["calc(1px", "+ 2px)"]),
        ("font-family: $ $", &["'a", "b'"]),
        ("width: $ 'x'", &["'"]),
        ("background: $ (1px)", &["x url("]),
        ("background: $", &["url(a'b)"]),
        ("background: $", &["\u{212a}src(x)"]),
        ("background: $", &["var(--x, url(y))"]),
        ("background: var(--x, $)", &["URL(y)"]),
        ("background: $", &["url(x"]),
        ("background: $", &["'\u{c}"]),
    ] {
        assert!(verdict(css, values).is_err(), "{css} {values:?}");
    }
}

#[test]
fn refused_templates() {
    for (css, blamed) in [
        ("background: url($)", 0),
        ("background: url( $ )", 0),
        ("background: url(/a/$.png)", 0),
        ("background: URL(\"/a/$.png\")", 0),
        ("background: image-set('$' 1x)", 0),
        ("background: -webkit-image-set(calc($) 1x)", 0),
        ("width: expression($)", 0),
        ("color: red /* $ */", 0),
        ("color: $; $: red", 1),
        ("$: red", 0),
        ("$;", 0),
        ("$$", 0),
        ("color: red; $", 0),
        ("--$: 1", 0),
        ("width: $(1px)", 0),
        ("background: ur$l(x)", 0),
        ("width: /$* 2", 0),
        ("width: /$$* 2", 1),
        ("content: '\\$'", 0),
        ("content: \\$", 0),
        ("color: $; a { b: c }", 0),
        ("@media $", 0),
    ] {
        let found = check(&parts(css));
        assert!(
            matches!(found, Err((index, _)) if index == blamed),
            "{css} {found:?}"
        );
    }
}

#[test]
fn a_refusal_leaves_what_was_checked() {
    // With nothing for its values, every accepted template is accepted again.
    assert_eq!(verdict("a: $; b: '$' $", &["", "", ""]), Ok(()));
}

#[test]
fn nesting_without_end_is_refused_not_followed() {
    for value in ["(", "[", "a(", "([a("] {
        let open = value.repeat(100_000);
        let parts = parts("width: $");
        assert_eq!(check(&parts), Ok(()));
        assert!(judge(&parts, |_| &open).is_err(), "{value}");
    }
}

/// A text as CSS reads it: each token outside of a value's own words, with its depth.
fn outline(css: &str) -> Vec<String> {
    fn read(parser: &mut Parser<'_>, depth: usize, out: &mut Vec<String>) {
        while let Ok(token) = parser.next_including_whitespace_and_comments() {
            let token = token.clone();
            let nests = match &token {
                Token::Semicolon if depth == 0 => {
                    out.push(";".to_owned());
                    false
                }
                Token::AtKeyword(_) | Token::CurlyBracketBlock | Token::Comment(_) => {
                    out.push(format!("{token:?}"));
                    false
                }
                Token::UnquotedUrl(_) => {
                    out.push("url".to_owned());
                    false
                }
                Token::Function(name) => {
                    if name.to_ascii_lowercase().ends_with("url") {
                        out.push("url".to_owned());
                    }
                    true
                }
                Token::ParenthesisBlock | Token::SquareBracketBlock => true,
                _ => false,
            };
            if nests {
                let _ = parser.parse_nested_block(|parser| {
                    read(parser, depth + 1, out);
                    Ok::<_, ParseError<()>>(())
                });
            }
        }
    }
    let mut out = Vec::new();
    read(&mut Parser::new(css), 0, &mut out);
    out
}

proptest! {
    /// Whatever is let pass leaves the declarations, blocks, comments and resources of the template.
    #[test]
    fn what_passes_leaves_the_template_as_it_is(
        css in "([a-z:;$ '\"()/*]|url\\(|: \\$|; |calc\\()[a-z:;$ '\"()/*,-]{0,12}",
        values in prop::collection::vec("([a-z0-9 '\"()\\[\\]/*,:#%-]|url\\(|;|\\{|\\\\75|\n){0,6}", 13),
    ) {
        let parts = parts(&css);
        if check(&parts).is_ok() && judge(&parts, |index| &values[index]).is_ok() {
            let join = |value: &dyn Fn(usize) -> String| -> String {
                parts.iter().map(|part| match part {
                    Part::Static(text) => text.to_string(),
                    Part::Value(index) => value(*index),
                }).collect()
            };
            let mut expected = outline(&join(&|_| String::new()));
            let filled = outline(&join(&|index| values[index].clone()));
            // A value that is the whole attribute may end in a semicolon.
            if filled.last().is_some_and(|last| last == ";") && css.trim() == "$" {
                expected.push(";".to_owned());
            }
            prop_assert_eq!(filled, expected, "{:?} {:?}", css, values);
        }
    }
}
