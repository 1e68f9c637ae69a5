package dkv20

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// logOf makes a log of single entries with these terms.
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
	for index, expected := range map[uint64]string{0: "0 false", 1: "0 false", 2: "1 true", 3: "2 true", 4: "5 true", 5: "5 true", 6: "0 false"} {
		term, known := l.termAt(index)
		equal(t, fmt.Sprintf("term at %d", index), fmt.Sprint(term, known), expected)
	}
	equal(t, "last term", l.lastTerm(), 5)
	l.compact(5)
	equal(t, "base, last, last term", fmt.Sprint(l.base, l.last(), l.lastTerm()), "5 5 5")
	l.append(5, &Op{})
	equal(t, "base, last, last term", fmt.Sprint(l.base, l.last(), l.lastTerm()), "5 6 5")
}

func TestLogAgreement(t *testing.T) {
	for _, c := range []struct {
		a, b     []uint64
		expected uint64
	}{
		{nil, nil, 0},
		{[]uint64{1}, nil, 0},
		{[]uint64{1, 1}, []uint64{1, 1, 1}, 2},
		{[]uint64{1, 1, 2, 2}, []uint64{1, 1, 3}, 2},
		{[]uint64{1, 1, 1, 1}, []uint64{1, 1, 3}, 2},
		{[]uint64{1, 1, 2, 3}, []uint64{1, 1, 4, 4, 5, 6}, 2},
		{[]uint64{2}, []uint64{1, 1}, 0},
	} {
		equal(t, fmt.Sprint(c.a, c.b), logOf(c.a...).agreement(logOf(c.b...)), c.expected)
		equal(t, fmt.Sprint(c.b, c.a), logOf(c.b...).agreement(logOf(c.a...)), c.expected)
	}
}

func TestLogSharesEntries(t *testing.T) {
	leader := logOf(1, 1, 2)
	var follower log
	follower.extend(leader)
	for i := range follower.runs {
		if follower.runs[i].chunk != leader.runs[i].chunk {
			t.Fatal("entries are held twice")
		}
	}
	// A log that ends within a chunk does not see what follows.
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
	for i, r := range l.runs {
		equal(t, "first", r.first, index+1)
		index = r.last
		if r.bytes > chunkBytesMax || len(r.ops) > chunkEntriesMax {
			t.Errorf("chunk %d has %d entries of %d bytes", i, len(r.ops), r.bytes)
		}
	}
	equal(t, "last", index, 2100)
	var b log
	large := Put("k", strings.Repeat("v", ValueLengthMax))
	b.append(1, &large)
	b.append(1, &Op{})
	equal(t, "runs", len(b.runs), 2) // what is large stands alone
}

// heap gives how many bytes are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestMemoryIsFreedAndShared(t *testing.T) {
	const size, count = 1 << 18, 200 // 50 MiB in all
	value := strings.Repeat("v", size)
	use := func(name string, most int, do func(c *Cluster)) {
		t.Helper()
		c := newCluster(t, 5)
		before := heap()
		do(c)
		if used := heap() - before; used > most*size {
			t.Errorf("%s: %d values' worth of memory, at most %d expected", name, used/size, most)
		}
		runtime.KeepAlive(c)
	}
	put := func(c *Cluster) {
		for range count {
			propose(t, c, Put("k", value))
		}
	}
	use("entries are held once", count+count/10, put)
	use("compaction frees entries", 5, func(c *Cluster) { put(c); c.Compact() })
	use("a lagging replica does not hold what it never had", 5, func(c *Cluster) {
		propose(t, c, Put("k", value))
		mustDo(t, c.Partition(4))
		put(c)
		mustDo(t, c.CompactIDs(0, 1, 2, 3))
	})
	use("a truncated tail is freed", 5, func(c *Cluster) {
		mustDo(t, c.Partition(0))
		for range count {
			_, err := c.ProposeAt(0, Put("k", value))
			mustDo(t, err)
		}
		c.Heal()
	})
	use("large values are shared by the maps", count+count/10, func(c *Cluster) {
		for i := range count {
			propose(t, c, Put(fmt.Sprint(i), value))
		}
		c.Compact()
	})
	use("an op does not pin what its strings were cut from", 5, func(c *Cluster) {
		for i := range count {
			long := fmt.Sprintf("%08d%s", i, value)
			propose(t, c, Put(long[:8], long[8:300]))
		}
	})
}

// The cost of catching up, of an election and of a proposal does not grow with
// the log: its description is not looked through.
func TestLogDescriptionIsSmall(t *testing.T) {
	c := newCluster(t, 5)
	_, err := c.Workload(1, 100, 50_000)
	mustDo(t, err)
	for _, r := range c.replicas {
		if runs := len(r.log.runs); runs > 50_000/100 {
			t.Errorf("replica %d: %d runs", r.id, runs)
		}
	}
}
