package dkv20

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// The twenty numbered cases of the definition (section 12), with the same steps in
// the same order in the suite of every language.

const (
	scenarioAHash = "e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a"
	scenarioBHash = "04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681"
)

func TestCase01OneReplicaIsItsOwnQuorum(t *testing.T) {
	c := newCluster(t, 1)
	equal(t, "quorum", c.Quorum(), 1)
	outcome := propose(t, c, Put("a", "v"))
	equal(t, "outcome", outcome, Outcome{Committed: true, Index: 1, Term: 1})
	equal(t, "a", get(c, 0, "a"), "v")
	equal(t, "key count", c.replicas[0].KeyCount(), 1)
}

func TestCase02OneProposalReachesAllFive(t *testing.T) {
	c := newCluster(t, 5)
	equal(t, "quorum", c.Quorum(), 3)
	equal(t, "committed", propose(t, c, Put("a", "v")).Committed, true)
	for id := range ReplicaID(5) {
		equal(t, "a", get(c, id, "a"), "v")
	}
	equal(t, "commit indexes", commitIndexes(c), []uint64{1, 1, 1, 1, 1})
	checkIdentical(t, c)
}

func TestCase03QuorumGatesCommit(t *testing.T) {
	alone := newCluster(t, 1)
	equal(t, "committed", propose(t, alone, Put("a", "v")).Committed, true)

	five := newCluster(t, 5)
	must(t, five.Partition(2, 3, 4))
	before := dumps(five)
	outcome := propose(t, five, Put("a", "v"))
	equal(t, "outcome", outcome, Outcome{Committed: false, Index: 1, Term: 1})
	equal(t, "dumps", dumps(five), before)
	equal(t, "commit indexes", commitIndexes(five), []uint64{0, 0, 0, 0, 0})
	equal(t, "key counts", each(five, (*Replica).KeyCount), []int{0, 0, 0, 0, 0})

	// Half of an even number is not a quorum.
	four := newCluster(t, 4)
	equal(t, "quorum", four.Quorum(), 3)
	must(t, four.Partition(2, 3))
	equal(t, "committed", propose(t, four, Put("a", "v")).Committed, false)
	equal(t, "commit indexes", commitIndexes(four), []uint64{0, 0, 0, 0})
}

func TestCase04MajorityCommitsMinorityStays(t *testing.T) {
	c := newCluster(t, 5)
	must(t, c.Partition(3, 4))
	equal(t, "committed", propose(t, c, Put("a", "v")).Committed, true)
	equal(t, "commit indexes", commitIndexes(c), []uint64{1, 1, 1, 0, 0})
	for id := range ReplicaID(5) {
		partitioned, err := c.IsPartitioned(id)
		must(t, err)
		equal(t, "is partitioned", partitioned, id >= 3)
		equal(t, "a is present", get(c, id, "a") != "absent", id < 3)
	}
	equal(t, "isolated ids", c.IsolatedIDs(), []ReplicaID{3, 4})
	_, err := c.IsPartitioned(5)
	wantError(t, err, ErrUnknownReplica)
}

func TestCase05HealRestoresIdenticalSnapshots(t *testing.T) {
	c := newCluster(t, 5)
	propose(t, c, Put("a", "1"))
	must(t, c.Partition(3, 4))
	propose(t, c, Put("b", "2"))
	propose(t, c, Del("a"))
	equal(t, "3 has the dump of 0", slices.Equal(dumps(c)[3], dumps(c)[0]), false)
	c.Heal()
	checkIdentical(t, c)
	equal(t, "commit indexes", commitIndexes(c), []uint64{3, 3, 3, 3, 3})
	equal(t, "b", get(c, 4, "b"), "2")
	equal(t, "isolated ids", len(c.IsolatedIDs()), 0)
}

func TestCase06LongWorkloadStaysIdentical(t *testing.T) {
	c := newCluster(t, 5)
	draws := NewSplitMix64(6)
	for count := uint64(1); count <= 5_000; count++ {
		op, err := DrawOp(draws, 1_000)
		must(t, err)
		equal(t, "committed", propose(t, c, op).Committed, true)
		if count%100 == 0 {
			checkIdentical(t, c)
			equal(t, "commit indexes", commitIndexes(c), []uint64{count, count, count, count, count})
		}
	}
}

