//! Live sockets that the application started itself, without a connection.

use std::sync::Arc;

use napi_derive::napi;

use super::failed;
use super::loom::{Handles, NativeLoom};
use super::runtime::runtime;
use crate::bridge::{Job, Queue};
use crate::dispatch::CallError;
use crate::ids::{Life, Point};
use crate::live_socket::{Continuity, Keeper, LiveSocket, Pace, ReplyTo, Start, Viewers};
use crate::members::{self, Leave, Members};
use crate::ongoing::{Ongoing, TopicNames};
use crate::props::Props;
use crate::protocol::{Beside, ClientEvent, ServerMessage, SpecialVars};
use crate::random::random_text;
use crate::sync::lock;
use crate::tree::LiveTree;

const STOPPED: &str = "the live socket has stopped";

/// Sends an actor's messages to a JavaScript callback, through the queue.
struct ToJavaScript {
    queue: Arc<Queue>,
    id: Arc<str>,
    /// The number of the callback, and of the promise of `loom.start`.
    number: u32,
    /// Which of these actors are in topics.
    members: Arc<Members<u32>>,
    topics: Option<TopicNames>,
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

impl Keeper for ToJavaScript {
    fn subscribed(&mut self, topics: Option<&TopicNames>, since: u64) -> Vec<Leave> {
        let before = std::mem::replace(&mut self.topics, topics.cloned());
        let member = (self.number.into(), &Arc::default(), &self.number);
        let mut leaves = self.members.set(member, before.as_ref(), topics, since);
        // The live socket belongs to no user.
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

impl Handles {
    /// Calls `each` with the live sockets that are taken out of a topic. Gives how many there are. A live
    /// socket belongs to no user, so it is taken out only if everybody is.
    pub(super) fn of_topic(&self, leave: &Leave, mut each: impl FnMut(&LiveSocket)) -> usize {
        let mut count = 0;
        if leave.whose.is_everybody() {
            self.members.leave(leave, |number| {
                if let Some(socket) = lock(&self.sockets).get(&number) {
                    each(socket);
                    count += 1;
                }
            });
        }
        count
    }
}

#[napi]
impl NativeLoom {
    /// Starts a live socket. Settles the promise `number` when the live socket has rendered; its messages
    /// go to the callback of the same number.
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        number: u32,
        id: String,
        module: String,
        props_json: String,
    ) -> napi::Result<()> {
        let _runtime = runtime()?.enter();
        let context = self.context()?;
        let found = context.registry.get(&module);
        let (registered, details) =
            found.ok_or_else(|| failed(format!("no module {module:?} is registered")))?;
        if context.closing.is_cancelled() {
            return Err(failed("the application is closing"));
        }
        let id: Arc<str> = id.into();
        let start = Start {
            id: id.clone(),
            module: registered,
            module_name: module.into(),
            caller: None,
            holder: "".into(),
            props: Arc::new(Props::from_json(&props_json)),
            instance: random_text().into(),
            origin: None,
            place: None,
            point: Point::default(),
            life: Life::default(),
            expected: Default::default(),
            ongoing: Ongoing::default(),
            given: None,
            details,
        };
        let queue = self.queue.clone();
        let members = self.handles.members.clone();
        let socket = LiveSocket::start(context, start, |_| ToJavaScript {
            queue,
            id,
            number,
            members,
            topics: None,
        });
        lock(&self.handles.sockets).insert(number, socket);
        Ok(())
    }

    /// Hands an event to a live socket.
    #[napi(catch_unwind)]
    pub fn send(
        &self,
        number: u32,
        handler: String,
        event: String,
        value: Option<String>,
        checked: Option<bool>,
        key: Option<String>,
    ) -> napi::Result<()> {
        let event = ClientEvent {
            handler: handler.into(),
            event: event.into(),
            special_vars: SpecialVars {
                value: value.map(Into::into),
                checked,
                key: key.map(Into::into),
                ..SpecialVars::default()
            },
        };
        let sockets = lock(&self.handles.sockets);
        let socket = sockets.get(&number).ok_or_else(|| failed(STOPPED))?;
        socket.event(event).map_err(failed)
    }

    /// Settles `request` with the live socket's state.
    #[napi(catch_unwind)]
    pub fn state(&self, number: u32, request: u32) -> napi::Result<()> {
        let sockets = lock(&self.handles.sockets);
        let socket = sockets.get(&number).ok_or_else(|| failed(STOPPED))?;
        let receiver = socket.state().map_err(failed)?;
        self.settle_with(request, async move {
            let state = receiver.await.map_err(|_| STOPPED)?;
            let json = serde_json::json!({
                "id": &*state.id,
                "module": &*state.module,
                "propsJson": state.props_json,
                "treeJson": state.tree_json,
            });
            Ok::<_, &str>(Some(json.to_string()))
        })
    }

    /// Stops a live socket.
    #[napi(catch_unwind)]
    pub fn stop(&self, number: u32) {
        // Dropped after the lock was released.
        let socket = lock(&self.handles.sockets).remove(&number);
        drop(socket);
    }
}
