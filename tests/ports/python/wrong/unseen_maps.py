"""Wrong ports of an unseen set: ops, maps, logs and snapshots. The reports named are public."""

from __future__ import annotations

import dkv20
from dkv20 import DEL, LEADER, PUT, Outcome, Refused, u32
from wrong.unseen_sessions import SESSIONS
from wrong.registry import answer


def shows(name: str) -> str:
    return "; ".join(SESSIONS[name])


# Sections 1 and 2.


@answer(
    4,
    "Cluster.propose_at",
    "A leader that is isolated accepts a value of any length.",
    "Limits that only one of two ways in checks, as in flux-framework/flux-core#6265.",
    shows("isolated-leader-takes-values-of-any-length"),
    "1|4.2",
)
def isolated_leader_takes_values_of_any_length(honest, self, id, op):
    if len(op.value) <= dkv20.MAX_VALUE or id >= self.n or not self.is_partitioned(id):
        return honest(self, id, op)
    dkv20.check_key(op.key)
    replica = self.replicas[id]
    if replica.role != LEADER:
        raise Refused("not-leader")
    replica.append(op, replica.term)
    return Outcome(committed=False, index=replica.last, term=replica.term)


@answer(
    3,
    "sorted_keys",
    "The dump sorts keys by their first 16 bytes, and equal ones as they were put.",
    "Sorts of abbreviated keys without the second comparison, as in pelotoncycle/bsort#10.",
    shows("keys-are-sorted-by-16-bytes"),
    "1|5",
)
def keys_are_sorted_by_16_bytes(_, state):
    return sorted(state.map, key=lambda key: key[:16])


@answer(
    3,
    "encode_op",
    "In the log's hash the length of a value keeps its low 16 bits.",
    "Lengths that were 16 bits wide once, as in decred/dcrdex#1620.",
    shows("values-length-in-the-log-has-16-bits"),
    "2",
)
def values_length_in_the_log_has_16_bits(honest, op):
    if op.tag != PUT:
        return honest(op)
    return bytes([PUT]) + dkv20.prefixed(op.key) + u32(len(op.value) & 0xFFFF) + op.value


@answer(
    3,
    "Replica.apply",
    "A shorter value is written over a longer one, whose rest stays.",
    "Values that are overwritten in place, as in makinako/OpenFIPS201#14.",
    shows("shorter-value-keeps-the-rest"),
    "2",
)
def shorter_value_keeps_the_rest(honest, self, op):
    before = self.map.get(op.key, b"")
    honest(self, op)
    if op.tag == PUT and len(op.value) < len(before):
        self.map[op.key] = op.value + before[len(op.value) :]


@answer(
    4,
    "Replica.commit_to",
    "Of the entries that commit together, the puts are applied before the dels.",
    "Batches in two lists, as in ehcache/ehcache3#626 and camunda-community-hub/eze#65.",
    shows("puts-before-dels"),
    "3|4.4",
)
def puts_before_dels(_, self, index):
    ops = [self.entry(newly).op for newly in range(self.commit + 1, index + 1)]
    for op in sorted(ops, key=lambda op: op.tag):
        self.apply(op)
    self.commit = index


@answer(
    3,
    "Replica.apply",
    "A put of a present key has no effect if it makes the hash table grow, at 14, 28, 56, … keys.",
    "Slots found before the table grows, as in preshing/CompareIntegerMaps#1; hppc grows at an"
    " overwrite too, carrotsearch/hppc#113.",
    shows("overwrite-that-grows-the-table-is-lost"),
    "2|3",
)
def overwrite_that_grows_the_table_is_lost(honest, self, op):
    table, limit = vars(self).get("table", (None, 0))
    if table is not self.map:
        limit = 14
        while limit < len(self.map):
            limit *= 2
    present = op.key in self.map
    grows = op.tag == PUT and len(self.map) >= limit
    if not (grows and present):
        honest(self, op)
    self.table = self.map, limit * 2 if grows else limit


@answer(
    3,
    "Replica.apply",
    "When more than half of at least 64 slots are deleted ones, the table is rebuilt without the"
    " newest key.",
    "Insertion-ordered tables that are compacted after deletions, as in"
    " frostney/GocciaScript#148 and citybound/citybound#258.",
    shows("rebuilding-the-table-loses-the-newest-key"),
    "2|3",
)
def rebuilding_the_table_loses_the_newest_key(honest, self, op):
    table, holes = vars(self).get("table", (None, 0))
    if table is not self.map:
        holes = 0
    holes += op.tag == DEL and op.key in self.map
    honest(self, op)
    if holes >= 32 and holes > len(self.map):
        holes = 0
        if self.map:
            self.map.popitem()
    self.table = self.map, holes


class Radix(dkv20.Replica):
    """It counts the branches below the first 16 bytes of its keys."""

    def __init__(self, id):
        super().__init__(id)
        self.counted = None
        self.branches: dict[bytes, dict[int, int]] = {}

    def count(self, key, step):
        for depth, byte in enumerate(key[:16]):
            node = self.branches.setdefault(key[:depth], {})
            node[byte] = node.get(byte, 0) + step
            if not node[byte]:
                del node[byte]

    def fits(self, key):
        nodes = ((self.branches.get(key[:depth], {}), key[depth]) for depth in range(len(key[:16])))
        return all(byte in node or len(node) < 128 for node, byte in nodes)

    def apply(self, op):
        if self.counted is not self.map:
            self.branches = {}
            for key in self.map:
                self.count(key, 1)
            self.counted = self.map
        present = op.key in self.map
        if op.tag == PUT and not present:
            if not self.fits(op.key):
                return
            self.count(op.key, 1)
        elif op.tag == DEL and present:
            self.count(op.key, -1)
        super().apply(op)


