//! The normal and Student's t distribution, from `statrs`.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The probability that a standard normal value is below.
pub(super) fn below(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The standard normal value that is exceeded with probability `1 - p`.
pub(super) fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The two-sided p-value of Student's t.
pub(super) fn two_sided_t(t: f64, freedom: f64) -> f64 {
    student(freedom).map_or(f64::NAN, |s| (2.0 * s.sf(t.abs())).min(1.0))
}

/// The quantile of Student's t.
pub(super) fn t_quantile(p: f64, freedom: f64) -> f64 {
    student(freedom).map_or(f64::NAN, |s| s.inverse_cdf(p))
}

fn student(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom).ok()
}

#[cfg(test)]
mod tests {
    use super::{below, quantile, t_quantile, two_sided_t};

    #[test]
    fn values_are_those_of_scipy() {
        // scipy 1.17.1: norm.cdf(1.5), norm.ppf(.975), norm.ppf(.8), t.ppf(.975, 9),
        // 2 * t.sf(2.5, 30), 2 * t.sf(6, 150000)
        for (got, expected) in [
            (below(1.5), 0.933_192_798_731_141_9),
            (quantile(0.975), 1.959_963_984_540_054),
            (quantile(0.8), 0.841_621_233_572_914_3),
            (t_quantile(0.975, 9.0), 2.262_157_162_798_205),
            (two_sided_t(2.5, 30.0), 0.018_115_649_068_066_7),
            (two_sided_t(-6.0, 150_000.0), 1.977_675_858e-9),
        ] {
            assert!((got - expected).abs() < 1e-8 * expected, "{got} {expected}");
        }
    }
}
