//! The templates that JavaScript has handed over, by number.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::template::{Template, TemplateError};

/// The number of a template. It crosses the bridge instead of the template's statics.
pub type TemplateId = u32;

/// Every template literal of the process, compiled once.
///
/// The list grows with the application's source text, never with its traffic; no template is ever
/// removed. The lock is a `std` one: it is held while one batch is decoded, which awaits nothing.
pub struct Templates {
    list: RwLock<Vec<Arc<Template>>>,
}

impl Templates {
    /// A registry that holds only template 0: one slot and nothing around it, for list items that
    /// are plain text.
    pub fn new() -> Self {
        let bare = Template::compile(&["", ""]);
        Self {
            list: RwLock::new(bare.into_iter().map(Arc::new).collect()),
        }
    }

    /// Compiles a literal's statics and numbers them.
    ///
    /// # Errors
    /// [`TemplateError`] shows the slot that cannot be made safe.
    pub fn add(&self, source: &[&str]) -> Result<(TemplateId, Arc<Template>), TemplateError> {
        let template = Template::compile(source)?;
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let id = TemplateId::try_from(list.len()).unwrap_or(TemplateId::MAX);
        let template = Arc::new(template.numbered(id));
        list.push(template.clone());
        Ok((id, template))
    }

    /// All templates, by number. Held while one batch is decoded, no longer.
    pub fn read(&self) -> RwLockReadGuard<'_, Vec<Arc<Template>>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}
