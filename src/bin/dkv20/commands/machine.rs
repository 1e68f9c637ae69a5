//! `machine check` and `machine schema`: files that describe a machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use dkv20_described::{Check, Description, NotDrawn, Reference, Rules, Status, check, schema};
use dkv20_exam::reports::visible;
use dkv20_exam::{Breakdown, Conversation, Failure as Trouble, Interrupt, PortSpec};

use super::arguments::{interrupt, seconds, whole};
use super::files::print;
use super::machine_file::{self, Programs};
use super::machine_report::{Fault, ProgramReport, Report};
use crate::exit::{Exit, Failure};

/// The most cases. Every answer of each is kept.
const CASES_MAX: u64 = 100_000;

#[derive(Subcommand)]
pub(crate) enum Command {
    Check(CheckArguments),
    /// Print the JSON Schema of machine files, for editors.
    #[command(after_help = "Example:\n  dkv20 machine schema >machine.schema.json")]
    Schema,
}

/// Check a file that describes a machine, and the programs that it lists (docs/machines.md).
///
/// Every mistake in the file is reported with its line and column. Then cases are drawn with the
/// help of the reference. It must have the same answers in a new process and after other cases; every
/// command must be drawn, every pool filled, and every observer answered. The other programs are
/// started, greeted, and sent the observers.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The file.
    file: PathBuf,
    /// A command line in place of the file's reference; relative paths begin at the current folder.
    #[arg(long, value_name = "COMMAND", value_parser = machine_file::reference)]
    reference: Option<PortSpec>,
    /// The seed of the first case, 0 to 9223372036854775807; each further case has the next.
    #[arg(long, value_name = "SEED", default_value_t = 1, allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(0..=i64::MAX as u64))]
    seed: u64,
    /// How many cases are drawn, 1 to 100000.
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1..=CASES_MAX))]
    cases: u64,
    /// Check the file with this one of its profiles.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The time limit for an answer, in seconds (up to 1000000), of a program for which the file has
    /// none. The first answer of a program may always take 10.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    timeout: Duration,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 machine check tests/machines/counter/counter.toml
  dkv20 machine check notes.toml --profile plain --reference './notes-0.9 serve'

Exit status: 0 no fault, 1 a mistake in the file or a fault of a program, 2 usage error, 3 the file
could not be read, a program could not be started, or the check was interrupted.";

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(arguments) => run_check(arguments),
        Command::Schema => print(&format!("{:#}\n", schema())).map(|()| Exit::Done),
    }
}

fn run_check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let file = &arguments.file;
    let read = machine_file::read(file)?;
    let mut report = Report::new(file.clone(), arguments.seed, arguments.cases);
    match read {
        Err(mistakes) => report.mistakes = mistakes.mistakes,
        Ok(description) => check_programs(arguments, &description, &mut report)?,
    }
    print(&if arguments.json { report.json() } else { report.text() })?;
    for obstacle in &report.obstacles {
        crate::complain(&format!("dkv20: {}", visible(obstacle)));
    }
    Ok(if !report.obstacles.is_empty() {
        Exit::Broken
    } else if report.is_good() {
        Exit::Done
    } else {
        Exit::Diverged
    })
}

fn check_programs(
    arguments: &CheckArguments,
    description: &Description,
    report: &mut Report,
) -> Result<(), Failure> {
    let rules = machine_file::rules(description, arguments.profile.as_deref())?;
    let (file, reference) = (&arguments.file, arguments.reference.as_ref());
    let Programs { reference, others } = machine_file::programs(file, description, reference)?;
    report.machine.clone_from(&description.name);
    let (timeout, interrupt) = (arguments.timeout, interrupt()?);
    let mut checker = Checker { description, rules, timeout, interrupt, report };
    checker.check_reference(&reference);
    for program in &others {
        checker.check_other(program);
    }
    Ok(())
}

/// The reference in conversation, as cases are drawn with it.
struct Session(Conversation);

impl Reference for Session {
    type Failure = Breakdown;

