//! A test of the exam of described machines: it must find every fault that is planted in the two small
//! machines of `tests/machines`, at the right line, with a trace from which no line can be removed;
//! and it must pass the machines without a fault.
//!
//! `DKV20_WRITE_TABLE=1` writes the table of `docs/evidence/planted-faults.md`.

#![cfg(feature = "exam")]

mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use dkv20::machines::Described;
use dkv20_described::Description;
use dkv20_exam::{
    Budget, Finding, Interrupt, Limits, Plan, PortSpec, Selection, Settings, examine,
};
use serde::Deserialize;

use python::PYTHON;

const TABLE: &str = "docs/evidence/planted-faults.md";
const BEGIN: &str = "<!-- planted faults begin -->\n";
const END: &str = "<!-- planted faults end -->";
/// The machines: the file, and the program of the right machine and of those with faults.
const MACHINES: [(&str, &str); 2] =
    [("counter/counter.toml", "counter.py"), ("bytes/frame.toml", "frame.py")];
/// Enough that a fault which one in four hundred cases shows is found.
const CASES: usize = 3_000;
/// The time limit for programs that may never answer: a start of Python takes a tenth of it.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The time for one pass of shrinking. On a busy machine the default is over before a trace is minimal.
const BUDGET_TIME: Duration = Duration::from_secs(120);

/// A planted fault, as the program lists it.
#[derive(Deserialize)]
struct Fault {
    name: String,
    kind: String,
    /// Lines of which the last is the first with a wrong answer.
    shows: Vec<String>,
    /// After this many of them an observer has a wrong answer for the first time.
    step: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

fn faults(file: &str, program: &str) -> Vec<Fault> {
    let path = folder().join(file).with_file_name(program);
    let listed = Command::new("python3").arg(path).arg("--list").output().expect("python3 runs");
    let lines = String::from_utf8(listed.stdout).expect("the list is text");
    lines.lines().map(|line| serde_json::from_str(line).expect("a fault")).collect()
}

fn port(name: &str, folder: &Path, program: &str, fault: Option<&str>) -> PortSpec {
    let words = [PYTHON.as_str(), "-E", "-s", "-S", program].into_iter();
    let fault = fault.into_iter().flat_map(|fault| ["--fault", fault]);
    let command = words.chain(fault).map(String::from).collect();
    PortSpec { directory: Some(folder.to_path_buf()), ..PortSpec::new(name, command) }
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// Returns the row of the table, or the reason why the finding is not as it must be.
fn row(machine: &str, fault: &Fault, finding: &Finding) -> Result<String, String> {
    let Fault { name, kind, shows, step } = fault;
    let wrong_line = &shows[step - 1];
    let is_of_start = finding.case.starts_with("hello/");
    // The observer that shows a wrong state is a line more.
    if finding.shrunk.len() > shows.len() + 1 {
        return Err(format!("{} lines are left, and {shows:?} show it", finding.shrunk.len()));
    }
    if !is_of_start && first_word(&finding.step_line) != first_word(wrong_line) {
        return Err(format!("the first wrong step is {}, not {wrong_line}", finding.step_line));
    }
    if !finding.is_minimal || !finding.is_reproduced {
        return Err("not minimal or not reproduced".into());
    }
    let (line, command) = (first_word(&finding.step_line), first_word(&finding.command));
    let count = finding.shrunk.len();
    Ok(format!("| {machine} | {name} | {kind} | `{line}` | `{command}` | {count} |\n"))
}

/// Examines a machine without and with its faults. Returns the rows of the table.
fn rows(file: &str, program: &str) -> String {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).expect("the file can be read");
    let description = Description::read(&path, &text).unwrap_or_else(|error| panic!("{error}"));
    let folder = path.parent().expect("a file is in a folder");
    let (name, interrupt) = (description.name.clone(), Interrupt::default());
    let reference = port("right", folder, program, None);
    let machine = Described::new(description, None, reference, TIMEOUT, folder, &interrupt);
    let budget = Budget { time: BUDGET_TIME, ..Limits::default().budget };
    let settings = Settings {
        plan: Plan { generated_count: CASES, ..Plan::default() },
        fail_fast: true,
        limits: Limits { timeout: TIMEOUT, budget, ..Limits::default() },
        ..Settings::default()
    };
    let machine = machine.expect("there is no profile to miss");
    let selection = Selection::new(&machine, &settings);
    let faults = faults(file, program);
    assert!(!faults.is_empty());
    let mut ports = vec![port("same", folder, program, None)];
    ports.extend(faults.iter().map(|fault| port(&fault.name, folder, program, Some(&fault.name))));
    let report = examine(&ports, &selection, &|_| {});
    let (same, wrong) = report.ports.split_first().expect("there are ports");
    assert!(same.conforms(), "{:?}", same.findings);
    let rows = faults.iter().zip(wrong).map(|(fault, port)| {
        let finding = port.findings.first().ok_or_else(|| "it is not found".to_owned());
        let row = finding.and_then(|finding| row(&name, fault, finding));
        row.unwrap_or_else(|reason| panic!("{}: {reason}: {:#?}", fault.name, port.findings))
    });
    rows.collect()
}

#[test]
fn every_planted_fault_is_found() {
    let rows = thread::scope(|scope| {
        let machines = MACHINES.map(|(file, program)| scope.spawn(|| rows(file, program)));
        machines.map(|machine| machine.join().expect("the rows of a machine")).concat()
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let text = fs::read_to_string(&path).expect("the document can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let present = format!(
        "\n| machine | fault | kind | first wrong step | shown by | lines |\n\
         | --- | --- | --- | --- | --- | --- |\n{rows}\n"
    );
    if std::env::var_os("DKV20_WRITE_TABLE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{present}{END}{after}")).expect("it is written");
        return;
    }
    assert!(table == present, "the table in {TABLE} is not current: DKV20_WRITE_TABLE=1 writes it");
}
