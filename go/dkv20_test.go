package dkv20

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The twenty numbered cases of the definition, section 12.

func TestCase01OneReplicaIsItsOwnQuorum(t *testing.T) {
	c := newCluster(t, 1)
	equal(t, "quorum", c.Quorum(), 1)
	equal(t, "outcome", propose(t, c, Put("a", "v")), Outcome{true, 1, 1})
	wantValue(t, c, 0, "a", "v")
	equal(t, "keys", c.replicas[0].Len(), 1)
	equal(t, "commit index", c.replicas[0].CommitIndex(), 1)
}

func TestCase02OneProposalReachesAllFive(t *testing.T) {
	c := newCluster(t, 5)
	equal(t, "quorum", c.Quorum(), 3)
	equal(t, "outcome", propose(t, c, Put("a", "v")), Outcome{true, 1, 1})
	for id, r := range c.replicas {
		wantValue(t, c, id, "a", "v")
		equal(t, "commit index", r.CommitIndex(), 1)
		equal(t, "last", r.Last(), 1)
	}
}

func TestCase03QuorumGatesCommit(t *testing.T) {
	one := newCluster(t, 1)
	equal(t, "1 of 1", propose(t, one, Put("a", "v")).Committed, true)
	c := newCluster(t, 5)
	mustDo(t, c.Partition(2, 3, 4))
	equal(t, "2 of 5", propose(t, c, Put("a", "v")), Outcome{false, 1, 1})
	for id, r := range c.replicas {
		wantValue(t, c, id, "a", "absent")
		equal(t, "commit index", r.CommitIndex(), 0)
		equal(t, "keys", r.Len(), 0)
	}
	for n, quorum := range []int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 64: 33} {
		if n == 0 || quorum == 0 {
			continue
		}
		c := newCluster(t, n)
		equal(t, "quorum", c.Quorum(), quorum)
		for id := n - 1; id > 0; id-- {
			reachable := id + 1
			equal(t, fmt.Sprintf("%d of %d", reachable, n), propose(t, c, NoOp()).Committed, reachable >= quorum)
			mustDo(t, c.Partition(id))
		}
	}
}

func TestCase04MajorityCommitsMinorityStays(t *testing.T) {
	c := newCluster(t, 5)
	mustDo(t, c.Partition(3, 4))
	equal(t, "3 of 5", propose(t, c, Put("a", "v")), Outcome{true, 1, 1})
	for id, r := range c.replicas {
		isolated := id >= 3
		equal(t, "is partitioned", c.IsPartitioned(id), isolated)
		if isolated {
			equal(t, "commit index", r.CommitIndex(), 0)
			equal(t, "last", r.Last(), 0)
			wantValue(t, c, id, "a", "absent")
		} else {
			equal(t, "commit index", r.CommitIndex(), 1)
			wantValue(t, c, id, "a", "v")
		}
	}
	if ids := c.Isolated(); !slices.Equal(ids, []int{3, 4}) {
		t.Fatalf("isolated: %v", ids)
	}
	equal(t, "an unknown id", c.IsPartitioned(5) || c.IsPartitioned(-1) || c.IsPartitioned(64), false)
}

func TestCase05HealRestoresIdenticalSnapshots(t *testing.T) {
	c := newCluster(t, 5)
	propose(t, c, Put("a", "1"))
	mustDo(t, c.Partition(3, 4))
	propose(t, c, Put("b", "2"))
	propose(t, c, Del("a"))
	behind := c.replicas[4].DumpState()
	if bytes.Equal(behind, c.replicas[0].DumpState()) {
		t.Fatal("the partitioned replica has heard of it")
	}
	mustDo(t, c.HealIDs(3))
	if !bytes.Equal(c.replicas[4].DumpState(), behind) {
		t.Fatal("heal of another has changed the replica")
	}
	c.Heal()
	wantSame(t, c)
	equal(t, "commit index", c.replicas[4].CommitIndex(), 3)
	wantValue(t, c, 4, "a", "absent")
	wantValue(t, c, 4, "b", "2")
}

func TestCase06LongWorkloadStaysIdentical(t *testing.T) {
	c := newCluster(t, 5)
	g := NewSplitMix64(6)
	for i := 1; i <= 10_000; i++ {
		propose(t, c, g.drawOp(500))
		if i%100 == 0 {
			equal(t, "commit index", c.replicas[0].CommitIndex(), uint64(i))
			wantSame(t, c)
		}
	}
}

