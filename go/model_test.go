package dkv20

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// The model of all property tests: sections 2 to 5 of the definition, stated as
// plainly as possible. A log is a slice, a map is a map that is sorted when it is
// dumped, and a replica that catches up copies what it lacks.

// modelMap is the model of a keyTable, too.
type modelMap map[string]string

func (m modelMap) sortedKeys() []string { return slices.Sorted(maps.Keys(m)) }

// entries returns the map's part of a snapshot.
func (m modelMap) entries() []byte {
	var out []byte
	for _, key := range m.sortedKeys() {
		out = modelByteString(modelByteString(out, key), m[key])
	}
	return out
}

func modelByteString(out []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(s))), s...)
}

type modelOp struct {
	tag        byte
	key, value string
}

// op returns the op of the port.
func (o modelOp) op() Op {
	switch o.tag {
	case tagPut:
		return Put(o.key, o.value)
	case tagDel:
		return Del(o.key)
	}
	return NoOp()
}

func (o modelOp) checkLimits() error {
	switch {
	case o.tag != tagNoOp && (o.key == "" || len(o.key) > 4_096):
		return ErrKeyLength
	case o.tag == tagPut && len(o.value) > 1_048_576:
		return ErrValueLength
	}
	return nil
}

func (o modelOp) encode(out []byte) []byte {
	out = append(out, o.tag)
	if o.tag != tagNoOp {
		out = modelByteString(out, o.key)
	}
	if o.tag == tagPut {
		out = modelByteString(out, o.value)
	}
	return out
}

func (o modelOp) apply(m modelMap) {
	switch o.tag {
	case tagPut:
		m[o.key] = o.value
	case tagDel:
		delete(m, o.key)
	}
}

type modelEntry struct {
	term uint64
	op   modelOp
}

type modelReplica struct {
	term     uint64
	role     Role
	base     uint64
	baseTerm uint64
	log      []modelEntry // at the indexes from base + 1
	commit   uint64
	state    modelMap
}

func (r *modelReplica) last() uint64 { return r.base + uint64(len(r.log)) }

func (r *modelReplica) termAt(index uint64) (term uint64, known bool) {
	switch {
	case index < r.base || index > r.last():
		return 0, false
	case index == r.base:
		return r.baseTerm, true
	}
	return r.log[index-r.base-1].term, true
}

// mustTermAt returns the term at an index that is known.
func (r *modelReplica) mustTermAt(index uint64) uint64 {
	term, known := r.termAt(index)
	if !known {
		panic("the term is not known")
	}
	return term
}

func (r *modelReplica) lastTerm() uint64 { return r.mustTermAt(r.last()) }

func (r *modelReplica) append(op modelOp) uint64 {
	r.log = append(r.log, modelEntry{term: r.term, op: op})
	return r.last()
}

func (r *modelReplica) entriesAfter(index uint64) []modelEntry {
	return slices.Clone(r.log[index-r.base:])
}

func (r *modelReplica) commitTo(index uint64) {
	for ; r.commit < index; r.commit++ {
		r.log[r.commit-r.base].op.apply(r.state)
	}
}

func (r *modelReplica) compact() {
	r.baseTerm = r.mustTermAt(r.commit)
	r.log = r.entriesAfter(r.commit)
	r.base = r.commit
}

func (r *modelReplica) dump() []byte {
	out := []byte("DKVS\x01\x00\x00\x00")
	for _, field := range []uint64{r.commit, r.mustTermAt(r.commit), uint64(len(r.state))} {
		out = binary.LittleEndian.AppendUint64(out, field)
	}
	return append(out, r.state.entries()...)
}

func (r *modelReplica) logHash() string {
	var out []byte
	for i, entry := range r.log {
		out = binary.LittleEndian.AppendUint64(out, r.base+1+uint64(i))
		out = entry.op.encode(binary.LittleEndian.AppendUint64(out, entry.term))
	}
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:])
}

type modelCluster struct {
	replicas []*modelReplica
	isolated map[ReplicaID]bool
	leader   ReplicaID
	term     uint64

	// How often something rare has happened.
	elections, snapshots, truncations int
}

func newModelCluster(size int) *modelCluster {
	m := &modelCluster{isolated: map[ReplicaID]bool{}, term: 1}
	for range size {
		m.replicas = append(m.replicas, &modelReplica{term: 1, state: modelMap{}})
	}
	m.replicas[0].role = Leader
	return m
}

