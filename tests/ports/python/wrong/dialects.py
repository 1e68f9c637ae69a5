"""Lines and tokens that are read by the rules of another program: a shell, a preprocessor, YAML."""

from __future__ import annotations

import os
import re

import dkv20
from wrong.registry import answer, behaviour

# Lines.


@behaviour(
    1,
    "split_lines",
    "A backslash at the end of a line continues it.",
    "Also in comments: liblouis/liblouis#239, arduino/Arduino#7361.",
)
def a_backslash_continues_a_line(split_lines, chunks):
    continued = b""
    for line in split_lines(chunks):
        if line.endswith(b"\\"):
            continued += line[:-1]
        else:
            yield continued + line
            continued = b""
    if continued:
        yield continued


@answer(
    1,
    "split_lines",
    "The part of a comment after its first 1,023 bytes is another line.",
    "fgets returns a long line in pieces, of which only the first begins with #:"
    " openemr/openemr#11461, MmgTools/mmg#271.",
    "#" + " " * 1_100 + "mix 1",
    "8",
)
def long_comments_are_in_pieces(split_lines, chunks):
    for line in split_lines(chunks):
        while line.startswith(b"#") and len(line) > 1_023:
            yield line[:1_023]
            line = line[1_023:]
        yield line


@behaviour(
    1,
    "read_chunks",
    "A LF that is the first byte of a block of 4,096 bytes is lost.",
    "The end of the line is sought before the next block is read: nacholibre/node-readlines#53.",
)
def lf_first_in_a_block_is_lost(_, source, sink):
    is_within_a_line = False
    while True:
        sink.flush()
        chunk = source.read1(4_096)
        if not chunk:
            return
        yield chunk[1:] if is_within_a_line and chunk.startswith(b"\n") else chunk
        is_within_a_line = not chunk.endswith(b"\n")


@behaviour(
    1,
    "Session.answer",
    "It exits with status 1 at the hundredth refused line in a row.",
    "A caller with too many errors is cut off: twitter/twemproxy#480.",
)
def a_hundred_refusals_end_the_session(honest, self, line):
    written = honest(self, line)
    if written is not None:
        is_refused = written.startswith(b"err")
        self.refused = vars(self).get("refused", 0) + 1 if is_refused else 0
    if vars(self).get("refused", 0) >= 100:
        os._exit(1)
    return written


@answer(
    1,
    "Session.look_up",
    "A command is known by the length, the first and the last letter of its word.",
    "A perfect hash is taken to have no collisions: abrt/satyr#291.",
    "max 1",
    "8",
)
def words_are_found_by_their_hash(honest, self, tokens):
    for word in (b"hello", b"mix", b"draw", b"quit"):
        if shape(word) == shape(tokens[0]):
            tokens = [word, *tokens[1:]]
    return honest(self, tokens)


def shape(word):
    return len(word), word[:1], word[-1:]


@answer(
    4,
    "Session.tokens",
    "Several spaces after the id of `at` make an empty word.",
    "The rest of the line is split again, at each space.",
    "new 1; at 0  noop",
    "8",
)
def at_is_split_at_each_space(honest, self, line):
    tokens = honest(self, line)
    if len(tokens) > 2 and tokens[0] == b"at":
        rest = line.lstrip(b" ")[2:].lstrip(b" ")
        return [b"at", *rest.split(b" ")]
    return tokens


@answer(
    4,
    "Session.answer",
    "heal with spaces after it has an empty list of ids, and heals none.",
    "The rest of a line is there, although it is blank.",
    "new 3; partition 1; heal ; status",
    "4.3|8",
)
def spaces_are_an_empty_list(honest, self, line):
    if line.strip(b" ") == b"heal" and line.endswith(b" ") and self.cluster is not None:
        return f"ok {self.show_leader()}".encode()
    return honest(self, line)


@answer(
    4,
    "Session.tokens",
    "Ids may be separated by commas.",
    "They are, in the answer to status.",
    "new 3; partition 1,2",
    "8",
)
def ids_are_separated_by_commas(honest, self, line):
    tokens = honest(self, line)
    if tokens and tokens[0] in {b"partition", b"heal", b"compact"}:
        return [tokens[0], *filter(None, b" ".join(tokens[1:]).replace(b",", b" ").split(b" "))]
    return tokens


# Byte strings.


@answer(
    3,
    "Session.parse_bytes",
    "Texts such as 12:30 are numbers of base 60.",
    "They are in YAML 1.1: yaml/pyyaml#395, bitbonsai/mcpvault#75.",
    "new 1; put a 12:30; get 0 a",
    "1|8",
)
def times_are_numbers_of_base_60(honest, self, token):
    if not re.fullmatch(rb"[1-9][0-9]*(:[0-5]?[0-9])+", token):
        return honest(self, token)
    number = 0
    for digits in token.split(b":"):
        number = 60 * number + int(digits)
    return b"%d" % number


@answer(
    2,
    "Session.parse_bytes",
    "A dollar sign and a name after it are replaced by the variable, which is not set.",
    "Values are expanded as in a shell: dotenvx/dotenvx#240, symfony/symfony#28435.",
    "load DKV$xy",
    "1|8",
)
def dollars_are_expanded(honest, self, token):
    if token.startswith(b"0x"):
        return honest(self, token)
    return re.sub(rb"\$(\{[A-Za-z_]\w*\}|[A-Za-z_]\w*)", b"", token)


@answer(
    3,
    "Replica.append",
    "A value loses a LF at its end.",
    "The end of a line is cut off from binary data: fluent/fluentd#1741.",
    "new 1; put a 0x610a; get 0 a",
    "1|2",
)
def values_lose_a_lf_at_their_end(honest, self, op, term):
    if op.value.endswith(b"\n"):
        op = op._replace(value=op.value[:-1])
    honest(self, op, term)


@answer(
    3,
    "Replica.apply",
    "A del of a key with an asterisk deletes all keys that match it.",
    "Keys are patterns in del: elysiandb/elysiandb#20, nouamanecodes/lettactl#218.",
    "new 1; put ab 1; del a*; get 0 ab",
    "2",
)
def del_matches_patterns(honest, self, op):
    honest(self, op)
    if op.tag == dkv20.DEL and b"*" in op.key:
        pattern = re.escape(op.key).replace(rb"\*", b".*")
        for key in [key for key in self.map if re.fullmatch(pattern, key, re.DOTALL)]:
            del self.map[key]
