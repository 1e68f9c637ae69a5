"""Makes the tables and the plot of scripts/bench.sh from what it has measured.

  bench_table.py lines --scale N                     the workload as lines for `serve`
  bench_table.py programs --language L --program F…  measures a program, prints JSON lines
  bench_table.py seconds COMMAND…                    runs a command, prints its seconds
  bench_table.py table --results DIR [--plot FILE] [--write]

Standard library alone. Exit status: 0 done, 1 something is missing or failed, 2 usage.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("rust", "go", "cpp")
KEY_SPACES = (10_000, 1_000_000)
OPS = 1_000_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
GROWTH = ("Propose", "Heal", "Compact", "Dump")
MASK = 2**64 - 1


class Failure(Exception):
    """What is missing or went wrong, for the user."""


# --- Measuring programs ----------------------------------------------------------------


def draws(state):
    """splitmix64 from the seed (definition, section 6)."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def print_lines(scale):
    """The ops of `workload 1 10000 COUNT`, each as a line (definition, section 7)."""
    numbers = draws(1)
    lines = ["new 5"]
    for _ in range(OPS // scale):
        r1, r2, r3 = next(numbers), next(numbers), next(numbers)
        key = f"key-{r2 % 10_000:06}"
        if r1 >> 62 == 3:
            lines.append(f"del {key}")
        else:
            lines.append(f"put {key} 0x{(r3 % 10_000).to_bytes(8, 'little').hex()}")
    lines += ["hash 4", ""]
    sys.stdout.write("\n".join(lines))


def serve(program, lines):
    """Sends the open file of lines to `serve`; its seconds and its last answer."""
    # A reader at the other end of a pipe would take processor time too.
    with tempfile.TemporaryFile() as answers:
        start = time.monotonic()
        subprocess.run([program, "serve"], stdin=lines, stdout=answers, check=True)
        seconds = time.monotonic() - start
        answers.seek(0)
        return seconds, last_answer(program, answers.read())


def converse(program, lines):
    """Sends a few lines to `serve`; its seconds, its last answer, and its peak memory in MB."""
    start = time.monotonic()
    with subprocess.Popen(
        [program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdin.write("".join(line + "\n" for line in lines).encode())
        process.stdin.flush()
        answers = b"".join(process.stdout.readline() for _ in lines)
        seconds = time.monotonic() - start
        peak = peak_while_alive(process.pid)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"{program} serve: exit status {process.returncode}")
    # In bytes, as macOS has it.
    return seconds, last_answer(program, answers), (peak or usage.ru_maxrss) / 1e6


def peak_while_alive(pid):
    """Linux's VmHWM in bytes. (What wait4 gives there counts in what this script held.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return None
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


def last_answer(program, answers):
    last = answers[-200:].decode().splitlines()[-1] if answers else ""
    if not last.startswith("ok"):
        raise Failure(f"{program} serve: last answer {last!r}")
    return last


def measure_programs(arguments):
    program, scale = arguments.program, arguments.scale
    figures = {}
    count = OPS // scale
    with open(arguments.lines, "rb") as lines:
        figures["serve"], by_lines = serve(program, lines)
    workload = [f"workload 1 10000 {count}", "hash 4"]
    seconds, directly, peak = converse(program, ["new 5", *workload])
    figures["workload"], figures["memory of 5"] = seconds, peak
    if by_lines != directly:
        raise Failure(f"{program}: the same ops as lines and as a workload end differently")
    _, _, figures["memory of 64"] = converse(program, ["new 64", *workload])
    seconds, _, _ = converse(program, ["new 5", f"chaos 1 {count}"])
    figures["chaos steps/s"] = count / seconds
    for size in map(int, arguments.sizes.split()):
        n = max(1, size // scale)
        _, _, figures[f"GrowthMemory/n={size}"] = converse(
            program, ["new 5", f"workload 1 {n} {n}"]
        )
    for name, figure in figures.items():
        print(json.dumps({"language": arguments.language, "name": name, "figure": figure}))


def print_seconds(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(time.monotonic() - start)


# --- Reading what was measured ---------------------------------------------------------


def canonical(name):
    """Google Benchmark separates with colons and appends how it ran."""
    name = re.sub(r"/(iterations:\d+|real_time|process_time|manual_time)\b", "", name)
    return re.sub(r"^(BM_|Benchmark)", "", name).replace(":", "=")


def read_rust(folder):
    """criterion's files: nanoseconds of an iteration, or bytes a second."""
    for file in (folder / "rust").rglob("new/benchmark.json"):
        benchmark = json.loads(file.read_text())
        name = benchmark["full_id"]
        estimates = json.loads(file.with_name("estimates.json").read_text())
        nanoseconds = estimates["mean"]["point_estimate"]
        yield name, nanoseconds
        if isinstance(benchmark["throughput"], dict):
            yield name + " B/s", benchmark["throughput"]["Bytes"] / nanoseconds * 1e9


def read_go(folder):
    """The lines of `go test -bench`."""
    file = folder / "go.txt"
    for line in file.read_text().splitlines() if file.exists() else ():
        if match := re.match(r"Benchmark(\S+?)(-\d+)?\s+\d+\s+([\d.]+) ns/op(.*)", line):
            name = canonical(match[1])
            yield name, float(match[3])
            if rate := re.search(r"([\d.]+) MB/s", match[4]):
                yield name + " B/s", float(rate[1]) * 1e6


def read_cpp(folder):
    """Google Benchmark's JSON."""
    units = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    for file in folder.glob("cpp-*.json"):
        text = file.read_text()
        for benchmark in json.loads(text)["benchmarks"] if text else ():
            name = canonical(benchmark["name"])
            yield name, benchmark["real_time"] * units[benchmark["time_unit"]]
            if "bytes_per_second" in benchmark:
                yield name + " B/s", benchmark["bytes_per_second"]


READERS = {"rust": read_rust, "go": read_go, "cpp": read_cpp}


class Round:
    """The figures of a round, by language and name."""

    def __init__(self, folder):
        self.figures = {language: dict(READERS[language](folder)) for language in LANGUAGES}
        for line in (folder / "programs.jsonl").read_text().splitlines():
            row = json.loads(line)
            self.figures[row["language"]][row["name"]] = row["figure"]
        rate = re.search(r"^sha256\s+([\d.]+)k", (folder / "openssl.txt").read_text(), re.MULTILINE)
        if not rate:
            raise Failure(f"{folder}/openssl.txt: no line of sha256")
        self.openssl = float(rate[1]) * 1000
        self.cross_test = float((folder / "cross_test.txt").read_text())

    def __call__(self, language, name):
        return self.figures[language][name]


# What every language must have.
REQUIRED = (
    [f"{what}/keys={keys}" for keys in KEY_SPACES for what in ("Propose", "Floor")]
    + ["Dump/keys=1000000", "Memcpy/keys=1000000", "Hash/stream", "Hash/stream B/s"]
    + ["Heal/log=10000", "Heal/log=1000000", "Apply/ops=1000"]
    + [f"Growth{what}/n={n}" for what in GROWTH for n in SIZES]
)
# What the peer takes in a proposal, and the part of the workload that it is measured with.
BATCHES = {1: 10, 64: 1}
PEERS = {"rust": "raft-rs", "go": "etcd-io/raft"}


def check_complete(rounds):
    missing = []
    for language in LANGUAGES:
        names = list(REQUIRED)
        if language in PEERS:
            names += [f"Peer/keys={k}/batch={b}" for k in KEY_SPACES for b in BATCHES]
        missing += [
            f"{language} {name}"
            for name in names
            if not all(name in each.figures[language] for each in rounds)
        ]
    if missing:
        raise Failure("no such benchmark: " + ", ".join(missing))


# --- The table -------------------------------------------------------------------------


class Row:
    """A figure to reach: `solid` and `wanted` are bounds, `sign` says from which side."""

    def __init__(self, what, language, sign, solid, wanted, figure, unit=""):
        self.what, self.language, self.sign = what, language, sign
        self.solid, self.wanted, self.figure, self.unit = solid, wanted, figure, unit

    def line(self, rounds):
        figures = [self.figure(each) for each in rounds]
        median = statistics.median(figures)
        return "| {} | {} | {} | {} to {} | {} | {} | {} |".format(
            self.what,
            self.language,
            self.show(median),
            self.show(min(figures)),
            self.show(max(figures)),
            self.bound(self.solid),
            self.bound(self.wanted),
            self.verdict(median),
        )

    def show(self, figure):
        if figure >= 1000:
            return f"{figure:,.0f}{self.unit}"
        return f"{figure:.{0 if figure >= 100 else 1 if figure >= 10 else 2}f}{self.unit}"

    def bound(self, bound):
        return "" if bound is None else f"{self.sign} {bound:,}{self.unit}"

    def verdict(self, median):
        def reaches(bound):
            return median >= bound if self.sign == "≥" else median <= bound

        if self.wanted is not None and reaches(self.wanted):
            return "wanted"
        if self.solid is None:
            return ""
        return "solid" if reaches(self.solid) else "SHORT"


def ratio(language, above, below):
    return lambda each: each(language, above) / each(language, below)


def peer_time(each, language, keys, batch):
    return each(language, f"Peer/keys={keys}/batch={batch}") * BATCHES[batch]


def one_op_peer(language, keys):
    return lambda each: peer_time(each, language, keys, 1) / each(language, f"Propose/keys={keys}")


def best_peer(language, keys):
    def figure(each):
        best = min(peer_time(each, language, keys, batch) for batch in BATCHES)
        return best / each(language, f"Propose/keys={keys}")

    return figure


def table_rows():
    for keys in KEY_SPACES:
        of_keys = f"propose, {keys:,} keys"
        propose, floor = f"Propose/keys={keys}", f"Floor/keys={keys}"
        for each in LANGUAGES:
            yield Row(
                f"{of_keys}: against the floor", each, "≥", 1.0, 2.0, ratio(each, floor, propose)
            )
        for each, peer in PEERS.items():
            what = f"{of_keys}: against {peer}, one op a proposal too"
            yield Row(what, each, "≥", None, None, one_op_peer(each, keys))
            what = f"{of_keys}: against the best of {peer}"
            yield Row(what, each, "≥", 3, 10, best_peer(each, keys))
    for each in LANGUAGES:
        figure = ratio(each, "Memcpy/keys=1000000", "Dump/keys=1000000")
        yield Row("dump of 1,000,000 keys: against memcpy", each, "≥", 0.10, 0.5, figure)
    for each in LANGUAGES:
        # What sha2 does is up to the processor.
        solid = None if each == "rust" else 0.9
        what = "snapshot hash: against `openssl speed`"
        yield Row(what, each, "≥", solid, 0.95, hash_ratio(each))
    for each in LANGUAGES:
        figure = ratio(each, "Heal/log=1000000", "Heal/log=10000")
        yield Row("heal, log of 1,000,000: against one of 10,000", each, "≤", 1.5, 1.1, figure)
    for each in LANGUAGES:
        figure = ratio(each, "Heal/log=1000000", "Apply/ops=1000")
        yield Row("heal: against applying as many ops to one map", each, "≤", 3, 1.5, figure)
    for each in LANGUAGES:
        figure = ratio(each, "workload", "serve")
        yield Row("`serve`, pipelined: against proposing directly", each, "≥", 0.4, 0.7, figure)
    for each in LANGUAGES:
        yield Row(
            "chaos: steps a second", each, "≥", 300_000, 600_000, plain(each, "chaos steps/s")
        )
    for each in LANGUAGES:
        what = "peak memory of five replicas, 1,000,000 ops"
        yield Row(what, each, "≤", 200, 100, plain(each, "memory of 5"), " MB")
    for each in LANGUAGES:
        yield Row("each further replica, up to 64", each, "≤", 2, None, further(each), " MB")
    yield Row(
        "cross_test.sh, everything built", "all", "≤", 10, 3, lambda each: each.cross_test, " s"
    )


def hash_ratio(language):
    return lambda each: each(language, "Hash/stream B/s") / each.openssl


def plain(language, name):
    return lambda each: each(language, name)


def further(language):
    return lambda each: (each(language, "memory of 64") - each(language, "memory of 5")) / 59


def bench_table(rounds, machine):
    lines = machine + [
        "",
        "| what | language | median | least to greatest | solid | wanted | verdict |",
        "| --- | --- | ---: | --- | --- | --- | --- |",
    ]
    return "\n".join(lines + [row.line(rounds) for row in table_rows()])


# --- Growth ----------------------------------------------------------------------------


def growth(rounds):
    """Of each cost and language, its multiples of what it is at the first size."""
    for what in (*GROWTH, "Memory"):
        for language in LANGUAGES:

            def at(each, n, what=what, language=language):
                return each(language, f"Growth{what}/n={n}")

            yield (
                what.lower(),
                language,
                [
                    statistics.median(at(each, n) / at(each, SIZES[0]) for each in rounds)
                    for n in SIZES
                ],
            )


def growth_table(rounds):
    lines = [
        "| cost | language | " + " | ".join(f"n = {n:,}" for n in SIZES) + " |",
        "| --- | --- |" + " ---: |" * len(SIZES),
    ]
    for what, language, multiples in growth(rounds):
        lines.append(f"| {what} | {language} | " + " | ".join(f"{m:.2f}" for m in multiples) + " |")
    return "\n".join(lines)


COLOURS = {"rust": "#b7410e", "go": "#007d9c", "cpp": "#5b3f99"}
PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 230, 240, 46


def growth_plot(rounds):
    """Both axes logarithmic: a panel for each cost. A dotted line grows as n does."""
    curves = list(growth(rounds))
    panels = list(dict.fromkeys(what for what, _, _ in curves))
    decades = (-1, math.log10(SIZES[-1] / SIZES[0]) + 0.5)

    def point(left, n, multiple):
        x = left + math.log10(n / SIZES[0]) / math.log10(SIZES[-1] / SIZES[0]) * (
            PANEL_WIDTH - MARGIN
        )
        share = (math.log10(multiple) - decades[0]) / (decades[1] - decades[0])
        return f"{x:.1f},{MARGIN + (1 - share) * PANEL_HEIGHT:.1f}"

    def text(at, content, anchor="middle", colour="#333"):
        x, y = at.split(",")
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{content}</text>'

    def line(points, colour, style=""):
        joined = " ".join(points)
        return f'<polyline points="{joined}" fill="none" stroke="{colour}" {style}/>'

    width = MARGIN + len(panels) * PANEL_WIDTH
    height = PANEL_HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for position, panel in enumerate(panels):
        left = MARGIN + position * PANEL_WIDTH
        middle = left + (PANEL_WIDTH - MARGIN) / 2
        parts.append(text(f"{middle},{MARGIN - 22}", panel))
        for exponent in range(math.ceil(decades[0]), math.floor(decades[1]) + 1):
            ends = [point(left, n, 10**exponent) for n in (SIZES[0], SIZES[-1])]
            parts.append(line(ends, "#ddd"))
            x, y = ends[0].split(",")
            parts.append(text(f"{float(x) - 6},{float(y) + 4}", f"{10.0**exponent:g}", "end"))
        for n in SIZES:
            x, _ = point(left, n, 1).split(",")
            parts.append(text(f"{x},{MARGIN + PANEL_HEIGHT + 16}", f"1e{round(math.log10(n))}"))
        linear = [point(left, n, n / SIZES[0]) for n in (SIZES[0], SIZES[-1])]
        parts.append(line(linear, "#999", 'stroke-dasharray="2 4"'))
        for _, language, multiples in (curve for curve in curves if curve[0] == panel):
            points = [point(left, n, m) for n, m in zip(SIZES, multiples)]
            parts.append(line(points, COLOURS[language], 'stroke-width="1.8"'))
    for position, language in enumerate(LANGUAGES):
        at = f"{MARGIN + position * 50},{height - 8}"
        parts.append(text(at, language, "start", COLOURS[language]))
    legend = "cost as a multiple of that at n = 1,000; n entries in the log and n keys"
    parts.append(text(f"{MARGIN + 170},{height - 8}", legend, "start"))
    return "\n".join([*parts, "</svg>", ""])


# --- All together ----------------------------------------------------------------------


def put_between(text, name, content):
    begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise Failure(f"docs/observation.md has no {begin} … {end}")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def write_table(arguments):
    results = Path(arguments.results)
    folders = sorted(results.glob("round-*"), key=lambda path: int(path.name[6:]))
    if not folders:
        raise Failure(f"{results} has no rounds")
    rounds = [Round(folder) for folder in folders]
    check_complete(rounds)
    machine = [f"- {line}" for line in (results / "machine.txt").read_text().splitlines()]
    machine.append(f"- rounds: {len(rounds)}")
    tables = {"bench table": bench_table(rounds, machine), "growth table": growth_table(rounds)}
    print("\n\n".join(tables.values()))
    plot = growth_plot(rounds)
    if arguments.plot:
        Path(arguments.plot).write_text(plot)
    if arguments.write:
        document = ROOT / "docs" / "observation.md"
        text = document.read_text()
        for name, content in tables.items():
            text = put_between(text, name, content)
        document.write_text(text)
        (ROOT / "docs" / "growth.svg").write_text(plot)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    lines = commands.add_parser("lines")
    lines.add_argument("--scale", type=int, default=1)
    programs = commands.add_parser("programs")
    for name in ("--language", "--program", "--sizes", "--lines"):
        programs.add_argument(name, required=True)
    programs.add_argument("--scale", type=int, default=1)
    seconds = commands.add_parser("seconds")
    seconds.add_argument("argv", nargs=argparse.REMAINDER)
    table = commands.add_parser("table")
    table.add_argument("--results", required=True)
    table.add_argument("--plot")
    table.add_argument("--write", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        if arguments.command == "lines":
            print_lines(arguments.scale)
        elif arguments.command == "programs":
            measure_programs(arguments)
        elif arguments.command == "seconds":
            print_seconds(arguments.argv)
        else:
            write_table(arguments)
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
