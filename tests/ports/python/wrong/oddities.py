"""Ports that are odd but right: the exam must pass them."""

from __future__ import annotations

import os
import sys
import time

from wrong.registry import honest

#: The total sleep of `slow`, in seconds.
SLEEP_MAX = 10.0


@honest("Session.answer", "Each answer takes 1 ms more, up to ten seconds in total.")
def slow(answer, self, line):
    self.slept = getattr(self, "slept", 0.0) + 0.001
    if self.slept <= SLEEP_MAX:
        time.sleep(0.001)
    return answer(self, line)


@honest("Session.answer", "It writes more to standard error than a pipe holds.")
def chatty_stderr(answer, self, line):
    if not hasattr(self, "is_warm"):
        self.is_warm = True
        sys.stderr.write("warming up: all is well\n" * 20_000)
    sys.stderr.write(f"a line of {len(line)} bytes\n")
    return answer(self, line)


class Unbuffered:
    """A source that is read 16 bytes at a time, so that most lines are split."""

    def __init__(self, source):
        self.descriptor = source.fileno()

    def read1(self, _):
        return os.read(self.descriptor, 16)


class Flushed:
    """A sink that is flushed after each write."""

    def __init__(self, sink):
        self.sink = sink

    def write(self, data):
        self.sink.write(data)
        self.sink.flush()

    def flush(self):
        """Do nothing: every write is flushed."""


@honest("serve", "It reads 16 bytes at a time and flushes after each answer.")
def one_at_a_time(serve, source, sink):
    serve(Unbuffered(source), Flushed(sink))
