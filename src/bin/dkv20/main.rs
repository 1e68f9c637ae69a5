//! The `dkv20` program.

#[cfg(feature = "exam")]
mod commands;
mod exit;
#[cfg(feature = "exam")]
mod guard;
#[cfg(feature = "exam")]
mod signals;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Arg, Command};
use dkv20::{SCENARIO_NAMES, ServeError, run_scenario, serve};

use exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Exit status: 0 done (a port conforms), 1 failed (a port diverges), 2 usage error, 3 the exam itself
failed or nothing was asked.

Example:
  dkv20 scenario A";

fn main() -> ExitCode {
    #[cfg(feature = "exam")]
    if guard::run() {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => failure.report(),
    }
}

fn command() -> Command {
    let scenario = Command::new("scenario")
        .about("Print the hash of a scenario, or of all")
        .arg(Arg::new("name").help("A (steady state) or B (partitions, failover, catching up)"))
        .after_help("Example:\n  dkv20 scenario A");
    let command = Command::new("dkv20")
        .bin_name("dkv20")
        .version(env!("CARGO_PKG_VERSION"))
        .about(
            "A replicated key-value state machine defined to the byte: the Rust port, and the exam \
             for other ports",
        )
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("serve")
                .about("Answer the commands of the port protocol on standard input and output")
                .after_help("Example:\n  echo hello | dkv20 serve"),
        )
        .subcommand(scenario);
    #[cfg(feature = "exam")]
    let command = commands::augment(command);
    command
}

fn run() -> Result<Exit, Failure> {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("serve", _)) => serve(io::stdin().lock(), io::stdout().lock())?,
        Some(("scenario", arguments)) => match arguments.get_one::<String>("name") {
            Some(name) => print_scenario(name)?,
            None => SCENARIO_NAMES.iter().try_for_each(|name| print_scenario(name))?,
        },
        #[cfg(feature = "exam")]
        _ => return commands::run(&matches),
        #[cfg(not(feature = "exam"))]
        _ => unreachable!("clap requires one of the commands above"),
    }
    Ok(Exit::Done)
}

/// Prints `NAME HASH`.
fn print_scenario(name: &str) -> Result<(), Failure> {
    let hash = run_scenario(name.as_bytes())?;
    print(&format!("{name} {hash}\n"))
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    Ok(written.map_err(ServeError::Output)?)
}

/// Writes a line on standard error. If that is closed, the exit status has to do.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
