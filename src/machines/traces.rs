//! Trace files (definition, section 11).

use dkv20_exam::Finding;

use super::oracle::Oracle;
use crate::reference::Cluster;
use crate::trace::{Trace, check_trace_on, parse_recording, parse_trace};

/// Returns the commands of a trace whose answers are the reference's.
///
/// # Errors
///
/// The text of what is wrong: the file is not a trace, or an answer is not the reference's.
pub fn lines_of_trace(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let trace = parse_trace(bytes).map_err(|error| error.to_string())?;
    if let Err(mismatch) = check_trace_on::<Cluster>(&trace) {
        let mismatch = mismatch.to_string().replace("\n ", ";");
        return Err(format!("not the reference's answers: {mismatch}"));
    }
    Ok(commands(&trace))
}

/// Returns the trace with the reference's answers in place of its own.
///
/// # Errors
///
/// The text of what is wrong: the file is not a trace.
pub fn record_trace(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut trace = parse_recording(bytes).map_err(|error| error.to_string())?;
    trace.record();
    Ok(trace.to_bytes())
}

/// Returns the commands of a trace that is known to be right.
pub(super) fn commands(trace: &Trace) -> Vec<Vec<u8>> {
    trace.steps().map(|step| step.command.clone()).collect()
}

/// Returns a finding's shrunk lines as a file that can be replayed, and its extension: a `trace`
/// with the reference's answers, or `lines` if a trace cannot hold them, since one gets no answer.
#[must_use]
pub fn replay_file(finding: &Finding, port: &str) -> (&'static str, Vec<u8>) {
    let mut session = Oracle::new();
    let mut trace = format!("# {port}: {}\n# {}\n", finding.case, finding.headline()).into_bytes();
    for line in &finding.shrunk_lines {
        let answer = session.run(line).unwrap_or_default();
        trace.extend([b"> ", line.as_slice(), b"\n< ", answer.as_bytes(), b"\n"].concat());
    }
    if parse_trace(&trace).is_ok() {
        return ("trace", trace);
    }
    let lines = finding.shrunk_lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat());
    ("lines", lines.collect())
}
