//! The code in docs/machines.md that replays a trace accepts right answers, and fails at a wrong one
//! with its line, in each language.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SECTION: &str = "\n## A regression test in your own suite\n";
const TRACE: &str = "# a comment\n> a b\n< ok a b\n\n>  \n< ok  \n> é\n< ok é\n# the end\n";

/// The block of a language in the section.
fn code(language: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/machines.md");
    let document = fs::read_to_string(file).expect("the document");
    let (_, section) = document.split_once(SECTION).expect("the section");
    let (section, _) = section.split_once("\n## ").expect("the next section");
    let (_, block) = section.split_once(&format!("\n```{language}\n")).expect("a block");
    block.split_once("```").expect("its end").0.to_owned()
}

/// Writes a file with the code, and with what makes it a program that replays `x.trace` with the
/// answer `ok COMMAND`, into a folder. Runs it by `commands` there: with a trace of right answers, one
/// with a wrong answer, and none.
#[track_caller]
fn assert_replays(language: &str, file: &str, program: [&str; 2], commands: &[&[&str]]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let [before, after] = program;
    let source = format!("{before}\n{}\n{after}\n", code(language));
    fs::write(folder.join(file), source).expect("a file can be written");
    let (run, build) = commands.split_last().expect("a command");
    for command in build {
        let output = output_of(command, folder);
        assert!(output.status.success(), "{command:?}: {}", said(&output));
    }
    let traces = [
        (Some(TRACE.to_owned()), None),
        (Some(TRACE.replace("< ok é", "< ok e")), Some("x.trace:8")),
        (Some(TRACE.replace("< ok  \n", "< ok \n")), Some("x.trace:6")),
        (None, Some("x.trace")),
    ];
    for (trace, place) in traces {
        match &trace {
            Some(trace) => fs::write(folder.join("x.trace"), trace).expect("it can be written"),
            None => fs::remove_file(folder.join("x.trace")).expect("it is there"),
        }
        let output = output_of(run, folder);
        let said = said(&output);
        assert_eq!(output.status.success(), place.is_none(), "{language}: {trace:?}: {said}");
        assert!(said.contains(place.unwrap_or_default()), "{language}: {trace:?}: {said}");
    }
}

fn output_of(command: &[&str], folder: &Path) -> Output {
    let mut started = Command::new(command[0]);
    started.args(&command[1..]).current_dir(folder);
    started.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn python() {
    let program = ["", "replay('x.trace', lambda command: 'ok ' + command)"];
    assert_replays("python", "replay.py", program, &[&["python3", "replay.py"]]);
}

#[test]
#[ignore = "needs Node.js: scripts/verify.sh machines"]
fn javascript() {
    let program = ["", "replay('x.trace', command => `ok ${command}`)"];
    assert_replays("javascript", "replay.mjs", program, &[&["node", "replay.mjs"]]);
}

#[test]
#[ignore = "needs Go: scripts/verify.sh machines"]
fn go() {
    let before = "package replay\n\nimport (\n\t\"os\"\n\t\"strings\"\n\t\"testing\"\n)\n";
    let after = "func TestTrace(t *testing.T) {\n\treplay(t, \"x.trace\", func(command string) \
                 string { return \"ok \" + command })\n}";
    let commands: [&[&str]; 3] =
        [&["go", "mod", "init", "replay"], &["go", "test", "-c", "-o", "replay"], &["./replay"]];
    assert_replays("go", "replay_test.go", [before, after], &commands);
}

#[test]
fn rust() {
    let after = "#[test]\nfn trace() {\n    replay(\"x.trace\", |command| format!(\"ok \
                 {command}\"));\n}";
    let build = ["rustc", "--edition", "2024", "-D", "warnings", "--test", "replay.rs"];
    assert_replays("rust", "replay.rs", ["", after], &[&build, &["./replay"]]);
}

#[test]
#[ignore = "needs a C++ compiler: scripts/verify.sh machines"]
fn cpp() {
    let before = "#include <fstream>\n#include <functional>\n#include <stdexcept>\n#include \
                  <string>\n";
    let after = "int main() {\n  Replay(\"x.trace\", [](const std::string& command) { return \"ok \
                 \" + command; });\n}";
    let warnings = ["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror"];
    let build = [&warnings[..], &["-o", "replay", "replay.cc"]].concat();
    assert_replays("cpp", "replay.cc", [before, after], &[&build, &["./replay"]]);
}
