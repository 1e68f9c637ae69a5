//! `explore`: every small state of the reference.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use dkv20::Cluster;
use dkv20::explore::{Level, RULES, Report, Settings, explore, trace_of};
use tempfile::NamedTempFile;

use super::exam::seconds;
use super::trace::write_whole;
use crate::exit::{Exit, Refused};

const DEFAULT_DEPTH: u32 = 6;

/// Go through every state that few events can lead to, and hold each step against the rules.
///
/// All sequences of proposals (to the current leader, and at each replica), partition, heal and
/// compact (of each replica and of all) are run on the reference; a state is looked at once,
/// however many sequences lead there. Printed are the states, the steps between them, and how
/// often each rule was put to the test. A rule that never was, and should have been, is a failure
/// (exit status 3); one that is broken is shown by a shortest sequence of commands (exit status 1).
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ExploreArguments {
    /// How many replicas the cluster has, 1 to 64.
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=64))]
    replicas: u8,
    /// The most events in a sequence, from 1; 6, or where --seconds is given no limit.
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,
    /// Stop after so long, whatever has been reached.
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Write the trace of what breaks a rule into this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

const EXAMPLE: &str = "\
Example: every state of three replicas that five events lead to
  dkv20 explore --replicas 3 --depth 5 --trace broken.trace";

pub(crate) fn run(arguments: &ExploreArguments) -> Result<Exit> {
    if let Some(file) = &arguments.trace {
        check_writable(file)?;
    }
    let replica_count = usize::from(arguments.replicas);
    let limit = if arguments.seconds.is_some() { u32::MAX } else { DEFAULT_DEPTH };
    let settings = Settings {
        depth: arguments.depth.unwrap_or(limit),
        time: arguments.seconds,
        thread_count: thread::available_parallelism().map_or(1, usize::from),
    };
    let cluster = Cluster::new(replica_count)?;
    let start = Instant::now();
    super::print("depth      states  transitions   seconds\n")?;
    let mut printed = Ok(());
    let report = without_panic_messages(|| {
        explore(&cluster, &settings, |level| {
            if printed.is_ok() {
                printed = super::print(&level_line(level, start.elapsed()));
            }
        })
    });
    printed?;
    super::print(&rules_text(&report))?;
    let exit = conclude(arguments, &report)?;
    super::print(&summary(&report, start.elapsed()))?;
    Ok(exit)
}

/// Whether the trace could be written, before much time goes into finding what to write.
fn check_writable(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let reason = match made {
        Ok(_) if !file.is_dir() => return Ok(()),
        Ok(_) => "it is a folder".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Refused::Broken(format!("{}: cannot be written: {reason}", file.display())).into())
}

/// A panic is a finding, told once in the end, and not a message for each state that shows it.
fn without_panic_messages<T>(work: impl FnOnce() -> T) -> T {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    done.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

fn level_line(level: &Level, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    format!("{:>5} {:>11} {:>12} {seconds:>9.1}\n", level.depth, level.states, level.transitions)
}

fn rules_text(report: &Report) -> String {
    let mut text = "\nrule                            tested  what it says\n".to_owned();
    for (rule, tested) in RULES.iter().zip(report.tested) {
        text += &format!("{:<24} {tested:>13}  {}\n", rule.name, rule.about);
    }
    text + "\n"
}

/// Says what was broken, or what was not put to the test.
fn conclude(arguments: &ExploreArguments, report: &Report) -> Result<Exit> {
    let replica_count = usize::from(arguments.replicas);
    if let Some(counterexample) = &report.counterexample {
        let trace = without_panic_messages(|| trace_of(replica_count, counterexample));
        match &arguments.trace {
            Some(file) => {
                write_whole(file, trace.as_bytes())
                    .map_err(|error| Refused::Broken(format!("{}: {error}", file.display())))?;
                super::print(&format!("written to {}:\n\n{trace}\n", file.display()))?;
            }
            None => super::print(&format!("{trace}\n"))?,
        }
        return Ok(Exit::Diverged);
    }
    let vacuous = report.vacuous(replica_count);
    if report.levels.len() < 2 {
        return Err(Refused::Broken("the time ended before a step was judged".into()).into());
    }
    if vacuous.is_empty() {
        return Ok(Exit::Done);
    }
    super::print(&format!("never put to the test: {}\n", vacuous.join(", ")))?;
    Ok(Exit::Broken)
}

fn summary(report: &Report, time: Duration) -> String {
    let verdict = match &report.counterexample {
        Some(counterexample) => {
            let count = counterexample.commands.len();
            format!("{} broken by {count} commands", counterexample.broken[0].rule)
        }
        None => format!("{} rules hold", RULES.len()),
    };
    let depth = report.levels.last().map_or(0, |level| level.depth);
    let end = if report.out_of_time { ", the next one in part" } else { "" };
    format!(
        "explore: {verdict}: depth {depth}{end}, {} states, {} transitions, {:.1} s\n",
        report.states,
        report.transitions,
        time.as_secs_f64()
    )
}
