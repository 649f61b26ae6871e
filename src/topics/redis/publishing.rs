//! Messages go to Redis in the order in which they were published, several at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{FromRedisValue, RedisResult, Script};
use tokio::sync::{mpsc, oneshot};

use super::keys::Keys;
use crate::limits::Limits;
use crate::random::random_text;
use crate::redis::{Ask, AskAgain, AskError, Connection, Link, milliseconds};
use crate::topics::foreign::Foreign;
use crate::topics::rooms::Rooms;
use crate::topics::{Epoch, Message, Position, Published, TopicError};

/// The most messages that wait for Redis. One more is refused.
const MOST_WAITING: usize = 16_384;
/// The most messages that are sent together.
const MOST_TOGETHER: usize = 30;

/// A message on its way.
pub(super) struct Publish {
    pub(super) topic: Box<str>,
    pub(super) id: Option<Box<str>>,
    pub(super) data: Arc<str>,
    pub(super) answer: oneshot::Sender<Result<Published, TopicError>>,
}

/// The queue of messages that wait for Redis.
pub(super) struct Queue {
    sender: mpsc::Sender<Publish>,
    /// The bytes that wait.
    bytes: Arc<AtomicUsize>,
    most_bytes: usize,
}

impl Queue {
    /// The queue, and the task that empties it.
    pub(super) fn new(
        limits: &Limits,
        link: Link,
        keys: Arc<Keys>,
        rooms: Arc<Rooms>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, waiting) = mpsc::channel(MOST_WAITING);
        let bytes = Arc::<AtomicUsize>::default();
        let most_bytes = limits.topics_bytes;
        let publisher = Publisher {
            link,
            keys,
            rooms,
            script: Arc::new(Script::new(include_str!("publish.lua"))),
            bounds: [
                limits.topic_messages as u64,
                limits.topic_bytes as u64,
                milliseconds(limits.topic_time),
                milliseconds(limits.topic_id_time),
                limits.topic_ids as u64,
                Message::OVERHEAD as u64,
            ],
            bytes: bytes.clone(),
        };
        let queue = Self {
            sender,
            bytes,
            most_bytes,
        };
        (queue, publisher.run(waiting))
    }

    /// Queues a message. The answer comes by the message's own channel, also if there is no room.
    pub(super) fn push(&self, publish: Publish) {
        let bytes = publish.data.len();
        let refused = |publish: Publish| {
            let text = "too many messages wait for Redis".to_owned();
            let _ = publish.answer.send(Err(TopicError::Failed(text)));
        };
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.most_bytes {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return refused(publish);
        }
        if let Err(error) = self.sender.try_send(publish) {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            refused(error.into_inner());
        }
    }
}

struct Publisher {
    link: Link,
    keys: Arc<Keys>,
    rooms: Arc<Rooms>,
    script: Arc<Script>,
    bounds: [u64; 6],
    bytes: Arc<AtomicUsize>,
}

/// One call of the script, with messages of one topic. All of them are published or none is, so their order
/// stays however the call ends.
struct Call {
    script: Arc<Script>,
    keys: [String; 4],
    epoch: String,
    is_again: bool,
    bounds: [u64; 6],
    tells: &'static str,
    messages: Vec<Named>,
}

/// A message of a call.
struct Named {
    id: Box<str>,
    data: Arc<str>,
    /// Tells it from any other, so that it is known if its answer was lost.
    name: Box<str>,
}

/// Epoch, and of each message: number, 1 if its id was known, name of the message before it.
type Answered = (String, Vec<(u64, u8, String)>);

impl Ask for Call {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        let mut script = self.script.prepare_invoke();
        for key in &self.keys {
            script.key(key);
        }
        script.arg(&self.epoch).arg(u8::from(self.is_again));
        for bound in self.bounds {
            script.arg(bound);
        }
        script.arg(self.tells);
        for Named { id, data, name } in &self.messages {
            script.arg(&**id).arg(&**data).arg(&**name);
        }
        script.invoke_async(connection).await
    }
}

impl AskAgain for Call {
    fn again(&mut self) {
        self.is_again = true;
    }
}

/// The messages that wait together, by topic; each topic's in its order.
fn by_topic(batch: impl Iterator<Item = Publish>) -> Vec<Vec<Publish>> {
    let mut topics: Vec<Vec<Publish>> = Vec::new();
    for publish in batch {
        // There are 30 at most.
        let same = topics.iter_mut().find(|same| {
            let first = same.first();
            first.is_some_and(|first| first.topic == publish.topic)
        });
        match same {
            Some(same) => same.push(publish),
            None => topics.push(vec![publish]),
        }
    }
    topics
}

