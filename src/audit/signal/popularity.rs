//! Are some items more popular than others, or is all difference chance?

use musicrec_api::arithmetic::{exp, exp_m1, ln, powf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Pairs;
use super::chance::normal_tail;

/// How the users of items differ from what they were if all items were alike.
///
/// If every item is as likely as any other, the users of an item that has one are counted by a
/// Poisson distribution without its zero (an item that nobody chose is not in the log); its rate
/// follows from the mean. The sum of squares about the mean is compared with what this distribution
/// gives, given the mean, with the variance by the delta method and by the cube root of Wilson and
/// Hilferty (1931), since such sums are skewed. That no user has an item twice lessens the variance
/// that is expected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Popularity {
    /// Items with a user.
    pub(crate) items: u64,
    /// Mean number of users of an item.
    pub(crate) mean: f64,
    /// Variance of users of an item over what it were if all items were alike.
    pub(crate) dispersion: f64,
    /// How far that is from 1, in standard deviations.
    pub(crate) z: f64,
    /// The probability of such a dispersion or a larger one by chance.
    pub(crate) p: f64,
    /// How unequal items are beyond chance: standard deviation over mean of their true popularity; 0
    /// if all are alike, 1 is a lot.
    pub(crate) unevenness: f64,
    /// Gini coefficient of the users of items: 0 if all have as many, near 1 if few have all.
    pub(crate) gini: f64,
    /// The same if all items were alike.
    pub(crate) gini_by_chance: f64,
    /// Share of pairs that belong to the hundredth of the items with most users.
    pub(crate) top_hundredth: f64,
    /// The same if all items were alike.
    pub(crate) top_hundredth_by_chance: f64,
    /// Share of pairs that belong to the tenth of the items with most users.
    pub(crate) top_tenth: f64,
    /// The same if all items were alike.
    pub(crate) top_tenth_by_chance: f64,
    /// Bits that knowing the popularity saves in naming an item: log2(items) − entropy, with the bias
    /// of few observations taken off (Miller & Madow 1955).
    pub(crate) bits: f64,
}

impl Popularity {
    /// `None` if no item has two users or there is but one item.
    pub(crate) fn of(pairs: &Pairs) -> Option<Self> {
        let mut counts: Vec<u32> = pairs
            .users_of_item
            .iter()
            .copied()
            .filter(|&c| c > 0)
            .collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let (items, sum) = (counts.len() as f64, pairs.len() as f64);
        if counts.len() < 2 || counts[0] < 2 {
            return None;
        }
        let mean = sum / items;
        let squares: f64 = counts.iter().map(|&c| (f64::from(c) - mean).powi(2)).sum();
        let rate = rate_of(mean);
        let catalog = sum / rate;
        // A user with d items of a catalog of C has each with probability d / C, without repeats.
        let squared_activity: f64 = (0..pairs.users())
            .map(|user| (pairs.items_of(user).len() as f64).powi(2))
            .sum();
        let without_repeats = (1.0 - squared_activity / (sum * catalog)).max(0.0);
        let seen = -exp_m1(-rate);
        let variance = (rate * without_repeats + rate * rate) / seen - mean * mean;
        let expected = items * variance;
        let spread = items * squares_variance(rate) * without_repeats.powi(2);
        if !(expected > 0.0 && spread > 0.0) {
            return None;
        }
        let freedom = 2.0 * expected * expected / spread;
        let ninth = 2.0 / (9.0 * freedom);
        let z = (powf(squares / expected, 1.0 / 3.0) - (1.0 - ninth)) / ninth.sqrt();
        let entropy: f64 = counts
            .iter()
            .map(|&c| f64::from(c) / sum)
            .map(|share| -share * ln(share))
            .sum();
        let bias = (items - 1.0) / (2.0 * sum);
        let like = |count| f64::from(count);
        let by_chance = spread_evenly(rate, counts.len());
        Some(Self {
            items: counts.len() as u64,
            mean,
            dispersion: squares / expected,
            z,
            p: normal_tail(z),
            unevenness: ((squares - expected).max(0.0) / items).sqrt() / mean,
            gini: gini(counts.iter().copied().map(like)),
            gini_by_chance: gini(by_chance.iter().copied()),
            top_hundredth: top(counts.iter().copied().map(like), 0.01),
            top_hundredth_by_chance: top(by_chance.iter().copied(), 0.01),
            top_tenth: top(counts.iter().copied().map(like), 0.1),
            top_tenth_by_chance: top(by_chance.iter().copied(), 0.1),
            bits: ((ln(items) - entropy - bias) / std::f64::consts::LN_2).max(0.0),
        })
    }
}

