package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSessionAnswers(t *testing.T) {
	dialogue(t, `
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

func TestCountsAreTakenUpToTheirLimits(t *testing.T) {
	equal(t, "draws", strings.Count(session(t, "draw 1 1000"), " "), 1_000)
	dialogue(t, `
		new 1 -> ok
		workload 1 1000000 0 -> ok committed=0 pending=0 refused=0
		workload 1 1 1 -> ok committed=1 pending=0 refused=0`)
	if answers := session(t, "new 1\nchaos 1 0"); !strings.HasPrefix(answers, "ok\nok digest=") {
		t.Fatal(answers)
	}
}

func TestSessionErrorOrder(t *testing.T) {
	dialogue(t, `
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

func TestSessionNoAnswer(t *testing.T) {
	var s Session
	for _, line := range []string{"", "   ", "#", "  # x", "#hello"} {
		if answer, answered := s.Run([]byte(line), nil); answered || len(answer) > 0 {
			t.Errorf("%q is answered %q", line, answer)
		}
	}
	answer, answered := s.Run([]byte("#"+strings.Repeat(" ", LineLengthMax)), nil)
	equal(t, "answer", fmt.Sprintf("%s, %v", answer, answered), "err line-length, true")
	_, _ = s.Run([]byte("quit"), nil)
	equal(t, "done", s.Done(), true)
	_, answered = s.Run([]byte("mix 0"), nil)
	equal(t, "answered after quit", answered, false)
}

// Every white space and digit of other alphabets is a byte like others.
func TestSessionOnlySpaceSeparates(t *testing.T) {
	equal(t, "answers", session(t, "mix\t0\nmix 0\r\n\vmix 0\nmix \u0660\nmix  0  \n"),
		"err unknown-command\nerr syntax\nerr unknown-command\nerr syntax\nok 0")
}

func TestSessionKeyLimits(t *testing.T) {
	key := func(n int) string { return strings.Repeat("k", n) }
	equal(t, "answers", session(t, "new 1\nput "+key(4096)+" v\nput "+key(4097)+" v\nput k 0x"+strings.Repeat("00", 1048576)+
		"\nput k 0x"+strings.Repeat("00", 1048577)+"\nput "+key(4097)+" "+strings.Repeat("v", 1048577)+"\nget 0 "+key(4097)),
		"ok\nok committed index=1 term=1\nerr key-length\nok committed index=2 term=1\nerr value-length\nerr key-length\nerr key-length")
}

func TestLogHashByHand(t *testing.T) {
	entries := "0100000000000000" + "0100000000000000" + "01" + "01000000" + "61" + "02000000" + "0001" +
		"0200000000000000" + "0100000000000000" + "02" + "01000000" + "ff" +
		"0300000000000000" + "0100000000000000" + "00"
	data, err := hex.DecodeString(entries)
	mustDo(t, err)
	equal(t, "answers", session(t, "new 1\nput a 0x0001\ndel 0xff\nnoop\nlog 0"),
		fmt.Sprintf("ok\nok committed index=1 term=1\nok committed index=2 term=1\nok committed index=3 term=1\nok %x", sha256.Sum256(data)))
}

// A chaos is what its own lines give, one by one, and each kind of line comes up.
func TestChaosIsItsTranscript(t *testing.T) {
	for _, n := range []int{1, 3, 5, 64} {
		run := chaosRun{session: Session{cluster: newCluster(t, n)}, draws: SplitMix64{9}}
		s := Session{cluster: newCluster(t, n)}
		seen := map[string]int{}
		var transcript []byte
		do := func(line string) {
			answer, answered := s.Run([]byte(line), nil)
			equal(t, line+" is answered", answered, true)
			transcript = fmt.Appendf(transcript, "> %s\n< %s\n", line, answer)
			run.session.Run([]byte(line), nil)
			words := strings.Fields(line)
			seen[fmt.Sprint(words[0], min(len(words), 3))]++
			seen[strings.Fields(string(answer))[0]]++
		}
		const steps = 3000
		for range steps {
			run.draw()
			do(string(run.line))
		}
		for id := range n {
			do(fmt.Sprint("replica ", id))
			do(fmt.Sprint("log ", id))
			do(fmt.Sprint("hash ", id))
		}
		digest := sha256.Sum256(transcript)
		equal(t, "digest", chaos(newCluster(t, n), 9, steps), hex.EncodeToString(digest[:]))
		for _, kind := range []string{"put3", "del2", "at3", "partition1", "partition2", "partition3", "heal1", "heal2", "heal3",
			"compact1", "compact2", "get3", "hash2", "log2", "replica2", "status1", "ok", "err"} {
			// One replica has no list of two, and 64 have hardly an empty one.
			possible := (n > 1 || kind[len(kind)-1] != '3' || kind[0] == 'a' || kind[0] == 'g' || kind[:2] == "pu") &&
				(n < 64 || kind != "partition1")
			if possible && seen[kind] == 0 {
				t.Errorf("%d replicas: no %q in %v", n, kind, seen)
			}
		}
	}
}

// The kinds of lines at both ends of each row of the definition's table.
func TestChaosTable(t *testing.T) {
	rows := []struct {
		first, last uint64
		words       []string
	}{
		{0, 55, []string{"put", "del"}}, {56, 75, []string{"at"}}, {76, 91, []string{"partition"}},
		{92, 105, []string{"heal"}}, {106, 111, []string{"compact"}}, {112, 115, []string{"get"}},
		{116, 120, []string{"hash"}}, {121, 123, []string{"log"}}, {124, 126, []string{"replica"}}, {127, 127, []string{"status"}},
	}
	seen := map[uint64]bool{}
	for seed := range uint64(5000) {
		g := SplitMix64{seed}
		e := g.Next() >> 57
		run := chaosRun{session: Session{cluster: newCluster(t, 3)}, draws: SplitMix64{seed}}
		run.draw()
		word := strings.Fields(string(run.line))[0]
		for _, row := range rows {
			if row.first <= e && e <= row.last && !slices.Contains(row.words, word) {
				t.Fatalf("%d gives %s", e, run.line)
			}
		}
		seen[e] = true
	}
	equal(t, "values of e", len(seen), 128)
}

func TestChaosDigestsArePinned(t *testing.T) {
	for n, expected := range chaosPinned {
		for seed := range uint64(3) {
			equal(t, fmt.Sprintf("digest of %d replicas, seed %d", n, seed+1),
				chaos(newCluster(t, n), seed+1, 20_000), expected[seed])
		}
	}
}

func TestScenarioErrors(t *testing.T) {
	_, err := Scenario("a")
	wantError(t, err, ErrUnknownScenario)
	for _, script := range []string{
		"new 5\nnoop\npartition 0\n",         // the replicas differ
		"new 5\nnoop\nput 0x 1\n",            // an error
		"new 5\nat 1 noop\nheal\nnoop\n",     // an error
		"new 5\npartition 1\nnoop\nstatus\n", // the replicas differ
	} {
		_, err := runScenario(script)
		wantError(t, err, ErrDiverged)
	}
	hash, err := runScenario("new 5\nnoop\n")
	mustDo(t, err)
	equal(t, "hash's length", len(hash), 64)
}

func TestErrorNames(t *testing.T) {
	names := "replica-count key-length value-length unknown-replica no-leader not-leader truncated bad-magic bad-version " +
		"bad-term bad-count key-order trailing-bytes key-space count unknown-scenario diverged line-length unknown-command " +
		"syntax no-cluster"
	for i, name := range strings.Fields(names) {
		equal(t, "name", ErrorCode(i+1).Error(), name)
	}
	equal(t, "count", len(errorNames)-1, len(strings.Fields(names)))
	equal(t, "none", ErrorCode(0).Error(), "error code 0")
	equal(t, "unknown", ErrorCode(200).Error(), "error code 200")
	equal(t, "load error", (&LoadError{ErrBadTerm, 16}).Error(), "bad-term offset=16")
}

func TestOpEncoding(t *testing.T) {
	for expected, op := range map[string]Op{
		"00":                                  NoOp(),
		"01" + "01000000" + "61" + "00000000": Put("a", ""),
		"01" + "02000000" + "00ff" + "01000000" + "80": Put("\x00\xff", "\x80"),
		"02" + "03000000" + "616263":                   Del("abc"),
	} {
		equal(t, "encoding", hex.EncodeToString(op.AppendEncoding(nil)), expected)
	}
	equal(t, "appended", string(Del("a").AppendEncoding([]byte("x"))), "x\x02\x01\x00\x00\x00a")
	equal(t, "u64", hex.EncodeToString(putU64LE(nil, 0x0102030405060708)), "0807060504030201")
}
