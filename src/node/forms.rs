//! Forms that are sent without the client's script.

use napi::Result;
use napi_derive::napi;

use super::failed;
use super::loom::{NativeLoom, Open};
use crate::forms;
use crate::session::Peer;

/// The component that a form belongs to.
#[napi(object)]
pub struct OpenedForm {
    /// Names the form's event.
    pub id: String,
    pub module: String,
    pub version: u32,
    pub props_json: String,
    /// The key of the shared component; empty if the component is personal.
    pub key: String,
    /// The page's URL.
    pub page: String,
    /// Names what the parent of a nested component had given it; empty if it is not nested.
    pub given: String,
}

/// A form of a shared component.
#[napi(object)]
pub struct PostedForm {
    pub token: String,
    /// Names the form, see `Sent`.
    pub id: String,
    pub handler: String,
    /// The fields, URL-encoded.
    pub value: String,
    /// The page's request, as compact JSON.
    pub meta: String,
    pub bind: String,
    pub address: String,
}

#[napi]
impl NativeLoom {
    /// Opens what stands in a form's hidden field. Throws if it is not good for this user.
    #[napi(catch_unwind)]
    pub fn open_form(&self, token: String, bind: String) -> Result<OpenedForm> {
        let opened = forms::open(self.context()?, &token, &bind).map_err(failed)?;
        Ok(OpenedForm {
            id: opened.id,
            module: opened.module,
            version: opened.version,
            props_json: opened.props_json,
            key: opened.key,
            page: opened.page,
            given: opened.given,
        })
    }

    /// Settles `request` with the result of a form of a shared component: see `crate::forms::post`.
    #[napi(catch_unwind)]
    pub fn post_form(&self, form: PostedForm, request: u32) -> Result<()> {
        let Open { context, sessions } = self.open()?.clone();
        let sent = forms::Sent {
            token: form.token,
            id: form.id,
            handler: form.handler,
            value: form.value,
            peer: Peer {
                request: Some(form.meta.into()),
                bind: form.bind.into(),
                address: form.address.into(),
            },
        };
        self.settle_with(request, async move {
            let posted = forms::post(&context, &sessions, sent).await;
            // Dropped first: when the promise is settled, the loom may be released.
            drop((context, sessions));
            posted.map(Some)
        })
    }

    /// Settles `request` with `true`, or with `false` if the form of this id was taken before.
    #[napi(catch_unwind)]
    pub fn take_form(&self, id: String, bind: String, address: String, request: u32) -> Result<()> {
        let context = self.context()?.clone();
        self.settle_with(request, async move {
            let taken = forms::take(&context, &id, &bind, &address).await;
            // Dropped first: when the promise is settled, the loom may be released.
            drop(context);
            taken.map(|taken| Some(taken.to_string()))
        })
    }
}
