//! A session on any bytes (definition, section 8): the answers do not depend on how the input comes
//! in, there is one for each line that gets one, and each is `ok` or `err`.

#![no_main]

use std::io::{self, Read};

use dkv20::{Command, LINE_LENGTH_MAX, parse, serve};
use libfuzzer_sys::{Corpus, fuzz_target};

/// How much one input may ask for, in proposals and steps of chaos. More takes long, and shows
/// nothing more.
const WORK_MAX: u64 = 500;
/// About what a scenario is, in the same measure: too much.
const SCENARIO_WORK: u64 = 10_000;

fuzz_target!(|input: &[u8]| -> Corpus {
    let (work, due) = ask(input);
    if work > WORK_MAX {
        return Corpus::Reject;
    }
    let mut whole = Vec::new();
    serve(input, &mut whole).expect("neither reading nor writing fails");
    let mut by_bytes = Vec::new();
    serve(OneByOne(input), &mut by_bytes).expect("neither reading nor writing fails");
    assert!(whole == by_bytes, "{}", whole.escape_ascii());

    let answers: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(answers.len(), due, "{}", whole.escape_ascii());
    let is_answer = |answer: &&[u8]| {
        (*answer == b"ok\n" || answer.starts_with(b"ok ") || answer.starts_with(b"err "))
            && answer.ends_with(b"\n")
    };
    assert!(answers.iter().all(is_answer), "{}", whole.escape_ascii());
    Corpus::Keep
});

/// How much work the input asks for, and how many answers are due.
fn ask(input: &[u8]) -> (u64, usize) {
    let (mut work, mut due) = (0_u64, 0);
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let command = parse(line);
        assert!(line.len() <= LINE_LENGTH_MAX || command.is_err());
        due += usize::from(command != Ok(None));
        work = work.saturating_add(match command {
            Ok(Some(
                Command::Workload { count: work, .. } | Command::Chaos { steps: work, .. },
            )) => work,
            Ok(Some(Command::Scenario { name })) if name == b"A" || name == b"B" => SCENARIO_WORK,
            Ok(Some(Command::Quit)) => break,
            _ => 0,
        });
    }
    (work, due)
}

/// Gives one byte at a time.
struct OneByOne<'a>(&'a [u8]);

impl Read for OneByOne<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let size = room.len().min(1);
        self.0.read(&mut room[..size])
    }
}
