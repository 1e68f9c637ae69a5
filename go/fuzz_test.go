package dkv20

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func FuzzLoadState(f *testing.F) {
	c := newCluster(f, 1)
	for _, op := range []Op{Put("a", "1"), Put("b", ""), Put("\x80", strings.Repeat("v", 300)), NoOp()} {
		if _, err := c.Propose(op); err != nil {
			f.Fatal(err)
		}
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
		if err == nil {
			if dump := s.DumpState(); !bytes.Equal(dump, data) {
				t.Fatalf("%x dumps as %x", data, dump)
			}
			keys := 0
			for key, value := range s.All() {
				if found, present := s.Get(key); !present || found != value {
					t.Fatalf("%x: the value of %x is %x, %v", data, key, found, present)
				}
				keys++
			}
			if s.Len() != keys {
				t.Fatalf("%x: %d keys of %d", data, keys, s.Len())
			}
			return
		}
		var fault *LoadError
		if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(data) || !errors.Is(err, fault.Code) {
			t.Fatalf("%x: %v", data, err)
		}
	})
}

// goneReader is the output where nobody reads the answers any more.
type goneReader struct{}

func (goneReader) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"",
		"new 5\nput a 0x00ff\nget 4 a\nhash 0\ndump 0\nlog 0\nstatus\nreplica 4\n",
		"new 3\npartition 0\nat 0 put x y\nnoop\nheal\nget 1 x\ncompact\ncompact 1 2\n",
		"# comment\n\n   \nhello\nnew 0\nmix 18446744073709551616\ndraw 1 3\nput a b\n",
		"new 4\nworkload 1 10 50\npartition 0 1\ndel a\nheal 0 0 0\nheal 9\nquit\nstatus",
		"load 0x444b5653\nload x\nscenario C\nat 1\nat 1 quit\nat x noop\nget 0 0x\r",
		strings.Repeat("draw 1 1000\n", 10), // more than is gathered before it is written
		"new 2\nchaos 1 50\nchaos 1 10000001\nworkload 1 0 1\nworkload 1 1 10000001",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if workOf(input) > 500 {
			t.Skip("much work takes long, and shows nothing more")
		}
		var whole, single bytes.Buffer
		if err := Serve(bytes.NewReader(input), &whole); err != nil {
			t.Fatal(err)
		}
		if err := Serve(iotest.OneByteReader(bytes.NewReader(input)), &single); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole.Bytes(), single.Bytes()) {
			t.Fatalf("%q: %q pipelined, %q by single bytes", input, &whole, &single)
		}
		if err := Serve(bytes.NewReader(input), goneReader{}); errors.Is(err, ErrOutput) != (whole.Len() > 0) {
			t.Fatalf("%q to a writer that fails: %v", input, err)
		}
		for line := range bytes.Lines(whole.Bytes()) {
			if !bytes.HasPrefix(line, []byte("ok")) && !bytes.HasPrefix(line, []byte("err ")) {
				t.Fatalf("%q is answered %q", input, line)
			}
		}
	})
}

// workOf is how many proposals and steps of chaos the input asks for; a scenario
// is about as much as 10,000.
func workOf(input []byte) float64 {
	var c command
	work := 0.0
	for line := range bytes.Lines(input) {
		if present, err := c.parse(bytes.TrimSuffix(line, []byte("\n"))); !present || err != nil {
			continue
		}
		switch c.word {
		case wordWorkload:
			work += float64(c.numbers[2])
		case wordChaos:
			work += float64(c.numbers[1])
		case wordScenario:
			if name := string(c.strings[0]); name == "A" || name == "B" {
				work += 10_000
			}
		}
	}
	return work
}

// events runs what bytes spell on a cluster and on the naive model.
type events struct {
	t     *testing.T
	in    *bytes.Reader
	c     *Cluster
	model *modelCluster
}

func (e *events) byte() byte {
	b, err := e.in.ReadByte()
	if err == io.EOF {
		return 0
	}
	return b
}

func (e *events) ids() []int {
	var ids []int
	for mask, id := e.byte(), 0; id < 8; id++ {
		if mask>>id&1 == 1 {
			ids = append(ids, id%(len(e.c.replicas)+1)) // one too many
		}
	}
	return ids
}

func (e *events) op() Op {
	b := e.byte()
	key := string([]byte{b & 15, b & 1}[:1+b>>4&1])
	switch b >> 6 {
	case 0:
		return NoOp()
	case 1:
		return Del(key)
	case 2:
		return Put(key, strings.Repeat("x", 300*int(b>>5&1)))
	}
	return Put(key, string([]byte{b}))
}

