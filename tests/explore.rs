//! `dkv20 explore`: the reference violates no rule, and each rule finds a planted mistake.

#![cfg(feature = "explore")]

use dkv20::ErrorCode;
use dkv20::explore::{
    Action, Answer, Counterexample, History, RULES, Report, Settings, System, actions, explore,
    trace_of,
};
use dkv20::reference::{Cluster, Op, Role};
use dkv20::trace::{check_trace, parse_trace};

/// A planted mistake: a wrapper around the reference's step, or around its dump.
#[derive(Clone, Copy)]
enum Mistake {
    Step(fn(&mut Cluster, &Action) -> Answer),
    Dump(fn(&Cluster, usize, &mut [u8])),
}

/// The reference with a mistake.
#[derive(Clone)]
struct Mistaken(Cluster, Mistake);

impl System for Mistaken {
    fn run(&mut self, action: &Action) -> Answer {
        match self.1 {
            Mistake::Step(run) => run(&mut self.0, action),
            Mistake::Dump(_) => action.run(&mut self.0),
        }
    }

    fn cluster(&self) -> &Cluster {
        &self.0
    }

    fn dump_state(&self, id: usize) -> Vec<u8> {
        let mut dump = self.0.dump_state(id);
        if let Mistake::Dump(change) = self.1 {
            change(&self.0, id, &mut dump);
        }
        dump
    }
}

/// The replicas that took part in an election in the last step.
fn electors(before: &Cluster, after: &Cluster) -> Vec<usize> {
    if after.term > before.term { after.reachable() } else { vec![] }
}

fn election_keeps_the_term(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    for id in electors(&before, cluster) {
        cluster.replicas[id].term = before.term;
        cluster.replicas[id].log.last_mut().unwrap().0 = before.term;
        cluster.term = before.term;
    }
    answer
}

fn step_down_resets_the_term(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if cluster.isolated.contains(&cluster.leader) {
        for id in cluster.reachable() {
            cluster.replicas[id].term = 1;
        }
    }
    answer
}

fn no_replica_steps_down(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    if cluster.isolated.contains(&cluster.leader) {
        for id in cluster.reachable() {
            cluster.replicas[id].role = before.replicas[id].role;
        }
    }
    answer
}

fn partition_resets_the_commit_index(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if matches!(action, Action::Partition(_)) {
        for id in cluster.isolated.clone() {
            let replica = &mut cluster.replicas[id];
            if replica.base == 0 {
                replica.commit = 0;
                replica.map.clear();
            }
        }
    }
    answer
}

fn compact_drops_pending_entries(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if let (Action::CompactIds(ids), true) = (action, answer.is_ok()) {
        for id in ids {
            let replica = &mut cluster.replicas[usize::try_from(*id).unwrap()];
            (replica.base_term, replica.base) = (replica.last_term(), replica.last());
            replica.log.clear();
        }
    }
    answer
}

fn pending_entries_lose_their_op(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    if cluster.reachable().len() < cluster.quorum() {
        for id in cluster.reachable().into_iter().filter(|id| *id != cluster.leader) {
            let replica = &mut cluster.replicas[id];
            let held = before.replicas[id].log.len().min(replica.log.len());
            replica.log[held..].iter_mut().for_each(|entry| entry.1 = Op::NoOp);
        }
    }
    answer
}

/// Only the first snapshot, and only while no log has the entry.
fn snapshot_leaves_another_entry(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    if let Action::HealIds(_) = action
        && cluster.replicas.iter().all(|replica| replica.log.is_empty())
    {
        for (replica, before) in cluster.replicas.iter_mut().zip(&before.replicas) {
            if replica.base == 1 && before.base == 0 {
                let another = Op::Del { key: b"another".to_vec() };
                replica.log.push((replica.base_term, another));
                (replica.base, replica.base_term) = (0, 0);
            }
        }
    }
    answer
}

fn minority_elects(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if let (&[id], true) = (&cluster.reachable()[..], cluster.isolated.contains(&cluster.leader)) {
        cluster.leader = id;
        cluster.term += 1;
        cluster.replicas[id].term = cluster.term;
        cluster.replicas[id].role = Role::Leader;
        cluster.replicas[id].log.push((cluster.term, Op::NoOp));
    }
    answer
}

