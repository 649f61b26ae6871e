//! Templates: what the HTML around each slot makes of a value.
//!
//! An application's template literal is analysed once, with an HTML tokenizer, so that every slot knows
//! its [`Place`]; a place in which no value can be safe is refused then and there. At render time
//! a value only has to be escaped ([`escape()`]) or, in the few places with a language of their own
//! (URLs, styles), to be judged first ([`Slot::resolve`]).
//!
//! Pure: no I/O, no runtime, no knowledge of JavaScript.

use std::borrow::Cow;
use std::fmt;

mod attributes;
mod child;
mod compile;
mod elements;
mod error;
mod escape;
mod events;
mod excerpt;
mod modifiers;
mod naming;
mod place;
mod presence;
mod probe;
mod rewrite;
mod sanitized;
mod standing;
mod style;
mod sugar;
#[cfg(test)]
mod tests;
mod tokens;
mod url;

pub(crate) use child::GIVEN;
pub use error::{Fault, TemplateError};
pub use escape::{escape, escape_into, unescape};
pub use events::EVENTS;
pub use naming::{Definition, TemplateName};
pub use presence::Values;
pub use sanitized::sanitized;
pub use standing::{Misplaced, misplaced};
pub use url::UrlRule;

/// An analysed template: its form on the wire, and how the application's values get into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The application's own static strings, for messages; empty for a trusted template.
    source: Vec<Box<str>>,
    statics: Vec<Box<str>>,
    slots: Vec<Slot>,
    /// By the application's values: the slot that each goes into.
    slot_of: Vec<usize>,
    trusted: bool,
    /// See [`is_child`](Self::is_child).
    child: bool,
    /// The template's number when it crosses to JavaScript or to a browser.
    number: u32,
}

impl Template {
    /// Analyses an application's template literal: n+1 source strings around n values.
    ///
    /// # Errors If a value could not be made safe in its place; if the template does not begin and end in
    /// text; or if a browser would otherwise not read it as its author means it.
    pub fn compile(source: &[&str]) -> Result<Template, TemplateError> {
        compile::compile(source)
    }

    /// Takes statics as they stand, between leaves that are escaped HTML already.
    #[must_use]
    pub fn trusted(mut statics: Vec<Box<str>>) -> Template {
        if statics.is_empty() {
            statics.push("".into());
        }
        let count = statics.len() - 1;
        Template {
            source: Vec::new(),
            statics,
            slots: (0..count)
                .map(|index| Slot::single(Place::Text, "", index))
                .collect(),
            slot_of: (0..count).collect(),
            trusted: true,
            child: false,
            number: 0,
        }
    }

    /// Gives the template the number under which it crosses to JavaScript and to browsers.
    #[must_use]
    pub fn numbered(self, number: u32) -> Template {
        Template { number, ..self }
    }

    /// The number given by [`numbered`](Self::numbered); 0 if no number was given.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The static strings that go over the wire, one more than there are [`slots`](Self::slots).
    #[must_use]
    pub fn statics(&self) -> &[Box<str>] {
        &self.statics
    }

    /// The slots that go over the wire. Several of the application's values may share one.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many values the application's literal has.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.slot_of.len()
    }

    /// Whether the statics were taken as they stand, by [`trusted`](Self::trusted).
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether this is the container of a nested component: see [`child`]. Its slots are the module, the key,
    /// and the props that the parent gives, which never go over the wire.
    #[must_use]
    pub fn is_child(&self) -> bool {
        self.child
    }

    /// The meaning of each of the application's values, one ASCII letter per value: see [`Values`]. A value
    /// of the kind `t` is a text, a subtree or a list; values of all other kinds are leaves.
    #[must_use]
    pub fn value_kinds(&self) -> String {
        let kind = |slot: &usize| match self.slots.get(*slot) {
            Some(slot) => slot.values.letter(),
            None => Values::Text.letter(),
        };
        self.slot_of.iter().map(kind).collect()
    }

    /// Describes the application's value `value` (counted from 0) for a message, as in
    /// ``slot 2, attribute href of <a>: `<a href="${2}">` `` with slots counted from 1.
    #[must_use]
    pub fn describe(&self, value: usize) -> String {
        let number = value + 1;
        let slot = self.slot_of.get(value).and_then(|at| self.slots.get(*at));
        match slot {
            Some(_) if self.trusted => format!("slot {number} of a tree"),
            Some(slot) => {
                let excerpt = excerpt::around_slot(&self.source, value);
                format!("slot {number}, {}: `{excerpt}`", slot.description())
            }
            None => format!("slot {number}"),
        }
    }
}

/// A slot of the wire: its place, and the parts of its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The slot's place in the HTML.
    pub place: Place,
    /// The parts of the leaf. There is exactly one value among them, unless [`Place::Url`] or
    /// [`Place::Style`] covers a whole attribute.
    pub parts: Vec<Part>,
    element: Box<str>,
    values: Values,
}

impl Slot {
    fn single(place: Place, element: &str, value: usize) -> Slot {
        Slot::of(place, element, vec![Part::Value(value)])
    }

    fn of(place: Place, element: &str, parts: Vec<Part>) -> Slot {
        let values = match &place {
            Place::Text => Values::Any,
            _ => Values::Text,
        };
        Slot {
            place,
            parts,
            element: element.into(),
            values,
        }
    }

