package dkv20

import (
	"math/bits"
)

// Outcome tells what became of a proposal (definition, section 4.1).
type Outcome struct {
	// Committed tells that the entry's index is not above the leader's commit
	// index. What is not committed is pending: it may commit later, or be
	// truncated and never take effect.
	Committed bool
	Index     uint64 // of the entry
	Term      uint64 // of the entry
}

// Cluster is a number of replicas, numbered from 0, that exchange messages
// instantly, unless they are isolated (definition, section 4). Nothing is in
// flight when a method returns. A Cluster is not safe for concurrent use.
type Cluster struct {
	replicas []*Replica
	isolated uint64 // a bit for each id
	leader   int
	term     uint64
}

// NewCluster gives a cluster of n replicas at term 1 with empty logs, none
// isolated, replica 0 as leader. It answers ErrReplicaCount unless n is 1 to
// [ReplicasMax].
func NewCluster(n int) (*Cluster, error) {
	if n < 1 || n > ReplicasMax {
		return nil, ErrReplicaCount
	}
	c := &Cluster{term: 1}
	for id := range n {
		c.replicas = append(c.replicas, &Replica{id: id, term: 1})
	}
	c.replicas[0].role = Leader
	return c, nil
}

// Size gives the number of replicas.
func (c *Cluster) Size() int { return len(c.replicas) }

// Quorum gives how many replicas must be reachable for anything to commit.
func (c *Cluster) Quorum() int { return len(c.replicas)/2 + 1 }

// Leader gives the id of the current leader, and whether it is reachable.
func (c *Cluster) Leader() (id int, reachable bool) { return c.leader, !c.IsPartitioned(c.leader) }

// Term gives the current term.
func (c *Cluster) Term() uint64 { return c.term }

// Isolated gives the ids of the isolated replicas, ascending.
func (c *Cluster) Isolated() []int {
	ids := make([]int, 0, bits.OnesCount64(c.isolated))
	for rest := c.isolated; rest != 0; rest &= rest - 1 {
		ids = append(ids, bits.TrailingZeros64(rest))
	}
	return ids
}

// IsPartitioned tells whether a replica is isolated; an unknown one is not.
func (c *Cluster) IsPartitioned(id int) bool {
	return c.has(id) && c.isIsolated(c.replicas[id])
}

// Replica gives a replica to look at. It answers ErrUnknownReplica where there
// is none of that id.
func (c *Cluster) Replica(id int) (*Replica, error) {
	if !c.has(id) {
		return nil, ErrUnknownReplica
	}
	return c.replicas[id], nil
}

func (c *Cluster) has(id int) bool { return 0 <= id && id < len(c.replicas) }

func (c *Cluster) isIsolated(r *Replica) bool { return c.isolated&bit(r.id) != 0 }

func bit(id int) uint64 { return 1 << uint(id) }

// Propose hands op to the current leader (definition, section 4.1). It answers
// ErrKeyLength, else ErrValueLength, else ErrNoLeader where the leader is
// isolated; then nothing has changed.
func (c *Cluster) Propose(op Op) (Outcome, error) {
	if err := op.checkLimits(); err != nil {
		return Outcome{}, err
	}
	if c.IsPartitioned(c.leader) {
		return Outcome{}, ErrNoLeader
	}
	leader := c.replicas[c.leader]
	c.prefetch(&op)
	leader.append(&op)
	index := leader.Last()
	c.settle()
	return Outcome{index <= leader.commit, index, leader.term}, nil
}

// prefetch reads what all maps will be searched for op's key from, and answers
// something that hangs on it. Here the reads wait for memory together; where op is
// applied, each replica's would wait for the one before.
//
//go:noinline
func (c *Cluster) prefetch(op *Op) (sum uint32) {
	for _, r := range c.replicas {
		sum += r.state.prefetch(op)
	}
	return sum
}

// ProposeAt hands op to one replica, for a client that can reach no other
// (definition, section 4.2). It answers ErrUnknownReplica, else ErrKeyLength,
// else ErrValueLength, else ErrNotLeader; then nothing has changed. An isolated
// replica that takes itself for the leader appends op to its own log, which
// nobody else hears of, and the outcome is pending.
func (c *Cluster) ProposeAt(id int, op Op) (Outcome, error) {
	r, err := c.Replica(id)
	if err != nil {
		return Outcome{}, err
	}
	if err := op.checkLimits(); err != nil {
		return Outcome{}, err
	}
	if r.role != Leader {
		return Outcome{}, ErrNotLeader
	}
	if c.IsPartitioned(id) {
		r.append(&op)
		return Outcome{false, r.Last(), r.term}, nil
	}
	return c.Propose(op)
}

