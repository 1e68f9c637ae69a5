#!/usr/bin/env python3
"""dkv20 in Python: a small, complete port, written from docs/CONCEPTS.md alone.

It is meant to be read by the authors of other ports and follows the definition section by section:
the numbers in the comments are those of the definition. It needs Python 3.9 or newer and only the
standard library.

    python3 dkv20.py serve            speak the port protocol (section 8)
    python3 dkv20.py scenario         print the hashes of both scenarios (section 9)
    python3 dkv20.py scenario NAME    print the hash of one of them
"""

from __future__ import annotations

import binascii
import hashlib
import os
import sys
from typing import TYPE_CHECKING, Callable, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from io import BufferedReader, BufferedWriter

# --- 1. Conventions -------------------------------------------------------------------------------

MAX_REPLICAS = 64
MAX_KEY = 4_096
MAX_VALUE = 1_048_576
MASK64 = 2**64 - 1


class Refused(Exception):
    """An error answer: its text follows `err`. Code that raises it has changed nothing."""


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- 2. Operations --------------------------------------------------------------------------------

NOOP, PUT, DEL = 0, 1, 2


class Op(NamedTuple):
    """An operation. NoOp has neither key nor value, and Del has no value."""

    tag: int
    key: bytes = b""
    value: bytes = b""


def prefixed(data: bytes) -> bytes:
    """Return the data with its length before it."""
    return u32(len(data)) + data


def encode_op(op: Op) -> bytes:
    if op.tag == NOOP:
        return bytes([NOOP])
    if op.tag == PUT:
        return bytes([PUT]) + prefixed(op.key) + prefixed(op.value)
    return bytes([DEL]) + prefixed(op.key)


def check_key(key: bytes) -> None:
    if not 1 <= len(key) <= MAX_KEY:
        raise Refused("key-length")


def check_value(value: bytes) -> None:
    if len(value) > MAX_VALUE:
        raise Refused("value-length")


def check_op(op: Op) -> None:
    """Check the limits of section 1, the key before the value."""
    if op.tag != NOOP:
        check_key(op.key)
        check_value(op.value)


# --- 3. Replica -----------------------------------------------------------------------------------

LEADER, FOLLOWER = "leader", "follower"


class Entry(NamedTuple):
    """A log entry. It never changes, so replicas share it."""

    term: int
    op: Op


class Replica:
    """A replica: a log, its commit index, and the map of the committed ops."""

    def __init__(self, id: int) -> None:
        self.id = id
        self.term = 1
        self.role = FOLLOWER
        self.base = 0
        self.base_term = 0
        self.log: list[Entry] = []  # the entries at base + 1 to last
        self.commit = 0
        self.map: dict[bytes, bytes] = {}

    @property
    def last(self) -> int:
        return self.base + len(self.log)

    @property
    def last_term(self) -> int | None:
        return self.term_at(self.last)

    def term_at(self, index: int) -> int | None:
        """Return the term of the entry at the index, or None if it is unknown."""
        if index == self.base:
            return self.base_term
        if self.base < index <= self.last:
            return self.entry(index).term
        return None

    def entry(self, index: int) -> Entry:
        return self.log[index - self.base - 1]

    def entries_after(self, index: int) -> list[Entry]:
        return self.log[index - self.base :]

    def append(self, op: Op, term: int) -> None:
        self.log.append(Entry(term, op))

    def truncate(self, index: int) -> None:
        """Drop the entries after the index."""
        del self.log[index - self.base :]

    def commit_to(self, index: int) -> None:
        """Apply the newly committed entries, in order."""
        for newly in range(self.commit + 1, index + 1):
            self.apply(self.entry(newly).op)
        self.commit = index

    def apply(self, op: Op) -> None:
        if op.tag == PUT:
            self.map[op.key] = op.value
        elif op.tag == DEL:
            self.map.pop(op.key, None)

    def follow(self, term: int) -> None:
        """Adopt the term and become a follower."""
        self.term = term
        self.role = FOLLOWER

    def compact(self) -> None:
        """Drop the entries up to the commit index (section 4.5)."""
        self.base_term, self.log = self.term_at(self.commit), self.entries_after(self.commit)
        self.base = self.commit

    def state(self) -> State:
        """Return the replica's snapshot (section 5)."""
        return State(self.commit, self.term_at(self.commit), self.map)

    def dump_log(self) -> bytes:
        """Return the bytes whose hash `log` shows (section 8)."""
        return b"".join(
            u64(index) + u64(entry.term) + encode_op(entry.op)
            for index, entry in enumerate(self.log, self.base + 1)
        )


