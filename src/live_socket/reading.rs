//! The messages that an actor reads from the topics that its component has subscribed to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use smol_str::SmolStr;

use super::follower::Follower;
use crate::codes::Code;
use crate::context::{Context, Level};
use crate::dispatch::Dispatcher;
use crate::effects::Outgoing;
use crate::log::Quoted;
use crate::message::{Data, Message, Part, Source};
use crate::ongoing::Ongoing;
use crate::quotas::Taken;
use crate::topics::{self, Batch, Most, Position, Subscription, TopicError};

/// The most messages of one visit, and of the catching up before a page that is back is shown.
pub(super) const MOST_TOGETHER: usize = 256;
/// The most bytes of a topic's messages that are read at once.
const MOST_BYTES: usize = 1 << 20;

/// A topic that the component has subscribed to.
struct Topic {
    subscription: Subscription,
    /// Its holder has it as long as the topic is subscribed.
    _taken: Taken,
    /// Names the topic to the mailbox.
    number: u32,
    /// The last message that was read. The component's state may include less.
    read: Position,
    /// There may be something after `read`.
    is_unread: bool,
    /// Counts reads: the topic that was read longest ago has its turn first.
    turn: u64,
}

/// The topics of one component.
#[derive(Default)]
pub(super) struct Reading {
    topics: HashMap<Arc<str>, Topic>,
    /// The number of the last read.
    turn: u64,
}

impl Reading {
    /// Whether there may be something to read.
    pub(super) fn has_unread(&self) -> bool {
        self.topics.values().any(|topic| topic.is_unread)
    }

    /// How many subscriptions this state has that the component does not have so far.
    pub(super) fn begun_by(&self, ongoing: &Ongoing) -> usize {
        let names = ongoing.subscriptions().map(|(name, _)| name);
        names
            .filter(|name| !self.topics.contains_key(*name))
            .count()
    }

