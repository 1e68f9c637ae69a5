//! From a divergence to what the author of a port needs: the first wrong step, the fewest lines that
//! show it, and an explanation.

use std::iter;
use std::thread;
use std::time::Instant;

use crate::case::{Case, Task};
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

/// How often an error is checked against the reference alone before it is reported.
const FINAL_CHECKS: usize = 3;

/// Investigates the divergence of a case. `history` is what the port has run before the case since
/// it was started. If this is interrupted, the finding holds what is known by then.
pub fn investigate(
    examinee: &mut Examinee<'_>,
    case: &Case,
    history: &[Vec<u8>],
    divergence: Divergence,
) -> Finding {
    let found = investigate_unless_refuted(examinee, case, history, divergence.clone());
    found.unwrap_or_else(|| {
        let first = Failing::of_case(case, divergence);
        Finding::new(examinee.machine, case, &first, &first)
    })
}

/// Like [`investigate`], but returns `None` if the reference turned out not to be deterministic. Then
/// this is the examinee's external cause, and nothing is known about the port.
pub fn investigate_unless_refuted(
    examinee: &mut Examinee<'_>,
    case: &Case,
    history: &[Vec<u8>],
    divergence: Divergence,
) -> Option<Finding> {
    let incident = Incident::new(examinee, case, history.to_vec(), divergence);
    match investigate_unless(examinee, &incident, None, |_| false) {
        Investigated::Found(found) => Some(found.0),
        Investigated::Known | Investigated::Refuted => None,
    }
}

/// How an investigation ended.
pub(crate) enum Investigated {
    /// The error, and its profile.
    Found(Box<(Finding, Profile)>),
    /// It turned out to be known.
    Known,
    /// The reference is not deterministic, so that nothing is known about the port.
    Refuted,
}

/// Investigates an incident unless the error turns out to be known. After the deadline, no lines are
/// shrunk.
pub(crate) fn investigate_unless(
    examinee: &mut Examinee<'_>,
    incident: &Incident,
    deadline: Option<Instant>,
    mut is_known: impl FnMut(Stage<'_>) -> bool,
) -> Investigated {
    let machine = examinee.machine;
    let first = Failing::of_case(&incident.case, incident.divergence.clone());
    // Two replicas of one program are compared without the reference.
    let is_compared = incident.case.task != Task::Settled;
    if is_compared && is_refuted(examinee, &first.lines, &first.divergence, 1) {
        return Investigated::Refuted;
    }
    let runner = Runner { machine, examinee, is_fresh: false, run_count: 0 };
    let mut inquiry = Inquiry { machine, runner, deadline, complaint: incident.complaint() };
    if has_passed(deadline) && is_known(Stage::Profiled(&inquiry.profile_as_seen(&first))) {
        return Investigated::Known;
    }
    let drawing = machine.drawing(&incident.case);
    let redrawn = drawing.map(|mut drawing| inquiry.redraw(incident, &mut *drawing, &mut is_known));
    let (mut finding, profile) = match redrawn {
        Some(Redrawn::Known) => return Investigated::Known,
        Some(Redrawn::Found(found)) => *found,
        Some(Redrawn::NotReproduced) | None => {
            let Some(found) = inquiry.inquire(incident, &first, is_known) else {
                return Investigated::Known;
            };
            found
        }
    };
    let (lines, divergence) = (&finding.shrunk_lines, &finding.divergence);
    if is_compared && is_refuted(examinee, lines, divergence, FINAL_CHECKS) {
        return Investigated::Refuted;
    }
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
    let finding = Finding { stderr: incident.stderr.clone(), ..finding };
    Investigated::Found(Box::new((finding, profile)))
}

/// Reports whether the reference has another answer when the lines are run again, this often, which is
/// noted. If it fails otherwise, the divergence stands.
fn is_refuted(
    examinee: &mut Examinee<'_>,
    lines: &[Vec<u8>],
    divergence: &Divergence,
    count: usize,
) -> bool {
    if !matches!(divergence.actual, Actual::Answer(_)) {
        return false;
    }
    let machine = examinee.machine;
    let check = || machine.contradiction(lines, divergence);
    // Each starts a process, which may take long.
    let outcomes: Vec<_> = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, check).ok();
        let others: Vec<_> = (1..count).map_while(start).collect();
        let own = check();
        let join = |other: thread::ScopedJoinHandle<'_, _>| {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        iter::once(own).chain(others.into_iter().map(join)).collect()
    });
    let mut is_refuted = false;
    for outcome in outcomes {
        let reason = outcome.map(|reason| reason.map(Failure::Reference));
        is_refuted |= matches!(reason, Ok(Some(_)));
        if let Some(failure) = reason.unwrap_or_else(Some) {
            examinee.noted(failure);
        }
    }
    is_refuted
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
