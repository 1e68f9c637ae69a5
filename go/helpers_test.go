package dkv20

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// fingerprint tells everything that can be seen of a cluster.
func fingerprint(c *Cluster) string {
	var b strings.Builder
	b.Write(appendStatus(nil, c))
	for _, r := range c.replicas {
		fmt.Fprintf(&b, "\n%s %s %s", appendReplica(nil, r), r.LogHash(), r.SnapshotHash())
	}
	return b.String()
}

func newCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c, err := NewCluster(n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func propose(t testing.TB, c *Cluster, op Op) Outcome {
	t.Helper()
	o, err := c.Propose(op)
	if err != nil {
		t.Fatalf("propose: %v", err)
	}
	return o
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, actual, expected error) {
	t.Helper()
	if !errors.Is(actual, expected) || expected == nil {
		t.Fatalf("error %v, expected %v", actual, expected)
	}
}

func equal[T comparable](t testing.TB, what string, actual, expected T) {
	t.Helper()
	if actual != expected {
		t.Fatalf("%s: %v, expected %v", what, actual, expected)
	}
}

// wantValue checks a replica's value; absent keys are expected as "absent".
func wantValue(t testing.TB, c *Cluster, id int, key, expected string) {
	t.Helper()
	value, present := c.replicas[id].Get(key)
	if !present {
		value = "absent"
	}
	equal(t, fmt.Sprintf("value of %q on replica %d", key, id), value, expected)
}

// wantSame checks that all replicas dump the same bytes.
func wantSame(t testing.TB, c *Cluster) {
	t.Helper()
	expected := c.replicas[0].DumpState()
	for _, r := range c.replicas[1:] {
		if !bytes.Equal(r.DumpState(), expected) {
			t.Fatalf("replica %d dumps %x, replica 0 %x", r.id, r.DumpState(), expected)
		}
	}
}

// session runs lines, LF between them, and gives the answers likewise.
func session(t testing.TB, lines string) string {
	t.Helper()
	var out bytes.Buffer
	mustDo(t, Serve(strings.NewReader(lines), &out))
	return strings.TrimSuffix(out.String(), "\n")
}

// dialogue checks lines of commands and answers, "command -> answer" each.
func dialogue(t testing.TB, text string) {
	t.Helper()
	var s Session
	for line := range strings.Lines(strings.TrimSpace(text)) {
		command, expected, found := strings.Cut(strings.TrimSpace(line), " -> ")
		if !found {
			t.Fatalf("%q is no step", line)
		}
		actual, _ := s.Run([]byte(command), nil)
		if string(actual) != expected {
			t.Fatalf("%s: %s, expected %s", command, actual, expected)
		}
	}
}
