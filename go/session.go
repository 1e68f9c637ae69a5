package dkv20

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// DrawCountMax is the greatest COUNT of the command "draw" (definition, section 8).
const DrawCountMax = 1_000

// helloAnswer contains the version of the definition and the name of this port.
const helloAnswer = "ok dkv20 1 go"

// scratchMax is the number of bytes that are kept allocated for the next line or
// answer. The memory of a longer one is released.
const scratchMax = 1 << 20

// Session runs the commands of the port protocol (definition, section 8). The
// zero value is a session without a cluster. It is not safe for concurrent use.
type Session struct {
	cluster *Cluster
	hasQuit bool
	command command // kept to reuse its memory
}

// Cluster returns the session's cluster, or nil before the first successful
// "new".
func (s *Session) Cluster() *Cluster { return s.cluster }

// HasQuit reports whether the session has run "quit". No line after it gets an
// answer.
func (s *Session) HasQuit() bool { return s.hasQuit }

// RunLine runs a line, given without its LF, and appends the answer, without an
// LF, to out. Answered is false if the line gets no answer: it has no tokens, is a
// comment, or follows "quit".
func (s *Session) RunLine(line, out []byte) (answer []byte, answered bool) {
	if s.hasQuit {
		return out, false
	}
	if len(line) > scratchMax {
		defer func() { s.command = command{} }()
	}
	present, err := s.command.parse(line)
	if !present {
		return out, false
	}
	if err == nil && s.command.needsCluster && s.cluster == nil {
		err = ErrNoCluster
	}
	if err == nil {
		answer, err = s.run(&s.command, out)
	}
	if err != nil {
		return appendError(out, err), true
	}
	return answer, true
}

// run runs a command and appends its answer to out. The caller ignores the answer
// if there is an error.
func (s *Session) run(c *command, out []byte) ([]byte, error) {
	switch c.kind {
	case commandHello:
		return append(out, helloAnswer...), nil
	case commandNew:
		cluster, err := NewCluster(int(min(c.numbers[0], ReplicasMax+1)))
		if err == nil {
			s.cluster = cluster
		}
		return append(out, "ok"...), err
	case commandPropose:
		outcome, err := s.cluster.Propose(c.op())
		return appendOutcome(out, outcome), err
	case commandProposeAt:
		outcome, err := s.cluster.ProposeAt(c.numbers[0], c.op())
		return appendOutcome(out, outcome), err
	case commandPartition:
		err := s.cluster.Partition(c.numbers...)
		return appendLeadership(out, s.cluster), err
	case commandHeal:
		err := s.heal(c.numbers)
		return appendLeadership(out, s.cluster), err
	case commandCompact:
		return append(out, "ok"...), s.compact(c.numbers)
	case commandStatus:
		return appendStatus(out, s.cluster), nil
	case commandReplica, commandGet, commandHash, commandDump, commandLog:
		return s.inspect(c, out)
	case commandLoad:
		snapshot, err := LoadState(c.strings[0])
		if err != nil {
			return nil, err
		}
		return appendSnapshot(out, snapshot), nil
	case commandMix:
		return appendField(out, "ok ", Mix(c.numbers[0])), nil
	case commandDraw:
		return appendDraws(out, c.numbers[0], c.numbers[1])
	case commandWorkload:
		counts, err := RunWorkload(s.cluster, c.numbers[0], c.numbers[1], c.numbers[2])
		return appendCounts(out, counts), err
	case commandChaos:
		digest, err := runChaos(s.cluster, c.numbers[0], c.numbers[1])
		return append(append(out, "ok digest="...), digest...), err
	case commandScenario:
		hash, err := RunScenario(string(c.strings[0]))
		return append(append(out, "ok "...), hash...), err
	default: // commandQuit
		s.hasQuit = true
		return append(out, "ok"...), nil
	}
}

// heal heals all replicas if there are no ids.
func (s *Session) heal(ids []ReplicaID) error {
	if len(ids) == 0 {
		s.cluster.Heal()
		return nil
	}
	return s.cluster.HealIDs(ids...)
}

// compact compacts all replicas if there are no ids.
func (s *Session) compact(ids []ReplicaID) error {
	if len(ids) == 0 {
		s.cluster.Compact()
		return nil
	}
	return s.cluster.CompactIDs(ids...)
}

// inspect runs the commands that inspect a replica.
func (s *Session) inspect(c *command, out []byte) ([]byte, error) {
	r, err := s.cluster.Replica(c.numbers[0])
	if err != nil {
		return nil, err
	}
	switch c.kind {
	case commandReplica:
		return appendReplica(out, r), nil
	case commandHash:
		return append(append(out, "ok "...), r.SnapshotHash()...), nil
	case commandDump:
		return appendHex(append(out, "ok "...), r.DumpState()), nil
	case commandLog:
		return append(append(out, "ok "...), r.LogHash()...), nil
	}
	key := c.strings[0]
	if err := checkKeyLength(len(key)); err != nil {
		return nil, err
	}
	value, ok := r.Get(string(key))
	return appendValue(out, value, ok), nil
}

