//! Files that describe a machine: how they are read, and the programs that they list.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use dkv20_described::{Description, Mistake, Mistakes, Program, Rules};
use dkv20_exam::PortSpec;
use dkv20_exam::reports::visible;

use super::arguments::resolve;
use super::files::{broken, folder_of, shown};
use crate::exit::Failure;

/// The greatest length of a file, so that one without an end, such as a device, is not read on.
const FILE_LENGTH_MAX: u64 = 1 << 24;

/// Reads a file. The outer error is that it cannot be read.
pub(crate) fn read(file: &Path) -> Result<Result<Description, Mistakes>, Failure> {
    Ok(Description::read(file, &read_text(file)?))
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = |opened: File| opened.take(FILE_LENGTH_MAX + 1).read_to_end(&mut bytes);
    let length = File::open(file).and_then(read).map_err(|error| broken(file, error))?;
    if u64::try_from(length).is_ok_and(|length| length > FILE_LENGTH_MAX) {
        return Err(broken(file, format!("it has more than {} MiB", FILE_LENGTH_MAX >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        broken(file, format!("line {line} is not UTF-8"))
    })
}

/// Returns a line for each mistake, with the file and the place in it.
pub(crate) fn mistake_lines(file: &Path, mistakes: &[Mistake]) -> String {
    let line = |mistake: &Mistake| format!("{}:{}\n", shown(file), visible(&mistake.to_string()));
    mistakes.iter().map(line).collect()
}

/// Returns the rules with a profile, or without one.
pub(crate) fn rules<'d>(
    description: &'d Description,
    profile: Option<&str>,
) -> Result<&'d Rules, Failure> {
    description.rules_of(profile).ok_or_else(|| {
        let known: Vec<_> = description.profiles.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        Failure::usage(format!(
            "--profile {}: the file has no such profile; it has {}",
            visible(profile.unwrap_or_default()),
            visible(&known)
        ))
    })
}

/// The programs of a file. Each has the time limit of the file, if that has one for it.
pub(crate) struct Programs {
    pub(crate) reference: PortSpec,
    pub(crate) others: Vec<PortSpec>,
}

/// Returns the programs of a file, with that of the command line in place of the reference.
pub(crate) fn programs(
    file: &Path,
    description: &Description,
    reference: Option<&PortSpec>,
) -> Result<Programs, Failure> {
    let (mut reference, is_replaced) = (reference.cloned(), reference.is_some());
    let mut others = Vec::new();
    for (name, described) in &description.programs {
        if described.is_reference && is_replaced {
            continue;
        }
        let mut spec = PortSpec::new(name, described.command.clone());
        spec.directory.clone_from(&described.directory);
        spec.environment.clone_from(&described.environment);
        // A time of less than a nanosecond is none.
        spec.timeout = described.timeout.map(|seconds| Duration::from_secs_f64(seconds.max(1e-9)));
        resolve(&mut spec, folder_of(file))
            .map_err(|reason| broken(file, format!("program {name}: {reason}")))?;
        if described.is_reference { reference = Some(spec) } else { others.push(spec) }
    }
    let reference = reference.ok_or_else(|| {
        Failure::usage(
            "the file has no reference: set `reference = true` for one of its programs, or name \
             another one with --reference COMMAND",
        )
    })?;
    Ok(Programs { reference, others })
}

/// Returns the command line of a program: as the file has it if the program is one of the file's.
pub(crate) fn command_line(description: &Description, program: &PortSpec) -> String {
    // Only programs of the file have a folder.
    let described = description.programs.get(&program.name).filter(|_| program.directory.is_some());
    let listed = |described: &Program| PortSpec::new(&program.name, described.command.clone());
    described.map_or_else(|| program.command_line(), |program| listed(program).command_line())
}

/// Parses the command line of a reference.
pub(crate) fn reference(command: &str) -> Result<PortSpec, String> {
    PortSpec::parse(&format!("reference={command}"))
}
