//! `live demo`: a log in an etcd of its own, with programs that follow it, and a wrong one.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use dkv20::machines::Dkv20;
use dkv20_exam::{Limits, PortSpec, check_start};
use dkv20_live::{
    Access, Auditor, Checkpoint, Connection, Drift, FollowEnd, Follower, IsSame, LiveError,
    LogName, Servers, Settings, Writer,
};
use tokio::task::{JoinSet, LocalSet};

use super::super::arguments::{check_ports, interrupt, whole};
use super::super::files::{check_folder, print, shown};
use super::super::subject::Subject;
use super::drift::{self, Audited, is_same};
use super::follow::{failed, start};
use super::lines::{Chunk, Lines, Workload};
use super::machine::SettingsArguments;
use super::progress::per_second;
use super::{block_on, broken, machine};
use crate::exit::{Exit, Failure};

/// The seed and the number of keys of the workload.
const SEED: u64 = 1;
const KEYS: u64 = 1_000;
/// The name of the follower that is wrong.
const WRONG: &str = "wrong";
/// `$0` is the expression of sed, the others are the port.
const FILTERED: &str = r#"sed -u "$0" | exec "$@""#;

/// Start etcd, append a workload, let three ports follow it, and audit them; then find the
/// error of a wrong one.
///
/// etcd has one member and a temporary folder, and ends with the demo. The ports are this program,
/// and those in Go and C++ in `ports` beside it or in target/ports.
#[derive(Args)]
#[command(after_help = "Example:\n  dkv20 live demo --entries 100000")]
pub(super) struct DemoArguments {
    /// How many entries are appended, 1000 to 1000000.
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true)]
    #[arg(value_parser = whole::<u64>(1_000..=1_000_000))]
    entries: u64,
    /// A program that follows, in place of the three; may be repeated.
    #[arg(long = "port", value_name = "NAME=COMMAND", value_parser = PortSpec::parse)]
    ports: Vec<PortSpec>,
    /// Write the trace of the wrong follower into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
}

/// The parts that all steps of the demo use.
struct Demo {
    access: Access,
    log: LogName,
    settings: Settings,
    subject: Subject,
    limits: Limits,
    lines: Arc<Vec<Vec<u8>>>,
}

/// The deletion that the wrong follower leaves out.
struct Deletion {
    index: u64,
    line: String,
}

pub(super) fn run(arguments: &DemoArguments) -> Result<Exit, Failure> {
    let limits = Limits { interrupt: interrupt()?, ..Limits::default() };
    check_folder(&arguments.traces)?;
    check_start(&PortSpec::new("etcd", vec!["etcd".into()])).map_err(|error| {
        Failure::broken(format!("etcd: {error}: `bash scripts/setup.sh live` installs it"))
    })?;
    let ports = arguments.ports()?;
    let folder = tempfile::Builder::new().prefix("dkv20-demo-").tempdir();
    let folder = folder
        .map_err(|error| Failure::broken(format!("no temporary folder can be made: {error}")))?;
    let interrupt = limits.interrupt.clone();
    let shown = show(arguments, &ports, folder.path(), limits);
    // The set ends before the runtime, which waits for threads that its tasks feed.
    let outcome = block_on(async { LocalSet::new().run_until(shown).await });
    if interrupt.is_raised() {
        return Err(broken(&LiveError::Interrupted));
    }
    let (demo, found, wrong) = outcome?;
    drop(folder);
    let Demo { log, settings, subject, limits, lines, .. } = demo;
    let (settings, traces) = (&settings, &arguments.traces);
    let ports = std::slice::from_ref(&wrong);
    let audited =
        Audited { log: &log, subject: &subject, settings, ports, limits: &limits, traces };
    drift::print_difference(&audited, &found)?;
    let count = usize::try_from(found.index).unwrap_or(usize::MAX);
    drift::explain(&audited, &found, lines.iter().take(count).cloned().collect())?;
    Ok(Exit::Done)
}

impl DemoArguments {
    fn ports(&self) -> Result<Vec<PortSpec>, Failure> {
        let ports = if self.ports.is_empty() { default_ports()? } else { self.ports.clone() };
        if ports.iter().any(|port| port.name == WRONG) {
            return Err(Failure::usage(format!(
                "--port {WRONG}: the wrong follower has that name"
            )));
        }
        check_ports(&ports)?;
        Ok(ports)
    }

    /// Returns how many entries there are from one checkpoint to the next: some in every demo.
    const fn every(&self) -> u64 {
        if self.entries < 10 * machine::EVERY { machine::EVERY / 10 } else { machine::EVERY }
    }
}

