//! The machine of the definition, as the exam uses it.

#![cfg(feature = "exam")]

use std::time::Duration;

use dkv20::machines::Dkv20;
use dkv20::machines::fields::{describe, first_difference};
use dkv20::{Cluster, Op};
use dkv20_exam::{Budget, Due, Machine as _, shrink};

#[test]
fn the_reference_knows_every_probe_and_stays_without_a_cluster() {
    let mut session = Dkv20.session();
    for word in Dkv20.levels().iter().flat_map(|level| level.words) {
        let answer = session.run_line(&Dkv20.probe(word));
        let refusals = [b"err unknown-command".to_vec(), b"err syntax".to_vec()].map(Due::Answer);
        assert!(!refusals.contains(&answer), "{word}");
    }
    assert!(session.observers().is_empty());
}

// --- Differences of answers ---

fn difference(expected: &str, actual: &str) -> String {
    Dkv20.difference(expected.as_bytes(), actual.as_bytes())
}

#[test]
fn differing_fields_are_named_without_their_values() {
    let term = difference("ok leader=1 term=2", "ok leader=1 term=3");
    assert_eq!(term, "ok with another term");
    assert_eq!(term, difference("ok leader=4 term=5", "ok leader=4 term=9"));
    assert_ne!(term, difference("ok leader=4 term=5", "ok leader=3 term=9"));
    assert_eq!(difference("ok ab", "ok cd"), "ok with another value");
    let offset = difference("err truncated offset=0", "err truncated offset=1");
    assert_eq!(offset, "err truncated with another offset");
}

#[test]
fn statuses_are_distinguished() {
    assert_eq!(difference("err replica-count", "ok"), "err replica-count -> ok");
    assert_eq!(difference("ok none", "ok 0x"), "ok none -> ok");
    assert_eq!(
        difference("ok committed index=1 term=1", "ok pending index=1 term=1"),
        "ok committed -> ok pending",
    );
    assert_eq!(difference("ok 5", "OK 5"), "ok -> no answer of the protocol");
}

// --- Simpler lines ---

fn shrunk(lines: &[&str], fails: impl FnMut(&[Vec<u8>]) -> Option<usize>) -> Vec<String> {
    let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let budget = Budget { time: Duration::from_secs(60), attempts: 100_000 };
    let shrunk = shrink(lines, budget, |line| Dkv20.simpler(line), fails);
    assert!(shrunk.is_minimal);
    shrunk.lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

fn last_number(line: &[u8]) -> Option<u64> {
    String::from_utf8_lossy(line).split(' ').next_back()?.parse().ok()
}

#[test]
fn sizes_become_smaller() {
    let shrunk = shrunk(&["new 7", "workload 1 10 5000", "hash 0"], |lines| {
        let is_large = lines.len() == 3
            && last_number(&lines[0]) >= Some(3)
            && last_number(&lines[1]) >= Some(137);
        is_large.then_some(2)
    });
    assert_eq!(shrunk, ["new 3", "workload 1 10 137", "hash 0"]);
}

#[test]
fn the_least_number_takes_few_attempts() {
    let mut attempts = 0;
    let shrunk = shrunk(&["draw 1 9999999999"], |lines| {
        attempts += 1;
        (last_number(&lines[0])? > 1_000).then_some(0)
    });
    assert_eq!(shrunk, ["draw 1 1001"]);
    assert!(attempts < 500, "{attempts} attempts");
}

#[test]
fn long_tokens_become_shorter() {
    let long = format!("put 0x{} v", "6b".repeat(4_097));
    let shrunk = shrunk(&[&long], |lines| (lines[0].len() > 40).then_some(0));
    let line = &shrunk[0];
    assert!(line.starts_with("put 0x6b") && line.ends_with("6b v"), "{line:?}");
    assert!(line.len() <= 2 * 40 && line.len() % 2 == 0, "{}", line.len());
}

// --- Fields of snapshots ---

fn dump(ops: &[Op]) -> Vec<u8> {
    let mut cluster = Cluster::new(1).unwrap();
    for op in ops {
        cluster.propose(op.clone()).unwrap();
    }
    cluster.replica(0).unwrap().dump_state()
}

#[test]
fn the_first_differing_field_is_named() {
    let a = dump(&[Op::put("a", "v"), Op::put("b", "w")]);
    let b = dump(&[Op::put("a", "v"), Op::put("b", "x")]);
    assert_eq!(first_difference(&a, &a), None);
    assert_eq!(
        first_difference(&a, &b).unwrap(),
        "value 2 at offset 51 (after key 0x62 \"b\"): expected 0x77 \"w\", actual 0x78 \"x\"",
    );
    let mut commit = a.clone();
    commit[8] = 9;
    let difference = first_difference(&a, &commit).unwrap();
    assert_eq!(difference, "commit index at offset 8: expected 2, actual 9");
}

#[test]
fn a_snapshot_that_ends_early_or_late_is_described() {
    let a = dump(&[Op::put("a", "v")]);
    let difference = first_difference(&a, &a[..a.len() - 1]).unwrap();
    assert!(difference.ends_with("actual nothing: the snapshot ends here"), "{difference}");
    let longer = [&a[..], &[7]].concat();
    let difference = first_difference(&a, &longer).unwrap();
    let trailing = "trailing bytes at offset 42 (after key 0x61 \"a\"): expected nothing: the snapshot \
                    ends here, actual 0x07 \"\\x07\"";
    assert_eq!(difference, trailing);
    assert!(describe(&longer).last().unwrap().starts_with("      42  trailing bytes: "));
}

#[test]
fn every_field_is_described() {
    let lines = describe(&dump(&[Op::put("a", ""), Op::put("b", vec![7; 100])]));
    let names: Vec<_> = lines.iter().map(|line| line[10..].split(':').next().unwrap()).collect();
    let expected = [
        "magic",
        "version",
        "commit index",
        "term",
        "number of keys",
        "length of key 1",
        "key 1",
        "length of value 1",
        "length of key 2",
        "key 2",
        "length of value 2",
        "value 2",
    ];
    assert_eq!(names, expected);
    assert!(lines[11].ends_with("… (100 bytes)"), "{}", lines[11]);
}
