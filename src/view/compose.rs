//! From lines and their answers to the data of a page.

use std::collections::BTreeSet;

use dkv20_exam::reports::visible;
use dkv20_exam::{Failure, Machine, Transcript, shown};

use super::data::{Change, End, FORMAT, FirstDifference, Frame, Kind, Mark, PortFrame, Step, View};
use super::explained::{Difference, explained};
use super::looks::Seen;
use super::port::{Overheard, Program};
use super::sides::{shown_answer, shown_pair};
use super::snapshots;
use super::state::State;
use super::watch::Watched;
use crate::machines::{Dkv20, FileLine};

/// Returns the data of a page of lines that ran on the reference of dkv20.
#[must_use]
pub fn of_cluster(title: &str, lines: &[FileLine], watched: &[Watched]) -> View {
    let mut steps = Vec::with_capacity(watched.len());
    let mut frames = Vec::with_capacity(watched.len());
    for (line, watched) in lines.iter().zip(watched) {
        let answer = watched.answer.as_ref().map(String::as_bytes);
        steps.push(Step { marks: watched.marks.clone(), ..step_of(line, answer) });
        frames.push(watched.frame.clone());
    }
    let has_cluster = frames.iter().any(|frame| frame.cluster.is_some());
    let kind = if has_cluster { Kind::Cluster } else { Kind::Lines };
    if kind == Kind::Lines {
        frames.clear();
    }
    View { frames, ..of_steps(title, kind, steps) }
}

/// Adds a port that got the lines, with the first difference.
///
/// # Errors
///
/// An error that is not the port's, while it is asked for a snapshot that differs.
pub fn add_port(
    view: &mut View,
    program: &Program<'_>,
    lines: &[Vec<u8>],
    watched: &[Watched],
    port: &Overheard,
) -> Result<(), Failure> {
    view.port = Some(visible(&port.name));
    let due: Vec<_> = watched.iter().map(|it| it.answer.as_ref().map(String::as_bytes)).collect();
    let is_same = |_, due: &[u8], actual: &[u8]| {
        due == actual || Dkv20.is_greeting(due) && Dkv20.is_greeting(actual)
    };
    add_answers(&mut view.steps, &due, &port.answers.written, &is_same);
    view.end = end_of(&port.answers, port.answers.written.len().saturating_sub(1));
    let seen = port.looks.seen(&port.looked.written);
    view.looks_end = end_of(&port.looked, seen.len()).filter(|end| end.step < lines.len());
    if view.kind == Kind::Cluster {
        view.port_frames = port_frames(&view.frames, &seen);
        leave_out_log_hashes(&mut view.frames, &view.port_frames);
    }
    let is_wrong = |seen: &Option<Seen>| seen.as_ref().is_some_and(|it| !it.wrong.is_empty());
    let looked = seen.iter().position(is_wrong);
    let Some(step) = first_difference(&mut view.steps, looked) else { return Ok(()) };
    let lines = &lines[..=step];
    let wrong = seen.get(step).and_then(Option::as_ref).map_or(&[][..], |seen| &seen.wrong);
    if view.steps[step].differs {
        let difference = Difference {
            line: None,
            due: due[step],
            actual: port.answers.written.get(step).and_then(|written| written.first()),
        };
        let snapshots = snapshots::of_answers(program, lines, difference.answers())?;
        let first = explained(&Dkv20, program, lines, &difference);
        view.divergence = Some(FirstDifference { snapshots, ..first });
    } else if let Some((look, actual)) = wrong.first() {
        let difference = Difference {
            line: Some(look.line.as_bytes()),
            due: look.answer.as_ref().map(String::as_bytes),
            actual: Some(actual),
        };
        let hash = wrong.iter().find_map(|(look, _)| look.line.strip_prefix("hash ")?.parse().ok());
        let snapshots = hash.map(|id| snapshots::of_replica(program, lines, id)).transpose()?;
        let snapshots = snapshots.unwrap_or_default();
        let first = explained(&Dkv20, program, lines, &difference);
        view.divergence = Some(FirstDifference { snapshots, ..first });
    }
    Ok(())
}

/// Returns the position of the first step whose answer differs or, if it is before that, the one after
/// which looks differ, and marks it.
pub(super) fn first_difference(steps: &mut [Step], looked: Option<usize>) -> Option<usize> {
    let own = steps.iter().position(|step| step.differs);
    let first = own.into_iter().chain(looked).min()?;
    mark(&mut steps[first]);
    Some(first)
}

