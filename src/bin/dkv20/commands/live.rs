//! `live`: programs that follow one log in etcd, and are audited while they run.

mod access;
mod append;
mod audit;
mod demo;
mod drift;
mod follow;
mod lines;
mod machine;
mod progress;

use clap::{Args, Subcommand};
use dkv20_live::LiveError;

use crate::exit::{Exit, Failure};

/// Follow a log in etcd with several programs, and audit them while they run.
#[derive(Args)]
pub(crate) struct LiveArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Append(append::AppendArguments),
    Follow(follow::FollowArguments),
    Audit(audit::AuditArguments),
    Demo(demo::DemoArguments),
}

pub(crate) fn run(arguments: &LiveArguments) -> Result<Exit, Failure> {
    progress::write_log_messages()?;
    // A request for metrics before there are any has no effect.
    progress::catch_requests()?;
    match &arguments.command {
        Command::Append(arguments) => append::run(arguments),
        Command::Follow(arguments) => follow::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
    }
}

/// Runs a future to its end.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::broken(format!("no threads: {error}")))?.block_on(future)
}

/// Returns a failure of etcd, of the log or of a program.
fn broken(error: &LiveError) -> Failure {
    Failure::broken(error)
}
