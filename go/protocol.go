package dkv20

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
)

// LineLengthMax is how many bytes a line of the port protocol may have, LF not
// counted (definition, section 8).
const LineLengthMax = 4_194_304

// word is the first token of a command line.
type word uint8

const (
	wordHello word = iota
	wordNew
	wordNoOp
	wordPut
	wordDel
	wordAt
	wordPartition
	wordHeal
	wordCompact
	wordStatus
	wordReplica
	wordGet
	wordHash
	wordDump
	wordLog
	wordLoad
	wordMix
	wordDraw
	wordWorkload
	wordChaos
	wordScenario
	wordQuit
)

// kind is what a token must be.
type kind uint8

const (
	number     kind = iota // one or more digits, below 2^64
	byteString             // KEY, VALUE, BYTES
	name                   // as it stands
)

// grammar is what one word is followed by, and whether it needs a cluster.
type grammar struct {
	word      word
	cluster   bool
	arguments []kind
	list      bool // then come ids, none or more
}

// commands are all commands but `at`, whose grammar depends on its third token.
var commands = map[string]grammar{
	"hello":     {word: wordHello},
	"new":       {word: wordNew, arguments: []kind{number}},
	"noop":      {word: wordNoOp, cluster: true},
	"put":       {word: wordPut, cluster: true, arguments: []kind{byteString, byteString}},
	"del":       {word: wordDel, cluster: true, arguments: []kind{byteString}},
	"partition": {word: wordPartition, cluster: true, list: true},
	"heal":      {word: wordHeal, cluster: true, list: true},
	"compact":   {word: wordCompact, cluster: true, list: true},
	"status":    {word: wordStatus, cluster: true},
	"replica":   {word: wordReplica, cluster: true, arguments: []kind{number}},
	"get":       {word: wordGet, cluster: true, arguments: []kind{number, byteString}},
	"hash":      {word: wordHash, cluster: true, arguments: []kind{number}},
	"dump":      {word: wordDump, cluster: true, arguments: []kind{number}},
	"log":       {word: wordLog, cluster: true, arguments: []kind{number}},
	"load":      {word: wordLoad, arguments: []kind{byteString}},
	"mix":       {word: wordMix, arguments: []kind{number}},
	"draw":      {word: wordDraw, arguments: []kind{number, number}},
	"workload":  {word: wordWorkload, cluster: true, arguments: []kind{number, number, number}},
	"chaos":     {word: wordChaos, cluster: true, arguments: []kind{number, number}},
	"scenario":  {word: wordScenario, arguments: []kind{name}},
	"quit":      {word: wordQuit},
}

// proposals are the words that may stand after `at ID`.
var proposals = map[string]grammar{
	"noop": commands["noop"],
	"put":  commands["put"],
	"del":  commands["del"],
}

// command is a line that has been understood. It is valid until the next line
// is parsed, and its strings until the line's bytes change.
type command struct {
	word    word
	op      word // of wordAt: noop, put or del
	cluster bool // it needs a cluster
	numbers []uint64
	strings [][]byte

	tokens  [][]byte
	decoded []byte // what hex tokens stand for
}

// parse reads a line. Without a token, or where the first begins with #, present
// is false. It answers ErrLineLength, else ErrUnknownCommand, else ErrSyntax.
func (c *command) parse(line []byte) (present bool, err error) {
	if len(line) > LineLengthMax {
		return true, ErrLineLength
	}
	c.split(line)
	if len(c.tokens) == 0 || c.tokens[0][0] == '#' {
		return false, nil
	}
	c.numbers, c.strings, c.decoded = c.numbers[:0], c.strings[:0], c.decoded[:0]
	if string(c.tokens[0]) == "at" {
		return true, c.parseAt()
	}
	g, known := commands[string(c.tokens[0])]
	if !known {
		return true, ErrUnknownCommand
	}
	c.word, c.cluster = g.word, g.cluster
	return true, c.parseArguments(c.tokens[1:], &g)
}

// split fills tokens with what stands between spaces.
func (c *command) split(line []byte) {
	c.tokens = c.tokens[:0]
	for len(line) > 0 {
		if line[0] == ' ' {
			line = line[1:]
			continue
		}
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			end = len(line)
		}
		c.tokens = append(c.tokens, line[:end])
		line = line[end:]
	}
}

