"""Hypothesis on the adapters of Yjs and Yrs, to compare the exam with: one run after the other for a
time, each with the next seed, and the lines of the failing example that each of them ends with.

    python3 by_hypothesis.py FOLDER SEED SECONDS

FOLDER is target/machines/yjs-yrs after setup.sh. Needs the package hypothesis (6.170 was used).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

NUMBER = st.integers(0, 10**6)
TEXT = st.sampled_from(["t", "m/k", "m/x"])
KEY = st.sampled_from("kjx")
WORD = st.text("abé😀", min_size=1, max_size=4)
STYLE = st.sampled_from(['{"b":true}', '{"b":null}', '{"i":1}', "{}"])
VALUE = st.sampled_from(["0", "null", '"s"', '{"a":1,"b":2}', '[1,"x"]'])


class Program:
    def __init__(self, command: list[str], folder: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe)

    def ask(self, line: str) -> str:
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().rstrip("\n")


class Difference(Exception):
    pass


class Machine(RuleBasedStateMachine):
    programs: list[Program]
    failing: list[str]

    @initialize(count=st.integers(1, 3), undo=st.booleans())
    def start(self, count: int, undo: bool) -> None:
        self.count, self.lines, self.updates = count, [], []
        self.compare(f"new {count}" + (" undo" if undo else ""))

    def ask(self, line: str, lines: list[str]) -> str:
        answers = [program.ask(line) for program in self.programs]
        # Errors are compared as in the machine's file: any two are the same.
        if answers[0] != answers[1] and not all(a.startswith("err") for a in answers):
            type(self).failing = lines
            raise Difference(f"{line}: {answers}")
        return answers[0]

    def compare(self, line: str) -> str:
        self.lines.append(line)
        answer = self.ask(line, list(self.lines))
        for client in range(self.count):
            for look in ("state", "sv", "hash"):
                self.ask(f"{look} {client}", [*self.lines, f"{look} {client}"])
        return answer

    def length(self, what: str) -> int | None:
        answer = self.programs[0].ask(f"len {what}")
        return int(answer.split()[1]) if answer.startswith("ok") else None

    def range(self, what: str, index: int, count: int, past: bool) -> tuple[int, int] | None:
        length = self.length(what)
        if length is None:
            return None
        index %= length + 1
        return index, count % (length - index + 1 + past)

    @rule(client=NUMBER, text=TEXT, index=NUMBER, word=WORD)
    def insert(self, client: int, text: str, index: int, word: str) -> None:
        what = f"{client % self.count} {text}"
        length = self.length(what)
        if length is not None:
            word = json.dumps(word, ensure_ascii=False)
            self.compare(f"insert {what} {index % (length + 1)} - {word}")

    @rule(client=NUMBER, text=TEXT, index=NUMBER, count=NUMBER, past=st.booleans())
    def delete(self, client: int, text: str, index: int, count: int, past: bool) -> None:
        what = f"{client % self.count} {text}"
        if place := self.range(what, index, count, past):
            self.compare(f"delete {what} {place[0]} {place[1]}")

    @rule(client=NUMBER, text=TEXT, index=NUMBER, count=NUMBER, style=STYLE, past=st.booleans())
    def format(
        self, client: int, text: str, index: int, count: int, style: str, past: bool
    ) -> None:
        what = f"{client % self.count} {text}"
        if place := self.range(what, index, count, past):
            self.compare(f"format {what} {place[0]} {place[1]} {style}")

    @rule(client=NUMBER, key=KEY, value=VALUE)
    def set(self, client: int, key: str, value: str) -> None:
        self.compare(f"set {client % self.count} {key} {value}")

    @rule(client=NUMBER, key=KEY)
    def nest(self, client: int, key: str) -> None:
        self.compare(f"nest {client % self.count} {key}")

    @rule(client=NUMBER, index=NUMBER)
    def add(self, client: int, index: int) -> None:
        client %= self.count
        self.compare(f"add {client} {index % (self.length(f'{client} a') + 1)} [0]")

    @rule(client=NUMBER, index=NUMBER, count=NUMBER, past=st.booleans())
    def remove(self, client: int, index: int, count: int, past: bool) -> None:
        client %= self.count
        if place := self.range(f"{client} a", index, count, past):
            self.compare(f"remove {client} {place[0]} {place[1]}")

    @rule(client=NUMBER)
    def undo(self, client: int) -> None:
        self.compare(f"undo {client % self.count}")

    @rule(source=NUMBER, sink=NUMBER)
    def sync(self, source: int, sink: int) -> None:
        self.compare(f"sync {source % self.count} {sink % self.count}")

    @rule(client=NUMBER)
    def last(self, client: int) -> None:
        answer = self.compare(f"last {client % self.count}")
        if answer.startswith("ok "):
            self.updates.append(answer.removeprefix("ok "))

    @rule(client=NUMBER, update=NUMBER)
    def apply(self, client: int, update: int) -> None:
        if self.updates:
            update = self.updates[update % len(self.updates)]
            self.compare(f"apply {client % self.count} {update}")


def main() -> None:
    folder, number, end = Path(sys.argv[1]), int(sys.argv[2]), time.time() + float(sys.argv[3])
    programs = [
        Program(["node", "adapter.mjs"], folder / "yjs"),
        Program(["./yrs-adapter"], folder),
    ]
    limits = settings(
        max_examples=2_000,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    while time.time() < end:
        started = time.time()
        seeded = seed(number)(type("Seeded", (Machine,), {"programs": programs, "failing": []}))
        outcome = "nothing"
        try:
            run_state_machine_as_test(seeded, settings=limits)
        except (Exception, ExceptionGroup) as error:
            outcome = f"{type(error).__name__}, {len(seeded.failing)} lines: {seeded.failing}"
        print(f"seed {number}, {time.time() - started:.1f} s: {outcome}", flush=True)
        number += 1


if __name__ == "__main__":
    main()
