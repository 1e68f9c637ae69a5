package bench

import (
	"testing"

	"github.com/dkv20/dkv20/go"
)

// Three decades of lengths of a log, and of key spaces.
var decades = []int{1_000, 10_000, 100_000, 1_000_000}

// grown gives a cluster with n entries over n keys, or less of both for a trial.
func grown(b *testing.B, n int) *dkv20.Cluster {
	c := newCluster(b, replicasCount)
	propose(b, c, grownBy(b, n, scaled(n)))
	return c
}

// grownBy gives ops over as many keys.
func grownBy(b *testing.B, n, count int) []operation { return workload(b, uint64(scaled(n)), count) }

// BenchmarkGrowthPropose proposes some more to such a cluster.
func BenchmarkGrowthPropose(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		c, ops := grown(b, n), grownBy(b, n, missed)
		for b.Loop() {
			propose(b, c, ops)
		}
		report(b, missed, nsPerPut)
	})
}

// BenchmarkGrowthHeal heals a replica that has missed as much.
func BenchmarkGrowthHeal(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		benchmarkHeal(b, scaled(n), uint64(scaled(n)), 0)
	})
}

// BenchmarkGrowthCompact compacts such a cluster.
func BenchmarkGrowthCompact(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		var compacting stopwatch
		for b.Loop() {
			compacting.time(grown(b, n).Compact)
		}
		compacting.report(b)
	})
}

// BenchmarkGrowthElect elects another leader of such a cluster.
func BenchmarkGrowthElect(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		c := grown(b, n)
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
