//! Wrong states after a step, and wrong hashes of logs.

use crate::{answers, explain, explain_port, first_section, has_fact, instead};

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
    let text = "new 3; partition 2; put a v; heal; replica 2";
    let explanation = explain_port(text, 4, &unsettled_answers);
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
