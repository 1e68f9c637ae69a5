"""What is remembered too long, or by the wrong key. The reports named are public."""

from __future__ import annotations

import dkv20
from dkv20 import LEADER, Refused
from wrong.registry import answer

# Hashes and counts.


class ForgetsOnChange(dkv20.Replica):
    """It computes its snapshot again only after a change of the map."""

    def __init__(self, id):
        super().__init__(id)
        self.known = None

    def apply(self, op):
        before = self.map.get(op.key)
        super().apply(op)
        if self.map.get(op.key) != before:
            self.known = None

    def state(self):
        if self.known is None or self.known[0] is not self.map:
            self.known = self.map, super().state()
        return self.known[1]


@answer(
    3,
    "Replica",
    "A snapshot is computed again only if the map has changed, although its index changes too.",
    "Caches of a store's hash that only writes invalidate; stale caches as in opral/lix#1349.",
    "new 1; put a 1; hash 0; noop; hash 0",
    "5",
)
def snapshot_is_kept_until_the_map_changes(_, id):
    return ForgetsOnChange(id)


HASHES: dict[tuple, str] = {}


@answer(
    3,
    "Session.do_hash",
    "The hash of a snapshot is kept by replica and commit index, also for the next cluster.",
    "Raft groups that reuse a name, as in nats-io/nats-server#7774.",
    "new 1; put a 1; hash 0; new 1; put b 2; hash 0",
    "8",
)
def hash_is_kept_by_commit_index(honest, self, id):
    replica = self.cluster.replica(id)
    HASHES.setdefault((self.cluster.n, id, replica.commit), honest(self, id))
    return HASHES[self.cluster.n, id, replica.commit]


@answer(
    4,
    "Session.do_log",
    "The hash of a log is kept until its length changes.",
    "Caches that compare sizes; conflicting tails of equal length, as in atomix/copycat#265.",
    "new 3; partition 0; at 0 put a 1; log 0; heal; log 0",
    "8",
)
def log_hash_is_kept_by_length(honest, self, id):
    replica = self.cluster.replica(id)
    key = replica.base, replica.last
    known = vars(replica).get("known_log")
    if known is None or known[0] != key:
        replica.known_log = known = key, honest(self, id)
    return known[1]


class SortsAtNewSize(dkv20.Replica):
    """It keeps its sorted keys until their number changes."""

    def state(self):
        state = super().state()
        known = vars(self).get("known_keys")
        if known is None or len(known) != len(self.map):
            self.known_keys = known = sorted(self.map)
        return state._replace(map={key: self.map.get(key, b"") for key in known})


@answer(
    3,
    "Replica",
    "The sorted keys of a snapshot are kept until their number changes.",
    "Whether a cache is stale is decided by a size, which a removal and an insertion leave equal.",
    "new 1; put a 1; hash 0; del a; put b 2; hash 0",
    "5",
)
def sorted_keys_are_kept_by_number(_, id):
    return SortsAtNewSize(id)


class Counted(dkv20.Replica):
    """It counts its keys itself."""

    def __init__(self, id):
        super().__init__(id)
        self.count = 0

    def is_new(self, key):
        return key not in self.map

    def apply(self, op):
        if op.tag == dkv20.PUT:
            self.count += self.is_new(op.key)
        elif op.tag == dkv20.DEL:
            self.count -= not self.is_new(op.key)
        super().apply(op)


class CountedByTruth(Counted):
    """It takes an empty value for an absent one when it counts."""

    def is_new(self, key):
        return not self.map.get(key)


class CountedSession(dkv20.Session):
    """A session whose replicas count their keys themselves."""

    kind = Counted

    def do_new(self, n):
        super().do_new(n)
        for replica in self.cluster.replicas:
            replica.__class__ = self.kind
            replica.count = 0

    def do_replica(self, id):
        return f"{super().do_replica(id).rsplit('=', 1)[0]}={self.cluster.replica(id).count}"


class CountedByTruthSession(CountedSession):
    """A session whose replicas count an empty value as absent."""

    kind = CountedByTruth


@answer(
    4,
    "Session",
    "The number of keys that `replica` shows is not set when a snapshot is installed.",
    "Statistics that only writes update; an index left stale, as in jbosstm/narayana#3048.",
    "new 3; partition 2; put a 1; compact; heal; replica 2",
    "8",
)
def key_count_without_the_snapshot(*_):
    return CountedSession()


@answer(
    3,
    "Session",
    "A key with an empty value counts as new when it is put, and as absent when it is deleted.",
    "JavaScript and Python treat an empty string as false.",
    "new 1; put a 0x; put a 1; replica 0",
    "8",
)
def empty_values_are_not_counted(*_):
    return CountedByTruthSession()


# Reads.


class RemembersReads(dkv20.Replica):
    """It remembers what has been read until the key is written."""

    def __init__(self, id):
        super().__init__(id)
        self.read = {}

    def apply(self, op):
        super().apply(op)
        self.read.pop(op.key, None)


class RemembersReadsSession(dkv20.Session):
    """A session whose replicas remember what has been read."""

    def do_new(self, n):
        super().do_new(n)
        for replica in self.cluster.replicas:
            replica.__class__ = RemembersReads
            replica.read = {}

    def do_get(self, id, key):
        found = super().do_get(id, key)
        return self.cluster.replica(id).read.setdefault(key, found)