func TestCase07DeleteNoopOverwrite(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, Put("a", "1"))
	propose(t, c, Put("a", "22"))
	equal(t, "a", get(c, 2, "a"), "22")

	equal(t, "committed", propose(t, c, NoOp()).Committed, true)
	equal(t, "committed", propose(t, c, Del("absent")).Committed, true)
	equal(t, "a", get(c, 2, "a"), "22")
	equal(t, "key count", c.replicas[2].KeyCount(), 1)
	equal(t, "commit indexes", commitIndexes(c), []uint64{4, 4, 4})

	equal(t, "committed", propose(t, c, Del("a")).Committed, true)
	equal(t, "a", get(c, 2, "a"), "absent")
	propose(t, c, Put("a", ""))
	equal(t, "a", get(c, 2, "a"), "") // an empty value is not absent
	checkIdentical(t, c)
}

func TestCase08SnapshotLayout(t *testing.T) {
	equal(t, "empty dump", string(newCluster(t, 1).replicas[0].DumpState()),
		"DKVS\x01"+strings.Repeat("\x00", 27))

	c := newCluster(t, 3)
	propose(t, c, Put("\x80", ""))
	must(t, c.Partition(0))
	propose(t, c, Put("ab", strings.Repeat("x", 258)))
	propose(t, c, Put("a\x00", "\xff\n"))
	want := "DKVS" + //                     0: magic
		"\x01\x00\x00\x00" + //             4: version
		"\x04\x00\x00\x00\x00\x00\x00\x00" + //  8: commit index, with the new leader's NoOp
		"\x02\x00\x00\x00\x00\x00\x00\x00" + // 16: term
		"\x03\x00\x00\x00\x00\x00\x00\x00" + // 24: number of keys
		"\x02\x00\x00\x00a\x00" + //       32: key length, key
		"\x02\x00\x00\x00\xff\n" + //      38: value length, value
		"\x02\x00\x00\x00ab\x02\x01\x00\x00" + // 44: key length, key, value length 258
		strings.Repeat("x", 258) + //      54: value
		"\x01\x00\x00\x00\x80\x00\x00\x00\x00" // 312: a key with an empty value
	equal(t, "length", len(want), 321)
	equal(t, "dump of 1", string(dumps(c)[1]), want)
	equal(t, "dump of 2", string(dumps(c)[2]), want)

	// Every byte of the wide fields counts.
	wide := "DKVS\x01\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18" +
		strings.Repeat("\x00", 8)
	snapshot, err := LoadState([]byte(wide))
	must(t, err)
	equal(t, "commit index", snapshot.CommitIndex(), 0x0807_0605_0403_0201)
	equal(t, "term", snapshot.Term(), 0x1817_1615_1413_1211)
	equal(t, "dump", string(snapshot.DumpState()), wide)
}

func TestCase09SplitMix64PublishedOutputs(t *testing.T) {
	draws := NewSplitMix64(1_234_567)
	published := []uint64{
		6_457_827_717_110_365_317,
		3_203_168_211_198_807_973,
		9_817_491_932_198_370_423,
		4_593_380_528_125_082_431,
		16_408_922_859_458_223_821,
	}
	for _, want := range published {
		equal(t, "draw", draws.Next(), want)
	}
	equal(t, "mix", Mix(1_234_567+0x9e37_79b9_7f4a_7c15), published[0])
	equal(t, "mix of 0", Mix(0), 0)
	// The published first output with seed 0. The state wraps with the greatest seeds.
	equal(t, "draw with seed 0", NewSplitMix64(0).Next(), 0xe220_a839_7b1d_cdaf)
	equal(t, "mix", Mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf)
	const wrapping = math.MaxUint64 - 0x9e37_79b9_7f4a_7c15 + 1
	equal(t, "draw with a wrapping seed", NewSplitMix64(wrapping).Next(), 0)
}

