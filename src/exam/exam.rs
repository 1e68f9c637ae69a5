//! The exam of several ports at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::divergence::Divergence;
use crate::port::PortSpec;
use crate::port_exam::{PortExam, Progress};
use crate::report::{PortReport, Report};
use crate::selection::{Part, Selection, Survey};

/// Examines the programs of [`Selection::programs`], several at a time. Calls `progress` before it
/// asks one of them something.
pub fn examine(
    ports: &[PortSpec],
    selection: &Selection<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Report {
    let started = Instant::now();
    let programs = selection.programs(ports);
    let port_count = ports.len();
    let next = AtomicUsize::new(0);
    let jobs = selection.settings.jobs;
    let jobs = jobs.map_or_else(thread::available_parallelism, Ok).map_or(1, usize::from);
    let mut reports: BTreeMap<usize, PortReport> = BTreeMap::new();
    let survey = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(program) = programs.get(position) else { return done };
                let part = if position < port_count { Part::OfPort } else { Part::OfReference };
                let exam = PortExam::new(program.clone(), selection, part);
                let report = exam.run(&|step| progress(Progress { port: position, ..step }));
                done.push((position, report));
            }
        };
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let handles: Vec<_> = (0..jobs.min(programs.len())).map_while(start).collect();
        if handles.is_empty() {
            // No thread can be started.
            reports.extend(work());
        }
        for handle in handles {
            reports.extend(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        // If no port greets, nothing is asked, and the survey takes seconds.
        let is_asked = reports.values().any(|report| !report.greeting.is_empty());
        if is_asked { selection.survey().clone() } else { Survey::default() }
    });
    let mut ports: Vec<_> = reports.into_values().collect();
    note_same_answers(&mut ports);
    let settings = &selection.settings;
    Report {
        seed: settings.plan.seed,
        case_count: selection.count(),
        ports,
        caused: survey.caused,
        reached: survey.reached,
        exam_errors: survey.errors,
        is_interrupted: settings.limits.interrupt.is_raised(),
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// Notes in each finding which other ports agree with it: the reference may be wrong then.
fn note_same_answers(ports: &mut [PortReport]) {
    let divergences_of = |port: &PortReport| -> BTreeMap<String, Divergence> {
        let failed = port.cases.iter();
        failed.filter_map(|case| Some((case.id.clone(), case.divergence.clone()?))).collect()
    };
    let known: Vec<_> =
        ports.iter().map(|port| (port.name.clone(), divergences_of(port))).collect();
    for port in ports {
        for finding in &mut port.findings {
            let own = known.iter().find(|(name, _)| *name == port.name);
            let Some(own) = own.and_then(|(_, own)| own.get(&finding.case)) else { continue };
            let others = known.iter().filter(|(name, _)| *name != port.name);
            let agreeing = others.filter(|(_, theirs)| {
                theirs.get(&finding.case).is_some_and(|theirs| own.is_same_answer(theirs))
            });
            finding.same_answer_from = agreeing.map(|(name, _)| name.clone()).collect();
        }
    }
}
