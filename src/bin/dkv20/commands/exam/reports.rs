//! Where reports and traces are written. The places are opened before the exam, so that what
//! cannot be written is told before anything was found.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use dkv20::exam::finding::Finding;
use dkv20::exam::report::{html, json_lines, junit, markdown};
use dkv20::exam::run::Report;
use tempfile::NamedTempFile;

use crate::commands::trace::write_whole;
use crate::exit::Refused;

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// Write the report as JSON, an object a line.
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

/// Files that can be written.
pub(crate) struct Outputs {
    files: Vec<(PathBuf, NamedTempFile, Render)>,
    traces: PathBuf,
}

impl Outputs {
    /// Makes sure that every report can be written.
    pub(crate) fn open(arguments: &ReportArguments) -> Result<Self> {
        let wanted: [(&Option<PathBuf>, Render); 4] = [
            (&arguments.json, json_lines),
            (&arguments.junit, junit),
            (&arguments.markdown, markdown),
            (&arguments.html, html),
        ];
        let mut files = Vec::new();
        for (path, render) in wanted {
            if let Some(path) = path {
                files.push((path.clone(), open(path)?, render));
            }
        }
        check_folder(&arguments.traces)?;
        Ok(Self { files, traces: arguments.traces.clone() })
    }

    /// Writes a trace for each finding, and says in the finding where it is.
    pub(crate) fn write_traces(&self, report: &mut Report) -> Result<()> {
        for port in &mut report.ports {
            for finding in &mut port.findings {
                write_trace(&self.traces, &port.name, &port.command, finding)?;
            }
        }
        Ok(())
    }

    /// Writes the reports.
    pub(crate) fn write(self, report: &Report) -> Result<()> {
        for (path, mut file, render) in self.files {
            let written = file.write_all(render(report).as_bytes());
            written.with_context(|| path.display().to_string())?;
            file.persist(&path).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let opened = if path.is_dir() {
        Err(std::io::ErrorKind::IsADirectory.into())
    } else {
        NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
    };
    Ok(opened.map_err(|error| unwritable(path, &error))?)
}

/// Makes sure that files can be written into a folder that is made once there are any.
pub(crate) fn check_folder(folder: &Path) -> Result<()> {
    let there = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(there).map_err(|error| unwritable(folder, &error))?;
    Ok(())
}

/// Says why, and not which file of a passing name it was tried with.
fn unwritable(path: &Path, error: &io::Error) -> Refused {
    let inner = error.get_ref().and_then(|error| error.source());
    let reason = inner.map_or_else(|| error.to_string(), ToString::to_string);
    Refused::file(path, format!("cannot be written: {reason}"))
}

/// Writes the shrunk lines as a trace with the reference's answers; as plain lines where some of
/// them get no answer, as they may in no trace.
pub(crate) fn write_trace(
    folder: &Path,
    port: &str,
    command: &str,
    finding: &mut Finding,
) -> Result<PathBuf> {
    let (extension, bytes) = finding.replayable(port);
    let stem = format!("{port}-{}", finding.case.replace('/', "-"));
    let path = folder.join(format!("{stem}.{extension}"));
    let name = || path.display().to_string();
    fs::create_dir_all(folder).with_context(name)?;
    write_whole(&path, &bytes).with_context(name)?;
    let port = shell_words::quote(&format!("{port}={command}")).into_owned();
    let mut replay = format!("dkv20 replay {} --port {port}", path.display());
    if finding.delivery != "marked" {
        replay += &format!(" --delivery {}", finding.delivery);
    }
    finding.replay = Some(replay);
    finding.trace = Some(path.display().to_string());
    Ok(path)
}
