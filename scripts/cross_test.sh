#!/usr/bin/env bash
# Usage: scripts/cross_test.sh [--no-build] [--ports DIR]
#
# Builds the Rust, the Go and the C++ program, runs each, and compares what they print: the hashes of
# scenarios A and B, which must be the pinned ones (section 9 of the definition), and the digests of
# chaos runs on clusters of 1 to 7 and of 64 replicas (section 10), which must agree.
#
#   --no-build   take the programs as they are
#   --ports DIR  take the programs DIR/rust, DIR/go and DIR/cpp, as they are
#
# A program may take DKV20_LIMIT seconds (60 by default) for its scenarios, and as many for chaos.
# Exit status: 0 the three agree, 1 one differs, fails or hangs, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

PINNED_A='e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a'
PINNED_B='04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681'
LIMIT=${DKV20_LIMIT:-60}

# Prints the chaos runs as commands for `serve`. A step costs more with 64 replicas.
chaos() {
    local replicas seed
    for replicas in 1 2 3 4 5 6 7 64; do
        for seed in 1 2 3 20; do
            printf 'new %d\nchaos %d %d\n' "$replicas" "$seed" $((replicas == 64 ? 2000 : 20000))
        done
    done
}

# PROGRAM SUBCOMMAND INPUT OUTPUT: runs it, for LIMIT seconds at most (macOS has no `timeout`) and with
# 16 MiB of output. A program that ends badly has failed, whatever it printed.
run() {
    local end=$((SECONDS + LIMIT)) status why=""
    (ulimit -c 0 -f 16384 && exec "$ports/$1" "$2") <"$3" >"$4" 2>"$work/stderr" &
    running=$!
    while kill -0 "$running" 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || { why="hangs: stopped after $LIMIT s" && kill -9 "$running"; }
        sleep 0.02
    done
    wait "$running" 2>/dev/null
    status=$? running=""
    [ "$status" = 0 ] || failed "$1, $2: ${why:-exited with status $status}" <"$work/stderr"
}

# HEADLINE: reports a failure, with the end of standard input below it.
failed() {
    echo "FAILED: $1"
    tail -n 6 | tr -cd '[:print:]\n' | cut -c 1-120 | sed 's/^/    /'
    failures=$((failures + 1))
}

# PROGRAM EXPECTED ACTUAL: compares two files; shows the first three lines that differ.
compare() {
    cmp -s "$2" "$3" && return
    failed "$1 differs" < <(paste -d '\n' "$2" "$3" | awk '
        NR % 2 { expected = $0; next }
        $0 != expected && ++count <= 3 { print "expected " expected; print "actual   " $0 }')
    return 1
}

main() {
    local build=yes program base=rust
    ports="$ROOT/target/ports" running="" failures=0
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --no-build) build=no ;;
            --ports)
                [ -d "${2:-}" ] || bad_usage "--ports needs a folder"
                build=no ports=$2
                shift
                ;;
            *) bad_usage "no such option: $1" ;;
        esac
        shift
    done
    [ "$build" = no ] || bash "$ROOT/scripts/build.sh" || return
    for program in rust go cpp; do
        [ -x "$ports/$program" ] || fail "no program at $ports/$program"
    done

    work=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-cross-test.XXXXXX") || return
    trap '[ -z "$running" ] || kill -9 "$running" 2>/dev/null; rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    export LC_ALL=C # a wrong program need not print text
    chaos >"$work/chaos"
    chaos | paste -d ' ' - - >"$work/names"
    printf 'scenario %s\n' "A $PINNED_A" "B $PINNED_B" >"$work/pinned"

    for program in rust go cpp; do
        run "$program" scenario /dev/null "$work/out"
        sed 's/^/scenario /' "$work/out" >"$work/scenarios"
        ! compare "$program" "$work/pinned" "$work/scenarios" ||
            sed "s/^/$(printf '%-5s' "$program")/; s/\$/  as pinned/" "$work/scenarios"
    done
    for program in rust go cpp; do
        run "$program" serve "$work/chaos" "$work/out"
        paste -d ' ' - - <"$work/out" | paste -d ' ' "$work/names" - >"$work/$program"
    done
    # Two of three are right.
    ! cmp -s "$work/go" "$work/cpp" || base=go
    for program in rust go cpp; do
        compare "$program" "$work/$base" "$work/$program"
    done
    [ "$(grep -cE ' ok ok digest=[0-9a-f]{64}$' "$work/$base")" = 32 ] ||
        failed "$base, chaos: an answer is not \"ok\" or \"ok digest=HASH\"" <"$work/$base"
    [ "$failures" = 0 ] || fail "failures: $failures"
    echo "32 chaos runs on 1 to 7 and on 64 replicas, 568,000 steps: rust, go and cpp agree"
    echo "cross_test: all agree"
}

main "$@"
