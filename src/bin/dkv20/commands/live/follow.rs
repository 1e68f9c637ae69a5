//! `live follow`: a program that applies the entries of a log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use dkv20_exam::{Breakdown, Conversation, Interrupt, Limits, PortSpec, shown};
use dkv20_live::{Access, Connection, FollowEnd, Follower, Settings, Status, check_name};
use tokio::time::sleep;

use super::super::arguments::{check_ports, interrupt, seconds, whole};
use super::super::files::print;
use super::super::subject::{MachineArguments, Subject};
use super::access::LogArguments;
use super::machine::SettingsArguments;
use super::progress::{Progress, Rate, per_second};
use super::{block_on, broken, machine};
use crate::exit::{Exit, Failure};

/// Apply the entries of a log to a program, and publish checkpoints.
///
/// The program begins with the first entry each time. Every so many entries its observers are asked,
/// and their answers are published, unless they are published already. If they differ from those that
/// a follower of the same name published before, that is an error. The exit status is 1 if the program
/// fails.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FollowArguments {
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    settings: SettingsArguments,
    /// The program: a name for it, which is that of the follower, and its command line; or the name of
    /// a program in the machine file.
    #[arg(long, value_name = "NAME=COMMAND")]
    port: Option<String>,
    /// End when this entry is applied, and the checkpoints up to it are published.
    #[arg(long, value_name = "INDEX", allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1..=u64::MAX))]
    until: Option<u64>,
    /// Delete the checkpoints that a follower of this name has published, and begin again.
    #[arg(long)]
    anew: bool,
    /// The time limit for an answer, in seconds (up to 1000000), of a program for which a machine file
    /// has none. The first answer of a program may always take 10.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    timeout: Duration,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 live follow --log demo --port go='target/ports/go serve'
  dkv20 live follow --log orders --machine orderbook.toml --port fast
  dkv20 live follow --log demo --port mine='./my-port serve' --until 50000

SIGUSR1 prints a line with the metrics on standard error. DKV20_LOG=debug prints log messages there.";

pub(super) fn run(arguments: &FollowArguments) -> Result<Exit, Failure> {
    let limits =
        Limits { timeout: arguments.timeout, interrupt: interrupt()?, ..Limits::default() };
    let subject = Arc::new(arguments.machine.subject(&limits)?);
    let port = subject.port(arguments.port.as_deref())?;
    let port = port.ok_or_else(|| Failure::usage("name the program: --port NAME=COMMAND"))?;
    check_name(&port.name)
        .map_err(|reason| Failure::usage(format!("--port {}: {reason}", port.name)))?;
    check_ports(std::slice::from_ref(&port))?;
    let progress = Progress::start(format!("follower {}", port.name))?;
    match open(arguments, &subject, &port, &limits) {
        Err(_) if limits.interrupt.is_raised() => {
            drop(progress);
            print(&format!("{}: ended by a signal before the first entry\n", port.name))?;
            Ok(Exit::Done)
        }
        opened => {
            let (follower, program) = opened?;
            block_on(follow(arguments, &port.name, &follower, program, progress))
        }
    }
}

/// Opens the log and starts the program.
fn open(
    arguments: &FollowArguments,
    subject: &Arc<Subject>,
    port: &PortSpec,
    limits: &Limits,
) -> Result<(Follower, Conversation), Failure> {
    let access = arguments.log.access()?;
    let settings = block_on(settings(arguments, subject, access.clone()))?;
    let program = start(subject, port, &settings, limits)?;
    let follower = Follower::new(access, arguments.log.log.clone(), &port.name, settings);
    if arguments.anew {
        let deleted = async { follower.delete_checkpoints().await.map_err(|error| broken(&error)) };
        block_on(deleted)?;
    }
    let subject = subject.clone();
    Ok((follower.with_check(move |line| machine::check_line(&subject, line)), program))
}

/// Returns the settings of the log. If it has none yet, it gets them.
async fn settings(
    arguments: &FollowArguments,
    subject: &Subject,
    access: Access,
) -> Result<Settings, Failure> {
    let mut connection = Connection::new(access);
    let log = &arguments.log.log;
    let read = Settings::read(&mut connection, log).await.map_err(|error| broken(&error))?;
    let settings = match read {
        Some(settings) => settings,
        None => machine::settings(subject, &arguments.settings)?
            .read_or_write(&mut connection, log)
            .await
            .map_err(|error| broken(&error))?,
    };
    machine::check(&settings, subject, &arguments.settings)?;
    Ok(settings)
}

