//! Follows the owner of a shared component: the owner's messages go to the pages of this process, and the
//! events of those pages go to the owner.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::host::topic;
use super::pages::Following;
use super::wire::{Answer, Asked, ChangeAcross, Item, OfPage, Told, Tree};
use super::{Across, MOVED};
use crate::codes::Code;
use crate::ids::Revision;
use crate::log::Level;
use crate::protocol::Refusal;
use crate::shared::BUSY;
use crate::shared::component::{Component, Failure};
use crate::shared::ownership::Elsewhere;
use crate::shared::ring::{Change, Ring};
use crate::shared::shown::{Encodings, Forms};
use crate::shared::viewer::{Viewed, Viewer};
use crate::topics::{Most, Position, Sink, Subscribed};

/// How much is read at a time.
const MOST: Most = Most {
    messages: 64,
    bytes: 1 << 20,
};
/// How many events go to the owner together.
const MOST_PAGES: usize = 256;
/// If the owner cannot be told the events of pages for so long, the pages join again.
const LONG: Duration = Duration::from_secs(20);
/// When something is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// The result of the wish to follow.
pub(crate) enum Begun {
    /// Pages can be let in.
    Followed,
    /// The process has no such component.
    HasNone,
    /// The process does not answer.
    Silent,
    Failed(Failure),
}

#[derive(Default)]
struct Bell(Notify);

impl Sink for Bell {
    fn wake(&self, _subscription: u32) {
        self.0.notify_one();
    }
}

/// Begins to follow the owner of a component; a task goes on with it. `name` is the component's name in a store.
pub(crate) async fn follow(
    across: &Arc<Across>,
    component: &Arc<Component>,
    name: &Arc<str>,
    owner: &Elsewhere,
    tasks: &TaskTracker,
) -> Begun {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let busy = || Begun::Failed((BUSY.to_owned(), Refusal::Busy));
    let topic = topic(name, owner.term);
    let bell = Arc::<Bell>::default();
    let between = across.processes.between();
    // The subscription comes first: so nothing is missed between it and the owner's answer.
    let subscribed = match between.subscribe(&topic, bell.clone(), 0).await {
        Ok(subscribed) => subscribed,
        Err(error) => {
            let text = || {
                format!(
                    "the shared component {:?} cannot be followed: {error}",
                    component.name.key
                )
            };
            across.log.write(Level::Error, Code::Shared, "", text);
            return busy();
        }
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let following = Arc::new(Following::new(across, name, owner, number));
    let followed = match following.ask(Asked::Follow).await {
        Some(Answer::Followed(followed)) => followed,
        Some(Answer::None) => return Begun::HasNone,
        Some(Answer::Failed(text, refusal)) => return Begun::Failed((text, refusal)),
        _ => return Begun::Silent,
    };
    if !across.learn(followed.definitions) {
        return busy();
    }
    component.shown().ring = Ring::new(followed.revision);
    component.set_lives(followed.lives.into());
    component.has_topics(followed.topics.map(Into::into));
    component.set_dismissals(followed.dismissals);
    component.set_following(following.clone());
    across.add_followed(&owner.process, component);
    let follower = Follower {
        position: subscribed.now,
        subscribed,
        bell,
        topic: topic.into(),
        component: component.clone(),
        following: following.clone(),
        number: followed.number,
        start: followed.revision,
        has_read: Notify::new(),
    };
    let task = tasks.spawn(follower.run());
    following.set_task(task.abort_handle());
    // The component may have ended meanwhile.
    if component.has_ended() {
        following.stop();
    }
    component.is_ready();
    Begun::Followed
}

struct Follower {
    component: Arc<Component>,
    following: Arc<Following>,
    subscribed: Subscribed,
    bell: Arc<Bell>,
    topic: Box<str>,
    position: Position,
    /// The owner's last message.
    number: u64,
    /// The revision that pages show at first. Changes up to here are included.
    start: Revision,
    /// Told when something was read.
    has_read: Notify,
}

/// Ends the component when the task ends, however that is.
struct Ends {
    component: Arc<Component>,
    following: Arc<Following>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.component.end(MOVED, &Refusal::Moved);
        let following = self.following.clone();
        // A process that closes need not wait for this: its lease ends.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { following.leave().await });
        }
    }
}

