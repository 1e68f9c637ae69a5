//! Findings: one for each cause, with a trace that shows it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dkv20::machines::Dkv20;
use dkv20_exam::{Budget, Case, Delivery, Examinee, Limits, PortSpec, investigate};

use crate::{PROGRAM, answering, dkv20, exam_of, folder, objects_of, right, script, text, written};

/// Conforms apart from the term of the third leader.
const WRONG: &str = r#"
    "$0" serve | while IFS= read -r answer; do
        case $answer in "ok leader=2 term=3") answer="ok leader=2 term=4" ;; esac
        printf '%s\n' "$answer"
    done"#;
/// Conforms apart from answers that are a number, as of `mix` and `draw`: they have a digit too many.
const WRONG_NUMBERS: &str = r#"
    "$0" "$@" | while IFS= read -r answer; do
        case $answer in "ok "*[!0-9]*) ;; "ok "?*) answer="${answer}0" ;; esac
        printf '%s\n' "$answer"
    done"#;

/// The first mistake of many ports.
#[test]
fn a_missing_flush_is_reported() {
    let folder = folder();
    let held_back = r#"read -r line; cat >"$1"; echo "ok dkv20 1 held""#;
    let port = script("held", held_back, &folder.path().join("rest"));
    let output = dkv20(folder.path(), &["exam", "--port", &port]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stdout);
    assert!(said.contains("the answer is written only once the input is closed"), "{said}");
}

#[test]
fn an_answer_without_lf_is_shown() {
    let folder = folder();
    let script_text = r"printf 'ok dkv20 1 half\n'; while read -r line; do printf 'ok 0'; done";
    let port = script("half", script_text, Path::new("."));
    let output = dkv20(
        folder.path(),
        &["exam", "--port", &port, "--level", "1", "--timeout", "1", "--fail-fast"],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("the answer has no line end"), "{said}");
    assert!(said.contains("without a line end"), "{said}");
}

