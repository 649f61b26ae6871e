//! The elements of an array as JSON, many in one chunk.

use std::ops::Range;

use crate::rope::{self, Chunk};

/// Elements of an array as they stand in its JSON, commas between them.
#[derive(Clone, Default)]
pub(super) struct Elements {
    text: Box<str>,
    /// The position in `text` at which each element ends.
    ends: Box<[u32]>,
}

/// A chunk that is being put together.
#[derive(Default)]
struct Parts {
    text: String,
    ends: Vec<u32>,
}

/// Gathers elements into chunks.
#[derive(Default)]
pub(super) struct Gather {
    chunks: Vec<Elements>,
    last: Parts,
}

impl Elements {
    /// The position at which the text of an element begins.
    fn start(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|index| self.ends.get(index));
        before.map_or(0, |end| *end as usize + 1)
    }

    /// The text of these elements; `range` is not empty.
    pub(super) fn text(&self, range: Range<usize>) -> &str {
        let end = self.start(range.end).saturating_sub(1);
        self.text
            .get(self.start(range.start)..end)
            .unwrap_or_default()
    }
}

impl Chunk for Elements {
    fn count(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }

    fn slice(&self, range: Range<usize>) -> Self {
        let mut parts = Parts::default();
        parts.push_part(self, range);
        parts.take_elements()
    }

    fn splice(&mut self, range: Range<usize>, items: Self) {
        *self = self.spliced(range, items);
    }

    fn spliced(&self, range: Range<usize>, items: Self) -> Self {
        let sources = [
            (self, 0..range.start),
            (&items, 0..items.count()),
            (self, range.end..self.count()),
        ];
        // The exact capacity, so that `into` below does not copy the text again.
        let texts = sources.iter().map(|(from, range)| match range.len() {
            0 => 0,
            _ => from.text(range.clone()).len() + 1,
        });
        let mut parts = Parts {
            text: String::with_capacity(texts.sum::<usize>().saturating_sub(1)),
            ends: Vec::with_capacity(self.count() - range.len() + items.count()),
        };
        for (from, range) in sources {
            parts.push_part(from, range);
        }
        Self {
            text: parts.text.into(),
            ends: parts.ends.into(),
        }
    }
}

impl Parts {
    fn push(&mut self, element: &str) {
        self.separate();
        self.text.push_str(element);
        self.end(self.text.len());
    }

    fn push_part(&mut self, from: &Elements, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.separate();
        let (start, at) = (from.start(range.start), self.text.len());
        self.text.push_str(from.text(range.clone()));
        for end in from.ends.get(range).unwrap_or_default() {
            self.end((*end as usize).saturating_sub(start) + at);
        }
    }

    fn separate(&mut self) {
        if !self.ends.is_empty() {
            self.text.push(',');
        }
    }

    /// Notes the position at which an element ends. `u32` is enough: a chunk of more than one element is
    /// short, and no text of JavaScript is longer.
    fn end(&mut self, end: usize) {
        self.ends.push(u32::try_from(end).unwrap_or(u32::MAX));
    }

    fn take_elements(&mut self) -> Elements {
        let elements = Elements {
            text: self.text.as_str().into(),
            ends: self.ends.as_slice().into(),
        };
        self.text.clear();
        self.ends.clear();
        elements
    }
}

impl Gather {
    /// The next element.
    pub(super) fn push(&mut self, element: &str) {
        let Parts { text, ends } = &self.last;
        let full = ends.len() == rope::MAX_ITEMS || text.len() + element.len() > rope::MAX_BYTES;
        if full && !ends.is_empty() {
            self.chunks.push(self.last.take_elements());
        }
        self.last.push(element);
    }

    /// The chunks of all elements since the last call.
    pub(super) fn take_chunks(&mut self) -> Vec<Elements> {
        if !self.last.ends.is_empty() {
            self.chunks.push(self.last.take_elements());
        }
        std::mem::take(&mut self.chunks)
    }
}
