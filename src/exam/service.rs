//! A program that is started and left running beside the exam, such as a server.

use std::io;

use crate::limits::Interrupt;
use crate::port::PortSpec;
use crate::process::PortProcess;

/// A running program. Nothing is written to it, and its output is not read. Dropping it ends the
/// program and all that it started, as the end of this process does.
pub struct Service(PortProcess);

impl Service {
    /// Starts the program.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start(spec: &PortSpec, interrupt: Interrupt) -> io::Result<Self> {
        PortProcess::start(spec, interrupt).map(Self)
    }

    /// Returns the id of its process, which is that of its process group, too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Reports whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.is_exited().unwrap_or(true)
    }
}
