//! What random rankings explain.

use super::normal;

/// The probability that a random ranking does at least as well: `(1 + #{null ≥ value}) / (1 + n)`,
/// Phipson & Smyth 2010. `null` is ascending.
pub(crate) fn p_chance(value: f64, null: &[f64]) -> f64 {
    // A mean that equals a drawn one up to the last bits is equal.
    let tolerance = 1e-12 * value.abs();
    let below = null.partition_point(|&n| n < value - tolerance);
    (1 + null.len() - below) as f64 / (1 + null.len()) as f64
}

/// How many standard errors an effect must have to be shown with a power of 80 % by a test of the
/// given one-sided level: `z(1 - level) + z(.8)`, which is 2.49 for 5 % and 2.80 for 2.5 %.
///
/// Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988.
pub(crate) fn detectable(one_sided_level: f64) -> f64 {
    normal::quantile(1.0 - one_sided_level) + normal::quantile(0.8)
}

#[cfg(test)]
mod tests {
    use super::{detectable, p_chance};

    #[test]
    fn p_counts_the_value_itself() {
        assert_eq!(p_chance(0.5, &[0.1, 0.5, 0.9]), 0.75);
        assert_eq!(p_chance(2.0, &[0.1, 0.5, 0.9]), 0.25);
    }

    #[test]
    fn the_multiples_of_the_standard_error_are_the_textbook_ones() {
        // scipy 1.17.1: norm.ppf(.95) + norm.ppf(.8), norm.ppf(.975) + norm.ppf(.8)
        assert!((detectable(0.05) - 2.486_474_860_524_387).abs() < 1e-9);
        assert!((detectable(0.025) - 2.801_585_218_112_968).abs() < 1e-9);
    }
}
