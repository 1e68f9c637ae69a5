//! The settings of a log by the machine whose lines it holds, and the lines that it can hold.

use clap::Args;
use dkv20::machines::Described;
use dkv20::{Command, parse};
use dkv20_described::Status;
use dkv20_exam::Machine as _;
use dkv20_exam::reports::visible;
use dkv20_live::Settings;

use super::super::arguments::whole;
use super::super::subject::Subject;
use crate::exit::Failure;

/// The default of `--every`.
pub(super) const EVERY: u64 = 1_000;
/// The seed of start lines that the command line does not name: two programs that begin a log at the
/// same time draw the same ones.
const START_SEED: u64 = 1;

/// The options that a new log takes its settings from.
#[derive(Args, Default)]
#[command(next_help_heading = "New log")]
pub(super) struct SettingsArguments {
    /// How many entries there are from one checkpoint to the next, if the log is new; 1000 by default.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1..=1_000_000_000))]
    pub(super) every: Option<u64>,
    /// A start line of a machine of a file, if the log is new; may be repeated. Without it the start
    /// lines are drawn, the same ones each time.
    #[arg(long, value_name = "LINE", requires = "machine")]
    pub(super) start: Vec<String>,
}

/// Returns the settings of a new log for the machine.
pub(super) fn settings(
    subject: &Subject,
    arguments: &SettingsArguments,
) -> Result<Settings, Failure> {
    let every = arguments.every.unwrap_or(EVERY);
    match subject.described() {
        Some(described) => of_described(described, every, &arguments.start),
        None => Ok(of_dkv20(every)),
    }
}

/// A follower of dkv20 is a cluster of one replica: its commit index is the log's index.
fn of_dkv20(every: u64) -> Settings {
    let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect();
    Settings {
        machine: "dkv20".into(),
        start: lines(&["new 1"]),
        observers: lines(&["replica 0", "hash 0"]),
        has_digests: true,
        every,
    }
}

fn of_described(described: &Described, every: u64, start: &[String]) -> Result<Settings, Failure> {
    let start = if start.is_empty() {
        let drawn = described.draw_start(START_SEED).map_err(Failure::broken)?;
        texts(drawn).ok_or_else(|| {
            Failure::broken("the start lines that were drawn are not UTF-8: name some with --start")
        })?
    } else {
        start.to_vec()
    };
    let observers = observers(described, &start).map_err(|reason| {
        Failure::usage(format!("--start: {reason}; name each start line, in the file's order"))
    })?;
    Ok(Settings {
        machine: name(described).into(),
        start,
        observers,
        has_digests: described.rules().equality.is_exact(),
        every,
    })
}

/// Returns the observers of a session with these start lines, or why they are none of the machine.
fn observers(described: &Described, start: &[String]) -> Result<Vec<String>, String> {
    let rules = described.rules();
    rules.variables_of(start).map_err(|reason| reason.to_string())?;
    // A case may go on after its start lines, a session of a log does not.
    if let Some(line) = start.iter().find(|line| rules.is_start(line.as_bytes()).is_none()) {
        return Err(format!("`{}` is no start line", visible(line)));
    }
    let lines: Vec<_> = start.iter().map(|line| line.clone().into_bytes()).collect();
    let observers = texts(described.observers(&lines)).ok_or("its observers are not UTF-8")?;
    if observers.is_empty() {
        return Err("the file has no observer, so that there is nothing to compare".into());
    }
    Ok(observers)
}

fn texts(lines: Vec<Vec<u8>>) -> Option<Vec<String>> {
    lines.into_iter().map(|line| String::from_utf8(line).ok()).collect()
}

fn name(described: &Described) -> &str {
    &described.levels()[0].name
}

