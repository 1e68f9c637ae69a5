//! A server of etcd, and the log `a` in it.

use std::path::Path;
use std::process::Command;

use dkv20_exam::Interrupt;
use dkv20_live::{Access, Connection, Servers, Writer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::program::{End, PROGRAM, command, run, wait_until};

/// An etcd, and a folder for files.
pub(crate) struct Scene {
    pub(crate) servers: Servers,
    folder: TempDir,
    runtime: Runtime,
    /// The name and the password of etcdctl, once etcd asks for them.
    pub(crate) user: Option<&'static str>,
}

impl Scene {
    pub(crate) fn start() -> Self {
        Self::start_in(folder(), &[])
    }

    /// Starts etcd with options that may name files of the folder.
    pub(crate) fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let started = Servers::start(1, folder.path(), options, Interrupt::default());
        let servers = runtime.block_on(started).unwrap_or_else(|error| {
            panic!("{error}: `bash scripts/setup.sh live` installs etcd");
        });
        Self { servers, folder, runtime, user: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a command `dkv20 live NAME` on the log.
    pub(crate) fn live(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = live_at(self.servers.endpoint(0), name, arguments);
        command.current_dir(self.path());
        command
    }

    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> End {
        run(&mut self.live(name, arguments))
    }

    /// Appends lines without the program, which would write the settings of the log.
    pub(crate) fn append(&self, lines: &[String]) {
        let lines: Vec<_> = lines.iter().map(|line| line.clone().into_bytes()).collect();
        self.runtime.block_on(async {
            let access = Access::new(self.servers.endpoints(), Interrupt::default());
            let log = "a".parse().expect("a name");
            let writer = Writer::open(Connection::new(access), log, None, false).await;
            let mut writer = writer.expect("the writer opens");
            writer.append(&lines).await.expect("the lines are appended");
            writer.close().await;
        });
    }

    /// Runs etcdctl and returns its output.
    #[track_caller]
    pub(crate) fn etcdctl(&self, words: &[&str]) -> String {
        let mut etcdctl = Command::new("etcdctl");
        etcdctl.env("ETCDCTL_API", "3").args(["--endpoints", self.servers.endpoint(0)]);
        etcdctl.args(self.user.map(|user| format!("--user={user}")));
        let end = run(etcdctl.args(words));
        end.assert_ended(0, &[]);
        end.stdout
    }

    /// Returns the entries in their order; their indexes are dense.
    pub(crate) fn entries(&self) -> Vec<String> {
        let text = self.etcdctl(&["get", "--prefix", "a/entry/"]);
        let (keys, values): (Vec<_>, Vec<_>) =
            text.lines().enumerate().partition(|(number, _)| number % 2 == 0);
        for (index, (_, key)) in (1..).zip(&keys) {
            assert_eq!(*key, format!("a/entry/{index:020}"));
        }
        assert_eq!(keys.len(), values.len());
        values.into_iter().map(|(_, value)| value.to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn wait_for_entries(&self, count: usize) {
        let missing = || format!("{} of {count} entries", self.entries().len());
        wait_until(|| self.entries().len() >= count, missing);
    }

    /// Returns the keys of the writers' records.
    pub(crate) fn writers(&self) -> String {
        self.etcdctl(&["get", "--prefix", "--keys-only", "a/writer/"])
    }
}

/// Returns a command `dkv20 live NAME` on the log in the etcd at a URL.
pub(crate) fn live_at(url: &str, name: &str, arguments: &[&str]) -> Command {
    command(PROGRAM, &[&["live", name, "--etcd", url, "--log", "a"], arguments].concat())
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Returns puts of different keys.
pub(crate) fn puts(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("put k{number} v")).collect()
}
