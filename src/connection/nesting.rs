//! Nested components that a page joins: their parents, and the props that these give them.

use std::sync::Arc;

use super::refused::{FAULT, Refused};
use super::{Connection, Shows};
use crate::clock::unix_now;
use crate::dispatch::Dispatcher;
use crate::given::Given;
use crate::ongoing::{Now, Ongoing};
use crate::protocol::{Parent, Refusal};
use crate::session::{MAX_NESTING, Names, Nested, Session};
use crate::shared::BUSY;
use crate::token::{Claims, Kind};

/// A nested component that a page joins: its parent, its key there, and the props that it is given.
pub(super) struct Nesting {
    pub(super) parent: Arc<Session>,
    pub(super) key: Box<str>,
    pub(super) given: Given,
}

impl Nesting {
    pub(super) fn of<'a>(&'a self, module: &'a str) -> Nested<'a> {
        let Self { parent, key, .. } = self;
        Nested {
            parent,
            module,
            key,
        }
    }

    /// Whether the component goes on from the claims that the page has brought. A shared component never does: it is
    /// not the page's own.
    pub(super) fn starts_from(&self, claims: &Claims, names: &Names) -> bool {
        // Claims that were mounted with other props are not this component's: its parent may have mounted them for
        // another user.
        let is_mounted_so = || {
            let ongoing = Ongoing::from_json(&claims.ongoing, Now::here());
            ongoing.has_been_given(&self.given)
        };
        let is_of_page =
            claims.kind == Kind::Child && claims.instance.is_empty() && is_mounted_so();
        let is_of_child = matches!(claims.kind, Kind::Child | Kind::Checkpoint);
        let is_known = is_of_page || (is_of_child && names.have(&claims.instance));
        self.given.shared_key().is_none() && is_known
    }

    /// The claims that the component starts with if the page has brought none.
    pub(super) fn claims(&self, module: &str, version: u32) -> Claims {
        let (kind, instance) = match self.given.shared_key() {
            Some(key) => (Kind::Shared, key),
            None => (Kind::Child, ""),
        };
        Claims {
            module: module.to_owned(),
            version,
            props_json: self.given.props().to_owned(),
            instance: instance.to_owned(),
            page: self.parent.about.page.to_string(),
            issued_at: unix_now(),
            ..Claims::empty(kind)
        }
    }
}

impl<D: Dispatcher> Connection<D> {
    /// The parent of a component that a page joins, if the component is nested. The parent has to be on the same
    /// connection, and to show the component now.
    pub(super) fn nesting(
        &self,
        module: &str,
        parent: Option<Parent>,
    ) -> Result<Option<Nesting>, Refused> {
        let Some(Parent { id, key }) = parent else {
            return Ok(None);
        };
        // The page asks again soon, unless it no longer shows such a component by then.
        let not_now = |reason: &str| Refused(BUSY, Refusal::Moved, reason.to_owned());
        let parent = match self.components.get(&*id) {
            Some(Shows::Own(attached)) if attached.is_let_in() => attached.session.clone(),
            Some(Shows::Own(_)) => return Err(not_now("its parent is not let in")),
            Some(Shows::Shared(_)) => {
                let reason = "live() cannot stand in a shared component".to_owned();
                return Err(Refused(FAULT, Refusal::Fault, reason));
            }
            None => return Err(not_now("its parent is not here")),
        };
        if parent.about.depth >= MAX_NESTING {
            let reason = format!("components nest deeper than {MAX_NESTING} levels");
            return Err(Refused(FAULT, Refusal::Fault, reason));
        }
        let given = parent.gives(module, &key);
        let given = given.ok_or_else(|| not_now("its parent does not show it"))?;
        Ok(Some(Nesting { parent, key, given }))
    }
}