    /// Ends the subscription, if there is one.
    pub(super) fn forget(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// These topics have something new.
    pub(super) fn told(&mut self, numbers: &[u32]) {
        for topic in self.topics.values_mut() {
            topic.is_unread |= numbers.contains(&topic.number);
        }
    }

    /// Subscribes to the topics that are committed, and to no others.
    pub(super) fn follow<D: Dispatcher>(
        &mut self,
        follower: &mut Follower<'_, D>,
        ongoing: &Ongoing,
    ) {
        let Follower {
            context,
            holder,
            module,
            ..
        } = *follower;
        let is_there = |topic: &str| ongoing.subscription(topic).is_some();
        self.topics.retain(|topic, _| is_there(topic));
        for (name, subscribed) in ongoing.subscriptions() {
            if self.topics.contains_key(name) {
                continue;
            }
            let (sink, number) = follower.sink();
            let taken = context.quotas.subscriptions.take(holder);
            let subscription = match context.topics.follow(name, sink, number) {
                Ok(subscription) => subscription,
                Err(error) => {
                    unreadable(context, module, name, &error);
                    continue;
                }
            };
            let topic = Topic {
                subscription,
                _taken: taken,
                number,
                read: subscribed.position,
                is_unread: true,
                turn: 0,
            };
            self.topics.insert(name.clone(), topic);
            follower.mailbox.remind();
        }
    }

    /// Reads messages of the topics, as far as there is room. True if a position has moved without a message.
    pub(super) async fn read<D: Dispatcher>(
        &mut self,
        context: &Context<D>,
        ongoing: &mut Ongoing,
        inbox: &mut VecDeque<Message>,
        module: &str,
    ) -> bool {
        let mut has_moved = false;
        let Self { topics, turn, .. } = self;
        let mut unread: Vec<_> = topics
            .iter_mut()
            .filter(|(_, topic)| topic.is_unread)
            .collect();
        // A topic that always has more than one read gives must not keep the others waiting.
        unread.sort_by_key(|(_, topic)| topic.turn);
        for (name, topic) in unread {
            let room = MOST_TOGETHER.saturating_sub(inbox.len());
            if room == 0 {
                break;
            }
            *turn += 1;
            topic.turn = *turn;
            let most = Most {
                messages: room,
                bytes: MOST_BYTES,
            };
            let read = context
                .topics
                .read(&topic.subscription, topic.read, most)
                .await;
            let batch = match read {
                Ok(batch) => batch,
                Err(error) => {
                    unreadable(context, module, name, &error);
                    topic.is_unread = false;
                    continue;
                }
            };
            topic.is_unread = batch.more;
            topic.read = batch.position;
            let Some(subscribed) = ongoing.subscription(name) else {
                continue;
            };
            if batch.gap && subscribed.receiver.is_empty() {
                // Messages to the component name their receivers themselves, so there is no receiver that
                // could be told of a gap. After a restart the topic is another one, and it is not known
                // whether there were messages.
                let position = subscribed.position;
                let is_same = position.epoch == batch.position.epoch;
                if is_same || position == Position::BEGINNING {
                    let text = || {
                        format!(
                            "{module}: messages that were sent to a component are lost: more waited than limits.topicMessages, topicBytes or topicTime allow"
                        )
                    };
                    context.log_about(Level::Warn, Code::Topic, module, text);
                }
                ongoing.move_to(name, batch.position);
                has_moved = true;
                continue;
            }
            let messages = messages(name, &subscribed.receiver, batch);
            inbox.extend(messages);
        }
        has_moved
    }
}

/// Tells the operator that a topic cannot be read now.
fn unreadable<D>(context: &Context<D>, module: &str, topic: &str, error: &TopicError) {
    context.log_about(Level::Error, Code::Topic, module, || {
        format!(
            "{module}: the topic {} cannot be read: {error}",
            Quoted(topic)
        )
    });
}

/// Hands committed messages to their topics, in their order. Gives how many the topics have not taken: they are away, and
/// the messages stay in the committed state.
pub(super) async fn publish<D: Dispatcher>(
    context: &Context<D>,
    outgoing: &[Outgoing],
    module: &str,
) -> usize {
    for (index, Outgoing { id, topic, data }) in outgoing.iter().enumerate() {
        let published = context.topics.publish(topic, Some(id), data.clone());
        match published.await {
            Ok(_) => {}
            Err(TopicError::Failed(_)) => return outgoing.len() - index,
            Err(error) => {
                let text = || format!("{module}: a message for {} is lost: {error}", Quoted(topic));
                context.log_about(Level::Error, Code::Topic, module, text);
            }
        }
    }
    0
}

/// The messages of a batch, as their receiver gets them.
fn messages(topic: &Arc<str>, receiver: &SmolStr, batch: Batch) -> Vec<Message> {
    let at = |position, is_of_server| Source::Topic {
        topic: topic.clone(),
        position,
        is_of_server,
    };
    let gap = batch.gap.then(|| Message {
        receiver: receiver.clone(),
        id: format!("{}:gap", batch.position).into(),
        source: at(batch.position, false),
        part: Part::Value,
        data: Data::None,
        gap: true,
    });
    let read = batch.messages.into_iter().map(|message| {
        let (receiver, data, is_of_server) = match receiver.is_empty() {
            // The component's own topic: the message says whom it is for.
            true => addressed(&message),
            false => (receiver.clone(), Data::Shared(message.clone()), false),
        };
        Message {
            receiver,
            id: message.id.clone(),
            source: at(message.position, is_of_server),
            part: Part::Value,
            data,
            gap: false,
        }
    });
    gap.into_iter().chain(read).collect()
}

/// The receiver and the data of a message that was sent to one component, and whether the application itself has
/// sent it.
fn addressed(message: &topics::Message) -> (SmolStr, Data, bool) {
    let read =
        serde_json::from_str::<(SmolStr, Box<serde_json::value::RawValue>, u8)>(&message.data);
    // Written by this library.
    read.map_or_else(
        |_| (SmolStr::default(), Data::None, false),
        |(receiver, data, is_of_server)| {
            let data = Data::Json(data.get().into());
            (receiver, data, is_of_server != 0)
        },
    )
}