# --- 4. Cluster -----------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """The outcome of a proposal. One that is not committed is pending."""

    committed: bool
    index: int
    term: int


class Cluster:
    """Replicas that exchange messages instantly, except for the isolated ones."""

    def __init__(self, n: int) -> None:
        if not 1 <= n <= MAX_REPLICAS:
            raise Refused("replica-count")
        self.n = n
        self.quorum = n // 2 + 1
        self.isolated: set[int] = set()
        self.replicas = [Replica(id) for id in range(n)]
        self.leader_id = 0
        self.term = 1
        self.leader.role = LEADER

    @property
    def leader(self) -> Replica:
        """Return the current leader, isolated or not."""
        return self.replicas[self.leader_id]

    def is_partitioned(self, id: int) -> bool:
        return id in self.isolated

    def reachable(self) -> list[Replica]:
        return [replica for replica in self.replicas if not self.is_partitioned(replica.id)]

    def replica(self, id: int) -> Replica:
        self.check_ids([id])
        return self.replicas[id]

    def check_ids(self, ids: Iterable[int]) -> None:
        if any(id >= self.n for id in ids):
            raise Refused("unknown-replica")

    # 4.1

    def propose(self, op: Op) -> Outcome:
        """Propose the op to the current leader."""
        check_op(op)
        leader = self.leader
        if self.is_partitioned(leader.id):
            raise Refused("no-leader")
        leader.append(op, leader.term)
        index = leader.last
        self.settle()
        return Outcome(index <= leader.commit, index, leader.term)

    # 4.2

    def propose_at(self, id: int, op: Op) -> Outcome:
        """Propose the op to this replica."""
        replica = self.replica(id)
        check_op(op)
        if replica.role != LEADER:
            raise Refused("not-leader")
        if not self.is_partitioned(id):
            return self.propose(op)
        replica.append(op, replica.term)
        return Outcome(committed=False, index=replica.last, term=replica.term)

    # 4.3

    def partition(self, ids: Iterable[int]) -> None:
        self.check_ids(ids)
        self.isolated.update(ids)
        self.settle()

    def heal(self, ids: Iterable[int]) -> None:
        self.check_ids(ids)
        self.isolated.difference_update(ids)
        self.settle()

    # 4.4

    def settle(self) -> None:
        """Exchange messages until there are none left."""
        reachable = self.reachable()
        if self.is_partitioned(self.leader_id) and len(reachable) >= self.quorum:
            self.elect(reachable)
        if self.is_partitioned(self.leader_id):
            self.step_down(reachable)
            return
        for replica in reachable:
            if replica is not self.leader:
                self.replicate(replica, self.leader)
        self.commit(reachable)

    def elect(self, reachable: list[Replica]) -> None:
        """Step 1: the newest log wins."""
        winner = self.winner(reachable)
        self.leader_id = winner.id
        self.term += 1
        for replica in reachable:
            replica.follow(self.term)
        winner.role = LEADER
        winner.append(Op(NOOP), self.term)

    def winner(self, reachable: list[Replica]) -> Replica:
        """Return the replica with the greatest (last_term, last); `max` prefers the first."""
        return max(reachable, key=lambda replica: (replica.last_term, replica.last))

    def step_down(self, reachable: list[Replica]) -> None:
        """Step 2: no reachable replica is leader, and nothing else changes."""
        for replica in reachable:
            replica.role = FOLLOWER

    def replicate(self, replica: Replica, leader: Replica) -> None:
        """Step 3: the replica's log becomes the leader's."""
        replica.follow(leader.term)
        b = max(replica.base, leader.base)
        if replica.last < b or replica.term_at(b) != leader.term_at(b):
            self.install_snapshot(replica, leader)
        else:
            self.truncate_and_replay(replica, leader, self.agreement(replica, leader, b))

    def install_snapshot(self, replica: Replica, leader: Replica) -> None:
        replica.map = dict(leader.map)
        replica.commit = replica.base = leader.commit
        replica.base_term = leader.term_at(leader.commit)
        replica.log = leader.entries_after(leader.commit)

    def agreement(self, replica: Replica, leader: Replica, b: int) -> int:
        """Return the index m up to which the logs agree. They agree at b."""
        m = min(replica.last, leader.last)
        while m > b and replica.term_at(m) != leader.term_at(m):
            m -= 1
        return m

    def truncate_and_replay(self, replica: Replica, leader: Replica, m: int) -> None:
        replica.truncate(m)
        replica.log += leader.entries_after(m)

    def commit(self, reachable: list[Replica]) -> None:
        """Step 4: a quorum commits the leader's log."""
        if len(reachable) >= self.quorum:
            self.leader.commit_to(self.leader.last)
        for replica in reachable:
            replica.commit_to(self.leader.commit)

    # 4.5

    def compact(self, ids: Iterable[int]) -> None:
        self.check_ids(ids)
        for id in ids:
            self.replicas[id].compact()


