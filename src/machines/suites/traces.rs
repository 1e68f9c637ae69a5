//! The hand-written traces of `tests/traces`, compiled in.

use dkv20_exam::{Case, Delivery, Suite};
use include_dir::{Dir, include_dir};

use super::super::commands::word_of;
use super::super::milestones::{Milestone, positions};
use super::super::traces::commands;
use super::common::case;
use crate::error::ErrorCode;
use crate::trace::parse_trace;

static TRACES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/traces");

pub(super) fn suite() -> Suite {
    let is_trace = |file: &&include_dir::File<'_>| {
        file.path().extension().is_some_and(|extension| extension == "trace")
    };
    let mut cases: Vec<_> = TRACES
        .files()
        .filter(is_trace)
        .map(|file| {
            let name = file.path().file_stem().unwrap_or_default().to_string_lossy();
            let trace = parse_trace(file.contents()).expect("the suite checks every trace");
            let lines = commands(&trace);
            let quits = lines.iter().any(|line| word_of(line) == b"quit");
            let delivery = if quits { Delivery::ToEnd } else { Delivery::Pipelined };
            Case { delivery, ..case("traces", name, lines) }
        })
        .collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    // No trace has a line that is too long, and no scenario diverges.
    let rare = [ErrorCode::LineLength, ErrorCode::Diverged].map(Milestone::Error);
    let must_cause = positions(Milestone::all().filter(|milestone| !rare.contains(milestone)));
    Suite::of_cases("traces", must_cause, cases)
}
