//! The templates that JavaScript has handed over, by number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use crate::template::{Definition, Template, TemplateError, TemplateName};

/// The number of a template. It crosses the bridge instead of the template's statics.
pub type TemplateId = u32;

/// Every template literal of the process, compiled once.
///
/// The list grows with the application's source text, never with its traffic; no template is ever
/// removed. The lock is a `std` one: it is held while one batch is decoded, which awaits nothing.
pub struct Templates {
    list: RwLock<Vec<Arc<Template>>>,
    /// The names of templates between processes. Not used by an application that has one process.
    names: Mutex<Names>,
}

/// The most templates that are learned from other processes. They have the templates of another version of the
/// application at most.
const MOST_LEARNED: usize = 10_000;

#[derive(Default)]
struct Names {
    by_name: HashMap<TemplateName, Arc<Template>>,
    of: HashMap<TemplateId, TemplateName>,
    /// So many of the list are in them.
    named: usize,
    learned: usize,
}

impl Names {
    fn add(&mut self, template: &Arc<Template>) {
        if template.is_trusted() {
            return;
        }
        let name = Definition::of(template).name();
        self.of.insert(template.number(), name.clone());
        self.by_name.entry(name).or_insert_with(|| template.clone());
    }

    /// Names the templates that were added since.
    fn catch_up(&mut self, list: &[Arc<Template>]) {
        for template in list.get(self.named..).unwrap_or_default() {
            self.add(template);
        }
        self.named = list.len();
    }
}

impl Templates {
    /// A registry that holds only template 0: one slot and nothing around it, for list items that
    /// are plain text.
    pub fn new() -> Self {
        let bare = Template::compile(&["", ""]);
        Self {
            list: RwLock::new(bare.into_iter().map(Arc::new).collect()),
            names: Mutex::default(),
        }
    }

    /// Compiles a literal's statics and numbers them.
    ///
    /// # Errors
    /// [`TemplateError`] shows the slot that cannot be made safe.
    pub fn add(&self, source: &[&str]) -> Result<(TemplateId, Arc<Template>), TemplateError> {
        let template = self.number(Template::compile(source)?);
        Ok((template.number(), template))
    }

    fn number(&self, template: Template) -> Arc<Template> {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let id = TemplateId::try_from(list.len()).unwrap_or(TemplateId::MAX);
        let template = Arc::new(template.numbered(id));
        list.push(template.clone());
        template
    }

    /// The name between processes of this template, which was added here.
    pub fn name_of(&self, template: &Template) -> TemplateName {
        let mut names = self.names();
        if let Some(name) = names.of.get(&template.number()) {
            return name.clone();
        }
        names.catch_up(&self.read());
        let name = names.of.get(&template.number());
        name.cloned()
            .unwrap_or_else(|| Definition::of(template).name())
    }

    /// The template that another process calls so; `None` if it is not known here.
    pub fn named(&self, name: &TemplateName) -> Option<Arc<Template>> {
        let mut names = self.names();
        if !names.by_name.contains_key(name) {
            names.catch_up(&self.read());
        }
        names.by_name.get(name).cloned()
    }

    /// Learns a template from another process. False if the name does not belong to the definition, or if too
    /// many were learned.
    pub fn learn(&self, name: &TemplateName, definition: Definition) -> bool {
        if self.named(name).is_some() {
            return true;
        }
        if *definition.name() != **name || self.names().learned >= MOST_LEARNED {
            return false;
        }
        let Some(template) = definition.template() else {
            return false;
        };
        self.number(template);
        let mut names = self.names();
        names.learned += 1;
        names.catch_up(&self.read());
        names.by_name.contains_key(name)
    }

    /// The lock of the names. It is taken before the lock of the list.
    fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
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
