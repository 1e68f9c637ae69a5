//! How fast the library is, compared with the same ops applied to plain maps, with the `raft` crate and
//! with memcpy.
//!
//! A sample is a whole workload; its input is made outside the timed part, and only if the filter
//! selects the benchmark. Go and C++ have benchmarks of the same names. `scripts/bench.sh` takes one
//! sample of each in turn, several times. `DKV20_BENCH_SCALE=N` divides the numbers of ops, entries and
//! keys by N (not those in the names), to see that everything works.

mod floor;
mod growth;
mod peer;

use std::cell::LazyCell;
use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dkv20::{ByteString, Cluster, Op, Session, SplitMix64, decode_key, draw_op};

const REPLICA_COUNT: u64 = 5;
const SEED: u64 = 1;
const OPS: u64 = 1_000_000;
/// Entries that a replica misses before it is healed, and ops that are applied to one map.
const MISSED: u64 = 1_000;
/// Two sizes of the key space.
const KEY_SPACES: [u64; 2] = [10_000, 1_000_000];

/// Ops in a proposal of the peer, and the divisor of the workload: with one op a proposal a tenth of it
/// has to do.
const PEER_BATCHES: [(usize, usize); 2] = [(1, 10), (64, 1)];

/// `number` divided by `DKV20_BENCH_SCALE`, at least 1.
fn scaled(number: u64) -> u64 {
    let divisor = env::var("DKV20_BENCH_SCALE").map_or(1, |n| n.parse().expect("a number"));
    (number / divisor).max(1)
}

/// The ops of a workload.
fn draw_ops(keys: u64, count: u64) -> Vec<Op> {
    let mut draws = SplitMix64::new(SEED);
    (0..count).map(|_| draw_op(&mut draws, keys).expect("a key space within its limits")).collect()
}

/// Five replicas to which the ops have been proposed.
fn cluster_after(ops: &[Op]) -> Cluster {
    let mut cluster = Cluster::new(REPLICA_COUNT).expect("1 to 64 replicas");
    propose_all(&mut cluster, ops.to_vec());
    cluster
}

fn propose_all(cluster: &mut Cluster, ops: Vec<Op>) {
    for op in ops {
        cluster.propose(op).expect("the leader is reachable");
    }
}

/// Runs `routine` on the result of `setup`, `iterations` times; returns the time of the routine alone.
fn timed<T, R>(
    iterations: u64,
    mut setup: impl FnMut() -> T,
    mut routine: impl FnMut(&mut T) -> R,
) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..iterations {
        let mut state = setup();
        let start = Instant::now();
        let result = black_box(routine(&mut state));
        total += start.elapsed();
        drop(result);
    }
    total
}

/// Times `make` with warm memory: two untimed runs leave freed memory, which each timed run reuses.
fn timed_warm(iterations: u64, mut make: impl FnMut() -> Vec<u8>) -> Duration {
    black_box((make(), make()));
    timed(iterations, || (), |()| make())
}

fn propose(criterion: &mut Criterion) {
    for keys in KEY_SPACES {
        let ops = LazyCell::new(|| draw_ops(keys, scaled(OPS)));
        criterion.bench_function(&format!("Propose/keys={keys}"), |bencher| {
            bencher.iter_custom(|iterations| {
                let setup = || (cluster_after(&[]), ops.clone());
                timed(iterations, setup, |(cluster, ops)| propose_all(cluster, std::mem::take(ops)))
            });
        });
        criterion.bench_function(&format!("Floor/keys={keys}"), |bencher| {
            bencher.iter_custom(|iterations| {
                let setup = || vec![floor::PlainMap::new(); index(REPLICA_COUNT)];
                timed(iterations, setup, |maps| floor::apply_all(maps, &ops))
            });
        });
        for (batch, part) in PEER_BATCHES {
            criterion.bench_function(&format!("Peer/keys={keys}/batch={batch}"), |bencher| {
                let ops = &ops[..(ops.len() / part).max(1)];
                let proposals: Vec<_> = ops.chunks(batch).map(peer::encode).collect();
                bencher.iter_custom(|iterations| {
                    let setup = || (peer::Group::new(), proposals.clone());
                    timed(iterations, setup, |(group, proposals)| {
                        group.propose_all(std::mem::take(proposals));
                    })
                });
            });
        }
    }
}