func TestCase07DeleteNoopOverwrite(t *testing.T) {
	c := newCluster(t, 3)
	steps := []struct {
		op       Op
		expected string
		keys     int
	}{
		{Put("a", "1"), "1", 1},
		{Put("a", "22"), "22", 1},
		{Put("b", ""), "22", 2},
		{NoOp(), "22", 2},
		{Del("absent"), "22", 2},
		{Put("a", ""), "", 2},
		{Del("a"), "absent", 1},
		{Del("a"), "absent", 1},
		{Put("a", "3"), "3", 2},
	}
	for i, step := range steps {
		equal(t, "outcome", propose(t, c, step.op), Outcome{true, uint64(i + 1), 1})
		for id, r := range c.replicas {
			wantValue(t, c, id, "a", step.expected)
			equal(t, "keys", r.Len(), step.keys)
		}
	}
	wantValue(t, c, 0, "b", "")
}

func TestCase08SnapshotLayout(t *testing.T) {
	c := newCluster(t, 3)
	empty := "444b5653" + "01000000" + "0000000000000000" + "0000000000000000" + "0000000000000000"
	equal(t, "empty state", hex.EncodeToString(c.replicas[0].DumpState()), empty)
	mustDo(t, c.Partition(0)) // replica 1 leads term 2, whose NoOp is entry 1
	propose(t, c, Put("key-000002", "\x01\x02\x03\x04\x05\x06\x07\x08"))
	propose(t, c, Put("a\x00", ""))
	for range 256 {
		propose(t, c, NoOp())
	}
	expected := "444b5653" + // magic
		"01000000" + // version
		"0301000000000000" + // commit index 259
		"0200000000000000" + // term
		"0200000000000000" + // keys
		"02000000" + "6100" + "00000000" + // a NUL, and no value
		"0a000000" + "6b65792d303030303032" + "08000000" + "0102030405060708"
	equal(t, "state", hex.EncodeToString(c.replicas[1].DumpState()), expected)
	// Lengths are of four bytes, and each of their bytes counts.
	propose(t, c, Put(strings.Repeat("k", 0x102), strings.Repeat("v", 0x10203)))
	dump := c.replicas[1].DumpState()
	tail := dump[len(dump)-0x102-0x10203-8:]
	equal(t, "key length", hex.EncodeToString(tail[:4]), "02010000")
	equal(t, "value length", hex.EncodeToString(tail[4+0x102:][:4]), "03020100")
	equal(t, "hash", newCluster(t, 1).replicas[0].SnapshotHash(),
		"e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576")
}

func TestCase09SplitMix64PublishedOutputs(t *testing.T) {
	g := NewSplitMix64(1234567)
	state := uint64(1234567)
	for _, expected := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821,
	} {
		state += 0x9e3779b97f4a7c15
		equal(t, "mix", Mix(state), expected)
		equal(t, "next", g.Next(), expected)
	}
	equal(t, "mix of 0", Mix(0), 0)
	var zero SplitMix64
	equal(t, "seed 0", zero.Next(), 0xe220a8397b1dcdaf)
}

func TestCase10WorkloadDecoder(t *testing.T) {
	const low = 1<<62 - 1
	cases := []struct {
		r1, r2, r3, keys uint64
		expected         Op
	}{
		{0, 0, 0, 1, Put("key-000000", strings.Repeat("\x00", 8))},
		{low, 7, 258, 1000, Put("key-000007", "\x02\x01\x00\x00\x00\x00\x00\x00")},
		{1 << 62, 1234567, 9999, 1_000_000, Put("key-234567", "\x0f\x27\x00\x00\x00\x00\x00\x00")},
		{2 << 62, 1000, 10_000, 1000, Put("key-000000", strings.Repeat("\x00", 8))},
		{2<<62 | low, 999_999, 10_001, 1_000_000, Put("key-999999", "\x01\x00\x00\x00\x00\x00\x00\x00")},
		{3 << 62, 42, 5, 64, Del("key-000042")},
		{3<<62 | low, 64, 5, 64, Del("key-000000")},
	}
	for _, c := range cases {
		op, err := DecodeOp(c.r1, c.r2, c.r3, c.keys)
		if err != nil || op != c.expected {
			t.Errorf("%d %d %d of %d: %q, %v; expected %q", c.r1, c.r2, c.r3, c.keys, op, err, c.expected)
		}
	}
	for _, keys := range []uint64{0, KeysMax + 1, 1 << 63} {
		_, err := DecodeOp(0, 0, 0, keys)
		wantError(t, err, ErrKeySpace)
	}
	// Three draws for each op, whatever it is, and in that order.
	g, draws := NewSplitMix64(10), NewSplitMix64(10)
	dels := 0
	for range 100 {
		r1 := draws.Next()
		r2 := draws.Next()
		r3 := draws.Next()
		expected, err := DecodeOp(r1, r2, r3, 1000)
		mustDo(t, err)
		equal(t, "op", g.drawOp(1000), expected)
		if expected.tag == tagDel {
			dels++
		}
	}
	if dels < 10 || dels > 40 {
		t.Errorf("%d of 100 are Del", dels)
	}
}

