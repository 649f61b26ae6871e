//! The faults that a template can have, with texts that help its author to mend them.

use std::borrow::Cow;
use std::fmt;

use super::events::{EVENTS, MODIFIERS};

/// A template that cannot be used: the fault, its place, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject} {fault}: `{excerpt}`. {}", fault.mend())]
pub struct TemplateError {
    subject: Subject,
    fault: Fault,
    excerpt: String,
}

impl TemplateError {
    pub(super) fn new(slot: Option<usize>, fault: Fault, excerpt: String) -> Self {
        TemplateError {
            subject: Subject(slot),
            fault,
            excerpt,
        }
    }

    /// The slot that is to blame, counted from 1; `None` if the fault is in the static text.
    #[must_use]
    pub fn slot(&self) -> Option<usize> {
        self.subject.0
    }

    /// The fault.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The template around the fault. Slots show as `${…}`, the one to blame with its number.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subject(Option<usize>);

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(slot) => write!(f, "Slot {slot} of a template"),
            None => f.write_str("A template"),
        }
    }
}

/// A fault in a template. Each text goes on from "Slot 2 of a template …" or, if no slot is to blame, from "A
/// template …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A slot in the name of a start tag.
    #[error("stands in a tag's name")]
    TagName,
    /// A slot in an end tag.
    #[error("stands in an end tag")]
    EndTag,
    /// A slot at a position at which the name of an attribute is read.
    #[error("stands where an attribute's name is expected")]
    AttributeName,
    /// A slot in an attribute value without quotes.
    #[error("stands in the unquoted value of attribute {0}")]
    Unquoted(String),
    /// A slot in a comment (also `<!…>`, `<?…>` and `</ …>`, which are read as comments).
    #[error("stands in a comment")]
    Comment,
    /// A slot in the doctype.
    #[error("stands in the doctype")]
    Doctype,
    /// A CDATA section, with or without a slot.
    #[error("meets a CDATA section, which HTML and SVG read differently")]
    Cdata,
    /// A slot in an element whose content is not text to be escaped.
    #[error("stands inside <{0}>, where nothing can be escaped")]
    RawText(String),
    /// A slot in a `<template>`, whose content is a document of its own, or in a declarative shadow root.
    #[error("stands inside {}", if *.shadow {
        "a declarative shadow root, which the browser takes out of the page while it reads it"
    } else {
        "<template>, whose content is no part of the page"
    })]
    Apart {
        /// The slot is in a declarative shadow root.
        shadow: bool,
    },
    /// A slot in an attribute that no value can be made safe for.
    #[error("stands in attribute {name} of <{element}>, where no value is safe")]
    Forbidden {
        /// The element.
        element: String,
        /// The attribute.
        name: String,
    },
    /// A slot in an event attribute (`on…`).
    #[error("stands in attribute {0}, which holds script")]
    EventAttribute(String),
    /// A slot in `<textarea>` or `<title>` behind a `<`: the two together could form an end tag.
    #[error("stands in <{0}> after a `<`")]
    AfterLessThan(String),
    /// A slot that the tokenizer did not report: the markup around it is broken.
    #[error("stands in markup that cannot be read")]
    Unread,
    /// An attribute that appears twice in one tag.
    #[error("has attribute {name} more than once on <{element}>")]
    Duplicate {
        /// The element.
        element: String,
        /// The attribute's name, as sent to the browser.
        name: String,
    },
    /// An attribute name that begins with `=`.
    #[error("has an `=` where an attribute's name is expected")]
    StrayEquals,
    /// A template that does not end in text.
    #[error("does not end in text but inside {0}")]
    Ends(String),
    /// A NUL character.
    #[error("holds a NUL character")]
    Nul,
    /// An element after which nothing is markup any more.
    #[error("has a <plaintext>, which never ends")]
    Plaintext,
    /// An element whose content reads as text in one context and as markup in another.
    #[error("has a <{0}> whose content would end elsewhere if it were read as markup, as in SVG")]
    Ambiguous(String),
    /// `@name` for an event that has no binding.
    #[error("binds an unknown event, {0}")]
    UnknownEvent(String),
    /// `@click.name` with a modifier that there is not.
    #[error("has an unknown modifier, {0}")]
    UnknownModifier(String),
    /// `@click.self.outside`: two modifiers that exclude each other.
    #[error("has modifiers that exclude each other, {0}")]
    ModifiersExclude(String),
    /// `@visible.window`: a modifier that means nothing for an element that comes into view.
    #[error("has a modifier that @visible does not take, {0}")]
    ModifierOfVisible(String),
    /// Two modifiers of one element that contradict each other.
    #[error("gives <{element}> two values of {name}")]
    ModifierConflict {
        /// The element.
        element: String,
        /// The attribute that the modifiers stand for.
        name: String,
    },
    /// `@click` without a handler's name.
    #[error("has {0} without a handler's name")]
    NoHandler(String),
    /// `?name` whose value is not exactly one slot.
    #[error("has {0} with something else than exactly one slot as its value")]
    BooleanValue(String),
    /// `?name` for a name that does not belong to a boolean attribute.
    #[error("has {0}, which is not the name of a boolean attribute")]
    BooleanName(String),
    /// A slot at a place in a `style` attribute in which no value can be made safe.
    #[error("stands in a style attribute {0}")]
    Style(&'static str),
}

