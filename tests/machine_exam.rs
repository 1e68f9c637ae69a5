//! `exam`, `fuzz`, `shrink`, `replay` and `record` on machines that a file describes.

#![cfg(all(unix, feature = "exam"))]

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use program::{PROGRAM, assert_ended, counter, dkv20, faulty_counter, folder, root, text};

/// A wrong answer to a subtraction below zero: `ok -1` in place of an error.
const WRONG: &str = "goes-below-zero";

/// The only file in the folder of findings.
#[track_caller]
fn finding(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder.join("dkv20-findings")).expect("a folder of findings");
    let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

/// A machine whose programs are counters, each with a fault or none. The first is the reference.
fn counters(folder: &Path, programs: &[(&str, Option<&str>, &str)]) -> String {
    let text = fs::read_to_string(counter()).expect("the file");
    let (before, after) = text.split_once("[programs.right]").expect("its program");
    let (_, after) = after.split_once("\n\n").expect("an empty line");
    let mut written = before.to_owned();
    for (position, (name, fault, keys)) in programs.iter().enumerate() {
        let mut command = vec!["python3".to_owned(), root("tests/machines/counter/counter.py")];
        command.extend(fault.iter().flat_map(|fault| ["--fault".into(), (*fault).into()]));
        let is_reference = position == 0;
        written += &format!(
            "[programs.{name}]\ncommand = {command:?}\nreference = {is_reference}\n{keys}\n\n"
        );
    }
    let file = folder.join("counters.toml");
    fs::write(&file, written + after).expect("a file can be written");
    file.to_str().expect("a UTF-8 path").into()
}

// --- Arguments ----------------------------------------------------------------------------------

