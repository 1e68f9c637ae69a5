package dkv20

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

func TestSessionAnswers(t *testing.T) {
	checkDialogue(t, `
		hello -> ok dkv20 1 go
		new 3 -> ok
		noop -> ok committed index=1 term=1
		put a 0x00fF -> ok committed index=2 term=1
		del 0x61 -> ok committed index=3 term=1
		put 0X61 0x -> ok committed index=4 term=1
		get 2 0X61 -> ok 0x
		get 2 0x305836 -> ok none
		get 0 a -> ok none
		partition -> ok leader=0 term=1
		partition 0 -> ok leader=1 term=2
		at 0 noop -> ok pending index=5 term=1
		at 0 put x 0x -> ok pending index=6 term=1
		at 0 del x -> ok pending index=7 term=1
		status -> ok leader=1 term=2 quorum=2 isolated=0
		replica 0 -> ok role=leader term=1 base=0 commit=4 last=7 keys=1
		partition 001 1 -> ok leader=none term=2
		status -> ok leader=none term=2 quorum=2 isolated=0,1
		noop -> err no-leader
		heal 2 -> ok leader=none term=2
		heal -> ok leader=1 term=2
		compact 2 -> ok
		replica 2 -> ok role=follower term=2 base=5 commit=5 last=5 keys=1
		compact -> ok
		replica 0 -> ok role=follower term=2 base=5 commit=5 last=5 keys=1
		log 0 -> ok e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
		dump 1 -> ok 0x444b565301000000050000000000000002000000000000000100000000000000040000003058363100000000
		mix 0 -> ok 0
		draw 1234567 2 -> ok 6457827717110365317 3203168211198807973
		workload 1 10 0 -> ok committed=0 pending=0 refused=0
		load 0x444b565301000000000000000000000000000000000000000000000000000000 -> ok commit=0 term=0 keys=0 sha256=e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576
		load DKVS -> err truncated offset=4
		load 0x -> err truncated offset=0
		new 1 -> ok
		replica 0 -> ok role=leader term=1 base=0 commit=0 last=0 keys=0`)
}

func TestSessionCountLimits(t *testing.T) {
	equal(t, "draws", strings.Count(serve(t, "draw 1 1000"), " "), 1_000)
	checkDialogue(t, `
		new 1 -> ok
		workload 1 1000000 0 -> ok committed=0 pending=0 refused=0
		workload 1 1 1 -> ok committed=1 pending=0 refused=0`)
	if got := serve(t, "new 1\nchaos 1 0"); !strings.HasPrefix(got, "ok\nok digest=") {
		t.Fatalf("got answers %q", got)
	}
}

func TestSessionErrorOrder(t *testing.T) {
	checkDialogue(t, `
		noop -> err no-cluster
		noop x -> err syntax
		nope -> err unknown-command
		NOOP -> err unknown-command
		0x6e6f6f70 -> err unknown-command
		at -> err syntax
		at x -> err syntax
		at x y -> err unknown-command
		at x y z -> err unknown-command
		at x 0x6e6f6f70 -> err unknown-command
		at x noop -> err syntax
		at 0 noop x -> err syntax
		at 0 put a -> err syntax
		at 0 noop -> err no-cluster
		workload 1 0 99999999 -> err no-cluster
		new 0 -> err replica-count
		new 65 -> err replica-count
		new 18446744073709551615 -> err replica-count
		new 18446744073709551616 -> err syntax
		new -1 -> err syntax
		new +1 -> err syntax
		new 0x1 -> err syntax
		new 1 1 -> err syntax
		new -> err syntax
		status -> err no-cluster
		new 0000000000000000000000000000003 -> ok
		new 0 -> err replica-count
		status -> ok leader=0 term=1 quorum=2 isolated=none
		put 0x0 a -> err syntax
		put 0xgg a -> err syntax
		put 0x a -> err key-length
		put 0x -> err syntax
		get 3 0x -> err unknown-replica
		get 2 0x -> err key-length
		get 4294967296 a -> err unknown-replica
		get 18446744073709551615 a -> err unknown-replica
		at 3 put 0x a -> err unknown-replica
		at 1 put 0x a -> err key-length
		at 1 put a a -> err not-leader
		partition 0 3 -> err unknown-replica
		partition 0 x -> err syntax
		heal 3 -> err unknown-replica
		compact 3 -> err unknown-replica
		replica 3 -> err unknown-replica
		hash 3 -> err unknown-replica
		dump 3 -> err unknown-replica
		log 3 -> err unknown-replica
		status -> ok leader=0 term=1 quorum=2 isolated=none
		workload 1 0 10000001 -> err key-space
		workload 1 1000001 0 -> err key-space
		workload 1 1000000 10000001 -> err count
		chaos 1 10000001 -> err count
		draw 1 0 -> err count
		draw 1 1001 -> err count
		scenario a -> err unknown-scenario
		scenario 0x41 -> err unknown-scenario
		load 0x444b5654 -> err bad-magic offset=0
		mix 18446744073709551616 -> err syntax
		mix 184467440737095516150 -> err syntax
		mix 00018446744073709551615 -> ok 13029008266876403067
		hello 1 -> err syntax`)
}

