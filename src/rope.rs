//! A sequence of small items in chunks: one allocation for many, and an edit copies one chunk.
//!
//! The chunks are the leaves of a balanced tree. Clones share the subtrees that are the same, so an
//! edit costs the logarithm of the length, whether or not the version before is still held.
//!
//! Architecture invariant: this file is pure; no tokio, no napi, no I/O.
//! `__test__/package/invariants.test.ts` watches it.

use std::ops::Range;
use std::sync::Arc;

/// The most items in a chunk.
pub const MAX_ITEMS: usize = 64;
/// A chunk of this many bytes takes no further item. Edits in place may bring a chunk to twice as
/// many; a single item may be larger.
pub const MAX_BYTES: usize = 4096;

/// Some items, stored together.
pub trait Chunk: Clone + Default {
    /// How many items.
    fn count(&self) -> usize;
    /// How many bytes the items take, without the data that they point to.
    fn bytes(&self) -> usize;
    /// A copy of these items.
    fn slice(&self, range: Range<usize>) -> Self;
    /// Replaces the items in `range` with `items`.
    fn splice(&mut self, range: Range<usize>, items: Self);
    /// A copy in which `items` replace the items in `range`.
    fn spliced(&self, range: Range<usize>, items: Self) -> Self {
        let mut copy = self.clone();
        copy.splice(range, items);
        copy
    }
}

/// A sequence. A clone shares all chunks and costs next to nothing.
#[derive(Clone)]
pub struct Rope<C>(Link<C>);

type Link<C> = Option<Arc<Node<C>>>;

#[derive(Clone)]
enum Node<C> {
    Leaf(C),
    Pair(Pair<C>),
}

/// Two sides whose heights differ by at most one.
#[derive(Clone)]
struct Pair<C> {
    left: Arc<Node<C>>,
    right: Arc<Node<C>>,
    len: usize,
    bytes: usize,
    height: u8,
}

impl<C> Default for Rope<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C: Chunk> Rope<C> {
    /// Bytes that the sequence itself takes for each chunk.
    pub const PER_CHUNK: usize = 2 * size_of::<Node<C>>() + 4 * size_of::<usize>();

    /// A sequence of these chunks, none of them empty.
    pub fn new(chunks: Vec<C>) -> Self {
        let count = chunks.len();
        Self(build(&mut chunks.into_iter(), count))
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.len())
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes of all chunks.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.bytes())
    }

    /// The chunk that holds an item, and the item's index in it.
    pub fn get(&self, mut index: usize) -> Option<(&C, usize)> {
        let mut node = self.0.as_ref()?;
        loop {
            match &**node {
                Node::Leaf(chunk) => return (index < chunk.count()).then_some((chunk, index)),
                Node::Pair(pair) => match index.checked_sub(pair.left.len()) {
                    None => node = &pair.left,
                    Some(rest) => (node, index) = (&pair.right, rest),
                },
            }
        }
    }

    /// The chunks that hold these items, each with the range of its items that belong to them.
    pub fn chunks(&self, range: Range<usize>) -> impl Iterator<Item = (&C, Range<usize>)> {
        let (mut at, end) = (range.start, range.end.min(self.len()));
        std::iter::from_fn(move || {
            let (chunk, first) = self.get(at).filter(|_| at < end)?;
            let last = chunk.count().min(first + end - at);
            at += last - first;
            Some((chunk, first..last))
        })
    }

    /// Replaces the items in `range`, which lies within the sequence, with those of `items`. No chunk
    /// of `items` is empty.
    pub fn splice(&mut self, range: Range<usize>, mut items: Vec<C>) {
        if items.len() <= 1 && self.fits_in_place(&range, items.first()) {
            if let Some(root) = &mut self.0 {
                edit(root, range, items.pop().unwrap_or_default());
            }
            return;
        }
        let (left, rest) = split(self.0.take(), range.start);
        let (_, right) = split(rest, range.len());
        self.0 = concat(concat(left, Self::new(items).0), right);
    }

    /// Whether the edit touches only one chunk, which is neither too large nor too small afterwards.
    fn fits_in_place(&self, range: &Range<usize>, items: Option<&C>) -> bool {
        let (count, bytes) = items.map_or((0, 0), |items| (items.count(), items.bytes()));
        // Items at the very end go into the last chunk.
        let found = match self.get(range.start) {
            None => self.len().checked_sub(1).and_then(|last| self.get(last)),
            found => found,
        };
        let Some((chunk, first)) = found else {
            return false;
        };
        let Some(left) = (chunk.count() - first).checked_sub(range.len()) else {
            return false;
        };
        let len = first + left + count;
        (len == 1 || chunk.bytes() + bytes <= 2 * MAX_BYTES)
            && (1..=MAX_ITEMS).contains(&len)
            && (count >= range.len() || self.stands_alone(chunk, range.start - first, len))
    }

    /// Whether `chunk`, which begins at `start`, would be too large to be joined with a neighbour if it
    /// had `len` items. Its items are taken to be of equal size.
    fn stands_alone(&self, chunk: &C, start: usize, len: usize) -> bool {
        let bytes = chunk.bytes() * len / chunk.count();
        let before = start.checked_sub(1).and_then(|index| self.get(index));
        let after = self.get(start + chunk.count());
        before.into_iter().chain(after).all(|(neighbour, _)| {
            neighbour.count() + len > MAX_ITEMS || neighbour.bytes() + bytes > MAX_BYTES
        })
    }
}

