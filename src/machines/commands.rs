//! The commands as the exam sees them.

use dkv20_exam::Level;

/// The levels of the exam.
pub(super) const LEVELS: [Level; 5] = [
    Level { name: "numbers", words: &["mix", "draw"] },
    Level { name: "codec", words: &["load"] },
    Level {
        name: "cluster",
        words: &["new", "noop", "put", "del", "status", "replica", "get", "hash", "dump", "log"],
    },
    Level { name: "faults", words: &["partition", "heal", "at", "compact"] },
    Level { name: "scale", words: &["workload", "scenario", "chaos"] },
];

pub(super) const HELLO: &str = "hello";
pub(super) const GREETING_FORM: &str = "ok dkv20 1 NAME";

/// Returns the first token of a line; empty if it has none.
pub(super) fn word_of(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').find(|token| !token.is_empty()).unwrap_or_default()
}
