//! Short ways to write an attribute: `@click.prevent="save"` for event bindings, `?disabled=${…}`
//! for boolean attributes. Names only; where they count as attributes, the tokenizer says.

use super::error::Fault;
use super::events::EVENTS;
use super::place;

/// What `@name` stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The attribute that holds the handler's name.
    pub(super) attribute: String,
    /// The attributes beside it.
    pub(super) modifiers: Vec<(&'static str, String)>,
}

/// Reads an attribute name that begins with `@`, in lower case as the tokenizer hands it over.
pub(super) fn binding(written: &str) -> Result<Binding, Fault> {
    let mut words = written.trim_start_matches('@').split('.');
    let event = words.next().unwrap_or_default();
    if !EVENTS.contains(&event) || !written.starts_with('@') || written.starts_with("@@") {
        return Err(Fault::UnknownEvent(written.to_owned()));
    }
    let mut words = words.peekable();
    let mut modifiers: Vec<(&'static str, String)> = Vec::new();
    while let Some(word) = words.next() {
        let (name, value) = match word {
            "prevent" => ("data-l-prevent", "true".to_owned()),
            "stop" => ("data-l-stop", "true".to_owned()),
            "debounce" => (
                "data-l-debounce",
                // Nothing: the client's own delay.
                words
                    .next_if(|next| is_milliseconds(next))
                    .unwrap_or_default()
                    .to_owned(),
            ),
            _ => return Err(Fault::UnknownModifier(format!("{word} in {written}"))),
        };
        modifiers.push((name, value));
    }
    Ok(Binding {
        attribute: format!("data-l-{event}"),
        modifiers,
    })
}

fn is_milliseconds(word: &str) -> bool {
    !word.is_empty() && word.len() <= 9 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name of the boolean attribute that `?name` on `element` stands for.
pub(super) fn boolean<'a>(element: &str, written: &'a str) -> Result<&'a str, Fault> {
    let name = written.trim_start_matches('?');
    // The name goes into the leaf as it stands: it must be one and nothing else.
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'));
    if !word || !matches!(place::kind(element, name, false), place::Kind::Plain) {
        return Err(Fault::BooleanName(written.to_owned()));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str) -> Option<(String, Vec<(&'static str, String)>)> {
        let binding = binding(written).ok()?;
        Some((binding.attribute, binding.modifiers))
    }

    #[test]
    fn events_and_modifiers() {
        for event in EVENTS {
            let expected = (format!("data-l-{event}"), vec![]);
            assert_eq!(read(&format!("@{event}")), Some(expected));
        }
        assert_eq!(
            read("@submit.prevent.stop"),
            Some((
                "data-l-submit".into(),
                vec![
                    ("data-l-prevent", "true".into()),
                    ("data-l-stop", "true".into())
                ]
            ))
        );
        assert_eq!(
            read("@input.debounce.300.stop"),
            Some((
                "data-l-input".into(),
                vec![
                    ("data-l-debounce", "300".into()),
                    ("data-l-stop", "true".into())
                ]
            ))
        );
        assert_eq!(
            read("@input.debounce"),
            Some(("data-l-input".into(), vec![("data-l-debounce", "".into())]))
        );
    }

    #[test]
    fn unknown_names() {
        for written in [
            "@",
            "@dblclick",
            "@clicks",
            "@@click",
            "@.prevent",
            "@click\"",
        ] {
            let unknown = Fault::UnknownEvent(written.into());
            assert_eq!(binding(written), Err(unknown));
        }
        for written in [
            "@click.",
            "@click.once",
            "@click.300",
            "@click.debounce.fast",
            "@click.debounce.-1",
            "@click.debounce.9999999999",
        ] {
            assert!(
                matches!(binding(written), Err(Fault::UnknownModifier(_))),
                "{written}"
            );
        }
    }

    #[test]
    fn boolean_names() {
        assert_eq!(boolean("input", "?disabled"), Ok("disabled"));
        assert_eq!(boolean("x-tab", "?data-open"), Ok("data-open"));
        assert!(boolean("template", "?shadowrootmode").is_err());
        for written in [
            "?", "?onclick", "?href", "?src", "?style", "?srcdoc", "?a\"b", "?a=b", "?a<b", "?é",
            "?1", "?.a", "?@click",
        ] {
            assert!(boolean("iframe", written).is_err(), "{written}");
        }
    }
}
