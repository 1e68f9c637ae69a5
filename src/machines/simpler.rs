//! Simpler lines, for shrinking.

/// The length from which on a token is shortened.
const LONG_TOKEN_LENGTH: usize = 32;

/// Returns lines like this one with a smaller size: fewer replicas, a lower count, a shorter token.
pub(super) fn simpler(line: &[u8]) -> Vec<Vec<u8>> {
    let tokens: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let size = match tokens.as_slice() {
        [b"new", _] => Some(1),
        [b"draw" | b"chaos", _, _] => Some(2),
        [b"workload", _, _, _] => Some(3),
        _ => None,
    };
    let smaller = size.into_iter().flat_map(|position| {
        smaller(tokens[position]).into_iter().map(move |token| (position, token))
    });
    let is_long = |position: &usize| tokens[*position].len() >= LONG_TOKEN_LENGTH;
    let shorter = (0..tokens.len()).filter(is_long).map(|position| {
        // An even length, as hex digits have it.
        let half = tokens[position].len() / 4 * 2;
        (position, tokens[position][..half].to_vec())
    });
    let lines = smaller.chain(shorter).map(|(position, token)| {
        let mut tokens = tokens.clone();
        tokens[position] = &token;
        tokens.join(&b' ')
    });
    lines.collect()
}

/// Returns numbers below this one; none if it is not a number.
fn smaller(token: &[u8]) -> Vec<Vec<u8>> {
    let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<u64>().ok());
    let Some(number) = number else { return Vec::new() };
    // Ascending: a candidate that does not fail costs less than one that does.
    let shifts = 1..u64::BITS;
    let fractions = shifts.clone().rev().map(|shift| number >> shift);
    let smaller = fractions.chain(shifts.skip(1).map(|shift| number - (number >> shift)));
    let mut smaller: Vec<_> = smaller.chain(number.checked_sub(1)).collect();
    smaller.dedup();
    smaller.retain(|smaller| *smaller < number);
    smaller.into_iter().map(|number| number.to_string().into_bytes()).collect()
}
