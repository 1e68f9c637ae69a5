//! Which ports are meant: `--port`, or a file that lists some.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use dkv20::exam::port::{PortProcess, PortSpec};
use serde::Deserialize;

use crate::exit::Refused;

const DEFAULT_FILE: &str = "tests/ports.toml";

#[derive(Args)]
pub(crate) struct PortArguments {
    /// A port to examine: a name for it and its command line; may be given more than once.
    #[arg(long = "port", value_name = "NAME=COMMAND", value_parser = port)]
    ports: Vec<PortSpec>,
    /// A file that lists ports: name, command, directory, environment.
    #[arg(long = "ports", value_name = "FILE")]
    file: Option<PathBuf>,
    /// How long a port may take for an answer, in seconds.
    #[arg(long, value_name = "S", default_value = "10", value_parser = super::seconds)]
    pub(crate) timeout: Duration,
}

impl PortArguments {
    /// The ports that are named on the command line or in the file that it names. Each can be
    /// started.
    pub(crate) fn given(&self) -> Result<Vec<PortSpec>> {
        let mut ports = self.ports.clone();
        if let Some(file) = &self.file {
            ports.extend(read(file)?);
        }
        check(&ports)?;
        Ok(ports)
    }

    /// The same; those of this repository where there are none.
    pub(crate) fn given_or_default(&self) -> Result<Vec<PortSpec>> {
        let ports = self.given()?;
        if !ports.is_empty() {
            return Ok(ports);
        }
        let ports = read(Path::new(DEFAULT_FILE))
            .context("no --port was given, so the ports of this repository are examined")?;
        check(&ports)?;
        Ok(ports)
    }
}

fn port(text: &str) -> Result<PortSpec, String> {
    let (name, command) = text.split_once('=').ok_or("expected NAME=COMMAND")?;
    let command = shell_words::split(command).map_err(|error| error.to_string())?;
    spec(name, command, None, BTreeMap::new())
}

fn spec(
    name: &str,
    mut command: Vec<String>,
    directory: Option<PathBuf>,
    environment: BTreeMap<String, String>,
) -> Result<PortSpec, String> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        return Err("a port's name has no white space and no slash, and is not empty".into());
    }
    let program = command.first_mut().ok_or("a port's command is not empty")?;
    // Whether a relative path means one in the new folder differs between systems.
    if let Some(directory) = &directory
        && program.contains('/')
    {
        *program = directory.join(&program).to_string_lossy().into_owned();
    }
    Ok(PortSpec { name: name.into(), command, directory, environment })
}

fn check(ports: &[PortSpec]) -> Result<()> {
    for (position, port) in ports.iter().enumerate() {
        if ports[..position].iter().any(|other| other.name == port.name) {
            return Err(Refused::Usage(format!("two ports are called {}", port.name)).into());
        }
        PortProcess::start(port).map_err(|error| {
            Refused::Broken(format!("port {}: {}: {error}", port.name, port.command[0]))
        })?;
    }
    Ok(())
}

/// What a file of ports holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortsFile {
    port: Vec<PortEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortEntry {
    name: String,
    command: Vec<String>,
    /// Relative to the file's own folder.
    directory: Option<PathBuf>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

fn read(file: &Path) -> Result<Vec<PortSpec>> {
    let name = file.display();
    let broken = |reason: String| Refused::Broken(format!("{name}: {reason}"));
    let text = fs::read_to_string(file).map_err(|error| broken(error.to_string()))?;
    let listed: PortsFile = toml::from_str(&text).map_err(|error| broken(error.to_string()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let ports = listed.port.into_iter().map(|entry| {
        let directory = folder.join(entry.directory.unwrap_or_default());
        let directory = directory.canonicalize().map_err(|error| {
            broken(format!("port {}: {}: {error}", entry.name, directory.display()))
        })?;
        spec(&entry.name, entry.command, Some(directory), entry.environment)
            .map_err(|reason| broken(format!("port {}: {reason}", entry.name)).into())
    });
    ports.collect()
}
