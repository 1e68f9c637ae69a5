//! Simpler lines, for shrinking: shorter ones, and of the same length those that sort first.

use std::collections::{BTreeMap, BTreeSet};

use dkv20_exam::Lines;

use super::oracle::command;
use crate::protocol::Command;
use crate::workload::KEYS_MAX;

/// The length from which on a token is shortened.
const LONG_TOKEN_LENGTH: usize = 32;
/// From this many proposals in a row on, a workload is tried in their place.
const PROPOSALS_MIN: usize = 3;
/// The numbers of keys of such a workload.
const KEY_SPACES: [u64; 2] = [1, KEYS_MAX];
/// From this number of steps on, a line is left as it is.
const HEAVY_COUNT: u64 = 100_000;
/// Of a line with more tokens, pieces are removed instead of single tokens.
const TOKENS_MAX: usize = 40;
/// The numbers of pieces of such a line, each of which is removed.
const PIECE_COUNTS: [usize; 3] = [2, 4, 8];
/// The keys that are tried in place of others.
const KEYS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
/// The numbers that are tried in place of others.
const SMALL_NUMBERS: u64 = 3;

/// Returns lines to try in place of these: all written plainly, with a workload for many proposals,
/// with other names for keys and ids throughout, with an argument simplified throughout, or with one
/// line simplified. Each is simpler: it has fewer lines, or of as many fewer bytes, or of as many
/// bytes those that sort first.
pub(super) fn simpler<'a>(lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
    let renamed = keys(lines).into_iter().flat_map(move |key| {
        let names = text_of(&key).into_iter().chain(KEYS.map(<[u8]>::to_vec));
        names.map(move |name| with_key(lines, &key, &name)).collect::<Vec<_>>()
    });
    let renumbered = ids(lines).into_iter().flat_map(move |id| {
        (0..id.min(SMALL_NUMBERS)).map(move |other| with_ids_swapped(lines, id, other))
    });
    let one_line = lines.iter().enumerate().flat_map(move |(at, line)| {
        let with = move |simpler| [&lines[..at], &[simpler], &lines[at + 1..]].concat();
        simpler_lines(line).into_iter().map(with)
    });
    if lines.iter().any(|line| is_heavy(line)) {
        // Each candidate takes long, and a few lines are simple enough.
        return Box::new(std::iter::empty());
    }
    let throughout = repeated_arguments(lines).into_iter().flat_map(move |(token, is_size)| {
        let simpler = simpler_tokens(token, is_size).into_iter();
        simpler.map(move |other| with_argument(lines, token, &other))
    });
    let written_plainly = lines.iter().map(|line| written_plainly(line)).collect();
    let candidates = std::iter::once(written_plainly)
        .chain(with_workloads(lines))
        .chain(renamed)
        .chain(renumbered)
        .chain(throughout)
        .chain(one_line);
    let order = size(lines);
    Box::new(
        candidates
            .filter(move |candidate| (size(candidate), candidate.as_slice()) < (order, lines)),
    )
}

/// Returns the line with single spaces, without zeros before numbers, and with text in place of hex. A
/// command keeps its meaning.
fn written_plainly(line: &[u8]) -> Vec<u8> {
    let tokens = line.split(|byte| *byte == b' ').filter(|token| !token.is_empty());
    let plain = tokens.enumerate().map(|(at, token)| {
        let is_number = token.iter().all(u8::is_ascii_digit);
        let number = number(token).filter(|_| is_number && at > 0);
        let plain = number.map(|number| number.to_string().into_bytes());
        plain.or_else(|| text_of(token)).unwrap_or_else(|| token.to_vec())
    });
    plain.collect::<Vec<_>>().join(&b' ')
}

/// Reports whether the line alone takes a port long.
fn is_heavy(line: &[u8]) -> bool {
    match command(line) {
        Some(Command::Workload { count, .. }) => count > HEAVY_COUNT,
        Some(Command::Chaos { steps, .. }) => steps > HEAVY_COUNT,
        _ => false,
    }
}

fn size(lines: &[Vec<u8>]) -> (usize, usize) {
    (lines.len(), lines.iter().map(Vec::len).sum())
}

/// Returns the lines with a workload in place of the proposals in a row, for each such row.
fn with_workloads(lines: &[Vec<u8>]) -> impl Iterator<Item = Lines> {
    let is_proposal = |line: &Vec<u8>| matches!(command(line), Some(Command::Propose { .. }));
    let rows = lines.chunk_by(move |a, b| is_proposal(a) == is_proposal(b));
    let mut start = 0;
    rows.flat_map(move |row| {
        let range = start..start + row.len();
        start = range.end;
        let key_spaces =
            if row.len() >= PROPOSALS_MIN && is_proposal(&row[0]) { &KEY_SPACES[..] } else { &[] };
        key_spaces.iter().map(move |keys| {
            let workload = format!("workload 1 {keys} {}", row.len()).into_bytes();
            [&lines[..range.start], &[workload], &lines[range.end..]].concat()
        })
    })
}

