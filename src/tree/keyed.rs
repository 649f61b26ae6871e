//! How one keyed list becomes the next: which rows stay, move, change, come and go.

use std::ops::Range;

/// One step from the old rows to the new ones. Steps walk through both lists from the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next so many old rows stand here, unchanged.
    Keep(usize),
    /// The next so many old rows do not stand here: they are removed, moved or changed.
    Drop(usize),
    /// The dropped row with this old index stands here, unchanged.
    Move(usize),
    /// A rendered row stands here, with this hash of its key: a new row, or a dropped one that
    /// changed.
    Row(u64),
}

/// The source of a run of new rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Old rows, unchanged and in their old order.
    Old(Range<usize>),
    /// A rendered row that has the key of an old one.
    Changed {
        /// The old row's index.
        old: usize,
        /// The index among the rendered rows.
        row: usize,
    },
    /// A rendered row whose key no old row has.
    New {
        /// The index among the rendered rows.
        row: usize,
    },
}

impl Source {
    /// How many rows the run has.
    pub fn rows(&self) -> usize {
        match self {
            Self::Old(range) => range.len(),
            Self::Changed { .. } | Self::New { .. } => 1,
        }
    }

    fn old(&self) -> Option<Range<usize>> {
        match self {
            Self::Old(range) => Some(range.clone()),
            Self::Changed { old, .. } => Some(*old..*old + 1),
            Self::New { .. } => None,
        }
    }
}

/// The edit of a list. Its size, and the work to make it, grow with the number of steps: rows that
/// are kept are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The new list, as runs.
    pub order: Vec<Source>,
    /// Ranges of old rows that are removed: ascending, with rows between any two of them.
    pub removed: Vec<Range<usize>>,
    /// Old and new index of each row that is moved, ascending by new index. All other old rows keep
    /// their order among each other; the fewest possible rows are moved.
    pub moved: Vec<(usize, usize)>,
    /// How long the new list is.
    pub len: usize,
}

/// Works out an edit.
///
/// There are `len` old rows; `key` gives the hash of an old row's key, and `fits(old, row)` says
/// whether the rendered row can be sent as a change of the old row of the same key, which needs the
/// same template. `None` if the steps do not add up to the old list, move a row that was not
/// dropped, or move a row twice.
pub fn plan(
    steps: &[Step],
    len: usize,
    key: impl Fn(usize) -> Option<u64>,
    fits: impl Fn(usize, usize) -> bool,
) -> Option<Plan> {
    let dropped = dropped(steps, len)?;
    let mut by_key = Vec::new();
    if steps.iter().any(|step| matches!(step, Step::Row(_))) {
        for old in dropped.iter().cloned().flatten() {
            by_key.push((key(old)?, Some(old)));
        }
        // Of rows with equal keys the first one is found.
        by_key.sort_unstable();
        by_key.dedup_by_key(|(key, _)| *key);
    }
    // Finds the dropped row of this key and takes it out, so that no row is used twice.
    let take_dropped =
        |by_key: &mut Vec<(u64, Option<usize>)>, key, fits: &dyn Fn(usize) -> bool| {
            let place = by_key.binary_search_by_key(&key, |(key, _)| *key).ok()?;
            by_key.get_mut(place)?.1.take_if(|old| fits(*old))
        };
    let mut order: Vec<Source> = Vec::new();
    let mut taken: Vec<usize> = Vec::new();
    let (mut at, mut row) = (0, 0);
    // Moved rows are taken first, so that no rendered row is matched with one of them.
    for step in steps {
        if let Step::Move(old) = step {
            let range = dropped.partition_point(|range| range.end <= *old);
            if !dropped.get(range).is_some_and(|range| range.contains(old)) {
                return None;
            }
            take_dropped(&mut by_key, key(*old)?, &|found| found == *old);
            taken.push(*old);
        }
    }
    for step in steps {
        match step {
            Step::Keep(count) => push_old(&mut order, at..at + count),
            Step::Move(old) => push_old(&mut order, *old..*old + 1),
            Step::Drop(_) => {}
            Step::Row(key) => {
                if let Some(old) = take_dropped(&mut by_key, *key, &|old| fits(old, row)) {
                    taken.push(old);
                    order.push(Source::Changed { old, row });
                } else {
                    order.push(Source::New { row });
                }
                row += 1;
            }
        }
        if let Step::Keep(count) | Step::Drop(count) = step {
            at += count;
        }
    }
    taken.sort_unstable();
    if taken.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let removed = without(&dropped, &taken);
    let moved = moves(&order);
    let len = order.iter().map(Source::rows).sum();
    Some(Plan {
        order,
        removed,
        moved,
        len,
    })
}

