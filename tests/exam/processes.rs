//! Ports whose processes vanish, lack something, or leave others behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    PROGRAM, WRONG_THEN_SLOW, answering, assert_refused, dkv20, exam_of, folder, honest,
    objects_of, right, script, text, written,
};

/// Ctrl-C during an exam: the findings so far are shown, and the ports are ended.
#[test]
fn an_interrupt_shows_findings_and_ends_the_ports() {
    let folder = folder();
    let asked = folder.path().join("asked");
    let port = script("slow", WRONG_THEN_SLOW, &asked);
    let mut exam = Command::new(PROGRAM);
    // The only finding comes before the first slow case.
    exam.args(["exam", "--port", &port, "--level", "1", "--json", "found.json"]);
    exam.current_dir(folder.path()).stdin(Stdio::null());
    let mut exam = exam.stdout(Stdio::piped()).spawn().expect("the program starts");
    while !asked.exists() {
        assert!(exam.try_wait().expect("its status can be read").is_none(), "it exited by itself");
        std::thread::yield_now();
    }
    let process = Pid::from_raw(i32::try_from(exam.id()).expect("an id")).expect("not 0");
    kill_process(process, Signal::INT).expect("it runs");
    let stdout = exam.stdout.take().expect("a pipe");
    let lines: Vec<_> = BufReader::new(stdout).lines().map_while(Result::ok).collect();
    let status = exam.wait().expect("it exits");
    let said = lines.join("\n");
    assert!(matches!(status.code(), Some(1 | 3)), "{status}\n{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(folder.path().join("found.json").exists(), "the report is written");
    for port in fs::read_to_string(&asked).expect("the ports' ids").lines() {
        let port = Pid::from_raw(port.parse().expect("an id")).expect("not 0");
        assert!(kill_process(port, Signal::CONT).is_err(), "port {port:?} still runs");
    }
}

/// The program is removed when a process is asked to greet, at the first start and at later ones.
#[test]
fn a_program_that_vanishes_is_not_at_fault() {
    for processes in [1, 2, 3] {
        let folder = folder();
        let program = folder.path().join("program");
        std::os::unix::fs::symlink(PROGRAM, &program).expect("a link can be made");
        // The wrapper is removed; the process that runs goes on.
        let wrapper = format!(
            "#!/bin/sh\nread -r line\necho x >>notes\n\
             [ $(wc -l <notes) -lt {processes} ] || rm \"$0\"\n\
             echo 'ok dkv20 1 rust'\nexec ./program serve\n",
        );
        let path = written(folder.path(), "wrapper", wrapper.as_bytes());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&path, mode).expect("the mode can be set");
        let exam = ["exam", "--port", "m=./wrapper", "--json", "report.json", "--only", "process"];
        let output = dkv20(folder.path(), &exam);
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.contains("m could not be examined: ./wrapper: there is no such file"),
            "{said}"
        );
        assert_eq!(objects_of(folder.path(), "finding").len(), 0, "{said}");
    }
}

/// With some of the limits one port can be started at a time, and two cannot.
#[test]
fn too_few_file_descriptors_are_not_the_ports_fault() {
    let folder = folder();
    let exam = "exam --only traces --jobs 2 --port \"$1\" --port \"$2\"";
    let mut shortages = 0;
    for limit in 9..16 {
        let script = format!("ulimit -n {limit}; exec \"$0\" {exam}");
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, PROGRAM, &right("a"), &right("b")]);
        let output = limited.current_dir(folder.path()).output().expect("the shell starts");
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{limit}: {said}");
        assert!(!said.contains("diverges"), "{limit}: {said}");
        shortages += usize::from(said.contains("could not be examined: "));
    }
    assert!(shortages > 0, "no port was started with too few");
}

