//! What the metrics share: counting hits, and what a random list is expected to hold.

use musicrec_api::{ChanceView, UserView};

/// Who enters the mean of every metric of this crate.
pub(crate) const AVERAGED_OVER: &str = "users with at least one target; a user with an empty list \
                                        counts as 0";

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

/// What a hit at each rank is worth, `1 / log2(rank + 1)`, and sums of it from rank 1 on.
#[derive(Debug)]
pub(crate) struct Discounts {
    of_rank: Vec<f64>,
    sums: Vec<f64>,
}

impl Discounts {
    /// Ranks kept ready; deeper ones are computed when they are needed, so that a depth of a billion
    /// costs no memory.
    const READY: usize = 1024;

    /// Discounts for lists of depth `k`.
    pub(crate) fn new(k: usize) -> Self {
        let of_rank: Vec<f64> = (0..k.min(Self::READY)).map(discount).collect();
        let sums = of_rank
            .iter()
            .scan(0.0, |sum, discount| {
                *sum += discount;
                Some(*sum)
            })
            .collect();
        Self { of_rank, sums }
    }

    /// The discount at a rank counted from 0.
    pub(crate) fn at(&self, rank: usize) -> f64 {
        self.of_rank
            .get(rank)
            .copied()
            .unwrap_or_else(|| discount(rank))
    }

    /// The sum over the first `n` ranks, added up from rank 1 on.
    pub(crate) fn sum(&self, n: usize) -> f64 {
        let ready = n.min(self.sums.len());
        let start = ready.checked_sub(1).map_or(0.0, |last| self.sums[last]);
        (ready..n).fold(start, |sum, rank| sum + discount(rank))
    }
}

fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

#[cfg(test)]
mod tests {
    use super::Discounts;

    #[test]
    fn discounts_are_the_known_ones_at_any_depth() {
        let discounts = Discounts::new(3);
        assert_eq!(discounts.at(0), 1.0);
        assert!((discounts.at(1) - 0.630_929_753_6).abs() < 1e-10);
        assert_eq!(discounts.at(2), 0.5);
        assert_eq!(discounts.sum(0), 0.0);
        assert!((discounts.sum(3) - 2.130_929_753_6).abs() < 1e-10);
        let deep = Discounts::new(usize::MAX);
        assert_eq!(deep.sum(3), discounts.sum(3));
        assert_eq!(deep.at(2000), 1.0 / 2002f64.log2());
        // Beyond what is kept ready, and bit for bit the plain loop.
        let mut plain = 0.0;
        for rank in 1..=3000 {
            plain += 1.0 / (f64::from(rank) + 1.0).log2();
        }
        assert_eq!(deep.sum(3000), plain);
    }
}