#[test]
fn options_that_do_not_fit_together_are_usage_errors() {
    let (counter, port) = (counter(), format!("w={}", faulty_counter(WRONG)));
    let with = "'--machine <FILE>' cannot be used with";
    let (folder, needs) = (folder(), "--machine <FILE>");
    for command in ["exam", "fuzz", "shrink x", "replay x", "record x"] {
        for option in ["--profile=x", "--reference=./x"] {
            let arguments: Vec<_> = command.split(' ').chain([option]).collect();
            assert_ended(&dkv20(folder.path(), &arguments), 2, &[needs, "were not provided"]);
        }
        let profile = ["--machine", &counter, "--profile", "x"];
        let arguments: Vec<_> = command.split(' ').chain(profile).collect();
        let words = ["--profile x: the file has no such profile; it has none"];
        assert_ended(&dkv20(folder.path(), &arguments), 2, &words);
    }
    for option in ["--level=2", "--thorough", "--states-depth=3"] {
        let exam = ["exam", "--machine", &counter, "--port", &port, option];
        let name = option.split('=').next().expect("a name");
        assert_ended(&dkv20(folder.path(), &exam), 2, &[name, with]);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is written");
}

#[test]
fn every_mistake_in_the_file_is_reported_before_anything_is_started() {
    let folder = folder();
    let written = fs::read_to_string(counter()).expect("the file");
    let written = written.replace("weight = 6", "weight = 0").replace("sub {down}", "sub {dwn}");
    let written = written.replace("\"python3\"", "\"/no/such/program\"");
    fs::write(folder.path().join("m.toml"), written).expect("a file can be written");
    let words = [
        "dkv20: m.toml: 2 mistakes\n",
        "\nm.toml:31:10: commands[0].weight: the weight 0 is out of range; allowed: ",
        "\nm.toml:34:8: commands[1].line: `dwn` is not declared; allowed: ",
    ];
    for command in ["exam", "fuzz", "shrink x", "replay x", "record x"] {
        let arguments: Vec<_> = command.split(' ').chain(["--machine", "m.toml"]).collect();
        let output = dkv20(folder.path(), &arguments);
        assert_ended(&output, 2, &words);
        assert_eq!(text(&output.stdout), "", "{command}");
        let arguments: Vec<_> = command.split(' ').chain(["--machine", "gone.toml"]).collect();
        assert_ended(&dkv20(folder.path(), &arguments), 3, &["gone.toml: No such file"]);
    }
}

#[test]
fn programs_that_are_missing_are_named() {
    let folder = folder();
    let no_reference = fs::read_to_string(counter()).expect("the file");
    let no_reference = no_reference.replace("reference = true\n", "");
    fs::write(folder.path().join("m.toml"), no_reference).expect("a file can be written");
    fs::write(folder.path().join("x.trace"), "> value\n< ok 0\n").expect("a file can be written");
    let (counter, no_port) = (counter(), "counter.toml has no program beside the reference");
    for command in ["exam", "fuzz"] {
        let output = dkv20(folder.path(), &[command, "--machine", "m.toml"]);
        assert_ended(&output, 2, &["the file has no reference", "--reference COMMAND"]);
        let output = dkv20(folder.path(), &[command, "--machine", &counter]);
        assert_ended(&output, 2, &["there is no port: ", no_port, "--port NAME=COMMAND"]);
        let gone = [command, "--machine", &counter, "--reference", "/gone", "--port", "a=cat"];
        let words = ["program reference: /gone: there is no such file"];
        assert_ended(&dkv20(folder.path(), &gone), 3, &words);
        let gone = [command, "--machine", &counter, "--port", "a=/gone"];
        assert_ended(&dkv20(folder.path(), &gone), 3, &["port a: /gone: there is no such file"]);
    }
    let shrink = ["shrink", "x.trace", "--machine", &counter];
    assert_ended(&dkv20(folder.path(), &shrink), 2, &["there is no port: ", no_port]);
}

// --- The exam -----------------------------------------------------------------------------------

/// Runs the command in a shell that finds the program.
fn shell(folder: &Path, line: &str) -> Output {
    let programs = Path::new(PROGRAM).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [programs.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).expect("folders");
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    shell.output().expect("a shell")
}

/// The command that the report prints for its first finding.
#[track_caller]
fn replay_of(output: &Output) -> String {
    let said = text(&output.stdout);
    let mut rows = said.lines().filter_map(|line| line.trim_start().strip_prefix("replay "));
    rows.next().expect("a command").trim().to_owned()
}

#[test]
fn a_program_of_the_file_is_examined_and_its_finding_replays() {
    let folder = folder();
    let keys = "timeout = 5\nenvironment = { A = \"it's\" }";
    let file = counters(folder.path(), &[("old", None, ""), ("new", Some(WRONG), keys)]);
    let exam = ["exam", "--machine", &file, "--cases", "60"];
    let output = dkv20(folder.path(), &exam);
    let words = [
        "finding 1 of 1  new  counter  drawn/",
        "expected  `err range below zero`",
        "\n  new, counter: diverges (",
        "diverges: new (1 finding, ",
    ];
    assert_ended(&output, 1, &words);
    let trace = finding(folder.path());
    let written = fs::read_to_string(&trace).expect("the trace");
    let head = written.lines().next().expect("a line");
    assert!(head.starts_with("# new: ") && written.contains("--machine"), "{written}");
    assert!(!written.contains("CONCEPTS") && !written.contains("# dkv20 lines"), "{written}");
    assert!(written.ends_with("\n< err range below zero\n"), "{written}");
    let replay = &replay_of(&output);
    assert!(replay.contains(&format!("--machine {file} ")), "{replay}");
    // The file has the port and its time limit.
    assert!(!replay.contains("--port") && !replay.contains("--timeout"), "{replay}");
    let replayed = shell(folder.path(), replay);
    assert_ended(
        &replayed,
        1,
        &["new: step 2: `sub 1`: expected `err range below zero`, got `ok -1`"],
    );
    // The programs of the file are the ports of every command.
    let trace = trace.to_str().expect("a UTF-8 path");
    let replayed = dkv20(folder.path(), &["replay", trace, "--machine", &file]);
    assert_ended(
        &replayed,
        1,
        &["new: step 2: `sub 1`: expected `err range below zero`, got `ok -1`"],
    );
}

#[test]
fn the_command_line_replaces_reference_and_ports() {
    let folder = folder();
    let file = counters(folder.path(), &[("old", None, ""), ("new", Some(WRONG), "")]);
    let wrong = faulty_counter(WRONG);
    let right =
        format!("a={}", shell_words::join(["python3", &root("tests/machines/counter/counter.py")]));
    let exam = ["exam", "--machine", &file, "--cases", "30"];
    let with = |arguments: &[&str]| dkv20(folder.path(), &[&exam, arguments].concat());
    assert_ended(&with(&["--port", &right]), 0, &["conforms: a, 30 cases"]);
    assert_ended(&with(&["--reference", &wrong]), 0, &["conforms: new, 30 cases"]);
    let output = with(&["--reference", &wrong, "--port", &right]);
    assert_ended(&output, 1, &["diverges: a ", &format!("--reference '{wrong}'")]);
    let list = with(&["--list", "--only", "drawn/3"]);
    assert_ended(&list, 0, &["drawn/3 "]);
    assert_eq!(text(&list.stdout).lines().count(), 1);
}

/// A port that is one of several of the file is named in the command of a finding.
#[test]
fn a_finding_is_replayed_on_its_port_alone() {
    let folder = folder();
    let programs = [("old", None, ""), ("new", Some(WRONG), "timeout = 5"), ("newer", None, "")];
    let file = counters(folder.path(), &programs);
    let output = dkv20(folder.path(), &["exam", "--machine", &file, "--cases", "60"]);
    assert_ended(&output, 1, &["diverges: new (1 finding, "]);
    let replay = replay_of(&output);
    assert!(replay.contains(" --timeout 5 --port 'new=") && !replay.contains("newer"), "{replay}");
    assert_ended(&shell(folder.path(), &replay), 1, &["new: step 2: `sub 1`: "]);
}

/// A described machine has no milestones and no measures.
#[test]
fn reports_have_no_empty_parts() {
    let folder = folder();
    let file = counters(folder.path(), &[("old", None, ""), ("new", None, "")]);
    let exam = ["exam", "--machine", &file, "--cases", "5", "--html", "x.html", "--markdown=x.md"];
    assert_ended(&dkv20(folder.path(), &exam), 0, &["conforms: new, 5 cases"]);
    for (file, level) in [("x.html", ">counter<"), ("x.md", "| counter |")] {
        let report = fs::read_to_string(folder.path().join(file)).expect("a report");
        assert!(!report.contains("reached in the reference"), "{file}: {report}");
        assert!(report.contains(level), "{file}: {report}");
    }
}

/// The profile leaves out what shows the fault. All options of the command line that could be taken for
/// others are in the command of a finding.
#[test]
fn profiles_count_and_are_part_of_the_command_of_a_finding() {
    let folder = folder();
    let file = counters(folder.path(), &[("old", None, ""), ("new", Some(WRONG), "")]);
    let profiles = "\n[profiles.-without]\nwithout = [\"sub\"]\n[profiles.-all]\n";
    let text = fs::read_to_string(&file).expect("the file") + profiles;
    fs::write(folder.path().join("-it's.toml"), text).expect("a file can be written");
    let exam = ["exam", "--machine=-it's.toml", "--cases", "40"];
    let with = |arguments: &[&str]| dkv20(folder.path(), &[&exam, arguments].concat());
    assert_ended(&with(&["--profile=-without"]), 0, &["conforms: new, 40 cases"]);
    let reference =
        format!("env \"IT=it's\" python3 {}", root("tests/machines/counter/counter.py"));
    let output = with(&["--profile=-all", "--reference", &reference]);
    assert_ended(&output, 1, &["diverges: new ("]);
    assert_ended(&shell(folder.path(), &replay_of(&output)), 1, &["new: step 2: `sub 1`: "]);
}

#[test]
fn a_program_has_the_time_limit_of_the_file() {
    let folder = folder();
    let hang = [("old", None, ""), ("new", Some("hangs"), "timeout = 0.5")];
    let file = counters(folder.path(), &hang);
    let trace = folder.path().join("x.trace");
    fs::write(&trace, "> new 9\n< ok\n> add 1\n< ok 1\n> undo\n< ok 0\n").expect("a file");
    let started = Instant::now();
    let replay = ["replay", "x.trace", "--machine", &file, "--timeout", "60"];
    let output = dkv20(folder.path(), &replay);
    assert_ended(&output, 1, &["new: step 3: `undo`: expected `ok 0`, got no answer in time"]);
    assert!(started.elapsed() < Duration::from_secs(50), "it took {:?}", started.elapsed());
}

/// No port is needed, and the trace has the answers of the reference itself.
#[test]
fn replicas_of_the_reference_are_examined() {
    let (folder, register) = (folder(), root("tests/machines/register/register.toml"));
    let program = root("tests/machines/register/register.py");
    let program = ["python3", &program, "--fault", "keeps-its-own-at-the-same-clock"];
    let reference = shell_words::join(program);
    let exam = ["exam", "--machine", &register, "--reference", &reference, "--cases", "60"];
    let output = dkv20(folder.path(), &exam);
    assert_ended(&output, 1, &["`ok a`", "diverges: reference (1 finding"]);
    let trace = fs::read_to_string(finding(folder.path())).expect("a trace");
    assert!(trace.ends_with("> read 0\n< ok a\n> read 1\n< ok a\n"), "{trace}");
    assert_ended(&shell(folder.path(), &replay_of(&output)), 1, &["expected `ok a`, got `ok b`"]);
}

#[test]
fn fuzz_and_shrink_know_the_machine() {
    let folder = folder();
    let file = counters(folder.path(), &[("old", None, ""), ("new", Some(WRONG), "")]);
    let fuzz = dkv20(folder.path(), &["fuzz", "--machine", &file, "--cases", "60"]);
    assert_ended(&fuzz, 1, &["new: fuzz/", "new: 60 cases in ", "1 finding", "--machine"]);
    let found = finding(folder.path());
    assert!(fs::read_to_string(&found).expect("the trace").ends_with("< err range below zero\n"));
    fs::remove_file(found).expect("it was there");
    let long = "> new 9\n< ok\n> add 2\n< ok 2\n> value\n< ok 2\n> sub 3\n< err range below zero\n";
    fs::write(folder.path().join("long.trace"), long).expect("a file can be written");
    let shrink = ["shrink", "long.trace", "--machine", &file, "--delivery", "stepwise"];
    let output = dkv20(folder.path(), &shrink);
    assert_ended(&output, 1, &["new: shrunk/long: ", "--machine"]);
    let written = fs::read_to_string(finding(folder.path())).expect("the trace");
    assert!(written.ends_with("\n> sub 3\n< err range below zero\n"), "{written}");
    assert!(!written.contains("> add") && !written.contains("> value"), "{written}");
}

// --- Traces -------------------------------------------------------------------------------------

#[test]
fn a_trace_is_replayed_on_ports_or_on_the_reference() {
    let folder = folder();
    let trace = root("tests/machines/counter/counter.trace");
    let replay = ["replay", "--machine", &counter(), &trace];
    let with = |arguments: &[&str]| dkv20(folder.path(), &[&replay, arguments].concat());
    let same = "every answer is the one in the trace\n";
    let output = with(&[]);
    assert_ended(&output, 0, &[]);
    assert_eq!(text(&output.stdout), format!("right: {same}"));
    let right = shell_words::join(["python3", &root("tests/machines/counter/counter.py")]);
    for delivery in ["pipelined", "marked", "stepwise", "split", "to-end", "to-end-without-lf"] {
        let port = format!("a={right}");
        let output = with(&["--port", &port, "--delivery", delivery]);
        assert_ended(&output, 0, &[&format!("a: {same}")]);
    }
    let port = format!("a={}", faulty_counter("start-keeps-the-log"));
    let output = with(&["--port", &port]);
    let difference = "a: step 7: `log`: expected `ok -`, got `ok +3,-1`\n";
    assert_ended(&output, 1, &[difference]);
}

/// The answers of the trace are compared as the file says, and each port may have a greeting of its
/// own.
#[test]
fn answers_are_compared_as_the_file_says() {
    let folder = folder();
    let trace = "> hello\n< ok counter 9\n> new 9\n< ok\n> sub 1\n< err range other words\n";
    fs::write(folder.path().join("x.trace"), trace).expect("a file can be written");
    let replay = ["replay", "x.trace", "--machine", &counter()];
    let output = dkv20(folder.path(), &replay);
    assert_ended(&output, 0, &["right: every answer is the one in the trace\n"]);
    fs::write(folder.path().join("x.trace"), trace.replace("err range", "err empty"))
        .expect("a file can be written");
    let output = dkv20(folder.path(), &replay);
    let difference = "right: step 3: `sub 1`: expected `err empty other words`, got `err range ";
    assert_ended(&output, 1, &[difference]);
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_its_place() {
    let folder = folder();
    for (content, reason) in [
        ("", "nothing to ask: the file has no command"),
        ("value\n", "line 1, column 1: expected `> COMMAND`"),
        ("> value\n", "line 1, column 1: this command has no answer right after it"),
        ("> value\r\n< ok 0\r\n", "line 1, column 8: the line ends in CR LF"),
    ] {
        fs::write(folder.path().join("x.trace"), content).expect("a file can be written");
        let output = dkv20(folder.path(), &["replay", "x.trace", "--machine", &counter()]);
        assert_ended(&output, 3, &[&format!("dkv20: x.trace: {reason}")]);
    }
}

#[test]
fn record_asks_the_reference() {
    let folder = folder();
    let file = folder.path().join("x.trace");
    // The commands of dkv20 that have no answer there are ordinary here.
    let before = "# a comment\n> new 9\n\n> add 2\n< ok 7\n> quit\n> sub 3\n> sub 3\n";
    let after = "# a comment\n> new 9\n< ok\n\n> add 2\n< ok 2\n> quit\n< err unknown no such \
                 command\n> sub 3\n< err range below zero\n> sub 3\n< err range below zero\n";
    fs::write(&file, before).expect("a file can be written");
    let record = ["record", "x.trace", "--machine", &counter()];
    let output = dkv20(folder.path(), &record);
    assert_ended(&output, 0, &["x.trace: 5 answers recorded\n"]);
    assert_eq!(fs::read_to_string(&file).expect("the trace"), after);
    let output = dkv20(folder.path(), &record);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
    let crashes = faulty_counter("crashes");
    let undo = "> new 9\n> add 1\n> undo\n";
    fs::write(&file, undo).expect("a file can be written");
    let output = dkv20(folder.path(), &[&record[..], &["--reference", &crashes]].concat());
    let words = "dkv20: x.trace: program reference: `undo`: the program exited (exit status: 7)";
    assert_ended(&output, 3, &[words]);
    assert_eq!(fs::read_to_string(&file).expect("the trace"), undo, "it stays as it is");
    let output = dkv20(folder.path(), &[&record[..], &["--reference", "cat"]].concat());
    let words = "program reference: the answer `hello` to `hello` is no greeting";
    assert_ended(&output, 3, &[words]);
}
