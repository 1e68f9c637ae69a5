//! A drift: which of the followers are wrong, and the errors of their programs.

use std::fs;
use std::path::{Path, PathBuf};

use dkv20::machines::lines_file;
use dkv20_exam::reports::visible;
use dkv20_exam::{Case, Delivery, Due, Finding, Limits, Machine, PortSpec, shown};
use dkv20_live::{
    Checkpoint, Connection, Difference, Drift, Entries, IsSame, LiveError, LogName, Settings,
    difference,
};
use sha2::{Digest as _, Sha256};

use super::super::files::{print, shown as shown_path, unwritable, write_new};
use super::super::fuzz::investigate_case;
use super::super::outputs::report_finding;
use super::super::subject::Subject;
use super::progress::Progress;
use crate::exit::Failure;

/// How many lines the reference runs at a time.
const LINES_AT_A_TIME: usize = 1_000;
/// How many entries are allocated for before they are read.
const ENTRIES_AT_FIRST: u64 = 1 << 16;

/// A log, its settings, and the known programs of its followers.
pub(super) struct Audited<'a> {
    pub(super) log: &'a LogName,
    pub(super) subject: &'a Subject,
    pub(super) settings: &'a Settings,
    /// The programs of followers, by their names.
    pub(super) ports: &'a [PortSpec],
    pub(super) limits: &'a Limits,
    /// The folder for traces.
    pub(super) traces: &'a Path,
}

/// Returns which answers to an observer's line are the same for the machine.
pub(super) fn is_same(machine: &dyn Machine) -> impl IsSame {
    |line: &str, one: &[u8], other: &[u8]| {
        let name = machine.name_of(line.as_bytes());
        name.is_some_and(|name| machine.is_same(&name, one, other))
    }
}

/// Reads the entries of a log up to an index that some follower has applied.
pub(super) async fn read_entries(
    connection: Connection,
    log: &LogName,
    index: u64,
) -> Result<Vec<Vec<u8>>, LiveError> {
    let mut read = Entries::open(connection, log.clone(), 1);
    read.check_has(index).await?;
    let mut lines = Vec::with_capacity(usize::try_from(index.min(ENTRIES_AT_FIRST)).unwrap_or(0));
    loop {
        for entry in read.next().await? {
            let is_last = entry.index == index;
            lines.push(entry.line);
            if is_last {
                return Ok(lines);
            }
        }
    }
}

/// Prints the index at which the followers drifted apart, and the difference.
pub(super) fn print_difference(audited: &Audited<'_>, drift: &Drift) -> Result<(), Failure> {
    let Drift { index, agreed, followers, difference } = drift;
    let observers = &audited.settings.observers;
    let before = match (agreed, followers.len()) {
        (Some(agreed), 1) => format!("its last checkpoint before is at {agreed}"),
        (None, 1) => "it has no checkpoint before".into(),
        (Some(agreed), _) => format!("they agreed at {agreed}"),
        (None, _) => "they have no checkpoint in common before".into(),
    };
    let place = match difference {
        Difference::Failure => "a program failed".into(),
        Difference::Observer(at) => {
            let line = observers.get(*at).map_or("an observer", String::as_str);
            format!("the answers to `{}` differ", shown(line.as_bytes()))
        }
        Difference::Digest => {
            let first = entries_from(*index, audited.settings) + 1;
            format!("answers to the entries {first} to {index} differ")
        }
    };
    let mut text = format!("log {}: drift at {index}: {place}; {before}\n", audited.log);
    for (name, checkpoint) in followers {
        text += &format!("    {name}: {}\n", in_short(checkpoint, *difference));
    }
    print(&text)
}

