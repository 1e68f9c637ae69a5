//! `view`: a trace as a page.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use dkv20::machines::FileLine;
use dkv20::view::{End, Kind, View, page};
use dkv20_exam::Limits;
use dkv20_exam::reports::counted;

use super::arguments::{check_ports, interrupt, seconds};
use super::files::{
    broken, check_file, identity, is_standard_output, print, shown, unwritable, write_whole,
};
use super::pages::view_of;
use super::subject::{MachineArguments, Subject};
use crate::exit::{Exit, Failure};

/// Write a trace as a page, on which each step can be followed in a browser.
///
/// The page is one HTML file that needs no network: the replicas after each step, and with a port its
/// answers and its replicas beside the reference's. The answers in the trace need not be right. The
/// exit status is 0 even if the port differs.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ViewArguments {
    /// A trace; or lines, one a line, below the line `# dkv20 lines`.
    trace: PathBuf,
    /// Write the page here; `-` is the standard output. By default it is in the current folder, with
    /// the name of the trace and the extension `html`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the default browser.
    #[arg(long)]
    open: bool,
    /// A port beside the reference: a name for it and its command line; or the name of a program in
    /// the machine file.
    #[arg(long, value_name = "NAME=COMMAND")]
    port: Option<String>,
    /// The time limit for an answer, in seconds (up to 1000000), of a program for which a machine file
    /// has none. The first answer of a program may always take 10.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    timeout: Duration,
    #[command(flatten)]
    machine: MachineArguments,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 view tests/traces/case-15-deposed-tail-is-truncated.trace --open
  dkv20 view found.trace -o page.html --port mine='./my-port serve'
  dkv20 view --machine orderbook.toml found.trace
                                   beside the other program of the file, if it has one";

pub(crate) fn run(arguments: &ViewArguments) -> Result<Exit, Failure> {
    let trace = &arguments.trace;
    let limits =
        Limits { timeout: arguments.timeout, interrupt: interrupt()?, ..Limits::default() };
    let subject = arguments.machine.subject(&limits)?;
    let lines = subject.file_lines(trace)?;
    let output = arguments.output.clone().unwrap_or_else(|| default_output(trace));
    check_output(arguments, &output)?;
    subject.check_reference()?;
    let port = subject.port(arguments.port.as_deref())?;
    check_ports(port.as_slice())?;
    let title = shown(Path::new(trace.file_name().unwrap_or_default()));
    let view = view_of(&subject, &title, &lines, port.as_ref(), &limits, true);
    let mut view = view.map_err(|cause| broken(trace, format!("not shown: {cause}")))?;
    check_cluster(&subject, trace, &view)?;
    note(trace, &lines, &mut view);
    write_whole(&output, page(&view).as_bytes()).map_err(|error| unwritable(&output, &error))?;
    if !is_standard_output(&output) {
        print(&format!("{}: {}\n", shown(&output), summary(&view)))?;
    }
    if arguments.open {
        open(&output)?;
    }
    Ok(Exit::Done)
}

fn default_output(trace: &Path) -> PathBuf {
    Path::new(trace.file_name().unwrap_or_default()).with_extension("html")
}

fn check_output(arguments: &ViewArguments, output: &Path) -> Result<(), Failure> {
    if arguments.open && is_standard_output(output) {
        return Err(Failure::usage("--open needs a page in a file, not on the standard output"));
    }
    check_file(output)?;
    let is_same = identity(output)
        .is_ok_and(|output| identity(&arguments.trace).is_ok_and(|trace| trace == output));
    if is_same {
        let output = shown(output);
        return Err(Failure::usage(format!(
            "{output} is the trace; name another file for the page"
        )));
    }
    Ok(())
}

/// Checks that the commands that need a cluster have one. A trace of numbers or snapshots alone has no
/// lanes, but answers.
fn check_cluster(subject: &Subject, trace: &Path, view: &View) -> Result<(), Failure> {
    let lacks = |answer: Option<&str>| answer == Some("err no-cluster");
    let is_missing = view.kind == Kind::Lines
        && !subject.is_described()
        && view.steps.iter().any(|step| lacks(step.answer.as_deref()));
    if is_missing {
        return Err(broken(trace, "no line makes a cluster: begin with one such as `new 3`"));
    }
    Ok(())
}

/// Notes answers in the trace that are not the reference's, on the page and on standard error.
fn note(trace: &Path, lines: &[FileLine], view: &mut View) {
    let mut wrong = lines.iter().zip(&view.steps).filter(|(_, step)| step.recorded.is_some());
    let Some((first, _)) = wrong.next() else { return };
    let (count, number) = (wrong.count() + 1, first.number);
    let answers = if count == 1 { "answer is" } else { "answers are" };
    let note = format!("{count} {answers} not the reference's, the first at line {number}");
    crate::complain(&format!("dkv20: {}: {note}", shown(trace)));
    view.notes.push(format!("In the file {note}."));
}

fn summary(view: &View) -> String {
    let steps = counted(view.steps.len(), "step");
    let Some(port) = &view.port else { return steps };
    match &view.divergence {
        None => match &view.looks_end {
            None => format!("{steps}, {port} does not differ"),
            Some(End { step, reason, .. }) => format!(
                "{steps}, {port} does not differ as far as it was seen: it ended while its state after \
                 step {} was asked for: {reason}",
                step + 1
            ),
        },
        Some(first) => format!("{steps}, {port} differs at step {}", first.step + 1),
    }
}

/// Opens the page with the program that the desktop has for it.
fn open(page: &Path) -> Result<(), Failure> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    // A path that begins with a dash would be an option.
    let page = page.canonicalize().unwrap_or_else(|_| page.to_owned());
    let status = Command::new(opener).arg(&page).stdin(Stdio::null()).status();
    let reason = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("{opener} failed ({status})"),
        Err(error) => format!("{opener}: {error}"),
    };
    Err(Failure::failed(format!("{}: not opened: {reason}; open it in a browser", shown(&page))))
}
