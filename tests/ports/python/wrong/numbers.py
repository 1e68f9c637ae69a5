"""Level 1: mix, draw, and the grammar of lines."""

from __future__ import annotations

import re

import dkv20
from dkv20 import MASK64, MAX_LINE, Refused
from wrong.registry import answer


def signed(number: int) -> int:
    """Return the i64 with the same bits as the u64."""
    return number - 2**64 if number >> 63 else number


# mix and draw.


@answer(
    1,
    "mix",
    "mix shifts in copies of the sign bit.",
    "`>>` of a signed integer copies the sign in Java, C#, Go, GCC and Clang.",
    "mix 9223372036854775808",
    section="6",
)
def mix_shifts_in_the_sign(_, z):
    z = (z ^ (signed(z) >> 30) & MASK64) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ (signed(z) >> 27) & MASK64) * 0x94D049BB133111EB & MASK64
    return z ^ (signed(z) >> 31) & MASK64


@answer(
    1,
    "mix",
    "mix multiplies in floating point, which keeps 53 bits.",
    "A JavaScript Number is a double; only BigInt has 64 bits.",
    "mix 1",
    section="6",
)
def mix_multiplies_in_doubles(_, z):
    z = int(float(z ^ (z >> 30)) * float(0xBF58476D1CE4E5B9)) & MASK64
    z = int(float(z ^ (z >> 27)) * float(0x94D049BB133111EB)) & MASK64
    return z ^ (z >> 31)


@answer(
    1,
    "Session.do_mix",
    "mix adds the increment before it mixes, as next does.",
    "The published splitmix64.c has one function for both.",
    "mix 0",
    section="6",
)
def mix_adds_the_increment(_, self, z):
    return str(dkv20.Generator(z).next())


@answer(
    1,
    "Generator.next",
    "next mixes the state before it adds, so that the first output is mix(seed).",
    "Post-increment is written where pre-increment is meant: `mix(state++)`.",
    "draw 1234567 1",
    section="6",
)
def state_grows_after_it_is_mixed(honest, self):
    output = dkv20.mix(self.state)
    honest(self)
    return output


@answer(
    1,
    "Generator.__init__",
    "The seed keeps its low 32 bits only.",
    "srand in C takes an unsigned int, which has 32 bits on the usual platforms.",
    "draw 4294967296 1",
    section="6",
)
def seed_has_32_bits(honest, self, seed):
    honest(self, seed & 0xFFFFFFFF)


@answer(
    1,
    "MAX_DRAWS",
    "draw refuses a count of 1,000.",
    "`<` is written where `<=` is meant.",
    "draw 1 1000",
    section="8",
)
def draw_refuses_the_limit(honest):
    return honest - 1


@answer(
    1,
    "MAX_DRAWS",
    "draw accepts a count of 1,001.",
    "`>=` and `>` are mixed up when the condition is negated.",
    "draw 1 1001",
    section="8",
)
def draw_accepts_one_above_the_limit(honest):
    return honest + 1


@answer(
    1,
    "Session.do_draw",
    "draw accepts a count of 0 and returns no numbers.",
    "Only the upper limit of a range is checked.",
    "draw 1 0",
    section="8",
)
def draw_accepts_none(honest, self, seed, count):
    return honest(self, seed, count) if count else ""


@answer(
    1,
    "Session.do_draw",
    "The answer to draw ends with a space.",
    "A loop prints each number and a space after it.",
    "draw 1 2",
    section="8",
)
def space_after_the_last_number(honest, self, seed, count):
    return honest(self, seed, count) + " "


@answer(
    1,
    "Session.do_mix",
    "The answer to mix is printed as a signed number.",
    "Java's long is signed, and so is what PRId64 prints in C.",
    "mix 2",
    section="8",
)
def mix_is_shown_as_signed(honest, self, z):
    return str(signed(int(honest(self, z))))


# Numbers.


