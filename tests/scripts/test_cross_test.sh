#!/usr/bin/env bash
# Tests scripts/cross_test.sh with stand-ins for the three programs: a good one,
# and one for each way to be wrong. Each must be found, and named for what it is.
set -u

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
CROSS_TEST="$ROOT/scripts/cross_test.sh"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-test-cross-test.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
failed=0
limit=60 # seconds; short only where something is to hang

pin() { sed -n "s/^PINNED_$1='\(.*\)'\$/\1/p" "$CROSS_TEST"; }
A=$(pin A)
B=$(pin B)
WRONG=$(printf '%064d' 0)

# PROGRAM [SCENARIO [SERVE]]: writes a stand-in; SCENARIO and SERVE are shell code that
# runs before the good answers. Its digests are all zeros but for the cluster's size.
stand_in() {
    cat >"$WORK/$1" <<END
#!/usr/bin/env bash
if [ "\$1" = scenario ]; then
    ${2:-:}
    printf 'A %s\nB %s\n' $A $B
    exit 0
fi
${3:-:}
awk '/^new/ { n = \$2; print "ok" } /^chaos/ { printf "ok digest=%064d\n", n }'
END
    chmod +x "$WORK/$1"
}

# NAME STATUS TEXT...: runs cross_test.sh on the stand-ins; it must exit with STATUS,
# and each TEXT must stand in what it prints. Then all stand-ins are good again.
expect() {
    local name=$1 status=$2 got text
    shift 2
    "$BASH" "$CROSS_TEST" --ports "$WORK" --limit "$limit" </dev/null >"$WORK/output" 2>&1
    got=$?
    [ "$got" = "$status" ] || complain "$name: status $got, not $status"
    for text in "$@"; do
        grep -qF -e "$text" "$WORK/output" || complain "$name: it does not say: $text"
    done
    printf '%-28s done\n' "$name"
    all_good
}

complain() {
    printf 'FAILED: %s\n' "$1"
    sed 's/^/    /' "$WORK/output"
    failed=1
}

all_good() {
    stand_in rust
    stand_in go
    stand_in cpp
}

all_good
expect "all agree" 0 "go       A         $A  " "as pinned" "64        4      2000   4/4    4/4    4/4" \
    "cross_test: all agree: 3 programs, 2 scenarios as pinned, 32 chaos runs"

stand_in go "printf 'A %s\nB %s\n' $A $WRONG; exit"
expect "wrong hash" 1 "FAILED: go, scenario B: not the pinned hash" "go      $WRONG" "pinned  $B" \
    "cross_test: FAILED, findings: 1"

stand_in cpp "echo 'err diverged' >&2; exit 1"
expect "scenario fails" 1 "FAILED: cpp, scenario: exited with status 1" \
    "standard error: err diverged" "cross_test: FAILED, findings: 1"

stand_in rust "kill -SEGV \$\$"
expect "scenario dies" 1 "FAILED: rust, scenario: died of signal 11 (SIGSEGV)"

stand_in go "exec sleep 600"
limit=1 expect "scenario hangs" 1 "FAILED: go, scenario: hangs: stopped after 1 s"

stand_in go "exit"
expect "scenario is silent" 1 'FAILED: go, scenario: its output is not the two lines'

stand_in go "echo A; printf 'xyz\001\377\n'"
expect "scenario prints garbage" 1 'FAILED: go, scenario: its output is not the two lines'

stand_in cpp "" "sed -n '/^new/s/.*/ok/p; /^chaos/s/.*/ok digest=$WRONG/p'; exit"
expect "other digests" 1 "FAILED: cpp, new 1, chaos 1 20000: not the digest of rust" \
    "cpp     $WRONG" "rust    ${WRONG%?}1" "FAILED: cpp, chaos: 32 digests differ in all" \
    "64        4      2000   4/4    4/4    0/4"

stand_in rust "" "awk '/^new/ { print \"ok\"; n = \$2 } /^chaos/ { printf \"ok digest=%064d\n\", n == 7 && \$2 == 20 }'; exit"
expect "the reference is alone" 1 "go and cpp agree: it may be rust that is wrong"

stand_in go "" "head -n 3; echo 'panic: stand-in' >&2; exit 2"
expect "serve dies" 1 "FAILED: go, chaos: exited with status 2" "standard error: panic: stand-in"

stand_in go "" "kill -ABRT \$\$"
expect "serve dies of a signal" 1 "FAILED: go, chaos: died of signal 6 (SIGABRT)"

stand_in cpp "" "exec sleep 600"
limit=1 expect "serve hangs" 1 "FAILED: cpp, chaos: hangs: stopped after 1 s" "0/4"

stand_in go "" "exit 0"
expect "serve is silent" 1 "FAILED: go, chaos: 0 lines in answer to 64 commands"

stand_in cpp "" "echo ok"
expect "an answer too many" 1 "FAILED: cpp, chaos: 65 lines in answer to 64 commands"

stand_in cpp "" "sed 's/.*/ok/'; exit"
expect "an unreadable answer" 1 \
    'FAILED: cpp, chaos: an answer is neither "ok" nor "ok digest=HASH"'

stand_in go "" "exec cat /dev/zero"
expect "serve floods" 1 "FAILED: go, chaos: "

rm "$WORK/cpp"
expect "no program" 1 "cross_test: no program at $WORK/cpp"

if [ "$failed" = 0 ]; then
    echo "test_cross_test: all is found"
fi
exit "$failed"
