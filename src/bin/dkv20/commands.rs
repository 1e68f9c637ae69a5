//! The command line: arguments to work.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use dkv20::trace::Trace;
use dkv20::{SCENARIO_NAMES, ServeError, scenario_hash, serve};
use tempfile::NamedTempFile;

/// A replicated key-value state machine that is defined to the byte: the Rust reference.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "Exit status: 0 done, 1 failed, 2 usage error.";

#[derive(Subcommand)]
enum Command {
    /// Answer the port protocol's commands on standard input and output.
    Serve,
    /// Print the hash of a scenario, or of all.
    Scenario {
        /// A (steady state) or B (everything that can go wrong); both where none is named.
        name: Option<String>,
    },
    /// Write the reference's answers into trace files.
    Record {
        /// Traces; a command without an answer gets one, and one with another answer this one.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Serve => Ok(serve(io::stdin().lock(), io::stdout().lock())?),
        Command::Scenario { name: Some(name) } => print_scenario(&name),
        Command::Scenario { name: None } => {
            SCENARIO_NAMES.iter().try_for_each(|name| print_scenario(name))
        }
        Command::Record { files } => files.iter().try_for_each(record),
    }
}

/// Prints `NAME HASH`.
fn print_scenario(name: &str) -> Result<()> {
    let hash = scenario_hash(name.as_bytes())?;
    writeln!(io::stdout(), "{name} {hash}").map_err(ServeError::Output)?;
    Ok(())
}

/// Rewrites the file whole or not at all.
fn record(file: &PathBuf) -> Result<()> {
    let name = || file.display().to_string();
    let bytes = fs::read(file).with_context(name)?;
    let mut trace = Trace::parse(&bytes).with_context(name)?;
    trace.record();
    let recorded = trace.to_bytes();
    if recorded != bytes {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut written =
            NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(name)?;
        written.write_all(&recorded).with_context(name)?;
        written.persist(file).with_context(name)?;
    }
    Ok(())
}
