//! The scripts and commands for Redis about a topic.

use std::collections::HashMap;
use std::sync::Arc;

use redis::{Cmd, FromRedisValue, RedisResult, Script, cmd};

use crate::redis::{Ask, AskAgain, AskError, Connection, Link, milliseconds};

use super::KEPT;
use super::keys::Keys;
use crate::presence::beyond::Write;

/// A call of a script that may be made as often as one likes.
struct Call {
    script: Arc<Script>,
    keys: Vec<String>,
    arguments: Vec<String>,
}

impl Ask for Call {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        let mut script = self.script.prepare_invoke();
        for key in &self.keys {
            script.key(key);
        }
        for argument in &self.arguments {
            script.arg(argument);
        }
        script.invoke_async(connection).await
    }
}

impl AskAgain for Call {
    /// A second call does the same again, or finds that it has been done.
    fn again(&mut self) {}
}

/// A command that reads.
struct Reads(Cmd);

impl Ask for Reads {
    async fn send<T: FromRedisValue + Send>(&self, connection: &mut Connection) -> RedisResult<T> {
        self.0.send(connection).await
    }
}

impl AskAgain for Reads {
    fn again(&mut self) {}
}

/// The processes of a topic, each with the number of its last write.
pub(super) type Places = Vec<(Arc<str>, u64)>;

/// Behind each process stand the number of its last write, and how many entries it has.
fn places(flat: Vec<String>) -> Places {
    let mut flat = flat.into_iter();
    let mut places = Vec::new();
    while let (Some(process), Some(place)) = (flat.next(), flat.next()) {
        let number = place
            .split_once(' ')
            .and_then(|(number, _)| number.parse().ok());
        places.push((process.into(), number.unwrap_or_default()));
    }
    places
}

/// The entries of a dead process in a topic, up to this write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Grave {
    pub(super) topic: Arc<str>,
    pub(super) process: Arc<str>,
    pub(super) number: u64,
}

/// Asks Redis. Whatever is asked together goes by one pipeline.
pub(super) struct Asking {
    link: Link,
    keys: Keys,
    process: Arc<str>,
    write: Arc<Script>,
    keep: Arc<Script>,
    look: Arc<Script>,
    bury: Arc<Script>,
}

impl Asking {
    pub(super) fn new(link: Link, prefix: &str, process: Arc<str>) -> Self {
        let script = |text| Arc::new(Script::new(text));
        Self {
            link,
            keys: Keys::new(prefix),
            process,
            write: script(include_str!("write.lua")),
            keep: script(include_str!("keep.lua")),
            look: script(include_str!("look.lua")),
            bury: script(include_str!("bury.lua")),
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    fn both(&self, topic: &str, process: &str) -> Vec<String> {
        vec![
            self.keys.processes(topic),
            self.keys.entries(topic, process),
        ]
    }

    /// Writes. Gives whether nothing was lost since the write before, and how many entries others have.
    pub(super) async fn write(
        &self,
        writes: &[(Arc<str>, Write)],
    ) -> Vec<Result<(bool, usize), AskError>> {
        let call = |(topic, write): &(Arc<str>, Write)| {
            let mode = match write {
                Write { ends: true, .. } => "ends",
                Write { clears: true, .. } => "clears",
                _ => "",
            };
            let mut arguments = vec![
                self.process.to_string(),
                write.before.to_string(),
                write.number.to_string(),
                milliseconds(KEPT).to_string(),
                write.count.to_string(),
                mode.to_owned(),
                write.shown.len().to_string(),
            ];
            for shown in &write.shown {
                let gone = shown.gone.map_or("-".to_owned(), |gone| gone.to_string());
                let entry = shown.entry.to_string();
                arguments.extend([entry, shown.came.to_string(), gone, shown.body()]);
            }
            arguments.extend(write.removed.iter().map(ToString::to_string));
            Call {
                script: self.write.clone(),
                keys: self.both(topic, &self.process),
                arguments,
            }
        };
        self.link
            .ask_in_order(writes.iter().map(call).collect())
            .await
    }

    /// Has Redis keep the entries of these topics since those writes. Gives whether they are still there, and
    /// the processes.
    pub(super) async fn keep(
        &self,
        kept: &[(Arc<str>, u64)],
    ) -> Vec<Result<(bool, Places), AskError>> {
        let call = |(topic, number): &(Arc<str>, u64)| Call {
            script: self.keep.clone(),
            keys: self.both(topic, &self.process),
            arguments: vec![
                self.process.to_string(),
                number.to_string(),
                milliseconds(KEPT).to_string(),
            ],
        };
        let calls = kept.iter().map(call).collect();
        let answers = self.link.ask_in_order::<(bool, Vec<String>)>(calls).await;
        let answer = |answer: Result<(bool, Vec<String>), _>| {
            answer.map(|(is_there, flat)| (is_there, places(flat)))
        };
        answers.into_iter().map(answer).collect()
    }

    /// Redis' time in milliseconds, and the processes of these topics.
    pub(super) async fn look(&self, topics: &[Arc<str>]) -> Vec<Result<(i64, Places), AskError>> {
        let call = |topic: &Arc<str>| Call {
            script: self.look.clone(),
            keys: vec![self.keys.processes(topic)],
            arguments: Vec::new(),
        };
        let calls = topics.iter().map(call).collect();
        let answers = self.link.ask_in_order::<(i64, Vec<String>)>(calls).await;
        let answer =
            |answer: Result<(i64, Vec<String>), _>| answer.map(|(now, flat)| (now, places(flat)));
        answers.into_iter().map(answer).collect()
    }

    /// The entries of processes, by topic and process, as they stand there.
    pub(super) async fn read(
        &self,
        which: &[(Arc<str>, Arc<str>)],
    ) -> Vec<Result<HashMap<String, String>, AskError>> {
        let read = |(topic, process): &(Arc<str>, Arc<str>)| {
            let mut read = cmd("HGETALL");
            read.arg(self.keys.entries(topic, process));
            Reads(read)
        };
        self.link
            .ask_in_order(which.iter().map(read).collect())
            .await
    }

    /// Removes the entries of dead processes, unless they have written since.
    pub(super) async fn bury(&self, graves: &[Grave]) -> Vec<Result<bool, AskError>> {
        let call = |grave: &Grave| Call {
            script: self.bury.clone(),
            keys: self.both(&grave.topic, &grave.process),
            arguments: vec![grave.process.to_string(), grave.number.to_string()],
        };
        self.link
            .ask_in_order(graves.iter().map(call).collect())
            .await
    }
}
