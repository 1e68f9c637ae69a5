//! The machines that can be examined: [`Dkv20`], the machine of the definition, and [`Described`]
//! ones.

mod answers;
mod cause;
mod chaos_runs;
mod commands;
mod described;
mod difference;
mod digests;
mod effects;
mod expand;
mod explain;
pub mod fields;
mod form;
mod generated;
mod ingredients;
mod inquiry;
mod maps;
mod measures;
mod milestones;
mod oracle;
mod remembered;
mod sections;
mod settling;
mod simpler;
mod snapshots;
mod step;
mod suites;
mod tally;
mod traces;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use dkv20_exam::{
    Ask, Case, Divergence, Due, Evidence, Explanation, Failure, Interrupt, Level, Lines, Machine,
    Meaning, Plan, Session, Suite, Tally,
};

pub use described::Described;
pub use sections::{section_title, section_url};
pub use traces::{
    FileLine, ReplayLines, described_file_lines, described_replay_file, file_lines, lines_file,
    lines_of_described_trace, lines_of_trace, record_described_trace, record_trace, replay_file,
};

use commands::{GREETING_FORM, HELLO, LEVELS, word_of};
use measures::Measure;
use milestones::Milestone;
use oracle::{Oracle, due_of};

/// The replicated key-value state machine of the definition. The reference is this crate's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dkv20;

impl Machine for Dkv20 {
    fn levels(&self) -> &[Level] {
        &*LEVELS
    }

    fn session(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(Oracle::new()))
    }

    fn observers(&self, lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let new = lines.iter().rfind(|line| oracle::makes_cluster(line));
        let size = new.and_then(|line| Oracle::after(std::slice::from_ref(line)).size());
        size.map(suites::common::observers).unwrap_or_default()
    }

    fn hello(&self) -> &str {
        HELLO
    }

    fn greeting_form(&self) -> &str {
        GREETING_FORM
    }

    fn is_greeting(&self, answer: &[u8]) -> bool {
        commands::is_greeting(answer)
    }

    fn word_of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        word_of(line)
    }

    fn kind_of(&self, line: &[u8]) -> String {
        let word = word_of(line);
        let words = LEVELS.iter().flat_map(|level| &level.words).map(String::as_str);
        let mut known = words.chain([HELLO, "quit"]);
        match word {
            b"noop" | b"put" | b"del" | b"at" => "proposal".into(),
            b"" => "blank line".into(),
            [b'#', ..] => "comment".into(),
            _ => known
                .find(|known| known.as_bytes() == word)
                .map_or("unknown command".into(), ToString::to_string),
        }
    }

    fn probe(&self, word: &str) -> Option<Vec<u8>> {
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
        Some(format!("{word}{arguments}").into_bytes())
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
        let mut answers = lines.iter().filter_map(|line| session.run(line));
        answers.any(|answer| self.depends_on_session(answer.as_bytes()))
    }

    fn depends_on_session(&self, answer: &[u8]) -> bool {
        answer == b"err no-cluster"
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

    fn run_and_tally(
        &self,
        lines: &[Vec<u8>],
        known: Option<Vec<Due>>,
        tally: &mut Tally,
        due: &mut dyn FnMut(Due) -> ControlFlow<()>,
    ) {
        tally::tally(lines, known, tally, |answer| due(due_of(answer)));
    }

    fn expand(&self, lines: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        expand::expand(lines)
    }

    fn prefix(&self, lines: &[Vec<u8>], count: usize) -> Lines {
        expand::prefix(lines, count)
    }

    fn difference(&self, _name: Option<&str>, expected: &[u8], actual: &[u8]) -> String {
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

    fn explain(&self, evidence: &Evidence<'_>, ask: Ask<'_>) -> Explanation {
        explain::explain(*evidence, ask)
    }
}

impl Meaning for Dkv20 {
    fn begins_anew(&self, line: &[u8]) -> bool {
        oracle::makes_cluster(line)
    }

    fn is_look(&self, line: &[u8]) -> bool {
        oracle::command(line).is_none_or(|command| commands::is_look(&command))
    }

    fn simpler<'a>(&self, lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
        simpler::simpler(lines)
    }
}

impl Session for Oracle {
    fn run_line(&mut self, line: &[u8]) -> Result<Due, Failure> {
        Ok(due_of(self.run(line)))
    }
}
