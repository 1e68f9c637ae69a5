//! Writers of a log in real servers.

mod scene;

use std::time::{Duration, Instant};

use dkv20_exam::Interrupt;
use dkv20_live::{Access, Appended, Connection, LiveError, Writer};
use etcd_client::{Compare, CompareOp, Txn, TxnOp};
use rustix::process::Signal;
use scene::{Scene, assert_each_once, log, numbered};
use tokio::task::{LocalSet, spawn_local};

/// Long enough for any wait of a test; it ends a test that fails.
const TIME_MAX: Duration = Duration::from_secs(60);

async fn put(scene: &Scene, key: &str, value: &str) {
    scene.client().await.put(key, value, None).await.expect("a put");
}

async fn open_error(scene: &Scene, name: &str, resume: bool) -> String {
    let opened = Writer::open(scene.connection(), log(), Some(name.into()), resume).await;
    opened.err().expect("the writer does not open").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_appended_in_groups() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&[]).await.expect("nothing to append");
    writer.append(&numbered("w", 0, 1)).await.expect("a line");
    writer.append(&numbered("w", 1, 300)).await.expect("lines");
    let expected = Appended { lines: 301, transactions: 4, first: 1, last: 301 };
    assert_eq!(writer.appended(), expected, "126 lines a transaction");
    assert_eq!((writer.lines(), writer.unsettled(), writer.head()), (301, 0, 301));
    writer.close().await;
    let lines = scene.lines().await;
    assert_each_once(&lines, "w", 301);
    // Any bytes, and as many of them as a request takes.
    let long = vec![b'x'; Writer::LINE_LENGTH_MAX];
    let mut writer = scene.writer("bytes", false).await;
    writer.append(&[long.clone(), vec![0, 255, b' '], long]).await.expect("lines");
    assert_eq!(writer.appended().transactions, 3);
    let mut client = scene.client().await;
    let line = client.get(format!("log/entry/{:020}", 303), None).await.expect("an entry");
    assert_eq!(line.kvs()[0].value(), [0, 255, b' ']);
}

#[tokio::test(flavor = "multi_thread")]
async fn competing_writers_share_one_log() {
    LocalSet::new().run_until(Box::pin(compete())).await;
}

