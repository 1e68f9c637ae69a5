"""Wrong ports of an unseen set: edges of data structures, buffers and rules. The reports are public."""

from __future__ import annotations

import bisect
import functools
import hashlib
import itertools
import os.path
import sys

import dkv20
from dkv20 import DEL, MAX_KEY, MAX_LINE, MAX_VALUE, NOOP, PUT, Entry, Generator, Refused, State
from dkv20 import dump_state, encode_op, split_lines, u32
from wrong.registry import answer, behaviour, surroundings


def loading(commit: int, term: int, keys: dict[bytes, bytes]) -> str:
    return f"load 0x{dump_state(State(commit, term, keys)).hex()}"


def ordered(replica: dkv20.Replica) -> list[bytes]:
    """Return the keys of the replica's map in order, as a list that its changes must keep so."""
    kept, keys = vars(replica).get("ordered", (None, []))
    if kept is not replica.map:
        keys = sorted(replica.map)
        replica.ordered = replica.map, keys
    return keys


# Lines, tokens, numbers (sections 6 and 8).


@answer(
    1,
    "Session.parse_number",
    "Eight digits at once are recognised by their upper halves, so that `:` is the digit 10.",
    "Digits that are checked eight at a time, as in ruby/json#878; `199:` as a year in"
    " ninenines/cowlib#171.",
    "mix 0000000:",
    "8",
)
def eight_characters_are_taken_for_digits(honest, self, token):
    whole = len(token) // 8 * 8
    halves = all(0x30 <= byte <= 0x3F for byte in token[:whole])
    rest = token[whole:]
    if token.isdigit() or not halves or (rest and not rest.isdigit()):
        return honest(self, token)
    digits = token.lstrip(b"0")
    number = functools.reduce(lambda number, byte: number * 10 + byte - 0x30, digits[:21], 0)
    if len(digits) > 20 or number > dkv20.MASK64:
        raise Refused("syntax")
    return number


@answer(
    2,
    "Session.parse_bytes",
    "The table of hex digits has one entry too many before A and a: `@` and a backquote are 9.",
    "Tables that are off by one, as in NotAdam/Lumina#90 and haskell/base16-bytestring#2.",
    "load 0x@@",
    "8",
)
def at_sign_is_a_hex_digit(honest, self, token):
    if token.startswith(b"0x"):
        token = token.translate(bytes.maketrans(b"@`", b"99"))
    return honest(self, token)


@answer(
    2,
    "Session.parse_bytes",
    "Hex with both upper-case and lower-case digits is malformed.",
    "Tables for one case each, as in X-Sharp/XSharpPublic#1402.",
    "load 0xaA",
    "8",
)
def hex_of_mixed_cases_is_refused(honest, self, token):
    data = honest(self, token)
    digits = token[2:]
    if token.startswith(b"0x") and digits not in {digits.lower(), digits.upper()}:
        raise Refused("syntax")
    return data


@answer(
    1,
    "Session.check_length",
    "The length of a line is taken after the spaces at its end are removed.",
    "Lines that are trimmed before they are measured, as in debrief/debrief#2229 and"
    " flop-labs/technocore-chat#609.",
    "mix 1" + " " * MAX_LINE,
    "8",
)
def spaces_at_the_end_have_no_length(honest, self, line):
    honest(self, line.rstrip(b" "))


@answer(
    1,
    "Session.do_draw",
    "A draw with the seed of the draw before goes on where that one ended.",
    "Seeds that do not reset the sequence, as in red/red#821.",
    "draw 1 1; draw 1 1",
    "6|8",
)
def draw_goes_on_with_its_seed(honest, self, seed, count):
    honest(self, seed, count)
    before, generator = vars(self).get("drawing", (None, None))
    if seed != before:
        generator = Generator(seed)
    self.drawing = seed, generator
    return " ".join(str(generator.next()) for _ in range(count))


@answer(
    1,
    "Session.do_mix",
    "Answers of mix are kept, and found by the low 32 bits of the number.",
    "Caches with keys of 32 bits, as in mastra-ai/mastra#17924 and"
    " arthurfiorette/axios-cache-interceptor#795.",
    "mix 1; mix 4294967297",
    "6|8",
)
def mix_is_kept_by_32_bits(honest, self, z):
    kept = vars(self).setdefault("kept", {})
    return kept.setdefault(z & 0xFFFFFFFF, honest(self, z))


@answer(
    2,
    "sha256",
    "A hash is written as a number, without the zeros at its beginning.",
    "BigInteger.toString(16), as in eclipse-rdf4j/rdf4j#777 and hazelcast/hazelcast#24285.",
    loading(5, 1, {}),
    "5|8",
)
def hash_loses_zeros_at_its_beginning(honest, data):
    return honest(data).lstrip("0")


