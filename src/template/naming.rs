//! The name of a template between processes, each of which numbers its templates in its own way: a hash of
//! its statics and of the kinds of its slots. A browser needs nothing else of a template.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Place, Slot, Template};

/// Separates templates' names from every other use of a hash.
const INFO: &[u8] = b"loom-live/template/v1";

/// A template's name: 16 bytes of a hash, as 22 letters, digits, `-` and `_`.
pub type TemplateName = Arc<str>;

/// The parts of a template that a browser needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// One more than there are slots.
    statics: Vec<Box<str>>,
    slots: Vec<Kind>,
}

/// The kind of a slot, as a browser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Text,
    EscapableText,
    /// In an attribute that is there in any case.
    Attribute,
    /// An attribute that is there or not.
    Boolean(Box<str>),
    /// An attribute that has a text or is not there.
    Optional(Box<str>),
}

impl Definition {
    /// The definition of a template. Not to be called for a trusted template: it has no definition.
    pub fn of(template: &Template) -> Self {
        let kind = |slot: &Slot| match &slot.place {
            Place::Text => Kind::Text,
            Place::EscapableText => Kind::EscapableText,
            Place::Attribute { .. } | Place::Url { .. } | Place::Style => Kind::Attribute,
            Place::Boolean { name } => Kind::Boolean(name.clone()),
            Place::Optional { name } => Kind::Optional(name.clone()),
        };
        Self {
            statics: template.statics.clone(),
            slots: template.slots.iter().map(kind).collect(),
        }
    }

    /// The name of all templates that have this definition.
    pub fn name(&self) -> TemplateName {
        let mut hash = Sha256::new().chain_update(INFO);
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        for text in &self.statics {
            add(text);
        }
        for kind in &self.slots {
            let (letter, name) = match kind {
                Kind::Text => ("t", ""),
                Kind::EscapableText => ("r", ""),
                Kind::Attribute => ("a", ""),
                Kind::Boolean(name) => ("b", &**name),
                Kind::Optional(name) => ("o", &**name),
            };
            add(letter);
            add(name);
        }
        let hash = hash.finalize();
        URL_SAFE_NO_PAD
            .encode(hash.get(..16).unwrap_or_default())
            .into()
    }

    /// A template that browsers can be told of, and that nothing is rendered with. `None` if statics and slots do not
    /// fit together.
    pub fn template(self) -> Option<Template> {
        if self.statics.len() != self.slots.len() + 1 {
            return None;
        }
        let slot = |(index, kind)| {
            let place = match kind {
                Kind::Text => Place::Text,
                Kind::EscapableText => Place::EscapableText,
                Kind::Attribute => Place::Attribute { name: "".into() },
                Kind::Boolean(name) => Place::Boolean { name },
                Kind::Optional(name) => Place::Optional { name },
            };
            Slot::single(place, "", index)
        };
        let slots: Vec<Slot> = self.slots.into_iter().enumerate().map(slot).collect();
        Some(Template {
            source: Vec::new(),
            statics: self.statics,
            slot_of: (0..slots.len()).collect(),
            slots,
            trusted: false,
            child: false,
            number: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_named_by_what_a_browser_needs_of_it() {
        let sources: [&[&str]; 7] = [
            &["<p>", "</p>"],
            &["<p> ", "</p>"],
            &["<p>", "", "</p>"],
            &["<textarea>", "</textarea>"],
            &["<a href=\"", "\"></a>"],
            &["<a title=\"", "\"></a>"],
            &["<input ?checked=", ">"],
        ];
        let compiled = sources.map(|source| Template::compile(source).unwrap());
        let names = compiled
            .each_ref()
            .map(|template| Definition::of(template).name());
        for (at, name) in names.iter().enumerate() {
            assert_eq!(name.len(), 22);
            assert!(!names[at + 1..].contains(name), "{at}");
        }
        for template in compiled {
            let definition = Definition::of(&template.clone().numbered(7));
            assert_eq!(definition, Definition::of(&template));
            let json = serde_json::to_string(&definition).unwrap();
            let read: Definition = serde_json::from_str(&json).unwrap();
            assert_eq!(read, definition);
            assert_eq!(Definition::of(&read.template().unwrap()), definition);
        }
    }

    #[test]
    fn what_does_not_fit_together_is_no_template() {
        let definition = Definition {
            statics: vec!["".into()],
            slots: vec![Kind::Text],
        };
        assert!(definition.template().is_none());
    }
}
