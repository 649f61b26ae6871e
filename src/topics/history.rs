//! The bounded history of one topic. Pure: epochs and times come from the caller.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Batch, Epoch, Message, Most, Position};

/// Bounds of one history. The newest message stays although it exceeds `bytes` alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How many messages are kept.
    pub(super) messages: usize,
    /// The weight of all messages that are kept.
    pub(super) bytes: usize,
    /// How long a message is kept.
    pub(super) time: Duration,
}

struct Kept {
    message: Arc<Message>,
    at: Instant,
}

/// The newest messages of a topic, and the number of the last one. The numbers of the messages that are
/// kept have no gaps, and the newest is `last`; expiry never changes `last`.
pub(super) struct History {
    epoch: Epoch,
    /// The number of the message that was published last; 0 before the first one.
    last: u64,
    kept: VecDeque<Kept>,
    /// The weight of `kept`.
    bytes: usize,
}

impl History {
    /// The history of a topic that begins.
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: 0,
            kept: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Begins anew after this position: the history of a topic that is kept elsewhere.
    pub(super) fn restart(&mut self, after: Position) {
        *self = Self {
            last: after.number,
            ..Self::new(after.epoch)
        };
    }

    fn at(&self, number: u64) -> Position {
        Position {
            epoch: self.epoch,
            number,
        }
    }

    /// The position of the message that was published last.
    pub(super) fn now(&self) -> Position {
        self.at(self.last)
    }

    /// The position that the next message will have.
    pub(super) fn next(&self) -> Position {
        self.at(self.last + 1)
    }

    /// The position just before the oldest message that is kept.
    pub(super) fn oldest(&self) -> Position {
        self.at(self.last - self.kept.len() as u64)
    }

    /// The weight of all messages that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no message is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Adds a message, which gets the position [`next`](Self::next), and drops messages beyond the bounds.
    pub(super) fn append(
        &mut self,
        id: Option<&str>,
        data: Arc<str>,
        now: Instant,
        bounds: Bounds,
    ) {
        let message = Arc::new(Message::new(id, data, self.next()));
        self.last += 1;
        self.bytes += message.weight();
        self.kept.push_back(Kept { message, at: now });
        while self.kept.len() > 1
            && (self.kept.len() > bounds.messages || self.bytes > bounds.bytes)
        {
            self.drop_oldest();
        }
        self.expire(now, bounds.time);
    }

