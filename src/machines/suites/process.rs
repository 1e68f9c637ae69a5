//! The program as a process: when it answers, how it reads, how it exits, what it depends on, and
//! its subcommand `scenario`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dkv20_exam::{Case, Delivery, Run, Start, Suite, Task};

use super::super::milestones::errors;
use super::super::oracle::Oracle;
use super::common::{case, observers};
use crate::error::ErrorCode;
use crate::protocol::LINE_LENGTH_MAX;

const NAME: &str = "process";

pub(super) fn suite() -> Suite {
    let all = [cases(), elsewhere(), program()].concat();
    Suite::of_cases(NAME, errors(&[ErrorCode::LineLength]), all)
}

fn cases() -> Vec<Case> {
    let mix = |count: usize| (0..count).map(|z| format!("mix {z}").into_bytes()).collect();
    let comments: Vec<Vec<u8>> =
        ["", "# a comment", "mix 1", "   ", "  #x", "mix 2", "#", "mix 3"].map(Vec::from).into();
    let cluster: Vec<Vec<u8>> =
        ["new 3", "put a b", "partition 0", "status", "heal", "hash 0", "nonsense", "get 1 a"]
            .map(Vec::from)
            .into();
    let quit: Vec<Vec<u8>> = ["mix 1", "quit", "mix 2", "mix 3"].map(Vec::from).into();
    let all: Vec<(&str, Delivery, Vec<Vec<u8>>)> = vec![
        ("one-at-a-time", Delivery::Stepwise, mix(20)),
        ("one-at-a-time-cluster", Delivery::Stepwise, cluster.clone()),
        ("split-lines", Delivery::Split, mix(20)),
        ("split-lines-cluster", Delivery::Split, cluster.clone()),
        ("comments-one-at-a-time", Delivery::Stepwise, comments.clone()),
        ("comments", Delivery::Marked, comments.clone()),
        ("end-of-input", Delivery::ToEnd, mix(5)),
        ("end-of-input-cluster", Delivery::ToEnd, cluster.clone()),
        ("no-final-lf", Delivery::ToEndWithoutLf, mix(5)),
        ("no-final-lf-cluster", Delivery::ToEndWithoutLf, cluster),
        ("no-final-lf-comment", Delivery::ToEndWithoutLf, vec![b"mix 1".into(), b"# end".into()]),
        ("no-input", Delivery::ToEnd, vec![]),
        ("comments-to-the-end", Delivery::ToEnd, comments),
        ("quit", Delivery::ToEnd, quit),
        ("many-before-reading", Delivery::Pipelined, mix(20_000)),
        ("longest-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX), b"mix 1".into()]),
        ("overlong-line", Delivery::Pipelined, vec![padded(LINE_LENGTH_MAX + 1), b"mix 1".into()]),
        ("overlong-comment", Delivery::Marked, vec![comment(LINE_LENGTH_MAX + 1)]),
        ("overlong-twice", Delivery::Marked, vec![padded(3 * LINE_LENGTH_MAX); 2]),
        ("overlong-no-final-lf", Delivery::ToEndWithoutLf, vec![padded(LINE_LENGTH_MAX + 1)]),
        (
            "overlong-stepwise",
            Delivery::Stepwise,
            vec![padded(LINE_LENGTH_MAX + 7), b"mix 1".into()],
        ),
    ];
    all.into_iter()
        .map(|(name, delivery, lines)| Case::new(format!("{NAME}/{name}"), lines, delivery))
        .collect()
}

/// Returns a command that is valid apart from its length.
fn padded(length: usize) -> Vec<u8> {
    let mut line = b"mix 7".to_vec();
    line.resize(length, b' ');
    line
}

fn comment(length: usize) -> Vec<u8> {
    let mut line = b"# ".to_vec();
    line.resize(length, b'x');
    line
}

/// Makes cases of the same lines in other environments. Nothing in the definition depends on one.
fn elsewhere() -> Vec<Case> {
    let locale = |name: &str, java: &str| {
        let variables = ["LC_ALL", "LANG", "LANGUAGE"].map(|variable| (variable, name));
        // A Java machine has its own data of every locale, but takes one from the C library only if
        // the system has that, too.
        let java = ("JAVA_TOOL_OPTIONS", java);
        let environment =
            variables.into_iter().chain([java].into_iter().filter(|(_, java)| !java.is_empty()));
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let difference = format!("with LC_ALL={name}");
        Start {
            difference,
            environment: environment.collect(),
            is_required: true,
            ..Start::default()
        }
    };
    let in_shell = |difference: &str, shell: &str, is_required: bool| Start {
        difference: difference.into(),
        shell: shell.into(),
        is_required,
        ..Start::default()
    };
    let variable = |name: &str, value: &str| Start {
        difference: format!("with {name}={value}"),
        environment: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        is_required: true,
        ..Start::default()
    };
    let starts = [
        ("arabic", locale("ar_EG.UTF-8", "-Duser.language=ar -Duser.country=EG")),
        ("turkish", locale("tr_TR.UTF-8", "-Duser.language=tr -Duser.country=TR")),
        ("posix", locale("POSIX", "")),
        ("time-zone", variable("TZ", "Asia/Kathmandu")),
        ("umask", in_shell("with umask 777", "umask 777", true)),
        ("no-home", in_shell("without HOME", "unset HOME USER LOGNAME", false)),
        ("folder", in_shell("in the folder /", "cd /", false)),
    ];
    let make = |(name, start): (&str, Start)| Case {
        task: Task::Elsewhere(start),
        delivery: Delivery::ToEnd,
        ..case(NAME, format_args!("environment-{name}"), environment_lines())
    };
    starts.into_iter().map(make).collect()
}

/// Returns lines whose answers have numbers, text and an order.
fn environment_lines() -> Vec<Vec<u8>> {
    let lines = [
        "mix 1234567890",
        "draw 7 3",
        "PARTITION 1",
        "new 12",
        "put title Istanbul",
        "put TITLE istanbul",
        "put \u{131}stanbul \u{130}STANBUL",
        "put \u{e4} 1.5",
        "put z 1,5",
        "put a \u{661}",
        "put \u{661} a",
        "mix \u{661}",
        "partition 10 11",
        "status",
        "at 10 put I i",
        "heal",
        "get 3 title",
        "get 11 \u{131}stanbul",
        "dump 10",
        "load 0x444b565301000000",
        "workload 1 1000 200",
        "chaos 1 50",
    ];
    let lines = lines.iter().map(|line| line.as_bytes().to_vec());
    lines.chain(observers(12)).collect()
}

/// Makes cases of the program's subcommand `scenario`, and of arguments that it must refuse.
fn program() -> Vec<Case> {
    static HASHES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let hash = |name: &str| Oracle::new().run(format!("scenario {name}").as_bytes());
        let line = |name: &str| hash(name).unwrap_or_default().replace("ok", name).into_bytes();
        ["A", "B"].map(line).into()
    });
    let run = |arguments: &str, output: &[Vec<u8>], error: Option<&str>, status: i32| Run {
        arguments: arguments.split_whitespace().map(String::from).collect(),
        output: output.to_vec(),
        error: error.map(|error| error.as_bytes().to_vec()),
        status,
        section: "8".into(),
    };
    let unknown = Some("err unknown-scenario");
    let runs = [
        ("scenario", run("scenario", &HASHES, None, 0)),
        ("scenario-A", run("scenario A", &HASHES[..1], None, 0)),
        ("scenario-B", run("scenario B", &HASHES[1..], None, 0)),
        ("scenario-unknown", run("scenario C", &[], unknown, 1)),
        ("scenario-lower-case", run("scenario a", &[], unknown, 1)),
        ("scenario-twice", run("scenario A B", &[], None, 2)),
        ("argument-unknown", run("frobnicate", &[], None, 2)),
    ];
    let make = |(name, run): (&str, Run)| Case {
        // The level is that of the command `scenario`; an unknown name takes no time.
        lines: vec![b"scenario C".into()],
        task: Task::Program(run),
        ..case(NAME, format_args!("program-{name}"), Vec::new())
    };
    runs.into_iter().map(make).collect()
}
