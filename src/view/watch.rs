//! Lines on the reference, and the changes of each.

use std::collections::BTreeSet;

use super::data::{Change, Frame, LogChange, Mark};
use super::hashes::Hashes;
use super::maps::Maps;
use super::terms::{CommittedTerms, Terms};
use crate::protocol::{Command, parse};
use crate::reference::{Cluster, Replica, Role};
use crate::session::Session;

/// A line on the reference.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The answer; `None` if no answer is due.
    pub answer: Option<String>,
    /// The changes.
    pub frame: Frame,
    /// The kinds of events, each once.
    pub marks: Vec<Mark>,
    /// The lines that show the state after it, and their answers; none unless they were asked for.
    pub looks: Vec<Look>,
}

/// A line that shows a part of the state, and the reference's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The line.
    pub line: String,
    /// The answer; `None` if it was not computed.
    pub answer: Option<String>,
}

/// Runs the lines on the reference until `goes_on` returns `false`. If it `looks`, there are looks
/// after each line, and changes have the hashes of logs.
pub fn watch(lines: &[Vec<u8>], looks: bool, goes_on: &dyn Fn() -> bool) -> Vec<Watched> {
    let mut session = Session::<Cluster>::default();
    let mut seen: Option<Seen> = None;
    let mut hashes = Hashes::new(looks);
    let mut watched = Vec::with_capacity(lines.len());
    for line in lines.iter().take_while(|_| goes_on()) {
        let mut answer = String::new();
        let answer = session.run_line(line, &mut answer).then_some(answer);
        let is_new = matches!(parse(line), Ok(Some(Command::New { .. })));
        if is_new && answer.as_deref() == Some("ok") {
            seen = None;
        }
        let frame = session.cluster().map(|cluster| match &mut seen {
            Some(seen) => seen.follow(cluster, &mut hashes),
            none => none.insert(Seen::new(cluster)).begin(cluster, &mut hashes),
        });
        let (frame, mut marks) = frame.unwrap_or_default();
        if answer.as_deref().is_some_and(|answer| answer.starts_with("err ")) {
            marks.push(Mark::Error);
        }
        let looks = if looks { looks_at(&mut session, seen.as_ref()) } else { Vec::new() };
        watched.push(Watched { answer, frame, marks, looks });
    }
    watched
}

/// Returns the looks at the cluster, as the exam has them.
fn looks_at(session: &mut Session<Cluster>, seen: Option<&Seen>) -> Vec<Look> {
    let Some(seen) = seen.filter(|_| !session.has_quit()) else { return Vec::new() };
    let mut answered = |line: String| {
        let mut answer = String::new();
        session.run_line(line.as_bytes(), &mut answer);
        Look { line, answer: Some(answer) }
    };
    let mut looks = vec![answered("status".into())];
    for (id, replica) in seen.replicas.iter().enumerate() {
        looks.push(answered(format!("replica {id}")));
        for (word, hash) in [("log", &replica.log_hash), ("hash", &replica.hash)] {
            let answer = hash.as_ref().map(|hash| format!("ok {hash}"));
            looks.push(Look { line: format!("{word} {id}"), answer });
        }
    }
    looks
}

/// A cluster as it was last seen.
struct Seen {
    term: u64,
    leader: Option<usize>,
    isolated: BTreeSet<usize>,
    replicas: Vec<SeenReplica>,
    committed: CommittedTerms,
    maps: Maps,
}

struct SeenReplica {
    role: Role,
    term: u64,
    terms: Terms,
    commit: u64,
    key_count: usize,
    hash: Option<String>,
    log_hash: Option<String>,
}

impl Seen {
    /// Returns a new cluster as the page assumes it.
    fn new(cluster: &Cluster) -> Self {
        let replica = |id| SeenReplica {
            role: if id == 0 { Role::Leader } else { Role::Follower },
            term: 1,
            terms: Terms::default(),
            commit: 0,
            key_count: 0,
            hash: None,
            log_hash: None,
        };
        let replicas = (0..cluster.replicas.len()).map(replica).collect();
        let (isolated, committed, maps) = (BTreeSet::new(), CommittedTerms::default(), Maps::new());
        Self { term: 1, leader: Some(0), isolated, replicas, committed, maps }
    }

