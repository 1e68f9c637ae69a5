//! Explanations of a divergence hold, or there are none.
//!
//! Each test has a port that is the reference but for one mistake, and lines that show it.

#![cfg(feature = "exam")]

use std::cell::Cell;
use std::collections::BTreeMap;

use dkv20::machines::Dkv20;
use dkv20::{ByteString, Command, Op, Session, mix, parse};
use dkv20_exam::{Actual, Ask, Divergence, Evidence, Explanation, Failure, Machine as _};

/// A port: from a line and the right answer to its own.
type Port<'a> = &'a dyn Fn(&str, String) -> String;

/// A port: from the lines of a session to its answers.
type WholePort<'a> = &'a dyn Fn(&[Vec<u8>]) -> Vec<Vec<u8>>;

fn lines(text: &str) -> Vec<Vec<u8>> {
    text.split("; ").map(|line| line.as_bytes().to_vec()).collect()
}

/// Returns the answers of a port to lines that each get one.
fn answers(lines: &[Vec<u8>], port: Port<'_>) -> Vec<Vec<u8>> {
    let mut session = Session::new();
    let answer = |line: &Vec<u8>| {
        let mut answer = String::new();
        session.run_line(line, &mut answer);
        port(&String::from_utf8_lossy(line), answer).into_bytes()
    };
    lines.iter().map(answer).collect()
}

/// Explains why the port's answer to the last of some lines is wrong. `step` is the number of lines
/// up to the first wrong step.
fn explain(text: &str, step: usize, port: Port<'_>) -> Explanation {
    let lines = lines(text);
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = answers(&lines, port).pop().unwrap();
    assert_ne!(expected, actual, "the port is wrong");
    let actual = Actual::Answer(actual);
    explain_as(&lines, step, expected, actual, &mut |lines| Some(answers(lines, port)))
}

fn explain_as(
    lines: &[Vec<u8>],
    step: usize,
    expected: Vec<u8>,
    actual: Actual,
    ask: Ask<'_>,
) -> Explanation {
    let divergence = Divergence { step: lines.len() - 1, expected: Some(expected), actual };
    Dkv20.explain(&Evidence { lines, divergence: &divergence, step: step - 1 }, ask)
}

/// A port with another answer to one line.
fn instead<'a>(wrong: &'a str, answer: &'a str) -> impl Fn(&str, String) -> String + 'a {
    move |line, right| if line == wrong { answer.into() } else { right }
}

fn first_section(explanation: &Explanation) -> &str {
    explanation.sections.first().map(String::as_str).unwrap_or_default()
}

fn has_fact(explanation: &Explanation, part: &str) -> bool {
    explanation.facts.iter().any(|fact| fact.contains(part))
}

#[test]
fn a_refused_command_has_no_draws() {
    for line in [
        "workload 1 10 18446744073709551615",
        "workload 1 10 10000001",
        "workload 1 0 5",
        "chaos 1 18446744073709551615",
        "scenario A\r",
        "scenario C",
    ] {
        let port = instead(line, "ok");
        let explanation = explain(&format!("new 1; {line}"), 2, &port);
        assert_eq!(explanation.facts, [""; 0], "{line}");
        assert!(["7", "8"].contains(&first_section(&explanation)), "{line}");
    }
    // A limit that the port lacks is a limit all the same.
    let port = instead("workload 1 10 5", "err count");
    assert_eq!(explain("new 1; workload 1 10 5", 2, &port).facts, [""; 0]);
}

#[test]
fn a_workload_is_explained_by_its_last_op() {
    let port = instead("workload 20 1000 1", "ok committed=0 pending=0 refused=0");
    let explanation = explain("new 1; workload 20 1000 1", 2, &port);
    let op = "op 1 of the workload: draws 3900778703475868044 357812285139149957 \
              4645975589145387511 make `put 0x6b65792d303030393537 0x571d000000000000`";
    assert_eq!(explanation.facts[0], op);
    assert_eq!(first_section(&explanation), "8");
    // No op has been drawn.
    let port = instead("workload 20 1000 0", "ok committed=1 pending=0 refused=0");
    let explanation = explain("new 1; workload 20 1000 0", 2, &port);
    assert!(!has_fact(&explanation, "op "), "{:?}", explanation.facts);
}

#[test]
fn right_counts_are_not_a_wrong_workload() {
    let port = instead("workload 1 10 2", "ok committed=0 pending=2 refused=0");
    let explanation = explain("new 1; workload 1 10 2", 2, &port);
    assert_eq!(first_section(&explanation), "8");
    assert!(has_fact(&explanation, "only the numbers are wrong"));
}

