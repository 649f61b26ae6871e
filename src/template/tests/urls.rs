//! URL attributes of whole templates.

use super::*;
use crate::template::{Part, Place, Refusal, UrlRule};

fn url(template: &str, values: &[&str]) -> (String, Option<Refusal>) {
    let template = compiled(template);
    let slot = &template.slots()[0];
    assert!(matches!(slot.place, Place::Url { .. }), "{slot:?}");
    assert_eq!(template.slots().len(), 1);
    let resolved = resolve(slot, values);
    assert!(!resolved.html);
    (resolved.text.into_owned(), resolved.refused)
}

#[test]
fn urls_are_one_slot() {
    let template =
        compiled("<a title=\"${t}\" href=\"/a?b&amp;c=${x}&copy=${y}\" id='${i}'>${z}</a>");
    assert_eq!(template.value_kinds(), "rrrrt");
    assert_eq!(template.slots().len(), 4);
    let slot = &template.slots()[1];
    let rule = UrlRule::Document;
    assert_eq!(
        slot.place,
        Place::Url {
            name: "href".into(),
            rule
        }
    );
    assert_eq!(
        slot.parts,
        [
            Part::Static("/a?b&c=".into()),
            Part::Value(1),
            Part::Static("&copy=".into()),
            Part::Value(2)
        ]
    );
    assert_eq!(&*template.statics()[1], "\" href=\"");
    assert_eq!(&*template.statics()[2], "\" id='");
    assert_eq!(
        html(&template, &["t", "1&2", "\"", "i", "z"]),
        "<a title=\"t\" href=\"/a?b&amp;c=1&amp;2&amp;copy=&quot;\" id='i'>z</a>"
    );
}

#[test]
fn urls_are_judged_whole() {
    let refused = ("about:invalid".to_owned(), Some(Refusal::ScriptUrl));
    for (template, values) in [
        ("<a href=\"${x}\">", &["javascript:alert(1)"][..]),
        ("<a href=\"${x}\">", &["\u{1} jAvA\tScRiPt\n:alert(1)"]),
        ("<a href='java${x}'>", &["script:x"]),
        ("<a href='${x}script:x'>", &["java"]),
        ("<a href='${x}${y}'>", &["java", "script:x"]),
        ("<a href='jav&#97;${x}'>", &["script:x"]),
        ("<a href='jav&#97;script:${x}'>", &["x"]),
        ("<a href='jav&#97${x}'>", &["script:x"]),
        ("<a href='java&Tab;script&colon;${x}'>", &["x"]),
        ("<a href='&#1;&NewLine; ${x}'>", &["javascript:x"]),
        ("<a href='javascript:void(${x})'>", &["0"]),
        ("<a HREF=\"${x}\">", &["vbscript:x"]),
        ("<form action=\"${x}\">", &["javascript:x"]),
        ("<button formaction=\"${x}\">", &["javascript:x"]),
        ("<iframe src=\"${x}\"></iframe>", &["javascript:x"]),
        ("<svg><a xlink:href=\"${x}\">", &["javascript:x"]),
        ("<svg><a xlink:href=\"${x}\"></svg>", &["javascript:x"]),
        ("<math href=\"${x}\">", &["javascript:x"]),
        ("<object data=\"${x}\">", &["javascript:x"]),
        ("<object codebase=\"${x}\">", &["javascript:x"]),
        ("<img src=\"${x}\">", &["javascript:x"]),
        ("<img srcset=\"/a 1x, ${x} 2x\">", &["javascript:x"]),
        ("<video poster=\"${x}\">", &["javascript:x"]),
        ("<body background=\"${x}\">", &["javascript:x"]),
        ("<q cite=\"${x}\">", &["javascript:x"]),
        ("<a ping=\"/a ${x}\">", &["javascript:x"]),
        (
            "<svg><set attributeName='href' to='${x}'>",
            &["javascript:x"],
        ),
        ("<svg><animate values='#a;${x}'>", &["javascript:x"]),
    ] {
        assert_eq!(url(template, values), refused, "{template} {values:?}");
    }
    for (template, values, expected) in [
        ("<a href=\"${x}\">", &["/a b?c=\"d\""][..], "/a b?c=\"d\""),
        ("<a href=\"/${x}\">", &["javascript:x"], "/javascript:x"),
        ("<a href=\"${x}\">", &[""], ""),
        (
            "<a href='https://example.org/${x}#${y}'>",
            &["a", "b"],
            "https://example.org/a#b",
        ),
        (
            "<img src=\"${x}\">",
            &["data:image/svg+xml,<svg>"],
            "data:image/svg+xml,<svg>",
        ),
        ("<svg><animate values='0;${x}'>", &["1;2"], "0;1;2"),
    ] {
        assert_eq!(
            url(template, values),
            (expected.to_owned(), None),
            "{template}"
        );
    }
    let data = ("about:invalid".to_owned(), Some(Refusal::ScriptableData));
    for template in [
        "<a href='${x}'>",
        "<iframe src='${x}'></iframe>",
        "<input formaction='${x}'>",
        "<svg><use href='${x}'>",
    ] {
        assert_eq!(url(template, &["data:image/svg+xml,x"]), data, "{template}");
    }
}
