//! `machine check` and `machine schema`: files that describe a machine.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use dkv20_described::{Check, Description, NotDrawn, Reference, Rules, Status, check, schema};
use dkv20_exam::reports::visible;
use dkv20_exam::{Breakdown, Conversation, Failure as Trouble, Interrupt, PortSpec};

use super::arguments::{interrupt, resolve, seconds, whole};
use super::files::{broken, folder_of, print};
use super::machine_report::{Fault, ProgramReport, Report};
use crate::exit::{Exit, Failure};

/// The most cases. Every answer of each is kept.
const CASES_MAX: u64 = 100_000;
/// The greatest length of a file, so that one without an end, such as a device, is not read on.
const FILE_LENGTH_MAX: u64 = 1 << 24;

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
    #[arg(long, value_name = "COMMAND", value_parser = reference)]
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

fn reference(command: &str) -> Result<PortSpec, String> {
    PortSpec::parse(&format!("reference={command}"))
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(arguments) => run_check(arguments),
        Command::Schema => print(&format!("{:#}\n", schema())).map(|()| Exit::Done),
    }
}

fn run_check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let file = &arguments.file;
    let text = read(file)?;
    let mut report = Report::new(file.clone(), arguments.seed, arguments.cases);
    match Description::read(file, &text) {
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

fn read(file: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = |opened: File| opened.take(FILE_LENGTH_MAX + 1).read_to_end(&mut bytes);
    let length = File::open(file).and_then(read).map_err(|error| broken(file, error))?;
    if u64::try_from(length).is_ok_and(|length| length > FILE_LENGTH_MAX) {
        return Err(broken(file, format!("it has more than {} MiB", FILE_LENGTH_MAX >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        broken(file, format!("line {line} is not UTF-8"))
    })
}

fn check_programs(
    arguments: &CheckArguments,
    description: &Description,
    report: &mut Report,
) -> Result<(), Failure> {
    let profile = arguments.profile.as_deref();
    let Some(rules) = description.rules_of(profile) else {
        let known: Vec<_> = description.profiles.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        let profile = profile.unwrap_or_default();
        return Err(Failure::usage(format!(
            "--profile {}: the file has no such profile; it has {}",
            visible(profile),
            visible(&known)
        )));
    };
    let mut programs = programs(arguments, description)?;
    let Some(position) = programs.iter().position(|program| program.is_reference) else {
        return Err(Failure::usage(
            "the file has no reference: set `reference = true` for one of its programs, or name \
             another one with --reference COMMAND",
        ));
    };
    let reference = programs.remove(position);
    report.machine.clone_from(&description.name);
    let mut checker = Checker { description, rules, interrupt: interrupt()?, report };
    checker.check_reference(&reference);
    for program in &programs {
        checker.check_other(program);
    }
    Ok(())
}

/// A program to check.
struct Program {
    spec: PortSpec,
    timeout: Duration,
    is_reference: bool,
}

/// Returns the programs of the file, with the one of the command line in place of the reference.
fn programs(
    arguments: &CheckArguments,
    description: &Description,
) -> Result<Vec<Program>, Failure> {
    let mut programs = Vec::new();
    if let Some(spec) = &arguments.reference {
        let spec = spec.clone();
        programs.push(Program { spec, timeout: arguments.timeout, is_reference: true });
    }
    for (name, described) in &description.programs {
        if described.is_reference && arguments.reference.is_some() {
            continue;
        }
        let mut spec = PortSpec::new(name, described.command.clone());
        spec.directory.clone_from(&described.directory);
        spec.environment.clone_from(&described.environment);
        resolve(&mut spec, folder_of(&arguments.file))
            .map_err(|reason| broken(&arguments.file, format!("program {name}: {reason}")))?;
        // A time of less than a nanosecond is none.
        let seconds = described.timeout.map(|seconds| Duration::from_secs_f64(seconds.max(1e-9)));
        let timeout = seconds.unwrap_or(arguments.timeout);
        programs.push(Program { spec, timeout, is_reference: described.is_reference });
    }
    Ok(programs)
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
    interrupt: Interrupt,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn start(&self, program: &Program) -> Result<Conversation, Breakdown> {
        let hello = self.description.hello.as_bytes();
        Conversation::start(&program.spec, hello, program.timeout, self.interrupt.clone())
    }

    fn check_reference(&mut self, program: &Program) {
        let mut greeting = None;
        let seeds = self.report.seed..self.report.seed + self.report.cases;
        let mut start = || {
            let conversation = self.start(program)?;
            greeting = Some(conversation.greeting().to_vec());
            Ok(Session(conversation))
        };
        let checked = check(self.description, self.rules, seeds, &mut start);
        let name = program.spec.name.clone();
        let command = program.spec.command_line();
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
    fn check_other(&mut self, program: &Program) {
        if self.interrupt.is_raised() {
            return;
        }
        let name = program.spec.name.clone();
        let mut other = ProgramReport::new(name.clone(), program.spec.command_line());
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

    fn broke_down(&mut self, program: &Program, breakdown: &Breakdown) {
        let name = &program.spec.name;
        match breakdown.external_cause() {
            Some(Trouble::Interrupted) => self.report.obstacles.push("interrupted".into()),
            Some(cause) => {
                let program = &program.spec.command[0];
                self.report.obstacles.push(format!("program {name}: {program}: {cause}"));
            }
            None => self.report.faults.push(Fault::of(name, breakdown)),
        }
    }
}
