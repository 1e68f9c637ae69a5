//! Going back from where an error was seen to the line at which it began.

use std::collections::BTreeSet;
use std::iter;

use crate::case::Delivery;
use crate::failing::Failing;
use crate::runner::Runner;

/// With up to this many lines the state is observed after each of them; with more, after some of
/// them, and then between the two where it begins to differ.
const OBSERVED_LINES_MAX: usize = 200;
/// After how many of more lines the state is observed at a time, and how far apart at least.
const OBSERVED_AT_A_TIME: usize = 40;

/// The first wrong step of some lines.
pub(crate) struct Located {
    /// All lines up to it, with those that stand for many written out.
    pub(crate) whole: Failing,
    /// Fewer lines that do the same, if there are any.
    pub(crate) short: Failing,
    /// Whether the step was observed, and without the observers before it, too.
    pub(crate) is_certain: bool,
}

impl Located {
    fn at(failing: Failing) -> Self {
        Self { whole: failing.clone(), short: failing, is_certain: false }
    }
}

/// Runs the beginning of what the lines stand for, and twice as much as long as it is right: many
/// lines have mostly failed long before they end. Returns `None` if only more than half of them
/// fail.
pub(crate) fn fail_early(
    runner: &mut Runner<'_, '_>,
    lines: &[Vec<u8>],
    delivery: Delivery,
) -> Option<Failing> {
    let whole = runner.machine.written_out_count(lines);
    let least = lines.len().max(OBSERVED_LINES_MAX);
    // The last beginning is half of them, so that no run is nearly as long as that of all.
    let shorter = iter::successors(Some(whole / 2), |count| Some(count / 2));
    let counts: Vec<_> = shorter.take_while(|count| *count >= least).collect();
    for count in counts.into_iter().rev() {
        if runner.is_stopped() {
            break;
        }
        let mut beginning = runner.machine.prefix(lines, count);
        beginning.extend(runner.machine.observers(&beginning));
        let failing = runner.run(&beginning, delivery);
        if failing.is_some() {
            return failing;
        }
    }
    None
}

/// Finds the first wrong step. Lines that stand for many are written out first.
pub(crate) fn locate(runner: &mut Runner<'_, '_>, failing: Failing) -> Located {
    if !failing.delivery.separates_answers() {
        return Located::at(failing);
    }
    let expanded = runner.machine.expand(&failing.lines);
    let located = expanded.and_then(|lines| {
        let mut located = first_wrong(runner, &lines, Some(&failing.lines), failing.delivery)?;
        (located.whole.is_expanded, located.short.is_expanded) = (true, true);
        Some(located)
    });
    located
        .or_else(|| first_wrong(runner, &failing.lines, None, failing.delivery))
        .unwrap_or_else(|| Located::at(failing))
}

/// Finds the first wrong step of shrunk lines.
pub(crate) fn blame(runner: &mut Runner<'_, '_>, shrunk: &Failing) -> Failing {
    let delivery = match shrunk.delivery {
        Delivery::Pipelined => Delivery::Marked,
        delivery => delivery,
    };
    let is_observable = delivery.separates_answers() && !shrunk.divergence.is_timeout();
    let located = is_observable.then(|| first_wrong(runner, &shrunk.lines, None, delivery));
    let located = located.flatten().map_or_else(|| shrunk.clone(), |located| located.whole);
    Failing { is_expanded: false, ..located }
}

/// The place at which a difference was seen.
enum Sight {
    /// After this many lines, in the answer of the last of them or of an observer.
    At(usize, Option<Vec<u8>>),
    /// In lines that stand for those that are known to be right: they are no replacement.
    InPrefix,
}

/// Observes the state to find the first line after which it differs. `folded` are lines of which
/// `lines` are those written out.
fn first_wrong(
    runner: &mut Runner<'_, '_>,
    lines: &[Vec<u8>],
    folded: Option<&[Vec<u8>]>,
    delivery: Delivery,
) -> Option<Located> {
    let mut search = Search { lines, folded, delivery, start: 0, is_start_right: false };
    let mut end = lines.len();
    let mut observer = None;
    let mut is_seen = false;
    search.start = if end > OBSERVED_LINES_MAX { search.half(end) } else { 0 };
    while !runner.is_stopped() {
        let stops = search.stops(end);
        match search.look(runner, end, &stops) {
            None if search.start > 0 && !is_seen => search.start = 0,
            None => break,
            Some(Sight::InPrefix) => {
                search.folded = None;
                search.start = if search.is_start_right { search.start } else { 0 };
            }
            Some(Sight::At(count, by)) => {
                (is_seen, observer) = (true, by);
                end = count;
                if count <= search.start {
                    search.start = search.half(end);
                    continue;
                }
                search.start = stops.range(..count).next_back().copied().unwrap_or(search.start);
                search.is_start_right = true;
                if end <= search.start + 1 {
                    break;
                }
            }
        }
    }
    is_seen.then(|| search.result(runner, end, observer)).flatten()
}

