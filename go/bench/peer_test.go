package bench

import (
	"encoding/binary"
	"io"
	"log"
	"math"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// peer is a cluster of etcd-io/raft without a network or a disk: messages are
// delivered at once, storage is memory, and each node applies ops to its own map.
type peer struct {
	nodes    [replicasCount]*raft.RawNode
	storages [replicasCount]*raft.MemoryStorage
	maps     [replicasCount]map[string]string
}

// newPeer returns a peer whose first node leads.
func newPeer(b *testing.B) *peer {
	b.Helper()
	p := new(peer)
	var members raftpb.Snapshot
	members.Metadata.Index, members.Metadata.Term = 1, 1
	for id := range p.nodes {
		members.Metadata.ConfState.Voters = append(members.Metadata.ConfState.Voters, uint64(id+1))
	}
	for i := range p.nodes {
		p.maps[i] = map[string]string{}
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

// settle delivers messages until none is left.
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

// advance processes what one node has ready.
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
		for data := string(entry.Data); len(data) > 0; {
			data = applyEncoded(data, p.maps[i])
		}
	}
	p.nodes[i].Advance(ready)
}

// applyEncoded applies the first of the encoded ops and returns the others. Keys
// and values share the bytes of the entry.
func applyEncoded(data string, to map[string]string) (rest string) {
	const lengthSize, tagDel = 4, 2
	tag, data := data[0], data[1:]
	field := func() string {
		length := binary.LittleEndian.Uint32([]byte(data[:lengthSize]))
		bytes := data[lengthSize : lengthSize+length]
		data = data[lengthSize+length:]
		return bytes
	}
	key := field()
	if tag == tagDel {
		delete(to, key)
	} else {
		to[key] = field()
	}
	return data
}

func BenchmarkPeer(b *testing.B) {
	eachSize(b, "keys", keySpaces, func(b *testing.B, keys uint64) {
		// With one op in a proposal the benchmark is slow, so it has a tenth of the ops.
		b.Run("batch=1", func(b *testing.B) { benchmarkPeer(b, keys, 1, 10) })
		b.Run("batch=64", func(b *testing.B) { benchmarkPeer(b, keys, 64, 1) })
	})
}

// benchmarkPeer proposes the same ops, divided by part, with batch ops in each
// proposal. It settles after each proposal.
func benchmarkPeer(b *testing.B, keys uint64, batch, part int) {
	ops := workload(b, keys, scaled(workloadOps/part))
	var proposals [][]byte
	for first := 0; first < len(ops); first += batch {
		var data []byte
		for i := range ops[first:min(first+batch, len(ops))] {
			data = ops[first+i].op.Encode(data)
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
