"""Level 3: a cluster without failures: proposals and observers."""

from __future__ import annotations

import dkv20
from dkv20 import DEL, NOOP, PUT, Op, Refused
from wrong.registry import answer


def dump_log_from(replica, first):
    """Return the bytes of a log whose first entry has another index."""
    return b"".join(
        dkv20.u64(index) + dkv20.u64(entry.term) + dkv20.encode_op(entry.op)
        for index, entry in enumerate(replica.log, first)
    )


# A new cluster.


@answer(
    3,
    "MAX_REPLICAS",
    "A cluster of 64 replicas is refused.",
    "`<` is written where `<=` is meant.",
    "new 64",
    section="1",
)
def replica_limit_one_too_low(honest):
    return honest - 1


@answer(
    3,
    "MAX_REPLICAS",
    "A cluster of 65 replicas is made.",
    "`>=` and `>` are mixed up when the condition is negated.",
    "new 65",
    section="1",
)
def replica_limit_one_too_high(honest):
    return honest + 1


@answer(
    3,
    "Session.do_new",
    "A refused `new` removes the old cluster.",
    "The old object is released before the new one is made.",
    "new 1; new 0; status",
    section="1",
)
def refused_new_clears_the_cluster(honest, self, n):
    self.cluster = None
    honest(self, n)


@answer(
    3,
    "Session.do_new",
    "A second `new` of the same size keeps the old cluster.",
    "Lazy initialisation keeps an object that exists.",
    "new 1; put a 1; new 1; get 0 a",
    section="8",
)
def second_new_keeps_the_cluster(honest, self, n):
    if self.cluster is None or self.cluster.n != n:
        honest(self, n)


@answer(
    3,
    "Cluster.__init__",
    "The quorum of an even number of replicas is half of them.",
    "(n + 1) / 2 is right for odd n, and most tests have odd n.",
    "new 4; status",
    section="4",
)
def quorum_of_an_even_size_is_half(honest, self, n):
    honest(self, n)
    self.quorum = (n + 1) // 2


@answer(
    3,
    "Cluster.__init__",
    "The first term is 0.",
    "In the Raft paper, currentTerm is initialised to 0.",
    "new 1; status",
    section="4",
)
def first_term_is_0(honest, self, n):
    honest(self, n)
    self.term = 0
    for replica in self.replicas:
        replica.term = 0


@answer(
    3,
    "Cluster.__init__",
    "At the start all replicas are followers.",
    "In the Raft paper, every server starts as a follower.",
    "new 1; replica 0",
    section="4",
)
def nobody_leads_at_the_start(honest, self, n):
    honest(self, n)
    self.leader.role = dkv20.FOLLOWER


# Proposing.


@answer(
    3,
    "check_key",
    "An empty key can be put and deleted.",
    "Only the upper limit of a range is checked.",
    "new 1; put 0x 1",
    section="1",
)
def empty_key_is_accepted(honest, key):
    honest(key or b"k")


@answer(
    3,
    "check_key",
    "A key of 4,096 bytes cannot be put.",
    "A buffer of 4,096 bytes holds a C string of 4,095.",
    "new 1; put " + "k" * 4_096 + " 1",
    section="1",
)
def longest_key_is_refused(honest, key):
    honest(key + b"k")


@answer(
    3,
    "check_key",
    "A key of 4,097 bytes can be put.",
    "`>=` and `>` are mixed up when the condition is negated.",
    "new 1; put " + "k" * 4_097 + " 1",
    section="1",
)
def key_one_too_long_is_accepted(honest, key):
    honest(key[1:] or key)


@answer(
    3,
    "check_key",
    "The limit of a key counts characters of UTF-8, and not bytes.",
    "len of a str in Python and of a string in Swift counts characters.",
    "new 1; put " + "\xc3\xbc" * 2_049 + " 1",
    section="1",
)
def key_length_counts_characters(honest, key):
    honest(b"k" * len(key.decode("utf-8", "surrogateescape")))


