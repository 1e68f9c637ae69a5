"""Bytes that a language takes for a number, a truth value, a path or other text."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
import urllib.parse

import dkv20
from wrong.registry import answer, behaviour

# Zero is false.


@answer(
    3,
    "Session.do_get",
    "get shows the value `0` as none.",
    "The text 0 is false in PHP, as in formr/formr#8 and vlucas/phpdotenv#73.",
    "new 1; put a 0; get 0 a",
    "8",
)
def value_0_is_absent(honest, self, id, key):
    shown = honest(self, id, key)
    return "none" if shown == "0x30" else shown


@answer(
    3,
    "check_key",
    "The key `0` is refused as an empty one.",
    'empty("0") is true in PHP, as in php/php-src#17562 and f3-factory/fatfree-core#418.',
    "new 1; put 0 1",
    "1",
)
def key_0_is_empty(honest, key):
    honest(b"" if key == b"0" else key)


@answer(
    1,
    "split_lines",
    "A line `0` ends the input.",
    "The loop ends at a false line, as in ingydotnet/io-all-pm#44 and Perl/perl5#343.",
    "0; mix 1",
    "8",
)
def line_0_ends_the_input(honest, chunks):
    return itertools.takewhile(lambda line: line != b"0", honest(chunks))


@answer(
    1,
    "split_lines",
    "A last line `0` without LF is taken for the end of the input.",
    "getline returns a text without LF, which is false: Perl/perl5#14164.",
    "mix 1; 0",
    "8",
)
def last_line_0_is_the_end(honest, chunks):
    chunks = Watched(chunks)
    for line in honest(chunks):
        if not (chunks.ended and line == b"0"):
            yield line


class Watched:
    """Chunks that are known to have ended: a line that follows has no LF."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.ended = False

    def __iter__(self):
        yield from self.chunks
        self.ended = True


@answer(
    4,
    "Session.do_heal",
    "`heal 0` heals all.",
    "The number 0 is false, and stands for no id: jamesplease/redux-resource#298.",
    "new 5; partition 0 1; heal 0; status",
    "4.3",
)
def heal_0_heals_all(honest, self, *ids):
    return honest(self, *(ids if any(ids) else ()))


# Numbers.


@answer(
    1,
    "Session.parse_number",
    "NULs after a number are ignored.",
    "int.Parse in .NET ignores them in every style: dotnet/corefx#29405, sebastienros/jint#3541.",
    "mix 1\x00",
    "8",
)
def nuls_after_a_number_are_ignored(honest, self, token):
    return honest(self, token.rstrip(b"\0"))


@answer(
    1,
    "Session.parse_number",
    "White space before a number is skipped.",
    "strtoull skips it: ewxrjk/rsbackup#99, systemd/systemd#16033.",
    "mix \x0b1",
    "8",
)
def white_space_before_a_number_is_skipped(honest, self, token):
    return honest(self, token.lstrip(b"\t\r\v\f"))


@answer(
    1,
    "Session.parse_number",
    "A number may have an exponent.",
    "is_numeric in PHP and Number in JavaScript accept it: Intervention/validation#101.",
    "mix 1e3",
    "8",
)
def exponents_are_accepted(honest, self, token):
    digits, e, exponent = token.lower().partition(b"e")
    if e and digits.isdigit() and exponent.isdigit() and len(exponent) < 3:
        token = digits + b"0" * int(exponent)
    return honest(self, token)


@answer(
    1,
    "Session.parse_number",
    "A number may have a decimal point and zeros after it.",
    "uint.TryParse with AllowDecimalPoint accepts 10.0000: dotnet/corefxlab#1033.",
    "mix 1.0",
    "8",
)
def a_fraction_of_zeros_is_accepted(honest, self, token):
    number, _, zeros = token.partition(b".")
    return honest(self, token if zeros.strip(b"0") or not number.isdigit() else number)


@answer(
    1,
    "Session.parse_number",
    "Commas after the first digit of a number are skipped.",
    "AllowThousands accepts them anywhere: dotnet/coreclr#2285, dotnet/corefx#26635.",
    "mix 1,000",
    "8",
)
def commas_in_numbers_are_skipped(honest, self, token):
    return honest(self, token[:1] + token[1:].replace(b",", b""))


# Texts.


def number_of(key):
    """Return the value of a key that is a decimal number, or None."""
    if re.fullmatch(rb"[0-9]+(\.[0-9]+)?([eE][0-9]{1,3})?", key):
        return float(key)
    return None


