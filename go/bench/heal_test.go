package bench

import (
	"testing"

	"github.com/dkv20/dkv20/go"
)

// missed is how many entries a replica has to catch up with.
const missed = 1_000

// rounds is how often an iteration does what takes but microseconds.
const rounds = 100

func BenchmarkHeal(b *testing.B) { eachSize(b, "log", []int{10_000, 1_000_000}, benchmarkHeal) }

// An iteration heals, round after round, a replica that has missed some entries
// behind a log of length entries, or up to a tenth more.
func benchmarkHeal(b *testing.B, length int) {
	const keys, filling = 10_000, 100_000 // the map is as full as it becomes
	length = scaled(length)
	ops := workload(b, keys, length+missed)
	c := newCluster(b, replicasCount)
	propose(b, c, workload(b, keys, filling))
	log := 0
	for b.Loop() {
		for range rounds {
			b.StopTimer()
			if log += missed; log < length || log > length+length/10 {
				c.Compact()
				propose(b, c, ops[:length])
				log = length
			}
			isolate(b, c)
			propose(b, c, ops[length:])
			b.StartTimer()
			c.Heal()
		}
	}
	report(b, rounds*missed, nsPerPut)
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
		for range rounds {
			for i := range ops[length:] {
				ops[length+i].apply(m)
			}
		}
	}
	report(b, rounds*count, nsPerPut)
}
