"""Programs that misbehave. A mistake at a certain command has that command's level."""

from __future__ import annotations

import os
import signal
import sys
import time

import dkv20
from wrong.registry import behaviour

#: Longer than any time limit, but finite, so that no process is left over.
LONG = 120


def silent_for_long():
    time.sleep(LONG)
    os._exit(0)


# At certain commands.


@behaviour(3, "Session.do_put", "It hangs at a put.", "A lock is acquired twice.", section="4.1")
def hangs_at_a_put(*_):
    silent_for_long()


@behaviour(
    4,
    "Session.do_heal",
    "It exits with status 3 at a heal.",
    "Some libraries exit on fatal errors.",
    section="4.3",
)
def exits_at_a_heal(*_):
    os._exit(3)


@behaviour(
    4,
    "Session.do_compact",
    "It crashes with a segmentation fault at a compact.",
    "A dangling pointer is followed.",
    section="4.5",
)
def segmentation_fault_at_a_compact(*_):
    os.kill(os.getpid(), signal.SIGSEGV)


@behaviour(
    3,
    "Session.do_dump",
    "It prints a stack trace and crashes at a dump.",
    "An uncaught exception ends a program in most languages.",
    section="5",
)
def exception_at_a_dump(*_):
    raise RuntimeError("not caught")


@behaviour(
    1,
    "Session.parse_number",
    "It crashes at a number of 2^64 or more.",
    "C++'s std::stoull throws std::out_of_range, and Rust's unwrap panics.",
)
def dies_at_a_great_number(honest, self, token):
    if token.isdigit() and int(token) > dkv20.MASK64:
        raise OverflowError
    return honest(self, token)


@behaviour(
    1,
    "Session.tokens",
    "It crashes at a line that is not valid UTF-8.",
    "Reading lines as text fails on them in Python and Rust.",
)
def dies_at_invalid_utf8(honest, self, line):
    line.decode()
    return honest(self, line)


@behaviour(
    3,
    "Session.do_status",
    "Its answer to status does not end.",
    "The condition of a loop is never false.",
)
def floods_at_status(*_):
    while True:
        os.write(1, b"leader=0 " * 7_000)


@behaviour(
    3,
    "Session.do_status",
    "Its answer to status has a million lines.",
    "A debugging print is left in a loop.",
)
def many_lines_at_status(honest, self):
    return honest(self) + "\nok" * 1_000_000


@behaviour(
    4,
    "Session.do_partition",
    "It sleeps for some seconds at a partition before it answers.",
    "A real cluster waits for an election timeout.",
    section="4.3",
)
def slow_at_a_partition(honest, self, *ids):
    time.sleep(8)
    return honest(self, *ids)


# Answers.


@behaviour(
    1,
    "Session.answer",
    "Its answers are not text.",
    "It prints a struct or freed memory.",
)
def answers_garbage(honest, self, line):
    answer = honest(self, line)
    return answer and bytes(byte ^ 0x80 for byte in answer)


@behaviour(
    1,
    "Session.do_draw",
    "Its answer to draw has one line too many.",
    "A debugging print is left in.",
)
def one_answer_too_many(honest, self, seed, count):
    return f"{honest(self, seed, count)}\nok"


@behaviour(
    1,
    "Session.do_draw",
    "Its answer to draw has one line for each number.",
    "println is written where print is meant.",
)
def a_line_for_each_number(honest, self, seed, count):
    return honest(self, seed, count).replace(" ", "\n")


@behaviour(
    1,
    "Session.answer",
    "It does not answer draw.",
    "A branch of the dispatcher does not return its answer.",
)
def one_answer_too_few(honest, self, line):
    answer = honest(self, line)
    return None if line.split()[:1] == [b"draw"] else answer


@behaviour(
    1,
    "Session.answer",
    "It does not answer refused commands.",
    "Errors go to standard error.",
)
def errors_are_not_answered(honest, self, line):
    answer = honest(self, line)
    if answer is None or not answer.startswith(b"err"):
        return answer
    print(answer, file=sys.stderr)
    return None


