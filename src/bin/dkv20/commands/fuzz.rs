//! `fuzz` and `shrink`: findings outside an exam.

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use clap::Args;
use dkv20_exam::reports::counted;
use dkv20_exam::{
    Case, Delivery, Examinee, Finding, FuzzEnd, FuzzProgress, FuzzSettings, Limits, Machine,
    PortSpec, fuzz, investigate_unless_refuted,
};
use indicatif::ProgressBar;

use super::arguments::{Listed, PortArguments, delivery, seconds, whole};
use super::files::{check_folder, is_output_closed, print, when_output_closes};
use super::outputs::report_finding;
use super::subject::MachineArguments;
use crate::exit::{Exit, Failure};

/// Run generated cases until interrupted (Ctrl-C) or out of time, and keep one trace for each kind
/// of error.
#[derive(Args)]
#[command(after_help = FUZZ_EXAMPLES)]
pub(crate) struct FuzzArguments {
    /// The seed of the first case, 0 to 18446744073709551615. At its end the command prints the one
    /// to resume from.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    #[arg(value_parser = whole::<u64>(0..=u64::MAX), allow_negative_numbers = true)]
    seed: u64,
    /// Run for at most this many seconds (up to 1000000). A finding that is investigated then is kept
    /// as it is known by then.
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<Duration>,
    /// Run this many cases, 1 to 1000000000000.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1..=1_000_000_000_000))]
    cases: Option<u64>,
    /// Write the traces of findings into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
    /// Print only the verdict, in one line for each port.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    ports: PortArguments,
}

/// Find the fewest commands of a trace that still show a port's error.
#[derive(Args)]
#[command(after_help = SHRINK_EXAMPLES)]
pub(crate) struct ShrinkArguments {
    /// A trace; or lines, one a line, below the line `# dkv20 lines`.
    trace: PathBuf,
    /// How the lines reach the port.
    #[arg(long, default_value = "pipelined", value_parser = delivery())]
    delivery: Delivery,
    /// Write the shrunk trace into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    ports: PortArguments,
}

const FUZZ_EXAMPLES: &str = "\
Examples: an hour of generated cases
  dkv20 fuzz --seconds 3600 --port mine='./my-port serve'
  dkv20 fuzz --seconds 3600 --machine orderbook.toml";
const SHRINK_EXAMPLES: &str = "\
Examples:
  dkv20 shrink long.lines --port mine='./my-port serve'
  dkv20 shrink long.trace --machine orderbook.toml";

pub(crate) fn run_fuzz(arguments: &FuzzArguments) -> Result<Exit, Failure> {
    let limits = arguments.ports.limits()?;
    let subject = arguments.machine.subject(&limits)?;
    subject.check_reference()?;
    let Listed { ports, expected } = subject.ports_or_default(&arguments.ports)?;
    if ports.is_empty() {
        return Err(subject.no_port());
    }
    check_folder(&arguments.traces)?;
    let settings = FuzzSettings {
        seed: arguments.seed,
        time: arguments.seconds,
        case_count: arguments.cases,
        expected,
        limits,
    };
    let (machine, limits) = (subject.machine(), &settings.limits);
    for port in &ports {
        greet(machine, port, limits)?;
    }
    let interrupt = limits.interrupt.clone();
    when_output_closes(move || interrupt.raise())?;
    let failure = Mutex::new(None);
    let note = |result: Result<(), Failure>| {
        if let Err(error) = result {
            failure.lock().expect("no thread panics with the lock").get_or_insert(error);
        }
    };
    let fuzz_port = |port: &PortSpec| {
        let found = |finding| {
            let (traces, quiet) = (&arguments.traces, arguments.quiet);
            note(report_finding(&subject, traces, port, limits.timeout, finding, quiet));
        };
        // Shown on a terminal only.
        let bar = ProgressBar::new_spinner();
        let end = fuzz(machine, port.clone(), &settings, found, |state| {
            if state.cases % 100 == 0 {
                bar.set_message(summary(&port.name, state));
                bar.tick();
            }
        });
        bar.finish_and_clear();
        let resume = format!("resume with --seed {}", end.progress.next_seed);
        note(print(&format!("{}; {resume}\n", summary(&port.name, end.progress))));
        for line in &end.notes {
            crate::complain(&format!("dkv20: {}: note: {line}", port.name));
        }
        match &end.external_cause {
            None | Some(dkv20_exam::Failure::Interrupted) => {}
            Some(cause) => note(Err(Failure::broken(format!("port {}: {cause}", port.name)))),
        }
        end
    };
    let ends: Vec<FuzzEnd> = thread::scope(|scope| {
        let handles: Vec<_> = ports.iter().map(|port| scope.spawn(|| fuzz_port(port))).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, FuzzEnd>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    });
    if let Some(error) = failure.into_inner().expect("no thread panics with the lock") {
        return Err(error);
    }
    if ends.iter().all(|end| end.progress.cases == 0) && !is_output_closed() {
        return Err(Failure::broken("no case was asked"));
    }
    let diverges = ends.iter().any(|end| diverges(&end.progress));
    Ok(if diverges { Exit::Diverged } else { Exit::Done })
}

