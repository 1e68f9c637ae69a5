//! Chaos: command lines made from draws (definition, section 10).

use std::fmt::Write as _;

use crate::cluster::Cluster;
use crate::protocol::{Hex, put_op};
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
        put_op(line, &op);
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

#[cfg(test)]
mod tests {
    use super::*;
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
        (0..2_000).filter(move |seed| SplitMix64::new(*seed).next_u64() >> 57 == band)
    }

    fn line(seed: u64, cluster: &Cluster) -> String {
        let mut line = "what it held before".to_owned();
        assert!(Chaos::new(seed, 1).next_line(cluster, &mut line));
        line
    }

    fn op(draws: &mut SplitMix64) -> String {
        let [r1, r2, r3] = [(); 3].map(|()| draws.next_u64());
        let key = hex::encode(format!("key-{:06}", r2 % 64));
        match r1 >> 62 {
            3 => format!("del 0x{key}"),
            _ => format!("put 0x{key} 0x{}", hex::encode((r3 % 10_000).to_le_bytes())),
        }
    }

    /// The table of section 10, for the cluster above.
    fn expected(band: u64, draws: &mut SplitMix64) -> String {
        let with_id =
            |word: &str, draws: &mut SplitMix64| format!("{word} {}", draws.next_u64() % 5);
        let with_mask = |word: &str, draws: &mut SplitMix64| {
            let mask = draws.next_u64();
            let ids: Vec<_> = (0..5).filter(|id| mask & (1 << id) != 0).collect();
            ids.into_iter().fold(word.to_owned(), |line, id| format!("{line} {id}"))
        };
        match band {
            0..=55 => op(draws),
            56..=71 => format!("at {} {}", [0, 2][(draws.next_u64() % 2) as usize], op(draws)),
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
                let key = format!("key-{:06}", draws.next_u64() % 64);
                format!("{id} 0x{}", hex::encode(key))
            }
            116..=120 => with_id("hash", draws),
            121..=123 => with_id("log", draws),
            124..=126 => with_id("replica", draws),
            _ => "status".into(),
        }
    }

    #[test]
    fn each_band_has_its_line() {
        let cluster = cluster();
        for band in 0..128 {
            assert!(seeds(band).count() >= 2, "band {band}");
            for seed in seeds(band) {
                let mut draws = SplitMix64::new(seed);
                draws.next_u64();
                assert_eq!(line(seed, &cluster), expected(band, &mut draws), "seed {seed}");
            }
        }
    }

    #[test]
    fn the_next_step_goes_on_where_the_draws_left_off() {
        let cluster = cluster();
        for seed in 0..50 {
            let (mut chaos, mut draws) = (Chaos::new(seed, 20), SplitMix64::new(seed));
            let mut line = String::new();
            for _ in 0..20 {
                assert!(chaos.next_line(&cluster, &mut line));
                let band = draws.next_u64() >> 57;
                assert_eq!(line, expected(band, &mut draws));
            }
        }
    }

    #[test]
    fn an_empty_mask_leaves_the_bare_word() {
        let one = Cluster::new(1).unwrap();
        let lines: Vec<_> =
            (88..92).chain(100..104).flat_map(seeds).map(|s| line(s, &one)).collect();
        for word in ["partition", "partition 0", "heal", "heal 0"] {
            assert!(lines.iter().any(|line| line == word), "{word}");
        }
        assert!(lines.iter().all(|line| line.len() <= "partition 0".len()));
    }

    #[test]
    fn a_mask_names_the_highest_of_64_ids() {
        let most = Cluster::new(64).unwrap();
        let named = seeds(88).chain(seeds(89)).any(|seed| line(seed, &most).ends_with(" 63"));
        assert!(named);
    }

    #[test]
    fn an_isolated_current_leader_is_partitioned_again() {
        let mut cluster = cluster();
        cluster.partition(&[2]).unwrap();
        assert_eq!(cluster.reachable_leader(), None);
        assert_eq!(line(seeds(84).next().unwrap(), &cluster), "partition 2");
    }

    #[test]
    fn every_replica_is_looked_at_in_the_end() {
        let cluster = Cluster::new(2).unwrap();
        let (mut chaos, mut line) = (Chaos::new(1, 0), String::new());
        for expected in ["replica 0", "log 0", "hash 0", "replica 1", "log 1", "hash 1"] {
            assert!(chaos.next_line(&cluster, &mut line));
            assert_eq!(line, expected);
        }
        assert!(!chaos.next_line(&cluster, &mut line));
        assert!(!chaos.next_line(&cluster, &mut line));
    }
}
