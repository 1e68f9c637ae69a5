//! `live append`: lines at the end of a log.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use dkv20::{KEYS_MAX, decode_key};
use dkv20_exam::Limits;
use dkv20_exam::reports::counted;
use dkv20_live::{Appended, Connection, LiveError, LogName, Writer, check_name};

use super::super::arguments::{interrupt, whole};
use super::super::files::print;
use super::super::subject::{MachineArguments, Subject};
use super::access::LogArguments;
use super::lines::{Chunk, Lines, Workload};
use super::machine::SettingsArguments;
use super::progress::Progress;
use super::{block_on, broken, machine};
use crate::exit::{Exit, Failure};

/// Append the lines on standard input, or a workload, to a log: each exactly once.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AppendArguments {
    /// Append the ops of this workload of dkv20 (definition, section 7) in place of lines: a seed, the
    /// number of keys (1 to 1000000), and the number of ops.
    #[arg(long, num_args = 3, value_names = ["SEED", "KEYS", "COUNT"])]
    #[arg(value_parser = whole::<u64>(0..=u64::MAX), allow_negative_numbers = true)]
    #[arg(conflicts_with = "machine")]
    workload: Option<Vec<u64>>,
    /// The name in which the log counts the lines: 1 to 200 letters, digits and . _ -; by default a
    /// random one.
    #[arg(long, value_name = "NAME", value_parser = writer_name)]
    writer: Option<String>,
    /// Skip as many lines of the input as the log has of this writer: the same input, and the same
    /// command as often as you like, append each line once.
    #[arg(long, requires = "writer")]
    resume: bool,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    settings: SettingsArguments,
}

const EXAMPLES: &str = "\
Examples:
  echo 'put a 1' | dkv20 live append --log demo
  dkv20 live append --log demo --workload 1 1000 10000
  dkv20 live append --log demo --writer feed --resume <feed.lines";

fn writer_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.into())
}

pub(super) fn run(arguments: &AppendArguments) -> Result<Exit, Failure> {
    let workload = arguments.workload()?;
    let limits = Limits { interrupt: interrupt()?, ..Limits::default() };
    let access = arguments.log.access()?;
    let subject = Arc::new(arguments.machine.subject(&limits)?);
    let settings = machine::settings(&subject, &arguments.settings)?;
    // A drawing would cover the lines that are typed.
    let is_typed = workload.is_none() && io::stdin().is_terminal();
    let progress = if is_typed { Progress::on_demand("append") } else { Progress::start("append") };
    let progress = progress?;
    block_on(async {
        let log = &arguments.log.log;
        let not_opened = |error: LiveError| match error {
            LiveError::Interrupted => {
                Failure::failed(format!("{error}; nothing was appended to log {log}"))
            }
            error => broken(&error),
        };
        let mut connection = Connection::new(access);
        let settings = settings.read_or_write(&mut connection, log).await.map_err(not_opened)?;
        machine::check(&settings, &subject, &arguments.settings)?;
        let (name, resume) = (arguments.writer.clone(), arguments.resume);
        let writer = Writer::open(connection, log.clone(), name, resume).await;
        let mut writer = writer.map_err(not_opened)?;
        let (started, skipped) = (Instant::now(), writer.lines());
        let mut lines = lines(workload, &subject, skipped)?;
        let appended = append(&mut writer, &mut lines, &limits, &progress).await;
        drop(progress);
        if let Err(end) = appended {
            let reason = end.reason(log, &writer);
            if writer.lines() == 0 && writer.unsettled() == 0 {
                writer.close().await;
            }
            return Err(Failure::failed(reason));
        }
        let summary = summary(writer.appended(), skipped, started);
        // Whether or not the summary can be written.
        writer.close().await;
        print(&summary)?;
        Ok(Exit::Done)
    })
}

impl AppendArguments {
    fn workload(&self) -> Result<Option<Workload>, Failure> {
        let Some([seed, keys, count]) = self.workload.as_deref() else { return Ok(None) };
        decode_key(0, *keys).map_err(|_| {
            Failure::usage(format!("--workload: KEYS is {keys}, and has to be 1 to {KEYS_MAX}"))
        })?;
        Ok(Some(Workload { seed: *seed, keys: *keys, count: *count }))
    }
}

fn lines(
    workload: Option<Workload>,
    subject: &Arc<Subject>,
    skipped: u64,
) -> Result<Lines, Failure> {
    let subject = subject.clone();
    match workload {
        Some(workload) => Lines::draw(workload, skipped),
        None => Lines::read(io::stdin(), skipped, move |line| machine::check_line(&subject, line)),
    }
}

/// Why not all lines are appended.
enum End {
    Input(String),
    Live(LiveError),
}

/// Appends the waiting lines until there are none.
async fn append(
    writer: &mut Writer,
    lines: &mut Lines,
    limits: &Limits,
    progress: &Progress,
) -> Result<(), End> {
    let started = Instant::now();
    loop {
        progress.show(|| metrics(writer, started));
        let Ok(chunk) = tokio::time::timeout(Progress::TIME, lines.next()).await else {
            if limits.interrupt.is_raised() {
                return Err(End::Live(LiveError::Interrupted));
            }
            continue;
        };
        match chunk {
            Chunk::Lines(lines) => writer.append(&lines).await.map_err(End::Live)?,
            Chunk::End => return Ok(()),
            Chunk::Failed(reason) => return Err(End::Input(reason)),
        }
    }
}

impl End {
    /// Returns the reason, which lines are in the log, and how to go on.
    fn reason(&self, log: &LogName, writer: &Writer) -> String {
        let mut text = match self {
            Self::Input(reason) => reason.clone(),
            Self::Live(error) => error.to_string(),
        };
        match writer.lines() {
            0 => text += &format!("; no line is in log {log}"),
            lines => text += &format!("; {} in log {log}", are(lines)),
        }
        if writer.unsettled() > 0 {
            text += &format!(", and {} after them may be", counted(writer.unsettled(), "line"));
        }
        let is_replaced = matches!(self, Self::Live(LiveError::Replaced { .. }));
        if !is_replaced && writer.lines() + writer.unsettled() > 0 {
            let name = writer.name();
            text += &format!("; the same input with `--writer {name} --resume` goes on");
        }
        text
    }
}

fn are(lines: u64) -> String {
    if lines == 1 { "line 1 is".into() } else { format!("lines 1 to {lines} are") }
}

fn metrics(writer: &Writer, started: Instant) -> String {
    let lines = writer.appended().lines;
    format!("appended {lines}, head {}, {}/s", writer.head(), rate(lines, started))
}

fn rate(lines: u64, started: Instant) -> u128 {
    u128::from(lines) * 1_000 / started.elapsed().as_millis().max(1)
}

fn summary(appended: Appended, skipped: u64, started: Instant) -> String {
    let Appended { lines, transactions, first, last } = appended;
    let mut text = format!("appended {}", counted(lines, "line"));
    if lines > 0 {
        let entries = if last == first {
            format!("entry {first}")
        } else {
            format!("entries {first} to {last}")
        };
        // Entries of other writers may be between them.
        let others = last - first + 1 - lines;
        let others = if others == 0 { String::new() } else { format!(" ({others} of others)") };
        let transactions = counted(transactions, "transaction");
        let rate = rate(lines, started);
        let _ = write!(text, ": {entries}{others}, {transactions}, {rate} entries/s");
    }
    if skipped > 0 {
        let _ = write!(text, " (after {} of the input)", counted(skipped, "line"));
    }
    text + "\n"
}