// RunScenario runs a scenario, "A" or "B", on a session of its own and returns the
// snapshot hash of its replicas, in lower-case hex (definition, section 9). It
// returns [ErrUnknownScenario], or [ErrDiverged] if a command fails or the
// replicas differ at the end.
func RunScenario(name string) (string, error) {
	script, known := ScenarioScript(name)
	if !known {
		return "", ErrUnknownScenario
	}
	return runScript(script)
}

func runScript(script string) (string, error) {
	var s Session
	var answer []byte
	for line := range strings.Lines(script) {
		answer, _ = s.RunLine([]byte(strings.TrimSuffix(line, "\n")), answer[:0])
		if strings.HasPrefix(string(answer), "err ") {
			return "", ErrDiverged
		}
	}
	hash := s.cluster.replicas[0].SnapshotHash()
	for _, r := range s.cluster.replicas {
		if r.SnapshotHash() != hash {
			return "", ErrDiverged
		}
	}
	return hash, nil
}

// runChaos runs the lines of a chaos run against the cluster and returns the
// SHA-256 of their transcript, in lower-case hex (definition, section 10). It
// returns [ErrCount] if steps is above [ChaosStepsMax].
func runChaos(cluster *Cluster, seed, steps uint64) (string, error) {
	if steps > ChaosStepsMax {
		return "", ErrCount
	}
	s := Session{cluster: cluster}
	lines := newChaosLines(cluster, seed, steps)
	digest := sha256.New()
	var transcript []byte
	for lines.nextLine() {
		transcript = append(append(append(transcript, "> "...), lines.line...), "\n< "...)
		transcript, _ = s.RunLine(lines.line, transcript)
		transcript = append(transcript, '\n')
		if len(transcript) >= hashBufferSize {
			digest.Write(transcript)
			transcript = transcript[:0]
		}
	}
	digest.Write(transcript)
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// appendError appends "err CODE", and the offset of a [*LoadError].
func appendError(out []byte, err error) []byte {
	return append(append(out, "err "...), err.Error()...)
}

// appendField appends a number after its name, as in " index=1".
func appendField(out []byte, name string, value uint64) []byte {
	return strconv.AppendUint(append(out, name...), value, 10)
}

func appendOutcome(out []byte, o Outcome) []byte {
	if o.Committed {
		out = append(out, "ok committed"...)
	} else {
		out = append(out, "ok pending"...)
	}
	return appendField(appendField(out, " index=", o.Index), " term=", o.Term)
}

func appendLeadership(out []byte, c *Cluster) []byte {
	if leader, ok := c.ReachableLeader(); ok {
		out = appendField(out, "ok leader=", leader)
	} else {
		out = append(out, "ok leader=none"...)
	}
	return appendField(out, " term=", c.Term())
}

func appendStatus(out []byte, c *Cluster) []byte {
	out = appendField(appendLeadership(out, c), " quorum=", uint64(c.Quorum()))
	separator := " isolated="
	for _, id := range c.IsolatedIDs() {
		out = appendField(out, separator, id)
		separator = ","
	}
	if separator != "," {
		out = append(out, " isolated=none"...)
	}
	return out
}

func appendReplica(out []byte, r *Replica) []byte {
	out = append(append(out, "ok role="...), r.Role().String()...)
	out = appendField(out, " term=", r.Term())
	out = appendField(out, " base=", r.Base())
	out = appendField(out, " commit=", r.CommitIndex())
	out = appendField(out, " last=", r.Last())
	return appendField(out, " keys=", uint64(r.KeyCount()))
}

func appendValue(out []byte, value string, ok bool) []byte {
	if !ok {
		return append(out, "ok none"...)
	}
	return appendHex(append(out, "ok "...), value)
}

func appendSnapshot(out []byte, s *Snapshot) []byte {
	out = appendField(out, "ok commit=", s.CommitIndex())
	out = appendField(out, " term=", s.Term())
	out = appendField(out, " keys=", uint64(s.KeyCount()))
	return append(append(out, " sha256="...), s.SnapshotHash()...)
}

func appendDraws(out []byte, seed, count uint64) ([]byte, error) {
	if count < 1 || count > DrawCountMax {
		return nil, ErrCount
	}
	out = append(out, "ok"...)
	draws := NewSplitMix64(seed)
	for range count {
		out = appendField(out, " ", draws.Next())
	}
	return out, nil
}

func appendCounts(out []byte, counts WorkloadCounts) []byte {
	out = appendField(out, "ok committed=", counts.Committed)
	out = appendField(out, " pending=", counts.Pending)
	return appendField(out, " refused=", counts.Refused)
}
