//! Files that the program writes: as a whole or not at all, with the mode that they should have, and
//! never in place of what somebody else put there.

#![cfg(all(unix, feature = "exam"))]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
/// Knows no command.
const YOUNG: &str = r"young=sh -c 'read -r line; echo ok dkv20 1 young; while read -r line; do
    case $line in hello) echo ok dkv20 1 young ;; *) echo err unknown-command ;; esac; done'";
/// A wrong answer for each line beside `hello`, and no unknown command.
const WRONG: &str = "wrong=sh -c 'while read -r line; do if test \"$line\" = hello; then \
    echo ok dkv20 1 wrong; else echo ok wrong; fi; done'";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// An exam of one case, which no port of these tests passes.
fn exam(folder: &Path, arguments: &[&str]) -> Output {
    let exam = ["exam", "--port", YOUNG, "--only", "case-09"];
    command(folder, &[&exam, arguments].concat()).output().unwrap()
}

#[track_caller]
fn assert_ended(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(file: &Path) -> u32 {
    fs::symlink_metadata(file).unwrap().mode() & 0o7777
}

fn is_report(file: &Path) -> bool {
    fs::read_to_string(file).unwrap().starts_with("{\"type\":\"exam\"")
}

// --- Reports ------------------------------------------------------------------------------------

#[test]
fn a_new_file_has_the_mode_of_the_umask() {
    let folder = folder();
    let line = r#"umask 027; exec "$0" exam --port "$1" --only case-09 --json r.json"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", line, PROGRAM, WRONG]).current_dir(folder.path());
    assert_ended(&shell.output().unwrap(), 1);
    assert_eq!(names(folder.path()), ["dkv20-findings", "r.json"]);
    assert_eq!(mode(&folder.path().join("r.json")), 0o640);
    let traces = folder.path().join("dkv20-findings");
    for name in names(&traces) {
        assert_eq!(mode(&traces.join(name)), 0o640);
    }
}

#[test]
fn an_old_file_keeps_its_mode() {
    for old in [0o600, 0o666, 0o755] {
        let folder = folder();
        for (name, content) in [("r.json", "old"), ("x.trace", "> mix 0\n")] {
            fs::write(folder.path().join(name), content).unwrap();
            let mode = Permissions::from_mode(old);
            fs::set_permissions(folder.path().join(name), mode).unwrap();
        }
        assert_ended(&exam(folder.path(), &["--json", "r.json"]), 1);
        let record = command(folder.path(), &["record", "x.trace"]).output().unwrap();
        assert_ended(&record, 0);
        assert_eq!(names(folder.path()), ["r.json", "x.trace"]);
        assert!(is_report(&folder.path().join("r.json")));
        for name in names(folder.path()) {
            assert_eq!(mode(&folder.path().join(&name)), old, "{name}");
        }
    }
}

#[test]
fn the_end_of_links_is_replaced() {
    let folder = folder();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/old"), "old").unwrap();
    let links = [("a", "below/b"), ("below/b", "old"), ("new", "below/new")];
    for (link, target) in links {
        symlink(target, folder.path().join(link)).unwrap();
    }
    assert_ended(&exam(folder.path(), &["--json", "a"]), 1);
    assert_ended(&exam(folder.path(), &["--json", "new"]), 1);
    for (link, target) in links {
        assert_eq!(fs::read_link(folder.path().join(link)).unwrap(), Path::new(target));
    }
    assert!(is_report(&folder.path().join("below/old")));
    assert!(is_report(&folder.path().join("below/new")));
    assert_eq!(names(&folder.path().join("below")), ["b", "new", "old"]);

    symlink("circle", folder.path().join("circle")).unwrap();
    for wrong in ["circle", ".", "none/r.json"] {
        let output = exam(folder.path(), &[&format!("--json={wrong}")]);
        assert_ended(&output, 3);
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("dkv20: {wrong}: cannot be written: ")), "{said}");
        assert_eq!(text(&output.stdout), "", "refused before the exam");
    }
}

#[test]
fn a_fifo_is_written_in_place() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).unwrap()
    });
    assert_ended(&exam(folder.path(), &["--json", "fifo"]), 1);
    // The reader of a FIFO that was replaced would wait without end.
    assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    assert!(reader.join().unwrap().starts_with("{\"type\":\"exam\""));
}

