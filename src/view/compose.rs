//! From lines and their answers to the data of a page.

use dkv20_exam::shown;

use super::data::{FORMAT, Kind, Step, View};
use super::watch::Watched;
use crate::machines::FileLine;

/// Returns the data of a page of lines that ran on the reference of dkv20.
#[must_use]
pub fn of_cluster(title: &str, lines: &[FileLine], watched: Vec<Watched>) -> View {
    let mut steps = Vec::with_capacity(watched.len());
    let mut frames = Vec::with_capacity(watched.len());
    for (line, watched) in lines.iter().zip(watched) {
        let answer = watched.answer.as_ref().map(|answer| answer.as_bytes());
        steps.push(Step { marks: watched.marks, ..step_of(line, answer) });
        frames.push(watched.frame);
    }
    let has_cluster = frames.iter().any(|frame| frame.cluster.is_some());
    let kind = if has_cluster { Kind::Cluster } else { Kind::Lines };
    if kind == Kind::Lines {
        frames.clear();
    }
    View { frames, ..of_steps(title, kind, steps) }
}

fn step_of(line: &FileLine, answer: Option<&[u8]>) -> Step {
    let recorded = line.answer.as_deref().filter(|recorded| Some(*recorded) != answer);
    Step {
        line: shown(&line.line),
        number: Some(line.number).filter(|number| *number > 0),
        comment: line.comment.clone(),
        answer: answer.map(shown),
        recorded: recorded.map(shown),
        ..Step::default()
    }
}

fn of_steps(title: &str, kind: Kind, steps: Vec<Step>) -> View {
    View {
        format: FORMAT,
        title: title.into(),
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
