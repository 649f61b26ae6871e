//! The life of an actor: render, then for each event handle, render, diff, commit, answer.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::mailbox::{Item, Mailbox};
use super::{ReplyTo, Snapshot, Start};
use crate::context::{Level, Shared};
use crate::dispatch::{ActorKey, Call, CallError, Dispatcher, Outcome};
use crate::props::Props;
use crate::protocol::{ClientEvent, ServerMessage};
use crate::registry::Module;
use crate::tree::{LiveTree, Mismatch, Patch, Render, diff};

const TOO_MANY: &str = "Too many events are waiting; this one was not applied.";

/// What the actor knows of its component (the reference's `LiveSocketState`).
struct LiveSocketState {
    id: Arc<str>,
    module: Module,
    module_name: Arc<str>,
    request: Option<Arc<str>>,
    props: Arc<Props>,
    /// The call that committed `props`.
    version: u64,
    /// The last call's number.
    sequence: u64,
    /// The last tree sent; kept parsed and packed.
    prev_tree: LiveTree,
}

/// Owns everything that has to happen when an actor ends, however it ends.
struct Life<D: Dispatcher> {
    context: Shared<D>,
    key: ActorKey,
    mailbox: Arc<Mailbox>,
}

impl<D: Dispatcher> Life<D> {
    fn begin(context: Shared<D>, key: ActorKey, mailbox: Arc<Mailbox>) -> Self {
        context.stats.components.up();
        Self {
            context,
            key,
            mailbox,
        }
    }

    /// One call with its deadline; `None` where the actor is stopped meanwhile.
    async fn call(&self, call: Call) -> Option<Result<Outcome, CallError>> {
        let limit = self.context.limits.handler_time;
        tokio::select! {
            biased;
            () = self.mailbox.stopped() => None,
            result = tokio::time::timeout(limit, self.context.dispatcher.call(call)) => {
                Some(result.unwrap_or(Err(CallError::Deadline(limit))))
            }
        }
    }

    /// Tells the operator what failed, and gives what the browser may know.
    fn failed(&self, module: &str, id: &str, what: &str, error: &CallError) -> String {
        self.context.stats.errors.add();
        let text = format!("{module} ({id}): {what} failed: {error}");
        self.context.log(Level::Error, text);
        error.public(self.context.development)
    }
}

impl<D: Dispatcher> Drop for Life<D> {
    fn drop(&mut self) {
        self.mailbox.stop();
        self.context.dispatcher.forget(self.key);
        self.context.stats.components.down(1);
    }
}

pub(super) async fn run<D: Dispatcher, R: ReplyTo>(
    context: Shared<D>,
    key: ActorKey,
    start: Start,
    mailbox: Arc<Mailbox>,
    mut reply_to: R,
) {
    let life = Life::begin(context, key, mailbox);
    let Some(mut state) = first_render(&life, start, &mut reply_to).await else {
        return;
    };
    loop {
        let Some(item) = life.mailbox.next().await else {
            return;
        };
        let next = match item {
            Item::Event(event) => state.event(&life, event, &mut reply_to).await,
            Item::Refused(count) => {
                for _ in 0..count {
                    life.context.stats.errors.add();
                    reply_to.send(ServerMessage::Error(TOO_MANY));
                }
                ControlFlow::Continue(())
            }
            Item::State(sender) => {
                // Nobody may be waiting any more, which is no concern of the actor's.
                let _ = sender.send(state.snapshot());
                ControlFlow::Continue(())
            }
        };
        if next.is_break() {
            return;
        }
        tokio::select! {
            biased;
            () = life.mailbox.stopped() => return,
            () = reply_to.ready() => {}
        }
    }
}

async fn first_render<D: Dispatcher, R: ReplyTo>(
    life: &Life<D>,
    start: Start,
    reply_to: &mut R,
) -> Option<LiveSocketState> {
    let call = Call {
        actor: life.key,
        id: start.id.clone(),
        module: start.module,
        request: start.request.clone(),
        props: start.props.clone(),
        version: 0,
        sequence: 0,
        event: None,
    };
    let tree = life.call(call).await?.and_then(|outcome| {
        let render = outcome.render.ok_or(Mismatch);
        render.and_then(Render::into_tree).map_err(misfit)
    });
    match tree {
        Ok(tree) => {
            reply_to.started(Ok(()));
            reply_to.send(ServerMessage::Trees(&tree));
            Some(LiveSocketState {
                id: start.id,
                module: start.module,
                module_name: start.module_name,
                request: start.request,
                props: start.props,
                version: 0,
                sequence: 0,
                prev_tree: tree,
            })
        }
        Err(error) => {
            life.failed(&start.module_name, &start.id, "the first render", &error);
            reply_to.started(Err(&error));
            None
        }
    }
}

impl LiveSocketState {
    async fn event<D: Dispatcher, R: ReplyTo>(
        &mut self,
        life: &Life<D>,
        event: ClientEvent,
        reply_to: &mut R,
    ) -> ControlFlow<()> {
        self.sequence += 1;
        let handler = event.handler.clone();
        let call = Call {
            actor: life.key,
            id: self.id.clone(),
            module: self.module,
            request: self.request.clone(),
            props: self.props.clone(),
            version: self.version,
            sequence: self.sequence,
            event: Some(event),
        };
        let result = match life.call(call).await {
            None => return ControlFlow::Break(()),
            Some(result) => result.and_then(|outcome| self.take(outcome, reply_to)),
        };
        match result {
            Ok(()) => life.context.stats.events.add(),
            Err(error) => {
                let what = format!("the event {handler:?}");
                let text = life.failed(&self.module_name, &self.id, &what, &error);
                reply_to.send(ServerMessage::Error(&text));
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes an outcome as a whole, and answers; or takes nothing of it.
    fn take<R: ReplyTo>(&mut self, outcome: Outcome, reply_to: &mut R) -> Result<(), CallError> {
        match outcome.render {
            None => reply_to.send(ServerMessage::Patch(Patch::default(), None)),
            Some(mut render) if render.same_statics(&self.prev_tree) => {
                render.resolve(&self.prev_tree).map_err(misfit)?;
                let patch = diff(&self.prev_tree, &render);
                reply_to.send(ServerMessage::Patch(patch, Some(&render)));
                self.prev_tree.commit(render);
            }
            Some(render) => {
                self.prev_tree = render.into_tree().map_err(misfit)?;
                reply_to.send(ServerMessage::Replace(&self.prev_tree));
            }
        }
        if let Some(url) = &outcome.redirect {
            reply_to.send(ServerMessage::Redirect(url));
        }
        if let Some(props) = outcome.props {
            self.props = props;
        }
        self.version = self.sequence;
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            id: self.id.clone(),
            module: self.module_name.clone(),
            props_json: self.props.to_json(),
            tree_json: self.prev_tree.to_json(),
        }
    }
}

fn misfit(error: Mismatch) -> CallError {
    CallError::Failed(error.to_string())
}
