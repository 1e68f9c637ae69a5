"""Logs: chunks, bases, tails, batches, snapshots between replicas. The reports named are public."""

from __future__ import annotations

import dkv20
from wrong.cluster import snapshot_if
from wrong.registry import answer, behaviour

# Truncation.

CHUNK = 32


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A log that is truncated to the beginning of a chunk of 32 keeps one stale entry there.",
    "A writer that is not reset at the beginning of a segment, as in atomix/atomix#295.",
    "new 3" + "; noop" * 32 + "; partition 0; at 0 put a 1; heal; log 0",
    "4.4",
)
def stale_entry_stays_at_the_start_of_a_chunk(honest, self, replica, leader, m):
    stale = replica.entries_after(m)[:1] if m and m % CHUNK == 0 else []
    honest(self, replica, leader, m)
    if stale:
        replica.log[m - replica.base] = stale[0]


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A log is not truncated at its very beginning.",
    "Inconsistent entries at the beginning of a log, as in atomix/atomix#553.",
    "new 3; partition 0; at 0 put a 1; heal; log 0",
    "4.4",
)
def first_entry_is_not_truncated(honest, self, replica, leader, m):
    if m == replica.base < replica.last:
        replica.log += leader.entries_after(max(m, replica.last))
    else:
        honest(self, replica, leader, m)


class SkipsLonger(dkv20.Cluster):
    """A replica whose log is longer than the leader's is left as it is."""

    def replicate(self, replica, leader):
        if replica.last > leader.last:
            replica.follow(leader.term)
        else:
            super().replicate(replica, leader)

    def commit(self, reachable):
        super().commit([r for r in reachable if r.last <= self.leader.last])


@answer(
    4,
    "Cluster",
    "A replica whose log is longer than the leader's is not synchronised until they are equal.",
    "The follower's last index is the hint after a conflict, as in cubefs/cubefs#2428.",
    "new 5; partition 0; at 0 noop; at 0 noop; heal; replica 0",
    "4.4",
)
def longer_log_waits(_, n):
    return SkipsLonger(n)


class Caches(dkv20.Cluster):
    """A leader sends entries from a cache of what it has appended."""

    def __init__(self, n):
        super().__init__(n)
        self.caches = [{} for _ in range(n)]

    def remember(self, replica):
        self.caches[replica.id][replica.last] = replica.log[-1]

    def propose_at(self, id, op):
        outcome = super().propose_at(id, op)
        if self.is_partitioned(id):
            self.remember(self.replicas[id])
        return outcome

    def truncate_and_replay(self, replica, leader, m):
        cache = self.caches[leader.id]
        sent = [cache.get(i, e) for i, e in enumerate(leader.entries_after(m), m + 1)]
        replica.truncate(m)
        replica.log += sent


@answer(
    4,
    "Cluster",
    "A leader sends an entry that it appended itself, though it was truncated since.",
    "A cache of entries that keeps those of old terms, as in cockroachdb/cockroach#36360.",
    "new 5; partition 4; noop; partition 0; at 0 put a 1; heal 0; partition 1; heal 4; get 4 a",
    "4.4",
)
def cached_entries_outlive_truncation(_, n):
    return Caches(n)


@behaviour(
    5,
    "Cluster.agreement",
    "A stale suffix of a thousand entries exhausts the stack.",
    "Recursion over the entries, as in uwplse/verdi-raft#49.",
    "4.4",
)
def agreement_is_recursive(honest, self, replica, leader, b):
    def agreement(m):
        is_equal = m <= b or replica.term_at(m) == leader.term_at(m)
        return m if is_equal else agreement(m - 1)

    return agreement(min(replica.last, leader.last))


# Batches.


class Batches(dkv20.Cluster):
    """Replicas get a limited batch of entries on each settle."""

    def limit(self, entries):
        """Return how many of the entries are sent."""
        raise NotImplementedError

    def truncate_and_replay(self, replica, leader, m):
        entries = leader.entries_after(m)
        replica.truncate(m)
        replica.log += entries[: self.limit(entries)]

    def commit(self, reachable):
        if len(reachable) >= self.quorum:
            self.leader.commit_to(self.leader.last)
        for replica in reachable:
            replica.commit_to(min(self.leader.commit, replica.last))


