//! `live audit` with real servers: followers that agree, and wrong ones, which are caught at the first
//! checkpoint after the first wrong byte, with a trace from which no line can be removed.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::program::{
    End, PROGRAM, Running, command, file, port, run, run_with_input, to_full_device,
};
use crate::scene::{Scene, puts};

/// How often a checkpoint is published.
const EVERY: usize = 10;

impl Scene {
    /// Lets a program follow the log up to an index.
    fn follow(&self, port: &str, until: usize, machine: &[&str]) -> End {
        let (until, every) = (until.to_string(), EVERY.to_string());
        let own = ["--port", port, "--until", &until, "--every", &every];
        self.run("follow", &[&own, machine].concat())
    }

    fn follow_well(&self, port: &str, until: usize, machine: &[&str]) {
        self.follow(port, until, machine).assert_ended(0, &[]);
    }

    /// Returns the only file in the folder of traces.
    #[track_caller]
    fn trace(&self) -> PathBuf {
        let entries = fs::read_dir(self.path().join("dkv20-findings")).expect("a folder of traces");
        let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        file.clone()
    }

    /// Checks that the trace shows a difference, and does not without any of its lines but the last
    /// and the first ones, without which a case of its machine does not begin.
    #[track_caller]
    fn assert_minimal(&self, trace: &Path, first: usize, arguments: &[&str]) -> Vec<String> {
        let text = fs::read_to_string(trace).expect("the trace");
        let commands = text.lines().filter_map(|line| line.strip_prefix("> "));
        let commands: Vec<_> = commands.map(String::from).collect();
        let replay = |lines: &[String]| {
            let file = self.path().join("fewer.lines");
            fs::write(&file, format!("# dkv20 lines\n{}\n", lines.join("\n"))).expect("written");
            run(command(PROGRAM, &["replay"]).arg(file).args(arguments))
        };
        replay(&commands).assert_ended(1, &[]);
        for position in first..commands.len() - 1 {
            let mut fewer = commands.clone();
            let left_out = fewer.remove(position);
            let end = replay(&fewer);
            assert_eq!(end.status, Some(0), "without `{left_out}`: {}", end.said());
        }
        commands
    }
}

/// A port with a mistake of `tests/ports/python/wrong_ports.py`.
fn wrong(name: &str) -> String {
    let program = file("ports/python/wrong_ports.py");
    format!("wrong={}", shell_words::join(["python3", &program, name, "serve"]))
}

/// A counter with a fault of `tests/machines/counter/counter.py`, or without one.
fn counter(name: &str, fault: Option<&str>) -> String {
    let program = file("machines/counter/counter.py");
    let fault = fault.map(|fault| ["--fault", fault]);
    let words = ["python3", &program].into_iter().chain(fault.into_iter().flatten());
    format!("{name}={}", shell_words::join(words))
}

/// Returns puts of different keys, with another line at an index.
fn puts_but(index: usize, other: &str) -> Vec<String> {
    let mut lines = puts(45);
    lines[index - 1] = other.into();
    lines
}

// --- Agreement ----------------------------------------------------------------------------------

#[test]
fn followers_that_agree_end_the_audit() {
    let scene = Scene::start();
    let no_log = scene.run("audit", &[]);
    no_log.assert_ended(3, &["dkv20: log a: there is no such log: the first `dkv20 live append`"]);
    scene.append(&puts(35));
    scene.follow_well(&port("one"), 30, &[]);
    scene.follow_well(&port("two"), 30, &[]);
    scene.follow_well(&port("late"), 20, &[]);
    let audit = |until: &str, followers: &str| {
        scene.run("audit", &["--until", until, "--followers", followers])
    };
    audit("39", "2").assert_ended(0, &["agree at 30: one, two\n"]);
    audit("20", "3").assert_ended(0, &["agree at 20: late, one, two\n"]);
    audit("9", "1").assert_ended(2, &["--until 9: the first checkpoint of the log is at 10"]);
    scene.run("audit", &["--until", "20"]).assert_ended(2, &["--followers"]);
    let counter = file("machines/counter/counter.toml");
    let words = ["dkv20: the log is another machine's: it is a log of dkv20, not of counter"];
    scene.run("audit", &["--machine", &counter]).assert_ended(3, &words);
}

