//! The reply end of a shared component's actor: its answers and changes go to all viewers, or to the viewer
//! whose event they answer.

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::asking::ask_in_doubt;
use super::component::{Component, Lives};
use super::failures::Failures;
use super::ownership::HandedOver;
use super::ring::{Change, Ring};
use super::shown::Encodings;
use super::viewer::{Viewed, Viewer};
use super::{BUSY, Known, Ownership, OwnershipError, at_once};
use crate::clock::unix_now;
use crate::context::Shared;
use crate::dispatch::{CallError, Dispatcher, Joins, Origin};
use crate::ids::{ActorKey, EventNumber, Life, Point, Term};
use crate::live_socket::{
    Asked, Begun, Committed, Continuity, Keeper, Moment, Newest, Pace, ReplyTo, Viewers,
};
use crate::members::{self, Leave};
use crate::ongoing::{Ongoing, TopicNames};
use crate::props::Props;
use crate::protocol::{Beside, Refusal, ServerMessage, extended};
use crate::random::random_number;
use crate::store::{StoreError, Stored};
use crate::token::{Claims, Kind};
use crate::tree::LiveTree;

/// The ownership of a component by this process.
pub(super) struct Owned {
    pub(super) owners: Arc<dyn Ownership>,
    pub(super) term: Term,
    /// The state that the owner before has left.
    pub(super) left: Option<HandedOver>,
}

pub(super) struct ToViewers<D: Dispatcher> {
    /// The actor's.
    key: ActorKey,
    context: Shared<D>,
    component: Arc<Component>,
    known: Known,
    owners: Arc<dyn Ownership>,
    /// The term in which this process owns the component.
    term: Term,
    /// The state that the owner before has left.
    left: Option<HandedOver>,
    /// The component's names in a store. States are saved under the first one, and the first one is owned.
    instances: Vec<Arc<str>>,
    /// The least time between two changes.
    pause: Duration,
    /// Before this no change is sent.
    next: Option<Instant>,
    /// Changes are held back, and told as one.
    is_held: bool,
    /// Something was pushed to all while changes were held back: some change has to follow.
    owes_change: bool,
    /// Whose event is handled.
    current: Option<Arc<Viewer>>,
    /// Whose events were handled while changes were held back.
    acted: Vec<Arc<Viewer>>,
    /// The component was shown: its pages can be let in.
    is_ready: bool,
    life: Life,
}

impl<D: Dispatcher> ToViewers<D> {
    pub(super) fn new(
        key: ActorKey,
        context: Shared<D>,
        component: Arc<Component>,
        known: Known,
        owned: Owned,
        instances: Vec<Arc<str>>,
    ) -> Self {
        let Owned { owners, term, left } = owned;
        Self {
            pause: context.patch_pause(),
            key,
            context,
            component,
            known,
            owners,
            term,
            left,
            instances,
            next: None,
            is_held: false,
            owes_change: false,
            current: None,
            acted: Vec::new(),
            is_ready: false,
            life: Life::default(),
        }
    }

    fn encode(&self, message: &ServerMessage<'_>) -> Arc<Change> {
        let classic = self.component.has_classic();
        Arc::new(Change {
            extended: extended::encode_for_many(message, self.is_followed()),
            classic: classic.then(|| message.to_json_for_many()),
            replaces: matches!(message, ServerMessage::Replace(_)),
        })
    }

    /// Whether other processes follow the component.
    fn is_followed(&self) -> bool {
        self.component.host().is_some_and(|host| host.is_followed())
    }

    /// Sends a page the result of its event, if nothing else has changed.
    fn deliver(&self, viewer: &Arc<Viewer>) {
        match self.component.host().filter(|_| viewer.is_elsewhere()) {
            // Its process knows by this that nothing is missing.
            Some(host) => host.frame(self.component.shown().ring.newest(), None),
            None => viewer.deliver(&*self.component),
        }
    }

