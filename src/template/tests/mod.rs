//! Tests of whole templates, written as their authors write them: slots are `${…}`, `${a}`, ….

mod breakout;
mod places;
mod presence;
mod refusals;
mod styles;
mod sugar;
mod urls;

use super::{Fault, Resolved, Slot, Template, TemplateError, escape};

/// Splits a template at its slots, `$` or `${name}`.
fn source(template: &str) -> Vec<&str> {
    let mut parts = template.split('$');
    let mut source: Vec<&str> = parts.next().into_iter().collect();
    source.extend(parts.map(|part| match part.strip_prefix('{') {
        Some(rest) => rest.split_once('}').map_or("", |(_, rest)| rest),
        None => part,
    }));
    source
}

fn compile(template: &str) -> Result<Template, TemplateError> {
    Template::compile(&source(template))
}

#[track_caller]
fn compiled(template: &str) -> Template {
    match compile(template) {
        Ok(template) => template,
        Err(error) => panic!("{template}: {error}"),
    }
}

#[track_caller]
fn fault(template: &str) -> Fault {
    match compile(template) {
        Ok(compiled) => panic!("{template} was accepted: {compiled:?}"),
        Err(error) => error.fault().clone(),
    }
}

/// Every one of these templates is refused with such a fault.
#[track_caller]
fn all(templates: &[&str], expected: fn(&Fault) -> bool) {
    for template in templates {
        let fault = fault(template);
        assert!(expected(&fault), "{template}: {fault:?}");
    }
}

fn resolve<'a>(slot: &Slot, values: &[&'a str]) -> Resolved<'a> {
    slot.resolve(|index| values[index])
}

fn leaf(slot: &Slot, values: &[&str]) -> String {
    let resolved = resolve(slot, values);
    if resolved.html {
        resolved.text.into_owned()
    } else {
        escape(&resolved.text).into_owned()
    }
}

/// The HTML of a template with these values.
fn html(template: &Template, values: &[&str]) -> String {
    let mut html = String::new();
    for (index, part) in template.statics().iter().enumerate() {
        html.push_str(part);
        if let Some(slot) = template.slots().get(index) {
            html.push_str(&leaf(slot, values));
        }
    }
    html
}

#[track_caller]
fn rendered(template: &str, values: &[&str]) -> String {
    html(&compiled(template), values)
}
