//! What can happen in one step.

use crate::op::Op;
use crate::protocol::Command;

use super::view::{History, View};

const KEY: &str = "k";

/// What can happen in one step. What a proposal proposes follows from the state: see
/// [`Event::command`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A proposal to the current leader.
    Propose,
    /// A proposal by a client that can reach only this replica.
    ProposeAt(usize),
    /// Anything else.
    Other(Command),
}

/// All events of a cluster of so many replicas: proposals, partition, heal and compact of each
/// replica and of all, a partition of nobody (which runs settle once more), and last the five that
/// must be refused whatever the state.
#[must_use]
pub fn events(replica_count: usize) -> Vec<Event> {
    let each = || 0..replica_count;
    let mut events = vec![Event::Propose];
    events.extend(each().map(Event::ProposeAt));
    let mut other = vec![];
    other.extend(each().map(|id| Command::Partition { ids: vec![id] }));
    other.push(Command::Partition { ids: each().collect() });
    other.push(Command::Partition { ids: vec![] });
    other.extend(each().map(|id| Command::HealIds { ids: vec![id] }));
    other.push(Command::Heal);
    other.extend(each().map(|id| Command::CompactIds { ids: vec![id] }));
    other.push(Command::Compact);
    // One replica beyond the cluster's, and always behind one that could be acted upon.
    let with_unknown = || (0..=replica_count).collect();
    other.extend([
        Command::Propose { op: Op::put("", "") },
        Command::ProposeAt { id: replica_count, op: Op::NoOp },
        Command::Partition { ids: with_unknown() },
        Command::HealIds { ids: with_unknown() },
        Command::CompactIds { ids: with_unknown() },
    ]);
    events.extend(other.into_iter().map(Event::Other));
    events
}

impl Event {
    /// The command that the event is in a state.
    ///
    /// A proposal's op tells who proposed it and when: at an odd index it puts a value that names
    /// the replica, the term and the index; at an even one it deletes the key. Where an entry is
    /// known (held by a log, or committed once) that has this op at the same index and term, it puts
    /// a value with the least number that makes it another. So two entries that are known at the same time and come
    /// from different proposals differ: in index, in term or in op. And the op follows from the state
    /// alone: the reference, in which no two entries have the same index and term, gets no state
    /// more than if all ops were alike.
    #[must_use]
    pub fn command(&self, view: &View, history: &History) -> Command {
        match self {
            Self::Propose => Command::Propose { op: op(view.leader, view, history) },
            Self::ProposeAt(id) => Command::ProposeAt { id: *id, op: op(*id, view, history) },
            Self::Other(command) => command.clone(),
        }
    }
}

/// What is proposed to the replica `id`.
fn op(id: usize, view: &View, history: &History) -> Op {
    let proposer = &view.replicas[id];
    let (index, term) = (proposer.last() + 1, proposer.term);
    let held = view.replicas.iter().filter_map(|replica| replica.entry(index));
    let known = held.chain(history.entry(index)).filter(|entry| entry.0 == term);
    let plain = match index % 2 {
        0 => Op::del(KEY),
        _ => Op::put(KEY, format!("r{id}-t{term}-i{index}").as_str()),
    };
    if known.clone().all(|entry| entry.1 != plain) {
        return plain;
    }
    let numbered = |number| Op::put(KEY, format!("r{id}-t{term}-i{index}-n{number}").as_str());
    let is_new = |op: &Op| known.clone().all(|entry| entry.1 != *op);
    (1..=u64::MAX).map(numbered).find(is_new).expect("finitely many entries are known")
}

/// The line of the port protocol that gives the command.
#[must_use]
pub fn line_of(command: &Command) -> String {
    let with_ids = |word: &str, ids: &[usize]| {
        ids.iter().fold(word.to_owned(), |line, id| format!("{line} {id}"))
    };
    match command {
        Command::Propose { op } => line_of_op(op),
        Command::ProposeAt { id, op } => format!("at {id} {}", line_of_op(op)),
        Command::Partition { ids } => with_ids("partition", ids),
        Command::Heal => "heal".to_owned(),
        Command::HealIds { ids } => with_ids("heal", ids),
        Command::Compact => "compact".to_owned(),
        Command::CompactIds { ids } => with_ids("compact", ids),
        _ => unreachable!("an event is a command of section 4"),
    }
}

fn line_of_op(op: &Op) -> String {
    match op {
        Op::NoOp => "noop".to_owned(),
        Op::Put { key, value } => format!("put {} {}", token(key), token(value)),
        Op::Del { key } => format!("del {}", token(key)),
    }
}

/// Letters, digits and hyphens as they are, other bytes in hex.
fn token(bytes: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.starts_with("0x") && bytes.iter().all(is_plain) => {
            text.to_owned()
        }
        _ => format!("0x{}", hex::encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::System;
    use crate::protocol::parse;
    use crate::{Cluster, ErrorCode};

    #[test]
    fn a_line_is_read_as_the_command_that_it_was_made_from() {
        let view = Cluster::new(3).unwrap().view();
        for event in events(3) {
            let command = event.command(&view, &History::default());
            assert_eq!(parse(line_of(&command).as_bytes()), Ok(Some(command)));
        }
    }

    #[test]
    fn the_last_five_are_refused() {
        let mut cluster = Cluster::new(3).unwrap();
        let view = cluster.view();
        let commands = events(3).into_iter().map(|event| event.command(&view, &History::default()));
        let answers: Vec<_> = commands.map(|command| cluster.run(&command).err()).collect();
        let unknown = Some(ErrorCode::UnknownReplica);
        let refused = [Some(ErrorCode::KeyLength), unknown, unknown, unknown, unknown];
        assert_eq!(answers[answers.len() - 5..], refused);
    }

    #[test]
    fn an_op_differs_from_those_known_at_its_index_and_term() {
        let cluster = Cluster::new(2).unwrap();
        let mut view = cluster.view();
        let first = op(0, &view, &History::default());
        view.replicas[1].entries.push((1, first.clone()));
        let second = op(0, &view, &History::default());
        assert_ne!(first, second);
        let history = History { committed: vec![(1, second.clone())], ..History::default() };
        let third = op(0, &view, &history);
        assert!(third != first && third != second, "{third:?}");
    }
}
