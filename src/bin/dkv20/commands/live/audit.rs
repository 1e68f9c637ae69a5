//! `live audit`: comparing the checkpoints of all followers while they come.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use dkv20_exam::{Limits, PortSpec};
use dkv20_live::{Auditor, Connection, Drift, IsSame, LiveError, Settings, Standing};

use super::super::arguments::{PortArguments, whole};
use super::super::files::{check_folder, print};
use super::super::subject::{MachineArguments, Subject};
use super::access::LogArguments;
use super::drift::{self, Audited, is_same};
use super::machine::SettingsArguments;
use super::progress::Progress;
use super::{block_on, broken, machine};
use crate::exit::{Exit, Failure};

/// Compare the checkpoints of all followers of a log while they come, and explain the first
/// difference (exit status 1). Ends with Ctrl-C.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AuditArguments {
    /// End once followers agree at the last checkpoint up to this index.
    #[arg(long, value_name = "INDEX", requires = "followers", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1..=u64::MAX))]
    until: Option<u64>,
    /// How many followers have to agree there.
    #[arg(long, value_name = "N", requires = "until", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<usize>(1..=1_000_000))]
    followers: Option<usize>,
    /// Write traces into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    ports: PortArguments,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 live audit --log demo --port go='target/ports/go serve'
  dkv20 live audit --log demo --until 100000 --followers 3

If --port, or the machine's file, names the program of a wrong follower, it is run again, and its
first wrong step is located, explained and shrunk.";

/// How watching has ended.
enum End {
    /// The followers have come to the index at which it was to end.
    Agreed(u64, Vec<String>),
    Drifted(Drift),
    Interrupted(BTreeMap<String, Standing>),
}

pub(super) fn run(arguments: &AuditArguments) -> Result<Exit, Failure> {
    let limits = arguments.ports.limits()?;
    let subject = arguments.machine.subject(&limits)?;
    subject.check_reference()?;
    let ports = subject.ports(&arguments.ports)?.ports;
    check_folder(&arguments.traces)?;
    let settings = match block_on(settings(arguments, &subject)) {
        Err(_) if limits.interrupt.is_raised() => return no_difference(&BTreeMap::new()),
        settings => settings?,
    };
    let end = block_on(watch(arguments, &subject, &settings))?;
    match end {
        End::Agreed(index, followers) => {
            print(&format!("agree at {index}: {}\n", followers.join(", ")))?;
            Ok(Exit::Done)
        }
        End::Interrupted(followers) => no_difference(&followers),
        End::Drifted(drift) => Ok(explain(arguments, &subject, &settings, &ports, &limits, &drift)),
    }
}

/// Ends without a difference, after a signal.
fn no_difference(followers: &BTreeMap<String, Standing>) -> Result<Exit, Failure> {
    print(&format!("no difference: {}\n", standings(followers)))?;
    Ok(Exit::Done)
}

async fn settings(arguments: &AuditArguments, subject: &Subject) -> Result<Settings, Failure> {
    let log = &arguments.log.log;
    let mut connection = Connection::new(arguments.log.access()?);
    let settings = Settings::read(&mut connection, log).await.map_err(|error| broken(&error))?;
    let settings = settings.ok_or_else(|| {
        Failure::broken(format!(
            "log {log}: there is no such log: the first `dkv20 live append` or `follow` begins it"
        ))
    })?;
    machine::check(&settings, subject, &SettingsArguments::default())?;
    Ok(settings)
}

/// Compares checkpoints until the followers have come to the last index, or do not agree.
async fn watch(
    arguments: &AuditArguments,
    subject: &Subject,
    settings: &Settings,
) -> Result<End, Failure> {
    let log = &arguments.log.log;
    let connection = Connection::new(arguments.log.access()?);
    let is_same = is_same(subject.machine());
    let observers = settings.observers.clone();
    let mut auditor = Auditor::open(connection, log.clone(), observers, is_same);
    let last = arguments.until.map(|until| last_checkpoint(until, settings)).transpose()?;
    let last = last.zip(arguments.followers);
    if let Some((last, _)) = last {
        auditor.end_at(last);
    }
    let progress = Progress::start(format!("audit {log}"))?;
    loop {
        progress.show(|| standings(auditor.followers()));
        match next(&mut auditor).await {
            Err(LiveError::Interrupted) => {
                return Ok(End::Interrupted(auditor.followers().clone()));
            }
            Err(error) => return Err(broken(&error)),
            Ok(Some(drift)) => return Ok(End::Drifted(drift)),
            Ok(None) => {}
        }
        if let Some((last, count)) = last
            && auditor.at_end().count() >= count
        {
            return Ok(End::Agreed(last, auditor.at_end().map(String::from).collect()));
        }
    }
}

/// Waits for checkpoints, and at most until the progress is to be shown, and compares them.
async fn next<S: IsSame>(auditor: &mut Auditor<S>) -> Result<Option<Drift>, LiveError> {
    // To compare takes requests, which are not begun anew each time.
    match tokio::time::timeout(Progress::TIME, auditor.ready()).await {
        Err(_) => Ok(None),
        Ok(ready) => {
            ready?;
            auditor.next().await
        }
    }
}

fn last_checkpoint(until: u64, settings: &Settings) -> Result<u64, Failure> {
    let every = settings.every;
    let last = until / every * every;
    if last == 0 {
        return Err(Failure::usage(format!(
            "--until {until}: the first checkpoint of the log is at {every}"
        )));
    }
    Ok(last)
}

/// Returns how far the followers have come, and up to where they agree.
fn standings(followers: &BTreeMap<String, Standing>) -> String {
    if followers.is_empty() {
        return "no checkpoint yet".into();
    }
    let standing = |(name, standing): (&String, &Standing)| match *standing {
        Standing { last, agreed: 0 } => format!("{name} at {last} alone"),
        Standing { last, agreed } if last == agreed => format!("{name} agrees up to {agreed}"),
        Standing { last, agreed } => format!("{name} agrees up to {agreed} and is at {last}"),
    };
    followers.iter().map(standing).collect::<Vec<_>>().join(", ")
}

fn explain(
    arguments: &AuditArguments,
    subject: &Subject,
    settings: &Settings,
    ports: &[PortSpec],
    limits: &Limits,
    found: &Drift,
) -> Exit {
    let log = &arguments.log.log;
    let audited = Audited { log, subject, settings, ports, limits, traces: &arguments.traces };
    let explained = drift::print_difference(&audited, found).and_then(|()| {
        let entries = block_on(async {
            let connection = Connection::new(arguments.log.access()?);
            drift::read_entries(connection, log, found.index).await.map_err(|error| broken(&error))
        });
        drift::explain(&audited, found, entries?)
    });
    // The difference stands, whether or not it can be written and explained.
    if let Err(failure) = explained {
        failure.report();
    }
    Exit::Diverged
}
