//! Shared components: one actor, whose component many pages show.
//!
//! A page joins with a token that names a module and a key. All pages of one key are [`viewers`](viewer) of one
//! [`component`]: their events are taken in turn, by one actor, and what the actor renders is compared and
//! encoded once, and sent to all of them.
//!
//! * `crowd.rs`, `numbers.rs`, `joined_and_left.rs`: whose the viewers are, who gives way, what is known of those who are
//!   gone, who is told. `failures.rs`: whose events have failed. `rounds.rs`: whose turn it is. Pure.
//! * `ring.rs`: the last changes, for pages that have missed some. `shown.rs`: those and the whole tree, encoded
//!   once. `said.rs`: what became of one viewer's events. All of them are pure, but for a lock around them.
//! * `viewer/`: one page, and (`sending.rs`) what it is sent. `component/`: the component and its end, (`coming.rs`) who
//!   comes and goes, and (`sending.rs`) what all pages are sent.
//! * `ownership.rs`: which process has the actor, a trait. `across/`: the others follow it.
//! * `joining.rs`: how a page gets in. `posting.rs`: one that has no script, for a form. `asking.rs`: whether it may still see the component. `to_viewers.rs`: the
//!   actor's end.
//!
//! Architecture invariant: whatever happens in a shared component is rendered once, compared once and encoded once
//! for each dialect. `__test__/server/shared_components.test.ts` watches it
//! (`ten pages show one state, which is rendered once for all of them`).

mod across;
mod asking;
mod component;
mod crowd;
mod failures;
mod joined_and_left;
mod joining;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod numbers;
mod ownership;
mod posting;
mod ring;
mod rounds;
mod said;
mod shown;
#[cfg(all(test, not(shuttle)))]
mod tests;
mod to_viewers;
mod viewer;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::{Caller, Dispatcher, Joins, Origin, Sharing};
use crate::ids::{Life, Point, Term};
use crate::limits::Limits;
use crate::live_socket::{LiveSocket, Start};
use crate::log::Quoted;
use crate::members::{Leave, Members, Whose};
use crate::ongoing::Ongoing;
use crate::props::Props;
use crate::protocol::Refusal;
use crate::registry::{Details, Module, ModuleId};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::token::public_name;
#[cfg(all(test, shuttle))]
pub(crate) use across::models as across_models;
pub use across::{Across, RedisOwnership};
use across::{Begun, Host, Parts, follow};
use component::{Component, Failure, Guest};
pub(crate) use joining::{Joining, join};
use ownership::{Answer, HandedOver, MemoryOwnership, Owner};
pub use ownership::{Ownership, OwnershipError};
pub(crate) use posting::{Posted, Posting, post};
use to_viewers::{Owned, ToViewers};
use viewer::Viewed;
pub(crate) use viewer::{Viewer, Viewing};

/// The text for a page if there is no room, or if its component is ending.
pub(crate) const BUSY: &str = "The server is busy.";

/// The longest key, in bytes.
pub const MAX_KEY: usize = 256;

/// A module and a key: the name of a shared component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) module: ModuleId,
    pub(crate) key: Arc<str>,
}

/// The module of a shared component.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) module: Module,
    pub(crate) name: Arc<str>,
    pub(crate) details: Arc<Details>,
}

#[derive(Default)]
struct State {
    components: HashMap<Name, Arc<Component>>,
    /// How many of them each address has started.
    starters: HashMap<Arc<str>, usize>,
    /// The bytes of all components, as they were last weighed.
    weight: usize,
    /// The application closes: no further ones are started.
    closing: bool,
}

impl State {
    /// Whether this component is the listed one of its name.
    fn lists(&self, component: &Arc<Component>) -> bool {
        let listed = self.components.get(&component.name);
        listed.is_some_and(|one| Arc::ptr_eq(one, component))
    }
}

/// All shared components of an application. The lock is a `std` one, held for a look-up. A component's lock
/// may be taken while this one is held; this one is taken while no other lock is held.
pub struct SharedComponents {
    state: Mutex<State>,
    limits: Limits,
    /// Which process has the actor of each.
    owners: Arc<dyn Ownership>,
    /// The other processes, if there is a backplane.
    across: Option<Arc<Across>>,
    /// The components that are in topics.
    members: Members<Arc<Component>>,
    own: Weak<Self>,
}

