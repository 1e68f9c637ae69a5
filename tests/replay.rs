//! Files that are replayed: recognised by their content, and refused if they ask nothing. The command
//! that a report prints for a finding shows the finding again.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
const RIGHT: &str = "> new 3\n< ok\n";
const FALSE: &str = "> new 3\n< err wrong\n";
/// Conforms apart from the term of the third leader. Its lines can be joined to one.
const WRONG: &str = r#"
    "$0" serve | while IFS= read -r answer; do
        case $answer in "ok leader=2 term=3") answer="ok leader=2 term=4" ;; esac;
        printf '%s\n' "$answer";
    done"#;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs the program with this standard input.
fn dkv20(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A file is refused before standard input is read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), String::new()), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

fn port(name: &str) -> String {
    format!("{name}={}", shell_words::join([PROGRAM, "serve"]))
}

// --- Files --------------------------------------------------------------------------------------

/// The names under which a file may come; only the last gets its content from standard input.
const NAMES: [&str; 6] = ["x.trace", "x.TRACE", "x.txt", "x", "x.lines", "/dev/stdin"];

/// Runs the commands that replay a file, one after the other, on a file of these bytes under each
/// name.
fn on_each_name(bytes: &[u8], check: impl Fn(&str, &Output)) {
    let right = port("right");
    for name in NAMES {
        let folder = folder();
        if !name.starts_with('/') {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let commands =
            [&["replay"][..], &["replay", "--port", &right], &["shrink", "--port", &right]];
        for command in commands {
            check(name, &dkv20(folder.path(), &[command, &[name]].concat(), bytes));
        }
    }
}

#[test]
fn a_trace_is_recognised_by_its_content() {
    on_each_name(RIGHT.as_bytes(), |name, output| {
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
    });
    on_each_name(FALSE.as_bytes(), |name, output| {
        let expected = "not the reference's answers: line 1: > new 3; expected: err wrong";
        assert_refused(output, &[name, expected]);
    });
}

#[test]
fn another_file_is_refused_with_its_place_and_advice() {
    for bytes in ["root:x:0:0::/:/bin/sh\n", "{}\n", "\u{7f}ELF\n", "<html>\n", "\n\nx\n"] {
        on_each_name(bytes.as_bytes(), |name, output| {
            let advice = ["column", "expected", "`dkv20 record`", "`# dkv20 lines`"];
            assert_refused(output, &[&[name, "line "][..], &advice].concat());
        });
    }
}

#[test]
fn plain_lines_come_below_a_mark() {
    let lines = "\n# comment\n> new 3\nhello\nmix 1";
    for (name, heading) in [("x.txt", "# any\n#\n# dkv20 lines\n"), ("x", "# dkv20 lines\n")] {
        assert_eq!(asked(name, &format!("{heading}{lines}")), format!("{lines}\n"));
    }
    // As earlier exams wrote them.
    let old = "new 3\n# comment\nhello\n";
    assert_eq!(asked("old.lines", old), old);
}

/// Replays the file on a port that conforms, and returns the lines that it got.
fn asked(name: &str, content: &str) -> String {
    let folder = folder();
    fs::write(folder.path().join(name), content).unwrap();
    let script = r#"tee asked | "$0" serve"#;
    let port = format!("a={}", shell_words::join(["sh", "-c", script, PROGRAM]));
    let replay = ["replay", name, "--port", &port, "--delivery", "to-end"];
    let output = dkv20(folder.path(), &replay, b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "a: every answer is the reference's\n");
    let output = dkv20(folder.path(), &["replay", name], b"");
    let needs = "dkv20: lines without answers need at least one --port or --ports\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), needs.into()));
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    asked.strip_prefix("hello\n").expect("the greeting comes first").to_owned()
}

#[test]
fn encodings_and_line_ends_are_named() {
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    };
    let files = [
        (b"\xef\xbb\xbf> new 3\n< ok\n".to_vec(), "line 1, column 1: a byte order mark"),
        (utf_16(u16::to_le_bytes, "\u{feff}> new 3\n"), "line 1, column 1: UTF-16"),
        (utf_16(u16::to_be_bytes, "\u{feff}> new 3\n"), "line 1, column 1: UTF-16"),
        (utf_16(u16::to_le_bytes, "> new 3\n"), "line 1, column 1: UTF-16"),
        (b"# c\r\n> new 3\r\n< ok\r\n".to_vec(), "line 3, column 5: the line ends in CR LF"),
        (b"> new 3\n< ok\r\n".to_vec(), "line 2, column 5: the line ends in CR LF"),
        (b"\r\n> new 3\n< ok\n".to_vec(), "line 1, column 1: the line ends in CR LF"),
        (b"> new 3\r\n".to_vec(), "line 1, column 8: the line ends in CR LF"),
        (b"# dkv20 lines\r\nmix 1\r\n".to_vec(), "line 1, column 14: the line ends in CR LF"),
    ];
    for (bytes, reason) in files {
        let folder = folder();
        let file = folder.path().join("x.trace");
        fs::write(&file, &bytes).unwrap();
        for command in ["replay", "record"] {
            let output = dkv20(folder.path(), &[command, "x.trace"], b"");
            assert_refused(&output, &["x.trace", reason, "save the file"]);
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "the file stays as it is");
    }
    // A command may end in CR.
    let folder = folder();
    fs::write(folder.path().join("x.trace"), "> mix 0\r\n< err number\n").unwrap();
    let output = dkv20(folder.path(), &["record", "x.trace"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = dkv20(folder.path(), &["replay", "x.trace"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_asks_nothing_is_refused() {
    for bytes in ["", "\n", "# comment\n\n", "# dkv20 lines\n"] {
        on_each_name(bytes.as_bytes(), |name, output| {
            assert_refused(output, &[name, "nothing to ask: the file has no command"]);
        });
        let folder = folder();
        fs::write(folder.path().join("x.trace"), bytes).unwrap();
        let output = dkv20(folder.path(), &["record", "x.trace"], b"");
        assert_refused(&output, &["nothing to ask"]);
    }
}

// --- The command that a report prints -----------------------------------------------------------

/// Examines with these arguments; then runs the command that the report prints in a shell, which
/// must show the finding again. The exam must end with this status.
#[track_caller]
fn assert_replays(folder: &Path, arguments: &[&str], status: i32) -> String {
    let exam = dkv20(folder, &[&["exam"], arguments].concat(), b"");
    assert_eq!(exam.status.code(), Some(status), "{}", text(&exam.stderr));
    let said = text(&exam.stdout);
    let row = |label: &str| {
        let row = said.lines().find_map(|line| line.trim_start().strip_prefix(label));
        row.unwrap_or_else(|| panic!("no {label}: {said}{}", text(&exam.stderr))).trim().to_owned()
    };
    let (line, actual) = (row("replay "), row("actual "));
    let programs = Path::new(PROGRAM).parent().unwrap();
    let path = std::env::join_paths(
        [programs.to_owned()].into_iter().chain(std::env::split_paths(env!("PATH"))),
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder).env("PATH", path.unwrap());
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let replayed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{line}\n{replayed}{}", text(&output.stderr));
    assert!(replayed.contains(&actual), "{line}\n{actual}\n{replayed}");
    assert!(!folder.join("pwned").exists(), "{line}");
    line
}

#[test]
fn a_wrong_greeting_replays() {
    let crlf = r#""$0" serve | sed -u 's/$/\r/'"#;
    let crlf = format!("m={}", shell_words::join(["sh", "-c", crlf, PROGRAM]));
    for port in
        ["m=cat", &crlf, "m=sh -c 'read -r line; exit 7'", "m=sh -c 'echo ok dkv20 2 m; cat'"]
    {
        assert_replays(folder().path(), &["--port", port, "--only", "case-01"], 3);
    }
}

#[test]
fn a_printed_command_is_quoted_for_the_shell() {
    let script = |name: &str, script: &str| {
        format!("--port={name}={}", shell_words::join(["sh", "-c", script, PROGRAM]))
    };
    let one_line = WRONG.replace('\n', " ");
    for (traces, port) in [
        ("my $(touch pwned) traces", script("m", &one_line)),
        ("it's; touch pwned #", script("it's\"$(touch,pwned)`*?", &one_line)),
        ("-dash", script("-n", &one_line)),
        ("new\nline\t\u{202e}%s\\n", script("m", WRONG)),
        ("~/*?[a]{b,c}=&|<>!", script("~", &one_line)),
        ("Größe \u{200b}\u{a0}'", script("größe", &one_line)),
    ] {
        let folder = folder();
        let traces = format!("--traces={traces}");
        assert_replays(folder.path(), &[&port, &traces, "--only", "case-14"], 1);
    }
}

/// A port of a file needs its folder and its environment.
#[test]
fn a_printed_command_carries_folder_and_environment() {
    let folder = folder();
    let below = folder.path().join("be low's");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("marker"), "").unwrap();
    let script = format!(
        r#"test -f marker && test "$KIND" = "it's \"wrong\"" || exec "$0" serve; {}"#,
        WRONG.replace('\n', " ")
    );
    let listed = format!(
        "[[port]]\nname = \"m\"\ncommand = ['''sh''', '''-c''', '''{script}''', '''{PROGRAM}''']\n\
         directory = \"be low's\"\nenvironment = {{ KIND = 'it''s' }}\n"
    );
    let listed = listed.replace("'it''s'", r#""it's \"wrong\"""#);
    fs::write(folder.path().join("ports.toml"), listed).unwrap();
    assert_replays(folder.path(), &["--ports", "./ports.toml", "--only", "case-14"], 1);
}

#[test]
fn a_printed_command_carries_the_time_limit() {
    let deaf = "while read -r line; do test \"$line\" = hello && echo ok dkv20 1 deaf; done";
    let port = format!("deaf={}", shell_words::join(["sh", "-c", deaf]));
    let exam = ["--port", &port, "--only", "case-09", "--timeout", "0.25"];
    let folder = folder();
    let line = assert_replays(folder.path(), &exam, 1);
    assert!(line.contains(" --timeout 0.25 "), "{line}");
}

/// The file that the exam writes for a wrong greeting shows it to `shrink` as well.
#[test]
fn a_wrong_greeting_cannot_be_shrunk() {
    let folder = folder();
    for (port, actual) in [
        ("m=cat", "`hello`: expected `ok dkv20 1 NAME`, got `hello`"),
        ("m=sh -c 'read -r line; exit 7'", "`hello`: the program exited (exit status: 7)"),
    ] {
        let exam = ["exam", "--port", port, "--only", "case-01", "--traces", "found"];
        assert_eq!(dkv20(folder.path(), &exam, b"").status.code(), Some(3));
        let found = fs::read_dir(folder.path().join("found")).unwrap().next().unwrap().unwrap();
        let file = found.path();
        fs::write(folder.path().join("x.trace"), "> mix 0\n< ok 0\n").unwrap();
        for file in [file.to_str().unwrap(), "x.trace"] {
            let shrink = ["shrink", file, "--port", port, "--traces", "again"];
            let output = dkv20(folder.path(), &shrink, b"");
            let said = text(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(actual), "{said}");
        }
    }
}

#[test]
fn a_port_of_a_file_in_the_current_folder_replays() {
    let folder = folder();
    std::os::unix::fs::symlink(PROGRAM, folder.path().join("program")).unwrap();
    let script = WRONG.replace('\n', " ");
    let listed = format!(
        "[[port]]\nname = \"m\"\ncommand = ['''sh''', '''-c''', '''{script}''', './program']\n"
    );
    fs::write(folder.path().join("ports.toml"), listed).unwrap();
    for ports in ["ports.toml", "./ports.toml"] {
        assert_replays(folder.path(), &["--ports", ports, "--only", "case-14"], 1);
    }
}
