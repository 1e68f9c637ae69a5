//! The subject of a command: dkv20, or a machine that a file describes. All that differs between the
//! two for a command is here.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use dkv20::machines::{
    Described, Dkv20, FileLine, ReplayLines, described_file_lines, described_replay_file,
    file_lines, lines_of_described_trace, lines_of_trace, record_described_trace, record_trace,
    replay_file,
};
use dkv20_exam::reports::counted;
use dkv20_exam::{
    Breakdown, Conversation, Expected, Failure as Trouble, Finding, Limits, Machine, PortSpec,
    check_start,
};

use super::arguments::{Listed, PortArguments, check_ports};
use super::files::{broken, folder_of, read, shown};
use super::machine_file::{self, Programs, mistake_lines};
use crate::exit::Failure;

#[derive(Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArguments {
    /// A file that describes a machine of your own (docs/machines.md). Without a port on the command
    /// line, its programs beside the reference are the ports.
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
    /// Use this one of the file's profiles.
    #[arg(long, value_name = "NAME", requires = "machine")]
    profile: Option<String>,
    /// A command line in place of the file's reference; relative paths begin at the current folder.
    #[arg(long, value_name = "COMMAND", requires = "machine")]
    #[arg(value_parser = machine_file::reference)]
    reference: Option<PortSpec>,
}

impl MachineArguments {
    /// Returns the machine. The limits are those of work on a port; the reference of a described
    /// machine has them too, unless its file has a time limit for it.
    pub(crate) fn subject(&self, limits: &Limits) -> Result<Subject, Failure> {
        let Some(file) = &self.machine else { return Ok(Subject { described: None }) };
        let description = machine_file::read(file)?.map_err(|mistakes| {
            let mistakes = mistakes.mistakes;
            let (count, lines) =
                (counted(mistakes.len(), "mistake"), mistake_lines(file, &mistakes));
            Failure::usage(format!("{}: {count}\n{}", shown(file), lines.trim_end()))
        })?;
        let profile = self.profile.as_deref();
        machine_file::rules(&description, profile)?;
        let programs = machine_file::programs(file, &description, self.reference.as_ref())?;
        let reference = programs.reference.clone();
        let timeout = reference.timeout.unwrap_or(limits.timeout);
        let (folder, interrupt) = (folder_of(file), &limits.interrupt);
        let machine = Described::new(description, profile, reference, timeout, folder, interrupt)
            .map_err(|reason| broken(file, reason))?;
        let described = DescribedMachine {
            machine,
            file: file.clone(),
            programs,
            limits: limits.clone(),
            options: self.options(file),
        };
        Ok(Subject { described: Some(described) })
    }

    /// Returns the same options for another command line.
    fn options(&self, file: &Path) -> Vec<OsString> {
        let profile = self.profile.as_ref().map(OsString::from);
        let reference = self.reference.as_ref().map(|reference| reference.command_line().into());
        let options = [
            ("--machine", Some(file.as_os_str().to_owned())),
            ("--profile", profile),
            ("--reference", reference),
        ];
        options.into_iter().flat_map(|(name, value)| value_option(name, value)).collect()
    }
}

/// Returns the words of an option with a value, if it has one.
fn value_option(name: &str, value: Option<OsString>) -> Vec<OsString> {
    match value {
        None => Vec::new(),
        // An argument that begins with a dash is an option unless it is joined to its own.
        Some(value) if value.as_bytes().starts_with(b"-") => {
            let mut joined = OsString::from(name);
            joined.push("=");
            joined.push(value);
            vec![joined]
        }
        Some(value) => vec![name.into(), value],
    }
}

/// Reports whether a file's name is that of plain lines.
fn is_named_lines(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "lines")
}

/// The machine that a command examines.
pub(crate) struct Subject {
    /// dkv20 if it is `None`.
    described: Option<DescribedMachine>,
}

struct DescribedMachine {
    machine: Described,
    file: PathBuf,
    programs: Programs,
    limits: Limits,
    /// The options of the command line that name it.
    options: Vec<OsString>,
}

impl Subject {
    /// Returns dkv20.
    #[cfg(feature = "live")]
    pub(crate) const fn dkv20() -> Self {
        Self { described: None }
    }

    pub(crate) fn machine(&self) -> &dyn Machine {
        match &self.described {
            None => &Dkv20,
            Some(described) => &described.machine,
        }
    }

    /// Returns the options that name the machine on a command line; none for dkv20.
    pub(crate) fn options(&self) -> &[OsString] {
        self.described.as_ref().map_or(&[], |described| &described.options)
    }

    /// Returns the described machine; `None` for dkv20.
    pub(crate) fn described(&self) -> Option<&Described> {
        Some(&self.described.as_ref()?.machine)
    }

    /// Reports whether a file describes it.
    pub(crate) const fn is_described(&self) -> bool {
        self.described.is_some()
    }

    // --- Programs -------------------------------------------------------------------------------

    /// Checks that the reference can be started. That of dkv20 runs in this process.
    pub(crate) fn check_reference(&self) -> Result<(), Failure> {
        let Some(reference) = self.reference() else { return Ok(()) };
        check_start(reference).map_err(|error| {
            let (name, program) = (&reference.name, &reference.command[0]);
            Failure::broken(format!("program {name}: {program}: {error}"))
        })
    }

    /// Returns the program that is the reference; `None` for dkv20, whose runs in this process.
    pub(crate) fn reference(&self) -> Option<&PortSpec> {
        Some(&self.described.as_ref()?.programs.reference)
    }