/// Returns the part of a checkpoint in which it differs.
fn in_short(checkpoint: &Checkpoint, difference: Difference) -> String {
    match (checkpoint, difference) {
        (Checkpoint::Failed { failure }, _) => visible(failure),
        (Checkpoint::Applied { answers, .. }, Difference::Observer(at)) => {
            let answer = answers.get(at).map_or("no answer", String::as_str);
            format!("`{}`", Checkpoint::answer(answer).map_or(answer.into(), |it| shown(&it)))
        }
        (Checkpoint::Applied { digest, .. }, Difference::Digest) => {
            format!("digest {}", visible(digest.as_deref().unwrap_or("missing")))
        }
        (Checkpoint::Applied { .. }, Difference::Failure) => "applied".into(),
    }
}

/// Returns the index of the last checkpoint before an index; 0 if there is none.
const fn entries_from(index: u64, settings: &Settings) -> u64 {
    index.saturating_sub(1) / settings.every * settings.every
}

fn bytes(lines: &[String]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.clone().into_bytes()).collect()
}

/// Finds the followers that are wrong, and the errors of their programs.
///
/// # Errors
///
/// The reference or a program cannot be run, a file cannot be written, or a signal came.
pub(super) fn explain(
    audited: &Audited<'_>,
    drift: &Drift,
    entries: Vec<Vec<u8>>,
) -> Result<(), Failure> {
    let Audited { log, subject, settings, .. } = audited;
    let start_count = settings.start.len();
    let mut lines = bytes(&settings.start);
    lines.extend(entries);
    lines.extend(bytes(&settings.observers));
    let case =
        Case::new(format!("live/{}-{}", plain(log), drift.index), lines, Delivery::Pipelined);
    let right = checkpoint_of_reference(audited, drift.index, &case.lines, start_count);
    let right = right.inspect_err(|_| {
        // Without the reference, the lines are all that is known.
        let _ = report_whole_trace(audited, &case, None);
    })?;
    let is_same = is_same(subject.machine());
    let (wrong, agreeing): (Vec<_>, Vec<_>) =
        drift.followers.iter().partition(|(_, checkpoint)| {
            difference(&settings.observers, &is_same, &right, checkpoint).is_some()
        });
    if wrong.is_empty() {
        print(
            "the reference agrees with all of them: a program is not deterministic, or a \
             checkpoint was published again meanwhile\n",
        )?;
        return report_whole_trace(audited, &case, None);
    }
    let names = |followers: &[(&String, &Checkpoint)]| {
        followers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let others = if agreeing.is_empty() { "no follower".into() } else { names(&agreeing) };
    print(&format!("wrong: {}; the reference agrees with {others}\n", names(&wrong)))?;
    for (name, _) in wrong {
        match port_of(audited, name) {
            Some(port) => reproduce(audited, port, &case)?,
            None => report_whole_trace(audited, &case, Some(name))?,
        }
    }
    Ok(())
}

/// Returns the program of a follower, if it is known.
fn port_of<'a>(audited: &Audited<'a>, name: &str) -> Option<&'a PortSpec> {
    let ports = audited.ports.iter().chain(audited.subject.other_programs());
    ports.chain(audited.subject.reference()).find(|port| port.name == name)
}

/// Runs the program of a wrong follower again, and investigates the difference.
fn reproduce(audited: &Audited<'_>, port: &PortSpec, case: &Case) -> Result<(), Failure> {
    let Audited { subject, limits, traces, .. } = audited;
    // A follower gets each line with a `hello` after it, which is slower to investigate.
    for delivery in [Delivery::Pipelined, Delivery::Marked] {
        let case = Case { delivery, ..case.clone() };
        let progress = Progress::unmeasured(format!("{}: looking for the error", port.name));
        let found = |finding: Finding| {
            drop(progress);
            print_first_wrong(audited, port, &case, &finding)?;
            report_finding(subject, traces, port, limits.timeout, finding, false)
        };
        match investigate_case(subject.machine(), port, limits, &case, found) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) => {
                report_whole_trace(audited, &case, Some(&port.name))?;
                return Err(failure);
            }
        }
    }
    print(&format!(
        "{}: it did not occur again with this program: was the follower another one?\n",
        port.name
    ))?;
    report_whole_trace(audited, case, Some(&port.name))
}

