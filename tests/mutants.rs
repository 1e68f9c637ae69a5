//! The exam is itself examined: it must fail every wrong port of `tests/ports/python/mutants.py`,
//! at the right level, at the first wrong step, with a trace from which nothing can be taken
//! away; and it must pass the honest ones.
//!
//! What each is caught by stands as a table in `docs/verification.md`, which this test keeps
//! current: with `DKV20_WRITE_TABLE=1` it writes it. `DKV20_SEEDS=2,3,4` asks with other seeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dkv20::exam::case::{Case, Delivery};
use dkv20::exam::examinee::{Actual, Examinee};
use dkv20::exam::finding::Finding;
use dkv20::exam::port::{Failure, PortSpec};
use dkv20::exam::run::{PortReport, Selection, Settings, examine};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

const BEGIN: &str = "<!-- kill table begin -->\n";
const END: &str = "<!-- kill table end -->";
/// Longer than any honest answer of the Python port to what is asked here, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(4);
const HONEST: [&str; 3] = ["slow", "chatty-stderr", "one-at-a-time"];

#[derive(Clone, Deserialize)]
struct Mutant {
    name: String,
    level: usize,
    kind: String,
}

/// What a mutant was caught by.
struct Row {
    level: usize,
    section: String,
    step: usize,
    command: String,
    shrunk: usize,
    seconds: f64,
}

type Rows = Arc<Mutex<BTreeMap<String, Row>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let rows = Rows::default();
    let mut trials = Vec::new();
    for seed in seeds() {
        for mutant in mutants() {
            let rows = rows.clone();
            let name = format!("seed-{seed}/{}", mutant.name);
            trials.push(Trial::test(name, move || must_fail(&mutant, seed, &rows)));
        }
    }
    for name in HONEST {
        trials.push(Trial::test(format!("honest/{name}"), move || must_pass(&["--honest", name])));
    }
    trials.push(Trial::test("honest/python", || must_pass(&[])));
    let is_whole = arguments.filter.is_none() && !arguments.list && seeds() == [1];
    let conclusion = libtest_mimic::run(&arguments, trials);
    if is_whole && !conclusion.has_failed() && !keep_table(&rows.lock().expect("no trial runs now"))
    {
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn seeds() -> Vec<u64> {
    let seeds = std::env::var("DKV20_SEEDS").unwrap_or("1".into());
    seeds.split(',').map(|seed| seed.parse().expect("DKV20_SEEDS is numbers")).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ports/python")
}

fn mutants() -> Vec<Mutant> {
    let listed = Command::new("python3").arg(folder().join("mutants.py")).arg("--list").output();
    let listed = listed.expect("python3 runs");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "mutants.py --list failed: {complaint}");
    let lines = std::str::from_utf8(&listed.stdout).expect("the list is text").lines();
    let mutants: Vec<_> =
        lines.map(|line| serde_json::from_str(line).expect("a line is a mutant")).collect();
    assert!(mutants.len() >= 60, "only {} mutants", mutants.len());
    mutants
}

fn port(script: &str, arguments: &[&str]) -> PortSpec {
    let script = folder().join(script).to_string_lossy().into_owned();
    let command = ["python3", &script].iter().chain(arguments).map(ToString::to_string).collect();
    PortSpec { name: "port".into(), command, directory: None, environment: BTreeMap::new() }
}

fn must_pass(arguments: &[&str]) -> Result<(), Failed> {
    let port = match arguments {
        [] => port("dkv20.py", &["serve"]),
        _ => port("mutants.py", arguments),
    };
    let mut settings = Settings { timeout: Duration::from_secs(30), ..Settings::default() };
    settings.plan.generated_count = 100;
    settings.plan.states_depth = 3;
    let report = examine(&[port], &Selection::new(&settings), &|_| {});
    let port = &report.ports[0];
    match port.conforms() {
        true => Ok(()),
        false => Err(findings(port).into()),
    }
}

