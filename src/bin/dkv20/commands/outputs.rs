//! Reports, and traces of findings. Their paths are checked before an exam, so that an error costs
//! nothing.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use dkv20::machines::section_url;
use dkv20::view::page;
use dkv20_exam::reports::{html, json_lines, junit, markdown};
use dkv20_exam::{Delivery, Failure as Trouble, Finding, Limits, PortSpec, Report};
use sha2::{Digest as _, Sha256};

use super::files::{
    check_file, check_folder, folder_of, identity, is_standard_output, print, shown, unwritable,
    write_new, write_whole,
};
use super::pages::view_of_finding;
use super::subject::Subject;
use crate::exit::Failure;

/// The longest name of a trace without its hash and extension. File systems allow 255 bytes.
const STEM_LENGTH_MAX: usize = 160;

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
    /// Write the report as one HTML file. Each finding in it links to a page, which is written beside
    /// the finding's trace and shows it step by step.
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
            (&self.html, |report| html(report, &section_url)),
        ];
        files.into_iter().filter_map(|(file, render)| Some((file.as_ref()?, render)))
    }

    /// Checks that everything can be written, and that no two reports are the same file.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.files().try_for_each(|(file, _)| check_file(file))?;
        let files: Vec<_> = self.files().map(|(file, _)| file).collect();
        for (position, file) in files.iter().enumerate() {
            let same = |other: &&&PathBuf| {
                identity(other).ok().is_some_and(|other| identity(file).is_ok_and(|it| it == other))
            };
            if let Some(other) = files[..position].iter().find(same) {
                let (other, file) = (shown(other), shown(file));
                return Err(Failure::usage(format!("two reports for one file: {other}, {file}")));
            }
        }
        check_folder(&self.traces)
    }

    /// Writes a trace for each finding and notes its path in the finding; and a page beside it if
    /// there is a report in HTML, which links to it.
    pub(crate) fn write_traces(
        &self,
        subject: &Subject,
        ports: &[PortSpec],
        limits: &Limits,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let origin = format!("seed {}", report.seed);
        let ports = ports.iter().zip(&mut report.ports);
        let findings =
            ports.flat_map(|(spec, port)| port.findings.iter_mut().map(move |it| (spec, it)));
        try_all(findings.map(|(spec, finding)| {
            let timeout = limits.timeout;
            let trace = write_trace(subject, &self.traces, spec, timeout, &origin, finding)?;
            let Some(html) = &self.html else { return Ok(()) };
            let Some(trace) = trace else {
                finding.no_page = Some(NOT_OF_SESSION.into());
                return Ok(());
            };
            match write_page(subject, spec, limits, &trace, finding)? {
                Ok(page) => finding.page = Some(link(html, &page)),
                Err(cause) => finding.no_page = Some(cause.to_string()),
            }
            Ok(())
        }))
    }

    /// Prints the text on standard output; on standard error if a report is there.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        if self.files().any(|(file, _)| is_standard_output(file)) {
            crate::complain(text.trim_end());
            return Ok(());
        }
        print(text)
    }

    /// Writes the reports.
    pub(crate) fn write(&self, report: &Report) -> Result<(), Failure> {
        try_all(self.files().map(|(file, render)| {
            let written = write_whole(file, render(report).as_bytes());
            written.map_err(|error| unwritable(file, &error))
        }))
    }
}

/// Does everything, whatever fails. Reports all failures but the last, which is returned.
pub(crate) fn try_all(
    results: impl IntoIterator<Item = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    let last = failures.pop();
    for failure in failures {
        failure.report();
    }
    last.map_or(Ok(()), Err)
}

/// Writes the shrunk lines into a folder as a file that `dkv20 replay` reads, and notes file and
/// command in the finding. Returns the path of the file, if the lines show the finding.
fn write_trace(
    subject: &Subject,
    folder: &Path,
    port: &PortSpec,
    timeout: Duration,
    origin: &str,
    finding: &mut Finding,
) -> Result<Option<PathBuf>, Failure> {
    let words: Vec<_> = ["dkv20".into()].into_iter().chain(env::args_os().skip(1)).collect();
    let command = PortSpec::shell_line(&words);
    let title = format!("{}: {}", port.name, finding.case);
    if !finding.is_of_session {
        let only = ["--only", finding.case.as_str()].map(Into::into);
        finding.replay = Some(line_of(subject, port, &command_of(subject, "exam", only)));
        return Ok(None);
    }
    let heading = [title, finding.headline(), format!("{origin}: {command}")];
    let (extension, bytes) = subject.replay_file(finding, &heading);
    let written = fs::create_dir_all(folder)
        .and_then(|()| write_new(folder, &stem(port, finding, &bytes), extension, &bytes));
    let path = written.map_err(|error| unwritable(folder, &error))?;
    // A path that begins with a dash would be an option.
    let is_like_option = path.as_os_str().as_bytes().starts_with(b"-");
    let argument = if is_like_option { Path::new(".").join(&path) } else { path.clone() };
    let mut words = command_of(subject, "replay", [argument.into_os_string()]);
    if finding.delivery != Delivery::Marked {
        words.extend(["--delivery".into(), finding.delivery.as_str().into()]);
    }
    let port = finding.spec.as_ref().unwrap_or(port);
    // The file has the time limit of its own program.
    let is_known = port.timeout.is_some() && subject.is_default(port);
    let timeout = port.timeout.unwrap_or(timeout);
    if !is_known && timeout != Limits::default().timeout {
        words.extend(["--timeout".into(), timeout.as_secs_f64().to_string().into()]);
    }
    finding.replay = Some(line_of(subject, port, &words));
    finding.trace = Some(shown(&path));
    Ok(Some(path))
}

