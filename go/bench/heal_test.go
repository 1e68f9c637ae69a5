package bench

import (
	"testing"

	"github.com/dkv20/dkv20/go"
)

// missed is how many entries a replica has to catch up with.
const missed = 1_000

func BenchmarkHeal(b *testing.B) {
	eachSize(b, "log", []int{10_000, 1_000_000}, func(b *testing.B, length int) {
		const keys, filling = 10_000, 100_000 // the map is as full as it becomes
		benchmarkHeal(b, scaled(length), keys, filling)
	})
}

// An iteration heals a replica that has missed some entries behind a log of
// length entries, or up to a tenth more; that alone is what is timed. Before
// those there were filling entries.
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

// isolate takes the last replica off the cluster.
func isolate(b *testing.B, c *dkv20.Cluster) {
	b.Helper()
	if err := c.Partition(replicasCount - 1); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkApply(b *testing.B) { eachSize(b, "ops", []int{missed}, benchmarkApply) }

// What BenchmarkHeal is to be compared with: the same ops applied to one map of
// the standard library, which holds the same keys.
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