@behaviour(
    1,
    "serve",
    "Input after `quit` is an error: the exit status is 1.",
    "gzip's status 2 for trailing garbage.",
)
def input_after_quit_is_an_error(_, source, sink):
    session = dkv20.Session()
    unread = b""

    def chunks():
        nonlocal unread
        for chunk in dkv20.read_chunks(source, sink):
            unread += chunk
            yield chunk

    for line in split_lines(chunks()):
        found = session.answer(line)
        unread = unread[unread.find(b"\n") + 1 :]
        if found is not None:
            sink.write(found + b"\n")
        if session.ended:
            break
    sink.flush()
    if session.ended and unread:
        raise OSError("unexpected input after quit")


# Ops and the map (sections 1 and 2).


@answer(
    3,
    "check_op",
    "A put is limited to the longest key and the longest value, but the limit is compared with the"
    " encoded op, which has nine bytes more.",
    "Limits that leave out their headers, as in etcd-io/etcd#14025.",
    f"new 1; put {'k' * MAX_KEY} {'v' * MAX_VALUE}",
    "1|4.1",
)
def longest_entry_has_no_room_for_its_header(honest, op):
    honest(op)
    if 9 + len(op.key) + len(op.value) > MAX_KEY + MAX_VALUE:
        raise Refused("value-length")


@answer(
    3,
    "encode_op",
    "In the log's hash, lengths from 128 to 255 are sign-extended.",
    "Lengths in signed bytes, as in protocolbuffers/upb#352.",
    f"new 1; put {'k' * 200} 1; log 0",
    "2",
)
def lengths_of_one_byte_are_sign_extended(honest, op):
    def length(data):
        return u32(len(data) | 0xFFFFFF00 if 128 <= len(data) <= 255 else len(data))

    if op.tag == NOOP:
        return honest(op)
    value = length(op.value) + op.value if op.tag == PUT else b""
    return bytes([op.tag]) + length(op.key) + op.key + value


@answer(
    3,
    "sorted_keys",
    "Keys are ordered by the difference of their first four bytes as a signed number, which"
    " overflows.",
    "Comparators that subtract, as in atomix/copycat#32 and everit-org/json-schema#529.",
    "new 1; put 0x01 1; put 0xff 2; hash 0",
    "1|5",
)
def difference_of_first_words_overflows(_, state):
    def word(key):
        return int.from_bytes(key[:4].ljust(4, b"\0"), "big")

    def compare(one, other):
        difference = word(one) - word(other) & 0xFFFFFFFF
        if difference:
            return -1 if difference >> 31 else 1
        return (one > other) - (one < other)

    return sorted(state.map, key=functools.cmp_to_key(compare))


@answer(
    3,
    "sorted_keys",
    "A search in the keys skips the bytes that the key has in common with one end of the range, and"
    " not only those in common with both.",
    "Comparisons that skip a prefix, as in wiredtiger/wiredtiger#2272 and #9152.",
    "new 1; put aa 1; put cc 2; put c 3; hash 0",
    "1|5",
)
def prefix_of_one_end_is_skipped(_, state):
    keys: list[bytes] = []
    for key in state.map:
        low, high = 0, len(keys)
        common_low = common_high = 0
        while low < high:
            middle = (low + high) // 2
            skip = max(common_low, common_high)
            other = keys[middle]
            common = skip + len(os.path.commonprefix([key[skip:], other[skip:]]))
            if key[common:] < other[common:]:
                high, common_high = middle, common
            else:
                low, common_low = middle + 1, common
        keys.insert(low, key)
    return keys


@answer(
    3,
    "Replica.apply",
    "The deletion of a key also removes a longer one that begins with it, if there is one such.",
    "Nodes that are merged with their only child, as in armon/go-radix#3; prefixes that are deleted"
    " with others, as in mjschultz/py-radix#87.",
    "new 1; put ab 1; put abc 2; del ab; get 0 abc",
    "2",
)
def del_takes_an_only_child_with_it(honest, self, op):
    keys = ordered(self)
    place = bisect.bisect_left(keys, op.key)
    present = op.key in self.map
    honest(self, op)
    if op.tag == PUT and not present:
        keys.insert(place, op.key)
    elif op.tag == DEL and present:
        del keys[place]
        children = [key for key in keys[place : place + 2] if key.startswith(op.key)]
        if len(children) == 1:
            del self.map[keys.pop(place)]


