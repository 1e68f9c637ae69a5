//! Ops made from draws (definition, section 7).

use crate::byte_string::ByteString;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::op::Op;
use crate::splitmix64::SplitMix64;

/// The size of the largest key space.
pub const KEYS_MAX: u64 = 1_000_000;
/// The most ops of a workload that is asked for over the port protocol (section 8).
pub const WORKLOAD_COUNT_MAX: u64 = 10_000_000;

/// The op that three draws stand for, over a key space of `keys` keys.
///
/// The two highest bits of `r1` say what it is, `r2` mod `keys` is the key's number and `r3` mod
/// 10,000 the value. Error `key-space` unless `keys` is 1 to 1,000,000.
pub fn decode_op(r1: u64, r2: u64, r3: u64, keys: u64) -> Result<Op, ErrorCode> {
    let key = decode_key(r2, keys)?;
    Ok(match r1 >> 62 {
        3 => Op::Del { key },
        _ => Op::put(key, &(r3 % 10_000).to_le_bytes()),
    })
}

/// The key that a draw stands for: `key-` and `r2` mod `keys` in six decimal digits, 10 bytes.
///
/// Error `key-space` unless `keys` is 1 to 1,000,000.
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

/// The next op of a workload: three draws, whatever the op is. Error as in [`decode_op`].
pub fn draw_op(draws: &mut SplitMix64, keys: u64) -> Result<Op, ErrorCode> {
    let (r1, r2, r3) = (draws.next_u64(), draws.next_u64(), draws.next_u64());
    decode_op(r1, r2, r3, keys)
}

/// How many of a workload's proposals had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Committed at once.
    pub committed: u64,
    /// Appended, but not committed at once.
    pub pending: u64,
    /// Answered with an error.
    pub refused: u64,
}

/// Proposes `count` ops drawn from a generator at `seed`, one by one, whatever becomes of each.
///
/// Error `key-space` unless `keys` is 1 to 1,000,000; nothing is proposed then.
pub fn workload(
    cluster: &mut Cluster,
    seed: u64,
    keys: u64,
    count: u64,
) -> Result<Tally, ErrorCode> {
    check_keys(keys)?;
    let mut draws = SplitMix64::new(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        match cluster.propose(draw_op(&mut draws, keys)?) {
            Ok(outcome) if outcome.committed => tally.committed += 1,
            Ok(_) => tally.pending += 1,
            Err(_) => tally.refused += 1,
        }
    }
    Ok(tally)
}

/// Checks that a key space has 1 to 1,000,000 keys: `key-space`.
pub(crate) fn check_keys(keys: u64) -> Result<(), ErrorCode> {
    match keys {
        1..=KEYS_MAX => Ok(()),
        _ => Err(ErrorCode::KeySpace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_highest_bits_say_what_it_is() {
        let is_del = |r1| matches!(decode_op(r1, 0, 0, 1), Ok(Op::Del { .. }));
        for (r1, del) in [(0, false), (1 << 62, false), (1 << 63, false), (3 << 62, true)] {
            assert_eq!(is_del(r1), del, "{r1:#x}");
            assert_eq!(is_del(r1 | ((1 << 62) - 1)), del, "{r1:#x} and low bits");
        }
    }

    #[test]
    fn a_key_has_six_digits() {
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
    fn a_value_is_r3_mod_10000_in_eight_bytes() {
        let value = |r3| match decode_op(0, 0, r3, 1) {
            Ok(Op::Put { value, .. }) => <[u8; 8]>::try_from(value.as_slice()).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value(9_999), [0x0f, 0x27, 0, 0, 0, 0, 0, 0]);
        assert_eq!(value(10_000), [0; 8]);
        assert_eq!(value(u64::MAX), 1_615_u64.to_le_bytes());
    }

    #[test]
    fn a_key_space_has_1_to_1000000_keys() {
        let mut cluster = Cluster::new(1).unwrap();
        for keys in [0, KEYS_MAX + 1, u64::MAX] {
            assert_eq!(decode_key(0, keys), Err(ErrorCode::KeySpace));
            assert_eq!(workload(&mut cluster, 0, keys, 0), Err(ErrorCode::KeySpace));
            assert_eq!(draw_op(&mut SplitMix64::new(0), keys), Err(ErrorCode::KeySpace));
        }
        assert!(workload(&mut cluster, 0, 1, 1).is_ok());
        assert!(workload(&mut cluster, 0, KEYS_MAX, 1).is_ok());
    }

    #[test]
    fn a_del_takes_three_draws_too() {
        let mut draws = SplitMix64::new(3);
        let mut plain = SplitMix64::new(3);
        for _ in 0..100 {
            let [r1, r2, r3] = [(); 3].map(|()| plain.next_u64());
            assert_eq!(draw_op(&mut draws, 64), decode_op(r1, r2, r3, 64));
        }
    }

    #[test]
    fn outcomes_are_tallied() {
        let run = |isolated: &[usize]| {
            let mut cluster = Cluster::new(3).unwrap();
            cluster.partition(isolated).unwrap();
            workload(&mut cluster, 1, 10, 7).unwrap()
        };
        assert_eq!(run(&[]), Tally { committed: 7, ..Tally::default() });
        assert_eq!(run(&[1, 2]), Tally { pending: 7, ..Tally::default() });
        assert_eq!(run(&[0, 1]), Tally { refused: 7, ..Tally::default() });
    }
}
