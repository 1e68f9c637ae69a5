//! Lines on the reference, and the changes of each.

use std::collections::BTreeSet;

use super::data::{Change, Frame, LogChange, Mark};
use super::hashes::Hashes;
use super::maps::Maps;
use super::terms::Terms;
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
        let (isolated, maps) = (BTreeSet::new(), Maps::new());
        Self { term: 1, leader: Some(0), isolated, replicas, maps }
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
        let replicas = self.replicas.iter_mut().zip(&cluster.replicas).enumerate();
        for (id, (seen, replica)) in replicas {
            let steps = (seen.commit, replica.commit);
            let mut change = seen.follow(replica, hashes);
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
    fn follow(&mut self, replica: &Replica, hashes: &mut Hashes) -> Change {
        let (old_base, old_last) = (self.terms.base(), self.terms.last());
        let log = self.terms.follow(replica);
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