/// Only while no log is compacted.
fn lowest_id_is_elected(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    let electors = electors(&before, cluster);
    let Some(lowest) = electors.first().copied() else { return answer };
    if cluster.replicas.iter().all(|replica| replica.base == 0) {
        let mut log = before.replicas[lowest].log.clone();
        log.push((cluster.term, Op::NoOp));
        cluster.leader = lowest;
        for id in electors {
            let replica = &mut cluster.replicas[id];
            replica.role = if id == lowest { Role::Leader } else { Role::Follower };
            replica.log.clone_from(&log);
            replica.commit = replica.last();
        }
    }
    answer
}

/// The first of two replicas commits as if it were the whole cluster.
fn quorum_of_the_reachable(cluster: &mut Cluster, action: &Action) -> Answer {
    if cluster.leader > 0 || cluster.reachable() != [0] || !matches!(action, Action::Propose(_)) {
        return action.run(cluster);
    }
    let mut isolated = cluster.replicas.split_off(1);
    let answer = action.run(cluster);
    cluster.replicas.append(&mut isolated);
    answer
}

fn partition_drops_the_log(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if matches!(action, Action::Partition(_)) {
        for id in cluster.isolated.iter().filter(|id| **id > 0) {
            cluster.replicas[*id].log.clear();
        }
    }
    answer
}

fn del_is_not_applied(cluster: &mut Cluster, action: &Action) -> Answer {
    let before = cluster.clone();
    let answer = action.run(cluster);
    for (replica, mut before) in cluster.replicas.iter_mut().zip(before.replicas) {
        before.map.append(&mut replica.map);
        replica.map = before.map;
    }
    answer
}

fn every_entry_is_answered_as_committed(cluster: &mut Cluster, action: &Action) -> Answer {
    let mut answer = action.run(cluster);
    if let Ok(Some(outcome)) = &mut answer {
        outcome.committed = true;
    }
    answer
}

fn ids_are_checked_one_by_one(cluster: &mut Cluster, action: &Action) -> Answer {
    if let Action::Partition(ids) = action {
        ids.iter().try_for_each(|id| cluster.partition(&[*id]))?;
    }
    action.run(cluster)
}

fn heal_forgets_the_last(cluster: &mut Cluster, action: &Action) -> Answer {
    if *action == Action::Heal {
        cluster.heal_ids(&(0..cluster.replicas.len() as u64 - 1).collect::<Vec<_>>())?;
        return Ok(None);
    }
    action.run(cluster)
}

fn settle_compacts(cluster: &mut Cluster, action: &Action) -> Answer {
    let answer = action.run(cluster);
    if let (Action::Partition(_), true) = (action, answer.is_ok()) {
        cluster.compact();
    }
    answer
}

fn compact_panics(cluster: &mut Cluster, action: &Action) -> Answer {
    let compacts = matches!(action, Action::CompactIds(_));
    assert!(!compacts || cluster.replicas[0].commit == 0, "a planted panic");
    action.run(cluster)
}

fn nothing_is_accepted(cluster: &mut Cluster, action: &Action) -> Answer {
    match action {
        Action::Propose(_) | Action::ProposeAt(..) => Err(ErrorCode::NoLeader),
        _ => action.run(cluster),
    }
}

fn isolated_dumps_another_term(cluster: &Cluster, id: usize, dump: &mut [u8]) {
    dump[16] += u8::from(cluster.isolated.contains(&id) && cluster.replicas[id].commit > 0);
}

fn length_is_big_endian(_: &Cluster, _: usize, dump: &mut [u8]) {
    if let Some(length) = dump.get_mut(32..36) {
        length.reverse();
    }
}

/// A mistake, the size of a cluster that shows it, the actions that do, and the rules that they
/// violate.
type Row = (Mistake, u64, &'static str, &'static str);

