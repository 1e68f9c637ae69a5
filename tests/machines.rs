//! The machine of the definition, as the exam uses it.

#![cfg(feature = "exam")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use dkv20::machines::Dkv20;
use dkv20::machines::fields::{FieldPair, describe, first_difference, side_by_side};
use dkv20::{Cluster, Op};
use dkv20_exam::{
    Budget, Case, Delivery, Due, Examinee, Interrupt, Limits, Machine as _, Plan, PortSpec, Suite,
    Tally, shrink,
};

#[test]
fn the_reference_knows_every_probe_and_stays_without_a_cluster() {
    let mut session = Dkv20.session().unwrap();
    for word in Dkv20.levels().iter().flat_map(|level| &level.words) {
        let answer = session.run_line(&Dkv20.probe(word).unwrap()).unwrap();
        let refusals = [b"err unknown-command".to_vec(), b"err syntax".to_vec()].map(Due::Answer);
        assert!(!refusals.contains(&answer), "{word}");
    }
    assert!(Dkv20.observers(&[]).is_empty());
}

#[test]
fn last_lines_without_an_answer_reach_the_port_whole() {
    let command = [env!("CARGO_BIN_EXE_dkv20"), "serve"].map(str::to_owned);
    let port = PortSpec::new("rust", command.into());
    let mut examinee = Examinee::new(&Dkv20, port, Limits::default());
    for delivery in Delivery::ALL {
        let lines = ["mix 1", "# \u{fc} comment", "", "#"].map(|line| line.as_bytes().to_vec());
        assert_eq!(examinee.run(&lines, delivery), Ok(()), "{delivery:?}");
        assert_eq!(examinee.run(&[b"mix 2".to_vec()], delivery), Ok(()), "{delivery:?}");
    }
}

// --- Cases ---

fn suites(plan: &Plan) -> Vec<Suite> {
    Dkv20.suites(plan, &Interrupt::default())
}

fn cases(suite: &Suite) -> impl Iterator<Item = Case> {
    (0..suite.count).map(|number| (suite.make)(number))
}

#[test]
fn cases_have_different_ids_that_begin_with_their_suite() {
    let mut ids = BTreeSet::new();
    for suite in suites(&Plan { is_thorough: true, ..Plan::default() }) {
        for case in cases(&suite) {
            assert_eq!(case.suite(), suite.name);
            assert!(ids.insert(case.id.clone()), "{} twice", case.id);
        }
    }
}

/// The first finding should be short.
#[test]
fn generated_situations_begin_with_short_ones_and_grow() {
    let suites = suites(&Plan::default());
    let suite = suites.iter().find(|suite| suite.name == "situations").unwrap();
    let line_counts: Vec<_> = cases(suite).map(|case| case.lines.len()).collect();
    let greatest = |counts: &[usize]| counts.iter().max().copied().unwrap_or_default();
    assert!(greatest(&line_counts[..60]) < 400, "{}", greatest(&line_counts[..60]));
    assert!(greatest(&line_counts) > 2_000, "{}", greatest(&line_counts));
}

#[test]
fn every_number_of_replicas_is_asked_for() {
    let suites = suites(&Plan { generated_count: 0, ..Plan::default() });
    let first_lines = suites.iter().flat_map(cases).filter_map(|case| case.lines.first().cloned());
    let first_lines: BTreeSet<_> = first_lines.collect();
    assert!((1..=64).all(|size| first_lines.contains(format!("new {size}").as_bytes())));
}

// --- Differences of answers ---

#[test]
fn the_answers_that_come_with_cases_are_those_of_a_new_session() {
    let mut count = 0;
    for seed in 0..150 {
        let Case { lines, due, .. } = Dkv20.fuzz_case(seed);
        let Some(known) = due else { continue };
        count += 1;
        let due = Dkv20.session().unwrap().run_lines(&lines, &|| true).unwrap();
        assert!(known == due, "{seed}");
        let tally = |known| {
            let mut tally = Tally::new(Dkv20.milestones().len(), Dkv20.measures().len());
            let mut answers = Vec::new();
            Dkv20.run_and_tally(&lines, known, &mut tally, &mut |due| {
                answers.push(due);
                ControlFlow::Continue(())
            });
            assert!(answers == due, "{seed}");
            format!("{tally:?}")
        };
        assert_eq!(tally(Some(known)), tally(None), "{seed}");
    }
    assert!(count >= 75, "{count} cases came with their answers");
}

#[test]
fn few_fuzzed_cases_are_huge() {
    let length = |seed| Dkv20.fuzz_case(seed).lines.iter().map(Vec::len).sum::<usize>();
    let huge = (0..960).filter(|seed| length(*seed) > 1 << 17).count();
    assert!((1..20).contains(&huge), "{huge} cases");
}

fn difference(expected: &str, actual: &str) -> String {
    Dkv20.difference(None, expected.as_bytes(), actual.as_bytes())
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
    let shrunk = shrink(lines, budget, &Dkv20, fails);
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
    assert_eq!(shrunk, ["new 3", "workload 0 0 137", "hash 0"]);
}

