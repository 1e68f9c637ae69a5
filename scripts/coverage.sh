#!/usr/bin/env bash
# How much of each library its own suite covers. See --help.
set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

usage() {
    cat <<'END'
Usage: scripts/coverage.sh [rust|go|cpp]...

Runs each language's own suite, all or those that are named, with coverage, and
prints a table, a row for each file of the library, then the lines that no test
reaches. Lines in Rust, statements in Go, lines and branches in C++.

Rust is measured by cargo-llvm-cov, which is installed below target/coverage where
it is missing, with rustup's llvm-tools or Debian's LLVM of the compiler's version;
C++ by GCC's gcov with gcovr.

Exit status: 0 measured, 1 a suite failed, 2 usage, 3 a tool is missing.
END
}

OUT="$ROOT/target/coverage"

say() { printf 'coverage: %s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

table_row() { printf '%-34s %9s %9s %8s %10s\n' "$@"; }

# Rows `FILE COVERED ALL BRANCHES-COVERED BRANCHES` -> the table's, with a sum.
print_table() {
    sort "$1" | awk '
        function percent(covered, all) { return all ? sprintf("%.1f%%", 100 * covered / all) : "-" }
        {
            printf "%-34s %9d %9d %8s %10s\n", $1, $2, $3, percent($2, $3), percent($4, $5)
            covered += $2; all += $3; branches += $4; all_branches += $5
        }
        END {
            printf "%-34s %9d %9d %8s %10s\n", "all", covered, all, percent(covered, all), \
                percent(branches, all_branches)
        }
    '
}

# --- Rust -------------------------------------------------------------------------

# The folder of the LLVM tools that read what this compiler writes: rustup's, or Debian's of
# the same version.
llvm_tools() {
    local own debian
    own="$(rustc --print target-libdir)/../bin"
    debian="/usr/lib/llvm-$(llvm_major)/bin"
    if [ -x "$own/llvm-cov" ]; then
        echo "$own"
    elif [ -x "$debian/llvm-cov" ]; then
        echo "$debian"
    else
        return 1
    fi
}

llvm_major() { rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'; }

# The library alone, without what examines it. The compiler measures branches on nightly alone.
cover_rust() {
    local tools="$OUT/tools" llvm
    if ! llvm=$(llvm_tools); then
        say "rust: llvm-cov of LLVM $(llvm_major) is missing: rustup component add llvm-tools," \
            "or llvm-$(llvm_major) on Debian"
        return 3
    fi
    export LLVM_COV="$llvm/llvm-cov" LLVM_PROFDATA="$llvm/llvm-profdata"
    PATH="$tools/bin:$PATH"
    if ! cargo llvm-cov --version >/dev/null 2>&1; then
        CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --root "$tools" \
            cargo-llvm-cov || return 3
    fi
    cd "$ROOT" && CARGO_TARGET_DIR="$OUT/rust" cargo llvm-cov --locked --no-default-features \
        --lib --test dkv20 --test properties --test traces \
        --lcov --output-path "$OUT/rust.info" || return
    awk -F '[:,]' -v root="$ROOT/" -v rows="$OUT/rust.rows" -v lines="$OUT/rust.lines" '
        $1 == "SF" { file = substr($2, length(root) + 1); covered = all = 0 }
        $1 == "DA" { all++; if ($3 > 0) covered++; else print file ":" $2 > lines }
        $1 == "end_of_record" { print file, covered, all, 0, 0 > rows }
    ' "$OUT/rust.info"
}

# --- Go ---------------------------------------------------------------------------

# A profile's line is FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT.
cover_go() {
    cd "$ROOT/go" && go test -count=1 -covermode=count -coverprofile="$OUT/go.profile" . || return
    awk -v rows="$OUT/go.rows" -v lines="$OUT/go.lines" '
        NR > 1 {
            split($1, place, ":")
            split(place[2], line, "[.,]")
            file = place[1]
            sub(".*/", "go/", file)
            all[file] += $2
            if ($3 > 0) covered[file] += $2
            else print file ":" line[1] (line[3] == line[1] ? "" : "-" line[3]) > lines
        }
        END { for (file in all) print file, covered[file], all[file], 0, 0 > rows }
    ' "$OUT/go.profile"
}

# --- C++ --------------------------------------------------------------------------

# Without inlining, which would hide lines. Branches that only an exception would take are
# left out: nothing throws.
cover_cpp() {
    local tree="$OUT/cpp"
    if ! have gcovr; then
        say "cpp: gcovr is missing: gcovr on Debian"
        return 3
    fi
    if [ ! -f "$tree/build.ninja" ]; then
        cmake -S "$ROOT/cpp" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=None \
            -DCMAKE_CXX_COMPILER=g++ -DDKV20_BUILD_BENCHMARKS=OFF -DDKV20_INSTALL=OFF \
            -DCMAKE_CXX_FLAGS="-O0 -g --coverage -fno-inline" || return
    fi
    cmake --build "$tree" --parallel "$JOBS" || return
    find "$tree" -name '*.gcda' -delete
    ctest --test-dir "$tree" --output-on-failure --no-tests=error --parallel "$JOBS" || return
    gcovr --root "$ROOT" --filter "$ROOT/cpp/src/" --filter "$ROOT/cpp/include/" \
        --exclude "$ROOT/cpp/src/main.cc" --exclude-throw-branches \
        --exclude-unreachable-branches --json "$OUT/cpp.json" "$tree" || return
    python3 - "$OUT" <<'END'
import json, sys
out = sys.argv[1]
with open(f"{out}/cpp.json") as source, open(f"{out}/cpp.rows", "w") as rows, \
        open(f"{out}/cpp.lines", "w") as uncovered:
    for file in json.load(source)["files"]:
        lines = [line for line in file["lines"] if not line.get("gcovr/noncode")]
        branches = [branch for line in lines for branch in line["branches"]]
        taken = sum(branch["count"] > 0 for branch in branches)
        covered = sum(line["count"] > 0 for line in lines)
        print(file["file"], covered, len(lines), taken, len(branches), file=rows)
        for line in lines:
            if line["count"] == 0:
                print(f'{file["file"]}:{line["line_number"]}', file=uncovered)
            elif not all(branch["count"] for branch in line["branches"]):
                print(f'{file["file"]}:{line["line_number"]} a branch', file=uncovered)
END
}

# --- All together -----------------------------------------------------------------

# LANGUAGE: measures it; status as the script's.
cover() {
    local log="$OUT/$1.log" status start=$SECONDS
    rm -f "$OUT/$1.rows" "$OUT/$1.lines"
    : >"$OUT/$1.lines"
    (cover_"$1") </dev/null >"$log" 2>&1
    status=$?
    if [ "$status" != 0 ]; then
        printf '\n%s: not measured\n' "$1"
        tail -n 20 "$log" >&2
        [ "$status" = 3 ] || status=1
        return "$status"
    fi
    printf '\n'
    table_row "$1 ($((SECONDS - start)) s)" covered all lines branches
    print_table "$OUT/$1.rows"
    [ ! -s "$OUT/$1.lines" ] || printf '\n%s: not reached:\n' "$1"
    sort -t : -k 1,1 -k 2n "$OUT/$1.lines" | sed 's/^/  /'
}

main() {
    local language worst=0 status
    [ $# -gt 0 ] || set -- rust go cpp
    for language in "$@"; do
        case $language in
            rust | go | cpp) ;;
            -h | --help) usage && return ;;
            *)
                say "no such language: $language"
                usage >&2
                return 2
                ;;
        esac
    done
    mkdir -p "$OUT"
    for language in "$@"; do
        cover "$language"
        status=$?
        [ "$status" -le "$worst" ] || worst=$status
    done
    return "$worst"
}

main "$@"