/// Each mistake violates one rule alone, if there is such a mistake. A log that ends below its
/// commit index violates both rules that say so.
const MISTAKES: [Row; 19] = {
    use Mistake::{Dump, Step};
    [
        (Step(election_keeps_the_term), 3, "partition 0", "one-leader-a-term"),
        (Step(step_down_resets_the_term), 3, "partition 0; partition 1", "terms-never-fall"),
        (
            Step(partition_resets_the_commit_index),
            1,
            "put k r0-t1-i1; partition 0",
            "commits-never-fall",
        ),
        (
            Step(compact_drops_pending_entries),
            1,
            "partition 0; at 0 put k r0-t1-i1; compact 0",
            "indexes-in-order",
        ),
        (Step(pending_entries_lose_their_op), 4, "partition 0; partition 2; del k", "logs-match"),
        (Step(snapshot_leaves_another_entry), 3, "partition 0; compact; heal 0", "commits-agree"),
        (Step(minority_elects), 3, "partition 0; partition 0 1 2; heal 0", "leader-complete"),
        (
            Step(no_replica_steps_down),
            3,
            "partition 0; partition 0 1 2; heal 0",
            "current-leader-leads",
        ),
        (
            Step(partition_drops_the_log),
            2,
            "put k r0-t1-i1; partition 1",
            "indexes-in-order no-truncation",
        ),
        (
            Step(lowest_id_is_elected),
            3,
            "partition 0; partition 1; heal 0",
            "commits-agree leader-complete no-truncation equal-commit-equal-dump",
        ),
        (
            Step(quorum_of_the_reachable),
            2,
            "partition 1; put k r0-t1-i1",
            "minority-commits-nothing",
        ),
        (Step(del_is_not_applied), 1, "put k r0-t1-i1; del k", "map-is-fold"),
        (
            Dump(isolated_dumps_another_term),
            2,
            "put k r0-t1-i1; partition 0",
            "equal-commit-equal-dump",
        ),
        (Dump(length_is_big_endian), 1, "put k r0-t1-i1", "load-gives-dump"),
        (
            Step(every_entry_is_answered_as_committed),
            1,
            "partition 0; at 0 put k r0-t1-i1",
            "answer-is-true",
        ),
        (Step(ids_are_checked_one_by_one), 1, "partition 0 1", "error-changes-nothing"),
        (Step(heal_forgets_the_last), 2, "partition 1; heal", "heal-makes-equal"),
        (Step(settle_compacts), 1, "put k r0-t1-i1; partition", "settle-is-done"),
        (Step(compact_panics), 1, "put k r0-t1-i1; compact 0", "no-panic"),
    ]
};

fn settings(depth: u32) -> Settings {
    Settings { depth, time: None, thread_count: 1 }
}

fn explored(system: &(impl System + Clone + Sync), depth: u32) -> Report {
    explore(system, &settings(depth), |_| {})
}

fn mistaken(mistake: Mistake, size: u64) -> Mistaken {
    Mistaken(Cluster::new(size).unwrap(), mistake)
}

fn counterexample((mistake, size, actions, _): Row) -> Counterexample {
    let report = explored(&mistaken(mistake, size), 4);
    report.counterexample.unwrap_or_else(|| panic!("not found: {actions:?}"))
}

/// Each mistake is found by the rule that it violates, and by no more actions than are needed.
#[test]
fn planted_mistakes_are_found() {
    for row in MISTAKES {
        let found = counterexample(row);
        let lines: Vec<_> = found.actions.iter().map(ToString::to_string).collect();
        let rules: Vec<_> = found.violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(lines.join("; "), row.2, "{:?}", found.violations);
        assert_eq!(rules.join(" "), row.3, "{:?}", found.violations);
    }
}

#[test]
fn each_rule_finds_a_mistake() {
    for rule in &RULES {
        assert!(
            MISTAKES.iter().any(|row| row.3.split(' ').any(|name| name == rule.name)),
            "{}",
            rule.name
        );
    }
}

/// The rules hold, and each is tested as early as it says. The numbers of states are pinned.
#[test]
fn reference_violates_no_rule() {
    let states = [25, 91, 546, 1_014, 2_285];
    for (size, states) in (1..=5).zip(states) {
        let cluster = Cluster::new(size).unwrap();
        for depth in 1..=4 {
            let report = explored(&cluster, depth);
            assert_eq!(report.counterexample, None);
            for (rule, tested) in RULES.iter().zip(report.tested) {
                let is_due = rule.tested_within(size).is_some_and(|due| due <= depth);
                assert_eq!(tested > 0, is_due, "{} of {size} at depth {depth}", rule.name);
            }
            if depth == 4 {
                assert_eq!(report.states, states, "{size} replicas");
            }
        }
    }
}