func (m *modelCluster) quorum() int { return len(m.replicas)/2 + 1 }

func (m *modelCluster) propose(op modelOp) (Outcome, error) {
	if err := op.checkLimits(); err != nil {
		return Outcome{}, err
	}
	if m.isolated[m.leader] {
		return Outcome{}, ErrNoLeader
	}
	leader := m.replicas[m.leader]
	index := leader.append(op)
	m.settle()
	return Outcome{Committed: index <= leader.commit, Index: index, Term: m.term}, nil
}

func (m *modelCluster) proposeAt(id ReplicaID, op modelOp) (Outcome, error) {
	if err := m.checkIDs([]ReplicaID{id}); err != nil {
		return Outcome{}, err
	}
	if err := op.checkLimits(); err != nil {
		return Outcome{}, err
	}
	r := m.replicas[id]
	if r.role != Leader {
		return Outcome{}, ErrNotLeader
	}
	if !m.isolated[id] {
		return m.propose(op)
	}
	return Outcome{Committed: false, Index: r.append(op), Term: r.term}, nil
}

func (m *modelCluster) setIsolated(ids []ReplicaID, isolated bool) error {
	if err := m.checkIDs(ids); err != nil {
		return err
	}
	for _, id := range ids {
		m.isolated[id] = isolated
	}
	m.settle()
	return nil
}

func (m *modelCluster) compactIDs(ids []ReplicaID) error {
	if err := m.checkIDs(ids); err != nil {
		return err
	}
	for _, id := range ids {
		m.replicas[id].compact()
	}
	return nil
}

func (m *modelCluster) checkIDs(ids []ReplicaID) error {
	for _, id := range ids {
		if !slices.Contains(m.allIDs(), id) {
			return ErrUnknownReplica
		}
	}
	return nil
}

func (m *modelCluster) allIDs() []ReplicaID {
	var ids []ReplicaID
	for id := range m.replicas {
		ids = append(ids, ReplicaID(id))
	}
	return ids
}

func (m *modelCluster) reachable() []*modelReplica {
	var reachable []*modelReplica
	for id, r := range m.replicas {
		if !m.isolated[ReplicaID(id)] {
			reachable = append(reachable, r)
		}
	}
	return reachable
}

// settle has the four steps of section 4.4.
func (m *modelCluster) settle() {
	hasQuorum := len(m.reachable()) >= m.quorum()
	if m.isolated[m.leader] && hasQuorum {
		m.elect()
	}
	if m.isolated[m.leader] {
		for _, r := range m.reachable() {
			r.role = Follower
		}
		return
	}
	leader := m.replicas[m.leader]
	for _, r := range m.reachable() {
		if r != leader {
			r.term, r.role = m.term, Follower
			m.catchUp(r, leader)
		}
	}
	commit := leader.commit
	if hasQuorum {
		commit = leader.last()
	}
	for _, r := range m.reachable() {
		r.commitTo(commit)
	}
}

func (m *modelCluster) elect() {
	m.elections++
	winner := m.reachable()[0]
	for _, r := range m.reachable() {
		logEnd := []uint64{r.lastTerm(), r.last()}
		if slices.Compare(logEnd, []uint64{winner.lastTerm(), winner.last()}) > 0 {
			winner = r
		}
	}
	m.leader = ReplicaID(slices.Index(m.replicas, winner))
	m.term++
	for _, r := range m.reachable() {
		r.term, r.role = m.term, Follower
	}
	winner.role = Leader
	winner.append(modelOp{tag: tagNoOp})
}

func (m *modelCluster) catchUp(r, leader *modelReplica) {
	base := max(r.base, leader.base)
	term, known := r.termAt(base)
	if !known || term != leader.mustTermAt(base) {
		m.snapshots++
		r.state = maps.Clone(leader.state)
		r.commit, r.base, r.baseTerm = leader.commit, leader.commit, leader.mustTermAt(leader.commit)
		r.log = leader.entriesAfter(leader.commit)
		return
	}
	agreed := min(r.last(), leader.last())
	for r.mustTermAt(agreed) != leader.mustTermAt(agreed) {
		agreed--
	}
	if agreed < r.commit {
		panic("a committed entry would be dropped")
	}
	if agreed < r.last() {
		m.truncations++
	}
	r.log = append(r.log[:agreed-r.base], leader.entriesAfter(agreed)...)
}
