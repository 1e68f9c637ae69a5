//! The report of `machine check`, as text and as JSON.

use std::path::PathBuf;

use dkv20_described::{Check, Disagreement, Mistake};
use dkv20_exam::Breakdown;
use dkv20_exam::reports::{counted, visible};
use serde_json::{Value, json};

use super::machine_file::mistake_lines;

/// The outcome of a check.
pub(crate) struct Report {
    pub(crate) file: PathBuf,
    pub(crate) seed: u64,
    pub(crate) cases: u64,
    /// The name of the machine; empty if the file has mistakes.
    pub(crate) machine: String,
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) reference: Option<ProgramReport>,
    /// Nothing if the reference failed.
    pub(crate) check: Option<Check>,
    /// The programs beside the reference.
    pub(crate) programs: Vec<ProgramReport>,
    pub(crate) faults: Vec<Fault>,
    /// Reasons why a part of the check could not be done.
    pub(crate) obstacles: Vec<String>,
}

/// A program that was started.
pub(crate) struct ProgramReport {
    name: String,
    command: String,
    /// The lines that it does not know.
    pub(crate) unknown: Vec<String>,
}

/// A fault of a program, or of the file with this program.
#[derive(Default)]
pub(crate) struct Fault {
    /// The program; empty if it is the file's alone.
    pub(crate) program: String,
    /// The line that shows it; empty if there is none.
    pub(crate) line: String,
    pub(crate) reason: String,
    pub(crate) remedy: String,
    /// The lines of the case that shows it.
    pub(crate) case: Vec<String>,
    /// The end of the program's standard error.
    pub(crate) stderr: String,
}

impl ProgramReport {
    pub(crate) const fn new(name: String, command: String) -> Self {
        Self { name, command, unknown: Vec::new() }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Fault {
    fn new(program: &str, line: &[u8], reason: String, remedy: &str) -> Self {
        let (program, line) = (program.to_owned(), lossy(line));
        Self { program, line, reason, remedy: remedy.into(), ..Self::default() }
    }

    /// A program does not answer as it must.
    pub(crate) fn of(program: &str, breakdown: &Breakdown) -> Self {
        let reason = breakdown.cause.to_string();
        let fault = Self::new(program, &breakdown.line, reason, breakdown.remedy());
        Self { stderr: breakdown.stderr.clone(), ..fault }
    }

    pub(crate) fn greeting(program: &str, hello: &str, greeting: &[u8]) -> Self {
        let reason = format!("the answer `{}` does not match `protocol.greeting`", lossy(greeting));
        Self::new(program, hello.as_bytes(), reason, "correct the answer or the pattern")
    }

    /// A start line or an observer was answered with an error.
    pub(crate) fn refused(program: &str, line: &[u8], answer: &[u8]) -> Self {
        let reason = format!("the answer is an error: `{}`", lossy(answer));
        let remedy = "start lines and observers are right at any time: correct the program, or the \
                      values in the line";
        Self::new(program, line, reason, remedy)
    }

    /// Returns the faults that a check of the reference has shown.
    pub(crate) fn all_of(program: &str, check: &Check) -> Vec<Self> {
        let mut faults = Vec::new();
        if let Some((line, answer)) = &check.refused_start {
            faults.push(Self::refused(program, line, answer));
        }
        for command in &check.commands {
            let name = &command.name;
            if command.drawn == 0 {
                let reason = format!("the command `{name}` was never drawn");
                let remedy = "correct its ranges, pools and asks so that its values exist, or raise \
                              its weight or --cases";
                faults.push(Self::new(program, b"", reason, remedy));
            }
            if let Some((line, answer)) = &command.unknown {
                let reason = format!("the reference does not know `{name}`: `{}`", lossy(answer));
                faults.push(Self::new(program, line, reason, "correct the line or the program"));
            }
        }
        for pool in check.pools.iter().filter(|pool| pool.filled == 0) {
            let reason = format!("the pool `{}` was never filled", pool.name);
            faults.push(Self::new(program, b"", reason, "correct the pattern in `capture`"));
        }
        for (_, line, answer) in &check.failed_observers {
            faults.push(Self::refused(program, line, answer));
        }
        faults.extend(check.fresh.iter().map(|disagreement| {
            let what = "a new process has another answer";
            let remedy = "make the reference deterministic, and let asks change nothing";
            Self::disagreement(program, disagreement, what, remedy)
        }));
        faults.extend(check.reordered.iter().map(|disagreement| {
            let what = "the answer is another one after other cases";
            let remedy =
                "make the start lines forget the case before, and observers change nothing";
            Self::disagreement(program, disagreement, what, remedy)
        }));
        faults
    }

    fn disagreement(program: &str, found: &Disagreement, what: &str, remedy: &str) -> Self {
        let line = found.lines.last().map_or(&b""[..], Vec::as_slice);
        let (first, other) = (lossy(&found.first), lossy(&found.other));
        let reason = format!("{what}: `{first}`, then `{other}`");
        let case = found.lines.iter().map(|line| lossy(line)).collect();
        Self { case, ..Self::new(program, line, reason, remedy) }
    }

    fn text(&self) -> String {
        let mut text = String::from("fault: ");
        if !self.program.is_empty() {
            text += &format!("{}: ", visible(&self.program));
        }
        if !self.line.is_empty() {
            text += &format!("`{}`: ", visible(&self.line));
        }
        text += &format!("{}\n  to do: {}\n", visible(&self.reason), self.remedy);
        for line in &self.case {
            text += &format!("  > {}\n", visible(line));
        }
        for line in self.stderr.lines() {
            text += &format!("  stderr: {}\n", visible(line));
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "program": self.program, "line": self.line, "reason": self.reason,
            "remedy": self.remedy, "case": self.case, "stderr": self.stderr,
        })
    }
}

impl Report {
    pub(crate) fn new(file: PathBuf, seed: u64, cases: u64) -> Self {
        Self {
            file,
            seed,
            cases,
            machine: String::new(),
            mistakes: Vec::new(),
            reference: None,
            check: None,
            programs: Vec::new(),
            faults: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.mistakes.is_empty() && self.faults.is_empty() && self.obstacles.is_empty()
    }

    fn verdict(&self) -> &'static str {
        if !self.obstacles.is_empty() {
            return "broken";
        }
        if self.is_good() { "good" } else { "faulty" }
    }