/// Returns the key tokens of the lines that parse.
fn keys(lines: &[Vec<u8>]) -> BTreeSet<Vec<u8>> {
    let key_of = |line: &Vec<u8>| {
        let tokens = tokens(line);
        key_position(&tokens).and_then(|at| tokens.get(at).map(|token| token.to_vec()))
    };
    lines.iter().filter(|line| command(line).is_some()).filter_map(key_of).collect()
}

fn key_position(tokens: &[&[u8]]) -> Option<usize> {
    match tokens {
        [b"put" | b"del", ..] => Some(1),
        [b"get", ..] => Some(2),
        [b"at", _, b"put" | b"del", ..] => Some(3),
        _ => None,
    }
}

fn with_key(lines: &[Vec<u8>], key: &[u8], name: &[u8]) -> Lines {
    let renamed = lines.iter().map(|line| {
        let mut tokens = tokens(line);
        match key_position(&tokens).and_then(|at| tokens.get_mut(at)).filter(|token| **token == key)
        {
            Some(token) => {
                *token = name;
                tokens.join(&b' ')
            }
            None => line.clone(),
        }
    });
    renamed.collect()
}

/// Returns the ids of replicas in the lines.
fn ids(lines: &[Vec<u8>]) -> BTreeSet<u64> {
    let tokens = lines.iter().map(|line| tokens(line));
    let ids = tokens.flat_map(|tokens| {
        let range = id_range(&tokens);
        tokens[range].iter().filter_map(|token| number(token)).collect::<Vec<_>>()
    });
    ids.collect()
}

/// Returns the positions of the ids in a line.
fn id_range(tokens: &[&[u8]]) -> std::ops::Range<usize> {
    let count = tokens.len();
    match tokens {
        [b"replica" | b"hash" | b"dump" | b"log" | b"get" | b"at", _, ..] => 1..2,
        [b"partition" | b"heal" | b"compact", ..] => 1..count,
        _ => 0..0,
    }
}

fn with_ids_swapped(lines: &[Vec<u8>], id: u64, other: u64) -> Lines {
    let swapped = lines.iter().map(|line| {
        let tokens = tokens(line);
        let range = id_range(&tokens);
        let mut owned: Vec<_> = tokens.into_iter().map(<[u8]>::to_vec).collect();
        for token in &mut owned[range] {
            match number(token) {
                Some(number) if number == id => *token = other.to_string().into(),
                Some(number) if number == other => *token = id.to_string().into(),
                _ => {}
            }
        }
        owned.join(&b' ')
    });
    swapped.collect()
}

/// Returns the byte string as text, if it is written in hex and can be written so.
fn text_of(token: &[u8]) -> Option<Vec<u8>> {
    let text = hex::decode(token.strip_prefix(b"0x")?).ok()?;
    let is_text = !text.is_empty() && !text.starts_with(b"0x");
    (is_text && text.iter().all(u8::is_ascii_graphic)).then_some(text)
}

/// Returns lines to try in place of this one.
fn simpler_lines(line: &[u8]) -> Vec<Vec<u8>> {
    let tokens = tokens(line);
    let words: Vec<_> = tokens.iter().copied().filter(|token| !token.is_empty()).collect();
    let mut simpler = vec![words.join(&b' ')];
    if tokens.len() > TOKENS_MAX {
        simpler.extend(without_pieces(&tokens));
        return simpler;
    }
    match tokens.as_slice() {
        [b"at", id, op @ ..] => {
            simpler.push(op.join(&b' '));
            simpler.push([b"at", *id, b"noop"].join(&b' '));
        }
        [b"put" | b"del", ..] => simpler.push(b"noop".to_vec()),
        [word @ (b"partition" | b"heal" | b"compact"), ids @ ..] => {
            simpler.extend((0..ids.len()).map(|left_out| {
                let kept = ids.iter().enumerate().filter(|(at, _)| *at != left_out);
                [*word].into_iter().chain(kept.map(|(_, id)| *id)).collect::<Vec<_>>().join(&b' ')
            }));
        }
        _ => {}
    }
    for (at, token, is_size) in arguments(&tokens) {
        for other in simpler_tokens(token, is_size) {
            let mut tokens = tokens.clone();
            tokens[at] = &other;
            simpler.push(tokens.join(&b' '));
        }
    }
    simpler
}

/// Returns the position of each argument in a line, the argument, and whether it is a size.
fn arguments<'a>(tokens: &[&'a [u8]]) -> impl Iterator<Item = (usize, &'a [u8], bool)> {
    let sizes = match tokens {
        [b"new", _] => 1..2,
        [b"draw" | b"chaos", _, _] => 2..3,
        [b"workload", _, _, _] => 2..4,
        _ => 0..0,
    };
    let arguments = tokens.iter().copied().enumerate().skip(1);
    let arguments = arguments.filter(|(_, token)| !matches!(*token, b"noop" | b"put" | b"del"));
    arguments.map(move |(at, token)| (at, token, sizes.contains(&at)))
}