@answer(
    3,
    "check_value",
    "A value of 1,048,576 bytes cannot be put.",
    "`<` is written where `<=` is meant.",
    "new 1; put a " + "v" * 1_048_576,
    section="1",
)
def longest_value_is_refused(honest, value):
    honest(value + b"v")


@answer(
    3,
    "check_value",
    "A value of 1,048,577 bytes can be put.",
    "`>=` and `>` are mixed up when the condition is negated.",
    "new 1; put a " + "v" * 1_048_577,
    section="1",
)
def value_one_too_long_is_accepted(honest, value):
    honest(value[1:])


@answer(
    3,
    "Cluster.propose",
    "A put with a refused key is appended anyway.",
    "The check is made when the op is applied, after it was appended.",
    "new 1; put 0x 1; replica 0",
    section="1",
)
def refused_put_is_appended(honest, self, op):
    try:
        return honest(self, op)
    except Refused as error:
        if str(error) == "key-length":
            self.leader.append(op, self.leader.term)
        raise


@answer(
    3,
    "Session.show_outcome",
    "Indexes of entries start at 0.",
    "It is the entry's position in an array.",
    "new 1; put a 1",
    section="1",
)
def index_is_counted_from_0(honest, self, outcome):
    return honest(self, outcome._replace(index=outcome.index - 1))


@answer(
    3,
    "Session.do_del",
    "A del of an absent key appends no entry.",
    "A store that has nothing to do returns early.",
    "new 1; del a",
    section="4.1",
)
def del_of_an_absent_key_appends_nothing(honest, self, key):
    leader = self.cluster.leader
    if 1 <= len(key) <= dkv20.MAX_KEY and key not in leader.map:
        return f"committed index={leader.last} term={leader.term}"
    return honest(self, key)


@answer(
    3,
    "Session.do_noop",
    "noop appends no entry.",
    "An op that does nothing seems to need no entry.",
    "new 1; noop",
    section="4.1",
)
def noop_appends_nothing(_, self):
    leader = self.cluster.leader
    return f"committed index={leader.last} term={leader.term}"


@answer(
    3,
    "Cluster.commit",
    "Followers adopt the leader's previous commit index.",
    "In Raft a follower learns the commit index from the next message.",
    "new 2; put a 1; replica 1",
    section="4.4",
)
def followers_commit_late(_, self, reachable):
    before = self.leader.commit
    if len(reachable) >= self.quorum:
        self.leader.commit_to(self.leader.last)
    for replica in reachable:
        if replica is not self.leader:
            replica.commit_to(max(before, replica.commit))


@answer(
    3,
    "Cluster.replicate",
    "A follower always receives a snapshot, never the missing entries.",
    "It is the simpler way, and the maps are right.",
    "new 3; put a 1; put b 2; replica 1",
    section="4.4",
)
def always_a_snapshot(honest, self, replica, leader):
    snapshot_if(True, honest, self, replica, leader)


def snapshot_if(condition, replicate, self, replica, leader):
    """Send a snapshot if the condition holds, and otherwise the entries that are due."""
    if condition:
        replica.follow(leader.term)
        self.install_snapshot(replica, leader)
    else:
        replicate(self, replica, leader)


# Applying.


@answer(
    3,
    "Replica.apply",
    "A del is not applied.",
    "`assert(map.erase(key) <= 1)`: NDEBUG removes the whole statement.",
    "new 1; put a 1; del a; get 0 a",
    section="2",
)
def del_in_a_stripped_assert(honest, self, op):
    if op.tag != DEL:
        honest(self, op)


@answer(
    3,
    "Replica.apply",
    "A put of a present key keeps the old value.",
    "insert and emplace of C++'s maps and Java's putIfAbsent keep it.",
    "new 1; put a 1; put a 2; get 0 a",
    section="2",
)
def put_keeps_the_first_value(_, self, op):
    if op.tag == PUT:
        self.map.setdefault(op.key, op.value)
    elif op.tag == DEL:
        self.map.pop(op.key, None)


