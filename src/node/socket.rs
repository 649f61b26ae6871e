//! Live sockets that the application started itself, without a connection.

use std::sync::Arc;

use crate::bridge::{Job, Queue};
use crate::dispatch::CallError;
use crate::ids::Point;
use crate::live_socket::{Keeper, Pace, ReplyTo, Viewers};
use crate::members::{self, Leave, Members};
use crate::ongoing::TopicNames;
use crate::protocol::{Beside, ServerMessage};
use crate::tree::LiveTree;

/// Sends an actor's messages to a JavaScript callback, through the queue.
pub(super) struct ToJavaScript {
    pub(super) queue: Arc<Queue>,
    pub(super) id: Arc<str>,
    /// The number of the callback, and of the promise of `loom.start`.
    pub(super) number: u32,
    /// Which of these actors are in topics.
    pub(super) members: Arc<Members<u32>>,
    pub(super) topics: Option<TopicNames>,
}

impl Drop for ToJavaScript {
    fn drop(&mut self) {
        self.subscribed(None, members::now());
    }
}

impl ReplyTo for ToJavaScript {
    fn started(&mut self, result: Result<(), &CallError>) {
        let text = result.err().map(ToString::to_string);
        self.queue.push(Job::Settle {
            request: self.number,
            result: text.as_deref().map_or(Ok(None), Err),
        });
    }

    fn show(&mut self, _point: Point, tree: &LiveTree, _anew: bool) {
        self.send(&ServerMessage::Trees(tree), None);
    }

    fn answer(&mut self, _point: Point, message: ServerMessage<'_>, beside: Beside<'_>) {
        self.send(&message, beside.redirect);
    }

    fn changed(&mut self, _point: Point, message: Option<ServerMessage<'_>>, beside: Beside<'_>) {
        if let Some(message) = message {
            self.send(&message, beside.redirect);
        }
    }
}

impl Pace for ToJavaScript {
    fn holds(&mut self, events_wait: bool) -> bool {
        // The callback would take the change for the answer.
        events_wait
    }

    async fn ready(&mut self) {
        self.queue.ready().await;
    }

    fn merged(&mut self, _point: Point, message: ServerMessage<'_>) {
        self.send(&message, None);
    }

    async fn caught_up(&mut self) {}
}

impl Keeper for ToJavaScript {
    fn subscribed(&mut self, topics: Option<&TopicNames>, since: u64) -> Vec<Leave> {
        let before = std::mem::replace(&mut self.topics, topics.cloned());
        let member = (self.number.into(), &Arc::default(), &self.number);
        let mut leaves = self.members.set(member, before.as_ref(), topics, since);
        // It is nobody's.
        leaves.retain(|leave| leave.whose.is_everybody());
        leaves
    }
}

impl Viewers for ToJavaScript {}

impl ToJavaScript {
    fn send(&self, message: &ServerMessage<'_>, redirect: Option<&str>) {
        for message in message.texts(&self.id, redirect) {
            self.queue.push(Job::Reply {
                reply: self.number,
                message: &message,
            });
        }
    }
}
