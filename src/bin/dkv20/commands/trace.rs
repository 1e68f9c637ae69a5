//! `record` and `replay`: trace files.

use std::path::{Path, PathBuf};

use clap::Args;
use dkv20::machines::{Dkv20, lines_of_trace, record_trace};
use dkv20_exam::{Delivery, Examinee};

use super::arguments::{PortArguments, delivery};
use super::files::{broken, read, write_whole};
use crate::exit::{Exit, Failure};
use crate::print;

/// Writes the reference's answers into the file.
pub(crate) fn record(file: &Path) -> Result<(), Failure> {
    let bytes = read(file)?;
    let recorded = record_trace(&bytes).map_err(|reason| broken(file, reason))?;
    if recorded != bytes {
        write_whole(file, &recorded).map_err(|error| broken(file, error))?;
    }
    Ok(())
}

/// Run a trace on the reference, or on ports, and show the first answer that differs.
#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// A trace; or any other file, whose lines are used as they are.
    trace: PathBuf,
    /// How the lines reach the port.
    #[arg(long, default_value = "marked", value_parser = delivery())]
    delivery: Delivery,
    #[command(flatten)]
    ports: PortArguments,
}

pub(crate) fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let lines = lines_of(&arguments.trace)?;
    let ports = arguments.ports.given()?;
    let limits = arguments.ports.limits()?;
    let mut exit = Exit::Done;
    if ports.is_empty() {
        print("the reference: every answer is the one in the trace\n")?;
    }
    for port in ports {
        let name = port.name.clone();
        let mut examinee = Examinee::new(&Dkv20, port, limits.clone());
        match examinee.run(&lines, arguments.delivery) {
            Ok(()) => print(&format!("{name}: every answer is the one in the trace\n"))?,
            Err(divergence) => {
                Failure::unless_of_port(&name, &divergence)?;
                exit = Exit::Diverged;
                let (step, headline) = (divergence.step + 1, divergence.headline(&lines));
                print(&format!("{name}: step {step}: {headline}\n"))?;
                let stderr = examinee.stderr_tail();
                if !stderr.is_empty() {
                    print(&format!("{name}: standard error ends: {stderr}\n"))?;
                }
            }
        }
    }
    Ok(exit)
}

/// Returns the commands of a `.trace` file, whose answers must be the reference's, or the lines of
/// any other file.
pub(crate) fn lines_of(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = read(file)?;
    if file.extension().is_some_and(|extension| extension == "trace") {
        return lines_of_trace(&bytes).map_err(|reason| broken(file, reason));
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    Ok(lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()).collect())
}
