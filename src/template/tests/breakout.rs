//! No value changes the structure of the HTML around it, and every value arrives as it was given.

use proptest::prelude::*;

use super::*;
use crate::fuzzing::{PIECES, VALUES, holds};
use crate::template::Part;

fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(VALUES);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

const ACCEPTED: [&str; 17] = [
    "<p>${}</p>${}&${}",
    "<p title=\"${}\" class='a ${} b-${}'>${}",
    "<a href=\"${}\" id=\"${}\">${}</a>",
    "<a href='/a/${}?b=${}&c=${}'>${}</a>",
    "<a href='${}${}${}'>&copy${}</a>",
    "<p style=\"color: ${}; width: ${}px\">${}</p>",
    "<p style='${}'>${}</p>",
    "<p style='font-family: \"${}\", ${}${}'>${}</p>",
    "<textarea name=\"${}\">${} and &${}</textarea>${}",
    "<title>${}</title><pre>${}",
    "<input ?disabled=${} ?checked=\"${}\" value=\"${}\"><i id=i ?a='${}'/>${}",
    "<b @click=${} @input.debounce='x-${}'>${}</b>",
    "<p hidden='${}' aria-busy=${} data-x=\"${}\" disabled=${}>${}</p>",
    "<svg><a xlink:href='${}'><title>${}</title><animate values='a;${}' to=\"${}\"/></svg>${}",
    "<img srcset=\"${} 1x, ${} 2x\" src='${}' alt='&am${}'>",
    "<li>${}<td data-x='&#6${}&lt${}'>${} < ${}",
    "<!-- a --><script>a < b</script>${}<style>a</style>${}</p>${}",
];

fn template() -> impl Strategy<Value = String> {
    let any = prop_oneof![3 => prop::sample::select(PIECES), 2 => Just("${}")];
    prop::collection::vec(any, 1..14).prop_map(|pieces| pieces.concat())
}

/// Values for a template; harmless ones if there are too few.
fn enough<'a>(template: &Template, values: &'a [String]) -> Vec<&'a str> {
    let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
    values.resize(template.value_count().max(values.len()), "x");
    values
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn accepted_templates_hold_any_value(
        template in prop::sample::select(&ACCEPTED[..]),
        values in prop::collection::vec(value(), 5),
    ) {
        let template = compiled(template);
        let values = enough(&template, &values);
        holds(&template, &values);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_safe(source in template(), values in prop::collection::vec(value(), 14)) {
        match compile(&source) {
            Ok(template) => holds(&template, &enough(&template, &values)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics(parts in prop::collection::vec(any::<String>(), 0..5), index in 0..6_usize) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let Ok(template) = Template::compile(&parts) {
            prop_assert_eq!(template.statics().len(), template.slots().len() + 1);
            prop_assert_eq!(template.value_kinds().len(), parts.len().saturating_sub(1));
            prop_assert!(!template.describe(index).is_empty());
        }
    }

    #[test]
    fn every_value_has_one_place(source in template()) {
        let Ok(template) = compile(&source) else { return Ok(()) };
        let mut seen: Vec<usize> = template
            .slots()
            .iter()
            .flat_map(|slot| &slot.parts)
            .filter_map(|part| match part {
                Part::Value(index) => Some(*index),
                Part::Static(_) => None,
            })
            .collect();
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..template.value_count()));
    }
}
