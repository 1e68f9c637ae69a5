package dkv20_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dkv20/dkv20/go"
)

// README begin

func Example() {
	cluster, err := dkv20.NewCluster(5)
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome, err := cluster.Propose(dkv20.Put("a", "v"))
	fmt.Println(outcome.Committed, outcome.Index, outcome.Term, err)

	replica, err := cluster.Replica(4)
	if err != nil {
		fmt.Println(err)
		return
	}
	value, present := replica.Get("a")
	fmt.Println(value, present)
	fmt.Printf("%q\n", replica.DumpState()[:4])
	// Output:
	// true 1 1 <nil>
	// v true
	// "DKVS"
}

// README end

func ExampleCluster_Partition() {
	cluster, _ := dkv20.NewCluster(3)
	_ = cluster.Partition(0)
	leader, ok := cluster.ReachableLeader()
	fmt.Println("leader", leader, ok, "term", cluster.Term())

	_ = cluster.Partition(1)
	_, err := cluster.Propose(dkv20.NoOp())
	fmt.Println(err, errors.Is(err, dkv20.ErrNoLeader))

	cluster.Heal()
	outcome, _ := cluster.Propose(dkv20.NoOp())
	fmt.Println("index", outcome.Index, "term", outcome.Term)
	// Output:
	// leader 1 true term 2
	// no-leader true
	// index 2 term 2
}

func ExampleReplica_All() {
	cluster, _ := dkv20.NewCluster(1)
	for _, key := range []string{"b", "a", "c"} {
		_, _ = cluster.Propose(dkv20.Put(key, "value of "+key))
	}
	replica, _ := cluster.Replica(0)
	for key, value := range replica.All() {
		fmt.Println(key, "=", value)
	}
	// Output:
	// a = value of a
	// b = value of b
	// c = value of c
}

func ExampleReplica_Entries() {
	cluster, _ := dkv20.NewCluster(1)
	_, _ = cluster.Propose(dkv20.Put("a", "v"))
	_, _ = cluster.Propose(dkv20.Del("a"))
	replica, _ := cluster.Replica(0)
	for entry := range replica.Entries() {
		fmt.Printf("%d %d %q\n", entry.Index, entry.Term, entry.Op.Encode(nil))
	}
	// Output:
	// 1 1 "\x01\x01\x00\x00\x00a\x01\x00\x00\x00v"
	// 2 1 "\x02\x01\x00\x00\x00a"
}

func ExampleLoadState() {
	_, err := dkv20.LoadState([]byte("DKVS\x02\x00\x00\x00"))
	var loadError *dkv20.LoadError
	if errors.As(err, &loadError) {
		fmt.Println(loadError.Code, "at", loadError.Offset)
	}
	fmt.Println(errors.Is(err, dkv20.ErrBadVersion))
	// Output:
	// bad-version at 4
	// true
}

func ExampleSession() {
	var session dkv20.Session
	for _, line := range []string{"new 3", "put a 0x01", "# a comment", "get 2 a"} {
		if answer, ok := session.RunLine([]byte(line), nil); ok {
			fmt.Println(string(answer))
		}
	}
	// Output:
	// ok
	// ok committed index=1 term=1
	// ok 0x01
}

func ExampleServe() {
	commands := "new 3\nput a 0x01\nget 2 a\nput 0x 1\n"
	if err := dkv20.Serve(strings.NewReader(commands), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ok
	// ok committed index=1 term=1
	// ok 0x01
	// err key-length
}

func ExampleRunWorkload() {
	cluster, _ := dkv20.NewCluster(3)
	counts, err := dkv20.RunWorkload(cluster, 1, 100, 1_000)
	fmt.Printf("%+v %v\n", counts, err)
	// Output:
	// {Committed:1000 Pending:0 Refused:0} <nil>
}

func ExampleCheckTrace() {
	steps, err := dkv20.ParseTrace([]byte("> mix 0\n< ok 1\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dkv20.CheckTrace(steps))
	// Output:
	// line 1: > "mix 0"
	//   expected: "ok 1"
	//   actual:   "ok 0"
}

func ExampleSplitMix64() {
	draws := dkv20.NewSplitMix64(1234567)
	fmt.Println(draws.Next())
	fmt.Println(draws.Next())
	// Output:
	// 6457827717110365317
	// 3203168211198807973
}