#[test]
fn line_by_line_is_stated_only_if_it_was_compared() {
    let wrong = format!("ok digest={}", "0".repeat(64));
    let all_lines = "the port is right if the commands are written out as 6 lines";
    let port = instead("chaos 6443 2", &wrong);
    let explanation = explain("new 1; chaos 6443 2", 2, &port);
    assert!(has_fact(&explanation, all_lines), "{:?}", explanation.facts);
    let step = "step 2: draws 8850776011603645071 7095079271941099458 7089736424386435806 \
                2070537642031768863 14566403119424416522 (e is 61) make `at 0 put \
                0x6b65792d303030303331 0x7a19000000000000`";
    assert!(explanation.facts.iter().any(|fact| fact == step), "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "the port's answer to `chaos 6443 1` is right"));
    assert_eq!(first_section(&explanation), "10");

    // Another line is wrong, too; or the port fails.
    let also = |line: &str, right: String| match line {
        "chaos 6443 2" => wrong.clone(),
        "partition 0" => "ok leader=none term=7".into(),
        _ => right,
    };
    assert_eq!(explain("new 1; chaos 6443 2", 2, &also).facts, [""; 0]);
    let lines = lines("new 1; chaos 6443 2");
    let right = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = Actual::Answer(wrong.clone().into());
    let explanation = explain_as(&lines, 2, right, actual, &mut |_| None);
    assert_eq!(explanation.facts, [""; 0]);
    assert_eq!(explanation.sections, ["10"]);
}

#[test]
fn a_load_has_fields_only_if_one_is_refused() {
    let valid = "load 0x444b56530100000001000000000000000100000000000000010000000000000001000000610\
                 0000000";
    let hash = "0".repeat(64);
    let port = |line: &str, right: String| {
        if line == valid { format!("ok commit=1 term=1 keys=1 sha256={hash}") } else { right }
    };
    let explanation = explain(valid, 1, &port);
    assert!(!has_fact(&explanation, "commit index"), "{:?}", explanation.facts);
    assert_eq!(first_section(&explanation), "5");

    // The reader does not reach the second key.
    let refused = "load 0x444b5653010000000100000000000000000000000000000001000000000000000100000061\
                   00000000";
    let port = instead(refused, "ok commit=1 term=0 keys=1 sha256=0");
    let explanation = explain(refused, 1, &port);
    assert!(has_fact(&explanation, "commit index: "), "{:?}", explanation.facts);
    assert!(explanation.facts.iter().any(|fact| fact.starts_with("      16  term: ")));
    assert!(!has_fact(&explanation, "number of keys"), "{:?}", explanation.facts);
}

/// An order of bytes that a hash confirms.
#[test]
fn a_confirmed_guess_names_the_section() {
    let hash_of_no_lengths = {
        use sha2::{Digest as _, Sha256};
        let bytes = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01av";
        hex::encode(Sha256::digest(bytes))
    };
    let wrong = format!("ok {hash_of_no_lengths}");
    let port = instead("log 0", &wrong);
    let explanation = explain("new 1; put a v; log 0", 2, &port);
    assert_eq!(explanation.facts, ["the hash is that of the log if its lengths are missing"]);
    assert_eq!(explanation.sections, ["2"]);

    let port =
        instead("log 0", "ok 00000000000000000000000000000000000000000000000000000000deadbeef");
    let explanation = explain("new 1; put a v; log 0", 2, &port);
    let entry = "    index 1  term 1  put 0x61 \"a\" 0x76 \"v\"";
    assert!(explanation.facts.iter().any(|fact| fact == entry), "{:?}", explanation.facts);
}

#[test]
fn the_section_follows_the_step_and_not_the_look() {
    let follower = "ok role=follower term=1 base=0 commit=1 last=1 keys=1";
    let of = |lines: &str, step, observer: &str, answer: &str| {
        let explanation =
            explain(&format!("{lines}; {observer}"), step, &instead(observer, answer));
        first_section(&explanation).to_owned()
    };
    let compacted = of("new 2; put a v; compact", 3, "replica 1", follower);
    assert_eq!(compacted, "4.5");
    assert_eq!(
        of(
            "new 2; put a v",
            2,
            "replica 1",
            "ok role=follower term=1 base=1 commit=1 last=1 keys=1"
        ),
        "4.4"
    );
    let isolated = of("new 3; partition 2; put a v", 3, "replica 2", follower);
    assert_eq!(isolated, "4");
    assert_eq!(of("new 3; heal 9", 2, "status", "ok leader=0 term=2 quorum=2 isolated=none"), "1");
    let not_isolated = |lines: &[Vec<u8>]| {
        let lines: Vec<_> =
            lines.iter().map(|line| line.strip_suffix(b" 1").unwrap_or(line).to_vec()).collect();
        answers(&lines, &|_, answer| answer)
    };
    let explanation = explain_port("new 3; partition 1; status", 2, &not_isolated);
    assert_eq!(first_section(&explanation), "4.3");
    assert_eq!(of("new 4", 1, "status", "ok leader=0 term=1 quorum=2 isolated=none"), "4");
}

#[test]
fn a_tail_with_another_term_is_of_the_section_on_propose_at() {
    let port = instead("at 0 put 0x61 0x76", "ok pending index=1 term=2");
    let explanation = explain("new 3; partition 0; at 0 put 0x61 0x76", 3, &port);
    assert_eq!(explanation.sections, ["4.2"]);
}

#[test]
fn a_port_that_fails_at_one_command_has_the_fault_there() {
    let of = |text: &str, port: Option<Port<'_>>| {
        let lines = lines(text);
        let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
        let failed = Actual::Failed(Failure::NoAnswer);
        let mut ask = |lines: &[Vec<u8>]| port.map(|port| answers(lines, port));
        explain_as(&lines, lines.len(), expected, failed, &mut ask)
    };
    let right: Port<'_> = &|_, answer| answer;
    let election = of("new 3; partition 0 1; heal 1", Some(right));
    assert_eq!(first_section(&election), "4.4");
    assert!(has_fact(
        &election,
        "in the reference: replica 1 wins the election of term 2 with (last_term, last) = (0, 0)"
    ));
    assert_eq!(first_section(&of("new 3; heal", Some(right))), "4.3");
    assert_eq!(first_section(&of("new 3; compact", Some(right))), "4.5");
    // It does not answer anything any more.
    let silent = of("new 3; heal", None);
    assert_eq!((first_section(&silent), silent.facts.len()), ("8", 0));
    assert_eq!(first_section(&of("mix 1x", Some(right))), "8");
}