/// The old rows that the steps drop; `None` if they do not add up to all `len` rows.
fn dropped(steps: &[Step], len: usize) -> Option<Vec<Range<usize>>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut at = 0usize;
    for step in steps {
        match step {
            Step::Keep(count) => at = at.checked_add(*count)?,
            Step::Drop(count) => {
                let end = at.checked_add(*count)?;
                match ranges.last_mut() {
                    Some(last) if last.end == at => last.end = end,
                    _ if *count > 0 => ranges.push(at..end),
                    _ => {}
                }
                at = end;
            }
            Step::Move(_) | Step::Row(_) => {}
        }
        if at > len {
            return None;
        }
    }
    (at == len).then_some(ranges)
}

fn push_old(order: &mut Vec<Source>, rows: Range<usize>) {
    match order.last_mut() {
        Some(Source::Old(last)) if last.end == rows.start => last.end = rows.end,
        _ if !rows.is_empty() => order.push(Source::Old(rows)),
        _ => {}
    }
}

/// `ranges` without the indices in `taken`; both ascending.
fn without(ranges: &[Range<usize>], taken: &[usize]) -> Vec<Range<usize>> {
    let mut rest = Vec::new();
    let mut taken = taken.iter().copied().peekable();
    for range in ranges {
        let mut start = range.start;
        while let Some(index) = taken.next_if(|index| *index < range.end) {
            if index > start {
                rest.push(start..index);
            }
            start = index + 1;
        }
        if start < range.end {
            rest.push(start..range.end);
        }
    }
    rest
}

/// The rows that are moved: all old rows except those of the heaviest increasing subsequence of
/// runs. The weight of a run is its number of rows.
fn moves(order: &[Source]) -> Vec<(usize, usize)> {
    let stay = heaviest_increasing(order);
    let mut moved = Vec::new();
    let mut to = 0;
    for (source, stays) in order.iter().zip(stay) {
        if let (Some(rows), false) = (source.old(), stays) {
            moved.extend(rows.zip(to..));
        }
        to += source.rows();
    }
    moved
}