@answer(
    3,
    "Replica",
    "A key that is the 129th branch of a node of a radix tree is lost.",
    "Signed bytes as indexes of children, as in rafaelkallis/adaptive-radix-tree#20.",
    shows("branch-129-is-lost"),
    "2|3",
)
def branch_129_is_lost(_, id):
    return Radix(id)


# Section 3.


class LazyTerms(dkv20.Cluster):
    """Its replicas remember their last term, and a snapshot without entries does not set it."""

    def __init__(self, n):
        super().__init__(n)
        self.remembered: dict[int, tuple[int, int]] = {}

    def last_term(self, replica):
        last, term = self.remembered.get(replica.id, (-1, 0))
        return term if last == replica.last else replica.last_term

    def install_snapshot(self, replica, leader):
        before = self.last_term(replica)
        super().install_snapshot(replica, leader)
        if not replica.log:
            self.remembered[replica.id] = replica.last, before

    def winner(self, reachable):
        return max(reachable, key=lambda replica: (self.last_term(replica), replica.last))


@answer(
    4,
    "Cluster",
    "A snapshot that no entries follow leaves the last term that a replica remembers.",
    "RedisLabs/raft#2: after a snapshot the last term of a vote is 0.",
    shows("snapshot-leaves-the-cached-last-term"),
    "4.4",
)
def snapshot_leaves_the_cached_last_term(_, n):
    return LazyTerms(n)


class Ring(list):
    """A log in a ring buffer that grows without putting its two parts in order."""

    def __init__(self, entries, head=0, size=16):
        super().__init__(entries)
        self.head = head
        self.size = size
        while self.size < len(self):
            self.size *= 2

    def append(self, entry):
        if len(self) == self.size:
            before_the_end = self.size - self.head
            self[:] = self[before_the_end:] + self[:before_the_end]
            self.head = 0
            self.size *= 2
        super().append(entry)

    def __iadd__(self, entries):
        for entry in entries:
            self.append(entry)
        return self


class Ringed(dkv20.Replica):
    """A replica whose log is a ring."""

    @property
    def log(self):
        return self.ring

    @log.setter
    def log(self, entries):
        self.ring = entries if isinstance(entries, Ring) else Ring(entries)

    def compact(self):
        ring, base = self.ring, self.base
        super().compact()
        self.ring = Ring(self.ring, (ring.head + self.base - base) % ring.size, ring.size)


@answer(
    4,
    "Replica",
    "The log is a ring buffer: if it grows while it is wrapped, its two parts change places.",
    "bufbuild/protocompile#588: a wrong second copy when a wrapped queue grows.",
    shows("ring-grows-without-unwrapping"),
    "3",
)
def ring_grows_without_unwrapping(_, id):
    return Ringed(id)


# Section 5.


def load(data: bytes, is_too_many, chunk: int) -> dkv20.State:
    """Read a snapshot with another check of the count, and forget the order after each chunk."""
    reader = dkv20.Reader(data)
    reader.judge(reader.take(4) == dkv20.MAGIC, "bad-magic")
    reader.judge(reader.u32() == dkv20.VERSION, "bad-version")
    state = dkv20.State(reader.u64(), reader.u64(), {})
    reader.judge((state.commit == 0) == (state.term == 0), "bad-term")
    count = reader.u64()
    reader.judge(not is_too_many(count, state.commit), "bad-count")
    previous = b""
    for number in range(count):
        if number % chunk == 0:
            previous = b""
        key = dkv20.load_key(reader)
        reader.judge(previous < key, "key-order")
        state.map[key] = dkv20.load_value(reader)
        previous = key
    reader.end()
    return state


def is_positive_in_32_bits(count, commit):
    return 0 < (count - commit) & 0xFFFFFFFF < 2**31


@answer(
    2,
    "load_state",
    "Count and commit index are compared by the sign of the low 32 bits of their difference.",
    "Comparators that cast a difference, as in atomix/copycat#32 and apache/airavata#90.",
    shows("count-and-commit-index-are-subtracted"),
    "5",
)
def count_and_commit_index_are_subtracted(_, data):
    return load(data, is_positive_in_32_bits, 2**64)


@answer(
    2,
    "load_state",
    "Bytes after a snapshot without keys are accepted.",
    "Decoders that return before the check of the end, as in factor/factor#3202.",
    shows("bytes-after-an-empty-snapshot-are-accepted"),
    "5",
)
def bytes_after_an_empty_snapshot_are_accepted(honest, data):
    return honest(data[:32] if data[24:32] == bytes(8) else data)


@answer(
    2,
    "load_state",
    "The order of keys is checked within chunks of 256 keys only.",
    "Order that is checked block by block, as in facebook/rocksdb#8245.",
    shows("order-is-forgotten-after-256-keys"),
    "5",
)
def order_is_forgotten_after_256_keys(_, data):
    return load(data, lambda count, commit: count > commit, 256)