#[test]
fn a_form_that_the_port_does_not_know_is_of_section_8() {
    let octal = format!("ok {}", mix(8));
    let explanation = explain("mix 010", 1, &instead("mix 010", &octal));
    assert_eq!(explanation.facts, ["the port is right with the line `mix 10` instead"]);
    assert_eq!(explanation.sections, ["8"]);
    let explanation = explain("mix 5", 1, &instead("mix 5", "ok 7"));
    assert_eq!(explanation, Explanation { facts: vec![], sections: vec!["6".into()] });
    let explanation = explain("mix 5", 1, &instead("mix 5", "ok -7"));
    assert_eq!(explanation.sections, ["8"]);
    let explanation = explain("new 1; noop", 2, &instead("noop", "ok Committed index=1 term=1"));
    assert_eq!(explanation.sections, ["8"]);
}

fn dump(keys: &[&str]) -> String {
    let heads = "444b5653010000000200000000000000010000000000000002000000000000000";
    let entries = keys.iter().map(|key| format!("1000000{key}00000000"));
    let all: String = entries.collect::<Vec<_>>().join("0");
    format!("ok 0x{heads}{all}")
}

#[test]
fn a_random_order_is_called_one() {
    let asked = Cell::new(0);
    let port = |line: &str, right: String| match line {
        "hash 0" => format!("ok {}", "0".repeat(64)),
        "dump 0" => {
            asked.set(asked.get() + 1);
            if asked.get() % 2 == 1 { dump(&["7a", "61"]) } else { dump(&["61", "7a"]) }
        }
        _ => right,
    };
    let explanation = explain("new 1; put a 0x; put z 0x; hash 0", 3, &port);
    assert!(has_fact(&explanation, "random order"), "{:?}", explanation.facts);
    assert_eq!(first_section(&explanation), "5");

    let fixed = |line: &str, right: String| match line {
        "hash 0" => format!("ok {}", "0".repeat(64)),
        "dump 0" => dump(&["7a", "61"]),
        _ => right,
    };
    let explanation = explain("new 1; put a 0x; put z 0x; hash 0", 3, &fixed);
    assert!(!has_fact(&explanation, "random"), "{:?}", explanation.facts);
    let order = "its keys are as if sorted from the greatest to the least";
    assert!(explanation.facts.iter().any(|fact| fact == order), "{:?}", explanation.facts);
    let explanation = explain("new 1; put z 0x; put a 0x; hash 0", 3, &fixed);
    let order = "its keys are as if sorted by time of insertion";
    assert!(explanation.facts.iter().any(|fact| fact == order), "{:?}", explanation.facts);
}

