//! Forms that are sent without the client's script: what the sealed state of their page says, and that each is taken
//! once if there is a store.
//!
//! There is no actor. JavaScript runs the handler on the sealed props, `lib/http/forms.ts`.

use std::sync::Arc;

use crate::clock::unix_now;
use crate::context::Context;
use crate::ids::{Life, Revision};
use crate::store::{StoreError, Stored};
use crate::token::{Kind, TokenError, anchored, public_name};

/// The component that a form belongs to, as its page was rendered.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// Names this rendering of the page, and the form's event: the same however often it is sent. What was sealed
    /// cannot be found from it.
    pub id: String,
    /// The module.
    pub module: String,
    /// The version that the module had when the page was rendered.
    pub version: u32,
    /// The props, as JSON; empty if the component is shared.
    pub props_json: String,
    /// The page's URL.
    pub page: String,
}

/// Opens what stands in the form's hidden field: the token of its page.
///
/// # Errors
/// [`TokenError`] for what is no page's token, is too old, or belongs to another user.
pub fn open<D>(context: &Context<D>, token: &str, bind: &str) -> Result<Opened, TokenError> {
    let claims = context
        .keyring
        .open_join(token, bind, unix_now(), context.limits.token_age)?;
    // Neither a checkpoint nor an anchor stands in a page.
    if claims.kind != Kind::Mount || !claims.instance.is_empty() {
        return Err(TokenError::Malformed);
    }
    Ok(Opened {
        id: public_name(&format!("form {}", anchored(token, bind))),
        module: claims.module,
        version: claims.version,
        props_json: claims.props_json,
        page: claims.page,
    })
}

/// Takes the form of this id for a user, or for an address if `bind` is empty. False if it was taken before. Without a
/// store nobody knows, and it is true.
///
/// # Errors
/// The store's, if it cannot say.
pub async fn take<D>(
    context: &Context<D>,
    id: &str,
    bind: &str,
    address: &str,
) -> Result<bool, StoreError> {
    let Some(store) = &context.store else {
        return Ok(true);
    };
    // Whoever saves it first has it: a second save is as new as the first, and is refused.
    let taken = Stored {
        life: Life(1),
        revision: Revision(1),
        sealed: "taken".to_owned(),
    };
    let name: Arc<str> = format!("form {id}").into();
    let saved = store.save(&name, context.keyring.holder(bind, address), taken);
    match saved.await {
        Ok(()) => Ok(true),
        Err(StoreError::Stale) => Ok(false),
        Err(error) => Err(error),
    }
}