    /// Returns the ports that the command line names or, without any, the programs of the machine's
    /// file beside the reference. Each can be started.
    pub(crate) fn ports(&self, arguments: &PortArguments) -> Result<Listed, Failure> {
        let given = arguments.given()?;
        match &self.described {
            Some(described) if given.ports.is_empty() => {
                let ports = described.programs.others.clone();
                check_ports(&ports)?;
                Ok(Listed { ports, expected: described.expected() })
            }
            Some(described) => Ok(Listed { expected: described.expected(), ..given }),
            None => Ok(given),
        }
    }

    /// Returns the same; for dkv20 the ports of this repository if the command line names none.
    pub(crate) fn ports_or_default(&self, arguments: &PortArguments) -> Result<Listed, Failure> {
        if !self.is_described() {
            return arguments.given_or_default();
        }
        self.ports(arguments)
    }

    /// Returns the programs of the machine's file beside the reference; none for dkv20.
    pub(crate) fn other_programs(&self) -> &[PortSpec] {
        self.described.as_ref().map_or(&[], |described| &described.programs.others)
    }

    /// Returns the port that the command line names, by its command line or as a program of the
    /// machine's file; without a name the only program beside the reference, if there is one.
    pub(crate) fn port(&self, named: Option<&str>) -> Result<Option<PortSpec>, Failure> {
        let others = self.other_programs();
        let Some(named) = named else {
            return match others {
                [] => Ok(None),
                [one] => Ok(Some(one.clone())),
                several => {
                    let all: Vec<_> = several.iter().map(|port| port.name.as_str()).collect();
                    let all = all.join(", ");
                    Err(Failure::usage(format!("name one of these programs with --port: {all}")))
                }
            };
        };
        let listed = others.iter().find(|port| port.name == named).cloned();
        let port = listed.map_or_else(|| PortSpec::parse(named), Ok);
        port.map(Some).map_err(|reason| Failure::usage(format!("--port {named}: {reason}")))
    }

    /// Neither the command line nor the file names a program to examine.
    pub(crate) fn no_port(&self) -> Failure {
        let Some(described) = &self.described else {
            return Failure::usage("shrink needs at least one --port or --ports");
        };
        let file = shown(&described.file);
        Failure::usage(format!(
            "there is no port: {file} has no program beside the reference; name one with \
             --port NAME=COMMAND"
        ))
    }

    /// Reports whether a port is the only one that the machine's file lists, so that it is the port if the
    /// command line names none.
    pub(crate) fn is_default(&self, port: &PortSpec) -> bool {
        let others = self.described.as_ref().map(|described| &described.programs.others[..]);
        others == Some(std::slice::from_ref(port))
    }

    // --- Traces ---------------------------------------------------------------------------------

    /// Returns the lines of a file that can be replayed.
    pub(crate) fn lines_of(&self, file: &Path) -> Result<ReplayLines, Failure> {
        let bytes = read(file)?;
        let lines = match &self.described {
            None => lines_of_trace(&bytes, is_named_lines(file)),
            Some(described) => lines_of_described_trace(&described.machine, &bytes),
        };
        lines.map_err(|reason| broken(file, reason))
    }

    /// Returns the lines of a file that can be replayed, with its comments and answers, which need not
    /// be right.
    pub(crate) fn file_lines(&self, file: &Path) -> Result<Vec<FileLine>, Failure> {
        let bytes = read(file)?;
        let lines = match &self.described {
            None => file_lines(&bytes, is_named_lines(file)),
            Some(_) => described_file_lines(&bytes),
        };
        lines.map_err(|reason| broken(file, reason))
    }

    /// Returns the shrunk lines of a finding as a file that can be replayed, and its extension.
    pub(crate) fn replay_file(
        &self,
        finding: &Finding,
        heading: &[String],
    ) -> (&'static str, Vec<u8>) {
        match &self.described {
            None => replay_file(finding, heading),
            Some(described) => described_replay_file(&described.machine, finding, heading),
        }
    }

    /// Returns the trace in a file with the reference's answers, and how many differ.
    pub(crate) fn record(&self, file: &Path) -> Result<(Vec<u8>, usize), Failure> {
        let bytes = read(file)?;
        let recorded = match &self.described {
            None => record_trace(&bytes),
            Some(described) => described.record(&bytes),
        };
        recorded.map_err(|reason| broken(file, reason))
    }
}

impl DescribedMachine {
    fn expected(&self) -> Vec<Expected> {
        self.machine.expected().to_vec()
    }

    /// Sends the commands of a trace to a new process of the reference, if the file is a trace.
    fn record(&self, bytes: &[u8]) -> Result<(Vec<u8>, usize), String> {
        let mut conversation = None;
        record_described_trace(bytes, |command| {
            let conversation = match &mut conversation {
                Some(conversation) => conversation,
                None => conversation.insert(self.converse()?),
            };
            conversation.send(command);
            conversation.receive().map_err(|breakdown| self.not_recorded(&breakdown))
        })
    }

    fn converse(&self) -> Result<Conversation, String> {
        let Programs { reference, .. } = &self.programs;
        let hello = self.machine.hello();
        let timeout = reference.timeout.unwrap_or(self.limits.timeout);
        let interrupt = self.limits.interrupt.clone();
        let conversation = Conversation::start(reference, hello.as_bytes(), timeout, interrupt);
        let conversation = conversation.map_err(|breakdown| self.not_recorded(&breakdown))?;
        if self.machine.is_greeting(conversation.greeting()) {
            return Ok(conversation);
        }
        let greeting = conversation.greeting().escape_ascii();
        let name = &reference.name;
        Err(format!("program {name}: the answer `{greeting}` to `{hello}` is no greeting"))
    }

    fn not_recorded(&self, breakdown: &Breakdown) -> String {
        if breakdown.external_cause() == Some(&Trouble::Interrupted) {
            return "not recorded: interrupted".into();
        }
        format!("program {}: {breakdown}", self.programs.reference.name)
    }
}