    /// The pages show the state at `point` now, by this change.
    fn tell(&mut self, point: Point, message: Option<&ServerMessage<'_>>) {
        let change = message.map(|message| self.encode(message));
        let changes = change.is_some();
        let mut shown = self.component.shown();
        if changes {
            shown.forget_tree();
        }
        shown.ring.push(point.revision, change.clone());
        drop(shown);
        let acted_elsewhere = || self.acted.iter().any(|viewer| viewer.is_elsewhere());
        if let Some(host) = self.component.host()
            && (changes || acted_elsewhere())
        {
            host.frame(point.revision, change);
        }
        for viewer in std::mem::take(&mut self.acted) {
            viewer.deliver(&*self.component);
        }
        if changes {
            self.next = Some(Instant::now() + self.pause);
            self.component.fan_out();
        }
    }
}

fn not_owned(error: OwnershipError) -> StoreError {
    match error {
        OwnershipError::Lost => StoreError::Stale,
        OwnershipError::Failed(text) => StoreError::Failed(text),
    }
}

/// The change that a message makes; `None` if it makes no change.
fn change_of<'a, 'b>(message: &'a ServerMessage<'b>) -> Option<&'a ServerMessage<'b>> {
    match message {
        ServerMessage::Patch(patch, _) if patch.is_empty() => None,
        message => Some(message),
    }
}

impl<D: Dispatcher> ReplyTo for ToViewers<D> {
    fn started(&mut self, result: Result<(), &CallError>) {
        if let Err(error) = result {
            self.ended(error);
        }
    }

    fn show(&mut self, point: Point, tree: &LiveTree, _: Continuity) {
        let mut shown = self.component.shown();
        if !self.is_ready {
            shown.ring = Ring::new(point.revision);
        }
        let wanted = shown.wanted();
        drop(shown);
        let made = Encodings::of(tree, point.revision, wanted, self.is_followed());
        let (viewers, asks_again) = self.component.shown().take_tree(made);
        if asks_again {
            self.component.ask_tree();
        }
        for viewer in viewers {
            viewer.deliver(&*self.component);
        }
        if !std::mem::replace(&mut self.is_ready, true) {
            self.component.is_ready();
        }
    }

    fn answer(&mut self, point: Point, message: ServerMessage<'_>, beside: Beside<'_>) {
        // States that are kept from here on belong to no event: they must not say that they include this one.
        let Some(viewer) = self.current.take() else {
            return;
        };
        if let ServerMessage::Error(text) = message {
            viewer.failed(point, 1, text, false, beside.redirect);
            self.has_failed(viewer);
            return;
        }
        let acted = match viewer.applied(point, beside) {
            true => Some(viewer),
            false => self.component.is_late(&viewer, point, beside),
        };
        self.acted.extend(acted);
        if !self.is_held {
            self.tell(point, change_of(&message));
        }
    }

    fn changed(&mut self, point: Point, message: Option<ServerMessage<'_>>, beside: Beside<'_>) {
        if !beside.pushes.is_empty() {
            let mut shown = self.component.shown();
            shown.ring.push_to_all(point.revision, beside.pushes);
            drop(shown);
            if let Some(host) = self.component.host() {
                host.pushed(point.revision, beside.pushes);
            }
            self.owes_change = true;
        }
        if self.is_held {
            return;
        }
        let nothing = ServerMessage::nothing();
        let owes = std::mem::take(&mut self.owes_change);
        let message = message.as_ref().or(owes.then_some(&nothing));
        self.tell(point, message);
    }

    fn unhandled(&mut self, point: Point, count: u64, text: &str, is_expired: bool) {
        let Some(viewer) = self.current.take() else {
            return;
        };
        viewer.failed(point, count, text, is_expired, None);
        self.has_failed(viewer);
    }

    fn ended(&mut self, error: &CallError) {
        let text = error.public(self.context.development);
        let refusal = match error {
            CallError::Moved if self.component.host().is_some() => &Refusal::Moved,
            error => error.refusal(),
        };
        self.component.end(&text, refusal);
    }
}

impl<D: Dispatcher> Pace for ToViewers<D> {
    async fn ready(&mut self) {}

