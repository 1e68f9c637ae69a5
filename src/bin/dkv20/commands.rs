//! The commands beside `serve` and `scenario`.

mod arguments;
mod exam;
mod expected;
mod explore;
mod files;
mod fuzz;
#[cfg(feature = "live")]
mod live;
#[cfg(not(feature = "live"))]
#[path = "commands/without_live.rs"]
mod live;
mod machine;
mod machine_file;
mod machine_report;
mod manual;
mod outputs;
mod pages;
mod snapshot;
mod subject;
mod trace;
mod view;

use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches as _, Subcommand, ValueHint};

use crate::exit::{Exit, Failure};
use files::{failed, print};

#[derive(Subcommand)]
enum Command {
    Exam(exam::ExamArguments),
    Replay(trace::ReplayArguments),
    Shrink(fuzz::ShrinkArguments),
    Fuzz(fuzz::FuzzArguments),
    Explore(explore::ExploreArguments),
    /// Check files that describe a machine of your own.
    #[command(
        subcommand,
        after_help = "Example:\n  dkv20 machine check tests/machines/counter/counter.toml"
    )]
    Machine(machine::Command),
    /// Decode snapshots, or name the first field in which two differ.
    #[command(subcommand, after_help = "Example:\n  dkv20 snapshot show state.hex")]
    Snapshot(snapshot::Command),
    Record(trace::RecordArguments),
    Live(live::LiveArguments),
    View(view::ViewArguments),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  dkv20 completions bash >~/.bash_completion.d/dkv20")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    #[command(after_help = "Example:\n  dkv20 man man1 && man man1/dkv20-exam.1")]
    Man {
        /// The folder, which is made if it is missing.
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// Adds the commands to the program's.
pub(crate) fn augment(program: clap::Command) -> clap::Command {
    Command::augment_subcommands(program)
}

pub(crate) fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    match Command::from_arg_matches(matches).unwrap_or_else(|error| error.exit()) {
        Command::Exam(arguments) => return exam::run(&arguments),
        Command::Replay(arguments) => return trace::replay(&arguments),
        Command::Shrink(arguments) => return fuzz::run_shrink(&arguments),
        Command::Fuzz(arguments) => return fuzz::run_fuzz(&arguments),
        Command::Explore(arguments) => return explore::run(&arguments),
        Command::Machine(command) => return machine::run(&command),
        Command::Snapshot(command) => return snapshot::run(&command),
        Command::Completions { shell } => print_completions(shell)?,
        Command::Man { folder } => manual::write_pages(crate::command(), &folder)
            .map_err(|error| failed(&folder, error))?,
        Command::Live(arguments) => return live::run(&arguments),
        Command::View(arguments) => return view::run(&arguments),
        Command::Record(arguments) => trace::record(&arguments)?,
    }
    Ok(Exit::Done)
}

fn print_completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "dkv20", &mut script);
    print(&String::from_utf8_lossy(&script))
}