    /// The slot, whose value says this.
    fn reading(self, values: Values) -> Slot {
        Slot { values, ..self }
    }

    /// The element whose attribute or raw text this is; empty if it is ordinary text.
    #[must_use]
    pub fn element(&self) -> &str {
        &self.element
    }

    /// The slot's leaf from the application's values. `value(i)` gives the unescaped text of
    /// value `i`; for a [`Place::Boolean`], any text at all means that the attribute is there, and
    /// for a [`Place::Optional`] an `=` and the attribute's text.
    pub fn resolve<'a>(&self, value: impl Fn(usize) -> &'a str) -> Resolved<'a> {
        let plain = |text| Resolved {
            text,
            refused: None,
            html: false,
        };
        match &self.place {
            Place::Text | Place::EscapableText | Place::Attribute { .. } => plain(self.join(value)),
            Place::Url { rule, .. } => {
                let (text, refused) = url::judge(*rule, self.join(value));
                Resolved {
                    refused,
                    ..plain(text)
                }
            }
            Place::Style => match style::judge(&self.parts, &value) {
                Ok(()) => plain(self.join(value)),
                Err(fault) => Resolved {
                    refused: Some(Refusal::Style(fault)),
                    ..plain(self.join(|_| ""))
                },
            },
            Place::Boolean { name } => Resolved {
                html: true,
                ..plain(if self.join(value).is_empty() {
                    Cow::Borrowed("")
                } else {
                    Cow::Owned(format!(" {name}=\"\""))
                })
            },
            Place::Optional { name } => {
                let text = self.join(value);
                Resolved {
                    html: true,
                    ..plain(if text.is_empty() {
                        Cow::Borrowed("")
                    } else {
                        let text = text.strip_prefix('=').unwrap_or(&text);
                        Cow::Owned(format!(" {name}=\"{}\"", escape(text)))
                    })
                }
            }
        }
    }

    fn join<'a>(&self, value: impl Fn(usize) -> &'a str) -> Cow<'a, str> {
        if let [Part::Value(index)] = self.parts[..] {
            return Cow::Borrowed(value(index));
        }
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                Part::Static(text) => text,
                Part::Value(index) => value(*index),
            });
        }
        Cow::Owned(text)
    }

    fn description(&self) -> String {
        let element = &self.element;
        match &self.place {
            Place::Text => "text".to_owned(),
            Place::EscapableText => format!("text of <{element}>"),
            Place::Attribute { name } | Place::Url { name, .. } | Place::Optional { name } => {
                format!("attribute {name} of <{element}>")
            }
            Place::Style => format!("attribute style of <{element}>"),
            Place::Boolean { name } => format!("boolean attribute {name} of <{element}>"),
        }
    }
}

/// A part of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text of the template, with its character references resolved.
    Static(Box<str>),
    /// The application's value of this index, counted from 0.
    Value(usize),
}

/// The place of a slot: the HTML around it decides how its text is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Ordinary text: the only place for subtrees and lists.
    Text,
    /// The text of `<textarea>` or `<title>`, which cannot hold markup: leaves only.
    EscapableText,
    /// Within the quotes of an attribute that takes any text.
    Attribute {
        /// The attribute, in lower case, as sent to the browser.
        name: Box<str>,
    },
    /// The whole value of an attribute that holds one or more URLs.
    Url {
        /// The attribute, in lower case.
        name: Box<str>,
        /// How its text is read.
        rule: UrlRule,
    },
    /// The whole value of a `style` attribute.
    Style,
    /// A whole attribute that is there or not, with the space before it.
    Boolean {
        /// The attribute, in lower case.
        name: Box<str>,
    },
    /// A whole attribute that has a text or is not there, with the space before it.
    Optional {
        /// The attribute, in lower case.
        name: Box<str>,
    },
}

impl Place {
    /// The text that a leaf of a [`Place::Optional`] gives its attribute; `None` if the attribute is not there.
    #[must_use]
    pub fn optional_text(leaf: &str) -> Option<Cow<'_, str>> {
        let (_, text) = leaf.split_once("=\"")?;
        Some(unescape(text.strip_suffix('"').unwrap_or(text)))
    }
}

/// The leaf of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The leaf's text.
    pub text: Cow<'a, str>,
    /// Why a value was refused, if one was; the text is safe all the same.
    pub refused: Option<Refusal>,
    /// Whether the text is HTML as it stands. Otherwise it still has to be escaped.
    pub html: bool,
}

/// Why a value did not get into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A URL with a script scheme, replaced by `about:invalid`.
    ScriptUrl,
    /// A `data:` URL that could carry script, replaced by `about:invalid`.
    ScriptableData,
    /// A style value that holds more than one value; it was left out. The text names the mark in it.
    Style(&'static str),
    /// HTML of users that is not complete in itself; shown as text.
    Incomplete,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::ScriptUrl => f.write_str("a script URL, replaced by about:invalid"),
            Refusal::ScriptableData => {
                f.write_str("a data: URL that could carry script, replaced by about:invalid")
            }
            Refusal::Style(fault) => {
                write!(f, "a style attribute {fault}, whose values were left out")
            }
            Refusal::Incomplete => f.write_str(
                "HTML for sanitized() that is not complete in itself (cut off, or an element that is \
                 not closed), shown as text",
            ),
        }
    }
}
