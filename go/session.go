package dkv20

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// What a session answers to hello: the version of the definition, and this
// port's name.
const helloAnswer = "ok dkv20 1 go"

// The limits of counts in commands (definition, section 8).
const (
	drawCountMax     = 1_000
	workloadCountMax = 10_000_000
	chaosStepsMax    = 10_000_000
)

// Session answers the port protocol's commands, one by one (definition, section
// 8). The zero value is a session that has no cluster yet. It is not safe for
// concurrent use.
type Session struct {
	cluster *Cluster
	command command
	ids     []int
	done    bool
}

// Run appends the answer to a line, LF neither expected nor added, to out.
// Answered is false where the line gets no answer: a blank one, a comment, or
// one after quit.
func (s *Session) Run(line, out []byte) (answer []byte, answered bool) {
	if s.done {
		return out, false
	}
	if len(line) > scratchMax {
		defer func() { s.command, s.ids = command{}, nil }()
	}
	present, err := s.command.parse(line)
	if !present {
		return out, false
	}
	if err == nil && s.command.cluster && s.cluster == nil {
		err = ErrNoCluster
	}
	if err != nil {
		return appendError(out, err), true
	}
	return s.answer(out), true
}

// Done tells whether quit has been answered.
func (s *Session) Done() bool { return s.done }

// answer appends the answer to the command that has just been parsed.
func (s *Session) answer(out []byte) []byte {
	c := &s.command
	switch c.word {
	case wordHello:
		return append(out, helloAnswer...)
	case wordNew:
		return s.answerNew(out)
	case wordNoOp, wordPut, wordDel:
		outcome, err := s.cluster.Propose(c.proposal(c.word))
		return appendResult(out, err, func(out []byte) []byte { return appendOutcome(out, outcome) })
	case wordAt:
		outcome, err := s.cluster.ProposeAt(toID(c.numbers[0]), c.proposal(c.op))
		return appendResult(out, err, func(out []byte) []byte { return appendOutcome(out, outcome) })
	case wordPartition, wordHeal, wordCompact:
		return s.answerIDs(out)
	case wordStatus:
		return appendStatus(out, s.cluster)
	case wordReplica, wordGet, wordHash, wordDump, wordLog:
		return s.answerReplica(out)
	case wordLoad:
		return answerLoad(out, c.strings[0])
	case wordMix:
		return appendField(out, "ok ", Mix(c.numbers[0]))
	case wordDraw:
		return answerDraw(out, c.numbers[0], c.numbers[1])
	case wordWorkload:
		return s.answerWorkload(out, c.numbers[0], c.numbers[1], c.numbers[2])
	case wordChaos:
		return s.answerChaos(out, c.numbers[0], c.numbers[1])
	case wordScenario:
		hash, err := Scenario(string(c.strings[0]))
		return appendResult(out, err, func(out []byte) []byte { return append(append(out, "ok "...), hash...) })
	default: // wordQuit, the only one left
		s.done = true
		return append(out, "ok"...)
	}
}

// appendResult appends the error where there is one, else the answer.
func appendResult(out []byte, err error, answer func([]byte) []byte) []byte {
	if err != nil {
		return appendError(out, err)
	}
	return answer(out)
}

// toID gives the id that a number stands for; one that no int can be stands for
// no replica.
func toID(n uint64) int {
	if n >= ReplicasMax {
		return -1
	}
	return int(n)
}

// proposal makes the op of a command. The op has bytes of its own.
func (c *command) proposal(w word) Op {
	switch w {
	case wordPut:
		return makePut(c.strings[0], c.strings[1])
	case wordDel:
		return makeDel(c.strings[0])
	}
	return Op{}
}

func (s *Session) answerNew(out []byte) []byte {
	n := s.command.numbers[0]
	if n > ReplicasMax {
		return appendError(out, ErrReplicaCount)
	}
	cluster, err := NewCluster(int(n))
	if err != nil {
		return appendError(out, err)
	}
	s.cluster = cluster
	return append(out, "ok"...)
}

// answerIDs answers the commands that take a list of ids. Where it is empty,
// heal and compact mean all.
func (s *Session) answerIDs(out []byte) []byte {
	s.ids = s.ids[:0]
	for _, n := range s.command.numbers {
		s.ids = append(s.ids, toID(n))
	}
	var err error
	switch all := len(s.ids) == 0; {
	case s.command.word == wordPartition:
		err = s.cluster.Partition(s.ids...)
	case s.command.word == wordHeal && all:
		s.cluster.Heal()
	case s.command.word == wordHeal:
		err = s.cluster.HealIDs(s.ids...)
	case all:
		s.cluster.Compact()
	default:
		err = s.cluster.CompactIDs(s.ids...)
	}
	switch {
	case err != nil:
		return appendError(out, err)
	case s.command.word == wordCompact:
		return append(out, "ok"...)
	}
	return appendLeader(out, s.cluster)
}

