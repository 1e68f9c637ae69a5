//! `exam`: ports are examined, and what was found is reported.

mod ports;
mod reports;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use dkv20::exam::case::{Delivery, LEVELS};
use dkv20::exam::port::INTERRUPTED;
use dkv20::exam::report::text;
use dkv20::exam::run::{Outcome, Progress, Report, Selection, Settings, examine};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) use ports::PortArguments;
use reports::Outputs;
pub(crate) use reports::{check_folder, write_trace};

use crate::exit::{Exit, Refused};

/// Examine ports: programs that speak the port protocol (docs/CONCEPTS.md, section 8).
///
/// Each port is asked what the reference is asked, in this same process, and told where it first
/// does otherwise: the first bad step, shrunk to the fewest commands, explained, and written as a
/// trace that replays.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExamArguments {
    #[command(flatten)]
    ports: PortArguments,
    /// Ask only this section, case or group of cases, such as `traces`, `case-15` or
    /// `events/17`; may be given more than once.
    #[arg(long, value_name = "SECTION-or-CASE")]
    only: Vec<String>,
    /// Ask only what a port of this level must know: 1 numbers, 2 codec, 3 cluster, 4 faults,
    /// 5 scale.
    #[arg(long, default_value_t = LEVELS.len(), value_parser = level)]
    level: usize,
    /// The seed of the generated cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many cases each generated section has.
    #[arg(long, value_name = "N", default_value_t = Settings::default().plan.generated_count)]
    cases: usize,
    /// How many events the longest path of the exhaustive section has.
    #[arg(long, value_name = "D", default_value_t = Settings::default().plan.states_depth)]
    states_depth: usize,
    /// Go on with generated cases until the exam of a port has taken this long.
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Ask only the I-th of N equal parts; the N parts together are the whole.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: (usize, usize),
    /// Stop a port's exam at its first failing case.
    #[arg(long, overrides_with = "keep_going")]
    fail_fast: bool,
    /// Go on after a failing case (the default).
    #[arg(long)]
    keep_going: bool,
    /// Print the cases that would be asked, and ask nothing.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    outputs: reports::ReportArguments,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 exam --port mine='./my-port serve'
  dkv20 exam --port mine='./my-port serve' --level 2
  dkv20 exam --port a='./a serve' --port b='./b serve' --only case-15 --html report.html
  dkv20 exam                       examines the ports of tests/ports.toml

Exit status: 0 every port conforms, 1 a port diverges, 2 usage error, 3 a port could not be
examined, the exam itself failed, or nothing was asked.";

pub(crate) fn run(arguments: &ExamArguments) -> Result<Exit> {
    let settings = settings(arguments);
    let selection = Selection::new(&settings);
    if selection.count() == 0 {
        return Err(Refused::Broken("no case is as asked for: nothing to do".into()).into());
    }
    if arguments.list {
        return list(&selection);
    }
    let ports = arguments.ports.given_or_default()?;
    let outputs = Outputs::open(&arguments.outputs)?;
    stop_on_signals()?;
    let bars = Bars::new(ports.iter().map(|port| port.name.as_str()), selection.count());
    let mut report = examine(&ports, &selection, &|progress| bars.show(progress));
    bars.finish();
    // What was found is shown, wherever else it cannot be written.
    let traces_written = outputs.write_traces(&mut report);
    let colour = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    super::print(&text(&report, colour))?;
    outputs.write(&report)?;
    traces_written?;
    for problem in problems(&report) {
        crate::complain(&format!("dkv20: {problem}"));
    }
    Ok(match report.verdict() {
        Outcome::Conforms => Exit::Done,
        Outcome::Diverges => Exit::Diverged,
        Outcome::Broken => Exit::Broken,
    })
}

fn settings(arguments: &ExamArguments) -> Settings {
    let mut settings = Settings {
        only: arguments.only.clone(),
        level_max: arguments.level,
        shard: arguments.shard,
        time: arguments.seconds,
        timeout: arguments.ports.timeout,
        fail_fast: arguments.fail_fast,
        ..Settings::default()
    };
    settings.plan.seed = arguments.seed;
    settings.plan.generated_count = arguments.cases;
    settings.plan.states_depth = arguments.states_depth;
    settings
}

fn list(selection: &Selection) -> Result<Exit> {
    let mut text = String::new();
    for case in selection.cases() {
        text += &format!("{}  level {}  {} lines\n", case.id, case.level(), case.lines.len());
    }
    super::print(&text)?;
    Ok(Exit::Done)
}

/// Ports that are no ports, and faults of the exam: a line each.
fn problems(report: &Report) -> Vec<String> {
    let broken = report.ports.iter().filter(|port| !port.is_examined());
    let broken = broken.flat_map(|port| {
        port.findings.iter().map(move |finding| format!("{}: {}", port.name, finding.headline()))
    });
    broken.chain(report.harness_faults.iter().cloned()).collect()
}

/// Ends the ports at SIGINT or SIGTERM; what was found so far is reported.
pub(crate) fn stop_on_signals() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
    Ok(())
}

/// A progress bar for each port, on a terminal alone.
struct Bars(Vec<ProgressBar>);

impl Bars {
    fn new<'a>(names: impl Iterator<Item = &'a str>, case_count: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self(Vec::new());
        }
        let bars = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {wide_msg}")
            .expect("the template is right");
        let bar = |name: &str| {
            let bar = ProgressBar::new(case_count as u64).with_style(style.clone());
            bars.add(bar.with_prefix(name.to_owned()))
        };
        Self(names.map(bar).collect())
    }

    fn show(&self, progress: Progress<'_>) {
        let Some(bar) = self.0.get(progress.port) else { return };
        bar.set_position(progress.done as u64);
        let failed = progress.failed;
        let failed = if failed > 0 { format!("{failed} failed, ") } else { String::new() };
        bar.set_message(format!("{failed}{}", progress.case));
    }

    fn finish(&self) {
        for bar in &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn level(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(level) if (1..=LEVELS.len()).contains(&level) => Ok(level),
        _ => Err(format!("a level is 1 to {}", LEVELS.len())),
    }
}

/// A positive number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let fault = || "expected a number of seconds greater than 0".to_owned();
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(fault)
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err("expected I/N with 1 <= I <= N".into()),
    }
}

/// A way in which lines can be delivered.
pub(crate) fn delivery(text: &str) -> Result<Delivery, String> {
    let names = || Delivery::ALL.map(Delivery::as_str).join(", ");
    let known = Delivery::ALL.into_iter().find(|delivery| delivery.as_str() == text);
    known.ok_or_else(|| format!("expected one of {}", names()))
}