/// For each source: whether it belongs to the heaviest subsequence of ascending old rows.
///
/// A Fenwick tree over the runs' ranks holds the heaviest chain that ends at or below each rank, so
/// n runs take n log n steps.
fn heaviest_increasing(order: &[Source]) -> Vec<bool> {
    let mut starts: Vec<usize> = order
        .iter()
        .filter_map(|source| Some(source.old()?.start))
        .collect();
    if starts.is_sorted() {
        return vec![true; order.len()];
    }
    starts.sort_unstable();
    // The Fenwick tree. A chain is its weight and the index of its last source.
    let mut best: Vec<(usize, Option<usize>)> = vec![(0, None); starts.len() + 1];
    let mut before: Vec<Option<usize>> = vec![None; order.len()];
    let mut heaviest = (0, None);
    for (index, source) in order.iter().enumerate() {
        let Some(rows) = source.old() else { continue };
        let rank = starts.partition_point(|start| *start < rows.start);
        let mut chain = (0, None);
        let mut node = rank;
        while node > 0 {
            chain = chain.max(best[node]);
            node &= node - 1;
        }
        before[index] = chain.1;
        let longer = (chain.0 + rows.len(), Some(index));
        let mut node = rank + 1;
        while node < best.len() {
            best[node] = best[node].max(longer);
            node += node & node.wrapping_neg();
        }
        heaviest = heaviest.max(longer);
    }
    let mut stay = vec![false; order.len()];
    let mut at = heaviest.1;
    while let Some(index) = at {
        stay[index] = true;
        at = before[index];
    }
    stay
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(steps: &[Step], keys: &[u64], fits: impl Fn(usize, usize) -> bool) -> Option<Plan> {
        super::plan(steps, keys.len(), |old| keys.get(old).copied(), fits)
    }

    fn all(keys: &[u64]) -> Vec<Step> {
        keys.iter().map(|key| Step::Row(*key)).collect()
    }

    /// The plan if every row was rendered.
    fn full(old: &[u64], new: &[u64]) -> Plan {
        let mut steps = vec![Step::Drop(old.len())];
        steps.extend(all(new));
        plan(&steps, old, |_, _| true).unwrap()
    }

    /// The client's part of the edit, done to keys instead of rows.
    fn apply(plan: &Plan, old: &[u64], rows: &[u64]) -> Vec<u64> {
        let mut gone = vec![false; old.len()];
        plan.removed
            .iter()
            .cloned()
            .flatten()
            .for_each(|index| gone[index] = true);
        plan.moved.iter().for_each(|(from, _)| gone[*from] = true);
        let mut list: Vec<u64> = (0..old.len())
            .filter(|index| !gone[*index])
            .map(|index| old[index])
            .collect();
        let mut placed: Vec<(usize, u64)> = plan
            .moved
            .iter()
            .map(|(from, to)| (*to, old[*from]))
            .collect();
        let mut to = 0;
        for source in &plan.order {
            if let Source::New { row } = source {
                placed.push((to, rows[*row]));
            }
            to += source.rows();
        }
        placed.sort_unstable();
        for (to, key) in placed {
            list.insert(to, key);
        }
        list
    }

    #[test]
    fn one_in_at_the_front_and_one_out_at_the_end_moves_nothing() {
        let old: Vec<u64> = (0..100).collect();
        let steps = [Step::Row(1000), Step::Keep(99), Step::Drop(1)];
        let plan = plan(&steps, &old, |_, _| true).unwrap();
        assert_eq!(plan.order, [Source::New { row: 0 }, Source::Old(0..99)]);
        assert_eq!(
            (plan.removed, plan.moved, plan.len),
            (vec![99..100], vec![], 100)
        );
    }

    #[test]
    fn a_row_of_the_same_key_changed() {
        let steps = [Step::Keep(1), Step::Drop(1), Step::Row(11), Step::Keep(1)];
        let plan = plan(&steps, &[10, 11, 12], |_, _| true).unwrap();
        let changed = Source::Changed { old: 1, row: 0 };
        assert_eq!(plan.order, [Source::Old(0..1), changed, Source::Old(2..3)]);
        assert!(plan.removed.is_empty() && plan.moved.is_empty());
    }

    #[test]
    fn a_row_of_another_template_is_replaced() {
        let steps = [Step::Drop(1), Step::Row(10)];
        let plan = plan(&steps, &[10], |_, _| false).unwrap();
        assert_eq!(plan.order, [Source::New { row: 0 }]);
        assert_eq!(plan.removed, [0..1]);
    }

    #[test]
    fn a_swap_moves_two_rows_and_a_rotation_one() {
        assert_eq!(full(&[1, 2, 3, 4], &[1, 3, 2, 4]).moved.len(), 1);
        assert_eq!(full(&[1, 2, 3, 4], &[4, 2, 3, 1]).moved.len(), 2);
        assert_eq!(full(&[1, 2, 3, 4], &[4, 1, 2, 3]).moved, [(3, 0)]);
        assert_eq!(full(&[1, 2, 3, 4], &[2, 3, 4, 1]).moved, [(0, 3)]);
    }

    #[test]
    fn a_long_run_stays_and_a_short_one_moves() {
        let old: Vec<u64> = (0..10).collect();
        let steps = [Step::Drop(2), Step::Keep(8), Step::Move(0), Step::Move(1)];
        let plan = plan(&steps, &old, |_, _| true).unwrap();
        assert_eq!(plan.moved, [(0, 8), (1, 9)]);
    }

    #[test]
    fn steps_that_do_not_fit_the_old_list_are_refused() {
        for steps in [
            &[Step::Keep(3)][..],
            &[Step::Keep(1)],
            &[Step::Drop(usize::MAX), Step::Drop(2)],
            &[Step::Keep(2), Step::Move(0)],
            &[Step::Drop(2), Step::Move(5)],
            &[Step::Drop(2), Step::Move(0), Step::Move(0)],
        ] {
            assert_eq!(plan(steps, &[1, 2], |_, _| true), None, "{steps:?}");
        }
    }

    proptest! {
        #[test]
        fn the_edit_gives_the_new_list_with_as_few_moves_as_can_be(
            old in prop::collection::hash_set(0u64..30, 0..20),
            new in prop::collection::hash_set(0u64..30, 0..20),
        ) {
            let (old, new): (Vec<u64>, Vec<u64>) = (old.into_iter().collect(), new.into_iter().collect());
            let plan = full(&old, &new);
            prop_assert_eq!(apply(&plan, &old, &new), new.clone());
            let common: Vec<usize> = new.iter().filter_map(|key| old.iter().position(|it| it == key)).collect();
            prop_assert_eq!(plan.moved.len(), common.len() - longest_increasing(&common));
            let removed: usize = plan.removed.iter().map(|range| range.len()).sum();
            prop_assert_eq!(removed, old.len() - common.len());
        }

        /// However JavaScript found out which rows stayed, the result is the same list.
        #[test]
        fn kept_runs_and_moved_rows_give_the_same_list(
            len in 0usize..20,
            cuts in prop::collection::vec((0usize..20, 0usize..20), 0..6),
        ) {
            let old: Vec<u64> = (0..len as u64).collect();
            let mut new = old.clone();
            for (from, to) in cuts {
                if from < new.len() {
                    let row = new.remove(from);
                    new.insert(to.min(new.len()), row);
                }
            }
            // Keeps the rows at the front that both lists share; the others are moved or rendered.
            let front = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
            let mut steps = vec![Step::Keep(front), Step::Drop(len - front)];
            steps.extend(new[front..].iter().map(|key| Step::Move(*key as usize)));
            let plan = plan(&steps, &old, |_, _| true).unwrap();
            prop_assert_eq!(apply(&plan, &old, &[]), new.clone());
            prop_assert_eq!(plan.moved.len(), full(&old, &new).moved.len());
        }
    }

    fn longest_increasing(list: &[usize]) -> usize {
        let mut tails: Vec<usize> = Vec::new();
        for item in list {
            let at = tails.partition_point(|tail| tail < item);
            match tails.get_mut(at) {
                Some(tail) => *tail = *item,
                None => tails.push(*item),
            }
        }
        tails.len()
    }
}
