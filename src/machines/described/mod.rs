//! A machine that a file describes, whose reference is a program.

mod cases;
mod drawing;
mod layouts;
mod names;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dkv20_described::{
    Description, Equal as Equals, Field, Fields, Random, Rules, Source, difference,
};
use dkv20_exam::reports::visible;
use dkv20_exam::{
    Actual, Ask, Case, Delivery, Difference, Divergence, Drawing, Due, Equal, Evidence, Expected,
    Explanation, Failure, Interrupt, Level, Lines, Meaning, Plan, PortSpec, Session, Shape, Suite,
    Tally, Task,
};

use cases::mistake;
use drawing::Redrawing;
use layouts::Layouts;
use names::{Names, in_file};
use reference::{Process, Processes};

/// The suite of drawn cases.
const DRAWN: &str = "drawn";
/// The suite of cases after which the replicas of each program must be equal.
const SETTLE: &str = "settle";
/// The seeds of these cases are those of drawn cases with other bits.
const SETTLE_SEEDS: u64 = 0x5e77_1e00_0000_0000;
/// The seeds of the cases of one exam are this far from those of the next.
const SEEDS_APART: u64 = 0x9e37_79b9_7f4a_7c15;

/// A described machine. Clones share its processes.
#[derive(Clone)]
pub struct Described(Arc<Machine>);

pub(super) struct Machine {
    description: Arc<Description>,
    rules: Rules,
    expected: Vec<Expected>,
    names: Names,
    levels: [Level; 1],
    processes: Arc<Processes>,
    layouts: Layouts,
}

