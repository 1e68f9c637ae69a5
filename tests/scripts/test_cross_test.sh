#!/usr/bin/env bash
# Tests scripts/cross_test.sh with stand-ins for the three programs: good ones, and one that is wrong
# in each way. It must find each, and name the program and what it did.
set -u

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/dkv20-test-cross-test.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
A=$(sed -n "s/^PINNED_A='\(.*\)'\$/\1/p" "$ROOT/scripts/cross_test.sh")
B=$(sed -n "s/^PINNED_B='\(.*\)'\$/\1/p" "$ROOT/scripts/cross_test.sh")
ZEROS=$(printf '%064d' 0)
passed=0 failed=0

# PROGRAM SCENARIO SERVE: writes a stand-in that runs SCENARIO or SERVE, shell code, and then answers
# well; its digests are zeros and the number of replicas.
stand_in() {
    cat >"$WORK/$1" <<END
#!/usr/bin/env bash
if [ "\$1" = scenario ]; then
    $2
    printf 'A %s\nB %s\n' $A $B
else
    $3
    awk '/^new/ { n = \$2; print "ok" } /^chaos/ { printf "ok digest=%064d\n", n }'
fi
END
    chmod +x "$WORK/$1"
}

# STATUS TEXT PROGRAM SCENARIO SERVE: cross_test.sh must exit with STATUS and print TEXT if PROGRAM is
# that stand-in.
expect() {
    local program status
    for program in rust go cpp; do stand_in "$program" : :; done
    stand_in "$3" "$4" "$5"
    [ "$4" != missing ] || rm "$WORK/$3"
    DKV20_LIMIT=2 "$BASH" "$ROOT/scripts/cross_test.sh" --ports "$WORK" </dev/null >"$WORK/output" 2>&1
    status=$?
    if [ "$status" = "$1" ] && grep -qF -- "$2" "$WORK/output"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: status %d, not %d, or not printed: %s\n' "$status" "$1" "$2"
        sed 's/^/    /' "$WORK/output"
    fi
}

expect 0 'cross_test: all agree' go : :
expect 1 "actual   scenario B $ZEROS" go "printf 'A %s\nB %s\n' $A $ZEROS; exit" :
expect 1 "expected scenario B $B" go "printf 'A %s\nB %s\n' $A $ZEROS; exit" :
expect 1 'FAILED: go differs' go exit :
expect 1 'FAILED: cpp, scenario: exited with status 1' cpp 'echo diverged >&2; exit 1' :
expect 1 'FAILED: rust, scenario: exited with status 139' rust 'kill -SEGV $$' :
expect 1 'FAILED: go, scenario: hangs: stopped after 2 s' go 'exec sleep 60' :
expect 1 'cross_test: no program at ' cpp missing :
expect 1 'FAILED: cpp differs' cpp : 'sed "/^new/s/.*/ok/; /^chaos/s/.*/ok digest=0/"; exit'
expect 1 'FAILED: rust differs' rust : 'sed "/^new/s/.*/ok/; /^chaos/s/.*/ok digest=0/"; exit'
expect 1 'actual   new 1 chaos 1 20000 err' go : 'sed s/.*/err/; exit'
expect 1 'FAILED: go, serve: exited with status 2' go : 'head -n 3; echo panic >&2; exit 2'
expect 1 'FAILED: cpp, serve: hangs: stopped after 2 s' cpp : 'exec sleep 60'
expect 1 'FAILED: go differs' go : exit
expect 1 'FAILED: cpp differs' cpp : 'echo ok'
expect 1 'FAILED: go, serve: exited with status' go : 'exec cat /dev/zero'

echo "test_cross_test: $passed passed, $failed failed"
[ "$failed" = 0 ]
