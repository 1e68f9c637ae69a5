#!/usr/bin/env bash
# Measures the three languages beside their floors and peers. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

RESULTS="$ROOT/target/bench"
PORTS="$ROOT/target/ports"
LANGUAGES="rust go cpp"
# The groups of benchmarks whose figures are divided by each other, and so are run next to
# each other; a bar between alternatives.
LONG_GROUPS="Propose|Floor|Peer"
SHORT_GROUPS="Dump|Memcpy Hash Heal|Apply GrowthPropose|GrowthHeal|GrowthCompact|GrowthDump"
SIZES="1000 10000 100000 1000000"
ROUNDS=5
# For the benchmarks, not the programs: freed memory stays with the process, as Go's does. Else the C
# library gives back what is large, and a dump or a copy waits longer for new pages than for its
# bytes. (glibc reads them, and no other library.)
KEEP_MEMORY=(MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296)
# What the numbers of ops, entries and keys are divided by.
export DKV20_BENCH_SCALE=1

usage() {
    cat <<'END_OF_USAGE'
Usage: scripts/bench.sh [--rounds N] [--quick] [--write]

Builds the programs and the benchmarks of all three languages, runs them round
by round, and prints a table. Every ratio is formed within a round; the table
has the median of the rounds, and the least and the greatest. What was measured
stays in target/bench.

  --rounds N  how many rounds (default: 5); one takes some minutes
  --quick     one round of small workloads: shows that everything works, not how fast
  --write     put the tables and the plot into docs/observation.md and docs/growth.svg

Exit status: 0 all was measured, 1 something is missing or failed, 2 usage.
END_OF_USAGE
}

fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

demand_tools() {
    bash "$ROOT/scripts/setup.sh" bench || exit 1
}

# --- Building ---------------------------------------------------------------------

# The raft crate's build calls protoc. Where there is none, the crate protobuf-build
# carries one.
find_protoc() {
    local folder file
    [ -z "${PROTOC:-}" ] && ! command -v protoc >/dev/null || return 0
    folder=$(cargo metadata --locked --format-version 1 \
        --manifest-path "$ROOT/tests/bench/Cargo.toml" |
        python3 -c 'import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "protobuf-build":
        print(os.path.dirname(package["manifest_path"]))') || return
    case $(uname -sm) in
        "Linux x86_64") file=protoc-linux-x86_64 ;;
        "Linux aarch64") file=protoc-linux-aarch_64 ;;
        Darwin*) file=protoc-osx-x86_64 ;;
        *) fail "protoc is missing: on Debian, apt-get install protobuf-compiler" ;;
    esac
    export PROTOC="$folder/bin/$file"
}

rust_bench() { cargo bench --quiet --locked --manifest-path "$ROOT/tests/bench/Cargo.toml" "$@"; }

build_rust() { find_protoc && rust_bench --no-run; }

build_go() { cd "$ROOT/go/bench" && go test -c -o "$ROOT/target/go/bench.test" .; }

build_cpp() {
    local tree="$ROOT/target/cpp/bench"
    cmake -S "$ROOT/cpp" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DDKV20_BUILD_TESTS=OFF -DDKV20_BUILD_BENCHMARKS=ON &&
        cmake --build "$tree" --parallel "$JOBS" --target bench_dkv20
}

build() {
    local language
    bash "$ROOT/scripts/build.sh" || exit 1
    for language in $LANGUAGES; do
        (build_"$language") </dev/null >"$RESULTS/build-$language.log" 2>&1 || {
            tail -n 40 "$RESULTS/build-$language.log" >&2
            fail "the $language benchmarks do not build"
        }
    done
    find_protoc
}

# --- Measuring --------------------------------------------------------------------

# ROUND GROUP LONG: one sample of each benchmark of the group: of what is long, the fewest runs
# that a framework makes, and in Go the three of criterion, for the first meets with memory that is
# new; of what is short, as many as the frameworks see fit.
measure_rust() {
    (export "${KEEP_MEMORY[@]}" CRITERION_HOME="$1/rust" &&
        rust_bench -- --quick --measurement-time 0.01 "^($2)/")
}

