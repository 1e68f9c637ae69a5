#!/usr/bin/env bash
# Plants bugs in copies of the sources, one by one, and sees whether the suites find them. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

FAULTS="$ROOT/tests/planted-bugs"
# The copies, each with what is built of it, so that the next run builds only what has changed.
TREES="$ROOT/target/faults"
# How many seconds a suite, and building it, may take.
LIMIT=300
LIMIT_BUILD=3600
MARK_BEGIN='<!-- fault table begin -->'
MARK_END='<!-- fault table end -->'
# Election, commit, replay, bytes; in C++ none that touches a header, after which all is built anew.
SHORT="elect-longest-log commit-without-quorum skipped-apply encoding-without-value-length"

usage() {
    cat <<'END'
Usage: scripts/faults.sh [OPTION...] [go|cpp]... [NAME...]
       scripts/faults.sh rust [OPTION...]

Plants each fault of tests/planted-bugs/go and tests/planted-bugs/cpp, all of them or those
that are named, in a copy of the sources (below target/faults), builds it, runs
that language's own suite and prints whether it was caught and by which test.

  --short          only a handful for each language
  --list           print the faults, and plant none
  --limit SECONDS  a suite that takes longer hangs, which is a way of being caught
                   (default: 300)
  --write FILE     put the table into a Markdown file too, between the lines
                   <!-- fault table begin --> and <!-- fault table end -->

rust: cargo-mutants makes the faults, in the library, as .cargo/mutants.toml has
it; the options are its own, such as -F '^src/op' for those in src/op.rs, or
--shard 0/8. Its lists are in target/faults/rust/mutants.out. It must be there:
cargo install --locked cargo-mutants

Exit status: 0 all caught, 1 one has survived, does not apply or does not build,
or the suite fails without a fault; 2 usage.
END
}

# --- The copies -------------------------------------------------------------------

# LANGUAGE: what its suite reads.
sources_of() { echo "$1" tests/traces tests/snapshots; }

# LANGUAGE: makes its copy what the sources are, and leaves alone what is so already:
# what has been built stays good. It takes a fault of a run that was broken off out again.
refresh() {
    local tree="$TREES/$1" file
    mkdir -p "$tree"
    # shellcheck disable=SC2046 # a list of words
    (cd "$ROOT" && find $(sources_of "$1") -type f) | while IFS= read -r file; do
        cmp -s "$ROOT/$file" "$tree/$file" && continue
        mkdir -p "$(dirname "$tree/$file")"
        cp "$ROOT/$file" "$tree/$file" || return
    done || return
    # shellcheck disable=SC2046 # a list of words
    (cd "$tree" && find $(sources_of "$1") -type f) | while IFS= read -r file; do
        [ -f "$ROOT/$file" ] || rm -f "$tree/$file"
    done
}

# PATCH TREE [OPTION...]: not a line of the context may differ, wherever it stands by now.
apply() {
    local patch=$1 tree=$2
    shift 2
    patch -f -s -p1 -F 0 -d "$tree" "$@" <"$patch"
}

# --- Building and testing a copy --------------------------------------------------

build_go() { cd "$1/go" && go build ./...; }

# -vet=off: it is the suite that must find the fault. -w: nobody debugs what is built.
test_go() { cd "$1/go" && go test -vet=off -ldflags=-w -count=1 -failfast ./...; }

# A panic names its test in the lines of the stack, where there is no other line that does.
finder_go() {
    sed -n -e 's/^ *--- FAIL: \([^ ]*\).*/\1/p' \
        -e 's/^.*[./]\(Test[A-Za-z0-9_]*\)(.*/\1/p' "$1" | head -n 1
}

build_cpp() {
    local build="$1/target/cpp/release"
    if [ ! -f "$build/build.ninja" ]; then
        (cd "$1/cpp" && cmake --preset release \
            -DDKV20_BUILD_BENCHMARKS=OFF -DDKV20_INSTALL=OFF) || return
    fi
    cmake --build "$build" --parallel "$JOBS"
}

test_cpp() {
    ctest --test-dir "$1/target/cpp/release" --no-tests=error --output-on-failure \
        --stop-on-failure --parallel "$JOBS"
}

