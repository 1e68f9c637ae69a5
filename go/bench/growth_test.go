package bench

import (
	"testing"
)

// Three decades of lengths of a log, and of key spaces.
var decades = []int{1_000, 10_000, 100_000, 1_000_000}

const growthKeys = 10_000

// BenchmarkGrowthPropose proposes to a cluster whose map holds n keys.
func BenchmarkGrowthPropose(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, keys int) {
		keys, count := scaled(keys), scaled(100_000)
		filling := workload(b, uint64(keys), max(keys, count))
		ops := filling[:count]
		c := newCluster(b, replicasCount)
		propose(b, c, filling)
		for b.Loop() {
			c.Compact()
			propose(b, c, ops)
		}
		report(b, count, nsPerPut)
	})
}

// BenchmarkGrowthHeal heals a replica that has missed as much behind a log of n
// entries.
func BenchmarkGrowthHeal(b *testing.B) { eachSize(b, "n", decades, benchmarkHeal) }

// BenchmarkGrowthCompact compacts logs of n entries.
func BenchmarkGrowthCompact(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, length int) {
		length = scaled(length)
		ops := workload(b, growthKeys, length)
		c := newCluster(b, replicasCount)
		var compacting stopwatch
		for b.Loop() {
			propose(b, c, ops)
			compacting.time(c.Compact)
		}
		compacting.report(b)
	})
}

// BenchmarkGrowthElect elects another leader where logs have n entries.
func BenchmarkGrowthElect(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, length int) {
		c := newCluster(b, replicasCount)
		propose(b, c, workload(b, growthKeys, scaled(length)))
		for b.Loop() {
			leader, _ := c.Leader()
			if err := c.Partition(leader); err != nil {
				b.Fatal(err)
			}
			c.Heal()
		}
	})
}

// BenchmarkGrowthDump dumps n keys that were put in random order.
func BenchmarkGrowthDump(b *testing.B) { eachSize(b, "n", decades, benchmarkDump) }
