//! From a divergence to what a port author needs: the first bad step, the fewest commands that
//! show it, and the field that is wrong.

use std::time::Duration;

use crate::exam::case::{Case, Delivery, need_fresh_session, word};
use crate::exam::examinee::{Actual, Divergence, Examinee};
use crate::exam::expand::expand;
use crate::exam::fields::first_difference;
use crate::exam::finding::{Finding, shown};
use crate::exam::fingerprint::fingerprint;
use crate::exam::sections::observation;
use crate::exam::shrink::{Budget, remove, shrink};
use crate::protocol::{Command, parse, put_op};
use crate::session::Session;
use crate::splitmix64::SplitMix64;
use crate::workload::draw_op;

/// Up to how many lines are looked at after each of them; more are looked at in two passes.
const CLOSE_LOOK_LINES_MAX: usize = 1_500;
/// How much of what a port was asked before is tried where a case alone does not fail.
const HISTORY_LINES_MAX: usize = 200_000;

/// How long an answer may take while a hang is shrunk.
const SHRINK_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// Finds out what is behind a divergence. `history` is what the port was asked before the case,
/// since it was started.
pub fn investigate(
    examinee: &mut Examinee,
    case: &Case,
    history: &[Vec<u8>],
    divergence: Divergence,
    budget: Budget,
) -> Finding {
    let first = Failing::of_case(case, divergence);
    let stderr = examinee.stderr_tail();
    let unfinished_line = examinee.unfinished_line();
    let mut inquiry = Inquiry { examinee, budget };
    let Some(reproduced) = inquiry.reproduce(&first, history) else {
        return Finding::unreproduced(case, &first, stderr);
    };
    let located = inquiry.locate(reproduced);
    let fault = fingerprint(located.last_line(), &located.divergence);
    let (shrunk, is_minimal) = inquiry.shrink(located.clone(), &fault);
    let mut explanation = inquiry.explain(&shrunk);
    if !unfinished_line.is_empty() {
        let written = shown(&unfinished_line);
        explanation.insert(0, format!("it had written `{written}` without a line end"));
    }
    Finding::new(case, &located, &shrunk, is_minimal, fault, explanation, stderr)
}

/// Lines that end in a divergence.
#[derive(Clone, Debug)]
pub struct Failing {
    /// The lines, up to the one at which the port diverges.
    pub lines: Vec<Vec<u8>>,
    /// How they were delivered.
    pub delivery: Delivery,
    /// How the port diverged at the last of them.
    pub divergence: Divergence,
    /// Whether the last line is a look at what the line before it did.
    pub is_look: bool,
    /// Whether workloads, chaos or a scenario of the case are written out in the lines.
    pub is_expanded: bool,
}

impl Failing {
    /// A case as it was asked.
    pub(crate) fn of_case(case: &Case, divergence: Divergence) -> Self {
        Self {
            lines: case.lines.clone(),
            delivery: case.delivery,
            divergence,
            is_look: false,
            is_expanded: false,
        }
    }

    /// How many lines come up to the bad step, itself included.
    pub(crate) fn step_line_count(&self) -> usize {
        let line_count = self.lines.len().min(self.divergence.step + 1);
        line_count.saturating_sub(usize::from(self.is_look))
    }

    /// The line at the bad step.
    pub(crate) fn step_line(&self) -> String {
        let position = self.step_line_count().checked_sub(1);
        let line = position.and_then(|position| self.lines.get(position));
        line.map(|line| shown(line)).unwrap_or_default()
    }

    fn has_fingerprint(&self, fault: &str) -> bool {
        fingerprint(self.last_line(), &self.divergence) == fault
    }

    /// The position of the last line, where the fault is this one.
    fn position_of(&self, fault: &str) -> Option<usize> {
        self.has_fingerprint(fault).then(|| self.lines.len().saturating_sub(1))
    }

    /// The line at which the port diverges.
    #[must_use]
    pub fn last_line(&self) -> &[u8] {
        self.lines.get(self.divergence.step).map_or(&[], Vec::as_slice)
    }
}

struct Inquiry<'a> {
    examinee: &'a mut Examinee,
    budget: Budget,
}