/// Reports whether a port differs otherwise than is expected. A failed case that was not investigated
/// shows a known error, which may be an expected one.
const fn diverges(progress: &FuzzProgress) -> bool {
    progress.findings > 0 || progress.failed > 0 && progress.expected == 0
}

/// Checks that the program is a port.
fn greet(machine: &dyn Machine, port: &PortSpec, limits: &Limits) -> Result<(), Failure> {
    let mut examinee = Examinee::new(machine, port.clone(), limits.clone());
    let Err(divergence) = examinee.greet() else { return Ok(()) };
    Failure::unless_of_port(&port.name, &divergence)?;
    let headline = divergence.headline(&[machine.hello().into()]);
    Err(Failure::broken(format!("port {}: {headline}", port.name)))
}

fn summary(port: &str, state: FuzzProgress) -> String {
    let rate = u128::from(state.cases) * 1_000 / state.time.as_millis().max(1);
    let expected = if state.expected == 0 {
        String::new()
    } else {
        format!(", {} as expected", state.expected)
    };
    format!(
        "{port}: {} in {:.1} s ({rate} per second), {} failed, {}{expected}",
        counted(state.cases, "case"),
        state.time.as_secs_f64(),
        state.failed,
        counted(state.findings, "finding"),
    )
}

pub(crate) fn run_shrink(arguments: &ShrinkArguments) -> Result<Exit, Failure> {
    let limits = arguments.ports.limits()?;
    let subject = arguments.machine.subject(&limits)?;
    subject.check_reference()?;
    let (lines, _) = subject.lines_of(&arguments.trace)?;
    let ports = subject.ports(&arguments.ports)?.ports;
    check_folder(&arguments.traces)?;
    if ports.is_empty() {
        return Err(subject.no_port());
    }
    let stem = arguments.trace.file_stem().unwrap_or_default().to_string_lossy();
    let case = Case::new(format!("shrunk/{stem}"), lines, arguments.delivery);
    let mut exit = Exit::Done;
    for port in ports {
        let found = |finding| {
            report_finding(&subject, &arguments.traces, &port, limits.timeout, finding, false)
        };
        if investigate_case(subject.machine(), &port, &limits, &case, found)? {
            exit = Exit::Diverged;
        } else {
            print(&format!("{}: nothing differs\n", port.name))?;
        }
    }
    Ok(exit)
}

/// Runs a case on a port and, if the port diverges, investigates that and passes the finding to
/// `found`. Reports whether it diverged.
pub(crate) fn investigate_case(
    machine: &dyn Machine,
    port: &PortSpec,
    limits: &Limits,
    case: &Case,
    found: impl FnOnce(Finding) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut examinee = Examinee::new(machine, port.clone(), limits.clone());
    let mut case = case.clone();
    if let Err(divergence) = examinee.greet() {
        Failure::unless_of_port(&port.name, &divergence)?;
        // The program is not a port, and the fewest lines are those of the greeting.
        (case.lines, case.delivery) = (vec![machine.hello().into()], Delivery::Stepwise);
    }
    let Err(divergence) = examinee.run(&case.lines, case.delivery) else { return Ok(false) };
    Failure::unless_of_port(&port.name, &divergence)?;
    if let Some(finding) = investigate_unless_refuted(&mut examinee, &case, &[], divergence) {
        found(finding)?;
    }
    Failure::unless_reference(&port.name, examinee.external_cause())?;
    Ok(true)
}
