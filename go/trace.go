package dkv20

import (
	"bytes"
	"fmt"
)

// TraceStep is a command of a trace and the answer that it must get.
type TraceStep struct {
	Line    int    // number of the command's line in the file, from 1
	Command []byte // without "> " and LF
	Answer  []byte // without "< " and LF
}

// TraceError reports why a file is not a trace, and where.
type TraceError struct {
	Line   int // from 1
	Column int // in bytes, from 1
	Reason string
}

// Error returns the place and the reason.
func (e *TraceError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// TraceMismatch is the first step of a trace whose answer is not the expected one.
type TraceMismatch struct {
	Step   TraceStep
	Actual []byte // answer
}

// Error returns the line, the command and both answers.
func (e *TraceMismatch) Error() string {
	return fmt.Sprintf("line %d: > %q\n  expected: %q\n  actual:   %q",
		e.Step.Line, e.Step.Command, e.Step.Answer, e.Actual)
}

// ParseTrace parses a trace (definition, section 11). The steps share the bytes of
// data. It returns a [*TraceError] if data is not a trace: an answer is the line
// after its command, every command has an answer, which does not name the port,
// and "quit" is the last command.
func ParseTrace(data []byte) ([]TraceStep, error) {
	var p traceParser
	for len(data) > 0 {
		p.line++
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return nil, p.fail(len(line)+1, "the last line does not end with LF")
		}
		if err := p.parseLine(line); err != nil {
			return nil, err
		}
		data = rest
	}
	for _, step := range p.steps {
		if step.Answer == nil {
			return nil, &TraceError{Line: step.Line, Column: 1, Reason: "this command has no answer right after it"}
		}
	}
	return p.steps, nil
}

type traceParser struct {
	steps        []TraceStep // the answers that are missing are nil
	line         int         // number of the current line, from 1
	afterCommand bool        // the line before is a command
	hasQuit      bool
	command      command // kept to reuse its memory
}

func (p *traceParser) parseLine(line []byte) error {
	command, isCommand := bytes.CutPrefix(line, []byte("> "))
	answer, isAnswer := bytes.CutPrefix(line, []byte("< "))
	afterCommand := p.afterCommand
	p.afterCommand = isCommand
	switch {
	case len(line) == 0 || line[0] == '#':
		return nil
	case isCommand:
		return p.parseCommand(command)
	case isAnswer && afterCommand:
		p.steps[len(p.steps)-1].Answer = answer
		return nil
	case isAnswer:
		return p.fail(1, "an answer without a command right before it")
	case line[0] == '>' || line[0] == '<':
		return p.fail(2, "expected a space")
	}
	return p.fail(1, "expected `> COMMAND`, `< ANSWER`, `#` or an empty line")
}

func (p *traceParser) parseCommand(line []byte) error {
	present, err := p.command.parse(line)
	kind := p.command.kind
	switch {
	case p.hasQuit:
		return p.fail(1, "a command after `quit` gets no answer")
	case !present:
		return p.fail(3, "this line gets no answer")
	case err == nil && kind == commandHello:
		return p.fail(3, "the answer to `hello` names the port")
	}
	p.hasQuit = err == nil && kind == commandQuit
	p.steps = append(p.steps, TraceStep{Line: p.line, Command: line})
	return nil
}

func (p *traceParser) fail(column int, reason string) error {
	return &TraceError{Line: p.line, Column: column, Reason: reason}
}

// CheckTrace runs a trace on a session of its own. It returns a [*TraceMismatch]
// for the first answer that differs.
func CheckTrace(steps []TraceStep) error {
	var s Session
	for _, step := range steps {
		actual, answered := s.RunLine(step.Command, nil)
		if !answered || !bytes.Equal(actual, step.Answer) {
			return &TraceMismatch{Step: step, Actual: actual}
		}
	}
	return nil
}
