//! The port protocol: a line to a [`Command`], and the parts of an answer (definition, section
//! 8).

use std::borrow::Cow;
use std::fmt;

use crate::byte_string::ByteString;
use crate::error::ErrorCode;
use crate::op::Op;

/// The version of the definition that `hello` names.
pub const PROTOCOL_VERSION: u32 = 1;
/// The length of the longest line, in bytes, its LF not counted.
pub const LINE_LENGTH_MAX: usize = 4_194_304;

/// A command as it stands in a line. Ids and counts may still be out of range: that is the
/// session's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the command of its name in section 8")]
pub enum Command {
    Hello,
    New { replica_count: usize },
    Propose { op: Op },
    ProposeAt { id: usize, op: Op },
    Partition { ids: Vec<usize> },
    Heal,
    HealIds { ids: Vec<usize> },
    Compact,
    CompactIds { ids: Vec<usize> },
    Status,
    Replica { id: usize },
    Get { id: usize, key: ByteString },
    Hash { id: usize },
    Dump { id: usize },
    Log { id: usize },
    Load { bytes: Vec<u8> },
    Mix { z: u64 },
    Draw { seed: u64, count: u64 },
    Workload { seed: u64, keys: u64, count: u64 },
    Chaos { seed: u64, steps: u64 },
    Scenario { name: Vec<u8> },
    Quit,
}

/// Reads a line, its LF taken off. `None` where it gets no answer: it has no tokens, or the first
/// begins with `#`.
///
/// Errors, in this order: `line-length`, `unknown-command`, `syntax`.
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
        b"new" => Command::New { replica_count: tokens.id()? },
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
        b"replica" => Command::Replica { id: tokens.id()? },
        b"get" => Command::Get { id: tokens.id()?, key: tokens.byte_string()? },
        b"hash" => Command::Hash { id: tokens.id()? },
        b"dump" => Command::Dump { id: tokens.id()? },
        b"log" => Command::Log { id: tokens.id()? },
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

/// The third token is judged first: whether `at` names an op decides what the line is.
fn parse_at(tokens: &mut Tokens<'_>) -> Result<Command, ErrorCode> {
    let id = tokens.token()?;
    let word = tokens.token()?;
    if !matches!(word, b"noop" | b"put" | b"del") {
        return Err(ErrorCode::UnknownCommand);
    }
    Ok(Command::ProposeAt { id: parse_id(id)?, op: parse_op(word, tokens)? })
}

fn parse_op(word: &[u8], tokens: &mut Tokens<'_>) -> Result<Op, ErrorCode> {
    Ok(match word {
        b"put" => Op::Put { key: tokens.byte_string()?, value: tokens.byte_string()? },
        b"del" => Op::Del { key: tokens.byte_string()? },
        _ => Op::NoOp,
    })
}

/// The tokens of a line that are left: what stands between spaces (0x20 alone).
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

    fn id(&mut self) -> Result<usize, ErrorCode> {
        parse_id(self.token()?)
    }

    fn ids(&mut self) -> Result<Vec<usize>, ErrorCode> {
        self.map(parse_id).collect()
    }

    fn byte_string(&mut self) -> Result<ByteString, ErrorCode> {
        self.bytes().map(|bytes| ByteString::from(&*bytes))
    }

    fn bytes(&mut self) -> Result<Cow<'a, [u8]>, ErrorCode> {
        let token = self.token()?;
        match token.strip_prefix(b"0x") {
            Some(digits) => hex::decode(digits).map(Cow::Owned).map_err(|_| ErrorCode::Syntax),
            None => Ok(Cow::Borrowed(token)),
        }
    }

    fn end(&mut self) -> Result<(), ErrorCode> {
        self.next().map_or(Ok(()), |_| Err(ErrorCode::Syntax))
    }
}

/// One or more ASCII digits, leading zeros allowed, worth less than 2^64.
fn parse_number(token: &[u8]) -> Result<u64, ErrorCode> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    token
        .iter()
        .try_fold(0_u64, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
        .filter(|_| !token.is_empty())
        .ok_or(ErrorCode::Syntax)
}

/// A number that counts replicas. One beyond usize is as far out of range as the greatest usize.
fn parse_id(token: &[u8]) -> Result<usize, ErrorCode> {
    parse_number(token).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// Shows a byte string as it stands in answers: `0x` and lower-case hex.
pub(crate) struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}
