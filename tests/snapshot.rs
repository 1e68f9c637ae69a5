//! `dkv20 snapshot`: what it reads, and what it shows of snapshots and of what is not one.

#![cfg(all(unix, feature = "exam"))]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dkv20::load_state;

/// Returns exit status, standard output and standard error.
fn snapshot(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dkv20"));
    command.arg("snapshot").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().expect("the program starts");
    // A program that does not read its input may end before it is written.
    let _ = program.stdin.take().expect("a pipe").write_all(input);
    let output = program.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn hex_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "hex")).collect();
    files.sort();
    assert!(files.len() > 10);
    files
}

fn digits(file: &Path) -> String {
    fs::read_to_string(file).expect("text").split_whitespace().collect()
}

/// Raw bytes, and every form in which people copy them.
#[test]
fn every_form_of_a_snapshot_is_read() {
    for file in hex_files() {
        let digits = digits(&file);
        let bytes = hex::decode(&digits).expect("hex digits");
        let (status, expected, _) = snapshot(&["show", "-"], digits.as_bytes());
        let forms = [
            format!("0x{digits}").into_bytes(),
            format!("ok 0x{digits}\n").into_bytes(),
            format!("  0X{}\r\n", digits.to_uppercase()).into_bytes(),
            fs::read(&file).expect("the file"),
            // No bytes are no hex digits either.
            bytes,
        ];
        for form in forms {
            let shown = snapshot(&["show", "-"], &form);
            assert_eq!(shown, (status, expected.clone(), String::new()), "{}", file.display());
        }
        let file = file.to_str().expect("a UTF-8 path");
        let (_, of_file, _) = snapshot(&["show", file], b"");
        assert_eq!(of_file, expected.replace("standard input: ", &format!("{file}: ")));
        let (status, equal, _) =
            snapshot(&["diff", file, "-"], format!("ok 0x{digits}").as_bytes());
        assert_eq!((status, equal.lines().next()), (Some(0), Some("the snapshots are equal")));
    }
}

/// Garbage after the first wrong byte is not shown as fields.
#[test]
fn what_is_not_a_snapshot_is_shown_up_to_its_first_wrong_field() {
    let garbage = (0..=255).cycle().take(2_000).collect::<Vec<u8>>();
    let mut wrong = vec![b"hello, world\n".to_vec(), garbage];
    wrong.extend(hex_files().iter().map(|file| hex::decode(digits(file)).expect("hex digits")));
    for bytes in wrong {
        let (status, shown, said) = snapshot(&["show", "-"], &bytes);
        let offsets = || shown.lines().filter_map(|line| line.get(..8)?.trim().parse().ok());
        let last = shown.lines().last().expect("a line");
        match load_state(&bytes) {
            Ok(_) => assert!(status == Some(0) && last.starts_with("valid, sha256 "), "{shown}"),
            Err(error) => {
                assert_eq!((status, said.as_str()), (Some(1), ""));
                assert_eq!(last, format!("not a snapshot: {error}"));
                assert!(offsets().all(|offset: usize| offset <= error.offset), "{shown}");
                let (_, difference, _) =
                    snapshot(&["diff", &hex_files()[0].to_string_lossy(), "-"], &bytes);
                assert!(difference.contains(&format!("standard input: {last}")), "{difference}");
            }
        }
    }
}

#[test]
fn fields_are_in_columns() {
    let (_, shown, _) = snapshot(&["show", "tests/snapshots/one-key.hex"], b"");
    let fields: Vec<_> = shown.lines().filter(|line| line.starts_with(' ')).collect();
    assert_eq!(fields.len(), 9, "{shown}");
    for field in fields {
        let (name, value) = field[10..].split_at("length of value 1: ".len());
        assert!(name.trim_end().ends_with(':') && !value.starts_with(' '), "{field}");
    }
}

#[test]
fn every_difference_is_listed_on_demand() {
    let (key_order, nul_key) = ("tests/snapshots/key-order.hex", "tests/snapshots/nul-key.hex");
    let (status, first, _) = snapshot(&["diff", key_order, nul_key], b"");
    assert_eq!((status, first.lines().count()), (Some(1), 1), "{first}");
    let (status, all, _) = snapshot(&["diff", "--all", key_order, nul_key], b"");
    assert_eq!(status, Some(1));
    for key in ["key 0x61 \"a\": missing in the actual", "key 0x6100 \"a\\x00\": in the actual"] {
        assert!(all.contains(key), "{key} is not in {all}");
    }
    assert!(all.starts_with("commit index at offset 8: expected "), "{all}");

    let mut changed = hex::decode(digits(Path::new(key_order))).expect("hex digits");
    let last = changed.len() - 1;
    changed[last] ^= 1;
    changed[8] += 1;
    let (_, all, _) = snapshot(&["diff", "--all", key_order, "-"], &changed);
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.contains(", other from byte 0 on"), "{all}");
}

#[test]
fn bad_arguments_are_refused() {
    for (arguments, input, status, words) in [
        (&["show", "-", "-"][..], "", 2, "`-` can be read once only"),
        (&["diff", "-", "-"], "", 2, "`-` can be read once only"),
        (&["show", "-"], "ok 0x4g", 3, "standard input: `g` after `0x` or `ok` is not a hex digit"),
        (&["show", "-"], "0x444", 3, "standard input: an odd number of hex digits"),
        (&["show", "gone"], "", 3, "gone: No such file"),
    ] {
        let (actual, out, said) = snapshot(arguments, input.as_bytes());
        assert_eq!((actual, out.as_str(), said.lines().count()), (Some(status), "", 1), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
