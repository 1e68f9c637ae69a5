//! Runs of the program: its subcommand `scenario`, arguments that it must refuse, and `serve` with
//! other standard streams than pipes that stay open (definition, section 8).

use std::sync::LazyLock;

use dkv20_exam::{Case, Run, Task};

use super::super::oracle::Oracle;
use super::common::case;

/// Makes cases for a suite.
pub(super) fn cases(suite: &str) -> Vec<Case> {
    let make = |(name, level_line, run): (&str, &str, Run)| Case {
        task: Task::Program(run),
        ..case(suite, format_args!("program-{name}"), vec![level_line.into()])
    };
    streams().into_iter().chain(scenarios()).map(make).collect()
}

/// Returns the name of each run, a line of its level, and the run.
fn scenarios() -> Vec<(&'static str, &'static str, Run)> {
    static HASHES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let hash = |name: &str| Oracle::new().run(format!("scenario {name}").as_bytes());
        let line = |name: &str| hash(name).unwrap_or_default().replace("ok", name).into_bytes();
        ["A", "B"].map(line).into()
    });
    let line = |output: &Vec<u8>| [b"scenario ", &output[..1]].concat();
    let run = |arguments: &str, output: &[Vec<u8>], error: Option<&str>, status: i32| Run {
        arguments: arguments.split_whitespace().map(String::from).collect(),
        lines: output.iter().map(line).collect(),
        script: String::new(),
        subject: arguments.into(),
        output: output.to_vec(),
        error: error.map(|error| error.as_bytes().to_vec()),
        status,
        section: "8".into(),
    };
    let to_a_file =
        |run: Run| Run { script: OUTPUT_FILE.into(), subject: "scenario >FILE".into(), ..run };
    let unknown = Some("err unknown-scenario");
    let runs = [
        ("scenario", run("scenario", &HASHES, None, 0)),
        ("scenario-A", run("scenario A", &HASHES[..1], None, 0)),
        ("scenario-B", run("scenario B", &HASHES[1..], None, 0)),
        ("scenario-unknown", run("scenario C", &[], unknown, 1)),
        ("scenario-lower-case", run("scenario a", &[], unknown, 1)),
        ("scenario-output-file", to_a_file(run("scenario", &HASHES, None, 0))),
        ("scenario-twice", run("scenario A B", &[], None, 2)),
        ("argument-unknown", run("frobnicate", &[], None, 2)),
    ];
    // An unknown name takes the reference no time.
    runs.into_iter().map(|(name, run)| (name, "scenario C", run)).collect()
}

/// The scripts of runs whose streams are other than pipes. A file has no name any more when the
/// program starts, so none is left.
const INPUT_FILE: &str = r#"file=$(mktemp) && printf 'mix 1\nmix 2\n' >"$file" && exec <"$file" &&
    rm "$file" && exec "$@""#;
/// The file has a line already, which a program must not write over.
const OUTPUT_FILE: &str = r#"file=$(mktemp) && exec 3>"$file" 4<"$file" && rm "$file" &&
    echo before >&3 && printf 'mix 1\nmix 2\n' | "$@" >&3
    status=$?; read -r _ <&4; cat <&4; exit "$status""#;
const ERROR_CLOSED: &str = r#"printf 'mix 1\nmix 2\n' | "$@" 2>&-"#;
/// The program itself has the other end of its input open, which never ends.
const INPUT_OPEN: &str = r#"folder=$(mktemp -d) && mkfifo "$folder/input" &&
    exec 3<>"$folder/input" <"$folder/input" && rm -r "$folder" &&
    printf 'mix 1\nmix 2\nquit\n' >&3 && exec "$@""#;
/// A pause shows a program that takes silence for the end of its input.
const PAUSE: &str = r#"(printf 'mix 1\n'; sleep 2; printf 'mix 2\n') | "$@""#;

/// Returns runs of `serve`.
fn streams() -> Vec<(&'static str, &'static str, Run)> {
    let with = |subject: &str, script: &str, lines: &[&str]| {
        let answer = |line: &&str| Oracle::new().run(line.as_bytes()).unwrap_or_default();
        Run {
            arguments: vec!["serve".into()],
            script: script.into(),
            subject: subject.into(),
            output: lines.iter().map(answer).map(String::into_bytes).collect(),
            lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
            error: None,
            status: 0,
            section: "8".into(),
        }
    };
    let (lines, quit) = (["mix 1", "mix 2"], ["mix 1", "mix 2", "quit"]);
    let runs = [
        ("input-null", with("serve </dev/null", r#"exec "$@" </dev/null"#, &[])),
        ("input-file", with("serve <FILE", INPUT_FILE, &lines)),
        ("output-file", with("serve >FILE", OUTPUT_FILE, &lines)),
        ("error-closed", with("serve 2>&-", ERROR_CLOSED, &lines)),
        ("input-open", with("serve, with an input that goes on after quit", INPUT_OPEN, &quit)),
        ("pause", with("serve, with a pause of two seconds between two lines", PAUSE, &lines)),
    ];
    runs.into_iter().map(|(name, run)| (name, "mix 1", run)).collect()
}