func TestCase10WorkloadDecoder(t *testing.T) {
	const lowBits = 1<<62 - 1
	decode := func(r1, r2, r3, keys uint64, want Op) {
		t.Helper()
		op, err := DecodeOp(r1, r2, r3, keys)
		must(t, err)
		equal(t, fmt.Sprint("op of ", r1, r2, r3, keys), op, want)
	}
	decode(0, 0, 0, 1_000, Put("key-000000", "\x00\x00\x00\x00\x00\x00\x00\x00"))
	decode(lowBits, 7, 258, 1_000, Put("key-000007", "\x02\x01\x00\x00\x00\x00\x00\x00"))
	decode(1<<62, 1_999, 9_999, 1_000, Put("key-000999", "\x0f\x27\x00\x00\x00\x00\x00\x00"))
	decode(2<<62, 1_000, 10_000, 1_000, Put("key-000000", "\x00\x00\x00\x00\x00\x00\x00\x00"))
	decode(2<<62|lowBits, 5, 10_001, 5, Put("key-000000", "\x01\x00\x00\x00\x00\x00\x00\x00"))
	decode(3<<62, 42, 1, 1_000, Del("key-000042"))
	decode(math.MaxUint64, 42, 1, 1_000, Del("key-000042"))

	key := func(r2, keys uint64, want string) {
		t.Helper()
		got, err := DecodeKey(r2, keys)
		must(t, err)
		equal(t, "key", got, want)
	}
	key(999_999, 1_000_000, "key-999999")
	key(math.MaxUint64, 1_000_000, "key-551615")
	key(math.MaxUint64, 1, "key-000000")
	for _, keys := range []uint64{0, 1_000_001, math.MaxUint64} {
		_, err := DecodeOp(0, 0, 0, keys)
		wantError(t, err, ErrKeySpace)
	}

	// Three draws, in this order, whatever the op is.
	draws, plain := NewSplitMix64(9), NewSplitMix64(9)
	dels := 0
	for range 100 {
		r1 := plain.Next()
		r2 := plain.Next()
		r3 := plain.Next()
		op, err := DrawOp(draws, 64)
		must(t, err)
		if op.tag == tagDel {
			dels++
		}
		decode(r1, r2, r3, 64, op)
	}
	if dels < 10 || dels >= 40 {
		t.Errorf("got %d Dels of 100 ops, want 10 to 39", dels)
	}
}

func TestCase11SeedDecidesSnapshot(t *testing.T) {
	run := func(seed uint64) string {
		c := newCluster(t, 3)
		counts, err := RunWorkload(c, seed, 100, 1_000)
		must(t, err)
		equal(t, "counts", counts, WorkloadCounts{Committed: 1_000})
		return c.replicas[0].SnapshotHash()
	}
	equal(t, "hash with the same seed", run(11), run(11))
	equal(t, "another seed has the same hash", run(11) == run(12), false)
}

func TestCase12ScenarioHashesArePinned(t *testing.T) {
	a, err := RunScenario("A")
	must(t, err)
	equal(t, "hash of A", a, scenarioAHash)
	b, err := RunScenario("B")
	must(t, err)
	equal(t, "hash of B", b, scenarioBHash)
	_, err = RunScenario("a")
	wantError(t, err, ErrUnknownScenario)
}

func TestCase13HealAfterLongMixedWorkload(t *testing.T) {
	partitions := [][]ReplicaID{{0}, {3, 4}, {1}, {1}, {4}, {0, 1}, {2}}
	c := newCluster(t, 5)
	dels := 0
	for round, isolated := range partitions {
		must(t, c.Partition(isolated...))
		draws := NewSplitMix64(uint64(round))
		for range 500 {
			op, err := DrawOp(draws, 100)
			must(t, err)
			if op.tag == tagDel {
				dels++
			}
			// Without a reachable leader it is refused, which is part of the mix.
			_, _ = c.Propose(op)
		}
		if round%2 == 0 {
			all := dumps(c)
			differs := func(dump []byte) bool { return !slices.Equal(dump, all[0]) }
			equal(t, "some replica differs", slices.ContainsFunc(all, differs), true)
			c.Heal()
			checkIdentical(t, c)
		}
	}
	equal(t, "more than 500 Dels", dels > 500, true)
	equal(t, "several elections", c.Term() > 2, true)
	checkIdentical(t, c)
}

