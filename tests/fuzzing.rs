//! Fuzzing on several threads: the same cases in the same order, and the same findings.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use dkv20::machines::Dkv20;
use dkv20_exam::{Finding, FuzzEnd, FuzzSettings, Limits, Machine, PortSpec, fuzz};

/// Conforms, and adds all that it reads to a file before it answers.
const NOTING: &str = r#"{ tee /dev/fd/3 >>"$1"; } 3>&1 | "$0" serve"#;
/// Conforms apart from one answer and one number.
const WRONG: &str = r#"
    "$0" serve | while IFS= read -r answer; do
        case $answer in
            "ok leader=2 term=3") answer="ok leader=2 term=4" ;;
            *" committed index=9 "*) answer="ok committed index=8 term=1" ;;
        esac
        printf '%s\n' "$answer"
    done"#;

/// Fuzzes a port that is a shell script, with so many threads that make cases.
fn fuzzed(
    script: &str,
    argument: &Path,
    makers: usize,
    case_count: u64,
) -> (FuzzEnd, Vec<Finding>) {
    let argument = argument.to_str().expect("a UTF-8 path");
    let command = ["sh", "-c", script, env!("CARGO_BIN_EXE_dkv20"), argument];
    let port = PortSpec::new("p", command.map(String::from).into());
    let settings = FuzzSettings {
        seed: 5,
        time: None,
        case_count: Some(case_count),
        makers: NonZeroUsize::new(makers),
        expected: Vec::new(),
        limits: Limits::default(),
    };
    let mut findings = Vec::new();
    let end = fuzz(&Dkv20, port, &settings, |finding| findings.push(finding), |_| {});
    (end, findings)
}

#[test]
fn a_port_reads_the_cases_in_the_order_of_their_seeds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case_count = 150;
    // Between the cases there are others.
    let is_no_hello = |line: &&[u8]| *line != Dkv20.hello().as_bytes();
    let cases = (5..5 + case_count).map(|seed| Dkv20.fuzz_case(seed));
    let due: Vec<_> = cases.flat_map(|case| case.lines).collect();
    let due: Vec<_> = due.iter().map(Vec::as_slice).filter(is_no_hello).collect();
    for makers in [1, 2, 5] {
        let path = folder.path().join(makers.to_string());
        let (end, findings) = fuzzed(NOTING, &path, makers, case_count);
        assert_eq!((end.progress.cases, end.progress.failed, findings.len()), (case_count, 0, 0));
        assert_eq!(end.progress.next_seed, 5 + case_count);
        let read = fs::read(&path).expect("what the port has read");
        let lines: Vec<_> = read.split(|byte| *byte == b'\n').collect();
        let (_, lines) = lines.split_last().expect("a last line end");
        let lines: Vec<_> = lines.iter().copied().filter(is_no_hello).collect();
        assert!(lines == due, "{makers} makers");
    }
}

#[test]
fn the_findings_do_not_depend_on_the_number_of_threads() {
    let known = |makers| {
        let (end, findings) = fuzzed(WRONG, Path::new("serve"), makers, 70);
        let progress = end.progress;
        let findings: Vec<_> = findings
            .into_iter()
            .map(|finding| (finding.case, finding.fingerprint, finding.shrunk_lines))
            .collect();
        (progress.cases, progress.failed, progress.next_seed, findings)
    };
    let due = known(1);
    assert!(due.3.len() >= 2, "{due:?}");
    for makers in [2, 5] {
        assert_eq!(known(makers), due, "{makers} makers");
    }
}
