"""Wrong ports of an unseen set: the cluster, numbers, lines, scenarios and chaos."""

from __future__ import annotations

import dkv20
from dkv20 import MASK64
from wrong.unseen_maps import shows
from wrong.registry import answer, behaviour

# Section 4.


class Matching(dkv20.Cluster):
    """Its leaders remember how far each replica agreed with them, also when they lead again."""

    def __init__(self, n):
        super().__init__(n)
        self.matched: dict[tuple[int, int], int] = {}

    def replicate(self, replica, leader):
        super().replicate(replica, leader)
        self.matched[leader.id, replica.id] = leader.last

    def agreement(self, replica, leader, b):
        matched = self.matched.get((leader.id, replica.id), 0)
        m = super().agreement(replica, leader, b)
        return max(m, matched) if matched <= min(replica.last, leader.last) else m


@answer(
    4,
    "Cluster",
    "A leader that is elected again goes on from the index up to which a replica agreed before.",
    "atomix/copycat#29: the match index is not reset at the beginning of a leader's term.",
    shows("match-index-survives-an-election"),
    "4.4",
)
def match_index_survives_an_election(_, n):
    return Matching(n)


@answer(
    5,
    "Replica.commit_to",
    "At most 4,096 committed entries are applied at once, and the others when it settles again.",
    "Limits of what is applied at once, as in cockroachdb/cockroach#31330.",
    shows("up-to-4096-entries-are-applied"),
    "3|4.4",
)
def up_to_4096_entries_are_applied(_, self, index):
    table, waiting = vars(self).get("waiting", (None, []))
    if table is not self.map:
        waiting = []
    waiting += [self.entry(newly).op for newly in range(self.commit + 1, index + 1)]
    for op in waiting[:4096]:
        self.apply(op)
    self.waiting = self.map, waiting[4096:]
    self.commit = index


class Listed(dkv20.Cluster):
    """Its isolated ids are also a list, from which an id at the index -1 can be removed."""

    def __init__(self, n):
        super().__init__(n)
        self.list: list[int] = []

    def partition(self, ids):
        self.check_ids(ids)
        self.list += [id for id in dict.fromkeys(ids) if id not in self.list]
        super().partition(ids)

    def heal(self, ids):
        self.check_ids(ids)
        if isinstance(ids, range):  # the bare command
            self.list.clear()
        for id in ids:
            if self.list:
                del self.list[self.list.index(id) if id in self.list else -1]
        self.isolated = set(self.list)
        self.settle()


@answer(
    4,
    "Cluster",
    "To heal a replica that is reachable heals the one that was isolated last.",
    "`splice(indexOf(id), 1)` with the index -1, as in telerik/kendo-ui-core#264.",
    shows("heal-of-a-reachable-replica-heals-the-last"),
    "4.3",
)
def heal_of_a_reachable_replica_heals_the_last(_, n):
    return Listed(n)


@answer(
    4,
    "Cluster.winner",
    "Among equally good logs the greatest commit index wins, and then the lowest id.",
    "microsoft/CCF#520: votes that compare the commit index.",
    shows("greater-commit-index-breaks-ties"),
    "4.4",
)
def greater_commit_index_breaks_ties(_, self, reachable):
    return max(reachable, key=lambda each: (each.last_term, each.last, each.commit))


@answer(
    4,
    "Session.do_log",
    "The hash of a replica's log is kept until its last index or last term changes.",
    "f-rustrated/EastGuard#64: a log in memory that a compaction has to cut separately.",
    shows("log-hash-outlives-a-compaction"),
    "8",
)
def log_hash_outlives_a_compaction(honest, self, id):
    replica = self.cluster.replica(id)
    key = replica.last, replica.last_term
    known = vars(replica).get("known_hash")
    if known is None or known[0] != key:
        replica.known_hash = known = key, honest(self, id)
    return known[1]


# Sections 6 and 7.


def product(a: int, b: int) -> int:
    """Multiply modulo 2^64 in limbs, and lose the carry from the low 32 bits to the high ones."""
    a0, a1, b0, b1 = a & 0xFFFF, a >> 16 & 0xFFFF, b & 0xFFFF, b >> 16 & 0xFFFF
    middle = a1 * b0 + a0 * b1
    low = a0 * b0 + ((middle & 0xFFFF) << 16) & 0xFFFFFFFF
    high = (a >> 32) * (b & 0xFFFFFFFF) + (a & 0xFFFFFFFF) * (b >> 32)
    high += a1 * b1 + (middle >> 16)
    return (high << 32) + low & MASK64


@answer(
    1,
    "mix",
    "mix multiplies in halves and loses a carry between them.",
    "TritonDataCenter/node-snmpjs#24: a product of 64 bits without some carries.",
    shows("product-loses-a-carry"),
    "6",
)
def product_loses_a_carry(_, z):
    z = product(z ^ (z >> 30), 0xBF58476D1CE4E5B9)
    z = product(z ^ (z >> 27), 0x94D049BB133111EB)
    return z ^ (z >> 31)