/// Why a finding that is not of a session has no page.
const NOT_OF_SESSION: &str = "lines on the program's input do not show it";

/// Writes the page of a finding beside its trace. Returns its path; or the cause if the port cannot be
/// run once more, which is noted unless it is an interruption.
fn write_page(
    subject: &Subject,
    port: &PortSpec,
    limits: &Limits,
    trace: &Path,
    finding: &Finding,
) -> Result<Result<PathBuf, Trouble>, Failure> {
    let port = finding.spec.as_ref().unwrap_or(port);
    let view = match view_of_finding(subject, finding, port, limits) {
        Ok(view) => view,
        Err(cause) => {
            if !matches!(cause, Trouble::Interrupted) {
                crate::complain(&format!("dkv20: {}: no page: {cause}", shown(trace)));
            }
            return Ok(Err(cause));
        }
    };
    let path = trace.with_extension("html");
    write_whole(&path, page(&view).as_bytes()).map_err(|error| unwritable(&path, &error))?;
    Ok(Ok(path))
}

/// Returns the address of a page for a report, relative to the report; for one on standard output,
/// relative to the current folder.
fn link(report: &Path, page: &Path) -> String {
    let is_in_file = !is_standard_output(report);
    let folder = if is_in_file { folder_of(report) } else { Path::new(".") };
    let (Ok(folder), Ok(page)) = (folder.canonicalize(), page.canonicalize()) else {
        return address(page);
    };
    let mut up = PathBuf::new();
    for ancestor in folder.ancestors() {
        if let Ok(below) = page.strip_prefix(ancestor) {
            return address(&up.join(below));
        }
        up.push("..");
    }
    address(&page)
}

/// Returns a path as a relative reference of an address.
fn address(path: &Path) -> String {
    let mut address = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            byte => address += &format!("%{byte:02X}"),
        }
    }
    address
}

/// Returns the words of a command on the machine.
fn command_of<const N: usize>(
    subject: &Subject,
    name: &str,
    words: [OsString; N],
) -> Vec<OsString> {
    let machine = subject.options().iter().cloned();
    ["dkv20", name].map(Into::into).into_iter().chain(machine).chain(words).collect()
}

/// Returns the command line of these words for the port, which is named unless the machine's file does.
fn line_of(subject: &Subject, port: &PortSpec, words: &[OsString]) -> String {
    if subject.is_default(port) { PortSpec::shell_line(words) } else { port.program_line(words) }
}

/// Returns the name of a trace: port, case, and the beginning of its bytes' hash. The hash differs
/// for different seeds and runs, so that their traces are kept side by side.
fn stem(port: &PortSpec, finding: &Finding, bytes: &[u8]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name = format!("{}-{}", port.name, finding.case);
    let name: String = name.chars().take(STEM_LENGTH_MAX).map(plain).collect();
    format!("{name}-{}", hex::encode(&Sha256::digest(bytes)[..4]))
}

/// Writes a finding's trace and, unless `is_quiet`, prints the finding, even if the trace cannot be
/// written.
pub(crate) fn report_finding(
    subject: &Subject,
    folder: &Path,
    port: &PortSpec,
    timeout: Duration,
    mut finding: Finding,
    is_quiet: bool,
) -> Result<(), Failure> {
    let written = write_trace(subject, folder, port, timeout, "found by", &mut finding);
    let mut text = format!("{}: {}: {}\n", port.name, finding.case, finding.headline());
    for line in finding.because().iter().chain(&finding.replay) {
        text += &format!("    {line}\n");
    }
    try_all([written.map(drop), if is_quiet { Ok(()) } else { print(&text) }])
}
