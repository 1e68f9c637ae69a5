"""Level 2: load, and with it the snapshot's bytes and the byte strings of the protocol."""

from __future__ import annotations

import zlib

import dkv20
from dkv20 import Refused
from wrong.registry import answer, behaviour

EMPTY = "load 0x444b5653" + "01000000" + "00" * 24
WITHOUT_TERM = "load 0x444b5653" + "01000000" + "01" + "00" * 23
#: Commit index 5, term 2, and any keys.
HEADER = "load 0x444b5653" + "01000000" + "05" + "00" * 7 + "02" + "00" * 7
ONE_KEY = HEADER + "01" + "00" * 7 + "01000000" + "61" + "01000000" + "76"


def two_keys(one: str, other: str) -> str:
    """Return a load command with these keys, in hex, and empty values."""
    keys = [f"{len(key) // 2:02x}000000{key}00000000" for key in (one, other)]
    return HEADER + "02" + "00" * 7 + "".join(keys)


def turned(data: bytes, begin: int, size: int) -> bytes:
    """Return the data with the bytes of one field reversed."""
    end = begin + size
    return data[:begin] + data[begin:end][::-1] + data[end:]


# Byte strings.


@answer(
    2,
    "Session.parse_bytes",
    "A token that begins with 0X is also hex.",
    "strtoull, Python's `int` and most tools take 0X for 0x.",
    "load 0X61",
    section="8",
)
def upper_case_0x_is_hex(honest, self, token):
    return honest(self, b"0x" + token[2:] if token.startswith(b"0X") else token)


@answer(
    2,
    "Session.parse_bytes",
    "An odd number of hex digits is accepted, and the last one dropped.",
    "A loop over pairs of digits runs length / 2 times.",
    "load 0x6",
    section="8",
)
def odd_hex_digit_is_dropped(honest, self, token):
    is_odd = token.startswith(b"0x") and len(token) % 2
    return honest(self, token[:-1] if is_odd else token)


@answer(
    2,
    "Session.parse_bytes",
    "Malformed hex is treated as text.",
    "If hex does not parse, the fallback for other tokens is used.",
    "load 0x6g",
    section="8",
)
def malformed_hex_is_text(honest, self, token):
    try:
        return honest(self, token)
    except Refused:
        return token


@answer(
    2,
    "Session.parse_bytes",
    "Upper-case hex digits are refused.",
    "A table of digits written by hand has the lower-case ones only.",
    "load 0x4B",
    section="8",
)
def upper_case_digits_are_refused(honest, self, token):
    if token.startswith(b"0x") and token != token.lower():
        raise Refused("syntax")
    return honest(self, token)


@answer(
    2,
    "Session.parse_bytes",
    "0x alone is refused.",
    "A prefix without digits is an error in strtoull and in most languages' literals.",
    "load 0x",
    section="8",
)
def empty_hex_is_refused(honest, self, token):
    if token == b"0x":
        raise Refused("syntax")
    return honest(self, token)


@answer(
    2,
    "Session.parse_bytes",
    "White space between hex digits is skipped.",
    "Python's bytes.fromhex skips it.",
    "load 0x61\t62",
    section="8",
)
def white_space_in_hex_is_skipped(honest, self, token):
    return honest(self, b"".join(token.split()) if token.startswith(b"0x") else token)


@answer(
    2,
    "Session.parse_bytes",
    "A token that is not valid UTF-8 is refused.",
    "Rust's String::from_utf8 and Python's bytes.decode fail on it.",
    "load \xff",
    section="8",
)
def invalid_utf8_is_refused(honest, self, token):
    try:
        token.decode()
    except UnicodeDecodeError:
        raise Refused("syntax") from None
    return honest(self, token)


# The order of keys.


def signed_bytes(key: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in key]


def utf16_units(key: bytes) -> bytes:
    return key.decode("utf-8", "surrogateescape").encode("utf-16-be", "surrogatepass")