#[test]
fn hostile_answers_take_no_time_and_no_room() {
    let huge: [Vec<u8>; 6] = [
        [b"err ".as_slice(), &b"\xfe".repeat(1 << 20)].concat(),
        [b"ok ".as_slice(), &b"n".repeat(1 << 20), b"=1"].concat(),
        vec![b' '; 1 << 20],
        [b"ok ".as_slice(), &b"\xff".repeat(1 << 20)].concat(),
        [b"ok 0x".as_slice(), &b"0".repeat(1 << 20)].concat(),
        [b"ok isolated=".as_slice(), &b"1,".repeat(1 << 19)].concat(),
    ];
    for (text, step) in [
        ("mix 5", 1),
        ("new 1; put a v; hash 0", 2),
        ("new 1; put a v; dump 0", 3),
        ("new 1; log 0", 1),
        ("new 2; partition 1; status", 2),
        ("new 1; chaos 1 9", 2),
        ("new 1; workload 1 9 9", 2),
        ("load 0x", 1),
    ] {
        let lines = lines(text);
        let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
        for answer in &huge {
            let mut ask = |lines: &[Vec<u8>]| Some(vec![answer.clone(); lines.len()]);
            let actual = Actual::Answer(answer.clone());
            let explanation = explain_as(&lines, step, expected.clone(), actual, &mut ask);
            assert!(!explanation.sections.is_empty(), "{text}");
            assert!(explanation.facts.concat().len() < 2_000, "{text}");
            assert!(Dkv20.difference(&expected, answer).len() < 20_000, "{text}");
        }
    }
}

/// A port that does not settle after `heal`, but with the next partition.
fn unsettled_answers(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let heal = lines.iter().position(|line| line == b"heal").expect("a heal");
    if lines[heal..].contains(&b"partition".to_vec()) {
        return answers(lines, &|_, answer| answer);
    }
    let others = [&lines[..heal], &lines[heal + 1..]].concat();
    let mut answers = answers(&others, &|_, answer| answer);
    answers.insert(heal, b"ok leader=0 term=1".to_vec());
    answers
}

#[test]
fn a_heal_that_does_not_settle_is_of_the_section_on_heal() {
    let lines = lines("new 3; partition 2; put a v; heal; replica 2");
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = Actual::Answer(unsettled_answers(&lines).pop().unwrap());
    let mut ask = |lines: &[Vec<u8>]| Some(unsettled_answers(lines));
    let explanation = explain_as(&lines, 4, expected, actual, &mut ask);
    assert_eq!(first_section(&explanation), "4.3", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "only a further `partition` makes the port settle"));
}

/// A port whose `heal` takes the role from a leader and elects none, unlike its `partition`.
#[test]
fn a_heal_that_changes_a_role_alone_does_not_settle() {
    let port = |lines: &[Vec<u8>]| {
        let heal = lines.iter().position(|line| line == b"heal 0").expect("a heal");
        if lines[heal..].contains(&b"partition".to_vec()) {
            return answers(lines, &|_, answer| answer);
        }
        let others = [&lines[..heal], &lines[heal + 1..]].concat();
        let mut answers = answers(&others, &|line, answer| match line {
            "replica 0" => answer.replace("leader", "follower"),
            "status" => answer.replace("isolated=0,1", "isolated=1"),
            _ => answer,
        });
        answers.insert(heal, b"ok leader=none term=2".to_vec());
        answers
    };
    let text = "new 3; partition 0; partition 1; heal 0";
    let explanation = explain_port(text, 4, &port);
    assert_eq!(first_section(&explanation), "4.3", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "only a further `partition` makes the port settle"));
}

#[test]
fn a_leader_that_is_named_is_blamed_only_if_it_is_right_unnamed() {
    let pending = "ok pending index=1 term=1";
    let port = |line: &str, right: String| match line {
        "at 0 noop" => pending.into(),
        "replica 0" => "ok role=leader term=1 base=0 commit=0 last=1 keys=0".into(),
        _ => right,
    };
    let explanation = explain("new 1; at 0 noop", 2, &port);
    assert_eq!(first_section(&explanation), "4.2", "{:?}", explanation.facts);
    let both = |line: &str, right: String| match line {
        "noop" => pending.into(),
        _ => port(line, right),
    };
    assert_eq!(first_section(&explain("new 1; at 0 noop", 2, &both)), "4.4");
}

#[test]
fn a_map_that_grows_without_a_commit_is_of_the_section_on_replicas() {
    let grown = "ok 0x444b5653010000000000000000000000000000000000000001000000000000000100000061010000\
                 0076";
    let port = |line: &str, right: String| match line {
        "replica 0" => "ok role=leader term=1 base=0 commit=0 last=1 keys=1".into(),
        "dump 0" => grown.into(),
        "hash 0" => format!("ok {}", "0".repeat(64)),
        _ => right,
    };
    let explanation = explain("new 3; partition 0; at 0 put 0x61 0x76; replica 0", 3, &port);
    assert_eq!(first_section(&explanation), "3", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "no entry of replica 0 commits in this step"));
}

