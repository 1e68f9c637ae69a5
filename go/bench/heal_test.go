package bench

import (
	"testing"

	"github.com/dkv20/dkv20/go"
)

// missed is the number of entries that a replica has to catch up with.
const missed = 1_000

func BenchmarkHeal(b *testing.B) {
	eachSize(b, "log", []int{10_000, 1_000_000}, func(b *testing.B, length int) {
		const keys, filling = 10_000, 100_000 // enough to fill the map
		benchmarkHeal(b, scaled(length), keys, filling)
	})
}

// benchmarkHeal times how long a replica takes to heal that has missed some
// entries, in a cluster whose logs have length entries, or up to a tenth more.
// Filling entries were proposed and compacted before.
func benchmarkHeal(b *testing.B, length int, keys uint64, filling int) {
	ops := workload(b, keys, length+missed)
	c := newCluster(b, replicasCount)
	propose(b, c, workload(b, keys, filling))
	var log int
	begin := func() {
		c.Compact()
		propose(b, c, ops[:length])
		log = length
	}
	begin()
	var healing stopwatch
	for b.Loop() {
		if log > length+length/10 {
			begin()
		}
		log += missed
		isolate(b, c)
		propose(b, c, ops[length:])
		healing.time(c.Heal)
	}
	healing.report(b)
}

// isolate isolates the last replica.
func isolate(b *testing.B, c *dkv20.Cluster) {
	b.Helper()
	if err := c.Partition(replicasCount - 1); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkApply(b *testing.B) { eachSize(b, "ops", []int{missed}, benchmarkApply) }

// benchmarkApply is the floor of BenchmarkHeal: it applies the same ops to one map
// of the standard library that has the same keys.
func benchmarkApply(b *testing.B, count int) {
	const keys, length = 10_000, 100_000
	ops := workload(b, keys, length+count)
	m := map[string][]byte{}
	for i := range ops[:length] {
		ops[i].apply(m)
	}
	for b.Loop() {
		for i := range ops[length:] {
			ops[length+i].apply(m)
		}
	}
	report(b, count, nsPerPut)
}
