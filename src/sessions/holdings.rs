//! The memory of live components, counted by address. If there is too much, components of the address with
//! most memory end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use crate::ids::ActorKey;
use crate::limits::Limits;
use crate::session::Session;
use crate::sync::{Mutex, MutexGuard, lock};

/// The bytes that a component takes beside its props and its tree.
pub(crate) const BASE_WEIGHT: usize = 2048;

struct Component {
    bytes: usize,
    session: Weak<Session>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    /// The newest component has the highest key.
    components: BTreeMap<ActorKey, Component>,
}

#[derive(Default)]
struct State {
    addresses: HashMap<Arc<str>, Held>,
    /// Addresses by their bytes: the last one holds most.
    heaviest: BTreeSet<(usize, Arc<str>)>,
    bytes: usize,
}

/// The bytes of all components, estimated from their props and trees. Beyond
/// `limits.component_bytes_per_address` an address loses its newest components; beyond
/// `limits.component_bytes` the address that holds most does. If an address is not known, `bind` stands for
/// it.
///
/// The lock is a `std` one, held for a step in ordered maps. An event takes the lock only if its component
/// is weighed after it.
pub(crate) struct Holdings {
    state: Mutex<State>,
    most: usize,
    most_per_address: usize,
}

impl State {
    /// Changes the bytes of an address, by a component that weighed `before` and weighs `bytes` now. Gives
    /// the bytes that the address holds now.
    fn change(&mut self, address: &Arc<str>, before: usize, bytes: usize) -> usize {
        let Some(held) = self.addresses.get_mut(address) else {
            return 0;
        };
        self.heaviest.remove(&(held.bytes, address.clone()));
        held.bytes = held.bytes - before + bytes;
        self.bytes = self.bytes - before + bytes;
        let now = held.bytes;
        if held.components.is_empty() {
            self.addresses.remove(address);
        } else {
            self.heaviest.insert((now, address.clone()));
        }
        now
    }

    fn remove(&mut self, address: &Arc<str>, key: ActorKey) -> Option<Component> {
        let held = self.addresses.get_mut(address)?;
        let component = held.components.remove(&key)?;
        self.change(address, component.bytes, 0);
        Some(component)
    }

    fn newest(&self, address: &Arc<str>) -> Option<ActorKey> {
        let held = self.addresses.get(address)?;
        held.components.last_key_value().map(|(key, _)| *key)
    }
}

impl Holdings {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::default(),
            most: limits.component_bytes,
            most_per_address: limits.component_bytes_per_address,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Notes the bytes that a component holds now. Gives the sessions that have to end because of them.
    pub(crate) fn weigh(&self, session: &Arc<Session>, bytes: usize) -> Vec<Arc<Session>> {
        let address = &session.about.counted;
        let bytes = bytes.saturating_add(BASE_WEIGHT);
        let mut state = self.lock();
        let held = state.addresses.entry(address.clone()).or_default();
        let component = Component {
            bytes,
            session: Arc::downgrade(session),
        };
        let before = held.components.insert(session.key, component);
        let before = before.map_or(0, |before| before.bytes);
        let mut held = state.change(address, before, bytes);
        let mut gone = Vec::new();
        while held > self.most_per_address {
            let Some(key) = state.newest(address) else {
                break;
            };
            let component = state.remove(address, key);
            held -= component.as_ref().map_or(held, |component| component.bytes);
            gone.extend(component);
        }
        while state.bytes > self.most {
            let Some((_, heaviest)) = state.heaviest.last().cloned() else {
                break;
            };
            let Some(key) = state.newest(&heaviest) else {
                break;
            };
            gone.extend(state.remove(&heaviest, key));
        }
        drop(state);
        let gone = gone.iter();
        gone.filter_map(|component| component.session.upgrade())
            .collect()
    }

    /// A component is gone.
    pub(crate) fn forget(&self, session: &Session) {
        self.lock().remove(&session.about.counted, session.key);
    }

    /// All bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }
}
