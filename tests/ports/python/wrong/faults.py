"""Level 4: partitions, elections, roles."""

from __future__ import annotations

import dkv20
from dkv20 import FOLLOWER, LEADER, NOOP, Op, Outcome, Refused
from wrong.registry import answer

# Proposing.


@answer(
    4,
    "Session.show_outcome",
    "The answer for a pending entry says committed.",
    "A client library treats an appended entry as done.",
    "new 3; partition 1 2; put a 1",
    section="4.1",
)
def pending_is_shown_as_committed(honest, self, outcome):
    return honest(self, outcome._replace(committed=True))


@answer(
    4,
    "Cluster.propose",
    "If the leader is isolated, a refused put stays in its log.",
    "The entry is appended first, and the error occurs when it is sent.",
    "new 3; partition 0 1; put a 1; replica 0",
    section="1",
)
def put_without_a_leader_is_appended(honest, self, op):
    try:
        return honest(self, op)
    except Refused as error:
        if str(error) == "no-leader":
            self.leader.append(op, self.leader.term)
        raise


@answer(
    4,
    "Cluster.propose",
    "no-leader comes before key-length and value-length.",
    "The state is checked before the arguments are validated.",
    "new 3; partition 0 1; put 0x 1",
    section="4.1",
)
def no_leader_before_key_length(honest, self, op):
    if self.is_partitioned(self.leader_id):
        raise Refused("no-leader")
    return honest(self, op)


@answer(
    4,
    "Cluster.propose_at",
    "key-length comes before unknown-replica in `at`.",
    "Arguments are validated before anything is looked up.",
    "new 1; at 9 put 0x 1",
    section="4.2",
)
def key_length_before_unknown_replica_in_at(honest, self, id, op):
    dkv20.check_op(op)
    return honest(self, id, op)


@answer(
    4,
    "Cluster.propose_at",
    "not-leader comes before key-length in `at`.",
    "The role is checked as soon as the replica is found.",
    "new 2; at 1 put 0x 1",
    section="4.2",
)
def not_leader_before_key_length_in_at(honest, self, id, op):
    if self.replica(id).role != LEADER:
        raise Refused("not-leader")
    return honest(self, id, op)


@answer(
    4,
    "Session.look_up",
    "`at` with a word other than noop, put and del is a syntax error.",
    "The inner command is parsed as an argument.",
    "new 1; at 0 set a",
    section="8",
)
def at_with_another_word_is_syntax(honest, self, tokens):
    try:
        return honest(self, tokens)
    except Refused:
        raise Refused("syntax" if tokens[0] == b"at" else "unknown-command") from None


@answer(
    4,
    "Cluster.propose_at",
    "`at` a follower proposes to the leader.",
    "In many replicated stores followers forward proposals.",
    "new 2; at 1 noop",
    section="4.2",
)
def follower_forwards(honest, self, id, op):
    is_follower = id < self.n and self.replica(id).role != LEADER
    return self.propose(op) if is_follower else honest(self, id, op)


@answer(
    4,
    "Cluster.propose_at",
    "`at` the reachable leader appends and does not settle.",
    "The two cases of `at` are written as one.",
    "new 1; at 0 noop",
    section="4.2",
)
def at_the_leader_does_not_settle(honest, self, id, op):
    if id != self.leader_id or self.is_partitioned(id):
        return honest(self, id, op)
    dkv20.check_op(op)
    self.leader.append(op, self.leader.term)
    return Outcome(committed=False, index=self.leader.last, term=self.leader.term)


@answer(
    4,
    "Cluster.propose_at",
    "`at` an isolated leader appends with the cluster's term instead of the replica's own.",
    "A simulation has a global term beside those of the replicas.",
    "new 3; partition 0; at 0 noop",
    section="4.2",
)
def at_appends_with_the_clusters_term(honest, self, id, op):
    outcome = honest(self, id, op)
    if self.is_partitioned(id):
        self.replica(id).log[-1] = dkv20.Entry(self.term, op)
        return outcome._replace(term=self.term)
    return outcome


@answer(
    4,
    "Cluster.propose_at",
    "An isolated leader commits the entries that `at` proposes to it.",
    "The leader counts its own acknowledgement and does not wait for more.",
    "new 3; partition 0; at 0 put a 1",
    section="4.2",
)
def isolated_leader_commits_alone(honest, self, id, op):
    outcome = honest(self, id, op)
    if not self.is_partitioned(id):
        return outcome
    self.replica(id).commit_to(outcome.index)
    return outcome._replace(committed=True)


