//! The nested components that a component shows, and the props that each is given.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::Session;
use crate::given::Given;
use crate::live_socket::LiveSocket;
use crate::outbox::Outbox;
use crate::protocol::Refusal;
use crate::tree::Child;

/// The name of a nested component begins with this character. Names of other components are random texts,
/// which do not have it.
const NESTED: char = '~';

/// How deep components may nest: a component that shows itself would have no end. As in `lib/mount.ts`.
pub(crate) const MAX_NESTING: u8 = 16;

/// A nested component that a page joins, as the page names it.
#[derive(Clone, Copy)]
pub(crate) struct Nested<'a> {
    pub(crate) parent: &'a Arc<Session>,
    pub(crate) module: &'a str,
    pub(crate) key: &'a str,
}

/// The beginning of the names that this component has, in all its lives: it follows from its parent, its
/// module and its key. The rest of the name is new each time that the parent shows it anew.
pub(crate) fn names_of(nested: Option<Nested<'_>>) -> Names {
    let Some(Nested {
        parent,
        module,
        key,
    }) = nested
    else {
        return Names(None);
    };
    let mut hash = Sha256::new();
    for text in [&*parent.about.instance, module, key] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let hash = hash.finalize();
    let name = URL_SAFE_NO_PAD.encode(hash.get(..18).unwrap_or_default());
    Names(Some(format!("{NESTED}{name}~")))
}

/// Which names a component may have.
pub(crate) struct Names(Option<String>);

impl Names {
    /// Whether `instance` is one of these names.
    pub(crate) fn have(&self, instance: &str) -> bool {
        match &self.0 {
            Some(beginning) => instance.starts_with(beginning.as_str()),
            None => !instance.starts_with(NESTED),
        }
    }

    /// A new name, with this random text in it.
    pub(crate) fn new_name(&self, random: &str) -> String {
        match &self.0 {
            Some(beginning) => format!("{beginning}{random}"),
            None => random.to_owned(),
        }
    }
}

/// Ends a page's view of a shared component.
pub(crate) type Ends = Box<dyn FnOnce() + Send>;

/// A nested component that is shown.
struct Shown {
    given: Given,
    /// Its session, once its page has joined.
    session: Weak<Session>,
    /// If the component is shared: ends the page's view of it.
    ends: Option<Ends>,
}

impl Shown {
    /// The parent shows it no more.
    fn end(self) {
        if let Some(session) = self.session.upgrade() {
            session.lose_parent();
        }
        if let Some(ends) = self.ends {
            ends();
        }
    }
}

/// All of them, by module and key.
#[derive(Default)]
pub(super) struct Children(HashMap<(Box<str>, Box<str>), Shown>);

/// How the nested components have changed.
#[derive(Default)]
pub(super) struct Changed {
    /// Components that are not shown any more. To be ended while no session's lock is held.
    gone: Vec<Shown>,
    /// The same one is shown twice.
    twice: bool,
}

impl Children {
    /// The parent shows these now.
    pub(super) fn show(&mut self, children: &[Child<'_>]) -> Changed {
        let mut changed = Changed::default();
        let mut next = HashMap::with_capacity(children.len());
        for child in children {
            let name: (Box<str>, Box<str>) = (child.module.into(), child.key.into());
            let given = Given::new(child.given);
            // The first one counts: the page joins in this order.
            if next.contains_key(&name) {
                changed.twice = true;
                continue;
            }
            let shown = match self.0.remove(&name) {
                Some(before) => {
                    // Under the parent's lock, so that the props that are given last come last.
                    if before.given != given
                        && let Some(session) = before.session.upgrade()
                    {
                        session.give(given.clone());
                    }
                    Shown { given, ..before }
                }
                None => Shown {
                    given,
                    session: Weak::new(),
                    ends: None,
                },
            };
            next.insert(name, shown);
        }
        let gone = std::mem::replace(&mut self.0, next);
        changed.gone = gone.into_values().collect();
        changed
    }

    /// Ends the components that are not shown any more. No session's lock is held.
    pub(super) fn end(self) {
        self.0.into_values().for_each(Shown::end);
    }
}

impl Session {
    /// The component shows these nested components now. Those that it does not show any more end; those whose
    /// given props have changed are told. True if it shows the same one twice.
    pub(crate) fn nests(&self, children: &[Child<'_>]) -> bool {
        let mut state = self.lock();
        if state.ended {
            return false;
        }
        let changed = state.children.get_or_insert_default().show(children);
        drop(state);
        changed.gone.into_iter().for_each(Shown::end);
        changed.twice
    }

    /// The props that the component gives this nested one; `None` if it does not show such a component.
    pub(crate) fn gives(&self, module: &str, key: &str) -> Option<Given> {
        let state = self.lock();
        let children = state.children.as_ref().filter(|_| !state.ended)?;
        // Few have so many that two copies of names would count.
        let shown = children.0.get(&(module.into(), key.into()))?;
        Some(shown.given.clone())
    }

    /// Whether a page shows this nested component on this connection already.
    pub(crate) fn shows_on(&self, module: &str, key: &str, outbox: &Arc<Outbox>) -> bool {
        let state = self.lock();
        let name = (module.into(), key.into());
        let children = state.children.as_ref();
        let shown = children.and_then(|children| children.0.get(&name));
        let session = shown.and_then(|shown| shown.session.upgrade());
        drop(state);
        session.is_some_and(|session| {
            let shown_on = session.outbox().filter(|_| !session.is_over());
            shown_on.is_some_and(|one| Arc::ptr_eq(&one, outbox))
        })
    }

    /// The page has joined this nested component, which is shared. `ends` is called when the parent shows it no more; at
    /// once if it does not.
    pub(crate) fn adopts_shared(&self, module: &str, key: &str, ends: Ends) {
        let mut state = self.lock();
        let is_over = state.ended;
        let name = (module.into(), key.into());
        let children = state.children.as_mut().filter(|_| !is_over);
        match children.and_then(|children| children.0.get_mut(&name)) {
            Some(shown) => shown.ends = Some(ends),
            None => {
                drop(state);
                ends();
            }
        }
    }

    /// The page has joined this nested component, in this session, which gets the props that the parent gives
    /// now. The session before it is over.
    pub(crate) fn adopts(&self, module: &str, key: &str, session: &Arc<Session>) {
        let mut state = self.lock();
        let name = (module.into(), key.into());
        let ended = state.ended;
        let shown = state.children.as_mut().and_then(|all| all.0.get_mut(&name));
        let Some(shown) = shown.filter(|_| !ended) else {
            drop(state);
            // Meanwhile the component has ended, or shows it no more.
            return session.lose_parent();
        };
        let before = std::mem::replace(&mut shown.session, Arc::downgrade(session)).upgrade();
        // Under the lock: props that the parent gives later come after these.
        session.give(shown.given.clone());
        drop(state);
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, session)) {
            before.end();
        }
    }

    /// Has the component take the props that its parent gives now.
    pub(crate) fn give(&self, given: Given) {
        self.socket
            .tell(move |socket: &LiveSocket| socket.give(given));
    }

    /// The parent of the component has ended: the page joins the component again when it has joined the parent.
    pub(super) fn lose_parent(&self) {
        self.refuse("", &Refusal::Busy);
        self.end();
    }
}
