//! A test of the exam: it must fail every wrong port of `tests/ports/python/wrong_ports.py`, at the
//! right level and the first wrong step, with a trace from which no line can be removed; and it must
//! pass the honest ports.
//!
//! A wrong port that a generated case has caught is examined with another seed, too: the first one
//! may have been luck. Three other seeds take turns.
//!
//! A port is asked the cases of the suite that caught it according to the table in
//! `docs/evidence/wrong-ports.md`, which takes a third of the time, and every case if these find
//! nothing or the table lacks it.
//!
//! With `DKV20_WHOLE_EXAM=N` every Nth wrong port, from the first on, is examined to the end instead,
//! so with 1 each of them. A sample leaves out the two suites that take half of the time. The number
//! of its findings, their traces and the time of its exam are checked: one mistake should be one
//! finding. The distributions, a row for each port, and the
//! findings of those with several are written to `target/whole-exams.md`.
//!
//! A run of all wrong ports fails if the table has a row that is not current, and prints how many it
//! lacks. With `DKV20_WRITE_TABLE=1` only the ports without a row are asked, every case, and their
//! rows are added one by one; so to write a row anew, delete it.

mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dkv20::machines::Dkv20;
use dkv20_exam::{
    Actual, Budget, Delivery, Divergence, Examinee, Failure, Finding, Interrupt, Limits,
    Machine as _, Plan, PortReport, PortSpec, Selection, Settings, examine,
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

use python::PYTHON;

const TABLE: &str = "docs/evidence/wrong-ports.md";
const BEGIN: &str = "<!-- wrong ports begin -->\n";
const END: &str = "<!-- wrong ports end -->";
/// The time limit for ports that answer: even on a busy machine the Python port takes less.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The time limit for ports that misbehave as processes, and may never answer.
const BEHAVIOUR_TIMEOUT: Duration = Duration::from_secs(4);
/// The time for one pass of shrinking, most of which interpreters take to start.
const BUDGET_TIME: Duration = Duration::from_secs(120);
const HONEST: [&str; 3] = ["slow", "chatty-stderr", "one-at-a-time"];
/// Ports whose answers depend on what was asked before: to observe them changes them, so their traces
/// and first wrong steps cannot be checked from outside.
const REMEMBERING: [&str; 2] =
    ["snapshot-is-kept-until-the-map-changes", "sorted-keys-are-kept-by-number"];
/// The suites whose cases depend on the seed.
const SEEDED: [&str; 7] = ["lines", "load", "histories", "sizes", "situations", "scale", "growth"];
/// The suites that a sample of whole exams leaves out.
const LONG_SUITES: [&str; 2] = ["growth", "cost"];
/// The suites that try other things than lines with a program.
const SURROUNDINGS: [&str; 2] = ["process", "cost"];
const SEED: u64 = 1;
const OTHER_SEEDS: [u64; 3] = [2, 3, 4];
/// How often a port is examined, at most, if timing decides whether its mistake shows.
const TRIES: usize = 3;
/// Of how many wrong ports the report names the section that they break.
const NAMED_PERCENT_MIN: usize = 95;

/// Mistakes that have nothing to do with each other. Neither of a pair shows in almost every case, as
/// then the other is hardly asked about.
const UNRELATED: [[&str; 2]; 6] = [
    ["mix-shifts-in-the-sign", "equal-keys-are-loaded"],
    ["cr-is-cut-off", "longest-key-is-refused"],
    ["cr-is-cut-off", "draw-refuses-the-limit"],
    ["election-needs-one-more-than-the-quorum", "bare-compact-leaves-out-the-isolated"],
    ["refused-partition-raises-the-term", "commit-index-needs-a-quorum"],
    ["pending-is-shown-as-committed", "get-takes-any-key"],
];

#[derive(Clone, Deserialize)]
struct WrongPort {
    name: String,
    level: usize,
    kind: String,
    /// The section of the definition that it breaks, or several with `|` between.
    section: String,
    /// The number of commands that are known to show it; 0 if none are.
    commands: usize,
}

impl WrongPort {
    fn misbehaves(&self) -> bool {
        self.kind == "behaviour"
    }

    fn limits(&self) -> Limits {
        limits(if self.misbehaves() { BEHAVIOUR_TIMEOUT } else { ANSWER_TIMEOUT })
    }

    /// Runs lines on a new process.
    fn run(&self, lines: &[Vec<u8>], delivery: Delivery) -> Result<(), Divergence> {
        Examinee::new(&Dkv20, self.port(), self.limits()).run(lines, delivery)
    }

    /// Whether only its environment, its program's other arguments or its costs show the mistake.
    fn is_wrong_around(&self) -> bool {
        self.kind == "surroundings"
    }

    fn remembers(&self) -> bool {
        REMEMBERING.contains(&self.name.as_str())
    }

    fn port(&self) -> PortSpec {
        port("wrong_ports.py", &[&self.name, "serve"])
    }
}

/// The finding that caught a wrong port.
struct Row {
    level: usize,
    suite: String,
    step: usize,
    command: String,
    shrunk: usize,
    /// The section that the wrong port breaks, as it declares.
    breaks: String,
    /// The sections that the report names.
    named: Vec<String>,
}

impl Row {
    /// Reports whether the section that the report names first is one that the port breaks.
    fn names_the_section(&self) -> bool {
        let named = self.named.first().map(String::as_str);
        self.breaks.split('|').any(|section| Some(section) == named)
    }

    fn of(finding: &Finding, wrong_port: &WrongPort) -> Self {
        Self {
            level: finding.level,
            suite: finding.case.split('/').next().unwrap_or_default().into(),
            step: finding.step,
            command: finding.command.split(' ').next().unwrap_or_default().into(),
            shrunk: finding.shrunk.len(),
            breaks: wrong_port.section.clone(),
            named: finding.sections.clone(),
        }
    }
}

fn limits(timeout: Duration) -> Limits {
    let budget = Budget { time: BUDGET_TIME, ..Limits::default().budget };
    Limits { timeout, budget, ..Limits::default() }
}

type Rows = Arc<Mutex<BTreeMap<String, Row>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if let Some(every) = std::env::var_os("DKV20_WHOLE_EXAM") {
        let every = every.to_str().and_then(|every| every.parse().ok()).filter(|every| *every > 0);
        let Some(every) = every else {
            eprintln!("DKV20_WHOLE_EXAM must be a number from 1 on: every how many wrong ports");
            return ExitCode::FAILURE;
        };
        return run_whole_exams(&arguments, every);
    }
    let rows = Rows::default();
    let selections = Arc::new(Selections::default());
    let suites = suites_of_table();
    let mut trials = Vec::new();
    for (wrong_port, other_seed) in wrong_ports().into_iter().zip(OTHER_SEEDS.iter().cycle()) {
        if writes_table() && suites.contains_key(&wrong_port.name) {
            continue;
        }
        let (rows, selections) = (rows.clone(), selections.clone());
        let name = wrong_port.name.clone();
        let suite = suites.get(&name).cloned();
        trials.push(Trial::test(name, move || {
            let try_once = |seed| must_fail(&wrong_port, &selections, seed, suite.as_deref());
            // On a busy machine a port reads more at once, and noise can hide a cost.
            let depends_on_timing = wrong_port.misbehaves() || suite.as_deref() == Some("cost");
            let tries = if depends_on_timing { TRIES } else { 1 };
            let examine = |seed| {
                (1..tries).fold(try_once(seed), |result, _| result.or_else(|_| try_once(seed)))
            };
            let row = examine(SEED)?;
            if SEEDED.contains(&row.suite.as_str()) {
                examine(*other_seed).map_err(|reason| format!("seed {other_seed}: {reason}"))?;
            }
            let mut rows = rows.lock().expect("no trial panics with the lock");
            rows.insert(wrong_port.name, row);
            if writes_table() {
                add_to_table(&rows);
            }
            Ok(())
        }));
    }
    for name in HONEST {
        trials.push(Trial::test(format!("honest/{name}"), move || must_pass(&["--honest", name])));
    }
    trials.push(Trial::test("honest/python", || must_pass(&[])));
    let selection = Arc::new(Selection::new(&Dkv20, &whole_settings()));
    for pair in UNRELATED {
        let selection = selection.clone();
        let name = format!("two/{}", pair.join("+"));
        trials.push(Trial::test(name, move || Ok(must_find_both(pair, &selection)?)));
    }
    let is_whole = arguments.filter.is_none()
        && !arguments.list
        && arguments.skip.is_empty()
        && !writes_table();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if is_whole {
        let rows = rows.lock().expect("no trial panics with the lock");
        let names_sections = names_the_sections(&rows);
        if !is_current(&rows) || !names_sections {
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

type SelectionKey = (u64, usize, String, Option<String>);

/// The cases of each seed, level, kind of port and suite, made once.
#[derive(Default)]
struct Selections(Mutex<BTreeMap<SelectionKey, Arc<Selection<'static>>>>);

impl Selections {
    /// Returns the cases of the suite or, if it is `None`, of all that can find a port of this kind.
    fn get(
        &self,
        seed: u64,
        wrong_port: &WrongPort,
        suite: Option<&str>,
    ) -> Arc<Selection<'static>> {
        let mut made = self.0.lock().expect("no trial panics with the lock");
        let key = (seed, wrong_port.level, wrong_port.kind.clone(), suite.map(String::from));
        let selection = made.entry(key).or_insert_with(|| {
            let is_around = wrong_port.is_wrong_around();
            let all: &[&str] = if is_around { &SURROUNDINGS } else { &[] };
            let only = suite.as_ref().map_or(all, std::slice::from_ref);
            let settings = Settings {
                plan: Plan { seed, ..Plan::default() },
                level_max: if is_around { usize::MAX } else { wrong_port.level },
                fail_fast: true,
                limits: wrong_port.limits(),
                only: only.iter().map(ToString::to_string).collect(),
                ..Settings::default()
            };
            Arc::new(Selection::new(&Dkv20, &settings))
        });
        selection.clone()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ports/python")
}

fn wrong_ports() -> Vec<WrongPort> {
    let listed =
        Command::new("python3").arg(folder().join("wrong_ports.py")).arg("--list").output();
    let listed = listed.expect("python3 runs");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "wrong_ports.py --list failed: {complaint}");
    let lines = std::str::from_utf8(&listed.stdout).expect("the list is UTF-8").lines();
    let wrong_ports: Vec<_> = lines
        .map(|line| serde_json::from_str(line).expect("each line describes a wrong port"))
        .collect();
    assert!(wrong_ports.len() >= 60, "only {} wrong ports", wrong_ports.len());
    wrong_ports
}

fn port(script: &str, arguments: &[&str]) -> PortSpec {
    let script = folder().join(script).to_string_lossy().into_owned();
    // Without site packages and with compiled modules it starts in a third of the time.
    let cache = format!("pycache_prefix={}", env!("CARGO_TARGET_TMPDIR"));
    let command = [PYTHON.as_str(), "-E", "-s", "-S", "-X", &cache, &script];
    let command = command.iter().chain(arguments).map(ToString::to_string).collect();
    PortSpec::new("port", command)
}

fn must_pass(arguments: &[&str]) -> Result<(), Failed> {
    let port = match arguments {
        [] => port("dkv20.py", &["serve"]),
        _ => port("wrong_ports.py", arguments),
    };
    let settings = Settings {
        plan: Plan { generated_count: 100, states_depth: 3, ..Plan::default() },
        limits: limits(ANSWER_TIMEOUT),
        ..Settings::default()
    };
    let report = examine(&[port], &Selection::new(&Dkv20, &settings), &|_| {});
    let port = &report.ports[0];
    if port.conforms() { Ok(()) } else { Err(findings(port).into()) }
}

fn must_fail(
    wrong_port: &WrongPort,
    selections: &Selections,
    seed: u64,
    suite: Option<&str>,
) -> Result<Row, String> {
    let report = examine(&[wrong_port.port()], &selections.get(seed, wrong_port, suite), &|_| {});
    let port = &report.ports[0];
    let Some(finding) = port.findings.first() else {
        return match suite {
            Some(_) => must_fail(wrong_port, selections, seed, None),
            None => Err("the exam does not notice it".into()),
        };
    };
    let with_findings = |reason: String| format!("{reason}\n{}", findings(port));
    if finding.level != wrong_port.level {
        let reason = format!("found at level {}, not {}", finding.level, wrong_port.level);
        return Err(with_findings(reason));
    }
    if wrong_port.is_wrong_around() || wrong_port.remembers() || !finding.is_of_session {
        return Ok(Row::of(finding, wrong_port));
    }
    if !finding.is_reproduced || !finding.is_minimal {
        return Err(with_findings("not reproduced or not minimal".into()));
    }
    check_trace(finding, wrong_port).map_err(with_findings)?;
    check_step(finding, wrong_port).map_err(with_findings)?;
    Ok(Row::of(finding, wrong_port))
}

/// Checks that the reported step is the first wrong one: nothing that can be observed is wrong before
/// it, and something is after it.
fn check_step(finding: &Finding, wrong_port: &WrongPort) -> Result<(), String> {
    let lines = &finding.located_lines;
    let is_separated = finding.delivery.separates_answers();
    if wrong_port.misbehaves()
        || wrong_port.remembers()
        || finding.case.starts_with("hello/")
        || !is_separated
    {
        return Ok(());
    }
    let Some((_, before)) = lines.split_last() else { return Ok(()) };
    let differs = |lines: &[Vec<u8>]| {
        let observed = [lines, &Dkv20.observers(lines)].concat();
        wrong_port.run(&observed, Delivery::Marked).is_err()
    };
    match (differs(before), differs(lines)) {
        (false, true) => Ok(()),
        (true, _) => Err(format!("something is wrong before step {}", finding.step)),
        (_, false) => Err(format!("nothing is wrong after step {}", finding.step)),
    }
}

/// Checks that the shrunk trace fails at its last line and not before, and that without any other
/// line it does not fail in the same way.
fn check_trace(finding: &Finding, wrong_port: &WrongPort) -> Result<(), String> {
    if finding.case.starts_with("hello/") {
        return Ok(());
    }
    let lines = &finding.shrunk_lines;
    let run = |lines: &[Vec<u8>]| wrong_port.run(lines, finding.delivery).err();
    let Some(divergence) = run(lines) else { return Err("the trace does not fail".into()) };
    // A port that crashes or hangs may lose the answers to lines before.
    if wrong_port.misbehaves() {
        return Ok(());
    }
    if !finding.delivery.ends_input() && divergence.step + 1 != lines.len() {
        return Err(format!("the trace fails at step {}", divergence.step + 1));
    }
    // A port that hangs takes the whole time limit for each line left out.
    let is_slow =
        matches!(divergence.actual, Actual::Failed(Failure::NoAnswer | Failure::NotFlushed));
    if is_slow {
        return Ok(());
    }
    for position in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(position);
        if let Some(divergence) = run(&fewer)
            && finding.has_fingerprint_of(&Dkv20, &fewer, &divergence)
        {
            return Err(format!("line {} of the trace can be removed", position + 1));
        }
    }
    Ok(())
}

// --- Whole exams --------------------------------------------------------------------------------

/// At most this part of the wrong ports has more than two findings.
const MANY_FINDINGS_MAX: f64 = 0.1;
/// At least this part of the traces has at most one command more than is known to show the mistake,
/// and no command that can be removed.
const SHORT_TRACES_MIN: f64 = 0.95;
/// The exam of a wrong port takes at most so many times as long as that of the right one.
const SLOWDOWN_MAX: f64 = 3.0;
/// How many of the wrong ports, at least, have a median or a part that means something.
const PORTS_MIN: usize = 20;

/// The whole exam of a wrong port.
struct WholeExam {
    findings: usize,
    /// The number of commands of the shortest trace, and the number known to show the mistake.
    commands: usize,
    known: usize,
    is_minimal: bool,
    /// How long the cases were asked, and the whole exam took.
    asking_seconds: f64,
    seconds: f64,
    /// All findings.
    shown: String,
}

impl WholeExam {
    fn has_short_trace(&self) -> bool {
        self.is_minimal && (self.known == 0 || self.commands <= self.known + 1)
    }
}

fn whole_settings() -> Settings {
    Settings { limits: limits(ANSWER_TIMEOUT), ..Settings::default() }
}

/// Checks that a port with two unrelated mistakes has a finding for each.
fn must_find_both(pair: [&str; 2], selection: &Selection<'_>) -> Result<(), String> {
    let report = examine(&[port("wrong_ports.py", &pair)], selection, &|_| {});
    let found = &report.ports[0].findings;
    for (mistake, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
        let fails = |finding: &Finding, name: &str| {
            let spec = port("wrong_ports.py", &[name]);
            let mut examinee = Examinee::new(&Dkv20, spec, limits(ANSWER_TIMEOUT));
            examinee.run(&finding.shrunk_lines, finding.delivery).is_err()
        };
        if !found.iter().any(|finding| fails(finding, mistake) && !fails(finding, other)) {
            let shown = findings(&report.ports[0]);
            return Err(format!("no finding shows {mistake} alone\n{shown}"));
        }
    }
    if found.len() > 2 * pair.len() {
        return Err(format!("{} findings\n{}", found.len(), findings(&report.ports[0])));
    }
    Ok(())
}

/// Returns the settings of the exams of one wrong port in so many.
fn settings_of_sample(every: usize) -> Settings {
    let settings = whole_settings();
    if every == 1 {
        return settings;
    }
    let suites = Dkv20.suites(&settings.plan, &Interrupt::default());
    let names = suites.iter().map(|suite| suite.name);
    let only = names.filter(|name| !LONG_SUITES.contains(name)).map(String::from).collect();
    Settings { only, ..settings }
}

fn run_whole_exams(arguments: &Arguments, every: usize) -> ExitCode {
    let selection = Arc::new(Selection::new(&Dkv20, &settings_of_sample(every)));
    let right = || examine(&[port("dkv20.py", &["serve"])], &selection, &|_| {}).ports[0].seconds;
    // The second is measured with compiled modules.
    let right_seconds = right().min(right());
    let exams = Arc::new(Mutex::new(BTreeMap::new()));
    let mut trials = Vec::new();
    let examined = wrong_ports().into_iter().filter(|port| !port.misbehaves()).step_by(every);
    for wrong_port in examined {
        let (exams, selection) = (exams.clone(), selection.clone());
        trials.push(Trial::test(wrong_port.name.clone(), move || {
            let exam = whole_exam(&wrong_port, &selection)?;
            exams.lock().expect("no trial panics with the lock").insert(wrong_port.name, exam);
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(arguments, trials);
    let exams = exams.lock().expect("no trial panics with the lock");
    let (text, is_good) = distributions(&exams, right_seconds);
    print!("{text}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("whole-exams.md");
    fs::write(path, text + &rows_and_findings(&exams)).expect("the table can be written");
    if is_good || exams.len() < PORTS_MIN { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// Returns a row for each exam, and the findings if there are several or a trace is long.
fn rows_and_findings(exams: &BTreeMap<String, WholeExam>) -> String {
    let mut text = "\n| wrong port | findings | commands | known | minimal | asking | seconds |\n\
                    | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (name, exam) in exams {
        let WholeExam { findings, commands, known, is_minimal, asking_seconds, seconds, .. } = exam;
        text += &format!(
            "| {name} | {findings} | {commands} | {known} | {is_minimal} | {asking_seconds:.1} | \
             {seconds:.1} |\n"
        );
    }
    let doubtful = exams.iter().filter(|(_, exam)| exam.findings > 1 || !exam.has_short_trace());
    text.extend(doubtful.map(|(name, exam)| format!("\n## {name}\n\n{}\n", exam.shown)));
    text
}

/// Examines a wrong port to the end, and checks what must hold for every finding.
fn whole_exam(wrong_port: &WrongPort, selection: &Selection<'_>) -> Result<WholeExam, String> {
    let started = Instant::now();
    let asking = Mutex::new(Duration::ZERO);
    let report = examine(&[wrong_port.port()], selection, &|_| {
        *asking.lock().expect("nothing panics with the lock") = started.elapsed();
    });
    let asking_seconds = asking.into_inner().expect("nothing panics with the lock").as_secs_f64();
    let port = &report.ports[0];
    let Some(first) = port.findings.first() else {
        return Err("the exam does not notice it".into());
    };
    let with_findings = |reason: String| format!("{reason}\n{}", findings(port));
    for finding in &port.findings {
        if !finding.is_reproduced {
            return Err(with_findings("not reproduced".into()));
        }
        if finding.is_minimal {
            check_trace(finding, wrong_port).map_err(with_findings)?;
        }
        check_step(finding, wrong_port).map_err(with_findings)?;
    }
    Ok(WholeExam {
        findings: port.findings.len(),
        commands: first.shrunk.len(),
        known: wrong_port.commands,
        is_minimal: port.findings.iter().all(|finding| finding.is_minimal),
        asking_seconds,
        seconds: port.seconds,
        shown: findings(port),
    })
}

/// Returns a small number as a float.
fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// Returns the distributions as text, and whether they are as they should be.
fn distributions(exams: &BTreeMap<String, WholeExam>, right_seconds: f64) -> (String, bool) {
    let part = |condition: &dyn Fn(&WholeExam) -> bool| {
        let count = exams.values().filter(|exam| condition(exam)).count();
        float(count) / float(exams.len().max(1))
    };
    let sorted = |value: &dyn Fn(&WholeExam) -> f64| {
        let mut values: Vec<_> = exams.values().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let quantiles = |values: &[f64]| {
        let last = values.len().saturating_sub(1);
        let at = |percent: usize| values.get(last * percent / 100).copied();
        let texts = [50, 90, 100].map(|percent| format!("{:.1}", at(percent).unwrap_or_default()));
        texts.join(", ")
    };
    let findings = sorted(&|exam| float(exam.findings));
    let slowdowns = sorted(&|exam| exam.seconds / right_seconds);
    let investigating = sorted(&|exam| exam.seconds / exam.asking_seconds);
    let (many, short) = (part(&|exam| exam.findings > 2), part(&WholeExam::has_short_trace));
    let is_slow = slowdowns.get(slowdowns.len() / 2).is_some_and(|median| *median > SLOWDOWN_MAX);
    let is_good = findings.get(findings.len() / 2).is_none_or(|median| *median < 2.0)
        && many <= MANY_FINDINGS_MAX
        && short >= SHORT_TRACES_MIN
        && !is_slow;
    let text = format!(
        "{} wrong ports; median, 90 % and maximum:\n\
         - findings: {}; more than two: {:.1} %\n\
         - commands of the shortest trace: {}; minimal and at most one above the known: {:.1} %\n\
         - times the exam of the right port, {right_seconds:.1} s: {}\n\
         - times the asking in the same exam: {}\n",
        exams.len(),
        quantiles(&findings),
        100.0 * many,
        quantiles(&sorted(&|exam| float(exam.commands))),
        100.0 * short,
        quantiles(&slowdowns),
        quantiles(&investigating),
    );
    (text, is_good)
}

fn findings(port: &PortReport) -> String {
    let shown = port.findings.iter().map(|finding| {
        let (case, headline) = (&finding.case, finding.headline());
        format!("{case}: {headline}\n  {}", finding.shrunk.join("\n  "))
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Reports whether the explanations of enough findings name the section that the wrong port breaks.
fn names_the_sections(rows: &BTreeMap<String, Row>) -> bool {
    let misses: Vec<_> = rows.iter().filter(|(_, row)| !row.names_the_section()).collect();
    for (name, Row { breaks, named, .. }) in &misses {
        println!("{name} breaks section {breaks}; the report names {}", named.join(", "));
    }
    let named = rows.len() - misses.len();
    println!("the report names the section of {named} of {} wrong ports", rows.len());
    100 * named >= NAMED_PERCENT_MIN * rows.len()
}

fn writes_table() -> bool {
    std::env::var_os("DKV20_WRITE_TABLE").is_some()
}

/// Returns the text before the table, the table, and the text after it.
fn read_table() -> (String, String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let text = fs::read_to_string(path).expect("the document can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    (before.into(), table.into(), after.into())
}

/// Returns the suite that caught each wrong port.
fn suites_of_table() -> BTreeMap<String, String> {
    let (_, table, _) = read_table();
    let cells = table.lines().map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| cells.len() > 3).map(|cells| (cells[1].into(), cells[3].into())).collect()
}

/// Adds rows to the table in the document.
fn add_to_table(rows: &BTreeMap<String, Row>) {
    let (before, table, after) = read_table();
    let head_and_rows = |table: &str| {
        let lines = table.lines().filter(|line| line.starts_with('|')).map(str::to_owned);
        let mut lines: Vec<_> = lines.collect();
        let rows = lines.split_off(2);
        (lines, rows)
    };
    let ((head, added), (_, known)) = (head_and_rows(&render(rows)), head_and_rows(&table));
    let rows: BTreeSet<_> = known.into_iter().chain(added).collect();
    let lines: Vec<_> = head.into_iter().chain(rows).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let written = format!("{before}{BEGIN}\n{}\n\n{END}{after}", lines.join("\n"));
    fs::write(path, written).expect("the document can be written");
}

/// Reports whether the table in the document has the present wrong ports and levels.
fn is_current(rows: &BTreeMap<String, Row>) -> bool {
    let (_, table, _) = read_table();
    // Only names and levels: where a port that crashes is caught depends on timing.
    let names_and_levels = |table: &str| -> Vec<String> {
        let rows = table.lines().map(|line| line.split(" | ").take(2).collect::<Vec<_>>());
        rows.map(|row| row.join(" | ")).collect()
    };
    let (written, present) = (names_and_levels(&table), names_and_levels(&render(rows)));
    let lacking = present.iter().filter(|row| !written.contains(row)).count();
    if lacking > 0 {
        println!("the table in {TABLE} lacks {lacking} rows: DKV20_WRITE_TABLE=1 adds them");
    }
    let stale: Vec<_> = written.iter().filter(|row| !present.contains(row)).collect();
    for row in &stale {
        println!("the table in {TABLE} has this row, which is not current: {row}");
    }
    stale.is_empty()
}

fn render(rows: &BTreeMap<String, Row>) -> String {
    let mut table =
        "\n| wrong port | level | suite | first wrong step | shown by | commands | breaks | \
                     named |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for (name, row) in rows {
        let Row { level, suite, step, command, shrunk, breaks, named } = row;
        let (breaks, named) = (breaks.replace('|', " or "), named.join(", "));
        table += &format!(
            "| {name} | {level} | {suite} | {step} | `{command}` | {shrunk} | {breaks} | {named} |\n"
        );
    }
    table + "\n"
}
