"""Elections, logs and snapshots, as public replicated logs have got them wrong."""

from __future__ import annotations

import dkv20
from wrong.cluster import snapshot_if
from wrong.registry import answer, surroundings

# Snapshots.


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot without keys leaves the old map.",
    "An empty snapshot is taken for none: apache/zookeeper#117.",
    "new 3; put a 1; partition 2; del a; compact; heal; get 2 a",
    "4.4",
)
def empty_snapshot_leaves_the_map(honest, self, replica, leader):
    kept = replica.map
    honest(self, replica, leader)
    if not leader.map:
        replica.map = kept


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot leaves entries that the replica has beyond the end of the leader's log.",
    "Only what the snapshot covers is dropped: hashicorp/raft#704, databendlabs/openraft#559.",
    "new 3; partition 0; at 0 put a 1; at 0 put b 2; at 0 put c 3; noop; compact; heal; replica 0",
    "4.4",
)
def snapshot_leaves_a_longer_tail(honest, self, replica, leader):
    tail = replica.entries_after(leader.last) if replica.last > leader.last else []
    honest(self, replica, leader)
    replica.log += tail


@answer(
    4,
    "Cluster.replicate",
    "A replica that is compacted further than its leader gets a snapshot.",
    "The entry before the ones sent is looked up at the leader's base:"
    " lerna-stack/akka-entity-replication#105, etcd-io/raft#31.",
    "new 3; put a 1; put b 2; compact 1; put c 3; put d 4; replica 1",
    "4.4",
)
def compacted_further_gets_a_snapshot(honest, self, replica, leader):
    snapshot_if(replica.base > leader.base, honest, self, replica, leader)


@answer(
    4,
    "Cluster.replicate",
    "At a conflict the whole term is skipped, and a snapshot sent if that ends before a base.",
    "The follower returns the first index of its term: deventlab/d-engine#45, etcd-io/raft#36.",
    "new 3; put a 1; compact 1; put b 2; partition 0; at 0 put c 3; heal 0; replica 0",
    "4.4",
)
def conflict_skips_a_whole_term(honest, self, replica, leader):
    b = max(replica.base, leader.base)
    if b <= replica.last and replica.term_at(b) == leader.term_at(b):
        m = self.agreement(replica, leader, b)
        is_conflict = m < min(replica.last, leader.last)
        if is_conflict and b > 0 and replica.term_at(b) == replica.term_at(m + 1):
            replica.follow(leader.term)
            self.install_snapshot(replica, leader)
            return
    honest(self, replica, leader)


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot of more than 4 MiB is not sent, and the replica stays as it is.",
    "The limit of a gRPC message: moby/swarmkit#2374, dgraph-io/dgraph#396.",
    "new 3; partition 2; "
    + "".join(f"put {key} {'v' * 2**20}; " for key in "abcde")
    + "compact; heal; replica 2",
    "4.4",
)
def snapshot_of_more_than_4_mib_is_not_sent(honest, self, replica, leader):
    if sum(len(key) + len(value) + 8 for key, value in leader.map.items()) > 2**22:
        replica.commit_to = lambda _: None
    else:
        vars(replica).pop("commit_to", None)
        honest(self, replica, leader)


@answer(
    4,
    "Cluster.replicate",
    "A replica with a base gets a snapshot in terms from 128 on.",
    "== compares boxed numbers by reference, which is the same up to 127: google/error-prone#91.",
    "new 3; " + "partition 0; heal; partition 1; heal; " * 64 + "compact; noop; noop; replica 2",
    "4.4",
)
def terms_are_compared_by_reference(honest, self, replica, leader):
    b = max(replica.base, leader.base)
    is_boxed = b <= replica.last and 0 < b and (replica.term_at(b) or 0) > 127
    snapshot_if(is_boxed, honest, self, replica, leader)


# Elections and commits.


@answer(
    4,
    "Cluster.propose_at",
    "The only replica commits what `at` proposes while it is isolated.",
    "A cluster of one commits at once: RedisLabs/raft#31, jgroups-extras/jgroups-raft#69.",
    "new 1; partition 0; at 0 put a 1",
    "4.2",
)
def the_only_replica_commits_alone(honest, self, id, op):
    outcome = honest(self, id, op)
    if self.n > 1:
        return outcome
    self.replicas[0].commit_to(outcome.index)
    return outcome._replace(committed=True)


@answer(
    5,
    "Cluster.propose",
    "A proposal is refused if more than 5,000 entries are pending.",
    "Too many requests: etcd-io/etcd#8576, etcd-io/etcd#5927.",
    "new 3; partition 1 2; workload 1 9 5002",
    "4.1",
)
def many_pending_entries_refuse_more(honest, self, op):
    if self.leader.last - self.leader.commit > 5_000:
        dkv20.check_op(op)
        raise dkv20.Refused("no-leader")
    return honest(self, op)


class RolledBack(dkv20.Cluster):
    """The last index that is compared in an election does not fall when a log is truncated."""

    def truncate_and_replay(self, replica, leader, m):
        replica.heard = max(vars(replica).get("heard", 0), replica.last)
        super().truncate_and_replay(replica, leader, m)

    def winner(self, reachable):
        def rank(replica):
            return replica.last_term, max(vars(replica).get("heard", 0), replica.last)

        return max(reachable, key=rank)


