//! A component's part in presence: its own entries in topics, and the presence of others that it reads.
//!
//! The entries are there while a page shows the component. So a person whose page is gone leaves after the
//! grace. A component that watches a topic is told everybody again whenever it may have missed something:
//! when its page is back, and after a message that it has not handled.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use super::ReplyTo;
use super::follower::Follower;
use crate::codes::Code;
use crate::context::{Context, Level};
use crate::dispatch::{CallError, Dispatcher};
use crate::effects::Effect;
use crate::log::Quoted;
use crate::message::{Data, Message, Part, Source};
use crate::ongoing::{Ongoing, Tracked};
use crate::presence::{Entry, News, PresenceError, Watch};
use crate::quotas::{Exceeded, Taken, within};
use crate::topics::Position;

/// Whether pages see a component.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    /// A page shows the component.
    show: bool,
    /// Messages are handled: a shared component's also while no page shows it.
    handles: bool,
}

impl Pages {
    pub(super) fn of(reply_to: &impl ReplyTo) -> Self {
        Self {
            show: reply_to.is_there(),
            handles: reply_to.is_shown(),
        }
    }

    /// No page shows the component, and no message is handled.
    pub(super) fn are_gone(self) -> bool {
        !self.show && !self.handles
    }
}

/// An entry, with the key and meta that others see.
struct Place {
    entry: Entry,
    /// Its holder has it, in all topics and in this one.
    _taken: [Taken; 2],
    shown: Option<Tracked>,
}

/// The presence of a topic that the component watches.
struct Watched {
    watch: Watch,
    /// Names the watch to the mailbox.
    number: u32,
    /// The position of the news that was read last. If `None`, the next message is the list of everybody.
    from: Option<Position>,
    /// There may be something to read.
    is_unread: bool,
}