func TestCase11SeedDecidesSnapshot(t *testing.T) {
	run := func(seed uint64) []byte {
		c := newCluster(t, 3)
		counts, err := c.Workload(seed, 100, 1000)
		mustDo(t, err)
		equal(t, "counts", counts, Counts{Committed: 1000})
		wantSame(t, c)
		return c.replicas[0].DumpState()
	}
	if !bytes.Equal(run(1), run(1)) {
		t.Error("the same seed gives another snapshot")
	}
	if bytes.Equal(run(1), run(2)) {
		t.Error("another seed gives the same snapshot")
	}
}

func TestCase12ScenarioHashesArePinned(t *testing.T) {
	pinned := map[string]string{
		"A": "e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a",
		"B": "04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681",
	}
	equal(t, "scenarios", strings.Join(Scenarios(), " "), "A B")
	for name, expected := range pinned {
		hash, err := Scenario(name)
		mustDo(t, err)
		equal(t, "scenario "+name, hash, expected)
	}
}

func TestCase13HealAfterLongMixedWorkload(t *testing.T) {
	c := newCluster(t, 5)
	work := func(seed uint64, expected Counts) {
		t.Helper()
		counts, err := c.Workload(seed, 300, 1000)
		mustDo(t, err)
		equal(t, "counts", counts, expected)
	}
	work(1, Counts{Committed: 1000})
	mustDo(t, c.Partition(4))
	work(2, Counts{Committed: 1000})
	mustDo(t, c.Partition(3))
	work(3, Counts{Committed: 1000})
	mustDo(t, c.HealIDs(4))
	mustDo(t, c.Partition(0))
	work(4, Counts{Committed: 1000})
	mustDo(t, c.Partition(1, 2))
	work(5, Counts{Refused: 1000})
	mustDo(t, c.HealIDs(1))
	work(6, Counts{Pending: 1000})
	c.Heal()
	work(7, Counts{Committed: 1000})
	wantSame(t, c)
	equal(t, "commit index", c.replicas[0].CommitIndex(), 6001)
}

func TestCase14FailoverAndNoLeader(t *testing.T) {
	c := newCluster(t, 5)
	propose(t, c, Put("a", "1"))
	mustDo(t, c.Partition(0))
	leader, reachable := c.Leader()
	equal(t, "leader", leader, 1)
	equal(t, "reachable", reachable, true)
	equal(t, "term", c.Term(), 2)
	equal(t, "last", c.replicas[1].Last(), 2) // its NoOp
	equal(t, "last term", c.replicas[1].LastTerm(), 2)
	equal(t, "commit index", c.replicas[4].CommitIndex(), 2)
	equal(t, "keys", c.replicas[4].Len(), 1)
	equal(t, "the deposed leader's role", c.replicas[0].Role(), Leader)
	equal(t, "the deposed leader's term", c.replicas[0].Term(), 1)
	equal(t, "outcome", propose(t, c, Put("a", "2")), Outcome{true, 3, 2})

	mustDo(t, c.Partition(1, 2)) // two of five elect nobody
	_, reachable = c.Leader()
	equal(t, "reachable", reachable, false)
	equal(t, "term", c.Term(), 2)
	_, err := c.Propose(NoOp())
	wantError(t, err, ErrNoLeader)
	mustDo(t, c.HealIDs(2))
	leader, _ = c.Leader()
	equal(t, "leader", leader, 2)
	equal(t, "term", c.Term(), 3)
	c.Heal()
	for id, r := range c.replicas {
		equal(t, "term", r.Term(), 3)
		equal(t, "is leader", r.Role() == Leader, id == 2)
	}
	wantSame(t, c)
}

func TestCase15DeposedTailIsTruncated(t *testing.T) {
	c := newCluster(t, 5)
	propose(t, c, Put("a", "1"))
	mustDo(t, c.Partition(0))
	for i := range 5 {
		outcome, err := c.ProposeAt(0, Put("a", "stale"))
		mustDo(t, err)
		equal(t, "outcome", outcome, Outcome{false, uint64(i + 2), 1})
	}
	propose(t, c, Put("b", "2"))
	wantValue(t, c, 0, "a", "1")
	equal(t, "tail", c.replicas[0].Last(), 6)
	c.Heal()
	for id, r := range c.replicas {
		wantValue(t, c, id, "a", "1")
		wantValue(t, c, id, "b", "2")
		equal(t, "last", r.Last(), 3)
		equal(t, "log", r.LogHash(), c.replicas[1].LogHash())
	}
	term, known := c.replicas[0].TermAt(2)
	equal(t, "term at 2", term, 2)
	equal(t, "known", known, true)
	equal(t, "role", c.replicas[0].Role(), Follower)
	wantSame(t, c)
}

