//! `view`: a trace as a page.

use std::path::PathBuf;

use clap::Args;
use dkv20::view::{of_cluster, page, watch};

use super::arguments::PortArguments;
use super::files::{unwritable, write_whole};
use super::subject::{MachineArguments, Subject};
use crate::exit::{Exit, Failure};

/// Write a trace as a page on which each step can be followed.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ViewArguments {
    /// A trace; or lines, one a line, below the line `# dkv20 lines`.
    trace: PathBuf,
    /// Write the page here.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  dkv20 view tests/traces/case-15-deposed-tail-is-truncated.trace -o page.html";

pub(crate) fn run(arguments: &ViewArguments) -> Result<Exit, Failure> {
    let bytes = super::files::read(&arguments.trace)?;
    let lines = dkv20::machines::file_lines(&bytes, false)
        .map_err(|r| super::files::broken(&arguments.trace, r))?;
    let asked: Vec<_> = lines.iter().map(|line| line.line.clone()).collect();
    let watched = watch(&asked, false, &|| true);
    let title = arguments.trace.file_name().unwrap_or_default().to_string_lossy();
    let view = of_cluster(&title, &lines, watched);
    write_whole(&arguments.output, page(&view).as_bytes())
        .map_err(|error| unwritable(&arguments.output, &error))?;
    Ok(Exit::Done)
}