impl SharedComponents {
    /// None yet. `across`: the other processes, if there is a backplane.
    pub fn new(limits: &Limits, across: Option<Arc<Across>>) -> Arc<Self> {
        let owners = match &across {
            Some(across) => across.owners().clone(),
            None => Arc::<MemoryOwnership>::default(),
        };
        Arc::new_cyclic(|own| Self {
            state: Mutex::default(),
            limits: limits.clone(),
            owners,
            across,
            members: Members::default(),
            own: own.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn all(&self) -> Vec<Arc<Component>> {
        self.lock().components.values().cloned().collect()
    }

    /// The component of that name, if it lives.
    fn get(&self, name: &Name) -> Option<Arc<Component>> {
        self.lock().components.get(name).cloned()
    }

    /// The component of that name, which is started if it does not live; it lives for as long as the guest is
    /// kept. `starter` is the address that asks for it, as addresses are counted.
    fn open<D: Dispatcher>(
        &self,
        context: &Shared<D>,
        known: &Known,
        key: &Arc<str>,
        starter: &Arc<str>,
    ) -> Result<Guest, Failure> {
        let name = Name {
            module: known.module.id,
            key: key.clone(),
        };
        let busy = |why: String| (why, Refusal::Busy);
        let mut state = self.lock();
        if state.closing {
            return Err(busy("The server is restarting.".to_owned()));
        }
        if let Some(component) = state.components.get(&name).cloned() {
            drop(state);
            if let Some(guest) = component.guest() {
                return Ok(guest);
            }
            // The component has ended, and is about to be taken out.
            self.remove(&component);
            state = self.lock();
            // Somebody else may have started the next one meanwhile.
            if let Some(next) = state.components.get(&name).and_then(Component::guest) {
                return Ok(next);
            }
        }
        let Limits {
            shared,
            shared_per_address,
            ..
        } = self.limits;
        let count = state.starters.get(starter).copied().unwrap_or_default();
        if state.components.len() >= shared || (!starter.is_empty() && count >= shared_per_address)
        {
            return Err(busy(BUSY.to_owned()));
        }
        let registry = self.own.upgrade().ok_or_else(|| busy(BUSY.to_owned()))?;
        let receivers = &known.details.receivers;
        let tells_viewers = receivers
            .iter()
            .any(|receiver| **receiver == *crate::message::VIEWERS);
        let component = Component::new(
            name.clone(),
            starter.clone(),
            &registry,
            &self.limits,
            tells_viewers,
            context.store.is_some(),
        );
        // The component cannot have ended: no other thread knows it so far.
        let guest = component.guest();
        state.components.insert(name, component.clone());
        *state.starters.entry(starter.clone()).or_default() += 1;
        drop(state);
        start(context, known, &component, &registry);
        guest.ok_or_else(|| busy(BUSY.to_owned()))
    }

    /// Takes out a component that has ended.
    fn remove(&self, component: &Arc<Component>) {
        let mut state = self.lock();
        if !state.lists(component) {
            return;
        }
        state.components.remove(&component.name);
        state.weight -= component.weight.swap(0, Ordering::Relaxed);
        let starter = &component.starter;
        if let Some(count) = state.starters.get_mut(starter) {
            *count -= 1;
            if *count == 0 {
                state.starters.remove(starter);
            }
        }
    }

    /// Notes the bytes of a component. If all of them together are too many, the heaviest component ends.
    fn weigh(&self, component: &Arc<Component>, bytes: usize) {
        let mut state = self.lock();
        if !state.lists(component) {
            // The component has ended, and weighs nothing any more.
            return;
        }
        let before = component.weight.swap(bytes, Ordering::Relaxed);
        state.weight = state.weight - before + bytes;
        let is_too_much = state.weight > self.limits.component_bytes;
        drop(state);
        if !is_too_much {
            return;
        }
        let weight = |one: &Arc<Component>| one.weight.load(Ordering::Relaxed);
        if let Some(heaviest) = self.all().into_iter().max_by_key(weight) {
            heaviest.end(BUSY, &Refusal::Busy);
        }
    }

    /// The bytes of all components, as they were last weighed.
    #[cfg(test)]
    fn weight(&self) -> usize {
        self.lock().weight
    }

    /// The viewers of all components.
    pub(crate) fn viewers(&self) -> Vec<Arc<Viewer>> {
        let all = self.all();
        all.iter()
            .flat_map(|component| component.all_viewers().to_vec())
            .collect()
    }

    /// Ends the viewers that `leave` means, of the components that are in this topic. Their pages join again,
    /// and `authorize` is asked. So `authorize` is asked again about pages that join just now. A component
    /// whose call in flight puts it into the topic ends all its viewers after that call. Gives the callers of
    /// the viewers that have ended.
    pub(crate) fn dismiss(&self, leave: &Leave) -> Vec<Arc<Caller>> {
        // The components are nobody's: whose the viewers are is looked at below.
        let of_all = Leave {
            whose: Whose::default(),
            ..leave.clone()
        };
        let Whose { bind, address } = &leave.whose;
        let mut ended = Vec::new();
        self.members.leave(&of_all, |component| {
            ended.extend(component.dismiss(bind.as_deref(), address.as_deref()));
        });
        ended
    }

    /// It is not known which people the application has taken out of topics: the pages of all components that
    /// are in a topic join again, and `authorize` is asked.
    pub(crate) fn doubt(&self) {
        for component in self.all() {
            if component.topics().is_some() {
                component.dismiss(None, None);
            }
        }
    }

    /// Takes all components out of this topic. Gives how many were in it.
    pub(crate) fn unsubscribe(&self, leave: &Leave) -> usize {
        let mut count = 0;
        self.members.leave(leave, |component| {
            component.leave_topic(&leave.topic);
            count += 1;
        });
        count
    }

    /// The application is closing: no component is started any more, and each ends with its last page.
    pub(crate) fn drain(&self) {
        self.lock().closing = true;
        for component in self.all() {
            component.drain();
        }
    }

    /// Ends all components.
    pub(crate) fn stop(&self) {
        self.drain();
        for component in self.all() {
            component.stop();
        }
    }

    /// The HTML of a component that a page is rendered with; the component is started if it does not live.
    ///
    /// # Errors Why there is no HTML.
    pub async fn html<D: Dispatcher>(
        &self,
        context: &Shared<D>,
        module: &str,
        key: &Arc<str>,
        starter: &Arc<str>,
    ) -> Result<Arc<str>, String> {
        let (found, details) = context
            .registry
            .get(module)
            .ok_or_else(|| format!("no module {module:?} is registered"))?;
        let known = Known {
            module: found,
            name: module.into(),
            details,
        };
        let text = |(text, _): Failure| text;
        let opened = self.open(context, &known, key, starter);
        let guest = opened.map_err(|failure| {
            let limits = &self.limits;
            let (all, each) = (limits.shared, limits.shared_per_address);
            match failure.1 {
                Refusal::Busy if !context.closing.is_cancelled() => format!(
                    "too many shared components live (limits.shared is {all}, sharedPerAddress {each})"
                ),
                _ => failure.0,
            }
        })?;
        let component = &guest.0;
        component.wait_until_ready().await.map_err(text)?;
        let (html, asks) = component.shown().html();
        if asks {
            component.ask_tree();
        }
        match html {
            Ok(html) => Ok(html),
            Err(receiver) => receiver.await.map_err(|_| BUSY.to_owned()),
        }
    }
}

/// For so long an owner is looked for: longer than the lease of a process that is gone.
const LOOKS: Duration = Duration::from_secs(12);
/// How long an owner that does not answer is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// The result of an answer that does not wait; or the answer.
fn at_once<T>(mut answer: Answer<T>) -> Result<Result<T, OwnershipError>, Answer<T>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => Ok(result),
        std::task::Poll::Pending => Err(answer),
    }
}

/// Starts a component: its actor, if this process owns it, or else the task that follows the owner.
fn start<D: Dispatcher>(
    context: &Shared<D>,
    known: &Known,
    component: &Arc<Component>,
    registry: &Arc<SharedComponents>,
) {
    let key = &component.name.key;
    let instances = context.keyring.shared_instances(&known.name, key);
    let instances: Vec<Arc<str>> = instances.into_iter().map(Into::into).collect();
    let starting = Starting {
        context: context.clone(),
        known: known.clone(),
        component: component.clone(),
        registry: registry.clone(),
        name: instances.first().cloned().unwrap_or_default(),
        instances,
    };
    if known.details.authorizes {
        let component = Arc::downgrade(component);
        let asking = asking::ask_again(context.clone(), known.clone(), component);
        let task = context.tasks.spawn(asking).abort_handle();
        starting.component.set_asking(task);
    }
    match at_once(registry.owners.own(&starting.name, None)) {
        // In one process nobody is to be asked.
        Ok(Ok(Owner::Here(term, left))) => starting.owns(term, left),
        Ok(Ok(Owner::Elsewhere(_)) | Err(_)) => component.end(BUSY, &Refusal::Busy),
        Err(owned) => {
            context.tasks.spawn(starting.settles(owned));
        }
    }
}

/// A component that starts.
struct Starting<D: Dispatcher> {
    context: Shared<D>,
    known: Known,
    component: Arc<Component>,
    registry: Arc<SharedComponents>,
    /// The component's names in a store, and the first of them, under which it is owned.
    instances: Vec<Arc<str>>,
    name: Arc<str>,
}

impl<D: Dispatcher> Starting<D> {
    /// Finds out which process owns the component.
    async fn settles(self, owned: Answer<Owner>) {
        let until = Instant::now() + LOOKS;
        let mut owned = owned.await;
        while Instant::now() < until && !self.component.has_ended() {
            let owner = match owned {
                Ok(Owner::Here(term, left)) => return self.owns(term, left),
                Ok(Owner::Elsewhere(owner)) => owner,
                Err(error) => {
                    let (name, key) = (&self.known.name, Quoted(&self.component.name.key));
                    self.context.log(
                        Level::Error,
                        Code::Shared,
                        format!("{name} ({key}): {error}"),
                    );
                    break;
                }
            };
            let Some(across) = &self.registry.across else {
                break;
            };
            let (component, tasks) = (&self.component, &self.context.tasks);
            let gone = match follow(across, component, &self.name, &owner, tasks).await {
                Begun::Followed => return,
                Begun::HasNone => Some(owner.term),
                // The process may be gone, while its lease has not run out.
                Begun::Silent => {
                    sleep(PAUSE).await;
                    None
                }
                Begun::Failed((text, refusal)) => return self.component.end(&text, &refusal),
            };
            owned = self.registry.owners.own(&self.name, gone).await;
        }
        self.component.end(BUSY, &Refusal::Busy);
    }