#[test]
fn a_port_that_is_right_at_another_pace_is_not_asked_further() {
    let lines = lines("new 1; put a v; hash 0");
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = Actual::Answer(b"ok 00".to_vec());
    let asked = Cell::new(0);
    let mut ask = |lines: &[Vec<u8>]| {
        asked.set(asked.get() + 1);
        Some(answers(lines, &|_, answer| answer))
    };
    let explanation = explain_as(&lines, 2, expected, actual, &mut ask);
    assert_eq!(explanation.facts, ["the port was right when all lines were sent at once"]);
    assert_eq!((asked.get(), explanation.sections), (1, vec!["8".into()]));
}

/// The answers of a port that reads each op as another one. `change` also gets the keys of the puts
/// before it.
fn answers_with_ops(lines: &[Vec<u8>], change: &dyn Fn(&[ByteString], Op) -> Op) -> Vec<Vec<u8>> {
    let mut known = Vec::new();
    let changed = lines.iter().map(|line| {
        let Ok(Some(Command::Propose { op })) = parse(line) else { return line.clone() };
        let before = known.clone();
        if let Op::Put { key, .. } = &op {
            known.push(key.clone());
        }
        match change(&before, op) {
            Op::NoOp => b"noop".to_vec(),
            Op::Put { key, value } => {
                format!("put 0x{} 0x{}", hex::encode(&key[..]), hex::encode(&value[..]))
                    .into_bytes()
            }
            Op::Del { key } => format!("del 0x{}", hex::encode(&key[..])).into_bytes(),
        }
    });
    answers(&changed.collect::<Vec<_>>(), &|_, answer| answer)
}

/// Explains why a port is wrong at the last of some lines, from its answers to any lines.
fn explain_port(text: &str, step: usize, port: WholePort<'_>) -> Explanation {
    let lines = lines(text);
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = port(&lines).pop().unwrap();
    assert_ne!(expected, actual, "the port is wrong");
    explain_as(&lines, step, expected, Actual::Answer(actual), &mut |lines| Some(port(lines)))
}

fn explain_ops(text: &str, change: &dyn Fn(&[ByteString], Op) -> Op) -> Explanation {
    let step = lines(text).len() - 1;
    explain_port(text, step, &|lines| answers_with_ops(lines, change))
}

fn with_key(op: Op, change: impl Fn(&[u8]) -> Vec<u8>) -> Op {
    match op {
        Op::NoOp => Op::NoOp,
        Op::Put { key, value } => Op::put(change(&key), value),
        Op::Del { key } => Op::del(change(&key)),
    }
}

#[test]
fn keys_are_taken_for_each_other_or_lost_among_others() {
    // `ab` is `a`, if `a` was put before.
    let prefixes = |known: &[ByteString], op| {
        with_key(op, |key| {
            let shorter = known.iter().find(|known| key.starts_with(known));
            shorter.map_or_else(|| key.to_vec(), |shorter| shorter.to_vec())
        })
    };
    let explanation = explain_ops("new 1; put a 0; put ab 0; replica 0", &prefixes);
    assert_eq!(first_section(&explanation), "1", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "the key 0x6162 \"ab\" for the key 0x61 \"a\""));
    let explanation = explain_ops("new 1; put a 0; del ab; replica 0", &prefixes);
    assert_eq!(first_section(&explanation), "1", "{:?}", explanation.facts);

    // The fourth key is not kept, or the first key gets its value.
    let full = |known: &[ByteString], op| if known.len() < 3 { op } else { Op::NoOp };
    let four = "new 1; put a 0; put b 0; put c 0; put d 0; replica 0";
    let explanation = explain_ops(four, &full);
    assert_eq!(explanation.sections, ["3", "2"], "{:?}", explanation.facts);
    let first = |known: &[ByteString], op| {
        with_key(op, |key| if known.len() < 3 { key.to_vec() } else { known[0].to_vec() })
    };
    let explanation = explain_ops(four, &first);
    assert_eq!(explanation.sections, ["3", "1"], "{:?}", explanation.facts);

    // Whatever other keys there are.
    let none = |_: &[ByteString], op| if matches!(op, Op::Del { .. }) { Op::NoOp } else { op };
    let explanation = explain_ops("new 1; put b 0; put a 0; del a; replica 0", &none);
    assert_eq!(first_section(&explanation), "2", "{:?}", explanation.facts);
}