#[test]
fn report_does_not_depend_on_threads() {
    let cluster = Cluster::new(3).unwrap();
    let several = Settings { thread_count: 3, ..settings(5) };
    assert_eq!(explore(&cluster, &several, |_| {}), explored(&cluster, 5));
}

#[test]
fn untested_rule_is_vacuous() {
    let report = explored(&mistaken(Mistake::Step(nothing_is_accepted), 1), 2);
    assert_eq!(report.counterexample, None);
    let vacuous = report.vacuous(1);
    assert!(vacuous.contains(&"commits-never-fall"), "{vacuous:?}");
    assert!(!vacuous.contains(&"error-changes-nothing"), "{vacuous:?}");
}

/// Runs every sequence of actions, without knowing which states it has visited.
#[test]
fn every_sequence_leads_to_a_counted_state() {
    fn go(cluster: &Cluster, history: &History, depth: u32, seen: &mut Vec<(Cluster, History)>) {
        let history = history.after(cluster).into_owned();
        if depth > 0 {
            for action in actions(cluster, &history) {
                let mut next = cluster.clone();
                let _ = action.run(&mut next);
                go(&next, &history, depth - 1, seen);
            }
        }
        let state = (cluster.clone(), history);
        if !seen.contains(&state) {
            seen.push(state);
        }
    }
    let cluster = Cluster::new(2).unwrap();
    let mut seen = vec![];
    go(&cluster, &History::default(), 3, &mut seen);
    assert_eq!(explored(&cluster, 3).states, seen.len());
}

#[test]
fn counterexample_is_a_trace() {
    let row = MISTAKES.into_iter().find(|row| row.3 == "minority-commits-nothing").unwrap();
    let text = trace_of(2, &counterexample(row));
    let trace = parse_trace(text.as_bytes()).unwrap();
    assert_eq!(check_trace(&trace), Ok(()));
    let commands: Vec<_> = trace.steps().map(|step| &step.command[..]).collect();
    assert_eq!(commands[..3], [&b"new 2"[..], b"partition 1", b"put k r0-t1-i1"]);
    assert_eq!(commands.len(), 3 + 1 + 2 * 3);
    let comment = "# minority-commits-nothing: 1 reachable of 2 commit up to index 1\n";
    assert!(text.starts_with(comment), "{text}");
}

#[cfg(feature = "exam")]
mod program {
    use std::process::{Command, Output};

    fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dkv20"));
        let Output { status, stdout, stderr } =
            command.arg("explore").args(arguments).output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        (status.code(), text(stdout), text(stderr))
    }

    #[test]
    fn output_ends_with_a_summary() {
        let (status, out, err) = run(&["--replicas", "2", "--depth", "3"]);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        let lines: Vec<_> = out.lines().collect();
        assert!(lines[4].starts_with("    3          25            0 "), "{out}");
        assert!(out.contains("\nno-panic                           270  "), "{out}");
        let summary = "explore: 18 rules hold: depth 3, 40 states, 270 transitions, ";
        assert!(lines[lines.len() - 1].starts_with(summary), "{out}");
    }

    #[test]
    fn bad_arguments_are_refused() {
        for arguments in [
            ["--replicas", "0"],
            ["--replicas", "65"],
            ["--replicas", "x"],
            ["--depth", "0"],
            ["--depth", "4294967296"],
            ["--seconds", "0"],
        ] {
            let (status, out, err) = run(&arguments);
            assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}");
            assert!(err.starts_with("error: ") && err.contains(arguments[0]), "{err}");
        }
    }

    #[test]
    fn unwritable_trace_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/broken.trace");
        for file in [missing.as_path(), folder.path()] {
            let file = file.to_str().unwrap();
            let (status, out, err) = run(&["--trace", file]);
            assert_eq!((status, out.as_str()), (Some(3), ""), "{file}");
            assert!(err.starts_with(&format!("dkv20: {file}: cannot be written: ")), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }

    #[test]
    fn no_step_is_no_pass() {
        let (status, _, err) = run(&["--seconds", "0.000000001"]);
        assert_eq!(status, Some(3));
        assert_eq!(err, "dkv20: the time ended before a step was judged\n");
    }

    #[test]
    fn help_has_an_example() {
        let (status, out, _) = run(&["--help"]);
        assert_eq!(status, Some(0));
        assert!(out.contains("Example") && out.contains("dkv20 explore --replicas 3"), "{out}");
    }
}
