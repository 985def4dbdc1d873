//! Tails of distributions.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// The probability that Student's t is above.
pub(super) fn t_tail(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |s| s.sf(t))
}

/// The probability that a standard normal value is above.
pub(super) fn normal_tail(z: f64) -> f64 {
    Normal::standard().sf(z)
}
