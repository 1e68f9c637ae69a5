#!/usr/bin/env bash
# Usage: tests/machines/yjs-yrs/setup.sh
#
# Installs Yjs and builds Yrs below target/machines/yjs-yrs, at the versions in the lock files: 8 MB
# of packages and 100 MB of build, less than two minutes. A second run needs no registry.

set -eu
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
to=$here/../../../target/machines/yjs-yrs
mkdir -p "$to/yjs"
cp "$here"/yjs/* "$to/yjs/"
cmp -s "$to/yjs/package-lock.json" "$to/yjs/node_modules/installed" || {
    npm ci --prefix "$to/yjs" --ignore-scripts --no-audit --no-fund --silent
    cp "$to/yjs/package-lock.json" "$to/yjs/node_modules/installed"
}
cargo build --quiet --locked --release --manifest-path "$here/yrs/Cargo.toml" --target-dir "$to/build"
cp "$to/build/release/yrs-adapter" "$to/"