/// Prints the entry at which a program was first wrong, if it is one.
fn print_first_wrong(
    audited: &Audited<'_>,
    port: &PortSpec,
    case: &Case,
    finding: &Finding,
) -> Result<(), Failure> {
    let Settings { start, observers, .. } = audited.settings;
    let last = case.lines.len() - observers.len();
    let step = finding.step_of_case.filter(|step| (start.len() + 1..=last).contains(step));
    let Some(step) = step else { return Ok(()) };
    let (entry, line) = (step - start.len(), shown(&case.lines[step - 1]));
    print(&format!("{}: the first wrong step is entry {entry}: `{line}`\n", port.name))
}

/// Writes all lines up to the drift into a file, and prints the command that shrinks them: for the
/// follower of this name, if it is one.
fn report_whole_trace(
    audited: &Audited<'_>,
    case: &Case,
    follower: Option<&str>,
) -> Result<(), Failure> {
    let path = write_whole_trace(audited, case)?;
    let machine = audited.subject.options().iter().cloned();
    let words: Vec<_> = ["dkv20".into(), "shrink".into(), path.clone().into_os_string()]
        .into_iter()
        .chain(machine)
        .collect();
    let command = PortSpec::shell_line(&words);
    let (name, port) = follower.map_or(("all lines", "NAME"), |name| (name, name));
    let count = case.lines.len();
    print(&format!(
        "{name}: {count} lines up to there are in {}\n    {command} --port {port}=COMMAND\n",
        shown_path(&path)
    ))
}

fn write_whole_trace(audited: &Audited<'_>, case: &Case) -> Result<PathBuf, Failure> {
    let folder = audited.traces;
    let heading = format!("log {}: all lines up to a drift, and the observers", audited.log);
    let bytes = lines_file(&case.lines, &[heading]);
    let stem = case.id.replace('/', "-");
    let written =
        fs::create_dir_all(folder).and_then(|()| write_new(folder, &stem, "lines", &bytes));
    let path = written.map_err(|error| unwritable(folder, &error))?;
    // A path that begins with a dash would be an option.
    let is_like_option = path.to_string_lossy().starts_with('-');
    Ok(if is_like_option { Path::new(".").join(path) } else { path })
}

fn plain(log: &LogName) -> String {
    log.to_string().replace('/', "-")
}

/// Returns the checkpoint of the reference at an index, after running the lines: start lines, as many
/// entries, and the observers.
fn checkpoint_of_reference(
    audited: &Audited<'_>,
    index: u64,
    lines: &[Vec<u8>],
    start_count: usize,
) -> Result<Checkpoint, Failure> {
    let Audited { subject, settings, limits, .. } = audited;
    let broken = |failure: dkv20_exam::Failure| {
        Failure::broken(format!("the drift is not explained: {failure}"))
    };
    let mut session = subject.machine().session().map_err(broken)?;
    let observers_at = lines.len() - settings.observers.len();
    let skipped = usize::try_from(entries_from(index, settings)).unwrap_or(usize::MAX);
    let digest_at = start_count.saturating_add(skipped);
    let mut digest = Sha256::new();
    let mut answers = Vec::new();
    let mut position = 0;
    for chunk in lines.chunks(LINES_AT_A_TIME) {
        let goes_on = || !limits.interrupt.is_raised();
        let due = session.run_lines(chunk, &goes_on).map_err(broken)?;
        if !goes_on() {
            return Err(broken(dkv20_exam::Failure::Interrupted));
        }
        for due in due {
            let answer = match due {
                Due::Answer(answer) => answer,
                Due::Nothing | Due::Greeting => Vec::new(),
            };
            if (digest_at..observers_at).contains(&position) {
                digest.update(&answer);
                digest.update(b"\n");
            }
            if position >= observers_at {
                answers.push(answer);
            }
            position += 1;
        }
    }
    let has_digest = settings.has_digests && index.is_multiple_of(settings.every);
    let digest = has_digest.then(|| hex::encode(digest.finalize()));
    Ok(Checkpoint::of_answers(answers.iter().map(Vec::as_slice), digest))
}
