//! Logs, lags, tails, maps and terms past the numbers at which encodings grow: 1, 2 and 4 bytes of a
//! fixed length, and 1, 2 and 3 bytes of seven bits each.

use dkv20_exam::{MakeNamed, Plan, Suite};

use super::super::measures::Measure;
use super::draws::Draws;
use super::history::History;
use super::situations::{add_rounds, add_terms};

const NAME: &str = "growth";
const SALT: u64 = 13;
/// A little more than the numbers that fit into 8, 14 and 16 bits.
const PAST_BYTE: usize = 260;
const PAST_VARINT: usize = 16_390;
const PAST_SHORT: usize = 65_540;

pub(super) fn suite(plan: &Plan) -> Suite {
    // Most have many steps, so each is made when it is needed.
    let mut makers = Vec::new();
    let mut add = |name, size, lengths: &[usize], grow| {
        makers.extend(lengths.iter().map(|length| grown(plan.seed, name, size, *length, grow)));
    };
    for length in [PAST_BYTE, PAST_VARINT, PAST_SHORT] {
        add("late", 3, &[length], late as Grow);
        add("truncated", 5, &[length], truncated);
        add("lag", 3, &[length], lag);
    }
    add("terms", 3, &[PAST_BYTE, PAST_VARINT], add_terms);
    add("map", 1, &[PAST_BYTE, 1_500], add_rounds);
    add("map-of-followers", 3, &[PAST_BYTE, 1_500], add_rounds);
    add("wide", 3, &[100_000], wide);
    add("longest-values", 3, &[5], longest_values);
    if plan.is_thorough {
        add("terms", 4, &[PAST_SHORT], add_terms);
        add("map", 1, &[PAST_VARINT, PAST_SHORT], add_rounds);
        add("map-of-followers", 3, &[PAST_VARINT], add_rounds);
        add("longest-values", 3, &[12], longest_values);
    }
    let must_reach = [
        Measure::Term.reach(1 << 14, 10_000),
        Measure::Index.reach(1 << 16, 10_000),
        Measure::LagEntries.reach(1 << 16, 3),
        Measure::PendingTail.reach(1 << 16, 3),
        Measure::Keys.reach(1 << 16, 100),
        Measure::LostKeys.reach(250, 250),
        Measure::InstalledBytes.reach(1 << 22, 1),
        Measure::LagBytes.reach(1 << 22, 1),
    ];
    Suite::of_makers(NAME, makers).reaching(must_reach)
}

type Grow = fn(&mut History, &mut Draws, usize);

fn grown(seed: u64, name: &str, size: usize, length: usize, grow: Grow) -> (String, MakeNamed) {
    let make = move |name: &str| {
        let mut draws = Draws::new(seed, SALT, length);
        let mut history = History::new(size);
        grow(&mut history, &mut draws, length);
        history.into_case(NAME, name)
    };
    (format!("{name}-{length}"), Box::new(make))
}

/// Pending entries that are committed late, on a follower that has them and one that does not.
fn late(history: &mut History, draws: &mut Draws, length: usize) {
    history.add("partition 1 2");
    history.propose(draws, length);
    history.add("log 0");
    history.add("heal 1");
    look(history);
    history.add("compact 1");
    history.add("heal 2");
    look(history);
}

/// Two deposed leaders at once, whose tails are truncated: one has followers and a long tail.
fn truncated(history: &mut History, draws: &mut Draws, length: usize) {
    history.add("put a 1");
    history.add("partition 2 3 4");
    history.propose(draws, length);
    history.add("log 1");
    history.add("partition 0 1");
    history.add("heal 2 3 4");
    history.add("partition 2");
    history.propose_at(2, draws, 3);
    history.add("heal 1");
    look(history);
    history.add("heal 2");
    // The other tail is as long, but shorter than the log by now.
    history.propose(draws, length + 1);
    history.add("heal");
    look(history);
}

/// A follower that lags within the leader's log, and then beyond its base, twice.
fn lag(history: &mut History, draws: &mut Draws, length: usize) {
    history.add("partition 2");
    history.propose(draws, length);
    history.add("heal");
    look(history);
    for _ in 0..2 {
        history.add("partition 2");
        history.propose(draws, PAST_BYTE);
        history.add("compact 0 2");
        history.propose(draws, 2);
        history.add("heal");
        look(history);
    }
}

/// Maps of many keys, with a snapshot that is installed.
fn wide(history: &mut History, draws: &mut Draws, length: usize) {
    let last = history.size - 1;
    let part = length / 5;
    for seed in 0..5 {
        if seed == 4 {
            history.add(format!("partition {last}"));
        }
        history.add(format!("workload {} 1000000 {part}", draws.next_u64()));
        history.add("hash 0");
        history.add(format!("replica {last}"));
    }
    history.add("compact");
    history.add("heal");
    look(history);
}

/// Values as long as they may be, in a log and in a snapshot that is installed.
fn longest_values(history: &mut History, _: &mut Draws, count: usize) {
    let value = |letter: char| letter.to_string().repeat(crate::op::VALUE_LENGTH_MAX);
    history.add("partition 2");
    for (number, letter) in ('a'..='z').take(count).enumerate() {
        history.add(format!("put {number} {}", value(letter)));
    }
    history.add("log 1");
    history.add("heal 2");
    history.add("log 2");
    history.add("partition 2");
    history.add("noop");
    history.add("compact");
    history.add("heal");
    look(history);
}

/// Adds a look at each replica.
fn look(history: &mut History) {
    for id in 0..history.size {
        history.add(format!("replica {id}"));
        history.add(format!("log {id}"));
        history.add(format!("hash {id}"));
        history.add(format!("get {id} key-000001"));
    }
}
