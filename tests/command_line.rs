//! The command line as a whole: what is refused, with which words, and what is never written.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn dkv20(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("its output is UTF-8")
}

/// Checks a usage error: exit status 2, one message on standard error with these words, and nothing
/// on standard output or in the folder.
#[track_caller]
fn assert_usage_error(arguments: &[&str], words: &[&str]) {
    let folder = folder();
    let output = dkv20(folder.path(), arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    assert_eq!(said.matches("error: ").count(), 1, "{arguments:?}: {said}");
    let message = said.split("\n\nFor more information").next().unwrap_or_default();
    for word in words {
        assert!(message.contains(word), "{arguments:?}: {word:?} is not in {said:?}");
    }
    let files = fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(files, 0, "{arguments:?}: a file was written");
}

// --- Numbers ------------------------------------------------------------------------------------

/// Every option that takes a number of seconds, with the command before it.
const SECONDS: [(&str, &str); 7] = [
    ("exam", "--timeout"),
    ("exam", "--seconds"),
    ("fuzz", "--timeout"),
    ("fuzz", "--seconds"),
    ("shrink x", "--timeout"),
    ("replay x", "--timeout"),
    ("explore", "--seconds"),
];

#[test]
fn durations_out_of_range_are_refused_with_the_range() {
    let values = [
        "1e18",
        "1.8e19",
        "1e300",
        "1000000.1",
        "inf",
        "-inf",
        "infinity",
        "NaN",
        "-NaN",
        "0",
        "-0",
        "0.0",
        "1e-10",
        "-1",
        "-1e-3",
        "0x10",
        "10s",
        "5m",
        "1,5",
        "1_000",
        "",
        " ",
        "ten",
    ];
    for (command, option) in SECONDS {
        for value in values {
            let argument = format!("{option}={value}");
            let arguments: Vec<_> = command.split(' ').chain([argument.as_str()]).collect();
            let option = format!("'{option} <S>'");
            let range = "expected a number of seconds from 0.000000001 to 1000000";
            assert_usage_error(
                &arguments,
                &["invalid value", &format!("'{value}'"), &option, range],
            );
        }
        let arguments: Vec<_> = command.split(' ').chain([option, "-1"]).collect();
        assert_usage_error(&arguments, &["'-1'", option, "expected a number of seconds"]);
    }
}

/// Every option that takes a whole number: command, option, range.
const NUMBERS: [(&str, &str, u64, u64); 7] = [
    ("exam", "--seed", 0, u64::MAX),
    ("exam", "--cases", 0, 2_000_000),
    ("exam", "--states-depth", 0, 8),
    ("fuzz", "--seed", 0, u64::MAX),
    ("fuzz", "--cases", 1, 1_000_000_000_000),
    ("explore", "--replicas", 1, 64),
    ("explore", "--depth", 1, 12),
];

#[test]
fn whole_numbers_out_of_range_are_refused_with_the_range() {
    for (command, option, least, greatest) in NUMBERS {
        let beyond = (u128::from(greatest) + 1).to_string();
        let below = (i128::from(least) - 1).to_string();
        for value in [&beyond, &below, "340282366920938463463374607431768211456", "1.5", "1e3"]
            .into_iter()
            .chain(["0x1", "1_000", "", " 1", "x", "-1"])
        {
            let range = format!("expected a whole number from {least} to {greatest}");
            let words = ["invalid value", &format!("'{value}'"), option, &range];
            assert_usage_error(&[command, option, value], &words);
        }
    }
    for value in ["0/3", "4/3", "1", "1/0", "x/3", "-1/3", "1/10001", "1/1/1", "1/3x", ""] {
        let words = ["invalid value", &format!("'{value}'"), "--shard", "1 <= I <= N <= 10000"];
        assert_usage_error(&["exam", &format!("--shard={value}")], &words);
    }
}

#[test]
fn ends_of_the_ranges_are_accepted() {
    for (command, option, least, greatest) in NUMBERS {
        // A usage error comes before a missing file, which ends the command.
        for value in [least, greatest].map(|value| value.to_string()) {
            let mut arguments = vec![command, option, &value];
            arguments.extend(match command {
                "explore" => ["--trace", "/no/such/file"],
                _ => ["--ports", "/no/such/file"],
            });
            // The greatest of these takes seconds even without a port.
            if option == "--states-depth" && value == "8" || option == "--cases" {
                continue;
            }
            let output = dkv20(folder().path(), &arguments);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", text(&output.stderr));
        }
    }
    for (command, option) in SECONDS {
        for value in ["0.000000001", "1000000", "1e6", ".5"] {
            let mut arguments: Vec<_> = command.split(' ').chain([option, value]).collect();
            let missing = if command == "explore" { "--trace" } else { "--ports" };
            arguments.extend([missing, "/no/such/file"]);
            let output = dkv20(folder().path(), &arguments);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn the_greatest_time_limits_do_not_overflow() {
    let folder = folder();
    let port = format!("a={PROGRAM} serve");
    for longest in [["--timeout", "1000000"], ["--cases", "0"]] {
        let exam = [&["exam", "--port", &port, "--only", "case-01"], &longest[..]].concat();
        let output = dkv20(folder.path(), &exam);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let fuzz = ["fuzz", "--port", &port, "--seconds", "1000000", "--cases", "1"];
    let output = dkv20(folder.path(), &fuzz);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// The help of an option has its range.
#[test]
fn help_has_the_range_of_every_number() {
    let help = |command: &str| {
        let output = dkv20(folder().path(), &[command, "--help"]);
        text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let about = |help: &str, option: &str| {
        let start = help.find(&format!(" {option} <")).expect("the option is in the help");
        let rest = &help[start + 1..];
        rest[..rest.find(" --").unwrap_or(rest.len())].to_owned()
    };
    for (command, option, least, greatest) in NUMBERS {
        let about = about(&help(command), option);
        assert!(about.contains(&format!("{least} to {greatest}")), "{command}: {about}");
    }
    for (command, option) in SECONDS {
        let about = about(&help(command.split(' ').next().unwrap_or_default()), option);
        assert!(about.contains("up to 1000000"), "{command}: {about}");
    }
    assert!(about(&help("exam"), "--shard").contains("1 to 10000"));
}
