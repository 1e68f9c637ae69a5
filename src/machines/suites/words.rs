//! Byte strings that a language takes for something else, or for each other.

use super::draws::Draws;
use crate::protocol::Hex;

/// Groups of byte strings, each of which some language takes for another one of its group: as
/// numbers, as truth values, as text in another normal form or case, once bytes that are not UTF-8 are
/// replaced, once white space, escapes or quotes are removed, or once it is decoded or cleaned as a
/// path. Others are in an order of their own there.
const GROUPS: [&[&[u8]]; 28] = [
    &[b"0", b"-0", b"+0", b"00", b"0.0", b"0e0", b"0x0", b"0x", b"false", b""],
    &[b"1", b"01", b"1.0", b"1e0", b"+1", b"0x1", b"0b1", b"1_", b"true", b"True"],
    &[b"9007199254740992", b"9007199254740993", b"9007199254740994", b"9007199254740992.0"],
    &[b"18446744073709551615", b"18446744073709551616", b"-1", b"1.8446744073709552e19"],
    &[b"1e400", b"2e400", b"-1e400", b"inf", b"Infinity", b"-Infinity", b"NaN", b"nan"],
    &[b"1", b"2", b"9", b"10", b"11", b"100", b"4294967295", b"4294967296"],
    &[b"__proto__", b"constructor", b"prototype", b"toString", b"hasOwnProperty", b"length"],
    &[b"__class__", b"__init__", b"__len__", b"self", b"this", b"super", b"get", b"put", b"del"],
    &[b"null", b"NULL", b"nil", b"None", b"none", b"undefined", b"0x6e6f6e65", b"\0"],
    &["\u{e9}".as_bytes(), "e\u{301}".as_bytes(), "\u{c9}".as_bytes(), b"e", b"\xe9"],
    &["\u{131}".as_bytes(), "\u{130}".as_bytes(), b"i", b"I", "i\u{307}".as_bytes()],
    &["\u{df}".as_bytes(), b"ss", b"SS", "\u{17f}s".as_bytes(), "\u{1e9e}".as_bytes()],
    &["\u{212a}".as_bytes(), b"K", b"k", "\u{ff2b}".as_bytes(), "\u{212b}".as_bytes()],
    &["\u{661}".as_bytes(), b"1", "\u{ff11}".as_bytes(), "\u{b2}".as_bytes(), "\u{967}".as_bytes()],
    &["\u{ffff}".as_bytes(), "\u{10000}".as_bytes(), "\u{1f600}".as_bytes(), "\u{e000}".as_bytes()],
    &[b"\xff", b"\xfe", b"\xc3", b"\xe2\x82", "\u{fffd}".as_bytes(), b"\xf4\x90\x80\x80", b"\xc3("],
    &[b"\xc0\x80", b"\0", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xed\xa0\x80\xed\xb0\x80", b"?"],
    &[b"a", b"a\0", b"a\0b", b"a\0c", b"\0a", b"\0\0", b"ab"],
    &[b"a", b"a ", b" a", b"a\n", b"a\r", b"a\r\n", b"a\t", b"\x0ba", b"a\x0c", b"a\x1b"],
    &["a\u{a0}".as_bytes(), "a\u{3000}".as_bytes(), "\u{feff}a".as_bytes(), "a\u{85}".as_bytes()],
    &[
        "a\u{2028}".as_bytes(),
        "a\u{200b}".as_bytes(),
        "a\u{ad}".as_bytes(),
        b"a\x85",
        b"a\xa0",
        b"a",
    ],
    &[b"%", b"%%", b"%s", b"%n", b"%61", b"{}", b"{0}", b"$a", b"${a}", b"&amp;", b"&", b"a"],
    &[b"\\", b"\\\\", b"\\n", b"\\x61", b"\\u0061", b"\"", b"\"\"", b"'", b"\"a\"", b"'a'", b"a"],
    &[b"\x7f", b"\x80", b"\x81", b"\xff", b"\xff\xff", b"\x7f\xff", b"\x80\0", b"\x01"],
    &[b"yes", b"no", b"on", b"off", b"y", b"n", b"Yes", b"NO", b"true", b"false", b"TRUE", b"~"],
    &[b"1.5", b"1.50", b"1,5", b"1_5", b".5", b"1:30", b"90", b"2001-01-01", b"=1+1", b"2", b"1d"],
    &[
        b"YQ==",
        b"YWI=",
        b"ab",
        b"[1, 2]",
        b"[1,2]",
        b"{\"b\": 1}",
        b"{\"b\":1}",
        b"{}",
        b"[]",
        b"a",
    ],
    &[
        b"a/b", b"a//b", b"a/./b", b"a/", b"/a", b"a%2fb", b"a+b", b"a b", b"a%20b", b"a*", b"~",
        b"a",
    ],
];

/// Returns a group.
pub(super) fn group(draws: &mut Draws) -> &'static [&'static [u8]] {
    GROUPS[draws.below(GROUPS.len())]
}

/// Returns those that can be a line.
pub(super) fn lines() -> impl Iterator<Item = &'static [u8]> {
    GROUPS.into_iter().flatten().copied().filter(|word| !word.contains(&b'\n'))
}

/// Returns one of all.
pub(super) fn word(draws: &mut Draws) -> &'static [u8] {
    let group = group(draws);
    draws.pick(group)
}

/// Returns byte strings that begin with the same bytes, `length` of them, and differ from there on,
/// or in a byte before.
pub(super) fn alike(draws: &mut Draws, length: usize) -> Vec<Vec<u8>> {
    let filler = draws.byte();
    let is_uniform = draws.one_in(2);
    let shared = if is_uniform { vec![filler; length] } else { draws.bytes(length) };
    let mut all = vec![shared.clone(), shared[..length - 1].to_vec()];
    for byte in [0, b'a', 0x7f, 0x80, 0xff] {
        all.push([shared.as_slice(), &[byte]].concat());
    }
    for position in [0, length - 1, draws.below(length), draws.length(0, length - 1)] {
        let mut other = shared.clone();
        other[position] ^= 1 << draws.below(8);
        all.push(other);
    }
    all
}

/// Writes a byte string as a token: as its own bytes if they are a token that stands for itself, or
/// in hex.
pub(super) fn token(draws: &mut Draws, bytes: &[u8]) -> Vec<u8> {
    let is_bare = !bytes.is_empty()
        && !bytes.starts_with(b"0x")
        && !bytes.iter().any(|byte| matches!(byte, b' ' | b'\n'));
    match draws.below(8) {
        0..4 if is_bare => bytes.to_vec(),
        4 => [b"0x", hex::encode_upper(bytes).as_bytes()].concat(),
        5 => {
            let mut digits = hex::encode(bytes).into_bytes();
            digits.iter_mut().step_by(3).for_each(u8::make_ascii_uppercase);
            [b"0x", digits.as_slice()].concat()
        }
        _ => Hex(bytes).to_string().into_bytes(),
    }
}