@answer(
    3,
    "Replica.apply",
    "The map is a binary tree. If a node with two children is deleted, the next key takes its place,"
    " but not its value.",
    "Successors that are copied in part, as in nickzuber/needle#10.",
    "new 1; put b 1; put a 2; put c 3; del b; get 0 c",
    "2",
)
def next_key_takes_the_value_of_a_deleted_one(honest, self, op):
    keys = ordered(self)
    kept, ages, clock = vars(self).get("ages", (None, {}, None))
    if kept is not self.map:  # an older node is above a younger one
        clock = itertools.count()
        ages = dict(zip(self.map, clock))
        self.ages = self.map, ages, clock
    place = bisect.bisect_left(keys, op.key)
    value = self.map.get(op.key)
    honest(self, op)
    if op.tag == PUT and value is None:
        keys.insert(place, op.key)
        ages[op.key] = next(clock)
    elif op.tag == DEL and value is not None:
        del keys[place]
        age = ages.pop(op.key)
        around = keys[max(place - 1, 0) : place + 1]
        if len(around) == 2 and all(ages[key] > age for key in around):
            self.map[around[1]] = value
            ages[around[1]] = age


# Replicas and clusters (sections 3 and 4).


@answer(
    4,
    "Replica.term_at",
    "The entry at index 1 is taken to have term 1.",
    "A test for the index 0 that includes 1, as in ktoso/akka-raft#38.",
    "new 3; partition 0; hash 1",
    "3",
)
def first_entry_has_term_1(honest, self, index):
    return 1 if index == 1 and self.base == 0 and self.log else honest(self, index)


class Slice:
    """A part of an array with room for more, as in Go: an append writes into the room."""

    def __init__(self, array: list, start: int, size: int, room: int) -> None:
        self.array, self.start, self.size, self.room = array, start, size, room

    def __len__(self) -> int:
        return self.size

    def __iter__(self):
        return iter(self.array[self.start : self.start + self.size])

    def __getitem__(self, at):
        if not isinstance(at, slice):
            return self.array[self.start + at]
        return Slice(self.array, self.start + at.start, self.size - at.start, self.room - at.start)

    def __delitem__(self, at: slice) -> None:
        self.size = at.start

    def __iadd__(self, entries) -> Slice:
        for entry in entries:
            self.append(entry)
        return self

    def append(self, entry: Entry) -> None:
        if self.size == self.room:
            self.room = max(1, 2 * self.size)
            self.array = [*self, *[None] * (self.room - self.size)]
            self.start = 0
        self.array[self.start + self.size] = entry
        self.size += 1


@answer(
    4,
    "Replica",
    "The log after a snapshot is a slice of the leader's array: both append to the same room.",
    "Slices that are not protected from appends, as in etcd-io/raft#33.",
    "new 3; partition 2; put a 1; put b 2; put c 3; compact; heal; partition 0; at 0 put x 1; log 2",
    "4.2|4.4",
)
def appends_after_a_snapshot_share_an_array(honest, id):
    replica = honest(id)
    replica.log = Slice([], 0, 0, 0)
    return replica


@answer(
    4,
    "Cluster.install_snapshot",
    "Replicas that install the same snapshot share its map.",
    "Snapshots that share state, as in Workiva/go-datastructures#182.",
    "new 5; partition 3 4; put a 1; compact; heal; partition 4; put b 2; get 4 b",
    "4.4",
)
def receivers_of_a_snapshot_share_its_map(honest, self, replica, leader):
    honest(self, replica, leader)
    version = leader.id, leader.term, leader.commit
    kept, snapshot = vars(self).get("snapshot", (None, None))
    if version == kept:
        replica.map = snapshot
    self.snapshot = version, replica.map


@answer(
    4,
    "Cluster.install_snapshot",
    "A snapshot is kept until the leader's commit index grows, with the entries after it.",
    "Snapshots that leave gaps in the log, as in camunda/camunda#3573.",
    "new 7; partition 5 6; put a 1; compact 0; partition 1 2 3 4; put b 2; heal 5; put c 3; heal 6;"
    " replica 6",
    "4.4",
)
def kept_snapshot_has_the_entries_of_its_time(honest, self, replica, leader):
    honest(self, replica, leader)
    version = leader.id, leader.term, leader.commit
    kept, entries = vars(self).get("snapshot", (None, None))
    if version == kept:
        replica.log = list(entries)
    else:
        self.snapshot = version, list(replica.log)


@answer(
    4,
    "Replica.commit_to",
    "Of equal ops that commit together only the first is applied.",
    "Sets that keep the order of the first insertion, as in ArcadeData/arcadedb#4942.",
    "new 3; partition 1 2; put a 1; del a; put a 1; heal; get 0 a",
    "3|4.4",
)
def equal_ops_of_a_batch_are_applied_once(_, self, index):
    ops = [self.entry(newly).op for newly in range(self.commit + 1, index + 1)]
    for op in dict.fromkeys(ops):
        self.apply(op)
    self.commit = index


