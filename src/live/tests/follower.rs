//! Followers of a log in real servers: their checkpoints and their ends.

mod scene;

use std::time::Duration;

use dkv20_exam::{Conversation, Interrupt, PortSpec};
use dkv20_live::{Access, Checkpoint, FollowEnd, Follower, LiveError, Settings};
use etcd_client::{DeleteOptions, GetOptions};
use tokio::time::{sleep, timeout};

use scene::{Scene, log, numbered};

/// A test that takes longer has failed.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How long a program may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A program that counts the lines: `$KIND N` is its answer to the line number N.
const COUNTER: &str = r#"
n=0
while read -r line; do
  case $line in
    hello) echo hi;;
    begin) n=0; echo ok;;
    count) echo "count $n";;
    crash) echo "out of $KIND" >&2; exit 3;;
    hang) sleep 100;;
    twice) echo one; echo two;;
    *) n=$((n + 1)); echo "$KIND $n";;
  esac
done
"#;

fn settings() -> Settings {
    Settings {
        machine: "counter".into(),
        start: vec!["begin".into()],
        observers: vec!["count".into(), "count".into()],
        has_digests: true,
        every: 10,
    }
}

/// Starts the counter and sends it the start lines.
fn counter(kind: &str, interrupt: Interrupt) -> Conversation {
    let script = format!("KIND={kind}\n{COUNTER}");
    let spec = PortSpec::new("counter", vec!["/bin/sh".into(), "-c".into(), script]);
    let mut program = Conversation::start(&spec, b"hello", TIMEOUT, interrupt).expect("it starts");
    program.send(b"begin");
    assert_eq!(program.receive().expect("an answer"), b"ok");
    program
}

fn follower(access: Access) -> Follower {
    Follower::new(access, log(), "one", settings())
}

/// Runs a new follower on a new program.
async fn follow(scene: &Scene, kind: &str, until: u64) -> Result<FollowEnd, LiveError> {
    let program = counter(kind, Interrupt::default());
    let follower = follower(scene.access());
    timeout(TIME_MAX, Box::pin(follower.run(program, Some(until)))).await.expect("it ends in time")
}

/// Returns the keys of the checkpoints, without the log's name, and their values.
async fn checkpoints(scene: &Scene) -> Vec<(String, Checkpoint)> {
    let mut client = scene.client().await;
    let prefix = "log/checkpoint/";
    let options = GetOptions::new().with_prefix();
    let found = client.get(prefix, Some(options)).await.expect("the checkpoints");
    let found = found.kvs().iter().map(|pair| {
        let key = pair.key_str().expect("UTF-8").strip_prefix(prefix).expect("the prefix");
        let digits = key.trim_start_matches('0').to_owned();
        (digits, serde_json::from_slice(pair.value()).expect("a checkpoint"))
    });
    found.collect()
}