#[test]
fn the_least_number_takes_few_attempts() {
    let mut attempts = 0;
    let shrunk = shrunk(&["draw 1 9999999999"], |lines| {
        attempts += 1;
        (last_number(&lines[0])? > 1_000).then_some(0)
    });
    assert_eq!(shrunk, ["draw 0 1001"]);
    assert!(attempts < 500, "{attempts} attempts");
}

#[test]
fn long_tokens_become_shorter() {
    let long = format!("put 0x{} v", "6b".repeat(4_097));
    let shrunk = shrunk(&[&long], |lines| (lines[0].len() > 40).then_some(0));
    let line = &shrunk[0];
    assert!(line.starts_with("put kk") && line.ends_with("kk 0"), "{line:?}");
    assert!(line.len() <= 2 * 40, "{}", line.len());
}

#[test]
fn hex_becomes_text_and_names_become_simple() {
    let lines = ["new 5", "put 0x6b65792d303030303235 0x80", "get 3 0x6b65792d303030303235"];
    let shows = |key: &'static str| {
        shrunk(&lines, move |lines| {
            let line =
                |at: usize| lines.get(at).map(|line| String::from_utf8_lossy(line).into_owned());
            let (put, get) = (line(1)?, line(2)?);
            let key = put.split(' ').nth(1).filter(|token| token.contains(key))?;
            let is_read = get.starts_with("get ") && get.ends_with(&format!(" {key}"));
            (is_read && put.ends_with("0x80")).then_some(2)
        })
    };
    assert_eq!(shows("-"), ["new 0", "put key-000025 0x80", "get 0 key-000025"]);
    assert_eq!(shows(""), ["new 0", "put a 0x80", "get 0 a"]);
}

#[test]
fn a_replica_is_renumbered_throughout() {
    let shrunk = shrunk(&["new 5", "partition 3 4", "at 3 put k v", "heal 3"], |lines| {
        let texts: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        let id = texts.get(3)?.strip_prefix("heal ")?;
        let is_needed = texts[1].strip_prefix("partition ")?.split(' ').any(|other| other == id)
            && texts[2].starts_with(&format!("at {id} "));
        (is_needed && texts[0] != "new 0").then_some(3)
    });
    assert_eq!(shrunk, ["new 1", "partition 0", "at 0 noop", "heal 0"]);
}

#[test]
fn a_workload_stands_for_many_proposals() {
    let puts: Vec<_> = (0..40).map(|number| format!("put k{number} v")).collect();
    let lines: Vec<_> = ["new 1"].into_iter().chain(puts.iter().map(String::as_str)).collect();
    let shrunk = shrunk(&[&lines[..], &["hash 0"]].concat(), |lines| {
        let ops = |line: &Vec<u8>| match line.split(|byte| *byte == b' ').next() {
            Some(b"put") => Some(1),
            Some(b"workload") => last_number(line),
            _ => Some(0),
        };
        let count: u64 = lines.iter().filter_map(ops).sum();
        (count >= 30 && lines.last()? == b"hash 0").then(|| lines.len() - 1)
    });
    assert_eq!(shrunk, ["workload 0 0 30", "hash 0"]);
}

#[test]
fn a_prefix_does_what_the_lines_written_out_do() {
    let lines = ["new 3", "workload 1 10 20", "partition 1", "chaos 7 30", "heal", "hash 0"];
    let lines = lines.map(|line| line.as_bytes().to_vec()).to_vec();
    let expanded = Dkv20.expand(&lines).expect("lines to write out");
    let state = |lines: &[Vec<u8>]| {
        let lines = [lines, &Dkv20.observers(lines)].concat();
        let due = Dkv20.session().unwrap().run_lines(&lines, &|| true).unwrap();
        due[due.len() - Dkv20.observers(&lines).len()..].to_vec()
    };
    for count in 0..=expanded.len() {
        let prefix = Dkv20.prefix(&lines, count);
        assert!(prefix.len() <= lines.len());
        assert_eq!(state(&prefix), state(&expanded[..count]), "{count}");
    }
    assert_eq!(Dkv20.prefix(&lines, expanded.len()), lines);
    let scenario = [b"mix 1".to_vec(), b"scenario A".to_vec()];
    assert_eq!(Dkv20.prefix(&scenario, 5), [b"new 5".to_vec(), b"workload 20 1000 4".to_vec()]);
    assert_eq!(Dkv20.prefix(&scenario, 20_000), scenario);
    let counts = [&scenario[..], &lines].map(|lines| Dkv20.written_out_count(lines));
    assert!(matches!(counts, [10_001..=20_002, 60..=200]), "{counts:?}");
}

// --- Measures ---

/// Returns the least and the greatest value of a measure while the lines run.
fn range(lines: &[&str], name: &str) -> Option<(u64, u64)> {
    let lines: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let mut tally = Tally::new(Dkv20.milestones().len(), Dkv20.measures().len());
    Dkv20.tally(&lines, &mut tally);
    let reached = tally.reached(Dkv20.measures());
    let range = reached.iter().find(|reached| reached.measure == name)?;
    Some((range.least, range.greatest))
}

