//! The hand-written traces of `tests/traces`, built in.

use include_dir::{Dir, include_dir};

use super::{Section, case};
use crate::exam::case::{Case, Delivery, word};
use crate::exam::coverage::Event;
use crate::trace::Trace;

static TRACES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/traces");

pub(super) fn section() -> Section {
    let mut cases: Vec<_> = TRACES
        .files()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "trace"))
        .map(|file| {
            let name = file.path().file_stem().unwrap_or_default().to_string_lossy();
            let trace = Trace::parse(file.contents()).expect("the suite checks every trace");
            let lines: Vec<_> = trace.steps().map(|step| step.command.clone()).collect();
            let quits = lines.iter().any(|line| word(line) == b"quit");
            let delivery = if quits { Delivery::ToEnd } else { Delivery::Pipelined };
            Case { delivery, ..case("traces", name, lines) }
        })
        .collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Section {
        name: "traces",
        about: "hand-written transcripts: the numbered cases and one for each rule",
        must_cause: Event::ALL,
        count: cases.len(),
        make: Box::new(move |number| cases[number].clone()),
    }
}
