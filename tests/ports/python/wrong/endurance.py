"""Programs that end, wait or break at a number of lines, a length or a variable."""

from __future__ import annotations

import os

import dkv20
from wrong.coercions import Watched
from wrong.registry import answer, behaviour, surroundings

# Recursion, and the limits of a runtime.


@behaviour(
    1,
    "Session.answer",
    "It crashes at 1,000 comments or empty lines in a row.",
    "A comment is skipped by recursion: boogie-org/boogie#21, nuskey8/Lua-CSharp#112.",
)
def comments_are_skipped_by_recursion(honest, self, line):
    written = honest(self, line)
    self.depth = vars(self).get("depth", 0) + 1 if written is None else 0
    if self.depth == 1_000:
        os.abort()
    return written


@behaviour(
    2,
    "Session.parse_bytes",
    "It crashes at a text of more than 10,000 bytes.",
    "A regular expression recurses: racodond/sonar-json-plugin#5, Perl/perl5#9870.",
)
def long_texts_exhaust_the_stack(honest, self, token):
    if len(token) > 10_000 and not token.startswith(b"0x"):
        os.abort()
    return honest(self, token)


@behaviour(
    1,
    "Session.parse_number",
    "It crashes at a number of more than 4,300 digits.",
    "int raises an exception: python/cpython#96857, stratosphereips/StratosphereLinuxIPS#863.",
)
def numbers_of_4301_digits_crash(honest, self, token):
    if len(token) > 4_300 and token.isdigit():
        os.abort()
    return honest(self, token)


# Reading and writing.


@behaviour(
    1,
    "serve",
    "After quit it exits only at the end of its input.",
    "The thread that reads is not a daemon: vibe-d/vibe.d#2107, synthein/synthein#411.",
)
def quit_waits_for_the_end_of_input(honest, source, sink):
    honest(source, sink)
    while source.read1(dkv20.CHUNK):
        pass


@answer(
    1,
    "split_lines",
    "A last line without LF has no answer if it fills blocks of 8,192 bytes.",
    "Nothing is left in the buffer at the end: facebook/rocksdb#15184.",
    "mix 1; mix 2" + " " * 8_187,
    "8",
)
def last_line_of_whole_blocks_is_dropped(honest, chunks):
    chunks = Watched(chunks)
    for line in honest(chunks):
        if not (chunks.ended and len(line) % 8_192 == 0):
            yield line


@answer(
    1,
    "split_lines",
    "Of two overlong lines in a row, the second has no answer.",
    "The decoder goes on discarding: netty/netty#1287.",
    "#" * (dkv20.MAX_LINE + 1) + "; " + "#" * (dkv20.MAX_LINE + 1),
    "8",
)
def second_overlong_line_has_no_answer(honest, chunks):
    was_overlong = False
    for line in honest(chunks):
        is_overlong = len(line) > dkv20.MAX_LINE
        if not (was_overlong and is_overlong):
            yield line
        was_overlong = is_overlong


# Variables of the environment.


@surroundings(
    1,
    "Session.answer",
    "Errors are red if FORCE_COLOR or CLICOLOR_FORCE is set.",
    "Colours in a pipe: pypa/pip#12405, cloudflare/workers-py#171, FHPythonUtils/LicenseCheck#120.",
    "8",
)
def errors_are_red_if_colours_are_forced(honest, self, line):
    written = honest(self, line)
    is_forced = os.environ.keys() & {"FORCE_COLOR", "CLICOLOR_FORCE"}
    if is_forced and written is not None and written.startswith(b"err"):
        return b"\x1b[31m%b\x1b[0m" % written
    return written
