package dkv20

import (
	"fmt"
	"testing"
)

func TestQuorumOfEverySize(t *testing.T) {
	for size, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 64: 33} {
		c := newCluster(t, size)
		equal(t, fmt.Sprint("quorum of ", size), c.Quorum(), want)
		for reachable := size; reachable > 0; reachable-- {
			committed := propose(t, c, NoOp()).Committed
			equal(t, fmt.Sprint(reachable, " of ", size, " commit"), committed, reachable >= want)
			must(t, c.Partition(ReplicaID(reachable-1)))
		}
	}
}

func TestElectionComparesLastTermThenLast(t *testing.T) {
	// The longer but older log loses.
	c := newCluster(t, 5)
	must(t, c.Partition(4))
	propose(t, c, NoOp())
	must(t, c.Partition(0)) // replica 1 leads term 2
	for range 5 {
		proposeAt(t, c, 0, NoOp())
	}
	must(t, c.Partition(1, 2))
	must(t, c.HealIDs(0, 4)) // 0: last 6, term 1; 3: last 2, term 2; 4: last 0
	equal(t, "leader", reachableLeader(c), "3 term=3")
	equal(t, "last of 0", c.replicas[0].Last(), 3)

	// The longer log wins if the last terms are equal.
	c = newCluster(t, 5)
	must(t, c.Partition(1, 2))
	propose(t, c, NoOp())
	must(t, c.Partition(0))
	must(t, c.HealIDs(1))
	equal(t, "leader", reachableLeader(c), "3 term=2")

	// The lowest id wins if the logs are equal.
	c = newCluster(t, 5)
	must(t, c.Partition(0, 1))
	equal(t, "leader", reachableLeader(c), "2 term=2")
}

func TestElectionNeedsQuorum(t *testing.T) {
	c := newCluster(t, 4)
	must(t, c.Partition(2, 3))
	equal(t, "2 of 4 commit", propose(t, c, NoOp()).Committed, false)
	must(t, c.Partition(0))
	must(t, c.HealIDs(2))
	equal(t, "leader of 2 of 4", reachableLeader(c), "none term=1")
	must(t, c.HealIDs(3))
	equal(t, "leader of 3 of 4", reachableLeader(c), "1 term=2")
}

func TestDeposedLeaderStepsDownWithoutLeader(t *testing.T) {
	c := newCluster(t, 5)
	must(t, c.Partition(0))
	must(t, c.Partition(1, 2, 3))
	equal(t, "leading ids", leadingIDs(c), []ReplicaID{0, 1})
	must(t, c.HealIDs(0)) // 0 and 4: no quorum
	equal(t, "leading ids", leadingIDs(c), []ReplicaID{1})
	equal(t, "term of 0", c.replicas[0].Term(), 1)
	_, err := c.ProposeAt(0, NoOp())
	wantError(t, err, ErrNotLeader)
}

func TestHealIDsLeavesOthersIsolated(t *testing.T) {
	c := newCluster(t, 5)
	must(t, c.Partition(3, 4))
	propose(t, c, Put("a", "1"))
	before := dumps(c)[4]
	must(t, c.HealIDs(3))
	equal(t, "dump of 4", dumps(c)[4], before)
	equal(t, "commit indexes", commitIndexes(c), []uint64{1, 1, 1, 1, 0})
}

func TestSnapshotReplacesUncommittedEntries(t *testing.T) {
	// The log of 0 reaches beyond the leader's base, but has another term there.
	c := newCluster(t, 3)
	propose(t, c, Put("a", "1"))
	must(t, c.Partition(0))
	for range 5 {
		proposeAt(t, c, 0, Put("a", "stale"))
	}
	propose(t, c, Put("b", "2"))
	c.Compact()
	c.Heal()
	equal(t, "base", c.replicas[0].Base(), 3)
	equal(t, "last", c.replicas[0].Last(), 3)
	equal(t, "a", get(c, 0, "a"), "1")
	checkIdentical(t, c)
	term, _ := c.replicas[0].TermAt(3)
	equal(t, "base term", term, 2)
}

func TestSnapshotIsACopy(t *testing.T) {
	c := newCluster(t, 3)
	must(t, c.Partition(2))
	propose(t, c, Put("a", "1"))
	c.Compact()
	must(t, c.HealIDs(2))
	must(t, c.Partition(2))
	propose(t, c, Put("a", "2"))
	equal(t, "a", get(c, 2, "a"), "1")
	c.Heal()
	checkIdentical(t, c)
}

func TestFollowerCompactsFurtherThanLeader(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 10 {
		propose(t, c, Put("a", fmt.Sprint(i)))
	}
	must(t, c.CompactIDs(1, 1))
	equal(t, "bases", each(c, (*Replica).Base), []uint64{0, 10, 0})
	must(t, c.Partition(1))
	propose(t, c, Del("a"))
	must(t, c.HealIDs(1))
	equal(t, "bases", each(c, (*Replica).Base), []uint64{0, 10, 0})
	checkIdentical(t, c)
	must(t, c.Partition(0)) // 1, which has compacted, leads those that have not
	propose(t, c, Put("b", "1"))
	c.Heal()
	equal(t, "bases", each(c, (*Replica).Base), []uint64{0, 10, 0})
	checkIdentical(t, c)
}

func TestMinorityLeaderSendsSnapshotWithPendingEntries(t *testing.T) {
	c := newCluster(t, 5)
	must(t, c.Partition(4))
	propose(t, c, Put("a", "1"))
	c.Compact()
	must(t, c.Partition(1, 2, 3))
	equal(t, "committed", propose(t, c, Put("a", "2")).Committed, false)
	must(t, c.HealIDs(4)) // 0 and 4: no quorum
	r := c.replicas[4]
	equal(t, "base, commit index, last", []uint64{r.Base(), r.CommitIndex(), r.Last()}, []uint64{1, 1, 2})
	equal(t, "a", get(c, 4, "a"), "1")
	must(t, c.HealIDs(1))
	equal(t, "a", get(c, 4, "a"), "2")
}

func TestIDListsMayBeEmptyOrRepeat(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, NoOp())
	must(t, c.Partition(1))
	before := fingerprint(c)
	must(t, c.Partition())
	must(t, c.HealIDs())
	must(t, c.CompactIDs())
	equal(t, "cluster", fingerprint(c), before)
	must(t, c.Partition(1, 1, 2, 2))
	equal(t, "isolated ids", c.IsolatedIDs(), []ReplicaID{1, 2})
	must(t, c.HealIDs(0, 1, 1))
	equal(t, "isolated ids", c.IsolatedIDs(), []ReplicaID{2})
}

func TestWalksStopEarly(t *testing.T) {
	c := newCluster(t, 1)
	for i := range 3 {
		propose(t, c, Put(fmt.Sprint(i), ""))
	}
	for entry := range c.replicas[0].Entries() {
		equal(t, "first entry", entry, Entry{Index: 1, Term: 1, Op: Put("0", "")})
		break
	}
	for key := range c.replicas[0].All() {
		equal(t, "first key", key, "0")
		break
	}
}

func TestCommittedEntriesAreNeverDropped(t *testing.T) {
	defer func() { equal(t, "panic", fmt.Sprint(recover()), "dkv20: a committed entry would be dropped") }()
	a, b := newCluster(t, 1).replicas[0], newCluster(t, 1).replicas[0]
	a.append(&Op{})
	a.commitTo(1)
	a.catchUp(b)
}