@answer(
    3,
    "Replica.apply",
    "A key that is a number goes to a present key of the same value, as 1e1 to 10.",
    "Texts that are numbers are compared as numbers in PHP: enjoping/DXFighter#15.",
    "new 1; put 10 a; put 1e1 b; get 0 10",
    "1",
)
def keys_of_equal_value_are_equal(honest, self, op):
    number = number_of(op.key)
    if number is not None:
        same = (key for key in self.map if number_of(key) == number)
        op = op._replace(key=next(same, op.key))
    honest(self, op)


#: NUL, a control byte, the soft hyphen, and characters without width.
IGNORABLE = re.compile(rb"[\x00-\x08\x7f]|\xc2\xad|\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0")


@answer(
    1,
    "Session.look_up",
    "Characters without weight, such as NUL and the soft hyphen, are ignored in a command word.",
    "StartsWith compares by culture in .NET: dotnet/runtime#50521, dotnet/runtime#43736.",
    "mi\x00x 1",
    "8",
)
def characters_without_weight_are_ignored(honest, self, tokens):
    word, *arguments = tokens
    return honest(self, [IGNORABLE.sub(b"", word), *arguments])


@answer(
    3,
    "Replica.apply",
    "The values `yes` and `no` are stored as `true` and `false`.",
    "YAML reads them as truth values: jrl-umi3218/mc_rtc#212, chimpler/pyhocon#197.",
    "new 1; put a yes; get 0 a",
    "1|2",
)
def yes_and_no_are_truth_values(honest, self, op):
    truth = {b"yes": b"true", b"no": b"false", b"on": b"true", b"off": b"false"}
    honest(self, op._replace(value=truth.get(op.value, op.value)))


@answer(
    3,
    "Session.parse_bytes",
    "A text that is a decimal fraction loses the zeros at its end.",
    "A text that looks like a number is converted: Phil-Factor/PSYaml#20.",
    "new 1; put a 1.50; get 0 a",
    "1|8",
)
def fractions_lose_zeros_at_their_end(honest, self, token):
    if re.fullmatch(rb"[0-9]+\.[0-9]+", token):
        token = token.rstrip(b"0").rstrip(b".")
    return honest(self, token)


@answer(
    2,
    "Session.parse_bytes",
    "Percent escapes in text are decoded.",
    "Keys travel in URLs: hashicorp/consul#1409, hashicorp/consul#2759.",
    "new 1; put a%2fb 1; get 0 a/b",
    "1|8",
)
def percent_escapes_are_decoded(honest, self, token):
    return urllib.parse.unquote_to_bytes(honest(self, token))


@answer(
    2,
    "Session.parse_bytes",
    "A plus sign in text is a space.",
    "Values travel in forms: etcd-io/etcd#3845.",
    "new 1; put a 1+1; get 0 a",
    "8",
)
def plus_signs_are_spaces(honest, self, token):
    return honest(self, token.replace(b"+", b" "))


@answer(
    3,
    "Replica.apply",
    "Several slashes in a key are one.",
    "Keys are cleaned as paths: hashicorp/consul#3476, hashicorp/consul#15933.",
    "new 1; put a//b 1; get 0 a//b",
    "1|2",
)
def slashes_in_keys_are_merged(honest, self, op):
    honest(self, op._replace(key=re.sub(rb"//+", b"/", op.key)))


@answer(
    3,
    "Replica.apply",
    "A put of `a/b` has no effect if there is a key `a`.",
    "Keys are files in directories: etcd-io/etcd#669, etcd-io/etcd#4245.",
    "new 1; put a 1; put a/b 2; get 0 a/b",
    "2|3",
)
def no_key_is_below_another(honest, self, op):
    parent, slash, _ = op.key.rpartition(b"/")
    if not (op.tag == dkv20.PUT and slash and parent in self.map):
        honest(self, op)


@answer(
    3,
    "Replica.apply",
    "Spaces at the end of a key do not count if a key without them, or with others, is present.",
    "Collations with PAD SPACE: pingcap/tidb#44203, nhl/link-move#67.",
    "new 1; put a 1; put 0x6120 2; get 0 a",
    "1",
)
def spaces_at_the_end_of_keys_do_not_count(honest, self, op):
    stripped = op.key.rstrip(b" ")
    padded = (stripped + b" " * spaces for spaces in range(4))
    honest(self, op._replace(key=next(filter(self.map.__contains__, padded), op.key)))


@answer(
    3,
    "Replica.apply",
    "The key `__proto__` cannot be put.",
    "An object of JavaScript is used as a map: immutable-js/immutable-js#173, estools/esmangle#59.",
    "new 1; put __proto__ 1; get 0 __proto__",
    "2",
)
def proto_is_no_key(honest, self, op):
    if op.key != b"__proto__":
        honest(self, op)