@answer(
    5,
    "Session.do_workload",
    "The seed of workload is a number with 53 bits.",
    "Seeds up to Number.MAX_SAFE_INTEGER, as in raybellis/java-random#2 and chancejs/chancejs#365.",
    shows("workloads-seed-is-a-double"),
    "7|8",
)
def workloads_seed_is_a_double(honest, self, seed, keys, count):
    return honest(self, int(float(seed)) & MASK64, keys, count)


# Section 8.


@answer(
    3,
    "Session.parse_bytes",
    "A pair of hex digits may be a plus sign and one digit.",
    "category-labs/monad-bft#2177: from_str_radix accepts a sign, as in Swift.",
    shows("plus-in-a-pair-of-hex-digits"),
    "8",
)
def plus_in_a_pair_of_hex_digits(honest, self, token):
    if not token.startswith(b"0x") or b"+" not in token:
        return honest(self, token)
    pairs = [token[start : start + 2] for start in range(2, len(token), 2)]
    signed = [b"0" + pair[1:] if pair[:1] == b"+" and pair[1:] != b"+" else pair for pair in pairs]
    return honest(self, b"0x" + b"".join(signed))


@answer(
    1,
    "Session.look_up",
    "Command words have a 0x form: every token is decoded before the command is looked up.",
    "Escapes that are decoded in the wrong layer, as in baresip/baresip#213.",
    shows("command-words-have-a-hex-form"),
    "8",
)
def command_words_have_a_hex_form(honest, self, tokens):
    place = 2 if tokens[0] == b"at" else 0
    words = (decoded(self, token) for token in tokens[place : place + 1])
    return honest(self, [*tokens[:place], *words, *tokens[place + 1 :]])


def decoded(session, token):
    try:
        return session.parse_bytes(token)
    except dkv20.Refused:
        return token


def recoded(byte: int) -> int:
    try:
        return ord(bytes([byte]).decode("cp1252")) & 0xFF
    except UnicodeDecodeError:
        return byte


@answer(
    3,
    "Session.parse_bytes",
    "Text is decoded as latin1, which is windows-1252, and the low bytes of its characters kept.",
    "TextDecoder's latin1, as in nodejs/node#58890 and Borewit/token-types#717.",
    shows("latin-1-is-windows-1252"),
    "1|8",
)
def latin_1_is_windows_1252(honest, self, token):
    parsed = honest(self, token)
    return parsed if token.startswith(b"0x") else bytes(map(recoded, parsed))


@behaviour(
    1,
    "split_lines",
    "It runs one line after each read, and the others of that read after the next ones.",
    "Exa-Networks/exabgp#1421: lines in a buffer that poll does not know of.",
)
def one_line_for_each_read(honest, chunks):
    waiting: list[bytes] = []
    partial = b""
    for chunk in chunks:
        *lines, partial = (partial + chunk).split(b"\n")
        waiting += lines
        if waiting:
            yield waiting.pop(0)
    yield from waiting
    if partial:
        yield partial


class Slow:
    """An output that has written only what has been flushed."""

    def __init__(self, sink):
        self.sink = sink
        self.waiting = bytearray()

    def write(self, data):
        self.waiting += data

    def flush(self, limit=None):
        self.sink.write(self.waiting[:limit])
        self.sink.flush()
        self.waiting.clear()


@behaviour(
    1,
    "serve",
    "quit drops what is not written yet of the answers, except for 64 KiB.",
    "process.exit and pipes, as in openclaw/mcporter#214 and nodeca/js-yaml#286.",
)
def quit_drops_all_but_64_kib(_, source, sink):
    session = dkv20.Session()
    slow = Slow(sink)
    for line in dkv20.split_lines(dkv20.read_chunks(source, slow)):
        reply = session.answer(line)
        if reply is not None:
            slow.write(reply + b"\n")
        if session.ended:
            break
    slow.flush(65_536)


# Sections 9 and 10.

REMEMBERED: list[str] = []


@answer(
    5,
    "run_scenario",
    "The hash of a scenario is remembered without its name, and the next one has it too.",
    "Caches whose key leaves something out, as in r-lib/memoise#38.",
    shows("scenario-is-remembered-without-its-name"),
    "9",
)
def scenario_is_remembered_without_its_name(honest, name):
    if name not in dkv20.SCENARIOS:
        return honest(name)
    if not REMEMBERED:
        REMEMBERED.append(honest(name))
    return REMEMBERED[0]


@answer(
    5,
    "Chaos.id",
    "An id is the absolute value of a signed draw, modulo n.",
    "Math.abs before the remainder, as in apache/hudi#19776.",
    shows("ids-of-chaos-are-absolute"),
    "10",
)
def ids_of_chaos_are_absolute(_, self):
    draw = self.draws.next()
    return min(draw, 2**64 - draw) % self.cluster.n