@answer(
    4,
    "Cluster.propose_at",
    "An isolated leader refuses what `at` proposes to it.",
    "A leader with a lease or a quorum check refuses proposals.",
    "new 3; partition 0; at 0 noop",
    section="4.2",
)
def isolated_leader_refuses(honest, self, id, op):
    if id in self.isolated and self.replica(id).role == LEADER:
        raise Refused("no-leader")
    return honest(self, id, op)


# Isolating and healing.


@answer(
    4,
    "Cluster.partition",
    "partition isolates the ids before the first unknown one, then returns the error.",
    "One loop both checks and changes.",
    "new 3; partition 1 9; status",
    section="1",
)
def refused_partition_isolates(honest, self, ids):
    for id in ids:
        self.check_ids([id])
        self.isolated.add(id)
    honest(self, ids)


@answer(
    4,
    "Cluster.heal",
    "heal heals the ids before the first unknown one, then returns the error.",
    "One loop both checks and changes.",
    "new 3; partition 1; heal 1 9; status",
    section="1",
)
def refused_heal_heals(honest, self, ids):
    for id in ids:
        self.check_ids([id])
        self.isolated.discard(id)
    honest(self, ids)


@answer(
    4,
    "Cluster.compact",
    "compact compacts the ids before the first unknown one, then returns the error.",
    "One loop both checks and changes.",
    "new 1; noop; compact 0 9; replica 0",
    section="1",
)
def refused_compact_compacts(_, self, ids):
    for id in ids:
        self.replica(id).compact()


@answer(
    4,
    "Cluster.partition",
    "A refused partition raises the term.",
    "The term is raised before it is known whether there is an election.",
    "new 3; partition 9; status",
    section="1",
)
def refused_partition_raises_the_term(honest, self, ids):
    try:
        honest(self, ids)
    except Refused:
        self.term += 1
        raise


@answer(
    4,
    "Session.do_heal",
    "heal without ids heals no replica.",
    "An empty list means no replica.",
    "new 3; partition 1; heal; status",
    section="4.3",
)
def bare_heal_heals_nobody(_, self, *ids):
    self.cluster.heal(ids)
    return self.show_leader()


@answer(
    4,
    "Session.do_partition",
    "partition without ids isolates every replica.",
    "heal and compact without ids mean all.",
    "new 3; partition; status",
    section="4.3",
)
def bare_partition_isolates_all(honest, self, *ids):
    return honest(self, *(ids or range(self.cluster.n)))


@answer(
    4,
    "Session.do_heal",
    "heal with ids heals every replica.",
    "Test harnesses often have one heal, which restores the whole network.",
    "new 3; partition 1 2; heal 1; status",
    section="4.3",
)
def heal_with_ids_heals_all(honest, self, *ids):
    self.cluster.check_ids(ids)
    return honest(self)


@answer(
    4,
    "Cluster.partition",
    "partition of an isolated replica makes it reachable.",
    "A set is toggled by symmetric difference.",
    "new 3; partition 1; partition 1; status",
    section="4.3",
)
def partition_toggles(honest, self, ids):
    self.check_ids(ids)
    before = self.isolated & set(ids)
    self.isolated.update(ids)
    self.isolated -= before
    honest(self, ())


@answer(
    4,
    "Cluster.partition",
    "partition replaces the set of isolated ids.",
    "The call is read as the state of the network, not as a change.",
    "new 3; partition 1; partition 2; status",
    section="4.3",
)
def partition_replaces(honest, self, ids):
    self.check_ids(ids)
    self.isolated.clear()
    honest(self, ids)


@answer(
    4,
    "Cluster.heal",
    "heal does not settle: replicas catch up with the next proposal or partition.",
    "In Raft they catch up with the leader's next message.",
    "new 3; partition 1; put a 1; heal; replica 1",
    section="4.3",
)
def heal_does_not_settle(_, self, ids):
    self.check_ids(ids)
    self.isolated.difference_update(ids)


@answer(
    4,
    "Cluster.heal",
    "heal elects a new leader although one is reachable.",
    "In Raft a replica that returns with a higher term deposes the leader.",
    "new 3; partition 1; heal",
    section="4.4",
)
def heal_elects_again(honest, self, ids):
    honest(self, ids)
    reachable = self.reachable()
    if self.leader in reachable and len(reachable) >= self.quorum:
        self.elect(reachable)
        self.settle()


@answer(
    4,
    "Cluster.settle",
    "Isolated replicas communicate with each other.",
    "A network partition usually has two sides that both go on.",
    "new 5; partition 0 1; at 0 put a 1; heal 2; replica 1",
    section="4",
)
def isolated_replicas_meet(honest, self):
    honest(self)
    isolated = [self.replicas[id] for id in sorted(self.isolated)]
    for leader in [replica for replica in isolated if replica.role == LEADER][:1]:
        for replica in isolated:
            if replica is not leader and newness(replica) <= newness(leader):
                self.replicate(replica, leader)