impl Follower {
    async fn run(self) {
        let _ends = Ends {
            component: self.component.clone(),
            following: self.following.clone(),
        };
        let Self {
            component,
            following,
            subscribed,
            bell,
            topic,
            mut position,
            mut number,
            start,
            has_read,
        } = self;
        let mut reader = Reader {
            component: &component,
            following: &following,
            topic: &topic,
            start,
            acted: Vec::new(),
        };
        let (tells, wants) = (Notify::new(), Notify::new());
        let reads = async {
            loop {
                if reader
                    .read(&subscribed, &mut position, &mut number)
                    .await
                    .is_break()
                {
                    return;
                }
                has_read.notify_one();
                bell.0.notified().await;
            }
        };
        let looks = async {
            loop {
                tells.notify_one();
                wants.notify_one();
                component.tree_is_wanted().await;
            }
        };
        tokio::select! {
            () = reads => {}
            () = looks => {}
            () = forward(&component, &following, &tells) => {}
            () = trees(&component, &following, &wants, &has_read) => {}
        }
    }
}

/// Hands the owner the events of pages, and tells it which pages are gone.
async fn forward(component: &Arc<Component>, following: &Following, tells: &Notify) {
    loop {
        tells.notified().await;
        loop {
            let mut pages = Vec::new();
            while pages.len() < MOST_PAGES
                && let Some((viewer, asked)) = component.next_asked()
            {
                // The page sends the events of an earlier connection again.
                let Some(epoch) = following.epoch(&viewer.id, asked.epoch) else {
                    continue;
                };
                pages.push(OfPage::of(&viewer.id, epoch, viewer.seen(), asked.taken));
            }
            for (viewer, epoch, away) in component.take_gone() {
                pages.push(OfPage::Gone {
                    viewer,
                    epoch,
                    away,
                });
            }
            if pages.is_empty() {
                break;
            }
            // A message that comes twice counts once: events have numbers, and connections epochs.
            let pages: Arc<[OfPage]> = pages.into();
            let until = Instant::now() + LONG;
            while !following.tell(Asked::Pages(pages.clone())).await {
                // The pages send their events again, and say how old they are.
                if Instant::now() > until {
                    return;
                }
                sleep(AGAIN).await;
            }
        }
    }
}

/// Gets the tree from the owner when pages need it.
async fn trees(
    component: &Arc<Component>,
    following: &Following,
    wants: &Notify,
    has_read: &Notify,
) {
    loop {
        wants.notified().await;
        loop {
            let forms = component.shown().wanted();
            if forms == Forms::default() {
                break;
            }
            let made = match following.ask(Asked::Tree(forms)).await {
                Some(Answer::Tree(tree)) => encodings(following, tree),
                _ => None,
            };
            let Some(made) = made else {
                sleep(AGAIN).await;
                continue;
            };
            // The changes before it may still be on their way.
            while component.shown().ring.newest() < made.revision {
                let _ = timeout(AGAIN, has_read.notified()).await;
            }
            let (viewers, asks_again) = component.shown().take_tree(made);
            for viewer in viewers {
                viewer.deliver(&**component);
            }
            component.weigh_shown();
            if !asks_again {
                break;
            }
        }
    }
}

fn encodings(following: &Following, tree: Tree) -> Option<Encodings> {
    let across = &following.across;
    if !across.learn(tree.definitions) {
        return None;
    }
    let extended = match tree.extended {
        Some(extended) => Some(extended.encoded(|name| across.templates.named(name))?),
        None => None,
    };
    Some(Encodings {
        revision: tree.revision,
        extended: extended.map(Arc::new),
        classic: tree.classic.map(Arc::new),
        html: tree.html,
    })
}

