"""Elections, terms, commits, reachability and reads. The reports named are public."""

from __future__ import annotations

import dkv20
from dkv20 import Refused
from wrong.registry import answer

# Elections.


def flips(count):
    """Return commands for so many elections, which replicas 0 and 1 win by turns."""
    return "; ".join(f"partition {number % 2}; heal" for number in range(count))


@answer(
    4,
    "Cluster.winner",
    "Terms are compared as text, so that 9 is newer than 10.",
    "Numbers as text in a protocol or a store, as in python-zk/kazoo#730.",
    f"new 5; {flips(8)}; partition 4; partition 0; heal 0; partition 1 2; heal 4",
    "4.4",
)
def terms_are_compared_as_text(_, self, reachable):
    return max(reachable, key=lambda replica: (str(replica.last_term), replica.last))


@answer(
    5,
    "Cluster.winner",
    "Last term and last index are packed into one number, with ten bits for the index.",
    "An epoch above a counter that overflows into it, as in apache/zookeeper#262.",
    "new 5; partition 1 2 3; workload 1 9 1100; partition 0 4; heal 1 2 3; partition 1; heal 4",
    "4.4",
)
def index_overflows_into_the_term(_, self, reachable):
    return max(reachable, key=lambda replica: (replica.last_term << 10) + replica.last)


@answer(
    4,
    "Cluster.winner",
    "In an election the last term of an empty log is 0.",
    "The term is that of the last entry that is there, and not of the snapshot.",
    "new 3; noop; compact 1; partition 0; log 2",
    "4.4",
)
def empty_log_has_no_term_in_an_election(_, self, reachable):
    def newness(replica):
        return (replica.log[-1].term if replica.log else 0, replica.last)

    return max(reachable, key=newness)


@answer(
    4,
    "Cluster.winner",
    "In an election the numbers of entries are compared, not the last indexes.",
    "The length of a list is the last index as long as nothing is compacted.",
    "new 3; noop; compact 1; partition 0",
    "4.4",
)
def number_of_entries_decides(_, self, reachable):
    return max(reachable, key=lambda replica: (replica.last_term, len(replica.log)))


@answer(
    4,
    "Cluster.winner",
    "Among equals the leader before the last one wins.",
    "A preferred leader, as Kafka and Cassandra have it, gets its role back.",
    "new 5; partition 0; partition 1; heal 0 1; partition 2",
    "4.4",
)
def leader_before_is_preferred(honest, self, reachable):
    best = honest(self, reachable)
    equals = [r for r in reachable if (r.last_term, r.last) == (best.last_term, best.last)]
    before = vars(self).get("before")
    self.before = self.leader_id
    return next((r for r in equals if r.id == before), best)


@answer(
    4,
    "Cluster.heal",
    "heal elects no leader, even if it makes a quorum reachable.",
    "An election starts when a failure is noticed, and nothing fails then.",
    "new 3; partition 0 1; heal 1",
    "4.3",
)
def heal_does_not_elect(honest, self, ids):
    self.check_ids(ids)
    if self.is_partitioned(self.leader_id) and self.leader_id not in ids:
        self.isolated.difference_update(ids)
        self.step_down(self.reachable())
    else:
        honest(self, ids)


@answer(
    4,
    "Cluster.settle",
    "The isolated leader does not count as a member when a leader is elected.",
    "It is removed from the members first; on even sizes the majority is smaller then.",
    "new 4; partition 0 1",
    "4.4",
)
def failed_leader_is_no_member(honest, self):
    reachable = self.reachable()
    if self.is_partitioned(self.leader_id) and len(reachable) >= (self.n - 1) // 2 + 1:
        self.elect(reachable)
    honest(self)


@answer(
    4,
    "Cluster.elect",
    "The cluster's term has 8 bits.",
    "A small type for what grows slowly.",
    f"new 3; {flips(255)}; status",
    "4.4",
)
def term_has_8_bits(honest, self, reachable):
    if self.term == 255:
        self.term = -1
    honest(self, reachable)


@answer(
    4,
    "Cluster.step_down",
    "Without a leader the reachable replicas take the newest term among them.",
    "In Raft every message carries a term, also those of failed elections.",
    "new 5; partition 0; partition 1 2 3; heal 0; replica 0",
    "4.4",
)
def newest_term_spreads_without_a_leader(honest, self, reachable):
    honest(self, reachable)
    newest = max((replica.term for replica in reachable), default=0)
    for replica in reachable:
        replica.term = newest


# Commits.