/// Only root can make a device, and only root could replace one.
#[test]
fn a_device_is_written_in_place() {
    let folder = folder();
    let device = folder.path().join("null");
    let mut mknod = Command::new("mknod");
    let made = mknod.arg(&device).args(["c", "1", "3"]).stderr(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("not tested: a device cannot be made here");
        return;
    }
    for report in ["--json", "--html"] {
        assert_ended(&exam(folder.path(), &[report, "null"]), 1);
        assert!(fs::symlink_metadata(&device).unwrap().file_type().is_char_device());
    }
    assert_eq!(names(folder.path()), ["null"]);
}

/// The user whom root becomes to be refused something.
const UNPRIVILEGED: u32 = 65_534;

/// Makes a folder in which an unprivileged user may write the file `r.json` and nothing else.
fn closed_folder() -> (TempDir, PathBuf) {
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("r.json"), "old").unwrap();
    fs::set_permissions(closed.join("r.json"), Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
    (folder, closed)
}

#[test]
fn a_file_in_a_folder_that_cannot_be_written_is_written_in_place() {
    let (folder, closed) = closed_folder();
    let exam = |report: &str| {
        let exam = ["exam", "--port", YOUNG, "--only", "case-09", "--json", report];
        let mut command = command(folder.path(), &exam);
        if rustix::process::geteuid().is_root() {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command.output().unwrap()
    };
    assert_ended(&exam("closed/r.json"), 1);
    assert!(is_report(&closed.join("r.json")));
    let output = exam("closed/new.json");
    assert_ended(&output, 3);
    let line = "dkv20: closed/new.json: cannot be written: Permission denied (os error 13)\n";
    assert_eq!(text(&output.stderr), line);
    assert_eq!(names(&closed), ["r.json"]);
}

/// Runs shell lines as root of a namespace of its own, where `mount` prepares something. Returns
/// `None` if that cannot be done here.
fn with_mounted(folder: &Path, mount: &str, run: &str) -> Option<Output> {
    const UNMOUNTED: i32 = 77;
    let lines = format!("{{ {mount}; }} >&2 || exit {UNMOUNTED}; {run}");
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-c", &format!("echo started; {lines}"), PROGRAM, YOUNG]);
    let output = unshare.current_dir(folder).output();
    let output = output.ok().filter(|output| {
        output.stdout.starts_with(b"started") && output.status.code() != Some(UNMOUNTED)
    });
    if output.is_none() {
        eprintln!("not tested: nothing can be mounted here");
    }
    output
}

/// A file on which another is mounted cannot be replaced.
#[test]
fn a_mount_point_is_written_in_place() {
    let folder = folder();
    let mount = "touch r.json other && mount --bind other r.json";
    let run = r#""$0" exam --port "$1" --only case-09 --json r.json"#;
    if let Some(output) = with_mounted(folder.path(), mount, run) {
        assert_ended(&output, 1);
        assert!(is_report(&folder.path().join("other")));
        assert_eq!(names(folder.path()), ["other", "r.json"]);
    }
}

#[test]
fn a_full_file_system_leaves_the_old_file_and_nothing_else() {
    let folder = folder();
    fs::create_dir(folder.path().join("full")).unwrap();
    let mount = "mount -t tmpfs -o size=8k none full && echo old >full/r.html";
    let run = r#""$0" exam --port "$1" --only case-09 --html full/r.html; status=$?
        ls -A full >left; cat full/r.html >kept; exit $status"#;
    if let Some(output) = with_mounted(folder.path(), mount, run) {
        let said = text(&output.stderr);
        let line = "dkv20: full/r.html: cannot be written: No space left on device (os error 28)";
        assert!(said.contains(line), "{said}");
        assert_ended(&output, 3);
        assert_eq!(fs::read_to_string(folder.path().join("left")).unwrap(), "r.html\n");
        assert_eq!(fs::read_to_string(folder.path().join("kept")).unwrap(), "old\n");
    }
}

#[test]
fn two_reports_for_one_file_are_refused() {
    let folder = folder();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("old"), "old").unwrap();
    symlink("old", folder.path().join("link")).unwrap();
    symlink("below/new", folder.path().join("dangling")).unwrap();
    fs::hard_link(folder.path().join("old"), folder.path().join("hard")).unwrap();
    let absolute = folder.path().join("new");
    for (one, other) in [
        ("new", "new"),
        ("new", "./below/../new"),
        ("new", absolute.to_str().unwrap()),
        ("old", "link"),
        ("old", "hard"),
        ("below/new", "dangling"),
        ("-", "-"),
        ("-", "/dev/stdout"),
    ] {
        let output = exam(folder.path(), &["--json", one, "--html", other]);
        assert_ended(&output, 2);
        let line = format!("dkv20: two reports for one file: {one}, {other}\n");
        assert_eq!((text(&output.stderr), text(&output.stdout)), (line, String::new()));
    }
    assert_eq!(fs::read(folder.path().join("old")).unwrap(), b"old");
    let output = exam(folder.path(), &["--json", "new", "--html", "below/new"]);
    assert_ended(&output, 1);
}

