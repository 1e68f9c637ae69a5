package dkv20

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// processDeadline is how long the program may run in a test.
const processDeadline = 60 * time.Second

var program string // the path of the built command

func TestMain(m *testing.M) {
	os.Exit(withProgram(m.Run))
}

// withProgram builds the program, runs run, and removes the program.
func withProgram(run func() int) int {
	folder, err := os.MkdirTemp("", "dkv20")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "dkv20")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/dkv20").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return run()
}

// process is the running program. It is killed at the deadline.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	closer io.Closer
	errs   bytes.Buffer
	timer  *time.Timer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...)}
	p.cmd.Stderr = &p.errs
	in, err := p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	p.in, p.out, p.closer = in, bufio.NewReader(out), out
	must(t, p.cmd.Start())
	p.timer = time.AfterFunc(processDeadline, func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *process) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		p.t.Fatalf("write: %v; standard error: %s", err, &p.errs)
	}
}

func (p *process) expect(answer string) {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil || line != answer+"\n" {
		p.t.Fatalf("got answer %q, %v, want %q", line, err, answer)
	}
}

// end closes the input and checks that the program writes no more and exits with
// status. It returns the text on standard error.
func (p *process) end(status int) (errs string) {
	p.t.Helper()
	_ = p.in.Close() // fails if the program has ended
	rest, err := io.ReadAll(p.out)
	if err != nil && !errors.Is(err, os.ErrClosed) || len(rest) > 0 {
		p.t.Errorf("got more output: %.100q, %v", rest, err)
	}
	_ = p.cmd.Wait() // the status is checked below
	if !p.timer.Stop() {
		p.t.Fatal("killed at the deadline")
	}
	equal(p.t, "exit status", p.cmd.ProcessState.ExitCode(), status)
	return p.errs.String()
}

func TestServePipelined(t *testing.T) {
	p := start(t, "serve")
	const count = 50_000
	go func() {
		var b strings.Builder
		b.WriteString("new 5\n")
		for i := range count {
			fmt.Fprintf(&b, "put key-%d %d\n", i%100, i)
		}
		_, _ = io.WriteString(p.in, b.String())
		_ = p.in.Close()
	}()
	p.expect("ok")
	for i := range count {
		p.expect(fmt.Sprintf("ok committed index=%d term=1", i+1))
	}
	equal(t, "standard error", p.end(0), "")
}

func TestServeOneCommandAtATime(t *testing.T) {
	p := start(t, "serve")
	p.send("hello\n")
	p.expect("ok dkv20 1 go")
	p.send("new 3\n")
	p.expect("ok")
	for i := range 200 {
		p.send("noop\n")
		p.expect(fmt.Sprintf("ok committed index=%d term=1", i+1))
	}
	// Part of a line in the buffer does not delay the answer to the line before it.
	p.send("status\nsta")
	p.expect("ok leader=0 term=1 quorum=2 isolated=none")
	p.send("tus\n")
	p.expect("ok leader=0 term=1 quorum=2 isolated=none")
	equal(t, "standard error", p.end(0), "")
}

func TestServeLineLength(t *testing.T) {
	atLimit := func(prefix string) string { return prefix + strings.Repeat(" ", LineLengthMax-len(prefix)) }
	p := start(t, "serve")
	for _, line := range []string{atLimit("mix 0"), atLimit("new 1"), atLimit("# comment"), atLimit("")} {
		p.send(line + "\n")
	}
	p.expect("ok 0")
	p.expect("ok")
	for _, line := range []string{atLimit("mix 0"), atLimit("# comment"), atLimit(""), strings.Repeat("x", 3*LineLengthMax)} {
		p.send(line + " \n")
		p.expect("err line-length")
	}
	p.send("mix 0\n")
	p.expect("ok 0")
	p.send(strings.Repeat("0", LineLengthMax+1)) // without LF
	_ = p.in.Close()
	p.expect("err line-length")
	equal(t, "standard error", p.end(0), "")
}

// The memory of answers is kept, unless one was longer than scratchMax.
func TestServeLongAnswer(t *testing.T) {
	for length, kept := range map[int]int{scratchMax: scratchMax, scratchMax + 1: 0} {
		s := server{out: io.Discard, answers: make([]byte, length)}
		must(t, s.flush())
		equal(t, "kept", cap(s.answers), kept)
	}
	value := "0x" + strings.Repeat("5a", ValueLengthMax)
	var out strings.Builder
	input := "new 1\nput k " + value + "\nget 0 k\nget 0 k\nmix 0\n"
	must(t, Serve(strings.NewReader(input), &out))
	want := "ok\nok committed index=1 term=1\nok " + value + "\nok " + value + "\nok 0\n"
	if out.String() != want {
		t.Errorf("got %d bytes, want %d", out.Len(), len(want))
	}
}

