//! Chaos: command lines made from draws (definition, section 10).

use std::fmt::Write as _;

use crate::backend::Backend;
use crate::protocol::{Hex, append_op};
use crate::replica::{ReplicaId, Role};
use crate::splitmix64::SplitMix64;
use crate::workload;

/// The greatest number of steps in a chaos run; the least is 0.
pub const CHAOS_STEPS_MAX: u64 = 10_000_000;

/// The number of keys: small, so that ops often hit the same key.
const KEYS: u64 = 64;

/// The commands that are run on each id after the last step.
const CLOSING_COMMANDS: [&str; 3] = ["replica", "log", "hash"];

/// The command lines of a chaos run. A line depends on the cluster as the lines before it left it.
#[derive(Clone, Debug)]
pub(crate) struct ChaosLines {
    draws: SplitMix64,
    steps_left: u64,
    closing_lines: usize,
}

impl ChaosLines {
    /// Returns the lines of `steps` steps, made from a generator at `seed`, and the closing lines.
    pub(crate) fn new(seed: u64, steps: u64) -> Self {
        Self { draws: SplitMix64::new(seed), steps_left: steps, closing_lines: 0 }
    }

    /// Makes the run longer. None of the closing lines was made.
    pub(crate) fn add_steps(&mut self, steps: u64) {
        self.steps_left += steps;
    }

    /// Replaces the content of `line` by the next command line, without an LF. Returns `false` if
    /// there is none.
    pub(crate) fn next_line(&mut self, cluster: &impl Backend, line: &mut String) -> bool {
        line.clear();
        if self.steps_left > 0 {
            self.steps_left -= 1;
            self.append_step(cluster, line);
            return true;
        }
        let (id, command) = (self.closing_lines / 3, CLOSING_COMMANDS[self.closing_lines % 3]);
        self.closing_lines += 1;
        append(line, format_args!("{command} {id}"));
        (id as u64) < cluster.size()
    }

    fn append_step(&mut self, cluster: &impl Backend, line: &mut String) {
        match self.draws.next() >> 57 {
            0..56 => self.append_op(line),
            56..72 => {
                let id = self.draw_leading_id(cluster);
                append(line, format_args!("at {id} "));
                self.append_op(line);
            }
            72..76 => {
                self.append_with_id("at", cluster, line);
                line.push(' ');
                self.append_op(line);
            }
            76..84 => self.append_with_id("partition", cluster, line),
            84..88 => append(line, format_args!("partition {}", cluster.leader())),
            88..92 => self.append_with_mask("partition", cluster, line),
            92..100 => self.append_with_id("heal", cluster, line),
            100..104 => self.append_with_mask("heal", cluster, line),
            104..106 => line.push_str("heal"),
            106..110 => self.append_with_id("compact", cluster, line),
            110..112 => line.push_str("compact"),
            112..116 => {
                self.append_with_id("get", cluster, line);
                self.append_key(line);
            }
            116..121 => self.append_with_id("hash", cluster, line),
            121..124 => self.append_with_id("log", cluster, line),
            124..127 => self.append_with_id("replica", cluster, line),
            _ => line.push_str("status"),
        }
    }

    fn append_op(&mut self, line: &mut String) {
        let op = workload::draw_op(&mut self.draws, KEYS).expect("KEYS is a valid key space");
        append_op(line, &op);
    }

    fn append_key(&mut self, line: &mut String) {
        let key = workload::decode_key(self.draws.next(), KEYS);
        append(line, format_args!(" {}", Hex(&key.expect("KEYS is a valid key space"))));
    }

    fn append_with_id(&mut self, command: &str, cluster: &impl Backend, line: &mut String) {
        let id = self.draws.next() % cluster.size();
        append(line, format_args!("{command} {id}"));
    }

    fn append_with_mask(&mut self, command: &str, cluster: &impl Backend, line: &mut String) {
        let mask = self.draws.next();
        line.push_str(command);
        for id in (0..cluster.size()).filter(|id| mask >> id & 1 == 1) {
            append(line, format_args!(" {id}"));
        }
    }

    /// Draws one of the ids whose role is leader, as the current leader's always is.
    fn draw_leading_id(&mut self, cluster: &impl Backend) -> ReplicaId {
        let is_leader = |id: &ReplicaId| {
            cluster.replica_status(*id).is_ok_and(|status| status.role == Role::Leader)
        };
        let leaders: Vec<_> = (0..cluster.size()).filter(is_leader).collect();
        let position = self.draws.next() % leaders.len() as u64;
        leaders[usize::try_from(position).expect("a position among at most 64 leaders")]
    }
}

