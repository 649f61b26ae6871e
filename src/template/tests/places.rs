//! The places in which values are accepted, and how they are written there.

use super::*;
use crate::template::{Part, Place, Refusal};

#[track_caller]
fn places(template: &str) -> Vec<Place> {
    let compiled = compiled(template);
    compiled
        .slots()
        .iter()
        .map(|slot| slot.place.clone())
        .collect()
}

fn attribute(name: &str) -> Place {
    Place::Attribute { name: name.into() }
}

#[test]
fn text() {
    assert_eq!(
        rendered("<p>${a} of ${b}</p>", &["1 < 2", "a & \"b\""]),
        "<p>1 &lt; 2 of a &amp; &quot;b&quot;</p>"
    );
    assert_eq!(compiled("<li>${x}").value_kinds(), "t");
    assert_eq!(places("${a}${b}"), [Place::Text, Place::Text]);
    let statics: Vec<Box<str>> = ["", "", ""].map(Into::into).into();
    assert_eq!(compiled("${a}${b}").statics(), statics);
    // None of these is markup.
    for before in [
        "a < ",
        "1 <",
        "<!-->",
        "<!-- x --!>",
        "<p title='<'>",
        "</>",
    ] {
        let template = format!("{before} ${{x}}");
        assert_eq!(places(&template), [Place::Text], "{template}");
    }
}

#[test]
fn no_slots_and_no_source() {
    let template = compiled("<b>x</b>");
    assert_eq!((template.slots().len(), template.value_count()), (0, 0));
    assert_eq!(template.statics(), [Box::from("<b>x</b>")]);
    let none = Template::compile(&[]);
    assert_eq!(none.map(|template| template.statics().len()), Ok(1));
}

#[test]
fn quoted_attributes() {
    assert_eq!(
        rendered("<p title=\"${a}\" lang = '${b}'>", &["\"x\"", "'y'"]),
        "<p title=\"&quot;x&quot;\" lang = '&#39;y&#39;'>"
    );
    let template = compiled("<p class=\"a ${b} c-${d}\" data-x='${e}'>${f}</p>");
    assert_eq!(template.value_kinds(), "rrdt");
    assert_eq!(template.slots().len(), 4);
    assert_eq!(template.slots()[1].parts, [Part::Value(1)]);
    assert_eq!(template.slots()[1].place, attribute("class"));
    assert_eq!(template.slots()[1].element(), "p");
    assert_eq!(&*template.statics()[1], " c-");
    assert_eq!(places("<P TITLE=\"${x}\">"), [attribute("title")]);
}

#[test]
fn escapable_text() {
    for element in ["textarea", "title"] {
        let template = compiled(&format!("<{element}>a ${{x}}</{element}>${{y}}"));
        assert_eq!(template.value_kinds(), "rt");
        assert_eq!(template.slots()[0].place, Place::EscapableText);
        assert_eq!(template.slots()[0].element(), element);
        let html = html(&template, &["</textarea></title><b>", ""]);
        assert!(html.contains("a &lt;/textarea&gt;"), "{html}");
    }
}

#[test]
fn the_first_newline_is_the_values_own() {
    assert_eq!(
        rendered("<textarea>${x}</textarea>", &["\na"]),
        "<textarea>\n\na</textarea>"
    );
    assert_eq!(
        rendered("<pre class='a'>${x}", &["\na"]),
        "<pre class='a'>\n\na"
    );
    // Here the template's own is the one to be dropped.
    assert_eq!(rendered("<pre>\n${x}", &["\na"]), "<pre>\n\na");
    assert_eq!(rendered("<p>${x}", &["\na"]), "<p>\na");
}

#[test]
fn line_ends_are_unified() {
    let template = compiled("<p\r\ntitle=\"\r\n${a}\"\r>\r\n${b}");
    assert_eq!(html(&template, &["x", "y"]), "<p\ntitle=\"\nx\"\n>\ny");
}

#[test]
fn references_before_a_value() {
    assert_eq!(rendered("<p>&${x}", &["lt;"]), "<p>&amp;lt;");
    assert_eq!(rendered("&am${x}", &["p;"]), "&amp;amp;");
    assert_eq!(
        rendered("<p title=\"&${x}\">", &["lt;"]),
        "<p title=\"&amp;lt;\">"
    );
    assert_eq!(
        rendered("<textarea>&#6${x}</textarea>", &["0;"])
            .matches("60")
            .count(),
        0
    );
    assert_eq!(rendered("R&amp;D ${x} &copy", &["&"]), "R&amp;D &amp; ©");
    assert_eq!(rendered("&amp;${x}", &["lt;"]), "&amp;lt;");
}

#[test]
fn styles_are_one_slot() {
    let template = compiled("<p style=\"width: ${w}px; color: ${c}\" id='${i}'>");
    assert_eq!(template.slots().len(), 2);
    assert_eq!(template.slots()[0].place, Place::Style);
    assert_eq!(template.value_kinds(), "rrr");
    assert_eq!(
        html(&template, &["10", "red", "i"]),
        "<p style=\"width: 10px; color: red\" id='i'>"
    );
    let resolved = resolve(
        &template.slots()[0],
        &["10", "red; background: url(x)", "i"],
    );
    assert_eq!(resolved.text, "width: px; color: ");
    assert!(matches!(resolved.refused, Some(Refusal::Style(_))));
    assert_eq!(
        rendered("<p style='${x}'>", &["font-family: \"A\";"]),
        "<p style='font-family: &quot;A&quot;;'>"
    );
    // Judged after references are resolved, as CSS sees it.
    let template = compiled("<p style='width: calc&lpar;${x})'>");
    assert_eq!(
        resolve(&template.slots()[0], &["1px"]).text,
        "width: calc(1px)"
    );
}

#[test]
fn trusted() {
    let template = Template::trusted(vec!["<script>".into(), "</script>".into()]);
    assert!(template.is_trusted());
    assert_eq!(
        (template.value_count(), template.value_kinds().as_str()),
        (1, "t")
    );
    assert_eq!(template.slots()[0].place, Place::Text);
    assert_eq!(template.describe(0), "slot 1 of a tree");
    assert_eq!(Template::trusted(vec![]).statics().len(), 1);
    assert!(!compiled("x").is_trusted());
}

#[test]
fn descriptions() {
    let template = compiled(
        "<a title=\"${a}\" href=\"${b}\" ?hidden=${c} style='${d}'>${e}<title>${f}</title>",
    );
    assert_eq!(
        compiled("${x}<a href=\"${y}\">").describe(1),
        "slot 2, attribute href of <a>: `${…}<a href=\"${2}\">`"
    );
    for (value, start) in [
        "slot 1, attribute title of <a>: `",
        "slot 2, attribute href of <a>: `",
        "slot 3, boolean attribute hidden of <a>: `",
        "slot 4, attribute style of <a>: `",
        "slot 5, text: `",
        "slot 6, text of <title>: `",
    ]
    .iter()
    .enumerate()
    {
        assert!(
            template.describe(value).starts_with(start),
            "{}",
            template.describe(value)
        );
    }
    assert_eq!(template.describe(99), "slot 100");
}
