//! `exam`: examines ports and reports what it finds.

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};
use dkv20_exam::reports::{counted, text, verdict_line};
use dkv20_exam::{
    ExamVerdict, Finding, Limits, Plan, PortSpec, Progress, Report, Selection, Settings, Shard,
    examine,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::arguments::{Listed, PortArguments, case_name, seconds, whole};
use super::files::{is_output_closed, print};
use super::outputs::{ReportArguments, try_all};
use super::subject::{MachineArguments, Subject};
use crate::exit::{Exit, Failure};

/// Examine ports: programs that speak the port protocol (docs/CONCEPTS.md, section 8), or that
/// implement a machine of your own (docs/machines.md).
///
/// Each port gets the same command lines as the reference, which for dkv20 runs in this process. The
/// first wrong step is reported, shrunk to the fewest commands, explained, and written as a trace
/// that can be replayed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExamArguments {
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    ports: PortArguments,
    #[command(flatten)]
    cases: CaseArguments,
    #[command(flatten)]
    reports: ReportArguments,
    /// Print only the verdict, in one line.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Cases")]
struct CaseArguments {
    /// Ask only this suite, case or group of cases, such as `traces`, `case-15` or `histories/17`;
    /// may be repeated.
    #[arg(long, value_name = "SUITE-or-CASE", value_parser = case_name())]
    #[arg(hide_possible_values = true)]
    only: Vec<String>,
    /// Ask only what a port of this level must know.
    #[arg(long, default_value = "5", conflicts_with = "machine")]
    level: LevelArgument,
    /// The seed of the generated cases, 0 to 18446744073709551615.
    #[arg(long, value_name = "SEED", default_value_t = Plan::default().seed)]
    #[arg(value_parser = whole::<u64>(0..=u64::MAX), allow_negative_numbers = true)]
    seed: u64,
    /// How many cases each generated suite has, 0 to 2000000; by default 600, and 2000 of a described
    /// machine. With 0 they are left out; with less than
    /// 300 they need not reach their milestones. The time and the memory grow with it.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<usize>(0..=2_000_000))]
    cases: Option<usize>,
    /// How many commands the longest path of the exhaustive suite has, 0 to 8. One more makes
    /// almost four times as many cases: 2727 with 4, 529635 with 8. With 0 it is left out; 1 and 2
    /// are too few for its milestones, and refused unless only a part of it is asked.
    #[arg(long, value_name = "D", default_value_t = Plan::default().states_depth)]
    #[arg(value_parser = whole::<usize>(0..=8), allow_negative_numbers = true)]
    #[arg(conflicts_with = "machine")]
    states_depth: usize,
    /// Also ask the cases that take a port seconds: the largest logs, maps and answers.
    #[arg(long, conflicts_with = "machine")]
    thorough: bool,
    /// Go on with generated cases until a port's exam has taken this many seconds (up to 1000000).
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<Duration>,
    /// Ask only the I-th of N equal parts of the cases; N is 1 to 10000.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: Shard,
    /// Stop a port's exam at its first failing case.
    #[arg(long)]
    fail_fast: bool,
    /// How many ports are examined at a time, 1 to 1000; by default as many as there are processors.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = whole::<usize>(1..=1000), allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// Print the selected cases, and ask nothing.
    #[arg(long)]
    list: bool,
}

/// The levels, in order.
#[derive(Clone, Copy, ValueEnum)]
enum LevelArgument {
    /// numbers
    #[value(name = "1", alias = "numbers")]
    Numbers,
    /// codec
    #[value(name = "2", alias = "codec")]
    Codec,
    /// cluster
    #[value(name = "3", alias = "cluster")]
    Cluster,
    /// faults
    #[value(name = "4", alias = "faults")]
    Faults,
    /// scale
    #[value(name = "5", alias = "scale")]
    Scale,
}

/// How many cases of a described machine are drawn if the command line has no number.
const DESCRIBED_CASES: usize = 2_000;
const SHARDS_MAX: usize = 10_000;
/// How many bytes of a list are printed at once.
const LISTED_AT_ONCE: usize = 1 << 16;

const EXAMPLES: &str = "\
Examples:
  dkv20 exam --port mine='./my-port serve'
  dkv20 exam --port mine='./my-port serve' --level 2
  dkv20 exam --port a='./a serve' --port b='./b serve' --only case-15 --html report.html
  dkv20 exam                       examines the ports of tests/ports.toml
  dkv20 exam --machine orderbook.toml
  dkv20 exam --machine orderbook.toml --reference 'java -jar old.jar' --port new=./orderbook

Exit status: 0 every port conforms, 1 a port diverges or lacks commands, 2 usage error or a mistake
in the machine file, 3 a port could not be examined, the exam itself failed, or nothing was asked.";

pub(crate) fn run(arguments: &ExamArguments) -> Result<Exit, Failure> {
    let limits = arguments.ports.limits()?;
    let subject = arguments.machine.subject(&limits)?;
    subject.check_reference()?;
    // A list needs no ports.
    let listed = if arguments.cases.list {
        Listed::default()
    } else {
        subject.ports_or_default(&arguments.ports)?
    };
    let Listed { ports, expected } = listed;
    let settings =
        Settings { expected, ..arguments.cases.settings(subject.is_described(), limits) };
    let selection = Selection::new(subject.machine(), &settings);
    check(&subject, &selection, &settings)?;
    if arguments.cases.list {
        return list(&subject, &selection, &settings.limits);
    }
    let programs = selection.programs(&ports);
    if programs.is_empty() {
        return Err(subject.no_port());
    }
    arguments.reports.check()?;
    let bars = progress_bars(&programs, selection.count());
    let mut report = examine(&ports, &selection, &|progress| show(&bars[progress.port], progress));
    bars.iter().for_each(ProgressBar::finish_and_clear);
    // Each of these is tried, so that no result is lost since another cannot be written.
    let limits = &settings.limits;
    let traces_written = arguments.reports.write_traces(&subject, &programs, limits, &mut report);
    let reports_written = arguments.reports.write(&report);
    let colour = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let shown = if arguments.quiet { verdict_line(&report) + "\n" } else { text(&report, colour) };
    let printed = arguments.reports.print(&shown);
    for problem in problems(&report, arguments.quiet) {
        crate::complain(&format!("dkv20: {problem}"));
    }
    try_all([traces_written, reports_written, printed])?;
    Ok(match report.verdict() {
        ExamVerdict::Conforms => Exit::Done,
        ExamVerdict::Diverges | ExamVerdict::Incomplete => Exit::Diverged,
        ExamVerdict::Broken => Exit::Broken,
    })
}

impl CaseArguments {
    fn settings(&self, is_described: bool, limits: Limits) -> Settings {
        let usual = if is_described { DESCRIBED_CASES } else { Plan::default().generated_count };
        Settings {
            plan: Plan {
                seed: self.seed,
                generated_count: self.cases.unwrap_or(usual),
                states_depth: self.states_depth,
                is_thorough: self.thorough,
            },
            only: self.only.clone(),
            level_max: self.level as usize + 1,
            shard: self.shard,
            time: self.seconds,
            fail_fast: self.fail_fast,
            jobs: self.jobs.and_then(NonZeroUsize::new),
            expected: Vec::new(),
            limits,
        }
    }
}

/// Checks that the plan can reach what it has to, and that something is asked.
fn check(subject: &Subject, selection: &Selection<'_>, settings: &Settings) -> Result<(), Failure> {
    let plan_errors = selection.plan_errors();
    if settings.limits.interrupt.is_raised() {
        return Err(Failure::broken("interrupted before a port was started"));
    }
    if let Some(error) = plan_errors.first() {
        let depth = settings.plan.states_depth;
        return Err(Failure::usage(format!("--states-depth {depth} is too small: {error}")));
    }
    let unmatched: Vec<_> = selection.unmatched().iter().map(|name| format!("`{name}`")).collect();
    if selection.count() == 0 {
        let level = if subject.is_described() { "" } else { ", --level" };
        let mut reason = format!("no case matches --only{level} and --shard");
        let counts = &settings.plan;
        for (count, option) in
            [(counts.generated_count, "--cases"), (counts.states_depth, "--states-depth")]
        {
            if count == 0 {
                reason += &format!("; {option} 0 leaves suites out");
            }
        }
        return Err(Failure::broken(reason));
    }
    if !unmatched.is_empty() {
        return Err(Failure::broken(format!("no case matches --only {}", unmatched.join(", "))));
    }
    Ok(())
}

/// Prints the cases, until the reader leaves.
fn list(subject: &Subject, selection: &Selection<'_>, limits: &Limits) -> Result<Exit, Failure> {
    let mut text = String::new();
    for case in selection.cases() {
        if text.len() > LISTED_AT_ONCE {
            print(&std::mem::take(&mut text))?;
            if is_output_closed() {
                return Ok(Exit::Done);
            }
        }
        if limits.interrupt.is_raised() {
            return Err(Failure::broken("the list was interrupted"));
        }
        let level = subject.machine().level_of_all(&case.lines);
        text += &format!("{}  level {level}  {}\n", case.id, counted(case.lines.len(), "line"));
    }
    print(&text)?;
    Ok(Exit::Done)
}

/// Returns a line for each port that could not be examined and for each error of the exam; and for
/// each oddity of a port, which the text has too unless it `is_quiet`.
fn problems(report: &Report, is_quiet: bool) -> Vec<String> {
    let mut problems = Vec::new();
    for port in &report.ports {
        let name = &port.name;
        if let Some(cause) = &port.external_cause {
            problems.push(format!("{name}: could not be examined: {cause}"));
        } else if !port.is_examined() {
            let headlines = port.findings.iter().map(Finding::headline);
            problems.extend(headlines.map(|headline| format!("{name}: {headline}")));
        }
        if is_quiet {
            problems.extend(port.notes.iter().map(|note| format!("{name}: note: {note}")));
        }
    }
    problems.extend_from_slice(&report.exam_errors);
    problems
}

/// Returns a progress bar for each port. They are shown on a terminal only.
fn progress_bars(ports: &[PortSpec], case_count: usize) -> Vec<ProgressBar> {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {wide_msg}")
        .expect("the template is right");
    let bar = |port: &PortSpec| {
        let bar = ProgressBar::new(case_count as u64).with_style(style.clone());
        bars.add(bar.with_prefix(port.name.clone()))
    };
    ports.iter().map(bar).collect()
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    bar.set_position(progress.done as u64);
    let failed = progress.failed;
    let failed = if failed > 0 { format!("{failed} failed, ") } else { String::new() };
    bar.set_message(format!("{failed}{}", progress.case));
}

fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((number, count)) if (1..=count).contains(&number) && count <= SHARDS_MAX => {
            Ok(Shard { number, count })
        }
        _ => Err(format!("expected I/N with whole numbers, 1 <= I <= N <= {SHARDS_MAX}")),
    }
}
