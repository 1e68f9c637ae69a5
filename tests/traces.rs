//! Every trace of `tests/traces`, each as a test of its own, on the reference and on the port.
//!
//! Their answers are written by `dkv20 record` alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dkv20::trace::{check_trace, parse_trace};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let traces = traces(&folder);
    assert!(!traces.is_empty(), "no traces in {}", folder.display());
    libtest_mimic::run(&Arguments::from_args(), traces.into_iter().map(trial).collect()).exit_code()
}

fn traces(folder: &Path) -> Vec<PathBuf> {
    let files =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut traces: Vec<_> = files
        .map(|file| file.expect("a folder that can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "trace"))
        .collect();
    traces.sort();
    traces
}

fn trial(path: PathBuf) -> Trial {
    let name = path.file_name().expect("a trace is a file").to_string_lossy().into_owned();
    Trial::test(name, move || check(&path))
}

fn check(path: &Path) -> Result<(), Failed> {
    let bytes = fs::read(path)?;
    let trace = parse_trace(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    if trace.steps().next().is_none() {
        return Err(format!("{}: no commands", path.display()).into());
    }
    let mut recorded = trace.clone();
    recorded.record();
    if recorded.to_bytes() != bytes {
        return Err(format!("{}: the reference has other answers", path.display()).into());
    }
    check_trace(&trace).map_err(|mismatch| format!("{}:{mismatch}", path.display()).into())
}
