package dkv20

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzLoadState(f *testing.F) {
	c := newCluster(f, 1)
	for _, op := range []Op{Put("a", "1"), Put("b", ""), Put("\x80", strings.Repeat("v", 300)), NoOp()} {
		propose(f, c, op)
	}
	good := c.replicas[0].DumpState()
	f.Add(good)
	f.Add([]byte{})
	for i := range good {
		f.Add(good[:i])
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			f.Add(bad)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := LoadState(data)
		if err != nil {
			var loadError *LoadError
			isLoadError := errors.As(err, &loadError) && errors.Is(err, loadError.Code)
			if !isLoadError || loadError.Offset < 0 || loadError.Offset > len(data) {
				t.Fatalf("%x: got error %v", data, err)
			}
			return
		}
		if dump := s.DumpState(); !bytes.Equal(dump, data) {
			t.Fatalf("got dump %x, want %x", dump, data)
		}
		keys := 0
		for key, want := range s.All() {
			if got, ok := s.Get(key); !ok || got != want {
				t.Fatalf("%x: value of %x: got %x, %v, want %x", data, key, got, ok, want)
			}
			keys++
		}
		equal(t, "key count", s.KeyCount(), keys)
	})
}

// closedWriter is an output that nothing reads.
type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"",
		"new 5\nput a 0x00ff\nget 4 a\nhash 0\ndump 0\nlog 0\nstatus\nreplica 4\n",
		"new 3\npartition 0\nat 0 put x y\nnoop\nheal\nget 1 x\ncompact\ncompact 1 2\n",
		"# comment\n\n   \nhello\nnew 0\nmix 18446744073709551616\ndraw 1 3\nput a b\n",
		"new 4\nworkload 1 10 50\npartition 0 1\ndel a\nheal 0 0 0\nheal 9\nquit\nstatus",
		"load 0x444b5653\nload x\nscenario C\nat 1\nat 1 quit\nat x noop\nget 0 0x\r",
		strings.Repeat("draw 1 1000\n", 10), // more than the answer buffer
		"new 2\nchaos 1 50\nchaos 1 10000001\nworkload 1 0 1\nworkload 1 1 10000001",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if workOf(input) > 500 {
			t.Skip("too slow")
		}
		var whole, single bytes.Buffer
		must(t, Serve(bytes.NewReader(input), &whole))
		must(t, Serve(iotest.OneByteReader(bytes.NewReader(input)), &single))
		if !bytes.Equal(whole.Bytes(), single.Bytes()) {
			t.Fatalf("%q: got %q at once, %q byte by byte", input, &whole, &single)
		}
		err := Serve(bytes.NewReader(input), closedWriter{})
		if failed := errors.Is(err, ErrOutput); failed != (whole.Len() > 0) {
			t.Fatalf("%q to a closed output: got error %v", input, err)
		}
		for line := range bytes.Lines(whole.Bytes()) {
			if !bytes.HasPrefix(line, []byte("ok")) && !bytes.HasPrefix(line, []byte("err ")) {
				t.Fatalf("%q: got answer %q", input, line)
			}
		}
	})
}

// workOf estimates the number of proposals that the input asks for.
func workOf(input []byte) float64 {
	var c command
	work := 0.0
	for line := range bytes.Lines(input) {
		if present, err := c.parse(bytes.TrimSuffix(line, []byte("\n"))); !present || err != nil {
			continue
		}
		switch c.kind {
		case commandWorkload:
			work += float64(c.numbers[2])
		case commandChaos:
			work += float64(c.numbers[1])
		case commandScenario:
			if _, known := ScenarioScript(string(c.strings[0])); known {
				work += 10_000
			}
		}
	}
	return work
}

// events runs the events that bytes encode on a cluster and on the model.
type events struct {
	t     *testing.T
	in    *bytes.Reader
	c     *Cluster
	model *modelCluster
}

func (e *events) next() byte {
	b, err := e.in.ReadByte()
	if err == io.EOF {
		return 0
	}
	return b
}

// id returns the id of a replica, or the first unknown one.
func (e *events) id(b byte) ReplicaID { return ReplicaID(b) % ReplicaID(e.c.Size()+1) }

func (e *events) ids() []ReplicaID {
	var ids []ReplicaID
	mask := e.next()
	for bit := range byte(8) {
		if mask>>bit&1 == 1 {
			ids = append(ids, e.id(bit))
		}
	}
	return ids
}

func (e *events) op() modelOp {
	b := e.next()
	key := string([]byte{b & 15, b & 1}[:1+b>>4&1])
	switch b >> 6 {
	case 0:
		return modelOp{tag: tagNoOp}
	case 1:
		return modelOp{tag: tagDel, key: key}
	case 2:
		return modelOp{tag: tagPut, key: key, value: strings.Repeat("x", 300*int(b>>5&1))}
	}
	return modelOp{tag: tagPut, key: key, value: string([]byte{b})}
}