    fn begin(&mut self, cluster: &Cluster, hashes: &mut Hashes) -> (Frame, Vec<Mark>) {
        let mut frame = Frame { cluster: Some(cluster.replicas.len()), ..Frame::default() };
        hashes.begin();
        for (id, (seen, replica)) in self.replicas.iter_mut().zip(&cluster.replicas).enumerate() {
            let hash = Some(hashes.of_snapshot(replica));
            let log_hash = hashes.of_log(replica);
            let change = Change { hash, log_hash, ..Change::default() };
            seen.note_hashes(&change);
            frame.add(id, change);
        }
        (frame, Vec::new())
    }

    /// Follows the cluster. Returns its changes.
    fn follow(&mut self, cluster: &Cluster, hashes: &mut Hashes) -> (Frame, Vec<Mark>) {
        let mut frame = Frame::default();
        let mut marks = BTreeSet::new();
        if cluster.term != self.term {
            frame.elected = Some(cluster.leader);
            marks.insert(Mark::Election);
        }
        frame.term = changed(&mut self.term, cluster.term);
        let leader = Some(cluster.leader).filter(|leader| !cluster.isolated.contains(leader));
        frame.leader = changed(&mut self.leader, leader);
        if cluster.isolated != self.isolated {
            let is_partition = !cluster.isolated.is_subset(&self.isolated);
            let is_heal = !self.isolated.is_subset(&cluster.isolated);
            marks.extend(is_partition.then_some(Mark::Partition));
            marks.extend(is_heal.then_some(Mark::Heal));
            self.isolated.clone_from(&cluster.isolated);
            frame.isolated = Some(cluster.isolated.iter().copied().collect());
        }
        let commits = self.replicas.iter().map(|seen| seen.commit);
        let map_changes = self.maps.follow(commits, &cluster.replicas);
        self.committed.follow(&cluster.replicas);
        let replicas = self.replicas.iter_mut().zip(&cluster.replicas).enumerate();
        for (id, (seen, replica)) in replicas {
            let steps = (seen.commit, replica.commit);
            let mut change = seen.follow(replica, &self.committed, hashes);
            if let Some((map, more)) = map_changes.get(&steps) {
                (change.map, change.map_more) = (map.clone(), *more);
            }
            marks.extend(change.log.iter().filter_map(mark_of));
            frame.add(id, change);
        }
        (frame, marks.into_iter().collect())
    }
}

impl SeenReplica {
    fn follow(
        &mut self,
        replica: &Replica,
        committed: &CommittedTerms,
        hashes: &mut Hashes,
    ) -> Change {
        let (old_base, old_last) = (self.terms.base(), self.terms.last());
        let log = self.terms.follow(replica, committed);
        let is_log_changed = !log.is_empty();
        let commit = changed(&mut self.commit, replica.commit);
        let number = |old: u64, new: u64| (old != new).then_some(new);
        let key_count = replica.map.len();
        let keys = changed(&mut self.key_count, key_count).map(|count| count as u64);
        let change = Change {
            role: changed(&mut self.role, replica.role).map(|role| word_of(role).into()),
            term: changed(&mut self.term, replica.term),
            base: number(old_base, replica.base),
            last: number(old_last, replica.last()),
            hash: commit.map(|_| hashes.of_snapshot(replica)),
            log_hash: if is_log_changed { hashes.of_log(replica) } else { None },
            commit,
            keys,
            log,
            ..Change::default()
        };
        self.note_hashes(&change);
        change
    }

    fn note_hashes(&mut self, change: &Change) {
        for (known, changed) in
            [(&mut self.hash, &change.hash), (&mut self.log_hash, &change.log_hash)]
        {
            if let Some(changed) = changed {
                known.clone_from(changed);
            }
        }
    }
}

/// Replaces the old value. Returns the new one if it is another.
fn changed<T: Clone + PartialEq>(old: &mut T, new: T) -> Option<T> {
    if *old == new {
        return None;
    }
    old.clone_from(&new);
    Some(new)
}

const fn word_of(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::Leader => "leader",
    }
}