class BatchesOf1024(Batches):
    """At most 1,024 entries are sent."""

    def limit(self, _):
        return 1_024


class BatchesOf1MiB(Batches):
    """At most 1 MiB of entries is sent, but at least one entry."""

    def limit(self, entries):
        size = 0
        for count, entry in enumerate(entries):
            size += len(dkv20.encode_op(entry.op))
            if count and size > 1_048_576:
                return count
        return len(entries)


@answer(
    4,
    "Cluster",
    "A replica that lags gets at most 1,024 entries on each settle.",
    "A limit of a message, and no further message: RedisLabs/raft#67, cowsql/raft#73.",
    "new 3; partition 2; workload 1 9 1025; heal; replica 2",
    "4.4",
)
def replay_of_1024_entries_at_most(_, n):
    return BatchesOf1024(n)


@answer(
    4,
    "Cluster",
    "A replica that lags gets at most 1 MiB of entries, or one entry, on each settle.",
    "A limit of a message by its size, as in RedisLabs/raft#67 and etcd-io/etcd#2531.",
    "new 3; partition 2; put a 1; put b " + "v" * 1_048_570 + "; heal; replica 2",
    "4.4",
)
def replay_of_1_mib_at_most(_, n):
    return BatchesOf1MiB(n)


@answer(
    4,
    "Cluster.replicate",
    "A replica that misses more than 64 entries gets a snapshot.",
    "Followers that are far behind get the newer snapshot, since it is cheaper.",
    "new 3; partition 2" + "; noop" * 65 + "; heal; replica 2",
    "4.4",
)
def far_behind_means_a_snapshot(honest, self, replica, leader):
    snapshot_if(leader.last - replica.last > 64, honest, self, replica, leader)


# Bases.


@answer(
    4,
    "Replica.compact",
    "Compaction of a replica that has committed nothing sets the base term to the replica's term.",
    "A snapshot at index 0, as in nats-io/nats-server#3844.",
    "new 1; compact; hash 0",
    "4.5",
)
def compaction_at_0_has_a_term(honest, self):
    honest(self)
    if self.base == 0:
        self.base_term = self.term


@answer(
    4,
    "Replica.compact",
    "If nothing is committed, compaction sets the base term to that of the first pending entry.",
    "The start term is that of the next entry, as in goraft/raft#99.",
    "new 3; partition 1 2; noop; compact; hash 0",
    "4.5",
)
def base_term_of_a_pending_entry(honest, self):
    honest(self)
    if self.base == 0 and self.log:
        self.base_term = self.log[0].term


@answer(
    4,
    "Replica.compact",
    "A second compaction at the same index forgets the term.",
    "A compaction that has nothing to do, and does it all the same: etcd-io/etcd#1784.",
    "new 1; noop; compact; compact; hash 0",
    "4.5",
)
def second_compaction_forgets_the_term(honest, self):
    was_compacted = self.base == self.commit
    honest(self)
    if was_compacted:
        self.base_term = 0


@answer(
    4,
    "Cluster.compact",
    "A log is only compacted up to what every replica has committed.",
    "Logs are kept for followers that lag, as etcd and Kafka do.",
    "new 3; partition 2; noop; compact; replica 0",
    "4.5",
)
def compaction_waits_for_those_that_lag(_, self, ids):
    self.check_ids(ids)
    for id in ids:
        replica = self.replicas[id]
        index = max(replica.base, min(other.commit for other in self.replicas))
        term, log = replica.term_at(index), replica.entries_after(index)
        replica.base, replica.base_term, replica.log = index, term, log


