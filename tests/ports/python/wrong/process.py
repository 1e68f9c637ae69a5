"""Programs that misbehave. What one does wrong at a certain command begins at that one's level."""

from __future__ import annotations

import os
import signal
import sys
import time

import dkv20
from wrong.registry import behaviour

#: Longer than anybody waits, and not for ever, so that none is left over.
LONG = 120


def silent_for_long():
    time.sleep(LONG)
    os._exit(0)


# At certain commands.


@behaviour(3, "Session.do_put", "It hangs at a put.", "A lock is taken twice.")
def hangs_at_a_put(*_):
    silent_for_long()


@behaviour(
    4,
    "Session.do_heal",
    "It exits with status 3 at a heal.",
    "Libraries exit on what they take for a fatal error.",
)
def exits_at_a_heal(*_):
    os._exit(3)


@behaviour(
    4,
    "Session.do_compact",
    "It dies by a segmentation fault at a compact.",
    "A dangling pointer is followed.",
)
def segmentation_fault_at_a_compact(*_):
    os.kill(os.getpid(), signal.SIGSEGV)


@behaviour(
    3,
    "Session.do_dump",
    "It prints a stack trace and dies at a dump.",
    "An exception that nobody catches ends a program in most languages.",
)
def exception_at_a_dump(*_):
    raise RuntimeError("not caught")


@behaviour(
    1,
    "Session.parse_number",
    "It dies at a number of 2^64 or more.",
    "C++'s std::stoull throws std::out_of_range, and Rust's unwrap panics.",
)
def dies_at_a_great_number(honest, self, token):
    if token.isdigit() and int(token) > dkv20.MASK64:
        raise OverflowError
    return honest(self, token)


@behaviour(
    1,
    "Session.tokens",
    "It dies at a line that is not valid UTF-8.",
    "Reading lines as text fails on them in Python and Rust.",
)
def dies_at_invalid_utf8(honest, self, line):
    line.decode()
    return honest(self, line)


@behaviour(
    3,
    "Session.do_status",
    "It answers status with output that does not end.",
    "The condition of a loop is never false.",
)
def floods_at_status(*_):
    while True:
        os.write(1, b"leader=0 " * 7_000)


@behaviour(
    3,
    "Session.do_status",
    "It answers status with very many lines, and goes on.",
    "A debugging print stands in a loop.",
)
def many_lines_at_status(honest, self):
    return honest(self) + "\nok" * 1_000_000


@behaviour(
    4,
    "Session.do_partition",
    "It sleeps for some seconds at a partition, and then answers.",
    "A real cluster waits for an election timeout.",
)
def slow_at_a_partition(honest, self, *ids):
    time.sleep(8)
    return honest(self, *ids)


# Answers.


@behaviour(
    1,
    "Session.answer",
    "Its answers are bytes that are no text.",
    "What is printed is a struct, or memory that was freed.",
)
def answers_garbage(honest, self, line):
    answer = honest(self, line)
    return answer and bytes(byte ^ 0x80 for byte in answer)


@behaviour(
    1,
    "Session.do_draw",
    "It answers each draw with one line too many.",
    "A debugging print is left in.",
)
def one_answer_too_many(honest, self, seed, count):
    return f"{honest(self, seed, count)}\nok"


@behaviour(
    1,
    "Session.do_draw",
    "It answers each draw with one line for each number.",
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
    "It does not answer what is refused.",
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
    "Each line that is read is answered.",
)
def answers_comments_and_empty_lines(honest, self, line):
    answer = honest(self, line)
    return b"ok" if answer is None else answer


@behaviour(
    1,
    "Session.answer",
    "Its answers end with CR LF.",
    "Windows' standard output does so in text mode.",
)
def answers_end_with_cr_lf(honest, self, line):
    answer = honest(self, line)
    return answer and answer + b"\r"


@behaviour(
    1,
    "Session.answer",
    "It echoes each command before its answer.",
    "A terminal's echo, or `set -x` of a wrapper script, does so.",
)
def echoes_commands(honest, self, line):
    answer = honest(self, line)
    return answer and line + b"\n" + answer


@behaviour(
    1,
    "Session.answer",
    "It prints a prompt before each answer.",
    "Read-eval-print loops do so.",
)
def prints_a_prompt(honest, self, line):
    answer = honest(self, line)
    return answer and b"> " + answer


