//! Calls into JavaScript: their names, and how they come and go.

use napi::Result;
use napi::bindgen_prelude::{BufferSlice, Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use super::failed;
use super::loom::NativeLoom;
use crate::bridge::{Batch, ModuleNames};
use crate::registry::Details;
use crate::store::Thrown;

/// A text that `lib/` has written; `lib/` always writes UTF-8.
pub(super) fn text_of(text: &[u8], bytes: u32) -> &str {
    let text = text.get(..bytes as usize).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

fn details(
    version: u32,
    private: Vec<String>,
    authorizes: bool,
    receivers: Vec<String>,
) -> Details {
    Details {
        version,
        private: private.into_iter().map(Into::into).collect(),
        authorizes,
        receivers: receivers.into_iter().map(Into::into).collect(),
    }
}

#[napi]
impl NativeLoom {
    /// Adds a module's name and gives its number.
    #[napi(catch_unwind)]
    pub fn register(
        &self,
        name: String,
        raw: bool,
        version: u32,
        private: Vec<String>,
        authorizes: bool,
        receivers: Vec<String>,
    ) -> Result<u32> {
        let details = details(version, private, authorizes, receivers);
        let added = self.context()?.registry.add(&name, raw, details);
        let module = added.map_err(failed)?;
        Ok(module.id)
    }

    /// In development the module of this name is another one from now on. Gives its number, which stays.
    #[napi(catch_unwind)]
    pub fn register_again(
        &self,
        name: String,
        raw: bool,
        version: u32,
        private: Vec<String>,
        authorizes: bool,
        receivers: Vec<String>,
    ) -> Result<u32> {
        let details = details(version, private, authorizes, receivers);
        let replaced = self.context()?.registry.replace(&name, raw, details);
        let module = replaced.ok_or_else(|| failed("there is no such module"))?;
        Ok(module.id)
    }

    /// Has all components of a module render again, in development. Gives how many there are.
    #[napi(catch_unwind)]
    pub fn all_again(&self, module: u32) -> Result<u32> {
        let living = self.context()?.living.as_ref();
        let count = living.map_or(0, |living| living.all_again(module));
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Has one component go on with these props, which are JSON, in development. False if it has ended.
    #[napi(catch_unwind)]
    pub fn one_again(&self, actor: f64, props_json: String) -> Result<bool> {
        let living = self.context()?.living.as_ref();
        Ok(living.is_some_and(|living| living.one_again(actor as u64, &props_json)))
    }

    /// Gives numbers from `first` on to types of events, then to the handlers of a module, then to its
    /// receivers. Calls as numbers use them. Without handlers the module takes any name. If `strict`, events
    /// for other handlers are refused without asking JavaScript.
    #[napi(catch_unwind)]
    pub fn number_names(
        &self,
        first: u32,
        types: Vec<String>,
        module: u32,
        handlers: Option<Vec<String>>,
        strict: bool,
        receivers: Vec<String>,
    ) -> Result<()> {
        let dispatcher = &self.context()?.dispatcher;
        let names = ModuleNames {
            types,
            handlers,
            strict,
            receivers,
        };
        dispatcher.name(first, module, names);
        Ok(())
    }

    /// The calls that were given up since the last `given_up` or `exchange`.
    #[napi(catch_unwind)]
    pub fn given_up(&self) -> Vec<u32> {
        self.queue.given_up()
    }

    /// Takes the results of the calls that are done, and gives the next jobs; nothing if no job waits. Calls
    /// as numbers are written into `calls`, and their count is given; the other jobs are given as a JSON
    /// array, or an empty text.
    #[napi(catch_unwind)]
    pub fn exchange(
        &self,
        ops: Uint32ArraySlice<'_>,
        used: u32,
        text: Uint8ArraySlice<'_>,
        bytes: u32,
        mut calls: BufferSlice<'_>,
    ) -> Option<String> {
        if used > 0 {
            let ops = ops.get(..used as usize).unwrap_or_default().to_vec();
            let text = text_of(&text, bytes).to_owned();
            // If the loom is released, these are results of calls that were given up while it closed.
            if let Some(open) = &self.open {
                open.context.dispatcher.give(Batch { ops, text });
            }
        }
        let taken = self.queue.take()?;
        let count = taken.calls.len() as f64;
        let numbers = std::iter::once(count).chain(taken.calls.into_iter().flatten());
        for (place, number) in calls.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Some(taken.jobs)
    }

    /// The application's store has answered a call: with JSON, or, if there is an error, with its stack.
    #[napi(catch_unwind)]
    pub fn store_answered(&self, call: u32, error: Option<String>, text: String) {
        if let Some(calls) = &self.own_calls {
            let given = match error {
                None => Ok(text),
                Some(message) => Err(Thrown {
                    message,
                    trace: text,
                }),
            };
            calls.answer(call, given);
        }
    }

    /// The caller of a call in flight: the upgrade request as JSON, its `bind`, and the page's URL; for a shared
    /// component also the key and the viewer, which is empty if the call is for none. An empty list if the call
    /// is not for a page, nothing if the call is over.
    #[napi(catch_unwind)]
    pub fn caller(&self, call: u32) -> Option<Vec<String>> {
        let caller = self.open.as_ref()?.context.dispatcher.caller(call)?;
        let texts = caller.map(|caller| {
            let texts = [&caller.request, &caller.bind, &caller.page];
            let sharing = caller.sharing.iter();
            let sharing = sharing.flat_map(|sharing| [&sharing.key, &sharing.viewer]);
            let texts = texts.into_iter().chain(sharing);
            texts.map(|text| text.to_string()).collect()
        });
        Some(texts.unwrap_or_default())
    }

    /// The address of the parent of the nested component that a call in flight is for; nothing if the
    /// component has no parent, or if the call is over.
    #[napi(catch_unwind)]
    pub fn parent(&self, call: u32) -> Result<Option<String>> {
        let context = self.context()?;
        let caller = context.dispatcher.caller(call).flatten();
        let parent = caller.and_then(|caller| caller.parent.clone());
        let address = parent.map(|parent| context.keyring.address(&parent));
        address.transpose().map_err(failed)
    }
}
