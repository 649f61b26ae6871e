//! Forms that are sent without the client's script: what the sealed state of their page says, and that each is taken
//! once if there is a store.
//!
//! A personal component has no actor then: JavaScript runs the handler on the sealed props, `lib/http/forms.ts`. The form
//! of a shared component goes to its actor, as that of a page which comes and goes.

use std::sync::Arc;

use crate::clock::unix_now;
use crate::context::{Context, Shared};
use crate::dispatch::Dispatcher;
use crate::ongoing::{Now, Ongoing};
use crate::protocol::{ClientEvent, Refusal, SpecialVars};
use crate::session::Peer;
use crate::sessions::{Sessions, counted, counted_as, holder};
use crate::shared::{self, Known, Posted, Posting};
use crate::store::StoreError;
use crate::token::{Claims, Kind, TokenError, anchored, public_name};

/// The component that a form belongs to, as its page was rendered.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// Names this rendering of the page, and the form's event: the id is the same however often the form is
    /// sent. The sealed state cannot be found from it.
    pub id: String,
    /// The module.
    pub module: String,
    /// The version that the module had when the page was rendered.
    pub version: u32,
    /// The props, as JSON; empty if the component is shared.
    pub props_json: String,
    /// The key of the shared component; empty if the component is personal.
    pub key: String,
    /// The page's URL.
    pub page: String,
    /// Names the props that the parent of a nested component had given it; empty if it is not nested.
    pub given: String,
}

/// A form of a shared component.
pub struct Sent {
    /// The token of its page, which [`open`] has let through.
    pub token: String,
    /// Names the form: a form that has been handled under this name is not handled again.
    pub id: String,
    /// The handler's name.
    pub handler: String,
    /// The fields, URL-encoded.
    pub value: String,
    /// Whose page it is.
    pub peer: Peer,
}

fn opened<D>(context: &Context<D>, token: &str, bind: &str) -> Result<Claims, TokenError> {
    let (now, max_age) = (unix_now(), context.limits.token_age);
    context.keyring.open_join(token, bind, now, max_age)
}

/// Opens the text of the form's hidden field: the token of its page.
///
/// # Errors
/// [`TokenError`] if the text is not a page's token, is too old, or belongs to another user.
pub fn open<D>(context: &Context<D>, token: &str, bind: &str) -> Result<Opened, TokenError> {
    let claims = opened(context, token, bind)?;
    // Neither a checkpoint nor an anchor stands in a page.
    let is_page = match claims.kind {
        Kind::Mount | Kind::Child => claims.instance.is_empty(),
        Kind::Shared => true,
        _ => false,
    };
    if !is_page {
        return Err(TokenError::Malformed);
    }
    let ongoing = Ongoing::from_json(&claims.ongoing, Now::here());
    Ok(Opened {
        given: ongoing.last_given().unwrap_or_default().to_owned(),
        id: public_name(&format!("form {}", anchored(token, bind))),
        module: claims.module,
        version: claims.version,
        props_json: claims.props_json,
        key: claims.instance,
        page: claims.page,
    })
}

/// Has the actor of a shared component handle a form, once however often the form is sent. Gives the result
/// as a JSON object: `applied` (with `redirect`, `keepsForm` and `pushes`), `known` if the form was handled
/// before, `failed` with the text for the page, or `refused` (with `redirect` or `busy`).
///
/// # Errors [`TokenError`], as [`open`] has.
pub async fn post<D: Dispatcher>(
    context: &Shared<D>,
    sessions: &Sessions,
    sent: Sent,
) -> Result<String, TokenError> {
    let Sent {
        token,
        id,
        handler,
        value,
        peer,
    } = sent;
    let claims = opened(context, &token, &peer.bind)?;
    let found = context.registry.get(&claims.module);
    let (module, details) = found.ok_or(TokenError::Malformed)?;
    let address = counted(&peer.address, context.limits.address_prefix);
    let posting = Posting {
        known: Known {
            module,
            name: claims.module.as_str().into(),
            details,
        },
        id: id.into(),
        claims,
        counted: counted_as(&peer.bind, &address),
        holder: holder(&peer.bind, &address),
        peer,
        event: ClientEvent {
            handler: handler.into(),
            event: "submit".into(),
            special_vars: SpecialVars {
                value: Some(value.into()),
                ..SpecialVars::default()
            },
        },
    };
    let posted = shared::post(context, &sessions.shared, posting).await;
    let said = match posted {
        Posted::Applied {
            redirect,
            keeps_form,
            pushes,
        } => serde_json::json!({
            "applied": { "redirect": redirect, "keepsForm": keeps_form, "pushes": pushes },
        }),
        Posted::Known => serde_json::json!({ "known": true }),
        Posted::Failed(text) => serde_json::json!({ "failed": text }),
        Posted::Refused(text, refusal) => serde_json::json!({
            "refused": text,
            "busy": matches!(refusal, Refusal::Busy | Refusal::Moved),
            "redirect": match refusal {
                Refusal::Redirect(url) => Some(url),
                _ => None,
            },
        }),
    };
    Ok(said.to_string())
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
    let name: Arc<str> = format!("form {id}").into();
    store
        .take(&name, context.keyring.holder(bind, address))
        .await
}
