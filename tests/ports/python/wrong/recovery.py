"""Level 4: catching up, snapshots, compaction."""

from __future__ import annotations

import dkv20
from wrong.cluster import dump_log_from
from wrong.registry import answer

# Catching up.


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A stale suffix is kept: only the leader's entries beyond it are appended.",
    "Followers ask for the entries after their last one.",
    "new 3; partition 0; at 0 noop; heal; log 0",
    section="4.4",
)
def stale_tail_is_kept(_, self, replica, leader, m):
    replica.log += leader.entries_after(max(m, replica.last))


@answer(
    4,
    "Cluster.truncate_and_replay",
    "The leader's entries overwrite a stale suffix, and its rest stays.",
    "Slots of an array are overwritten, and its length is kept.",
    "new 3; partition 0; at 0 noop; at 0 noop; heal; replica 0",
    section="4.4",
)
def longer_tail_is_kept(honest, self, replica, leader, m):
    rest = replica.entries_after(leader.last) if replica.last > leader.last else []
    honest(self, replica, leader, m)
    replica.log += rest


@answer(
    4,
    "Cluster.agreement",
    "Logs are assumed to agree up to the shorter one's end.",
    "Lengths are compared, and terms are not.",
    "new 3; partition 0; at 0 noop; heal; log 0",
    section="4.4",
)
def lengths_alone_are_compared(_, self, replica, leader, b):
    return min(replica.last, leader.last)


@answer(
    4,
    "Cluster.truncate_and_replay",
    "With a stale suffix the committed entries are also dropped from the log.",
    "The log is cleared and rebuilt from the commit index.",
    "new 3; put a 1; partition 0; at 0 noop; heal; replica 0",
    section="4.4",
)
def committed_entries_are_truncated(honest, self, replica, leader, m):
    if m < replica.last:
        replica.compact()
    honest(self, replica, leader, m)


@answer(
    4,
    "Replica.commit_to",
    "When several entries are replayed, the first is skipped.",
    "The commit index is raised before the loop that starts after it.",
    "new 3; partition 2; put a 1; put b 2; heal; get 2 a",
    section="4.4",
)
def replay_skips_the_first_entry(honest, self, index):
    if index > self.commit + 1:
        self.commit += 1
    honest(self, index)


@answer(
    4,
    "Replica.commit_to",
    "When several entries are replayed, the first is applied again after the last.",
    "An op is applied on receipt and again on commit; repeating it is harmless only in order.",
    "new 3; partition 2; put a 1; put a 2; heal; get 2 a",
    section="4.4",
)
def replay_applies_the_first_entry_twice(honest, self, index):
    first = self.commit + 1
    honest(self, index)
    if index > first:
        self.apply(self.entry(first).op)


@answer(
    4,
    "Replica.commit_to",
    "When several entries are replayed, they are applied from the last to the first.",
    "Entries are collected while walking back to the common index.",
    "new 3; partition 2; put a 1; put a 2; heal; get 2 a",
    section="4.4",
)
def replay_applies_backwards(_, self, index):
    for newly in range(index, self.commit, -1):
        self.apply(self.entry(newly).op)
    self.commit = max(self.commit, index)


@answer(
    4,
    "Replica.append",
    "Ops are applied when they are appended instead of when they commit.",
    "It is the same while nothing fails.",
    "new 3; partition 0; at 0 put a 1; get 0 a",
    section="3",
)
def applied_on_append(honest, self, op, term):
    honest(self, op, term)
    self.apply(op)


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A replica that replays adopts the leader's base.",
    "The leader's whole log is copied.",
    "new 2; put a 1; compact 0; put b 2; replica 1",
    section="4.4",
)
def replay_takes_the_leaders_base(honest, self, replica, leader, m):
    honest(self, replica, leader, m)
    if replica.base < leader.base <= replica.commit:
        replica.log = replica.entries_after(leader.base)
        replica.base, replica.base_term = leader.base, leader.base_term