@answer(
    4,
    "Session",
    "get remembers values, also that there is none, and a snapshot does not invalidate them.",
    "Row caches that bypass an ingested file or snapshot, as in ArcadeData/arcadedb#6760.",
    "new 3; partition 2; get 2 a; put a 1; compact; heal; get 2 a",
    "8",
)
def reads_are_kept_over_a_snapshot(*_):
    return RemembersReadsSession()


# Clusters.


class Pooled(dkv20.Cluster):
    """A cluster whose replicas come from a pool and keep their base term."""

    base_terms: dict[int, int] = {}

    def __init__(self, n):
        super().__init__(n)
        for replica in self.replicas:
            replica.base_term = self.base_terms.get(replica.id, 0)

    def compact(self, ids):
        super().compact(ids)
        self.base_terms.update((id, self.replicas[id].base_term) for id in ids)


@answer(
    4,
    "Cluster",
    "A new cluster reuses the replicas of the one before, and their base term is not reset.",
    "Objects of a sync.Pool that are not cleared, as in easegress-io/easegress#614.",
    "new 1; noop; compact; new 1; hash 0",
    "3|8",
)
def base_term_survives_new(_, n):
    return Pooled(n)


QUORUMS: list[int] = []


@answer(
    3,
    "Cluster.__init__",
    "The quorum is computed for the first cluster and kept.",
    "A size that is read once at the start and does not follow the members.",
    "new 1; new 3; status",
    "4|8",
)
def quorum_of_the_first_cluster(honest, self, n):
    honest(self, n)
    QUORUMS.append(self.quorum)
    self.quorum = QUORUMS[0]


TERMS = [1]


@answer(
    4,
    "Cluster.elect",
    "The terms of elections continue from those of earlier clusters.",
    "A counter is static, or outlives the reset of what it counts for.",
    "new 3; partition 0; new 3; partition 0",
    "4.4",
)
def terms_continue_after_new(honest, self, reachable):
    self.term = max(self.term, TERMS[0])
    honest(self, reachable)
    TERMS[0] = self.term


ISOLATED: set[int] = set()


@answer(
    4,
    "Cluster.__init__",
    "The set of isolated ids outlives `new`.",
    "The network of a simulation is an object of its own, and is not reset with the nodes.",
    "new 3; partition 2; new 3; status",
    "8",
)
def isolation_survives_new(honest, self, n):
    honest(self, n)
    ISOLATED.intersection_update(range(n))
    self.isolated = ISOLATED


# Sequences of ops.

OPS: dict[tuple[int, int], list] = {}


@answer(
    5,
    "Session.do_workload",
    "The ops of a workload are kept by seed and count, and not by the size of the key space.",
    "A memoised function whose key lacks an argument.",
    "new 1; workload 1 10 5; workload 1 1000 5; log 0",
    "7",
)
def ops_are_kept_by_seed_and_count(honest, self, seed, keys, count):
    if 1 <= keys <= dkv20.MAX_KEYS and count <= 1_000:
        keys = OPS.setdefault((seed, count), keys)
    return honest(self, seed, keys, count)


@answer(
    5,
    "Session.do_chaos",
    "The digest of chaos is kept by seed, steps and n, whatever the state of the cluster.",
    "A memoised function that is taken to be pure.",
    "new 3; chaos 1 20; chaos 1 20",
    "10",
)
def digest_is_kept_by_seed_and_steps(honest, self, seed, steps):
    if steps > dkv20.MAX_COUNT:
        raise Refused("count")
    known = vars(self).setdefault("digests", {})
    key = seed, steps, self.cluster.n
    if key not in known:
        known[key] = honest(self, seed, steps)
    return known[key]


class ListsLeaders(dkv20.Chaos):
    """It keeps the list of leaders until another replica becomes the current leader."""

    def leading_id(self):
        if vars(self).get("listed_for") != self.cluster.term:
            self.listed_for = self.cluster.term
            self.ids = [r.id for r in self.cluster.replicas if r.role == LEADER]
        return self.ids[self.draws.next() % len(self.ids)]


@answer(
    5,
    "Chaos",
    "The list of leaders for `at` is made anew only in a new term.",
    "Roles are cached with the leader's term; a deposed leader that returns stays in the list.",
    "new 3; chaos 1 1000",
    "10",
)
def leaders_are_listed_once_a_term(_, session, seed):
    return ListsLeaders(session, seed)


# Snapshots that are loaded.

LEFT: dict[bytes, bytes] = {}
#: Commit index 2, term 1, two keys, and the first of them.
SNAPSHOT = "0x444b5653010000000200000000000000010000000000000002000000000000000100000061" + "00" * 4
EMPTY = "0x444b565301000000" + "00" * 24


@answer(
    2,
    "load_state",
    "The keys of a refused snapshot are still there when the next one is loaded.",
    "A restore that fails half way and leaves what it has read, as in nats-io/nats-server#6459.",
    f"load {SNAPSHOT}00; load {EMPTY}",
    "5",
)
def refused_snapshot_leaves_its_keys(honest, data):
    try:
        state = honest(data)
    except Refused:
        LEFT.update(readable_keys(data))
        raise
    state.map.update({key: value for key, value in LEFT.items() if key not in state.map})
    LEFT.clear()
    return state


def readable_keys(data):
    """Return the keys and values before the fault."""
    reader, found = dkv20.Reader(data), {}
    try:
        reader.take(32)
        while True:
            key = dkv20.load_key(reader)
            found[key] = dkv20.load_value(reader)
    except Refused:
        return found