/// Returns this program, and the ports in Go and C++ that are built beside it.
fn default_ports() -> Result<Vec<PortSpec>, Failure> {
    let program = env::current_exe()
        .map_err(|error| Failure::broken(format!("this program is not found: {error}")))?;
    let beside = program.ancestors().skip(1).take(2).map(|folder| folder.join("ports"));
    let folders: Vec<_> = beside.chain([PathBuf::from("target/ports")]).collect();
    let mut ports = vec![port("rust", &program)];
    for name in ["go", "cpp"] {
        let found = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
        let Some(found) = found else {
            return Err(Failure::broken(format!(
                "there is no port {name} in {} or target/ports: `bash scripts/build.sh live` builds \
                 it, and --port NAME=COMMAND names other programs",
                shown(&folders[0])
            )));
        };
        let found = found.canonicalize().unwrap_or(found);
        ports.push(port(name, &found));
    }
    Ok(ports)
}

fn port(name: &str, program: &Path) -> PortSpec {
    PortSpec::new(name, vec![program.to_string_lossy().into_owned(), "serve".into()])
}

/// Shows both parts. Returns the drift, and the program of the wrong follower.
async fn show(
    arguments: &DemoArguments,
    ports: &[PortSpec],
    folder: &Path,
    limits: Limits,
) -> Result<(Demo, Drift, PortSpec), Failure> {
    let servers = Servers::start(1, folder, &[], limits.interrupt.clone()).await;
    let servers = servers.map_err(|error| broken(&error))?;
    let access = Access::new(servers.endpoints(), limits.interrupt.clone());
    let log: LogName = "demo".parse().map_err(Failure::broken)?;
    let subject = Subject::dkv20();
    let own = SettingsArguments { every: Some(arguments.every()), ..SettingsArguments::default() };
    let settings = machine::settings(&subject, &own)?;
    let mut connection = Connection::new(access.clone());
    let settings = settings.read_or_write(&mut connection, &log).await;
    let settings = settings.map_err(|error| broken(&error))?;
    let lines = Arc::new(draw(arguments.entries).await?);
    let demo = Demo { access, log, settings, subject, limits, lines };
    print(&format!(
        "etcd: one member at {} with its data in {}\nlog demo: {} entries, with a checkpoint every \
         {}\n\n",
        servers.endpoint(0),
        shown(folder),
        arguments.entries,
        arguments.every()
    ))?;
    let auditor = Connection::new(demo.access.clone());
    let observers = demo.settings.observers.clone();
    let mut auditor = Auditor::open(auditor, demo.log.clone(), observers, is_same(&Dkv20));
    demo.agree(&mut auditor, ports).await?;
    let (drift, wrong) = demo.drift(&mut auditor, &ports[ports.len() - 1]).await?;
    Ok((demo, drift, wrong))
}

/// Draws the entries of the log.
async fn draw(count: u64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut drawn = Lines::draw(Workload { seed: SEED, keys: KEYS, count }, 0)?;
    let mut lines = Vec::new();
    loop {
        match drawn.next().await {
            Chunk::Lines(more) => lines.extend(more),
            Chunk::End => return Ok(lines),
            Chunk::Failed(reason) => return Err(Failure::broken(reason)),
        }
    }
}

impl Demo {
    /// Returns the index of the last checkpoint.
    fn last(&self) -> u64 {
        self.lines.len() as u64 / self.settings.every * self.settings.every
    }

    /// Appends the entries while the ports follow and are audited.
    async fn agree(
        &self,
        auditor: &mut Auditor<impl IsSame>,
        ports: &[PortSpec],
    ) -> Result<(), Failure> {
        let last = self.last();
        auditor.end_at(last);
        let mut running = JoinSet::new();
        for port in ports {
            self.follow(port, &mut running)?;
        }
        running.spawn_local(append(self.access.clone(), self.log.clone(), self.lines.clone()));
        while !running.is_empty() || auditor.at_end().count() < ports.len() {
            if let Some(drift) = self.next(auditor, &mut running).await? {
                let names: Vec<_> = drift.followers.keys().map(String::as_str).collect();
                let names = names.join(", ");
                return Err(Failure::failed(format!("{names} do not agree at {}", drift.index)));
            }
        }
        let row = auditor.checkpoints(last).and_then(|row| row.values().next());
        let hash = match row {
            Some(Checkpoint::Applied { answers, .. }) => answers.last().map_or("", String::as_str),
            _ => "",
        };
        let names: Vec<_> = auditor.at_end().collect();
        print(&format!("agree at {last}: {}: `hash 0` is `{hash}`\n\n", names.join(", ")))
    }

