#!/usr/bin/env bash
# Usage: tests/machines/recurrence/setup.sh
#
# Installs dateutil and rrule.js and builds the crate rrule below target/machines/recurrence, at the
# versions in the lock files. A second run needs no registry.

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
to=$here/../../../target/machines/recurrence
mkdir -p "$to/dateutil" "$to/rrule-js"
cp "$here"/rrule-js/* "$to/rrule-js/"
cmp -s "$here/dateutil/requirements.txt" "$to/dateutil/installed" || {
    python3 -m venv --clear "$to/venv"
    "$to/venv/bin/pip" install --quiet --no-deps --disable-pip-version-check --upgrade \
        --target "$to/dateutil" --requirement "$here/dateutil/requirements.txt"
    cp "$here/dateutil/requirements.txt" "$to/dateutil/installed"
}
cmp -s "$to/rrule-js/package-lock.json" "$to/rrule-js/node_modules/installed" || {
    npm ci --prefix "$to/rrule-js" --ignore-scripts --no-audit --no-fund --silent
    cp "$to/rrule-js/package-lock.json" "$to/rrule-js/node_modules/installed"
}
cargo build --quiet --locked --release --manifest-path "$here/rrule-rust/Cargo.toml" --target-dir "$to/build"
cp "$to/build/release/rrule-adapter" "$to/"
