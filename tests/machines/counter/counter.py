"""A counter with a log of its changes, and planted faults of it."""

from __future__ import annotations

import sys
from collections import Counter as Tally
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted import Machine, Refusal, fault, main, number, process_faults  # noqa: E402

LIMIT_MAX = 65535


class Counter(Machine):
    """A counter from 0 to a limit, with a log of its changes."""

    USAGE = {
        "hello": "hello", "new": "new LIMIT", "add": "add N", "sub": "sub N", "undo": "undo",
        "clear": "clear", "value": "value", "len": "len", "entry": "entry INDEX", "log": "log",
        "tally": "tally", "fail": "fail",
    }  # fmt: skip
    OBSERVERS = ["value", "len", "log", "tally"]

    def __init__(self) -> None:
        self.limit = 10
        self.value = 0
        self.log: list[int] = []

    def do_hello(self) -> str:
        return "counter 1"

    def do_new(self, limit: str) -> None:
        limit_text = f"a limit is 1 to {LIMIT_MAX}"
        self.limit = number(limit, "new LIMIT", 1, LIMIT_MAX, limit_text)
        self.value = 0
        self.log = []

    def do_add(self, n: str) -> int:
        return self.change(number(n, "add N", 0, LIMIT_MAX, "a number is at most 65535"))

    def do_sub(self, n: str) -> int:
        return self.change(-number(n, "sub N", 0, LIMIT_MAX, "a number is at most 65535"))

    def change(self, by: int) -> int:
        if self.value + by < 0:
            raise Refusal("range", "below zero")
        if self.value + by > self.limit:
            raise Refusal("range", "above the limit")
        self.log.append(by)
        self.value += by
        return self.value

    def do_undo(self) -> int:
        if not self.log:
            raise Refusal("empty", "the log is empty")
        self.value -= self.log.pop()
        return self.value

    def do_clear(self) -> None:
        self.log = []

    def do_value(self) -> int:
        return self.value

    def do_len(self) -> int:
        return len(self.log)

    def do_entry(self, index: str) -> str:
        return f"{self.log[number(index, 'entry INDEX', 0, len(self.log) - 1, 'no such entry')]:+}"

    def do_log(self) -> str:
        return ",".join(f"{by:+}" for by in self.log) or "-"

    def do_tally(self) -> str:
        tally = Tally(f"{by:+}" for by in self.log)
        return ",".join(f"{by}:{count}" for by, count in sorted(tally.items())) or "-"

    def do_fail(self) -> None:
        raise RuntimeError("as asked")


# --- Planted faults -------------------------------------------------------------------------------


@fault("off by one", "new 3", "add 3")
class TheLimitItselfIsRefused(Counter):
    """An addition that reaches the limit is refused."""

    def change(self, by: int) -> int:
        if self.value + by == self.limit:
            raise Refusal("range", "above the limit")
        return super().change(by)


@fault("off by one", "new 9", "add 1", "add 2", "entry 0")
class EntriesAreCountedFromOne(Counter):
    """`entry 0` is the last entry, `entry 1` the first."""

    def do_entry(self, index: str) -> str:
        number(index, "entry INDEX", 0, len(self.log) - 1, "no such entry")
        return f"{self.log[int(index) - 1]:+}"


@fault("bound", "new 9", "sub 1")
class GoesBelowZero(Counter):
    """A subtraction below zero is accepted."""

    def change(self, by: int) -> int:
        if by < 0:
            self.log.append(by)
            self.value += by
            return self.value
        return super().change(by)


@fault("stale", "new 9", "add 1", "value", "undo", "value")
class UndoLeavesAStaleValue(Counter):
    """`value` remembers its answer, and forgets it at a change, but not at an undo."""

    remembered: int | None = None

    def do_new(self, limit: str) -> None:
        super().do_new(limit)
        self.remembered = None

    def change(self, by: int) -> int:
        self.remembered = None
        return super().change(by)

    def do_value(self) -> int:
        if self.remembered is None:
            self.remembered = self.value
        return self.remembered


@fault("stale", "new 9", "add 1", "new 9", "len")
class StartKeepsTheLog(Counter):
    """A start line does not forget the log of the case before."""

    def do_new(self, limit: str) -> None:
        log = self.log
        super().do_new(limit)
        self.log = log


@fault("refused, yet done", "new 3", "add 4", "log")
class RefusedAdditionIsLogged(Counter):
    """An addition above the limit is refused, but is in the log."""

    def change(self, by: int) -> int:
        if self.value + by > self.limit:
            self.log.append(by)
        return super().change(by)


@fault("refused, yet done", "new 3", "add 2", "sub 3", "value")
class RefusedSubtractionGoesToZero(Counter):
    """A subtraction below zero is refused, but sets the counter to zero."""

    def change(self, by: int) -> int:
        if self.value + by < 0:
            self.value = 0
            raise Refusal("range", "below zero")
        return super().change(by)


@fault("order", "new 9", "add 1", "add 2", "log")
class LogIsNewestFirst(Counter):
    """The log is listed from its end."""

    def do_log(self) -> str:
        return ",".join(f"{by:+}" for by in reversed(self.log)) or "-"


@fault("order", "new 9", "add 2", "add 1", "tally")
class TallyIsInOrderOfArrival(Counter):
    """The tally is not sorted."""

    def do_tally(self) -> str:
        tally = Tally(f"{by:+}" for by in self.log)
        return ",".join(f"{by}:{count}" for by, count in tally.items()) or "-"


@fault("wrong end", "new 9", "add 1", "add 2", "undo")
class UndoTakesTheOldest(Counter):
    """An undo reverts the first entry of the log."""

    def do_undo(self) -> int:
        if not self.log:
            raise Refusal("empty", "the log is empty")
        self.value -= self.log.pop(0)
        return self.value


@fault("left behind", "new 9", "add 1", "undo", "len")
class UndoLeavesTheEntry(Counter):
    """An undo reverts the value and leaves the entry in the log."""

    def do_undo(self) -> int:
        log = list(self.log)
        value = super().do_undo()
        self.log = log
        return value


@fault("too much", "new 9", "add 1", "clear", "value")
class ClearResetsTheValue(Counter):
    """`clear` sets the counter to zero as well."""

    def do_clear(self) -> None:
        super().do_clear()
        self.value = 0


@fault("width", "new 256", "add 256")
class ValueHasEightBits(Counter):
    """The value is kept in eight bits."""

    def change(self, by: int) -> int:
        super().change(by)
        self.value %= 256
        return self.value


@fault("error class", "new 9", "undo")
class EmptyLogIsOutOfRange(Counter):
    """An undo of nothing has the wrong class of error."""

    def do_undo(self) -> int:
        if not self.log:
            raise Refusal("range", "the log is empty")
        return super().do_undo()


@fault("input", "new 9", "add 0", "len")
class ZeroIsNotLogged(Counter):
    """A change by zero is accepted, but is not in the log."""

    def change(self, by: int) -> int:
        return super().change(by) if by else self.value


@fault("late", "new 9", "add 1", "add 1", "add 1", "add 1", "len")
class LogKeepsThreeEntries(Counter):
    """The log loses its first entry when it has four."""

    def change(self, by: int) -> int:
        value = super().change(by)
        del self.log[:-3]
        return value


process_faults(Counter, "undo", "new 9")

if __name__ == "__main__":
    main(Counter)
