//! Names that calls are known by: what JavaScript gets as a number, and which handlers there are.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::Numbers;
use super::jobs::SUBMIT;
use crate::dispatch::Call;
use crate::protocol::{ClientEvent, SpecialVars};
use crate::registry::ModuleId;

struct Handlers {
    numbers: HashMap<Box<str>, u32>,
    /// JavaScript is not asked about any other.
    strict: bool,
}

#[derive(Default)]
struct State {
    types: HashMap<Box<str>, u32>,
    /// The handlers of each module that has them by name; others take any name.
    handlers: HashMap<ModuleId, Handlers>,
}

/// All names. The lock is a `std` one: written when a module is registered, read for two look-ups a
/// call.
#[derive(Default)]
pub(super) struct Names(RwLock<State>);

/// A handler that its module does not have.
pub(super) struct Unknown;

impl Names {
    /// Gives numbers from `first` on: to types, and then to the handlers of a module. Without
    /// handlers the module takes any name; `strict` says that events with another are refused here.
    pub(super) fn add(
        &self,
        first: u32,
        types: Vec<String>,
        module: ModuleId,
        handlers: Option<Vec<String>>,
        strict: bool,
    ) {
        let mut numbers = first..;
        let mut number = |names: Vec<String>| -> HashMap<Box<str>, u32> {
            let names = names.into_iter().map(Into::into);
            names.zip(numbers.by_ref()).collect()
        };
        let (types, handlers) = (number(types), handlers.map(&mut number));
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.types.extend(types);
        if let Some(numbers) = handlers {
            state.handlers.insert(module, Handlers { numbers, strict });
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call as numbers but for its own, if it can be; or that there is nobody to call. Asked before
    /// anything is done for the event.
    pub(super) fn numbers(
        &self,
        call: &Call,
        with_props: bool,
    ) -> Result<Option<Numbers>, Unknown> {
        let Some(event) = &call.event else {
            return Ok(None);
        };
        let state = self.read();
        let Some(handlers) = state.handlers.get(&call.module.id) else {
            return Ok(None);
        };
        let Some(handler) = handlers.numbers.get(&*event.handler) else {
            return if handlers.strict {
                Err(Unknown)
            } else {
                Ok(None)
            };
        };
        if with_props || call.moved || !is_plain(event) {
            return Ok(None);
        }
        let kind = state.types.get(&*event.event);
        Ok(kind.map(|kind| {
            [
                0.0,
                call.actor as f64,
                call.sequence as f64,
                call.version as f64,
                call.number as f64,
                (*handler).into(),
                (*kind).into(),
            ]
        }))
    }
}

/// It is a handler and a type, and nothing more.
fn is_plain(event: &ClientEvent) -> bool {
    event.special_vars == SpecialVars::default() && &*event.event != SUBMIT
}
