package dkv20

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// The naive model: section 4 of the definition over plain slices, with nothing
// shared and nothing remembered that could be worked out again. An index is a
// position in entries; compaction only moves base.

type modelEntry struct {
	term uint64
	op   Op
}

type modelReplica struct {
	term    uint64
	role    Role
	entries []modelEntry // all of them, from index 1, compacted ones too
	base    uint64
	commit  uint64
}

type modelCluster struct {
	replicas  []*modelReplica
	isolated  map[int]bool
	leader    int
	term      uint64
	elections int
	snapshots int
	truncated int
}

func newModel(n int) *modelCluster {
	m := &modelCluster{isolated: map[int]bool{}, term: 1}
	for range n {
		m.replicas = append(m.replicas, &modelReplica{term: 1})
	}
	m.replicas[0].role = Leader
	return m
}

func (r *modelReplica) last() uint64 { return uint64(len(r.entries)) }

func (r *modelReplica) termAt(index uint64) uint64 {
	if index == 0 {
		return 0
	}
	return r.entries[index-1].term
}

func (r *modelReplica) state() map[string]string {
	state := map[string]string{}
	for _, e := range r.entries[:r.commit] {
		switch e.op.tag {
		case tagPut:
			state[e.op.key()] = e.op.value()
		case tagDel:
			delete(state, e.op.key())
		}
	}
	return state
}

func (r *modelReplica) dump() []byte {
	state := r.state()
	var keys []string
	for key := range state {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := []byte("DKVS\x01\x00\x00\x00")
	for _, field := range []uint64{r.commit, r.termAt(r.commit), uint64(len(keys))} {
		out = binary.LittleEndian.AppendUint64(out, field)
	}
	for _, key := range keys {
		for _, s := range []string{key, state[key]} {
			out = append(binary.LittleEndian.AppendUint32(out, uint32(len(s))), s...)
		}
	}
	return out
}

func (r *modelReplica) logHash() string {
	sum := sha256.New()
	for index := r.base + 1; index <= r.last(); index++ {
		e := r.entries[index-1]
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], index)
		binary.LittleEndian.PutUint64(b[8:], e.term)
		sum.Write(b[:])
		sum.Write(e.op.AppendEncoding(nil))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (m *modelCluster) has(id int) bool { return id >= 0 && id < len(m.replicas) }

func (m *modelCluster) hasAll(ids []int) bool {
	return !slices.ContainsFunc(ids, func(id int) bool { return !m.has(id) })
}

func modelLimits(op Op) error {
	switch {
	case op.tag != tagNoOp && (op.key() == "" || len(op.key()) > 4096):
		return ErrKeyLength
	case op.tag == tagPut && len(op.value()) > 1048576:
		return ErrValueLength
	}
	return nil
}

func (m *modelCluster) propose(op Op) (Outcome, error) {
	if err := modelLimits(op); err != nil {
		return Outcome{}, err
	}
	if m.isolated[m.leader] {
		return Outcome{}, ErrNoLeader
	}
	l := m.replicas[m.leader]
	l.entries = append(l.entries, modelEntry{l.term, op})
	index := l.last()
	m.settle()
	return Outcome{l.commit >= index, index, l.term}, nil
}

func (m *modelCluster) proposeAt(id int, op Op) (Outcome, error) {
	if !m.has(id) {
		return Outcome{}, ErrUnknownReplica
	}
	if err := modelLimits(op); err != nil {
		return Outcome{}, err
	}
	r := m.replicas[id]
	if r.role != Leader {
		return Outcome{}, ErrNotLeader
	}
	if !m.isolated[id] {
		return m.propose(op)
	}
	r.entries = append(r.entries, modelEntry{r.term, op})
	return Outcome{false, r.last(), r.term}, nil
}

func (m *modelCluster) isolate(ids []int, isolated bool) error {
	if !m.hasAll(ids) {
		return ErrUnknownReplica
	}
	for _, id := range ids {
		m.isolated[id] = isolated
	}
	m.settle()
	return nil
}

func (m *modelCluster) compact(ids []int) error {
	if !m.hasAll(ids) {
		return ErrUnknownReplica
	}
	for _, id := range ids {
		m.replicas[id].base = m.replicas[id].commit
	}
	return nil
}

func (m *modelCluster) all() []int {
	var ids []int
	for id := range m.replicas {
		ids = append(ids, id)
	}
	return ids
}

func (m *modelCluster) settle() {
	var reachable []int
	for id := range m.replicas {
		if !m.isolated[id] {
			reachable = append(reachable, id)
		}
	}
	quorum := 2*len(reachable) > len(m.replicas)
	if m.isolated[m.leader] && quorum {
		m.elections++
		m.leader = slices.MaxFunc(reachable, func(a, b int) int {
			x, y := m.replicas[a], m.replicas[b]
			return slices.Compare(
				[]uint64{x.termAt(x.last()), x.last(), uint64(b)},
				[]uint64{y.termAt(y.last()), y.last(), uint64(a)})
		})
		m.term++
		l := m.replicas[m.leader]
		l.entries = append(l.entries, modelEntry{m.term, NoOp()})
		l.term, l.role = m.term, Leader
	}
	l := m.replicas[m.leader]
	for _, id := range reachable {
		r := m.replicas[id]
		if id == m.leader {
			continue
		}
		r.role = Follower
		if m.isolated[m.leader] {
			continue
		}
		r.term = l.term
		m.catchUp(r, l)
	}
	if m.isolated[m.leader] {
		return
	}
	if quorum {
		l.commit = l.last()
	}
	for _, id := range reachable {
		m.replicas[id].commit = l.commit
	}
}

// catchUp makes the log the leader's. As entries below a base are kept here, it
// is always the same slice; only what a replica says of base and commit differs.
func (m *modelCluster) catchUp(r, l *modelReplica) {
	b := max(r.base, l.base)
	if r.last() < b || r.termAt(b) != l.termAt(b) {
		m.snapshots++
		r.base, r.commit = l.commit, l.commit
	} else if agreed := min(r.last(), l.last()); r.last() > agreed || !slices.Equal(r.entries, l.entries[:agreed]) {
		m.truncated++
	}
	r.entries = slices.Clone(l.entries)
}
