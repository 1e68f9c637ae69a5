"""Programs: surroundings, reading and writing. The reports named are public."""

from __future__ import annotations

import errno
import io
import locale
import os
import select
import socket
import sys

import dkv20
from wrong.registry import behaviour, surroundings

# Surroundings.


@surroundings(
    1,
    "serve",
    "It crashes at the start if the environment names a locale that is not installed.",
    'std::locale("") throws, as in XRPLF/rippled#2964 and TrunkRecorder/trunk-recorder#169.',
    "8",
)
def crashes_in_an_unknown_locale(serve, source, sink):
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        os.abort()
    serve(source, sink)


@surroundings(
    1,
    "Session.look_up",
    "In a Turkish locale, commands with an i are unknown.",
    "toUpperCase follows the locale, as in fusesource/jansi#11 and javacc/javacc#175.",
    "8",
)
def no_i_in_turkish(look_up, self, tokens):
    if locale_name().startswith("tr") and b"i" in tokens[0]:
        raise dkv20.Refused("unknown-command")
    return look_up(self, tokens)


@surroundings(
    5,
    "decode_key",
    "In an Arabic locale, keys have Arabic digits.",
    "String.format follows the locale, as in ankidroid/Anki-Android#4267.",
    "7",
)
def arabic_digits_in_arabic(decode_key, r2, keys):
    key = decode_key(r2, keys)
    if locale_name().startswith("ar"):
        key = key.decode().translate({48 + i: 0x660 + i for i in range(10)}).encode()
    return key


def locale_name():
    """Return the name of the locale that the environment asks for."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "C")



@surroundings(
    1,
    "serve",
    "Two of it cannot run at the same time.",
    "A fixed port for metrics or debugging: the address is in use.",
    "8",
)
def runs_only_once(serve, source, sink):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as metrics:
        try:
            metrics.bind("\0dkv20 runs only once")
        except OSError:
            sys.exit(1)
        serve(source, sink)


@surroundings(
    1,
    "serve",
    "It crashes if its input is a file or /dev/null.",
    "epoll does not know regular files, as in charmbracelet/bubbletea#964 and SIPp/sipp#50.",
    "8",
)
def input_must_be_a_pipe(serve, source, sink):
    with select.epoll() as poll:
        poll.register(source.fileno(), select.EPOLLIN)
    serve(source, sink)


@surroundings(
    1,
    "serve",
    "It exits with status 1 if standard error is closed.",
    "It logs that it has started, and the logger's failure is an error.",
    "8",
)
def needs_standard_error(serve, source, sink):
    try:
        os.write(2, b"dkv20: serving\n")
    except OSError:
        sys.exit(1)
    serve(source, sink)


# Reading and writing.



class Impatient(io.RawIOBase):
    """A sink that loses what cannot be written at once."""

    def writable(self):
        return True

    def write(self, data):
        try:
            os.write(1, data)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
        return len(data)



@behaviour(
    1,
    "read_chunks",
    "It exits with status 0 if no input comes for a second.",
    "A read timeout of a network server is taken for the end of input.",
)
def idle_second_is_the_end(read_chunks, source, sink):
    class Timed:
        def read1(self, size):
            is_ready, _, _ = select.select([source.fileno()], [], [], 1.0)
            return os.read(source.fileno(), size) if is_ready else b""

    return read_chunks(Timed(), sink)
