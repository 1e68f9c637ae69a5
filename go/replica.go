package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
)

// ReplicaID is the number of a replica in its cluster, from 0.
type ReplicaID = uint64

// Role is what a replica believes it is (definition, section 3). An isolated
// replica may be wrong.
type Role uint8

// The two roles.
const (
	Follower Role = iota
	Leader
)

// String returns "leader" or "follower".
func (r Role) String() string {
	if r == Leader {
		return "leader"
	}
	return "follower"
}

// Entry is an entry of a log.
type Entry struct {
	Index uint64 // from 1
	Term  uint64 // from 1
	Op    Op
}

// Replica is one copy of the state machine, with its log (definition, section
// 3). It belongs to a [Cluster], which alone changes it.
type Replica struct {
	id          ReplicaID
	term        uint64
	role        Role
	log         log
	commitIndex uint64 // log.base <= commitIndex <= log.last()
	// table is the result of applying the ops at the indexes 1 to commitIndex, in
	// order, to an empty map.
	table keyTable
}

// ID returns the replica's id.
func (r *Replica) ID() ReplicaID { return r.id }

// Term returns the newest term that the replica has observed, from 1.
func (r *Replica) Term() uint64 { return r.term }

// Role returns the replica's role.
func (r *Replica) Role() Role { return r.role }

// Base returns the index up to which the log has been compacted, at first 0.
func (r *Replica) Base() uint64 { return r.log.base }

// CommitIndex returns the index of the last entry that has been applied, at
// first 0.
func (r *Replica) CommitIndex() uint64 { return r.commitIndex }

// Last returns the index of the log's last entry, or Base if the log is empty.
func (r *Replica) Last() uint64 { return r.log.last() }

// LastTerm returns the term of the entry at Last, or 0 if Last is 0.
func (r *Replica) LastTerm() uint64 { return r.log.lastTerm() }

// TermAt returns the term of the entry at index. It is known from Base to Last.
func (r *Replica) TermAt(index uint64) (term uint64, known bool) { return r.log.termAt(index) }

// KeyCount returns the number of keys.
func (r *Replica) KeyCount() int { return r.table.size() }

// Get returns the committed value of key, and whether there is one.
func (r *Replica) Get(key string) (value string, ok bool) { return r.table.get(key) }

// All yields the committed keys and values, in ascending order of the keys'
// unsigned bytes. The cluster must not change during the walk.
func (r *Replica) All() iter.Seq2[string, string] { return r.table.all }

// Entries yields the log entries at the indexes Base + 1 to Last, in order. The
// cluster must not change during the walk.
func (r *Replica) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for index, last := r.Base(), r.Last(); index < last; {
			term, ops := r.log.span(index, last)
			for _, op := range ops {
				index++
				if !yield(Entry{Index: index, Term: term, Op: op}) {
					return
				}
			}
		}
	}
}

// DumpState returns the replica's snapshot (definition, section 5). Replicas with
// the same commit index have the same snapshot.
func (r *Replica) DumpState() []byte { return dumpState(r.commitIndex, r.commitTerm(), &r.table) }

// SnapshotHash returns the SHA-256 of DumpState in lower-case hex. It does not
// hold the dump in memory.
func (r *Replica) SnapshotHash() string {
	return snapshotHash(r.commitIndex, r.commitTerm(), &r.table)
}

// LogHash returns the SHA-256, in lower-case hex, of the log entries, each as u64
// index, u64 term and encoded op (definition, section 8, "log").
func (r *Replica) LogHash() string {
	digest := sha256.New()
	var buffer []byte
	for entry := range r.Entries() {
		buffer = putU64LE(putU64LE(buffer, entry.Index), entry.Term)
		buffer = entry.Op.Encode(buffer)
		if len(buffer) >= hashBufferSize {
			digest.Write(buffer)
			buffer = buffer[:0]
		}
	}
	digest.Write(buffer)
	return hex.EncodeToString(digest.Sum(nil))
}

// hashBufferSize is the number of bytes that are hashed at once. It is large
// enough to hide the cost of the call and small enough for the cache.
const hashBufferSize = 4096

func (r *Replica) commitTerm() uint64 {
	term, _ := r.log.termAt(r.commitIndex)
	return term
}

// apply applies the op to the map.
func (r *Replica) apply(op *Op) {
	switch op.tag {
	case tagPut:
		r.table.put(op)
	case tagDel:
		r.table.remove(op)
	}
}

func (r *Replica) becomeFollower(term uint64) {
	r.term = term
	r.role = Follower
}

func (r *Replica) becomeLeader(term uint64) {
	r.term = term
	r.role = Leader
}

// stepDown makes the replica a follower of the same term.
func (r *Replica) stepDown() { r.role = Follower }

// append adds an entry of the replica's term to its log and returns its index.
func (r *Replica) append(op *Op) uint64 {
	r.log.append(r.term, op)
	return r.log.last()
}

// catchUp makes the log the leader's (definition, section 4.4, step 3). It needs
// a snapshot if the logs do not agree at the greater of their bases.
func (r *Replica) catchUp(leader *Replica) {
	if r.log.extendInPlace(&leader.log) {
		return
	}
	base := max(r.Base(), leader.Base())
	term, known := r.TermAt(base)
	leaderTerm, _ := leader.TermAt(base) // known: the leader has all that is committed
	if known && term == leaderTerm {
		r.truncateAndReplay(leader)
	} else {
		r.installSnapshot(leader)
	}
}

// truncateAndReplay drops the entries after the last one on which the logs agree,
// and appends the leader's.
func (r *Replica) truncateAndReplay(leader *Replica) {
	agreed := r.log.agreement(&leader.log)
	if agreed < r.commitIndex {
		panic("dkv20: a committed entry would be dropped")
	}
	r.log.truncate(agreed)
	r.log.extend(&leader.log)
}

// installSnapshot replaces the map by the leader's, and the log by the leader's
// entries after its commit index.
func (r *Replica) installSnapshot(leader *Replica) {
	r.table = leader.table.clone()
	r.commitIndex = leader.commitIndex
	r.log = log{base: leader.commitIndex, baseTerm: leader.commitTerm()}
	r.log.extend(&leader.log)
}

// commitTo applies the entries up to index, in order. It is at most Last; an
// index that is not above the commit index changes nothing.
func (r *Replica) commitTo(index uint64) {
	for r.commitIndex < index {
		_, ops := r.log.span(r.commitIndex, index)
		for i := range ops {
			r.apply(&ops[i])
		}
		r.commitIndex += uint64(len(ops))
	}
}

// compact drops the log entries up to the commit index.
func (r *Replica) compact() { r.log.compact(r.commitIndex) }