func TestCase14FailoverAndNoLeader(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, Put("a", "1"))
	must(t, c.Partition(0))
	equal(t, "leader", reachableLeader(c), "1 term=2")
	entries := slices.Collect(c.replicas[1].Entries())
	equal(t, "last entry", entries[len(entries)-1], Entry{Index: 2, Term: 2, Op: NoOp()})
	equal(t, "commit indexes", commitIndexes(c), []uint64{1, 2, 2})
	equal(t, "leading ids", leadingIDs(c), []ReplicaID{0, 1}) // a deposed leader does not know yet
	equal(t, "terms", each(c, (*Replica).Term), []uint64{1, 2, 2})
	outcome := propose(t, c, Put("a", "2"))
	equal(t, "outcome", outcome, Outcome{Committed: true, Index: 3, Term: 2})

	// Replica 2 alone is not a quorum, so no leader is elected.
	must(t, c.Partition(1))
	equal(t, "leader", reachableLeader(c), "none term=2")
	equal(t, "isolated leader", c.Leader(), 1)
	_, err := c.Propose(NoOp())
	wantError(t, err, ErrNoLeader)
	equal(t, "role of 2", c.replicas[2].Role(), Follower)

	// With replica 0 it is: replica 2 has the newer log, whatever the ids are.
	must(t, c.HealIDs(0))
	equal(t, "leader", reachableLeader(c), "2 term=3")
	equal(t, "leading ids", leadingIDs(c), []ReplicaID{1, 2})
	c.Heal()
	equal(t, "leading ids", leadingIDs(c), []ReplicaID{2})
	checkIdentical(t, c)
}

func TestCase15DeposedTailIsTruncated(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, Put("a", "kept"))
	must(t, c.Partition(0))
	for i, op := range []Op{Put("a", "stale"), Put("b", "stale"), Del("a")} {
		outcome := proposeAt(t, c, 0, op)
		equal(t, "outcome", outcome, Outcome{Committed: false, Index: uint64(i + 2), Term: 1})
	}
	checkVisible := func() {
		t.Helper()
		for id := range ReplicaID(3) {
			equal(t, "a", get(c, id, "a"), "kept")
			equal(t, "b", get(c, id, "b"), "absent")
		}
	}
	checkVisible()
	propose(t, c, Put("c", "new"))
	checkVisible()
	c.Heal()
	checkVisible()
	checkIdentical(t, c)

	returned := c.replicas[0]
	equal(t, "role", returned.Role(), Follower)
	equal(t, "term", returned.Term(), 2)
	equal(t, "last", returned.Last(), 3)
	for index, want := range []string{1: "1 true", 2: "2 true", 3: "2 true", 4: "0 false"} {
		if index > 0 {
			term, known := returned.TermAt(uint64(index))
			equal(t, fmt.Sprint("term at ", index), fmt.Sprint(term, known), want)
		}
	}
	equal(t, "log hash", returned.LogHash(), c.replicas[1].LogHash())
	_, err := c.ProposeAt(0, NoOp())
	wantError(t, err, ErrNotLeader)
}

func TestCase16LaggingReplicaGetsSnapshot(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, Put("gone", "1"))
	propose(t, c, Put("stays", "1"))
	must(t, c.Partition(2))
	propose(t, c, Del("gone"))
	propose(t, c, Put("new", "2"))
	c.Compact()
	equal(t, "base of 2", c.replicas[2].Base(), 2) // isolated replicas compact too
	propose(t, c, Put("later", "3"))
	equal(t, "gone", get(c, 2, "gone"), "1")

	c.Heal()
	lagging := c.replicas[2]
	// The snapshot was taken at the leader's commit index, not at its base.
	equal(t, "base", lagging.Base(), 5)
	equal(t, "commit index", lagging.CommitIndex(), 5)
	equal(t, "last", lagging.Last(), 5)
	term, known := lagging.TermAt(5)
	equal(t, "term at 5", fmt.Sprint(term, known), "1 true")
	equal(t, "gone", get(c, 2, "gone"), "absent")
	equal(t, "later", get(c, 2, "later"), "3")
	checkIdentical(t, c)
	equal(t, "committed", propose(t, c, Put("after", "4")).Committed, true)
	checkIdentical(t, c)
}