# --- 5. Snapshot ----------------------------------------------------------------------------------

MAGIC = b"DKVS"
VERSION = 1


class State(NamedTuple):
    """The content of a snapshot. The term is that of the entry at the commit index."""

    commit: int
    term: int
    map: dict[bytes, bytes]


def is_before(one: bytes, other: bytes) -> bool:
    """Return the keys in the order of section 1: Python compares bytes as unsigned values."""
    return one < other


def sorted_keys(state: State) -> list[bytes]:
    """Return the keys in ascending order."""
    return sorted(state.map)


def dump_state(state: State) -> bytes:
    parts = [MAGIC, u32(VERSION), u64(state.commit), u64(state.term), u64(len(state.map))]
    for key in sorted_keys(state):
        parts += [prefixed(key), prefixed(state.map[key])]
    return b"".join(parts)


class Reader:
    """Reads fields in order and remembers where the last one began."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.field = 0
        self.next = 0

    def take(self, size: int) -> bytes:
        self.field = self.next
        self.judge(size <= len(self.data) - self.field, "truncated")
        self.next += size
        return self.data[self.field : self.next]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def end(self) -> None:
        self.field = self.next
        self.judge(self.field == len(self.data), "trailing-bytes")

    def judge(self, good: bool, code: str) -> None:
        """Refuse the field that was read last unless it is valid."""
        if not good:
            raise Refused(f"{code} offset={self.field}")


def load_state(data: bytes) -> State:
    """Read a snapshot. Each field is checked before the next one is read."""
    reader = Reader(data)
    reader.judge(reader.take(4) == MAGIC, "bad-magic")
    reader.judge(reader.u32() == VERSION, "bad-version")
    commit = reader.u64()
    term = reader.u64()
    reader.judge((commit == 0) == (term == 0), "bad-term")
    count = reader.u64()
    reader.judge(count <= commit, "bad-count")
    state = State(commit, term, {})
    previous = b""  # sorts before every key, since a key has at least one byte
    for _ in range(count):
        key = load_key(reader)
        reader.judge(is_before(previous, key), "key-order")
        state.map[key] = load_value(reader)
        previous = key
    reader.end()
    return state


def load_key(reader: Reader) -> bytes:
    length = reader.u32()
    reader.judge(1 <= length <= MAX_KEY, "key-length")
    return reader.take(length)


def load_value(reader: Reader) -> bytes:
    length = reader.u32()
    reader.judge(length <= MAX_VALUE, "value-length")
    return reader.take(length)


# --- 6. splitmix64 --------------------------------------------------------------------------------


def mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK64
    return z ^ (z >> 31)


class Generator:
    """The generator of pseudo-random numbers."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def next(self) -> int:
        self.state = self.state + 0x9E3779B97F4A7C15 & MASK64
        return mix(self.state)


