package bench

import (
	"encoding/binary"
	"io"
	"log"
	"math"
	"testing"
	"unsafe"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// peer is etcd-io/raft with nothing between its nodes: messages are delivered at
// once, storage is memory, and each node applies to a map of its own.
type peer struct {
	nodes    [replicasCount]*raft.RawNode
	storages [replicasCount]*raft.MemoryStorage
	maps     [replicasCount]map[string][]byte
}

// newPeer gives nodes of which the first leads.
func newPeer(b *testing.B) *peer {
	b.Helper()
	p := new(peer)
	var members raftpb.Snapshot
	members.Metadata.Index, members.Metadata.Term = 1, 1
	for id := range p.nodes {
		members.Metadata.ConfState.Voters = append(members.Metadata.ConfState.Voters, uint64(id+1))
	}
	for i := range p.nodes {
		p.maps[i] = map[string][]byte{}
		p.storages[i] = raft.NewMemoryStorage()
		check(b, p.storages[i].ApplySnapshot(members))
		node, err := raft.NewRawNode(&raft.Config{
			ID:              uint64(i + 1),
			ElectionTick:    10,
			HeartbeatTick:   1,
			Storage:         p.storages[i],
			Applied:         members.Metadata.Index,
			MaxSizePerMsg:   math.MaxUint64,
			MaxInflightMsgs: 256,
			Logger:          &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
		})
		check(b, err)
		p.nodes[i] = node
	}
	check(b, p.nodes[0].Campaign())
	p.settle(b)
	return p
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// settle lets the nodes exchange messages until none is left.
func (p *peer) settle(b *testing.B) {
	for busy := true; busy; {
		busy = false
		for i, node := range p.nodes {
			if node.HasReady() {
				p.advance(b, i)
				busy = true
			}
		}
	}
}

// advance does what one node has ready.
func (p *peer) advance(b *testing.B, i int) {
	ready := p.nodes[i].Ready()
	if !raft.IsEmptyHardState(ready.HardState) {
		check(b, p.storages[i].SetHardState(ready.HardState))
	}
	check(b, p.storages[i].Append(ready.Entries))
	for _, m := range ready.Messages {
		check(b, p.nodes[m.To-1].Step(m))
	}
	for _, entry := range ready.CommittedEntries {
		for data := entry.Data; len(data) > 0; {
			data = applyEncoded(data, p.maps[i])
		}
	}
	p.nodes[i].Advance(ready)
}

// applyEncoded makes the first of some encoded ops take effect, and gives the
// others. Keys and values are views of the entry, as nothing changes it.
func applyEncoded(data []byte, to map[string][]byte) (rest []byte) {
	const lengthSize, tagDel = 4, 2
	tag, data := data[0], data[1:]
	field := func() []byte {
		length := binary.LittleEndian.Uint32(data)
		bytes := data[lengthSize : lengthSize+length]
		data = data[lengthSize+length:]
		return bytes
	}
	key := field()
	if tag == tagDel {
		delete(to, string(key))
	} else {
		to[unsafe.String(&key[0], len(key))] = field()
	}
	return data
}

func BenchmarkPeer(b *testing.B) {
	eachSize(b, "keys", keySpaces, func(b *testing.B, keys uint64) {
		// One op in each proposal takes so long that a tenth of the ops must do.
		b.Run("batch=1", func(b *testing.B) { benchmarkPeer(b, keys, 1, 10) })
		b.Run("batch=64", func(b *testing.B) { benchmarkPeer(b, keys, 64, 1) })
	})
}

// The same ops, or a part of them, batch of them in a proposal, each of which is
// settled before the next one.
func benchmarkPeer(b *testing.B, keys uint64, batch, part int) {
	ops := workload(b, keys, scaled(workloadOps/part))
	var proposals [][]byte
	for first := 0; first < len(ops); first += batch {
		var data []byte
		for i := range ops[first:min(first+batch, len(ops))] {
			data = ops[first+i].op.AppendEncoding(data)
		}
		proposals = append(proposals, data)
	}
	for b.Loop() {
		p := newPeer(b)
		for _, data := range proposals {
			check(b, p.nodes[0].Propose(data))
			p.settle(b)
		}
		for i := range p.maps {
			if len(p.maps[i]) == 0 || len(p.maps[i]) != len(p.maps[0]) {
				b.Fatalf("node %d has %d keys", i, len(p.maps[i]))
			}
		}
	}
	report(b, len(ops), nsPerPut)
}
