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
mod unpaired;

pub(crate) use bootstrap::bootstrap;
pub(crate) use chance::{detectable, p_chance};
#[cfg(test)]
pub(crate) use interval::IntervalMethod;
pub(crate) use interval::{Estimate, bca, informative, of_differences, wilson};
pub(crate) use letters::letters;
pub(crate) use multiplicity::Correction;
pub(crate) use paired::{Difference, Method, Pairs};
pub(crate) use unpaired::{Unpaired, unpaired};

/// Fewer users than this with another value than the usual one say nothing about a mean, and fewer
/// that differ say nothing about a difference (protocol P22, P27).
pub(crate) const INFORMATIVE: usize = 10;

/// The level of all decisions.
pub(crate) const LEVEL: f64 = 0.05;

/// What two values that are nearer than this share of their size differ by is rounding.
const ROUNDING: f64 = 1e-12;

/// The first less the second; 0 if they are equal up to the last bits.
///
/// A user's value is a mean over seeds and periods, so the same values in another order differ in the
/// last bits. Such a user differs from nobody, and is no win and no loss.
pub(crate) fn apart(a: f64, b: f64) -> f64 {
    let difference = a - b;
    if difference.abs() <= ROUNDING * a.abs().max(b.abs()) {
        0.0
    } else {
        difference
    }
}

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
    use super::{apart, mean_sd, quantile};

    #[test]
    fn rounding_is_no_difference_and_small_values_are() {
        let (a, b) = ((0.1 + 0.2 + 0.3) / 3.0, (0.3 + 0.2 + 0.1) / 3.0);
        assert_ne!(a, b);
        assert_eq!(
            (apart(a, b), apart(-a, -b), apart(0.0, 0.0)),
            (0.0, 0.0, 0.0)
        );
        assert_eq!(apart(3e-9, 1e-9), 3e-9 - 1e-9);
        assert_eq!((apart(1e-15, 0.0), apart(0.0, 1e-15)), (1e-15, -1e-15));
    }

    #[test]
    fn small_statistics_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 1.0), 4.0);
        assert_eq!(mean_sd(&[1.0, 2.0, 3.0]), (2.0, 1.0));
    }
}