class Acknowledges(dkv20.Cluster):
    """An entry commits when a quorum has it, reachable or not."""

    def __init__(self, n):
        super().__init__(n)
        self.matched = {}

    def elect(self, reachable):
        self.matched = {}
        super().elect(reachable)

    def commit(self, reachable):
        self.matched.update((replica.id, self.leader.last) for replica in reachable)
        matched = sorted(self.matched.values(), reverse=True)
        if len(matched) >= self.quorum and matched[self.quorum - 1] > self.leader.commit:
            self.leader.commit_to(matched[self.quorum - 1])
        for replica in reachable:
            replica.commit_to(self.leader.commit)


@answer(
    4,
    "Cluster",
    "An entry commits if a quorum has stored it, also replicas that are isolated since.",
    "Raft's match indexes, as in willemt/raft#15; camunda/camunda#8324 has a stale one.",
    "new 5; partition 1 2 3; put a 1; partition 4; heal 1; replica 0",
    "4.4",
)
def isolated_replicas_have_acknowledged(_, n):
    return Acknowledges(n)


@answer(
    4,
    "Cluster.heal",
    "A leader that returns as leader drops what it has appended in isolation.",
    "Logs are truncated to the high watermark on return, as Kafka did before KIP-101.",
    "new 3; partition 0 1; at 0 put a 1; heal; replica 0",
    "4.4",
)
def returning_leader_drops_its_tail(honest, self, ids):
    self.check_ids(ids)
    if self.is_partitioned(self.leader_id) and self.leader_id in ids:
        if self.n - len(self.isolated) < self.quorum:
            self.leader.truncate(self.leader.commit)
    honest(self, ids)


# Reachability.


class Counts(dkv20.Cluster):
    """It counts the isolated replicas by the ids that were named."""

    def __init__(self, n):
        super().__init__(n)
        self.down = 0

    def partition(self, ids):
        self.check_ids(ids)
        self.down += len(ids)
        super().partition(ids)

    def heal(self, ids):
        self.check_ids(ids)
        self.down = max(self.down - len(ids), 0)
        super().heal(ids)

    def settle(self):
        reachable = self.reachable()
        if self.is_partitioned(self.leader_id) and self.n - self.down >= self.quorum and reachable:
            self.elect(reachable)
        if self.is_partitioned(self.leader_id):
            self.step_down(reachable)
            return
        for replica in reachable:
            if replica is not self.leader:
                self.replicate(replica, self.leader)
        self.commit(reachable)

    def commit(self, reachable):
        if self.n - self.down >= self.quorum:
            self.leader.commit_to(self.leader.last)
        for replica in reachable:
            replica.commit_to(self.leader.commit)


@answer(
    4,
    "Cluster",
    "Naming an isolated id again, or twice, counts it twice when a quorum is looked for.",
    "A counter beside a set, which is raised for what the set has already.",
    "new 3; partition 2 2; put a 1",
    "4.3",
)
def isolated_ids_are_counted_twice(_, n):
    return Counts(n)


@answer(
    4,
    "Session.show_isolated",
    "status shows the isolated ids in the order of a hash table.",
    "A set is printed; small numbers look sorted in Python, and in Go no order is the same twice.",
    "new 9; partition 1 8; status",
    "8",
)
def isolated_ids_are_not_sorted(_, self):
    return ",".join(map(str, self.cluster.isolated)) or "none"


@answer(
    4,
    "Session.parse",
    "partition does not know an id that is written with a leading zero.",
    "Nodes are found by the text of their ids, as keys of an object in JavaScript.",
    "new 3; partition 01; status",
    "8",
)
def ids_of_partition_are_text(honest, self, found, arguments):
    parsed = honest(self, found, arguments)
    if found.method != "do_partition":
        return parsed
    return [id for id, token in zip(parsed, arguments) if token == b"%d" % id]


# Reads.


@answer(
    4,
    "Session.do_get",
    "get of any replica reads the current leader's map.",
    "Reads are linearizable by default and go to the leader, as in etcd.",
    "new 3; partition 2; put a 1; get 2 a",
    "8",
)
def get_reads_at_the_leader(honest, self, id, key):
    self.cluster.check_ids([id])
    return honest(self, self.cluster.leader_id, key)


@answer(
    4,
    "Session.do_get",
    "get of an isolated replica is refused.",
    "A replica without contact to a leader cannot serve a read that is surely current.",
    "new 3; put a 1; partition 2; get 2 a",
    "8",
)
def get_of_an_isolated_replica_is_refused(honest, self, id, key):
    found = honest(self, id, key)
    if self.cluster.is_partitioned(id):
        raise Refused("no-leader")
    return found
