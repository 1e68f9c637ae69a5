package bench

import (
	"testing"

	"github.com/dkv20/dkv20/go"
)

// decades are lengths of logs and sizes of key spaces.
var decades = []int{1_000, 10_000, 100_000, 1_000_000}

// grown returns a cluster with n entries over n keys, both scaled.
func grown(b *testing.B, n int) *dkv20.Cluster {
	c := newCluster(b, replicasCount)
	propose(b, c, grownBy(b, n, scaled(n)))
	return c
}

// grownBy returns count ops over n keys, scaled.
func grownBy(b *testing.B, n, count int) []operation { return workload(b, uint64(scaled(n)), count) }

// BenchmarkGrowthPropose proposes more ops to a grown cluster.
func BenchmarkGrowthPropose(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		c, ops := grown(b, n), grownBy(b, n, missed)
		for b.Loop() {
			propose(b, c, ops)
		}
		report(b, missed, nsPerPut)
	})
}

// BenchmarkGrowthHeal heals a replica that has missed some entries of a log of n.
func BenchmarkGrowthHeal(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		benchmarkHeal(b, scaled(n), uint64(scaled(n)), 0)
	})
}

// BenchmarkGrowthCompact compacts a grown cluster.
func BenchmarkGrowthCompact(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		var compacting stopwatch
		for b.Loop() {
			compacting.time(grown(b, n).Compact)
		}
		compacting.report(b)
	})
}

// BenchmarkGrowthElect elects a leader of a grown cluster.
func BenchmarkGrowthElect(b *testing.B) {
	eachSize(b, "n", decades, func(b *testing.B, n int) {
		c := grown(b, n)
		for b.Loop() {
			if err := c.Partition(c.Leader()); err != nil {
				b.Fatal(err)
			}
			c.Heal()
		}
	})
}

// BenchmarkGrowthDump dumps n keys, put in random order.
func BenchmarkGrowthDump(b *testing.B) { eachSize(b, "n", decades, benchmarkDump) }