/// One replica with `count` keys that were put in random order, each with a value of 8 bytes.
fn random_order(count: u64) -> Cluster {
    let mut numbers: Vec<_> = (0..count).collect();
    let mut draws = SplitMix64::new(SEED);
    for i in (1..count).rev() {
        numbers.swap(index(i), index(draws.next() % (i + 1)));
    }
    let key = |number| decode_key(number, dkv20::KEYS_MAX).expect("a key space within its limits");
    let mut cluster = Cluster::new(1).expect("1 to 64 replicas");
    propose_all(
        &mut cluster,
        numbers.into_iter().map(|n| Op::put(key(n), &n.to_le_bytes())).collect(),
    );
    cluster
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index of a vector that is there")
}

fn dump(criterion: &mut Criterion) {
    let cluster = LazyCell::new(|| random_order(scaled(1_000_000)));
    criterion.bench_function("Dump/keys=1000000", |bencher| {
        let replica = &cluster.replicas()[0];
        bencher.iter_custom(|iterations| timed_warm(iterations, || replica.dump_state()));
    });
    let bytes = LazyCell::new(|| cluster.replicas()[0].dump_state());
    criterion.bench_function("Memcpy/keys=1000000", |bencher| {
        bencher.iter_custom(|iterations| timed_warm(iterations, || bytes.to_vec()));
    });
}

/// Few keys with long values, so that the time is that of the hash itself.
fn hash(criterion: &mut Criterion) {
    let (count, value) = (scaled(4_096), vec![0x5a; 1 << 14]);
    let cluster = LazyCell::new(|| {
        let value = ByteString::from(value.as_slice());
        let mut cluster = Cluster::new(1).expect("1 to 64 replicas");
        let ops = (0..count).map(|n| Op::put(&n.to_le_bytes(), value.clone())).collect();
        propose_all(&mut cluster, ops);
        cluster
    });
    let mut group = criterion.benchmark_group("Hash");
    group.throughput(Throughput::Bytes(count * value.len() as u64));
    group.bench_function("stream", |bencher| {
        let replica = &cluster.replicas()[0];
        bencher.iter(|| replica.snapshot_hash());
    });
}

/// Times the heal of the last replica after it has missed some entries. Each iteration makes the log
/// longer by as many.
fn time_heal(cluster: &mut Cluster, missed: &[Op], iterations: u64) -> Duration {
    let last_id = cluster.size() - 1;
    let mut total = Duration::ZERO;
    for _ in 0..iterations {
        cluster.partition(&[last_id]).expect("a replica of this cluster");
        propose_all(cluster, missed.to_vec());
        let start = Instant::now();
        cluster.heal();
        total += start.elapsed();
    }
    total
}

/// Five replicas after a whole workload, compacted to a log of its last `length` entries: the maps are
/// the same for every length.
fn cluster_with_log(length: u64) -> Cluster {
    let ops = draw_ops(KEY_SPACES[0], scaled(OPS));
    let (before, last) = ops.split_at(ops.len() - index(length));
    let mut cluster = cluster_after(before);
    cluster.compact();
    propose_all(&mut cluster, last.to_vec());
    cluster
}

fn heal(criterion: &mut Criterion) {
    let missed = draw_ops(KEY_SPACES[0], MISSED);
    for length in [10_000, 1_000_000] {
        let mut made = None;
        criterion.bench_function(&format!("Heal/log={length}"), |bencher| {
            let set_up = || cluster_with_log(scaled(length));
            let cluster = made.get_or_insert_with(set_up);
            bencher.iter_custom(|iterations| time_heal(cluster, &missed, iterations));
        });
    }
    let mut maps = [floor::PlainMap::new()];
    criterion.bench_function(&format!("Apply/ops={MISSED}"), |bencher| {
        if maps[0].is_empty() {
            floor::apply_all(&mut maps, &draw_ops(KEY_SPACES[0], scaled(OPS)));
        }
        bencher.iter(|| floor::apply_all(&mut maps, &missed));
    });
}

fn chaos(criterion: &mut Criterion) {
    let line = format!("chaos {SEED} {}", scaled(1_000_000));
    criterion.bench_function("Chaos/steps=1000000", |bencher| {
        bencher.iter_custom(|iterations| {
            let setup = || {
                let mut session = Session::new();
                session.run_line(format!("new {REPLICA_COUNT}").as_bytes(), &mut String::new());
                session
            };
            timed(iterations, setup, |session| {
                session.run_line(line.as_bytes(), &mut String::new())
            })
        });
    });
}

criterion_group!(benches, propose, dump, hash, heal, chaos, growth::growth);
criterion_main!(benches);
