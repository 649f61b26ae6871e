//! Forms that are sent without the client's script.

use napi::Result;
use napi_derive::napi;

use super::failed;
use super::loom::NativeLoom;
use crate::forms;

/// The component that a form belongs to.
#[napi(object)]
pub struct OpenedForm {
    /// Names the form's event.
    pub id: String,
    pub module: String,
    pub version: u32,
    pub props_json: String,
    /// The page's URL.
    pub page: String,
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
            page: opened.page,
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
