#!/usr/bin/env bash
# Usage: scripts/pages.sh [--write]
#
# Checks the page that `dkv20 view` completes: the format of its sources in src/view/page, that
# src/view/page.html is what they build, and tests/pages, in Chromium. Packages of Node.js are
# installed below target/npm, at the versions in the lock files.
#
#   --write  format the sources, and build src/view/page.html, before the tests

set -eu
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

# NAME FOLDER: installs the packages that FOLDER names into target/npm/NAME. A second run needs no
# registry.
install() {
    local to="$ROOT/target/npm/$1"
    mkdir -p "$to"
    cp "$ROOT/$2/package.json" "$ROOT/$2/package-lock.json" "$to/"
    cmp -s "$to/package-lock.json" "$to/node_modules/installed" || {
        say "installing the packages of $2"
        npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --silent ||
            fail "npm ci failed in target/npm/$1"
        cp "$to/package-lock.json" "$to/node_modules/installed"
    }
}

# FOLDER OPTION...
check_format() {
    local folder=$1
    shift
    (cd "$ROOT/$folder" && "$ROOT/target/npm/view/node_modules/.bin/biome" check \
        --config-path="$ROOT/src/view/page" --error-on-warnings --colors=off "$@" .)
}

main() {
    local format="" build=--check
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --write) format=--write build="" ;;
            *) bad_usage "no such option: $1" ;;
        esac
        shift
    done
    setup pages
    install view src/view/page
    install pages tests/pages
    # shellcheck disable=SC2086 # an option or none
    check_format src/view/page $format
    # shellcheck disable=SC2086
    check_format tests/pages $format
    # shellcheck disable=SC2086
    node "$ROOT/src/view/page/build.mjs" $build
    node --test --test-reporter=spec "$ROOT"/tests/pages/*.test.mjs
}

main "$@"
