//! Short histories that are looked at on the way. A port that remembers an answer has to forget it
//! at each event that changes it, whatever the port remembers it by: the length of a log, a commit
//! index, a term, a number of keys.

use dkv20_exam::{Case, Suite};

use super::super::oracle::Oracle;
use super::common::case;

const NAME: &str = "looks";
/// The commands that show something of a cluster.
const KINDS: [&str; 6] = ["status", "replica", "log", "hash", "dump", "get"];
/// The keys of the histories below.
const KEYS: [&str; 3] = ["a", "b", "c"];

/// Histories, each with an event of every kind in it, the shortest first. Most changes keep a number
/// that a port might remember by: a new key in place of a deleted one, a value of the same length, a
/// log that is truncated and grows again to the length that it had.
const HISTORIES: [(&str, &str); 22] = [
    ("new", "new 3; put a 1; new 3; put b 1; new 2; new 1; put a 2"),
    ("propose", "new 1; put a 1; put a 2; del a; put b 1; noop; del c"),
    ("isolated", "new 1; partition 0; at 0 put a 1; at 0 put b 1; heal; put a 2"),
    ("late", "new 3; put a 1; partition 1 2; del a; put b 1; heal 2; heal 1"),
    ("two", "new 2; put a 1; partition 1; put a 2; heal 1; partition 0; at 0 del a; heal 0"),
    ("lag", "new 3; put a 1; partition 2; put a 2; noop; heal 2; put b 1"),
    ("replaced", "new 3; partition 0; at 0 noop; heal; put a 1"),
    ("truncated", "new 3; put a 1; partition 0; at 0 put b 1; at 0 del a; put c 1; heal; put a 2"),
    (
        "shorter",
        "new 3; partition 0; at 0 put a 1; at 0 put b 1; at 0 noop; heal; put a 2; put b 2",
    ),
    ("compacted", "new 3; put a 1; compact 1; put a 2; compact; del a; compact 2 0; put b 1"),
    ("snapshot", "new 3; dump 2; partition 2; noop; compact; heal; put a 1"),
    ("snapshot-keys", "new 3; put a 1; partition 2; del a; put b 1; compact; heal 2; put c 1"),
    ("snapshot-same-log", "new 3; put a 1; partition 2; put a 2; compact; put a 3; heal; del a"),
    ("conflict", "new 3; partition 0; at 0 put a 1; at 0 put b 1; put c 1; compact; heal; put a 2"),
    ("twice", "new 3; partition 2; put a 1; compact; heal; partition 2; put a 2; compact 0; heal"),
    ("no-leader", "new 3; put a 1; partition 0 1; put b 1; heal 1; heal 0; partition 1; heal"),
    ("demoted", "new 3; partition 0; partition 1; heal 0; at 1 put a 1; heal; put b 1"),
    ("minority", "new 4; partition 2 3; put a 1; partition 0; heal 2 3; at 0 put a 2; heal"),
    ("carried", "new 5; partition 2 3 4; put a 1; partition 0; heal 2 3; heal 0; put b 1; heal"),
    (
        "leaders",
        "new 5; partition 0; at 0 put a 1; partition 1; at 1 put a 2; put a 3; heal 1; heal",
    ),
    // A leader leads again, and a replica still has a tail that it received before.
    (
        "again",
        "new 5; partition 2 3 4; put a 1; put b 1; partition 0 1; heal 2 3 4; put c 1; heal 0; \
         partition 2; heal 1; put a 2; heal",
    ),
    (
        "refused",
        "new 3; put a 1; partition 1 9; at 1 noop; at 9 noop; heal 9; compact 9; new 0; del a",
    ),
];

pub(super) fn suite() -> Suite {
    Suite::of_cases(NAME, vec![], cases())
}

/// For each history: one kind of look after every line, and then, for every two of its lines, all
/// looks after both and none elsewhere.
fn cases() -> Vec<Case> {
    let histories = || HISTORIES.map(|(name, lines)| (name, lines.split("; ").collect::<Vec<_>>()));
    let mut cases = Vec::new();
    for (name, lines) in histories() {
        for kind in KINDS {
            let looks = |_: usize, size: usize| look(kind, &mut (0..size), &KEYS);
            cases.push(case(NAME, format_args!("{name}-{kind}"), looked_at(&lines, looks)));
        }
    }
    for (name, lines) in histories() {
        for (first, second) in pairs(lines.len()) {
            let looks = |position: usize, size: usize| {
                let is_due = position == first || position == second;
                if is_due { looks(size, &KEYS, first + second) } else { Vec::new() }
            };
            let name = format_args!("{name}-{first}-{second}");
            cases.push(case(NAME, name, looked_at(&lines, looks)));
        }
    }
    cases
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |second| (0..second).map(move |first| (first, second)))
}

/// Returns the lines, each followed by the looks after it, which depend on its position and on the
/// size of the cluster.
fn looked_at(lines: &[&str], looks: impl Fn(usize, usize) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut session = Oracle::new();
    let mut looked_at = Vec::new();
    for (position, line) in lines.iter().enumerate() {
        session.run(line.as_bytes());
        looked_at.push(line.as_bytes().to_vec());
        looked_at.extend(looks(position, session.size().unwrap_or_default()));
    }
    looked_at
}

/// Returns the lines that show everything, once by each command. A look can refresh what another one
/// remembers, so the order changes with `rotation`: of the commands, and of the replicas.
pub(super) fn looks(size: usize, keys: &[&str], rotation: usize) -> Vec<Vec<u8>> {
    let mut kinds = KINDS;
    kinds.rotate_left(rotation % KINDS.len());
    let of_kind = |kind| {
        if rotation.is_multiple_of(2) {
            look(kind, &mut (0..size), keys)
        } else {
            look(kind, &mut (0..size).rev(), keys)
        }
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

fn look(kind: &str, ids: &mut dyn Iterator<Item = usize>, keys: &[&str]) -> Vec<Vec<u8>> {
    let lines: Vec<_> = match kind {
        "status" => vec![kind.to_owned()],
        "get" => ids.flat_map(|id| keys.iter().map(move |key| format!("get {id} {key}"))).collect(),
        _ => ids.map(|id| format!("{kind} {id}")).collect(),
    };
    lines.into_iter().map(String::into_bytes).collect()
}
