//! A session on any bytes (definition, section 8): the port's answers are the reference's, and they
//! do not depend on how the input is divided into reads.

#![no_main]

use std::io::{self, Read};

use dkv20::reference::Cluster;
use dkv20::{Command, Session, parse, serve};
use libfuzzer_sys::{Corpus, fuzz_target};

/// The most proposals and steps of chaos that one input may ask for. More takes longer and shows
/// nothing more.
const WORK_MAX: u64 = 500;
/// A scenario in the same unit, about: too much.
const SCENARIO_WORK: u64 = 10_000;

fuzz_target!(|input: &[u8]| -> Corpus {
    let lines = || input.split_inclusive(|byte| *byte == b'\n').map(without_lf);
    if lines().map(work).fold(0, u64::saturating_add) > WORK_MAX {
        return Corpus::Reject;
    }
    let mut reference = Session::<Cluster>::default();
    let mut expected = String::new();
    for line in lines() {
        if reference.run_line(line, &mut expected) {
            expected.push('\n');
        }
    }
    let mut at_once = vec![];
    serve(input, &mut at_once).expect("neither reading nor writing fails");
    assert!(at_once == expected.as_bytes(), "{}\n{expected}", at_once.escape_ascii());
    let mut by_bytes = vec![];
    serve(OneByOne(input), &mut by_bytes).expect("neither reading nor writing fails");
    assert!(at_once == by_bytes, "{}\n{}", at_once.escape_ascii(), by_bytes.escape_ascii());
    Corpus::Keep
});

fn without_lf(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn work(line: &[u8]) -> u64 {
    match parse(line) {
        Ok(Some(Command::Workload { count: work, .. } | Command::Chaos { steps: work, .. })) => {
            work
        }
        Ok(Some(Command::Scenario { name })) if name == b"A" || name == b"B" => SCENARIO_WORK,
        _ => 0,
    }
}

/// Returns one byte from each read.
struct OneByOne<'a>(&'a [u8]);

impl Read for OneByOne<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = out.len().min(1);
        self.0.read(&mut out[..size])
    }
}
