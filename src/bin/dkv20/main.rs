//! The `dkv20` program.

mod commands;
mod exit;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use dkv20::ErrorCode;

fn main() -> ExitCode {
    let failure = match commands::run(commands::Arguments::parse()) {
        Ok(exit) => return exit.into(),
        Err(failure) => failure,
    };
    if let Some(code) = failure.downcast_ref::<ErrorCode>() {
        complain(&format!("err {code}"));
        return ExitCode::FAILURE;
    }
    complain(&format!("dkv20: {failure:#}"));
    match failure.downcast_ref::<exit::Refused>() {
        Some(exit::Refused::Usage(_)) => ExitCode::from(2),
        Some(exit::Refused::Broken(_)) => ExitCode::from(3),
        None => ExitCode::FAILURE,
    }
}

/// Writes a line on standard error. Where that is closed there is nobody to tell.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
