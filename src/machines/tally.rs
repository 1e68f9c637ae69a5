//! The milestones and measures of lines, as the reference runs them.

use std::ops::ControlFlow;

use dkv20_exam::{Due, Tally};

use super::commands::{is_look, word_of};
use super::measures::Measurer;
use super::milestones::MilestoneCounter;
use super::oracle::{Oracle, View, command};

/// Runs the lines on a session of the reference, passes each answer to `answered` until that breaks,
/// and adds what they reach to the tally. Lines that change nothing are not run if the answers that
/// are due for them are known.
pub(super) fn tally(
    lines: &[Vec<u8>],
    known: Option<Vec<Due>>,
    tally: &mut Tally,
    mut answered: impl FnMut(Option<String>) -> ControlFlow<()>,
) {
    let mut session = Oracle::new();
    let mut known = known.into_iter().flatten();
    let mut milestones = MilestoneCounter::default();
    let mut measures = Measurer::new(tally, lines.len());
    let mut cluster: Option<View> = None;
    for line in lines {
        let command = command(line);
        measures.measure_line(&session, line, command.as_ref());
        let is_look = command.as_ref().is_none_or(is_look);
        let answer = match known.next() {
            Some(Due::Answer(answer)) if is_look => String::from_utf8(answer).ok(),
            _ => session.run(line),
        };
        if let Some(answer) = &answer {
            MilestoneCounter::count_answer(answer, measures.tally());
            measures.measure_answer(line, answer);
            let changed = if is_look { None } else { session.view() };
            match (&cluster, changed.as_ref().or(cluster.as_ref())) {
                (_, Some(new)) if word_of(line) == b"new" && answer == "ok" => {
                    milestones.start_cluster();
                    measures.start_cluster(new);
                }
                (Some(old), Some(new)) => {
                    milestones.count_step(&session, (old, new), answer, measures.tally());
                    measures.measure_step(&session, line, old, new);
                }
                _ => {}
            }
            cluster = changed.or(cluster);
        }
        if answered(answer).is_break() {
            return;
        }
    }
}