@answer(
    4,
    "Cluster.commit",
    "Followers adopt the leader's commit index only with a quorum.",
    "Both parts of the step are under one condition.",
    "new 5; partition 4; put a 1; partition 1 2 3; heal 4; replica 4",
    section="4.4",
)
def commit_index_needs_a_quorum(honest, self, reachable):
    if len(reachable) >= self.quorum:
        honest(self, reachable)


# Snapshots.


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot is merged into the old map.",
    "Loading inserts keys without clearing the map first.",
    "new 3; put a 1; partition 2; del a; compact; heal; get 2 a",
    section="4.4",
)
def snapshot_is_laid_over_the_old_map(honest, self, replica, leader):
    old = replica.map
    honest(self, replica, leader)
    replica.map = {**old, **replica.map}


@answer(
    4,
    "Cluster.install_snapshot",
    "A replica that installs a snapshot shares the leader's map.",
    "Assignment copies a reference in Python, Java, Go and JavaScript.",
    "new 3; partition 2; put a 1; compact; heal; partition 2; put a 2; get 2 a",
    section="3|4.4",
)
def snapshot_shares_the_leaders_map(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.map = leader.map


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot's base is the leader's base.",
    "The leader's log is copied together with its base.",
    "new 3; partition 2; put a 1; compact; put b 2; heal; replica 2",
    section="4.4",
)
def snapshot_base_is_the_leaders_base(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.base, replica.base_term = leader.base, leader.base_term
    replica.log = list(leader.log)


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot's base term is the leader's current term.",
    "The sender's term is in the same message, as in Raft's InstallSnapshot.",
    "new 3; partition 2; put a 1; compact; partition 0; heal 2; noop; replica 2",
    section="4.4",
)
def snapshot_base_term_is_the_leaders_term(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.base_term = leader.term


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot's base term is that of the leader's last entry.",
    "The last term is available and usually the same.",
    "new 3; partition 2; put a 1; compact; partition 0; heal 2; noop; replica 2",
    section="4.4",
)
def snapshot_base_term_is_the_last_term(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.base_term = leader.last_term


@answer(
    4,
    "Cluster.install_snapshot",
    "A replica that installs a snapshot keeps its old base term.",
    "The index is set and the term is not.",
    "new 3; partition 2; put a 1; compact; heal; hash 2",
    section="4.4",
)
def snapshot_leaves_the_base_term(honest, self, replica, leader):
    old = replica.base_term
    honest(self, replica, leader)
    replica.base_term = old


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot covers the leader's whole log, also its uncommitted entries.",
    "The leader's last index is mistaken for its applied index.",
    "new 5; partition 4; put a 1; compact; partition 1 2 3; put b 2; heal 4; replica 4",
    section="4.4",
)
def snapshot_goes_to_the_last_index(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.base_term = leader.last_term
    replica.base = replica.commit = leader.last
    replica.log = []


@answer(
    4,
    "Cluster.install_snapshot",
    "The entries after a snapshot are not sent.",
    "The snapshot is thought to be the whole state.",
    "new 5; partition 4; put a 1; compact; partition 1 2 3; put b 2; heal 4; replica 4",
    section="4.4",
)
def snapshot_without_the_entries_after_it(honest, self, replica, leader):
    honest(self, replica, leader)
    if len(self.reachable()) < self.quorum:
        replica.log = []


@answer(
    4,
    "Cluster.install_snapshot",
    "A replica with a long enough log gets no snapshot although its term at the base differs.",
    "Indexes are compared, and terms are not.",
    "new 3; partition 0; at 0 noop; at 0 noop; put a 1; compact; heal; replica 0",
    section="4.4",
)
def no_snapshot_for_another_term(honest, self, replica, leader):
    b = max(replica.base, leader.base)
    if replica.last < b:
        honest(self, replica, leader)
    else:
        self.truncate_and_replay(replica, leader, b)


# Compaction, and observers of a compacted log.


@answer(
    4,
    "Replica.compact",
    "Compaction forgets the term at the base.",
    "The log is emptied together with its last term.",
    "new 1; put a 1; compact; hash 0",
    section="4.5",
)
def compaction_forgets_the_term(honest, self):
    honest(self)
    self.base_term = 0


@answer(
    4,
    "Replica.compact",
    "Compaction drops the whole log, also uncommitted entries.",
    "The last index is mistaken for the commit index.",
    "new 3; partition 1 2; put a 1; compact; replica 0",
    section="4.5",
)
def compaction_drops_what_is_pending(_, self):
    self.base_term = self.last_term
    self.base = self.commit = self.last
    self.log = []


@answer(
    4,
    "Replica.compact",
    "Compaction commits pending entries.",
    "A snapshot is made at the last index, so everything is applied first.",
    "new 3; partition 1 2; put a 1; compact; get 0 a",
    section="4.5",
)
def compaction_moves_the_commit_index(honest, self):
    self.commit_to(self.last)
    honest(self)


@answer(
    4,
    "Replica.compact",
    "Compaction keeps the last committed entry.",
    "It keeps the entry instead of its term.",
    "new 1; put a 1; compact; replica 0",
    section="4.5",
)
def compaction_keeps_one_entry(_, self):
    base = max(self.base, self.commit - 1)
    self.base_term, self.log = self.term_at(base), self.entries_after(base)
    self.base = base


@answer(
    4,
    "Session.do_compact",
    "compact without ids skips the isolated replicas.",
    "Commands to all replicas go to the reachable ones.",
    "new 3; put a 1; partition 2; compact; replica 2",
    section="4.5",
)
def bare_compact_leaves_out_the_isolated(honest, self, *ids):
    return honest(self, *(ids or [replica.id for replica in self.cluster.reachable()]))


@answer(
    4,
    "Session.do_compact",
    "compact without ids compacts no replica.",
    "An empty list means no replica.",
    "new 1; put a 1; compact; replica 0",
    section="4.5",
)
def bare_compact_compacts_nobody(_, self, *ids):
    self.cluster.compact(ids)


@answer(
    4,
    "Session.do_compact",
    "compact with ids compacts every replica.",
    "The ids are checked and then not used.",
    "new 2; put a 1; compact 0; replica 1",
    section="4.5",
)
def compact_with_ids_compacts_all(honest, self, *ids):
    self.cluster.check_ids(ids)
    return honest(self)


@answer(
    4,
    "Replica.dump_log",
    "In the log's hash the indexes start at the base.",
    "It uses positions in an array.",
    "new 1; put a 1; compact; put b 2; log 0",
    section="8",
)
def log_hash_counts_from_the_base(_, self):
    return dump_log_from(self, 1)


@answer(
    4,
    "Replica.dump_log",
    "The log's hash omits uncommitted entries.",
    "The committed part is what all replicas share.",
    "new 3; partition 1 2; put a 1; log 0",
    section="8",
)
def log_hash_of_the_committed(honest, self):
    committed = dkv20.Replica(self.id)
    committed.base, committed.log = self.base, self.log[: self.commit - self.base]
    return honest(committed)


@answer(
    4,
    "Session.do_get",
    "get reads uncommitted entries.",
    "Users expect to read their own writes.",
    "new 3; partition 1 2; put a 1; get 0 a",
    section="8",
)
def get_reads_what_is_pending(honest, self, id, key):
    answer = honest(self, id, key)
    replica = self.cluster.replica(id)
    pending = [op for _, op in replica.entries_after(replica.commit) if op.key == key]
    if not pending:
        return answer
    return self.show_bytes(pending[-1].value) if pending[-1].tag == dkv20.PUT else "none"


@answer(
    4,
    "Replica.state",
    "The dump's term is that of the last entry.",
    "The two are equal if nothing is pending.",
    "new 3; partition 1 2; put a 1; hash 0",
    section="5",
)
def dump_has_the_last_term(honest, self):
    return honest(self)._replace(term=self.last_term)
