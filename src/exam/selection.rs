//! Which cases an exam asks.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::case::{Case, Plan, Suite};
use crate::expected::Expected;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::port::PortSpec;
use crate::prepared::{CaseKey, Cases, Counts};
use crate::tally::{Reached, Tally};

/// A generated suite with fewer cases need not reach its milestones.
const SURVEYED_CASES_MIN: usize = 300;

/// The cases to ask, and how to ask them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cases to choose from.
    pub plan: Plan,
    /// Only cases of these suites, ids or names; all if empty.
    pub only: Vec<String>,
    /// Only cases of at most this level, from 1.
    pub level_max: usize,
    /// Only the cases of this shard.
    pub shard: Shard,
    /// Go on with generated cases until a port's exam has taken this long.
    pub time: Option<Duration>,
    /// Stop at a port's first failing case.
    pub fail_fast: bool,
    /// How many ports are examined at a time; as many as there are processors if it is `None`.
    pub jobs: Option<NonZeroUsize>,
    /// The differences that are expected. Of several that stand for a finding, the first counts.
    pub expected: Vec<Expected>,
    /// The limits of the work on each port.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: Plan::default(),
            only: Vec::new(),
            level_max: usize::MAX,
            shard: Shard { number: 1, count: 1 },
            time: None,
            fail_fast: false,
            jobs: None,
            expected: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Settings {
    fn wants(&self, machine: &dyn Machine, case: &Case) -> bool {
        self.wants_level_of(machine, case) && self.names(&case.id)
    }

    fn wants_level_of(&self, machine: &dyn Machine, case: &Case) -> bool {
        machine.level_of_all(&case.lines) <= self.level_max
    }

    /// Reports whether the case of an id is among those that are named, if any are.
    fn names(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| is_named(id, wanted))
    }
}

/// One of several equal parts of the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    pub number: usize,
    /// How many parts there are.
    pub count: usize,
}

/// Reports whether `wanted` names a case or a group that it is in: `traces`,
/// `traces/case-15-deposed-tail-is-truncated`, `traces/case-15` and `case-15` all name that case.
fn is_named(id: &str, wanted: &str) -> bool {
    let begins = |text: &str| {
        let rest = text.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '-']))
    };
    begins(id) || id.split_once('/').is_some_and(|(_, name)| begins(name))
}

/// The cases that concern a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Those of a port: all.
    OfPort,
    /// Those of suites that ask the reference.
    OfReference,
}

impl Part {
    fn has(self, suite: &Suite) -> bool {
        self == Self::OfPort || suite.asks_reference
    }
}

/// The cases that settings ask for, in order.
pub struct Selection<'m> {
    pub(crate) machine: &'m dyn Machine,
    pub(crate) settings: Settings,
    suites: Vec<Suite>,
    /// For each suite the numbers of its chosen cases.
    chosen: Vec<Vec<usize>>,
    /// The members of `settings.only` that name no case.
    unmatched: Vec<String>,
    /// Made once, since it is the same for every port.
    survey: OnceLock<Survey>,
    /// Whether an exam makes the survey while it asks the cases.
    is_surveyed: AtomicBool,
}

/// The milestones and ranges that the chosen cases reach in the reference.
#[derive(Clone, Default)]
pub(crate) struct Survey {
    /// The milestones that they reach, and how often.
    pub(crate) caused: Vec<(String, u64)>,
    /// The ranges that they reach.
    pub(crate) reached: Vec<Reached>,
    /// An error for each milestone or range that a suite should have reached and did not.
    pub(crate) errors: Vec<String>,
}

impl<'m> Selection<'m> {
    /// Chooses the cases. An interruption leaves those that are chosen by then.
    #[must_use]
    pub fn new(machine: &'m dyn Machine, settings: &Settings) -> Self {
        let mut settings = settings.clone();
        settings.level_max = settings.level_max.min(machine.levels().len());
        let wants_levels = settings.level_max == machine.levels().len();
        let wants_all = settings.only.is_empty() && wants_levels;
        let suites = machine.suites(&settings.plan, &settings.limits.interrupt);
        let mut unmatched = settings.only.clone();
        let mut position = 0;
        let choose = |suite: &Suite| {
            let interrupt = &settings.limits.interrupt;
            let numbers = (0..suite.count).take_while(|_| !interrupt.is_raised());
            let numbers = numbers.filter(|number| {
                position += 1;
                let is_in_shard =
                    (position - 1) % settings.shard.count == settings.shard.number - 1;
                if wants_all || unmatched.is_empty() && !is_in_shard {
                    return is_in_shard;
                }
                let id = suite.id_of(*number);
                unmatched.retain(|wanted| !is_named(&id, wanted));
                // Making a case takes far longer than naming it.
                is_in_shard
                    && settings.names(&id)
                    && (wants_levels || settings.wants_level_of(machine, &(suite.make)(*number)))
            });
            numbers.collect()
        };
        let chosen = suites.iter().map(choose).collect();
        let (survey, is_surveyed) = (OnceLock::new(), AtomicBool::new(false));
        Self { machine, settings, suites, chosen, unmatched, survey, is_surveyed }
    }

