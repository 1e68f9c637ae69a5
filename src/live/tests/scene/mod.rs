//! Servers for a test, and the log in them as it is.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::time::Duration;

use dkv20_exam::Interrupt;
use dkv20_live::{Access, Connection, LogName, Servers, Writer};
use etcd_client::{Client, GetOptions, SortOrder, SortTarget};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A cluster in a folder of its own; both go when it is dropped.
pub(crate) struct Scene {
    pub(crate) servers: Servers,
    _folder: TempDir,
}

impl Scene {
    pub(crate) async fn start(count: usize, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let servers = Servers::start(count, folder.path(), options, Interrupt::default()).await;
        let servers = servers.unwrap_or_else(|error| {
            panic!("{error}; `bash scripts/setup.sh live` installs etcd");
        });
        Self { servers, _folder: folder }
    }

    /// Returns access with a short time for a request.
    pub(crate) fn access(&self) -> Access {
        Access {
            request_timeout: Duration::from_millis(500),
            ..Access::new(self.servers.endpoints(), Interrupt::default())
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.access())
    }

    pub(crate) async fn writer(&self, name: &str, resume: bool) -> Writer {
        let writer = Writer::open(self.connection(), log(), Some(name.into()), resume).await;
        writer.expect("the writer opens")
    }

    pub(crate) async fn client(&self) -> Box<Client> {
        // Both the client and a request of it are large.
        let client = Box::pin(Client::connect(self.servers.endpoints(), None)).await;
        Box::new(client.expect("a client"))
    }

    /// Returns the lines of the log in their order. The indexes have to be dense, and the head has to
    /// be the last of them.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let mut client = self.client().await;
        let mut lines = Vec::new();
        loop {
            let first = lines.len() + 1;
            let options = GetOptions::new()
                .with_range("log/entry0")
                .with_sort(SortTarget::Key, SortOrder::Ascend)
                .with_limit(1_000);
            let page = client.get(format!("log/entry/{first:020}"), Some(options)).await;
            let page = page.expect("the entries");
            for (index, pair) in (first..).zip(page.kvs()) {
                assert_eq!(pair.key_str().expect("UTF-8"), format!("log/entry/{index:020}"));
                lines.push(pair.value_str().expect("UTF-8").to_owned());
            }
            if !page.more() {
                break;
            }
        }
        let head = client.get("log/head", None).await.expect("the head");
        let head = head.kvs().first().map_or("0", |pair| pair.value_str().expect("UTF-8"));
        assert_eq!(head, lines.len().to_string());
        lines
    }

    pub(crate) fn signal(&self, member: usize, signal: Signal) {
        let id = self.servers.process_id(member).expect("it runs");
        let id = Pid::from_raw(id.try_into().expect("an id")).expect("not 0");
        kill_process(id, signal).expect("it takes signals");
    }
}

pub(crate) fn log() -> LogName {
    "log".parse().expect("a name")
}

/// Returns lines `NAME FIRST`, `NAME FIRST+1` and so on.
pub(crate) fn numbered(name: &str, first: usize, count: usize) -> Vec<Vec<u8>> {
    (first..first + count).map(|number| format!("{name} {number}").into_bytes()).collect()
}

/// Checks that the lines of a name are those that [`numbered`] returns from 0 on, in their order.
pub(crate) fn assert_each_once(lines: &[String], name: &str, count: usize) {
    let own = lines.iter().filter(|line| line.split_once(' ').is_some_and(|(n, _)| n == name));
    let expected: Vec<_> = (0..count).map(|number| format!("{name} {number}")).collect();
    assert!(own.eq(&expected), "the lines of {name} are not each there once and in order");
}
