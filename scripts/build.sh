#!/usr/bin/env bash
# Usage: scripts/build.sh [rust|go|cpp|exam|live]...
#
# Builds the programs for release, rust, go and cpp by default, at target/ports/rust,
# target/ports/go and target/ports/cpp; exam is the Rust program with the exam, at target/dkv20.
# live is the same with the command `live`, at the same place, with the programs that
# `target/dkv20 live demo` starts: go, cpp, and etcd, which setup.sh installs.
# Builds what has changed, and prints a line for each program.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

build_rust() {
    cd "$ROOT" && cargo build --release --locked --bin dkv20 &&
        place target/release/dkv20 target/ports/rust
}

# FEATURE: the Rust program with it.
build_dkv20() {
    cd "$ROOT" && cargo build --release --locked --features "$1" --bin dkv20 &&
        place target/release/dkv20 target/dkv20
}

build_exam() { build_dkv20 exam; }
build_live() { build_dkv20 live; }

# -buildvcs=false: in a work tree that belongs to another user (a container's) the default is an error.
build_go() {
    cd "$ROOT/go" && go build -trimpath -buildvcs=false -o "$ROOT/target/ports/go" ./cmd/dkv20
}

build_cpp() {
    cd "$ROOT/cpp" && { [ -f "$ROOT/target/cpp/port/build.ninja" ] || cmake --preset port; } &&
        cmake --build --preset port --parallel "$JOBS" &&
        place "$ROOT/target/cpp/port/dkv20" "$ROOT/target/ports/cpp"
}

# FILE PLACE: copies FILE if it has changed. By renaming: a program that runs cannot be overwritten.
place() { cmp -s "$1" "$2" || { cp "$1" "$2.new" && mv -f "$2.new" "$2"; }; }

main() {
    local port failed=0 programs="" start
    case ${1:-} in -h | --help) usage && return ;; esac
    [ $# -gt 0 ] || set -- rust go cpp
    for port in "$@"; do
        case $port in
            rust | go | cpp | exam) programs="$programs $port" ;;
            live) programs="$programs go cpp live" ;;
            *) bad_usage "no such program: $port" ;;
        esac
    done
    # shellcheck disable=SC2086 # a list of words
    set -- $programs
    # shellcheck disable=SC2046 # a list of words
    setup $(printf '%s\n' "$@" | sed 's/exam/rust/')
    mkdir -p "$ROOT/target/ports"
    for port in "$@"; do
        start=$SECONDS
        if logged "$ROOT/target/log/build-$port.log" "build_$port"; then
            printf 'build: %-4s  %3d s\n' "$port" $((SECONDS - start))
        else
            say "$port FAILED: target/log/build-$port.log"
            failed=1
        fi
    done
    return "$failed"
}

main "$@"
