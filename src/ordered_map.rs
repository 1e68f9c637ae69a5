//! The state machine's map: a B+ tree of byte strings.
//!
//! Each replica applies every op to a map of its own and dumps it in order. A node has up to 32
//! entries side by side, and short keys and values stand in the node itself: there is little to
//! wait for, be it in a search or in a dump.

use std::{fmt, hint, mem, slice};

use crate::byte_string::ByteString;

/// The most entries of a node.
const NODE_MAX: usize = 32;
/// A node below the root that has fewer entries is joined with a neighbour.
const NODE_MIN: usize = NODE_MAX / 4;
/// Neighbours that have at most as many entries together become one node: fewer than would fit, so
/// that the next insertion does not split it again.
const JOINED_MAX: usize = NODE_MAX * 3 / 4;

/// A map from byte strings to byte strings. Its order is the one that a snapshot needs (definition,
/// section 5): the keys ascend by unsigned bytes, a prefix first.
#[derive(Clone, Default)]
pub struct OrderedMap {
    root: Tree,
    len: usize,
    byte_count: usize,
}

/// Nothing, or a tree whose leaves are all at the same depth.
#[derive(Clone, Default)]
enum Tree {
    #[default]
    Empty,
    Leaf(Box<Node<ByteString>>),
    /// To each child belong the keys from its own up to the next child's; to the first child also
    /// those before it.
    Inner(Box<Node<Tree>>),
}

/// Ascending keys, each beside an item: a value in a leaf, a child in an inner node. The places
/// after the first `len` are empty.
#[derive(Clone, Default)]
struct Node<T> {
    len: usize,
    entries: [(ByteString, T); NODE_MAX],
}

/// The upper half of what has become too large, and its key.
type Upper<T> = Option<(ByteString, T)>;

impl OrderedMap {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sum of the lengths of all keys and values, in bytes.
    pub(crate) fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// The value that the key maps to; `None` where it is absent.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&ByteString> {
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

    /// Maps the key to the value, whatever it mapped to before. The map shares their bytes.
    pub fn insert(&mut self, key: &ByteString, value: &ByteString) {
        if self.root.is_full() {
            let mut root = Box::<Node<Tree>>::default();
            root.insert(0, ByteString::default(), mem::take(&mut self.root));
            root.split_child(0);
            self.root = Tree::Inner(root);
        }
        // What is full is split on the way down, so that there is room above for the upper half of
        // what is split further down.
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

    /// Takes the key out of the map; an absent key is not an error.
    pub fn remove(&mut self, key: &ByteString) {
        let Some(before) = self.root.remove(key) else { return };
        match &mut self.root {
            Tree::Leaf(root) if root.len == 0 => self.root = Tree::Empty,
            Tree::Inner(root) if root.len == 1 => self.root = mem::take(&mut root.entries[0].1),
            _ => {}
        }
        self.byte_count -= key.len() + before.len();
        self.len -= 1;
    }

    /// The keys and their values, keys ascending.
    #[must_use]
    pub fn iter(&self) -> OrderedMapIter<'_> {
        let mut iter = OrderedMapIter { inners: Vec::new(), leaf: [].iter() };
        iter.enter(&self.root);
        iter
    }

    /// The keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &ByteString> {
        self.iter().map(|(key, _)| key)
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

    /// Moves the upper half to a node of its own, and gives it behind its first key.
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

    /// Gives the value that the key mapped to.
    fn remove(&mut self, key: &ByteString) -> Option<ByteString> {
        match self {
            Self::Empty => None,
            Self::Leaf(leaf) => leaf.search(key).ok().map(|at| leaf.remove(at).1),
            Self::Inner(inner) => {
                let at = inner.child(key);
                let before = inner.entries[at].1.remove(key)?;
                if inner.entries[at].1.len() < NODE_MIN {
                    inner.join_child(at);
                }
                Some(before)
            }
        }
    }

    /// Takes over the entries of a neighbour whose keys are above its own. What does not fit is
    /// given back.
    fn join(&mut self, upper: Self) -> Upper<Self> {
        match (self, upper) {
            (Self::Leaf(leaf), Self::Leaf(upper)) => {
                leaf.join(upper).map(|(key, upper)| (key, Self::Leaf(upper)))
            }
            (Self::Inner(inner), Self::Inner(upper)) => {
                inner.join(upper).map(|(key, upper)| (key, Self::Inner(upper)))
            }
            _ => unreachable!("leaves are at the same depth, and no child is empty"),
        }
    }
}

impl<T: Default> Node<T> {
    /// The entries, without the empty places.
    fn entries(&self) -> &[(ByteString, T)] {
        &self.entries[..self.len]
    }

