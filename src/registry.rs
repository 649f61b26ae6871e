//! The allowlist of modules: only a name registered here can be joined.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The number of a module. It crosses the bridge instead of the module's name.
pub type ModuleId = u32;

/// A registered module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// The module's number.
    pub id: ModuleId,
    /// The module takes and gives JSON text (`handle_json`, `render_tree_json`), so its props cross
    /// the bridge as text.
    pub raw: bool,
}

/// The parts of a module that only joins and checkpoints need.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The module's `version`: which form its props have.
    pub version: u32,
    /// The module has an `authorize`, which is asked about every page that comes back.
    pub authorizes: bool,
    /// The module's receivers, by their names. Empty if it has no `receive`.
    pub receivers: Vec<Box<str>>,
    /// The module's `private`: names of props that never leave the server, as JSON strings.
    pub private: Vec<Box<str>>,
}

/// The name is registered already.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the module {0:?} is registered already; register each name once")]
pub struct TakenError(String);

/// Names and their modules. The lock is a `std` one: held for one look-up.
#[derive(Default)]
pub struct Registry {
    modules: RwLock<HashMap<String, (Module, Arc<Details>)>>,
}

impl Registry {
    /// Adds a name.
    ///
    /// # Errors
    /// [`TakenError`] if the name is registered already.
    pub fn add(&self, name: &str, raw: bool, details: Details) -> Result<Module, TakenError> {
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        if modules.contains_key(name) {
            return Err(TakenError(name.to_owned()));
        }
        let id = ModuleId::try_from(modules.len()).unwrap_or(ModuleId::MAX);
        let module = Module { id, raw };
        modules.insert(name.to_owned(), (module, Arc::new(details)));
        Ok(module)
    }

    /// Gives a name's module other details, in development, when a module is loaded again: components that
    /// begin from now on have these. The module's number stays. `None` if no module has the name, or if it is
    /// of the other kind.
    pub fn replace(&self, name: &str, raw: bool, details: Details) -> Option<Module> {
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        let (module, known) = modules.get_mut(name)?;
        if module.raw != raw {
            return None;
        }
        *known = Arc::new(details);
        Some(*module)
    }

    /// The module of that name.
    pub fn get(&self, name: &str) -> Option<(Module, Arc<Details>)> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_names_are_found_and_each_once() {
        let registry = Registry::default();
        let add = |name, raw| registry.add(name, raw, Details::default());
        let counter = add("counter", false).unwrap();
        assert_eq!(
            registry.get("counter").map(|(module, _)| module),
            Some(counter)
        );
        assert_ne!(add("list", true).unwrap().id, counter.id);
        assert_eq!(registry.get("__proto__"), None);
        let newer = || Details {
            version: 2,
            ..Details::default()
        };
        assert_eq!(registry.replace("counter", false, newer()), Some(counter));
        assert_eq!(
            registry.get("counter").map(|(_, details)| details.version),
            Some(2)
        );
        assert_eq!(registry.replace("counter", true, newer()), None);
        assert_eq!(registry.replace("none", false, newer()), None);
        assert_eq!(add("counter", true), Err(TakenError("counter".into())));
    }
}
