// Command dkv20 serves the port protocol of dkv20 and runs its scenarios.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/dkv20/dkv20/go"
)

const version = "dkv20 0.1.0"

const usage = `A replicated key-value state machine, defined to the byte: the Go port.

Usage: dkv20 COMMAND

Commands:
  serve            Serve the port protocol on standard input and output
  scenario [NAME]  Print the hash of scenario A or B, or of both

Options:
  -h, --help     Print help
  -V, --version  Print the version
`

const serveUsage = `Serve the port protocol: read a command from each line of standard input and
write its answer to standard output.

Usage: dkv20 serve
`

const scenarioUsage = `Run scenario A or B, or both, and print the snapshot hash of the replicas.

Usage: dkv20 scenario [NAME]
`

// The exit statuses of a failed command.
const (
	statusFailure = 1
	statusUsage   = 2
)

func main() {
	// A closed standard output is to be an error of Write, not a signal.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the command and returns the exit status.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	err := dispatch(args, in, out)
	var misuse usageError
	var code dkv20.ErrorCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &misuse):
		fmt.Fprintf(errOut, "dkv20: %s\n\n%s", misuse.reason, misuse.usage)
		return statusUsage
	case errors.As(err, &code):
		fmt.Fprintf(errOut, "err %s\n", code)
	default:
		fmt.Fprintf(errOut, "dkv20: %s\n", reason(err))
	}
	return statusFailure
}

// usageError is a mistake in the arguments.
type usageError struct{ reason, usage string }

func (e usageError) Error() string { return e.reason }

func dispatch(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return usageError{reason: "missing command", usage: usage}
	}
	rest := args[1:]
	switch args[0] {
	case "--help", "-h":
		return writeOnly(out, usage, rest)
	case "--version", "-V":
		return writeOnly(out, version+"\n", rest)
	case "serve":
		return runServe(rest, in, out)
	case "scenario":
		return runScenario(rest, out)
	}
	return usageError{reason: fmt.Sprintf("unknown command %q", args[0]), usage: usage}
}

// writeOnly writes text, unless there are more arguments.
func writeOnly(out io.Writer, text string, rest []string) error {
	if len(rest) > 0 {
		return unexpected(rest[0], usage)
	}
	return write(out, text)
}

func runServe(args []string, in io.Reader, out io.Writer) error {
	switch {
	case isHelp(args):
		return write(out, serveUsage)
	case len(args) > 0:
		return unexpected(args[0], serveUsage)
	}
	return dkv20.Serve(in, out)
}

// runScenario prints the hash of the named scenario, or of all.
func runScenario(names []string, out io.Writer) error {
	switch {
	case isHelp(names):
		return write(out, scenarioUsage)
	case len(names) == 0:
		names = dkv20.ScenarioNames()
	case len(names) > 1:
		return unexpected(names[1], scenarioUsage)
	case strings.HasPrefix(names[0], "-"):
		return unexpected(names[0], scenarioUsage)
	}
	for _, name := range names {
		hash, err := dkv20.RunScenario(name)
		if err != nil {
			return err
		}
		if err := write(out, name+" "+hash+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func isHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "--help" || args[0] == "-h")
}

func unexpected(arg, usage string) error {
	return usageError{reason: fmt.Sprintf("unexpected argument %q", arg), usage: usage}
}

func write(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("%w: %w", dkv20.ErrOutput, err)
	}
	return nil
}

// reason returns the side of the program that failed and the system's reason, in
// one line, without the name of the system call.
func reason(err error) string {
	side := dkv20.ErrInput
	if errors.Is(err, dkv20.ErrOutput) {
		side = dkv20.ErrOutput
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return side.Error() + ": " + errno.Error()
	}
	return err.Error()
}
