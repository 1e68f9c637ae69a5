//! `view`: traces as pages; and the pages of an exam's findings.

#![cfg(all(unix, feature = "exam"))]

mod program;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{PROGRAM, assert_ended, counter, dkv20, faulty_counter, folder, root, text};
use serde_json::{Value, json};

const DATA_BEGIN: &str = "<script id=\"data\" type=\"application/json\">";
/// Every replica that comes back gets a snapshot, so that its base is wrong.
const SNAPSHOTS: &str = "always-a-snapshot";
/// A key that was deleted keeps the empty value.
const EMPTY_VALUE: &str = "del-leaves-an-empty-value";

fn trace(name: &str) -> String {
    root(&format!("tests/traces/{name}.trace"))
}

/// A port with a mistake.
fn wrong(name: &str) -> String {
    let program = shell_words::quote(&root("tests/ports/python/wrong_ports.py")).into_owned();
    format!("wrong=python3 {program} {name} serve")
}

fn right() -> String {
    format!("right={} serve", shell_words::quote(PROGRAM))
}

/// The data of a page.
#[track_caller]
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(DATA_BEGIN).expect("a page");
    let (data, _) = rest.split_once("</script>").expect("the end of the data");
    serde_json::from_str(data).expect("JSON")
}

/// Writes the page of a trace on standard output and returns its data.
#[track_caller]
fn viewed(arguments: &[&str]) -> Value {
    let output = dkv20(folder().path(), &[&["view"], arguments, &["-o", "-"]].concat());
    assert_ended(&output, 0, &[]);
    data(&text(&output.stdout))
}

/// The same of a file with these bytes.
#[track_caller]
fn viewed_bytes(bytes: &[u8], arguments: &[&str]) -> Value {
    let folder = folder();
    let file = folder.path().join("x.trace");
    fs::write(&file, bytes).expect("a file");
    viewed(&[&[file.to_str().expect("a UTF-8 path")], arguments].concat())
}

/// Checks that a file with these bytes is refused.
#[track_caller]
fn assert_refused(bytes: &[u8], words: &[&str]) {
    let folder = folder();
    fs::write(folder.path().join("x.trace"), bytes).expect("a file");
    let output = dkv20(folder.path(), &["view", "x.trace"]);
    assert_ended(&output, 3, &[&["x.trace: "], words].concat());
    assert!(!folder.path().join("x.html").exists(), "no page");
}

// --- Traces -------------------------------------------------------------------------------------

#[test]
fn a_trace_becomes_a_page_in_the_current_folder() {
    let folder = folder();
    let output = dkv20(folder.path(), &["view", &trace("case-15-deposed-tail-is-truncated")]);
    assert_ended(&output, 0, &["case-15-deposed-tail-is-truncated.html: 20 steps"]);
    let page = folder.path().join("case-15-deposed-tail-is-truncated.html");
    let view = data(&fs::read_to_string(page).expect("the page"));
    assert_eq!((&view["format"], &view["kind"]), (&json!(1), &json!("cluster")));
    assert_eq!(view["title"], "case-15-deposed-tail-is-truncated.trace");
    let comment = view["steps"][0]["comment"].as_str().expect("a comment");
    assert!(comment.starts_with("A deposed leader's tail is truncated"), "{comment}");
    let file = fs::read_to_string(trace("case-15-deposed-tail-is-truncated")).expect("a trace");
    let number = file.lines().position(|line| line == "> new 3").map(|position| position + 1);
    assert_eq!(view["steps"][0]["number"], json!(number));
    assert_eq!(view["steps"][2]["marks"], json!(["election", "partition"]));
    assert_eq!(view["frames"][2]["elected"], 1);
    assert_eq!(view["steps"][11]["marks"], json!(["truncation", "heal"]));
    let back = &view["frames"][11]["replicas"]["0"];
    assert_eq!(back["log"][0], json!({"cut": 1}));
    assert_eq!(back["log"][1], json!({"entries": [[2, 2, "noop"], [3, 2, "put", "62", "32"]]}));
    assert_eq!(back["map"], json!([["62", null, "32"]]));
    for absent in ["port", "port_frames", "divergence", "notes", "end"] {
        assert_eq!(view[absent], Value::Null, "{absent}");
    }
}

