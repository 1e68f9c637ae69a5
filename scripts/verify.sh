#!/usr/bin/env bash
# Usage: scripts/verify.sh [--full|--rest] [--list] [STEP|GROUP...]
#
# Runs what a change has to pass before it is committed: every suite of every language once, the
# linters, the documentation, and a short exam of the three programs. Goes on after a step that fails,
# and ends with a table. The output of a step is kept in target/log/STEP.log.
#
#   --full  the other builds, wrong ports, planted bugs, described machines, a log in etcd, pages, the
#           site, fuzzing and other processors as well
#   --rest  only what --full adds
#   --list  print the steps instead
#
# STEP is a step of either kind; GROUP is the first part of its name, such as go. planted-bugs tries a
# few of them; `cargo test --test planted_bugs -- --include-ignored` tries all, for half an hour.
# Exit status: 0 all passed, 1 one failed, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

# STEP, * if it is for --full alone, the sets of setup.sh that it needs, what it is.
steps() {
    cat <<'END'
scripts-lint       - lint           shellcheck and shfmt
scripts-test       - rust           cross_test.sh finds each kind of wrong program
rust-format        - lint           cargo fmt
rust-clippy        - lint           clippy with the exam, and of the library alone
rust-test          - rust,test      the suites, and the examples in the documentation
rust-doc           - rust           cargo doc, without a warning
go-format          - go             gofmt
go-vet             - go             go vet
go-staticcheck     - lint           staticcheck
go-test            - go,cpp         the suite, with the race detector
cpp-format         - lint           clang-format
cpp-tidy           - lint           clang-tidy
cpp-debug          - test           the suite in Debug
exam-ports         - build          a short exam of the programs
cpp-release        * test           the suite in Release
cpp-unsigned-char  * test           the suite with a char that is unsigned
cpp-clang          * full           the suite built by clang
cpp-sanitize       * test           the suite with address and undefined-behaviour sanitizers
exam-full          * test           long exams of the programs and of the Python port
wrong-ports        * test           the exam fails every wrong port, and passes odd ones that are right
explore            * rust           every small state of the reference keeps the rules
hostile            * test           hostile input at size, to all three programs
planted-bugs       * test           the suites of Go and C++ find planted bugs
machines           * machines       described machines: the skeletons, and two real pairs, which conform
live               * live,build     a log in etcd, writers, followers and audits, with faults of the servers
pages              * pages          the page of `dkv20 view`: built as committed, and tested in Chromium
site               * site           the site of the documents builds, with its pages and no dead link
fuzz               * full           each fuzz target for five seconds
platforms          * platforms      big-endian, 32-bit and other builds agree
bench              * bench          the benchmarks run, at a thousandth of their size
END
}

# --- The steps: each in a shell that ends at the first failure ----------------------

step_scripts_lint() {
    # shellcheck disable=SC2046 # a list of files
    set -- $(find scripts tests/scripts tests/machines -name '*.sh') .ci/run
    shellcheck -x "$@"
    shfmt -d "$@"
}

step_scripts_test() { bash tests/scripts/test_cross_test.sh; }

# The benchmarks, the fuzz targets and the adapters are packages of their own.
step_rust_format() {
    cargo fmt --all --check
    cargo fmt --check --manifest-path tests/bench/Cargo.toml
    cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
    cargo fmt --check --manifest-path tests/machines/yjs-yrs/yrs/Cargo.toml
    cargo fmt --check --manifest-path tests/machines/recurrence/rrule-rust/Cargo.toml
}

step_rust_clippy() {
    cargo clippy --locked --workspace --exclude dkv20-live --all-targets --features exam -- -D warnings
    cargo clippy --locked --lib --no-default-features -- -D warnings
}

step_rust_test() { cargo test --locked --workspace --exclude dkv20-live --features exam --no-fail-fast; }

step_rust_doc() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --exclude dkv20-live --no-deps --features exam; }

step_go_format() {
    gofmt -d go >target/log/gofmt.diff
    cat target/log/gofmt.diff
    [ ! -s target/log/gofmt.diff ]
}

step_go_vet() { cd go && go vet ./...; }

step_go_staticcheck() { cd go && staticcheck ./...; }

# The race detector needs cgo.
step_go_test() { cd go && CGO_ENABLED=1 go test -race -count=1 ./...; }

step_cpp_format() {
    find cpp \( -name '*.cc' -o -name '*.h' \) -exec clang-format --dry-run -Werror {} +
}

# Without main.cc: CLI11's header takes clang-tidy longer than everything else.
step_cpp_tidy() {
    (cd cpp && cmake --preset debug)
    find cpp/src -name '*.cc' ! -name main.cc | sort |
        xargs -n 1 -P "$JOBS" clang-tidy-14 --quiet -p target/cpp/debug
}

# PRESET
cpp_suite() {
    cd cpp
    cmake --preset "$1"
    cmake --build --preset "$1" --parallel "$JOBS"
    ctest --preset "$1" --parallel "$JOBS"
}

step_cpp_debug() { cpp_suite debug; }
step_cpp_release() { cpp_suite release; }
step_cpp_unsigned_char() { cpp_suite unsigned-char; }
step_cpp_clang() { cpp_suite clang; }
step_cpp_sanitize() { cpp_suite sanitize; }

EXAM="target/dkv20 exam --traces target/findings"

