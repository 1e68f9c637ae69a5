//! The fields of bytes in answers, some of which a program lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dkv20_described::{Fields, Layout, Rules};
use dkv20_exam::{Breakdown, Conversation, Interrupt, PortSpec};

use super::names::in_file;

/// A line that a layout's program need not understand: any answer to it is taken as a greeting.
const HELLO: &[u8] = b"fields ";

/// The programs of layouts.
pub(super) struct Layouts {
    /// The folder to start them in.
    pub(super) folder: PathBuf,
    pub(super) timeout: Duration,
    pub(super) interrupt: Interrupt,
    /// The running programs, by the names of their layouts.
    pub(super) running: Mutex<BTreeMap<String, Conversation>>,
}

impl Layouts {
    /// Returns the fields of both answers to a line of this name, if they have a layout.
    ///
    /// # Errors
    ///
    /// Why the fields could not be listed.
    pub(super) fn fields(
        &self,
        rules: &Rules,
        name: &str,
        answers: [&[u8]; 2],
    ) -> Option<Result<[Fields; 2], String>> {
        let name = layout_of(rules, name)?;
        let layout = rules.layouts.get(name)?;
        let [expected, actual] = answers.map(|answer| self.fields_of(name, layout, answer));
        Some(expected.and_then(|expected| Ok([expected, actual?])))
    }

    fn fields_of(&self, name: &str, layout: &Layout, answer: &[u8]) -> Result<Fields, String> {
        layout.fields(answer, &mut |line| self.ask(name, layout, line))
    }

    fn start(&self, name: &str, layout: &Layout) -> Result<Conversation, Breakdown> {
        let command = layout.command().unwrap_or_default().to_vec();
        let directory = Some(self.folder.clone());
        let spec = PortSpec { directory, ..PortSpec::new(name, command) };
        Conversation::start(&spec, HELLO, self.timeout, self.interrupt.clone())
    }

    fn ask(&self, name: &str, layout: &Layout, line: &[u8]) -> Result<Vec<u8>, String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let failed =
            |reason: &dyn std::fmt::Display| format!("the layout's program {name}: {reason}");
        let idle = running.remove(name).map_or_else(|| self.start(name, layout), Ok);
        let mut conversation = idle.map_err(|breakdown| failed(&breakdown))?;
        conversation.send(line);
        let answer = conversation.receive().map_err(|breakdown| failed(&breakdown))?;
        running.insert(name.into(), conversation);
        Ok(answer)
    }
}

/// Returns the name of the layout of the answers to a line of this name.
fn layout_of<'r>(rules: &'r Rules, name: &str) -> Option<&'r str> {
    let (name, is_dump) = in_file(name);
    if let Some(observer) = rules.observers.iter().find(|observer| observer.name == name) {
        return observer.layout.as_deref().filter(|_| is_dump == observer.has_dump());
    }
    let command = rules.commands.iter().find(|command| command.name == name)?;
    command.layout.as_deref()
}
