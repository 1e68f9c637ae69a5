//! Measures: how far the cases go. No case shows an error that a port has beyond the greatest value
//! of a measure.

use dkv20_exam::{Reach, Tally};

use super::commands::word_of;
use super::oracle::{Oracle, View};
use crate::chaos::CHAOS_STEPS_MAX;
use crate::op::{KEY_LENGTH_MAX, Op, REPLICAS_MAX, VALUE_LENGTH_MAX};
use crate::protocol::{Command, LINE_LENGTH_MAX};
use crate::session::DRAW_COUNT_MAX;
use crate::workload::{KEYS_MAX, WORKLOAD_COUNT_MAX};

/// A quantity of a line, of an answer or of a cluster. The texts below say what each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Replicas,
    IsolatedReplicas,
    Term,
    Index,
    LagEntries,
    LagBytes,
    PendingTail,
    Keys,
    LostKeys,
    InstalledBytes,
    KeyBytes,
    SharedKeyBytes,
    ValueBytes,
    LineBytes,
    Tokens,
    Digits,
    LoadBytes,
    LoadedKeys,
    AnswerBytes,
    Draws,
    KeySpace,
    WorkloadOps,
    ChaosSteps,
    Clusters,
    Lines,
}

impl Measure {
    /// Every measure, in the order of reports.
    pub(super) const ALL: [Self; 25] = [
        Self::Replicas,
        Self::IsolatedReplicas,
        Self::Term,
        Self::Index,
        Self::LagEntries,
        Self::LagBytes,
        Self::PendingTail,
        Self::Keys,
        Self::LostKeys,
        Self::InstalledBytes,
        Self::KeyBytes,
        Self::SharedKeyBytes,
        Self::ValueBytes,
        Self::LineBytes,
        Self::Tokens,
        Self::Digits,
        Self::LoadBytes,
        Self::LoadedKeys,
        Self::AnswerBytes,
        Self::Draws,
        Self::KeySpace,
        Self::WorkloadOps,
        Self::ChaosSteps,
        Self::Clusters,
        Self::Lines,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Replicas => "replicas",
            Self::IsolatedReplicas => "isolated replicas",
            Self::Term => "term",
            Self::Index => "index",
            Self::LagEntries => "entries replayed at once",
            Self::LagBytes => "bytes replayed at once",
            Self::PendingTail => "pending entries of a replica",
            Self::Keys => "keys in a map",
            Self::LostKeys => "keys that a map lost again",
            Self::InstalledBytes => "bytes of an installed snapshot",
            Self::KeyBytes => "bytes of a key",
            Self::SharedKeyBytes => "bytes that two keys begin with",
            Self::ValueBytes => "bytes of a value",
            Self::LineBytes => "bytes of a line",
            Self::Tokens => "tokens of a line",
            Self::Digits => "digits of a number",
            Self::LoadBytes => "bytes of a loaded snapshot",
            Self::LoadedKeys => "keys of a loaded snapshot",
            Self::AnswerBytes => "bytes of an answer",
            Self::Draws => "count of draws",
            Self::KeySpace => "key space of a workload",
            Self::WorkloadOps => "count of a workload",
            Self::ChaosSteps => "steps of chaos",
            Self::Clusters => "clusters in a session",
            Self::Lines => "lines of a case",
        }
    }

    /// Returns the greatest value that the definition allows, if it has a limit. Lines reach beyond
    /// some limits, to get the error.
    pub(super) const fn limit(self) -> Option<u64> {
        match self {
            Self::Replicas | Self::IsolatedReplicas => Some(REPLICAS_MAX),
            Self::KeyBytes => Some(KEY_LENGTH_MAX as u64),
            Self::SharedKeyBytes => Some(KEY_LENGTH_MAX as u64 - 1),
            Self::ValueBytes => Some(VALUE_LENGTH_MAX as u64),
            Self::LineBytes => Some(LINE_LENGTH_MAX as u64),
            // Each is one byte, and a space is between any two.
            Self::Tokens => Some(LINE_LENGTH_MAX.div_ceil(2) as u64),
            Self::Digits => Some((LINE_LENGTH_MAX - "mix ".len()) as u64),
            // As bytes that stand for themselves; in hex about half.
            Self::LoadBytes => Some((LINE_LENGTH_MAX - "load ".len()) as u64),
            Self::Draws => Some(DRAW_COUNT_MAX),
            Self::KeySpace => Some(KEYS_MAX),
            Self::WorkloadOps => Some(WORKLOAD_COUNT_MAX),
            Self::ChaosSteps => Some(CHAOS_STEPS_MAX),
            _ => None,
        }
    }

    /// Returns the range that a suite must reach: the greatest value and how many different values,
    /// at least.
    pub(super) const fn reach(self, greatest: u64, distinct: usize) -> Reach {
        Reach { measure: self as usize, greatest, distinct }
    }
}

