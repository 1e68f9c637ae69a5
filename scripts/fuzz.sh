#!/usr/bin/env bash
# Coverage-guided fuzzing in all three languages. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
    cat <<'END'
Usage: scripts/fuzz.sh [--seconds N] [rust|go|cpp|LANGUAGE-TARGET]...

Fuzzes three targets in each language, all or those that are named: load_state, a
session's bytes, and a sequence of events on a cluster. Rust with cargo-fuzz and C++
with libFuzzer, both with sanitizers; Go with its own fuzzer. The seeds are those of
tests/; what is found to be new is kept below target/fuzz/corpus, so that the next
run goes on from there. Ends with a table.

  --seconds N  how long each target is fuzzed (default: 60)

A crash is minimised and kept in target/fuzz/findings; one of a session's input, or
of a sequence of events, as a trace too, with the reference's answers.

cargo-fuzz is installed below target/fuzz where it is missing.

Exit status: 0 no crash, 1 a crash, or a target cannot be built, 2 usage, 3 a tool is
missing.
END
}

FUZZ="$ROOT/target/fuzz"
FINDINGS="$FUZZ/findings"
TARGETS="load_state session events"
SECONDS_EACH=60
# Longer inputs take longer and show nothing more.
INPUT_SIZE_MAX=8192
# Seconds for one input, mebibytes for a process, seconds to make a crash's input smaller.
INPUT_SECONDS_MAX=25
MEMORY_MIB_MAX=2048
MINIMISE_SECONDS=20

say() { printf 'fuzz: %s\n' "$*" >&2; }

# --- Tools and builds -------------------------------------------------------------

cargo_fuzz() { PATH="$FUZZ/tools/bin:$PATH" RUSTC_BOOTSTRAP=1 cargo fuzz "$@"; }

# Its sanitizers and its coverage are options that a stable compiler has behind
# RUSTC_BOOTSTRAP alone.
build_rust() {
    if ! cargo_fuzz --version >/dev/null 2>&1; then
        CARGO_TARGET_DIR="$FUZZ/tools/build" cargo install --quiet --locked \
            --root "$FUZZ/tools" cargo-fuzz || return 3
    fi
    cd "$ROOT" && cargo_fuzz build --fuzz-dir tests/fuzz --target-dir "$FUZZ/rust"
}

# Compiled once, so that corpus and findings stand where this script wants them.
build_go() { cd "$ROOT/go" && go test -c -fuzz=. -o "$FUZZ/go.test" .; }

build_cpp() {
    if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }' |
        clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o "$FUZZ/probe"; then
        echo "clang++ with its fuzzer and sanitizers is missing: clang and libclang-rt-14-dev on Debian"
        return 3
    fi
    rm -f "$FUZZ/probe"
    cmake -S "$ROOT/cpp" -B "$FUZZ/cpp" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
        -DDKV20_BUILD_PROGRAM=OFF -DDKV20_BUILD_TESTS=OFF -DDKV20_BUILD_BENCHMARKS=OFF \
        -DDKV20_INSTALL=OFF -DDKV20_BUILD_FUZZERS=ON &&
        cmake --build "$FUZZ/cpp" --parallel "$JOBS"
}

# LANGUAGE: builds its targets; the script's end where a tool is missing.
build() {
    local log="$FUZZ/build-$1.log" status
    (build_"$1") </dev/null >"$log" 2>&1
    status=$?
    [ "$status" != 0 ] || return 0
    say "$1 cannot be built:"
    tail -n 20 "$log" >&2
    exit $((status == 3 ? 3 : 1))
}

# LANGUAGE TARGET -> the program of a libFuzzer target.
fuzzer() {
    case $1 in
        rust) echo "$FUZZ/rust/$(rustc -vV | sed -n 's/^host: //p')/release/$2" ;;
        cpp) echo "$FUZZ/cpp/fuzz/fuzz_$2" ;;
    esac
}

# --- Seeds ------------------------------------------------------------------------

# Hex digits on standard input -> the bytes.
bytes_of_hex() {
    # shellcheck disable=SC2059 # the digits are the format
    printf "$(tr -d '[:space:]' | sed 's/../\\x&/g')"
}

