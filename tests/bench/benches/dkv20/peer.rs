//! The peer: five nodes of the `raft` crate in one process.
//!
//! It has its best configuration for this work: no logger, no limits on messages and `Ready`s, batched
//! appends, and no messages for a commit index alone, which the next append carries. Messages are moved
//! from node to node, neither copied nor encoded.

use std::collections::VecDeque;

use dkv20::Op;
use raft::prelude::{ConfState, Entry, Message};
use raft::storage::MemStorage;
use raft::{Config, NO_LIMIT, RawNode, StateRole};
use slog::{Discard, Logger, o};

use crate::REPLICA_COUNT;
use crate::floor::PlainMap;

const PUT: u8 = 1;
const DEL: u8 = 2;

/// The ops of one proposal, as the library encodes them.
pub fn encode(ops: &[Op]) -> Vec<u8> {
    let mut data = Vec::new();
    for op in ops {
        op.encode(&mut data);
    }
    data
}

fn apply(mut data: &[u8], map: &mut PlainMap) {
    while let Some((tag, rest)) = data.split_first() {
        data = rest;
        match *tag {
            PUT => {
                let key = take_byte_string(&mut data).to_vec();
                map.insert(key, take_byte_string(&mut data).to_vec());
            }
            DEL => {
                map.remove(take_byte_string(&mut data));
            }
            _ => {}
        }
    }
}

fn take_byte_string<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = data.split_first_chunk().expect("a length");
    let (bytes, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
    *data = rest;
    bytes
}

/// A node, and the map to which it applies what is committed.
struct Node {
    raft: RawNode<MemStorage>,
    map: PlainMap,
}

impl Node {
    fn new(id: u64, voters: &[u64]) -> Self {
        let config = Config {
            id,
            max_size_per_msg: NO_LIMIT,
            max_inflight_msgs: 1 << 12,
            batch_append: true,
            skip_bcast_commit: true,
            ..Config::default()
        };
        let storage =
            MemStorage::new_with_conf_state(ConfState::from((voters.to_vec(), Vec::new())));
        let logger = Logger::root(Discard, o!());
        let raft = RawNode::new(&config, storage, &logger).expect("a valid configuration");
        Self { raft, map: PlainMap::new() }
    }

    /// Handles the node's `Ready`: appends messages to `outbox` and entries to its storage, and applies
    /// what is committed to its map.
    fn work(&mut self, outbox: &mut VecDeque<Message>) {
        while self.raft.has_ready() {
            let mut ready = self.raft.ready();
            outbox.extend(ready.take_messages());
            self.apply_all(&ready.take_committed_entries());
            {
                let mut store = self.raft.mut_store().wl();
                store.append(ready.entries()).expect("entries that follow the last one");
                if let Some(state) = ready.hs() {
                    store.set_hardstate(state.clone());
                }
            }
            outbox.extend(ready.take_persisted_messages());
            let mut light = self.raft.advance(ready);
            if let Some(commit) = light.commit_index() {
                self.raft.mut_store().wl().mut_hard_state().set_commit(commit);
            }
            outbox.extend(light.take_messages());
            self.apply_all(&light.take_committed_entries());
            self.raft.advance_apply();
        }
    }

    fn apply_all(&mut self, entries: &[Entry]) {
        for entry in entries {
            apply(entry.get_data(), &mut self.map);
        }
    }
}

/// Five nodes, of which the first leads.
pub struct Group {
    nodes: Vec<Node>,
    in_flight: VecDeque<Message>,
}

impl Group {
    /// Five nodes that have elected the first.
    pub fn new() -> Self {
        let voters: Vec<u64> = (1..=REPLICA_COUNT).collect();
        let nodes = voters.iter().map(|id| Node::new(*id, &voters)).collect();
        let mut group = Self { nodes, in_flight: VecDeque::new() };
        group.nodes[0].raft.campaign().expect("a voter may campaign");
        group.settle();
        assert_eq!(group.nodes[0].raft.raft.state, StateRole::Leader);
        group
    }

    /// Proposes one after the other, each after the leader has applied the one before it. At the end
    /// every node has applied all of them.
    pub fn propose_all(&mut self, proposals: Vec<Vec<u8>>) {
        for data in proposals {
            self.nodes[0].raft.propose(Vec::new(), data).expect("the first node leads");
            self.settle();
        }
        self.nodes[0].raft.skip_bcast_commit(false);
        self.nodes[0].raft.ping();
        self.settle();
        let last = self.nodes[0].raft.raft.raft_log.last_index();
        assert!(self.nodes.iter().all(|node| node.raft.raft.raft_log.applied == last));
    }

    /// Delivers messages until there are none.
    fn settle(&mut self) {
        self.nodes[0].work(&mut self.in_flight);
        while let Some(message) = self.in_flight.pop_front() {
            let to = usize::try_from(message.to - 1).expect("the id of a node");
            self.nodes[to].raft.step(message).expect("a message that is expected");
            self.nodes[to].work(&mut self.in_flight);
        }
    }
}
