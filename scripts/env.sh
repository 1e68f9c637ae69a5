# shellcheck shell=bash
# Sourced by the other scripts: where the repository is, and a PATH on which the
# tools that setup.sh found or installed are found again. Says and installs nothing.

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# The places where rustup and Go's own installer put their programs, for shells
# whose PATH does not name them; at the end, so that the user's choice comes first.
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:/usr/local/go/bin"

# setup.sh makes this link last, so where it exists the Go below it is complete.
GO_VENV="$ROOT/target/go-venv"
if [ -d "$GO_VENV/go/bin" ]; then
    PATH="$GO_VENV/go/bin:$PATH"
fi

# Homebrew keeps OpenSSL and LLVM out of the way of Apple's own.
if [ "$(uname -s)" = Darwin ]; then
    for prefix in /usr/local /opt/homebrew; do
        if [ -d "$prefix/opt/openssl@3" ]; then
            export OPENSSL_ROOT_DIR="${OPENSSL_ROOT_DIR:-$prefix/opt/openssl@3}"
        fi
        PATH="$PATH:$prefix/bin:$prefix/opt/llvm/bin"
    done
fi
export PATH

# Everything that is built goes below target/, whatever the user's own settings are.
export CARGO_TARGET_DIR="$ROOT/target"

# The number of cores, for tools that would otherwise start more jobs than that.
JOBS=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
export JOBS
