//! Explanations of a divergence hold, or there are none.
//!
//! Each test has a port that is the reference but for one mistake, and lines that show it.

#![cfg(feature = "exam")]

mod answers;
mod effects;
mod generated;
mod maps;
mod remembered;
mod snapshots;

use std::cell::Cell;

use dkv20::machines::Dkv20;
use dkv20::{Session, mix};
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
    explain_port(text, step, &|lines| answers(lines, port))
}

fn explain_port(text: &str, step: usize, port: WholePort<'_>) -> Explanation {
    let lines = lines(text);
    let expected = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = port(&lines).pop().unwrap();
    assert_ne!(expected, actual, "the port is wrong");
    explain_as(&lines, step, expected, Actual::Answer(actual), &mut |lines| Some(port(lines)))
}

fn explain_as(
    lines: &[Vec<u8>],
    step: usize,
    expected: Vec<u8>,
    actual: Actual,
    ask: Ask<'_>,
) -> Explanation {
    let divergence = Divergence::new(lines.len() - 1, Some(expected), actual);
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
            assert!(Dkv20.difference(None, &expected, answer).len() < 20_000, "{text}");
        }
    }
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