/// The rate of the Poisson distribution whose mean without its zero is `mean` > 1:
/// `rate / (1 − e^−rate) = mean`, by bisection.
fn rate_of(mean: f64) -> f64 {
    let (mut low, mut high) = (0.0, mean);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle / -exp_m1(-middle) < mean {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The variance that one item contributes to the sum of squares about the mean if the rate is
/// estimated from the mean: Var(x²) − Cov(x², x)² / Var(x), without zeros.
fn squares_variance(rate: f64) -> f64 {
    let seen = -exp_m1(-rate);
    let r = rate;
    let first = r / seen;
    let second = (r + r * r) / seen;
    let third = (r + 3.0 * r * r + r.powi(3)) / seen;
    let fourth = (r + 7.0 * r * r + 6.0 * r.powi(3) + r.powi(4)) / seen;
    let variance = second - first * first;
    let covariance = third - second * first;
    fourth - second * second - covariance * covariance / variance
}

/// The numbers of users that so many items have if all are alike: quantiles of the Poisson
/// distribution without its zero, descending.
fn spread_evenly(rate: f64, items: usize) -> Vec<f64> {
    let seen = -exp_m1(-rate);
    let (mut all, mut below, mut count) = (Vec::with_capacity(items), 0.0, 0.0);
    // The logarithm of a probability is free of underflow at large rates.
    let mut log = -rate - ln(seen);
    for place in 0..items {
        let wanted = (place as f64 + 0.5) / items as f64;
        while below < wanted && count < rate + 40.0 * rate.sqrt() + 40.0 {
            count += 1.0;
            log += ln(rate / count);
            below += exp(log);
        }
        all.push(count);
    }
    all.reverse();
    all
}

/// The Gini coefficient of counts in descending order.
pub(in super::super) fn gini(counts: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = counts.len() as f64;
    let (mut weighted, mut sum) = (0.0, 0.0);
    for (place, count) in counts.enumerate() {
        weighted += (n - place as f64) * count;
        sum += count;
    }
    if sum == 0.0 {
        0.0
    } else {
        ((2.0 * weighted / sum - (n + 1.0)) / n).max(0.0)
    }
}

/// The share that the first `part` of counts in descending order has, the item at the border in part.
pub(in super::super) fn top(counts: impl ExactSizeIterator<Item = f64>, part: f64) -> f64 {
    let places = counts.len() as f64 * part;
    let (mut above, mut sum) = (0.0, 0.0);
    for (place, count) in counts.enumerate() {
        above += count * (places - place as f64).clamp(0.0, 1.0);
        sum += count;
    }
    if sum == 0.0 { 0.0 } else { above / sum }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Plan, log};
    use super::{Pairs, Popularity, gini, rate_of, squares_variance, top};

    #[test]
    fn by_hand() {
        assert_eq!(gini([4.0, 4.0, 4.0].into_iter()), 0.0);
        assert!((gini([6.0, 0.0, 0.0].into_iter()) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(top([5.0, 3.0, 1.0, 1.0].into_iter(), 0.375), 0.65);
        // Without its zero, a Poisson distribution of rate 2 has the mean 2 / (1 - e^-2).
        assert!((rate_of(2.313_035_285_499_331) - 2.0).abs() < 1e-12);
        // Without truncation to speak of, 2 rate².
        assert!((squares_variance(40.0) / 3200.0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn alike_items_are_told_from_unlike_ones_in_sparse_and_dense_logs() {
        let plan = Plan {
            users: 150,
            items: 100,
            rows: 0,
            popularity: 0.0,
            taste: 0.0,
            activity: 0.6,
        };
        for (items, rows) in [(100, 150), (2000, 1500), (100, 1500), (60, 6000)] {
            for seed in 0..10 {
                let of = |popularity| {
                    let log = Plan {
                        items,
                        rows,
                        popularity,
                        ..plan
                    }
                    .log(seed);
                    Popularity::of(&Pairs::of(&log)).unwrap()
                };
                let (alike, unlike) = (of(0.0), of(0.9));
                assert!(alike.z.abs() < 3.5, "{items} {rows}: {alike:?}");
                assert!(
                    unlike.p < 1e-3 && unlike.unevenness > 0.5,
                    "{items} {rows}: {unlike:?}"
                );
                assert!(
                    (alike.gini - alike.gini_by_chance).abs() < 0.06,
                    "{alike:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_said_of_a_log_in_which_no_item_has_two_users() {
        let log = log(&[(0, 0, 0), (1, 1, 0), (2, 2, 0)]);
        assert_eq!(Popularity::of(&Pairs::of(&log)), None);
    }
}