/// An edit of a sequence, from the front to the end.
pub struct Edit<C> {
    rope: Rope<C>,
    /// How many items of the new sequence stand already.
    at: usize,
    /// How many old items from `at` on are dropped. They are removed with the next [`keep`](Self::keep), in
    /// one splice with the items that come there.
    dropped: usize,
}

impl<C: Chunk> Edit<C> {
    /// Begins before the first item.
    pub fn new(rope: Rope<C>) -> Self {
        let (at, dropped) = (0, 0);
        Self { rope, at, dropped }
    }

    /// The next `count` items go.
    pub fn drop(&mut self, count: usize) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// `items` come here, then the next `count` items stay. `None` if the sequence is shorter.
    pub fn keep(&mut self, items: Vec<C>, count: usize) -> Option<()> {
        let end = self.at.checked_add(std::mem::take(&mut self.dropped))?;
        if end > self.rope.len() {
            return None;
        }
        let added: usize = items.iter().map(Chunk::count).sum();
        if added > 0 || end > self.at {
            self.rope.splice(self.at..end, items);
        }
        self.at = (self.at + added).checked_add(count)?;
        (self.at <= self.rope.len()).then_some(())
    }

    /// `items` come at the end, and the edit is done. `None` if old items are left.
    pub fn finish(mut self, items: Vec<C>) -> Option<Rope<C>> {
        self.keep(items, 0)?;
        (self.at == self.rope.len()).then_some(self.rope)
    }
}

impl<C: Chunk> Node<C> {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(chunk) => chunk.count(),
            Self::Pair(pair) => pair.len,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Leaf(chunk) => chunk.bytes(),
            Self::Pair(pair) => pair.bytes,
        }
    }

    fn height(&self) -> u8 {
        match self {
            Self::Leaf(_) => 0,
            Self::Pair(pair) => pair.height,
        }
    }

    fn first(&self) -> &C {
        match self {
            Self::Leaf(chunk) => chunk,
            Self::Pair(pair) => pair.left.first(),
        }
    }

    fn last(&self) -> &C {
        match self {
            Self::Leaf(chunk) => chunk,
            Self::Pair(pair) => pair.right.last(),
        }
    }
}

impl<C: Chunk> Pair<C> {
    fn new(left: Arc<Node<C>>, right: Arc<Node<C>>) -> Self {
        Self {
            len: left.len() + right.len(),
            bytes: left.bytes() + right.bytes(),
            height: 1 + left.height().max(right.height()),
            left,
            right,
        }
    }
}

fn leaf<C>(chunk: C) -> Arc<Node<C>> {
    Arc::new(Node::Leaf(chunk))
}

fn pair<C: Chunk>(left: Arc<Node<C>>, right: Arc<Node<C>>) -> Arc<Node<C>> {
    Arc::new(Node::Pair(Pair::new(left, right)))
}

fn build<C: Chunk>(chunks: &mut impl Iterator<Item = C>, count: usize) -> Link<C> {
    if count <= 1 {
        return chunks.next().filter(|_| count == 1).map(leaf);
    }
    let left = build(chunks, count / 2);
    join(left, build(chunks, count - count / 2))
}