@behaviour(
    1,
    "serve",
    "It prints a banner on standard output.",
    "Interactive programs and logging libraries greet so.",
)
def prints_a_banner(honest, source, sink):
    sink.write(b"dkv20 in Python, ready\n")
    honest(source, sink)


@behaviour(
    1,
    "split_lines",
    "It answers the lines of one chunk in the reverse order.",
    "Workers that answer as they finish do so.",
)
def answers_in_another_order(honest, chunks):
    for batch in batches(chunks):
        yield from reversed(list(honest([batch])))


def batches(chunks):
    """The same bytes, cut behind a LF; at the end, what is left without one."""
    rest = b""
    for chunk in chunks:
        lines, lf, rest = (rest + chunk).rpartition(b"\n")
        yield lines + lf
    yield rest


# Output that stays behind.


class Held:
    """A sink that holds what is written back, all or in part."""

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
    """It holds the last answer back until there is another."""

    def write(self, data):
        self.release(len(self.held))
        super().write(data)


class Block(Held):
    """It writes in blocks of 4,096 bytes."""

    def flush(self):
        self.release(len(self.held) // 4_096 * 4_096)


class Torn(Held):
    """It ends in the middle of a line, and writes nothing any more."""

    def flush(self):
        if self.held:
            self.release(len(self.held) - 3)
            silent_for_long()


class Drip(Held):
    """It writes a byte each 50 ms, and falls silent after some."""

    def flush(self):
        for _ in range(20):
            if self.held:
                self.release(1)
                time.sleep(0.05)
        if self.held:
            silent_for_long()


def serve_into(kind):
    """A `serve` that writes into such a sink, and all of it at the end of input."""

    def serve(honest, source, sink):
        held = kind(sink)
        honest(source, held)
        held.release(len(held.held))

    return serve


@behaviour(
    1,
    "serve",
    "It flushes at the end of input only.",
    "Standard output is buffered in whole where it is no terminal.",
)
def flushes_at_the_end(*arguments):
    serve_into(Held)(*arguments)


@behaviour(
    1,
    "serve",
    "It flushes whole blocks of 4,096 bytes only.",
    "stdio flushes a full buffer by itself, so long tests pass.",
)
def flushes_whole_blocks(*arguments):
    serve_into(Block)(*arguments)


@behaviour(
    1,
    "serve",
    "It flushes an answer when the next one is written.",
    "The flush stands before the write, or before the read of the next line.",
)
def flushes_one_answer_late(*arguments):
    serve_into(Last)(*arguments)


@behaviour(
    1,
    "serve",
    "Its first output ends in the middle of a line, and it falls silent.",
    "A thread dies with the lock of the output held.",
)
def half_a_line_and_silence(*arguments):
    serve_into(Torn)(*arguments)


@behaviour(
    1,
    "serve",
    "It writes one byte each 50 ms, and then none.",
    "A serial line, or a proxy that is overloaded, behaves so.",
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
    "It closes its input after the first lines, answers them, and stays.",
    "A file descriptor is closed twice, and the second time it is another one's.",
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
    "It answers the end of input.",
    "`while (!feof(f))` in C runs once more than there are lines.",
)
def answers_the_end_of_input(honest, chunks):
    yield from honest(chunks)
    yield b"end"


@behaviour(
    1,
    "split_lines",
    "A line that comes in two pieces is taken for two lines.",
    "What one read gives is taken for whole lines, which it is on a quiet machine.",
)
def pieces_are_taken_for_lines(honest, chunks):
    for chunk in chunks:
        yield from honest([chunk])


# The end.


@behaviour(1, "serve", "It exits at once.", "An unknown subcommand is taken for no error.")
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
    "It closes its output at once, and goes on reading.",
    "A daemon closes its descriptors as it detaches.",
)
def closes_its_output(_, source, sink):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    source.read()


@behaviour(
    1,
    "serve",
    "It exits with status 1 at the end of input.",
    "The end of input is taken for an error of reading.",
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
    "It answers the lines after quit too.",
    "The end is noticed when the buffer has to be filled again.",
)
def answers_after_quit(*_):
    return None


@behaviour(
    1,
    "Session.do_quit",
    "It does not answer quit, and exits.",
    "exit is called in the middle of a command.",
)
def quits_without_an_answer(_, self):
    os._exit(0)


@behaviour(
    1,
    "Session.do_hello",
    "It speaks another version of the protocol.",
    "A port stays behind.",
)
def another_version(honest, self):
    return honest(self).replace(" 1 ", " 2 ")
