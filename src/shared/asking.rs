//! When `authorize` is asked again about the pages that show a shared component. Without this, the component
//! would go on for a user whose rights have ended. One task for each component whose module has `authorize`;
//! the other components have none.

use std::sync::{Arc, Weak};

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

use super::component::Component;
use super::joining::allow;
use super::viewer::{Viewed, Viewer};
use super::{BUSY, Known};
use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::{CallError, Dispatcher};
use crate::protocol::Refusal;

/// So many pages are asked about at a time. One whose answer does not come keeps its place until
/// `limits.handler_time`.
const TOGETHER: usize = 32;
/// So many pages are looked at before others have their turn.
const BATCH: usize = 256;
/// Pages whose time comes within this part of `limits.authorize_time` are asked about together.
const STEPS: u32 = 64;

/// Asks about each page that shows the component, at the latest `limits.authorize_time` after `authorize` has
/// allowed it. Each page has a time of its own, of half of that at least, so that pages which came together are
/// not asked about together.
pub(super) async fn ask_again<D: Dispatcher>(
    context: Shared<D>,
    known: Known,
    component: Weak<Component>,
) {
    let limit = context.limits.authorize_time;
    let step = (limit / STEPS).max(Duration::from_millis(1));
    // A page that is let in meanwhile has more time than that.
    let mut next = Instant::now() + limit / 2;
    // Dropped with this task, and then nobody is asked any more.
    let mut asks = JoinSet::new();
    loop {
        sleep_until(next).await;
        let Some(component) = component.upgrade() else {
            return;
        };
        let soon = Instant::now() + step;
        next = soon + limit / 2;
        while asks.try_join_next().is_some() {}
        for batch in component.all_viewers().chunks(BATCH) {
            for viewer in batch {
                match viewer.ask_due(limit) {
                    Some(due) if due <= soon => {
                        while asks.len() >= TOGETHER {
                            asks.join_next().await;
                        }
                        // Not asked about again before there is an answer, or that is late.
                        viewer.was_allowed(viewer.epoch());
                        let (context, known) = (context.clone(), known.clone());
                        asks.spawn(ask(context, known, component.clone(), viewer.clone()));
                    }
                    Some(due) => next = next.min(due),
                    None => {}
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Asks about a page after one of its events was refused. If a page sends one such event after the other,
/// there is one question at a time, however long `authorize` takes.
pub(super) async fn ask_in_doubt<D: Dispatcher>(
    context: Shared<D>,
    known: Known,
    component: Arc<Component>,
    viewer: Arc<Viewer>,
) {
    loop {
        let (context, known) = (context.clone(), known.clone());
        ask(context, known, component.clone(), viewer.clone()).await;
        if !viewer.ends_doubt() {
            return;
        }
    }
}

/// Asks whether a page may still see the component. If it may not, its viewer ends, and no other. If `authorize`
/// fails otherwise, the viewer ends as well, but its page joins again.
async fn ask<D: Dispatcher>(
    context: Shared<D>,
    known: Known,
    component: Arc<Component>,
    viewer: Arc<Viewer>,
) {
    let epoch = viewer.epoch();
    let topics = component.topics();
    let asked = crate::panics::caught(Box::pin(allow(
        &context,
        &known,
        viewer.caller(),
        topics,
        "the check whether a page may still see the component",
        None,
    )));
    let refused = match asked.await {
        Ok(Ok(())) => return viewer.was_allowed(epoch),
        Ok(Err(CallError::Refused(text, refusal))) => (text, refusal),
        Ok(Err(_)) => (BUSY.to_owned(), Refusal::Busy),
        Err(panic) => {
            let text = format!("a question panicked, a fault of loom-live: {panic}");
            context.log(Level::Error, Code::Fault, text);
            (BUSY.to_owned(), Refusal::Busy)
        }
    };
    if viewer.refuse(Some(epoch), &refused.0, &refused.1) {
        component.is_left(&viewer, None);
    }
}
