//! The state machine's map: a B+ tree of byte strings.
//!
//! Each replica applies every op to a map of its own and dumps it in order. A node has up to 32
//! entries side by side, with short keys and values stored inline, so that searches and dumps cause
//! few cache misses.

use std::{fmt, hint, mem, slice};

use crate::byte_string::ByteString;

/// The greatest number of entries in a node.
const NODE_MAX: usize = 32;
/// A node below the root with fewer entries is underfull, and is merged with a sibling.
const NODE_MIN: usize = NODE_MAX / 4;
/// Siblings with at most this many entries together become one node. It is below [`NODE_MAX`], so
/// that the next insertion does not split the node again.
const MERGE_MAX: usize = NODE_MAX * 3 / 4;

/// A map from byte strings to byte strings, in the order of section 1: by unsigned bytes, a proper
/// prefix first.
#[derive(Clone, Default)]
pub(crate) struct OrderedMap {
    root: Tree,
    len: usize,
    byte_count: usize,
}

/// An empty tree, or one whose leaves are all at the same depth.
#[derive(Clone, Default)]
enum Tree {
    #[default]
    Empty,
    Leaf(Box<Node<ByteString>>),
    /// A child holds the keys from its own up to the next child's; the first child also those
    /// before its own.
    Inner(Box<Node<Tree>>),
}

/// Ascending keys, each beside an item: a value in a leaf, a child in an inner node. The elements
/// after the first `len` hold default values.
#[derive(Clone, Default)]
struct Node<T> {
    len: usize,
    entries: [(ByteString, T); NODE_MAX],
}

/// A new node for the upper entries of one that has too many, and its first key.
type Upper<T> = Option<(ByteString, T)>;

impl OrderedMap {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the sum of the lengths of all keys and values, in bytes.
    pub(crate) fn byte_count(&self) -> usize {
        self.byte_count
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&ByteString> {
        let key = ByteString::from(key);
        let mut tree = &self.root;
        loop {
            match tree {
                Tree::Empty => return None,
                Tree::Leaf(leaf) => return leaf.search(&key).ok().map(|at| &leaf.entries[at].1),
                Tree::Inner(inner) => tree = &inner.entries[inner.child(&key)].1,
            }
        }
    }

    /// Maps the key to the value. The map shares their bytes.
    pub(crate) fn put(&mut self, key: &ByteString, value: &ByteString) {
        if self.root.is_full() {
            let mut root = Box::<Node<Tree>>::default();
            root.insert(0, ByteString::default(), mem::take(&mut self.root));
            root.split_child(0);
            self.root = Tree::Inner(root);
        }
        // A full node is split on the way down, so that its parent always has room for the upper
        // half.
        let mut tree = &mut self.root;
        loop {
            match tree {
                Tree::Empty => *tree = Tree::Leaf(Box::default()),
                Tree::Inner(inner) => {
                    let mut at = inner.child(key);
                    if inner.entries[at].1.is_full() {
                        inner.split_child(at);
                        at = inner.child(key);
                    }
                    tree = &mut inner.entries[at].1;
                }
                Tree::Leaf(leaf) => {
                    self.byte_count += value.len();
                    match leaf.search(key) {
                        Ok(at) => {
                            let place = &mut leaf.entries[at].1;
                            self.byte_count -= place.len();
                            *place = value.clone();
                        }
                        Err(at) => {
                            leaf.insert(at, key.clone(), value.clone());
                            self.byte_count += key.len();
                            self.len += 1;
                        }
                    }
                    return;
                }
            }
        }
    }

    /// Removes the key, if it is present.
    pub(crate) fn remove(&mut self, key: &ByteString) {
        let Some(before) = self.root.remove(key) else { return };
        match &mut self.root {
            Tree::Leaf(root) if root.len == 0 => self.root = Tree::Empty,
            Tree::Inner(root) if root.len == 1 => self.root = mem::take(&mut root.entries[0].1),
            _ => {}
        }
        self.byte_count -= key.len() + before.len();
        self.len -= 1;
    }

    /// Iterates over the keys and values, keys ascending.
    pub(crate) fn iter(&self) -> Iter<'_> {
        let mut iter = Iter { inners: Vec::new(), leaf: [].iter(), len: self.len };
        iter.enter(&self.root);
        iter
    }
}

