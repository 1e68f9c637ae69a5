//! The port protocol: from a line to a [`Command`], and the byte strings of lines and answers
//! (definition, section 8).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::byte_string::ByteString;
use crate::error::ErrorCode;
use crate::op::Op;
use crate::replica::ReplicaId;

/// The version of the definition, as the answer to `hello` states it.
pub const PROTOCOL_VERSION: u32 = 1;
/// The length of the longest line, in bytes, without its LF.
pub const LINE_LENGTH_MAX: usize = 4_194_304;

/// A command. Its ids and counts may be out of range: the session checks them.
///
/// ```
/// use dkv20::{Command, ErrorCode, Op, parse};
///
/// assert_eq!(parse(b"put a 0x76"), Ok(Some(Command::Propose { op: Op::put("a", "v") })));
/// assert_eq!(parse(b"# a comment"), Ok(None));
/// assert_eq!(parse(b"put a"), Err(ErrorCode::Syntax));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the command of its name in section 8")]
pub enum Command {
    Hello,
    New { size: u64 },
    Propose { op: Op },
    ProposeAt { id: ReplicaId, op: Op },
    Partition { ids: Vec<ReplicaId> },
    Heal,
    HealIds { ids: Vec<ReplicaId> },
    Compact,
    CompactIds { ids: Vec<ReplicaId> },
    Status,
    Replica { id: ReplicaId },
    Get { id: ReplicaId, key: ByteString },
    Hash { id: ReplicaId },
    Dump { id: ReplicaId },
    Log { id: ReplicaId },
    Load { bytes: Vec<u8> },
    Mix { z: u64 },
    Draw { seed: u64, count: u64 },
    Workload { seed: u64, keys: u64, count: u64 },
    Chaos { seed: u64, steps: u64 },
    Scenario { name: Vec<u8> },
    Quit,
}

/// Parses a line without its LF. Returns `None` if the line gets no answer: it has no tokens, or its
/// first token begins with `#`.
///
/// # Errors
///
/// [`LineLength`](ErrorCode::LineLength), [`UnknownCommand`](ErrorCode::UnknownCommand),
/// [`Syntax`](ErrorCode::Syntax), in this order.
pub fn parse(line: &[u8]) -> Result<Option<Command>, ErrorCode> {
    if line.len() > LINE_LENGTH_MAX {
        return Err(ErrorCode::LineLength);
    }
    let mut tokens = Tokens { rest: line };
    match tokens.next() {
        None | Some([b'#', ..]) => Ok(None),
        Some(word) => {
            let command = parse_command(word, &mut tokens)?;
            tokens.end()?;
            Ok(Some(command))
        }
    }
}

fn parse_command(word: &[u8], tokens: &mut Tokens<'_>) -> Result<Command, ErrorCode> {
    Ok(match word {
        b"hello" => Command::Hello,
        b"new" => Command::New { size: tokens.number()? },
        b"noop" | b"put" | b"del" => Command::Propose { op: parse_op(word, tokens)? },
        b"at" => parse_at(tokens)?,
        b"partition" => Command::Partition { ids: tokens.ids()? },
        b"heal" => match tokens.ids()? {
            ids if ids.is_empty() => Command::Heal,
            ids => Command::HealIds { ids },
        },
        b"compact" => match tokens.ids()? {
            ids if ids.is_empty() => Command::Compact,
            ids => Command::CompactIds { ids },
        },
        b"status" => Command::Status,
        b"replica" => Command::Replica { id: tokens.number()? },
        b"get" => Command::Get { id: tokens.number()?, key: tokens.byte_string()? },
        b"hash" => Command::Hash { id: tokens.number()? },
        b"dump" => Command::Dump { id: tokens.number()? },
        b"log" => Command::Log { id: tokens.number()? },
        b"load" => Command::Load { bytes: tokens.bytes()?.into_owned() },
        b"mix" => Command::Mix { z: tokens.number()? },
        b"draw" => Command::Draw { seed: tokens.number()?, count: tokens.number()? },
        b"workload" => Command::Workload {
            seed: tokens.number()?,
            keys: tokens.number()?,
            count: tokens.number()?,
        },
        b"chaos" => Command::Chaos { seed: tokens.number()?, steps: tokens.number()? },
        b"scenario" => Command::Scenario { name: tokens.token()?.to_vec() },
        b"quit" => Command::Quit,
        _ => return Err(ErrorCode::UnknownCommand),
    })
}

