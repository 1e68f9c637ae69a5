#!/usr/bin/env bash
# Holds the three programs against each other. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

# The hashes that the definition's scenarios have (section 9), as the other suites pin them.
PINNED_A='e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a'
PINNED_B='04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681'

# The chaos runs (section 10): each seed on each number of replicas. A step costs
# more where there are more replicas, so that 64 get fewer.
SEEDS="1 2 3 20"
SIZES="1 2 3 4 5 6 7 64"
STEPS=20000
STEPS_64=2000

usage() {
    cat <<'END'
Usage: scripts/cross_test.sh [--no-build] [--ports DIR] [--limit SECONDS]

Builds the Rust, the Go and the C++ program, runs scenarios A and B on each and
compares the hashes with the pinned ones; then runs chaos on clusters of 1 to 7
and of 64 replicas with several seeds and compares the digests with each other.

  --no-build       take the programs as they are
  --ports DIR      take the programs DIR/rust, DIR/go and DIR/cpp (no build either)
  --limit SECONDS  how long a program may take, at most, for its scenarios and
                   again for its chaos runs (default: 60)

Exit status: 0 everything agrees, 1 something differs, fails or hangs: 2 usage.
END
}

PROGRAMS=(rust go cpp)
PORTS="$ROOT/target/ports"
LIMIT=60
# A program that floods is stopped at this many kibibytes of output.
OUTPUT_KIB_MAX=16384

# --- Running the programs ---------------------------------------------------------

pids=(0 0 0)

start_work() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-cross-test.XXXXXX") || exit 1
    : >"$WORK/failures"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

clean_up() {
    for pid in "${pids[@]}"; do
        [ "$pid" = 0 ] || kill -9 "$pid" 2>/dev/null
    done
    rm -rf "$WORK"
}

# JOB ARGUMENT...: runs all programs at once with the input $WORK/JOB.in; the output
# is in $WORK/PROGRAM.JOB.out and .err, and how it ended, in words, in .fate: empty
# where it exited with status 0.
run_all() {
    local job=$1 i deadline=$((SECONDS + LIMIT))
    shift
    for i in 0 1 2; do
        start "$i" "$job" "$@"
    done
    for i in 0 1 2; do
        finish "$i" "$deadline" >"$WORK/${PROGRAMS[i]}.$job.fate"
        pids[i]=0
    done
}

start() {
    local i=$1 base="$WORK/${PROGRAMS[$1]}.$2" job=$2
    shift 2
    (
        ulimit -c 0
        ulimit -f "$OUTPUT_KIB_MAX"
        exec "$PORTS/${PROGRAMS[i]}" "$@"
    ) <"$WORK/$job.in" >"$base.out" 2>"$base.err" &
    pids[i]=$!
}

# INDEX DEADLINE: waits for a program until $SECONDS reaches the deadline (there is
# no `timeout` on macOS), and prints its fate.
finish() {
    local pid=${pids[$1]} status
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -gt "$2" ]; then
            kill -9 "$pid"
            wait "$pid" 2>/dev/null
            echo "hangs: stopped after $LIMIT s"
            return
        fi
        sleep 0.02
    done
    wait "$pid" 2>/dev/null
    status=$?
    if [ "$status" -gt 128 ]; then
        echo "died of signal $((status - 128)) (SIG$(kill -l $((status - 128))))"
    elif [ "$status" -gt 0 ]; then
        echo "exited with status $status"
    fi
}

# --- Findings ---------------------------------------------------------------------