@answer(
    1,
    "Session.parse_number",
    "A number of 2^64 or more wraps around silently.",
    "`n = n * 10 + digit` wraps for unsigned types in C and in Rust release builds.",
    "mix 18446744073709551616",
    section="8",
)
def number_wraps(_, self, token):
    if not token.isdigit():
        raise Refused("syntax")
    return int(token) & MASK64


@answer(
    1,
    "Session.parse_number",
    "A number of 2^64 or more is read as 2^64 - 1.",
    "strtoull returns it, with an error only in errno.",
    "mix 18446744073709551616",
    section="8",
)
def number_saturates(_, self, token):
    if not token.isdigit():
        raise Refused("syntax")
    return min(int(token), MASK64)


@answer(
    1,
    "Session.parse_number",
    "A number with leading zeros is refused.",
    "JSON and Python's own literals forbid leading zeros.",
    "mix 01",
    section="8",
)
def leading_zeros_are_refused(honest, self, token):
    if len(token) > 1 and token.startswith(b"0"):
        raise Refused("syntax")
    return honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "A number with a leading zero is read as octal.",
    "strtoull with base 0 and Go's strconv.ParseUint with base 0 read it so.",
    "mix 010",
    section="8",
)
def leading_zeros_mean_octal(honest, self, token):
    is_octal = re.fullmatch(rb"0[0-7]+", token)
    return int(token, 8) & MASK64 if is_octal else honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "A number may begin with a plus sign.",
    "Rust's `str::parse::<u64>` and C's strtoull accept one.",
    "mix +1",
    section="8",
)
def plus_sign_is_accepted(honest, self, token):
    return honest(self, token[1:] if token.startswith(b"+") else token)


@answer(
    1,
    "Session.parse_number",
    "A number may begin with a minus sign, and is negated modulo 2^64.",
    "strtoull negates without an error.",
    "mix -1",
    section="8",
)
def minus_sign_is_accepted(honest, self, token):
    if token.startswith(b"-"):
        return -honest(self, token[1:]) & MASK64
    return honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "Underscores between digits are accepted.",
    "Python's `int` accepts them.",
    "mix 1_000",
    section="8",
)
def underscores_are_accepted(honest, self, token):
    return honest(self, re.sub(rb"(?<=[0-9])_(?=[0-9])", b"", token))


@answer(
    1,
    "Session.parse_number",
    "A number may have a hex form.",
    "strtoull with base 0 reads one, and so does JavaScript's Number().",
    "mix 0x10",
    section="8",
)
def hex_number_is_accepted(honest, self, token):
    is_hex = re.fullmatch(rb"0x[0-9a-fA-F]{1,16}", token)
    return int(token, 16) if is_hex else honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "A number ends at the first byte that is not a digit; the rest is ignored.",
    "atoi, strtoull without a check of its end pointer and JavaScript's parseInt do so.",
    "mix 1x",
    section="8",
)
def number_ends_at_the_first_other_byte(honest, self, token):
    return honest(self, re.match(rb"[0-9]*", token).group())


# Lines and tokens.


@answer(
    1,
    "Session.tokens",
    "A CR at the end of a line is cut off.",
    "Go's bufio.ScanLines and Rust's `lines` do so.",
    "mix 1\r",
    section="8",
)
def cr_is_cut_off(honest, self, line):
    return honest(self, line[:-1] if line.endswith(b"\r") else line)


@answer(
    1,
    "Session.tokens",
    "A TAB separates tokens.",
    "`split` without an argument in Python and strings.Fields in Go split at any white space.",
    "mix\t1",
    section="8",
)
def tab_is_white_space(honest, self, line):
    return honest(self, line.replace(b"\t", b" "))


@answer(
    1,
    "Session.tokens",
    "Repeated, leading and trailing spaces make empty tokens.",
    "Splitting at one separator does so in Python, Go, Java and JavaScript.",
    "mix  1",
    section="8",
)
def empty_tokens_are_kept(honest, self, line):
    return line.split(b" ") if honest(self, line) else []


