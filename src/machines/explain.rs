//! Explanations of a divergence: the facts behind it, and the sections that the port breaks.

use dkv20_exam::{Actual, Ask, Evidence, Explanation, Failure};

use super::cause::{Cause, Sections, section_of_command};
use super::commands::{GREETING_FORM, HELLO, is_greeting, word_of};
use super::{answers, effects, remembered};
use crate::protocol::Command;

/// No explanation has more lines.
const FACTS_MAX: usize = 24;

/// Explains a divergence.
pub(super) fn explain(evidence: Evidence<'_>, ask: Ask<'_>) -> Explanation {
    let mut cause = Cause::new(evidence, ask);
    let sections = sections(&mut cause);
    cause.facts.extend(cause.step.events());
    cause.facts.truncate(FACTS_MAX);
    let sections = sections.into_iter().map(String::from).collect();
    Explanation { facts: cause.facts, sections }
}

fn sections(cause: &mut Cause<'_>) -> Sections {
    let divergence = cause.evidence.divergence;
    if word_of(cause.line()) == HELLO.as_bytes() {
        cause.facts.push(format!("`{HELLO}` is answered `{GREETING_FORM}`"));
    }
    match (&divergence.expected, &divergence.actual) {
        (Some(_), Actual::Answer(_)) if depends_on_delivery(cause) => vec!["8"],
        (Some(expected), Actual::Answer(actual)) => {
            remembered::of_answer(cause).unwrap_or_else(|| of_answer(cause, expected, actual))
        }
        (_, Actual::Failed(failure)) => of_failure(cause, failure),
        _ => vec!["8"],
    }
}

fn of_answer(cause: &mut Cause<'_>, expected: &[u8], actual: &[u8]) -> Sections {
    if cause.evidence.step < cause.evidence.divergence.step {
        effects::sections(cause, expected, actual)
    } else {
        answers::sections(cause, expected, actual)
    }
}

/// Reports whether the port is right if the lines are sent at once, as further questions are. Then
/// these would say nothing about the cause.
fn depends_on_delivery(cause: &mut Cause<'_>) -> bool {
    let divergence = cause.evidence.divergence;
    let before = &cause.evidence.lines[..divergence.step];
    let answers = cause.port.answers(before, &[cause.line().to_vec()]);
    let answer = answers.and_then(|mut answers| answers.pop());
    let is_right = answer.is_some() && answer == divergence.expected;
    if is_right {
        cause.facts.push("the port was right when all lines were sent at once".into());
    }
    is_right
}

/// A port that fails at one command alone has the fault where this command is carried out.
fn of_failure(cause: &mut Cause<'_>, failure: &Failure) -> Sections {
    let divergence = cause.evidence.divergence;
    // If no answer is due, the port failed after its last one.
    let expected = divergence.expected.as_deref();
    let is_of_protocol = expected.is_none_or(answers::is_error_of_the_protocol);
    let is_exact = divergence.step + 1 == cause.evidence.lines.len();
    let can_be_of_command = matches!(
        failure,
        Failure::NoAnswer | Failure::Exited(_) | Failure::ClosedOutput | Failure::Stopped
    );
    let command = cause.command();
    let is_known =
        command.is_some_and(|command| !matches!(command, Command::Hello | Command::Quit));
    if is_of_protocol || !is_exact || !can_be_of_command || !is_known {
        return vec!["8"];
    }
    let before = &cause.evidence.lines[..divergence.step];
    let greeting = cause.port.answer(before, HELLO);
    if !greeting.is_some_and(|greeting| is_greeting(&greeting)) {
        return vec!["8"];
    }
    cause.facts.push(format!("with `{HELLO}` in place of this line the port answers"));
    match section_of_command(&cause.step) {
        "8" => vec!["8"],
        _ if cause.is_right_in_canonical_form() => vec!["8"],
        section => vec![section, "8"],
    }
}