# The snapshots, and those that the traces load.
seed_load_state() {
    local file name number=0 digits
    for file in "$ROOT"/tests/snapshots/*.hex; do
        name=$(basename "$file" .hex)
        bytes_of_hex <"$file" >"$SEEDS/load_state/$name"
    done
    sed -n 's/^> load 0x\([0-9a-f]*\)$/\1/p' "$ROOT"/tests/traces/load-*.trace | sort -u |
        while read -r digits; do
            number=$((number + 1))
            [ ${#digits} -gt $((INPUT_SIZE_MAX * 2)) ] ||
                printf '%s' "$digits" | bytes_of_hex >"$SEEDS/load_state/trace-$number"
        done
}

# The traces' commands.
seed_session() {
    local file seed
    for file in "$ROOT"/tests/traces/*.trace; do
        seed="$SEEDS/session/$(basename "$file" .trace)"
        LC_ALL=C sed -n 's/^> //p' "$file" >"$seed"
        [ "$(wc -c <"$seed")" -le "$INPUT_SIZE_MAX" ] || rm "$seed"
    done
}

# Any bytes spell events.
seed_events() { cp "$SEEDS"/load_state/* "$SEEDS"/session/* "$SEEDS/events"; }

make_seeds() {
    local target
    SEEDS="$FUZZ/seeds"
    rm -rf "$SEEDS"
    for target in $TARGETS; do
        mkdir -p "$SEEDS/$target"
        seed_"$target"
    done
}

# FILE: the input as a file of Go's fuzzer.
go_input() {
    printf 'go test fuzz v1\n[]byte("%s")\n' \
        "$(od -An -v -tx1 "$1" | tr -d ' \n' | sed 's/../\\x&/g')"
}

# FILE: the bytes in a file of Go's fuzzer.
bytes_of_go_input() {
    printf '%b' "$(LC_ALL=C sed -n 's/^\[\]byte("\(.*\)")$/\1/p' "$1")"
}

# --- Findings ---------------------------------------------------------------------

# FILE: what a session was sent -> a trace without answers. A trace has neither lines that
# get no answer nor `hello`.
commands_of_session() {
    LC_ALL=C sed -e '/^ *$/d; /^ *#/d; /^ *hello *$/d; s/^/> /' "$1"
    [ -z "$(tail -c 1 "$1")" ] || echo
}

# NAME FILE: the trace FILE in the findings, with the reference's answers.
record_trace() {
    local trace="$FINDINGS/$1.trace"
    cp "$2" "$trace"
    [ -s "$trace" ] || return
    "$ROOT/target/ports/rust" record "$trace" >/dev/null 2>&1 ||
        say "$trace has no answers: \`dkv20 record\` refuses it, or needs scripts/build.sh"
}

# LANGUAGE TARGET: the crashes of a libFuzzer target, made small, as findings.
keep_crashes() {
    local language=$1 target=$2 crash name small
    for crash in "$WORK"/crash-* "$WORK"/oom-* "$WORK"/timeout-* "$WORK"/leak-*; do
        [ -f "$crash" ] || continue
        name="$language-$target-$(basename "$crash")"
        small="$FINDINGS/$name"
        cp "$crash" "$small"
        "$(fuzzer "$language" "$target")" -minimize_crash=1 -max_total_time="$MINIMISE_SECONDS" \
            -timeout="$INPUT_SECONDS_MAX" -exact_artifact_path="$WORK/small" "$crash" \
            >"$WORK/minimise.log" 2>&1
        [ ! -s "$WORK/small" ] || mv "$WORK/small" "$small"
        case $target in
            session) commands_of_session "$small" >"$WORK/trace" ;;
            events)
                DKV20_FUZZ_COMMANDS=1 "$(fuzzer "$language" "$target")" "$small" 2>&1 |
                    LC_ALL=C sed -n '/^> /p' >"$WORK/trace"
                ;;
            *) continue ;;
        esac
        record_trace "$name" "$WORK/trace"
    done
}

# TARGET: what Go's fuzzer has found, which it has made small itself.
keep_go_crashes() {
    local crash name
    for crash in "$WORK"/testdata/fuzz/*/*; do
        [ -f "$crash" ] || continue
        name="go-$1-$(basename "$crash")"
        cp "$crash" "$FINDINGS/$name"
        [ "$1" = session ] || continue
        bytes_of_go_input "$crash" >"$WORK/session"
        commands_of_session "$WORK/session" >"$WORK/trace"
        record_trace "$name" "$WORK/trace"
    done
}

# --- Runs -------------------------------------------------------------------------

table_row() { printf '%-17s %12s %-22s %6s %7s %7s\n' "$@"; }

