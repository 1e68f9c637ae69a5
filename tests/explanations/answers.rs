//! Wrong answers to commands.

use crate::{explain, first_section, instead, lines};

#[test]
fn a_tail_with_another_term_is_of_the_section_on_propose_at() {
    let port = instead("at 0 put 0x61 0x76", "ok pending index=1 term=2");
    let explanation = explain("new 3; partition 0; at 0 put 0x61 0x76", 3, &port);
    assert_eq!(explanation.sections, ["4.2"]);
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
