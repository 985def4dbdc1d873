//! Statistics over per-user values: intervals, differences, and what chance explains.

use musicrec_api::{derive_seed, rng};
use ndarray::Array2;
use rand::RngExt as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A mean with its 95 % percentile bootstrap interval over users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The means of `resamples` bootstrap samples of users, for every column of `values` (users ×
/// columns) at once: all columns share the samples, so differences of columns are paired.
///
/// Efron & Tibshirani, An Introduction to the Bootstrap, 1993. Each sample has its own seed, so the
/// result does not depend on the number of threads.
pub(crate) fn bootstrap(values: &Array2<f64>, resamples: usize, seed: u64) -> Vec<Vec<f64>> {
    let (users, columns) = values.dim();
    let values = values.as_standard_layout();
    let rows = values.as_slice().expect("standard layout is contiguous");
    let means: Vec<Vec<f64>> = (0..resamples)
        .into_par_iter()
        .map(|sample| {
            let mut random = rng(derive_seed(seed, &sample.to_string()));
            let mut sums = vec![0.0; columns];
            for _ in 0..users {
                let user = random.random_range(0..users);
                for (sum, value) in sums.iter_mut().zip(&rows[user * columns..]) {
                    *sum += value;
                }
            }
            sums.iter().map(|sum| sum / users as f64).collect()
        })
        .collect();
    (0..columns)
        .map(|column| means.iter().map(|m| m[column]).collect())
        .collect()
}

/// A value with the central 95 % of its bootstrap distribution.
pub(crate) fn estimate(value: f64, mut samples: Vec<f64>) -> Estimate {
    samples.sort_by(f64::total_cmp);
    Estimate {
        value,
        low: quantile(&samples, 0.025),
        high: quantile(&samples, 0.975),
    }
}

/// The quantile of ascending values by linear interpolation (type 7 of Hyndman & Fan 1996).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (above - below) * at.fract()
}

/// The probability that a random ranking does at least as well: `(1 + #{null ≥ value}) / (1 + n)`,
/// Phipson & Smyth 2010. `null` is ascending.
pub(crate) fn p_chance(value: f64, null: &[f64]) -> f64 {
    // A mean that equals a drawn one up to the last bits is equal.
    let tolerance = 1e-12 * value.abs();
    let below = null.partition_point(|&n| n < value - tolerance);
    (1 + null.len() - below) as f64 / (1 + null.len()) as f64
}

/// Holm's step-down adjustment of a family of p-values, in the order given. Holm 1979.
pub(crate) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (place, &at) in order.iter().enumerate() {
        least = least.max(p[at] * (p.len() - place) as f64).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

/// Mean and standard deviation (n − 1).
pub(crate) fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{bootstrap, estimate, holm, mean_sd, p_chance, quantile};

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_for_many_users() {
        // 400 users, half 0 and half 1: standard error .5 / 20 = .025, so .5 ± 1.96 × .025.
        let values = Array2::from_shape_fn((400, 1), |(user, _)| f64::from(user % 2 == 0));
        let samples = bootstrap(&values, 4_000, 1).remove(0);
        let estimate = estimate(0.5, samples);
        assert!((estimate.low - 0.451).abs() < 0.004, "{estimate:?}");
        assert!((estimate.high - 0.549).abs() < 0.004, "{estimate:?}");
    }

    #[test]
    fn columns_share_their_samples() {
        let values = Array2::from_shape_fn((50, 2), |(user, column)| (user + 7 * column) as f64);
        let samples = bootstrap(&values, 20, 3);
        for (a, b) in samples[0].iter().zip(&samples[1]) {
            assert!((b - a - 7.0).abs() < 1e-9);
        }
    }

    #[test]
    fn small_statistics_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.5);
        assert_eq!(p_chance(0.5, &[0.1, 0.5, 0.9]), 0.75);
        assert_eq!(p_chance(2.0, &[0.1, 0.5, 0.9]), 0.25);
        // Textbook example of Holm: .01, .04, .03 → .03, .06, .06.
        let adjusted = holm(&[0.01, 0.04, 0.03]);
        for (got, expected) in adjusted.iter().zip([0.03, 0.06, 0.06]) {
            assert!((got - expected).abs() < 1e-12);
        }
        let (mean, sd) = mean_sd(&[1.0, 2.0, 3.0]);
        assert_eq!((mean, sd), (2.0, 1.0));
    }
}