# LANGUAGE TARGET: fuzzes a libFuzzer target.
run_libfuzzer() {
    local corpus="$FUZZ/corpus/$1-$2" log="$FUZZ/$1-$2.log"
    mkdir -p "$corpus"
    ASAN_OPTIONS=detect_odr_violation=0 "$(fuzzer "$1" "$2")" "$corpus" "$SEEDS/$2" \
        -max_total_time="$SECONDS_EACH" -max_len="$INPUT_SIZE_MAX" \
        -timeout="$INPUT_SECONDS_MAX" -rss_limit_mb="$MEMORY_MIB_MAX" \
        -print_final_stats=1 -artifact_prefix="$WORK/" </dev/null >"$log" 2>&1
    status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    new_inputs=$(sed -n 's/^stat::new_units_added: *//p' "$log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 ft/p' "$log" | tail -n 1)
    keep_crashes "$1" "$2"
}

go_target() {
    case $1 in
        load_state) echo FuzzLoadState ;;
        session) echo FuzzSession ;;
        events) echo FuzzEvents ;;
    esac
}

# TARGET TIME: Go's fuzzer, for that time, in $WORK, where it leaves what fails. That has a
# copy of the sources, of which the tests build the program.
go_fuzzer() {
    (cd "$WORK" && GODEBUG=fuzzdebug=1 "$FUZZ/go.test" -test.run='^$' \
        -test.fuzz="^$(go_target "$1")\$" -test.fuzztime="$2" \
        -test.parallel="$JOBS" -test.fuzzcachedir="$FUZZ/corpus/go") </dev/null 2>&1
}

# TARGET: fuzzes a target of Go's.
run_go() {
    local corpus log="$FUZZ/go-$1.log" seed
    corpus="$FUZZ/corpus/go/$(go_target "$1")"
    mkdir -p "$corpus"
    cp -R "$ROOT/go/." "$WORK"
    for seed in "$SEEDS/$1"/*; do
        go_input "$seed" >"$corpus/seed-$(basename "$seed")"
    done
    go_fuzzer "$1" "${SECONDS_EACH}s" >"$log"
    status=$?
    executions=$(sed -n 's/^fuzz: elapsed: .* execs: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    new_inputs=$(sed -n 's/^fuzz: elapsed: .* new interesting: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    coverage=$(sed -n -E 's/.* (total|initial coverage) bits: ([0-9]+).*/\2 bits/p' "$log" | tail -n 1)
    keep_go_crashes "$1"
}

# LANGUAGE TARGET: fuzzes it and prints its line of the table. Status 1 where it crashes.
fuzz() {
    local executions="" new_inputs="" coverage="" status=0 start=$SECONDS crashes seconds
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-fuzz.XXXXXX") || exit 1
    rm -f "$FINDINGS/$1-$2"-*
    if [ "$1" = go ]; then run_go "$2"; else run_libfuzzer "$1" "$2"; fi
    seconds=$((SECONDS - start))
    crashes=$(find "$FINDINGS" -name "$1-$2-*" ! -name '*.trace' | wc -l | tr -d ' ')
    # One that ends badly and leaves no input has failed all the same.
    [ "$status" = 0 ] || [ "$crashes" != 0 ] || crashes="status $status"
    table_row "$1 $2" "${executions:--}" "${coverage:--}" "${new_inputs:--}" "$seconds" "$crashes"
    rm -rf "$WORK"
    [ "$crashes" = 0 ] && return
    tail -n 15 "$FUZZ/$1-$2.log" | cut -c 1-160 | sed 's/^/    /'
    return 1
}

bad_usage() {
    say "$1"
    usage >&2
    exit 2
}

# NAME -> the targets that it means, LANGUAGE-TARGET each.
selection() {
    local target
    case $1 in
        rust | go | cpp) for target in $TARGETS; do echo "$1-$target"; done ;;
        *)
            for target in $TARGETS; do
                case $1 in "rust-$target" | "go-$target" | "cpp-$target") echo "$1" ;; esac
            done
            ;;
    esac
}

main() {
    local chosen="" meant name language failed=0
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --seconds)
                case ${2:-} in '' | *[!0-9]*) bad_usage "--seconds needs a number" ;; esac
                SECONDS_EACH=$2
                shift
                ;;
            *)
                meant=$(selection "$1")
                [ -n "$meant" ] || bad_usage "no such language or target: $1"
                chosen="$chosen $meant"
                ;;
        esac
        shift
    done
    [ -n "$chosen" ] || chosen="$(selection rust) $(selection go) $(selection cpp)"
    mkdir -p "$FINDINGS" "$FUZZ/corpus"
    for language in rust go cpp; do
        case " $chosen" in *[[:space:]]"$language"-*) build "$language" ;; esac
    done
    make_seeds
    table_row target executions "coverage reached" new seconds crashes
    for name in $chosen; do
        fuzz "${name%%-*}" "${name#*-}" || failed=1
    done
    if [ "$failed" = 0 ]; then
        printf '\nfuzz: no crash\n'
    else
        printf '\nfuzz: FAILED: see target/fuzz/findings\n'
    fi
    return "$failed"
}

main "$@"