// Partition isolates replicas (definition, section 4.3). An id may be named
// twice, or be isolated already; an empty list names nobody. It answers
// ErrUnknownReplica where one is unknown; then nothing has changed.
func (c *Cluster) Partition(ids ...int) error {
	named, err := c.named(ids)
	if err != nil {
		return err
	}
	c.isolated |= named
	c.settle()
	return nil
}

// Heal makes all replicas reachable (definition, section 4.3).
func (c *Cluster) Heal() {
	c.isolated = 0
	c.settle()
}

// HealIDs makes replicas reachable (definition, section 4.3). An id may be named
// twice, or be reachable already; an empty list names nobody. It answers
// ErrUnknownReplica where one is unknown; then nothing has changed.
func (c *Cluster) HealIDs(ids ...int) error {
	named, err := c.named(ids)
	if err != nil {
		return err
	}
	c.isolated &^= named
	c.settle()
	return nil
}

// Compact makes all replicas, isolated ones too, drop their log entries up to
// their commit index (definition, section 4.5).
func (c *Cluster) Compact() {
	for _, r := range c.replicas {
		r.compact()
	}
}

// CompactIDs makes replicas, isolated ones too, drop their log entries up to
// their commit index (definition, section 4.5). An id may be named twice; an
// empty list names nobody. It answers ErrUnknownReplica where one is unknown;
// then nothing has changed.
func (c *Cluster) CompactIDs(ids ...int) error {
	if _, err := c.named(ids); err != nil {
		return err
	}
	for _, id := range ids {
		c.replicas[id].compact()
	}
	return nil
}

// named gives a bit for each id of the list.
func (c *Cluster) named(ids []int) (named uint64, err error) {
	for _, id := range ids {
		if !c.has(id) {
			return 0, ErrUnknownReplica
		}
		named |= bit(id)
	}
	return named, nil
}

// settle lets the reachable replicas exchange messages until none is left
// (definition, section 4.4). Once more would change nothing.
func (c *Cluster) settle() {
	if c.IsPartitioned(c.leader) && c.hasQuorum() {
		c.elect()
	}
	if c.IsPartitioned(c.leader) {
		c.demote()
		return
	}
	c.replicate()
	c.commit()
}

// hasQuorum tells whether at least a quorum is reachable.
func (c *Cluster) hasQuorum() bool {
	return len(c.replicas)-bits.OnesCount64(c.isolated) >= c.Quorum()
}

// elect makes the reachable replica whose log is ahead the leader of a new term,
// which it begins with a NoOp. An isolated replica hears nothing of it.
func (c *Cluster) elect() {
	winner := -1
	for _, r := range c.replicas {
		if !c.isIsolated(r) && (winner < 0 || r.isAheadOf(c.replicas[winner])) {
			winner = r.id
		}
	}
	c.leader = winner
	c.term++
	for _, r := range c.replicas {
		if !c.isIsolated(r) {
			r.term = c.term
		}
	}
	c.demote()
	c.replicas[winner].role = Leader
	c.replicas[winner].append(&Op{})
}

// isAheadOf compares the logs by last term, then by last index.
func (r *Replica) isAheadOf(other *Replica) bool {
	if r.LastTerm() != other.LastTerm() {
		return r.LastTerm() > other.LastTerm()
	}
	return r.Last() > other.Last()
}

// demote makes all reachable replicas followers.
func (c *Cluster) demote() {
	for _, r := range c.replicas {
		if !c.isIsolated(r) {
			r.role = Follower
		}
	}
}

// replicate makes the log of every other reachable replica the leader's.
func (c *Cluster) replicate() {
	leader := c.replicas[c.leader]
	for _, r := range c.replicas {
		if r == leader || c.isIsolated(r) {
			continue
		}
		r.term = leader.term
		r.role = Follower
		switch {
		case r.log.catchUp(&leader.log):
		case r.agreesAtBase(leader):
			r.truncateAndReplay(leader)
		default:
			r.installSnapshot(leader)
		}
	}
}

// agreesAtBase tells whether both logs have the same term at the greater of
// their bases. Where one is too short, or they differ there, the leader can no
// longer tell the replica what it has missed.
func (r *Replica) agreesAtBase(leader *Replica) bool {
	b := max(r.Base(), leader.Base())
	term, known := r.TermAt(b)
	leaderTerm, leaderKnown := leader.TermAt(b)
	return known && leaderKnown && term == leaderTerm
}

// commit makes all that the leader has committed, where a quorum holds it, and
// every reachable replica follow.
func (c *Cluster) commit() {
	leader := c.replicas[c.leader]
	if c.hasQuorum() {
		leader.commitTo(leader.Last())
	}
	for _, r := range c.replicas {
		if !c.isIsolated(r) {
			r.commitTo(leader.commit)
		}
	}
}