func TestCase16LaggingReplicaGetsSnapshot(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, Put("gone", "1"))
	propose(t, c, Put("kept", "1"))
	mustDo(t, c.Partition(2))
	propose(t, c, Del("gone"))
	propose(t, c, Put("new", "1"))
	c.Compact()
	equal(t, "base", c.replicas[2].Base(), 2)
	equal(t, "the leader's base", c.replicas[0].Base(), 4)
	c.Heal()
	wantSame(t, c)
	wantValue(t, c, 2, "gone", "absent")
	wantValue(t, c, 2, "kept", "1")
	equal(t, "base", c.replicas[2].Base(), 4)
	equal(t, "keys", c.replicas[2].Len(), 2)
	term, known := c.replicas[2].TermAt(4)
	equal(t, "base term", term, 1)
	equal(t, "known", known, true)
	// What was installed is the replica's own from then on.
	mustDo(t, c.Partition(2))
	propose(t, c, Put("kept", "2"))
	wantValue(t, c, 2, "kept", "1")
	c.Heal()
	wantSame(t, c)
}

func TestCase17PendingEntriesCommitAfterHeal(t *testing.T) {
	c := newCluster(t, 5)
	mustDo(t, c.Partition(2, 3, 4))
	for i := range 3 {
		equal(t, "outcome", propose(t, c, Put("a", fmt.Sprint(i))), Outcome{false, uint64(i + 1), 1})
	}
	equal(t, "a follower holds them", c.replicas[1].Last(), 3)
	mustDo(t, c.HealIDs(4))
	for id, r := range c.replicas {
		if id == 2 || id == 3 {
			equal(t, "commit index", r.CommitIndex(), 0)
			continue
		}
		equal(t, "commit index", r.CommitIndex(), 3)
		wantValue(t, c, id, "a", "2")
	}
	c.Heal()
	equal(t, "term", c.Term(), 1)
	wantSame(t, c)
}

