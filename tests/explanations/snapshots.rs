//! Wrong snapshots, and their hashes.

use std::cell::Cell;

use crate::{answers, explain, explain_port, first_section, has_fact, instead};

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