impl Described {
    /// Makes a machine of a description, with one of its profiles if there is a name of one. The
    /// reference is started when it is needed; each of its answers may take `timeout`. Programs of
    /// layouts are started in `folder`.
    ///
    /// # Errors
    ///
    /// There is no such profile, or an expected difference is no pattern.
    pub fn new(
        description: Description,
        profile: Option<&str>,
        reference: PortSpec,
        timeout: Duration,
        folder: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, String> {
        let rules = description.rules_of(profile).ok_or("there is no such profile")?.clone();
        let expected = rules.expected.iter().cloned().map(expected).collect::<Result<_, _>>()?;
        let names = Names::new(&rules);
        // A port may lack an observer, too.
        let words = names.commands.iter().chain(names.observers.iter().flatten());
        let words = words.map(ToString::to_string).collect();
        let levels = [Level { name: description.name.clone(), words }];
        let (spec, description) = (reference, Arc::new(description));
        let (idle, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let interrupt_too = interrupt.clone();
        let described = Arc::clone(&description);
        let processes = Processes {
            spec,
            description: described,
            timeout,
            interrupt: interrupt_too,
            idle,
            failures,
        };
        let processes = Arc::new(processes);
        let (folder, running) = (folder.to_path_buf(), Mutex::new(BTreeMap::new()));
        let layouts = Layouts { folder, timeout, interrupt: interrupt.clone(), running };
        let machine = Machine { description, rules, expected, names, levels, processes, layouts };
        Ok(Self(Arc::new(machine)))
    }

    /// Returns the differences that the file expects.
    #[must_use]
    pub fn expected(&self) -> &[Expected] {
        &self.0.expected
    }

    /// Returns the fields of two answers to a line, if they have a layout and can be listed.
    #[must_use]
    pub fn fields(&self, line: &[u8], answers: [&[u8]; 2]) -> Option<[Fields; 2]> {
        let name = self.0.names.of_line(self.rules(), line);
        self.0.layouts.fields(self.rules(), &name, answers)?.ok()
    }

    /// Returns the start lines of the case of a seed, which the reference accepts.
    ///
    /// # Errors
    ///
    /// The case cannot be drawn, or the reference fails or refuses a start line.
    pub fn draw_start(&self, seed: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let mut process = self.0.processes.lend()?;
        let drawn = self.0.draw(&mut *self.0.source(seed), &mut process)?.drawn;
        let start = drawn.lines.into_iter().take_while(|line| line.command.is_none());
        Ok(start.map(|line| line.text).collect())
    }

    /// Returns the rules by which cases are drawn and answers are compared.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }
}

impl Machine {
    fn source(&self, seed: u64) -> Box<dyn Source> {
        Box::new(Random::new(seed, self.rules.is_swarm))
    }

    fn is_same(&self, name: &str, expected: &[u8], actual: &[u8]) -> bool {
        self.rules.equality.are_same(in_file(name).0, expected, actual)
    }

    fn difference(&self, name: &str, expected: &[u8], actual: &[u8]) -> String {
        let fields = self.layouts.fields(&self.rules, name, [expected, actual]);
        let fields = fields.and_then(Result::ok);
        let fields = fields.as_ref().map(|[expected, actual]| (expected, actual));
        difference(&self.rules, in_file(name).0, (expected, actual), fields)
    }

    /// Returns the facts on two answers that differ: whose they are, and the answers.
    fn facts(&self, name: &str, answers: [(&str, &[u8]); 2]) -> Vec<String> {
        let whose = answers.map(|(whose, _)| whose);
        match self.layouts.fields(&self.rules, name, answers.map(|(_, answer)| answer)) {
            Some(Ok([expected, actual])) => {
                let different = first_different(&expected.list, &actual.list);
                let misfits = [(whose[0], expected.misfit), (whose[1], actual.misfit)];
                let misfits = misfits.into_iter().filter_map(|(whose, misfit)| {
                    Some(format!("{whose} bytes do not have the layout: {}", misfit?))
                });
                different.into_iter().chain(misfits).collect()
            }
            Some(Err(reason)) => vec![format!("the fields of the bytes are unknown: {reason}")],
            None => Vec::new(),
        }
    }
}

fn expected(described: dkv20_described::Expected) -> Result<Expected, String> {
    let dkv20_described::Expected { port, difference, commands, needs, because, link } = described;
    let mut difference = Difference::new(&difference)?;
    (difference.commands, difference.needs) = (Some(commands), needs);
    Ok(Expected { port, shape: Shape::Difference(difference), because, link })
}

/// Describes the first field that differs, with its place and its values.
fn first_different(expected: &[Field], actual: &[Field]) -> Option<String> {
    let end = expected.len().max(actual.len());
    let pairs = (0..end).map(|position| (expected.get(position), actual.get(position)));
    let is_other = |(one, other): &(Option<&Field>, Option<&Field>)| match (one, other) {
        (Some(one), Some(other)) => one.path != other.path || one.value != other.value,
        _ => true,
    };
    let (expected, actual) = pairs.into_iter().find(is_other)?;
    let shown = |field: Option<&Field>| {
        field.map_or("nothing".into(), |Field { path, offset, length, value }| {
            format!("`{path}` = {value} (offset {offset}, {length} bytes)")
        })
    };
    Some(format!("expected {}, got {}", shown(expected), shown(actual)))
}

impl dkv20_exam::Machine for Described {
    fn levels(&self) -> &[Level] {
        &self.0.levels
    }

    fn session(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(LinesOnProcess { machine: Arc::clone(&self.0), process: None }))
    }

    fn observers(&self, lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let rules = self.rules();
        let start = lines.iter().rposition(|line| self.begins_anew(line));
        let observations = start.and_then(|start| rules.observations_of(&lines[start..]).ok());
        observations.into_iter().flatten().map(|observation| observation.line).collect()
    }

    fn hello(&self) -> &str {
        &self.0.description.hello
    }

    fn greeting_form(&self) -> &str {
        self.0.description.greeting.as_ref().map_or("any line", |greeting| greeting.as_str())
    }

    fn is_greeting(&self, answer: &[u8]) -> bool {
        self.0.description.is_greeting(answer)
    }

    fn has_greeting_form(&self) -> bool {
        self.0.description.greeting.is_some()
    }

    fn word_of<'a>(&self, _line: &'a [u8]) -> &'a [u8] {
        // Commands are known by the names of lines.
        &[]
    }

    fn name_of(&self, line: &[u8]) -> Option<Arc<str>> {
        Some(self.0.names.of_line(self.rules(), line))
    }

    fn is_same(&self, name: &str, expected: &[u8], actual: &[u8]) -> bool {
        self.0.is_same(name, expected, actual)
    }

    fn drawing<'a>(&'a self, case: &Case) -> Option<Box<dyn Drawing + 'a>> {
        let drawing = |seed| Box::new(Redrawing::new(&self.0, case, seed)) as Box<dyn Drawing>;
        case.seed.map(drawing)
    }

    fn settle(
        &self,
        lines: &[Vec<u8>],
        ask: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<Equal>, Failure> {
        let settlement =
            self.rules().settlement(lines).map_err(|error| mistake(&error.to_string()))?;
        let Some(settlement) = settlement else { return Ok(Vec::new()) };
        if settlement.exchange(|line| ask(line).ok_or(())).is_err() {
            return Ok(Vec::new());
        }
        let equal = settlement.equal.into_iter();
        Ok(equal.map(|Equals { observer, lines }| Equal { name: observer.into(), lines }).collect())
    }

    fn reference_port(&self) -> Option<PortSpec> {
        Some(self.0.processes.spec.clone())
    }

    fn contradiction(
        &self,
        lines: &[Vec<u8>],
        divergence: &Divergence,
    ) -> Result<Option<String>, Failure> {
        let Divergence { step, expected: Some(expected), .. } = divergence else { return Ok(None) };
        let mut process = self.0.processes.lend_new()?;
        let lines = &lines[..lines.len().min(step + 1)];
        let (Some(line), Some(again)) = (lines.last(), process.answers(lines)?.pop()) else {
            return Ok(None);
        };
        let name = divergence.name.as_deref().unwrap_or_default();
        if again == *expected || self.0.is_same(name, expected, &again) {
            return Ok(None);
        }
        let [line, expected, again] = [&line[..], expected, &again].map(String::from_utf8_lossy);
        let name = &self.0.processes.spec.name;
        Ok(Some(format!(
            "{name}: `{line}`: `{expected}`, and `{again}` in a new process: it is not \
             deterministic, or its start lines do not make it forget; answer the same lines alike"
        )))
    }

    fn kind_of(&self, line: &[u8]) -> String {
        self.0.names.of_line(self.rules(), line).to_string()
    }

    fn probe(&self, _word: &str) -> Option<Vec<u8>> {
        None
    }

    fn is_unknown(&self, answer: &[u8]) -> bool {
        self.0.description.is_unknown(answer)
    }

    fn begins_as_case(&self, lines: &[Vec<u8>]) -> bool {
        self.rules().variables_of(lines).is_ok()
    }

    fn needs_fresh_session(&self, lines: &[Vec<u8>]) -> bool {
        !self.begins_as_case(lines)
    }

    fn depends_on_session(&self, _answer: &[u8]) -> bool {
        false
    }

    fn suites(&self, plan: &Plan, _interrupt: &Interrupt) -> Vec<Suite> {
        let (machine, first) = (Arc::clone(&self.0), plan.seed.wrapping_mul(SEEDS_APART));
        let drawn = move |number: usize| {
            let seed = first.wrapping_add(number as u64);
            machine.case(format!("{DRAWN}/{number}"), seed, delivery_of(number), Task::Session)
        };
        let machine = Arc::clone(&self.0);
        let settle = move |number: usize| {
            let seed = (first ^ SETTLE_SEEDS).wrapping_add(number as u64);
            machine.case(format!("{SETTLE}/{number}"), seed, Delivery::Marked, Task::Settled)
        };
        let count = plan.generated_count;
        let settle = Suite { asks_reference: true, ..suite(SETTLE, count, settle) };
        let settle = Some(settle).filter(|_| self.rules().settle.is_some());
        iter::once(suite(DRAWN, count, drawn)).chain(settle).collect()
    }

    fn fuzz_case(&self, seed: u64) -> Case {
        self.0.case(format!("fuzz/{seed}"), seed, Delivery::Pipelined, Task::Session)
    }

    fn run_and_tally(
        &self,
        lines: &[Vec<u8>],
        known: Option<Vec<Due>>,
        _tally: &mut Tally,
        due: &mut dyn FnMut(Due) -> ControlFlow<()>,
    ) {
        let run = || self.session()?.run_lines(lines, &|| true);
        let _ = known.or_else(|| run().ok()).into_iter().flatten().try_for_each(due);
    }

    fn difference(&self, name: Option<&str>, expected: &[u8], actual: &[u8]) -> String {
        self.0.difference(name.unwrap_or_default(), expected, actual)
    }

    fn ingredients(
        &self,
        lines: &[Vec<u8>],
        step: usize,
        _divergence: &Divergence,
    ) -> BTreeSet<String> {
        lines.iter().take(step + 1).map(|line| self.kind_of(line)).collect()
    }

    fn explain(&self, evidence: &Evidence<'_>, _ask: Ask<'_>) -> Explanation {
        let Divergence { name: Some(name), expected: Some(expected), actual, .. } =
            evidence.divergence
        else {
            return Explanation::default();
        };
        let facts = match actual {
            Actual::Answer(actual) => {
                self.0.facts(name, [("the reference's", expected), ("the port's", actual)])
            }
            Actual::Unequal(actual) => {
                let equal = evidence.lines.len().checked_sub(2).map(|at| &evidence.lines[at]);
                let equal = visible(&String::from_utf8_lossy(equal.map_or(&[], |line| line)));
                let equal = format!("after the exchange it must have the answer to `{equal}`");
                let facts = self
                    .0
                    .facts(name, [("the first line's", expected), ("the last line's", actual)]);
                iter::once(equal).chain(facts).collect()
            }
            Actual::Missing | Actual::Extra(_) | Actual::Failed(_) => Vec::new(),
        };
        Explanation { facts, sections: Vec::new() }
    }
}