func TestServeBoundsMemoryOfLongLine(t *testing.T) {
	var in io.Reader = &zeros{left: 1 << 26}
	var out bytes.Buffer
	s := server{in: bufio.NewReaderSize(in, inputBufferSize), out: &out}
	line, err := s.readLine()
	must(t, err)
	if len(line) <= LineLengthMax || cap(line) > 4*LineLengthMax {
		t.Errorf("got length %d and capacity %d", len(line), cap(line))
	}
}

// zeros is an input of zero bytes.
type zeros struct{ left int }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), z.left)
	clear(b[:n])
	z.left -= n
	return n, nil
}

func TestServeBinaryBytes(t *testing.T) {
	p := start(t, "serve")
	p.send("new 1\nput \x00\xff \x80\r\nget 0 \x00\xff\nget 0 0x00fF\nput a\x00b \xc3\x28\nget 0 0x610062\nget 0 \x00\xff\r\nstatus\r\n")
	for _, answer := range []string{
		"ok", "ok committed index=1 term=1", "ok 0x800d", "ok 0x800d",
		"ok committed index=2 term=1", "ok 0xc328", "ok none", "err unknown-command",
	} {
		p.expect(answer)
	}
	equal(t, "standard error", p.end(0), "")
}

func TestServeBlankLinesAndNoFinalLF(t *testing.T) {
	p := start(t, "serve")
	p.send("\n   \n# new 1\n  #x\n#\n  mix   0  \nmix 0")
	p.expect("ok 0")
	_ = p.in.Close()
	p.expect("ok 0")
	equal(t, "standard error", p.end(0), "")
}

func TestServeQuit(t *testing.T) {
	p := start(t, "serve")
	p.send("quit now\nquit\nmix 0\nmix 0")
	p.expect("err syntax")
	p.expect("ok")
	equal(t, "standard error", p.end(0), "")
}

func TestServeEndOfInput(t *testing.T) {
	equal(t, "standard error", start(t, "serve").end(0), "")
}

func TestServeClosedOutput(t *testing.T) {
	p := start(t, "serve")
	p.send("new 1\n")
	p.expect("ok")
	must(t, p.closer.Close())
	for {
		if _, err := io.WriteString(p.in, strings.Repeat("status\n", 1000)); err != nil {
			break // the program has ended
		}
	}
	equal(t, "standard error", p.end(1), "dkv20: standard output: broken pipe\n")
}

func TestServeInputFails(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	must(t, err)
	defer folder.Close()
	cmd := exec.Command(program, "serve")
	cmd.Stdin = folder
	out, _ := cmd.CombinedOutput() // the status is checked below
	equal(t, "exit status", cmd.ProcessState.ExitCode(), 1)
	equal(t, "standard error", string(out), "dkv20: standard input: is a directory\n")
}

func TestServeWritesAnswersBeforeInputError(t *testing.T) {
	broken := errors.New("broken")
	var out bytes.Buffer
	err := Serve(io.MultiReader(strings.NewReader("mix 0\nmix"), failing{err: broken}), &out)
	equal(t, "answers", out.String(), "ok 0\n")
	wantError(t, err, ErrInput)
	wantError(t, err, broken)
	equal(t, "is an output error", errors.Is(err, ErrOutput), false)
	err = Serve(strings.NewReader("mix 0\n"), failing{err: broken})
	wantError(t, err, ErrOutput)
	wantError(t, err, broken)
	equal(t, "is an input error", errors.Is(err, ErrInput), false)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestProgramUsage(t *testing.T) {
	for _, args := range []string{"", "x", "serve x", "scenario A B", "scenario --x", "--version x", "--help x", "serve --help x"} {
		p := start(t, strings.Fields(args)...)
		if errs := p.end(2); !strings.HasPrefix(errs, "dkv20: ") {
			t.Errorf("%q: got standard error %q", args, errs)
		}
	}
	for _, args := range []string{"--help", "serve --help", "scenario --help"} {
		out, err := exec.Command(program, strings.Fields(args)...).Output()
		if err != nil || !strings.Contains(string(out), "Usage: dkv20") {
			t.Errorf("%q: got output %q, %v", args, out, err)
		}
	}
	p := start(t, "--version")
	p.expect("dkv20 0.1.0")
	equal(t, "standard error", p.end(0), "")
}

func TestProgramScenario(t *testing.T) {
	p := start(t, "scenario")
	p.expect("A " + scenarioAHash)
	p.expect("B " + scenarioBHash)
	equal(t, "standard error", p.end(0), "")
	p = start(t, "scenario", "B")
	p.expect("B " + scenarioBHash)
	equal(t, "standard error", p.end(0), "")
	equal(t, "standard error", start(t, "scenario", "C").end(1), "err unknown-scenario\n")
}
