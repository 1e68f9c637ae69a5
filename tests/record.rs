//! `dkv20 record`: writes the reference's answers into traces.

// `record` is part of the examiner.
#![cfg(feature = "exam")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The exit status of a program and everything that it wrote.
#[derive(Debug, PartialEq)]
struct Ended {
    status: i32,
    out: String,
    err: String,
}

fn ended(status: i32, out: &str, err: &str) -> Ended {
    Ended { status, out: out.into(), err: err.into() }
}

fn run(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_dkv20")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("the program writes text");
    Ended {
        status: output.status.code().expect("an exit status"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Runs `record` on a file of these bytes. Returns the result, the bytes of the file afterwards, and
/// its name.
fn record(bytes: &[u8]) -> (Ended, Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("some.trace");
    fs::write(&file, bytes).unwrap();
    let name = file.to_str().unwrap();
    let ended = run(&["record", name]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    (ended, fs::read(&file).unwrap(), name.to_owned())
}

#[test]
fn writes_answers_and_keeps_comments() {
    let before = b"# \xff\n\n> new 1\n> mix 0\n< ok 1\n#\n> put a b\n< ok\n\n";
    let after = b"# \xff\n\n> new 1\n< ok\n> mix 0\n< ok 0\n#\n> put a b\n\
        < ok committed index=1 term=1\n\n";
    let (done, bytes, name) = record(before);
    assert_eq!(done, ended(0, &format!("{name}: 3 answers recorded\n"), ""));
    assert_eq!(bytes.escape_ascii().to_string(), after.escape_ascii().to_string());
    let (done, bytes, _) = record(after);
    assert_eq!((done, bytes.as_slice()), (ended(0, "", ""), after.as_slice()));
}

#[test]
fn leaves_a_malformed_file_unchanged() {
    for (before, place) in [
        (b"> mix 0\n< ok 9\nnonsense\n".as_slice(), "line 3, column 1: "),
        (b"> mix 0\n>mix 0\n", "line 2, column 2: "),
        (b"> hello\n", "line 1, column 3: "),
        (b"> mix 0", "line 1, column 8: "),
    ] {
        let (Ended { status, out, err }, bytes, name) = record(before);
        assert_eq!((status, out.as_str(), bytes.as_slice()), (3, "", before));
        assert!(err.starts_with(&format!("dkv20: {name}: {place}")), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn names_a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.trace");
    let Ended { status, out, err } = run(&["record", file.to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (3, ""));
    assert!(err.starts_with(&format!("dkv20: {}: ", file.display())), "{err}");
    assert!(!file.exists());
}

#[test]
fn does_not_write_a_file_that_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|name| folder.path().join(name));
    fs::write(&right, "> mix 0\n< ok 0\n").unwrap();
    fs::write(&wrong, "> mix 0\n").unwrap();
    // A file is replaced by renaming another, so its time of change shows whether it was written.
    let modified = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    for file in [&right, &wrong] {
        fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    let names = [&right, &wrong].map(|file| file.to_str().unwrap());
    let recorded = format!("{}: 1 answer recorded\n", names[1]);
    assert_eq!(run(&["record", names[0], names[1]]), ended(0, &recorded, ""));
    assert_eq!(modified(&right), long_ago);
    assert_ne!(modified(&wrong), long_ago);
    assert_eq!(fs::read(&wrong).unwrap(), b"> mix 0\n< ok 0\n");
}