func TestCase17PendingEntriesCommitAfterHeal(t *testing.T) {
	c := newCluster(t, 5)
	must(t, c.Partition(2, 3, 4))
	for index := uint64(1); index <= 3; index++ {
		outcome := propose(t, c, Put("a", fmt.Sprint(index)))
		equal(t, "outcome", outcome, Outcome{Committed: false, Index: index, Term: 1})
	}
	equal(t, "commit indexes", commitIndexes(c), []uint64{0, 0, 0, 0, 0})
	must(t, c.HealIDs(4))
	equal(t, "leader", reachableLeader(c), "0 term=1")
	equal(t, "commit indexes", commitIndexes(c), []uint64{3, 3, 0, 0, 3})
	c.Heal()
	equal(t, "commit indexes", commitIndexes(c), []uint64{3, 3, 3, 3, 3})
	equal(t, "a", get(c, 3, "a"), "3")
	checkIdentical(t, c)
}

// snapshotBytes returns a snapshot's header, followed by the parts.
func snapshotBytes(commitIndex, term, count uint64, parts ...string) []byte {
	out := []byte("DKVS\x01\x00\x00\x00")
	for _, number := range []uint64{commitIndex, term, count} {
		out = binary.LittleEndian.AppendUint64(out, number)
	}
	return append(out, strings.Join(parts, "")...)
}

func checkRefused(t *testing.T, data []byte, code ErrorCode, offset int) {
	t.Helper()
	_, err := LoadState(data)
	equal(t, fmt.Sprintf("error of %.60q", data), err, error(&LoadError{Code: code, Offset: offset}))
}

func checkAccepted(t *testing.T, data []byte) {
	t.Helper()
	snapshot, err := LoadState(data)
	must(t, err)
	equal(t, "dump", snapshot.DumpState(), data)
}

func TestCase18LoadStateErrors(t *testing.T) {
	checkHeaderFields(t)
	checkEntryFields(t)
	checkLengthLimits(t)

	c := newCluster(t, 3)
	_, err := RunWorkload(c, 18, 50, 500)
	must(t, err)
	must(t, c.Partition(0))
	replica := c.replicas[1]
	data := replica.DumpState()
	loaded, err := LoadState(data)
	must(t, err)
	equal(t, "commit index", loaded.CommitIndex(), 501)
	equal(t, "term", loaded.Term(), 2)
	equal(t, "key count", loaded.KeyCount(), replica.KeyCount())
	equal(t, "snapshot hash", loaded.SnapshotHash(), replica.SnapshotHash())
	checkAccepted(t, data)
}

func checkHeaderFields(t *testing.T) {
	t.Helper()
	empty := snapshotBytes(0, 0, 0)
	checkAccepted(t, empty)
	for length, offset := range []int{
		0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8,
		16, 16, 16, 16, 16, 16, 16, 16, 24, 24, 24, 24, 24, 24, 24, 24,
	} {
		checkRefused(t, empty[:length], ErrTruncated, offset)
	}
	checkRefused(t, []byte("DKVs"), ErrBadMagic, 0)
	checkRefused(t, []byte("XXX"), ErrTruncated, 0)
	checkRefused(t, []byte("DKVS\x00\x00\x00\x00"), ErrBadVersion, 4)
	checkRefused(t, []byte("DKVS\x02\x00\x00\x00"), ErrBadVersion, 4)
	checkRefused(t, []byte("DKVS\x01\x00\x00\x01"), ErrBadVersion, 4)
	checkRefused(t, []byte("DKVS\x00\x00\x00\x01"), ErrBadVersion, 4)
	checkRefused(t, snapshotBytes(0, 1, 0)[:24], ErrBadTerm, 16)
	checkRefused(t, snapshotBytes(1, 0, 0)[:24], ErrBadTerm, 16)
	checkRefused(t, snapshotBytes(1<<63, 0, 9), ErrBadTerm, 16)
	checkAccepted(t, snapshotBytes(1, 1, 0))
	checkAccepted(t, snapshotBytes(math.MaxUint64, math.MaxUint64, 0))
	checkRefused(t, snapshotBytes(0, 0, 1), ErrBadCount, 24)
	checkRefused(t, snapshotBytes(2, 1, 3, "\x01\x00\x00\x00a\x00\x00\x00\x00"), ErrBadCount, 24)
	checkRefused(t, snapshotBytes(math.MaxUint64-1, 1, math.MaxUint64), ErrBadCount, 24)
	// A wrong count shows at the end of the bytes. Nothing is allocated for it.
	checkRefused(t, snapshotBytes(math.MaxUint64, 1, math.MaxUint64), ErrTruncated, 32)
	checkRefused(t, snapshotBytes(0, 0, 0, "x"), ErrTrailingBytes, 32)
}