    /// Starts the actor.
    fn owns(self, term: Term, left: Option<HandedOver>) {
        let Self {
            context,
            known,
            component,
            registry,
            instances,
            name,
        } = self;
        if let Some(across) = &registry.across {
            let parts = Parts {
                name: name.clone(),
                term,
                limits: context.limits.clone(),
                stats: context.stats.clone(),
                budget: context.budget.clone(),
            };
            let (host, tells) = Host::new(across, &component, parts);
            component.set_host(host);
            context.tasks.spawn(tells);
        }
        let key = &component.name.key;
        let caller = Arc::new(Caller {
            request: "".into(),
            bind: "".into(),
            page: "".into(),
            parent: None,
            sharing: Some(Box::new(Sharing {
                key: key.clone(),
                viewer: "".into(),
            })),
        });
        let start = Start {
            // The name of the component in the log.
            id: key.clone(),
            instance: public_name(&name).into(),
            module: known.module,
            module_name: known.name.clone(),
            caller: Some(caller),
            holder: component.starter.clone(),
            props: Arc::new(Props::from_json("{}")),
            origin: Some(Origin {
                joins: Joins::Shared,
                version: known.details.version,
                is_behind: false,
            }),
            place: None,
            point: Point::default(),
            life: Life::default(),
            expected: Default::default(),
            ongoing: Ongoing::default(),
            given: None,
            details: known.details.clone(),
        };
        let owners = registry.owners.clone();
        let owned = Owned { owners, term, left };
        let socket = LiveSocket::start(&context, start, |key| {
            let component = component.clone();
            ToViewers::new(key, context.clone(), component, known, owned, instances)
        });
        component.set_socket(socket);
    }
}
