#!/usr/bin/env bash
# Usage: scripts/fuzz.sh [--seconds N] [rust|go|cpp|LANGUAGE-TARGET]...
#
# Fuzzes three targets in each language, guided by coverage: load_state, session (the bytes of one) and
# events (on a cluster). Rust by cargo-fuzz and C++ by libFuzzer, with sanitizers; Go by its own
# fuzzer. New inputs are kept for the next run, in target/fuzz/corpus and in Go's cache.
#
#   --seconds N  how long each target is fuzzed (default: 60)
#
# A crashing input is minimized and kept: in target/fuzz/findings, for Go in go/testdata/fuzz. The
# finding of a session is its commands, for `dkv20 shrink`.
# Exit status: 0 no crash, 1 a crash, or a target does not build, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

FUZZ="$ROOT/target/fuzz"
# Bytes, seconds and mebibytes for one input. Longer inputs take longer and show nothing more.
LIMITS="-max_len=8192 -timeout=25 -rss_limit_mb=2048"

# cargo-fuzz uses options of the compiler that a stable one has behind RUSTC_BOOTSTRAP.
build_rust() {
    cd "$ROOT" && RUSTC_BOOTSTRAP=1 cargo fuzz build --fuzz-dir tests/fuzz --target-dir "$FUZZ/rust"
}

build_cpp() {
    cd "$ROOT/cpp" && cmake --preset fuzz && cmake --build --preset fuzz --parallel "$JOBS"
}

build_go() { cd "$ROOT/go" && go vet .; }

# The seeds are the snapshots and the commands of the traces. Any bytes are events. Go's are in its tests.
make_seeds() {
    local file
    rm -rf "$FUZZ/seeds"
    mkdir -p "$FUZZ/seeds/load_state" "$FUZZ/seeds/session" "$FUZZ/seeds/events"
    for file in "$ROOT"/tests/snapshots/*.hex; do
        # shellcheck disable=SC2059 # the digits are the format
        printf "$(tr -d '[:space:]' <"$file" | sed 's/../\\x&/g')" >"$FUZZ/seeds/load_state/${file##*/}"
    done
    for file in "$ROOT"/tests/traces/*.trace; do
        LC_ALL=C sed -n 's/^> //p' "$file" >"$FUZZ/seeds/session/${file##*/}"
    done
    cp "$FUZZ"/seeds/load_state/* "$FUZZ"/seeds/session/* "$FUZZ/seeds/events"
}

# TARGET PROGRAM: fuzzes with libFuzzer and makes small what crashes.
fuzz_with_libfuzzer() {
    local target=$1 program=$2 crash status
    mkdir -p "$FUZZ/corpus/$target" "$FUZZ/findings"
    # shellcheck disable=SC2086 # a list of options
    "$program" "$FUZZ/corpus/$target" "$FUZZ/seeds/${target#*-}" $LIMITS -print_final_stats=1 \
        -max_total_time="$seconds" -artifact_prefix="$FUZZ/findings/$target-"
    status=$?
    for crash in "$FUZZ/findings/$target"-crash-*; do
        [ ! -f "$crash" ] || [ -f "$crash.small" ] || "$program" -minimize_crash=1 -max_total_time=20 \
            -exact_artifact_path="$crash.small" "$crash"
    done
    return "$status"
}

# NAME: fuzzes with Go's fuzzer. On a busy machine it can fail at the end of its time with no other
# message than this, which is no finding (https://go.dev/issue/75804, mended in Go 1.27).
fuzz_with_go() {
    local output status
    output=$(cd "$ROOT/go" && go test -run '^$' -fuzz "^$1\$" -fuzztime "${seconds}s" . 2>&1)
    status=$?
    printf '%s\n' "$output"
    [ "$status" = 0 ] || [[ $output == *$'s)\n    context deadline exceeded\nFAIL'* ]]
}

# TARGET, as LANGUAGE-NAME.
fuzz() {
    local name=${1#*-}
    case $1 in
        rust-*) fuzz_with_libfuzzer "$1" "$FUZZ/rust/$(rustc -vV | sed -n 's/^host: //p')/release/$name" ;;
        cpp-*) fuzz_with_libfuzzer "$1" "$ROOT/target/cpp/fuzz/fuzz/fuzz_$name" ;;
        go-*)
            name=$(echo "$name" | awk -F _ '{ for (i = 1; i <= NF; i++) printf "%s", toupper(substr($i, 1, 1)) substr($i, 2) }')
            fuzz_with_go "Fuzz$name"
            ;;
    esac
}

main() {
    local seconds=60 chosen="" language target all meant log failed=0
    all=$(printf '%s\n' {rust,go,cpp}-{load_state,session,events})
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --seconds)
                case ${2:-} in '' | *[!0-9]*) bad_usage "--seconds needs a number" ;; esac
                seconds=$2 && shift
                ;;
            *)
                meant=$(echo "$all" | awk -v name="$1" '$1 == name || index($1, name "-") == 1')
                [ -n "$meant" ] || bad_usage "no such language or target: $1"
                chosen="$chosen $meant"
                ;;
        esac
        shift
    done
    setup full
    make_seeds
    chosen=${chosen:-$all}
    for language in rust go cpp; do
        case $chosen in *"$language-"*)
            logged "$ROOT/target/log/fuzz-$language.log" "build_$language" || fail "$language does not build"
            ;;
        esac
    done
    for target in $chosen; do
        log="$ROOT/target/log/fuzz-$target.log"
        logged "$log" fuzz "$target" || failed=1
        printf '%-16s %s\n' "$target" "$(grep -aE '^#[0-9]+.* cov: |^fuzz: elapsed' "$log" | tail -n 1)"
    done
    [ "$failed" = 0 ] || fail "FAILED: see target/fuzz/findings and go/testdata/fuzz"
    echo "fuzz: no crash"
}

main "$@"