impl Tree {
    fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Leaf(leaf) => leaf.len,
            Self::Inner(inner) => inner.len,
        }
    }

    fn is_full(&self) -> bool {
        self.len() == NODE_MAX
    }

    /// Moves the upper half to a new node, and returns that with its first key.
    fn split(&mut self) -> (ByteString, Self) {
        match self {
            Self::Empty => unreachable!("no child is empty"),
            Self::Leaf(leaf) => {
                let (key, upper) = leaf.split_off(NODE_MAX / 2);
                (key, Self::Leaf(upper))
            }
            Self::Inner(inner) => {
                let (key, upper) = inner.split_off(NODE_MAX / 2);
                (key, Self::Inner(upper))
            }
        }
    }

    /// Removes the key and returns its value.
    fn remove(&mut self, key: &ByteString) -> Option<ByteString> {
        match self {
            Self::Empty => None,
            Self::Leaf(leaf) => leaf.search(key).ok().map(|at| leaf.remove(at).1),
            Self::Inner(inner) => {
                let at = inner.child(key);
                let before = inner.entries[at].1.remove(key)?;
                if inner.entries[at].1.len() < NODE_MIN {
                    inner.merge_child(at);
                }
                Some(before)
            }
        }
    }

    /// Merges the entries of the next sibling into this node. Returns what exceeds one node.
    fn merge(&mut self, upper: Self) -> Upper<Self> {
        match (self, upper) {
            (Self::Leaf(leaf), Self::Leaf(upper)) => {
                leaf.merge(upper).map(|(key, upper)| (key, Self::Leaf(upper)))
            }
            (Self::Inner(inner), Self::Inner(upper)) => {
                inner.merge(upper).map(|(key, upper)| (key, Self::Inner(upper)))
            }
            _ => unreachable!("leaves are at the same depth, and no child is empty"),
        }
    }
}

impl<T: Default> Node<T> {
    fn entries(&self) -> &[(ByteString, T)] {
        &self.entries[..self.len]
    }

    /// Returns the position of the key, or, as an error, the position to insert it at.
    fn search(&self, key: &ByteString) -> Result<usize, usize> {
        // A linear search: the processor prefetches it, and mispredicts no branch but the last.
        let entries = self.entries();
        let at = entries.iter().position(|(other, _)| other >= key).unwrap_or(self.len);
        if entries.get(at).is_some_and(|(other, _)| other == key) { Ok(at) } else { Err(at) }
    }

    fn insert(&mut self, at: usize, key: ByteString, item: T) {
        self.entries[at..=self.len].rotate_right(1);
        self.entries[at] = (key, item);
        self.len += 1;
    }

    fn remove(&mut self, at: usize) -> (ByteString, T) {
        let entry = mem::take(&mut self.entries[at]);
        self.entries[at..self.len].rotate_left(1);
        self.len -= 1;
        entry
    }

    /// Moves the entries from `at` to a new node, and returns that with its first key.
    fn split_off(&mut self, at: usize) -> (ByteString, Box<Self>) {
        let mut upper = Box::<Self>::default();
        upper.len = self.len - at;
        self.entries[at..self.len].swap_with_slice(&mut upper.entries[..upper.len]);
        self.len = at;
        (upper.entries[0].0.clone(), upper)
    }

    /// Moves all entries of a node with greater keys to the end of this one.
    fn append(&mut self, upper: &mut Self) {
        let len = self.len + upper.len;
        self.entries[self.len..len].swap_with_slice(&mut upper.entries[..upper.len]);
        self.len = len;
        upper.len = 0;
    }

    /// Appends `upper` if one node can hold both; otherwise moves entries so that each has half.
    fn merge(&mut self, mut upper: Box<Self>) -> Upper<Box<Self>> {
        let total = self.len + upper.len;
        let half = total / 2;
        if total <= MERGE_MAX {
            self.append(&mut upper);
            None
        } else if self.len < half {
            let rest = upper.split_off(half - self.len);
            self.append(&mut upper);
            Some(rest)
        } else {
            let (key, mut rest) = self.split_off(half);
            rest.append(&mut upper);
            Some((key, rest))
        }
    }
}

impl Node<ByteString> {
    /// Touches every entry, so that the cache misses of a leaf overlap instead of stalling the
    /// visitor one by one.
    fn prefetch(&self) {
        hint::black_box(self.entries.iter().filter(|(key, _)| key.is_inline()).count());
    }
}

impl Node<Tree> {
    /// Returns the position of the child that holds the key.
    fn child(&self, key: &ByteString) -> usize {
        self.search(key).unwrap_or_else(|above| above.saturating_sub(1))
    }

    /// Splits the child at `at`. This node must not be full.
    fn split_child(&mut self, at: usize) {
        let (key, upper) = self.entries[at].1.split();
        self.insert(at + 1, key, upper);
    }

