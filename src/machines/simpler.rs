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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dkv20_exam::{Budget, shrink};

    fn shrunk(lines: &[&str], fails: impl FnMut(&[Vec<u8>]) -> Option<usize>) -> Vec<String> {
        let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let budget = Budget { time: Duration::from_secs(60), attempts: 100_000 };
        let shrunk = shrink(lines, budget, super::simpler, fails);
        assert!(shrunk.is_minimal);
        shrunk.lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    fn last_number(line: &[u8]) -> Option<u64> {
        String::from_utf8_lossy(line).split(' ').next_back()?.parse().ok()
    }

    #[test]
    fn sizes_become_smaller() {
        let shrunk = shrunk(&["new 7", "workload 1 10 5000", "hash 0"], |lines| {
            let is_large = lines.len() == 3
                && last_number(&lines[0]) >= Some(3)
                && last_number(&lines[1]) >= Some(137);
            is_large.then_some(2)
        });
        assert_eq!(shrunk, ["new 3", "workload 1 10 137", "hash 0"]);
    }

    #[test]
    fn the_least_number_takes_few_attempts() {
        let mut attempts = 0;
        let shrunk = shrunk(&["draw 1 9999999999"], |lines| {
            attempts += 1;
            (last_number(&lines[0])? > 1_000).then_some(0)
        });
        assert_eq!(shrunk, ["draw 1 1001"]);
        assert!(attempts < 500, "{attempts} attempts");
    }

    #[test]
    fn long_tokens_become_shorter() {
        let long = format!("put 0x{} v", "6b".repeat(4_097));
        let shrunk = shrunk(&[&long], |lines| (lines[0].len() > 40).then_some(0));
        let line = &shrunk[0];
        assert!(line.starts_with("put 0x6b") && line.ends_with("6b v"), "{line:?}");
        assert!(line.len() <= 2 * 40 && line.len() % 2 == 0, "{}", line.len());
    }
}
