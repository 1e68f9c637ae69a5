"""Stores, snapshots, elections and draws, as public programs have got them wrong."""

from __future__ import annotations

import collections.abc

import dkv20
from wrong.registry import answer, surroundings

# Maps.


class View(collections.abc.MutableMapping):
    """A replica's part of one store, whose keys begin with the replica's id."""

    def __init__(self, store, id):
        self.store, self.prefix = store, b"%d" % id

    def __getitem__(self, key):
        return self.store[self.prefix + key]

    def __setitem__(self, key, value):
        self.store[self.prefix + key] = value

    def __delitem__(self, key):
        del self.store[self.prefix + key]

    def __iter__(self):
        length = len(self.prefix)
        return iter([key[length:] for key in self.store if key.startswith(self.prefix)])

    def __len__(self):
        return sum(key.startswith(self.prefix) for key in self.store)


class OneStore(dkv20.Cluster):
    """The maps of all replicas are in one store."""

    def __init__(self, n):
        super().__init__(n)
        store = {}
        for replica in self.replicas:
            replica.map = View(store, replica.id)

    def install_snapshot(self, replica, leader):
        kept, received = replica.map, dict(leader.map)
        super().install_snapshot(replica, leader)
        kept.clear()
        kept.update(received)
        replica.map = kept


@answer(
    3,
    "Cluster",
    "All maps are in one store, whose keys are the id in decimal and then the key.",
    "A prefix without a delimiter: eloqdata/eloqkv#479, fox1245/NeoGraph#203.",
    "new 11; put a 1; replica 1",
    "3",
)
def one_store_for_all_replicas(_, n):
    return OneStore(n)


@answer(
    3,
    "Replica.apply",
    "Long values of the same length that begin and end with the same 16 bytes are the same.",
    "Contents are found by a hash of both ends: marcinz606/NegPy#736, cardstack/boxel#5733.",
    "new 1; put a " + "1" * 40 + "; put b " + "1" * 20 + "2" + "1" * 19 + "; get 0 b",
    "2",
)
def values_are_found_by_their_ends(honest, self, op):
    if len(op.value) > 32:
        contents = vars(self).setdefault("contents", {})
        ends = len(op.value), op.value[:16], op.value[-16:]
        op = op._replace(value=contents.setdefault(ends, op.value))
    honest(self, op)


# Snapshots and their bytes.


@answer(
    2,
    "sorted_keys",
    "The dump omits keys from 0xff on.",
    "An unbounded scan ends at a sentinel: surrealdb/surrealkv#287, neo-project/neo#3688.",
    "load 0x444b565301000000" + "0100000000000000" * 3 + "01000000ff00000000",
    "5",
)
def dump_ends_at_0xff(honest, state):
    return [key for key in honest(state) if key < b"\xff"]


@answer(
    2,
    "is_before",
    "load takes a key that begins with the one before it for the same.",
    "The shorter length is compared: pmwkaa/sophia#29, 0x09/hfsfuse#4.",
    "load 0x444b565301000000020000000000000001000000000000000200000000000000"
    "010000006100000000" + "02000000616200000000",
    "1|5",
)
def longer_keys_are_the_same(honest, one, other):
    return honest(one, other) and (not one or not other.startswith(one))


@answer(
    2,
    "load_state",
    "Of a snapshot that is loaded, one MiB is read.",
    "A message has at most 1 MiB, as by default in NATS.",
    "load 0x444b565301000000" + "0100000000000000" * 3 + "0100000061" + "00001000" + "00" * 2**20,
    "5",
)
def one_mib_is_loaded(honest, data):
    return honest(data[: 2**20])