#[test]
fn altered_bytes_are_of_section_1_and_altered_lengths_of_section_2() {
    let until_nul = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().unwrap().to_vec();
    let of = |line: &str, change: &dyn Fn(&[ByteString], Op) -> Op| {
        let explanation = explain_ops(&format!("new 1; put k old; {line}; hash 0"), change);
        (first_section(&explanation).to_owned(), explanation.facts)
    };
    let value = |op, change: &dyn Fn(&[u8]) -> Vec<u8>| match op {
        Op::Put { key, value } => Op::put(key, change(&value)),
        op => op,
    };
    let content = "1".to_owned();
    let length = "2".to_owned();
    let (section, facts) = of("put 0x6100 v", &|_, op| with_key(op, until_nul));
    assert_eq!(section, content, "{facts:?}");
    let (section, facts) = of("put k 0x6100", &|_, op| value(op, &until_nul));
    assert_eq!(section, content, "{facts:?}");
    let (section, facts) = of("put k 0x00", &|_, op| value(op, &until_nul));
    assert_eq!(section, content, "{facts:?}");
    let cut = |bytes: &[u8]| bytes[..bytes.len().min(3)].to_vec();
    let (section, facts) = of("put 0x61006200 v", &|_, op| with_key(op, cut));
    assert_eq!(section, length, "{facts:?}");
    let (section, facts) = of("put k 0x61006200", &|_, op| value(op, &cut));
    assert_eq!(section, length, "{facts:?}");
    // The old value is kept.
    let kept = |known: &[ByteString], op| if known.is_empty() { op } else { Op::NoOp };
    let (section, facts) = of("put k 0x6100", &kept);
    assert_eq!((section, facts.len()), (length, 1), "{facts:?}");
}

/// A port that answers some lines as it did the first time in the session.
fn remembering<'a>(words: &'a [&str]) -> impl Fn(&[Vec<u8>]) -> Vec<Vec<u8>> + 'a {
    move |lines| {
        let mut known = BTreeMap::new();
        let answers = lines.iter().zip(answers(lines, &|_, answer| answer));
        let remembered = answers.map(|(line, answer)| {
            if words.iter().any(|word| line.starts_with(word.as_bytes())) {
                known.entry(line.clone()).or_insert(answer).clone()
            } else {
                answer
            }
        });
        remembered.collect()
    }
}

#[test]
fn an_answer_that_is_remembered_is_of_the_command_that_shows_it() {
    let of = |text: &str, step, words: &[&str]| {
        let explanation = explain_port(text, step, &remembering(words));
        assert!(has_fact(&explanation, "right if it was not asked before"), "{text}");
        first_section(&explanation).to_owned()
    };
    let tail = "new 3; partition 0; at 0 noop; log 0; heal; log 0";
    assert_eq!(of(tail, 5, &["log"]), "8");
    let hash = "new 1; put a 1; hash 0; put a 2; hash 0";
    assert_eq!(of(hash, 4, &["hash"]), "8");
    assert_eq!(of(hash, 4, &["hash", "dump"]), "8");
    assert_eq!(of("new 1; dump 0; put a 2; dump 0", 3, &["dump"]), "5");
    assert_eq!(of("new 1; get 0 a; put a 2; get 0 a", 3, &["get"]), "8");

    // A look that changes something is another mistake.
    let grows = |lines: &[Vec<u8>]| {
        let mut lines = lines.to_vec();
        if let Some(at) = lines.iter().position(|line| line == b"hash 0") {
            lines.insert(at, b"noop".to_vec());
            let mut answers = answers(&lines, &|_, answer| answer);
            answers.remove(at);
            return answers;
        }
        answers(&lines, &|_, answer| answer)
    };
    let explanation = explain_port("new 1; hash 0; replica 0", 2, &grows);
    assert!(!has_fact(&explanation, "asked before"), "{:?}", explanation.facts);
}

#[test]
fn an_answer_that_alone_is_wrong_is_of_section_8() {
    let of = |text: &str, answer: &str| {
        let lines = lines(text);
        let line = String::from_utf8_lossy(lines.last().unwrap()).into_owned();
        first_section(&explain(text, lines.len() - 1, &instead(&line, answer))).to_owned()
    };
    let isolated = "new 3; partition 1; status";
    assert_eq!(of(isolated, "ok leader=0 term=1 quorum=2 isolated=none"), "8");
    let keys = "new 1; put a 1; replica 0";
    assert_eq!(of(keys, "ok role=leader term=1 base=0 commit=1 last=1 keys=2"), "8");
    let commit = "new 3; partition 1 2; noop; replica 0";
    assert_eq!(of(commit, "ok role=leader term=1 base=0 commit=1 last=1 keys=0"), "8");
    let explanation = explain("new 1; put a 1; dump 0", 3, &instead("dump 0", "ok 0x00"));
    assert_eq!(explanation.sections, ["8", "5"], "{:?}", explanation.facts);

    // The leader is isolated, so no further proposal shows which replicas are.
    let refused = "new 3; partition 0 1; status";
    assert_eq!(of(refused, "ok leader=none term=1 quorum=2 isolated=0"), "4.3");
}

