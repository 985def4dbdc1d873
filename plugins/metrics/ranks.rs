//! What the metrics share: counting hits, and what a random list is expected to hold.

use std::num::NonZeroUsize;

use musicrec_api::arithmetic::log2;
use musicrec_api::{ChanceView, UserView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The depth of every metric that is not told one.
pub(crate) fn three() -> NonZeroUsize {
    NonZeroUsize::new(3).expect("3 is not 0")
}

/// Who enters the mean of every metric of this crate that has one.
pub(crate) const AVERAGED_OVER: &str = "users with at least one target; a user with an empty list \
                                        counts as 0";

/// What a metric of all lists together is over.
pub(crate) const POOLED: &str = "all users with at least one target together: one number, without an \
                                 interval";

/// A sum over users divided by another, 0 if that is 0.
pub(crate) fn ratio(
    users: &[UserView],
    above: impl Fn(&UserView) -> f64,
    below: impl Fn(&UserView) -> f64,
) -> f64 {
    let below: f64 = users.iter().map(below).sum();
    if below == 0.0 {
        return 0.0;
    }
    users.iter().map(above).sum::<f64>() / below
}

/// Whether each of the first `k` listed items is a target, best rank first.
pub(crate) fn hits(view: &UserView, k: usize) -> impl Iterator<Item = bool> {
    view.gains.iter().take(k).map(|&gain| gain > 0.0)
}

/// How many of the first `k` listed items are targets.
pub(crate) fn count_hits(view: &UserView, k: usize) -> f64 {
    hits(view, k).filter(|&hit| hit).count() as f64
}

/// The chance of a hit at any one rank of a random ranking: every rank holds every candidate
/// equally often. 0 if there is nothing to list.
pub(crate) fn hit_chance(view: &ChanceView) -> f64 {
    if view.candidates == 0 {
        return 0.0;
    }
    view.reachable.len() as f64 / view.candidates as f64
}

/// Expected hits of a random list of depth `k`, which is shorter where candidates are fewer.
pub(crate) fn expected_hits(view: &ChanceView, k: usize) -> f64 {
    k.min(view.candidates) as f64 * hit_chance(view)
}

/// The probability that a random list of depth `k` holds no target: drawn without putting back.
pub(crate) fn no_hit_chance(view: &ChanceView, k: usize) -> f64 {
    let misses = view.candidates - view.reachable.len();
    (0..k.min(view.candidates))
        .map(|place| misses.saturating_sub(place) as f64 / (view.candidates - place) as f64)
        .product()
}

/// How a hit counts the less, the later it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Discount {
    /// `1 / log2(rank + 1)`: 1, .63, .5, … Nearly everybody's.
    #[default]
    Log2RankPlus1,
    /// `1 / max(1, log2(rank))`: 1, 1, .63, … Of Järvelin and Kekäläinen (2002).
    Log2Rank,
}

impl Discount {
    fn at(self, rank: usize) -> f64 {
        match self {
            Self::Log2RankPlus1 => 1.0 / log2(rank as f64 + 2.0),
            Self::Log2Rank => 1.0 / log2(rank as f64 + 1.0).max(1.0),
        }
    }

    /// What tells it apart in a label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Log2RankPlus1 => "",
            Self::Log2Rank => "_log2_rank",
        }
    }

    /// Its formula.
    pub(crate) fn formula(self) -> &'static str {
        match self {
            Self::Log2RankPlus1 => "1/log2(rank+1)",
            Self::Log2Rank => "1/max(1, log2(rank))",
        }
    }
}

/// What a hit at each rank is worth, and sums of it from rank 1 on.
#[derive(Debug)]
pub(crate) struct Discounts {
    of: Discount,
    of_rank: Vec<f64>,
    sums: Vec<f64>,
}

impl Discounts {
    /// Ranks kept ready; deeper ones are computed when they are needed, so that a depth of a billion
    /// costs no memory.
    const READY: usize = 1024;

    /// Discounts for lists of depth `k`.
    pub(crate) fn new(of: Discount, k: usize) -> Self {
        let of_rank: Vec<f64> = (0..k.min(Self::READY)).map(|rank| of.at(rank)).collect();
        let sums = of_rank
            .iter()
            .scan(0.0, |sum, discount| {
                *sum += discount;
                Some(*sum)
            })
            .collect();
        Self { of, of_rank, sums }
    }

    /// The discount at a rank counted from 0.
    pub(crate) fn at(&self, rank: usize) -> f64 {
        self.of_rank
            .get(rank)
            .copied()
            .unwrap_or_else(|| self.of.at(rank))
    }

    /// The sum over the first `n` ranks, added up from rank 1 on.
    pub(crate) fn sum(&self, n: usize) -> f64 {
        let ready = n.min(self.sums.len());
        let start = ready.checked_sub(1).map_or(0.0, |last| self.sums[last]);
        (ready..n).fold(start, |sum, rank| sum + self.of.at(rank))
    }
}

#[cfg(test)]
mod tests {
    use super::{Discount, Discounts};

    #[test]
    fn discounts_are_the_known_ones_at_any_depth() {
        let discounts = Discounts::new(Discount::default(), 3);
        assert_eq!(discounts.at(0), 1.0);
        assert!((discounts.at(1) - 0.630_929_753_6).abs() < 1e-10);
        assert_eq!(discounts.at(2), 0.5);
        assert_eq!(discounts.sum(0), 0.0);
        assert!((discounts.sum(3) - 2.130_929_753_6).abs() < 1e-10);
        let deep = Discounts::new(Discount::default(), usize::MAX);
        assert_eq!(deep.sum(3), discounts.sum(3));
        assert_eq!(deep.at(2000), 1.0 / 2002f64.log2());
        let other = Discounts::new(Discount::Log2Rank, 3);
        assert_eq!([other.at(0), other.at(1), other.sum(2)], [1.0, 1.0, 2.0]);
        assert!((other.at(2) - 0.630_929_753_6).abs() < 1e-10);
        // Beyond what is kept ready, and bit for bit the plain loop.
        let mut plain = 0.0;
        for rank in 1..=3000 {
            plain += 1.0 / (f64::from(rank) + 1.0).log2();
        }
        assert_eq!(deep.sum(3000), plain);
    }
}