impl Fault {
    /// What to write instead.
    #[must_use]
    pub fn mend(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Fault::TagName | Fault::EndTag => {
                "Write tags out, and choose between whole templates with a condition."
            }
            Fault::AttributeName => {
                "Write attributes out, as in title=\"${…}\". For an attribute that comes and goes, write ?disabled=${…}."
            }
            Fault::Unquoted(name) => {
                return Cow::Owned(format!("Put quotes around the value: {name}=\"${{…}}\"."));
            }
            Fault::Comment | Fault::Doctype => "Move the value into the page's text.",
            Fault::Cdata => {
                "Write the text without the section, with `<` as &lt; and `&` as &amp;."
            }
            Fault::RawText(element) => match element.as_str() {
                "script" => "Hand data to scripts in a data- attribute: data-name=\"${…}\".",
                "style" => "Use a style attribute or a custom property: style=\"--size: ${…}\".",
                _ => "Move the value out of this element.",
            },
            Fault::Apart { shadow: false } => {
                "Write the template's content out, or show the elements themselves in the place of <template>; data for a script goes into an attribute of the template: <template data-name=\"${…}\">."
            }
            Fault::Apart { shadow: true } => {
                "Write the shadow root out, and give the value to its host: as an attribute, or as a child that a <slot> shows."
            }
            Fault::Forbidden { .. } => {
                "Write the attribute's value out, and choose between whole templates with a condition."
            }
            Fault::EventAttribute(_) => "Bind a handler on the server instead, as in @click=${…}.",
            Fault::AfterLessThan(_) => "Write the `<` as &lt;.",
            Fault::Unread => "Look for a missing quote or `>` before it.",
            Fault::Duplicate { .. } => {
                "Browsers keep the first and drop the others: write it once, with all of its value."
            }
            Fault::StrayEquals => "Write name=\"value\".",
            Fault::Ends(_) => {
                "Close it: a template may leave elements open, but no tag, quote, comment or raw text."
            }
            Fault::Nul => "Remove the character; HTML has no way to write it.",
            Fault::Plaintext => "Use <pre>.",
            Fault::Ambiguous(_) => {
                "Write `<` in the element as &lt;, or move the element out of the one around it."
            }
            Fault::UnknownEvent(_) => {
                return Cow::Owned(format!(
                    "The events are {} and all others of the browser. An event of your own needs a hyphen or a colon in its name, or is written out, as in data-l-on-picked=\"pick\".",
                    EVENTS.join(", ")
                ));
            }
            Fault::UnknownModifier(_) => {
                return Cow::Owned(format!(
                    "The modifiers are {}, with milliseconds behind debounce and throttle, as in @input.debounce.300; keydown and keyup have keys, too: enter, escape, tab, space, backspace, delete, insert, home, end, pageup, pagedown, up, down, left, right, dot, slash, equal, f1 to f12, and single characters.",
                    MODIFIERS.join(", ")
                ));
            }
            Fault::ModifiersExclude(_) => {
                "Give at most one of self, outside, window and document, one of debounce and throttle, and one key; a second key is a binding of its own."
            }
            Fault::ModifierOfVisible(_) => {
                "@visible takes once, debounce and throttle: an element comes into view, and nobody presses a key or a button."
            }
            Fault::ModifierConflict { .. } => {
                "Modifiers count for the element with all its events: give each one once."
            }
            Fault::NoHandler(_) => "Name a handler, as in @click=\"increment\" or @click=${…}.",
            Fault::BooleanValue(_) => {
                "Write ?disabled=${…} with one value, or the plain attribute without the question mark."
            }
            Fault::BooleanName(_) => {
                "`?` is for boolean attributes, which count if they are there, like ?disabled or ?checked."
            }
            Fault::Style(_) => {
                "Let the slot hold the value of one property (style=\"color: ${…}\"), or be the whole attribute."
            }
        })
    }
}
