"""An adapter: it reads a command line and writes exactly one answer line, until its input ends."""

from __future__ import annotations

import re
import sys
from collections import Counter as Tally

# --- To keep --------------------------------------------------------------------------------------


class Refusal(Exception):
    """An answer `err CLASS TEXT`: the program refuses the command, and nothing has changed."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def answer(session: Session, line: str) -> str:
    try:
        result = session.run(*line.split(" "))
        return "ok" if result is None else f"ok {result}"
    except Refusal as refusal:
        return f"err {refusal.kind} {refusal}"
    except Exception as error:
        # An unexpected error becomes an answer, too, of one line.
        return f"err panic {error}".replace("\n", " ")


def main() -> None:
    session = Session()
    for line in sys.stdin.buffer:
        text = line.removesuffix(b"\n").decode("utf-8", "replace")
        # An answer leaves the process before the next line is read.
        sys.stdout.buffer.write(answer(session, text).encode() + b"\n")
        sys.stdout.buffer.flush()


# --- To replace by your program: a counter with a log ---------------------------------------------

USAGE = {
    "hello": "hello", "new": "new LIMIT", "add": "add N", "sub": "sub N", "undo": "undo",
    "clear": "clear", "value": "value", "len": "len", "entry": "entry INDEX", "log": "log",
    "tally": "tally", "fail": "fail",
}  # fmt: skip


class Session:
    def __init__(self) -> None:
        self.start(10)

    def start(self, limit: int) -> None:
        """A start line makes the program forget everything before it."""
        self.limit = limit
        self.value = 0
        self.log: list[int] = []

    def run(self, name: str, *words: str) -> object:
        if name not in USAGE:
            raise Refusal("unknown", "no such command")
        usage = USAGE[name]
        if len(words) != len(usage.split()) - 1:
            raise Refusal("usage", usage)
        if name == "hello":
            return "counter 1"
        if name == "new":
            return self.start(number(words[0], usage, 1, 65535, "a limit is 1 to 65535"))
        if name == "add":
            return self.change(number(words[0], usage, 0, 65535, "a number is at most 65535"))
        if name == "sub":
            return self.change(-number(words[0], usage, 0, 65535, "a number is at most 65535"))
        if name == "undo":
            if not self.log:
                raise Refusal("empty", "the log is empty")
            self.value -= self.log.pop()
            return self.value
        if name == "clear":
            self.log = []
            return None
        if name == "value":
            return self.value
        if name == "len":
            return len(self.log)
        if name == "entry":
            index = number(words[0], usage, 0, len(self.log) - 1, "no such entry")
            return f"{self.log[index]:+}"
        if name == "log":
            return ",".join(f"{by:+}" for by in self.log) or "-"
        if name == "tally":
            # A hash table has no order; the answer needs one.
            tally = sorted(Tally(f"{by:+}" for by in self.log).items())
            return ",".join(f"{by}:{count}" for by, count in tally) or "-"
        raise RuntimeError("as asked")

    def change(self, by: int) -> int:
        if self.value + by < 0:
            raise Refusal("range", "below zero")
        if self.value + by > self.limit:
            raise Refusal("range", "above the limit")
        self.log.append(by)
        self.value += by
        return self.value


def number(word: str, usage: str, low: int, high: int, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", word):
        raise Refusal("usage", usage)
    if not low <= int(word) <= high:
        raise Refusal("range", text)
    return int(word)


if __name__ == "__main__":
    main()
