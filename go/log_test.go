package dkv20

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// logOf returns a log of entries with these terms.
func logOf(terms ...uint64) *log {
	var l log
	for _, term := range terms {
		l.append(term, &Op{})
	}
	return &l
}

func TestLogTermAt(t *testing.T) {
	l := logOf(1, 1, 2, 5, 5)
	l.compact(2)
	for index, want := range []string{"0 false", "0 false", "1 true", "2 true", "5 true", "5 true", "0 false"} {
		term, known := l.termAt(uint64(index))
		equal(t, fmt.Sprint("term at ", index), fmt.Sprint(term, known), want)
	}
	equal(t, "last term", l.lastTerm(), 5)
	l.compact(5)
	equal(t, "base, last, last term", fmt.Sprint(l.base, l.last(), l.lastTerm()), "5 5 5")
	l.append(5, &Op{})
	equal(t, "base, last, last term", fmt.Sprint(l.base, l.last(), l.lastTerm()), "5 6 5")
}

func TestLogAgreement(t *testing.T) {
	for _, c := range []struct {
		a, b []uint64
		want uint64
	}{
		{nil, nil, 0},
		{[]uint64{1}, nil, 0},
		{[]uint64{1, 1}, []uint64{1, 1, 1}, 2},
		{[]uint64{1, 1, 2, 2}, []uint64{1, 1, 3}, 2},
		{[]uint64{1, 1, 1, 1}, []uint64{1, 1, 3}, 2},
		{[]uint64{1, 1, 2, 3}, []uint64{1, 1, 4, 4, 5, 6}, 2},
		{[]uint64{2}, []uint64{1, 1}, 0},
	} {
		equal(t, fmt.Sprint(c.a, c.b), logOf(c.a...).agreement(logOf(c.b...)), c.want)
		equal(t, fmt.Sprint(c.b, c.a), logOf(c.b...).agreement(logOf(c.a...)), c.want)
	}
}

func TestLogSharesEntries(t *testing.T) {
	leader := logOf(1, 1, 2)
	var follower log
	follower.extend(leader)
	for i := range follower.runs {
		if follower.runs[i].chunk != leader.runs[i].chunk {
			t.Fatalf("run %d: the chunk is not shared", i)
		}
	}
	// A log that ends within a chunk ends there, even if the chunk grows.
	leader.append(2, &Op{})
	equal(t, "last", follower.last(), 3)
	follower.extend(leader)
	equal(t, "last", follower.last(), 4)
	equal(t, "runs", len(follower.runs), 2)
}

func TestLogChunksAreBounded(t *testing.T) {
	var l log
	op := Put("k", strings.Repeat("v", 3000))
	for range 100 {
		l.append(1, &op)
	}
	for range 2000 {
		l.append(1, &Op{})
	}
	index := uint64(0)
	for i, run := range l.runs {
		equal(t, "first", run.chunk.first, index+1)
		index = run.last
		if run.chunk.bytes > chunkBytesMax || len(run.chunk.ops) > chunkEntriesMax {
			t.Errorf("chunk %d: %d entries with %d bytes", i, len(run.chunk.ops), run.chunk.bytes)
		}
	}
	equal(t, "last", index, 2100)
	var b log
	large := Put("k", strings.Repeat("v", ValueLengthMax))
	b.append(1, &large)
	b.append(1, &Op{})
	equal(t, "runs", len(b.runs), 2) // a large entry has a chunk of its own
}

// heapSize returns the number of bytes in use.
func heapSize() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestMemoryIsSharedAndFreed(t *testing.T) {
	const size, count = 1 << 18, 200 // 50 MiB in total
	value := strings.Repeat("v", size)
	check := func(name string, most int, do func(c *Cluster)) {
		t.Helper()
		c := newCluster(t, 5)
		before := heapSize()
		do(c)
		if used := heapSize() - before; used > most*size {
			t.Errorf("%s: got memory of %d values, want at most %d", name, used/size, most)
		}
		runtime.KeepAlive(c)
	}
	put := func(c *Cluster) {
		for range count {
			propose(t, c, Put("k", value))
		}
	}
	check("logs share entries", count+count/10, put)
	check("compaction frees entries", 5, func(c *Cluster) { put(c); c.Compact() })
	check("a lagging replica holds only its own entries", 5, func(c *Cluster) {
		propose(t, c, Put("k", value))
		must(t, c.Partition(4))
		put(c)
		must(t, c.CompactIDs(0, 1, 2, 3))
	})
	check("truncation frees entries", 5, func(c *Cluster) {
		must(t, c.Partition(0))
		for range count {
			proposeAt(t, c, 0, Put("k", value))
		}
		c.Heal()
	})
	check("maps share values", count+count/10, func(c *Cluster) {
		for i := range count {
			propose(t, c, Put(fmt.Sprint(i), value))
		}
		c.Compact()
	})
	check("an op copies its strings", 5, func(c *Cluster) {
		for i := range count {
			long := fmt.Sprintf("%08d%s", i, value)
			propose(t, c, Put(long[:8], long[8:300]))
		}
	})
}

// The cost of catching up and of an election depends on the number of runs.
func TestLogHasFewRuns(t *testing.T) {
	c := newCluster(t, 5)
	_, err := RunWorkload(c, 1, 100, 50_000)
	must(t, err)
	for id, r := range c.replicas {
		if runs := len(r.log.runs); runs > 50_000/100 {
			t.Errorf("replica %d: %d runs", id, runs)
		}
	}
}
