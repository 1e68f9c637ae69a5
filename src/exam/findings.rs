//! Which divergences of a port are investigated, when, and which of them are reported.
//!
//! While the cases are asked, divergences are only collected: an investigation takes longer than many
//! cases, and the shortest case, which shows most, may come late. Then the shortest are investigated
//! first. Of several errors that probably have one cause, the one with the fewest lines is reported.
//!
//! If it is known which commands a case has, an error that they do not suffice to show does not
//! explain the case, which is then investigated, too. So a known error does not hide another one
//! whose answers look the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::divergence::Divergence;
use crate::examinee::Examinee;
use crate::expected::{self, Expected};
use crate::failing::{Profile, fingerprint};
use crate::finding::{Finding, acting};
use crate::incident::Incident;
use crate::inquiry::Stage;
use crate::investigate::{Investigated, investigate_unless};
use crate::limits::has_passed;
use crate::machine::Machine;
use crate::reports::counted;

/// How many divergences are investigated.
const INVESTIGATED_MAX: usize = 60;
/// How many divergences of a fingerprint and suite, with cases of different commands, are kept.
const KEPT_MAX: usize = 1_000;
/// A line of `n` times this length is as hard to read as `n` lines.
const USUAL_LENGTH: usize = 200;
/// All investigations may take this many times as long as asking the cases.
const INVESTIGATION_TIMES: u32 = 2;

/// The names of the commands of a case; `None` if nothing depends on them.
type Names = Option<BTreeSet<String>>;

/// The divergences of a port, by fingerprint, suite and the names of the case's commands. Of each
/// the shortest can be investigated.
#[derive(Default)]
pub(crate) struct Incidents {
    /// The differences that are expected of the port.
    expected: Vec<Expected>,
    groups: BTreeMap<(String, String), BTreeMap<Names, Alike>>,
}

/// Divergences that are investigated once, if at all.
#[derive(Default)]
struct Alike {
    fingerprint: String,
    names: Names,
    /// The shortest, with its size; none if too many shorter ones were kept.
    shortest: Option<(Size, Incident)>,
    /// The ids of their cases.
    cases: Vec<String>,
}

/// The outcome of the investigations.
pub(crate) struct Outcome {
    /// The shortest first.
    pub(crate) reported: Vec<Reported>,
    /// How many cases were neither investigated nor explained by a finding.
    pub(crate) unexplained: usize,
    /// The ids of cases of which nothing is known, since the reference is not deterministic.
    pub(crate) refuted: Vec<String>,
}

/// A finding, and the ids of the cases that it stands for.
pub(crate) struct Reported {
    pub(crate) finding: Finding,
    pub(crate) cases: Vec<String>,
}

impl Incidents {
    /// Makes an empty list for a port of which these differences are expected.
    pub(crate) const fn new(expected: Vec<Expected>) -> Self {
        Self { expected, groups: BTreeMap::new() }
    }

    /// Takes down the divergence that the port just had. `past` returns what it had run before the
    /// case since it was started.
    pub(crate) fn add(
        &mut self,
        examinee: &mut Examinee<'_>,
        case: &Case,
        past: impl FnOnce() -> Vec<Vec<u8>>,
        divergence: &Divergence,
    ) {
        let machine = examinee.machine;
        let fingerprint = fingerprint(machine, &case.lines, divergence);
        let names = self.names(machine, case);
        let group = self.groups.entry((fingerprint.clone(), case.suite().to_owned())).or_default();
        let new = || Alike { fingerprint, names: names.clone(), ..Alike::default() };
        let alike = group.entry(names.clone()).or_insert_with(new);
        alike.cases.push(case.id.clone());
        let size = size(machine, &case.lines);
        if alike.shortest.as_ref().is_none_or(|(known, _)| *known > size) {
            let incident = Incident::new(examinee, case, past(), divergence.clone());
            alike.shortest = Some((size, incident));
            drop_longest(group);
        }
    }

    /// Returns the names of the commands of a case if its machine names lines, or if differences are
    /// expected: a known one must not hide another one of the same fingerprint, which other
    /// commands show.
    fn names(&self, machine: &dyn Machine, case: &Case) -> Names {
        let names = names_of(case);
        if names.is_some() || self.expected.is_empty() {
            return names;
        }
        let mut names = acting(machine, &case.lines);
        if let Some(lines) = machine.expand(&case.lines) {
            names.extend(acting(machine, &lines));
        }
        Some(names)
    }

