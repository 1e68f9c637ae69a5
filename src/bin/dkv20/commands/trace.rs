//! `record` and `replay`: trace files.

use std::path::{Path, PathBuf};

use clap::Args;
use dkv20_exam::{Case, Delivery, Examinee, Limits, Machine};

use super::arguments::{PortArguments, delivery, interrupt};
use super::files::{broken, print, shown, unwritable, write_whole};
use super::subject::{MachineArguments, Subject};
use crate::exit::{Exit, Failure};

/// Write the reference's answers into trace files.
#[derive(Args)]
#[command(after_help = RECORD_EXAMPLES)]
pub(crate) struct RecordArguments {
    /// Traces, whose commands get the reference's answers in place of theirs.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    machine: MachineArguments,
}

const RECORD_EXAMPLES: &str = "\
Examples:
  dkv20 record tests/traces/mine.trace
  dkv20 record --machine orderbook.toml mine.trace";

pub(crate) fn record(arguments: &RecordArguments) -> Result<(), Failure> {
    let limits = Limits { interrupt: interrupt()?, ..Limits::default() };
    let subject = arguments.machine.subject(&limits)?;
    subject.check_reference()?;
    arguments.files.iter().try_for_each(|file| record_file(&subject, &limits, file))
}

/// Writes the reference's answers into the file, and prints how many that changes.
fn record_file(subject: &Subject, limits: &Limits, file: &Path) -> Result<(), Failure> {
    if limits.interrupt.is_raised() {
        return Err(broken(file, "not recorded: interrupted"));
    }
    let (recorded, changed) = subject.record(file)?;
    if changed == 0 {
        return Ok(());
    }
    write_whole(file, &recorded).map_err(|error| unwritable(file, &error))?;
    let answers = if changed == 1 { "answer" } else { "answers" };
    print(&format!("{}: {changed} {answers} recorded\n", shown(file)))
}

/// Run a trace on the reference, or on ports, and show the first answer that differs.
#[derive(Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArguments {
    /// A trace; or lines, one a line, below the line `# dkv20 lines`.
    trace: PathBuf,
    /// How the lines reach the port.
    #[arg(long, default_value = "marked", value_parser = delivery())]
    delivery: Delivery,
    /// Print only the verdict, in one line for each port.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    ports: PortArguments,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  dkv20 replay tests/traces/case-15-deposed-tail-is-truncated.trace --port mine='./my-port serve'
  dkv20 replay --machine orderbook.toml found.trace
                                   on the programs of the file beside its reference";

pub(crate) fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let limits = arguments.ports.limits()?;
    let subject = arguments.machine.subject(&limits)?;
    let (lines, answers) = subject.lines_of(&arguments.trace)?;
    let mut ports = subject.ports(&arguments.ports)?.ports;
    if ports.is_empty() {
        ports.extend(subject.reference().cloned());
    }
    let has_answers = answers.is_some();
    if ports.is_empty() && !has_answers {
        return Err(Failure::usage("lines without answers need at least one --port or --ports"));
    }
    if ports.is_empty() {
        print("the reference: every answer is the one in the trace\n")?;
    }
    let due = if has_answers { "the one in the trace" } else { "the reference's" };
    let names = lines.iter().filter_map(|line| subject.machine().name_of(line)).collect();
    let case = Case::new(String::new(), lines, arguments.delivery);
    let case = Case { due: answers, names, ..case };
    let mut exit = Exit::Done;
    for port in ports {
        let name = port.name.clone();
        let mut examinee = Examinee::new(subject.machine(), port, limits.clone());
        match first_difference(subject.machine(), &name, &mut examinee, &case)? {
            None => print(&format!("{name}: every answer is {due}\n"))?,
            Some(difference) => {
                exit = Exit::Diverged;
                print(&format!("{name}: {difference}\n"))?;
                let stderr = examinee.stderr_tail();
                if !stderr.is_empty() && !arguments.quiet {
                    print(&format!("{name}: standard error ends: {stderr}\n"))?;
                }
            }
        }
    }
    Ok(exit)
}

/// Returns the first difference in one line: in the greeting, with which an exam begins too, or at
/// a step.
fn first_difference(
    machine: &dyn Machine,
    name: &str,
    examinee: &mut Examinee<'_>,
    case: &Case,
) -> Result<Option<String>, Failure> {
    if let Err(divergence) = examinee.greet() {
        Failure::unless_of_port(name, &divergence)?;
        return Ok(Some(divergence.headline(&[machine.hello().into()])));
    }
    let outcome = match &case.due {
        Some(_) => examinee.run_case(case, case.delivery),
        None => examinee.run(&case.lines, case.delivery),
    };
    let Err(divergence) = outcome else { return Ok(None) };
    Failure::unless_of_port(name, &divergence)?;
    Ok(Some(format!("step {}: {}", divergence.step + 1, divergence.headline(&case.lines))))
}
