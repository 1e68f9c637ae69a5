//! The exam is itself examined: it must fail every wrong port of `tests/ports/python/wrong_ports.py`,
//! at the right level, at the first wrong step, with a trace from which nothing can be taken
//! away; and it must pass the honest ones.
//!
//! A wrong port that a generated case has caught may owe that to the seed: it is examined with
//! other seeds, too.
//!
//! What each is caught by stands as a table in `docs/verification.md`, and this test fails where
//! one is missing there: with `DKV20_WRITE_TABLE=1` it writes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use dkv20::exam::case::{Case, Delivery};
use dkv20::exam::examinee::{Actual, Examinee};
use dkv20::exam::finding::Finding;
use dkv20::exam::port::{Failure, PortSpec};
use dkv20::exam::run::{PortReport, Selection, Settings, examine};
use dkv20::exam::sections::observation;
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

const BEGIN: &str = "<!-- kill table begin -->\n";
const END: &str = "<!-- kill table end -->";
/// For wrong ports that answer: longer than any answer of the Python port to what is asked here
/// takes, even on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// For those that misbehave as processes, and may never answer.
const BEHAVIOUR_TIMEOUT: Duration = Duration::from_secs(4);
/// For one shrinking: most of it is spent waiting for interpreters to start.
const BUDGET_TIME: Duration = Duration::from_secs(120);
const HONEST: [&str; 3] = ["slow", "chatty-stderr", "one-at-a-time"];
/// The sections whose cases a seed decides.
const SEEDED: [&str; 4] = ["lines", "load", "events", "scale"];
const SEED: u64 = 1;
const OTHER_SEEDS: [u64; 3] = [2, 3, 4];

#[derive(Clone, Deserialize)]
struct WrongPort {
    name: String,
    level: usize,
    kind: String,
}

impl WrongPort {
    fn misbehaves(&self) -> bool {
        self.kind == "behaviour"
    }

    fn timeout(&self) -> Duration {
        if self.misbehaves() { BEHAVIOUR_TIMEOUT } else { ANSWER_TIMEOUT }
    }
}

/// What a wrong port was caught by.
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
    let selections = Arc::new(Selections::default());
    let mut trials = Vec::new();
    for wrong_port in wrong_ports() {
        let (rows, selections) = (rows.clone(), selections.clone());
        let name = wrong_port.name.clone();
        trials.push(Trial::test(name, move || {
            let row = must_fail(&wrong_port, &selections.get(SEED, &wrong_port))?;
            if SEEDED.contains(&row.section.as_str()) {
                for seed in OTHER_SEEDS {
                    must_fail(&wrong_port, &selections.get(seed, &wrong_port))
                        .map_err(|fault| format!("seed {seed}: {fault}"))?;
                }
            }
            rows.lock()
                .expect("no trial panics while it holds the rows")
                .insert(wrong_port.name, row);
            Ok(())
        }));
    }
    for name in HONEST {
        trials.push(Trial::test(format!("honest/{name}"), move || must_pass(&["--honest", name])));
    }
    trials.push(Trial::test("honest/python", || must_pass(&[])));
    let is_whole = arguments.filter.is_none() && !arguments.list && arguments.skip.is_empty();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if is_whole && !conclusion.has_failed() && !keep_table(&rows.lock().expect("no trial runs now"))
    {
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// The cases for each seed, level and time limit, made once.
#[derive(Default)]
struct Selections(Mutex<BTreeMap<(u64, usize, Duration), Arc<Selection>>>);

impl Selections {
    fn get(&self, seed: u64, wrong_port: &WrongPort) -> Arc<Selection> {
        let mut made = self.0.lock().expect("no trial panics while it makes a selection");
        let selection =
            made.entry((seed, wrong_port.level, wrong_port.timeout())).or_insert_with(|| {
                let mut settings = Settings {
                    timeout: wrong_port.timeout(),
                    fail_fast: true,
                    ..Settings::default()
                };
                settings.budget.time = BUDGET_TIME;
                settings.plan.seed = seed;
                settings.level_max = wrong_port.level;
                Arc::new(Selection::new(&settings))
            });
        selection.clone()
    }
}

/// The interpreter itself: what is called `python3` can be a script that looks for it.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let answer = asked.expect("python3 runs").stdout;
    String::from_utf8(answer).expect("a path that is text").trim_end().to_owned()
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ports/python")
}

fn wrong_ports() -> Vec<WrongPort> {
    let listed =
        Command::new("python3").arg(folder().join("wrong_ports.py")).arg("--list").output();
    let listed = listed.expect("python3 runs");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "wrong_ports.py --list failed: {complaint}");
    let lines = std::str::from_utf8(&listed.stdout).expect("the list is text").lines();
    let wrong_ports: Vec<_> =
        lines.map(|line| serde_json::from_str(line).expect("a line is a wrong port")).collect();
    assert!(wrong_ports.len() >= 60, "only {} wrong_ports", wrong_ports.len());
    wrong_ports
}

fn port(script: &str, arguments: &[&str]) -> PortSpec {
    let script = folder().join(script).to_string_lossy().into_owned();
    // Without what the site adds, and with its modules compiled, it starts in a third of the time.
    let cache = format!("pycache_prefix={}", env!("CARGO_TARGET_TMPDIR"));
    let command = [PYTHON.as_str(), "-E", "-s", "-S", "-X", &cache, &script];
    let command = command.iter().chain(arguments).map(ToString::to_string).collect();
    PortSpec { name: "port".into(), command, directory: None, environment: BTreeMap::new() }
}

