// Command dkv20 speaks the port protocol of dkv20, and runs its scenarios.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/dkv20/dkv20/go"
)

const version = "dkv20 0.1.0"

const usage = `A replicated key-value state machine, defined to the byte: the Go port.

Usage: dkv20 COMMAND

Commands:
  serve            answer the port protocol on standard input and output
  scenario [NAME]  print the hash of scenario A or B, or of both

Options:
  --help     print this
  --version  print the version
`

const serveUsage = `Answer the port protocol, a command on each line of standard input.

Usage: dkv20 serve
`

const scenarioUsage = `Run scenario A or B, or both, and print the hash of the replicas' snapshots.

Usage: dkv20 scenario [NAME]
`

// What the program exits with.
const (
	statusFailure = 1
	statusUsage   = 2
)

func main() {
	// A reader that goes away is to be an error of write, not a signal.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run does what the arguments ask for, and gives the exit status.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	err := dispatch(args, in, out)
	var bad usageError
	var code dkv20.ErrorCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bad):
		fmt.Fprintf(errs, "dkv20: %s\n\n%s", bad.reason, bad.usage)
		return statusUsage
	case errors.As(err, &code):
		fmt.Fprintf(errs, "err %s\n", code.Error())
	default:
		fmt.Fprintf(errs, "dkv20: %s\n", reason(err))
	}
	return statusFailure
}

// usageError is a mistake in the arguments.
type usageError struct{ reason, usage string }

func (e usageError) Error() string { return e.reason }

func dispatch(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return usageError{"a command is missing", usage}
	}
	rest := args[1:]
	switch args[0] {
	case "--help", "-h":
		return onlyPrint(out, usage, rest, usage)
	case "--version", "-V":
		return onlyPrint(out, version+"\n", rest, usage)
	case "serve":
		if isHelp(rest) {
			return print(out, serveUsage)
		}
		if len(rest) > 0 {
			return usageError{fmt.Sprintf("unexpected argument %q", rest[0]), serveUsage}
		}
		return dkv20.Serve(in, out)
	case "scenario":
		if isHelp(rest) {
			return print(out, scenarioUsage)
		}
		return scenario(rest, out)
	}
	return usageError{fmt.Sprintf("unknown command %q", args[0]), usage}
}

func isHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "--help" || args[0] == "-h")
}

func onlyPrint(out io.Writer, text string, rest []string, usage string) error {
	if len(rest) > 0 {
		return usageError{fmt.Sprintf("unexpected argument %q", rest[0]), usage}
	}
	return print(out, text)
}

func print(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("%w: %w", dkv20.ErrOutput, err)
	}
	return nil
}

// scenario prints the hash of the scenario that is named, or of all.
func scenario(names []string, out io.Writer) error {
	switch {
	case len(names) > 1:
		return usageError{fmt.Sprintf("unexpected argument %q", names[1]), scenarioUsage}
	case len(names) == 0:
		names = dkv20.Scenarios()
	case len(names[0]) > 0 && names[0][0] == '-':
		return usageError{fmt.Sprintf("unknown option %q", names[0]), scenarioUsage}
	}
	for _, name := range names {
		hash, err := dkv20.Scenario(name)
		if err != nil {
			return err
		}
		if err := print(out, name+" "+hash+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// reason tells which side failed and why, in one line and without what the
// system's call was named.
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
