//! An actor's mailbox, for the owner that gets it a moment after the actor has begun.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::LiveSocket;
use crate::sync::{Mutex, lock};

type Say = Box<dyn FnOnce(&LiveSocket) + Send>;

/// The actor of an owner. The actor knows its owner from its first moment on, and makes it known to others; the owner
/// gets the [`LiveSocket`] only when [`LiveSocket::start`] has returned. What others say to the actor in between is kept,
/// and said then: so many things as others say within that moment.
///
/// The lock is a `std` one, held for a push.
#[derive(Default)]
pub(crate) struct LateSocket {
    socket: OnceLock<LiveSocket>,
    /// Messages to the actor from before there was one.
    early: Mutex<Vec<Say>>,
    /// The owner will never have an actor.
    never: AtomicBool,
}

impl LateSocket {
    /// Gives the owner its actor, which gets the messages from before.
    pub(crate) fn set(&self, socket: LiveSocket) {
        // This cannot fail: the code that starts the actor calls `set` once.
        let _ = self.socket.set(socket);
        let early = std::mem::take(&mut *lock(&self.early));
        if let Some(socket) = self.get() {
            early.into_iter().for_each(|say| say(socket));
        }
    }

    /// The owner gets no actor. Messages from before are dropped, and so are all later ones.
    pub(crate) fn never(&self) {
        self.never.store(true, Ordering::Relaxed);
        lock(&self.early).clear();
    }

    /// The actor, if the owner has it.
    pub(crate) fn get(&self) -> Option<&LiveSocket> {
        self.socket.get()
    }

    /// Says something to the actor, now or as soon as the owner has it.
    pub(crate) fn tell(&self, say: impl FnOnce(&LiveSocket) + Send + 'static) {
        if let Some(socket) = self.get() {
            return say(socket);
        }
        let mut early = lock(&self.early);
        // `set` takes the early messages after it has set the socket.
        if let Some(socket) = self.get() {
            drop(early);
            return say(socket);
        }
        if !self.never.load(Ordering::Relaxed) {
            early.push(Box::new(say));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::super::mailbox::{Capacity, Item, Mailbox};
    use super::*;
    use crate::budget::Budget;
    use crate::ids::EventNumber;

    #[test]
    fn what_is_said_before_there_is_a_socket_is_said_then() {
        let capacity = Capacity {
            items: 10,
            bytes: 1000,
        };
        let budget = Arc::new(Budget::new(1000));
        let mailbox = Mailbox::new(capacity, EventNumber(0), Arc::default(), budget);
        let mailbox = Arc::new(mailbox);
        let late = LateSocket::default();
        let leave = |name: &str| {
            let topic: Arc<str> = name.into();
            late.tell(move |socket| socket.leave(&topic, false));
        };
        leave("first");
        leave("second");
        assert!(late.get().is_none() && mailbox.is_empty());
        let socket = LiveSocket {
            key: 1,
            mailbox: mailbox.clone(),
        };
        late.set(socket);
        leave("third");
        let context = Context::from_waker(Waker::noop());
        let mut left = Vec::new();
        while let Poll::Ready(Some(Item::Leave { topic, .. })) = mailbox.poll_next(&context) {
            left.push(topic);
        }
        left.sort_unstable();
        assert_eq!(left, ["first", "second", "third"].map(Arc::from));
    }

    #[test]
    fn an_owner_that_has_ended_before_ends_its_actor() {
        let capacity = Capacity { items: 1, bytes: 1 };
        let budget = Arc::new(Budget::new(1000));
        let mailbox = Mailbox::new(capacity, EventNumber(0), Arc::default(), budget);
        let late = LateSocket::default();
        late.tell(LiveSocket::stop);
        let mailbox = Arc::new(mailbox);
        late.set(LiveSocket {
            key: 1,
            mailbox: mailbox.clone(),
        });
        assert!(mailbox.is_stopped());
    }
}
