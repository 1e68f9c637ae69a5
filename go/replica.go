package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
)

// Role is what a replica takes itself for (definition, section 3). An isolated
// replica may be wrong about it.
type Role uint8

// The two roles.
const (
	Follower Role = iota
	Leader
)

// String gives "leader" or "follower".
func (r Role) String() string {
	if r == Leader {
		return "leader"
	}
	return "follower"
}

// Replica is one copy of the state machine, with its log (definition, section
// 3). It belongs to a [Cluster], which alone changes it. Ids count from 0,
// indexes of entries from 1, and terms from 1.
type Replica struct {
	id     int
	term   uint64
	role   Role
	log    log
	commit uint64 // log.base <= commit <= log.last()
	// state is the result of applying the ops at indexes 1 to commit, in order,
	// to an empty map.
	state orderedMap
}

// ID gives the replica's id.
func (r *Replica) ID() int { return r.id }

// Term gives the newest term that the replica has heard of.
func (r *Replica) Term() uint64 { return r.term }

// Role gives what the replica takes itself for.
func (r *Replica) Role() Role { return r.role }

// Base gives the index up to which the log has been compacted away, 0 at first.
func (r *Replica) Base() uint64 { return r.log.base }

// CommitIndex gives the index of the last entry that has been applied, 0 at
// first.
func (r *Replica) CommitIndex() uint64 { return r.commit }

// Last gives the index of the log's last entry; it is the base where the log is
// empty.
func (r *Replica) Last() uint64 { return r.log.last() }

// LastTerm gives the term of the entry at Last, 0 where that is 0.
func (r *Replica) LastTerm() uint64 { return r.log.lastTerm() }

// TermAt gives the term of the entry at index, which is known from Base to Last.
func (r *Replica) TermAt(index uint64) (term uint64, known bool) { return r.log.termAt(index) }

// Len gives the number of keys.
func (r *Replica) Len() int { return r.state.count() }

// Get gives the committed value of key, and whether there is one.
func (r *Replica) Get(key string) (value string, present bool) { return r.state.get(key) }

// All gives the committed keys and values in ascending order of the keys'
// unsigned bytes. The cluster must not change meanwhile.
func (r *Replica) All() iter.Seq2[string, string] { return r.state.all }

// apply makes the op take effect on the map.
func (r *Replica) apply(op *Op) {
	switch op.tag {
	case tagPut:
		r.state.set(op)
	case tagDel:
		r.state.delete(op)
	}
}

// append adds an entry of the replica's term to its log.
func (r *Replica) append(op *Op) { r.log.append(r.term, op) }

// truncateAndReplay makes the log the leader's: what differs from it is dropped,
// and what is missing is appended. Both agree at the greater of their bases.
func (r *Replica) truncateAndReplay(leader *Replica) {
	r.log.truncate(r.log.agreement(&leader.log))
	r.log.extend(&leader.log)
}

// installSnapshot makes the map the leader's, and the log what the leader has
// after its commit index.
func (r *Replica) installSnapshot(leader *Replica) {
	r.state = leader.state.clone()
	r.commit = leader.commit
	baseTerm, _ := leader.log.termAt(leader.commit)
	r.log = log{base: leader.commit, baseTerm: baseTerm}
	r.log.extend(&leader.log)
}

// commitTo applies the entries up to index, in order. The log holds them; an
// index not above the commit index changes nothing.
func (r *Replica) commitTo(index uint64) {
	for r.commit < index {
		_, ops := r.log.span(r.commit, index)
		for i := range ops {
			r.apply(&ops[i])
		}
		r.commit += uint64(len(ops))
	}
}

// compact drops the log entries up to the commit index.
func (r *Replica) compact() { r.log.compact(r.commit) }

// DumpState gives the replica's snapshot (definition, section 5). Replicas with
// the same commit index give the same bytes.
func (r *Replica) DumpState() []byte { return dumpState(r.snapshotHeader(), &r.state) }

// SnapshotHash gives the SHA-256 of DumpState in lower-case hex, without
// building a copy of the state.
func (r *Replica) SnapshotHash() string { return hashState(r.snapshotHeader(), &r.state) }

func (r *Replica) snapshotHeader() header {
	term, _ := r.log.termAt(r.commit)
	return header{r.commit, term}
}

// LogHash gives the SHA-256, in lower-case hex, of the entries from Base + 1 to
// Last, each as u64 index, u64 term, encoded op (definition, section 8, `log`).
func (r *Replica) LogHash() string {
	sum := sha256.New()
	var buffer []byte
	for index, last := r.log.base, r.log.last(); index < last; {
		term, ops := r.log.span(index, last)
		for i := range ops {
			index++
			buffer = ops[i].AppendEncoding(putU64LE(putU64LE(buffer, index), term))
			if len(buffer) >= hashBufferSize {
				sum.Write(buffer)
				buffer = buffer[:0]
			}
		}
	}
	sum.Write(buffer)
	return hex.EncodeToString(sum.Sum(nil))
}

// hashBufferSize is how many bytes are gathered before they are hashed: enough
// that the call costs nothing, few enough to stay in a cache.
const hashBufferSize = 4096