/// Returns the keys of the checkpoints up to the index `last`.
fn keys(last: u64) -> Vec<String> {
    (1..=last / 10).map(|tens| format!("{}/one", 10 * tens)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_applies_each_entry_and_publishes_checkpoints() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 1_005)).await.expect("it appends");
    let follower = follower(scene.access());
    let status = follower.status();
    let running = follower.run(counter("ok", Interrupt::default()), Some(1_200));
    let appending = async {
        // The rest comes by the watch.
        while status.applied() < 1_005 {
            sleep(Duration::from_millis(5)).await;
        }
        writer.append(&numbered("a", 1_005, 295)).await.expect("it appends");
    };
    let both = async { tokio::join!(running, appending) };
    let (end, ()) = timeout(TIME_MAX, Box::pin(both)).await.expect("it ends in time");
    assert!(matches!(end, Ok(FollowEnd::Reached)), "{end:?}");
    assert_eq!(
        (status.applied(), status.checkpoints(), status.last_checkpoint()),
        (1_200, 120, 1_200)
    );
    let found = checkpoints(&scene).await;
    assert!(found.iter().map(|(key, _)| key).eq(&keys(1_200)), "{found:?}");
    let Checkpoint::Applied { answers, digest } = &found[1].1 else { panic!("{found:?}") };
    assert_eq!(answers, &["count 20", "count 20"]);
    // `seq -f 'ok %.0f' 11 20 | sha256sum`
    let expected = "9dda8f13b502acbdddd4a162090266d2ca4ab00b272761c6bf6bb56c87271120";
    assert_eq!(digest.as_deref(), Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_started_again_repeats_what_it_did() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 95)).await.expect("it appends");
    for until in [42, 95, 10] {
        let end = follow(&scene, "ok", until).await;
        assert!(matches!(end, Ok(FollowEnd::Reached)), "{end:?}");
    }
    let before = checkpoints(&scene).await;
    assert!(before.iter().map(|(key, _)| key).eq(&keys(90)), "{before:?}");
    // Only the digest differs.
    let error = follow(&scene, "other", 95).await.expect_err("it differs").to_string();
    let reason = "follower one published other answers at index 10 before: its program has changed";
    assert!(error.contains(reason) && error.contains("--anew"), "{error}");
    assert_eq!(checkpoints(&scene).await, before);
    follower(scene.access()).delete_checkpoints().await.expect("it deletes");
    assert_eq!(checkpoints(&scene).await, []);
    let end = follow(&scene, "other", 95).await;
    assert!(matches!(end, Ok(FollowEnd::Reached)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoints_of_others_stay() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 20)).await.expect("it appends");
    assert!(follow(&scene, "ok", 20).await.is_ok());
    let other = Follower::new(scene.access(), log(), "on", settings());
    other.delete_checkpoints().await.expect("it has none");
    assert_eq!(checkpoints(&scene).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_program_is_reported_with_its_entry() {
    let failures = [
        ("crash", "the program exited (exit status: 3)"),
        ("hang", "no answer in time"),
        ("twice", "a second line was written after the answer: `two`"),
    ];
    for (line, reason) in failures {
        let scene = Scene::start(1, &[]).await;
        let mut writer = scene.writer("w", false).await;
        let lines = [numbered("a", 0, 56), vec![line.into()], numbered("a", 57, 43)].concat();
        writer.append(&lines).await.expect("it appends");
        // Again it fails at the same entry.
        for _ in 0..2 {
            let end = follow(&scene, "ok", 100).await.expect("it ends");
            let FollowEnd::Failed { index, breakdown } = end else { panic!("{end:?}") };
            assert_eq!((index, &*breakdown.line), (57, line.as_bytes()));
            assert!(breakdown.to_string().contains(reason), "{breakdown}");
            assert_eq!(breakdown.stderr.contains("out of ok"), line == "crash");
            let found = checkpoints(&scene).await;
            assert!(found[..5].iter().map(|(key, _)| key).eq(&keys(50)), "{found:?}");
            let [(key, Checkpoint::Failed { failure })] = &found[5..] else { panic!("{found:?}") };
            assert!(key == "57/one" && failure.contains(reason), "{key}: {failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_fail_again_has_changed() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 100)).await.expect("it appends");
    let failed = serde_json::to_string(&Checkpoint::of_failure("no answer")).expect("JSON");
    let key = format!("log/checkpoint/{:020}/one", 57);
    scene.client().await.put(key, failed, None).await.expect("it is put");
    let error = follow(&scene, "ok", 100).await.expect_err("it has not failed").to_string();
    assert!(error.contains("published a failure at index 57 before"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_follower() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    // It hangs, and the interrupt comes before the time limit.
    let lines = [numbered("a", 0, 56), vec![b"hang".to_vec()]].concat();
    writer.append(&lines).await.expect("it appends");
    let interrupt = Interrupt::default();
    let access = Access { interrupt: interrupt.clone(), ..scene.access() };
    let follower = follower(access);
    let status = follower.status();
    let running = follower.run(counter("ok", interrupt.clone()), None);
    let raising = async {
        while status.head() != Some(57) {
            sleep(Duration::from_millis(5)).await;
        }
        interrupt.raise();
    };
    let both = async { tokio::join!(running, raising) };
    let (end, ()) = timeout(TIME_MAX, Box::pin(both)).await.expect("it ends in time");
    assert!(matches!(end, Ok(FollowEnd::Interrupted)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_deleted_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    let mut writer = scene.writer("w", false).await;
    writer.append(&numbered("a", 0, 20)).await.expect("it appends");
    let follower = follower(scene.access());
    let status = follower.status();
    let running = follower.run(counter("ok", Interrupt::default()), None);
    let deleting = async {
        while status.applied() < 20 {
            sleep(Duration::from_millis(5)).await;
        }
        let options = DeleteOptions::new().with_prefix();
        scene.client().await.delete("log/", Some(options)).await.expect("it deletes");
    };
    let both = async { tokio::join!(running, deleting) };
    let (end, ()) = timeout(TIME_MAX, Box::pin(both)).await.expect("it ends in time");
    let error = end.expect_err("there is no log").to_string();
    assert!(error.contains("its head is 0, but entry 20 is applied"), "{error}");
}