fn suite(
    name: &'static str,
    count: usize,
    make: impl Fn(usize) -> Case + Send + Sync + 'static,
) -> Suite {
    Suite { is_generated: true, ..Suite::new(name, count, make) }
}

/// Returns the delivery of the case of a number: mostly the fastest.
const fn delivery_of(number: usize) -> Delivery {
    match number % 16 {
        7 => Delivery::Stepwise,
        11 => Delivery::Marked,
        15 => Delivery::Split,
        _ => Delivery::Pipelined,
    }
}

impl Meaning for Described {
    fn begins_anew(&self, line: &[u8]) -> bool {
        self.rules().is_start(line) == Some(0)
    }

    fn is_look(&self, line: &[u8]) -> bool {
        let name = self.0.names.of_line(self.rules(), line);
        !self.0.names.commands.contains(&name) && self.rules().is_start(line).is_none()
    }

    fn simpler<'a>(&self, _lines: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
        Box::new(iter::empty())
    }
}

/// Lines on a process of the reference: one that has run others only if they begin as a case does.
struct LinesOnProcess {
    machine: Arc<Machine>,
    process: Option<Process>,
}

impl Session for LinesOnProcess {
    fn run_line(&mut self, line: &[u8]) -> Result<Due, Failure> {
        let due = self.run_lines(&[line.to_vec()], &|| true)?;
        Ok(due.into_iter().next().unwrap_or(Due::Nothing))
    }

    fn run_lines(
        &mut self,
        lines: &[Vec<u8>],
        _goes_on: &dyn Fn() -> bool,
    ) -> Result<Vec<Due>, Failure> {
        let Machine { rules, processes, .. } = &*self.machine;
        let process = match &mut self.process {
            Some(process) => process,
            none if rules.variables_of(lines).is_ok() => none.insert(processes.lend()?),
            none => none.insert(processes.lend_new()?),
        };
        Ok(process.answers(lines)?.into_iter().map(Due::Answer).collect())
    }
}
