//! Reading a log in real servers: whatever happens to the servers, each entry comes once and in order.

mod scene;

use std::time::Duration;

use dkv20_live::{Access, Connection, Entries, LiveError, Recoveries};
use etcd_client::{Client, Txn, TxnOp};
use rustix::process::Signal;
use tokio::time::{Instant, sleep, timeout};

use scene::{Scene, log, numbered};

/// A test that takes longer has failed.
const TIME_MAX: Duration = Duration::from_secs(60);
const SILENCE_TIME: Duration = Duration::from_millis(200);

fn entries(scene: &Scene) -> Entries {
    Entries::with_silence_time(connection(scene), log(), 1, SILENCE_TIME)
}

/// Returns a connection to the first member, which a busy machine does not make it leave.
fn connection(scene: &Scene) -> Connection {
    Connection::new(Access { request_timeout: Access::REQUEST_TIMEOUT, ..scene.access() })
}

/// Reads up to the entry `last` and checks that all lines are those of [`numbered`].
async fn read_up_to(entries: &mut Entries, next: &mut u64, last: u64) {
    let read = async {
        while *next <= last {
            for entry in entries.next().await.expect("entries") {
                assert_eq!(entry.index, *next);
                assert_eq!(entry.line, format!("a {}", *next - 1).into_bytes());
                *next += 1;
            }
        }
    };
    timeout(TIME_MAX, read).await.expect("it ends in time");
}

/// Puts entries without a writer.
async fn put(client: &mut Client, entries: impl IntoIterator<Item = (u64, Vec<u8>)>) {
    let entries: Vec<_> = entries.into_iter().collect();
    let head = entries.iter().map(|(index, _)| *index).max().expect("an entry");
    let puts = entries
        .into_iter()
        .map(|(index, line)| TxnOp::put(format!("log/entry/{index:020}"), line, None));
    let puts: Vec<_> = puts.chain([TxnOp::put("log/head", head.to_string(), None)]).collect();
    client.txn(Txn::new().and_then(puts)).await.expect("it is put");
}

