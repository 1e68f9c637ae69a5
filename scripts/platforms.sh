#!/usr/bin/env bash
# One hash on every processor and from every build. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
    cat <<'END'
Usage: scripts/platforms.sh [--short] [--build-only] [ROW...]

Builds the Go and the C++ program for a big-endian processor (s390x) and for a
32-bit one (i386), and the three programs with other settings on this machine;
runs scenarios A and B and one chaos run on each, and a short exam on each foreign
one; and prints a table. What is not made for this machine runs under QEMU.

ROW is one or more of these; without one, all of them. Those with * are in --short,
which asks no exam:
  rust            release: its chaos digest is what the others are compared with *
  rust-debug      with overflow checks
  go *            and go-race, with the race detector *
  cpp             release, with NDEBUG *
  cpp-O0 *        cpp-O3, cpp-unsigned-char *, cpp-signed-char: without NDEBUG
  s390x-go *      s390x-cpp *: big-endian
  i386-go *       i386-cpp *: 32 bits

  --build-only    build what the rows need, and run nothing

The cross compilers and QEMU are installed from Debian's packages, as root alone.
OpenSSL for the other processors is unpacked below target/, for which apt-get need
not be root.

Exit status: 0 all agree, 1 one differs or fails, 2 usage, 3 a tool is missing and
cannot be installed.
END
}

PORTS="$ROOT/target/ports"
TREE="$ROOT/target/platforms"

ROWS="rust rust-debug go go-race cpp cpp-O0 cpp-O3 cpp-unsigned-char cpp-signed-char
s390x-go s390x-cpp i386-go i386-cpp"
ROWS_SHORT="rust go go-race cpp cpp-O0 cpp-unsigned-char s390x-go s390x-cpp i386-go i386-cpp"

CHAOS='new 5
chaos 1 20000'
EXAM_CASES=100
# Seconds of processor time for one run. The slowest, under QEMU, takes a twentieth of it.
CPU_LIMIT=600

say() { printf 'platforms: %s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# --- Tools ------------------------------------------------------------------------

# PROCESSOR -> the compilers' name for it | the libraries' | the emulator's package
about() {
    case $1 in
        s390x) echo "s390x-linux-gnu|s390x-linux-gnu|qemu-s390x" ;;
        i386) echo "i686-linux-gnu|i386-linux-gnu|qemu-i386" ;;
    esac
}

compiler() { echo "$(about "$1" | cut -d '|' -f 1)-g++"; }
multiarch() { about "$1" | cut -d '|' -f 2; }

# PROCESSOR: the emulator in front of its programs; nothing where this machine runs them.
emulator() {
    case $1:$(uname -m) in
        i386:x86_64 | i386:i?86 | s390x:s390x) ;;
        *) about "$1" | cut -d '|' -f 3 ;;
    esac
}

# ROW -> its processor, where that is a foreign one.
processor() {
    case $1 in
        s390x-* | i386-*) echo "${1%%-*}" ;;
    esac
}

# ROW...: Debian's packages that they need beyond setup.sh's and that are not here.
missing_packages() {
    local row processor emulator
    for row in "$@"; do
        processor=$(processor "$row")
        [ -n "$processor" ] || continue
        emulator=$(emulator "$processor")
        [ -z "$emulator" ] || have "$emulator" || echo qemu-user
        case $row in
            *-cpp) have "$(compiler "$processor")" || echo "g++-$(about "$processor" | cut -d '|' -f 1)" ;;
        esac
    done | sort -u
}

# ROW...: installs what is missing, or names it and ends the script.
bring_tools() {
    local packages log="$TREE/apt.log"
    packages=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    if ! have apt-get || [ "$(id -u)" != 0 ]; then
        say "missing, and only root on Debian can install it: ${packages% }"
        exit 3
    fi
    say "installing ${packages% }"
    # shellcheck disable=SC2086 # a list of words
    if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q \
        -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $packages; } \
        </dev/null >"$log" 2>&1 || [ -n "$(missing_packages "$@")" ]; then
        say "apt-get install ${packages% } failed:"
        tail -n 20 "$log" >&2
        exit 3
    fi
}

# PROCESSOR ARGUMENT...: apt-get for another processor, with lists of its own, so that
# nothing changes for the system.
foreign_apt() {
    local processor=$1 state="$TREE/apt/$1"
    shift
    mkdir -p "$state/lists/partial" &&
        (cd "$state" && apt-get -q -o APT::Architecture="$processor" \
            -o APT::Architectures="$processor" -o APT::Sandbox::User="$(id -un)" \
            -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::Cache="$state" "$@")
}

