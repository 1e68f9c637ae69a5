//! `record` and `replay`: trace files.

use std::path::{Path, PathBuf};

use clap::Args;
use dkv20::machines::{Dkv20, lines_of_trace, record_trace};
use dkv20_exam::{Delivery, Examinee};

use super::arguments::{PortArguments, delivery};
use super::files::{broken, print, read, shown, unwritable, write_whole};
use crate::exit::{Exit, Failure};
use crate::signals;

/// Writes the reference's answers into the file, and prints how many that changes.
pub(crate) fn record(file: &Path) -> Result<(), Failure> {
    if signals::interrupt().is_ok_and(|interrupt| interrupt.is_raised()) {
        return Err(broken(file, "not recorded: interrupted"));
    }
    let bytes = read(file)?;
    let (recorded, changed) = record_trace(&bytes).map_err(|reason| broken(file, reason))?;
    if changed == 0 {
        return Ok(());
    }
    write_whole(file, &recorded).map_err(|error| unwritable(file, &error))?;
    let answers = if changed == 1 { "answer" } else { "answers" };
    print(&format!("{}: {changed} {answers} recorded\n", shown(file)))
}

/// Run a trace on the reference, or on ports, and show the first answer that differs.
#[derive(Args)]
#[command(after_help = REPLAY_EXAMPLE)]
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
    ports: PortArguments,
}

const REPLAY_EXAMPLE: &str = "\
Example:
  dkv20 replay tests/traces/case-15-deposed-tail-is-truncated.trace --port mine='./my-port serve'";

pub(crate) fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let (lines, has_answers) = read_lines(&arguments.trace)?;
    let ports = arguments.ports.given()?.ports;
    let limits = arguments.ports.limits()?;
    if ports.is_empty() && !has_answers {
        return Err(Failure::usage("lines without answers need at least one --port or --ports"));
    }
    if ports.is_empty() {
        print("the reference: every answer is the one in the trace\n")?;
    }
    let due = if has_answers { "the one in the trace" } else { "the reference's" };
    let mut exit = Exit::Done;
    for port in ports {
        let name = port.name.clone();
        let mut examinee = Examinee::new(&Dkv20, port, limits.clone());
        match first_difference(&name, &mut examinee, &lines, arguments.delivery)? {
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
    name: &str,
    examinee: &mut Examinee<'_>,
    lines: &[Vec<u8>],
    delivery: Delivery,
) -> Result<Option<String>, Failure> {
    if let Err(divergence) = examinee.greet() {
        Failure::unless_of_port(name, &divergence)?;
        return Ok(Some(divergence.headline(&[b"hello".to_vec()])));
    }
    let Err(divergence) = examinee.run(lines, delivery) else { return Ok(None) };
    Failure::unless_of_port(name, &divergence)?;
    Ok(Some(format!("step {}: {}", divergence.step + 1, divergence.headline(lines))))
}

/// Returns the lines of a file that can be replayed. There is at least one.
pub(crate) fn lines_of(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    read_lines(file).map(|(lines, _)| lines)
}

/// Returns the same, and whether the file has the answers.
fn read_lines(file: &Path) -> Result<(Vec<Vec<u8>>, bool), Failure> {
    let is_named_lines = file.extension().is_some_and(|extension| extension == "lines");
    lines_of_trace(&read(file)?, is_named_lines).map_err(|reason| broken(file, reason))
}
