//! The data of a page, as JSON.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::bytes::Bytes;
use crate::reference::Op;

/// The version of the form of the data.
pub(super) const FORMAT: u32 = 1;

/// All that a page shows.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The version of this form.
    pub format: u32,
    /// The name of the file, or of the finding.
    pub title: String,
    /// The kind of machine.
    pub kind: Kind,
    /// The port's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Lines of text for the top of the page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// For each step, the changes in the reference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// For each step, the port as far as it shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_frames: Vec<PortFrame>,
    /// For each step of a described machine, its observers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<Vec<Observed>>,
    /// Why the port's answers end early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// Why the looks at the port's state end early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks_end: Option<End>,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<FirstDifference>,
}

/// The kind of machine: with lanes for the replicas of a cluster, or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// dkv20.
    Cluster,
    /// A described machine.
    Lines,
}

/// A line and its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The line, as reports show it.
    pub line: String,
    /// The number of the line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// The comments before the line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The reference's answer; `None` if no answer is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The answer in the file, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// The port's answer, if there is a port; the inner value is `None` if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Option<String>>,
    /// Whether the port's answer differs.
    #[serde(skip_serializing_if = "is_false")]
    pub differs: bool,
    /// The kinds of events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A kind of event to which the page can jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the page")]
pub enum Mark {
    Election,
    Truncation,
    Snapshot,
    Compaction,
    Error,
    Partition,
    Heal,
    Divergence,
}

/// The changes of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The number of replicas of a new cluster, which replaces all that was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<usize>,
    /// The current leader; the inner value is `None` while it is isolated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Option<usize>>,
    /// The current term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// The isolated ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolated: Option<Vec<usize>>,
    /// The winner of an election.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elected: Option<usize>,
    /// The changes of replicas; those that changed alike are together.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub replicas: Vec<(Vec<usize>, Change)>,
}

/// A port after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortFrame {
    /// All that was looked at is as in the reference.
    Same,
    /// It differs, and this is what changed in it.
    Changed(Frame),
    /// It was not looked at.
    Unknown,
}

impl Serialize for PortFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same => serializer.serialize_str("same"),
            Self::Changed(frame) => frame.serialize(serializer),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// Writes each change below the ids that have it, with commas between.
fn as_object<S: Serializer>(
    replicas: &[(Vec<usize>, Change)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(replicas.len()))?;
    for (ids, change) in replicas {
        let ids: Vec<_> = ids.iter().map(usize::to_string).collect();
        object.serialize_entry(&ids.join(","), change)?;
    }
    object.end()
}

impl Frame {
    /// Adds the change of a replica, if it is one.
    pub(super) fn add(&mut self, id: usize, change: Change) {
        if change == Change::default() {
            return;
        }
        match self.replicas.iter_mut().find(|(_, other)| *other == change) {
            Some((ids, _)) => ids.push(id),
            None => self.replicas.push((vec![id], change)),
        }
    }
}

/// The fields of a replica that a step changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `leader` or `follower`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// Its base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// Its commit index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// The index of its last entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// The number of keys in its map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// The hash of its snapshot; the inner value is `None` if it was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Option<String>>,
    /// The hash of its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_hash: Option<Option<String>>,
    /// The changes of its log, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogChange>,
    /// The keys whose values changed, with the values before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<(Bytes, Option<Bytes>, Option<Bytes>)>,
    /// How many further keys changed.
    #[serde(skip_serializing_if = "is_zero")]
    pub map_more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// A change of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LogChange {
    /// The entries above an index vanish.
    Cut {
        /// The index.
        cut: u64,
    },
    /// A snapshot replaces the log.
    Install {
        /// The new base and commit index.
        install: u64,
        /// The term of the entry at it.
        term: u64,
    },
    /// The entries up to an index, the new base, vanish.
    Compact {
        /// The index.
        compact: u64,
    },
    /// Entries are appended.
    Entries {
        /// The entries.
        entries: Vec<Entry>,
    },
    /// Many entries of one term are appended.
    Run {
        /// The index of the first, that of the last, and the term.
        run: (u64, u64, u64),
    },
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Its op.
    pub op: EntryOp,
}

/// The op of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryOp {
    /// No effect.
    NoOp,
    /// A key maps to a value.
    Put(Bytes, Bytes),
    /// A key is absent.
    Del(Bytes),
}

impl From<&Op> for EntryOp {
    fn from(op: &Op) -> Self {
        match op {
            Op::NoOp => Self::NoOp,
            Op::Put { key, value } => Self::Put(key[..].into(), value[..].into()),
            Op::Del { key } => Self::Del(key[..].into()),
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (index, term) = (self.index, self.term);
        match &self.op {
            EntryOp::NoOp => (index, term, "noop").serialize(serializer),
            EntryOp::Put(key, value) => (index, term, "put", key, value).serialize(serializer),
            EntryOp::Del(key) => (index, term, "del", key).serialize(serializer),
        }
    }
}

/// An observer's line after a step, and its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The line.
    pub line: String,
    /// The reference's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The port's answer, if there is a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Option<String>>,
    /// Whether it differs.
    #[serde(skip_serializing_if = "is_false")]
    pub differs: bool,
}

/// The end of a program before the last step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// The position of the first step without an answer, from 0.
    pub step: usize,
    /// How it ended.
    pub reason: String,
    /// The end of its standard error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

/// The first difference between the reference and the port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FirstDifference {
    /// The position of the step, from 0.
    pub step: usize,
    /// The look after the step whose answer differs, if the step's own answer does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Observed>,
    /// The case of a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The facts of a finding, line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<String>,
    /// The sections of the definition that the port breaks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// Byte strings that differ, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<ComparedSnapshot>,
}

/// A section of the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its number.
    pub number: String,
    /// Its heading.
    pub title: String,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A byte string of the reference and of the port, field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedSnapshot {
    /// The position of the step, from 0.
    pub step: usize,
    /// The line whose answer has the bytes.
    pub of: String,
    /// The fields.
    pub fields: Vec<ComparedField>,
    /// How many further fields there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// A field of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedField {
    /// Its offset in the reference's bytes, or in the port's if only those have it.
    pub offset: usize,
    /// Its name.
    pub meaning: String,
    /// The reference's bytes in hex; `None` if there are none.
    pub reference: Option<String>,
    /// The port's.
    pub port: Option<String>,
    /// Whether they differ.
    pub differs: bool,
    /// The reference's value as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The port's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_value: Option<String>,
}