@answer(
    3,
    "Replica.apply",
    "A put of an empty value deletes the key.",
    "Some stores mark a deletion by an empty value.",
    "new 1; put a 0x; get 0 a",
    section="2",
)
def empty_value_deletes(honest, self, op):
    honest(self, Op(DEL, op.key) if op.tag == PUT and not op.value else op)


@answer(
    3,
    "Replica.apply",
    "A del leaves the key with an empty value.",
    "operator[] of C++'s maps makes an entry for an absent key.",
    "new 1; put a 1; del a; get 0 a",
    section="2",
)
def del_leaves_an_empty_value(honest, self, op):
    is_present = op.tag == DEL and op.key in self.map
    honest(self, Op(PUT, op.key) if is_present else op)


@answer(
    3,
    "Replica.apply",
    "A key ends at its first NUL.",
    "A C string ends there.",
    "new 1; put 0x6100 1; get 0 a",
    section="1",
)
def nul_ends_a_key(honest, self, op):
    honest(self, op._replace(key=op.key.split(b"\0")[0]))


@answer(
    3,
    "Replica.apply",
    "A value ends at its first NUL.",
    "A C string ends there.",
    "new 1; put a 0x6100; get 0 a",
    section="1",
)
def nul_ends_a_value(honest, self, op):
    honest(self, op._replace(value=op.value.split(b"\0")[0]))


@answer(
    3,
    "Replica.apply",
    "Keys are kept in lower case.",
    "Case-insensitive maps and file systems fold keys.",
    "new 1; put A 1; get 0 a",
    section="1",
)
def keys_are_folded(honest, self, op):
    honest(self, op._replace(key=op.key.lower()))


# Byte strings.


@answer(
    3,
    "Session.parse_bytes",
    "Text that is not valid UTF-8 is decoded with replacement characters.",
    "Rust's from_utf8_lossy, Go's []rune and Java's new String replace bytes.",
    "new 1; put \xff 1; get 0 0xff",
    # Section 1 says that byte strings need not be text, section 8 that a token is its bytes.
    section="1|8",
)
def invalid_utf8_is_replaced(honest, self, token):
    if token.startswith(b"0x"):
        return honest(self, token)
    return token.decode("utf-8", "replace").encode()


@answer(
    3,
    "Session.show_bytes",
    "Answers have byte strings in upper-case hex.",
    "%02X, Java's HexFormat with upper case and C#'s Convert.ToHexString write it.",
    "new 1; put a 0xab; get 0 a",
    section="8",
)
def answers_in_upper_case_hex(_, self, data):
    return f"0x{data.hex().upper()}"


@answer(
    3,
    "Session.show_bytes",
    "Answers have printable byte strings as text.",
    "A value that was put as text is expected to be returned as text.",
    "new 1; put a v; get 0 a",
    section="8",
)
def answers_in_text(honest, self, data):
    return data.decode() if data.isalnum() and data.isascii() else honest(self, data)


# The order of errors.


@answer(
    3,
    "Session.parse",
    "no-cluster comes before syntax.",
    "The state is checked before the arguments are parsed.",
    "put a",
    section="8",
)
def no_cluster_before_syntax(honest, self, found, arguments):
    self.check_cluster(found)
    return honest(self, found, arguments)


@answer(
    3,
    "Session.do_get",
    "get checks key-length before unknown-replica.",
    "Arguments are validated before anything is looked up.",
    "new 1; get 9 0x",
    section="8",
)
def key_length_before_unknown_replica_in_get(honest, self, id, key):
    dkv20.check_key(key)
    return honest(self, id, key)


@answer(
    3,
    "Session.do_get",
    "get does not check the length of the key.",
    "No such key can be in the map, so it seems to need no check.",
    "new 1; get 0 0x",
    # Section 1 has the limit, and section 8 the error of `get`.
    section="1|8",
)
def get_takes_any_key(_, self, id, key):
    value = self.cluster.replica(id).map.get(key)
    return "none" if value is None else self.show_bytes(value)


@answer(
    3,
    "Cluster.replica",
    "The id n means the last of n replicas.",
    "`>` is written where `>=` is meant, and an index is clamped to its range.",
    "new 1; replica 1",
    section="8",
)
def id_limit_one_too_high(honest, self, id):
    return honest(self, id - 1 if id == self.n else id)