impl Inquiry<'_> {
    /// Gives the lines to a port of their own.
    fn fails(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        self.examinee.stop();
        self.diverges(lines, delivery)
    }

    /// Gives the lines to the port as it is.
    fn diverges(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        let divergence = self.examinee.run(lines, delivery).err()?;
        let mut lines = lines.to_vec();
        if is_exact(&divergence, delivery) {
            lines.truncate(divergence.step + 1);
        }
        Some(Failing { lines, delivery, divergence, is_look: false, is_expanded: false })
    }

    /// The least that shows the fault again: the lines up to it, each answer standing by itself;
    /// else the case as it was; else with all that came before.
    fn reproduce(&mut self, first: &Failing, history: &[Vec<u8>]) -> Option<Failing> {
        let is_failure = matches!(first.divergence.actual, Actual::Failed(_));
        if first.delivery == Delivery::Pipelined && is_failure {
            // Answers that a port held back when it failed hide the line at which it did.
            if let Some(failing) = self.fails(&first.lines, Delivery::Stepwise) {
                return Some(failing);
            }
        } else if first.delivery == Delivery::Pipelined {
            // A line too many may belong to a comment after the last command.
            let is_extra = matches!(first.divergence.actual, Actual::Extra(_));
            let line_count = if is_extra { first.lines.len() } else { first.divergence.step + 1 };
            let lines = &first.lines[..first.lines.len().min(line_count)];
            if let Some(failing) = self.fails(lines, Delivery::Marked) {
                return Some(failing);
            }
        }
        if let Some(failing) = self.fails(&first.lines, first.delivery) {
            return Some(failing);
        }
        let skipped = history.len().saturating_sub(HISTORY_LINES_MAX);
        let mut lines = history[skipped..].to_vec();
        lines.extend_from_slice(&first.lines);
        let deliveries = if is_failure {
            [Delivery::Stepwise, Delivery::Pipelined]
        } else {
            [Delivery::Marked, Delivery::Pipelined]
        };
        deliveries.into_iter().find_map(|delivery| self.fails(&lines, delivery))
    }

    /// Goes from where the fault was seen to where it began.
    fn locate(&mut self, failing: Failing) -> Failing {
        if !matches!(failing.delivery, Delivery::Marked | Delivery::Stepwise) {
            return failing;
        }
        let delivery = failing.delivery;
        let expanded = expand(&failing.lines).and_then(|lines| self.fails(&lines, delivery));
        let is_expanded = expanded.is_some();
        let failing = expanded.unwrap_or(failing);
        let located = self.look_closely(&failing.lines, delivery).unwrap_or(failing);
        Failing { is_expanded, ..located }
    }

    /// Looks at everything after each line: what is seen first is the fault.
    fn look_closely(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        let mut start = 0;
        if lines.len() > CLOSE_LOOK_LINES_MAX {
            let stride = lines.len().div_ceil(CLOSE_LOOK_LINES_MAX);
            let (line_count, _) = self.first_seen(lines, delivery, 0, stride)?;
            start = line_count.saturating_sub(stride);
        }
        let (line_count, look) = self.first_seen(lines, delivery, start, 1)?;
        let mut lines = lines[..line_count].to_vec();
        let is_look = look.is_some();
        lines.extend(look);
        let failing = self.fails(&lines, delivery)?;
        let is_look = is_look && failing.lines.len() == lines.len();
        Some(Failing { is_look, ..failing })
    }

    /// Looks after every `stride` lines behind `start`. Answers after how many lines the first
    /// difference shows, and the look that shows it, unless the line's own answer does.
    fn first_seen(
        &mut self,
        lines: &[Vec<u8>],
        delivery: Delivery,
        start: usize,
        stride: usize,
    ) -> Option<(usize, Option<Vec<u8>>)> {
        let mut session = Session::new();
        let mut asked = Vec::new();
        // For each line asked: how many of the lines come up to it, and whether it is a look.
        let mut origins = Vec::new();
        for (position, line) in lines.iter().enumerate() {
            session.answer(line, &mut String::new());
            asked.push(line.clone());
            origins.push((position + 1, false));
            let Some(cluster) = session.cluster() else { continue };
            if position + 1 > start && (position + 1) % stride == 0 {
                for look in observation(cluster.replica_count()) {
                    asked.push(look);
                    origins.push((position + 1, true));
                }
            }
        }
        let failing = self.fails(&asked, delivery)?;
        let (line_count, is_look) = origins[failing.divergence.step];
        Some((line_count, is_look.then(|| asked[failing.divergence.step].clone())))
    }

    /// The fewest lines, and whether it is sure that they are: first with one port that goes on
    /// from candidate to candidate, which is quick; then, from what came of that, with a port of
    /// its own for each candidate, as what one leaves behind can mislead the search.
    fn shrink(&mut self, located: Failing, fault: &str) -> (Failing, bool) {
        let timeout = self.examinee.timeout();
        if matches!(&located.divergence.actual, Actual::Failed(failure) if failure.is_timeout()) {
            // Each candidate that still hangs takes the whole time limit.
            self.examinee.set_timeout(timeout.min(SHRINK_TIMEOUT_MAX));
        }
        let budget = self.budget;
        let shrunk = shrink(located.lines.clone(), budget, |lines| {
            self.fails_again(lines, located.delivery)?.position_of(fault)
        });
        let start = match self.fails_alike(&shrunk.lines, &located, fault) {
            // What the budget did not suffice for once, it does not suffice for by itself.
            Some(failing) if !shrunk.is_minimal => {
                self.examinee.set_timeout(timeout);
                return (failing, false);
            }
            Some(failing) => failing,
            None => located,
        };
        let shrunk = remove(start.lines.clone(), budget, |lines| {
            self.fails(lines, start.delivery)?.position_of(fault)
        });
        self.examinee.set_timeout(timeout);
        match self.fails_alike(&shrunk.lines, &start, fault) {
            Some(failing) => (failing, shrunk.is_minimal),
            None => (start, false),
        }
    }

    /// Gives the lines to a port that has answered others before, where that makes no difference
    /// to one that is right.
    fn fails_again(&mut self, lines: &[Vec<u8>], delivery: Delivery) -> Option<Failing> {
        if need_fresh_session(lines) {
            self.examinee.stop();
        }
        self.diverges(lines, delivery)
    }

    fn fails_alike(&mut self, lines: &[Vec<u8>], start: &Failing, fault: &str) -> Option<Failing> {
        let failing = self.fails(lines, start.delivery)?;
        failing
            .has_fingerprint(fault)
            .then_some(Failing { is_expanded: start.is_expanded, ..failing })
    }

    fn explain(&mut self, failing: &Failing) -> Vec<String> {
        let mut explanation = Vec::new();
        let line = failing.last_line().to_vec();
        match parse(&line) {
            Ok(Some(Command::Hash { id } | Command::Dump { id })) => {
                explanation.extend(self.compare_dumps(failing, id));
            }
            Ok(Some(Command::Workload { seed, keys, count })) => {
                explanation.push(last_op(seed, keys, count));
            }
            Ok(Some(Command::Load { bytes })) => {
                explanation.extend(crate::exam::fields::describe(&bytes));
            }
            Ok(Some(Command::Chaos { .. } | Command::Scenario { .. })) => {
                let why = "line by line the port agrees: what it makes of the draws or of the \
                           script, or what it hashes, differs";
                explanation.push(why.into());
            }
            _ => {}
        }
        let workload = failing.lines.iter().rev().skip(1).find_map(|line| match parse(line) {
            Ok(Some(Command::Workload { seed, keys, count })) => Some((seed, keys, count)),
            _ => None,
        });
        if let Some((seed, keys, count)) = workload.filter(|_| explanation.is_empty()) {
            explanation.push(last_op(seed, keys, count));
        }
        explanation.push(format!("definition, {}", section_of(&line, &failing.divergence)));
        explanation
    }

    /// Fetches the snapshot behind a hash and names the first field that differs.
    fn compare_dumps(&mut self, failing: &Failing, id: usize) -> Option<String> {
        let mut session = Session::new();
        let mut lines = failing.lines[..failing.divergence.step].to_vec();
        lines.retain(|line| session.answer(line, &mut String::new()));
        let expected = session.cluster()?.replica(id).ok()?.dump_state();
        lines.push(format!("dump {id}").into_bytes());
        self.examinee.stop();
        let answers = self.examinee.ask(&lines).ok()?;
        self.examinee.stop();
        let actual = answers.last()?.strip_prefix(b"ok 0x")?;
        let difference = first_difference(&expected, &hex::decode(actual).ok()?);
        Some(match difference {
            Some(difference) => format!("snapshot of replica {id}: {difference}"),
            None => format!("the snapshot of replica {id} is right, so its hash is made wrongly"),
        })
    }
}