#[test]
fn a_key_that_get_does_not_find_is_of_the_map_if_del_does_not_find_it_either() {
    let blind = |lines: &[Vec<u8>], is_blind_to_del: bool| {
        let is_del = |line: &[u8]| line == b"del 0x61" && is_blind_to_del;
        let changed = |line: &Vec<u8>| if is_del(line) { b"noop".to_vec() } else { line.clone() };
        let changed: Vec<_> = lines.iter().map(changed).collect();
        let none =
            |line: &str, right| if line.starts_with("get") { "ok none".into() } else { right };
        answers(&changed, &none)
    };
    let text = "new 1; put a 1; get 0 a";
    let explanation = explain_port(text, 3, &|lines| blind(lines, true));
    assert_eq!(explanation.sections, ["3", "8"], "{:?}", explanation.facts);
    let explanation = explain_port(text, 3, &|lines| blind(lines, false));
    assert_eq!(first_section(&explanation), "8", "{:?}", explanation.facts);
}

#[test]
fn a_term_of_a_wrong_entry_is_of_the_section_on_settling() {
    let own_term = |lines: &[Vec<u8>], is_log_wrong: bool| {
        let zeros = format!("ok {}", "0".repeat(64));
        answers(lines, &|line, right| match line {
            "hash 0" => zeros.clone(),
            "log 0" if is_log_wrong => zeros.clone(),
            "dump 0" => right.replacen("0200000000000000", "0100000000000000", 1),
            _ => right,
        })
    };
    let text = "new 3; partition 0; heal; hash 0";
    let explanation = explain_port(text, 3, &|lines| own_term(lines, true));
    assert_eq!(explanation.sections, ["4.4", "5"], "{:?}", explanation.facts);
    let explanation = explain_port(text, 3, &|lines| own_term(lines, false));
    assert_eq!(explanation.sections, ["5"], "{:?}", explanation.facts);
}

#[test]
fn a_number_is_misread_if_its_limit_is_known() {
    let explanation = explain("new 257", 1, &instead("new 257", "ok"));
    assert_eq!(first_section(&explanation), "8", "{:?}", explanation.facts);
    let no_limit = |line: &str, right: String| match line {
        "new 65" | "new 257" => "ok".into(),
        _ => right,
    };
    assert_eq!(first_section(&explain("new 257", 1, &no_limit)), "1");
    let line = "workload 1 4294967297 0";
    let port = instead(line, "ok committed=0 pending=0 refused=0");
    assert_eq!(first_section(&explain(&format!("new 1; {line}"), 2, &port)), "8");
    let line = "workload 1 1000001 0";
    let port = instead(line, "ok committed=0 pending=0 refused=0");
    assert_eq!(first_section(&explain(&format!("new 1; {line}"), 2, &port)), "7");
}

#[test]
fn a_limit_that_counts_hex_digits_is_of_the_section_on_tokens() {
    let limit = |factor: usize| {
        move |line: &str, right: String| {
            let value = line.rsplit(' ').next().unwrap_or_default();
            let count =
                value.strip_prefix("0x").map_or(value.len(), |digits| digits.len() / factor);
            if line.starts_with("put") && count > 600_000 {
                "err value-length".into()
            } else {
                right
            }
        }
    };
    let text = format!("new 1; put a 0x{}", "20".repeat(400_000));
    let explanation = explain(&text, 2, &limit(1));
    assert_eq!(explanation.sections, ["8", "1"]);
    assert_eq!(explanation.facts, ["the port is right with a text of the same length"]);
    let text = format!("new 1; put a 0x{}", "20".repeat(700_000));
    assert_eq!(first_section(&explain(&text, 2, &limit(2))), "1");
}

#[test]
fn an_outcome_that_every_proposal_has_wrong_is_of_the_section_on_propose() {
    let committed = |only_at: bool| {
        move |line: &str, right: String| {
            let is_meant = line.starts_with("at") || !only_at && line == "noop";
            if is_meant { right.replace("pending", "committed") } else { right }
        }
    };
    let text = "new 3; partition 0; at 0 noop";
    assert_eq!(explain(text, 3, &committed(false)).sections, ["4.1", "4.2"]);
    assert_eq!(explain(text, 3, &committed(true)).sections, ["4.2"]);
}