    fn holds(&mut self, _events_wait: bool) -> bool {
        self.is_held = self.next.is_some_and(|next| Instant::now() < next);
        self.is_held
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn is_there(&self) -> bool {
        self.component.is_there()
    }

    fn merged(&mut self, point: Point, message: ServerMessage<'_>) {
        self.is_held = false;
        let owes = std::mem::take(&mut self.owes_change);
        let change = match change_of(&message) {
            None if owes => Some(&message),
            change => change,
        };
        self.tell(point, change);
    }

    async fn caught_up(&mut self) {
        if let Some(next) = self.next
            && !self.component.shown().ring.has_much_to_push()
        {
            // On the heap: the future of every actor would carry it otherwise.
            Box::pin(sleep_until(next)).await;
        }
    }
}

impl<D: Dispatcher> Viewers for ToViewers<D> {
    fn shares(&self) -> bool {
        true
    }

    fn next_asked(&mut self) -> Option<Asked> {
        let (viewer, asked) = self.component.next_asked()?;
        self.current = Some(viewer);
        Some(asked)
    }

    fn has_asked(&self) -> bool {
        self.component.has_asked()
    }

    fn joined_and_left(&mut self) -> Option<Arc<str>> {
        self.component.joined_and_left()
    }

    /// The page may have lost the right to this event only, or to the component.
    fn refused(&mut self) {
        let Some(viewer) = self.current.clone() else {
            return;
        };
        if !viewer.begins_doubt() {
            return;
        }
        let (context, known) = (self.context.clone(), self.known.clone());
        let component = self.component.clone();
        let asking = ask_in_doubt(context, known, component, viewer);
        self.context.tasks.spawn(asking);
    }

    fn dismiss(&mut self) {
        self.component.dismiss(None, None);
    }

    fn wants_tree(&self) -> bool {
        self.component.shown().is_wanted()
    }

    async fn beside(&mut self, holds: bool) {
        match holds {
            // The tree is shown together with the changes that were held back.
            true => self.caught_up().await,
            false => self.component.tree_is_wanted().await,
        }
    }
}

impl<D: Dispatcher> Keeper for ToViewers<D> {
    async fn keep(&mut self, committed: Committed<'_>) -> Result<(), StoreError> {
        let store = self.context.store.as_ref();
        self.owners
            .commits(&self.name(), self.term, store.is_some())
            .await
            .map_err(not_owned)?;
        let Some(store) = store else {
            return Ok(());
        };
        let instance = self.name();
        let sealed = self.sealed(committed)?;
        let stored = Stored {
            life: self.life,
            revision: committed.point.revision,
            sealed,
        };
        // All states of a module count together.
        let holder = format!("\0shared {}", self.known.name);
        let holder = self.context.keyring.holder(&holder, "");
        let dropped = self.component.take_dropped();
        let number = committed.point.event;
        let current = self
            .current
            .as_ref()
            .filter(|_| number > EventNumber::default());
        let numbers = current.map(|viewer| (viewer.id.clone(), Some(number)));
        let viewers = dropped.iter().map(|id| (id.clone(), None));
        let viewers = viewers.chain(numbers).collect();
        let saved = store.save_shared(&instance, holder, stored, viewers).await;
        if saved.is_err() {
            self.component.keep_dropped(dropped);
        }
        saved
    }

    async fn begin(&mut self, _point: Point, _before: Life) -> Result<Begun, StoreError> {
        self.claim().await
    }

    fn weighed(&mut self, bytes: usize) {
        let kept = self.component.shown().memory();
        self.component.weighed(bytes + kept);
    }

    fn subscribed(&mut self, topics: Option<&TopicNames>, since: u64) -> Vec<Leave> {
        let topics = topics.cloned();
        let mut leaves = self.component.set_topics(self.key, topics, since);
        // The component is nobody's; but some of its viewers may be meant, and they all join again.
        leaves.retain(|leave| leave.ends || leave.whose.is_everybody());
        leaves
    }

    /// An actor that ends in order leaves its state to the next owner, if no store has it.
    fn committed(&mut self, committed: Committed<'_>, moment: Moment) -> Option<Instant> {
        if moment == Moment::End
            && self.context.store.is_none()
            && let Some(host) = self.component.host()
            && let Ok(sealed) = self.sealed(committed)
        {
            host.leaves(HandedOver {
                sealed,
                viewers: self.component.all_numbers(),
            });
        }
        None
    }
}

impl<D: Dispatcher> ToViewers<D> {
    /// An event of this viewer has failed: the page is told at once.
    fn has_failed(&mut self, viewer: Arc<Viewer>) {
        self.component.has_failed(&viewer.id);
        self.deliver(&viewer);
        if self.is_held {
            self.acted.push(viewer);
        }
    }

