"""Commands: the order of errors, arguments of other sizes, shortcuts."""

from __future__ import annotations

import dkv20
from dkv20 import PUT, Outcome, Refused
from wrong.registry import answer

# The order of errors.


@answer(
    3,
    "Session.parse",
    "An empty key is refused with `key-length` when it is parsed, also before `new`.",
    "Arguments are validated while they are parsed.",
    "put 0x 1",
    "8",
)
def empty_key_is_refused_before_no_cluster(honest, self, found, arguments):
    parsed = honest(self, found, arguments)
    key = {"do_put": 0, "do_del": 0, "do_get": 1}.get(found.method)
    if self.cluster is None and key is not None and parsed[key] == b"":
        raise Refused("key-length")
    return parsed


@answer(
    5,
    "Session.parse",
    "The limits of workload and chaos are checked before the cluster.",
    "Arguments are validated while they are parsed.",
    "chaos 1 10000001",
    "8",
)
def count_before_no_cluster(honest, self, found, arguments):
    parsed = honest(self, found, arguments)
    is_long = found.method in ("do_workload", "do_chaos") and parsed[-1] > dkv20.MAX_COUNT
    if self.cluster is None and is_long:
        raise Refused("count")
    return parsed


@answer(
    4,
    "Session.look_up",
    "`at` with an id alone is an unknown command.",
    "The two words `at put` are looked up as one name, and the second is missing.",
    "new 1; at 0",
    "8",
)
def at_without_a_word_is_unknown(honest, self, tokens):
    if tokens[0] == b"at" and len(tokens) == 2:
        raise Refused("unknown-command")
    return honest(self, tokens)


@answer(
    4,
    "Session.look_up",
    "The id of `at` is parsed before its word is looked up.",
    "Tokens are handled from left to right.",
    "new 1; at x set",
    "8",
)
def id_is_parsed_before_the_word(honest, self, tokens):
    if tokens[0] == b"at" and len(tokens) > 2:
        self.parse_number(tokens[1])
    return honest(self, tokens)


# Arguments.


@answer(
    3,
    "Session.do_new",
    "N has 8 bits, so that 257 means one replica.",
    "A cast to the type of an id before the limit is checked.",
    "new 257",
    "8",
)
def number_of_replicas_has_8_bits(honest, self, n):
    honest(self, n & 0xFF)


@answer(
    3,
    "Session.do_new",
    "N has 16 bits, so that 65,537 means one replica.",
    "A field of a configuration record that is read before it is checked.",
    "new 65537",
    "8",
)
def number_of_replicas_has_16_bits(honest, self, n):
    honest(self, n & 0xFFFF)


@answer(
    1,
    "Session.do_draw",
    "COUNT has 32 bits, so that 2^32 + 1 means 1.",
    "A cast to int before the limit is checked.",
    "draw 1 4294967297",
    "8",
)
def count_of_draw_has_32_bits(honest, self, seed, count):
    return honest(self, seed, count & 0xFFFFFFFF)


@answer(
    5,
    "Session.do_workload",
    "KEYS and COUNT have 32 bits.",
    "A cast to int before the limits are checked.",
    "new 1; workload 1 4294967297 4294967297",
    "8",
)
def arguments_of_workload_have_32_bits(honest, self, seed, keys, count):
    return honest(self, seed, keys & 0xFFFFFFFF, count & 0xFFFFFFFF)


@answer(
    3,
    "Session.parse",
    "The limit of a value counts the digits of its hex form.",
    "The length of the argument is checked before it is decoded.",
    "new 1; put a 0x" + "00" * 524_289,
    "8",
)
def limit_of_a_value_counts_digits(honest, self, found, arguments):
    parsed = honest(self, found, arguments)
    if found.method in ("do_put", "do_at_put") and len(arguments[-1]) - 2 > dkv20.MAX_VALUE:
        parsed[-1] = bytes(dkv20.MAX_VALUE + 1)
    return parsed


# Lines.


@answer(
    1,
    "split_lines",
    "An overlong last line without LF has no answer.",
    "Overlong lines are answered at their LF.",
    "x" * 4_194_305,
    "8",
)
def overlong_end_has_no_answer(honest, chunks):
    ends = 0

    def watched():
        nonlocal ends
        for chunk in chunks:
            ends += chunk.count(b"\n")
            yield chunk

    for number, line in enumerate(honest(watched()), 1):
        if number <= ends or len(line) <= dkv20.MAX_LINE:
            yield line


# Shortcuts.


@answer(
    3,
    "Cluster.propose",
    "A put of the value that the key has already appends no entry.",
    "Writes that change nothing are left out, as by a cache or an upsert.",
    "new 1; put a 1; put a 1; replica 0",
    "4.1",
)
def put_of_the_same_value_appends_nothing(honest, self, op):
    leader = self.leader
    is_reachable = not self.is_partitioned(leader.id)
    if is_reachable and op.tag == PUT and op.key and leader.map.get(op.key) == op.value:
        return Outcome(committed=True, index=leader.commit, term=leader.term)
    return honest(self, op)


@answer(
    4,
    "Cluster.partition",
    "The replica of a cluster of one cannot be isolated.",
    "There is no other replica, and its quorum is itself.",
    "new 1; partition 0",
    "4.3",
)
def a_single_replica_is_never_isolated(honest, self, ids):
    self.check_ids(ids)
    honest(self, ids if self.n > 1 else [])
