"""Replicas of a register whose last write wins, and planted faults of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from planted import Machine, Refusal, fault, main, number, process_faults  # noqa: E402

REPLICAS_MAX = 9


class State(NamedTuple):
    """A write; the greater one is the later."""

    clock: int
    replica: int
    word: str


class Register(Machine):
    """Replicas of a register. They are equal once each has merged the states of the others."""

    USAGE = {
        "hello": "hello", "new": "new N", "write": "write REPLICA WORD", "read": "read REPLICA",
        "state": "state REPLICA", "merge": "merge REPLICA STATE",
    }  # fmt: skip
    OBSERVERS = ["read 0", "read 1"]

    def __init__(self) -> None:
        self.states = [State(0, 0, "-")]

    def do_hello(self) -> str:
        return "register 1"

    def do_new(self, n: str) -> None:
        count = number(n, "new N", 1, REPLICAS_MAX, f"there are 1 to {REPLICAS_MAX} replicas")
        self.states = [State(0, 0, "-")] * count

    def replica(self, word: str) -> int:
        return number(word, "REPLICA is a number", 0, len(self.states) - 1, "no such replica")

    def do_write(self, replica: str, word: str) -> None:
        at = self.replica(replica)
        self.states[at] = State(self.states[at].clock + 1, at, word)

    def do_read(self, replica: str) -> str:
        return self.states[self.replica(replica)].word

    def do_state(self, replica: str) -> str:
        return ".".join(map(str, self.states[self.replica(replica)]))

    def do_merge(self, replica: str, state: str) -> None:
        at = self.replica(replica)
        words = state.split(".")
        if len(words) != 3:
            raise Refusal("usage", "STATE is CLOCK.REPLICA.WORD")
        self.states[at] = self.later(self.states[at], State(int(words[0]), int(words[1]), words[2]))

    def later(self, own: State, other: State) -> State:
        return max(own, other)


# --- Planted faults -------------------------------------------------------------------------------


@fault("merge", "new 2", "write 0 a", "write 1 b", "merge 0 1.1.b", "read 0")
class KeepsItsOwnAtTheSameClock(Register):
    """Of two writes at the same clock each replica keeps its own."""

    def later(self, own: State, other: State) -> State:
        return own if own.clock == other.clock else max(own, other)


process_faults(Register, "state 1", "new 2")

if __name__ == "__main__":
    main(Register)
