#!/usr/bin/env bash
# Usage: scripts/live.sh faults [--seconds N]
#        scripts/live.sh rates
#
# Runs `dkv20 live` with real servers: etcd on the loopback interface, in temporary folders.
#
#   faults  three writers, and followers in Rust, Go and C++, on three members: leaders are moved,
#           killed and paused, and history is compacted; fails on a gap, a duplicate, a loss, a
#           checkpoint that differs, and if a follower's way to recover was never taken
#   rates   how fast lines are appended and followed, on one member and on three, beside
#           `etcdctl check perf`
#
#   --seconds N  for how long there are faults; by default 60, and until there was one of each kind
#
# Exit status: 0 done, 1 failed, 2 usage.

set -u
# shellcheck source=scripts/env.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/env.sh"

main() {
    local run=${1:-} options=""
    case $run in
        -h | --help) usage && return ;;
        faults | rates) shift ;;
        *) bad_usage "faults or rates, not: $run" ;;
    esac
    while [ $# -gt 0 ]; do
        case $run:$1 in
            *:-h | *:--help) usage && return ;;
            faults:--seconds)
                case ${2:-} in '' | *[!0-9]*) bad_usage "--seconds needs a number" ;; esac
                options="--seconds $2"
                shift 2
                ;;
            *) bad_usage "no such option of $run: $1" ;;
        esac
    done
    bash "$ROOT/scripts/build.sh" rust live || exit 1
    # shellcheck disable=SC2086 # a list of words
    cd "$ROOT" && cargo test --quiet --locked --package dkv20-live --test "$run" -- $options || exit 1
}

main "$@"
