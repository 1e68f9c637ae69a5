"""Text: digits, spaces, lines and characters of other conventions. The reports named are public."""

from __future__ import annotations

import shlex
import unicodedata

import dkv20
from dkv20 import Refused
from wrong.registry import answer


def decoded(token):
    """Return the text of a token, or None if it is not valid UTF-8."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None


# Numbers and words.


@answer(
    1,
    "Session.parse_number",
    "Digits of other scripts are accepted.",
    "Char.IsDigit and str.isdigit know them, as in datalust/superpower#70.",
    "mix \xd9\xa3",  # the Arabic digit three
    "8",
)
def digits_of_other_scripts_are_accepted(honest, self, token):
    text = decoded(token)
    if text and not text.isascii() and text.isdecimal():
        token = b"%d" % int(text)
    return honest(self, token)


@answer(
    1,
    "Session.tokens",
    "Quotes group tokens, and are removed.",
    "A command line is split as a shell does it, by shlex or wordexp.",
    'mix "1"',
    "8",
)
def quotes_are_removed(honest, self, line):
    try:
        return [token.encode("latin-1") for token in shlex.split(line.decode("latin-1"))]
    except ValueError:  # such as a quote without its end
        return honest(self, line)


@answer(
    1,
    "Session.is_silent",
    "A comment needs a space after its #.",
    "The first token is compared with #.",
    "#comment",
    "8",
)
def comment_needs_a_space(_, self, tokens):
    return not tokens or tokens[0] == b"#"


# Lines.

#: White space beyond ASCII, and the space itself.
SPACES = " \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2009\u2028\u2029\u202f\u205f\u3000"


@answer(
    1,
    "Session.tokens",
    "Unicode spaces at both ends of a line are cut off.",
    "JavaScript's trim and Go's strings.TrimSpace cut off U+00A0, U+3000 and more.",
    "mix 1\xc2\xa0",
    "8",
)
def unicode_spaces_are_trimmed(honest, self, line):
    text = decoded(line)
    if text is not None and not text.isascii():
        line = text.strip(SPACES).encode()
    return honest(self, line)


@answer(
    1,
    "Session.tokens",
    "U+FEFF at the beginning of a line is skipped.",
    "A byte order mark, which readers of text drop; JavaScript's trim does so on every line.",
    "\xef\xbb\xbfmix 1",
    "8",
)
def byte_order_mark_is_skipped(honest, self, line):
    return honest(self, line[3:] if line.startswith(b"\xef\xbb\xbf") else line)


@answer(
    1,
    "split_lines",
    "A CR ends a line, alone or before LF.",
    "Universal newlines, as in Python's text mode and Java's readLine.",
    "mix 1\rmix 2",
    "8",
)
def carriage_return_ends_a_line(honest, chunks):
    for line in honest(chunks):
        yield from line.split(b"\r")


@answer(
    1,
    "split_lines",
    "U+2028 and U+2029 end a line.",
    "Node's readline, as in nodejs/node#22448 and openai/codex#33617; Python's str.splitlines.",
    "mix 1\xe2\x80\xa8mix 2",
    "8",
)
def line_separator_ends_a_line(honest, chunks):
    for line in honest(chunks):
        yield from line.replace(b"\xe2\x80\xa9", b"\xe2\x80\xa8").split(b"\xe2\x80\xa8")


@answer(
    1,
    "read_chunks",
    "The byte 0x1a ends the input.",
    "The text mode of Windows, as in mikesart/gpuvis#16.",
    "mix 1\x1a; mix 2",
    "8",
)
def control_z_ends_the_input(honest, source, sink):
    for chunk in honest(source, sink):
        before, end, _ = chunk.partition(b"\x1a")
        yield before
        if end:
            sink.flush()
            return


# Keys and values.


@answer(
    3,
    "Session.parse_bytes",
    "Text is normalised to composed characters.",
    "macOS and its file systems, as in rfjakob/gocryptfs#992.",
    "new 1; put a e\xcc\x81; get 0 a",
    "8",
)
def text_is_normalised(honest, self, token):
    text = decoded(token)
    if text is not None and not text.isascii():
        token = unicodedata.normalize("NFC", text).encode()
    return honest(self, token)


@answer(
    3,
    "Session.parse_bytes",
    "Characters above U+FFFF are stored as two surrogates of three bytes each.",
    "Java's modified UTF-8, which writeUTF and JNI use, as in arton/rjb#68 and netty/netty#4603.",
    "new 1; put a \xf0\x9f\x98\x80; get 0 a",
    "8",
)
def high_characters_are_two_surrogates(honest, self, token):
    text = decoded(token)
    if text is not None and not text.isascii():
        token = b"".join(map(modified, text))
    return honest(self, token)


def modified(character):
    """Return a character as Java's modified UTF-8 has it."""
    if character <= "\uffff":
        return character.encode()
    units = character.encode("utf-16-be")
    pair = (int.from_bytes(units[i : i + 2], "big") for i in (0, 2))
    return b"".join(chr(unit).encode("utf-8", "surrogatepass") for unit in pair)


