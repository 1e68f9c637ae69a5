//! From a divergence to what the author of a port needs: the first wrong step, the fewest lines that
//! show it, and an explanation.

use std::time::Instant;

use crate::case::Case;
use crate::divergence::{Actual, Divergence, shown};
use crate::examinee::Examinee;
use crate::failing::{Failing, Profile};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::inquiry::{Inquiry, Stage};
use crate::limits::has_passed;
use crate::port::Failure;
use crate::redraw::Redrawn;
use crate::runner::Runner;

/// Investigates the divergence of a case. `history` is what the port has run before the case since
/// it was started. If this is interrupted, the finding holds what is known by then.
pub fn investigate(
    examinee: &mut Examinee<'_>,
    case: &Case,
    history: &[Vec<u8>],
    divergence: Divergence,
) -> Finding {
    let incident = Incident::new(examinee, case, history.to_vec(), divergence);
    let found = investigate_unless(examinee, &incident, None, |_| false);
    let as_it_was = || {
        let first = Failing::of_case(case, incident.divergence.clone());
        Finding::new(examinee.machine, case, &first, &first)
    };
    found.map_or_else(as_it_was, |(finding, _)| finding)
}

/// Investigates an incident unless the error turns out to be known. After the deadline, no lines are
/// shrunk.
pub(crate) fn investigate_unless(
    examinee: &mut Examinee<'_>,
    incident: &Incident,
    deadline: Option<Instant>,
    mut is_known: impl FnMut(Stage<'_>) -> bool,
) -> Option<(Finding, Profile)> {
    let machine = examinee.machine;
    let first = Failing::of_case(&incident.case, incident.divergence.clone());
    let runner = Runner { machine, examinee, is_fresh: false, run_count: 0 };
    let mut inquiry = Inquiry { machine, runner, deadline, complaint: incident.complaint() };
    if has_passed(deadline) && is_known(Stage::Profiled(&inquiry.profile_as_seen(&first))) {
        return None;
    }
    let drawing = machine.drawing(&incident.case);
    let redrawn = drawing.map(|mut drawing| inquiry.redraw(incident, &mut *drawing, &mut is_known));
    let (mut finding, profile) = match redrawn {
        Some(Redrawn::Known) => return None,
        Some(Redrawn::Found(found)) => *found,
        Some(Redrawn::NotReproduced) | None => inquiry.inquire(incident, &first, is_known)?,
    };
    let mut facts = Vec::new();
    if let Some(failure) = examinee.external_cause() {
        let reason = match failure {
            Failure::Interrupted => "was interrupted".into(),
            failure => format!("could not go on: {failure}"),
        };
        facts.push(format!("the investigation {reason}; fewer commands may show the error"));
        (finding.is_interrupted, finding.is_minimal) = (true, false);
    }
    if finding.occurrences < finding.tries {
        let (occurrences, tries) = (finding.occurrences, finding.tries);
        facts.push(format!("flaky: it occurred in {occurrences} of {tries} tries"));
        finding.is_minimal = false;
    }
    if examinee.is_other_greeting(&first.divergence.actual) {
        facts.push("its greeting changed within a session".into());
    }
    if !incident.unfinished_line.is_empty() && is_read_to_the_end(&first) {
        let written = shown(&incident.unfinished_line);
        facts.push(format!("it had written `{written}` without a line end"));
    }
    finding.explanation.splice(0..0, facts);
    Some((Finding { stderr: incident.stderr.clone(), ..finding }, profile))
}

/// Reports whether the port wrote nothing more before it was ended. The output of one that wrote a
/// wrong answer is read no further, so its last line may be cut anywhere.
fn is_read_to_the_end(first: &Failing) -> bool {
    match &first.divergence.actual {
        Actual::Failed(Failure::Flood) => false,
        Actual::Failed(_) => true,
        Actual::Answer(_) | Actual::Unequal(_) | Actual::Missing | Actual::Extra(_) => {
            first.delivery.ends_input()
        }
    }
}
