//! Arguments that several commands have.

use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{
    NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser,
};
use clap::{Arg, Args, Command};
use dkv20::machines::Dkv20;
use dkv20_exam::{
    Delivery, Expected, Interrupt, Limits, Machine as _, Plan, PortSpec, check_start,
};
use serde::Deserialize;

use super::expected::ExpectedTable;
use super::files::{broken, folder_of, shown};
use crate::exit::Failure;
use crate::signals;

const DEFAULT_FILE: &str = "tests/ports.toml";

#[derive(Args)]
#[command(next_help_heading = "Ports")]
pub(crate) struct PortArguments {
    /// A port: a name for it and its command line; may be repeated.
    #[arg(long = "port", value_name = "NAME=COMMAND", value_parser = PortSpec::parse)]
    ports: Vec<PortSpec>,
    /// A file that lists ports (name, command, directory, environment) and expected differences.
    #[arg(long = "ports", value_name = "FILE")]
    file: Option<PathBuf>,
    /// The time limit for an answer, in seconds (up to 1000000), of a program for which a machine file
    /// has none. The first answer of a program may always take 10.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    timeout: Duration,
}

/// Ports, and the differences that are expected of them.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) ports: Vec<PortSpec>,
    pub(crate) expected: Vec<Expected>,
}

impl PortArguments {
    /// Returns the ports of the command line and of the file that it names. Each can be started.
    pub(crate) fn given(&self) -> Result<Listed, Failure> {
        // A signal must not leave a port running, not even one of those started here.
        interrupt()?;
        let mut listed = self.file.as_deref().map_or_else(|| Ok(Listed::default()), read)?;
        listed.ports.splice(0..0, self.ports.iter().cloned());
        check_ports(&listed.ports)?;
        Ok(listed)
    }

    /// Returns the same or, if there are none, the ports of this repository.
    pub(crate) fn given_or_default(&self) -> Result<Listed, Failure> {
        let listed = self.given()?;
        if !listed.ports.is_empty() {
            return Ok(listed);
        }
        let listed = read(Path::new(DEFAULT_FILE))
            .and_then(|listed| check_ports(&listed.ports).map(|()| listed));
        listed.map_err(|failure| {
            failure.with_context("without --port, the ports listed there are examined")
        })
    }

    /// Returns the limits of the work on a port. Signals interrupt it.
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        Ok(Limits { timeout: self.timeout, interrupt: interrupt()?, ..Limits::default() })
    }
}

/// Returns the flag that a signal raises. Called before the first program is started.
pub(crate) fn interrupt() -> Result<Interrupt, Failure> {
    signals::interrupt()
        .map_err(|error| Failure::broken(format!("signals cannot be caught: {error}")))
}

/// Checks that the ports have different names, and that each can be started.
pub(crate) fn check_ports(ports: &[PortSpec]) -> Result<(), Failure> {
    for (position, port) in ports.iter().enumerate() {
        if ports[..position].iter().any(|other| other.name == port.name) {
            let name = &port.name;
            return Err(Failure::usage(format!(
                "two ports are called {name}: each --port, and each port in the file of --ports, \
                 needs another name"
            )));
        }
        check_start(port).map_err(|error| {
            Failure::broken(format!("port {}: {}: {error}", port.name, port.command[0]))
        })?;
    }
    Ok(())
}

/// A file of ports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortsFile {
    port: Vec<PortSpec>,
    #[serde(default)]
    expected: Vec<ExpectedTable>,
}

fn read(file: &Path) -> Result<Listed, Failure> {
    let text = fs::read_to_string(file).map_err(|error| broken(file, error))?;
    let mut listed: PortsFile = toml::from_str(&text).map_err(|error| broken(file, error))?;
    for port in &mut listed.port {
        resolve(port, folder_of(file))
            .map_err(|reason| broken(file, format!("port {}: {reason}", port.name)))?;
    }
    let names: Vec<_> = listed.port.iter().map(|port| port.name.as_str()).collect();
    let checked = (1..).zip(listed.expected).map(|(number, table)| {
        let place = |reason| broken(file, format!("[[expected]] number {number}: {reason}"));
        table.checked(&names).map_err(place)
    });
    let expected = checked.collect::<Result<_, _>>()?;
    Ok(Listed { ports: listed.port, expected })
}

/// Makes the port's folder, which is relative to the file's folder, absolute.
pub(crate) fn resolve(port: &mut PortSpec, folder: &Path) -> Result<(), String> {
    port.validate()?;
    let directory = folder.join(port.directory.take().unwrap_or_default());
    let directory =
        directory.canonicalize().map_err(|error| format!("{}: {error}", shown(&directory)))?;
    if directory.to_str().is_none() {
        return Err(format!("{}: a port's folder needs a path in UTF-8", shown(&directory)));
    }
    // Systems differ in whether a relative path refers to the old folder or to the new one.
    if port.command[0].contains('/') {
        port.command[0] = directory.join(&port.command[0]).to_string_lossy().into_owned();
    }
    port.directory = Some(directory);
    Ok(())
}

/// Parses a number of seconds. Every sum of a time and a duration within the range has a value.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let range = Duration::from_nanos(1)..=Duration::from_secs(1_000_000);
    let reason = "expected a number of seconds from 0.000000001 to 1000000, without a unit";
    seconds.filter(|seconds| range.contains(seconds)).ok_or_else(|| reason.to_owned())
}

/// Returns the parser of a whole number of this range.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        let (least, greatest) = (range.start(), range.end());
        number.ok_or_else(|| format!("expected a whole number from {least} to {greatest}"))
    }
}

/// Returns the parser of a suite or a case: any text, for which completions offer the suites.
pub(crate) fn case_name() -> impl TypedValueParser<Value = String> {
    CaseName
}

#[derive(Clone)]
struct CaseName;

impl TypedValueParser for CaseName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        NonEmptyStringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let plan = Plan { generated_count: 0, states_depth: 0, ..Plan::default() };
        let suites = Dkv20.suites(&plan, &Interrupt::default()).into_iter();
        Some(Box::new(suites.map(|suite| PossibleValue::new(suite.name))))
    }
}

/// Parses the name of a delivery.
pub(crate) fn delivery() -> impl TypedValueParser<Value = Delivery> {
    PossibleValuesParser::new(Delivery::ALL.map(Delivery::as_str)).map(|name| {
        let mut all = Delivery::ALL.into_iter();
        all.find(|delivery| delivery.as_str() == name).expect("clap checks the name")
    })
}
