//! The command line as a whole: what is refused, with which words, and what is never written.

#![cfg(all(unix, feature = "exam"))]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
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
    let is_message = |line: &&str| line.starts_with("error: ") || line.starts_with("dkv20: ");
    assert_eq!(said.lines().filter(is_message).count(), 1, "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
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
const NUMBERS: [(&str, &str, u64, u64); 8] = [
    ("exam", "--seed", 0, u64::MAX),
    ("exam", "--cases", 0, 2_000_000),
    ("exam", "--states-depth", 0, 8),
    ("exam", "--jobs", 1, 1000),
    ("fuzz", "--seed", 0, u64::MAX),
    ("fuzz", "--cases", 1, 1_000_000_000_000),
    ("explore", "--replicas", 1, 64),
    ("explore", "--depth", 1, 100),
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
            // Their greatest values take seconds even without a port, and a plan with few steps does
            // not reach what it has to.
            if ["--states-depth", "--cases"].contains(&option) {
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

// --- Other arguments ----------------------------------------------------------------------------

/// The option, the value, what is wrong and what is allowed.
#[test]
fn bad_arguments_are_named_with_what_is_allowed() {
    let port = format!("a={PROGRAM} serve");
    let levels = "[possible values: 1, 2, 3, 4, 5]";
    let deliveries = "pipelined, marked, stepwise, split, to-end, to-end-without-lf]";
    let table: [(&[&str], &[&str]); 28] = [
        (&["nonsense"], &["unrecognized subcommand 'nonsense'"]),
        (&["exams"], &["unrecognized subcommand 'exams'", "'exam'"]),
        (&["exam", "now"], &["unexpected argument 'now'"]),
        (&["exam", "--tineout", "1"], &["unexpected argument '--tineout'", "'--timeout'"]),
        (&["exam", "--timeout"], &["a value is required for '--timeout <S>'"]),
        (&["exam", "--seed", "1", "--seed", "2"], &["'--seed <SEED>' cannot be used multiple"]),
        (&["exam", "--level", "6"], &["'6'", "--level <LEVEL>", levels]),
        (&["exam", "--level", "0"], &["'0'", "--level <LEVEL>", levels]),
        (&["exam", "--level", "high"], &["'high'", "--level <LEVEL>", levels]),
        (&["exam", "--only", ""], &["a value is required for '--only <SUITE-or-CASE>'"]),
        (&["exam", "--list=yes"], &["unexpected value 'yes' for '--list'"]),
        (&["exam", "--port", "a"], &["'a'", "--port <NAME=COMMAND>", "expected NAME=COMMAND"]),
        (&["exam", "--port", "a="], &["'a='", "--port", "a port's command is not empty"]),
        (&["exam", "--port", "=b"], &["'=b'", "--port", "a port's name has no white space"]),
        (&["exam", "--port", "a/b=c"], &["'a/b=c'", "--port", "and no slash"]),
        (&["exam", "--port", "a b=c"], &["'a b=c'", "--port", "a port's name has no white space"]),
        (&["exam", "--port", "a='b"], &["'a='b'", "--port", "quote"]),
        (&["exam", "--port", &port, "--port", &port], &["two ports are called a", "--port"]),
        (&["fuzz", "--port", &port, "--port", &port], &["two ports are called a", "--port"]),
        (&["replay"], &["required arguments were not provided", "<TRACE>"]),
        (&["replay", "x", "--delivery", "slow"], &["'slow'", "--delivery <DELIVERY>", deliveries]),
        (&["shrink", "x", "--delivery", ""], &["--delivery <DELIVERY>", deliveries]),
        (&["record"], &["required arguments were not provided", "<FILES>"]),
        (&["completions", "tcsh"], &["'tcsh'", "<SHELL>", "[possible values: bash, elvish, fish"]),
        (&["man"], &["required arguments were not provided", "<FOLDER>"]),
        (&["snapshot", "diff", "a"], &["required arguments were not provided", "<ACTUAL>"]),
        (&["snapshot", "show", "-", "-"], &["the standard input `-` can be read once only"]),
        (&["explore", "--trace"], &["a value is required for '--trace <FILE>'"]),
    ];
    for (arguments, words) in table {
        assert_usage_error(arguments, words);
    }
}

// --- A command that is not in this build ----------------------------------------------------------

/// Whatever `live` is asked for, it says how to get it; only its help is there.
#[cfg(not(feature = "live"))]
#[test]
fn live_says_how_it_is_built() {
    let requests: [&[&str]; 5] = [
        &["live"],
        &["live", "demo"],
        &["live", "follow", "--log", "demo", "--port", "a=b"],
        &["live", "--no-such-option"],
        &["live", "append", "--help"],
    ];
    for arguments in requests {
        assert_usage_error(
            arguments,
            &["built without `live`", "bash scripts/build.sh live", "target/dkv20"],
        );
    }
    let help = dkv20(folder().path(), &["live", "--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("bash scripts/build.sh live"));
}

// --- Commands that cannot be started --------------------------------------------------------------

#[test]
fn shell_syntax_in_a_command_is_refused_with_a_hint() {
    let commands = [
        ("A=b ./p", "`A=b`"),
        ("_X1= ./p", "`_X1=`"),
        ("~/p", "`~`"),
        ("./p ~", "`~`"),
        ("cd d && ./p", "`&`"),
        ("./p | tee x", "`|`"),
        ("./p|tee x", "`|`"),
        ("./p > x", "`>`"),
        ("./p 2>&1", "`>`"),
        ("./p < x", "`<`"),
        ("./p; ./q", "`;`"),
        ("(./p)", "`(`"),
        ("$HOME/p", "`$`"),
        ("\"$HOME/p\"", "`$`"),
        ("./p $(pwd)", "`$`"),
        ("`pwd`/p", "```"),
        ("./p*", "`*`"),
        ("./p?", "`?`"),
        ("./[pq]", "`[`"),
        ("./p # serve", "`#`"),
    ];
    for (command, found) in commands {
        for first in ["exam", "fuzz"] {
            let port = format!("a={command}");
            let hint = "write NAME=\"sh -c '...'\", or list the port with its `environment` and \
                        `directory` in a file for --ports";
            let words = ["--port <NAME=COMMAND>", found, "no shell is used", hint, "needs quotes"];
            assert_usage_error(&[first, "--port", &port], &words);
        }
    }
}

/// Quoted, the same characters are arguments; so is what a shell passes on as it is.
#[test]
fn quoted_shell_syntax_reaches_the_program() {
    let folder = folder();
    let written = folder.path().join("arguments");
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments\nexec \"$DKV20\" serve\n";
    executable(folder.path(), "p", script);
    let words = r#"./p 'a|b' "c>d;e" \$HOME '~' "*" x~y a=b -- {1,2} 100% a#b 'it'"'"'s'"#;
    let mut command = Command::new(PROGRAM);
    command.args(["exam", "--only", "case-01", "--port", &format!("a={words}")]);
    let output = command.current_dir(folder.path()).env("DKV20", PROGRAM).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = "a|b\nc>d;e\n$HOME\n~\n*\nx~y\na=b\n--\n{1,2}\n100%\na#b\nit's\n";
    assert_eq!(fs::read_to_string(written).expect("its arguments"), expected);
}

fn executable(folder: &Path, name: &str, content: &str) {
    let file = folder.join(name);
    fs::write(&file, content).expect("a file can be written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("a mode can be set");
}

#[test]
fn each_start_error_is_named_with_its_remedy() {
    let folder = folder();
    let folder = folder.path();
    fs::create_dir(folder.join("folder")).expect("a folder can be made");
    fs::write(folder.join("text"), "#!/bin/sh\n").expect("a file can be written");
    executable(folder, "no-interpreter", "#!/no/such/python3 -u\n");
    executable(folder, "relative-interpreter", "#!no-such-python3\n");
    executable(folder, "crlf", "#!/bin/sh\r\necho\r\n");
    executable(folder, "data", "\u{1}\u{2}data\n");
    let commands = [
        ("./gone", "there is no such file; relative paths begin at /"),
        ("/gone/port", "there is no such file"),
        ("no-such-program-anywhere", "it is not in PATH; a path needs a slash"),
        ("no-interpreter", "it is not in PATH; the file in the folder is ./no-interpreter"),
        ("./folder", "it is a folder, not a program"),
        ("./text", "it is not executable: use chmod +x"),
        ("./no-interpreter", "its first line names: /no/such/python3; correct the line"),
        ("./relative-interpreter", "its first line names: no-such-python3;"),
        ("./crlf", "its first line ends in CR LF"),
        ("./data", "it is not a program of this system"),
        ("'./p serve'", "this is one word"),
        ("'~/p'", "~/p means something to a shell alone, and no shell is used: write NAME="),
        ("'A=b' ./p", "A=b means something to a shell alone"),
        ("source x", "source means something to a shell alone"),
    ];
    for (command, reason) in commands {
        let port = format!("a={command}");
        for first in ["exam", "fuzz"] {
            let output = dkv20(folder, &[first, "--port", &port]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{command}: {said}");
            assert!(said.starts_with("dkv20: port a: ") && said.contains("os error"), "{said}");
            assert!(said.contains(reason), "{command}: {reason:?} is not in {said:?}");
            assert_eq!((said.lines().count(), text(&output.stdout).as_str()), (1, ""), "{said}");
        }
    }
}

/// A slow start is not told from a hang by the time it takes, so the time limit is named.
#[test]
fn a_port_without_a_greeting_names_the_time_limit() {
    let folder = folder();
    for command in ["exam", "fuzz"] {
        let output = dkv20(folder.path(), &[command, "--port", "slow=sleep 1000"]);
        assert_eq!(output.status.code(), Some(3));
        let said = text(&output.stderr);
        let hint =
            "no answer in time, while the program runs: if it starts slowly, raise --timeout";
        assert!(said.contains(hint), "{command}: {said}");
    }
}

// --- Output -------------------------------------------------------------------------------------

/// Conforms apart from the term of the third leader.
const WRONG: &str = r#"
    "$0" serve | while IFS= read -r answer; do
        case $answer in "ok leader=2 term=3") answer="ok leader=2 term=4" ;; esac
        printf '%s\n' "$answer"
    done"#;

fn wrong() -> String {
    format!("wrong={}", shell_words::join(["sh", "-c", WRONG, PROGRAM]))
}

#[test]
fn quiet_commands_print_the_verdict_alone() {
    let folder = folder();
    let (wrong, right) = (wrong(), format!("right={PROGRAM} serve"));
    let lines = |arguments: &[&str]| {
        let output = dkv20(folder.path(), arguments);
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let exam = ["exam", "-q", "--port", &wrong, "--port", &right, "--only", "case-14"];
    assert_eq!(lines(&exam), ["diverges: wrong (1 finding, 1 case failed)"]);
    let mut traces = fs::read_dir(folder.path().join("dkv20-findings")).expect("a folder");
    let trace = traces.next().expect("a trace").expect("an entry").path();
    let trace = trace.to_str().expect("a UTF-8 path");
    let replayed = lines(&["replay", trace, "--quiet", "--port", &wrong, "--port", &right]);
    assert_eq!(replayed.len(), 2, "{replayed:?}");
    assert!(replayed[0].starts_with("wrong: step ") && replayed[1].starts_with("right: every"));
    let fuzz = lines(&["fuzz", "-q", "--cases", "300", "--port", &wrong]);
    assert_eq!(fuzz.len(), 1, "{fuzz:?}");
    assert!(fuzz[0].starts_with("wrong: 300 cases in "), "{fuzz:?}");
}

#[test]
fn one_is_not_a_plural() {
    let folder = folder();
    let port = format!("a={PROGRAM} serve");
    let list = text(&dkv20(folder.path(), &["exam", "--list", "--level", "1"]).stdout);
    assert!(list.contains("  1 line\n") && list.contains(" lines\n"), "{list}");
    assert!(!list.contains(" 1 lines"), "{list}");
    let exam = ["exam", "--port", &port, "--only", "case-01", "--html", "a.html"];
    assert!(text(&dkv20(folder.path(), &exam).stdout).ends_with("conforms: a, 1 case\n"));
    let page = fs::read_to_string(folder.path().join("a.html")).expect("the report");
    assert!(page.contains("1 case for each port"));
    let fuzz = text(&dkv20(folder.path(), &["fuzz", "--port", &port, "--cases", "1"]).stdout);
    assert!(fuzz.starts_with("a: 1 case in ") && fuzz.contains("0 findings"), "{fuzz}");
}

/// A reader that closes the pipe ends no command with a message, and keeps none from its files.
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder();
    let port = format!("a={PROGRAM} serve");
    fs::write(folder.path().join("x.lines"), "mix 0\n").expect("a file can be written");
    let exam = ["exam", "--port", &port, "--only", "case-01", "--json", "a.json"];
    let commands: [&[&str]; 5] = [
        &["exam", "--list"],
        &exam,
        &["completions", "bash"],
        &["replay", "x.lines", "--port", &port],
        &["fuzz", "--port", &port, "--cases", "1"],
    ];
    for arguments in commands {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let output = command.stdout(writer).output().expect("the program starts");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}: {}", output.status);
    }
    assert!(folder.path().join("a.json").exists());
}

// --- Completions and manual pages ---------------------------------------------------------------

#[test]
fn completions_offer_the_values() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = dkv20(folder.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        // Elvish and PowerShell complete the names of options alone.
        let values: &[&str] = match shell {
            "bash" | "zsh" | "fish" => &["to-end-without-lf", "histories", "process"],
            _ => &[],
        };
        let options = ["only", "level", "delivery", "quiet"];
        for word in values.iter().chain(&options) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let help = text(&dkv20(folder.path(), &["exam", "--help"]).stdout);
    assert!(!help.contains("possible values: traces"), "cases are possible too: {help}");
}

/// The pages of the commands of `live`, without the program's name.
const LIVE_COMMANDS: [&str; 4] = ["-live-append", "-live-audit", "-live-demo", "-live-follow"];

/// Each command has a page with the sections of other programs' pages, in their order.
#[test]
fn manual_pages_have_the_usual_sections() {
    let folder = folder();
    let output = dkv20(folder.path(), &["man", "pages"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let pages = fs::read_dir(folder.path().join("pages")).expect("pages");
    let mut names: Vec<_> = pages.map(|page| page.expect("a page").file_name()).collect();
    names.sort();
    let live: &[&str] = if cfg!(feature = "live") { &LIVE_COMMANDS } else { &[] };
    let commands = [
        "",
        "-completions",
        "-exam",
        "-explore",
        "-fuzz",
        "-live",
        "-machine",
        "-machine-check",
        "-machine-schema",
        "-man",
        "-record",
        "-replay",
        "-scenario",
        "-serve",
        "-shrink",
        "-snapshot",
        "-snapshot-diff",
        "-snapshot-show",
        "-view",
    ];
    let commands = commands.iter().chain(live);
    let mut expected: Vec<_> = commands.map(|command| format!("dkv20{command}.1")).collect();
    expected.sort();
    assert_eq!(names, expected.iter().map(OsString::from).collect::<Vec<_>>());
    for name in expected {
        let page = fs::read_to_string(folder.path().join("pages").join(&name)).expect("a page");
        let sections: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix(".SH "))
            .map(|heading| heading.trim_matches('"'))
            .collect();
        let mut usual =
            vec!["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"];
        let with_subcommands = ["dkv20.1", "dkv20-machine.1", "dkv20-snapshot.1"];
        if with_subcommands.contains(&&*name) || (name == "dkv20-live.1" && !live.is_empty()) {
            usual.insert(4, "SUBCOMMANDS");
        }
        assert_eq!(sections, usual, "{name}");
        let (_, end) = page
            .split_once(
                ".SH \"EXIT STATUS\"
",
            )
            .expect("the section");
        let (status, examples) = end.split_once(".SH \"EXAMPLES\"\n").expect("examples");
        assert!(status.contains('0') && status.contains('2'), "{name}: {status}");
        assert!(examples.contains("dkv20 "), "{name}: {examples}");
    }
}
