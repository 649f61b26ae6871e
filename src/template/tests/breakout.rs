//! No value changes the structure of the HTML around it, and every value arrives as it was given.

use std::collections::BTreeMap;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use super::*;
use crate::template::{Part, Place};

/// What a browser reads, step by step; each step is a line.
fn read(html: &str) -> Vec<String> {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let mut steps = Vec::new();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        steps.push(match token {
            Token::StartTag(tag) => {
                let attributes: BTreeMap<_, _> = tag
                    .attributes
                    .iter()
                    .map(|(name, value)| (lossy(name), lossy(value)))
                    .collect();
                format!("<{} {attributes:?} {}", lossy(&tag.name), tag.self_closing)
            }
            Token::EndTag(tag) => format!("</{}", lossy(&tag.name)),
            // The text itself, so that the value's place in it counts.
            Token::String(text) => format!("text {:?}", lossy(&text)),
            Token::Comment(text) => format!("comment {:?}", lossy(&text)),
            Token::Doctype(doctype) => format!("doctype {:?}", lossy(&doctype.name)),
            Token::Error(_) => continue,
        });
    }
    steps
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Renders with `values`, and checks it against a rendering in which every leaf is one word that
/// is then replaced, after reading, by the text that the leaf should have.
fn check(template: &Template, values: &[&str]) -> Result<(), TestCaseError> {
    let mut harmless = String::new();
    let mut words = Vec::new();
    for (index, part) in template.statics().iter().enumerate() {
        harmless.push_str(part);
        let Some(slot) = template.slots().get(index) else {
            continue;
        };
        let resolved = resolve(slot, values);
        if resolved.html {
            harmless.push_str(&resolved.text);
            continue;
        }
        let word = format!("Slot{index}Word");
        harmless.push_str(&word);
        words.push((word, resolved.text.into_owned()));
    }
    let real = html(template, values);
    let mut expected = read(&harmless);
    for step in &mut expected {
        for (word, text) in &words {
            let quoted = format!("{text:?}");
            *step = step.replace(word, &quoted[1..quoted.len() - 1]);
        }
        // A run of nothing is not reported.
        if step == "text \"\"" {
            step.clear();
        }
    }
    expected.retain(|step| !step.is_empty());
    prop_assert_eq!(read(&real), expected, "{} {:?}", real, template);
    prop_assert!(!runs_script(template, values));
    Ok(())
}

/// A second opinion on URLs, by another way than the code's own.
fn runs_script(template: &Template, values: &[&str]) -> bool {
    template.slots().iter().any(|slot| {
        let text = resolve(slot, values).text.to_ascii_lowercase();
        let squeezed: String = text
            .trim_start_matches(|c| c <= ' ')
            .replace(['\t', '\n', '\r'], "");
        matches!(slot.place, Place::Url { .. }) && squeezed.starts_with("javascript:")
    })
}

fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<",
        ">",
        "\"",
        "'",
        "&",
        ";",
        "=",
        "/",
        " ",
        "\n",
        "\t",
        "`",
        "!",
        "--",
        "-->",
        "<!--",
        "</",
        "a",
        "b1",
        "é",
        "\u{1}",
        "</textarea>",
        "</title>",
        "</script ",
        "<script>",
        "javascript:",
        "java",
        "script:",
        "data:",
        "text/html,",
        "url(",
        "(",
        ")",
        "{",
        "}",
        "/*",
        "*/",
        "\\",
        "amp;",
        "lt",
        "#60;",
        "x3c;",
        "]]>",
        "onclick=",
        "${…}",
        "zq0q0x",
        "color:red",
        "$",
        "%",
        "+",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

const ACCEPTED: [&str; 16] = [
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
    "<svg><a xlink:href='${}'><title>${}</title><animate values='a;${}' to=\"${}\"/></svg>${}",
    "<img srcset=\"${} 1x, ${} 2x\" src='${}' alt='&am${}'>",
    "<li>${}<td data-x='&#6${}&lt${}'>${} < ${}",
    "<!-- a --><script>a < b</script>${}<style>a</style>${}</p>${}",
];

/// Pieces of templates, most of which make no sense together; those that are accepted anyway are
/// the interesting ones.
fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<",
        ">",
        "/",
        "=",
        "\"",
        "'",
        " ",
        "\n",
        "!",
        "-",
        "--",
        "&",
        "#6",
        "am",
        ";",
        "a",
        "p",
        "\r\n",
        "</",
        "<!--",
        "-->",
        "<p ",
        "<p>",
        "<a href=\"",
        "\">",
        "'>",
        " title='",
        " style=\"",
        " ?hidden=",
        " ?b='",
        " @click=",
        "@input.stop=\"",
        "<textarea>",
        "</textarea>",
        "<title>",
        "</title>",
        "<svg>",
        "</svg>",
        "<script>",
        "</script>",
        "<style",
        "<noscript>",
        "</noscript>",
        "<pre>",
        "color:",
        "width: ",
        "<b x=y",
        "<![CDATA[",
        "]]>",
        "<?",
        "<!doctype",
        "onclick",
        "src=",
        "é",
        "`",
        "zq0q",
        "&#122;q0q0x",
        "javascript:",
        "<select>",
        "/>",
    ]);
    let slot = prop::sample::select(vec!["${}"]);
    let any = prop_oneof![3 => piece, 2 => slot];
    prop::collection::vec(any, 1..14).prop_map(|pieces| pieces.concat())
}

/// Values for a template, harmless ones where there are too few.
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
        check(&template, &values)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_safe(source in template(), values in prop::collection::vec(value(), 14)) {
        match compile(&source) {
            Ok(template) => check(&template, &enough(&template, &values))?,
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