# PROCESSOR: OpenSSL's headers and static library below target/, or the script's end.
# Installed, the package would take the place of this machine's own.
bring_openssl() {
    local processor=$1 log="$TREE/apt.log" package
    local sysroot="$TREE/sysroot/$processor"
    [ ! -f "$sysroot/complete" ] || return 0
    if ! have apt-get || ! have dpkg; then
        say "missing: libssl-dev:$processor, and there is no apt-get to download it"
        exit 3
    fi
    say "downloading libssl-dev:$processor"
    # An update that fails may have brought the list that is needed even so: the download tells.
    foreign_apt "$processor" update >"$log" 2>&1 </dev/null
    rm -rf "$sysroot" "$TREE/apt/$processor"/*.deb
    if ! foreign_apt "$processor" download libssl-dev >>"$log" 2>&1 </dev/null; then
        say "missing: libssl-dev:$processor, which could not be downloaded:"
        tail -n 20 "$log" >&2
        exit 3
    fi
    mkdir -p "$sysroot"
    for package in "$TREE/apt/$processor"/libssl-dev_*.deb; do
        dpkg -x "$package" "$sysroot" || exit 3
    done
    : >"$sysroot/complete"
}

# --- Builds -----------------------------------------------------------------------

# ROW -> its program's file.
program() {
    case $1 in
        rust | go | cpp) echo "$PORTS/$1" ;;
        rust-debug) echo "$ROOT/target/debug/dkv20" ;;
        *-go | go-*) echo "$TREE/$1" ;;
        *) echo "$TREE/$1/dkv20" ;;
    esac
}

# ROW: sets COMMAND to how its program is called.
set_command() {
    local processor emulator=""
    processor=$(processor "$1")
    [ -z "$processor" ] || emulator=$(emulator "$processor")
    COMMAND=("$(program "$1")")
    [ -z "$emulator" ] || COMMAND=("$emulator" "${COMMAND[@]}")
}

# TREE CMAKE-ARGUMENT...: the C++ program alone. GCC 12 sees writes past the end that are
# not there where it optimises otherwise than for release; warnings are verify.sh's matter.
build_cpp() {
    local tree="$TREE/$1" flags=$2
    shift 2
    cmake -S "$ROOT/cpp" -B "$tree" -G Ninja \
        -DDKV20_BUILD_TESTS=OFF -DDKV20_BUILD_BENCHMARKS=OFF -DDKV20_INSTALL=OFF \
        -DCMAKE_CXX_FLAGS="$flags -Wno-error=stringop-overflow -Wno-error=array-bounds" "$@" &&
        cmake --build "$tree" --parallel "$JOBS"
}

# Statically linked, so that QEMU needs no libraries of that processor's.
build_foreign_cpp() {
    local processor=${1%-cpp} sysroot libraries
    sysroot="$TREE/sysroot/$processor"
    libraries=$(multiarch "$processor")
    build_cpp "$1" "-isystem $sysroot/usr/include/$libraries" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
        -DCMAKE_SYSTEM_PROCESSOR="$processor" \
        -DCMAKE_CXX_COMPILER="$(compiler "$processor")" \
        -DCMAKE_EXE_LINKER_FLAGS=-static \
        -DOPENSSL_INCLUDE_DIR="$sysroot/usr/include" \
        -DOPENSSL_CRYPTO_LIBRARY="$sysroot/usr/lib/$libraries/libcrypto.a"
}

# ROW GO-BUILD-OPTION...: the Go program.
build_go() {
    local row=$1
    shift
    cd "$ROOT/go" && go build -trimpath -buildvcs=false "$@" -o "$TREE/$row" ./cmd/dkv20
}

build_row() {
    case $1 in
        rust | go | cpp) ;; # by build.sh
        rust-debug) cd "$ROOT" && cargo build --quiet --locked --bin dkv20 ;;
        go-race) CGO_ENABLED=1 build_go "$1" -race ;;
        s390x-go) CGO_ENABLED=0 GOOS=linux GOARCH=s390x build_go "$1" ;;
        i386-go) CGO_ENABLED=0 GOOS=linux GOARCH=386 build_go "$1" ;;
        s390x-cpp | i386-cpp) build_foreign_cpp "$1" ;;
        cpp-O0) build_cpp "$1" -O0 -DCMAKE_BUILD_TYPE=None ;;
        cpp-O3) build_cpp "$1" -O3 -DCMAKE_BUILD_TYPE=None ;;
        cpp-unsigned-char) build_cpp "$1" "-O1 -funsigned-char" -DCMAKE_BUILD_TYPE=None ;;
        cpp-signed-char) build_cpp "$1" "-O1 -fsigned-char" -DCMAKE_BUILD_TYPE=None ;;
    esac
}

# ROW...: builds them all; says which cannot be built.
build_all() {
    local row log failed=0
    bash "$ROOT/scripts/build.sh" || return
    for row in "$@"; do
        log="$TREE/$row.log"
        (build_row "$row") </dev/null >"$log" 2>&1 && continue
        say "$row cannot be built:"
        tail -n 20 "$log" >&2
        failed=1
    done
    return "$failed"
}

# --- Runs -------------------------------------------------------------------------

pinned() { sed -n "s/^PINNED_$1='\\([0-9a-f]*\\)'\$/\\1/p" "$ROOT/scripts/cross_test.sh"; }

# INPUT SUBCOMMAND...: what COMMAND answers, in $WORK/out.
run_command() {
    local input=$1
    shift
    printf '%s\n' "$input" | (
        ulimit -c 0
        ulimit -t "$CPU_LIMIT"
        exec "${COMMAND[@]}" "$@"
    ) >"$WORK/out" 2>"$WORK/err"
}

# NAME: the hash after that name in what was answered last, or nothing.
answered() { sed -n "s/^$1\\([0-9a-f]\\{64\\}\\)\$/\\1/p" "$WORK/out"; }

short_hash() { echo "${1:--}" | cut -c 1-16; }

table_row() { printf '%-18s %-17s %-17s %-17s %-9s %-8s %7s\n' "$@"; }

# ROW: the exam's verdict, in one word, on COMMAND.
examine() {
    local log="$TREE/$1.exam.log"
    if "$PORTS/rust" exam --cases "$EXAM_CASES" --timeout 60 --traces "$TREE/findings" \
        --port "$1=$(printf "'%s' " "${COMMAND[@]}")serve" </dev/null >"$log" 2>&1; then
        echo conforms
    else
        echo DIVERGES
    fi
}

# ROW: runs it and prints its line of the table. Status 1 where something differs.
check_row() {
    local row=$1 a b chaos exam=- verdict=agrees start=$SECONDS
    set_command "$row"
    run_command "" scenario || verdict=FAILS
    a=$(answered "A ")
    b=$(answered "B ")
    run_command "$CHAOS" serve || verdict=FAILS
    chaos=$(answered "ok digest=")
    [ "$a $b $chaos" = "$EXPECTED" ] || verdict=DIFFERS
    if [ "$with_exam" = yes ] && [ -n "$(processor "$row")" ]; then
        exam=$(examine "$row")
        [ "$exam" = conforms ] || verdict=DIFFERS
    fi
    table_row "$row" "$(short_hash "$a")" "$(short_hash "$b")" "$(short_hash "$chaos")" \
        "$exam" "$verdict" $((SECONDS - start))
    [ "$verdict" != agrees ] || return 0
    sed 's/^/    standard error: /' "$WORK/err" | tail -n 4
    [ "$exam" != DIVERGES ] || tail -n 40 "$TREE/$row.exam.log" | sed 's/^/    /'
    return 1
}

check_all() {
    local row failed=0
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-platforms.XXXXXX") || exit 1
    trap 'rm -rf "$WORK"' EXIT
    set_command rust
    run_command "$CHAOS" serve
    EXPECTED="$(pinned A) $(pinned B) $(answered "ok digest=")"
    table_row "platform or build" "scenario A" "scenario B" "chaos" exam verdict seconds
    for row in "$@"; do
        check_row "$row" || failed=$((failed + 1))
    done
    if [ "$failed" = 0 ]; then
        printf '\nplatforms: all %d agree\n' "$#"
        return 0
    fi
    printf '\nplatforms: FAILED: %d of %d differ or fail\n' "$failed" "$#"
    return 1
}

bad_usage() {
    say "$1"
    usage >&2
    exit 2
}

main() {
    local rows="" short=no build_only=no row
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --short) short=yes ;;
            --build-only) build_only=yes ;;
            -*) bad_usage "no such option: $1" ;;
            *)
                case " $ROWS " in
                    *[[:space:]]"$1"[[:space:]]*) rows="$rows $1" ;;
                    *) bad_usage "no such row: $1" ;;
                esac
                ;;
        esac
        shift
    done
    with_exam=yes
    if [ "$short" = yes ]; then
        with_exam=no
        rows=${rows:-$ROWS_SHORT}
    fi
    # shellcheck disable=SC2086 # a list of words
    set -- ${rows:-$ROWS}
    mkdir -p "$TREE"
    bring_tools "$@"
    for row in "$@"; do
        case $row in
            s390x-cpp | i386-cpp) bring_openssl "${row%-cpp}" ;;
        esac
    done
    build_all "$@" || return
    [ "$build_only" = no ] || return 0
    echo
    check_all "$@"
}

main "$@"