def newness(replica):
    return replica.last_term, replica.last


@answer(
    4,
    "Session.show_isolated",
    "status sorts the isolated ids as text.",
    "JavaScript's sort compares text by default.",
    "new 11; partition 2 10; status",
    section="8",
)
def isolated_ids_sorted_as_text(_, self):
    return ",".join(sorted(map(str, self.cluster.isolated))) or "none"


@answer(
    4,
    "Session.show_leader",
    "An isolated leader's id is shown instead of `none`.",
    "The current leader is kept whether or not it is reachable.",
    "new 3; partition 0 1",
    section="8",
)
def isolated_leader_is_shown(_, self):
    return f"leader={self.cluster.leader_id} term={self.cluster.term}"


@answer(
    4,
    "Session.do_status",
    "status shows the quorum of the reachable replicas.",
    "The size of a cluster is mistaken for the number of its live members.",
    "new 5; partition 3 4; status",
    # Section 4 has the quorum, and section 8 the field.
    section="4|8",
)
def status_shows_the_quorum_of_the_reachable(honest, self):
    wrong = len(self.cluster.reachable()) // 2 + 1
    return honest(self).replace(f"quorum={self.cluster.quorum}", f"quorum={wrong}")


# Elections.


@answer(
    4,
    "Cluster.commit",
    "Entries commit with a majority of the reachable replicas.",
    "Members that do not answer are not counted.",
    "new 3; partition 1 2; put a 1",
    section="4.4",
)
def quorum_of_the_reachable_commits(honest, self, reachable):
    quorum, self.quorum = self.quorum, len(reachable) // 2 + 1
    honest(self, reachable)
    self.quorum = quorum


@answer(
    4,
    "Cluster.settle",
    "A leader is elected by a majority of the reachable replicas.",
    "Members that do not answer are not counted.",
    "new 3; partition 0 1",
    section="4.4",
)
def quorum_of_the_reachable_elects(honest, self):
    reachable = self.reachable()
    if reachable and self.is_partitioned(self.leader_id):
        self.elect(reachable)
    honest(self)


@answer(
    4,
    "Cluster.settle",
    "An election needs more replicas than the quorum.",
    "`>` is written where `>=` is meant.",
    "new 3; partition 0",
    section="4.4",
)
def election_needs_one_more_than_the_quorum(honest, self):
    if self.is_partitioned(self.leader_id) and len(self.reachable()) == self.quorum:
        self.step_down(self.reachable())
    else:
        honest(self)


@answer(
    4,
    "Cluster.winner",
    "The longer log wins although its last term is older.",
    "Of the two parts of Raft's rule only the length is remembered.",
    "new 5; partition 0; at 0 noop; at 0 noop; at 0 noop; partition 1 2; heal 0",
    section="4.4",
)
def longer_but_older_log_wins(_, self, reachable):
    return max(reachable, key=lambda replica: (replica.last, replica.last_term))


@answer(
    4,
    "Cluster.winner",
    "The last term alone decides an election.",
    "Of the two parts of Raft's rule only the term is remembered.",
    "new 3; noop; partition 1; noop; partition 0; heal 1",
    section="4.4",
)
def last_term_alone_decides(_, self, reachable):
    return max(reachable, key=lambda replica: replica.last_term)


@answer(
    4,
    "Cluster.winner",
    "The highest id wins, whatever the logs.",
    "The bully algorithm elects the highest id.",
    "new 3; partition 0",
    section="4.4",
)
def highest_id_wins(_, self, reachable):
    return reachable[-1]


@answer(
    4,
    "Cluster.winner",
    "The lowest id wins, whatever the logs.",
    "The first live replica of a list is chosen.",
    "new 3; noop; partition 1; noop; partition 0; heal 1",
    section="4.4",
)
def lowest_id_wins(_, self, reachable):
    return reachable[0]


@answer(
    4,
    "Cluster.winner",
    "Among equally good logs the highest id wins.",
    "A loop keeps the last maximum; Rust's max_by_key returns the last one.",
    "new 3; partition 0",
    section="4.4",
)
def tie_goes_to_the_highest_id(_, self, reachable):
    return max(reachable, key=lambda replica: (*newness(replica), replica.id))


