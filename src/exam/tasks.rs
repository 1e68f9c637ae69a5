//! Cases that are no session with the port as it is usually started.

use crate::case::{Case, Task};
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::finding::Finding;
use crate::investigate::investigate;
use crate::program::Run;
use crate::settle::settle;
use crate::start::Start;

/// Tries a case's task on the port. Returns a note if the case could not be tried, which is no error
/// of the port.
///
/// # Errors
///
/// The port diverges.
pub(crate) fn try_task(
    examinee: &mut Examinee<'_>,
    case: &Case,
) -> Result<Option<String>, Divergence> {
    let (port, limits) = (examinee.spec.clone(), examinee.limits.clone());
    let outcome = match &case.task {
        Task::Session => examinee.run(&case.lines, case.delivery).map(|()| None),
        Task::Settled => settle(examinee, &mut case.clone(), case.delivery).map(|()| None),
        Task::Elsewhere(start) => try_elsewhere(examinee, start, case),
        Task::Program(run) => match run.spec(&port) {
            Some(port) => run.try_on(&port, &limits).map(|()| None),
            None => Ok(Some(
                "its command does not end in `serve`, so no other argument was tried".into(),
            )),
        },
        Task::Cost(cost) => cost.measure(&port, &limits, examinee.machine.hello()).map(|()| None),
    };
    outcome.inspect_err(|divergence| {
        if let Some(cause) = divergence.external_cause() {
            examinee.noted(cause.clone());
        }
    })
}

fn try_elsewhere(
    examinee: &mut Examinee<'_>,
    start: &Start,
    case: &Case,
) -> Result<Option<String>, Divergence> {
    // Two processes of a port do not know of each other. Whatever is wrong with the usual one, other
    // cases find it.
    let _ = examinee.greet();
    let mut elsewhere = examinee.started(start);
    match elsewhere.greet() {
        Err(divergence) if !start.is_required && divergence.external_cause().is_none() => {
            let difference = &start.difference;
            return Ok(Some(format!("it does not start {difference}, and was not examined so")));
        }
        greeted => greeted?,
    };
    elsewhere.run(&case.lines, case.delivery).map(|()| None)
}

/// Returns the lines of a divergence of the case: for one that no lines show, its subject.
pub(crate) fn subject(case: &Case) -> Vec<Vec<u8>> {
    match &case.task {
        Task::Session | Task::Settled | Task::Elsewhere(_) => case.lines.clone(),
        Task::Program(run) => vec![run.subject.clone().into_bytes()],
        Task::Cost(cost) => vec![cost.subject.clone().into_bytes()],
    }
}

/// Returns the usual session that corresponds to a task: the same lines, on a process that is started
/// as usual. It has no lines if there is no such session.
pub(crate) fn usual_session(case: &Case) -> Case {
    let lines = match &case.task {
        Task::Session | Task::Settled | Task::Elsewhere(_) => case.lines.clone(),
        Task::Program(run) => run.lines.clone(),
        Task::Cost(_) => Vec::new(),
    };
    Case { lines, task: Task::Session, ..case.clone() }
}

/// Runs the usual session of a task that failed. Returns the divergence, if there is one: then it is
/// the error, and the task plays no part in it.
pub(crate) fn usual_divergence(examinee: &mut Examinee<'_>, usual: &Case) -> Option<Divergence> {
    if usual.lines.is_empty() {
        return None;
    }
    examinee.stop();
    let divergence = examinee.run(&usual.lines, usual.delivery).err()?;
    divergence.external_cause().is_none().then_some(divergence)
}

/// Turns the divergence of a task into a finding. The port does not fail in the usual session.
pub(crate) fn investigate_task(
    examinee: &mut Examinee<'_>,
    case: &Case,
    task: &Task,
    divergence: &Divergence,
) -> Finding {
    let machine = examinee.machine;
    let of_task = |fingerprint: &str, section: &str| Finding {
        fingerprint: fingerprint.into(),
        sections: vec![section.into()],
        ..Finding::of_task(machine, case, divergence.clone(), &subject(case))
    };
    match task {
        Task::Session | Task::Settled => investigate(examinee, case, &[], divergence.clone()),
        Task::Program(run) => of_task(Run::aspect(divergence), &run.section),
        Task::Cost(cost) => of_task(&format!("cost of {}", cost.subject), &cost.section),
        Task::Elsewhere(start) => {
            let mut elsewhere = examinee.started(start);
            let finding = investigate(&mut elsewhere, case, &[], divergence.clone());
            let difference = format!("only if it is started {}", start.difference);
            let explanation = [vec![difference], finding.explanation].concat();
            // The usual start may show the same difference for another reason.
            let fingerprint = format!("{} elsewhere", finding.fingerprint);
            Finding { explanation, fingerprint, spec: Some(elsewhere.spec.clone()), ..finding }
        }
    }
}