@answer(
    4,
    "Replica.commit_to",
    "The dump's term is that of the last entry that was applied, which a snapshot does not change.",
    "The term is not updated after a snapshot: tikv/tikv#10476.",
    "new 3; partition 2; put a 1; compact; heal; dump 2",
    "5",
)
def snapshot_leaves_the_applied_term(honest, self, index):
    if index > self.commit:
        self.applied_term = self.term_at(index)
    honest(self, index)
    self.state = lambda: dkv20.State(
        self.commit, vars(self).get("applied_term", 0) if self.commit else 0, self.map
    )


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot's base term is that of the first entry after it, if there is one.",
    "The term of the first entry in the log is recorded: ArcadeData/arcadedb#5356.",
    "new 5; partition 4; put a 1; compact; partition 0 1 2; heal 1 4; noop; replica 4",
    "4.4",
)
def base_term_of_the_entry_after(honest, self, replica, leader):
    honest(self, replica, leader)
    if replica.log:
        replica.base_term = replica.log[0].term


@answer(
    4,
    "Replica.commit_to",
    "The first entry after a snapshot is not applied.",
    "The index to go on with is taken for the last one applied: matrixorigin/matrixcube#93,"
    " matrixorigin/matrixcube#488.",
    "new 3; partition 2; put a 1; compact; heal; put b 2; get 2 b",
    "4.4",
)
def first_entry_after_a_snapshot_is_skipped(honest, self, index):
    if index > self.commit:
        if self.commit == self.base > vars(self).get("applied", 0):
            self.commit += 1
        self.applied = index
    honest(self, index)


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot between replicas has no keys with an empty value.",
    "An empty field is not written: protobufjs/protobuf.js#1218, protocolbuffers/protobuf#22635.",
    "new 3; partition 2; put a 0x; compact; heal; get 2 a",
    "4.4",
)
def snapshot_omits_empty_values(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.map = {key: value for key, value in replica.map.items() if value}


@answer(
    4,
    "Cluster.install_snapshot",
    "In a snapshot between replicas keys that are not UTF-8 have replacement characters.",
    "It is JSON: tidwall/wal#1, arana-db/kiwi#172.",
    "new 3; partition 2; put 0xff 1; compact; heal; get 2 0xff",
    "4.4",
)
def snapshot_has_keys_in_text(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.map = {
        key.decode(errors="replace").encode(): value for key, value in replica.map.items()
    }


@answer(
    5,
    "Replica.commit_to",
    "A log of more than 8,192 committed entries is compacted.",
    "At a threshold a snapshot is made: openbao/openbao#3342, etcd-io/etcd#7162.",
    "new 1; workload 1 9 9000; replica 0",
    "4.5",
)
def long_logs_are_compacted(honest, self, index):
    honest(self, index)
    if self.commit - self.base > 8_192:
        self.compact()


@answer(
    3,
    "Replica.dump_log",
    "The hash of a log covers at most 1,000 entries.",
    "A list has pages, of which only the first is read.",
    "new 1; workload 1 9 1001; log 0",
    "8",
)
def log_has_one_page(honest, self):
    log = self.log
    self.log = log[:1_000]
    try:
        return honest(self)
    finally:
        self.log = log


# Leaders.


@answer(
    4,
    "Cluster.partition",
    "partition isolates one id after the other, and settles after each.",
    "Changes are made one at a time, as of members in Raft: etcd-io/etcd#5004.",
    "new 5; partition 0 1",
    "4.3",
)
def partition_settles_after_each_id(honest, self, ids):
    self.check_ids(ids)
    for id in ids:
        honest(self, [id])


@answer(
    4,
    "Cluster.heal",
    "heal makes one id reachable after the other, and settles after each.",
    "Changes are made one at a time, as of members in Raft: etcd-io/etcd#5004.",
    "new 5; partition 1; put a 1; partition 0 2; heal 1 2",
    "4.3",
)
def heal_settles_after_each_id(honest, self, ids):
    self.check_ids(ids)
    for id in ids:
        honest(self, [id])


@answer(
    4,
    "Cluster.heal",
    "heal synchronises the leader and the healed replicas, and no others.",
    "Followers do not hear of the new commit index: jgroups-extras/jgroups-raft#40.",
    "new 5; partition 1 2 3; put a 1; heal 1; replica 4",
    "4.4",
)
def heal_synchronises_the_healed(honest, self, ids):
    leads = not self.is_partitioned(self.leader_id)
    known = {replica.id for replica in self.reachable() if leads} - {self.leader_id}
    self.check_ids(ids)
    self.isolated.difference_update(ids)
    if not leads:
        self.settle()
        return
    everyone = self.reachable()
    for replica in everyone:
        if replica is not self.leader and replica.id not in known:
            self.replicate(replica, self.leader)
    if len(everyone) >= self.quorum:
        self.leader.commit_to(self.leader.last)
    for replica in everyone:
        if replica.id not in known:
            replica.commit_to(self.leader.commit)


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A follower that is sent no entries keeps its commit index.",
    "The commit index is at most that of the last new entry: etcd-io/etcd#1203.",
    "new 5; partition 2 3 4; put a 1; heal 2; replica 1",
    "4.4",
)
def nothing_new_commits_nothing(honest, self, replica, leader, m):
    if m < leader.last:
        vars(replica).pop("commit_to", None)
    else:
        replica.commit_to = lambda _: None
    honest(self, replica, leader, m)


@answer(
    4,
    "Session.do_new",
    "A new cluster has the leader of the one before, if it is large enough.",
    "What was known of the session before is kept: rustdesk/rustdesk#3478, atomix/copycat#33.",
    "new 3; partition 0; new 3; status",
    "4|8",
)
def leader_outlives_new(honest, self, n):
    before = self.cluster
    honest(self, n)
    if before is not None and before.leader_id < n:
        self.cluster.leader.role = dkv20.FOLLOWER
        self.cluster.leader_id = before.leader_id
        self.cluster.leader.role = dkv20.LEADER


@answer(
    4,
    "Cluster.winner",
    "Among equals the first from the new term modulo n on wins.",
    "Leaders take turns: tari-project/tari-ootle#222, relab/hotstuff#8.",
    "new 3; partition 0",
    "4.4",
)
def leaders_take_turns(honest, self, reachable):
    best = honest(self, reachable)
    equal = [r for r in reachable if (r.last_term, r.last) == (best.last_term, best.last)]
    return min(equal, key=lambda r: (r.id - self.term - 1) % self.n)


class Halved(list):
    """Replicas that are counted in a word of 32 bits."""

    def __len__(self):
        return sum(replica.id < 32 for replica in self)


@answer(
    3,
    "Cluster.reachable",
    "Reachable replicas from 32 on are not counted for a quorum.",
    "The bits are counted in an int: lsils/kitty#141, simonfuhrmann/mve#372.",
    "new 64; put a 1",
    "4|4.4",
)
def count_of_bits_is_of_32(honest, self):
    return Halved(honest(self))


# Draws.


@answer(
    5,
    "Chaos.id",
    "Ids in chaos are the absolute value of a signed remainder.",
    "Math.abs(value % n) in Java: google/error-prone#247, apache/rocketmq#172.",
    "new 3; chaos 1 300",
    "10",
)
def ids_from_a_signed_remainder(honest, self):
    draw = self.draws.next()
    return min(draw, 2**64 - draw) % self.cluster.n


@answer(
    5,
    "draw_op",
    "With a key space of one, the key's number is not drawn.",
    "A number below 2 needs no draw, as in arc4random_uniform.",
    "new 1; workload 1 1 9; dump 0",
    "7",
)
def one_key_needs_no_draw(honest, generator, keys):
    if keys > 1:
        return honest(generator, keys)
    r1 = generator.next()
    return dkv20.decode_op(r1, 0, generator.next(), keys)


# Costs.


@surroundings(
    5,
    "Cluster.truncate_and_replay",
    "The map of a replica that loses entries is made anew from all of its log.",
    "State is restored by a replay of the log: etcd-io/etcd#1837.",
    "4.4",
)
def truncation_replays_the_log(honest, self, replica, leader, m):
    if m < replica.last and replica.base == 0:
        replica.map = {}
        for entry in replica.log[: replica.commit]:
            replica.apply(entry.op)
    honest(self, replica, leader, m)