/// The third token is checked first: whether `at` names an op decides if the line is a command.
fn parse_at(tokens: &mut Tokens<'_>) -> Result<Command, ErrorCode> {
    let id = tokens.token()?;
    let word = tokens.token()?;
    if !matches!(word, b"noop" | b"put" | b"del") {
        return Err(ErrorCode::UnknownCommand);
    }
    Ok(Command::ProposeAt { id: parse_number(id)?, op: parse_op(word, tokens)? })
}

fn parse_op(word: &[u8], tokens: &mut Tokens<'_>) -> Result<Op, ErrorCode> {
    Ok(match word {
        b"put" => Op::Put { key: tokens.byte_string()?, value: tokens.byte_string()? },
        b"del" => Op::Del { key: tokens.byte_string()? },
        _ => Op::NoOp,
    })
}

/// The rest of a line. Tokens are separated by spaces (0x20 alone).
struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|byte| *byte != b' ')?;
        let rest = &self.rest[start..];
        let length = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (token, rest) = rest.split_at(length);
        self.rest = rest;
        Some(token)
    }
}

impl<'a> Tokens<'a> {
    fn token(&mut self) -> Result<&'a [u8], ErrorCode> {
        self.next().ok_or(ErrorCode::Syntax)
    }

    fn number(&mut self) -> Result<u64, ErrorCode> {
        parse_number(self.token()?)
    }

    fn ids(&mut self) -> Result<Vec<ReplicaId>, ErrorCode> {
        self.map(parse_number).collect()
    }

    fn byte_string(&mut self) -> Result<ByteString, ErrorCode> {
        self.bytes().map(|bytes| ByteString::from(&*bytes))
    }

    fn bytes(&mut self) -> Result<Cow<'a, [u8]>, ErrorCode> {
        let token = self.token()?;
        match token.strip_prefix(b"0x") {
            Some(digits) => decode_hex(digits).map(Cow::Owned).ok_or(ErrorCode::Syntax),
            None => Ok(Cow::Borrowed(token)),
        }
    }

    fn end(&mut self) -> Result<(), ErrorCode> {
        self.next().map_or(Ok(()), |_| Err(ErrorCode::Syntax))
    }
}

/// Parses one or more ASCII digits, leading zeros allowed, of a value below 2^64.
fn parse_number(token: &[u8]) -> Result<u64, ErrorCode> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    token
        .iter()
        .try_fold(0_u64, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
        .filter(|_| !token.is_empty())
        .ok_or(ErrorCode::Syntax)
}

/// Appends the command that proposes `op`, with byte strings in hex.
pub(crate) fn append_op(line: &mut String, op: &Op) {
    let written = match op {
        Op::NoOp => write!(line, "noop"),
        Op::Put { key, value } => write!(line, "put {} {}", Hex(key), Hex(value)),
        Op::Del { key } => write!(line, "del {}", Hex(key)),
    };
    written.expect("writing to a string does not fail");
}

/// Displays a byte string as answers have it: `0x` and lower-case hex.
pub(crate) struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        // Digits are written in pieces, without a string of all of them.
        let mut digits = [0; 128];
        for bytes in self.0.chunks(digits.len() / 2) {
            let digits = &mut digits[..2 * bytes.len()];
            for (two, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
                *two = [byte >> 4, byte & 15].map(|digit| HEX_DIGITS[usize::from(digit)]);
            }
            f.write_str(str::from_utf8(digits).expect("hex digits are ASCII"))?;
        }
        Ok(())
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Decodes hex digits of either case. Returns `None` if their number is odd or one is another byte.
fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let [high, low] = pair.map(|digit| HEX_VALUES[usize::from(digit)]);
        if high | low > 15 {
            return None;
        }
        bytes.push(high << 4 | low);
    }
    Some(bytes)
}