// answerReplica answers the commands that look at one replica.
func (s *Session) answerReplica(out []byte) []byte {
	r, err := s.cluster.Replica(toID(s.command.numbers[0]))
	if err != nil {
		return appendError(out, err)
	}
	switch s.command.word {
	case wordReplica:
		return appendReplica(out, r)
	case wordHash:
		return append(append(out, "ok "...), r.SnapshotHash()...)
	case wordLog:
		return append(append(out, "ok "...), r.LogHash()...)
	case wordDump:
		w := hexWriter{append(out, "ok 0x"...)}
		writeState(&w, r.snapshotHeader(), &r.state)
		return w.out
	}
	key := string(s.command.strings[0])
	if err := checkKey(key); err != nil {
		return appendError(out, err)
	}
	value, present := r.Get(key)
	return appendValue(out, value, present)
}

func answerLoad(out, data []byte) []byte {
	snapshot, err := LoadState(data)
	if err != nil {
		return appendError(out, err)
	}
	out = appendField(out, "ok commit=", snapshot.CommitIndex())
	out = appendField(out, " term=", snapshot.Term())
	out = appendField(out, " keys=", uint64(snapshot.Len()))
	return append(append(out, " sha256="...), snapshot.SnapshotHash()...)
}

func answerDraw(out []byte, seed, count uint64) []byte {
	if count < 1 || count > drawCountMax {
		return appendError(out, ErrCount)
	}
	out = append(out, "ok"...)
	g := NewSplitMix64(seed)
	for range count {
		out = strconv.AppendUint(append(out, ' '), g.Next(), 10)
	}
	return out
}

func (s *Session) answerWorkload(out []byte, seed, keys, count uint64) []byte {
	if keys >= 1 && keys <= KeysMax && count > workloadCountMax {
		return appendError(out, ErrCount)
	}
	counts, err := s.cluster.Workload(seed, keys, count)
	if err != nil {
		return appendError(out, err)
	}
	out = appendField(out, "ok committed=", counts.Committed)
	out = appendField(out, " pending=", counts.Pending)
	return appendField(out, " refused=", counts.Refused)
}

func (s *Session) answerChaos(out []byte, seed, steps uint64) []byte {
	if steps > chaosStepsMax {
		return appendError(out, ErrCount)
	}
	return append(append(out, "ok digest="...), chaos(s.cluster, seed, steps)...)
}

// Sizes of what serve keeps: input that waits to be read as lines, and answers
// that are gathered before they are written.
const (
	inputBufferSize  = 1 << 17
	answerBufferSize = 1 << 16
)

// scratchMax is how many bytes are kept for the next line or answer. What a
// longer one took is given back.
const scratchMax = 1 << 20

// ErrInput and ErrOutput tell which side of [Serve] has failed; the cause is
// wrapped beside it.
var (
	ErrInput  = errors.New("standard input")
	ErrOutput = errors.New("standard output")
)

// Serve answers the lines of in on out until quit or the end of input
// (definition, section 8). Answers are written at the latest before it waits for
// more input. What it keeps of a line is at most [LineLengthMax] bytes and one
// buffer. An error wraps ErrInput or ErrOutput, and the cause.
func Serve(in io.Reader, out io.Writer) error {
	s := server{in: bufio.NewReaderSize(in, inputBufferSize), out: out}
	for !s.session.done {
		line, err := s.line()
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err := s.answer(line); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
	}
	return s.flush()
}

// server is a session between a reader and a writer.
type server struct {
	session Session
	in      *bufio.Reader
	out     io.Writer
	long    []byte // a line that is longer than the reader's buffer
	answers []byte
}

// answer runs a line, and writes the answers once they are many.
func (s *server) answer(line []byte) error {
	answer, answered := s.session.Run(line, s.answers)
	if s.answers = answer; answered {
		s.answers = append(s.answers, '\n')
	}
	if len(s.answers) < answerBufferSize {
		return nil
	}
	return s.flush()
}

// line gives the next line without its LF; it is valid until the next call. Of
// an overlong line it gives just enough to be told from others. At the end of
// input there is io.EOF, beside a last line where that has no LF.
func (s *server) line() ([]byte, error) {
	s.long = s.long[:0]
	for {
		if buffered, _ := s.in.Peek(s.in.Buffered()); bytes.IndexByte(buffered, '\n') < 0 {
			if err := s.flush(); err != nil {
				return nil, err
			}
		}
		part, err := s.in.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
		}
		if len(s.long) == 0 && err == nil {
			return part, nil
		}
		if len(s.long) <= LineLengthMax {
			s.long = append(s.long, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			// What has been answered so far is not to be lost with it.
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrInput, err), s.flush())
		}
		return s.long, err
	}
}

// flush writes the answers that have gathered.
func (s *server) flush() error {
	if len(s.answers) == 0 {
		return nil
	}
	_, err := s.out.Write(s.answers)
	if s.answers = s.answers[:0]; cap(s.answers) > scratchMax {
		s.answers = nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}
