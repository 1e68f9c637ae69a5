"""A frame with a length-prefixed layout, and planted faults of it.

    offset  bytes           field
    0       2               magic, 4658
    2       1               version, 1
    3       1               flags
    4       1               length of the name
    5       length          name, UTF-8
            2               number of ids, little-endian
            4 each          ids, big-endian
            2               length of the body, little-endian
            length          body
            1               checksum: the sum of all bytes before it, modulo 256
"""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted import Machine, Refusal, fault, main, number, process_faults  # noqa: E402

MAGIC = b"FX"
VERSION = 1
NAME_MAX = 255
COUNT_MAX = 1000
BODY_MAX = 4096
ID_MAX = 2**32 - 1


class Frame(Machine):
    """A frame that is changed, written and read."""

    USAGE = {
        "hello": "hello", "new": "new NAME", "name": "name NAME", "flag": "flag BIT",
        "push": "push ID", "pop": "pop", "body": "body HEX", "load": "load HEX",
        "state": "state", "count": "count", "dump": "dump", "hash": "hash",
    }  # fmt: skip
    OBSERVERS = ["state", "dump"]

    def __init__(self) -> None:
        self.reset("frame")

    def reset(self, name: str) -> None:
        self.name = name
        self.flags = 0
        self.ids: list[int] = []
        self.body = b""

    def do_hello(self) -> str:
        return "frame 1"

    def do_new(self, name: str) -> None:
        self.do_name(name)
        self.reset(name)

    def do_name(self, name: str) -> None:
        if not 1 <= len(name.encode()) <= NAME_MAX:
            raise Refusal("range", "a name has 1 to 255 bytes")
        self.name = name

    def do_flag(self, bit: str) -> None:
        self.flags ^= 1 << number(bit, "flag BIT", 0, 7, "a bit is 0 to 7")

    def do_push(self, word: str) -> int:
        id_ = number(word, "push ID", 0, ID_MAX, "an id has 32 bits")
        if len(self.ids) == COUNT_MAX:
            raise Refusal("range", "a frame has at most 1000 ids")
        self.ids.append(id_)
        return len(self.ids)

    def do_pop(self) -> int:
        if not self.ids:
            raise Refusal("empty", "the frame has no ids")
        return self.ids.pop()

    def do_body(self, digits: str) -> int:
        self.body = hex_of(digits, "body HEX", BODY_MAX)
        return len(self.body)

    def do_load(self, digits: str) -> None:
        data = hex_of(digits, "load HEX", 1 << 16)
        self.read(data)

    def do_state(self) -> str:
        ids = ",".join(map(str, self.ids)) or "-"
        return f"name={self.name} flags={self.flags} ids={ids} body={self.body.hex() or '-'}"

    def do_count(self) -> int:
        return len(self.ids)

    def do_dump(self) -> str:
        return self.written().hex()

    def do_hash(self) -> str:
        return f"{zlib.crc32(self.written()):08x}"

    # --- Writing ----------------------------------------------------------------------------------

    def written(self) -> bytes:
        data = self.header() + self.id_list() + self.body_length() + self.body
        return data + bytes([self.checksum(data)])

    def header(self) -> bytes:
        name = self.name.encode()
        return MAGIC + bytes([VERSION, self.flags, len(name)]) + name

    def id_list(self) -> bytes:
        return len(self.ids).to_bytes(2, "little") + b"".join(i.to_bytes(4, "big") for i in self.ids)

    def body_length(self) -> bytes:
        return len(self.body).to_bytes(2, "little")

    def checksum(self, data: bytes) -> int:
        return sum(data) % 256

    # --- Reading ----------------------------------------------------------------------------------

    def read(self, data: bytes) -> None:
        """Takes the state from a frame. A refusal has the offset of the field at fault."""
        reader = Reader(data)
        reader.check(reader.take(2) == MAGIC, "magic", 0)
        reader.check(reader.take(1)[0] == VERSION, "version", 2)
        flags = reader.take(1)[0]
        length = reader.take(1)[0]
        try:
            name = reader.take(length).decode()
        except UnicodeDecodeError:
            raise Refusal("name", "5") from None
        reader.check(bool(re.fullmatch(r"\S+", name)), "name", 5)
        count = int.from_bytes(reader.take(2), "little")
        reader.check(count <= COUNT_MAX, "count", reader.at - 2)
        ids = [int.from_bytes(reader.take(4), "big") for _ in range(count)]
        length = int.from_bytes(reader.take(2), "little")
        reader.check(length <= BODY_MAX, "length", reader.at - 2)
        body = reader.take(length)
        self.check_the_sum(reader)
        self.check_the_end(reader)
        self.name, self.flags, self.ids, self.body = name, flags, ids, body

    def check_the_sum(self, reader: Reader) -> None:
        right = sum(reader.data[: reader.at]) % 256
        reader.check(reader.take(1)[0] == right, "checksum", reader.at - 1)

    def check_the_end(self, reader: Reader) -> None:
        reader.check(reader.at == len(reader.data), "trailing", reader.at)


class Reader:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        self.check(self.at + length <= len(self.data), "short", self.at)
        self.at += length
        return self.data[self.at - length : self.at]

    def check(self, is_right: bool, kind: str, at: int) -> None:
        if not is_right:
            raise Refusal(kind, str(at))