/// Checks that the processes whose ids are in a file have been ended.
fn assert_ended(ids: &Path) {
    let ids = fs::read_to_string(ids).expect("ids of processes");
    for id in ids.split_whitespace() {
        // A killed process whose parent is gone is a zombie until the system reaps it.
        let state = || fs::read_to_string(format!("/proc/{id}/stat"));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_crash_is_seen_though_a_helper_holds_the_pipes() {
    let folder = folder();
    let crashes = answering(r#"command() { sleep 1000 & echo $! >>"$1"; exit 7; }"#);
    let crashes =
        crashes.replace("command()", "file=$1; command()").replace(r#""$1""#, r#""$file""#);
    written(folder.path(), "x.lines", b"mix 0\n");
    let port = script("m", &crashes, &folder.path().join("notes"));
    let output = dkv20(folder.path(), &["shrink", "x.lines", "--port", &port, "--timeout", "1000"]);
    let said = text(&[&output.stdout[..], &output.stderr].concat());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the program exited (exit status: 7)"), "{said}");
    assert_ended(&folder.path().join("notes"));
}

#[test]
fn a_right_port_whose_helper_holds_its_output_passes() {
    let folder = folder();
    let leaky = honest(r#"sleep 1000 & echo $! >>"$1""#);
    let (status, said) =
        exam_of(folder.path(), &leaky, &["--only", "process", "--timeout", "1000"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("m: it leaks processes"), "{said}");
    assert_ended(&folder.path().join("notes"));
}

/// Linux alone says which processes have left their group.
#[cfg(target_os = "linux")]
#[test]
fn a_helper_that_leaves_the_process_group_is_ended() {
    // It has left the group once its id is in the file.
    let helper = r#"setsid sh -c 'echo $$ >>"$0"; exec sleep 1000' "$1" </dev/null >/dev/null 2>&1 &
        until grep -qx "$!" "$1" 2>/dev/null; do :; done"#;
    for helper in [helper, &format!("({helper})")] {
        let folder = folder();
        let leaky = honest(helper);
        let (status, said) = exam_of(folder.path(), &leaky, &["--only", "process"]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("m: it leaks processes"), "{said}");
        assert_ended(&folder.path().join("notes"));
    }
}

/// A limit of processes: none for the program's threads, for its guard, or for the port.
#[test]
fn too_few_processes_are_not_the_ports_fault() {
    let folder = folder();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), mode).expect("the mode can be set");
    for limit in 1..8 {
        let mut limited = Command::new("prlimit");
        limited.args([&format!("--nproc={limit}"), PROGRAM, "exam", "--only", "case-01"]);
        limited.args(["--port", &right("m")]).current_dir(folder.path());
        if rustix::process::geteuid().is_root() {
            // Root has no such limit. No other process has this user.
            limited.uid(64_321).gid(64_321);
        }
        let Ok(output) = limited.output() else {
            eprintln!("not tested: there is no program prlimit");
            return;
        };
        let said = text(&[&output.stdout[..], &output.stderr].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{limit}: {}: {said}", output.status);
        assert!(!said.contains("diverges") && !said.contains("panicked"), "{limit}: {said}");
    }
}

#[test]
fn jobs_bound_how_many_ports_are_examined_at_a_time() {
    let folder = folder();
    let log = folder.path().join("log");
    let noting = |name: &str| {
        let port = format!(
            "read -r hello; echo {name} >>\"$1\"; echo 'ok dkv20 1 rust'; exec \"$0\" serve",
        );
        script(name, &port, &log)
    };
    let ports = [noting("a"), noting("b"), noting("c")];
    let ports = ports.iter().flat_map(|port| ["--port", port.as_str()]);
    let exam: Vec<_> =
        ["exam", "--only", "case-01", "--jobs", "1"].into_iter().chain(ports).collect();
    let output = dkv20(folder.path(), &exam);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let started = fs::read_to_string(&log).expect("a log");
    let mut in_order: Vec<_> = started.lines().collect();
    in_order.dedup();
    assert_eq!(in_order, ["a", "b", "c"]);
    assert_refused(folder.path(), &["exam", "--port", &right("m"), "--jobs", "0"], 2, &["--jobs"]);
}