fn append(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::op::Op;

    /// Five replicas: 0 is a deposed leader, 2 leads, 0 and 1 are isolated.
    fn cluster() -> Cluster {
        let mut cluster = Cluster::new(5).unwrap();
        cluster.partition(&[1]).unwrap();
        cluster.propose(Op::NoOp).unwrap();
        cluster.partition(&[0]).unwrap();
        assert_eq!(cluster.reachable_leader(), Some(2));
        cluster
    }

    /// The seeds below 2,000 whose first draw lies in the band.
    fn seeds(band: u64) -> impl Iterator<Item = u64> {
        (0..2_000).filter(move |seed| SplitMix64::new(*seed).next() >> 57 == band)
    }

    fn line(seed: u64, cluster: &Cluster) -> String {
        let mut line = "previous content".to_owned();
        assert!(ChaosLines::new(seed, 1).next_line(cluster, &mut line));
        line
    }

    fn op(draws: &mut SplitMix64) -> String {
        let [r1, r2, r3] = [(); 3].map(|()| draws.next());
        let key = hex::encode(format!("key-{:06}", r2 % 64));
        match r1 >> 62 {
            3 => format!("del 0x{key}"),
            _ => format!("put 0x{key} 0x{}", hex::encode((r3 % 10_000).to_le_bytes())),
        }
    }

    /// The table of section 10, for the cluster above.
    fn expected(band: u64, draws: &mut SplitMix64) -> String {
        let with_id = |word: &str, draws: &mut SplitMix64| format!("{word} {}", draws.next() % 5);
        let with_mask = |word: &str, draws: &mut SplitMix64| {
            let mask = draws.next();
            let ids: Vec<_> = (0..5).filter(|id| mask & (1 << id) != 0).collect();
            ids.into_iter().fold(word.to_owned(), |line, id| format!("{line} {id}"))
        };
        match band {
            0..=55 => op(draws),
            56..=71 => format!("at {} {}", [0, 2][(draws.next() % 2) as usize], op(draws)),
            72..=75 => format!("{} {}", with_id("at", draws), op(draws)),
            76..=83 => with_id("partition", draws),
            84..=87 => "partition 2".into(),
            88..=91 => with_mask("partition", draws),
            92..=99 => with_id("heal", draws),
            100..=103 => with_mask("heal", draws),
            104..=105 => "heal".into(),
            106..=109 => with_id("compact", draws),
            110..=111 => "compact".into(),
            112..=115 => {
                let id = with_id("get", draws);
                let key = format!("key-{:06}", draws.next() % 64);
                format!("{id} 0x{}", hex::encode(key))
            }
            116..=120 => with_id("hash", draws),
            121..=123 => with_id("log", draws),
            124..=126 => with_id("replica", draws),
            _ => "status".into(),
        }
    }

    #[test]
    fn lines_follow_the_table_of_section_10() {
        let cluster = cluster();
        for band in 0..128 {
            assert!(seeds(band).count() >= 2, "band {band}");
            for seed in seeds(band) {
                let mut draws = SplitMix64::new(seed);
                draws.next();
                assert_eq!(line(seed, &cluster), expected(band, &mut draws), "seed {seed}");
            }
        }
    }

    #[test]
    fn steps_share_one_generator() {
        let cluster = cluster();
        for seed in 0..50 {
            let (mut lines, mut draws) = (ChaosLines::new(seed, 20), SplitMix64::new(seed));
            let mut line = String::new();
            for _ in 0..20 {
                assert!(lines.next_line(&cluster, &mut line));
                let band = draws.next() >> 57;
                assert_eq!(line, expected(band, &mut draws));
            }
        }
    }

    #[test]
    fn empty_mask_leaves_the_bare_word() {
        let one = Cluster::new(1).unwrap();
        let lines: Vec<_> =
            (88..92).chain(100..104).flat_map(seeds).map(|s| line(s, &one)).collect();
        for word in ["partition", "partition 0", "heal", "heal 0"] {
            assert!(lines.iter().any(|line| line == word), "{word}");
        }
        assert!(lines.iter().all(|line| line.len() <= "partition 0".len()));
    }

    #[test]
    fn mask_reaches_the_highest_of_64_ids() {
        let most = Cluster::new(64).unwrap();
        let named = seeds(88).chain(seeds(89)).any(|seed| line(seed, &most).ends_with(" 63"));
        assert!(named);
    }

    #[test]
    fn isolated_leader_is_partitioned_again() {
        let mut cluster = cluster();
        cluster.partition(&[2]).unwrap();
        assert_eq!(cluster.reachable_leader(), None);
        assert_eq!(line(seeds(84).next().unwrap(), &cluster), "partition 2");
    }

    #[test]
    fn closing_lines_cover_every_replica() {
        let cluster = Cluster::new(2).unwrap();
        let (mut lines, mut line) = (ChaosLines::new(1, 0), String::new());
        for expected in ["replica 0", "log 0", "hash 0", "replica 1", "log 1", "hash 1"] {
            assert!(lines.next_line(&cluster, &mut line));
            assert_eq!(line, expected);
        }
        assert!(!lines.next_line(&cluster, &mut line));
        assert!(!lines.next_line(&cluster, &mut line));
    }
}