const fn mark_of(change: &LogChange) -> Option<Mark> {
    match change {
        LogChange::Cut { .. } => Some(Mark::Truncation),
        LogChange::Install { .. } => Some(Mark::Snapshot),
        LogChange::Compact { .. } => Some(Mark::Compaction),
        LogChange::Entries { .. } | LogChange::Run { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use dkv20_exam::{Interrupt, Machine as _, Plan};

    use super::*;
    use crate::backend::Backend as _;
    use crate::machines::{Dkv20, file_lines};
    use crate::view::{Bytes, EntryOp};

    /// A replica as the page keeps it.
    #[derive(Clone, Default)]
    struct Folded {
        role: String,
        term: u64,
        base: u64,
        commit: u64,
        last: u64,
        keys: u64,
        hash: Option<String>,
        log_hash: Option<String>,
        /// The term of each entry, and its op if it was listed.
        log: BTreeMap<u64, (u64, Option<EntryOp>)>,
        map: BTreeMap<Bytes, Bytes>,
        /// Whether changes of the map were only counted.
        lacks_keys: bool,
    }

    impl Folded {
        fn new(id: usize) -> Self {
            let role = if id == 0 { "leader" } else { "follower" };
            Self { role: role.into(), term: 1, ..Self::default() }
        }

        fn apply(&mut self, change: &Change) {
            for log in &change.log {
                self.apply_to_log(log);
            }
            if let Some(role) = &change.role {
                self.role.clone_from(role);
            }
            for (value, new) in [
                (&mut self.term, change.term),
                (&mut self.base, change.base),
                (&mut self.commit, change.commit),
                (&mut self.last, change.last),
                (&mut self.keys, change.keys),
            ] {
                *value = new.unwrap_or(*value);
            }
            for (hash, new) in
                [(&mut self.hash, &change.hash), (&mut self.log_hash, &change.log_hash)]
            {
                if let Some(new) = new {
                    hash.clone_from(new);
                }
            }
            for (key, before, after) in &change.map {
                assert_eq!(
                    self.map.get(key).filter(|_| !self.lacks_keys),
                    before.as_ref().filter(|_| !self.lacks_keys)
                );
                match after {
                    Some(after) => drop(self.map.insert(key.clone(), after.clone())),
                    None => drop(self.map.remove(key)),
                }
            }
            self.lacks_keys |= change.map_more > 0;
        }

        fn apply_to_log(&mut self, change: &LogChange) {
            match change {
                LogChange::Cut { cut } => drop(self.log.split_off(&(cut + 1))),
                LogChange::Compact { compact } => self.log = self.log.split_off(&(compact + 1)),
                LogChange::Install { install, .. } => {
                    self.log.clear();
                    (self.base, self.commit) = (*install, *install);
                }
                LogChange::Entries { entries } => {
                    let entry = |entry: &crate::view::Entry| {
                        (entry.index, (entry.term, Some(entry.op.clone())))
                    };
                    self.log.extend(entries.iter().map(entry));
                }
                LogChange::Run { run: (first, last, term) } => {
                    self.log.extend((*first..=*last).map(|index| (index, (*term, None))));
                }
            }
        }

        #[track_caller]
        fn assert_is(&self, cluster: &Cluster, id: usize) {
            let replica = &cluster.replicas[id];
            assert_eq!(self.role, word_of(replica.role));
            assert_eq!((self.term, self.base), (replica.term, replica.base));
            assert_eq!((self.commit, self.last), (replica.commit, replica.last()));
            assert_eq!(self.keys, replica.map.len() as u64);
            assert_eq!(self.hash, cluster.snapshot_hash(id as u64).ok());
            assert_eq!(self.log_hash, cluster.log_hash(id as u64).ok());
            assert_eq!(self.log.len(), replica.log.len());
            for ((index, (term, op)), (position, (due_term, due_op))) in
                self.log.iter().zip((replica.base + 1..).zip(&replica.log))
            {
                assert_eq!((*index, term), (position, due_term));
                assert!(op.as_ref().is_none_or(|op| *op == EntryOp::from(due_op)), "entry {index}");
            }
            if !self.lacks_keys {
                let bytes = |(key, value): (&Vec<u8>, &Vec<u8>)| (key[..].into(), value[..].into());
                assert_eq!(self.map, replica.map.iter().map(bytes).collect());
            }
        }
    }

    /// Folds the frames of the lines, and compares with the reference after each step. Returns the
    /// kinds of events.
    #[track_caller]
    fn assert_frames_fold(lines: &[Vec<u8>]) -> BTreeSet<Mark> {
        let mut session = Session::<Cluster>::default();
        let (mut replicas, mut marks) = (Vec::new(), BTreeSet::new());
        let (mut leader, mut term, mut isolated) = (Some(0), 1, Vec::new());
        let watched = watch(lines, true, &|| true);
        assert_eq!(watched.len(), lines.len());
        for (line, Watched { answer, frame, marks: own, .. }) in lines.iter().zip(watched) {
            let mut due = String::new();
            let is_answered = session.run_line(line, &mut due);
            assert_eq!(answer, is_answered.then_some(due));
            marks.extend(own);
            if let Some(size) = frame.cluster {
                replicas = (0..size).map(Folded::new).collect();
                (leader, term, isolated) = (Some(0), 1, Vec::new());
            }
            leader = frame.leader.unwrap_or(leader);
            term = frame.term.unwrap_or(term);
            isolated = frame.isolated.unwrap_or(isolated);
            for (ids, change) in &frame.replicas {
                for id in ids {
                    replicas[*id].apply(change);
                }
            }
            let Some(cluster) = session.cluster() else { continue };
            let is_isolated = cluster.isolated.contains(&cluster.leader);
            assert_eq!(leader, Some(cluster.leader).filter(|_| !is_isolated));
            assert_eq!((term, replicas.len()), (cluster.term, cluster.replicas.len()));
            assert!(isolated.iter().eq(&cluster.isolated));
            for (id, replica) in replicas.iter().enumerate() {
                replica.assert_is(cluster, id);
            }
        }
        marks
    }

    #[test]
    fn frames_of_traces_fold_to_the_reference() {
        let mut count = 0;
        for file in fs::read_dir("tests/traces").expect("the traces") {
            let path = file.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "trace") {
                continue;
            }
            let lines = file_lines(&fs::read(&path).expect("a trace"), false).expect("a trace");
            assert_frames_fold(&lines.into_iter().map(|line| line.line).collect::<Vec<_>>());
            count += 1;
        }
        assert!(count > 70, "{count} traces");
    }

    #[test]
    fn frames_of_generated_cases_fold_to_the_reference() {
        let plan = Plan { generated_count: 40, states_depth: 3, ..Plan::default() };
        let mut marks = BTreeSet::new();
        let wanted = ["histories", "situations", "states"];
        for suite in Dkv20.suites(&plan, &Interrupt::default()) {
            if wanted.contains(&suite.name) {
                for number in 0..suite.count.min(40) {
                    marks.extend(assert_frames_fold(&(suite.make)(number).lines));
                }
            }
        }
        let all = [
            Mark::Election,
            Mark::Truncation,
            Mark::Snapshot,
            Mark::Compaction,
            Mark::Error,
            Mark::Partition,
            Mark::Heal,
        ];
        assert_eq!(marks, BTreeSet::from(all), "every event is among the cases");
    }

    /// Lines that stand for many: several events of a replica within one step.
    #[test]
    fn frames_of_chaos_and_workloads_fold_to_the_reference() {
        for seed in 1..=8 {
            let lines = format!(
                "new 5\nchaos {seed} 300\nchaos {seed} 40\nworkload {seed} 100 500\ncompact 1\n\
                 partition 0 1\nworkload {seed} 100 70\nat 0 put x y\nheal\nnew 3\nnoop"
            );
            let lines: Vec<_> = lines.lines().map(|line| line.as_bytes().to_vec()).collect();
            assert_frames_fold(&lines);
        }
    }

    #[test]
    fn many_entries_are_runs_and_many_keys_a_number() {
        let lines = [b"new 3".to_vec(), b"workload 1 1000 5000".to_vec()];
        let watched = watch(&lines, false, &|| true);
        let [(ids, change)] = &watched[1].frame.replicas[..] else { panic!("one group") };
        assert_eq!(*ids, [0, 1, 2]);
        assert_eq!(change.log, [LogChange::Run { run: (1, 5_000, 1) }]);
        let keys = usize::try_from(change.keys.expect("keys")).expect("few");
        assert_eq!((change.map.len(), change.map_more), (64, keys - 64));
        assert_eq!(change.log_hash, None, "only with a port");
    }

    #[test]
    fn watching_ends_when_it_is_told_to() {
        let lines = vec![b"new 3".to_vec(); 5];
        assert!(watch(&lines, false, &|| false).is_empty());
    }
}
