//! The actions: everything that can happen to a cluster in one step.

use std::{fmt, iter};

use crate::error::ErrorCode;
use crate::reference::{Cluster, Op, Outcome};

use super::history::{History, entry};

/// An operation of section 4 of the definition.
///
/// It is displayed as its line in the port protocol, except that the API's empty list for `heal`
/// and `compact` has no line: the bare words mean all replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operation of its name in section 4")]
pub enum Action {
    Propose(Op),
    ProposeAt(u64, Op),
    Partition(Vec<u64>),
    Heal,
    HealIds(Vec<u64>),
    Compact,
    CompactIds(Vec<u64>),
}

/// The result of an action: the outcome of a proposal, and nothing for the others.
pub type Answer = Result<Option<Outcome>, ErrorCode>;

impl Action {
    /// Runs the action.
    ///
    /// # Errors
    ///
    /// Those of the operation, which has then changed nothing.
    pub fn run(&self, cluster: &mut Cluster) -> Answer {
        match self {
            Self::Propose(op) => return cluster.propose(op.clone()).map(Some),
            Self::ProposeAt(id, op) => return cluster.propose_at(*id, op.clone()).map(Some),
            Self::Partition(ids) => cluster.partition(ids)?,
            Self::Heal => cluster.heal(),
            Self::HealIds(ids) => cluster.heal_ids(ids)?,
            Self::Compact => cluster.compact(),
            Self::CompactIds(ids) => cluster.compact_ids(ids)?,
        }
        Ok(None)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, ids) = match self {
            Self::Propose(op) => return write_op(f, op),
            Self::ProposeAt(id, op) => {
                write!(f, "at {id} ")?;
                return write_op(f, op);
            }
            Self::Partition(ids) => ("partition", ids.as_slice()),
            Self::Heal => ("heal", &[][..]),
            Self::HealIds(ids) => ("heal", ids.as_slice()),
            Self::Compact => ("compact", &[][..]),
            Self::CompactIds(ids) => ("compact", ids.as_slice()),
        };
        f.write_str(word)?;
        ids.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

fn write_op(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    match op {
        Op::NoOp => f.write_str("noop"),
        Op::Put { key, value } => write!(f, "put {} {}", token(key), token(value)),
        Op::Del { key } => write!(f, "del {}", token(key)),
    }
}

/// Letters, digits and hyphens as they are, other bytes in hex.
fn token(bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if !bytes.is_empty() && !bytes.starts_with(b"0x") && bytes.iter().all(is_plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("0x{}", hex::encode(bytes))
}

/// Returns the actions to explore in a state: proposals; partition, heal and compact of each
/// replica and of all; a partition of no replica, which only settles; and five that must be refused
/// in any state.
///
/// The list has the same length and order in every state; only the ops that are proposed differ.
#[must_use]
pub fn actions(cluster: &Cluster, history: &History) -> Vec<Action> {
    let size = cluster.replicas.len() as u64;
    // A replica that does not exist, after one that the action could change.
    let with_unknown = || (0..=size).collect::<Vec<_>>();
    let mut actions = vec![Action::Propose(new_op(cluster.leader, cluster, history))];
    let propose_at = |id| Action::ProposeAt(id as u64, new_op(id, cluster, history));
    actions.extend((0..cluster.replicas.len()).map(propose_at));
    actions.extend((0..size).map(|id| Action::Partition(vec![id])));
    actions.push(Action::Partition((0..size).collect()));
    actions.push(Action::Partition(vec![]));
    actions.extend((0..size).map(|id| Action::HealIds(vec![id])));
    actions.push(Action::Heal);
    actions.extend((0..size).map(|id| Action::CompactIds(vec![id])));
    actions.extend([
        Action::Compact,
        Action::Propose(Op::Put { key: vec![], value: vec![] }),
        Action::ProposeAt(size, Op::NoOp),
        Action::Partition(with_unknown()),
        Action::HealIds(with_unknown()),
        Action::CompactIds(with_unknown()),
    ]);
    actions
}

/// Returns the op to propose to the replica `id`.
///
/// At an even index it deletes the key, at an odd one it puts a value that names the replica, the
/// term and the index. If a log holds this very entry, or it was committed once, the op puts a
/// value with the least number that makes the entry a new one. So entries of different proposals
/// differ in index, term or op as long as they are known. The op follows from the state alone, and
/// no two entries of the reference have the same index and term: the choice adds no states to those
/// that equal ops would reach.
fn new_op(id: usize, cluster: &Cluster, history: &History) -> Op {
    let proposer = &cluster.replicas[id];
    let (index, term) = (proposer.last() + 1, proposer.term);
    let held = cluster.replicas.iter().filter_map(|replica| entry(replica, index));
    let known = held.chain(history.entry(index));
    let is_new = |op: &Op| known.clone().all(|entry| (entry.0, &entry.1) != (term, op));
    let key = || b"k".to_vec();
    let put = |value: String| Op::Put { key: key(), value: value.into_bytes() };
    let plain = match index % 2 {
        0 => Op::Del { key: key() },
        _ => put(format!("r{id}-t{term}-i{index}")),
    };
    let numbered = (1_u64..).map(|number| put(format!("r{id}-t{term}-i{index}-n{number}")));
    iter::once(plain).chain(numbered).find(is_new).expect("finitely many entries are known")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;

    #[test]
    fn action_and_its_line_do_the_same() {
        let start = Cluster::new(3).unwrap();
        for action in actions(&start, &History::default()) {
            let mut cluster = start.clone();
            let answer = action.run(&mut cluster);
            let (mut session, mut answers) = (Session::<Cluster>::default(), String::new());
            session.run_line(b"new 3", &mut answers);
            session.run_line(action.to_string().as_bytes(), &mut answers);
            assert_eq!(session.cluster(), Some(&cluster), "{action}");
            assert_eq!(answers.contains("err"), answer.is_err(), "{action}: {answers}");
        }
    }

    #[test]
    fn last_five_actions_are_refused() {
        let mut cluster = Cluster::new(3).unwrap();
        let actions = actions(&cluster, &History::default());
        let errors: Vec<_> = actions.iter().map(|action| action.run(&mut cluster).err()).collect();
        let unknown = Some(ErrorCode::UnknownReplica);
        let refused = [Some(ErrorCode::KeyLength), unknown, unknown, unknown, unknown];
        assert_eq!(errors[errors.len() - 5..], refused);
    }

    #[test]
    fn proposed_op_differs_from_known_ones() {
        let mut cluster = Cluster::new(2).unwrap();
        let mut history = History::default();
        let first = new_op(0, &cluster, &history);
        cluster.replicas[1].log.push((1, first.clone()));
        let second = new_op(0, &cluster, &history);
        assert_ne!(first, second);
        history.committed.push((1, second.clone()));
        let third = new_op(0, &cluster, &history);
        assert!(third != first && third != second, "{third:?}");
    }
}