func TestSessionLinesWithoutAnswer(t *testing.T) {
	var s Session
	for _, line := range []string{"", "   ", "#", "  # x", "#hello"} {
		if answer, answered := s.RunLine([]byte(line), nil); answered || len(answer) > 0 {
			t.Errorf("%q: got answer %q, want none", line, answer)
		}
	}
	answer, answered := s.RunLine([]byte("#"+strings.Repeat(" ", LineLengthMax)), nil)
	equal(t, "answer", fmt.Sprintf("%s, %v", answer, answered), "err line-length, true")
	equal(t, "has quit", s.HasQuit(), false)
	_, _ = s.RunLine([]byte("quit"), nil)
	equal(t, "has quit", s.HasQuit(), true)
	_, answered = s.RunLine([]byte("mix 0"), nil)
	equal(t, "answered after quit", answered, false)
}

func TestSessionCluster(t *testing.T) {
	var s Session
	equal(t, "cluster", s.Cluster(), nil)
	_, _ = s.RunLine([]byte("new 3"), nil)
	equal(t, "size", s.Cluster().Size(), 3)
}

func TestSessionOnlySpaceSeparates(t *testing.T) {
	equal(t, "answers", serve(t, "mix\t0\nmix 0\r\n\vmix 0\nmix \u0660\nmix  0  \n"),
		"err unknown-command\nerr syntax\nerr unknown-command\nerr syntax\nok 0")
}

func TestSessionKeyAndValueLimits(t *testing.T) {
	key := func(n int) string { return strings.Repeat("k", n) }
	equal(t, "answers", serve(t, "new 1\nput "+key(4096)+" v\nput "+key(4097)+" v\nput k 0x"+strings.Repeat("00", 1048576)+
		"\nput k 0x"+strings.Repeat("00", 1048577)+"\nput "+key(4097)+" "+strings.Repeat("v", 1048577)+"\nget 0 "+key(4097)),
		"ok\nok committed index=1 term=1\nerr key-length\nok committed index=2 term=1\nerr value-length\nerr key-length\nerr key-length")
}

func TestSessionLogHash(t *testing.T) {
	entries := "\x01\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\x01" + "\x01\x00\x00\x00a" + "\x02\x00\x00\x00\x00\x01" +
		"\x02\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\x02" + "\x01\x00\x00\x00\xff" +
		"\x03\x00\x00\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" + "\x00"
	answers := strings.Split(serve(t, "new 1\nput a 0x0001\ndel 0xff\nnoop\nlog 0"), "\n")
	equal(t, "answer", answers[4], fmt.Sprintf("ok %x", sha256.Sum256([]byte(entries))))
}

func TestScenarioDiverged(t *testing.T) {
	for _, script := range []string{
		"new 5\nnoop\npartition 0\n",         // the replicas differ
		"new 5\nnoop\nput 0x 1\n",            // an error
		"new 5\nat 1 noop\nheal\nnoop\n",     // an error
		"new 5\npartition 1\nnoop\nstatus\n", // the replicas differ
	} {
		_, err := runScript(script)
		wantError(t, err, ErrDiverged)
	}
	hash, err := runScript("new 5\nnoop\n")
	must(t, err)
	equal(t, "length of the hash", len(hash), 64)
	equal(t, "scenarios", ScenarioNames(), []string{"A", "B"})
}