# --- 7. Workload ----------------------------------------------------------------------------------


def decode_key(r2: int, keys: int) -> bytes:
    return b"key-%06d" % (r2 % keys)


def decode_op(r1: int, r2: int, r3: int, keys: int) -> Op:
    key = decode_key(r2, keys)
    if r1 >> 62 == 3:
        return Op(DEL, key)
    return Op(PUT, key, u64(r3 % 10_000))


def draw_op(generator: Generator, keys: int) -> Op:
    r1 = generator.next()
    r2 = generator.next()
    r3 = generator.next()
    return decode_op(r1, r2, r3, keys)


# --- 8. Port protocol -----------------------------------------------------------------------------

NAME = "python"
MAX_LINE = 4_194_304
MAX_DRAWS = 1_000
MAX_KEYS = 1_000_000
MAX_COUNT = 10_000_000
CHUNK = 65_536


class Command(NamedTuple):
    """A command: how it is run, and its arguments."""

    method: str
    kinds: tuple[str, ...]  # of its arguments
    rest: str | None  # the kind of any number of further arguments
    starred: bool  # needs a cluster


COMMANDS: dict[bytes, Command] = {}


def command(*kinds: str, rest: str | None = None, starred: bool = True) -> Callable:
    """Make the command `a b` of the method `do_a_b`."""

    def register(method: Callable) -> Callable:
        word = method.__name__[len("do_") :].replace("_", " ").encode()
        COMMANDS[word] = Command(method.__name__, kinds, rest, starred)
        return method

    return register