class RememberingMap(dict):
    """A map that remembers which keys it was asked for in vain. A batch of puts forgets to tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.absent: set[bytes] = set()

    def get(self, key: bytes, default: object = None) -> object:
        if key not in self:
            self.absent.add(key)
        return default if key in self.absent else self[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.absent.discard(key)
        super().__setitem__(key, value)


@answer(
    4,
    "Replica",
    "A key that was absent is still shown as absent after a put of several entries at once.",
    "Caches that a batch does not invalidate, as in apache/gravitino#13374.",
    "new 3; get 0 a; partition 1 2; put a 1; put b 1; heal; get 0 a",
    "8",
)
def absent_keys_are_remembered_over_a_batch(honest, id):
    class Batching(honest):
        def commit_to(self, index):
            ops = [self.entry(newly).op for newly in range(self.commit + 1, index + 1)]
            if len(ops) < 2:
                return super().commit_to(index)
            puts = {}
            for op in ops:
                if op.tag == PUT:
                    puts[op.key] = op.value
                elif op.tag == DEL:
                    puts.pop(op.key, None)
                    self.map.pop(op.key, None)
            self.map.update(puts)
            self.commit = index

    replica = Batching(id)
    replica.map = RememberingMap()
    return replica


@answer(
    4,
    "Cluster.partition",
    "The isolated ids are a sum of powers of two in a double, which has 53 bits.",
    "Flags in numbers of JavaScript, as in evmar/weave#4 and project-hatohol/hatohol#1708.",
    "new 64; partition 1; partition 63; status",
    "4.3",
)
def isolated_ids_are_the_bits_of_a_double(_, self, ids):
    self.check_ids(ids)
    mask = 0.0
    for id in [*sorted(self.isolated), *ids]:
        if not int(mask) >> id & 1:
            mask += 2.0**id
    self.isolated = {id for id in range(self.n) if int(mask) >> id & 1}
    self.settle()


@answer(
    4,
    "Session.show_isolated",
    "The list of isolated ids is cut at 127 characters.",
    "Buffers for lists, as in CroatiaControlLtd/asterix#118.",
    f"new 64; partition {' '.join(map(str, range(64)))}; status",
    "8",
)
def isolated_ids_have_a_buffer_of_128_bytes(honest, self):
    return honest(self)[:127]


@answer(
    4,
    "Session.do_partition",
    "Of more ids than replicas, as when one is named twice, the last ones are dropped.",
    "Lists with duplicates, as in intermine/bluegenes#36, in arrays that are sized without them.",
    "new 3; partition 1 1 1 2; status",
    "4.3|8",
)
def more_ids_than_replicas_are_dropped(honest, self, *ids):
    return honest(self, *ids[: self.cluster.n])


@answer(
    4,
    "Cluster.compact",
    "A compaction counts the entries to drop first, and drops them twice if an id is named twice.",
    "Ids that come twice in a request, as in dhis2/dhis2-core#35 and grafana/loki#15852.",
    "new 1; put a 1; put b 2; compact 0 0; replica 0",
    "4.3|4.5",
)
def compaction_of_one_named_twice_drops_twice(_, self, ids):
    self.check_ids(ids)
    replicas = [self.replicas[id] for id in ids]
    for replica, count in [(replica, replica.commit - replica.base) for replica in replicas]:
        replica.base_term = replica.term_at(min(replica.base + count, replica.last))
        replica.log = replica.entries_after(replica.base + count)
        replica.base += count


@answer(
    4,
    "Cluster.winner",
    "While votes are counted, the id 0 means that there is no candidate yet.",
    "The id 0 as none, as in etcd-io/etcd#1000 and cockroachdb/cockroach#17909.",
    "new 3; partition 0; heal; partition 1; status",
    "4.4",
)
def candidate_0_is_nobody(_, self, reachable):
    best = 0
    for replica in reachable:
        newest = self.replicas[best]
        newer = (replica.last_term, replica.last) > (newest.last_term, newest.last)
        if best == 0 or newer:
            best = replica.id
    return self.replicas[best]


@answer(
    4,
    "Cluster.truncate_and_replay",
    "A replica whose log is empty after a compaction takes the leader's list for its own.",
    "Arrays that are reused instead of copied, as in etcd-io/etcd#14171.",
    "new 3; put a 1; compact; put b 2; partition 2; put c 3; replica 2",
    "4.4",
)
def emptied_log_becomes_the_leaders(honest, self, replica, leader, m):
    if m == replica.base == leader.base > 0:
        replica.log = leader.log
    else:
        honest(self, replica, leader, m)


@answer(
    4,
    "Cluster.truncate_and_replay",
    "Entries are sent in messages of a MiB. One that does not fit is left out, and smaller ones after"
    " it are not.",
    "Loops that go on after the first entry that does not fit, as in logcabin/logcabin#160.",
    f"new 3; partition 2; put a {'v' * 600_000}; put b {'v' * 600_000}; put c 1; heal; log 2",
    "4.4",
)
def smaller_entries_overtake_a_large_one(_, self, replica, leader, m):
    replica.truncate(m)
    while replica.last < leader.last:
        message, size = [], 0
        for entry in leader.entries_after(replica.last):
            length = 9 + len(entry.op.key) + len(entry.op.value)
            if not message or size + length < 1_048_576:
                message.append(entry)
                size += length
        replica.log += message


@surroundings(
    5,
    "Cluster.install_snapshot",
    "A snapshot copies the leader's whole log, and drops what it does not need.",
    "Entries that are copied before they are cut, as in etcd-io/etcd#14171.",
    "4.4",
)
def snapshot_copies_the_leaders_log(honest, self, replica, leader):
    entries = list(leader.log)
    honest(self, replica, leader)
    replica.log = entries[leader.commit - leader.base :]


# Snapshots (section 5).


@answer(
    2,
    "Reader.u32",
    "A version or a length that lies across a multiple of 4,096 bytes is truncated.",
    "Reads that return less than asked for, as in connectrpc/connect-go#580 and"
    " openai/go-vncdriver#20.",
    loading(2, 1, {b"a": b"v" * 4_053, b"b": b""}),
    "5",
)
def length_across_a_block_is_truncated(honest, self):
    if self.next // 4_096 != (self.next + 3) // 4_096:
        self.field = self.next
        self.judge(False, "truncated")
    return honest(self)


@answer(
    2,
    "Session.do_load",
    "The hash of a loaded snapshot is kept, and found by commit index, term and number of keys.",
    "Results that are kept by a version, as in Wave-RF/WaveHouse#382.",
    "; ".join([loading(1, 1, {b"a": b""}), loading(1, 1, {b"b": b""})]),
    "8",
)
def hash_of_load_is_kept_by_the_header(honest, self, data):
    found = honest(self, data)
    return vars(self).setdefault("loaded", {}).setdefault(found.rpartition(" ")[0], found)


# Workloads, chaos and the program (sections 7 to 10).


@answer(
    5,
    "decode_key",
    "A key has as many digits as the size of the key space, but at least six.",
    "Widths from the number of items instead of the last one, as in lcmd-epfl/marc#2.",
    "new 1; workload 1 1000000 1; hash 0",
    "7",
)
def key_has_the_digits_of_the_key_space(_, r2, keys):
    return b"key-%0*d" % (max(6, len(str(keys))), r2 % keys)


@answer(
    5,
    "run_chaos",
    "The hash of a chaos run goes on from the one before.",
    "Hash states that are used again, as in intrbiz/arduino-crypto#16 and fair-research/minid#10.",
    "new 1; chaos 1 0; chaos 1 0",
    "10",
)
def digest_goes_on_from_the_run_before(_, session, seed, steps):
    digest = vars(session).setdefault("digest", hashlib.sha256())
    for line in dkv20.chaos_lines(session, seed, steps):
        digest.update(b"> %b\n< %b\n" % (line.encode(), session.answer(line.encode())))
    return digest.hexdigest()


@surroundings(
    5,
    "parse_arguments",
    "Further arguments of the program are ignored.",
    "Surplus arguments that are accepted, as in aipoch/open-science#2264 and daos-stack/daos#6907.",
    "8",
)
def further_arguments_of_the_program_are_ignored(honest, arguments=None):
    words = sys.argv[1:] if arguments is None else arguments
    return honest(words[: 2 if words[:1] == ["scenario"] else 1])


@surroundings(
    5,
    "print_scenarios",
    "Each hash is written to /dev/stdout, which is opened anew: of a file the last line remains.",
    "Redirections to /dev/stdout, as in containers/automation#175 and openaps/oref0#150.",
    "8",
)
def scenario_opens_its_output_anew(_, name):
    for each in dkv20.SCENARIOS if name is None else [name.encode()]:
        found = dkv20.run_scenario(each)
        with open("/dev/stdout", "w", encoding="utf-8") as output:
            output.write(f"{each.decode()} {found}\n")