@behaviour(
    1,
    "Session.answer",
    "It answers comments and empty lines.",
    "Every line gets an answer.",
)
def answers_comments_and_empty_lines(honest, self, line):
    answer = honest(self, line)
    return b"ok" if answer is None else answer


@behaviour(
    1,
    "Session.answer",
    "Its answers end with CR LF.",
    "Windows' standard output writes them in text mode.",
)
def answers_end_with_cr_lf(honest, self, line):
    answer = honest(self, line)
    return answer and answer + b"\r"


@behaviour(
    1,
    "Session.answer",
    "It echoes each command before its answer.",
    "A terminal echoes, as does `set -x` in a wrapper script.",
)
def echoes_commands(honest, self, line):
    answer = honest(self, line)
    return answer and line + b"\n" + answer


@behaviour(
    1,
    "Session.answer",
    "It prints a prompt before each answer.",
    "Read-eval-print loops print one.",
)
def prints_a_prompt(honest, self, line):
    answer = honest(self, line)
    return answer and b"> " + answer


@behaviour(
    1,
    "serve",
    "It prints a banner on standard output.",
    "Interactive programs and logging libraries print one.",
)
def prints_a_banner(honest, source, sink):
    sink.write(b"dkv20 in Python, ready\n")
    honest(source, sink)


@behaviour(
    1,
    "split_lines",
    "It answers the lines of one chunk in reverse order.",
    "Workers answer as they finish.",
)
def answers_in_another_order(honest, chunks):
    for batch in batches(chunks):
        yield from reversed(list(honest([batch])))


def batches(chunks):
    """Yield the same bytes, cut after each LF."""
    rest = b""
    for chunk in chunks:
        lines, lf, rest = (rest + chunk).rpartition(b"\n")
        yield lines + lf
    yield rest


# Output that is held back.


class Held:
    """A sink that holds back all or some of its bytes."""

    def __init__(self, sink):
        self.sink = sink
        self.held = bytearray()

    def write(self, data):
        self.held += data

    def flush(self):
        pass

    def release(self, size):
        self.sink.write(bytes(self.held[:size]))
        self.sink.flush()
        del self.held[:size]


class Last(Held):
    """Holds back the last answer until there is another."""

    def write(self, data):
        self.release(len(self.held))
        super().write(data)