impl Publisher {
    async fn run(self, mut waiting: mpsc::Receiver<Publish>) {
        let mut batch = Vec::new();
        // A message whose answer is lost is found among those that its topic keeps: it must still be there.
        let [messages, ..] = self.bounds;
        let together =
            usize::try_from(messages).map_or(MOST_TOGETHER, |most| most.min(MOST_TOGETHER));
        while waiting.recv_many(&mut batch, together.max(1)).await > 0 {
            let mut calls = Vec::new();
            let mut called = Vec::new();
            for publishes in by_topic(batch.drain(..)) {
                match self.call(&publishes) {
                    Ok(call) => {
                        calls.push(call);
                        called.push(publishes);
                    }
                    Err(error) => self.answer(publishes, |_| Err(error.clone())),
                }
            }
            let names: Vec<Vec<Box<str>>> = calls
                .iter()
                .map(|call| {
                    call.messages
                        .iter()
                        .map(|named| named.name.clone())
                        .collect()
                })
                .collect();
            let answers = self.link.ask_in_order::<Answered>(calls).await;
            for ((publishes, names), answer) in called.into_iter().zip(names).zip(answers) {
                match answer {
                    Ok((epoch, answers)) => {
                        let mut answers = names.into_iter().zip(answers);
                        self.answer(publishes, |publish| {
                            let none =
                                || TopicError::Failed("Redis gave too few answers".to_owned());
                            let (name, answer) = answers.next().ok_or_else(none)?;
                            self.published(publish, name, &epoch, answer)
                        });
                    }
                    Err(error) => {
                        let error = failed(error);
                        self.answer(publishes, |_| Err(error.clone()));
                    }
                }
            }
        }
    }

    /// Answers the callers of these publishes.
    fn answer(
        &self,
        publishes: Vec<Publish>,
        mut answer: impl FnMut(&Publish) -> Result<Published, TopicError>,
    ) {
        for publish in publishes {
            self.bytes.fetch_sub(publish.data.len(), Ordering::Relaxed);
            let answer = answer(&publish);
            let _ = publish.answer.send(answer);
        }
    }

    /// The call for messages of one topic.
    fn call(&self, publishes: &[Publish]) -> Result<Call, TopicError> {
        let topic = publishes.first().map_or("", |first| &*first.topic);
        let keys = &self.keys;
        let named = |publish: &Publish| Named {
            id: publish.id.clone().unwrap_or_default(),
            data: publish.data.clone(),
            name: name(),
        };
        Ok(Call {
            script: self.script.clone(),
            keys: [
                keys.topic(topic),
                keys.messages(topic),
                keys.ids(topic),
                keys.channel(topic),
            ],
            epoch: Epoch::random()?.to_string(),
            is_again: false,
            bounds: self.bounds,
            tells: if self.link.is_sharded() {
                "SPUBLISH"
            } else {
                "PUBLISH"
            },
            messages: publishes.iter().map(named).collect(),
        })
    }

    fn published(
        &self,
        publish: &Publish,
        name: Box<str>,
        epoch: &str,
        (number, is_known, before): (u64, u8, String),
    ) -> Result<Published, TopicError> {
        let epoch = epoch.parse();
        let epoch = epoch.map_err(|error| {
            TopicError::Failed(format!(
                "Redis holds data that loom-live cannot read: {error}"
            ))
        })?;
        let position = Position { epoch, number };
        let is_duplicate = is_known == 1;
        if !is_duplicate {
            // Taken at once, so that the next subscriber of this process begins after this message. If the
            // message is not the next one here, it comes by its channel, or has come.
            let message = Foreign {
                position,
                id: publish.id.clone(),
                data: publish.data.clone(),
                name,
                before: before.into(),
            };
            self.rooms.take(&publish.topic, &message);
        }
        Ok(Published {
            position,
            is_duplicate,
        })
    }
}

/// The random name of a message: 48 bits, which tell it from the others of one topic's tail.
fn name() -> Box<str> {
    let mut name = String::from(random_text());
    name.truncate(8);
    name.into()
}

pub(super) fn failed(error: AskError) -> TopicError {
    TopicError::Failed(error.to_string())
}
