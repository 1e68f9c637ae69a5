#!/usr/bin/env bash
# Builds the ports' programs for release. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
    cat <<'END'
Usage: scripts/build.sh [rust|go|cpp]...

Builds the programs for release, all three or those that are named, at
target/ports/rust, target/ports/go and target/ports/cpp. Builds only what has
changed; prints one line for each port, and the tools' output where they fail.
END
}

PORTS="$ROOT/target/ports"

build_rust() {
    cd "$ROOT" &&
        cargo build --quiet --release --locked --bin dkv20 &&
        place target/release/dkv20 rust
}

# -buildvcs=false: the program does not show it, and a work tree that belongs to
# another user (a container's, say) would make it an error.
build_go() {
    cd "$ROOT/go" &&
        go build -trimpath -buildvcs=false -o "$ROOT/target/go/dkv20" ./cmd/dkv20 &&
        place "$ROOT/target/go/dkv20" go
}

# A tree of its own, so that building the program needs neither GoogleTest nor
# Google Benchmark. Once configured, Ninja calls CMake again where it has to.
build_cpp() {
    local tree="$ROOT/target/cpp/port"
    if [ ! -f "$tree/build.ninja" ]; then
        cmake -S "$ROOT/cpp" -B "$tree" -G Ninja \
            -DCMAKE_BUILD_TYPE=Release \
            -DDKV20_BUILD_TESTS=OFF -DDKV20_BUILD_BENCHMARKS=OFF || return
    fi
    cmake --build "$tree" --parallel "$JOBS" &&
        place "$tree/dkv20" cpp
}

# FILE PORT: puts a program in its place where it differs from what is there. By
# renaming, as a program that runs cannot be written over.
place() {
    cmp -s "$1" "$PORTS/$2" && return
    cp "$1" "$PORTS/$2.new" && mv -f "$PORTS/$2.new" "$PORTS/$2"
}

build() {
    local port=$1 log="$ROOT/target/ports/$1.log" start=$SECONDS
    if ! (build_"$port") </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        printf 'build: %-5s FAILED\n' "$port" >&2
        return 1
    fi
    printf 'build: %-5s target/ports/%-5s %3d s\n' "$port" "$port" $((SECONDS - start))
}

main() {
    local port failed=0
    [ $# -gt 0 ] || set -- rust go cpp
    for port in "$@"; do
        case $port in
            rust | go | cpp) ;;
            -h | --help) usage && return ;;
            *)
                printf 'build: no such port: %s\n' "$port" >&2
                usage >&2
                return 2
                ;;
        esac
    done
    bash "$ROOT/scripts/setup.sh" "$@" || return 1
    mkdir -p "$PORTS"
    for port in "$@"; do
        build "$port" || failed=1
    done
    return "$failed"
}

main "$@"
