//! Relief: if all that waits is beyond its budget, the holders that hold most of it give it up.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Sessions;
use super::connections::Open;
use crate::budget::Budget;
use crate::outbox::{Order, Outbox};
use crate::session::Session;
use crate::transport::Closed;

/// How often the task that relieves looks whether the sessions are still there.
const RELIEF: Duration = Duration::from_secs(60);

impl Sessions {
    /// Keeps the bytes that wait within their budget, until the sessions are dropped.
    fn relieve(&self, excess: usize) {
        let state = self.lock();
        let connections = state.connections.values();
        let connections: Vec<(Arc<str>, Arc<Outbox>, usize)> = connections
            .map(|open| {
                let Open { holder, outbox, .. } = open;
                (holder.clone(), outbox.clone(), outbox.bytes())
            })
            .collect();
        let sessions: Vec<Arc<Session>> = state.sessions.values().cloned().collect();
        drop(state);
        let mut held = HashMap::<Arc<str>, usize>::new();
        for (holder, _, bytes) in &connections {
            *held.entry(holder.clone()).or_default() += bytes;
        }
        let viewers = self.shared.viewers();
        for viewer in &viewers {
            *held.entry(viewer.holder.clone()).or_default() += viewer.events.bytes();
        }
        let of = |session: &Session| session.about.holder.clone();
        for session in &sessions {
            *held.entry(of(session)).or_default() += session.waiting_bytes();
        }
        let mut held: Vec<(Arc<str>, usize)> = held.into_iter().collect();
        held.sort_unstable_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let mut left = excess;
        // One at a time would be overtaken by many that each hold little.
        let most: HashSet<Arc<str>> = held
            .into_iter()
            .take_while(|(_, bytes)| {
                let is_meant = left > 0;
                left = left.saturating_sub(*bytes);
                is_meant
            })
            .map(|(holder, _)| holder)
            .collect();
        for (holder, outbox, bytes) in &connections {
            if *bytes > 0 && most.contains(holder) {
                outbox.order(Order::Stop(Closed::Overload));
                outbox.close();
            }
        }
        for viewer in &viewers {
            if viewer.events.bytes() > 0 && most.contains(&viewer.holder) {
                // The page comes back, as another viewer of the same name, and sends the events again that
                // were not handled.
                if let Some(outbox) = viewer.outbox() {
                    outbox.order(Order::Stop(Closed::Overload));
                }
                viewer.give_up();
            }
        }
        for session in &sessions {
            if session.waiting_bytes() > 0 && most.contains(&of(session)) {
                // A component that is ended answers nothing any more: its page has to know, and come back.
                if let Some(outbox) = session.outbox() {
                    outbox.order(Order::Stop(Closed::Overload));
                }
                self.end(session);
            }
        }
    }
}

/// Keeps the bytes that wait within their budget, until the sessions are dropped.
pub(crate) async fn relieve(sessions: Weak<Sessions>, budget: Arc<Budget>) {
    loop {
        let pause = tokio::time::timeout(RELIEF, budget.exceeded()).await;
        let Some(strong) = sessions.upgrade() else {
            return;
        };
        if pause.is_ok() {
            strong.relieve(budget.excess());
            drop(strong);
            // Memory that is given up takes a moment to go, and so does memory without a holder.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
