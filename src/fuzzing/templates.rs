//! Templates: whatever the statics are, the template is refused, or holds any value in its slot.

use std::borrow::Cow;
use std::collections::BTreeMap;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use crate::template::{Part, Place, Slot, Template, escape};

/// Pieces of templates, most of which make no sense together; those that are accepted anyway are
/// the interesting ones.
#[cfg(test)]
pub(crate) const PIECES: &[&str] = &[
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
    " hidden=",
    " disabled='",
    " aria-busy=\"",
    "<template>",
    "</template>",
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
    "$",
];

/// Pieces of values.
#[cfg(test)]
pub(crate) const VALUES: &[&str] = &[
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
    "\r",
    "\0",
];

/// The text is a template, whose slots are `$`, and the values for them, each after a `|`.
pub fn template(text: &str) -> Option<(Template, Vec<&str>)> {
    let mut parts = text.split('|');
    let source: Vec<&str> = parts.next().unwrap_or_default().split('$').collect();
    let mut values: Vec<&str> = parts.collect();
    match Template::compile(&source) {
        Ok(template) => {
            assert_eq!(template.value_count(), source.len() - 1);
            assert_eq!(template.value_kinds().len(), template.value_count());
            values.resize(template.value_count(), "x");
            Some((template, values))
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The bytes are a [`template`] with values.
pub fn templates(input: &[u8]) {
    if let Some((template, values)) = template(&String::from_utf8_lossy(input)) {
        holds(&template, &values);
    }
}

/// Renders with `values`, and checks it against a rendering in which every leaf is one word that
/// is then replaced, after reading, by the text that the leaf should have.
pub(crate) fn holds(template: &Template, values: &[&str]) {
    let written = |text: &str| text.contains(WORD);
    if values.iter().any(|value| written(value)) || template.statics().iter().any(|it| written(it))
    {
        return;
    }
    let resolved: Vec<_> = template
        .slots()
        .iter()
        .map(|slot| slot.resolve(|index| values[index]))
        .collect();
    let mut real = String::new();
    let mut harmless = String::new();
    for (index, part) in template.statics().iter().enumerate() {
        real.push_str(part);
        harmless.push_str(part);
        match resolved.get(index) {
            Some(leaf) if leaf.html => {
                real.push_str(&leaf.text);
                match &template.slots()[index].place {
                    // Its text is looked at as any other.
                    Place::Optional { name } if !leaf.text.is_empty() => {
                        harmless.push_str(&format!(" {name}=\"{WORD}{index}{WORD}\""));
                    }
                    _ => harmless.push_str(&leaf.text),
                }
            }
            Some(leaf) => {
                real.push_str(&escape(&leaf.text));
                harmless.push_str(&format!("{WORD}{index}{WORD}"));
            }
            None => {}
        }
    }
    let texts: Vec<Cow<'_, str>> = template
        .slots()
        .iter()
        .zip(&resolved)
        .map(|(slot, leaf)| match (&slot.place, &slot.parts[..]) {
            (Place::Optional { .. }, &[Part::Value(value)]) => {
                let text = values[value];
                let is_there = Place::optional_text(&leaf.text).is_some();
                assert_eq!(is_there, !text.is_empty());
                let text = text.strip_prefix('=').unwrap_or(text);
                assert_eq!(Place::optional_text(&leaf.text).unwrap_or_default(), text);
                Cow::Borrowed(text)
            }
            _ => Cow::Borrowed(leaf.text.as_ref()),
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(Cow::as_ref).collect();
    let mut expected = read(&harmless);
    for text in expected.iter_mut().flatten() {
        *text = filled(text, &texts);
    }
    // A run of nothing is not reported.
    expected.retain(|step| step != &["text", ""]);
    let real_steps = read(&real);
    assert_eq!(plain(real_steps), plain(expected), "{real}\n{template:?}");
    for (slot, leaf) in template.slots().iter().zip(&texts) {
        assert!(!runs_script(slot, leaf), "{leaf} in {real}");
    }
}

/// Around a slot's number, in place of its value.
const WORD: &str = "SlotWord";

/// `text` with the words in it replaced by the slots' texts.
fn filled(text: &str, texts: &[&str]) -> String {
    let mut filled = String::new();
    for (index, part) in text.split(WORD).enumerate() {
        if index % 2 == 0 {
            filled.push_str(part);
        } else {
            let slot: usize = part.parse().expect("a slot's number");
            filled.push_str(texts[slot]);
        }
    }
    filled
}

/// What parsers do to every text, wherever it stands: line ends are newlines, and some places take
/// no NUL.
fn plain(mut steps: Vec<Vec<String>>) -> Vec<Vec<String>> {
    for text in steps.iter_mut().flatten() {
        if text.contains(['\r', '\0']) {
            *text = text
                .replace("\r\n", "\n")
                .replace('\r', "\n")
                .replace('\0', "\u{fffd}");
        }
    }
    steps
}

/// What a browser reads, step by step.
fn read(html: &str) -> Vec<Vec<String>> {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let mut steps = Vec::new();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        steps.push(match token {
            Token::StartTag(tag) => {
                let attributes: BTreeMap<_, _> = tag.attributes.iter().collect();
                let mut step = vec![
                    "<".to_owned(),
                    lossy(&tag.name),
                    tag.self_closing.to_string(),
                ];
                for (name, value) in attributes {
                    step.extend([lossy(name), lossy(value)]);
                }
                step
            }
            Token::EndTag(tag) => vec!["</".to_owned(), lossy(&tag.name)],
            // The text itself, so that the value's place in it counts.
            Token::String(text) => vec!["text".to_owned(), lossy(&text)],
            Token::Comment(text) => vec!["comment".to_owned(), lossy(&text)],
            Token::Doctype(doctype) => vec!["doctype".to_owned(), lossy(&doctype.name)],
            Token::Error(_) => continue,
        });
    }
    steps
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A second opinion on URLs, by another way than the code's own.
fn runs_script(slot: &Slot, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let squeezed: String = text
        .trim_start_matches(|c| c <= ' ')
        .replace(['\t', '\n', '\r'], "");
    matches!(slot.place, Place::Url { .. }) && squeezed.starts_with("javascript:")
}
