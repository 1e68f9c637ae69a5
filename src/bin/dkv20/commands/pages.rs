//! The pages of traces and of findings.

use dkv20::machines::FileLine;
use dkv20::view::{
    FirstDifference, Program, View, add_port, of_cluster, of_described, of_own_answers, overhear,
    sections_of, watch,
};
use dkv20_exam::{Failure as Trouble, Finding, Limits, PortSpec};

use super::subject::Subject;

/// Returns the data of a page of the lines on the reference and, if there is one, on a port. With
/// `explains`, the port is asked further lines, so that a difference is explained.
pub(crate) fn view_of(
    subject: &Subject,
    title: &str,
    lines: &[FileLine],
    port: Option<&PortSpec>,
    limits: &Limits,
    explains: bool,
) -> Result<View, Trouble> {
    let program = port.map(|spec| Program {
        spec,
        hello: subject.machine().hello(),
        timeout: limits.timeout,
        interrupt: limits.interrupt.clone(),
        explains,
    });
    if let Some(machine) = subject.described() {
        return of_described(title, machine, lines, program.as_ref());
    }
    let sent: Vec<_> = lines.iter().map(|line| line.line.clone()).collect();
    let goes_on = || !limits.interrupt.is_raised();
    let watched = watch(&sent, program.is_some(), &goes_on);
    if watched.len() < sent.len() {
        return Err(Trouble::Interrupted);
    }
    let mut view = of_cluster(title, lines, &watched);
    if let Some(program) = &program {
        let port = overhear(program, &sent, &watched)?;
        add_port(&mut view, program, &sent, &watched, &port)?;
    }
    Ok(view)
}

/// Returns the data of a finding's page: its shrunk lines, once more on the port, and what the exam
/// has found out.
pub(crate) fn view_of_finding(
    subject: &Subject,
    finding: &Finding,
    port: &PortSpec,
    limits: &Limits,
) -> Result<View, Trouble> {
    let line = |line: &Vec<u8>| FileLine { line: line.clone(), ..FileLine::default() };
    let lines: Vec<_> = finding.shrunk_lines.iter().map(line).collect();
    let title = format!("{}: {}", port.name, finding.case);
    let mut view = match &finding.own_answers {
        Some(due) => of_own_answers(&title, &port.name, &lines, due, finding.actual.clone()),
        None => view_of(subject, &title, &lines, Some(port), limits, false)?,
    };
    if view.divergence.is_none() {
        let headline = finding.headline();
        view.notes
            .push(format!("nothing differed when the page was made; the exam saw {headline}"));
    }
    let step = lines.len().saturating_sub(1);
    let first = view.divergence.take();
    let first = first.unwrap_or_else(|| FirstDifference { step, ..FirstDifference::default() });
    view.divergence = Some(FirstDifference {
        case: Some(finding.case.clone()),
        explanation: finding.explanation.clone(),
        sections: sections_of(&finding.sections),
        ..first
    });
    Ok(view)
}
