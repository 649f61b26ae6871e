//! Event bindings and boolean attributes in whole templates.

use super::*;
use crate::template::Place;

#[test]
fn boolean_attributes() {
    for template in [
        "<input ?disabled=${x}>",
        "<input ?disabled=\"${x}\">",
        "<input\n?DISABLED = '${x}'>",
    ] {
        let template = compiled(template);
        assert_eq!(template.value_kinds(), "b");
        assert_eq!(
            template.slots()[0].place,
            Place::Boolean {
                name: "disabled".into()
            }
        );
        assert_eq!(html(&template, &["1"]), "<input disabled=\"\">");
        assert_eq!(html(&template, &[""]), "<input>");
        assert!(resolve(&template.slots()[0], &["1"]).html);
    }
    for (template, on, off) in [
        (
            "<input ?a=${x} ?b=${x} name='n'>",
            "<input a=\"\" b=\"\" name='n'>",
            "<input name='n'>",
        ),
        (
            "<i ?a='${x}'?b='${x}'id=i>",
            "<i a=\"\"  b=\"\" id=i>",
            "<i  id=i>",
        ),
        (
            "<i id=i ?a='${x}'/>${x}",
            "<i id=i a=\"\" />1",
            "<i id=i />",
        ),
        ("<i/ ?a=${x}>${x}", "<i/  a=\"\">1", "<i/ >"),
        ("<i a ?b=${x} c>${x}", "<i a b=\"\" c>1", "<i a c>"),
    ] {
        assert_eq!(rendered(template, &["1", "1"]), on, "{template}");
        assert_eq!(rendered(template, &["", ""]), off, "{template}");
    }
}

#[test]
fn event_bindings() {
    for (template, expected) in [
        ("<b @click=${x}>", "<b data-l-click=\"h\">"),
        ("<b @click=\"${x}\">", "<b data-l-click=\"h\">"),
        ("<b @click = '${x}'>", "<b data-l-click = 'h'>"),
        ("<b @Click=\"inc\">", "<b data-l-click=\"inc\">"),
        ("<b @click=inc>${x}", "<b data-l-click=inc>h"),
        ("<b @click='row-${x}'>", "<b data-l-click='row-h'>"),
        (
            "<b @click.prevent.stop=${x}>",
            "<b data-l-prevent=\"true\" data-l-stop=\"true\" data-l-click=\"h\">",
        ),
        (
            "<b @input.debounce.300='i' @keyup.debounce.300=\"k\">",
            "<b data-l-debounce=\"300\" data-l-input='i' data-l-keyup=\"k\">",
        ),
        (
            "<b @input.debounce=i>",
            "<b data-l-debounce=\"\" data-l-input=i>",
        ),
        (
            "<b @keydown.enter.prevent=${x} @keydown.esc=\"${x}\" @dblclick='d'>",
            "<b data-l-on-keydown.enter.prevent=\"h\" data-l-on-keydown.esc=\"h\" data-l-on-dblclick='d'>",
        ),
        (
            "<b data-l-on-click.once=\"${x}\" @click=c>",
            "<b data-l-on-click.once=\"h\" data-l-click=c>",
        ),
        (
            "<b @click=${x} ?disabled=${x}>",
            "<b data-l-click=\"h\" disabled=\"\">",
        ),
        // Only attributes are attributes.
        (
            "<p title=\"@click=x ?y\">@click=${x} ?disabled=${x}</p>",
            "<p title=\"@click=x ?y\">@click=h ?disabled=h</p>",
        ),
        (
            "<!-- @click=x --><textarea>@click=${x}</textarea>",
            "<!-- @click=x --><textarea>@click=h</textarea>",
        ),
    ] {
        assert_eq!(rendered(template, &["h", "h"]), expected, "{template}");
    }
    assert_eq!(
        compiled("<b @click=${x}>").slots()[0].place,
        Place::Attribute {
            name: "data-l-click".into()
        }
    );
    assert_eq!(
        rendered("<b @click=${x}>", &["\" x=\""]),
        "<b data-l-click=\"&quot; x=&quot;\">"
    );
}

#[test]
fn refused() {
    all(
        &[
            "<b @dbclick='x'>",
            "<b @='x'>",
            "<b @foo=${x}>",
            "<b @click>a<b @x>",
        ],
        |fault| matches!(fault, Fault::UnknownEvent(_) | Fault::NoHandler(_)),
    );
    all(&["<b @click>", "<b @click=''>", "<b @click=>"], |fault| {
        matches!(fault, Fault::NoHandler(_))
    });
    all(
        &["<b @click.twice='x'>", "<b data-l-on-click.twice='x'>"],
        |fault| matches!(fault, Fault::UnknownModifier(_)),
    );
    all(
        &[
            "<b @keydown.enter='x' @keydown.enter='y'>",
            "<b @click.once='x' data-l-on-click.once='y'>",
        ],
        |fault| matches!(fault, Fault::Duplicate { .. }),
    );
    all(
        &["<b @input.debounce.1='a' @keyup.debounce.2='b'>"],
        |fault| matches!(fault, Fault::ModifierConflict { .. }),
    );
    all(
        &[
            "<b ?a>",
            "<b ?a=''>",
            "<b ?a='b'>",
            "<b ?a='x${x}'>",
            "<b ?a='${x} '>",
            "<b ?a=x${x}>",
            "<b ?a='${x}${y}'>",
            "<b ?a=${x}/>",
        ],
        |fault| matches!(fault, Fault::BooleanValue(_)),
    );
    all(
        &[
            "<b ?=${x}>",
            "<b ?onclick=${x}>",
            "<a ?href=${x}>",
            "<b ?style=${x}>",
            "<b ?srcdoc=${x}>",
            "<b ?a\"b=${x}>",
            "<b ?a'='${x}'>",
            "<b ??a=\"${x}\" ?é=${y}>",
            "<base ?href=${x}>",
        ],
        |fault| matches!(fault, Fault::BooleanName(_)),
    );
}