class Session:
    """One session: lines in, answers out."""

    def __init__(self) -> None:
        self.cluster: Cluster | None = None
        self.ended = False

    def answer(self, line: bytes) -> bytes | None:
        """Return the answer to a line, or None if it gets none."""
        try:
            self.check_length(line)
            tokens = self.tokens(line)
            if self.is_silent(tokens):
                return None
            found, arguments = self.look_up(tokens)
            parsed = self.parse(found, arguments)
            self.check_cluster(found)
            answer = getattr(self, found.method)(*parsed)
        except Refused as error:
            return f"err {error}".encode()
        return b"ok" if answer is None else f"ok {answer}".encode()

    # Lines and tokens.

    def check_length(self, line: bytes) -> None:
        if len(line) > MAX_LINE:
            raise Refused("line-length")

    def tokens(self, line: bytes) -> list[bytes]:
        """Return the tokens. (Without its argument, `split` would also split at TAB and CR.)"""
        return [token for token in line.split(b" ") if token]

    def is_silent(self, tokens: list[bytes]) -> bool:
        return not tokens or tokens[0].startswith(b"#")

    def look_up(self, tokens: list[bytes]) -> tuple[Command, list[bytes]]:
        """Return command and arguments: `at ID put …` is the command `at put` with `ID …`."""
        word, *arguments = tokens
        if word == b"at":
            if len(arguments) < 2:
                raise Refused("syntax")
            word += b" " + arguments.pop(1)
        if word not in COMMANDS:
            raise Refused("unknown-command")
        return COMMANDS[word], arguments

    def check_cluster(self, found: Command) -> None:
        if found.starred and self.cluster is None:
            raise Refused("no-cluster")

    # Kinds of tokens.

    def parse(self, found: Command, arguments: list[bytes]) -> list:
        kinds = list(found.kinds)
        if found.rest:
            kinds += [found.rest] * (len(arguments) - len(kinds))
        if len(kinds) != len(arguments):
            raise Refused("syntax")
        return [getattr(self, f"parse_{kind}")(token) for kind, token in zip(kinds, arguments)]

    def parse_number(self, token: bytes) -> int:
        """Parse a number. Its length is checked first: `int` is slow on many digits."""
        digits = token.lstrip(b"0")
        if not token.isdigit() or len(digits) > len(str(MASK64)):
            raise Refused("syntax")
        number = int(digits or b"0")
        if number > MASK64:
            raise Refused("syntax")
        return number

    def parse_bytes(self, token: bytes) -> bytes:
        """Parse a byte string. (`bytes.fromhex` would accept white space.)"""
        if not token.startswith(b"0x"):
            return token
        try:
            return binascii.unhexlify(token[2:])
        except binascii.Error:
            raise Refused("syntax") from None

    def parse_name(self, token: bytes) -> bytes:
        return token

    # Answers.

    def show_bytes(self, data: bytes) -> str:
        return f"0x{data.hex()}"

    def show_outcome(self, outcome: Outcome) -> str:
        word = "committed" if outcome.committed else "pending"
        return f"{word} index={outcome.index} term={outcome.term}"

    def show_leader(self) -> str:
        cluster = self.cluster
        leader = "none" if cluster.is_partitioned(cluster.leader_id) else cluster.leader_id
        return f"leader={leader} term={cluster.term}"

    def show_isolated(self) -> str:
        return ",".join(map(str, sorted(self.cluster.isolated))) or "none"

    # The commands, in the order of the table. Their results follow `ok`.

    @command(starred=False)
    def do_hello(self) -> str:
        return f"dkv20 1 {NAME}"

    @command("number", starred=False)
    def do_new(self, n: int) -> None:
        self.cluster = Cluster(n)

    @command()
    def do_noop(self) -> str:
        return self.show_outcome(self.cluster.propose(Op(NOOP)))

    @command("bytes", "bytes")
    def do_put(self, key: bytes, value: bytes) -> str:
        return self.show_outcome(self.cluster.propose(Op(PUT, key, value)))

    @command("bytes")
    def do_del(self, key: bytes) -> str:
        return self.show_outcome(self.cluster.propose(Op(DEL, key)))

    @command("number")
    def do_at_noop(self, id: int) -> str:
        return self.show_outcome(self.cluster.propose_at(id, Op(NOOP)))

    @command("number", "bytes", "bytes")
    def do_at_put(self, id: int, key: bytes, value: bytes) -> str:
        return self.show_outcome(self.cluster.propose_at(id, Op(PUT, key, value)))

    @command("number", "bytes")
    def do_at_del(self, id: int, key: bytes) -> str:
        return self.show_outcome(self.cluster.propose_at(id, Op(DEL, key)))

    @command(rest="number")
    def do_partition(self, *ids: int) -> str:
        self.cluster.partition(ids)
        return self.show_leader()

    @command(rest="number")
    def do_heal(self, *ids: int) -> str:
        self.cluster.heal(ids or range(self.cluster.n))
        return self.show_leader()

    @command(rest="number")
    def do_compact(self, *ids: int) -> None:
        self.cluster.compact(ids or range(self.cluster.n))

    @command()
    def do_status(self) -> str:
        quorum = self.cluster.quorum
        return f"{self.show_leader()} quorum={quorum} isolated={self.show_isolated()}"

    @command("number")
    def do_replica(self, id: int) -> str:
        replica = self.cluster.replica(id)
        return (
            f"role={replica.role} term={replica.term} base={replica.base}"
            f" commit={replica.commit} last={replica.last} keys={len(replica.map)}"
        )

    @command("number", "bytes")
    def do_get(self, id: int, key: bytes) -> str:
        replica = self.cluster.replica(id)
        check_key(key)
        value = replica.map.get(key)
        return "none" if value is None else self.show_bytes(value)

    @command("number")
    def do_hash(self, id: int) -> str:
        return sha256(dump_state(self.cluster.replica(id).state()))

    @command("number")
    def do_dump(self, id: int) -> str:
        return self.show_bytes(dump_state(self.cluster.replica(id).state()))

    @command("number")
    def do_log(self, id: int) -> str:
        return sha256(self.cluster.replica(id).dump_log())

    @command("bytes", starred=False)
    def do_load(self, data: bytes) -> str:
        state = load_state(data)
        digest = sha256(dump_state(state))
        return f"commit={state.commit} term={state.term} keys={len(state.map)} sha256={digest}"

    @command("number", starred=False)
    def do_mix(self, z: int) -> str:
        return str(mix(z))

    @command("number", "number", starred=False)
    def do_draw(self, seed: int, count: int) -> str:
        if not 1 <= count <= MAX_DRAWS:
            raise Refused("count")
        generator = Generator(seed)
        return " ".join(str(generator.next()) for _ in range(count))

    @command("number", "number", "number")
    def do_workload(self, seed: int, keys: int, count: int) -> str:
        if not 1 <= keys <= MAX_KEYS:
            raise Refused("key-space")
        if count > MAX_COUNT:
            raise Refused("count")
        generator = Generator(seed)
        committed = pending = refused = 0
        for _ in range(count):
            op = draw_op(generator, keys)
            try:
                outcome = self.cluster.propose(op)
            except Refused:
                refused += 1
            else:
                committed += outcome.committed
                pending += not outcome.committed
        return f"committed={committed} pending={pending} refused={refused}"

    @command("number", "number")
    def do_chaos(self, seed: int, steps: int) -> str:
        if steps > MAX_COUNT:
            raise Refused("count")
        return f"digest={run_chaos(self, seed, steps)}"

    @command("name", starred=False)
    def do_scenario(self, name: bytes) -> str:
        return run_scenario(name)

    @command(starred=False)
    def do_quit(self) -> None:
        self.ended = True