    /// Merges the child at `at` with the next one; the last child, with the one before it.
    fn merge_child(&mut self, at: usize) {
        let at = at.min(self.len - 2);
        let (_, upper) = self.remove(at + 1);
        if let Some((key, upper)) = self.entries[at].1.merge(upper) {
            self.insert(at + 1, key, upper);
        }
    }
}

/// An iterator over the keys and values of a [`Replica`](crate::Replica) or a
/// [`Snapshot`](crate::Snapshot), keys ascending.
#[derive(Clone)]
pub struct Iter<'a> {
    /// The unvisited children of the inner nodes on the path from the root.
    inners: Vec<slice::Iter<'a, (ByteString, Tree)>>,
    /// The unvisited entries of the current leaf.
    leaf: slice::Iter<'a, (ByteString, ByteString)>,
    /// The number of entries that are unvisited.
    len: usize,
}

impl<'a> Iter<'a> {
    fn enter(&mut self, tree: &'a Tree) {
        match tree {
            Tree::Empty => {}
            Tree::Leaf(leaf) => {
                leaf.prefetch();
                self.leaf = leaf.entries().iter();
            }
            Tree::Inner(inner) => self.inners.push(inner.entries().iter()),
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a ByteString, &'a ByteString);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                self.len -= 1;
                return Some((key, value));
            }
            match self.inners.last_mut()?.next() {
                Some((_, child)) => self.enter(child),
                None => {
                    self.inners.pop();
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a OrderedMap {
    type Item = (&'a ByteString, &'a ByteString);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<(ByteString, ByteString)> for OrderedMap {
    fn from_iter<I: IntoIterator<Item = (ByteString, ByteString)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.put(&key, &value);
        }
        map
    }
}

impl PartialEq for OrderedMap {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other)
    }
}

impl Eq for OrderedMap {}

impl fmt::Debug for OrderedMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::iter;
    use std::ops::{Bound, RangeBounds};

    use super::*;
    use crate::splitmix64::SplitMix64;

    type Model = BTreeMap<ByteString, ByteString>;
    type Range<'a> = (Bound<&'a ByteString>, Bound<&'a ByteString>);

    const EVERYWHERE: Range = (Bound::Unbounded, Bound::Unbounded);

    fn key(number: u64) -> ByteString {
        ByteString::from(&number.to_be_bytes())
    }

    /// The map beside its model.
    #[derive(Default)]
    struct Checked {
        map: OrderedMap,
        model: Model,
    }

    impl Checked {
        fn put(&mut self, key: ByteString, value: ByteString) {
            self.map.put(&key, &value);
            self.model.insert(key, value);
        }

        fn remove(&mut self, key: &ByteString) {
            self.map.remove(key);
            self.model.remove(key);
        }

        fn check(&self) {
            assert!(self.map.iter().eq(&self.model));
            assert_eq!(self.map.len(), self.model.len());
            let lengths = self.model.iter().map(|(key, value)| key.len() + value.len());
            assert_eq!(self.map.byte_count(), lengths.sum::<usize>());
            check_tree(&self.map.root, EVERYWHERE, true);
        }
    }

    /// Checks the invariants of a tree and returns its height.
    fn check_tree(tree: &Tree, range: Range, root: bool) -> u32 {
        assert!(root || tree.len() >= NODE_MIN, "{} entries", tree.len());
        match tree {
            Tree::Empty => assert!(root, "a child is not empty"),
            Tree::Leaf(leaf) => {
                check_node(leaf);
                assert_ne!(leaf.len, 0);
                assert!(leaf.entries().iter().all(|(key, _)| range.contains(key)), "{range:?}");
                assert!(leaf.unused().iter().all(|(_, value)| value.is_empty()));
            }
            Tree::Inner(inner) => {
                check_node(inner);
                assert!(inner.len >= 2);
                assert!(inner.unused().iter().all(|(_, child)| matches!(child, Tree::Empty)));
                let keys = inner.entries()[1..].iter().map(|(key, _)| key);
                let starts = iter::once(range.0).chain(keys.clone().map(Bound::Included));
                let ends = keys.map(Bound::Excluded).chain([range.1]);
                let children = iter::zip(inner.entries(), iter::zip(starts, ends));
                let heights: Vec<_> =
                    children.map(|((_, child), range)| check_tree(child, range, false)).collect();
                assert!(heights.iter().all(|height| *height == heights[0]), "{heights:?}");
                return heights[0] + 1;
            }
        }
        0
    }

