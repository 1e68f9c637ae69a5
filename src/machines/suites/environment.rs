//! The same lines in other environments: nothing in the definition depends on one.

use dkv20_exam::{Case, Delivery, Start, Task};

use super::common::{case, observers};

/// Variables that ask for colours even in a pipe.
const COLOURS: [(&str, &str); 5] = [
    ("FORCE_COLOR", "1"),
    ("CLICOLOR_FORCE", "1"),
    ("PY_COLORS", "1"),
    ("TERM", "xterm-256color"),
    ("COLUMNS", "20"),
];
/// Variables that ask for a log.
const DEBUGGING: [(&str, &str); 5] = [
    ("DEBUG", "*"),
    ("VERBOSE", "1"),
    ("LOG_LEVEL", "trace"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "1"),
];

/// More open files than a right port of any language needs.
const FILES_MAX: usize = 256;
const EMPTY_SNAPSHOT: &str =
    "load 0x444b565301000000000000000000000000000000000000000000000000000000";

/// Makes cases for a suite: in each environment one of numbers alone, for a port that has no cluster
/// yet, and one of everything.
pub(super) fn cases(suite: &str) -> Vec<Case> {
    let make = |(name, start): (&str, Start)| {
        let in_it = |suffix: &str, lines: Vec<Vec<u8>>| Case {
            task: Task::Elsewhere(start.clone()),
            delivery: Delivery::ToEnd,
            ..case(suite, format_args!("environment-{name}{suffix}"), lines)
        };
        [in_it("-numbers", numbers()), in_it("", everything())]
    };
    starts().into_iter().flat_map(make).chain(few_files(suite)).collect()
}

/// Makes cases that a port cannot end if it keeps something open for each snapshot, replica or heal.
fn few_files(suite: &str) -> [Case; 3] {
    let heal = ["new 3", "put a b", "partition 2", "compact 0", "dump 0", "heal"];
    let repeated = [
        ("load", &[EMPTY_SNAPSHOT][..], FILES_MAX),
        ("new", &["new 64"], FILES_MAX / 32),
        ("heal", &heal, FILES_MAX),
    ];
    repeated.map(|(name, round, count)| Case {
        task: Task::Elsewhere(after(&format!("ulimit -n {FILES_MAX}"), "with few open files")),
        delivery: Delivery::ToEnd,
        ..case(suite, format_args!("environment-few-files-{name}"), lines(&round.repeat(count)))
    })
}

/// Returns the environments. A program may need its folder and a home, as tools that build it before
/// they start it do.
fn starts() -> Vec<(&'static str, Start)> {
    vec![
        ("another-process", with("beside another process of it", &[])),
        ("arabic", with_locale("ar_EG.UTF-8", "-Duser.language=ar -Duser.country=EG")),
        ("turkish", with_locale("tr_TR.UTF-8", "-Duser.language=tr -Duser.country=TR")),
        ("posix", with_locale("POSIX", "-Dfile.encoding=US-ASCII")),
        ("unknown-locale", with_locale("xx_XX.UTF-8", "-Duser.language=xx")),
        ("time-zone", with("with TZ=Asia/Kathmandu", &[("TZ", "Asia/Kathmandu")])),
        ("colours", with("with FORCE_COLOR=1", &COLOURS)),
        ("debugging", with("with DEBUG=*", &DEBUGGING)),
        ("umask", Start { is_required: true, ..after("umask 777", "with umask 777") }),
        ("no-home", after("unset HOME USER LOGNAME", "without HOME")),
        ("folder", after("cd /", "in the folder /")),
    ]
}

fn with(difference: &str, variables: &[(&str, &str)]) -> Start {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let environment = variables.collect();
    Start { difference: difference.into(), environment, is_required: true, ..Start::default() }
}

/// A Java machine has its own data of every locale, but takes the locale from the C library only if
/// the system has it, too: `java` has the options that make it take this one.
fn with_locale(name: &str, java: &str) -> Start {
    let variables =
        [("LC_ALL", name), ("LANG", name), ("LANGUAGE", name), ("JAVA_TOOL_OPTIONS", java)];
    with(&format!("with LC_ALL={name}"), &variables)
}

/// A start after shell commands.
fn after(shell: &str, difference: &str) -> Start {
    Start { difference: difference.into(), shell: shell.into(), ..Start::default() }
}

fn numbers() -> Vec<Vec<u8>> {
    lines(&["mix 1234567890", "draw 7 3", "MIX 1", "m\u{131}x 1", "mix \u{661}", "mix 0x1"])
}

/// Returns lines whose answers have numbers, text and an order.
fn everything() -> Vec<Vec<u8>> {
    let lines = lines(&[
        "PARTITION 1",
        "new 12",
        "put title Istanbul",
        "put TITLE istanbul",
        "put \u{131}stanbul \u{130}STANBUL",
        "put \u{e4} 1.5",
        "put z 1,5",
        "put a \u{661}",
        "put \u{661} a",
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
    ]);
    [lines, observers(12)].concat()
}

fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}
