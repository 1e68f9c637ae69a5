#!/usr/bin/env bash
# Usage: scripts/bench.sh [--rounds N] [--quick] [--write]
#        scripts/bench.sh --compare BEFORE
#
# Measures the three languages beside their floors and peers, round by round, and prints tables: every
# ratio is formed within a round, and the table has the median, the least and the greatest. The
# measurements stay in target/bench.
#
#   --rounds N        how many rounds (default: 5); one takes some minutes
#   --quick           one round at a thousandth of the size: shows that everything works, not how fast
#   --write           put the tables into docs/observation.md
#   --compare BEFORE  compare target/bench with an older copy of it, by benchstat
#
# Exit status: 0 measured, 1 something failed, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

RESULTS="$ROOT/target/bench"
LOG="$ROOT/target/log/bench.log"
# The two parts of a ratio run one after the other. Long benchmarks run as few times as the framework
# allows (in Go three times: the first touches new memory), short ones as often as it likes.
LONG="Propose|Floor|Peer"
SHORT="Dump|Memcpy Hash Heal|Apply GrowthPropose|GrowthHeal|GrowthCompact|GrowthDump"
# glibc keeps freed memory, as Go does. Otherwise a large copy waits for new pages, not for its bytes.
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296
export DKV20_BENCH_SCALE=1 # the divisor of the numbers of ops, entries and keys
EXPLORE_DEPTH=9

rust_bench() { cargo bench --quiet --locked --manifest-path "$ROOT/tests/bench/Cargo.toml" "$@"; }

build() {
    rust_bench --no-run &&
        (cd "$ROOT/go/bench" && go test -c -o "$RESULTS/go.test" .) &&
        (cd "$ROOT/cpp" && cmake --preset bench && cmake --build --preset bench --parallel "$JOBS")
}

# ROUND GROUP GO-TIME
measure_group() {
    CRITERION_HOME="$1/rust" rust_bench --bench dkv20 -- --quick --measurement-time 0.01 "^($2)/" &&
        "$RESULTS/go.test" -test.run '^$' -test.bench "^Benchmark($2)\$" -test.benchtime "$3" >>"$1/go.txt" &&
        "$ROOT/target/cpp/bench/bench/bench_dkv20" --benchmark_filter="^($2)/" --benchmark_min_time=0.05 \
            --benchmark_out_format=json --benchmark_out="$1/cpp-${2//|/-}.json"
}

# ROUND NAME HYPERFINE-ARGUMENT...
measure() {
    local round=$1 name=$2
    shift 2
    env -u MALLOC_MMAP_THRESHOLD_ -u MALLOC_TRIM_THRESHOLD_ \
        hyperfine -N --runs 2 --export-json "$round/$name.hyperfine.json" "$@"
}

# ROUND
measure_round() {
    local group input program
    mkdir -p "$1" && measure_group "$1" "$LONG" 3x || return
    for group in $SHORT; do
        measure_group "$1" "$group" 50ms || return
    done
    rust_bench --bench explore -- 3 "$EXPLORE_DEPTH" 1 >"$1/explore.txt" || return
    openssl speed -seconds 1 -bytes 16384 -evp sha256 >"$1/openssl.txt" || return
    # hyperfine's peak memory is that of all programs that it has run, so each has its own run.
    for input in "$RESULTS"/*.in; do
        for program in rust go cpp; do
            measure "$1" "$(basename "$input" .in).$program" --input "$input" -n "$program" \
                "$ROOT/target/ports/$program serve" || return
        done
    done
    measure "$1" whole -n cross_test "bash $ROOT/scripts/cross_test.sh --no-build" \
        -n exam "$ROOT/target/dkv20 exam --traces $RESULTS/findings"
}

# BEFORE: compares all figures of two measurements, by benchstat's statistics.
compare() {
    [ -d "$1/round-1" ] || bad_usage "no measurement in $1"
    setup bench
    benchstat <(python3 "$ROOT/scripts/bench_table.py" figures "$1") \
        <(python3 "$ROOT/scripts/bench_table.py" figures "$RESULTS")
}

describe_machine() {
    echo "processor: $(sed -n '/^model name/{s/.*: //p;q;}' /proc/cpuinfo 2>/dev/null || sysctl -n machdep.cpu.brand_string), $JOBS cores"
    echo "kernel: $(uname -sr)"
    rustc --version
    go version
    "${CXX:-c++}" --version | head -n 1
    openssl version
}

main() {
    local rounds=5 round write=""
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --quick) rounds=1 DKV20_BENCH_SCALE=1000 EXPLORE_DEPTH=5 ;;
            --write) write="$ROOT/docs/observation.md" ;;
            --rounds)
                case ${2:-} in '' | *[!0-9]* | 0) bad_usage "--rounds needs a number from 1" ;; esac
                rounds=$2 && shift
                ;;
            --compare)
                compare "${2:-}"
                return
                ;;
            *) bad_usage "no such option: $1" ;;
        esac
        shift
    done
    setup bench
    bash "$ROOT/scripts/build.sh" rust go cpp exam || return
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    logged "$LOG" build || fail "the benchmarks do not build"
    describe_machine >"$RESULTS/machine.txt"
    python3 "$ROOT/scripts/bench_table.py" inputs "$RESULTS" "$DKV20_BENCH_SCALE" || return
    for round in $(seq "$rounds"); do
        say "round $round of $rounds"
        logged "$LOG" measure_round "$RESULTS/round-$round" || fail "FAILED: target/log/bench.log"
    done
    # shellcheck disable=SC2086 # a file or nothing
    python3 "$ROOT/scripts/bench_table.py" table "$RESULTS" $write
}

main "$@"