    /// Lets a wrong program follow until the auditor sees that it is wrong.
    async fn drift(
        &self,
        auditor: &mut Auditor<impl IsSame>,
        port: &PortSpec,
    ) -> Result<(Drift, PortSpec), Failure> {
        let deletion = self.late_deletion();
        let deletion = deletion.ok_or_else(|| Failure::broken("the workload has no deletion"))?;
        let Deletion { index, line } = deletion;
        let expression = format!("s/^{line}$/noop/");
        let words = ["/bin/sh", "-c", FILTERED, &expression].map(String::from);
        let command = words.into_iter().chain(port.command.iter().cloned()).collect();
        let wrong = PortSpec { name: WRONG.into(), command, ..port.clone() };
        print(&format!(
            "Another follower, {WRONG}, is {} behind `sed {expression}`: it leaves out\nthe deletion \
             of a key, for the first time at entry {index}.\n\n",
            port.name
        ))?;
        let mut running = JoinSet::new();
        self.follow(&wrong, &mut running)?;
        loop {
            if let Some(drift) = self.next(auditor, &mut running).await? {
                return Ok((drift, wrong));
            }
        }
    }

    /// Returns the first deletion of the key whose first deletion comes last.
    fn late_deletion(&self) -> Option<Deletion> {
        let mut keys: HashMap<&str, Option<u64>> = HashMap::new();
        let mut latest = None;
        for (index, line) in (1..=self.last()).zip(&*self.lines) {
            let line = str::from_utf8(line).unwrap_or_default();
            let mut words = line.split(' ');
            match (words.next(), words.next()) {
                (Some("put"), Some(key)) => {
                    keys.entry(key).or_insert(None);
                }
                (Some("del"), Some(key)) => {
                    if let Some(deleted @ None) = keys.get_mut(key) {
                        *deleted = Some(index);
                        latest = Some(Deletion { index, line: line.into() });
                    }
                }
                _ => {}
            }
        }
        latest
    }

    /// Waits for checkpoints, or for a part that is done. Returns a drift.
    async fn next(
        &self,
        auditor: &mut Auditor<impl IsSame>,
        running: &mut JoinSet<Result<String, Failure>>,
    ) -> Result<Option<Drift>, Failure> {
        tokio::select! {
            Some(done) = running.join_next() => {
                let done = done.map_err(|error| Failure::broken(error.to_string()))?;
                print(&done?)?;
                Ok(None)
            }
            drift = auditor.next() => drift.map_err(|error| broken(&error)),
        }
    }

    /// Starts a program that follows the log to its end.
    fn follow(
        &self,
        port: &PortSpec,
        running: &mut JoinSet<Result<String, Failure>>,
    ) -> Result<(), Failure> {
        let program = start(&self.subject, port, &self.settings, &self.limits)?;
        let (access, log, name) = (self.access.clone(), self.log.clone(), port.name.clone());
        let follower = Follower::new(access, log, &name, self.settings.clone());
        let (status, until) = (follower.status(), self.lines.len() as u64);
        running.spawn_local(async move {
            let started = Instant::now();
            let end = follower.run(program, Some(until)).await.map_err(|error| broken(&error))?;
            match end {
                FollowEnd::Reached => {
                    let (count, at) = (status.checkpoints(), status.last_checkpoint());
                    let rate = rate(until, started.elapsed());
                    Ok(format!("{name}: applied {rate}, {count} checkpoints, last at {at}\n"))
                }
                FollowEnd::Interrupted => Err(broken(&LiveError::Interrupted)),
                FollowEnd::Failed { index, breakdown } => {
                    Err(failed(&name, &format!("at entry {index}"), &breakdown))
                }
            }
        });
        Ok(())
    }
}

/// Appends lines as one writer.
async fn append(access: Access, log: LogName, lines: Arc<Vec<Vec<u8>>>) -> Result<String, Failure> {
    let writer = Writer::open(Connection::new(access), log, None, false).await;
    let mut writer = writer.map_err(|error| broken(&error))?;
    let started = Instant::now();
    writer.append(&lines).await.map_err(|error| broken(&error))?;
    let (rate, transactions) =
        (rate(lines.len() as u64, started.elapsed()), writer.appended().transactions);
    writer.close().await;
    Ok(format!("appended {rate}, in {transactions} transactions\n"))
}

fn rate(count: u64, time: Duration) -> String {
    format!("{count} entries in {:.1} s ({}/s)", time.as_secs_f64(), per_second(count, time))
}