def hex_of(digits: str, usage: str, most: int) -> bytes:
    """The bytes of hex digits; `-` has none."""
    if digits == "-":
        return b""
    if not re.fullmatch(r"([0-9a-f]{2})+", digits):
        raise Refusal("usage", usage)
    if len(digits) > 2 * most:
        raise Refusal("range", f"at most {most} bytes")
    return bytes.fromhex(digits)


# --- Planted faults -------------------------------------------------------------------------------


@fault("byte order", "new a", "push 1", "dump")
class CountIsBigEndian(Frame):
    """The number of ids is written in big-endian order."""

    def id_list(self) -> bytes:
        return len(self.ids).to_bytes(2, "big") + super().id_list()[2:]


@fault("byte order", "new a", "push 1", "dump")
class IdsAreLittleEndian(Frame):
    """Ids are written in little-endian order."""

    def id_list(self) -> bytes:
        return super().id_list()[:2] + b"".join(i.to_bytes(4, "little") for i in self.ids)


@fault("off by one", "new a", "dump")
class NameLengthCountsItself(Frame):
    """The length of the name is one too high."""

    def header(self) -> bytes:
        data = super().header()
        return data[:4] + bytes([data[4] + 1]) + data[5:]


@fault("unit", "new a", "body 00", "dump")
class BodyLengthCountsDigits(Frame):
    """The length of the body is that of its hex digits."""

    def body_length(self) -> bytes:
        return (2 * len(self.body)).to_bytes(2, "little")


@fault("left out", "new a", "dump")
class ChecksumLeavesOutTheMagic(Frame):
    """The checksum is of the bytes after the magic."""

    def checksum(self, data: bytes) -> int:
        return super().checksum(data[2:])


@fault("left out", "new a", "dump")
class EmptyBodyHasNoLength(Frame):
    """A body without bytes is written without its length."""

    def body_length(self) -> bytes:
        return super().body_length() if self.body else b""


@fault("order", "new a", "push 2", "push 1", "dump")
class IdsAreWrittenInOrder(Frame):
    """Ids are written sorted."""

    def id_list(self) -> bytes:
        return super().id_list()[:2] + b"".join(i.to_bytes(4, "big") for i in sorted(self.ids))


@fault("wrong end", "new a", "push 1", "push 2", "pop")
class PopTakesTheFirst(Frame):
    """The first id is removed instead of the last."""

    def do_pop(self) -> int:
        return self.ids.pop(0) if self.ids else super().do_pop()


@fault("stale", "new a", "dump", "flag 0", "dump")
class DumpIsStaleAfterAFlag(Frame):
    """The written bytes are remembered, and forgotten at a change, but not at one of the flags."""

    remembered: bytes | None = None

    def answer(self, line: str) -> str:
        if line.split(" ")[0] not in ("flag", "dump", "hash", "state", "count", "hello"):
            self.remembered = None
        return super().answer(line)

    def written(self) -> bytes:
        if self.remembered is None:
            self.remembered = super().written()
        return self.remembered


@fault("refused, yet done", "new a", "body 00", "load 00", "state")
class RefusedLoadForgetsTheBody(Frame):
    """A frame that is refused has emptied the body."""

    def read(self, data: bytes) -> None:
        self.body = b""
        super().read(data)


@fault("refused, yet done", "new a", "flag 8", "state")
class RefusedBitIsWrapped(Frame):
    """A bit out of the range is refused, but has changed the first flag."""

    def do_flag(self, bit: str) -> None:
        try:
            super().do_flag(bit)
        except Refusal as refusal:
            self.flags ^= refusal.kind == "range"
            raise


@fault("accepts too much", "new a", "load 46580100016100000000c4")
class LoadIgnoresTheChecksum(Frame):
    """A frame with a wrong checksum is loaded."""

    def check_the_sum(self, reader: Reader) -> None:
        reader.take(1)


@fault("accepts too much", "new a", "load 46580100016100000000" + "01" + "00")
class LoadIgnoresTheEnd(Frame):
    """Bytes after the checksum are ignored."""

    def check_the_end(self, reader: Reader) -> None:
        pass


@fault("left behind", "new b", "load 4658010101610000000002", "state")
class LoadLeavesTheFlags(Frame):
    """A load takes everything but the flags."""

    def read(self, data: bytes) -> None:
        flags = self.flags
        super().read(data)
        self.flags = flags


@fault("offset", "new a", "load 00")
class ShortFrameIsRefusedAtItsEnd(Frame):
    """The refusal of a short frame has the offset of its end instead of the field's."""

    def read(self, data: bytes) -> None:
        try:
            super().read(data)
        except Refusal as refusal:
            if refusal.kind == "short":
                raise Refusal("short", str(len(data))) from None
            raise


@fault("stale", "new a", "flag 0", "new a", "state")
class StartKeepsTheFlags(Frame):
    """A start line does not forget the flags of the case before."""

    def reset(self, name: str) -> None:
        flags = getattr(self, "flags", 0)
        super().reset(name)
        self.flags = flags


@fault("width", "new a", *["push 0"] * 16, "dump")
class CountHasFourBits(Frame):
    """Four bits of the number of ids are written."""

    def id_list(self) -> bytes:
        return bytes([len(self.ids) % 16, 0]) + super().id_list()[2:]


process_faults(Frame, "pop", "new a")

if __name__ == "__main__":
    main(Frame)