func checkEntryFields(t *testing.T) {
	t.Helper()
	const a = "\x01\x00\x00\x00a\x02\x00\x00\x00vv"
	whole := snapshotBytes(3, 1, 1, a)
	checkAccepted(t, whole)
	for _, cut := range [][2]int{{32, 32}, {35, 32}, {36, 36}, {37, 37}, {40, 37}, {41, 41}, {42, 41}} {
		checkRefused(t, whole[:cut[0]], ErrTruncated, cut[1])
	}
	checkRefused(t, snapshotBytes(3, 1, 1, a, "\x00"), ErrTrailingBytes, 43)
	checkRefused(t, snapshotBytes(3, 1, 1, "\x00\x00\x00\x00"), ErrKeyLength, 32)
	checkRefused(t, snapshotBytes(3, 1, 2, a, "\x00\x00\x00\x00"), ErrKeyLength, 43)
	checkRefused(t, snapshotBytes(3, 1, 1, "\x01\x00\x00\x00a\xff\xff\xff\xff"), ErrValueLength, 37)
	checkRefused(t, snapshotBytes(3, 1, 1, "\x01\x00\x00\x00a\x00\x00\x00\x80"), ErrValueLength, 37)

	then := func(key string) []byte {
		length := string(putU32LE(nil, uint32(len(key))))
		return snapshotBytes(3, 1, 2, "\x01\x00\x00\x00m\x00\x00\x00\x00", length, key, "\x00\x00\x00\x00")
	}
	for _, key := range []string{"m", "l", "lz", "M", "\x00"} {
		checkRefused(t, then(key), ErrKeyOrder, 45)
	}
	for _, key := range []string{"m\x00", "n", "\x80", "\xff"} {
		checkAccepted(t, then(key))
	}
	// The key is checked before the value's length is read.
	checkRefused(t, then("m")[:46], ErrKeyOrder, 45)
}

func checkLengthLimits(t *testing.T) {
	t.Helper()
	entry := func(keyLength, valueLength int) []byte {
		return snapshotBytes(1, 1, 1,
			string(putU32LE(nil, uint32(keyLength))), strings.Repeat("k", keyLength),
			string(putU32LE(nil, uint32(valueLength))), strings.Repeat("\x00", valueLength))
	}
	checkAccepted(t, entry(1, 0))
	checkAccepted(t, entry(4_096, 1_048_576))
	checkRefused(t, entry(4_097, 0), ErrKeyLength, 32)
	checkRefused(t, entry(4_097, 0)[:36], ErrKeyLength, 32)
	checkRefused(t, entry(4_096, 1_048_577), ErrValueLength, 32+4+4_096)
	checkRefused(t, entry(1, 1_048_577)[:41], ErrValueLength, 37)
	checkRefused(t, entry(4_096, 0)[:36], ErrTruncated, 36)
}

func TestCase19KeyOrder(t *testing.T) {
	ascending := []string{"\x00", "\x00\x00", "a", "a\x00", "ab", "\x7f", "\x80", "\xff"}
	c := newCluster(t, 1)
	for _, key := range slices.Backward(ascending) {
		propose(t, c, Put(key, ""))
	}
	var keys []string
	for key := range c.replicas[0].All() {
		keys = append(keys, key)
	}
	equal(t, "keys", keys, ascending)

	want := snapshotBytes(8, 1, 8)
	for _, key := range ascending {
		want = append(putU32LE(want, uint32(len(key))), key...)
		want = append(want, "\x00\x00\x00\x00"...)
	}
	equal(t, "dump", c.replicas[0].DumpState(), want)
}