/// Replaces the items in `range`, which all stand in one chunk, in place.
fn edit<C: Chunk>(node: &mut Arc<Node<C>>, range: Range<usize>, items: C) {
    if let Node::Leaf(chunk) = &**node
        && Arc::strong_count(node) > 1
    {
        *node = leaf(chunk.spliced(range, items));
        return;
    }
    match Arc::make_mut(node) {
        Node::Leaf(chunk) => chunk.splice(range, items),
        Node::Pair(pair) => {
            match range.start.checked_sub(pair.left.len()) {
                None => edit(&mut pair.left, range, items),
                Some(start) => edit(&mut pair.right, start..start + range.len(), items),
            }
            pair.len = pair.left.len() + pair.right.len();
            pair.bytes = pair.left.bytes() + pair.right.bytes();
        }
    }
}

fn split<C: Chunk>(link: Link<C>, at: usize) -> (Link<C>, Link<C>) {
    let Some(node) = link else {
        return (None, None);
    };
    if at == 0 {
        return (None, Some(node));
    }
    if at >= node.len() {
        return (Some(node), None);
    }
    match Arc::unwrap_or_clone(node) {
        Node::Leaf(mut chunk) => {
            let len = chunk.count();
            let right = chunk.slice(at..len);
            chunk.splice(at..len, C::default());
            (Some(leaf(chunk)), Some(leaf(right)))
        }
        Node::Pair(Pair { left, right, .. }) => match at.checked_sub(left.len()) {
            None => {
                let (before, after) = split(Some(left), at);
                (before, join(after, Some(right)))
            }
            Some(at) => {
                let (before, after) = split(Some(right), at);
                (join(Some(left), before), after)
            }
        },
    }
}

/// Both, one after the other, balanced. If the two chunks that meet fit into one chunk, they become
/// one, so that any two neighbours together are more than one chunk can hold.
fn concat<C: Chunk>(left: Link<C>, right: Link<C>) -> Link<C> {
    let (Some(before), Some(after)) = (&left, &right) else {
        return left.or(right);
    };
    let (last, first) = (before.last(), after.first());
    let (before, after) = (before.len() - last.count(), first.count());
    if last.count() + first.count() > MAX_ITEMS || last.bytes() + first.bytes() > MAX_BYTES {
        return join(left, right);
    }
    let mut both = last.clone();
    both.splice(last.count()..last.count(), first.clone());
    let (left, _) = split(left, before);
    let (_, right) = split(right, after);
    concat(concat(left, Some(leaf(both))), right)
}

/// Both, one after the other, balanced.
fn join<C: Chunk>(left: Link<C>, right: Link<C>) -> Link<C> {
    match (left, right) {
        (Some(left), Some(right)) => Some(join_nodes(left, right)),
        (left, right) => left.or(right),
    }
}

fn join_nodes<C: Chunk>(left: Arc<Node<C>>, right: Arc<Node<C>>) -> Arc<Node<C>> {
    if left.height() > right.height() + 1
        && let Node::Pair(Pair {
            left,
            right: middle,
            ..
        }) = &*left
    {
        return balanced(left.clone(), join_nodes(middle.clone(), right));
    }
    if right.height() > left.height() + 1
        && let Node::Pair(Pair {
            left: middle,
            right,
            ..
        }) = &*right
    {
        return balanced(join_nodes(left, middle.clone()), right.clone());
    }
    pair(left, right)
}

