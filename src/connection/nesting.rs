//! Nested components that a page joins: who shows them, and what they are given.

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

/// A nested component that a page joins: who shows it, and what it is given.
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

    /// Whether the component goes on from what the page has brought. A shared one has nothing of its own.
    pub(super) fn starts_from(&self, claims: &Claims, names: &Names) -> bool {
        // What was mounted with something else is not this component's: its parent may have it mounted for somebody else.
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

    /// What the component starts with if the page has brought nothing.
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
    /// Who shows the nested component that a page joins, if it is one. Its parent is on the same connection, and shows it
    /// now.
    pub(super) fn nesting(
        &self,
        module: &str,
        parent: Option<Parent>,
    ) -> Result<Option<Nesting>, Refused> {
        let Some(Parent { id, key }) = parent else {
            return Ok(None);
        };
        // The page asks again soon, unless what it shows by then has no such component any more.
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
