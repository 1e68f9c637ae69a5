#!/usr/bin/env bash
# Usage: scripts/coverage.sh [rust|go|cpp]...
#
# Prints how much of each library its own suite reaches, for all languages or those that are named:
# lines in Rust, statements in Go, lines and branches in C++. The lines that are not reached are in
# target/coverage. Exit status: 0 measured, 1 a suite failed, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

OUT="$ROOT/target/coverage"

# The LLVM tools are rustup's, or Debian's of the compiler's version.
cover_rust() {
    local llvm
    llvm=/usr/lib/llvm-$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')/bin
    [ ! -x "$llvm/llvm-cov" ] || export LLVM_COV="$llvm/llvm-cov" LLVM_PROFDATA="$llvm/llvm-profdata"
    cd "$ROOT" && cargo llvm-cov --locked --no-default-features --show-missing-lines \
        --lib --test dkv20 --test properties --test traces
}

cover_go() {
    cd "$ROOT/go" && go test -count=1 -coverprofile="$OUT/go.profile" . &&
        go tool cover -func="$OUT/go.profile" && awk '/ 0$/' "$OUT/go.profile"
}

# Nothing throws: branches that only an exception takes are left out.
cover_cpp() {
    cd "$ROOT/cpp" && cmake --preset coverage && cmake --build --preset coverage --parallel "$JOBS" || return
    find "$ROOT/target/cpp/coverage" -name '*.gcda' -delete
    ctest --preset coverage --parallel "$JOBS" &&
        gcovr --root "$ROOT" --filter "$ROOT/cpp/(src|include)/" --exclude "$ROOT/cpp/src/main.cc" \
            --exclude-throw-branches --exclude-unreachable-branches --print-summary \
            --html-details "$OUT/cpp.html" "$ROOT/target/cpp/coverage"
}

main() {
    local language failed=0
    case ${1:-} in -h | --help) usage && return ;; esac
    [ $# -gt 0 ] || set -- rust go cpp
    for language in "$@"; do
        case $language in rust | go | cpp) ;; *) bad_usage "no such language: $language" ;; esac
    done
    setup coverage
    mkdir -p "$OUT"
    for language in "$@"; do
        logged "$OUT/$language.log" "cover_$language" || failed=1
        echo "coverage: $language (target/coverage/$language.log)"
        grep -E '^(Filename|TOTAL|[a-z0-9_]+\.rs|Uncovered|/.*\.rs:|total:|lines:|branches:)' "$OUT/$language.log"
    done
    return "$failed"
}

main "$@"
