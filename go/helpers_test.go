package dkv20

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func newCluster(t testing.TB, size int) *Cluster {
	t.Helper()
	c, err := NewCluster(size)
	must(t, err)
	return c
}

func propose(t testing.TB, c *Cluster, op Op) Outcome {
	t.Helper()
	outcome, err := c.Propose(op)
	must(t, err)
	return outcome
}

func proposeAt(t testing.TB, c *Cluster, id ReplicaID, op Op) Outcome {
	t.Helper()
	outcome, err := c.ProposeAt(id, op)
	must(t, err)
	return outcome
}

// get returns the value of key on a replica, or "absent".
func get(c *Cluster, id ReplicaID, key string) string {
	value, ok := c.replicas[id].Get(key)
	if !ok {
		return "absent"
	}
	return value
}

// each returns what f returns for each replica.
func each[T any](c *Cluster, f func(*Replica) T) []T {
	var all []T
	for _, r := range c.replicas {
		all = append(all, f(r))
	}
	return all
}

func commitIndexes(c *Cluster) []uint64 { return each(c, (*Replica).CommitIndex) }

func dumps(c *Cluster) [][]byte { return each(c, (*Replica).DumpState) }

func leadingIDs(c *Cluster) []ReplicaID {
	var ids []ReplicaID
	for _, r := range c.replicas {
		if r.Role() == Leader {
			ids = append(ids, r.ID())
		}
	}
	return ids
}

// reachableLeader returns the reachable leader's id, or "none", and the term.
func reachableLeader(c *Cluster) string {
	return strings.TrimPrefix(string(appendLeadership(nil, c)), "ok leader=")
}

// fingerprint describes everything that can be observed of a cluster.
func fingerprint(c *Cluster) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s leader=%d", appendStatus(nil, c), c.Leader())
	for _, r := range c.replicas {
		fmt.Fprintf(&b, "\n%s %s %s", appendReplica(nil, r), r.LogHash(), r.SnapshotHash())
	}
	return b.String()
}

// checkIdentical checks that all replicas have the same snapshot.
func checkIdentical(t testing.TB, c *Cluster) {
	t.Helper()
	want := c.replicas[0].DumpState()
	for _, r := range c.replicas {
		if got := r.DumpState(); !bytes.Equal(got, want) {
			t.Fatalf("replica %d: got dump %x, want %x", r.ID(), got, want)
		}
		equal(t, "snapshot hash", r.SnapshotHash(), c.replicas[0].SnapshotHash())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if want == nil || !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	if text, isString := any(got).(string); isString {
		t.Fatalf("%s: got %q, want %q", what, text, any(want))
	}
	t.Fatalf("%s: got %v, want %v", what, got, want)
}

// serve serves input lines and returns the answer lines, without the last LF.
func serve(t testing.TB, input string) string {
	t.Helper()
	var out strings.Builder
	must(t, Serve(strings.NewReader(input), &out))
	return strings.TrimSuffix(out.String(), "\n")
}

// checkDialogue runs lines of the form "command -> answer" on one session.
func checkDialogue(t testing.TB, dialogue string) {
	t.Helper()
	var s Session
	for line := range strings.Lines(strings.TrimSpace(dialogue)) {
		command, want, found := strings.Cut(strings.TrimSpace(line), " -> ")
		if !found {
			t.Fatalf("no answer in %q", line)
		}
		got, _ := s.RunLine([]byte(command), nil)
		equal(t, command, string(got), want)
	}
}