@answer(
    3,
    "Session.do_get",
    "get finds the names that every object inherits.",
    "An object of JavaScript is used as a map: FergusJPWalsh/riddle-arnold#2.",
    "new 1; get 0 constructor",
    "8",
)
def inherited_names_are_present(honest, self, id, key):
    shown = honest(self, id, key)
    inherited = {b"constructor", b"toString", b"valueOf", b"hasOwnProperty", b"__proto__"}
    return "0x5b6f626a6563745d" if shown == "none" and key in inherited else shown


@behaviour(
    1,
    "split_lines",
    "A LF after a CR does not end a line.",
    "CR LF is one character in Swift: theclifmeister/toe#18, brentsimmons/Ballard#2.",
)
def cr_lf_is_one_character(honest, chunks):
    held = b""
    for line in honest(chunks):
        held += line
        if line.endswith(b"\r"):
            held += b"\n"
        else:
            yield held
            held = b""
    if held:
        yield held


@answer(
    3,
    "Replica.apply",
    "A value that is JSON is stored without white space.",
    "Texts that contain JSON are decoded and encoded: 1602/jugglingdb#183.",
    "new 1; put a 0x5b312c20325d; get 0 a",
    "1|2",
)
def json_loses_its_white_space(honest, self, op):
    if op.value[:1] in (b"[", b"{"):
        try:
            value = json.dumps(json.loads(op.value), separators=(",", ":")).encode()
        except ValueError:
            value = op.value
        op = op._replace(value=value)
    honest(self, op)


@answer(
    3,
    "Replica.apply",
    "A value that is padded base64 is decoded.",
    "A client decodes what looks like base64: upstash/redis-js#1246.",
    "new 1; put a eHl6MQ==; get 0 a",
    "1|2",
)
def padded_base64_is_decoded(honest, self, op):
    if op.value.endswith(b"="):
        try:
            op = op._replace(value=base64.b64decode(op.value, validate=True))
        except binascii.Error:
            pass
    honest(self, op)


@answer(
    2,
    "sorted_keys",
    "Keys that are numbers are sorted by value.",
    "Two texts that are numbers are compared as numbers: php/doc-en#4407, php/php-src#6749.",
    "new 1; put 9 a; put 10 b; dump 0",
    "1|5",
)
def keys_that_are_numbers_are_sorted_by_value(honest, state):
    keys = honest(state)
    numbers = iter(sorted((key for key in keys if number_of(key) is not None), key=number_of))
    return [key if number_of(key) is None else next(numbers) for key in keys]


@answer(
    3,
    "check_value",
    "The limit of a value counts characters.",
    "A length is not a number of bytes: stargate/data-api#710, hauke96/simple-task-manager#234.",
    "new 1; put a 0x" + "c3a9" * 524_289,
    "1",
)
def limit_of_a_value_counts_characters(honest, value):
    if len(value) > dkv20.MAX_VALUE:
        honest(b"v" * len(value.decode(errors="replace")))


@answer(
    1,
    "Session.check_length",
    "The limit of a line counts characters.",
    "A length is not a number of bytes: stargate/data-api#710, memberapp/memberapp.github.io#31.",
    "hello " + "\xc3\xa9" * 2_097_152,
    "8",
)
def limit_of_a_line_counts_characters(honest, self, line):
    if len(line) > dkv20.MAX_LINE:
        honest(self, b"l" * len(line.decode(errors="replace")))


@answer(
    2,
    "Session.do_load",
    "Numbers from a million on are shown with six digits and an exponent.",
    "%g is the default of a stream: freeorion/freeorion#3662, brimdata/zui#3020.",
    "load 0x444b56530100000040420f000000000001000000000000000000000000000000",
    "8",
)
def millions_have_an_exponent(honest, self, data):
    def shorten(match):
        return f"{int(match[0]):g}"

    return re.sub(r"(?<==)[0-9]{7,15}(?= )", shorten, honest(self, data))


@answer(
    1,
    "Session.look_up",
    "After a line that begins with a semicolon all commands are unknown.",
    "The buffer is not emptied: j123b567/scpi-parser#103.",
    ";mix 1; mix 1",
    "8",
)
def a_semicolon_blocks_the_parser(honest, self, tokens):
    self.blocked = vars(self).get("blocked") or tokens[0].startswith(b";")
    return honest(self, [b";"] if self.blocked else tokens)


@answer(
    1,
    "Session.parse_number",
    "After a malformed number all numbers are malformed.",
    "A stream stays in its error state: tagniam/Turn#12, Echtzeitsysteme/tud-cppp#99.",
    "mix x; mix 1",
    "8",
)
def a_malformed_number_blocks_the_stream(honest, self, token):
    if vars(self).get("failed"):
        raise dkv20.Refused("syntax")
    try:
        return honest(self, token)
    except dkv20.Refused:
        self.failed = True
        raise
