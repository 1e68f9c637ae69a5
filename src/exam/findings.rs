//! Which divergences of a port are investigated, when, and which of them are reported.
//!
//! While the cases are asked, divergences are only collected: an investigation takes longer than many
//! cases, and the shortest case, which shows most, may come late. Then the shortest are investigated
//! first. Of several errors that probably have one cause, the one with the fewest lines is reported.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::failing::{Profile, fingerprint};
use crate::finding::Finding;
use crate::incident::Incident;
use crate::inquiry::Stage;
use crate::investigate::investigate_unless;
use crate::limits::has_passed;
use crate::machine::Machine;
use crate::reports::counted;

/// How many divergences are investigated.
const INVESTIGATED_MAX: usize = 60;
/// A line of `n` times this length is as hard to read as `n` lines.
const USUAL_LENGTH: usize = 200;
/// All investigations may take this many times as long as asking the cases.
const INVESTIGATION_TIMES: u32 = 2;

/// The divergences of a port that can be investigated: of each fingerprint and suite the shortest,
/// and how many there were.
#[derive(Default)]
pub(crate) struct Incidents(BTreeMap<(String, String), (Incident, usize)>);

impl Incidents {
    /// Takes down the divergence that the port just had. `history` is what it had run before the
    /// case since it was started.
    pub(crate) fn add(
        &mut self,
        examinee: &mut Examinee<'_>,
        case: &Case,
        history: Vec<Vec<u8>>,
        divergence: &Divergence,
    ) {
        let machine = examinee.machine;
        let fingerprint = fingerprint(machine, &case.lines, divergence);
        let incident = || Incident::new(examinee, case, history, divergence.clone());
        let key = (fingerprint, case.suite().to_owned());
        match self.0.get_mut(&key) {
            None => drop(self.0.insert(key, (incident(), 1))),
            Some((known, count)) => {
                *count += 1;
                if size(machine, &known.case.lines) > size(machine, &case.lines) {
                    *known = incident();
                }
            }
        }
    }

    /// Investigates the divergences, the shortest first, in a time that depends on `asked_for`, the
    /// time that asking the cases took. Returns the findings, the shortest first. After an
    /// interruption, or after that time, there is still a finding for each fingerprint.
    pub(crate) fn investigate(
        self,
        examinee: &mut Examinee<'_>,
        asked_for: Duration,
    ) -> Vec<Finding> {
        let machine = examinee.machine;
        let mut incidents: Vec<_> = self.0.into_iter().collect();
        incidents.sort_by_cached_key(|(_, (incident, _))| size(machine, &incident.case.lines));
        let time = examinee.limits.budget.time.max(asked_for * INVESTIGATION_TIMES);
        let mut errors = Errors::until(Some(Instant::now() + time));
        // The position in `errors.known` of the error that each fingerprint led to.
        let mut causes: BTreeMap<String, usize> = BTreeMap::new();
        for (number, ((shown_as, _), (incident, case_count))) in incidents.into_iter().enumerate() {
            let is_enough =
                number >= INVESTIGATED_MAX || has_passed(errors.deadline) || examinee.is_stopped();
            let position = match causes.get(&shown_as).filter(|_| is_enough) {
                Some(position) => *position,
                None => errors.look_into(examinee, &incident),
            };
            errors.known[position].case_count += case_count;
            causes.entry(shown_as).or_insert(position);
        }
        reported(machine, errors.known)
    }
}

/// The errors of a port that have been found.
pub(crate) struct Errors {
    known: Vec<Known>,
    /// After it, no lines are shrunk.
    deadline: Option<Instant>,
}

/// An error that is reported.
struct Known {
    finding: Finding,
    profile: Profile,
    /// How many cases probably fail for the same reason.
    case_count: usize,
}

impl Known {
    /// Reports whether one of the two errors probably has the cause of the other.
    fn is_related(&self, other: &Self) -> bool {
        self.profile.explains(&other.profile) || other.profile.explains(&self.profile)
    }
}

impl Errors {
    /// Makes an empty list.
    pub(crate) const fn until(deadline: Option<Instant>) -> Self {
        Self { known: Vec::new(), deadline }
    }

    /// Investigates an incident. Returns its finding unless it probably has the cause of a known
    /// error.
    pub(crate) fn add(
        &mut self,
        examinee: &mut Examinee<'_>,
        incident: &Incident,
    ) -> Option<&Finding> {
        let count = self.known.len();
        self.look_into(examinee, incident);
        let (before, added) = self.known.split_at(count);
        let is_new = |added: &&Known| !before.iter().any(|known| known.is_related(added));
        added.first().filter(is_new).map(|added| &added.finding)
    }

    /// Investigates an incident. Returns the position of its error in `known`, to which it is added
    /// if it is new.
    fn look_into(&mut self, examinee: &mut Examinee<'_>, incident: &Incident) -> usize {
        let mut cause = None;
        let (known, deadline) = (&self.known, self.deadline);
        let found = investigate_unless(examinee, incident, deadline, |stage| {
            cause = known.iter().position(|known| match stage {
                Stage::Located(fingerprint) => known.finding.fingerprint == fingerprint,
                Stage::Profiled(profile) => known.profile.explains(profile),
            });
            cause.is_some()
        });
        let Some((finding, profile)) = found else { return cause.unwrap_or_default() };
        let alike = |known: &Known| known.finding.fingerprint == finding.fingerprint;
        self.known.iter().position(alike).unwrap_or_else(|| {
            self.known.push(Known { finding, profile, case_count: 0 });
            self.known.len() - 1
        })
    }
}

/// Returns the findings, the shortest first. Of two of which one explains the other, the shorter one
/// stands for both.
fn reported(machine: &dyn Machine, mut known: Vec<Known>) -> Vec<Finding> {
    known.sort_by_cached_key(|known| size(machine, &known.finding.shrunk_lines));
    while let Some((first, second)) = related(&known) {
        let other = known.remove(second);
        let kept = &mut known[first];
        kept.case_count += other.case_count;
        if !kept.profile.explains(&other.profile) {
            kept.profile = other.profile;
        }
    }
    known.into_iter().map(|known| with_further_cases(known.finding, known.case_count)).collect()
}

/// Returns the positions of two errors of which one explains the other.
fn related(known: &[Known]) -> Option<(usize, usize)> {
    let pairs = (0..known.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    pairs.into_iter().find(|(first, second)| known[*first].is_related(&known[*second]))
}

/// States how many cases a finding stands for.
fn with_further_cases(mut finding: Finding, case_count: usize) -> Finding {
    if case_count > 1 {
        let further = counted(case_count - 1, "further case");
        let verb = if case_count == 2 { "fails" } else { "fail" };
        finding.explanation.push(format!(
            "{further} {verb}, probably for the same reason; another error may hide behind this one"
        ));
    }
    finding
}

/// Returns about how many lines of usual length the lines stand for, their number, and that of their
/// bytes.
fn size(machine: &dyn Machine, lines: &[Vec<u8>]) -> (usize, usize, usize) {
    let length = lines.iter().map(Vec::len).sum();
    (machine.written_out_count(lines) + length / USUAL_LENGTH, lines.len(), length)
}
