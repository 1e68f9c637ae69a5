// An adapter: it reads a command line and writes exactly one answer line, until its input ends.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

// --- To keep ------------------------------------------------------------------------------------

// refusal is an answer "err CLASS TEXT": the program refuses the command, and nothing has changed.
type refusal struct{ kind, text string }

func (r refusal) Error() string { return "err " + r.kind + " " + r.text }

func (s *session) answer(line string) (answer string) {
	// An unexpected error becomes an answer, too, of one line. The runtime's fatal
	// errors, such as concurrent writes of a map, end the process all the same.
	defer func() {
		if cause := recover(); cause != nil {
			answer = strings.ReplaceAll(fmt.Sprintf("err panic %v", cause), "\n", " ")
		}
	}()
	result, err := s.run(strings.Split(line, " "))
	switch {
	case err != nil:
		return err.Error()
	case result == "":
		return "ok"
	default:
		return "ok " + result
	}
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	s := &session{limit: 10}
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			fmt.Fprintln(out, s.answer(strings.TrimSuffix(line, "\n")))
			// An answer leaves the process before the next line is read.
			out.Flush()
		}
		if err != nil {
			return
		}
	}
}

// --- To replace by your program: a counter with a log -------------------------------------------

var usage = map[string]string{
	"hello": "hello", "new": "new LIMIT", "add": "add N", "sub": "sub N", "undo": "undo",
	"clear": "clear", "value": "value", "len": "len", "entry": "entry INDEX", "log": "log",
	"tally": "tally", "fail": "fail",
}

type session struct {
	limit, value int
	log          []int
}

func (s *session) run(words []string) (string, error) {
	form, known := usage[words[0]]
	if !known {
		return "", refusal{"unknown", "no such command"}
	}
	if len(words) != len(strings.Fields(form)) {
		return "", refusal{"usage", form}
	}
	switch words[0] {
	case "hello":
		return "counter 1", nil
	case "new":
		limit, err := number(words[1], form, 1, 65535, "a limit is 1 to 65535")
		if err == nil {
			// A start line makes the program forget everything before it.
			*s = session{limit: limit}
		}
		return "", err
	case "add", "sub":
		by, err := number(words[1], form, 0, 65535, "a number is at most 65535")
		if err != nil {
			return "", err
		}
		if words[0] == "sub" {
			by = -by
		}
		return s.change(by)
	case "undo":
		if len(s.log) == 0 {
			return "", refusal{"empty", "the log is empty"}
		}
		last := len(s.log) - 1
		s.value -= s.log[last]
		s.log = s.log[:last]
		return strconv.Itoa(s.value), nil
	case "clear":
		s.log = nil
		return "", nil
	case "value":
		return strconv.Itoa(s.value), nil
	case "len":
		return strconv.Itoa(len(s.log)), nil
	case "entry":
		index, err := number(words[1], form, 0, len(s.log)-1, "no such entry")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%+d", s.log[index]), nil
	case "log":
		var entries []string
		for _, by := range s.log {
			entries = append(entries, fmt.Sprintf("%+d", by))
		}
		return list(entries), nil
	case "tally":
		return s.tally(), nil
	default:
		panic("as asked")
	}
}

// tally sorts the counts: a map has no order, and the answer needs one.
func (s *session) tally() string {
	counts := map[string]int{}
	for _, by := range s.log {
		counts[fmt.Sprintf("%+d", by)]++
	}
	var entries []string
	for by, count := range counts {
		entries = append(entries, fmt.Sprintf("%s:%d", by, count))
	}
	sort.Strings(entries)
	return list(entries)
}

func (s *session) change(by int) (string, error) {
	if s.value+by < 0 {
		return "", refusal{"range", "below zero"}
	}
	if s.value+by > s.limit {
		return "", refusal{"range", "above the limit"}
	}
	s.log = append(s.log, by)
	s.value += by
	return strconv.Itoa(s.value), nil
}

func list(entries []string) string {
	if len(entries) == 0 {
		return "-"
	}
	return strings.Join(entries, ",")
}

func number(word, form string, low, high int, text string) (int, error) {
	isDigit := func(r rune) bool { return '0' <= r && r <= '9' }
	if len(word) < 1 || len(word) > 10 || strings.TrimFunc(word, isDigit) != "" {
		return 0, refusal{"usage", form}
	}
	number, err := strconv.Atoi(word)
	if err != nil || number < low || number > high {
		return 0, refusal{"range", text}
	}
	return number, nil
}