#[test]
fn a_wrong_replica_that_shares_a_snapshot_is_of_the_section_on_settling() {
    // After it has installed a snapshot, replica 2 is never isolated again.
    let sharing = |lines: &[Vec<u8>]| {
        let mut lines = lines.to_vec();
        let heal = lines.iter().position(|line| line == b"heal").unwrap_or(lines.len());
        if lines[..heal].contains(&b"compact".to_vec()) {
            for line in &mut lines[heal..] {
                if line == b"partition 2" {
                    *line = b"partition".to_vec();
                }
            }
        }
        answers(&lines, &|line, right| match line {
            "status" => right.replace("isolated=none", "isolated=2"),
            _ => right,
        })
    };
    let text = "new 3; partition 2; noop; compact; heal; partition 2; put a 2; replica 2";
    let explanation = explain_port(text, 7, &sharing);
    assert_eq!(first_section(&explanation), "4.4", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "without the compactions"));
    // No snapshot is needed.
    let never = |lines: &[Vec<u8>]| {
        answers(lines, &|line, right| match line {
            "replica 2" => right.replace("keys=0", "keys=1").replace("commit=0", "commit=1"),
            "hash 2" => format!("ok {}", "0".repeat(64)),
            _ => right,
        })
    };
    let text = "new 3; partition 2; put a 2; replica 2";
    assert_eq!(first_section(&explain_port(text, 3, &never)), "4");
}

#[test]
fn wrong_hashes_of_noops_are_not_of_their_encoding() {
    let zeros = format!("ok {}", "0".repeat(64));
    let wrong = |only_with_put: bool| {
        let zeros = zeros.clone();
        move |lines: &[Vec<u8>]| {
            let has_put = lines.iter().any(|line| line.starts_with(b"put"));
            let is_wrong = has_put || !only_with_put;
            answers(lines, &|line, right| {
                if line == "log 0" && is_wrong { zeros.clone() } else { right }
            })
        }
    };
    let right = |lines: &[Vec<u8>]| answers(lines, &|_, answer| answer);
    let text = "new 1; put a 1; log 0";
    assert_eq!(explain_port(text, 2, &wrong(true)).sections, ["2", "8"]);
    assert_eq!(explain_port(text, 2, &wrong(false)).sections, ["8", "2"]);
    // Only the hash of a longer log is wrong.
    let long = |lines: &[Vec<u8>]| if lines.len() > 3 { wrong(false)(lines) } else { right(lines) };
    let explanation = explain_port("new 1; put a 1; put b 1; log 0", 3, &long);
    assert_eq!(explanation.sections, ["8", "2"]);
    assert!(has_fact(&explanation, "the hash of the last entry alone is right"));
}

#[test]
fn indexes_that_overflow_are_recognised_by_the_hash() {
    use sha2::{Digest as _, Sha256};
    let mut bytes = Vec::new();
    for index in 1..=256_u64 {
        bytes.extend((index & 0xff).to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.push(0);
    }
    let wrong = format!("ok {}", hex::encode(Sha256::digest(bytes)));
    let text = format!("new 1{}; log 0", "; noop".repeat(256));
    let explanation = explain(&text, 257, &instead("log 0", &wrong));
    assert_eq!(explanation.facts, ["the hash is that of the log if its indexes have 8 bits"]);
    assert_eq!(explanation.sections, ["8"]);
}

#[test]
fn numbers_that_do_not_add_up_are_of_section_7_only_if_an_op_may_be_missing() {
    let of = |text: &str, answer: &str| {
        let line = text.rsplit("; ").next().unwrap().to_owned();
        let step = lines(text).len();
        first_section(&explain(text, step, &instead(&line, answer))).to_owned()
    };
    let wrong = "ok committed=1 pending=0 refused=0";
    assert_eq!(of("new 1; workload 1 9 3", wrong), "8");
    let wrong = "ok committed=0 pending=0 refused=1";
    assert_eq!(of("new 1; partition 0; workload 1 9 3", wrong), "7");
}

#[test]
fn a_port_that_fails_with_one_form_of_a_line_has_the_fault_in_its_tokens() {
    let lines = lines("load DKVS");
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let failed = Actual::Failed(Failure::NoAnswer);
    let mut ask = |lines: &[Vec<u8>]| {
        let fails = lines.iter().any(|line| line == b"load DKVS");
        (!fails).then(|| answers(lines, &|_, answer| answer))
    };
    let explanation = explain_as(&lines, 1, expected, failed, &mut ask);
    assert_eq!(explanation.sections, ["8"], "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "with the line `load 0x444b5653` instead"));
}

#[test]
fn a_natural_order_is_one_of_keys() {
    use sha2::{Digest as _, Sha256};
    let heads = "444b565301000000020000000000000001000000000000000200000000000000";
    let (k9a, k10) = ("030000006b396100000000", "030000006b313000000000");
    let hash = hex::encode(Sha256::digest(hex::decode(format!("{heads}{k9a}{k10}")).unwrap()));
    let line = format!("load 0x{heads}{k10}{k9a}");
    let wrong = format!("ok commit=2 term=1 keys=2 sha256={hash}");
    let explanation = explain(&line, 1, &instead(&line, &wrong));
    assert_eq!(first_section(&explanation), "1", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "sorted by the value of the numbers in them"));
}