fn must_fail(mutant: &Mutant, seed: u64, rows: &Rows) -> Result<(), Failed> {
    let started = Instant::now();
    let spec = port("mutants.py", &[&mutant.name]);
    let mut settings = Settings { timeout: TIMEOUT, fail_fast: true, ..Settings::default() };
    settings.plan.seed = seed;
    settings.level_max = mutant.level;
    let report = examine(&[spec.clone()], &Selection::new(&settings), &|_| {});
    let port = &report.ports[0];
    let Some(finding) = port.findings.first() else {
        return Err("the exam does not notice it".into());
    };
    if finding.level != mutant.level {
        let (level, said) = (finding.level, findings(port));
        return Err(format!("found at level {level}, not {}\n{said}", mutant.level).into());
    }
    if !finding.is_reproduced || !finding.is_minimal {
        return Err(format!("not reproduced or not minimal\n{}", findings(port)).into());
    }
    check_trace(&spec, finding, mutant).map_err(|fault| format!("{fault}\n{}", findings(port)))?;
    let row = Row {
        level: finding.level,
        section: finding.case.split('/').next().unwrap_or_default().into(),
        step: finding.step,
        command: finding.command.split(' ').next().unwrap_or_default().into(),
        shrunk: finding.shrunk.len(),
        seconds: started.elapsed().as_secs_f64(),
    };
    rows.lock().expect("no trial panics while it holds the rows").insert(mutant.name.clone(), row);
    Ok(())
}

/// The shrunk trace fails at its last line and not before, and without any one of its other
/// lines it does not fail in the same way.
fn check_trace(spec: &PortSpec, finding: &Finding, mutant: &Mutant) -> Result<(), String> {
    if finding.case.starts_with("hello/") {
        return Ok(());
    }
    let (lines, delivery) = finding.shrunk_lines();
    let fails = |lines: &[Vec<u8>]| Examinee::new(spec.clone(), TIMEOUT).run(lines, delivery).err();
    let Some(divergence) = fails(lines) else { return Err("the trace does not fail".into()) };
    let ends = matches!(delivery, Delivery::ToEnd | Delivery::ToEndWithoutLf);
    if !ends && divergence.step + 1 != lines.len() {
        return Err(format!("the trace fails at step {}", divergence.step + 1));
    }
    // A port that hangs takes the whole time limit for each line left out.
    let is_slow =
        matches!(divergence.actual, Actual::Failed(Failure::NoAnswer | Failure::NotFlushed));
    if is_slow || mutant.kind == "behaviour" || lines.len() > 12 {
        return Ok(());
    }
    for position in 0..lines.len() - 1 {
        let mut fewer = lines.to_vec();
        fewer.remove(position);
        let case = Case { id: String::new(), lines: fewer.clone(), delivery };
        if let Some(divergence) = fails(&fewer)
            && finding.is_same_fault(&case, &divergence)
        {
            return Err(format!("line {} of the trace can be left out", position + 1));
        }
    }
    Ok(())
}

fn findings(port: &PortReport) -> String {
    let shown = port.findings.iter().map(|finding| {
        let (case, headline) = (&finding.case, finding.headline());
        format!("{case}: {headline}\n  {}", finding.shrunk.join("\n  "))
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Whether the table in the document is the one that was measured, seconds aside. Writes it where
/// that is asked for.
fn keep_table(rows: &BTreeMap<String, Row>) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verification.md");
    let text = fs::read_to_string(&path).expect("docs/verification.md can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    if std::env::var_os("DKV20_WRITE_TABLE").is_some() {
        let written = format!("{before}{BEGIN}{}{END}{after}", render(rows));
        fs::write(&path, written).expect("docs/verification.md can be written");
        return true;
    }
    let without_seconds = |table: &str| -> Vec<String> {
        let rows = table.lines().map(|line| line.rsplit_once(" | ").map_or(line, |(row, _)| row));
        rows.map(str::to_owned).collect()
    };
    let is_current = without_seconds(table) == without_seconds(&render(rows));
    if !is_current {
        println!(
            "the kill table in docs/verification.md is not current: DKV20_WRITE_TABLE=1 writes it"
        );
    }
    is_current
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let mut table =
        "\n| mutant | level | section | first bad step | shown by | commands | seconds |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for (name, row) in rows {
        let Row { level, section, step, command, shrunk, seconds } = row;
        table += &format!(
            "| {name} | {level} | {section} | {step} | `{command}` | {shrunk} | {seconds:.1} |\n"
        );
    }
    table + "\n"
}
