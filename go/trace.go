package dkv20

import (
	"bytes"
	"fmt"
)

// TraceStep is a command of a trace and the answer that it must get, both as
// bytes without LF.
type TraceStep struct {
	Line    int // the command's line in the file, from 1
	Command []byte
	Answer  []byte
}

// TraceSyntaxError tells which line, from 1, makes a file no trace.
type TraceSyntaxError struct {
	Line   int
	Reason string
}

// Error gives the line and the reason.
func (e *TraceSyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// TraceMismatch is the first answer that is not the one that a trace expects.
type TraceMismatch struct {
	Step   TraceStep
	Actual []byte
}

// Error gives the line, the command and both answers.
func (e *TraceMismatch) Error() string {
	return fmt.Sprintf("line %d: > %s\nexpected: %s\n  actual: %s", e.Step.Line, e.Step.Command, e.Step.Answer, e.Actual)
}

// ParseTrace reads a trace file (definition, section 11). Steps are views of
// data. What is no trace is answered with a [*TraceSyntaxError].
func ParseTrace(data []byte) ([]TraceStep, error) {
	var steps []TraceStep
	waiting := false // for the last command's answer
	for line := 1; len(data) > 0; line++ {
		text, rest, ended := bytes.Cut(data, []byte("\n"))
		data = rest
		command, isCommand := bytes.CutPrefix(text, []byte("> "))
		answer, isAnswer := bytes.CutPrefix(text, []byte("< "))
		switch {
		case !ended:
			return nil, &TraceSyntaxError{line, "it does not end with LF"}
		case len(text) == 0 || text[0] == '#':
		case isCommand && !waiting:
			if reason := unfitForTrace(command); reason != "" {
				return nil, &TraceSyntaxError{line, reason}
			}
			steps = append(steps, TraceStep{Line: line, Command: command})
			waiting = true
		case isAnswer && waiting:
			steps[len(steps)-1].Answer = answer
			waiting = false
		default:
			return nil, &TraceSyntaxError{line, "neither the next command nor its answer"}
		}
	}
	if waiting {
		return nil, &TraceSyntaxError{steps[len(steps)-1].Line, "the command has no answer"}
	}
	return steps, nil
}

// unfitForTrace tells why a command may not stand in a trace, if it may not.
func unfitForTrace(line []byte) string {
	var c command
	c.split(line)
	switch {
	case len(c.tokens) == 0 || c.tokens[0][0] == '#':
		return "the command gets no answer"
	case string(c.tokens[0]) == "hello":
		return "the answer names the port"
	}
	return ""
}

// CheckTrace runs a trace on a session of its own. The first answer that differs
// is a [*TraceMismatch].
func CheckTrace(steps []TraceStep) error {
	var s Session
	for _, step := range steps {
		actual, answered := s.Run(step.Command, nil)
		if !answered || !bytes.Equal(actual, step.Answer) {
			return &TraceMismatch{step, actual}
		}
	}
	return nil
}