/// The output of the program goes to the file already, so that it cannot be replaced. The text for
/// people goes elsewhere.
#[test]
fn standard_output_is_not_replaced() {
    let folder = folder();
    let line = r#""$0" exam --port "$1" --only case-09 --json "$2" >out"#;
    for report in ["/dev/stdout", "out", "-"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", line, PROGRAM, YOUNG, report]).current_dir(folder.path());
        let output = shell.output().unwrap();
        assert_ended(&output, 1);
        let written = fs::read_to_string(folder.path().join("out")).unwrap();
        let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(written.lines().count() > 3 && written.lines().all(is_json), "{written}");
        let said = text(&output.stderr);
        assert!(said.contains("young, level 1 numbers: not attempted"), "{said}");
        assert_eq!(names(folder.path()), ["out"]);
    }
}

/// A device may take both a report and the text.
#[test]
fn a_report_for_the_device_of_standard_output_moves_no_text() {
    let folder = folder();
    let exam = ["exam", "--port", YOUNG, "--only", "case-09", "--json", "/dev/null"];
    let output = command(folder.path(), &exam).stdout(Stdio::null()).output().unwrap();
    assert_ended(&output, 1);
    assert_eq!(text(&output.stderr), "");
}

/// Conforms, and removes a folder as soon as it is asked anything.
const REMOVER: &str = "remover=sh -c 'tee asked | while IFS= read -r line; do \
    test \"$line\" = hello || rm -rf gone; printf \"%s\\n\" \"$line\"; done | \"$0\" serve'";

#[test]
fn every_report_is_tried() {
    let folder = folder();
    fs::create_dir(folder.path().join("gone")).unwrap();
    let port = format!("{REMOVER} {PROGRAM}");
    let exam = ["exam", "--port", &port, "--only", "case-01", "--json", "gone/r.json"];
    let more = ["--junit", "/dev/full", "--html", "gone/r.html", "--markdown", "r.md"];
    let output = command(folder.path(), &[&exam[..], &more].concat()).output().unwrap();
    assert_ended(&output, 3);
    assert!(text(&output.stdout).ends_with("conforms: remover, 1 case\n"));
    let said = text(&output.stderr);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    let gone = "No such file or directory (os error 2)";
    let full = "No space left on device (os error 28)";
    for (file, error) in [("gone/r.json", gone), ("gone/r.html", gone), ("/dev/full", full)] {
        let line = format!("dkv20: {file}: cannot be written: {error}");
        assert!(lines.contains(&line.as_str()), "{line}: {said}");
    }
    assert!(fs::read_to_string(folder.path().join("r.md")).unwrap().contains("conforms"));
}