/// A pair of two whose heights differ by at most two.
fn balanced<C: Chunk>(left: Arc<Node<C>>, right: Arc<Node<C>>) -> Arc<Node<C>> {
    if right.height() > left.height() + 1
        && let Node::Pair(Pair {
            left: inner,
            right: outer,
            ..
        }) = &*right
    {
        if inner.height() > outer.height()
            && let Node::Pair(inner) = &**inner
        {
            let left = pair(left, inner.left.clone());
            return pair(left, pair(inner.right.clone(), outer.clone()));
        }
        return pair(pair(left, inner.clone()), outer.clone());
    }
    if left.height() > right.height() + 1
        && let Node::Pair(Pair {
            left: outer,
            right: inner,
            ..
        }) = &*left
    {
        if inner.height() > outer.height()
            && let Node::Pair(inner) = &**inner
        {
            let left = pair(outer.clone(), inner.left.clone());
            return pair(left, pair(inner.right.clone(), right));
        }
        return pair(outer.clone(), pair(inner.clone(), right));
    }
    pair(left, right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers; each counts as many bytes as its value.
    #[derive(Clone, Default, Debug)]
    struct Numbers(Vec<usize>);

    impl Chunk for Numbers {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn bytes(&self) -> usize {
            self.0.iter().sum()
        }

        fn slice(&self, range: Range<usize>) -> Self {
            Self(self.0[range].to_vec())
        }

        fn splice(&mut self, range: Range<usize>, items: Self) {
            self.0.splice(range, items.0);
        }
    }

    fn chunks(numbers: &[usize]) -> Vec<Numbers> {
        numbers
            .chunks(MAX_ITEMS)
            .map(|part| Numbers(part.to_vec()))
            .collect()
    }

    fn numbers(rope: &Rope<Numbers>) -> Vec<usize> {
        let parts = rope.chunks(0..rope.len());
        parts
            .flat_map(|(chunk, range)| chunk.0[range].to_vec())
            .collect()
    }

    /// Checks heights and sums below `node`, and gathers the sizes of its chunks.
    fn check(node: &Node<Numbers>, leaves: &mut Vec<(usize, usize)>) {
        match node {
            Node::Leaf(chunk) => {
                assert!((1..=MAX_ITEMS).contains(&chunk.count()));
                leaves.push((chunk.count(), chunk.bytes()));
            }
            Node::Pair(pair) => {
                check(&pair.left, leaves);
                check(&pair.right, leaves);
                assert!(pair.left.height().abs_diff(pair.right.height()) <= 1);
                assert_eq!(pair.len, pair.left.len() + pair.right.len());
                assert_eq!(pair.bytes, pair.left.bytes() + pair.right.bytes());
                assert_eq!(pair.height, 1 + pair.left.height().max(pair.right.height()));
            }
        }
    }

    proptest! {
        #[test]
        fn edits_are_those_of_a_vector_and_leave_the_version_before_alone(
            start in prop::collection::vec(0usize..60, 0..900),
            edits in prop::collection::vec(
                (0.0..1.0, prop_oneof![0usize..3, 0usize..300], prop_oneof![0usize..3, 0usize..300], 0usize..3000),
                0..40,
            ),
        ) {
            let mut rope = Rope::new(chunks(&start));
            let mut vector = start;
            for (at, count, added, size) in edits {
                let at = (at * (vector.len() + 1) as f64) as usize;
                let end = (at + count).min(vector.len());
                let items: Vec<usize> = (0..added).map(|item| item % 7 + size).collect();
                let (before, was) = (rope.clone(), vector.clone());
                rope.splice(at..end, chunks(&items));
                vector.splice(at..end, items);
                prop_assert_eq!(numbers(&rope), vector.clone());
                prop_assert_eq!(numbers(&before), was);
                prop_assert_eq!(rope.len(), vector.len());
                let mut leaves = Vec::new();
                rope.0.iter().for_each(|root| check(root, &mut leaves));
            }
        }

        /// A sequence stays in few chunks, however often it is edited.
        #[test]
        fn chunks_stay_full(
            size in prop_oneof![Just(1usize), Just(600)],
            edits in prop::collection::vec((0.0..1.0, any::<bool>()), 0..2000),
        ) {
            let most = (MAX_BYTES / size).min(MAX_ITEMS);
            let start = [size; 2000];
            let start = start.chunks(most).map(|part| Numbers(part.to_vec()));
            let mut rope = Rope::new(start.collect());
            for (at, insert) in edits {
                let at = (at * rope.len() as f64) as usize;
                match insert {
                    true => rope.splice(at..at, chunks(&[size])),
                    false => rope.splice(at..at + 1, vec![]),
                }
            }
            let mut leaves = Vec::new();
            rope.0.iter().for_each(|root| check(root, &mut leaves));
            prop_assert!(leaves.len() <= 4 * rope.len() / most + 2, "{} in {}", rope.len(), leaves.len());
        }

        /// Rows come at one end and go at the other.
        #[test]
        fn chunks_stay_full_where_one_end_grows(len in 1usize..300, turns in 0usize..2000) {
            let mut rope = Rope::new(chunks(&vec![1; len]));
            for _ in 0..turns {
                rope.splice(0..0, chunks(&[1]));
                rope.splice(len..len + 1, vec![]);
            }
            let mut leaves = Vec::new();
            rope.0.iter().for_each(|root| check(root, &mut leaves));
            prop_assert!(leaves.len() <= 2 * len / MAX_ITEMS + 2, "{len} in {}", leaves.len());
        }
    }
}
