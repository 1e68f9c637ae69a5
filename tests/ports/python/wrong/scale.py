"""Level 5: workload, scenario, chaos."""

from __future__ import annotations

import dkv20
from dkv20 import DEL, LEADER, PUT, Op, Refused
from wrong.numbers import signed
from wrong.registry import answer

# From draws to ops.


@answer(
    5,
    "draw_op",
    "The value is drawn first, then the key, then the kind.",
    "GCC often evaluates the arguments of a call from right to left; C++ leaves the order open.",
    "new 1; workload 20 1000 3; log 0",
    section="7",
)
def draws_from_right_to_left(_, generator, keys):
    r3, r2, r1 = (generator.next() for _ in range(3))
    return dkv20.decode_op(r1, r2, r3, keys)


@answer(
    5,
    "draw_op",
    "The key is drawn before the kind.",
    "C++ may evaluate the arguments of a call in any order.",
    "new 1; workload 20 1000 3; log 0",
    section="7",
)
def key_is_drawn_before_the_kind(_, generator, keys):
    r2, r1, r3 = (generator.next() for _ in range(3))
    return dkv20.decode_op(r1, r2, r3, keys)


@answer(
    5,
    "draw_op",
    "The value is drawn before the key.",
    "C++ may evaluate the arguments of a call in any order.",
    "new 1; workload 20 1000 3; log 0",
    section="7",
)
def value_is_drawn_before_the_key(_, generator, keys):
    r1, r3, r2 = (generator.next() for _ in range(3))
    return dkv20.decode_op(r1, r2, r3, keys)


@answer(
    5,
    "draw_op",
    "A Del draws no value.",
    "The value is drawn where it is used.",
    "new 1; workload 20 1000 4; log 0",
    section="7",
)
def del_draws_no_value(_, generator, keys):
    r1 = generator.next()
    r2 = generator.next()
    r3 = 0 if r1 >> 62 == 3 else generator.next()
    return dkv20.decode_op(r1, r2, r3, keys)


@answer(
    5,
    "decode_op",
    "The kind comes from the lowest two bits.",
    "r % 4 is the usual way to choose one of four.",
    "new 1; workload 20 1000 9; log 0",
    section="7",
)
def kind_from_the_lowest_bits(honest, r1, r2, r3, keys):
    return honest((r1 % 4) << 62, r2, r3, keys)


@answer(
    5,
    "decode_op",
    "The kind comes from the highest bit alone, so half of the ops are Dels.",
    "`>> 63` is written where `>> 62` is meant, or a signed number is tested for its sign.",
    "new 1; workload 20 1000 9; log 0",
    section="7",
)
def kind_from_the_highest_bit(honest, r1, r2, r3, keys):
    return honest(r1 | 1 << 62, r2, r3, keys)


@answer(
    5,
    "decode_op",
    "The kind is Del if the two bits are 0.",
    "The tags are written in another order.",
    "new 1; workload 20 1000 3; log 0",
    section="7",
)
def kind_0_is_del(honest, r1, r2, r3, keys):
    return honest(r1 ^ 3 << 62, r2, r3, keys)


