//! The attributes of one start tag: their slots, and the short forms among them.

use std::ops::Range;

use super::compile::{Attribute, Found, Spot, Tag};
use super::error::Fault;
use super::place::{self, Kind};
use super::presence::{self, Values};
use super::probe::Probe;
use super::rewrite::Rewrite;
use super::{Part, Place, Slot, events, modifiers, style, sugar};

/// Finds the slots of `tag` and notes the changes that its attributes need.
pub(super) fn analyse(probe: &Probe, rewrite: &mut Rewrite, tag: &Tag) -> Result<(), Found> {
    let mut reader = Reader {
        probe,
        rewrite,
        tag,
        refresh: refreshes(probe, tag),
        names: Vec::new(),
        modifiers: Vec::new(),
    };
    tag.attributes
        .iter()
        .try_for_each(|attribute| reader.attribute(attribute))
}

/// Whether this is a `<meta>` whose `content` may be an address to go to.
fn refreshes(probe: &Probe, tag: &Tag) -> bool {
    let equivalent = tag.attributes.iter().find(|a| a.name == "http-equiv");
    let value = equivalent.and_then(|attribute| attribute.value.as_ref());
    tag.name == "meta"
        && value.is_some_and(|(value, _)| {
            value.to_ascii_lowercase().contains("refresh") || !probe.markers(value).is_empty()
        })
}

/// An attribute's value as it is written.
struct Written<'a> {
    /// With character references resolved.
    decoded: &'a str,
    /// In the source, without quotes.
    range: Range<usize>,
    quoted: bool,
    /// The slots in it.
    slots: Range<usize>,
}