/// Checks that a log with these settings is one of the machine, and that they are those of the command
/// line, as far as it has some.
pub(super) fn check(
    settings: &Settings,
    subject: &Subject,
    arguments: &SettingsArguments,
) -> Result<(), Failure> {
    let reason = match subject.described() {
        None => of_other_machine(settings, "dkv20")
            .or_else(|| of_other_file(settings, &of_dkv20(settings.every))),
        Some(described) => of_other_machine(settings, name(described))
            .or_else(|| of_other_description(settings, described)),
    };
    if let Some(reason) = reason {
        return Err(Failure::broken(format!("the log is another machine's: {reason}")));
    }
    if let Some(every) = arguments.every.filter(|every| *every != settings.every) {
        return Err(Failure::usage(format!(
            "--every {every}: the log has checkpoints every {} entries, which never changes",
            settings.every
        )));
    }
    if !arguments.start.is_empty() && arguments.start != settings.start {
        return Err(Failure::usage(format!(
            "--start: the log has the start lines {}, which never change",
            listed(&settings.start)
        )));
    }
    Ok(())
}

fn listed(lines: &[String]) -> String {
    visible(&format!("`{}`", lines.join("`, `")))
}

fn of_other_machine(settings: &Settings, name: &str) -> Option<String> {
    let known = visible(&settings.machine);
    let hint =
        if known == "dkv20" { "leave out --machine" } else { "name its file with --machine" };
    (settings.machine != name).then(|| format!("it is a log of {known}, not of {name}: {hint}"))
}

/// Returns why a log of a machine of this name is not one of this file.
fn of_other_description(settings: &Settings, described: &Described) -> Option<String> {
    match observers(described, &settings.start) {
        Err(reason) => Some(format!("its start lines are not those of the file: {reason}")),
        Ok(observers) => {
            let has_digests = described.rules().equality.is_exact();
            of_other_file(settings, &Settings { observers, has_digests, ..settings.clone() })
        }
    }
}

/// Returns the first difference between the settings of a log and those of the machine here.
fn of_other_file(settings: &Settings, here: &Settings) -> Option<String> {
    if settings.start != here.start {
        let (log, here) = (listed(&settings.start), listed(&here.start));
        return Some(format!("its start lines are {log}, and here {here}"));
    }
    if settings.observers != here.observers {
        let (log, here) = (listed(&settings.observers), listed(&here.observers));
        return Some(format!("its observers are {log}, and here {here}"));
    }
    (settings.has_digests != here.has_digests)
        .then(|| "`equality` is exact in one of both, and not in the other".into())
}

/// Reports whether an answer is an error.
pub(super) fn is_error(subject: &Subject, answer: &[u8]) -> bool {
    subject.described().map_or_else(
        || answer.starts_with(b"err"),
        |described| described.rules().equality.status(answer) != Status::Ok,
    )
}

/// Checks that a line can be appended to a log of the machine.
///
/// # Errors
///
/// The reason.
pub(super) fn check_line(subject: &Subject, line: &[u8]) -> Result<(), String> {
    if let Some(described) = subject.described() {
        return check_described(described, line);
    }
    let Ok(Some(Command::Propose { op })) = parse(line) else {
        return Err("an entry is `put KEY VALUE`, `del KEY` or `noop`".into());
    };
    op.check_limits().map_err(|code| format!("{code}"))
}

/// A start line would reset every follower, and `hello` is the marker between answers.
fn check_described(described: &Described, line: &[u8]) -> Result<(), String> {
    let machine = name(described);
    if line == described.hello().as_bytes() {
        return Err(format!("it is {machine}'s `hello`, which is no command"));
    }
    if described.rules().is_start(line).is_some() {
        return Err(format!("it is a start line of {machine}, which would reset every follower"));
    }
    if described.rules().is_command(line) {
        return Ok(());
    }
    let commands = described.rules().commands.iter().map(|command| format!("`{}`", command.name));
    let commands = commands.collect::<Vec<_>>().join(", ");
    Err(format!("it has the form of no command of {machine}: {commands}"))
}
