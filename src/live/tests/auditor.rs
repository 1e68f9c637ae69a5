//! Auditors in real servers.

mod scene;

use std::time::Duration;

use dkv20_live::{Auditor, Difference, Drift, IsSame, LiveError, Standing};
use etcd_client::{Client, Txn, TxnOp};
use scene::Scene;

/// How long the checkpoints of a test take, at most.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How many checkpoints are put at once.
const AT_ONCE: usize = 100;

/// Puts a checkpoint of a follower with one answer at each of the indexes, some at once.
async fn put(client: &mut Client, follower: &str, answer: &str, indexes: &[u64]) {
    for indexes in indexes.chunks(AT_ONCE) {
        let puts = indexes.iter().map(|index| {
            let key = format!("log/checkpoint/{index:020}/{follower}");
            TxnOp::put(key, format!(r#"{{"answers":["{answer}"]}}"#), None)
        });
        let txn = Txn::new().and_then(puts.collect::<Vec<_>>());
        client.txn(txn).await.expect("the checkpoints are put");
    }
}

fn audit(scene: &Scene) -> Auditor<impl IsSame> {
    let is_same = |_: &str, one: &[u8], other: &[u8]| one.eq_ignore_ascii_case(other);
    Auditor::open(scene.connection(), scene::log(), vec!["hash".into()], is_same)
}

/// Audits until a drift or until so many followers have a checkpoint at the last index.
async fn run(auditor: &mut Auditor<impl IsSame>, count: usize) -> Result<Option<Drift>, LiveError> {
    let running = async {
        while auditor.at_end().count() < count {
            if let Some(drift) = auditor.next().await? {
                return Ok(Some(drift));
            }
        }
        Ok(None)
    };
    tokio::time::timeout(TIME_MAX, running).await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_agreement_is_found_far_before_a_drift() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    let indexes: Vec<_> = (1..=1_500).map(|number| number * 10).collect();
    put(&mut client, "a", "ok 1", &indexes).await;
    put(&mut client, "b", "OK 1", &indexes).await;
    put(&mut client, "late", "ok 1", &[10, 20]).await;
    let mut auditor = audit(&scene);
    auditor.end_at(15_000);
    assert_eq!(run(&mut auditor, 2).await.expect("etcd works"), None);
    let standings = auditor.followers();
    assert_eq!(standings["a"], Standing { last: 15_000, agreed: 15_000 });
    assert_eq!(standings["late"], Standing { last: 20, agreed: 20 });
    // It comes while the auditor watches.
    put(&mut client, "late", "ok 2", &[15_000]).await;
    let drift = run(&mut auditor, 3).await.expect("etcd works").expect("a drift");
    assert_eq!((drift.index, drift.agreed), (15_000, Some(20)));
    assert_eq!(drift.difference, Difference::Observer(0));
    assert_eq!(drift.followers.keys().collect::<Vec<_>>(), ["a", "b", "late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_checkpoint_is_an_error() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    for (key, reason) in [
        ("log/checkpoint/00000000000000000010/a", "does not hold a checkpoint: "),
        ("log/checkpoint/10/a", "is no checkpoint's key"),
        ("log/checkpoint/00000000000000000000/a", "is no checkpoint's key"),
    ] {
        client.put(key, "{}", None).await.expect("it is put");
        let mut auditor = audit(&scene);
        auditor.end_at(10);
        let error = run(&mut auditor, 1).await.expect_err("an error").to_string();
        assert!(error.contains(key) && error.contains(reason), "{error}");
        client.delete(key, None).await.expect("it is deleted");
    }
}

/// The row of a drift has a follower whose earlier checkpoints are there and were not compared yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_difference_that_was_not_compared_yet_is_the_drift() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    put(&mut client, "a", "ok 1", &[10, 20]).await;
    put(&mut client, "b", "ok 1", &[10]).await;
    let mut auditor = audit(&scene);
    while auditor.followers().get("a").is_none_or(|standing| standing.last < 20) {
        assert_eq!(auditor.next().await.expect("etcd works"), None);
    }
    for (follower, answer, index) in [("b", "ok 2", 20), ("c", "ok 3", 10), ("c", "ok 1", 20)] {
        put(&mut client, follower, answer, &[index]).await;
    }
    let drift = run(&mut auditor, 1).await.expect("etcd works").expect("a drift");
    assert_eq!((drift.index, drift.agreed), (10, None), "c differs at 10 already");
    assert_eq!(drift.followers.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_checkpoints_of_many_followers_are_read() {
    let scene = Scene::start(1, &[]).await;
    let mut client = scene.client().await;
    let long = "1".repeat(1_300_000);
    for follower in ["a", "b", "c", "d"] {
        put(&mut client, follower, &long, &[10]).await;
    }
    put(&mut client, "e", "2", &[10]).await;
    let drift = run(&mut audit(&scene), 1).await.expect("etcd works").expect("a drift");
    assert_eq!((drift.index, drift.followers.len()), (10, 5));
}
