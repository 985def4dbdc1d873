//! Random draws whose outcome is fixed for ever for a given seed: no library distribution, whose
//! next version may draw otherwise.

use std::ops::Range;

use musicrec_api::{derive_seed, rng};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A stream of random draws.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of one part of the work; other parts do not shift it.
    pub(super) fn new(seed: u64, part: &str) -> Self {
        Self(rng(derive_seed(seed, part)))
    }

    /// From 0 to 1, 1 excluded.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `n`, or 0 if there is none.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Whether an event of the given odds happens.
    pub(super) fn hit(&mut self, odds: Odds) -> bool {
        u64::from(self.0.next_u32()) < odds.0
    }

    /// Which of the mutually exclusive cases with these odds, if any, happens.
    pub(super) fn one_of(&mut self, cases: &[Odds]) -> Option<usize> {
        let draw = u64::from(self.0.next_u32());
        let mut limit = 0;
        cases.iter().position(|odds| {
            limit += odds.0;
            draw < limit
        })
    }

    /// A case by its weight.
    pub(super) fn weighted<const N: usize>(&mut self, cases: &[Odds; N]) -> usize {
        self.one_of(cases).unwrap_or(N - 1)
    }

    /// About normal with mean 0 and standard deviation 1, never beyond 3.47: the sum of four
    /// uniform numbers, which needs neither a logarithm nor a second draw.
    pub(super) fn normal(&mut self) -> f64 {
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f64 - 131_070.0) / 37_837.2
    }

    /// Puts values in a random order.
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

/// A probability in units of 2^-32, so that a test costs one draw and one comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odds(u64);

impl Odds {
    /// Rounds a probability, which is cut at 1.
    pub(super) fn new(probability: f64) -> Self {
        Self((probability.clamp(0.0, 1.0) * (1u64 << 32) as f64).round() as u64)
    }

    /// The odds of several cases.
    pub(super) fn all<const N: usize>(probabilities: [f64; N]) -> [Self; N] {
        probabilities.map(Self::new)
    }
}

/// Draws an index with probability proportional to its weight within a range, in constant time
/// (Walker's alias method as Vose puts it); one table serves many ranges that do not overlap.
pub(super) struct Alias {
    keep: Vec<u32>,
    other: Vec<u32>,
}

impl Alias {
    /// A table over `weights`, cut into the ranges given, each of which is drawn from by itself.
    pub(super) fn new(weights: &[f64], ranges: impl IntoIterator<Item = Range<u32>>) -> Self {
        let mut alias = Self {
            keep: vec![u32::MAX; weights.len()],
            other: (0..weights.len() as u32).collect(),
        };
        for range in ranges {
            alias.fill(weights, range);
        }
        alias
    }

    fn fill(&mut self, weights: &[f64], range: Range<u32>) {
        let total: f64 = range.clone().map(|i| weights[i as usize]).sum();
        let scale = range.len() as f64 / total;
        let mut height: Vec<f64> = range.clone().map(|i| weights[i as usize] * scale).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..range.len() as u32).partition(|&i| height[i as usize] < 1.0);
        while let (Some(low), Some(&high)) = (small.pop(), large.last()) {
            let at = (range.start + low) as usize;
            self.keep[at] = (height[low as usize] * f64::from(u32::MAX)) as u32;
            self.other[at] = range.start + high;
            height[high as usize] -= 1.0 - height[low as usize];
            if height[high as usize] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
    }

    /// An index of the range, which must be one of those the table was made for.
    pub(super) fn pick(&self, dice: &mut Dice, range: &Range<u32>) -> u32 {
        let bits = dice.0.next_u64();
        let at = range.start + (((bits >> 32) * u64::from(range.end - range.start)) >> 32) as u32;
        if bits as u32 <= self.keep[at as usize] {
            at
        } else {
            self.other[at as usize]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alias, Dice, Odds};

    #[test]
    fn an_alias_table_draws_by_weight_within_each_range() {
        let alias = Alias::new(&[1.0, 3.0, 6.0, 5.0, 5.0], [0..3, 3..5]);
        let mut dice = Dice::new(1, "alias");
        let mut seen = [0u32; 5];
        for _ in 0..100_000 {
            seen[alias.pick(&mut dice, &(0..3)) as usize] += 1;
            seen[alias.pick(&mut dice, &(3..5)) as usize] += 1;
        }
        for (count, expected) in seen.into_iter().zip([1e4, 3e4, 6e4, 5e4, 5e4]) {
            assert!((f64::from(count) - expected).abs() < 800.0, "{seen:?}");
        }
    }

    #[test]
    fn odds_of_none_never_hit_and_odds_of_one_always_do() {
        let mut dice = Dice::new(2, "odds");
        for _ in 0..1_000 {
            assert!(!dice.hit(Odds::new(0.0)) && dice.hit(Odds::new(1.0)));
            assert_eq!(dice.one_of(&Odds::all([0.0, 1.0])), Some(1));
            assert!(dice.below(7) < 7 && dice.unit() < 1.0);
        }
    }

    #[test]
    fn normal_draws_have_mean_zero_and_deviation_one() {
        let mut dice = Dice::new(3, "normal");
        let draws: Vec<f64> = (0..100_000).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|z| z * z).sum::<f64>() / 1e5;
        assert!(
            mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
    }
}