/// Whether the step of a divergence is the one at which the port went wrong: a port that failed
/// may have held back answers that it had, unless each was awaited.
fn is_exact(divergence: &Divergence, delivery: Delivery) -> bool {
    match delivery {
        Delivery::Stepwise | Delivery::Split => true,
        Delivery::Pipelined | Delivery::Marked => !matches!(divergence.actual, Actual::Failed(_)),
        Delivery::ToEnd | Delivery::ToEndWithoutLf => false,
    }
}

/// The draws of a workload's last op, and what they stand for.
fn last_op(seed: u64, keys: u64, count: u64) -> String {
    let mut draws = SplitMix64::new(seed);
    for _ in 0..3 * count.saturating_sub(1) {
        draws.next_u64();
    }
    let mut look_ahead = draws.clone();
    let [r1, r2, r3] = [(); 3].map(|()| look_ahead.next_u64());
    let mut line = String::new();
    match draw_op(&mut draws, keys) {
        Ok(op) => put_op(&mut line, &op),
        Err(code) => return format!("the workload is answered `err {code}`"),
    }
    format!("op {count} of the workload: draws {r1} {r2} {r3} stand for `{line}`")
}

/// Where the definition says what is due: of the protocol, or of what the command does.
fn section_of(line: &[u8], divergence: &Divergence) -> &'static str {
    let of_the_protocol: [&[u8]; 4] =
        [b"err line-length", b"err unknown-command", b"err syntax", b"err no-cluster"];
    let is_protocol = match (&divergence.expected, &divergence.actual) {
        (Some(expected), Actual::Answer(actual)) => {
            of_the_protocol.iter().any(|answer| expected == answer || actual == answer)
        }
        _ => true,
    };
    if is_protocol {
        return "section 8";
    }
    match word(line) {
        b"mix" | b"draw" => "section 6",
        b"load" | b"hash" | b"dump" => "section 5",
        b"new" | b"status" => "section 4",
        b"noop" | b"put" | b"del" => "sections 4.1 and 4.4",
        b"at" => "section 4.2",
        b"partition" | b"heal" => "sections 4.3 and 4.4",
        b"compact" => "section 4.5",
        b"replica" | b"log" => "sections 3 and 4.4",
        b"get" => "sections 3 and 8",
        b"workload" => "section 7",
        b"scenario" => "section 9",
        b"chaos" => "section 10",
        _ => "section 8",
    }
}
