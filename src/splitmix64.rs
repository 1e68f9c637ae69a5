//! The generator of every pseudo-random choice (definition, section 6).

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns `z` with its bits mixed, a bijection on the 64-bit integers.
#[must_use]
pub const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A splitmix64 generator. Equal seeds produce equal outputs.
///
/// ```
/// let mut draws = dkv20::SplitMix64::new(1_234_567);
/// assert_eq!(draws.next(), 6_457_827_717_110_365_317);
/// ```
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Returns the generator at `seed`, which may be any u64.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the next output.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_the_published_ones() {
        let mut draws = SplitMix64::new(1_234_567);
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!(published.map(|_| draws.next()), published);
        assert_eq!(mix(GOLDEN_GAMMA), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn the_state_wraps() {
        assert_eq!(SplitMix64::new(GOLDEN_GAMMA.wrapping_neg()).next(), mix(0));
        assert_eq!(SplitMix64::new(u64::MAX).next(), mix(GOLDEN_GAMMA - 1));
    }

    #[test]
    fn output_is_the_mix_of_the_next_state() {
        let mut draws = SplitMix64::new(7);
        for count in 1..=100_u64 {
            let state = 7_u64.wrapping_add(GOLDEN_GAMMA.wrapping_mul(count));
            assert_eq!(draws.next(), mix(state));
        }
    }
}