// parseAt reads `at ID OP`, whose third token tells what it is.
func (c *command) parseAt() error {
	if len(c.tokens) < 3 {
		return ErrSyntax
	}
	g, known := proposals[string(c.tokens[2])]
	if !known {
		return ErrUnknownCommand
	}
	c.word, c.op, c.cluster = wordAt, g.word, true
	if err := c.parseToken(c.tokens[1], number); err != nil {
		return err
	}
	return c.parseArguments(c.tokens[3:], &g)
}

func (c *command) parseArguments(tokens [][]byte, g *grammar) error {
	if len(tokens) < len(g.arguments) || len(tokens) > len(g.arguments) && !g.list {
		return ErrSyntax
	}
	for i, token := range tokens {
		expected := number
		if i < len(g.arguments) {
			expected = g.arguments[i]
		}
		if err := c.parseToken(token, expected); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) parseToken(token []byte, expected kind) error {
	switch {
	case expected == number:
		n, err := parseNumber(token)
		c.numbers = append(c.numbers, n)
		return err
	case expected == byteString && bytes.HasPrefix(token, []byte("0x")):
		return c.parseHex(token[2:])
	}
	c.strings = append(c.strings, token)
	return nil
}

// parseHex reads a byte string from hex digits.
func (c *command) parseHex(digits []byte) error {
	from := len(c.decoded)
	var err error
	if c.decoded, err = hex.AppendDecode(c.decoded, digits); err != nil {
		return ErrSyntax
	}
	c.strings = append(c.strings, c.decoded[from:])
	return nil
}

// parseNumber reads one or more digits that stand for less than 2^64.
func parseNumber(digits []byte) (uint64, error) {
	var n uint64
	for _, d := range digits {
		if d < '0' || d > '9' || n > math.MaxUint64/10 {
			return 0, ErrSyntax
		}
		next := n*10 + uint64(d-'0')
		if next < n*10 {
			return 0, ErrSyntax
		}
		n = next
	}
	return n, nil
}

// appendError appends `err CODE`, with the offset where there is one.
func appendError(out []byte, err error) []byte {
	return append(append(out, "err "...), err.Error()...)
}

// appendField appends a name and a number, as in " index=1".
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

// appendLeader appends the current leader's id, or none, and the current term.
func appendLeader(out []byte, c *Cluster) []byte {
	if leader, reachable := c.Leader(); reachable {
		out = appendField(out, "ok leader=", uint64(leader))
	} else {
		out = append(out, "ok leader=none"...)
	}
	return appendField(out, " term=", c.Term())
}

func appendStatus(out []byte, c *Cluster) []byte {
	out = appendField(appendLeader(out, c), " quorum=", uint64(c.Quorum()))
	out = append(out, " isolated="...)
	ids := c.Isolated()
	if len(ids) == 0 {
		return append(out, "none"...)
	}
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(id), 10)
	}
	return out
}

func appendReplica(out []byte, r *Replica) []byte {
	out = append(append(out, "ok role="...), r.Role().String()...)
	out = appendField(out, " term=", r.Term())
	out = appendField(out, " base=", r.Base())
	out = appendField(out, " commit=", r.CommitIndex())
	out = appendField(out, " last=", r.Last())
	return appendField(out, " keys=", uint64(r.Len()))
}

func appendValue(out []byte, value string, present bool) []byte {
	if !present {
		return append(out, "ok none"...)
	}
	return appendHex(append(out, "ok "...), value)
}

const hexDigits = "0123456789abcdef"

// appendHex appends a byte string as answers have it.
func appendHex[S string | []byte](out []byte, s S) []byte {
	return appendHexDigits(append(out, "0x"...), s)
}

func appendHexDigits[S string | []byte](out []byte, s S) []byte {
	for i := range len(s) {
		out = append(out, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return out
}

// hexWriter appends what is written to it in hex.
type hexWriter struct{ out []byte }

func (w *hexWriter) Write(b []byte) (int, error) {
	w.out = appendHexDigits(w.out, b)
	return len(b), nil
}
