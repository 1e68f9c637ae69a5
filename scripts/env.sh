# shellcheck shell=bash
# Sourced by every script: where the repository and its tools are, and what all scripts share.

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
NAME=$(basename "$0" .sh)

# The tools that setup.sh installs below target/ come before the machine's own, which are missing, too
# old or of another version. The folder is on the PATH before it exists, so that a script finds what
# setup.sh installs while the script runs. rustup's folder is for shells opened before rustup ran.
TOOLS="$ROOT/target/tools"
PATH="$TOOLS/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

# Homebrew keeps OpenSSL and LLVM out of the way of Apple's own.
if [ "$(uname -s)" = Darwin ]; then
    for prefix in /usr/local /opt/homebrew; do
        [ ! -d "$prefix/opt/openssl@3" ] || export OPENSSL_ROOT_DIR="${OPENSSL_ROOT_DIR:-$prefix/opt/openssl@3}"
        PATH="$PATH:$prefix/bin:$prefix/opt/llvm/bin"
    done
fi
export PATH

# Everything is built below target/, whatever the user's own settings are.
export CARGO_TARGET_DIR="$ROOT/target"
JOBS=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
export JOBS

say() { printf '%s: %s\n' "$NAME" "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The comment at the top of a script is its help.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$ROOT/scripts/$NAME.sh"; }

bad_usage() {
    say "$1"
    usage >&2
    exit 2
}

# SET...: installs the tools of these sets, or ends the script with setup.sh's message.
setup() { bash "$ROOT/scripts/setup.sh" "$@" || exit; }

# LOG COMMAND...: runs the command with its output in LOG; prints the end of LOG if it fails.
logged() {
    local log=$1 status
    shift
    mkdir -p "$(dirname "$log")"
    "$@" </dev/null >"$log" 2>&1
    status=$?
    [ "$status" = 0 ] || tail -n 40 "$log" | sed 's/^/    /' >&2
    return "$status"
}