    /// Drops the oldest message that is kept.
    pub(super) fn drop_oldest(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.bytes -= kept.message.weight();
        }
        if self.kept.is_empty() {
            // A topic that is silent does not hold the space of its busiest minute.
            self.kept = VecDeque::new();
        }
    }

    /// Drops the messages that are `time` old.
    pub(super) fn expire(&mut self, now: Instant, time: Duration) {
        while let Some(oldest) = self.kept.front()
            && now.saturating_duration_since(oldest.at) >= time
        {
            self.drop_oldest();
        }
    }

    /// When the oldest message will be `time` old; `None` if no message is kept, or never.
    pub(super) fn due(&self, time: Duration) -> Option<Instant> {
        self.kept.front()?.at.checked_add(time)
    }

    /// The messages after a position: all, or the first ones, as `most` says; or a gap.
    pub(super) fn after(&self, from: Position, most: Most) -> Batch {
        let from = match from {
            Position::BEGINNING => self.at(0),
            from => from,
        };
        let is_kept = self.oldest().number..=self.last;
        if from.epoch != self.epoch || !is_kept.contains(&from.number) {
            return Batch {
                gap: true,
                messages: Vec::new(),
                position: self.now(),
                more: false,
            };
        }
        let missing = (self.last - from.number) as usize;
        let skipped = self.kept.len() - missing;
        let mut messages = Vec::with_capacity(missing.min(most.messages.max(1)));
        let mut bytes = 0_usize;
        for Kept { message, .. } in self.kept.range(skipped..) {
            bytes = bytes.saturating_add(message.data.len());
            let is_full = messages.len() >= most.messages || bytes > most.bytes;
            if is_full && !messages.is_empty() {
                break;
            }
            messages.push(message.clone());
        }
        let position = self.at(from.number + messages.len() as u64);
        Batch {
            gap: false,
            more: position.number < self.last,
            messages,
            position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        messages: 4,
        bytes: 10_000,
        time: Duration::from_secs(60),
    };
    const ALL: Most = Most {
        messages: 100,
        bytes: 100_000,
    };

    fn published(history: &mut History, count: usize, size: usize, now: Instant) {
        for _ in 0..count {
            history.append(None, "x".repeat(size).into(), now, BOUNDS);
        }
    }

    /// Numbers of the messages after `number`, or `None` for a gap.
    fn after(history: &History, number: u64, most: Most) -> Option<Vec<u64>> {
        let batch = history.after(history.at(number), most);
        let numbers = batch.messages.iter().map(|message| message.position.number);
        (!batch.gap).then(|| numbers.collect())
    }

    #[test]
    fn messages_are_counted_from_one_and_read_after_a_position() {
        let mut history = History::new(Epoch::of(1));
        assert_eq!((history.now().number, history.oldest().number), (0, 0));
        assert_eq!(after(&history, 0, ALL), Some(vec![]));
        published(&mut history, 3, 1, Instant::now());
        assert_eq!(after(&history, 0, ALL), Some(vec![1, 2, 3]));
        assert_eq!(after(&history, 2, ALL), Some(vec![3]));
        assert_eq!(after(&history, 3, ALL), Some(vec![]));
    }

    #[test]
    fn what_the_history_does_not_reach_is_a_gap() {
        let mut history = History::new(Epoch::of(1));
        published(&mut history, 6, 1, Instant::now());
        assert_eq!(history.oldest().number, 2);
        assert_eq!(after(&history, 2, ALL), Some(vec![3, 4, 5, 6]));
        assert_eq!(after(&history, 1, ALL), None);
        // A position that the topic has not come to yet.
        assert_eq!(after(&history, 7, ALL), None);
        let (epoch, number) = (Epoch::of(2), 4);
        let batch = history.after(Position { epoch, number }, ALL);
        assert!(batch.gap && batch.messages.is_empty() && !batch.more);
        assert_eq!(batch.position, history.now());
    }

    #[test]
    fn the_beginning_is_before_all_that_was_published() {
        let mut history = History::new(Epoch::of(1));
        let all = |history: &History| history.after(Position::BEGINNING, ALL);
        assert_eq!(all(&history).position, history.now());
        published(&mut history, 4, 1, Instant::now());
        let batch = all(&history);
        assert_eq!((batch.gap, batch.messages.len()), (false, 4));
        assert_eq!(batch.position, history.now());
        published(&mut history, 1, 1, Instant::now());
        assert!(all(&history).gap);
    }

    #[test]
    fn a_batch_is_bounded_and_has_one_message_at_least() {
        let mut history = History::new(Epoch::of(1));
        published(&mut history, 4, 10, Instant::now());
        let read = |messages, bytes| {
            let batch = history.after(history.at(0), Most { messages, bytes });
            (batch.messages.len(), batch.position.number, batch.more)
        };
        assert_eq!(read(3, 1000), (3, 3, true));
        assert_eq!(read(4, 1000), (4, 4, false));
        assert_eq!(read(100, 20), (2, 2, true));
        assert_eq!(read(100, 29), (2, 2, true));
        assert_eq!(read(0, 0), (1, 1, true));
    }

    #[test]
    fn a_history_is_bounded_by_bytes_and_keeps_the_newest() {
        let mut history = History::new(Epoch::of(1));
        published(&mut history, 4, 4000, Instant::now());
        assert_eq!(history.oldest().number, 2);
        assert!(history.bytes() <= 10_000);
        published(&mut history, 1, 20_000, Instant::now());
        assert_eq!((history.oldest().number, history.now().number), (4, 5));
        published(&mut history, 1, 1, Instant::now());
        assert_eq!((history.oldest().number, history.now().number), (5, 6));
        assert!(history.bytes() < 300);
    }

    #[test]
    fn expiry_keeps_the_number() {
        let mut history = History::new(Epoch::of(1));
        let start = Instant::now();
        published(&mut history, 1, 1, start);
        published(&mut history, 1, 1, start + Duration::from_secs(30));
        assert_eq!(history.due(BOUNDS.time), Some(start + BOUNDS.time));
        history.expire(start + Duration::from_secs(59), BOUNDS.time);
        assert_eq!(history.oldest().number, 0);
        history.expire(start + BOUNDS.time, BOUNDS.time);
        assert_eq!(after(&history, 1, ALL), Some(vec![2]));
        history.expire(start + Duration::from_secs(90), BOUNDS.time);
        assert!(history.is_empty() && history.bytes() == 0);
        assert_eq!(history.due(BOUNDS.time), None);
        // A subscriber that has seen everything has missed nothing.
        assert_eq!(after(&history, 2, ALL), Some(vec![]));
        assert_eq!(after(&history, 1, ALL), None);
        assert_eq!(history.next().number, 3);
        // Publishing a message drops the messages that have expired.
        published(&mut history, 1, 1, start);
        published(&mut history, 1, 1, start + BOUNDS.time);
        assert_eq!(history.oldest().number, 3);
    }
}
