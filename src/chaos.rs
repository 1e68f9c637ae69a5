//! Chaos: command lines made from draws (definition, section 10).

use std::fmt::Write as _;

use crate::cluster::Cluster;
use crate::op::Op;
use crate::protocol::Hex;
use crate::replica::Role;
use crate::splitmix64::SplitMix64;
use crate::workload;

/// The most steps that may be asked for over the port protocol (section 8).
pub const CHAOS_STEPS_MAX: u64 = 10_000_000;

/// The size of the key space: small, so that keys meet often.
const KEYS: u64 = 64;

/// The lines that are run after the last step, for every id in turn.
const CLOSING_COMMANDS: [&str; 3] = ["replica", "log", "hash"];

/// The command lines of a chaos run. What a line says depends on the cluster as the lines before
/// it have left it.
#[derive(Clone, Debug)]
pub struct Chaos {
    draws: SplitMix64,
    steps_left: u64,
    closing_lines: usize,
}

impl Chaos {
    /// `steps` lines from a generator at `seed`, and three more for each replica.
    #[must_use]
    pub fn new(seed: u64, steps: u64) -> Self {
        Self { draws: SplitMix64::new(seed), steps_left: steps, closing_lines: 0 }
    }

    /// Puts the next command line, without its LF, in place of what `line` holds. Answers
    /// whether there was one.
    pub fn next_line(&mut self, cluster: &Cluster, line: &mut String) -> bool {
        line.clear();
        if self.steps_left > 0 {
            self.steps_left -= 1;
            self.put_step(cluster, line);
            return true;
        }
        let (id, command) = (self.closing_lines / 3, CLOSING_COMMANDS[self.closing_lines % 3]);
        self.closing_lines += 1;
        put(line, format_args!("{command} {id}"));
        id < cluster.replica_count()
    }

    fn put_step(&mut self, cluster: &Cluster, line: &mut String) {
        match self.draws.next_u64() >> 57 {
            0..56 => self.put_op(line),
            56..72 => {
                let id = self.draw_leading_id(cluster);
                put(line, format_args!("at {id} "));
                self.put_op(line);
            }
            72..76 => {
                self.put_with_id("at", cluster, line);
                line.push(' ');
                self.put_op(line);
            }
            76..84 => self.put_with_id("partition", cluster, line),
            84..88 => put(line, format_args!("partition {}", cluster.leader())),
            88..92 => self.put_with_mask("partition", cluster, line),
            92..100 => self.put_with_id("heal", cluster, line),
            100..104 => self.put_with_mask("heal", cluster, line),
            104..106 => line.push_str("heal"),
            106..110 => self.put_with_id("compact", cluster, line),
            110..112 => line.push_str("compact"),
            112..116 => {
                self.put_with_id("get", cluster, line);
                self.put_key(line);
            }
            116..121 => self.put_with_id("hash", cluster, line),
            121..124 => self.put_with_id("log", cluster, line),
            124..127 => self.put_with_id("replica", cluster, line),
            _ => line.push_str("status"),
        }
    }

    fn put_op(&mut self, line: &mut String) {
        let op = workload::draw_op(&mut self.draws, KEYS).expect("KEYS is a valid key space");
        match op {
            Op::NoOp => line.push_str("noop"),
            Op::Put { key, value } => {
                put(line, format_args!("put {} {}", Hex(&key), Hex(&value)));
            }
            Op::Del { key } => put(line, format_args!("del {}", Hex(&key))),
        }
    }

    fn put_key(&mut self, line: &mut String) {
        let key = workload::decode_key(self.draws.next_u64(), KEYS);
        put(line, format_args!(" {}", Hex(&key.expect("KEYS is a valid key space"))));
    }

    fn put_with_id(&mut self, command: &str, cluster: &Cluster, line: &mut String) {
        let id = self.draws.next_u64() % cluster.replica_count() as u64;
        put(line, format_args!("{command} {id}"));
    }

    fn put_with_mask(&mut self, command: &str, cluster: &Cluster, line: &mut String) {
        let mask = self.draws.next_u64();
        line.push_str(command);
        for id in (0..cluster.replica_count()).filter(|id| mask >> id & 1 == 1) {
            put(line, format_args!(" {id}"));
        }
    }

    /// One of the ids whose role is leader; the current leader's always is.
    fn draw_leading_id(&mut self, cluster: &Cluster) -> usize {
        let leads = || cluster.replicas().iter().filter(|replica| replica.role() == Role::Leader);
        let position = self.draws.next_u64() % leads().count() as u64;
        let position = usize::try_from(position).expect("a position among at most 64 replicas");
        leads().nth(position).expect("the position is below their count").id()
    }
}

fn put(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("writing to a string does not fail");
}
