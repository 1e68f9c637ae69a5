package dkv20

import (
	"bytes"
	"encoding/hex"
	"strconv"
)

// LineLengthMax is the length of the longest line of the port protocol, in bytes
// without its LF (definition, section 8).
const LineLengthMax = 4_194_304

// commandKind is what a command asks for. The three proposals are of one kind.
type commandKind uint8

const (
	commandHello commandKind = iota
	commandNew
	commandPropose
	commandProposeAt
	commandPartition
	commandHeal
	commandCompact
	commandStatus
	commandReplica
	commandGet
	commandHash
	commandDump
	commandLog
	commandLoad
	commandMix
	commandDraw
	commandWorkload
	commandChaos
	commandScenario
	commandQuit
)

// tokenKind is the form that a token must have.
type tokenKind uint8

const (
	kindNumber     tokenKind = iota // ids are numbers
	kindByteString                  // KEY, VALUE or BYTES
	kindName                        // taken as it is
)

// grammar describes the commands that begin with a word.
type grammar struct {
	kind         commandKind
	tag          byte // of the op of a proposal
	needsCluster bool
	arguments    []tokenKind
	takesIDs     bool // any number of ids follow
}

// grammars has all commands but `at`, which takes an id and a proposal.
var grammars = map[string]grammar{
	"hello":     {kind: commandHello},
	"new":       {kind: commandNew, arguments: []tokenKind{kindNumber}},
	"noop":      {kind: commandPropose, tag: tagNoOp, needsCluster: true},
	"put":       {kind: commandPropose, tag: tagPut, needsCluster: true, arguments: []tokenKind{kindByteString, kindByteString}},
	"del":       {kind: commandPropose, tag: tagDel, needsCluster: true, arguments: []tokenKind{kindByteString}},
	"partition": {kind: commandPartition, needsCluster: true, takesIDs: true},
	"heal":      {kind: commandHeal, needsCluster: true, takesIDs: true},
	"compact":   {kind: commandCompact, needsCluster: true, takesIDs: true},
	"status":    {kind: commandStatus, needsCluster: true},
	"replica":   {kind: commandReplica, needsCluster: true, arguments: []tokenKind{kindNumber}},
	"get":       {kind: commandGet, needsCluster: true, arguments: []tokenKind{kindNumber, kindByteString}},
	"hash":      {kind: commandHash, needsCluster: true, arguments: []tokenKind{kindNumber}},
	"dump":      {kind: commandDump, needsCluster: true, arguments: []tokenKind{kindNumber}},
	"log":       {kind: commandLog, needsCluster: true, arguments: []tokenKind{kindNumber}},
	"load":      {kind: commandLoad, arguments: []tokenKind{kindByteString}},
	"mix":       {kind: commandMix, arguments: []tokenKind{kindNumber}},
	"draw":      {kind: commandDraw, arguments: []tokenKind{kindNumber, kindNumber}},
	"workload":  {kind: commandWorkload, needsCluster: true, arguments: []tokenKind{kindNumber, kindNumber, kindNumber}},
	"chaos":     {kind: commandChaos, needsCluster: true, arguments: []tokenKind{kindNumber, kindNumber}},
	"scenario":  {kind: commandScenario, arguments: []tokenKind{kindName}},
	"quit":      {kind: commandQuit},
}

// command is a parsed line. Ids and counts may still be out of range. It is valid
// until the next parse, and its strings may share the line's bytes.
type command struct {
	kind         commandKind
	tag          byte // of the op of a proposal
	needsCluster bool
	numbers      []uint64
	strings      [][]byte // byte strings and names

	tokens  [][]byte
	decoded []byte // the bytes of the hex tokens
}

// parse parses a line without its LF. Present is false if the line gets no
// answer: it has no tokens, or the first begins with #. The error is
// [ErrLineLength], else [ErrUnknownCommand], else [ErrSyntax].
func (c *command) parse(line []byte) (present bool, err error) {
	if len(line) > LineLengthMax {
		return true, ErrLineLength
	}
	c.split(line)
	if len(c.tokens) == 0 || c.tokens[0][0] == '#' {
		return false, nil
	}
	c.numbers, c.strings, c.decoded = c.numbers[:0], c.strings[:0], c.decoded[:0]
	word, arguments := c.tokens[0], c.tokens[1:]
	if string(word) == "at" {
		return true, c.parseAt(arguments)
	}
	g, known := grammars[string(word)]
	if !known {
		return true, ErrUnknownCommand
	}
	c.kind, c.tag, c.needsCluster = g.kind, g.tag, g.needsCluster
	return true, c.parseArguments(arguments, &g)
}

// split sets the tokens of the line. Only spaces separate them.
func (c *command) split(line []byte) {
	c.tokens = c.tokens[:0]
	for token := range bytes.SplitSeq(line, []byte(" ")) {
		if len(token) > 0 {
			c.tokens = append(c.tokens, token)
		}
	}
}

// parseAt parses what follows `at`. The proposal's word is checked before the id:
// an unknown word makes an unknown command.
func (c *command) parseAt(tokens [][]byte) error {
	if len(tokens) < 2 {
		return ErrSyntax
	}
	g, known := grammars[string(tokens[1])]
	if !known || g.kind != commandPropose {
		return ErrUnknownCommand
	}
	c.kind, c.tag, c.needsCluster = commandProposeAt, g.tag, g.needsCluster
	if err := c.parseToken(tokens[0], kindNumber); err != nil {
		return err
	}
	return c.parseArguments(tokens[2:], &g)
}

func (c *command) parseArguments(tokens [][]byte, g *grammar) error {
	tooFew := len(tokens) < len(g.arguments)
	tooMany := len(tokens) > len(g.arguments) && !g.takesIDs
	if tooFew || tooMany {
		return ErrSyntax
	}
	for i, token := range tokens {
		kind := kindNumber
		if i < len(g.arguments) {
			kind = g.arguments[i]
		}
		if err := c.parseToken(token, kind); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) parseToken(token []byte, kind tokenKind) error {
	switch {
	case kind == kindNumber:
		number, err := strconv.ParseUint(string(token), 10, 64) // takes no sign
		if err != nil {
			return ErrSyntax
		}
		c.numbers = append(c.numbers, number)
		return nil
	case kind == kindByteString && bytes.HasPrefix(token, []byte("0x")):
		return c.parseHex(token[2:])
	}
	c.strings = append(c.strings, token)
	return nil
}

func (c *command) parseHex(digits []byte) error {
	start := len(c.decoded)
	var err error
	if c.decoded, err = hex.AppendDecode(c.decoded, digits); err != nil {
		return ErrSyntax
	}
	c.strings = append(c.strings, c.decoded[start:])
	return nil
}

// op returns the op of a proposal. It copies the key and the value.
func (c *command) op() Op {
	switch c.tag {
	case tagPut:
		return makePut(c.strings[0], c.strings[1])
	case tagDel:
		return makeDel(c.strings[0])
	}
	return NoOp()
}

// appendOp appends the command that proposes a Put or a Del, with its byte strings
// in hex.
func appendOp(out []byte, op *Op) []byte {
	if op.tag == tagDel {
		return appendHex(append(out, "del "...), op.key())
	}
	out = appendHex(append(out, "put "...), op.key())
	return appendHex(append(out, ' '), op.value())
}

// appendHex appends a byte string as it is in answers: 0x and lower-case hex.
func appendHex[S string | []byte](out []byte, s S) []byte {
	const digits = "0123456789abcdef"
	out = append(out, "0x"...)
	for i := range len(s) {
		out = append(out, digits[s[i]>>4], digits[s[i]&15])
	}
	return out
}
