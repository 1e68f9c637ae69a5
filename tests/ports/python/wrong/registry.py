"""The list of wrong ports, and how one is made.

A wrong port is the honest port with one name replaced: a function, a method or a constant of dkv20.
What replaces it is called with the honest one first and with the arguments after it; for a
constant, it is called once, and what it returns is the constant.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Callable, NamedTuple

import dkv20

if TYPE_CHECKING:
    from collections.abc import Iterator


class WrongPort(NamedTuple):
    """A fault, and what is known of it."""

    name: str
    level: int  # the lowest one, 1 to 5, at which it must be noticed
    kind: str  # "answer": an answer is another one; "behaviour": the program misbehaves
    target: str  # what it replaces: `mix`, or `Cluster.winner`
    bug: str
    seen: str  # where such a bug is met
    shows: str  # commands, separated by "; ", that are answered otherwise than by the honest port
    fault: Callable

    def describe(self) -> dict:
        return {key: getattr(self, key) for key in ("name", "level", "kind", "bug", "seen")}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """While this lasts, dkv20 has the fault."""
        *path, name = self.target.split(".")
        owner = getattr(dkv20, path[0]) if path else dkv20
        honest = getattr(owner, name)
        setattr(owner, name, self.replacement(honest))
        try:
            yield
        finally:
            setattr(owner, name, honest)

    def replacement(self, honest: object) -> object:
        if not callable(honest):
            return self.fault(honest)
        return lambda *arguments: self.fault(honest, *arguments)


WRONG_PORTS: dict[str, WrongPort] = {}
HONEST: dict[str, WrongPort] = {}


def answer(level: int, target: str, bug: str, seen: str, shows: str) -> Callable:
    """Register a wrong port that gives wrong answers."""
    return register(WRONG_PORTS, level, "answer", target, bug, seen, shows)


def behaviour(level: int, target: str, bug: str, seen: str) -> Callable:
    """Register a wrong port that misbehaves as a process."""
    return register(WRONG_PORTS, level, "behaviour", target, bug, seen, "")


def honest(target: str, oddity: str) -> Callable:
    """Register a port that is odd, and right."""
    return register(HONEST, 0, "honest", target, oddity, "", "")


def register(ports: dict[str, WrongPort], level: int, kind: str, target: str, *about: str) -> Callable:
    """Give the fault a name: that of its function, with hyphens."""

    def keep(fault: Callable) -> Callable:
        name = fault.__name__.replace("_", "-")
        if name in ports:
            raise ValueError(f"two wrong ports are called {name}")
        ports[name] = WrongPort(name, level, kind, target, *about, fault)
        return fault

    return keep
