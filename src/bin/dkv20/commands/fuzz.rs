//! `fuzz` and `shrink`: findings beyond an exam's.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use dkv20::exam::case::{Case, Delivery};
use dkv20::exam::examinee::Examinee;
use dkv20::exam::finding::Finding;
use dkv20::exam::fuzz::{FuzzProgress, FuzzSettings, fuzz, greet};
use dkv20::exam::investigate::investigate;
use dkv20::exam::port::PortSpec;
use dkv20::exam::run::Settings;
use indicatif::ProgressBar;

use super::exam::{PortArguments, check_folder, delivery, seconds, stop_on_signals, write_trace};
use super::trace::lines_of;
use crate::exit::{Exit, Refused};

/// Ask generated cases until stopped (Ctrl-C) or out of budget, and keep one trace for each fault.
#[derive(Args)]
pub(crate) struct FuzzArguments {
    #[command(flatten)]
    ports: PortArguments,
    /// The seed of the first case. At its end the command prints the one to resume from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Go on for so long.
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Ask so many cases.
    #[arg(long, value_name = "N")]
    cases: Option<u64>,
    /// Write the traces of findings into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
}

/// Find the fewest commands of a trace that still show a port's fault.
#[derive(Args)]
pub(crate) struct ShrinkArguments {
    /// The trace; or any other file, whose lines are taken as they are.
    trace: PathBuf,
    #[command(flatten)]
    ports: PortArguments,
    /// How the lines reach the port.
    #[arg(long, default_value = "pipelined", value_parser = delivery)]
    delivery: Delivery,
    /// Write the shrunk trace into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
}

pub(crate) fn run_fuzz(arguments: &FuzzArguments) -> Result<Exit> {
    let ports = arguments.ports.given_or_default()?;
    check_folder(&arguments.traces)?;
    let settings = FuzzSettings {
        seed: arguments.seed,
        time: arguments.seconds,
        case_count: arguments.cases,
        timeout: arguments.ports.timeout,
        budget: Settings::default().budget,
    };
    for port in &ports {
        greet(port.clone(), settings.timeout).map_err(|reason| {
            let expected = "`hello` is answered `ok dkv20 1 NAME`";
            Refused::Broken(format!("port {}: {expected}, but {reason}", port.name))
        })?;
    }
    stop_on_signals()?;
    let failure = Mutex::new(None);
    let ends: Vec<FuzzProgress> = thread::scope(|scope| {
        let start = |port: PortSpec| {
            let (settings, failure) = (&settings, &failure);
            scope.spawn(move || {
                let report = |finding: Finding| {
                    if let Err(error) = report_finding(&arguments.traces, &port, finding) {
                        failure.lock().expect("no reporter panics").get_or_insert(error);
                    }
                };
                let bar = bar();
                let end = fuzz(port.clone(), settings, report, |state| {
                    if state.cases % 100 == 0 {
                        bar.set_message(summary(&port.name, state));
                        bar.tick();
                    }
                });
                bar.finish_and_clear();
                let resume = format!("resume with --seed {}", end.next_seed);
                let printed = super::print(&format!("{}; {resume}\n", summary(&port.name, end)));
                if let Err(error) = printed {
                    failure.lock().expect("no reporter panics").get_or_insert(error);
                }
                end
            })
        };
        let handles: Vec<_> = ports.into_iter().map(start).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, FuzzProgress>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    });
    if let Some(error) = failure.into_inner()? {
        return Err(error);
    }
    if ends.iter().all(|end| end.cases == 0) {
        return Err(Refused::Broken("no case was asked".into()).into());
    }
    Ok(if ends.iter().any(|end| end.failed > 0) { Exit::Diverged } else { Exit::Done })
}

/// A line that is rewritten in place, on a terminal alone.
fn bar() -> ProgressBar {
    if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() }
}

fn summary(port: &str, state: FuzzProgress) -> String {
    let rate = u128::from(state.cases) * 1_000 / state.time.as_millis().max(1);
    format!(
        "{port}: {} cases in {:.1} s ({rate} a second), {} failed, {} faults",
        state.cases,
        state.time.as_secs_f64(),
        state.failed,
        state.faults,
    )
}

fn report_finding(traces: &std::path::Path, port: &PortSpec, mut finding: Finding) -> Result<()> {
    let written = write_trace(traces, &port.name, &shell_words::join(&port.command), &mut finding);
    let mut text = format!("{}: {}: {}\n", port.name, finding.case, finding.headline());
    for line in finding.explanation.iter().chain(&finding.replay) {
        text += &format!("    {line}\n");
    }
    super::print(&text)?;
    written.map(|_| ())
}

pub(crate) fn run_shrink(arguments: &ShrinkArguments) -> Result<Exit> {
    let lines = lines_of(&arguments.trace)?;
    let ports = arguments.ports.given()?;
    check_folder(&arguments.traces)?;
    if ports.is_empty() {
        return Err(Refused::Usage("a --port to shrink for is missing".into()).into());
    }
    let mut exit = Exit::Done;
    for port in ports {
        let mut examinee = Examinee::new(port.clone(), arguments.ports.timeout);
        let stem = arguments.trace.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let id = format!("shrunk/{stem}");
        let case = Case { id, lines: lines.clone(), delivery: arguments.delivery };
        match examinee.run(&case.lines, case.delivery) {
            Ok(()) => super::print(&format!("{}: nothing differs\n", port.name))?,
            Err(divergence) => {
                exit = Exit::Diverged;
                let budget = Settings::default().budget;
                let finding = investigate(&mut examinee, &case, &[], divergence, budget);
                report_finding(&arguments.traces, &port, finding)?;
            }
        }
    }
    Ok(exit)
}