// step runs one event on both and compares the results.
func (e *events) step(event byte) {
	var got, want Outcome
	var err, wantErr error
	switch event % 16 {
	default:
		op := e.op()
		got, err = e.c.Propose(op.op())
		want, wantErr = e.model.propose(op)
	case 6, 7:
		id, op := e.id(event>>4), e.op()
		got, err = e.c.ProposeAt(id, op.op())
		want, wantErr = e.model.proposeAt(id, op)
	case 8:
		id, op := e.c.Leader(), e.op()
		got, err = e.c.ProposeAt(id, op.op())
		want, wantErr = e.model.proposeAt(id, op)
	case 9:
		err = e.c.Partition(e.c.Leader())
		wantErr = e.model.setIsolated([]ReplicaID{e.model.leader}, true)
	case 10, 11:
		ids := e.ids()
		err, wantErr = e.c.Partition(ids...), e.model.setIsolated(ids, true)
	case 12, 13:
		ids := e.ids()
		err, wantErr = e.c.HealIDs(ids...), e.model.setIsolated(ids, false)
	case 14:
		e.c.Heal()
		wantErr = e.model.setIsolated(e.model.allIDs(), false)
	case 15:
		ids := e.ids()
		if len(ids) == 0 {
			e.c.Compact()
			ids = e.model.allIDs()
		} else {
			err = e.c.CompactIDs(ids...)
		}
		wantErr = e.model.compactIDs(ids)
	}
	if got != want || err != wantErr {
		e.t.Fatalf("event %d: got %v %v, want %v %v", event, got, err, want, wantErr)
	}
}

// compare compares everything that can be observed.
func (e *events) compare() {
	t := e.t
	t.Helper()
	equal(t, "leader", e.c.Leader(), e.model.leader)
	equal(t, "term", e.c.Term(), e.model.term)
	for i, m := range e.model.replicas {
		id := ReplicaID(i)
		r, err := e.c.Replica(id)
		must(t, err)
		got := []uint64{r.ID(), r.Term(), uint64(r.Role()), r.Base(), r.CommitIndex(), r.Last(), r.LastTerm(), uint64(r.KeyCount())}
		want := []uint64{id, m.term, uint64(m.role), m.base, m.commit, m.last(), m.lastTerm(), uint64(len(m.state))}
		equal(t, "id, term, role, base, commit index, last, last term, key count", got, want)
		partitioned, err := e.c.IsPartitioned(id)
		must(t, err)
		equal(t, "is partitioned", partitioned, e.model.isolated[id])
		equal(t, "log hash", r.LogHash(), m.logHash())
		if got, want := r.DumpState(), m.dump(); !bytes.Equal(got, want) {
			t.Fatalf("replica %d: got dump\n%x, want\n%x", id, got, want)
		}
	}
}

// checkInvariants checks what the definition requires beyond the model.
func (e *events) checkInvariants() {
	t := e.t
	t.Helper()
	before := fingerprint(e.c)
	e.c.settle()
	equal(t, "cluster after settling again", fingerprint(e.c), before)
	for id, r := range e.c.replicas {
		if r.Base() > r.CommitIndex() || r.CommitIndex() > r.Last() {
			t.Fatalf("replica %d: base %d, commit index %d, last %d", id, r.Base(), r.CommitIndex(), r.Last())
		}
		for index := uint64(0); index <= r.Last()+1; index++ {
			got, known := r.TermAt(index)
			want, wantKnown := e.model.replicas[id].termAt(index)
			if got != want || known != wantKnown {
				t.Fatalf("replica %d: term at %d: got %d %v, want %d %v", id, index, got, known, want, wantKnown)
			}
		}
	}
}

func runEvents(t *testing.T, data []byte) *modelCluster {
	t.Helper()
	e := events{t: t, in: bytes.NewReader(data)}
	size := int(e.next())%7 + 1
	e.c, e.model = newCluster(t, size), newModelCluster(size)
	for e.in.Len() > 0 {
		e.step(e.next())
		e.compare()
	}
	e.checkInvariants()
	return e.model
}

// eventSeeds returns long random sequences of events, for each size of a cluster.
func eventSeeds() [][]byte {
	var seeds [][]byte
	draws := NewSplitMix64(20)
	for i := range 70 {
		seed := []byte{byte(i)}
		for range 600 {
			seed = append(seed, byte(draws.Next()>>56))
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

func FuzzEvents(f *testing.F) {
	for _, seed := range eventSeeds()[:7] { // TestEventSeedsReachRareStates runs them all
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2_000 {
			t.Skip("too slow: the time is quadratic in the length")
		}
		runEvents(t, data)
	})
}

func TestEventSeedsReachRareStates(t *testing.T) {
	elections, snapshots, truncations := 0, 0, 0
	for _, seed := range eventSeeds() {
		m := runEvents(t, seed)
		elections += m.elections
		snapshots += m.snapshots
		truncations += m.truncations
	}
	if elections < 200 || snapshots < 100 || truncations < 100 {
		t.Errorf("got %d elections, %d snapshots, %d truncations", elections, snapshots, truncations)
	}
}