/// The exam reads no further than the wrong answer, in the middle of the long line.
#[test]
fn a_line_that_was_not_read_to_its_end_is_not_unfinished() {
    let folder = folder();
    let script_text = r#"while read -r line; do
        case $line in hello) echo "ok dkv20 1 wide" ;; *) printf 'ok 1\n%099999d\n' 0 ;; esac
    done"#;
    let port = script("wide", script_text, Path::new("."));
    let output = dkv20(folder.path(), &["exam", "--port", &port, "--level", "1", "--fail-fast"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(!said.contains("without a line end"), "{said}");
}

/// A finding is written as a trace; its replay command shows it again, and `shrink` cannot remove a
/// line.
#[test]
fn a_finding_replays() {
    let folder = folder();
    let port = script("wrong", WRONG, Path::new("."));
    let exam = ["exam", "--port", &port, "--only", "case-14", "--traces", "found"];
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let found: Vec<_> = fs::read_dir(folder.path().join("found")).expect("traces").collect();
    assert_eq!(found.len(), 1);
    let trace = found[0].as_ref().expect("an entry").path();
    let trace = trace.to_str().expect("a UTF-8 path");

    let output = dkv20(folder.path(), &["replay", trace, "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("expected `ok leader=2 term=3"), "{said}");
    let output = dkv20(folder.path(), &["replay", trace, "--port", &right("right")]);
    assert_eq!(output.status.code(), Some(0));
    let output = dkv20(folder.path(), &["replay", trace]);
    assert_eq!(text(&output.stdout), "the reference: every answer is the one in the trace\n");

    let before = fs::read(trace).expect("the trace");
    let commands = |bytes: &[u8]| text(bytes).lines().filter(|line| line.starts_with('>')).count();
    let output = dkv20(folder.path(), &["shrink", trace, "--port", &port, "--traces", "again"]);
    assert_eq!(output.status.code(), Some(1));
    let again: Vec<_> = fs::read_dir(folder.path().join("again")).expect("traces").collect();
    let again = fs::read(again[0].as_ref().expect("an entry").path()).expect("the trace");
    assert_eq!(commands(&again), commands(&before));
}

/// The cause is what the port did, and not which time limit ended first.
#[test]
fn causes_of_silence_are_told_apart() {
    let folder = folder();
    written(folder.path(), "x.lines", b"mix 0\n");
    for (command, cause) in [
        ("exec 0<&-; sleep 1000", "the program closed its standard input"),
        ("exec 1>&- 2>&-; sleep 1000", "the program closed its standard output"),
        ("kill -STOP $$", "no answer in time: a signal has stopped the program"),
        ("printf 'ok 1'; sleep 1000", "the answer has no line end"),
        ("kill -SEGV $$", "the program exited (signal: 11 (SIGSEGV))"),
        ("exit 3", "the program exited (exit status: 3)"),
    ] {
        let port = answering(&format!("command() {{ {command}; }}"));
        let port = script("m", &port, Path::new("."));
        let shrink = ["shrink", "x.lines", "--port", &port, "--timeout", "1"];
        let output = dkv20(folder.path(), &shrink);
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains(&format!("got {cause}\n")), "{command}: {said}");
        assert!(!said.contains("flaky"), "{command}: {said}");
    }
}

#[test]
fn a_flaky_port_is_called_flaky() {
    let folder = folder();
    // Every second process is right, as far as case-01 is concerned.
    let flaky = r#"
        echo x >>"$1"
        if [ $(($(wc -l <"$1") % 2)) = 0 ]; then exec "$0" serve; fi
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok dkv20"*) ;; *) answer="ok 1" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let (status, said) = exam_of(folder.path(), flaky, &["--only", "traces"]);
    assert_eq!(status, 1, "{said}");
    let findings = objects_of(folder.path(), "finding");
    assert!(!findings.is_empty(), "{said}");
    for finding in findings {
        let (tries, occurrences) = (finding["tries"].as_u64(), finding["occurrences"].as_u64());
        assert!(occurrences < tries && occurrences > Some(0), "{finding}");
        assert_eq!(finding["is_minimal"], false, "{finding}");
        let words =
            format!("flaky: it occurred in {} of {} tries", occurrences.unwrap(), tries.unwrap());
        assert!(said.contains(&words), "{words}: {said}");
    }
}

#[test]
fn a_name_that_changes_is_reported() {
    let folder = folder();
    let between = answering("greet() { echo \"ok dkv20 1 m$$\"; }\ncommand() { echo 'ok 1'; }");
    let (_, said) = exam_of(folder.path(), &between, &["--only", "case-01"]);
    assert!(said.contains("its greeting changes between starts: `ok dkv20 1 m"), "{said}");
    let within = r#"
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok dkv20 1 "*) n=$((n + 1)); answer="ok dkv20 1 m$n" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let (status, said) = exam_of(folder.path(), within, &["--only", "case-01"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("its greeting changed within a session"), "{said}");
}

/// The first wrong step is a line of the case or of the shrunk commands, and its text is always
/// among the shrunk commands.
#[test]
fn the_blamed_line_is_in_the_trace() {
    let folder = folder();
    let drifts = r#"
        "$0" serve | while IFS= read -r answer; do
            case $answer in "ok 0x"*) answer="ok 0x00" ;; "ok leader="*) answer="ok leader=9" ;; esac
            printf '%s\n' "$answer"
        done"#;
    let wrong = answering("command() { echo 'ok 1'; }");
    for (port, only) in [(drifts, "traces"), (&wrong, "lines"), (WRONG, "histories")] {
        let more = ["--only", only, "--cases", "40", "--fail-fast"];
        let (_, said) = exam_of(folder.path(), port, &more);
        let findings = objects_of(folder.path(), "finding");
        assert!(!findings.is_empty(), "{said}");
        for finding in findings {
            let shrunk = finding["shrunk"].as_array().expect("lines");
            assert!(shrunk.contains(&finding["step_line"]), "{finding}");
        }
    }
}

/// No budget for shrinking is needed to know that.
#[test]
fn a_single_command_is_the_fewest() {
    let command = ["sh", "-c", WRONG_NUMBERS, PROGRAM, "serve"].map(str::to_owned);
    let port = PortSpec::new("m", command.into());
    let budget = Budget { time: Duration::ZERO, attempts: 0 };
    let mut examinee = Examinee::new(&Dkv20, port, Limits { budget, ..Limits::default() });
    let mut investigated = |lines: &[&str]| {
        let lines = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        let case = Case::new("case/1".into(), lines, Delivery::Marked);
        let divergence = examinee.run(&case.lines, case.delivery).expect_err("a wrong answer");
        let finding = investigate(&mut examinee, &case, &[], divergence);
        (finding.shrunk_lines.len(), finding.is_minimal)
    };
    assert_eq!(investigated(&["mix 1"]), (1, true));
    assert_eq!(investigated(&["new 1", "mix 1"]), (2, false));
}

/// Neither the environment, nor the arguments, nor the delivery has a part in it.
#[test]
fn an_error_of_every_session_is_one_finding() {
    let folder = folder();
    let port = script("m", WRONG_NUMBERS, Path::new("serve"));
    let cases = ["environment-time-zone-numbers", "program-input-file", "end-of-input"];
    let cases = cases.map(|case| format!("process/{case}"));
    let only: Vec<_> = cases.iter().flat_map(|case| ["--only", case]).collect();
    let exam = ["exam", "--port", &port, "--json", "report.json"];
    let output = dkv20(folder.path(), &[&exam, only.as_slice()].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let cases = objects_of(folder.path(), "case");
    assert_eq!(cases.iter().filter(|case| case["verdict"] == "failed").count(), 3, "{cases:?}");
    let findings = objects_of(folder.path(), "finding");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["shrunk"], serde_json::json!(["mix 0"]));
    assert_eq!(findings[0]["delivery"], "marked");
}

/// The delivery of the case that showed it has no part in it.
#[test]
fn an_error_of_one_delivery_is_shown_by_another() {
    let folder = folder();
    let crash = r#"while IFS= read -r line; do
        case $line in "mix "*) kill -9 $$; exit ;; esac
        printf '%s\n' "$line"
    done | "$0" "$@""#;
    for (wrong, delivery) in [(WRONG_NUMBERS, "marked"), (crash, "stepwise")] {
        let port = script("m", wrong, Path::new("serve"));
        let only = ["--only", "process/end-of-input"];
        let exam = ["exam", "--port", &port, "--json", "report.json"];
        let output = dkv20(folder.path(), &[&exam[..], &only].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let findings = objects_of(folder.path(), "finding");
        let deliveries: Vec<_> = findings.iter().map(|finding| &finding["delivery"]).collect();
        assert_eq!(deliveries, [delivery]);
    }
}

/// Ports that end at two commands, whose fingerprints and events have nothing in common.
#[test]
fn ports_that_end_with_the_same_words_have_one_error() {
    let folder = folder();
    for (words, count) in [("check 1 failed, process $$", 1), ("no ${line%% *}", 2)] {
        let port = format!(
            r#"while IFS= read -r line; do
                case $line in "mix "*|"load "*) echo "{words}" >&2; kill -9 $$; exit ;; esac
                printf '%s\n' "$line"
            done | "$0" serve"#
        );
        let only = ["--only", "traces", "--level", "2"];
        let (_, said) = exam_of(folder.path(), &port, &only);
        assert_eq!(objects_of(folder.path(), "finding").len(), count, "{words}: {said}");
    }
}

/// It shows in answers to `partition` and to `heal`, which have fingerprints of their own.
#[test]
fn fuzzing_reports_a_cause_once() {
    let folder = folder();
    let wrong = WRONG.replace("leader=2 term=3", "leader=1 term=2");
    let port = script("m", &wrong, Path::new("serve"));
    let fuzz = ["fuzz", "--port", &port, "--seed", "2", "--cases", "9"];
    let said = text(&dkv20(folder.path(), &fuzz).stdout);
    assert!(said.contains("`partition 0`") && said.contains(", 1 finding;"), "{said}");
}