func TestCase18LoadStateErrors(t *testing.T) {
	c := newCluster(t, 1)
	propose(t, c, Put("a", "1"))
	propose(t, c, Put("b", strings.Repeat("v", 1000)))
	good := c.replicas[0].DumpState()
	s, err := LoadState(good)
	mustDo(t, err)
	if !bytes.Equal(s.DumpState(), good) {
		t.Fatal("the round trip gives other bytes")
	}
	equal(t, "hash", s.SnapshotHash(), c.replicas[0].SnapshotHash())
	equal(t, "commit index", s.CommitIndex(), 2)
	equal(t, "term", s.Term(), 1)
	equal(t, "keys", s.Len(), 2)

	const a, b = 32, 42 // where the two entries begin
	set := func(offset int, bytes ...byte) []byte {
		bad := slices.Clone(good)
		copy(bad[offset:], bytes)
		return bad
	}
	u32 := func(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
	cases := []struct {
		name   string
		data   []byte
		code   ErrorCode
		offset int
	}{
		{"magic", set(3, 's'), ErrBadMagic, 0},
		{"magic before what is missing", []byte("DKVT"), ErrBadMagic, 0},
		{"version", set(4, 2), ErrBadVersion, 4},
		{"version, high byte", set(7, 1), ErrBadVersion, 4},
		{"term 0", set(16, 0), ErrBadTerm, 16},
		{"commit 0", set(8, 0), ErrBadTerm, 16},
		{"both 0, with keys", set(8, make([]byte, 16)...), ErrBadCount, 24},
		{"count", set(24, 3), ErrBadCount, 24},
		{"count, high byte", set(31, 1), ErrBadCount, 24},
		{"an empty key", set(a, 0), ErrKeyLength, a},
		{"a long key", set(a, u32(4097)...), ErrKeyLength, a},
		{"a longest key that is not there", set(a, u32(4096)...), ErrTruncated, a + 4},
		{"a long value", set(a+5, u32(1048577)...), ErrValueLength, a + 5},
		{"a longest value that is not there", set(a+5, u32(1048576)...), ErrTruncated, a + 9},
		{"the same key", set(b+4, 'a'), ErrKeyOrder, b + 4},
		{"a lesser key", set(b+4, 'A'), ErrKeyOrder, b + 4},
		{"one more byte", append(slices.Clone(good), 0), ErrTrailingBytes, len(good)},
		{"one key too many", set(24, 1), ErrTrailingBytes, b},
	}
	for _, c := range cases {
		wantLoadError(t, c.name, c.data, c.code, c.offset)
	}
	// Every field, cut anywhere.
	fields := []int{0, 4, 8, 16, 24, a, a + 4, a + 5, a + 9, b, b + 4, b + 5, b + 9, len(good)}
	for i := range len(fields) - 1 {
		for cut := fields[i]; cut < fields[i+1]; cut++ {
			wantLoadError(t, "cut", good[:cut], ErrTruncated, fields[i])
		}
	}
}

func wantLoadError(t *testing.T, name string, data []byte, code ErrorCode, offset int) {
	t.Helper()
	s, err := LoadState(data)
	var fault *LoadError
	if s != nil || !errors.As(err, &fault) || !errors.Is(err, code) || fault.Code != code || fault.Offset != offset {
		t.Errorf("%s (%d bytes): %v, expected %v offset=%d", name, len(data), err, code, offset)
	}
}

func TestCase19KeyOrder(t *testing.T) {
	sorted := []string{"\x00", "\x00\x00", "a", "a\x00", "aa", "ab", "b", "\x7f", "\x7f\xff", "\x80", "\xc3\xa9", "\xff", "\xff\x00"}
	for offset := range sorted {
		c := newCluster(t, 1)
		for i := range sorted {
			propose(t, c, Put(sorted[(i*5+offset)%len(sorted)], ""))
		}
		var keys []string
		for key := range c.replicas[0].All() {
			keys = append(keys, key)
		}
		if !slices.Equal(keys, sorted) {
			t.Fatalf("%q, expected %q", keys, sorted)
		}
		if _, err := LoadState(c.replicas[0].DumpState()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCase20ErrorsChangeNothing(t *testing.T) {
	c := newCluster(t, 5)
	_, err := c.Workload(20, 50, 100)
	mustDo(t, err)
	mustDo(t, c.Partition(0))
	_, err = c.ProposeAt(0, Put("tail", "1"))
	mustDo(t, err)
	longKey, longValue := strings.Repeat("k", KeyLengthMax+1), strings.Repeat("v", ValueLengthMax+1)
	fail := func(name string, expected error, do func() error) {
		t.Helper()
		before := fingerprint(c)
		actual := do()
		if !errors.Is(actual, expected) {
			t.Errorf("%s: %v, expected %v", name, actual, expected)
		}
		if fingerprint(c) != before {
			t.Errorf("%s has changed something", name)
		}
	}
	proposal := func(name string, expected error, op Op) {
		t.Helper()
		fail("propose "+name, expected, func() error { _, err := c.Propose(op); return err })
	}
	proposalAt := func(id int, name string, expected error, op Op) {
		t.Helper()
		fail(fmt.Sprintf("at %d %s", id, name), expected, func() error { _, err := c.ProposeAt(id, op); return err })
	}
	check := func() {
		t.Helper()
		proposal("an empty key", ErrKeyLength, Put("", longValue))
		proposal("a long key", ErrKeyLength, Del(longKey))
		proposal("a long value", ErrValueLength, Put("k", longValue))
		for _, id := range []int{-1, 5, 64, 1 << 40} {
			proposalAt(id, "unknown", ErrUnknownReplica, Put("", longValue))
			fail("partition", ErrUnknownReplica, func() error { return c.Partition(1, id) })
			fail("heal", ErrUnknownReplica, func() error { return c.HealIDs(0, id) })
			fail("compact", ErrUnknownReplica, func() error { return c.CompactIDs(1, id) })
		}
		for id := range 5 {
			proposalAt(id, "a long key", ErrKeyLength, Put(longKey, longValue))
			proposalAt(id, "a long value", ErrValueLength, Put("k", longValue))
		}
		proposalAt(3, "not leader", ErrNotLeader, Put("k", "v"))
		fail("workload", ErrKeySpace, func() error { _, err := c.Workload(1, 0, 1); return err })
	}
	check()
	mustDo(t, c.Partition(1, 2))
	check()
	proposal("no leader", ErrNoLeader, NoOp())
	proposalAt(4, "not leader", ErrNotLeader, NoOp())
	for _, n := range []int{-1, 0, 65} {
		_, err := NewCluster(n)
		wantError(t, err, ErrReplicaCount)
	}
	// The limits themselves are within.
	c.Heal()
	propose(t, c, Put(longKey[1:], longValue[1:]))
	propose(t, c, Del(longKey[1:]))
	wantSame(t, c)
}
