#!/usr/bin/env bash
# Runs all suites and lints. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.7.0
LOGS="$ROOT/target/verify"

usage() {
    cat <<'END'
Usage: scripts/verify.sh [--list] [STEP|GROUP...]

Runs the checks and the test suites of all three languages and of the scripts,
all of them or those that are named (go-test, or go for all of Go's), goes on
after one that fails, and ends with a table. Each step's output is kept in
target/verify/STEP.log. Exit status: 0 all passed, 1 one has failed, 2 usage.

  --list  print the steps
END
}

# STEP, what setup.sh must bring for it (a comma between), what it is.
steps() {
    cat <<'END'
scripts-lint       lint        shellcheck and shfmt over the scripts
scripts-test       rust        cross_test.sh finds what it should in stand-ins
rust-format        rust,lint   cargo fmt
rust-clippy        rust,lint   clippy, warnings are errors, with and without features
rust-test          exam        the suite and the examples in the documentation
rust-doc           rust        cargo doc, warnings are errors
rust-library       rust        the library without its default features
go-format          go          gofmt
go-vet             go          go vet
go-staticcheck     go          staticcheck
go-test            test        the suite with the race detector
cpp-format         lint        clang-format
cpp-tidy           test,lint   clang-tidy
cpp-debug          test        the suite in Debug
cpp-release        test        the suite in Release
cpp-unsigned-char  test        the suite with -funsigned-char
cpp-sanitize       test        the suite with address and undefined-behaviour sanitizers
cpp-clang          test        the suite built by clang
exam-ports         exam,build  the Go, the C++ and the Python port sit the exam
exam-wrong-ports   exam        the exam fails every wrong port, and passes odd ones that are right
hostile            build       what a program is sent that means it no good, at size
faults             test,faults a handful of bugs planted in Go and C++: the suites find them
fuzz               fuzz        every fuzz target, for some seconds
platforms          build       one hash on big-endian, 32-bit and other builds, the short form
explore            rust        every small state of the reference, held against the rules
END
}

# --- The steps: each in a shell of its own that ends at the first failure ----------

shell_scripts() { find scripts tests/scripts .ci -type f \( -name '*.sh' -o -path .ci/run \); }

step_scripts_lint() {
    shell_scripts | xargs shellcheck -x
    shell_scripts | xargs shfmt -d
}

step_scripts_test() { bash tests/scripts/test_cross_test.sh; }

# The benchmarks and the fuzz targets are packages of their own.
step_rust_format() {
    local package
    for package in . tests/bench tests/fuzz; do
        cargo fmt --check --manifest-path "$package/Cargo.toml"
    done
}

step_rust_clippy() {
    cargo clippy --locked --all-targets --all-features -- -D warnings
    cargo clippy --locked --lib --no-default-features -- -D warnings
}

step_rust_test() { cargo test --locked --all-features --no-fail-fast; }

step_rust_doc() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --all-features; }

step_rust_library() { cargo build --locked --lib --no-default-features; }

step_go_format() {
    local unformatted
    unformatted=$(gofmt -l go)
    [ -z "$unformatted" ] || gofmt -d go
    [ -z "$unformatted" ]
}

step_go_vet() { cd go && go vet ./...; }

step_go_staticcheck() { cd go && go run "$STATICCHECK" ./...; }

# The race detector needs cgo. -count=1: run, do not remember.
step_go_test() { cd go && CGO_ENABLED=1 go test -race -count=1 ./...; }

step_cpp_format() {
    find cpp -type f \( -name '*.cc' -o -name '*.h' \) -exec clang-format --dry-run -Werror {} +
}

# Over the library, as the Debug build compiles it. The program's main.cc is left out: CLI11's
# header takes clang-tidy longer than all the rest.
step_cpp_tidy() {
    local tree=target/cpp/debug
    (cd cpp && cmake --preset debug)
    find cpp/src -name '*.cc' ! -name main.cc | sort |
        xargs -n 1 -P "$JOBS" clang-tidy --quiet -p "$tree"
}

# TREE: builds and tests a tree that is configured.
build_and_test() {
    cmake --build "$1" --parallel "$JOBS"
    ctest --test-dir "$1" --output-on-failure --no-tests=error --parallel "$JOBS"
}

# PRESET
test_preset() {
    (cd cpp && cmake --preset "$1")
    build_and_test "target/cpp/$1"
}

