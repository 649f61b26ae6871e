//! The owner of a shared component, as other processes follow it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::wire::{self, Answer, Asked, ChangeAcross, Followed, Item, OfPage, Page, Told, Tree};
use super::{Across, MOVED};
use crate::budget::Budget;
use crate::codes::Code;
use crate::dispatch::{Caller, Sharing};
use crate::effects::Push;
use crate::ids::{EventNumber, Point, Revision, Term};
use crate::limits::Limits;
use crate::live_socket::Events;
use crate::log::Level;
use crate::ongoing::TopicNames;
use crate::outbox::Dialect;
use crate::protocol::extended::Encoded;
use crate::protocol::{Numbered, Refusal};
use crate::shared::BUSY;
use crate::shared::component::{Component, Elsewhere};
use crate::shared::ownership::HandedOver;
use crate::shared::ring::Change;
use crate::shared::said::Said;
use crate::shared::shown::{Encodings, Forms};
use crate::shared::viewer::{Viewed, Viewer, Whose};
use crate::stats::Stats;
use crate::sync::{Mutex, lock};
use crate::template::{Definition, TemplateName};

/// The most messages that wait for followers. If there are more, the followers begin anew.
const MOST_WAITING: usize = 4096;
/// The most bytes of changes that wait.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// When it is tried again to tell something.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a process waits for the tree.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Something that waits to be told.
enum Waiting {
    Frame(Revision, Option<Arc<Change>>),
    Item(Item),
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    bytes: usize,
    /// Something was not told.
    gap: bool,
    /// The component has ended: the text for its pages, and their next action.
    ended: Option<(String, Refusal)>,
    followers: BTreeSet<Arc<str>>,
}

/// The component that this process owns, as others follow it. The locks are `std` ones, held for a push or a look-up.
pub(crate) struct Host {
    across: Arc<Across>,
    component: Weak<Component>,
    /// The component's name in a store.
    name: Arc<str>,
    key: Arc<str>,
    term: Term,
    topic: Box<str>,
    limits: Limits,
    stats: Arc<Stats>,
    budget: Arc<Budget>,
    /// Somebody follows.
    is_followed: AtomicBool,
    /// The number of the last message.
    number: AtomicU64,
    state: Mutex<State>,
    /// The templates that were mentioned.
    defined: Mutex<BTreeMap<TemplateName, Definition>>,
    left: Mutex<Option<HandedOver>>,
    wake: Notify,
}

/// The parts of a host beside the component.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) term: Term,
    pub(crate) limits: Limits,
    pub(crate) stats: Arc<Stats>,
    pub(crate) budget: Arc<Budget>,
}

/// The name of a follower: a process, perhaps not for the first time.
pub(super) fn follower(process: &str, number: u64) -> Arc<str> {
    format!("{process} {number}").into()
}

/// The process of a follower.
pub(super) fn process_of(follower: &str) -> &str {
    follower
        .split_once(' ')
        .map_or(follower, |(process, _)| process)
}

/// The topic in which the owner of this term tells the followers.
pub(super) fn topic(name: &str, term: Term) -> String {
    format!("shared {name} {term}")
}

