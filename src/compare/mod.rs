//! Statistics over per-user values: intervals, differences, and what chance explains.
//!
//! Nothing here knows of stores or reports: tables of numbers in (a row a user, a column a variant or
//! a metric), numbers out. All that is drawn has a seed and is the same for any number of threads.

mod bootstrap;
mod chance;
mod interval;
mod letters;
mod multiplicity;
mod normal;
mod paired;
mod resample;

pub(crate) use bootstrap::bootstrap;
pub(crate) use chance::{detectable, p_chance};
pub(crate) use interval::{Estimate, bca, informative, of_differences, wilson};
pub(crate) use letters::letters;
pub(crate) use multiplicity::Correction;
pub(crate) use paired::{Difference, Method, Pairs};

/// Fewer users than this with another value than the usual one say nothing about a mean, and fewer
/// that differ say nothing about a difference (protocol P22, P27).
pub(crate) const INFORMATIVE: usize = 10;

/// The level of all decisions.
pub(crate) const LEVEL: f64 = 0.05;

/// Mean and standard deviation (n − 1).
pub(crate) fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// The quantile of ascending values by linear interpolation (type 7 of Hyndman & Fan 1996).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = sorted[at.floor() as usize];
    let above = sorted[at.ceil() as usize];
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::{mean_sd, quantile};

    #[test]
    fn small_statistics_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 1.0), 4.0);
        assert_eq!(mean_sd(&[1.0, 2.0, 3.0]), (2.0, 1.0));
    }
}