step_cpp_debug() { test_preset debug; }
step_cpp_release() { test_preset release; }
step_cpp_unsigned_char() { test_preset unsigned-char; }
step_cpp_sanitize() { test_preset sanitize; }

step_cpp_clang() {
    cmake -S cpp -B target/cpp/clang -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
    build_and_test target/cpp/clang
}

step_exam_ports() {
    bash scripts/build.sh
    target/ports/rust exam --traces target/verify/findings \
        --junit target/verify/exam.xml --html target/verify/exam.html
    target/ports/rust exam --only states --states-depth 7 --traces target/verify/findings
    target/ports/rust exam --cases 100 --traces target/verify/findings \
        --timeout 30 --port python='python3 tests/ports/python/dkv20.py serve'
}

# Most of its time is spent waiting for interpreters to start.
step_exam_wrong_ports() {
    cargo test --release --locked --all-features --test wrong_ports -- --test-threads $((2 * JOBS))
}

step_hostile() { DKV20_PORTS=all cargo test --locked --all-features --test hostile; }

step_faults() { bash scripts/faults.sh --short; }

step_fuzz() { bash scripts/fuzz.sh --seconds 5; }

step_platforms() { bash scripts/platforms.sh --short; }

# One to five replicas, as deep as a few seconds allow.
step_explore() {
    local bound
    bash scripts/build.sh rust
    for bound in "1 60" "2 20" "3 9" "4 7" "5 6"; do
        target/ports/rust explore --replicas "${bound% *}" --depth "${bound#* }"
    done
}

# --- Running them -----------------------------------------------------------------

failed=0

# STEP: the function that it is.
function_of() { echo "step_$1" | tr '-' '_'; }

# STEP COMMAND...: runs the command as that step, and notes the result for the table.
run() {
    local step=$1 log="$LOGS/$1.log" start=$SECONDS status
    shift
    printf -- '--- %s\n' "$step"
    # Not in a condition: set -e would have no effect in it.
    (
        set -eo pipefail
        cd "$ROOT"
        "$@"
    ) </dev/null >"$log" 2>&1
    status=$?
    report "$step" "$log" "$status"
    printf '%-18s %-6s %5d s\n' "$step" "$(verdict "$status")" $((SECONDS - start)) >>"$LOGS/table"
}

verdict() { if [ "$1" = 0 ]; then echo ok; else echo FAILED; fi; }

# STEP LOG STATUS: the test runners' closing lines, or what a failure said.
report() {
    grep -E '^(test result: |conforms|explore: |faults: |fuzz: |platforms: |ok  |[0-9]+% tests passed|test_cross_test: )' "$2"
    [ "$3" != 0 ] || return 0
    failed=1
    printf '%s FAILED with status %d; the end of target/verify/%s.log:\n' "$1" "$3" "$1"
    tail -n 60 "$2" | sed 's/^/    /'
}

# SELECTION...: the lines of the steps that it names; all, where it is empty.
select_steps() {
    local name
    [ $# -gt 0 ] || set -- ""
    for name in "$@"; do
        steps | awk -v name="$name" '
            name == "" || $1 == name || index($1, name "-") == 1 { print; found = 1 }
            END { exit !found }
        ' || return
    done | awk '!seen[$1]++'
}

verify() {
    local selected step sets start=$SECONDS
    set -o pipefail
    if ! selected=$(select_steps "$@"); then
        printf 'verify: no such step among: %s (see --list)\n' "$*" >&2
        return 2
    fi
    sets=$(echo "$selected" | awk '{ print $2 }' | tr ',' '\n' | sort -u)
    mkdir -p "$LOGS"
    : >"$LOGS/table"
    # Where it fails the steps run even so: each names the tool that it misses.
    # shellcheck disable=SC2086 # a list of words
    run setup bash scripts/setup.sh $sets
    for step in $(echo "$selected" | awk '{ print $1 }'); do
        run "$step" "$(function_of "$step")"
    done
    printf '\n%-18s %-6s %7s\n' step verdict seconds
    cat "$LOGS/table"
    printf '\nverify: %s in %d s\n' "$(verdict "$failed")" $((SECONDS - start))
    return "$failed"
}

main() {
    case ${1:-} in
        -h | --help) usage ;;
        --list) steps | sed 's/^\([^ ]* *\)[^ ]* */\1/' ;;
        *) verify "$@" ;;
    esac
}

main "$@"
