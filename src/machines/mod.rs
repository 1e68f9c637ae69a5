//! The machines that can be examined: [`Dkv20`], the machine of the definition.

mod commands;
mod difference;
mod expand;
mod explain;
pub mod fields;
mod milestones;
mod oracle;
mod sections;
mod simpler;
mod suites;
mod traces;

use dkv20_exam::{Ask, Case, Divergence, Due, Interrupt, Level, Machine, Plan, Session, Suite};

pub use sections::section_url;
pub use traces::{lines_of_trace, record_trace, replay_file};

use commands::{GREETING_FORM, HELLO, LEVELS, word_of};
use milestones::Milestone;
use oracle::Oracle;

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

    fn count_milestones(&self, lines: &[Vec<u8>], counts: &mut [u64]) {
        milestones::count(lines, counts);
    }

    fn expand(&self, lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        expand::expand(lines)
    }

    fn simpler(&self, line: &[u8]) -> Vec<Vec<u8>> {
        simpler::simpler(line)
    }

    fn difference(&self, expected: &[u8], actual: &[u8]) -> String {
        difference::difference(expected, actual)
    }

    fn explain(&self, lines: &[Vec<u8>], divergence: &Divergence, ask: Ask<'_>) -> Vec<String> {
        explain::explain(lines, divergence, ask)
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
