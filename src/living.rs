//! The actors that live, in development only: a module that was loaded again has each of its own render again.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::ids::ActorKey;
use crate::registry::ModuleId;
use crate::sync::{Mutex, lock};

/// One that can be asked to render again.
pub trait Again: Send + Sync {
    /// Has it render again, after all that waits; with `props`, which are JSON, these take the place of its own.
    fn again(&self, props: Option<Arc<str>>);
}

#[derive(Default)]
struct State {
    actors: HashMap<ActorKey, (ModuleId, Weak<dyn Again>)>,
    /// If there are more actors than this, those that have ended are removed.
    most: usize,
}

/// All actors of an application, by their keys. As many as live, and again as many that have ended, at most.
#[derive(Default)]
pub struct Living(Mutex<State>);

/// There are that many at least before one looks for those that have ended.
const FEW: usize = 64;

impl Living {
    /// An actor begins.
    pub fn add(&self, key: ActorKey, module: ModuleId, actor: Weak<dyn Again>) {
        let mut state = lock(&self.0);
        if state.actors.len() >= state.most.max(FEW) {
            state
                .actors
                .retain(|_, (_, actor)| actor.strong_count() > 0);
            state.most = state.actors.len() * 2;
        }
        state.actors.insert(key, (module, actor));
    }

    /// Has all actors of a module render again. Gives how many there are.
    pub fn all_again(&self, module: ModuleId) -> usize {
        let found: Vec<_> = {
            let state = lock(&self.0);
            let of_module = state.actors.values().filter(|(id, _)| *id == module);
            of_module.filter_map(|(_, actor)| actor.upgrade()).collect()
        };
        // Without the lock: a mailbox has one of its own, and wakes its actor.
        for actor in &found {
            actor.again(None);
        }
        found.len()
    }

    /// Has one actor go on with these props. False if it has ended.
    pub fn one_again(&self, key: ActorKey, props: &str) -> bool {
        let found = lock(&self.0)
            .actors
            .get(&key)
            .map(|(_, actor)| actor.clone());
        let Some(actor) = found.and_then(|actor| actor.upgrade()) else {
            return false;
        };
        actor.again(Some(props.into()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counts(Mutex<Vec<Option<Arc<str>>>>);

    impl Again for Counts {
        fn again(&self, props: Option<Arc<str>>) {
            lock(&self.0).push(props);
        }
    }

    fn begin(living: &Living, key: ActorKey, module: ModuleId) -> Arc<Counts> {
        let actor = Arc::new(Counts::default());
        let weak = Arc::downgrade(&actor);
        living.add(key, module, weak);
        actor
    }

    #[test]
    fn all_of_a_module_are_asked_and_one_alone_gets_props() {
        let living = Living::default();
        let (one, two, other) = (
            begin(&living, 1, 7),
            begin(&living, 2, 7),
            begin(&living, 3, 8),
        );
        assert_eq!(living.all_again(7), 2);
        assert!(living.one_again(2, "{}"));
        assert_eq!(*lock(&one.0), [None]);
        assert_eq!(*lock(&two.0), [None, Some("{}".into())]);
        assert!(lock(&other.0).is_empty());
        drop(two);
        assert!(!living.one_again(2, "{}"));
        assert_eq!(living.all_again(7), 1);
    }

    #[test]
    fn those_that_have_ended_are_forgotten() {
        let living = Living::default();
        let kept = begin(&living, 0, 1);
        for key in 1..10_000 {
            drop(begin(&living, key, 1));
            assert!(lock(&living.0).actors.len() <= FEW + 1);
        }
        assert_eq!(living.all_again(1), 1);
        assert_eq!(lock(&kept.0).len(), 1);
    }
}