/// Why a component gets no place.
#[derive(Debug, thiserror::Error)]
enum NoPlace {
    #[error(transparent)]
    Presence(#[from] PresenceError),
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

struct State {
    places: BTreeMap<Arc<str>, Place>,
    watched: BTreeMap<Arc<str>, Watched>,
    /// A page shows the component.
    is_there: bool,
}

/// Empty, and one pointer, for a component that has no part in presence.
#[derive(Default)]
pub(super) struct Attendance(Option<Box<State>>);

impl Attendance {
    /// Whether the component tracks or watches anything. Only then the actor has to look at its pages.
    pub(super) fn has_part(&self) -> bool {
        self.0.is_some()
    }

    fn state(&mut self) -> &mut State {
        self.0.get_or_insert_with(|| {
            Box::new(State {
                places: BTreeMap::new(),
                watched: BTreeMap::new(),
                is_there: true,
            })
        })
    }

    /// Gets entries for the topics that a step tracks, before it commits. Nobody sees them so far.
    ///
    /// # Errors
    /// If there are too many entries. The step must not commit, and [`keep`](Self::keep) gives back the others.
    pub(super) fn enter<D: Dispatcher>(
        &mut self,
        context: &Context<D>,
        holder: &Arc<str>,
        effects: &[Effect],
        ongoing: &Ongoing,
    ) -> Result<(), CallError> {
        for effect in effects {
            if let Effect::Track { topic, .. } = effect
                && ongoing.tracks(topic)
            {
                let entered = self.enter_one(context, holder, topic);
                entered.map_err(|error| {
                    CallError::Failed(format!("ctx.track({}): {error}", Quoted(topic)))
                })?;
            }
        }
        Ok(())
    }

    fn enter_one<D: Dispatcher>(
        &mut self,
        context: &Context<D>,
        holder: &Arc<str>,
        topic: &Arc<str>,
    ) -> Result<(), NoPlace> {
        let places = &mut self.state().places;
        if places.contains_key(topic) {
            return Ok(());
        }
        let (quotas, here) = (&context.quotas, within(holder, topic));
        quotas.entries_of_topic.check(&here, 1)?;
        quotas.entries.check(holder, 1)?;
        let place = Place {
            entry: context.presence.enter(topic)?,
            _taken: [
                quotas.entries.take(holder),
                quotas.entries_of_topic.take(&here),
            ],
            shown: None,
        };
        places.insert(topic.clone(), place);
        Ok(())
    }

    /// Gives back entries that the committed state does not have.
    pub(super) fn keep(&mut self, ongoing: &Ongoing) {
        let Some(state) = &mut self.0 else { return };
        state.places.retain(|topic, _| ongoing.tracks(topic));
        let is_watched = |topic: &str| ongoing.watcher(topic).is_some();
        state.watched.retain(|topic, _| is_watched(topic));
        if state.places.is_empty() && state.watched.is_empty() {
            self.0 = None;
        }
    }

    /// Tracks and watches the topics of the committed state, and no others. The component is tracked first,
    /// so that it is in the list of everybody that it gets.
    pub(super) async fn follow<D: Dispatcher>(
        &mut self,
        follower: &mut Follower<'_, D>,
        ongoing: &Ongoing,
        pages: Pages,
    ) {
        let Follower {
            context,
            holder,
            module,
            ..
        } = *follower;
        self.keep(ongoing);
        if !ongoing.has_presence() {
            return;
        }
        for (topic, _) in ongoing.tracked() {
            if let Err(error) = self.enter_one(context, holder, topic) {
                // Of a state that was revived.
                unreachable(context, module, topic, &error);
            }
        }
        let state = self.state();
        state.show(ongoing, pages);
        for (topic, _) in ongoing.watched() {
            if state.watched.contains_key(topic) {
                continue;
            }
            let (sink, number) = follower.sink();
            match context.presence.watch(topic, sink, number).await {
                Ok(watch) => {
                    let watched = Watched {
                        watch,
                        number,
                        from: None,
                        is_unread: true,
                    };
                    state.watched.insert(topic.clone(), watched);
                    follower.mailbox.remind();
                }
                Err(error) => unreachable(context, module, topic, &error),
            }
        }
    }

    /// Says whether a page shows the component. True if that is news.
    pub(super) fn notice(&mut self, ongoing: &Ongoing, pages: Pages) -> bool {
        let Some(state) = &mut self.0 else {
            return false;
        };
        if state.is_there == pages.show {
            return false;
        }
        state.show(ongoing, pages);
        true
    }

    /// Whether there may be something to read.
    pub(super) fn has_unread(&self) -> bool {
        let state = self.0.iter();
        let mut watched = state.flat_map(|state| state.watched.values());
        watched.any(|watched| watched.is_unread)
    }

    /// The presence of these topics has something new.
    pub(super) fn told(&mut self, numbers: &[u32]) {
        let state = self.0.iter_mut();
        for watched in state.flat_map(|state| state.watched.values_mut()) {
            watched.is_unread |= numbers.contains(&watched.number);
        }
    }

    /// The step asks for everybody.
    pub(super) fn begin_anew(&mut self, topic: &str) {
        if let Some(watched) = self.watched(topic) {
            watched.begin_anew();
        }
    }

    /// A message was not handled, so the next message is the list of everybody. If the lost message was such
    /// a list already, no message follows before something changes. Otherwise a receiver that always throws
    /// would be called for ever. A change that came while the message waited counts: nobody wakes the
    /// component for it again.
    pub(super) fn is_lost(&mut self, topic: &str, was_whole: bool) {
        if let Some(watched) = self.watched(topic) {
            watched.from = None;
            watched.is_unread |= !was_whole;
        }
    }

    fn watched(&mut self, topic: &str) -> Option<&mut Watched> {
        self.0.as_mut()?.watched.get_mut(topic)
    }

    /// Reads the news. If a message of a topic still waits, the topic has its turn when that message is
    /// handled.
    pub(super) async fn read<D: Dispatcher>(
        &mut self,
        context: &Context<D>,
        ongoing: &Ongoing,
        inbox: &mut VecDeque<Message>,
        module: &str,
        mut next_id: impl FnMut() -> Arc<str>,
    ) {
        let Some(state) = &mut self.0 else { return };
        let unread = state.watched.iter_mut();
        for (topic, watched) in unread.filter(|(_, watched)| watched.is_unread) {
            if inbox.iter().any(|message| is_presence_of(message, topic)) {
                continue;
            }
            watched.is_unread = false;
            let Some(receiver) = ongoing.watcher(topic) else {
                continue;
            };
            match context.presence.read(&watched.watch, watched.from).await {
                Ok(news) => {
                    watched.from = news.position;
                    inbox.extend(message(topic, receiver, news, &mut next_id));
                }
                Err(error) => unreachable(context, module, topic, &error),
            }
        }
    }
}

impl State {
    /// Says whether a page shows the component, and whether messages are handled. If messages are not handled
    /// from here on, the next message of each topic is the list of everybody.
    fn show(&mut self, ongoing: &Ongoing, pages: Pages) {
        let was_there = std::mem::replace(&mut self.is_there, pages.show);
        if was_there && pages.are_gone() {
            self.watched.values_mut().for_each(Watched::begin_anew);
        }
        for (topic, tracked) in ongoing.tracked() {
            let Some(place) = self.places.get_mut(topic) else {
                continue;
            };
            let wanted = pages.show.then_some(tracked);
            if place.shown.as_ref() == wanted {
                continue;
            }
            match wanted {
                Some(Tracked { key, meta }) => place.entry.show(key, meta),
                None => place.entry.hide(),
            }
            place.shown = wanted.cloned();
        }
    }
}

impl Watched {
    fn begin_anew(&mut self) {
        self.from = None;
        self.is_unread = true;
    }
}

/// Whether a message is of the presence of this topic.
pub(super) fn is_presence_of(message: &Message, name: &str) -> bool {
    matches!(&message.source, Source::Presence { topic, .. } if **topic == *name)
}

fn message(
    topic: &Arc<str>,
    receiver: &SmolStr,
    news: News,
    next_id: &mut impl FnMut() -> Arc<str>,
) -> Option<Message> {
    Some(Message {
        data: Data::Shared(news.message?),
        receiver: receiver.clone(),
        id: next_id(),
        source: Source::Presence {
            topic: topic.clone(),
            is_whole: news.is_whole,
        },
        part: Part::Value,
        gap: false,
    })
}

/// Tells the operator that presence does not work now.
fn unreachable<D>(context: &Context<D>, module: &str, topic: &str, error: &impl fmt::Display) {
    context.log_about(Level::Error, Code::Presence, module, || {
        format!(
            "{module}: presence in the topic {} does not reach this component, or others do not see this component: {error}",
            Quoted(topic)
        )
    });
}
