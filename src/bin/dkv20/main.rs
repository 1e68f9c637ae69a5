//! The `dkv20` program.

mod commands;

use std::process::ExitCode;

use clap::Parser as _;
use dkv20::ErrorCode;

fn main() -> ExitCode {
    match commands::run(commands::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match failure.downcast_ref::<ErrorCode>() {
                Some(code) => eprintln!("err {code}"),
                None => eprintln!("dkv20: {failure:#}"),
            }
            ExitCode::FAILURE
        }
    }
}