struct Search<'a> {
    lines: &'a [Vec<u8>],
    folded: Option<&'a [Vec<u8>]>,
    delivery: Delivery,
    /// After this many lines the state is not observed to differ, or has not been observed.
    start: usize,
    is_start_right: bool,
}

impl Search<'_> {
    /// Returns the middle, if there are fewer lines that do the same as those before it.
    fn half(&self, end: usize) -> usize {
        if self.folded.is_some() { end / 2 } else { 0 }
    }

    /// Returns after how many lines to observe the state, at most `end`. If there are many lines, these
    /// numbers are at even distances, closer towards the end, and include each of the last ones,
    /// since an error is mostly seen soon.
    fn stops(&self, end: usize) -> BTreeSet<usize> {
        let start = self.start;
        let count = end - start;
        let unknown = (start > 0 && !self.is_start_right).then_some(start);
        if count <= OBSERVED_LINES_MAX {
            return unknown.into_iter().chain(start + 1..=end).collect();
        }
        let even = (1..=OBSERVED_AT_A_TIME).map(|part| start + count * part / OBSERVED_AT_A_TIME);
        let late = (0..usize::BITS).map(|shift| 1 << shift).take_while(|back| *back < count);
        let late = (1..OBSERVED_AT_A_TIME).chain(late);
        unknown.into_iter().chain(even).chain(late.map(|back| end - back)).collect()
    }

    /// Returns lines that do the same as those before `start`.
    fn prefix(&self, runner: &Runner<'_, '_>) -> Vec<Vec<u8>> {
        let folded = self.folded.filter(|_| self.start > 0);
        folded.map_or_else(
            || self.lines[..self.start].to_vec(),
            |folded| runner.machine.prefix(folded, self.start),
        )
    }

    /// Observes the state after these numbers of lines.
    fn look(
        &self,
        runner: &mut Runner<'_, '_>,
        end: usize,
        stops: &BTreeSet<usize>,
    ) -> Option<Sight> {
        let machine = runner.machine;
        let mut sent = self.prefix(runner);
        let mut observers = machine.observers(&sent);
        // The position of a line that begins anew, after which the observers are not known yet.
        let mut beginning = None;
        // For each line sent: how many of `lines` come up to it, and whether it is an observer.
        let mut origins = vec![(0, false); sent.len()];
        for count in self.start..=end {
            if count > self.start {
                let line = &self.lines[count - 1];
                if machine.begins_anew(line) {
                    beginning = Some(sent.len());
                }
                sent.push(line.clone());
                origins.push((count, false));
            }
            if stops.contains(&count) {
                if let Some(start) = beginning {
                    observers = machine.observers(&sent[start..]);
                    beginning = beginning.filter(|_| observers.is_empty());
                }
                origins.extend(observers.iter().map(|_| (count, true)));
                sent.extend_from_slice(&observers);
            }
        }
        let failing = runner.run(&sent, self.delivery)?;
        let step = failing.divergence.step;
        Some(match *origins.get(step)? {
            (0, false) => Sight::InPrefix,
            (count, is_observer) => Sight::At(count, is_observer.then(|| sent[step].clone())),
        })
    }

    /// Runs the lines up to the first wrong step, and the observer that shows it.
    fn result(
        &self,
        runner: &mut Runner<'_, '_>,
        end: usize,
        observer: Option<Vec<u8>>,
    ) -> Option<Located> {
        let mut lines = self.prefix(runner);
        lines.extend_from_slice(&self.lines[self.start..end]);
        let is_observed = observer.is_some();
        lines.extend(observer);
        let mut short = runner.run(&lines, self.delivery)?;
        let is_certain = short.lines.len() == lines.len();
        short.is_observed = is_observed && is_certain;
        let mut whole = short.clone();
        if self.folded.is_some() && is_certain {
            let last = lines.iter().skip(lines.len() - usize::from(is_observed)).cloned();
            whole.lines = self.lines[..end].iter().cloned().chain(last).collect();
            whole.divergence.step = whole.lines.len() - 1;
        }
        Some(Located { whole, short, is_certain })
    }
}
