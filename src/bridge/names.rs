//! The names of handlers, receivers and event types, with the numbers by which JavaScript knows them.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::jobs::{MODEL, SUBMIT};
use super::{MESSAGE, Numbers};
use crate::dispatch::Call;
use crate::message::{Data, Message, Source};
use crate::protocol::{ClientEvent, SpecialVars};
use crate::registry::ModuleId;

struct Handlers {
    numbers: HashMap<Box<str>, u32>,
    /// An event for another handler is refused without asking JavaScript.
    strict: bool,
}

#[derive(Default)]
struct State {
    types: HashMap<Box<str>, u32>,
    /// The handlers of each module that has named ones. Other modules take any name.
    handlers: HashMap<ModuleId, Handlers>,
    /// The receivers of each module that has any.
    receivers: HashMap<ModuleId, HashMap<Box<str>, u32>>,
}

/// All names. The lock is a `std` one: written when a module is registered, read for two look-ups a
/// call.
#[derive(Default)]
pub(super) struct Names(RwLock<State>);

/// A handler that its module does not have.
pub(super) struct Unknown;

/// The names of a module, in the order in which they get their numbers.
pub struct ModuleNames {
    /// The types of events that come as numbers.
    pub types: Vec<String>,
    /// The handlers; `None` if the module takes any name.
    pub handlers: Option<Vec<String>>,
    /// Events for other handlers are refused without asking JavaScript.
    pub strict: bool,
    /// The receivers.
    pub receivers: Vec<String>,
}

impl Names {
    /// Gives numbers from `first` on to the names of a module.
    pub(super) fn add(&self, first: u32, module: ModuleId, names: ModuleNames) {
        let ModuleNames {
            types,
            handlers,
            strict,
            receivers,
        } = names;
        let mut numbers = first..;
        let mut number = |names: Vec<String>| -> HashMap<Box<str>, u32> {
            let names = names.into_iter().map(Into::into);
            names.zip(numbers.by_ref()).collect()
        };
        let (types, handlers) = (number(types), handlers.map(&mut number));
        let receivers = number(receivers);
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.types.extend(types);
        // The module may have been loaded again, in development, without its former handlers.
        match handlers {
            Some(numbers) => state.handlers.insert(module, Handlers { numbers, strict }),
            None => state.handlers.remove(&module),
        };
        if receivers.is_empty() {
            state.receivers.remove(&module);
        } else {
            state.receivers.insert(module, receivers);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call as numbers, with 0 for the call's own number; `None` if the call has to be JSON. An error
    /// if the module has no such handler.
    pub(super) fn numbers(
        &self,
        call: &Call,
        with_props: bool,
    ) -> Result<Option<Numbers>, Unknown> {
        let Some(event) = &call.event else {
            return Ok(self.message_numbers(call, with_props));
        };
        // The name of a prop is not looked up among the handlers.
        if &*event.event == MODEL {
            return Ok(None);
        }
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
        let sharing = call.caller.as_ref().map(|caller| caller.sharing.is_some());
        if with_props || call.moved || sharing == Some(true) || !is_plain(event) {
            return Ok(None);
        }
        let kind = state.types.get(&*event.event);
        Ok(kind.map(|kind| {
            [
                0.0,
                call.actor as f64,
                call.sequence as f64,
                call.version as f64,
                call.number.0 as f64,
                (*handler).into(),
                (*kind).into(),
            ]
        }))
    }

    /// A visit of one message of a topic that JavaScript has.
    fn message_numbers(&self, call: &Call, with_props: bool) -> Option<Numbers> {
        let [
            Message {
                receiver,
                source: Source::Topic { .. },
                data: Data::Shared(message),
                ..
            },
        ] = &*call.messages
        else {
            return None;
        };
        if with_props || call.moved || !message.has_crossed.load(Ordering::Relaxed) {
            return None;
        }
        let state = self.read();
        let receiver = state
            .receivers
            .get(&call.module.id)?
            .get(receiver.as_str())?;
        Some([
            0.0,
            call.actor as f64,
            call.sequence as f64,
            call.version as f64,
            message.key as f64,
            (*receiver).into(),
            MESSAGE.into(),
        ])
    }
}

/// Whether the event is a handler and a type, and nothing more.
fn is_plain(event: &ClientEvent) -> bool {
    event.special_vars == SpecialVars::default() && &*event.event != SUBMIT
}
