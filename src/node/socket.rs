//! Live sockets that the application started itself, without a connection.

use std::sync::Arc;

use crate::bridge::{Job, Queue};
use crate::dispatch::CallError;
use crate::ids::Point;
use crate::live_socket::{Continuity, Keeper, Pace, ReplyTo, Viewers};
use crate::protocol::{Beside, ServerMessage};
use crate::tree::LiveTree;

/// Sends an actor's messages to a JavaScript callback, through the queue.
pub(super) struct ToJavaScript {
    pub(super) queue: Arc<Queue>,
    pub(super) id: Arc<str>,
    /// The number of the callback, and of the promise of `loom.start`.
    pub(super) number: u32,
}

impl ReplyTo for ToJavaScript {
    fn started(&mut self, result: Result<(), &CallError>) {
        let text = result.err().map(ToString::to_string);
        self.queue.push(Job::Settle {
            request: self.number,
            result: text.as_deref().map_or(Ok(None), Err),
        });
    }

    fn show(&mut self, _point: Point, tree: &LiveTree, _: Continuity) {
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

impl Keeper for ToJavaScript {}

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
