"""The list of wrong ports, and how one is made.

A wrong port is the honest port with one name replaced: a function, a method or a constant of dkv20.
The replacement of a function gets the honest function and the arguments. That of a constant gets the
honest value and returns the wrong one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Callable, NamedTuple

import dkv20

if TYPE_CHECKING:
    from collections.abc import Iterator


class WrongPort(NamedTuple):
    """A deliberate mistake, and what is known of it."""

    name: str
    level: int  # the lowest one, 1 to 5, at which it must be found
    kind: str  # "answer": an answer is wrong; "behaviour": the program misbehaves; "surroundings"
    target: str  # the name it replaces: `mix`, or `Cluster.winner`
    bug: str
    seen: str  # where such a bug comes from
    shows: str  # commands, separated by "; ", with a wrong answer
    section: str  # of the definition, which it breaks; "" if this is not declared
    mistake: Callable

    def describe(self) -> dict:
        keys = ("name", "level", "kind", "bug", "seen", "section")
        commands = self.shows.count("; ") + 1 if self.shows else 0
        return {key: getattr(self, key) for key in keys} | {"commands": commands}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Install the mistake in dkv20 for a while."""
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
            return self.mistake(honest)
        return lambda *arguments: self.mistake(honest, *arguments)


WRONG_PORTS: dict[str, WrongPort] = {}
HONEST: dict[str, WrongPort] = {}


def answer(level: int, target: str, bug: str, seen: str, shows: str, section: str = "") -> Callable:
    """Register a wrong port with wrong answers."""
    return register(WRONG_PORTS, level, "answer", target, bug, seen, shows, section)


def behaviour(level: int, target: str, bug: str, seen: str, section: str = "8") -> Callable:
    """Register a wrong port that misbehaves as a process."""
    return register(WRONG_PORTS, level, "behaviour", target, bug, seen, "", section)


def surroundings(level: int, target: str, bug: str, seen: str, section: str) -> Callable:
    """Register a wrong port that is wrong in an environment, in its program, or in its cost."""
    return register(WRONG_PORTS, level, "surroundings", target, bug, seen, "", section)


def honest(target: str, oddity: str) -> Callable:
    """Register a port that is odd but right."""
    return register(HONEST, 0, "honest", target, oddity, "", "", "")


def register(ports: dict[str, WrongPort], level: int, kind: str, target: str, *about: str) -> Callable:
    """Register a mistake under the name of its function, with hyphens."""

    def keep(mistake: Callable) -> Callable:
        name = mistake.__name__.replace("_", "-")
        if name in ports:
            raise ValueError(f"two wrong ports are called {name}")
        ports[name] = WrongPort(name, level, kind, target, *about, mistake)
        return mistake

    return keep