/// Adds the values of one session to a tally, line by line.
pub(super) struct Measurer<'t> {
    tally: &'t mut Tally,
    cluster_count: u64,
    /// The greatest number of keys that the current leader's map had.
    keys_max: usize,
}

impl<'t> Measurer<'t> {
    pub(super) fn new(tally: &'t mut Tally, line_count: usize) -> Self {
        let mut measurer = Self { tally, cluster_count: 0, keys_max: 0 };
        measurer.add(Measure::Lines, line_count);
        measurer
    }

    pub(super) fn tally(&mut self) -> &mut Tally {
        self.tally
    }

    fn add(&mut self, measure: Measure, value: impl TryInto<u64>) {
        self.tally.measure(measure as usize, value.try_into().unwrap_or(u64::MAX));
    }

    /// Adds the value unless it is above its limit: beyond that it does not matter by how much.
    fn add_accepted(&mut self, measure: Measure, value: u64) {
        if measure.limit().is_none_or(|limit| value <= limit) {
            self.add(measure, value);
        }
    }

    /// Measures a line that is about to be run, and the command that it is.
    pub(super) fn measure_line(
        &mut self,
        session: &Oracle,
        line: &[u8],
        command: Option<&Command>,
    ) {
        self.add(Measure::LineBytes, line.len());
        let tokens = || line.split(|byte| *byte == b' ').filter(|token| !token.is_empty());
        self.add(Measure::Tokens, tokens().count());
        let Some(command) = command else { return };
        if !matches!(command, Command::Propose { .. } | Command::Load { .. } | Command::Get { .. })
        {
            let digits = tokens().filter(|token| token[0].is_ascii_digit()).map(<[u8]>::len);
            digits.max().into_iter().for_each(|count| self.add(Measure::Digits, count));
        }
        match command {
            Command::Propose { op } | Command::ProposeAt { op, .. } => {
                self.measure_op(session, op);
            }
            Command::Load { bytes } => self.add(Measure::LoadBytes, bytes.len()),
            Command::Get { key, .. } => self.add(Measure::KeyBytes, key.len()),
            Command::Draw { count, .. } => self.add_accepted(Measure::Draws, *count),
            Command::Chaos { steps, .. } => self.add_accepted(Measure::ChaosSteps, *steps),
            Command::Workload { keys, count, .. } => {
                self.add_accepted(Measure::KeySpace, *keys);
                self.add_accepted(Measure::WorkloadOps, *count);
            }
            _ => {}
        }
    }

    fn measure_op(&mut self, session: &Oracle, op: &Op) {
        if let Op::Put { key, .. } | Op::Del { key } = op {
            self.add(Measure::KeyBytes, key.len());
            let shared = session.shared_prefix_length(key.as_slice());
            self.add_accepted(Measure::SharedKeyBytes, shared as u64);
        }
        if let Op::Put { value, .. } = op {
            self.add(Measure::ValueBytes, value.len());
        }
    }

    pub(super) fn measure_answer(&mut self, line: &[u8], answer: &str) {
        self.add(Measure::AnswerBytes, answer.len());
        if word_of(line) == b"load" {
            let keys = answer.split(' ').find_map(|field| field.strip_prefix("keys="));
            if let Some(count) = keys.and_then(|keys| keys.parse::<u64>().ok()) {
                self.add(Measure::LoadedKeys, count);
            }
        }
    }

    /// Measures a new cluster.
    pub(super) fn start_cluster(&mut self, cluster: &View) {
        self.cluster_count += 1;
        self.keys_max = 0;
        self.add(Measure::Clusters, self.cluster_count);
        self.add(Measure::Replicas, cluster.replicas.len());
    }

    /// Measures what a line has done to the cluster, by the views before and after it.
    pub(super) fn measure_step(&mut self, session: &Oracle, line: &[u8], old: &View, new: &View) {
        let leader = &new.replicas[new.leader];
        self.add(Measure::Term, new.term);
        self.add(Measure::Index, leader.last);
        self.add(Measure::Keys, leader.key_count);
        self.keys_max = self.keys_max.max(leader.key_count);
        self.add(Measure::LostKeys, self.keys_max - leader.key_count);
        let isolated = new.replicas.iter().filter(|replica| replica.is_isolated);
        self.add(Measure::IsolatedReplicas, isolated.count());
        let tails = new.replicas.iter().map(|replica| replica.last - replica.commit_index);
        self.add(Measure::PendingTail, tails.max().unwrap_or_default());
        // Other commands append one entry at most, so that all else a replica gets is what it lacked.
        if matches!(word_of(line), b"workload" | b"chaos") {
            return;
        }
        for (id, (old, new)) in old.replicas.iter().zip(&new.replicas).enumerate() {
            if new.base > old.base && word_of(line) != b"compact" {
                self.add(Measure::InstalledBytes, session.snapshot_length(id));
            } else if new.base == old.base && new.last > old.last {
                self.add(Measure::LagEntries, new.last - old.last);
                self.add(Measure::LagBytes, session.log_length_after(id, old.last));
            }
        }
    }
}
