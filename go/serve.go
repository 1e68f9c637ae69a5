package dkv20

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The sizes of the input buffer and of the answers that are written at once.
const (
	inputBufferSize  = 1 << 17
	answerBufferSize = 1 << 16
)

// ErrInput and ErrOutput are the side of [Serve] that has failed. An error of
// Serve wraps one of them, and the cause.
var (
	ErrInput  = errors.New("standard input")
	ErrOutput = errors.New("standard output")
)

// Serve runs the lines of in as commands of a session and writes the answers to
// out, until "quit" or the end of in (definition, section 8). It writes all
// answers before it waits for more input, and before it returns an error of in.
// It holds at most [LineLengthMax] bytes and one buffer of a line. An error wraps
// [ErrInput] or [ErrOutput], and the cause.
func Serve(in io.Reader, out io.Writer) error {
	s := server{in: bufio.NewReaderSize(in, inputBufferSize), out: out}
	for !s.session.HasQuit() {
		line, err := s.readLine()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := s.runLine(line); err != nil {
			return err
		}
	}
	return s.flush()
}

// server runs a session between a reader and a writer.
type server struct {
	session Session
	in      *bufio.Reader
	out     io.Writer
	long    []byte // a line that does not fit into the reader's buffer
	answers []byte // not written yet
}

func (s *server) runLine(line []byte) error {
	answers, answered := s.session.RunLine(line, s.answers)
	s.answers = answers
	if answered {
		s.answers = append(s.answers, '\n')
	}
	if len(s.answers) < answerBufferSize {
		return nil
	}
	return s.flush()
}

// readLine returns the next line without its LF; it is valid until the next call.
// If the line is longer than [LineLengthMax], it may return only a part of it that
// is too long as well. At the end of the input it returns io.EOF.
func (s *server) readLine() ([]byte, error) {
	s.long = s.long[:0]
	for {
		if err := s.flushBeforeWait(); err != nil {
			return nil, err
		}
		part, err := s.in.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
			if len(s.long) == 0 {
				return part, nil
			}
		}
		if len(s.long) <= LineLengthMax {
			s.long = append(s.long, part...)
		}
		switch isLastLine := err == io.EOF && len(s.long) > 0; {
		case err == nil || isLastLine:
			return s.long, nil
		case err == io.EOF:
			return nil, err
		case err != bufio.ErrBufferFull:
			return nil, fmt.Errorf("%w: %w", ErrInput, err)
		}
	}
}

// flushBeforeWait writes the answers if the buffer holds no whole line, so that
// the next read may wait, or fail.
func (s *server) flushBeforeWait() error {
	buffered, _ := s.in.Peek(s.in.Buffered())
	if bytes.IndexByte(buffered, '\n') >= 0 {
		return nil
	}
	return s.flush()
}

func (s *server) flush() error {
	if len(s.answers) == 0 {
		return nil
	}
	_, err := s.out.Write(s.answers)
	s.answers = s.answers[:0]
	if cap(s.answers) > scratchMax {
		s.answers = nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}
