//! `snapshot show` and `snapshot diff`: snapshots for people.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use dkv20::exam::fields::{describe, first_difference};
use dkv20::load_state;

use crate::exit::{Exit, Refused};

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
        /// The snapshot that is taken to be right.
        expected: PathBuf,
        /// The other one.
        actual: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<Exit> {
    match command {
        Command::Show { files } => {
            let exits: Vec<_> = files.iter().map(|file| show(file)).collect::<Result<_>>()?;
            Ok(if exits.contains(&Exit::Diverged) { Exit::Diverged } else { Exit::Done })
        }
        Command::Diff { expected, actual } => diff(expected, actual),
    }
}

fn show(file: &Path) -> Result<Exit> {
    let bytes = read(file)?;
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
    super::print(&text)?;
    Ok(exit)
}

fn diff(expected: &Path, actual: &Path) -> Result<Exit> {
    match first_difference(&read(expected)?, &read(actual)?) {
        None => {
            super::print("the snapshots are the same\n")?;
            Ok(Exit::Done)
        }
        Some(difference) => {
            super::print(&format!("{difference}\n"))?;
            Ok(Exit::Diverged)
        }
    }
}

/// A file of hex digits and white space, with `0x` or an answer's `ok` before them, is hex; any
/// other is the snapshot itself. A snapshot begins with letters that are no hex digits.
fn read(file: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(file).map_err(|error| Refused::file(file, error))?;
    let text: String = match std::str::from_utf8(&bytes) {
        Ok(text) => text.split_ascii_whitespace().collect(),
        Err(_) => return Ok(bytes),
    };
    let digits = text.strip_prefix("ok").unwrap_or(&text);
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if bytes.starts_with(b"DKVS") || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(bytes);
    }
    let odd = |_| Refused::file(file, "an odd number of hex digits");
    Ok(hex::decode(digits).map_err(odd)?)
}