/// Reports whether a port's answer to the line of a position counts as the one that is due.
type IsSame<'a> = &'a dyn Fn(usize, &[u8], &[u8]) -> bool;

/// Adds a port's answers to the steps.
pub(super) fn add_answers(
    steps: &mut [Step],
    due: &[Option<&[u8]>],
    written: &[Vec<Vec<u8>>],
    is_same: IsSame<'_>,
) {
    for (position, step) in steps.iter_mut().enumerate() {
        let due = due.get(position).copied().flatten();
        let lines = written.get(position).map_or(&[][..], Vec::as_slice);
        step.port = Some(shown_answer(lines));
        step.differs = match (due, lines) {
            (None, []) => false,
            (Some(due), [actual]) => !is_same(position, due, actual),
            _ => true,
        };
        if let (true, Some(due), [actual]) = (step.differs, due, lines) {
            let [due, actual] = shown_pair(due, actual);
            (step.answer, step.port) = (Some(due), Some(Some(actual)));
        }
        if step.differs {
            mark(step);
        }
    }
}

fn mark(step: &mut Step) {
    let marks: BTreeSet<_> = step.marks.iter().copied().chain([Mark::Divergence]).collect();
    step.marks = marks.into_iter().collect();
}

/// Returns how a program ended that has no answer for a step.
pub(super) fn end_of(transcript: &Transcript, step: usize) -> Option<End> {
    let failure = transcript.failure.as_ref()?;
    let stderr = transcript.stderr.lines().map(visible).collect::<Vec<_>>().join("\n");
    Some(End { step, reason: visible(&failure.to_string()), stderr })
}

fn port_frames(frames: &[Frame], seen: &[Option<Seen>]) -> Vec<PortFrame> {
    let (mut reference, mut port) = (State::default(), State::default());
    let mut port_frames = Vec::with_capacity(frames.len());
    for (frame, seen) in frames.iter().zip(seen) {
        reference.apply(frame);
        if frame.cluster.is_some() {
            // The page forgets the cluster before.
            port = State::default();
        }
        match seen {
            Some(seen) if !seen.wrong.is_empty() => {
                port_frames.push(PortFrame::Changed(port.changes_to(&seen.state)));
                port.clone_from(&seen.state);
            }
            _ => {
                port_frames.push(PortFrame::Same);
                port.clone_from(&reference);
            }
        }
    }
    port_frames.resize(frames.len(), PortFrame::Unknown);
    port_frames
}

/// Leaves the hashes of logs out up to the first step after which the port differs: nothing is compared
/// with them, and replicas with other bases have others.
fn leave_out_log_hashes(frames: &mut [Frame], port_frames: &[PortFrame]) {
    let is_changed = |frame: &PortFrame| matches!(frame, PortFrame::Changed(_));
    let first = port_frames.iter().position(is_changed);
    let mut reference = State::default();
    for (position, frame) in
        frames.iter_mut().enumerate().take(first.map_or(usize::MAX, |it| it + 1))
    {
        reference.apply(frame);
        let is_first = first == Some(position);
        let mut changes = vec![Change::default(); reference.replicas.len()];
        for (ids, change) in frame.replicas.drain(..) {
            for id in ids {
                changes[id] = Change { log_hash: None, ..change.clone() };
            }
        }
        for (id, change) in changes.into_iter().enumerate() {
            let log_hash = is_first.then(|| reference.replicas[id].log_hash.clone());
            frame.add(id, Change { log_hash, ..change });
        }
    }
}

pub(super) fn step_of(line: &FileLine, answer: Option<&[u8]>) -> Step {
    let recorded = line.answer.as_deref().filter(|recorded| Some(*recorded) != answer);
    let [shown_answer, recorded] = match (answer, recorded) {
        (Some(answer), Some(recorded)) => shown_pair(answer, recorded).map(Some),
        (answer, recorded) => [answer, recorded].map(|line| line.map(shown)),
    };
    Step {
        line: shown(&line.line),
        number: Some(line.number).filter(|number| *number > 0),
        comment: line.comment.lines().map(visible).collect::<Vec<_>>().join("\n"),
        answer: shown_answer,
        recorded,
        ..Step::default()
    }
}

pub(super) fn of_steps(title: &str, kind: Kind, steps: Vec<Step>) -> View {
    View {
        format: FORMAT,
        title: visible(title),
        kind,
        port: None,
        notes: Vec::new(),
        steps,
        frames: Vec::new(),
        port_frames: Vec::new(),
        observers: Vec::new(),
        end: None,
        looks_end: None,
        divergence: None,
    }
}