/// Returns the arguments, apart from keys, that occur several times, and for each whether one of its
/// places is that of a size. Some errors show only while they are equal.
fn repeated_arguments(lines: &[Vec<u8>]) -> BTreeMap<&[u8], bool> {
    let mut seen = BTreeMap::new();
    for line in lines {
        let tokens = tokens(line);
        if tokens.len() <= TOKENS_MAX {
            for (_, token, is_size) in arguments(&tokens) {
                let (count, is_size_somewhere) = seen.entry(token).or_insert((0, false));
                (*count, *is_size_somewhere) = (*count + 1, *is_size_somewhere || is_size);
            }
        }
    }
    let keys = keys(lines);
    let repeated =
        seen.into_iter().filter(|(token, (count, _))| *count > 1 && !keys.contains(*token));
    repeated.map(|(token, (_, is_size))| (token, is_size)).collect()
}

fn with_argument(lines: &[Vec<u8>], argument: &[u8], other: &[u8]) -> Lines {
    let replaced = lines.iter().map(|line| {
        let mut tokens = tokens(line);
        let others = tokens.iter_mut().skip(1).filter(|token| **token == argument);
        others.for_each(|token| *token = other);
        tokens.join(&b' ')
    });
    replaced.collect()
}

/// Returns the line of the tokens without each of its halves, quarters and eighths.
fn without_pieces<'a>(tokens: &'a [&[u8]]) -> impl Iterator<Item = Vec<u8>> + 'a {
    PIECE_COUNTS.into_iter().flat_map(move |count| {
        (0..count).map(move |number| {
            let [start, end] = [number, number + 1].map(|edge| tokens.len() * edge / count);
            [&tokens[..start], &tokens[end..]].concat().join(&b' ')
        })
    })
}

fn simpler_tokens(token: &[u8], is_size: bool) -> Vec<Vec<u8>> {
    if let Some(number) = number(token) {
        let few = 0..number.min(SMALL_NUMBERS);
        let numbers = few.chain(is_size.then(|| smaller(number)).into_iter().flatten());
        // The number itself is simpler if there are zeros before it.
        let numbers = numbers.chain([number]);
        return numbers.map(|number| number.to_string().into_bytes()).collect();
    }
    let mut simpler: Vec<_> = text_of(token).into_iter().collect();
    simpler.extend([b"1", b"a"].map(|token| token.to_vec()));
    if token.len() >= LONG_TOKEN_LENGTH {
        // An even length, as hex digits have it.
        simpler.push(token[..token.len() / 4 * 2].to_vec());
    }
    simpler
}

/// Returns numbers below this one, ascending: a candidate that does not fail costs less than one that
/// does.
fn smaller(number: u64) -> Vec<u64> {
    let shifts = 1..u64::BITS;
    let fractions = shifts.clone().rev().map(|shift| number >> shift);
    let smaller = fractions.chain(shifts.skip(1).map(|shift| number - (number >> shift)));
    let mut smaller: Vec<_> = smaller.chain(number.checked_sub(1)).collect();
    smaller.dedup();
    smaller.retain(|smaller| *smaller < number);
    smaller
}

fn number(token: &[u8]) -> Option<u64> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

fn tokens(line: &[u8]) -> Vec<&[u8]> {
    line.split(|byte| *byte == b' ').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Lines {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn an_argument_of_several_lines_is_simplified_in_all() {
        let zeros = lines(&["new 003", "partition 0", "new 003"]);
        assert!(simpler(&zeros).any(|tried| tried == lines(&["new 3", "partition 0", "new 3"])));
        let seeds = lines(&["draw 17 1", "draw 17 2"]);
        assert!(simpler(&seeds).any(|tried| tried == lines(&["draw 0 1", "draw 0 2"])));
    }

    #[test]
    fn all_is_written_plainly_at_first() {
        let odd = lines(&["new  003 ", "put 0x6B 0x", "mix +1"]);
        let plain = lines(&["new 3", "put k 0x", "mix +1"]);
        assert_eq!(simpler(&odd).next(), Some(plain));
    }

    #[test]
    fn zeros_before_a_number_are_left_out() {
        let only = lines(&["mix 0017"]);
        assert!(simpler(&only).any(|tried| tried == lines(&["mix 17"])));
    }

    #[test]
    fn a_line_of_many_tokens_has_few_candidates() {
        let line = [b"partition".to_vec(), b" 0".repeat(100_000), b" ".repeat(100_000)].concat();
        let candidates: Vec<_> = simpler(&[line]).collect();
        assert!((10..40).contains(&candidates.len()), "{}", candidates.len());
    }
}
