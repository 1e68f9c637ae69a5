package dkv20

import (
	"fmt"
	"testing"
)

func TestElectionComparesLastTermThenLastThenID(t *testing.T) {
	// The longer but older log loses.
	c := newCluster(t, 5)
	mustDo(t, c.Partition(4))
	propose(t, c, NoOp())
	mustDo(t, c.Partition(0)) // replica 1 leads term 2 of entries 1 and 2
	for range 5 {
		_, err := c.ProposeAt(0, NoOp())
		mustDo(t, err)
	}
	mustDo(t, c.Partition(1, 2)) // 3 is left
	mustDo(t, c.HealIDs(0, 4))   // 0: term 1, 6 entries; 3: term 2, 2 entries; 4: none
	leader, _ := c.Leader()
	equal(t, "leader", leader, 3)
	equal(t, "term", c.Term(), 3)
	equal(t, "last of 0", c.replicas[0].Last(), 3)

	// The longer log wins in the same term.
	c = newCluster(t, 5)
	mustDo(t, c.Partition(1))
	propose(t, c, NoOp())
	mustDo(t, c.HealIDs(1))
	mustDo(t, c.Partition(1, 2))
	propose(t, c, NoOp())
	mustDo(t, c.Partition(0))
	mustDo(t, c.HealIDs(2))
	leader, _ = c.Leader()
	equal(t, "leader", leader, 3)

	// The lowest id wins among equals.
	c = newCluster(t, 5)
	mustDo(t, c.Partition(0, 1))
	leader, _ = c.Leader()
	equal(t, "leader", leader, 2)
}

func TestQuorumOfAnEvenNumber(t *testing.T) {
	c := newCluster(t, 4)
	mustDo(t, c.Partition(2, 3))
	equal(t, "2 of 4", propose(t, c, NoOp()).Committed, false)
	mustDo(t, c.Partition(0))
	mustDo(t, c.HealIDs(2))
	_, reachable := c.Leader()
	equal(t, "2 of 4 elect", reachable, false)
	equal(t, "term", c.Term(), 1)
	mustDo(t, c.HealIDs(3))
	leader, reachable := c.Leader()
	equal(t, "3 of 4 elect", fmt.Sprint(leader, reachable), "1 true")
}

func TestLonelyFollowersOfAnIsolatedLeaderGiveUpRoles(t *testing.T) {
	c := newCluster(t, 5)
	mustDo(t, c.Partition(0)) // 1 leads
	mustDo(t, c.Partition(1, 2, 3))
	equal(t, "0 takes itself for leader", c.replicas[0].Role(), Leader)
	mustDo(t, c.HealIDs(0)) // 0 and 4: no quorum
	equal(t, "role", c.replicas[0].Role(), Follower)
	equal(t, "term stays", c.replicas[0].Term(), 1)
	equal(t, "the current leader's role", c.replicas[1].Role(), Leader)
	_, err := c.ProposeAt(0, NoOp())
	wantError(t, err, ErrNotLeader)
}

func TestSnapshotForATailBeyondTheBase(t *testing.T) {
	// The replica is long enough, but its term at the leader's base differs.
	c := newCluster(t, 3)
	propose(t, c, Put("a", "1"))
	mustDo(t, c.Partition(0))
	for range 5 {
		_, err := c.ProposeAt(0, Put("a", "stale"))
		mustDo(t, err)
	}
	propose(t, c, Put("b", "2"))
	c.Compact()
	c.Heal()
	equal(t, "base", c.replicas[0].Base(), 3)
	equal(t, "last", c.replicas[0].Last(), 3)
	wantValue(t, c, 0, "a", "1")
	wantSame(t, c)
	term, _ := c.replicas[0].TermAt(3)
	equal(t, "base term", term, 2)
}

func TestFollowerCompactsFurtherThanLeader(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 10 {
		propose(t, c, Put("a", fmt.Sprint(i)))
	}
	mustDo(t, c.CompactIDs(1, 1))
	equal(t, "bases", fmt.Sprint(c.replicas[0].Base(), c.replicas[1].Base()), "0 10")
	mustDo(t, c.Partition(1))
	propose(t, c, Del("a"))
	mustDo(t, c.HealIDs(1))
	equal(t, "base stays", c.replicas[1].Base(), 10)
	wantSame(t, c)
	mustDo(t, c.Partition(0)) // 1, with a base, leads those without
	propose(t, c, Put("b", "1"))
	c.Heal()
	equal(t, "base stays", c.replicas[0].Base(), 0)
	wantSame(t, c)
}

func TestMinorityLeaderServesSnapshotWithPendingTail(t *testing.T) {
	c := newCluster(t, 5)
	mustDo(t, c.Partition(4))
	propose(t, c, Put("a", "1"))
	c.Compact()
	mustDo(t, c.Partition(1, 2, 3))
	equal(t, "outcome", propose(t, c, Put("a", "2")).Committed, false)
	mustDo(t, c.HealIDs(4)) // 0 and 4: no quorum
	r := c.replicas[4]
	equal(t, "base, commit, last", fmt.Sprint(r.Base(), r.CommitIndex(), r.Last()), "1 1 2")
	wantValue(t, c, 4, "a", "1")
	mustDo(t, c.HealIDs(1))
	wantValue(t, c, 4, "a", "2")
}

func TestEmptyListsNameNobody(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, NoOp())
	mustDo(t, c.Partition(1))
	before := fingerprint(c)
	mustDo(t, c.Partition())
	mustDo(t, c.HealIDs())
	mustDo(t, c.CompactIDs())
	equal(t, "cluster", fingerprint(c), before)
	mustDo(t, c.Partition(1, 1, 2, 2))
	equal(t, "isolated", fmt.Sprint(c.Isolated()), "[1 2]")
	mustDo(t, c.HealIDs(0, 1, 1))
	equal(t, "isolated", fmt.Sprint(c.Isolated()), "[2]")
}

func TestIsolatedReplicasCompactToo(t *testing.T) {
	c := newCluster(t, 3)
	propose(t, c, NoOp())
	mustDo(t, c.Partition(2))
	propose(t, c, NoOp())
	c.Compact()
	equal(t, "bases", fmt.Sprint(c.replicas[0].Base(), c.replicas[2].Base()), "2 1")
}
