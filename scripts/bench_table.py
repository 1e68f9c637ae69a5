"""The table of scripts/bench.sh.

  bench_table.py inputs DIR SCALE   writes what the programs read into DIR
  bench_table.py table DIR [FILE]   prints the tables of what was measured in DIR; puts them into FILE
  bench_table.py figures DIR        prints all figures in Go's format, for benchstat
"""

import json
import re
import statistics
import sys
from pathlib import Path

LANGUAGES = ("rust", "go", "cpp")
OPS = 1_000_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
GROWTH = ("Propose", "Heal", "Compact", "Dump", "Memory")
#: Ops in a proposal of the peer, and the divisor of the workload that it was measured with.
BATCHES = {1: 10, 64: 1}
PEERS = {"rust": "raft-rs", "go": "etcd-io/raft"}


def draws(state):
    """splitmix64 from the seed (section 6 of the definition)."""
    mask = 2**64 - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def write_inputs(folder, scale):
    """Of `serve`: a file of lines for each run."""
    count, numbers, lines = OPS // scale, draws(1), ["new 5"]
    for _ in range(count):  # `workload 1 10000 COUNT` as lines (section 7)
        r1, r2, r3 = next(numbers), next(numbers), next(numbers)
        key, value = f"key-{r2 % 10_000:06}", (r3 % 10_000).to_bytes(8, "little").hex()
        lines.append(f"del {key}" if r1 >> 62 == 3 else f"put {key} 0x{value}")
    inputs = {
        "lines": lines,
        "workload": ["new 5", f"workload 1 10000 {count}"],
        "workload-64": ["new 64", f"workload 1 10000 {count}"],
        "chaos": ["new 5", f"chaos 1 {count}"],
        "mix": [f"mix {z}" for z in range(count)],
    }
    for n in SIZES:
        size = max(1, n // scale)
        inputs[f"memory-{n}"] = ["new 5", f"workload 1 {size} {size}"]
    for name, lines in inputs.items():
        (folder / f"{name}.in").write_text("\n".join(lines) + "\n")


def read_criterion(folder):
    for file in (folder / "rust").rglob("new/benchmark.json"):
        benchmark = json.loads(file.read_text())
        time = json.loads(file.with_name("estimates.json").read_text())["mean"]["point_estimate"]
        yield "rust", benchmark["full_id"], time
        if isinstance(benchmark["throughput"], dict):
            yield "rust", benchmark["full_id"] + " B/s", benchmark["throughput"]["Bytes"] / time * 1e9


def read_go(folder):
    for line in (folder / "go.txt").read_text().splitlines():
        if match := re.match(r"Benchmark(\S+?)(-\d+)?\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) MB/s)?", line):
            yield "go", match[1], float(match[3])
            if match[4]:
                yield "go", match[1] + " B/s", float(match[4]) * 1e6


def read_google_benchmark(folder):
    units = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    for file in folder.glob("cpp-*.json"):
        for benchmark in json.loads(file.read_text() or '{"benchmarks": []}')["benchmarks"]:
            name = re.sub(r"/(iterations:\d+|real_time|process_time|manual_time)\b", "", benchmark["name"])
            name = name.removeprefix("BM_").replace(":", "=")
            yield "cpp", name, benchmark["real_time"] * units[benchmark["time_unit"]]
            if rate := benchmark.get("bytes_per_second"):
                yield "cpp", name + " B/s", rate


def read_hyperfine(folder):
    for file in folder.glob("*.hyperfine.json"):
        name = file.name.split(".")[0]
        for result in json.loads(file.read_text())["results"]:
            yield result["command"], name, result["mean"]
            yield result["command"], name + " MB", max(result["memory_usage_byte"]) / 1e6


def read_explore(folder):
    """Transitions a second."""
    _, _, parallel, single, peer, _ = (folder / "explore.txt").read_text().splitlines()[-1].split()
    yield "rust", "explore, two threads", float(parallel)
    yield "rust", "explore, one thread", float(single)
    yield "rust", "stateright, one thread", float(peer)


def read_round(folder):
    """A figure for each language and name."""
    readers = (read_criterion, read_go, read_google_benchmark, read_hyperfine, read_explore)
    figures = {(language, name): figure for read in readers for language, name, figure in read(folder)}
    figures |= {(l, f"GrowthMemory/n={n}"): figures[l, f"memory-{n} MB"] for n in SIZES for l in LANGUAGES}
    rate = re.search(r"^sha256\s+([\d.]+)k", (folder / "openssl.txt").read_text(), re.MULTILINE)[1]
    figures["openssl", "B/s"] = float(rate) * 1000
    figures["lines of", "mix"] = len((folder.parent / "mix.in").read_text().splitlines())
    return figures


def ratio(above, below):
    return lambda f, l: f[l, above] / f[l, below]


def rate(name):
    return lambda f, l: f["lines of", "mix"] / f[l, name]


def peer(keys, batches):
    times = [(f"Peer/keys={keys}/batch={b}", BATCHES[b]) for b in batches]
    return lambda f, l: min(f[l, name] * part for name, part in times) / f[l, f"Propose/keys={keys}"]


def rows():
    """What, a function of a round and a language, the languages, a sign, the bounds, a unit."""
    for keys in (10_000, 1_000_000):
        what = f"propose, {keys:,} keys: against"
        yield f"{what} the floor", ratio(f"Floor/keys={keys}", f"Propose/keys={keys}"), LANGUAGES, "≥", (1.0, 2.0), ""
        for language, name in PEERS.items():
            yield f"{what} {name}, one op a proposal too", peer(keys, [1]), [language], "", (), ""
            yield f"{what} the best of {name}", peer(keys, BATCHES), [language], "≥", (3, 10), ""
    dump, heal = "Dump/keys=1000000", "Heal/log=1000000"
    yield "dump of 1,000,000 keys: against memcpy", ratio("Memcpy/keys=1000000", dump), LANGUAGES, "≥", (0.1, 0.5), ""
    openssl = lambda f, l: f[l, "Hash/stream B/s"] / f["openssl", "B/s"]
    yield "snapshot hash: against `openssl speed`", openssl, LANGUAGES, "≥", (0.9, 0.95), ""
    yield "heal, log of 1,000,000: against one of 10,000", ratio(heal, "Heal/log=10000"), LANGUAGES, "≤", (1.5, 1.1), ""
    yield "heal: against applying as many ops to one map", ratio(heal, "Apply/ops=1000"), LANGUAGES, "≤", (3, 1.5), ""
    yield "`serve`, pipelined: against proposing directly", ratio("workload", "lines"), LANGUAGES, "≥", (0.4, 0.7), ""
    yield "chaos: steps a second", rate("chaos"), LANGUAGES, "≥", (300_000, 600_000), ""
    yield "`mix`, pipelined: commands a second", rate("mix"), LANGUAGES, "", (), ""
    memory = lambda f, l: f[l, "workload MB"]
    yield "peak memory of five replicas, 1,000,000 ops", memory, LANGUAGES, "≤", (200, 100), " MB"
    further = lambda f, l: (f[l, "workload-64 MB"] - f[l, "workload MB"]) / 59
    yield "each further replica, up to 64", further, LANGUAGES, "≤", (2,), " MB"
    yield "explore: transitions a second", lambda f, l: f[l, "explore, two threads"], ["rust"], "≥", (1_000_000,), ""
    explore = ratio("explore, one thread", "stateright, one thread")
    yield "explore: against stateright, one thread each", explore, ["rust"], "", (), ""
    yield "cross_test.sh, everything built", lambda f, l: f["cross_test", "whole"], ["all"], "≤", (10, 3), " s"
    yield "the default exam", lambda f, l: f["exam", "whole"], ["all"], "", (), " s"


def bench_lines(rounds):
    yield "| what | language | median | least to greatest | solid | wanted | verdict |"
    yield "| --- | --- | ---: | --- | --- | --- | --- |"
    for what, figure, languages, sign, bounds, unit in rows():
        show = lambda x: (f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}") + unit
        for language in languages:
            least, *_, greatest = figures = sorted([figure(each, language) for each in rounds] * 2)
            median = statistics.median(figures)
            reached = sum(median >= bound if sign == "≥" else median <= bound for bound in bounds)
            verdict = ("SHORT", "solid", "wanted")[reached] if sign else ""
            shown = [f"{sign} {bound:,}{unit}" for bound in bounds] + [""] * (2 - len(bounds))
            cells = [what, language, show(median), f"{show(least)} to {show(greatest)}", *shown, verdict]
            yield f"| {' | '.join(cells)} |"


def growth_lines(rounds):
    yield "| cost | language |" + "".join(f" n = {n:,} |" for n in SIZES)
    yield "| --- | --- |" + " ---: |" * len(SIZES)
    for what in GROWTH:
        for language in LANGUAGES:
            at = [(language, f"Growth{what}/n={n}") for n in SIZES]
            multiples = [statistics.median(f[each] / f[at[0]] for f in rounds) for each in at]
            yield f"| {what.lower()} | {language} | " + " | ".join(f"{x:.2f}" for x in multiples) + " |"


def tables(results):
    rounds = [read_round(folder) for folder in sorted(results.glob("round-*"))]
    machine = [f"- {line}" for line in (results / "machine.txt").read_text().splitlines()]
    bench = [*machine, f"- rounds: {len(rounds)}", "", *bench_lines(rounds)]
    return {"bench table": "\n".join(bench), "growth table": "\n".join(growth_lines(rounds))}


def main(command, folder, argument=None):
    if command == "inputs":
        return write_inputs(Path(folder), int(argument))
    if command == "figures":
        for each in sorted(Path(folder).glob("round-*")):
            for (language, name), figure in read_round(each).items():
                print("Benchmark/" + f"{language}/{name}".replace(" ", "-"), 1, figure, "ns/op")
        return None
    for name, table in tables(Path(folder)).items():
        print(table, end="\n\n")
        if argument:
            text = Path(argument).read_text()
            marks = re.compile(f"(<!-- {name} begin -->).*(<!-- {name} end -->)", re.DOTALL)
            Path(argument).write_text(marks.sub(lambda m: f"{m[1]}\n\n{table}\n\n{m[2]}", text))


if __name__ == "__main__":
    main(*sys.argv[1:])