    /// The position of the key; where it is absent, the one at which it belongs.
    fn search(&self, key: &ByteString) -> Result<usize, usize> {
        // One after the other: the processor reads ahead, which it cannot where it has to guess
        // which half comes next.
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

    /// Moves the entries from a position on to a node of their own, and gives it behind its first
    /// key.
    fn split_off(&mut self, at: usize) -> (ByteString, Box<Self>) {
        let mut upper = Box::<Self>::default();
        upper.len = self.len - at;
        self.entries[at..self.len].swap_with_slice(&mut upper.entries[..upper.len]);
        self.len = at;
        (upper.entries[0].0.clone(), upper)
    }

    /// Takes all entries of a node whose keys are above its own.
    fn append(&mut self, upper: &mut Self) {
        let len = self.len + upper.len;
        self.entries[self.len..len].swap_with_slice(&mut upper.entries[..upper.len]);
        self.len = len;
        upper.len = 0;
    }

    /// As [`append`](Self::append); where one node would have too many, each gets half.
    fn join(&mut self, mut upper: Box<Self>) -> Upper<Box<Self>> {
        let total = self.len + upper.len;
        let half = total / 2;
        if total <= JOINED_MAX {
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
    /// Reads something of all of it. These reads wait for memory together; those of a visitor of
    /// the entries, who has work to do on each, would wait one after the other.
    fn prefetch(&self) {
        hint::black_box(self.entries.iter().filter(|(key, _)| key.is_inline()).count());
    }
}

impl Node<Tree> {
    /// The position of the child to which the key belongs.
    fn child(&self, key: &ByteString) -> usize {
        self.search(key).unwrap_or_else(|above| above.saturating_sub(1))
    }

    /// Puts the upper half of the child at a position after it. This node is not full.
    fn split_child(&mut self, at: usize) {
        let (key, upper) = self.entries[at].1.split();
        self.insert(at + 1, key, upper);
    }

    /// Joins the child at a position with the one after it; the last one, with the one before.
    fn join_child(&mut self, at: usize) {
        let at = at.min(self.len - 2);
        let (_, upper) = self.remove(at + 1);
        if let Some((key, upper)) = self.entries[at].1.join(upper) {
            self.insert(at + 1, key, upper);
        }
    }
}

/// The keys of an [`OrderedMap`] and their values, keys ascending.
#[derive(Clone)]
pub struct OrderedMapIter<'a> {
    /// What is left to visit of the inner nodes, from the root on.
    inners: Vec<slice::Iter<'a, (ByteString, Tree)>>,
    /// What is left of a leaf.
    leaf: slice::Iter<'a, (ByteString, ByteString)>,
}

impl<'a> OrderedMapIter<'a> {
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

impl<'a> Iterator for OrderedMapIter<'a> {
    type Item = (&'a ByteString, &'a ByteString);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
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
}

impl<'a> IntoIterator for &'a OrderedMap {
    type Item = (&'a ByteString, &'a ByteString);
    type IntoIter = OrderedMapIter<'a>;

    fn into_iter(self) -> OrderedMapIter<'a> {
        self.iter()
    }
}

impl FromIterator<(ByteString, ByteString)> for OrderedMap {
    fn from_iter<I: IntoIterator<Item = (ByteString, ByteString)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(&key, &value);
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

    /// The map and its model, after both have done the same.
    #[derive(Default)]
    struct Twins {
        map: OrderedMap,
        model: Model,
    }

    impl Twins {
        fn insert(&mut self, key: ByteString, value: ByteString) {
            self.map.insert(&key, &value);
            self.model.insert(key, value);
        }

        fn remove(&mut self, key: &ByteString) {
            self.map.remove(key);
            self.model.remove(key);
        }

        fn check(&self) {
            assert!(self.map.iter().eq(&self.model));
            assert!(self.map.keys().eq(self.model.keys()));
            assert_eq!(self.map.len(), self.model.len());
            assert_eq!(self.map.is_empty(), self.model.is_empty());
            let lengths = self.model.iter().map(|(key, value)| key.len() + value.len());
            assert_eq!(self.map.byte_count(), lengths.sum::<usize>());
            check_tree(&self.map.root, EVERYWHERE, true);
        }
    }

    /// Checks what holds of every tree, and gives its height.
    fn check_tree(tree: &Tree, range: Range, root: bool) -> u32 {
        assert!(root || tree.len() >= NODE_MIN, "{} entries", tree.len());
        match tree {
            Tree::Empty => assert!(root, "a child is not empty"),
            Tree::Leaf(leaf) => {
                check_node(leaf);
                assert_ne!(leaf.len, 0);
                assert!(leaf.entries().iter().all(|(key, _)| range.contains(key)), "{range:?}");
                assert!(leaf.places().iter().all(|(_, value)| value.is_empty()));
            }
            Tree::Inner(inner) => {
                check_node(inner);
                assert!(inner.len >= 2);
                assert!(inner.places().iter().all(|(_, child)| matches!(child, Tree::Empty)));
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
        assert!(node.places().iter().all(|(key, _)| key.is_empty()), "a key is kept alive");
    }

    impl<T> Node<T> {
        /// Where there is no entry.
        fn places(&self) -> &[(ByteString, T)] {
            &self.entries[self.len..]
        }
    }

    #[test]
    fn does_what_the_map_of_the_standard_library_does() {
        for (seed, keys) in (1..).zip([1, 8, 40, 300, 5_000]) {
            let mut draws = SplitMix64::new(seed);
            let mut twins = Twins::default();
            // It grows, stays as it is, and shrinks.
            for puts_of_8 in [7, 4, 1, 6, 0] {
                for _ in 0..keys + 50 {
                    let key = key(draws.next_u64() % keys);
                    assert_eq!(twins.map.get(&key), twins.model.get(&key));
                    if draws.next_u64() % 8 < puts_of_8 {
                        // Some in place and some shared.
                        let value = vec![b'v'; usize::from(draws.next_u64().to_le_bytes()[0] % 20)];
                        twins.insert(key, value.into());
                    } else {
                        twins.remove(&key);
                    }
                    if keys < 100 {
                        twins.check();
                    }
                }
                twins.check();
            }
        }
    }

    /// The orders of keys that fill nodes worst, and of removals that empty them worst.
    #[test]
    fn grows_and_shrinks_from_either_end() {
        let ascending: Vec<_> = (0..5_000).map(key).collect();
        let descending: Vec<_> = ascending.iter().rev().cloned().collect();
        for insertions in [&ascending, &descending] {
            for removals in [&ascending, &descending] {
                let mut twins = Twins::default();
                for (number, key) in insertions.iter().enumerate() {
                    twins.insert(key.clone(), ByteString::from("value"));
                    if number % 100 == 0 {
                        twins.check();
                    }
                }
                let height = check_tree(&twins.map.root, EVERYWHERE, true);
                assert!(height >= 2, "there are inner nodes to join below the root");
                for (number, key) in removals.iter().enumerate() {
                    twins.remove(key);
                    if number % 100 == 0 {
                        twins.check();
                    }
                }
                assert!(matches!(twins.map.root, Tree::Empty));
                twins.check();
            }
        }
    }

    /// Of two leaves one loses keys, and the other has anything from half to all that it may have.
    #[test]
    fn a_poor_leaf_is_joined_with_a_neighbour_of_any_size() {
        for (poor, rich) in [(0, 1), (1, 0)] {
            for more in 0..=NODE_MAX / 2 {
                let mut twins = Twins::default();
                let (half, gap) = (NODE_MAX / 2, NODE_MAX);
                let first_keys = [0, half * gap];
                // All in one leaf; one more, and there are two.
                let numbers = (0..NODE_MAX).map(|n| n * gap).chain([first_keys[poor] + 1]);
                let between = (0..more).map(|n| first_keys[rich] + n + 1);
                for number in numbers.chain(between) {
                    twins.insert(key(number as u64), ByteString::default());
                }
                twins.check();
                let mut is_joined = false;
                for n in 0..half {
                    let will_be_poor = leaf_lens(&twins.map).get(poor) == Some(&NODE_MIN);
                    twins.remove(&key((first_keys[poor] + n * gap) as u64));
                    twins.check();
                    if will_be_poor && !is_joined {
                        let lens = leaf_lens(&twins.map);
                        assert!(lens.len() == 1 || lens[0].abs_diff(lens[1]) <= 1, "{lens:?}");
                        is_joined = true;
                    }
                }
                assert!(is_joined, "not before it is poor");
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
    fn copies_are_maps_of_their_own() {
        let map: OrderedMap = (0..1_000).map(|n| (key(n), ByteString::from("value"))).collect();
        let mut copy = map.clone();
        assert_eq!(copy, map);
        copy.insert(&key(500), &ByteString::from("other"));
        assert_eq!(map.get(&key(500)), Some(&ByteString::from("value")));
        assert_ne!(copy, map);
        copy.insert(&key(500), &ByteString::from("value"));
        assert_eq!(copy, map);
        copy.remove(&key(0));
        assert_ne!(copy, map);
        assert_eq!((copy.len(), map.len()), (999, 1_000));
    }

    #[test]
    fn shows_its_entries() {
        let map: OrderedMap =
            [("b", ""), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into_iter().collect();
        assert_eq!(format!("{map:?}"), r#"{b"a": b"1", b"b": b""}"#);
    }
}
