//! The analysis of a template: the place of each slot, and the static strings that go over the wire.

use super::error::{Fault, TemplateError};
use super::probe::Probe;
use super::rewrite::Rewrite;
use super::tokens::{self, Content, Token};
use super::{Place, Slot, Template, attributes, excerpt};

/// The place of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// At a slot, counted from 0.
    Slot(usize),
    /// At an offset of the probe.
    Offset(usize),
}

/// A fault, and its place.
pub(super) type Found = (Fault, Spot);

/// A start tag, as far as it has been read.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) start: usize,
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute as it is written.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) start: usize,
    /// The value with its references resolved and the offset of its source; `None` if the value is empty.
    pub(super) value: Option<(String, usize)>,
}

pub(super) fn compile(source: &[&str]) -> Result<Template, TemplateError> {
    let mut source: Vec<Box<str>> = source.iter().map(|part| newlines(part)).collect();
    if source.is_empty() {
        source.push("".into());
    }
    for (index, part) in source.iter().enumerate() {
        if let Some(at) = part.find('\0') {
            let excerpt = excerpt::around(&source, index, at);
            return Err(TemplateError::new(None, Fault::Nul, excerpt));
        }
    }
    let probe = Probe::new(&source);
    let analysed = analyse(&probe).map_err(|(fault, spot)| match spot {
        Spot::Slot(slot) => {
            let excerpt = excerpt::around_slot(&source, slot);
            TemplateError::new(Some(slot + 1), fault, excerpt)
        }
        Spot::Offset(at) => {
            let (index, offset) = probe.locate(at);
            let excerpt = excerpt::around(&source, index, offset);
            TemplateError::new(None, fault, excerpt)
        }
    });
    let (statics, slots, slot_of) = analysed?;
    Ok(Template {
        child: super::child::is_child(&source),
        source,
        statics,
        slots,
        slot_of,
        trusted: false,
        number: 0,
    })
}

/// Line ends as every HTML parser sees them (WHATWG HTML 13.2.3.5), so that offsets are the same.
fn newlines(text: &str) -> Box<str> {
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n").into()
    } else {
        text.into()
    }
}

type Analysed = (Vec<Box<str>>, Vec<Slot>, Vec<usize>);

fn analyse(probe: &Probe) -> Result<Analysed, Found> {
    let mut analysis = Analysis {
        probe,
        rewrite: Rewrite::default(),
        tag: None,
        content: None,
        foreign: 0,
        templates: Vec::new(),
        leading: None,
        ended: false,
    };
    tokens::tokenize(&probe.text, |token| analysis.token(token))?;
    let end = probe.range(probe.end()).start;
    if !analysis.ended {
        let unfinished = Fault::Ends("a tag or a quoted value that is not closed".to_owned());
        return Err((unfinished, Spot::Offset(end)));
    }
    let finished = analysis.rewrite.finish(&probe.text, end);
    let (statics, slots) = finished.ok_or((Fault::Unread, Spot::Offset(end)))?;
    let slot_of = assign(&slots, probe.end())?;
    Ok((statics, slots, slot_of))
}

/// Which slot each value goes into. Every value has to have been reported, exactly once.
fn assign(slots: &[Slot], values: usize) -> Result<Vec<usize>, Found> {
    let mut slot_of = vec![None; values];
    for (at, slot) in slots.iter().enumerate() {
        for part in &slot.parts {
            let super::Part::Value(value) = *part else {
                continue;
            };
            match slot_of.get_mut(value) {
                Some(free @ None) => *free = Some(at),
                _ => return Err((Fault::Unread, Spot::Slot(value))),
            }
        }
    }
    slot_of
        .into_iter()
        .enumerate()
        .map(|(value, at)| at.ok_or((Fault::Unread, Spot::Slot(value))))
        .collect()
}

/// An element whose content is not markup.
struct Open {
    name: String,
    content: Content,
    /// The position at which the content begins.
    start: usize,
}

