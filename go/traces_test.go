package dkv20

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestTraces runs the traces that all languages share.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "tests", "traces", "*.trace"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			must(t, err)
			steps, err := ParseTrace(data)
			must(t, err)
			equal(t, "has steps", len(steps) > 0, true)
			must(t, CheckTrace(steps))
		})
	}
}

func TestParseTrace(t *testing.T) {
	steps, err := ParseTrace([]byte("# comment\n\n> new 1\n< ok\n> put \x00 \r\n< ok committed index=1 term=1\n> quit\n< ok\n"))
	must(t, err)
	equal(t, "steps", len(steps), 3)
	equal(t, "line", steps[1].Line, 5)
	equal(t, "command", string(steps[1].Command), "put \x00 \r")
	equal(t, "answer", string(steps[1].Answer), "ok committed index=1 term=1")
	must(t, CheckTrace(steps))
}

func TestTraceErrorHasLineAndColumn(t *testing.T) {
	for text, want := range map[string]string{
		"# c\n> mix 0":                "line 2, column 8: the last line does not end with LF",
		">new 1\n< ok\n":              "line 1, column 2: expected a space",
		"> mix 0\n<\tok\n":            "line 2, column 2: expected a space",
		"\n# x\nnew 1\n":              "line 3, column 1: expected `> COMMAND`, `< ANSWER`, `#` or an empty line",
		" > new 1\n< ok\n":            "line 1, column 1: expected `> COMMAND`, `< ANSWER`, `#` or an empty line",
		"< ok\n":                      "line 1, column 1: an answer without a command right before it",
		"> mix 0\n< ok 0\n< ok 0\n":   "line 3, column 1: an answer without a command right before it",
		"> mix 0\n# c\n< ok 0\n":      "line 3, column 1: an answer without a command right before it",
		"> mix 0\n\n< ok 0\n":         "line 3, column 1: an answer without a command right before it",
		"> mix 0\n":                   "line 1, column 1: this command has no answer right after it",
		"\n> mix 0\n> mix 0\n< \n":    "line 2, column 1: this command has no answer right after it",
		"> \n< ok\n":                  "line 1, column 3: this line gets no answer",
		"> new 1\n< ok\n> # x\n< \n":  "line 3, column 3: this line gets no answer",
		"> hello\n< ok dkv20 1 go\n":  "line 1, column 3: the answer to `hello` names the port",
		"> quit\n< ok\n> mix 0\n< \n": "line 3, column 1: a command after `quit` gets no answer",
	} {
		_, err := ParseTrace([]byte(text))
		var traceError *TraceError
		if !errors.As(err, &traceError) || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", text, err, want)
		}
	}
}

func TestCheckTraceReportsFirstMismatch(t *testing.T) {
	steps, err := ParseTrace([]byte("> new 1\n< ok\n> noop\n< ok committed index=2 term=1\n> noop\n< x\n"))
	must(t, err)
	var mismatch *TraceMismatch
	if err := CheckTrace(steps); !errors.As(err, &mismatch) {
		t.Fatalf("got error %v", err)
	}
	equal(t, "line", mismatch.Step.Line, 3)
	equal(t, "message", mismatch.Error(), `line 3: > "noop"
  expected: "ok committed index=2 term=1"
  actual:   "ok committed index=1 term=1"`)
}

func TestCheckTraceComparesBytes(t *testing.T) {
	for _, answer := range []string{"ok 0 ", "ok  0", "OK 0", "ok 0\r", "ok", ""} {
		steps, err := ParseTrace([]byte("> mix 0\n< " + answer + "\n"))
		must(t, err)
		if CheckTrace(steps) == nil {
			t.Errorf("%q: got no mismatch", answer)
		}
	}
}