    /// Returns the members of [`Settings::only`] that name no case of the plan.
    #[must_use]
    pub fn unmatched(&self) -> &[String] {
        &self.unmatched
    }

    /// Returns an error for each milestone and each range that an exhaustive suite has to reach and
    /// cannot in this plan. This concerns suites that are asked in whole, by this shard and the others
    /// together.
    #[must_use]
    pub fn plan_errors(&self) -> Vec<String> {
        if self.settings.plan.states_depth >= Plan::default().states_depth {
            // It has every case of the default plan, which the survey checks.
            return Vec::new();
        }
        let is_asked = |(suite, numbers): &(&Suite, &[usize])| {
            let mut cases = (0..suite.count).map(|number| (suite.make)(number));
            !suite.is_generated
                && !suite.must_cause.is_empty()
                && !numbers.is_empty()
                && cases.all(|case| self.settings.wants(self.machine, &case))
        };
        let errors = self
            .chosen_by_suite()
            .filter(is_asked)
            .flat_map(|(suite, _)| self.missed(suite, &self.tally(suite, 0..suite.count)));
        errors.collect()
    }

    /// Returns what the suite's cases of these numbers reach.
    fn tally(&self, suite: &Suite, numbers: impl IntoIterator<Item = usize>) -> Tally {
        let mut tally = self.new_tally();
        let interrupt = &self.settings.limits.interrupt;
        for number in numbers.into_iter().take_while(|_| !interrupt.is_raised()) {
            let Case { lines, due, .. } = (suite.make)(number);
            self.machine.run_and_tally(&lines, due, &mut tally, &mut |_| ControlFlow::Continue(()));
        }
        tally
    }

    fn new_tally(&self) -> Tally {
        Tally::new(self.machine.milestones().len(), self.machine.measures().len())
    }

    /// Returns an error for each milestone and each range that the suite has to reach and did not.
    fn missed(&self, suite: &Suite, tally: &Tally) -> Vec<String> {
        let (milestones, measures) = (self.machine.milestones(), self.machine.measures());
        let name = suite.name;
        let missed = suite.must_cause.iter().filter(|milestone| tally.count_of(**milestone) == 0);
        let missed =
            missed.map(|milestone| format!("suite {name} caused no {}", milestones[*milestone]));
        let short = suite.must_reach.iter().filter_map(|reach| tally.shortfall(reach, &measures));
        missed.chain(short.map(|shortfall| format!("suite {name}, {shortfall}"))).collect()
    }

    /// Reports whether a port is asked every case of the plan, and the plan has cases of every suite.
    pub(crate) fn is_whole(&self) -> bool {
        let is_left_out = |suite: &Suite| {
            suite.count == 0 && (suite.is_generated || self.settings.plan.states_depth == 0)
        };
        self.settings.only.is_empty()
            && self.settings.level_max == self.machine.levels().len()
            && self.settings.shard.count == 1
            && !self.settings.fail_fast
            && !self.suites.iter().any(is_left_out)
    }

    /// Returns the number of cases.
    #[must_use]
    pub fn count(&self) -> usize {
        self.chosen.iter().map(Vec::len).sum()
    }

    /// Returns the programs that are examined: the ports, and the reference if cases ask it, too. A
    /// port of its name is examined in its place.
    #[must_use]
    pub fn programs(&self, ports: &[PortSpec]) -> Vec<PortSpec> {
        let asks_reference = self.chosen_for(Part::OfReference).any(|(_, _, it)| !it.is_empty());
        let reference = self.machine.reference_port().filter(|_| asks_reference);
        let is_other = |port: &PortSpec| ports.iter().all(|other| other.name != port.name);
        ports.iter().cloned().chain(reference.filter(is_other)).collect()
    }