struct Analysis<'p> {
    probe: &'p Probe,
    rewrite: Rewrite,
    tag: Option<Tag>,
    content: Option<Open>,
    /// How many open elements there are in which the tree builder does not switch the tokenizer.
    foreign: usize,
    /// The `<template>`s that are open, and whether each is a declarative shadow root. The browser keeps the
    /// content of both apart from the page, so a value in it could never be found again.
    templates: Vec<bool>,
    /// The position at which a parser would drop a newline.
    leading: Option<usize>,
    ended: bool,
}

impl Analysis<'_> {
    fn token(&mut self, token: Token) -> Result<(), Found> {
        match token {
            Token::Open { name, start } => {
                self.refuse(&name, &Fault::TagName)?;
                self.tag = Some(Tag {
                    name,
                    start,
                    attributes: Vec::new(),
                });
            }
            Token::AttributeName { name, start } => match &mut self.tag {
                Some(tag) => tag.attributes.push(Attribute {
                    name,
                    start,
                    value: None,
                }),
                None => self.refuse(&name, &Fault::EndTag)?,
            },
            Token::AttributeValue { value, start } => match &mut self.tag {
                Some(tag) => {
                    if let Some(attribute) = tag.attributes.last_mut() {
                        attribute.value = Some((value, start));
                    }
                }
                None => self.refuse(&value, &Fault::EndTag)?,
            },
            Token::Close { self_closing, end } => self.close(self_closing, end)?,
            Token::End { name, start } => {
                self.refuse(&name, &Fault::EndTag)?;
                self.end(&name, start)?;
            }
            Token::Text(text) => {
                for marker in self.probe.markers(&text) {
                    self.text(marker)?;
                }
            }
            Token::Comment { value, start } => {
                if value.starts_with("[CDATA[") {
                    self.refuse(&value, &Fault::Cdata)?;
                    return Err((Fault::Cdata, Spot::Offset(start)));
                }
                self.refuse(&value, &Fault::Comment)?;
            }
            Token::Doctype(text) => self.refuse(&text, &Fault::Doctype)?,
        }
        Ok(())
    }

    /// Refuses a marker in this part of the markup.
    fn refuse(&self, reported: &str, fault: &Fault) -> Result<(), Found> {
        let Some(&marker) = self.probe.markers(reported).first() else {
            return Ok(());
        };
        if marker != self.probe.end() {
            return Err((fault.clone(), Spot::Slot(marker)));
        }
        let inside = match fault {
            Fault::Comment => "a comment",
            Fault::Doctype => "the doctype",
            Fault::Cdata => "a CDATA section",
            _ => "a tag",
        };
        let at = self.probe.range(marker).start;
        Err((Fault::Ends(inside.to_owned()), Spot::Offset(at)))
    }

    fn close(&mut self, self_closing: bool, end: usize) -> Result<(), Found> {
        let Some(tag) = self.tag.take() else {
            return Ok(());
        };
        let is_shadow = tag.name == "template" && is_shadow_root(&tag);
        if let Some(shadow) = self.templates.last().copied().or(is_shadow.then_some(true)) {
            self.apart(&tag, shadow)?;
        }
        attributes::analyse(self.probe, &mut self.rewrite, &tag)?;
        if tag.name == "template" {
            self.templates.push(is_shadow);
        }
        if is_foreign(&tag.name) && !self_closing {
            self.foreign += 1;
        }
        // 13.2.6.4.7: the parser drops a newline that follows these tags.
        if matches!(tag.name.as_str(), "textarea" | "pre" | "listing") {
            self.leading = Some(end);
        }
        match Content::of(&tag.name) {
            Some(Content::Plaintext) => Err((Fault::Plaintext, Spot::Offset(tag.start))),
            Some(content) => {
                self.content = Some(Open {
                    name: tag.name,
                    content,
                    start: end,
                });
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// No marker may be in the attributes of a tag that the page will not have.
    fn apart(&self, tag: &Tag, shadow: bool) -> Result<(), Found> {
        for Attribute { name, value, .. } in &tag.attributes {
            let value = value.as_ref().map_or("", |(value, _)| value);
            let (names, values) = (self.probe.markers(name), self.probe.markers(value));
            if let Some(&marker) = names.first().or(values.first()) {
                return Err((Fault::Apart { shadow }, Spot::Slot(marker)));
            }
        }
        Ok(())
    }

    fn end(&mut self, name: &str, start: usize) -> Result<(), Found> {
        if name == "template" {
            self.templates.pop();
        }
        if is_foreign(name) {
            self.foreign = self.foreign.saturating_sub(1);
        }
        let Some(open) = self.content.take() else {
            return Ok(());
        };
        // Such content can be read in two ways. Inside of SVG, MathML and some other elements, the tree
        // builder does not switch the tokenizer, and it is not known whether a template is used inside of one
        // of these. The content of <noscript> is markup if scripts do not run (and in a <template>, too). The
        // markup that follows must not depend on the way in which the content was read. Only scripts have
        // good reasons for a lone `<`, and a script has no reason to be in a piece of SVG.
        let written = self.probe.text.get(open.start..start).unwrap_or_default();
        let two_ways = self.foreign > 0 || open.name != "script";
        if two_ways && written.contains('<') && !ends_in_text(written) {
            return Err((Fault::Ambiguous(open.name), Spot::Offset(open.start)));
        }
        Ok(())
    }

    fn text(&mut self, marker: usize) -> Result<(), Found> {
        let range = self.probe.range(marker);
        if marker == self.probe.end() {
            self.ended = true;
            return match &self.content {
                Some(open) => {
                    let inside = format!("<{}>", open.name);
                    Err((Fault::Ends(inside), Spot::Offset(range.start)))
                }
                None => Ok(()),
            };
        }
        if let Some(&shadow) = self.templates.last() {
            return Err((Fault::Apart { shadow }, Spot::Slot(marker)));
        }
        let slot = match &self.content {
            None => Slot::single(Place::Text, "", marker),
            Some(open) if open.content == Content::Escapable => {
                let before = self.probe.text.get(open.start..range.start);
                if before.is_none_or(|before| before.contains('<')) {
                    let fault = Fault::AfterLessThan(open.name.clone());
                    return Err((fault, Spot::Slot(marker)));
                }
                Slot::single(Place::EscapableText, &open.name, marker)
            }
            Some(open) => {
                return Err((Fault::RawText(open.name.clone()), Spot::Slot(marker)));
            }
        };
        if self.leading == Some(range.start) {
            // A newline of ours for the parser to drop, so that it does not drop the value's own.
            self.rewrite.text(range.start..range.start, "\n");
        }
        self.rewrite.slot(range, slot);
        Ok(())
    }
}

/// Whether the browser makes a shadow root of this `<template>` and takes it out of the page (WHATWG HTML 13.2.6.4.4).
fn is_shadow_root(tag: &Tag) -> bool {
    let mode = tag.attributes.iter().find(|a| a.name == "shadowrootmode");
    let value = mode.and_then(|attribute| attribute.value.as_ref());
    value.is_some_and(|(value, _)| {
        value.eq_ignore_ascii_case("open") || value.eq_ignore_ascii_case("closed")
    })
}

/// Elements in which `<title>`, `<style>` and the like do not switch the tokenizer: foreign content
/// (WHATWG HTML 13.2.6.5), and those that ignore tags which they do not know.
fn is_foreign(element: &str) -> bool {
    matches!(element, "svg" | "math" | "select" | "frameset")
}

/// Whether `source`, read as markup from its beginning, ends where it began, in text.
fn ends_in_text(source: &str) -> bool {
    let probe = Probe::new(&[source.into()]);
    let mut content = None;
    let mut name = String::new();
    let mut ends = false;
    let read = tokens::tokenize(&probe.text, |token| {
        match token {
            Token::Open { name: opened, .. } => name = opened,
            Token::Close { .. } => content = Content::of(&name),
            Token::End { .. } => content = None,
            Token::Comment { value, .. } if value.starts_with("[CDATA[") => return Err(()),
            Token::Text(text) => ends |= !probe.markers(&text).is_empty() && content.is_none(),
            _ => {}
        }
        Ok(())
    });
    read.is_ok() && ends
}