    /// The state, sealed.
    fn sealed(&self, committed: Committed<'_>) -> Result<String, StoreError> {
        let failures = self.component.failures();
        let claims = Claims {
            module: self.known.name.to_string(),
            version: self.known.details.version,
            props_json: committed.props.to_json_without(&self.known.details.private),
            ongoing: committed.ongoing.to_json(self.context.now()),
            instance: self.name().to_string(),
            point: committed.point,
            life: self.component.lives().since,
            issued_at: unix_now(),
            unsaid: match failures.is_empty() {
                true => String::new(),
                false => serde_json::to_string(&failures).unwrap_or_default(),
            },
            ..Claims::empty(Kind::SharedState)
        };
        let sealed = self.context.keyring.seal(&claims, "");
        sealed.map_err(|error| StoreError::Failed(error.to_string()))
    }

    /// The component's name in a store.
    fn name(&self) -> Arc<str> {
        self.instances.first().cloned().unwrap_or_default()
    }

    /// The life goes on with the state that began in the life `since`.
    fn begins(&self, since: Life) {
        let owner = self.life;
        self.component.set_lives(Lives { since, owner });
    }

    /// The state of that name that this life goes on with.
    fn goes_on(
        &self,
        sealed: &str,
        instance: &str,
        viewers: Vec<(Arc<str>, EventNumber)>,
    ) -> Result<Newest, StoreError> {
        let claims = self.context.keyring.open_kept(sealed, "");
        let claims = claims.map_err(StoreError::Unreadable)?;
        if claims.kind != Kind::SharedState || *claims.instance != *instance {
            return Err(StoreError::Damaged("it is of another component".to_owned()));
        }
        let failures: Failures = match claims.unsaid.is_empty() {
            true => Vec::new(),
            false => serde_json::from_str(&claims.unsaid)
                .map_err(|error| StoreError::Damaged(error.to_string()))?,
        };
        self.component.set_numbers(viewers, failures);
        self.begins(claims.life);
        Ok(Newest {
            point: Point {
                event: EventNumber::default(),
                ..claims.point
            },
            props: Arc::new(Props::from_json(&claims.props_json)),
            ongoing: Ongoing::from_json(&claims.ongoing, self.context.now()),
            origin: Origin {
                joins: Joins::SharedState,
                version: claims.version,
                is_behind: false,
            },
        })
    }

    /// Begins a life, with the state that the store has, if there is one.
    async fn claim(&mut self) -> Result<Begun, StoreError> {
        let name = || random_number().map_or(Life(1), Life);
        let Some(store) = &self.context.store else {
            self.life = name();
            if let Some(HandedOver { sealed, viewers }) = self.left.take() {
                let newest = self.goes_on(&sealed, &self.name(), viewers);
                return newest.map(|newest| Begun {
                    life: self.life,
                    newest: Some(newest),
                });
            }
            self.begins(self.life);
            return Ok(Begun::of(self.life));
        };
        for instance in &self.instances {
            let claimed = store.claim_shared(instance, Life::default()).await?;
            let Some((stored, viewers)) = claimed else {
                continue;
            };
            self.life = stored.life;
            let newest = self.goes_on(&stored.sealed, instance, viewers)?;
            return Ok(Begun {
                life: self.life,
                newest: Some(newest),
            });
        }
        self.life = Life(1);
        self.begins(name());
        Ok(Begun::of(self.life))
    }
}

impl<D: Dispatcher> Drop for ToViewers<D> {
    fn drop(&mut self) {
        // With other processes the component is given up when they have been told.
        if self.component.host().is_none() {
            let disowned = self.owners.disown(&self.name(), self.term, None);
            let _ = at_once(disowned);
        }
        self.component.set_topics(self.key, None, members::now());
        // The actor has stopped already. Pages that still show the component come back to the next one.
        self.component.end(BUSY, &Refusal::Busy);
    }
}
