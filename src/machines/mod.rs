//! The machines that can be examined: [`Dkv20`], the machine of the definition.

mod commands;
mod difference;
mod expand;
mod explain;
pub mod fields;
mod ingredients;
mod measures;
mod milestones;
mod oracle;
mod sections;
mod simpler;
mod suites;
mod tally;
mod traces;

use std::collections::BTreeSet;

use dkv20_exam::{
    Ask, Case, Divergence, Due, Interrupt, Level, Lines, Machine, Meaning, Plan, Session, Suite,
    Tally,
};

pub use sections::section_url;
pub use traces::{lines_of_trace, record_trace, replay_file};

use commands::{GREETING_FORM, HELLO, LEVELS, word_of};
use measures::Measure;
use milestones::Milestone;
use oracle::Oracle;

use crate::protocol::Command;

/// The replicated key-value state machine of the definition. The reference is this crate's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dkv20;

impl Machine for Dkv20 {
    fn levels(&self) -> &[Level] {
        &LEVELS
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Oracle::new())
    }

    fn hello(&self) -> &'static str {
        HELLO
    }

    fn greeting_form(&self) -> &'static str {
        GREETING_FORM
    }

    fn is_greeting(&self, answer: &[u8]) -> bool {
        let name = answer.strip_prefix(b"ok dkv20 1 ");
        name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
    }

    fn word_of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        word_of(line)
    }

    fn kind_of(&self, line: &[u8]) -> String {
        let word = word_of(line);
        let mut known = LEVELS.iter().flat_map(|level| level.words).chain(&[HELLO, "quit"]);
        match word {
            b"noop" | b"put" | b"del" | b"at" => "proposal".into(),
            b"" => "blank line".into(),
            [b'#', ..] => "comment".into(),
            _ => known
                .find(|known| known.as_bytes() == word)
                .map_or("unknown command".into(), ToString::to_string),
        }
    }

    fn probe(&self, word: &str) -> Vec<u8> {
        let arguments = match word {
            // `new` with no replicas is an error, so there is still no cluster afterwards.
            "mix" | "new" | "replica" | "hash" | "dump" | "log" => " 0",
            "draw" => " 0 1",
            "load" => " 0x",
            "put" => " a b",
            "del" => " a",
            "get" => " 0 a",
            "at" => " 0 noop",
            "workload" => " 0 1 0",
            // A name that does not exist: a scenario takes long.
            "scenario" => " C",
            "chaos" => " 0 0",
            _ => "",
        };
        format!("{word}{arguments}").into_bytes()
    }

    fn is_unknown(&self, answer: &[u8]) -> bool {
        answer == b"err unknown-command"
    }

    fn needs_fresh_session(&self, lines: &[Vec<u8>]) -> bool {
        // The usual first line, recognised without running anything.
        if lines.first().is_some_and(|line| oracle::makes_cluster(line)) {
            return false;
        }
        let mut session = Oracle::new();
        lines.iter().any(|line| session.run(line).as_deref() == Some("err no-cluster"))
    }

    fn suites(&self, plan: &Plan, interrupt: &Interrupt) -> Vec<Suite> {
        suites::suites(plan, interrupt)
    }

    fn fuzz_case(&self, seed: u64) -> Case {
        suites::fuzz_case(seed)
    }

    fn milestones(&self) -> Vec<String> {
        Milestone::all().map(|milestone| milestone.to_string()).collect()
    }

    fn measures(&self) -> Vec<dkv20_exam::Measure> {
        let measures = Measure::ALL.iter();
        let measures = measures.map(|measure| (measure.name().into(), measure.limit()));
        measures.map(|(name, limit)| dkv20_exam::Measure { name, limit }).collect()
    }

    fn tally(&self, lines: &[Vec<u8>], tally: &mut Tally) {
        tally::tally(lines, tally);
    }

    fn expand(&self, lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        expand::expand(lines)
    }

    fn prefix(&self, lines: &[Vec<u8>], count: usize) -> Lines {
        expand::prefix(lines, count)
    }

    fn difference(&self, expected: &[u8], actual: &[u8]) -> String {
        difference::difference(expected, actual)
    }

    fn ingredients(
        &self,
        lines: &[Vec<u8>],
        step: usize,
        divergence: &Divergence,
    ) -> BTreeSet<String> {
        ingredients::ingredients(lines, step, divergence)
    }

    fn explain(&self, lines: &[Vec<u8>], divergence: &Divergence, ask: Ask<'_>) -> Vec<String> {
        explain::explain(lines, divergence, ask)
    }
}

impl Meaning for Dkv20 {
    fn begins_anew(&self, line: &[u8]) -> bool {
        oracle::makes_cluster(line)
    }

    fn is_look(&self, line: &[u8]) -> bool {
        !oracle::command(line).is_some_and(|command| {
            matches!(
                command,
                Command::New { .. }
                    | Command::Propose { .. }
                    | Command::ProposeAt { .. }
                    | Command::Partition { .. }
                    | Command::Heal
                    | Command::HealIds { .. }
                    | Command::Compact
                    | Command::CompactIds { .. }
                    | Command::Workload { .. }
                    | Command::Chaos { .. }
                    | Command::Quit
            )
        })
    }

    fn simpler<'a>(&self, lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
        simpler::simpler(lines)
    }
}

impl Session for Oracle {
    fn run_line(&mut self, line: &[u8]) -> Due {
        match self.run(line) {
            None => Due::Nothing,
            Some(answer) if Dkv20.is_greeting(answer.as_bytes()) => Due::Greeting,
            Some(answer) => Due::Answer(answer.into_bytes()),
        }
    }

    fn observers(&self) -> Vec<Vec<u8>> {
        self.size().map(suites::common::observers).unwrap_or_default()
    }
}