# HEADLINE [LINE...]: what is wrong, for the end of the report.
finding() {
    printf '%s\n' "FAILED: $1" >>"$WORK/failures"
    shift
    [ $# = 0 ] || printf '    %s\n' "$@" >>"$WORK/failures"
}

named_hash() { printf '%-6s  %s' "$1" "$2"; }

# LABEL FILE: the end of what a program wrote, made fit for a terminal.
excerpt() {
    [ -s "$2" ] || return 0
    tail -c 1000 "$2" | tr -c '[:print:]\n' '?' | tail -n 4 | cut -c 1-120 |
        sed "s/^/    $1: /" >>"$WORK/failures"
}

# PROGRAM JOB: whether the program ended as it should; a finding where it did not.
ended_well() {
    local base="$WORK/$1.$2" fate
    fate=$(cat "$base.fate")
    [ -n "$fate" ] || return 0
    finding "$1, $2: $fate"
    excerpt "standard output" "$base.out"
    excerpt "standard error" "$base.err"
    return 1
}

# --- Scenarios --------------------------------------------------------------------

scenario_row() { printf '%-8s %-9s %-65s %s\n' "$@"; }

# PROGRAM NAME: the hash in the program's output, or nothing.
scenario_hash() { sed -n "s/^$2 \([0-9a-f]\{64\}\)\$/\1/p" "$WORK/$1.scenario.out" | head -n 1; }

pinned() { if [ "$1" = A ]; then echo "$PINNED_A"; else echo "$PINNED_B"; fi; }

# PROGRAM: whether its output is the two lines and nothing else.
scenarios_readable() {
    printf 'A %s\nB %s\n' "$(scenario_hash "$1" A)" "$(scenario_hash "$1" B)" |
        cmp -s - "$WORK/$1.scenario.out" && return
    finding "$1, scenario: its output is not the two lines \"A HASH\" and \"B HASH\""
    excerpt "standard output" "$WORK/$1.scenario.out"
    return 1
}

# PROGRAM NAME HASH: the verdict; a finding where the hash is not the pinned one.
judge_hash() {
    local pin
    pin=$(pinned "$2")
    if [ "$3" != "$pin" ]; then
        finding "$1, scenario $2: not the pinned hash" "$(named_hash "$1" "$3")" \
            "$(named_hash pinned "${pin:-nothing: PINNED_$2 in scripts/cross_test.sh is empty}")"
        echo "DIFFERS"
    else
        echo "as pinned"
    fi
}

check_scenarios() {
    local program name hash verdict
    scenario_row program scenario hash verdict
    for program in "${PROGRAMS[@]}"; do
        verdict=""
        ended_well "$program" scenario || verdict=$(cat "$WORK/$program.scenario.fate")
        [ -n "$verdict" ] || scenarios_readable "$program" || verdict="UNREADABLE"
        for name in A B; do
            hash=$(scenario_hash "$program" "$name")
            scenario_row "$program" "$name" "${hash:--}" \
                "${verdict:-$(judge_hash "$program" "$name" "$hash")}"
        done
    done
}

# --- Chaos ------------------------------------------------------------------------

# Prints the runs, a line each: replicas, seed, steps.
chaos_plan() {
    local size seed
    for size in $SIZES; do
        for seed in $SEEDS; do
            if [ "$size" = 64 ]; then
                echo "$size $seed $STEPS_64"
            else
                echo "$size $seed $STEPS"
            fi
        done
    done
}

# PROGRAM RUNS: its digests, a line for each run; - where there is none.
chaos_digests() {
    awk -v runs="$2" '
        NR % 2 { made = ($0 == "ok"); next }
        NR <= 2 * runs {
            good = made && length($0) == 74 && /^ok digest=[0-9a-f]*$/
            print good ? substr($0, 11) : "-"
        }
        END { for (i = int(NR / 2); i < runs; i++) print "-" }
    ' "$WORK/$1.chaos.out" >"$WORK/$1.digests"
}

# PROGRAM RUNS: a finding where it did not answer every command, once, readably.
check_answers() {
    local lines due=$(($2 * 2))
    ended_well "$1" chaos || return
    lines=$(wc -l <"$WORK/$1.chaos.out" | tr -d ' ')
    if [ "$lines" != "$due" ]; then
        finding "$1, chaos: $lines lines in answer to $due commands"
    elif grep -qx -e - "$WORK/$1.digests"; then
        finding "$1, chaos: an answer is neither \"ok\" nor \"ok digest=HASH\""
    else
        return
    fi
    excerpt "standard output" "$WORK/$1.chaos.out"
    excerpt "standard error" "$WORK/$1.chaos.err"
}

chaos_row() { printf '%-9s %-6s %-6s %-6s %-6s %-6s %s\n' "$@"; }

DIFFERENCES_MAX=3 # shown for each program; the rest is counted
agreeing=(0 0 0)
differing=(0 0 0)

# SIZE SEED STEPS DIGEST DIGEST DIGEST: counts who agrees with the first that answered.
compare_digests() {
    local size=$1 seed=$2 steps=$3 first=-1 i
    shift 3
    local digests=("$@")
    for i in 0 1 2; do
        [ "${digests[i]}" != - ] || continue
        [ "$first" != -1 ] || first=$i
        if [ "${digests[i]}" = "${digests[first]}" ]; then
            agreeing[i]=$((agreeing[i] + 1))
        else
            differing[i]=$((differing[i] + 1))
            [ "${differing[i]}" -gt "$DIFFERENCES_MAX" ] ||
                report_difference "$i" "$first" "new $size, chaos $seed $steps" "$@"
        fi
    done
}

# INDEX FIRST COMMANDS DIGEST...: a finding with both hashes.
report_difference() {
    local i=$1 first=$2 commands=$3
    shift 3
    local digests=("$@")
    finding "${PROGRAMS[i]}, $commands: not the digest of ${PROGRAMS[first]}" \
        "$(named_hash "${PROGRAMS[i]}" "${digests[i]}")" \
        "$(named_hash "${PROGRAMS[first]}" "${digests[first]}")"
    [ "$1" = - ] || [ "$2" != "$3" ] || [ "$i" != 2 ] ||
        printf '    go and cpp agree: it may be rust that is wrong\n' >>"$WORK/failures"
}

# The table: a row for each number of replicas, from the runs that are in $WORK/runs.
compare_runs() {
    local size seed steps rust go cpp seeds row="" digest=""
    # shellcheck disable=SC2086 # a list of words
    seeds=$(printf '%s\n' $SEEDS | wc -l | tr -d ' ')
    chaos_row replicas seeds steps "${PROGRAMS[@]}" "digest of seed ${SEEDS%% *}"
    while read -r size seed steps rust go cpp; do
        [ "$row" = "$size" ] || {
            row=$size digest=$rust
            agreeing=(0 0 0)
        }
        compare_digests "$size" "$seed" "$steps" "$rust" "$go" "$cpp"
        [ "$seed" != "${SEEDS##* }" ] ||
            chaos_row "$size" "$seeds" "$steps" "${agreeing[0]}/$seeds" \
                "${agreeing[1]}/$seeds" "${agreeing[2]}/$seeds" "$digest"
    done <"$WORK/runs"
}

check_chaos() {
    local runs program i
    runs=$(wc -l <"$WORK/plan" | tr -d ' ')
    for program in "${PROGRAMS[@]}"; do
        chaos_digests "$program" "$runs"
        check_answers "$program" "$runs"
    done
    paste -d ' ' "$WORK/plan" "$WORK/rust.digests" "$WORK/go.digests" "$WORK/cpp.digests" \
        >"$WORK/runs"
    compare_runs
    for i in 0 1 2; do
        [ "${differing[i]}" -le "$DIFFERENCES_MAX" ] ||
            finding "${PROGRAMS[i]}, chaos: ${differing[i]} digests differ in all"
    done
}

# --- All together -----------------------------------------------------------------

missing_programs() {
    local program missing=1
    for program in "${PROGRAMS[@]}"; do
        [ -x "$PORTS/$program" ] && continue
        printf 'cross_test: no program at %s\n' "$PORTS/$program" >&2
        missing=0
    done
    return "$missing"
}

conclude() {
    local findings
    findings=$(grep -c '^FAILED: ' "$WORK/failures")
    if [ "$findings" = 0 ]; then
        printf '\ncross_test: all agree: %d programs, 2 scenarios as pinned, %d chaos runs\n' \
            "${#PROGRAMS[@]}" "$(wc -l <"$WORK/plan")"
        return 0
    fi
    echo
    cat "$WORK/failures"
    printf '\ncross_test: FAILED, findings: %d\n' "$findings"
    return 1
}

run() {
    missing_programs && return 1
    start_work
    : >"$WORK/scenario.in"
    chaos_plan >"$WORK/plan"
    while read -r size seed steps; do
        printf 'new %s\nchaos %s %s\n' "$size" "$seed" "$steps"
    done <"$WORK/plan" >"$WORK/chaos.in"

    run_all scenario scenario
    check_scenarios
    echo
    run_all chaos serve
    check_chaos
    conclude
}

bad_usage() {
    printf 'cross_test: %s\n' "$1" >&2
    usage >&2
    exit 2
}

main() {
    local build=yes
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --no-build) build=no ;;
            --ports)
                [ -n "${2:-}" ] || bad_usage "--ports needs a folder"
                build=no PORTS=$2
                shift
                ;;
            --limit)
                case ${2:-} in '' | *[!0-9]*) bad_usage "--limit needs a number of seconds" ;; esac
                LIMIT=$2
                shift
                ;;
            *) bad_usage "no such option: $1" ;;
        esac
        shift
    done
    # Byte by byte: what a program prints need not be text.
    export LC_ALL=C
    if [ "$build" = yes ]; then
        bash "$ROOT/scripts/build.sh" || return
        echo
    fi
    run
}

main "$@"
