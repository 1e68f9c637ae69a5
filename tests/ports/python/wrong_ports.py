#!/usr/bin/env python3
"""Wrong ports of dkv20, each with one deliberate mistake, which the exam must find.

- `python3 wrong_ports.py NAME` serves the wrong port NAME; with more names, a port with all of their
  mistakes. `serve`, or `scenario` and its argument, may follow, as with `dkv20.py`.
- `python3 wrong_ports.py --honest NAME` serves a port that is odd but right.
- `python3 wrong_ports.py --list` prints the wrong ports, one JSON object on each line.
- `python3 wrong_ports.py --self-check` checks that each wrong port has a wrong answer.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import dkv20
from wrong.registry import HONEST, WRONG_PORTS, WrongPort

if TYPE_CHECKING:
    import argparse


def register(words: list[str]) -> None:
    """Import the modules of the ports with these names, which registers them; without names all.

    An exam starts a port hundreds of times, and to import every module takes twice as long as the rest.
    """
    names = [word for word in words if not word.startswith("-")]
    definitions = [f"\ndef {name.replace('-', '_')}(".encode() for name in names]
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrong")
    for module in sorted(name for name in os.listdir(folder) if name.endswith(".py")):
        with open(os.path.join(folder, module), "rb") as file:
            text = file.read() if names else b""
        if not names or any(definition in text for definition in definitions):
            importlib.import_module(f"wrong.{module.removesuffix('.py')}")


def parse_arguments() -> argparse.Namespace | SimpleNamespace:
    register(sys.argv[1:])
    *names, last = sys.argv[1:] or [""]
    if names and last == "serve" and all(name in WRONG_PORTS for name in names):
        # Nearly every start is like this. Importing argparse, here or in dkv20, takes a quarter of it.
        dkv20.parse_arguments = lambda _: SimpleNamespace(command="serve")
        return SimpleNamespace(names=names, rest=["serve"], list=False, self_check=False)
    import argparse

    parser = argparse.ArgumentParser(prog="wrong_ports.py", description="wrong ports of dkv20")
    parser.add_argument("words", nargs="*", metavar="NAME", help="serve a port with these mistakes")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="one JSON object for each wrong port")
    what.add_argument("--honest", metavar="NAME", help="serve a port that is odd but right")
    what.add_argument("--self-check", action="store_true", help="check that each has a wrong answer")
    arguments = parser.parse_args()
    names = list(itertools.takewhile(WRONG_PORTS.__contains__, arguments.words))
    arguments.names, arguments.rest = names, arguments.words[len(names) :] or ["serve"]
    # The last is one that the exam expects to be refused.
    if arguments.rest[0] not in {"serve", "scenario", "frobnicate"}:
        parser.error(f"no wrong port is called {arguments.rest[0]}")
    if arguments.honest and arguments.honest not in HONEST:
        parser.error(f"no honest port is called {arguments.honest}")
    if not (names or arguments.list or arguments.honest or arguments.self_check):
        parser.error("a NAME or an option is needed")
    return arguments


def transcript(commands: bytes) -> bytes:
    """Return the answers of the port, as it is now, to the commands."""
    sink = io.BytesIO()
    dkv20.serve(io.BytesIO(commands), sink)
    return sink.getvalue()


def is_equivalent(wrong_port: WrongPort) -> bool:
    """Report whether the wrong port has the honest port's answers to its own commands."""
    commands = wrong_port.shows.replace("; ", "\n").encode("latin-1")
    expected = transcript(commands)
    with wrong_port.installed():
        return transcript(commands) == expected


def self_check() -> int:
    """Print the equivalent wrong ports and return the exit status."""
    wrong_ports = [wrong_port for wrong_port in WRONG_PORTS.values() if wrong_port.kind == "answer"]
    equivalent = [wrong_port.name for wrong_port in wrong_ports if is_equivalent(wrong_port)]
    for name in equivalent:
        print(f"equivalent: {name}")
    different = len(wrong_ports) - len(equivalent)
    print(f"{different} of {len(wrong_ports)} wrong ports differ from the honest port")
    return 1 if equivalent else 0


def main() -> int:
    arguments = parse_arguments()
    if arguments.self_check:
        return self_check()
    if arguments.list:
        import json

        for wrong_port in sorted(WRONG_PORTS.values(), key=lambda wrong_port: wrong_port.level):
            print(json.dumps(wrong_port.describe()))
        return 0
    ports = [WRONG_PORTS[name] for name in arguments.names] or [HONEST[arguments.honest]]
    with contextlib.ExitStack() as mistakes:
        for port in ports:
            mistakes.enter_context(port.installed())
        return dkv20.main(arguments.rest)


if __name__ == "__main__":
    sys.exit(main())