struct Reader<'a> {
    probe: &'a Probe,
    rewrite: &'a mut Rewrite,
    tag: &'a Tag,
    refresh: bool,
    /// The names so far, as the browser will see them.
    names: Vec<String>,
    /// The attributes that modifiers of `@click` and its like stand for, so far.
    modifiers: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    fn attribute(&mut self, attribute: &Attribute) -> Result<(), Found> {
        let Attribute { name, start, .. } = attribute;
        let here = Spot::Offset(*start);
        if let Some(&marker) = self.probe.markers(name).first() {
            return Err((Fault::AttributeName, Spot::Slot(marker)));
        }
        if name.starts_with('=') {
            return Err((Fault::StrayEquals, here));
        }
        // The tokenizer's positions are used only if the reported name stands there.
        let written = self.probe.text.get(*start..start + name.len());
        if !written.is_some_and(|written| written.eq_ignore_ascii_case(name)) {
            return Err((Fault::Unread, here));
        }
        let value = match &attribute.value {
            Some((decoded, at)) => Some(self.written(decoded, *at).ok_or((Fault::Unread, here))?),
            None => None,
        };
        if name.starts_with('@') {
            self.binding(attribute, value)
        } else if name.starts_with('?') {
            self.boolean(attribute, value)
        } else {
            self.claim(name, here)?;
            if let Some(binding) = name.strip_prefix(events::LONG) {
                modifiers::read(binding, name).map_err(|fault| (fault, here))?;
            }
            let Some(value) = value else {
                return Ok(());
            };
            let values = presence::of(name);
            let is_plain = matches!(place::kind(&self.tag.name, name, self.refresh), Kind::Plain);
            match self.only(&value) {
                Some(slot) if is_plain && values.comes_and_goes() => {
                    let name = name.as_str().into();
                    let place = match values {
                        Values::Boolean => Place::Boolean { name },
                        _ => Place::Optional { name },
                    };
                    let slot = Slot::single(place, &self.tag.name, slot).reading(values);
                    self.attribute_slot(attribute, &value, slot);
                    Ok(())
                }
                Some(_) if is_plain => self.value(name, &value, values),
                _ if values == Values::Boolean => self.value(name, &value, Values::PartOfBoolean),
                _ => self.value(name, &value, Values::Text),
            }
        }
    }

    /// Finds the source of a value, and makes sure that it holds the slots that were reported.
    fn written<'v>(&self, decoded: &'v str, start: usize) -> Option<Written<'v>> {
        let text = self.probe.text.get(start..)?;
        let quote = self.probe.text.get(..start)?.chars().next_back();
        let quote = quote.filter(|c| matches!(c, '"' | '\''));
        let length = match quote {
            Some(quote) => text.find(quote)?,
            None => text.find(|c: char| c.is_ascii_whitespace() || c == '>')?,
        };
        let range = start..start + length;
        let slots = self.probe.within(&range);
        let reported = self.probe.markers(decoded);
        slots.clone().eq(reported).then_some(Written {
            decoded,
            range,
            quoted: quote.is_some(),
            slots,
        })
    }

    /// Notes a name; browsers ignore all but the first attribute of a name (WHATWG HTML 13.2.5.33).
    fn claim(&mut self, name: &str, spot: Spot) -> Result<(), Found> {
        if self.names.iter().any(|earlier| earlier == name) {
            let fault = Fault::Duplicate {
                element: self.tag.name.clone(),
                name: name.to_owned(),
            };
            return Err((fault, spot));
        }
        self.names.push(name.to_owned());
        Ok(())
    }

    /// The slots of an attribute's value.
    fn value(&mut self, name: &str, value: &Written, values: Values) -> Result<(), Found> {
        let Some(first) = value.slots.clone().next() else {
            return Ok(());
        };
        let element = self.tag.name.as_str();
        let kind = match place::kind(element, name, self.refresh) {
            // Checked before the quotes: in this place quotes would not help.
            Kind::Refused(fault) => return Err((fault, Spot::Slot(first))),
            kind => kind,
        };
        if !value.quoted {
            return Err((Fault::Unquoted(name.to_owned()), Spot::Slot(first)));
        }
        let name = name.into();
        let place = match kind {
            Kind::Url(rule) => Place::Url { name, rule },
            Kind::Style => Place::Style,
            Kind::Plain | Kind::Refused(_) => {
                let place = Place::Attribute { name };
                for slot in value.slots.clone() {
                    let range = self.probe.range(slot);
                    let slot = Slot::single(place.clone(), element, slot).reading(values);
                    self.rewrite.slot(range, slot);
                }
                return Ok(());
            }
        };
        let parts = self.parts(value.decoded);
        if place == Place::Style {
            style::check(&parts).map_err(|(slot, text)| (Fault::Style(text), Spot::Slot(slot)))?;
        }
        let slot = Slot::of(place, element, parts);
        self.rewrite.slot(value.range.clone(), slot);
        Ok(())
    }

    fn parts(&self, decoded: &str) -> Vec<Part> {
        let (texts, markers) = self.probe.split(decoded);
        let mut markers = markers.into_iter();
        let mut parts = Vec::new();
        for text in texts {
            if !text.is_empty() {
                parts.push(Part::Static(text.into()));
            }
            parts.extend(markers.next().map(Part::Value));
        }
        parts
    }

    /// `@click.prevent="save"`.
    fn binding(&mut self, attribute: &Attribute, value: Option<Written>) -> Result<(), Found> {
        let Attribute { name, start, .. } = attribute;
        let here = Spot::Offset(*start);
        let binding = sugar::binding(name).map_err(|fault| (fault, here))?;
        let Some(value) = value else {
            return Err((Fault::NoHandler(name.clone()), here));
        };
        self.claim(&binding.attribute, here)?;
        let mut text = String::new();
        for (modifier, wanted) in binding.modifiers {
            match self.modifiers.iter().find(|(name, _)| *name == modifier) {
                Some((_, given)) if *given == wanted => continue,
                Some(_) => {
                    let fault = Fault::ModifierConflict {
                        element: self.tag.name.clone(),
                        name: modifier.to_owned(),
                    };
                    return Err((fault, here));
                }
                None => {}
            }
            self.claim(modifier, here)?;
            text.push_str(&format!("{modifier}=\"{wanted}\" "));
            self.modifiers.push((modifier, wanted));
        }
        text.push_str(&binding.attribute);
        self.rewrite.text(*start..start + name.len(), text);
        if value.quoted || value.slots.is_empty() {
            return self.value(&binding.attribute, &value, Values::Text);
        }
        let slot = self
            .only(&value)
            .ok_or((Fault::Unquoted(name.clone()), Spot::Slot(value.slots.start)))?;
        let Range { start, end } = value.range;
        let place = Place::Attribute {
            name: binding.attribute.into(),
        };
        self.rewrite.text(start..start, "\"");
        self.rewrite
            .slot(start..end, Slot::single(place, &self.tag.name, slot));
        self.rewrite.text(end..end, "\"");
        Ok(())
    }

    /// `?disabled=${…}`.
    fn boolean(&mut self, attribute: &Attribute, value: Option<Written>) -> Result<(), Found> {
        let Attribute { name, start, .. } = attribute;
        let here = Spot::Offset(*start);
        let slot = value.as_ref().and_then(|value| value.slots.clone().next());
        let spot = slot.map_or(here, Spot::Slot);
        let plain = sugar::boolean(&self.tag.name, name).map_err(|fault| (fault, spot))?;
        self.claim(plain, here)?;
        let Some((slot, value)) = value.and_then(|value| Some((self.only(&value)?, value))) else {
            return Err((Fault::BooleanValue(name.clone()), spot));
        };
        let values = match presence::of(plain) {
            Values::TrueFalse | Values::YesNo | Values::OnOff => Values::BooleanOfOther,
            _ => Values::Boolean,
        };
        let place = Place::Boolean { name: plain.into() };
        let slot = Slot::single(place, &self.tag.name, slot).reading(values);
        self.attribute_slot(attribute, &value, slot);
        Ok(())
    }

    /// Puts a slot in the place of a whole attribute.
    fn attribute_slot(&mut self, attribute: &Attribute, value: &Written, slot: Slot) {
        // The leaf brings the space before it, so the statics have to close up around it.
        let before = self.probe.text.get(..attribute.start).unwrap_or_default();
        let before = before.trim_end_matches(is_space);
        let from = before.len();
        let to = value.range.end + usize::from(value.quoted);
        if before.ends_with('/') {
            // A solidus must not meet the tag's end, or the tag would close itself.
            self.rewrite.text(from..from, " ");
        }
        self.rewrite.slot(from..to, slot);
        let after = self.probe.text.get(to..).unwrap_or_default();
        if !after.starts_with(|c| is_space(c) || c == '>') {
            // Otherwise the text after it would continue the name or the value before.
            self.rewrite.text(to..to, " ");
        }
    }

    /// The slot that is all of a value.
    fn only(&self, value: &Written) -> Option<usize> {
        let slot = value.slots.clone().next()?;
        (self.probe.range(slot) == value.range).then_some(slot)
    }
}

/// White space within a tag (WHATWG HTML 13.2.5.32).
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | ' ')
}
