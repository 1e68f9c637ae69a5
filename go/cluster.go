package dkv20

import "cmp"

// Outcome is the result of a proposal that was not refused (definition, section
// 4.1).
type Outcome struct {
	// Committed reports whether the entry has been committed. If it has not, it is
	// pending: it may be committed later, or be truncated and never take effect.
	Committed bool
	Index     uint64 // of the entry, from 1
	Term      uint64 // of the entry, from 1
}

// Cluster is a set of replicas with a current leader and a current term. Messages
// between replicas arrive at once, unless one of the two is isolated (definition,
// section 4): no message is in flight when a method returns. A method that
// returns an error has changed nothing. A Cluster is not safe for concurrent use.
type Cluster struct {
	replicas []*Replica
	isolated []bool // by id
	leader   ReplicaID
	term     uint64
}

// NewCluster returns a cluster of size replicas at term 1, with empty logs, none
// isolated, and replica 0 as the leader. It returns [ErrReplicaCount] unless size
// is 1 to [ReplicasMax].
func NewCluster(size int) (*Cluster, error) {
	if size < 1 || size > ReplicasMax {
		return nil, ErrReplicaCount
	}
	c := &Cluster{isolated: make([]bool, size), term: 1}
	for id := range ReplicaID(size) {
		c.replicas = append(c.replicas, &Replica{id: id, term: 1})
	}
	c.replicas[0].becomeLeader(1)
	return c, nil
}

// Size returns the number of replicas.
func (c *Cluster) Size() int { return len(c.replicas) }

// Quorum returns the number of replicas that must be reachable for an entry to be
// committed or a leader to be elected.
func (c *Cluster) Quorum() int { return len(c.replicas)/2 + 1 }

// Leader returns the id of the current leader, isolated or not.
func (c *Cluster) Leader() ReplicaID { return c.leader }

// ReachableLeader returns the id of the current leader; ok is false if it is
// isolated.
func (c *Cluster) ReachableLeader() (id ReplicaID, ok bool) {
	return c.leader, !c.isolated[c.leader]
}

// Term returns the current term, from 1.
func (c *Cluster) Term() uint64 { return c.term }

// IsolatedIDs returns the ids of the isolated replicas, ascending.
func (c *Cluster) IsolatedIDs() []ReplicaID {
	var ids []ReplicaID
	for id, isolated := range c.isolated {
		if isolated {
			ids = append(ids, ReplicaID(id))
		}
	}
	return ids
}

// IsPartitioned reports whether a replica is isolated. It returns
// [ErrUnknownReplica] if there is no replica with this id.
func (c *Cluster) IsPartitioned(id ReplicaID) (bool, error) {
	if err := c.checkIDs(id); err != nil {
		return false, err
	}
	return c.isolated[id], nil
}

// Replica returns a replica, for inspection. It returns [ErrUnknownReplica] if
// there is no replica with this id.
func (c *Cluster) Replica(id ReplicaID) (*Replica, error) {
	if err := c.checkIDs(id); err != nil {
		return nil, err
	}
	return c.replicas[id], nil
}

// Propose proposes op to the current leader (definition, section 4.1). It returns
// [ErrKeyLength], else [ErrValueLength], else [ErrNoLeader] if the current leader
// is isolated.
func (c *Cluster) Propose(op Op) (Outcome, error) {
	if err := op.CheckLimits(); err != nil {
		return Outcome{}, err
	}
	if c.isolated[c.leader] {
		return Outcome{}, ErrNoLeader
	}
	c.touch(&op)
	leader := c.replicas[c.leader]
	index := leader.append(&op)
	c.settle()
	return Outcome{Committed: index <= leader.commitIndex, Index: index, Term: leader.term}, nil
}

// touch loads the slot at which each replica will look for op's key, so that
// their cache misses overlap. (Without it a proposal to five replicas with
// 1,000,000 keys takes 1.3 times as long; see BenchmarkPropose.) The caller drops
// the sum, so the function must not be inlined.
//
//go:noinline
func (c *Cluster) touch(op *Op) (sum uint32) {
	for _, r := range c.replicas {
		sum += r.table.touch(op)
	}
	return sum
}

// ProposeAt proposes op as a client that can reach only one replica (definition,
// section 4.2). It returns [ErrUnknownReplica], else [ErrKeyLength], else
// [ErrValueLength], else [ErrNotLeader] if the replica's role is follower. An
// isolated replica that believes it is leader appends op to its own log, and the
// outcome is pending.
func (c *Cluster) ProposeAt(id ReplicaID, op Op) (Outcome, error) {
	r, err := c.Replica(id)
	if err != nil {
		return Outcome{}, err
	}
	if err := op.CheckLimits(); err != nil {
		return Outcome{}, err
	}
	if r.role != Leader {
		return Outcome{}, ErrNotLeader
	}
	if c.isolated[id] {
		return Outcome{Index: r.append(&op), Term: r.term}, nil
	}
	return c.Propose(op)
}

