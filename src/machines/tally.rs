//! The milestones and measures of lines, as the reference runs them.

use std::ops::ControlFlow;

use dkv20_exam::Tally;

use super::commands::word_of;
use super::measures::Measurer;
use super::milestones::MilestoneCounter;
use super::oracle::Oracle;

/// Runs the lines on a session of the reference, passes each answer to `answered` until that breaks,
/// and adds what they reach to the tally.
pub(super) fn tally(
    lines: &[Vec<u8>],
    tally: &mut Tally,
    mut answered: impl FnMut(Option<String>) -> ControlFlow<()>,
) {
    let mut session = Oracle::new();
    let mut milestones = MilestoneCounter::default();
    let mut measures = Measurer::new(tally, lines.len());
    let mut before = None;
    for line in lines {
        measures.measure_line(&session, line);
        let answer = session.run(line);
        if let Some(answer) = &answer {
            MilestoneCounter::count_answer(answer, measures.tally());
            measures.measure_answer(line, answer);
            let old = std::mem::replace(&mut before, session.view());
            match (old, &before) {
                (_, Some(new)) if word_of(line) == b"new" && answer == "ok" => {
                    milestones.start_cluster();
                    measures.start_cluster(new);
                }
                (Some(old), Some(new)) => {
                    milestones.count_step(&session, (&old, new), answer, measures.tally());
                    measures.measure_step(&session, line, &old, new);
                }
                _ => {}
            }
        }
        if answered(answer).is_break() {
            return;
        }
    }
}
