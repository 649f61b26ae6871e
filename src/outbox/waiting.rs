//! The messages that wait for a connection, each with its owner.

use std::collections::{HashMap, VecDeque};

use crate::ids::ActorKey;

/// The bytes that a message takes beside its text.
pub(crate) const ROOM: usize = size_of::<Message>();

struct Message {
    /// Messages are numbered in the order in which they were added.
    number: u64,
    /// The number of the owner's message before this one, which may have been taken since.
    before: u64,
    /// Empty if the message was taken back.
    text: String,
}

/// Messages in their order. All are taken at once. An owner can take its own messages back, at a cost that
/// is linear in the number of its messages that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    messages: VecDeque<Message>,
    /// How many of them were taken back.
    taken_back: usize,
    /// The number of the newest message of each owner that has entered; 0 before its first message.
    owners: HashMap<ActorKey, u64>,
    /// Messages that were ever added.
    pushed: u64,
}

impl Waiting {
    /// Adds a message. If its owner has not [entered](Self::enter), the message cannot be taken back.
    pub(crate) fn push(&mut self, owner: ActorKey, text: String) {
        self.pushed += 1;
        let number = self.pushed;
        let newest = self.owners.get_mut(&owner);
        let before = newest.map_or(0, |newest| std::mem::replace(newest, number));
        self.messages.push_back(Message {
            number,
            before,
            text,
        });
    }

    /// From here on the owner's messages can be taken back.
    pub(crate) fn enter(&mut self, owner: ActorKey) {
        self.owners.insert(owner, 0);
    }

    /// An owner adds nothing any more; if `takes_back`, its waiting messages are taken back. Gives their
    /// bytes, with their [`ROOM`].
    pub(crate) fn leave(&mut self, owner: ActorKey, takes_back: bool) -> usize {
        let newest = self.owners.remove(&owner);
        let mut number = newest.filter(|_| takes_back).unwrap_or_default();
        let mut bytes = 0;
        // Numbers are in order, but have gaps. If the message is not found, it has been taken, and all
        // messages before it too.
        while let Ok(place) = self
            .messages
            .binary_search_by_key(&number, |message| message.number)
            && let Some(message) = self.messages.get_mut(place)
        {
            #[cfg(test)]
            tests::look(1);
            bytes += std::mem::take(&mut message.text).len() + ROOM;
            number = message.before;
            self.taken_back += 1;
        }
        // Messages that were taken back are removed when they are more than half. So removing costs each
        // message a constant, and the queue is at most twice as long as what waits.
        if self.taken_back > self.messages.len() / 2 {
            #[cfg(test)]
            tests::look(self.messages.len());
            self.messages.retain(|message| !message.text.is_empty());
            self.messages.shrink_to(2 * self.messages.len());
            self.taken_back = 0;
        }
        bytes
    }

    /// How many owners have entered and not left.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }

    /// How many messages have been added so far.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len() - self.taken_back
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the only message that waits; `None` if no message waits, or several do. One message is the most
    /// frequent case, and the queue keeps its memory for the next message.
    pub(crate) fn take_one(&mut self) -> Option<String> {
        if self.messages.len() != 1 || self.taken_back > 0 {
            return None;
        }
        let message = self.messages.pop_front()?;
        self.messages.shrink_to(1);
        Some(message.text)
    }

    /// Takes all messages.
    pub(crate) fn take(&mut self) -> Texts {
        self.taken_back = 0;
        Texts(std::mem::take(&mut self.messages))
    }
}

/// Messages that were taken.
#[derive(Default)]
pub(crate) struct Texts(VecDeque<Message>);

impl Texts {
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|message| message.text.len()).sum()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = String> {
        let texts = self.0.into_iter().map(|message| message.text);
        texts.filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        static LOOKED: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts messages that are looked at.
    pub(crate) fn look(count: usize) {
        LOOKED.set(LOOKED.get() + count);
    }

    /// How many messages are looked at while so many owners leave, each of which has `each` messages.
    fn looked(owners: u64, each: usize) -> usize {
        let mut waiting = Waiting::default();
        (1..=owners).for_each(|owner| waiting.enter(owner));
        for message in 0..each {
            for owner in 1..=owners {
                waiting.push(owner, format!("{owner} {message}"));
            }
        }
        LOOKED.set(0);
        (1..=owners).for_each(|owner| {
            waiting.leave(owner, true);
        });
        assert!(waiting.is_empty());
        LOOKED.get()
    }

    /// With four and sixteen times as many owners, leaving costs each message as much as before.
    #[test]
    fn leaving_costs_what_is_taken_back() {
        for times in [1, 4, 16] {
            let owners = 25 * times;
            let count = looked(owners, 20);
            let messages = owners as usize * 20;
            assert!(count <= 4 * messages, "{count} for {messages}");
        }
    }

    proptest! {
        /// Compares with a plain list that is searched from its beginning.
        #[test]
        fn what_is_left_is_what_nobody_took_back(steps in prop::collection::vec((0..9u8, 0..4u64), 0..200)) {
            let mut waiting = Waiting::default();
            let mut list: Vec<(u64, String)> = Vec::new();
            let mut entered = std::collections::HashSet::new();
            for (number, (step, owner)) in steps.into_iter().enumerate() {
                match step {
                    0 => {
                        let taken: Vec<String> = match waiting.take_one() {
                            Some(one) => vec![one],
                            None => {
                                let texts = waiting.take();
                                let bytes = list.iter().map(|(_, text)| text.len()).sum::<usize>();
                                prop_assert_eq!(texts.bytes(), bytes);
                                texts.into_iter().collect()
                            }
                        };
                        let expected: Vec<String> = list.drain(..).map(|(_, text)| text).collect();
                        prop_assert_eq!(taken, expected);
                    }
                    1 | 2 => {
                        let takes_back = step == 1;
                        let bytes = waiting.leave(owner, takes_back);
                        let known = entered.remove(&owner);
                        let mut expected = 0;
                        for (whose, text) in &mut list {
                            if known && *whose == owner {
                                if takes_back {
                                    expected += std::mem::take(text).len() + ROOM;
                                }
                                // From now on the message has no owner.
                                *whose = u64::MAX;
                            }
                        }
                        list.retain(|(_, text)| !text.is_empty());
                        prop_assert_eq!(bytes, expected);
                    }
                    3 => {
                        if entered.insert(owner) {
                            waiting.enter(owner);
                        }
                    }
                    _ => {
                        let text = format!("{owner} says {number}");
                        waiting.push(owner, text.clone());
                        let whose = if entered.contains(&owner) { owner } else { u64::MAX };
                        list.push((whose, text));
                    }
                }
                prop_assert_eq!(waiting.is_empty(), list.is_empty());
                prop_assert!(waiting.messages.len() <= 2 * list.len());
            }
        }
    }
}