async fn compete() {
    let scene = Scene::start(3, &[]).await;
    for (count, each) in [(2, 2_000), (5, 600)] {
        let mut before = scene.lines().await;
        let names: Vec<_> = (0..count).map(|number| format!("w{count}-{number}")).collect();
        let tasks = names.iter().cloned().map(|name| {
            let connection = scene.connection();
            spawn_local(async move {
                let opened = Writer::open(connection, log(), Some(name.clone()), false).await;
                let mut writer = opened.expect("the writer opens");
                for first in (0..each).step_by(100) {
                    writer.append(&numbered(&name, first, 100)).await.expect("lines");
                }
                writer.appended()
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            let appended = task.await.expect("the task ends");
            assert_eq!(appended.lines, each as u64);
        }
        let lines = scene.lines().await;
        assert_eq!(lines.len(), before.len() + count * each);
        for name in &names {
            assert_each_once(&lines, name, each);
        }
        before.iter_mut().zip(&lines).for_each(|(before, line)| assert_eq!(before, line));
    }
}

/// Member 0 is paused for longer than a request may take, again and again: some batches land late.
#[tokio::test(flavor = "multi_thread")]
async fn paused_server_appends_nothing_twice() {
    LocalSet::new().run_until(Box::pin(append_while_paused())).await;
}

async fn append_while_paused() {
    let scene = Scene::start(1, &[]).await;
    let access = Access { request_timeout: Duration::from_millis(150), ..scene.access() };
    let opened = Writer::open(Connection::new(access), log(), Some("w".into()), false).await;
    let mut writer = opened.expect("the writer opens");
    let task = spawn_local(async move {
        let mut count = 0;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(8) {
            writer.append(&numbered("w", count, 50)).await.expect("lines");
            count += 50;
        }
        assert_eq!(writer.lines(), count as u64);
        (count, writer.appended().transactions)
    });
    while !task.is_finished() {
        tokio::time::sleep(Duration::from_millis(150)).await;
        scene.signal(0, Signal::STOP);
        tokio::time::sleep(Duration::from_millis(350)).await;
        scene.signal(0, Signal::CONT);
    }
    let (count, transactions) = task.await.expect("the task ends");
    assert!(transactions > 10, "{transactions}");
    let lines = scene.lines().await;
    assert_eq!(lines.len(), count);
    assert_each_once(&lines, "w", count);
}

/// A batch of a process that has ended arrives after another process has the name.
#[tokio::test(flavor = "multi_thread")]
async fn batch_that_arrives_late_does_not_land() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("w", 0, 10)).await.expect("lines");
    drop(writer);
    let mut client = scene.client().await;
    let record = client.get("log/writer/w", None).await.expect("the record");
    let revision = record.kvs()[0].mod_revision();
    assert!(record.kvs()[0].value_str().expect("UTF-8").starts_with("10 "));
    let next = scene.writer("w", true).await;
    assert_eq!(next.lines(), 10);
    let guard = [
        Compare::mod_revision("log/head", CompareOp::Equal, revision),
        Compare::mod_revision("log/writer/w", CompareOp::Equal, revision),
    ];
    let late = TxnOp::put(format!("log/entry/{:020}", 11), "late", None);
    let late = client.txn(Txn::new().when(guard).and_then([late])).await.expect("an answer");
    assert!(!late.succeeded());
    assert_eq!(scene.lines().await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn writer_resumes_after_its_last_line() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("w", 0, 200)).await.expect("lines");
    let error = open_error(&scene, "w", false).await;
    assert!(error.contains("writer w has appended 200 lines; --resume skips"), "{error}");
    // The refusal has changed nothing.
    writer.append(&numbered("w", 200, 1)).await.expect("a line");
    let mut next = scene.writer("w", true).await;
    assert_eq!((next.lines(), next.head(), next.appended()), (201, 201, Appended::default()));
    let error = writer.append(&numbered("w", 201, 1)).await.expect_err("it was replaced");
    assert_eq!(error.to_string(), "log log: another process appends as writer w");
    assert_eq!((writer.lines(), writer.unsettled()), (201, 0));
    next.append(&numbered("w", 201, 99)).await.expect("lines");
    let error = writer.append(&numbered("w", 201, 99)).await.expect_err("it was replaced");
    assert_eq!(error.to_string(), "log log: another process appends as writer w");
    assert_eq!((writer.lines(), writer.unsettled()), (300, 0));
    assert_each_once(&scene.lines().await, "w", 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_name_goes_at_the_end() {
    let scene = Scene::start(1, &[]).await;
    let opened = Writer::open(scene.connection(), log(), None, false).await;
    let mut writer = opened.expect("the writer opens");
    writer.append(&numbered("w", 0, 1)).await.expect("a line");
    let key = format!("log/writer/{}", writer.name());
    let mut client = scene.client().await;
    assert_eq!(client.get(key.clone(), None).await.expect("the record").kvs().len(), 1);
    writer.close().await;
    assert_eq!(client.get(key, None).await.expect("no record").kvs().len(), 0);
    assert_eq!(scene.lines().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_long_line_ends_appending_before_it() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    let mut lines = numbered("w", 0, 130);
    lines.push(vec![b'x'; Writer::LINE_LENGTH_MAX + 1]);
    lines.extend(numbered("w", 130, 1));
    let error = writer.append(&lines).await.expect_err("it is too long").to_string();
    let expected = "log log: line 131 has 1433301 bytes; a request to etcd takes 1433300";
    assert_eq!(error, expected);
    assert_eq!((writer.lines(), writer.unsettled()), (130, 0));
    assert_each_once(&scene.lines().await, "w", 130);
}

/// A follower would apply two lines at one index.
#[tokio::test(flavor = "multi_thread")]
async fn line_end_within_a_line_ends_appending_before_it() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    let mut lines = numbered("w", 0, 130);
    lines.push(b"w 130\nw 131".to_vec());
    let error = writer.append(&lines).await.expect_err("two lines").to_string();
    assert_eq!(error, "log log: line 131 holds a line end");
    assert_eq!((writer.lines(), writer.unsettled()), (130, 0));
    assert_each_once(&scene.lines().await, "w", 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn lower_limits_of_etcd_are_named() {
    let scene = Scene::start(1, &["--max-txn-ops", "64"]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("w", 0, 62)).await.expect("62 lines, the head and the record");
    let error = writer.append(&numbered("w", 62, 63)).await.expect_err("too many").to_string();
    assert!(error.contains("--max-txn-ops has to be 128"), "{error}");
    assert_eq!((writer.lines(), writer.unsettled()), (62, 0));
    let scene = Scene::start(1, &["--max-request-bytes", "1000"]).await;
    let mut writer = scene.writer("w", false).await;
    let error = writer.append(&[vec![b'x'; 2_000]]).await.expect_err("too large").to_string();
    assert!(error.contains("--max-request-bytes"), "{error}");
    assert_eq!((writer.lines(), writer.unsettled()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_content_of_a_log_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    put(&scene, "log/head", &u64::MAX.to_string()).await;
    let mut writer = scene.writer("w", false).await;
    let error = writer.append(&numbered("w", 0, 1)).await.expect_err("full").to_string();
    assert_eq!(error, "log log: it is full: its indexes are those below 2^64");
    for head in ["", "-1", "x", "18446744073709551616"] {
        put(&scene, "log/head", head).await;
        let error = open_error(&scene, "v", false).await;
        let expected = "log log: the key log/head does not hold a writer's value";
        assert_eq!(error, expected, "{head:?}");
    }
    put(&scene, "log/head", "0").await;
    for record in ["", "1", "x t", "18446744073709551616 t"] {
        put(&scene, "log/writer/v", record).await;
        let error = open_error(&scene, "v", true).await;
        assert!(error.contains("log/writer/v does not hold"), "{record:?}: {error}");
    }
    for name in ["", "a/b", "a b"] {
        let error = open_error(&scene, name, false).await;
        assert!(error.contains("a name has 1 to 200 letters"), "{name:?}: {error}");
    }
    let mut writer = scene.writer("u", false).await;
    scene.client().await.delete("log/writer/u", None).await.expect("a deletion");
    let error = writer.append(&numbered("u", 0, 1)).await.expect_err("no record").to_string();
    assert_eq!(error, "log log: the key log/writer/u was deleted");
}

/// An interrupt that comes while a batch is in flight: the outcome is known at the return.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_batch_is_settled() {
    let scene = Scene::start(1, &[]).await;
    for pause in [0, 1, 2, 3, 5, 8, 13, 21] {
        let name = format!("w{pause}");
        let interrupt = Interrupt::default();
        let access = Access { interrupt: interrupt.clone(), ..scene.access() };
        let opened = Writer::open(Connection::new(access), log(), Some(name.clone()), false).await;
        let mut writer = opened.expect("the writer opens");
        let lines = numbered(&name, 0, 100_000);
        let before = scene.lines().await.len();
        let raise = async {
            tokio::time::sleep(Duration::from_millis(100 + pause)).await;
            interrupt.raise();
        };
        let (outcome, ()) = tokio::join!(writer.append(&lines), raise);
        assert!(matches!(outcome, Err(LiveError::Interrupted)));
        assert_eq!(writer.unsettled(), 0);
        let lines = scene.lines().await;
        assert_eq!(lines.len() as u64, before as u64 + writer.lines());
        assert_each_once(&lines, &name, lines.len() - before);
    }
}

/// Without an answer, an interrupted writer ends soon and does not know its outcome.
#[tokio::test(flavor = "multi_thread")]
async fn interrupt_ends_a_writer_without_etcd() {
    let mut scene = Scene::start(1, &[]).await;
    let interrupt = Interrupt::default();
    let access = Access { interrupt: interrupt.clone(), ..scene.access() };
    let opened = Writer::open(Connection::new(access), log(), Some("w".into()), false).await;
    let mut writer = opened.expect("the writer opens");
    writer.append(&numbered("w", 0, 10)).await.expect("lines");
    scene.servers.kill(0);
    let raise = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        interrupt.raise();
    };
    let started = Instant::now();
    let lines = numbered("w", 10, 20);
    let (outcome, ()) = tokio::join!(writer.append(&lines), raise);
    assert!(matches!(outcome, Err(LiveError::Interrupted)));
    assert!(started.elapsed() < TIME_MAX);
    assert_eq!((writer.lines(), writer.unsettled()), (10, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_etcd_is_an_error() {
    let mut scene = Scene::start(1, &[]).await;
    let endpoint = scene.servers.endpoint(0).to_owned();
    let access = Access { patience: Duration::from_millis(500), ..scene.access() };
    let opened = Writer::open(Connection::new(access), log(), Some("w".into()), false).await;
    let mut writer = opened.expect("the writer opens");
    scene.servers.kill(0);
    let error = writer.append(&numbered("w", 0, 1)).await.expect_err("no etcd").to_string();
    let begins = format!("etcd at {endpoint}: given up after 0.5 s: ");
    assert!(error.starts_with(&begins) && error.contains("Connection refused"), "{error}");
    assert_eq!((writer.lines(), writer.unsettled()), (0, 1));
    // At the first request patience ends early, which is that of 30 s.
    let started = Instant::now();
    let error = open_error(&scene, "v", false).await;
    let begins = format!("etcd at {endpoint}: does etcd run there? ");
    assert!(error.starts_with(&begins) && error.contains("Connection refused"), "{error}");
    assert!(started.elapsed() < Access::PATIENCE / 2, "{:?}", started.elapsed());
    // etcd that starts meanwhile is found, and the log is as it was.
    let (writer, ()) = tokio::join!(scene_writer(scene.access()), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        scene.servers.restart(0).expect("it starts");
    });
    assert_eq!(writer.head(), 0);
}

async fn scene_writer(access: Access) -> Writer {
    let opened = Writer::open(Connection::new(access), log(), Some("u".into()), false).await;
    opened.expect("the writer opens")
}
