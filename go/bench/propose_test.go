package bench

import (
	"testing"
)

func BenchmarkPropose(b *testing.B) { eachSize(b, "keys", keySpaces, benchmarkPropose) }

// benchmarkPropose runs the whole workload on a new cluster in each iteration.
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

// benchmarkFloor applies the same ops to as many maps, without a log, a quorum or
// checks, and sorts the keys of one of them, as a dump does.
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
