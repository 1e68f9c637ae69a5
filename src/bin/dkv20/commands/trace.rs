//! `record` and `replay`: trace files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use dkv20::exam::case::Delivery;
use dkv20::exam::examinee::Examinee;
use dkv20::exam::finding::headline;
use dkv20::trace::Trace;
use tempfile::NamedTempFile;

use super::exam::{PortArguments, delivery};
use crate::exit::{Exit, Refused};

/// Writes the file whole or not at all.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut written = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    written.write_all(bytes)?;
    written.persist(file)?;
    Ok(())
}

/// Puts the reference's answers into the file.
pub(crate) fn record(file: &Path) -> Result<()> {
    let (bytes, mut trace) = read(file)?;
    trace.record();
    let recorded = trace.to_bytes();
    if recorded != bytes {
        write_whole(file, &recorded).map_err(|error| Refused::file(file, error))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<(Vec<u8>, Trace)> {
    let bytes = fs::read(file).map_err(|error| Refused::file(file, error))?;
    let trace = Trace::parse(&bytes).map_err(|error| Refused::file(file, error))?;
    Ok((bytes, trace))
}

/// Run the commands of a trace on the reference, or on ports, and show the first answer that is
/// not the one in the trace.
#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// The trace; or any other file, whose lines are taken as they are.
    trace: PathBuf,
    #[command(flatten)]
    ports: PortArguments,
    /// How the lines reach the port.
    #[arg(long, default_value = "marked", value_parser = delivery)]
    delivery: Delivery,
}

pub(crate) fn replay(arguments: &ReplayArguments) -> Result<Exit> {
    let lines = lines_of(&arguments.trace)?;
    let ports = arguments.ports.given()?;
    let mut exit = Exit::Done;
    if ports.is_empty() {
        super::print("the reference: every answer is the one in the trace\n")?;
    }
    for port in ports {
        let name = port.name.clone();
        let mut examinee = Examinee::new(port, arguments.ports.timeout);
        match examinee.run(&lines, arguments.delivery) {
            Ok(()) => super::print(&format!("{name}: every answer is the one in the trace\n"))?,
            Err(divergence) => {
                exit = Exit::Diverged;
                let line = lines.get(divergence.step).map_or(&[][..], Vec::as_slice);
                let step = divergence.step + 1;
                let headline = headline(line, &divergence);
                super::print(&format!("{name}: step {step}: {headline}\n"))?;
                let stderr = examinee.stderr_tail();
                if !stderr.is_empty() {
                    super::print(&format!("{name}: standard error ends: {stderr}\n"))?;
                }
            }
        }
    }
    Ok(exit)
}

/// The commands of a trace, whose answers must be the reference's; or, from any file that is not
/// called `.trace`, its lines as they are.
pub(crate) fn lines_of(file: &Path) -> Result<Vec<Vec<u8>>> {
    if file.extension().is_none_or(|extension| extension != "trace") {
        let bytes = fs::read(file).map_err(|error| Refused::file(file, error))?;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        return Ok(lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()).collect());
    }
    let (_, trace) = read(file)?;
    if let Some(difference) = trace.check() {
        let difference = difference.to_string().replace("\n ", ";");
        let difference = format!("not what the reference answers: {difference}");
        return Err(Refused::file(file, difference).into());
    }
    Ok(trace.steps().map(|step| step.command.clone()).collect())
}