def serve(source: BufferedReader, sink: BufferedWriter) -> None:
    """Answer lines until `quit` or the end of input."""
    session = Session()
    for line in split_lines(read_chunks(source, sink)):
        answer = session.answer(line)
        if answer is not None:
            sink.write(answer + b"\n")
        if session.ended:
            break
    sink.flush()


def read_chunks(source: BufferedReader, sink: BufferedWriter) -> Iterator[bytes]:
    """Yield the input in chunks. A chunk is read when no complete line is left."""
    while True:
        sink.flush()
        chunk = source.read1(CHUNK)
        if not chunk:
            return
        yield chunk


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines without LF. Of an overlong line only enough to recognise it is kept."""
    line = bytearray()
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line += end[: MAX_LINE + 1 - len(line)]
            yield bytes(line)
            line.clear()
        line += rest[: MAX_LINE + 1 - len(line)]
    if line:
        yield bytes(line)


# --- 9. Scenarios ---------------------------------------------------------------------------------

SCENARIOS = {
    b"A": b"""\
new 5
workload 20 1000 10000
""",
    b"B": b"""\
new 5
workload 1 1000 2000
partition 3 4
workload 2 1000 2000
heal
partition 0
at 0 put stale-1 0x01
at 0 put key-000007 0x02
at 0 del key-000008
workload 3 1000 2000
heal
partition 1 2
workload 4 1000 500
partition 3
workload 5 1000 100
partition 0
heal 1 2 3
workload 6 1000 500
heal
partition 4
at 4 put stale-2 0x03
at 4 put stale-3 0x04
at 4 put stale-4 0x05
workload 7 1000 1
partition 0 1
heal 4
workload 8 1000 500
heal
partition 2
at 2 put stale-5 0x06
at 2 put stale-6 0x07
at 2 put stale-7 0x08
workload 9 1000 1
compact
heal
partition 3
workload 10 1000 2000
compact
heal
workload 11 1000 100
""",
}


def run_scenario(name: bytes) -> str:
    """Return the final hash of all replicas, on a session of the scenario's own."""
    if name not in SCENARIOS:
        raise Refused("unknown-scenario")
    session = Session()
    answers = [session.answer(line) for line in SCENARIOS[name].splitlines()]
    hashes = {session.do_hash(id) for id in range(session.cluster.n)}
    if len(hashes) > 1 or any(answer.startswith(b"err") for answer in answers):
        raise Refused("diverged")
    return hashes.pop()


# --- 10. Chaos ------------------------------------------------------------------------------------

CHAOS_KEYS = 64