async fn error_of(entries: &mut Entries) -> String {
    let read = async {
        loop {
            if let Err(error) = entries.next().await {
                return error;
            }
        }
    };
    let error: LiveError = timeout(TIME_MAX, read).await.expect("it ends in time");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_there_come_and_then_those_that_are_appended() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 2_500)).await.expect("it appends");
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 2_500).await;
    for first in (2_500..3_000).step_by(100) {
        writer.append(&numbered("a", first, 100)).await.expect("it appends");
        read_up_to(&mut entries, &mut next, first as u64 + 100).await;
    }
    // In a silence the watch is kept.
    let silence = timeout(5 * SILENCE_TIME, entries.next()).await;
    assert!(silence.is_err(), "nothing was appended");
    writer.append(&numbered("a", 3_000, 1)).await.expect("it appends");
    read_up_to(&mut entries, &mut next, 3_001).await;
    assert_eq!(entries.recoveries(), Recoveries::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_to_begin_with_is_kept() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 300)).await.expect("it appends");
    let mut entries = Entries::open(scene.connection(), log(), 201);
    let mut next = 201;
    read_up_to(&mut entries, &mut next, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_long_entries_are_as_long_as_a_message_may_be() {
    const LENGTH: usize = 1 << 20;
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    for index in 1..=24 {
        put(&mut client, [(index, vec![b'a'; LENGTH])]).await;
    }
    // Short ones after them: pages become longer again.
    for first in (25..1_025).step_by(100) {
        put(&mut client, (first..first + 100).map(|index| (index, b"b".to_vec()))).await;
    }
    let mut entries = entries(&scene);
    let (mut next, mut longest) = (1, 0);
    while next <= 1_024 {
        let page = timeout(TIME_MAX, entries.next()).await.expect("in time").expect("entries");
        longest = longest.max(page.len());
        for entry in page {
            assert_eq!(entry.index, next);
            assert_eq!(entry.line.len(), if next <= 24 { LENGTH } else { 1 });
            next += 1;
        }
    }
    assert!(longest > 100, "{longest}");
    assert_eq!(entries.recoveries(), Recoveries::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn compactions_lose_nothing() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 20_000)).await.expect("it appends");
    let mut client = scene.client().await;
    let compacting = tokio::spawn(async move {
        // The revision has to go on, so that later ones than that of a page are compacted.
        while let Ok(answer) = client.put("other", "", None).await {
            let revision = answer.header().expect("a header").revision();
            client.compact(revision, None).await.expect("it compacts");
            sleep(Duration::from_millis(1)).await;
        }
    });
    // Pages are compacted while later ones are read.
    let (mut whole, mut next) = (entries(&scene), 1);
    let appending = async {
        for first in (20_000..30_000).step_by(20) {
            writer.append(&numbered("a", first, 20)).await.expect("it appends");
        }
    };
    tokio::join!(appending, read_up_to(&mut whole, &mut next, 30_000));
    let compactions = whole.recoveries().compactions;
    assert!(compactions > 0);
    // The revision of a watch that has just been opened is compacted now and then.
    let started = Instant::now();
    let mut count = 30_000;
    loop {
        let first = count as u64 + 1;
        let mut late = Entries::with_silence_time(scene.connection(), log(), first, SILENCE_TIME);
        let mut next = first;
        writer.append(&numbered("a", count, 20)).await.expect("it appends");
        count += 20;
        read_up_to(&mut late, &mut next, count as u64).await;
        // One page has them all, so that it is the watch that was compacted.
        if late.recoveries().compactions > 0 {
            break;
        }
        assert!(started.elapsed() < TIME_MAX, "no watch was compacted");
    }
    compacting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_comes_late_is_awaited() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    let line = |index: u64| (index, format!("a {}", index - 1).into_bytes());
    put(&mut client, (1..=3).map(line)).await;
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 3).await;
    put(&mut client, [line(5)]).await;
    let early = timeout(3 * SILENCE_TIME, entries.next()).await;
    assert!(early.is_err(), "entry 4 is missing");
    put(&mut client, [line(4)]).await;
    read_up_to(&mut entries, &mut next, 5).await;
    assert!(entries.recoveries().gaps > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_beginning_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    put(&mut client, (11..=20).map(|index| (index, b"a".to_vec()))).await;
    let error = error_of(&mut entries(&scene)).await;
    assert!(error.contains("log log: entry 1 is missing although the head is 20"), "{error}");
    assert!(error.contains("its beginning was removed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_put_again_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    let line = |index: u64| (index, format!("a {}", index - 1).into_bytes());
    put(&mut client, (1..=10).map(line)).await;
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 10).await;
    put(&mut client, [(3, b"other".to_vec())]).await;
    let error = error_of(&mut entries).await;
    assert!(error.contains("entry 3 was put again"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_killed_is_left() {
    let mut scene = Scene::start(3, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 1_000)).await.expect("it appends");
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 1_000).await;
    // The first endpoint is the one in use.
    scene.servers.kill(0);
    writer.append(&numbered("a", 1_000, 1_000)).await.expect("it appends");
    read_up_to(&mut entries, &mut next, 2_000).await;
    assert!(entries.recoveries().reconnections > 0);
    scene.servers.restart(0).expect("it starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_paused_is_left() {
    let scene = Scene::start(3, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 100)).await.expect("it appends");
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 100).await;
    // All is read, so that it watches.
    assert!(timeout(5 * SILENCE_TIME, entries.next()).await.is_err(), "nothing was appended");
    scene.signal(0, Signal::STOP);
    writer.append(&numbered("a", 100, 100)).await.expect("it appends");
    read_up_to(&mut entries, &mut next, 200).await;
    assert!(entries.recoveries().silences > 0, "{}", entries.recoveries());
    scene.signal(0, Signal::CONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_leader_is_left() {
    let mut scene = Scene::start(3, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 100)).await.expect("it appends");
    // Requests in a silence would find out before etcd cancels the watch.
    let mut entries =
        Entries::with_silence_time(connection(&scene), log(), 1, Duration::from_secs(600));
    let mut next = 1;
    read_up_to(&mut entries, &mut next, 100).await;
    for member in [1, 2] {
        scene.servers.kill(member);
    }
    let started = Instant::now();
    while entries.recoveries().cancels == 0 {
        assert!(started.elapsed() < TIME_MAX, "the watch was not cancelled");
        let _ = timeout(SILENCE_TIME, entries.next()).await;
    }
    for member in [1, 2] {
        scene.servers.restart(member).expect("it starts");
    }
    writer.append(&numbered("a", 100, 100)).await.expect("it appends");
    read_up_to(&mut entries, &mut next, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_moved_loses_nothing() {
    let scene = Scene::start(3, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 100)).await.expect("it appends");
    let (mut entries, mut next) = (entries(&scene), 1);
    read_up_to(&mut entries, &mut next, 100).await;
    for round in 1..=3 {
        move_leader(&scene).await;
        let first = 100 * round;
        writer.append(&numbered("a", first, 100)).await.expect("it appends");
        read_up_to(&mut entries, &mut next, first as u64 + 100).await;
    }
}

/// Makes another member the leader.
async fn move_leader(scene: &Scene) {
    let started = Instant::now();
    loop {
        for member in 0..3 {
            let endpoint = scene.servers.endpoint(member);
            let mut client = Client::connect([endpoint], None).await.expect("a client");
            let status = client.status().await.expect("its status");
            let own = status.header().expect("a header").member_id();
            // Only the leader takes the request.
            if own != status.leader() {
                continue;
            }
            let members = client.member_list().await.expect("the members");
            let new = members.members().iter().map(etcd_client::Member::id).find(|id| *id != own);
            let new = new.expect("another member");
            if client.move_leader(new).await.is_ok() {
                return;
            }
        }
        assert!(started.elapsed() < TIME_MAX, "the leader was not moved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_two_lines_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    put(&mut *scene.client().await, [(1, b"a 0".to_vec()), (2, b"a 1\na 2".to_vec())]).await;
    let error = error_of(&mut entries(&scene)).await;
    assert!(error.contains("log log: entry 2 holds a line end"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_that_has_failed_is_no_interrupt() {
    let mut scene = Scene::start(1, &[]).await;
    let access = Access { patience: Duration::from_millis(300), ..scene.access() };
    let connection = Connection::new(access);
    let mut entries = Entries::with_silence_time(connection, log(), 1, SILENCE_TIME);
    scene.servers.kill(0);
    for _ in 0..2 {
        let error = error_of(&mut entries).await;
        assert!(error.contains(scene.servers.endpoint(0)), "{error}");
    }
}