@answer(
    3,
    "Session.parse_bytes",
    "Backslash escapes in text are replaced.",
    "printf's %b, Python's unicode_escape, a JSON string without its quotes.",
    "new 1; put a x\\ty; get 0 a",
    "8",
)
def escapes_are_replaced(honest, self, token):
    for escape, byte in ((b"\\t", b"\t"), (b"\\n", b"\n"), (b"\\0", b"\0"), (b"\\\\", b"\\")):
        token = token.replace(escape, byte)
    return honest(self, token)


@answer(
    3,
    "Session.parse_bytes",
    "A text token that is a number is stored without leading zeros.",
    "A value that looks like a number is converted, as YAML readers and spreadsheets do.",
    "new 1; put a 007; get 0 a",
    "8",
)
def numbers_lose_leading_zeros(honest, self, token):
    return honest(self, token.lstrip(b"0") or b"0" if token.isdigit() else token)


@answer(
    3,
    "Session.parse_bytes",
    "The text `null` or `nil` is the empty byte string.",
    "A placeholder of a client's own language.",
    "new 1; put a null; get 0 a",
    "8",
)
def null_is_empty(honest, self, token):
    return b"" if token in (b"null", b"nil") else honest(self, token)


@answer(
    2,
    "Session.parse_bytes",
    "Hex is decoded in blocks of 65,536 digits, and a last block of one digit is dropped.",
    "Decoders of base64 and hex that work by blocks and ignore an incomplete rest.",
    "load 0x" + "0" * 65_537,
    "8",
)
def odd_digit_after_a_block_is_dropped(honest, self, token):
    digits = len(token) - 2
    if token.startswith(b"0x") and digits > 65_536 and digits % 65_536 == 1:
        token = token[:-1]
    return honest(self, token)


@answer(
    1,
    "Session.look_up",
    "A command word may be shortened, if it is clear.",
    "Command lines of routers, gdb and argparse accept unique beginnings.",
    "hel",
    "8",
)
def words_may_be_shortened(honest, self, tokens):
    word = tokens[0]
    meant = [known for known in dkv20.COMMANDS if known.startswith(word) and b" " not in known]
    if word not in dkv20.COMMANDS and len(meant) == 1:
        tokens = [meant[0], *tokens[1:]]
    return honest(self, tokens)


@answer(
    2,
    "Session.parse_bytes",
    "Hex digits may be of full width.",
    "Integer.parseInt and Character.digit of Java accept U+FF10 to U+FF19 and U+FF21 to U+FF26.",
    "load 0x\xef\xbc\x91\xef\xbc\x91",
    "8",
)
def full_width_hex_is_accepted(honest, self, token):
    text = decoded(token)
    if text and text.startswith("0x") and not text.isascii():
        token = unicodedata.normalize("NFKC", text).encode()
        if not token.isascii():
            raise Refused("syntax")
    return honest(self, token)