#[test]
fn an_audit_ends_with_a_signal_and_with_what_it_knows() {
    let scene = Scene::start();
    scene.append(&puts(35));
    scene.follow_well(&port("one"), 30, &[]);
    let audit = Running::start(&mut scene.live("audit", &[]));
    scene.follow_well(&port("late"), 20, &[]);
    scene.follow_well(&port("two"), 30, &[]);
    // By now the audit catches signals.
    let words = "late agrees up to 20, one agrees up to 30, two agrees up to 30\n";
    audit.await_metrics(words);
    audit.signal(Signal::INT);
    audit.end().assert_ended(0, &[&format!("no difference: {words}")]);
}

// --- Drifts -------------------------------------------------------------------------------------

/// Checks that a wrong port is caught, with these words and at this first wrong entry, and returns its
/// trace.
#[track_caller]
fn caught(mistake: &str, other: &str, entry: usize, words: &[&str]) -> Vec<String> {
    let scene = Scene::start();
    scene.append(&puts_but(26, other));
    for port in [port("one"), wrong(mistake), port("two")] {
        scene.follow_well(&port, 40, &[]);
    }
    let end = scene.run("audit", &["--port", &wrong(mistake)]);
    end.assert_ended(1, words);
    let step = format!("wrong: the first wrong step is entry {entry}: `");
    end.assert_ended(1, &["wrong: wrong; the reference agrees with one, two\n", &step]);
    scene.assert_minimal(&scene.trace(), 0, &["--port", &wrong(mistake)])
}

#[test]
fn a_wrong_hash_is_caught_at_the_first_checkpoint_after_it() {
    let words = ["log a: drift at 30: the answers to `hash 0` differ; they agreed at 20\n"];
    let trace = caught("put-keeps-the-first-value", "put k3 other", 26, &words);
    assert_eq!(trace.len(), 4, "{trace:?}");
}

#[test]
fn a_wrong_number_of_keys_is_caught() {
    let words = ["log a: drift at 30: the answers to `replica 0` differ; they agreed at 20\n"];
    let trace = caught("del-leaves-an-empty-value", "del k3", 26, &words);
    assert!(trace.len() <= 4, "{trace:?}");
}

#[test]
fn a_wrong_answer_to_an_entry_is_caught_though_the_state_is_right() {
    let words = [
        "log a: drift at 10: answers to the entries 1 to 10 differ; they have no checkpoint in \
         common before\n",
        "    one: digest ",
    ];
    let trace = caught("index-is-counted-from-0", "noop", 1, &words);
    assert_eq!(trace.len(), 2, "{trace:?}");
}

#[test]
fn a_wrong_program_of_a_described_machine_is_caught() {
    let scene = Scene::start();
    let file = file("machines/counter/counter.toml");
    let machine = ["--machine", &file];
    let line = |index: usize| if index == 26 { "clear" } else { "add 1" };
    let lines: Vec<_> = (1..=45).map(|index| line(index).to_owned()).collect();
    scene.append(&lines);
    let start = ["--machine", &file, "--start", "new 300"];
    scene.follow_well(&counter("right", None), 40, &start);
    let faulty = counter("faulty", Some("clear-resets-the-value"));
    scene.follow_well(&faulty, 40, &machine);
    let arguments = [&machine[..], &["--port", &faulty]].concat();
    let end = scene.run("audit", &arguments);
    let words = [
        "log a: drift at 30: the answers to `value` differ; they agreed at 20\n",
        "wrong: faulty; the reference agrees with right\n",
        "faulty: the first wrong step is entry 26: `clear`\n",
    ];
    end.assert_ended(1, &words);
    let trace = scene.assert_minimal(&scene.trace(), 1, &arguments);
    assert_eq!(trace, ["new 300", "add 1", "clear", "value"]);
}

#[test]
fn a_wrong_follower_of_an_unknown_program_has_all_lines() {
    let scene = Scene::start();
    scene.append(&puts_but(26, "put k3 other"));
    let mistake = wrong("put-keeps-the-first-value");
    scene.follow_well(&port("one"), 40, &[]);
    scene.follow_well(&mistake, 40, &[]);
    let before = scene.run("audit", &["--until", "29", "--followers", "2"]);
    before.assert_ended(0, &["agree at 20: one, wrong\n"]);
    let end = scene.run("audit", &["--port", &port("one")]);
    let hint = "dkv20 shrink dkv20-findings/live-a-30.lines --port wrong=COMMAND\n";
    end.assert_ended(1, &["wrong: 33 lines up to there are in", hint]);
    let words = ["shrink", "dkv20-findings/live-a-30.lines", "--traces", "shrunk"];
    let mut shrink = command(PROGRAM, &words);
    let end = run(shrink.args(["--port", &mistake]).current_dir(scene.path()));
    end.assert_ended(1, &["`hash 0`: expected `ok"]);
    // A program that is right now shows nothing.
    let end = scene.run("audit", &["--port", &port("wrong")]);
    end.assert_ended(1, &["wrong: it did not occur again with this program", hint]);
}