/// Starts the program and sends it the start lines.
pub(super) fn start(
    subject: &Subject,
    port: &PortSpec,
    settings: &Settings,
    limits: &Limits,
) -> Result<Conversation, Failure> {
    let name = &port.name;
    let failed = |breakdown: Breakdown| failed(name, "at the start", &breakdown);
    let machine = subject.machine();
    let hello = machine.hello();
    let timeout = port.timeout.unwrap_or(limits.timeout);
    let interrupt: Interrupt = limits.interrupt.clone();
    let mut program =
        Conversation::start(port, hello.as_bytes(), timeout, interrupt).map_err(failed)?;
    if !machine.is_greeting(program.greeting()) {
        let (greeting, form) = (shown(program.greeting()), machine.greeting_form());
        return Err(Failure::failed(format!(
            "program {name}: the answer `{greeting}` to `{hello}` is no greeting: `{form}`"
        )));
    }
    for line in &settings.start {
        program.send(line.as_bytes());
        let answer = program.receive().map_err(failed)?;
        if machine::is_error(subject, &answer) {
            return Err(Failure::failed(format!(
                "program {name}: the answer to the start line `{}` is an error: `{}`",
                shown(line.as_bytes()),
                shown(&answer)
            )));
        }
    }
    Ok(program)
}

async fn follow(
    arguments: &FollowArguments,
    name: &str,
    follower: &Follower,
    program: Conversation,
    progress: Progress,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let status = follower.status();
    let running = follower.run(program, arguments.until);
    tokio::pin!(running);
    let mut rate = Rate::default();
    let mut is_waiting_noted = false;
    let end = loop {
        tokio::select! {
            end = &mut running => break end,
            () = sleep(Progress::TIME) => {}
        }
        if status.head() == Some(0) && !is_waiting_noted {
            is_waiting_noted = true;
            progress.print(&format!("log {} has no entries yet: waiting", arguments.log.log));
        }
        let rate = rate.update(status.applied());
        progress.show(|| metrics(&status, rate));
    };
    drop(progress);
    match end.map_err(|error| broken(&error))? {
        FollowEnd::Failed { index, breakdown } => {
            Err(failed(name, &format!("at entry {index}"), &breakdown))
        }
        FollowEnd::Reached | FollowEnd::Interrupted => {
            print(&format!("{name}: {}\n", summary(&status, started.elapsed())))?;
            Ok(Exit::Done)
        }
    }
}

/// Returns the failure of a program.
pub(super) fn failed(name: &str, place: &str, breakdown: &Breakdown) -> Failure {
    if let Some(cause) = breakdown.external_cause() {
        return Failure::broken(format!("program {name}: {cause}"));
    }
    let mut text = format!("program {name} failed {place}: {breakdown}");
    if !breakdown.stderr.trim().is_empty() {
        text += "; the end of its standard error:";
        for line in breakdown.stderr.trim_end().lines() {
            text += &format!("\n  {}", line.trim_end().escape_debug());
        }
    }
    Failure::failed(text)
}

fn metrics(status: &Status, rate: u64) -> String {
    let applied = status.applied();
    let lag = status
        .head()
        .map_or_else(String::new, |head| format!(" of {head} (lag {})", head - applied.min(head)));
    format!("applied {applied}{lag}, {rate}/s, last checkpoint {}", status.last_checkpoint())
}

fn summary(status: &Status, time: Duration) -> String {
    let applied = status.applied();
    let rate = per_second(applied, time);
    let checkpoints = match status.checkpoints() {
        0 => "no checkpoint".into(),
        1 => format!("1 checkpoint at {}", status.last_checkpoint()),
        count => format!("{count} checkpoints, last at {}", status.last_checkpoint()),
    };
    let entries = if applied == 1 { "entry" } else { "entries" };
    format!(
        "applied {applied} {entries} in {:.1} s ({rate}/s), {checkpoints}; recovered from {}",
        time.as_secs_f64(),
        status.recoveries()
    )
}