@answer(
    4,
    "Cluster.replicate",
    "A replica whose log ends at the leader's base gets a snapshot.",
    "`<=` for `<` when the leader's first index is compared.",
    "new 2; noop; compact 0; noop; replica 1",
    "4.4",
)
def log_that_ends_at_the_base_gets_a_snapshot(honest, self, replica, leader):
    snapshot_if(replica.last == leader.base, honest, self, replica, leader)


@answer(
    4,
    "Cluster.replicate",
    "A replica whose whole log is stale gets a snapshot, since its base's term is not looked up.",
    "The entry before a log is in its snapshot, as in MicroRaft/MicroRaft#54 and"
    " nats-io/nats-server#7095.",
    "new 3; noop; compact 0; partition 0; at 0 noop; heal; replica 0",
    "4.4",
)
def stale_log_after_a_base_gets_a_snapshot(honest, self, replica, leader):
    base, last = replica.base, replica.last
    is_stale = leader.base <= base < last and replica.term_at(base + 1) != leader.term_at(base + 1)
    snapshot_if(base > 0 and is_stale, honest, self, replica, leader)


@answer(
    4,
    "Replica.term_at",
    "The term of an entry at the beginning of a chunk of 64 is that of the entry before.",
    "A boundary of segments is looked up in the segment before.",
    "new 3" + "; noop" * 64 + "; partition 0; hash 1",
    "3",
)
def term_at_a_chunk_is_the_one_before(honest, self, index):
    if index % 64 == 1 and self.base < index - 1 and index <= self.last:
        index -= 1
    return honest(self, index)


# Snapshots between replicas.

SIXTEEN = "; ".join(f"put k{number} 1" for number in range(16))


@answer(
    4,
    "Cluster.install_snapshot",
    "If the number of keys is a multiple of 16, the last 16 of a snapshot are not sent.",
    "A chunk that is exactly full is not followed by the end, as in a review of tikv/tikv#13776.",
    f"new 3; partition 2; {SIXTEEN}; compact; heal; get 2 k9",
    "4.4",
)
def last_full_chunk_is_not_sent(honest, self, replica, leader):
    honest(self, replica, leader)
    if len(replica.map) % 16 == 0:
        for key in sorted(replica.map)[-16:]:
            del replica.map[key]


@answer(
    4,
    "Cluster.install_snapshot",
    "A replica that installs a snapshot takes the term of the snapshot's last entry as its own.",
    "The receiver's current term is set from the message, as in jgroups-extras/jgroups-raft#23.",
    "new 3; partition 2; noop; compact; partition 0; heal 2; replica 2",
    "4.4",
)
def snapshot_sets_the_replicas_term(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.term = replica.base_term


@answer(
    4,
    "Cluster.install_snapshot",
    "The leader commits before it sends a snapshot, which then covers the new entries.",
    "Acknowledgements of other followers arrive first.",
    "new 3; partition 2; noop; compact; partition 0; heal 2; replica 2",
    "4.4",
)
def leader_commits_before_the_snapshot(honest, self, replica, leader):
    if len(self.reachable()) >= self.quorum:
        leader.commit_to(leader.last)
    honest(self, replica, leader)


@answer(
    4,
    "Cluster.install_snapshot",
    "After a snapshot from a leader with nothing uncompacted, both have the same log.",
    "A slice of everything is the list itself; a shared array, as in Go's append.",
    "new 3; partition 2; noop; compact; heal; partition 2; noop; replica 2",
    "4.4",
)
def snapshot_shares_an_empty_log(honest, self, replica, leader):
    honest(self, replica, leader)
    if leader.base == leader.commit:
        replica.log = leader.log


# Hashes of logs.


@answer(
    5,
    "Replica.dump_log",
    "In the log's hash an index has 16 bits.",
    "Positions within a segment, as in eraft-io/eraft#95, where 256 entries overflow.",
    "new 1; workload 1 9 65536; log 0",
    "8",
)
def log_hash_has_indexes_of_16_bits(_, self):
    return b"".join(
        dkv20.u64(index & 0xFFFF) + dkv20.u64(entry.term) + dkv20.encode_op(entry.op)
        for index, entry in enumerate(self.log, self.base + 1)
    )