#[test]
fn a_follower_that_failed_is_a_drift() {
    let scene = Scene::start();
    scene.append(&puts(45));
    let ending = wrong("exits-after-20-answers");
    scene.follow_well(&port("one"), 40, &[]);
    scene.follow(&ending, 40, &[]).assert_ended(1, &["program wrong failed at entry "]);
    let end = scene.run("audit", &["--port", &ending]);
    let words = ["a program failed; it has no checkpoint before\n", ": the program exited"];
    end.assert_ended(1, &words);
    end.assert_ended(1, &["log a: drift at ", "wrong: wrong; the reference agrees with no "]);
}

#[test]
fn checkpoints_beyond_the_log_are_an_error_that_says_so() {
    let scene = Scene::start();
    scene.append(&puts(5));
    scene.follow_well(&port("one"), 5, &[]);
    for (follower, failure) in [("b", "no answer"), ("c", r"\u001b[2J")] {
        let key = format!("a/checkpoint/{:020}/{follower}", 20);
        scene.etcdctl(&["put", &key, &format!(r#"{{"failure":"{failure}"}}"#)]);
    }
    let end = scene.run("audit", &[]);
    let words = ["log a: drift at 20: a program failed; ", "dkv20: log a: entry 20 is not there"];
    end.assert_ended(1, &words);
    assert!(!end.said().contains('\x1b'), "{:?}", end.said());
}

#[test]
fn a_difference_that_cannot_be_written_is_one() {
    let scene = Scene::start();
    scene.append(&puts(10));
    scene.follow_well(&port("one"), 10, &[]);
    scene.etcdctl(&["put", "a/checkpoint/00000000000000000010/b", r#"{"answers":[]}"#]);
    let mut command = to_full_device(&scene.live("audit", &[]));
    let end = run(command.current_dir(scene.path()));
    end.assert_ended(1, &["dkv20: standard output: cannot be written"]);
}

// --- Settings -----------------------------------------------------------------------------------

#[test]
fn a_log_is_of_one_machine_with_one_start() {
    let scene = Scene::start();
    let file = file("machines/counter/counter.toml");
    let append = |line: &str, options: &[&str]| {
        let mut command = scene.live("append", &[&["--machine", &file], options].concat());
        run_with_input(&mut command, line.as_bytes())
    };
    let not_start = ["--start", "new 0"];
    append("add 1", &not_start).assert_ended(2, &["--start: ", "`0` is no value of the variable"]);
    let too_many = ["--start", "new 9", "--start", "add 1"];
    append("add 1", &too_many).assert_ended(2, &["--start: `add 1` is no start line"]);
    append("add 1", &["--start", "new 9", "--every", "10"]).assert_ended(0, &["appended 1 line"]);
    append("add 1", &[]).assert_ended(0, &["appended 1 line"]);
    let other = ["--start", "new 8"];
    append("add 1", &other).assert_ended(2, &["--start: the log has the start lines `new 9`"]);
    append("add 1", &["--every", "9"]).assert_ended(2, &["--every 9: the log has checkpoints"]);
    for (line, reason) in [
        ("hello", "line 1: it is counter's `hello`, which is no command"),
        ("new 5", "line 1: it is a start line of counter, which would reset every follower"),
        ("nonsense", "line 1: it has the form of no command of counter: `add`, `sub`, "),
    ] {
        append(line, &[]).assert_ended(1, &[reason]);
    }
    let text = fs::read_to_string(&file).expect("the file");
    let program = self::file("machines/counter/counter.py");
    let text = text.replace("\"counter.py\"", &format!("{program:?}"));
    let changed = scene.path().join("changed.toml");
    let text = text.replace("line = \"len\"", "line = \"count\"");
    fs::write(&changed, text).expect("a file can be written");
    let changed = changed.to_str().expect("a UTF-8 path");
    let end = scene.run("audit", &["--machine", changed]);
    end.assert_ended(3, &["its observers are `value`, `len`, `log`, `tally`, and here `value`"]);
    let words = ["it is a log of counter, not of dkv20: name its file with --machine"];
    scene.run("audit", &[]).assert_ended(3, &words);
}
