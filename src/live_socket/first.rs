//! How an actor comes to life: it takes its turn, finds the newest state, and renders.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;

use super::asking::Asking;
use super::running::Running;
use super::state::{LiveSocketState, MIN_WEIGHED};
use super::step::misfit;
use super::{Begun, ReplyTo, Start};
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Call, CallError, Dispatcher, StepKind};
use crate::members;
use crate::store::StoreError;
use crate::tree::{Mismatch, Render};
use crate::turns::{Given, Turn};

/// The component after its first render; `None` if the first render has failed. The page and the log have
/// been told then.
pub(super) async fn render<D: Dispatcher, R: ReplyTo>(
    running: &mut Running<D>,
    mut start: Box<Start>,
    reply_to: &mut R,
) -> Option<LiveSocketState> {
    running.begins();
    let turn = match start.place.take() {
        None => None,
        Some(place) => match running.turn(place, true).await? {
            Given::Turn(turn) => Some(turn),
            Given::Gone => return None,
            Given::Busy => {
                reply_to.started(Err(&CallError::Busy));
                return None;
            }
        },
    };
    if let Some(turn) = &turn
        && reply_to.waits_to_begin()
    {
        // Another process is waited for: others render meanwhile.
        turn.yields().now();
    }
    let since = members::now();
    let begun = tokio::select! {
        biased;
        () = poll_fn(|poll| running.mailbox.poll_stopped(poll)) => return None,
        begun = reply_to.begin(start.point, start.life) => begun,
    };
    match begun {
        Ok(Begun { life, newest }) => {
            start.life = life;
            if let Some(newest) = newest {
                start.point = newest.point;
                start.props = newest.props;
                start.ongoing = newest.ongoing;
                start.origin = Some(newest.origin);
                running.mailbox.received(start.point.event);
            }
        }
        Err(error) => {
            let text = error.to_string();
            let error = match error {
                // The page keeps its checkpoint, and asks again.
                StoreError::Failed(_) => CallError::Unknown(text),
                // The page's checkpoint is older than the stored state, and that can never be read.
                StoreError::Damaged(_)
                | StoreError::Unreadable(_)
                | StoreError::Stale
                | StoreError::Elsewhere(_) => CallError::Unreadable(text),
            };
            running.failed(&start.module_name, &start.id, "the join", &error);
            reply_to.started(Err(&error));
            return None;
        }
    }
    if let Some(origin) = &mut start.origin {
        origin.is_behind = start.point.revision < start.expected;
    }
    let mut call = Call {
        actor: running.key,
        id: start.id,
        instance: start.instance,
        module: start.module,
        caller: start.caller,
        moved: false,
        props: start.props,
        frozen: !start.details.receivers.is_empty(),
        origin: start.origin,
        version: 0,
        sequence: 0,
        number: start.point.event,
        event: None,
        messages: Vec::new(),
        topics: None,
        dropped: None,
        yields: turn.as_ref().map(Turn::yields),
    };
    let dropped = start
        .ongoing
        .retain(|name| start.details.receivers.iter().any(|known| **known == *name));
    if !dropped.is_empty() {
        running.context.log_about(Level::Warn, Code::Receivers, &start.module_name, || {
            let names: BTreeSet<&str> = dropped.iter().map(|one| &*one.receiver).collect();
            let (module, names) = (&start.module_name, Vec::from_iter(names).join(", "));
            format!("{module}: the module has no receivers with these names, so their timers, tasks and subscriptions are dropped: {names}")
        });
        call.dropped = Some(dropped.into());
    }
    call.topics = start.ongoing.topics();
    // The store may have a newer state than the one that the component was started with.
    for leave in reply_to.subscribed(call.topics.as_ref(), since) {
        running.mailbox.leave(&leave.topic, leave.ends);
    }
    let since = members::now();
    let outcome = running.call(&call).await?;
    call.yields = None;
    call.dropped = None;
    drop(turn);
    let first = outcome.and_then(|mut outcome| {
        let tree = outcome.render.take().ok_or(Mismatch);
        let tree = tree.and_then(Render::into_tree).map_err(misfit)?;
        Ok((outcome, tree))
    });
    let given = start.given.take();
    let (mut outcome, tree) = match first {
        Ok(first) => first,
        Err(error) => {
            running.is_over(StepKind::Join, call.sequence, Some(&error));
            running.failed(&start.module_name, &call.id, "the first render", &error);
            reply_to.started(Err(&error));
            return None;
        }
    };
    // Of a shared component its owner asks about each page.
    let has_page = call
        .caller
        .as_ref()
        .is_some_and(|caller| caller.sharing.is_none());
    let asks = start.details.authorizes && has_page;
    let limit = running.context.limits.authorize_time;
    let asking = asks.then(|| Asking::begin(limit, running.key));
    let asking = asking.unwrap_or_default();
    let mut state = LiveSocketState {
        call,
        module_name: start.module_name,
        point: start.point,
        prev_tree: tree,
        sent_tree: None,
        ongoing: start.ongoing,
        inbox: VecDeque::new(),
        alone: 0,
        retry: None,
        is_due: false,
        life: start.life,
        leaving: Vec::new(),
        since,
        asking,
        unpublished: 0,
        publishes_again: tokio::time::Instant::now(),
        settles_at: None,
        nests: false,
        messages: 0,
        weight: 0,
        weigh_in: MIN_WEIGHED,
    };
    let begun = state.begin(&mut outcome, running, reply_to).await;
    running.is_over(StepKind::Join, state.call.sequence, begun.as_ref().err());
    if let Err(error) = begun {
        let (name, id) = (&state.module_name, &state.call.id);
        running.failed(name, id, "the first render", &error);
        reply_to.started(Err(&error));
        return None;
    }
    if has_page {
        running.context.stats.joins.add();
    }
    if let Some(given) = given {
        state.given(&given);
        // After the first render, as all that comes from the server.
        running.mailbox.remind();
    }
    Some(state)
}