@answer(
    3,
    "Cluster.replica",
    "Only the low 32 bits of an id count.",
    "A u64 is cast to an int before it is compared.",
    "new 1; replica 4294967296",
    section="8",
)
def id_has_32_bits(honest, self, id):
    return honest(self, id & 0xFFFFFFFF)


# Observers.


@answer(
    3,
    "Session.do_get",
    "get returns `none` if the value is empty.",
    "An empty string is false in Python, JavaScript and PHP.",
    "new 1; put a 0x; get 0 a",
    section="8",
)
def empty_value_is_shown_as_none(honest, self, id, key):
    answer = honest(self, id, key)
    return "none" if answer == "0x" else answer


@answer(
    3,
    "Session.do_get",
    "get returns `0x` if the key is absent.",
    "Go's map returns the zero value for an absent key.",
    "new 1; get 0 a",
    section="8",
)
def absent_key_is_shown_as_empty(honest, self, id, key):
    answer = honest(self, id, key)
    return "0x" if answer == "none" else answer


@answer(
    3,
    "Session.show_isolated",
    "If no replica is isolated, status shows nothing instead of `none`.",
    "Joining an empty list returns an empty string.",
    "new 1; status",
    section="8",
)
def nobody_isolated_is_shown_as_nothing(honest, self):
    return honest(self).replace("none", "")


@answer(
    3,
    "sorted_keys",
    "The dump has the keys in the order in which they were put.",
    "Python's dict and JavaScript's Map keep that order.",
    "new 1; put b 1; put a 2; dump 0",
    section="5",
)
def insertion_order_in_the_dump(_, state):
    return list(state.map)


@answer(
    3,
    "Replica.state",
    "The dump's term is the replica's own.",
    "The two are the same in most states.",
    "new 1; dump 0",
    section="5",
)
def dump_has_the_replicas_own_term(honest, self):
    return honest(self)._replace(term=self.term)


@answer(
    3,
    "Replica.dump_log",
    "The log's hash omits the terms.",
    "A test that compares the ops of two logs does not need them.",
    "new 1; noop; log 0",
    section="8",
)
def log_hash_without_terms(_, self):
    pairs = enumerate(self.log, self.base + 1)
    return b"".join(dkv20.u64(index) + dkv20.encode_op(entry.op) for index, entry in pairs)


@answer(
    3,
    "Replica.dump_log",
    "In the log's hash the indexes start at 0.",
    "It uses positions in an array.",
    "new 1; noop; log 0",
    section="8",
)
def log_hash_counts_from_0(_, self):
    return dump_log_from(self, self.base)


@answer(
    3,
    "encode_op",
    "In the log's hash a NoOp has an empty key.",
    "One layout is used for all three ops.",
    "new 1; noop; log 0",
    section="2",
)
def noop_is_encoded_with_a_key(honest, op):
    return honest(op) + (bytes(4) if op.tag == NOOP else b"")


@answer(
    3,
    "encode_op",
    "In the log's hash a Del has an empty value.",
    "Put and Del share a layout.",
    "new 1; del a; log 0",
    section="2",
)
def del_is_encoded_with_a_value(honest, op):
    return honest(op) + (bytes(4) if op.tag == DEL else b"")


@answer(
    3,
    "encode_op",
    "In the log's hash a tag takes 4 bytes.",
    "An enum has the size of an int in C and C++.",
    "new 1; noop; log 0",
    section="2",
)
def tag_has_4_bytes(honest, op):
    return honest(op)[:1] + bytes(3) + honest(op)[1:]


# The session.


@answer(
    3,
    "Session.do_load",
    "load replaces the session's cluster.",
    "Snapshots are usually loaded to restore a state.",
    "new 3; load 0x444b5653" + "01000000" + "00" * 24 + "; status",
    section="8",
)
def load_touches_the_cluster(honest, self, data):
    answer = honest(self, data)
    self.cluster = dkv20.Cluster(1)
    return answer