#[test]
fn the_five_stories_have_their_events() {
    for (name, mark) in [
        ("case-04-majority-commits-minority-stays", "partition"),
        ("case-14-failover-and-no-leader", "election"),
        ("case-15-deposed-tail-is-truncated", "truncation"),
        ("election-last-term-before-last", "election"),
        ("case-16-lagging-replica-gets-snapshot", "snapshot"),
    ] {
        let view = viewed(&[&trace(name)]);
        let steps = view["steps"].as_array().expect("steps");
        let has =
            |step: &Value| step["marks"].as_array().is_some_and(|it| it.contains(&json!(mark)));
        assert!(steps.iter().any(has), "{name} has no {mark}");
    }
}

#[test]
fn lines_without_answers_are_shown_too() {
    let view = viewed_bytes(b"# dkv20 lines\nnew 3\n\nput a 1\n", &[]);
    let steps = view["steps"].as_array().expect("steps");
    let numbers: Vec<_> = steps.iter().map(|step| step["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(2), Some(3), Some(4)]);
    assert_eq!(steps[1]["answer"], Value::Null);
    let view = viewed_bytes(b"> new 3\n> put a 1\n", &[]);
    assert_eq!(view["steps"][1]["answer"], "ok committed index=1 term=1");
    assert_eq!(view["steps"][1]["recorded"], Value::Null);
}

#[test]
fn numbers_and_snapshots_alone_have_no_lanes() {
    let view = viewed_bytes(b"> mix 0\n< ok 0\n", &[]);
    assert_eq!((&view["kind"], &view["frames"]), (&json!("lines"), &Value::Null));
}

#[test]
fn wrong_answers_in_a_trace_are_noted() {
    let folder = folder();
    let bytes = "> new 3\n< ok\n> put a 1\n< ok committed index=9 term=1\n";
    fs::write(folder.path().join("x.trace"), bytes).expect("a file");
    let output = dkv20(folder.path(), &["view", "x.trace"]);
    assert_ended(&output, 0, &["x.trace: 1 answer is not the reference's, the first at line 3"]);
    let view = data(&fs::read_to_string(folder.path().join("x.html")).expect("the page"));
    assert_eq!(view["steps"][1]["recorded"], "ok committed index=9 term=1");
    assert_eq!(view["steps"][1]["answer"], "ok committed index=1 term=1");
    assert!(view["notes"][0].as_str().expect("a note").contains("line 3"));
}

#[test]
fn lines_after_quit_are_steps_without_an_answer() {
    let bytes = b"# dkv20 lines\nnew 1\nquit\nnoop\n";
    let view = viewed_bytes(bytes, &["--port", &right()]);
    assert_eq!(view["steps"][1]["port"], "ok");
    assert_eq!(view["steps"][2], json!({"line": "noop", "number": 4, "port": null}));
    assert_eq!((&view["end"], &view["divergence"]), (&Value::Null, &Value::Null));
}

#[test]
fn every_port_has_a_greeting_of_its_own() {
    let bytes = b"# dkv20 lines\nhello\nnew 1\nhello\nnoop\n";
    let view = viewed_bytes(bytes, &["--port", &ends_by("echo ok committed index=1 term=1")]);
    assert_eq!(view["steps"][0]["port"], "ok dkv20 1 x");
    let wrong: Vec<_> = (0..4).map(|at| view["steps"][at]["differs"].clone()).collect();
    assert_eq!(wrong, vec![Value::Null; 4]);
}

#[test]
fn a_snapshot_drops_only_entries_that_never_took_effect() {
    // Replica 1 has entry 1, which commits without it, and is in the snapshot.
    let bytes =
        b"# dkv20 lines\nnew 5\npartition 2 3 4\nput a 1\npartition 1\nheal 2 3 4\nput b 2\n\
                  compact\nheal\n";
    let view = viewed_bytes(bytes, &[]);
    let log = &view["frames"][7]["replicas"]["1"]["log"];
    assert_eq!(*log, json!([{"install": 2, "term": 1}]));
    assert_eq!(view["steps"][7]["marks"], json!(["snapshot", "heal"]));
    // Replica 0 has another entry 2 than the others.
    let bytes =
        b"# dkv20 lines\nnew 3\nput a 1\npartition 0\nat 0 put b 2\nput c 3\ncompact\nheal\n";
    let view = viewed_bytes(bytes, &[]);
    let log = &view["frames"][6]["replicas"]["0"]["log"];
    assert_eq!(*log, json!([{"cut": 1}, {"install": 3, "term": 2}]));
    assert_eq!(view["steps"][6]["marks"], json!(["truncation", "snapshot", "heal"]));
}

#[test]
fn comments_have_no_marks_of_direction() {
    let bytes = "# a \u{202e}b\n#\n# c\x07 \u{5d0}\n> new 1\n".as_bytes();
    let view = viewed_bytes(bytes, &[]);
    assert_eq!(view["steps"][0]["comment"], "a \\u{202e}b\n\nc\\u{7} \u{5d0}");
}

// --- Bad input ----------------------------------------------------------------------------------

#[test]
fn malformed_traces_are_refused() {
    assert_refused(b"> new 3\n< ok\nput a 1\n", &["line 3, column 1: expected"]);
    assert_refused(b"> new 3\n< ok", &["line 2, column 5: the last line does not end with LF"]);
    assert_refused(b"\xff\xfe>\0", &["line 1, column"]);
    assert_refused(b"> new 3\r\n< ok\r\n", &["line 2, column 5", "CR LF"]);
    assert_refused(b"", &["nothing to ask: the file has no command"]);
    assert_refused(b"# only a comment\n\n", &["nothing to ask"]);
    assert_refused(b"# dkv20 lines\n", &["nothing to ask"]);
}

#[test]
fn a_trace_that_lacks_a_cluster_is_refused() {
    let words = ["no line makes a cluster: begin with one such as `new 3`"];
    assert_refused(b"> put a 1\n< err no-cluster\n", &words);
    assert_refused(b"> new 0\n< err replica-count\n> status\n< err no-cluster\n", &words);
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    let folder = folder();
    assert_ended(&dkv20(folder.path(), &["view", "none.trace"]), 3, &["none.trace: No such file"]);
    assert_ended(&dkv20(folder.path(), &["view", "."]), 3, &["directory"]);
    let story = trace("case-14-failover-and-no-leader");
    let output = dkv20(folder.path(), &["view", &story, "-o", "none/page.html"]);
    assert_ended(&output, 3, &["none/page.html: cannot be written: No such file"]);
    assert_ended(&dkv20(folder.path(), &["view", &story, "-o", "."]), 3, &["cannot be written"]);
}

#[test]
fn the_page_never_replaces_the_trace() {
    let folder = folder();
    let story = fs::read(trace("case-14-failover-and-no-leader")).expect("a trace");
    let file = folder.path().join("x.html");
    fs::write(&file, &story).expect("a file");
    symlink("x.html", folder.path().join("link.html")).expect("a link");
    for arguments in [&["view", "x.html"][..], &["view", "x.html", "-o", "link.html"]] {
        assert_ended(&dkv20(folder.path(), arguments), 2, &["is the trace; name another file"]);
    }
    assert_eq!(fs::read(&file).expect("the file"), story);
}

#[test]
fn markup_and_bytes_that_are_not_text_stay_data() {
    let bytes = b"# </script><b>\xff\n> new 3\n< ok\n> put </script><script>alert(1)</script> \
        \xff\xfe<!--\n< ok </script>\n> </script>\n";
    let folder = folder();
    let name = OsStr::from_bytes(b"<b>\xff{{data}}.trace");
    fs::write(folder.path().join(name), bytes).expect("a file");
    let mut command = Command::new(PROGRAM);
    command.arg("view").arg(name).args(["-o", "page.html"]).current_dir(folder.path());
    let output = command.output().expect("the program starts");
    assert_ended(&output, 0, &["page.html: 3 steps"]);
    let page = fs::read_to_string(folder.path().join("page.html")).expect("UTF-8");
    let plain =
        dkv20(folder.path(), &["view", &trace("case-14-failover-and-no-leader"), "-o", "-"]);
    let plain = text(&plain.stdout);
    for mark in ["</script", "<script", "<!--", "<b>"] {
        assert_eq!(page.matches(mark).count(), plain.matches(mark).count(), "{mark}");
    }
    let view = data(&page);
    assert_eq!(view["title"], "$'<b>\\xff{{data}}.trace'");
    let key = hex::encode("</script><script>alert(1)</script>");
    let entry = json!([1, 1, "put", key, "fffe3c212d2d"]);
    assert_eq!(view["frames"][1]["replicas"]["0,1,2"]["log"][0]["entries"][0], entry);
    let line = view["steps"][1]["line"].as_str().expect("a line");
    assert!(line.ends_with("</script> \\xff\\xfe<!--"), "{line}");
    assert_eq!(view["steps"][2]["answer"], "err unknown-command");
}

#[test]
fn long_byte_strings_are_cut() {
    let bytes = format!("> new 1\n< ok\n> put k {}\n", "v".repeat(100_000));
    let view = viewed_bytes(bytes.as_bytes(), &[]);
    let value = &view["frames"][1]["replicas"]["0"]["map"][0][2];
    assert_eq!(*value, json!(["76".repeat(64), 100_000]));
    assert!(view.to_string().len() < 10_000);
}

// --- Size ---------------------------------------------------------------------------------------

#[test]
fn many_steps_stay_small() {
    let mut lines = String::from("> new 7\n");
    for step in 1..10_000 {
        let line = match step % 50 {
            7 => format!("partition {}", step % 7),
            20 => "heal".into(),
            30 => format!("compact {}", step % 5),
            _ => format!("put key{} {step}", step % 300),
        };
        lines += &format!("> {line}\n");
    }
    let view = viewed_bytes(lines.as_bytes(), &[]);
    assert_eq!(view["frames"].as_array().map(Vec::len), Some(10_000));
    let length = view.to_string().len();
    assert!(length < 5_000_000, "{length} bytes");
}

#[test]
fn a_large_workload_is_one_small_step() {
    let view = viewed_bytes(b"> new 3\n> workload 1 100 200000\n> heal\n", &[]);
    let change = &view["frames"][1]["replicas"]["0,1,2"];
    assert_eq!(change["log"], json!([{"run": [1, 200_000, 1]}]));
    assert!(view.to_string().len() < 20_000);
}

// --- Ports --------------------------------------------------------------------------------------

#[test]
fn a_right_port_is_the_same_after_each_step() {
    let view = viewed(&[&trace("case-16-lagging-replica-gets-snapshot"), "--port", &right()]);
    assert_eq!(view["port"], "right");
    assert_eq!(view["divergence"], Value::Null);
    let frames = view["port_frames"].as_array().expect("frames");
    assert!(frames.iter().all(|frame| frame == "same"), "{frames:?}");
    assert_eq!(frames.len(), view["frames"].as_array().expect("frames").len());
    for step in view["steps"].as_array().expect("steps") {
        assert_eq!(step["port"], step["answer"]);
    }
}

#[test]
fn a_wrong_state_is_seen_at_its_step() {
    let story = trace("case-15-deposed-tail-is-truncated");
    let folder = folder();
    let port = wrong(SNAPSHOTS);
    let output = dkv20(folder.path(), &["view", &story, "-o", "x.html", "--port", &port]);
    assert_ended(&output, 0, &["x.html: 20 steps, wrong differs at step 3"]);
    let view = data(&fs::read_to_string(folder.path().join("x.html")).expect("the page"));
    let first = &view["divergence"];
    // The answer to `partition 0` is right; a look after it is not.
    assert_eq!((&first["step"], &view["steps"][2]["differs"]), (&json!(2), &Value::Null));
    assert_eq!(first["seen"]["line"], "replica 2");
    assert_eq!((&first["seen"]["differs"], &first["case"]), (&json!(true), &Value::Null));
    assert_eq!(first["sections"][0]["number"], "4.4");
    assert_eq!(first["sections"][0]["title"], "settle");
    let frames = view["port_frames"].as_array().expect("frames");
    assert_eq!(frames[1], "same");
    assert_eq!(frames[2]["replicas"]["2"]["base"], 1);
    assert_eq!(view["steps"][2]["marks"], json!(["election", "partition", "divergence"]));
    // The hashes of logs are there from this step on.
    assert_eq!(view["frames"][1]["replicas"]["0,1,2"]["log_hash"], Value::Null);
    let later = ["0", "1", "2"].map(|id| &view["frames"][2]["replicas"][id]["log_hash"]);
    assert!(later.iter().all(|hash| hash.is_string()), "{later:?}");
}

#[test]
fn a_wrong_snapshot_is_shown_field_by_field() {
    let bytes = b"> new 1\n> put a 1\n> put b 2\n> del a\n> hash 0\n";
    let view = viewed_bytes(bytes, &["--port", &wrong(EMPTY_VALUE)]);
    let snapshot = &view["divergence"]["snapshots"][0];
    assert_eq!((&snapshot["step"], &snapshot["of"]), (&json!(3), &json!("dump 0")));
    let fields = snapshot["fields"].as_array().expect("fields");
    let differing: Vec<_> = fields.iter().filter(|field| field["differs"] == true).collect();
    let names: Vec<_> = differing.iter().map(|field| field["meaning"].as_str()).collect();
    assert_eq!(
        names,
        ["number of keys", "length of key 1", "key 1", "length of value 1"].map(Some)
    );
    assert_eq!(differing[0]["value"], "1");
    assert_eq!((&differing[0]["port_value"], &differing[0]["offset"]), (&json!("2"), &json!(24)));
    assert_eq!((&differing[2]["reference"], &differing[2]["port"]), (&Value::Null, &json!("61")));
}

#[test]
fn a_wrong_load_is_shown_field_by_field() {
    let snapshot = "444b565301000000010000000000000001000000000000000200000000000000";
    let bytes = format!("> load 0x{snapshot}\n> load 0x{snapshot}01\n");
    let port = "wrong=sh -c 'while read -r word rest; do case $word in hello) echo ok dkv20 1 x ;; \
                *) echo err truncated offset=32 ;; esac; done'";
    let view = viewed_bytes(bytes.as_bytes(), &["--port", port]);
    let compared = &view["divergence"]["snapshots"][0];
    assert_eq!(compared["of"], "load");
    let fields = compared["fields"].as_array().expect("fields");
    let differing: Vec<_> = fields.iter().filter(|field| field["differs"] == true).collect();
    assert_eq!(differing.len(), 1, "{compared}");
    assert_eq!(differing[0]["meaning"], "number of keys");
}

#[test]
fn a_port_that_does_not_start_makes_no_page() {
    let folder = folder();
    let story = trace("case-14-failover-and-no-leader");
    for (port, status, word) in
        [("x=./none", 3, "port x: ./none: "), ("x", 2, "--port x: expected NAME=COMMAND")]
    {
        let output = dkv20(folder.path(), &["view", &story, "-o", "x.html", "--port", port]);
        assert_ended(&output, status, &[word]);
        assert!(!folder.path().join("x.html").exists(), "no page");
    }
}

/// A port that answers `ok` to a few lines and then does something else.
fn ends_by(act: &str) -> String {
    format!(
        "x=sh -c 'while read -r word rest; do case $word in hello) echo ok dkv20 1 x ;; \
         new) echo ok ;; *) {act} ;; esac; done'"
    )
}

#[test]
fn the_answers_of_a_port_that_fails_end_there() {
    let bytes = b"> new 3\n< ok\n> put a 1\n> status\n";
    for (act, reason) in [
        ("echo last words >&2; exit 3", "exit status: 3"),
        ("sleep 100", "no answer in time"),
        ("kill -9 $$", "signal: 9"),
    ] {
        let view = viewed_bytes(bytes, &["--port", &ends_by(act), "--timeout", "0.5"]);
        let end = &view["end"];
        assert_eq!(end["step"], 1, "{end}");
        assert!(end["reason"].as_str().is_some_and(|it| it.contains(reason)), "{end}");
        let ports: Vec<_> = (0..3).map(|at| view["steps"][at]["port"].clone()).collect();
        assert_eq!(ports, [json!("ok"), Value::Null, Value::Null]);
        assert_eq!(view["steps"][1]["differs"], true);
        assert_eq!(view["divergence"]["step"], 1);
        assert_eq!(view["looks_end"]["step"], 0, "it fails at `status`");
        assert_eq!(view["port_frames"].as_array().map(Vec::len), Some(3));
    }
    let view = viewed_bytes(bytes, &["--port", &ends_by("echo last words >&2; exit 3")]);
    assert_eq!(view["end"]["stderr"], "last words");
}

#[test]
fn a_program_that_is_not_a_port_is_shown_as_one_that_ends() {
    let view = viewed_bytes(b"> new 3\n", &["--port", "x=true", "--timeout", "0.5"]);
    assert_eq!((&view["end"]["step"], &view["steps"][0]["port"]), (&json!(0), &Value::Null));
}

#[test]
fn lines_that_a_port_writes_too_many_are_shown() {
    let bytes = b"# dkv20 lines\nnew 3\n\n";
    let port = "x=sh -c 'while read -r word rest; do case $word in hello) echo ok dkv20 1 x ;; \
                *) echo ok; echo more ;; esac; done'";
    let view = viewed_bytes(bytes, &["--port", port]);
    assert_eq!(view["steps"][0]["port"], "ok\nmore");
    assert_eq!(
        (&view["steps"][1]["port"], &view["steps"][1]["differs"]),
        (&json!("ok\nmore"), &json!(true))
    );
}

#[test]
fn a_difference_far_into_long_answers_is_in_the_text() {
    let bytes = format!("> new 1\n> put k {}\n> dump 0\n", "v".repeat(1_000));
    let port = format!("x=sh -c '{} serve | sed -u s/7676$/7677/'", shell_words::quote(PROGRAM));
    let view = viewed_bytes(bytes.as_bytes(), &["--port", &port]);
    let step = &view["steps"][2];
    let [answer, port] = ["answer", "port"].map(|side| step[side].as_str().expect("an answer"));
    assert!(answer.starts_with("… 2046 bytes … 6767") && answer.ends_with("7676"), "{answer}");
    assert!(port.ends_with("7677"), "{port}");
    let recorded = format!(
        "> new 1\n< ok\n> put k {0}\n> get 0 k\n< ok 0x{1}77\n",
        "v".repeat(500),
        "76".repeat(499)
    );
    let view = viewed_bytes(recorded.as_bytes(), &[]);
    let recorded = view["steps"][2]["recorded"].as_str().expect("an answer");
    assert!(recorded.starts_with("… ") && recorded.ends_with("77"), "{recorded}");
}

#[test]
fn a_port_that_ends_at_a_look_is_not_called_right() {
    let folder = folder();
    fs::write(folder.path().join("x.trace"), "> new 1\n> noop\n").expect("a file");
    let port = "x=sh -c 'while read -r word rest; do case $word in hello) echo ok dkv20 1 x ;; \
                new) echo ok ;; noop) echo ok committed index=1 term=1 ;; *) exit 3 ;; esac; done'";
    let output = dkv20(folder.path(), &["view", "x.trace", "--port", port]);
    let words = "x does not differ as far as it was seen: it ended while its state after step 1 was \
                 asked for: the program exited (exit status: 3)";
    assert_ended(&output, 0, &[words]);
}

// --- Described machines -------------------------------------------------------------------------

/// A counter with a wrong answer to a subtraction below zero.
fn wrong_counter() -> String {
    format!("new={}", faulty_counter("goes-below-zero"))
}

#[test]
fn a_described_machine_has_observers_in_place_of_lanes() {
    let story = root("tests/machines/counter/counter.trace");
    let machine = counter();
    let view = viewed(&[&story, "--machine", &machine, "--port", &wrong_counter()]);
    assert_eq!((&view["kind"], &view["port"]), (&json!("lines"), &json!("new")));
    assert_eq!(view["frames"], Value::Null);
    let step = view["divergence"]["step"].as_u64().expect("a difference");
    let step = usize::try_from(step).expect("few steps");
    let observers = view["observers"][step].as_array().expect("observers");
    assert!(observers.iter().any(|observer| observer["differs"] == true), "{observers:?}");
    for earlier in &view["observers"].as_array().expect("observers")[..step] {
        for observer in earlier.as_array().expect("a list") {
            assert_eq!(observer["port"], observer["answer"]);
        }
    }
    let view = viewed(&[&story, "--machine", &machine]);
    assert_eq!(view["divergence"], Value::Null);
    assert_refused_machine(&["--profile", "none"], 2);
    assert_refused_machine(&["--reference", "./none"], 3);
}

#[track_caller]
fn assert_refused_machine(arguments: &[&str], status: i32) {
    let (story, machine) = (root("tests/machines/counter/counter.trace"), counter());
    let view = ["view", &story, "-o", "-", "--machine", &machine];
    assert_ended(&dkv20(folder().path(), &[&view, arguments].concat()), status, &["dkv20: "]);
}

// --- The browser --------------------------------------------------------------------------------

#[test]
fn the_page_is_opened_with_the_desktops_program() {
    let folder = folder();
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let script = bin.join(opener);
    let open = |script_text: Option<&str>| {
        if let Some(text) = script_text {
            fs::write(&script, text).expect("a script");
            fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("its mode");
        }
        let story = trace("case-14-failover-and-no-leader");
        let mut command = Command::new(PROGRAM);
        command.args(["view", &story, "--output=-x.html", "--open"]);
        command.current_dir(folder.path()).env("PATH", &bin).output().expect("the program starts")
    };
    let advice = "open it in a browser";
    assert_ended(&open(None), 1, &["-x.html: not opened: ", opener, advice]);
    assert_ended(&open(Some("#!/bin/sh\nexit 4\n")), 1, &["exit status: 4", advice]);
    assert_ended(&open(Some("#!/bin/sh\necho \"$1\" >opened\n")), 0, &["-x.html: 19 steps"]);
    let asked = fs::read_to_string(folder.path().join("opened")).expect("it was called");
    let page = folder.path().canonicalize().expect("the folder").join("-x.html");
    assert_eq!(Path::new(asked.trim_end()), page);
    let story = trace("case-14-failover-and-no-leader");
    let output = dkv20(folder.path(), &["view", &story, "-o", "-", "--open"]);
    assert_ended(&output, 2, &["--open needs a page in a file"]);
}

// --- Findings -----------------------------------------------------------------------------------

/// The address of the first finding's page in a report, and its path.
#[track_caller]
fn link(report: &Path) -> PathBuf {
    let html = fs::read_to_string(report).expect("the report");
    let (_, rest) = html.split_once("<p class=\"page\"><a href=\"").expect("a link");
    let (address, _) = rest.split_once('"').expect("the end of the address");
    let address = address.replace("&#x2f;", "/").replace("%20", " ");
    report.parent().expect("a folder").join(address)
}

#[test]
fn a_finding_links_to_its_page() {
    let folder = folder();
    fs::create_dir(folder.path().join("a b")).expect("a folder");
    let port = wrong(SNAPSHOTS);
    let exam = ["exam", "--port", &port, "--only", "case-15", "--html", "a b/report.html"];
    let output = dkv20(folder.path(), &[&exam[..], &["--json", "report.json"]].concat());
    assert_ended(&output, 1, &["diverges"]);
    let page = link(&folder.path().join("a b/report.html"));
    assert!(page.with_extension("trace").exists(), "{page:?} is beside its trace");
    let view = data(&fs::read_to_string(page).expect("the page"));
    let first = &view["divergence"];
    assert_eq!(first["case"], "traces/case-15-deposed-tail-is-truncated");
    assert_eq!(first["sections"][0]["number"], "4.4");
    assert_eq!((&view["notes"], &view["port"]), (&Value::Null, &json!("wrong")));
    let report = fs::read_to_string(folder.path().join("report.json")).expect("the report");
    assert!(report.contains("\"page\":\"../dkv20-findings/"), "{report}");
}

#[test]
fn the_report_says_why_a_finding_has_no_page() {
    let folder = folder();
    let port = wrong("usage-errors-exit-with-1");
    let exam = [
        "exam",
        "--port",
        &port,
        "--only",
        "process/program-scenario-twice",
        "--html",
        "report.html",
    ];
    let output = dkv20(folder.path(), &[&exam[..], &["--json", "report.json"]].concat());
    assert_ended(&output, 1, &["diverges"]);
    let report = fs::read_to_string(folder.path().join("report.html")).expect("the report");
    assert!(report.contains("No page to follow: lines on the program"), "{report}");
    let report = fs::read_to_string(folder.path().join("report.json")).expect("the report");
    assert!(report.contains("\"no_page\":\"lines on the program's input"), "{report}");
}

#[test]
fn without_a_report_in_html_there_are_no_pages() {
    let folder = folder();
    let port = wrong(SNAPSHOTS);
    let output = dkv20(folder.path(), &["exam", "--port", &port, "--only", "case-15"]);
    assert_ended(&output, 1, &["diverges"]);
    let files = fs::read_dir(folder.path().join("dkv20-findings")).expect("a folder");
    let names: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    assert!(names.iter().all(|name| name.extension() == Some(OsStr::new("trace"))), "{names:?}");
}

#[test]
fn a_finding_of_a_described_machine_links_to_its_page() {
    let folder = folder();
    let (machine, port) = (counter(), wrong_counter());
    let exam = ["exam", "--machine", &machine, "--port", &port, "--cases", "60"];
    let output = dkv20(folder.path(), &[&exam[..], &["--html", "report.html"]].concat());
    assert_ended(&output, 1, &["diverges"]);
    let view =
        data(&fs::read_to_string(link(&folder.path().join("report.html"))).expect("the page"));
    assert_eq!((&view["kind"], &view["port"]), (&json!("lines"), &json!("new")));
    assert!(view["divergence"]["case"].as_str().is_some_and(|case| case.starts_with("drawn/")));
    assert_eq!(view["notes"], Value::Null);
}
