//! Answers as text. Two that differ are shown so that the difference is in the text.

use dkv20_exam::shown;

/// Up to this number of characters before a difference, `shown` surely does not leave it out.
const COMMON_MAX: usize = 200;
/// Otherwise so many bytes before it are shown.
const BEFORE: usize = 40;

/// Returns two lines that differ as text. If the difference would be left out, both begin a little
/// before it.
pub(super) fn shown_pair(one: &[u8], other: &[u8]) -> [String; 2] {
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    if shown(&one[..common]).len() <= COMMON_MAX {
        return [one, other].map(shown);
    }
    let start = common.saturating_sub(BEFORE);
    [one, other].map(|line| format!("… {start} bytes … {}", shown(&line[start..])))
}

/// Returns the lines that a program wrote as one text, or `None` if it wrote none.
pub(super) fn shown_answer(lines: &[Vec<u8>]) -> Option<String> {
    let lines: Vec<_> = lines.iter().map(|line| shown(line)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
