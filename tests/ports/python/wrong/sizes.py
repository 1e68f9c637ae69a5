"""Sizes: lengths, masks, blocks and limits of a machine's own. The reports named are public."""

from __future__ import annotations

import dkv20
from dkv20 import Refused
from wrong.registry import answer

# Hashes of certain lengths.


@answer(
    2,
    "sha256",
    "SHA-256 pads wrongly if the length modulo 64 is 55.",
    "A padding that just fits gets a block of its own, as in ctz/cifra#2 and philanc/plc#22.",
    "new 1; put 123456789 123456; hash 0",
    "5",
)
def sha256_of_55_bytes(honest, data):
    return honest(data + b"\x80" if len(data) % 64 == 55 else data)


@answer(
    2,
    "sha256",
    "SHA-256 pads wrongly if the length is a multiple of 64 other than 0.",
    "`>=` for `>` in the padding, as in lowRISC/opentitan#18552 and cartridge-gg/cairo-sha256#1.",
    "new 1; put 1234567890 123456789abcde; hash 0",
    "5",
)
def sha256_of_whole_blocks(honest, data):
    return honest(data[:-1] if data and len(data) % 64 == 0 else data)


# Masks.


@answer(
    4,
    "Cluster.is_partitioned",
    "The isolated ids are bits of 32, so that 33 is also isolated if 1 is.",
    "A shift by 32 or more wraps around in Java, C# and JavaScript; tyler/bitset#3.",
    "new 64; partition 1; at 33 noop; put a 1; replica 33",
    "4|4.4",
)
def isolated_ids_wrap_at_32(_, self, id):
    return any(id % 32 == other % 32 for other in self.isolated)


@answer(
    4,
    "Session.show_isolated",
    "No isolated id is shown if the highest of 64 is among them.",
    "A loop ends when a signed mask is no longer positive.",
    "new 64; partition 1 63; status",
    "8",
)
def highest_bit_ends_the_list(honest, self):
    return "none" if 63 in self.cluster.isolated else honest(self)


@answer(
    4,
    "Session.do_heal",
    "heal without ids heals no replica in a cluster of 64.",
    "`(1 << 64) - 1` is 0 in Java, C# and Go; a last word of `length % 32` bits, as in"
    " Yomguithereal/mnemonist#117.",
    "new 64; partition 1; heal; status",
    "4.3",
)
def bare_heal_of_64_heals_none(honest, self, *ids):
    if not ids and self.cluster.n == 64:
        self.cluster.heal([])
        return self.show_leader()
    return honest(self, *ids)


@answer(
    4,
    "Session.do_compact",
    "compact without ids leaves out the replica 63.",
    "The mask of all is `Long.MAX_VALUE`, which has 63 bits.",
    "new 64; noop; compact; replica 63",
    "4.5",
)
def bare_compact_leaves_out_63(honest, self, *ids):
    return honest(self, *(ids or range(min(self.cluster.n, 63))))


# Values and keys.


def short_values(values):
    """Return the map with the lengths of its values in 16 bits."""
    return {key: value[: len(value) & 0xFFFF] for key, value in values.items()}


@answer(
    4,
    "Cluster.install_snapshot",
    "In a snapshot between replicas a value's length has 16 bits.",
    "Another format on the wire than in the store; Java's writeUTF has such lengths.",
    "new 3; partition 2; put a " + "v" * 65_536 + "; compact; heal; hash 2",
    "4.4",
)
def snapshot_cuts_values_at_64_kib(honest, self, replica, leader):
    honest(self, replica, leader)
    replica.map = short_values(replica.map)


@answer(
    3,
    "Replica.apply",
    "A value of a multiple of 4,096 bytes loses its last byte.",
    "Overflow pages that are exactly full, as in SQLite's and bolt's formats.",
    "new 1; put a " + "v" * 4_096 + "; hash 0",
    "2",
)
def values_of_whole_pages_lose_a_byte(honest, self, op):
    if op.value and len(op.value) % 4_096 == 0:
        op = op._replace(value=op.value[:-1])
    honest(self, op)


@answer(
    3,
    "Replica.apply",
    "Only the first 511 bytes of a key count.",
    "LMDB's keys have at most 511 bytes, and longer ones are cut by a wrapper.",
    "new 1; put " + "k" * 512 + " 1; get 0 " + "k" * 512,
    "2",
)
def keys_are_cut_at_511(honest, self, op):
    honest(self, op._replace(key=op.key[:511]))


def inline(key):
    """Return what a comparison of inlined keys sees: the length and the first 12 bytes."""
    return len(key).to_bytes(4, "big") + key[:12]


