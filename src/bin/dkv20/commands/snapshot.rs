//! `snapshot show` and `snapshot diff`: snapshots for people.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use dkv20::load_state;
use dkv20::machines::fields::{describe, first_difference};

use super::files::{broken, read};
use super::print;
use crate::exit::{Exit, Failure};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print every field of snapshots, and whether `load_state` accepts them.
    Show {
        /// Snapshots: raw bytes, or hex digits with or without `0x`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Name the first field in which two snapshots differ.
    Diff {
        /// The snapshot that counts as right.
        expected: PathBuf,
        /// The other one.
        actual: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Show { files } => {
            let exits: Vec<_> = files.iter().map(|file| show(file)).collect::<Result<_, _>>()?;
            Ok(if exits.contains(&Exit::Diverged) { Exit::Diverged } else { Exit::Done })
        }
        Command::Diff { expected, actual } => diff(expected, actual),
    }
}

fn show(file: &Path) -> Result<Exit, Failure> {
    let bytes = read_snapshot(file)?;
    let mut text = format!("{}: {} bytes\n", file.display(), bytes.len());
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

fn diff(expected: &Path, actual: &Path) -> Result<Exit, Failure> {
    match first_difference(&read_snapshot(expected)?, &read_snapshot(actual)?) {
        None => {
            print("the snapshots are equal\n")?;
            Ok(Exit::Done)
        }
        Some(difference) => {
            print(&format!("{difference}\n"))?;
            Ok(Exit::Diverged)
        }
    }
}

/// Reads a snapshot: a file of hex digits and white space, with an optional `0x` or an answer's `ok`
/// before them, is decoded; any other file is the snapshot itself.
fn read_snapshot(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(file)?;
    let text: String = match std::str::from_utf8(&bytes) {
        Ok(text) => text.split_ascii_whitespace().collect(),
        Err(_) => return Ok(bytes),
    };
    let digits = text.strip_prefix("ok").unwrap_or(&text);
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if bytes.starts_with(b"DKVS") || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(bytes);
    }
    hex::decode(digits).map_err(|_| broken(file, "an odd number of hex digits"))
}
