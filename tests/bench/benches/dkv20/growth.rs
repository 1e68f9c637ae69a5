//! How the cost grows with n, the number both of entries in the log and of keys.

use std::cell::LazyCell;

use criterion::Criterion;
use dkv20::{Cluster, Op};

use crate::{
    MISSED, cluster_after, draw_ops, propose_all, random_order, scaled, time_heal, timed,
    timed_warm,
};

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Propose and heal: 1,000 entries, on a cluster with a log of n entries over n keys. Compact: such a
/// cluster. Dump: n keys.
pub fn growth(criterion: &mut Criterion) {
    for size in SIZES {
        let n = scaled(size);
        let cluster = LazyCell::new(|| cluster_after(&draw_ops(n, n)));
        let more = draw_ops(n, MISSED);

        let mut made = None;
        criterion.bench_function(&format!("GrowthPropose/n={size}"), |bencher| {
            let growing = made.get_or_insert_with(|| with_room(&cluster, &more));
            bencher.iter_custom(|iterations| {
                let propose = |ops: &mut _| propose_all(growing, std::mem::take(ops));
                timed(iterations, || more.clone(), propose)
            });
        });
        let mut made = None;
        criterion.bench_function(&format!("GrowthHeal/n={size}"), |bencher| {
            let growing = made.get_or_insert_with(|| with_room(&cluster, &more));
            bencher.iter_custom(|iterations| time_heal(growing, &more, iterations));
        });
        criterion.bench_function(&format!("GrowthCompact/n={size}"), |bencher| {
            bencher.iter_custom(|iterations| {
                // A copy would share the entries, so that nothing were freed.
                timed(iterations, || cluster_after(&draw_ops(n, n)), Cluster::compact)
            });
        });
        let dumped = LazyCell::new(|| random_order(n));
        criterion.bench_function(&format!("GrowthDump/n={size}"), |bencher| {
            bencher.iter_custom(|iterations| {
                timed_warm(iterations, || dumped.replicas()[0].dump_state())
            });
        });
    }
}

/// A copy of the cluster after some more proposals. The first of them doubles the capacity of the log,
/// which is not to be timed.
fn with_room(cluster: &Cluster, more: &[Op]) -> Cluster {
    let mut copy = cluster.clone();
    propose_all(&mut copy, more.to_vec());
    copy
}