func TestCase20ErrorsChangeNothing(t *testing.T) {
	_, err := NewCluster(0)
	wantError(t, err, ErrReplicaCount)
	_, err = NewCluster(ReplicasMax + 1)
	wantError(t, err, ErrReplicaCount)
	equal(t, "quorum", newCluster(t, ReplicasMax).Quorum(), 33)

	for _, c := range []*Cluster{led(t), leaderless(t)} {
		before := fingerprint(c)
		for _, refusal := range refusals() {
			if got := refusal.do(c); got != error(refusal.want) {
				t.Errorf("%s: got error %v, want %v", refusal.name, got, refusal.want)
			}
			equal(t, refusal.name, fingerprint(c), before)
		}
	}
	c := leaderless(t)
	before := fingerprint(c)
	_, err = c.Propose(NoOp())
	wantError(t, err, ErrNoLeader)
	equal(t, "cluster", fingerprint(c), before)
}

// led returns a cluster that replica 2 leads in term 2. Replica 0 is a deposed
// leader with uncommitted entries, 1 lags, and all have entries to compact.
func led(t *testing.T) *Cluster {
	t.Helper()
	c := newCluster(t, 5)
	propose(t, c, Put("a", "1"))
	must(t, c.Partition(1))
	propose(t, c, Put("b", "2"))
	must(t, c.Partition(0))
	proposeAt(t, c, 0, Put("stale", "3"))
	equal(t, "leader", reachableLeader(c), "2 term=2")
	return c
}

// leaderless returns the cluster of led with its leader isolated.
func leaderless(t *testing.T) *Cluster {
	t.Helper()
	c := led(t)
	must(t, c.Partition(2))
	equal(t, "leader", reachableLeader(c), "none term=2")
	return c
}

type refusal struct {
	name string
	do   func(c *Cluster) error
	want ErrorCode
}

// refusals are the errors of both clusters. If two apply, the first of section 4
// is returned.
func refusals() []refusal {
	longKey, longValue := strings.Repeat("k", 4_097), strings.Repeat("\x00", 1_048_577)
	propose := func(op Op) func(*Cluster) error {
		return func(c *Cluster) error { _, err := c.Propose(op); return err }
	}
	at := func(id ReplicaID, op Op) func(*Cluster) error {
		return func(c *Cluster) error { _, err := c.ProposeAt(id, op); return err }
	}
	return []refusal{
		{"no key", propose(Put("", longValue)), ErrKeyLength},
		{"long key", propose(Put(longKey, "")), ErrKeyLength},
		{"del no key", propose(Del("")), ErrKeyLength},
		{"del long key", propose(Del(longKey)), ErrKeyLength},
		{"long value", propose(Put("k", longValue)), ErrValueLength},
		{"at unknown", at(5, Put("", "")), ErrUnknownReplica},
		{"at the greatest id", at(math.MaxUint64, NoOp()), ErrUnknownReplica},
		{"at leader, no key", at(2, Del("")), ErrKeyLength},
		{"at deposed leader, long value", at(0, Put("k", longValue)), ErrValueLength},
		{"at follower, no key", at(3, Put("", "")), ErrKeyLength},
		{"at follower", at(3, NoOp()), ErrNotLeader},
		{"at isolated follower", at(1, NoOp()), ErrNotLeader},
		{"partition", func(c *Cluster) error { return c.Partition(3, 4, 5) }, ErrUnknownReplica},
		{"heal ids", func(c *Cluster) error { return c.HealIDs(0, 1, 2, 5) }, ErrUnknownReplica},
		{"compact ids", func(c *Cluster) error { return c.CompactIDs(0, 1, 2, 3, 4, 5) }, ErrUnknownReplica},
		{"replica", func(c *Cluster) error { _, err := c.Replica(5); return err }, ErrUnknownReplica},
		{"is partitioned", func(c *Cluster) error { _, err := c.IsPartitioned(5); return err }, ErrUnknownReplica},
	}
}