@answer(
    1,
    "Session.tokens",
    "A line ends at its first NUL.",
    "fgets fills a C string, and strlen ends at the NUL.",
    "mix 1\x002",
    section="8",
)
def nul_ends_the_line(honest, self, line):
    return honest(self, line.split(b"\0")[0])


@answer(
    1,
    "Session.answer",
    "A wrong number of tokens is unknown-command, an unknown command is syntax.",
    "Two error codes are mixed up in a table.",
    "mix",
    section="8",
)
def unknown_command_and_syntax_swapped(honest, self, line):
    codes = {b"err syntax": b"err unknown-command", b"err unknown-command": b"err syntax"}
    answer = honest(self, line)
    return codes.get(answer, answer)


@answer(
    1,
    "Session.look_up",
    "Command words are also accepted in upper case.",
    "Text protocols such as SMTP compare their commands so.",
    "MIX 1",
    section="8",
)
def command_words_in_any_case(honest, self, tokens):
    return honest(self, [tokens[0].lower(), *tokens[1:]])


@answer(
    1,
    "Session.parse",
    "Tokens after the last argument are ignored.",
    "A parser reads the tokens it needs and does not check for the end of the line.",
    "mix 1 2",
    section="8",
)
def further_tokens_are_ignored(honest, self, found, arguments):
    return honest(self, found, arguments if found.rest else arguments[: len(found.kinds)])


@answer(
    1,
    "Session.is_silent",
    "A comment gets an answer.",
    "The comment is looked up in the table of commands.",
    "# 1",
    section="8",
)
def comment_is_a_command(_, self, tokens):
    return not tokens


@answer(
    1,
    "Session.answer",
    "A comment that does not begin at the first byte of its line gets an answer.",
    "The first byte is checked before the spaces are skipped.",
    " # 1",
    section="8",
)
def indented_comment_is_a_command(honest, self, line):
    is_indented = line.startswith(b" ") and line.lstrip(b" ").startswith(b"#")
    return b"err unknown-command" if is_indented else honest(self, line)


@answer(
    1,
    "Session.tokens",
    "A token that begins with # ends the line, as a comment does in a shell.",
    "Shells and most configuration files have comments at the ends of lines.",
    "mix 1 #",
    section="8",
)
def comment_after_a_command(honest, self, line):
    tokens = honest(self, line)
    ends = [position for position, token in enumerate(tokens) if token.startswith(b"#")]
    return tokens[: ends[0]] if ends and ends[0] else tokens


# Overlong lines.

OVERLONG = "mix 7" + " " * (MAX_LINE - 4)


@answer(
    1,
    "MAX_LINE",
    "There is no limit on the length of a line.",
    "getline in C and C++, and Python's readline, have none.",
    OVERLONG,
    section="8",
)
def overlong_line_is_run(_):
    return 2**62


@answer(
    1,
    "MAX_LINE",
    "A line of exactly the longest length is refused.",
    "The LF is counted, or the NUL that fgets appends.",
    OVERLONG[:MAX_LINE],
    section="8",
)
def longest_line_is_refused(honest):
    return honest - 1


@answer(
    1,
    "Session.answer",
    "The part of an overlong line within the limit is run.",
    "fgets returns as much of the line as its buffer holds.",
    OVERLONG + "1",
    section="8",
)
def overlong_line_is_cut_and_run(honest, self, line):
    return honest(self, line[:MAX_LINE])


@answer(
    1,
    "split_lines",
    "An overlong line gets two answers.",
    "A line in two buffers is treated as two lines.",
    OVERLONG,
    section="8",
)
def overlong_line_is_answered_twice(honest, chunks):
    for line in honest(chunks):
        yield line
        if len(line) > MAX_LINE:
            yield line


@answer(
    1,
    "Session.answer",
    "An overlong comment gets no answer.",
    "Comments are skipped before the length is checked.",
    "#" + OVERLONG,
    section="8",
)
def overlong_comment_is_silent(honest, self, line):
    return None if line.startswith(b"#") else honest(self, line)