    /// Investigates divergences, in a time that depends on `asked_for`, the time that asking the cases
    /// took: first the shortest of each fingerprint and suite, then those that no finding explains;
    /// among them the shortest first. After an interruption, or after that time, there is still a
    /// finding for each fingerprint.
    pub(crate) fn investigate(self, examinee: &mut Examinee<'_>, asked_for: Duration) -> Outcome {
        let machine = examinee.machine;
        let time = examinee.limits.budget.time.max(asked_for * INVESTIGATION_TIMES);
        let mut errors = Errors::new(Some(Instant::now() + time), self.expected);
        let (mut first, mut further) = (Vec::new(), Vec::new());
        for group in self.groups.into_values() {
            let mut group: Vec<_> = group.into_values().collect();
            group.sort_by_key(Alike::size);
            let mut group = group.into_iter();
            first.extend(group.next());
            further.extend(group);
        }
        first.sort_by_key(Alike::size);
        for (number, alike) in first.into_iter().enumerate() {
            let is_enough = number >= INVESTIGATED_MAX || errors.is_over(examinee);
            let is_known = errors.causes.contains_key(&alike.fingerprint);
            further.extend(errors.settle_unless(is_enough && is_known, examinee, alike));
        }
        further.sort_by_key(Alike::size);
        let mut left = Vec::new();
        for alike in further {
            let is_enough = errors.explaining(&alike).is_some() || errors.is_over(examinee);
            left.extend(errors.settle_unless(is_enough, examinee, alike));
        }
        let left: Vec<_> = left.into_iter().filter_map(|alike| errors.attribute(alike)).collect();
        let (mut refuted, mut unexplained) = (errors.refuted, left.concat());
        if !refuted.is_empty() {
            refuted.append(&mut unexplained);
        }
        let unexplained = unexplained.len();
        Outcome { reported: reported(machine, errors.known), unexplained, refuted }
    }
}

/// Returns the names of the lines of a case, if its machine names them.
fn names_of(case: &Case) -> Names {
    (!case.names.is_empty()).then(|| named(&case.names))
}

