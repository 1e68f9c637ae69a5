//! Ops decoded from draws, and the workload that proposes them (definition, section 7).

use crate::backend::Backend;
use crate::byte_string::ByteString;
use crate::error::ErrorCode;
use crate::op::Op;
use crate::splitmix64::SplitMix64;

/// The greatest number of keys in a workload's key space; the least is 1.
pub const KEYS_MAX: u64 = 1_000_000;
/// The greatest number of ops in a workload; the least is 0.
pub const WORKLOAD_COUNT_MAX: u64 = 10_000_000;

/// Returns the op that three draws stand for: Del if the two highest bits of `r1` are both set,
/// otherwise Put, of the key [`decode_key`]`(r2, keys)` and the value `r3` mod 10,000 as u64.
///
/// # Errors
///
/// [`KeySpace`](ErrorCode::KeySpace) unless `keys` is 1 to [`KEYS_MAX`].
pub fn decode_op(r1: u64, r2: u64, r3: u64, keys: u64) -> Result<Op, ErrorCode> {
    let key = decode_key(r2, keys)?;
    Ok(match r1 >> 62 {
        3 => Op::Del { key },
        _ => Op::put(key, &(r3 % 10_000).to_le_bytes()),
    })
}

/// Returns the key that a draw stands for: `key-` and `r2` mod `keys` in six decimal digits, 10
/// ASCII bytes.
///
/// # Errors
///
/// [`KeySpace`](ErrorCode::KeySpace) unless `keys` is 1 to [`KEYS_MAX`].
pub fn decode_key(r2: u64, keys: u64) -> Result<ByteString, ErrorCode> {
    check_keys(keys)?;
    let mut key = *b"key-000000";
    let mut number = r2 % keys;
    for digit in key[4..].iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    Ok(ByteString::from(&key))
}

/// Takes three draws, whatever the op, and decodes them as [`decode_op`] does.
///
/// # Errors
///
/// [`KeySpace`](ErrorCode::KeySpace) unless `keys` is 1 to [`KEYS_MAX`].
pub fn draw_op(draws: &mut SplitMix64, keys: u64) -> Result<Op, ErrorCode> {
    let (r1, r2, r3) = (draws.next(), draws.next(), draws.next());
    decode_op(r1, r2, r3, keys)
}

/// The number of a workload's proposals by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkloadCounts {
    /// Proposals that committed at once.
    pub committed: u64,
    /// Proposals that were appended and did not commit at once.
    pub pending: u64,
    /// Proposals that returned an error.
    pub refused: u64,
}

/// Proposes `count` ops decoded from a generator at `seed`, one by one, whatever the outcome of each.
///
/// ```
/// let mut cluster = dkv20::Cluster::new(3)?;
/// let counts = dkv20::run_workload(&mut cluster, 1, 100, 50)?;
/// assert_eq!((counts.committed, counts.pending, counts.refused), (50, 0, 0));
/// # Ok::<(), dkv20::ErrorCode>(())
/// ```
///
/// # Errors
///
/// [`KeySpace`](ErrorCode::KeySpace) unless `keys` is 1 to [`KEYS_MAX`]; then
/// [`Count`](ErrorCode::Count) if `count` is above [`WORKLOAD_COUNT_MAX`]. Nothing is proposed then.
pub fn run_workload(
    cluster: &mut impl Backend,
    seed: u64,
    keys: u64,
    count: u64,
) -> Result<WorkloadCounts, ErrorCode> {
    check_keys(keys)?;
    if count > WORKLOAD_COUNT_MAX {
        return Err(ErrorCode::Count);
    }
    let mut draws = SplitMix64::new(seed);
    let mut counts = WorkloadCounts::default();
    for _ in 0..count {
        match cluster.propose(draw_op(&mut draws, keys)?) {
            Ok(outcome) if outcome.committed => counts.committed += 1,
            Ok(_) => counts.pending += 1,
            Err(_) => counts.refused += 1,
        }
    }
    Ok(counts)
}

fn check_keys(keys: u64) -> Result<(), ErrorCode> {
    if (1..=KEYS_MAX).contains(&keys) { Ok(()) } else { Err(ErrorCode::KeySpace) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;

    #[test]
    fn highest_bits_decide_the_op() {
        let is_del = |r1| matches!(decode_op(r1, 0, 0, 1), Ok(Op::Del { .. }));
        for (r1, del) in [(0, false), (1 << 62, false), (1 << 63, false), (3 << 62, true)] {
            assert_eq!(is_del(r1), del, "{r1:#x}");
            assert_eq!(is_del(r1 | ((1 << 62) - 1)), del, "{r1:#x} and low bits");
        }
    }

    #[test]
    fn key_has_six_digits() {
        for (r2, keys, key) in [
            (0, 1, b"key-000000"),
            (1_000_000, KEYS_MAX, b"key-000000"),
            (123_456, KEYS_MAX, b"key-123456"),
            (64, 64, b"key-000000"),
            (63, 64, b"key-000063"),
        ] {
            assert_eq!(decode_key(r2, keys).as_deref(), Ok(key.as_slice()));
        }
    }

    #[test]
    fn value_is_r3_mod_10000_as_u64() {
        let value = |r3| match decode_op(0, 0, r3, 1) {
            Ok(Op::Put { value, .. }) => <[u8; 8]>::try_from(value.as_slice()).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value(9_999), [0x0f, 0x27, 0, 0, 0, 0, 0, 0]);
        assert_eq!(value(10_000), [0; 8]);
        assert_eq!(value(u64::MAX), 1_615_u64.to_le_bytes());
    }

    #[test]
    fn key_space_and_count_are_checked_in_this_order() {
        let mut cluster = Cluster::new(1).unwrap();
        for keys in [0, KEYS_MAX + 1, u64::MAX] {
            assert_eq!(decode_key(0, keys), Err(ErrorCode::KeySpace));
            let too_many = WORKLOAD_COUNT_MAX + 1;
            assert_eq!(run_workload(&mut cluster, 0, keys, too_many), Err(ErrorCode::KeySpace));
            assert_eq!(draw_op(&mut SplitMix64::new(0), keys), Err(ErrorCode::KeySpace));
        }
        let counts = run_workload(&mut cluster, 0, 1, WORKLOAD_COUNT_MAX + 1);
        assert_eq!(counts, Err(ErrorCode::Count));
        assert!(run_workload(&mut cluster, 0, 1, 1).is_ok());
        assert!(run_workload(&mut cluster, 0, KEYS_MAX, 1).is_ok());
    }

    #[test]
    fn del_takes_three_draws() {
        let mut draws = SplitMix64::new(3);
        let mut plain = SplitMix64::new(3);
        for _ in 0..100 {
            let [r1, r2, r3] = [(); 3].map(|()| plain.next());
            assert_eq!(draw_op(&mut draws, 64), decode_op(r1, r2, r3, 64));
        }
    }

    #[test]
    fn outcomes_are_tallied() {
        let run = |isolated: &[u64]| {
            let mut cluster = Cluster::new(3).unwrap();
            cluster.partition(isolated).unwrap();
            run_workload(&mut cluster, 1, 10, 7).unwrap()
        };
        assert_eq!(run(&[]), WorkloadCounts { committed: 7, ..WorkloadCounts::default() });
        assert_eq!(run(&[1, 2]), WorkloadCounts { pending: 7, ..WorkloadCounts::default() });
        assert_eq!(run(&[0, 1]), WorkloadCounts { refused: 7, ..WorkloadCounts::default() });
    }
}