    fn check_node<T: Default>(node: &Node<T>) {
        assert!(node.len <= NODE_MAX);
        assert!(node.entries().is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(node.unused().iter().all(|(key, _)| key.is_empty()), "a key is kept alive");
    }

    impl<T> Node<T> {
        fn unused(&self) -> &[(ByteString, T)] {
            &self.entries[self.len..]
        }
    }

    #[test]
    fn equals_btree_map() {
        for (seed, keys) in (1..).zip([1, 8, 40, 300, 5_000]) {
            let mut draws = SplitMix64::new(seed);
            let mut checked = Checked::default();
            // The map grows, keeps its size, and shrinks.
            for puts_of_8 in [7, 4, 1, 6, 0] {
                for _ in 0..keys + 50 {
                    let key = key(draws.next() % keys);
                    assert_eq!(checked.map.get(&key), checked.model.get(&key));
                    if draws.next() % 8 < puts_of_8 {
                        // Some inline, some shared.
                        let value = vec![b'v'; usize::from(draws.next().to_le_bytes()[0] % 20)];
                        checked.put(key, value.into());
                    } else {
                        checked.remove(&key);
                    }
                    if keys < 100 {
                        checked.check();
                    }
                }
                checked.check();
            }
        }
    }

    /// Ascending and descending keys fill nodes least, and empty them first at one end.
    #[test]
    fn grows_and_shrinks_from_either_end() {
        let ascending: Vec<_> = (0..5_000).map(key).collect();
        let descending: Vec<_> = ascending.iter().rev().cloned().collect();
        for insertions in [&ascending, &descending] {
            for removals in [&ascending, &descending] {
                let mut checked = Checked::default();
                for (number, key) in insertions.iter().enumerate() {
                    checked.put(key.clone(), ByteString::from("value"));
                    if number % 100 == 0 {
                        checked.check();
                    }
                }
                let height = check_tree(&checked.map.root, EVERYWHERE, true);
                assert!(height >= 2, "there are inner nodes to merge below the root");
                for (number, key) in removals.iter().enumerate() {
                    checked.remove(key);
                    if number % 100 == 0 {
                        checked.check();
                    }
                }
                assert!(matches!(checked.map.root, Tree::Empty));
                checked.check();
            }
        }
    }

    /// One of two leaves loses keys; the other has from half of `NODE_MAX` to all of it.
    #[test]
    fn underfull_leaf_merges_with_sibling_of_any_size() {
        for (underfull, full) in [(0, 1), (1, 0)] {
            for more in 0..=NODE_MAX / 2 {
                let mut checked = Checked::default();
                let (half, gap) = (NODE_MAX / 2, NODE_MAX);
                let first_keys = [0, half * gap];
                // One leaf holds all but the last, which splits it.
                let numbers = (0..NODE_MAX).map(|n| n * gap).chain([first_keys[underfull] + 1]);
                let between = (0..more).map(|n| first_keys[full] + n + 1);
                for number in numbers.chain(between) {
                    checked.put(key(number as u64), ByteString::default());
                }
                checked.check();
                let mut is_merged = false;
                for n in 0..half {
                    let becomes_underfull =
                        leaf_lens(&checked.map).get(underfull) == Some(&NODE_MIN);
                    checked.remove(&key((first_keys[underfull] + n * gap) as u64));
                    checked.check();
                    if becomes_underfull && !is_merged {
                        let lens = leaf_lens(&checked.map);
                        assert!(lens.len() == 1 || lens[0].abs_diff(lens[1]) <= 1, "{lens:?}");
                        is_merged = true;
                    }
                }
                assert!(is_merged, "not before it is underfull");
            }
        }
    }

    /// The sizes of the leaves of a map with at most one inner node.
    fn leaf_lens(map: &OrderedMap) -> Vec<usize> {
        match &map.root {
            Tree::Inner(inner) => inner.entries().iter().map(|(_, child)| child.len()).collect(),
            tree => vec![tree.len()],
        }
    }

    #[test]
    fn clone_is_independent() {
        let map: OrderedMap = (0..1_000).map(|n| (key(n), ByteString::from("value"))).collect();
        let mut copy = map.clone();
        assert_eq!(copy, map);
        copy.put(&key(500), &ByteString::from("other"));
        assert_eq!(map.get(&key(500)), Some(&ByteString::from("value")));
        assert_ne!(copy, map);
        copy.put(&key(500), &ByteString::from("value"));
        assert_eq!(copy, map);
        copy.remove(&key(0));
        assert_ne!(copy, map);
        assert_eq!((copy.len(), map.len()), (999, 1_000));
    }

    #[test]
    fn debug_shows_entries() {
        let map: OrderedMap =
            [("b", ""), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into_iter().collect();
        assert_eq!(format!("{map:?}"), r#"{b"a": b"1", b"b": b""}"#);
    }
}
