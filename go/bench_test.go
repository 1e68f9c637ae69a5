package dkv20

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchmarkOps gives ops as a workload of 10,000 keys has them.
func benchmarkOps() []Op {
	ops := make([]Op, 1<<16)
	g := NewSplitMix64(1)
	for i := range ops {
		ops[i] = g.drawOp(10_000)
	}
	return ops
}

func newCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c, err := NewCluster(n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func BenchmarkProposeFiveReplicas(b *testing.B) {
	ops := benchmarkOps()
	c := newCluster(b, 5)
	for i := 0; b.Loop(); i++ {
		if _, err := c.Propose(ops[i%len(ops)]); err != nil {
			b.Fatal(err)
		}
		if i%1_000_000 == 999_999 {
			c.Compact()
		}
	}
}

// What BenchmarkProposeFiveReplicas is to be compared with: five maps that share
// each value, which nothing may change then.
func BenchmarkFiveGoMapsSharedValues(b *testing.B) {
	benchmarkGoMaps(b, func(value []byte) []byte { return value })
}

// Five maps of which each has values of its own.
func BenchmarkFiveGoMapsOwnValues(b *testing.B) {
	benchmarkGoMaps(b, bytes.Clone)
}

func benchmarkGoMaps(b *testing.B, keep func([]byte) []byte) {
	ops := benchmarkOps()
	values := make([][]byte, len(ops))
	var maps [5]map[string][]byte
	for i := range ops {
		values[i] = []byte(ops[i].value)
	}
	for i := range maps {
		maps[i] = map[string][]byte{}
	}
	for i := 0; b.Loop(); i++ {
		op := &ops[i%len(ops)]
		for _, m := range maps {
			if op.tag == tagPut {
				m[op.key] = keep(values[i%len(ops)])
			} else {
				delete(m, op.key)
			}
		}
	}
}

func BenchmarkWorkloadFiveReplicas(b *testing.B) {
	c := newCluster(b, 5)
	b.ResetTimer()
	if _, err := c.Workload(1, 10_000, uint64(b.N)); err != nil {
		b.Fatal(err)
	}
}

func millionKeys(b *testing.B) *Replica {
	c := newCluster(b, 1)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(1_000_000) {
		if _, err := c.Propose(Put(fmt.Sprintf("key-%06d", i), "12345678")); err != nil {
			b.Fatal(err)
		}
		if i%10_000 == 0 {
			c.Compact()
		}
	}
	return c.replicas[0]
}

func BenchmarkDumpStateMillionKeys(b *testing.B) {
	r := millionKeys(b)
	b.SetBytes(int64(len(r.DumpState())))
	for b.Loop() {
		r.DumpState()
	}
}

// What BenchmarkDumpStateMillionKeys is to be compared with.
func BenchmarkCopyOfMillionKeys(b *testing.B) {
	dump := millionKeys(b).DumpState()
	b.SetBytes(int64(len(dump)))
	for b.Loop() {
		copied := make([]byte, len(dump))
		copy(copied, dump)
	}
}

func BenchmarkSnapshotHashMillionKeys(b *testing.B) {
	r := millionKeys(b)
	b.SetBytes(int64(len(r.DumpState())))
	for b.Loop() {
		r.SnapshotHash()
	}
}

func BenchmarkLoadStateMillionKeys(b *testing.B) {
	dump := millionKeys(b).DumpState()
	b.SetBytes(int64(len(dump)))
	for b.Loop() {
		if _, err := LoadState(dump); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChaosFiveReplicas(b *testing.B) {
	c := newCluster(b, 5)
	b.ResetTimer()
	chaos(c, 1, uint64(b.N))
}

func BenchmarkServePuts(b *testing.B) {
	var input strings.Builder
	input.WriteString("new 5\n")
	g := NewSplitMix64(1)
	for range b.N {
		key := workloadKey(g.Next(), 10_000)
		fmt.Fprintf(&input, "put %s %d\n", key, g.Next()%10_000)
	}
	b.ResetTimer()
	if err := Serve(strings.NewReader(input.String()), io.Discard); err != nil {
		b.Fatal(err)
	}
}
