#!/usr/bin/env python3
"""Wrong ports of dkv20, each with one fault, to show that the exam notices them.

- `python3 mutants.py NAME` serves the wrong port NAME.
- `python3 mutants.py --honest NAME` serves a port that is odd, and right.
- `python3 mutants.py --list` prints the wrong ports, one JSON object on each line.
- `python3 mutants.py --self-check` shows that each wrong answer can be seen.
"""

from __future__ import annotations

import argparse
import io
import json
import sys

import dkv20
from mutations import cluster, codec, faults, numbers, oddities, process, recovery, scale
from mutations.registry import HONEST, MUTANTS, Mutant

#: The modules that register the ports when they are imported.
REGISTERED = (numbers, codec, cluster, faults, recovery, scale, process, oddities)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants.py", description="wrong ports of dkv20")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", choices=list(MUTANTS), help="serve it")
    what.add_argument("--honest", choices=list(HONEST), help="serve a port that is odd, and right")
    what.add_argument("--list", action="store_true", help="one JSON object for each wrong port")
    what.add_argument("--self-check", action="store_true", help="no mutant may be equivalent")
    return parser.parse_args()


def transcript(commands: bytes) -> bytes:
    """What the port, as it stands now, answers to the commands."""
    sink = io.BytesIO()
    dkv20.serve(io.BytesIO(commands), sink)
    return sink.getvalue()


def is_equivalent(mutant: Mutant) -> bool:
    """Whether the mutant answers its own commands as the honest port does."""
    commands = mutant.shows.replace("; ", "\n").encode("latin-1")
    expected = transcript(commands)
    with mutant.installed():
        return transcript(commands) == expected


def self_check() -> int:
    """Name the equivalent mutants; the exit status."""
    mutants = [mutant for mutant in MUTANTS.values() if mutant.kind == "answer"]
    equivalent = [mutant.name for mutant in mutants if is_equivalent(mutant)]
    for name in equivalent:
        print(f"equivalent: {name}")
    print(f"{len(mutants) - len(equivalent)} of {len(mutants)} mutants differ from the honest port")
    return 1 if equivalent else 0


def main() -> int:
    arguments = parse_arguments()
    if arguments.self_check:
        return self_check()
    if arguments.list:
        for mutant in sorted(MUTANTS.values(), key=lambda mutant: mutant.level):
            print(json.dumps(mutant.describe()))
        return 0
    port = MUTANTS[arguments.name] if arguments.name else HONEST[arguments.honest]
    with port.installed():
        return dkv20.main(["serve"])


if __name__ == "__main__":
    sys.exit(main())