@answer(
    5,
    "decode_key",
    "The number in a key is not padded.",
    "%d is written where %06d is meant.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def key_is_not_padded(_, r2, keys):
    return b"key-%d" % (r2 % keys)


@answer(
    5,
    "decode_key",
    "The number in a key is padded with spaces.",
    "%6d is written where %06d is meant.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def key_is_padded_with_spaces(_, r2, keys):
    return b"key-%6d" % (r2 % keys)


@answer(
    5,
    "decode_key",
    "The number in a key is padded to five digits.",
    "999,999 is mistaken for a number of five digits.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def key_is_padded_to_five(_, r2, keys):
    return b"key-%05d" % (r2 % keys)


@answer(
    5,
    "decode_key",
    "The key's number is the remainder of a signed division.",
    "`%` of a negative number is negative in C, Go, Rust and Java, and Java's long is signed.",
    "new 1; workload 1 1000 9; log 0",
    section="7",
)
def signed_remainder(_, r2, keys):
    number = signed(r2)
    return b"key-%06d" % (number % keys if number >= 0 else -(-number % keys))


@answer(
    5,
    "decode_key",
    "The key's number comes from the low 32 bits.",
    "A u64 is cast to size_t before the division, which has 32 bits on 32-bit ARM and WebAssembly.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def key_from_32_bits(honest, r2, keys):
    return honest(r2 & 0xFFFFFFFF, keys)


@answer(
    5,
    "decode_op",
    "The value is scaled from the high bits instead of a remainder.",
    "Lemire's method avoids the division like this.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def value_from_the_high_bits(honest, r1, r2, r3, keys):
    return honest(r1, r2, r3 * 10_000 >> 64, keys)


@answer(
    5,
    "decode_op",
    "The value takes 4 bytes.",
    "A number below 10,000 fits into an int.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def value_has_4_bytes(honest, r1, r2, r3, keys):
    op = honest(r1, r2, r3, keys)
    return op._replace(value=op.value[:4])


@answer(
    5,
    "decode_op",
    "The value is big-endian.",
    "Java's ByteBuffer is big-endian by default.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def value_is_big_endian(honest, r1, r2, r3, keys):
    op = honest(r1, r2, r3, keys)
    return op._replace(value=op.value[::-1])


@answer(
    5,
    "decode_op",
    "The value is written in decimal digits.",
    "The key is text, so the value is treated as text.",
    "new 1; workload 20 1000 1; log 0",
    section="7",
)
def value_in_decimal(honest, r1, r2, r3, keys):
    op = honest(r1, r2, r3, keys)
    return Op(PUT, op.key, b"%d" % (r3 % 10_000)) if op.tag == PUT else op


# workload.


@answer(
    5,
    "MAX_KEYS",
    "A key space of 1,000,000 is refused.",
    "`<` is written where `<=` is meant.",
    "new 1; workload 1 1000000 1",
    # Both sections have the limit.
    section="7|8",
)
def key_space_limit_one_too_low(honest):
    return honest - 1


@answer(
    5,
    "MAX_KEYS",
    "A key space of 1,000,001 is accepted.",
    "`>=` and `>` are mixed up when the condition is negated.",
    "new 1; workload 1 1000001 1",
    # Both sections have the limit.
    section="7|8",
)
def key_space_limit_one_too_high(honest):
    return honest + 1


@answer(
    5,
    "Session.do_workload",
    "count comes before key-space.",
    "The checks are written in another order.",
    "new 1; workload 1 0 10000001",
    section="8",
)
def count_before_key_space(honest, self, seed, keys, count):
    if count > dkv20.MAX_COUNT:
        raise Refused("count")
    return honest(self, seed, keys, count)


@answer(
    5,
    "Session.do_workload",
    "workload stops at the first refused op.",
    "An exception or a `?` ends a loop.",
    "new 3; partition 0 1; workload 1 9 3",
    section="7",
)
def workload_stops_at_a_refusal(honest, self, seed, keys, count):
    if self.cluster.is_partitioned(self.cluster.leader_id) and 1 <= keys <= dkv20.MAX_KEYS:
        return honest(self, seed, keys, min(count, 1))
    return honest(self, seed, keys, count)


@answer(
    5,
    "Session.do_workload",
    "workload runs on a new cluster of the same size.",
    "A benchmark starts from an empty state.",
    "new 1; put a 1; workload 1 9 1; get 0 a",
    section="8",
)
def workload_on_a_new_cluster(honest, self, seed, keys, count):
    if 1 <= keys <= dkv20.MAX_KEYS:
        self.cluster = dkv20.Cluster(self.cluster.n)
    return honest(self, seed, keys, count)


@answer(
    5,
    "Session.do_workload",
    "workload also proposes to an isolated leader.",
    "The leader's replica is called directly, past the check.",
    "new 3; partition 0 1; workload 1 9 3",
    section="7",
)
def workload_reaches_an_isolated_leader(honest, self, seed, keys, count):
    cluster = self.cluster
    proposed = cluster.propose
    cluster.propose = lambda op: (
        cluster.propose_at(cluster.leader_id, op)
        if cluster.is_partitioned(cluster.leader_id)
        else proposed(op)
    )
    try:
        return honest(self, seed, keys, count)
    finally:
        del cluster.propose


@answer(
    5,
    "Session.do_workload",
    "workload counts pending ops as committed.",
    "Every op that was not refused is counted as committed.",
    "new 3; partition 1 2; workload 1 9 3",
    section="8",
)
def workload_counts_pending_as_committed(honest, self, seed, keys, count):
    words = honest(self, seed, keys, count).replace("=", " ").split()
    return f"committed={int(words[1]) + int(words[3])} pending=0 refused={words[5]}"


# scenario.


@answer(
    5,
    "SCENARIOS",
    "Scenario A has another seed.",
    "A script is copied by hand.",
    "scenario A",
    section="9",
)
def scenario_a_has_another_seed(honest):
    return {**honest, b"A": honest[b"A"].replace(b"20", b"10", 1)}


@answer(
    5,
    "SCENARIOS",
    "Scenario B lacks the workload whose ops are all pending.",
    "A script is copied by hand.",
    "scenario B",
    section="9",
)
def scenario_b_lacks_a_line(honest):
    return {**honest, b"B": honest[b"B"].replace(b"workload 5 1000 100\n", b"")}


@answer(
    5,
    "Session.do_scenario",
    "Scenario names are accepted in lower case.",
    "Names are converted before the lookup.",
    "scenario a",
    section="8",
)
def scenario_names_in_any_case(honest, self, name):
    return honest(self, name.upper())


@answer(
    5,
    "Session.do_scenario",
    "scenario leaves its cluster to the session.",
    "The script runs in the present session.",
    "new 1; scenario A; status",
    # Both sections say that a scenario has a session of its own.
    section="8|9",
)
def scenario_touches_the_cluster(honest, self, name):
    answer = honest(self, name)
    self.cluster = dkv20.Cluster(5)
    return answer


# chaos.


@answer(
    5,
    "Chaos.mask",
    "The bits of a mask are read from the highest down.",
    "Bit 0 is the leftmost one in many standards' figures.",
    "new 3; chaos 1 100",
    section="10",
)
def mask_from_the_highest_bit(_, self):
    mask, n = self.draws.next(), self.cluster.n
    return "".join(f" {id}" for id in range(n) if mask >> (63 - id) & 1)


@answer(
    5,
    "Chaos.mask",
    "The bits of a mask are matched with the ids in the reverse order.",
    "A binary number is read as a string of digits.",
    "new 3; chaos 1 100",
    section="10",
)
def mask_in_the_reverse_order(_, self):
    mask, n = self.draws.next(), self.cluster.n
    return "".join(f" {id}" for id in range(n) if mask >> (n - 1 - id) & 1)


@answer(
    5,
    "Chaos.mask",
    "The mask has 32 bits, so it never has replicas from 32 on.",
    "`1 << i` is an int in C and C++, and JavaScript's bit operators work on 32 bits.",
    "new 64; chaos 1 100",
    section="10",
)
def mask_has_32_bits(_, self):
    mask, n = self.draws.next() & 0xFFFFFFFF, self.cluster.n
    return "".join(f" {id}" for id in range(n) if mask >> id & 1)


@answer(
    5,
    "Chaos.mask",
    "The ids of a mask are in descending order.",
    "The mask is walked from its highest bit.",
    "new 3; chaos 1 100",
    section="10",
)
def mask_in_descending_order(honest, self):
    return "".join(f" {id}" for id in reversed(honest(self).split()))


@answer(
    5,
    "CHAOS_ROWS",
    "The first band of the table ends one too early.",
    "`<` is written where `<=` is meant.",
    "new 3; chaos 1 300",
    section="10",
)
def band_ends_one_too_early(honest):
    return ((honest[0][0] - 1, honest[0][1]), *honest[1:])


@answer(
    5,
    "CHAOS_ROWS",
    "The last band but one ends one too early, so 126 also makes `status`.",
    "`<` is written where `<=` is meant.",
    "new 3; chaos 1 300",
    section="10",
)
def rare_band_ends_one_too_early(honest):
    return (*honest[:-2], (honest[-2][0] - 1, honest[-2][1]), honest[-1])


@answer(
    5,
    "Chaos.line",
    "The row comes from the lowest seven bits of the draw.",
    "r % 128 is the usual way to get a number below 128.",
    "new 3; chaos 1 100",
    section="10",
)
def row_from_the_lowest_bits(_, self):
    draw = self.draws.next
    e = draw() % 128
    return next(make for last, make in dkv20.CHAOS_ROWS if e <= last)(self)


@answer(
    5,
    "Chaos.leading_id",
    "The id for `at` is always the current leader's.",
    "The role and the current leader are confused.",
    "new 3; chaos 1 100",
    section="10",
)
def at_goes_to_the_current_leader(honest, self):
    honest(self)
    return self.cluster.leader_id


@answer(
    5,
    "Chaos.leading_id",
    "The leaders for `at` exclude the isolated ones.",
    "Only reachable replicas are checked.",
    "new 3; chaos 1 100",
    section="10",
)
def at_leaves_out_isolated_leaders(honest, self):
    cluster = self.cluster
    ids = [r.id for r in cluster.replicas if r.role == LEADER and r.id not in cluster.isolated]
    return ids[self.draws.next() % len(ids)] if ids else honest(self)


@answer(
    5,
    "Chaos.leading_id",
    "The leaders for `at` are counted from the highest id.",
    "They are collected on a stack.",
    "new 3; chaos 1 100",
    section="10",
)
def leaders_in_descending_order(_, self):
    ids = [replica.id for replica in self.cluster.replicas if replica.role == LEADER]
    return ids[::-1][self.draws.next() % len(ids)]


@answer(
    5,
    "CHAOS_ROWS",
    "The op for `at` is drawn before the id.",
    "The two are arguments of one call, in a language that leaves their order open.",
    "new 3; chaos 1 100",
    section="10",
)
def op_is_drawn_before_the_id(honest):
    def at_leading(chaos):
        op = chaos.op()
        return f"at {chaos.leading_id()} {op}"

    return (honest[0], (honest[1][0], at_leading), *honest[2:])


@answer(
    5,
    "CHAOS_ROWS",
    "If the current leader is isolated, a reachable replica is partitioned instead.",
    "Isolating an isolated replica looks like a step without effect.",
    "new 3; chaos 1 1000",
    section="10",
)
def isolated_leader_is_not_named(honest):
    def partition(chaos):
        ids = [chaos.cluster.leader_id, *(replica.id for replica in chaos.cluster.reachable())]
        return f"partition {ids[-1 if ids[0] in chaos.cluster.isolated else 0]}"

    return (*honest[:4], (honest[4][0], partition), *honest[5:])


@answer(
    5,
    "Chaos.op",
    "The digested lines have the keys as text.",
    "The line is written as a person would write it.",
    "new 3; chaos 1 10",
    section="10",
)
def chaos_keys_as_text(_, self):
    op = dkv20.draw_op(self.draws, dkv20.CHAOS_KEYS)
    key = op.key.decode()
    return f"del {key}" if op.tag == DEL else f"put {key} 0x{op.value.hex()}"


@answer(
    5,
    "CHAOS_KEYS",
    "chaos has 1,000 keys.",
    "The workloads of the scenarios have 1,000 keys.",
    "new 3; chaos 1 10",
    section="10",
)
def chaos_has_1000_keys(_):
    return 1_000


@answer(
    5,
    "Chaos.__init__",
    "A second chaos continues the generator of the first.",
    "The generator is a static variable, as rand's is in C.",
    "new 3; chaos 1 10; new 3; chaos 1 10",
    section="10",
)
def chaos_goes_on_drawing(honest, self, session, seed):
    honest(self, session, seed)
    self.draws = vars(session).setdefault("draws", self.draws)


@answer(
    5,
    "Session.do_chaos",
    "chaos runs on a new cluster of the same size.",
    "A test starts from an empty state.",
    "new 3; put a 1; chaos 1 10",
    section="10",
)
def chaos_on_a_new_cluster(honest, self, seed, steps):
    if steps <= dkv20.MAX_COUNT:
        self.cluster = dkv20.Cluster(self.cluster.n)
    return honest(self, seed, steps)


@answer(
    5,
    "chaos_lines",
    "chaos does not observe the replicas after its last step.",
    "The end of the table of steps is mistaken for the end of the section.",
    "new 1; chaos 1 1",
    section="10",
)
def chaos_without_the_last_look(_, session, seed, steps):
    chaos = dkv20.Chaos(session, seed)
    return (chaos.line() for _ in range(steps))


@answer(
    5,
    "run_chaos",
    "The digest omits answers that are errors.",
    "An error ends the handling of a line before it is recorded.",
    "new 1; chaos 1 300",
    section="10",
)
def digest_without_errors(_, session, seed, steps):
    digest = dkv20.hashlib.sha256()
    for line in dkv20.chaos_lines(session, seed, steps):
        answer = session.answer(line.encode())
        if not answer.startswith(b"err"):
            digest.update(b"> %b\n< %b\n" % (line.encode(), answer))
    return digest.hexdigest()


@answer(
    5,
    "run_chaos",
    "The digested text has no LF at its end.",
    "Lines are joined by LF.",
    "new 1; chaos 1 1",
    section="10",
)
def digest_without_the_last_lf(_, session, seed, steps):
    lines = []
    for line in dkv20.chaos_lines(session, seed, steps):
        lines += [b"> " + line.encode(), b"< " + session.answer(line.encode())]
    return dkv20.sha256(b"\n".join(lines))


@answer(
    5,
    "Session.do_chaos",
    "chaos has no limit on its steps.",
    "The limit is defined with workload's, in another section.",
    "new 1; chaos 1 10000001",
    section="8",
)
def chaos_has_no_limit(honest, self, seed, steps):
    return honest(self, seed, 0 if steps > dkv20.MAX_COUNT else steps)
