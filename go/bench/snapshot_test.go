package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dkv20/dkv20/go"
)

// scattered returns a cluster of one replica, with keys put in random order and
// values of eight bytes.
func scattered(b *testing.B, keys int) *dkv20.Cluster {
	b.Helper()
	c := newCluster(b, 1)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(keys) {
		if _, err := c.Propose(dkv20.Put(fmt.Sprintf("key-%06d", i), "12345678")); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

func BenchmarkDump(b *testing.B) { eachSize(b, "keys", []int{1_000_000}, benchmarkDump) }

func benchmarkDump(b *testing.B, keys int) {
	keys = scaled(keys)
	r := replica(b, scattered(b, keys), 0)
	b.SetBytes(int64(len(r.DumpState())))
	eachWarm(b, func() { r.DumpState() })
	report(b, keys, "ns/key")
}

// sink keeps the compiler from removing a result that is not used.
var sink []byte

// eachWarm times a function that allocates much, after the heap has grown to its
// final size.
func eachWarm(b *testing.B, run func()) {
	const before = 8
	for range before {
		run()
	}
	for b.Loop() {
		run()
	}
}

// BenchmarkMemcpy copies the bytes that BenchmarkDump returns.
func BenchmarkMemcpy(b *testing.B) {
	eachSize(b, "keys", []int{1_000_000}, func(b *testing.B, keys int) {
		keys = scaled(keys)
		dump := replica(b, scattered(b, keys), 0).DumpState()
		b.SetBytes(int64(len(dump)))
		eachWarm(b, func() { sink = append([]byte(nil), dump...) })
		report(b, keys, "ns/key")
	})
}

func BenchmarkHash(b *testing.B) {
	const large, small = 1 << 20, 8
	b.Run("stream", func(b *testing.B) { benchmarkHash(b, 64, large) })
	b.Run("entries", func(b *testing.B) { benchmarkHash(b, 1_000_000, small) })
}

func benchmarkHash(b *testing.B, keys, valueLength int) {
	c := newCluster(b, 1)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(scaled(keys)) {
		op := dkv20.Put(fmt.Sprintf("key-%06d", i), strings.Repeat("v", valueLength))
		if _, err := c.Propose(op); err != nil {
			b.Fatal(err)
		}
	}
	r := replica(b, c, 0)
	b.SetBytes(int64(len(r.DumpState())))
	for b.Loop() {
		r.SnapshotHash()
	}
}