impl Host {
    /// The component of this process, in this term. It has no followers so far. Gives the task that tells the
    /// followers and gives the component up when it has ended.
    pub(crate) fn new(
        across: &Arc<Across>,
        component: &Arc<Component>,
        parts: Parts,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + use<>) {
        let Parts {
            name,
            term,
            limits,
            stats,
            budget,
        } = parts;
        let host = Arc::new(Self {
            across: across.clone(),
            component: Arc::downgrade(component),
            key: component.name.key.clone(),
            topic: topic(&name, term).into(),
            name,
            term,
            limits,
            stats,
            budget,
            is_followed: AtomicBool::new(false),
            number: AtomicU64::new(0),
            state: Mutex::default(),
            defined: Mutex::default(),
            left: Mutex::default(),
            wake: Notify::new(),
        });
        across.add_host(&host.name, &host);
        let tells = host.clone().run();
        (host, tells)
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn term(&self) -> Term {
        self.term
    }

    /// Whether other processes follow the component.
    pub(crate) fn is_followed(&self) -> bool {
        self.is_followed.load(Ordering::SeqCst)
    }

    /// The processes that follow.
    pub(super) fn followers(&self) -> Vec<Arc<str>> {
        let state = lock(&self.state);
        let process = |one: &Arc<str>| process_of(one).into();
        state.followers.iter().map(process).collect()
    }

    fn wait(&self, waiting: Waiting, bytes: usize) {
        if !self.is_followed() {
            return;
        }
        let mut state = lock(&self.state);
        state.bytes += bytes;
        state.waiting.push(waiting);
        if state.waiting.len() > MOST_WAITING || state.bytes > MOST_BYTES {
            state.waiting.clear();
            state.bytes = 0;
            state.gap = true;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Pages show this revision now, by this change.
    pub(crate) fn frame(&self, to: Revision, change: Option<Arc<Change>>) {
        let bytes = change.as_ref().map_or(0, |change| change.extended.size());
        self.wait(Waiting::Frame(to, change), bytes);
    }

    /// Tells another process the result of an event of its page.
    pub(crate) fn said(&self, viewer: &Arc<str>, said: &Said) {
        let bytes = said.outcome.size();
        self.wait(
            Waiting::Item(Item::Said(viewer.clone(), said.into())),
            bytes,
        );
    }

    /// The step that committed this revision pushes this to all pages.
    pub(crate) fn pushed(&self, revision: Revision, pushes: &[Push]) {
        for push in pushes {
            let item = Item::Pushed(revision, push.clone());
            self.wait(Waiting::Item(item), push.size());
        }
    }

    /// A page that another process has may not see the component any more.
    pub(crate) fn refused(&self, viewer: &Arc<str>, text: &str, refusal: &Refusal) {
        let item = Item::Refused(viewer.clone(), text.to_owned(), refusal.clone());
        self.wait(Waiting::Item(item), text.len());
    }

    /// The component is in these topics now.
    pub(crate) fn topics(&self, topics: Option<&TopicNames>) {
        let item = Item::Topics(topics.map(|topics| topics.to_vec()));
        self.wait(Waiting::Item(item), 0);
    }

    /// How often viewers were dismissed.
    pub(crate) fn dismissed(&self, dismissals: u64) {
        self.wait(Waiting::Item(Item::Dismissals(dismissals)), 0);
    }

    /// A message to this process was missed: the followers begin anew.
    pub(super) fn missed(&self) {
        if let Some(component) = self.component.upgrade() {
            // An event may be among it: no later one may be taken before the page has sent that again.
            for viewer in &*component.all_viewers() {
                if viewer.is_elsewhere() {
                    goes(&component, viewer, viewer.epoch(), true);
                }
            }
        }
        lock(&self.state).gap = true;
        self.wake.notify_one();
    }

    /// The next owner goes on with this.
    pub(crate) fn leaves(&self, left: HandedOver) {
        *lock(&self.left) = Some(left);
    }

    /// The component has ended.
    pub(crate) fn ended(&self, text: &str, refusal: &Refusal) {
        let mut state = lock(&self.state);
        state
            .ended
            .get_or_insert_with(|| (text.to_owned(), refusal.clone()));
        drop(state);
        self.wake.notify_one();
    }

    /// Another process has taken the component over.
    pub(super) fn is_lost(&self) {
        if let Some(component) = self.component.upgrade() {
            component.end(MOVED, &Refusal::Moved);
        }
    }

    /// These followers are gone, and so are the pages that they had.
    pub(super) fn are_gone(&self, is_gone: impl Fn(&str) -> bool) {
        let mut state = lock(&self.state);
        let before = state.followers.len();
        state.followers.retain(|one| !is_gone(one));
        if before == state.followers.len() {
            return;
        }
        drop(state);
        let Some(component) = self.component.upgrade() else {
            return;
        };
        for viewer in &*component.all_viewers() {
            if viewer.process().is_some_and(|process| is_gone(&process)) {
                goes(&component, viewer, viewer.epoch(), true);
            }
        }
    }

    /// Tells the followers, until the component has ended; then this process does not own it any more.
    async fn run(self: Arc<Self>) {
        loop {
            let (waiting, gap, ended) = {
                let mut state = lock(&self.state);
                state.bytes = 0;
                let waiting = std::mem::take(&mut state.waiting);
                (waiting, std::mem::take(&mut state.gap), state.ended.clone())
            };
            if let Some((text, refusal)) = ended {
                let left = lock(&self.left).take();
                let leaves = left.is_some();
                let owners = self.across.owners();
                // If Redis is away, the next owner waits until this process is gone, or says that it has no such component.
                let disowned = owners.disown(&self.name, self.term, left).await;
                if let Err(error) = disowned
                    && leaves
                {
                    let text = || {
                        format!(
                            "the state of the shared component {} could not be handed over and is lost: {error}",
                            self.name
                        )
                    };
                    self.across.log.write(Level::Warn, Code::Shared, "", text);
                }
                let ended = Waiting::Item(Item::Ended(text, refusal));
                let all = waiting.into_iter().chain([ended]).collect();
                if self.is_followed() {
                    let _ = self.tell(all, gap).await;
                }
                return;
            }
            if waiting.is_empty() && !gap {
                self.wake.notified().await;
            } else if self.is_followed() && !self.tell(waiting, gap).await {
                // It is not known whether the followers were told: they begin anew.
                lock(&self.state).gap = true;
                sleep(AGAIN).await;
            }
        }
    }

    async fn tell(&self, waiting: Vec<Waiting>, mut gap: bool) -> bool {
        let mut definitions = Vec::new();
        let mut items = Vec::with_capacity(waiting.len());
        for one in waiting {
            match one {
                Waiting::Item(item) => items.push(item),
                Waiting::Frame(to, change) => match change.map(|change| self.across(&change)) {
                    None => items.push(Item::Frame { to, change: None }),
                    Some(Some((change, defined))) => {
                        definitions.extend(defined);
                        let change = Some(Box::new(change));
                        items.push(Item::Frame { to, change });
                    }
                    // The change was encoded before the component had a follower.
                    Some(None) => gap = true,
                },
            }
        }
        let told = Told {
            number: self.number.fetch_add(1, Ordering::SeqCst) + 1,
            gap,
            items,
            definitions,
        };
        let Some(sealed) = self.across.seal(&told, &self.topic) else {
            return false;
        };
        let between = self.across.processes.between();
        between
            .publish(&self.topic, None, sealed.into())
            .await
            .is_ok()
    }

    /// A change for other processes, and the templates that it mentions as the first one.
    fn across(&self, change: &Change) -> Option<(ChangeAcross, Vec<(TemplateName, Definition)>)> {
        let (extended, definitions) = self.encoded(&change.extended, false)?;
        let change = ChangeAcross {
            extended,
            classic: change.classic.clone(),
            replaces: change.replaces,
        };
        Some((change, definitions))
    }

    /// A message for other processes, and the templates that it mentions: `all` of them, or those that were not
    /// mentioned before.
    fn encoded(
        &self,
        encoded: &Encoded,
        all: bool,
    ) -> Option<(
        crate::protocol::extended::Across,
        Vec<(TemplateName, Definition)>,
    )> {
        let mut definitions = Vec::new();
        let across = encoded.across(|template| {
            let name = self.across.templates.name_of(template);
            let mut defined = lock(&self.defined);
            let is_new = !defined.contains_key(&name);
            if is_new || all {
                let definition = Definition::of(template);
                if is_new {
                    defined.insert(name.clone(), definition.clone());
                }
                definitions.push((name.clone(), definition));
            }
            name
        })?;
        Some((across, definitions))
    }
}

/// A page that another process had is gone; if it is `away`, it may come back.
fn goes(component: &Arc<Component>, viewer: &Arc<Viewer>, epoch: u64, away: bool) {
    if !away {
        if viewer.end(Some(epoch)) {
            component.is_left(viewer, None);
        }
    } else if let Some(may_come_back) = viewer.gone(epoch) {
        component.is_left(viewer, may_come_back.then_some(epoch));
    }
}

// The messages of other processes.
impl Host {
    /// Takes a message of another process. Messages whose order matters are handled at once.
    pub(super) fn hears(
        self: &Arc<Self>,
        from: &Arc<str>,
        what: Asked,
    ) -> std::pin::Pin<Box<dyn Future<Output = Option<Answer>> + Send>> {
        let at_once = |answer| Box::pin(std::future::ready(answer));
        let Some(component) = self.component.upgrade() else {
            return at_once(Some(Answer::None));
        };
        match what {
            Asked::Follow => {
                let (host, from) = (self.clone(), from.clone());
                Box::pin(async move { Some(host.follow(&component, from).await) })
            }
            Asked::Tree(forms) => {
                let host = self.clone();
                Box::pin(async move { Some(host.tree(&component, forms).await) })
            }
            Asked::Join(page) => at_once(Some(self.join(&component, from, page))),
            Asked::Pages(pages) => {
                // Events that come while the application closes are for the next owner.
                if !component.is_closing() {
                    for page in pages.iter().cloned() {
                        self.of_page(&component, from, page);
                    }
                }
                at_once(None)
            }
            Asked::Leave => {
                self.are_gone(|one| one == &**from);
                at_once(None)
            }
        }
    }

    async fn follow(&self, component: &Arc<Component>, from: Arc<str>) -> Answer {
        if component.is_closing() {
            return Answer::Failed(MOVED.to_owned(), Refusal::Moved);
        }
        if let Err((text, refusal)) = component.wait_until_ready().await {
            return Answer::Failed(text, refusal);
        }
        lock(&self.state).followers.insert(from);
        if !self.is_followed.swap(true, Ordering::SeqCst) {
            // The tree was encoded for this process only.
            component.shown().forget_tree();
        }
        // First the number: later messages are told.
        let number = self.number.load(Ordering::SeqCst);
        let definitions = lock(&self.defined).clone();
        Answer::Followed(Followed {
            number,
            definitions: definitions.into_iter().collect(),
            revision: component.shown().ring.newest(),
            lives: component.lives().into(),
            topics: component.topics().map(|topics| topics.to_vec()),
            dismissals: component.dismissals(),
        })
    }

    async fn tree(&self, component: &Arc<Component>, forms: Forms) -> Answer {
        let busy = || Answer::Failed(BUSY.to_owned(), Refusal::Busy);
        if forms.classic {
            component.has_classic_elsewhere();
        }
        // A page that another process renders keeps the component alive, as a page of this process does.
        let Some(_guest) = component.guest() else {
            return busy();
        };
        let (answer, asks) = component.shown().ask(forms);
        if asks {
            component.ask_tree();
        }
        let Ok(Ok(made)) = timeout(PATIENCE, answer).await else {
            return busy();
        };
        let Encodings {
            revision,
            extended,
            classic,
            html,
        } = made;
        let extended = extended.map(|one| self.encoded(&one, true));
        let (extended, definitions) = match extended {
            None => (None, Vec::new()),
            Some(Some((encoded, definitions))) => (Some(encoded), definitions),
            Some(None) => return busy(),
        };
        Answer::Tree(Tree {
            revision,
            extended,
            definitions,
            classic: classic
                .filter(|_| forms.classic)
                .map(|parts| (*parts).clone()),
            html: html.filter(|_| forms.html),
        })
    }

    fn join(self: &Arc<Self>, component: &Arc<Component>, from: &Arc<str>, page: Page) -> Answer {
        let Page {
            viewer: id,
            request,
            bind,
            page,
            address,
            counted,
            holder,
            is_classic,
            is_known,
            is_of_earlier_owner,
            seen,
            shown,
            dismissals,
        } = page;
        if component.is_closing() {
            return Answer::Failed(MOVED.to_owned(), Refusal::Moved);
        }
        let caller = Arc::new(Caller {
            request,
            bind,
            page,
            parent: None,
            sharing: Some(Box::new(Sharing {
                key: self.key.clone(),
                viewer: id.clone(),
            })),
        });
        let dialect = match is_classic {
            true => Dialect::Classic,
            false => Dialect::Extended,
        };
        let known = component.viewer(&id);
        let known = known.filter(|viewer| {
            viewer.is_elsewhere() && !viewer.is_over() && viewer.is_classic() == is_classic
        });
        let viewer = known.unwrap_or_else(|| {
            let (stats, budget) = (&self.stats, &self.budget);
            let events = Events::new(&self.limits, EventNumber::default(), stats, budget);
            let whose = Whose {
                caller: caller.clone(),
                address: address.clone(),
                holder,
                counted,
            };
            Viewer::elsewhere(id, whose, dialect, events, self.clone())
        });
        let page = Elsewhere {
            process: from.clone(),
            caller,
            address,
            known: Point {
                event: seen,
                revision: shown,
            },
            is_known,
            is_of_earlier_owner,
            dismissals,
        };
        match component.let_in_elsewhere(&viewer, page) {
            Ok(Some(entered)) => Answer::Joined(wire::Joined {
                epoch: entered.epoch,
                is_known: entered.was_known,
                base: entered.base,
                said: entered.said.iter().map(Into::into).collect(),
                made_room_at: entered.made_room_at,
            }),
            Ok(None) => Answer::Again,
            Err((text, refusal)) => Answer::Failed(text, refusal),
        }
    }

    /// Takes an event or the like of a page of another process.
    fn of_page(&self, component: &Arc<Component>, from: &Arc<str>, page: OfPage) {
        let (OfPage::Event { viewer: id, .. }
        | OfPage::Unhandled { viewer: id, .. }
        | OfPage::Gone { viewer: id, .. }) = &page;
        if let Some(viewer) = component.viewer(id) {
            return does(component, from, &viewer, page);
        }
        if !matches!(page, OfPage::Gone { .. }) {
            // The viewer has given way meanwhile: its page joins again, and sends its events again.
            self.refused(id, MOVED, &Refusal::Moved);
        }
    }
}

/// Carries out the action of a page of another process.
fn does(component: &Arc<Component>, from: &Arc<str>, viewer: &Arc<Viewer>, page: OfPage) {
    if viewer.process().as_ref() != Some(from) {
        return;
    }
    match page {
        OfPage::Event {
            epoch,
            seen,
            number,
            event,
            ..
        } => {
            let numbered = Numbered {
                number,
                seen,
                age: None,
            };
            viewer.event(epoch, Some(numbered), Ok(event.into()));
        }
        OfPage::Unhandled {
            epoch,
            first,
            last,
            count,
            why,
            ..
        } => {
            // As many as there were: each has come from the page.
            let first = first.0.max(last.0.saturating_sub(count.saturating_sub(1)));
            for number in first..=last.0 {
                let numbered = Numbered {
                    number: EventNumber(number),
                    seen: EventNumber::default(),
                    age: None,
                };
                viewer.event(epoch, Some(numbered), Err(why));
            }
        }
        OfPage::Gone { epoch, away, .. } => goes(component, viewer, epoch, away),
    }
}
