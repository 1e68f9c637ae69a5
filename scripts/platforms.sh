#!/usr/bin/env bash
# Usage: scripts/platforms.sh [ROW...]
#
# Builds the Go and the C++ program for a big-endian processor (s390x, under QEMU) and a 32-bit one
# (i386), and the programs in other ways for this machine. Each must print what target/ports/rust
# prints for scenarios A and B and a chaos run; a foreign one must also pass a short exam.
#
# ROW is one or more of these; all of them by default:
#   go, cpp                 as build.sh builds them
#   rust-debug              with overflow checks
#   go-race                 with the race detector
#   cpp-debug, cpp-clang, cpp-sanitize, cpp-unsigned-char   by the presets of the same name
#   s390x-go, s390x-cpp, i386-go, i386-cpp
#
# Needs Debian, for the cross compilers, QEMU, and OpenSSL for the other processors, which is unpacked
# below target/platforms. Exit status: 0 all agree, 1 one differs or fails, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

ROWS="go cpp rust-debug go-race cpp-debug cpp-clang cpp-sanitize cpp-unsigned-char
s390x-go s390x-cpp i386-go i386-cpp"
TREE="$ROOT/target/platforms"

# PROCESSOR: OpenSSL's headers and static library, unless they are here. apt-get has lists of its own
# for it: to install the package would remove this machine's.
bring_openssl() {
    local apt="$TREE/apt-$1"
    [ ! -d "$TREE/$1/usr/include/openssl" ] || return 0
    mkdir -p "$apt/lists/partial" "$TREE/$1" && cd "$apt" || return
    set -- "$1" apt-get -q -o APT::Architecture="$1" -o APT::Architectures="$1" \
        -o APT::Sandbox::User="$(id -un)" -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt"
    # An update that fails may have brought the list that is needed.
    "${@:2}" update
    "${@:2}" download libssl-dev && dpkg -x libssl-dev_*.deb "$TREE/$1"
}

# PRESET: the C++ program alone.
build_cpp() {
    cd "$ROOT/cpp" && cmake --preset "$1" &&
        cmake --build --preset "$1" --target dkv20_program --parallel "$JOBS"
}

# ROW VARIABLE... [GO-BUILD-OPTION...]
build_go() {
    local row=$1
    shift
    cd "$ROOT/go" && env "$@" -o "$TREE/$row" ./cmd/dkv20
}

# ROW: builds its program.
build() {
    case $1 in
        go | cpp) ;;
        rust-debug) cd "$ROOT" && cargo build --locked --bin dkv20 ;;
        go-race) build_go "$1" CGO_ENABLED=1 go build -race -buildvcs=false ;;
        s390x-go) build_go "$1" CGO_ENABLED=0 GOARCH=s390x go build -buildvcs=false ;;
        i386-go) build_go "$1" CGO_ENABLED=0 GOARCH=386 go build -buildvcs=false ;;
        s390x-cpp | i386-cpp) (bring_openssl "${1%-cpp}") && build_cpp "${1%-cpp}" ;;
        cpp-*) build_cpp "${1#cpp-}" ;;
    esac
}

# ROW: sets command to what runs its program.
locate() {
    case $1 in
        go | cpp) command="$ROOT/target/ports/$1" ;;
        rust-debug) command="$ROOT/target/debug/dkv20" ;;
        s390x-cpp | i386-cpp) command="$ROOT/target/cpp/${1%-cpp}/dkv20" ;;
        cpp-*) command="$ROOT/target/cpp/${1#cpp-}/dkv20" ;;
        *) command="$TREE/$1" ;;
    esac
    case $1 in s390x-*) command="qemu-s390x $command" ;; esac
}

# COMMAND...: what it prints; in ten minutes of processor time at most.
results() (
    ulimit -c 0 -t 600
    "$@" scenario && printf 'new 5\nchaos 1 20000\n' | "$@" serve
)

# ROW: builds and runs it, and prints a line.
check() {
    local row=$1 start=$SECONDS command verdict=agrees
    logged "$ROOT/target/log/platform-$row.log" build "$row" || verdict="CANNOT BE BUILT"
    locate "$row"
    # shellcheck disable=SC2086 # a command line
    if [ "$verdict" = agrees ] && [ "$(results $command)" != "$expected" ]; then verdict=DIFFERS; fi
    case $verdict:$row in
        agrees:s390x-* | agrees:i386-*)
            logged "$ROOT/target/log/platform-$row.log" "$ROOT/target/dkv20" exam --cases 100 --timeout 60 \
                --traces "$ROOT/target/findings" --port "$row=$command serve" || verdict="FAILS THE EXAM"
            ;;
    esac
    printf '%-18s %-16s %4d s\n' "$row" "$verdict" $((SECONDS - start))
    [ "$verdict" = agrees ]
}

main() {
    local row failed=0
    case ${1:-} in -h | --help) usage && return ;; esac
    # shellcheck disable=SC2086 # a list of words
    [ $# -gt 0 ] || set -- $ROWS
    for row in "$@"; do
        case " $ROWS " in *[[:space:]]"$row"[[:space:]]*) ;; *) bad_usage "no such row: $row" ;; esac
    done
    setup platforms
    bash "$ROOT/scripts/build.sh" rust go cpp exam || return
    mkdir -p "$TREE"
    expected=$(results "$ROOT/target/ports/rust") || fail "target/ports/rust fails"
    for row in "$@"; do
        check "$row" || failed=$((failed + 1))
    done
    echo "platforms: $(($# - failed)) of $# agree"
    [ "$failed" = 0 ]
}

main "$@"
