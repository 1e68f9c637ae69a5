//! The maps of replicas as they were last seen. All replicas with the same commit index have the same
//! map, since a committed entry is never dropped; so there is one map for each of these indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::Bytes;
use crate::reference::{Map, Op, Replica};

/// More changes than this are only counted; and more ops than this are not looked at one by one.
const CHANGES_MAX: usize = 64;

/// The commit index of a replica before and after a step.
pub(super) type Advance = (u64, u64);

/// The keys whose values changed, with the values before and after; and how many further keys did.
pub(super) type MapChange = (Vec<(Bytes, Option<Bytes>, Option<Bytes>)>, usize);

/// The maps by their commit indexes.
pub(super) struct Maps(BTreeMap<u64, Map>);

impl Maps {
    /// Returns the map of a new cluster.
    pub(super) fn new() -> Self {
        Self(BTreeMap::from([(0, Map::new())]))
    }

    /// Follows the replicas, whose commit indexes were `commits` before. Returns the changes of each
    /// advance.
    pub(super) fn follow(
        &mut self,
        commits: impl Iterator<Item = u64>,
        replicas: &[Replica],
    ) -> BTreeMap<Advance, MapChange> {
        let advances = commits.zip(replicas).map(|(old, replica)| ((old, replica.commit), replica));
        let advances: BTreeMap<Advance, &Replica> =
            advances.filter(|((old, new), _)| old != new).collect();
        let mut changes = BTreeMap::new();
        if advances.is_empty() {
            return changes;
        }
        let needed: BTreeSet<u64> = replicas.iter().map(|replica| replica.commit).collect();
        let mut advances = advances.into_iter().peekable();
        let mut new_maps = BTreeMap::new();
        while let Some((advance @ (old, new), replica)) = advances.next() {
            let map = &self.0[&old];
            let keys = touched_keys(map, replica, old);
            changes.insert(advance, compared(map, &replica.map, &keys));
            if self.0.contains_key(&new) || new_maps.contains_key(&new) {
                continue;
            }
            let is_last = advances.peek().is_none_or(|((other, _), _)| *other != old);
            let map = if is_last && !needed.contains(&old) {
                self.0.remove(&old)
            } else {
                self.0.get(&old).cloned()
            };
            new_maps.insert(new, updated(map.unwrap_or_default(), &replica.map, keys));
        }
        self.0.retain(|commit, _| needed.contains(commit));
        self.0.append(&mut new_maps);
        changes
    }
}

/// Returns the keys whose values may differ from those in the old map, which is of this commit index.
fn touched_keys(old: &Map, replica: &Replica, commit: u64) -> BTreeSet<Vec<u8>> {
    let count = usize::try_from(replica.commit - commit).unwrap_or(usize::MAX);
    if count > CHANGES_MAX || replica.base > commit {
        return differing_keys(old, &replica.map);
    }
    let skipped = usize::try_from(commit - replica.base).expect("a log in memory");
    let entries = replica.log[skipped..skipped + count].iter();
    let key_of = |(_, op): &(u64, Op)| match op {
        Op::NoOp => None,
        Op::Put { key, .. } | Op::Del { key } => Some(key.clone()),
    };
    entries.filter_map(key_of).collect()
}

fn differing_keys(old: &Map, new: &Map) -> BTreeSet<Vec<u8>> {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let others = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    gone.chain(others.map(|(key, _)| key)).cloned().collect()
}

fn compared(old: &Map, new: &Map, keys: &BTreeSet<Vec<u8>>) -> MapChange {
    let differing = keys.iter().filter(|key| old.get(*key) != new.get(*key));
    let bytes = |value: &Vec<u8>| Bytes::from(&value[..]);
    let change = |key: &Vec<u8>| (bytes(key), old.get(key).map(bytes), new.get(key).map(bytes));
    let changes: Vec<_> = differing.clone().take(CHANGES_MAX).map(change).collect();
    let more = differing.count() - changes.len();
    (changes, more)
}

/// Returns the old map with the new one's values of these keys.
fn updated(mut old: Map, new: &Map, keys: BTreeSet<Vec<u8>>) -> Map {
    for key in keys {
        match new.get(&key) {
            Some(value) => drop(old.insert(key, value.clone())),
            None => drop(old.remove(&key)),
        }
    }
    old
}
