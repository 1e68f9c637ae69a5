package bench

import (
	"testing"
)

func BenchmarkPropose(b *testing.B) { eachSize(b, "keys", keySpaces, benchmarkPropose) }

// An iteration is the whole workload on a fresh cluster.
func benchmarkPropose(b *testing.B, keys uint64) {
	ops := workload(b, keys, scaled(workloadOps))
	for b.Loop() {
		c := newCluster(b, replicasCount)
		propose(b, c, ops)
		if len(replica(b, c, 0).DumpState()) == 0 {
			b.Fatal("no dump")
		}
	}
	report(b, len(ops), nsPerPut)
}

func BenchmarkFloor(b *testing.B) { eachSize(b, "keys", keySpaces, benchmarkFloor) }

// The same ops on as many maps: no log, no quorum, no checks; and the sort that a
// dump needs, for one of them.
func benchmarkFloor(b *testing.B, keys uint64) {
	ops := workload(b, keys, scaled(workloadOps))
	for b.Loop() {
		var maps [replicasCount]map[string][]byte
		for i := range maps {
			maps[i] = map[string][]byte{}
		}
		for i := range ops {
			for _, m := range maps {
				ops[i].apply(m)
			}
		}
		if len(sortedKeys(maps[0])) != len(maps[0]) {
			b.Fatal("keys are missing")
		}
	}
	report(b, len(ops), nsPerPut)
}