/// The value of each hex digit; 255 for other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        let digit = HEX_DIGITS[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        parse(line.as_bytes()).unwrap_or_else(|code| panic!("{line}: {code}")).expect("a command")
    }

    #[track_caller]
    fn assert_refused(lines: &[&str], code: ErrorCode) {
        for line in lines {
            assert_eq!(parse(line.as_bytes()), Err(code), "{line}");
        }
    }

    #[test]
    fn every_command_is_parsed() {
        let ids = || vec![2, 0, 2];
        for (line, expected) in [
            ("hello", Command::Hello),
            ("new 5", Command::New { size: 5 }),
            ("noop", Command::Propose { op: Op::NoOp }),
            ("put k v", Command::Propose { op: Op::put("k", "v") }),
            ("del k", Command::Propose { op: Op::del("k") }),
            ("at 1 noop", Command::ProposeAt { id: 1, op: Op::NoOp }),
            ("at 1 put k 0x", Command::ProposeAt { id: 1, op: Op::put("k", "") }),
            ("at 1 del k", Command::ProposeAt { id: 1, op: Op::del("k") }),
            ("partition", Command::Partition { ids: vec![] }),
            ("partition 2 0 2", Command::Partition { ids: ids() }),
            ("heal", Command::Heal),
            ("heal 2 0 2", Command::HealIds { ids: ids() }),
            ("compact", Command::Compact),
            ("compact 2 0 2", Command::CompactIds { ids: ids() }),
            ("status", Command::Status),
            ("replica 3", Command::Replica { id: 3 }),
            ("get 3 k", Command::Get { id: 3, key: "k".into() }),
            ("hash 3", Command::Hash { id: 3 }),
            ("dump 3", Command::Dump { id: 3 }),
            ("log 3", Command::Log { id: 3 }),
            ("load 0x00fF", Command::Load { bytes: vec![0, 255] }),
            ("mix 7", Command::Mix { z: 7 }),
            ("draw 7 8", Command::Draw { seed: 7, count: 8 }),
            ("workload 7 8 9", Command::Workload { seed: 7, keys: 8, count: 9 }),
            ("chaos 7 8", Command::Chaos { seed: 7, steps: 8 }),
            ("scenario A", Command::Scenario { name: b"A".to_vec() }),
            ("quit", Command::Quit),
        ] {
            assert_eq!(command(line), expected);
            let tokens: Vec<_> = line.split(' ').collect();
            assert_eq!(command(&format!("  {}   ", tokens.join("   "))), expected);
        }
    }

    #[test]
    fn too_few_or_too_many_tokens_are_a_syntax_error() {
        let too_few = [
            "new",
            "put",
            "put k",
            "del",
            "at",
            "at 0",
            "at 0 put",
            "at 0 put k",
            "at 0 del",
            "replica",
            "get",
            "get 0",
            "hash",
            "dump",
            "log",
            "load",
            "mix",
            "draw",
            "draw 1",
            "workload",
            "workload 1",
            "workload 1 2",
            "chaos",
            "chaos 1",
            "scenario",
        ];
        let too_many = [
            "hello x",
            "new 1 x",
            "noop x",
            "put k v x",
            "del k x",
            "at 0 noop x",
            "at 0 put k v x",
            "at 0 del k x",
            "status x",
            "replica 0 x",
            "get 0 k x",
            "hash 0 x",
            "dump 0 x",
            "log 0 x",
            "load 0x x",
            "mix 1 x",
            "draw 1 1 x",
            "workload 1 1 1 x",
            "chaos 1 1 x",
            "scenario A x",
            "quit x",
        ];
        assert_refused(&too_few, ErrorCode::Syntax);
        assert_refused(&too_many, ErrorCode::Syntax);
    }

    #[test]
    fn what_is_no_command_is_unknown_whatever_follows() {
        let lines = ["x", "New 3", "NEW", "0x6e6577 3", "hello\r", "\u{feff}hello", "mix\t1", "-"];
        assert_refused(&lines, ErrorCode::UnknownCommand);
        let third_tokens = ["at 0 x", "at x y", "at 0 NOOP", "at 0 at 0 noop", "at 0x 0x6e6f6f70"];
        assert_refused(&third_tokens, ErrorCode::UnknownCommand);
        assert_refused(&["at x noop", "at x put 0x0", "at", "at x"], ErrorCode::Syntax);
    }

    #[test]
    fn the_length_is_judged_first() {
        let mut line = vec![b'#'; LINE_LENGTH_MAX];
        assert_eq!(parse(&line), Ok(None));
        line.push(b'#');
        assert_eq!(parse(&line), Err(ErrorCode::LineLength));
        assert_eq!(parse(&vec![b' '; LINE_LENGTH_MAX + 1]), Err(ErrorCode::LineLength));
    }

    #[test]
    fn comments_and_lines_without_tokens_are_nothing() {
        for line in ["", " ", "   ", "#", "#x", "  # new 3"] {
            assert_eq!(parse(line.as_bytes()), Ok(None), "{line:?}");
        }
        for line in ["\t", "\r", "\0", "\u{b}"] {
            assert_eq!(parse(line.as_bytes()), Err(ErrorCode::UnknownCommand), "{line:?}");
        }
    }

    #[test]
    fn a_number_is_digits_below_2_to_the_64() {
        for (token, number) in [
            ("0", 0),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
            ("00000000000000000000018446744073709551615", u64::MAX),
        ] {
            assert_eq!(command(&format!("mix {token}")), Command::Mix { z: number });
        }
        let malformed = [
            "mix 18446744073709551616",
            "mix 99999999999999999999",
            "mix -1",
            "mix +1",
            "mix 1.0",
            "mix 0x1",
            "mix 1_0",
            "mix 1\r",
            "mix \u{0661}",
            "mix x",
            "mix 1x",
            "new -1",
            "partition 1,2",
            "partition 0 x",
            "heal x",
            "compact x",
            "replica x",
            "get x k",
            "draw x 1",
            "draw 1 x",
            "workload 1 1 x",
            "workload 1 x 1",
            "chaos 1 x",
        ];
        assert_refused(&malformed, ErrorCode::Syntax);
    }

    #[test]
    fn ids_may_be_any_u64() {
        assert_eq!(command("hash 18446744073709551615"), Command::Hash { id: u64::MAX });
    }

    #[test]
    fn byte_string_is_raw_or_hex() {
        for (token, bytes) in [
            ("0x", b"".as_slice()),
            ("0x00", b"\0"),
            ("0xaBCd", b"\xab\xcd"),
            ("0x3078", b"0x"),
            ("0X61", b"0X61"),
            ("0", b"0"),
            ("x61", b"x61"),
            ("00x61", b"00x61"),
            ("#", b"#"),
            ("a\tb\r", b"a\tb\r"),
        ] {
            assert_eq!(command(&format!("load {token}")), Command::Load { bytes: bytes.to_vec() });
            assert_eq!(command(&format!("del {token}")), Command::Propose { op: Op::del(bytes) });
        }
        assert_eq!(parse(b"del \xff\0"), Ok(Some(Command::Propose { op: Op::del(b"\xff\0") })));
        let malformed = [
            "load 0x0",
            "load 0xg0",
            "load 0x0x",
            "del 0x123",
            "put 0x1 v",
            "put k 0x1",
            "get 0 0x1",
        ];
        assert_refused(&malformed, ErrorCode::Syntax);
    }

    #[test]
    fn scenario_name_has_no_hex_form() {
        assert_eq!(command("scenario 0x41"), Command::Scenario { name: b"0x41".to_vec() });
        assert_eq!(command("scenario 0x4"), Command::Scenario { name: b"0x4".to_vec() });
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(Hex(b"").to_string(), "0x");
        assert_eq!(Hex(b"\0\xAB").to_string(), "0x00ab");
    }

    #[test]
    fn appended_op_parses_back() {
        for op in [Op::NoOp, Op::put(b"\xff ", ""), Op::put("k", "v"), Op::del("0x")] {
            let mut line = String::new();
            append_op(&mut line, &op);
            assert_eq!(command(&line), Command::Propose { op });
        }
    }
}
