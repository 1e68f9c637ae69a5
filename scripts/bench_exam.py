#!/usr/bin/env python3
"""Measures the exam: python3 scripts/bench_exam.py, after bash scripts/build.sh.

Prints a Markdown table: pipelined commands a second of each program, the default exam of the
repository's ports, fuzz cases a second on one port, how long the first wrong step of a million
steps of chaos takes to find, and whether the memory of `fuzz` stays flat. For the wrong port it
builds the Go port with one line changed, in a temporary folder.

Standard library alone. Exit status: 0 measured, 1 something is missing or did otherwise.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORTS = ROOT / "target/ports"
LANGUAGES = ("rust", "go", "cpp")
COMMANDS = 1_000_000
CHAOS_STEPS = 1_000_000
FUZZ_SECONDS = (5, 60)
#: The line that begins a term, and the same line in a port that skips a late one.
TERM = "\tc.term++\n"
TERM_SKIPPED = "\tc.term++\n\tif c.term == 11000 {\n\t\tc.term++\n\t}\n"


class Failure(Exception):
    """What is missing or went otherwise, for the user."""


def run(command, statuses=(0,), **arguments):
    """The finished process, its seconds, and its peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, text=True, cwd=ROOT, **arguments
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode not in statuses:
        raise Failure(f"{command[0]} {command[1]} ended with status {process.returncode}:\n{output}")
    return output, seconds, usage.ru_maxrss / 1024


def commands_a_second(program, lines, folder):
    """How many of the lines the program answers in a second."""
    source = folder / "lines"
    source.write_text("\n".join(lines) + "\n")
    with source.open() as opened:
        output, seconds, _ = run([program, "serve"], stdin=opened)
    if output.count("\n") != len(lines):
        raise Failure(f"{program}: {len(lines)} lines, {output.count(chr(10))} answers")
    return len(lines) / seconds


def wrong_port(folder):
    """The Go port, but that it skips a term late in a long run."""
    source = ROOT / "go/cluster.go"
    text = source.read_text()
    if text.count(TERM) != 1:
        raise Failure("go/cluster.go no longer has the line that begins a term")
    changed = folder / "cluster.go"
    changed.write_text(text.replace(TERM, TERM_SKIPPED))
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(source): str(changed)}}))
    program = folder / "wrong"
    build = ["go", "build", "-buildvcs=false", "-overlay", overlay, "-o", program, "./cmd/dkv20"]
    subprocess.run(build, cwd=ROOT / "go", check=True)
    return program


def locate(program, folder):
    """The seconds, and what was found."""
    lines = folder / "chaos.lines"
    lines.write_text(f"new 5\nchaos 1 {CHAOS_STEPS}\n")
    traces = folder / "traces"
    shrink = ["shrink", lines, "--port", f"wrong={program} serve", "--traces", traces]
    output, seconds, _ = run([PORTS / "rust", *shrink], (1,), stdin=subprocess.DEVNULL)
    if "with another term" not in output and "term=11001" not in output:
        raise Failure(f"the skipped term was not found:\n{output}")
    return seconds, output.splitlines()[0]


def fuzz(port, seconds):
    """Cases a second, and peak memory in MB."""
    arguments = ["fuzz", "--seconds", seconds, "--port", f"{port}={PORTS / port} serve"]
    output, _, memory = run([PORTS / "rust", *arguments], stdin=subprocess.DEVNULL)
    return int(re.search(r"\((\d+) a second\)", output)[1]), memory


def rows(folder):
    """The table's rows, each as soon as it is measured."""
    # First: a child's peak memory begins with what this process has.
    for port in LANGUAGES[1:]:
        short, long = (fuzz(port, seconds) for seconds in FUZZ_SECONDS)
        yield f"fuzz cases a second, {port} alone", f"{long[0]:,}"
        growth = " and ".join(f"{seconds} s" for seconds in FUZZ_SECONDS)
        memory = f"{short[1]:.0f} MB and {long[1]:.0f} MB"
        yield f"peak memory of fuzz after {growth}, {port}", memory
    _, seconds, _ = run([PORTS / "rust", "exam"], stdin=subprocess.DEVNULL)
    yield "the default exam of Go and C++, seconds", f"{seconds:.1f}"
    mix = [f"mix {z}" for z in range(COMMANDS)]
    put = ["new 5", *(f"put key-{z * 7919 % 10_000:06} {z}" for z in range(COMMANDS - 1))]
    for name, lines in (("mix", mix), ("put, five replicas", put)):
        for language in LANGUAGES:
            rate = commands_a_second(PORTS / language, lines, folder)
            yield f"pipelined commands a second, {language}: {name}", f"{rate:,.0f}"
    seconds, found = locate(wrong_port(folder), folder)
    yield "first wrong step of a million steps of chaos, located and shrunk, seconds", f"{seconds:.1f}"
    print(found, file=sys.stderr)


def main():
    try:
        print("| what | measured |\n| --- | --- |", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for what, figure in rows(Path(folder)):
                print(f"| {what} | {figure} |", flush=True)
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        print(f"bench_exam: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
