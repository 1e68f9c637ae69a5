//! Which divergences of a port are investigated, when, and which of them are reported.
//!
//! While the cases are asked, divergences are only collected: an investigation takes longer than many
//! cases, and the shortest case, which shows most, may come late. Then the shortest are investigated
//! first. Of several errors that probably have one cause, the one with the fewest lines is reported.

use std::collections::BTreeMap;

use crate::case::Case;
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::failing::{Profile, fingerprint};
use crate::finding::Finding;
use crate::investigate::{Incident, investigate_unless};
use crate::machine::Machine;
use crate::reports::counted;

/// How many divergences are investigated.
const INVESTIGATED_MAX: usize = 60;

/// The divergences of a port that can be investigated: of each fingerprint and suite the shortest,
/// and how many there were.
#[derive(Default)]
pub(crate) struct Incidents(BTreeMap<(String, String), (Incident, usize)>);

/// An error that is reported.
struct Known {
    finding: Finding,
    profile: Profile,
    /// How many cases probably fail for the same reason.
    case_count: usize,
}

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

    /// Investigates the divergences, the shortest first. Returns the findings, the shortest first. An
    /// interruption leaves a finding for each fingerprint.
    pub(crate) fn investigate(self, examinee: &mut Examinee<'_>) -> Vec<Finding> {
        let machine = examinee.machine;
        let mut incidents: Vec<_> = self.0.into_iter().collect();
        incidents.sort_by_cached_key(|(_, (incident, _))| size(machine, &incident.case.lines));
        let mut known: Vec<Known> = Vec::new();
        // The position in `known` of the error that each fingerprint led to.
        let mut causes: BTreeMap<String, usize> = BTreeMap::new();
        for (number, ((shown_as, _), (incident, case_count))) in incidents.into_iter().enumerate() {
            let cause = causes.get(&shown_as).copied();
            let is_enough = number >= INVESTIGATED_MAX || examinee.is_stopped();
            let cause = match cause.filter(|_| is_enough) {
                Some(cause) => cause,
                None => look_into(examinee, &incident, &mut known),
            };
            known[cause].case_count += case_count;
            causes.entry(shown_as).or_insert(cause);
        }
        reported(machine, known)
    }
}

/// Investigates an incident. Returns the position of its error in `known`, to which it is added if it
/// is new.
fn look_into(examinee: &mut Examinee<'_>, incident: &Incident, known: &mut Vec<Known>) -> usize {
    let mut cause = None;
    let found = investigate_unless(examinee, incident, |fingerprint, profile| {
        cause = known.iter().position(|known| {
            known.finding.fingerprint == fingerprint
                || profile.is_some_and(|profile| known.profile.explains(profile))
        });
        cause.is_some()
    });
    let Some((finding, profile)) = found else { return cause.unwrap_or_default() };
    let alike = |known: &Known| known.finding.fingerprint == finding.fingerprint;
    known.iter().position(alike).unwrap_or_else(|| {
        known.push(Known { finding, profile, case_count: 0 });
        known.len() - 1
    })
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
    pairs.into_iter().find(|(first, second)| {
        let (first, second) = (&known[*first].profile, &known[*second].profile);
        first.explains(second) || second.explains(first)
    })
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

/// Returns about how many lines the lines stand for, their number, and that of their bytes.
fn size(machine: &dyn Machine, lines: &[Vec<u8>]) -> (usize, usize, usize) {
    (machine.written_out_count(lines), lines.len(), lines.iter().map(Vec::len).sum())
}
