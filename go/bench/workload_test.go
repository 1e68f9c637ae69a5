package bench

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dkv20/dkv20/go"
)

// The workload of all benchmarks that propose.
const (
	workloadSeed  = 1
	workloadOps   = 1_000_000
	replicasCount = 5
)

var keySpaces = []uint64{10_000, 1_000_000}

// scaled returns number, divided by the environment variable DKV20_BENCH_SCALE if
// that is set. Numbers in the names of benchmarks are not scaled.
func scaled(number int) int {
	scale, err := strconv.Atoi(cmp.Or(os.Getenv("DKV20_BENCH_SCALE"), "1"))
	if err != nil || scale < 1 {
		panic("DKV20_BENCH_SCALE is not a number of at least 1")
	}
	return max(number/scale, 1)
}

// operation is an op as the floor applies it, and as the port takes it.
type operation struct {
	key   string
	value []byte // nil for Del
	op    dkv20.Op
}

// workload returns count ops of the definition's workload.
func workload(b *testing.B, keys uint64, count int) []operation {
	draws := dkv20.NewSplitMix64(workloadSeed)
	ops := make([]operation, count)
	for i := range ops {
		r1 := draws.Next()
		r2 := draws.Next()
		r3 := draws.Next()
		op, err := dkv20.DecodeOp(r1, r2, r3, keys)
		if err != nil {
			b.Fatal(err)
		}
		ops[i] = operation{key: fmt.Sprintf("key-%06d", r2%keys), op: op}
		if r1>>62 != 3 {
			ops[i].value = binary.LittleEndian.AppendUint64(nil, r3%10_000)
		}
	}
	return ops
}

// apply applies the op to a map of the standard library.
func (o *operation) apply(to map[string][]byte) {
	if o.value == nil {
		delete(to, o.key)
	} else {
		to[o.key] = o.value
	}
}

// sortedKeys returns the keys in the order of a dump.
func sortedKeys(of map[string][]byte) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func newCluster(b *testing.B, n int) *dkv20.Cluster {
	b.Helper()
	c, err := dkv20.NewCluster(n)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// propose proposes all ops. None may be refused.
func propose(b *testing.B, c *dkv20.Cluster, ops []operation) {
	b.Helper()
	for i := range ops {
		if _, err := c.Propose(ops[i].op); err != nil {
			b.Fatal(err)
		}
	}
}

func replica(b *testing.B, c *dkv20.Cluster, id dkv20.ReplicaID) *dkv20.Replica {
	b.Helper()
	r, err := c.Replica(id)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// report reports the time of one op, if each iteration has run count ops.
func report(b *testing.B, count int, unit string) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), unit)
}

const nsPerPut = "ns/put"

// stopwatch times a short part of each iteration. (Stopping the benchmark's own
// timer stops the world, which takes longer than the part.)
type stopwatch struct{ total time.Duration }

func (s *stopwatch) time(part func()) {
	start := time.Now()
	part()
	s.total += time.Since(start)
}

// report reports the time of the part instead of the iteration's.
func (s *stopwatch) report(b *testing.B) {
	b.ReportMetric(float64(s.total.Nanoseconds())/float64(b.N), "ns/op")
}

// eachSize runs a benchmark for each size, under the name NAME=SIZE.
func eachSize[N int | uint64](b *testing.B, name string, sizes []N, run func(b *testing.B, size N)) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%s=%d", name, size), func(b *testing.B) { run(b, size) })
	}
}