/// Reads the owner's messages.
struct Reader<'a> {
    component: &'a Arc<Component>,
    following: &'a Following,
    topic: &'a str,
    start: Revision,
    /// Viewers whose events were answered, perhaps with a revision that pages do not show so far.
    acted: Vec<Arc<Viewer>>,
}

impl Reader<'_> {
    /// Reads all messages that are there. Breaks if the pages cannot go on from the state that they show.
    async fn read(
        &mut self,
        subscribed: &Subscribed,
        position: &mut Position,
        number: &mut u64,
    ) -> ControlFlow<()> {
        let across = &self.following.across;
        loop {
            let between = across.processes.between();
            let read = between.read(&subscribed.subscription, *position, MOST);
            // The bell is rung again.
            let Ok(batch) = read.await else {
                return ControlFlow::Continue(());
            };
            *position = batch.position;
            if batch.gap {
                return ControlFlow::Break(());
            }
            for message in &batch.messages {
                let told: Option<Told> = across.open(&message.data, self.topic);
                let Some(told) = told else {
                    return ControlFlow::Break(());
                };
                if told.number <= *number {
                    // The beginning has included this message.
                    continue;
                }
                if told.gap || told.number != *number + 1 || !across.learn(told.definitions) {
                    return ControlFlow::Break(());
                }
                *number = told.number;
                self.take(told.items)?;
            }
            if !batch.more {
                return ControlFlow::Continue(());
            }
        }
    }

    fn viewer(&self, id: &str) -> Option<Arc<Viewer>> {
        let viewer = self.component.viewer(id);
        viewer.or_else(|| self.following.joining(id))
    }

    fn take(&mut self, items: Vec<Item>) -> ControlFlow<()> {
        let component = self.component;
        let (mut is_shown, mut changes) = (false, false);
        for item in items {
            match item {
                Item::Frame { to, change } => {
                    let is_new = to > self.start;
                    let change = match change.filter(|_| is_new) {
                        Some(change) => match self.change(*change) {
                            Some(change) => Some(Arc::new(change)),
                            None => return ControlFlow::Break(()),
                        },
                        None => None,
                    };
                    changes |= change.is_some();
                    is_shown = true;
                    component.shown().ring.push(to, change);
                }
                Item::Said(viewer, said) => {
                    if let Some(viewer) = self.viewer(&viewer) {
                        viewer.was_said(said.into());
                        self.acted.push(viewer);
                    }
                }
                Item::Pushed(revision, push) => {
                    if revision > self.start {
                        let mut shown = component.shown();
                        shown.ring.push_to_all(revision, &[push]);
                    }
                }
                Item::Refused(viewer, text, refusal) => {
                    if let Some(viewer) = self.viewer(&viewer)
                        && viewer.refuse(None, &text, &refusal)
                    {
                        component.is_left(&viewer, None);
                    }
                }
                Item::Topics(topics) => component.has_topics(topics.map(Into::into)),
                Item::Dismissals(dismissals) => component.set_dismissals(dismissals),
                Item::Ended(text, refusal) => {
                    component.end(&text, &refusal);
                    return ControlFlow::Break(());
                }
            }
        }
        for viewer in &self.acted {
            viewer.deliver(&**component);
        }
        if is_shown {
            self.acted.clear();
        }
        if changes {
            component.fan_out();
        }
        ControlFlow::Continue(())
    }

    fn change(&self, change: ChangeAcross) -> Option<Change> {
        let ChangeAcross {
            extended,
            classic,
            replaces,
        } = change;
        let templates = self.following.across.templates;
        Some(Change {
            extended: extended.encoded(|name| templates.named(name))?,
            classic,
            replaces,
        })
    }
}