@answer(
    4,
    "Cluster.winner",
    "The greatest commit index wins, and among equals the lowest id.",
    "Committed entries must not be lost, so the commit index decides.",
    "new 5; partition 1 2 3; noop; partition 0; heal 1 2",
    section="4.4",
)
def greatest_commit_index_wins(_, self, reachable):
    return max(reachable, key=lambda replica: replica.commit)


@answer(
    4,
    "Cluster.elect",
    "The winner appends no NoOp.",
    "The NoOp is in section 8 of the Raft paper, not in its summary.",
    "new 3; partition 0; replica 1",
    section="4.4",
)
def new_leader_appends_no_noop(honest, self, reachable):
    honest(self, reachable)
    self.leader.truncate(self.leader.last - 1)


@answer(
    4,
    "Cluster.elect",
    "The winner's NoOp has the previous term.",
    "The entry is made before the term is raised.",
    "new 3; partition 0; hash 1; log 1",
    section="4.4",
)
def noop_has_the_old_term(honest, self, reachable):
    honest(self, reachable)
    self.leader.log[-1] = dkv20.Entry(self.term - 1, Op(NOOP))


@answer(
    4,
    "Cluster.elect",
    "An election raises the term by two.",
    "Both the candidate and the code that counts votes raise it.",
    "new 3; partition 0",
    section="4.4",
)
def term_grows_by_two(honest, self, reachable):
    self.term += 1
    honest(self, reachable)


@answer(
    4,
    "Cluster.elect",
    "The winner drops its uncommitted entries.",
    "An uncommitted suffix is thought to be invalid.",
    "new 5; partition 1 2 3; noop; partition 0; heal 1 2; replica 4",
    section="4.4",
)
def winner_drops_its_tail(honest, self, reachable):
    winner = self.winner(reachable)
    winner.truncate(winner.commit)
    honest(self, reachable)


@answer(
    4,
    "Cluster.elect",
    "The isolated replicas also adopt an election's term.",
    "A simulation sets the term of all replicas in one loop.",
    "new 3; partition 0; replica 0",
    section="4.4",
)
def isolated_replicas_hear_of_the_term(honest, self, reachable):
    honest(self, reachable)
    for id in self.isolated:
        self.replicas[id].term = self.term


@answer(
    4,
    "Cluster.partition",
    "A follower raises its term when it is isolated.",
    "In Raft without pre-vote, an isolated follower starts elections repeatedly.",
    "new 3; partition 1; replica 1",
    section="4.4",
)
def term_moves_in_isolation(honest, self, ids):
    before = set(self.isolated)
    honest(self, ids)
    for id in self.isolated - before:
        self.replicas[id].term += self.replicas[id].role == FOLLOWER


@answer(
    4,
    "Cluster.step_down",
    "The term is raised although there is no quorum for an election.",
    "In Raft a candidate raises its term before it asks for votes.",
    "new 3; partition 0 1",
    section="4.4",
)
def failed_election_raises_the_term(honest, self, reachable):
    honest(self, reachable)
    self.term += bool(reachable)


# Roles.


@answer(
    4,
    "Cluster.step_down",
    "Without a reachable leader, a deposed leader that is reachable keeps its role.",
    "Settling returns early if there is no leader to follow.",
    "new 3; partition 0; partition 1 2; heal 0; replica 0",
    section="4.4",
)
def deposed_leader_leads_where_nobody_does(_, self, reachable):
    pass


@answer(
    4,
    "Replica.follow",
    "A deposed leader that is reachable again adopts the term and keeps its role.",
    "Term and role are set in two places, and one is missing.",
    "new 3; partition 0; heal; replica 0",
    section="4.4",
)
def role_is_not_given_up(_, self, term):
    self.term = term


@answer(
    4,
    "Replica.follow",
    "A replica that follows keeps its old term.",
    "Term and role are set in two places, and one is missing.",
    "new 3; partition 0; replica 2",
    section="4.4",
)
def term_is_not_taken(_, self, term):
    self.role = FOLLOWER


@answer(
    4,
    "Cluster.elect",
    "The isolated predecessor steps down when another leader is elected.",
    "A simulation clears the old leader's flag when it sets the new one's.",
    "new 3; partition 0; replica 0",
    section="4.4",
)
def predecessor_gives_up_its_role(honest, self, reachable):
    self.leader.role = FOLLOWER
    honest(self, reachable)


@answer(
    4,
    "Cluster.step_down",
    "An isolated current leader steps down if none is elected.",
    "A leader that checks its quorum steps down, as in etcd's raft with CheckQuorum.",
    "new 3; partition 0 1; replica 0",
    section="4.4",
)
def isolated_leader_steps_down(honest, self, reachable):
    honest(self, reachable)
    self.leader.role = FOLLOWER
