//! A mailbox as `src/models.rs` tries it.

use std::task::{Context, Poll};

use super::*;
use crate::budget::Budget;
use crate::stats::Stats;

pub(crate) fn new(items: usize) -> Arc<Mailbox> {
    let capacity = Capacity { items, bytes: 1000 };
    let budget = Arc::new(Budget::new(1000));
    Arc::new(Mailbox::new(
        capacity,
        Default::default(),
        Arc::<Stats>::default(),
        budget,
    ))
}

pub(crate) fn send(mailbox: &Mailbox) {
    let _ = mailbox.event(None, Ok(crate::testing::event("x")));
}

pub(crate) async fn next(mailbox: &Mailbox) -> Option<u64> {
    match std::future::poll_fn(|context| mailbox.poll_next(context)).await {
        Some(Item::Event { number, .. }) => Some(number.0),
        _ => None,
    }
}

pub(crate) fn poll_stopped(mailbox: &Mailbox, context: &Context<'_>) -> Poll<()> {
    mailbox.poll_stopped(context)
}

pub(crate) fn stop(mailbox: &Mailbox) {
    mailbox.stop();
}

pub(crate) fn waiting(mailbox: &Mailbox) -> usize {
    mailbox.bytes()
}