class Chaos:
    """Makes command lines from draws."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.cluster = session.cluster
        self.draws = Generator(seed)

    def line(self) -> str:
        e = self.draws.next() >> 57
        return next(make for last, make in CHAOS_ROWS if e <= last)(self)

    def id(self) -> int:
        return self.draws.next() % self.cluster.n

    def leading_id(self) -> int:
        """Return one of the replicas that believe they are leader."""
        ids = [replica.id for replica in self.cluster.replicas if replica.role == LEADER]
        return ids[self.draws.next() % len(ids)]

    def mask(self) -> str:
        mask = self.draws.next()
        return "".join(f" {id}" for id in range(self.cluster.n) if mask >> id & 1)

    def key(self) -> str:
        return self.session.show_bytes(decode_key(self.draws.next(), CHAOS_KEYS))

    def op(self) -> str:
        op = draw_op(self.draws, CHAOS_KEYS)
        key = self.session.show_bytes(op.key)
        return f"put {key} {self.session.show_bytes(op.value)}" if op.tag == PUT else f"del {key}"


#: The greatest e of each row, and the row's line. Draws are made from left to right.
CHAOS_ROWS: tuple[tuple[int, Callable[[Chaos], str]], ...] = (
    (55, lambda c: c.op()),
    (71, lambda c: f"at {c.leading_id()} {c.op()}"),
    (75, lambda c: f"at {c.id()} {c.op()}"),
    (83, lambda c: f"partition {c.id()}"),
    (87, lambda c: f"partition {c.cluster.leader_id}"),
    (91, lambda c: f"partition{c.mask()}"),
    (99, lambda c: f"heal {c.id()}"),
    (103, lambda c: f"heal{c.mask()}"),
    (105, lambda _: "heal"),
    (109, lambda c: f"compact {c.id()}"),
    (111, lambda _: "compact"),
    (115, lambda c: f"get {c.id()} {c.key()}"),
    (120, lambda c: f"hash {c.id()}"),
    (123, lambda c: f"log {c.id()}"),
    (126, lambda c: f"replica {c.id()}"),
    (127, lambda _: "status"),
)


def run_chaos(session: Session, seed: int, steps: int) -> str:
    """Run the lines on the session's cluster and return the digest of lines and answers."""
    digest = hashlib.sha256()
    for line in chaos_lines(session, seed, steps):
        digest.update(b"> %b\n< %b\n" % (line.encode(), session.answer(line.encode())))
    return digest.hexdigest()


def chaos_lines(session: Session, seed: int, steps: int) -> Iterator[str]:
    """Yield the lines. Each is made after the one before it has run."""
    chaos = Chaos(session, seed)
    for _ in range(steps):
        yield chaos.line()
    for id in range(session.cluster.n):
        yield from (f"replica {id}", f"log {id}", f"hash {id}")


# --- The program (section 8) ----------------------------------------------------------------------


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    import argparse  # here, since importing it takes long and wrong_ports.py does without it

    parser = argparse.ArgumentParser(prog="dkv20.py", description="dkv20 in Python")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="speak the port protocol on standard input and output")
    scenario = commands.add_parser("scenario", help="print the hashes of the scenarios")
    scenario.add_argument("name", nargs="?", metavar="NAME", help="only this one: A or B")
    return parser.parse_args(arguments)


def print_scenarios(name: str | None) -> None:
    for each in SCENARIOS if name is None else [os.fsencode(name)]:
        print(f"{os.fsdecode(each)} {run_scenario(each)}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the program, with the arguments of its command line unless others are given.

    Returns its exit status.
    """
    parsed = parse_arguments(arguments)
    try:
        if parsed.command == "serve":
            serve(sys.stdin.buffer, sys.stdout.buffer)
        else:
            print_scenarios(parsed.name)
    except Refused as error:
        print(f"err {error}", file=sys.stderr)
        return 1
    except OSError as error:  # such as a broken pipe
        print(f"dkv20.py: {error}", file=sys.stderr)
        # Python flushes standard output again at exit: let that succeed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
