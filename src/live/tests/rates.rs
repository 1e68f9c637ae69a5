//! Rates of appending and of catching up, beside etcd's own, in one run: on one member and on three.
//!
//! `scripts/live.sh rates` builds the programs and runs it. Absolute rates depend on the machine and
//! on its disk, so the rates of `etcdctl check perf` on the same servers are printed with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dkv20_exam::Interrupt;
use dkv20_live::Servers;
use tokio::runtime::Runtime;

/// Entries on one member, and on three.
const ENTRIES: [(usize, u64); 2] = [(1, 1_000_000), (3, 300_000)];
/// How often a follower catches up with checkpoints and without, by turns.
const ROUNDS: usize = 5;
/// A distance between checkpoints that no log here reaches.
const NEVER: u64 = 1_000_000_000;
/// The history of a million entries is larger than etcd's default quota allows for long.
const OPTIONS: [&str; 2] = ["--quota-backend-bytes", "8589934592"];

fn main() {
    let runtime = Runtime::new().expect("threads");
    let program = root().join("target/dkv20");
    for (members, entries) in ENTRIES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let started = Servers::start(members, folder.path(), &OPTIONS, Interrupt::default());
        let servers = runtime.block_on(started).unwrap_or_else(|error| panic!("{error}"));
        let endpoints = servers.endpoints().join(",");
        println!("{members} of etcd's members, {entries} entries of `--workload 1 1000`");
        println!("  etcdctl check perf --load xl   {}", check_perf(&endpoints));
        let log = Log { program: &program, endpoints: &endpoints, name: "rates" };
        println!("  append                         {}", log.append(entries, 1_000));
        for (name, command) in PORTS {
            let (printed, memory) = log.follow(name, command, entries);
            println!("  follow {name:<4}                    {printed}; peak memory {memory}");
        }
        if members == 1 {
            let without = Log { name: "without", ..log };
            without.append(entries, NEVER);
            println!("  checkpoints                    {}", cost(&log, &without, entries));
        }
    }
}

const PORTS: [(&str, &str); 3] = [
    ("rust", "target/ports/rust serve"),
    ("go", "target/ports/go serve"),
    ("cpp", "target/ports/cpp serve"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the line of etcd's own check that states a rate.
fn check_perf(endpoints: &str) -> String {
    let command = ["check", "perf", "--load", "xl", "--auto-compact", "--auto-defrag"];
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", endpoints])
        .args(command)
        .output();
    let output = output.expect("etcdctl runs: scripts/setup.sh live installs it").stdout;
    let text = String::from_utf8_lossy(&output).into_owned();
    let rate = text.lines().find(|line| line.contains("hroughput"));
    rate.unwrap_or(&text).trim().to_owned()
}

#[derive(Clone, Copy)]
struct Log<'a> {
    program: &'a Path,
    endpoints: &'a str,
    name: &'a str,
}

impl Log<'_> {
    fn command(&self, command: &str) -> Command {
        let mut program = Command::new(self.program);
        program.current_dir(root()).args(["live", command, "--etcd", self.endpoints]);
        program.args(["--log", self.name]);
        program
    }

    fn append(&self, entries: u64, every: u64) -> String {
        let (entries, every) = (entries.to_string(), every.to_string());
        let mut command = self.command("append");
        command.args(["--workload", "1", "1000", &entries, "--every", &every]);
        printed(&mut command)
    }

    /// Returns what a follower prints that catches up, and its peak memory.
    fn follow(&self, name: &str, port: &str, entries: u64) -> (String, String) {
        let mut command = self.command("follow");
        command.args(["--port", &format!("{name}={port}"), "--until", &entries.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let status_file = format!("/proc/{}/status", child.id());
        let mut peak = String::from("unknown");
        while child.try_wait().expect("a child").is_none() {
            let status = fs::read_to_string(&status_file).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.map_or(peak, |line| line.trim().to_owned());
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output().expect("its output");
        assert!(output.status.success(), "the follower failed");
        (String::from_utf8_lossy(&output.stdout).trim().to_owned(), peak)
    }

    /// Returns the rate that a new follower prints, in entries a second.
    fn rate(&self, round: usize, entries: u64) -> f64 {
        let (name, port) = PORTS[2];
        let (printed, _) = self.follow(&format!("{name}-{round}"), port, entries);
        let rate = printed.split_once("/s)").and_then(|(before, _)| before.rsplit_once('('));
        rate.and_then(|(_, rate)| rate.parse().ok()).expect("it prints a rate")
    }
}

fn printed(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("the program runs");
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Returns the time to catch up with checkpoints as a multiple of that without, by turns.
fn cost(with: &Log<'_>, without: &Log<'_>, entries: u64) -> String {
    let round = |round| without.rate(round, entries) / with.rate(round, entries);
    let mut ratios: Vec<_> = (0..ROUNDS).map(round).collect();
    ratios.sort_by(f64::total_cmp);
    let shown: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
    format!("the time with them as a multiple of that without: {}", shown.join(", "))
}