fn must_pass(arguments: &[&str]) -> Result<(), Failed> {
    let port = match arguments {
        [] => port("dkv20.py", &["serve"]),
        _ => port("wrong_ports.py", arguments),
    };
    let mut settings = Settings { timeout: ANSWER_TIMEOUT, ..Settings::default() };
    settings.plan.generated_count = 100;
    settings.plan.states_depth = 3;
    let report = examine(&[port], &Selection::new(&settings), &|_| {});
    let port = &report.ports[0];
    match port.conforms() {
        true => Ok(()),
        false => Err(findings(port).into()),
    }
}

fn must_fail(wrong_port: &WrongPort, selection: &Selection) -> Result<Row, String> {
    let started = Instant::now();
    let spec = port("wrong_ports.py", &[&wrong_port.name]);
    let report = examine(&[spec.clone()], selection, &|_| {});
    let seconds = started.elapsed().as_secs_f64();
    let port = &report.ports[0];
    let Some(finding) = port.findings.first() else {
        return Err("the exam does not notice it".into());
    };
    let with_findings = |fault: String| format!("{fault}\n{}", findings(port));
    if finding.level != wrong_port.level {
        let fault = format!("found at level {}, not {}", finding.level, wrong_port.level);
        return Err(with_findings(fault));
    }
    if !finding.is_reproduced || !finding.is_minimal {
        return Err(with_findings("not reproduced or not minimal".into()));
    }
    check_trace(&spec, finding, wrong_port).map_err(with_findings)?;
    check_step(&spec, finding, wrong_port).map_err(with_findings)?;
    Ok(Row {
        level: finding.level,
        section: finding.case.split('/').next().unwrap_or_default().into(),
        step: finding.step,
        command: finding.command.split(' ').next().unwrap_or_default().into(),
        shrunk: finding.shrunk.len(),
        seconds,
    })
}

/// The step that is named is the first wrong one: up to the step before it nothing that can be
/// looked at is wrong, and after it something is.
fn check_step(spec: &PortSpec, finding: &Finding, wrong_port: &WrongPort) -> Result<(), String> {
    let lines = finding.located_lines();
    let awaits = matches!(finding.delivery.as_str(), "marked" | "stepwise");
    if wrong_port.misbehaves() || finding.case.starts_with("hello/") || !awaits {
        return Ok(());
    }
    let Some((_, before)) = lines.split_last() else { return Ok(()) };
    let differs = |lines: &[Vec<u8>]| {
        let mut looked_at = lines.to_vec();
        if let Some(replica_count) = replica_count(lines) {
            looked_at.extend(observation(replica_count));
        }
        Examinee::new(spec.clone(), wrong_port.timeout()).run(&looked_at, Delivery::Marked).is_err()
    };
    match (differs(before), differs(lines)) {
        (false, true) => Ok(()),
        (true, _) => Err(format!("something is wrong before step {}", finding.step)),
        (_, false) => Err(format!("nothing is wrong after step {}", finding.step)),
    }
}

/// How many replicas the session's cluster has after the lines, if it has one.
fn replica_count(lines: &[Vec<u8>]) -> Option<usize> {
    let mut session = dkv20::Session::new();
    for line in lines {
        session.answer(line, &mut String::new());
    }
    session.cluster().map(dkv20::Cluster::replica_count)
}

/// The shrunk trace fails at its last line and not before, and without any one of its other
/// lines it does not fail in the same way.
fn check_trace(spec: &PortSpec, finding: &Finding, wrong_port: &WrongPort) -> Result<(), String> {
    if finding.case.starts_with("hello/") {
        return Ok(());
    }
    let (lines, delivery) = finding.shrunk_lines();
    let fails = |lines: &[Vec<u8>]| {
        Examinee::new(spec.clone(), wrong_port.timeout()).run(lines, delivery).err()
    };
    let Some(divergence) = fails(lines) else { return Err("the trace does not fail".into()) };
    let ends = matches!(delivery, Delivery::ToEnd | Delivery::ToEndWithoutLf);
    if !ends && divergence.step + 1 != lines.len() {
        return Err(format!("the trace fails at step {}", divergence.step + 1));
    }
    // A port that hangs takes the whole time limit for each line left out.
    let is_slow =
        matches!(divergence.actual, Actual::Failed(Failure::NoAnswer | Failure::NotFlushed));
    if is_slow || wrong_port.misbehaves() {
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

/// Whether the table in the document has the wrong ports and levels that there are. Writes it, with
/// what was measured, where that is asked for.
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
    // The rest is what was measured last: where a port that crashes is caught depends on the moment.
    let names_and_levels = |table: &str| -> Vec<String> {
        let rows = table.lines().map(|line| line.split(" | ").take(2).collect::<Vec<_>>());
        rows.map(|row| row.join(" | ")).collect()
    };
    let is_current = names_and_levels(table) == names_and_levels(&render(rows));
    if !is_current {
        println!(
            "the kill table in docs/verification.md is not current: DKV20_WRITE_TABLE=1 writes it"
        );
    }
    is_current
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let mut table =
        "\n| wrong_port | level | section | first bad step | shown by | commands | seconds |\n\
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
