//! `explore`: every small state of the reference.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use dkv20::explore::{Level, RULES, Report, Settings, explore, trace_of};
use dkv20::reference::Cluster;
use dkv20_exam::reports::counted;

use super::arguments::{seconds, whole};
use super::files::{
    broken, check_file, is_output_closed, print, shown, when_output_closes, write_whole,
};
use crate::exit::{Exit, Failure};

const DEFAULT_DEPTH: u32 = 6;

/// Visit every state that few actions can reach, and check each step against the rules.
///
/// All sequences of proposals (to the current leader, and at each replica), partition, heal and
/// compact (of each replica and of all) run on the state machine; each state is visited once. The
/// command prints the numbers of states and transitions, and how often each rule was tested. A rule
/// that should have been tested and was not is a failure (exit status 3); a violation is shown by a
/// shortest sequence of commands (exit status 1).
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ExploreArguments {
    /// How many replicas the cluster has, 1 to 64.
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = whole::<u8>(1..=64), allow_negative_numbers = true)]
    replicas: u8,
    /// The most actions in a sequence, 1 to 100. The default is 6; with --seconds, the time is the
    /// only limit. One more makes about four times as many states of three replicas.
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u32>(1..=100))]
    depth: Option<u32>,
    /// Stop after this many seconds (up to 1000000).
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<Duration>,
    /// Write the trace of a violation into this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

const EXAMPLE: &str = "\
Example: every state of three replicas that five actions reach
  dkv20 explore --replicas 3 --depth 5 --trace broken.trace";

pub(crate) fn run(arguments: &ExploreArguments) -> Result<Exit, Failure> {
    if let Some(file) = &arguments.trace {
        check_file(file)?;
    }
    let size = u64::from(arguments.replicas);
    let limit = if arguments.seconds.is_some() { u32::MAX } else { DEFAULT_DEPTH };
    let settings = Settings {
        depth: arguments.depth.unwrap_or(limit),
        time: arguments.seconds,
        thread_count: thread::available_parallelism().map_or(1, usize::from),
    };
    let cluster = Cluster::new(size)?;
    // Without a verdict it must not end as with one.
    if is_output_closed() {
        return Ok(Exit::Broken);
    }
    when_output_closes(|| process::exit(Exit::Broken as i32))?;
    let start = Instant::now();
    print("depth      states  transitions   seconds\n")?;
    let mut printed = Ok(());
    let report = without_panic_messages(|| {
        explore(&cluster, &settings, |level| {
            if printed.is_ok() {
                printed = print(&level_line(level, start.elapsed()));
            }
        })
    });
    printed?;
    print(&rules_text(&report))?;
    let exit = conclude(arguments, &report)?;
    print(&summary(&report, start.elapsed()))?;
    Ok(exit)
}

/// Runs `work` without messages for panics: a panic is a violation, which is reported at the end.
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

/// Prints the violation, or the rules that were not tested.
fn conclude(arguments: &ExploreArguments, report: &Report) -> Result<Exit, Failure> {
    let size = u64::from(arguments.replicas);
    if let Some(counterexample) = &report.counterexample {
        let trace = without_panic_messages(|| trace_of(size, counterexample));
        match &arguments.trace {
            Some(file) => {
                write_whole(file, trace.as_bytes()).map_err(|error| broken(file, error))?;
                print(&format!("written to {}:\n\n{trace}\n", shown(file)))?;
            }
            None => print(&format!("{trace}\n"))?,
        }
        return Ok(Exit::Diverged);
    }
    let vacuous = report.vacuous(size);
    if report.levels.len() < 2 {
        return Err(Failure::broken("the time ended before a step was judged"));
    }
    if vacuous.is_empty() {
        return Ok(Exit::Done);
    }
    print(&format!("never tested: {}\n", vacuous.join(", ")))?;
    Ok(Exit::Broken)
}

fn summary(report: &Report, time: Duration) -> String {
    let verdict = match &report.counterexample {
        Some(counterexample) => {
            let count = counterexample.actions.len();
            let actions = counted(count, "action");
            format!("{} broken by {actions}", counterexample.violations[0].rule)
        }
        None => format!("{} rules hold", RULES.len()),
    };
    let depth = report.levels.last().map_or(0, |level| level.depth);
    let end = if report.out_of_time { ", the next one in part" } else { "" };
    format!(
        "explore: {verdict}: depth {depth}{end}, {}, {}, {:.1} s\n",
        counted(report.states, "state"),
        counted(report.transitions, "transition"),
        time.as_secs_f64()
    )
}
