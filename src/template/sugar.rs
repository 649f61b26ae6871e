//! Short ways to write an attribute: `@click.prevent="save"` for event bindings, `?disabled=${…}` for boolean
//! attributes. This file knows the names only; the tokenizer says which texts are attributes.

use super::error::Fault;
use super::events::{EVENTS, LONG};
use super::modifiers;
use super::place;

/// The meaning of `@name`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The attribute that holds the handler's name.
    pub(super) attribute: String,
    /// The attributes beside it.
    pub(super) modifiers: Vec<(&'static str, String)>,
}

/// Reads an attribute name that begins with `@`, in lower case as the tokenizer hands it over.
pub(super) fn binding(written: &str) -> Result<Binding, Fault> {
    let unknown = || Fault::UnknownEvent(written.to_owned());
    let text = written.strip_prefix('@').ok_or_else(unknown)?;
    let modifiers::Binding { event, modifiers } = modifiers::read(text, written)?;
    if !modifiers::is_known(event) {
        return Err(unknown());
    }
    // The client itself knows these forms; their modifiers are attributes of the element.
    let short: Option<Vec<_>> = modifiers
        .iter()
        .map(|(name, number)| match *name {
            "prevent" => Some(("data-l-prevent", "true".to_owned())),
            "stop" => Some(("data-l-stop", "true".to_owned())),
            // Nothing: the client's own delay.
            "debounce" => Some(("data-l-debounce", number.unwrap_or_default().to_owned())),
            _ => None,
        })
        .collect();
    Ok(match short {
        Some(modifiers) if EVENTS.contains(&event) => Binding {
            attribute: format!("data-l-{event}"),
            modifiers,
        },
        _ => Binding {
            attribute: format!("{LONG}{text}"),
            modifiers: Vec::new(),
        },
    })
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
    fn other_events_and_modifiers_are_in_the_name() {
        for written in [
            "dblclick",
            "dblclick.prevent",
            "visible",
            "visible.once.throttle.500",
            "sl-change",
            "chart:picked",
            "click.once",
            "click.prevent.outside",
            "click.ctrl.shift",
            "input.throttle.500",
            "input.throttle",
            "input.debounce.300.once",
            "keydown.enter",
            "keydown.ctrl.s",
            "keydown.3",
            "keydown.?",
            "keyup.meta",
            "keydown.window.ctrl.alt.arrowup.prevent.stop",
        ] {
            let expected = (format!("data-l-on-{written}"), vec![]);
            assert_eq!(read(&format!("@{written}")), Some(expected), "{written}");
        }
        for written in [
            "@click.self.outside",
            "@keydown.window.document",
            "@input.debounce.3.throttle",
            "@keydown.a.b",
        ] {
            let fault = Fault::ModifiersExclude(written.into());
            assert_eq!(binding(written), Err(fault));
        }
    }

    #[test]
    fn what_comes_into_view_has_no_place_and_no_keys() {
        for word in ["self", "window", "prevent", "ctrl", "enter", "nonsense"] {
            let written = format!("@visible.{word}");
            assert_eq!(
                binding(&written),
                Err(Fault::ModifierOfVisible(written.clone()))
            );
        }
    }

    #[test]
    fn unknown_names() {
        for written in [
            "@",
            "@dbclick",
            "@clicks",
            "@1-a",
            "@a-é",
            "@@click",
            "@.prevent",
            "@click\"",
        ] {
            let unknown = Fault::UnknownEvent(written.into());
            assert_eq!(binding(written), Err(unknown));
        }
        for written in [
            "@click.",
            "@click.onec",
            "@click.enter",
            "@keydown.entr",
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