// Partition isolates replicas (definition, section 4.3). Ids may repeat, and may
// be isolated already; without ids nothing changes. It returns
// [ErrUnknownReplica] if an id is unknown.
func (c *Cluster) Partition(ids ...ReplicaID) error { return c.setIsolated(ids, true) }

// Heal makes all replicas reachable (definition, section 4.3).
func (c *Cluster) Heal() {
	clear(c.isolated)
	c.settle()
}

// HealIDs makes replicas reachable (definition, section 4.3). Ids may repeat, and
// may be reachable already; without ids nothing changes. It returns
// [ErrUnknownReplica] if an id is unknown.
func (c *Cluster) HealIDs(ids ...ReplicaID) error { return c.setIsolated(ids, false) }

// Compact makes all replicas, isolated or not, drop their log entries up to their
// commit indexes (definition, section 4.5).
func (c *Cluster) Compact() {
	for _, r := range c.replicas {
		r.compact()
	}
}

// CompactIDs makes replicas, isolated or not, drop their log entries up to their
// commit indexes (definition, section 4.5). Ids may repeat; without ids nothing
// changes. It returns [ErrUnknownReplica] if an id is unknown.
func (c *Cluster) CompactIDs(ids ...ReplicaID) error {
	if err := c.checkIDs(ids...); err != nil {
		return err
	}
	for _, id := range ids {
		c.replicas[id].compact()
	}
	return nil
}

func (c *Cluster) setIsolated(ids []ReplicaID, isolated bool) error {
	if err := c.checkIDs(ids...); err != nil {
		return err
	}
	for _, id := range ids {
		c.isolated[id] = isolated
	}
	c.settle()
	return nil
}

// settle delivers all messages between reachable replicas (definition, section
// 4.4). Settling again changes nothing.
func (c *Cluster) settle() {
	if c.isolated[c.leader] && c.hasQuorum() {
		c.elect()
	}
	if c.isolated[c.leader] {
		c.stepDownReachable()
		return
	}
	c.replicate()
	c.commit()
}

// elect is step 1: the winner leads a new term, which it starts with a NoOp.
func (c *Cluster) elect() {
	winner := c.electionWinner()
	c.leader = winner.id
	c.term++
	for _, r := range c.replicas {
		if !c.isolated[r.id] {
			r.becomeFollower(c.term)
		}
	}
	winner.becomeLeader(c.term)
	winner.append(&Op{})
}

// electionWinner returns the reachable replica with the greatest (last term, last
// index), and of those the one with the lowest id. At least one is reachable.
func (c *Cluster) electionWinner() *Replica {
	var winner *Replica
	for _, r := range c.replicas {
		if c.isolated[r.id] {
			continue
		}
		if winner == nil || compareLogEnds(r, winner) > 0 {
			winner = r
		}
	}
	return winner
}

func compareLogEnds(a, b *Replica) int {
	return cmp.Or(cmp.Compare(a.LastTerm(), b.LastTerm()), cmp.Compare(a.Last(), b.Last()))
}

// stepDownReachable is step 2: without a reachable leader, no reachable replica
// believes it is leader.
func (c *Cluster) stepDownReachable() {
	for _, r := range c.replicas {
		if !c.isolated[r.id] {
			r.stepDown()
		}
	}
}

// replicate is step 3: the logs of the reachable replicas become the leader's.
func (c *Cluster) replicate() {
	leader := c.replicas[c.leader]
	for _, r := range c.replicas {
		if r != leader && !c.isolated[r.id] {
			r.becomeFollower(leader.term)
			r.catchUp(leader)
		}
	}
}

// commit is step 4: with a quorum, the leader commits its whole log; every
// reachable replica commits what the leader has committed.
func (c *Cluster) commit() {
	leader := c.replicas[c.leader]
	if c.hasQuorum() {
		leader.commitTo(leader.Last())
	}
	for _, r := range c.replicas {
		if !c.isolated[r.id] {
			r.commitTo(leader.commitIndex)
		}
	}
}

// hasQuorum reports whether at least a quorum of replicas is reachable.
func (c *Cluster) hasQuorum() bool {
	reachable := 0
	for _, isolated := range c.isolated {
		if !isolated {
			reachable++
		}
	}
	return reachable >= c.Quorum()
}

// checkIDs returns [ErrUnknownReplica] if an id is unknown.
func (c *Cluster) checkIDs(ids ...ReplicaID) error {
	for _, id := range ids {
		if id >= ReplicaID(len(c.replicas)) {
			return ErrUnknownReplica
		}
	}
	return nil
}