    /// Returns the cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = Case> {
        self.chosen_by_suite()
            .flat_map(|(suite, numbers)| numbers.iter().map(|number| (suite.make)(*number)))
    }

    /// Returns the cases with their keys, in order.
    pub(crate) fn cases_with_keys(&self, part: Part) -> impl Iterator<Item = (CaseKey, Case)> {
        self.chosen_for(part).flat_map(move |(position, _, numbers)| {
            numbers.iter().map(move |number| self.made(position, *number))
        })
    }

    /// Returns the number of cases of a part.
    pub(crate) fn count_of(&self, part: Part) -> usize {
        self.chosen_for(part).map(|(.., numbers)| numbers.len()).sum()
    }

    /// Returns the suites of a part with their positions and the numbers of their chosen cases.
    fn chosen_for(&self, part: Part) -> impl Iterator<Item = (usize, &Suite, &[usize])> {
        let suites = self.chosen_by_suite().enumerate();
        let suites = suites.filter(move |(_, (suite, _))| part.has(suite));
        suites.map(|(position, (suite, numbers))| (position, suite, numbers))
    }

    fn made(&self, suite: usize, number: usize) -> (CaseKey, Case) {
        (CaseKey { suite, number: number as u64 }, (self.suites[suite].make)(number))
    }

    fn chosen_by_suite(&self) -> impl Iterator<Item = (&Suite, &[usize])> {
        self.suites.iter().zip(self.chosen.iter().map(Vec::as_slice))
    }

    /// Returns generated cases beyond those of the plan, without end: `None` for a case that is not
    /// wanted, so that the caller can stop between any two.
    pub(crate) fn further_cases(
        &self,
        part: Part,
    ) -> impl Iterator<Item = Option<(CaseKey, Case)>> {
        let Shard { number, count } = self.settings.shard;
        let first = self.settings.plan.generated_count + number - 1;
        let only = &self.settings.only;
        let is_wanted = |(_, suite): &(usize, &Suite)| {
            only.is_empty() || only.iter().any(|wanted| is_named(suite.name, wanted))
        };
        let suites = self.suites.iter().enumerate();
        let suites = suites.filter(|(_, suite)| suite.is_generated && part.has(suite));
        let suites: Vec<_> = suites.filter(is_wanted).map(|(suite, _)| suite).collect();
        let round_count = if suites.is_empty() { 0 } else { usize::MAX };
        (0..round_count).flat_map(move |round| {
            let cases = suites.clone().into_iter().map(move |suite| {
                let made = self.made(suite, first.wrapping_add(round.wrapping_mul(count)));
                Some(made).filter(|(_, case)| self.settings.wants(self.machine, case))
            });
            cases.collect::<Vec<_>>()
        })
    }

    /// Returns the counts to add to, for one exam that counts the milestones of every case.
    pub(crate) fn start_survey(&self) -> Option<Counts> {
        let is_first = !self.is_surveyed.swap(true, Ordering::Relaxed);
        let counts = || vec![self.new_tally(); self.suites.len()];
        is_first.then(counts)
    }

    pub(crate) fn finish_survey(&self, counts: Counts) {
        // Another exam may have made it in the meantime.
        let _ = self.survey.set(self.survey_of(counts));
    }

    pub(crate) fn survey(&self) -> &Survey {
        self.survey.get_or_init(|| self.make_survey())
    }

    fn make_survey(&self) -> Survey {
        let suites = self.chosen_by_suite();
        let tallies = suites.map(|(suite, numbers)| self.tally(suite, numbers.iter().copied()));
        self.survey_of(tallies.collect())
    }

    fn survey_of(&self, counts: Counts) -> Survey {
        let mut total = self.new_tally();
        let mut errors = Vec::new();
        for ((suite, numbers), tally) in self.chosen_by_suite().zip(counts) {
            let is_left_out = suite.count == 0 && self.settings.plan.states_depth == 0;
            let is_whole = numbers.len() == suite.count
                && !is_left_out
                && !self.settings.limits.interrupt.is_raised();
            if is_whole && (!suite.is_generated || numbers.len() >= SURVEYED_CASES_MIN) {
                errors.extend(self.missed(suite, &tally));
            }
            total.add(tally);
        }
        let caused = total.caused(self.machine.milestones());
        Survey { caused, reached: total.reached(self.machine.measures()), errors }
    }
}

impl Cases for Selection<'_> {
    fn case(&self, key: CaseKey) -> Case {
        let number = usize::try_from(key.number).expect("a key has a number of its suite");
        (self.suites[key.suite].make)(number)
    }
}