measure_go() {
    local time=50ms
    [ "$3" = no ] || time=3x
    "$ROOT/target/go/bench.test" -test.run '^$' -test.bench "^Benchmark($2)\$" \
        -test.benchtime "$time" | tee -a "$1/go.txt"
}

measure_cpp() {
    env "${KEEP_MEMORY[@]}" "$ROOT/target/cpp/bench/bench/bench_dkv20" --benchmark_filter="^($2)/" \
        --benchmark_min_time=0.05 --benchmark_out_format=json \
        --benchmark_out="$1/cpp-${2//|/-}.json"
}

measure_openssl() { openssl speed -seconds 1 -bytes 16384 -evp sha256 >"$1/openssl.txt"; }

# ROUND: what the programs do, as processes.
measure_programs() {
    local language
    for language in $LANGUAGES; do
        python3 "$ROOT/scripts/bench_table.py" programs --language "$language" \
            --program "$PORTS/$language" --sizes "$SIZES" --scale "$DKV20_BENCH_SCALE" \
            --lines "$RESULTS/lines" >>"$1/programs.jsonl" || return
    done
}

measure_cross_test() {
    python3 "$ROOT/scripts/bench_table.py" seconds \
        bash "$ROOT/scripts/cross_test.sh" --no-build >"$1/cross_test.txt"
}

# WHAT COMMAND...: runs a measurement, its output kept; where it fails, so does all.
run() {
    local what=$1 log="$RESULTS/measure.log"
    shift
    "$@" </dev/null >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "$what failed"
    }
}

# ROUND GROUP LONG
measure_group() {
    local language
    for language in $LANGUAGES; do
        # Without a peer of its own a language has fewer benchmarks in a group.
        run "$language: $2" measure_"$language" "$@"
    done
}

measure_round() {
    local group round=$1
    mkdir -p "$round"
    for group in $LONG_GROUPS; do
        measure_group "$round" "$group" yes
    done
    run "openssl speed" measure_openssl "$round"
    for group in $SHORT_GROUPS; do
        measure_group "$round" "$group" no
    done
    run "the programs" measure_programs "$round"
    run "cross_test.sh" measure_cross_test "$round"
}

describe_machine() {
    local processor
    processor=$(sed -n '/^model name/{s/.*: //p;q;}' /proc/cpuinfo 2>/dev/null)
    echo "processor: ${processor:-$(sysctl -n machdep.cpu.brand_string 2>/dev/null)}, $JOBS cores"
    echo "kernel: $(uname -sr)"
    rustc --version
    go version
    "${CXX:-c++}" --version | head -n 1
    openssl version
    [ "$DKV20_BENCH_SCALE" = 1 ] ||
        echo "a trial with 1 of $DKV20_BENCH_SCALE parts of the work: no verdict counts"
}

main() {
    local write="" number=1
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --quick) ROUNDS=1 DKV20_BENCH_SCALE=1000 ;;
            --write) write=--write ;;
            --rounds)
                ROUNDS=${2:-}
                shift
                ;;
            *)
                usage >&2
                return 2
                ;;
        esac
        shift
    done
    case $ROUNDS in
        "" | *[!0-9]* | 0)
            printf 'bench: --rounds takes a number from 1\n' >&2
            return 2
            ;;
    esac
    demand_tools
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    build
    describe_machine >"$RESULTS/machine.txt"
    python3 "$ROOT/scripts/bench_table.py" lines --scale "$DKV20_BENCH_SCALE" >"$RESULTS/lines" ||
        fail "no lines for serve"
    while [ "$number" -le "$ROUNDS" ]; do
        printf 'bench: round %d of %d\n' "$number" "$ROUNDS" >&2
        measure_round "$RESULTS/round-$number"
        number=$((number + 1))
    done
    # shellcheck disable=SC2086 # an option or nothing
    python3 "$ROOT/scripts/bench_table.py" table --results "$RESULTS" \
        --plot "$RESULTS/growth.svg" $write
}

main "$@"