finder_cpp() {
    sed -n 's/^ *[0-9]*\/[0-9]* *Test *#[0-9]*: \([^ ]*\) .*\*\*\*.*/\1/p' "$1" | head -n 1
}

# LOG: the assertion of the compiler's that has found the fault before any test could.
static_finder() {
    grep -q 'static assertion failed' "$1" || return
    echo "static_assert in $(sed -n 's/^.*\/\(src\/[^:]*\):.*static assertion failed.*/\1/p' "$1" |
        head -n 1)"
}

# SECONDS LOG COMMAND...: runs it in a process group of its own, which is killed after so many
# seconds (there is no `timeout` on macOS); then the status is 124.
limited() {
    local deadline=$((SECONDS + $1)) log=$2 pid
    shift 2
    set -m
    ("$@") </dev/null >"$log" 2>&1 &
    pid=$!
    set +m
    running=$pid
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -gt "$deadline" ]; then
            kill -9 -- "-$pid"
            wait "$pid" 2>/dev/null
            running=0
            return 124
        fi
        sleep 0.1
    done
    running=0
    wait "$pid"
}

# --- Planting ---------------------------------------------------------------------

running=0
survivors=0
planted=0
# The lines of the Markdown table.
rows=""

clean_up() { [ "$running" = 0 ] || kill -9 -- "-$running" 2>/dev/null; }

# LANGUAGE NAME: plants that fault. It sets `verdict` and `finder`.
plant() {
    local language=$1 patch="$FAULTS/$1/$2.patch" tree="$TREES/$1" log="$TREES/$1.$2.log"
    finder=-
    if ! apply "$patch" "$tree" --dry-run >"$log" 2>&1; then
        verdict=DOES-NOT-APPLY
        return
    fi
    apply "$patch" "$tree" >"$log" 2>&1
    try "$language" "$tree" "$log"
    apply "$patch" "$tree" -R >>"$log" 2>&1
}

# LANGUAGE TREE LOG: whether building or testing the tree fails.
try() {
    if ! limited "$LIMIT_BUILD" "$3" "build_$1" "$2"; then
        verdict=DOES-NOT-BUILD
        if finder=$(static_finder "$3"); then verdict=caught; else finder=-; fi
        return
    fi
    limited "$LIMIT" "$3" "test_$1" "$2"
    case $? in
        0) verdict=SURVIVED ;;
        124) verdict=caught finder="the limit of $LIMIT s" ;;
        *)
            verdict=caught finder=$("finder_$1" "$3")
            finder=${finder:-the end of the process}
            ;;
    esac
}

# LANGUAGE NAME...: the self-check, then the faults, a line of the table for each.
plant_all() {
    local language=$1 name start
    shift
    start=$SECONDS
    if ! refresh "$language"; then
        printf 'faults: the copy of %s fails\n' "$language" >&2
        return 1
    fi
    try "$language" "$TREES/$language" "$TREES/$language.log"
    if [ "$verdict" != SURVIVED ]; then
        tail -n 40 "$TREES/$language.log" >&2
        printf 'faults: the suite of %s fails without a fault (target/faults/%s.log)\n' \
            "$language" "$language" >&2
        return 1
    fi
    row "$language" '(none)' passes - $((SECONDS - start))
    for name in "$@"; do
        start=$SECONDS
        plant "$language" "$name"
        row "$language" "$name" "$verdict" "$finder" $((SECONDS - start))
        planted=$((planted + 1))
        [ "$verdict" = caught ] || survivors=$((survivors + 1))
    done
    refresh "$language"
}

# LANGUAGE NAME VERDICT FINDER SECONDS
row() {
    printf '%-4s %-36s %-14s %-44s %4s\n' "$@"
    [ "$2" != '(none)' ] || return 0
    rows="$rows| $1 | $2 | $(head -n 1 "$FAULTS/$1/$2.patch") | $3 | $4 | $5 |
"
}

# --- The table --------------------------------------------------------------------

markdown_table() {
    echo '| language | fault | what it is | verdict | by | seconds |'
    echo '| --- | --- | --- | --- | --- | ---: |'
    printf '%s\n%s\n' "$rows" "$(conclusion)"
}