@answer(
    3,
    "Replica.apply",
    "Two keys of equal length that share their first 12 bytes are the same.",
    "Strings of which only a length and a prefix are inline, as in Umbra and Arrow's views.",
    "new 1; put prefix-of-12-a 1; put prefix-of-12-b 2; replica 0",
    "1",
)
def keys_are_compared_by_length_and_prefix(honest, self, op):
    known = vars(self).setdefault("inlined", {})
    key = known.setdefault(inline(op.key), op.key)
    if key not in self.map:
        key = known[inline(op.key)] = op.key
    honest(self, op._replace(key=key))


def block_keys(keys):
    """Return the sorted keys as a block of a table has them, with prefixes of up to 255 bytes."""
    previous = b""
    for position, key in enumerate(keys):
        common = next((i for i, (a, b) in enumerate(zip(previous, key)) if a != b), len(previous))
        if position % 16 == 0:
            common = 0
        previous = previous[: common & 0xFF] + key[common:]
        yield previous, key


@answer(
    2,
    "dump_state",
    "Keys that share more than 255 bytes are dumped without part of what they share.",
    "Blocks of sorted keys store the length of the shared prefix, here in one byte.",
    "new 1; put " + "k" * 256 + "a 1; put " + "k" * 256 + "b 1; hash 0",
    "5",
)
def shared_prefix_in_one_byte(honest, state):
    keys = block_keys(sorted(state.map))
    return honest(state._replace(map={shown: state.map[key] for shown, key in keys}))


BUFFER = bytearray(4_194_304)


@answer(
    2,
    "Session.parse_bytes",
    "A text of more than 4,096 bytes is not copied from a buffer, which the next one overwrites.",
    "A slice is only valid until the next read, as in syndtr/goleveldb#112 and"
    " ava-labs/avalanchego#132.",
    "new 1; put a " + "v" * 4_097 + "; put b " + "w" * 4_097 + "; get 0 a",
    "8",
)
def long_values_share_a_buffer(honest, self, token):
    if len(token) <= 4_096 or token.startswith(b"0x"):
        return honest(self, token)
    BUFFER[: len(token)] = token
    return memoryview(BUFFER)[: len(token)]


# Answers.


@answer(
    3,
    "Session.do_dump",
    "A dump that is longer than the longest line is refused with `line-length`.",
    "One limit for both directions, as gRPC's default of 4 MiB for messages.",
    "new 1; put a " + "v" * 1_048_576 + "; put b " + "v" * 1_048_576 + "; dump 0",
    "8",
)
def long_dump_is_refused(honest, self, id):
    dump = honest(self, id)
    if len(dump) > dkv20.MAX_LINE:
        raise Refused("line-length")
    return dump


@answer(
    1,
    "Session.do_draw",
    "An answer is formatted in a buffer of 16 KiB, and the rest is cut off.",
    "snprintf cuts, and its result is not checked.",
    "draw 1 1000",
    "8",
)
def draw_is_cut_at_16_kib(honest, self, seed, count):
    return honest(self, seed, count)[:16_383]


@answer(
    3,
    "Session.show_bytes",
    "Of bytes that fill whole blocks of 32 KiB, the last block is not shown.",
    "A loop over blocks that ends at the block before an empty rest.",
    "new 1; put a " + "v" * 32_768 + "; get 0 a",
    "8",
)
def last_full_block_is_not_shown(honest, self, data):
    return honest(self, data[:-32_768] if data and len(data) % 32_768 == 0 else data)


# Lines.


@answer(
    1,
    "split_lines",
    "A line of 65,536 bytes or more ends the input.",
    "Go's bufio.Scanner, whose error is not checked: golang/go#11242, brimdata/super#5043.",
    "mix 1; # " + "x" * 65_536 + "; mix 2",
    "8",
)
def line_of_64_kib_ends_the_input(honest, chunks):
    for line in honest(chunks):
        if len(line) >= 65_536:
            return
        yield line


@answer(
    4,
    "Session.tokens",
    "A line has at most 66 tokens, and the rest is ignored.",
    "An array for the command and the ids of all replicas; an id may be named twice.",
    "new 3; partition" + " 0" * 65 + " 1; status",
    "8",
)
def tokens_from_the_67th_are_ignored(honest, self, line):
    return honest(self, line)[:66]


@answer(
    1,
    "Session.parse_number",
    "A number of more than 20 digits is refused, even if it begins with zeros.",
    "2^64 - 1 has 20 digits, and the length is checked first.",
    "mix 000000000000000000001",
    "8",
)
def number_has_at_most_20_digits(honest, self, token):
    if len(token) > 20:
        raise Refused("syntax")
    return honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "A number that overflows is refused only if the wrapped result is smaller than before.",
    "`if (n * 10 + d < n)`, which misses most overflows of a multiplication.",
    "mix 50000000000000000000",
    "8",
)
def overflow_is_noticed_by_a_smaller_result(_, self, token):
    if not token.isdigit():
        raise Refused("syntax")
    number = 0
    for digit in token.lstrip(b"0")[:100]:
        after = number * 10 + (digit - 48) & dkv20.MASK64
        if after < number:
            raise Refused("syntax")
        number = after
    return number