/// The program has written its trace when it waits for a reader of its report.
#[test]
fn a_wait_for_a_reader_can_be_interrupted() {
    for (earlier, words) in [(false, "no process reads it"), (true, "its reader does not read on")]
    {
        let folder = folder();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // It takes no more than a page.
        let reader = earlier.then(|| {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
            let fifo = rustix::fs::open(&fifo, flags, rustix::fs::Mode::empty()).unwrap();
            rustix::pipe::fcntl_setpipe_size(&fifo, 4_096).unwrap();
            fifo
        });
        let exam = ["exam", "--port", WRONG, "--only", "lines/0", "--traces", "found"];
        let mut command = command(folder.path(), &[&exam[..], &["--html", "fifo"]].concat());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while !folder.path().join("found").exists() {
            thread::yield_now();
        }
        // Its threads sleep once it waits.
        thread::sleep(std::time::Duration::from_secs(1));
        let id = i32::try_from(child.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_ended(&output, 3);
        let line = format!("dkv20: fifo: cannot be written: interrupted, and {words}\n");
        assert!(text(&output.stderr).contains(&line), "{}", text(&output.stderr));
        drop(reader);
    }
}

/// Returns commands that print and end with status 0 unless they cannot print.
fn printing_commands(folder: &Path) -> [Vec<String>; 5] {
    fs::write(folder.join("x.trace"), "> mix 0\n< ok 0\n").unwrap();
    fs::write(folder.join("snapshot"), format!("444b565301000000{}", "00".repeat(24))).unwrap();
    let right = format!("right={PROGRAM} serve");
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    [
        words(&["exam", "--port", &right, "--only", "case-01", "--json", "r.json"]),
        words(&["replay", "x.trace", "--port", &right]),
        words(&["shrink", "x.trace", "--port", &right]),
        words(&["fuzz", "--cases", "1", "--port", &right]),
        words(&["snapshot", "show", "snapshot"]),
    ]
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let folder = folder();
    let run = |arguments: &[String]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        command(folder.path(), &arguments).stdout(writer).output().unwrap()
    };
    for arguments in printing_commands(folder.path()) {
        let output = run(&arguments);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
    assert!(is_report(&folder.path().join("r.json")));
    // A search without its end has no verdict.
    let explore = run(&["explore", "--depth", "4"].map(String::from));
    assert_eq!((explore.status.code(), text(&explore.stderr)), (Some(3), String::new()));
    // It is one for a report that goes there.
    let [mut exam, ..] = printing_commands(folder.path());
    exam.extend(["--html", "-"].map(String::from));
    let output = run(&exam);
    assert_ended(&output, 3);
    let said = text(&output.stderr);
    assert!(said.ends_with("\ndkv20: -: cannot be written: Broken pipe (os error 32)\n"), "{said}");
}

/// Commands that print as they go on end when the reader leaves, though they would go on for hours.
#[test]
fn a_reader_that_leaves_ends_a_command() {
    let folder = folder();
    let right = format!("right={PROGRAM} serve");
    let commands: [(&[&str], i32); 3] = [
        (&["fuzz", "--port", WRONG, "--traces", "found", "--timeout", "1000"], 1),
        (&["explore", "--depth", "100"], 3),
        (&["exam", "--list", "--cases", "2000000", "--port", &right], 0),
    ];
    for (arguments, status) in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut child = command(folder.path(), arguments);
        let child = child.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(reader).read_line(&mut first).unwrap();
        assert!(first.ends_with('\n'), "{first}");
        let output = child.wait_with_output().unwrap();
        assert_ended(&output, status);
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_of_its_own() {
    let folder = folder();
    for arguments in printing_commands(folder.path()) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(folder.path(), &arguments).stdout(full).output().unwrap();
        assert_ended(&output, 3);
        let line = "dkv20: standard output: cannot be written: No space left on device (os error \
                    28)\n";
        assert_eq!(text(&output.stderr), line);
    }
    assert!(is_report(&folder.path().join("r.json")));
}

// --- Traces -------------------------------------------------------------------------------------

/// Examines a port that is wrong everywhere. Returns what it said on standard error.
fn find(folder: &Path, arguments: &[&str]) -> String {
    let exam = ["exam", "--port", WRONG, "--only", "lines/0", "--traces", "found"];
    let output = command(folder, &[&exam, arguments].concat()).output().unwrap();
    assert_ended(&output, 1);
    text(&output.stderr)
}

#[test]
fn traces_of_different_seeds_and_runs_are_kept() {
    let folder = folder();
    let found = folder.path().join("found");
    let traces = || -> Vec<(String, String)> {
        let names = names(&found).into_iter();
        names.map(|name| (name.clone(), text(&fs::read(found.join(name)).unwrap()))).collect()
    };
    let mut before = Vec::new();
    for seed in ["1", "2", "3"] {
        assert_eq!(find(folder.path(), &["--seed", seed]), "");
        let after = traces();
        assert!(before.iter().all(|trace| after.contains(trace)), "{before:#?}\n{after:#?}");
        let new: Vec<_> = after.iter().filter(|trace| !before.contains(trace)).collect();
        assert!(!new.is_empty(), "seed {seed}");
        for (name, content) in new {
            assert!(name.starts_with("wrong-lines-0-"), "{name}");
            let heading: Vec<_> = content.lines().take(3).collect();
            assert_eq!(heading[0], "# wrong: lines/0");
            let command = format!("# seed {seed}: dkv20 exam --port 'wrong=");
            assert!(heading[2].starts_with(&command), "{content}");
            assert!(heading[2].ends_with(&format!("--seed {seed}")), "{content}");
        }
        before = after;
    }
    find(folder.path(), &["--seed", "3"]);
    assert_eq!(traces(), before, "the same run writes the same traces");
}

#[test]
fn a_file_of_somebody_else_is_not_replaced() {
    let folder = folder();
    find(folder.path(), &[]);
    let found = folder.path().join("found");
    let written = names(&found);
    let contents: Vec<_> = written.iter().map(|name| fs::read(found.join(name)).unwrap()).collect();
    for name in &written {
        fs::write(found.join(name), "mine").unwrap();
    }
    let said = find(folder.path(), &[]);
    for (name, content) in written.iter().zip(contents) {
        assert_eq!(fs::read(found.join(name)).unwrap(), b"mine");
        let line = format!("dkv20: found/{name} is another file and stays as it is\n");
        assert!(said.contains(&line), "{said}");
        let (stem, extension) = name.rsplit_once('.').unwrap();
        assert_eq!(fs::read(found.join(format!("{stem}-2.{extension}"))).unwrap(), content);
    }
    assert_eq!(names(&found).len(), 2 * written.len());
}

/// A path that is not text can be told from others, and pasted.
#[test]
fn a_path_that_is_not_text_is_shown_in_quotes() {
    let folder = folder();
    let odd = OsStr::from_bytes(b"it's\xff\n%\\");
    let mut exam =
        command(folder.path(), &["exam", "--port", WRONG, "--only", "lines/0", "--traces"]);
    let output = exam.arg(odd).output().unwrap();
    assert_ended(&output, 1);
    assert!(
        text(&output.stdout).contains(r"$'it\'s\xff\x0a%\\/wrong-lines-0-"),
        "{}",
        text(&output.stdout)
    );
    let said = text(&output.stdout);
    let line = said.lines().find(|line| line.contains("dkv20 replay")).unwrap().trim();
    let line = line.trim_start_matches("replay");
    let mut shell = Command::new("sh");
    let path = format!("{}:{}", Path::new(PROGRAM).parent().unwrap().display(), env!("PATH"));
    shell.args(["-c", line]).env("PATH", path).current_dir(folder.path());
    let output = shell.output().unwrap();
    assert_ended(&output, 1);
    assert!(text(&output.stdout).contains("wrong: step 1"), "{line}: {}", text(&output.stdout));

    let output = command(folder.path(), &["replay"]).arg(odd).output().unwrap();
    assert_eq!(
        text(&output.stderr),
        "dkv20: $'it\\'s\\xff\\x0a%\\\\': Is a directory (os error 21)\n"
    );
}

/// A finding of a file with an odd name has a plain name, and a heading of whole lines.
#[test]
fn names_of_traces_are_plain() {
    let folder = folder();
    let odd = format!("it's $(x)\n{}.trace", "é".repeat(90));
    fs::write(folder.path().join(&odd), "> mix 0\n< ok 0\n").unwrap();
    let shrink = ["shrink", &odd, "--port", WRONG, "--traces", "found"];
    assert_ended(&command(folder.path(), &shrink).output().unwrap(), 1);
    let found = names(&folder.path().join("found"));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("wrong-shrunk-it-s---x--"), "{found:?}");
    assert!(found[0].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    let replay = format!("found/{}", found[0]);
    assert_ended(&command(folder.path(), &["replay", &replay]).output().unwrap(), 0);
}
