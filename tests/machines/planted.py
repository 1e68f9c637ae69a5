"""The parts that small machines with planted faults share: the reader loop, and the list of faults.

    PROGRAM                 serves the right machine
    PROGRAM --fault NAME    serves one with a fault
    PROGRAM --list          prints the faults as JSON lines: `shows` are lines of which the last is
                            the first with a wrong answer, and after line `step` of them an observer
                            has a wrong answer for the first time
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from typing import ClassVar, TextIO

NUMBER = re.compile(r"[0-9]{1,10}")


class Refusal(Exception):
    """An answer `err CLASS TEXT`."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Machine:
    """Answers lines. The command NAME is the method `do_NAME`, whose result follows `ok`."""

    USAGE: ClassVar[dict[str, str]] = {}
    OBSERVERS: ClassVar[list[str]] = []

    def answer(self, line: str) -> str:
        name, *words = line.split(" ")
        try:
            usage = self.USAGE.get(name)
            if usage is None:
                raise Refusal("unknown", "no such command")
            if len(words) != len(usage.split()) - 1:
                raise Refusal("usage", usage)
            command: Callable[..., object] = getattr(self, f"do_{name}")
            result = command(*words)
            return "ok" if result is None else f"ok {result}"
        except Refusal as refusal:
            return f"err {refusal.kind} {refusal}"
        except Exception as error:
            return f"err panic {error}"

    def deliver(self, line: str, out: TextIO) -> None:
        """Writes the answer to a line. It has left the process before the next line is read."""
        out.write(self.answer(line) + "\n")
        out.flush()

    def serve(self, out: TextIO) -> None:
        for line in sys.stdin:
            self.deliver(line.rstrip("\n"), out)


def number(word: str, usage: str, low: int, high: int, text: str) -> int:
    """The number in a word, or the refusal of anything else and of numbers out of the range."""
    if not NUMBER.fullmatch(word):
        raise Refusal("usage", usage)
    if not low <= int(word) <= high:
        raise Refusal("range", text)
    return int(word)


FAULTS: dict[str, type[Machine]] = {}
DETAILS: dict[str, tuple[str, list[str]]] = {}


def fault(kind: str, *shows: str) -> Callable[[type[Machine]], type[Machine]]:
    """Registers a machine with a fault of a kind, and lines of which the last shows it."""

    def register(machine: type[Machine]) -> type[Machine]:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", machine.__name__).lower()
        FAULTS[name] = machine
        DETAILS[name] = (kind, list(shows))
        return machine

    return register


# --- Faults of the process, for every machine -----------------------------------------------------


def process_faults(right: type[Machine], line: str, *before: str) -> None:
    """Plants the faults of the process itself, most of them at one line of the machine."""

    class Hangs(right):
        """One line is never answered."""

        def deliver(self, text: str, out: TextIO) -> None:
            while text == line:
                time.sleep(1)
            super().deliver(text, out)

    class Crashes(right):
        """The process ends at one line."""

        def deliver(self, text: str, out: TextIO) -> None:
            if text == line:
                sys.exit(7)
            super().deliver(text, out)

    class Floods(right):
        """The answer to one line has no end."""

        def deliver(self, text: str, out: TextIO) -> None:
            while text == line:
                out.write("ok " * 1000)
            super().deliver(text, out)

    class PrintsABanner(right):
        """A line stands before the first answer."""

        def serve(self, out: TextIO) -> None:
            out.write("Ready.\n")
            super().serve(out)

    class NeverFlushes(right):
        """Answers leave the process when its buffer is full, or at the end."""

        def serve(self, out: TextIO) -> None:
            # Without a buffer of its own it would flush if PYTHONUNBUFFERED is set.
            with open(out.fileno(), "w", closefd=False) as buffered:
                super().serve(buffered)

        def deliver(self, text: str, out: TextIO) -> None:
            out.write(self.answer(text) + "\n")

    class AnswersTwice(right):
        """One line has two answers."""

        def deliver(self, text: str, out: TextIO) -> None:
            super().deliver(text, out)
            if text == line:
                super().deliver(text, out)

    class AnswersNothing(right):
        """One line has no answer, and the lines after it have theirs."""

        def deliver(self, text: str, out: TextIO) -> None:
            if text != line:
                super().deliver(text, out)

    class LeavesOutTheLineEnd(right):
        """The answer to one line has no line end."""

        def deliver(self, text: str, out: TextIO) -> None:
            if text != line:
                return super().deliver(text, out)
            out.write(self.answer(text))
            out.flush()

    at_one_line = [
        ("hang", Hangs), ("crash", Crashes), ("flood", Floods), ("two answers", AnswersTwice),
        ("no answer", AnswersNothing), ("no line end", LeavesOutTheLineEnd),
    ]  # fmt: skip
    for kind, machine in at_one_line:
        fault(kind, *before, line)(machine)
    fault("banner", "hello")(PrintsABanner)
    fault("no flush", "hello")(NeverFlushes)


PROCESS_KINDS = {
    "hang", "crash", "flood", "two answers", "no answer", "no line end", "banner", "no flush",
}  # fmt: skip


# --- The program ----------------------------------------------------------------------------------


def first_wrong_step(right: type[Machine], name: str) -> int:
    """The first of the lines after which an answer or an observer is wrong; the last one for a
    fault of the process."""
    kind, shows = DETAILS[name]
    if kind in PROCESS_KINDS:
        return len(shows)
    machines = (right(), FAULTS[name]())
    answers = [[machine.answer(line) for line in shows] for machine in machines]
    wrong = [one != other for one, other in zip(*answers)]
    assert wrong.index(True) == len(shows) - 1, f"{name}: {answers}"
    for step in range(1, len(shows) + 1):
        lines = shows[:step] + right.OBSERVERS
        machines = (right(), FAULTS[name]())
        one, other = ([machine.answer(line) for line in lines] for machine in machines)
        if one != other:
            return step
    raise AssertionError(name)


def main(right: type[Machine]) -> None:
    parser = argparse.ArgumentParser(description=right.__doc__)
    parser.add_argument("--fault", choices=sorted(FAULTS), help="serve the machine with this fault")
    parser.add_argument("--list", action="store_true", help="print the faults as JSON lines")
    options = parser.parse_args()
    if not options.list:
        FAULTS.get(options.fault, right)().serve(sys.stdout)
        return
    for name, (kind, shows) in DETAILS.items():
        step = first_wrong_step(right, name)
        what = FAULTS[name].__doc__
        line = {"name": name, "kind": kind, "what": what, "shows": shows, "step": step}
        print(json.dumps(line))
