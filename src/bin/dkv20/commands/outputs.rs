//! Reports, and traces of findings. Their paths are checked before an exam, so that an error costs
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use dkv20::machines::replay_file;
use dkv20_exam::reports::{html, json_lines, junit, markdown};
use dkv20_exam::{Delivery, Finding, PortSpec, Report};

use super::files::{check_file, check_folder, failed, write_whole};
use super::print;
use crate::exit::Failure;

#[derive(Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportArguments {
    /// Write the report as JSON, one object on each line.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as Markdown, for a CI summary.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the report as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the traces of findings into this folder.
    #[arg(long, value_name = "FOLDER", default_value = "dkv20-findings")]
    traces: PathBuf,
}

type Render = fn(&Report) -> String;

impl ReportArguments {
    fn files(&self) -> impl Iterator<Item = (&PathBuf, Render)> {
        let files: [(_, Render); 4] = [
            (&self.json, json_lines),
            (&self.junit, junit),
            (&self.markdown, markdown),
            (&self.html, html),
        ];
        files.into_iter().filter_map(|(file, render)| Some((file.as_ref()?, render)))
    }

    /// Checks that everything can be written.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.files().try_for_each(|(file, _)| check_file(file))?;
        check_folder(&self.traces)
    }

    /// Writes a trace for each finding and notes its path in the finding.
    pub(crate) fn write_traces(
        &self,
        ports: &[PortSpec],
        report: &mut Report,
    ) -> Result<(), Failure> {
        for (spec, port) in ports.iter().zip(&mut report.ports) {
            for finding in &mut port.findings {
                write_trace(&self.traces, spec, finding)?;
            }
        }
        Ok(())
    }

    /// Writes the reports.
    pub(crate) fn write(&self, report: &Report) -> Result<(), Failure> {
        for (file, render) in self.files() {
            let written = write_whole(file, render(report).as_bytes());
            written.map_err(|error| failed(file, error))?;
        }
        Ok(())
    }
}

/// Writes the shrunk lines into a folder as a file that `dkv20 replay` reads, and notes file and
/// command in the finding.
fn write_trace(folder: &Path, port: &PortSpec, finding: &mut Finding) -> Result<(), Failure> {
    let (extension, bytes) = replay_file(finding, &port.name);
    let stem = format!("{}-{}", port.name, finding.case.replace('/', "-"));
    let path = folder.join(format!("{stem}.{extension}"));
    let written = fs::create_dir_all(folder).and_then(|()| write_whole(&path, &bytes));
    written.map_err(|error| failed(&path, error))?;
    let mut replay = format!("dkv20 replay {} --port {}", path.display(), port.argument());
    if finding.delivery != Delivery::Marked {
        replay += &format!(" --delivery {}", finding.delivery.as_str());
    }
    finding.replay = Some(replay);
    finding.trace = Some(path.display().to_string());
    Ok(())
}

/// Writes a finding's trace and, unless `is_quiet`, prints the finding, even if the trace cannot be
/// written.
pub(crate) fn report_finding(
    folder: &Path,
    port: &PortSpec,
    mut finding: Finding,
    is_quiet: bool,
) -> Result<(), Failure> {
    let written = write_trace(folder, port, &mut finding);
    let mut text = format!("{}: {}: {}\n", port.name, finding.case, finding.headline());
    for line in finding.explanation.iter().chain(&finding.replay) {
        text += &format!("    {line}\n");
    }
    if !is_quiet {
        print(&text)?;
    }
    written
}
