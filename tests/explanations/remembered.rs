//! Answers and replicas that are wrong only because of earlier lines.

use std::collections::BTreeMap;

use crate::{answers, explain_port, first_section, has_fact};

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
    // The snapshot is remembered, too.
    let both = "new 1; put a 1; hash 0; dump 0; put a 2; hash 0";
    assert_eq!(of(both, 5, &["hash", "dump"]), "5");
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
    let refused = "new 3; partition 2; noop; compact; heal; new 0; partition 2; put a 2; replica 2";
    let explanation = explain_port(refused, 8, &sharing);
    assert_eq!(first_section(&explanation), "4.4", "{:?}", explanation.facts);
    // Neither a compaction nor a snapshot of an earlier cluster is a snapshot that it installs.
    let only_compacted = "new 3; put a 1; compact; heal; partition 2; put a 2; replica 2";
    let earlier = "new 3; partition 2; noop; compact; heal; new 3; partition 2; put a 2; replica 2";
    for (text, step) in [(only_compacted, 6), (earlier, 8)] {
        assert_eq!(first_section(&explain_port(text, step, &sharing)), "4", "{text}");
    }
    // No snapshot is needed.
    let always = |lines: &[Vec<u8>]| {
        answers(lines, &|line, right| match line {
            "replica 2" => right.replace("commit=", "commit=1").replace("last=", "last=1"),
            "hash 2" => format!("ok {}", "0".repeat(64)),
            _ => right,
        })
    };
    let without = "new 3; partition 2; put a 2; replica 2";
    for (text, step) in [(without, 3), (text, 7)] {
        assert_eq!(first_section(&explain_port(text, step, &always)), "4", "{text}");
    }
}