#[test]
fn lines_and_answers_are_measured() {
    let lines =
        ["new 3", "put 0x6161 0x", "put aab 12345", "  dump   0", "mix 0001", "draw 1 1001"];
    for (name, expected) in [
        ("replicas", (3, 3)),
        ("index", (1, 2)),
        ("keys in a map", (1, 2)),
        ("bytes of a key", (2, 3)),
        ("bytes that two keys begin with", (0, 2)),
        ("bytes of a value", (0, 5)),
        ("bytes of a line", (5, 13)),
        ("tokens of a line", (2, 3)),
        ("digits of a number", (1, 4)),
        // `ok 0x`, and a snapshot of 32 + 8 + 2 + 8 + 8 bytes in hex.
        ("bytes of an answer", (2, 5 + 2 * 58)),
        ("lines of a case", (6, 6)),
    ] {
        assert_eq!(range(&lines, name), Some(expected), "{name}");
    }
    // A count that is refused is not used.
    assert_eq!(range(&lines, "count of draws"), None);
    assert_eq!(range(&["load DKVS", "load 0x"], "bytes of a loaded snapshot"), Some((0, 4)));
}

#[test]
fn what_a_follower_lacked_is_measured() {
    let lagging = ["new 3", "partition 2", "put a 1", "put bb 22", "at 2 noop", "heal"];
    // An entry has 16 bytes before its op, and a put has 9 beside its key and value.
    assert_eq!(range(&lagging, "entries replayed at once"), Some((1, 2)));
    assert_eq!(range(&lagging, "bytes replayed at once"), Some((25 + 2, 50 + 6)));
    assert_eq!(range(&lagging, "bytes of an installed snapshot"), None);
    assert_eq!(range(&lagging, "isolated replicas"), Some((0, 1)));
    let compacted = ["new 3", "partition 2", "put a 1", "put bb 22", "compact", "heal"];
    assert_eq!(range(&compacted, "bytes of an installed snapshot"), Some((54, 54)));
    let tail = ["new 3", "put a 1", "del a", "partition 1 2", "noop", "noop", "heal"];
    assert_eq!(range(&tail, "pending entries of a replica"), Some((0, 2)));
    assert_eq!(range(&tail, "keys that a map lost again"), Some((0, 1)));
}

#[test]
fn clusters_of_a_session_are_counted_apart() {
    let lines = ["new 1", "put a 1", "new 0", "new 2", "noop", "new 64"];
    assert_eq!(range(&lines, "clusters in a session"), Some((1, 3)));
    assert_eq!(range(&lines, "keys that a map lost again"), Some((0, 0)));
    assert_eq!(range(&lines, "replicas"), Some((1, 64)));
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

/// The names of the fields that differ, with the values of both.
fn differing(expected: &[u8], actual: &[u8]) -> Vec<(String, [Option<String>; 2])> {
    let groups = side_by_side(expected, actual);
    let pairs = groups.into_iter().flatten().filter(FieldPair::differs);
    pairs.map(|pair| (pair.name, pair.values)).collect()
}

#[test]
fn fields_stand_beside_those_of_the_same_key() {
    let a = dump(&[Op::put("a", "v"), Op::put("b", "w"), Op::put("c", "")]);
    assert_eq!(differing(&a, &a), []);
    assert_eq!(side_by_side(&a, &a).iter().map(Vec::len).collect::<Vec<_>>(), [5, 4, 4, 3]);
    let b = dump(&[Op::put("b", "w"), Op::put("c", "xy"), Op::put("d", "")]);
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        ("length of key 1", [some("1"), None]),
        ("key 1", [some("0x61 \"a\""), None]),
        ("length of value 1", [some("1"), None]),
        ("value 1", [some("0x76 \"v\""), None]),
        ("length of value 3", [some("0"), some("2")]),
        ("value 2", [None, some("0x7879 \"xy\"")]),
        ("length of key 3", [None, some("1")]),
        ("key 3", [None, some("0x64 \"d\"")]),
        ("length of value 3", [None, some("0")]),
    ];
    assert_eq!(differing(&a, &b), expected.map(|(name, values)| (name.to_owned(), values)));
}

#[test]
fn keys_in_another_order_and_trailing_bytes_differ() {
    let a = dump(&[Op::put("a", "v"), Op::put("b", "v")]);
    let (head, entries) = a.split_at(32);
    let (first, second) = entries.split_at(entries.len() / 2);
    let names =
        |actual: &[u8]| differing(&a, actual).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&[head, second, first].concat()), ["key 1", "key 2"]);
    assert_eq!(names(&[&a[..], &[7]].concat()), ["trailing bytes"]);
    assert_eq!(names(&a[..a.len() - 1]), ["value 2"]);
    assert_eq!(names(b"").len(), 13);
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
