//! All templates of the process.

use napi::Result;
use napi_derive::napi;

use super::failed;
use super::options::{NativeMisplaced, NativeTemplate};
use crate::tree::Templates;

/// All templates of the process. A template is its literal's statics alone, so all applications share one
/// registry.
pub(super) fn templates() -> &'static Templates {
    static TEMPLATES: std::sync::LazyLock<Templates> = std::sync::LazyLock::new(Templates::new);
    &TEMPLATES
}

/// Compiles a template literal's statics.
#[napi(catch_unwind)]
pub fn compile_template(source: Vec<String>) -> Result<NativeTemplate> {
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let (id, template) = templates().add(&source).map_err(failed)?;
    Ok(NativeTemplate {
        id,
        kinds: template.value_kinds(),
    })
}

/// The place of a value in its template, for an error message.
#[napi(catch_unwind)]
pub fn describe_value(template: u32, value: u32) -> String {
    let list = templates().read();
    let template = list.get(template as usize);
    template.map_or_else(String::new, |template| template.describe(value as usize))
}

/// A part of a component's HTML that a browser would move out of this container, and a container in which
/// that part could stand; nothing if all of it can stay.
#[napi(catch_unwind)]
pub fn misplaced(container: String, html: String) -> Option<NativeMisplaced> {
    crate::template::misplaced(&container, &html).map(|found| NativeMisplaced {
        what: found.to_string(),
        container: found.container().map(str::to_owned),
    })
}