step_exam_ports() {
    bash scripts/build.sh rust go cpp exam
    $EXAM --cases 200
}

step_exam_full() {
    bash scripts/build.sh rust go cpp exam
    $EXAM --junit target/log/exam.xml --html target/log/exam.html
    $EXAM --only states --states-depth 7
    $EXAM --cases 100 --timeout 30 --port python='python3 tests/ports/python/dkv20.py serve'
}

# Most of the time is spent waiting for interpreters to start.
step_wrong_ports() {
    cargo test --release --locked --features exam --test wrong_ports -- --test-threads $((2 * JOBS))
}

# From one to five replicas, as deep as a few seconds allow.
step_explore() {
    bash scripts/build.sh exam
    local bound
    for bound in "1 60" "2 20" "3 9" "4 7" "5 6"; do
        target/dkv20 explore --replicas "${bound% *}" --depth "${bound#* }"
    done
}

step_hostile() {
    bash scripts/build.sh go cpp
    DKV20_PORTS=all cargo test --locked --features exam --test hostile
}

step_planted_bugs() { cargo test --locked --features exam --test planted_bugs; }

step_machines() {
    bash scripts/build.sh exam
    cargo test --locked --features exam --test skeletons --test regressions -- --include-ignored
    local pair
    for pair in yjs-yrs recurrence; do
        bash "tests/machines/$pair/setup.sh"
        target/dkv20 machine check "tests/machines/$pair/$pair.toml" --cases 600
        target/dkv20 exam --machine "tests/machines/$pair/$pair.toml" --traces "target/log/$pair"
    done
}

# Everything that is built with etcd's client, which the steps above leave out.
step_live() {
    bash scripts/build.sh live
    cargo clippy --locked --package dkv20-live --all-targets -- -D warnings
    cargo clippy --locked --features live --bin dkv20 --test live --test docs --test command_line -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --package dkv20-live --no-deps
    cargo test --locked --package dkv20-live
    cargo test --locked --features live --bin dkv20 --test live
    cargo test --locked --features live --test docs --test command_line -- quotes commands manual_pages
    bash scripts/live.sh faults --seconds 20
}

step_pages() {
    bash scripts/build.sh exam
    bash scripts/pages.sh
}

step_site() { bash scripts/site.sh; }

step_fuzz() { bash scripts/fuzz.sh --seconds 5; }

step_platforms() { bash scripts/platforms.sh; }

step_bench() { bash scripts/bench.sh --quick; }

# --- Running them -------------------------------------------------------------------

# STEP: in a shell of its own, which must not be called in a condition: set -e has no effect there.
in_shell() (
    set -eo pipefail
    cd "$ROOT"
    "$@"
)

# STEP FUNCTION [ARGUMENT...]: runs it, prints the runners' closing lines, and adds a line to the table.
run() {
    local step=$1 log="$ROOT/target/log/$1.log" start=$SECONDS status verdict=ok
    shift
    printf -- '--- %s\n' "$step"
    logged "$log" in_shell "$@"
    status=$?
    grep -hE '^(test result: |conforms|explore: |fuzz: |live: |platforms: |ok  |[0-9]+% tests passed|test_cross_test: |ℹ (pass|fail) |site: target)' "$log"
    if [ "$status" != 0 ]; then
        verdict=FAILED failed=1
        say "$step failed with status $status: target/log/$step.log"
    fi
    table="$table$(printf '%-18s %-6s %5d s' "$step" "$verdict" $((SECONDS - start)))
"
}

# KIND NAME...: prints the steps of the kind, or those that are named.
select_steps() {
    local kind=$1 name
    shift
    [ $# -gt 0 ] || { steps | awk -v kind="$kind" 'index(kind, $2)' && return; }
    for name in "$@"; do
        steps | awk -v name="$name" '$1 == name || index($1, name "-") == 1 { print; found = 1 }
            END { exit !found }' || return
    done | awk '!seen[$0]++'
}

main() {
    # The end of a log is printed, where a backtrace would hide the message of a failed assertion.
    export RUST_BACKTRACE=0
    local kind=- list=no selected step
    failed=0 table=""
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --full) kind='-*' ;;
            --rest) kind='*' ;;
            --list) list=yes kind='-*' ;;
            -*) bad_usage "no such option: $1" ;;
            *) break ;;
        esac
        shift
    done
    set -o pipefail
    selected=$(select_steps "$kind" "$@") || bad_usage "no such step among: $* (see --list)"
    if [ "$list" = yes ]; then
        echo "$selected" | awk '{ full = $2; $2 = $3 = ""; sub(/ +/, " "); step = $1; $1 = ""; sub(/^ +/, "")
            printf "%-18s %s%s\n", step, $0, full == "*" ? " (--full)" : "" }'
        return
    fi
    trap 'exit 130' INT TERM
    # The steps run even if a tool is missing: each fails with the name of the tool that it needs.
    # shellcheck disable=SC2046 # a list of words
    run setup bash scripts/setup.sh $(echo "$selected" | awk '{ gsub(",", "\n", $3); print $3 }' | sort -u)
    for step in $(echo "$selected" | awk '{ print $1 }'); do
        run "$step" "step_$(echo "$step" | tr '-' '_')"
    done
    printf '\n%sverify: %s in %d s\n' "$table" "$([ "$failed" = 0 ] && echo ok || echo FAILED)" "$SECONDS"
    return "$failed"
}

main "$@"