conclusion() { printf '%d faults planted, %d of them caught.' "$planted" $((planted - survivors)); }

has_marks() {
    [ -f "$1" ] && grep -qxF "$MARK_BEGIN" "$1" && grep -qxF "$MARK_END" "$1"
}

# FILE: puts the table in the place of what stands between the marks.
write_table() {
    markdown_table >"$TREES/table.md"
    awk -v begin="$MARK_BEGIN" -v end="$MARK_END" -v table="$TREES/table.md" '
        $0 == end { inside = 0 }
        !inside { print }
        $0 == begin { inside = 1; while ((getline line < table) > 0) print line }
    ' "$1" >"$TREES/written.md" && cat "$TREES/written.md" >"$1"
}

# --- All together -----------------------------------------------------------------

# OPTION...: cargo-mutants over the library. It copies the sources, and what is built of the
# copies goes to a folder of their own.
mutate_rust() {
    if ! cargo mutants --version >/dev/null 2>&1; then
        echo 'faults: no cargo-mutants: cargo install --locked cargo-mutants' >&2
        return 1
    fi
    cd "$ROOT" && mkdir -p "$TREES/rust" || return 1
    # Nobody debugs what is built.
    export CARGO_TARGET_DIR="$TREES/rust/target" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
    cargo mutants --output "$TREES/rust" "$@" || return 1
}

# LANGUAGE: its faults that are asked for.
faults_of() {
    local name names=$SHORT
    [ "$short" = yes ] ||
        names=$(cd "$FAULTS/$1" && printf '%s\n' *.patch | sed 's/\.patch$//')
    for name in $names; do
        case "${wanted:- $name }" in *" $name "*) echo "$name" ;; esac
    done
}

# What setup.sh must bring: GoogleTest is in no smaller set.
setup_set() { case $languages in *cpp*) echo test ;; *) echo go ;; esac }

list() {
    local language name
    for language in $languages; do
        for name in $(faults_of "$language"); do
            printf '%-4s %-36s %s\n' "$language" "$name" \
                "$(head -n 1 "$FAULTS/$language/$name.patch")"
        done
    done
}

run() {
    local language names failed=0 start=$SECONDS
    bash "$ROOT/scripts/setup.sh" "$(setup_set)" || return 1
    if ! command -v patch >/dev/null; then
        echo 'faults: no patch (on Debian: apt-get install patch)' >&2
        return 1
    fi
    mkdir -p "$TREES"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '%-4s %-36s %-14s %-44s %4s\n' lang fault verdict by s
    for language in $languages; do
        names=$(faults_of "$language")
        # shellcheck disable=SC2086 # a list of words
        [ -z "$names" ] || plant_all "$language" $names || failed=1
    done
    [ "$survivors" = 0 ] && [ "$planted" -gt 0 ] || failed=1
    [ -z "$page" ] || write_table "$page"
    printf '\nfaults: %s In %d s; logs: target/faults/\n' "$(conclusion)" $((SECONDS - start))
    return "$failed"
}

bad_usage() {
    printf 'faults: %s\n' "$1" >&2
    usage >&2
    exit 2
}

main() {
    local short=no languages="" wanted="" page="" action=run
    if [ "${1:-}" = rust ]; then
        shift
        mutate_rust "$@"
        return
    fi
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && return ;;
            --short) short=yes ;;
            --list) action=list ;;
            --limit)
                case ${2:-} in '' | *[!0-9]*) bad_usage "--limit needs a number of seconds" ;; esac
                LIMIT=$2
                shift
                ;;
            --write)
                has_marks "${2:-}" || bad_usage "--write needs a file with both marks"
                page=$2
                shift
                ;;
            -*) bad_usage "no such option: $1" ;;
            go | cpp) languages="$languages $1" ;;
            *)
                [ -f "$FAULTS/go/$1.patch" ] || [ -f "$FAULTS/cpp/$1.patch" ] ||
                    bad_usage "no such fault: $1"
                wanted="$wanted $1 "
                ;;
        esac
        shift
    done
    languages=${languages:-go cpp}
    "$action"
}

main "$@"
