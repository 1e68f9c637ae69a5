//! `live` in a program that is built without it.

use std::ffi::OsString;

use clap::Args;

use crate::exit::{Exit, Failure};

/// Follow a log in etcd with several programs, and audit them while they run (not in this build).
#[derive(Args)]
#[command(after_help = "Example:\n  bash scripts/build.sh live && target/dkv20 live demo")]
pub(crate) struct LiveArguments {
    /// Arguments of the command that is not here.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

pub(crate) fn run(_: &LiveArguments) -> Result<Exit, Failure> {
    Err(Failure::usage(
        "this dkv20 is built without `live`; `bash scripts/build.sh live` in a clone of dkv20 builds \
         target/dkv20 with it (as cargo's feature `live` does, which needs protoc)",
    ))
}
