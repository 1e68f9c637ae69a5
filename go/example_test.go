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
	leader, reachable := cluster.Leader()
	fmt.Println("leader", leader, reachable, "term", cluster.Term())

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
		_, _ = cluster.Propose(dkv20.Put(key, "of "+key))
	}
	replica, _ := cluster.Replica(0)
	for key, value := range replica.All() {
		fmt.Println(key, value)
	}
	// Output:
	// a of a
	// b of b
	// c of c
}

func ExampleLoadState() {
	_, err := dkv20.LoadState([]byte("DKVS\x02\x00\x00\x00"))
	var fault *dkv20.LoadError
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, "at", fault.Offset)
	}
	fmt.Println(errors.Is(err, dkv20.ErrBadVersion))
	// Output:
	// bad-version at 4
	// true
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

func ExampleNewSplitMix64() {
	g := dkv20.NewSplitMix64(1234567)
	fmt.Println(g.Next())
	fmt.Println(g.Next())
	// Output:
	// 6457827717110365317
	// 3203168211198807973
}