/// Returns the names as a set.
fn named(names: &[Arc<str>]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Keeps no more than `KEPT_MAX` incidents of a fingerprint and suite.
fn drop_longest(group: &mut BTreeMap<Names, Alike>) {
    let is_kept = |alike: &&mut Alike| alike.shortest.is_some();
    if group.values_mut().filter(is_kept).count() > KEPT_MAX {
        let longest = group.values_mut().filter(is_kept).max_by_key(|alike| alike.size());
        if let Some(longest) = longest {
            longest.shortest = None;
        }
    }
}

impl Alike {
    fn size(&self) -> Size {
        self.shortest.as_ref().map_or(Size::MAX, |(size, _)| *size)
    }
}

/// The errors of a port that have been found.
pub(crate) struct Errors {
    known: Vec<Known>,
    /// The positions in `known` of the errors that each fingerprint, as the cases showed it, led to.
    causes: BTreeMap<String, Vec<usize>>,
    /// After it, no lines are shrunk.
    deadline: Option<Instant>,
    /// The differences that are expected of the port.
    expected: Vec<Expected>,
    /// [`Outcome::refuted`].
    refuted: Vec<String>,
}

/// An error that is reported.
struct Known {
    finding: Finding,
    profile: Profile,
    /// The position of the expected difference that it is, if it is one.
    expected_as: Option<usize>,
    /// The cases that probably fail for the same reason.
    cases: Vec<String>,
}

impl Known {
    /// Reports whether one of the two errors probably has the cause of the other. An error that is
    /// expected has only the cause of those that are expected, too.
    fn is_related(&self, other: &Self) -> bool {
        self.expected_as == other.expected_as
            && (self.profile.explains(&other.profile) || other.profile.explains(&self.profile))
    }

    /// Reports whether the commands of a case suffice to show the error.
    fn can_show_in(&self, names: &Names) -> bool {
        names.as_ref().is_none_or(|names| self.finding.commands.is_subset(names))
    }
}

impl Errors {
    /// Makes an empty list, for a port of which these differences are expected.
    pub(crate) fn new(deadline: Option<Instant>, expected: Vec<Expected>) -> Self {
        let (known, causes, refuted) = Default::default();
        Self { known, causes, deadline, expected, refuted }
    }

    /// Investigates an incident. Returns its finding unless it probably has the cause of a known
    /// error.
    pub(crate) fn add(
        &mut self,
        examinee: &mut Examinee<'_>,
        incident: &Incident,
        fingerprint: &str,
    ) -> Option<&Finding> {
        let count = self.known.len();
        let names = names_of(&incident.case);
        let position = self.look_into(examinee, incident, &names)?;
        self.causes.entry(fingerprint.into()).or_default().push(position);
        let (before, added) = self.known.split_at(count);
        let is_new = |added: &&Known| !before.iter().any(|known| known.is_related(added));
        added.first().filter(is_new).map(|added| &added.finding)
    }

    /// Reports whether the case, of which the names of lines are known, probably shows an error that was
    /// added with the same fingerprint.
    pub(crate) fn explain(&self, case: &Case, fingerprint: &str) -> bool {
        let names = names_of(case);
        let causes = self.causes.get(fingerprint).into_iter().flatten();
        names.is_some() && causes.into_iter().any(|cause| self.known[*cause].can_show_in(&names))
    }

    /// Reports whether the finding is a difference that is expected.
    pub(crate) fn expects(&self, finding: &Finding) -> bool {
        expected::position(&self.expected, finding).is_some()
    }

    fn is_over(&self, examinee: &mut Examinee<'_>) -> bool {
        has_passed(self.deadline) || examinee.is_stopped()
    }

    /// Investigates the shortest of some divergences and attributes all of them to its error.
    /// Returns them if this `is_enough`, or the shortest was not kept.
    fn settle_unless(
        &mut self,
        is_enough: bool,
        examinee: &mut Examinee<'_>,
        alike: Alike,
    ) -> Option<Alike> {
        let Some((_, incident)) = alike.shortest.as_ref().filter(|_| !is_enough) else {
            return Some(alike);
        };
        let Some(position) = self.look_into(examinee, incident, &alike.names) else {
            self.refuted.extend(alike.cases);
            return None;
        };
        let causes = self.causes.entry(alike.fingerprint).or_default();
        if !causes.contains(&position) {
            causes.push(position);
        }
        self.known[position].cases.extend(alike.cases);
        None
    }

    /// Returns the position of a known error that explains the divergences: one that showed with
    /// their fingerprint, and that their commands suffice to show; an expected one if there is one.
    fn explaining(&self, alike: &Alike) -> Option<usize> {
        let causes = self.causes.get(&alike.fingerprint)?.iter().copied();
        let explaining = causes.filter(|cause| self.known[*cause].can_show_in(&alike.names));
        explaining.min_by_key(|cause| self.known[*cause].expected_as.is_none())
    }

    /// Attributes divergences to the error that explains them or else to one of their fingerprint,
    /// though not to an expected one. Returns the cases if there is none.
    fn attribute(&mut self, alike: Alike) -> Option<Vec<String>> {
        let is_unexpected = |cause: &usize| self.known[*cause].expected_as.is_none();
        let unexpected = || {
            let mut causes = self.causes.get(&alike.fingerprint)?.iter().copied();
            causes.find(is_unexpected)
        };
        let Some(cause) = self.explaining(&alike).or_else(unexpected) else {
            return Some(alike.cases);
        };
        self.known[cause].cases.extend(alike.cases);
        None
    }

    /// Investigates an incident. Returns the position of its error in `known`, to which it is added
    /// if it is new. If differences are expected, the profile of an error does not suffice to know
    /// it: only its commands show whether it is expected. Returns `None` if the reference is not
    /// deterministic.
    fn look_into(
        &mut self,
        examinee: &mut Examinee<'_>,
        incident: &Incident,
        names: &Names,
    ) -> Option<usize> {
        let mut cause = None;
        let (known, deadline, expected) = (&self.known, self.deadline, &self.expected);
        let found = investigate_unless(examinee, incident, deadline, |stage| {
            cause = known.iter().position(|known| match stage {
                Stage::Located { fingerprint, names: located } => {
                    let located = (!located.is_empty()).then(|| named(located));
                    known.finding.fingerprint == fingerprint
                        && known.can_show_in(if located.is_some() { &located } else { names })
                }
                Stage::Profiled(profile) => expected.is_empty() && known.profile.explains(profile),
            });
            cause.is_some()
        });
        let (finding, profile) = match found {
            Investigated::Found(found) => *found,
            Investigated::Known => return cause,
            Investigated::Refuted => return None,
        };
        let expected_as = expected::position(expected, &finding);
        let alike = |known: &Known| {
            known.finding.fingerprint == finding.fingerprint
                && known.expected_as == expected_as
                && (names.is_none() || known.finding.commands.is_subset(&finding.commands))
        };
        Some(self.known.iter().position(alike).unwrap_or_else(|| {
            self.known.push(Known { finding, profile, expected_as, cases: Vec::new() });
            self.known.len() - 1
        }))
    }
}

/// Returns the findings, the shortest first. Of two of which one explains the other, the shorter one
/// stands for both.
fn reported(machine: &dyn Machine, mut known: Vec<Known>) -> Vec<Reported> {
    known.sort_by_cached_key(|known| size(machine, &known.finding.shrunk_lines));
    while let Some((first, second)) = related(&known) {
        let other = known.remove(second);
        let kept = &mut known[first];
        kept.cases.extend(other.cases);
        if !kept.profile.explains(&other.profile) {
            kept.profile = other.profile;
        }
    }
    let report = |known: Known| {
        let Known { finding, cases, .. } = known;
        Reported { finding: with_further_cases(finding, cases.len()), cases }
    };
    known.into_iter().map(report).collect()
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

/// About how many lines of usual length some lines stand for, their number, and that of their bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Size(usize, usize, usize);

impl Size {
    const MAX: Self = Self(usize::MAX, usize::MAX, usize::MAX);
}

fn size(machine: &dyn Machine, lines: &[Vec<u8>]) -> Size {
    let length = lines.iter().map(Vec::len).sum();
    Size(machine.written_out_count(lines) + length / USUAL_LENGTH, lines.len(), length)
}
