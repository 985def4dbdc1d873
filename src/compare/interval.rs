//! 95 % intervals of means over users.
//!
//! Which bootstrap interval is used for what was decided by simulation (`benches/statistics.rs`;
//! figures in `src/README.md`). Values of a variant are mostly 0 and skewed, where `BCa` covers best;
//! differences of two variants are mostly 0 and nearly symmetric, where `BCa` and the percentile
//! interval take chance for skewness and the symmetric interval covers best.

use musicrec_api::arithmetic;
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{INFORMATIVE, apart, normal, quantile};

/// A mean with its 95 % interval over users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// None where too few users have anything but the usual value: a bootstrap of 3 hits knows
    /// nothing of the next 3.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) interval: IntervalMethod,
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntervalMethod {
    /// Bias-corrected and accelerated bootstrap over users.
    Bca,
    /// Symmetric bootstrap over users, of a difference.
    Symmetric,
    /// Wilson's score interval of a share.
    Wilson,
    /// There is none: fewer than [`INFORMATIVE`] users say anything.
    None,
}

impl Estimate {
    /// A value without an interval.
    pub(crate) fn point(value: f64) -> Self {
        Self {
            value,
            low: None,
            high: None,
            interval: IntervalMethod::None,
        }
    }

    /// Both ends, if there is an interval.
    pub(crate) fn ends(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// The bias-corrected and accelerated bootstrap interval of the mean of `column`, whose bootstrap
/// means are given in any order; without ends if fewer than [`INFORMATIVE`] users are [`informative`].
///
/// Efron, Better Bootstrap Confidence Intervals, JASA 1987. The acceleration of a mean is
/// `Σd³ / 6(Σd²)^1.5` with the deviations d from it, as the jackknife gives.
pub(crate) fn bca(
    value: f64,
    informative: f64,
    column: &ArrayView1<f64>,
    mut samples: Vec<f64>,
) -> Estimate {
    if informative < INFORMATIVE as f64 || samples.is_empty() {
        return Estimate::point(value);
    }
    samples.sort_by(f64::total_cmp);
    let mean = column.sum() / column.len() as f64;
    // A sample's mean that equals the mean up to the last bits is equal, and counts half.
    let tolerance = 1e-12 * mean.abs();
    let below = samples.partition_point(|s| *s < mean - tolerance);
    let not_above = samples.partition_point(|s| *s <= mean + tolerance);
    let n = samples.len() as f64;
    let share = (below + not_above) as f64 / (2.0 * n);
    let bias = normal::quantile(share.clamp(1.0 / (n + 1.0), n / (n + 1.0)));
    let power = |e: i32| column.iter().map(|v| (v - mean).powi(e)).sum::<f64>();
    let acceleration = power(3) / (6.0 * arithmetic::powf(power(2), 1.5));
    let end = |z: f64| {
        let z = bias + z;
        let share = normal::below(bias + z / (1.0 - acceleration * z));
        quantile(&samples, share)
    };
    let z = normal::quantile(0.975);
    Estimate {
        value,
        low: Some(end(-z)),
        high: Some(end(z)),
        interval: IntervalMethod::Bca,
    }
}

/// How many users have another value than the most common one: the mean over seeds, of which each is
/// a column. More seeds do not make more users.
pub(crate) fn informative(seeds: &ArrayView2<f64>) -> f64 {
    let of = |column: ArrayView1<f64>| {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted
            .chunk_by(|a, b| apart(*a, *b) == 0.0)
            .map(<[f64]>::len)
            .max();
        sorted.len() - usual.unwrap_or(0)
    };
    let total: usize = seeds.columns().into_iter().map(of).sum();
    total as f64 / seeds.ncols().max(1) as f64
}

/// Wilson's score interval of a share of `users`, for values that are all 0 or 1. It holds for few
/// hits too. For a mean over seeds or periods of such values it would be too wide: with the same
/// mean, nothing from 0 to 1 varies as much as 0 and 1 do.
///
/// Wilson, Probable Inference, JASA 1927; Brown, Cai & `DasGupta`, Statistical Science 2001.
pub(crate) fn wilson(share: f64, users: usize) -> Estimate {
    if users == 0 {
        return Estimate::point(share);
    }
    let n = users as f64;
    let z = normal::quantile(0.975);
    let weight = 1.0 + z * z / n;
    let middle = (share + z * z / (2.0 * n)) / weight;
    let half = z / weight
        * (share * (1.0 - share) / n + z * z / (4.0 * n * n))
            .max(0.0)
            .sqrt();
    Estimate {
        value: share,
        low: Some((middle - half).max(0.0)),
        high: Some((middle + half).min(1.0)),
        interval: IntervalMethod::Wilson,
    }
}

/// The mean of paired differences, `own` less `base` of each user, with its symmetric interval;
/// without one if fewer than [`INFORMATIVE`] of them are not 0.
pub(crate) fn of_differences(
    own: &ArrayView1<f64>,
    base: &ArrayView1<f64>,
    samples: impl Iterator<Item = f64>,
) -> Estimate {
    let both = own.into_iter().zip(base);
    let differences: Vec<f64> = both.map(|(own, base)| apart(*own, *base)).collect();
    let users = differences.len();
    let value = differences.iter().sum::<f64>() / users as f64;
    if differences.iter().filter(|d| **d != 0.0).count() < INFORMATIVE {
        return Estimate::point(value);
    }
    let half = symmetric(value, samples, users);
    Estimate {
        value,
        low: Some(value - half),
        high: Some(value + half),
        interval: IntervalMethod::Symmetric,
    }
}

/// Half the width of the symmetric bootstrap interval of a mean difference over `users`, whose
/// bootstrap means are given: 95 % of them are nearer to it.
///
/// Hall, On Symmetric Bootstrap Confidence Intervals, JRSS B 1988, for the mean itself; widened for
/// small samples by `t / z · √(n / (n − 1))`: Hesterberg, What Teachers Should Know About the
/// Bootstrap, The American Statistician 2015, section 5.
pub(super) fn symmetric(mean: f64, samples: impl Iterator<Item = f64>, users: usize) -> f64 {
    let mut away: Vec<f64> = samples.map(|s| (s - mean).abs()).collect();
    away.sort_by(f64::total_cmp);
    let n = users as f64;
    let wider =
        normal::t_quantile(0.975, n - 1.0) / normal::quantile(0.975) * (n / (n - 1.0)).sqrt();
    quantile(&away, 0.95) * wider
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{IntervalMethod, bca, informative, of_differences, symmetric, wilson};
    use crate::compare::bootstrap;

    /// The first `ones` of `users` users have the value 1.
    fn hits(users: usize, ones: usize) -> Array2<f64> {
        Array2::from_shape_fn((users, 1), |(user, _)| f64::from(user < ones))
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_for_many_users() {
        // 400 users, half 0 and half 1: standard error .5 / 20 = .025, so .5 ± 1.96 × .025.
        let values = hits(400, 200);
        let samples = bootstrap(&values, 4_000, 1).remove(0);
        let estimate = bca(0.5, 200.0, &values.column(0), samples);
        assert_eq!(estimate.interval, IntervalMethod::Bca);
        let (low, high) = estimate.ends().expect("an interval");
        assert!(
            (low - 0.451).abs() < 0.004 && (high - 0.549).abs() < 0.004,
            "{estimate:?}"
        );
    }

    #[test]
    fn skewed_values_get_the_interval_of_scipy() {
        // scipy 1.17.1: stats.bootstrap((x,), np.mean, n_resamples=200000, method="BCa") of
        // x = [0]*40 + [1]*4 + [.63]*4 + [.5]*4 + [.3]*3
        let mut x = vec![0.0; 40];
        x.extend(
            [1.0; 4]
                .iter()
                .chain(&[0.63; 4])
                .chain(&[0.5; 4])
                .chain(&[0.3; 3]),
        );
        let values = Array2::from_shape_vec((x.len(), 1), x).expect("a column");
        let mean = values.sum() / 55.0;
        let samples = bootstrap(&values, 100_000, 1).remove(0);
        let (low, high) = bca(mean, 15.0, &values.column(0), samples)
            .ends()
            .expect("an interval");
        assert!(
            (low - SCIPY.0).abs() < 0.002 && (high - SCIPY.1).abs() < 0.002,
            "{low} {high}"
        );
    }

    const SCIPY: (f64, f64) = (0.101_636, 0.268_182);

    #[test]
    fn few_hits_have_no_interval_but_a_share() {
        let values = hits(100, 9);
        let estimate = bca(
            0.09,
            informative(&values.view()),
            &values.column(0),
            vec![0.09; 100],
        );
        assert_eq!((estimate.ends(), estimate.value), (None, 0.09));
        // As few who miss are as bad.
        assert_eq!(informative(&hits(100, 91).view()), 9.0);
        // Other users with each seed are not more users.
        let seeds = Array2::from_shape_fn((100, 5), |(user, seed)| f64::from(user / 10 == seed));
        assert_eq!(informative(&seeds.view()), 10.0);
        assert_eq!(informative(&hits(100, 10).view()), 10.0);
        assert_eq!(informative(&hits(0, 0).view()), 0.0);
    }

    #[test]
    fn the_same_seeds_in_another_order_are_no_difference() {
        let seeds = |order: [f64; 3]| (order[0] + order[1] + order[2]) / 3.0;
        let (own, base) = (seeds([0.1, 0.2, 0.3]), seeds([0.3, 0.2, 0.1]));
        assert_ne!(own, base);
        let column = |value: f64| Array2::from_elem((20, 1), value);
        let (own, base) = (column(own), column(base));
        let none = of_differences(&own.column(0), &base.column(0), [0.0; 100].into_iter());
        assert_eq!((none.value, none.ends()), (0.0, None));
        // Nor are they another value than the usual one.
        let mixed = Array2::from_shape_fn((20, 1), |at| if at.0 < 10 { own[at] } else { base[at] });
        assert_eq!(informative(&mixed.view()), 0.0);
        let real = of_differences(
            &own.column(0),
            &column(0.1).column(0),
            [0.1; 100].into_iter(),
        );
        assert!(real.ends().is_some() && (real.value - 0.1).abs() < 1e-12);
    }

    #[test]
    fn shares_have_the_interval_of_statsmodels() {
        // statsmodels: proportion_confint(count, nobs, method="wilson")
        for (count, users, low, high) in WILSON {
            let estimate = wilson(f64::from(count) / f64::from(users), users as usize);
            let (l, h) = estimate.ends().expect("an interval");
            assert!(
                (l - low).abs() < 1e-9 && (h - high).abs() < 1e-9,
                "{count} of {users}: {l} {h}"
            );
        }
    }

    const WILSON: [(u32, u32, f64, f64); 4] = [
        (0, 186, 0.0, 0.020_235_089_029_327),
        (6, 186, 0.014_866_376_054_114, 0.068_579_352_392_676),
        (51, 552, 0.070_970_653_138_58, 0.119_445_979_412_101),
        (40, 40, 0.912_378_398_802_713, 1.0),
    ];

    #[test]
    fn the_symmetric_interval_of_many_is_the_normal_one_and_of_few_is_wider() {
        let samples: Vec<f64> = (0..10_001)
            .map(|i| f64::from(i - 5_000) / 5_000.0)
            .collect();
        let half = |users| symmetric(0.0, samples.iter().copied(), users);
        assert!((half(1_000_000) - 0.95).abs() < 1e-4);
        // t.ppf(.975, 9) / norm.ppf(.975) * sqrt(10 / 9) = 1.2166
        assert!((half(10) - 0.95 * 1.216_6).abs() < 1e-3);
    }
}