    fn send(&mut self, line: &[u8]) -> Result<(), Breakdown> {
        self.0.send(line);
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, Breakdown> {
        self.0.receive()
    }
}

struct Checker<'a> {
    description: &'a Description,
    rules: &'a Rules,
    /// That of a program that has none of its own.
    timeout: Duration,
    interrupt: Interrupt,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn start(&self, program: &PortSpec) -> Result<Conversation, Breakdown> {
        let hello = self.description.hello.as_bytes();
        let timeout = program.timeout.unwrap_or(self.timeout);
        Conversation::start(program, hello, timeout, self.interrupt.clone())
    }

    fn check_reference(&mut self, program: &PortSpec) {
        let mut greeting = None;
        let seeds = self.report.seed..self.report.seed + self.report.cases;
        let mut start = || {
            let conversation = self.start(program)?;
            greeting = Some(conversation.greeting().to_vec());
            Ok(Session(conversation))
        };
        let checked = check(self.description, self.rules, seeds, &mut start);
        let name = program.name.clone();
        let command = machine_file::command_line(self.description, program);
        self.report.reference = Some(ProgramReport::new(name.clone(), command));
        self.greeted(&name, greeting.as_deref());
        match checked {
            Ok(check) => {
                self.report.faults.extend(Fault::all_of(&name, &check));
                self.report.check = Some(check);
            }
            Err(NotDrawn::Reference(breakdown)) => self.broke_down(program, &breakdown),
            Err(NotDrawn::Mistake { key, reason }) => self.report.faults.push(Fault {
                reason: format!("{key}: {reason}"),
                remedy: "correct the file".into(),
                ..Fault::default()
            }),
        }
    }

    /// Starts another program, and sends it the start lines of the first case and all observers.
    fn check_other(&mut self, program: &PortSpec) {
        if self.interrupt.is_raised() {
            return;
        }
        let name = program.name.clone();
        let mut other =
            ProgramReport::new(name.clone(), machine_file::command_line(self.description, program));
        let outcome = self.start(program).and_then(|mut conversation| {
            self.greeted(&name, Some(conversation.greeting()));
            self.observe(&name, &mut conversation, &mut other)
        });
        if let Err(breakdown) = outcome {
            self.broke_down(program, &breakdown);
        }
        self.report.programs.push(other);
    }

    fn observe(
        &mut self,
        name: &str,
        conversation: &mut Conversation,
        other: &mut ProgramReport,
    ) -> Result<(), Breakdown> {
        let Some(Check { start, observations, .. }) = &self.report.check else { return Ok(()) };
        let start = start.iter().map(|line| (None, line));
        let observed = observations.iter().flat_map(|observation| {
            let lines = [Some(&observation.line), observation.dump.as_ref()];
            lines.into_iter().flatten().map(|line| (Some(observation.observer), line))
        });
        let mut faults = Vec::new();
        // An observer stands for many lines: the first that is not answered is reported.
        let mut reported = BTreeSet::new();
        for (observer, line) in start.chain(observed) {
            conversation.send(line);
            let answer = conversation.receive()?;
            let is_unknown = self.description.is_unknown(&answer);
            let is_fault = is_unknown || self.rules.equality.status(&answer) != Status::Ok;
            if !is_fault || !reported.insert(observer) {
                continue;
            }
            if is_unknown {
                other.unknown.push(String::from_utf8_lossy(line).into_owned());
            } else {
                faults.push(Fault::refused(name, line, &answer));
            }
        }
        self.report.faults.extend(faults);
        Ok(())
    }

    /// Checks a greeting.
    fn greeted(&mut self, name: &str, greeting: Option<&[u8]>) {
        if let Some(greeting) = greeting.filter(|greeting| !self.description.is_greeting(greeting))
        {
            self.report.faults.push(Fault::greeting(name, &self.description.hello, greeting));
        }
    }

    fn broke_down(&mut self, program: &PortSpec, breakdown: &Breakdown) {
        let name = &program.name;
        match breakdown.external_cause() {
            Some(Trouble::Interrupted) => self.report.obstacles.push("interrupted".into()),
            Some(cause) => {
                let program = &program.command[0];
                self.report.obstacles.push(format!("program {name}: {program}: {cause}"));
            }
            None => self.report.faults.push(Fault::of(name, breakdown)),
        }
    }
}
