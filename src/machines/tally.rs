//! The milestones and measures of lines, as the reference runs them.

use dkv20_exam::Tally;

use super::commands::word_of;
use super::measures::Measurer;
use super::milestones::MilestoneCounter;
use super::oracle::Oracle;

/// Runs the lines on a session of the reference and adds what they reach to the tally.
pub(super) fn tally(lines: &[Vec<u8>], tally: &mut Tally) {
    let mut session = Oracle::new();
    let mut milestones = MilestoneCounter::default();
    let mut measures = Measurer::new(tally, lines.len());
    let mut before = None;
    for line in lines {
        measures.measure_line(&session, line);
        let Some(answer) = session.run(line) else { continue };
        MilestoneCounter::count_answer(&answer, measures.tally());
        measures.measure_answer(line, &answer);
        let after = session.view();
        let old = std::mem::replace(&mut before, after);
        let Some(new) = &before else { continue };
        if word_of(line) == b"new" && answer == "ok" {
            milestones.start_cluster();
            measures.start_cluster(new);
        } else if let Some(old) = &old {
            milestones.count_step(&session, (old, new), &answer, measures.tally());
            measures.measure_step(&session, line, old, new);
        }
    }
}