    pub(crate) fn text(&self) -> String {
        if !self.mistakes.is_empty() {
            let mistakes = mistake_lines(&self.file, &self.mistakes);
            return format!("{mistakes}faulty: {}\n", counted(self.mistakes.len(), "mistake"));
        }
        let (machine, cases) = (visible(&self.machine), counted(self.cases, "case"));
        let mut text = format!("machine {machine}: {cases} from seed {}\n", self.seed);
        if let Some(program) = &self.reference {
            text += &format!("reference {}: {}\n", program.name, visible(&program.command));
        }
        text += &self.check.as_ref().map(tables).unwrap_or_default();
        for program in &self.programs {
            text += &format!("program {}: {}\n", program.name, visible(&program.command));
            for line in &program.unknown {
                text += &format!("  does not know: {}\n", visible(line));
            }
        }
        self.faults.iter().for_each(|fault| text += &fault.text());
        let count = counted(self.faults.len(), "fault");
        text + &format!("{}: {count}\n", self.verdict())
    }

    pub(crate) fn json(&self) -> String {
        let mistakes = self.mistakes.iter().map(|mistake| {
            json!({
                "line": mistake.line, "column": mistake.column, "key": mistake.key,
                "reason": mistake.reason, "allowed": mistake.allowed,
            })
        });
        let program = |program: &ProgramReport| {
            json!({
                "name": program.name, "command": program.command, "unknown": program.unknown,
            })
        };
        let report = json!({
            "verdict": self.verdict(),
            "file": self.file.to_string_lossy(),
            "machine": self.machine,
            "seed": self.seed,
            "cases": self.cases,
            "mistakes": mistakes.collect::<Vec<_>>(),
            "faults": self.faults.iter().map(Fault::json).collect::<Vec<_>>(),
            "obstacles": self.obstacles,
            "reference": self.reference.as_ref().map(program),
            "programs": self.programs.iter().map(program).collect::<Vec<_>>(),
            "check": self.check.as_ref().map(json_of),
        });
        format!("{report:#}\n")
    }
}

/// Returns what was drawn, as tables.
fn tables(check: &Check) -> String {
    let commands = check.commands.iter().map(|command| &command.name);
    let pools = check.pools.iter().map(|pool| &pool.name);
    let types = check.types.iter().map(|one| &one.name);
    let names = commands.chain(pools).chain(types);
    let width =
        names.map(|name| name.chars().count()).max().unwrap_or_default().max("command".len());
    let mut text = format!("{:1$}   drawn  errors\n", "command", width + 2);
    for command in &check.commands {
        let percent = (command.errors * 100).checked_div(command.drawn);
        let share = percent.map_or_else(|| "-".into(), |percent| format!("{percent} %"));
        text += &format!("  {:width$} {:7} {share:>7}\n", command.name, command.drawn);
    }
    if !check.pools.is_empty() {
        text += &format!("{:1$}  filled    used\n", "pool", width + 2);
    }
    for pool in &check.pools {
        text += &format!("  {:width$} {:7} {:7}\n", pool.name, pool.filled, pool.used);
    }
    if !check.types.is_empty() {
        text += &format!("{:1$}  values\n", "type", width + 2);
    }
    for one in &check.types {
        let shown = |sample: &Vec<u8>| format!("`{}`", visible(&lossy(sample)));
        let samples: Vec<_> = one.samples.iter().map(shown).collect();
        let samples = if samples.is_empty() { "in no command".into() } else { samples.join(", ") };
        text += &format!("  {:width$}  {samples}\n", one.name);
    }
    if check.fresh.is_none() && check.reordered.is_none() {
        text += "The answers are the same in a new process and in another order.\n";
    }
    text
}

fn json_of(check: &Check) -> Value {
    let commands = check.commands.iter().map(
        |command| json!({ "name": command.name, "drawn": command.drawn, "errors": command.errors }),
    );
    let pools = check
        .pools
        .iter()
        .map(|pool| json!({ "name": pool.name, "filled": pool.filled, "used": pool.used }));
    let types = check.types.iter().map(|one| {
        let samples: Vec<_> = one.samples.iter().map(|sample| lossy(sample)).collect();
        json!({ "name": one.name, "samples": samples })
    });
    json!({
        "same_in_new_process": check.fresh.is_none(),
        "same_in_other_order": check.fresh.is_none() && check.reordered.is_none(),
        "commands": commands.collect::<Vec<_>>(),
        "pools": pools.collect::<Vec<_>>(),
        "types": types.collect::<Vec<_>>(),
    })
}