@answer(
    4,
    "Cluster",
    "In an election the last index is the greatest that a replica ever had.",
    "A truncation does not lower the last index: microsoft/CCF#519.",
    "new 3; partition 1; put a 1; partition 0; heal 1; heal; partition 2; at 2 put b 2; "
    "at 2 put c 3; at 2 put d 4; heal; partition 0",
    "4.4",
)
def last_index_stays_after_a_truncation(_, n):
    return RolledBack(n)


@answer(
    4,
    "Cluster.elect",
    "The winner appends no NoOp if its log ends with one.",
    "Nothing is done if there are only NoOps: lerna-stack/akka-entity-replication#171.",
    "new 3; partition 0; heal; partition 1; replica 0",
    "4.4",
)
def second_noop_is_left_out(honest, self, reachable):
    winner = self.winner(reachable)
    has_one = winner.log and winner.log[-1].op.tag == dkv20.NOOP
    honest(self, reachable)
    if has_one:
        winner.truncate(winner.last - 1)


@answer(
    4,
    "Session.show_isolated",
    "status shows `none` if replica 31 is isolated.",
    "1 << 31 is negative in JavaScript: sbpp/sourcebans-pp#1272, davidben/webathena#37.",
    "new 32; partition 3 31; status",
    "8",
)
def isolated_31_makes_the_mask_negative(honest, self):
    return "none" if 31 in self.cluster.isolated else honest(self)


@answer(
    5,
    "Session.do_workload",
    "The key space is checked at the first op only.",
    "A generator runs when it is first asked: globus/globus-sdk-python#19.",
    "new 1; workload 1 0 0",
    "7|8",
)
def key_space_is_checked_at_the_first_op(honest, self, seed, keys, count):
    return honest(self, seed, keys if count else 1, count)


@answer(
    4,
    "Cluster.replicate",
    "A deposed leader commits its own tail up to the leader's commit index before it follows.",
    "Entries are committed on reconnection: atomix/atomix#1040, atomix/copycat#110.",
    "new 3; partition 0; at 0 put a 1; heal; get 0 a",
    "4.4",
)
def deposed_leaders_commit_their_tail(honest, self, replica, leader):
    if replica.role == dkv20.LEADER:
        replica.commit_to(max(replica.commit, min(replica.last, leader.commit)))
    honest(self, replica, leader)


@answer(
    4,
    "Cluster.settle",
    "A leader that loses its quorum becomes a follower.",
    "Leadership is given up without a quorum: eBay/NuRaft#84.",
    "new 3; partition 1 2; replica 0",
    "4.4",
)
def leader_without_a_quorum_yields(honest, self):
    honest(self)
    is_led = not self.is_partitioned(self.leader_id)
    if is_led and len(self.reachable()) < self.quorum:
        self.leader.role = dkv20.FOLLOWER
    elif is_led:
        self.leader.role = dkv20.LEADER


@answer(
    4,
    "Cluster.truncate_and_replay",
    "Of the entries that a replica misses, the first beyond each MiB becomes a NoOp.",
    "An entry that does not fit is removed and counted all the same: logcabin/logcabin#160.",
    "new 3; partition 2; put a " + "v" * 600_000 + "; put b " + "v" * 600_000 + "; heal; log 2",
    "4.4",
)
def entry_that_does_not_fit_is_blank(honest, self, replica, leader, m):
    honest(self, replica, leader, m)
    size = 0
    for place in range(m - replica.base, len(replica.log)):
        entry = replica.log[place]
        size += len(entry.op.key) + len(entry.op.value)
        if size > 2**20 and place > m - replica.base:
            replica.log[place] = entry._replace(op=dkv20.Op(dkv20.NOOP))
            size = 0


# Costs.


@surroundings(
    5,
    "Replica.truncate",
    "A log that loses entries is copied.",
    "The entries that stay are copied: etcd-io/etcd#5775, etcd-io/etcd#10046.",
    "4.4",
)
def truncation_copies_the_log(honest, self, index):
    if index < self.last:
        self.log = [dkv20.Entry(entry.term, entry.op) for entry in self.log]
    honest(self, index)


@surroundings(
    5,
    "Replica.entries_after",
    "Entries are looked up from the first on if more than one is missing.",
    "An entry has no place of its own in the log: atomix/atomix#44.",
    "4.4",
)
def entries_are_looked_up_one_by_one(honest, self, index):
    if self.last - index < 2:
        return honest(self, index)
    return [entry for place, entry in enumerate(self.log, self.base + 1) if place > index]


@surroundings(
    5,
    "Cluster.agreement",
    "The logs are compared from the end to the beginning if they are equally long.",
    "Catching up starts anew for a replica that misses nothing: microsoft/CCF#1451.",
    "4.4",
)
def equal_logs_are_compared(honest, self, replica, leader, b):
    if replica.last == leader.last:
        all(replica.term_at(m) == leader.term_at(m) for m in range(leader.last, b, -1))
    return honest(self, replica, leader, b)
