//! `snapshot show` and `snapshot diff`: snapshots for people.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use dkv20::load_state;
use dkv20::machines::fields::{all_differences, describe, first_difference};
use dkv20_exam::reports::counted;

use super::files::{broken, print, read, shown};
use crate::exit::{Exit, Failure};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the fields of snapshots, and whether `load_state` accepts them.
    ///
    /// Of other bytes the fields up to the first wrong one are shown, with the error and the offset
    /// that `load_state` returns.
    #[command(after_help = "Example:\n  echo dump 0 | dkv20 serve | dkv20 snapshot show -")]
    Show {
        /// Snapshots: raw bytes, or hex digits as they are in an answer (`ok 0x…`); `-` is the
        /// standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Name the first field in which two snapshots differ.
    #[command(after_help = "Example:\n  dkv20 snapshot diff --all expected.hex actual.hex")]
    Diff {
        /// The snapshot that counts as right; raw bytes, hex digits, or `-`.
        expected: PathBuf,
        /// The other one.
        actual: PathBuf,
        /// Print every difference: the fields before the entries, and the entries by their keys.
        #[arg(long)]
        all: bool,
    },
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Show { files } => {
            check_standard_input(files.iter())?;
            let exits: Vec<_> = files.iter().map(|file| show(file)).collect::<Result<_, _>>()?;
            Ok(if exits.contains(&Exit::Diverged) { Exit::Diverged } else { Exit::Done })
        }
        Command::Diff { expected, actual, all } => {
            check_standard_input([expected, actual].into_iter())?;
            diff(expected, actual, *all)
        }
    }
}

fn check_standard_input<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    if files.filter(|file| is_standard_input(file)).count() > 1 {
        return Err(Failure::usage("the standard input `-` can be read once only"));
    }
    Ok(())
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

fn show(file: &Path) -> Result<Exit, Failure> {
    let bytes = read_snapshot(file)?;
    let mut text = format!("{}: {}\n", name_of(file), counted(bytes.len(), "byte"));
    for line in describe(&bytes) {
        text += &format!("{line}\n");
    }
    let exit = match load_state(&bytes) {
        Ok(snapshot) => {
            text += &format!("valid, sha256 {}\n", snapshot.snapshot_hash());
            Exit::Done
        }
        Err(error) => {
            text += &format!("not a snapshot: {error}\n");
            Exit::Diverged
        }
    };
    print(&text)?;
    Ok(exit)
}

fn diff(expected_file: &Path, actual_file: &Path, all: bool) -> Result<Exit, Failure> {
    let (expected, actual) = (read_snapshot(expected_file)?, read_snapshot(actual_file)?);
    let mut lines = if all {
        all_differences(&expected, &actual)
    } else {
        first_difference(&expected, &actual).into_iter().collect()
    };
    let exit = if lines.is_empty() { Exit::Done } else { Exit::Diverged };
    if lines.is_empty() {
        lines.push("the snapshots are equal".into());
    }
    for (file, bytes) in [(expected_file, &expected), (actual_file, &actual)] {
        if let Err(error) = load_state(bytes) {
            lines.push(format!("{}: not a snapshot: {error}", name_of(file)));
        }
    }
    print(&(lines.join("\n") + "\n"))?;
    Ok(exit)
}

fn name_of(file: &Path) -> String {
    if is_standard_input(file) { "standard input".into() } else { shown(file) }
}

/// Reads a snapshot: hex digits and white space, with an optional `0x` or an answer's `ok` before
/// them, are decoded; any other bytes are the snapshot itself.
fn read_snapshot(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if is_standard_input(file) {
        let mut bytes = Vec::new();
        let input = io::stdin().lock().read_to_end(&mut bytes);
        input.map_err(|error| broken(Path::new("standard input"), error))?;
        bytes
    } else {
        read(file)?
    };
    let text: String = match std::str::from_utf8(&bytes) {
        Ok(text) => text.split_ascii_whitespace().collect(),
        Err(_) => return Ok(bytes),
    };
    let answer = text.strip_prefix("ok").unwrap_or(&text);
    let digits = answer.strip_prefix("0x").or(answer.strip_prefix("0X")).unwrap_or(answer);
    let is_announced = digits.len() < text.len();
    let odd = digits.bytes().find(|byte| !byte.is_ascii_hexdigit());
    match odd {
        _ if bytes.starts_with(b"DKVS") => Ok(bytes),
        Some(odd) if is_announced => {
            let file = name_of(file);
            let odd = odd.escape_ascii();
            Err(broken(Path::new(&file), format!("`{odd}` after `0x` or `ok` is not a hex digit")))
        }
        Some(_) => Ok(bytes),
        None => hex::decode(digits)
            .map_err(|_| broken(Path::new(&name_of(file)), "an odd number of hex digits")),
    }
}
