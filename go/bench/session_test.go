package bench

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dkv20/dkv20/go"
)

func BenchmarkChaos(b *testing.B) { eachSize(b, "steps", []int{1_000_000}, benchmarkChaos) }

func benchmarkChaos(b *testing.B, steps int) {
	steps = scaled(steps)
	for b.Loop() {
		serve(b, fmt.Sprintf("new %d\nchaos 1 %d\n", replicasCount, steps))
	}
	b.ReportMetric(float64(steps)*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
	report(b, steps, "ns/step")
}

func serve(b *testing.B, input string) {
	b.Helper()
	if err := dkv20.Serve(strings.NewReader(input), io.Discard); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkServe(b *testing.B) { eachSize(b, "puts", []int{workloadOps}, benchmarkServe) }

// puts returns the keys and values of count puts.
func puts(count int) (pairs [][2]string) {
	const keys = 10_000
	draws := dkv20.NewSplitMix64(workloadSeed)
	for range count {
		key := fmt.Sprintf("key-%06d", draws.Next()%keys)
		pairs = append(pairs, [2]string{key, fmt.Sprintf("%04d", draws.Next()%keys)})
	}
	return pairs
}

// benchmarkServe sends puts as lines of the port protocol, without waiting for
// answers.
func benchmarkServe(b *testing.B, count int) {
	count = scaled(count)
	var input strings.Builder
	fmt.Fprintf(&input, "new %d\n", replicasCount)
	for _, pair := range puts(count) {
		fmt.Fprintf(&input, "put %s %s\n", pair[0], pair[1])
	}
	for b.Loop() {
		serve(b, input.String())
	}
	report(b, count, nsPerPut)
}

func BenchmarkCall(b *testing.B) { eachSize(b, "puts", []int{workloadOps}, benchmarkCall) }

// benchmarkCall is the floor of BenchmarkServe: it calls Propose with the same puts.
func benchmarkCall(b *testing.B, count int) {
	count = scaled(count)
	pairs := puts(count)
	for b.Loop() {
		c := newCluster(b, replicasCount)
		for i := range pairs {
			if _, err := c.Propose(dkv20.Put(pairs[i][0], pairs[i][1])); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b, count, nsPerPut)
}
