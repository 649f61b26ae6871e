//! The keys of a chunk's rows, as hashes. Most rows also show their key as a text; then no hash is
//! kept, as the hash can be made again from the text.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::packed::{PackedSlot, slots};

/// The hash of a row's key. Two different keys have the same hash with a chance of 2⁻⁶⁴.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The keys of some rows.
#[derive(Clone, Default)]
pub(super) enum Keys {
    /// The list is not keyed.
    #[default]
    None,
    /// The key of each row is the text that the row shows in the slot of this index.
    Shown(usize),
    /// The hash of each row's key, in the order of the rows.
    Hashes(Box<[u64]>),
}

impl Keys {
    /// Keeps these `hashes`: one for each of the `rows`' packed leaves, or no hashes at all.
    pub(super) fn new<'a>(hashes: &[u64], mut rows: impl Iterator<Item = &'a str> + Clone) -> Self {
        let Some((first, packed)) = hashes.first().zip(rows.clone().next()) else {
            return Self::None;
        };
        let found = slots(packed).position(|slot| shown(slot) == Some(*first));
        match found.map(Self::Shown) {
            Some(keys)
                if hashes
                    .iter()
                    .all(|key| keys.get(0, rows.next().unwrap_or_default()) == Some(*key)) =>
            {
                keys
            }
            _ => Self::Hashes(hashes.into()),
        }
    }

    /// The hash of the key of the row at `index`, whose packed leaves are `row`.
    pub(super) fn get(&self, index: usize, row: &str) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Shown(slot) => slots(row).nth(*slot).and_then(shown),
            Self::Hashes(hashes) => hashes.get(index).copied(),
        }
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Hashes(hashes) => size_of_val(&**hashes),
            Self::None | Self::Shown(_) => 0,
        }
    }
}

/// The hash of the text that a row shows in this slot.
fn shown(slot: PackedSlot<'_>) -> Option<u64> {
    match slot {
        PackedSlot::Leaf(leaf) => Some(hash(leaf.text)),
        PackedSlot::Branch | PackedSlot::Same => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::text_tree;
    use crate::tree::{List, LiveTree};

    fn rows(prefix: &str) -> impl Iterator<Item = LiveTree> {
        let row = move |row| text_tree(&["<i id=", ">", "</i>"], &["x", &format!("{prefix}{row}")]);
        (0..1000).map(row)
    }

    #[test]
    fn a_key_that_its_row_shows_takes_no_memory() {
        let keys: Vec<u64> = (0..1000).map(|row| hash(&format!("k{row}"))).collect();
        let unkeyed = List::new(rows("k"), None).heap();
        let shown = List::new(rows("k"), Some(&keys));
        assert_eq!(shown.heap(), unkeyed);
        let hidden = List::new(rows("h"), Some(&keys));
        assert_eq!(hidden.heap(), unkeyed + 8 * keys.len());
        for list in [shown, hidden] {
            assert!((0..1000).all(|row| list.key(row) == Some(keys[row])));
        }
    }
}