class Block(Held):
    """Writes blocks of 4,096 bytes."""

    def flush(self):
        self.release(len(self.held) // 4_096 * 4_096)


class Torn(Held):
    """Stops in the middle of a line."""

    def flush(self):
        if self.held:
            self.release(len(self.held) - 3)
            silent_for_long()


class Drip(Held):
    """Writes a byte every 50 ms and stops after some."""

    def flush(self):
        for _ in range(20):
            if self.held:
                self.release(1)
                time.sleep(0.05)
        if self.held:
            silent_for_long()


def serve_into(kind):
    """Return a `serve` that writes into such a sink, and everything at the end of input."""

    def serve(honest, source, sink):
        held = kind(sink)
        honest(source, held)
        held.release(len(held.held))

    return serve


@behaviour(
    1,
    "serve",
    "It flushes only at the end of input.",
    "Standard output is fully buffered unless it is a terminal.",
)
def flushes_at_the_end(*arguments):
    serve_into(Held)(*arguments)


@behaviour(
    1,
    "serve",
    "It flushes only whole blocks of 4,096 bytes.",
    "stdio flushes a full buffer by itself, so long tests pass.",
)
def flushes_whole_blocks(*arguments):
    serve_into(Block)(*arguments)


@behaviour(
    1,
    "serve",
    "It flushes an answer when the next one is written.",
    "The flush comes before the write or before the next read.",
)
def flushes_one_answer_late(*arguments):
    serve_into(Last)(*arguments)


@behaviour(
    1,
    "serve",
    "Its first output ends in the middle of a line, and no more follows.",
    "A thread dies while it holds the lock of the output.",
)
def half_a_line_and_silence(*arguments):
    serve_into(Torn)(*arguments)


@behaviour(
    1,
    "serve",
    "It writes one byte every 50 ms and stops after some.",
    "A serial line or an overloaded proxy behaves like this.",
)
def drips_and_falls_silent(*arguments):
    serve_into(Drip)(*arguments)


@behaviour(
    1,
    "read_chunks",
    "It reads all of its input before it answers.",
    "read_to_end is simple, and works with a file.",
)
def reads_to_the_end_first(_, source, sink):
    yield source.read()


# Input.


@behaviour(
    1,
    "read_chunks",
    "It closes its input after the first lines, answers them and does not exit.",
    "A file descriptor is closed twice and was reused in between.",
)
def closes_its_input(honest, source, sink):
    yield next(honest(source, sink), b"")
    sink.flush()
    os.close(0)
    silent_for_long()


@behaviour(
    1,
    "read_chunks",
    "It stops reading after the first lines.",
    "The reading thread waits for a full queue.",
)
def stops_reading(honest, source, sink):
    yield next(honest(source, sink), b"")
    sink.flush()
    silent_for_long()


@behaviour(
    1,
    "split_lines",
    "It ignores a last line without LF.",
    "A loop over complete lines leaves the rest in its buffer.",
)
def ignores_a_last_line_without_lf(honest, chunks):
    return honest(batch for batch in batches(chunks) if batch.endswith(b"\n"))


@behaviour(
    1,
    "split_lines",
    "It writes an answer at the end of input.",
    "`while (!feof(f))` in C runs once more than there are lines.",
)
def answers_the_end_of_input(honest, chunks):
    yield from honest(chunks)
    yield b"end"


@behaviour(
    1,
    "split_lines",
    "A line in two pieces is treated as two lines.",
    "One read is assumed to return whole lines, as it does on an idle machine.",
)
def pieces_are_taken_for_lines(honest, chunks):
    for chunk in chunks:
        yield from honest([chunk])


# The end.


@behaviour(1, "serve", "It exits at once.", "An unknown subcommand is not treated as an error.")
def exits_at_once(*_):
    pass


@behaviour(
    1,
    "serve",
    "It exits with status 0 after 20 answers.",
    "A worker is recycled after a number of requests.",
)
def exits_after_20_answers(honest, source, sink):
    session_answer = dkv20.Session.answer
    left = iter(range(20))

    def answer(self, line):
        self.ended = next(left, None) is None
        return session_answer(self, line)

    dkv20.Session.answer = answer
    honest(source, sink)


@behaviour(
    1,
    "serve",
    "It closes its output at once and goes on reading.",
    "A daemon closes its descriptors when it detaches.",
)
def closes_its_output(_, source, sink):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    source.read()


@behaviour(
    1,
    "serve",
    "It exits with status 1 at the end of input.",
    "The end of input is treated as a read error.",
)
def status_1_at_the_end(honest, source, sink):
    honest(source, sink)
    os._exit(1)


@behaviour(
    1,
    "serve",
    "It does not exit at the end of input.",
    "A thread that is not a daemon keeps a process alive in Java and Python.",
)
def stays_at_the_end(honest, source, sink):
    honest(source, sink)
    silent_for_long()


@behaviour(
    1,
    "Session.do_quit",
    "It answers lines after quit.",
    "The flag is checked only when the buffer is refilled.",
)
def answers_after_quit(*_):
    return None


@behaviour(
    1,
    "Session.do_quit",
    "It exits without an answer to quit.",
    "exit is called in the middle of a command.",
)
def quits_without_an_answer(_, self):
    os._exit(0)


@behaviour(
    1,
    "Session.do_hello",
    "It speaks another version of the protocol.",
    "A port is out of date.",
)
def another_version(honest, self):
    return honest(self).replace(" 1 ", " 2 ")
