//! A case: command lines, how they are delivered, and the level at which a port must know them.

use crate::op::REPLICAS_MAX;
use crate::protocol::{Command, parse};
use crate::session::Session;

/// The levels of the exam, by number from 1: a name, and the commands that come with it.
pub const LEVELS: [(&str, &[&str]); 5] = [
    ("numbers", &["mix", "draw"]),
    ("codec", &["load"]),
    ("cluster", &["new", "noop", "put", "del", "status", "replica", "get", "hash", "dump", "log"]),
    ("faults", &["partition", "heal", "at", "compact"]),
    ("scale", &["workload", "scenario", "chaos"]),
];

/// How a case's lines reach the port, and what is awaited when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// All lines at once, then a `hello` that shows that nothing more comes.
    Pipelined,
    /// All lines at once with a `hello` after each, so that every answer stands by itself.
    Marked,
    /// One line, its answer, the next line.
    Stepwise,
    /// As stepwise, but each write ends in the middle of a line.
    Split,
    /// All lines to a port of their own, then the end of its input, and its exit.
    ToEnd,
    /// As `ToEnd`, without the last line's LF.
    ToEndWithoutLf,
}

impl Delivery {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pipelined,
        Self::Marked,
        Self::Stepwise,
        Self::Split,
        Self::ToEnd,
        Self::ToEndWithoutLf,
    ];

    /// Its name in reports and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pipelined => "pipelined",
            Self::Marked => "marked",
            Self::Stepwise => "stepwise",
            Self::Split => "split",
            Self::ToEnd => "to-end",
            Self::ToEndWithoutLf => "to-end-without-lf",
        }
    }
}

/// Something to ask a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// `SECTION/NAME`, the same in every run that has the same seed.
    pub id: String,
    /// The lines, without LFs.
    pub lines: Vec<Vec<u8>>,
    /// How they are delivered.
    pub delivery: Delivery,
}

impl Case {
    /// The section: what stands before the first `/` of the id.
    #[must_use]
    pub fn section(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// All that is written to the port for it, where the port goes on afterwards.
    #[must_use]
    pub fn lines_written(&self) -> Vec<Vec<u8>> {
        let mut lines = self.lines.clone();
        match self.delivery {
            Delivery::Pipelined => lines.push(b"hello".to_vec()),
            Delivery::Marked => {
                lines = lines.into_iter().flat_map(|line| [line, b"hello".to_vec()]).collect();
            }
            _ => {}
        }
        lines
    }

    /// The highest level of a command in it, from 1.
    #[must_use]
    pub fn level(&self) -> usize {
        self.lines.iter().filter_map(|line| level_of(word(line))).max().unwrap_or(1)
    }
}

/// Whether some of the lines show that the session has no cluster yet, so that they mean
/// something else to a session that has one.
#[must_use]
pub fn need_fresh_session(lines: &[Vec<u8>]) -> bool {
    // The usual beginning, told without running anything.
    if let Some(Ok(Some(Command::New { replica_count: 1..=REPLICAS_MAX }))) =
        lines.first().map(|line| parse(line))
    {
        return false;
    }
    let mut session = Session::new();
    lines.iter().any(|line| {
        let mut answer = String::new();
        session.answer(line, &mut answer);
        answer == "err no-cluster"
    })
}

/// The level that a command word belongs to, from 1.
#[must_use]
pub fn level_of(word: &[u8]) -> Option<usize> {
    LEVELS
        .iter()
        .position(|(_, words)| words.iter().any(|known| known.as_bytes() == word))
        .map(|position| position + 1)
}

/// The first token of a line; empty where it has none.
#[must_use]
pub fn word(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').find(|token| !token.is_empty()).unwrap_or_default()
}
