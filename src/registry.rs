//! The allowlist of modules: only a name registered here can be joined.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// A module's number: what crosses the bridge instead of its name.
pub type ModuleId = u32;

/// A registered module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its number.
    pub id: ModuleId,
    /// It takes and gives JSON text (`handle_json`, `render_tree_json`), so its props cross
    /// unparsed.
    pub raw: bool,
}

/// A name that is taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the module {0:?} is registered already; register each name once")]
pub struct TakenError(String);

/// Names and their modules. The lock is a `std` one: held for one look-up.
#[derive(Default)]
pub struct Registry {
    modules: RwLock<HashMap<String, Module>>,
}

impl Registry {
    /// Adds a name.
    ///
    /// # Errors
    /// [`TakenError`] where the name is registered already.
    pub fn add(&self, name: &str, raw: bool) -> Result<Module, TakenError> {
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        if modules.contains_key(name) {
            return Err(TakenError(name.to_owned()));
        }
        let id = ModuleId::try_from(modules.len()).unwrap_or(ModuleId::MAX);
        let module = Module { id, raw };
        modules.insert(name.to_owned(), module);
        Ok(module)
    }

    /// The module of that name.
    pub fn get(&self, name: &str) -> Option<Module> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_names_are_found_and_each_once() {
        let registry = Registry::default();
        let counter = registry.add("counter", false).unwrap();
        assert_eq!(registry.get("counter"), Some(counter));
        assert_ne!(registry.add("list", true).unwrap().id, counter.id);
        assert_eq!(registry.get("__proto__"), None);
        assert_eq!(
            registry.add("counter", true),
            Err(TakenError("counter".into()))
        );
    }
}
