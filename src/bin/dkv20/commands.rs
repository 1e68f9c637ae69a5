//! The command line: arguments to work.

mod exam;
mod explore;
mod fuzz;
mod snapshot;
mod trace;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{CommandFactory as _, Parser, Subcommand};
use dkv20::{SCENARIO_NAMES, ServeError, scenario_hash, serve};

use crate::exit::Exit;

/// A replicated key-value state machine that is defined to the byte: the Rust reference, and the
/// exam for ports of it.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done (a port conforms), 1 failed (a port diverges), 2 usage error, 3 the exam itself
failed or nothing was asked.";

#[derive(Subcommand)]
enum Command {
    /// Answer the port protocol's commands on standard input and output.
    Serve,
    /// Print the hash of a scenario, or of all.
    Scenario {
        /// A (steady state) or B (everything that can go wrong); both where none is named.
        name: Option<String>,
    },
    /// Examine ports: programs that speak the port protocol.
    Exam(exam::ExamArguments),
    /// Run a trace and show the first difference.
    Replay(trace::ReplayArguments),
    Shrink(fuzz::ShrinkArguments),
    Fuzz(fuzz::FuzzArguments),
    Explore(explore::ExploreArguments),
    /// Decode snapshots, and name the first differing field of two.
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Write the reference's answers into trace files.
    Record {
        /// Traces; a command without an answer gets one, and one with another answer this one.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    Man {
        /// The folder, which is made where it is missing.
        folder: PathBuf,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit> {
    match arguments.command {
        Command::Serve => serve(io::stdin().lock(), io::stdout().lock())?,
        Command::Scenario { name: Some(name) } => print_scenario(&name)?,
        Command::Scenario { name: None } => {
            SCENARIO_NAMES.iter().try_for_each(|name| print_scenario(name))?;
        }
        Command::Exam(arguments) => return exam::run(&arguments),
        Command::Replay(arguments) => return trace::replay(&arguments),
        Command::Shrink(arguments) => return fuzz::run_shrink(&arguments),
        Command::Fuzz(arguments) => return fuzz::run_fuzz(&arguments),
        Command::Explore(arguments) => return explore::run(&arguments),
        Command::Snapshot(command) => return snapshot::run(&command),
        Command::Completions { shell } => print_completions(shell)?,
        Command::Man { folder } => write_man_pages(&folder)?,
        Command::Record { files } => files.iter().try_for_each(|file| trace::record(file))?,
    }
    Ok(Exit::Done)
}

/// Prints `NAME HASH`.
fn print_scenario(name: &str) -> Result<()> {
    let hash = scenario_hash(name.as_bytes())?;
    print(&format!("{name} {hash}\n"))
}

fn print_completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "dkv20", &mut script);
    print(&String::from_utf8(script)?)
}

fn write_man_pages(folder: &Path) -> Result<()> {
    let name = || folder.display().to_string();
    fs::create_dir_all(folder).with_context(name)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(name)
}

fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(ServeError::Output)?;
    Ok(())
}
