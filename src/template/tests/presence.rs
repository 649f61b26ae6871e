//! Attributes that a value can take away, in whole templates.

use super::*;
use crate::template::Place;

#[test]
fn what_values_say_by_the_kind_of_attribute() {
    for (kind, names) in [
        (
            'b',
            "disabled checked selected readonly required multiple autofocus open inert muted DISABLED",
        ),
        (
            'o',
            "hidden download popover capture crossorigin for form pattern aria-label aria-valuenow",
        ),
        (
            'o',
            "data-l-ignore data-l-keep data-l-stop data-l-prevent data-l-disable data-l-debounce data-l-recover data-l-confirm-leave l-loading",
        ),
        (
            'e',
            "contenteditable draggable spellcheck writingsuggestions focusable aria-expanded aria-hidden aria-new",
        ),
        ('y', "translate"),
        ('n', "autocomplete autocorrect autocapitalize"),
        ('d', "data-x data-l-value data-open"),
        (
            'r',
            "title class lang id href src value alt style role tabindex data-l-click data-l-submit x-y",
        ),
    ] {
        for name in names.split(' ') {
            for quoted in [
                format!("<a {name}=\"${{x}}\">"),
                format!("<a b {name} = '${{x}}'/>"),
            ] {
                assert_eq!(
                    compiled(&quoted).value_kinds(),
                    kind.to_string(),
                    "{quoted}"
                );
            }
            let unquoted = compile(&format!("<a {name}=${{x}}>"));
            assert_eq!(unquoted.is_ok(), !matches!(kind, 'd' | 'r'), "{name}");
        }
    }
}

#[test]
fn a_part_of_a_text_is_text() {
    for (template, kinds) in [
        ("<a hidden='until-${x}'>", "r"),
        ("<a aria-label='${x} ${y}'>", "rr"),
        ("<a data-x='a${x}'>", "r"),
        ("<a disabled='a${x}'>", "p"),
        ("<a disabled='${x}${y}'>", "pp"),
        ("<a disabled=' ${x}'>", "p"),
        ("<a ?disabled=${x}>", "b"),
        ("<a ?data-open=${x}>", "b"),
        ("<a ?hidden=${x}>", "b"),
        ("<a ?aria-expanded=${x}>", "q"),
        ("<a ?draggable='${x}'>", "q"),
        ("<a ?translate=${x}>", "q"),
    ] {
        assert_eq!(compiled(template).value_kinds(), kinds, "{template}");
    }
}

#[test]
fn attributes_come_and_go() {
    for template in [
        "<a hidden='${x}'>",
        "<a hidden=${x}>",
        "<a\nHidden = \"${x}\">",
    ] {
        let compiled = compiled(template);
        assert_eq!(
            compiled.slots()[0].place,
            Place::Optional {
                name: "hidden".into()
            }
        );
        assert_eq!(html(&compiled, &[""]), "<a>");
        assert_eq!(html(&compiled, &["="]), "<a hidden=\"\">");
        assert_eq!(
            html(&compiled, &["=until-found"]),
            "<a hidden=\"until-found\">"
        );
        assert_eq!(
            html(&compiled, &["=\"&<>'\r="]),
            "<a hidden=\"&quot;&amp;&lt;&gt;&#39;&#13;=\">"
        );
    }
    assert_eq!(
        rendered("<a disabled=${x} b>", &["1"]),
        "<a disabled=\"\" b>"
    );
    assert_eq!(rendered("<a disabled='${x}' b>", &[""]), "<a b>");
    assert_eq!(
        rendered("<i aria-busy='${x}'id=i>", &["=true"]),
        "<i aria-busy=\"true\" id=i>"
    );
    assert_eq!(rendered("<i/ aria-busy=${x}>${y}", &["", "1"]), "<i/ >1");
    assert_eq!(
        rendered("<i aria-busy='${x}'/>${y}", &["=false", "1"]),
        "<i aria-busy=\"false\" />1"
    );
}

#[test]
fn texts_of_leaves_come_back() {
    for text in ["", "a", "\"", "&amp;", "=\"x\"", "&#39;\r", "é<>'"] {
        let template = compiled("<a hidden='${x}'>");
        let value = format!("={text}");
        let leaf = leaf(&template.slots()[0], &[&value]);
        assert_eq!(Place::optional_text(&leaf).as_deref(), Some(text));
    }
    assert_eq!(Place::optional_text(""), None);
}

#[test]
fn names_are_claimed_once() {
    for template in [
        "<a hidden='${x}' ?hidden=${y}>",
        "<a disabled=${x} disabled>",
    ] {
        assert!(
            matches!(fault(template), Fault::Duplicate { .. }),
            "{template}"
        );
    }
}
