//! Runs of the program in a folder, and the counter, a small described machine with faults to plant.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");

/// Returns the path of a file of the repository.
pub(crate) fn root(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.to_str().expect("a UTF-8 path").into()
}

/// Returns the machine file of the counter.
pub(crate) fn counter() -> String {
    root("tests/machines/counter/counter.toml")
}

/// Returns the command line of the counter with a planted fault.
pub(crate) fn faulty_counter(fault: &str) -> String {
    let program = root("tests/machines/counter/counter.py");
    shell_words::join(["python3", &program, "--fault", fault])
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn dkv20(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the program starts")
}

/// Checks the exit status, and that the output has these words.
#[track_caller]
pub(crate) fn assert_ended(output: &Output, status: i32, words: &[&str]) {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}