// step runs one event on both and compares the answers.
func (e *events) step(event byte) {
	var actual, expected any
	var err, expectedErr error
	switch event % 16 {
	default:
		op := e.op()
		actual, err = e.c.Propose(op)
		expected, expectedErr = e.model.propose(op)
	case 6, 7:
		id, op := int(event>>4)%(len(e.c.replicas)+1), e.op()
		actual, err = e.c.ProposeAt(id, op)
		expected, expectedErr = e.model.proposeAt(id, op)
	case 8:
		id, op := e.c.leader, e.op()
		actual, err = e.c.ProposeAt(id, op)
		expected, expectedErr = e.model.proposeAt(id, op)
	case 9:
		err, expectedErr = e.c.Partition(e.c.leader), e.model.isolate([]int{e.model.leader}, true)
	case 10, 11:
		ids := e.ids()
		err, expectedErr = e.c.Partition(ids...), e.model.isolate(ids, true)
	case 12, 13:
		ids := e.ids()
		err, expectedErr = e.c.HealIDs(ids...), e.model.isolate(ids, false)
	case 14:
		e.c.Heal()
		expectedErr = e.model.isolate(e.model.all(), false)
	case 15:
		ids := e.ids()
		if len(ids) == 0 {
			e.c.Compact()
			ids = e.model.all()
		} else {
			err = e.c.CompactIDs(ids...)
		}
		expectedErr = e.model.compact(ids)
	}
	if actual != expected || err != expectedErr {
		e.t.Fatalf("event %d: %v %v, the model: %v %v", event, actual, err, expected, expectedErr)
	}
}

// compare compares all that can be seen.
func (e *events) compare() {
	e.t.Helper()
	leader, reachable := e.c.Leader()
	if leader != e.model.leader || reachable == e.model.isolated[leader] || e.c.Term() != e.model.term {
		e.t.Fatalf("leader %d %v term %d, the model: %d %d", leader, reachable, e.c.Term(), e.model.leader, e.model.term)
	}
	for id, m := range e.model.replicas {
		r := e.c.replicas[id]
		actual := []uint64{r.Term(), uint64(r.Role()), r.Base(), r.CommitIndex(), r.Last(), r.LastTerm()}
		expected := []uint64{m.term, uint64(m.role), m.base, m.commit, m.last(), m.termAt(m.last())}
		if !slices.Equal(actual, expected) {
			e.t.Fatalf("replica %d: term, role, base, commit, last, last term %v, the model: %v", id, actual, expected)
		}
		if e.c.IsPartitioned(id) != e.model.isolated[id] {
			e.t.Fatalf("replica %d: isolated %v", id, e.c.IsPartitioned(id))
		}
		if r.ID() != id {
			e.t.Fatalf("replica %d takes itself for %d", id, r.ID())
		}
		if r.LogHash() != m.logHash() {
			e.t.Fatalf("replica %d: the logs differ", id)
		}
		if dump := r.DumpState(); !bytes.Equal(dump, m.dump()) {
			e.t.Fatalf("replica %d: dump\n%x, the model:\n%x", id, dump, m.dump())
		}
	}
}

// invariants checks what the definition promises beyond the model.
func (e *events) invariants() {
	e.t.Helper()
	before := fingerprint(e.c)
	e.c.settle()
	if fingerprint(e.c) != before {
		e.t.Fatal("settle once more has changed something")
	}
	for _, r := range e.c.replicas {
		if r.Base() > r.CommitIndex() || r.CommitIndex() > r.Last() {
			e.t.Fatalf("replica %d: base %d, commit %d, last %d", r.id, r.Base(), r.CommitIndex(), r.Last())
		}
		for index := r.Base(); index <= r.Last(); index++ {
			if term, known := r.TermAt(index); !known || term != e.model.replicas[r.id].termAt(index) {
				e.t.Fatalf("replica %d: term at %d is %d, %v", r.id, index, term, known)
			}
		}
	}
}

func runEvents(t *testing.T, data []byte) *modelCluster {
	t.Helper()
	e := events{t: t, in: bytes.NewReader(data)}
	n := int(e.byte())%7 + 1
	e.c, e.model = newCluster(t, n), newModel(n)
	for e.in.Len() > 0 {
		e.step(e.byte())
		e.compare()
	}
	e.invariants()
	return e.model
}

// eventSeeds are long random sequences, for each size of a cluster.
func eventSeeds() [][]byte {
	var seeds [][]byte
	g := NewSplitMix64(20)
	for i := range 70 {
		seed := []byte{byte(i)}
		for range 600 {
			seed = append(seed, byte(g.Next()>>56))
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

func FuzzEvents(f *testing.F) {
	for _, seed := range eventSeeds()[:7] { // TestEventSeedsReachRareThings runs them all
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			t.Skip("the model takes the square of it")
		}
		runEvents(t, data)
	})
}

// The seeds above are worth something only if they make rare things happen.
func TestEventSeedsReachRareThings(t *testing.T) {
	elections, snapshots, truncated := 0, 0, 0
	for _, seed := range eventSeeds() {
		m := runEvents(t, seed)
		elections += m.elections
		snapshots += m.snapshots
		truncated += m.truncated
	}
	if elections < 200 || snapshots < 100 || truncated < 100 {
		t.Errorf("%d elections, %d snapshots, %d tails truncated", elections, snapshots, truncated)
	}
}
