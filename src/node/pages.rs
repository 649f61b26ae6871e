//! The parts of a page: HTML, tokens, and the HTML of shared components.

use napi::Result;
use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use super::calls::text_of;
use super::failed;
use super::loom::{NativeLoom, Open};
use super::templates::templates;
use crate::clock::unix_now;
use crate::given::Given;
use crate::ongoing::Ongoing;
use crate::sessions::counted;
use crate::token::{Claims, Kind};
use crate::tree::{Compact, Mismatch, Render};

#[napi]
impl NativeLoom {
    /// The HTML of one rendered tree, in pieces: between each two stands a nested component.
    #[napi(catch_unwind)]
    pub fn to_html(
        &self,
        ops: Uint32ArraySlice<'_>,
        used: u32,
        text: Uint8ArraySlice<'_>,
        bytes: u32,
    ) -> Result<Vec<String>> {
        let ops = ops.get(..used as usize).unwrap_or_default();
        let text = text_of(&text, bytes);
        let mut compact = Compact::new(ops, text);
        let decoded = compact.render(&templates().read()).map_err(failed)?;
        self.context()?.dispatcher.log_refused(&decoded.refused);
        let tree = decoded.render.map_or(Err(Mismatch), Render::into_tree);
        Ok(tree.map_err(failed)?.to_html_around())
    }

    /// A token that lets a page join.
    #[napi(catch_unwind)]
    pub fn seal(
        &self,
        module: String,
        props_json: String,
        bind: String,
        page: String,
    ) -> Result<String> {
        self.seal_page(Kind::Mount, module, props_json, String::new(), &bind, page)
    }

    /// A token that lets a page join a nested component, whose parent gives `given`.
    #[napi(catch_unwind)]
    pub fn seal_child(
        &self,
        module: String,
        props_json: String,
        given: String,
        bind: String,
        page: String,
    ) -> Result<String> {
        let mut ongoing = Ongoing::default();
        ongoing.begins_with(&Given::new(&given));
        let claims = Claims {
            props_json,
            ongoing: ongoing.to_json(self.context()?.now()),
            ..Claims::empty(Kind::Child)
        };
        self.seal_claims(claims, module, &bind, page)
    }

    /// A token that lets a page join the shared component of this module and key.
    #[napi(catch_unwind)]
    pub fn seal_shared(
        &self,
        module: String,
        key: String,
        bind: String,
        page: String,
    ) -> Result<String> {
        self.seal_page(Kind::Shared, module, String::new(), key, &bind, page)
    }

    fn seal_page(
        &self,
        kind: Kind,
        module: String,
        props_json: String,
        instance: String,
        bind: &str,
        page: String,
    ) -> Result<String> {
        let claims = Claims {
            props_json,
            instance,
            ..Claims::empty(kind)
        };
        self.seal_claims(claims, module, bind, page)
    }

    fn seal_claims(
        &self,
        claims: Claims,
        module: String,
        bind: &str,
        page: String,
    ) -> Result<String> {
        let context = self.context()?;
        let found = context.registry.get(&module);
        let claims = Claims {
            version: found.map_or(0, |(_, details)| details.version),
            module,
            page,
            issued_at: unix_now(),
            ..claims
        };
        context.keyring.seal(&claims, bind).map_err(failed)
    }

    /// Settles `request` with the HTML of the shared component of this module and key, as a JSON string. The
    /// component is started if it does not live; it then counts for `address`.
    #[napi(catch_unwind)]
    pub fn show_shared(
        &self,
        module: String,
        key: String,
        address: String,
        request: u32,
    ) -> Result<()> {
        let Open { context, sessions } = self.open()?.clone();
        let starter = counted(&address, context.limits.address_prefix);
        self.settle_with(request, async move {
            let shared = sessions.shared.clone();
            let html = shared.html(&context, &module, &key.into(), &starter).await;
            // Dropped first: when the promise is settled, the loom may be released.
            drop((context, sessions, shared));
            html.map(|html| Some(serde_json::Value::from(&*html).to_string()))
        })
    }
}
