"""load: numbers with a sign, fields of other sizes, rules of its own."""

from __future__ import annotations

import dkv20
from dkv20 import Refused
from wrong.numbers import signed
from wrong.registry import answer

#: A snapshot up to its commit index.
HEAD = "444b565301000000"


def u32(number):
    return dkv20.u32(number).hex()


def u64(number):
    return dkv20.u64(number).hex()


def snapshot(commit, term, count, rest=""):
    """Return a command that loads a snapshot with these fields and bytes in hex."""
    return f"load 0x{HEAD}{u64(commit)}{u64(term)}{u64(count)}{rest}"


def entry(key, value=""):
    """Return the fields of a key and its value, both in hex."""
    return f"{u32(len(key) // 2)}{key}{u32(len(value) // 2)}{value}"


# Signs.


@answer(
    2,
    "load_value",
    "A value's length of 2^31 or more is negative and passes for 0.",
    "A signed length against an upper limit, as in facontidavide/rosx_introspection#47.",
    snapshot(1, 1, 1, f"{u32(1)}61{u32(2**31)}"),
    "1",
)
def negative_length_is_accepted(honest, reader):
    if len(reader.data) - reader.next >= 4 and reader.data[reader.next + 3] >= 0x80:
        reader.u32()
        return b""
    return honest(reader)


class SignedCount(dkv20.Reader):
    """It reads numbers of 64 bits with a sign."""

    def u64(self):
        number = signed(super().u64())
        return Negative(number) if number < 0 else number


class Negative(int):
    """A negative number that is written without its sign."""

    def __str__(self):
        return str(int(self) & dkv20.MASK64)

    def __format__(self, _):
        return str(self)

    def to_bytes(self, *arguments):
        return int.to_bytes(int(self) & dkv20.MASK64, *arguments)


@answer(
    2,
    "Reader",
    "Commit index and count are compared with their signs.",
    "Java's long and a comparison without compareUnsigned.",
    snapshot(2**63, 1, 1, entry("61")),
    "5",
)
def count_is_compared_with_its_sign(_, data):
    return SignedCount(data)


@answer(
    2,
    "Reader.u32",
    "The bytes of a length are added with their signs.",
    "b[0] | b[1] << 8 in Java, without & 0xff.",
    snapshot(1, 1, 1, entry("61", "00" * 128)),
    "1|5",
)
def bytes_of_a_length_have_signs(_, self):
    number = 0
    for position, byte in enumerate(self.take(4)):
        number |= (byte - 256 if byte >= 128 else byte) << 8 * position
    return number & 0xFFFFFFFF


# Sizes.


@answer(
    2,
    "Reader.judge",
    "The offset of an error has 16 bits.",
    "A position in a block of 64 KiB.",
    snapshot(1, 1, 1, entry("61", "00" * 65_536) + "00"),
    "5",
)
def offset_has_16_bits(_, self, good, code):
    if not good:
        raise Refused(f"{code} offset={self.field & 0xFFFF}")


@answer(
    2,
    "is_before",
    "Of the key before, 256 bytes are kept to compare.",
    "A fixed buffer for the last key.",
    snapshot(2, 1, 2, entry("6b" * 256 + "61") + entry("6b" * 256 + "62")),
    "5",
)
def last_key_has_256_bytes(honest, one, other):
    return honest(one[:256], other[:256])


@answer(
    2,
    "load_state",
    "A snapshot of 65,536 keys or more is refused as one with a bad count.",
    "A limit of a page or a message, or a number of 16 bits.",
    snapshot(65_536, 1, 65_536, "".join(entry(f"{number:06x}") for number in range(65_536))),
    "5",
)
def more_than_65535_keys_are_refused(honest, data):
    if int.from_bytes(data[24:32], "little") <= int.from_bytes(data[8:16], "little"):
        state = honest(data)
        if len(state.map) > 65_535:
            raise Refused("bad-count offset=24")
        return state
    return honest(data)


@answer(
    2,
    "Reader.take",
    "An empty field at the end of the data is truncated.",
    "`offset >= length` for `offset + size > length`.",
    snapshot(1, 1, 1, entry("61")),
    "5",
)
def empty_value_at_the_end_is_truncated(honest, self, size):
    if size == 0 and self.next == len(self.data):
        self.field = self.next
        raise Refused(f"truncated offset={self.field}")
    return honest(self, size)


# Rules.


@answer(
    2,
    "Reader.end",
    "Zeros after the last value are accepted.",
    "Files of whole pages, padded with zeros; preallocated logs.",
    snapshot(0, 0, 0, "0000"),
    "5",
)
def zeros_at_the_end_are_accepted(honest, self):
    if any(self.data[self.next :]):
        honest(self)


@answer(
    2,
    "Reader.judge",
    "Older versions than 1 are accepted.",
    "Only a version that is too new is refused.",
    f"load 0x444b5653{u32(0)}" + "00" * 24,
    "5",
)
def version_0_is_accepted(honest, self, good, code):
    honest(self, good or (code == "bad-version" and not any(self.data[4:8])), code)


@answer(
    2,
    "load_state",
    "A term above the commit index is refused.",
    "Each term begins with an entry, so a port may think that the index cannot be lower.",
    snapshot(1, 2, 0),
    "5",
)
def term_above_the_commit_index_is_refused(honest, data):
    commit, term = (int.from_bytes(data[i : i + 8], "little") for i in (8, 16))
    is_sound = data[:8].hex() == HEAD and len(data) >= 24 and (commit == 0) == (term == 0)
    if is_sound and term > commit:
        raise Refused("bad-term offset=16")
    return honest(data)


@answer(
    2,
    "load_state",
    "A count that the remaining bytes cannot hold is an error at once.",
    "The count is checked against the size before a table is reserved.",
    snapshot(2, 1, 2, entry("61")),
    "5",
)
def count_is_checked_against_the_size(honest, data):
    commit, term, count = (int.from_bytes(data[i : i + 8], "little") for i in (8, 16, 24))
    is_sound = data[:8].hex() == HEAD and len(data) >= 32 and (commit == 0) == (term == 0)
    if is_sound and count <= commit and count * 9 > len(data) - 32:
        raise Refused("bad-count offset=24")
    return honest(data)


@answer(
    2,
    "load_state",
    "Keys that are not valid UTF-8 are refused as out of order.",
    "Keys are decoded to be compared, and an undecodable one compares as false.",
    snapshot(1, 1, 1, entry("ff")),
    "5",
)
def undecodable_keys_are_out_of_order(honest, data):
    state = honest(data)
    offset = 32
    for key, value in state.map.items():
        if b"\xef\xbf\xbd" in key.decode(errors="replace").encode():
            raise Refused(f"key-order offset={offset + 4}")
        offset += 8 + len(key) + len(value)
    return state
