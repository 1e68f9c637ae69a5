//! Applies entries to a program: on a thread of its own, as a program is waited for.

use dkv20_exam::{Breakdown, Conversation};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::checkpoint::Checkpoint;
use crate::entries::Entry;
use crate::settings::Settings;

/// A program, and the lines whose answers a checkpoint holds.
pub(crate) struct Applier {
    program: Conversation,
    observers: Vec<Vec<u8>>,
    every: u64,
    /// Of the answers since the last checkpoint.
    digest: Option<Sha256>,
}

/// The outcome of some entries.
pub(crate) struct Applied {
    /// The index of the last entry that was applied; 0 before the first.
    pub(crate) index: u64,
    /// The checkpoints after the entries, with their indexes.
    pub(crate) checkpoints: Vec<(u64, Checkpoint)>,
    /// How the program failed, and at which entry. After that it is of no use.
    pub(crate) failure: Option<(u64, Breakdown)>,
}

impl Applier {
    /// Returns the applier of a program that has answered the start lines.
    pub(crate) fn new(program: Conversation, settings: &Settings) -> Self {
        Self {
            program,
            observers: settings.observers.iter().map(|line| line.clone().into_bytes()).collect(),
            every: settings.every,
            digest: settings.has_digests.then(Sha256::new),
        }
    }

    /// Applies the entries that come until there are no more, the outcomes are not wanted any more,
    /// or the program has failed.
    pub(crate) fn run(
        mut self,
        mut entries: mpsc::Receiver<Vec<Entry>>,
        outcomes: &mpsc::Sender<Applied>,
    ) {
        while let Some(entries) = entries.blocking_recv() {
            let outcome = self.apply(&entries);
            let has_failed = outcome.failure.is_some();
            if outcomes.blocking_send(outcome).is_err() || has_failed {
                return;
            }
        }
    }

    /// Applies entries. All lines are sent at once.
    fn apply(&mut self, entries: &[Entry]) -> Applied {
        let index = entries.first().map_or(0, |entry| entry.index - 1);
        let mut applied = Applied { index, checkpoints: Vec::new(), failure: None };
        for entry in entries {
            self.program.send(&entry.line);
            if entry.index.is_multiple_of(self.every) {
                for observer in &self.observers {
                    self.program.send(observer);
                }
            }
        }
        for entry in entries {
            if let Err(breakdown) = self.receive(entry.index, &mut applied) {
                applied.failure = Some((entry.index, breakdown));
                break;
            }
        }
        applied
    }

    /// Takes the answers that belong to an entry.
    fn receive(&mut self, index: u64, applied: &mut Applied) -> Result<(), Breakdown> {
        let answer = self.program.receive()?;
        applied.index = index;
        if let Some(digest) = &mut self.digest {
            digest.update(&answer);
            digest.update(b"\n");
        }
        if index.is_multiple_of(self.every) {
            let answers = self.observers.iter().map(|_| self.program.receive());
            let answers = answers.collect::<Result<Vec<_>, _>>()?;
            let digest = self.digest.as_mut().map(|digest| hex::encode(digest.finalize_reset()));
            let answers = answers.iter().map(Vec::as_slice);
            applied.checkpoints.push((index, Checkpoint::of_answers(answers, digest)));
        }
        Ok(())
    }
}