@answer(
    2,
    "sorted_keys",
    "The dump sorts keys by signed bytes.",
    "char is signed with GCC and Clang on x86.",
    two_keys("7f", "80"),
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def signed_order_in_the_dump(_, state):
    return sorted(state.map, key=signed_bytes)


@answer(
    2,
    "is_before",
    "load compares keys by signed bytes.",
    "char is signed with GCC and Clang on x86, and byte is signed in Java.",
    two_keys("7f", "80"),
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def signed_order_in_load(_, one, other):
    return signed_bytes(one) < signed_bytes(other)


@answer(
    2,
    "sorted_keys",
    "The dump sorts keys as UTF-16 text.",
    "Strings compare by UTF-16 units in Java, JavaScript and (ordinal) C#.",
    two_keys("80", "c3bc"),
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def utf16_order_in_the_dump(_, state):
    return sorted(state.map, key=utf16_units)


@answer(
    2,
    "sorted_keys",
    "The dump sorts keys by length first.",
    "Canonical CBOR of RFC 7049 sorts the keys of a map so.",
    two_keys("6162", "62"),
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def length_before_bytes_in_the_dump(_, state):
    return sorted(state.map, key=lambda key: (len(key), key))


@answer(
    2,
    "sorted_keys",
    "The dump has the keys in the order of a hash table.",
    "std::unordered_map, Go's map and Rust's HashMap have no defined order.",
    two_keys("61", "62"),
    section="5",
)
def hash_order_in_the_dump(_, state):
    return sorted(state.map, key=zlib.crc32)


@answer(
    2,
    "is_before",
    "load compares keys up to their first NUL.",
    "strcmp ends there.",
    two_keys("61", "6100"),
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def nul_ends_a_comparison_in_load(_, one, other):
    return one.split(b"\0")[0] < other.split(b"\0")[0]


@answer(
    2,
    "is_before",
    "load accepts a key twice in a row.",
    "`<=` is written where `<` is meant; filling a map hides the duplicate.",
    two_keys("61", "61"),
    section="5",
)
def equal_keys_are_loaded(_, one, other):
    return one <= other


@answer(
    2,
    "is_before",
    "load accepts keys in any order.",
    "A reader that fills a sorted map does not seem to need a check.",
    two_keys("62", "61"),
    section="5",
)
def unsorted_keys_are_loaded(*_):
    return True


# Writing snapshots.


@answer(
    2,
    "dump_state",
    "The version is written big-endian.",
    "Network byte order (htonl) is big-endian.",
    EMPTY,
    section="5",
)
def version_is_big_endian(honest, state):
    return turned(honest(state), 4, 4)


@answer(
    2,
    "dump_state",
    "The commit index is written big-endian.",
    "Java's DataOutputStream writes big-endian.",
    ONE_KEY,
    section="5",
)
def commit_index_is_big_endian(honest, state):
    return turned(honest(state), 8, 8)


@answer(
    2,
    "dump_state",
    "The term is written big-endian.",
    "Network byte order is big-endian.",
    ONE_KEY,
    section="5",
)
def term_is_big_endian(honest, state):
    return turned(honest(state), 16, 8)


@answer(
    2,
    "dump_state",
    "The number of keys is written big-endian.",
    "A struct that is copied from memory is big-endian on s390x.",
    ONE_KEY,
    section="5",
)
def count_is_big_endian(honest, state):
    return turned(honest(state), 24, 8)


@answer(
    2,
    "prefixed",
    "The lengths of keys and values are written big-endian.",
    "DataView's setUint32 in JavaScript is big-endian by default.",
    ONE_KEY,
    section="5",
)
def lengths_are_big_endian(_, data):
    return len(data).to_bytes(4, "big") + data


@answer(
    2,
    "prefixed",
    "Keys and values are written without their lengths.",
    "Code that feeds fields to a hash often omits the lengths.",
    ONE_KEY,
    section="5",
)
def lengths_are_missing(_, data):
    return data


@answer(
    2,
    "prefixed",
    "The lengths of keys and values take 2 bytes.",
    "Go's binary encoding and C take the width from the type, and uint16_t holds every key's.",
    ONE_KEY,
    section="5",
)
def lengths_have_2_bytes(_, data):
    return (len(data) & 0xFFFF).to_bytes(2, "little") + data


@answer(
    2,
    "prefixed",
    "The lengths of keys and values take 8 bytes.",
    "size_t has 8 bytes on 64-bit platforms.",
    ONE_KEY,
    section="5",
)
def lengths_have_8_bytes(_, data):
    return dkv20.u64(len(data)) + data


@answer(
    2,
    "dump_state",
    "The version takes 8 bytes.",
    "long has 8 bytes on 64-bit Linux, and 4 on Windows.",
    EMPTY,
    section="5",
)
def version_has_8_bytes(honest, state):
    data = honest(state)
    return data[:8] + bytes(4) + data[8:]


@answer(
    2,
    "dump_state",
    "The commit index takes 4 bytes.",
    "unsigned has 4 bytes on the usual platforms.",
    EMPTY,
    section="5",
)
def commit_index_has_4_bytes(honest, state):
    data = honest(state)
    return data[:12] + data[16:]


@answer(
    2,
    "dump_state",
    "The number of keys takes 4 bytes.",
    "unsigned has 4 bytes on the usual platforms, and Java's size() is an int.",
    EMPTY,
    section="5",
)
def count_has_4_bytes(honest, state):
    data = honest(state)
    return data[:28] + data[32:]


@answer(
    2,
    "dump_state",
    "The dump ends with a LF.",
    "Printing functions append one.",
    EMPTY,
    section="5",
)
def dump_ends_with_lf(honest, state):
    return honest(state) + b"\n"


@answer(
    2,
    "Session.do_load",
    "The hash of a loaded snapshot is that of its hex text.",
    "The text is available, since `dump` returns it.",
    EMPTY,
    section="5",
)
def hash_of_the_hex_text(honest, self, data):
    return honest(self, data)[:-64] + dkv20.sha256(data.hex().encode())


@answer(
    2,
    "sha256",
    "Hashes are written in upper-case hex.",
    "Java's and C#'s usual helpers (%02X, Convert.ToHexString) write it.",
    EMPTY,
    section="5",
)
def hash_in_upper_case(honest, data):
    return honest(data).upper()


# Reading snapshots.


@answer(
    2,
    "Reader.u64",
    "load reads u64 fields big-endian.",
    "Java's DataInputStream and ByteBuffer read big-endian.",
    ONE_KEY,
    section="5",
)
def load_reads_u64_big_endian(_, self):
    return int.from_bytes(self.take(8), "big")


@answer(
    2,
    "Reader.u32",
    "load reads u32 fields big-endian.",
    "ntohl reads network byte order.",
    EMPTY,
    section="5",
)
def load_reads_u32_big_endian(_, self):
    return int.from_bytes(self.take(4), "big")


@answer(
    2,
    "Reader.u64",
    "load keeps the low 32 bits of u64 fields.",
    "size_t has 32 bits on 32-bit ARM and x86, and on WebAssembly.",
    "load 0x444b5653" + "01000000" + "0000000001000000" * 2 + "00" * 8,
    section="5",
)
def load_keeps_32_bits(honest, self):
    return honest(self) & 0xFFFFFFFF


@answer(
    2,
    "Reader.u64",
    "load keeps 53 bits of u64 fields.",
    "A JavaScript Number holds integers exactly up to 2^53.",
    "load 0x444b5653" + "01000000" + "0100000000008000" * 2 + "00" * 8,
    section="5",
)
def load_keeps_53_bits(honest, self):
    return int(float(honest(self))) & dkv20.MASK64


@answer(
    2,
    "Reader.judge",
    "load ignores the magic.",
    "A reader skips the bytes that it does not need.",
    EMPTY.replace("444b5653", "444b5654"),
    section="5",
)
def magic_is_ignored(honest, self, good, code):
    honest(self, good or code == "bad-magic", code)


@answer(
    2,
    "Reader.judge",
    "load ignores the version.",
    "There is only one version, so nothing fails at first.",
    EMPTY.replace("01000000", "02000000"),
    section="5",
)
def version_is_ignored(honest, self, good, code):
    honest(self, good or code == "bad-version", code)


@answer(
    2,
    "Reader.judge",
    "load accepts a commit index with the term 0.",
    "The rule has two halves, and one is tested.",
    WITHOUT_TERM,
    section="5",
)
def term_0_is_accepted(honest, self, good, code):
    honest(self, good or (code == "bad-term" and any(self.data[8:16])), code)


@answer(
    2,
    "Reader.judge",
    "load accepts a term with the commit index 0.",
    "The rule has two halves, and one is tested.",
    "load 0x444b5653" + "01000000" + "00" * 8 + "01" + "00" * 15,
    section="5",
)
def commit_index_0_is_accepted(honest, self, good, code):
    honest(self, good or (code == "bad-term" and any(self.data[16:24])), code)


@answer(
    2,
    "Reader.judge",
    "load refuses as many keys as the commit index.",
    "`<` is written where `<=` is meant.",
    "load 0x444b5653" + "01000000" + ("01" + "00" * 7) * 3 + "01000000" + "61" + "00000000",
    section="5",
)
def count_limit_one_too_low(honest, self, good, code):
    is_equal = self.data[24:32] == self.data[8:16] and any(self.data[8:16])
    honest(self, good and not (code == "bad-count" and is_equal), code)


@answer(
    2,
    "Reader.judge",
    "load accepts one key more than the commit index.",
    "The commit index is mistaken for a count from 0.",
    EMPTY[:-16] + "01" + "00" * 7 + "01000000" + "61" + "00000000",
    section="5",
)
def count_limit_one_too_high(honest, self, good, code):
    commit, count = (int.from_bytes(self.data[at : at + 8], "little") for at in (8, 24))
    honest(self, good or (code == "bad-count" and count == commit + 1), code)


@answer(
    2,
    "Reader.end",
    "load accepts bytes after the last value.",
    "A reader stops after the last field it needs.",
    EMPTY + "00",
    section="5",
)
def trailing_bytes_are_accepted(_, self):
    pass


@answer(
    2,
    "Reader.judge",
    "A key out of order is reported at its length field.",
    "The reader keeps the offset of the whole record.",
    two_keys("62", "61"),
    section="5",
)
def key_order_at_the_length_field(honest, self, good, code):
    if code == "key-order" and not good:
        raise Refused(f"key-order offset={self.field - 4}")
    honest(self, good, code)


@answer(
    2,
    "Reader.judge",
    "Missing bytes are reported at the end of the data.",
    "io.ReadFull and fread consume the available bytes, and the position is read afterwards.",
    EMPTY[:-2],
    section="5",
)
def truncated_at_the_end_of_the_data(honest, self, good, code):
    if code == "truncated" and not good:
        raise Refused(f"truncated offset={len(self.data)}")
    honest(self, good, code)


@answer(
    2,
    "Reader.judge",
    "A bad term is reported at the commit index.",
    "The rule is about both fields, and either could be wrong.",
    WITHOUT_TERM,
    section="5",
)
def bad_term_at_the_commit_index(honest, self, good, code):
    if code == "bad-term" and not good:
        raise Refused("bad-term offset=8")
    honest(self, good, code)


@answer(
    2,
    "Reader.judge",
    "Lengths out of range are reported after the length field.",
    "The reader's position is used after the field is read.",
    HEADER + "01" + "00" * 7 + "00000000",
    section="5",
)
def length_errors_behind_the_field(honest, self, good, code):
    if code in ("key-length", "value-length") and not good:
        raise Refused(f"{code} offset={self.next}")
    honest(self, good, code)


@answer(
    2,
    "load_key",
    "The bytes of a key are read before its length is checked.",
    "One function reads length and bytes, and the limits are checked afterwards.",
    HEADER + "01" + "00" * 7 + "01100000",
    section="5",
)
def key_length_judged_after_the_key(_, reader):
    length = reader.u32()
    at = reader.field
    key = reader.take(length)
    if not 1 <= length <= dkv20.MAX_KEY:
        raise Refused(f"key-length offset={at}")
    return key


@answer(
    2,
    "Reader.judge",
    "An incomplete magic is bad-magic, not truncated.",
    "memcmp or startswith is called on the available bytes.",
    "load 0x444b58",
    section="5",
)
def short_magic_is_judged(honest, self, good, code):
    is_short = self.field == 0 and code == "truncated"
    honest(self, good, code if not is_short or b"DKVS".startswith(self.data) else "bad-magic")


@answer(
    2,
    "Reader.judge",
    "The order of keys is checked after the value is read.",
    "Whole records are read and inserted into a map, which checks the order.",
    two_keys("62", "61")[:-2],
    section="5",
)
def key_order_judged_after_the_value(honest, self, good, code):
    if code == "key-order" and not good:
        at = self.field
        dkv20.load_value(self)
        raise Refused(f"key-order offset={at}")
    honest(self, good, code)


# Limits.


@answer(
    2,
    "MAX_KEY",
    "A key of 4,096 bytes is too long in commands and snapshots.",
    "A buffer of 4,096 bytes holds a C string of 4,095.",
    HEADER + "01" + "00" * 7 + "00100000",
    section="1",
)
def key_limit_one_too_low(honest):
    return honest - 1


@answer(
    2,
    "MAX_KEY",
    "A key of 4,097 bytes is accepted in commands and snapshots.",
    "`>=` and `>` are mixed up when the condition is negated.",
    HEADER + "01" + "00" * 7 + "01100000",
    section="1",
)
def key_limit_one_too_high(honest):
    return honest + 1


@answer(
    2,
    "load_key",
    "load has no lower limit on the length of a key.",
    "Only the upper limit of a range is checked.",
    HEADER + "01" + "00" * 7 + "00000000",
    # Section 5 repeats the order and the limits of section 1.
    section="1|5",
)
def empty_key_is_loaded(honest, reader):
    if reader.data[reader.next : reader.next + 4] == bytes(4):
        return reader.take(4)[:0]
    return honest(reader)


@answer(
    2,
    "MAX_VALUE",
    "A value of 1,048,576 bytes is too long in commands and snapshots.",
    "`<` is written where `<=` is meant.",
    HEADER + "01" + "00" * 7 + "01000000" + "61" + "00001000",
    section="1",
)
def value_limit_one_too_low(honest):
    return honest - 1


@answer(
    2,
    "MAX_VALUE",
    "A value of 1,048,577 bytes is accepted in commands and snapshots.",
    "`>=` and `>` are mixed up when the condition is negated.",
    HEADER + "01" + "00" * 7 + "01000000" + "61" + "01001000",
    section="1",
)
def value_limit_one_too_high(honest):
    return honest + 1


@behaviour(
    2,
    "load_state",
    "The program crashes if a snapshot's number of keys exceeds memory.",
    "`reserve(count)` throws std::bad_alloc in C++, and `make` panics in Go, when count is absurd.",
    section="5",
)
def reserves_what_is_announced(honest, data):
    commit, count = (int.from_bytes(data[at : at + 8], "little") for at in (8, 24))
    if 2**40 < count <= commit:
        raise MemoryError
    return honest(data)
