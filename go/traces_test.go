package dkv20

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The traces that all languages share.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "tests", "traces", "*.trace"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			mustDo(t, err)
			steps, err := ParseTrace(data)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if len(steps) == 0 {
				t.Fatalf("%s: no commands", file)
			}
			if err := CheckTrace(steps); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		})
	}
}

func TestParseTrace(t *testing.T) {
	steps, err := ParseTrace([]byte("# comment\n\n> new 1\n< ok\n> put \x00 \r\n< ok committed index=1 term=1\n"))
	mustDo(t, err)
	equal(t, "steps", len(steps), 2)
	equal(t, "line", steps[1].Line, 5)
	equal(t, "command", string(steps[1].Command), "put \x00 \r")
	equal(t, "answer", string(steps[1].Answer), "ok committed index=1 term=1")
	mustDo(t, CheckTrace(steps))
	for text, line := range map[string]int{
		"> new 1\n< ok":              2, // no final LF
		"> new 1\n":                  1, // no answer
		"> new 1\n> new 1\n":         2,
		"< ok\n":                     1,
		"> new 1\n< ok\n< ok\n":      3,
		"\n# x\nnew 1\n":             3,
		">new 1\n< ok\n":             1,
		"> \n< ok\n":                 1, // gets no answer
		"> new 1\n< ok\n> # x\n< \n": 3,
		"> hello\n< ok dkv20 1 go\n": 1,
		" > new 1\n< ok\n":           1,
	} {
		_, err := ParseTrace([]byte(text))
		var fault *TraceSyntaxError
		if !errors.As(err, &fault) || fault.Line != line {
			t.Errorf("%q: %v, expected line %d", text, err, line)
		}
		if !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", line)) {
			t.Errorf("%q: message %q", text, err)
		}
	}
}

func TestCheckTraceNamesTheFirstDifference(t *testing.T) {
	steps, err := ParseTrace([]byte("> new 1\n< ok\n> noop\n< ok committed index=2 term=1\n> noop\n< x\n"))
	mustDo(t, err)
	var mismatch *TraceMismatch
	if err := CheckTrace(steps); !errors.As(err, &mismatch) {
		t.Fatalf("error %v", err)
	}
	equal(t, "line", mismatch.Step.Line, 3)
	equal(t, "message", mismatch.Error(),
		"line 3: > noop\nexpected: ok committed index=2 term=1\n  actual: ok committed index=1 term=1")
}

func TestAnAnswerIsComparedByteByByte(t *testing.T) {
	for _, answer := range []string{"ok 0 ", "ok  0", "OK 0", "ok 0\r", ""} {
		steps, err := ParseTrace([]byte("> mix 0\n< " + answer + "\n"))
		mustDo(t, err)
		if CheckTrace(steps) == nil {
			t.Errorf("%q agrees", answer)
		}
	}
}
