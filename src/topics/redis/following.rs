//! The topics that this process has subscribers of: each is told of in a channel, and copied here.
//!
//! A topic is copied when somebody subscribes to it, when a message shows that others before it are missing, and when
//! the connection to Redis is a new one: whatever was told in between is read from the topic's messages.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, PushInfo, PushKind, RedisResult, Script, Value};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::keys::{self, Keys};
use super::publishing::failed;
use crate::limits::Limits;
use crate::redis::{Ask, AskAgain, AskError, Connection, Link, milliseconds};
use crate::sync::{Mutex, lock};
use crate::timer::at;
use crate::topics::foreign::Foreign;
use crate::topics::rooms::{Rooms, Taken};
use crate::topics::{Epoch, Position, TopicError};

/// The most topics that are opened together.
const MOST_TOGETHER: usize = 256;
/// How long a topic that nobody is subscribed to any more is followed, in case that somebody comes back.
const LINGER: Duration = Duration::from_secs(10);
/// When a topic that could not be copied is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Redis keeps a topic for a time. After this part of it (one quarter), the process asks Redis to keep the
/// topic longer.
const REFRESHES: u32 = 4;

/// A caller that waits until the copy of a topic is as Redis has it.
type Waiter = oneshot::Sender<Result<(), TopicError>>;

/// A topic that is followed.
#[derive(Default)]
struct Followed {
    /// The number of the connection that its channel is subscribed to on.
    on: u64,
    /// The topic has been copied since it is followed.
    is_copied: bool,
    /// The topic stands in `State::due`.
    is_due: bool,
    /// Nobody is subscribed to it any more, and it is to be given up.
    is_over: bool,
    /// The newest position that was told before it was copied.
    told: Option<Position>,
    waiters: Vec<Waiter>,
    /// Since when it stands in the list of all topics.
    kept: Option<Instant>,
    /// When somebody left it last, or had waited for it; then it stands in the list of the silent ones.
    left: Option<Instant>,
}

impl Followed {
    /// Adds a waiter. If there is no room, waiters whose callers have stopped waiting go first.
    fn waits(&mut self, waiter: Waiter) {
        if self.waiters.len() == self.waiters.capacity() {
            self.waiters.retain(|waiter| !waiter.is_closed());
        }
        self.waiters.push(waiter);
    }
}

#[derive(Default)]
struct State {
    topics: HashMap<Arc<str>, Followed>,
    /// Topics that are to be opened or given up.
    due: VecDeque<Arc<str>>,
    /// Topics that perhaps nobody is subscribed to, and since when.
    silent: VecDeque<(Instant, Arc<str>)>,
    /// Topics that were given up at once to make room, and the connections that still tell of them.
    ended: Vec<(u64, Arc<str>)>,
    /// Topics that could not be copied, and that somebody may be subscribed to; and since when there are some.
    failed: HashSet<Arc<str>>,
    failed_since: Option<Instant>,
    /// All topics in turn, so that Redis keeps them.
    kept: VecDeque<(Instant, Arc<str>)>,
}

/// The topics that are followed. The lock is a `std` one, held for a look-up.
pub(super) struct Following {
    state: Mutex<State>,
    rooms: Arc<Rooms>,
    keys: Arc<Keys>,
    wanted: Notify,
    most: usize,
    keep: Duration,
}

impl State {
    fn is_due(&mut self, topic: &Arc<str>) {
        if let Some(followed) = self.topics.get_mut(topic)
            && !std::mem::replace(&mut followed.is_due, true)
        {
            self.due.push_back(topic.clone());
        }
    }

    /// Perhaps nobody is subscribed to it any more.
    fn is_left(&mut self, topic: &Arc<str>, now: Instant) {
        if let Some(followed) = self.topics.get_mut(topic)
            && followed.left.replace(now).is_none()
        {
            self.silent.push_back((now, topic.clone()));
        }
    }

