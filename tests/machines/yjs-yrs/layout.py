"""The fields of a Yjs update, version 1: answers `fields HEX` with a JSON list of fields."""

from __future__ import annotations

import json
import struct
import sys
from typing import Callable

Field = dict[str, object]


class Reader:
    """Reads bytes from the front and keeps each piece as a field."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.fields: list[Field] = []

    def take(self, length: int) -> bytes:
        if self.at + length > len(self.data):
            raise ValueError(f"the bytes end within {length} bytes at {self.at}")
        self.at += length
        return self.data[self.at - length : self.at]

    def uint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def sint(self) -> int:
        """A signed integer: the first byte has the sign and six bits."""
        byte = self.take(1)[0]
        value, shift, is_negative = byte & 0x3F, 6, byte & 0x40
        while byte >= 0x80:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
        return -value if is_negative else value

    def text(self) -> str:
        return self.take(self.uint()).decode("utf-8", "replace")

    def field(self, path: str, read: Callable[[], object]) -> object:
        start = self.at
        value = read()
        self.fields.append(
            {"path": path, "offset": start, "length": self.at - start, "value": str(value)}
        )
        return value

    def number(self, path: str) -> int:
        value = self.field(path, self.uint)
        assert isinstance(value, int)
        return value


STRUCTS = {0: "gc", 1: "deleted", 2: "json", 3: "binary", 4: "string", 5: "embed", 6: "format",
           7: "type", 8: "any", 9: "doc", 10: "skip"}  # fmt: skip
ORIGIN, RIGHT_ORIGIN, PARENT_SUB = 0x80, 0x40, 0x20
NAMED_TYPES = (3, 5)


def update(reader: Reader) -> None:
    for client in range(reader.number("clients")):
        path = f"clients[{client}]"
        count = reader.number(f"{path}.structs")
        reader.number(f"{path}.client")
        reader.number(f"{path}.clock")
        for index in range(count):
            read_struct(reader, f"{path}.structs[{index}]")
    for client in range(reader.number("deletes")):
        path = f"deletes[{client}]"
        reader.number(f"{path}.client")
        for index in range(reader.number(f"{path}.ranges")):
            reader.number(f"{path}.ranges[{index}].clock")
            reader.number(f"{path}.ranges[{index}].length")
    if reader.at < len(reader.data):
        reader.field("rest", lambda: reader.take(len(reader.data) - reader.at).hex())


def read_struct(reader: Reader, path: str) -> None:
    info = reader.data[reader.at : reader.at + 1]
    flags = info[0] if info else 0
    kind = STRUCTS.get(flags & 0x1F, "unknown")
    reader.field(f"{path}.info", lambda: f"{kind} {reader.take(1).hex()}")
    if kind in ("gc", "skip"):
        reader.number(f"{path}.length")
        return
    if flags & ORIGIN:
        reader.number(f"{path}.origin.client")
        reader.number(f"{path}.origin.clock")
    if flags & RIGHT_ORIGIN:
        reader.number(f"{path}.right-origin.client")
        reader.number(f"{path}.right-origin.clock")
    if not flags & (ORIGIN | RIGHT_ORIGIN):
        if reader.number(f"{path}.parent"):
            reader.field(f"{path}.parent.name", reader.text)
        else:
            reader.number(f"{path}.parent.client")
            reader.number(f"{path}.parent.clock")
        if flags & PARENT_SUB:
            reader.field(f"{path}.key", reader.text)
    read_content(reader, kind, f"{path}.{kind}")


def read_content(reader: Reader, kind: str, path: str) -> None:
    if kind == "deleted":
        reader.number(path)
    elif kind in ("string", "embed"):
        reader.field(path, reader.text)
    elif kind == "binary":
        reader.field(path, lambda: reader.take(reader.uint()).hex())
    elif kind == "format":
        reader.field(f"{path}.name", reader.text)
        reader.field(f"{path}.value", reader.text)
    elif kind == "type":
        if reader.number(path) in NAMED_TYPES:
            reader.field(f"{path}.name", reader.text)
    elif kind == "json":
        for index in range(reader.number(path)):
            reader.field(f"{path}[{index}]", reader.text)
    elif kind == "any":
        for index in range(reader.number(path)):
            read_any(reader, f"{path}[{index}]")
    elif kind == "doc":
        reader.field(f"{path}.guid", reader.text)
        read_any(reader, f"{path}.options")
    else:
        raise ValueError(f"no struct has the info of {path}")


def read_any(reader: Reader, path: str) -> None:
    tag = reader.data[reader.at] if reader.at < len(reader.data) else 0
    scalars: dict[int, Callable[[], object]] = {
        127: lambda: "undefined",
        126: lambda: "null",
        125: reader.sint,
        124: lambda: struct.unpack(">f", reader.take(4))[0],
        123: lambda: struct.unpack(">d", reader.take(8))[0],
        122: lambda: struct.unpack(">q", reader.take(8))[0],
        121: lambda: "false",
        120: lambda: "true",
        119: lambda: json.dumps(reader.text(), ensure_ascii=False),
        116: lambda: reader.take(reader.uint()).hex(),
    }
    if tag in scalars:
        reader.field(path, lambda: (reader.take(1), scalars[tag]())[1])
    elif tag == 118:
        count = reader.field(path, lambda: (reader.take(1), reader.uint())[1])
        for index in range(int(str(count))):
            reader.field(f"{path}.members[{index}].name", reader.text)
            read_any(reader, f"{path}.members[{index}].value")
    elif tag == 117:
        count = reader.field(path, lambda: (reader.take(1), reader.uint())[1])
        for index in range(int(str(count))):
            read_any(reader, f"{path}.items[{index}]")
    else:
        raise ValueError(f"no value has the tag {tag} at {reader.at}")


def answer(line: str) -> str:
    words = line.split()
    if len(words) != 2 or words[0] != "fields":
        return "err usage fields HEX"
    try:
        reader = Reader(bytes.fromhex(words[1]))
        update(reader)
    except ValueError as error:
        return f"err decode {error}"
    return json.dumps(reader.fields, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    for line in sys.stdin:
        print(answer(line), flush=True)