    fn keep(&mut self, topic: &Arc<str>, now: Instant) {
        let Self { topics, kept, .. } = self;
        if let Some(followed) = topics.get_mut(topic) {
            followed.kept = Some(now);
            kept.push_back((now, topic.clone()));
        }
        // Entries of topics that were given up since must not outnumber the others.
        if kept.len() > 2 * topics.len() + MOST_TOGETHER {
            let is_kept = |(since, topic): &(Instant, Arc<str>)| {
                let followed = topics.get(topic);
                followed.is_some_and(|followed| followed.kept == Some(*since))
            };
            kept.retain(is_kept);
        }
    }
}

impl Following {
    pub(super) fn new(limits: &Limits, rooms: Arc<Rooms>, keys: Arc<Keys>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            rooms,
            keys,
            wanted: Notify::new(),
            most: limits.topics,
            keep: limits.topic_id_time,
        })
    }

    /// Whether the topic is followed, and as Redis had it when somebody looked last.
    pub(super) fn is_copied(&self, topic: &str) -> bool {
        let state = lock(&self.state);
        let followed = state.topics.get(topic);
        followed.is_some_and(|followed| followed.is_copied && !followed.is_over)
    }

    #[cfg(test)]
    pub(super) fn has(&self, topic: &str) -> bool {
        lock(&self.state).topics.contains_key(topic)
    }

    /// How many wait, and how long the lists are.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        let state = lock(&self.state);
        let waiters = state.topics.values().map(|followed| followed.waiters.len());
        let lists = [
            state.silent.len(),
            state.kept.len(),
            state.failed.len(),
            state.due.len(),
            state.ended.len(),
        ];
        (waiters.sum(), lists.iter().sum())
    }

    /// Copies the topic, which is followed from then on. The answer comes when it is as Redis had it after this call.
    pub(super) fn copy(&self, topic: &str) -> oneshot::Receiver<Result<(), TopicError>> {
        let (waiter, answer) = oneshot::channel();
        let mut state = lock(&self.state);
        let known = state.topics.get_key_value(topic);
        let topic = match known.map(|(topic, _)| topic.clone()) {
            Some(topic) => topic,
            None if state.topics.len() >= self.most && !self.makes_room(&mut state) => {
                drop(state);
                let _ = waiter.send(Err(TopicError::Full(self.most)));
                return answer;
            }
            None => {
                let topic: Arc<str> = topic.into();
                state.topics.insert(topic.clone(), Followed::default());
                state.keep(&topic, Instant::now());
                topic
            }
        };
        if let Some(followed) = state.topics.get_mut(&topic) {
            followed.is_over = false;
            followed.waits(waiter);
        }
        state.is_due(&topic);
        drop(state);
        self.wanted.notify_one();
        answer
    }

    /// Gives up a topic at once that would be given up soon. False if there is no such topic.
    fn makes_room(&self, state: &mut State) -> bool {
        while let Some((_, topic)) = state.silent.pop_front() {
            let Some(followed) = state.topics.get_mut(&topic) else {
                continue;
            };
            followed.left = None;
            // A topic with waiters stays: its waiters decide later.
            if followed.waiters.is_empty() && self.rooms.forget(&topic) {
                let on = followed.on;
                state.topics.remove(&topic);
                if on > 0 {
                    state.ended.push((on, topic));
                }
                return true;
            }
        }
        false
    }

    /// Somebody has left the topic.
    pub(super) fn left(&self, topic: &str) {
        let mut state = lock(&self.state);
        if let Some((topic, _)) = state.topics.get_key_value(topic) {
            let topic = topic.clone();
            state.is_left(&topic, Instant::now());
        }
    }

    /// Gives up topics that nobody has been subscribed to for long, and asks Redis to keep the others: a
    /// bounded number of them. True if there is more to do.
    pub(super) fn sweep(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        let mut left = MOST_TOGETHER;
        while left > 0
            && let Some((since, topic)) = state.silent.front().cloned()
            && now.saturating_duration_since(since) >= LINGER
        {
            left -= 1;
            state.silent.pop_front();
            let Some(followed) = state.topics.get_mut(&topic) else {
                continue;
            };
            match followed.left.take() {
                // Others have left it since.
                Some(left) if now.saturating_duration_since(left) < LINGER => {
                    followed.left = Some(left);
                    state.silent.push_back((left, topic));
                }
                Some(_) if followed.waiters.is_empty() && !self.rooms.is_heard(&topic) => {
                    followed.is_over = true;
                    state.is_due(&topic);
                }
                _ => {}
            }
        }
        while left > 0
            && let Some((since, topic)) = state.kept.front().cloned()
            && now.saturating_duration_since(since) >= self.keep / REFRESHES
        {
            left -= 1;
            state.kept.pop_front();
            let followed = state.topics.get(&topic);
            if followed.is_some_and(|followed| followed.kept == Some(since)) {
                state.keep(&topic, now);
                // To copy it again has Redis keep it.
                state.is_due(&topic);
            }
        }
        let has_due = !state.due.is_empty();
        drop(state);
        if has_due {
            self.wanted.notify_one();
        }
        left == 0
    }

    /// Something was told in a channel. Called by the connection, one after the other.
    pub(super) fn pushed(&self, info: &PushInfo) {
        if !matches!(info.kind, PushKind::Message | PushKind::SMessage) {
            return;
        }
        let [Value::BulkString(channel), Value::BulkString(payload)] = &info.data[..] else {
            return;
        };
        let (Some(topic), Some(message)) = (self.keys.topic_of(channel), keys::told(payload))
        else {
            return;
        };
        {
            let mut state = lock(&self.state);
            let Some(followed) = state.topics.get_mut(&*topic) else {
                return;
            };
            if !followed.is_copied {
                followed.told = Some(message.position);
                return;
            }
        }
        if self.rooms.take(&topic, &message) == Taken::Hole {
            let mut state = lock(&self.state);
            let key = state.topics.get_key_value(&*topic);
            if let Some(topic) = key.map(|(topic, _)| topic.clone()) {
                state.is_due(&topic);
                drop(state);
                self.wanted.notify_one();
            }
        }
    }

    /// Follows topics until the links are closed. The connection `channels` brings the news of topics, the
    /// connection `commands` answers commands.
    pub(super) async fn run(self: Arc<Self>, channels: Link, commands: Link) {
        let script = Arc::new(Script::new(include_str!("open.lua")));
        let mut number = 0;
        while let Some(newer) = channels.newer(number).await {
            number = newer;
            // Nothing is subscribed to on a new connection.
            self.all_are_due();
            loop {
                let again = self.failed_are_due();
                let Some(due) = self.take_due(number) else {
                    tokio::select! {
                        () = at(again) => continue,
                        newer = channels.newer(number) => match newer {
                            Some(_) => break,
                            None => return,
                        },
                        () = self.wanted.notified() => continue,
                    }
                };
                match self.change(&channels, &due, number).await {
                    Ok(()) => self.open(&script, &commands, due.opened).await,
                    Err(error @ AskError::Refused(_)) => self.refused(&due, &failed(error)),
                    // The rest is due on the next connection. Callers that wait for it wait for that
                    // connection.
                    Err(_) => break,
                }
            }
        }
    }

    /// If it is time, topics that could not be copied are tried again, or given up if nobody is subscribed to
    /// them. Gives when it will be time, whatever else happens until then.
    fn failed_are_due(&self) -> Option<Instant> {
        let mut state = lock(&self.state);
        let again = state.failed_since? + AGAIN;
        if again > Instant::now() {
            return Some(again);
        }
        state.failed_since = None;
        for topic in std::mem::take(&mut state.failed) {
            if let Some(followed) = state.topics.get_mut(&topic) {
                followed.is_over = followed.waiters.is_empty() && !followed.is_copied;
                state.is_due(&topic);
            }
        }
        None
    }

    fn all_are_due(&self) {
        let mut state = lock(&self.state);
        let all: Vec<_> = state.topics.keys().cloned().collect();
        for topic in &all {
            state.is_due(topic);
        }
    }

    /// Some of the topics that are due; `None` if no topic is due.
    fn take_due(&self, number: u64) -> Option<Due> {
        let mut state = lock(&self.state);
        let count = state.due.len().min(MOST_TOGETHER);
        let ended = std::mem::take(&mut state.ended);
        if count == 0 && ended.is_empty() {
            return None;
        }
        // Before topics are subscribed to that somebody came back to.
        let ended = ended.into_iter().filter(|(on, _)| *on == number);
        let mut due = Due {
            given_up: ended.map(|(_, topic)| topic).collect(),
            ..Due::default()
        };
        let topics: Vec<_> = state.due.drain(..count).collect();
        for topic in topics {
            let Some(followed) = state.topics.get_mut(&topic) else {
                continue;
            };
            followed.is_due = false;
            if followed.is_over && followed.waiters.is_empty() {
                // From here on news of the topic has no receiver. A subscriber that comes back begins anew.
                if self.rooms.forget(&topic) {
                    let is_subscribed = followed.on == number;
                    state.topics.remove(&topic);
                    if is_subscribed {
                        due.given_up.push(topic);
                    }
                    continue;
                }
                // Somebody has come back meanwhile.
                followed.is_over = false;
            }
            if followed.on != number {
                due.subscribed.push(topic.clone());
            }
            due.opened.push(topic);
        }
        Some(due)
    }

    async fn change(&self, channels: &Link, due: &Due, number: u64) -> Result<(), AskError> {
        self.unsubscribe(channels, due, number).await?;
        self.subscribe(channels, due, number).await
    }

    /// Redis does not let this process listen.
    fn refused(&self, due: &Due, why: &TopicError) {
        for topic in &due.opened {
            let waiting = self.waiting(topic);
            self.is_opened(topic, false, !waiting.is_empty());
            for waiter in waiting {
                let _ = waiter.send(Err(why.clone()));
            }
        }
    }

    /// The callers that wait for the topic until now.
    fn waiting(&self, topic: &str) -> Vec<Waiter> {
        let mut state = lock(&self.state);
        let followed = state.topics.get_mut(topic);
        followed.map_or_else(Vec::new, |followed| std::mem::take(&mut followed.waiters))
    }

    async fn unsubscribe(&self, channels: &Link, due: &Due, number: u64) -> Result<(), AskError> {
        if due.given_up.is_empty() {
            return Ok(());
        }
        channels
            .unsubscribe(&self.channels_of(&due.given_up), number)
            .await
    }

    async fn subscribe(&self, channels: &Link, due: &Due, number: u64) -> Result<(), AskError> {
        if due.subscribed.is_empty() {
            return Ok(());
        }
        let names = self.channels_of(&due.subscribed);
        channels.subscribe(&names, number).await?;
        let mut state = lock(&self.state);
        for topic in &due.subscribed {
            if let Some(followed) = state.topics.get_mut(topic) {
                followed.on = number;
            }
        }
        Ok(())
    }

    fn channels_of(&self, topics: &[Arc<str>]) -> Vec<Vec<u8>> {
        let channel = |topic: &Arc<str>| self.keys.channel(topic).into_bytes();
        topics.iter().map(channel).collect()
    }

    /// Copies these topics, and answers the callers that wait for them.
    async fn open(&self, script: &Arc<Script>, commands: &Link, topics: Vec<Arc<str>>) {
        let mut asked = Vec::with_capacity(topics.len());
        let mut waiters = Vec::with_capacity(topics.len());
        for topic in &topics {
            // Callers that come from here on wait for the next time: Redis may have answered before they
            // came.
            waiters.push(self.waiting(topic));
            asked.push(Open {
                script: script.clone(),
                keys: [
                    self.keys.topic(topic),
                    self.keys.messages(topic),
                    self.keys.ids(topic),
                ],
                epoch: Epoch::random().map_or_else(|_| String::new(), |epoch| epoch.to_string()),
                known: self.rooms.tail(topic),
                keep: milliseconds(self.keep),
            });
        }
        let answers = commands.ask_in_order::<Opened>(asked).await;
        for ((topic, answer), waiting) in topics.iter().zip(answers).zip(waiters) {
            let copied = answer
                .map_err(failed)
                .and_then(|opened| self.restore(topic, opened));
            self.is_opened(topic, copied.is_ok(), !waiting.is_empty());
            for waiter in waiting {
                let _ = waiter.send(copied.clone());
            }
        }
    }

    fn restore(
        &self,
        topic: &str,
        (epoch, last, tail, messages): Opened,
    ) -> Result<(), TopicError> {
        let damaged =
            || TopicError::Failed("Redis holds data that loom-live cannot read".to_owned());
        let epoch: Epoch = epoch.parse().map_err(|_| damaged())?;
        let mut kept: Vec<Foreign> = Vec::with_capacity(messages.len());
        for (number, id, data, name, before) in messages {
            let position = Position { epoch, number };
            match keys::foreign(position, &id, &data, &name, &before) {
                Some(message) if number <= last => {
                    let before = kept.last().map(|before| before.position.number + 1);
                    if before.is_some_and(|next| next != number) {
                        kept.clear();
                    }
                    kept.push(message);
                }
                // Another program has written there. This is a gap: only the messages after it are taken.
                _ => kept.clear(),
            }
        }
        // Without a message, only the topic's position is known.
        let (number, tail) = match kept.first() {
            Some(first) => (first.position.number.saturating_sub(1), &*first.before),
            None => (last, &*tail),
        };
        let before = Position { epoch, number };
        self.rooms.restore(topic, before, tail, &kept)
    }

    /// The topic was copied, or was not.
    fn is_opened(&self, topic: &Arc<str>, is_copied: bool, was_waited_for: bool) {
        let now = self.rooms.position(topic);
        let mut state = lock(&self.state);
        if was_waited_for {
            // A caller that has waited may be gone, so perhaps nobody is subscribed.
            state.is_left(topic, Instant::now());
        }
        let Some(followed) = state.topics.get_mut(topic) else {
            return;
        };
        if !is_copied {
            // The topic is tried again, or given up if nobody is subscribed to it.
            state.failed.insert(topic.clone());
            state.failed_since.get_or_insert_with(Instant::now);
            return;
        }
        followed.is_copied = true;
        let told = followed.told.take();
        let is_behind = |told: Position| {
            now.is_none_or(|now| told.epoch != now.epoch || told.number > now.number)
        };
        if told.is_some_and(is_behind) || !followed.waiters.is_empty() {
            state.is_due(topic);
        }
    }
}

/// The topics of one round.
#[derive(Default)]
struct Due {
    given_up: Vec<Arc<str>>,
    subscribed: Vec<Arc<str>>,
    opened: Vec<Arc<str>>,
}

/// Epoch, number and name of the last message, and messages: number, id, data, name, name of the one before.
type Opened = (String, u64, String, Vec<Entry>);
type Entry = (u64, String, String, String, String);

/// One call of the script.
struct Open {
    script: Arc<Script>,
    keys: [String; 3],
    epoch: String,
    /// The newest position that is known, and the name of the message there.
    known: Option<(Position, Box<str>)>,
    keep: u64,
}

impl Ask for Open {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        let mut script = self.script.prepare_invoke();
        for key in &self.keys {
            script.key(key);
        }
        let (epoch, number, name) = match &self.known {
            Some((known, name)) => (known.epoch.to_string(), known.number, &**name),
            None => (String::new(), 0, ""),
        };
        script
            .arg(&self.epoch)
            .arg(epoch)
            .arg(number)
            .arg(name)
            .arg(self.keep);
        script.invoke_async(connection).await
    }
}

impl AskAgain for Open {
    /// The script may be asked as often as one likes.
    fn again(&mut self) {}
}
